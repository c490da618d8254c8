package portal

import (
	"context"
	"net/url"
	"slices"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// RecoveryDoc is how the services of an incident come back, as far as the reader sees
// it. What hangs on the time of day is for the page to say.
type RecoveryDoc struct {
	IncidentLine
	Services   []ServiceLine   `json:"services"` // each after what it needs
	Milestones []MilestoneLine `json:"milestones"`
	Resources  []ResourceLine  `json:"resources"`
	Orgs       []Choice        `json:"orgs,omitempty"`
	People     []Choice        `json:"people,omitempty"`
}

// ServiceLine is one service. Ref is of the entry that named it.
type ServiceLine struct {
	Ref     string     `json:"ref"`
	Name    string     `json:"name"`
	Owner   string     `json:"owner"`
	Mine    bool       `json:"mine,omitempty"`
	People  int64      `json:"people,omitempty"`
	Needs   []NeedLine `json:"needs,omitempty"`
	Holds   int        `json:"holds,omitempty"` // how many wait for it
	First   bool       `json:"first,omitempty"` // others wait, and nothing that it needs is missing
	Signed  time.Time  `json:"signed,omitzero"`
	Version int64      `json:"version"`
	Steps   []StepLine `json:"steps"` // oldest first, at least one
}

// Now is how the service fares.
func (s ServiceLine) Now() StepLine { return s.Steps[len(s.Steps)-1] }

// Waits names what the service needs and is down.
func (s ServiceLine) Waits() (names []string) {
	for _, n := range s.Needs {
		if incident.ServiceState(n.State) == incident.Down {
			names = append(names, n.Name)
		}
	}
	return names
}

// NeedLine is a service that another needs.
type NeedLine struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Quality int    `json:"quality"`
}

// StepLine is how a service fares from a time on, and who said so.
type StepLine struct {
	State    string    `json:"state"`
	Quality  int       `json:"quality"`
	At       time.Time `json:"at"`
	Expected time.Time `json:"expected,omitzero"`
	By       string    `json:"by,omitempty"`
}

// MilestoneLine is a stage of the recovery.
type MilestoneLine struct {
	Ref     string      `json:"ref"`
	Title   string      `json:"title"`
	Service string      `json:"service,omitempty"` // Ref of it; empty: the whole incident
	Owner   string      `json:"owner,omitempty"`
	Mine    bool        `json:"mine,omitempty"` // the reader's organisation may say something of it
	State   string      `json:"state"`
	Due     time.Time   `json:"due"`
	Reached time.Time   `json:"reached,omitzero"`
	Result  string      `json:"result,omitempty"`
	Version int64       `json:"version"`
	Moves   []MovedLine `json:"moves,omitempty"`
}

// Standing is where it stands at a time.
func (m *MilestoneLine) Standing(now time.Time) incident.Standing {
	x := incident.Milestone{Task: incident.Task{State: incident.TaskState(m.State), Due: m.Due, DoneAt: m.Reached}}
	return x.Standing(now)
}

