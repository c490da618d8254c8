package demo

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// fared is how a service of the demo was from a time on. Who said so by telephone is
// named; the plant's contact says it in the portal herself.
type fared struct {
	back    time.Duration
	state   incident.ServiceState
	quality int
	in      time.Duration // when it is expected back, from now; 0: nobody said
	by      string        // empty: the contact herself
	note    string
}

// hit is a service that was hit, and which of those before it it needs.
type hit struct {
	name   string
	people int64
	needs  []int
	fared  []fared
}

// hits are the services of the water works: one works again and waits for the plant to
// say so, one runs by hand, one waits for that.
func hits() []hit {
	const shift, night = "Plant engineer on shift", "Night shift, Guardia"
	return []hit{
		{name: "Remote control of the pumping stations", fared: []fared{
			{back: 8*time.Hour + 50*time.Minute, state: incident.Down, by: shift, note: "Cut off on purpose: nobody knows who else is in it."},
			{back: 4*time.Hour + 10*time.Minute, state: incident.Degraded, quality: 40, in: -time.Hour, by: night, note: "Levels can be read again. Nothing can be set."},
			{back: 40 * time.Minute, state: incident.Restored, by: night, note: "Rebuilt from the copy of October, behind a new gateway."},
		}},
		{name: "Drinking water, pumping station 3", people: 210_000, needs: []int{0}, fared: []fared{
			{back: 8*time.Hour + 50*time.Minute, state: incident.Degraded, quality: 60, by: shift, note: "Two pumps stand still."},
			{back: 5 * time.Hour, state: incident.Workaround, quality: 85, in: 3 * time.Hour, by: shift, note: "All pumps run by hand."},
		}},
		{name: "Water pressure in the upper town", people: 34_000, needs: []int{1}, fared: []fared{
			{back: 8 * time.Hour, state: incident.Down, by: shift, note: "The high tank ran empty."},
			{back: 4*time.Hour + 30*time.Minute, state: incident.Degraded, quality: 35, by: shift, note: "The tank fills. Ground floors have water."},
			{back: 90 * time.Minute, state: incident.Degraded, quality: 70, in: 5 * time.Hour, note: "Up to the third floor."},
		}},
	}
}

// recovery is how the water works comes back: its services, two stages of the plan, what
// was asked and given, and a lesson.
func (f *filler) recovery(ctx context.Context, now time.Time, i incident.Incident) error {
	plant, err := f.named(ctx, plantOrg)
	if err != nil {
		return err
	}
	team, err := f.named(ctx, waterTeam)
	if err != nil {
		return err
	}
	to := guard.Circle{Orgs: []int64{plant, team}}
	var ids []int64
	for _, h := range hits() {
		n := incident.NewService{Org: plant, Name: h.name, People: h.people, Marking: tlp.Amber, To: to}
		for _, k := range h.needs {
			n.Depends = append(n.Depends, ids[k])
		}
		id, err := f.service(ctx, now, i.ID, n, h.fared)
		if err != nil {
			return fmt.Errorf("service %s: %w", h.name, err)
		}
		ids = append(ids, id)
	}
	if err := f.plan(ctx, now, i.ID, ids); err != nil {
		return fmt.Errorf("milestone: %w", err)
	}
	if err := f.given(ctx, now, i.ID, plant, team); err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	_, err = f.Incidents.AddLesson(ctx, f.as(guard.RoleDutyLead), i.ID, incident.Lesson{
		Text:   "The maintenance access reached every station, and nobody at the plant could cut it alone.",
		Action: "Ask all operators of drinking water who can cut their remote access, at any hour, and within how many minutes.",
		Org:    guard.OwnOrg, Due: now.AddDate(0, 0, 21), PeerMarking: tlp.Green,
		PeerText: "A water operator could not cut its supplier's remote access by itself. Ask yours who holds that switch, and try it once.",
	})
	if err != nil {
		return fmt.Errorf("lesson: %w", err)
	}
	return nil
}

