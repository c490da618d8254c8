package app

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// send posts a form without following where it leads, and returns status, address and
// body.
func send(t *testing.T, c *http.Client, to string, f url.Values) (int, string, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(f.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	stay := *c
	stay.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := stay.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(resp.Cookies()); n > 0 && strings.HasPrefix(to, "http://127") {
		t.Errorf("%s sets %d cookies, want none", to, n)
	}
	return resp.StatusCode, resp.Header.Get("Location"), string(b)
}

func holds(t *testing.T, what, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(body, w) {
			t.Errorf("%s does not show %q:\n%s", what, w, body)
		}
	}
}

func TestACallBecomesAReportAndAnIncidentInThreeSteps(t *testing.T) {
	p := found(t, "")
	p.start(t)
	c := p.local()
	status, at, _ := send(t, c, "http://local/incident/reports", url.Values{"text": {"The pumps stand still, 203.0.113.9 is in the log"}})
	if status != 303 {
		t.Fatalf("got %d, want the report's page", status)
	}
	_, body := ask(t, c, http.MethodGet, "http://local"+at, "")
	holds(t, "the report", body, "The pumps stand still", "203[.]0[.]113[.]9", "What they go on saying")
	if status, _, body := send(t, c, "http://local"+at+"/say", url.Values{"text": {"Nobody can sign in"}}); status != 303 {
		t.Errorf("got %d, want what was said kept\n%s", status, body)
	}
	status, _, body = send(t, c, "http://local"+at+"/order", url.Values{"organisation": {"Nobody Ltd"}, "title": {"a"}, "kind": {"incident"}, "reporter": {"other"}, "marking": {"TLP:AMBER"}})
	if status != 422 {
		t.Errorf("got %d, want 422", status)
	}
	holds(t, "the refused form", body, "Nobody like this is in the directory", "Nobody Ltd")
	status, to, body := send(t, c, "http://local"+at+"/open", url.Values{"title": {"Pumps stand still"}, "severity": {"high"}, "marking": {"TLP:AMBER"}})
	if status != 303 || !strings.HasPrefix(to, "/incident/incidents/") {
		t.Fatalf("got %d to %q, want the incident\n%s", status, to, body)
	}
	_, body = ask(t, c, http.MethodGet, "http://local"+to, "")
	holds(t, "the incident", body, "The pumps stand still", strings.TrimPrefix(at, "/incident/reports/"))
	for _, page := range []string{"/incident/reports", "/incident/reports/new", at + "/open", at + "/close", "/incident/reports?state=all&severity=high"} {
		if status, body := ask(t, c, http.MethodGet, "http://local"+page, ""); status != 200 {
			t.Errorf("%s: got %d\n%s", page, status, body)
		}
	}
}

var code = regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){4}`)

func TestWhoeverReportsWithoutANameComesBackForTheAnswer(t *testing.T) {
	p := found(t, "")
	a := p.start(t)
	desk, base := p.local(), "http://"+a.Address()
	out := &http.Client{}
	status, body := ask(t, out, http.MethodGet, base+"/report", "")
	given := code.FindString(body)
	if status != 200 || given == "" {
		t.Fatalf("got %d, want the form with a code\n%s", status, body)
	}
	status, _, body = send(t, out, base+"/report", url.Values{"text": {""}, "affected": {"my bank"}, "code": {given}})
	if status != 422 || !strings.Contains(body, "my bank") {
		t.Errorf("got %d, want the form again with what was typed\n%s", status, body)
	}
	status, _, body = send(t, out, base+"/report", url.Values{"text": {"A secret thing happened"}, "code": {given}, "marking": {"TLP:AMBER+STRICT"}})
	if status != 200 || code.FindString(body) != given {
		t.Fatalf("got %d, want the code %s\n%s", status, given, body)
	}
	look := func(f url.Values) (int, string) {
		f.Set("code", given)
		status, _, body := send(t, out, base+"/report/status", f)
		return status, body
	}
	if status, body := look(url.Values{"do": {"add"}, "text": {"It happened again"}}); status != 200 || strings.Contains(body, "secret thing") {
		t.Errorf("got %d, want the state without the words that were reported\n%s", status, body)
	}
	_, body = ask(t, desk, http.MethodGet, "http://local/incident/reports", "")
	at := regexp.MustCompile(`/incident/reports/ALM-[0-9A-Z-]+`).FindString(body)
	_, body = ask(t, desk, http.MethodGet, "http://local"+at, "")
	holds(t, "the desk's page", body, "A secret thing happened", "It happened again", "TLP:AMBER&#43;STRICT")
	if status, _, body := send(t, desk, "http://local"+at+"/close", url.Values{"state": {"resolved"}, "resolution": {"resolved"}, "answer": {"We took it down."}}); status != 303 {
		t.Fatalf("got %d, want it closed\n%s", status, body)
	}
	if status, body := look(url.Values{}); status != 200 || !strings.Contains(body, "We took it down.") || !strings.Contains(body, "Done") {
		t.Errorf("got %d, want the answer\n%s", status, body)
	}
	if status, _, body := send(t, out, base+"/report/status", url.Values{"code": {"0000-0000-0000-0000-0000"}}); status != 404 || strings.Contains(body, "took it down") {
		t.Errorf("got %d for a wrong code, want 404\n%s", status, body)
	}
	for n := 0; status != http.StatusTooManyRequests; n++ {
		if n > 20 {
			t.Fatal("a flood from one address is never refused")
		}
		status, _, body = send(t, out, base+"/report", url.Values{"text": {"flood"}})
	}
	holds(t, "the refusal", body, "flood")
}

const abuse = `{"xarf_version":"4.2.0","report_id":"0c7a3c0e-2f4b-4f6e-9d1a-5b8e7c6d5a41","timestamp":"2026-11-20T03:04:05Z",` +
	`"reporter":{"org":"Example Net","contact":"abuse@net.example","domain":"net.example"},"sender":{"org":"Example Net","contact":"abuse@net.example","domain":"net.example"},` +
	`"source_identifier":"198.51.100.7","source_port":4711,"category":"connection","type":"login_attack","protocol":"tcp","first_seen":"2026-11-20T03:00:00Z"}`

func TestAnAbuseReportInXARFIsTakenOnce(t *testing.T) {
	p := found(t, "")
	p.start(t)
	c := p.local()
	status, body := ask(t, c, http.MethodPost, "http://local/api/v1/incident/reports/xarf", abuse)
	if status != 200 {
		t.Fatalf("got %d\n%s", status, body)
	}
	holds(t, "the answer", body, `"source":"xarf"`, `"class":"brute-force"`, "198.51.100.7")
	if status, body := ask(t, c, http.MethodPost, "http://local/api/v1/incident/reports/xarf", abuse); status != 409 || !strings.Contains(body, "ALM-") {
		t.Errorf("got %d, want a conflict that names the report\n%s", status, body)
	}
	if status, body := ask(t, c, http.MethodPost, "http://local/api/v1/incident/reports/xarf", `{"xarf_version":"4.2.0"}`); status != 422 {
		t.Errorf("got %d, want 422\n%s", status, body)
	}
}
