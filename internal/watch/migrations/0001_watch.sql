-- +goose Up
create table watch_source (
  id            bigint  not null primary key,
  name          text    not null unique,
  mode          text    not null, -- shadow | hold | live
  marking       text    not null, -- TLP text, empty: none
  mapping       text    not null, -- name of the mapping, or "shadowserver"
  rhythm        bigint  not null, -- seconds between deliveries, 0: none expected
  retention     bigint  not null, -- days that deliveries are kept, 0: for ever
  absent_after  bigint  not null, -- later full deliveries without it until "no longer seen"
  exercise      boolean not null,
  version       bigint  not null,
  added_at      bigint  not null,
  last_taken_at bigint  not null  -- when a delivery was last taken in, 0: never
);

-- One kind of report of one source: findings, presence and absence live here.
create table watch_stream (
  id           bigint  not null primary key,
  source_id    bigint  not null references watch_source (id),
  kind         text    not null,
  plan         text    not null, -- version of the mapping or schema last used
  full_scan    boolean not null,
  closes_by    text    not null, -- absence | expiry | person
  expiry_days  bigint  not null,
  absent_after bigint  not null, -- 0: as the source says
  unique (source_id, kind)
);

create table watch_delivery (
  id             bigint  not null primary key,
  source_id      bigint  not null references watch_source (id),
  stream_id      bigint  not null, -- 0 while the kind is unknown
  kind           text    not null,
  file_name      text    not null, -- as shown: control characters replaced
  observed       bigint  not null, -- the observation day, 00:00 UTC, microseconds
  observed_by    text    not null, -- given | name | rows | arrival: how the day was found
  received_at    bigint  not null,
  received_ref   text    not null, -- blob of what arrived
  content_ref    text    not null, -- blob of its content, decompressed
  content_size   bigint  not null,
  state          text    not null, -- received | taken | folded | unknown-kind | failed
  failure        text    not null,
  mode           text    not null, -- the source's mode when it was taken in
  released_at    bigint  not null, -- when its findings were cleared to be told, 0: not
  plan           text    not null,
  act_order      bigint  not null, -- of the act that took it in, 0 before
  total_rows     bigint  not null,
  events         bigint  not null,
  quarantined    bigint  not null,
  opened         bigint  not null,
  kept           bigint  not null,
  worse          bigint  not null,
  no_longer_seen bigint  not null,
  reopened       bigint  not null,
  unrouted       bigint  not null,
  proves         boolean not null, -- its silence about a finding counts
  proves_why     text    not null, -- why it does not
  lost_columns   text    not null,
  presence_ref   text    not null, -- roaring bitmap of the findings it shows
  sidecar_ref    text    not null, -- where in the content each finding stands
  news_ref       text    not null, -- bitmap of what it opened, brought back or made worse
  result_hash    text    not null,
  microseconds   bigint  not null,
  unique (source_id, kind, observed, content_ref)
);
create index watch_delivery_stream on watch_delivery (stream_id, observed, id);
create index watch_delivery_state on watch_delivery (state, id);

create table watch_class (
  id         bigint not null primary key,
  taxonomy   text   not null,
  type       text   not null,
  identifier text   not null,
  unique (taxonomy, type, identifier)
);

create table watch_finding (
  id         bigint not null primary key,
  stream_id  bigint not null,
  opened_by  bigint not null, -- delivery
  find_key   bytea  not null, -- first 16 bytes of SHA-256 of the key fields
  ip         bytea  not null, -- 16 bytes, empty when none
  port       bigint not null, -- -1 when none
  transport  text   not null,
  asn        bigint not null,
  host       text   not null, -- the domain name concerned, empty when none
  cc         text   not null,
  class_id   bigint not null,
  severity   bigint not null,
  state      bigint not null,
  flags      bigint not null, -- 1 weak key, 2 verified, 4 exercise
  org_id     bigint not null, -- 0 unrouted
  asset_id   bigint not null,
  level      bigint not null,
  audience   bigint not null,
  first_at   bigint not null, -- time of the row that opened it
  last_at    bigint not null, -- last seen, as of the last write; presence knows better while open
  changed_order bigint not null -- act of the last change folded in, 0: none
);
create index watch_finding_ip on watch_finding (ip);

-- The life of findings. Changes of a delivery wait for its taking in.
create table watch_change (
  finding_id  bigint not null,
  delivery_id bigint not null, -- 0 for a person's act
  act_order   bigint not null, -- 0 for a delivery's change: the delivery knows it
  kind        text   not null,
  from_state  bigint not null,
  to_state    bigint not null,
  severity    bigint not null, -- after the change
  org_id      bigint not null, -- after the change
  last_at     bigint not null, -- last seen at that moment
  at          bigint not null,
  cause       text   not null,
  primary key (finding_id, act_order, delivery_id, kind)
);
create index watch_change_delivery on watch_change (delivery_id, finding_id);

create table watch_quarantine (
  delivery_id bigint not null references watch_delivery (id),
  line        bigint not null,
  pos         bigint not null, -- byte offset in the content
  len         bigint not null,
  col         text   not null, -- the column concerned, empty: the whole row
  reason      text   not null,
  state       text   not null, -- open | dismissed | taken
  act_order   bigint not null, -- of the act that decided, 0 while open
  primary key (delivery_id, line)
);
create index watch_quarantine_state on watch_quarantine (state, delivery_id, line);

-- Addresses that can be read in quarantined rows: their findings are not proven absent.
create table watch_blocked (
  delivery_id bigint not null,
  line        bigint not null,
  ip          bytea  not null,
  primary key (delivery_id, line, ip)
);

-- Mapping files and feed schemas, each version kept; the text is a blob.
create table watch_mapping (
  name      text    not null,
  version   text    not null,
  kind      text    not null, -- mapping | shadowserver
  ref       text    not null,
  active    boolean not null,
  loaded_at bigint  not null,
  primary key (name, version)
);

-- Asset changes whose findings still have to be matched again.
create table watch_rematch (
  id        bigint not null primary key,
  act_order bigint not null,
  body      text   not null, -- JSON: the changed assets
  done_to   bigint not null, -- the last finding id looked at
  moved     bigint not null
);

-- How long findings stood open, by organisation and day: for the board.
create table watch_outcome (
  org_id bigint not null,
  day    bigint not null,
  hours  bigint not null, -- bucket: upper bound in hours, powers of two
  n      bigint not null,
  primary key (org_id, day, hours)
);
