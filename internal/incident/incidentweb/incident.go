package incidentweb

import (
	"net/http"
	"slices"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of the forms; the verbs have the same names.
const (
	open        = "incident.open"
	change      = "incident.change"
	closing     = "incident.close"
	reopening   = "incident.reopen"
	addPart     = "incident.add_participant"
	removePart  = "incident.remove_participant"
	offerLead   = "incident.offer_lead"
	answerLead  = "incident.answer_lead"
	merging     = "incident.merge"
	splitting   = "incident.split"
	addEntry    = "incident.add_entry"
	editEntry   = "incident.edit_entry"
	retractIt   = "incident.retract_entry"
	shareEntry  = "incident.share_entry"
	setTask     = "incident.set_task"
	assignTask  = "incident.assign_task"
	answerAsked = "incident.answer_question"
)

// incidentRoutes are the pages of incidents themselves.
func (p *Pages) incidentRoutes() []web.Route {
	const one = "/incident/incidents/ALM-0000-0000"
	get := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "GET", Pattern: "/incident/incidents" + pattern, Permission: permission, Handler: h, Sample: "GET " + sample}
	}
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "POST", Pattern: "/incident/incidents" + pattern, Permission: permission, Handler: h, Sample: "POST " + sample}
	}
	return []web.Route{
		get("", read, "/incident/incidents?state=open", p.list),
		get("/new", open, "/incident/incidents/new", p.newIncident),
		post("", open, "/incident/incidents title=a&severity=high&marking=TLP:AMBER", p.openIncident),
		get("/{number}", read, one, p.incident),
		get("/{number}/edit", change, one+"/edit", p.editHead),
		post("/{number}/edit", change, one+"/edit title=a&severity=high&marking=TLP:AMBER&version=1", p.saveHead),
		get("/{number}/close", closing, one+"/close", p.confirmClose),
		post("/{number}/close", closing, one+"/close state=resolved&resolution=a&version=1", p.closeIncident),
		get("/{number}/reopen", reopening, one+"/reopen", p.confirmReopen),
		post("/{number}/reopen", reopening, one+"/reopen reason=a", p.reopenIncident),
		get("/{number}/participants", read, one+"/participants", p.participants),
		post("/{number}/participants", addPart, one+"/participants organisation=a&role=affected", p.addParticipant),
		get("/{number}/participants/{participant}/remove", removePart, one+"/participants/1/remove", p.confirmRemove),
		post("/{number}/participants/{participant}/remove", removePart, one+"/participants/1/remove reason=a", p.removeParticipant),
		post("/{number}/lead", offerLead, one+"/lead lead=1", p.offerLead),
		post("/{number}/lead/answer", answerLead, one+"/lead/answer accept=yes", p.answerLead),
		get("/{number}/merge", merging, one+"/merge", p.confirmMerge),
		post("/{number}/merge", merging, one+"/merge into=ALM-0000-0000&reason=a", p.merge),
		get("/{number}/split", splitting, one+"/split", p.confirmSplit),
		post("/{number}/split", splitting, one+"/split title=a&reason=a&entry=1", p.split),
	}
}

// incidentPage is the dot of an incident's page.
type incidentPage struct {
	Write    *writeForm
	Story    []story
	Empty    web.Empty
	Facts    []web.Facts
	Tasks    *web.List
	Sights   *web.List
	Lists    []web.List
	Merged   []web.Link
	Resolved string
}

func (p *Pages) incident(w http.ResponseWriter, r *http.Request) error {
	return p.showIncident(w, r, http.StatusOK, nil)
}

