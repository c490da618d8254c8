package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// ClockFilter says which running clocks to list; zero fields do not filter.
type ClockFilter struct {
	Until    time.Time // due by then
	Regime   string
	Sector   string // code, of whose duty it is
	OwedBy   int64  // organisation
	Exercise bool
	After    ClockCursor // keyset: those after this one
	Limit    int         // default 50
}

// ClockCursor is a place in the list of running clocks.
type ClockCursor struct {
	WarnAt time.Time
	ID     int64
}

// where is the condition on a running clock k that has a time.
func (f *ClockFilter) where(v Viewer) (string, []any) {
	args := []any{v.Org, v.Person, f.Exercise}
	conditions := []string{"k.state = 'running'", "k.warn_at > 0", mayClock, "k.exercise = $3"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	if !f.Until.IsZero() {
		add("k.warn_at <= $%d", clock.Micros(f.Until))
	}
	if f.Regime != "" {
		add("k.regime = $%d", f.Regime)
	}
	if f.Sector != "" {
		add("k.party_org in (select org_id from constituency_sector where sector = $%d)", f.Sector)
	}
	if f.OwedBy != 0 {
		add("k.owed_by_org = $%d", f.OwedBy)
	}
	return strings.Join(conditions, " and "), args
}

// RunningClocks lists the clocks that run and have a time, the first due first, so
// that the overdue ones stand on top, as far as a viewer may know of them.
func (in *Incidents) RunningClocks(ctx context.Context, r sqldb.Reader, v Viewer, f ClockFilter) ([]Clock, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	where, args := f.where(v)
	n := len(args)
	return sqldb.All(ctx, r, scanClock, `select `+clockColumns+` from incident_clock k where `+where+
		fmt.Sprintf(" and (k.warn_at > $%d or k.warn_at = $%d and k.id > $%d) order by k.warn_at, k.id limit $%d", n+1, n+1, n+2, n+3),
		append(args, stamp(f.After.WarnAt), f.After.ID, min(f.Limit, 5000))...)
}

// ClockCounts is how many clocks run out within a time.
type ClockCounts struct {
	Overdue int64         // the safe time has passed
	Within  map[int]int64 // by hours: due within so many, overdue ones included
	Nearest *Clock
}

// Horizons are the hours within which the board counts.
func Horizons() []int { return []int{6, 24, 24 * 7} }

// CountClocks counts what RunningClocks would list by the horizons of the board.
func (in *Incidents) CountClocks(ctx context.Context, r sqldb.Reader, v Viewer, f ClockFilter) (n ClockCounts, err error) {
	now := in.Acts.Clock().Now()
	count := func(until time.Time) (int64, error) {
		f.Until = until
		where, args := f.where(v)
		n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_clock k where `+where, args...)
		return n, err
	}
	if n.Overdue, err = count(now); err != nil {
		return n, err
	}
	n.Within = map[int]int64{}
	for _, h := range Horizons() {
		if n.Within[h], err = count(now.Add(time.Duration(h) * time.Hour)); err != nil {
			return n, err
		}
	}
	f.Until, f.Limit, f.After = time.Time{}, 1, ClockCursor{}
	first, err := in.RunningClocks(ctx, r, v, f)
	if len(first) > 0 {
		n.Nearest = &first[0]
	}
	return n, err
}
