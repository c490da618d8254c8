package incidentweb

import (
	"net/http"
	"slices"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
)

// entryRoutes are the pages and forms of single entries.
func (p *Pages) entryRoutes() []web.Route {
	get := func(pattern, permission string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "GET", Pattern: "/incident/entries/{entry}" + pattern, Permission: permission, Handler: h, Sample: "GET /incident/entries/1" + pattern}
	}
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "POST", Pattern: "/incident/entries/{entry}" + pattern, Permission: permission, Handler: h, Sample: "POST /incident/entries/1" + pattern + " " + sample}
	}
	return []web.Route{
		{
			Method: "POST", Pattern: "/incident/incidents/{number}/entries", Permission: addEntry, Handler: p.write, MaxBody: 4 * incident.MaxFile,
			Sample: "POST /incident/incidents/ALM-0000-0000/entries kind=note&text=a&marking=TLP:AMBER",
		},
		get("", read, p.entry),
		post("/edit", editEntry, "text=a&version=1", p.edit),
		post("/share", shareEntry, "marking=TLP:AMBER&reason=a&version=1", p.share),
		post("/retract", retractIt, "reason=a&version=1", p.retract),
		post("/task", setTask, "state=done&version=1", p.setTask),
		post("/assign", assignTask, "owes=1&version=1", p.assign),
		post("/answer", answerAsked, "text=a&by=a", p.answer),
		{Method: "GET", Pattern: "/incident/files/{file}", Permission: read, Handler: p.file, Sample: "GET /incident/files/1"},
	}
}

// entryPage is the dot of an entry's page.
type entryPage struct {
	Text    string
	Gone    string
	Facts   web.Facts
	Seen    web.Facts
	History []incident.Version
	Files   []web.Link
	Sights  []sight
	Edit    *web.Form
	Share   *sharing
	Retract *web.Confirm
	Task    *web.Form
	Answer  *web.Form
	Open    string // the action of the form that needs another look
}

// sight is an observable with where else it was seen.
type sight struct {
	Kind, Text string
	Links      []web.Link
}

// sharing is the form that sets anew who sees an entry.
type sharing struct {
	Action  string
	Version int64
	Fields  []web.Field
	Orgs    []choice
	Persons []choice
}

func (p *Pages) entryNamed(r *http.Request) (incident.Entry, error) {
	id, err := pathID(r, "entry")
	if err != nil {
		return incident.Entry{}, err
	}
	return p.in.Entry(r.Context(), p.in.Acts.Reader(), viewer(r), id)
}

func (p *Pages) entry(w http.ResponseWriter, r *http.Request) error {
	return p.showEntry(w, r, nil)
}

