package gate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
	"almenara.example/wire"
)

// caller asks the API in somebody's name.
type caller struct {
	p   *parties
	who func(*http.Request)
}

func (p *parties) caller(one guard.Person, scope ...string) caller {
	p.t.Helper()
	secret, _, err := p.App.Guard().IssueToken(p.t.Context(), guard.LocalOperator(), one.ID, "t", scope, 24*time.Hour)
	p.must(err)
	return caller{p, house.With(secret)}
}

func (c caller) post(path, body string, status int, has ...string) house.Answer {
	c.p.t.Helper()
	a := c.p.Ask(http.MethodPost, "/api/v1/incident/"+path, strings.NewReader(body), c.who, house.JSON)
	c.p.judge("POST "+path+" "+body, a, status, has, nil)
	return a
}

// read asks for something and reads it into to.
func (c caller) read(path string, to any) {
	c.p.t.Helper()
	a := c.p.get(c.who, "/api/v1/incident/"+path, 200, nil, nil)
	c.p.must(json.Unmarshal([]byte(a.Body), to))
}

func TestARecoveryIsRunByProgramsAsByPages(t *testing.T) {
	p := openParties(t)
	lead := p.caller(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	at := "incidents/" + p.number
	lead.post(at+"/services", `{"name":"Pumps","state":"gone","marking":"TLP:AMBER"}`, 422, "state")
	lead.post(at+"/services", `{"name":"Pumps","state":"down","marking":"TLP:PINK"}`, 422, "marking")
	lead.post(at+"/services", `{"name":"","state":"down","marking":"TLP:AMBER"}`, 422, "name")
	lead.post(at+"/services", `{"name":"Pumps","state":"down","marking":"TLP:AMBER","organisation":"Nobody"}`, 422, "organisation")
	lead.post("incidents/ALM-0000-0000/services", `{"name":"Pumps","state":"down","marking":"TLP:AMBER"}`, 404)
	lead.post(at+"/services", `{"name":"Power","state":"down","marking":"TLP:AMBER","at":"`+p.Clock.Now().Add(-2*time.Hour).Format(time.RFC3339)+`"}`, 200)
	again := func() house.Answer {
		return p.Ask(http.MethodPost, "/api/v1/incident/"+at+"/services", strings.NewReader(`{"name":"Pumps","state":"degraded","quality":40,"people":2000,"organisation":"Aguas del Faro","marking":"TLP:AMBER"}`),
			lead.who, house.JSON, house.Header("Idempotency-Key", "pumps"))
	}
	if a, b := again(), again(); a.Status != 200 || b.Status != 200 || a.Body != b.Body || b.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("got %d %s, then %d %s", a.Status, a.Body, b.Status, b.Body)
	}
	var got wire.Recovery
	lead.read(at+"/recovery", &got)
	if len(got.Services) != 2 || got.Services[0].LostHours < 1.9 || got.Services[1].Quality != 40 || got.Services[1].Organisation != "Aguas del Faro" || len(got.Services[1].Steps) != 1 {
		t.Fatalf("got %+v, want two services", got.Services)
	}
	power, pumps := number(got.Services[0].ID), number(got.Services[1].ID)
	lead.post("services/"+pumps+"/needs", `{"needs":[`+power+`],"people":2500,"version":1}`, 204)
	lead.post("services/"+power+"/needs", `{"needs":[`+pumps+`],"version":1}`, 422, "depends")
	lead.post("services/"+power, `{"state":"restored","version":7}`, 409)
	lead.post("services/"+power, `{"state":"restored","version":1}`, 204)
	lead.post("services/"+power+"/sign", `{"version":2}`, 409) // nobody verified it
	lead.post("services/99999", `{"state":"restored","version":1}`, 404)

	due := p.Clock.Now().Add(2 * time.Hour).Format(time.RFC3339)
	lead.post(at+"/milestones", `{"title":"Pressure","due":"0001-01-01T00:00:00Z","marking":"TLP:AMBER"}`, 422, "due")
	lead.post(at+"/milestones", `{"title":"Pressure","due":"`+due+`","marking":"TLP:AMBER","organisation":"Aguas del Faro","to":["Aguas del Faro"]}`, 200)
	lead.post(at+"/resources", `{"text":"Two mobile pumps","marking":"TLP:AMBER","to":["Aguas del Faro"]}`, 200)
	lead.read(at+"/recovery", &got)
	m, q := number(got.Milestones[0].Entry), number(got.Resources[0].Entry)
	lead.post("milestones/"+m+"/move", `{"due":"`+due+`","reason":"late","version":1}`, 422, "due")
	lead.post("milestones/"+m+"/move", `{"due":"`+p.Clock.Now().Add(3*time.Hour).Format(time.RFC3339)+`","reason":"a valve is late","version":1}`, 204)
	lead.post("milestones/"+m+"/reach", `{"result":"by hand","version":2}`, 204)
	lead.post("milestones/"+m+"/drop", `{"reason":"over","version":3}`, 409)
	lead.post("resources/"+q, `{"state":"delivered","version":1}`, 409)
	lead.post("resources/"+q, `{"state":"offered","given":"Aguas del Faro","version":1}`, 204)
	lead.read(at+"/recovery", &got)
	if one := got.Milestones[0]; one.Standing != "reached" || one.Result != "by hand" || len(one.Moves) != 1 {
		t.Errorf("got %+v, want it reached after one move", one)
	}
	if one := got.Resources[0]; one.State != "offered" || one.Given != "Aguas del Faro" || got.Services[1].People != 2500 || len(got.Services[1].Needs) != 1 {
		t.Errorf("got %+v and %+v", one, got.Services[1])
	}

	lead.post(at+"/lessons", `{"text":""}`, 422, "text")
	lead.post(at+"/lessons", `{"text":"No spare key","peer_text":"Keep a spare key","peer_marking":"TLP:RED"}`, 422, "peer_marking")
	lead.post(at+"/lessons", `{"text":"No spare key","action":"Buy one","organisation":"Aguas del Faro"}`, 200, "No spare key")
	var learned struct{ Lessons []wire.Lesson }
	lead.read("lessons?incident="+p.number, &learned)
	l := "lessons/" + number(learned.Lessons[0].ID)
	lead.post(l, `{"state":"done","version":1}`, 422, "result")
	lead.post(l, `{"state":"done","result":"bought","version":1}`, 204)
	lead.post(l+"/peers", `{"text":"Keep a spare key","marking":"TLP:GREEN","version":1}`, 409)
	lead.post(l+"/peers", `{"text":"Keep a spare key","marking":"TLP:GREEN","version":2}`, 204)
	lead.read("lessons?state=done", &learned)
	if one := learned.Lessons[0]; one.Result != "bought" || one.PeerText != "Keep a spare key" || one.PeerMarking != "TLP:GREEN" || one.Incident != p.number {
		t.Errorf("got %+v", one)
	}

	// Who may only read changes nothing; who is no desk reads nothing.
	reader, ana := p.caller(p.Person(guard.OwnOrg, guard.RoleReader)), p.caller(p.ana, "portal.fetch")
	reader.read(at+"/recovery", &got)
	for path, body := range map[string]string{
		at + "/services": `{"name":"a","state":"down","marking":"TLP:AMBER"}`, "services/" + pumps: `{"state":"down","version":2}`, "milestones/" + m + "/drop": `{"reason":"a","version":3}`,
		"resources/" + q: `{"state":"accepted","version":2}`, l: `{"state":"open","version":3}`, at + "/lessons": `{"text":"a"}`,
	} {
		reader.post(path, body, 403)
		ana.post(path, body, 403)
	}
	for _, path := range []string{at + "/recovery", "lessons", "calls"} {
		p.get(ana.who, "/api/v1/incident/"+path, 403, nil, []string{"Pumps", "Buy"})
	}
}

