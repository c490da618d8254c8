package gate

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

var deadlineAt = regexp.MustCompile(`/portal/deadlines/(D-[0-9A-Z]{4}-[0-9A-Z]{4})/write`)

// owes lets NIS2 apply to the company in the incident, which became aware an hour ago, and
// to the other one in an incident of its own; it returns the early warning's reference.
func (p *parties) owes() string {
	p.t.Helper()
	ctx := p.t.Context()
	other, err := p.in.OpenNew(ctx, p.desk, incident.Incident{Title: "Elsewhere", Severity: incident.Low, Marking: tlp.Amber})
	p.must(err)
	_, err = p.in.AddParticipant(ctx, p.desk, other.ID, incident.NewParticipant{Org: p.ribera, Role: "affected"})
	p.must(err)
	for _, d := range []struct{ org, at int64 }{{p.faro, p.i.ID}, {p.ribera, other.ID}} {
		_, err = p.in.BeginDuty(ctx, p.desk, d.at, incident.NewDuty{Org: d.org, Regime: "nis2", Authority: p.police})
		p.must(err)
		_, err = p.in.SetAnchor(ctx, p.desk, d.at, incident.NewAnchor{Org: d.org, Event: regime.Awareness, At: p.Clock.Now().Add(-time.Hour)})
		p.must(err)
	}
	cs, err := p.in.OwnClocks(ctx, p.App.Acts().Reader(), incident.Viewer{Org: p.faro, Person: p.ana.ID}, incident.OwnFilter{})
	p.must(err)
	return p.in.ClockRef(cs[0].ID)
}

