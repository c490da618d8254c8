package portalweb

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
)

// recoveryPage is the dot of the page.
type recoveryPage struct {
	common
	Doc        portal.RecoveryDoc
	Row        incidentRow
	Back       web.Link
	Services   []serviceRow
	Milestones []milestoneRow
	Resources  []resourceRow
	Picture    *web.TimePicture
	Add, Ask   *newForm
}

type serviceRow struct {
	portal.ServiceLine
	Badge  web.Badge
	Waits  string
	Needs  []needRow
	Lost   string
	Late   bool        // the time at which it was expected has passed
	Verify *web.Action // the one thing to do
	Say    *folded
}

type needRow struct {
	Name  string
	Badge web.Badge
}

type milestoneRow struct {
	portal.MilestoneLine
	N     int
	Of    string
	Badge web.Badge
	Says  []*folded
}

type resourceRow struct {
	portal.ResourceLine
	Badge web.Badge
	Do    []web.Action
}

// folded is a form that is out of sight until it is wanted, or was refused.
type folded struct {
	*web.Form
	Title string
	Open  bool
}

// newForm is a folded form that also asks who else sees what it keeps.
type newForm struct {
	folded
	Who chooser
}

// shownRecovery makes the page.
func (p *Pages) shownRecovery(r *http.Request, reply portal.Reply, page web.Page, c common) (name string, _ web.Page, err error) {
	d := recoveryPage{common: c}
	if err := json.Unmarshal(reply.Parcel.View().Body, &d.Doc); err != nil {
		return "", page, err
	}
	d.Row = incidentRows([]portal.IncidentLine{d.Doc.IncidentLine})[0]
	d.Back = web.Link{Label: d.Doc.Title, URL: d.Row.Path}
	page.Number, page.Title, page.Lead = d.Doc.Number, web.Say(r, "portal.recovery"), web.Say(r, "portal.recovery.lead")
	s := scene{p, r, &d, p.portal.Acts.Clock().Now(), d.Doc.State == string(incident.Open), nil}
	for k := range d.Doc.Services {
		d.Services = append(d.Services, s.service(&d.Doc.Services[k]))
	}
	for k := range d.Doc.Milestones {
		d.Milestones = append(d.Milestones, s.milestone(k, &d.Doc.Milestones[k]))
	}
	for k := range d.Doc.Resources {
		d.Resources = append(d.Resources, s.resource(&d.Doc.Resources[k]))
	}
	d.Picture = s.picture()
	if s.open {
		d.Add, d.Ask = s.addForm(), s.askForm()
	}
	s.fail(reply, &page)
	page.Data = d
	return "portal/recovery", page, nil
}

// scene makes the parts of one page.
type scene struct {
	p     *Pages
	r     *http.Request
	d     *recoveryPage
	now   time.Time
	open  bool
	folds []*folded
}

func (s *scene) say(key string, pairs ...any) string { return web.Say(s.r, key, pairs...) }

func (s *scene) badge(state string, quality int) web.Badge {
	word := s.say("portal.service." + state)
	if st := incident.ServiceState(state); st == incident.Degraded || st == incident.Workaround {
		word += " · " + web.PrinterOf(s.r.Context()).Percent(float64(quality)/100)
	}
	tone := map[incident.ServiceState]string{
		incident.Down: "critical", incident.Degraded: "high", incident.Workaround: "medium", incident.Restored: "low", incident.Verified: "ok",
	}[incident.ServiceState(state)]
	return web.Badge{Tone: tone, Word: word}
}

// until is when the figures end.
func (s *scene) until() time.Time {
	if !s.d.Doc.Closed.IsZero() {
		return s.d.Doc.Closed
	}
	return s.now
}

func (s *scene) lost(hours float64) string {
	return s.say("portal.service.lost", "Hours", web.PrinterOf(s.r.Context()).Decimal(hours, 1))
}

func (s *scene) service(l *portal.ServiceLine) serviceRow {
	now := l.Now()
	row := serviceRow{ServiceLine: *l, Badge: s.badge(now.State, now.Quality), Late: s.open && now.Expected.Before(s.now)}
	var steps []incident.Step
	for _, one := range l.Steps {
		steps = append(steps, incident.Step{State: incident.ServiceState(one.State), Quality: one.Quality, At: one.At})
	}
	row.Lost = s.lost(incident.Lost(steps, s.until()))
	for _, n := range l.Needs {
		row.Needs = append(row.Needs, needRow{n.Name, s.badge(n.State, n.Quality)})
	}
	if waits := l.Waits(); len(waits) > 0 {
		key := "portal.service.waits"
		if incident.ServiceState(now.State).Back() {
			key = "portal.service.without"
		}
		row.Waits = s.say(key, "Names", strings.Join(waits, ", "))
	}
	if !l.Mine || !s.open {
		return row
	}
	u, version := entryPath(l.Ref), []web.Hidden{{Name: "version", Value: strconv.FormatInt(l.Version, 10)}}
	if now.State == string(incident.Restored) {
		row.Verify = &web.Action{Label: s.say("portal.service.verify"), URL: u + "/verified", Post: true, Tone: "primary", Icon: "check", Hidden: version}
	}
	row.Say = s.fold(s.say("portal.service.say"), &web.Form{Action: u + "/service", Hidden: version, Submit: s.say("portal.service.say"), Fields: suffixed(l.Ref, s.stepFields(now, true))})
	return row
}

