package portalweb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
	"almenara.example/regime"
)

const deadlinesURL = "/portal/deadlines"

// deadlineRoutes are the pages of what an organisation owes by law.
func (p *Pages) deadlineRoutes() []web.Route {
	sampled := strings.NewReplacer("{deadline}", "D-0000-0000", "{version}", "1")
	page := func(method, pattern, body string, h handler) web.Route {
		sample := strings.TrimSpace(method + " " + sampled.Replace(pattern) + " " + body)
		return web.Route{Method: method, Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: sample}
	}
	call := func(pattern string, h handler) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: mayFetch, Handler: p.door(h), Sample: "GET " + sampled.Replace(pattern), API: true, Stream: true}
	}
	const one, api = deadlinesURL + "/{deadline}", "/api/v1/portal/deadlines"
	filed := p.filed("")
	return []web.Route{
		page("GET", deadlinesURL, "", p.deadlines),
		page("GET", one, "", p.deadline(portal.KindDeadline)),
		page("GET", one+"/write", "", p.deadline(portal.KindDocument)),
		page("POST", one+"/write", "do=file&version=0&seen=0&field-title=a", p.writeDocument),
		page("POST", one+"/drop", "a=b", p.dropDocument),
		page("GET", one+"/filed/{version}", "", filed),
		page("GET", one+"/filed/{version}/print", "", p.filed("print")),
		page("GET", one+"/filed/{version}/json", "", p.filedFile),
		call(api, asFile(p.deadlines)),
		call(api+"/{deadline}", asFile(p.deadline(portal.KindDeadline))),
		call(api+"/{deadline}/filed/{version}", asFile(filed)),
	}
}

func deadlinePath(ref string) string { return deadlinesURL + "/" + url.PathEscape(ref) }

func filedPath(ref string, version int64) string {
	return deadlinePath(ref) + "/filed/" + strconv.FormatInt(version, 10)
}

// asFile answers programs with what a page shows.
func asFile(h handler) handler {
	return func(r *http.Request, w portal.Who) (portal.Reply, error) {
		reply, err := h(r, w)
		reply.File = &portal.File{ContentType: "application/json"}
		return reply, err
	}
}

func (p *Pages) deadlines(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, portal.KindDeadlines, w.Actor.Org, asked(r))
	return portal.Show(parcel), err
}

// deadline answers with one of the views of a deadline.
func (p *Pages) deadline(kind string) handler {
	return func(r *http.Request, w portal.Who) (portal.Reply, error) {
		parcel, err := p.portal.ShowDeadline(r.Context(), w, kind, r.PathValue("deadline"), url.Values{})
		return portal.Show(parcel), err
	}
}

// filed answers with a version that was filed, for the screen or for paper.
func (p *Pages) filed(as string) handler {
	return func(r *http.Request, w portal.Who) (portal.Reply, error) {
		q := url.Values{"number": {r.PathValue("version")}}
		if with := r.URL.Query().Get("with"); as != "" {
			q.Set("as", as)
			if slices.Contains(paperLanguages(), with) {
				q.Set("with", with)
			}
		}
		parcel, err := p.portal.ShowDeadline(r.Context(), w, portal.KindFiled, r.PathValue("deadline"), q)
		return portal.Show(parcel), err
	}
}

// filedFile hands out the machine form of what was filed.
func (p *Pages) filedFile(r *http.Request, w portal.Who) (portal.Reply, error) {
	reply, err := p.filed("")(r, w)
	reply.File = &portal.File{Name: r.PathValue("deadline") + "-" + r.PathValue("version") + ".json", ContentType: "application/json"}
	return reply, err
}

// writeDocument files a document, or keeps it for later.
func (p *Pages) writeDocument(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	ref := r.PathValue("deadline")
	c, err := p.portal.DeadlineOf(r.Context(), w, ref)
	if err != nil {
		return portal.Reply{}, err
	}
	_, stage, err := p.portal.Incidents.StageOf(&c)
	if err != nil {
		return portal.Reply{}, err
	}
	t := typed(r, "how", "at")
	n := incident.OwnFiling{
		Answers: map[string]string{}, Version: whole(r, "version"), Seen: whole(r, "seen"), How: t["how"], Language: web.PrinterOf(r.Context()).Lang(),
	}
	for _, f := range stage.Fields {
		v := r.PostForm.Get(incident.FieldPrefix + f.ID)
		if t[incident.FieldPrefix+f.ID] = v; f.Kind == regime.KindTime {
			v = instant(r, strings.TrimSpace(v))
		}
		n.Answers[f.ID] = v
	}
	again := func() (portal.Reply, error) { return p.deadline(portal.KindDocument)(r, w) }
	if r.PostForm.Get("do") != "file" {
		return after(p.portal.KeepDocument(r.Context(), w, ref, n), deadlinePath(ref), "portal.deadline.kept", t, again)
	}
	if n.At, err = timeIn(r, "at"); err == nil {
		err = p.portal.FileDocument(r.Context(), w, ref, n)
	}
	return after(err, deadlinePath(ref), "portal.deadline.filed", t, again)
}

