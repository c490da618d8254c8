package incidentweb

import (
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/rsit"
	"almenara.example/tlp"
)

// writeForm is the form in which somebody writes into an incident: the words first,
// everything else has a default that would do.
type writeForm struct {
	Action   string
	Head     web.Form // words, kind, marking
	Who      []choice // organisations
	Persons  []choice
	More     web.Form
	Open     bool // more than the words is in sight
	Audience *web.Audience
	WhoFault string
}

// members are whom an entry can be shown to, besides the desk.
type members struct {
	orgs    []int64
	persons []guard.Person
}

// hit is 1 for a participant who is hit.
func hit(p incident.Participant) int {
	if p.Role == "affected" {
		return 1
	}
	return 0
}

func (p *Pages) membersOf(r *http.Request, i *incident.Incident) (m members, err error) {
	ps, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, false)
	if err != nil {
		return m, err
	}
	slices.SortStableFunc(ps, func(a, b incident.Participant) int { return hit(b) - hit(a) }) // who is hit comes first
	for _, one := range ps {
		if !slices.Contains(m.orgs, one.Org) {
			m.orgs = append(m.orgs, one.Org)
		}
	}
	for _, org := range append([]int64{guard.OwnOrg}, m.orgs...) {
		people, err := p.in.Guard.Persons(r.Context(), p.in.Acts.Reader(), guard.PersonFilter{Org: org, Limit: 50})
		if err != nil {
			return m, err
		}
		for _, one := range people {
			if one.Active {
				m.persons = append(m.persons, one)
			}
		}
	}
	return m, nil
}

func (p *Pages) writeForm(r *http.Request, i *incident.Incident) (*writeForm, error) {
	m, err := p.membersOf(r, i)
	if err != nil {
		return nil, err
	}
	f := &writeForm{Action: incidentURL(p.in.Number(i.ID)) + "/entries"}
	kind := web.Field{Name: "kind", Type: "select", Label: web.Say(r, "incident.desk.column.kind")}
	for _, k := range incident.Kinds() {
		kind.Options = append(kind.Options, web.Option{Value: string(k), Label: web.Say(r, "incident.desk.kind."+string(k))})
	}
	f.Head.Fields = []web.Field{
		{Name: "text", Type: "textarea", Rows: 4, Label: web.Say(r, "incident.desk.text"), Why: web.Say(r, "incident.desk.text.why")},
		kind, {Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, i.Marking, true)},
	}
	owes := web.Field{Name: "owes", Type: "select", Label: web.Say(r, "incident.desk.owes"), Options: []web.Option{{Label: web.Say(r, "incident.desk.nobody")}, {Value: number(guard.OwnOrg), Label: p.orgName(guard.OwnOrg)}}}
	owner := web.Field{Name: "owner", Type: "select", Label: web.Say(r, "incident.desk.owner"), Why: web.Say(r, "incident.desk.owner.why"), Options: []web.Option{{Label: p.orgName(guard.OwnOrg)}}}
	for _, org := range m.orgs {
		o := web.Option{Value: number(org), Label: p.orgName(org)}
		f.Who = append(f.Who, choice{Name: "org", ID: org, Label: o.Label})
		owes.Options, owner.Options = append(owes.Options, o), append(owner.Options, o)
	}
	for _, one := range m.persons {
		f.Persons = append(f.Persons, choice{Name: "person", ID: one.ID, Label: one.Name, Sub: p.orgName(one.Org)})
	}
	f.More.Fields = []web.Field{
		{Name: "by", Type: "text", Label: web.Say(r, "incident.desk.by"), Why: web.Say(r, "incident.desk.by.why"), Autocomplete: "off"},
		owner,
		{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
		{Name: "observables", Type: "textarea", Rows: 3, Mono: true, Label: web.Say(r, "incident.desk.observables"), Why: web.Say(r, "incident.desk.observables.why"), Example: "192.0.2.7, hxxps://login.op[.]example/a"},
		{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "incident.desk.files")},
		owes,
		{Name: "due", Type: "datetime-local", Label: web.Say(r, "incident.desk.due"), Why: web.Say(r, "incident.desk.due.why")},
	}
	return f, nil
}

// fill puts what was typed back into the form.
func (f *writeForm) fill(r *http.Request) {
	f.Head.Fill(r.PostForm.Get)
	f.More.Fill(r.PostForm.Get)
	for i := range f.Who {
		f.Who[i].Checked = slices.Contains(r.PostForm["org"], number(f.Who[i].ID))
	}
	for i := range f.Persons {
		f.Persons[i].Checked = slices.Contains(r.PostForm["person"], number(f.Persons[i].ID))
	}
}

// circleOf reads whom a form chose.
func circleOf(r *http.Request) (c guard.Circle) {
	for _, s := range r.PostForm["org"] {
		c.Orgs = append(c.Orgs, positive(s))
	}
	for _, s := range r.PostForm["person"] {
		c.Persons = append(c.Persons, positive(s))
	}
	return c
}

