package warn

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
	"almenara.example/shadowserver"
	"almenara.example/tlp"
)

func lines() []sqldb.Migrations {
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "outbound", Files: outbound.Migrations},
		{Room: "constituency", Files: constituency.Migrations},
		{Room: "watch", Files: watch.Migrations},
		{Room: "warn", Files: Migrations},
	}
}

// desk is this room over the real lower rooms, a real queue and a real mail server.
type desk struct {
	*Warn
	t     *testing.T
	db    *sqldb.DB
	dir   string
	mail  *mailtest.Server
	queue *jobs.Queue
	lead  act.Actor
	clock *clock.Wound
	team  *pgp.Team
	in    *outbound.Receiving
}

func eachDesk(t *testing.T, f func(t *testing.T, d *desk)) {
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) {
		if err := jobs.Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		d := &desk{t: t, db: db, dir: t.TempDir(), mail: mailtest.New(t)}
		if err := blob.GenerateMaster(filepath.Join(d.dir, "master")); err != nil {
			t.Fatal(err)
		}
		d.open()
		if _, err := d.Guard.Found(t.Context(), "CSIRT Atalaya", "XA"); err != nil {
			t.Fatal(err)
		}
		f(t, d)
	})
}

// open begins as a new process over the same database; stop ends it.
func (d *desk) open() {
	t := d.t
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	policies, err := guard.LoadPolicies()
	check(err)
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	if d.clock == nil {
		d.clock = &clock.Wound{}
	}
	k := d.clock
	acts := act.New(act.Config{DB: d.db, Clock: k, IDs: id.NewSource(k, nil), Decider: policies, Log: log})
	g := guard.New(acts)
	con := constituency.New(acts, g, log)
	blobs, err := blob.Open(blob.Config{Dir: filepath.Join(d.dir, "blobs"), MasterKey: filepath.Join(d.dir, "master"), Clock: k})
	check(err)
	overlay, err := shadowserver.DefaultOverlay()
	check(err)
	w := watch.New(watch.Config{Acts: acts, Guard: g, Constituency: con, Blobs: blobs, Overlay: overlay, Log: log, Numbers: id.NewNumbers("ALM", "finding", []byte("k"))})
	out, err := outbound.New(acts, outbound.Settings{
		Host: d.mail.Host, Port: d.mail.Port, Security: "none", From: "csirt@csirt.example", FromName: "CSIRT Atalaya", Team: d.team,
		Rest: func(n int) time.Duration { return d.Limits.Backoff(n) },
	})
	check(err)
	words, err := i18n.New(i18n.Sub(Locales, "locales"))
	check(err)
	d.queue = jobs.New(d.db, jobs.Config{Clock: k, Log: log, Poll: 20 * time.Millisecond, Backoff: func(int) time.Duration { return 50 * time.Millisecond }})
	d.Warn, err = New(Config{
		Acts: acts, Guard: g, Constituency: con, Watch: w, Outbound: out, Queue: d.queue, Catalogue: words,
		Numbers: id.NewNumbers("ALM", "notice", []byte("k")), Warnings: id.NewNumbers("ALM", "warning", []byte("k")),
		LinkKey: []byte("link"), PublicURL: "https://csirt.example", MailDomain: "csirt.example", Log: log, WebHooks: outbound.NewHooks(nil),
		Limits: Limits{Backoff: func(int) time.Duration { return 50 * time.Millisecond }},
	})
	check(err)
	d.SetGate(guard.NewGate(g, map[string]guard.Closure{KindNotice: d.Warn}))
	d.in, err = outbound.NewReceiving(outbound.ReceiveConfig{Acts: acts, Blobs: blobs, Log: log})
	check(err)
	d.in.SetReceiver(d.Warn)
	acts.Subscribe(w.Subscription())
	acts.Subscribe(d.Subscription())
	check(con.Load(t.Context()))
	check(w.Load(t.Context()))
	check(d.queue.Start(t.Context()))
	t.Cleanup(func() { d.stopQueue() })
	d.lead = act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
}

func (d *desk) stopQueue() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := d.queue.Stop(ctx); err != nil {
		d.t.Log(err)
	}
}

