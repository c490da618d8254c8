-- +goose Up
create table act_order (
  id   bigint not null primary key,
  last bigint not null
);
insert into act_order (id, last) values (1, 0);

create table fact (
  act_order bigint  not null,
  kind      text    not null,
  version   bigint  not null,
  exercise  boolean not null,
  at        bigint  not null,
  body      text    not null,
  primary key (act_order, kind)
);

create table fact_cursor (
  subscription text   not null primary key,
  last         bigint not null,
  last_kind    text   not null
);

-- Inner ids of small tables and reserved blocks for big ones.
create table act_sequence (
  name text   not null primary key,
  last bigint not null
);
