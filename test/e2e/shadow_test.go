package e2e

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// The trial feed's day: 20,000 rows, 2,000 of them at forty operators, 9,000 at a
// network owner, 5,000 in a country with a CSIRT of its own, 4,000 nowhere.
const (
	trial          = "trial-feed"
	shadowSubjects = 40
	perOperator    = 50
	abuse, peer    = "abuse@nortia-net.example", "cert@cert-borea.example"
)

// shares are the rows of the day by whom they would be told to; "" is nobody.
func shares() map[string]int {
	out := map[string]int{abuse: 9000, peer: 5000, "": 4000}
	for i := range shadowSubjects {
		out[operatorMail(i)] = perOperator
	}
	return out
}

func operatorMail(i int) string { return fmt.Sprintf("watch@operator-%02d.example", i) }

const trialMapping = `kind = "trial_scan"
feed = "A feed on trial"
version = "1"
format = "csv"
severity = "medium"
key = ["source.ip"]
closes_by = "person"

[class]
taxonomy = "vulnerable"
type = "vulnerable-system"
identifier = "open-telnet"

[[column]]
name = "time"
field = "time.source"
required = true

[[column]]
name = "ip"
field = "source.ip"
required = true

[[column]]
name = "country"
field = "source.geolocation.cc"
`

// trialDay writes the delivery.
func trialDay(day string) string {
	var b strings.Builder
	b.WriteString("time,ip,country\n")
	row := func(ip, country string) { b.WriteString(day + "T03:00:00Z," + ip + "," + country + "\n") }
	for i := range shadowSubjects {
		for n := range perOperator {
			row(fmt.Sprintf("198.18.%d.%d", i, n+1), "XA")
		}
	}
	for n := range shares()[abuse] {
		row(fmt.Sprintf("198.19.%d.%d", n/250, n%250+1), "XA")
	}
	for n := range shares()[peer] {
		row(fmt.Sprintf("100.64.%d.%d", n/250, n%250+1), "XB")
	}
	for n := range shares()[""] {
		row(fmt.Sprintf("100.80.%d.%d", n/250, n%250+1), "")
	}
	return b.String()
}

// beforeShadowDay is the constituency, and the trial feed's delivery in shadow.
func beforeShadowDay(ctx context.Context, s *stage, wound *clock.Wound) error {
	var b strings.Builder
	b.WriteString(house.Head)
	for i := range shadowSubjects {
		fmt.Fprintf(&b, "Operator %02d,operator,XA,health,cidr,198.18.%d.0/24,Control room,%s,en\n", i, i, operatorMail(i))
	}
	b.WriteString("CERT Borea,peer,XB,,,,Duty desk," + peer + ",en\n")
	networks := "prefix,asn,organisation,abuse_email,country,language\n198.19.0.0/17,,Nortia Net," + abuse + ",XA,en\n"
	if err := importOrganisations(ctx, s, b.String()); err != nil {
		return err
	}
	if err := importFile(ctx, s, constituency.NetworksFile, networks); err != nil {
		return err
	}
	if _, err := s.app.Watch().LoadMapping(ctx, house.Lead(), "trial", strings.NewReader(trialMapping)); err != nil {
		return err
	}
	_, err := s.app.Watch().AddSource(ctx, house.Lead(), trial, watch.SourceSettings{Mode: watch.Shadow, Marking: tlp.Green, Mapping: "trial"})
	if err != nil {
		return err
	}
	day := wound.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	_, err = s.app.Watch().Receive(ctx, house.Lead(), watch.Arrival{
		Source: trial, FileName: day + "-trial.csv", Body: strings.NewReader(trialDay(day)),
	})
	if err != nil {
		return err
	}
	return s.settle(ctx)
}

// importOrganisations imports and lets everybody who keeps a copy know.
func importOrganisations(ctx context.Context, s *stage, text string) error {
	return importFile(ctx, s, constituency.OrganisationsFile, text)
}

func importFile(ctx context.Context, s *stage, kind constituency.ImportKind, text string) error {
	r, err := s.app.Constituency().Import(ctx, house.Lead(), kind, strings.NewReader(text), true)
	if err != nil {
		return err
	}
	if !r.Applied {
		return fmt.Errorf("%s refused: %v", kind, r.Errors)
	}
	return s.settle(ctx)
}

