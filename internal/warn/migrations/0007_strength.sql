-- +goose Up
-- Notices answered in one way are found without walking those answered in another.
create index warn_timing_strength on warn_timing (first, strength, sent_at, notice_id);
