-- +goose Up
-- How long findings stood open, by sector and quarter: what the board reads.
create table watch_outcome_quarter (
  quarter bigint not null, -- its first moment
  sector  text   not null, -- '' for organisations without one, and for nobody
  hours   bigint not null, -- as in watch_outcome
  n       bigint not null,
  primary key (quarter, sector, hours)
);