func TestAnOperatorSeesAndFilesItsOwnDeadlinesAndNobodyElseDoes(t *testing.T) {
	p := openParties(t)
	ana := p.as(p.ana)
	p.get(ana, "/portal/deadlines", 200, []string{"Nothing is due"}, []string{p.number})
	ref := p.owes()
	here := "/portal/deadlines/" + ref
	p.get(ana, "/portal/deadlines", 200, []string{"Early warning", "23 hours left", "Be done by", "By law at the latest", "Directive (EU) 2022/2555 art. 23(4)(a)", "Write the early warning", "Not running yet", p.number}, []string{"Elsewhere", "Ribera", "⟦"})
	p.get(ana, "/portal", 200, []string{"Your deadlines (2)", "2 deadlines by law are running"}, nil)
	p.get(ana, "/portal/incidents/"+p.number, 200, []string{"Write the early warning", here}, nil)
	p.get(ana, here, 200, []string{"24 hours after you became aware of it", "Nobody here has confirmed this rule", "Every step of the count"}, []string{"Policía"})
	for lang, words := range map[string][]string{"fr": {"Vos échéances", "Rédiger : alerte précoce", "Il reste 23 heures"}, "es": {"Sus plazos", "Redactar: alerta temprana", "Quedan 23 horas"}} {
		one, err := p.App.Guard().AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{Org: p.faro, Name: "Somebody", Email: lang + "@faro.example", Language: lang, Roles: []string{guard.RoleContact}})
		p.must(err)
		speaks := p.as(one)
		p.get(speaks, "/portal/deadlines", 200, words, []string{"Deadlines", "hours left"})
		p.get(speaks, here, 200, nil, []string{"Every step", "Regulation (EEC"})
		p.get(speaks, here+"/write", 200, nil, []string{"File it now"})
	}
	// Who does not owe it is told that there is nothing, whoever he is.
	for _, who := range []func(*http.Request){p.contact(p.ribera), p.contact(p.sentry), p.as(p.chief)} {
		p.get(who, "/portal/deadlines", 200, nil, []string{ref, p.number, "control system"})
		p.get(who, here, 404, nil, []string{"Early"})
		p.get(who, here+"/write", 404, nil, nil)
		p.post(who, here+"/write", "do=file", 404, nil, nil)
		p.post(who, here+"/drop", "a=b", 404, nil, nil)
		p.get(who, here+"/filed/1", 404, nil, nil)
	}
	for _, path := range []string{"/portal/deadlines", here, here + "/write", here + "/filed/1"} {
		p.get(nobody, path, 303, nil, []string{"Early"})
		p.get(house.As(p.SignIn(p.Person(guard.OwnOrg, guard.RoleDutyLead).ID)), path, 403, nil, []string{"left"})
		p.get(house.As(p.SignIn(p.Person(p.faro, guard.RoleFeed).ID)), path, 403, nil, []string{"Early"})
	}

	p.get(ana, here+"/write", 200, []string{`value="Aguas del Faro"`, `value="A control system is reached from outside"`, "Who will see this", "File it now"}, []string{"Policía"})
	form := url.Values{"do": {"keep"}, "version": {"0"}, "seen": {"0"}, "field-entity": {"Aguas del Faro"}, "field-title": {"Half a sentence"}, "field-aware": {p.Clock.Now().Add(-time.Hour).Format("2006-01-02T15:04")}}
	p.post(ana, here+"/write", form.Encode(), 303, nil, nil)
	p.get(ana, here, 200, []string{"Go on writing"}, nil)
	desk := house.As(p.SignIn(p.Person(guard.OwnOrg, guard.RoleWatchOfficer).ID))
	p.get(desk, "/incident/clocks/1", 200, []string{"No document yet"}, nil)
	form.Set("do", "file")
	p.post(ana, here+"/write", form.Encode(), 422, []string{"Half a sentence", "Contact for questions: the law asks for it"}, nil)
	form.Set("field-contact", "Control room")
	p.post(ana, here+"/write", form.Encode(), 409, []string{"Half a sentence", "Control room"}, nil) // somebody kept it meanwhile
	form.Set("version", "1")
	p.post(ana, here+"/write", form.Encode(), 303, nil, nil)
	p.post(ana, here+"/write", form.Encode(), 303, nil, nil) // twice
	form.Set("field-title", "Other words in another tab")
	p.post(ana, here+"/write", form.Encode(), 409, []string{"Other words in another tab", "filed for this meanwhile"}, nil)
	p.get(ana, here, 200, []string{"filed in time", "Version 1", "by you, here", "File a correction"}, []string{"Version 2"})
	p.get(ana, "/portal", 200, []string{"Your deadlines (1)"}, nil)
	p.get(ana, here+"/filed/1", 200, []string{"Half a sentence", "Control room", "in time"}, []string{"Other words"})
	p.get(ana, here+"/filed/1/print?with=fr", 200, []string{"Contact for questions / Contact pour les questions"}, nil)
	p.get(ana, here+"/filed/2", 404, nil, nil)
	p.get(ana, here+"/filed/nonsense", 404, nil, nil)
	var d struct {
		Incident, Stage, Citation string
		Number                    int64
		Fields                    []struct{ ID, Value string }
	}
	if err := json.Unmarshal([]byte(p.get(ana, here+"/filed/1/json", 200, nil, nil).Body), &d); err != nil || d.Incident != p.number || d.Stage != "early-warning" || d.Number != 1 || len(d.Fields) < 4 {
		t.Errorf("the machine form is %+v, %v", d, err)
	}
	p.get(desk, "/incident/clocks/1", 200, []string{"done"}, []string{"No document yet"})
	p.get(desk, "/incident/incidents/"+p.number, 200, []string{"was filed"}, nil)

	form.Set("version", "0")
	form.Set("seen", "1")
	p.post(ana, here+"/write", form.Encode(), 303, nil, nil)
	p.get(ana, here, 200, []string{"Version 2", "replaced by a later version"}, nil)
	p.get(ana, here+"/filed/1", 200, []string{"Half a sentence"}, nil)
	p.get(ana, here+"/filed/2", 200, []string{"Other words in another tab"}, nil)
	token, _, err := p.App.Guard().IssueToken(t.Context(), guard.LocalOperator(), p.ana.ID, "t", []string{"portal.fetch"}, 24*time.Hour)
	p.must(err)
	p.get(house.With(token), "/api/v1/portal/deadlines", 200, []string{ref, `"state":"met"`}, []string{"Elsewhere"})
	p.get(house.With(token), "/api/v1/portal/deadlines/"+ref+"/filed/2", 200, []string{"Other words in another tab"}, nil)
}

