package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// RestoredState is how far an installation has come since it was restored.
type RestoredState string

// The states of a restored installation; all but the last stop signing.
const (
	RestoredFresh   RestoredState = "fresh"
	RestoredHeld    RestoredState = "held"
	RestoredStating RestoredState = "stating"
	RestoredStated  RestoredState = "stated"
)

// Restored is one restore from a backup. Times are microseconds.
type Restored struct {
	ID         int64
	State      RestoredState
	Backup     string // name of the archive
	MadeAt     int64
	RestoredAt int64
	Entries    int64  // the last order in the backup
	Checkpoint []byte // the last signed note in the backup; empty when none
	Order      int64  // of the act that states what is missing
}

// ErrHeld says that signing waits for the statement after a restore.
var ErrHeld = errors.New("this installation was restored from a backup; signing waits until somebody states the last known checkpoint and what is missing")

// MarkRestored says in a database that it came out of a backup. Restoring does it
// before anything else may open the database.
func MarkRestored(ctx context.Context, db *sqldb.DB, r Restored) error {
	_, err := db.Pool().ExecContext(ctx, `insert into ledger_restored (id, state, backup, made_at, restored_at, entries, checkpoint, act_order)
		select coalesce(max(id), 0) + 1, $1, $2, cast($3 as bigint), cast($4 as bigint), cast($5 as bigint), cast($6 as bytea), 0
		from ledger_restored`, string(RestoredFresh), r.Backup, r.MadeAt, r.RestoredAt, r.Entries, append([]byte{}, r.Checkpoint...))
	if err != nil {
		return fmt.Errorf("mark the database as restored: %w", err)
	}
	return nil
}

// Held returns the restore that still waits for its statement; ok is false when
// there is none.
func Held(ctx context.Context, r sqldb.Reader) (h Restored, ok bool, err error) {
	h, ok, err = sqldb.One(ctx, r, func(row sqldb.Row) (h Restored, err error) {
		err = row.Scan(&h.ID, &h.State, &h.Backup, &h.MadeAt, &h.RestoredAt, &h.Entries, &h.Checkpoint, &h.Order)
		return h, err
	}, `select id, state, backup, made_at, restored_at, entries, checkpoint, act_order from ledger_restored
		where state <> 'stated' order by id desc limit 1`)
	if err != nil {
		return h, false, fmt.Errorf("look for a restore: %w", err)
	}
	return h, ok, nil
}

// LastRestored returns when the backup was made that this database was restored from
// last, in microseconds; 0 when it never was.
func LastRestored(ctx context.Context, r sqldb.Reader) (int64, error) {
	made, _, err := sqldb.One(ctx, r, sqldb.Int64, `select coalesce(max(made_at), 0) from ledger_restored`)
	if err != nil {
		err = fmt.Errorf("look for a restore: %w", err)
	}
	return made, err
}

// SetRestored moves every restore that waits to a state, inside the act that says so.
func SetRestored(ctx context.Context, tx Execer, state RestoredState, order int64) error {
	_, err := tx.ExecContext(ctx, `update ledger_restored set state = $1, act_order = $2 where state <> 'stated'`, string(state), order)
	return err
}

// held returns ErrHeld while the statement after a restore is missing. Once it is
// free a process stays so: a restore needs the folder alone.
func (l *Log) held(ctx context.Context) error {
	if l.free.Load() {
		return nil
	}
	_, ok, err := Held(ctx, l.cfg.DB.Reader())
	if err == nil && ok {
		err = ErrHeld
	}
	if err == nil {
		l.free.Store(true)
	}
	return err
}

// Assessment says whether a restored record can go on under its own name.
type Assessment struct {
	Entries  int64       // in the database
	Known    *Checkpoint // what somebody knows to have been signed; nil: nothing
	High     *Checkpoint // the largest ever signed by this machine's file; nil: lost
	Continue bool        // false: only under a new name
	Why      string
}

