package watch

// Key is what makes a finding the same finding: the first 16 bytes of SHA-256
// over its stream and key fields.
type Key [16]byte

// keyIndex maps the keys of one stream to inner finding ids. It is an open
// addressed table of 20 bytes a slot, at most three quarters full: about 30 MB for
// a million findings, no pointers for the collector to follow. The key is itself
// a hash, so its first bytes are the slot. Id 0 marks an empty slot.
type keyIndex struct {
	keys []Key
	ids  []uint32
	n    int
}

func newKeyIndex(capacity int) *keyIndex {
	size := 1024
	for size*3/4 < capacity {
		size *= 2
	}
	return &keyIndex{keys: make([]Key, size), ids: make([]uint32, size)}
}

func (x *keyIndex) slot(k *Key) int {
	h := uint64(k[0]) | uint64(k[1])<<8 | uint64(k[2])<<16 | uint64(k[3])<<24 | uint64(k[4])<<32 | uint64(k[5])<<40
	return int(h) & (len(x.keys) - 1)
}

// get returns the id of a key, 0 when it is not there.
func (x *keyIndex) get(k *Key) uint32 {
	mask := len(x.keys) - 1
	for i := x.slot(k); ; i = (i + 1) & mask {
		if x.ids[i] == 0 {
			return 0
		}
		if x.keys[i] == *k {
			return x.ids[i]
		}
	}
}

// put sets the id of a key.
func (x *keyIndex) put(k *Key, id uint32) {
	if (x.n+1)*4 > len(x.keys)*3 {
		x.grow()
	}
	mask := len(x.keys) - 1
	i := x.slot(k)
	for x.ids[i] != 0 && x.keys[i] != *k {
		i = (i + 1) & mask
	}
	if x.ids[i] == 0 {
		x.n++
	}
	x.keys[i], x.ids[i] = *k, id
}

func (x *keyIndex) grow() {
	old := *x
	*x = keyIndex{keys: make([]Key, 2*len(old.keys)), ids: make([]uint32, 2*len(old.ids))}
	for i, id := range old.ids {
		if id != 0 {
			x.put(&old.keys[i], id)
		}
	}
}

// remove takes a key out, moving later entries of its run back so that no slot
// that a search passes is left empty.
func (x *keyIndex) remove(k *Key) {
	mask := len(x.keys) - 1
	i := x.slot(k)
	for x.ids[i] != 0 && x.keys[i] != *k {
		i = (i + 1) & mask
	}
	if x.ids[i] == 0 {
		return
	}
	x.n--
	for j := (i + 1) & mask; x.ids[j] != 0; j = (j + 1) & mask {
		home := x.slot(&x.keys[j])
		if (j-home)&mask >= (j-i)&mask {
			x.keys[i], x.ids[i] = x.keys[j], x.ids[j]
			i = j
		}
	}
	x.ids[i] = 0
}
