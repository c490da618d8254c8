package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
)

// Verify reads everything again and returns *Damage with the place of the first
// difference.
func (s *Store) Verify(ctx context.Context, ref Ref) error {
	r, err := s.Open(ctx, ref)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(h, r)
	if err == nil && [32]byte(h.Sum(nil)) != ref.SHA256 {
		err = r.damaged("content", errors.New("its SHA-256 is another"))
	}
	return errors.Join(err, r.Close())
}

// maxErasureList bounds the erasure list that is read: about ten million lines.
const maxErasureList = 1 << 30

// erasure is one line of the erasure list: one key of one blob. The same bytes put
// again later have another key and live.
type erasure struct {
	ref Ref
	id  keyID
}

// Erase destroys the blob for good: first it is written into the erasure list,
// then its key is overwritten and removed, then the file. Erasing again does
// nothing; a blob that never was is fault not_found.
func (s *Store) Erase(ctx context.Context, ref Ref) error {
	if s.cfg.ReadOnly {
		return errReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids, err := s.keysOf(ref)
	if err != nil {
		return s.trouble("erase blob "+ref.String(), err)
	}
	if len(ids) == 0 {
		if err := s.missing(ref); fault.Of(err).Key != "blob.erased" {
			return err
		}
		return nil
	}
	var lines strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&lines, "%s %x %d\n", hex.EncodeToString(ref.SHA256[:]), id, clock.Micros(s.cfg.Clock.Now()))
	}
	if err := s.appendErasures(lines.String()); err != nil {
		return s.trouble("write the erasure list", err)
	}
	for _, id := range ids {
		if err := s.destroy(erasure{ref, id}); err != nil {
			return s.trouble("erase blob "+ref.String(), err)
		}
	}
	return nil
}

// keysOf lists the keys of a blob: one, or more after a crash.
func (s *Store) keysOf(ref Ref) (ids []keyID, err error) {
	entries, err := s.fs.ReadDir(s.keyDir(ref))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if k, ok := parseKeyName(e.Name()); ok && k.ref.SHA256 == ref.SHA256 {
			ids = append(ids, k.id)
		}
	}
	return ids, nil
}

func parseKeyName(name string) (k erasure, ok bool) {
	a, b, ok := strings.Cut(name, "-")
	if !ok {
		return k, false
	}
	return parseErasure(a, b)
}

func parseErasure(sha, id string) (k erasure, ok bool) {
	x, err1 := hex.DecodeString(sha)
	y, err2 := hex.DecodeString(id)
	if err1 != nil || err2 != nil || len(x) != 32 || len(y) != 16 {
		return k, false
	}
	return erasure{Ref{SHA256: [32]byte(x)}, keyID(y)}, true
}