// Assess compares the record with what is known of its signing. The record goes on
// under its own name only when the file "high" survived and lies, like the known
// checkpoint, inside the record: then nothing that was ever signed is missing.
// Signed is the known checkpoint, nil for none; it must be of this record.
func (l *Log) Assess(ctx context.Context, signed []byte) (a Assessment, err error) {
	if len(signed) > 0 {
		cp, err := ParseCheckpoint(signed, l.VerifierKey())
		if err != nil {
			f := fault.OnField("checkpoint", "ledger.resume.checkpoint", nil)
			f.Err = err
			return a, f
		}
		a.Known = &cp
	}
	high, ok, err := l.files.high()
	if err != nil {
		return a, err
	}
	if ok && high.Origin == l.Origin() {
		a.High = &high
	}
	roots, n, err := l.rootsAt(ctx, a.Known, a.High)
	if err != nil {
		return a, err
	}
	a.Entries = n
	inside := func(c *Checkpoint) bool { return c.Size <= n && roots[c.Size] == c.Root }
	switch {
	case a.Known != nil && !inside(a.Known):
		a.Why = "the known checkpoint is not a part of the restored record"
	case a.High == nil:
		a.Why = "the file that holds the largest size ever signed is lost, so nobody can know that nothing more was signed"
	case !inside(a.High):
		a.Why = "more was signed than the restored record holds"
	case a.Known != nil && a.Known.Size > a.High.Size:
		a.Why = "more was signed than this machine knows of"
	default:
		a.Continue, a.Why = true, "everything that was ever signed is in the restored record"
	}
	return a, nil
}

// rootsAt returns the roots of the record at the sizes of checkpoints, and its size.
func (l *Log) rootsAt(ctx context.Context, cps ...*Checkpoint) (map[int64]tlog.Hash, int64, error) {
	roots := map[int64]tlog.Hash{}
	t := &tree{}
	mark := func() {
		for _, c := range cps {
			if c != nil && c.Size == t.size {
				roots[t.size] = t.root()
			}
		}
	}
	mark()
	drop := func(tile, []byte) error { return nil }
	err := eachCommitment(ctx, l.cfg.DB.Reader(), 1, math.MaxInt64, func(c [32]byte) error {
		err := t.append(c, drop)
		mark()
		return err
	})
	return roots, t.size, err
}

// nameNumber ends the name of a record that is not the first.
var nameNumber = regexp.MustCompile(`^(.*)/([0-9]+)$`)

// NextOrigin is the name of the record after origin: "…/ledger/2" after "…/ledger".
func NextOrigin(origin string) string {
	if m := nameNumber.FindStringSubmatch(origin); m != nil {
		if n, err := strconv.Atoi(m[2]); err == nil && n > 1 {
			return m[1] + "/" + strconv.Itoa(n+1)
		}
	}
	return origin + "/2"
}

// NewName is a name that a record takes, with the key that signs under it.
type NewName struct {
	Origin, Verifier   string
	Former             string // verifier key
	FormerSize         int64  // the last known size under the former name
	FormerOrigin, file string
}

// PrepareName makes the key of the next name in a file beside the key; one that an
// earlier try left is used. Nothing signs with it yet.
func (l *Log) PrepareName(keyFile string) (NewName, error) {
	n := NewName{Origin: NextOrigin(l.Origin()), Former: l.VerifierKey(), FormerOrigin: l.Origin(), file: keyFile + nextKey}
	_, err := GenerateKey(n.Origin, n.file)
	if err != nil && fault.CodeOf(err) != fault.Conflict {
		return n, err
	}
	signer, verifier, err := ReadKey(n.file)
	if err != nil {
		return n, err
	}
	n.Origin, n.Verifier = signer.Name(), verifier
	return n, nil
}

const (
	nextKey   = ".next"
	formerKey = ".former"
)

// TakeName writes the new name into the database, inside the act that states why.
func TakeName(ctx context.Context, tx Execer, n NewName, order int64) error {
	_, err := tx.ExecContext(ctx, `insert into ledger_name (id, origin, verifier, former, former_size, act_order)
		select coalesce(max(id), 0) + 1, $1, $2, $3, cast($4 as bigint), cast($5 as bigint) from ledger_name`,
		n.Origin, n.Verifier, n.Former, n.FormerSize, order)
	return err
}

// KeyInForce reads the key file and makes it the key of the name that the database
// has in force: where a statement was made and its end was cut off, the prepared key
// takes its place. A key of another name is refused.
func KeyInForce(ctx context.Context, r sqldb.Reader, keyFile string) (note.Signer, string, error) {
	signer, verifier, err := ReadKey(keyFile)
	if err != nil {
		return nil, "", err
	}
	want, ok, err := sqldb.One(ctx, r, sqldb.Text, `select verifier from ledger_name order by id desc limit 1`)
	if err != nil {
		return nil, "", fmt.Errorf("read the record's name: %w", err)
	}
	if !ok || want == verifier {
		return signer, verifier, nil
	}
	if next, v, err := ReadKey(keyFile + nextKey); err == nil && v == want {
		return next, v, swapKey(keyFile)
	}
	return nil, "", fmt.Errorf("%s is the key of %s; the record is signed under another name now", keyFile, signer.Name())
}

