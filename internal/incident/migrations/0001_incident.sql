-- +goose Up
create table incident (
  id           bigint  not null primary key,
  state        text    not null, -- open | resolved | abandoned
  title        text    not null,
  class        text    not null, -- RSIT type, empty: not yet known
  severity     text    not null, -- critical | high | medium | low
  marking      text    not null, -- of title and head
  lead_org     bigint  not null references guard_organisation (id),
  offered_org  bigint  not null, -- to whom the lead is offered, 0 nobody
  countries    text    not null, -- ISO 3166 codes of states affected, blank-separated
  exercise     boolean not null,
  opened_at    bigint  not null,
  opened_by    text    not null,
  changed_at   bigint  not null,
  closed_at    bigint  not null, -- 0 while open
  resolution   text    not null, -- how it ended
  merged_into  bigint  not null, -- 0: stands for itself
  split_from   bigint  not null, -- 0: opened by itself
  imported     text    not null, -- where it comes from, with its number there; empty: opened here
  version      bigint  not null
);
create index incident_state on incident (state, id);
create index incident_lead on incident (lead_org, state, id);
create index incident_severity on incident (severity, state, id);
create index incident_merged on incident (merged_into, id);
create unique index incident_imported on incident (imported) where imported <> '';

-- Who takes part: a whole organisation, or one person of it.
create table incident_participant (
  id          bigint  not null primary key,
  incident_id bigint  not null references incident (id),
  org_id      bigint  not null references guard_organisation (id),
  person_id   bigint  not null, -- 0: whoever of the organisation
  role        text    not null,
  tell        text    not null, -- mail | portal: how they hear of news
  why         text    not null,
  added_at    bigint  not null,
  added_by    text    not null,
  removed_at  bigint  not null, -- 0 while they take part
  removed_by  text    not null
);
create index incident_participant_incident on incident_participant (incident_id, removed_at, org_id);
create index incident_participant_org on incident_participant (org_id, removed_at, incident_id);

create table incident_entry (
  id          bigint  not null primary key,
  incident_id bigint  not null references incident (id),
  kind        text    not null, -- note | observable | task | file | decision | call | status | question | measure
  owner_org   bigint  not null references guard_organisation (id), -- whose word it is; only it widens the audience
  author      text    not null, -- the actor
  by_name     text    not null, -- who said it, where that is somebody else: on the phone, by mail
  marking     text    not null,
  audience_id bigint  not null references guard_audience (id),
  at          bigint  not null, -- when it happened or was said
  recorded_at bigint  not null,
  text        text    not null,
  reply_to    bigint  not null, -- an entry, 0 none
  source      text    not null, -- desk | portal | mail | call | report | import | machine
  source_id   bigint  not null, -- the mail or report it was read from, 0 none
  exercise    boolean not null,
  version     bigint  not null,
  changed_at  bigint  not null,
  retracted_at bigint not null, -- 0 while it stands
  retracted    text   not null, -- why it was taken back
  act_order   bigint  not null
);
create index incident_entry_incident on incident_entry (incident_id, at, id);
create index incident_entry_kind on incident_entry (incident_id, kind, id);
create index incident_entry_source on incident_entry (source, source_id);

-- What an entry said before it was changed.
create table incident_entry_version (
  entry_id   bigint not null references incident_entry (id),
  version    bigint not null,
  text       text   not null,
  marking    text   not null,
  audience_id bigint not null,
  by_id      text   not null, -- who replaced it
  at         bigint not null, -- when it was replaced
  primary key (entry_id, version)
);

create table incident_seen (
  entry_id  bigint not null references incident_entry (id),
  org_id    bigint not null,
  person_id bigint not null,
  at        bigint not null, -- first time
  primary key (entry_id, org_id, person_id)
);

create table incident_observable (
  id          bigint not null primary key,
  entry_id    bigint not null references incident_entry (id),
  incident_id bigint not null references incident (id),
  kind        text   not null, -- observable.Kind
  value       text   not null, -- canonical
  link_key    text   not null -- the same for the same thing, whatever its spelling
);
create index incident_observable_entry on incident_observable (entry_id, id);
create index incident_observable_incident on incident_observable (incident_id, id);
create index incident_observable_key on incident_observable (link_key, incident_id);

create table incident_file (
  id       bigint not null primary key,
  entry_id bigint not null references incident_entry (id),
  blob     text   not null,
  name     text   not null, -- as shown: control characters replaced
  type     text   not null, -- as sniffed, not as claimed
  size     bigint not null
);
create index incident_file_entry on incident_file (entry_id, id);
create index incident_file_blob on incident_file (blob);

-- What has a state of its own: tasks, questions to a participant, countermeasures.
create table incident_task (
  entry_id     bigint not null primary key references incident_entry (id),
  incident_id  bigint not null references incident (id),
  kind         text   not null, -- task | question | measure
  org_id       bigint not null, -- who owes it, 0 nobody yet
  person_id    bigint not null, -- 0: whoever of the organisation
  due_at       bigint not null, -- 0: no time
  state        text   not null,
  depends      text   not null, -- entry ids, blank-separated
  playbook     text   not null, -- the playbook's id and step it comes from, empty: none
  place        bigint not null, -- order in a checklist
  done_at      bigint not null,
  done_by      text   not null,
  result       text   not null, -- what came of it
  answer_entry bigint not null, -- of a question: the entry that answers it
  version      bigint not null
);
create index incident_task_incident on incident_task (incident_id, state, due_at);
create index incident_task_due on incident_task (state, due_at);
create index incident_task_org on incident_task (org_id, state, due_at);

-- Entries that went from one incident to another when it was split.
create table incident_move (
  entry_id  bigint not null references incident_entry (id),
  act_order bigint not null,
  from_id   bigint not null,
  to_id     bigint not null,
  undone_at bigint not null, -- 0 while it stands
  primary key (entry_id, act_order)
);
create index incident_move_to on incident_move (to_id, undone_at);

create table incident_merge (
  id        bigint not null primary key,
  from_id   bigint not null references incident (id),
  into_id   bigint not null references incident (id),
  at        bigint not null,
  by_id     text   not null,
  reason    text   not null,
  undone_at bigint not null,
  undone_by text   not null
);
create index incident_merge_from on incident_merge (from_id, id);
