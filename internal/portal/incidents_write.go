package portal

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Writing is what a reader writes into an incident. Orgs and People are UIDs of those to
// whom it is shown besides the team and the own organisation.
type Writing struct {
	Kind        incident.Kind
	Text        string
	Marking     string
	Orgs        []string
	People      []string
	Asked       string // UID of who is asked, for a question; empty: the team
	Due         time.Time
	Observables []incident.NewObservable
	Files       []incident.NewFile
}

// PortalKinds lists the kinds of entries that people outside write.
func PortalKinds() []incident.Kind {
	return []incident.Kind{incident.Note, incident.Status, incident.Measure, incident.Question}
}

// known are those of whom a reader may know in an incident.
type known struct {
	orgs    []guard.Organisation // but for the team and the own one
	persons []guard.Person
}

// knownIn reads whom somebody may know: the lead, those who see an entry that he sees and
// take part now, whoever wrote one, and colleagues.
func (p *Portal) knownIn(ctx context.Context, r sqldb.Reader, v incident.Viewer, i *incident.Incident, es []incident.Entry) (k known, err error) {
	reach, err := p.Incidents.ReachOf(ctx, r, i.ID)
	if err != nil {
		return k, err
	}
	c := guard.Circle{Orgs: []int64{i.Lead}}
	audiences := map[guard.Audience]bool{}
	for n := range es {
		if id, ok := incident.AuthorOf(&es[n]); ok {
			c.Persons = append(c.Persons, id)
		}
		audiences[es[n].Audience] = true
	}
	for a := range audiences {
		one, err := p.Guard.CircleOf(ctx, r, a)
		if err != nil {
			return k, err
		}
		c = c.With(one)
	}
	for _, org := range reach.Orgs(guard.Circle{}.With(c)) {
		if org == guard.OwnOrg || org == v.Org {
			continue
		}
		o, err := p.Guard.Organisation(ctx, r, org)
		if err != nil {
			return k, err
		}
		k.orgs = append(k.orgs, o)
	}
	k.persons, err = p.knownPersons(ctx, r, v, reach, guard.Circle{}.With(c).Persons)
	return k, err
}

func (p *Portal) knownPersons(ctx context.Context, r sqldb.Reader, v incident.Viewer, reach *incident.Reach, ids []int64) (out []guard.Person, err error) {
	if reach.Whole(v.Org) { // colleagues take part as the reader does
		own, err := p.Guard.Persons(ctx, r, guard.PersonFilter{Org: v.Org, Limit: 50})
		if err != nil {
			return nil, err
		}
		for _, one := range own {
			ids = append(ids, one.ID)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		one, err := p.Guard.Person(ctx, r, id)
		if fault.CodeOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if id != v.Person && one.Active && reach.Person(one.Org, id) {
			out = append(out, one)
		}
	}
	return out, nil
}

// knownNow reads whom a reader may know in an incident by what he sees there.
func (p *Portal) knownNow(ctx context.Context, r sqldb.Reader, v incident.Viewer, i *incident.Incident) (known, error) {
	es, err := p.Incidents.Story(ctx, r, v, i.ID)
	if err != nil {
		return known{}, err
	}
	return p.knownIn(ctx, r, v, i, es)
}

// choices lists to whom a reader can show something; those of c are chosen now.
func (p *Portal) choices(ctx context.Context, r sqldb.Reader, v incident.Viewer, i *incident.Incident, c guard.Circle) (orgs, people []Choice, err error) {
	k, err := p.knownNow(ctx, r, v, i)
	for _, o := range k.orgs {
		orgs = append(orgs, Choice{UID: o.UID, Name: o.Name, Now: slices.Contains(c.Orgs, o.ID)})
	}
	for _, one := range k.persons {
		people = append(people, Choice{UID: one.UID, Name: one.Name, Of: p.orgName(one.Org), Now: slices.Contains(c.Persons, one.ID)})
	}
	return orgs, people, err
}

// circle reads a choice: only of those whom the reader may know. Anybody else is refused
// alike, whether he takes part or not.
func (p *Portal) circle(ctx context.Context, w Who, i *incident.Incident, orgs, people []string) (c guard.Circle, err error) {
	k, err := p.knownNow(ctx, p.read, viewerOf(w), i)
	if err != nil {
		return c, err
	}
	for _, uid := range orgs {
		n := slices.IndexFunc(k.orgs, func(o guard.Organisation) bool { return o.UID == uid })
		if n < 0 {
			return c, fault.OnField("audience", "portal.incident.who.unknown", nil)
		}
		c.Orgs = append(c.Orgs, k.orgs[n].ID)
	}
	for _, uid := range people {
		n := slices.IndexFunc(k.persons, func(o guard.Person) bool { return o.UID == uid })
		if n < 0 {
			return c, fault.OnField("audience", "portal.incident.who.unknown", nil)
		}
		c.Persons = append(c.Persons, k.persons[n].ID)
	}
	return c, nil
}

// entry makes an entry of what was written.
func (p *Portal) newEntry(ctx context.Context, w Who, i *incident.Incident, x Writing) (n incident.NewEntry, err error) {
	if !slices.Contains(PortalKinds(), x.Kind) {
		return n, fault.OnField("kind", "incident.kind.unknown", fault.Args{"Value": fault.Clip(string(x.Kind))})
	}
	m, err := tlp.Parse(x.Marking)
	if err != nil {
		return n, fault.OnField("marking", "incident.marking.unknown", nil)
	}
	c, err := p.circle(ctx, w, i, x.Orgs, x.People)
	if err != nil {
		return n, err
	}
	n = incident.NewEntry{Kind: x.Kind, Marking: m, To: c, Text: x.Text, Observables: x.Observables, Files: x.Files}
	switch x.Kind {
	case incident.Question:
		n.Task = &incident.NewTask{Org: guard.OwnOrg, Due: x.Due}
		if x.Asked != "" {
			asked, err := p.circle(ctx, w, i, []string{x.Asked}, nil)
			if err != nil {
				return n, err
			}
			n.Task.Org = asked.Orgs[0]
			if m != tlp.Red { // then the persons who are named owe it
				n.To = n.To.With(asked)
			}
		}
	case incident.Measure:
		n.Task = &incident.NewTask{Org: w.Actor.Org, Due: x.Due}
	}
	return n, nil
}

// Write puts what a reader wrote into an incident.
func (p *Portal) Write(ctx context.Context, w Who, number string, x Writing) error {
	i, err := p.IncidentOf(ctx, w, number)
	if err != nil {
		return err
	}
	n, err := p.newEntry(ctx, w, &i, x)
	if err != nil {
		return err
	}
	_, err = p.Incidents.AddEntry(ctx, w.Actor, i.ID, n)
	return hidden(err)
}

// ShowWrite is the page to write into an incident, with exactly who will see what is
// written when look is set. The parcel is KindWrite's.
func (p *Portal) ShowWrite(ctx context.Context, w Who, number string, x Writing, look bool) (parcel guard.Parcel, err error) {
	i, err := p.IncidentOf(ctx, w, number)
	if err != nil {
		return parcel, err
	}
	q := url.Values{}
	if look {
		n, err := p.newEntry(ctx, w, &i, x)
		if err != nil {
			return parcel, err
		}
		c, err := p.Incidents.WhoWillSee(ctx, p.read, w.Actor, i.ID, w.Actor.Org, n.Marking, n.To)
		if err != nil {
			return parcel, err
		}
		q.Set("look", n.Marking.String())
		for _, org := range c.Orgs {
			q.Add("org", strconv.FormatInt(org, 10))
		}
		for _, id := range c.Persons {
			q.Add("person", strconv.FormatInt(id, 10))
		}
	}
	return p.Release(ctx, w, KindWrite, i.ID, q)
}

// WriteDoc is the form in which somebody writes into an incident, and who will see it.
type WriteDoc struct {
	IncidentLine
	Orgs    []Choice `json:"orgs"`
	People  []Choice `json:"people"`
	Look    string   `json:"look,omitempty"` // marking of what was looked at
	WillSee []Choice `json:"will_see,omitempty"`
}

// headParts is the head alone.
func (p *Portal) headParts(ctx context.Context, a ask) ([]guard.Part, error) {
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), a.thing.ID)
	return []guard.Part{headPart(a, &i)}, hidden(err)
}

