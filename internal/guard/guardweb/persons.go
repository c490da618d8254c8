package guardweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
)

const personsURL = "/guard/persons"

func personURL(id int64) string { return personsURL + "/" + number(id) }

func (p *Pages) personRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: "/guard", Permission: "guard.read", Handler: p.start, Sample: "GET /guard"},
		{Method: "GET", Pattern: personsURL, Permission: "guard.read", Handler: p.persons, Sample: "GET /guard/persons"},
		{Method: "GET", Pattern: personsURL + "/new", Permission: "guard.add_person", Handler: p.newPerson, Sample: "GET /guard/persons/new"},
		{Method: "POST", Pattern: personsURL, Permission: "guard.add_person", Handler: p.addPerson, Sample: "POST /guard/persons name=Ana+Ferreira&language=en&zone=UTC"},
		{Method: "GET", Pattern: personsURL + "/{id}", Permission: "guard.read", Handler: p.person, Sample: "GET /guard/persons/1"},
		{Method: "GET", Pattern: personsURL + "/{id}/edit", Permission: "guard.change_person", Handler: p.editPerson, Sample: "GET /guard/persons/1/edit"},
		{Method: "POST", Pattern: personsURL + "/{id}", Permission: "guard.change_person", Handler: p.changePerson, Sample: "POST /guard/persons/1 name=Ana&version=0"},
		{Method: "GET", Pattern: personsURL + "/{id}/roles", Permission: "guard.set_roles", Handler: p.roles, Sample: "GET /guard/persons/1/roles"},
		{Method: "POST", Pattern: personsURL + "/{id}/roles", Permission: "guard.set_roles", Handler: p.setRoles, Sample: "POST /guard/persons/1/roles role=nobody&reason=a"},
		{Method: "GET", Pattern: personsURL + "/{id}/end", Permission: "guard.change_person", Handler: p.confirmEnd, Sample: "GET /guard/persons/1/end"},
		{Method: "POST", Pattern: personsURL + "/{id}/end", Permission: "guard.change_person", Handler: p.end, Sample: "POST /guard/persons/1/end version=0"},
	}
}

const personsPerPage = 50

// listPage is a page that is one list.
type listPage struct{ List web.List }

// start is GET /guard: the room's own address leads to the persons, as its rail does.
func (p *Pages) start(w http.ResponseWriter, r *http.Request) error {
	p.site.Redirect(w, r, personsURL, web.Flash{})
	return nil
}

func (p *Pages) persons(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	f := guard.PersonFilter{Role: q.Get("role"), Email: strings.TrimSpace(q.Get("email")), Limit: personsPerPage + 1, Staff: q.Get("who") != "all"}
	if f.Role != "" || f.Email != "" {
		f.Staff = false
	}
	f.After, _ = strconv.ParseInt(q.Get("after"), 10, 64) // anything else starts at the beginning
	found, err := p.guard.Persons(r.Context(), p.acts.Reader(), f)
	if err != nil {
		return err
	}
	orgs, err := p.organisationNames(r, found)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "persons", Caption: web.Say(r, "guard.persons"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "guard.column.name", "guard.column.organisation", "guard.column.roles", "guard.column.email", "guard.column.state"),
		Filters: web.Sift(r, roleFilter(r), web.Field{Name: "email", Type: "email", Label: web.Say(r, "guard.column.email")}),
		Views: []web.Link{
			{Label: web.Say(r, "guard.persons.staff"), URL: personsURL, Current: f.Staff},
			{Label: web.Say(r, "guard.persons.all"), URL: personsURL + "?who=all", Current: q.Get("who") == "all"},
		},
		Empty: web.Empty{Title: web.Say(r, "guard.persons.none"), Why: web.Say(r, "guard.persons.none.why")},
	}
	if len(found) > personsPerPage {
		found = found[:personsPerPage]
		list.Older = web.With(r.URL, "after", number(found[personsPerPage-1].ID))
	}
	for _, person := range found {
		list.Rows = append(list.Rows, personRow(r, person, orgs[person.Org]))
	}
	page := web.Page{Title: web.Say(r, "guard.persons"), Room: "guard", Lead: web.Say(r, "guard.persons.lead"), Data: listPage{list}}
	if can(r.Context(), "guard.add_person") {
		page.Primary = &web.Action{Label: web.Say(r, "guard.person.add"), URL: personsURL + "/new", Icon: "plus", Tone: "primary"}
	}
	page.Actions = []web.Action{
		{Label: web.Say(r, "guard.tokens"), URL: "/guard/tokens", Icon: "key"},
		{Label: web.Say(r, "guard.denials"), URL: "/guard/denials", Icon: "lock"},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/list", page)
}

