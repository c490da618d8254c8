package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// IncidentLine is an incident's head, which everybody who takes part sees.
type IncidentLine struct {
	Number   string    `json:"number"`
	Title    string    `json:"title"`
	State    string    `json:"state"`
	Severity string    `json:"severity"`
	Marking  string    `json:"marking"`
	Lead     string    `json:"lead"`
	Opened   time.Time `json:"opened"`
	Closed   time.Time `json:"closed,omitzero"`
	Ended    string    `json:"ended,omitempty"` // how it ended
	Offered  bool      `json:"lead_offered,omitempty"`
	URL      string    `json:"url"`
}

// IncidentsDoc is what the reader owes in incidents, and in which he takes part.
type IncidentsDoc struct {
	Owed      []EntryLine    `json:"owed"`
	Incidents []IncidentLine `json:"incidents"`
	Older     string         `json:"older,omitempty"`
}

// IncidentDoc is one incident as far as the reader sees it.
type IncidentDoc struct {
	IncidentLine
	With  []string    `json:"with"` // who takes part, as far as he may know
	Owed  []EntryLine `json:"owed"`
	Story []EntryLine `json:"story"`
	// Deadlines are what the reader's organisation owes by law here, open and done.
	Deadlines []DeadlineLine `json:"deadlines,omitempty"`
	Services  []ServiceLine  `json:"services"` // that are hit, each after what it needs
}

// EntryLine is one entry of an incident.
type EntryLine struct {
	Ref      string     `json:"ref"`
	Incident string     `json:"incident"`
	Kind     string     `json:"kind"`
	Owner    string     `json:"owner"`
	Mine     bool       `json:"mine,omitempty"`
	By       string     `json:"by,omitempty"`
	At       time.Time  `json:"at"`
	Marking  string     `json:"marking"`
	Text     string     `json:"text,omitempty"`
	Gone     string     `json:"taken_back,omitempty"` // why
	Changed  bool       `json:"changed,omitempty"`
	Version  int64      `json:"version"`
	Sees     []string   `json:"sees"` // who else can see it
	Files    []FileLine `json:"files,omitempty"`
	Sights   []string   `json:"observables,omitempty"` // written so that nothing becomes a link
	Task     *TaskLine  `json:"task,omitempty"`
	ReadBy   []string   `json:"read_by,omitempty"` // of the own ones
}

