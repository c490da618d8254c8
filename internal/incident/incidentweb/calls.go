package incidentweb

import (
	"context"
	"net/http"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
)

// callsData is the dot of the list of calls about what is owed.
type callsData struct {
	Filters *web.Filters
	Cards   []callCard
	Empty   web.Empty
}

// callCard is somebody to be called about a clock, a question or a task.
type callCard struct {
	ID       int64
	Name     string
	URL      string
	What     web.Link
	Badge    web.Badge
	Exercise bool
	Call     incident.OwedCall
	Contacts []constituency.Contact
	Tries    []callTry
	Form     *web.Form
}

type callTry struct {
	warn.CallTry
	Word string
	Who  string
}

func (p *Pages) calls(w http.ResponseWriter, r *http.Request) error {
	return p.showCalls(w, r, 0, nil)
}

func (p *Pages) showCalls(w http.ResponseWriter, r *http.Request, failed int64, problem error) error {
	if !viewer(r).Desk() {
		return fault.New(fault.NotFound, "incident.clocks.none", nil)
	}
	all, err := p.in.Calls(r.Context(), p.in.Acts.Reader(), viewer(r), r.URL.Query().Get("state") != "all")
	if err != nil {
		return err
	}
	page, status := web.Page{
		Title: web.Say(r, "incident.desk.calls"), Room: "incident", Lead: web.Say(r, "incident.desk.calls.lead"), Topics: []string{"incident"},
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}, {Label: web.Say(r, "incident.desk.clocks"), URL: ClocksURL}},
	}, http.StatusOK
	data := callsData{
		Filters: web.Sift(r, web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{
			{Label: web.Say(r, "incident.desk.call.open")}, {Value: "all", Label: web.Say(r, "incident.desk.any")},
		}}),
		Empty: web.Empty{Title: web.Say(r, "incident.desk.calls.none"), Why: web.Say(r, "incident.desk.calls.none.why")},
	}
	for k := range all {
		card, err := p.callCard(r, &all[k])
		if err != nil {
			return err
		}
		if problem != nil && card.ID == failed && card.Form != nil {
			status = statusOf(problem)
			card.Form.Fill(r.PostForm.Get)
			fail(r, &page, problem, card.Form)
		} else if k > 0 || problem != nil {
			card.Form = nil // one form a page: the next one comes when this one is settled
		}
		data.Cards = append(data.Cards, card)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/calls", page)
}

func (p *Pages) callCard(r *http.Request, one *incident.OwedCall) (c callCard, err error) {
	c = callCard{
		ID: one.ID, Name: p.orgName(one.Org), URL: orgURL(one.Org), Call: *one, Exercise: one.Exercise,
		Badge: web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.call."+string(one.State))},
	}
	if !one.Owed {
		c.Badge = web.Badge{Tone: "ok", Word: web.Say(r, "incident.desk.call.settled")}
	}
	if c.What, err = p.calledAbout(r, one); err != nil {
		return c, err
	}
	if c.Contacts, err = p.whomToCall(r.Context(), one.Org); err != nil {
		return c, err
	}
	for _, t := range one.Tries {
		c.Tries = append(c.Tries, callTry{t, web.Say(r, "incident.desk.outcome."+t.Outcome), p.who(r, t.By)})
	}
	if one.State != warn.CallOpen || !one.Owed || !can(r, noteCall) {
		return c, nil
	}
	outcome := web.Field{Name: "outcome", Type: "radio", Label: web.Say(r, "incident.desk.call.outcome"), Required: true}
	for _, o := range warn.CallOutcomes() {
		outcome.Options = append(outcome.Options, web.Option{Value: o, Label: web.Say(r, "incident.desk.outcome."+o), Selected: o == "reached"})
	}
	c.Form = &web.Form{Action: callsURL + "/" + number(one.ID), Submit: web.Say(r, "incident.desk.call.enter"), Hidden: []web.Hidden{{Name: "version", Value: number(one.Version)}}, Fields: []web.Field{
		{Name: "spoke", Type: "text", Label: web.Say(r, "incident.desk.call.spoke"), Autocomplete: "off", Autofocus: true}, outcome,
		{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
		{Name: "phone", Type: "text", Label: web.Say(r, "incident.desk.call.phone"), Autocomplete: "off"},
		{Name: "note", Type: "text", Label: web.Say(r, "incident.desk.call.note"), Autocomplete: "off"},
		{Name: "give-up", Type: "checkbox", Label: web.Say(r, "incident.desk.call.give_up")},
	}}
	return c, nil
}

// calledAbout is what is owed, with its number.
func (p *Pages) calledAbout(r *http.Request, one *incident.OwedCall) (l web.Link, err error) {
	at := " · " + p.in.Number(one.Incident)
	if one.Entry != 0 {
		return web.Link{Label: web.Say(r, "incident.desk.kind."+string(one.Kind)) + at, URL: "/incident/entries/" + number(one.Entry)}, nil
	}
	k, err := p.in.Clock(r.Context(), p.in.Acts.Reader(), viewer(r), one.Clock)
	return web.Link{Label: p.stageTitle(r, &k) + at, URL: ClockURL(k.ID)}, err
}

// whomToCall are the contacts of an organisation; of the desk, its own call list.
func (p *Pages) whomToCall(ctx context.Context, org int64) (out []constituency.Contact, err error) {
	db := p.in.Acts.Reader()
	if org != guard.OwnOrg {
		return p.in.Constituency.Contacts(ctx, db, org)
	}
	if p.in.OnCall == nil {
		return nil, nil
	}
	list, err := p.in.OnCall(ctx, db)
	for _, c := range list {
		out = append(out, constituency.Contact{Name: c.Name, Phone: c.Phone, Language: c.Language, Hours: c.Note})
	}
	return out, err
}

func (p *Pages) noteCall(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "call")
	if err != nil {
		return err
	}
	f := r.PostForm
	t := warn.CallTry{Outcome: f.Get("outcome"), Spoke: f.Get("spoke"), Phone: f.Get("phone"), Note: f.Get("note")}
	if t.At, err = timeOf(r, "at"); err == nil {
		err = p.in.NoteCall(r.Context(), actor(r), id, positive(f.Get("version")), t, f.Get("give-up") != "")
	}
	if correctable(err) {
		return p.showCalls(w, r, id, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, callsURL, web.Flash{Key: "incident.desk.call.entered"})
	return nil
}