// whole reads a whole number of a form; 0 for what is none.
func whole(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.PostForm.Get(name), 10, 64)
	if err != nil {
		return 0 // the verb says that it is not the one that stands
	}
	return n
}

func (p *Pages) dropDocument(r *http.Request, w portal.Who) (portal.Reply, error) {
	ref := r.PathValue("deadline")
	return portal.GoTo(deadlinePath(ref), "portal.deadline.dropped"), p.portal.DropDocument(r.Context(), w, ref)
}

// The pages.

// deadlineRow is a deadline with its words and addresses.
type deadlineRow struct {
	portal.DeadlineLine
	Path, Write, At string
	Badge           web.Badge
	Left            string // in words; empty where nothing runs
	To              string
	Do              string // what comes next
}

type deadlinesPage struct {
	common
	Open, Waiting, Settled []deadlineRow
}

type deadlinePage struct {
	common
	Row     deadlineRow
	Facts   web.Facts
	Counted []string
	Why     []string
	Said    string // the language of Why: of an old count, English
	Filed   []filedRow
	Begun   bool
}

type filedRow struct {
	portal.FiledLine
	Path, How string
}

type documentPage struct {
	common
	Row      deadlineRow
	Form     *web.Form
	Audience *web.Audience
	Drop     string
	Again    bool
}

type filedPage struct {
	common
	Row       deadlineRow
	Filed     filedRow
	Doc       portal.FiledDoc
	Languages []web.Link
}

// deadlineRows writes deadlines for a reader.
func (p *Pages) deadlineRows(r *http.Request, ls []portal.DeadlineLine) (out []deadlineRow) {
	for _, l := range ls {
		out = append(out, p.deadlineRow(r, l))
	}
	return out
}

func (p *Pages) deadlineRow(r *http.Request, l portal.DeadlineLine) deadlineRow {
	now := p.portal.Acts.Clock().Now()
	row := deadlineRow{DeadlineLine: l, Path: deadlinePath(l.Ref), At: incidentPath(l.Incident), To: l.OwedTo, Badge: deadlineBadge(r, &l, now)}
	row.Write = row.Path + "/write"
	if row.To == "" {
		row.To = web.Say(r, "portal.deadline.role."+l.OwedRole)
	}
	if !l.Due.IsZero() {
		row.Left = left(r, &l, now)
	}
	row.Do = web.Say(r, "portal.deadline.write", "Stage", startLower(l.Document))
	return row
}

// startLower is a title within a sentence: an abbreviation stays as it is.
func startLower(s string) string {
	runes := []rune(s)
	if len(runes) < 2 || strings.ToUpper(string(runes[1])) == string(runes[1]) {
		return s
	}
	return strings.ToLower(string(runes[:1])) + string(runes[1:])
}

func deadlineBadge(r *http.Request, l *portal.DeadlineLine, now time.Time) web.Badge {
	say := func(tone, icon, key string) web.Badge {
		return web.Badge{Tone: tone, Icon: icon, Word: web.Say(r, "portal.deadline.state."+key)}
	}
	switch {
	case l.State == "late":
		return say("critical", "warning", "late")
	case l.State == "running" && !l.Due.IsZero() && now.After(l.Due):
		return say("high", "warning", "unsafe")
	case l.State == "running":
		return say("open", "clock", "running")
	case l.State == "met" && l.MetLate:
		return say("medium", "check", "met_late")
	case l.State == "met":
		return say("ok", "check", "met")
	}
	return say("muted", "", l.State)
}

// left is how long there is, in words, or for how long it has been too late.
func left(r *http.Request, l *portal.DeadlineLine, now time.Time) string {
	end := l.Lawful
	if !l.Set.IsZero() {
		end = l.Set
	}
	switch {
	case !now.After(l.Due):
		return span(r, "left", l.Due.Sub(now))
	case now.Before(end):
		return span(r, "past", now.Sub(l.Due)) + " " + span(r, "lawful_left", end.Sub(now))
	}
	return span(r, "over", now.Sub(end))
}

