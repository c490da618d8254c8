package demo

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// The organisations of the demo's incidents.
const (
	plantOrg    = "Aguas del Faro"
	plantHelper = "Guardia Managed Services"
	hospitalOrg = "Hospital del Puerto"
	bankOrg     = "Banco del Faro"
	exchangeOrg = "Faro Internet Exchange"
	policeOrg   = "Atalaya Police, Cyber Crime Unit"
	crisisOrg   = "National Crisis Centre"
	privacyOrg  = "Data Protection Authority"
	waterTeam   = "Water Sector Team"
	peerOrg     = "CERT Borea"
	playerOrg   = "Exercise Island Power"
)

// line is one entry of the demo: how long ago, whose word, to whom.
type line struct {
	back    time.Duration
	kind    incident.Kind
	owner   string // empty: the desk
	by      string
	marking tlp.Marking
	to      []string
	text    string
	sights  []string
	owes    string
	within  time.Duration // of a task or question, from now
}

// affair is an incident of the demo with who takes part and what was written.
type affair struct {
	head  incident.Incident
	parts map[string]incident.Role
	lines []line
}

// incidents opens three living incidents and an exercise.
func (f *filler) incidents(ctx context.Context) error {
	if _, err := f.Guard.AddOrganisation(ctx, f.as(guard.RoleAdministrator), guard.NewOrganisation{Name: playerOrg, Kind: guard.KindOperator, Country: Country, Exercise: true}); err != nil {
		return fmt.Errorf("exercise player: %w", err)
	}
	if err := f.Constituency.Load(ctx); err != nil {
		return err
	}
	now := f.Clock.Now()
	var first incident.Incident
	for n, a := range []affair{waterWorks(), hospital(), flood(), island()} {
		i, err := f.affair(ctx, now, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a.head.Title, err)
		}
		if n == 0 {
			first = i
		}
	}
	if err := f.recovery(ctx, now, first); err != nil {
		return fmt.Errorf("%s: %w", first.Title, err)
	}
	f.Clock.Set(clock.System{}.Now()) // what waits for its time would wait for ever in the past
	if err := f.response(ctx, now, first); err != nil {
		return fmt.Errorf("%s: %w", first.Title, err)
	}
	return f.Settle(ctx)
}

