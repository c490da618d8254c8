package warn

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/sqldb"
)

// works adds n water companies, each with a mailbox of its own.
func (d *desk) works(n int) {
	d.t.Helper()
	var b strings.Builder
	b.WriteString("organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n")
	for i := range n {
		fmt.Fprintf(&b, "Waterworks %04d,operator,XA,drinking-water,domain,w%04d.example,Desk,desk@w%04d.example,en\n", i, i, i)
	}
	r, err := d.Constituency.Import(d.t.Context(), d.lead, constituency.OrganisationsFile, strings.NewReader(b.String()), true)
	if err != nil || !r.Applied {
		d.t.Fatalf("import: %+v, %v", r.Errors, err)
	}
}

// addressed releases a warning and writes its notices at once.
func (d *desk) addressed(s Severity) Warning {
	d.t.Helper()
	v := d.warnAll(s)
	if err := d.workAddress(d.t.Context(), addressArgs{v.ID}, none()); err != nil {
		d.t.Fatal(err)
	}
	return v
}

// dispatched lets the sending have one turn; what it says of when to come back is no
// trouble.
func (d *desk) dispatched() { _ = d.workDispatch(d.t.Context(), struct{}{}, none()) }

func (d *desk) count(query string, args ...any) int64 {
	d.t.Helper()
	n, _, err := sqldb.One(d.t.Context(), d.db.Reader(), sqldb.Int64, query, args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// each lists all notices with their messages: how often the mail server took each.
func (d *desk) arrivals() map[string]int {
	out := map[string]int{}
	for _, m := range d.mail.Received() {
		out[m.MessageID]++
	}
	return out
}

func TestAMailServerThatIsAwayForAnHourGetsEveryNoticeOnceAndFlashFirst(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		var usual Limits
		usual.setDefaults()
		d.Limits.Backoff = usual.Backoff
		d.contacts()
		d.works(43)
		d.stopQueue() // from here on everything happens by hand
		host, port := d.mail.Host, d.mail.Port
		if err := d.mail.Close(); err != nil {
			t.Fatal(err)
		}
		d.addressed(SeverityHigh)
		const orgs = 45
		for minute := range 60 {
			d.wind(time.Minute)
			d.dispatched()
			if minute == 30 {
				d.addressed(SeverityFlash)
			}
		}
		tries := d.count(`select count(*) from ledger_entry where verb = 'warn.send_notice'`)
		if tries < 8 || tries > 20 {
			t.Errorf("%d tries in the hour; want it to back off to one in five minutes", tries)
		}
		if n := d.count(`select count(*) from warn_notice where state = 'drafted' and attempts = 0`); n != 2*orgs {
			t.Errorf("%d of %d notices wait without a try that counts", n, 2*orgs)
		}
		if since, why := d.Outbound.LineDown(); since.IsZero() || why == "" || d.clock.Now().Sub(since) < 50*time.Minute {
			t.Errorf("the line is told to be down since %s: %q", since, why)
		}
		var err error
		if d.mail, err = mailtest.Start(t.TempDir(), fmt.Sprintf("%s:%d", host, port)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.mail.Close() })
		d.wind(6 * time.Minute)
		for range 10 {
			d.dispatched()
		}
		if since, _ := d.Outbound.LineDown(); !since.IsZero() {
			t.Error("the line is still told to be down")
		}
		d.allOnce(2 * orgs)
		first := d.mail.Received()[:orgs]
		flash := map[string]bool{}
		ns, err := d.Notices(t.Context(), d.read, Filter{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ns {
			flash[d.messageID(n)] = n.Priority == Flash
		}
		if i := slices.IndexFunc(first, func(m mailtest.Received) bool { return !flash[strings.ToLower(m.MessageID)] }); i >= 0 {
			t.Errorf("the message in place %d is no FLASH: %s", i, first[i].MessageID)
		}
	})
}

// allOnce checks that n notices were sent and that each arrived once.
func (d *desk) allOnce(n int) {
	d.t.Helper()
	if sent := d.count(`select count(*) from warn_notice where state = 'sent'`); sent != int64(n) {
		d.t.Errorf("%d of %d notices are sent", sent, n)
	}
	got := d.arrivals()
	if len(got) != n {
		d.t.Errorf("%d different messages arrived, want %d", len(got), n)
	}
	for id, times := range got {
		if times != 1 {
			d.t.Errorf("%s arrived %d times", id, times)
		}
	}
}

func TestAServerThatDropsTheConnectionLeavesUnknownAndNothingIsRepeatedByItself(t *testing.T) {
	for name, c := range map[string]struct {
		verdict mailtest.Verdict
		arrived int
	}{"after it took the mail": {mailtest.DropAfterAccept, 2}, "after the final dot": {mailtest.DropAfterDot, 0}} {
		t.Run(name, func(t *testing.T) {
			eachDesk(t, func(t *testing.T, d *desk) {
				d.contacts()
				d.mail.Judge(func(string, string) mailtest.Verdict { return c.verdict })
				d.deliver("2026-11-17", 1, 17)
				d.waitFor("Aguas del Faro", Unknown)
				d.waitFor("Ribera Waterworks", Unknown)
				d.mail.Judge(nil)
				for range 2 { // also after restarts, and days later
					d.stopQueue()
					d.open()
					if err := d.Recover(t.Context()); err != nil {
						t.Fatal(err)
					}
					d.wind(50 * time.Hour)
					if err := d.LookAround(t.Context()); err != nil {
						t.Fatal(err)
					}
					d.deliver("2026-11-17", 1, 17) // the same report once more
					if err := d.queueIsIdle(); err != nil {
						t.Fatal(err)
					}
				}
				if got := d.mail.Received(); len(got) != c.arrived {
					t.Errorf("%d messages, want %d", len(got), c.arrived)
				}
				if n, err := d.RepeatUnknown(t.Context(), d.lead, "they say nothing came"); err != nil || n != 2 {
					t.Fatalf("%d repeated, %v", n, err)
				}
				d.waitFor("Aguas del Faro", Sent)
				d.waitFor("Ribera Waterworks", Sent)
				if got := d.arrivals(); len(got) != 2 || len(d.mail.Received()) != c.arrived+2 {
					t.Errorf("by a person's word: %v; want the same two messages once more", got)
				}
			})
		})
	}
}

func TestAGreylistingServerGetsEveryNoticeOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		d.works(30)
		d.mail.Judge(func(string, string) mailtest.Verdict { return mailtest.Greylist })
		d.warnAll(SeverityHigh)
		d.waitFor("Aguas del Faro", Sent)
		if err := d.until(`select count(*) from warn_notice where state in ('drafted', 'attempting')`); err != nil {
			t.Fatal(err)
		}
		d.allOnce(32)
		if n := d.count(`select count(*) from warn_notice where attempts = 2`); n != 32 {
			t.Errorf("%d notices needed two tries, want all 32", n)
		}
	})
}

