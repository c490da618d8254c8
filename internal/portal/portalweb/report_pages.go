package portalweb

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
	"almenara.example/regime"
	"almenara.example/tlp"
)

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
	page.Lead, page.Exercise = p.what(r, t["regime"], t["stage"], t["stage"]), strings.HasPrefix(t["clock"], ofExercise)
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
	out := web.Field{Name: incident.FieldPrefix + f.ID, Type: "text", Label: f.Label.In(lang), Required: f.Required, Autocomplete: "off"}
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
