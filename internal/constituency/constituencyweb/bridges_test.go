package constituencyweb

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/guard"
)

const n6File = `[{"org_id": "a", "actual_name": "Aguas del Faro", "inside_filter_ip_networks": ["192.0.2.0/24", "rubbish"],
 "entity": {"full_name": "A", "alert_email": "alert@faro.example", "contact_points": [{"name": "Ana", "email": "ana@faro.example"}]}},
 {"org_id": "b", "actual_name": "Red Libre", "inside_filter_fqdns": ["libre.example"],
  "email_notification_enabled": true, "email_notification_addresses": ["abuse@libre.example"]}]`

func TestAnotherSystemsFileIsPreviewedAndApplied(t *testing.T) {
	h := open(t)
	post := func(role, target, body string) (int, ImportFromAnswer) {
		t.Helper()
		w := h.do(role, "POST", "/api/v1/constituency/"+target, "application/octet-stream", strings.NewReader(body))
		var a ImportFromAnswer
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		return w.Code, a
	}
	code, a := post(guard.RoleDutyLead, "import-from/n6", n6File)
	if code != 200 || a.Applied || a.Organisations.Added != 2 || len(a.Notes) != 1 {
		t.Errorf("got %d, %+v", code, a)
	}
	if n := a.Notes[0]; n.Line != 1 || !strings.Contains(n.Detail, "“rubbish” of Aguas del Faro is left out. “rubbish” is not an address or a network") {
		t.Errorf("got %+v", n)
	}
	if code, a = post(guard.RoleDutyLead, "import-from/n6?apply=true", n6File); code != 200 || !a.Applied {
		t.Errorf("got %d, %+v", code, a)
	}
	if code, a = post(guard.RoleDutyLead, "import-from/n6?apply=true", n6File); code != 200 || a.Organisations.Added+a.Assets.Added+a.Contacts.Added != 0 {
		t.Errorf("again: got %d, %+v", code, a)
	}
	for _, c := range []struct {
		role, target, body string
		want               int
	}{
		{guard.RoleReader, "import-from/n6", n6File, http.StatusForbidden},
		{guard.RoleDutyLead, "import-from/n6", "[", http.StatusUnprocessableEntity},
		{guard.RoleDutyLead, "import-from/lotus", "[]", http.StatusUnprocessableEntity},
	} {
		if w := h.do(c.role, "POST", "/api/v1/constituency/"+c.target, "application/octet-stream", strings.NewReader(c.body)); w.Code != c.want {
			t.Errorf("%s %s: got %d, want %d: %s", c.role, c.target, w.Code, c.want, w.Body)
		}
	}
}

// rulesOf are rules for a test.
type rulesOf func(name string, asked Asked) (bool, time.Duration)

type testRules struct {
	h *house
	f rulesOf
}

// OnLookup asks the test.
func (r testRules) OnLookup(_ context.Context, org int64, asked Asked) (bool, time.Duration, error) {
	o, _ := r.h.room.Index().Org(org)
	suppress, interval := r.f(o.Name, asked)
	return suppress, interval, nil
}

func TestAnIntelMQAsksWhoIsToBeTold(t *testing.T) {
	h := open(t)
	if w := h.do(guard.RoleDutyLead, "POST", "/api/v1/constituency/import-from/n6?apply=true", "", strings.NewReader(n6File)); w.Code != 200 {
		t.Fatal(w.Body)
	}
	const query = "/intelmq/lookup?classification_taxonomy=vulnerable&classification_type=vulnerable-system&feed_provider=P&feed_name=F&feed_status=production"
	ask := func(target string) string {
		t.Helper()
		got := h.get(target)
		var v any
		if err := json.Unmarshal([]byte(got), &v); err != nil {
			t.Fatal(err)
		}
		delete(v.(map[string]any), "$schema")
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const (
		faro  = `{"destinations":[{"contacts":[{"email":"alert@faro.example"}],"name":"Aguas del Faro","source":"portal"}]}`
		libre = `{"destinations":[{"contacts":[{"email":"abuse@libre.example"}],"name":"Red Libre","source":"portal"}]}`
	)
	for _, c := range []struct{ more, want string }{
		{"&ip=192.0.2.7", `{"interval":{"length":1,"unit":"immediate"},"ip":` + faro + `,"suppress":false}`},
		{"&ip=203.0.113.1", `{"suppress":false}`},
		{"&domain=www.libre.example", `{"domain":` + libre + `,"interval":{"length":1,"unit":"immediate"},"suppress":false}`},
	} {
		if got := ask(query + c.more); got != c.want {
			t.Errorf("%s: got %s, want %s", c.more, got, c.want)
		}
		if got := ask("/api/v1/constituency" + query + c.more); got != c.want {
			t.Errorf("below the API, %s: got %s, want %s", c.more, got, c.want)
		}
	}
	var last Asked
	interval := 7 * 24 * time.Hour
	h.door.SetRules(testRules{h, func(name string, asked Asked) (bool, time.Duration) {
		last = asked
		return name == "Red Libre", interval
	}})
	for _, c := range []struct {
		more     string
		interval time.Duration
		want     string
	}{
		{"&ip=192.0.2.7", 7 * 24 * time.Hour, `{"interval":{"length":1,"unit":"weeks"},"ip":` + faro + `,"suppress":false}`},
		{"&ip=192.0.2.7", 3 * 24 * time.Hour, `{"interval":{"length":3,"unit":"days"},"ip":` + faro + `,"suppress":false}`},
		{"&ip=192.0.2.7", 90 * time.Minute, `{"interval":{"length":2,"unit":"hours"},"ip":` + faro + `,"suppress":false}`},
		{"&ip=192.0.2.7&domain=libre.example", 0, `{"interval":{"length":1,"unit":"immediate"},"ip":` + faro + `,"suppress":false}`},
		{"&domain=libre.example", 0, `{"domain":` + libre + `,"interval":{"length":1,"unit":"immediate"},"suppress":true}`},
	} {
		interval = c.interval
		if got := ask(query + c.more); got != c.want {
			t.Errorf("by rules, %s: got %s, want %s", c.more, got, c.want)
		}
	}
	want := Asked{Taxonomy: "vulnerable", Type: "vulnerable-system", Provider: "P", Feed: "F", Status: "production"}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Errorf("the rules hear (-want +got)\n%s", diff)
	}
	for target, want := range map[string]int{query: 422, query + "&ip=nonsense..": 422} {
		if w := h.do(guard.RoleDutyLead, "GET", target, "", nil); w.Code != want {
			t.Errorf("%s: got %d, want %d", target, w.Code, want)
		}
	}
}

func TestEveryNoteHasASentence(t *testing.T) {
	c := catalogue(t)
	for _, lang := range []string{"en", "fr"} {
		p := c.Printer(lang)
		for _, key := range []string{
			"annotation", "asset", "comment", "contact", "country", "dependant", "disabled", "essential", "fingerprint", "handle", "inhibition",
			"key", "kind_kept", "merged", "more", "name", "particulars", "renamed", "sector", "tag", "times", "unowned", "url", "whole_country",
		} {
			key = "constituency.from." + key
			if got := p.T(key, map[string]any{"Count": 1, "Name": "a", "Value": "b", "Why": "c", "On": "d", "Kind": "e", "Other": "f", "Sort": "g"}); got == "" || strings.Contains(got, key) {
				t.Errorf("%s: got %q", key, got)
			}
		}
	}
}
