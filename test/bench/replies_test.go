package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// BenchmarkReplies takes in a reply to each of BENCH_OPERATORS notices (10,000), every
// tenth of them signed by its contact's key and so an answer by itself.
func BenchmarkReplies(b *testing.B) {
	n, t, k := size("BENCH_OPERATORS", 10_000), &table{}, clock.System{}
	keys := make([]*pgp.Team, 8)
	for i := range keys {
		var err error
		keys[i], err = pgp.Generate(filepath.Join(b.TempDir(), fmt.Sprint(i)), "Control room", "room@op.example", k.Now().Add(-time.Hour))
		must(b, err)
	}
	holds := map[int64]*pgp.Team{} // by person
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("Operator %05d,operator,XA,drinking-water,domain,op%05d.example,Control room,room@op%05d.example,en\n", i, i, i)
		}
		if err := h.Import(ctx, rows...); err != nil {
			return err
		}
		return someKeys(ctx, h, keys, holds)
	}})
	h.Mail.CountOnly()
	w, ctx, read := h.App.Warn(), b.Context(), h.App.Acts().Reader()
	officer := func(id int) act.Actor {
		return act.Actor{ID: fmt.Sprintf("person:%d", 900000+id), Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
	}
	v, err := w.Compose(ctx, officer(1), warn.Warning{
		Severity: warn.SeverityHigh, Marking: tlp.Green, Choice: warn.Choice{Everyone: true},
		Texts: map[string]warn.Text{"en": {Title: "Remote access is being abused", What: "Somebody signs in.", Do: "Close it."}},
	})
	must(b, err)
	_, seen, err := w.Choose(ctx, read, v)
	must(b, err)
	must(b, w.Release(ctx, officer(2), v.ID, warn.Release{Version: v.Version, Seen: seen}))
	for began := k.Now(); h.Mail.Count() < n; <-time.After(20 * time.Millisecond) {
		if k.Now().Sub(began) > 5*time.Minute {
			b.Fatalf("%d of %d left", h.Mail.Count(), n)
		}
	}
	var raws [][]byte
	signed := int64(0)
	for before := int64(0); ; {
		ns, err := w.Notices(ctx, read, warn.Filter{Warning: v.ID, Before: before, Limit: 1000})
		must(b, err)
		if len(ns) == 0 {
			break
		}
		for _, one := range ns {
			before = one.ID
			head := fmt.Sprintf("From: Control room <%s>\r\nTo: csirt@csirt.example\r\nSubject: Re: [%s]\r\nMessage-ID: <%d@op.example>\r\nIn-Reply-To: <%s@csirt.localhost>\r\nDate: %s\r\nMIME-Version: 1.0\r\n",
				one.Address, w.Number(one.ID), one.ID, strings.ToLower(w.Number(one.ID)), k.Now().Format(time.RFC1123Z))
			body := "Content-Type: text/plain; charset=utf-8\r\n\r\nWe have taken this.\r\n\r\n> Remote access is being abused\r\n"
			key := holds[one.Person]
			if key == nil {
				raws = append(raws, []byte(head+body))
				continue
			}
			sig, err := key.Sign([]byte(body), k.Now().Add(-time.Second))
			must(b, err)
			signed++
			raws = append(raws, []byte(head+"Content-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=\"b1\"\r\n\r\n--b1\r\n"+
				body+"\r\n--b1\r\nContent-Type: application/pgp-signature\r\n\r\n"+string(sig)+"\r\n--b1--\r\n"))
		}
	}
	began := k.Now()
	_, err = h.App.Receiving().AcceptAll(ctx, "bench", raws)
	must(b, err)
	took := k.Now().Sub(began)
	waiting, err := w.MailsWaiting(ctx, read)
	must(b, err)
	if waiting != int64(n)-signed || signed == 0 {
		b.Errorf("%d replies wait for a person, %d of %d were signed", waiting, signed, n)
	}
	t.add(fmt.Sprintf("%d replies threaded and classified, %d of them signed", n, signed), "< 60 s", "%.1f s", took.Seconds())
	t.print(os.Stdout)
}

// someKeys gives a key to every tenth contact.
func someKeys(ctx context.Context, h *housetest.House, keys []*pgp.Team, holds map[int64]*pgp.Team) error {
	for after, i := int64(0), 0; ; {
		ps, err := h.App.Guard().Persons(ctx, h.App.Acts().Reader(), guard.PersonFilter{After: after, Limit: 1000})
		if err != nil || len(ps) == 0 {
			return err
		}
		for _, p := range ps {
			after = p.ID
			if i++; p.Org == guard.OwnOrg || i%10 != 0 {
				continue
			}
			key := keys[i/10%len(keys)]
			if _, err := h.App.Guard().AddKey(ctx, housetest.Lead(), p.ID, key.Public().Binary); err != nil {
				return err
			}
			holds[p.ID] = key
		}
	}
}

// BenchmarkFirstNotice measures, ten times, from the beginning of a small delivery
// through the API to the moment at which the mail server has its first notice.
func BenchmarkFirstNotice(b *testing.B) {
	t, k := &table{}, clock.System{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		rows := make([]string, 100)
		for i := range rows {
			rows[i] = fmt.Sprintf("Operator %05d,operator,XA,drinking-water,cidr,192.0.2.%d/32,Control room,room@op%05d.example,en\n", i, i+1, i)
		}
		return h.Nation(ctx, tlp.Green, rows...)
	}})
	token := h.Token(guard.OwnOrg, guard.RoleDutyLead)
	var all []time.Duration
	for i := range 10 {
		day := time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		var rows strings.Builder
		rows.WriteString("timestamp,ip,protocol,port\n")
		for j := range 10 {
			fmt.Fprintf(&rows, "%s 03:00:00,192.0.2.%d,tcp,23\n", day, i*10+j+1)
		}
		before := h.Mail.Count()
		began := k.Now()
		a := h.Ask("POST", "/api/v1/watch/deliveries?source=scans&file="+day+"-scan_telnet.csv", strings.NewReader(rows.String()),
			housetest.With(token), housetest.Header("Content-Type", "application/octet-stream"))
		if a.Status >= 300 {
			b.Fatalf("deliver: %d %s", a.Status, a.Body)
		}
		for h.Mail.Count() == before {
			if k.Now().Sub(began) > time.Minute {
				b.Fatal("no notice within a minute")
			}
			<-time.After(time.Millisecond)
		}
		all = append(all, k.Now().Sub(began))
	}
	slices.Sort(all)
	t.add("small delivery through the API: its first notice at the mail server", "< 5 s", "median %.2f s, worst of %d %.2f s", all[len(all)/2].Seconds(), len(all), all[len(all)-1].Seconds())
	t.print(os.Stdout)
}
