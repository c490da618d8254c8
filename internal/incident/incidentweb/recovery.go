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
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
)

// Permissions of recovery; the verbs have the same names.
const (
	addService  = "incident.add_service"
	setService  = "incident.set_service"
	signOff     = "incident.sign_off"
	askResource = "incident.ask_resource"
	setResource = "incident.set_resource"
	addLesson   = "incident.add_lesson"
	setLesson   = "incident.set_lesson"
)

// recoveryRoutes are the pages of services, resources and lessons.
func (p *Pages) recoveryRoutes() []web.Route {
	const one = "/incident/incidents/ALM-0000-0000/recovery"
	get := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "GET", Pattern: pattern, Permission: permission, Handler: h, Sample: "GET " + sample}
	}
	post := func(pattern, permission, sample string, h func(http.ResponseWriter, *http.Request) error) web.Route {
		return web.Route{Method: "POST", Pattern: pattern, Permission: permission, Handler: h, Sample: "POST " + sample}
	}
	return []web.Route{
		get("/incident/incidents/{number}/recovery", read, one, p.recovery),
		post("/incident/incidents/{number}/recovery/services", addService, one+"/services name=a&state=down&marking=TLP:AMBER", p.addService),
		post("/incident/incidents/{number}/recovery/services/{service}", setService, one+"/services/1 state=restored&version=1", p.setService),
		post("/incident/incidents/{number}/recovery/services/{service}/sign", signOff, one+"/services/1/sign version=1", p.signOff),
		post("/incident/incidents/{number}/recovery/resources", askResource, one+"/resources text=a&marking=TLP:AMBER", p.askResource),
		post("/incident/incidents/{number}/recovery/resources/{entry}", setResource, one+"/resources/1 state=offered&version=1", p.setResource),
		post("/incident/incidents/{number}/recovery/lessons", addLesson, one+"/lessons text=a", p.addLesson),
		get("/incident/lessons", read, "/incident/lessons?state=open", p.lessons),
		post("/incident/lessons/{lesson}", setLesson, "/incident/lessons/1 state=done&result=a&version=1", p.setLesson),
	}
}

