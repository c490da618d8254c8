-- +goose Up
-- Nobody outside the team could choose a zone: they read times in the installation's.
update guard_person set zone = '' where zone = 'UTC' and org_id <> 1;
