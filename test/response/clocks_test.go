package response

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// desk is a house with an open incident in which one operator takes part, and an
// officer who looks at it.
type desk struct {
	*house.House
	t      *testing.T
	in     *incident.Incidents
	number string
	org    int64
	as     func(*http.Request)
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskWith(t, nil)
}

// newDeskWith changes the configuration before the start.
func newDeskWith(t *testing.T, config func(*app.Config)) *desk {
	t.Helper()
	h := house.Start(t, house.Options{Config: config, Fill: func(ctx context.Context, h *house.House) error {
		return h.Nation(ctx, tlp.Green, house.Faro)
	}})
	d := &desk{House: h, t: t, in: h.App.Incidents()}
	p := h.Person(guard.OwnOrg, guard.RoleWatchOfficer)
	d.as = house.As(h.SignIn(p.ID))
	actor := guard.ActorOf(p)
	actor.Roles = []string{guard.RoleWatchOfficer}
	o, ok, err := h.App.Guard().OrganisationNamed(t.Context(), h.App.Acts().Reader(), "Aguas del Faro")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	i, err := d.in.OpenNew(t.Context(), actor, incident.Incident{Title: "A pump is steered from outside", Severity: incident.High, Marking: tlp.Amber})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.in.AddParticipant(t.Context(), actor, i.ID, incident.NewParticipant{Org: o.ID, Role: "affected", Tell: incident.InPortal}); err != nil {
		t.Fatal(err)
	}
	d.number, d.org = d.in.Number(i.ID), o.ID
	return d
}

// get wants a page that shows some words.
func (d *desk) get(path string, words ...string) string {
	d.t.Helper()
	a := d.Ask(http.MethodGet, path, nil, d.as)
	return d.shows(path, a.Status, http.StatusOK, a.Body, words)
}

// post sends a form and wants a status, with words on the page that answers.
func (d *desk) post(path string, status int, form url.Values, words ...string) string {
	d.t.Helper()
	a := d.Ask(http.MethodPost, path, strings.NewReader(form.Encode()), d.as, func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") })
	return d.shows(path, a.Status, status, a.Body, words)
}

func (d *desk) shows(path string, got, want int, body string, words []string) string {
	d.t.Helper()
	if got != want {
		d.t.Fatalf("%s answers %d, want %d:\n%.2000s", path, got, want, body)
	}
	for _, w := range words {
		if !strings.Contains(body, w) {
			d.t.Errorf("%s does not say %q", path, w)
		}
	}
	return body
}

func TestTheDeskSaysWhichLawAppliesSeesWhatMovesAndFilesAReport(t *testing.T) {
	d := newDesk(t)
	at := "/incident/incidents/" + d.number
	org := fmt.Sprint(d.org)
	d.get(at+"/clocks", "No regime applies yet")
	d.post(at+"/clocks/begin", http.StatusUnprocessableEntity, url.Values{"organisation": {org}, "regime": {"nis2"}, "zone": {"Mars"}}, "no time zone")
	d.post(at+"/clocks/begin", http.StatusSeeOther, url.Values{"organisation": {org}, "regime": {"nis2"}, "zone": {"Europe/Madrid"}})
	d.get(at+"/clocks", "Early warning", "waits", "not confirmed against the official text")

	aware := house.Morning().Add(-2 * time.Hour)
	form := url.Values{"organisation": {org}, "event": {"awareness"}, "at": {aware.Format(time.RFC3339)}, "do": {"look"}}
	d.post(at+"/clocks/anchor", http.StatusOK, form, "Clocks that move", "Incident notification", "waits", "runs")
	d.get(at+"/clocks", "waits")
	form.Set("do", "keep")
	d.post(at+"/clocks/anchor", http.StatusSeeOther, form)
	form.Set("at", aware.Add(-time.Hour).Format(time.RFC3339))
	d.post(at+"/clocks/anchor", http.StatusConflict, form) // somebody recorded it meanwhile
	d.get("/incident/clocks?due=24", "Early warning", d.number)
	d.get(at, "Early warning")
	d.get("/", "Clock runs out within 24 hours")
	var due struct{ Clocks []map[string]any }
	token := house.With(d.Token(guard.OwnOrg, guard.RoleWatchOfficer, "incident.read"))
	a := d.Ask(http.MethodGet, "/api/v1/incident/clocks?due=24h", nil, token)
	if err := json.Unmarshal([]byte(a.Body), &due); err != nil || len(due.Clocks) != 1 || due.Clocks[0]["incident"] != d.number || due.Clocks[0]["owed_by"] != "Aguas del Faro" ||
		due.Clocks[0]["state"] != "running" || due.Clocks[0]["strict"] != aware.Add(24*time.Hour).Format(time.RFC3339) {
		t.Errorf("the API says %s, %v", a.Body, err)
	}
	d.get("/api/v1/duty/pack?format=html", "Clock: Early warning, owed by Aguas del Faro")
	d.get("/incident/clocks/1", "How it is counted", "1182/71", "art. 23(4)(a)")

	d.post("/incident/clocks/1/filing", http.StatusSeeOther, nil)
	d.get("/incident/filings/1", "Aguas del Faro", "A pump is steered from outside")
	d.post("/incident/filings/1", http.StatusUnprocessableEntity, url.Values{"version": {"1"}, "field-malicious": {"perhaps"}}, "Choose yes or no")
	d.post("/incident/filings/1/send", http.StatusUnprocessableEntity, url.Values{"version": {"1"}}, "cannot be empty")
	d.post("/incident/filings/1/send", http.StatusSeeOther, url.Values{"version": {"1"}, "how": {"by phone, number 17"}})
	d.get("/incident/filings/1/print?with=fr", "Early warning / Alerte précoce", "When you became aware / Quand vous en avez eu connaissance")
	var line struct {
		Regime, Version, Stage, Citation, State string
		Fields                                  []struct{ ID, Value string }
	}
	if err := json.Unmarshal([]byte(d.get("/incident/filings/1/json")), &line); err != nil || line.Regime != "nis2" || line.State != "sent" || line.Version == "" || len(line.Fields) == 0 {
		t.Errorf("the machine form is %+v, %v", line, err)
	}
	d.get("/incident/clocks/1", "done")
	d.get(at, "by phone, number 17")

	d.get(at+"/significance?organisation="+org+"&regime=nis2", "severe operational disruption", "near miss")
	d.post(at+"/significance", http.StatusUnprocessableEntity, url.Values{"organisation": {org}, "regime": {"nis2"}, "verdict": {"near-miss"}}, "cannot be empty")
	d.post(at+"/significance", http.StatusSeeOther, url.Values{"organisation": {org}, "regime": {"nis2"}, "verdict": {"significant"}, "criterion-disruption": {"yes"}, "reason": {"Two pumps stood still."}})
	d.get(at+"/significance", "Two pumps stood still.")

	d.get("/incident/calls", "Nobody is to be called")
	l, err := d.in.LawNamed("nis2")
	if err != nil {
		t.Fatal(err)
	}
	d.get("/incident/regimes", "circia", "not in force")
	d.post("/incident/regimes/"+l.Key(), http.StatusSeeOther, url.Values{"how": {"OJ L 333 of 27.12.2022"}})
	d.get("/incident/regimes/"+l.Key(), "confirmed against the official text", "OJ L 333")
}
