package portalweb

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
	"almenara.example/regime"
	"almenara.example/tlp"
)

const (
	reportsURL    = incident.PortalReports
	publicURL     = "/report"
	maxReportBody = incident.MaxReportFiles*incident.MaxReportFile + 1<<20
)

// reportRoutes are the public pages of reports, and an organisation's own.
func (p *Pages) reportRoutes() []web.Route {
	public := func(method, pattern, body string, h handler) web.Route {
		return web.Route{Method: method, Pattern: pattern, Permission: web.Public, Handler: p.door(h), Sample: strings.TrimSpace(method + " " + pattern + " " + body), MaxBody: maxReportBody}
	}
	own := func(method, pattern, body string, h handler) web.Route {
		sample := strings.NewReplacer("{number}", "ALM-0000-0000", "{uid}", "none").Replace(pattern)
		return web.Route{Method: method, Pattern: pattern, Permission: mayRead, Handler: p.door(h), Sample: strings.TrimSpace(method + " " + sample + " " + body), MaxBody: maxReportBody}
	}
	return []web.Route{
		public("GET", publicURL, "", p.askReport),
		public("POST", publicURL, "text=", p.takeReport),
		public("GET", incident.StatusPath, "", p.askCode),
		public("POST", incident.StatusPath, "code=none", p.comeBack),
		own("GET", reportsURL, "", p.reports),
		own("GET", reportsURL+"/new", "", p.newReport),
		own("POST", reportsURL, "stage=threat&do=look&text=a", p.sendReport),
		own("GET", reportsURL+"/drafts/{uid}", "", p.openDraft),
		own("POST", reportsURL+"/drafts/{uid}/drop", "a=b", p.dropDraft),
		own("GET", reportsURL+"/{number}", "", p.report),
		own("POST", reportsURL+"/{number}/add", "text=a", p.addToReport),
	}
}

// The public form.

func publicFields() []string {
	return []string{"text", "affected", "happened", "name", "email", "phone", "marking", "code"}
}

func (p *Pages) askReport(r *http.Request, _ portal.Who) (portal.Reply, error) {
	code, err := p.portal.Incidents.NewCode()
	return portal.Page(portal.ReportAsk).With(0, portal.Typed{"code": code}, nil), err
}

// small tells whether a body is small enough to be read only to give it back.
func small(r *http.Request) bool { return r.ContentLength >= 0 && r.ContentLength < 1<<20 }

// counted parses a public form unless there were too many; nothing large is read then.
func counted(r *http.Request, by *tries, page portal.Static, names []string) (portal.Reply, bool, error) {
	allowed := by.allow(r)
	if !allowed && !small(r) {
		return tooMany(page, nil), true, nil
	}
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, true, err
	}
	if !allowed {
		return tooMany(page, typed(r, names...)), true, nil
	}
	return portal.Reply{}, false, nil
}

func (p *Pages) takeReport(r *http.Request, w portal.Who) (portal.Reply, error) {
	if reply, done, err := counted(r, p.tells, portal.ReportAsk, publicFields()); done {
		return reply, err
	}
	t := typed(r, publicFields()...)
	files, err := readFiles(r)
	if err == nil {
		n := incident.NewReport{
			Text: t["text"], Affected: t["affected"], Happened: t["happened"], Name: t["name"], Email: strings.TrimSpace(t["email"]), Phone: t["phone"],
			Reporter: incident.Individual, Language: w.Language, Files: files, Marking: markingOf(t["marking"]),
		}
		var one incident.Report
		var code string
		if one, code, err = p.portal.Incidents.ReportPublicly(r.Context(), n, t["code"]); err == nil {
			return portal.Page(portal.ReportSent).With(0, portal.Typed{"code": code, "number": p.portal.Incidents.ReportNo(one.ID)}, nil), nil
		}
	}
	switch fault.CodeOf(err) {
	case fault.Invalid:
		return portal.Page(portal.ReportAsk).With(http.StatusUnprocessableEntity, t, err), nil
	case fault.Unavailable:
		return portal.Page(portal.ReportAsk).With(http.StatusServiceUnavailable, t, err), nil
	}
	return portal.Reply{}, err
}

