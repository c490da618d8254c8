package gate

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/watch"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

var reportAt = regexp.MustCompile(`/portal/reports/(ALM-[0-9A-Z]{4}-[0-9A-Z]{4})`)

// mailTo waits until a mail with some words has reached an address.
func (p *port) mailTo(address, words string) string {
	p.t.Helper()
	if err := p.Settle(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	for _, m := range p.Mail.Received() {
		if text := folded.ReplaceAllString(string(m.Data), ""); m.To == address && strings.Contains(text, words) {
			return text
		}
	}
	p.t.Fatalf("no mail with %q reached %s", words, address)
	return ""
}

func TestAnOrganisationReportsAndNobodyElseSeesIt(t *testing.T) {
	p := openPort(t, tlp.Green)
	faro, ribera, soc := p.contact(p.faro), p.contact(p.ribera), p.contact(p.soc)
	desk := house.As(p.SignIn(p.Person(guard.OwnOrg, guard.RoleDutyLead).ID))

	p.get(faro, "/portal/reports/new", 200, []string{"Regulation", "A near miss"}, nil)
	duty := url.Values{"regime": {"nis2"}, "stage": {"early-warning"}, "marking": {"TLP:AMBER"}}
	p.get(faro, "/portal/reports/new?"+duty.Encode(), 200, []string{`value="Aguas del Faro"`}, nil)
	// Kept and found again; only theirs.
	kept := duty
	kept.Set("field-title", "Valves opened by themselves")
	kept.Set("do", "draft")
	at := p.post(faro, "/portal/reports", kept.Encode(), 303, nil, nil).Header.Get("Location")
	p.get(faro, at, 200, []string{"Valves opened by themselves"}, nil)
	p.get(ribera, at, 404, nil, []string{"Valves"})
	p.get(desk, "/incident/reports?state=all", 200, nil, []string{"Valves"})

	near := url.Values{"stage": {"near-miss"}, "text": {""}, "marking": {"TLP:AMBER"}, "affected": {"pump 7"}}
	p.post(faro, "/portal/reports", near.Encode(), 422, []string{"pump 7"}, nil)
	near.Set("text", "Somebody tried the password of pump 7 from 198.51.100.9")
	near.Set("do", "look")
	p.post(faro, "/portal/reports", near.Encode(), 200, []string{"Who will see this", "Aguas del Faro", `value="send"`}, nil)
	near.Set("do", "send")
	p.post(faro, "/portal/reports", near.Encode(), 303, nil, nil)
	page := p.get(faro, "/portal/reports", 200, []string{"Somebody tried the password", "Nobody has read it yet"}, nil)
	number := reportAt.FindStringSubmatch(page.Body)[1]
	for _, other := range []func(*http.Request){ribera, soc} {
		p.get(other, "/portal/reports", 200, nil, []string{"password", number})
		p.get(other, "/portal/reports/"+number, 404, nil, []string{"password"})
		p.post(other, "/portal/reports/"+number+"/add", "text=a", 404, nil, nil)
	}
	for _, closed := range []string{"/incident/reports", "/incident/reports/new", "/incident/reports/" + number} {
		p.get(faro, closed, 403, nil, nil)
	}
	p.post(faro, "/incident/reports", "text=a", 403, nil, nil)

	p.post(faro, "/portal/reports/"+number+"/add", "text=It+was+at+noon", 303, nil, nil)
	p.get(desk, "/incident/reports/"+number, 200, []string{"It was at noon", "198[.]51[.]100[.]9", "near miss"}, nil)
	p.post(desk, "/incident/reports/"+number+"/write", "as=note&words=Only+ours", 303, nil, nil)
	p.post(desk, "/incident/reports/"+number+"/close", "state=resolved&resolution=resolved&answer=Change+it.&reason=ours+alone", 303, nil, nil)
	p.get(faro, "/portal/reports/"+number, 200, []string{"Change it.", "It was at noon", "Done"}, []string{"Only ours", "ours alone"})
}

func TestAnAnswerReachesWhoeverLeftAnAddressAndSaysNothingOnTheWay(t *testing.T) {
	p := openPort(t, tlp.Green)
	in, ctx := p.App.Incidents(), t.Context()
	code, err := in.NewCode()
	if err != nil {
		t.Fatal(err)
	}
	one, _, err := in.ReportPublicly(ctx, incident.NewReport{Text: "A secret happened", Email: "mara@home.example", Language: "en", Marking: tlp.AmberStrict}, code)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.CloseReport(ctx, house.Lead(), one.ID, incident.ReportResolved, incident.WasResolved, "", "We mended it.", 0); err != nil {
		t.Fatal(err)
	}
	mail := p.mailTo("mara@home.example", in.ReportNo(one.ID))
	if strings.Contains(mail, "secret") || strings.Contains(mail, "mended") {
		t.Errorf("the mail tells what only the page may:\n%s", mail)
	}
	own := regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){4}`).FindString(mail)
	if own == "" || own == code {
		t.Fatalf("got code %q in the mail, want one of its own\n%s", own, mail)
	}
	nobody := func(*http.Request) {}
	p.post(nobody, "/report/status", url.Values{"code": {own}}.Encode(), 200, []string{"We mended it."}, []string{"secret"})
	sent, err := in.AnswerStates(ctx, p.App.Acts().Reader(), one.ID)
	if err != nil {
		t.Fatal(err)
	}
	for id, state := range sent {
		if state != "sent" {
			t.Errorf("answer %d: got %s, want sent", id, state)
		}
	}
}

func TestFindingsBecomeAnIncidentInWhichEachSeesItsOwn(t *testing.T) {
	p := openPort(t, tlp.Amber)
	in, ctx, db := p.App.Incidents(), t.Context(), p.App.Acts().Reader()
	l, err := p.App.Watch().List(ctx, db, watch.Filter{}, watch.Page{Limit: 10, Reader: guard.OwnOrg})
	if err != nil || len(l.Findings) != 2 {
		t.Fatalf("got %d findings (%v), want 2", len(l.Findings), err)
	}
	desk := house.As(p.SignIn(p.Person(guard.OwnOrg, guard.RoleDutyLead).ID))
	q := url.Values{"id": {p.App.Watch().Number(l.Findings[0].ID), p.App.Watch().Number(l.Findings[1].ID)}}
	p.get(desk, "/incident/promote?"+q.Encode(), 200, []string{"Aguas del Faro", "Ribera Waterworks"}, nil)
	at := p.post(desk, "/watch/findings/choose", "verb=incident&"+q.Encode(), 303, nil, nil).Header.Get("Location")
	if !strings.HasPrefix(at, "/incident/promote?") {
		t.Errorf("got %q, want the form", at)
	}
	q.Set("title", "Telnet at two water works")
	q.Set("severity", "high")
	q.Set("marking", "TLP:AMBER")
	p.post(desk, "/incident/promote", q.Encode(), 303, nil, nil)
	for org, sees := range map[int64][2]string{p.faro: {p.faroHost, p.riberaHos}, p.ribera: {p.riberaHos, p.faroHost}} {
		who := incident.Viewer{Org: org}
		mine, err := in.Mine(ctx, db, who, incident.Filter{})
		if err != nil || len(mine) != 1 {
			t.Fatalf("organisation %d takes part in %d incidents (%v), want 1", org, len(mine), err)
		}
		story, err := in.Story(ctx, db, who, mine[0].ID)
		if err != nil || len(story) != 1 || !strings.Contains(story[0].Text, sees[0]) || strings.Contains(story[0].Text, sees[1]) {
			t.Errorf("organisation %d sees %+v (%v), want its own finding alone", org, story, err)
		}
	}
	_, err = in.FromFindings(ctx, house.Lead(), incident.Incident{Title: "a", Severity: incident.Low, Marking: tlp.Amber}, []int64{4711})
	if err == nil {
		t.Error("an incident began with a finding that is not there")
	}
}
