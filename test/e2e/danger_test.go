package e2e

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/browser"
)

const (
	faroMail, riberaMail, policeMail, oversightMail = "marta@faro.example", "pilar@ribera.example", "irene@police.example", "oversight@atalaya.example"

	threat   = "We know when the night guard of the dam walks home."
	camera   = "Camera of the gate shows the same car on three nights."
	adjacent = "Cabinet twelve at Ribera has stood open since noon."
)

// twoWatersAndPolice are two neighbouring water companies and the police.
func twoWatersAndPolice(ctx context.Context, s *stage, _ *clock.Wound) error {
	const file = "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_phone,contact_language,contact_position\n" +
		"Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Marta Prieto," + faroMail + ",+999 555 0101,en,1\n" +
		"Ribera Waterworks,operator,XA,drinking-water,cidr,192.0.2.16/28,Pilar Soto," + riberaMail + ",+999 555 0103,en,1\n" +
		"Cyber Crime Unit,police,XA,,domain,police.example,Irene Campos," + policeMail + ",+999 555 0110,en,1\n"
	return importOrganisations(ctx, s, file)
}

// TestDangerToLife: somebody threatens a guard. Two lines cross to the police within a
// minute, and nothing else of the incident shows to it, whatever it looks at; the
// confirmation by phone is noted; for 72 hours nobody reviews it: an alarm stands on the
// board, the police's page is closed while it is open, and oversight has it in its list.
func TestDangerToLife(t *testing.T) {
	s := open(t, true, twoWatersAndPolice)
	overseer, err := s.app.Guard().AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{
		Org: guard.OwnOrg, Name: "Olga Rey", Email: oversightMail, Language: "en", Zone: "Europe/Madrid", Roles: []string{guard.RoleOversight},
	})
	s.check(err)
	chromium := browser.New(t)
	desk := chromium.Tab(t)
	desk.Viewport(1280, 1000)
	s.signIn(desk, s.link(s.person("Carla Vidal", guard.RoleWatchOfficer)))
	at := s.opens(desk, "A guard of the dam is threatened", map[string]string{"Aguas del Faro": "affected", "Ribera Waterworks": "affected"})
	number := at[strings.LastIndex(at, "/")+1:]
	faro, ribera, police := s.guest(chromium, faroMail), s.guest(chromium, riberaMail), s.guest(chromium, policeMail)
	s.tellsTheDesk(faro, number, threat)
	s.tellsTheDesk(ribera, number, adjacent)
	s.deskWrites(desk, at, camera, "TLP:AMBER", "Aguas del Faro")
	if n := police.Count(`a[href="/portal/crossings"]`); n != 0 {
		t.Error("the police is led to packages before there is one")
	}

	for _, tab := range []*browser.Tab{desk, faro, ribera, police} {
		tab.Allow("/events") // three days later their sessions have ended
	}

	handed := s.crosses(desk, police, at)
	s.policeSeesNoMore(police, number, handed)
	s.othersLearnNothing(faro, ribera, number)
	s.confirms(desk, handed)
	s.mailTo(oversightMail, 1)

	s.nobodyReviews(police, handed)
	lead := chromium.Tab(t)
	s.signIn(lead, s.link(s.person("Bruno Salas", guard.RoleDutyLead)))
	lead.Go(s.url + "/")
	lead.WaitText("#needs", "Nobody reviewed what crossed to the police: "+handed)
	s.look(lead, "danger/05-alarm-on-the-board")
	s.oversightSees(chromium.Tab(t), overseer.ID, number, handed)
	s.mailTo(policeMail, 2)

	s.signsInAgain(faro, faroMail)
	faro.Go(s.url + "/portal/incidents/" + number)
	faro.WaitText("#portal-story", handed)
	if text := faro.Text("#portal-story"); strings.Contains(text, adjacent) {
		t.Errorf("the owner of a line that crossed sees the neighbour's:\n%s", text)
	}
}

// opens opens an incident with participants and returns its address.
func (s *stage) opens(desk *browser.Tab, title string, with map[string]string) string {
	s.t.Helper()
	desk.Go(s.url + "/incident/incidents/new")
	desk.Fill("[name=title]", title)
	desk.Follow("main form button.btn-primary")
	at := browser.Eval[string](desk, "location.pathname")
	for name, role := range with {
		s.takesPart(desk, at, name, role)
	}
	return at
}