// markingOf reads the reporter's wish; TLP:AMBER for anything else.
func markingOf(s string) tlp.Marking {
	m, err := tlp.Parse(s)
	if err != nil || m == tlp.Red {
		return tlp.Amber
	}
	return m
}

func (p *Pages) askCode(*http.Request, portal.Who) (portal.Reply, error) {
	return portal.Page(portal.ReportCode), nil
}

// comeBack shows a report to whoever holds its code, and takes what is added.
func (p *Pages) comeBack(r *http.Request, w portal.Who) (portal.Reply, error) {
	names := []string{"code", "text"}
	if reply, done, err := counted(r, p.comes, portal.ReportCode, names); done {
		return reply, err
	}
	t := typed(r, names...)
	var wrong error
	if r.PostForm.Get("do") == "add" {
		files, err := readFiles(r)
		if err == nil {
			err = p.portal.Incidents.AddByCode(r.Context(), t["code"], t["text"], files)
		}
		if wrong = err; err == nil {
			t["text"] = ""
		}
	}
	if code := fault.CodeOf(wrong); wrong != nil && code != fault.Invalid && code != fault.Conflict && code != fault.NotFound && code != fault.Unavailable {
		return portal.Reply{}, wrong
	}
	parcel, err := p.portal.Status(r.Context(), t["code"], w.Language)
	if fault.CodeOf(err) == fault.NotFound {
		return portal.Page(portal.ReportCode).With(http.StatusNotFound, t, fault.OnField("code", "portal.report_status.none", nil)), nil
	}
	if err != nil {
		return portal.Reply{}, err
	}
	status := 0
	if wrong != nil {
		status = web.Status(fault.CodeOf(wrong))
	}
	return portal.Show(parcel).With(status, t, wrong), nil
}

// An organisation's own.

func (p *Pages) reports(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.Release(r.Context(), w, portal.KindReports, w.Actor.Org, asked(r, "before"))
	return portal.Show(parcel), err
}

func (p *Pages) report(r *http.Request, w portal.Who) (portal.Reply, error) {
	parcel, err := p.portal.ShowReport(r.Context(), w, r.PathValue("number"))
	return portal.Show(parcel), err
}

func (p *Pages) addToReport(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	files, err := readFiles(r)
	if err == nil {
		err = p.portal.AddToReport(r.Context(), w, r.PathValue("number"), r.PostForm.Get("text"), files)
	}
	return after(err, reportsURL+"/"+url.PathEscape(r.PathValue("number")), "portal.reports.added", typed(r, "text"), func() (portal.Reply, error) { return p.report(r, w) })
}

// newReport shows the choice of duties and kinds, or the form of the one that was chosen.
func (p *Pages) newReport(r *http.Request, w portal.Who) (portal.Reply, error) {
	q := r.URL.Query()
	t := portal.Typed{"regime": q.Get("regime"), "stage": q.Get("stage"), "marking": tlp.Amber.String()}
	if d, ok := p.portal.DutyOf(t["regime"], t["stage"]); ok {
		for _, f := range d.Stage.Fields {
			if f.Prefill == "operator.name" {
				t["field-"+f.ID] = p.portal.NameOf(w.Actor.Org)
			}
		}
	} else if t["regime"] != "" || t["stage"] != "" && !voluntary(t["stage"]) {
		return portal.Reply{}, fault.New(fault.NotFound, "incident.reports.regime", nil)
	}
	return p.compose(r, w, t)
}

func voluntary(stage string) bool {
	for _, k := range incident.ReportKinds() {
		if string(k) == stage {
			return true
		}
	}
	return false
}

func (p *Pages) openDraft(r *http.Request, w portal.Who) (portal.Reply, error) {
	d, err := p.portal.Incidents.DraftOf(r.Context(), p.portal.Acts.Reader(), w.Actor.Org, r.PathValue("uid"))
	if err != nil {
		return portal.Reply{}, err
	}
	t := portal.Typed{}
	for name, v := range d.Fields {
		t[name] = v
	}
	t["regime"], t["stage"], t["draft"] = d.Regime, d.Stage, d.UID
	if _, ok := p.portal.DutyOf(d.Regime, d.Stage); !ok && d.Regime != "" {
		return p.lapsed(r, t), nil
	}
	return p.compose(r, w, t)
}