// MovedLine is that it was due at another time before.
type MovedLine struct {
	Was    time.Time `json:"was"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// ResourceLine is what one participant asks of others.
type ResourceLine struct {
	Ref     string    `json:"ref"`
	Text    string    `json:"text"`
	AskedBy string    `json:"asked_by"`
	GivenBy string    `json:"given_by,omitempty"`
	State   string    `json:"state"`
	Changed time.Time `json:"changed"`
	Next    []string  `json:"next,omitempty"` // what the reader may say of it
	Version int64     `json:"version"`
}

// recoveryParts: the head, and each entry that speaks of a service, a milestone or a
// resource.
func (p *Portal) recoveryParts(ctx context.Context, a ask) ([]guard.Part, error) {
	all, err := p.incidentParts(ctx, a)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{lineRef(a.thing.ID): true}
	steps, err := p.Incidents.Steps(ctx, a.r, a.viewer(), a.thing.ID)
	for _, s := range steps {
		wanted[entryRef(s.Entry)] = true
	}
	if err != nil {
		return nil, err
	}
	milestones, err := p.Incidents.Milestones(ctx, a.r, a.viewer(), a.thing.ID)
	for k := range milestones {
		wanted[entryRef(milestones[k].Entry)] = true
	}
	if err != nil {
		return nil, err
	}
	resources, err := p.Incidents.Resources(ctx, a.r, a.viewer(), a.thing.ID)
	for _, q := range resources {
		wanted[entryRef(q.Entry)] = true
	}
	return slices.DeleteFunc(all, func(part guard.Part) bool { return !wanted[part.Ref] }), err
}

func (p *Portal) renderRecovery(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return v, err
	}
	if !ok[lineRef(i.ID)] {
		return v, notFound()
	}
	d := RecoveryDoc{IncidentLine: p.incidentLine(a, &i), Milestones: []MilestoneLine{}, Resources: []ResourceLine{}}
	if d.Services, err = p.serviceLines(ctx, a, ok, i.ID); err != nil {
		return v, err
	}
	milestones, err := p.Incidents.Milestones(ctx, a.r, a.viewer(), i.ID)
	if err != nil {
		return v, err
	}
	services, err := p.Incidents.Services(ctx, a.r, a.viewer(), i.ID)
	if err != nil {
		return v, err
	}
	for k := range milestones {
		if ok[entryRef(milestones[k].Entry)] {
			d.Milestones = append(d.Milestones, p.milestoneLine(a, ok, &milestones[k], services))
		}
	}
	resources, err := p.Incidents.Resources(ctx, a.r, a.viewer(), i.ID)
	if err != nil {
		return v, err
	}
	for _, q := range resources {
		if !ok[entryRef(q.Entry)] {
			continue
		}
		l := ResourceLine{
			Ref: p.Incidents.Ref(q.Entry), Text: q.Text, AskedBy: p.orgName(q.AskedBy), GivenBy: p.orgName(q.GivenBy), State: string(q.State), Changed: q.ChangedAt, Version: q.Version,
		}
		for _, to := range q.NextFor(a.to.Org) {
			l.Next = append(l.Next, string(to))
		}
		d.Resources = append(d.Resources, l)
	}
	if d.Orgs, d.People, err = p.choices(ctx, a.r, a.viewer(), &i, guard.Circle{}); err != nil {
		return v, err
	}
	return asJSON(d)
}

// serviceLines are the services of an incident by what was cleared.
func (p *Portal) serviceLines(ctx context.Context, a ask, ok cleared, id int64) (out []ServiceLine, err error) {
	services, err := p.Incidents.Services(ctx, a.r, a.viewer(), id)
	if err != nil {
		return nil, err
	}
	steps, err := p.Incidents.Steps(ctx, a.r, a.viewer(), id)
	if err != nil {
		return nil, err
	}
	steps = slices.DeleteFunc(steps, func(s incident.Step) bool { return !ok[entryRef(s.Entry)] })
	var shown []incident.Service
	for _, s := range services {
		mine := incident.StepsOf(steps, s.ID)
		if !ok[entryRef(s.Entry)] || len(mine) == 0 {
			continue
		}
		s.Now = mine[len(mine)-1]
		s.State, s.Quality = s.Now.State, s.Now.Quality
		shown = append(shown, s)
	}
	teller := p.storyteller(a, ok)
	out = []ServiceLine{}
	for _, w := range incident.InOrder(shown) {
		l := ServiceLine{
			Ref: p.Incidents.Ref(w.Entry), Name: w.Name, Owner: p.orgName(w.Org), Mine: w.Org == a.to.Org, People: w.People, First: w.First, Signed: w.SignedAt, Version: w.Version,
		}
		if !w.State.Back() {
			l.Holds = w.Holds
		}
		for _, n := range w.Needs {
			l.Needs = append(l.Needs, NeedLine{n.Name, string(n.State), n.Quality})
		}
		for _, s := range incident.StepsOf(steps, w.ID) {
			one := StepLine{State: string(s.State), Quality: s.Quality, At: s.At, Expected: s.Expected, By: s.By}
			if id, wrote := incident.AuthorOf(&incident.Entry{Author: s.Author}); wrote && one.By == "" {
				who, err := teller.person(ctx, id)
				if err != nil {
					return nil, err
				}
				one.By = who.Name
			}
			l.Steps = append(l.Steps, one)
		}
		out = append(out, l)
	}
	return out, nil
}

func (p *Portal) milestoneLine(a ask, ok cleared, m *incident.Milestone, services []incident.Service) MilestoneLine {
	l := MilestoneLine{
		Ref: p.Incidents.Ref(m.Entry), Title: m.Title, Owner: p.orgName(m.Org), Mine: m.Org == a.to.Org, State: string(m.State), Due: m.Due, Reached: m.DoneAt, Result: m.Result, Version: m.Version,
	}
	for _, s := range services {
		if s.ID == m.Service && ok[entryRef(s.Entry)] {
			l.Service = p.Incidents.Ref(s.Entry)
		}
	}
	for _, x := range m.Moves {
		l.Moves = append(l.Moves, MovedLine{x.Was, x.At, x.Reason})
	}
	return l
}

// ShowRecovery is the page of the recovery of an incident.
func (p *Portal) ShowRecovery(ctx context.Context, w Who, number string) (parcel guard.Parcel, err error) {
	i, err := p.IncidentOf(ctx, w, number)
	if err != nil {
		return parcel, err
	}
	return p.Release(ctx, w, KindRecovery, i.ID, url.Values{})
}

// NumberOf is the number of the incident of an entry that a reader sees.
func (p *Portal) NumberOf(ctx context.Context, w Who, ref string) (string, error) {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return "", err
	}
	return p.Incidents.Number(e.Incident), nil
}

// SetService says how a service of the reader's organisation fares.
func (p *Portal) SetService(ctx context.Context, w Who, ref string, n incident.NewStep) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	s, err := p.Incidents.ServiceNamedBy(ctx, p.read, viewerOf(w), e.ID)
	if err != nil {
		return hidden(err)
	}
	return p.Incidents.SetService(ctx, w.Actor, s.ID, n)
}

// AddService names a service of the reader's organisation that is hit.
func (p *Portal) AddService(ctx context.Context, w Who, number string, n incident.NewService, x Writing) error {
	i, m, c, err := p.written(ctx, w, number, x)
	if err != nil {
		return err
	}
	n.Org, n.Marking, n.To = w.Actor.Org, m, c
	_, err = p.Incidents.AddService(ctx, w.Actor, i.ID, n)
	return err
}

// AskFor asks others in an incident for something.
func (p *Portal) AskFor(ctx context.Context, w Who, number string, x Writing) error {
	i, m, c, err := p.written(ctx, w, number, x)
	if err != nil {
		return err
	}
	_, err = p.Incidents.AskResource(ctx, w.Actor, i.ID, incident.NewEntry{Marking: m, To: c, Text: x.Text})
	return err
}

// written reads marking and circle of what is written into an incident.
func (p *Portal) written(ctx context.Context, w Who, number string, x Writing) (i incident.Incident, m tlp.Marking, c guard.Circle, err error) {
	if i, err = p.IncidentOf(ctx, w, number); err != nil {
		return i, m, c, err
	}
	n, err := p.newEntry(ctx, w, &i, Writing{Kind: incident.Note, Text: x.Text, Marking: x.Marking, Orgs: x.Orgs, People: x.People})
	return i, n.Marking, n.To, err
}

// SetResource says how far something that was asked for has come.
func (p *Portal) SetResource(ctx context.Context, w Who, ref string, to incident.ResourceState, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return hidden(p.Incidents.SetResource(ctx, w.Actor, e.ID, to, 0, version))
}

// ReachMilestone says that a milestone is reached.
func (p *Portal) ReachMilestone(ctx context.Context, w Who, ref string, at time.Time, result string, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return p.Incidents.ReachMilestone(ctx, w.Actor, e.ID, at, result, version)
}

// MoveMilestone gives a milestone another time.
func (p *Portal) MoveMilestone(ctx context.Context, w Who, ref string, due time.Time, reason string, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return p.Incidents.MoveMilestone(ctx, w.Actor, e.ID, due, reason, version)
}
