package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
)

func lines() []sqldb.Migrations {
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "outbound", Files: outbound.Migrations},
	}
}

// house is what receiving stands on; it outlives a Receiving, as a disk does.
type house struct {
	acts  *act.Acts
	blobs *blob.Store
	seen  *reader
}

// reader remembers what it was told of, as far as the act committed.
type reader struct {
	mu    sync.Mutex
	heard []string
	fail  func(in outbound.Incoming) error
}

func (r *reader) Received(_ context.Context, tx *act.Tx, in outbound.Incoming, raw []byte) error {
	if r.fail != nil {
		if err := r.fail(in); err != nil {
			return err
		}
	}
	tx.AfterCommit(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.heard = append(r.heard, fmt.Sprintf("%s %s %d", in.State, in.Subject, len(raw)))
	})
	return nil
}

func (r *reader) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.heard)
}

func newHouse(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.System{}
	h := &house{seen: &reader{}}
	h.acts = act.New(act.Config{DB: db, Clock: c, IDs: id.NewSource(c, nil), Decider: policies, Log: slog.New(slog.DiscardHandler)})
	dir := t.TempDir()
	key := filepath.Join(dir, "blobs.key")
	if err := blob.GenerateMaster(key); err != nil {
		t.Fatal(err)
	}
	if h.blobs, err = blob.Open(blob.Config{Dir: filepath.Join(dir, "blobs"), MasterKey: key, Clock: c}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) receiving(t testing.TB, change func(*outbound.ReceiveConfig)) *outbound.Receiving {
	t.Helper()
	c := outbound.ReceiveConfig{Acts: h.acts, Blobs: h.blobs, Retry: 50 * time.Millisecond}
	if change != nil {
		change(&c)
	}
	r, err := outbound.NewReceiving(c)
	if err != nil {
		t.Fatal(err)
	}
	r.SetReceiver(h.seen)
	return r
}

func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) { f(t, newHouse(t, db)) })
}

func letter(i int) []byte {
	return fmt.Appendf(nil, "From: Ana <ana@water.example>\r\nSubject: mail %d\r\nMessage-ID: <%d@b.example>\r\n\r\nbody\r\n", i, i)
}

func TestAMailIsTakenInOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := h.receiving(t, nil)
		in, err := r.AcceptRaw(t.Context(), "desk", letter(1))
		if err != nil {
			t.Fatal(err)
		}
		if in.State != outbound.Taken || in.From != "ana@water.example" || in.Subject != "mail 1" || in.MessageID != "1@b.example" || in.ID == 0 {
			t.Errorf("got %+v", in)
		}
		again, err := r.AcceptRaw(t.Context(), "desk", letter(1))
		if err != nil || again.ID != in.ID {
			t.Errorf("got %+v, %v for the same mail", again, err)
		}
		if _, err := r.AcceptRaw(t.Context(), "other", letter(1)); err != nil {
			t.Errorf("got %v in another mailbox", err)
		}
		if got := h.seen.list(); len(got) != 2 {
			t.Errorf("the receiver heard %q, want two", got)
		}
		raw, err := r.Raw(t.Context(), in)
		if err != nil || string(raw) != string(letter(1)) {
			t.Errorf("got %q, %v", raw, err)
		}
		two, err := r.AcceptAll(t.Context(), "two", [][]byte{letter(8), letter(9), []byte("x" + strings.Repeat("y", 300<<10))})
		if err != nil || two[1].At == 0 || two[0].Blob != two[1].Blob || two[2].Blob == two[0].Blob {
			t.Fatalf("got %+v, %v for small mails and a large one", two, err)
		}
		if raw, err := r.Raw(t.Context(), two[1]); err != nil || string(raw) != string(letter(9)) {
			t.Errorf("got %q, %v of the second in a blob", raw, err)
		}
		refs, err := outbound.UsedBlobs(t.Context(), h.acts.Reader())
		if err != nil || len(refs) != 3 || !slices.Contains(refs, in.Blob) || !slices.Contains(refs, two[0].Blob) {
			t.Errorf("got used blobs %q, %v", refs, err)
		}
		list, err := r.AcceptAll(t.Context(), "desk", [][]byte{letter(7), letter(7), letter(1)})
		for i, want := range [][]byte{letter(7), letter(7), letter(1)} {
			if raw, err := r.Raw(t.Context(), list[i]); err != nil || string(raw) != string(want) {
				t.Errorf("mail %d: got bytes %q, %v", i, raw, err)
			}
		}
		if err != nil || len(list) != 3 || list[0].ID == 0 || list[0].ID != list[1].ID || list[2].ID != in.ID {
			t.Errorf("got %+v, %v for the same mail twice in one batch", list, err)
		}
	})
}

