package gate

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// parties is a nation with two water companies, a provider that acts for one of them, the
// police, and an incident in which the first company and the police take part.
type parties struct {
	*port
	in              *incident.Incidents
	i               incident.Incident
	number          string
	police, sentry  int64
	desk            act.Actor
	ana, ben, chief guard.Person // two of the company, one of the police
	read            int          // mails that were looked at
}

// openParties starts one, on SQLite or the database given.
func openParties(t *testing.T, db ...sqldb.Config) *parties {
	t.Helper()
	p := &parties{port: &port{t: t}}
	p.House = house.Start(t, house.Options{Database: append(db, sqldb.Config{})[0], Fill: func(ctx context.Context, h *house.House) error {
		const soc = "Sentinela SOC,provider,XA,digital-infrastructure,domain,soc.example,SOC,soc@soc.example,es\n"
		const police = "Policía,police,XA,public-administration,domain,police.example,Desk,desk@police.example,en\n"
		return h.Import(ctx, house.Faro, house.Ribera, soc, police)
	}})
	p.in = p.App.Incidents()
	for name, id := range map[string]*int64{"Aguas del Faro": &p.faro, "Ribera Waterworks": &p.ribera, "Sentinela SOC": &p.sentry, "Policía": &p.police} {
		o, ok, err := p.App.Guard().OrganisationNamed(t.Context(), p.App.Acts().Reader(), name)
		if err != nil || !ok {
			t.Fatal(name, ok, err)
		}
		*id = o.ID
	}
	p.must(p.App.Constituency().SetActsFor(t.Context(), house.Lead(), p.sentry, []int64{p.faro}))
	p.desk = guard.ActorOf(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	p.ana, p.ben, p.chief = p.Person(p.faro, guard.RoleContact), p.Person(p.faro, guard.RoleContact), p.Person(p.police, guard.RoleContact)
	var err error
	p.i, err = p.in.OpenNew(t.Context(), p.desk, incident.Incident{Title: "A control system is reached from outside", Severity: incident.High, Marking: tlp.Amber})
	p.must(err)
	p.number = p.in.Number(p.i.ID)
	for org, role := range map[int64]incident.Role{p.faro: "affected", p.police: "police"} {
		_, err := p.in.AddParticipant(t.Context(), p.desk, p.i.ID, incident.NewParticipant{Org: org, Role: role})
		p.must(err)
	}
	return p
}

func (p *parties) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *parties) as(one guard.Person) func(*http.Request) { return house.As(p.SignIn(one.ID)) }

func (p *parties) write(by act.Actor, n incident.NewEntry) incident.Entry {
	p.t.Helper()
	if n.Kind == "" {
		n.Kind = incident.Note
	}
	e, err := p.in.AddEntry(p.t.Context(), by, p.i.ID, n)
	p.must(err)
	return e
}

func (p *parties) uid(org int64) string {
	o, err := p.App.Guard().Organisation(p.t.Context(), p.App.Acts().Reader(), org)
	p.must(err)
	return o.UID
}

