package incidentweb

import (
	"context"
	"net/http"
	"slices"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of recovery; the verbs have the same names.
const (
	addService     = "incident.add_service"
	setService     = "incident.set_service"
	setNeeds       = "incident.set_needs"
	signOff        = "incident.sign_off"
	addMilestone   = "incident.add_milestone"
	moveMilestone  = "incident.move_milestone"
	reachMilestone = "incident.reach_milestone"
	dropMilestone  = "incident.drop_milestone"
	askResource    = "incident.ask_resource"
	setResource    = "incident.set_resource"
	addLesson      = "incident.add_lesson"
	setLesson      = "incident.set_lesson"
	setPeerWords   = "incident.set_peer_words"
)

func recoveryURL(p *Pages, i *incident.Incident) string {
	return incidentURL(p.in.Number(i.ID)) + "/recovery"
}

// recoveryRoutes are the pages of services, milestones and resources.
func (p *Pages) recoveryRoutes() []web.Route {
	const at, one = "/incident/incidents/{number}/recovery", "/incident/incidents/ALM-0000-0000/recovery"
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "POST", Pattern: at + pattern, Permission: permission, Handler: h, Sample: "POST " + one + sample}
	}
	return append([]web.Route{
		{Method: "GET", Pattern: at, Permission: read, Handler: p.recovery, Sample: "GET " + one},
		post("/services", addService, "/services name=a&state=down&marking=TLP:AMBER", p.addService),
		post("/services/{service}", setService, "/services/1 state=restored&version=1", p.setService),
		post("/services/{service}/needs", setNeeds, "/services/1/needs people=1&version=1", p.setNeeds),
		post("/services/{service}/sign", signOff, "/services/1/sign version=1", p.signOff),
		post("/milestones", addMilestone, "/milestones title=a&due=2026-11-21T14:05&marking=TLP:AMBER", p.addMilestone),
		post("/milestones/{entry}/move", moveMilestone, "/milestones/1/move due=2026-11-21T14:05&reason=a&version=1", p.moveMilestone),
		post("/milestones/{entry}/reach", reachMilestone, "/milestones/1/reach version=1", p.reachMilestone),
		post("/milestones/{entry}/drop", dropMilestone, "/milestones/1/drop reason=a&version=1", p.dropMilestone),
		post("/resources", askResource, "/resources text=a&marking=TLP:AMBER", p.askResource),
		post("/resources/{entry}", setResource, "/resources/1 state=offered&version=1", p.setResource),
	}, p.lessonRoutes()...)
}

// recoveryPage is the dot of the page of recovery.
type recoveryPage struct {
	Figures    []web.Figure
	First      []firstCard
	Services   []serviceCard
	Empty      web.Empty
	Picture    *web.TimePicture
	Milestones []milestoneCard
	Resources  []resourceCard
	Folds      []*fold // what can be entered besides
	Measures   *web.List
	Lessons    web.List
	Learn      *fold

	orgs    []int64 // that take part, who is hit first
	marking tlp.Marking
}

// fold is a form that is folded away until it is wanted.
type fold struct {
	web.Form
	ID, Title string
	Open      bool
	Named     bool // says who sees what it keeps
	Who       []choice
}

// saw notes that something so marked is on the page.
func (d *recoveryPage) saw(m tlp.Marking) { d.marking = tlp.Strictest(d.marking, m) }

func (p *Pages) recovery(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showRecovery(w, r, &i, nil)
}

func (p *Pages) showRecovery(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	page, status := p.about(r, i, web.Say(r, "incident.desk.recovery")), http.StatusOK
	page.Topics = []string{incident.Topic(i.ID)}
	d := recoveryPage{marking: i.Marking, Empty: web.Empty{Title: web.Say(r, "incident.desk.recovery.none"), Why: web.Say(r, "incident.desk.recovery.none.why")}}
	m, err := p.membersOf(r, i)
	if err != nil {
		return err
	}
	d.orgs = m.orgs
	plan, err := p.recoveryPlan(r.Context(), viewer(r), i)
	if err != nil {
		return err
	}
	p.serviceCards(r, i, plan, &d)
	p.milestoneCards(r, i, plan, &d)
	d.Picture = p.picture(r, plan)
	if err := p.resourceCards(r, i, &d); err != nil {
		return err
	}
	if d.Measures, err = p.measures(r, i); err != nil {
		return err
	}
	if err := p.lessonList(r, i.ID, &d.Lessons); err != nil {
		return err
	}
	p.recoveryFolds(r, i, plan, &d)
	if problem != nil {
		status = statusOf(problem)
		d.fail(r, &page, problem)
	}
	page.Marking, page.Data = d.marking.String(), d
	return p.site.Page(w, r, status, "incident/recovery", page)
}

// recoveryPlan is what the page is made of, as far as its reader sees it.
type recoveryPlan struct {
	services   []incident.Service
	steps      []incident.Step
	milestones []incident.Milestone
	until      time.Time // when the figures end
	runs       bool
}

