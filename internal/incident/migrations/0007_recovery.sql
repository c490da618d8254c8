-- +goose Up
-- A service that an incident hits. It is seen by whoever sees the entry that named it.
create table incident_service (
  id          bigint  not null primary key,
  incident_id bigint  not null references incident (id),
  entry_id    bigint  not null references incident_entry (id),
  org_id      bigint  not null references guard_organisation (id), -- whose service
  name        text    not null,
  people      bigint  not null, -- who depend on it, 0: not known
  depends     text    not null, -- ids of services that it needs, blank-separated
  state       text    not null, -- down | degraded | workaround | restored | verified
  quality     bigint  not null, -- percent that works
  signed_at   bigint  not null, -- 0: the desk has not signed off
  signed_by   text    not null,
  version     bigint  not null
);
create index incident_service_incident on incident_service (incident_id, id);

-- Its state over time; each change is an entry.
create table incident_service_state (
  entry_id   bigint not null primary key references incident_entry (id),
  service_id bigint not null references incident_service (id),
  state      text   not null,
  quality    bigint not null,
  at         bigint not null -- from when
);
create index incident_service_state_service on incident_service_state (service_id, at, entry_id);

-- What participants ask of each other: people, pumps, bandwidth.
create table incident_resource (
  entry_id    bigint not null primary key references incident_entry (id), -- that asked
  incident_id bigint not null references incident (id),
  asked_by    bigint not null,
  given_by    bigint not null, -- 0: nobody yet
  state       text   not null, -- asked | offered | accepted | delivered | declined
  changed_at  bigint not null,
  version     bigint not null
);
create index incident_resource_incident on incident_resource (incident_id, state);

-- What was learned, with an action that is tracked across incidents.
create table incident_lesson (
  id           bigint  not null primary key,
  incident_id  bigint  not null references incident (id),
  text         text    not null,
  action       text    not null,
  org_id       bigint  not null, -- who owes the action
  due_at       bigint  not null, -- 0: no time
  state        text    not null, -- open | done | dropped
  result       text    not null,
  peer_text    text    not null, -- a version for peers, empty: none
  peer_marking text    not null,
  exercise     boolean not null,
  added_at     bigint  not null,
  added_by     text    not null,
  version      bigint  not null
);
create index incident_lesson_state on incident_lesson (state, id);
create index incident_lesson_incident on incident_lesson (incident_id, id);
