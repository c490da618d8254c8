package incidentweb

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
)

// Permissions of documents; the verbs have the same names.
const (
	beginFiling = "incident.begin_filing"
	editFiling  = "incident.edit_filing"
	sendFiling  = "incident.send_filing"
)

// filingRoutes are the pages of documents that are filed.
func (p *Pages) filingRoutes() []web.Route {
	const at, one = "/incident/filings/{filing}", "/incident/filings/1"
	return []web.Route{
		{Method: "POST", Pattern: ClocksURL + "/{clock}/filing", Permission: beginFiling, Handler: p.beginFiling, Sample: "POST /incident/clocks/1/filing"},
		{Method: "GET", Pattern: at, Permission: read, Handler: p.filing, Sample: "GET " + one},
		{Method: "POST", Pattern: at, Permission: editFiling, Handler: p.editFiling, Sample: "POST " + one + " version=1&field-title=a"},
		{Method: "GET", Pattern: at + "/send", Permission: sendFiling, Handler: p.confirmSend, Sample: "GET " + one + "/send"},
		{Method: "POST", Pattern: at + "/send", Permission: sendFiling, Handler: p.send, Sample: "POST " + one + "/send version=1&how=a"},
		{Method: "GET", Pattern: at + "/print", Permission: read, Handler: p.printFiling, Sample: "GET " + one + "/print?with=fr"},
		{Method: "GET", Pattern: at + "/json", Permission: read, Handler: p.downloadFiling, Sample: "GET " + one + "/json"},
	}
}

func filingURL(id int64) string { return "/incident/filings/" + number(id) }

// filingList are the documents of a clock.
func (p *Pages) filingList(r *http.Request, c *incident.Clock) (web.List, error) {
	list := web.List{
		ID: "filings", Caption: web.Say(r, "incident.desk.filings"), Total: web.Total{Hide: true}, Live: true,
		Columns: web.Columns(r, "incident.desk.filing", "incident.desk.column.state", "incident.desk.changed.at"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.filings.none"), Why: web.Say(r, "incident.desk.filings.none.why")},
	}
	all, err := p.in.Filings(r.Context(), p.in.Acts.Reader(), viewer(r), c.Incident)
	for k := range all {
		if f := &all[k]; f.Clock == c.ID {
			list.Rows = append(list.Rows, web.Row{URL: filingURL(f.ID), Name: number(f.ID), Cells: []web.Cell{
				{Text: p.stageTitle(r, c) + " " + number(f.ID), URL: filingURL(f.ID), Sub: p.filedBy(r, f)}, web.Marked(filingBadge(r, f)), {At: f.ChangedAt, Sub: p.who(r, f.ChangedBy)},
			}})
		}
	}
	return list, err
}

// filedBy says who wrote a document, where that is not the desk, and by which report.
func (p *Pages) filedBy(r *http.Request, f *incident.Filing) string {
	switch {
	case f.Report != 0:
		return web.Say(r, "incident.desk.filing.by_report", "Name", p.orgName(f.Org), "Number", p.in.ReportNo(f.Report))
	case f.Org != guard.OwnOrg:
		return web.Say(r, "incident.desk.filing.by", "Name", p.orgName(f.Org))
	}
	return ""
}

func filingBadge(r *http.Request, f *incident.Filing) web.Badge {
	if f.Withdrawn {
		return web.Badge{Tone: "muted", Icon: "cross", Word: web.Say(r, "incident.desk.filing.withdrawn")}
	}
	if f.Sent {
		return web.Badge{Tone: "ok", Icon: "check", Word: web.Say(r, "incident.desk.filing.sent")}
	}
	return web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.filing.draft")}
}

func (p *Pages) beginFiling(w http.ResponseWriter, r *http.Request) error {
	c, _, err := p.clockAt(r)
	if err != nil {
		return err
	}
	f, err := p.in.BeginFiling(r.Context(), actor(r), c.ID)
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, filingURL(f.ID), web.Flash{Key: "incident.desk.filing.begun"})
	return nil
}

// filed is a document with all that stands around it.
type filed struct {
	incident.Filing
	clock incident.Clock
	head  incident.Incident
	law   incident.Law
	stage regime.Stage
}

