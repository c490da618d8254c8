package incidentweb

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
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

// story is one entry in an incident's story.
type story struct {
	ID      int64
	URL     string
	Kind    web.Badge
	Who     string // whose word
	By      string
	At      time.Time
	Marking string
	Text    string
	Gone    string // why it was taken back
	Changed bool
	Machine bool
	From    string // number of the merged incident it comes from
	Sees    string // who can see it, in a line
	State   *web.Badge
	Due     time.Time
	Files   []web.Link
	Sights  []string
	Gap     string // how much time had passed before it, when that is long
}

// gapFrom is how long a silence must be to be shown.
const gapFrom = 6 * time.Hour

// known are names that were looked up for a page already.
type known struct {
	circles map[guard.Audience]string
	authors map[string]string
}

// story reads what happened, as far as the reader may see it, and how secret it is.
func (p *Pages) story(r *http.Request, i *incident.Incident) (out []story, strictest tlp.Marking, err error) {
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	entries, err := p.in.Story(ctx, db, v, i.ID)
	if err != nil {
		return nil, i.Marking, err
	}
	parts, err := p.partsOf(r, i)
	if err != nil {
		return nil, i.Marking, err
	}
	names := known{map[guard.Audience]string{}, map[string]string{}}
	var ids []int64
	strictest = i.Marking
	for k := range entries {
		e := &entries[k]
		ids = append(ids, e.ID)
		strictest = tlp.Strictest(strictest, e.Marking)
		s, err := p.storyOf(r, e, parts, names)
		if err != nil {
			return nil, strictest, err
		}
		if e.Incident != i.ID {
			s.From = p.in.Number(e.Incident)
		}
		if k > 0 && e.At.Sub(entries[k-1].At) >= gapFrom {
			s.Gap = web.PrinterOf(ctx).Age(e.At.Sub(entries[k-1].At))
		}
		out = append(out, s)
	}
	slices.Reverse(out) // the newest is what somebody who comes back looks for
	return out, strictest, p.in.MarkSeen(ctx, v, ids)
}

// parts are what hangs on the entries of an incident.
type parts struct {
	files  map[int64][]incident.File
	sights map[int64][]incident.Sight
	tasks  map[int64]incident.Task
}

func (p *Pages) partsOf(r *http.Request, i *incident.Incident) (out parts, err error) {
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	out = parts{map[int64][]incident.File{}, map[int64][]incident.Sight{}, map[int64]incident.Task{}}
	fs, err := p.in.Files(ctx, db, v, i.ID)
	if err != nil {
		return out, err
	}
	for _, f := range fs {
		out.files[f.Entry] = append(out.files[f.Entry], f)
	}
	ss, err := p.in.Observables(ctx, db, v, i.ID)
	if err != nil {
		return out, err
	}
	for _, s := range ss {
		out.sights[s.Entry] = append(out.sights[s.Entry], s)
	}
	ts, err := p.in.Tasks(ctx, db, v, i.ID)
	for _, t := range ts {
		out.tasks[t.Entry] = t
	}
	return out, err
}

func (p *Pages) storyOf(r *http.Request, e *incident.Entry, has parts, names known) (s story, err error) {
	s = story{
		ID: e.ID, URL: "/incident/entries/" + number(e.ID), Who: p.orgName(e.Owner), By: e.By, At: e.At, Marking: e.Marking.String(), Text: e.Text,
		Changed: e.Version > 1, Machine: !strings.HasPrefix(e.Author, "person:"), Kind: kindBadge(r, e.Kind),
	}
	if s.By == "" {
		by, ok := names.authors[e.Author]
		if !ok {
			by = p.who(r, e.Author)
			names.authors[e.Author] = by
		}
		s.By = by
	}
	if !e.RetractedAt.IsZero() {
		s.Gone, s.Text = e.Retracted, ""
		return s, nil
	}
	sees, ok := names.circles[e.Audience]
	if !ok {
		c, err := p.in.Guard.CircleOf(r.Context(), p.in.Acts.Reader(), e.Audience)
		if err != nil {
			return s, err
		}
		sees = p.circleLine(r, c)
		names.circles[e.Audience] = sees
	}
	s.Sees = sees
	for _, f := range has.files[e.ID] {
		s.Files = append(s.Files, web.Link{Label: f.Name, URL: "/incident/files/" + number(f.ID) + "/view"})
	}
	for _, o := range has.sights[e.ID] {
		s.Sights = append(s.Sights, o.Defanged())
	}
	if t, ok := has.tasks[e.ID]; ok {
		b := taskBadge(r, &t)
		s.State, s.Due = &b, t.Due
	}
	return s, nil
}

