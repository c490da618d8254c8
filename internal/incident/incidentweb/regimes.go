package incidentweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

const (
	regimesURL   = "/incident/regimes"
	callsURL     = "/incident/calls"
	verifyRegime = "incident.verify_regime"
	judge        = "incident.judge"
	noteCall     = "incident.note_call"
)

func regimeURL(key string) string { return regimesURL + "/" + key }

// regimeRoutes are the pages of the laws, of significance under them, and of calls.
func (p *Pages) regimeRoutes() []web.Route {
	const of, one = "/incident/incidents/{number}/significance", "/incident/incidents/ALM-0000-0000/significance"
	return []web.Route{
		{Method: "GET", Pattern: regimesURL, Permission: read, Handler: p.regimes, Sample: "GET " + regimesURL},
		{Method: "GET", Pattern: regimesURL + "/{law}", Permission: read, Handler: p.regime, Sample: "GET " + regimesURL + "/0123456789abcdef"},
		{Method: "POST", Pattern: regimesURL + "/{law}", Permission: verifyRegime, Handler: p.verifyRegime, Sample: "POST " + regimesURL + "/0123456789abcdef how=a"},
		{Method: "GET", Pattern: of, Permission: read, Handler: p.significance, Sample: "GET " + one + "?organisation=2&regime=nis2"},
		{Method: "POST", Pattern: of, Permission: judge, Handler: p.judge, Sample: "POST " + one + " organisation=2&regime=nis2&verdict=not&reason=a"},
		{Method: "GET", Pattern: callsURL, Permission: read, Handler: p.calls, Sample: "GET " + callsURL + "?state=all"},
		{Method: "POST", Pattern: callsURL + "/{call}", Permission: noteCall, Handler: p.noteCall, Sample: "POST " + callsURL + "/1 outcome=busy&version=1"},
	}
}

// regimesData is the dot of the list of laws.
type regimesData struct {
	Troubles web.List
	List     web.List
	Places   string
}

func (p *Pages) regimes(w http.ResponseWriter, r *http.Request) error {
	data := regimesData{
		List: web.List{
			ID: "regimes", Caption: web.Say(r, "incident.desk.regimes"), Total: web.Total{Hide: true},
			Columns: web.Columns(r, "incident.desk.clocks.regime", "incident.desk.regimes.law", "incident.desk.regimes.force", "incident.desk.regimes.origin", "incident.desk.regimes.check"),
		},
		Troubles: web.List{
			ID: "troubles", Caption: web.Say(r, "incident.desk.regimes.troubles"), Total: web.Total{Hide: true},
			Columns: web.Columns(r, "incident.desk.regimes.file", "incident.desk.regimes.wrong"),
		},
		Places: strings.Join(p.in.Calendars(), " "),
	}
	for _, l := range p.in.Laws() {
		origin := "incident.desk.regimes.installation"
		if l.Shipped {
			origin = "incident.desk.regimes.shipped"
		}
		data.List.Rows = append(data.List.Rows, web.Row{URL: regimeURL(l.Key()), Name: l.Regime.ID, Cells: []web.Cell{
			{Text: l.Regime.ID, URL: regimeURL(l.Key()), Sub: l.Regime.Title.In(lang(r))}, {Text: l.Regime.Law, Sub: l.Regime.Citation},
			web.Text(web.Say(r, "incident.desk.regimes.force."+string(l.Regime.InForce))), {Text: web.Say(r, origin), Sub: l.Regime.Version}, web.Marked(p.lawBadge(r, &l)),
		}})
	}
	for _, t := range p.in.Troubles() {
		data.Troubles.Rows = append(data.Troubles.Rows, web.Row{Tone: "critical", Cells: []web.Cell{web.Code(t.Name), web.Text(t.Err.Error())}})
	}
	page := web.Page{
		Title: web.Say(r, "incident.desk.regimes"), Room: "incident", Lead: web.Say(r, "incident.desk.regimes.lead"), Data: data,
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}, {Label: web.Say(r, "incident.desk.clocks"), URL: ClocksURL}},
	}
	return p.site.Page(w, r, http.StatusOK, "incident/regimes", page)
}

func (p *Pages) lawBadge(r *http.Request, l *incident.Law) web.Badge {
	if l.Confirmed() {
		return web.Badge{Tone: "ok", Icon: "check", Word: p.confirmed(r, l)}
	}
	return web.Badge{Tone: "medium", Icon: "question", Word: p.confirmed(r, l)}
}

// regimeData is the dot of a law's page.
type regimeData struct {
	Stages   web.List
	Criteria web.List
	Facts    web.Facts
	Form     *web.Form
}

func (p *Pages) regime(w http.ResponseWriter, r *http.Request) error {
	return p.showRegime(w, r, nil)
}

