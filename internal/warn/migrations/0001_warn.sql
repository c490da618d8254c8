-- +goose Up
create table warn_notice (
  id          bigint  not null primary key,
  org_id      bigint  not null,
  delivery_id bigint  not null,
  batch       bigint  not null, -- order of the act that told of the news
  level       bigint  not null, -- as whom it is told: operator, network owner, national CSIRT
  person_id   bigint  not null,
  address     text    not null, -- empty: nobody to write to
  language    text    not null,
  marking     text    not null, -- of the source, empty: none
  exercise    boolean not null,
  findings    bytea   not null, -- roaring bitmap of finding ids
  total       bigint  not null,
  link        text    not null, -- the answering link's secret part is derived from this and a key
  state       text    not null, -- drafted | no-contact | sent | refused | unknown | withheld
  why         text    not null, -- catalogue key of why it did not leave
  drafted_at  bigint  not null,
  sent_at     bigint  not null,
  answered_at bigint  not null,
  unique (org_id, delivery_id, batch)
);
create index warn_notice_state on warn_notice (state, id);
create index warn_notice_delivery on warn_notice (delivery_id, batch);
create index warn_notice_org on warn_notice (org_id, id);
create unique index warn_notice_link on warn_notice (link);

create table warn_answer (
  id          bigint not null primary key,
  notice_id   bigint not null references warn_notice (id),
  what        text   not null, -- acknowledge | done | dispute | pass-on | ask
  strength    text   not null, -- link | phone | mail | portal | signed
  by_name     text   not null,
  reason      text   not null,
  at          bigint not null, -- when it was given: the true time of the call
  recorded_at bigint not null,
  recorded_by text   not null,
  act_order   bigint not null
);
create index warn_answer_notice on warn_answer (notice_id, id);

-- The stop button: one row, there while sending is stopped.
create table warn_stop (
  id     bigint not null primary key,
  at     bigint not null,
  by_id  text   not null,
  reason text   not null
);
