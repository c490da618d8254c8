package warn

import (
	"context"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Overdue counts the notices that might have left before a time and have not, and
// says since when the first of them waits.
func (w *Warn) Overdue(ctx context.Context, r sqldb.Reader, before time.Time) (n int64, since time.Time, err error) {
	type found struct{ n, since int64 }
	f, _, err := sqldb.One(ctx, r, func(row sqldb.Row) (f found, err error) {
		err = row.Scan(&f.n, &f.since)
		return f, err
	},
		`select count(*), coalesce(min(case when due_at > drafted_at then due_at else drafted_at end), 0) from warn_notice
		where state = $1 and due_at < $2 and drafted_at < $2`, string(Drafted), clock.Micros(before))
	return f.n, clock.FromMicros(f.since), err
}
