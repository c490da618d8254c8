package blob

import (
	"context"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
)

// Locales holds the package's public sentences, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS

// Ref names a blob.
type Ref struct {
	SHA256 [32]byte
	Size   int64 // plain bytes; 0 when not known or empty
}

// refPrefix begins the text form of a Ref.
const refPrefix = "sha256:"

// String returns "sha256:" and 64 hex digits.
func (r Ref) String() string { return refPrefix + hex.EncodeToString(r.SHA256[:]) }

// IsZero tells whether r names nothing.
func (r Ref) IsZero() bool { return r.SHA256 == [32]byte{} }

// ParseRef is the inverse of String; the size is not part of the text.
func ParseRef(s string) (Ref, error) {
	h, ok := strings.CutPrefix(s, refPrefix)
	b, err := hex.DecodeString(h)
	if !ok || err != nil || len(b) != 32 || h != strings.ToLower(h) {
		return Ref{}, fault.New(fault.Invalid, "blob.ref.invalid", nil)
	}
	return Ref{SHA256: [32]byte(b)}, nil
}

// Config says where blobs are kept.
type Config struct {
	// Dir is the folder of the store; it is made when missing.
	Dir string
	// MasterKey is the file of the key that wraps the blobs' keys; see
	// [GenerateMaster]. It should be kept apart from backups of Dir.
	MasterKey string
	// ErasureList is the file that names what was erased; default is
	// Dir + ".erased". It must not be restored from a backup.
	ErasureList string
	// FrameSize is the plain size of a frame in bytes, default 256 KiB. It concerns
	// new blobs only.
	FrameSize int
	// Level is the compression level; default is zstd's fastest.
	Level zstd.EncoderLevel
	// Clock dates blobs for Collect.
	Clock clock.Clock
	// ReadOnly makes nothing and replays no erasure; writing is refused.
	ReadOnly bool
	// FS is the file system; nil means the machine's. Tests cut the power here.
	FS durable.FS
}

// errReadOnly refuses to write into a store that was opened to read.
var errReadOnly = errors.New("this store of blobs is open for reading only")

// maxFrame bounds the frame size that a blob file may claim.
const maxFrame = 16 << 20

// Store keeps blobs in a folder.
type Store struct {
	cfg    Config
	fs     durable.FS
	master master
	enc    *zstd.Encoder
	dec    *zstd.Decoder
	mu     sync.Mutex // held while a name appears, is touched or goes
}

// Open opens the store, makes its folders and replays the erasure list.
func Open(c Config) (*Store, error) {
	if c.FrameSize == 0 {
		c.FrameSize = 256 << 10
	}
	if c.FrameSize < 1 || c.FrameSize > maxFrame {
		return nil, fmt.Errorf("open blobs: frame size %d, want 1 to %d", c.FrameSize, maxFrame)
	}
	if c.Level == 0 {
		c.Level = zstd.SpeedFastest
	}
	if c.ErasureList == "" {
		c.ErasureList = filepath.Clean(c.Dir) + ".erased"
	}
	s := &Store{cfg: c, fs: c.FS}
	if s.fs == nil {
		s.fs = durable.OS{}
	}
	var err error
	if s.master, err = readMaster(s.fs, c.MasterKey); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	if s.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(c.Level), zstd.WithLowerEncoderMem(true)); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	if s.dec, err = zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxFrame), zstd.WithDecoderConcurrency(0)); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	if c.ReadOnly {
		return s, nil
	}
	for _, d := range []string{s.cfg.Dir, s.tempDir(), filepath.Join(c.Dir, "blobs"), filepath.Join(c.Dir, "keys")} {
		if err := durable.MkdirAll(s.fs, d, 0o700); err != nil {
			return nil, s.trouble("open blobs", err)
		}
	}
	if err := s.replayErasures(); err != nil {
		return nil, s.trouble("replay the erasure list", err)
	}
	return s, nil
}

// Put stores everything that r yields and returns its Ref. With limit > 0 a longer
// input is fault invalid blob.too_large. A full disk is fault unavailable
// blob.disk_full. After an error nothing is left behind.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (Ref, error) {
	w, err := s.Create(ctx)
	if err != nil {
		return Ref{}, err
	}
	if err := w.readFrom(r, limit); err != nil {
		return Ref{}, errors.Join(err, w.Abort())
	}
	return w.Commit()
}

// Has tells whether the blob is there and readable (its key exists).
func (s *Store) Has(ref Ref) (bool, error) {
	h, err := s.readHeader(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, s.trouble("look for blob "+ref.String(), err)
	}
	_, err = s.fs.Stat(s.keyPath(ref, h))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Each calls f for every blob of the store, in the order of their hashes; the
// sizes are not filled in.
func (s *Store) Each(ctx context.Context, f func(Ref) error) error {
	root := filepath.Join(s.cfg.Dir, "blobs")
	dirs, err := s.fs.ReadDir(root)
	if err != nil {
		return fmt.Errorf("list blobs: %w", err)
	}
	for _, d := range dirs {
		files, err := s.fs.ReadDir(filepath.Join(root, d.Name()))
		if err != nil {
			return fmt.Errorf("list blobs: %w", err)
		}
		for _, e := range files {
			if err := ctx.Err(); err != nil {
				return err
			}
			ref, err := ParseRef(refPrefix + e.Name())
			if err != nil {
				continue
			}
			if err := f(ref); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) tempDir() string { return filepath.Join(s.cfg.Dir, "tmp") }

func (s *Store) blobPath(ref Ref) string {
	h := hex.EncodeToString(ref.SHA256[:])
	return filepath.Join(s.cfg.Dir, "blobs", h[:2], h)
}

func (s *Store) keyDir(ref Ref) string {
	return filepath.Join(s.cfg.Dir, "keys", hex.EncodeToString(ref.SHA256[:1]))
}

func (s *Store) keyPath(ref Ref, id keyID) string {
	return filepath.Join(s.keyDir(ref), hex.EncodeToString(ref.SHA256[:])+"-"+hex.EncodeToString(id[:]))
}

// readHeader returns the key id that a blob's file names.
func (s *Store) readHeader(ref Ref) (keyID, error) {
	f, err := s.fs.OpenFile(s.blobPath(ref), os.O_RDONLY, 0)
	if err != nil {
		return keyID{}, err
	}
	id, err := parseHeader(f)
	return id, errors.Join(err, f.Close())
}

// trouble wraps an error of the file system: a full disk has a public sentence.
func (s *Store) trouble(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	if durable.IsFull(err) {
		return fault.Wrap(fault.Unavailable, "blob.disk_full", nil, err)
	}
	return err
}
