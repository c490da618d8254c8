package incidentweb

import (
	"net/http"
	"strings"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/regime"
)

// orgOptions are the organisations that take part, as options.
func (p *Pages) orgOptions(r *http.Request, i *incident.Incident, chosen int64) ([]web.Option, error) {
	m, err := p.in.Participants(r.Context(), p.in.Acts.Reader(), i.ID, false)
	var out []web.Option
	seen := map[int64]bool{}
	for _, one := range m {
		if !seen[one.Org] {
			seen[one.Org] = true
			out = append(out, web.Option{Value: number(one.Org), Label: p.orgName(one.Org), Selected: one.Org == chosen})
		}
	}
	return out, err
}

func (p *Pages) newDuty(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showDuty(w, r, &i, nil)
}

// showDuty asks which regime applies to whom, and how its periods are counted.
func (p *Pages) showDuty(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	q := r.URL.Query()
	orgs, err := p.orgOptions(r, i, positive(q.Get("organisation")))
	if err != nil {
		return err
	}
	law := p.regimeOptions(r)
	entities := []web.Option{{Label: web.Say(r, "incident.desk.duty.entity.none")}}
	for k := range law {
		law[k].Selected = law[k].Value == q.Get("regime")
	}
	for _, l := range p.in.Laws() {
		for _, e := range l.Regime.Entities() {
			entities = append(entities, web.Option{Value: e, Label: l.Regime.ID + ": " + e})
		}
	}
	places := []web.Option{{Label: web.Say(r, "incident.desk.duty.calendar.country")}}
	for _, c := range p.in.Calendars() {
		places = append(places, web.Option{Value: c, Label: c})
	}
	none := web.Option{Value: "0", Label: web.Say(r, "incident.desk.duty.authority.none")}
	u := incidentURL(p.in.Number(i.ID)) + "/clocks"
	f := web.Form{Action: u + "/begin", Cancel: u, Submit: web.Say(r, "incident.desk.duty.begin"), Fields: []web.Field{
		{Name: "organisation", Type: "select", Label: web.Say(r, "incident.desk.column.organisation"), Required: true, Options: orgs},
		{Name: "regime", Type: "select", Label: web.Say(r, "incident.desk.clocks.regime"), Required: true, Options: law, Why: web.Say(r, "incident.desk.duty.regime.why")},
		{Name: "entity", Type: "select", Label: web.Say(r, "incident.desk.duty.entity"), Options: entities},
		{Name: "authority", Type: "select", Label: web.Say(r, "incident.desk.duty.authority"), Options: append([]web.Option{none}, orgs...), Why: web.Say(r, "incident.desk.duty.authority.why")},
		{Name: "zone", Type: "text", Label: web.Say(r, "incident.desk.duty.zone"), Why: web.Say(r, "incident.desk.duty.zone.why"), Example: "Europe/Madrid", Autocomplete: "off"},
		{Name: "calendar", Type: "select", Label: web.Say(r, "incident.desk.duty.calendar"), Options: places},
		{Name: "why", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason")},
	}}
	for k := range f.Fields[3].Options {
		f.Fields[3].Options[k].Selected = false
	}
	return p.showForm(w, r, http.StatusOK, p.about(r, i, web.Say(r, "incident.desk.duty.begin")), f, problem)
}

func (p *Pages) beginDuty(w http.ResponseWriter, r *http.Request) error {
	return p.post(w, r, "incident.desk.duty.begun", "/clocks", func(i *incident.Incident) error {
		f := r.PostForm
		_, err := p.in.BeginDuty(r.Context(), actor(r), i.ID, incident.NewDuty{
			Org: positive(f.Get("organisation")), Regime: f.Get("regime"), Entity: f.Get("entity"), Authority: positive(f.Get("authority")),
			Zone: strings.TrimSpace(f.Get("zone")), Calendar: f.Get("calendar"), Why: f.Get("why"),
		})
		return err
	}, func(i *incident.Incident, problem error) error { return p.showDuty(w, r, i, problem) })
}

// dutyAt is the duty that the address names, and its incident.
func (p *Pages) dutyAt(r *http.Request) (d incident.Duty, i incident.Incident, err error) {
	id, err := pathID(r, "duty")
	if err != nil {
		return d, i, err
	}
	if d, err = p.in.Duty(r.Context(), p.in.Acts.Reader(), viewer(r), id); err != nil {
		return d, i, err
	}
	i, err = p.in.Incident(r.Context(), p.in.Acts.Reader(), viewer(r), d.Incident)
	return d, i, err
}

func (p *Pages) confirmEndDuty(w http.ResponseWriter, r *http.Request) error {
	d, i, err := p.dutyAt(r)
	if err != nil {
		return err
	}
	return p.showEndDuty(w, r, &d, &i, nil)
}

func (p *Pages) showEndDuty(w http.ResponseWriter, r *http.Request, d *incident.Duty, i *incident.Incident, problem error) error {
	title := web.Say(r, "incident.desk.duty.end")
	return p.confirmPage(w, r, p.about(r, i, title), web.Confirm{
		Title: title, Text: p.orgName(d.Org) + " · " + d.Regime, NoEffect: web.Say(r, "incident.desk.duty.end.effect"), NeedReason: true, Verb: title, Tone: "danger",
		Action: "/incident/duties/" + number(d.ID) + "/end", Cancel: incidentURL(p.in.Number(i.ID)) + "/clocks",
	}, problem)
}

func (p *Pages) endDuty(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	d, i, err := p.dutyAt(r)
	if err != nil {
		return err
	}
	err = p.in.EndDuty(r.Context(), actor(r), d.ID, r.PostForm.Get("reason"))
	if correctable(err) {
		return p.showEndDuty(w, r, &d, &i, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID))+"/clocks", web.Flash{Key: "incident.desk.clock.done"})
	return nil
}