func (p *Portal) renderWrite(ctx context.Context, a ask, _ cleared) (v guard.View, err error) {
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return v, err
	}
	d := WriteDoc{IncidentLine: p.incidentLine(a, &i), Look: a.query.Get("look")}
	if d.Orgs, d.People, err = p.choices(ctx, a.r, a.viewer(), &i, guard.Circle{}); err != nil {
		return v, err
	}
	for _, s := range a.query["org"] {
		if id, err := strconv.ParseInt(s, 10, 64); err == nil {
			d.WillSee = append(d.WillSee, Choice{Name: p.orgName(id)})
		}
	}
	for _, s := range a.query["person"] {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			continue
		}
		one, err := p.Guard.Person(ctx, a.r, id)
		if err != nil {
			return v, err
		}
		d.WillSee = append(d.WillSee, Choice{Name: one.Name, Of: p.orgName(one.Org)})
	}
	return asJSON(d)
}

// AnswerQuestion answers what the reader's organisation is asked.
func (p *Portal) AnswerQuestion(ctx context.Context, w Who, ref, text string, files []incident.NewFile) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	_, err = p.Incidents.AnswerQuestion(ctx, w.Actor, e.ID, incident.NewEntry{Marking: e.Marking, Text: text, Files: files})
	return err
}

// SetTask says where a task or countermeasure stands.
func (p *Portal) SetTask(ctx context.Context, w Who, ref string, to incident.TaskState, result string, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return p.Incidents.SetTask(ctx, w.Actor, e.ID, to, result, version)
}

// EditEntry puts other words into an entry of the reader's organisation.
func (p *Portal) EditEntry(ctx context.Context, w Who, ref, text string, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return p.Incidents.EditEntry(ctx, w.Actor, e.ID, version, text)
}

// Retract takes an entry of the reader's organisation back.
func (p *Portal) Retract(ctx context.Context, w Who, ref, reason string, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	return p.Incidents.Retract(ctx, w.Actor, e.ID, version, reason)
}

// Share sets anew who sees an entry of the reader's organisation.
func (p *Portal) Share(ctx context.Context, w Who, ref string, x Writing, reason string, version int64) error {
	e, err := p.EntryOf(ctx, w, ref)
	if err != nil {
		return err
	}
	m, err := tlp.Parse(x.Marking)
	if err != nil {
		return fault.OnField("marking", "incident.marking.unknown", nil)
	}
	i, err := p.Incidents.Incident(ctx, p.read, viewerOf(w), e.Incident)
	if err != nil {
		return hidden(err)
	}
	c, err := p.circle(ctx, w, &i, x.Orgs, x.People)
	if err != nil {
		return err
	}
	return p.Incidents.Share(ctx, w.Actor, e.ID, version, m, c, reason)
}

// AnswerLead accepts or declines the lead that is offered to the reader's organisation.
func (p *Portal) AnswerLead(ctx context.Context, w Who, number string, accept bool) error {
	i, err := p.IncidentOf(ctx, w, number)
	if err != nil {
		return err
	}
	return hidden(p.Incidents.AnswerLead(ctx, w.Actor, i.ID, accept))
}
