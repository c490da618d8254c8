// Package sqlite keeps the words of incidents in SQLite's FTS5.
package sqlite

import (
	"context"
	"embed"
	"strings"

	"almenara.example/internal/act"
)

// Migrations makes the tables of words.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Text is the index of words.
type Text struct{}

// Put keeps the words of a thing, instead of those that it had.
func (x Text) Put(ctx context.Context, tx *act.Tx, table string, id int64, words []string) error {
	if err := x.Drop(ctx, tx, table, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `insert into `+table+` (rowid, words) values ($1, $2)`, id, strings.Join(words, " "))
	return err
}

// Drop forgets the words of a thing.
func (Text) Drop(ctx context.Context, tx *act.Tx, table string, id int64) error {
	_, err := tx.ExecContext(ctx, `delete from `+table+` where rowid = $1`, id)
	return err
}

// Join is what to select from, so that rows of thing come newest first: the words are
// read in order of ids, and only as far as somebody reads.
func (Text) Join(table, thing string) string {
	return table + ` x cross join ` + thing + ` on ` + alias(thing) + `.id = x.rowid`
}

func alias(thing string) string { return thing[strings.LastIndexByte(thing, ' ')+1:] }

// Match is the condition that the words of the query, parameter number n, are all there.
func (Text) Match(table string, n string) string { return table + ` match ` + n }

// Key is the id by which hits are ordered.
func (Text) Key() string { return `x.rowid` }

// Query writes words, each the beginning of one, as a query. They hold letters and
// digits only.
func (Text) Query(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = `"` + w + `"*`
	}
	return strings.Join(out, " ")
}
