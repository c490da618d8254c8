package incidentweb

import (
	"fmt"
	"net/http"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// reportPage is the dot of a report's page.
type reportPage struct {
	Say      *web.Form // one field, while they talk
	Text     string
	Parts    []reportPart
	Files    []web.Link
	Sights   []string
	Story    web.Timeline
	Write    *web.Form
	Hints    *web.List
	Order    *web.Form
	OrderNow bool // it is what comes next
	Link     *web.Form
	Links    []linkForm
	Facts    []web.Facts
}

type reportPart struct{ Label, Text string }

// linkForm is an incident that the report belongs to, with the way out of it.
type linkForm struct {
	web.Link
	Action, Number string
}

func (p *Pages) report(w http.ResponseWriter, r *http.Request) error {
	one, err := p.reportNumbered(r)
	if err != nil {
		return err
	}
	return p.showReport(w, r, &one, "", nil, nil)
}

// showReport shows a report; refused names the form with which something was wrong, and
// meant the organisations that may have been meant.
func (p *Pages) showReport(w http.ResponseWriter, r *http.Request, one *incident.Report, refused string, problem error, meant []incident.Candidate) error {
	number := p.in.ReportNo(one.ID)
	page := web.Page{
		Title: one.Title, Number: number, Room: "incident", Marking: one.Marking.String(), Exercise: one.Exercise, Topics: []string{incident.ReportsTopic},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}, {Label: web.Say(r, "incident.desk.reports.title"), URL: reportsURL}},
		Badges: []web.Badge{reportBadge(r, one.State)}, Audience: p.reportAudience(r, one),
	}
	if one.Severity != "" {
		page.Badges = append(page.Badges, severityBadge(r, one.Severity))
	}
	facts := p.reportFacts(r, one)
	filed, err := p.in.FiledBy(r.Context(), p.in.Acts.Reader(), viewer(r), one.ID)
	if err != nil {
		return err
	}
	for _, f := range filed {
		facts.Items = append(facts.Items, web.Fact{Label: web.Say(r, "incident.desk.reports.filing"), Cell: web.Cell{Text: stageOf(one), URL: ClockURL(f.Clock), Sub: p.in.Number(f.Incident)}})
	}
	data := reportPage{Text: one.Text, Facts: []web.Facts{facts}, OrderNow: one.State == incident.ReportNew && one.Source == incident.ByPhone}
	if err := p.reportBody(r, one, &data); err != nil {
		return err
	}
	if err := p.reportForms(r, one, &data, &page, meant); err != nil {
		return err
	}
	status := http.StatusOK
	if problem != nil {
		status = statusOf(problem)
		f := map[string]*web.Form{"say": data.Say, "write": data.Write, "order": data.Order, "link": data.Link}[refused]
		if f != nil {
			f.Fill(r.PostForm.Get)
			fail(r, &page, problem, f)
			data.OrderNow = data.OrderNow || refused == "order"
		} else {
			fail(r, &page, problem)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/report", page)
}

// reportBody reads what was said, and what looks like the same matter.
func (p *Pages) reportBody(r *http.Request, one *incident.Report, data *reportPage) error {
	ctx, db := r.Context(), p.in.Acts.Reader()
	for _, part := range []reportPart{{web.Say(r, "incident.desk.reports.affected"), one.Affected}, {web.Say(r, "incident.desk.reports.happened"), one.Happened}} {
		if part.Text != "" {
			data.Parts = append(data.Parts, part)
		}
	}
	for _, f := range one.Fields {
		data.Parts = append(data.Parts, reportPart{f.Label, f.Value})
	}
	fs, err := p.in.ReportFiles(ctx, db, one.ID)
	if err != nil {
		return err
	}
	for _, f := range fs {
		data.Files = append(data.Files, web.Link{Label: f.Name, URL: "/incident/report-files/" + number(f.ID)})
	}
	sights, err := p.in.ReportObservables(ctx, db, one.ID)
	if err != nil {
		return err
	}
	for _, s := range sights {
		data.Sights = append(data.Sights, s.Defanged())
	}
	if data.Story, err = p.reportStory(r, one); err != nil {
		return err
	}
	hints, err := p.in.Duplicates(ctx, db, viewer(r), one)
	if err != nil || len(hints) == 0 {
		return err
	}
	list := web.List{
		ID: "hints", Caption: web.Say(r, "incident.desk.reports.hints"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.column.number", "incident.desk.column.what", "incident.desk.reports.shared"),
	}
	for _, h := range hints {
		n, u := p.in.ReportNo(h.Report), ""
		if u = reportURL(n); h.Incident != 0 {
			n = p.in.Number(h.Incident)
			u = incidentURL(n)
		}
		why := strings.Join(h.Shared[:min(len(h.Shared), 3)], " · ")
		if h.Alike > 0 {
			why = strings.TrimPrefix(why+" · "+web.Say(r, "incident.desk.reports.alike", "Percent", fmt.Sprintf("%.0f", 100*h.Alike)), " · ")
		}
		list.Rows = append(list.Rows, web.Row{URL: u, Name: h.Title, Cells: []web.Cell{{Text: n, URL: u, Mono: true}, web.Text(h.Title), web.Text(why)}})
	}
	data.Hints = &list
	return nil
}

// reportStory is what was said afterwards, newest first.
func (p *Pages) reportStory(r *http.Request, one *incident.Report) (t web.Timeline, err error) {
	ms, err := p.in.Messages(r.Context(), p.in.Acts.Reader(), one.ID, true)
	if err != nil {
		return t, err
	}
	sent, err := p.in.AnswerStates(r.Context(), p.in.Acts.Reader(), one.ID)
	if err != nil {
		return t, err
	}
	t = web.Timeline{Title: web.Say(r, "incident.desk.reports.story"), Empty: web.Empty{Title: web.Say(r, "incident.desk.reports.story.empty"), Why: web.Say(r, "incident.desk.reports.story.empty.why")}}
	for i := len(ms) - 1; i >= 0; i-- {
		m := web.Moment{
			At: ms[i].At, Who: p.who(r, ms[i].By), What: web.Say(r, "incident.desk.reports.message."+string(ms[i].Kind)), Detail: ms[i].Text,
			Icon: map[incident.MessageKind]string{incident.Said: "person", incident.Answer: "mail", incident.NoteInside: "edit"}[ms[i].Kind],
		}
		if ms[i].By == "visitor" {
			m.Who = web.Say(r, "incident.desk.reports.reporter.self")
		}
		if s := sent[ms[i].ID]; s != "" {
			m.Badge = &web.Badge{Tone: map[string]string{"sent": "ok", "waiting": "open"}[s], Icon: "mail", Word: web.Say(r, "incident.desk.reports.mail."+s)}
		}
		t.Moments = append(t.Moments, m)
	}
	return t, nil
}

func (p *Pages) reportFacts(r *http.Request, one *incident.Report) web.Facts {
	var items []web.Fact
	add := func(key string, c web.Cell) {
		if c.Text != "" || !c.At.IsZero() {
			items = append(items, web.Fact{Label: web.Say(r, key), Cell: c})
		}
	}
	add("incident.desk.reports.who", p.reporterCell(r, one))
	add("incident.desk.reports.source", web.Cell{Text: web.Say(r, "incident.desk.reports.source."+string(one.Source)), Sub: stageOf(one)})
	add("incident.desk.reports.kind", web.Text(web.Say(r, "incident.desk.reports.kind."+string(one.Kind))))
	add("incident.desk.reports.said_at", web.Exactly(one.SaidAt))
	add("incident.desk.recorded", web.Cell{At: one.ReceivedAt, Sub: p.who(r, one.ReceivedBy)})
	add("incident.desk.reports.call_back", web.Code(one.CallBack))
	add("incident.desk.reports.phone", web.Code(one.Phone))
	add("incident.desk.reports.email", web.Code(one.Email))
	add("incident.desk.fact.class", web.Text(one.Class))
	add("incident.desk.fact.closed", web.Cell{At: one.ClosedAt, Sub: p.who(r, one.ClosedBy)})
	if one.Resolution != "" {
		add("incident.desk.resolution", web.Text(web.Say(r, "incident.desk.reports.resolution."+string(one.Resolution))))
	}
	add("incident.desk.reason", web.Text(one.Reason))
	return web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: items}
}

func (p *Pages) reportAudience(r *http.Request, one *incident.Report) *web.Audience {
	a := &web.Audience{Marking: one.Marking.String(), Summary: web.Say(r, "incident.desk.reports.audience"), Members: []web.Member{{Name: p.orgName(guard.OwnOrg)}}}
	if one.Confirmed {
		a.Members = append(a.Members, web.Member{Name: p.orgName(one.Owner), URL: orgURL(one.Owner), Why: web.Say(r, "incident.desk.reports.audience.owner")})
	}
	return a
}

// reportForms offers what can be done with a report now.
func (p *Pages) reportForms(r *http.Request, one *incident.Report, data *reportPage, page *web.Page, meant []incident.Candidate) (err error) {
	u := reportURL(p.in.ReportNo(one.ID))
	links, err := p.in.LinksOfReport(r.Context(), p.in.Acts.Reader(), viewer(r), one.ID)
	if err != nil {
		return err
	}
	for _, l := range links {
		n := p.in.Number(l.Incident)
		lf := linkForm{Link: web.Link{Label: n, URL: incidentURL(n)}, Number: n}
		if can(r, unlinkReport) {
			lf.Action = u + "/unlink"
		}
		data.Links = append(data.Links, lf)
	}
	if can(r, noteOnReport) {
		data.Write = p.messageForm(r, u)
	}
	if !one.State.Waits() {
		if can(r, reopenReport) {
			page.Primary = &web.Action{Label: web.Say(r, "incident.desk.reopen"), URL: u + "/reopen", Icon: "edit", Tone: "primary"}
		}
		return nil
	}
	if can(r, addToReport) && (one.Source == incident.ByPhone || one.State == incident.ReportNew) {
		data.Say = &web.Form{Action: u + "/say", Submit: web.Say(r, "incident.desk.keep"), Fields: []web.Field{
			{Name: "text", Type: "text", Label: web.Say(r, "incident.desk.reports.say"), Why: web.Say(r, "incident.desk.reports.say.why"), Autofocus: one.Source == incident.ByPhone, Autocomplete: "off"},
		}}
	}
	if can(r, changeReport) {
		if data.Order, err = p.orderForm(r, one, u, meant); err != nil {
			return err
		}
	}
	if can(r, linkReport) {
		data.Link = &web.Form{Action: u + "/link", Submit: web.Say(r, "incident.desk.reports.link"), Fields: []web.Field{
			{Name: "incident", Type: "text", Label: web.Say(r, "incident.desk.reports.link.number"), Mono: true, Example: "ALM-4K7Q-2M9X", Autocomplete: "off", Required: true},
		}}
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.open"), URL: u + "/open", Icon: "danger", Tone: "primary"}
	}
	if can(r, changeReport) && one.State == incident.ReportNew {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.reports.take"), URL: u + "/take", Icon: "person", Post: true})
	}
	if can(r, closeReport) {
		page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.reports.close"), URL: u + "/close", Icon: "check"})
	}
	return nil
}

func (p *Pages) messageForm(r *http.Request, u string) *web.Form {
	kind := web.Field{Name: "as", Type: "radio", Label: web.Say(r, "incident.desk.reports.message"), Required: true}
	for i, k := range []incident.MessageKind{incident.NoteInside, incident.Answer, incident.Said} {
		kind.Options = append(kind.Options, web.Option{Value: string(k), Label: web.Say(r, "incident.desk.reports.message."+string(k)), Hint: web.Say(r, "incident.desk.reports.message.hint."+string(k)), Selected: i == 0})
	}
	return &web.Form{Action: u + "/write", Files: true, Submit: web.Say(r, "incident.desk.keep"), Fields: []web.Field{
		kind, {Name: "words", Type: "textarea", Rows: 4, Label: web.Say(r, "incident.desk.reports.words")},
		{Name: "files", Type: "file", Multiple: true, Label: web.Say(r, "incident.desk.files")},
	}}
}

// openForm opens an incident in one more step.
func (p *Pages) openForm(r *http.Request, one *incident.Report) web.Form {
	u := reportURL(p.in.ReportNo(one.ID))
	severity := one.Severity
	if severity == "" {
		severity = incident.High
	}
	marking := one.Marking
	if marking == tlp.AmberStrict { // the head is for all who take part
		marking = tlp.Amber
	}
	f := p.headForm(r, incident.Head{Severity: severity, Marking: marking, Class: one.Class})
	f.Action, f.Cancel, f.Submit = u+"/open", u, web.Say(r, "incident.desk.open")
	if one.Owner != 0 && one.Owner != guard.OwnOrg {
		f.Fields = append(f.Fields, web.Field{
			Name: "part", Type: "checkbox", Checked: one.Confirmed, Label: web.Say(r, "incident.desk.reports.part", "Name", p.orgName(one.Owner)), Why: web.Say(r, "incident.desk.reports.part.why"),
		})
	}
	return f
}

// orderForm puts a report in order: who called, whose word it is, how bad.
func (p *Pages) orderForm(r *http.Request, one *incident.Report, u string, meant []incident.Candidate) (*web.Form, error) {
	pick := func(name, label string, options []web.Option, now string) web.Field {
		for i := range options {
			options[i].Selected = options[i].Value == now
		}
		return web.Field{Name: name, Type: "select", Label: web.Say(r, label), Options: options}
	}
	org := web.Field{Name: "organisation", Type: "text", Label: web.Say(r, "incident.desk.column.organisation"), Value: p.orgName(one.Owner), Autocomplete: "off",
		Why: web.Say(r, "incident.desk.reports.organisation.why"), Example: web.Say(r, "incident.desk.reports.organisation.example")}
	fields := []web.Field{org}
	if len(meant) > 0 {
		which := web.Field{Name: "org", Type: "radio", Label: web.Say(r, "incident.desk.reports.which")}
		for _, c := range meant {
			which.Options = append(which.Options, web.Option{Value: number(c.Org), Label: p.orgName(c.Org), Hint: web.Say(r, c.Why)})
		}
		fields = append(fields, which)
	}
	back, err := p.callBackField(r, one)
	if err != nil {
		return nil, err
	}
	if back != nil {
		fields = append(fields, *back, web.Field{Name: "confirmed", Type: "checkbox", Checked: one.Confirmed, Label: web.Say(r, "incident.desk.reports.confirmed"), Why: web.Say(r, "incident.desk.reports.confirmed.why")})
	}
	severities := choices(r, "incident.desk.severity.", incident.Severities())
	severities[0].Label = web.Say(r, "incident.desk.reports.unjudged")
	fields = append(fields,
		web.Field{Name: "name", Type: "text", Label: web.Say(r, "incident.desk.reports.caller"), Value: one.Name, Autocomplete: "off"},
		web.Field{Name: "phone", Type: "text", Label: web.Say(r, "incident.desk.reports.phone"), Value: one.Phone, Why: web.Say(r, "incident.desk.reports.phone.why"), Autocomplete: "off"},
		web.Field{Name: "affected", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reports.affected"), Value: one.Affected},
		pick("severity", "incident.desk.column.severity", severities, string(one.Severity)),
		pick("class", "incident.desk.fact.class", classes(r, one.Class), one.Class),
		web.Field{Name: "said", Type: "datetime-local", Label: web.Say(r, "incident.desk.reports.said_at"), Value: formTime(r, one.SaidAt)},
		web.Field{Name: "title", Type: "text", Label: web.Say(r, "incident.desk.column.title"), Value: one.Title, Required: true, Autocomplete: "off"},
		pick("kind", "incident.desk.reports.kind", choices(r, "incident.desk.reports.kind.", incident.ReportKinds())[1:], string(one.Kind)),
		pick("reporter", "incident.desk.reports.reporter", choices(r, "incident.desk.reports.reporter.", incident.Reporters())[1:], string(one.Reporter)),
		web.Field{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, one.Marking, false)},
	)
	return &web.Form{Action: u + "/order", Submit: web.Say(r, "incident.desk.save"), Hidden: []web.Hidden{{Name: "version", Value: number(one.Version)}}, Fields: fields}, nil
}

// callBackField offers the numbers of the directory: the one that was said proves
// nothing.
func (p *Pages) callBackField(r *http.Request, one *incident.Report) (*web.Field, error) {
	if one.Owner == 0 || one.Source == incident.ByPortal {
		return nil, nil
	}
	cs, err := p.in.Constituency.Contacts(r.Context(), p.in.Acts.Reader(), one.Owner)
	if err != nil {
		return nil, err
	}
	f := web.Field{Name: "call_back", Type: "radio", Label: web.Say(r, "incident.desk.reports.call_back"), Why: web.Say(r, "incident.desk.reports.call_back.why")}
	for _, c := range cs {
		if c.Phone != "" {
			f.Options = append(f.Options, web.Option{Value: c.Phone, Label: c.Phone, Hint: contactLine(&c), Selected: c.Phone == one.CallBack})
		}
	}
	if len(f.Options) == 0 {
		f.Type, f.Why = "text", web.Say(r, "incident.desk.reports.call_back.none")
	}
	return &f, nil
}

func contactLine(c *constituency.Contact) string {
	var parts []string
	for _, s := range []string{c.Name, c.Role, c.Hours, c.Language} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}
