-- +goose Up
-- What somebody tells us: before it is an incident, beside it, or instead of it.
create table incident_report (
  id           bigint  not null primary key,
  state        text    not null, -- new | open | resolved | rejected
  source       text    not null, -- public | portal | phone | mail | api | xarf
  kind         text    not null, -- incident | near-miss | threat
  reporter     text    not null, -- type of reporter, as RTIR has them
  owner_org    bigint  not null, -- whose word it is; 0: nobody who is known here
  confirmed    boolean not null, -- it is sure that the owner said it: signed in, signed, or called back
  person_id    bigint  not null, -- who of the owner; 0: not known
  title        text    not null,
  text         text    not null,
  affected     text    not null, -- what, and where, in the reporter's words
  happened     text    not null, -- when, in the reporter's words
  name         text    not null, -- how the reporter called himself; empty: not at all
  email        text    not null,
  phone        text    not null, -- as the reporter said it
  call_back    text    not null, -- as the directory has it
  language     text    not null, -- of the reporter
  marking      text    not null,
  severity     text    not null, -- empty: not judged yet
  class        text    not null, -- RSIT type; empty: not yet known
  regime       text    not null, -- of a mandatory report, with its stage; empty: voluntary
  stage        text    not null,
  fields       text    not null, -- JSON: what the stage asks for
  exercise     boolean not null,
  said_at      bigint  not null, -- when it was told us: the call, the mail
  received_at  bigint  not null, -- when it was written down here
  received_by  text    not null,
  closed_at    bigint  not null, -- 0 while it waits
  closed_by    text    not null,
  resolution   text    not null, -- how it ended; empty while it waits
  reason       text    not null, -- for the desk alone
  external     text    not null, -- the same thing is taken once: xarf:…, mail:…; empty: none
  version      bigint  not null
);
create unique index incident_report_external on incident_report (external) where external <> '';
-- Every filter of the list is answered from here, without the rows.
create index incident_report_list on incident_report (exercise, state, id, source, kind, severity, owner_org, class);
create index incident_report_owner on incident_report (owner_org, exercise, id);
create index incident_report_source on incident_report (source, received_at);

-- What was said afterwards, by either side, and the desk's own notes.
create table incident_report_message (
  id        bigint not null primary key,
  report_id bigint not null references incident_report (id),
  kind      text   not null, -- said: by the reporter | answer: to the reporter | note: the desk's own
  text      text   not null,
  by_id     text   not null,
  at        bigint not null
);
create index incident_report_message_report on incident_report_message (report_id, id);

create table incident_report_file (
  id         bigint not null primary key,
  report_id  bigint not null references incident_report (id),
  message_id bigint not null, -- 0: it came with the report
  blob       text   not null,
  name       text   not null,
  type       text   not null, -- as sniffed, not as claimed
  size       bigint not null,
  at         bigint not null
);
create index incident_report_file_report on incident_report_file (report_id, id);
create index incident_report_file_blob on incident_report_file (blob);

create table incident_report_observable (
  report_id bigint not null references incident_report (id),
  kind      text   not null,
  value     text   not null,
  link_key  text   not null,
  primary key (report_id, link_key)
);
create index incident_report_observable_key on incident_report_observable (link_key, report_id);

-- Reports and incidents are n to m. A link that was taken back stays as what it was.
create table incident_report_link (
  report_id   bigint not null references incident_report (id),
  incident_id bigint not null references incident (id),
  entry_id    bigint not null references incident_entry (id), -- the report in the incident's story
  at          bigint not null,
  by_id       text   not null,
  ended_at    bigint not null, -- 0 while it stands
  ended_by    text   not null,
  primary key (report_id, entry_id)
);
create index incident_report_link_incident on incident_report_link (incident_id, ended_at, report_id);

-- By which a reporter without a name comes back. The codes themselves are kept nowhere.
create table incident_report_code (
  hash      text   not null primary key, -- SHA-256, hex
  report_id bigint not null references incident_report (id),
  at        bigint not null
);
create index incident_report_code_report on incident_report_code (report_id);

-- What an organisation writes before it sends it: its people's alone.
create table incident_report_draft (
  uid        text   not null primary key,
  org_id     bigint not null references guard_organisation (id),
  person_id  bigint not null,
  regime     text   not null,
  stage      text   not null,
  fields     text   not null, -- JSON
  changed_at bigint not null
);
create index incident_report_draft_org on incident_report_draft (org_id, changed_at);

-- The answers that go to reporters by mail.
create table incident_report_mail (
  id         bigint not null primary key,
  report_id  bigint not null references incident_report (id),
  message_id bigint not null, -- the answer
  uid        text   not null, -- of the mail's Message-ID: a repetition is the same mail
  address    text   not null,
  state      text   not null, -- waiting | sent | refused | unknown
  at         bigint not null
);
create index incident_report_mail_report on incident_report_mail (report_id, id);
create index incident_report_mail_state on incident_report_mail (state, id);

-- Findings that an incident began with.
create table incident_finding (
  incident_id bigint not null references incident (id),
  finding_id  bigint not null, -- of the watch room
  at          bigint not null,
  by_id       text   not null,
  primary key (incident_id, finding_id)
);
create index incident_finding_finding on incident_finding (finding_id, incident_id);
