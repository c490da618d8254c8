-- +goose Up
-- Where an organisation wants to be told by a request besides mail.
create table warn_hook (
  id       bigint  not null primary key,
  org_id   bigint  not null,
  url      text    not null,
  active   boolean not null,
  made_at  bigint  not null,
  made_by  text    not null,
  version  bigint  not null
);
create index warn_hook_org on warn_hook (org_id, id);
-- One notice on its way to one hook.
create table warn_hook_call (
  hook_id    bigint not null references warn_hook (id),
  notice_id  bigint not null references warn_notice (id),
  uid        text   not null, -- the message's id, the same at every try
  state      text   not null, -- waiting | accepted | refused | withheld
  tries      bigint not null,
  code       bigint not null,
  reply      text   not null,
  made_at    bigint not null,
  changed_at bigint not null,
  primary key (hook_id, notice_id)
);
create index warn_hook_call_notice on warn_hook_call (notice_id);
create index warn_hook_call_state on warn_hook_call (state, made_at);
