-- +goose Up
-- What the board says of notices and answers. One row for each notice that left and
-- asks for an answer, and each sector of its organisation at that time: the list
-- behind a figure. Exercises and files for machines are not in it.
create table warn_timing (
  notice_id   bigint  not null,
  sector      text    not null, -- '' for organisations without one
  first       boolean not null, -- the notice's first row: each notice has one
  org_id      bigint  not null,
  sent_at     bigint  not null,
  answered_at bigint  not null, -- of the first answer, 0 none
  minutes     bigint  not null, -- upper bound of the time to it, 0 none
  strength    text    not null, -- of the first answer
  asked       bigint  not null, -- minutes within which an answer was asked for, 0 none
  in_time     boolean not null,
  primary key (notice_id, sector)
);
create index warn_timing_sector on warn_timing (sector, sent_at, notice_id, strength);
create index warn_timing_sent on warn_timing (first, sent_at, notice_id, strength);
create index warn_timing_answered on warn_timing (first, answered_at, notice_id);

-- The same, counted: by quarter of the sending and sector, and by week for all.
create table warn_figure (
  span     text   not null, -- quarter | week
  begins   bigint not null,
  sector   text   not null, -- '*' all notices, '' organisations without a sector
  what     text   not null, -- sent | asked | answered | in-time
  strength text   not null,
  minutes  bigint not null,
  n        bigint not null,
  primary key (span, begins, sector, what, strength, minutes)
);
