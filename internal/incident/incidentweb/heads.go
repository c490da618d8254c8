package incidentweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// headForm asks for what an incident's head says.
func (p *Pages) headForm(r *http.Request, h incident.Head) web.Form {
	severity := web.Field{Name: "severity", Type: "radio", Label: web.Say(r, "incident.desk.column.severity"), Required: true}
	for _, s := range incident.Severities() {
		severity.Options = append(severity.Options, web.Option{
			Value: string(s), Label: web.Say(r, "incident.desk.severity."+string(s)), Hint: web.Say(r, "incident.desk.severity.hint."+string(s)), Selected: s == h.Severity,
		})
	}
	return web.Form{Submit: web.Say(r, "incident.desk.save"), Fields: []web.Field{
		{Name: "title", Type: "text", Label: web.Say(r, "incident.desk.column.title"), Value: h.Title, Required: true, Autofocus: true, Autocomplete: "off",
			Why: web.Say(r, "incident.desk.title.why"), Example: web.Say(r, "incident.desk.title.example")},
		severity,
		{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, h.Marking, false)},
		{Name: "class", Type: "select", Label: web.Say(r, "incident.desk.fact.class"), Options: classes(r, h.Class)},
		{Name: "countries", Type: "text", Label: web.Say(r, "incident.desk.fact.countries"), Value: strings.Join(h.Countries, " "), Autocomplete: "off",
			Why: web.Say(r, "incident.desk.countries.why"), Example: "XA XB"},
	}}
}

func readHead(r *http.Request) incident.Head {
	f := r.PostForm
	m, err := tlp.Parse(f.Get("marking"))
	if err != nil {
		m = tlp.Unmarked // Validate says so
	}
	return incident.Head{
		Title: f.Get("title"), Class: f.Get("class"), Severity: incident.Severity(f.Get("severity")), Marking: m,
		Countries: strings.Fields(strings.ToUpper(strings.ReplaceAll(f.Get("countries"), ",", " "))), Version: positive(f.Get("version")),
	}
}

func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, status int, page web.Page, f web.Form, problem error) error {
	if problem != nil {
		f.Fill(r.PostForm.Get)
		fail(r, &page, problem, &f)
		status = statusOf(problem)
	}
	page.Data = f
	return p.site.Page(w, r, status, "incident/form", page)
}

func (p *Pages) newPage(r *http.Request) (web.Page, web.Form) {
	f := p.headForm(r, incident.Head{Severity: incident.High, Marking: tlp.Amber})
	f.Action, f.Cancel, f.Submit = "/incident/incidents", "/incident/incidents", web.Say(r, "incident.desk.open")
	f.Fields = append(f.Fields, web.Field{Name: "exercise", Type: "checkbox", Label: web.Say(r, "incident.desk.exercise"), Why: web.Say(r, "incident.desk.exercise.why")})
	return web.Page{
		Title: web.Say(r, "incident.desk.open"), Room: "incident", Lead: web.Say(r, "incident.desk.open.lead"),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}, f
}

func (p *Pages) newIncident(w http.ResponseWriter, r *http.Request) error {
	page, f := p.newPage(r)
	return p.showForm(w, r, http.StatusOK, page, f, nil)
}

func (p *Pages) openIncident(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	h := readHead(r)
	i, err := p.in.OpenNew(r.Context(), actor(r), incident.Incident{
		Title: h.Title, Class: h.Class, Severity: h.Severity, Marking: h.Marking, Countries: h.Countries, Exercise: r.PostForm.Get("exercise") != "",
	})
	if correctable(err) {
		page, f := p.newPage(r)
		return p.showForm(w, r, http.StatusOK, page, f, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID)), web.Flash{Key: "incident.desk.opened"})
	return nil
}

func (p *Pages) editForm(r *http.Request, i *incident.Incident) (web.Page, web.Form) {
	f := p.headForm(r, incident.Head{Title: i.Title, Class: i.Class, Severity: i.Severity, Marking: i.Marking, Countries: i.Countries})
	u := incidentURL(p.in.Number(i.ID))
	f.Action, f.Cancel, f.Hidden = u+"/edit", u, []web.Hidden{{Name: "version", Value: number(i.Version)}}
	return p.about(r, i, web.Say(r, "incident.desk.edit")), f
}

func (p *Pages) editHead(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	page, f := p.editForm(r, &i)
	return p.showForm(w, r, http.StatusOK, page, f, nil)
}

func (p *Pages) saveHead(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.saved", "", func(i *incident.Incident) error {
		return p.in.ChangeHead(r.Context(), actor(r), i.ID, readHead(r))
	}, func(i *incident.Incident, problem error) error {
		page, f := p.editForm(r, i)
		return p.showForm(w, r, http.StatusOK, page, f, problem)
	})
}
