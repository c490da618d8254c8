package portalweb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/portal"
	"almenara.example/internal/warn"
)

// shown makes the page of a parcel: its template and what it fills it with, which is the
// parcel's view, the forms, and what the reader typed.
func (p *Pages) shown(r *http.Request, reply portal.Reply) (name string, page web.Page, err error) {
	parcel := reply.Parcel
	page = web.Page{Plain: true, Marking: parcel.Marking().String(), Exercise: parcel.Exercise(), Topics: []string{"portal"}}
	body := parcel.View().Body
	common := p.common(r, parcel.Thing().Kind)
	switch parcel.Thing().Kind {
	case portal.KindReports, portal.KindReport, portal.KindReportStatus:
		name, page, err = p.shownReport(r, reply, page, common)
	case portal.KindHome:
		name, page.Title, page.Data, err = "portal/home", web.Say(r, "portal.title"), nil, nil
		var d portal.HomeDoc
		if err = json.Unmarshal(body, &d); err == nil {
			page.Data = homePage{common, d, rows(r, d.Open), rows(r, d.Recent), p.deadlineRows(r, d.Deadlines)}
		}
		page.Lead = web.Say(r, "portal.home.lead", "Count", len(d.Open))
	case portal.KindNotices:
		name, page.Title = "portal/notices", web.Say(r, "portal.notices")
		var d portal.NoticesDoc
		err = json.Unmarshal(body, &d)
		page.Data = noticesPage{common, rows(r, d.Notices), older(r, "before", d.Older)}
	case portal.KindNotice:
		name = "portal/notice"
		var d portal.NoticeDoc
		err = json.Unmarshal(body, &d)
		page.Number, page.Title = d.Number, portal.Headline(say(r), d.NoticeLine)
		page.Data = noticePage{common, d, rows(r, []portal.NoticeLine{d.NoticeLine})[0], p.answerForm("/portal/notices/"+d.Number+"/answer", nil, reply)}
	case portal.KindFindings:
		name, page.Title, page.Lead = "portal/findings", web.Say(r, "portal.findings"), web.Say(r, "portal.findings.lead")
		var d portal.FindingsDoc
		err = json.Unmarshal(body, &d)
		page.Data = findingsPage{
			common: common, Doc: d, Older: older(r, "before", d.Older), Newer: older(r, "after", d.Newer),
			States: states(r, d.State), CSV: here(r, "/portal/findings.csv"),
		}
	case portal.KindAssets:
		name, page.Title, page.Lead = "portal/assets", web.Say(r, "portal.assets"), web.Say(r, "portal.assets.lead")
		var d portal.AssetsDoc
		err = json.Unmarshal(body, &d)
		data := assetsPage{common: common, Doc: d}
		if parcel.Thing().ID == parcel.To().Org {
			data.Form = fill(claimForm(r), r, &page, reply)
		}
		page.Data = data
	case portal.KindContacts:
		name, page.Title, page.Lead = "portal/contacts", web.Say(r, "portal.contacts"), web.Say(r, "portal.contacts.lead")
		var d portal.ContactsDoc
		err = json.Unmarshal(body, &d)
		page.Data = contactsPage{common, d, fill(keyForm(r), r, &page, reply)}
	case portal.KindFeeds:
		name, page.Title, page.Lead = "portal/feeds", web.Say(r, "portal.feeds"), web.Say(r, "portal.feeds.lead")
		var d portal.FeedsDoc
		err = json.Unmarshal(body, &d)
		page.Data = feedsPage{common, d, fill(hookForm(r), r, &page, reply), fill(tokenForm(r), r, &page, reply)}
	case warn.KindNotice:
		name, page.Topics = "portal/visit", nil
		page.Number, page.Title = numbered(parcel.View().Subject)
		hidden := []web.Hidden{{Name: "by", Value: reply.Typed["by"]}, {Name: "firm", Value: reply.Typed["firm"]}}
		page.Data = visitPage{string(body), p.answerForm(r.URL.Path, hidden, reply)}
	case portal.KindDeadlines, portal.KindDeadline, portal.KindDocument, portal.KindFiled:
		name, page, err = p.shownDeadline(r, reply, page, common)
	case portal.KindCrossings, portal.KindCrossing, portal.KindConsents:
		name, page, err = p.shownCrossing(r, reply, page, common)
	case portal.KindRecovery:
		name, page, err = p.shownRecovery(r, reply, page, common)
	default:
		name, page, err = p.shownIncident(r, reply, page, common)
	}
	if err != nil {
		return "", page, fmt.Errorf("read view of %s: %w", parcel.Thing(), err)
	}
	if reply.Problem != nil && page.Faults == nil {
		page.Faults = web.FieldFaults(web.PrinterOf(r.Context()), reply.Problem)
		page.Fault = sentence(r, reply.Problem)
	}
	return name, page, nil
}

