package incidentweb

import (
	"net/http"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
)

// resourceCard is something that was asked for.
type resourceCard struct {
	Text    string
	URL     string
	State   web.Badge
	Asked   string
	Given   string
	Changed web.Cell
	Actions []web.Action
	Offer   *web.Form // in somebody's name
}

func (p *Pages) resourceCards(r *http.Request, i *incident.Incident, d *recoveryPage) error {
	all, err := p.in.Resources(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	for _, q := range all {
		d.saw(q.Marking)
		c := resourceCard{
			Text: q.Text, URL: "/incident/entries/" + number(q.Entry), Asked: p.orgName(q.AskedBy), Given: p.orgName(q.GivenBy), Changed: web.Exactly(q.ChangedAt),
			State: web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.recovery.resource."+string(q.State))},
		}
		switch q.State {
		case incident.ResourceDelivered:
			c.State.Tone = "ok"
		case incident.ResourceDeclined:
			c.State.Tone = "muted"
		case incident.ResourceAsked, incident.ResourceOffered, incident.ResourceAccepted:
		}
		if i.State == incident.Open && can(r, setResource) {
			p.resourceMoves(r, i, d, q, &c)
		}
		d.Resources = append(d.Resources, c)
	}
	return err
}

// resourceMoves offers what can be said of it next.
func (p *Pages) resourceMoves(r *http.Request, i *incident.Incident, d *recoveryPage, q incident.Resource, c *resourceCard) {
	u, version := recoveryURL(p, i)+"/resources/"+number(q.Entry), web.Hidden{Name: "version", Value: number(q.Version)}
	for _, to := range q.NextFor(guard.OwnOrg) {
		label, hidden := web.Say(r, "incident.desk.recovery.resource."+string(to)+".do"), []web.Hidden{{Name: "state", Value: string(to)}, version}
		if to != incident.ResourceOffered {
			c.Actions = append(c.Actions, web.Action{Label: label, URL: u, Post: true, Hidden: hidden})
			continue
		}
		giver := web.Field{Name: "giver", Type: "select", Label: web.Say(r, "incident.desk.recovery.giver")}
		for _, o := range append([]int64{guard.OwnOrg}, d.orgs...) {
			if o != q.AskedBy {
				giver.Options = append(giver.Options, web.Option{Value: number(o), Label: p.orgName(o)})
			}
		}
		c.Offer = &web.Form{Action: u, Submit: label, Hidden: hidden, Fields: suffixed(number(q.Entry), []web.Field{giver})}
	}
}

// askForm asks for something in somebody's name.
func (p *Pages) askForm(r *http.Request, i *incident.Incident, d *recoveryPage) *fold {
	return &fold{ID: "ask", Title: web.Say(r, "incident.desk.recovery.ask"), Who: d.who(r, p), Named: true, Form: web.Form{
		Action: recoveryURL(p, i) + "/resources", Submit: web.Say(r, "incident.desk.recovery.ask"), Fields: suffixed("ask", []web.Field{
			{Name: "text", Type: "text", Label: web.Say(r, "incident.desk.recovery.ask.what"), Required: true, Autocomplete: "off"},
			p.ownerField(r, d, "incident.desk.recovery.ask.who", guard.OwnOrg), markingField(r, i),
		}),
	}}
}

func (p *Pages) askResource(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(i *incident.Incident) error {
		m, err := parseMarking("marking", either(r, "marking", "ask"))
		if err != nil {
			return err
		}
		_, err = p.in.AskResource(r.Context(), actor(r), i.ID, incident.NewEntry{
			Marking: m, Text: either(r, "text", "ask"), Owner: positive(either(r, "owner", "ask")), To: circleOf(r),
		})
		return err
	})
}

func (p *Pages) setResource(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(*incident.Incident) error {
		id, err := pathID(r, "entry")
		if err != nil {
			return err
		}
		f := r.PostForm
		return p.in.SetResource(r.Context(), actor(r), id, incident.ResourceState(f.Get("state")), positive(either(r, "giver", number(id))), positive(f.Get("version")))
	})
}
