package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight  = 8
	tileWidth   = 1 << tileHeight
	recordSize  = 32                      // a record is a commitment
	entrySize   = 2 + recordSize          // in an entries bundle: length, record
	levelData   = -1                      // the "level" of entries bundles
	maxTileSize = tileWidth * (2 + 1<<16) // bound on reading a tile file
)

// tile names one tile: w hashes (or entries) from n·256 on, at a tile level.
type tile struct {
	level int // 0 and up; levelData for entries
	n     int64
	w     int // 1 to 256
}

// path is the tile's place in the C2SP tlog-tiles layout.
func (t tile) path() string {
	p := tlog.Tile{H: tileHeight, L: t.level, N: t.n, W: t.w}.Path()
	p = strings.Replace(p, "tile/8/", "tile/", 1)
	return strings.Replace(p, "tile/data/", "tile/entries/", 1)
}

// full is the complete tile at the same place.
func (t tile) full() tile { return tile{t.level, t.n, tileWidth} }

// unit is the number of bytes of one hash or entry.
func (t tile) unit() int {
	if t.level == levelData {
		return entrySize
	}
	return tlog.HashSize
}

// end is the smallest tree size that has the whole tile.
func (t tile) end() int64 {
	shift := tileHeight * max(t.level, 0)
	return (t.n*tileWidth + int64(t.w)) << shift
}

// tree is an RFC 6962 tree that grows at its right edge: per tile level the
// incomplete tile. Its memory is a few kilobytes whatever its size.
type tree struct {
	size    int64
	edge    [][]byte // edge[L]: the hashes of the incomplete tile at level L
	entries []byte   // the incomplete entries bundle
}

// emit takes a tile that is complete; data is valid during the call only.
type emit func(t tile, data []byte) error

// append adds one record; every tile that it completes goes to full.
func (t *tree) append(record [32]byte, full emit) error {
	t.entries = binary.BigEndian.AppendUint16(t.entries, recordSize)
	t.entries = append(t.entries, record[:]...)
	h := tlog.RecordHash(record[:])
	t.size++
	if len(t.entries) == tileWidth*entrySize {
		if err := full(tile{levelData, t.size/tileWidth - 1, tileWidth}, t.entries); err != nil {
			return err
		}
		t.entries = t.entries[:0]
	}
	for level := 0; ; level++ {
		if level == len(t.edge) {
			t.edge = append(t.edge, nil)
		}
		t.edge[level] = append(t.edge[level], h[:]...)
		data := t.edge[level]
		if len(data) < tileWidth*tlog.HashSize {
			return nil
		}
		h = subtree(data)
		if err := full(tile{level, t.size>>(tileHeight*(level+1)) - 1, tileWidth}, data); err != nil {
			return err
		}
		t.edge[level] = data[:0]
	}
}

// root returns the tree's hash; that of the empty tree is SHA-256 of nothing.
func (t *tree) root() tlog.Hash {
	var acc tlog.Hash
	have := false
	for _, data := range t.edge {
		// The hashes of a level are complete subtrees of one height: fold them in
		// runs that are powers of two, smallest (rightmost) first.
		for n := len(data) / tlog.HashSize; n > 0; n &= n - 1 {
			run := (n & -n) * tlog.HashSize
			end := n * tlog.HashSize
			h := subtree(data[end-run : end])
			if have {
				h = tlog.NodeHash(h, acc)
			}
			acc, have = h, true
		}
	}
	if !have {
		return sha256.Sum256(nil)
	}
	return acc
}

// partials calls f with every incomplete tile.
func (t *tree) partials(f emit) error {
	if len(t.entries) > 0 {
		if err := f(tile{levelData, t.size / tileWidth, len(t.entries) / entrySize}, t.entries); err != nil {
			return err
		}
	}
	for level, data := range t.edge {
		if len(data) == 0 {
			continue
		}
		if err := f(tile{level, t.size >> (tileHeight * (level + 1)), len(data) / tlog.HashSize}, data); err != nil {
			return err
		}
	}
	return nil
}

// clone returns a tree that grows on its own.
func (t *tree) clone() *tree {
	c := &tree{size: t.size, entries: slices.Clone(t.entries)}
	for _, e := range t.edge {
		c.edge = append(c.edge, slices.Clone(e))
	}
	return c
}

// subtree hashes 2^k hashes to the root of their complete subtree.
func subtree(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	half := len(data) / 2
	return tlog.NodeHash(subtree(data[:half]), subtree(data[half:]))
}

// edgeTiles lists the incomplete tiles of a tree of the given size.
func edgeTiles(size int64) []tile {
	var out []tile
	if w := int(size % tileWidth); w > 0 {
		out = append(out, tile{levelData, size / tileWidth, w})
	}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		if w := int(n % tileWidth); w > 0 {
			out = append(out, tile{level, n / tileWidth, w})
		}
	}
	return out
}

// loadTree makes a tree of the given size from its incomplete tiles.
func loadTree(size int64, read func(tile) ([]byte, error)) (*tree, error) {
	t := &tree{size: size}
	for _, x := range edgeTiles(size) {
		data, err := read(x)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", x.path(), err)
		}
		if x.level == levelData {
			t.entries = slices.Clone(data)
			continue
		}
		for len(t.edge) <= x.level {
			t.edge = append(t.edge, nil)
		}
		t.edge[x.level] = slices.Clone(data)
	}
	return t, nil
}
