package watch

import (
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/guard"
)

// attr is what the facets know of one finding by its id, 16 bytes.
type attr struct {
	org      uint32
	audience uint32
	stream   uint16
	state    State
	severity Severity
	level    uint8
	flags    Flags
	visible  bool // its delivery has been taken in
}

// attrs are kept by id, in pages: numbers that were left out cost nothing.
type attrs []*[attrPage]attr

const attrPage = 1 << 12

// at returns the place of an id that was set.
func (s attrs) at(id uint32) *attr { return &s[id/attrPage][id%attrPage] }

// facets are bitmaps of finding ids by what lists filter on. Ids rise in the
// order of opening, so the newest is the highest. A list is an AND, a figure of
// the board is a cardinality. They are rebuilt at start from the rows and moved
// by what is committed; SQL re-checks every row that is shown.
//
// Batches are prepared outside the lock and merged inside, so that taking in a
// million findings holds readers for milliseconds.
type facets struct {
	mu       sync.RWMutex
	attrs    attrs
	all      *roaring.Bitmap
	state    map[State]*roaring.Bitmap
	severity map[Severity]*roaring.Bitmap
	level    map[uint8]*roaring.Bitmap
	stream   map[uint16]*roaring.Bitmap
	org      map[uint32]*roaring.Bitmap
	audience map[uint32]*roaring.Bitmap
	verified *roaring.Bitmap
	weak     *roaring.Bitmap
	moves    uint64 // rises with every change; caches of sums compare it
}

func newFacets() *facets {
	return &facets{
		all: roaring.New(), verified: roaring.New(), weak: roaring.New(),
		state: map[State]*roaring.Bitmap{}, severity: map[Severity]*roaring.Bitmap{},
		level: map[uint8]*roaring.Bitmap{}, stream: map[uint16]*roaring.Bitmap{},
		org: map[uint32]*roaring.Bitmap{}, audience: map[uint32]*roaring.Bitmap{},
	}
}

// bitmap returns m's bitmap for k, making it when it is new.
func bitmap[K comparable](m map[K]*roaring.Bitmap, k K) *roaring.Bitmap {
	b := m[k]
	if b == nil {
		b = roaring.New()
		m[k] = b
	}
	return b
}

// set notes what is known of a finding; it does not make it visible. The facets are
// locked. Ids may come in any order.
func (f *facets) set(id uint32, a attr) {
	page := int(id / attrPage)
	if n := page + 1 - len(f.attrs); n > 0 {
		f.attrs = append(f.attrs, make(attrs, n)...)
	}
	if f.attrs[page] == nil {
		f.attrs[page] = new([attrPage]attr)
	}
	*f.attrs.at(id) = a
}

// attrOf returns what is known of a finding.
func (f *facets) attrOf(id uint32) attr {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.at(id)
}

func (f *facets) at(id uint32) attr {
	if page := int(id / attrPage); page >= len(f.attrs) || f.attrs[page] == nil {
		return attr{}
	}
	return *f.attrs.at(id)
}

// partsOf prepares what show merges, outside any lock: nobody else changes what is
// known of a finding that is not visible yet.
func (f *facets) partsOf(ids *roaring.Bitmap) *facets {
	f.mu.RLock()
	known := f.attrs
	f.mu.RUnlock()
	parts := newFacets()
	for it := ids.Iterator(); it.HasNext(); {
		id := it.Next()
		parts.index(id, *known.at(id))
	}
	return parts
}

// show makes prepared findings visible: parts are partsOf the same ids.
func (f *facets) show(ids *roaring.Bitmap, parts *facets) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for it := ids.Iterator(); it.HasNext(); {
		f.attrs.at(it.Next()).visible = true
	}
	f.merge(parts)
	f.moves++
}

// load makes findings visible at start, when nobody reads yet.
func (f *facets) load(id uint32, a attr) {
	f.set(id, a)
	if a.visible {
		f.index(id, a)
	}
}

func (f *facets) index(id uint32, a attr) {
	f.all.Add(id)
	bitmap(f.state, a.state).Add(id)
	bitmap(f.severity, a.severity).Add(id)
	bitmap(f.level, a.level).Add(id)
	bitmap(f.stream, a.stream).Add(id)
	bitmap(f.org, a.org).Add(id)
	bitmap(f.audience, a.audience).Add(id)
	if a.flags&Verified != 0 {
		f.verified.Add(id)
	}
	if a.flags&WeakKey != 0 {
		f.weak.Add(id)
	}
}

func (f *facets) merge(p *facets) {
	f.all.Or(p.all)
	f.verified.Or(p.verified)
	f.weak.Or(p.weak)
	mergeMap(f.state, p.state)
	mergeMap(f.severity, p.severity)
	mergeMap(f.level, p.level)
	mergeMap(f.stream, p.stream)
	mergeMap(f.org, p.org)
	mergeMap(f.audience, p.audience)
}

func mergeMap[K comparable](into, from map[K]*roaring.Bitmap) {
	for k, b := range from {
		bitmap(into, k).Or(b)
	}
}

// moveState puts those of a set that are in one state into another at once. One
// that a person has moved meanwhile stays where it is.
func (f *facets) moveState(set *roaring.Bitmap, from, to State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := roaring.And(set, bitmap(f.state, from))
	bitmap(f.state, from).AndNot(ids)
	bitmap(f.state, to).Or(ids)
	for it := ids.Iterator(); it.HasNext(); {
		f.attrs.at(it.Next()).state = to
	}
	f.moves++
}

// change replaces what is known of one visible finding.
func (f *facets) change(id uint32, edit func(*attr)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.at(id)
	a := old
	edit(&a)
	f.set(id, a)
	if !old.visible {
		return
	}
	swap(f.state, old.state, a.state, id)
	swap(f.severity, old.severity, a.severity, id)
	swap(f.level, old.level, a.level, id)
	swap(f.org, old.org, a.org, id)
	swap(f.audience, old.audience, a.audience, id)
	if a.flags&Verified != 0 {
		f.verified.Add(id)
	} else {
		f.verified.Remove(id)
	}
	f.moves++
}

func swap[K comparable](m map[K]*roaring.Bitmap, from, to K, id uint32) {
	if from != to {
		bitmap(m, from).Remove(id)
		bitmap(m, to).Add(id)
	}
}

// view runs read with the facets held still. What it keeps must be a copy.
func (f *facets) view(read func(*facets)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	read(f)
}

// seenBy is the set of findings whose audience holds one of these.
func (f *facets) seenBy(audiences []guard.Audience) *roaring.Bitmap {
	sets := make([]*roaring.Bitmap, 0, len(audiences))
	for _, a := range audiences {
		if b := f.audience[uint32(a)]; b != nil {
			sets = append(sets, b)
		}
	}
	return roaring.FastOr(sets...)
}

// ofOrgs is the set of findings of any of these organisations.
func (f *facets) ofOrgs(orgs []int64) *roaring.Bitmap {
	sets := make([]*roaring.Bitmap, 0, len(orgs))
	for _, o := range orgs {
		if b := f.org[uint32(o)]; b != nil {
			sets = append(sets, b)
		}
	}
	return roaring.FastOr(sets...)
}

// ofStreams is the set of findings of any of these streams.
func (f *facets) ofStreams(streams []int64) *roaring.Bitmap {
	sets := make([]*roaring.Bitmap, 0, len(streams))
	for _, s := range streams {
		if b := f.stream[uint16(s)]; b != nil {
			sets = append(sets, b)
		}
	}
	return roaring.FastOr(sets...)
}
