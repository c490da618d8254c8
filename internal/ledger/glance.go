package ledger

import (
	"context"
	"fmt"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/sqldb"
)

// Glance is a quick look at the record: its two ends, not its middle.
type Glance struct {
	Entries int64 // in the database
	Signed  int64 // under the checkpoint in its file
	// Last is the time of the last entry, Waiting that of the oldest entry that is
	// not signed; microseconds, 0 for none.
	Last, Waiting int64
	Held          bool   // after a restore
	Problem       string // what is wrong, empty when nothing was seen
}

// GlanceAt looks at a record from outside, beside a running signer or without one.
func GlanceAt(ctx context.Context, db *sqldb.DB, dir, verifierKey string) (g Glance, err error) {
	in := files{fs: durable.OS{}, dir: dir}
	b, err := in.checkpoint()
	if err != nil {
		return g, fmt.Errorf("read checkpoint: %w", err)
	}
	var cp Checkpoint
	if b != nil {
		if cp, err = ParseCheckpoint(b, verifierKey); err != nil {
			g.Problem = "checkpoint: " + err.Error()
		}
	}
	high, haveHigh, err := in.high()
	if err != nil {
		return g, err
	}
	r := db.Reader()
	if _, g.Held, err = Held(ctx, r); err != nil {
		return g, err
	}
	g.Signed = cp.Size
	last, err := Entries(ctx, r, Query{Limit: 1})
	if err != nil {
		g.Problem = err.Error()
		return g, nil
	}
	if len(last) > 0 {
		g.Entries, g.Last = last[0].Order, last[0].Time
	}
	if next, err := Entries(ctx, r, Query{After: cp.Size, Limit: 1}); err == nil && len(next) > 0 {
		g.Waiting = next[0].Time
	}
	switch {
	case g.Problem != "":
	case cp.Size > g.Entries:
		g.Problem = fmt.Sprintf("size %d was signed, but the database ends at entry %d: it is older", cp.Size, g.Entries)
	case cp.Size > 0 && !haveHigh && !g.Held:
		g.Problem = "the file that holds the largest size ever signed is missing"
	case haveHigh && high.Size > g.Entries:
		g.Problem = fmt.Sprintf("size %d was signed once, but the database ends at entry %d: it is older", high.Size, g.Entries)
	}
	if cp.Size > 0 && g.Problem == "" {
		t, err := loadTree(cp.Size, in.read)
		if err == nil && t.root() != cp.Root {
			err = fmt.Errorf("the tiles do not give the root of the checkpoint")
		}
		if err == nil {
			err = t.checkEntries()
		}
		if err != nil {
			g.Problem = err.Error()
		}
	}
	return g, nil
}
