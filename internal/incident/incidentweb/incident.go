package incidentweb

import (
	"net/http"
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

// start is GET /incident: the room's address leads to the list.
func (*Pages) start(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/incident/incidents", http.StatusSeeOther)
	return nil
}

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
		{Method: "GET", Pattern: "/incident", Permission: read, Handler: p.start, Sample: "GET /incident"},
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
		get("/{number}/unsplit", splitting, one+"/unsplit", p.confirmUnsplit),
		post("/{number}/unsplit", splitting, one+"/unsplit reason=a", p.unsplit),
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
	page.Topics = []string{incident.Topic(i.ID), incident.CrossingsTopic}
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
	} else if problem != nil {
		fail(r, &page, problem)
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
		if i.SplitFrom != 0 {
			add(splitting, "incident.desk.unsplit", u+"/unsplit", "older")
		}
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

// about is the page of a form about an incident.
func (p *Pages) about(r *http.Request, i *incident.Incident, title string) web.Page {
	page := p.head(r, i, web.Link{Label: p.in.Number(i.ID), URL: incidentURL(p.in.Number(i.ID))})
	page.Title, page.Number, page.Lead = title, "", i.Title
	return page
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

// orgNamed is an organisation by its name in a form.
func (p *Pages) orgNamed(r *http.Request, field string) (guard.Organisation, error) {
	o, ok, err := p.in.Guard.OrganisationNamed(r.Context(), p.in.Acts.Reader(), r.PostForm.Get(field))
	if err == nil && !ok {
		err = fault.OnField(field, "incident.participant.no_organisation", nil)
	}
	return o, err
}
