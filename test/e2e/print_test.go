package e2e

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/browser"
	"almenara.example/tlp"
)

// TestPaperShowsAllAndNoMore prints what people take along or file, on A4 and without
// colours: each sheet says its marking, of what it is and as of when; nothing to press is
// on it, nothing is folded away or cut off.
func TestPaperShowsAllAndNoMore(t *testing.T) {
	s := open(t, false, atalaya)
	ctx, in := t.Context(), s.app.Incidents()
	all, err := in.List(ctx, s.read(), incident.Viewer{Org: guard.OwnOrg}, incident.Filter{})
	s.check(err)
	water := all[len(all)-1]
	draft, err := in.DraftSitrep(ctx, s.read(), incident.Viewer{Org: guard.OwnOrg}, water.ID, "en")
	s.check(err)
	draft.Title, draft.Marking, draft.Incident = water.Title, tlp.Amber, water.ID
	report, err := in.WriteSitrep(ctx, s.officer(), draft, 0)
	s.check(err)
	filed, err := in.Filings(ctx, s.read(), incident.Viewer{Org: guard.OwnOrg}, water.ID)
	s.check(err)

	tab := browser.New(t).Tab(t)
	s.signIn(tab, s.link(s.person("Marta Ibarra", guard.RoleDutyLead, guard.RoleWatchOfficer)))
	at, number := "/incident/incidents/"+in.Number(water.ID), in.Number(water.ID)
	for name, one := range map[string]struct {
		path string
		want []string
	}{
		"recovery": {at + "/recovery", []string{number, "TLP:AMBER", "Remote control of the pumping stations", "LOST, IN HOURS", "spare part"}},
		"lessons":  {"/incident/lessons/peers", []string{"TLP:GREEN", "Ask yours who holds that switch"}},
		"sitrep":   {fmt.Sprintf("%s/sitreps/%d/print", at, report.Version), []string{number, "TLP:AMBER"}},
		"filed":    {"/incident/filings/" + strconv.FormatInt(filed[0].ID, 10) + "/print?with=fr", []string{number, "TLP:AMBER", "Marta Prieto"}},
		"playbook": {"/incident/playbooks/ransomware", nil},
	} {
		t.Run(name, func(t *testing.T) { s.onPaper(t, tab, name, one.path, one.want) })
	}
	s.visit(tab, s.contact().ID)
	t.Run("portal", func(t *testing.T) {
		clock := filed[0].Clock
		s.onPaper(t, tab, "portal-filed", "/portal/deadlines/"+in.ClockRef(clock)+"/filed/1/print", []string{number, "TLP:AMBER", "Marta Prieto"})
		s.onPaper(t, tab, "portal-recovery", "/portal/incidents/"+number+"/recovery", []string{number, "Remote control"})
	})
}

// onPaper prints a page and says what is amiss on it.
func (s *stage) onPaper(t *testing.T, tab *browser.Tab, name, path string, want []string) {
	t.Helper()
	tab.Go(s.url + path)
	if browser.Eval[int](tab, `performance.getEntriesByType("navigation")[0].responseStatus`) != 200 {
		t.Fatalf("%s does not answer", path)
	}
	tab.Paper(true)
	defer tab.Paper(false)
	got := browser.Eval[struct {
		Text, Press string
		Wide        int
	}](tab, `({Text: document.body.innerText, Wide: document.documentElement.scrollWidth - innerWidth,
		Press: [...document.querySelectorAll("nav, button, input, select, textarea, .btn, .alm-top, .alm-rail")].filter(e => e.checkVisibility() && e.getClientRects().length > 0).map(e => e.outerHTML.slice(0, 120)).join("\n")})`)
	if got.Press != "" {
		t.Errorf("paper has on it what can only be pressed:\n%s", got.Press)
	}
	if got.Wide > 0 {
		t.Errorf("%d px are cut off at the side", got.Wide)
	}
	for _, w := range append(want, "UTC") {
		if !strings.Contains(got.Text, w) {
			t.Errorf("paper lacks %q:\n%s", w, got.Text)
		}
	}
	file := tab.PDF("print/" + name)
	body, err := os.ReadFile(file)
	s.check(err)
	if !bytes.HasPrefix(body, []byte("%PDF")) {
		t.Errorf("%s is no PDF", file)
	}
	if os.Getenv("ALMENARA_ARTEFACTS") != "" {
		tab.Screenshot("print/" + name)
	}
}

// visit lets somebody into the portal, a minute later: who comes in again and again within
// one is kept waiting.
func (s *stage) visit(tab *browser.Tab, person int64) {
	s.t.Helper()
	s.wound.Set(s.wound.Now().Add(time.Minute))
	tab.Go(s.link(person))
	tab.Follow("main button[type=submit]")
	tab.WaitURL("/portal")
}

// contact is who comes to the demo's portal for an operator.
func (s *stage) contact() guard.Person {
	s.t.Helper()
	ps, err := s.app.Guard().Persons(s.t.Context(), s.read(), guard.PersonFilter{Role: guard.RoleContact, Limit: 500})
	s.check(err)
	for _, p := range ps {
		if p.Name == "Marta Prieto" {
			return p
		}
	}
	s.t.Fatal("the demo has no Marta Prieto")
	return guard.Person{}
}
