package watch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// AllOrgs reads as the machine: whatever the audience.
const AllOrgs int64 = -1

// Filter says which findings to list. Empty fields do not filter; several values
// of one field are an "or", fields are an "and".
type Filter struct {
	States     []State
	Severities []Severity
	Kinds      []string
	Sources    []string
	Sectors    []string
	Orgs       []int64
	Levels     []uint8
	IP         netip.Prefix // an address or a range
	Host       string
	Number     string
	Delivery   int64 // shown by this delivery
	Verified   bool
	Released   bool // not of what was found in shadow or on hold and waits to be released
}

// Page asks for a page of a list, newest first. Reader is the reader's
// organisation: what its audiences do not hold is not there for it.
type Page struct {
	Reader int64
	Before int64 // findings below this id; 0 from the newest
	After  int64 // instead: findings above this id, for going back
	Limit  int   // default 50, at most 1,000
}

// List is one page of findings.
type List struct {
	Findings []Finding
	Total    uint64 // of the filter, for this reader
	Older    bool   // there are older ones
	Newer    bool
}

// List returns a page of the findings that a filter and the reader's audiences
// leave. The facets answer which; SQL fetches and re-checks the rows.
func (w *Watch) List(ctx context.Context, r sqldb.Reader, f Filter, p Page) (l List, err error) {
	if p.Limit <= 0 {
		p.Limit = 50
	}
	p.Limit = min(p.Limit, 1000)
	set, err := w.matching(ctx, r, f, p.Reader)
	if err != nil {
		return l, err
	}
	l.Total = set.GetCardinality()
	ids := pageOf(set, p, &l)
	l.Findings, err = w.findingsByID(ctx, r, ids, p.Reader)
	return l, err
}

// pageOf picks the ids of one page, newest first.
func pageOf(set *roaring.Bitmap, p Page, l *List) (ids []uint32) {
	switch {
	case p.After > 0:
		it := set.Iterator()
		it.AdvanceIfNeeded(uint32(p.After) + 1)
		for it.HasNext() && len(ids) < p.Limit {
			ids = append(ids, it.Next())
		}
		l.Newer = it.HasNext()
		slices.Reverse(ids)
	case p.Before > 0:
		ids = lastBelow(set, uint32(p.Before), p.Limit)
	default:
		ids = lastBelow(set, ^uint32(0), p.Limit)
	}
	if len(ids) > 0 {
		l.Older = set.Rank(ids[len(ids)-1]) > 1
		l.Newer = l.Newer || set.Maximum() > ids[0]
	}
	return ids
}