// anchorData is the dot of the form that records a time, with what would move.
type anchorData struct {
	Form   web.Form
	Looked bool
	Moves  web.List
}

func (p *Pages) newAnchor(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showAnchor(w, r, &i, nil, nil, false)
}

// standing is the anchor that a form would correct.
func (p *Pages) standing(r *http.Request, i *incident.Incident, org int64, law string, event regime.Event) (found incident.Anchor, err error) {
	all, err := p.in.Anchors(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID, org)
	for _, a := range all {
		if a.ReplacedAt.IsZero() && a.Event == event && a.Regime == law {
			found = a
		}
	}
	return found, err
}

// showAnchor asks for a time; looked shows which clocks it would move.
func (p *Pages) showAnchor(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error, moves []incident.Move, looked bool) error {
	get := func(name string) string {
		if r.Method == http.MethodPost {
			return r.PostForm.Get(name)
		}
		return r.URL.Query().Get(name)
	}
	org, law, event := positive(get("organisation")), get("regime"), regime.Event(get("event"))
	old, err := p.standing(r, i, org, law, event)
	if err != nil {
		return err
	}
	orgs, err := p.orgOptions(r, i, org)
	if err != nil {
		return err
	}
	title := web.Say(r, "incident.desk.anchor.set")
	u := incidentURL(p.in.Number(i.ID)) + "/clocks"
	data := anchorData{Looked: looked, Form: web.Form{Action: u + "/anchor", Cancel: u, Submit: web.Say(r, "incident.desk.save"), Hidden: []web.Hidden{{Name: "seen", Value: number(old.ID)}}}}
	at := web.Field{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Value: formTime(r, old.At), Required: old.ID == 0, Autofocus: true, Why: web.Say(r, "incident.desk.anchor.at.why")}
	data.Form.Fields = []web.Field{
		{Name: "organisation", Type: "select", Label: web.Say(r, "incident.desk.column.organisation"), Required: true, Options: orgs, Why: web.Say(r, "incident.desk.anchor.org.why")},
		{Name: "event", Type: "select", Label: web.Say(r, "incident.desk.anchor.event"), Required: true, Options: p.eventOptions(r, event)},
		{Name: "regime", Type: "select", Label: web.Say(r, "incident.desk.clocks.regime"), Options: append([]web.Option{{Label: web.Say(r, "incident.desk.anchor.every")}}, p.regimeOptions(r)...), Why: web.Say(r, "incident.desk.anchor.regime.why")},
		at,
		{Name: "reason", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.reason"), Required: old.ID != 0, Why: web.Say(r, "incident.desk.anchor.reason.why")},
	}
	for k := range data.Form.Fields[2].Options {
		data.Form.Fields[2].Options[k].Selected = data.Form.Fields[2].Options[k].Value == law
	}
	page, status := p.about(r, i, title), http.StatusOK
	if old.ID != 0 {
		page.Lead = web.Say(r, "incident.desk.anchor.stands", "At", web.PrinterOf(r.Context()).Time(old.At))
	}
	if r.Method == http.MethodPost {
		data.Form.Fill(r.PostForm.Get)
	}
	if problem != nil {
		status = statusOf(problem)
		fail(r, &page, problem, &data.Form)
	}
	data.Moves = p.moveList(r, moves)
	page.Data = data
	return p.site.Page(w, r, status, "incident/anchor", page)
}

func (p *Pages) eventOptions(r *http.Request, chosen regime.Event) (out []web.Option) {
	for _, e := range incident.Events() {
		out = append(out, web.Option{Value: string(e), Label: web.Say(r, "incident.desk.event."+string(e)), Selected: e == chosen})
	}
	for _, l := range p.in.Laws() {
		for _, s := range l.Regime.Stages {
			seen := false
			for _, o := range out {
				seen = seen || o.Value == s.ID
			}
			if !seen {
				out = append(out, web.Option{Value: s.ID, Label: web.Say(r, "incident.desk.event.stage", "Stage", s.Title.In(lang(r))), Selected: s.ID == string(chosen)})
			}
		}
	}
	return out
}

// moveList says which clocks move, from when to when.
func (p *Pages) moveList(r *http.Request, moves []incident.Move) web.List {
	list := web.List{
		ID: "moves", Caption: web.Say(r, "incident.desk.anchor.moves"), Total: web.Total{N: int64(len(moves))},
		Columns: web.Columns(r, "incident.desk.clocks.stage", "incident.desk.anchor.before", "incident.desk.anchor.after"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.anchor.nothing"), Why: web.Say(r, "incident.desk.anchor.nothing.why")},
	}
	side := func(c *incident.Clock) web.Cell {
		cell := p.when(r, c, c.End())
		cell.Sub = p.clockBadge(r, c).Word
		return cell
	}
	for k := range moves {
		m := &moves[k]
		list.Rows = append(list.Rows, web.Row{Name: m.After.Stage, Cells: []web.Cell{
			{Text: p.stageTitle(r, &m.After), URL: ClockURL(m.After.ID), Sub: m.After.Regime}, side(&m.Before), side(&m.After),
		}})
	}
	return list
}

// setAnchor keeps a time, or shows which clocks it would move.
func (p *Pages) setAnchor(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	f := r.PostForm
	n := incident.NewAnchor{
		Org: positive(f.Get("organisation")), Regime: f.Get("regime"), Event: regime.Event(f.Get("event")), Reason: f.Get("reason"), Seen: positive(f.Get("seen")),
	}
	n.At, err = timeOf(r, "at")
	if err == nil && f.Get("do") == "look" {
		// What was typed may name another anchor than the one that the form began with.
		old, err := p.standing(r, &i, n.Org, n.Regime, n.Event)
		if err != nil {
			return err
		}
		n.Seen = old.ID
		moves, err := p.in.PreviewAnchor(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID, n)
		if correctable(err) {
			return p.showAnchor(w, r, &i, err, nil, false)
		}
		if err != nil {
			return err
		}
		return p.showAnchor(w, r, &i, nil, moves, true)
	}
	if err == nil {
		_, err = p.in.SetAnchor(r.Context(), actor(r), i.ID, n)
	}
	if correctable(err) {
		return p.showAnchor(w, r, &i, err, nil, false)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, incidentURL(p.in.Number(i.ID))+"/clocks", web.Flash{Key: "incident.desk.anchor.kept"})
	return nil
}