func (p *Pages) dropDraft(r *http.Request, w portal.Who) (portal.Reply, error) {
	return portal.GoTo(reportsURL, "portal.reports.dropped"), p.portal.Incidents.DropDraft(r.Context(), w.Actor, r.PathValue("uid"))
}

// ownFields are what the form of a duty, or of a voluntary report, asks for.
func (p *Pages) ownFields(regimeID, stage string) []string {
	names := []string{"text", "affected", "happened", "title"}
	if d, ok := p.portal.DutyOf(regimeID, stage); ok {
		names = nil
		for _, f := range d.Stage.Fields {
			names = append(names, "field-"+f.ID)
		}
	}
	return append(names, "marking", "clock")
}

// sendReport shows who will see a report, keeps it as a draft, or sends it.
func (p *Pages) sendReport(r *http.Request, w portal.Who) (portal.Reply, error) {
	if err := web.Parse(r); err != nil {
		return portal.Reply{}, err
	}
	f := r.PostForm
	regimeID, stage := f.Get("regime"), f.Get("stage")
	if _, ok := p.portal.DutyOf(regimeID, stage); !ok && regimeID != "" {
		if p.portal.DutyTitle(regimeID, stage, "en") != "" { // it was one when the form was opened
			return p.lapsed(r, everyField(r)), nil
		}
		return portal.Reply{}, fault.New(fault.NotFound, "incident.reports.regime", nil)
	} else if !ok && !voluntary(stage) {
		return portal.Reply{}, fault.New(fault.NotFound, "incident.reports.regime", nil)
	}
	t := typed(r, p.ownFields(regimeID, stage)...)
	if f.Get("do") == "draft" {
		d, err := p.portal.Incidents.KeepDraft(r.Context(), w.Actor, incident.Draft{UID: f.Get("draft"), Regime: regimeID, Stage: stage, Fields: t})
		return p.afterReport(r, w, err, t, reportsURL+"/drafts/"+url.PathEscape(d.UID), "portal.reports.drafted")
	}
	n, err := p.written(r, t, regimeID, stage)
	if err == nil {
		n.Clock, err = p.meant(r, w, regimeID, stage, t["clock"])
	}
	if err == nil && f.Get("do") != "send" {
		t["regime"], t["stage"], t["draft"], t["look"] = regimeID, stage, f.Get("draft"), "yes"
		return p.compose(r, w, t)
	}
	if err == nil {
		if n.Files, err = readFiles(r); err == nil {
			_, err = p.portal.Incidents.TakeReport(r.Context(), w.Actor, n)
		}
	}
	if err == nil && f.Get("draft") != "" {
		err = p.portal.Incidents.DropDraft(r.Context(), w.Actor, f.Get("draft"))
	}
	return p.afterReport(r, w, err, t, reportsURL, "portal.reports.sent")
}

// afterReport sends the reader on, or shows the form again with what is wrong.
func (p *Pages) afterReport(r *http.Request, w portal.Who, err error, t portal.Typed, to, said string) (portal.Reply, error) {
	f := r.PostForm
	t["regime"], t["stage"], t["draft"] = f.Get("regime"), f.Get("stage"), f.Get("draft")
	return after(err, to, said, t, func() (portal.Reply, error) { return p.compose(r, w, t) })
}

// written makes a report of what was typed.
func (p *Pages) written(r *http.Request, t portal.Typed, regimeID, stage string) (n incident.NewReport, err error) {
	n = incident.NewReport{Source: incident.ByPortal, Reporter: incident.Customer, Language: web.PrinterOf(r.Context()).Language().Tag, Marking: markingOf(t["marking"])}
	d, ok := p.portal.DutyOf(regimeID, stage)
	if !ok {
		n.Kind, n.Title, n.Text, n.Affected, n.Happened = incident.ReportKind(stage), t["title"], t["text"], t["affected"], t["happened"]
		if strings.TrimSpace(n.Text) == "" {
			return n, fault.OnField("text", "incident.text.empty", nil)
		}
		return n, nil
	}
	kinds := map[string]regime.Kind{}
	for _, f := range d.Stage.Fields {
		kinds[f.ID] = f.Kind
	}
	n.Regime, n.Stage, n.Title = regimeID, stage, strings.TrimSpace(t["field-title"])
	if n.Title == "" {
		n.Title = d.Stage.Title.In(n.Language)
	}
	n.Fields, err = incident.CheckStage(&d.Stage, n.Language, func(id string) string {
		v := strings.TrimSpace(t["field-"+id])
		if kinds[id] == regime.KindTime {
			return instant(r, v)
		}
		return v
	})
	return n, err
}

