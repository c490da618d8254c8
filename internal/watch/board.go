package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Board is the picture of the morning, for one reader's organisation. Every figure
// is the length of a list.
type Board struct {
	At         time.Time
	Heat       []HeatRow
	Open       uint64
	Late       []LateSource
	Quarantine int64 // rows that wait for a person
	Unknown    int64 // deliveries whose kind no mapping knows
	Failed     int64 // deliveries that could not be read
	Unrouted   uint64
	Held       []HeldSource
	Today      []Delivery // taken in since midnight UTC
	Outcomes   []OutcomeRow
}

// HeatRow is the open findings of one sector by severity; Sector "" is findings of
// organisations without a sector, and of nobody.
type HeatRow struct {
	Sector string
	Counts map[Severity]uint64
	Total  uint64
}

// LateSource is a source that should have delivered.
type LateSource struct {
	Source Source
	By     time.Duration
}

// HeldSource is a source whose findings wait for a person.
type HeldSource struct {
	Source   Source
	Findings uint64
}

// OutcomeRow says how long findings of a sector stood open until they were no longer
// seen: those gone in the quarter that runs, and in the one before. Medians are upper
// bounds, powers of two of hours; 0 when none was gone. Exercises are not in it.
type OutcomeRow struct {
	Sector     string
	Gone       int64
	Median     time.Duration
	GoneBefore int64
	Before     time.Duration
}

// boardCache keeps what is the same for everybody until something moves.
type boardCache struct {
	mu      sync.Mutex
	moves   uint64
	index   uint64
	sectors []sectorSet
}

type sectorSet struct {
	code string
	set  *roaring.Bitmap
}

// Board computes the board for a reader.
func (w *Watch) Board(ctx context.Context, r sqldb.Reader, org int64) (b Board, err error) {
	b.At = w.acts.Clock().Now()
	audiences, err := w.audiencesOf(ctx, r, org)
	if err != nil {
		return b, err
	}
	sectors := w.sectorSets()
	w.facets.view(func(x *facets) {
		open := bitmap2(x.state, Open)
		if !seesAll(org) {
			open = roaring.And(open, x.seenBy(audiences))
		}
		b.Open = open.GetCardinality()
		b.Unrouted = open.AndCardinality(bitmap2(x.level, uint8(constituency.Unrouted)))
		b.Heat = heat(x, open, sectors)
	})
	if err := w.boardOfSources(ctx, r, &b); err != nil {
		return b, err
	}
	if err := w.boardOfWaiting(ctx, r, &b); err != nil {
		return b, err
	}
	b.Outcomes, err = w.outcomes(ctx, r)
	return b, err
}

func heat(x *facets, open *roaring.Bitmap, sectors []sectorSet) []HeatRow {
	bySeverity := map[Severity]*roaring.Bitmap{}
	for _, s := range Severities() {
		bySeverity[s] = roaring.And(open, bitmap2(x.severity, s))
	}
	var rows []HeatRow
	for _, sec := range sectors {
		row := HeatRow{Sector: sec.code, Counts: map[Severity]uint64{}}
		for s, b := range bySeverity {
			if n := b.AndCardinality(sec.set); n > 0 {
				row.Counts[s] = n
				row.Total += n
			}
		}
		if row.Total > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b HeatRow) int { return compareHeat(a, b) })
	return rows
}

// compareHeat puts the sector with the gravest findings first.
func compareHeat(a, b HeatRow) int {
	for _, s := range Severities() {
		if x, y := a.Counts[s], b.Counts[s]; x != y {
			if x > y {
				return -1
			}
			return 1
		}
	}
	return 0
}

