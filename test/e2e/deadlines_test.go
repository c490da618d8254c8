package e2e

import (
	"strings"
	"testing"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/test/browser"
	"almenara.example/tlp"
)

// TestAnOperatorFilesWhatTheLawAsks: the desk says that NIS2 applies and when the company
// became aware; the company sees by when its early warning is due, writes it on a
// telephone, files it, reads what it filed, and files a correction. The desk sees both.
func TestAnOperatorFilesWhatTheLawAsks(t *testing.T) {
	s := open(t, false, parties)
	number := s.aware()
	chromium := browser.New(t)
	phone, wide := s.guest(chromium, "marta@faro.example"), s.guest(browser.New(t), "marta@faro.example")
	phone.Viewport(360, 800)
	wide.Viewport(1280, 1000)
	wide.Go(s.url + "/portal/deadlines?lang=fr")
	wide.WaitText("main", "Rédiger : alerte précoce")
	s.look(wide, "deadlines/01-list-1280-fr")
	wide.Go(s.url + "/portal/deadlines?lang=en")
	for name, tab := range map[string]*browser.Tab{"360": phone, "1280": wide} {
		tab.Go(s.url + "/portal")
		tab.WaitText("main", "2 deadlines by law are running")
		s.look(tab, "deadlines/00-home-"+name)
		tab.Go(s.url + "/portal/incidents/" + number)
		s.look(tab, "deadlines/00-incident-"+name)
		tab.Go(s.url + "/portal/deadlines")
		tab.WaitText("#portal-deadlines", "left")
		s.look(tab, "deadlines/01-list-"+name)
		tab.Follow("#portal-deadlines h3 a")
		tab.WaitText("#portal-deadline", "24 hours after you became aware of it")
		s.look(tab, "deadlines/02-one-"+name)
		tab.Follow(".alm-portal-take a")
		s.look(tab, "deadlines/03-write-"+name)
	}
	phone.Fill("[name=field-contact]", "Control room, +999 555 0101")
	phone.Fill("[name=field-title]", "Valves opened by themselves")
	phone.Follow("button[value=file]")
	phone.WaitText(".alm-flash", "Filed")
	s.look(phone, "deadlines/04-filed-360")
	phone.Follow("#filed a")
	phone.WaitText("#portal-filed", "Valves opened by themselves")
	s.look(phone, "deadlines/05-document-360")

	// The other browser still has the form open: what is typed there is not lost.
	wide.Fill("[name=field-contact]", "Night shift")
	wide.Follow("button[value=file]")
	wide.WaitText("main", "filed for this meanwhile")
	s.look(wide, "deadlines/06-meanwhile-1280")
	if v := browser.Eval[string](wide, `document.querySelector("[name=field-contact]").value`); v != "Night shift" {
		t.Errorf("what was typed is %q", v)
	}
	wide.Follow("button[value=file]")
	wide.WaitText("#filed", "Version 2")
	s.look(wide, "deadlines/07-versions-1280")
	wide.Go(browser.Eval[string](wide, `document.querySelector("#filed a").href`) + "/print?with=es")
	wide.WaitText("main", "Contact for questions / Contacto para consultas")
}

// aware opens an incident with the company, under NIS2, from five hours ago.
func (s *stage) aware() string {
	s.t.Helper()
	ctx, in := s.t.Context(), s.app.Incidents()
	o, ok, err := s.app.Guard().OrganisationNamed(ctx, s.read(), "Aguas del Faro")
	s.check(err)
	if !ok {
		s.t.Fatal("the company is not there")
	}
	p, err := s.app.Guard().Person(ctx, s.read(), s.person("Carla Vidal", guard.RoleDutyLead))
	s.check(err)
	desk := guard.ActorOf(p)
	i, err := in.OpenNew(ctx, desk, incident.Incident{Title: "Control system at a water works reached from outside", Severity: incident.High, Marking: tlp.Amber})
	s.check(err)
	_, err = in.AddParticipant(ctx, desk, i.ID, incident.NewParticipant{Org: o.ID, Role: "affected"})
	s.check(err)
	_, err = in.AddEntry(ctx, desk, i.ID, incident.NewEntry{Kind: incident.Status, Marking: tlp.Amber, Text: "Pumping station 3 runs by hand.", To: guard.Circle{Orgs: []int64{o.ID}}})
	s.check(err)
	_, err = in.BeginDuty(ctx, desk, i.ID, incident.NewDuty{Org: o.ID, Regime: "nis2", Zone: "Europe/Madrid"})
	s.check(err)
	_, err = in.SetAnchor(ctx, desk, i.ID, incident.NewAnchor{Org: o.ID, Event: regime.Awareness, At: s.wound.Now().Add(-5 * time.Hour)})
	s.check(err)
	return strings.TrimSpace(in.Number(i.ID))
}
