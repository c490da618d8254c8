package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// VerifyOptions says what is verified.
type VerifyOptions struct {
	DB *sqldb.DB
	// Dir holds the tiles and the checkpoint; "high" is in its parent.
	Dir string
	// VerifierKey is the log's public key.
	VerifierKey string
	// Blobs, when not nil, are all read again and re-hashed.
	Blobs *blob.Store
	// Needed lists the blobs that the rooms refer to: one that is neither there nor
	// erased is a problem.
	Needed []string
	// Progress, when not nil, is told now and then how far it went; what is
	// "entries" or "blobs", total is 0 when it is not known.
	Progress func(what string, done, total int64)
	// FS is the file system; nil means the machine's.
	FS durable.FS
}

// Report is what Verify found.
type Report struct {
	OK bool `json:"ok"`
	// Size and Root are those of the checkpoint; Root in base64.
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Checkpoint is the signed note; empty when nothing was signed.
	Checkpoint string `json:"checkpoint"`
	// Entries is how many entries there are; those beyond Size are not signed yet.
	Entries int64 `json:"entries"`
	// Erased is how many entries have no body any more.
	Erased int64 `json:"erased"`
	// Blobs is how many blobs were read again.
	Blobs int64 `json:"blobs"`
	// Problems are in the order found, at most maxProblems.
	Problems []Problem `json:"problems,omitempty"`
	// Held says that the installation was restored and nothing is signed until
	// somebody states what is missing; the highest size may be missing then.
	Held bool `json:"held,omitempty"`
}

// Problem is one thing that is not as it was written.
type Problem struct {
	// Where is such as "entry 17", "tile/0/x001/000", "checkpoint", "blob sha256:…".
	Where string `json:"where"`
	What  string `json:"what"`
}

// String is where and what.
func (p Problem) String() string { return p.Where + ": " + p.What }

// maxProblems bounds a report: one changed byte low in a tree shows in few places,
// a replaced log everywhere.
const maxProblems = 100

// Verify checks the whole record: every body against its commitment and its
// look-up columns, the orders, every tile against the entries, the checkpoint's
// signature and root, the head and the highest size ever signed; and, when asked,
// every blob. It reads one moment of the database and does not disturb a running
// server. The error is for what could not be read at all; what was changed is in
// the report.
func Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	v := &verifier{o: o, files: files{fs: o.FS, dir: o.Dir}, marks: map[int64][]mark{}}
	if o.FS == nil {
		v.files.fs = durable.OS{}
	}
	if o.Progress == nil {
		v.o.Progress = func(string, int64, int64) {}
	}
	// The files first, the database after: what they speak of must be in it.
	v.readFiles(ctx)
	tx, err := o.DB.Snapshot(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify the ledger: %w", err)
	}
	err = v.database(ctx, tx)
	if e := tx.Rollback(); err == nil && e != nil {
		err = e
	}
	if err == nil && o.Blobs != nil {
		err = v.blobs(ctx)
	}
	if err != nil {
		return Report{}, fmt.Errorf("verify the ledger: %w", err)
	}
	v.report.OK = len(v.report.Problems) == 0
	return v.report, nil
}

// verifier is one run of Verify.
type verifier struct {
	o      VerifyOptions
	files  files
	report Report
	cp     Checkpoint
	tree   tree
	marks  map[int64][]mark // roots that must come out at a size
	// lostHigh says that there is a checkpoint and no highest size.
	lostHigh bool
}

// mark is a root that somebody claims for a size.
type mark struct {
	where string
	root  [32]byte
}

func (v *verifier) problem(where, format string, args ...any) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{where, fmt.Sprintf(format, args...)})
	}
}

func (v *verifier) mark(where string, size int64, root [32]byte) {
	v.marks[size] = append(v.marks[size], mark{where, root})
}

// firstSigning bounds the moment of a log's first signing in which the highest size
// is written and the checkpoint not yet.
const firstSigning = time.Second

