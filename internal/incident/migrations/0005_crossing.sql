-- +goose Up
-- What crossed to the police because of danger to life: lines as they stood then.
create table incident_crossing (
  id             bigint  not null primary key,
  incident_id    bigint  not null references incident (id),
  org_id         bigint  not null references guard_organisation (id), -- the police
  ground         text    not null, -- id of a legal ground, empty: in free words
  citation       text    not null,
  why            text    not null, -- who is in danger, of what
  audience_id    bigint  not null references guard_audience (id),
  marking        text    not null, -- the strictest of its lines
  exercise       boolean not null,
  at             bigint  not null,
  by_id          text    not null,
  tell_owners_at bigint  not null,
  delay_reason   text    not null, -- why the owners hear later than at once
  owners_told_at bigint  not null, -- 0: not yet
  review_due     bigint  not null,
  reviewed_at    bigint  not null, -- 0: not yet
  reviewed_by    text    not null,
  verdict        text    not null, -- approved | objected, empty: not yet
  review_reason  text    not null,
  alarm_at       bigint  not null, -- 0: nobody was silent
  recalled_at    bigint  not null, -- 0: open for the police
  recalled_by    text    not null,
  recall_reason  text    not null
);
create index incident_crossing_incident on incident_crossing (incident_id, id);
create index incident_crossing_org on incident_crossing (org_id, id);
create index incident_crossing_review on incident_crossing (reviewed_at, review_due);
create index incident_crossing_owners on incident_crossing (owners_told_at, tell_owners_at);

create table incident_crossing_line (
  crossing_id   bigint not null references incident_crossing (id),
  entry_id      bigint not null references incident_entry (id),
  entry_version bigint not null,
  place         bigint not null,
  owner_org     bigint not null,
  kind          text   not null,
  marking       text   not null,
  at            bigint not null,
  text          text   not null,
  observables   text   not null, -- defanged, a line each
  primary key (crossing_id, entry_id)
);

create table incident_crossing_file (
  id          bigint not null primary key,
  crossing_id bigint not null references incident_crossing (id),
  entry_id    bigint not null,
  blob        text   not null,
  name        text   not null,
  type        text   not null,
  size        bigint not null
);
create index incident_crossing_file_crossing on incident_crossing_file (crossing_id, id);

-- Calls about a crossing, with the number that the directory had.
create table incident_crossing_call (
  id          bigint not null primary key,
  crossing_id bigint not null references incident_crossing (id),
  about       text   not null, -- confirm | recall | alarm
  name        text   not null,
  phone       text   not null,
  outcome     text   not null, -- reached | no-answer
  note        text   not null,
  at          bigint not null, -- when it was called
  by_id       text   not null,
  recorded_at bigint not null
);
create index incident_crossing_call_crossing on incident_crossing_call (crossing_id, id);

create table incident_crossing_seen (
  crossing_id bigint not null references incident_crossing (id),
  person_id   bigint not null,
  at          bigint not null, -- first time
  primary key (crossing_id, person_id)
);

-- Mail about crossings, packages and situation reports, one to each recipient.
create table incident_letter (
  id         bigint  not null primary key,
  kind       text    not null,
  about_id   bigint  not null,
  org_id     bigint  not null references guard_organisation (id),
  person_id  bigint  not null,
  audience_id bigint not null, -- for whom what it carries was chosen, 0: it carries nothing of an incident
  uid        text    not null, -- of the Message-ID: a repetition is the same message
  state      text    not null, -- waiting | attempting | withheld | no-address, or outbound's
  due_at     bigint  not null,
  tries      bigint  not null,
  reply      text    not null, -- what the mail server or the release gate said
  sealed     boolean not null,
  at         bigint  not null,
  settled_at bigint  not null -- 0: not yet
);
create index incident_letter_due on incident_letter (state, due_at);
create index incident_letter_about on incident_letter (kind, about_id, id);

-- The legal basis of handing over without consent: an order of a court, a statute.
create table incident_mandate (
  id          bigint not null primary key,
  incident_id bigint not null references incident (id),
  kind        text   not null, -- order | statute
  reference   text   not null, -- the order's number, the statute's place
  issuer      text   not null,
  scope       text   not null,
  issued_at   bigint not null,
  expires_at  bigint not null, -- 0: does not end by itself
  recorded_at bigint not null,
  recorded_by text   not null
);
create index incident_mandate_incident on incident_mandate (incident_id, id);

-- What the owner of an entry said about handing it over.
create table incident_consent (
  id          bigint not null primary key,
  incident_id bigint not null references incident (id),
  entry_id    bigint not null references incident_entry (id),
  org_id      bigint not null, -- whose word the entry is
  to_org      bigint not null references guard_organisation (id),
  state       text   not null, -- asked | given | refused | withdrawn
  strength    text   not null, -- phone | mail | portal; empty while asked
  said_by     text   not null,
  phone       text   not null, -- that was called
  said_at     bigint not null,
  asked_at    bigint not null,
  asked_by    text   not null,
  recorded_at bigint not null,
  recorded_by text   not null
);
create unique index incident_consent_entry on incident_consent (entry_id, to_org);
create index incident_consent_org on incident_consent (org_id, state, id);
create index incident_consent_incident on incident_consent (incident_id, id);

-- What is offered to a peer, and what became of the offer.
create table incident_transfer (
  id           bigint not null primary key,
  incident_id  bigint not null references incident (id),
  org_id       bigint not null references guard_organisation (id),
  state        text   not null, -- offered | accepted | declined
  restrictions text   not null,
  offered_at   bigint not null,
  offered_by   text   not null,
  answered_at  bigint not null, -- 0: not yet
  said_by      text   not null, -- who of the peer said so
  recorded_by  text   not null,
  their_number text   not null,
  note         text   not null,
  version      bigint not null
);
create index incident_transfer_incident on incident_transfer (incident_id, id);

-- Signed packages: to a bench, or a version of a transfer.
create table incident_package (
  id          bigint  not null primary key,
  incident_id bigint  not null references incident (id),
  purpose     text    not null, -- bench | transfer
  org_id      bigint  not null references guard_organisation (id),
  transfer_id bigint  not null, -- 0: none
  version     bigint  not null,
  mandate_id  bigint  not null, -- 0: by consent alone
  marking     text    not null,
  exercise    boolean not null,
  blob        text    not null,
  size        bigint  not null,
  digest      text    not null, -- SHA-256, hex
  signature   text    not null, -- detached: a signed note
  sealed_to   text    not null, -- age recipient, empty: signed only
  made_at     bigint  not null,
  made_by     text    not null
);
create index incident_package_incident on incident_package (incident_id, purpose, id);
create index incident_package_transfer on incident_package (transfer_id, version);

create table incident_package_entry (
  package_id    bigint not null references incident_package (id),
  entry_id      bigint not null references incident_entry (id),
  entry_version bigint not null,
  basis         text   not null, -- consent:N | mandate:N | own | audience
  primary key (package_id, entry_id)
);

-- The age key to which packages for an organisation are sealed.
create table incident_seal_key (
  org_id bigint not null primary key references guard_organisation (id),
  key    text   not null,
  at     bigint not null,
  by_id  text   not null
);
