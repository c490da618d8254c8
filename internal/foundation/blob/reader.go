package blob

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
)

// Damage says that a blob is not what was stored, and where: "header", "key",
// "footer", "index", "frame 3" (counted from 0), "content" or "size".
type Damage struct {
	Ref   Ref
	Place string
	Err   error
}

// Error names blob and place.
func (d *Damage) Error() string {
	return fmt.Sprintf("blob %s: %s: %v", d.Ref, d.Place, d.Err)
}

// Unwrap returns what is wrong.
func (d *Damage) Unwrap() error { return d.Err }

// Reader reads a blob's plain bytes at any place; it reads and checks only the
// frames it needs and keeps the last one. It is safe for concurrent ReadAt.
type Reader struct {
	ctx   context.Context
	store *Store
	ref   Ref
	file  durable.File
	aead  cipher.AEAD
	index *index
	at    []int64 // where each frame begins in the file

	mu     sync.Mutex
	pos    int64  // of Read and Seek
	held   int    // number of the frame in plain; -1 none
	plain  []byte // the frame held
	sealed []byte // scratch
	packed []byte // scratch
}

// Open opens a blob. One that was erased is fault not_found blob.erased, one that
// never was is fault not_found blob.unknown, a damaged one is *Damage. ctx bounds
// the reading.
func (s *Store) Open(ctx context.Context, ref Ref) (*Reader, error) {
	file, err := s.fs.OpenFile(s.blobPath(ref), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.missing(ref)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", ref, err)
	}
	r := &Reader{ctx: ctx, store: s, ref: ref, file: file, held: -1}
	if err := r.load(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// missing says why a blob is not there.
func (s *Store) missing(ref Ref) error {
	erased, err := s.isErased(ref)
	if err != nil {
		return s.trouble("read the erasure list", err)
	}
	if erased {
		return fault.New(fault.NotFound, "blob.erased", fault.Args{"Blob": ref.String()})
	}
	return fault.New(fault.NotFound, "blob.unknown", fault.Args{"Blob": ref.String()})
}

// load reads key, footer and index.
func (r *Reader) load() error {
	st, err := r.file.Stat()
	if err != nil {
		return fmt.Errorf("open blob %s: %w", r.ref, err)
	}
	id, err := parseHeader(r.file)
	if err != nil {
		return r.damaged("header", err)
	}
	key, err := r.store.readKey(r.ref, id)
	if errors.Is(err, fs.ErrNotExist) {
		if erased, e := r.store.isErased(r.ref); e == nil && erased {
			return r.store.missing(r.ref)
		}
		return r.damaged("key", errors.New("the key that the header names is not there"))
	}
	if err != nil {
		return r.damaged("key", err)
	}
	if r.aead, err = newAEAD(key); err != nil {
		return err
	}
	begin, length, err := parseFooter(r.file, st.Size())
	if err != nil {
		return r.damaged("footer", err)
	}
	return r.loadIndex(begin, length)
}

func (r *Reader) loadIndex(begin, length int64) error {
	b := make([]byte, length)
	if _, err := r.file.ReadAt(b, begin); err != nil {
		return r.damaged("index", err)
	}
	b, err := r.aead.Open(b[:0], nonce(indexNonce), b, nil)
	if err != nil {
		return r.damaged("index", err)
	}
	if r.index, err = decodeIndex(b); err != nil {
		return r.damaged("index", err)
	}
	at := int64(headerSize)
	r.at = make([]int64, len(r.index.frames))
	for i := range r.index.frames {
		r.at[i] = at
		at += int64(r.index.frames[i].stored)
	}
	if at != begin || r.index.sha256 != r.ref.SHA256 {
		return r.damaged("index", errIndex)
	}
	if r.ref.Size != 0 && r.ref.Size != r.index.size {
		return r.damaged("size", fmt.Errorf("%d bytes, want %d", r.index.size, r.ref.Size))
	}
	r.ref.Size = r.index.size
	return nil
}

func (r *Reader) damaged(place string, err error) error {
	return &Damage{Ref: r.ref, Place: place, Err: err}
}

// Ref returns what is being read, with its size.
func (r *Reader) Ref() Ref { return r.ref }

// Size returns the number of plain bytes.
func (r *Reader) Size() int64 { return r.index.size }

// FrameSize returns the plain size of a frame: reads inside one frame cost one.
func (r *Reader) FrameSize() int64 { return int64(r.index.frameSize) }

// ReadAt reads at any place; see io.ReaderAt.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if off < 0 {
		return 0, fmt.Errorf("read blob %s at %d", r.ref, off)
	}
	n := 0
	for n < len(p) {
		if off+int64(n) >= r.index.size {
			return n, io.EOF
		}
		b, err := r.from(off + int64(n))
		if err != nil {
			return n, err
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// Read reads on from the current place.
func (r *Reader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pos >= r.index.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	b, err := r.from(r.pos)
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	r.pos += int64(n)
	return n, nil
}

// Seek sets the current place; see io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.index.size
	default:
		return 0, fmt.Errorf("seek in blob %s: whence %d", r.ref, whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek in blob %s: before its beginning", r.ref)
	}
	r.pos = offset
	return offset, nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

// from returns the checked bytes from off to the end of its frame.
func (r *Reader) from(off int64) ([]byte, error) {
	n := int(off / int64(r.index.frameSize))
	if n != r.held {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		r.held = -1
		if err := r.fetch(n); err != nil {
			return nil, r.damaged("frame "+strconv.Itoa(n), err)
		}
		r.held = n
	}
	return r.plain[off-int64(n)*int64(r.index.frameSize):], nil
}

// fetch reads, checks and unpacks frame n into r.plain.
func (r *Reader) fetch(n int) error {
	f := &r.index.frames[n]
	r.sealed = grow(r.sealed, int(f.stored))
	if _, err := r.file.ReadAt(r.sealed, r.at[n]); err != nil {
		return err
	}
	var err error
	if r.packed, err = r.aead.Open(r.packed[:0], nonce(uint64(n)), r.sealed, nil); err != nil {
		return err
	}
	if sha256.Sum256(r.packed) != f.sha256 {
		return errors.New("its hash is not that of the index")
	}
	switch f.codec {
	case codecRaw:
		r.plain = append(r.plain[:0], r.packed...)
	case codecZstd:
		if r.plain, err = r.store.dec.DecodeAll(r.packed, r.plain[:0]); err != nil {
			return err
		}
	}
	if want := min(int64(r.index.frameSize), r.index.size-int64(n)*int64(r.index.frameSize)); int64(len(r.plain)) != want {
		return fmt.Errorf("%d bytes, want %d", len(r.plain), want)
	}
	return nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
