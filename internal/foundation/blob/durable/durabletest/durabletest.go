// Package durabletest is a file system in memory whose power can be cut.
//
// It keeps two states: what the program sees, and what a disk would hold. File
// content reaches the disk by Sync, names by SyncDir. [FS.CutAt] makes the n-th
// change fail, and everything after it, as if the machine had stopped; [FS.Restart]
// then shows one of the states that the disk may be in: [Lost] (nothing that was
// not synced), [Kept] (everything that was written, as after a killed process) or
// [Torn] (of what was not synced, an arbitrary part).
//
// It also runs full: see [FS.SetRoom].
package durabletest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"almenara.example/internal/foundation/blob/durable"
)

// ErrCut is what every operation returns once the power is cut.
var ErrCut = errors.New("the power is cut")

// Loss says what survives of changes that were not synced.
type Loss int

// The three ways to lose power.
const (
	Lost Loss = iota
	Kept
	Torn
)

// FS is the file system. The zero value is not usable; see New.
type FS struct {
	mu    sync.Mutex
	seen  map[string]*node // what the program sees
	disk  map[string]*node // the names that a power cut leaves
	steps int
	cutAt int   // 0: never
	room  int64 // bytes that may still be written; negative: no bound
	cut   bool
	rand  *rand.Rand
}

type node struct {
	dir    bool
	data   []byte
	synced []byte
	mod    time.Time
}

// New returns an empty file system with the folder "/". seed steers Torn.
func New(seed uint64) *FS {
	root := &node{dir: true}
	return &FS{
		seen: map[string]*node{"/": root}, disk: map[string]*node{"/": root}, room: -1,
		rand: rand.New(rand.NewPCG(seed, 0)),
	}
}

// Steps returns how many changes were made.
func (f *FS) Steps() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// CutAt cuts the power at the n-th change from now on (1 is the next).
func (f *FS) CutAt(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cutAt = f.steps + n
}

// SetRoom bounds the bytes that may still be written; then writes fail with
// ENOSPC. A negative number takes the bound away.
func (f *FS) SetRoom(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.room = n
}

// Restart brings the power back with what the disk holds.
func (f *FS) Restart(loss Loss) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut, f.cutAt = false, 0
	names := f.disk
	switch loss {
	case Kept:
		names = f.seen
	case Torn:
		names = maps.Clone(f.disk)
		for _, name := range slices.Sorted(maps.Keys(f.seen)) {
			if f.rand.IntN(2) == 0 {
				names[name] = f.seen[name]
			}
		}
	}
	f.seen = map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		if parent := f.seen[filepath.Dir(name)]; name != "/" && (parent == nil || !parent.dir) {
			continue
		}
		c := &node{dir: n.dir, mod: n.mod, data: slices.Clone(n.synced)}
		if loss == Kept || loss == Torn && f.rand.IntN(2) == 0 {
			c.data = slices.Clone(n.data)
		} else if loss == Torn && len(n.data) > len(n.synced) && bytes.HasPrefix(n.data, n.synced) {
			c.data = slices.Clone(n.data[:len(n.synced)+f.rand.IntN(len(n.data)-len(n.synced))])
		}
		c.synced = slices.Clone(c.data)
		f.seen[name] = c
	}
	f.disk = maps.Clone(f.seen)
}

// Files returns the content of all files under a folder, by full name.
func (f *FS) Files(under string) map[string][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string][]byte{}
	for name, n := range f.seen {
		if rel, err := filepath.Rel(under, name); err == nil && filepath.IsLocal(rel) && !n.dir {
			out[name] = slices.Clone(n.data)
		}
	}
	return out
}

// step counts one change and tells whether it may happen.
func (f *FS) step() error {
	if f.cut {
		return ErrCut
	}
	f.steps++
	if f.cutAt != 0 && f.steps >= f.cutAt {
		f.cut = true
		return ErrCut
	}
	return nil
}

