package blob

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
)

// Writer takes the bytes of a new blob. It serves one goroutine. Either Commit or
// Abort ends it; Abort after Commit does nothing, so it may be deferred.
type Writer struct {
	ctx    context.Context
	store  *Store
	file   durable.File
	temp   string
	id     keyID
	key    [32]byte
	aead   cipher.AEAD
	whole  hash.Hash
	plain  []byte // the frame being filled
	packed []byte // scratch: compressed
	sealed []byte // scratch: encrypted
	at     int64  // bytes written to the file
	index  index
	err    error
	done   bool
}

// Create begins a new blob. ctx bounds the whole writing.
func (s *Store) Create(ctx context.Context) (*Writer, error) {
	if s.cfg.ReadOnly {
		return nil, errReadOnly
	}
	w := &Writer{ctx: ctx, store: s, whole: sha256.New(), temp: filepath.Join(s.tempDir(), durable.TempName())}
	w.index.frameSize = uint32(s.cfg.FrameSize)
	var err error
	if w.id, w.key, err = newKey(); err != nil {
		return nil, fmt.Errorf("make a blob's key: %w", err)
	}
	if w.aead, err = newAEAD(w.key); err != nil {
		return nil, fmt.Errorf("make a blob's key: %w", err)
	}
	if w.file, err = s.fs.OpenFile(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, s.trouble("begin a blob", err)
	}
	if err := w.raw(encodeHeader(w.id)); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return w, nil
}

// Write takes the next bytes. After an error the blob can only be aborted.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	taken := 0
	for len(p) > 0 {
		n := min(len(p), w.store.cfg.FrameSize-len(w.plain))
		w.plain = append(w.plain, p[:n]...)
		p, taken = p[n:], taken+n
		if len(w.plain) == w.store.cfg.FrameSize {
			if err := w.flush(); err != nil {
				return taken, err
			}
		}
	}
	return taken, nil
}

// Size returns how many bytes were written so far.
func (w *Writer) Size() int64 { return w.index.size + int64(len(w.plain)) }

// flush hashes, compresses, seals and writes the frame being filled.
func (w *Writer) flush() error {
	if err := w.ctx.Err(); err != nil {
		w.err = err
		return err
	}
	w.whole.Write(w.plain)
	w.packed = w.store.enc.EncodeAll(w.plain, w.packed[:0])
	f, stored := frame{codec: codecZstd}, w.packed
	if len(w.packed) >= len(w.plain) {
		f.codec, stored = codecRaw, w.plain
	}
	f.sha256 = sha256.Sum256(stored)
	w.sealed = w.aead.Seal(w.sealed[:0], nonce(uint64(len(w.index.frames))), stored, nil)
	f.stored = uint32(len(w.sealed))
	w.index.frames = append(w.index.frames, f)
	w.index.size += int64(len(w.plain))
	w.plain = w.plain[:0]
	return w.raw(w.sealed)
}

// raw writes bytes of the file and dates it by the store's clock, so that Collect
// does not take it for a rest.
func (w *Writer) raw(b []byte) error {
	n, err := w.file.Write(b)
	w.at += int64(n)
	if err == nil {
		err = w.store.fs.Touch(w.temp, w.store.cfg.Clock.Now())
	}
	if err != nil {
		w.err = w.store.trouble("write a blob", err)
	}
	return w.err
}

// readFrom takes everything from r, at most limit bytes when limit is positive.
func (w *Writer) readFrom(r io.Reader, limit int64) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if limit > 0 && w.Size()+int64(n) > limit {
				return fault.New(fault.Invalid, "blob.too_large", fault.Args{"Limit": limit})
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what becomes a blob: %w", err)
		}
	}
}

// Commit makes the blob durable and returns its Ref. When the same bytes are in
// the store already, the new file is dropped.
func (w *Writer) Commit() (Ref, error) {
	ref, err := w.commit()
	if err != nil {
		return Ref{}, errors.Join(err, w.Abort())
	}
	w.done = true
	return ref, nil
}

func (w *Writer) commit() (Ref, error) {
	if w.err != nil || w.done {
		return Ref{}, errors.Join(w.err, w.closed())
	}
	if len(w.plain) > 0 {
		if err := w.flush(); err != nil {
			return Ref{}, err
		}
	}
	w.whole.Sum(w.index.sha256[:0])
	sealed := w.aead.Seal(nil, nonce(indexNonce), w.index.encode(), nil)
	tail := append(sealed, encodeFooter(w.at, len(sealed))...)
	if err := w.raw(tail); err != nil {
		return Ref{}, err
	}
	ref := Ref{SHA256: w.index.sha256, Size: w.index.size}
	if err := w.publish(ref); err != nil {
		return Ref{}, w.store.trouble("store blob "+ref.String(), err)
	}
	return ref, nil
}

// publish gives the finished file its name: first the key, then the blob. The
// blob's header names the key, so whichever of two equal blobs comes last is whole.
func (w *Writer) publish(ref Ref) error {
	s := w.store
	if err := w.file.Sync(); err != nil {
		return err
	}
	err := w.file.Close()
	w.file = nil
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, err := s.Has(ref); err == nil && have {
		if err := s.fs.Touch(s.blobPath(ref), s.cfg.Clock.Now()); err != nil {
			return err
		}
		return s.fs.Remove(w.temp)
	}
	if err := s.writeKey(ref, w.id, w.key); err != nil {
		return err
	}
	dir := filepath.Dir(s.blobPath(ref))
	if err := durable.MkdirAll(s.fs, dir, 0o700); err != nil {
		return err
	}
	if err := s.fs.Rename(w.temp, s.blobPath(ref)); err != nil {
		return err
	}
	return s.fs.SyncDir(dir)
}

// Abort drops the blob. It does nothing after Commit or a second time.
func (w *Writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	var err error
	if w.file != nil {
		err = w.file.Close()
		w.file = nil
	}
	if e := w.store.fs.Remove(w.temp); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

func (w *Writer) closed() error {
	if w.done {
		return errors.New("the blob was committed or aborted already")
	}
	return nil
}

// PutBytes is [Store.Put] of a slice.
func (s *Store) PutBytes(ctx context.Context, b []byte) (Ref, error) {
	return s.Put(ctx, bytes.NewReader(b), 0)
}
