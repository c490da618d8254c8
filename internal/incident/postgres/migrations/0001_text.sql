-- +goose Up
-- id is the entry's, or the incident's; words are folded before they come here.
create table incident_entry_text (id bigint not null primary key, words tsvector not null);
create index incident_entry_text_words on incident_entry_text using gin (words);
create table incident_title_text (id bigint not null primary key, words tsvector not null);
create index incident_title_text_words on incident_title_text using gin (words);
