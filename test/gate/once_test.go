package gate

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

var once = regexp.MustCompile(`name="once" value="([0-9A-Z]{26})"`)

// token is one from the page.
func (p *parties) token(who func(*http.Request), page string) string {
	p.t.Helper()
	found := once.FindStringSubmatch(p.get(who, page, 200, nil, nil).Body)
	if found == nil {
		p.t.Fatalf("%s has no form with a token", page)
	}
	return found[1]
}

// together sends the same form several times at once, each a connection of its own.
func (p *parties) together(who func(*http.Request), path string, form url.Values) (out []house.Answer) {
	p.t.Helper()
	const n = 4
	out = make([]house.Answer, n)
	var all sync.WaitGroup
	for k := range n {
		all.Go(func() {
			out[k] = p.Ask(http.MethodPost, path, strings.NewReader(form.Encode()), who, house.Outside, house.Form)
		})
	}
	all.Wait()
	return out
}

func (p *parties) count(what string) int64 {
	p.t.Helper()
	n, _, err := sqldb.One(p.t.Context(), p.App.Acts().Reader(), sqldb.Int64, `select count(*) from `+what)
	p.must(err)
	return n
}

// The same form sent several times at once, and again later, makes one thing.
func TestAFormThatIsSentTwiceIsDoneOnce(t *testing.T) {
	for name, db := range map[string]func(testing.TB) sqldb.Config{
		"sqlite":   func(testing.TB) sqldb.Config { return sqldb.Config{} },
		"postgres": sqldbtest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			p := openParties(t, db(t))
			desk, ana := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead)), p.as(p.ana)
			asked := p.write(p.desk, incident.NewEntry{
				Kind: incident.Question, Marking: tlp.Amber, Text: "Is it shut off?", To: guard.Circle{Orgs: []int64{p.faro}}, Task: &incident.NewTask{Org: p.faro, Due: p.Clock.Now().Add(time.Hour)},
			})
			task := p.write(p.desk, incident.NewEntry{Kind: incident.TaskEntry, Marking: tlp.Amber, Text: "Call them", Task: &incident.NewTask{Org: guard.OwnOrg}})
			one, ref := "/incident/incidents/"+p.number, p.in.Ref(asked.ID)
			for _, c := range []struct {
				who        func(*http.Request)
				shown      string // the page that shows the form
				path, form string
				table, to  string
			}{
				{desk, one, one + "/entries", "kind=note&text=They+called&marking=TLP:AMBER", "incident_entry", one},
				{desk, one, one + "/entries", "kind=call&text=They+rang&marking=TLP:AMBER", "incident_entry", one},
				{desk, one, one + "/entries", "kind=question&text=Who+was+there&marking=TLP:AMBER&owes=1&due=2026-11-18T10:00", "incident_task", one},
				{desk, one, one + "/entries", "kind=task&text=Ask+them&marking=TLP:AMBER&owes=1", "incident_task", one},
				{desk, one + "/participants", one + "/participants", "organisation=Ribera+Waterworks&role=affected", "incident_participant", one},
				{desk, "/incident/incidents/new", "/incident/incidents", "title=Another&severity=high&marking=TLP:AMBER", "incident", "/incident/incidents/ALM-"},
				{desk, "/incident/reports/new", "/incident/reports", "text=Somebody+rang&from=phone", "incident_report", "/incident/reports/ALM-"},
				{desk, fmt.Sprintf("/incident/entries/%d", task.ID), fmt.Sprintf("/incident/entries/%d/task", task.ID), "state=done&result=done&version=1", "incident_task where state = 'done'", fmt.Sprintf("/incident/entries/%d", task.ID)},
				{ana, "/portal/incidents/" + p.number + "/write", "/portal/incidents/" + p.number + "/write", "kind=note&text=We+looked&marking=TLP:AMBER", "incident_entry", "/portal/incidents/" + p.number},
				{ana, "/portal/entries/" + ref, "/portal/entries/" + ref + "/answer", "text=Since+six", "incident_entry", "/portal/entries/" + ref},
			} {
				form, err := url.ParseQuery(c.form)
				p.must(err)
				form.Set("once", p.token(c.who, c.shown))
				before := p.count(c.table)
				answers := append(p.together(c.who, c.path, form), p.post(c.who, c.path, form.Encode(), 303, nil, nil))
				for _, a := range answers {
					if a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), c.to) {
						t.Errorf("%s %s: got %d to %q, want 303 to %s\n%s", c.path, c.form, a.Status, a.Header.Get("Location"), c.to, a.Body)
					}
				}
				if n := p.count(c.table) - before; n != 1 {
					t.Errorf("%s %s was done %d times", c.path, c.form, n)
				}
			}
			p.tokensAreNoOracle(desk, ana)
		})
	}
}