// takesPart adds an organisation to the incident at an address.
func (s *stage) takesPart(desk *browser.Tab, at, name, role string) {
	s.t.Helper()
	desk.Go(s.url + at + "/participants")
	desk.Fill("#add [name=organisation]", name)
	choose(desk, "#add [name=role]", role)
	desk.Follow("#add button[type=submit]")
	desk.WaitText("#participants", name)
}

// tellsTheDesk writes for the desk's eyes alone.
func (s *stage) tellsTheDesk(tab *browser.Tab, number, text string) {
	s.t.Helper()
	tab.Go(s.url + "/portal/incidents/" + number)
	tab.Follow(".alm-portal-take a")
	tab.Fill("[name=text]", text)
	choose(tab, "[name=marking]", "TLP:AMBER+STRICT")
	tab.Follow("button[value=keep]")
	tab.WaitText("#portal-story", text)
}

// tick ticks the box of a choice by its words.
func tick(tab *browser.Tab, group, words string) bool {
	return browser.Eval[bool](tab, `(() => { for (const l of document.querySelectorAll(`+quoted(group+" label")+`)) if (l.innerText.includes(`+quoted(words)+`)) { l.querySelector('input').checked = true; return true } return false })()`)
}

var crossingLink = regexp.MustCompile(`http://\S+/portal/crossings/(ALM-\S+)`)

// crosses hands two lines to the police, which reads them by the link of its mail within
// a minute; it returns the package's number.
func (s *stage) crosses(desk, police *browser.Tab, at string) string {
	s.t.Helper()
	desk.Go(s.url + at)
	desk.Follow(`a[href="` + at + `/danger"]`)
	desk.Fill("[name=why]", "The night guard of the dam: somebody waits for him.")
	if !tick(desk, "#f-entry", threat) || !tick(desk, "#f-entry", camera) {
		s.t.Fatalf("the lines cannot be chosen:\n%s", desk.Text("main"))
	}
	choose(desk, "[name=owners_after]", "24")
	desk.Fill("[name=delay_reason]", "Whoever threatens may work there.")
	s.look(desk, "danger/01-choose-the-lines")
	begun := s.wound.Now()
	desk.Follow("main form button.btn-danger")
	desk.WaitText(".alm-flash", "Call the police now")
	letter := string(s.mailTo(policeMail, 1).Data)
	for _, secret := range []string{threat, camera, adjacent, "dam", "Faro", at} {
		if strings.Contains(letter, secret) {
			s.t.Errorf("the mail to the police says %q in clear:\n%s", secret, letter)
		}
	}
	found := crossingLink.FindStringSubmatch(softBreak.ReplaceAllString(letter, ""))
	if found == nil {
		s.t.Fatalf("the mail to the police has no link:\n%s", letter)
	}
	police.Viewport(360, 800)
	police.Go(found[0])
	police.WaitText("#portal-crossing", threat)
	police.WaitText("#portal-crossing", camera)
	if took := s.wound.Now().Sub(begun); took > time.Minute {
		s.t.Errorf("the lines took %s to reach the police, want a minute at most", took)
	} else {
		s.t.Logf("the lines reached the police in %s", took.Round(time.Millisecond))
	}
	if n := police.Count("#portal-crossing ol > li"); n != 2 {
		s.t.Errorf("the police sees %d lines, want exactly the two that were chosen", n)
	}
	s.look(police, "danger/02-police-reads")
	return found[1]
}

// policeSeesNoMore looks for the incident and the other lines wherever the police can.
func (s *stage) policeSeesNoMore(police *browser.Tab, number, crossing string) {
	s.t.Helper()
	for _, path := range []string{
		"/portal", "/portal/incidents", "/portal/incidents/" + number, "/portal/notices", "/portal/findings", "/portal/crossings", "/portal/crossings/" + crossing,
		"/incident/incidents", "/incident/incidents/" + number, "/incident/search?q=Cabinet", "/incident/search?q=" + number, "/incident/crossings/" + crossing, "/",
	} {
		police.Go(s.url + path)
		body := browser.Eval[string](police, "document.body.innerText")
		for _, secret := range []string{adjacent, "Ribera", "is threatened"} {
			if strings.Contains(body, secret) {
				s.t.Errorf("%s shows the police %q:\n%s", path, secret, body)
			}
		}
		if !strings.HasSuffix(path, number) && strings.Contains(body, number) {
			s.t.Errorf("%s shows the police the number of the incident:\n%s", path, body)
		}
	}
	police.Go(s.url + "/portal/incidents")
	if n := police.Count("#portal-incidents article"); n != 0 {
		s.t.Errorf("the police counts %d incidents, want none", n)
	}
}

