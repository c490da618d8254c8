package incidentweb

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// importURL is the page of who comes over from another system.
const importURL = "/incident/import"

func (p *Pages) importRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: importURL, Permission: importCases, Handler: p.importForm, Sample: "GET " + importURL},
		{Method: "POST", Pattern: importURL, Permission: importCases, Handler: p.importPreview, Sample: "POST " + importURL + " kind=rtir", Stream: true},
		// A stream too, because many incidents take longer than an ordinary answer may.
		{Method: "POST", Pattern: importURL + "/apply", Permission: importCases, Handler: p.importApply, Sample: "POST " + importURL + "/apply upload=x&origin=rtir", Stream: true},
	}
}

// importAction leads to the page.
func importAction(r *http.Request) *web.Action {
	return &web.Action{Label: web.Say(r, "incident.desk.import"), URL: importURL, Icon: "upload"}
}

// origins are the options of a choice of system, behind one for none.
func origins(r *http.Request, none string) []web.Option {
	out := []web.Option{{Label: web.Say(r, none)}}
	for _, o := range incident.Origins() {
		out = append(out, web.Option{Value: string(o), Label: originName(r, o)})
	}
	return out
}

func originName(r *http.Request, o incident.Origin) string {
	return web.Say(r, "incident.desk.import.origin."+string(o))
}

// cameField filters a list by the system from which incidents came.
func cameField(r *http.Request) web.Field {
	return web.Field{Name: "came", Type: "select", Label: web.Say(r, "incident.desk.fact.imported"), Options: origins(r, "incident.desk.any")}
}

func (p *Pages) importForm(w http.ResponseWriter, r *http.Request) error {
	return p.showImportForm(w, r, "", nil)
}

// importStart is the dot of the page that asks for a file.
type importStart struct {
	Form web.Form
	How  []web.Fact
}

func (p *Pages) showImportForm(w http.ResponseWriter, r *http.Request, said incident.Origin, problem error) error {
	kind := web.Field{Name: "kind", Label: web.Say(r, "incident.desk.import.kind"), Type: "radio", Options: origins(r, "incident.desk.import.origin.find")}
	for i := range kind.Options {
		kind.Options[i].Selected = kind.Options[i].Value == string(said)
	}
	f := web.Form{Action: importURL, Files: true, Submit: web.Say(r, "incident.desk.import.look"), Cancel: "/incident/incidents", Fields: []web.Field{
		kind,
		{
			Name: "file", Label: web.Say(r, "incident.desk.import.file"), Type: "file", Accept: ".json,.jsonl,.ndjson,application/json", Required: true,
			Why: web.Say(r, "incident.desk.import.file.why", "Max", p.in.MaxImport>>20),
		},
	}}
	page := p.importPage(r, "incident.desk.import.title")
	page.Lead = web.Say(r, "incident.desk.import.lead")
	status := http.StatusOK
	if problem != nil {
		status = statusOf(problem)
		fail(r, &page, problem, &f)
	}
	data := importStart{Form: f}
	for _, o := range incident.Origins() {
		data.How = append(data.How, web.Fact{Label: originName(r, o), Cell: web.Text(web.Say(r, "incident.desk.import.how."+string(o)))})
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/import", page)
}

func (p *Pages) importPage(r *http.Request, title string) web.Page {
	return web.Page{Title: web.Say(r, title), Room: "incident", Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}}}
}

// importPreview takes a file and shows what it would do.
func (p *Pages) importPreview(w http.ResponseWriter, r *http.Request) error {
	up, err := p.came.Receive(r, actor(r).ID, fault.OnField("file", "incident.desk.import.no_file", nil))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = p.in.ImportTooLarge()
	}
	if correctable(err) {
		return p.showImportForm(w, r, "", err)
	}
	if err != nil {
		return err
	}
	said := incident.Origin(up.Kind)
	origin, res, err := p.importFile(r, up, said, false)
	if err != nil {
		p.came.Done(up)
	}
	if correctable(err) {
		return p.showImportForm(w, r, said, err)
	}
	if err != nil {
		return err
	}
	return p.showImport(w, r, up, origin, &res)
}

