package e2e

import (
	"context"
	"strings"
	"testing"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/test/browser"
)

// parties are a water company, the police and a peer team abroad, each with somebody
// who signs in.
func parties(ctx context.Context, s *stage, _ *clock.Wound) error {
	const file = "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_phone,contact_language,contact_position\n" +
		"Aguas del Faro,operator,XA,drinking-water,cidr,192.0.2.0/28,Marta Prieto,marta@faro.example,+999 555 0101,en,1\n" +
		"Cyber Crime Unit,police,XA,,domain,police.example,Irene Campos,irene@police.example,+999 555 0110,en,1\n" +
		"CERT Borea,peer,XB,,domain,cert-borea.example,Léa Morel,lea@cert-borea.example,+998 555 0120,fr,1\n"
	return importOrganisations(ctx, s, file)
}

// guest signs in the contact with a mail address.
func (s *stage) guest(b *browser.Browser, address string) *browser.Tab {
	s.t.Helper()
	people, err := s.app.Guard().ByEmail(s.t.Context(), s.read(), address)
	s.check(err)
	s.check(s.app.Guard().AdmitContact(s.t.Context(), guard.LocalOperator(), people[0].ID))
	tab := b.Tab(s.t)
	tab.Go(s.link(people[0].ID))
	tab.Follow("main button[type=submit]")
	return tab
}

// TestEachSeesItsPart: desk, operator, police and a peer abroad have one incident open in
// four browsers. What the operator tells the desk is not the police's to read; what is
// written to one appears in that one's page alone, while it is open; who is removed
// finds nothing any more.
func TestEachSeesItsPart(t *testing.T) {
	s := open(t, false, parties)
	desk := browser.New(t).Tab(t)
	s.signIn(desk, s.link(s.person("Carla Vidal", guard.RoleWatchOfficer)))
	desk.Viewport(1280, 1000)
	desk.Go(s.url + "/incident/incidents/new")
	desk.Fill("[name=title]", "Control system at a water works reached from outside")
	desk.Follow("main form button.btn-primary")
	at := browser.Eval[string](desk, "location.pathname")
	for name, role := range map[string]string{"Aguas del Faro": "affected", "Cyber Crime Unit": "police", "CERT Borea": "peer"} {
		desk.Go(s.url + at + "/participants")
		desk.Fill("#add [name=organisation]", name)
		choose(desk, "#add [name=role]", role)
		desk.Follow("#add button[type=submit]")
	}
	operator, police, peer := s.guest(browser.New(t), "marta@faro.example"), s.guest(browser.New(t), "irene@police.example"), s.guest(browser.New(t), "lea@cert-borea.example")
	number := at[strings.LastIndex(at, "/")+1:]
	for _, tab := range []*browser.Tab{operator, police, peer} {
		tab.Viewport(360, 800)
		tab.Go(s.url + "/portal/incidents/" + number)
	}
	s.deskWrites(desk, at, "Pumping station 3 runs by hand.", "TLP:AMBER", "Aguas del Faro")
	operator.WaitText("#portal-story", "runs by hand")
	s.deskWrites(desk, at, "Look for 203.0.113.77 in your logs.", "TLP:GREEN", "Cyber Crime Unit", "CERT Borea")
	police.WaitText("#portal-story", "203.0.113.77")
	peer.WaitText("#portal-story", "203.0.113.77")
	s.operatorTells(operator, number)
	desk.Go(s.url + at)
	desk.WaitText("#story", "Nobody was signed in")
	for who, c := range map[string]struct {
		tab     *browser.Tab
		present string
		absent  []string
	}{
		"operator": {operator, "runs by hand", []string{"203.0.113.77"}},
		"police":   {police, "203.0.113.77", []string{"runs by hand", "Nobody was signed in"}},
		"peer":     {peer, "203.0.113.77", []string{"runs by hand", "Nobody was signed in"}},
	} {
		c.tab.Go(s.url + "/portal/incidents/" + number)
		text := c.tab.Text("#portal-story")
		if !strings.Contains(text, c.present) {
			t.Errorf("%s does not see %q:\n%s", who, c.present, text)
		}
		for _, a := range c.absent {
			if strings.Contains(text, a) {
				t.Errorf("%s sees %q:\n%s", who, a, text)
			}
		}
		s.look(c.tab, "parts-"+who)
	}
	s.look(desk, "parts-desk")
	desk.Go(s.url + at + "/participants")
	desk.Follow("#participants tr:has(a[href*='organisations']):nth-child(3) a[href$='/remove']")
	gone := desk.Text("h1")
	desk.Fill("[name=reason]", "It is not concerned after all.")
	desk.Follow("main form button.btn-danger")
	for name, tab := range map[string]*browser.Tab{"Aguas del Faro": operator, "Cyber Crime Unit": police, "CERT Borea": peer} {
		if strings.Contains(gone, name) {
			tab.WaitFor("!document.querySelector('#portal-story') || !document.querySelector('#portal-story').innerText.includes('203.0.113.77')")
			tab.Go(s.url + "/portal/incidents")
			if text := tab.Text("main"); strings.Contains(text, number) {
				t.Errorf("%s still finds %s", name, number)
			}
		}
	}
}

// deskWrites writes an entry for some, after having looked who would see it.
func (s *stage) deskWrites(desk *browser.Tab, at, text, marking string, to ...string) {
	s.t.Helper()
	desk.Go(s.url + at)
	desk.Fill("[name=text]", text)
	choose(desk, "[name=marking]", marking)
	for _, name := range to {
		browser.Eval[bool](desk, `(() => { for (const l of document.querySelectorAll('#f-audience label')) if (l.innerText.trim() === `+quoted(name)+`) { l.querySelector('input').checked = true; return true } return false })()`)
	}
	desk.Follow("button[value=look]")
	desk.WaitText("#willsee", to[0])
	desk.Follow("button[value=keep]")
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "\\'") + "'" }

// operatorTells writes for the desk's eyes alone.
func (s *stage) operatorTells(operator *browser.Tab, number string) {
	s.t.Helper()
	operator.Go(s.url + "/portal/incidents/" + number)
	operator.Follow(".alm-portal-take a")
	operator.Fill("[name=text]", "Setpoints changed by themselves. Nobody was signed in.")
	choose(operator, "[name=marking]", "TLP:AMBER+STRICT")
	operator.Follow("button[value=look]")
	s.look(operator, "parts-operator-writes")
	operator.Follow("button[value=keep]")
}