// span says a length of time; the number is cut, so that nobody counts on more than
// there is.
func span(r *http.Request, what string, d time.Duration) string {
	unit, n := "minutes", int(d/time.Minute)
	switch {
	case d >= 48*time.Hour:
		unit, n = "days", int(d/(24*time.Hour))
	case d >= time.Hour:
		unit, n = "hours", int(d/time.Hour)
	}
	return web.Say(r, "portal.deadline."+what, "Time", web.Say(r, "portal.deadline.time."+unit, "Count", n))
}

// shownDeadline makes the pages of what is owed by law.
func (p *Pages) shownDeadline(r *http.Request, reply portal.Reply, page web.Page, c common) (name string, _ web.Page, err error) {
	body := reply.Parcel.View().Body
	switch kind := reply.Parcel.Thing().Kind; kind {
	case portal.KindDeadlines:
		var d portal.DeadlinesDoc
		err = json.Unmarshal(body, &d)
		name, page.Title, page.Lead = "portal/deadlines", web.Say(r, "portal.deadlines"), web.Say(r, "portal.deadlines.lead")
		data := deadlinesPage{common: c, Settled: p.deadlineRows(r, d.Settled)}
		for _, row := range p.deadlineRows(r, d.Open) {
			if row.State == string(incident.ClockWaiting) {
				data.Waiting = append(data.Waiting, row)
			} else {
				data.Open = append(data.Open, row)
			}
		}
		page.Data = data
	case portal.KindDeadline:
		var d portal.DeadlineDoc
		err = json.Unmarshal(body, &d)
		name, page.Title, page.Data = "portal/deadline", d.Document, p.deadlinePage(r, c, &d)
	case portal.KindDocument:
		var d portal.DocumentDoc
		err = json.Unmarshal(body, &d)
		name, page.Title, page.Lead = "portal/document", d.Document, d.Law+" · "+d.Citation
		page.Data = p.documentPage(r, c, &d, &page, reply)
	case portal.KindFiled:
		var d portal.FiledDoc
		err = json.Unmarshal(body, &d)
		row := p.deadlineRow(r, d.DeadlineLine)
		data := filedPage{common: c, Row: row, Filed: filedRows(r, row.Ref, []portal.FiledLine{d.FiledLine})[0], Doc: d}
		for k := range d.Fields {
			shownField(r, &d.Fields[k])
		}
		name, page.Title = "portal/filed", d.Document
		if q, _ := url.ParseQuery(reply.Parcel.Thing().Query); q.Get("as") == "print" {
			name, data.Languages = "portal/filed_print", paperLinks(r, q.Get("with"))
		}
		page.Data = data
	default:
		return "", page, fmt.Errorf("the portal has no page for %s", kind)
	}
	return name, page, err
}

// paperLanguages are those that a document can have beside the reader's own.
func paperLanguages() []string { return []string{"en", "fr", "es"} }

func paperLinks(r *http.Request, with string) (out []web.Link) {
	for _, tag := range paperLanguages() {
		if tag != web.PrinterOf(r.Context()).Lang() {
			out = append(out, web.Link{Label: strings.ToUpper(tag), URL: web.With(r.URL, "with", tag), Current: tag == with})
		}
	}
	return out
}

// shownField puts a value into words.
func shownField(r *http.Request, f *portal.FiledField) {
	switch {
	case f.Value == "":
	case f.Kind == string(regime.KindTime):
		if at, err := time.Parse(time.RFC3339, f.Value); err == nil {
			f.Time = at
		}
	case f.Kind == string(regime.KindYesNo):
		f.Shown = web.Say(r, "portal.report."+f.Value)
	}
	if f.Shown == "" {
		f.Shown = f.Value
	}
}

func (p *Pages) deadlinePage(r *http.Request, c common, d *portal.DeadlineDoc) deadlinePage {
	row := p.deadlineRow(r, d.DeadlineLine)
	return deadlinePage{common: c, Row: row, Facts: deadlineFacts(r, &row), Counted: countedFrom(r, d), Filed: filedRows(r, d.Ref, d.Filed), Begun: d.Begun, Why: d.Why, Said: d.Said}
}

func filedRows(r *http.Request, ref string, ls []portal.FiledLine) (out []filedRow) {
	for _, l := range ls {
		row := filedRow{FiledLine: l, Path: filedPath(ref, l.Number)}
		switch {
		case l.Report != "":
			row.How = web.Say(r, "portal.deadline.by_report", "Number", l.Report)
		case !l.Mine:
			row.How = web.Say(r, "portal.deadline.by_team", "How", l.How)
		case l.How != "":
			row.How = web.Say(r, "portal.deadline.by_you_how", "How", l.How)
		default:
			row.How = web.Say(r, "portal.deadline.by_you")
		}
		out = append(out, row)
	}
	return out
}