func (p *Pages) showEntry(w http.ResponseWriter, r *http.Request, problem error) error {
	e, err := p.entryNamed(r)
	if err != nil {
		return err
	}
	i, err := p.in.Incident(r.Context(), p.in.Acts.Reader(), viewer(r), e.Incident)
	if err != nil {
		return err
	}
	page, status := p.about(r, &i, web.Say(r, "incident.desk.kind."+string(e.Kind))), http.StatusOK
	page.Marking, page.Topics = e.Marking.String(), []string{incident.Topic(i.ID)}
	c, err := p.in.Guard.CircleOf(r.Context(), p.in.Acts.Reader(), e.Audience)
	if err != nil {
		return err
	}
	page.Audience = p.circle(r, e.Marking.String(), c)
	data := entryPage{Text: e.Text, Gone: e.Retracted, Facts: p.entryFacts(r, &e, c)}
	if err := p.entryParts(r, &i, &e, &data); err != nil {
		return err
	}
	if err := p.entryForms(r, &i, &e, c, &data); err != nil {
		return err
	}
	if problem != nil {
		status = statusOf(problem)
		fail(r, &page, problem, data.typed(r)...)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/entry", page)
}

// typed gives what was typed back into the form that was sent, and returns it.
func (d *entryPage) typed(r *http.Request) []*web.Form {
	for _, f := range []*web.Form{d.Edit, d.Task, d.Answer} {
		if f != nil && f.Action == r.URL.Path {
			f.Fill(r.PostForm.Get)
			d.Open = f.Action
			return []*web.Form{f}
		}
	}
	if d.Share != nil && d.Share.Action == r.URL.Path {
		d.Open = d.Share.Action
		return []*web.Form{d.Share.typed(r)}
	}
	if d.Retract != nil && d.Retract.Action == r.URL.Path {
		d.Retract.Reason = r.PostForm.Get("reason")
		d.Open = d.Retract.Action
	}
	return nil
}

// typed gives a choice of who shall see an entry back as it was made.
func (s *sharing) typed(r *http.Request) *web.Form {
	f := &web.Form{Fields: s.Fields, Hidden: []web.Hidden{{Name: "version"}}}
	f.Fill(r.PostForm.Get)
	for _, some := range [][]choice{s.Orgs, s.Persons} {
		for k := range some {
			some[k].Checked = slices.Contains(r.PostForm[some[k].Name], number(some[k].ID))
		}
	}
	return f
}

func (p *Pages) entryFacts(r *http.Request, e *incident.Entry, c guard.Circle) web.Facts {
	items := []web.Fact{
		{Label: web.Say(r, "incident.desk.owner"), Cell: web.Anchor(p.orgName(e.Owner), orgURL(e.Owner))},
		{Label: web.Say(r, "incident.desk.by"), Cell: web.Text(first(e.By, p.who(r, e.Author)))},
		{Label: web.Say(r, "incident.desk.at"), Cell: web.Exactly(e.At)},
		{Label: web.Say(r, "incident.desk.recorded"), Cell: web.Cell{At: e.RecordedAt, Sub: p.who(r, e.Author)}},
		{Label: web.Say(r, "incident.desk.fact.marking"), Cell: web.Text(e.Marking.String())},
		{Label: web.Say(r, "incident.desk.sees"), Cell: web.Text(p.circleLine(r, c))},
		{Label: web.Say(r, "incident.desk.source"), Cell: web.Text(web.Say(r, "incident.desk.source."+e.Source))},
	}
	return web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: items}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// entryParts fills what hangs on an entry and who has seen it.
func (p *Pages) entryParts(r *http.Request, i *incident.Incident, e *incident.Entry, data *entryPage) error {
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	if err := p.in.MarkSeen(ctx, v, []int64{e.ID}); err != nil {
		return err
	}
	seen, err := p.in.SeenBy(ctx, db, v, e.ID)
	if err != nil {
		return err
	}
	data.Seen = web.Facts{Title: web.Say(r, "incident.desk.seen")}
	for _, s := range seen {
		data.Seen.Items = append(data.Seen.Items, web.Fact{Label: p.personName(r, s.Person), Cell: web.Cell{At: s.At, Sub: p.orgName(s.Org)}})
	}
	if len(seen) == 0 {
		data.Seen.Items = []web.Fact{{Label: web.Say(r, "incident.desk.seen.nobody")}}
	}
	if data.History, err = p.in.History(ctx, db, v, e.ID); err != nil {
		return err
	}
	has, err := p.partsOf(r, i)
	if err != nil {
		return err
	}
	for _, f := range has.files[e.ID] {
		data.Files = append(data.Files, web.Link{Label: f.Name, URL: "/incident/files/" + number(f.ID) + "/view"})
	}
	for _, o := range has.sights[e.ID] {
		one := sight{Kind: web.Say(r, "incident.desk.observable."+string(o.Kind)), Text: o.Defanged()}
		links, err := p.in.Links(ctx, db, v, o.Key, e.Incident, 20)
		if err != nil {
			return err
		}
		for _, l := range links {
			n := p.in.Number(l.Incident)
			one.Links = append(one.Links, web.Link{Label: n, URL: incidentURL(n)})
		}
		data.Sights = append(data.Sights, one)
	}
	return nil
}
