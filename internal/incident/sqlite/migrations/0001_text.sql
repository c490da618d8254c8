-- +goose Up
-- rowid is the entry's, or the incident's, id; words are folded before they come here.
create virtual table incident_entry_text using fts5(words, tokenize = 'unicode61 remove_diacritics 0', detail = none, content = '', contentless_delete = 1);
create virtual table incident_title_text using fts5(words, tokenize = 'unicode61 remove_diacritics 0', detail = none, content = '', contentless_delete = 1);
