-- +goose Up
-- Situation reports; each version stands as it was written.
create table incident_sitrep (
  id          bigint  not null primary key,
  incident_id bigint  not null, -- 0: the national picture
  version     bigint  not null,
  exercise    boolean not null,
  marking     text    not null,
  lowered     text    not null, -- why the marking is below that of what it is made of
  language    text    not null,
  title       text    not null,
  as_of       bigint  not null,
  happened    text    not null,
  affected    text    not null,
  people      bigint  not null, -- how many are affected, -1 not known
  doing       text    not null,
  needed      text    not null,
  press       text    not null, -- what may be said publicly
  next_at     bigint  not null, -- 0: none
  entry_id    bigint  not null, -- the entry that points here, 0 for the national picture
  by_id       text    not null,
  at          bigint  not null
);
create unique index incident_sitrep_version on incident_sitrep (incident_id, exercise, version);

-- The incidents of a national picture.
create table incident_sitrep_about (
  sitrep_id   bigint not null references incident_sitrep (id),
  incident_id bigint not null references incident (id),
  primary key (sitrep_id, incident_id)
);
