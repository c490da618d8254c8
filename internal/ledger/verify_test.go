package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

func TestAnEditedRowIsNamed(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.write(t, 600)
		sign(t, p.open(t))
		mustVerify(t, p)
		for _, c := range []struct{ name, edit, back, want string }{
			{
				"actor", `update ledger_entry set actor = 'x' where ord = 17`, `update ledger_entry set actor = 'person-3' where ord = 17`,
				"entry 17: column actor is not what its body says",
			},
			{
				"time", `update ledger_entry set time = time + 1 where ord = 17`, `update ledger_entry set time = time - 1 where ord = 17`,
				"entry 17: column time is not what its body says",
			},
			{
				"verb", `update ledger_entry set verb = 'x' where ord = 2`, `update ledger_entry set verb = 'watch.close_finding' where ord = 2`,
				"entry 2: column verb is not what its body says",
			},
			{
				"subject", `update ledger_entry set subject = '' where ord = 600`, `update ledger_entry set subject = 'finding:600' where ord = 600`,
				"entry 600: column subject is not what its body says",
			},
			{
				"order", `update ledger_entry set ord = 1000 where ord = 300`, `update ledger_entry set ord = 300 where ord = 1000`,
				"entry 300: it is missing",
			},
			{
				"head", `update ledger_head set size = 599`, `update ledger_head set size = 600`,
				"head: its root is not that of the first 599 entries",
			},
		} {
			exec(t, p.cfg.DB, c.edit)
			wantProblem(t, c.name, verify(t, p), c.want)
			exec(t, p.cfg.DB, c.back)
			mustVerify(t, p)
		}
	})
}

func wantProblem(t *testing.T, name string, r Report, want string) {
	t.Helper()
	if r.OK || len(r.Problems) == 0 || !strings.HasPrefix(r.Problems[0].String(), want) {
		t.Errorf("%s: got %v, want first %q", name, r.Problems, want)
	}
}

func TestAFlippedByteInARowIsNamed(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.write(t, 300)
		sign(t, p.open(t))
		ctx := context.Background()
		for _, col := range []string{"body", "salt", "commitment"} {
			for _, i := range []int{0, 7, 31} {
				b, _, err := sqldb.One(ctx, p.cfg.DB.Reader(), func(r sqldb.Row) (b []byte, err error) { return b, r.Scan(&b) },
					`select `+col+` from ledger_entry where ord = 261`)
				if err != nil {
					t.Fatal(err)
				}
				flipped := bytes.Clone(b)
				flipped[i] ^= 0x20
				exec(t, p.cfg.DB, `update ledger_entry set `+col+` = $1 where ord = 261`, flipped)
				wantProblem(t, col, verify(t, p), "entry 261: body does not match its commitment")
				exec(t, p.cfg.DB, `update ledger_entry set `+col+` = $1 where ord = 261`, b)
			}
		}
		// Body, salt and commitment changed together: only the tree tells.
		var salt [32]byte
		body, err := encode(entry(261))
		if err != nil {
			t.Fatal(err)
		}
		c := Commit(salt, body)
		exec(t, p.cfg.DB, `update ledger_entry set body = $1, salt = $2, commitment = $3 where ord = 261`, body, salt[:], c[:])
		r := verify(t, p)
		if r.OK || !slices.ContainsFunc(r.Problems, func(x Problem) bool {
			return x.String() == "tile/entries/001.p/44: byte 138 (entry or hash 4) is not what the entries give"
		}) {
			t.Errorf("a forged entry: got %v", r.Problems)
		}
		mustVerifyAfter(t, p, func() {
			exec(t, p.cfg.DB, `delete from ledger_entry where ord >= 261`)
		}, "checkpoint: it speaks of 300 entries; the record ends after 260")
	})
}

// mustVerifyAfter wants a problem among those found after an edit.
func mustVerifyAfter(t *testing.T, p *place, edit func(), want string) {
	t.Helper()
	edit()
	r := verify(t, p)
	if r.OK || !slices.ContainsFunc(r.Problems, func(x Problem) bool { return x.String() == want }) {
		t.Errorf("got %v, want among them %q", r.Problems, want)
	}
}

