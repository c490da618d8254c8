package portalweb

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
	"almenara.example/tlp"
)

const incidentsURL = "/portal/incidents"

// incidentRoutes are the pages of incidents, and what is done on them.
func (p *Pages) incidentRoutes() []web.Route {
	get := func(pattern, sample string, h handler) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: "GET " + sample}
	}
	post := func(pattern, sample, body string, h handler) web.Route {
		return web.Route{Method: "POST", Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: "POST " + sample + " " + body}
	}
	call := func(pattern, sample string, h handler) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: mayFetch, Handler: p.door(h), Sample: "GET " + sample, API: true, Stream: true}
	}
	one, entry := incidentsURL+"/ALM-0000-0000", "/portal/entries/E-0000-0000"
	write, answer := post(incidentsURL+"/{number}/write", one+"/write", "kind=note&text=a&marking=TLP:AMBER", p.writeEntry),
		post("/portal/entries/{entry}/answer", entry+"/answer", "text=a", p.answerQuestion)
	write.MaxBody, answer.MaxBody = 4*incident.MaxFile, 4*incident.MaxFile
	return []web.Route{
		get(incidentsURL, incidentsURL, p.incidents),
		get(incidentsURL+"/{number}", one, p.incident),
		get(incidentsURL+"/{number}/write", one+"/write", p.write), write,
		post(incidentsURL+"/{number}/lead", one+"/lead", "accept=yes", p.answerLead),
		get("/portal/entries/{entry}", entry, p.entry), answer,
		post("/portal/entries/{entry}/task", entry+"/task", "state=done&version=1", p.setTask),
		post("/portal/entries/{entry}/edit", entry+"/edit", "text=a&version=1", p.editEntry),
		post("/portal/entries/{entry}/retract", entry+"/retract", "reason=a&version=1", p.retract),
		post("/portal/entries/{entry}/share", entry+"/share", "marking=TLP:AMBER&reason=a&version=1", p.share),
		get("/portal/incident-files/{file}", "/portal/incident-files/F-0000-0000", p.incidentFile),
		call("/api/v1/portal/incidents", "/api/v1/portal/incidents", p.incidentsJSON),
		call("/api/v1/portal/incidents/{number}", "/api/v1/portal/incidents/ALM-0000-0000", p.incidentJSON),
		call("/api/v1/portal/entries/{entry}", "/api/v1/portal/entries/E-0000-0000", p.entryJSON),
		call("/api/v1/portal/incident-files/{file}", "/api/v1/portal/incident-files/F-0000-0000", p.incidentFile),
	}
}

func incidentPath(number string) string { return incidentsURL + "/" + url.PathEscape(number) }
func entryPath(ref string) string       { return "/portal/entries/" + url.PathEscape(ref) }

func (p *Pages) incidents(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, portal.KindIncidents, w.Actor.Org, asked(r, "before"))
	return portal.Show(parcel), err
}

func (p *Pages) incidentsJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.incidents(r, w)
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