// importFile reads a file of a system, which is recognised where nobody says it. One
// that cannot be read as what it is said to be, but looks like another's, is told so.
func (p *Pages) importFile(r *http.Request, up *web.Upload, said incident.Origin, apply bool) (origin incident.Origin, res incident.ImportResult, err error) {
	err = up.Read(func(f web.File) error {
		seen := incident.Recognise(f)
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if origin = said; origin == "" {
			origin = seen
		}
		if origin == "" {
			return fault.OnField("kind", "incident.desk.import.unrecognised", nil)
		}
		res, err = p.in.Import(r.Context(), actor(r), origin, f, apply)
		if fault.CodeOf(err) == fault.Invalid && seen != "" && seen != origin {
			return fault.Wrap(fault.Invalid, "incident.desk.import.other", fault.Args{"Seen": originName(r, seen), "Why": web.Sentence(web.PrinterOf(r.Context()), fault.Of(err))}, err)
		}
		return err
	})
	return origin, res, err
}

// importShown is the dot of the page that shows what a file would do.
type importShown struct {
	Figures []web.Figure
	Lists   []web.List
	Confirm *web.Confirm
	Nothing string
	Again   web.Action
}

func (p *Pages) showImport(w http.ResponseWriter, r *http.Request, up *web.Upload, origin incident.Origin, res *incident.ImportResult) error {
	page := p.importPage(r, "incident.desk.import.preview")
	page.Crumbs = append(page.Crumbs, web.Link{Label: web.Say(r, "incident.desk.import.title"), URL: importURL})
	marking := tlp.Amber
	for _, c := range slices.Concat(res.Coming, res.Already) {
		marking = tlp.Strictest(marking, c.Marking)
	}
	page.Marking = marking.String()
	page.Lead = web.Say(r, "incident.desk.import.file.is", "Name", fault.Clip(up.Name), "System", originName(r, origin))
	data := importShown{Figures: importFigures(r, res), Again: web.Action{Label: web.Say(r, "incident.desk.import.again"), URL: importURL, Icon: "upload"}}
	for _, l := range []web.List{p.comingList(r, res), noteList(r, res.Notes), p.alreadyList(r, res)} {
		if len(l.Rows) > 0 {
			data.Lists = append(data.Lists, l)
		}
	}
	if res.Added+res.Extended == 0 {
		p.came.Done(up)
		data.Nothing = web.Say(r, "incident.desk.import.nothing")
	} else {
		data.Confirm = importConfirm(r, up, origin, res)
	}
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "incident/import-preview", page)
}

func importFigures(r *http.Request, res *incident.ImportResult) []web.Figure {
	figure := func(key string, n int) web.Figure {
		return web.Figure{Label: web.Say(r, "incident.desk.import.n."+key), N: int64(n)}
	}
	added := figure("added", res.Added)
	added.Note = web.Say(r, "incident.desk.import.n.of", "Count", res.Cases)
	people := figure("people", res.People)
	people.Note = web.Say(r, "incident.desk.import.n.people.note")
	left := []web.Figure{figure("open", res.Open), figure("here", res.Here)}
	if res.Added+res.Extended == 0 {
		return append([]web.Figure{added}, left...)
	}
	out := []web.Figure{added, figure("entries", res.Entries), figure("observables", res.Observables), figure("files", res.Files), people}
	if res.Extended > 0 {
		out = append(out, figure("extended", res.Extended))
	}
	return append(out, left...)
}

// comingList names what would come, by title and the number there.
func (p *Pages) comingList(r *http.Request, res *incident.ImportResult) web.List {
	return p.caseList(r, "coming", web.Say(r, "incident.desk.import.coming"), res.Coming, res.Added+res.Extended)
}

// alreadyList names what came earlier and does not come again.
func (p *Pages) alreadyList(r *http.Request, res *incident.ImportResult) web.List {
	return p.caseList(r, "already", web.Say(r, "incident.desk.import.already"), res.Already, res.Here)
}