func say(r *http.Request) func(string, ...any) string { return web.PrinterOf(r.Context()).Say }

func sentence(r *http.Request, err error) string {
	return web.Sentence(web.PrinterOf(r.Context()), fault.Of(err))
}

// common is what every page of the portal has: where one can go, for whom, and the way
// between real and exercise.
type common struct {
	Nav     []web.Link
	Clients []web.Link // of a provider
	Drill   *web.Link  // to the exercise, or back
}

func (p *Pages) common(r *http.Request, kind string) (c common) {
	q := url.Values{}
	for _, name := range []string{"for", "exercise"} {
		if v := r.URL.Query().Get(name); v != "" && r.Method != http.MethodPost {
			q.Set(name, v)
		}
	}
	to := func(path string, q url.Values) string { return (&url.URL{Path: path, RawQuery: q.Encode()}).String() }
	for _, n := range []struct {
		kind, key, path string
		own             bool
	}{
		{portal.KindHome, "portal.nav.home", HomeURL, false},
		{portal.KindNotices, "portal.notices", "/portal/notices", false},
		{portal.KindIncidents, "portal.incidents", incidentsURL, true},
		{portal.KindDeadlines, "portal.deadlines", deadlinesURL, true},
		{portal.KindReports, "portal.reports", reportsURL, true},
		{portal.KindFindings, "portal.findings", "/portal/findings", false},
		{portal.KindAssets, "portal.assets", "/portal/assets", false},
		{portal.KindContacts, "portal.contacts", "/portal/contacts", true},
		{portal.KindFeeds, "portal.feeds", "/portal/feeds", true},
	} {
		keep := q
		if n.own {
			keep = nil
		}
		link := web.Link{Label: web.Say(r, n.key), URL: to(n.path, keep), Current: n.kind == kind}
		if n.kind == portal.KindDeadlines {
			if due := p.portal.CountDeadlines(r.Context(), whoOf(r)); due > 0 {
				link.Label += " (" + web.PrinterOf(r.Context()).Number(due) + ")"
			}
		}
		c.Nav = append(c.Nav, link)
	}
	c.Nav = append(c.Nav, p.handedNav(r, kind)...)
	if kind == portal.KindReports {
		c.Drill = p.drill(r)
	}
	all, err := p.portal.Clients(r.Context(), whoOf(r).Actor.Org)
	if err != nil || slices.Contains([]string{portal.KindCrossings, portal.KindCrossing, portal.KindConsents, portal.KindContacts, portal.KindFeeds, portal.KindNotice, portal.KindIncident, portal.KindWrite, portal.KindEntry, portal.KindRecovery, portal.KindReports, portal.KindReport, portal.KindReportStatus, portal.KindDeadline, portal.KindDocument, portal.KindFiled}, kind) {
		return c
	}
	for i, one := range all[:min(len(all), 1000)] {
		own := url.Values{}
		if i > 0 {
			own.Set("for", one.UID)
		}
		c.Clients = append(c.Clients, web.Link{Label: one.Name, URL: to(r.URL.Path, own), Current: q.Get("for") == own.Get("for")})
	}
	if len(all) == 1 || kind == portal.KindIncidents || kind == portal.KindDeadlines { // each sees its own only
		c.Clients = nil
	}
	c.Drill = p.drill(r)
	return c
}

// drill is the way from what is real to the exercise and back, for whoever is listed for
// exercises.
func (p *Pages) drill(r *http.Request) *web.Link {
	switch {
	case !p.portal.Drills(whoOf(r).Actor.Org):
		return nil
	case r.URL.Query().Get("exercise") != "" && r.Method != http.MethodPost:
		return &web.Link{Label: web.Say(r, "portal.drill.end"), URL: web.With(r.URL, "exercise", "")}
	}
	return &web.Link{Label: web.Say(r, "portal.drill"), URL: web.With(r.URL, "exercise", "yes")}
}