// service names a service and says how it fared, each time when it was said.
func (f *filler) service(ctx context.Context, now time.Time, in int64, n incident.NewService, steps []fared) (int64, error) {
	var s incident.Service
	for k, one := range steps {
		step := incident.NewStep{State: one.state, Quality: one.quality, At: now.Add(-one.back), By: one.by, Note: one.note, Version: s.Version}
		if one.in != 0 {
			step.Expected = now.Add(one.in)
		}
		who := f.as(guard.RoleWatchOfficer)
		if one.by == "" {
			who = f.outside["contact"].actor()
		}
		f.Clock.Set(step.At.Add(4 * time.Minute))
		if k > 0 {
			if err := f.Incidents.SetService(ctx, who, s.ID, step); err != nil {
				return 0, err
			}
			s.Version++
			continue
		}
		var err error
		n.Now = step
		if s, err = f.Incidents.AddService(ctx, who, in, n); err != nil {
			return 0, err
		}
	}
	return s.ID, nil
}

// plan puts two stages: one reached, one that got another time.
func (f *filler) plan(ctx context.Context, now time.Time, in int64, services []int64) error {
	officer, at := f.as(guard.RoleWatchOfficer), func(back time.Duration) time.Time { return now.Add(-back) }
	f.Clock.Set(at(7 * time.Hour))
	view, err := f.Incidents.AddMilestone(ctx, officer, in, incident.NewMilestone{
		Title: "Levels of all stations can be read", Service: services[0], Due: at(3 * time.Hour), Place: 1,
	})
	if err != nil {
		return err
	}
	hand, err := f.Incidents.AddMilestone(ctx, officer, in, incident.NewMilestone{
		Title: "Station 3 runs by remote control again", Service: services[1], Due: at(-time.Hour), Place: 2,
	})
	if err != nil {
		return err
	}
	f.Clock.Set(at(4 * time.Hour))
	if err := f.Incidents.ReachMilestone(ctx, officer, view.ID, at(4*time.Hour+10*time.Minute), "Compared with the gauges on site.", 1); err != nil {
		return err
	}
	f.Clock.Set(at(2 * time.Hour))
	return f.Incidents.MoveMilestone(ctx, officer, hand.ID, at(-3*time.Hour), "A controller was damaged; the spare part arrives by road in the afternoon.", 1)
}

// given is what the plant asked of its sector and got.
func (f *filler) given(ctx context.Context, now time.Time, in, plant, team int64) error {
	officer := f.as(guard.RoleWatchOfficer)
	f.Clock.Set(now.Add(-7*time.Hour - 30*time.Minute))
	asked, err := f.Incidents.AskResource(ctx, officer, in, incident.NewEntry{
		Kind: incident.Note, Owner: plant, By: "Plant engineer on shift", Marking: tlp.Amber, To: guard.Circle{Orgs: []int64{team}},
		Text: "Two tank lorries for the upper town, until its tank is full.",
	})
	if err != nil {
		return err
	}
	for k, to := range []incident.ResourceState{incident.ResourceOffered, incident.ResourceAccepted, incident.ResourceDelivered} {
		f.Clock.Set(now.Add(-7*time.Hour + time.Duration(k)*40*time.Minute))
		if err := f.Incidents.SetResource(ctx, officer, asked.ID, to, team, int64(k)+1); err != nil {
			return err
		}
	}
	return nil
}

// earlyWarning is filed by the plant's contact in the portal; what the law asks next is
// running.
func (f *filler) earlyWarning(ctx context.Context, i incident.Incident) error {
	who := f.outside["contact"].actor()
	clocks, err := f.Incidents.OwnClocks(ctx, f.Acts.Reader(), incident.ViewerOf(who), incident.OwnFilter{Incident: i.ID})
	if err != nil {
		return err
	}
	for _, c := range clocks {
		if c.Regime == "nis2" && c.Stage == "early-warning" {
			return f.fileOwn(ctx, who, c)
		}
	}
	return fmt.Errorf("%s owes no early warning", plantOrg)
}

// fileOwn files a document as the incident fills it, with what only the operator knows.
func (f *filler) fileOwn(ctx context.Context, who act.Actor, c incident.Clock) error {
	answers, version, err := f.Incidents.OwnDocument(ctx, f.Acts.Reader(), incident.ViewerOf(who), c.ID)
	if err != nil {
		return err
	}
	answers["contact"], answers["malicious"] = "Marta Prieto, +999 555 0101", "yes"
	_, err = f.Incidents.FileOwn(ctx, who, c.ID, incident.OwnFiling{Answers: answers, Version: version, Language: "es"})
	return err
}