// instant writes what a browser's field of a time holds, in the reader's zone, as RFC
// 3339; anything else as it is, for the check to refuse.
func instant(r *http.Request, v string) string {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.ParseInLocation(layout, v, web.PrinterOf(r.Context()).Zone()); err == nil {
			return at.UTC().Format(time.RFC3339)
		}
	}
	return v
}

// The pages.

type reportsPage struct {
	common
	Reports []reportRow
	Drafts  []draftRow
	Older   string
}

type reportRow struct {
	portal.ReportLine
	Path, What string
}

type draftRow struct {
	portal.DraftLine
	Path, What string
}

type reportPage struct {
	common
	Doc  portal.ReportDoc
	Row  reportRow
	Form *web.Form
	Met  []deadlineRow // the deadlines that it met
}

type statusPage struct {
	Doc  portal.StatusDoc
	Form *web.Form
}

// what says which duty or kind a report is.
func (p *Pages) what(r *http.Request, regimeID, stage, kind string) string {
	if title := p.portal.DutyTitle(regimeID, stage, web.PrinterOf(r.Context()).Lang()); title != "" {
		return title
	}
	return web.Say(r, "portal.report.kind."+kind)
}

// shownReport makes the pages of reports.
func (p *Pages) shownReport(r *http.Request, reply portal.Reply, page web.Page, c common) (name string, _ web.Page, err error) {
	body := reply.Parcel.View().Body
	switch reply.Parcel.Thing().Kind {
	case portal.KindReports:
		var d portal.ReportsDoc
		err = json.Unmarshal(body, &d)
		name, page.Title, page.Lead = "portal/reports", web.Say(r, "portal.reports"), web.Say(r, "portal.reports.lead")
		page.Primary = &web.Action{Label: web.Say(r, "portal.reports.new"), URL: reportsURL + "/new", Icon: "plus", Tone: "primary"}
		data := reportsPage{common: c, Older: older(r, "before", d.Older)}
		for _, l := range d.Reports {
			data.Reports = append(data.Reports, reportRow{l, reportsURL + "/" + l.Number, p.what(r, l.Regime, l.Stage, l.Kind)})
		}
		for _, l := range d.Drafts {
			data.Drafts = append(data.Drafts, draftRow{l, reportsURL + "/drafts/" + l.UID, p.what(r, l.Regime, l.Stage, l.Stage)})
		}
		page.Data = data
	case portal.KindReport:
		var d portal.ReportDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title = "portal/report", d.Number, d.Title
		row := reportRow{d.ReportLine, reportsURL + "/" + d.Number, p.what(r, d.Regime, d.Stage, d.Kind)}
		page.Data = reportPage{c, d, row, fill(addForm(r, row.Path+"/add"), r, &page, reply), p.deadlineRows(r, d.Filed)}
	case portal.KindReportStatus:
		var d portal.StatusDoc
		err = json.Unmarshal(body, &d)
		name, page.Number, page.Title, page.Topics = "portal/report_status", d.Number, web.Say(r, "portal.report_status.of"), nil
		f := addForm(r, incident.StatusPath)
		f.Hidden = []web.Hidden{{Name: "code", Value: reply.Typed["code"]}, {Name: "do", Value: "add"}}
		page.Data = statusPage{d, fill(f, r, &page, reply)}
	}
	return name, page, err
}

func addForm(r *http.Request, action string) *web.Form {
	return &web.Form{Action: action, Files: true, Submit: web.Say(r, "portal.report.add"), Fields: []web.Field{
		{Name: "text", Type: "textarea", Rows: 4, Label: web.Say(r, "portal.report.add.text")},
		filesField(r),
	}}
}

// composePage is the dot of an organisation's own form.
type composePage struct {
	Choices  []dutyGroup
	Form     *web.Form
	Audience *web.Audience
	Look     bool
	Drop     string
}

