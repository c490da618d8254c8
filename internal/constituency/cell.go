package constituency

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// entry is one asset as the index holds it: 32 bytes, so that it never lies across
// two cache lines.
type entry struct {
	asset    int64
	org      int32
	from, to Day
	next     ref // the next choice of the same value
	rank     uint8
}

// ref points at the first choice of a value in the slab; 0 is none.
type ref uint32

// rankWaiting is the rank of a claim that nobody approved; it is kept for
// explanations and never taken.
const rankWaiting = uint8(Claimed) + 1

func rankOf(a *Asset) uint8 {
	if a.Waiting {
		return rankWaiting
	}
	return uint8(a.Source)
}

func (e *entry) takenOn(day Day) bool {
	return e.from <= day && day <= e.to && e.rank != rankWaiting
}

// order: manual before import before claimed; then what began later; then the
// older asset.
func (e entry) order(o entry) int {
	switch {
	case e.rank != o.rank:
		return int(e.rank) - int(o.rank)
	case e.from != o.from:
		return int(o.from) - int(e.from)
	case e.asset < o.asset:
		return -1
	}
	return 1
}

const pageSize = 4096

// slab holds the entries of an index and of all that were made of it. An entry is
// written once, before anybody can know its ref, and never changes; what a change
// leaves behind is gone with the next Load.
type slab struct {
	mu    sync.Mutex
	n     ref // last one written
	pages atomic.Pointer[[]*[pageSize]entry]
}

func newSlab() *slab {
	s := &slab{}
	s.pages.Store(new([]*[pageSize]entry))
	return s
}

func (s *slab) at(r ref) *entry { return &(*s.pages.Load())[r/pageSize][r%pageSize] }

func (s *slab) put(e entry) ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	pages := *s.pages.Load()
	if int(s.n/pageSize) == len(pages) {
		pages = append(slices.Clone(pages), new([pageSize]entry))
		s.pages.Store(&pages)
	}
	pages[s.n/pageSize][s.n%pageSize] = e
	return s.n
}

// on returns the first choice among what is valid on the day, nil when nothing is.
func (s *slab) on(r ref, day Day) *entry {
	for r != 0 {
		e := s.at(r)
		if e.takenOn(day) {
			return e
		}
		r = e.next
	}
	return nil
}

// with returns the choices of r and e, in order.
func (s *slab) with(r ref, e entry) ref {
	if r == 0 {
		return s.put(e)
	}
	es := append(s.all(r), e)
	slices.SortFunc(es, entry.order)
	return s.chain(es)
}

// without returns the choices of r without an asset.
func (s *slab) without(r ref, asset int64) ref {
	es := s.all(r)
	left := slices.DeleteFunc(slices.Clone(es), func(e entry) bool { return e.asset == asset })
	if len(left) == len(es) {
		return r
	}
	return s.chain(left)
}

// all copies the choices of r, first choice first.
func (s *slab) all(r ref) (es []entry) {
	for ; r != 0; r = s.at(r).next {
		es = append(es, *s.at(r))
	}
	return es
}

func (s *slab) chain(es []entry) (r ref) {
	for _, e := range slices.Backward(es) {
		e.next = r
		r = s.put(e)
	}
	return r
}

// shards is in how many maps names and numbers are split: a change copies one.
const shards = 4096

// sharded maps keys to choices.
type sharded[K comparable] struct {
	maps *[shards]map[K]ref
	size int
}

func newSharded[K comparable]() sharded[K] { return sharded[K]{maps: new([shards]map[K]ref)} }

// modify replaces a key's choices by what f makes of them.
func (m *sharded[K]) modify(shard uint64, key K, f func(ref) ref, inPlace bool) {
	if !inPlace {
		c := *m.maps
		c[shard] = maps.Clone(c[shard])
		m.maps = &c
	}
	if m.maps[shard] == nil {
		m.maps[shard] = map[K]ref{}
	}
	before := m.maps[shard][key]
	after := f(before)
	switch {
	case after == 0 && before != 0:
		delete(m.maps[shard], key)
		m.size--
	case after != 0:
		m.maps[shard][key] = after
		if before == 0 {
			m.size++
		}
	}
}

func (m sharded[K]) clone() sharded[K] {
	c := *m.maps
	for i := range c {
		c[i] = maps.Clone(c[i])
	}
	m.maps = &c
	return m
}

// names maps domain names to choices.
type names struct {
	seed maphash.Seed
	sharded[string]
}

func newNames() names { return names{maphash.MakeSeed(), newSharded[string]()} }

func (n *names) get(name []byte) ref {
	return n.maps[maphash.Bytes(n.seed, name)%shards][string(name)]
}

func (n *names) modify(name string, f func(ref) ref, inPlace bool) {
	n.sharded.modify(maphash.String(n.seed, name)%shards, name, f, inPlace)
}

func (n names) clone() names { return names{n.seed, n.sharded.clone()} }

// numbers maps AS numbers to choices; 0 is no number.
type numbers struct{ sharded[uint32] }

func newNumbers() numbers { return numbers{newSharded[uint32]()} }

func (n *numbers) get(asn uint32) ref { return n.maps[asn%shards][asn] }

func (n *numbers) modify(asn uint32, f func(ref) ref, inPlace bool) {
	n.sharded.modify(uint64(asn%shards), asn, f, inPlace)
}

func (n numbers) clone() numbers { return numbers{n.sharded.clone()} }