// awaitFirst waits while a running signer may be between its first two files.
func (v *verifier) awaitFirst(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, firstSigning)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		b, err := v.files.checkpoint()
		if err != nil || b != nil {
			return
		}
		if high, _, err := v.files.high(); err != nil || high.Size == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (v *verifier) readFiles(ctx context.Context) {
	v.awaitFirst(ctx)
	high, haveHigh, err := v.files.high()
	if err != nil {
		v.problem("high", "%v", err)
	} else if haveHigh {
		v.mark("high", high.Size, high.Root)
		if name, _, _ := strings.Cut(v.o.VerifierKey, "+"); high.Origin != name {
			v.problem("high", "it is of the log %q, not of %q", high.Origin, name)
		}
	}
	b, err := v.files.checkpoint()
	if err != nil {
		v.problem("checkpoint", "%v", err)
		return
	}
	if b == nil {
		if high.Size > 0 {
			v.problem("checkpoint", "it is missing, but size %d was signed", high.Size)
		}
		return
	}
	if v.cp, err = ParseCheckpoint(b, v.o.VerifierKey); err != nil {
		v.problem("checkpoint", "%v", err)
		return
	}
	v.lostHigh = !haveHigh
	v.mark("checkpoint", v.cp.Size, v.cp.Root)
	v.report.Size = v.cp.Size
	v.report.Root = base64.StdEncoding.EncodeToString(v.cp.Root[:])
	v.report.Checkpoint = string(v.cp.Note)
}

// missing says that a log whose head was signed has lost its files. Beside a running
// server's very first signing they may be on their way: it waits for that moment.
func (v *verifier) missing(ctx context.Context, signed int64) {
	if signed == 0 || v.report.Checkpoint != "" || len(v.report.Problems) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, firstSigning)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if b, err := v.files.checkpoint(); err != nil || b != nil {
			return
		}
		select {
		case <-ctx.Done():
			v.problem("checkpoint", "it is missing, but size %d was signed", signed)
			return
		case <-tick.C:
		}
	}
}

func (v *verifier) database(ctx context.Context, r sqldb.Reader) error {
	_, held, err := Held(ctx, r)
	if err != nil {
		return err
	}
	v.report.Held = held
	if v.lostHigh && !held {
		v.problem("high", "the file is missing, but size %d was signed", v.cp.Size)
	}
	h, err := readHead(ctx, r)
	if err != nil {
		v.problem("head", "%v", err)
	} else {
		v.mark("head", h.size, h.root)
		v.missing(ctx, h.size)
	}
	total, _, err := sqldb.One(ctx, r, sqldb.Int64, `select coalesce(max(ord), 0) from ledger_entry`)
	if err != nil {
		return err
	}
	v.checkMarks()
	if err := v.entries(ctx, r, total); err != nil {
		return err
	}
	v.report.Entries = v.tree.size
	for size, marks := range v.marks {
		if size > v.tree.size {
			for _, m := range marks {
				v.problem(m.where, "it speaks of %d entries; the record ends after %d", size, v.tree.size)
			}
		}
	}
	return v.checkEdge()
}

