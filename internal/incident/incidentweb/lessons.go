package incidentweb

import (
	"net/http"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

const lessonsURL = "/incident/lessons"

// lessonRoutes are the pages of what was learned.
func (p *Pages) lessonRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Pattern: lessonsURL, Permission: read, Handler: p.lessons, Sample: "GET /incident/lessons?state=open"},
		{Method: "GET", Pattern: lessonsURL + "/peers", Permission: read, Handler: p.peerLessons, Sample: "GET /incident/lessons/peers"},
		{Method: "POST", Pattern: lessonsURL + "/{lesson}", Permission: setLesson, Handler: p.setLesson, Sample: "POST /incident/lessons/1 state=done&result=a&version=1"},
		{Method: "POST", Pattern: lessonsURL + "/{lesson}/peers", Permission: setPeerWords, Handler: p.setPeerWords, Sample: "POST /incident/lessons/1/peers peer_text=a&peer_marking=TLP:GREEN&version=1"},
		{Method: "POST", Pattern: "/incident/incidents/{number}/recovery/lessons", Permission: addLesson, Handler: p.addLesson, Sample: "POST /incident/incidents/ALM-0000-0000/recovery/lessons text=a"},
	}
}

func (p *Pages) lessonForm(r *http.Request, i *incident.Incident) *fold {
	owes := web.Field{Name: "owes", Type: "text", Label: web.Say(r, "incident.desk.owes"), Autocomplete: "off", Why: web.Say(r, "incident.desk.participant.why")}
	return &fold{ID: "learn", Title: web.Say(r, "incident.desk.lesson.add"), Form: web.Form{Action: recoveryURL(p, i) + "/lessons", Submit: web.Say(r, "incident.desk.lesson.add"), Fields: []web.Field{
		{Name: "lesson", Type: "textarea", Rows: 3, Label: web.Say(r, "incident.desk.lesson.text"), Required: true},
		{Name: "action", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.lesson.action")}, owes,
		{Name: "due", Type: "datetime-local", Label: web.Say(r, "incident.desk.lesson.due")},
		{Name: "peer_text", Type: "textarea", Rows: 2, Label: web.Say(r, "incident.desk.lesson.peer"), Why: web.Say(r, "incident.desk.lesson.peer.why")},
		{Name: "peer_marking", Type: "select", Label: web.Say(r, "incident.desk.lesson.peer.marking"), Options: peerMarkings(r, i.Marking)},
	}}}
}

// peerMarkings are those that what peers are told may have.
func peerMarkings(r *http.Request, chosen tlp.Marking) (out []web.Option) {
	for _, o := range markings(r, chosen, false) {
		if m, err := tlp.Parse(o.Value); err == nil && m.AtMost(tlp.Amber) {
			out = append(out, o)
		}
	}
	return out
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
			if l.PeerMarking, err = parseMarking("peer_marking", f.Get("peer_marking")); err != nil {
				return err
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
		switch {
		case x.State == incident.LessonDone:
			b.Tone = "ok"
		case lateLesson(&x, p.in.Acts.Clock().Now()):
			b = web.Badge{Tone: "critical", Word: web.Say(r, "incident.desk.lesson.late")}
		}
		l.Rows = append(l.Rows, web.Row{ID: number(x.ID), Name: clip(x.Text, 80), Cells: []web.Cell{
			{Text: clip(x.Text, 200), Sub: peerSub(r, &x)}, {Text: clip(x.Action, 160), Sub: clip(x.Result, 160)}, web.Text(p.orgName(x.Org)), {Day: x.Due},
			{Badge: &b}, {Text: n, URL: incidentURL(n) + "/recovery", Mono: true},
		}})
	}
	return nil
}

// lateLesson tells whether the action of a lesson should have been done.
func lateLesson(x *incident.Lesson, now time.Time) bool {
	return x.State == incident.LessonOpen && !x.Due.IsZero() && x.Due.Before(now)
}

// peerSub says what peers may be told, and how far.
func peerSub(r *http.Request, x *incident.Lesson) string {
	if x.PeerText == "" {
		return web.Say(r, "incident.desk.lesson.peer.nothing")
	}
	return web.Say(r, "incident.desk.lesson.peer.says", "Marking", x.PeerMarking.String(), "Text", clip(x.PeerText, 120))
}

// lessonsPage is the dot of the list of lessons.
type lessonsPage struct {
	List web.List
	Open []lessonCard
}

// lessonCard is a lesson with what can be said of it.
type lessonCard struct {
	Text       string
	End, Peers web.Form
	Unfolded   bool
}

func (p *Pages) lessons(w http.ResponseWriter, r *http.Request) error {
	return p.showLessons(w, r, nil)
}

func lessonsTop(r *http.Request, title, lead string) web.Page {
	return web.Page{
		Title: web.Say(r, title), Room: "incident", Lead: web.Say(r, lead), Marking: tlp.Amber.String(),
		Crumbs: []web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}},
	}
}