func TestWhatCannotBeReadIsKeptAndShown(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := h.receiving(t, func(c *outbound.ReceiveConfig) {
			c.Limits = message.DefaultLimits()
			c.Limits.Bytes = 1000
		})
		in, err := r.AcceptRaw(t.Context(), "desk", []byte("no mail at all"))
		if err != nil || in.State != outbound.Unreadable || in.Reason != "message.no_mail" {
			t.Errorf("got %+v, %v", in, err)
		}
		large, err := r.AcceptRaw(t.Context(), "desk", append(letter(1), make([]byte, 2000)...))
		if err != nil || large.State != outbound.TooLarge || large.Size < 2000 || large.Subject != "mail 1" {
			t.Errorf("got %+v, %v", large, err)
		}
		h.seen.fail = func(in outbound.Incoming) error {
			if in.Subject == "mail 4" {
				return fault.New(fault.Invalid, "warn.thread", nil)
			}
			return nil
		}
		list, err := r.AcceptAll(t.Context(), "desk", [][]byte{letter(3), letter(4), letter(5)})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []outbound.IncomingState{outbound.Taken, outbound.Unreadable, outbound.Taken} {
			if list[i].State != want {
				t.Errorf("mail %d: got %+v, want %s", i, list[i], want)
			}
		}
		if list[1].Reason != "warn.thread" {
			t.Errorf("got reason %q", list[1].Reason)
		}
		h.seen.fail = func(outbound.Incoming) error { return errors.New("the disk is full") }
		if _, err := r.AcceptRaw(t.Context(), "desk", letter(6)); err == nil {
			t.Error("a mail was taken in although the receiver failed")
		}
		h.seen.fail = nil
		if in, err := r.AcceptRaw(t.Context(), "desk", letter(6)); err != nil || in.State != outbound.Taken {
			t.Errorf("got %+v, %v afterwards", in, err)
		}
		all, err := outbound.IncomingMails(t.Context(), h.acts.Reader(), 0, 100)
		if err != nil || len(all) != 6 {
			t.Errorf("got %d mails, %v; want 6", len(all), err)
		}
	})
}

func intake(t testing.TB, s *mailtest.IMAP) outbound.Intake {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(s.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	return outbound.Intake{Name: "desk", Host: s.Host, Port: s.Port, Security: "starttls", CAFile: s.CAFile, Username: s.User, PasswordFile: secret}
}

// run runs until the returned function is called.
func run(t *testing.T, r *outbound.Receiving) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-timeout:
			t.Fatalf("never: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestAMailboxIsReadThroughEveryTrouble(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := mailtest.Dovecot(t)
		in := intake(t, s)
		for i := range 60 {
			s.Deliver(letter(i))
		}
		r := h.receiving(t, func(c *outbound.ReceiveConfig) { c.Mailboxes = []outbound.Intake{in} })
		stop := run(t, r)
		heard := func(n int) func() bool { return func() bool { return len(h.seen.list()) == n } }
		eventually(t, "60 mails", heard(60))
		s.Deliver(letter(60))
		eventually(t, "a mail that comes while it waits", heard(61))
		s.Kick()
		s.Deliver(letter(61))
		eventually(t, "a mail after the server closed the connection", heard(62))
		eventually(t, "all marked as seen", func() bool { _, seen := s.Count("INBOX"); return seen == 62 })
		stop()
		// Another process goes on where this one ended, also after the server has
		// numbered anew, and takes nothing twice.
		s.Kick()
		s.Renumber()
		s.Deliver(letter(62))
		r = h.receiving(t, func(c *outbound.ReceiveConfig) { c.Mailboxes = []outbound.Intake{in} })
		run(t, r)
		eventually(t, "the mail after a new numbering", heard(63))
		seen := map[string]bool{}
		for _, line := range h.seen.list() {
			if seen[line] {
				t.Errorf("%q was taken in twice", line)
			}
			seen[line] = true
		}
		if st := r.Status(); len(st) != 1 || st[0].Name != "desk" || st[0].Trouble != "" {
			eventually(t, "a mailbox without trouble", func() bool { return r.Status()[0].Trouble == "" && !r.Status()[0].Seen.IsZero() })
		}
	})
}