func deadlineFacts(r *http.Request, row *deadlineRow) web.Facts {
	f := web.Facts{Title: web.Say(r, "portal.deadline.facts")}
	add := func(key string, c web.Cell) {
		if c.Text != "" || !c.At.IsZero() {
			f.Items = append(f.Items, web.Fact{Label: web.Say(r, "portal.deadline."+key), Cell: c})
		}
	}
	add("strict", web.Exactly(row.Strict))
	add("lawful", web.Exactly(row.Lawful))
	add("set", web.Exactly(row.Set))
	add("met_at", web.Exactly(row.Met))
	add("owed_to", web.Text(row.To))
	add("law", web.Cell{Text: row.Law, Sub: row.Citation})
	rule := "unverified"
	if row.Verified {
		rule = "verified"
	}
	add("rule", web.Text(web.Say(r, "portal.deadline."+rule)))
	add("incident", web.Cell{Text: row.Incident, URL: row.At, Sub: row.Title})
	return f
}

// countedFrom says from when a deadline is counted, and why its two ends differ.
func countedFrom(r *http.Request, d *portal.DeadlineDoc) (out []string) {
	event := web.Say(r, "portal.deadline.event.stage", "Stage", startLower(d.FromStage))
	if d.FromStage == "" {
		event = web.Say(r, "portal.deadline.event."+d.From)
	}
	switch {
	case d.Anchor.IsZero():
		out = append(out, web.Say(r, "portal.deadline.not_yet", "Event", event))
	case d.Period == 0:
		out = append(out, web.Say(r, "portal.deadline.no_period", "Event", event, "At", web.PrinterOf(r.Context()).Time(d.Anchor)))
	default:
		period := web.Say(r, "portal.deadline.period."+d.Unit, "Count", d.Period)
		out = append(out, web.Say(r, "portal.deadline.counted", "Period", period, "Event", event, "At", web.PrinterOf(r.Context()).Time(d.Anchor)))
	}
	if d.When != string(regime.Always) {
		out = append(out, web.Say(r, "portal.deadline.when."+d.When))
	}
	if !d.Lawful.Equal(d.Strict) {
		out = append(out, web.Say(r, "portal.deadline.two_ends"))
	}
	return out
}

// documentPage is the form of a document, filled with what is known or was typed.
func (p *Pages) documentPage(r *http.Request, c common, d *portal.DocumentDoc, page *web.Page, reply portal.Reply) documentPage {
	row := p.deadlineRow(r, d.DeadlineLine)
	f := &web.Form{Action: row.Write, Hidden: []web.Hidden{{Name: "version", Value: strconv.FormatInt(d.Version, 10)}, {Name: "seen", Value: strconv.FormatInt(d.Seen, 10)}}}
	values := map[string]string{}
	for k := range d.Fields {
		one := &d.Fields[k]
		field := stageField(r, one)
		f.Fields = append(f.Fields, field)
		values[field.Name] = d.Answers[one.ID]
		if at, err := time.Parse(time.RFC3339, d.Answers[one.ID]); err == nil && one.Kind == regime.KindTime {
			values[field.Name] = at.In(web.PrinterOf(r.Context()).Zone()).Format(web.LocalTime)
		}
	}
	if !d.Here {
		f.Fields = append(f.Fields,
			web.Field{Name: "how", Type: "text", Label: web.Say(r, "portal.deadline.how", "Name", row.To), Why: web.Say(r, "portal.deadline.how.why"), Required: true, Autocomplete: "off"},
			web.Field{Name: "at", Type: "datetime-local", Label: web.Say(r, "portal.deadline.at"), Why: web.Say(r, "portal.deadline.at.why")})
	}
	f.Fill(func(name string) string { return values[name] })
	data := documentPage{common: c, Row: row, Form: fill(f, r, page, reply), Again: d.Seen > 0}
	data.Audience = &web.Audience{Summary: web.Say(r, "portal.deadline.sees"), Members: []web.Member{
		{Name: p.portal.NameOf(guard.OwnOrg)}, {Name: p.portal.NameOf(whoOf(r).Actor.Org)},
	}}
	if !d.Here && d.OwedTo != "" {
		data.Audience.Members = append(data.Audience.Members, web.Member{Name: d.OwedTo, Why: web.Say(r, "portal.deadline.sees.if")})
	}
	if d.Version > 0 {
		data.Drop = row.Path + "/drop"
	}
	return data
}