func (p *Pages) showLessons(w http.ResponseWriter, r *http.Request, problem error) error {
	page, status := lessonsTop(r, "incident.desk.lessons", "incident.desk.lessons.lead"), http.StatusOK
	page.Actions = []web.Action{{Label: web.Say(r, "incident.desk.lessons.peers"), URL: lessonsURL + "/peers", Icon: "external"}}
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
	for k := range open {
		if can(r, setLesson) {
			data.Open = append(data.Open, lessonCard{Text: open[k].Text, End: lessonEnd(r, &open[k]), Peers: peerForm(r, &open[k])})
		}
	}
	if problem != nil {
		status = statusOf(problem)
		var forms []*web.Form
		for k := range data.Open {
			c := &data.Open[k]
			c.Unfolded = c.End.Action == r.URL.Path || c.Peers.Action == r.URL.Path
			forms = append(forms, &c.End, &c.Peers)
		}
		failSent(r, &page, problem, forms)
	}
	page.Data = data
	return p.site.Page(w, r, status, "incident/lessons", page)
}

// lessonEnd asks what came of a lesson's action.
func lessonEnd(r *http.Request, x *incident.Lesson) web.Form {
	return web.Form{Action: lessonsURL + "/" + number(x.ID), Submit: web.Say(r, "incident.desk.task.set"), Hidden: []web.Hidden{{Name: "version", Value: number(x.Version)}}, Fields: suffixed(number(x.ID), []web.Field{
		{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{
			{Value: "done", Label: web.Say(r, "incident.desk.lesson.state.done")}, {Value: "dropped", Label: web.Say(r, "incident.desk.lesson.state.dropped")},
		}},
		{Name: "result", Type: "text", Label: web.Say(r, "incident.desk.task.result"), Required: true, Autocomplete: "off"},
	})}
}

// peerForm asks what peers may be told of a lesson.
func peerForm(r *http.Request, x *incident.Lesson) web.Form {
	return web.Form{Action: lessonsURL + "/" + number(x.ID) + "/peers", Submit: web.Say(r, "incident.desk.lesson.peer.keep"), Hidden: []web.Hidden{{Name: "version", Value: number(x.Version)}}, Fields: suffixed(number(x.ID), []web.Field{
		{Name: "peer_text", Type: "textarea", Rows: 3, Label: web.Say(r, "incident.desk.lesson.peer"), Value: x.PeerText, Why: web.Say(r, "incident.desk.lesson.peer.why")},
		{Name: "peer_marking", Type: "select", Label: web.Say(r, "incident.desk.lesson.peer.marking"), Options: peerMarkings(r, x.PeerMarking)},
	})}
}

// changeLesson is the frame of a form of one lesson.
func (p *Pages) changeLesson(w http.ResponseWriter, r *http.Request, do func(id int64, own string) error) error {
	if err := web.Parse(r); err != nil {
		return err
	}
	id, err := pathID(r, "lesson")
	if err != nil {
		return err
	}
	err = do(id, number(id))
	if correctable(err) {
		return p.showLessons(w, r, err)
	}
	if err != nil {
		return err
	}
	p.site.Redirect(w, r, lessonsURL, web.Flash{Key: "incident.desk.saved"})
	return nil
}

func (p *Pages) setLesson(w http.ResponseWriter, r *http.Request) error {
	return p.changeLesson(w, r, func(id int64, own string) error {
		return p.in.SetLesson(r.Context(), actor(r), id, incident.LessonState(either(r, "state", own)), either(r, "result", own), positive(r.PostForm.Get("version")))
	})
}

func (p *Pages) setPeerWords(w http.ResponseWriter, r *http.Request) error {
	return p.changeLesson(w, r, func(id int64, own string) error {
		m, err := tlp.Parse(either(r, "peer_marking", own))
		if err != nil {
			return fault.OnField("peer_marking", "incident.marking.unknown", nil)
		}
		return p.in.SetPeerWords(r.Context(), actor(r), id, either(r, "peer_text", own), m, positive(r.PostForm.Get("version")))
	})
}

// peersPage is the dot of what peers may be told, to be printed.
type peersPage struct {
	From    string // the team
	At      time.Time
	Up      []web.Link // how far it may go
	Lessons []incident.Lesson
	Empty   web.Empty
}

// peerLessons shows what peers may be told of real lessons: those words and their
// marking, and nothing that says of whom or when.
func (p *Pages) peerLessons(w http.ResponseWriter, r *http.Request) error {
	up, err := tlp.Parse(r.URL.Query().Get("to"))
	if err != nil || !up.AtMost(tlp.Amber) {
		up = tlp.Green
	}
	all, err := p.in.Lessons(r.Context(), p.in.Acts.Reader(), viewer(r), incident.LessonFilter{Peers: true, Limit: 1000})
	if err != nil {
		return err
	}
	own, err := p.in.Guard.Organisation(r.Context(), p.in.Acts.Reader(), guard.OwnOrg)
	if err != nil {
		return err
	}
	page := lessonsTop(r, "incident.desk.lessons.peers", "incident.desk.lessons.peers.lead")
	data := peersPage{From: own.Name, At: p.in.Acts.Clock().Now(), Empty: web.Empty{Title: web.Say(r, "incident.desk.lessons.peers.none"), Why: web.Say(r, "incident.desk.lessons.peers.none.why")}}
	highest := tlp.Clear
	for k := range all {
		if all[k].PeerMarking.AtMost(up) {
			data.Lessons = append(data.Lessons, all[k])
			highest = tlp.Strictest(highest, all[k].PeerMarking)
		}
	}
	for _, m := range []tlp.Marking{tlp.Clear, tlp.Green, tlp.Amber} {
		data.Up = append(data.Up, web.Link{Label: m.String(), URL: web.With(r.URL, "to", m.String()), Current: m == up})
	}
	page.Marking, page.Data = highest.String(), data
	return p.site.Page(w, r, http.StatusOK, "incident/lessons-peers", page)
}
