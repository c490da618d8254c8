package warn

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// none is what jobs get that look by themselves.
func none() jobs.Try { return jobs.Try{} }

// contacts gives a nation in which every organisation has contacts in order.
func (d *desk) contacts() {
	d.t.Helper()
	file := "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_phone,contact_language,contact_position\n" +
		"Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Control room,watch@faro.example,+990001,fr,1\n" +
		"Aguas del Faro,operator,XA,drinking-water,,,Chief engineer,chief@faro.example,+990002,fr,2\n" +
		"Ribera Waterworks,operator,XA,drinking-water,cidr,192.0.2.16/28,Night desk,night@ribera.example,+990003,en,1\n" +
		"Vega Net,network,XA,digital-infrastructure,cidr,192.0.2.32/28,Abuse,abuse@vega.example,,en,1\n"
	r, err := d.Constituency.Import(d.t.Context(), d.lead, constituency.OrganisationsFile, strings.NewReader(file), true)
	if err != nil || !r.Applied {
		d.t.Fatalf("import: %+v, %v", r, err)
	}
	if _, _, err := d.Watch.LoadSchema(d.t.Context(), d.lead, strings.NewReader(schema)); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.Watch.AddSource(d.t.Context(), d.lead, "scans", watch.SourceSettings{Mode: watch.Live, Marking: tlp.Green}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) noticesOf(org string) []Notice {
	d.t.Helper()
	o, ok, err := d.Guard.OrganisationNamed(d.t.Context(), d.read, org)
	if err != nil || !ok {
		d.t.Fatal(org, err)
	}
	ns, err := d.Notices(d.t.Context(), d.read, Filter{Org: o.ID})
	if err != nil {
		d.t.Fatal(err)
	}
	return ns
}

func TestWhatStaysOpenIsToldAgainWhenItsIntervalIsOver(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		d.deliver("2026-11-17", 1, 2)
		first := d.waitFor("Aguas del Faro", Sent)
		for _, days := range []int{29, 0} {
			d.wind(time.Duration(days) * 24 * time.Hour)
			if err := d.workRepeat(t.Context(), struct{}{}, none()); err != nil {
				t.Fatal(err)
			}
			if ns := d.noticesOf("Aguas del Faro"); len(ns) != 1 {
				t.Fatalf("%d notices before the 30 days are over, want the one", len(ns))
			}
		}
		d.wind(25 * time.Hour)
		for range 2 { // the second time there is nothing to tell
			if err := d.workRepeat(t.Context(), struct{}{}, none()); err != nil {
				t.Fatal(err)
			}
		}
		again := d.waitFor("Aguas del Faro", Sent)
		if ns := d.noticesOf("Aguas del Faro"); len(ns) != 2 || !again.Again || again.Total != first.Total {
			t.Errorf("got %d notices, the last %+v; want the same findings told again", len(ns), again)
		}
	})
}

func TestNetworksGetFilesOnceADayAndWhatWaitsIsBundled(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		d.deliver("2026-11-17", 33)
		n := d.waitFor("Vega Net", Sent)
		if n.Format != AsBulk {
			t.Fatalf("a network is told as %s", n.Format)
		}
		body := string(d.mail.Received()[0].Data)
		if !strings.Contains(body, ".csv") || strings.Contains(body, "/n/") {
			t.Errorf("a network's mail lacks its file or asks for an answer:\n%s", body)
		}
		for day, hosts := range [][]int{{33, 34}, {33, 34, 35}} {
			d.deliver(fmt.Sprintf("2026-11-%d", 18+day), hosts...)
			if err := d.draftsAreDone(); err != nil {
				t.Fatal(err)
			}
		}
		ns := d.noticesOf("Vega Net")
		if len(ns) != 2 || ns[0].State != Drafted || ns[0].Total != 2 {
			t.Errorf("got %+v; want the news of two days bundled in one notice that waits", ns)
		}
	})
}

// draftsAreDone waits until no job drafts.
func (d *desk) draftsAreDone() error {
	return d.until(`select count(*) from river_job where state in ('available', 'running', 'retryable') and kind = 'warn.draft'`)
}

