-- +goose Up
-- What is to be told by mail: one row per news and recipient, from the facts. Mails
-- are made of them: what waits for one recipient leaves together.
create table incident_news (
  id             bigint not null primary key,
  incident_id    bigint not null references incident (id),
  participant_id bigint not null references incident_participant (id),
  person_id      bigint not null, -- who is named: of TLP:RED, or who takes part alone; 0: the organisation's contact
  what           text   not null, -- joined | entry | entry-changed | task | closed
  entry_id       bigint not null, -- 0 none
  act_order      bigint not null,
  told_at        bigint not null, -- when the fact was told
  mail_id        bigint not null  -- 0: waits
);
create index incident_news_waiting on incident_news (mail_id, incident_id, participant_id, person_id, id);
create index incident_news_participant on incident_news (participant_id, what);

create table incident_mail (
  id             bigint  not null primary key,
  incident_id    bigint  not null references incident (id),
  participant_id bigint  not null references incident_participant (id),
  org_id         bigint  not null,
  person_id      bigint  not null, -- the addressee
  address        text    not null,
  language       text    not null,
  exercise       boolean not null,
  state          text    not null, -- waiting | no-contact | attempting | sent | bounced | refused | unknown | withheld
  manner         text    not null, -- plain | sealed | minimal, empty before it leaves
  why            text    not null, -- key of a sentence
  attempts       bigint  not null,
  due_at         bigint  not null, -- not before
  made_at        bigint  not null,
  sent_at        bigint  not null
);
create index incident_mail_state on incident_mail (state, due_at, id);
create index incident_mail_incident on incident_mail (incident_id, id);

-- What came in by mail about incidents.
create table incident_post (
  id           bigint  not null primary key,
  incoming_id  bigint  not null, -- outbound's record, with the raw mail
  incident_id  bigint  not null, -- 0: none found
  mail_id      bigint  not null, -- of ours, that it answers, 0 none
  org_id       bigint  not null, -- whose contact the sender claims to be, 0 nobody's
  person_id    bigint  not null,
  class        text    not null, -- reply | auto-reply | report | loop | unreadable
  state        text    not null, -- waiting | filed | noted | dismissed
  from_address text    not null,
  subject      text    not null,
  words        text    not null,
  files        text    not null, -- JSON: name, type, size
  signature    text    not null,
  signer       text    not null,
  sealed       boolean not null,
  why          text    not null, -- key of a sentence, empty: none
  entry_id     bigint  not null, -- the entry that was made of it
  received_at  bigint  not null,
  decided_at   bigint  not null,
  decided_by   text    not null
);
create index incident_post_state on incident_post (state, id);
create unique index incident_post_incoming on incident_post (incoming_id);