func roleFilter(r *http.Request) web.Field {
	f := web.Field{Name: "role", Type: "select", Label: web.Say(r, "guard.column.roles"), Options: []web.Option{{}}}
	for _, role := range guard.Roles() {
		f.Options = append(f.Options, web.Option{Value: role, Label: web.Say(r, "guard.role."+role)})
	}
	return f
}

func personRow(r *http.Request, person guard.Person, org string) web.Row {
	return web.Row{URL: personURL(person.ID), Cells: []web.Cell{
		web.Anchor(person.Name, personURL(person.ID)), web.Text(org), web.Text(roleWords(r, person.Roles)),
		web.Text(person.Email), web.Marked(stateOf(r, person)),
	}}
}

func roleWords(r *http.Request, roles []string) string {
	var out []string
	for _, role := range roles {
		out = append(out, web.Say(r, "guard.role."+role))
	}
	return strings.Join(out, ", ")
}

func stateOf(r *http.Request, person guard.Person) web.Badge {
	switch {
	case person.Mailbox:
		return web.Badge{Tone: "info", Icon: "mail", Word: web.Say(r, "guard.person.mailbox")}
	case person.Active:
		return web.Badge{Tone: "ok", Word: web.Say(r, "guard.person.active")}
	}
	return web.Badge{Tone: "muted", Icon: "lock", Word: web.Say(r, "guard.person.ended")}
}

// organisationNames are the names of the organisations of some persons.
func (p *Pages) organisationNames(r *http.Request, persons []guard.Person) (map[int64]string, error) {
	names := map[int64]string{}
	for _, person := range persons {
		if _, known := names[person.Org]; known {
			continue
		}
		o, err := p.guard.Organisation(r.Context(), p.acts.Reader(), person.Org)
		if err != nil {
			return nil, err
		}
		names[person.Org] = o.Name
	}
	return names, nil
}

// personPage is one person's page.
type personPage struct {
	Facts  web.Facts
	Access access
	Token  *web.Form // makes a token; nil when the reader may not
}

func (p *Pages) person(w http.ResponseWriter, r *http.Request) error {
	id, err := personID(r)
	if err != nil {
		return err
	}
	return p.showPerson(w, r, http.StatusOK, id, nil, nil)
}

