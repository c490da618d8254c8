-- +goose Up
-- OpenPGP public keys of persons and mailboxes. A key comes from outside: what it
-- says of itself stands here in characters that a page can show.
create table guard_key (
  id          bigint  not null primary key,
  person_id   bigint  not null references guard_person (id),
  fingerprint text    not null, -- hexadecimal, lower case
  data        bytea   not null, -- the public key, without armour
  user_ids    text    not null, -- one per line, cleaned
  encrypts    boolean not null, -- has a part for encryption
  made_at     bigint  not null,
  expires_at  bigint  not null, -- 0: never
  revoked_at  bigint  not null, -- 0: not revoked
  source      text    not null, -- desk | portal | autocrypt
  state       text    not null, -- offered | current | retired
  added_at    bigint  not null,
  added_by    text    not null,
  unique (person_id, fingerprint)
);
create index guard_key_expires on guard_key (state, expires_at);
