package e2e

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/browser"
)

// madrid is where the desk of the night is.
func madrid(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// neighbour is a water company that is phoned: who answers, when, and what he says.
type neighbour struct{ name, mail, phone, person, minute, says string }

var neighbours = []neighbour{
	{"Ribera Waterworks", "night@ribera.example", "+999 555 0103", "Pilar Soto", "03:16", "Their remote access is closed since a minute ago."},
	{"Lumen Water", "desk@lumen.example", "+999 555 0104", "Ada Lumen", "03:21", "They see the same address in last week’s log."},
	{"Duero Supply", "ops@duero.example", "+999 555 0105", "Nuno Vega", "03:27", "They send somebody to the pumps."},
}

// plantAndNeighbours are the plant that phones, with a number in the directory, and the
// three that the desk phones.
func plantAndNeighbours(ctx context.Context, s *stage, _ *clock.Wound) error {
	file := "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_phone,contact_language,contact_position\n" +
		"Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Control room," + faroRoom + ",+999 555 0101,en,1\n"
	for i, n := range neighbours {
		file += n.name + ",operator,XA,drinking-water,cidr,198.51.100." + strconv.Itoa(16*i) + "/28," + n.person + "," + n.mail + "," + n.phone + ",en,1\n"
	}
	return importOrganisations(ctx, s, file)
}

const (
	firstWords = "Faro plant, setpoints of pump three move by themselves"
	headline   = "A pump is worked from outside"
	saidNumber = "+999 555 0666"
	warned     = "Close remote access for 203.0.113.77 until we call again."
	forPlant   = "We call your control room every full hour."
)

// TestTenPastThreeMailIsDown: the mail server refuses connections while a plant engineer
// phones. One person writes down what he says, calls the number of the directory and not
// the one that was said, opens the incident in one more step, phones three operators and
// enters the calls later with their true times; at 03:40 the situation report is
// printed. When mail is back everybody gets what is his once, and a restart repeats nothing.
func TestTenPastThreeMailIsDown(t *testing.T) {
	s := openWith(t, true, func(c *app.Config) { c.Zone = "Europe/Madrid" }, plantAndNeighbours)
	zone := madrid(t)
	day := s.wound.Now().In(zone).AddDate(0, 0, 1)
	at := func(hour, minute int) time.Time {
		return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, zone)
	}
	s.check(s.mail.Close())
	s.wound.Set(at(3, 10))
	desk := browser.New(t).Tab(t)
	desk.Viewport(1280, 1000)
	s.signIn(desk, s.link(s.person("Bruno Salas", guard.RoleDutyLead)))

	report := s.typesWhileTalking(desk)
	s.callsBack(desk)
	one := s.opensFrom(desk, report)
	for _, n := range neighbours {
		s.takesPart(desk, one, n.name, "support")
	}
	s.deskWrites(desk, one, warned, "TLP:GREEN", neighbours[0].name, neighbours[1].name, neighbours[2].name)
	s.deskWrites(desk, one, forPlant, "TLP:GREEN", "Aguas del Faro")
	s.wound.Set(at(3, 32))
	for _, n := range neighbours {
		s.entersCall(desk, one, day, n)
	}
	s.trueTimes(one, at)
	s.wound.Set(at(3, 40))
	s.printsReport(desk, one)

	if got := s.mail.Received(); len(got) != 0 {
		t.Fatalf("%d mails arrived while the server was down", len(got))
	}
	s.mailReturns()
	s.wound.Set(at(5, 45))
	before := s.eachOnce()
	s.stop()
	desk.Allow("/events") // the stage was struck for a moment
	s.begin(func(context.Context, *stage, *clock.Wound) error { return nil })
	s.wound.Set(at(8, 0))
	if after := s.eachOnce(); after != before {
		t.Errorf("after the restart there are %d mails, want %d as before", after, before)
	}
}

