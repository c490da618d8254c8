-- +goose Up
-- Whom the duty officer calls: about a clock, or about a question that nobody answered.
create table incident_owed_call (
  id          bigint  not null primary key,
  clock_id    bigint  not null, -- 0: about a question
  question_id bigint  not null, -- the entry, 0: about a clock
  incident_id bigint  not null references incident (id),
  org_id      bigint  not null,
  due_at      bigint  not null, -- the time that was owed
  state       text    not null, -- open | reached | given-up
  opened_at   bigint  not null,
  changed_at  bigint  not null,
  exercise    boolean not null,
  version     bigint  not null
);
create index incident_owed_call_state on incident_owed_call (state, id);
create index incident_owed_call_about on incident_owed_call (clock_id, question_id);
create table incident_owed_call_try (
  id      bigint not null primary key,
  call_id bigint not null references incident_owed_call (id),
  at      bigint not null, -- of the call
  outcome text   not null,
  spoke   text   not null,
  phone   text   not null,
  note    text   not null,
  by_id   text   not null
);
create index incident_owed_call_try_call on incident_owed_call_try (call_id, id);
insert into incident_owed_call (id, clock_id, question_id, incident_id, org_id, due_at, state, opened_at, changed_at, exercise, version)
  select l.id, l.clock_id, 0, k.incident_id, l.org_id, k.warn_at, l.state, l.opened_at, l.changed_at, l.exercise, l.version
  from incident_call l join incident_clock k on k.id = l.clock_id;
insert into incident_owed_call_try (id, call_id, at, outcome, spoke, phone, note, by_id)
  select id, call_id, at, outcome, spoke, phone, note, by_id from incident_call_try;
drop table incident_call_try;
drop table incident_call;

-- Who was reminded of what is owed, each once: a time that moved begins anew.
create table incident_told (
  clock_id    bigint not null, -- 0: of a question
  question_id bigint not null,
  due_at      bigint not null, -- the time that was owed
  person_id   bigint not null, -- 0: the organisation, whoever it is there
  at          bigint not null,
  primary key (clock_id, question_id, due_at, person_id)
);
insert into incident_told (clock_id, question_id, due_at, person_id, at)
  select k.id, 0, k.warn_at, 0, max(e.recorded_at) from incident_entry e join incident_clock k on k.id = e.source_id and k.incident_id = e.incident_id
  where e.source = 'machine' and k.warn_at > 0 group by k.id, k.warn_at;

alter table incident_task add column remind_at bigint not null default 0; -- when a question that nobody answered is looked at, 0 never
update incident_task set remind_at = due_at where kind = 'question' and state = 'asked';
create index incident_task_remind on incident_task (state, remind_at);
