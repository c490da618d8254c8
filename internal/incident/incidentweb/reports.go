package incidentweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of the forms about reports; the verbs have the same names.
const (
	takeReport   = "incident.report"
	changeReport = "incident.change_report"
	addToReport  = "incident.add_to_report"
	noteOnReport = "incident.note_on_report"
	answerReport = "incident.answer_report"
	closeReport  = "incident.close_report"
	reopenReport = "incident.reopen_report"
	linkReport   = "incident.link_report"
	unlinkReport = "incident.unlink_report"
	promote      = "incident.promote_findings"
)

const reportsURL = "/incident/reports"

func reportURL(number string) string { return reportsURL + "/" + number }

// reportRoutes are the pages of reports.
func (p *Pages) reportRoutes() []web.Route {
	const one = reportsURL + "/ALM-0000-0000"
	get := func(pattern, permission string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "GET", Pattern: reportsURL + pattern, Permission: permission, Handler: h, Sample: "GET " + strings.ReplaceAll(reportsURL+pattern, "{number}", "ALM-0000-0000")}
	}
	post := func(pattern, permission, body string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "POST", Pattern: reportsURL + "/{number}" + pattern, Permission: permission, Handler: h, Sample: "POST " + one + pattern + " " + body}
	}
	return []web.Route{
		get("", read, p.reports),
		get("/new", takeReport, p.newReport),
		{Method: "POST", Pattern: reportsURL, Permission: takeReport, Handler: p.takeReport, Sample: "POST " + reportsURL + " text="},
		get("/{number}", read, p.report),
		post("/say", addToReport, "text=a", p.sayOnReport),
		{
			Method: "POST", Pattern: reportsURL + "/{number}/write", Permission: read, Handler: p.writeOnReport, MaxBody: maxReportBody,
			Sample: "POST " + one + "/write as=note&words=a",
		},
		post("/order", changeReport, "title=a&kind=incident&reporter=other&marking=TLP:AMBER", p.orderReport),
		post("/take", changeReport, "a=b", p.takeUpReport),
		get("/{number}/open", linkReport, p.askOpenFromReport),
		post("/open", linkReport, "title=a&severity=high&marking=TLP:AMBER", p.openFromReport),
		post("/link", linkReport, "incident=ALM-0000-0000", p.linkReport),
		post("/unlink", unlinkReport, "incident=ALM-0000-0000&reason=a", p.unlinkReport),
		get("/{number}/close", closeReport, p.confirmCloseReport),
		post("/close", closeReport, "state=rejected&reason=a", p.closeReport),
		get("/{number}/reopen", reopenReport, p.confirmReopenReport),
		post("/reopen", reopenReport, "reason=a", p.reopenReport),
		{Method: "GET", Pattern: "/incident/report-files/{file}", Permission: read, Handler: p.reportFile, Sample: "GET /incident/report-files/1"},
		{Method: "POST", Pattern: "/incident/mail-report/{mail}", Permission: takeReport, Handler: p.reportOfMail, Sample: "POST /incident/mail-report/1 a=b"},
		{Method: "GET", Pattern: "/incident/promote", Permission: promote, Handler: p.askPromote, Sample: "GET /incident/promote?id=ALM-0000-0000"},
		{Method: "POST", Pattern: "/incident/promote", Permission: promote, Handler: p.promote, Sample: "POST /incident/promote id=ALM-0000-0000&title=a&severity=high&marking=TLP:AMBER"},
	}
}

const maxReportBody = incident.MaxReportFiles*incident.MaxReportFile + 1<<20

// reportNumbered is the report that the address names.
func (p *Pages) reportNumbered(r *http.Request) (incident.Report, error) {
	return p.in.ReportNumbered(r.Context(), p.in.Acts.Reader(), viewer(r), r.PathValue("number"))
}

func reportFilterOf(r *http.Request) incident.ReportFilter {
	q := r.URL.Query()
	f := incident.ReportFilter{
		Source: incident.ReportSource(q.Get("source")), Kind: incident.ReportKind(q.Get("kind")), Severity: incident.Severity(q.Get("severity")),
		Owner: positive(q.Get("of")), Class: q.Get("class"), Exercise: q.Get("exercise") != "", Before: positive(q.Get("after")), Limit: perPage + 1,
	}
	if s := q.Get("state"); s == "all" {
		f.All = true
	} else {
		f.State = incident.ReportState(s)
	}
	return f
}

// choices are the options of a filter over words of one family.
func choices[T ~string](r *http.Request, family string, all []T) []web.Option {
	out := []web.Option{{Label: web.Say(r, "incident.desk.any")}}
	for _, v := range all {
		out = append(out, web.Option{Value: string(v), Label: web.Say(r, family+string(v))})
	}
	return out
}