func TestTheStopButtonLetsNothingMoreLeaveThanWhatWasOnItsWay(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		d.works(998)
		d.mail.Delay(5 * time.Millisecond)
		d.warnAll(SeverityHigh)
		d.mail.Wait(t, 60, 20*time.Second)
		if err := d.Stop(t.Context(), d.lead, "wrong text"); err != nil {
			t.Fatal(err)
		}
		begun := d.count(`select count(*) from warn_notice where state in ('sent', 'attempting')`)
		if err := d.until(`select count(*) from warn_notice where state = 'attempting'`); err != nil {
			t.Fatal(err)
		}
		d.wind(10 * time.Minute)
		d.dispatched()
		if err := d.LookAround(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := int64(len(d.mail.Received())); got > begun || begun > 60+5*80 {
			t.Errorf("%d arrived, %d had been begun when it was stopped", got, begun)
		}
		if more, err := d.spool().SendSome(t.Context()); err != nil || more {
			t.Errorf("a turn that had looked before the stop begins more (%v)", err)
		}
		left := d.count(`select count(*) from warn_notice where state = 'drafted'`)
		if left+begun != 1000 || left < 500 {
			t.Errorf("%d wait and %d were begun, want 1000 in all", left, begun)
		}
		t.Logf("%d had left or were on their way, %d wait", begun, left)
		d.mail.Delay(0)
		if err := d.Resume(t.Context(), d.lead, ""); err != nil {
			t.Fatal(err)
		}
		for d.count(`select count(*) from warn_notice where state = 'drafted'`) > 0 && !t.Failed() {
			d.dispatched()
		}
		if err := d.until(`select count(*) from warn_notice where state = 'attempting'`); err != nil {
			t.Fatal(err)
		}
		d.allOnce(1000)
	})
}

