package incidentweb

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// Permissions of danger to life; the verbs have the same names.
const (
	readCrossings = "incident.read_crossings"
	crossDanger   = "incident.cross_for_danger"
	reviewCross   = "incident.review_crossing"
	recallCross   = "incident.recall_crossing"
	callCross     = "incident.record_crossing_call"
)

// crossingRoutes are the pages of danger to life.
func (p *Pages) crossingRoutes() []web.Route {
	const one, cross = "/incident/incidents/ALM-0000-0000", "/incident/crossings/ALM-0000-0000"
	route := func(method, pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: method, Pattern: "/incident/" + pattern, Permission: permission, Handler: h, Sample: method + " " + sample}
	}
	return []web.Route{
		route("GET", "incidents/{number}/danger", crossDanger, one+"/danger", p.danger),
		route("POST", "incidents/{number}/danger", crossDanger, one+"/danger entry=1&organisation=1&ground=eu-led-10b&why=a", p.crossDanger),
		route("GET", "crossings", readCrossings, "/incident/crossings", p.crossings),
		route("GET", "crossings/{crossing}", readCrossings, cross, p.crossing),
		route("POST", "crossings/{crossing}/call", callCross, cross+"/call about=confirm&outcome=reached&name=a&phone=1", p.callCrossing),
		route("POST", "crossings/{crossing}/review", reviewCross, cross+"/review verdict=approved&reason=a", p.reviewCrossing),
		route("POST", "crossings/{crossing}/recall", recallCross, cross+"/recall reason=a", p.recallCrossing),
	}
}

// choosePage is the dot of a form that chooses entries.
type choosePage struct {
	Action, Cancel, Legend, Submit, Note string
	Tone                                 string
	Fields                               []web.Field
	Hidden                               []web.Hidden
	Entries                              []choice
	Also                                 *web.Action // another button of the same form: its URL is the value of "do"
	Sheet                                *web.List
}

// choices are the entries of an incident that the reader sees, the newest first.
func (p *Pages) choices(r *http.Request, id int64) (out []choice, err error) {
	es, err := p.in.Story(r.Context(), p.in.Acts.Reader(), viewer(r), id)
	slices.Reverse(es)
	for _, e := range es {
		if e.RetractedAt.IsZero() {
			out = append(out, p.choice(r, e))
		}
	}
	return out, err
}

// choice shows an entry to be chosen: its words, whose they are, what they are, when, and
// how they are marked; ticked where the reader had chosen it.
func (p *Pages) choice(r *http.Request, e incident.Entry) choice {
	sub := p.orgName(e.Owner) + " · " + web.Say(r, "incident.desk.kind."+string(e.Kind)) + " · " + web.PrinterOf(r.Context()).Time(e.At) + " · " + e.Marking.String()
	return choice{"entry", e.ID, clip(e.Text, 160), sub, slices.Contains(r.Form["entry"], number(e.ID)), e.Marking}
}

// showChoose shows a form that chooses entries, with what was wrong with it.
func (p *Pages) showChoose(w http.ResponseWriter, r *http.Request, page web.Page, data choosePage, problem error) error {
	status := http.StatusOK
	f := web.Form{Fields: data.Fields}
	markAs(&page, data.Entries)
	if problem != nil {
		status = statusOf(problem)
		f.Fill(r.PostForm.Get)
		fail(r, &page, problem, &f)
	}
	data.Fields = f.Fields
	page.Data = data
	return p.site.Page(w, r, status, "incident/choose", page)
}

// orgsOfKinds are the organisations of some kinds.
func (p *Pages) orgsOfKinds(r *http.Request, chosen string, kinds ...string) (out []web.Option, err error) {
	all, err := p.in.Guard.Organisations(r.Context(), p.in.Acts.Reader())
	for _, o := range all {
		if o.ID != 1 && o.EndedAt.IsZero() && slices.Contains(kinds, string(o.Kind)) {
			out = append(out, web.Option{Value: number(o.ID), Label: o.Name, Selected: number(o.ID) == chosen})
		}
	}
	return out, err
}

func (p *Pages) danger(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showDanger(w, r, &i, nil)
}