// oneIncident is an incident as far as the reader sees it.
func (p *Pages) oneIncident(r *http.Request, w portal.Who) (portal.Reply, error) {
	i, err := p.portal.IncidentOf(r.Context(), w, r.PathValue("number"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindIncident, i.ID, url.Values{})
	return portal.Show(parcel), err
}

func (p *Pages) incident(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.oneIncident(r, w)
	if err != nil {
		return reply, err
	}
	var d portal.IncidentDoc
	if err := json.Unmarshal(reply.Parcel.View().Body, &d); err != nil {
		return reply, fmt.Errorf("read view of %s: %w", reply.Parcel.Thing(), err)
	}
	return reply, p.portal.Seen(r.Context(), w, d.Number, d.Story)
}

// incidentJSON leaves no sight: a program is no reader.
func (p *Pages) incidentJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.oneIncident(r, w)
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

func (p *Pages) entry(r *http.Request, w portal.Who) (portal.Reply, error) {
	e, err := p.portal.EntryOf(r.Context(), w, r.PathValue("entry"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindEntry, e.ID, url.Values{})
	return portal.Show(parcel), err
}

func (p *Pages) entryJSON(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.entry(r, w)
	reply.File = &portal.File{ContentType: "application/json"}
	return reply, err
}

// incidentFile hands a file out to be saved: nothing from outside is shown in our origin.
func (p *Pages) incidentFile(r *http.Request, w portal.Who) (portal.Reply, error) {
	id, err := p.portal.Incidents.ByFileRef(r.PathValue("file"))
	if err != nil {
		return portal.Reply{}, err
	}
	parcel, err := p.portal.Release(r.Context(), w, portal.KindIncidentFile, id, url.Values{})
	return portal.Send(parcel, portal.File{Name: parcel.View().Subject, ContentType: "application/octet-stream"}), err
}

func (p *Pages) write(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.ShowWrite(r.Context(), w, r.PathValue("number"), portal.Writing{}, false)
	return portal.Show(parcel), err
}

// writeFields are what the form to write has, besides files.
func writeFields() []string {
	return []string{"text", "kind", "marking", "asked", "due", "observables", "version", "reason", "result", "state"}
}

// typedEntry is what was typed into the form to write.
func typedEntry(r *http.Request) portal.Typed {
	t := typed(r, writeFields()...)
	t["org"], t["person"] = strings.Join(r.PostForm["org"], " "), strings.Join(r.PostForm["person"], " ")
	return t
}

// writing reads what was written.
func writing(r *http.Request) (x portal.Writing, err error) {
	f := r.PostForm
	x = portal.Writing{
		Kind: incident.Kind(f.Get("kind")), Text: f.Get("text"), Marking: f.Get("marking"), Orgs: f["org"], People: f["person"], Asked: f.Get("asked"),
	}
	if x.Kind == "" {
		x.Kind = incident.Note
	}
	if x.Due, err = dueOf(r); err != nil {
		return x, err
	}
	for _, v := range strings.FieldsFunc(f.Get("observables"), func(c rune) bool { return c == '\n' || c == ',' || c == ';' }) {
		if v = strings.TrimSpace(v); v != "" {
			x.Observables = append(x.Observables, incident.NewObservable{Value: v})
		}
	}
	x.Files, err = readFiles(r)
	return x, err
}

func dueOf(r *http.Request) (time.Time, error) { return timeIn(r, "due") }

// timeIn reads a time of a form; zero for none.
func timeIn(r *http.Request, name string) (time.Time, error) {
	t, ok := web.FormTime(r, name)
	if !ok {
		return t, fault.OnField(name, "portal.incident.time", nil)
	}
	return t, nil
}

func readFiles(r *http.Request) (out []incident.NewFile, err error) {
	if r.MultipartForm == nil {
		return nil, nil
	}
	for _, h := range r.MultipartForm.File["files"] {
		if h.Size == 0 && h.Filename == "" {
			continue
		}
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
		return nil, fmt.Errorf("read a file of a form: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(f)
}

// writeEntry keeps what was written, or shows who would see it.
func (p *Pages) writeEntry(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	number, t := r.PathValue("number"), typedEntry(r)
	x, err := writing(r)
	if err == nil && r.PostForm.Get("do") == "look" {
		parcel, err := p.portal.ShowWrite(r.Context(), w, number, x, true)
		if err == nil {
			return portal.Show(parcel).With(0, t, nil), nil
		}
		return after(err, "", "", t, func() (portal.Reply, error) { return p.write(r, w) })
	}
	if err == nil {
		err = p.portal.Write(r.Context(), w, number, x)
	}
	return after(err, incidentPath(number), "portal.incident.written", t, func() (portal.Reply, error) { return p.write(r, w) })
}

func (p *Pages) answerLead(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	err := p.portal.AnswerLead(r.Context(), w, r.PathValue("number"), r.PostForm.Get("accept") == "yes")
	return after(err, incidentPath(r.PathValue("number")), "portal.incident.saved", nil, func() (portal.Reply, error) { return p.oneIncident(r, w) })
}

// changed answers a change of an entry.
func (p *Pages) changed(r *http.Request, w portal.Who, said string, do func(ref string, version int64) error) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	ref := r.PathValue("entry")
	version, err := strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	if err != nil {
		version = 0 // the verb says that it is not the one that stands
	}
	return after(do(ref, version), entryPath(ref), said, typedEntry(r), func() (portal.Reply, error) { return p.entry(r, w) })
}

func (p *Pages) answerQuestion(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.written", func(ref string, _ int64) error {
		files, err := readFiles(r)
		if err != nil {
			return err
		}
		return p.portal.AnswerQuestion(r.Context(), w, ref, r.PostForm.Get("text"), files)
	})
}

func (p *Pages) setTask(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		return p.portal.SetTask(r.Context(), w, ref, incident.TaskState(r.PostForm.Get("state")), r.PostForm.Get("result"), version)
	})
}