const schema = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},"scan_telnet":{"feed_name":"Telnet","file_name":"scan_telnet",
 "constant_fields":{"classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","classification.identifier":"open-telnet"},
 "required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
 "optional_fields":[["protocol.transport","protocol"]]}}`

// nation gives two water companies, one of them without a contact.
func (d *desk) nation(mode watch.Mode, marking tlp.Marking) {
	d.t.Helper()
	file := "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n" +
		"Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Control room,watch@faro.example,fr\n" +
		"Ribera Waterworks,operator,XA,drinking-water,cidr,192.0.2.16/28,,,\n"
	r, err := d.Constituency.Import(d.t.Context(), d.lead, constituency.OrganisationsFile, strings.NewReader(file), true)
	if err != nil || !r.Applied {
		d.t.Fatalf("import: %+v, %v", r, err)
	}
	if _, _, err := d.Watch.LoadSchema(d.t.Context(), d.lead, strings.NewReader(schema)); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Watch.AddSource(d.t.Context(), d.lead, "scans", watch.SourceSettings{Mode: mode, Marking: marking}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) deliver(day string, hosts ...int) {
	d.t.Helper()
	var b strings.Builder
	b.WriteString("timestamp,ip,protocol,port\n")
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s 03:00:00,192.0.2.%d,tcp,23\n", day, h)
	}
	if _, err := d.Watch.Receive(d.t.Context(), d.lead, watch.Arrival{
		Source: "scans", FileName: day + "-scan_telnet.csv", Body: strings.NewReader(b.String()),
	}); err != nil {
		d.t.Fatal(err)
	}
	d.settle()
}

// settle takes in what was received and delivers the facts.
func (d *desk) settle() {
	d.t.Helper()
	if err := d.Watch.Work(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Acts.Deliver(d.t.Context(), "warn.notices"); err != nil {
		d.t.Fatal(err)
	}
}

// waitFor waits until a notice of an organisation is in a state.
func (d *desk) waitFor(org string, s State) Notice {
	d.t.Helper()
	o, ok, err := d.Guard.OrganisationNamed(d.t.Context(), d.read, org)
	if err != nil || !ok {
		d.t.Fatal(org, err)
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var last []Notice
	for {
		ns, err := d.Notices(d.t.Context(), d.read, Filter{Org: o.ID})
		if err != nil {
			d.t.Fatal(err)
		}
		if last = ns; len(ns) > 0 && ns[0].State == s {
			return ns[0]
		}
		select {
		case <-ctx.Done():
			d.t.Fatalf("no notice of %s became %s: %+v", org, s, last)
		case <-tick.C:
		}
	}
}

var linkInMail = regexp.MustCompile(`https://csirt\.example/n/(\S+)`)

func TestANoticeLeavesAndIsAnsweredByItsLinkOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.deliver("2026-11-17", 1, 2, 17, 99)
		n := d.waitFor("Aguas del Faro", Sent)
		d.waitFor("Ribera Waterworks", NoContact)
		got := d.mail.Wait(t, 1, 10*time.Second)
		if len(got) != 1 || got[0].To != "watch@faro.example" || n.Total != 2 {
			t.Fatalf("got %d messages, first to %s with %d findings; want one to watch@faro.example with 2", len(got), got[0].To, n.Total)
		}
		body := decoded(t, got[0])
		for _, want := range []string{"192.0.2.1 tcp/23", "192.0.2.2 tcp/23", "gravité", d.Number(n.ID)} {
			if !strings.Contains(body, want) {
				t.Errorf("the message lacks %q:\n%s", want, body)
			}
		}
		if strings.Contains(body, "192.0.2.17") || strings.Contains(body, "192.0.2.99") {
			t.Errorf("the message shows somebody else's address:\n%s", body)
		}
		m := linkInMail.FindStringSubmatch(body)
		if m == nil {
			t.Fatalf("no link in the message:\n%s", body)
		}
		d.answerAtOnce(m[1], n.ID)
		for name, bad := range map[string]string{"guessed": m[1][:len(m[1])-3] + "aaa", "malformed": "x", "foreign": n.Link + "."} {
			if err := d.AnswerByLink(t.Context(), bad, Visitor{"A", "B"}, Answer{What: Done}); fault.CodeOf(err) != fault.Unauthenticated {
				t.Errorf("a %s link gives %v, want unauthenticated", name, err)
			}
		}
	})
}