// typesWhileTalking is one field and Enter, twice; it returns the report's address.
func (s *stage) typesWhileTalking(desk *browser.Tab) string {
	s.t.Helper()
	desk.Go(s.url + "/incident/reports/new")
	desk.WaitFor("document.activeElement.name === 'text'")
	if n := desk.Count("main form input:not([type=hidden]), main form select, main form textarea"); n != 1 {
		s.t.Errorf("the form for a talking person has %d fields, want one", n)
	}
	desk.Press(firstWords + kb.Enter)
	desk.WaitText(".alm-flash", "Kept.")
	desk.WaitFor("document.activeElement.name === 'text'")
	desk.Press("nobody is signed in, he will not let go of the phone" + kb.Enter)
	desk.WaitText("#report-story", "nobody is signed in")
	return browser.Eval[string](desk, "location.pathname")
}

// callsBack picks the organisation by a part of its name and calls the number that the
// directory has.
func (s *stage) callsBack(desk *browser.Tab) {
	s.t.Helper()
	desk.Fill("#order [name=organisation]", "Faro")
	desk.Fill("#order [name=name]", "Tomás Rey")
	desk.Fill("#order [name=phone]", saidNumber)
	choose(desk, "#order [name=marking]", "TLP:GREEN")
	desk.Follow("#order button[type=submit]")
	unfold(desk, "#order")
	desk.WaitText("#order", "+999 555 0101")
	offered := browser.Eval[[]string](desk, "[...document.querySelectorAll('#order [name=call_back]')].map(e => e.value)")
	if !slices.Equal(offered, []string{"+999 555 0101"}) {
		s.t.Errorf("to call back the page offers %q, want the directory's number alone", offered)
	}
	s.look(desk, "night/01-number-of-the-directory")
	desk.Click(`#order [name=call_back][value="+999 555 0101"]`)
	desk.Click("#order [name=confirmed]")
	desk.Follow("#order button[type=submit]")
}

// unfold opens a part of a page that is folded.
func unfold(tab *browser.Tab, selector string) {
	browser.Eval[bool](tab, "(document.querySelector("+quoted(selector)+").open = true)")
}

// opensFrom is the one more step; it returns the incident's address.
func (s *stage) opensFrom(desk *browser.Tab, report string) string {
	s.t.Helper()
	desk.Follow(`a[href="` + report + `/open"]`)
	if !browser.Eval[bool](desk, "document.querySelector('[name=part]').checked") {
		s.t.Error("the plant that was called back does not take part from the start")
	}
	desk.Fill("[name=title]", headline) // seen by all who take part: never the caller's words
	choose(desk, "[name=marking]", "TLP:GREEN")
	desk.Follow("main form button.btn-primary")
	desk.WaitURL("/incident/incidents/")
	return browser.Eval[string](desk, "location.pathname")
}

// entersCall writes down a call that is over: whose word it is, and when it was.
func (s *stage) entersCall(desk *browser.Tab, at string, day time.Time, n neighbour) {
	s.t.Helper()
	desk.Go(s.url + at)
	desk.Fill("#write [name=text]", n.says)
	choose(desk, "#write [name=kind]", "call")
	choose(desk, "#write [name=marking]", "TLP:GREEN")
	unfold(desk, "#write details:has([name=at])")
	desk.Fill("#write [name=by]", n.person)
	owner := browser.Eval[string](desk, `[...document.querySelectorAll('#write [name=owner] option')].find(o => o.text.trim() === `+quoted(n.name)+`).value`)
	choose(desk, "#write [name=owner]", owner)
	choose(desk, "#write [name=at]", day.Format(time.DateOnly)+"T"+n.minute)
	desk.Follow("#write button[value=keep]")
	desk.WaitText("#story", n.says)
}

