package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almenara.example/internal/foundation/fault"
)

func (p *place) keyFile() string {
	return filepath.Join(filepath.Dir(filepath.Dir(p.cfg.Dir)), "ledger.key")
}

// state does what the act of the statement does: with a new name or without.
func state(t *testing.T, p *place, n *NewName) {
	t.Helper()
	ctx := context.Background()
	tx, err := p.cfg.DB.BeginWrite(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n != nil {
		if err := TakeName(ctx, tx, *n, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := SetRestored(ctx, tx, RestoredStating, 1); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// goOnUnderANewName lets a log whose signed entries are lost go on, and checks that
// nothing is signed under the former name any more.
func goOnUnderANewName(t *testing.T, p *place, l *Log) {
	t.Helper()
	ctx := context.Background()
	former := p.cfg.Verifier
	n, err := l.PrepareName(p.keyFile())
	if err != nil || n.Origin != origin+"/2" {
		t.Fatalf("PrepareName: %+v, %v", n, err)
	}
	if again, err := l.PrepareName(p.keyFile()); err != nil || again.Verifier != n.Verifier {
		t.Fatalf("PrepareName again makes another key: %v", err)
	}
	state(t, p, &n)
	cp, err := l.GoOn(ctx, p.keyFile())
	if err != nil || cp.Size != p.next-1 || cp.Origin != n.Origin {
		t.Fatalf("GoOn: %+v, %v", cp, err)
	}
	p.write(t, 40)
	cp = sign(t, l)
	if cp.Size != p.next-1 || cp.Origin != n.Origin {
		t.Errorf("got size %d of %s, want %d of %s", cp.Size, cp.Origin, p.next-1, n.Origin)
	}
	if _, err := ParseCheckpoint(cp.Note, former); err == nil {
		t.Error("the former key signed")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if p.cfg.Signer, p.cfg.Verifier, err = KeyInForce(ctx, p.cfg.DB.Reader(), p.keyFile()); err != nil || p.cfg.Verifier != n.Verifier {
		t.Fatalf("the key in force is %s, %v", p.cfg.Verifier, err)
	}
	mustVerify(t, p)
	p.clock.Advance(2 * leaseTime)
	p.write(t, 3)
	if cp := sign(t, p.open(t)); cp.Size != p.next-1 {
		t.Errorf("after a restart: got size %d, want %d", cp.Size, p.next-1)
	}
	for _, name := range []string{p.keyFile() + formerKey, l.files.highPath() + formerKey} {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The former key put back is refused.
	if err := os.Rename(p.keyFile()+formerKey, p.keyFile()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := KeyInForce(ctx, p.cfg.DB.Reader(), p.keyFile()); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Errorf("the former key: got %v, want a refusal", err)
	}
}

// restored marks the database as restored, as the command does.
func restored(t *testing.T, p *place, entries int64) {
	t.Helper()
	if err := MarkRestored(context.Background(), p.cfg.DB, Restored{Backup: "b.tar.age", MadeAt: 1, RestoredAt: 2, Entries: entries}); err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsSignedBetweenARestoreAndItsStatement(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		p.write(t, 300)
		first := p.open(t)
		sign(t, first)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		l := p.open(t)
		restored(t, p, 300)
		p.write(t, 2)
		if _, err := l.Sign(ctx); !errors.Is(err, ErrHeld) {
			t.Fatalf("got %v, want ErrHeld", err)
		}
		if r := verify(t, p); !r.OK || !r.Held {
			t.Errorf("Verify: %+v", r)
		}
		// The highest size survived and is inside: the name stays.
		a, err := l.Assess(ctx, nil)
		if err != nil || !a.Continue || a.Entries != 302 {
			t.Fatalf("got %+v, %v, want to continue", a, err)
		}
		state(t, p, nil)
		cp, err := l.GoOn(ctx, p.keyFile())
		if err != nil || cp.Size != 302 || cp.Origin != origin {
			t.Fatalf("GoOn: %+v, %v", cp, err)
		}
		if h, ok, err := Held(ctx, p.cfg.DB.Reader()); ok || err != nil {
			t.Errorf("still held: %+v, %v", h, err)
		}
		p.write(t, 5)
		if cp := sign(t, l); cp.Size != 307 {
			t.Errorf("got size %d, want 307", cp.Size)
		}
		mustVerify(t, p)
	})
}

func TestARecordGoesOnUnderItsNameOnlyWhenNothingSignedIsMissing(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		p.write(t, 100)
		l := p.open(t)
		early := sign(t, l)
		p.write(t, 100)
		late := sign(t, l)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		exec(t, p.cfg.DB, `delete from ledger_entry where ord > 150`)
		p.next = 151
		p.write(t, 3)
		high := l.files.highPath()
		set := func(c *Checkpoint) {
			if err := os.Remove(high); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if c != nil {
				if err := l.files.writeHigh(*c); err != nil {
					t.Fatal(err)
				}
			}
		}
		fork := early
		fork.Size = 120
		for _, c := range []struct {
			name  string
			high  *Checkpoint
			known []byte
			want  bool
			why   string
		}{
			{"the file survived and is inside", &early, nil, true, "everything"},
			{"and so is the known checkpoint", &early, early.Note, true, "everything"},
			{"the file is lost", nil, nil, false, "is lost"},
			{"the file is lost, a checkpoint inside is known", nil, early.Note, false, "is lost"},
			{"the world moved on", &late, nil, false, "more was signed"},
			{"a cosigner knows more", &early, late.Note, false, "not a part"},
			{"a cosigner knows more, the file is lost", nil, late.Note, false, "not a part"},
			{"another tree was signed", &fork, nil, false, "more was signed"},
		} {
			set(c.high)
			a, err := l.Assess(ctx, c.known)
			if err != nil || a.Continue != c.want || !strings.Contains(a.Why, c.why) {
				t.Errorf("%s: got %v (%s), %v, want %v (%s)", c.name, a.Continue, a.Why, err, c.want, c.why)
			}
		}
		if _, err := l.Assess(ctx, []byte("not a note")); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a file that is no checkpoint: got %v, want invalid", err)
		}
		set(&late)
		restored(t, p, 150)
		goOnUnderANewName(t, p, p.open(t))
	})
}

func TestAStatementThatWasCutOffIsEndedByTheNextStart(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		p.write(t, 10)
		l := p.open(t)
		sign(t, l)
		restored(t, p, 10)
		n, err := l.PrepareName(p.keyFile())
		if err != nil {
			t.Fatal(err)
		}
		p.write(t, 1)
		state(t, p, &n) // and the power is cut
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if p.cfg.Signer, p.cfg.Verifier, err = KeyInForce(ctx, p.cfg.DB.Reader(), p.keyFile()); err != nil || p.cfg.Verifier != n.Verifier {
			t.Fatalf("the key in force is %s, %v", p.cfg.Verifier, err)
		}
		l = p.open(t)
		if _, err := l.Sign(ctx); !errors.Is(err, ErrHeld) {
			t.Errorf("got %v, want ErrHeld", err)
		}
		if cp, err := l.GoOn(ctx, p.keyFile()); err != nil || cp.Size != 11 || cp.Origin != n.Origin {
			t.Errorf("GoOn: %+v, %v", cp, err)
		}
		mustVerify(t, p)
	})
}

func TestTheTilesOfACheckpointAreAWholeLog(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		for _, n := range []int{1, 254, 1, 300, 70000} {
			p.write(t, n)
			l := p.open(t)
			cp := sign(t, l)
			dir := t.TempDir()
			got, err := EachTile(p.cfg.Dir, p.cfg.Verifier, func(path string, data []byte) error {
				name := filepath.Join(dir, "log", filepath.FromSlash(path))
				if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
					return err
				}
				return os.WriteFile(name, data, 0o600)
			})
			if err != nil || got.Size != cp.Size {
				t.Fatalf("size %d: got %d, %v", cp.Size, got.Size, err)
			}
			copyFile(t, l.files.highPath(), filepath.Join(dir, "high"))
			r, err := Verify(context.Background(), VerifyOptions{DB: p.cfg.DB, Dir: filepath.Join(dir, "log"), VerifierKey: p.cfg.Verifier})
			if err != nil || !r.OK {
				t.Errorf("size %d: %v, %v", cp.Size, err, r.Problems)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
