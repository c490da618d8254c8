package incidentweb

import (
	"net/http"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

func (p *Pages) confirmClose(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showClose(w, r, &i, nil)
}

func (p *Pages) showClose(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	tasks, err := p.in.Tasks(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return err
	}
	owed := int64(0)
	for _, t := range tasks {
		if !t.State.Ended() {
			owed++
		}
	}
	u := incidentURL(p.in.Number(i.ID))
	c := web.Confirm{
		Title: web.Say(r, "incident.desk.close"), Text: web.Say(r, "incident.desk.close.text"), Action: u + "/close", Verb: web.Say(r, "incident.desk.close"), Cancel: u,
		Hidden: []web.Hidden{{Name: "version", Value: number(i.Version)}}, NoEffect: web.Say(r, "incident.desk.close.nothing"),
		Fields: []web.Field{
			{Name: "state", Type: "radio", Required: true, Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{
				{Value: "resolved", Label: web.Say(r, "incident.desk.state.resolved"), Selected: true},
				{Value: "abandoned", Label: web.Say(r, "incident.desk.state.abandoned"), Hint: web.Say(r, "incident.desk.abandoned.hint")},
			}},
			{Name: "resolution", Type: "textarea", Required: true, Label: web.Say(r, "incident.desk.resolution"), Why: web.Say(r, "incident.desk.resolution.why")},
		},
	}
	reports, err := p.in.ReportsOfIncident(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return err
	}
	waiting := int64(0)
	for k := range reports {
		if reports[k].State.Waits() {
			waiting++
		}
	}
	if waiting > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: waiting, What: web.Say(r, "incident.desk.close.reports"), URL: u, Tone: "medium"})
		c.Fields = append(c.Fields, web.Field{Name: "answer", Type: "textarea", Label: web.Say(r, "incident.desk.close.answer"), Why: web.Say(r, "incident.desk.close.answer.why")})
	}
	if owed > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: owed, What: web.Say(r, "incident.desk.close.owed"), URL: u + "#tasks", Tone: "medium"})
	}
	return p.confirmPage(w, r, p.about(r, i, web.Say(r, "incident.desk.close")), c, problem)
}

func (p *Pages) closeIncident(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.closed", "", func(i *incident.Incident) error {
		f := r.PostForm
		if err := p.in.Close(r.Context(), actor(r), i.ID, incident.State(f.Get("state")), f.Get("resolution"), positive(f.Get("version"))); err != nil {
			return err
		}
		_, err := p.in.AnswerReporters(r.Context(), actor(r), i.ID, f.Get("answer"))
		return err
	}, func(i *incident.Incident, problem error) error { return p.showClose(w, r, i, problem) })
}

func (p *Pages) confirmReopen(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showReopen(w, r, &i, nil)
}

func (p *Pages) showReopen(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	return p.confirmPage(w, r, p.about(r, i, web.Say(r, "incident.desk.reopen")), web.Confirm{
		Title: web.Say(r, "incident.desk.reopen"), Text: i.Resolution, Action: u + "/reopen", Verb: web.Say(r, "incident.desk.reopen"), NeedReason: true, Cancel: u,
		NoEffect: web.Say(r, "incident.desk.reopen.text"),
	}, problem)
}

func (p *Pages) reopenIncident(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.reopened", "", func(i *incident.Incident) error {
		return p.in.Reopen(r.Context(), actor(r), i.ID, r.PostForm.Get("reason"))
	}, func(i *incident.Incident, problem error) error { return p.showReopen(w, r, i, problem) })
}