// FileLine is a file to download.
type FileLine struct {
	Ref  string `json:"ref"`
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// TaskLine is where a task, question or countermeasure stands.
type TaskLine struct {
	State   string    `json:"state"`
	Owes    string    `json:"owes,omitempty"`
	Mine    bool      `json:"mine,omitempty"` // the reader's organisation owes it
	Due     time.Time `json:"due,omitzero"`
	Ended   bool      `json:"ended,omitempty"`
	Result  string    `json:"result,omitempty"`
	Version int64     `json:"version"`
}

// EntryDoc is one entry with what can be done with it.
type EntryDoc struct {
	IncidentLine
	Entry  EntryLine `json:"entry"`
	Orgs   []Choice  `json:"orgs,omitempty"`
	People []Choice  `json:"people,omitempty"`
}

// Choice is somebody to whom something can be shown.
type Choice struct {
	UID  string `json:"uid"`
	Name string `json:"name"`
	Of   string `json:"of,omitempty"` // a person's organisation
	Now  bool   `json:"now,omitempty"`
}

func (a ask) viewer() incident.Viewer { return incident.Viewer{Org: a.to.Org, Person: a.to.Person} }

// lineRef and entryRef name parts.
func lineRef(incident int64) string { return fmt.Sprintf("incident:%d", incident) }
func entryRef(entry int64) string   { return fmt.Sprintf("entry:%d", entry) }

// headPart is an incident's head: whoever takes part, which the caller has looked up,
// has it for his own.
func headPart(a ask, i *incident.Incident) guard.Part {
	return guard.Part{Ref: lineRef(i.ID), Owner: a.to.Org, Owned: true, Marking: i.Marking, Exercise: i.Exercise}
}

func entryPart(e *incident.Entry) guard.Part {
	return guard.Part{Ref: entryRef(e.ID), Owner: e.Owner, Owned: true, Chosen: true, Marking: e.Marking, Audience: e.Audience, Exercise: e.Exercise}
}

// mine are the reader's incidents of one page; older continues them.
func (p *Portal) mine(ctx context.Context, a ask, limit int) (is []incident.Incident, older string, err error) {
	f := incident.Filter{Exercise: a.exercise(), Limit: limit + 1}
	if number := a.query.Get("before"); number != "" {
		i, err := p.Incidents.Numbered(ctx, a.r, a.viewer(), number)
		if err != nil {
			return nil, "", notFound()
		}
		f.Before = i.ID
	}
	is, err = p.Incidents.Mine(ctx, a.r, a.viewer(), f)
	if len(is) > limit {
		is = is[:limit]
		older = p.Incidents.Number(is[limit-1].ID)
	}
	return is, older, err
}

// owed are the entries with which the reader owes something, of one incident or of all.
func (p *Portal) owed(ctx context.Context, a ask, of func(*incident.Entry) bool) (out []incident.Entry, tasks map[int64]incident.Task, err error) {
	ts, err := p.Incidents.Owed(ctx, a.r, a.viewer())
	tasks = map[int64]incident.Task{}
	for _, t := range ts {
		e, err := p.Incidents.Entry(ctx, a.r, a.viewer(), t.Entry)
		if err != nil {
			return nil, nil, err
		}
		if of(&e) {
			out = append(out, e)
			tasks[e.ID] = t
		}
	}
	return out, tasks, err
}

func (p *Portal) incidentsParts(ctx context.Context, a ask) ([]guard.Part, error) {
	parts, err := p.ownParts(ctx, a)
	if err != nil {
		return nil, err
	}
	parts[0].Marking = tlp.Clear
	is, _, err := p.mine(ctx, a, perPage)
	if err != nil {
		return nil, err
	}
	for k := range is {
		parts = append(parts, headPart(a, &is[k]))
	}
	es, _, err := p.owed(ctx, a, func(e *incident.Entry) bool { return e.Exercise == a.exercise() })
	for k := range es {
		parts = append(parts, entryPart(&es[k]))
	}
	return parts, err
}

func (p *Portal) renderIncidents(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	d := IncidentsDoc{Owed: []EntryLine{}, Incidents: []IncidentLine{}}
	is, older, err := p.mine(ctx, a, perPage)
	if err != nil {
		return v, err
	}
	for k := range is {
		if ok[lineRef(is[k].ID)] {
			d.Incidents = append(d.Incidents, p.incidentLine(a, &is[k]))
		}
	}
	d.Older = older
	es, tasks, err := p.owed(ctx, a, func(e *incident.Entry) bool { return ok[entryRef(e.ID)] })
	if err != nil {
		return v, err
	}
	s := p.storyteller(a, ok)
	for k := range es {
		s.tasks[es[k].ID] = tasks[es[k].ID]
	}
	if d.Owed, err = s.lines(ctx, es); err != nil {
		return v, err
	}
	return asJSON(d)
}

func (p *Portal) incidentLine(a ask, i *incident.Incident) IncidentLine {
	number := p.Incidents.Number(i.ID)
	return IncidentLine{
		Number: number, Title: i.Title, State: string(i.State), Severity: string(i.Severity), Marking: i.Marking.String(), Lead: p.orgName(i.Lead),
		Opened: i.OpenedAt, Closed: i.ClosedAt, Ended: i.Resolution, Offered: i.Offered != 0 && i.Offered == a.to.Org, URL: p.PublicURL + "/portal/incidents/" + number,
	}
}

func (p *Portal) orgName(id int64) string {
	o, _ := p.Constituency.Index().Org(id)
	return o.Name
}

// incidentParts: the head, and each entry that exists for the reader.
func (p *Portal) incidentParts(ctx context.Context, a ask) ([]guard.Part, error) {
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return nil, hidden(err)
	}
	parts := []guard.Part{headPart(a, &i)}
	es, err := p.Incidents.Story(ctx, a.r, a.viewer(), i.ID)
	for k := range es {
		parts = append(parts, entryPart(&es[k]))
	}
	return parts, err
}

// hidden makes one answer of every way in which a thing is not there.
func hidden(err error) error {
	if code := fault.CodeOf(err); code == fault.NotFound || code == fault.Denied {
		return notFound()
	}
	return err
}

func (p *Portal) renderIncident(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return v, err
	}
	if !ok[lineRef(i.ID)] {
		return v, notFound()
	}
	es, err := p.Incidents.Story(ctx, a.r, a.viewer(), i.ID)
	if err != nil {
		return v, err
	}
	es = slices.DeleteFunc(es, func(e incident.Entry) bool { return !ok[entryRef(e.ID)] })
	s := p.storyteller(a, ok)
	d := IncidentDoc{IncidentLine: p.incidentLine(a, &i), Owed: []EntryLine{}}
	if d.Story, err = s.lines(ctx, es); err != nil {
		return v, err
	}
	for _, l := range d.Story {
		if l.Task != nil && l.Task.Mine && !l.Task.Ended && l.Gone == "" {
			d.Owed = append(d.Owed, l)
		}
	}
	if d.Services, err = p.serviceLines(ctx, a, ok, i.ID); err != nil {
		return v, err
	}
	known, err := p.knownIn(ctx, a.r, a.viewer(), &i, es)
	if err != nil {
		return v, err
	}
	d.With = []string{p.orgName(guard.OwnOrg), p.orgName(a.to.Org)}
	for _, o := range known.orgs {
		d.With = append(d.With, o.Name)
	}
	for _, settled := range []bool{false, true} {
		ls, err := p.deadlineLines(ctx, a, ok, incident.OwnFilter{Incident: i.ID, Settled: settled})
		if err != nil {
			return v, err
		}
		d.Deadlines = append(d.Deadlines, ls...)
	}
	return asJSON(d)
}

