-- +goose Up
-- What an organisation is besides guard's record of it. Days count from 1970-01-01.
create table constituency_operator (
  org_id           bigint  not null primary key references guard_organisation (id),
  critical         boolean not null,
  designation      text    not null, -- the decision that designates it
  designated_until bigint  not null, -- last day, 2147483647 when open
  population       bigint  not null, -- persons served
  version          bigint  not null
);

create table constituency_sector (
  org_id bigint not null references guard_organisation (id),
  sector text   not null,
  primary key (org_id, sector)
);
create index constituency_sector_code on constituency_sector (sector, org_id);

create table constituency_service (
  id         bigint not null primary key,
  org_id     bigint not null references guard_organisation (id),
  name       text   not null,
  name_key   text   not null, -- folded
  sector     text   not null,
  population bigint not null,
  unique (org_id, name_key)
);

create table constituency_contact (
  id        bigint  not null primary key,
  org_id    bigint  not null references guard_organisation (id),
  person_id bigint  not null references guard_person (id),
  role      text    not null,
  hours     text    not null,
  position  bigint  not null,
  ended     boolean not null,
  version   bigint  not null,
  unique (org_id, person_id)
);

create table constituency_acts_for (
  provider_id bigint not null references guard_organisation (id),
  operator_id bigint not null references guard_organisation (id),
  primary key (provider_id, operator_id)
);
create index constituency_acts_for_operator on constituency_acts_for (operator_id, provider_id);

-- An import that goes in steps; its assets are invisible while it is not applied.
create table constituency_import (
  id          bigint not null primary key,
  state       text   not null, -- pending | applied | dropped
  made_at     bigint not null,
  made_by     text   not null,
  first_asset bigint not null, -- the ids of its assets lie between these
  last_asset  bigint not null
);
create index constituency_import_state on constituency_import (state);

create table constituency_asset (
  id         bigint  not null primary key,
  org_id     bigint  not null references guard_organisation (id),
  kind       bigint  not null, -- 1 cidr, 2 asn, 3 domain, 4 maildomain, 5 product, 6 site
  value      text    not null, -- canonical
  valid_from bigint  not null,
  valid_to   bigint  not null, -- last day, 2147483647 when open
  source     bigint  not null, -- 1 manual, 2 import, 3 claimed
  waiting    boolean not null, -- a claim that nobody approved yet
  import_id  bigint  not null, -- 0 when not made by an import
  version    bigint  not null
);
create index constituency_asset_value on constituency_asset (kind, value);
create index constituency_asset_org on constituency_asset (org_id, id);
