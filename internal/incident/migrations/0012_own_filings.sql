-- +goose Up
-- Whoever owes a stage files it itself, in the portal or by a report.
alter table incident_filing add column org_id    bigint not null default 1; -- whose document: a draft is that organisation's alone
alter table incident_filing add column number    bigint not null default 0; -- which version of the clock's document, 0 until it is sent
alter table incident_filing add column report_id bigint not null default 0; -- the report that was the filing, 0 none
update incident_filing set number = (select count(*) from incident_filing f where f.clock_id = incident_filing.clock_id and f.state = 'sent' and f.id <= incident_filing.id)
  where state = 'sent';
create unique index incident_filing_number on incident_filing (clock_id, number) where number > 0;
create index incident_filing_report on incident_filing (report_id);
-- The version of the regime by whose stage somebody reported, 0: by none.
alter table incident_report add column law_id bigint not null default 0;
