// Package id makes the identifiers of things.
//
// Outside ids are UUIDv7 (RFC 9562 §5.7) as text: they sort by time and are made
// in Go, never by the database. The random part comes from a reader that tests
// may seed. Public numbers such as ALM-4K7Q-2M9X are in number.go.
package id

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"almenara.example/internal/foundation/clock"
)

// Source makes ids. It is safe for concurrent use.
type Source struct {
	clock clock.Clock
	mu    sync.Mutex
	rand  io.Reader
}

// NewSource returns a source that reads time from c and randomness from r; a nil
// r means crypto/rand.
func NewSource(c clock.Clock, r io.Reader) *Source {
	if r == nil {
		r = rand.Reader
	}
	return &Source{clock: c, rand: r}
}

// New returns a UUIDv7 in the canonical 36-character form.
func (s *Source) New() (string, error) {
	var u [16]byte
	if err := s.Read(u[6:]); err != nil {
		return "", err
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(s.clock.Now().UnixMilli()))
	copy(u[:6], ms[2:])
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return Format(u), nil
}

// Read fills p with random bytes from the source's reader.
func (s *Source) Read(p []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.ReadFull(s.rand, p); err != nil {
		return fmt.Errorf("read random bytes: %w", err)
	}
	return nil
}

// Format writes 16 bytes as a UUID.
func Format(u [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}
