package incidentweb

import (
	"net/http"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// milestoneCard is one milestone of the plan.
type milestoneCard struct {
	N       string // as on the picture
	Title   string
	URL     string
	Of      string // the service, or the whole incident
	Owner   string
	Badge   web.Badge
	Due     time.Time
	Reached time.Time
	By      string
	Result  string
	Moves   []moveCard
	Folds   []*fold
}

type moveCard struct {
	Was, At time.Time
	By      string
	Reason  string
}

func milestoneBadge(r *http.Request, s incident.Standing) web.Badge {
	b := web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.milestone."+string(s))}
	switch s {
	case incident.Missed:
		b.Tone, b.Icon = "critical", "warning"
	case incident.Reached, incident.ReachedLate:
		b.Tone = "ok"
	case incident.Dropped:
		b.Tone = "muted"
	case incident.Ahead:
	}
	return b
}

// milestoneCards fill the page with the plan.
func (p *Pages) milestoneCards(r *http.Request, i *incident.Incident, plan recoveryPlan, d *recoveryPage) {
	names := map[int64]string{0: web.Say(r, "incident.desk.milestone.whole")}
	for _, s := range plan.services {
		names[s.ID] = s.Name
	}
	missed := int64(0)
	for k := range plan.milestones {
		m := &plan.milestones[k]
		d.saw(m.Marking)
		standing := m.Standing(p.in.Acts.Clock().Now())
		c := milestoneCard{
			N: number(int64(k + 1)), Title: m.Title, URL: "/incident/entries/" + number(m.Entry), Of: names[m.Service], Owner: p.orgName(m.Org),
			Badge: milestoneBadge(r, standing), Due: m.Due, Reached: m.DoneAt, By: p.who(r, m.DoneBy), Result: m.Result,
		}
		for _, x := range m.Moves {
			c.Moves = append(c.Moves, moveCard{x.Was, x.At, p.who(r, x.By), x.Reason})
		}
		if i.State == incident.Open && !m.State.Ended() {
			c.Folds = milestoneFolds(r, recoveryURL(p, i)+"/milestones/"+number(m.Entry), m)
		}
		if standing == incident.Missed {
			missed++
		}
		d.Milestones = append(d.Milestones, c)
	}
	if len(plan.milestones) > 0 {
		d.Figures = append(d.Figures, web.Figure{
			Label: web.Say(r, "incident.desk.milestone.missed.figure"), N: missed, URL: "#plan", Tone: map[bool]string{true: "critical", false: "ok"}[missed > 0],
		})
	}
}

// milestoneFolds are what can be said of a milestone.
func milestoneFolds(r *http.Request, u string, m *incident.Milestone) (out []*fold) {
	own, version := number(m.Entry), []web.Hidden{{Name: "version", Value: number(m.Version)}}
	add := func(permission, do string, fields ...web.Field) {
		if can(r, permission) {
			title := web.Say(r, "incident.desk.milestone."+do)
			out = append(out, &fold{ID: do + "-" + own, Title: title, Form: web.Form{Action: u + "/" + do, Submit: title, Hidden: version, Fields: suffixed(do+"-"+own, fields)}})
		}
	}
	why := web.Field{Name: "reason", Type: "text", Label: web.Say(r, "incident.desk.milestone.reason"), Required: true, Autocomplete: "off"}
	add(
		reachMilestone, "reach", web.Field{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
		web.Field{Name: "result", Type: "text", Label: web.Say(r, "incident.desk.milestone.result"), Autocomplete: "off"},
	)
	add(moveMilestone, "move", web.Field{Name: "due", Type: "datetime-local", Label: web.Say(r, "incident.desk.milestone.due.new"), Value: formTime(r, m.Due), Required: true}, why)
	add(dropMilestone, "drop", why)
	return out
}

// milestoneForm puts a new milestone into the plan.
func (p *Pages) milestoneForm(r *http.Request, i *incident.Incident, plan recoveryPlan, d *recoveryPage) *fold {
	service := web.Field{
		Name: "service", Type: "select", Label: web.Say(r, "incident.desk.milestone.service"), Why: web.Say(r, "incident.desk.milestone.service.why"),
		Options: []web.Option{{Value: "0", Label: web.Say(r, "incident.desk.milestone.whole")}},
	}
	for _, w := range incident.InOrder(plan.services) {
		service.Options = append(service.Options, web.Option{Value: number(w.ID), Label: w.Name})
	}
	owner := p.ownerField(r, d, "incident.desk.milestone.owner", 0)
	owner.Options = append([]web.Option{{Value: "0", Label: web.Say(r, "incident.desk.milestone.owner.service")}}, owner.Options...)
	place := 1
	for _, m := range plan.milestones {
		place = max(place, m.Place+1)
	}
	return &fold{ID: "milestone", Title: web.Say(r, "incident.desk.milestone.add"), Named: true, Who: d.who(r, p), Form: web.Form{
		Action: recoveryURL(p, i) + "/milestones", Submit: web.Say(r, "incident.desk.milestone.add"), Fields: suffixed("plan", []web.Field{
			{Name: "title", Type: "text", Label: web.Say(r, "incident.desk.milestone.title"), Required: true, Autocomplete: "off", Example: web.Say(r, "incident.desk.milestone.title.example")},
			{Name: "due", Type: "datetime-local", Label: web.Say(r, "incident.desk.milestone.due"), Required: true},
			service, owner,
			{Name: "place", Type: "number", Label: web.Say(r, "incident.desk.milestone.place"), Value: number(int64(place))}, markingField(r, i),
		}),
	}}
}

func (p *Pages) addMilestone(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(i *incident.Incident) error {
		due, err := eitherTime(r, "due", "plan")
		if err != nil {
			return err
		}
		n := incident.NewMilestone{
			Title: either(r, "title", "plan"), Service: positive(either(r, "service", "plan")), Org: positive(either(r, "owner", "plan")), Due: due,
			Place: int(positive(either(r, "place", "plan"))), To: circleOf(r),
		}
		if n.Marking, err = parseMarking("marking", either(r, "marking", "plan")); err != nil {
			return err
		}
		_, err = p.in.AddMilestone(r.Context(), actor(r), i.ID, n)
		return err
	})
}

// changeMilestone is the frame of a form of one milestone; own is its suffix.
func (p *Pages) changeMilestone(w http.ResponseWriter, r *http.Request, kind string, do func(entry, version int64, own string) error) error {
	return p.recover(w, r, func(*incident.Incident) error {
		id, err := pathID(r, "entry")
		if err != nil {
			return err
		}
		return do(id, positive(r.PostForm.Get("version")), kind+"-"+number(id))
	})
}

func (p *Pages) moveMilestone(w http.ResponseWriter, r *http.Request) error {
	return p.changeMilestone(w, r, "move", func(entry, version int64, own string) error {
		due, err := eitherTime(r, "due", own)
		if err != nil {
			return err
		}
		return p.in.MoveMilestone(r.Context(), actor(r), entry, due, either(r, "reason", own), version)
	})
}

func (p *Pages) reachMilestone(w http.ResponseWriter, r *http.Request) error {
	return p.changeMilestone(w, r, "reach", func(entry, version int64, own string) error {
		at, err := eitherTime(r, "at", own)
		if err != nil {
			return err
		}
		return p.in.ReachMilestone(r.Context(), actor(r), entry, at, either(r, "result", own), version)
	})
}

func (p *Pages) dropMilestone(w http.ResponseWriter, r *http.Request) error {
	return p.changeMilestone(w, r, "drop", func(entry, version int64, own string) error {
		return p.in.DropMilestone(r.Context(), actor(r), entry, either(r, "reason", own), version)
	})
}