// circleLine names who sees an entry, in one line.
func (p *Pages) circleLine(r *http.Request, c guard.Circle) string {
	var names []string
	for _, org := range c.Orgs {
		if org != guard.OwnOrg {
			names = append(names, p.orgName(org))
		}
	}
	for _, id := range c.Persons {
		names = append(names, p.personName(r, id))
	}
	if len(names) == 0 {
		return web.Say(r, "incident.desk.audience.desk")
	}
	if len(c.Orgs) > 0 && c.Orgs[0] == guard.OwnOrg {
		return web.Say(r, "incident.desk.audience.desk_and", "Names", strings.Join(names, ", "))
	}
	return strings.Join(names, ", ")
}

func kindBadge(r *http.Request, k incident.Kind) web.Badge {
	icon := map[incident.Kind]string{
		incident.Note: "edit", incident.Call: "phone", incident.Status: "info", incident.Decision: "flag", incident.Observable: "search",
		incident.FileEntry: "copy", incident.TaskEntry: "check", incident.Question: "question", incident.Measure: "lock",
	}[k]
	return web.Badge{Tone: "muted", Icon: icon, Word: web.Say(r, "incident.desk.kind."+string(k))}
}

func taskBadge(r *http.Request, t *incident.Task) web.Badge {
	b := web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.task."+string(t.State))}
	if t.State.Ended() || t.State == incident.Active {
		b.Tone, b.Icon = "ok", "check"
	}
	return b
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

// entryForms offers what the reader may do with an entry.
func (p *Pages) entryForms(r *http.Request, i *incident.Incident, e *incident.Entry, c guard.Circle, data *entryPage) error {
	if !e.RetractedAt.IsZero() {
		return nil
	}
	u, version := "/incident/entries/"+number(e.ID), []web.Hidden{{Name: "version", Value: number(e.Version)}}
	if e.Owner == actor(r).Org && can(r, editEntry) {
		data.Edit = &web.Form{Action: u + "/edit", Submit: web.Say(r, "incident.desk.save"), Hidden: version, Fields: []web.Field{
			{Name: "text", Type: "textarea", Rows: 6, Label: web.Say(r, "incident.desk.text"), Value: e.Text, Required: true},
		}}
		data.Retract = &web.Confirm{
			Title: web.Say(r, "incident.desk.retract"), NoEffect: web.Say(r, "incident.desk.retract.effect"), Action: u + "/retract", Verb: web.Say(r, "incident.desk.retract"),
			Tone: "danger", Hidden: version, NeedReason: true,
		}
		share, err := p.shareForm(r, i, e, c)
		if err != nil {
			return err
		}
		data.Share = share
	}
	t, err := p.in.Task(r.Context(), p.in.Acts.Reader(), viewer(r), e.ID)
	if err != nil {
		return nil //nolint:nilerr // most entries have no state of their own
	}
	if t.Kind == incident.Question && t.State == incident.Asked && can(r, answerAsked) {
		data.Answer = &web.Form{Action: u + "/answer", Submit: web.Say(r, "incident.desk.answer"), Fields: []web.Field{
			{Name: "text", Type: "textarea", Rows: 3, Label: web.Say(r, "incident.desk.answer.text"), Required: true},
			{Name: "by", Type: "text", Label: web.Say(r, "incident.desk.by"), Why: web.Say(r, "incident.desk.by.why"), Autocomplete: "off"},
			{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
		}}
	}
	if can(r, setTask) {
		data.Task = taskForm(r, u, &t)
	}
	return nil
}

func taskForm(r *http.Request, u string, t *incident.Task) *web.Form {
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state")}
	for _, s := range incident.TaskStates(t.Kind) {
		if t.Kind != incident.Question || s != incident.Answered {
			state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.task."+string(s)), Selected: s == t.State})
		}
	}
	return &web.Form{Action: u + "/task", Submit: web.Say(r, "incident.desk.task.set"), Hidden: []web.Hidden{{Name: "version", Value: number(t.Version)}}, Fields: []web.Field{
		state, {Name: "result", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.task.result"), Value: t.Result},
	}}
}

func (p *Pages) shareForm(r *http.Request, i *incident.Incident, e *incident.Entry, c guard.Circle) (*sharing, error) {
	m, err := p.membersOf(r, i)
	if err != nil {
		return nil, err
	}
	s := &sharing{Action: "/incident/entries/" + number(e.ID) + "/share", Version: e.Version, Fields: []web.Field{
		{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, e.Marking, true)},
		{Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason"), Required: true},
	}}
	for _, org := range m.orgs {
		s.Orgs = append(s.Orgs, choice{Name: "org", ID: org, Label: p.orgName(org), Checked: slices.Contains(c.Orgs, org)})
	}
	for _, one := range m.persons {
		s.Persons = append(s.Persons, choice{Name: "person", ID: one.ID, Label: one.Name, Sub: p.orgName(one.Org), Checked: slices.Contains(c.Persons, one.ID)})
	}
	return s, nil
}

// changed is the frame of a posted form about an entry.
func (p *Pages) changed(w http.ResponseWriter, r *http.Request, said string, do func(incident.Entry) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	e, err := p.entryNamed(r)
	if err != nil {
		return err
	}
	err = do(e)
	if correctable(err) {
		return p.showEntry(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, "/incident/entries/"+number(e.ID), web.Flash{Key: said})
	return nil
}

func (p *Pages) edit(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.saved", func(e incident.Entry) error {
		return p.in.EditEntry(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("version")), r.PostForm.Get("text"))
	})
}

func (p *Pages) share(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.shared", func(e incident.Entry) error {
		return p.in.Share(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("version")), readMarking(r), circleOf(r), r.PostForm.Get("reason"))
	})
}