// showIncident shows an incident, with a refused form of writing when there is one.
func (p *Pages) showIncident(w http.ResponseWriter, r *http.Request, status int, problem error) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	page := p.head(r, &i)
	page.Topics = []string{incident.Topic(i.ID)}
	data := incidentPage{Resolved: i.Resolution, Empty: web.Empty{Title: web.Say(r, "incident.desk.story.empty"), Why: web.Say(r, "incident.desk.story.empty.why")}}
	var strictest tlp.Marking
	if data.Story, strictest, err = p.story(r, &i); err != nil {
		return err
	}
	page.Marking = strictest.String()
	if err := p.sides(r, &i, &data); err != nil {
		return err
	}
	if i.State == incident.Open && i.MergedInto == 0 && can(r, addEntry) {
		if data.Write, err = p.writeForm(r, &i); err != nil {
			return err
		}
		if problem != nil {
			data.Write.fill(r)
			fail(r, &page, problem, &data.Write.Head, &data.Write.More)
			data.Write.Open = true
		}
	}
	if page.Audience, err = p.headAudience(r, &i); err != nil {
		return err
	}
	p.actions(r, &i, &page)
	more, err := p.extras(r, &i)
	if err != nil {
		return err
	}
	for _, x := range more {
		page.Actions = append(page.Actions, x.Actions...)
		data.Facts = append(data.Facts, x.Facts...)
		data.Lists = append(data.Lists, x.Lists...)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/incident", page)
}

// sides fills what stands beside and below the story.
func (p *Pages) sides(r *http.Request, i *incident.Incident, data *incidentPage) error {
	ps, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, false)
	if err != nil {
		return err
	}
	data.Facts = []web.Facts{p.facts(r, i), p.participantFacts(r, i, ps)}
	if data.Tasks, err = p.taskList(r, i); err != nil {
		return err
	}
	if data.Sights, err = p.sightList(r, i); err != nil {
		return err
	}
	merged, err := p.in.Merged(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	for _, m := range merged {
		data.Merged = append(data.Merged, web.Link{Label: p.in.Number(m.ID) + " · " + m.Title, URL: incidentURL(p.in.Number(m.ID))})
	}
	return err
}

// actions gives the one primary action by state, and the others.
func (p *Pages) actions(r *http.Request, i *incident.Incident, page *web.Page) {
	u := incidentURL(page.Number)
	add := func(permission, key, url, icon string) {
		if can(r, permission) {
			page.Actions = append(page.Actions, web.Action{Label: web.Say(r, key), URL: url, Icon: icon})
		}
	}
	add(read, "incident.desk.participants", u+"/participants", "people")
	switch {
	case i.MergedInto != 0:
		into := p.in.Number(i.MergedInto)
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.merged.into", "Number", into), URL: incidentURL(into), Icon: "older", Tone: "primary"}
		add(merging, "incident.desk.unmerge", u+"/merge", "edit")
	case i.State != incident.Open:
		if can(r, reopening) {
			page.Primary = &web.Action{Label: web.Say(r, "incident.desk.reopen"), URL: u + "/reopen", Icon: "edit", Tone: "primary"}
		}
	default:
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.write"), URL: u + "#write", Icon: "edit", Tone: "primary"}
		add(change, "incident.desk.edit", u+"/edit", "edit")
		add(merging, "incident.desk.merge", u+"/merge", "older")
		add(splitting, "incident.desk.split", u+"/split", "external")
		add(closing, "incident.desk.close", u+"/close", "check")
	}
}

// facts are what is known about an incident.
func (p *Pages) facts(r *http.Request, i *incident.Incident) web.Facts {
	items := []web.Fact{
		{Label: web.Say(r, "incident.desk.column.lead"), Cell: web.Anchor(p.orgName(i.Lead), orgURL(i.Lead))},
		{Label: web.Say(r, "incident.desk.fact.marking"), Cell: web.Text(i.Marking.String())},
		{Label: web.Say(r, "incident.desk.column.opened"), Cell: web.Cell{At: i.OpenedAt, Sub: p.who(r, i.OpenedBy)}},
	}
	add := func(key string, c web.Cell) { items = append(items, web.Fact{Label: web.Say(r, key), Cell: c}) }
	if i.Class != "" {
		add("incident.desk.fact.class", web.Text(i.Class))
	}
	if len(i.Countries) > 0 {
		add("incident.desk.fact.countries", web.Text(strings.Join(i.Countries, " ")))
	}
	if i.Offered != 0 {
		add("incident.desk.fact.offered", web.Text(p.orgName(i.Offered)))
	}
	if !i.ClosedAt.IsZero() {
		add("incident.desk.fact.closed", web.Exactly(i.ClosedAt))
	}
	if i.SplitFrom != 0 {
		n := p.in.Number(i.SplitFrom)
		add("incident.desk.fact.split", web.Cell{Text: n, URL: incidentURL(n), Mono: true})
	}
	if i.Imported != "" {
		add("incident.desk.fact.imported", web.Code(i.Imported))
	}
	return web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: items}
}

