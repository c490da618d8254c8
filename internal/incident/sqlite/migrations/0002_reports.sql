-- +goose Up
create virtual table incident_report_text using fts5(words, tokenize = 'unicode61 remove_diacritics 0', detail = none, content = '', contentless_delete = 1);