func (p *Pages) showPerson(w http.ResponseWriter, r *http.Request, status int, id int64, form *web.Form, problem error) error {
	person, err := p.guard.Person(r.Context(), p.acts.Reader(), id)
	if err != nil {
		return err
	}
	org, err := p.guard.Organisation(r.Context(), p.acts.Reader(), person.Org)
	if err != nil {
		return err
	}
	home := web.Text(org.Name)
	if can(r.Context(), "constituency.read") {
		home.URL = organisationURL(org.ID)
	}
	data := personPage{Token: form, Facts: web.Facts{Items: []web.Fact{
		{Label: web.Say(r, "guard.column.organisation"), Cell: home},
		{Label: web.Say(r, "guard.column.roles"), Cell: web.Text(roleWords(r, person.Roles))},
		{Label: web.Say(r, "guard.column.email"), Cell: web.Text(person.Email)},
		{Label: web.Say(r, "guard.person.field.phone"), Cell: web.Text(person.Phone)},
		{Label: web.Say(r, "guard.person.field.language"), Cell: web.Text(person.Language)},
		{Label: web.Say(r, "guard.person.field.zone"), Cell: web.Text(person.Zone)},
	}}}
	if data.Access, err = p.accessOf(r, person, personURL(id), "", can(r.Context(), "guard.end_session")); err != nil {
		return err
	}
	if data.Token == nil && !person.Mailbox && person.Active && can(r.Context(), "guard.issue_token") {
		data.Token = tokenForm(r, person.ID)
	}
	page := web.Page{
		Title: person.Name, Room: "guard", Badges: []web.Badge{stateOf(r, person)}, Data: data,
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}},
	}
	p.personActions(r, person, &page)
	say(r, &page, problem)
	return p.site.Page(w, r, status, "guard/person", page)
}

// personActions offers what this reader may do with a person.
func (p *Pages) personActions(r *http.Request, person guard.Person, page *web.Page) {
	at, ctx := personURL(person.ID), r.Context()
	if can(ctx, "ledger.read") {
		acts := web.Action{Label: web.Say(r, "guard.person.acts"), URL: "/ledger?actor=" + url.QueryEscape("person:"+number(person.ID)), Icon: "history"}
		page.Actions = append(page.Actions, acts)
	}
	if can(ctx, "guard.change_person") {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "guard.person.edit"), URL: at + "/edit", Icon: "edit"})
	}
	if person.Mailbox {
		return
	}
	if can(ctx, "guard.set_roles") {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "guard.person.roles"), URL: at + "/roles", Icon: "guard"})
	}
	if person.Active && can(ctx, "guard.change_person") {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "guard.person.end"), URL: at + "/end", Icon: "lock"})
	}
	if person.Active && can(ctx, "guard.issue_link") {
		page.Primary = &web.Action{Label: web.Say(r, "guard.person.link"), URL: at + "/link", Icon: "link", Post: true, Tone: "primary"}
	}
}

// personForm asks for what a person is; add says that it is a new one.
func (p *Pages) personForm(r *http.Request, person guard.Person, add bool) *web.Form {
	f := &web.Form{Action: personURL(person.ID), Submit: web.Say(r, "guard.person.save"), Cancel: personURL(person.ID)}
	f.Hidden = []web.Hidden{{Name: "version", Value: number(person.Version)}}
	f.Fields = []web.Field{
		{Name: "name", Type: "text", Label: web.Say(r, "guard.column.name"), Value: person.Name, Required: true, Example: "Ana Ferreira", Autocomplete: "off"},
		{Name: "email", Type: "email", Label: web.Say(r, "guard.column.email"), Value: person.Email, Why: web.Say(r, "guard.person.field.email.why"), Example: "ana@csirt.example", Autocomplete: "off"},
		{Name: "phone", Type: "text", Label: web.Say(r, "guard.person.field.phone"), Value: person.Phone, Autocomplete: "off"},
		p.languageField(r, person.Language), zoneField(r, person.Zone),
	}
	if !add {
		f.Fields = append(f.Fields, web.Field{Name: "active", Type: "checkbox", Label: web.Say(r, "guard.person.field.active"), Checked: person.Active, Why: web.Say(r, "guard.person.field.active.why")})
		return f
	}
	f.Action, f.Submit, f.Cancel, f.Hidden = personsURL, web.Say(r, "guard.person.add"), personsURL, nil
	f.Fields = append(f.Fields,
		web.Field{Name: "organisation", Type: "text", Label: web.Say(r, "guard.column.organisation"), Why: web.Say(r, "guard.person.field.organisation.why")},
		web.Field{Name: "role", Type: "select", Label: web.Say(r, "guard.person.field.role"), Why: web.Say(r, "guard.person.field.role.why"), Options: roleFilter(r).Options},
	)
	return f
}

