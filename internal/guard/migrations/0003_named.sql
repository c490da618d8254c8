-- +goose Up
-- An audience may name single persons: TLP:RED goes to nobody else.
create table guard_audience_person (
  person_id   bigint not null references guard_person (id),
  audience_id bigint not null references guard_audience (id),
  primary key (person_id, audience_id)
);
create index guard_audience_person_audience on guard_audience_person (audience_id);