func TestAReportUnderALawSaysWhichDeadlineItMeets(t *testing.T) {
	p := openParties(t)
	ref, ana := p.owes(), p.as(p.ana)
	duty := "regime=nis2&stage=early-warning"
	p.get(ana, "/portal/reports/new?"+duty, 200, []string{"Is it for one of your deadlines?", ref}, nil)
	p.get(p.contact(p.sentry), "/portal/reports/new?"+duty, 200, nil, []string{ref, "Is it for one"})
	form := url.Values{
		"regime": {"nis2"}, "stage": {"early-warning"}, "do": {"send"}, "marking": {"TLP:AMBER"}, "field-entity": {"Aguas del Faro"}, "field-contact": {"Ana"},
		"field-title": {"Valves opened by themselves"}, "field-aware": {p.Clock.Now().Add(-time.Hour).Format("2006-01-02T15:04")},
	}
	p.post(ana, "/portal/reports", form.Encode(), 422, []string{"Choose the deadline", "Valves opened by themselves"}, nil)
	form.Set("clock", "new")
	form.Set("once", p.token(ana, "/portal/reports/new?"+duty))
	before := p.count("incident_report")
	p.post(ana, "/portal/reports", form.Encode(), 303, nil, nil)
	form.Set("clock", ref) // in the same words, now for the deadline
	p.post(ana, "/portal/reports", form.Encode(), 303, nil, nil)
	p.post(ana, "/portal/reports", form.Encode(), 303, nil, nil) // twice
	if n := p.count("incident_report") - before; n != 2 {
		t.Errorf("a report, the same for a deadline, and that twice, are %d reports; want 2", n)
	}
	p.get(ana, "/portal/deadlines/"+ref, 200, []string{"filed in time", "by your report"}, nil)
	page := p.get(ana, "/portal/reports", 200, []string{"Valves opened by themselves"}, nil)
	number := reportAt.FindStringSubmatch(page.Body)[1]
	p.get(ana, "/portal/reports/"+number, 200, []string{"It was the filing of", ref}, nil)

	form.Set("clock", "new")
	form.Del("once")
	form.Set("field-title", "Something else")
	p.post(ana, "/portal/reports", form.Encode(), 303, nil, nil)
	number = reportAt.FindStringSubmatch(p.get(ana, "/portal/reports", 200, nil, nil).Body)[1]
	p.get(ana, "/portal/reports/"+number, 200, []string{"It counts as filed"}, []string{"It was the filing of"})
}

func TestReportsAreBuiltFromTheLawsOfTheInstallation(t *testing.T) {
	p := openParties(t)
	files, err := regime.ShippedFiles()
	p.must(err)
	folder := fstest.MapFS{}
	for _, f := range files {
		if f.Regime.ID == "nis2" {
			own := strings.NewReplacer(`id = "nis2"`, `id = "xa-water"`, "NIS2: significant incidents", "Water Act of Atalaya", `"Early warning"`, `"First word"`).Replace(string(f.Text))
			folder["xa-water.toml"] = &fstest.MapFile{Data: []byte(own)}
		}
	}
	ana := p.as(p.ana)
	p.get(ana, "/portal/reports/new", 200, nil, []string{"Water Act"})
	p.must(p.in.LoadRegimes(t.Context(), folder))
	p.get(ana, "/portal/reports/new", 200, []string{"Water Act of Atalaya", "First word", "NIS2"}, nil)
	form := url.Values{
		"regime": {"xa-water"}, "stage": {"early-warning"}, "do": {"draft"}, "marking": {"TLP:AMBER"}, "field-entity": {"Aguas del Faro"}, "field-contact": {"Ana"},
		"field-title": {"Valves opened"}, "field-aware": {p.Clock.Now().Add(-time.Hour).Format("2006-01-02T15:04")},
	}
	draft := p.post(ana, "/portal/reports", form.Encode(), 303, nil, nil).Header.Get("Location")
	form.Set("do", "send")
	p.post(ana, "/portal/reports", form.Encode(), 303, nil, nil)
	p.must(p.in.LoadRegimes(t.Context(), nil)) // the law is gone
	p.get(ana, "/portal/reports", 200, []string{"Water Act of Atalaya · First word"}, nil)
	p.get(ana, draft, 409, []string{"Valves opened", "not in force here any more"}, nil)
	form.Set("field-title", "Typed while it went")
	p.post(ana, "/portal/reports", form.Encode(), 409, []string{"Typed while it went"}, nil)
}