type dutyGroup struct {
	Title, Note string
	Links       []web.Link
}

// staticReport makes the static pages of reports; false for any other.
func (p *Pages) staticReport(r *http.Request, reply portal.Reply, page *web.Page) (name string, ok bool) {
	switch reply.Static {
	case portal.ReportAsk:
		page.Data = fill(publicForm(r, reply.Typed["code"]), r, page, reply)
		return "portal/report_ask", true
	case portal.ReportSent:
		page.Data = reply.Typed
		return "portal/report_sent", true
	case portal.ReportCode:
		page.Data = fill(codeForm(r), r, page, reply)
		return "portal/report_code", true
	case portal.ReportWrite:
		page.Data = p.composePage(r, reply, page)
		return "portal/report_write", true
	case portal.VisitAsk, portal.VisitRefused, portal.VisitOther, portal.VisitSignIn, portal.VisitThanks, portal.VisitAgain, portal.LinkForm,
		portal.LinkAsked, portal.TokenMade:
	}
	return "", false
}

func filesField(r *http.Request) web.Field {
	why := web.Say(r, "portal.report.files.why", "Count", incident.MaxReportFiles, "Size", incident.MaxReportFile>>20)
	return web.Field{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "portal.report.files"), Why: why}
}

func codeForm(r *http.Request) *web.Form {
	return &web.Form{Action: incident.StatusPath, Submit: web.Say(r, "portal.report_status.open"), Fields: []web.Field{
		{Name: "code", Type: "text", Mono: true, Label: web.Say(r, "portal.report_status.code"), Example: "7K2M-0Q9X-4V1T-B8ZD-33HN", Required: true, Autocomplete: "off", Autofocus: true},
	}}
}

func wishes(r *http.Request, chosen string) web.Field {
	f := web.Field{Name: "marking", Type: "radio", Label: web.Say(r, "portal.report.wish"), Why: web.Say(r, "portal.report.wish.why")}
	for _, m := range []tlp.Marking{tlp.AmberStrict, tlp.Amber, tlp.Green} {
		word := "portal.report.wish." + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(m.String(), "TLP:")), "+", "_")
		f.Options = append(f.Options, web.Option{Value: m.String(), Label: web.Say(r, word), Selected: m.String() == chosen})
	}
	return f
}

// publicForm asks what happened; nothing but that is needed.
func publicForm(r *http.Request, given string) *web.Form {
	field := func(name, kind, auto string) web.Field {
		return web.Field{Name: name, Type: kind, Label: web.Say(r, "portal.report."+name), Why: web.Say(r, "portal.report."+name+".why"), Autocomplete: auto}
	}
	text := field("text", "textarea", "off")
	text.Rows, text.Required = 6, true
	code := web.Field{Name: "code", Type: "hidden", Value: given}
	return &web.Form{Action: publicURL, Files: true, Submit: web.Say(r, "portal.report.send"), Fields: []web.Field{
		text, field("affected", "text", "off"), field("happened", "text", "off"), filesField(r),
		field("name", "text", "name"), field("email", "email", "email"), field("phone", "text", "tel"), wishes(r, tlp.Amber.String()), code,
	}}
}

