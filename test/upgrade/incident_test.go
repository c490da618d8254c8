package upgrade

import (
	"context"
	"fmt"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// response is an incident with a bit of everything: since 0.3.0.
func response(ctx context.Context, h *house.House) error {
	in, who := h.App.Incidents(), guard.ActorOf(h.Person(guard.OwnOrg, guard.RoleWatchOfficer))
	who.Roles = []string{guard.RoleWatchOfficer}
	faro, ok, err := h.App.Guard().OrganisationNamed(ctx, h.App.Acts().Reader(), "Aguas del Faro")
	if err != nil || !ok {
		return fmt.Errorf("the water company is not there: %w", err)
	}
	p, err := in.TakeReport(ctx, who, incident.NewReport{Source: incident.ByPhone, Owner: faro.ID, Text: "The pumps of station 3 stand still; 192.0.2.1 asks 203.0.113.9 for orders.", Marking: tlp.Amber})
	if err != nil {
		return err
	}
	i, err := in.OpenFromReport(ctx, who, p.ID, incident.Incident{Title: "Pumps at the works", Severity: incident.High, Marking: tlp.Amber, Class: "system-compromise"}, true)
	if err != nil {
		return err
	}
	to := guard.Circle{Orgs: []int64{faro.ID}}
	for _, n := range []incident.NewEntry{
		{Kind: incident.Note, Marking: tlp.Amber, Text: "The shift called at ten past three.", To: to},
		{Kind: incident.Observable, Marking: tlp.Green, Text: "Seen in the log", To: to, Observables: []incident.NewObservable{{Value: "203.0.113.9"}, {Value: "hxxps://orders.example/a"}}},
		{Kind: incident.Question, Marking: tlp.Amber, Text: "Who has the key of the cabinet?", To: to, Task: &incident.NewTask{Org: faro.ID, Due: h.App.Acts().Clock().Now().Add(time.Hour)}},
		{Kind: incident.Note, Marking: tlp.Amber, Text: "For the desk alone."},
		{Kind: incident.FileEntry, Marking: tlp.Amber, Text: "The log", To: to, Files: []incident.NewFile{{Name: "log.txt", Body: []byte("03:10 pump 3 stopped\n")}}},
	} {
		if _, err := in.AddEntry(ctx, who, i.ID, n); err != nil {
			return fmt.Errorf("%s: %w", n.Text, err)
		}
	}
	return afterwards(ctx, in, who, i.ID, faro.ID)
}

// afterwards is what the law asks, and how the works get well again.
func afterwards(ctx context.Context, in *incident.Incidents, who act.Actor, id, plant int64) error {
	now := in.Acts.Clock().Now()
	if _, err := in.BeginDuty(ctx, who, id, incident.NewDuty{Org: plant, Regime: "nis2", Why: "Drinking water."}); err != nil {
		return err
	}
	if _, err := in.SetAnchor(ctx, who, id, incident.NewAnchor{Org: plant, Event: "awareness", At: now.Add(-time.Hour)}); err != nil {
		return err
	}
	_, err := in.AddService(ctx, who, id, incident.NewService{
		Org: plant, Name: "Drinking water", People: 40_000, Marking: tlp.Amber, To: guard.Circle{Orgs: []int64{plant}},
		Now: incident.NewStep{State: incident.Degraded, Quality: 60, At: now.Add(-time.Hour), By: "Plant engineer on shift"},
	})
	return err
}

// showIncidents tells of each incident what the desk sees of it.
func showIncidents(ctx context.Context, in *incident.Incidents, r sqldb.Reader) (out []string, err error) {
	desk := incident.Viewer{Org: guard.OwnOrg}
	all, err := in.List(ctx, r, desk, incident.Filter{})
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		story, err := in.Story(ctx, r, desk, i.ID)
		if err != nil {
			return nil, err
		}
		// Somebody who owes something is reminded by itself as time goes on.
		story = slices.DeleteFunc(story, func(e incident.Entry) bool { return e.Source == incident.FromMachine })
		clocks, err := in.Clocks(ctx, r, desk, i.ID)
		if err != nil {
			return nil, err
		}
		services, err := in.Services(ctx, r, desk, i.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s %s %s, %d entries, %d services", in.Number(i.ID), i.Title, i.State, len(story), len(services)))
		for _, c := range clocks {
			out = append(out, fmt.Sprintf("%s %s, safe until %s, %s", c.Regime, c.Stage, c.WarnAt.UTC().Format(time.RFC3339), c.State))
		}
	}
	return out, nil
}
