package incidentweb

import (
	"net/http"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/regime"
)

// clockVerb is something that can be done to a clock: its form and the verb behind it.
type clockVerb struct {
	name       string // in address and catalogue
	permission string
	reason     bool   // asks why
	time       string // name of the field for a time, empty for none
	icon       string
	fits       func(*incident.Clock, regime.Stage) bool
	do         func(r *http.Request, c *incident.Clock, version int64, at time.Time, reason string) error
}

// clockVerbs are what can be done to a clock.
func (p *Pages) clockVerbs() []clockVerb {
	live := func(c *incident.Clock) bool {
		return c.State == incident.ClockRunning || c.State == incident.ClockWaiting
	}
	return []clockVerb{
		{
			"meet", "incident.meet_clock", false, "at", "check",
			func(c *incident.Clock, _ regime.Stage) bool { return live(c) || c.State == incident.ClockPaused },
			func(r *http.Request, c *incident.Clock, _ int64, at time.Time, _ string) error {
				_, err := p.in.MeetClock(r.Context(), actor(r), c.ID, at, positive(r.PostForm.Get("entry")), "", 0)
				return err
			},
		},
		{
			"amend", "incident.amend_clock", true, "end", "edit", func(c *incident.Clock, _ regime.Stage) bool { return live(c) },
			func(r *http.Request, c *incident.Clock, version int64, at time.Time, reason string) error {
				return p.in.AmendClock(r.Context(), actor(r), c.ID, version, at, reason)
			},
		},
		{
			"pause", "incident.pause_clock", true, "from", "clock",
			func(c *incident.Clock, s regime.Stage) bool {
				return c.State == incident.ClockRunning && s.Pause != regime.PauseNone
			},
			func(r *http.Request, c *incident.Clock, version int64, at time.Time, reason string) error {
				return p.in.PauseClock(r.Context(), actor(r), c.ID, version, at, reason)
			},
		},
		{
			"resume", "incident.resume_clock", false, "to", "clock", func(c *incident.Clock, _ regime.Stage) bool { return c.State == incident.ClockPaused },
			func(r *http.Request, c *incident.Clock, version int64, at time.Time, _ string) error {
				return p.in.ResumeClock(r.Context(), actor(r), c.ID, version, at)
			},
		},
		{
			"void", "incident.void_clock", true, "", "cross", func(c *incident.Clock, _ regime.Stage) bool { return live(c) },
			func(r *http.Request, c *incident.Clock, version int64, _ time.Time, reason string) error {
				if text.Blank(reason) {
					return fault.OnField("reason", "incident.text.empty", nil)
				}
				return p.in.VoidClock(r.Context(), actor(r), c.ID, version, reason)
			},
		},
		{
			"unvoid", "incident.void_clock", false, "", "refresh",
			func(c *incident.Clock, _ regime.Stage) bool {
				return c.State == incident.ClockVoid && !c.VoidedAt.IsZero()
			},
			func(r *http.Request, c *incident.Clock, version int64, _ time.Time, _ string) error {
				return p.in.VoidClock(r.Context(), actor(r), c.ID, version, "")
			},
		},
	}
}

// clockAt is the clock that the address names, and its incident.
func (p *Pages) clockAt(r *http.Request) (c incident.Clock, i incident.Incident, err error) {
	id, err := pathID(r, "clock")
	if err != nil {
		return c, i, err
	}
	if c, err = p.in.Clock(r.Context(), p.in.Acts.Reader(), viewer(r), id); err != nil {
		return c, i, err
	}
	i, err = p.in.Incident(r.Context(), p.in.Acts.Reader(), viewer(r), c.Incident)
	return c, i, err
}

// aboutClock is the page of something about a clock.
func (p *Pages) aboutClock(r *http.Request, c *incident.Clock, i *incident.Incident, title string) web.Page {
	page := p.about(r, i, title)
	page.Crumbs = append(page.Crumbs, web.Link{Label: web.Say(r, "incident.desk.clocks"), URL: incidentURL(p.in.Number(i.ID)) + "/clocks"})
	page.Badges = []web.Badge{p.clockBadge(r, c)}
	return page
}

// clockData is the dot of a clock's page.
type clockData struct {
	Why     incident.Explained
	Foreign bool // it is explained in English alone
	Note    string
	Facts   web.Facts
	Filings web.List
	Set     *web.List // deadlines that were set
}

func (p *Pages) clockPage(w http.ResponseWriter, r *http.Request) error {
	c, i, err := p.clockAt(r)
	if err != nil {
		return err
	}
	l, s, err := p.in.StageOf(&c)
	if err != nil {
		return err
	}
	page := p.aboutClock(r, &c, &i, s.Title.In(lang(r))+" · "+p.orgName(c.Party))
	page.Topics = []string{incident.Topic(i.ID)}
	for _, v := range p.clockVerbs() {
		if can(r, v.permission) && v.fits(&c, s) {
			page.Actions = append(page.Actions, web.Action{Label: web.Say(r, "incident.desk.clock."+v.name), URL: ClockURL(c.ID) + "/" + v.name, Icon: v.icon})
		}
	}
	if len(s.Fields) > 0 && can(r, beginFiling) && c.State != incident.ClockVoid {
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.filing.begin"), URL: ClockURL(c.ID) + "/filing", Post: true, Icon: "file", Tone: "primary"}
	}
	data := clockData{Facts: p.clockFacts(r, &c, &l, s)}
	if data.Why, err = p.in.Explain(r.Context(), p.in.Acts.Reader(), web.PrinterOf(r.Context()), &c); err != nil {
		return err
	}
	data.Foreign = data.Why.Language != lang(r)
	if data.Filings, err = p.filingList(r, &c); err != nil {
		return err
	}
	if data.Set, err = p.amendmentList(r, &c); err != nil {
		return err
	}
	page.Data = data
	return p.site.Page(w, r, http.StatusOK, "incident/clock", page)
}

