package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/browser"
	"almenara.example/tlp"
)

// outage is an incident of three services of one company, with a plan.
func (s *stage) outage(desk act.Actor) (string, incident.Service) {
	s.t.Helper()
	ctx, in, now := s.t.Context(), s.app.Incidents(), s.app.Acts().Clock().Now()
	faro, ok, err := s.app.Guard().OrganisationNamed(ctx, s.read(), "Aguas del Faro")
	if s.check(err); !ok {
		s.t.Fatal("no Aguas del Faro")
	}
	i, err := in.OpenNew(ctx, desk, incident.Incident{Title: "Control system at a water works reached from outside", Severity: incident.High, Marking: tlp.Amber})
	s.check(err)
	_, err = in.AddParticipant(ctx, desk, i.ID, incident.NewParticipant{Org: faro.ID, Role: "affected"})
	s.check(err)
	to := guard.Circle{Orgs: []int64{faro.ID}}
	add := func(name string, people int64, state incident.ServiceState, quality int, ago time.Duration, needs ...int64) incident.Service {
		one, err := in.AddService(ctx, desk, i.ID, incident.NewService{
			Org: faro.ID, Name: name, People: people, Depends: needs, Marking: tlp.Amber, To: to, Now: incident.NewStep{State: state, Quality: quality, At: now.Add(-ago), By: "Plant engineer on shift"},
		})
		s.check(err)
		return one
	}
	set := func(one incident.Service, version int64, state incident.ServiceState, quality int, ago time.Duration, expected time.Time) {
		s.check(in.SetService(ctx, desk, one.ID, incident.NewStep{State: state, Quality: quality, At: now.Add(-ago), By: "Plant engineer on shift", Expected: expected, Version: version}))
	}
	power := add("Power feed, pumping station 3", 0, incident.Down, 0, 30*time.Hour)
	control := add("Remote control of the pumps", 0, incident.Down, 0, 26*time.Hour, power.ID)
	water := add("Drinking water, northern districts", 210_000, incident.Degraded, 60, 28*time.Hour, control.ID, power.ID)
	set(water, 1, incident.Down, 0, 22*time.Hour, time.Time{})
	set(water, 2, incident.Workaround, 85, 9*time.Hour, now.Add(10*time.Hour))
	set(control, 1, incident.Degraded, 30, 12*time.Hour, now.Add(6*time.Hour))
	for n, m := range []struct {
		title   string
		service int64
		due     time.Duration
	}{{"Emergency generator on site", power.ID, -14 * time.Hour}, {"All pumps run by hand", water.ID, -8 * time.Hour}, {"Pumps run by themselves again", control.ID, 6 * time.Hour}, {"Everybody has water", 0, 12 * time.Hour}} {
		e, err := in.AddMilestone(ctx, desk, i.ID, incident.NewMilestone{Title: m.title, Service: m.service, Org: faro.ID, Due: now.Add(m.due), Place: n + 1, Marking: tlp.Amber, To: to})
		s.check(err)
		if n == 1 {
			s.check(in.ReachMilestone(ctx, desk, e.ID, now.Add(-9*time.Hour), "by the night shift", 1))
		}
		if n == 2 {
			s.check(in.MoveMilestone(ctx, desk, e.ID, now.Add(8*time.Hour), "A controller has to be fetched", 1))
		}
	}
	_, err = in.AskResource(ctx, desk, i.ID, incident.NewEntry{Marking: tlp.Amber, Owner: faro.ID, Text: "Two mobile pumps of 50 kW, at station 3, until tonight", To: to})
	s.check(err)
	_, err = in.AddLesson(ctx, desk, i.ID, incident.Lesson{
		Text: "Nobody knew who may cut the remote line.", Action: "Write it on page one of the plan.", Org: faro.ID, Due: now.Add(30 * 24 * time.Hour),
		PeerText: "Decide beforehand who may cut a remote line, and write it where the night shift looks.", PeerMarking: tlp.Green,
	})
	s.check(err)
	return in.Number(i.ID), power
}

