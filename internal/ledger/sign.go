package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// chunk is how many entries one checkpoint adds at most; more follow at once.
const chunk = 1 << 16

// errStandby says that another process signs; this one looks on.
var errStandby = errors.New("another process signs this ledger")

// Refused says why the signer stopped for good: what it would sign contradicts
// what was signed before, or the record was changed under it.
type Refused struct{ Why string }

// Error gives the reason.
func (r *Refused) Error() string { return "the ledger refuses to sign: " + r.Why }

func refuse(format string, args ...any) error { return &Refused{Why: fmt.Sprintf(format, args...)} }

// Sign brings the checkpoint up to the last committed act and returns it. Run
// calls it; tests and the command line may.
func (l *Log) Sign(ctx context.Context) (Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		return Checkpoint{}, l.refused
	}
	cp, err := l.sign(ctx)
	if err != nil {
		l.tree = nil // whatever was half done is read again
		if r := (*Refused)(nil); errors.As(err, &r) {
			l.refused = err
		}
	}
	return cp, err
}

func (l *Log) sign(ctx context.Context) (Checkpoint, error) {
	if err := l.held(ctx); err != nil {
		return Checkpoint{}, err
	}
	h, err := readHead(ctx, l.cfg.DB.Reader())
	if err != nil {
		return Checkpoint{}, err
	}
	if l.taken(h) {
		l.tree = nil
		l.cp.Store(nil) // the other process writes the file
		return Checkpoint{}, errStandby
	}
	if err := l.load(ctx, h); err != nil {
		return Checkpoint{}, err
	}
	for {
		grown, err := l.extend(ctx, h)
		if err != nil {
			return Checkpoint{}, err
		}
		if !grown {
			break
		}
		if h, err = readHead(ctx, l.cfg.DB.Reader()); err != nil {
			return Checkpoint{}, err
		}
	}
	if c := l.cp.Load(); c != nil {
		return *c, nil
	}
	return Checkpoint{Origin: l.Origin(), Root: l.tree.root()}, nil
}

// load makes l.tree the tree of the head, or refuses. It is quick when the tree
// in memory is that one.
func (l *Log) load(ctx context.Context, h head) error {
	if l.tree != nil && l.tree.size == h.size && l.tree.root() == h.root {
		return nil
	}
	if err := l.lock(); err != nil {
		return err
	}
	high, err := l.checkHigh(h)
	if err != nil {
		return err
	}
	last, _, err := sqldb.One(ctx, l.cfg.DB.Reader(), sqldb.Int64, `select coalesce(max(ord), 0) from ledger_entry`)
	if err != nil {
		return fmt.Errorf("read the last ledger entry: %w", err)
	}
	if last < h.size {
		return refuse("entries %d to %d were signed and are gone", last+1, h.size)
	}
	if l.tree, err = l.loadTree(ctx, h); err != nil {
		return err
	}
	if high.Size < h.size && high.Size > 0 {
		root, err := tlog.TreeHash(high.Size, l.files.hashes(h.size, h.root))
		if err != nil {
			return fmt.Errorf("read the tree at size %d: %w", high.Size, err)
		}
		if root != high.Root {
			return refuse("the record is a fork of what was signed at size %d", high.Size)
		}
	}
	if now := clock.Micros(l.cfg.Clock.Now()); h.time > now {
		l.cfg.Log.WarnContext(ctx, "the clock went back since the last checkpoint", "by_seconds", (h.time-now)/1e6)
	}
	return l.republish(h)
}

// lock takes the lock file, once.
func (l *Log) lock() error {
	if l.unlock != nil {
		return nil
	}
	if err := durable.MkdirAll(l.files.fs, l.cfg.Dir, 0o755); err != nil {
		return fmt.Errorf("make the ledger's folder: %w", err)
	}
	if _, onDisk := l.files.fs.(durable.OS); !onDisk {
		return nil
	}
	unlock, err := durable.Lock(filepath.Join(filepath.Dir(filepath.Clean(l.cfg.Dir)), "signer.lock"))
	if errors.Is(err, durable.ErrLocked) {
		return errStandby
	}
	if err != nil {
		return fmt.Errorf("lock the ledger's folder: %w", err)
	}
	l.unlock = unlock
	return nil
}

// checkHigh compares the head with the largest tree ever signed.
func (l *Log) checkHigh(h head) (Checkpoint, error) {
	high, ok, err := l.files.high()
	if err != nil {
		return high, err
	}
	switch {
	case !ok && h.size > 0:
		return high, refuse("the file %s, which holds the largest size ever signed, is missing", l.files.highPath())
	case !ok:
		high = Checkpoint{Origin: l.Origin(), Root: h.root}
		return high, l.files.writeHigh(high)
	case high.Origin != l.Origin():
		return high, refuse("the file %s is of the log %q", l.files.highPath(), high.Origin)
	case high.Size > h.size:
		return high, refuse("size %d was signed, but the database is at %d: it is older", high.Size, h.size)
	case high.Size == h.size && high.Root != h.root:
		return high, refuse("another tree of size %d was signed", high.Size)
	}
	return high, nil
}