// serviceRows are the services on the page of their incident.
func (p *Pages) serviceRows(r *http.Request, d *portal.IncidentDoc) (out []serviceRow) {
	s := scene{p: p, r: r, d: &recoveryPage{Doc: portal.RecoveryDoc{IncidentLine: d.IncidentLine}}, now: p.portal.Acts.Clock().Now(), open: d.State == string(incident.Open)}
	for k := range d.Services {
		out = append(out, s.service(&d.Services[k]))
	}
	return out
}

// stepFields ask how a service fares.
func (s *scene) stepFields(now portal.StepLine, verified bool) []web.Field {
	state := web.Field{Name: "state", Type: "select", Label: s.say("portal.incident.state")}
	for _, st := range incident.ServiceStates() {
		if verified || st != incident.Verified {
			state.Options = append(state.Options, web.Option{Value: string(st), Label: s.say("portal.service." + string(st)), Selected: string(st) == now.State})
		}
	}
	expected := ""
	if !now.Expected.IsZero() {
		expected = now.Expected.In(web.PrinterOf(s.r.Context()).Zone()).Format(web.LocalTime)
	}
	return []web.Field{
		state,
		{Name: "quality", Type: "number", Label: s.say("portal.service.quality"), Why: s.say("portal.service.quality.why"), Value: strconv.Itoa(now.Quality)},
		{Name: "at", Type: "datetime-local", Label: s.say("portal.service.since"), Why: s.say("portal.service.since.why")},
		{Name: "expected", Type: "datetime-local", Label: s.say("portal.service.expected"), Why: s.say("portal.service.expected.why"), Value: expected},
		{Name: "note", Type: "text", Label: s.say("portal.service.note"), Autocomplete: "off"},
	}
}

// suffixed tells fields of one form from those of another on the same page.
func suffixed(with string, fields []web.Field) []web.Field {
	for i := range fields {
		fields[i].Name += "-" + with
	}
	return fields
}

func (s *scene) fold(title string, f *web.Form) *folded {
	one := &folded{Form: f, Title: title}
	s.folds = append(s.folds, one)
	return one
}

func (s *scene) milestone(k int, l *portal.MilestoneLine) milestoneRow {
	standing := l.Standing(s.now)
	row := milestoneRow{MilestoneLine: *l, N: k + 1, Of: s.say("portal.milestone.whole"), Badge: web.Badge{Tone: "open", Word: s.say("portal.milestone." + string(standing))}}
	switch standing {
	case incident.Missed:
		row.Badge.Tone, row.Badge.Icon = "critical", "warning"
	case incident.Reached, incident.ReachedLate:
		row.Badge.Tone = "ok"
	case incident.Dropped:
		row.Badge.Tone = "muted"
	case incident.Ahead:
	}
	for _, one := range s.d.Doc.Services {
		if one.Ref == l.Service {
			row.Of = one.Name
		}
	}
	if !l.Mine || !s.open || incident.TaskState(l.State).Ended() {
		return row
	}
	u, version := entryPath(l.Ref), []web.Hidden{{Name: "version", Value: strconv.FormatInt(l.Version, 10)}}
	reach, move := s.say("portal.milestone.reach"), s.say("portal.milestone.move")
	row.Says = []*folded{
		s.fold(reach, &web.Form{Action: u + "/reached", Hidden: version, Submit: reach, Fields: suffixed(l.Ref, []web.Field{
			{Name: "at", Type: "datetime-local", Label: s.say("portal.service.since"), Why: s.say("portal.service.since.why")},
			{Name: "result", Type: "text", Label: s.say("portal.milestone.result"), Autocomplete: "off"},
		})}),
		s.fold(move, &web.Form{Action: u + "/moved", Hidden: version, Submit: move, Fields: suffixed(l.Ref, []web.Field{
			{Name: "due", Type: "datetime-local", Label: s.say("portal.milestone.due"), Required: true},
			{Name: "reason", Type: "text", Label: s.say("portal.incident.reason"), Required: true, Autocomplete: "off"},
		})}),
	}
	return row
}