// lastBelow returns the n highest members below a bound, highest first.
func lastBelow(set *roaring.Bitmap, bound uint32, n int) (ids []uint32) {
	below := set.GetCardinality()
	if bound != ^uint32(0) && bound > 0 {
		below = set.Rank(bound - 1)
	}
	for i := below; i > 0 && len(ids) < n; i-- {
		id, err := set.Select(uint32(i - 1))
		if err != nil {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// matching is the set of findings that a filter leaves for a reader.
func (w *Watch) matching(ctx context.Context, r sqldb.Reader, f Filter, org int64) (*roaring.Bitmap, error) {
	sets, err := w.filterBySQL(ctx, r, f)
	if err != nil {
		return nil, err
	}
	if f.Delivery != 0 {
		d, err := w.Delivery(ctx, r, f.Delivery)
		if err != nil {
			return nil, err
		}
		b, err := w.readBitmap(ctx, d.Presence)
		if err != nil {
			return nil, err
		}
		sets = append(sets, b)
	}
	withheld, err := w.withheld(ctx, r, f)
	if err != nil {
		return nil, err
	}
	audiences, err := w.audiencesOf(ctx, r, org)
	if err != nil {
		return nil, err
	}
	streams := w.streamsFor(ctx, r, f)
	if len(f.Sectors) > 0 {
		sets = append(sets, w.inSectors(f.Sectors))
	}
	var out *roaring.Bitmap
	w.facets.view(func(x *facets) {
		sets = append(sets, x.all)
		sets = appendAny(sets, x.state, f.States)
		sets = appendAny(sets, x.severity, f.Severities)
		sets = appendAny(sets, x.level, f.Levels)
		if streams != nil {
			sets = append(sets, x.ofStreams(streams))
		}
		if f.Orgs != nil {
			sets = append(sets, x.ofOrgs(f.Orgs))
		}
		if f.Verified {
			sets = append(sets, x.verified)
		}
		if !seesAll(org) {
			sets = append(sets, x.seenBy(audiences))
		}
		out = roaring.FastAnd(sets...)
	})
	for _, b := range withheld {
		out.AndNot(b)
	}
	return out, nil
}

// withheld are the sets of what nobody outside may be told yet, when a filter asks for
// what is released.
func (w *Watch) withheld(ctx context.Context, r sqldb.Reader, f Filter) (out []*roaring.Bitmap, err error) {
	if !f.Released {
		return nil, nil
	}
	all, err := w.Sources(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	for _, s := range all {
		h, err := w.heldOf(ctx, r, s.ID)
		if err != nil {
			return nil, err
		}
		if !h.news.IsEmpty() {
			out = append(out, h.news)
		}
	}
	return out, nil
}

func appendAny[K comparable](sets []*roaring.Bitmap, m map[K]*roaring.Bitmap, want []K) []*roaring.Bitmap {
	if len(want) == 0 {
		return sets
	}
	any := make([]*roaring.Bitmap, 0, len(want))
	for _, k := range want {
		if b := m[k]; b != nil {
			any = append(any, b)
		}
	}
	return append(sets, roaring.FastOr(any...))
}

func (w *Watch) audiencesOf(ctx context.Context, r sqldb.Reader, org int64) ([]guard.Audience, error) {
	if seesAll(org) {
		return nil, nil
	}
	return w.guard.AudiencesOf(ctx, r, org)
}

// seesAll tells whether an organisation is in every audience of findings: the desk's
// own is, always (guard.AudienceOf). SQL re-checks what is shown all the same.
func seesAll(org int64) bool { return org == AllOrgs || org == guard.OwnOrg }

// filterBySQL answers the parts of a filter that are no facets: address and
// number by index, host by address-like look-up.
func (w *Watch) filterBySQL(ctx context.Context, r sqldb.Reader, f Filter) (sets []*roaring.Bitmap, err error) {
	if f.Number != "" {
		id, err := w.numbers.Parse(f.Number)
		if err != nil {
			return nil, fault.OnField("number", "watch.number.form", fault.Args{"Value": fault.Clip(f.Number)})
		}
		b := roaring.New()
		if id < 1<<32 {
			b.Add(uint32(id))
		}
		sets = append(sets, b)
	}
	if f.IP.IsValid() {
		from, to := prefixRange(f.IP)
		b, err := idSet(ctx, r, `select id from watch_finding where ip >= $1 and ip <= $2 limit 1000000`, from, to)
		if err != nil {
			return nil, fmt.Errorf("find by address: %w", err)
		}
		sets = append(sets, b)
	}
	if f.Host != "" {
		b, err := idSet(ctx, r, `select id from watch_finding where host = $1 and host <> '' limit 1000000`, f.Host)
		if err != nil {
			return nil, fmt.Errorf("find by host: %w", err)
		}
		sets = append(sets, b)
	}
	return sets, nil
}

func idSet(ctx context.Context, r sqldb.Reader, query string, args ...any) (*roaring.Bitmap, error) {
	b := roaring.New()
	return b, sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		if err := row.Scan(&id); err != nil {
			return err
		}
		b.Add(uint32(id))
		return nil
	}, query, args...)
}

// prefixRange is the first and last address of a range, in stored form.
func prefixRange(p netip.Prefix) (from, to []byte) {
	first := p.Masked().Addr().As16()
	last := first
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		last[i/8] |= 1 << (7 - i%8)
	}
	return first[:], last[:]
}

// streamsFor resolves kinds and sources to streams; nil when neither is asked.
func (w *Watch) streamsFor(ctx context.Context, r sqldb.Reader, f Filter) []int64 {
	if len(f.Kinds) == 0 && len(f.Sources) == 0 {
		return nil
	}
	wanted := map[int64]bool{}
	for _, name := range f.Sources {
		if s, err := w.SourceNamed(ctx, r, name); err == nil {
			wanted[s.ID] = true
		}
	}
	out := []int64{}
	for _, s := range w.streamList() {
		if (len(f.Kinds) == 0 || slices.Contains(f.Kinds, s.Kind)) && (len(f.Sources) == 0 || wanted[s.Source]) {
			out = append(out, s.ID)
		}
	}
	return out
}

// inSectors is the set of findings in any of these sectors: the board's own sets, so
// that a sector of thousands of organisations costs nothing more.
func (w *Watch) inSectors(codes []string) *roaring.Bitmap {
	sets := make([]*roaring.Bitmap, 0, len(codes))
	for _, s := range w.sectorSets() {
		if slices.Contains(codes, s.code) {
			sets = append(sets, s.set)
		}
	}
	return roaring.FastOr(sets...)
}

func (w *Watch) streamList() []*streamState {
	w.mu.RLock()
	defer w.mu.RUnlock()
	out := make([]*streamState, 0, len(w.streams))
	for _, s := range w.streams {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *streamState) int { return int(a.ID - b.ID) })
	return out
}

// StreamOf returns the stream of that id.
func (w *Watch) StreamOf(id int64) (Stream, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	s := w.streams[id]
	if s == nil {
		return Stream{}, false
	}
	return s.Stream, true
}