func TestOutcomesOfCallsAreEnteredByPrograms(t *testing.T) {
	p := openParties(t)
	ctx := t.Context()
	e := p.write(p.desk, incident.NewEntry{Kind: incident.TaskEntry, Marking: tlp.Amber, Text: "Look at it", Task: &incident.NewTask{Org: guard.OwnOrg, Due: p.Clock.Now().Add(time.Hour)}, To: guard.Circle{Orgs: []int64{p.faro}}})
	lead := p.caller(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	var got struct{ Calls []wire.OwedCall }
	lead.read("calls", &got)
	if len(got.Calls) != 0 {
		t.Fatalf("got %+v, want none yet", got.Calls)
	}
	p.Clock.Advance(2 * time.Hour)
	p.must(p.in.RemindDue(ctx))
	lead.read("calls", &got)
	if len(got.Calls) != 1 || got.Calls[0].Entry != e.ID || got.Calls[0].Incident != p.number || !got.Calls[0].Owed {
		t.Fatalf("got %+v, want one about the task", got.Calls)
	}
	one := "calls/" + number(got.Calls[0].ID)
	lead.post(one, `{"outcome":"sang","version":1}`, 422, "outcome")
	lead.post(one, `{"outcome":"busy","version":1,"at":"2999-01-01T00:00:00Z"}`, 422, "at")
	lead.post(one, `{"outcome":"busy","version":5}`, 409)
	lead.post("calls/99999", `{"outcome":"busy","version":1}`, 404)
	at := p.Clock.Now().Add(-10 * time.Minute).UTC().Truncate(time.Second)
	lead.post(one, `{"outcome":"busy","version":1,"at":"`+at.Format(time.RFC3339)+`"}`, 204)
	reader, ana := p.caller(p.Person(guard.OwnOrg, guard.RoleReader)), p.caller(p.ana, "portal.fetch")
	reader.read("calls", &got)
	if len(got.Calls[0].Tries) != 1 || got.Calls[0].Tries[0].Outcome != "busy" || !got.Calls[0].Tries[0].At.Equal(at) {
		t.Errorf("got %+v, want the call with its true time", got.Calls[0].Tries)
	}
	reader.post(one, `{"outcome":"busy","version":2}`, 403)
	ana.post(one, `{"outcome":"busy","version":2}`, 403)
	lead.post(one, `{"outcome":"reached","spoke":"Otto","version":2}`, 204)
	lead.read("calls", &got)
	if len(got.Calls) != 0 {
		t.Errorf("got %+v, want none: somebody was reached", got.Calls)
	}
	lead.read("calls?all=true", &got)
	if len(got.Calls) != 1 || got.Calls[0].State != "reached" {
		t.Errorf("got %+v, want what is settled", got.Calls)
	}
}

func number(id int64) string { return strconv.FormatInt(id, 10) }