// entryParts: one entry, and the head of its incident.
func (p *Portal) entryParts(ctx context.Context, a ask) ([]guard.Part, error) {
	e, err := p.Incidents.Entry(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return nil, hidden(err)
	}
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), e.Incident)
	if err != nil {
		return nil, hidden(err)
	}
	return []guard.Part{headPart(a, &i), entryPart(&e)}, nil
}

func (p *Portal) renderEntry(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	e, err := p.Incidents.Entry(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return v, err
	}
	i, err := p.Incidents.Incident(ctx, a.r, a.viewer(), e.Incident)
	if err != nil {
		return v, err
	}
	if !ok[lineRef(i.ID)] || !ok[entryRef(e.ID)] {
		return v, notFound()
	}
	lines, err := p.storyteller(a, ok).lines(ctx, []incident.Entry{e})
	if err != nil {
		return v, err
	}
	d := EntryDoc{IncidentLine: p.incidentLine(a, &i), Entry: lines[0]}
	if e.Owner == a.to.Org {
		c, err := p.Guard.CircleOf(ctx, a.r, e.Audience)
		if err != nil {
			return v, err
		}
		if d.Orgs, d.People, err = p.choices(ctx, a.r, a.viewer(), &i, c); err != nil {
			return v, err
		}
		read, err := p.Incidents.ReadersOf(ctx, a.r, a.viewer(), e.ID)
		if err != nil {
			return v, err
		}
		for _, org := range read {
			d.Entry.ReadBy = append(d.Entry.ReadBy, p.orgName(org))
		}
	}
	return asJSON(d)
}

// fileParts: the entry to which the file hangs.
func (p *Portal) incidentFileParts(ctx context.Context, a ask) ([]guard.Part, error) {
	f, err := p.Incidents.FileInfo(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return nil, hidden(err)
	}
	e, err := p.Incidents.Entry(ctx, a.r, a.viewer(), f.Entry)
	if err != nil {
		return nil, hidden(err)
	}
	return []guard.Part{entryPart(&e)}, nil
}

// renderIncidentFile gives the bytes as they were handed in, to be saved and never shown.
func (p *Portal) renderIncidentFile(ctx context.Context, a ask, ok cleared) (v guard.View, err error) {
	f, body, err := p.Incidents.File(ctx, a.r, a.viewer(), a.thing.ID)
	if err != nil {
		return v, err
	}
	if !ok[entryRef(f.Entry)] {
		return v, notFound()
	}
	return guard.View{Subject: f.Name, ContentType: "application/octet-stream", Body: body}, nil
}

// IncidentOf returns the incident of a number for a reader; NotFound for any other.
func (p *Portal) IncidentOf(ctx context.Context, w Who, number string) (incident.Incident, error) {
	i, err := p.Incidents.Numbered(ctx, p.read, viewerOf(w), number)
	return i, hidden(err)
}

// EntryOf returns the entry of a reference for a reader; NotFound for any other.
func (p *Portal) EntryOf(ctx context.Context, w Who, ref string) (incident.Entry, error) {
	id, err := p.Incidents.ByRef(ref)
	if err != nil {
		return incident.Entry{}, notFound()
	}
	e, err := p.Incidents.Entry(ctx, p.read, viewerOf(w), id)
	return e, hidden(err)
}

func viewerOf(w Who) incident.Viewer { return incident.Viewer{Org: w.Actor.Org, Person: w.Person} }

// Seen notes that a reader has an incident's entries before his eyes.
func (p *Portal) Seen(ctx context.Context, w Who, number string, lines []EntryLine) error {
	var ids []int64
	var errs []error
	for _, l := range lines {
		id, err := p.Incidents.ByRef(l.Ref)
		errs = append(errs, err)
		ids = append(ids, id)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("entries of %s: %w", strings.TrimSpace(number), err)
	}
	return p.Incidents.MarkSeen(ctx, viewerOf(w), ids)
}
