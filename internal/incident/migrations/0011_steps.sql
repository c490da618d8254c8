-- +goose Up
alter table incident_clock add column steps text not null default ''; -- JSON: how it was counted, regime.Step; empty: counted before there were any