func (p *Pages) participantFacts(r *http.Request, i *incident.Incident, ps []incident.Participant) web.Facts {
	f := web.Facts{Title: web.Say(r, "incident.desk.participants")}
	for _, one := range ps {
		c := web.Anchor(p.orgName(one.Org), orgURL(one.Org))
		if one.Person != 0 {
			c.Sub = p.personName(r, one.Person)
		}
		f.Items = append(f.Items, web.Fact{Label: web.Say(r, "incident.desk.role."+string(one.Role)), Cell: c})
	}
	if len(ps) == 0 {
		f.Items = []web.Fact{{Label: web.Say(r, "incident.desk.participants.none"), Cell: web.Anchor(web.Say(r, "incident.desk.participant.add"), incidentURL(p.in.Number(i.ID))+"/participants")}}
	}
	return f
}

// headAudience says who sees the head: the desk and whoever takes part.
func (p *Pages) headAudience(r *http.Request, i *incident.Incident) (*web.Audience, error) {
	ps, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, false)
	a := &web.Audience{Marking: i.Marking.String(), Summary: web.Say(r, "incident.desk.audience.head"), Note: web.Say(r, "incident.desk.audience.head.note")}
	for _, one := range ps {
		m := web.Member{Name: p.orgName(one.Org), URL: orgURL(one.Org), Why: web.Say(r, "incident.desk.role."+string(one.Role))}
		if one.Person != 0 {
			m.Name = p.personName(r, one.Person) + " · " + m.Name
		}
		a.Members = append(a.Members, m)
	}
	return a, err
}

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

// about is the page of a form about an incident.
func (p *Pages) about(r *http.Request, i *incident.Incident, title string) web.Page {
	page := p.head(r, i, web.Link{Label: p.in.Number(i.ID), URL: incidentURL(p.in.Number(i.ID))})
	page.Title, page.Number, page.Lead = title, "", i.Title
	return page
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

// post is the frame of a posted form about an incident: do, then go to a page below it
// with a word; what can be corrected is shown again.
func (p *Pages) post(w http.ResponseWriter, r *http.Request, said, to string, do func(*incident.Incident) error, again func(*incident.Incident, error) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	err = do(&i)
	if correctable(err) && again != nil {
		return again(&i, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID))+to, web.Flash{Key: said})
	return nil
}

// confirmPage shows what will happen before it does.
func (p *Pages) confirmPage(w http.ResponseWriter, r *http.Request, page web.Page, c web.Confirm, problem error) error {
	status := http.StatusOK
	if problem != nil {
		status = statusOf(problem)
		f := web.Form{Fields: c.Fields}
		f.Fill(r.PostForm.Get)
		fail(r, &page, problem, &f)
		c.Reason = r.PostForm.Get("reason")
		for _, one := range page.Faults {
			if one.Field == "reason" {
				c.ReasonFault = one.Text
			}
		}
	}
	page.Data = c
	return p.site.Page(w, r, status, "incident/confirm", page)
}

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

// incidentNamed is another incident, by its number in a form.
func (p *Pages) incidentNamed(r *http.Request, field string) (incident.Incident, error) {
	i, err := p.in.Numbered(r.Context(), p.in.Acts.Reader(), viewer(r), r.PostForm.Get(field))
	if fault.CodeOf(err) == fault.NotFound {
		err = fault.OnField(field, "incident.none", nil)
	}
	return i, err
}

func (p *Pages) confirmMerge(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showMerge(w, r, &i, nil)
}

