package watch

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/foundation/sqldb"
)

// verdict is what the deliveries of a stream, taken together, say about its
// findings: who is gone, who is back, whose proof of absence fell.
type verdict struct {
	gone      *roaring.Bitmap // open → no longer seen
	lastSeen  []seenOn        // when the gone ones were seen last
	reopened  *roaring.Bitmap // seen again on a later day
	corrected *roaring.Bitmap // no longer seen → open: the proof was wrong
}

// seenOn says on which day a set of findings was seen last.
type seenOn struct {
	day time.Time
	set *roaring.Bitmap
}

// evaluation is the input of evaluate, all sets of one stream. It is pure, so that
// the rules can be tested without a database.
type evaluation struct {
	presences []presence // all, this delivery's too, by day; sets loaded from need on
	needed    int        // N: days of full scans without it
	byAbsence bool
	newest    bool            // this delivery is of a later day than any other
	this      *roaring.Bitmap // what this delivery shows
	open      *roaring.Bitmap // open before, and opened by this delivery
	gone      *roaring.Bitmap // no longer seen before
	other     *roaring.Bitmap // expired, or closed before this delivery's day
	weak      *roaring.Bitmap
	blocked   *roaring.Bitmap // findings at readable addresses of quarantined rows since from
}

// provenSince is the N-th latest day on which a delivery proves; ok is false when
// there are not that many.
func provenSince(ps []presence, n int) (from time.Time, ok bool) {
	var last time.Time
	for _, p := range slices.Backward(ps) {
		if !p.proves || p.observed.Equal(last) {
			continue
		}
		last = p.observed
		if n--; n == 0 {
			return last, true
		}
	}
	return time.Time{}, false
}

// evaluate applies the rule of absence: an open finding is gone when the N latest
// proving days do not show it, no delivery since shows it, its address is not
// blocked and its key is strong; one that is back, or whose proof fell, opens.
func evaluate(e evaluation) verdict {
	v := verdict{gone: roaring.New(), reopened: roaring.New(), corrected: roaring.New()}
	v.reopened = roaring.And(e.this, e.other)
	if !e.byAbsence {
		v.reopened.Or(roaring.And(e.this, e.gone))
		return v
	}
	from, ok := provenSince(e.presences, e.needed)
	if !ok {
		return v
	}
	since := roaring.New()
	for _, p := range e.presences {
		if !p.observed.Before(from) {
			since.Or(p.set)
		}
	}
	v.gone = roaring.AndNot(e.open, since)
	v.gone.AndNot(e.weak)
	v.gone.AndNot(e.blocked)
	back := roaring.And(e.gone, since)
	v.reopened.Or(roaring.And(back, e.this))
	if !e.newest {
		v.corrected = back
		v.reopened.AndNot(e.gone)
	} else {
		v.corrected = roaring.AndNot(back, e.this)
	}
	v.lastSeen = lastSeen(e.presences, from, v.gone)
	return v
}

// lastSeen says for each finding of a set on which day before from it was seen.
func lastSeen(ps []presence, from time.Time, set *roaring.Bitmap) []seenOn {
	left := set.Clone()
	var out []seenOn
	for _, p := range slices.Backward(ps) {
		if left.IsEmpty() {
			break
		}
		if !p.observed.Before(from) || p.set == nil {
			continue
		}
		if on := roaring.And(left, p.set); !on.IsEmpty() {
			out = append(out, seenOn{day: p.observed, set: on})
			left.AndNot(on)
		}
	}
	return out
}

// Reasons why a delivery proves nothing; they are catalogue keys.
const (
	provesNotFull      = "watch.proves.not_full"
	provesNotByAbsence = "watch.proves.not_by_absence"
	provesLostKey      = "watch.proves.lost_key"
	provesFewRows      = "watch.proves.few_rows"
	provesSwallowed    = "watch.proves.swallowed"
	provesQuarantine   = "watch.proves.much_quarantine"
)

// proof decides whether a delivery's silence about a finding counts, and if not
// why: by its stream, its columns, its size against the median of the last seven
// days' deliveries (from the third delivery on), its quarantine, and how many of its
// lines stand inside other rows' cells: two stray quotes swallow what lies between.
func proof(s Stream, lostKey bool, lines int64, c Counts, earlier []presence) (proves bool, why string) {
	switch {
	case s.ClosesBy != ByAbsence:
		return false, provesNotByAbsence
	case !s.FullScan:
		return false, provesNotFull
	case lostKey:
		return false, provesLostKey
	case c.Quarantined*5 > c.Rows:
		return false, provesQuarantine
	case (lines-c.Rows)*5 > lines:
		return false, provesSwallowed
	}
	if m, ok := medianRows(earlier); ok && 2*c.Rows < m {
		return false, provesFewRows
	}
	return true, ""
}

// medianRows is the median of the rows of the last seven presences; ok from two
// on: the third delivery is the first that is checked.
func medianRows(ps []presence) (int64, bool) {
	if len(ps) < 2 {
		return 0, false
	}
	var rows []int64
	for _, p := range ps[max(len(ps)-7, 0):] {
		rows = append(rows, p.rows)
	}
	slices.Sort(rows)
	return rows[len(rows)/2], true
}

// blockedSince finds the findings of a stream at readable addresses of rows that
// are still in quarantine, of this stream's deliveries observed since a day.
func (w *Watch) blockedSince(ctx context.Context, s *streamState, this *Delivery, from time.Time) (*roaring.Bitmap, error) {
	blocked := roaring.New()
	for _, p := range s.presences {
		if p.observed.Before(from) || p.delivery == this.ID {
			continue
		}
		if err := w.addBlocked(ctx, s.ID, p.delivery, blocked); err != nil {
			return nil, err
		}
	}
	return blocked, w.addBlocked(ctx, s.ID, this.ID, blocked)
}

func (w *Watch) addBlocked(ctx context.Context, stream, delivery int64, into *roaring.Bitmap) error {
	err := sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var id int64
		if err := r.Scan(&id); err != nil {
			return err
		}
		into.Add(uint32(id))
		return nil
	}, `select f.id from watch_blocked b join watch_finding f on f.ip = b.ip
		where b.delivery_id = $1 and f.stream_id = $2`, delivery, stream)
	if err != nil {
		return fmt.Errorf("find blocked addresses: %w", err)
	}
	return nil
}