// answerAtOnce lets four browsers use one link at once: one answers.
func (d *desk) answerAtOnce(secret string, notice int64) {
	d.t.Helper()
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = d.AnswerByLink(d.t.Context(), secret, Visitor{fmt.Sprintf("browser %d", i), "Water"}, Answer{What: Acknowledge})
		}()
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case fault.CodeOf(err) != fault.Conflict:
			d.t.Errorf("a second answer gives %v, want conflict", err)
		}
	}
	as, err := d.Answers(d.t.Context(), d.read, notice)
	if won != 1 || err != nil || len(as) != 1 || as[0].Strength != ByLink {
		d.t.Errorf("%d browsers answered, the notice has %+v (%v); want one by link", won, as, err)
	}
}

func decoded(t *testing.T, m mailtest.Received) string {
	t.Helper()
	text := strings.ReplaceAll(string(m.Data), "=\r\n", "")
	return regexp.MustCompile(`=([0-9A-F]{2})`).ReplaceAllStringFunc(text, func(s string) string {
		var b byte
		fmt.Sscanf(s[1:], "%02X", &b)
		return string([]byte{b})
	})
}

func TestNothingLeavesFromShadowUntilItsPreviewIsAccepted(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Shadow, tlp.Green)
		d.deliver("2026-11-17", 1, 2)
		d.deliver("2026-11-18", 1, 3)
		src, err := d.Watch.SourceNamed(t.Context(), d.read, "scans")
		if err != nil {
			t.Fatal(err)
		}
		lines, upTo, err := d.Watch.Shadow(t.Context(), d.read, src)
		if err != nil || len(lines) != 1 || lines[0].Contact != "watch@faro.example" || lines[0].Findings != 2 {
			t.Fatalf("preview %+v, %v; want 2 findings for watch@faro.example", lines, err)
		}
		if n, _ := d.Notices(t.Context(), d.read, Filter{}); len(n) != 0 || len(d.mail.Received()) != 0 {
			t.Fatalf("%d notices and %d messages left from shadow", len(n), len(d.mail.Received()))
		}
		if err := d.Watch.AcceptPreview(t.Context(), d.lead, src.ID, upTo, "looked at with the sector team"); err != nil {
			t.Fatal(err)
		}
		d.settle()
		d.waitFor("Aguas del Faro", Sent)
		told := map[int64]bool{}
		ns, err := d.Notices(t.Context(), d.read, Filter{})
		for _, n := range ns {
			for _, f := range n.Findings {
				told[f] = true
			}
		}
		if err != nil || len(told) != 2 {
			t.Errorf("told of %d findings, %v; the preview showed 2", len(told), err)
		}
	})
}

func TestAnOutcomeThatCannotBeKnownIsRepeatedOnlyByAPerson(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.mail.Judge(func(string, string) mailtest.Verdict { return mailtest.DropAfterAccept })
		d.deliver("2026-11-17", 1)
		n := d.waitFor("Aguas del Faro", Unknown)
		d.stopQueue()
		d.mail.Judge(nil)
		d.open() // a restart repeats nothing
		if err := d.queueIsIdle(); err != nil {
			t.Fatal(err)
		}
		if got := d.mail.Received(); len(got) != 1 {
			t.Fatalf("%d messages after a restart, want the one", len(got))
		}
		if err := d.Repeat(t.Context(), d.lead, n.ID, "they say it did not come"); err != nil {
			t.Fatal(err)
		}
		d.waitFor("Aguas del Faro", Sent)
		got := d.mail.Received()
		if len(got) != 2 || got[0].MessageID != got[1].MessageID || string(got[0].Data) != string(got[1].Data) {
			t.Errorf("the repetition is not the same message: %d messages", len(got))
		}
	})
}

// queueIsIdle waits until no job is left that would run now.
func (d *desk) queueIsIdle() error {
	return d.until(`select count(*) from river_job where state in ('available', 'running', 'retryable')`)
}

// until waits until a query counts nothing.
func (d *desk) until(query string) error {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		n, _, err := sqldb.One(ctx, d.db.Reader(), sqldb.Int64, query)
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d jobs still wait: %w", n, ctx.Err())
		case <-tick.C:
		}
	}
}