func (f *FS) find(op, name string) (*node, error) {
	if f.cut {
		return nil, ErrCut
	}
	n, ok := f.seen[filepath.Clean(name)]
	if !ok {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// OpenFile opens, and makes when the flags say so.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (durable.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("open", name)
	if errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0 {
		if _, err := f.find("open", filepath.Dir(name)); err != nil {
			return nil, err
		}
		if err := f.step(); err != nil {
			return nil, err
		}
		if f.room == 0 {
			return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
		}
		n, err = &node{}, nil
		f.seen[filepath.Clean(name)] = n
	} else if err == nil && flag&os.O_EXCL != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	}
	if err != nil {
		return nil, err
	}
	h := &handle{fs: f, node: n, name: name}
	if flag&os.O_APPEND != 0 {
		h.at = int64(len(n.data))
	}
	return h, nil
}

// Rename gives a file another name.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("rename", from)
	if err != nil {
		return err
	}
	if err := f.step(); err != nil {
		return err
	}
	delete(f.seen, filepath.Clean(from))
	f.seen[filepath.Clean(to)] = n
	return nil
}

// Remove takes a name away.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("remove", name)
	if err != nil {
		return err
	}
	if n.dir && len(f.under(filepath.Clean(name))) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	if err := f.step(); err != nil {
		return err
	}
	delete(f.seen, filepath.Clean(name))
	return nil
}

// Mkdir makes a folder.
func (f *FS) Mkdir(dir string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find("mkdir", filepath.Dir(dir)); err != nil {
		return err
	}
	if _, err := f.find("mkdir", dir); err == nil {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrExist}
	}
	if err := f.step(); err != nil {
		return err
	}
	f.seen[filepath.Clean(dir)] = &node{dir: true}
	return nil
}

// SyncDir makes the names in a folder durable.
func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find("sync", dir); err != nil {
		return err
	}
	if err := f.step(); err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	for name := range f.disk {
		if name != "/" && filepath.Dir(name) == dir && f.seen[name] == nil {
			delete(f.disk, name)
		}
	}
	for _, name := range f.under(dir) {
		f.disk[name] = f.seen[name]
	}
	return nil
}

// under lists the names in a folder, sorted.
func (f *FS) under(dir string) (names []string) {
	for name := range f.seen {
		if name != "/" && filepath.Dir(name) == dir {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// ReadDir lists a folder.
func (f *FS) ReadDir(dir string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find("readdir", dir); err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for _, name := range f.under(filepath.Clean(dir)) {
		out = append(out, fs.FileInfoToDirEntry(info{filepath.Base(name), f.seen[name]}))
	}
	return out, nil
}

// Stat describes a name.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{filepath.Base(name), n}, nil
}

// Touch sets the time of last change.
func (f *FS) Touch(name string, t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("touch", name)
	if err != nil {
		return err
	}
	if err := f.step(); err != nil {
		return err
	}
	n.mod = t
	return nil
}

// info describes a node.
type info struct {
	name string
	node *node
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.node.data)) }
func (i info) ModTime() time.Time { return i.node.mod }
func (i info) IsDir() bool        { return i.node.dir }
func (i info) Sys() any           { return nil }

// Mode tells folder from file.
func (i info) Mode() fs.FileMode {
	if i.node.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}

// handle is an open file.
type handle struct {
	fs   *FS
	node *node
	name string
	at   int64
}

func (h *handle) Read(p []byte) (int, error) {
	n, err := h.ReadAt(p, h.at)
	h.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (h *handle) ReadAt(p []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.fs.cut {
		return 0, ErrCut
	}
	if off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Write writes; a write that the cut hits leaves half of its bytes.
func (h *handle) Write(p []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if h.fs.cut {
		return 0, ErrCut
	}
	err := h.fs.step()
	if err != nil {
		p = p[:len(p)/2]
	}
	if room := h.fs.room; room >= 0 && int64(len(p)) > room {
		p, err = p[:room], &fs.PathError{Op: "write", Path: h.name, Err: syscall.ENOSPC}
	}
	if h.fs.room >= 0 {
		h.fs.room -= int64(len(p))
	}
	if need := int(h.at) + len(p); need > len(h.node.data) {
		h.node.data = append(h.node.data, make([]byte, need-len(h.node.data))...)
	}
	copy(h.node.data[h.at:], p)
	h.at += int64(len(p))
	return len(p), err
}

func (h *handle) Sync() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.fs.step(); err != nil {
		return err
	}
	h.node.synced = slices.Clone(h.node.data)
	return nil
}

func (h *handle) Close() error { return nil }

func (h *handle) Stat() (fs.FileInfo, error) { return info{filepath.Base(h.name), h.node}, nil }