// destroy destroys one key and, when the blob's file was under it, the file.
func (s *Store) destroy(e erasure) error {
	if err := s.destroyKey(s.keyPath(e.ref, e.id)); err != nil {
		return err
	}
	id, err := s.readHeader(e.ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && id != e.id {
		return nil
	}
	return s.remove(s.blobPath(e.ref))
}

// appendErasures adds whole lines to the erasure list, durably. A line that a
// power cut tore is closed first, so that it spoils no other.
func (s *Store) appendErasures(lines string) error {
	path := s.cfg.ErasureList
	st, err := s.fs.Stat(path)
	fresh := errors.Is(err, fs.ErrNotExist)
	if err != nil && !fresh {
		return err
	}
	f, err := s.fs.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if !fresh && st.Size() > 0 {
		var last [1]byte
		if _, err = f.ReadAt(last[:], st.Size()-1); err == nil && last[0] != '\n' {
			lines = "\n" + lines
		}
	}
	if err == nil {
		_, err = io.WriteString(f, lines)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if fresh {
		return s.fs.SyncDir(filepath.Dir(path))
	}
	return nil
}

// erasures reads the erasure list; torn lines are skipped.
func (s *Store) erasures() ([]erasure, error) {
	b, err := durable.ReadFile(s.fs, s.cfg.ErasureList, maxErasureList)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []erasure
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 {
			if e, ok := parseErasure(f[0], f[1]); ok {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func (s *Store) isErased(ref Ref) (bool, error) {
	list, err := s.erasures()
	for _, e := range list {
		if e.ref.SHA256 == ref.SHA256 {
			return true, err
		}
	}
	return false, err
}

// replayErasures destroys again what the erasure list names: after a crash in the
// middle of Erase, and after a restore that brought keys back.
func (s *Store) replayErasures() error {
	list, err := s.erasures()
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := s.destroy(e); err != nil {
			return err
		}
	}
	return nil
}

// Collected says what Collect removed.
type Collected struct {
	Blobs int   // unused blobs
	Bytes int64 // their bytes on disk
	Rests int   // unfinished writes and keys without a blob
}

// Collect removes blobs for which alive says no, unfinished writes and stray keys,
// all only when they were not touched for the grace age. alive must answer from
// the database as it is now, not from a list made earlier than grace ago. Removed
// blobs are not in the erasure list: the same bytes may come again.
func (s *Store) Collect(ctx context.Context, alive func(Ref) (bool, error), grace time.Duration) (Collected, error) {
	var c Collected
	if s.cfg.ReadOnly {
		return c, errReadOnly
	}
	before := s.cfg.Clock.Now().Add(-grace)
	err := s.Each(ctx, func(ref Ref) error { return s.collectBlob(ref, alive, before, &c) })
	if err == nil {
		err = s.collectKeys(ctx, before, &c)
	}
	if err == nil {
		err = s.collectTemps(before, &c)
	}
	if err != nil {
		return c, s.trouble("collect unused blobs", err)
	}
	return c, nil
}

func (s *Store) collectBlob(ref Ref, alive func(Ref) (bool, error), before time.Time, c *Collected) error {
	if st, err := s.fs.Stat(s.blobPath(ref)); err != nil || st.ModTime().After(before) {
		return ignoreGone(err)
	}
	if ok, err := alive(ref); ok || err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.fs.Stat(s.blobPath(ref)) // again: Put may have touched it meanwhile
	if err != nil || st.ModTime().After(before) {
		return ignoreGone(err)
	}
	if id, err := s.readHeader(ref); err == nil {
		if err := s.destroyKey(s.keyPath(ref, id)); err != nil {
			return err
		}
	}
	if err := s.remove(s.blobPath(ref)); err != nil {
		return err
	}
	c.Blobs++
	c.Bytes += st.Size()
	return nil
}

// collectKeys removes keys that no blob file names: a crash left them.
func (s *Store) collectKeys(ctx context.Context, before time.Time, c *Collected) error {
	root := filepath.Join(s.cfg.Dir, "keys")
	dirs, err := s.fs.ReadDir(root)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		files, err := s.fs.ReadDir(filepath.Join(root, d.Name()))
		if err != nil {
			return err
		}
		for _, e := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.collectKey(filepath.Join(root, d.Name(), e.Name()), e.Name(), before, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) collectKey(path, name string, before time.Time, c *Collected) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.fs.Stat(path)
	if err != nil || st.ModTime().After(before) {
		return ignoreGone(err)
	}
	if k, ok := parseKeyName(name); ok {
		id, err := s.readHeader(k.ref)
		if err == nil && id == k.id {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil // a damaged blob keeps its key: somebody may want to mend it
		}
	}
	c.Rests++
	return s.destroyKey(path)
}

func (s *Store) collectTemps(before time.Time, c *Collected) error {
	files, err := s.fs.ReadDir(s.tempDir())
	if err != nil {
		return err
	}
	for _, e := range files {
		path := filepath.Join(s.tempDir(), e.Name())
		st, err := s.fs.Stat(path)
		if err != nil || st.ModTime().After(before) {
			if err := ignoreGone(err); err != nil {
				return err
			}
			continue
		}
		if err := s.fs.Remove(path); ignoreGone(err) != nil {
			return err
		}
		c.Rests++
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
