package constituency

import (
	"hash/maphash"
	"maps"
	"slices"
)

// entry is one asset as the index holds it.
type entry struct {
	asset    int64
	org      int32
	from, to Day
	rank     uint8
}

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

// cell holds the assets of one and the same value, first choice first. It is
// never changed in place; most cells hold one.
type cell struct {
	first entry
	more  *[]entry // all of them when there are several
}

func (c *cell) empty() bool { return c.first.asset == 0 }

// on returns the first choice among what is valid on the day.
func (c cell) on(day Day) (entry, bool) {
	if c.first.takenOn(day) && c.first.asset != 0 {
		return c.first, true
	}
	if c.more == nil {
		return entry{}, false
	}
	for i := range *c.more {
		if e := &(*c.more)[i]; e.takenOn(day) {
			return *e, true
		}
	}
	return entry{}, false
}

// all lists the entries, first choice first.
func (c cell) all() []entry {
	switch {
	case c.more != nil:
		return *c.more
	case c.empty():
		return nil
	}
	return []entry{c.first}
}

func (c cell) with(e entry) cell {
	if c.empty() {
		return cell{first: e}
	}
	es := append(slices.Clone(c.all()), e)
	slices.SortFunc(es, entry.order)
	return cell{first: es[0], more: &es}
}

func (c cell) without(asset int64) cell {
	es := slices.DeleteFunc(slices.Clone(c.all()), func(e entry) bool { return e.asset == asset })
	switch len(es) {
	case 0:
		return cell{}
	case 1:
		return cell{first: es[0]}
	}
	return cell{first: es[0], more: &es}
}

// shards is in how many maps names and numbers are split: a change copies one.
const shards = 4096

// names maps domain names to cells.
type names struct {
	seed   maphash.Seed
	shards *[shards]map[string]cell
	size   int
}

func newNames() names { return names{seed: maphash.MakeSeed(), shards: new([shards]map[string]cell)} }

func (n *names) get(name []byte) cell {
	return n.shards[maphash.Bytes(n.seed, name)%shards][string(name)]
}

func (n *names) modify(name string, f func(cell) cell, inPlace bool) {
	i := maphash.String(n.seed, name) % shards
	if !inPlace {
		s := *n.shards
		s[i] = maps.Clone(s[i])
		n.shards = &s
	}
	if n.shards[i] == nil {
		n.shards[i] = map[string]cell{}
	}
	before, was := n.shards[i][name]
	after := f(before)
	switch {
	case after.empty() && was:
		delete(n.shards[i], name)
		n.size--
	case !after.empty():
		n.shards[i][name] = after
		if !was {
			n.size++
		}
	}
}

func (n names) clone() names {
	s := *n.shards
	for i := range s {
		s[i] = maps.Clone(s[i])
	}
	n.shards = &s
	return n
}

// numbers maps AS numbers to cells.
type numbers struct{ shards *[shards]map[uint32]cell }

func newNumbers() numbers { return numbers{new([shards]map[uint32]cell)} }

// get returns the cell of a number; 0 is no number.
func (n *numbers) get(asn uint32) cell {
	if asn == 0 {
		return cell{}
	}
	return n.shards[asn%shards][asn]
}

func (n *numbers) modify(asn uint32, f func(cell) cell, inPlace bool) {
	i := asn % shards
	if !inPlace {
		s := *n.shards
		s[i] = maps.Clone(s[i])
		n.shards = &s
	}
	if n.shards[i] == nil {
		n.shards[i] = map[uint32]cell{}
	}
	if after := f(n.shards[i][asn]); after.empty() {
		delete(n.shards[i], asn)
	} else {
		n.shards[i][asn] = after
	}
}

func (n numbers) clone() numbers {
	s := *n.shards
	for i := range s {
		s[i] = maps.Clone(s[i])
	}
	return numbers{&s}
}