func (p *Pages) showRegime(w http.ResponseWriter, r *http.Request, problem error) error {
	key := r.PathValue("law")
	l, err := p.in.Law(key)
	if err != nil {
		return err
	}
	page, status := web.Page{
		Title: l.Regime.Title.In(lang(r)), Room: "incident", Badges: []web.Badge{p.lawBadge(r, &l)},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}, {Label: web.Say(r, "incident.desk.regimes"), URL: regimesURL}},
	}, http.StatusOK
	data := regimeData{Stages: p.stageList(r, &l), Criteria: p.criterionList(r, &l), Facts: p.lawFacts(r, &l)}
	if !l.Confirmed() && can(r, verifyRegime) {
		data.Form = &web.Form{Action: regimeURL(key), Submit: web.Say(r, "incident.desk.regimes.verify"), Fields: []web.Field{
			{Name: "how", Type: "textarea", Rows: 3, Required: true, Label: web.Say(r, "incident.desk.regimes.how"), Why: web.Say(r, "incident.desk.regimes.how.why")},
		}}
		if problem != nil {
			status = statusOf(problem)
			data.Form.Fill(r.PostForm.Get)
			fail(r, &page, problem, data.Form)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/regime", page)
}

func (p *Pages) lawFacts(r *http.Request, l *incident.Law) web.Facts {
	f := web.Facts{Title: web.Say(r, "incident.desk.facts")}
	add := func(key string, c web.Cell) { f.Items = append(f.Items, web.Fact{Label: web.Say(r, key), Cell: c}) }
	add("incident.desk.regimes.law", web.Cell{Text: l.Regime.Law, Sub: l.Regime.Citation})
	add("incident.desk.regimes.force", web.Text(web.Say(r, "incident.desk.regimes.force."+string(l.Regime.InForce))))
	add("incident.desk.regimes.counting", web.Text(string(l.Regime.Counting)))
	add("incident.desk.regimes.source", web.Code(l.Regime.Source))
	add("incident.desk.regimes.file", web.Cell{Text: l.Name, Sub: l.Regime.Version, Mono: true})
	add("incident.desk.regimes.digest", web.Cell{Text: l.Digest, Mono: true, Copy: true})
	if !l.VerifiedAt.IsZero() {
		add("incident.desk.regimes.verified", web.Cell{At: l.VerifiedAt, Sub: p.who(r, l.VerifiedBy) + ": " + l.Verified})
	}
	return f
}

func (p *Pages) stageList(r *http.Request, l *incident.Law) web.List {
	list := web.List{
		ID: "stages", Caption: web.Say(r, "incident.desk.regimes.stages"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.clocks.stage", "incident.desk.regimes.period", "incident.desk.clocks.from", "incident.desk.clocks.owed_by", "incident.desk.clocks.owed_to", "incident.desk.regimes.citation"),
	}
	for _, s := range l.Regime.Stages {
		period := s.Period.String()
		if period == "" {
			period = web.Say(r, "incident.desk.clocks.no_period")
		}
		list.Rows = append(list.Rows, web.Row{Name: s.ID, Cells: []web.Cell{
			{Text: s.Title.In(lang(r)), Sub: web.Say(r, "incident.desk.clocks.when."+string(s.When))}, web.Text(period), web.Text(p.eventName(r, s.From)),
			p.party(r, s.OwedBy, 0), p.party(r, s.OwedTo, 0), {Text: s.Citation, Sub: s.Note},
		}})
	}
	return list
}

func (p *Pages) criterionList(r *http.Request, l *incident.Law) web.List {
	list := web.List{
		ID: "criteria", Caption: web.Say(r, "incident.desk.regimes.criteria"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.regimes.criterion", "incident.desk.regimes.citation"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.regimes.criteria.none"), Why: web.Say(r, "incident.desk.regimes.criteria.none.why")},
	}
	for _, k := range l.Regime.Criteria {
		list.Rows = append(list.Rows, web.Row{Name: k.ID, Cells: []web.Cell{web.Text(k.Label.In(lang(r))), web.Text(k.Citation)}})
	}
	return list
}

func (p *Pages) verifyRegime(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	key := r.PathValue("law")
	err := p.in.VerifyRegime(r.Context(), actor(r), key, r.PostForm.Get("how"))
	if correctable(err) {
		return p.showRegime(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, regimeURL(key), web.Flash{Key: "incident.desk.regimes.was_verified"})
	return nil
}

// significanceData is the dot of the page of judgements.
type significanceData struct {
	Choose web.Form
	Form   *web.Form
	Title  string
	List   web.List
}

func (p *Pages) significance(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showSignificance(w, r, &i, nil)
}

// showSignificance asks whether an incident falls under a regime: first for whom and
// under which, then the law's criteria and the reason.
func (p *Pages) showSignificance(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	value := r.FormValue
	org, law := positive(value("organisation")), value("regime")
	orgs, err := p.orgOptions(r, i, org)
	if err != nil {
		return err
	}
	laws := p.regimeOptions(r)
	for k := range laws {
		laws[k].Selected = laws[k].Value == law
	}
	u := incidentURL(p.in.Number(i.ID)) + "/significance"
	data := significanceData{Choose: web.Form{Action: u, Get: true, Submit: web.Say(r, "incident.desk.judge.choose"), Fields: []web.Field{
		{Name: "organisation", Type: "select", Label: web.Say(r, "incident.desk.column.organisation"), Options: orgs},
		{Name: "regime", Type: "select", Label: web.Say(r, "incident.desk.clocks.regime"), Options: laws},
	}}}
	all, err := p.in.Judgements(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return err
	}
	data.List = p.judgementList(r, all)
	page, status := p.about(r, i, web.Say(r, "incident.desk.significance")), http.StatusOK
	page.Topics = []string{incident.Topic(i.ID)}
	if org > 0 && law != "" && can(r, judge) {
		l, err := p.in.LawNamed(law)
		if err != nil {
			return err
		}
		data.Title, data.Form = p.orgName(org)+" · "+l.Regime.Title.In(lang(r)), p.judgeForm(r, u, org, &l, all)
		if problem != nil {
			status = statusOf(problem)
			data.Form.Fill(r.PostForm.Get)
			fail(r, &page, problem, data.Form)
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/significance", page)
}

func (p *Pages) judgementList(r *http.Request, all []incident.Judgement) web.List {
	list := web.List{
		ID: "judgements", Caption: web.Say(r, "incident.desk.judgements"), Total: web.Total{Hide: true}, Live: true,
		Columns: web.Columns(r, "incident.desk.column.organisation", "incident.desk.clocks.regime", "incident.desk.judge.verdict", "incident.desk.reason", "incident.desk.recorded"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.judgements.none"), Why: web.Say(r, "incident.desk.judgements.none.why")},
	}
	for k := len(all) - 1; k >= 0; k-- {
		j := &all[k]
		row := web.Row{Name: j.Regime, Cells: []web.Cell{
			web.Anchor(p.orgName(j.Org), orgURL(j.Org)), {Text: j.Regime}, web.Text(web.Say(r, "incident.desk.verdict."+string(j.Verdict))),
			{Text: clip(j.Reason, 200), URL: "/incident/entries/" + number(j.Entry)}, {At: j.At, Sub: p.who(r, j.By)},
		}}
		for _, later := range all[k+1:] {
			if later.Org == j.Org && later.Regime == j.Regime {
				row.Tone = "muted"
			}
		}
		list.Rows = append(list.Rows, row)
	}
	return list
}

// criterionPrefix keeps the law's names of criteria apart from the form's own.
const criterionPrefix = "criterion-"

func (p *Pages) judgeForm(r *http.Request, u string, org int64, l *incident.Law, all []incident.Judgement) *web.Form {
	var last incident.Judgement
	for _, j := range all {
		if j.Org == org && j.Regime == l.Regime.ID {
			last = j
		}
	}
	f := &web.Form{Action: u, Cancel: u, Submit: web.Say(r, "incident.desk.judge"), Hidden: []web.Hidden{
		{Name: "organisation", Value: number(org)}, {Name: "regime", Value: l.Regime.ID}, {Name: "seen", Value: number(last.ID)},
	}}
	for _, k := range l.Regime.Criteria {
		field := web.Field{Name: criterionPrefix + k.ID, Type: "select", Label: k.Label.In(lang(r)), Why: k.Citation}
		for _, v := range []string{"", "yes", "no"} {
			key := "incident.desk.filing.unknown"
			if v != "" {
				key = "incident.clocks.answer." + v
			}
			field.Options = append(field.Options, web.Option{Value: v, Label: web.Say(r, key), Selected: last.Answers[k.ID] == v})
		}
		f.Fields = append(f.Fields, field)
	}
	verdict := web.Field{Name: "verdict", Type: "radio", Label: web.Say(r, "incident.desk.judge.verdict"), Required: true}
	for _, v := range incident.Verdicts() {
		verdict.Options = append(verdict.Options, web.Option{Value: string(v), Label: web.Say(r, "incident.desk.verdict."+string(v)), Hint: web.Say(r, "incident.desk.verdict."+string(v)+".hint"), Selected: v == last.Verdict})
	}
	f.Fields = append(f.Fields, verdict,
		web.Field{Name: "reason", Type: "textarea", Rows: 4, Label: web.Say(r, "incident.desk.reason"), Value: last.Reason, Required: true, Why: web.Say(r, "incident.desk.judge.reason.why")},
		web.Field{Name: "show", Type: "checkbox", Label: web.Say(r, "incident.desk.judge.show", "Name", p.orgName(org)), Why: web.Say(r, "incident.desk.judge.show.why")})
	return f
}

func (p *Pages) judge(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.judged", "/significance", func(i *incident.Incident) error {
		f := r.PostForm
		n := incident.NewJudgement{
			Org: positive(f.Get("organisation")), Regime: f.Get("regime"), Verdict: incident.Verdict(f.Get("verdict")), Reason: f.Get("reason"), Show: f.Get("show") != "",
			Seen: positive(f.Get("seen")), Answers: map[string]string{},
		}
		for name := range f {
			if id, ok := strings.CutPrefix(name, criterionPrefix); ok && f.Get(name) != "" {
				n.Answers[id] = f.Get(name)
			}
		}
		_, err := p.in.Judge(r.Context(), actor(r), i.ID, n)
		return err
	}, func(i *incident.Incident, problem error) error { return p.showSignificance(w, r, i, problem) })
}
