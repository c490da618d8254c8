-- +goose Up
-- What came from another system, by where it comes from and its number there: incidents,
-- and what is told within one, such as its reports. Nothing comes twice.
create table incident_import (
  number      text   not null primary key, -- "rtir:12"
  incident_id bigint not null references incident (id)
);
create index incident_import_incident on incident_import (incident_id);
