package portalweb

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/foundation/web"
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
				t[incident.FieldPrefix+f.ID] = p.portal.NameOf(w.Actor.Org)
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
			names = append(names, incident.FieldPrefix+f.ID)
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
		err = p.meant(r, w, &n, t["clock"])
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
	to := reportsURL
	if n.Drill != 0 {
		to += "?exercise=yes"
	}
	return p.afterReport(r, w, err, t, to, "portal.reports.sent")
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
		if text.Blank(n.Text) {
			return n, fault.OnField("text", "incident.text.empty", nil)
		}
		return n, nil
	}
	kinds := map[string]regime.Kind{}
	for _, f := range d.Stage.Fields {
		kinds[f.ID] = f.Kind
	}
	n.Regime, n.Stage, n.Title = regimeID, stage, strings.TrimSpace(t[incident.FieldPrefix+"title"])
	if n.Title == "" {
		n.Title = d.Stage.Title.In(n.Language)
	}
	n.Fields, err = incident.CheckStage(&d.Stage, n.Language, func(id string) string {
		v := strings.TrimSpace(t[incident.FieldPrefix+id])
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
