-- +goose Up
-- Every message that was cleared to leave, exactly as it was cleared.
create table outbound_message (
  id         bigint  not null primary key,
  thing      text    not null, -- "notice:17"
  message_id text    not null unique,
  org_id     bigint  not null,
  address    text    not null,
  subject    text    not null,
  body       bytea   not null,
  digest     text    not null, -- of the parcel
  marking    text    not null,
  exercise   boolean not null,
  state      text    not null, -- attempting | accepted | outbox | refused | deferred | unknown
  attempts   bigint  not null,
  code       bigint  not null,
  reply      text    not null, -- the server's words, made printable
  begun_at   bigint  not null,
  settled_at bigint  not null  -- 0 while attempting
);
create index outbound_message_thing on outbound_message (thing);
create index outbound_message_state on outbound_message (state, id);