// composePage is the choice of what to report, or the form of it.
func (p *Pages) composePage(r *http.Request, reply portal.Reply, page *web.Page) composePage {
	t := reply.Typed
	if t["stage"] == "" {
		return composePage{Choices: p.dutyChoices(r)}
	}
	page.Lead = p.what(r, t["regime"], t["stage"], t["stage"])
	f := &web.Form{Action: reportsURL, Files: true, Hidden: []web.Hidden{{Name: "regime", Value: t["regime"]}, {Name: "stage", Value: t["stage"]}, {Name: "draft", Value: t["draft"]}}}
	if d, ok := p.portal.DutyOf(t["regime"], t["stage"]); ok {
		for _, one := range d.Stage.Fields {
			f.Fields = append(f.Fields, stageField(r, &one))
		}
	} else {
		f.Fields = voluntaryFields(r)
	}
	look := t["look"] != "" && reply.Problem == nil
	if look { // a browser forgets files between two pages
		f.Fields = append(f.Fields, filesField(r))
	}
	if which := openField(r, t); which != nil {
		f.Fields = append([]web.Field{*which}, f.Fields...)
	}
	f.Fields = append(f.Fields, wishes(r, t["marking"]))
	f.Fill(func(name string) string { return t[name] })
	if reply.Problem != nil {
		page.Faults = web.FieldFaults(web.PrinterOf(r.Context()), reply.Problem)
		page.Fault = sentence(r, reply.Problem)
		f.Fail(page.Faults)
	}
	data := composePage{Form: f, Look: look}
	data.Audience = &web.Audience{Marking: t["marking"], Summary: web.Say(r, "portal.report.who"), Note: web.Say(r, "portal.report.who.note"), Members: []web.Member{
		{Name: p.portal.NameOf(guard.OwnOrg)}, {Name: p.portal.NameOf(whoOf(r).Actor.Org)},
	}}
	if t["draft"] != "" {
		data.Drop = reportsURL + "/drafts/" + url.PathEscape(t["draft"]) + "/drop"
	}
	return data
}

// dutyChoices are the duties by law, after what one may report without any.
func (p *Pages) dutyChoices(r *http.Request) (out []dutyGroup) {
	lang := web.PrinterOf(r.Context()).Lang()
	free := dutyGroup{Title: web.Say(r, "portal.report.voluntary"), Note: web.Say(r, "portal.report.voluntary.why")}
	for _, k := range incident.ReportKinds() {
		free.Links = append(free.Links, web.Link{Label: web.Say(r, "portal.report.kind."+string(k)), URL: reportsURL + "/new?stage=" + string(k)})
	}
	out = append(out, free)
	last := ""
	for _, d := range p.portal.Duties() {
		if d.Regime.ID != last {
			out, last = append(out, dutyGroup{Title: d.Regime.Title.In(lang), Note: d.Regime.Law + ", " + d.Regime.Citation}), d.Regime.ID
		}
		q := url.Values{"regime": {d.Regime.ID}, "stage": {d.Stage.ID}}
		g := &out[len(out)-1]
		g.Links = append(g.Links, web.Link{Label: d.Stage.Title.In(lang), URL: reportsURL + "/new?" + q.Encode()})
	}
	return out
}

func voluntaryFields(r *http.Request) []web.Field {
	return []web.Field{
		{Name: "text", Type: "textarea", Rows: 6, Required: true, Label: web.Say(r, "portal.report.text"), Why: web.Say(r, "portal.report.text.own")},
		{Name: "affected", Type: "text", Label: web.Say(r, "portal.report.affected"), Why: web.Say(r, "portal.report.affected.why"), Autocomplete: "off"},
		{Name: "happened", Type: "text", Label: web.Say(r, "portal.report.happened"), Why: web.Say(r, "portal.report.happened.why"), Autocomplete: "off"},
		{Name: "title", Type: "text", Label: web.Say(r, "portal.report.title"), Autocomplete: "off"},
	}
}

// stageField asks for a field of a duty.
func stageField(r *http.Request, f *regime.Field) web.Field {
	lang := web.PrinterOf(r.Context()).Lang()
	out := web.Field{Name: "field-" + f.ID, Type: "text", Label: f.Label.In(lang), Required: f.Required, Autocomplete: "off"}
	switch f.Kind {
	case regime.KindParagraph, regime.KindList:
		out.Type, out.Rows = "textarea", 4
		if f.Kind == regime.KindList {
			out.Why = web.Say(r, "portal.report.list")
		}
	case regime.KindTime:
		out.Type = "datetime-local"
	case regime.KindYesNo:
		out.Type, out.Options = "select", []web.Option{
			{Label: web.Say(r, "portal.report.unknown")}, {Value: "yes", Label: web.Say(r, "portal.report.yes")}, {Value: "no", Label: web.Say(r, "portal.report.no")},
		}
	case regime.KindChoice:
		out.Type, out.Options = "select", []web.Option{{Label: web.Say(r, "portal.report.unknown")}}
		for _, c := range f.Choices {
			out.Options = append(out.Options, web.Option{Value: c.ID, Label: c.Label.In(lang)})
		}
	case regime.KindText, regime.KindNumber:
	}
	return out
}