// row is a notice in a list, with its words.
type row struct {
	portal.NoticeLine
	Title, Severity, Path string
	Answer                answerForm // of the one big button
}

func rows(r *http.Request, ls []portal.NoticeLine) []row {
	out := make([]row, len(ls))
	for i, l := range ls {
		path := "/portal/notices/" + l.Number
		out[i] = row{l, portal.Headline(say(r), l), severityWord(r, l), path, answerForm{Action: path + "/answer"}}
	}
	return out
}

func severityWord(r *http.Request, l portal.NoticeLine) string {
	if l.Warning {
		return web.Say(r, "warn.warning.severity."+l.Severity)
	}
	if l.Severity == "none" {
		return ""
	}
	return web.Say(r, "warn.severity."+l.Severity)
}

// Tone is the colour beside the severity's word.
func (l row) Tone() string {
	switch l.NoticeLine.Severity {
	case "flash", "critical":
		return "critical"
	case "high", "medium", "low":
		return l.NoticeLine.Severity
	}
	return "info"
}

// answerForm is how a notice is answered: one big button, and the rest.
type answerForm struct {
	Action string
	Hidden []web.Hidden
	Reason string
	Fault  string
}

func (p *Pages) answerForm(action string, hidden []web.Hidden, reply portal.Reply) answerForm {
	return answerForm{Action: action, Hidden: hidden, Reason: reply.Typed["reason"]}
}

type homePage struct {
	common
	Doc          portal.HomeDoc
	Open, Recent []row
	Deadlines    []deadlineRow
}

type noticesPage struct {
	common
	Rows  []row
	Older string
}

type noticePage struct {
	common
	Doc    portal.NoticeDoc
	Row    row
	Answer answerForm
}

type findingsPage struct {
	common
	Doc          portal.FindingsDoc
	Older, Newer string
	States       []web.Link
	CSV          string
}

type assetsPage struct {
	common
	Doc  portal.AssetsDoc
	Form *web.Form
}

type contactsPage struct {
	common
	Doc  portal.ContactsDoc
	Form *web.Form
}

type feedsPage struct {
	common
	Doc         portal.FeedsDoc
	Hook, Token *web.Form
}

type visitPage struct {
	Text   string
	Answer answerForm
}