func (p *Pages) newPerson(w http.ResponseWriter, r *http.Request) error {
	return p.showNewPerson(w, r, http.StatusOK, p.personForm(r, guard.Person{Language: "en"}, true), nil)
}

func (p *Pages) showNewPerson(w http.ResponseWriter, r *http.Request, status int, form *web.Form, problem error) error {
	page := web.Page{
		Title: web.Say(r, "guard.person.add"), Room: "guard", Data: form,
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}},
	}
	say(r, &page, problem, form)
	return p.site.Page(w, r, status, "guard/form", page)
}

func (p *Pages) addPerson(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	v := r.PostForm
	n := guard.NewPerson{
		Org: guard.OwnOrg, Name: v.Get("name"), Email: strings.TrimSpace(v.Get("email")), Phone: v.Get("phone"),
		Language: v.Get("language"), Zone: strings.TrimSpace(v.Get("zone")),
	}
	if role := v.Get("role"); role != "" {
		n.Roles = []string{role}
	}
	err := p.findOrganisation(r, v, &n)
	var added guard.Person
	if err == nil {
		added, err = p.guard.AddPerson(r.Context(), actor(r), n)
	}
	if err == nil {
		p.site.Redirect(w, r, personURL(added.ID), web.Flash{Key: "guard.person.added", Args: map[string]any{"Name": added.Name}})
		return nil
	}
	form := p.personForm(r, guard.Person{}, true)
	form.Fill(v.Get)
	t, err := failed(r, form, err)
	if err != nil {
		return err
	}
	return p.showNewPerson(w, r, t.code, form, t.fault)
}

func (p *Pages) findOrganisation(r *http.Request, v url.Values, n *guard.NewPerson) error {
	name := strings.TrimSpace(v.Get("organisation"))
	if name == "" {
		return nil
	}
	o, ok, err := p.guard.OrganisationNamed(r.Context(), p.acts.Reader(), name)
	if err != nil {
		return err
	}
	if !ok {
		return fault.OnField("organisation", "guard.organisation.none", nil)
	}
	n.Org = o.ID
	return nil
}

// named is the person in the address.
func (p *Pages) named(r *http.Request) (guard.Person, error) {
	id, err := personID(r)
	if err != nil {
		return guard.Person{}, err
	}
	return p.guard.Person(r.Context(), p.acts.Reader(), id)
}

func (p *Pages) editPerson(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	return p.showPersonForm(w, r, http.StatusOK, person, "guard.person.edit", p.personForm(r, person, false), nil)
}

func (p *Pages) showPersonForm(w http.ResponseWriter, r *http.Request, status int, person guard.Person, title string, form *web.Form, problem error) error {
	page := web.Page{
		Title: web.Say(r, title), Room: "guard", Lead: person.Name, Data: form,
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}, {Label: person.Name, URL: personURL(person.ID)}},
	}
	say(r, &page, problem, form)
	return p.site.Page(w, r, status, "guard/form", page)
}

func (p *Pages) changePerson(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	if err := web.Parse(r); err != nil {
		return err
	}
	v := r.PostForm
	err = p.guard.ChangePerson(r.Context(), actor(r), person.ID, guard.PersonChange{
		Name: v.Get("name"), Email: strings.TrimSpace(v.Get("email")), Phone: v.Get("phone"), Language: v.Get("language"),
		Zone: strings.TrimSpace(v.Get("zone")), Active: v.Get("active") != "", Version: wholeOf(r, "version"),
	})
	if err == nil {
		p.site.Redirect(w, r, personURL(person.ID), web.Flash{Key: "guard.person.saved"})
		return nil
	}
	form := p.personForm(r, person, false)
	form.Fill(v.Get)
	t, err := failed(r, form, err)
	if err != nil {
		return err
	}
	return p.showPersonForm(w, r, t.code, person, "guard.person.edit", form, t.fault)
}