func (p *Pages) retract(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.retracted", func(e incident.Entry) error {
		return p.in.Retract(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("version")), r.PostForm.Get("reason"))
	})
}

func (p *Pages) setTask(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.saved", func(e incident.Entry) error {
		f := r.PostForm
		return p.in.SetTask(r.Context(), actor(r), e.ID, incident.TaskState(f.Get("state")), f.Get("result"), positive(f.Get("version")))
	})
}

func (p *Pages) assign(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.saved", func(e incident.Entry) error {
		due, err := timeOf(r, "due")
		if err != nil {
			return err
		}
		return p.in.Assign(r.Context(), actor(r), e.ID, positive(r.PostForm.Get("owes")), 0, due, positive(r.PostForm.Get("version")))
	})
}

func (p *Pages) answer(w http.ResponseWriter, r *http.Request) error {
	return p.changed(w, r, "incident.desk.written", func(e incident.Entry) error {
		n, err := readEntry(r)
		if err != nil {
			return err
		}
		n.Marking = e.Marking
		_, err = p.in.AnswerQuestion(r.Context(), actor(r), e.ID, n)
		return err
	})
}

// file hands a file out to be saved: nothing from outside is shown in our origin.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "file")
	if err != nil {
		return err
	}
	f, body, err := p.in.File(r.Context(), p.in.Acts.Reader(), viewer(r), id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", web.Attachment(f.Name))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	return nil
}

// taskList lists what is to be done, asked and in place.
func (p *Pages) taskList(r *http.Request, i *incident.Incident) (*web.List, error) {
	ts, err := p.in.Tasks(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil || len(ts) == 0 {
		return nil, err
	}
	l := &web.List{
		ID: "tasks", Caption: web.Say(r, "incident.desk.tasks"), Total: web.Total{N: int64(len(ts))}, Live: true,
		Columns: web.Columns(r, "incident.desk.column.what", "incident.desk.owes", "incident.desk.column.state", "incident.desk.due"),
	}
	for k := range ts {
		t := &ts[k]
		e, err := p.in.Entry(r.Context(), p.in.Acts.Reader(), viewer(r), t.Entry)
		if err != nil {
			return nil, err
		}
		row := web.Row{Cells: []web.Cell{
			{Text: clip(e.Text, 120), URL: "/incident/entries/" + number(t.Entry), Sub: web.Say(r, "incident.desk.kind."+string(t.Kind))},
			web.Text(p.orgName(t.Org)), web.Marked(taskBadge(r, t)), {At: t.Due},
		}}
		switch {
		case t.State.Ended():
			row.Tone = "muted"
		case !t.Due.IsZero() && t.Due.Before(p.in.Acts.Clock().Now()):
			row.Tone = "critical"
		}
		l.Rows = append(l.Rows, row)
	}
	return l, nil
}

// sightList lists the observables, each written so that nothing becomes a link.
func (p *Pages) sightList(r *http.Request, i *incident.Incident) (*web.List, error) {
	ss, err := p.in.Observables(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil || len(ss) == 0 {
		return nil, err
	}
	const most = 200
	l := &web.List{
		ID: "observables", Caption: web.Say(r, "incident.desk.observables"), Total: web.Total{N: int64(len(ss))},
		Columns: web.Columns(r, "incident.desk.column.kind", "incident.desk.column.value", "incident.desk.column.entry"),
	}
	for _, s := range ss[:min(len(ss), most)] {
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{
			web.Text(web.Say(r, "incident.desk.observable."+string(s.Kind))), {Text: s.Defanged(), Mono: true, Copy: true},
			web.Anchor(web.Say(r, "incident.desk.entry"), "/incident/entries/"+number(s.Entry)),
		}})
	}
	return l, nil
}
