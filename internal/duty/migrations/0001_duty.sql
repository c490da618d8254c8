-- +goose Up
create table duty_shift (
  id        bigint  not null primary key,
  role      text    not null, -- duty-officer | deputy
  person_id bigint  not null references guard_person (id),
  begins_at bigint  not null,
  ends_at   bigint  not null,
  removed   boolean not null,
  version   bigint  not null,
  added_at  bigint  not null,
  added_by  text    not null
);
create index duty_shift_ends on duty_shift (ends_at, begins_at);

-- What one shift tells the next. Nobody changes a note; one writes another.
create table duty_handover (
  id         bigint not null primary key,
  shift_id   bigint not null, -- 0 when it was written outside any shift
  written_by text   not null, -- actor
  written_at bigint not null,
  body       text   not null,
  taken_by   text   not null, -- actor, empty while nobody took over
  taken_at   bigint not null
);
create index duty_handover_taken on duty_handover (taken_at, id);

-- The duty officer's own list of whom to call, in order.
create table duty_call (
  id        bigint not null primary key,
  person_id bigint not null unique references guard_person (id),
  position  bigint not null,
  note      text   not null,
  added_at  bigint not null
);
