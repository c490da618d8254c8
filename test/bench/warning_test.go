package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	housetest "almenara.example/test/house"
	"almenara.example/tlp"
)

// BenchmarkWarningToMany sends one warning to BENCH_OPERATORS organisations (10,000),
// each signed and encrypted to a key of its contact, to a server on the loopback in
// the same process, and then takes in as many replies.
func BenchmarkWarningToMany(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { warningToMany(b, size("BENCH_OPERATORS", 10_000)) })
}

// publics makes some keys; contacts share them, sealing costs the same.
func publics(b *testing.B, n int) (out [][]byte) {
	b.Helper()
	for i := range n {
		k, err := pgp.Generate(filepath.Join(b.TempDir(), fmt.Sprint(i)), "Control room", "room@op.example", time.Now().Add(-time.Hour)) //nolint:forbidigo // a key's age is the machine's
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, k.Public().Binary)
	}
	return out
}

func warningToMany(b *testing.B, n int) {
	t := &table{}
	k := clock.System{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		return operators(ctx, b, h, n)
	}})
	h.Mail.CountOnly()
	w, ctx := h.App.Warn(), b.Context()
	text := warn.Text{Title: "Remote access is being abused", What: strings.Repeat("Somebody signs in at night. ", 40), Do: "Close it."}
	officer := func(id int) act.Actor {
		return act.Actor{ID: fmt.Sprintf("person:%d", 900000+id), Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
	}
	v, err := w.Compose(ctx, officer(1), warn.Warning{
		Severity: warn.SeverityHigh, Marking: tlp.Amber, Choice: warn.Choice{Everyone: true}, Texts: map[string]warn.Text{"en": text},
	})
	must(b, err)
	began := k.Now()
	list, seen, err := w.Choose(ctx, h.App.Acts().Reader(), v)
	must(b, err)
	t.add("choosing, with the contact, key and manner of each", "", "%.2f s for %d", k.Now().Sub(began).Seconds(), len(list))
	peak, spent := watchHeap(), cpuTime()
	began = k.Now()
	must(b, w.Release(ctx, officer(2), v.ID, warn.Release{Version: v.Version, Seen: seen}))
	var first time.Duration
	for h.Mail.Count() < n {
		if first == 0 && h.Mail.Count() > 0 {
			first = k.Now().Sub(began)
		}
		if k.Now().Sub(began) > 10*time.Minute {
			b.Fatalf("%d of %d after ten minutes", h.Mail.Count(), n)
		}
		runtime.Gosched()
		<-time.After(5 * time.Millisecond)
	}
	took := k.Now().Sub(began)
	spent = cpuTime() - spent
	t.add("release to the last message at the server", "<= 20 s", "%.1f s, %.0f a second; first after %.2f s", took.Seconds(), float64(n)/took.Seconds(), first.Seconds())
	t.add("CPU of the whole process meanwhile, the server's share included", "", "%.1f s", spent.Seconds())
	t.add("heap at its peak above before", "flat", "%d MiB", peak()>>20)
	replies(b, t, h, v.ID, n)
	t.print(os.Stdout)
}

// replies takes in one plain reply per notice: threaded, classified, filed.
func replies(b *testing.B, t *table, h *housetest.House, warning int64, n int) {
	ctx, w, read := b.Context(), h.App.Warn(), h.App.Acts().Reader()
	raws := make([][]byte, 0, n)
	for before := int64(0); ; {
		ns, err := w.Notices(ctx, read, warn.Filter{Warning: warning, Before: before, Limit: 1000})
		must(b, err)
		if len(ns) == 0 {
			break
		}
		for _, one := range ns {
			before = one.ID
			raws = append(raws, fmt.Appendf(nil, "From: Control room <%s>\r\nTo: csirt@csirt.example\r\nSubject: Re: [%s]\r\n"+
				"Message-ID: <%d@op.example>\r\nIn-Reply-To: <%s@csirt.localhost>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"+
				"Content-Type: text/plain; charset=utf-8\r\n\r\nWe have taken this.\r\n\r\n> Remote access is being abused\r\n",
				one.Address, w.Number(one.ID), one.ID, strings.ToLower(w.Number(one.ID))))
		}
	}
	began := clock.System{}.Now()
	_, err := h.App.Receiving().AcceptAll(ctx, "bench", raws)
	must(b, err)
	took := clock.System{}.Now().Sub(began)
	waiting, err := w.MailsWaiting(ctx, read)
	must(b, err)
	if waiting != int64(len(raws)) {
		b.Errorf("%d of %d replies wait for a person", waiting, len(raws))
	}
	t.add(fmt.Sprintf("%d replies threaded and classified", len(raws)), "< 60 s", "%.1f s", took.Seconds())
}

// cpuTime is the processor time that this process has used, user and system.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// watchHeap follows the heap; the result is its peak above where it began.
func watchHeap() func() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, peak := m.HeapAlloc, m.HeapAlloc
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-stopped
		return peak - base
	}
}

// operators fills a nation of n operators, each with a contact and a key.
func operators(ctx context.Context, b *testing.B, h *housetest.House, n int) error {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("Operator %05d,operator,XA,drinking-water,domain,op%05d.example,Control room,room@op%05d.example,en\n", i, i, i)
	}
	if err := h.Import(ctx, rows...); err != nil {
		return err
	}
	keys := publics(b, 8)
	g := h.App.Guard()
	after := int64(0)
	for i := 0; ; {
		ps, err := g.Persons(ctx, h.App.Acts().Reader(), guard.PersonFilter{After: after, Limit: 1000})
		if err != nil || len(ps) == 0 {
			return err
		}
		for _, p := range ps {
			after = p.ID
			if p.Org == guard.OwnOrg {
				continue
			}
			if _, err := g.AddKey(ctx, housetest.Lead(), p.ID, keys[i%len(keys)]); err != nil {
				return err
			}
			i++
		}
	}
}