// entries walks all entries in order; missing ones end the walk, because nothing
// after a gap can be placed in the tree.
func (v *verifier) entries(ctx context.Context, r sqldb.Reader, total int64) error {
	err := eachBatch(ctx, r, func(b *entryBatch) error {
		for i := range b.rows {
			row := &b.rows[i]
			if want := v.tree.size + 1; row.ord != want {
				v.problem(fmt.Sprintf("entry %d", want), "it is missing")
				return errStop
			}
			if row.problem != "" {
				v.problem(fmt.Sprintf("entry %d", row.ord), "%s", row.problem)
			}
			if row.erased {
				v.report.Erased++
			}
			if err := v.tree.append(row.commitment, v.checkFull); err != nil {
				return err
			}
			v.checkMarks()
		}
		v.o.Progress("entries", v.tree.size, total)
		return nil
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

var errStop = errors.New("stop")

// checkMarks compares the tree with the roots claimed for its present size.
func (v *verifier) checkMarks() {
	marks, ok := v.marks[v.tree.size]
	if !ok {
		return
	}
	root := v.tree.root()
	for _, m := range marks {
		if m.root != root {
			v.problem(m.where, "its root is not that of the first %d entries", v.tree.size)
		}
	}
}

// checkFull compares a complete tile with its file and with the partial files that
// may still be there.
func (v *verifier) checkFull(t tile, data []byte) error {
	b, err := durable.ReadFile(v.files.fs, v.files.path(t.path()), maxTileSize)
	switch {
	case isMissing(err):
		if t.end() <= v.cp.Size {
			v.problem(t.path(), "it is missing")
		}
	case err != nil:
		v.problem(t.path(), "%v", err)
	default:
		v.compare(t, b, data)
	}
	v.checkPartials(t, data)
	return nil
}

// checkEdge compares the incomplete tiles, and sees that those which the
// checkpoint needs are there.
func (v *verifier) checkEdge() error {
	if v.cp.Size <= v.tree.size {
		for _, t := range edgeTiles(v.cp.Size) {
			if _, err := v.files.read(t); err != nil {
				v.problem(t.path(), "%v", err)
			}
		}
	}
	return v.tree.partials(func(t tile, data []byte) error {
		// A server that runs may have completed the tile since.
		if b, err := durable.ReadFile(v.files.fs, v.files.path(t.full().path()), maxTileSize); err == nil {
			v.compare(t.full(), b[:min(len(b), len(data))], data)
		}
		v.checkPartials(t, data)
		return nil
	})
}

// checkPartials compares the partial files of a tile whose first t.w hashes are
// data; wider ones were written after the moment that is read.
func (v *verifier) checkPartials(t tile, data []byte) {
	for w := range v.files.partialWidths(t) {
		p := tile{t.level, t.n, w}
		if w > t.w {
			continue
		}
		b, err := durable.ReadFile(v.files.fs, v.files.path(p.path()), maxTileSize)
		if isMissing(err) {
			continue
		}
		if err != nil {
			v.problem(p.path(), "%v", err)
			continue
		}
		v.compare(p, b, data[:w*t.unit()])
	}
}

func (v *verifier) compare(t tile, have, want []byte) {
	if bytes.Equal(have, want) {
		return
	}
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			v.problem(t.path(), "byte %d (entry or hash %d) is not what the entries give", i, i/t.unit())
			return
		}
	}
	v.problem(t.path(), "%d bytes, want %d", len(have), len(want))
}

// blobs reads every blob again.
func (v *verifier) blobs(ctx context.Context) error {
	seen := map[string]bool{}
	err := v.o.Blobs.Each(ctx, func(ref blob.Ref) error {
		seen[ref.String()] = true
		err := v.o.Blobs.Verify(ctx, ref)
		if d := (*blob.Damage)(nil); errors.As(err, &d) {
			v.problem("blob "+ref.String(), "%s: %v", d.Place, d.Err)
		} else if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			v.problem("blob "+ref.String(), "%v", err)
		}
		v.report.Blobs++
		v.o.Progress("blobs", v.report.Blobs, 0)
		return nil
	})
	if err != nil {
		return err
	}
	for _, text := range v.o.Needed {
		if !seen[text] {
			v.needed(ctx, text)
		}
	}
	return nil
}

// needed says that a blob which the rooms refer to is gone, unless it was erased.
func (v *verifier) needed(ctx context.Context, text string) {
	ref, err := blob.ParseRef(text)
	if err != nil {
		v.problem("blob "+text, "%v", err)
		return
	}
	r, err := v.o.Blobs.Open(ctx, ref)
	switch {
	case err == nil:
		_ = r.Close() // it came meanwhile
	case fault.Of(err).Key == "blob.erased":
	default:
		v.problem("blob "+text, "it is missing")
	}
}
