package watch

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

func keyOf(n uint64) (k Key) {
	h := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, n))
	copy(k[:], h[:])
	return k
}

// crowded puts many keys into few slots, so that runs are long.
func crowded(n uint64) (k Key) {
	binary.LittleEndian.PutUint64(k[8:], n)
	k[0] = byte(n % 3)
	return k
}

func TestKeyIndexKeepsWhatAMapKeeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, want := newKeyIndex(0), map[Key]uint32{}
		make := rapid.SampledFrom([]func(uint64) Key{keyOf, crowded}).Draw(t, "keys")
		for range rapid.IntRange(0, 300).Draw(t, "n") {
			k := make(rapid.Uint64Range(0, 60).Draw(t, "k"))
			if rapid.Bool().Draw(t, "remove") {
				x.remove(&k)
				delete(want, k)
			} else {
				id := rapid.Uint32Range(1, 1<<31).Draw(t, "id")
				x.put(&k, id)
				want[k] = id
			}
		}
		for n := range uint64(61) {
			k := make(n)
			if got := x.get(&k); got != want[k] {
				t.Fatalf("get(%d) = %d, want %d", n, got, want[k])
			}
		}
		if x.n != len(want) {
			t.Fatalf("holds %d keys, want %d", x.n, len(want))
		}
	})
}

func TestKeyIndexGrows(t *testing.T) {
	x := newKeyIndex(0)
	for n := range uint64(50_000) {
		k := keyOf(n)
		x.put(&k, uint32(n+1))
	}
	for n := range uint64(50_000) {
		k := keyOf(n)
		if got := x.get(&k); got != uint32(n+1) {
			t.Fatalf("get(%d) = %d, want %d", n, got, n+1)
		}
	}
}