func TestDeadlinesOfAnExerciseStandApart(t *testing.T) {
	p, o := openDrill(t)
	i := p.drill(o, "A drill", true)
	_, err := p.in.SetAnchor(t.Context(), p.desk, i.ID, incident.NewAnchor{Org: o.ID, Event: regime.Awareness, At: p.Clock.Now()})
	p.must(err)
	who := p.contact(o.ID)
	p.get(who, "/portal/deadlines", 200, []string{"Nothing is due"}, []string{"A drill", "Your deadlines (", "deadlines by law"})
	page := p.get(who, "/portal/deadlines?exercise=yes", 200, []string{"A drill", "EXERCISE"}, nil)
	ref := deadlineAt.FindStringSubmatch(page.Body)[1]
	for _, path := range []string{"/portal/deadlines/" + ref, "/portal/deadlines/" + ref + "/write"} {
		p.get(who, path, 200, []string{"EXERCISE"}, nil)
	}
}

// openDrill starts a nation with an operator that is listed for exercises.
func openDrill(t *testing.T) (*parties, guard.Organisation) {
	t.Helper()
	p := &parties{port: &port{t: t}}
	p.House = house.Start(t, house.Options{Fill: func(ctx context.Context, h *house.House) error { return h.Import(ctx, house.Faro) }})
	p.in, p.desk = p.App.Incidents(), guard.ActorOf(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	faro, _, err := p.App.Guard().OrganisationNamed(t.Context(), p.App.Acts().Reader(), "Aguas del Faro")
	p.must(err)
	p.faro = faro.ID
	o, err := p.App.Guard().AddOrganisation(t.Context(), guard.LocalOperator(), guard.NewOrganisation{Name: "Drill Waters", Kind: guard.KindOperator, Country: "XA", Exercise: true})
	p.must(err)
	return p, o
}

// drill opens an incident in which an operator takes part and owes what NIS2 asks for.
func (p *parties) drill(o guard.Organisation, title string, exercise bool) incident.Incident {
	p.t.Helper()
	ctx := p.t.Context()
	i, err := p.in.OpenNew(ctx, p.desk, incident.Incident{Title: title, Severity: incident.High, Marking: tlp.Green, Exercise: exercise})
	p.must(err)
	_, err = p.in.AddParticipant(ctx, p.desk, i.ID, incident.NewParticipant{Org: o.ID, Role: "affected"})
	p.must(err)
	_, err = p.in.BeginDuty(ctx, p.desk, i.ID, incident.NewDuty{Org: o.ID, Regime: "nis2"})
	p.must(err)
	return i
}

func TestAnOperatorReportsIntoAnExerciseAndNothingOfItIsReal(t *testing.T) {
	p, o := openDrill(t)
	ctx, db := t.Context(), p.App.Acts().Reader()
	who, form := p.contact(o.ID), "/portal/reports/new?stage=incident"
	text := url.Values{"stage": {"incident"}, "marking": {"TLP:AMBER"}, "text": {"The pumps stand still"}, "do": {"look"}}
	p.get(who, form, 200, nil, []string{"exercise"})
	p.post(who, "/portal/reports", text.Encode(), 200, nil, []string{"EXERCISE"})

	drill, storm := p.drill(o, "A drill", true), p.drill(o, "A storm", false)
	number := p.in.Number(drill.ID)
	p.get(who, form, 200, []string{"Is it real, or part of an exercise?", "EXERCISE: A drill", "It is real"}, []string{"A storm", "⟦"})
	p.get(p.contact(p.faro), form, 200, nil, []string{"A drill"})
	p.post(who, "/portal/reports", text.Encode(), 422, []string{"Say whether it is real", "The pumps stand still"}, nil)
	text.Set("clock", "exercise-"+p.in.Number(storm.ID))
	p.post(who, "/portal/reports", text.Encode(), 422, []string{"Say whether it is real"}, nil)
	text.Set("clock", "exercise-"+number)
	p.post(who, "/portal/reports", text.Encode(), 200, []string{`alm-exercise`, "EXERCISE", `value="send"`}, nil)

	duty := url.Values{
		"regime": {"nis2"}, "stage": {"early-warning"}, "do": {"send"}, "marking": {"TLP:AMBER"}, "field-entity": {"Drill Waters"}, "field-contact": {"Ana"},
		"field-title": {"The pumps stand still"}, "field-aware": {p.Clock.Now().Add(-time.Hour).Format("2006-01-02T15:04")}, "clock": {"exercise-" + number},
	}
	p.get(who, "/portal/reports/new?regime=nis2&stage=early-warning", 200, []string{"EXERCISE: A drill", "for the deadline of: A storm"}, nil)
	p.post(who, "/portal/reports", duty.Encode(), 303, nil, nil)
	p.get(who, "/portal/reports", 200, []string{"Show the exercise"}, []string{"The pumps stand still"})
	page := p.get(who, "/portal/reports?exercise=yes", 200, []string{"The pumps stand still", "EXERCISE"}, nil)
	at := reportAt.FindStringSubmatch(page.Body)[1]
	p.get(who, "/portal/reports/"+at, 200, []string{"EXERCISE", "It was the filing of"}, nil)

	own := incident.Viewer{Org: o.ID}
	for _, i := range []incident.Incident{drill, storm} {
		cs, err := p.in.OwnClocks(ctx, db, own, incident.OwnFilter{Exercise: i.Exercise, Settled: true})
		p.must(err)
		if met := len(cs) > 0; met != i.Exercise {
			t.Errorf("%s: the early warning is met: %v, want that of the exercise alone", i.Title, met)
		}
		story, err := p.in.Story(ctx, db, own, i.ID)
		p.must(err)
		for _, e := range story {
			if e.Source == incident.FromReport && !i.Exercise || e.Exercise != i.Exercise {
				t.Errorf("%s has the entry %+v", i.Title, e)
			}
		}
	}
	r, err := p.in.ReportNumbered(ctx, db, own, at)
	p.must(err)
	if _, err := p.in.LinkReport(ctx, p.desk, r.ID, storm.ID); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a report of an exercise became part of a real incident: %v", err)
	}
	text.Set("clock", "new")
	text.Set("do", "send")
	p.post(who, "/portal/reports", text.Encode(), 303, nil, nil)
	r, err = p.in.ReportNumbered(ctx, db, own, reportAt.FindStringSubmatch(p.get(who, "/portal/reports", 200, []string{"The pumps stand still"}, nil).Body)[1])
	p.must(err)
	if _, err := p.in.LinkReport(ctx, p.desk, r.ID, drill.ID); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a real report became part of an exercise: %v", err)
	}
}

