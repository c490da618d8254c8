-- +goose Up
create table guard_organisation (
  id       bigint  not null primary key,
  uid      text    not null unique,
  kind     text    not null,
  name     text    not null,
  name_key text    not null unique, -- the name folded: names are unique whatever their case and spacing
  country  text    not null,
  added_at bigint  not null,
  ended_at bigint  not null, -- 0 while it stands
  exercise boolean not null
);

create table guard_person (
  id       bigint  not null primary key,
  uid      text    not null unique,
  org_id   bigint  not null references guard_organisation (id),
  kind     text    not null, -- person | mailbox
  name     text    not null,
  email    text    not null,
  phone    text    not null,
  language text    not null,
  zone     text    not null,
  active   boolean not null,
  version  bigint  not null,
  added_at bigint  not null
);
create index guard_person_org on guard_person (org_id, id);
create index guard_person_email on guard_person (email);

create table guard_role (
  person_id  bigint not null references guard_person (id),
  role       text   not null,
  granted_at bigint not null,
  granted_by text   not null,
  primary key (person_id, role)
);

create table guard_passkey (
  credential bytea  not null primary key,
  person_id  bigint not null references guard_person (id),
  name       text   not null,
  data       bytea  not null, -- the credential record of the WebAuthn library, as JSON
  sign_count bigint not null,
  added_at   bigint not null,
  used_at    bigint not null
);
create index guard_passkey_person on guard_passkey (person_id);

-- One-time links: only the hash of the secret is kept.
create table guard_link (
  hash       bytea  not null primary key,
  purpose    text   not null, -- sign-in | notice
  person_id  bigint not null references guard_person (id),
  subject    text   not null, -- what it opens, empty for sign-in
  made_at    bigint not null,
  expires_at bigint not null,
  used_at    bigint not null
);

create table guard_session (
  hash       bytea  not null primary key,
  uid        text   not null unique,
  person_id  bigint not null references guard_person (id),
  how        text   not null, -- passkey | link
  agent      text   not null,
  address    text   not null,
  began_at   bigint not null,
  seen_at    bigint not null,
  expires_at bigint not null,
  ended_at   bigint not null
);
create index guard_session_person on guard_session (person_id, began_at);

create table guard_token (
  uid        text   not null primary key,
  hash       bytea  not null unique,
  person_id  bigint not null references guard_person (id),
  name       text   not null,
  scope      text   not null, -- verbs and rooms, blank-separated; empty means all that the person may
  made_at    bigint not null,
  expires_at bigint not null,
  ended_at   bigint not null
);
create index guard_token_person on guard_token (person_id);

-- Exactly which organisations may see a thing; interned by its canonical form.
create table guard_audience (
  id   bigint not null primary key,
  form text   not null unique -- "public", "community", or "orgs:1,5"
);
create table guard_audience_org (
  org_id      bigint not null,
  audience_id bigint not null references guard_audience (id),
  primary key (org_id, audience_id)
);

-- Refusals: bounded, outside the ledger's tree.
create table guard_denial (
  id      bigint not null primary key,
  at      bigint not null,
  actor   text   not null,
  verb    text   not null,
  subject text   not null,
  reasons text   not null
);

-- Answers of creating requests, so that a repeated request does nothing twice.
create table guard_idempotency (
  actor   text   not null,
  key     text   not null,
  request bytea  not null, -- SHA-256 of method, path and body
  status  bigint not null, -- 0 while under way
  answer  bytea  not null,
  at      bigint not null,
  primary key (actor, key)
);
create index guard_idempotency_at on guard_idempotency (at);