func TestACrashAtAnyStepLosesNothingAndTakesNothingTwice(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := mailtest.Dovecot(t)
		for i := range 20 {
			s.Deliver(letter(i))
		}
		var mu sync.Mutex
		crashes := 0
		// The process ends in the middle of acts, again and again.
		h.seen.fail = func(outbound.Incoming) error {
			mu.Lock()
			defer mu.Unlock()
			if crashes++; crashes%13 == 0 {
				return errors.New("the power is cut")
			}
			return nil
		}
		for round := 0; len(h.seen.list()) < 20 && round < 20; round++ {
			r := h.receiving(t, func(c *outbound.ReceiveConfig) { c.Mailboxes = []outbound.Intake{intake(t, s)} })
			stop := run(t, r)
			<-time.After(time.Duration(50+30*round) * time.Millisecond)
			stop()
		}
		h.seen.fail = nil
		r := h.receiving(t, func(c *outbound.ReceiveConfig) { c.Mailboxes = []outbound.Intake{intake(t, s)} })
		run(t, r)
		eventually(t, "all 20 mails, marked", func() bool { _, seen := s.Count("INBOX"); return seen == 20 && len(h.seen.list()) >= 20 })
		if got := h.seen.list(); len(got) != 20 {
			t.Errorf("the receiver heard of %d mails, want 20", len(got))
		}
	})
}

func TestTroubleWithAMailboxIsShown(t *testing.T) {
	h := newHouse(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines()))
	s := mailtest.Dovecot(t)
	in := intake(t, s)
	if err := os.WriteFile(in.PasswordFile, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.receiving(t, func(c *outbound.ReceiveConfig) { c.Mailboxes = []outbound.Intake{in} })
	if err := r.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "mailbox desk") {
		t.Errorf("got %v", err)
	}
	run(t, r)
	eventually(t, "the trouble", func() bool { return strings.Contains(r.Status()[0].Trouble, "sign in") })
	if err := os.WriteFile(in.PasswordFile, []byte(s.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Deliver(letter(1))
	eventually(t, "the mail after the password was put right", func() bool { return len(h.seen.list()) == 1 })
	eventually(t, "no trouble", func() bool { return r.Status()[0].Trouble == "" })
}

// BenchmarkAccept takes 10,000 mails in, as an installation does: blobs and rows are
// durable.
func BenchmarkAccept(b *testing.B) {
	for b.Loop() {
		h := newHouse(b, sqldbtest.Open(b, sqldbtest.SQLite(b), lines()))
		r := h.receiving(b, nil)
		var raws [][]byte
		for i := range 10_000 {
			raws = append(raws, append(letter(i), strings.Repeat("The system 192.0.2.1 is closed.\r\n", 60)...))
		}
		began := time.Now()
		if _, err := r.AcceptAll(b.Context(), "desk", raws); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(10_000/time.Since(began).Seconds(), "mails/s")
	}
}
