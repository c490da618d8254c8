package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// Config is what the log needs.
type Config struct {
	DB *sqldb.DB
	// Dir holds the tiles and the checkpoint. The files "high" and "signer.lock"
	// stand in its parent folder.
	Dir   string
	Clock clock.Clock
	// Signer signs checkpoints; its name is the log's origin. See [ReadKey].
	Signer note.Signer
	// Verifier is the public key that belongs to Signer.
	Verifier string
	Log      *slog.Logger
	// Gather is how long the signer waits after an act for more of them; default
	// 100 ms. A checkpoint follows an act within Gather and the time of one write.
	Gather time.Duration
	// FS is the file system; nil means the machine's. Tests cut the power here.
	FS durable.FS
}

// Log is the signed log. Its methods are safe for concurrent use.
type Log struct {
	cfg    Config
	files  files
	holder string
	wake   chan struct{}

	mu      sync.Mutex // one round of signing at a time
	tree    *tree      // what the head says; nil: to be loaded
	unlock  func() error
	refused error // why signing stopped for good

	name    atomic.Pointer[name]       // what signs
	free    atomic.Bool                // no restore waits for its statement
	cp      atomic.Pointer[Checkpoint] // the last one published by this process
	trouble atomic.Pointer[error]
}

// name is a name of the record with the key that signs under it.
type name struct {
	signer   note.Signer
	verifier string
}

// poll is how often the signer looks for acts of other processes.
const poll = time.Second

// leaseTime is how long a signer keeps others away after its last checkpoint.
const leaseTime = 10 * time.Second

// New returns the log. Nothing is read or written yet.
func New(c Config) *Log {
	if c.Gather == 0 {
		c.Gather = 100 * time.Millisecond
	}
	l := &Log{cfg: c, files: files{fs: c.FS, dir: c.Dir}, wake: make(chan struct{}, 1)}
	l.name.Store(&name{c.Signer, c.Verifier})
	if c.FS == nil {
		l.files.fs = durable.OS{}
	}
	// The holder is the same after a restart, so that it need not wait for its own
	// lease; two processes on one folder are kept apart by the lock file.
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		dir = c.Dir
	}
	sum := sha256.Sum256([]byte(c.Verifier + "\n" + dir))
	l.holder = hex.EncodeToString(sum[:8])
	return l
}

// Origin returns the log's name.
func (l *Log) Origin() string { return l.name.Load().signer.Name() }

// VerifierKey returns the public key that checkpoints are verified with.
func (l *Log) VerifierKey() string { return l.name.Load().verifier }

// Signer signs other things of the installation under the record's name. What it signs
// must never begin like a checkpoint.
func (l *Log) Signer() note.Signer { return l.name.Load().signer }

// Notify tells the signer that an act was committed. It never blocks.
func (l *Log) Notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run signs until ctx ends, then once more, so that a stopped installation has no
// unsigned act, and gives the lock back. Errors are logged and kept for Health; the
// next round tries again.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		l.round(ctx)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			l.round(last)
			cancel()
			return l.Close()
		case <-tick.C:
		case <-l.wake:
			l.gather(ctx)
		}
	}
}

// gather waits a moment for more acts.
func (l *Log) gather(ctx context.Context) {
	t := time.NewTimer(l.cfg.Gather)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// round is one Sign whose outcome is logged when it changes.
func (l *Log) round(ctx context.Context) {
	_, err := l.Sign(ctx)
	if errors.Is(err, errStandby) || ctx.Err() != nil {
		err = nil
	}
	var before error
	if p := l.trouble.Load(); p != nil {
		before = *p
	}
	l.trouble.Store(&err)
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		l.cfg.Log.ErrorContext(ctx, "the ledger is not signed", "error", err)
	case err == nil && before != nil:
		l.cfg.Log.InfoContext(ctx, "the ledger is signed again")
	}
}

// Health returns why the ledger is not being signed, or nil.
func (l *Log) Health() error {
	if p := l.trouble.Load(); p != nil {
		return *p
	}
	return nil
}

// Checkpoint returns the last checkpoint; not_found while there is none. In a
// process that does not sign it is read from its file.
func (l *Log) Checkpoint() (Checkpoint, error) {
	if c := l.cp.Load(); c != nil {
		return *c, nil
	}
	b, err := l.files.checkpoint()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	if b == nil {
		return Checkpoint{}, fault.New(fault.NotFound, "ledger.tile.unknown", nil)
	}
	c, err := ParseCheckpoint(b, l.VerifierKey())
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	return c, nil
}

// Close gives the signer's lock back. Run does it at its end.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tree = nil
	l.cp.Store(nil)
	if l.unlock == nil {
		return nil
	}
	err := l.unlock()
	l.unlock = nil
	return err
}
