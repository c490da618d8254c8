-- +goose Up
-- A regime file as it stood: a clock is counted by the version under which it began.
create table incident_law (
  id          bigint not null primary key,
  regime      text   not null, -- the file's own id, such as nis2
  version     text   not null, -- the file's own, a date
  digest      text   not null unique,
  origin      text   not null, -- shipped | installation
  name        text   not null, -- of the file
  body        bytea  not null,
  kept_at     bigint not null, -- when it was first used
  verified_at bigint not null, -- 0: nobody has confirmed it against the official text
  verified_by text   not null,
  verified_how text  not null -- against which text, and what was looked at
);

-- A table of public holidays as it stood.
create table incident_calendar (
  digest  text   not null primary key,
  name    text   not null, -- of the place, such as XA
  body    bytea  not null,
  kept_at bigint not null
);

-- That a regime applies to an organisation in an incident; a person said so.
create table incident_duty (
  id          bigint not null primary key,
  incident_id bigint not null references incident (id),
  org_id      bigint not null references guard_organisation (id),
  law_id      bigint not null references incident_law (id),
  regime      text   not null,
  entity      text   not null, -- kind of entity with a rule of its own, empty: none
  authority   bigint not null, -- the organisation that the operator reports to, 0: not one of ours
  zone        text   not null, -- legal time
  calendar    text   not null, -- name of the holidays, empty: none
  why         text   not null,
  begun_at    bigint not null,
  begun_by    text   not null,
  ended_at    bigint not null, -- 0 while it stands
  ended_by    text   not null,
  ended_why   text   not null
);
create index incident_duty_incident on incident_duty (incident_id, org_id, regime);
create index incident_duty_calendar on incident_duty (calendar, ended_at);

-- A time from which periods are counted. A correction adds a row and ends the old one.
create table incident_anchor (
  id          bigint not null primary key,
  incident_id bigint not null references incident (id),
  org_id      bigint not null references guard_organisation (id), -- whose duty
  regime      text   not null, -- empty: under every regime
  event       text   not null, -- regime.Event
  at          bigint not null, -- 0: withdrawn, nothing is known any more
  entry_id    bigint not null, -- the entry that shows it, 0 none
  reason      text   not null, -- why it was corrected
  recorded_at bigint not null,
  recorded_by text   not null,
  replaced_at bigint not null -- 0 while it stands
);
create index incident_anchor_incident on incident_anchor (incident_id, org_id, replaced_at);

create table incident_clock (
  id           bigint  not null primary key,
  duty_id      bigint  not null references incident_duty (id),
  law_id       bigint  not null references incident_law (id),
  incident_id  bigint  not null references incident (id),
  party_org    bigint  not null, -- whose duty it belongs to
  regime       text    not null,
  stage        text    not null,
  owed_by      text    not null, -- regime.Role
  owed_by_org  bigint  not null, -- 0: not one of ours
  owed_to      text    not null,
  owed_to_org  bigint  not null,
  state        text    not null, -- waiting | running | paused | met | void
  anchor_at    bigint  not null, -- 0 while waiting
  anchor_event text    not null,
  strict_at    bigint  not null, -- 0: no period, or not known
  lawful_at    bigint  not null,
  amended_at   bigint  not null, -- the deadline that an authority set, 0 none
  warn_at      bigint  not null, -- by when to be done, to be safe; 0: no time
  met_at       bigint  not null,
  voided_at    bigint  not null, -- a person said that it is not owed
  void_why     text    not null,
  why          text    not null, -- how it was counted, a sentence a line
  citation     text    not null,
  verified     boolean not null,
  holidays     text    not null, -- digest of the table that was used, empty: none
  remind_at    bigint  not null, -- the next look, 0 none
  remind_step  bigint  not null,
  exercise     boolean not null,
  changed_at   bigint  not null,
  version      bigint  not null
);
create index incident_clock_state on incident_clock (state, warn_at, id);
create index incident_clock_incident on incident_clock (incident_id, party_org);
create index incident_clock_duty on incident_clock (duty_id, id);
create index incident_clock_owed on incident_clock (owed_by_org, state, warn_at, id);
create index incident_clock_remind on incident_clock (state, remind_at);

create table incident_clock_pause (
  id       bigint not null primary key,
  clock_id bigint not null references incident_clock (id),
  from_at  bigint not null,
  to_at    bigint not null, -- 0 while it stands still
  why      text   not null,
  by_id    text   not null
);
create index incident_clock_pause_clock on incident_clock_pause (clock_id, id);

-- A deadline that an authority set instead; the last one counts.
create table incident_clock_amendment (
  id       bigint not null primary key,
  clock_id bigint not null references incident_clock (id),
  end_at   bigint not null,
  why      text   not null,
  at       bigint not null,
  by_id    text   not null
);
create index incident_clock_amendment_clock on incident_clock_amendment (clock_id, id);

-- Whom the duty officer calls about a clock.
create table incident_call (
  id         bigint  not null primary key,
  clock_id   bigint  not null unique references incident_clock (id),
  org_id     bigint  not null,
  state      text    not null, -- open | reached | given-up
  opened_at  bigint  not null,
  changed_at bigint  not null,
  exercise   boolean not null,
  version    bigint  not null
);
create index incident_call_state on incident_call (state, id);
create table incident_call_try (
  id      bigint not null primary key,
  call_id bigint not null references incident_call (id),
  at      bigint not null, -- of the call
  outcome text   not null,
  spoke   text   not null,
  phone   text   not null,
  note    text   not null,
  by_id   text   not null
);
create index incident_call_try_call on incident_call_try (call_id, id);

-- Whether an incident falls under a regime, as judged; the last judgement counts.
create table incident_significance (
  id          bigint not null primary key,
  incident_id bigint not null references incident (id),
  org_id      bigint not null references guard_organisation (id),
  law_id      bigint not null references incident_law (id),
  regime      text   not null,
  verdict     text   not null, -- significant | near-miss | not
  answers     text   not null, -- JSON: criterion to yes | no
  reason      text   not null,
  entry_id    bigint not null references incident_entry (id),
  at          bigint not null,
  by_id       text   not null
);
create index incident_significance_incident on incident_significance (incident_id, org_id, regime, id);

-- What is filed for a stage.
create table incident_filing (
  id          bigint not null primary key,
  clock_id    bigint not null references incident_clock (id),
  incident_id bigint not null references incident (id),
  law_id      bigint not null references incident_law (id),
  state       text   not null, -- draft | sent
  answers     text   not null, -- JSON: field to text
  sent_at     bigint not null,
  sent_by     text   not null,
  sent_how    text   not null,
  entry_id    bigint not null, -- the entry that says so, 0 before
  begun_at    bigint not null,
  begun_by    text   not null,
  changed_at  bigint not null,
  changed_by  text   not null,
  version     bigint not null
);
create index incident_filing_clock on incident_filing (clock_id, id);
create index incident_filing_incident on incident_filing (incident_id, id);
create table incident_filing_version (
  filing_id  bigint not null references incident_filing (id),
  version    bigint not null,
  answers    text   not null,
  changed_at bigint not null,
  changed_by text   not null,
  primary key (filing_id, version)
);