func TestAMailServerThatDefersGetsTheMessageOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		var mu sync.Mutex
		tries := 0
		d.mail.Judge(func(string, string) mailtest.Verdict {
			mu.Lock()
			defer mu.Unlock()
			if tries++; tries < 3 {
				return mailtest.Defer
			}
			return mailtest.Accept
		})
		d.deliver("2026-11-17", 1)
		d.waitFor("Aguas del Faro", Sent)
		if got := d.mail.Received(); len(got) != 1 {
			t.Errorf("%d messages, want 1", len(got))
		}
	})
}

func TestAboveGreenAMailInClearCarriesOnlyALink(t *testing.T) {
	for name, marking := range map[string]tlp.Marking{"amber": tlp.Amber, "amber strict": tlp.AmberStrict, "unmarked": tlp.Unmarked} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(t *testing.T, d *desk) {
				d.nation(watch.Live, marking)
				d.deliver("2026-11-17", 1)
				n := d.waitFor("Aguas del Faro", Sent)
				body := decoded(t, d.mail.Received()[0])
				if strings.Contains(body, "192.0.2.1") || strings.Contains(body, d.Watch.Number(n.Findings[0])) {
					t.Errorf("a mail in clear shows what is above GREEN:\n%s", body)
				}
				if n.Manner != Minimal || !linkInMail.MatchString(body) {
					t.Errorf("the mail is %s and says\n%s\nwant a minimal one with a link", n.Manner, body)
				}
			})
		})
	}
}

func TestTheGateHoldsBackRed(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Red)
		d.deliver("2026-11-17", 1)
		d.waitFor("Aguas del Faro", Withheld)
		if len(d.mail.Received()) != 0 {
			t.Errorf("a message left that may not")
		}
	})
}

func TestTheStopButtonHoldsEverySending(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Amber)
		if err := d.Stop(t.Context(), d.lead, "wrong mapping"); err != nil {
			t.Fatal(err)
		}
		d.deliver("2026-11-17", 1)
		d.waitFor("Aguas del Faro", Drafted)
		if stopped, err := d.Stopped(t.Context(), d.read); err != nil || !stopped || len(d.mail.Received()) != 0 {
			t.Errorf("stopped %v, %v, %d messages left", stopped, err, len(d.mail.Received()))
		}
		if err := d.Resume(t.Context(), d.lead, ""); err != nil {
			t.Fatal(err)
		}
		if stopped, err := d.Stopped(t.Context(), d.read); err != nil || stopped {
			t.Errorf("still stopped (%v)", err)
		}
	})
}

func TestAnAnswerByPhoneKeepsTheTrueTimeOfTheCall(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Amber)
		d.deliver("2026-11-17", 1)
		n := d.waitFor("Aguas del Faro", Sent)
		call := clock.System{}.Now().Add(-time.Hour)
		if err := d.RecordAnswer(t.Context(), d.lead, n.ID, Answer{What: Done, Strength: ByPhone, By: "Ms Ferrer", At: call}); err != nil {
			t.Fatal(err)
		}
		as, err := d.Answers(t.Context(), d.read, n.ID)
		if err != nil || len(as) != 1 || !as[0].At.Equal(call) || as[0].RecordedAt.Before(call.Add(time.Minute)) {
			t.Errorf("answers %+v, %v", as, err)
		}
		for name, bad := range map[string]Answer{
			"line break in the name": {What: Done, Strength: ByPhone, By: "Ms Ferrer\nBcc: x"},
			"no name":                {What: Done, Strength: ByPhone},
			"in the future":          {What: Done, Strength: ByPhone, By: "a", At: clock.System{}.Now().Add(time.Hour)},
			"before it was written":  {What: Done, Strength: ByPhone, By: "a", At: n.DraftedAt.Add(-25 * time.Hour)},
			"at the epoch":           {What: Done, Strength: ByPhone, By: "a", At: time.Unix(0, 0)},
			"a dispute without why":  {What: Dispute, Strength: ByPhone, By: "a"},
			"by link":                {What: Done, Strength: ByLink, By: "a"},
		} {
			if err := d.RecordAnswer(t.Context(), d.lead, n.ID, bad); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s: got %v, want invalid", name, err)
			}
		}
	})
}