func (p *Pages) showDanger(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	u := incidentURL(p.in.Number(i.ID))
	data := choosePage{
		Action: u + "/danger", Cancel: u, Legend: web.Say(r, "incident.desk.danger.lines"), Submit: web.Say(r, "incident.desk.danger.do"), Tone: "danger",
		Note: web.Say(r, "incident.desk.danger.note"),
	}
	var err error
	if data.Entries, err = p.choices(r, i.ID); err != nil {
		return err
	}
	police, err := p.orgsOfKinds(r, r.Form.Get("organisation"), "police")
	if err != nil {
		return err
	}
	own, err := p.in.Guard.Organisation(r.Context(), p.in.Acts.Reader(), 1)
	if err != nil {
		return err
	}
	ground := web.Field{Name: "ground", Type: "select", Label: web.Say(r, "incident.desk.danger.ground"), Why: web.Say(r, "incident.desk.danger.ground.why"), Options: []web.Option{{Label: web.Say(r, "incident.desk.danger.ground.own")}}}
	for n, g := range p.in.Grounds(own.Country) {
		label := g.Country + " · " + g.Title + " · " + g.Citation
		if !g.Verified {
			label += " · " + web.Say(r, "incident.desk.danger.unverified")
		}
		ground.Options = append(ground.Options, web.Option{Value: g.ID, Label: label, Selected: n == 0})
	}
	delay := web.Field{Name: "owners_after", Type: "select", Label: web.Say(r, "incident.desk.danger.owners"), Why: web.Say(r, "incident.desk.danger.owners.why")}
	delay.Options = append(delay.Options, web.Option{Value: "0", Label: web.Say(r, "incident.desk.danger.at_once")})
	for _, h := range []string{"6", "24", "48", "72"} {
		delay.Options = append(delay.Options, web.Option{Value: h, Label: web.Say(r, "incident.desk.danger.after", "Count", positive(h))})
	}
	data.Fields = []web.Field{
		{Name: "why", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.danger.why"), Required: true, Autofocus: true},
		{Name: "organisation", Type: "select", Label: web.Say(r, "incident.desk.danger.police"), Options: police, Required: true},
		ground, {Name: "ground_text", Type: "text", Label: web.Say(r, "incident.desk.danger.ground.text"), Autocomplete: "off"},
		delay, {Name: "delay_reason", Type: "text", Label: web.Say(r, "incident.desk.danger.delay"), Autocomplete: "off"},
	}
	page := p.about(r, i, web.Say(r, "incident.desk.danger"))
	page.Marking = tlp.AmberStrict.String()
	return p.showChoose(w, r, page, data, problem)
}

func entriesOf(r *http.Request) (out []int64) {
	for _, s := range r.PostForm["entry"] {
		out = append(out, positive(s))
	}
	return out
}

func (p *Pages) crossDanger(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	f := r.PostForm
	c, err := p.in.CrossForDanger(r.Context(), actor(r), i.ID, incident.NewCrossing{
		Org: positive(f.Get("organisation")), Entries: entriesOf(r), Ground: f.Get("ground"), GroundText: f.Get("ground_text"), Why: f.Get("why"),
		OwnersAfter: time.Duration(min(positive(f.Get("owners_after")), 1000)) * time.Hour, DelayReason: f.Get("delay_reason"),
	})
	if correctable(err) {
		return p.showDanger(w, r, &i, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, p.crossingURL(&c)+"#call", web.Flash{Key: "incident.desk.danger.done"})
	return nil
}

func (p *Pages) crossingURL(c *incident.Crossing) string {
	return "/incident/crossings/" + p.in.CrossingNumber(c.ID)
}

// crossingBadge says where a crossing stands.
func crossingBadge(r *http.Request, c *incident.Crossing) web.Badge {
	word := func(key string) string { return web.Say(r, "incident.desk.crossing."+key) }
	switch {
	case !c.AlarmAt.IsZero() && c.ReviewedAt.IsZero():
		return web.Badge{Tone: "critical", Icon: "danger", Word: word("alarm")}
	case !c.Open():
		return web.Badge{Tone: "muted", Icon: "state-closed", Word: word("recalled")}
	case c.ReviewedAt.IsZero():
		return web.Badge{Tone: "high", Icon: "clock", Word: word("waits")}
	}
	return web.Badge{Tone: "open", Icon: "ok", Word: word("approved")}
}

func (p *Pages) crossings(w http.ResponseWriter, r *http.Request) error {
	f := incident.CrossingFilter{Before: positive(r.URL.Query().Get("after")), Exercise: r.URL.Query().Get("exercise") != "", Limit: perPage + 1}
	all, err := p.in.Crossings(r.Context(), p.in.Acts.Reader(), f)
	if err != nil {
		return err
	}
	list := web.List{
		ID: "crossings", Caption: web.Say(r, "incident.desk.crossings"), Total: web.Total{Hide: true}, Live: true,
		Columns: web.Columns(r, "incident.desk.column.number", "incident.desk.crossing.at", "incident.desk.crossing.to", "incident.desk.crossing.ground",
			"incident.desk.column.state", "incident.desk.crossing.due"),
		Empty: web.Empty{Title: web.Say(r, "incident.desk.crossings.none"), Why: web.Say(r, "incident.desk.crossings.why")},
	}
	if len(all) > perPage {
		all = all[:perPage]
		list.Older = web.With(r.URL, "after", number(all[perPage-1].ID))
	}
	for k := range all {
		c := &all[k]
		u := p.crossingURL(c)
		list.Rows = append(list.Rows, web.Row{URL: u, Name: p.in.CrossingNumber(c.ID), Cells: []web.Cell{
			{Text: p.in.CrossingNumber(c.ID), URL: u, Mono: true}, {At: c.At, Sub: p.who(r, c.By)}, web.Text(p.orgName(c.Org)), web.Text(c.Citation),
			web.Marked(crossingBadge(r, c)), web.Exactly(c.ReviewDue),
		}})
	}
	return p.site.Page(w, r, http.StatusOK, "incident/list", web.Page{
		Title: web.Say(r, "incident.desk.crossings"), Room: "incident", Lead: web.Say(r, "incident.desk.crossings.why"), Topics: []string{incident.CrossingsTopic},
		Marking: tlp.AmberStrict.String(), Exercise: f.Exercise, Data: listPage{List: list},
	})
}

// crossingPage is the dot of a crossing's page.
type crossingPage struct {
	Facts  web.Facts
	Why    string
	Lines  web.List
	Sheet  web.List
	Calls  web.Timeline
	Call   *web.Form
	Review *web.Confirm
	Recall *web.Confirm
}

func (p *Pages) oneCrossing(r *http.Request) (incident.Crossing, error) {
	return p.in.CrossingNumbered(r.Context(), p.in.Acts.Reader(), r.PathValue("crossing"))
}

func (p *Pages) crossing(w http.ResponseWriter, r *http.Request) error {
	return p.showCrossing(w, r, nil)
}

func (p *Pages) showCrossing(w http.ResponseWriter, r *http.Request, problem error) error {
	c, err := p.oneCrossing(r)
	if err != nil {
		return err
	}
	page := web.Page{
		Title: web.Say(r, "incident.desk.danger"), Number: p.in.CrossingNumber(c.ID), Room: "incident", Marking: tlp.AmberStrict.String(), Exercise: c.Exercise,
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.crossings"), URL: "/incident/crossings"}}, Badges: []web.Badge{crossingBadge(r, &c)},
		Topics: []string{incident.CrossingsTopic},
	}
	data := crossingPage{Why: c.Why}
	if data.Facts, err = p.crossingFacts(r, &c); err != nil {
		return err
	}
	if data.Lines, err = p.crossingLines(r, &c); err != nil {
		return err
	}
	if err := p.crossingCalls(r, &c, &data); err != nil {
		return err
	}
	if err := p.crossingForms(r, &c, &data); err != nil {
		return err
	}
	status := http.StatusOK
	if problem != nil {
		status = statusOf(problem)
		var forms []*web.Form
		if data.Call != nil {
			data.Call.Fill(r.PostForm.Get)
			forms = append(forms, data.Call)
		}
		fail(r, &page, problem, forms...)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/crossing", page)
}

func (p *Pages) crossingFacts(r *http.Request, c *incident.Crossing) (web.Facts, error) {
	say := func(key string) string { return web.Say(r, "incident.desk.crossing."+key) }
	f := web.Facts{Title: web.Say(r, "incident.desk.facts"), Items: []web.Fact{
		{Label: say("to"), Cell: web.Anchor(p.orgName(c.Org), orgURL(c.Org))}, {Label: say("ground"), Cell: web.Text(c.Citation)},
		{Label: say("at"), Cell: web.Cell{At: c.At, Sub: p.who(r, c.By)}}, {Label: say("due"), Cell: web.Exactly(c.ReviewDue)},
	}}
	add := func(key string, cell web.Cell) { f.Items = append(f.Items, web.Fact{Label: say(key), Cell: cell}) }
	if can(r, read) {
		n := p.in.Number(c.Incident)
		add("incident", web.Cell{Text: n, URL: incidentURL(n), Mono: true})
	}
	if c.OwnersTold.IsZero() {
		add("owners.later", web.Cell{At: c.TellOwnersAt, Sub: c.DelayReason})
	} else {
		add("owners.told", web.Exactly(c.OwnersTold))
	}
	if !c.ReviewedAt.IsZero() {
		add("reviewed", web.Cell{At: c.ReviewedAt, Sub: say(string(c.Verdict)) + " · " + p.who(r, c.ReviewedBy) + " · " + c.ReviewReason})
	}
	if !c.RecalledAt.IsZero() {
		add("recalled", web.Cell{At: c.RecalledAt, Sub: p.who(r, c.RecalledBy) + " · " + c.RecallReason})
	}
	letters, err := p.in.LettersAbout(r.Context(), p.in.Acts.Reader(), c.ID, incident.LetterPolice, incident.LetterOversight, incident.LetterAlarm, incident.LetterRecalled)
	if err != nil {
		return f, err
	}
	for _, l := range letters {
		add("letter."+strings.ReplaceAll(string(l.Kind), "-", "_"), web.Cell{Text: p.personName(r, l.Person), Sub: web.Say(r, "incident.desk.letter."+strings.ReplaceAll(l.State, "-", "_"))})
	}
	seen, err := p.in.CrossingReaders(r.Context(), p.in.Acts.Reader(), c.ID)
	for _, s := range seen {
		add("read", web.Cell{At: s.At, Sub: p.personName(r, s.Person)})
	}
	return f, err
}

// crossingLines are the lines that crossed. Their words are for whoever sees the entry.
func (p *Pages) crossingLines(r *http.Request, c *incident.Crossing) (web.List, error) {
	l := web.List{
		ID: "lines", Caption: web.Say(r, "incident.desk.danger.lines"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.crossing.when", "incident.desk.owner", "incident.desk.text"),
	}
	lines, err := p.in.CrossingLines(r.Context(), p.in.Acts.Reader(), c.ID)
	for _, one := range lines {
		text := "—"
		if _, err := p.in.Entry(r.Context(), p.in.Acts.Reader(), viewer(r), one.Entry); err == nil && can(r, read) {
			text = one.Text
		}
		l.Rows = append(l.Rows, web.Row{Name: number(one.Entry), Cells: []web.Cell{web.Exactly(one.At), {Text: p.orgName(one.Owner), Sub: one.Marking.String()}, web.Text(text)}})
	}
	return l, err
}

func (p *Pages) crossingCalls(r *http.Request, c *incident.Crossing, data *crossingPage) error {
	alarm := !c.AlarmAt.IsZero()
	sheet, err := p.in.CrossingCallSheet(r.Context(), p.in.Acts.Reader(), *c, alarm)
	if err != nil {
		return err
	}
	data.Sheet = web.List{
		ID: "sheet", Caption: web.Say(r, "incident.desk.crossing.sheet"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.crossing.name", "incident.desk.crossing.phone", "incident.desk.crossing.hours"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.crossing.no_phone"), Why: web.Say(r, "incident.desk.crossing.no_phone.why")},
	}
	phones := web.Field{Name: "phone", Type: "select", Label: web.Say(r, "incident.desk.crossing.phone"), Why: web.Say(r, "incident.desk.crossing.phone.why")}
	for _, s := range sheet {
		data.Sheet.Rows = append(data.Sheet.Rows, web.Row{Name: s.Name, Cells: []web.Cell{{Text: s.Name, Sub: s.Role}, {Text: s.Phone, Mono: true, Copy: true}, web.Text(s.Hours)}})
		phones.Options = append(phones.Options, web.Option{Value: s.Phone, Label: s.Phone + " · " + s.Name})
	}
	calls, err := p.in.CrossingCalls(r.Context(), p.in.Acts.Reader(), c.ID)
	data.Calls = web.Timeline{Title: web.Say(r, "incident.desk.crossing.calls"), Empty: web.Empty{Title: web.Say(r, "incident.desk.crossing.calls.none")}}
	for _, n := range calls {
		data.Calls.Moments = append(data.Calls.Moments, web.Moment{
			At: n.At, Who: p.who(r, n.By), What: web.Say(r, "incident.desk.call."+n.About) + " · " + web.Say(r, "incident.desk.call."+strings.ReplaceAll(n.Outcome, "-", "_")),
			Detail: strings.Join([]string{n.Name, n.Phone, n.Note}, " · "), Icon: "phone",
		})
	}
	if err == nil && can(r, callCross) && len(sheet) > 0 {
		about := web.Field{Name: "about", Type: "select", Label: web.Say(r, "incident.desk.call.about")}
		for _, a := range incident.CallAbouts() {
			about.Options = append(about.Options, web.Option{Value: a, Label: web.Say(r, "incident.desk.call."+a), Selected: a == "recall" && !c.Open() && !alarm || a == "alarm" && alarm})
		}
		data.Call = &web.Form{Action: p.crossingURL(c) + "/call", Submit: web.Say(r, "incident.desk.call.keep"), Fields: []web.Field{
			{Name: "name", Type: "text", Label: web.Say(r, "incident.desk.call.name"), Autocomplete: "off"}, phones, about,
			{Name: "outcome", Type: "radio", Label: web.Say(r, "incident.desk.call.outcome"), Options: []web.Option{
				{Value: "reached", Label: web.Say(r, "incident.desk.call.reached"), Selected: true}, {Value: "no-answer", Label: web.Say(r, "incident.desk.call.no_answer")},
			}},
			{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
			{Name: "note", Type: "text", Label: web.Say(r, "incident.desk.call.note"), Autocomplete: "off"},
		}}
	}
	return err
}

// crossingForms are the review, for another person, and the recall. Approval is offered to
// who sees every line.
func (p *Pages) crossingForms(r *http.Request, c *incident.Crossing, data *crossingPage) error {
	u := p.crossingURL(c)
	if c.ReviewedAt.IsZero() && can(r, reviewCross) && c.By != actor(r).ID {
		sees, err := p.in.SeesCrossing(r.Context(), p.in.Acts.Reader(), viewer(r), c.ID)
		if err != nil {
			return err
		}
		why, verdicts := "incident.desk.review.unseen", []web.Option{{Value: "objected", Label: web.Say(r, "incident.desk.crossing.objected")}}
		if sees {
			why, verdicts = "incident.desk.review.why", append([]web.Option{{Value: "approved", Label: web.Say(r, "incident.desk.crossing.approved")}}, verdicts...)
		}
		data.Review = &web.Confirm{
			Title: web.Say(r, "incident.desk.review"), NoEffect: web.Say(r, why), Action: u + "/review", Verb: web.Say(r, "incident.desk.review"), NeedReason: true,
			Fields: []web.Field{{Name: "verdict", Type: "radio", Label: web.Say(r, "incident.desk.review.verdict"), Required: true, Options: verdicts}},
		}
	}
	if c.Open() && can(r, recallCross) {
		data.Recall = &web.Confirm{
			Title: web.Say(r, "incident.desk.recall"), NoEffect: web.Say(r, "incident.desk.recall.why"), Action: u + "/recall", Verb: web.Say(r, "incident.desk.recall"), Tone: "danger", NeedReason: true,
		}
	}
	return nil
}

// onCrossing is the frame of what is posted about a crossing.
func (p *Pages) onCrossing(w http.ResponseWriter, r *http.Request, said string, do func(*incident.Crossing) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	c, err := p.oneCrossing(r)
	if err != nil {
		return err
	}
	if err := do(&c); correctable(err) {
		return p.showCrossing(w, r, err)
	} else if err != nil {
		return err
	}
	p.site.Redirect(w, r, p.crossingURL(&c), web.Flash{Key: said})
	return nil
}

func (p *Pages) callCrossing(w http.ResponseWriter, r *http.Request) error {
	return p.onCrossing(w, r, "incident.desk.call.kept", func(c *incident.Crossing) error {
		at, err := timeOf(r, "at")
		if err != nil {
			return err
		}
		f := r.PostForm
		return p.in.RecordCall(r.Context(), actor(r), incident.CrossingCall{
			Crossing: c.ID, About: f.Get("about"), Name: f.Get("name"), Phone: f.Get("phone"), Outcome: f.Get("outcome"), Note: f.Get("note"), At: at,
		})
	})
}

func (p *Pages) reviewCrossing(w http.ResponseWriter, r *http.Request) error {
	return p.onCrossing(w, r, "incident.desk.review.kept", func(c *incident.Crossing) error {
		return p.in.ReviewCrossing(r.Context(), actor(r), c.ID, incident.ReviewVerdict(r.PostForm.Get("verdict")), r.PostForm.Get("reason"))
	})
}

func (p *Pages) recallCrossing(w http.ResponseWriter, r *http.Request) error {
	return p.onCrossing(w, r, "incident.desk.recall.done", func(c *incident.Crossing) error {
		return p.in.RecallCrossing(r.Context(), actor(r), c.ID, r.PostForm.Get("reason"))
	})
}

// crossingExtra is what danger to life and situation reports add to an incident's page.
func (p *Pages) crossingExtra(r *http.Request, i *incident.Incident) (x extra, err error) {
	u := incidentURL(p.in.Number(i.ID))
	add := func(permission, key, url, icon, tone string) {
		if can(r, permission) {
			x.Actions = append(x.Actions, web.Action{Label: web.Say(r, key), URL: url, Icon: icon, Tone: tone})
		}
	}
	if i.State == incident.Open && i.MergedInto == 0 {
		add(crossDanger, "incident.desk.danger", u+"/danger", "danger", "danger")
		add(writeSitrep, "incident.desk.sitrep", u+"/sitrep", "history", "")
	}
	add(offerTransfer, "incident.desk.packages", u+"/packages", "external", "")
	states, err := p.in.StatesOf(r.Context(), p.in.Acts.Reader(), i)
	if err != nil {
		return x, err
	}
	f := web.Facts{Title: web.Say(r, "incident.desk.handed")}
	if len(states) > 1 {
		f.Items = append(f.Items, web.Fact{Label: web.Say(r, "incident.desk.transfer.states"), Cell: web.Cell{Text: strings.Join(states, " "), URL: u + "/transfer", Sub: web.Say(r, "incident.desk.transfer.hint")}})
	}
	if can(r, readCrossings) {
		all, err := p.in.Crossings(r.Context(), p.in.Acts.Reader(), incident.CrossingFilter{Incident: i.ID, Both: true, Limit: 10})
		if err != nil {
			return x, err
		}
		for k := range all {
			f.Items = append(f.Items, web.Fact{Label: web.Say(r, "incident.desk.danger"), Cell: web.Cell{Text: p.in.CrossingNumber(all[k].ID), URL: p.crossingURL(&all[k]), Mono: true, Sub: crossingBadge(r, &all[k]).Word}})
		}
	}
	sitreps, err := p.in.Sitreps(r.Context(), p.in.Acts.Reader(), i.ID, i.Exercise)
	if len(sitreps) > 0 {
		f.Items = append(f.Items, web.Fact{Label: web.Say(r, "incident.desk.sitrep"), Cell: web.Cell{Text: web.Say(r, "incident.desk.sitrep.version", "Version", sitreps[0].Version), URL: u + "/sitreps/" + number(sitreps[0].Version)}})
	}
	if len(f.Items) > 0 {
		x.Facts = []web.Facts{f}
	}
	return x, err
}

var errNoSuch = fault.New(fault.NotFound, "incident.none", nil)