// older is the address that goes on at a number; empty for none.
func older(r *http.Request, name, number string) string {
	if number == "" {
		return ""
	}
	u := url.URL{Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	bare := u.Query()
	bare.Del("before")
	bare.Del("after")
	u.RawQuery = bare.Encode()
	return web.With(&u, name, number)
}

// here is another address with the filters of this one.
func here(r *http.Request, path string) string {
	q := r.URL.Query()
	q.Del("before")
	q.Del("after")
	return (&url.URL{Path: path, RawQuery: q.Encode()}).String()
}

func states(r *http.Request, now string) (out []web.Link) {
	for _, s := range []string{"open", "gone", "all"} {
		out = append(out, web.Link{Label: web.Say(r, "portal.findings."+s), URL: web.With(r.URL, "state", s), Current: s == now})
	}
	return out
}

// fill puts what was typed, and what was wrong with it, into a form whose field it was.
func fill(f *web.Form, r *http.Request, page *web.Page, reply portal.Reply) *web.Form {
	mine := false
	for i := range f.Fields {
		_, ok := reply.Typed[f.Fields[i].Name]
		mine = mine || ok
	}
	if reply.Problem == nil || !mine {
		return f
	}
	f.Fill(func(name string) string { return reply.Typed[name] })
	page.Faults = web.FieldFaults(web.PrinterOf(r.Context()), reply.Problem)
	page.Fault = sentence(r, reply.Problem)
	f.Fail(page.Faults)
	return f
}

func claimForm(r *http.Request) *web.Form {
	f := &web.Form{Action: "/portal/assets", Submit: web.Say(r, "portal.claim.send"), Fields: []web.Field{
		{Name: "asset_kind", Type: "select", Label: web.Say(r, "portal.claim.kind"), Required: true},
		{Name: "asset", Type: "text", Label: web.Say(r, "portal.claim.value"), Example: "192.0.2.0/28, AS64500, water.example", Required: true, Autocomplete: "off"},
		{Name: "note", Type: "textarea", Rows: 3, Label: web.Say(r, "portal.claim.note"), Why: web.Say(r, "portal.claim.note.why")},
	}}
	for _, k := range constituency.AssetKinds() {
		f.Fields[0].Options = append(f.Fields[0].Options, web.Option{Value: k, Label: web.Say(r, "portal.asset."+k)})
	}
	return f
}

func keyForm(r *http.Request) *web.Form {
	return &web.Form{Action: "/portal/contacts/keys", Submit: web.Say(r, "portal.key.add"), Fields: []web.Field{
		{Name: "key", Type: "textarea", Rows: 6, Mono: true, Label: web.Say(r, "portal.key.text"), Why: web.Say(r, "portal.key.why"), Example: "-----BEGIN PGP PUBLIC KEY BLOCK-----", Required: true},
	}}
}

func hookForm(r *http.Request) *web.Form {
	return &web.Form{Action: "/portal/feeds/hooks", Submit: web.Say(r, "portal.hook.add"), Fields: []web.Field{
		{Name: "url", Type: "url", Label: web.Say(r, "portal.hook.url"), Example: "https://soc.water.example/almenara", Required: true, Autocomplete: "off"},
	}}
}

func tokenForm(r *http.Request) *web.Form {
	return &web.Form{Action: "/portal/feeds/tokens", Submit: web.Say(r, "portal.token.make"), Fields: []web.Field{
		{Name: "name", Type: "text", Label: web.Say(r, "portal.token.name"), Example: web.Say(r, "portal.token.name.example"), Required: true, Autocomplete: "off"},
		{Name: "days", Type: "number", Label: web.Say(r, "portal.token.days"), Value: "90", Required: true},
	}}
}

// static makes a static page: sentences, and a form with what the reader typed.
func (p *Pages) static(r *http.Request, reply portal.Reply) (name string, page web.Page) {
	key := "portal." + strings.ReplaceAll(string(reply.Static), "-", "_")
	page = web.Page{Plain: true, Title: web.Say(r, key), Lead: web.Say(r, key+".lead")}
	if name, ok := p.staticReport(r, reply, &page); ok {
		return name, page
	}
	data := staticPage{Secret: reply.Typed["secret"], Until: reply.Typed["until"]}
	switch reply.Static {
	case portal.VisitAsk:
		data.Form = fill(visitForm(r), r, &page, reply)
	case portal.LinkForm, portal.VisitSignIn:
		data.Form = fill(addressForm(r), r, &page, reply)
		data.Passkey = reply.Static == portal.LinkForm
	case portal.VisitOther:
		data.SignOut = true
	case portal.VisitThanks:
		data.Back = r.URL.Path
	case portal.VisitRefused, portal.VisitAgain, portal.LinkAsked, portal.TokenMade, portal.ReportAsk, portal.ReportSent, portal.ReportCode, portal.ReportWrite:
	}
	page.Data = data
	return "portal/static", page
}

type staticPage struct {
	Form          *web.Form
	Passkey       bool
	SignOut       bool
	Back          string
	Secret, Until string
}

func visitForm(r *http.Request) *web.Form {
	return &web.Form{Action: r.URL.Path, Submit: web.Say(r, "portal.visit.open"), Fields: []web.Field{
		{Name: "by", Type: "text", Label: web.Say(r, "portal.visit.name"), Why: web.Say(r, "portal.visit.why"), Autocomplete: "name", Required: true},
		{Name: "firm", Type: "text", Label: web.Say(r, "portal.visit.firm"), Autocomplete: "organization", Required: true},
	}}
}

func addressForm(r *http.Request) *web.Form {
	return &web.Form{Action: SignInURL, Submit: web.Say(r, "portal.link_form.send"), Fields: []web.Field{
		{Name: "email", Type: "email", Label: web.Say(r, "portal.link_form.email"), Why: web.Say(r, "portal.link_form.why"), Autocomplete: "email", Required: true},
	}}
}

// numbered takes the number off the front of a subject: "[ALM-0000-0000] A warning".
func numbered(subject string) (number, title string) {
	inside, ok := strings.CutPrefix(subject, "[")
	number, title, cut := strings.Cut(inside, "] ")
	if !ok || !cut {
		return "", subject
	}
	return number, title
}
