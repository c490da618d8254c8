package incidentweb

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// recoveryExtra leads from an incident to its recovery, and says how its services fare.
func (p *Pages) recoveryExtra(r *http.Request, i *incident.Incident) (x extra, err error) {
	u := recoveryURL(p, i)
	x.Actions = []web.Action{{Label: web.Say(r, "incident.desk.recovery"), URL: u, Icon: "chart"}}
	services, err := p.in.Services(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil || len(services) == 0 {
		return x, err
	}
	f := web.Facts{Title: web.Say(r, "incident.desk.recovery.services")}
	for _, w := range incident.InOrder(services) {
		b, sub := serviceBadge(r, &w.Service), people(r, w.People)
		if len(w.For) > 0 && !w.State.Back() {
			sub = web.Say(r, "incident.desk.recovery.waits", "Names", serviceNames(w.For))
		}
		f.Items = append(f.Items, web.Fact{Label: w.Name, Cell: web.Cell{Badge: &b, URL: u, Sub: sub}})
	}
	x.Facts = []web.Facts{f}
	return x, nil
}

func people(r *http.Request, n int64) string {
	if n == 0 {
		return ""
	}
	return web.Say(r, "incident.desk.recovery.people", "Count", n)
}

func serviceNames(ss []incident.Service) string {
	var names []string
	for _, s := range ss {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

func serviceBadge(r *http.Request, s *incident.Service) web.Badge {
	return stepBadge(r, s.State, s.Quality)
}

func stepBadge(r *http.Request, s incident.ServiceState, quality int) web.Badge {
	tone := map[incident.ServiceState]string{
		incident.Down: "critical", incident.Degraded: "high", incident.Workaround: "medium", incident.Restored: "low", incident.Verified: "ok",
	}[s]
	word := web.Say(r, "incident.desk.recovery.state."+string(s))
	if s == incident.Degraded || s == incident.Workaround {
		word += fmt.Sprintf(" · %d %%", quality)
	}
	return web.Badge{Tone: tone, Word: word}
}

// firstCard is what has to come back before others can.
type firstCard struct {
	Name  string
	Badge web.Badge
	Holds int
	URL   string
}

type serviceCard struct {
	ID       string
	Name     string
	Org      web.Cell
	Badge    web.Badge
	People   string
	Waits    string // for what is down
	Needs    []needCard
	Holds    int
	Lost     string
	Said     saidCard
	Expected time.Time
	Overdue  bool
	Signed   string
	SignedAt time.Time
	Steps    []saidCard // newest first
	Folds    []*fold
	SignOff  *web.Action
}

type needCard struct {
	Name, URL string
	Badge     web.Badge
}

// saidCard is who said when that a service fares like this.
type saidCard struct {
	Badge    web.Badge
	At       time.Time
	Who      string
	WroteBy  string // somebody else
	Written  time.Time
	Expected time.Time
	URL      string
}

func (p *Pages) said(r *http.Request, s *incident.Service, step incident.Step) saidCard {
	c := saidCard{Badge: stepBadge(r, step.State, step.Quality), At: step.At, Expected: step.Expected, URL: "/incident/entries/" + number(step.Entry), Who: step.By}
	if c.Who == "" {
		c.Who = p.who(r, step.Author)
	} else {
		c.Who += " · " + p.orgName(s.Org)
		c.WroteBy, c.Written = p.who(r, step.Author), step.Written
	}
	return c
}

// serviceCards fill the page with the services, each after what it needs.
func (p *Pages) serviceCards(r *http.Request, i *incident.Incident, plan recoveryPlan, d *recoveryPage) {
	hours, weighed, open := 0.0, 0.0, int64(0)
	for _, w := range incident.InOrder(plan.services) {
		steps := incident.StepsOf(plan.steps, w.ID)
		lost := incident.Lost(steps, plan.until)
		hours, weighed = hours+lost, weighed+lost*float64(w.People)
		if !w.State.Back() {
			open++
		}
		c := p.serviceCard(r, i, &w, lost)
		for k := len(steps) - 1; k >= 0; k-- {
			d.saw(steps[k].Marking)
			c.Steps = append(c.Steps, p.said(r, &w.Service, steps[k]))
		}
		if i.State == incident.Open {
			p.serviceFolds(r, recoveryURL(p, i)+"/services/"+c.ID, &w, plan, &c)
		}
		if w.First {
			d.First = append(d.First, firstCard{w.Name, c.Badge, w.Holds, "#service-" + c.ID})
		}
		d.Services = append(d.Services, c)
	}
	if len(plan.services) > 0 {
		d.Figures = []web.Figure{
			{Label: web.Say(r, "incident.desk.recovery.open"), N: open, Tone: map[bool]string{true: "critical", false: "ok"}[open > 0]},
			{Label: web.Say(r, "incident.desk.recovery.hours"), N: int64(hours + 0.5), Note: web.Say(r, "incident.desk.recovery.hours.note")},
			{Label: web.Say(r, "incident.desk.recovery.weighed"), N: int64(weighed + 0.5), Note: web.Say(r, "incident.desk.recovery.weighed.note")},
		}
	}
}

func (p *Pages) serviceCard(r *http.Request, i *incident.Incident, w *incident.Waiting, lost float64) serviceCard {
	c := serviceCard{
		ID: number(w.ID), Name: w.Name, Org: web.Anchor(p.orgName(w.Org), orgURL(w.Org)), Badge: serviceBadge(r, &w.Service), People: people(r, w.People),
		Lost: lostHours(r, lost), Said: p.said(r, &w.Service, w.Now), Expected: w.Now.Expected,
	}
	c.Overdue = i.State == incident.Open && w.Now.Expected.Before(p.in.Acts.Clock().Now())
	for _, n := range w.Needs {
		c.Needs = append(c.Needs, needCard{n.Name, "#service-" + number(n.ID), serviceBadge(r, &n)})
	}
	if len(w.For) > 0 {
		key := "incident.desk.recovery.waits"
		if w.State.Back() {
			key = "incident.desk.recovery.without"
		}
		c.Waits = web.Say(r, key, "Names", serviceNames(w.For))
	}
	if !w.State.Back() {
		c.Holds = w.Holds
	}
	if !w.SignedAt.IsZero() {
		c.Signed, c.SignedAt = web.Say(r, "incident.desk.recovery.signed", "Who", p.who(r, w.SignedBy)), w.SignedAt
	}
	if w.State == incident.Verified && w.SignedAt.IsZero() && can(r, signOff) {
		c.SignOff = &web.Action{
			Label: web.Say(r, "incident.desk.recovery.sign"), URL: recoveryURL(p, i) + "/services/" + c.ID + "/sign", Post: true, Icon: "check", Tone: "primary",
			Hidden: []web.Hidden{{Name: "version", Value: number(w.Version)}},
		}
	}
	return c
}

func lostHours(r *http.Request, hours float64) string {
	return web.Say(r, "incident.desk.recovery.lost", "Hours", web.PrinterOf(r.Context()).Decimal(hours, 1))
}

// serviceFolds are what can be said of one service.
func (p *Pages) serviceFolds(r *http.Request, u string, w *incident.Waiting, plan recoveryPlan, c *serviceCard) {
	version := []web.Hidden{{Name: "version", Value: number(w.Version)}}
	if can(r, setService) {
		c.Folds = append(c.Folds, &fold{ID: "state-" + c.ID, Title: web.Say(r, "incident.desk.recovery.change"), Form: web.Form{
			Action: u, Submit: web.Say(r, "incident.desk.task.set"), Hidden: version, Fields: suffixed(c.ID, []web.Field{
				stateField(r, w.State), qualityField(r, w.Quality),
				{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.recovery.since"), Why: web.Say(r, "incident.desk.recovery.since.why")},
				{Name: "by", Type: "text", Label: web.Say(r, "incident.desk.by"), Autocomplete: "off", Why: web.Say(r, "incident.desk.recovery.by.why", "Name", p.orgName(w.Org))},
				{Name: "expected", Type: "datetime-local", Label: web.Say(r, "incident.desk.recovery.expected"), Value: formTime(r, w.Now.Expected), Why: web.Say(r, "incident.desk.recovery.expected.why")},
				{Name: "note", Type: "text", Label: web.Say(r, "incident.desk.recovery.note"), Autocomplete: "off"},
			}),
		}})
	}
	if can(r, setNeeds) {
		f := &fold{ID: "needs-" + c.ID, Title: web.Say(r, "incident.desk.recovery.needs.set"), Form: web.Form{
			Action: u + "/needs", Submit: web.Say(r, "incident.desk.save"), Hidden: version, Fields: suffixed(c.ID, []web.Field{peopleField(r, w.People)}),
		}}
		if len(plan.services) > 1 {
			f.Fields = append(f.Fields, suffixed(c.ID, []web.Field{needsField(r, plan.services, w.ID, w.Depends)})...)
		}
		c.Folds = append(c.Folds, f)
	}
}

func stateField(r *http.Request, chosen incident.ServiceState) web.Field {
	f := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state")}
	for _, s := range incident.ServiceStates() {
		f.Options = append(f.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.recovery.state."+string(s)), Selected: s == chosen})
	}
	return f
}

func qualityField(r *http.Request, now int) web.Field {
	return web.Field{Name: "quality", Type: "number", Label: web.Say(r, "incident.desk.recovery.quality"), Value: number(int64(now)), Why: web.Say(r, "incident.desk.recovery.quality.why")}
}

func peopleField(r *http.Request, now int64) web.Field {
	f := web.Field{Name: "people", Type: "number", Label: web.Say(r, "incident.desk.recovery.people.field")}
	if now > 0 {
		f.Value = number(now)
	}
	return f
}

func needsField(r *http.Request, services []incident.Service, but int64, chosen []int64) web.Field {
	f := web.Field{Name: "depends", Type: "select", Multiple: true, Label: web.Say(r, "incident.desk.recovery.needs.field"), Why: web.Say(r, "incident.desk.recovery.needs.why")}
	for _, s := range services {
		if s.ID != but {
			f.Options = append(f.Options, web.Option{Value: number(s.ID), Label: s.Name, Selected: slices.Contains(chosen, s.ID)})
		}
	}
	return f
}

// serviceForm names a service that is hit.
func (p *Pages) serviceForm(r *http.Request, i *incident.Incident, plan recoveryPlan, d *recoveryPage) *fold {
	state := stateField(r, incident.Down)
	state.Options = slices.DeleteFunc(state.Options, func(o web.Option) bool { return o.Value == string(incident.Verified) }) // wants a name, later
	fields := []web.Field{
		{Name: "name", Type: "text", Label: web.Say(r, "incident.desk.recovery.name"), Required: true, Autocomplete: "off", Example: web.Say(r, "incident.desk.recovery.name.example")},
		p.ownerField(r, d, "incident.desk.recovery.whose", 0), peopleField(r, 0), state, qualityField(r, 0),
		{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.recovery.since"), Why: web.Say(r, "incident.desk.at.why")},
		{Name: "expected", Type: "datetime-local", Label: web.Say(r, "incident.desk.recovery.expected"), Why: web.Say(r, "incident.desk.recovery.expected.why")}, markingField(r, i),
	}
	if len(plan.services) > 0 {
		fields = append(fields, needsField(r, plan.services, 0, nil))
	}
	return &fold{
		ID: "add", Title: web.Say(r, "incident.desk.recovery.add"), Named: true, Who: d.who(r, p),
		Form: web.Form{Action: recoveryURL(p, i) + "/services", Submit: web.Say(r, "incident.desk.recovery.add"), Fields: fields},
	}
}

func (p *Pages) addService(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(i *incident.Incident) error {
		f := r.PostForm
		now, err := readStep(r, "")
		if err != nil {
			return err
		}
		people, err := readPeople(f.Get("people"))
		if err != nil {
			return err
		}
		n := incident.NewService{Org: positive(f.Get("owner")), Name: f.Get("name"), People: people, Marking: readMarking(r), To: circleOf(r), Now: now, Depends: readIDs(f["depends"])}
		_, err = p.in.AddService(r.Context(), actor(r), i.ID, n)
		return err
	})
}

// readStep reads how a service fares; own is the suffix of the form's fields.
func readStep(r *http.Request, own string) (n incident.NewStep, err error) {
	n = incident.NewStep{
		State: incident.ServiceState(either(r, "state", own)), Quality: int(positive(either(r, "quality", own))),
		By: either(r, "by", own), Note: either(r, "note", own), Version: positive(r.PostForm.Get("version")),
	}
	if n.At, err = eitherTime(r, "at", own); err != nil {
		return n, err
	}
	n.Expected, err = eitherTime(r, "expected", own)
	return n, err
}

// readPeople reads how many people a form says; zero when it says nothing.
func readPeople(said string) (int64, error) {
	if said = strings.TrimSpace(said); said == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(said, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.OnField("people", "incident.service.people", nil)
	}
	return n, nil
}

func readIDs(said []string) (out []int64) {
	for _, s := range said {
		out = append(out, positive(s))
	}
	return out
}

// changeService is the frame of a form of one service; own is its suffix.
func (p *Pages) changeService(w http.ResponseWriter, r *http.Request, do func(id int64, own string) error) error {
	return p.recover(w, r, func(*incident.Incident) error {
		id, err := pathID(r, "service")
		if err != nil {
			return err
		}
		return do(id, number(id))
	})
}

func (p *Pages) setService(w http.ResponseWriter, r *http.Request) error {
	return p.changeService(w, r, func(id int64, own string) error {
		n, err := readStep(r, own)
		if err != nil {
			return err
		}
		return p.in.SetService(r.Context(), actor(r), id, n)
	})
}

func (p *Pages) setNeeds(w http.ResponseWriter, r *http.Request) error {
	return p.changeService(w, r, func(id int64, own string) error {
		people, err := readPeople(either(r, "people", own))
		if err != nil {
			return err
		}
		depends := readIDs(append(r.PostForm["depends-"+own], r.PostForm["depends"]...))
		return p.in.SetNeeds(r.Context(), actor(r), id, depends, people, positive(r.PostForm.Get("version")))
	})
}

func (p *Pages) signOff(w http.ResponseWriter, r *http.Request) error {
	return p.changeService(w, r, func(id int64, _ string) error {
		return p.in.SignOff(r.Context(), actor(r), id, positive(r.PostForm.Get("version")))
	})
}
