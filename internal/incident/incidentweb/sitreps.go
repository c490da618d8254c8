package incidentweb

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of situation reports; the verbs have the same names.
const (
	writeSitrep = "incident.write_sitrep"
	mailSitrep  = "incident.mail_sitrep"
)

const nationalURL = "/incident/national"

// sitrepRoutes are the pages of situation reports, of one incident and of all.
func (p *Pages) sitrepRoutes() []web.Route {
	const one = "/incident/incidents/ALM-0000-0000"
	route := func(method, pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: method, Pattern: pattern, Permission: permission, Handler: h, Sample: method + " " + sample}
	}
	var out []web.Route
	for _, at := range []struct{ pattern, sample string }{{"/incident/incidents/{number}", one}, {nationalURL, nationalURL}} {
		out = append(out,
			route("GET", at.pattern+"/sitrep", writeSitrep, at.sample+"/sitrep", p.sitrepForm),
			route("POST", at.pattern+"/sitrep", writeSitrep, at.sample+"/sitrep title=a&happened=b&marking=TLP:AMBER&last=0", p.writeSitrep),
			route("GET", at.pattern+"/sitreps/{version}", read, at.sample+"/sitreps/1", p.sitrep),
			route("GET", at.pattern+"/sitreps/{version}/print", read, at.sample+"/sitreps/1/print", p.printSitrep),
			route("POST", at.pattern+"/sitreps/{version}/mail", mailSitrep, at.sample+"/sitreps/1/mail to=a@b.example", p.mailSitrep),
		)
	}
	return out
}

// scope is of what a situation report is: an incident, or the whole country.
type scope struct {
	incident *incident.Incident // nil: the national picture
	url      string
	exercise bool
}

func (s scope) id() int64 {
	if s.incident == nil {
		return 0
	}
	return s.incident.ID
}

func (p *Pages) scopeOf(r *http.Request) (scope, error) {
	if r.PathValue("number") == "" {
		return scope{url: nationalURL, exercise: r.URL.Query().Get("exercise") != ""}, nil
	}
	i, err := p.numbered(r)
	return scope{&i, incidentURL(p.in.Number(i.ID)), i.Exercise}, err
}

// sitrepHead is what pages of a report share.
func (p *Pages) sitrepHead(r *http.Request, s scope, title string) web.Page {
	if s.incident != nil {
		return p.about(r, s.incident, title)
	}
	return web.Page{
		Title: title, Room: "incident", Lead: web.Say(r, "incident.desk.national"), Exercise: s.exercise,
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}
}

func (p *Pages) sitrepForm(w http.ResponseWriter, r *http.Request) error {
	s, err := p.scopeOf(r)
	if err != nil {
		return err
	}
	return p.showSitrepForm(w, r, s, nil)
}

// draft fills in a report, of the incidents that a form names when there are any.
func (p *Pages) draft(r *http.Request, s scope) (incident.Sitrep, error) {
	language := r.Form.Get("language")
	if language == "" {
		language = web.PrinterOf(r.Context()).Lang()
	}
	if s.incident != nil {
		return p.in.DraftSitrep(r.Context(), p.in.Acts.Reader(), viewer(r), s.incident.ID, language)
	}
	about, err := p.numbersIn(r.Context(), viewer(r), r.Form.Get("about"))
	if err != nil {
		return incident.Sitrep{}, err
	}
	return p.in.DraftNational(r.Context(), p.in.Acts.Reader(), viewer(r), about, s.exercise, language)
}

// numbersIn are the incidents that a text names.
func (p *Pages) numbersIn(ctx context.Context, v incident.Viewer, text string) (out []int64, err error) {
	for _, n := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\r' }) {
		i, err := p.in.Numbered(ctx, p.in.Acts.Reader(), v, n)
		if err != nil {
			return nil, fault.OnField("about", "incident.none", nil)
		}
		out = append(out, i.ID)
	}
	return out, nil
}