// findingsByID fetches rows in the order of ids, re-checked for the reader: taken
// in, and in an audience of his organisation; with the overlay of what is not
// folded yet, and when each was seen last.
func (w *Watch) findingsByID(ctx context.Context, r sqldb.Reader, ids []uint32, org int64) ([]Finding, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(ids)+1)
	args = append(args, org)
	for _, id := range ids {
		args = append(args, int64(id))
	}
	fs, err := sqldb.All(ctx, r, scanFinding, `select `+findingColumns+` from watch_finding f
		join watch_delivery d on d.id = f.opened_by and d.act_order > 0
		where ($1 = -1 or exists (select 1 from guard_audience_org a where a.org_id = $1 and a.audience_id = f.audience))
		and f.id in `+sqldb.In(2, len(ids)), args...)
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	at := make(map[int64]int, len(ids))
	for i, id := range ids {
		at[int64(id)] = i
	}
	slices.SortFunc(fs, func(a, b Finding) int { return at[a.ID] - at[b.ID] })
	if err := w.overlay(ctx, r, fs); err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	if err := w.fillClasses(ctx, r, fs); err != nil {
		return nil, err
	}
	return fs, w.fillSeen(ctx, fs)
}

// fillSeen says, from presence, when each finding was seen last and how often.
func (w *Watch) fillSeen(ctx context.Context, fs []Finding) error {
	for i := range fs {
		f := &fs[i]
		for _, p := range w.presencesOf(f.Stream) {
			set, err := w.presenceSet(ctx, p)
			if err != nil {
				if fault.CodeOf(err) == fault.NotFound {
					continue // erased
				}
				return err
			}
			if !set.Contains(uint32(f.ID)) {
				continue
			}
			f.Seen++
			if p.observed.After(f.Last) {
				f.Last = p.observed
			}
		}
	}
	return nil
}

func (w *Watch) presencesOf(stream int64) []presence {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if s := w.streams[stream]; s != nil {
		return slices.Clone(s.presences)
	}
	return nil
}

// notSeenSince is the set of open findings of a stream that no delivery observed
// since a day shows and that did not open since.
func (w *Watch) notSeenSince(ctx context.Context, s *streamState, cutoff time.Time) (*roaring.Bitmap, error) {
	var stale *roaring.Bitmap
	w.facets.view(func(x *facets) {
		stale = roaring.And(bitmap2(x.state, Open), bitmap2(x.stream, uint16(s.ID)))
	})
	for _, p := range slices.Backward(w.presencesOf(s.ID)) {
		if p.observed.Before(cutoff) || stale.IsEmpty() {
			break
		}
		set, err := w.presenceSet(ctx, p)
		if err != nil {
			return nil, err
		}
		stale.AndNot(set)
	}
	return stale, nil
}

func (w *Watch) fillClasses(ctx context.Context, r sqldb.Reader, fs []Finding) error {
	cache := map[int64]Class{}
	for i := range fs {
		id := fs[i].Class.ID
		c, ok := cache[id]
		if !ok {
			var err error
			c, _, err = sqldb.One(ctx, r, func(row sqldb.Row) (c Class, err error) {
				return c, row.Scan(&c.ID, &c.Taxonomy, &c.Type, &c.Identifier)
			}, `select id, taxonomy, type, identifier from watch_class where id = $1`, id)
			if err != nil {
				return fmt.Errorf("read class: %w", err)
			}
			cache[id] = c
		}
		fs[i].Class = c
	}
	return nil
}

// Each calls f for every finding of a filter, newest first, for exports. It reads
// in pages, so memory does not grow.
func (w *Watch) Each(ctx context.Context, r sqldb.Reader, f Filter, org int64, do func(Finding) error) error {
	set, err := w.matching(ctx, r, f, org)
	if err != nil {
		return err
	}
	return w.eachOf(ctx, r, set.ReverseIterator(), org, do)
}

// eachOf reads findings by their ids in batches.
func (w *Watch) eachOf(ctx context.Context, r sqldb.Reader, it roaring.IntIterable, org int64, do func(Finding) error) error {
	for it.HasNext() {
		ids := make([]uint32, 0, 500)
		for it.HasNext() && len(ids) < cap(ids) {
			ids = append(ids, it.Next())
		}
		fs, err := w.findingsByID(ctx, r, ids, org)
		if err != nil {
			return err
		}
		for _, one := range fs {
			if err := do(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// Finding returns one finding by its number for a reader's organisation; NotFound
// when there is none, or none for him.
func (w *Watch) Finding(ctx context.Context, r sqldb.Reader, number string, org int64) (Finding, error) {
	id, err := w.numbers.Parse(number)
	if err != nil {
		return Finding{}, fault.OnField("number", "watch.number.form", fault.Args{"Value": fault.Clip(number)})
	}
	if id >= 1<<32 {
		return Finding{}, fault.New(fault.NotFound, "watch.finding.none", nil)
	}
	return w.visibleFinding(ctx, r, int64(id), org)
}
