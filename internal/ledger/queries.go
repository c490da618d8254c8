package ledger

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/sqldb"
)

// Query selects entries for the record of actions. Zero fields do not restrict.
type Query struct {
	Actor, Verb, Subject string
	From, To             int64 // microseconds; From inclusive, To exclusive
	Before               int64 // only orders below this one: the next, older page
	After                int64 // only orders above this one: the page before, newer
	Limit                int   // at most this many, 1 to 1000; 0 means 50
}

// Entries returns the entries that q selects, newest first. With After it returns
// those nearest above it, still newest first.
func (l *Log) Entries(ctx context.Context, q Query) ([]Entry, error) {
	return Entries(ctx, l.cfg.DB.Reader(), q)
}

// Entries is [Log.Entries] on any reader, such as an open transaction.
func Entries(ctx context.Context, r sqldb.Reader, q Query) ([]Entry, error) {
	var where []string
	var args []any
	add := func(cond string, v any) {
		args = append(args, v)
		where = append(where, cond+" $"+strconv.Itoa(len(args)))
	}
	for _, c := range []struct{ cond, v string }{{"actor =", q.Actor}, {"verb =", q.Verb}, {"subject =", q.Subject}} {
		if c.v != "" {
			add(c.cond, c.v)
		}
	}
	for _, c := range []struct {
		cond string
		v    int64
	}{{"time >=", q.From}, {"time <", q.To}, {"ord <", q.Before}, {"ord >", q.After}} {
		if c.v != 0 {
			add(c.cond, c.v)
		}
	}
	text := `select ord, time, body from ledger_entry`
	if len(where) > 0 {
		text += ` where ` + strings.Join(where, ` and `)
	}
	text += ` order by ord`
	if q.After == 0 {
		text += ` desc`
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	text += ` limit ` + strconv.Itoa(min(limit, 1000))
	out, err := sqldb.All(ctx, r, scanEntry, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read ledger entries: %w", err)
	}
	if q.After != 0 {
		slices.Reverse(out)
	}
	return out, nil
}

func scanEntry(r sqldb.Row) (Entry, error) {
	var order, time int64
	var b []byte
	if err := r.Scan(&order, &time, &b); err != nil {
		return Entry{}, err
	}
	if b == nil {
		return Entry{Order: order, Time: time, Erased: true}, nil
	}
	e, err := decode(b)
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", order, err)
	}
	return e, nil
}
