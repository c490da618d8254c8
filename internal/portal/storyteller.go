package portal

import (
	"context"
	"maps"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// storyteller writes entries for one reader.
type storyteller struct {
	p       *Portal
	a       ask
	ok      cleared
	reach   map[int64]*incident.Reach
	circles map[guard.Audience]guard.Circle
	persons map[int64]guard.Person
	tasks   map[int64]incident.Task
	files   map[int64][]incident.File
	sights  map[int64][]incident.Sight
}

func (p *Portal) storyteller(a ask, ok cleared) *storyteller {
	return &storyteller{
		p: p, a: a, ok: ok, reach: map[int64]*incident.Reach{}, circles: map[guard.Audience]guard.Circle{}, persons: map[int64]guard.Person{},
		tasks: map[int64]incident.Task{}, files: map[int64][]incident.File{}, sights: map[int64][]incident.Sight{},
	}
}

// lines writes entries, each with what hangs on it.
func (s *storyteller) lines(ctx context.Context, es []incident.Entry) (out []EntryLine, err error) {
	out = []EntryLine{}
	for k := range es {
		if !s.ok[entryRef(es[k].ID)] {
			continue
		}
		if err := s.load(ctx, es[k].Incident); err != nil {
			return nil, err
		}
		l, err := s.line(ctx, &es[k])
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// load reads what hangs on the entries of an incident, once.
func (s *storyteller) load(ctx context.Context, id int64) (err error) {
	if s.reach[id] != nil {
		return nil
	}
	in, v := s.p.Incidents, s.a.viewer()
	if s.reach[id], err = in.ReachOf(ctx, s.a.r, id); err != nil {
		return err
	}
	ts, err := in.Tasks(ctx, s.a.r, v, id)
	if err != nil {
		return err
	}
	for _, t := range ts {
		s.tasks[t.Entry] = t
	}
	fs, err := in.Files(ctx, s.a.r, v, id)
	if err != nil {
		return err
	}
	files, sights := map[int64][]incident.File{}, map[int64][]incident.Sight{}
	for _, f := range fs {
		files[f.Entry] = append(files[f.Entry], f)
	}
	os, err := in.Observables(ctx, s.a.r, v, id)
	for _, o := range os {
		sights[o.Entry] = append(sights[o.Entry], o)
	}
	maps.Copy(s.files, files) // what is read twice, of merged incidents, is there once
	maps.Copy(s.sights, sights)
	return err
}

func (s *storyteller) line(ctx context.Context, e *incident.Entry) (l EntryLine, err error) {
	in := s.p.Incidents
	l = EntryLine{
		Ref: in.Ref(e.ID), Incident: in.Number(e.Incident), Kind: string(e.Kind), Owner: s.p.orgName(e.Owner), Mine: e.Owner == s.a.to.Org, By: e.By, At: e.At,
		Marking: e.Marking.String(), Changed: e.Version > 1, Version: e.Version,
	}
	if id, ok := incident.AuthorOf(e); ok && l.By == "" {
		one, err := s.person(ctx, id)
		if err != nil {
			return l, err
		}
		l.By = one.Name
	}
	if l.Sees, err = s.sees(ctx, e); err != nil {
		return l, err
	}
	if !e.RetractedAt.IsZero() {
		l.Gone = e.Retracted
		return l, nil
	}
	l.Text = e.Text
	for _, f := range s.files[e.ID] {
		l.Files = append(l.Files, FileLine{in.FileRef(f.ID), f.Name, f.Size})
	}
	for _, o := range s.sights[e.ID] {
		l.Sights = append(l.Sights, o.Defanged())
	}
	if t, ok := s.tasks[e.ID]; ok {
		l.Task = &TaskLine{
			State: string(t.State), Owes: s.p.orgName(t.Org), Mine: t.Org == s.a.to.Org && (t.Person == 0 || t.Person == s.a.to.Person), Due: t.Due,
			Ended: t.State.Ended(), Result: t.Result, Version: t.Version,
		}
	}
	return l, nil
}

// sees names who can see an entry now, besides the reader.
func (s *storyteller) sees(ctx context.Context, e *incident.Entry) (out []string, err error) {
	c, ok := s.circles[e.Audience]
	if !ok {
		if c, err = s.p.Guard.CircleOf(ctx, s.a.r, e.Audience); err != nil {
			return nil, err
		}
		s.circles[e.Audience] = c
	}
	out = []string{}
	reach := s.reach[e.Incident]
	if e.Marking != tlp.Red {
		for _, org := range reach.Orgs(c) {
			if org != s.a.to.Org {
				out = append(out, s.p.orgName(org))
			}
		}
	}
	for _, id := range c.Persons {
		one, err := s.person(ctx, id)
		if err != nil {
			return nil, err
		}
		if id != s.a.to.Person && one.Active && reach.Person(one.Org, id) {
			out = append(out, one.Name+" ("+s.p.orgName(one.Org)+")")
		}
	}
	return out, nil
}

// person is somebody of whom something that the reader sees speaks; the zero person for
// one who is no more.
func (s *storyteller) person(ctx context.Context, id int64) (one guard.Person, err error) {
	if one, ok := s.persons[id]; ok {
		return one, nil
	}
	if one, err = s.p.Guard.Person(ctx, s.a.r, id); fault.CodeOf(err) == fault.NotFound {
		err = nil
	}
	s.persons[id] = one
	return one, err
}