func (p *Pages) filingAt(r *http.Request) (f filed, err error) {
	id, err := pathID(r, "filing")
	if err != nil {
		return f, err
	}
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	if f.Filing, err = p.in.Filing(ctx, db, v, id); err != nil {
		return f, err
	}
	if f.clock, err = p.in.Clock(ctx, db, v, f.Clock); err != nil {
		return f, err
	}
	if f.head, err = p.in.Incident(ctx, db, v, f.Incident); err != nil {
		return f, err
	}
	f.law, f.stage, err = p.in.StageOf(&f.clock)
	return f, err
}

// filingData is the dot of a document's page.
type filingData struct {
	Form  *web.Form
	Lines []filingPart // what was sent
	Facts web.Facts
}

// filingPart is one answered field, in one or two languages.
type filingPart struct {
	Label, Other string
	Value        string
	Required     bool
	Time         time.Time
}

func (p *Pages) filing(w http.ResponseWriter, r *http.Request) error {
	f, err := p.filingAt(r)
	if err != nil {
		return err
	}
	return p.showFiling(w, r, &f, nil)
}

func (p *Pages) filingHead(r *http.Request, f *filed) web.Page {
	page := p.aboutClock(r, &f.clock, &f.head, f.stage.Title.In(lang(r))+" "+number(f.ID))
	page.Crumbs = append(page.Crumbs, web.Link{Label: f.stage.Title.In(lang(r)), URL: ClockURL(f.clock.ID)})
	page.Badges = []web.Badge{filingBadge(r, &f.Filing)}
	return page
}