func TestAnAddressGetsItsShareOfAnHourAndFlashOvertakes(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.Limits.PerContactHour = 2
		d.contacts()
		for i := range 4 {
			d.deliver(fmt.Sprintf("2026-11-1%d", i+1), []int{1, 2, 3, 4}[:i+1]...)
			if err := d.draftsAreDone(); err != nil {
				t.Fatal(err)
			}
			if i < 2 {
				d.waitFor("Aguas del Faro", Sent)
			}
		}
		ns := d.noticesOf("Aguas del Faro")
		if len(ns) != 3 || ns[0].State != Drafted || ns[0].Total != 2 {
			t.Fatalf("got %+v; want two sent, and the rest bundled and waiting", ns)
		}
		d.warnAll(SeverityFlash)
		if n := d.waitFor("Aguas del Faro", Sent); n.Priority != Flash {
			t.Errorf("a FLASH waited: %+v", n)
		}
	})
}

func person(n int) act.Actor {
	return act.Actor{ID: fmt.Sprintf("person:%d", n), Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleWatchOfficer}}
}

func draftWarning(s Severity) Warning {
	return Warning{
		Severity: s, Marking: tlp.Green, AnswerWithin: 30 * time.Minute, Choice: Choice{Sectors: []string{"drinking-water"}},
		Texts: map[string]Text{
			"en": {Title: "Remote access is being abused", What: "Somebody signs in.", Do: "Close it."},
			"fr": {Title: "L’accès à distance est détourné", What: "Quelqu’un se connecte.", Do: "Fermez-le."},
		},
	}
}

// warnAll composes and releases a warning to the water sector.
func (d *desk) warnAll(s Severity) Warning { return d.release(draftWarning(s)) }

func (d *desk) release(draft Warning) Warning {
	d.t.Helper()
	v, err := d.Compose(d.t.Context(), person(7), draft)
	if err != nil {
		d.t.Fatal(err)
	}
	_, seen, err := d.Choose(d.t.Context(), d.read, v)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.Release(d.t.Context(), person(8), v.ID, Release{Version: v.Version, Seen: seen}); err != nil {
		d.t.Fatal(err)
	}
	return v
}

func TestAWarningNeedsASecondPersonOrAReview(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		v, err := d.Compose(t.Context(), person(7), draftWarning(SeverityHigh))
		if err != nil {
			t.Fatal(err)
		}
		list, seen, err := d.Choose(t.Context(), d.read, v)
		if err != nil || len(list) != 2 {
			t.Fatalf("chosen: %+v, %v; want the two water companies", list, err)
		}
		for name, c := range map[string]struct {
			who  act.Actor
			rel  Release
			want fault.Code
		}{
			"the author himself":       {person(7), Release{Version: 1, Seen: seen}, fault.Denied},
			"the local operator":       {guard.LocalOperator(), Release{Version: 1, Seen: seen}, fault.Denied},
			"on call without a reason": {person(7), Release{Version: 1, Seen: seen, OnCall: true}, fault.Invalid},
			"another list":             {person(8), Release{Version: 1, Seen: "other"}, fault.Conflict},
			"another version":          {person(8), Release{Version: 9, Seen: seen}, fault.Conflict},
		} {
			if err := d.Release(t.Context(), c.who, v.ID, c.rel); fault.CodeOf(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		if err := d.Release(t.Context(), person(7), v.ID, Release{Version: 1, Seen: seen, OnCall: true, Reason: "alone at night"}); err != nil {
			t.Fatal(err)
		}
		d.waitFor("Ribera Waterworks", Sent)
		n := d.waitFor("Aguas del Faro", Sent)
		if body := d.bodyTo("watch@faro.example"); !strings.Contains(body, "Fermez-le") {
			t.Errorf("not in the contact's language:\n%s", body)
		}
		if err := d.Review(t.Context(), person(7), v.ID, true, ""); fault.CodeOf(err) != fault.Denied {
			t.Errorf("who released reviews: %v", err)
		}
		if err := d.Review(t.Context(), person(9), v.ID, true, ""); err != nil {
			t.Fatal(err)
		}
		if err := d.RecordAnswer(t.Context(), d.lead, n.ID, Answer{What: Acknowledge, Strength: ByPhone, By: "M. Laval"}); err != nil {
			t.Fatal(err)
		}
		taken, err := d.TakenBy(t.Context(), d.read, v.ID)
		if err != nil || len(taken) != 2 || taken[0].Strength != ByPhone || !taken[1].At.IsZero() {
			t.Errorf("taken %+v, %v; want one by phone and one silent", taken, err)
		}
	})
}

