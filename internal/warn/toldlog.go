package warn

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
)

// ToldLog is what was told of which finding to whom, in a file outside the database:
// a database that is brought back from a backup does not know what was told since, and
// nothing may be told twice. It holds hashes, no names.
//
// A record is 24 bytes: 16 of SHA-256 over the finding's key and the organisation's
// name, 8 of the time in microseconds.
type ToldLog struct {
	mu   sync.Mutex
	file *os.File
	// elsewhere is what the file knows of the time after the backup that the database
	// was restored from; empty in an installation that never was.
	elsewhere map[[16]byte]time.Time
}

const toldRecord = 24

// OpenToldLog opens or makes the file. since is when the backup was made that the
// database was restored from, zero when it never was.
func OpenToldLog(name string, since time.Time) (*ToldLog, error) {
	l := &ToldLog{elsewhere: map[[16]byte]time.Time{}}
	if !since.IsZero() {
		if err := l.load(name, since); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the record of what was told: %w", err)
	}
	// A torn last record would shift all that follow.
	st, err := f.Stat()
	if err == nil && st.Size()%toldRecord != 0 {
		err = f.Truncate(st.Size() - st.Size()%toldRecord)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the record of what was told: %w", err), f.Close())
	}
	l.file = f
	return l, nil
}

func (l *ToldLog) load(name string, since time.Time) error {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the record of what was told: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	in := bufio.NewReaderSize(f, 1<<20)
	var rec [toldRecord]byte
	for {
		if _, err := io.ReadFull(in, rec[:]); err != nil { // a torn last record is none
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return fmt.Errorf("read the record of what was told: %w", err)
		}
		at := clock.FromMicros(int64(binary.BigEndian.Uint64(rec[16:])))
		if at.After(since) {
			l.elsewhere[[16]byte(rec[:16])] = at
		}
	}
}

// toldKey names a finding of an organisation whatever ids a database gave them.
func toldKey(f watch.Finding, org string) (k [16]byte) {
	sum := sha256.Sum256(append(f.Key[:], guard.FoldName(org)...))
	return [16]byte(sum[:16])
}

// keep writes down, durably, what is about to be told.
func (l *ToldLog) keep(keys [][16]byte, at time.Time) error {
	if l == nil || len(keys) == 0 {
		return nil
	}
	out := make([]byte, 0, len(keys)*toldRecord)
	for _, k := range keys {
		out = append(out, k[:]...)
		out = binary.BigEndian.AppendUint64(out, uint64(clock.Micros(at)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(out); err != nil {
		return fmt.Errorf("write the record of what was told: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("write the record of what was told: %w", err)
	}
	return nil
}

// recently tells whether a finding was told, within its interval, in the time that the
// database has forgotten.
func (l *ToldLog) recently(k [16]byte, now time.Time, every time.Duration) bool {
	if l == nil {
		return false
	}
	at, ok := l.elsewhere[k]
	return ok && (every == 0 || now.Sub(at) < every)
}

// Close closes the file.
func (l *ToldLog) Close() error { return l.file.Close() }
