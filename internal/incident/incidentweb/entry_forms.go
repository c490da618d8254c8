package incidentweb

import (
	"net/http"
	"slices"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
)

// entryForms offers what the reader may do with an entry.
func (p *Pages) entryForms(r *http.Request, i *incident.Incident, e *incident.Entry, c guard.Circle, data *entryPage) error {
	if !e.RetractedAt.IsZero() {
		return nil
	}
	u, version := "/incident/entries/"+number(e.ID), []web.Hidden{{Name: "version", Value: number(e.Version)}}
	if e.Owner == actor(r).Org && can(r, editEntry) {
		data.Edit = &web.Form{Action: u + "/edit", Submit: web.Say(r, "incident.desk.save"), Hidden: version, Fields: []web.Field{
			{Name: "text", Type: "textarea", Rows: 6, Label: web.Say(r, "incident.desk.text"), Value: e.Text, Required: true},
		}}
		data.Retract = &web.Confirm{
			Title: web.Say(r, "incident.desk.retract"), NoEffect: web.Say(r, "incident.desk.retract.effect"), Action: u + "/retract", Verb: web.Say(r, "incident.desk.retract"),
			Tone: "danger", Hidden: version, NeedReason: true,
		}
		share, err := p.shareForm(r, i, e, c)
		if err != nil {
			return err
		}
		data.Share = share
	}
	t, err := p.in.Task(r.Context(), p.in.Acts.Reader(), viewer(r), e.ID)
	if err != nil {
		return nil //nolint:nilerr // most entries have no state of their own
	}
	if t.Kind == incident.Question && t.State == incident.Asked && can(r, answerAsked) {
		data.Answer = &web.Form{Action: u + "/answer", Submit: web.Say(r, "incident.desk.answer"), Fields: []web.Field{
			{Name: "text", Type: "textarea", Rows: 3, Label: web.Say(r, "incident.desk.answer.text"), Required: true},
			{Name: "by", Type: "text", Label: web.Say(r, "incident.desk.by"), Why: web.Say(r, "incident.desk.by.why"), Autocomplete: "off"},
			{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
		}}
	}
	if can(r, setTask) {
		data.Task = taskForm(r, u, &t)
	}
	return nil
}

func taskForm(r *http.Request, u string, t *incident.Task) *web.Form {
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state")}
	for _, s := range incident.TaskStates(t.Kind) {
		if t.Kind != incident.Question || s != incident.Answered {
			state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.task."+string(s)), Selected: s == t.State})
		}
	}
	return &web.Form{Action: u + "/task", Submit: web.Say(r, "incident.desk.task.set"), Hidden: []web.Hidden{{Name: "version", Value: number(t.Version)}}, Fields: []web.Field{
		state, {Name: "result", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.task.result"), Value: t.Result},
	}}
}

func (p *Pages) shareForm(r *http.Request, i *incident.Incident, e *incident.Entry, c guard.Circle) (*sharing, error) {
	m, err := p.membersOf(r, i)
	if err != nil {
		return nil, err
	}
	s := &sharing{Action: "/incident/entries/" + number(e.ID) + "/share", Version: e.Version, Fields: []web.Field{
		{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, e.Marking, true)},
		{Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason"), Required: true},
	}}
	for _, org := range m.orgs {
		s.Orgs = append(s.Orgs, choice{Name: "org", ID: org, Label: p.orgName(org), Checked: slices.Contains(c.Orgs, org)})
	}
	for _, one := range m.persons {
		s.Persons = append(s.Persons, choice{Name: "person", ID: one.ID, Label: one.Name, Sub: p.orgName(one.Org), Checked: slices.Contains(c.Persons, one.ID)})
	}
	return s, nil
}

// changed is the frame of a posted form about an entry.
func (p *Pages) changed(w http.ResponseWriter, r *http.Request, said string, do func(incident.Entry) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	e, err := p.entryNamed(r)
	if err != nil {
		return err
	}
	err = do(e)
	if correctable(err) {
		return p.showEntry(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, "/incident/entries/"+number(e.ID), web.Flash{Key: said})
	return nil
}

func (p *Pages) edit(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.saved", func(e incident.Entry) error {
		return p.in.EditEntry(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("version")), r.PostForm.Get("text"))
	})
}

func (p *Pages) share(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.shared", func(e incident.Entry) error {
		return p.in.Share(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("version")), readMarking(r), circleOf(r), r.PostForm.Get("reason"))
	})
}

func (p *Pages) retract(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.retracted", func(e incident.Entry) error {
		return p.in.Retract(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("version")), r.PostForm.Get("reason"))
	})
}

func (p *Pages) setTask(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.saved", func(e incident.Entry) error {
		f := r.PostForm
		return p.in.SetTask(r.Context(), actor(r), e.ID, incident.TaskState(f.Get("state")), f.Get("result"), positive(f.Get("version")))
	})
}

func (p *Pages) assign(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.saved", func(e incident.Entry) error {
		due, err := timeOf(r, "due")
		if err != nil {
			return err
		}
		return p.in.Assign(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("owes")), 0, due, positive(r.PostForm.Get("version")))
	})
}

func (p *Pages) answer(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.written", func(e incident.Entry) error {
		n, err := readEntry(r)
		if err != nil {
			return err
		}
		n.Marking = e.Marking
		_, err = p.in.AnswerQuestion(r.Context(), actor(r), e.ID, n)
		return err
	})
}