func (p *Pages) editEntry(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		return p.portal.EditEntry(r.Context(), w, ref, r.PostForm.Get("text"), version)
	})
}

func (p *Pages) retract(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		return p.portal.Retract(r.Context(), w, ref, r.PostForm.Get("reason"), version)
	})
}

func (p *Pages) share(r *http.Request, w portal.Who) (portal.Reply, error) {
	return p.changed(r, w, "portal.incident.saved", func(ref string, version int64) error {
		x := portal.Writing{Marking: r.PostForm.Get("marking"), Orgs: r.PostForm["org"], People: r.PostForm["person"]}
		return p.portal.Share(r.Context(), w, ref, x, r.PostForm.Get("reason"), version)
	})
}

// The pages.

type incidentsPage struct {
	common
	Owed      []entryRow
	Incidents []incidentRow
	Older     string
}

type incidentPage struct {
	common
	Doc         portal.IncidentDoc
	Row         incidentRow
	Owed, Story []entryRow
	Deadlines   []deadlineRow
	Write       string
	Services    []serviceRow
	Recovery    string
}

type writePage struct {
	common
	Path    string
	Doc     portal.WriteDoc
	Head    []web.Field
	More    []web.Field
	Who     chooser
	WillSee []portal.Choice
}

type entryPage struct {
	common
	Row                         entryRow
	Back                        web.Link
	Answer, Task, Edit, Retract *web.Form
	Share                       *shareForm
	Do                          []web.Link // what can be done with an own one
}

// shareForm sets anew who sees an entry.
type shareForm struct {
	Action  string
	Version int64
	Fields  []web.Field
	Who     chooser
}

// chooser is the choice of who sees something.
type chooser struct {
	Orgs, People []portal.Choice
	Error        string
}

type incidentRow struct {
	portal.IncidentLine
	Path, Tone string
}

type entryRow struct {
	portal.EntryLine
	Path string
	Late bool
}

func incidentRows(ls []portal.IncidentLine) []incidentRow {
	out := make([]incidentRow, len(ls))
	for i, l := range ls {
		out[i] = incidentRow{l, incidentPath(l.Number), l.Severity}
	}
	return out
}

func (p *Pages) entryRows(ls []portal.EntryLine) []entryRow {
	out := make([]entryRow, len(ls))
	for i, l := range ls {
		late := l.Task != nil && !l.Task.Ended && !l.Task.Due.IsZero() && l.Task.Due.Before(p.portal.Acts.Clock().Now())
		out[i] = entryRow{l, entryPath(l.Ref), late}
	}
	return out
}

// shownIncident makes the pages of incidents.
func (p *Pages) shownIncident(r *http.Request, reply portal.Reply, page web.Page, c common) (name string, _ web.Page, err error) {
	body := reply.Parcel.View().Body
	switch reply.Parcel.Thing().Kind {
	case portal.KindIncidents:
		var d portal.IncidentsDoc
		err = json.Unmarshal(body, &d)
		name, page.Title, page.Lead = "portal/incidents", web.Say(r, "portal.incidents"), web.Say(r, "portal.incidents.lead")
		page.Data = incidentsPage{c, p.entryRows(d.Owed), incidentRows(d.Incidents), older(r, "before", d.Older)}
	case portal.KindIncident:
		var d portal.IncidentDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/incident", d.Number, d.Title
		page.Data = incidentPage{
			common: c, Doc: d, Row: incidentRows([]portal.IncidentLine{d.IncidentLine})[0], Owed: p.entryRows(d.Owed), Story: p.entryRows(d.Story),
			Deadlines: p.deadlineRows(r, d.Deadlines), Write: incidentPath(d.Number) + "/write", Services: p.serviceRows(r, &d), Recovery: recoveryPath(d.Number),
		}
	case portal.KindWrite:
		var d portal.WriteDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/incident_write", d.Number, web.Say(r, "portal.incident.write")
		if m, failed := tlp.Parse(d.Look); failed == nil {
			page.Marking = tlp.Strictest(m, reply.Parcel.Marking()).String()
		}
		page.Data = writeForm(r, c, d, &page, reply)
	case portal.KindEntry:
		var d portal.EntryDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/incident_entry", d.Number, web.Say(r, "portal.incident.kind."+d.Entry.Kind)
		page.Data = p.entryForms(r, c, d, &page, reply)
	default:
		return "", page, fmt.Errorf("the portal has no page for %s", reply.Parcel.Thing().Kind)
	}
	return name, page, err
}