// TestShadowDay: a feed on trial would tell forty-two; the report names each, nothing
// leaves, and after the preview is accepted exactly those are told.
func TestShadowDay(t *testing.T) {
	s := open(t, true, beforeShadowDay)
	tab := browser.New(t).Tab(t)
	s.signIn(tab, s.link(s.person("Bruno Salas", guard.RoleDutyLead)))
	sources, err := s.app.Watch().Sources(t.Context(), s.read())
	s.check(err)
	report := "/watch/shadow/" + strconv.FormatInt(sources[0].ID, 10)

	tab.Go(s.url + "/watch/shadow")
	s.look(tab, "shadow/01-sources")
	tab.Follow(`main table a[href="` + report + `"]`)
	s.look(tab, "shadow/02-report")
	s.equal("the page", s.onThePage(tab), shares())
	s.equal("the CSV", s.inTheCSV(tab, report+"/csv"), shares())

	if got := s.mail.Received(); len(got) != 0 {
		t.Fatalf("got %d mails out of shadow, want none; the first to %s", len(got), got[0].To)
	}
	notices, err := s.app.Warn().Notices(t.Context(), s.read(), warn.Filter{})
	s.check(err)
	if len(notices) != 0 {
		t.Errorf("got %d notices out of shadow, want none", len(notices))
	}
	tab.Go(s.url + "/warn/outbox")
	if n := tab.Count("[data-rows] tbody tr"); n != 0 {
		t.Errorf("got %d lines in the outbox, want none", n)
	}
	s.look(tab, "shadow/03-outbox-empty")
	s.accepts(tab, report)
}

// accepts releases the preview and sees who is told.
func (s *stage) accepts(tab *browser.Tab, report string) {
	s.t.Helper()
	tab.Go(s.url + report)
	tab.Follow(`main .alm-actions a[href*="/accept"]`)
	tab.WaitText(".alm-effects", "42 organisations are told")
	tab.WaitText(".alm-effects", "4,000 findings have no owner")
	s.look(tab, "shadow/04-accept")
	tab.Fill("#f-reason", "Looked at with the sector teams.")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText(".alm-flash", "Released")
	want := shares()
	delete(want, "")
	for _, m := range s.mail.Wait(s.t, len(want), time.Minute) {
		if want[m.To] == 0 {
			s.t.Errorf("a mail went to %s, who is not in the report", m.To)
		}
	}
	s.until("every mail is noted as sent", func() bool {
		open, err := s.app.Warn().Notices(s.t.Context(), s.read(), warn.Filter{State: warn.Sent, Limit: 1000})
		s.check(err)
		return len(open) >= len(want)
	})
	notices, err := s.app.Warn().Notices(s.t.Context(), s.read(), warn.Filter{Limit: 1000})
	s.check(err)
	told := map[string]int{}
	for _, n := range notices {
		told[n.Address] += n.Total
	}
	s.equal("what was told", told, want)
	if n := len(s.mail.Received()); n != len(notices) {
		s.t.Errorf("got %d mails for %d notices", n, len(notices))
	}
	tab.Go(s.url + "/warn/notices")
	s.look(tab, "shadow/05-notices")
}

// onThePage reads the report as it is shown: figures by contact.
func (s *stage) onThePage(tab *browser.Tab) map[string]int {
	s.t.Helper()
	out := map[string]int{}
	for _, row := range browser.Eval[[][]string](tab, `[...document.querySelectorAll("#would tbody tr")].map(r => [...r.cells].map(c => c.innerText.trim()))`) {
		contact := row[2]
		if !strings.Contains(contact, "@") {
			contact = ""
		}
		n, err := strconv.Atoi(strings.ReplaceAll(row[3], ",", ""))
		s.check(err)
		out[contact] += n
	}
	return out
}

// inTheCSV counts the lines of the download by contact.
func (s *stage) inTheCSV(tab *browser.Tab, path string) map[string]int {
	s.t.Helper()
	text := browser.Eval[string](tab, fmt.Sprintf(`fetch(%q).then(a => a.text())`, path))
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	s.check(err)
	out := map[string]int{}
	for _, row := range rows[1:] {
		out[row[2]]++
	}
	return out
}

func (s *stage) equal(what string, got, want map[string]int) {
	s.t.Helper()
	if !maps.Equal(got, want) {
		s.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