// tokensAreNoOracle: a token does nothing for another person, for other words or at
// another address, and another way of writing the same form down is the same form.
func (p *parties) tokensAreNoOracle(desk, ana func(*http.Request)) {
	p.t.Helper()
	one := "/incident/incidents/" + p.number
	token := p.token(desk, one)
	form := "kind=note&text=One+more&marking=TLP:AMBER&once=" + token
	before := p.count("incident_entry")
	p.post(desk, one+"/entries", form, 303, nil, nil)
	p.post(desk, one+"/entries", strings.Replace(form, "One+more", "Two+more", 1), 303, nil, nil)
	other := p.as(p.Person(guard.OwnOrg, guard.RoleDutyLead))
	p.post(other, one+"/entries", form, 303, nil, nil)
	p.post(ana, "/portal/incidents/"+p.number+"/write", form, 303, nil, nil)
	if n := p.count("incident_entry") - before; n != 4 {
		p.t.Errorf("four forms with one token made %d entries", n)
	}
	p.post(desk, one+"/entries", "kind=note&text=&marking=TLP:AMBER&once="+token, 422, nil, nil)
	p.post(desk, one+"/entries", "kind=note&text=&marking=TLP:AMBER&once="+token, 422, nil, nil)
	withFile := func() house.Answer {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, f := range [][2]string{{"kind", "note"}, {"text", "see the file"}, {"marking", "TLP:AMBER"}, {"once", token}} {
			p.must(w.WriteField(f[0], f[1]))
		}
		f, err := w.CreateFormFile("files", "log.txt")
		p.must(err)
		_, err = f.Write([]byte("a line"))
		p.must(err)
		p.must(w.Close())
		return p.Ask(http.MethodPost, one+"/entries", &b, desk, house.Outside, house.Header("Content-Type", w.FormDataContentType()))
	}
	for range 2 {
		p.judge("a form with a file", withFile(), 303, nil, nil)
	}
	if n := p.count("incident_entry") - before; n != 5 {
		p.t.Errorf("a form with a file, sent twice, made %d entries", n-4)
	}
}

// What was done before the program ended, whether or not its answer arrived, is not
// done again afterwards.
func TestAFormThatIsSentAgainAfterARestartIsDoneOnce(t *testing.T) {
	p := openParties(t)
	cookie := p.SignIn(p.Person(guard.OwnOrg, guard.RoleDutyLead).ID)
	desk, one := house.As(cookie), "/incident/incidents/"+p.number
	form := "kind=note&text=Before+it+fell&marking=TLP:AMBER&once=" + p.token(desk, one)
	p.post(desk, one+"/entries", form, 303, nil, nil)
	before := p.count("incident_entry")
	p.must(p.Stop())
	p.House = house.Start(t, house.Options{Dir: p.Dir})
	a := p.post(desk, one+"/entries", form, 303, nil, nil)
	if to := a.Header.Get("Location"); to != one || p.count("incident_entry") != before {
		t.Errorf("got to %q with %d entries, want %s with %d", to, p.count("incident_entry"), one, before)
	}
}