func markingOptions(r *http.Request, chosen string) (out []web.Option) {
	for _, m := range tlp.All() {
		word := web.Say(r, "portal.incident.marking."+strings.ToLower(strings.TrimPrefix(m.String(), "TLP:")))
		out = append(out, web.Option{Value: m.String(), Label: m.String() + " · " + word, Selected: m.String() == chosen})
	}
	return out
}

// writeForm is the form to write: the words first, the rest has a default that would do.
func writeForm(r *http.Request, c common, d portal.WriteDoc, page *web.Page, reply portal.Reply) writePage {
	kind := web.Field{Name: "kind", Type: "select", Label: web.Say(r, "portal.incident.what")}
	for _, k := range portal.PortalKinds() {
		kind.Options = append(kind.Options, web.Option{Value: string(k), Label: web.Say(r, "portal.incident.kind."+string(k))})
	}
	who := web.Field{Name: "asked", Type: "select", Label: web.Say(r, "portal.incident.asked"), Options: []web.Option{{Label: web.Say(r, "portal.incident.team")}}}
	for _, o := range d.Orgs {
		who.Options = append(who.Options, web.Option{Value: o.UID, Label: o.Name})
	}
	head := &web.Form{Fields: []web.Field{
		{Name: "text", Type: "textarea", Rows: 5, Label: web.Say(r, "portal.incident.words")}, kind,
		{Name: "marking", Type: "select", Label: web.Say(r, "portal.incident.marking"), Why: web.Say(r, "portal.incident.marking.why"), Options: markingOptions(r, d.Marking)},
	}}
	more := &web.Form{Fields: []web.Field{
		{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "portal.incident.files")},
		{Name: "observables", Type: "textarea", Rows: 3, Mono: true, Label: web.Say(r, "portal.incident.traces"), Example: "192.0.2.7, login[.]op[.]example"},
		who, {Name: "due", Type: "datetime-local", Label: web.Say(r, "portal.incident.due"), Why: web.Say(r, "portal.incident.due.why")},
	}}
	data := writePage{common: c, Path: incidentPath(d.Number) + "/write", Doc: d, Who: chooser{Orgs: d.Orgs, People: d.People}, WillSee: d.WillSee}
	if reply.Typed != nil {
		for _, f := range []*web.Form{head, more} {
			f.Fill(func(name string) string { return reply.Typed[name] })
		}
		data.Who.fill(reply.Typed)
	}
	data.Who.Error = failFields(r, page, reply, head, more)
	data.Head, data.More = head.Fields, more.Fields
	return data
}

// tick is one box of a choice.
type tick struct {
	Name string
	Of   portal.Choice
}

func ticks(name string, cs []portal.Choice) (out []tick) {
	for _, c := range cs {
		out = append(out, tick{name, c})
	}
	return out
}

// OrgChoices are the boxes to tick, of organisations.
func (c chooser) OrgChoices() []tick { return ticks("org", c.Orgs) }

// PersonChoices are those of single persons.
func (c chooser) PersonChoices() []tick { return ticks("person", c.People) }

func (c *chooser) fill(t portal.Typed) {
	for _, list := range []struct {
		of   []portal.Choice
		name string
	}{{c.Orgs, "org"}, {c.People, "person"}} {
		chosen := strings.Fields(t[list.name])
		for i := range list.of {
			list.of[i].Now = slices.Contains(chosen, list.of[i].UID)
		}
	}
}

// failFields puts what was wrong beside the fields of forms, and returns what was wrong
// with the choice of who sees it.
func failFields(r *http.Request, page *web.Page, reply portal.Reply, forms ...*web.Form) (audience string) {
	if reply.Problem == nil {
		return ""
	}
	page.Refuse(r, reply.Problem, forms...)
	for _, f := range page.Faults {
		if f.Field == "audience" {
			audience = f.Text
		}
	}
	return audience
}