// TestARecoveryIsSeenOnThePicture: the desk and the operator look at how services come
// back; the operator says and verifies it on a telephone.
func TestARecoveryIsSeenOnThePicture(t *testing.T) {
	s := open(t, false, parties)
	person := s.person("Carla Vidal", guard.RoleWatchOfficer)
	one, err := s.app.Guard().Person(t.Context(), s.read(), person)
	s.check(err)
	number, power := s.outage(guard.ActorOf(one))
	desk := browser.New(t).Tab(t)
	s.signIn(desk, s.link(person))
	page := s.url + "/incident/incidents/" + number + "/recovery"
	look := func(tab *browser.Tab, name, url string) {
		t.Helper()
		for _, width := range []int64{1280, 360} {
			for _, dark := range []bool{false, true} {
				tab.Viewport(width, 900)
				tab.Dark(dark)
				tab.Go(url)
				tab.Axe()
				tab.NoSidewaysScroll()
				tab.Screenshot(fmt.Sprintf("recovery/%s-%d-%s", name, width, map[bool]string{true: "dark", false: "light"}[dark]))
			}
		}
		tab.Viewport(1280, 900)
		tab.Dark(false)
	}
	look(desk, "desk", page)
	for _, want := range []string{"Waits for Power feed, pumping station 3, which is down.", "2 services wait for it", "missed", "A controller has to be fetched"} {
		if !strings.Contains(desk.Text("main"), want) {
			t.Errorf("the desk's page does not say %q", want)
		}
	}
	if n := desk.Count(".alm-times-plot"); n != 5 {
		t.Errorf("the picture has %d strips, want the milestones, the mean and three services", n)
	}
	look(desk, "lessons", s.url+"/incident/lessons")
	look(desk, "peers", s.url+"/incident/lessons/peers")
	if text := desk.Text("main"); !strings.Contains(text, "night shift looks") || strings.Contains(text, "Nobody knew") {
		t.Errorf("peers read %q", text)
	}
	// A ring is refused beside the field, with what was chosen.
	desk.Go(page)
	own := fmt.Sprint(power.ID)
	browser.Eval[bool](desk, `(document.querySelector("#needs-`+own+`").open = true, document.querySelector("#f-depends-`+own+`").options[0].selected = true)`)
	desk.Allow("422")
	desk.Follow("#needs-" + own + " button[type=submit]")
	if text := desk.Text("#needs-" + own); !strings.Contains(text, "wait for each other without end") {
		t.Errorf("a ring is refused with %q", text)
	}
	desk.Screenshot("recovery/ring")

	plant := s.guest(browser.New(t), "marta@faro.example")
	mine := s.url + "/portal/incidents/" + number + "/recovery"
	look(plant, "portal", mine)
	plant.Viewport(360, 800)
	plant.Go(mine + "?lang=es")
	plant.Screenshot("recovery/portal-es")
	plant.Go(mine + "?lang=en")
	ref := s.app.Incidents().Ref(power.Entry)
	browser.Eval[bool](plant, `(document.querySelector("#`+ref+` details").open = true)`)
	choose(plant, "#"+ref+" select", "restored")
	plant.Follow("#" + ref + " details button[type=submit]")
	plant.Follow("#" + ref + " .alm-portal-take button")
	if text := plant.Text("#" + ref); !strings.Contains(text, "Verified by its operator") {
		t.Errorf("after it is verified the card says %q", text)
	}
	// The desk's refused form hears of it, and stays before its reader's eyes.
	browser.Eval[bool](desk, "new Promise((done) => setTimeout(() => done(true), 1500))")
	if text := desk.Text("#needs-" + own); !strings.Contains(text, "wait for each other without end") {
		t.Errorf("after news the refused form says %q", text)
	}
	desk.Go(page)
	desk.Follow("#service-" + own + " .btn-primary[type=submit]")
	if text := desk.Text("#service-" + own); !strings.Contains(text, "signed off by Carla Vidal") {
		t.Errorf("after the sign-off the card says %q", text)
	}
}
