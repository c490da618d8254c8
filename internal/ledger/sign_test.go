package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"almenara.example/internal/foundation/blob/durable/durabletest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

func verify(t testing.TB, p *place) Report {
	t.Helper()
	r, err := Verify(context.Background(), VerifyOptions{DB: p.cfg.DB, Dir: p.cfg.Dir, VerifierKey: p.cfg.Verifier, FS: p.cfg.FS})
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return r
}

func mustVerify(t testing.TB, p *place) Report {
	t.Helper()
	r := verify(t, p)
	if !r.OK {
		t.Fatalf("Verify finds %v", r.Problems)
	}
	return r
}

func TestActsAreSignedWhileTheyComeIn(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		l := p.open(t)
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := l.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		for range 150 {
			p.act(t, 1)
			l.Notify()
		}
		deadline := time.NewTimer(20 * time.Second)
		defer deadline.Stop()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			cp, err := l.Checkpoint()
			if err == nil && cp.Size == 150 {
				break
			}
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				t.Fatal(err)
			}
			select {
			case <-deadline.C:
				t.Fatalf("not signed: %v, health %v", cp.Size, l.Health())
			case <-tick.C:
			}
		}
		mustVerify(t, p) // while it runs
		p.act(t, 3)      // nobody is told
		stop()
		wg.Wait()
		if r := mustVerify(t, p); r.Size != 153 || r.Entries != 153 {
			t.Errorf("got size %d of %d entries, want 153: a stopped log has no unsigned act", r.Size, r.Entries)
		}
		if err := l.Health(); err != nil {
			t.Errorf("Health: %v", err)
		}
	})
}

func TestANewProcessGoesOnWhereTheOldOneEnded(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		var before Checkpoint
		for _, n := range []int{3, 252, 1, 700, 1} {
			p.write(t, n)
			l := New(p.cfg)
			cp := sign(t, l)
			if before.Size > 0 {
				e, err := l.Consistency(context.Background(), before.Size)
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckTree(e.Hashes, cp.Size, cp.Root, before.Size, before.Root); err != nil {
					t.Fatalf("from %d to %d: %v", before.Size, cp.Size, err)
				}
			}
			before = cp
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		mustVerify(t, p)
	})
}

func TestOnlyOneProcessSigns(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		one := p.open(t)
		p.write(t, 3)
		sign(t, one)
		if _, err := p.open(t).Sign(context.Background()); !errors.Is(err, errStandby) {
			t.Errorf("the same folder: got %v, want standby", err)
		}
		// Another machine: its own folder, the same key and database.
		other := *p
		other.cfg.Dir = filepath.Join(t.TempDir(), "ledger", "log")
		two := other.open(t)
		p.write(t, 3)
		if _, err := two.Sign(context.Background()); !errors.Is(err, errStandby) {
			t.Errorf("while the lease holds: got %v, want standby", err)
		}
		p.clock.Advance(leaseTime + time.Second)
		// Without the high file it refuses: it cannot know what was signed.
		if _, err := two.Sign(context.Background()); !isRefused(err) {
			t.Errorf("without high: got %v, want a refusal", err)
		}
		copyFile(t, one.files.highPath(), other.open(t).files.highPath())
		three := other.open(t)
		if err := two.Close(); err != nil {
			t.Fatal(err)
		}
		if cp := sign(t, three); cp.Size != 6 {
			t.Errorf("got size %d, want 6", cp.Size)
		}
		if _, err := one.Sign(context.Background()); !errors.Is(err, errStandby) {
			t.Errorf("the first one, after it lost the lease: got %v, want standby", err)
		}
		other.next = p.next
		mustVerify(t, &other)
	})
}

func isRefused(err error) bool {
	r := (*Refused)(nil)
	return errors.As(err, &r)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// contradiction is something done to a log of 20 signed entries, and the reason
// that the signer then gives.
type contradiction struct {
	do   func(t *testing.T, p *place)
	want string
}

func contradictions() map[string]contradiction {
	const older = "it is older"
	return map[string]contradiction{
		"an older database": {func(t *testing.T, p *place) {
			exec(t, p.cfg.DB, `delete from ledger_head`)
			exec(t, p.cfg.DB, `delete from ledger_entry where ord > 5`)
		}, older},
		"an older database that went on": {func(t *testing.T, p *place) {
			exec(t, p.cfg.DB, `delete from ledger_head`)
			exec(t, p.cfg.DB, `delete from ledger_entry where ord > 5`)
			p.next = 6
			p.write(t, 30)
		}, older},
		"the last entries are gone": {func(t *testing.T, p *place) {
			exec(t, p.cfg.DB, `delete from ledger_entry where ord > 18`)
		}, "entries 19 to 20 were signed and are gone"},
		"an entry is gone before it was signed": {func(t *testing.T, p *place) {
			p.write(t, 3)
			exec(t, p.cfg.DB, `delete from ledger_entry where ord = 22`)
		}, "entry 22 is missing"},
		"high is gone": {func(t *testing.T, p *place) {
			if err := os.Remove(New(p.cfg).files.highPath()); err != nil {
				t.Fatal(err)
			}
		}, "is missing"},
		"high is of another tree": {func(t *testing.T, p *place) {
			cp := Checkpoint{Origin: origin, Size: 20}
			if err := New(p.cfg).files.writeHigh(cp); err != nil {
				t.Fatal(err)
			}
		}, "another tree of size 20"},
		"high is of a fork": {func(t *testing.T, p *place) {
			cp := Checkpoint{Origin: origin, Size: 7}
			if err := New(p.cfg).files.writeHigh(cp); err != nil {
				t.Fatal(err)
			}
		}, "a fork of what was signed at size 7"},
		"tiles lost and an entry changed": {func(t *testing.T, p *place) {
			if err := os.RemoveAll(filepath.Join(p.cfg.Dir, "tile")); err != nil {
				t.Fatal(err)
			}
			c := Commit([32]byte{}, []byte("another"))
			exec(t, p.cfg.DB, `update ledger_entry set commitment = $1 where ord = 9`, c[:])
		}, "not those that were signed"},
	}
}

func TestTheSignerRefusesWhatContradictsItsPast(t *testing.T) {
	for name, c := range contradictions() {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
			p.write(t, 20)
			first := New(p.cfg)
			sign(t, first)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			before, err := first.files.checkpoint()
			if err != nil {
				t.Fatal(err)
			}
			c.do(t, p)
			l := p.open(t)
			_, err = l.Sign(context.Background())
			if !isRefused(err) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a refusal with %q", err, c.want)
			}
			l.round(context.Background())
			if l.Health() == nil {
				t.Error("Health says nothing")
			}
			if after, err := l.files.checkpoint(); err != nil || string(after) != string(before) {
				t.Errorf("the checkpoint moved (%v)", err)
			}
		})
	}
}

