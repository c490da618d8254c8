-- +goose Up
-- What an organisation says is its own, and what the desk decided. The id is that of
-- the asset; a rejected claim's asset is gone, so what was claimed stands here too.
create table constituency_claim (
  id         bigint not null primary key,
  org_id     bigint not null references guard_organisation (id),
  kind       bigint not null,
  value      text   not null,
  valid_from bigint not null,
  valid_to   bigint not null,
  claimed_by text   not null, -- actor; empty when it is not known any more
  claimed_at bigint not null,
  note       text   not null, -- the claimant's own words
  state      text   not null, -- waiting | approved | rejected
  decided_by text   not null,
  decided_at bigint not null, -- 0 while it waits
  reason     text   not null
);
create index constituency_claim_state on constituency_claim (state, id);
create index constituency_claim_org on constituency_claim (org_id, id);
insert into constituency_claim (id, org_id, kind, value, valid_from, valid_to, claimed_by, claimed_at, note, state,
  decided_by, decided_at, reason)
select id, org_id, kind, value, valid_from, valid_to, '', 0, '', 'waiting', '', 0, ''
from constituency_asset where waiting = true;
create index constituency_contact_person on constituency_contact (person_id);