// trueTimes: what was entered later stands where it happened, as the word of who said it.
func (s *stage) trueTimes(at string, when func(hour, minute int) time.Time) {
	s.t.Helper()
	desk := incident.Viewer{Org: guard.OwnOrg}
	i, err := s.app.Incidents().Numbered(s.t.Context(), s.read(), desk, at[strings.LastIndex(at, "/")+1:])
	s.check(err)
	story, err := s.app.Incidents().Story(s.t.Context(), s.read(), desk, i.ID)
	s.check(err)
	var calls []incident.Entry
	for _, e := range story {
		if e.Kind == incident.Call {
			calls = append(calls, e)
		}
	}
	if len(calls) != len(neighbours) {
		s.t.Fatalf("got %d calls, want %d", len(calls), len(neighbours))
	}
	for k, n := range neighbours {
		minute, err := strconv.Atoi(n.minute[3:])
		s.check(err)
		e := calls[k]
		if !e.At.Equal(when(3, minute)) || e.By != n.person || e.Text != n.says || e.Owner == guard.OwnOrg || e.RecordedAt.Before(when(3, 32)) {
			s.t.Errorf("call %d is %+v, want the word of %s at %s, recorded from 03:32 on", k+1, e, n.person, n.minute)
		}
	}
}

// printsReport takes the situation report as it is filled in, and prints it.
func (s *stage) printsReport(desk *browser.Tab, at string) {
	s.t.Helper()
	desk.Go(s.url + at)
	s.look(desk, "night/02-incident-at-0340")
	desk.Follow(`a[href="` + at + `/sitrep"]`)
	desk.Fill("[name=needed]", "Somebody who knows pump three, on site by 06:00.")
	choose(desk, "[name=next]", s.wound.Now().In(madrid(s.t)).Format(time.DateOnly)+"T05:00")
	desk.Follow("main form button.btn-primary")
	desk.WaitText(".alm-flash", "The version is kept.")
	desk.Go(s.url + browser.Eval[string](desk, `new URL(document.querySelector('a[href*="/print"]').href).pathname`))
	zone := s.wound.Now().In(madrid(s.t)).Format("MST")
	for _, part := range []string{"03:40 " + zone, headline, "Aguas del Faro", "on site by 06:00", "05:00 " + zone} {
		desk.WaitText("body", part)
	}
	desk.NoSidewaysScroll()
	desk.Screenshot("night/03-situation-report")
}

// mailReturns starts the mail server again where it was.
func (s *stage) mailReturns() {
	s.t.Helper()
	dir, address := s.t.TempDir(), net.JoinHostPort(s.mail.Host, strconv.Itoa(s.mail.Port))
	s.until("the mail server is back", func() bool {
		back, err := mailtest.Start(dir, address)
		if err == nil {
			s.mail = back
			s.t.Cleanup(func() { s.check(back.Close()) })
		}
		return err == nil
	})
}

// eachOnce: all who take part have in their mail what they may see, each thing once, and
// nothing of the others. It returns how many mails there are.
func (s *stage) eachOnce() int {
	s.t.Helper()
	s.check(s.app.Incidents().SendMails(s.t.Context()))
	want := map[string][]string{faroRoom: {forPlant}}
	for _, n := range neighbours {
		want[n.mail] = []string{warned, n.says}
	}
	all := []string{forPlant, warned}
	for _, n := range neighbours {
		all = append(all, n.says)
	}
	s.until("the mails of the night have arrived", func() bool {
		s.check(s.app.Incidents().SendMails(s.t.Context()))
		for to, texts := range want {
			for _, text := range texts {
				if !strings.Contains(s.lettersTo(to), text) {
					return false
				}
			}
		}
		return true
	})
	for to, texts := range want {
		got := s.lettersTo(to)
		for _, text := range all {
			n, due := strings.Count(got, text), 0
			if slices.Contains(texts, text) {
				due = 1
			}
			if n != due {
				s.t.Errorf("%s got %q %d times, want %d", to, text, n, due)
			}
		}
	}
	for _, m := range s.mail.Received() {
		if _, ok := want[m.To]; !ok {
			s.t.Errorf("a mail went to %s: %s", m.To, m.Subject)
		}
	}
	return len(s.mail.Received())
}

// lettersTo is all that went to an address, on one line a paragraph.
func (s *stage) lettersTo(address string) string {
	var b strings.Builder
	for _, m := range s.mail.Received() {
		if m.To == address {
			b.WriteString(softBreak.ReplaceAllString(string(m.Data), ""))
		}
	}
	return strings.ReplaceAll(b.String(), "=E2=80=99", "’")
}