// rolesForm asks which roles a person has, and why they change.
func rolesForm(r *http.Request, person guard.Person, roles []string) *web.Form {
	f := &web.Form{Action: personURL(person.ID) + "/roles", Submit: web.Say(r, "guard.person.roles.save"), Cancel: personURL(person.ID)}
	for _, role := range guard.Roles() {
		f.Fields = append(f.Fields, web.Field{
			Name: "role-" + role, Type: "checkbox", Value: role, Checked: slices.Contains(roles, role),
			Label: web.Say(r, "guard.role."+role), Why: web.Say(r, "guard.role."+role+".why"),
		})
	}
	f.Fields = append(f.Fields, web.Field{
		Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "frame.confirm.reason"), Required: true,
		Why: web.Say(r, "frame.confirm.reason.why"),
	})
	return f
}

func (p *Pages) roles(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	return p.showPersonForm(w, r, http.StatusOK, person, "guard.person.roles", rolesForm(r, person, person.Roles), nil)
}

func (p *Pages) setRoles(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	if err := web.Parse(r); err != nil {
		return err
	}
	var roles []string
	for _, role := range guard.Roles() {
		if r.PostForm.Get("role-"+role) != "" {
			roles = append(roles, role)
		}
	}
	reason := strings.TrimSpace(r.PostForm.Get("reason"))
	if text.Blank(reason) {
		err = fault.OnField("reason", "fault.reason_required", nil)
	} else {
		err = p.guard.SetRoles(r.Context(), actor(r), person.ID, roles, reason)
	}
	if err == nil {
		p.site.Redirect(w, r, personURL(person.ID), web.Flash{Key: "guard.person.roles.saved"})
		return nil
	}
	form := rolesForm(r, person, roles)
	form.Fields[len(form.Fields)-1].Value = reason
	t, err := failed(r, form, err)
	if err != nil {
		return err
	}
	return p.showPersonForm(w, r, t.code, person, "guard.person.roles", form, t.fault)
}

func (p *Pages) confirmEnd(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	a, err := p.accessOf(r, person, personURL(person.ID), "", false)
	if err != nil {
		return err
	}
	c := web.Confirm{
		Title: web.Say(r, "guard.person.end.title", "Name", person.Name), Text: web.Say(r, "guard.person.end.text"),
		Action: personURL(person.ID) + "/end", Verb: web.Say(r, "guard.person.end"), Tone: "danger", Cancel: personURL(person.ID),
		Hidden: []web.Hidden{{Name: "version", Value: number(person.Version)}},
		Effects: []web.Effect{
			{Count: int64(len(a.Sessions.Rows)), What: web.Say(r, "guard.person.end.sessions")},
			{Count: int64(len(a.Tokens.Rows)), What: web.Say(r, "guard.person.end.tokens")},
		},
	}
	page := web.Page{
		Title: web.Say(r, "guard.person.end"), Room: "guard", Data: c,
		Crumbs: []web.Link{{Label: web.Say(r, "guard.persons"), URL: personsURL}, {Label: person.Name, URL: personURL(person.ID)}},
	}
	return p.site.Page(w, r, http.StatusOK, "guard/confirm", page)
}

// end takes a person's access away at once; what the person is stays.
func (p *Pages) end(w http.ResponseWriter, r *http.Request) error {
	person, err := p.named(r)
	if err != nil {
		return err
	}
	if err := web.Parse(r); err != nil {
		return err
	}
	err = p.guard.ChangePerson(r.Context(), actor(r), person.ID, guard.PersonChange{
		Name: person.Name, Email: person.Email, Phone: person.Phone, Language: person.Language, Zone: person.Zone,
		Version: wholeOf(r, "version"),
	})
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, personURL(person.ID), web.Flash{Key: "guard.person.ended.done", Args: map[string]any{"Name": person.Name}})
	return nil
}