// othersLearnNothing: the owner is told later, the neighbour never.
func (s *stage) othersLearnNothing(faro, ribera *browser.Tab, number string) {
	s.t.Helper()
	for name, c := range map[string]struct {
		tab     *browser.Tab
		entries int
	}{"the owner": {faro, 2}, "the neighbour": {ribera, 1}} {
		c.tab.Go(s.url + "/portal/incidents/" + number)
		text := c.tab.Text("#portal-story")
		if n := c.tab.Count("#portal-story ol > li"); n != c.entries || strings.Contains(text, "Cyber Crime Unit") {
			s.t.Errorf("%s sees %d entries, want %d and no word of the police:\n%s", name, n, c.entries, text)
		}
	}
}

// confirms notes what the police said on the phone, at a number of the directory.
func (s *stage) confirms(desk *browser.Tab, crossing string) {
	s.t.Helper()
	desk.Go(s.url + "/incident/crossings/" + crossing)
	desk.WaitText("#call", "+999 555 0110")
	desk.Fill(`form[action$="/call"] [name=name]`, "Irene Campos")
	desk.Fill(`form[action$="/call"] [name=note]`, "A car is on its way.")
	desk.Follow(`form[action$="/call"] button[type=submit]`)
	desk.WaitText(".alm-flash", "The call is noted.")
	desk.WaitText("main", "confirmation · reached")
	desk.WaitText("main", "Irene Campos · +999 555 0110 · A car is on its way.")
	s.look(desk, "danger/03-confirmed-by-phone")
	if n := desk.Count(`form[action$="/review"]`); n != 0 {
		s.t.Error("whoever let the lines cross may review it")
	}
	desk.Go(s.url + "/")
	desk.WaitText("#needs", "Crossing to the police waits for its review")
}

// signsInAgain is a new session of a contact whose last one has ended.
func (s *stage) signsInAgain(tab *browser.Tab, address string) {
	s.t.Helper()
	people, err := s.app.Guard().ByEmail(s.t.Context(), s.read(), address)
	s.check(err)
	tab.Go(s.link(people[0].ID))
	tab.Follow("main button[type=submit]")
}

// nobodyReviews lets 72 hours pass while the police has its page open.
func (s *stage) nobodyReviews(police *browser.Tab, crossing string) {
	s.t.Helper()
	c, err := s.app.Incidents().CrossingNumbered(s.t.Context(), s.read(), crossing)
	s.check(err)
	s.wound.Set(c.ReviewDue.Add(-10 * time.Minute))
	s.signsInAgain(police, policeMail)
	police.Go(s.url + "/portal/crossings/" + crossing)
	police.WaitText("#portal-crossing", threat)
	police.WaitFor("document.getElementById('live').dataset.state === 'on'")
	s.wound.Set(c.ReviewDue.Add(time.Second))
	s.until("silence raises the alarm", func() bool {
		s.check(s.app.Incidents().WatchCrossings(s.t.Context()))
		c, err = s.app.Incidents().Crossing(s.t.Context(), s.read(), c.ID)
		s.check(err)
		return !c.AlarmAt.IsZero() && !c.Open()
	})
	police.WaitText("#portal-crossing", "We have taken this back.")
	for _, gone := range []string{threat, camera} {
		if strings.Contains(police.Text("body"), gone) {
			s.t.Errorf("the police still reads %q", gone)
		}
	}
	s.look(police, "danger/04-closed-for-the-police")
	all, err := s.app.Incidents().Crossings(s.t.Context(), s.read(), incident.CrossingFilter{})
	s.check(err)
	if len(all) != 1 {
		s.t.Errorf("got %d crossings, want one", len(all))
	}
}

// oversightSees: it stands in oversight's list, and the incident stays closed to it.
func (s *stage) oversightSees(tab *browser.Tab, person int64, number, crossing string) {
	s.t.Helper()
	s.signIn(tab, s.link(person))
	tab.Go(s.url + "/incident/crossings")
	tab.WaitText("#crossings", crossing)
	tab.WaitText("#crossings", "ALARM: not reviewed, recalled")
	s.look(tab, "danger/06-oversight")
	for _, path := range []string{"/incident/crossings/" + crossing, "/incident/incidents/" + number, "/incident/search?q=Cabinet"} {
		tab.Go(s.url + path)
		body := browser.Eval[string](tab, "document.body.innerText")
		for _, secret := range []string{threat, adjacent} {
			if strings.Contains(body, secret) {
				s.t.Errorf("%s shows oversight the words %q", path, secret)
			}
		}
	}
}
