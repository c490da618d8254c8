-- +goose Up
-- A question and a dispute wait for the desk until somebody has dealt with them.
alter table warn_answer add column settled_at bigint not null default 0;
alter table warn_answer add column settled_by text   not null default '';
alter table warn_answer add column settled    text   not null default ''; -- what came of it
create index warn_answer_open on warn_answer (settled_at, what, id);