func TestWhatIsMailedInAnExerciseSaysSoAndSoDoesItsAnswer(t *testing.T) {
	p, o := openDrill(t)
	const address = "room@drill.example"
	_, err := p.App.Constituency().AddContact(t.Context(), guard.LocalOperator(), constituency.NewContact{Org: o.ID, Name: "Room", Email: address, Language: "en", Mailbox: true})
	p.must(err)
	i := p.drill(o, "A drill", true)
	p.mails(1)
	_, err = p.in.AddEntry(t.Context(), p.desk, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Green, Text: "Which pumps?", To: guard.Circle{Orgs: []int64{o.ID}}})
	p.must(err)
	asked := to(p.mails(1), address)
	p.says("the subject", header(asked, "Subject"), []string{"[EXERCISE] [TLP:GREEN]", "[" + p.in.Number(i.ID) + "]"}, nil)
	post := p.arrives(reply(address, asked, "All three."))
	_, err = p.in.FilePost(t.Context(), p.desk, post.ID, 0)
	p.must(err)
	story, err := p.in.Story(t.Context(), p.App.Acts().Reader(), incident.Viewer{Org: o.ID}, i.ID)
	p.must(err)
	if e := story[len(story)-1]; !e.Exercise || e.Owner != o.ID || !strings.Contains(e.Text, "All three.") {
		t.Errorf("the answer is %+v, want it in the exercise", e)
	}
}
