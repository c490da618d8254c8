package constituency

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// term is whose an asset is and when. A million assets have a few thousand different
// terms, so these stay in the processor's caches.
type term struct {
	org      int32
	from, to Day
	rank     uint8
}

// entry is one asset as the index holds it.
type entry struct {
	asset int64
	term
	next ref // the next choice of the same value
}

// ref stands for the choices of a value; 0 is none. A single choice is in the ref
// itself: the asset's id in the low bits, the number of its term above them. Several
// choices, and ids that do not fit, are a chain of entries in the slab.
type ref uint64

const (
	chained   ref = 1 << 63
	assetBits     = 36
	assetMask ref = 1<<assetBits - 1
)

// rankWaiting is the rank of a claim that nobody approved; it is kept for
// explanations and never taken.
const rankWaiting = uint8(Claimed) + 1

func rankOf(a *Asset) uint8 {
	if a.Waiting {
		return rankWaiting
	}
	return uint8(a.Source)
}

func (e *term) takenOn(day Day) bool {
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

// slab holds the terms and chains of an index and of all that were made of it. What
// is in it is written once, before anybody can know its number, and never changes;
// what a change leaves behind is gone with the next Load.
type slab struct {
	mu      sync.Mutex
	terms   pages[term]
	numbers map[term]uint64 // of terms
	entries pages[entry]
}

func newSlab() *slab { return &slab{numbers: map[term]uint64{}} }

const pageSize = 4096

// pages is a list that grows while others read it.
type pages[T any] struct {
	n   uint64
	all atomic.Pointer[[]*[pageSize]T]
}

func (p *pages[T]) at(i uint64) *T { return &(*p.all.Load())[i/pageSize][i%pageSize] }

// add appends v and returns its number; the caller holds the slab's lock.
func (p *pages[T]) add(v T) uint64 {
	var all []*[pageSize]T
	if have := p.all.Load(); have != nil {
		all = *have
	}
	if p.n/pageSize == uint64(len(all)) {
		all = append(slices.Clone(all), new([pageSize]T))
		p.all.Store(&all)
	}
	all[p.n/pageSize][p.n%pageSize] = v
	p.n++
	return p.n - 1
}

// put keeps a choice and what follows it.
func (s *slab) put(e entry) ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.next != 0 || e.asset <= 0 || ref(e.asset) > assetMask {
		return chained | ref(s.entries.add(e))
	}
	n, ok := s.numbers[e.term]
	if !ok {
		n = s.terms.add(e.term)
		s.numbers[e.term] = n
	}
	return ref(n)<<assetBits | ref(e.asset)
}

// read returns the first choice of a ref that is not 0.
func (s *slab) read(r ref) entry {
	if r&chained == 0 {
		return entry{asset: int64(r & assetMask), term: *s.terms.at(uint64(r >> assetBits))}
	}
	return *s.entries.at(uint64(r &^ chained))
}

// on returns the first choice among what is valid on the day.
func (s *slab) on(r ref, day Day) (asset int64, org int32, ok bool) {
	for r != 0 {
		if r&chained == 0 {
			t := s.terms.at(uint64(r >> assetBits))
			return int64(r & assetMask), t.org, t.takenOn(day)
		}
		e := s.entries.at(uint64(r &^ chained))
		if e.takenOn(day) {
			return e.asset, e.org, true
		}
		r = e.next
	}
	return 0, 0, false
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
	for r != 0 {
		e := s.read(r)
		es = append(es, e)
		r = e.next
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