func TestWhatWaitsLongestIsAnsweredFirst(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.deliver("2026-11-17", 1)
		n := d.waitFor("Aguas del Faro", Sent)
		for by, ago := range map[string]time.Duration{"third": time.Minute, "first": 3 * time.Hour, "second": 2 * time.Hour} {
			a := Answer{What: Ask, Strength: ByPhone, By: by, Reason: "which one?", At: clock.System{}.Now().Add(-ago)}
			if err := d.RecordAnswer(t.Context(), d.lead, n.ID, a); err != nil {
				t.Fatal(err)
			}
		}
		as, err := d.OpenAnswers(t.Context(), d.read, 10)
		if err != nil || len(as) != 3 || as[0].By != "first" || as[1].By != "second" || as[2].By != "third" {
			t.Errorf("got %+v, %v; want the oldest question first", as, err)
		}
	})
}

func TestFindingsThatGetAnOwnerLaterAreToldToHim(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.deliver("2026-11-17", 99)
		if ns, err := d.Notices(t.Context(), d.read, Filter{}); err != nil || len(ns) != 0 {
			t.Fatalf("%d notices about nobody's finding, %v", len(ns), err)
		}
		file := "organisation,kind,country,asset_kind,asset,contact_name,contact_email\nVega Mills,operator,XA,cidr,192.0.2.96/28,IT,it@vega.example\n"
		if r, err := d.Constituency.Import(t.Context(), d.lead, constituency.OrganisationsFile, strings.NewReader(file), true); err != nil || !r.Applied {
			t.Fatalf("import: %+v, %v", r, err)
		}
		if _, err := d.Acts.Deliver(t.Context(), "watch.assets"); err != nil {
			t.Fatal(err)
		}
		d.settle()
		n := d.waitFor("Vega Mills", Sent)
		if n.Total != 1 || d.mail.Received()[0].To != "it@vega.example" {
			t.Errorf("told of %d findings at %s", n.Total, d.mail.Received()[0].To)
		}
	})
}

func TestARefusedNoticeIsRepeatedToTheMendedAddress(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.mail.Judge(func(_, to string) mailtest.Verdict {
			if strings.Contains(to, "watch@") {
				return mailtest.Refuse
			}
			return mailtest.Accept
		})
		d.deliver("2026-11-17", 1)
		n := d.waitFor("Aguas del Faro", Refused)
		cs, err := d.Constituency.Contacts(t.Context(), d.read, n.Org)
		if err != nil || len(cs) != 1 {
			t.Fatal(cs, err)
		}
		c := cs[0]
		if err := d.Constituency.ChangeContact(t.Context(), d.lead, constituency.ContactEdit{
			ID: c.ID, Version: c.Version,
			NewContact: constituency.NewContact{Org: c.Org, Name: c.Name, Email: "control@faro.example", Language: c.Language, Role: c.Role, Mailbox: c.Mailbox},
		}); err != nil {
			t.Fatal(err)
		}
		if err := d.Repeat(t.Context(), d.lead, n.ID, "address mended"); err != nil {
			t.Fatal(err)
		}
		d.waitFor("Aguas del Faro", Sent)
		if got := d.mail.Received(); len(got) != 1 || got[0].To != "control@faro.example" {
			t.Errorf("got %d messages, want one to control@faro.example", len(got))
		}
	})
}

func TestAWarningWhoseWordsCannotBeSeenIsRefused(t *testing.T) {
	w := Warning{Severity: SeverityFlash, Marking: tlp.Green, Choice: Choice{Everyone: true}, AnswerWithin: time.Hour, Texts: map[string]Text{"en": {Title: "a", What: "b", Do: "c"}}}
	if err := w.Validate(); err != nil {
		t.Fatal(err)
	}
	w.Texts["en"] = Text{Title: "\u200b\u2060", What: "\u00ad", Do: "\u3164"}
	if f := fault.Of(w.Validate()); f.Code != fault.Invalid || len(f.Parts) != 3 {
		t.Errorf("got %+v, want title, what and do refused", f.Parts)
	}
}