func (p *Pages) showMerge(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	c := web.Confirm{
		Title: web.Say(r, "incident.desk.merge"), Text: web.Say(r, "incident.desk.merge.text"), Action: u + "/merge", Verb: web.Say(r, "incident.desk.merge"), NeedReason: true, Cancel: u,
		NoEffect: web.Say(r, "incident.desk.merge.effect"), Fields: []web.Field{{
			Name: "into", Type: "text", Label: web.Say(r, "incident.desk.merge.into"), Required: true, Autofocus: true, Autocomplete: "off", Example: "ALM-4K7Q-2M9X", Mono: true,
		}},
	}
	if i.MergedInto != 0 {
		c.Title, c.Verb, c.Fields = web.Say(r, "incident.desk.unmerge"), web.Say(r, "incident.desk.unmerge"), nil
		c.Text, c.NoEffect = "", web.Say(r, "incident.desk.unmerge.effect")
	}
	return p.confirmPage(w, r, p.about(r, i, c.Title), c, problem)
}

func (p *Pages) merge(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.merged", "", func(i *incident.Incident) error {
		reason := r.PostForm.Get("reason")
		if !r.PostForm.Has("into") { // only the form that takes apart; one that merges may come twice
			return p.in.Unmerge(r.Context(), actor(r), i.ID, reason)
		}
		into, err := p.incidentNamed(r, "into")
		if err != nil {
			return err
		}
		return p.in.Merge(r.Context(), actor(r), i.ID, into.ID, reason)
	}, func(i *incident.Incident, problem error) error { return p.showMerge(w, r, i, problem) })
}

// splitPage is the dot of the form that chooses what to split off.
type splitPage struct {
	Action, Cancel string
	Fields         []web.Field
	Entries        []choice
}

// choice is one box to tick.
type choice struct {
	Name    string // of the form's value
	ID      int64
	Label   string
	Sub     string
	Checked bool
}

func (p *Pages) confirmSplit(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showSplit(w, r, &i, nil)
}

func (p *Pages) showSplit(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	entries, err := p.in.Story(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return err
	}
	u := incidentURL(p.in.Number(i.ID))
	data := splitPage{Action: u + "/split", Cancel: u}
	chosen := r.Form["entry"]
	for _, e := range entries {
		if e.Incident == i.ID && e.RetractedAt.IsZero() {
			data.Entries = append(data.Entries, choice{"entry", e.ID, clip(e.Text, 120), p.orgName(e.Owner) + " · " + web.Say(r, "incident.desk.kind."+string(e.Kind)), slices.Contains(chosen, number(e.ID))})
		}
	}
	f := web.Form{Fields: []web.Field{
		{Name: "title", Type: "text", Label: web.Say(r, "incident.desk.split.title"), Required: true, Autocomplete: "off"},
		{Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason"), Required: true},
	}}
	page, status := p.about(r, i, web.Say(r, "incident.desk.split")), http.StatusOK
	if problem != nil {
		status = statusOf(problem)
		f.Fill(r.PostForm.Get)
		fail(r, &page, problem, &f)
	}
	data.Fields, page.Data = f.Fields, data
	return p.site.Page(w, r, status, "incident/split", page)
}

func (p *Pages) split(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	var entries []int64
	for _, s := range r.PostForm["entry"] {
		entries = append(entries, positive(s))
	}
	to, err := p.in.Split(r.Context(), actor(r), i.ID, entries, r.PostForm.Get("title"), r.PostForm.Get("reason"))
	if correctable(err) {
		return p.showSplit(w, r, &i, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(to.ID)), web.Flash{Key: "incident.desk.split.done"})
	return nil
}

// orgNamed is an organisation by its name in a form.
func (p *Pages) orgNamed(r *http.Request, field string) (guard.Organisation, error) {
	o, ok, err := p.in.Guard.OrganisationNamed(r.Context(), p.in.Acts.Reader(), r.PostForm.Get(field))
	if err == nil && !ok {
		err = fault.OnField(field, "incident.participant.no_organisation", nil)
	}
	return o, err
}