func TestWhoTakesPartSeesItsPartOfAnIncidentInThePortal(t *testing.T) {
	p := openParties(t)
	orgs := func(ids ...int64) guard.Circle { return guard.Circle{Orgs: ids} }
	p.write(p.desk, incident.NewEntry{Marking: tlp.AmberStrict, Text: "to the company alone", To: orgs(p.faro)})
	p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "to the police alone", To: orgs(p.police)})
	p.write(p.desk, incident.NewEntry{Marking: tlp.Red, Text: "to Ana by name", To: guard.Circle{Persons: []int64{p.ana.ID}}})
	p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "to the desk itself"})
	file := p.write(p.desk, incident.NewEntry{Marking: tlp.Green, Text: "a drawing", To: orgs(p.faro), Files: []incident.NewFile{{Name: "plan.html", Body: []byte("<script>1</script>")}}})
	asked := p.write(p.desk, incident.NewEntry{Kind: incident.Question, Marking: tlp.Amber, Text: "Is the pump safe?", To: orgs(p.faro), Task: &incident.NewTask{Org: p.faro, Due: p.Clock.Now().Add(time.Hour)}})
	page := "/portal/incidents/" + p.number
	ana, ben, chief, soc := p.as(p.ana), p.as(p.ben), p.as(p.chief), p.contact(p.sentry)
	p.get(ana, "/portal/incidents", 200, []string{p.number, "A control system", "Is the pump safe?"}, []string{"to the company"})
	p.get(ana, page, 200, []string{"to the company alone", "to Ana by name", "a drawing", "TLP:RED", "Is the pump safe?"}, []string{"to the police", "to the desk", "Policía", "Ribera"})
	p.get(ben, page, 200, []string{"to the company alone"}, []string{"to Ana", "to the police", "TLP:RED"})
	p.get(chief, page, 200, []string{"to the police alone"}, []string{"company", "Aguas", "Ana", "pump"})
	for _, who := range []func(*http.Request){soc, p.contact(p.ribera)} {
		p.get(who, "/portal/incidents", 200, []string{"You take part in no incident"}, []string{p.number})
		p.get(who, page, 404, nil, []string{"control system"})
		p.get(who, "/portal/entries/"+p.in.Ref(asked.ID), 404, nil, []string{"pump"})
	}
	p.get(ana, "/incident/incidents/"+p.number, 403, nil, []string{"control system"})
	p.post(ana, "/incident/incidents/"+p.number+"/entries", "kind=nonsense", 403, nil, []string{"Policía"})

	fs, err := p.in.Files(t.Context(), p.App.Acts().Reader(), incident.Viewer{Org: p.faro}, p.i.ID)
	if err != nil || len(fs) != 1 || fs[0].Entry != file.ID {
		t.Fatal(fs, err)
	}
	drawing := "/portal/incident-files/" + p.in.FileRef(fs[0].ID)
	a := p.get(ana, drawing, 200, []string{"<script>"}, nil)
	if d := a.Header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || a.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("the file is sent as %q, %q", d, a.Header.Get("Content-Type"))
	}
	p.get(chief, drawing, 404, nil, nil)

	question := "/portal/entries/" + p.in.Ref(asked.ID)
	p.get(ana, question, 200, []string{"Is the pump safe?", "Your answer"}, nil)
	p.post(ana, question+"/answer", "text=", 422, []string{"This cannot be empty."}, nil)
	p.post(ana, question+"/answer", "text=It+stands+still.", 303, nil, nil)
	p.post(ana, question+"/answer", "text=again", 409, []string{"answered or withdrawn"}, nil)
	p.get(ben, page, 200, []string{"It stands still."}, nil)
	p.get(chief, page, 200, nil, []string{"It stands still."})

	// Whom somebody cannot know is refused alike, whether it takes part or not.
	taking := p.post(ana, page+"/write", "text=x&marking=TLP:GREEN&org="+p.uid(p.police), 422, []string{"Choose only among"}, nil)
	not := p.post(ana, page+"/write", "text=x&marking=TLP:GREEN&org="+p.uid(p.ribera), 422, nil, nil)
	if plain(taking.Body, map[string]string{}) != plain(not.Body, map[string]string{}) {
		t.Error("a refusal tells who takes part")
	}
	p.post(ana, page+"/write", "do=look&text=we+closed+it&marking=TLP:AMBER", 200, []string{"Exactly these will see it", "we closed it"}, []string{"Policía"})
	p.post(ana, page+"/write", "text=we+closed+it&marking=TLP:AMBER", 303, nil, nil)
	es, err := p.in.Story(t.Context(), p.App.Acts().Reader(), incident.Viewer{Org: p.faro}, p.i.ID)
	p.must(err)
	own := es[len(es)-1]
	mine := "/portal/entries/" + p.in.Ref(own.ID)
	p.get(ana, mine+"?do=edit", 200, []string{"Save"}, nil)
	p.post(ana, mine+"/edit", "text=we+closed+port+502&version=1", 303, nil, nil)
	p.post(ben, mine+"/edit", "text=no&version=1", 409, []string{"Somebody changed this meanwhile"}, nil)
	p.post(ana, question+"/edit", "text=mine&version=1", 403, nil, nil)
	p.post(ana, mine+"/share", "marking=TLP:GREEN&reason=known&version=2", 303, nil, nil)
	p.post(ana, mine+"/retract", "reason=wrong+port&version=3", 303, nil, nil)
	p.get(ben, page, 200, []string{"Taken back:", "wrong port"}, []string{"port 502"})

	p.must(p.in.OfferLead(t.Context(), p.desk, p.i.ID, p.police))
	p.get(ana, page, 200, nil, []string{"You are asked to lead"})
	p.get(chief, page, 200, []string{"You are asked to lead"}, nil)
	p.post(ana, page+"/lead", "accept=yes", 409, nil, nil)
	p.post(chief, page+"/lead", "accept=no", 303, nil, nil)
	a = p.uploads(chief, page+"/write", "note.txt", "what we found")
	if a.Status != 303 {
		t.Errorf("an upload: got %d\n%s", a.Status, a.Body)
	}
	p.get(chief, page, 200, []string{"note.txt"}, nil)
	p.get(ana, page, 200, nil, []string{"note.txt"})
	for _, path := range []string{"/api/v1/portal/incidents", "/api/v1/portal/incidents/" + p.number} {
		p.get(ana, path, 200, []string{p.number}, []string{"to the police"})
		p.get(soc, path, map[bool]int{true: 404, false: 200}[strings.Contains(path, p.number)], nil, []string{p.number + `"`})
	}
}

