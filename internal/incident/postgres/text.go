// Package postgres keeps the words of incidents in PostgreSQL's tsvector.
package postgres

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
func (Text) Put(ctx context.Context, tx *act.Tx, table string, id int64, words []string) error {
	_, err := tx.ExecContext(ctx, `insert into `+table+` (id, words) values ($1, array_to_tsvector(string_to_array($2, ' ')))
		on conflict (id) do update set words = excluded.words`, id, strings.Join(words, " "))
	return err
}

// Drop forgets the words of a thing.
func (Text) Drop(ctx context.Context, tx *act.Tx, table string, id int64) error {
	_, err := tx.ExecContext(ctx, `delete from `+table+` where id = $1`, id)
	return err
}

// Join is what to select from.
func (Text) Join(table, thing string) string {
	return table + ` x join ` + thing + ` on ` + thing[strings.LastIndexByte(thing, ' ')+1:] + `.id = x.id`
}

// Match is the condition that the words of the query, parameter number n, are all there.
func (Text) Match(_ string, n string) string { return `x.words @@ cast(` + n + ` as tsquery)` }

// Key is the id by which hits are ordered.
func (Text) Key() string { return `x.id` }

// Query writes words, each the beginning of one, as a query. They hold letters and
// digits only.
func (Text) Query(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = `'` + w + `':*`
	}
	return strings.Join(out, " & ")
}