// loadTree reads the right edge from the tiles; when they are lost or damaged it
// makes them again from the entries, if those still give the signed root.
func (l *Log) loadTree(ctx context.Context, h head) (*tree, error) {
	t, err := loadTree(h.size, l.files.read)
	if err == nil && t.root() == h.root {
		if err := t.checkEntries(); err == nil {
			return t, nil
		}
	}
	l.cfg.Log.WarnContext(ctx, "the ledger's tiles are not those of its head; they are made again", "size", h.size)
	t = &tree{}
	drop := func(tile, []byte) error { return nil }
	err = eachCommitment(ctx, l.cfg.DB.Reader(), 1, h.size, func(c [32]byte) error { return t.append(c, drop) })
	if err != nil {
		return nil, err
	}
	if t.size != h.size || t.root() != h.root {
		return nil, refuse("the entries up to %d are not those that were signed", h.size)
	}
	if err := l.rewrite(ctx, h.size); err != nil {
		return nil, err
	}
	return t, nil
}

// rewrite writes all tiles of the first size entries.
func (l *Log) rewrite(ctx context.Context, size int64) error {
	t, b := &tree{}, &batch{files: l.files, dirs: map[string]bool{}}
	err := eachCommitment(ctx, l.cfg.DB.Reader(), 1, size, func(c [32]byte) error { return t.append(c, b.write) })
	if err == nil {
		err = t.partials(b.write)
	}
	if err != nil {
		return err
	}
	return b.sync()
}

// checkEntries tells whether the incomplete entries bundle belongs to the leaves.
func (t *tree) checkEntries() error {
	leaves := []byte(nil)
	if len(t.edge) > 0 {
		leaves = t.edge[0]
	}
	if len(t.entries)/entrySize != len(leaves)/tlog.HashSize {
		return errors.New("the entries bundle has another length than the leaves")
	}
	for i := range len(leaves) / tlog.HashSize {
		e := t.entries[i*entrySize:][:entrySize]
		if tlog.RecordHash(e[2:]) != tlog.Hash(leaves[i*tlog.HashSize:][:tlog.HashSize]) {
			return fmt.Errorf("entry %d of the bundle is not its leaf", i)
		}
	}
	return nil
}

// republish writes high and checkpoint when a cut left them behind the head.
func (l *Log) republish(h head) error {
	if h.size == 0 {
		return nil
	}
	b, err := l.files.checkpoint()
	if err != nil {
		return fmt.Errorf("read checkpoint: %w", err)
	}
	if cp, err := ParseCheckpoint(b, l.VerifierKey()); err == nil && cp.Size == h.size && cp.Root == h.root {
		l.cp.Store(&cp)
		return nil
	}
	return l.publish(h.size, h.root)
}

// publish writes high, then the signed checkpoint.
func (l *Log) publish(size int64, root tlog.Hash) error {
	cp := Checkpoint{Origin: l.Origin(), Size: size, Root: root}
	if err := l.files.writeHigh(cp); err != nil {
		return err
	}
	cp, err := cp.sign(l.name.Load().signer)
	if err != nil {
		return err
	}
	if err := l.files.writeCheckpoint(cp); err != nil {
		return err
	}
	l.cp.Store(&cp)
	return nil
}

// extend adds the next entries and publishes; grown is false when there were none.
// The order of the writes is the promise: tiles, head, high, checkpoint.
func (l *Log) extend(ctx context.Context, h head) (grown bool, err error) {
	t, b := l.tree.clone(), &batch{files: l.files, dirs: map[string]bool{}}
	last := int64(math.MaxInt64)
	if h.size < last-chunk {
		last = h.size + chunk
	}
	err = eachCommitment(ctx, l.cfg.DB.Reader(), h.size+1, last, func(c [32]byte) error { return t.append(c, b.write) })
	if gap := (*Gap)(nil); errors.As(err, &gap) {
		return false, refuse("entry %d is missing, but later ones are there", gap.Order)
	}
	if err != nil || t.size == h.size {
		return false, err
	}
	err = t.partials(func(x tile, data []byte) error {
		if shift := tileHeight * max(x.level, 0); h.size>>shift == t.size>>shift {
			return nil // this level did not grow; its file is there
		}
		return b.write(x, data)
	})
	if err == nil {
		err = b.sync()
	}
	if err != nil {
		return false, err
	}
	root := t.root()
	if err := l.moveHead(ctx, h, t.size, root); err != nil {
		return false, err
	}
	if err := l.publish(t.size, root); err != nil {
		return false, err
	}
	l.files.dropPartials(h.size, t.size)
	l.tree = t
	return true, nil
}

// Restate makes the record as it is now the signed one and lets the signer go on.
// It is for a restored installation, after the act that states the last known
// checkpoint and what is missing; that act's entry is the reason that others will
// read. It never forks: what was signed under this name must be inside the record.
func (l *Log) Restate(ctx context.Context) (Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tree = nil
	if err := l.lock(); err != nil {
		return Checkpoint{}, err
	}
	if err := l.checkRestate(ctx); err != nil {
		return Checkpoint{}, err
	}
	l.cp.Store(nil)
	t := &tree{}
	drop := func(tile, []byte) error { return nil }
	err := eachCommitment(ctx, l.cfg.DB.Reader(), 1, math.MaxInt64, func(c [32]byte) error { return t.append(c, drop) })
	if err != nil {
		return Checkpoint{}, err
	}
	if err := l.rewrite(ctx, t.size); err != nil {
		return Checkpoint{}, err
	}
	if err := l.forceHead(ctx, t.size, t.root()); err != nil {
		return Checkpoint{}, err
	}
	if err := l.publish(t.size, t.root()); err != nil {
		return Checkpoint{}, err
	}
	l.tree, l.refused = t, nil
	return *l.cp.Load(), nil
}