func (s *scene) resource(l *portal.ResourceLine) resourceRow {
	row := resourceRow{ResourceLine: *l, Badge: web.Badge{Tone: "open", Word: s.say("portal.resource." + l.State)}}
	switch incident.ResourceState(l.State) {
	case incident.ResourceDelivered:
		row.Badge.Tone = "ok"
	case incident.ResourceDeclined:
		row.Badge.Tone = "muted"
	case incident.ResourceAsked, incident.ResourceOffered, incident.ResourceAccepted:
	}
	if !s.open {
		return row
	}
	for _, to := range l.Next {
		row.Do = append(row.Do, web.Action{Label: s.say("portal.resource." + to + ".do"), URL: entryPath(l.Ref) + "/resource", Post: true, Hidden: []web.Hidden{
			{Name: "state", Value: to}, {Name: "version", Value: strconv.FormatInt(l.Version, 10)},
		}})
	}
	return row
}

// picture draws how much of each service works over time.
func (s *scene) picture() *web.TimePicture {
	c := web.TimeChart{
		ID: "curve", Title: s.say("portal.recovery.curve"), Mean: s.say("portal.recovery.mean", "Count", len(s.d.Doc.Services)), Marked: s.say("portal.milestones"),
		Lost: s.lost, End: s.until(), Runs: s.d.Doc.Closed.IsZero(),
	}
	at := map[string]int{"": -1}
	for k := range s.d.Doc.Services {
		l := &s.d.Doc.Services[k]
		at[l.Ref] = k
		panel := web.TimePanel{Name: l.Name}
		if now := l.Now(); !incident.ServiceState(now.State).Back() {
			panel.Expected = now.Expected
		}
		for _, one := range l.Steps {
			panel.Points = append(panel.Points, web.TimePoint{At: one.At, Percent: float64(one.Quality)})
		}
		c.Panels = append(c.Panels, panel)
	}
	for k := range s.d.Doc.Milestones {
		l := &s.d.Doc.Milestones[k]
		m := web.TimeMark{Label: strconv.Itoa(k + 1), Name: l.Title, At: l.Due, Shape: "ahead", Word: s.d.Milestones[k].Badge.Word, Panel: at[l.Service]}
		switch l.Standing(s.now) {
		case incident.Dropped:
			continue
		case incident.Reached, incident.ReachedLate:
			m.Shape, m.At = "reached", l.Reached
		case incident.Missed:
			m.Shape = "missed"
		case incident.Ahead:
		}
		c.Marks = append(c.Marks, m)
	}
	return c.Draw(web.PrinterOf(s.r.Context()))
}

// addForm names a service of the reader's organisation.
func (s *scene) addForm() *newForm {
	fields := append([]web.Field{
		{Name: "name", Type: "text", Label: s.say("portal.service.name"), Example: s.say("portal.service.name.example"), Required: true, Autocomplete: "off"},
		{Name: "people", Type: "number", Label: s.say("portal.service.people.field")},
	}, s.stepFields(portal.StepLine{}, false)...)
	title := s.say("portal.service.add")
	return s.newForm(title, &web.Form{Action: recoveryPath(s.d.Doc.Number) + "/services", Submit: title, Fields: append(fields, s.marking())})
}

// askForm asks others for something.
func (s *scene) askForm() *newForm {
	title := s.say("portal.resource.ask")
	return s.newForm(title, &web.Form{Action: recoveryPath(s.d.Doc.Number) + "/resources", Submit: title, Fields: suffixed("ask", []web.Field{
		{Name: "text", Type: "text", Label: s.say("portal.resource.what"), Required: true, Autocomplete: "off"}, s.marking(),
	})})
}

func (s *scene) marking() web.Field {
	return web.Field{Name: "marking", Type: "select", Label: s.say("portal.incident.marking"), Why: s.say("portal.incident.marking.why"), Options: markingOptions(s.r, s.d.Doc.Marking)}
}

func (s *scene) newForm(title string, f *web.Form) *newForm {
	one := s.fold(title, f)
	return &newForm{*one, chooser{Orgs: slices.Clone(s.d.Doc.Orgs), People: slices.Clone(s.d.Doc.People)}}
}

// fail gives back what was typed into the form that was sent, and unfolds it.
func (s *scene) fail(reply portal.Reply, page *web.Page) {
	if reply.Problem == nil {
		return
	}
	page.Faults, page.Fault = web.FieldFaults(web.PrinterOf(s.r.Context()), reply.Problem), sentence(s.r, reply.Problem)
	for _, f := range s.folds {
		if f.Action != s.r.URL.Path {
			continue
		}
		f.Open = true
		f.Fill(func(name string) string { return reply.Typed[name] })
		for _, field := range f.Fields {
			for n := range page.Faults {
				if said := page.Faults[n].Field; said != "" && strings.HasPrefix(field.Name, said+"-") {
					page.Faults[n].Field = field.Name
				}
			}
		}
		f.Fail(page.Faults)
	}
	for _, f := range []*newForm{s.d.Add, s.d.Ask} {
		if f == nil || f.Action != s.r.URL.Path {
			continue
		}
		f.Open = true
		f.Who.fill(reply.Typed)
		for _, x := range page.Faults {
			if x.Field == "audience" {
				f.Who.Error = x.Text
			}
		}
	}
}