func (p *Pages) showSitrepForm(w http.ResponseWriter, r *http.Request, s scope, problem error) error {
	d, err := p.draft(r, s)
	if err != nil && problem == nil {
		return err
	}
	people, why := "", web.Say(r, "incident.desk.sitrep.people.why")
	if d.People >= 0 {
		people = number(d.People)
	}
	if d.Untold > 0 {
		why = web.Say(r, "incident.desk.sitrep.people.untold", "Count", d.Untold)
	}
	text := func(name, value string) web.Field {
		return web.Field{Name: name, Type: "textarea", Rows: 5, Label: web.Say(r, "incident.sitrep.section."+name), Value: value}
	}
	f := web.Form{Action: s.url + "/sitrep", Cancel: s.url, Submit: web.Say(r, "incident.desk.sitrep.keep"), Hidden: []web.Hidden{{Name: "last", Value: number(d.Version)}, {Name: "language", Value: d.Language}}, Fields: []web.Field{
		{Name: "title", Type: "text", Label: web.Say(r, "incident.desk.column.title"), Value: d.Title, Required: true, Autocomplete: "off"},
		text("happened", d.Happened), text("affected", d.Affected),
		{Name: "people", Type: "number", Label: web.Say(r, "incident.desk.sitrep.people"), Why: why, Value: people},
		text("doing", d.Doing), text("needed", d.Needed), text("press", d.Press),
		{Name: "next", Type: "datetime-local", Label: web.Say(r, "incident.sitrep.section.next"), Value: formTime(r, d.NextAt)},
		{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, d.Marking, false)},
		{Name: "lowered", Type: "text", Label: web.Say(r, "incident.desk.sitrep.lowered"), Why: web.Say(r, "incident.desk.sitrep.lowered.why"), Autocomplete: "off"},
	}}
	if s.incident == nil {
		var numbers []string
		for _, id := range d.About {
			numbers = append(numbers, p.in.Number(id))
		}
		f.Cancel = "/incident/incidents"
		f.Fields = append(f.Fields, web.Field{Name: "about", Type: "text", Label: web.Say(r, "incident.desk.incidents"), Value: strings.Join(numbers, " "), Mono: true, Required: true, Autocomplete: "off"})
	}
	page := p.sitrepHead(r, s, web.Say(r, "incident.desk.sitrep"))
	page.Marking = tlp.AmberStrict.String()
	return p.showForm(w, r, http.StatusOK, page, f, problem)
}

// readSitrep reads a posted report.
func (p *Pages) readSitrep(r *http.Request, s scope) (out incident.Sitrep, err error) {
	f := r.PostForm
	out = incident.Sitrep{
		Incident: s.id(), Exercise: s.exercise, Language: f.Get("language"), Title: f.Get("title"), Happened: f.Get("happened"), Affected: f.Get("affected"), People: -1,
		Doing: f.Get("doing"), Needed: f.Get("needed"), Press: f.Get("press"), Marking: readMarking(r), Lowered: f.Get("lowered"),
	}
	if v := strings.TrimSpace(f.Get("people")); v != "" {
		if out.People = positive(v); out.People == 0 && v != "0" {
			return out, fault.OnField("people", "incident.sitrep.people", nil)
		}
	}
	if out.NextAt, err = timeOf(r, "next"); err != nil || s.incident != nil {
		return out, err
	}
	out.About, err = p.numbersIn(r.Context(), viewer(r), f.Get("about"))
	return out, err
}

