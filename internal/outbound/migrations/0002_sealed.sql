-- +goose Up
alter table outbound_message add column sealed boolean not null default false; -- encrypted to the recipient's key
alter table outbound_message add column files  bytea   not null default '';    -- JSON: name, type, content; empty none