func readMarking(r *http.Request) tlp.Marking {
	m, err := tlp.Parse(r.PostForm.Get("marking"))
	if err != nil {
		return tlp.Unmarked // the verb says so
	}
	return m
}

// readEntry reads a posted entry.
func readEntry(r *http.Request) (n incident.NewEntry, err error) {
	f := r.PostForm
	n = incident.NewEntry{
		Kind: incident.Kind(f.Get("kind")), Marking: readMarking(r), To: circleOf(r), Owner: positive(f.Get("owner")), By: f.Get("by"), Text: f.Get("text"),
		ReplyTo: positive(f.Get("reply")),
	}
	if n.Kind == "" {
		n.Kind = incident.Note
	}
	if n.At, err = timeOf(r, "at"); err != nil {
		return n, err
	}
	for _, v := range strings.FieldsFunc(f.Get("observables"), func(c rune) bool { return c == '\n' || c == ',' || c == ';' }) {
		if v = strings.TrimSpace(v); v != "" {
			n.Observables = append(n.Observables, incident.NewObservable{Value: v})
		}
	}
	if n.Kind == incident.TaskEntry || n.Kind == incident.Question || n.Kind == incident.Measure {
		n.Task = &incident.NewTask{Org: positive(f.Get("owes"))}
		if n.Task.Due, err = timeOf(r, "due"); err != nil {
			return n, err
		}
	}
	n.Files, err = readFiles(r)
	return n, err
}

// readFiles reads what was attached, within the room's bounds.
func readFiles(r *http.Request) (out []incident.NewFile, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	for _, h := range r.MultipartForm.File["files"] {
		body, err := readFile(h)
		if err != nil {
			return nil, err
		}
		out = append(out, incident.NewFile{Name: h.Filename, Body: body})
	}
	return out, nil
}

func readFile(h *multipart.FileHeader) ([]byte, error) {
	if h.Size > incident.MaxFile {
		return nil, fault.OnField("files", "incident.file.large", fault.Args{"Name": fault.Clip(h.Filename), "Max": incident.MaxFile >> 20})
	}
	f, err := h.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}

// write keeps an entry, or shows who would see it.
func (p *Pages) write(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	n, err := readEntry(r)
	if err == nil && r.PostForm.Get("do") == "look" {
		return p.showWhoWillSee(w, r, &i, n)
	}
	if err == nil {
		_, err = p.in.AddEntry(r.Context(), actor(r), i.ID, n)
	}
	if correctable(err) {
		return p.showIncident(w, r, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID)), web.Flash{Key: "incident.desk.written"})
	return nil
}

// showWhoWillSee shows the form again with exactly who would see the entry.
func (p *Pages) showWhoWillSee(w http.ResponseWriter, r *http.Request, i *incident.Incident, n incident.NewEntry) error {
	owner := n.Owner
	if owner == 0 {
		owner = actor(r).Org
	}
	c, err := p.in.WhoWillSee(r.Context(), p.in.Acts.Reader(), actor(r), i.ID, owner, n.Marking, n.To)
	if correctable(err) {
		return p.showIncident(w, r, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	page := p.about(r, i, web.Say(r, "incident.desk.write"))
	form, err := p.writeForm(r, i)
	if err != nil {
		return err
	}
	form.fill(r)
	form.Open, form.Audience = true, p.circle(r, n.Marking.String(), c)
	page.Marking, page.Data = n.Marking.String(), form
	return p.site.Page(w, r, http.StatusOK, "incident/write", page)
}

// circle names who is in an audience.
func (p *Pages) circle(r *http.Request, marking string, c guard.Circle) *web.Audience {
	a := &web.Audience{Marking: marking}
	for _, org := range c.Orgs {
		a.Members = append(a.Members, web.Member{Name: p.orgName(org), URL: orgURL(org)})
	}
	for _, id := range c.Persons {
		m := web.Member{Name: p.personName(r, id)}
		if one, err := p.in.Guard.Person(r.Context(), p.in.Acts.Reader(), id); err == nil {
			m.Why = p.orgName(one.Org)
		}
		a.Members = append(a.Members, m)
	}
	a.Summary = web.Say(r, "incident.desk.audience.exactly")
	return a
}

// classes are the types of the reference taxonomy.
func classes(r *http.Request, chosen string) []web.Option {
	out := []web.Option{{Label: web.Say(r, "incident.desk.class.unknown")}}
	for _, c := range rsit.Classes() {
		for _, t := range c.Types {
			out = append(out, web.Option{Value: t, Label: t, Selected: t == chosen})
		}
	}
	return out
}

func clip(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if rs := []rune(s); len(rs) > most {
		return string(rs[:most]) + "…"
	}
	return s
}
