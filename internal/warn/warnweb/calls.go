package warnweb

import (
	"net/http"
	"strings"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/warn"
)

// callsPage is the dot of the call list.
type callsPage struct {
	Filters *web.Filters
	Cards   []callCard
	Empty   web.Empty
}

// callCard is an organisation to be called.
type callCard struct {
	ID, Version         int64
	Name, URL           string
	Warning, WarningURL string
	Badges              []web.Badge
	Since               time.Time
	Contacts            []constituency.Contact
	Tries               []tryLine
	Action, Back        string
	Open, MoreOpen      bool // the form was sent and refused
	Spoke, Note         string
	SpokeFault          string
	NoteFault           string
	Outcomes            []web.Option
	Fields              []web.Field // more questions; none: the viewer enters nothing
}

// tryLine is one call and what it came to.
type tryLine struct {
	At    time.Time
	Badge web.Badge
	Words string
}

func (p *Pages) calls(w http.ResponseWriter, r *http.Request) error {
	return p.showCalls(w, r, http.StatusOK, 0, nil)
}

// showCalls lists whom to call; a refused entry opens its form again with what was
// typed.
func (p *Pages) showCalls(w http.ResponseWriter, r *http.Request, status int, failed int64, problem error) error {
	q, db := r.URL.Query(), p.warn.Acts.Reader()
	var of warn.Warning
	var err error
	if n := q.Get("warning"); n != "" {
		if of, err = p.warn.WarningNumbered(r.Context(), db, n); err != nil {
			return err
		}
	}
	all, err := p.warn.Calls(r.Context(), db, of.ID, q.Get("state") != "all")
	if err != nil {
		return err
	}
	page := web.Page{
		Title: web.Say(r, "warn.calls"), Room: "warn", Lead: web.Say(r, "warn.calls.lead"), Marking: unmarked(), Topics: topics(),
		Crumbs: []web.Link{{Label: web.Say(r, "warn.warnings"), URL: "/warn/warnings"}},
	}
	if of.ID != 0 {
		page.Crumbs = append(page.Crumbs, p.crumb(&of))
		page.Exercise = of.Exercise
	}
	data := callsPage{
		Filters: web.Sift(r, web.Field{Name: "state", Type: "select", Label: web.Say(r, "warn.column.state"), Options: []web.Option{
			{Label: web.Say(r, "warn.call.open")}, {Value: "all", Label: web.Say(r, "warn.any")},
		}}),
		Empty: web.Empty{Title: web.Say(r, "warn.calls.none"), Why: web.Say(r, "warn.calls.none.why")},
	}
	titles := map[int64]warn.Warning{of.ID: of}
	for i := range all {
		card, err := p.callCard(r, &all[i], titles)
		if err != nil {
			return err
		}
		data.Cards = append(data.Cards, card)
	}
	if problem != nil {
		fail(r, &page, problem)
		for i := range data.Cards {
			if data.Cards[i].ID == failed {
				data.Cards[i].refused(r, page.Faults)
			}
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "warn/calls", page)
}

// refused puts what was typed back, and what is wrong with it.
func (c *callCard) refused(r *http.Request, faults []web.FieldFault) {
	c.Open, c.Spoke, c.Note = true, r.PostForm.Get("spoke"), r.PostForm.Get("note")
	f := web.Form{Fields: c.Fields}
	f.Fill(r.PostForm.Get)
	f.Fail(faults)
	for _, one := range faults {
		switch one.Field {
		case "spoke", "by":
			c.SpokeFault = one.Text
		case "note", "reason":
			c.NoteFault = one.Text
		default:
			c.MoreOpen = true
		}
	}
}

func (p *Pages) callCard(r *http.Request, one *warn.Call, known map[int64]warn.Warning) (c callCard, err error) {
	db := p.warn.Acts.Reader()
	v, ok := known[one.Warning]
	if !ok {
		if v, err = p.warn.Warning(r.Context(), db, one.Warning); err != nil {
			return c, err
		}
		known[one.Warning] = v
	}
	t, _ := v.Text(web.PrinterOf(r.Context()).Lang())
	c = callCard{
		ID: one.ID, Version: one.Version, Name: p.orgName(one.Org), URL: orgURL(one.Org), Since: one.OpenedAt, Back: r.URL.RequestURI(),
		Warning: p.warn.WarningNumber(v.ID) + " " + t.Title, WarningURL: warningURL(p.warn.WarningNumber(v.ID)),
		Badges: []web.Badge{severityBadge(r, v.Severity), callBadge(r, one.State)}, Action: "/warn/calls/" + number(one.ID),
	}
	if c.Contacts, err = p.warn.ContactsOf(r.Context(), db, one.Org); err != nil {
		return c, err
	}
	for _, t := range one.Tries {
		words := []string{t.Spoke, t.Note, t.Phone, p.who(r, t.By)}
		c.Tries = append(c.Tries, tryLine{At: t.At, Badge: outcomeBadge(r, t.Outcome), Words: joinWords(words)})
	}
	if one.State != warn.CallOpen || !can(r, noteCall) {
		return c, nil
	}
	if r.Method == http.MethodPost {
		c.Back = "/warn/calls"
		if mayBack(r.PostForm.Get("back")) {
			c.Back = r.PostForm.Get("back")
		}
	}
	for _, o := range warn.CallOutcomes() {
		c.Outcomes = append(c.Outcomes, web.Option{Value: o, Label: web.Say(r, "warn.outcome."+o), Selected: o == "reached"})
	}
	c.Fields = p.callFields(r, &c)
	return c, nil
}

func joinWords(list []string) string {
	var some []string
	for _, s := range list {
		if s != "" {
			some = append(some, s)
		}
	}
	return strings.Join(some, " · ")
}

// callFields are the questions that have an answer already: now, the first number, and
// that they have taken the warning. Their names carry the call, so that ids differ.
func (p *Pages) callFields(r *http.Request, c *callCard) []web.Field {
	name := func(s string) string { return s + "-" + number(c.ID) }
	phone := web.Field{Name: name("phone"), Type: "select", Label: web.Say(r, "warn.call.phone")}
	for _, k := range c.Contacts {
		if k.Phone != "" {
			phone.Options = append(phone.Options, web.Option{Value: k.Phone, Label: k.Phone + " · " + k.Name})
		}
	}
	phone.Options = append(phone.Options, web.Option{Label: web.Say(r, "warn.call.phone.other")})
	what := web.Field{Name: name("what"), Type: "select", Label: web.Say(r, "warn.answer.says")}
	for _, one := range warn.Whats() {
		what.Options = append(what.Options, web.Option{Value: string(one), Label: web.Say(r, "warn.what."+string(one))})
	}
	return []web.Field{what, phone, {
		Name: name("at"), Type: "datetime-local", Label: web.Say(r, "warn.answer.at"), Why: web.Say(r, "warn.answer.at.why"),
	}}
}

func callBadge(r *http.Request, s warn.CallState) web.Badge {
	b := web.Badge{Tone: "open", Icon: "phone", Word: web.Say(r, "warn.callstate."+string(s))}
	switch s {
	case warn.CallReached:
		b.Tone = "ok"
	case warn.CallGivenUp:
		b.Tone = "muted"
	}
	return b
}

func outcomeBadge(r *http.Request, outcome string) web.Badge {
	b := web.Badge{Tone: "medium", Icon: "phone", Word: web.Say(r, "warn.outcome.was."+outcome)}
	if outcome == "reached" {
		b.Tone = "ok"
	}
	return b
}

func (p *Pages) noteCall(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "call", "warn.call.none")
	if err != nil {
		return err
	}
	f, suffix := r.PostForm, "-"+number(id)
	at, err := timeOf(r, "at"+suffix)
	if err == nil {
		err = p.warn.NoteCall(r.Context(), actor(r), id, positive(f.Get("version")), warn.CallTry{
			At: at, Outcome: f.Get("outcome"), Spoke: f.Get("spoke"), Phone: f.Get("phone" + suffix), Note: f.Get("note"),
		}, warn.What(f.Get("what"+suffix)))
	}
	if fault.CodeOf(err) == fault.Invalid {
		return p.showCalls(w, r, statusOf(err), id, err)
	}
	if err != nil {
		return err
	}
	back := "/warn/calls"
	if mayBack(f.Get("back")) {
		back = f.Get("back")
	}
	p.site.Redirect(w, r, back, web.Flash{Key: "warn.call.done"})
	return nil
}