func TestARestoredLogGoesOnOnlyAfterItIsRestated(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.write(t, 600)
		l := p.open(t)
		sign(t, l)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		exec(t, p.cfg.DB, `delete from ledger_entry where ord > 500`)
		p.next = 501
		l = p.open(t)
		if _, err := l.Sign(context.Background()); !isRefused(err) {
			t.Fatalf("got %v, want a refusal", err)
		}
		p.write(t, 1) // the act that states it
		if _, err := l.Restate(context.Background()); !isRefused(err) {
			t.Fatalf("Restate under the same name: got %v, want a refusal: it would fork", err)
		}
		goOnUnderANewName(t, p, l)
	})
}

func TestLostTilesAreMadeAgain(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	p.write(t, 700)
	l := New(p.cfg)
	cp := sign(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(p.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	l = p.open(t)
	if again := sign(t, l); string(again.Note) != string(cp.Note) {
		t.Errorf("got another checkpoint:\n%s\nwant\n%s", again.Note, cp.Note)
	}
	mustVerify(t, p)
}

func TestAClockThatWentBackDoesNotStopTheSigner(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	p.write(t, 2)
	sign(t, p.open(t))
	p.clock.Advance(-48 * time.Hour)
	p.write(t, 2)
	other := *p
	other.cfg.Dir = filepath.Join(t.TempDir(), "l", "log") // another machine, its lease "in the future"
	copyFile(t, New(p.cfg).files.highPath(), New(other.cfg).files.highPath())
	if cp := sign(t, other.open(t)); cp.Size != 4 {
		t.Errorf("got size %d, want 4", cp.Size)
	}
}

func TestAPowerCutNeverForksTheLog(t *testing.T) {
	p := newPlace(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	p.cfg.Dir = "/data/ledger/log"
	ctx := context.Background()
	cuts := 0
	for _, loss := range []durabletest.Loss{durabletest.Lost, durabletest.Kept, durabletest.Torn} {
		for n := 1; ; n++ {
			exec(t, p.cfg.DB, `delete from ledger_entry`)
			exec(t, p.cfg.DB, `delete from ledger_head`)
			p.next = 1
			disk := durabletest.New(uint64(n))
			p.cfg.FS = disk
			first := Checkpoint{}
			if n%2 == 0 { // also cut the very first checkpoint
				p.write(t, 5)
				first = sign(t, p.open(t))
			}
			p.write(t, 260)
			before := disk.Steps()
			disk.CutAt(n)
			_, err := p.open(t).Sign(ctx)
			if err != nil && !errors.Is(err, durabletest.ErrCut) {
				t.Fatalf("loss %d, cut %d: %v", loss, n, err)
			}
			uncut := disk.Steps()-before < n
			disk.Restart(loss)
			cuts++
			afterCut(t, p, first, err == nil)
			if uncut {
				break
			}
		}
	}
	if cuts < 60 {
		t.Errorf("got %d cuts, want at least 60", cuts)
	}
}

// afterCut checks that the next start goes on from whatever the cut left.
func afterCut(t *testing.T, p *place, first Checkpoint, signed bool) {
	t.Helper()
	left := first
	b, err := New(p.cfg).files.checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	if b != nil {
		if left, err = ParseCheckpoint(b, p.cfg.Verifier); err != nil {
			t.Fatalf("a checkpoint that was left: %v", err)
		}
	}
	if left.Size < first.Size || signed && left.Size != p.next-1 {
		t.Fatalf("the checkpoint went back to %d", left.Size)
	}
	if b != nil {
		mustVerify(t, p) // before the restart
	}
	p.write(t, 2)
	l := p.open(t)
	cp := sign(t, l)
	if cp.Size != p.next-1 {
		t.Fatalf("got size %d, want %d", cp.Size, p.next-1)
	}
	for _, old := range []Checkpoint{first, left} {
		if old.Size == 0 {
			continue
		}
		e, err := l.Consistency(context.Background(), old.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(e.Hashes, cp.Size, cp.Root, old.Size, old.Root); err != nil {
			t.Fatalf("a fork: %v", err)
		}
	}
	mustVerify(t, p)
}