// bodyTo is the text of the last mail to an address.
func (d *desk) bodyTo(address string) (body string) {
	d.t.Helper()
	for _, m := range d.mail.Received() {
		if m.To == address {
			body = decoded(d.t, m)
		}
	}
	return body
}

func TestWhoHasNoStandingAnyMoreIsLeftOutOfABatch(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		if err := d.Stop(t.Context(), d.lead, "wait"); err != nil {
			t.Fatal(err)
		}
		d.warnAll(SeverityHigh)
		ended := d.waitFor("Aguas del Faro", Drafted)
		told := d.waitFor("Ribera Waterworks", Drafted)
		if err := d.Guard.EndOrganisation(t.Context(), d.lead, ended.Org, "it was dissolved"); err != nil {
			t.Fatal(err)
		}
		if err := d.Resume(t.Context(), d.lead, ""); err != nil {
			t.Fatal(err)
		}
		d.waitFor("Aguas del Faro", Withheld)
		d.waitFor("Ribera Waterworks", Sent)
		if got := d.mail.Received(); len(got) != 1 || got[0].To != told.Address {
			t.Fatalf("got %d messages, want the one to %s", len(got), told.Address)
		}
		if body := d.bodyTo(told.Address); !strings.Contains(body, d.Number(told.ID)) || strings.Contains(body, d.Number(ended.ID)) {
			t.Errorf("the letter does not name its own notice alone:\n%s", body)
		}
	})
}

func TestOnSilenceFlashAsksTheNextContactThenTheDutyOfficerCalls(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		v := d.warnAll(SeverityFlash)
		d.waitFor("Aguas del Faro", Sent)
		ribera := d.waitFor("Ribera Waterworks", Sent)
		if body := d.bodyTo(ribera.Address); !strings.Contains(body, "Please answer by") {
			t.Errorf("a FLASH does not say by when it wants an answer:\n%s", body)
		}
		if err := d.RecordAnswer(t.Context(), d.lead, ribera.ID, Answer{What: Acknowledge, Strength: ByPhone, By: "Night desk"}); err != nil {
			t.Fatal(err)
		}
		escalate := func() {
			t.Helper()
			if err := d.workEscalate(t.Context(), struct{}{}, none()); err != nil {
				t.Fatal(err)
			}
		}
		escalate()
		if len(d.noticesOf("Aguas del Faro")) != 1 {
			t.Fatal("escalated before the time was over")
		}
		d.wind(31 * time.Minute)
		escalate()
		n := d.waitFor("Aguas del Faro", Sent)
		if n.Step != 1 || n.Address != "chief@faro.example" {
			t.Fatalf("the next step went to %s: %+v", n.Address, n)
		}
		d.wind(31 * time.Minute)
		escalate()
		calls, err := d.Calls(t.Context(), d.read, v.ID, true)
		if err != nil || len(calls) != 1 || calls[0].Org != n.Org {
			t.Fatalf("call list %+v, %v; want Aguas del Faro alone", calls, err)
		}
		c := calls[0]
		if err := d.NoteCall(t.Context(), d.lead, c.ID, c.Version, CallTry{Outcome: "no-answer"}, ""); err != nil {
			t.Fatal(err)
		}
		if err := d.NoteCall(t.Context(), d.lead, c.ID, c.Version, CallTry{Outcome: "busy"}, ""); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("a stale entry gives %v, want conflict", err)
		}
		if err := d.NoteCall(t.Context(), d.lead, c.ID, c.Version+1, CallTry{Outcome: "reached", Spoke: "Chief engineer"}, Acknowledge); err != nil {
			t.Fatal(err)
		}
		taken, err := d.TakenBy(t.Context(), d.read, v.ID)
		if err != nil || len(taken) != 2 || taken[0].Strength != ByPhone || taken[0].Call != CallReached {
			t.Errorf("taken %+v, %v", taken, err)
		}
		escalate()
		if left, err := d.Calls(t.Context(), d.read, 0, true); err != nil || len(left) != 0 {
			t.Errorf("%d calls still open, %v", len(left), err)
		}
	})
}