// sectorSets are the findings of each sector; an organisation of several sectors
// counts in each. Kept until facets or constituency move.
func (w *Watch) sectorSets() []sectorSet {
	x := w.constituency.Index()
	var moves uint64
	w.facets.view(func(f *facets) { moves = f.moves })
	c := &w.boardMem
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sectors != nil && c.moves == moves && c.index == x.Generation() {
		return c.sectors
	}
	orgs := map[string][]int64{}
	var none []int64
	x.EachOrg(func(o constituency.OrgInfo) bool {
		for _, s := range o.Sectors {
			orgs[s] = append(orgs[s], o.ID)
		}
		if len(o.Sectors) == 0 {
			none = append(none, o.ID)
		}
		return true
	})
	c.sectors = []sectorSet{}
	w.facets.view(func(f *facets) {
		for code, ids := range orgs {
			c.sectors = append(c.sectors, sectorSet{code, f.ofOrgs(ids)})
		}
		c.sectors = append(c.sectors, sectorSet{"", f.ofOrgs(append(none, 0))})
		c.moves, c.index = f.moves, x.Generation()
	})
	slices.SortFunc(c.sectors, func(a, b sectorSet) int { return compareText(a.code, b.code) })
	return c.sectors
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (w *Watch) boardOfSources(ctx context.Context, r sqldb.Reader, b *Board) error {
	srcs, err := w.Sources(ctx, r)
	if err != nil {
		return err
	}
	for _, s := range srcs {
		if by := s.Late(b.At); by > 0 {
			b.Late = append(b.Late, LateSource{s, by})
		}
		set, _, err := w.unreleased(ctx, r, s.ID)
		if err != nil {
			return err
		}
		if n := set.GetCardinality(); n > 0 {
			b.Held = append(b.Held, HeldSource{s, n})
		}
	}
	return nil
}

func (w *Watch) boardOfWaiting(ctx context.Context, r sqldb.Reader, b *Board) (err error) {
	count := func(query string, args ...any) (n int64) {
		if err == nil {
			n, _, err = sqldb.One(ctx, r, sqldb.Int64, query, args...)
		}
		return n
	}
	b.Quarantine = count(`select count(*) from (select 1 from watch_quarantine where state = 'open' limit 100001) as q`)
	b.Unknown = count(`select count(*) from watch_delivery where state = $1 and failure <> $2`, string(UnknownKind), forgotten)
	b.Failed = count(`select count(*) from watch_delivery where state = $1 and failure <> $2`, string(Failed), forgotten)
	if err != nil {
		return fmt.Errorf("count what waits: %w", err)
	}
	b.Today, err = w.Deliveries(ctx, r, DeliveryFilter{Since: day(b.At), Limit: 30})
	return err
}

// quarterOf is the first moment of a time's quarter, UTC.
func quarterOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
}

// outcomes sums up the counters of two quarters.
func (w *Watch) outcomes(ctx context.Context, r sqldb.Reader) (out []OutcomeRow, err error) {
	this := quarterOf(w.acts.Clock().Now())
	last := this.AddDate(0, -3, 0)
	type pair struct{ now, before map[int64]int64 }
	buckets := map[string]pair{}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var sector string
		var quarter, hours, n int64
		if err := row.Scan(&sector, &quarter, &hours, &n); err != nil {
			return err
		}
		if buckets[sector].now == nil {
			buckets[sector] = pair{map[int64]int64{}, map[int64]int64{}}
		}
		if quarter == clock.Micros(this) {
			buckets[sector].now[hours] += n
		} else {
			buckets[sector].before[hours] += n
		}
		return nil
	}, `select sector, quarter, hours, n from watch_outcome_quarter where quarter in ($1, $2)`, clock.Micros(this), clock.Micros(last))
	if err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	for s, b := range buckets {
		o := OutcomeRow{Sector: s}
		o.Gone, o.Median = medianOutcome(b.now)
		o.GoneBefore, o.Before = medianOutcome(b.before)
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b OutcomeRow) int { return compareText(a.Sector, b.Sector) })
	return out, nil
}

func sectorsOrNone(s []string) []string {
	if len(s) == 0 {
		return []string{""}
	}
	return s
}

func medianOutcome(b map[int64]int64) (gone int64, median time.Duration) {
	var hours []int64
	for h, n := range b {
		gone += n
		hours = append(hours, h)
	}
	slices.Sort(hours)
	left := (gone + 1) / 2
	for _, h := range hours {
		if left -= b[h]; left <= 0 {
			return gone, time.Duration(h) * time.Hour
		}
	}
	return gone, 0
}
