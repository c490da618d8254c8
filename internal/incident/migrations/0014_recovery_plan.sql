-- +goose Up
-- When a service is expected back, as it was told with a state; 0: nothing was told.
alter table incident_service_state add column expected_at bigint not null default 0;

-- How a service fares follows from its states that a reader sees; it is kept only there.
alter table incident_service drop column state;
alter table incident_service drop column quality;
alter table incident_service drop column version;

-- Tasks that are milestones of a recovery; what is owed and when it is done is the
-- task's.
create table incident_milestone (
  entry_id   bigint not null primary key references incident_entry (id),
  service_id bigint not null -- 0: of the whole incident
);

-- When milestones were due before they were moved.
create table incident_milestone_move (
  entry_id  bigint not null references incident_entry (id),
  at        bigint not null,
  act_order bigint not null,
  by_id     text   not null,
  due_was   bigint not null,
  due_now   bigint not null,
  reason    text   not null,
  primary key (entry_id, act_order)
);