func TestAFlippedByteInAnyFileIsNamed(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	l := p.open(t)
	for _, n := range []int{10, 250, 30, 7} { // several partial tiles
		p.write(t, n)
		sign(t, l)
	}
	mustVerify(t, p)
	checked := 0
	err := filepath.WalkDir(filepath.Dir(p.cfg.Dir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "signer.lock" {
			return err
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		want, err := filepath.Rel(p.cfg.Dir, path)
		if err != nil {
			t.Fatal(err)
		}
		want = filepath.ToSlash(strings.TrimPrefix(want, "../"))
		for i := 0; i < len(whole); i += 1 + len(whole)/40 {
			b := bytes.Clone(whole)
			b[i] ^= 1
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			wantProblem(t, want, verify(t, p), want+": ")
		}
		if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(path); name != "checkpoint" && name != "high" {
			wantProblem(t, want, verify(t, p), want+": ")
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		stale := strings.HasSuffix(want, "/4") || strings.HasSuffix(want, "/34") // partial tiles of earlier checkpoints
		if r := verify(t, p); r.OK && !stale {
			t.Errorf("%s is missing, and Verify finds nothing", want)
		}
		return os.WriteFile(path, whole, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 8 {
		t.Errorf("got %d files, want at least 8", checked)
	}
	mustVerify(t, p)
}

func TestACheckpointOfAnotherKeyIsNamed(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	other := newPlace(t, p.cfg.DB)
	p.write(t, 5)
	sign(t, p.open(t))
	forged, err := Checkpoint{Origin: origin, Size: 5, Root: sign(t, p.open2(t)).Root}.sign(other.cfg.Signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := New(p.cfg).files.writeCheckpoint(forged); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, "another key", verify(t, p), "checkpoint: signed by another key")
	if err := New(p.cfg).files.writeCheckpoint(Checkpoint{Note: []byte("nonsense")}); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, "no note", verify(t, p), "checkpoint: ")
}

// open2 opens the log as the same process would again, past the lock.
func (p *place) open2(t *testing.T) *Log {
	t.Helper()
	l := New(p.cfg)
	l.unlock = func() error { return nil }
	return l
}

func TestAnErasedEntryLeavesTheTreeWhole(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.write(t, 300)
		l := p.open(t)
		before := sign(t, l)
		ctx := context.Background()
		tx, err := p.cfg.DB.BeginWrite(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Erase(ctx, tx, 17); err != nil {
			t.Fatal(err)
		}
		if err := l.Erase(ctx, tx, 1234); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("erasing what never was: got %v, want not found", err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if r := mustVerify(t, p); r.Erased != 1 || r.Size != before.Size {
			t.Errorf("got %d erased of %d, want 1 of %d", r.Erased, r.Size, before.Size)
		}
		got, err := l.Entries(ctx, Query{Before: 18, Limit: 1})
		if err != nil || len(got) != 1 || !got[0].Erased || got[0].Order != 17 || got[0].Actor != "" {
			t.Errorf("got %+v, %v, want entry 17 as erased", got, err)
		}
		proof, err := l.Inclusion(ctx, 17)
		if err != nil || proof.Body != nil || proof.Salt != nil {
			t.Fatalf("got %+v, %v, want a proof without body", proof, err)
		}
		if _, _, err := CheckProof(proof.Text, proof.Commitment, p.cfg.Verifier); err != nil {
			t.Errorf("the proof of an erased entry: %v", err)
		}
		mustVerifyAfter(t, p, func() {
			exec(t, p.cfg.DB, `update ledger_entry set actor = 'person-1' where ord = 17`)
		}, "entry 17: it is erased, but its columns still say something")
	})
}

func TestDamagedBlobsAreNamed(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	p.write(t, 5)
	sign(t, p.open(t))
	dir := t.TempDir()
	if err := blob.GenerateMaster(filepath.Join(dir, "master")); err != nil {
		t.Fatal(err)
	}
	s, err := blob.Open(blob.Config{
		Dir: filepath.Join(dir, "store"), MasterKey: filepath.Join(dir, "master"),
		FrameSize: 1000, Clock: p.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	data := make([]byte, 4500)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	ref, err := s.PutBytes(ctx, data)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	o := VerifyOptions{
		DB: p.cfg.DB, Dir: p.cfg.Dir, VerifierKey: p.cfg.Verifier, Blobs: s,
		Progress: func(what string, _, _ int64) { told = append(told, what) },
	}
	if r, err := Verify(ctx, o); err != nil || !r.OK || r.Blobs != 1 {
		t.Fatalf("got %+v, %v, want one good blob", r, err)
	}
	if !slices.Equal(told, []string{"entries", "blobs"}) {
		t.Errorf("progress: got %q", told)
	}
	h := ref.String()[7:]
	path := filepath.Join(dir, "store", "blobs", h[:2], h)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[24+3*1016+500] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, "blob", r, "blob "+ref.String()+": frame 3: ")
}

func TestALogThatIsBehindIsFine(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	if r := mustVerify(t, p); r.Entries != 0 {
		t.Errorf("an empty record: got %+v", r)
	}
	p.write(t, 5)
	if r := mustVerify(t, p); r.Entries != 5 || r.Size != 0 {
		t.Errorf("nothing signed yet: got %+v", r)
	}
	sign(t, p.open(t))
	p.write(t, 5)
	if r := mustVerify(t, p); r.Entries != 10 || r.Size != 5 || !strings.HasPrefix(r.Checkpoint, origin+"\n5\n") {
		t.Errorf("half signed: got %+v", r)
	}
}
