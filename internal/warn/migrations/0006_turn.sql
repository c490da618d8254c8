-- +goose Up
-- The last turn of a destination's queue is found without walking the spool.
create index warn_notice_turn on warn_notice (destination, state, turn);