func (p *Pages) showFiling(w http.ResponseWriter, r *http.Request, f *filed, problem error) error {
	page, status := p.filingHead(r, f), http.StatusOK
	page.Actions = []web.Action{
		{Label: web.Say(r, "incident.desk.filing.print"), URL: filingURL(f.ID) + "/print", Icon: "file"},
		{Label: web.Say(r, "incident.desk.filing.json"), URL: filingURL(f.ID) + "/json", Icon: "download"},
	}
	data := filingData{Facts: web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: []web.Fact{
		{Label: web.Say(r, "incident.desk.clocks.regime"), Cell: web.Cell{Text: f.law.Regime.ID + " · " + f.law.Regime.Version, URL: regimeURL(f.law.Key()), Sub: p.confirmed(r, &f.law)}},
		{Label: web.Say(r, "incident.desk.regimes.citation"), Cell: web.Text(f.clock.Citation)},
		{Label: web.Say(r, "incident.desk.clocks.safe"), Cell: p.when(r, &f.clock, f.clock.WarnAt)},
		{Label: web.Say(r, "incident.desk.changed.at"), Cell: web.Cell{At: f.ChangedAt, Sub: p.who(r, f.ChangedBy)}},
	}}}
	if f.Sent || f.Withdrawn {
		sub := f.SentHow
		if by := p.filedBy(r, &f.Filing); by != "" {
			sub = by
		}
		data.Facts.Items = append(data.Facts.Items, web.Fact{Label: web.Say(r, "incident.desk.filing.sent"), Cell: web.Cell{At: f.SentAt, Sub: sub}})
		data.Lines = p.parts(r, f, "")
	} else {
		if can(r, sendFiling) {
			page.Primary = &web.Action{Label: web.Say(r, "incident.desk.filing.send"), URL: filingURL(f.ID) + "/send", Icon: "check", Tone: "primary"}
		}
		data.Form = p.filingForm(r, f)
		if problem != nil {
			status = statusOf(problem)
			data.Form.Fill(r.PostForm.Get)
			fail(r, &page, prefixed(problem), data.Form)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/filing", page)
}

// prefixed gives faults about the law's fields the names of the form's.
func prefixed(err error) error {
	f := *fault.Of(err)
	f.Parts = slices.Clone(f.Parts)
	for k := range f.Parts {
		if f.Parts[k].Field != "" {
			f.Parts[k].Field = incident.FieldPrefix + f.Parts[k].Field
		}
	}
	return &f
}

// filingForm has the fields that the law asks for.
func (p *Pages) filingForm(r *http.Request, f *filed) *web.Form {
	form := &web.Form{Action: filingURL(f.ID), Submit: web.Say(r, "incident.desk.save"), Hidden: []web.Hidden{{Name: "version", Value: number(f.Version)}}}
	for _, one := range f.stage.Fields {
		field := web.Field{Name: incident.FieldPrefix + one.ID, Type: "text", Label: one.Label.In(lang(r)), Value: f.Answers[one.ID], Autocomplete: "off"}
		if one.Required {
			field.Why = web.Say(r, "incident.desk.filing.required")
		}
		option := func(value, label string) {
			field.Options = append(field.Options, web.Option{Value: value, Label: label, Selected: f.Answers[one.ID] == value})
		}
		switch one.Kind {
		case regime.KindParagraph:
			field.Type, field.Rows = "textarea", 5
		case regime.KindList:
			field.Type, field.Rows, field.Example = "textarea", 4, web.Say(r, "incident.desk.filing.list")
		case regime.KindTime:
			field.Type = "datetime-local"
			if at, err := time.Parse(time.RFC3339, f.Answers[one.ID]); err == nil {
				field.Value = formTime(r, at)
			}
		case regime.KindYesNo:
			field.Type = "select"
			option("", web.Say(r, "incident.desk.filing.unknown"))
			option("yes", web.Say(r, "incident.clocks.answer.yes"))
			option("no", web.Say(r, "incident.clocks.answer.no"))
		case regime.KindChoice:
			field.Type = "select"
			option("", "–")
			for _, c := range one.Choices {
				option(c.ID, c.Label.In(lang(r)))
			}
		case regime.KindText, regime.KindNumber:
		}
		form.Fields = append(form.Fields, field)
	}
	return form
}

func (p *Pages) editFiling(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	f, err := p.filingAt(r)
	if err != nil {
		return err
	}
	answers, err := readAnswers(r, f.stage.Fields)
	if err == nil {
		err = p.in.EditFiling(r.Context(), actor(r), f.ID, positive(r.PostForm.Get("version")), answers)
	}
	if correctable(err) && !f.Sent {
		return p.showFiling(w, r, &f, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, filingURL(f.ID), web.Flash{Key: "incident.desk.saved"})
	return nil
}

// readAnswers reads what was typed into the law's fields.
func readAnswers(r *http.Request, fields []regime.Field) (map[string]string, error) {
	answers := map[string]string{}
	for _, one := range fields {
		name := incident.FieldPrefix + one.ID
		answers[one.ID] = r.PostForm.Get(name)
		if one.Kind == regime.KindTime {
			at, err := timeOf(r, name)
			if err != nil {
				return nil, fault.Join("incident.invalid", []fault.Error{*fault.OnField(one.ID, "incident.desk.time", nil)})
			}
			if answers[one.ID] = ""; !at.IsZero() {
				answers[one.ID] = at.Format(time.RFC3339)
			}
		}
	}
	return answers, nil
}

func (p *Pages) confirmSend(w http.ResponseWriter, r *http.Request) error {
	f, err := p.filingAt(r)
	if err != nil {
		return err
	}
	return p.showSend(w, r, &f, nil)
}

// showSend asks when and how a document was sent, and says what that starts.
func (p *Pages) showSend(w http.ResponseWriter, r *http.Request, f *filed, problem error) error {
	title := web.Say(r, "incident.desk.filing.send")
	k := web.Confirm{
		Title: title, Text: web.Say(r, "incident.desk.filing.send.text"), NoEffect: web.Say(r, "incident.desk.filing.send.effect"),
		Action: filingURL(f.ID) + "/send", Verb: title, Cancel: filingURL(f.ID), Hidden: []web.Hidden{{Name: "version", Value: number(f.Version)}},
		Fields: []web.Field{
			{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Value: formTime(r, p.in.Acts.Clock().Now())},
			{Name: "how", Type: "text", Label: web.Say(r, "incident.desk.filing.how"), Why: web.Say(r, "incident.desk.filing.how.why"), Required: true, Autocomplete: "off"},
		},
	}
	moves, err := p.in.PreviewAnchor(r.Context(), p.in.Acts.Reader(), viewer(r), f.head.ID, incident.NewAnchor{
		Org: f.clock.Party, Regime: f.clock.Regime, Event: regime.Event(f.clock.Stage), At: p.in.Acts.Clock().Now(),
	})
	if err == nil && len(moves) > 0 {
		k.Effects = []web.Effect{{Count: int64(len(moves)), What: web.Say(r, "incident.desk.filing.moves"), URL: incidentURL(p.in.Number(f.head.ID)) + "/clocks"}}
	}
	return p.confirmPage(w, r, p.filingHead(r, f), k, problem)
}

func (p *Pages) send(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	f, err := p.filingAt(r)
	if err != nil {
		return err
	}
	at, err := timeOf(r, "at")
	if err == nil {
		_, err = p.in.SendFiling(r.Context(), actor(r), f.ID, positive(r.PostForm.Get("version")), at, r.PostForm.Get("how"))
	}
	if correctable(err) {
		return p.showSend(w, r, &f, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, ClockURL(f.clock.ID), web.Flash{Key: "incident.desk.filing.was_sent"})
	return nil
}

// parts are the answers with their labels in the reader's language, and in another one
// where that is asked for.
func (p *Pages) parts(r *http.Request, f *filed, other string) (out []filingPart) {
	for _, one := range f.stage.Fields {
		part := filingPart{Label: one.Label.In(lang(r)), Value: f.Answers[one.ID], Required: one.Required}
		if other != "" && one.Label.In(other) != part.Label {
			part.Other = one.Label.In(other)
		}
		switch one.Kind {
		case regime.KindTime:
			if at, err := time.Parse(time.RFC3339, part.Value); err == nil {
				part.Time, part.Value = at, ""
			}
		case regime.KindYesNo:
			if part.Value != "" {
				part.Value = web.Say(r, "incident.clocks.answer."+part.Value)
			}
		case regime.KindChoice:
			for _, c := range one.Choices {
				if c.ID == part.Value {
					part.Value = c.Label.In(lang(r))
					break
				}
			}
		case regime.KindText, regime.KindParagraph, regime.KindNumber, regime.KindList:
		}
		out = append(out, part)
	}
	return out
}

// printData is the dot of a document's print page.
type printData struct {
	Number, Law, Citation string
	Title, Other          string
	Lines                 []filingPart
	Verified              string
	Languages             []web.Link
	Sent                  time.Time
	How                   string
}

// printFiling is the document for paper, in the reader's language and a second one.
func (p *Pages) printFiling(w http.ResponseWriter, r *http.Request) error {
	f, err := p.filingAt(r)
	if err != nil {
		return err
	}
	other := r.URL.Query().Get("with")
	if _, ok := f.law.Regime.Title[other]; !ok || other == lang(r) {
		other = ""
	}
	page := p.filingHead(r, &f)
	page.Marking = f.head.Marking.String()
	data := printData{
		Number: p.in.Number(f.head.ID), Law: f.law.Regime.Law, Citation: f.clock.Citation, Title: f.stage.Title.In(lang(r)), Lines: p.parts(r, &f, other),
		Verified: p.confirmed(r, &f.law), Sent: f.SentAt, How: f.SentHow,
	}
	if other != "" {
		data.Other = f.stage.Title.In(other)
	}
	for _, tag := range []string{"en", "fr", "es"} {
		if _, ok := f.law.Regime.Title[tag]; ok && tag != lang(r) {
			data.Languages = append(data.Languages, web.Link{Label: strings.ToUpper(tag), URL: web.With(r.URL, "with", tag), Current: tag == other})
		}
	}
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "incident/filing-print", page)
}

// downloadFiling is the document as a file for machines.
func (p *Pages) downloadFiling(w http.ResponseWriter, r *http.Request) error {
	f, err := p.filingAt(r)
	if err != nil {
		return err
	}
	line, err := p.filingLine(&f.Filing, &f.clock)
	if err != nil {
		return err
	}
	body, err := json.MarshalIndent(line, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", web.Attachment(p.in.Number(f.head.ID)+"-"+f.clock.Regime+"-"+f.clock.Stage+".json"))
	_, err = w.Write(append(body, '\n'))
	return err
}