// reports is the list for triage: what is new first.
func (p *Pages) reports(w http.ResponseWriter, r *http.Request) error {
	f := reportFilterOf(r)
	found, err := p.in.Reports(r.Context(), p.in.Acts.Reader(), viewer(r), f)
	if err != nil {
		return err
	}
	states := choices(r, "incident.desk.reports.state.", incident.ReportStates())
	states[0].Label = web.Say(r, "incident.desk.reports.waiting")
	states = append(states, web.Option{Value: "all", Label: web.Say(r, "incident.desk.any")})
	list := web.List{
		ID: "reports", Caption: web.Say(r, "incident.desk.reports.title"), Total: web.Total{Hide: true}, Live: true,
		Filters: web.Sift(r,
			web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state"), Options: states},
			web.Field{Name: "source", Type: "select", Label: web.Say(r, "incident.desk.reports.source"), Options: choices(r, "incident.desk.reports.source.", incident.ReportSources())},
			web.Field{Name: "kind", Type: "select", Label: web.Say(r, "incident.desk.reports.kind"), Options: choices(r, "incident.desk.reports.kind.", incident.ReportKinds())},
			web.Field{Name: "severity", Type: "select", Label: web.Say(r, "incident.desk.column.severity"), Options: choices(r, "incident.desk.severity.", incident.Severities())},
		),
		Columns: web.Columns(r, "incident.desk.column.number", "incident.desk.column.what", "incident.desk.reports.source", "incident.desk.reports.who",
			"incident.desk.column.severity", "incident.desk.column.state", "incident.desk.reports.age"),
		Empty: web.Empty{Title: web.Say(r, "incident.desk.reports.empty"), Why: web.Say(r, "incident.desk.reports.empty.why")},
	}
	page := web.Page{
		Title: web.Say(r, "incident.desk.reports.title"), Room: "incident", Lead: web.Say(r, "incident.desk.reports.lead"), Topics: []string{incident.ReportsTopic},
		Exercise: f.Exercise, Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}
	if can(r, takeReport) {
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.reports.new"), URL: reportsURL + "/new", Icon: "phone", Tone: "primary"}
		list.Empty.Do = page.Primary
	}
	if len(found) > perPage {
		found = found[:perPage]
		list.Older = web.With(r.URL, "after", number(found[perPage-1].ID))
	}
	strictest := tlp.Clear
	for i := range found {
		list.Rows = append(list.Rows, p.reportRow(r, &found[i]))
		strictest = tlp.Strictest(strictest, found[i].Marking)
	}
	if len(found) > 0 {
		page.Marking = strictest.String()
	}
	page.Data = listPage{List: list}
	return p.site.Page(w, r, http.StatusOK, "incident/list", page)
}

func (p *Pages) reportRow(r *http.Request, one *incident.Report) web.Row {
	u := reportURL(p.in.ReportNo(one.ID))
	severity := web.Cell{Text: web.Say(r, "incident.desk.reports.unjudged")}
	if one.Severity != "" {
		severity = web.Marked(severityBadge(r, one.Severity))
	}
	row := web.Row{URL: u, Name: one.Title, Cells: []web.Cell{
		{Text: p.in.ReportNo(one.ID), URL: u, Mono: true},
		{Text: one.Title, Sub: web.Say(r, "incident.desk.reports.kind."+string(one.Kind)) + " · " + one.Marking.String()},
		{Text: web.Say(r, "incident.desk.reports.source."+string(one.Source)), Sub: stageOf(one)}, p.reporterCell(r, one), severity,
		web.Marked(reportBadge(r, one.State)), web.Ago(one.SaidAt),
	}}
	if !one.State.Waits() {
		row.Tone = "muted"
	}
	return row
}

func stageOf(one *incident.Report) string {
	if one.Regime == "" {
		return ""
	}
	return one.Regime + " · " + one.Stage
}

// reporterCell names who reported, and how sure that is.
func (p *Pages) reporterCell(r *http.Request, one *incident.Report) web.Cell {
	c := web.Cell{Text: one.Name, Sub: web.Say(r, "incident.desk.reports.reporter."+string(one.Reporter))}
	if one.Owner != 0 {
		c = web.Cell{Text: p.orgName(one.Owner), URL: orgURL(one.Owner), Sub: one.Name}
		if !one.Confirmed {
			c.Sub = web.Say(r, "incident.desk.reports.unsure")
		}
	}
	if c.Text == "" {
		c.Text = web.Say(r, "incident.desk.reports.nobody")
	}
	return c
}

func reportBadge(r *http.Request, s incident.ReportState) web.Badge {
	b := web.Badge{Tone: "open", Icon: "state-open", Word: web.Say(r, "incident.desk.reports.state."+string(s))}
	switch s {
	case incident.ReportNew:
		b.Tone, b.Icon = "high", "flag"
	case incident.ReportResolved, incident.ReportRejected:
		b.Tone, b.Icon = "muted", "state-closed"
	case incident.ReportOpen:
	}
	return b
}

// reportExtra shows the reports of an incident on its page.
func (p *Pages) reportExtra(r *http.Request, i *incident.Incident) (x extra, err error) {
	db := p.in.Acts.Reader()
	found, err := p.in.ReportsOfIncident(r.Context(), db, viewer(r), i.ID)
	if err != nil {
		return x, err
	}
	f := web.Facts{Title: web.Say(r, "incident.desk.reports.title")}
	for k := range found {
		one := &found[k]
		f.Items = append(f.Items, web.Fact{
			Label: web.Say(r, "incident.desk.reports.source."+string(one.Source)),
			Cell:  web.Cell{Text: p.in.ReportNo(one.ID), URL: reportURL(p.in.ReportNo(one.ID)), Mono: true, Sub: one.Title},
		})
	}
	ids, err := p.in.FindingsOf(r.Context(), db, i.ID)
	if err != nil {
		return x, err
	}
	for _, id := range ids[:min(len(ids), 20)] {
		n := p.in.Watch.Number(id)
		f.Items = append(f.Items, web.Fact{Label: web.Say(r, "incident.desk.reports.finding"), Cell: web.Cell{Text: n, URL: "/watch/findings/" + n, Mono: true}})
	}
	if len(f.Items) > 0 {
		x.Facts = []web.Facts{f}
	}
	return x, nil
}