func TestAClockSetBackSendsNothingTwiceAndHoldsNothingUp(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		link := linkInMail.FindStringSubmatch(decoded(t, d.mail.Received()[0]))[1]
		d.wind(6 * 24 * time.Hour)
		d.wind(-9 * 24 * time.Hour) // it was a week ahead; then somebody mends it
		d.deliver("2026-11-17", 1)  // the same report
		d.deliver("2026-11-18", 1)
		for _, work := range []func() error{
			func() error { return d.workRepeat(t.Context(), struct{}{}, none()) },
			func() error { return d.workEscalate(t.Context(), struct{}{}, none()) },
			func() error { return d.LookAround(t.Context()) },
			d.draftsAreDone,
		} {
			if err := work(); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.mail.Received(); len(got) != 1 || len(d.noticesOf("Aguas del Faro")) != 1 {
			t.Errorf("%d messages and %d notices; want the one of before", len(got), len(d.noticesOf("Aguas del Faro")))
		}
		if err := d.AnswerByLink(t.Context(), link, Visitor{"Ana", "Water"}, Answer{What: Acknowledge}); err != nil {
			t.Errorf("the link of before: %v", err)
		}
		v := d.warnAll(SeverityFlash)
		ribera := d.waitFor("Ribera Waterworks", Sent)
		faro := d.waitFor("Aguas del Faro", Sent)
		if err := d.RecordAnswer(t.Context(), d.lead, ribera.ID, Answer{What: Acknowledge, Strength: ByPhone, By: "Night desk"}); err != nil {
			t.Fatal(err)
		}
		d.wind(-24 * time.Hour)
		for range 3 {
			if err := d.workEscalate(t.Context(), struct{}{}, none()); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.noticesOf("Aguas del Faro"); got[0].ID != faro.ID {
			t.Errorf("a clock that was set back escalates: %+v", got[0])
		}
		d.wind(24*time.Hour + 31*time.Minute)
		if err := d.workEscalate(t.Context(), struct{}{}, none()); err != nil {
			t.Fatal(err)
		}
		if next := d.waitFor("Aguas del Faro", Sent); next.Step != 1 || next.Warning != v.ID {
			t.Errorf("on silence: %+v", next)
		}
		for id, times := range d.arrivals() {
			if times != 1 {
				t.Errorf("%s arrived %d times", id, times)
			}
		}
		taken, err := d.TakenBy(t.Context(), d.read, v.ID)
		for _, one := range taken {
			if !one.At.IsZero() && one.At.Before(one.SentAt) {
				t.Errorf("answered %s before it was sent: %+v", one.SentAt.Sub(one.At), one)
			}
		}
		if err != nil || n.SentAt.IsZero() {
			t.Error(err)
		}
	})
}

func TestTwoDesksThatAnswerForOneContactAtOnceLoseNothing(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		at := d.clock.Now()
		record := func(whats ...What) (won, lost int) {
			errs := make([]error, len(whats))
			var wg sync.WaitGroup
			for i, what := range whats {
				wg.Go(func() {
					who := d.lead
					who.ID = fmt.Sprintf("person:%d", 100+i)
					errs[i] = d.RecordAnswer(t.Context(), who, n.ID, Answer{What: what, Strength: ByPhone, By: "Control room", At: at, Reason: "as they say"})
				})
			}
			wg.Wait()
			for _, err := range errs {
				switch {
				case err == nil:
					won++
				case fault.CodeOf(err) == fault.Conflict:
					lost++
				default:
					t.Errorf("got %v", err)
				}
			}
			return won, lost
		}
		if won, lost := record(Acknowledge, Acknowledge, Acknowledge, Acknowledge); won != 1 || lost != 3 {
			t.Errorf("the same said to four desks: %d kept, %d told that it is known", won, lost)
		}
		if won, lost := record(Done, Dispute); won != 2 || lost != 0 {
			t.Errorf("two different things: %d kept, %d refused; want both", won, lost)
		}
		as, err := d.Answers(t.Context(), d.read, n.ID)
		by := map[string]bool{}
		for _, a := range as {
			by[string(a.What)] = true
			if a.RecordedBy == "" || a.By != "Control room" {
				t.Errorf("got %+v", a)
			}
		}
		if err != nil || len(as) != 3 || len(by) != 3 {
			t.Errorf("answers %+v, %v; want three", as, err)
		}
	})
}
