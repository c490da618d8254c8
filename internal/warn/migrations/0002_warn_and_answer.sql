-- +goose Up
-- A notice is now also what one organisation is told of a warning to many, and it
-- waits in a spool until it is its turn.
alter table warn_notice add column warning_id  bigint not null default 0;  -- 0: about findings
alter table warn_notice add column step        bigint not null default 0;  -- 0 the first contact, then the next ones
alter table warn_notice add column priority    bigint not null default 3;  -- 1 flash | 2 urgent | 3 usual | 4 bulk
alter table warn_notice add column format      text   not null default 'text'; -- text | bulk
alter table warn_notice add column destination text   not null default ''; -- mail domain, for fairness
alter table warn_notice add column turn        bigint not null default 0;  -- place in its destination's queue
alter table warn_notice add column due_at      bigint not null default 0;  -- not before
alter table warn_notice add column attempts    bigint not null default 0;
alter table warn_notice add column manner      text   not null default ''; -- plain | sealed | minimal: how it left
alter table warn_notice add column seen_at     bigint not null default 0;  -- first opened by the recipient
alter table warn_notice add column again       boolean not null default false; -- told before, still so
alter table warn_notice add column severities  bytea  not null default ''; -- one byte per finding, in order of ids
alter table warn_notice add column last_answer text   not null default ''; -- what was said last
create index warn_notice_due on warn_notice (state, priority, turn, id);
create index warn_notice_address on warn_notice (address, sent_at);
create index warn_notice_warning on warn_notice (warning_id, org_id, step);
create index warn_notice_drafted on warn_notice (drafted_at);

-- Whose news of which delivery stands in which notice: told once, whatever repeats.
create table warn_news (
  org_id      bigint not null,
  delivery_id bigint not null,
  batch       bigint not null,
  notice_id   bigint not null, -- 0: the rules said not to tell
  primary key (org_id, delivery_id, batch)
);
insert into warn_news (org_id, delivery_id, batch, notice_id)
  select org_id, delivery_id, batch, id from warn_notice;

alter table warn_answer add column person_id bigint not null default 0; -- who was signed in, 0 none
alter table warn_answer add column firm      text   not null default ''; -- whoever it was passed on to, in his words
alter table warn_answer add column mail_id   bigint not null default 0;

-- What is told to whom and how often: the first rule that says a thing counts.
create table warn_rule (
  id          bigint  not null primary key,
  position    bigint  not null,
  name        text    not null,
  source      text    not null, -- names of sources, blank-separated; empty: any; so for all that follow
  kinds       text    not null,
  taxonomies  text    not null, -- RSIT taxonomies
  severity    text    not null, -- at least this grave
  sectors     text    not null,
  org_kinds   text    not null,
  org_id      bigint  not null, -- 0: any
  tell        text    not null, -- '' says nothing | yes | no
  repeat_days bigint  not null, -- -1 says nothing, 0 never
  pace        bigint  not null, -- -1 says nothing; minutes between two mails to one organisation
  format      text    not null  -- '' says nothing | text | bulk
);
insert into warn_rule (id, position, name, source, kinds, taxonomies, severity, sectors, org_kinds, org_id, tell, repeat_days, pace, format) values
  (1, 1, 'Networks: one bulk mail a day', '', '', '', '', '', 'network', 0, '', -1, 1440, 'bulk'),
  (2, 2, 'Compromised: again after 7 days', '', '', 'malicious-code intrusions', '', '', '', 0, '', 7, -1, ''),
  (3, 3, 'Everything else: again after 30 days', '', '', '', '', '', '', 0, 'yes', 30, 0, 'text');
create table warn_rules_version (
  id         bigint not null primary key, -- 1
  version    bigint not null,
  changed_at bigint not null,
  changed_by text   not null,
  reason     text   not null
);
insert into warn_rules_version (id, version, changed_at, changed_by, reason) values (1, 1, 0, '', '');

create table warn_warning (
  id            bigint  not null primary key,
  state         text    not null, -- draft | released | closed | discarded
  severity      text    not null, -- flash | high | medium | low
  marking       text    not null,
  until_at      bigint  not null, -- 0: until further notice
  answer_within bigint  not null, -- minutes until silence counts; 0 no answer is asked
  texts         text    not null, -- JSON: language -> title, what, affected, do
  title         text    not null, -- in the installation's language, for lists
  choice        text    not null, -- JSON: whom
  exercise      boolean not null,
  composed_by   text    not null,
  composed_at   bigint  not null,
  changed_by    text    not null,
  changed_at    bigint  not null,
  version       bigint  not null,
  released_by   text    not null,
  released_at   bigint  not null,
  released_how  text    not null, -- '' | second-person | on-call
  reason        text    not null, -- of the release
  act_order     bigint  not null, -- of the release
  recipients    bytea   not null, -- roaring bitmap of organisations, frozen at release
  review_due    bigint  not null,
  reviewed_by   text    not null,
  reviewed_at   bigint  not null,
  review        text    not null, -- '' | approved | objected
  review_note   text    not null,
  closed_at     bigint  not null
);
create index warn_warning_state on warn_warning (state, id);

-- Whom the duty officer calls when an organisation is silent.
create table warn_call (
  id          bigint not null primary key,
  warning_id  bigint not null references warn_warning (id),
  org_id      bigint not null,
  state       text   not null, -- open | reached | given-up
  tries       bigint not null,
  opened_at   bigint not null,
  changed_at  bigint not null,
  version     bigint not null,
  unique (warning_id, org_id)
);
create index warn_call_state on warn_call (state, id);
create table warn_call_try (
  id        bigint not null primary key,
  call_id   bigint not null references warn_call (id),
  at        bigint not null, -- of the call
  outcome   text   not null, -- reached | no-answer | busy | wrong-number | call-back
  spoke     text   not null,
  phone     text   not null,
  note      text   not null,
  by_id     text   not null
);
create index warn_call_try_call on warn_call_try (call_id, id);

-- What came in by mail, and what became of it.
create table warn_mail (
  id           bigint not null primary key,
  incoming_id  bigint not null, -- outbound's record of it
  notice_id    bigint not null, -- 0: belongs to none that we know
  org_id       bigint not null,
  person_id    bigint not null, -- the contact whose address it is, 0 nobody's
  class        text   not null, -- reply | auto-reply | report | loop | unreadable
  state        text   not null, -- waiting | answered | dismissed | filed
  from_address text   not null,
  subject      text   not null,
  words        text   not null, -- the new words, as text
  files        text   not null, -- JSON: name, type, size
  signature    text   not null, -- '' | good | bad | unknown | expired | revoked | foreign
  signer       text   not null, -- fingerprint or subject
  sealed       boolean not null,
  proposed     text   not null, -- the answer that the words look like
  why          text   not null, -- catalogue key
  received_at  bigint not null,
  decided_at   bigint not null,
  decided_by   text   not null
);
create index warn_mail_state on warn_mail (state, id);
create index warn_mail_notice on warn_mail (notice_id, id);
create unique index warn_mail_incoming on warn_mail (incoming_id);

-- Who opened a notice by its link, in his own words: passed on by its recipient.
create table warn_visit (
  id        bigint not null primary key,
  notice_id bigint not null references warn_notice (id),
  name      text   not null,
  firm      text   not null,
  at        bigint not null
);
create index warn_visit_notice on warn_visit (notice_id, id);
