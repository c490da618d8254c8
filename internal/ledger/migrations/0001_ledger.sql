-- +goose Up

-- One row per act. actor, verb, subject and time repeat what the body says, for
-- look-up only; verify compares them. body and salt are null once erased.
create table ledger_entry (
    ord        bigint not null primary key,
    time       bigint not null,
    actor      text   not null,
    verb       text   not null,
    subject    text   not null,
    body       bytea, -- null: erased
    salt       bytea, -- null: erased
    commitment bytea  not null
);
create index ledger_entry_actor on ledger_entry (actor, ord);
create index ledger_entry_verb on ledger_entry (verb, ord);
create index ledger_entry_subject on ledger_entry (subject, ord);
create index ledger_entry_time on ledger_entry (time, ord);

-- One row: the size and root that were signed last, and who may sign.
create table ledger_head (
    id          bigint not null primary key,
    size        bigint not null,
    root        bytea  not null,
    time        bigint not null,
    holder      text   not null,
    lease_until bigint not null
);