func (p *Pages) recoveryPlan(ctx context.Context, v incident.Viewer, i *incident.Incident) (x recoveryPlan, err error) {
	db := p.in.Acts.Reader()
	x.until, x.runs = p.in.Acts.Clock().Now(), i.ClosedAt.IsZero()
	if !x.runs {
		x.until = i.ClosedAt
	}
	if x.services, err = p.in.Services(ctx, db, v, i.ID); err != nil {
		return x, err
	}
	if x.steps, err = p.in.Steps(ctx, db, v, i.ID); err != nil {
		return x, err
	}
	x.milestones, err = p.in.Milestones(ctx, db, v, i.ID)
	return x, err
}

// recoveryFolds are the forms that belong to nothing yet.
func (p *Pages) recoveryFolds(r *http.Request, i *incident.Incident, plan recoveryPlan, d *recoveryPage) {
	if can(r, addLesson) {
		d.Learn = p.lessonForm(r, i)
	}
	if i.State != incident.Open {
		return
	}
	if can(r, addService) {
		f := p.serviceForm(r, i, plan, d)
		f.Open = len(plan.services) == 0
		d.Folds = append(d.Folds, f)
	}
	if can(r, addMilestone) {
		d.Folds = append(d.Folds, p.milestoneForm(r, i, plan, d))
	}
	if can(r, askResource) {
		d.Folds = append(d.Folds, p.askForm(r, i, d))
	}
}

// who are those to whom something new can be shown.
func (d *recoveryPage) who(r *http.Request, p *Pages) (out []choice) {
	for _, o := range d.orgs {
		out = append(out, choice{Name: "org", ID: o, Label: p.orgName(o), Checked: slices.Contains(r.PostForm["org"], number(o))})
	}
	return out
}

// ownerField asks whose word or task something is.
func (p *Pages) ownerField(r *http.Request, d *recoveryPage, key string, chosen int64) web.Field {
	f := web.Field{Name: "owner", Type: "select", Label: web.Say(r, key)}
	for _, o := range append(slices.Clone(d.orgs), guard.OwnOrg) {
		f.Options = append(f.Options, web.Option{Value: number(o), Label: p.orgName(o), Selected: o == chosen})
	}
	return f
}

func markingField(r *http.Request, i *incident.Incident) web.Field {
	return web.Field{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, i.Marking, false)}
}

// suffixed tells fields of one form from those of another on the same page.
func suffixed(with string, fields []web.Field) []web.Field {
	for i := range fields {
		fields[i].Name += "-" + with
	}
	return fields
}

// either is a value of a form whose fields may carry a suffix.
func either(r *http.Request, name, suffix string) string {
	return first(r.PostForm.Get(name+"-"+suffix), r.PostForm.Get(name))
}

// eitherTime reads a time of such a form; zero when there is none.
func eitherTime(r *http.Request, name, suffix string) (time.Time, error) {
	if r.PostForm.Has(name + "-" + suffix) {
		name += "-" + suffix
	}
	return timeOf(r, name)
}

// fail gives back what was typed into the form that was sent, and unfolds it.
func (d *recoveryPage) fail(r *http.Request, page *web.Page, problem error) {
	folds := append(slices.Clone(d.Folds), d.Learn)
	for k := range d.Services {
		folds = append(folds, d.Services[k].Folds...)
	}
	for k := range d.Milestones {
		folds = append(folds, d.Milestones[k].Folds...)
	}
	var forms []*web.Form
	for _, f := range folds {
		if f != nil {
			f.Open = f.Open || f.Action == r.URL.Path
			forms = append(forms, &f.Form)
		}
	}
	failSent(r, page, problem, forms)
}

// failSent puts a refusal on a page with many forms: beside the fields of the one that
// was sent, with what was typed.
func failSent(r *http.Request, page *web.Page, problem error, forms []*web.Form) {
	fail(r, page, problem)
	for _, f := range forms {
		if f.Action != r.URL.Path {
			continue
		}
		f.Fill(r.PostForm.Get)
		for k := range f.Fields {
			field := &f.Fields[k]
			for n := range field.Options {
				field.Options[n].Selected = slices.Contains(r.PostForm[field.Name], field.Options[n].Value)
			}
			for n := range page.Faults {
				if said := page.Faults[n].Field; len(said) < len(field.Name) && field.Name[:len(said)+1] == said+"-" {
					page.Faults[n].Field = field.Name
				}
			}
		}
		f.Fail(page.Faults)
	}
}

// recover is the frame of a form of the page of recovery.
func (p *Pages) recover(w http.ResponseWriter, r *http.Request, do func(*incident.Incident) error) error {
	return p.post(w, r, "incident.desk.saved", "/recovery", do, func(i *incident.Incident, problem error) error { return p.showRecovery(w, r, i, problem) })
}

// measures lists the countermeasures with their life.
func (p *Pages) measures(r *http.Request, i *incident.Incident) (*web.List, error) {
	l, err := p.taskList(r, i)
	if err != nil || l == nil {
		return nil, err
	}
	kind := web.Say(r, "incident.desk.kind.measure")
	l.ID, l.Caption = "measures", web.Say(r, "incident.desk.recovery.measures")
	l.Rows = slices.DeleteFunc(l.Rows, func(row web.Row) bool { return row.Cells[0].Sub != kind })
	l.Total.N = int64(len(l.Rows))
	if len(l.Rows) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	return l, nil
}