// recoveryExtra leads from an incident to its recovery, and says how its services fare.
func (p *Pages) recoveryExtra(r *http.Request, i *incident.Incident) (x extra, err error) {
	u := incidentURL(p.in.Number(i.ID)) + "/recovery"
	x.Actions = []web.Action{{Label: web.Say(r, "incident.desk.recovery"), URL: u, Icon: "chart"}}
	services, err := p.in.Services(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil || len(services) == 0 {
		return x, err
	}
	f := web.Facts{Title: web.Say(r, "incident.desk.recovery.services")}
	for k := range services {
		s := &services[k]
		b := serviceBadge(r, s)
		f.Items = append(f.Items, web.Fact{Label: s.Name, Cell: web.Cell{Badge: &b, URL: u, Sub: people(r, s.People)}})
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

func serviceBadge(r *http.Request, s *incident.Service) web.Badge {
	tone := map[incident.ServiceState]string{
		incident.Down: "critical", incident.Degraded: "high", incident.Workaround: "medium", incident.Restored: "low", incident.Verified: "ok",
	}[s.State]
	word := web.Say(r, "incident.desk.recovery.state."+string(s.State))
	if s.State == incident.Degraded || s.State == incident.Workaround {
		word += fmt.Sprintf(" · %d %%", s.Quality)
	}
	return web.Badge{Tone: tone, Word: word}
}

// recoveryPage is the dot of the page of recovery.
type recoveryPage struct {
	Figures   []web.Figure
	Services  []serviceCard
	Empty     web.Empty
	Curve     *web.Chart
	Add       *named
	Resources []resourceCard
	Ask       *named
	Measures  *web.List
	Lessons   web.List
	Learn     *web.Form
}

// named is a form that also says who sees what it keeps.
type named struct {
	web.Form
	Who []choice
}

type serviceCard struct {
	Name    string
	Org     web.Cell
	Badge   web.Badge
	People  string
	Needs   []string
	Lost    string
	Signed  string
	Change  *web.Form
	SignOff *web.Action
}

type resourceCard struct {
	Text    string
	URL     string
	State   web.Badge
	Asked   string
	Given   string
	Actions []web.Action
}

func (p *Pages) recovery(w http.ResponseWriter, r *http.Request) error {
	i, err := p.numbered(r)
	if err != nil {
		return err
	}
	return p.showRecovery(w, r, &i, nil)
}

func (p *Pages) showRecovery(w http.ResponseWriter, r *http.Request, i *incident.Incident, problem error) error {
	ctx, db, v := r.Context(), p.in.Acts.Reader(), viewer(r)
	services, err := p.in.Services(ctx, db, v, i.ID)
	if err != nil {
		return err
	}
	steps, err := p.in.Steps(ctx, db, v, i.ID)
	if err != nil {
		return err
	}
	page, status := p.about(r, i, web.Say(r, "incident.desk.recovery")), http.StatusOK
	page.Topics, page.Charts = []string{incident.Topic(i.ID)}, true
	data := recoveryPage{Empty: web.Empty{Title: web.Say(r, "incident.desk.recovery.none"), Why: web.Say(r, "incident.desk.recovery.none.why")}}
	data.Services, data.Figures = p.serviceCards(r, i, services, steps)
	data.Curve = p.curve(r, services, steps)
	if data.Resources, err = p.resourceCards(r, i); err != nil {
		return err
	}
	if data.Measures, err = p.measures(r, i); err != nil {
		return err
	}
	if err := p.lessonList(r, i.ID, &data.Lessons); err != nil {
		return err
	}
	if i.State == incident.Open {
		p.recoveryForms(r, i, services, &data)
	} else if can(r, addLesson) {
		data.Learn = p.lessonForm(r, i)
	}
	if problem != nil {
		status = statusOf(problem)
		for _, f := range []*web.Form{formOf(data.Add), formOf(data.Ask), data.Learn} {
			if f != nil {
				f.Fill(r.PostForm.Get)
				fail(r, &page, problem, f)
			}
		}
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/recovery", page)
}

func formOf(n *named) *web.Form {
	if n == nil {
		return nil
	}
	return &n.Form
}

func (p *Pages) serviceCards(r *http.Request, i *incident.Incident, services []incident.Service, steps []incident.Step) (out []serviceCard, figures []web.Figure) {
	names := map[int64]string{}
	for _, s := range services {
		names[s.ID] = s.Name
	}
	until := p.in.Acts.Clock().Now()
	if !i.ClosedAt.IsZero() {
		until = i.ClosedAt
	}
	hours, weighed := 0.0, 0.0
	open := int64(0)
	for k := range services {
		s := &services[k]
		lost := incident.Lost(stepsOf(steps, s.ID), until)
		hours, weighed = hours+lost, weighed+lost*float64(s.People)
		if s.State != incident.Restored && s.State != incident.Verified {
			open++
		}
		c := serviceCard{
			Name: s.Name, Org: web.Anchor(p.orgName(s.Org), orgURL(s.Org)), Badge: serviceBadge(r, s), People: people(r, s.People),
			Lost: web.Say(r, "incident.desk.recovery.lost", "Hours", fmt.Sprintf("%.1f", lost)),
		}
		for _, d := range s.Depends {
			if names[d] != "" {
				c.Needs = append(c.Needs, names[d])
			}
		}
		if !s.SignedAt.IsZero() {
			c.Signed = web.Say(r, "incident.desk.recovery.signed", "Who", p.who(r, s.SignedBy))
		}
		u := incidentURL(p.in.Number(i.ID)) + "/recovery/services/" + number(s.ID)
		if i.State == incident.Open && can(r, setService) {
			c.Change = stepForm(r, u, s)
		}
		if s.State == incident.Verified && s.SignedAt.IsZero() && can(r, signOff) {
			c.SignOff = &web.Action{Label: web.Say(r, "incident.desk.recovery.sign"), URL: u + "/sign", Post: true, Icon: "check", Tone: "primary", Hidden: []web.Hidden{{Name: "version", Value: number(s.Version)}}}
		}
		out = append(out, c)
	}
	if len(services) == 0 {
		return nil, nil
	}
	return out, []web.Figure{
		{Label: web.Say(r, "incident.desk.recovery.open"), N: open, Tone: map[bool]string{true: "critical", false: "ok"}[open > 0]},
		{Label: web.Say(r, "incident.desk.recovery.hours"), N: int64(hours + 0.5), Note: web.Say(r, "incident.desk.recovery.hours.note")},
		{Label: web.Say(r, "incident.desk.recovery.weighed"), N: int64(weighed + 0.5), Note: web.Say(r, "incident.desk.recovery.weighed.note")},
	}
}

func stepsOf(steps []incident.Step, service int64) (out []incident.Step) {
	for _, s := range steps {
		if s.Service == service {
			out = append(out, s)
		}
	}
	return out
}

// curve draws how much of each service works over time, at every moment at which
// something changed.
func (p *Pages) curve(r *http.Request, services []incident.Service, steps []incident.Step) *web.Chart {
	if len(services) == 0 || len(steps) < 2 {
		return nil
	}
	c := &web.Chart{
		ID: "curve", Kind: "line", Title: web.Say(r, "incident.desk.recovery.curve"), Units: "%", Axis: web.Say(r, "incident.desk.at"),
		Source: web.Say(r, "incident.desk.recovery.curve.source"), At: p.in.Acts.Clock().Now(),
	}
	printer := web.PrinterOf(r.Context())
	var times []time.Time
	for _, s := range steps {
		if len(times) == 0 || !times[len(times)-1].Equal(s.At) {
			times = append(times, s.At)
		}
	}
	if now := p.in.Acts.Clock().Now(); now.After(times[len(times)-1]) {
		times = append(times, now)
	}
	for _, t := range times {
		c.X = append(c.X, t.In(printer.Zone()).Format("2006-01-02 15:04"))
	}
	for _, s := range services[:min(len(services), 8)] {
		series := web.Series{Name: s.Name}
		mine, now := stepsOf(steps, s.ID), int64(100)
		for _, t := range times {
			for len(mine) > 0 && !mine[0].At.After(t) {
				now, mine = int64(mine[0].Quality), mine[1:]
			}
			series.Values = append(series.Values, now)
		}
		c.Series = append(c.Series, series)
	}
	return c
}

func stateField(r *http.Request, chosen incident.ServiceState) web.Field {
	f := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state")}
	for _, s := range incident.ServiceStates() {
		f.Options = append(f.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.recovery.state."+string(s)), Selected: s == chosen})
	}
	return f
}

// stepFields ask how a service fares; their names carry the service, so that no two
// fields of the page are the same.
func stepForm(r *http.Request, u string, s *incident.Service) *web.Form {
	return &web.Form{Action: u, Submit: web.Say(r, "incident.desk.task.set"), Hidden: []web.Hidden{{Name: "version", Value: number(s.Version)}}, Fields: suffixed(number(s.ID), []web.Field{
		stateField(r, s.State),
		{Name: "quality", Type: "number", Label: web.Say(r, "incident.desk.recovery.quality"), Value: number(int64(s.Quality))},
		{Name: "note", Type: "text", Label: web.Say(r, "incident.desk.recovery.note"), Autocomplete: "off"},
		{Name: "by", Type: "text", Label: web.Say(r, "incident.desk.by"), Autocomplete: "off"},
		{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.at"), Why: web.Say(r, "incident.desk.at.why")},
	})}
}

func suffixed(with string, fields []web.Field) []web.Field {
	for i := range fields {
		fields[i].Name += "-" + with
	}
	return fields
}

// recoveryForms offers what can be entered on the page.
func (p *Pages) recoveryForms(r *http.Request, i *incident.Incident, services []incident.Service, data *recoveryPage) {
	u := incidentURL(p.in.Number(i.ID)) + "/recovery"
	m, err := p.membersOf(r, i)
	if err != nil {
		return // the page without its forms
	}
	var who []choice
	org := web.Field{Name: "owner", Type: "select", Label: web.Say(r, "incident.desk.recovery.whose")}
	for _, o := range m.orgs {
		who = append(who, choice{Name: "org", ID: o, Label: p.orgName(o), Checked: slices.Contains(r.PostForm["org"], number(o))})
		org.Options = append(org.Options, web.Option{Value: number(o), Label: p.orgName(o)})
	}
	org.Options = append(org.Options, web.Option{Value: number(guard.OwnOrg), Label: p.orgName(guard.OwnOrg)})
	marking := web.Field{Name: "marking", Type: "select", Label: web.Say(r, "incident.desk.fact.marking"), Options: markings(r, i.Marking, false)}
	needs := web.Field{Name: "depends", Type: "select", Multiple: true, Label: web.Say(r, "incident.desk.recovery.needs")}
	for _, s := range services {
		needs.Options = append(needs.Options, web.Option{Value: number(s.ID), Label: s.Name})
	}
	if can(r, addService) {
		state := stateField(r, incident.Down)
		state.Options = slices.DeleteFunc(state.Options, func(o web.Option) bool { return o.Value == string(incident.Verified) }) // wants a name, later
		fields := []web.Field{
			{Name: "name", Type: "text", Label: web.Say(r, "incident.desk.recovery.name"), Required: true, Autocomplete: "off", Example: web.Say(r, "incident.desk.recovery.name.example")},
			org, {Name: "people", Type: "number", Label: web.Say(r, "incident.desk.recovery.people.field")},
			state, {Name: "quality", Type: "number", Label: web.Say(r, "incident.desk.recovery.quality")},
			{Name: "at", Type: "datetime-local", Label: web.Say(r, "incident.desk.recovery.since"), Why: web.Say(r, "incident.desk.at.why")}, marking,
		}
		if len(services) > 0 {
			fields = append(fields, needs)
		}
		data.Add = &named{web.Form{Action: u + "/services", Submit: web.Say(r, "incident.desk.recovery.add"), Fields: fields}, who}
	}
	if can(r, askResource) {
		ask := marking
		ask.Name = "marking-ask"
		data.Ask = &named{web.Form{Action: u + "/resources", Submit: web.Say(r, "incident.desk.recovery.ask"), Fields: []web.Field{
			{Name: "text", Type: "text", Label: web.Say(r, "incident.desk.recovery.ask.what"), Required: true, Autocomplete: "off"}, ask,
		}}, who}
	}
	if can(r, addLesson) {
		data.Learn = p.lessonForm(r, i)
	}
}

func (p *Pages) resourceCards(r *http.Request, i *incident.Incident) (out []resourceCard, err error) {
	all, err := p.in.Resources(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	for _, q := range all {
		c := resourceCard{
			Text: q.Text, URL: "/incident/entries/" + number(q.Entry), Asked: p.orgName(q.AskedBy), Given: p.orgName(q.GivenBy),
			State: web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.recovery.resource."+string(q.State))},
		}
		if q.State == incident.ResourceDelivered {
			c.State.Tone = "ok"
		}
		for _, to := range nextOf(q.State) {
			if i.State == incident.Open && can(r, setResource) {
				c.Actions = append(c.Actions, web.Action{
					Label: web.Say(r, "incident.desk.recovery.resource."+string(to)+".do"), URL: incidentURL(p.in.Number(i.ID)) + "/recovery/resources/" + number(q.Entry), Post: true,
					Hidden: []web.Hidden{{Name: "state", Value: string(to)}, {Name: "version", Value: number(q.Version)}},
				})
			}
		}
		out = append(out, c)
	}
	return out, err
}

// nextOf are the states that may follow.
func nextOf(s incident.ResourceState) []incident.ResourceState {
	switch s {
	case incident.ResourceAsked:
		return []incident.ResourceState{incident.ResourceOffered, incident.ResourceDeclined}
	case incident.ResourceOffered:
		return []incident.ResourceState{incident.ResourceAccepted, incident.ResourceDeclined}
	case incident.ResourceAccepted:
		return []incident.ResourceState{incident.ResourceDelivered, incident.ResourceDeclined}
	}
	return nil
}

// measures lists the countermeasures with their life.
func (p *Pages) measures(r *http.Request, i *incident.Incident) (*web.List, error) {
	l, err := p.taskList(r, i)
	if err != nil || l == nil {
		return nil, err
	}
	kind := web.Say(r, "incident.desk.kind.measure")
	l.ID, l.Caption = "measures", web.Say(r, "incident.desk.recovery.measures")
	l.Rows = slices.DeleteFunc(l.Rows, func(row web.Row) bool { return row.Cells[0].Sub != kind })
	l.Total.N = int64(len(l.Rows))
	if len(l.Rows) == 0 {
		return nil, nil //nolint:nilnil // there are none
	}
	return l, nil
}

func (p *Pages) lessonForm(r *http.Request, i *incident.Incident) *web.Form {
	owes := web.Field{Name: "owes", Type: "text", Label: web.Say(r, "incident.desk.owes"), Autocomplete: "off", Why: web.Say(r, "incident.desk.participant.why")}
	return &web.Form{Action: incidentURL(p.in.Number(i.ID)) + "/recovery/lessons", Submit: web.Say(r, "incident.desk.lesson.add"), Fields: []web.Field{
		{Name: "lesson", Type: "textarea", Rows: 3, Label: web.Say(r, "incident.desk.lesson.text"), Required: true},
		{Name: "action", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.lesson.action")}, owes,
		{Name: "due", Type: "datetime-local", Label: web.Say(r, "incident.desk.lesson.due")},
		{Name: "peer_text", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.lesson.peer"), Why: web.Say(r, "incident.desk.lesson.peer.why")},
		{Name: "peer_marking", Type: "select", Label: web.Say(r, "incident.desk.lesson.peer.marking"), Options: markings(r, i.Marking, false)},
	}}
}

// change is the frame of a form of the page of recovery.
func (p *Pages) recover(w http.ResponseWriter, r *http.Request, do func(*incident.Incident) error) error {
	return p.post(w, r, "incident.desk.saved", "/recovery", do, func(i *incident.Incident, problem error) error { return p.showRecovery(w, r, i, problem) })
}

func (p *Pages) addService(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(i *incident.Incident) error {
		f := r.PostForm
		at, err := timeOf(r, "at")
		if err != nil {
			return err
		}
		people, err := peopleOf(r)
		if err != nil {
			return err
		}
		n := incident.NewService{
			Org: positive(f.Get("owner")), Name: f.Get("name"), People: people, Marking: readMarking(r), To: circleOf(r),
			Now: incident.NewStep{State: incident.ServiceState(f.Get("state")), Quality: int(positive(f.Get("quality"))), At: at},
		}
		for _, d := range f["depends"] {
			n.Depends = append(n.Depends, positive(d))
		}
		_, err = p.in.AddService(r.Context(), actor(r), i.ID, n)
		return err
	})
}

// peopleOf reads how many people a form says; zero when it says nothing.
func peopleOf(r *http.Request) (int64, error) {
	said := strings.TrimSpace(r.PostForm.Get("people"))
	if said == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(said, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.OnField("people", "incident.service.people", nil)
	}
	return n, nil
}

// either is a value of a form whose fields may carry a suffix.
func either(r *http.Request, name, suffix string) string {
	return first(r.PostForm.Get(name+"-"+suffix), r.PostForm.Get(name))
}

func (p *Pages) setService(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(*incident.Incident) error {
		id, err := pathID(r, "service")
		if err != nil {
			return err
		}
		own := number(id)
		name := "at-" + own
		if !r.PostForm.Has(name) {
			name = "at"
		}
		at, err := timeOf(r, name)
		if err != nil {
			return err
		}
		return p.in.SetService(r.Context(), actor(r), id, incident.NewStep{
			State: incident.ServiceState(either(r, "state", own)), Quality: int(positive(either(r, "quality", own))), At: at,
			By: either(r, "by", own), Note: either(r, "note", own), Version: positive(r.PostForm.Get("version")),
		})
	})
}

func (p *Pages) signOff(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(*incident.Incident) error {
		id, err := pathID(r, "service")
		if err != nil {
			return err
		}
		return p.in.SignOff(r.Context(), actor(r), id, positive(r.PostForm.Get("version")))
	})
}

func (p *Pages) askResource(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(i *incident.Incident) error {
		m, err := parseMarking(first(r.PostForm.Get("marking-ask"), r.PostForm.Get("marking")))
		if err != nil {
			return err
		}
		_, err = p.in.AskResource(r.Context(), actor(r), i.ID, incident.NewEntry{Marking: m, Text: r.PostForm.Get("text"), To: circleOf(r)})
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
		return p.in.SetResource(r.Context(), actor(r), id, incident.ResourceState(f.Get("state")), positive(f.Get("giver")), positive(f.Get("version")))
	})
}

func (p *Pages) addLesson(w http.ResponseWriter, r *http.Request) error {
	return p.recover(w, r, func(i *incident.Incident) error {
		f := r.PostForm
		due, err := timeOf(r, "due")
		if err != nil {
			return err
		}
		l := incident.Lesson{Text: first(f.Get("lesson"), f.Get("text")), Action: f.Get("action"), Due: due, PeerText: f.Get("peer_text")}
		if l.PeerText != "" {
			if l.PeerMarking, err = parseMarking(f.Get("peer_marking")); err != nil {
				return fault.OnField("peer_marking", "incident.marking.unknown", nil)
			}
		}
		if f.Get("owes") != "" {
			o, err := p.orgNamed(r, "owes")
			if err != nil {
				return err
			}
			l.Org = o.ID
		}
		_, err = p.in.AddLesson(r.Context(), actor(r), i.ID, l)
		return err
	})
}

// lessonList fills a list with lessons: of one incident, or of all as filtered.
func (p *Pages) lessonList(r *http.Request, of int64, l *web.List) error {
	q := r.URL.Query()
	f := incident.LessonFilter{Incident: of, Limit: perPage + 1}
	if of == 0 {
		f.State, f.Before = incident.LessonState(q.Get("state")), positive(q.Get("after"))
	}
	found, err := p.in.Lessons(r.Context(), p.in.Acts.Reader(), viewer(r), f)
	if err != nil {
		return err
	}
	*l = web.List{
		ID: "lessons", Caption: web.Say(r, "incident.desk.lessons"), Total: web.Total{Hide: true},
		Columns: web.Columns(r, "incident.desk.lesson.text", "incident.desk.lesson.action", "incident.desk.owes", "incident.desk.lesson.due", "incident.desk.column.state", "incident.desk.column.number"),
		Empty:   web.Empty{Title: web.Say(r, "incident.desk.lessons.none"), Why: web.Say(r, "incident.desk.lessons.none.why")},
	}
	if len(found) > perPage {
		found = found[:perPage]
		l.Older = web.With(r.URL, "after", number(found[perPage-1].ID))
	}
	for _, x := range found {
		n := p.in.Number(x.Incident)
		b := web.Badge{Tone: "open", Word: web.Say(r, "incident.desk.lesson.state."+string(x.State))}
		if x.State == incident.LessonDone {
			b.Tone = "ok"
		}
		l.Rows = append(l.Rows, web.Row{ID: number(x.ID), Name: clip(x.Text, 80), Cells: []web.Cell{
			{Text: clip(x.Text, 200), Sub: clip(x.PeerText, 120)}, {Text: clip(x.Action, 160), Sub: clip(x.Result, 160)}, web.Text(p.orgName(x.Org)), {At: x.Due},
			{Badge: &b}, {Text: n, URL: incidentURL(n) + "/recovery", Mono: true},
		}})
	}
	return nil
}

// lessonsPage is the dot of the list of lessons.
type lessonsPage struct {
	List web.List
	Open []lessonCard
}

type lessonCard struct {
	Text string
	Form web.Form
}

func (p *Pages) lessons(w http.ResponseWriter, r *http.Request) error {
	return p.showLessons(w, r, nil)
}

func (p *Pages) showLessons(w http.ResponseWriter, r *http.Request, problem error) error {
	page, status := web.Page{
		Title: web.Say(r, "incident.desk.lessons"), Room: "incident", Lead: web.Say(r, "incident.desk.lessons.lead"), Marking: "TLP:AMBER",
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}, http.StatusOK
	data := lessonsPage{}
	if err := p.lessonList(r, 0, &data.List); err != nil {
		return err
	}
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{{Label: web.Say(r, "incident.desk.any")}}}
	for _, s := range []incident.LessonState{incident.LessonOpen, incident.LessonDone, incident.LessonDropped} {
		state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.lesson.state."+string(s))})
	}
	data.List.Filters = web.Sift(r, state)
	open, err := p.in.Lessons(r.Context(), p.in.Acts.Reader(), viewer(r), incident.LessonFilter{State: incident.LessonOpen, Limit: 20})
	if err != nil {
		return err
	}
	for _, x := range open {
		if can(r, setLesson) {
			data.Open = append(data.Open, lessonCard{x.Text, lessonEnd(r, &x)})
		}
	}
	if problem != nil {
		status = statusOf(problem)
		fail(r, &page, problem)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/lessons", page)
}

// lessonEnd asks what came of a lesson's action.
func lessonEnd(r *http.Request, x *incident.Lesson) web.Form {
	return web.Form{Action: "/incident/lessons/" + number(x.ID), Submit: web.Say(r, "incident.desk.task.set"), Hidden: []web.Hidden{{Name: "version", Value: number(x.Version)}}, Fields: suffixed(number(x.ID), []web.Field{
		{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{
			{Value: "done", Label: web.Say(r, "incident.desk.lesson.state.done")}, {Value: "dropped", Label: web.Say(r, "incident.desk.lesson.state.dropped")},
		}},
		{Name: "result", Type: "text", Label: web.Say(r, "incident.desk.task.result"), Required: true, Autocomplete: "off"},
	})}
}

func (p *Pages) setLesson(w http.ResponseWriter, r *http.Request) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "lesson")
	if err != nil {
		return err
	}
	own := number(id)
	err = p.in.SetLesson(r.Context(), actor(r), id, incident.LessonState(either(r, "state", own)), either(r, "result", own), positive(r.PostForm.Get("version")))
	if correctable(err) {
		return p.showLessons(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, "/incident/lessons", web.Flash{Key: "incident.desk.saved"})
	return nil
}
