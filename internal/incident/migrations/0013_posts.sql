-- +goose Up
-- What a mail that came in answers: whoever may not see one of these entries may not
-- read the mail either.
create table incident_post_entry (
  post_id  bigint not null,
  entry_id bigint not null,
  primary key (post_id, entry_id)
);
insert into incident_post_entry (post_id, entry_id)
  select distinct p.id, n.entry_id from incident_post p join incident_news n on n.mail_id = p.mail_id
  where p.mail_id <> 0 and n.entry_id <> 0;
-- Duty leads who opened a mail that waited for others; why stands in the ledger.
create table incident_post_opened (
  post_id   bigint not null,
  person_id bigint not null,
  at        bigint not null,
  primary key (post_id, person_id)
);
