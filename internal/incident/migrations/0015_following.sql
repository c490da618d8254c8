-- +goose Up
-- What hangs on an entry is in the incident in which the entry is: splits had left some
-- of it behind.
update incident_consent set incident_id = (select e.incident_id from incident_entry e where e.id = entry_id);
update incident_service set incident_id = (select e.incident_id from incident_entry e where e.id = entry_id);
update incident_resource set incident_id = (select e.incident_id from incident_entry e where e.id = entry_id);
update incident_report_link set incident_id = (select e.incident_id from incident_entry e where e.id = entry_id);
update incident_owed_call set incident_id = (select e.incident_id from incident_entry e where e.id = question_id) where question_id <> 0;

-- Consent is of whoever owns the entry: when that is corrected, the new owner is asked anew.
drop index incident_consent_entry;
create unique index incident_consent_entry on incident_consent (entry_id, to_org, org_id);

-- Whose word it was in that version, 0: whose it is now.
alter table incident_entry_version add column owner_org bigint not null default 0;