func (p *Pages) writeSitrep(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	s, err := p.scopeOf(r)
	if err != nil {
		return err
	}
	n, err := p.readSitrep(r, s)
	if err == nil {
		n, err = p.in.WriteSitrep(r.Context(), actor(r), n, positive(r.PostForm.Get("last")))
	}
	if correctable(err) {
		return p.showSitrepForm(w, r, s, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, sitrepURL(s, &n), web.Flash{Key: "incident.desk.sitrep.kept"})
	return nil
}

func sitrepURL(s scope, n *incident.Sitrep) string {
	u := s.url + "/sitreps/" + number(n.Version)
	if s.incident == nil && n.Exercise {
		u += "?exercise=yes"
	}
	return u
}

// oneSitrep is the version that the address names.
func (p *Pages) oneSitrep(r *http.Request) (s scope, n incident.Sitrep, err error) {
	if s, err = p.scopeOf(r); err != nil {
		return s, n, err
	}
	version, err := pathID(r, "version")
	if err != nil {
		return s, n, err
	}
	n, err = p.in.SitrepVersion(r.Context(), p.in.Acts.Reader(), s.id(), version, s.exercise)
	return s, n, err
}

// sitrepPage is the dot of a version's page.
type sitrepPage struct {
	Sections []incident.SitrepSection
	Facts    web.Facts
	Versions web.List
	Mail     *web.Form
}

func (p *Pages) sitrep(w http.ResponseWriter, r *http.Request) error { return p.showSitrep(w, r, nil) }

func (p *Pages) showSitrep(w http.ResponseWriter, r *http.Request, problem error) error {
	s, n, err := p.oneSitrep(r)
	if err != nil {
		return err
	}
	page, status := p.sitrepHead(r, s, n.Title), http.StatusOK
	page.Marking, page.Lead = n.Marking.String(), web.Say(r, "incident.desk.sitrep.version", "Version", n.Version)
	page.Primary = &web.Action{Label: web.Say(r, "incident.desk.sitrep.print"), URL: s.url + "/sitreps/" + number(n.Version) + "/print" + query(s, &n), Icon: "external", Tone: "primary"}
	if can(r, writeSitrep) {
		page.Actions = []web.Action{{Label: web.Say(r, "incident.desk.sitrep.next"), URL: s.url + "/sitrep", Icon: "edit"}}
	}
	data := sitrepPage{Sections: p.in.SitrepSections(n), Facts: web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: []web.Fact{
		{Label: web.Say(r, "incident.desk.sitrep.asof"), Cell: web.Exactly(n.AsOf)}, {Label: web.Say(r, "incident.desk.sitrep.by"), Cell: web.Cell{At: n.At, Sub: p.who(r, n.By)}},
	}}}
	if n.Lowered != "" {
		data.Facts.Items = append(data.Facts.Items, web.Fact{Label: web.Say(r, "incident.desk.sitrep.lowered"), Cell: web.Text(n.Lowered)})
	}
	letters, err := p.in.LettersAbout(r.Context(), p.in.Acts.Reader(), n.ID, incident.LetterSitrep)
	if err != nil {
		return err
	}
	for _, l := range letters {
		data.Facts.Items = append(data.Facts.Items, web.Fact{Label: web.Say(r, "incident.desk.sitrep.mailed"), Cell: web.Cell{
			Text: p.personName(r, l.Person) + " · " + p.orgName(l.Org), Sub: web.Say(r, "incident.desk.letter."+strings.ReplaceAll(l.State, "-", "_")),
		}})
	}
	if data.Versions, err = p.versions(r, s); err != nil {
		return err
	}
	if can(r, mailSitrep) {
		data.Mail = &web.Form{Action: s.url + "/sitreps/" + number(n.Version) + "/mail" + query(s, &n), Submit: web.Say(r, "incident.desk.sitrep.mail"), Fields: []web.Field{
			{Name: "to", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.sitrep.to"), Why: web.Say(r, "incident.desk.sitrep.to.why"), Example: "minister@ministry.example", Required: true},
		}}
		if problem != nil {
			status = statusOf(problem)
			data.Mail.Fill(r.PostForm.Get)
			fail(r, &page, problem, data.Mail)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/sitrep", page)
}

func query(s scope, n *incident.Sitrep) string {
	if s.incident == nil && n.Exercise {
		return "?exercise=yes"
	}
	return ""
}

func (p *Pages) versions(r *http.Request, s scope) (web.List, error) {
	l := web.List{
		ID: "versions", Caption: web.Say(r, "incident.desk.sitrep.versions"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.sitrep.number", "incident.desk.column.title", "incident.desk.fact.marking", "incident.desk.sitrep.asof"),
	}
	all, err := p.in.Sitreps(r.Context(), p.in.Acts.Reader(), s.id(), s.exercise)
	for k := range all {
		u := sitrepURL(s, &all[k])
		l.Rows = append(l.Rows, web.Row{URL: u, Name: number(all[k].Version), Cells: []web.Cell{web.Anchor(number(all[k].Version), u), web.Text(all[k].Title), web.Text(all[k].Marking.String()), web.Exactly(all[k].AsOf)}})
	}
	return l, err
}

// printSitrep is a page of its own outside the frame: it carries its style in itself, so
// that it can be saved and printed anywhere.
func (p *Pages) printSitrep(w http.ResponseWriter, r *http.Request) error {
	_, n, err := p.oneSitrep(r)
	if err != nil {
		return err
	}
	body, err := p.in.PrintSitrep(r.Context(), p.in.Acts.Reader(), n)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+incident.SitrepStyleHash()+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(body) // the reader may be gone
	return nil
}

func (p *Pages) mailSitrep(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	s, n, err := p.oneSitrep(r)
	if err != nil {
		return err
	}
	persons, err := p.personsAt(r, "to")
	if err == nil {
		err = p.in.MailSitrep(r.Context(), actor(r), n.ID, persons)
	}
	if correctable(err) {
		return p.showSitrep(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, sitrepURL(s, &n), web.Flash{Key: "incident.desk.sitrep.sent"})
	return nil
}

// personsAt are the persons of the directory at the mail addresses of a field.
func (p *Pages) personsAt(r *http.Request, field string) (out []int64, err error) {
	for _, address := range strings.FieldsFunc(r.PostForm.Get(field), func(c rune) bool { return strings.ContainsRune(" ,;\r\n\t", c) }) {
		found, err := p.in.Guard.ByEmail(r.Context(), p.in.Acts.Reader(), address)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fault.OnField(field, "incident.participant.no_person", nil)
		}
		out = append(out, found[0].ID)
	}
	return out, nil
}

// sitrepCalls registers the calls of situation reports.
func (p *Pages) sitrepCalls(api huma.API) {
	const one = "incidents/ALM-0000-0000"
	huma.Register(api, operation(http.MethodGet, "draft-sitrep", "incidents/{number}/sitrep", writeSitrep, "A situation report filled in with what is known; nothing is kept", one+"/sitrep"), p.apiDraft)
	huma.Register(api, operation(http.MethodPost, "write-sitrep", "incidents/{number}/sitreps", writeSitrep, "Keep the next version of a situation report; what is left out is filled in", one+`/sitreps {"last":0}`), p.apiWriteSitrep)
	huma.Register(api, operation(http.MethodGet, "sitreps", "incidents/{number}/sitreps", read, "The versions of a situation report, newest first", one+"/sitreps"), p.apiSitreps)
}

// SitrepLine is a situation report in the API.
type SitrepLine struct {
	Incident string    `json:"incident,omitempty"`
	Version  int64     `json:"version" doc:"of a draft: the newest that is kept"`
	Marking  string    `json:"marking"`
	Title    string    `json:"title"`
	AsOf     time.Time `json:"as_of"`
	Happened string    `json:"happened"`
	Affected string    `json:"affected,omitempty"`
	People   *int64    `json:"people,omitempty" doc:"how many people are affected; left out when not known"`
	Doing    string    `json:"doing,omitempty"`
	Needed   string    `json:"needed,omitempty"`
	Press    string    `json:"press,omitempty" doc:"what may be said publicly"`
	Next     time.Time `json:"next,omitzero"`
	Exercise bool      `json:"exercise,omitempty"`
}

func (p *Pages) sitrepLine(s *incident.Sitrep) SitrepLine {
	l := SitrepLine{
		Version: s.Version, Marking: s.Marking.String(), Title: s.Title, AsOf: s.AsOf, Happened: s.Happened, Affected: s.Affected, Doing: s.Doing, Needed: s.Needed,
		Press: s.Press, Next: s.NextAt, Exercise: s.Exercise,
	}
	if s.Incident != 0 {
		l.Incident = p.in.Number(s.Incident)
	}
	if s.People >= 0 {
		l.People = &s.People
	}
	return l
}

type sitrepOutput struct{ Body SitrepLine }

type sitrepsOutput struct {
	Body struct {
		Sitreps []SitrepLine `json:"sitreps"`
	}
}

// speaks refuses a language in which we would fall back to another one.
func (p *Pages) speaks(language string) error {
	base, _, _ := strings.Cut(language, "-")
	if language == "" || p.in.Catalogue.Has(language) || p.in.Catalogue.Has(base) {
		return nil
	}
	return fault.OnField("language", "incident.sitrep.language", fault.Args{"Value": fault.Clip(language)})
}

func (p *Pages) apiDraft(ctx context.Context, in *struct {
	NumberInput
	Language string `query:"language"`
}) (*sitrepOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	if err := p.speaks(in.Language); err != nil {
		return nil, err
	}
	s, err := p.in.DraftSitrep(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), i.ID, in.Language)
	return &sitrepOutput{p.sitrepLine(&s)}, err
}

type writeSitrepInput struct {
	NumberInput
	Body struct {
		Last     int64      `json:"last" doc:"the newest version that you saw, 0 for none"`
		Language string     `json:"language,omitempty"`
		Marking  string     `json:"marking,omitempty"`
		Lowered  string     `json:"lowered,omitempty" doc:"why the marking is below that of what the report is made of"`
		Title    string     `json:"title,omitempty"`
		Happened string     `json:"happened,omitempty"`
		Affected string     `json:"affected,omitempty"`
		People   *int64     `json:"people,omitempty"`
		Doing    string     `json:"doing,omitempty"`
		Needed   string     `json:"needed,omitempty"`
		Press    string     `json:"press,omitempty"`
		Next     *time.Time `json:"next,omitempty"`
	}
}

func (p *Pages) apiWriteSitrep(ctx context.Context, in *writeSitrepInput) (*sitrepOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if err := p.speaks(b.Language); err != nil {
		return nil, err
	}
	s, err := p.in.DraftSitrep(ctx, p.in.Acts.Reader(), incident.ViewerOf(apiActor(ctx)), i.ID, b.Language)
	if err != nil {
		return nil, err
	}
	for to, text := range map[*string]string{&s.Title: b.Title, &s.Happened: b.Happened, &s.Affected: b.Affected, &s.Doing: b.Doing, &s.Needed: b.Needed, &s.Press: b.Press, &s.Lowered: b.Lowered} {
		if text != "" {
			*to = text
		}
	}
	if b.Marking != "" {
		if s.Marking, err = parseMarking("marking", b.Marking); err != nil {
			return nil, err
		}
	}
	if b.People != nil {
		s.People = *b.People
	}
	if b.Next != nil {
		s.NextAt = *b.Next
	}
	s, err = p.in.WriteSitrep(ctx, apiActor(ctx), s, b.Last)
	return &sitrepOutput{p.sitrepLine(&s)}, err
}

func (p *Pages) apiSitreps(ctx context.Context, in *NumberInput) (*sitrepsOutput, error) {
	i, err := p.apiNumbered(ctx, in.Number)
	if err != nil {
		return nil, err
	}
	all, err := p.in.Sitreps(ctx, p.in.Acts.Reader(), i.ID, i.Exercise)
	out := &sitrepsOutput{}
	out.Body.Sitreps = linesOf(all, p.sitrepLine)
	return out, err
}