// affair opens one incident and writes it, line by line, at the times at which things
// happened.
func (f *filler) affair(ctx context.Context, now time.Time, a affair) (i incident.Incident, err error) {
	officer := f.as(guard.RoleWatchOfficer)
	f.Clock.Set(now.Add(-a.lines[0].back))
	i, err = f.Incidents.OpenNew(ctx, officer, a.head)
	if err != nil {
		return i, err
	}
	for name, role := range a.parts {
		org, err := f.named(ctx, name)
		if err != nil {
			return i, err
		}
		if _, err := f.Incidents.AddParticipant(ctx, officer, i.ID, incident.NewParticipant{Org: org, Role: role}); err != nil {
			return i, fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, l := range a.lines {
		f.Clock.Set(now.Add(-l.back))
		if err := f.write(ctx, officer, now, i, l); err != nil {
			return i, fmt.Errorf("%q: %w", l.text, err)
		}
	}
	return i, nil
}

func (f *filler) write(ctx context.Context, officer act.Actor, now time.Time, i incident.Incident, l line) (err error) {
	n := incident.NewEntry{Kind: l.kind, By: l.by, Marking: l.marking, Text: l.text}
	if l.owner != "" {
		if n.Owner, err = f.named(ctx, l.owner); err != nil {
			return err
		}
	}
	for _, name := range l.to {
		org, err := f.named(ctx, name)
		if err != nil {
			return err
		}
		n.To.Orgs = append(n.To.Orgs, org)
	}
	for _, s := range l.sights {
		n.Observables = append(n.Observables, incident.NewObservable{Value: s})
	}
	if l.kind == incident.TaskEntry || l.kind == incident.Question || l.kind == incident.Measure {
		n.Task = &incident.NewTask{Due: now.Add(l.within), Org: guard.OwnOrg}
		if l.owes != "" {
			if n.Task.Org, err = f.named(ctx, l.owes); err != nil {
				return err
			}
		}
	}
	_, err = f.Incidents.AddEntry(ctx, officer, i.ID, n)
	return err
}

// named is the id of an organisation.
func (f *filler) named(ctx context.Context, name string) (int64, error) {
	o, ok, err := f.Guard.OrganisationNamed(ctx, f.Acts.Reader(), name)
	if err == nil && !ok {
		err = fmt.Errorf("there is no organisation %q", name)
	}
	return o.ID, err
}

func waterWorks() affair {
	return affair{
		head: incident.Incident{Title: "Control system at a water works reached from outside", Severity: incident.Critical, Marking: tlp.Amber, Class: "system-compromise", Countries: []string{"XA"}},
		parts: map[string]incident.Role{
			plantOrg: "affected", plantHelper: "provider", waterTeam: "sector-team", policeOrg: "police",
		},
		lines: []line{
			{back: 9 * time.Hour, kind: incident.Call, owner: plantOrg, by: "Plant engineer on shift", marking: tlp.AmberStrict, text: "Setpoints of two pumps changed by themselves at 02:41. They run by hand since. Nobody was signed in."},
			{back: 8*time.Hour + 40*time.Minute, kind: incident.Status, marking: tlp.Amber, to: []string{plantOrg, waterTeam}, text: "Pumping station 3 runs by hand. Supply is not interrupted. About 210,000 people depend on it."},
			{back: 8*time.Hour + 20*time.Minute, kind: incident.Question, marking: tlp.Amber, to: []string{plantOrg}, owes: plantOrg, within: 2 * time.Hour, text: "Which remote access reaches station 3, and is it cut?"},
			{back: 7 * time.Hour, kind: incident.TaskEntry, marking: tlp.Amber, to: []string{plantOrg, plantHelper}, owes: plantHelper, within: 90 * time.Minute, text: "Cut the maintenance access to all stations and keep its log."},
			{back: 6*time.Hour + 30*time.Minute, kind: incident.Observable, owner: plantHelper, by: "Night shift, Guardia", marking: tlp.Green, to: []string{plantOrg, waterTeam, policeOrg}, text: "Seen at the maintenance gateway before the change.", sights: []string{"203.0.113.77", "hxxps://update.pumps[.]example/agent", "a3f5c1d2e4b60718293a4b5c6d7e8f901122334455667788990011aabbccddee"}},
			{back: 50 * time.Minute, kind: incident.Decision, marking: tlp.Amber, to: []string{plantOrg, waterTeam}, text: "Stations stay on manual until the gateway is rebuilt. Water quality is measured every hour."},
			{back: 20 * time.Minute, kind: incident.Measure, marking: tlp.Green, to: []string{plantOrg, plantHelper}, owes: plantHelper, within: 4 * time.Hour, text: "Block 203.0.113.77 at the gateway and at the provider."},
		},
	}
}

func hospital() affair {
	return affair{
		head:  incident.Incident{Title: "Files of a hospital made unreadable", Severity: incident.High, Marking: tlp.Amber, Class: "unauthorised-information-modification", Countries: []string{"XA"}},
		parts: map[string]incident.Role{hospitalOrg: "affected", crisisOrg: "crisis-centre", privacyOrg: "data-protection"},
		lines: []line{
			{back: 31 * time.Hour, kind: incident.Note, owner: hospitalOrg, by: "Head of IT", marking: tlp.AmberStrict, text: "Shared drives cannot be opened since 04:00. Admissions work on paper. Intensive care is not concerned."},
			{back: 30 * time.Hour, kind: incident.Status, marking: tlp.Amber, to: []string{hospitalOrg, crisisOrg}, text: "Admissions on paper, planned operations postponed, emergency department open."},
			{back: 22 * time.Hour, kind: incident.TaskEntry, marking: tlp.Amber, to: []string{hospitalOrg}, owes: hospitalOrg, within: 12 * time.Hour, text: "Check that the backups of Sunday can be read on a machine that was never on this network."},
			{back: 3 * time.Hour, kind: incident.Status, owner: hospitalOrg, by: "Head of IT", marking: tlp.Amber, to: []string{crisisOrg, privacyOrg}, text: "Backups can be read. First drives come back tonight. Whether personal data left is not known."},
		},
	}
}

func flood() affair {
	return affair{
		head:  incident.Incident{Title: "Payments slowed by a flood of traffic", Severity: incident.Medium, Marking: tlp.Green, Class: "ddos", Countries: []string{"XA", "XB"}},
		parts: map[string]incident.Role{bankOrg: "affected", exchangeOrg: "support", peerOrg: "peer"},
		lines: []line{
			{back: 5 * time.Hour, kind: incident.Call, owner: bankOrg, by: "Duty manager", marking: tlp.Amber, text: "Card payments take half a minute. Our own line is full since 18:20."},
			{back: 4*time.Hour + 30*time.Minute, kind: incident.Measure, marking: tlp.Green, to: []string{bankOrg, exchangeOrg}, owes: exchangeOrg, within: time.Hour, text: "Filter UDP towards 192.0.2.160/29 at the exchange."},
			{back: 2 * time.Hour, kind: incident.Note, marking: tlp.Green, to: []string{peerOrg, bankOrg}, text: "A part of the traffic comes from networks of your country. The list follows by the usual way; can you have them looked at?"},
		},
	}
}

func island() affair {
	return affair{
		head:  incident.Incident{Title: "Exercise: the island without power", Severity: incident.High, Marking: tlp.Green, Class: "outage", Exercise: true, Countries: []string{"XA"}},
		parts: map[string]incident.Role{playerOrg: "affected"},
		lines: []line{
			{back: 26 * time.Hour, kind: incident.Note, marking: tlp.Green, to: []string{playerOrg}, text: "Exercise. The control room of the island has lost its view of all feeders."},
			{back: 25 * time.Hour, kind: incident.Question, marking: tlp.Green, to: []string{playerOrg}, owes: playerOrg, within: 24 * time.Hour, text: "Exercise. Whom do you call first, and on which number?"},
		},
	}
}