func (p *Pages) amendmentList(r *http.Request, c *incident.Clock) (*web.List, error) {
	all, err := p.in.Amendments(r.Context(), p.in.Acts.Reader(), c.ID)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	list := &web.List{
		ID: "amendments", Caption: web.Say(r, "incident.desk.clock.amendments"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.clock.end", "incident.desk.reason", "incident.desk.recorded"),
	}
	for _, a := range all {
		list.Rows = append(list.Rows, web.Row{Cells: []web.Cell{web.Exactly(a.End), web.Text(a.Why), {At: a.At, Sub: p.who(r, a.By)}}})
	}
	return list, nil
}

// clockFacts are what is known of a clock: both ends, from when, by which law.
func (p *Pages) clockFacts(r *http.Request, c *incident.Clock, l *incident.Law, s regime.Stage) web.Facts {
	f := web.Facts{Title: web.Say(r, "incident.desk.facts")}
	add := func(key string, cell web.Cell) {
		f.Items = append(f.Items, web.Fact{Label: web.Say(r, key), Cell: cell})
	}
	add("incident.desk.clocks.owed_by", p.party(r, c.OwedBy, c.OwedByOrg))
	add("incident.desk.clocks.owed_to", p.party(r, c.OwedTo, c.OwedToOrg))
	add("incident.desk.clocks.strict", p.when(r, c, c.Strict))
	add("incident.desk.clocks.lawful", p.when(r, c, c.Lawful))
	if !c.Amended.IsZero() {
		add("incident.desk.clock.end", p.when(r, c, c.Amended))
	}
	if !c.Anchor.IsZero() {
		add("incident.desk.clocks.from", web.Cell{At: c.Anchor, Sub: p.eventName(r, c.From)})
	} else {
		add("incident.desk.clocks.from", web.Text(p.eventName(r, s.From)))
	}
	if !c.MetAt.IsZero() {
		add("incident.desk.clocks.state.met", web.Exactly(c.MetAt))
	}
	if !c.VoidedAt.IsZero() {
		add("incident.desk.clocks.state.void", web.Cell{At: c.VoidedAt, Sub: c.VoidWhy})
	}
	law := web.Cell{Text: l.Regime.ID + " · " + l.Regime.Version, URL: regimeURL(l.Key()), Sub: p.confirmed(r, l)}
	add("incident.desk.clocks.regime", law)
	add("incident.desk.regimes.citation", web.Text(c.Citation))
	add("incident.desk.clocks.when", web.Text(web.Say(r, "incident.desk.clocks.when."+string(s.When))))
	return f
}

// askClock shows the form of a verb on a clock.
func (p *Pages) askClock(v clockVerb) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, i, err := p.clockAt(r)
		if err != nil {
			return err
		}
		return p.showClockVerb(w, r, &v, &c, &i, nil)
	}
}

func (p *Pages) showClockVerb(w http.ResponseWriter, r *http.Request, v *clockVerb, c *incident.Clock, i *incident.Incident, problem error) error {
	title := web.Say(r, "incident.desk.clock."+v.name)
	k := web.Confirm{
		Title: title, Text: p.stageTitle(r, c) + " · " + p.orgName(c.Party), NoEffect: web.Say(r, "incident.desk.clock."+v.name+".effect"),
		Action: ClockURL(c.ID) + "/" + v.name, Verb: title, Cancel: ClockURL(c.ID), NeedReason: v.reason, Hidden: []web.Hidden{{Name: "version", Value: number(c.Version)}},
	}
	if v.time != "" {
		k.Fields = []web.Field{{
			Name: v.time, Type: "datetime-local", Label: web.Say(r, "incident.desk.clock."+v.time), Why: web.Say(r, "incident.desk.clock."+v.time+".why"), Required: v.time == "end",
			Value: formTime(r, p.in.Acts.Clock().Now()),
		}}
	}
	if v.name == "meet" {
		k.Fields = append(k.Fields, p.entryField(r, i))
	}
	return p.confirmPage(w, r, p.aboutClock(r, c, i, title), k, problem)
}

// entryField asks which entry shows that something was done.
func (p *Pages) entryField(r *http.Request, i *incident.Incident) web.Field {
	f := web.Field{Name: "entry", Type: "select", Label: web.Say(r, "incident.desk.clock.entry"), Why: web.Say(r, "incident.desk.clock.entry.why"), Options: []web.Option{{Label: "–"}}}
	all, err := p.in.Story(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil {
		return f // the field may stay empty
	}
	for k := len(all) - 1; k >= 0 && len(f.Options) < 50; k-- {
		if e := &all[k]; e.RetractedAt.IsZero() {
			f.Options = append(f.Options, web.Option{Value: number(e.ID), Label: web.PrinterOf(r.Context()).Time(e.At) + " · " + clip(e.Text, 60)})
		}
	}
	return f
}

// doClock does a verb on a clock.
func (p *Pages) doClock(v clockVerb) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := web.Parse(r); err != nil {
			return err
		}
		c, i, err := p.clockAt(r)
		if err != nil {
			return err
		}
		at := time.Time{}
		if v.time != "" {
			at, err = timeOf(r, v.time)
		}
		if err == nil {
			err = v.do(r, &c, positive(r.PostForm.Get("version")), at, r.PostForm.Get("reason"))
		}
		if correctable(err) {
			return p.showClockVerb(w, r, &v, &c, &i, err)
		}
		if err != nil {
			return err
		}
		p.site.Redirect(w, r, ClockURL(c.ID), web.Flash{Key: "incident.desk.clock.done"})
		return nil
	}
}