// swapKey puts the prepared key in force and keeps the former one beside it.
func swapKey(keyFile string) error {
	former := keyFile + formerKey
	for i := 2; ; i++ {
		if _, err := os.Lstat(former); errors.Is(err, os.ErrNotExist) {
			break
		}
		former = keyFile + formerKey + "-" + strconv.Itoa(i)
	}
	// The former key stays under both names until the new one replaces it.
	if err := os.Link(keyFile, former); err != nil {
		return fmt.Errorf("keep the former key: %w", err)
	}
	if err := os.Rename(keyFile+nextKey, keyFile); err != nil {
		return fmt.Errorf("put the new key in force: %w", err)
	}
	return durable.OS{}.SyncDir(filepath.Dir(keyFile))
}

// GoOn ends what the statement after a restore began: it takes the key that is in
// force now, signs the record as it is, and only then lets the signer go on. It may
// be repeated.
func (l *Log) GoOn(ctx context.Context, keyFile string) (Checkpoint, error) {
	signer, verifier, err := KeyInForce(ctx, l.cfg.DB.Reader(), keyFile)
	if err != nil {
		return Checkpoint{}, err
	}
	l.name.Store(&name{signer, verifier})
	cp, err := l.Restate(ctx)
	if err != nil {
		return cp, err
	}
	_, err = l.cfg.DB.Pool().ExecContext(ctx, `update ledger_restored set state = $1 where state = $2`,
		string(RestoredStated), string(RestoredStating))
	if err != nil {
		return cp, fmt.Errorf("end the restore: %w", err)
	}
	l.Notify()
	return cp, nil
}

// checkRestate refuses to sign anything that does not contain what was signed under
// this name before; the file of another name is laid aside.
func (l *Log) checkRestate(ctx context.Context) error {
	high, ok, err := l.files.high()
	if err != nil || !ok {
		return err
	}
	if high.Origin != l.Origin() {
		aside := l.files.highPath() + formerKey
		if err := l.files.fs.Rename(l.files.highPath(), aside); err != nil {
			return fmt.Errorf("lay the former highest size aside: %w", err)
		}
		return l.files.fs.SyncDir(filepath.Dir(aside))
	}
	roots, n, err := l.rootsAt(ctx, &high)
	if err != nil {
		return err
	}
	if high.Size > n {
		return refuse("size %d was signed under this name and the record has %d entries; it goes on only under a new name", high.Size, n)
	}
	if root := roots[high.Size]; !bytes.Equal(root[:], high.Root[:]) {
		return refuse("another tree of size %d was signed under this name; the record goes on only under a new name", high.Size)
	}
	return nil
}

// EachTile calls f with the checkpoint file and every tile file of exactly the tree
// that it signs, whatever the signer does meanwhile; paths are relative to the
// log's folder. Without a checkpoint it calls nothing.
func EachTile(dir, verifierKey string, f func(path string, data []byte) error) (Checkpoint, error) {
	in := files{fs: durable.OS{}, dir: dir}
	b, err := in.checkpoint()
	if err != nil || b == nil {
		return Checkpoint{}, err
	}
	cp, err := ParseCheckpoint(b, verifierKey)
	if err != nil {
		return cp, fmt.Errorf("read checkpoint: %w", err)
	}
	if err := f("checkpoint", b); err != nil {
		return cp, err
	}
	one := func(t tile) error {
		data, err := in.read(t)
		if err != nil {
			return fmt.Errorf("read %s: %w", t.path(), err)
		}
		return f(t.path(), data)
	}
	for level := levelData; level <= 0 || cp.Size>>(tileHeight*level) > 0; level++ {
		for n := range cp.Size >> (tileHeight * max(level, 0)) / tileWidth {
			if err := one(tile{level, n, tileWidth}); err != nil {
				return cp, err
			}
		}
	}
	for _, t := range edgeTiles(cp.Size) {
		if err := one(t); err != nil {
			return cp, err
		}
	}
	return cp, nil
}
