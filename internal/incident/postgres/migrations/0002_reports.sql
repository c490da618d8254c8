-- +goose Up
create table incident_report_text (id bigint not null primary key, words tsvector not null);
create index incident_report_text_words on incident_report_text using gin (words);
