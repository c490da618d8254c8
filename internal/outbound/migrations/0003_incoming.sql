-- +goose Up
-- Every mail that came in. Its bytes are a blob.
create table outbound_incoming (
  id           bigint not null primary key,
  mailbox      text   not null, -- the intake's name
  uidvalidity  bigint not null, -- of the IMAP server's numbering; 0: handed in
  uid          bigint not null,
  digest       text   not null, -- SHA-256 of the bytes that were kept, hex
  blob_ref     text   not null, -- of the blob that holds the bytes, alone or with others of its batch
  blob_at      bigint not null, -- where they begin in it
  blob_size    bigint not null, -- how many they are
  received_at  bigint not null,
  size         bigint not null, -- as it was; of a mail too large more than was kept
  state        text   not null, -- taken | too-large | unreadable
  reason       text   not null, -- key of the sentence that says why; empty when taken
  from_address text   not null, -- as claimed, printable
  subject      text   not null,
  message_id   text   not null,
  unique (mailbox, digest)
);
create index outbound_incoming_message on outbound_incoming (message_id);
create index outbound_incoming_blob on outbound_incoming (blob_ref);
create index outbound_incoming_uid on outbound_incoming (mailbox, uidvalidity, uid);

-- How far every mailbox has been read.
create table outbound_mailbox (
  name        text   not null primary key,
  uidvalidity bigint not null,
  uid         bigint not null,
  moved_at    bigint not null
);