func (p *Pages) caseList(r *http.Request, id, caption string, all []incident.ImportCase, total int) web.List {
	if total > len(all) {
		caption += " " + web.Say(r, "incident.desk.import.first", "Count", len(all))
	}
	l := web.List{
		ID: id, Caption: caption, Total: web.Total{N: int64(total)},
		Columns: web.Columns(r, "incident.desk.import.there", "incident.desk.import.here", "incident.desk.import.line"),
	}
	l.Columns[2].Num, l.Columns[2].Narrow = true, true
	for _, c := range all {
		here := web.Text(web.Say(r, "incident.desk.import.new"))
		if c.Incident != 0 {
			n := p.in.Number(c.Incident)
			here = web.Cell{Text: n, URL: incidentURL(n), Mono: true}
		}
		l.Rows = append(l.Rows, web.Row{Name: c.Title, Cells: []web.Cell{{Text: c.Title, Sub: c.Number}, here, web.Number(int64(c.Line), "")}})
	}
	return l
}

// noteList says what does not come, or not as it was: where, what, what to do.
func noteList(r *http.Request, notes []incident.ImportNote) web.List {
	l := web.List{
		ID: "notes", Caption: web.Say(r, "incident.desk.import.notes"), Total: web.Total{N: int64(len(notes))},
		Columns: web.Columns(r, "incident.desk.import.line", "incident.desk.import.what", "incident.desk.import.do"),
	}
	l.Columns[0].Num = true
	for i := range notes {
		n := &notes[i]
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{web.Number(int64(n.Line), ""), web.Text(web.PrinterOf(r.Context()).T(n.Key, n.Args)), web.Text(web.PrinterOf(r.Context()).T(n.Key+".do", n.Args))}})
	}
	return l
}

func importConfirm(r *http.Request, up *web.Upload, origin incident.Origin, res *incident.ImportResult) *web.Confirm {
	c := &web.Confirm{
		Title: web.Say(r, "incident.desk.import.apply"), Verb: web.Say(r, "incident.desk.import.apply"), Text: web.Say(r, "incident.desk.import.apply.why"),
		Action: importURL + "/apply", Cancel: importURL, Hidden: []web.Hidden{{Name: "upload", Value: up.ID}, {Name: "origin", Value: string(origin)}},
	}
	if res.Added > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: int64(res.Added), What: web.Say(r, "incident.desk.import.effect.added")})
	}
	if res.Extended > 0 {
		c.Effects = append(c.Effects, web.Effect{Count: int64(res.Extended), What: web.Say(r, "incident.desk.import.effect.extended")})
	}
	return c
}

// importApply imports a file that was looked at, and leads to what came.
func (p *Pages) importApply(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, web.DefaultMaxBody) // a stream has no bound of its own
	if err := web.Parse(r); err != nil {
		return err
	}
	up, ok := p.came.Find(actor(r).ID, r.PostFormValue("upload"))
	if !ok {
		return p.showImportForm(w, r, "", fault.New(fault.NotFound, "incident.desk.import.gone", nil))
	}
	origin, res, err := p.importFile(r, up, incident.Origin(r.PostFormValue("origin")), true)
	if err != nil {
		return stopped(err, &res)
	}
	p.came.Done(up)
	to := url.Values{"came": {string(origin)}}
	if res.First != 0 {
		to.Set("since", p.in.Number(res.First))
	}
	p.site.Redirect(w, r, "/incident/incidents?"+to.Encode(), web.Flash{Key: "incident.desk.import.done", Args: map[string]any{
		"Count": res.Added, "Extended": res.Extended, "Here": res.Here, "System": originName(r, origin),
	}})
	return nil
}

// stopped says of an import that was broken off how much of it is kept: each incident is
// an act of its own, and the last that was counted is the one that failed.
func stopped(err error, res *incident.ImportResult) error {
	if kept := res.Added + res.Extended - 1; kept > 0 {
		return fault.Wrap(fault.CodeOf(err), "incident.desk.import.stopped", fault.Args{"Count": kept}, err)
	}
	return err
}