func (p *parties) uploads(who func(*http.Request), path, name, body string) house.Answer {
	p.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range map[string]string{"text": "see the file", "marking": "TLP:GREEN"} {
		p.must(w.WriteField(k, v))
	}
	f, err := w.CreateFormFile("files", name)
	p.must(err)
	_, err = f.Write([]byte(body))
	p.must(err)
	p.must(w.Close())
	return p.Ask(http.MethodPost, path, &b, who, house.Outside, house.Header("Content-Type", w.FormDataContentType()))
}

func TestWhoIsRemovedFromAnIncidentSeesAndHearsNothingOfItAtOnce(t *testing.T) {
	p := openParties(t)
	p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "to the police", To: guard.Circle{Orgs: []int64{p.police}}})
	chief, ana := p.as(p.chief), p.as(p.ana)
	page := "/portal/incidents/" + p.number
	p.get(chief, page, 200, []string{"to the police"}, nil)
	streams := map[string]*listening{"chief": p.listen(p.chief), "ana": p.listen(p.ana), "ben": p.listen(p.ben)}
	hears := func(what string, want ...string) {
		t.Helper()
		for _, name := range want {
			streams[name].news(t, what)
		}
		for name, s := range streams {
			if !strings.Contains(strings.Join(want, " "), name) {
				s.silent(t, p, what+": "+name)
			}
		}
	}
	p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "again", To: guard.Circle{Orgs: []int64{p.police}}})
	hears("an entry to the police", "chief")
	p.write(p.desk, incident.NewEntry{Marking: tlp.Red, Text: "to Ana", To: guard.Circle{Persons: []int64{p.ana.ID}}})
	hears("an entry to one person", "ana")
	ps, err := p.in.Participants(t.Context(), p.App.Acts().Reader(), p.i.ID, false)
	p.must(err)
	for _, one := range ps {
		if one.Org == p.police {
			p.must(p.in.RemoveParticipant(t.Context(), p.desk, p.i.ID, one.ID, "done"))
		}
	}
	hears("its own removal", "chief")
	p.get(chief, page, 404, nil, []string{"police"})
	p.get(chief, "/portal/incidents", 200, nil, []string{p.number})
	p.post(chief, page+"/write", "text=x&marking=TLP:GREEN", 404, nil, nil)
	p.write(p.desk, incident.NewEntry{Marking: tlp.Amber, Text: "later", To: guard.Circle{Orgs: []int64{p.faro}}})
	hears("an entry to the others", "ana", "ben")
	v, err := p.in.Incident(t.Context(), p.App.Acts().Reader(), incident.ViewerOf(p.desk), p.i.ID)
	p.must(err)
	p.must(p.in.Close(t.Context(), p.desk, p.i.ID, incident.Resolved, "all is well", v.Version))
	hears("the end", "ana", "ben")
	p.get(ana, page, 200, []string{"all is well", "resolved"}, nil)
}

// listening is a browser's stream.
type listening struct {
	person int64
	res    *http.Response
	word   chan string
}

var eventLine = regexp.MustCompile(`^event: (news|hello)`)

func (p *parties) listen(who guard.Person) *listening {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/events", nil)
	p.must(err)
	p.as(who)(r)
	house.Outside(r)
	res, err := http.DefaultTransport.RoundTrip(r)
	p.must(err)
	p.t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	l := &listening{person: who.ID, res: res, word: make(chan string, 100)}
	go l.read()
	l.news(p.t, "the greeting")
	return l
}

func (l *listening) read() {
	defer close(l.word)
	buf, line := make([]byte, 1), []byte{}
	for {
		if n, err := l.res.Body.Read(buf); err != nil || n == 0 {
			return
		}
		if line = append(line, buf[0]); buf[0] == '\n' {
			if m := eventLine.FindSubmatch(line); m != nil {
				l.word <- string(m[1])
			}
			line = line[:0]
		}
	}
}

// news wants one piece of news.
func (l *listening) news(t *testing.T, what string) {
	t.Helper()
	select {
	case _, ok := <-l.word:
		if !ok {
			t.Fatalf("%s: the stream ended", what)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: no news", what)
	}
}

// silent wants none. News of one topic that wait are one piece of news, so the stream gets
// the time of a request to take what came; then a fence of our own is the only word.
func (l *listening) silent(t *testing.T, p *parties, what string) {
	t.Helper()
	p.Ask(http.MethodGet, "/healthz", nil)
	p.App.Site().Hub().Publish(fmt.Sprintf("portal.person-%d", l.person), "portal")
	select {
	case _, ok := <-l.word: // the fence itself
		if !ok {
			return // an ended stream is silent
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: the stream is dead", what)
	}
	p.Ask(http.MethodGet, "/healthz", nil)
	select {
	case <-l.word:
		t.Errorf("%s: heard of it", what)
	default:
	}
}