// entryForms offers what the reader can do with an entry.
func (p *Pages) entryForms(r *http.Request, c common, d portal.EntryDoc, page *web.Page, reply portal.Reply) entryPage {
	l := d.Entry
	data := entryPage{common: c, Row: p.entryRows([]portal.EntryLine{l})[0], Back: web.Link{Label: d.Title, URL: incidentPath(d.Number)}}
	if l.Gone != "" {
		return data
	}
	u, version := entryPath(l.Ref), func(v int64) []web.Hidden { return []web.Hidden{{Name: "version", Value: strconv.FormatInt(v, 10)}} }
	if t := l.Task; t != nil && (t.Mine || l.Mine) {
		if l.Kind == string(incident.Question) && t.Mine && !t.Ended {
			data.Answer = &web.Form{Action: u + "/answer", Files: true, Submit: web.Say(r, "portal.incident.answer"), Fields: []web.Field{
				{Name: "text", Type: "textarea", Rows: 5, Label: web.Say(r, "portal.incident.answer.words"), Required: true},
				{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "portal.incident.files")},
			}}
		}
		if l.Kind != string(incident.Question) || l.Mine && !t.Ended {
			data.Task = taskForm(r, u, l, version(t.Version))
		}
	}
	if l.Mine {
		data.ownForms(r, d, u, version(l.Version))
	}
	p.failEntry(r, &data, page, reply)
	return data
}

// sent is the form that was sent, or is asked for: one at a time is in sight.
func sent(r *http.Request) string {
	if r.Method == http.MethodPost {
		return r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	}
	return r.URL.Query().Get("do")
}

// ownForms change an entry of the own organisation.
func (data *entryPage) ownForms(r *http.Request, d portal.EntryDoc, u string, version []web.Hidden) {
	l := d.Entry
	for _, do := range []string{"edit", "share", "retract"} {
		data.Do = append(data.Do, web.Link{Label: web.Say(r, "portal.incident."+do), URL: u + "?do=" + do + "#do", Current: sent(r) == do})
	}
	reason := web.Field{Name: "reason", Type: "text", Label: web.Say(r, "portal.incident.reason"), Required: true, Autocomplete: "off"}
	switch sent(r) {
	case "edit":
		data.Edit = &web.Form{Action: u + "/edit", Hidden: version, Submit: web.Say(r, "portal.incident.save"), Fields: []web.Field{
			{Name: "text", Type: "textarea", Rows: 6, Label: web.Say(r, "portal.incident.words"), Value: l.Text, Required: true},
		}}
	case "retract":
		reason.Why = web.Say(r, "portal.incident.retract.why")
		data.Retract = &web.Form{Action: u + "/retract", Tone: "danger", Hidden: version, Submit: web.Say(r, "portal.incident.retract"), Fields: []web.Field{reason}}
	case "share":
		data.Share = &shareForm{Action: u + "/share", Version: l.Version, Who: chooser{Orgs: d.Orgs, People: d.People}, Fields: []web.Field{
			{Name: "marking", Type: "select", Label: web.Say(r, "portal.incident.marking"), Options: markingOptions(r, l.Marking)}, reason,
		}}
	}
}

// failEntry gives back what was typed into the one form that was sent.
func (p *Pages) failEntry(r *http.Request, data *entryPage, page *web.Page, reply portal.Reply) {
	if reply.Problem == nil {
		return
	}
	forms := map[string]*web.Form{"answer": data.Answer, "task": data.Task, "edit": data.Edit, "retract": data.Retract}
	if data.Share != nil {
		f := &web.Form{Fields: data.Share.Fields, Hidden: []web.Hidden{{Name: "version"}}}
		f.Fill(func(name string) string { return reply.Typed[name] })
		data.Share.Who.fill(reply.Typed)
		data.Share.Who.Error = failFields(r, page, reply, f)
	}
	if f := forms[sent(r)]; f != nil {
		f.Fill(func(name string) string { return reply.Typed[name] })
		failFields(r, page, reply, f)
	}
}

func taskForm(r *http.Request, u string, l portal.EntryLine, version []web.Hidden) *web.Form {
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "portal.incident.state")}
	for _, s := range incident.TaskStates(incident.Kind(l.Kind)) {
		if l.Kind != string(incident.Question) || s != incident.Answered {
			state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "portal.incident.task."+string(s)), Selected: string(s) == l.Task.State})
		}
	}
	return &web.Form{Action: u + "/task", Hidden: version, Submit: web.Say(r, "portal.incident.task.set"), Fields: []web.Field{
		state, {Name: "result", Type: "textarea", Rows: 2, Label: web.Say(r, "portal.incident.result"), Value: l.Task.Result},
	}}
}