func TestRulesHoldBackAndADryRunSaysWhatTheyWouldChange(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		d.deliver("2026-11-17", 1, 2, 33)
		d.waitFor("Aguas del Faro", Sent)
		d.waitFor("Vega Net", Sent)
		rs, err := d.RulesNow(t.Context(), d.read)
		if err != nil || len(rs.List) != 3 {
			t.Fatalf("rules %+v, %v", rs, err)
		}
		quiet := Rule{Name: "Telnet is not told", Kinds: []string{"scan_telnet"}, OrgKinds: []string{"operator"}, Tell: "no", Repeat: -1, Pace: -1}
		then := rs
		then.List = append([]Rule{quiet}, rs.List...)
		diff, weighed, err := d.DryRun(t.Context(), d.read, then)
		if err != nil || weighed != 3 || len(diff) != 1 || diff[0].Findings != 2 || diff[0].Then.Tell || !diff[0].Now.Tell {
			t.Fatalf("dry run: %+v of %d, %v; want the two of Aguas del Faro held back", diff, weighed, err)
		}
		then.Reason = "noise"
		if err := d.SetRules(t.Context(), d.lead, then); err != nil {
			t.Fatal(err)
		}
		if err := d.SetRules(t.Context(), d.lead, then); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("rules changed from a stale version: %v", err)
		}
		d.deliver("2026-11-18", 1, 2, 3)
		if err := d.draftsAreDone(); err != nil {
			t.Fatal(err)
		}
		if ns := d.noticesOf("Aguas del Faro"); len(ns) != 1 {
			t.Errorf("%d notices; what the rules hold back was told", len(ns))
		}
	})
}

// wind moves the clock on.
func (d *desk) wind(by time.Duration) { d.clock.Set(d.clock.Now().Add(by)) }

func TestAMinimalMailOfAFlashSaysThatItIsUrgentAndNothingOfItsContent(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		for s, subject := range map[Severity]string{SeverityHigh: "Une alerte vous attend", SeverityFlash: "URGENT : une alerte vous attend"} {
			v := draftWarning(s)
			v.Marking = tlp.Amber
			v = d.release(v)
			if err := d.until(fmt.Sprintf(`select 1 - count(*) from warn_notice where state = 'sent' and address = 'watch@faro.example' and warning_id = %d`, v.ID)); err != nil {
				t.Fatal(err)
			}
			n := d.waitFor("Aguas del Faro", Sent)
			mails := slices.DeleteFunc(d.mail.Received(), func(m mailtest.Received) bool {
				return m.To != "watch@faro.example" || !strings.EqualFold(m.MessageID, d.Number(n.ID)+"@csirt.example")
			})
			if len(mails) != 1 {
				t.Fatalf("%d mails of %s", len(mails), d.Number(n.ID))
			}
			text := decoded(t, mails[0])
			if !strings.Contains(text, subject) || strings.Contains(text, "distance") || strings.Contains(text, "Fermez") {
				t.Errorf("a minimal mail of %s is\n%s", s, text)
			}
			if got := strings.Contains(text, "Merci de répondre avant le"); got != (s == SeverityFlash) {
				t.Errorf("a minimal mail of %s names the time of the answer: %v\n%s", s, got, text)
			}
		}
	})
}
