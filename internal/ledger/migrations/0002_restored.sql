-- +goose Up

-- One row per restore from a backup. While its state is not 'stated' nothing is
-- signed: 'fresh' (nobody has looked), 'held' (noted in the record), 'stating' (the
-- statement is in the record, its signing has begun), 'stated'.
create table ledger_restored (
    id          bigint not null primary key,
    state       text   not null,
    backup      text   not null, -- name of the archive
    made_at     bigint not null,
    restored_at bigint not null,
    entries     bigint not null, -- the last order in the backup
    checkpoint  bytea  not null, -- the last signed note in the backup, empty when none
    act_order   bigint not null  -- of the statement, 0 before it
);

-- Names of the record that came after the first one, each with the key that signs
-- under it. The last one is in force.
create table ledger_name (
    id           bigint not null primary key,
    origin       text   not null,
    verifier     text   not null,
    former       text   not null, -- verifier key of the name before
    former_size  bigint not null, -- the last known size under it, 0 when not known
    act_order    bigint not null
);
