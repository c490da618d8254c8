package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"regexp"

	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
)

// files is the log's folder: tiles and checkpoint, and beside it the file "high".
type files struct {
	fs  durable.FS
	dir string
}

func (f files) path(rel string) string { return filepath.Join(f.dir, filepath.FromSlash(rel)) }

// highPath is outside the folder: a restored folder does not bring it back.
func (f files) highPath() string { return filepath.Join(filepath.Dir(filepath.Clean(f.dir)), "high") }

// read returns a tile's data. A partial tile that is gone because its full tile
// was written is cut out of that.
func (f files) read(t tile) ([]byte, error) {
	want := t.w * t.unit()
	b, err := durable.ReadFile(f.fs, f.path(t.path()), maxTileSize)
	if errors.Is(err, fs.ErrNotExist) && t.w < tileWidth {
		b, err = durable.ReadFile(f.fs, f.path(t.full().path()), maxTileSize)
		if err == nil && len(b) > want {
			b = b[:want]
		}
	}
	if err != nil {
		return nil, err
	}
	if len(b) != want {
		return nil, fmt.Errorf("%d bytes, want %d", len(b), want)
	}
	return b, nil
}

// batch writes tiles; their folders are synced once, by sync.
type batch struct {
	files
	dirs map[string]bool
}

// write puts a tile's file in place, its content durable, its name not yet.
func (b *batch) write(t tile, data []byte) error {
	name := b.path(t.path())
	dir := filepath.Dir(name)
	if !b.dirs[dir] {
		if err := durable.MkdirAll(b.fs, dir, 0o755); err != nil {
			return fmt.Errorf("write %s: %w", t.path(), err)
		}
		b.dirs[dir] = true
	}
	temp, err := durable.WriteTemp(b.fs, dir, data, 0o644)
	if err == nil {
		err = b.fs.Rename(temp, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", t.path(), err)
	}
	return nil
}

// sync makes the names durable.
func (b *batch) sync() error {
	for dir := range b.dirs {
		if err := b.fs.SyncDir(dir); err != nil {
			return fmt.Errorf("write tiles: %w", err)
		}
	}
	return nil
}

// dropPartials removes the partial files of tiles that are complete now, as C2SP
// tlog-tiles allows. What cannot be removed stays: it does no harm.
func (f files) dropPartials(old, size int64) {
	for _, t := range edgeTiles(old) {
		if t.full().end() > size {
			continue
		}
		dir := filepath.Dir(f.path(t.path()))
		entries, err := f.fs.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			_ = f.fs.Remove(filepath.Join(dir, e.Name()))
		}
		_ = f.fs.Remove(dir)
	}
}

// checkpoint reads the file "checkpoint"; nil bytes when there is none.
func (f files) checkpoint() ([]byte, error) {
	b, err := durable.ReadFile(f.fs, f.path("checkpoint"), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// high reads the largest tree ever signed; ok is false when the file is missing.
func (f files) high() (c Checkpoint, ok bool, err error) {
	b, err := durable.ReadFile(f.fs, f.highPath(), 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		c, err = parseText(string(b))
	}
	if err != nil {
		return c, false, fmt.Errorf("read %s: %w", f.highPath(), err)
	}
	return c, true, nil
}

func (f files) writeHigh(c Checkpoint) error {
	if err := durable.WriteFile(f.fs, f.highPath(), []byte(c.text()), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", f.highPath(), err)
	}
	return nil
}

func (f files) writeCheckpoint(c Checkpoint) error {
	if err := durable.WriteFile(f.fs, f.path("checkpoint"), c.Note, 0o644); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}

// hashes reads a tree's hashes from its tiles, checked against its root.
func (f files) hashes(size int64, root tlog.Hash) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, tileReader{f})
}

// tileReader is files as tlog wants to read them.
type tileReader struct{ files }

// Height returns the height of a tile.
func (tileReader) Height() int { return tileHeight }

// SaveTiles does nothing: the tiles come from where they would be saved to.
func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles reads tiles from files.
func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		var err error
		if out[i], err = r.read(tile{t.L, t.N, t.W}); err != nil {
			return nil, fmt.Errorf("read %s: %w", tile{t.L, t.N, t.W}.path(), err)
		}
	}
	return out, nil
}

// Tile returns a file of the log for those who may have its tiles: "checkpoint",
// "tile/<L>/<N>[.p/<W>]" or "tile/entries/<N>[.p/<W>]" (C2SP tlog-tiles). Anything
// else, and tiles that no checkpoint covers yet, are fault not_found; so are
// partial tiles whose full tile is there, which clients must ask for instead.
func (l *Log) Tile(path string) ([]byte, error) {
	unknown := fault.New(fault.NotFound, "ledger.tile.unknown", nil)
	cp, err := l.Checkpoint()
	if err != nil {
		return nil, err
	}
	if path == "checkpoint" {
		return cp.Note, nil
	}
	t, ok := parseTilePath(path)
	if !ok || t.end() > cp.Size {
		return nil, unknown
	}
	b, err := durable.ReadFile(l.files.fs, l.files.path(path), maxTileSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknown
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}

// tilePathForm is the outer form of a path; the tlog parser checks the rest.
var tilePathForm = regexp.MustCompile(`^tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?)$`)

func parseTilePath(path string) (tile, bool) {
	m := tilePathForm.FindStringSubmatch(path)
	if m == nil || len(path) > 60 {
		return tile{}, false
	}
	level := m[1]
	if level == "entries" {
		level = "data"
	}
	t, err := tlog.ParseTilePath("tile/8/" + level + "/" + m[2])
	if err != nil || t.N >= math.MaxInt64>>(tileHeight*min(max(t.L, 0)+1, 7)) || t.L > 6 {
		return tile{}, false // no log grows that large
	}
	return tile{t.L, t.N, t.W}, true
}
