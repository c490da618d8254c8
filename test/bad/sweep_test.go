package bad

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// full is a house with a little nation in it.
func full(t *testing.T, db sqldb.Config) *house.House {
	t.Helper()
	return house.Start(t, house.Options{Database: db, System: true, Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, tlp.Green, house.Faro, house.Ribera); err != nil {
			return err
		}
		if err := h.Deliver(ctx, "2026-11-17", "1", "17", "200", "nonsense,tcp,23"); err != nil {
			return err
		}
		return h.Settle(ctx)
	}})
}

// chief is a person who may do everything that roles give.
func chief(h *house.House) guard.Person {
	return h.Person(guard.OwnOrg, guard.RoleDutyLead, guard.RoleAdministrator, guard.RoleOversight, guard.RoleConstituency)
}

// poisons are texts that databases and headers choke on.
func poisons(postgres bool) map[string]string {
	out := map[string]string{"NUL": "a\x00b", "minus one": "-1"}
	if postgres {
		out["bad UTF-8"], out["half a rune"], out["a quote"] = "a\xff\xfeb", "a\xe2\x82", "x' or '1'='1"
	} else {
		out["a line break"], out["markup"] = "a\r\nX-Injected: b", `"><script>alert(1)</script>`
		out["a path"], out["a huge number"] = "../../../../etc/passwd", "99999999999999999999999999"
	}
	return out
}

// request is one that the sweep sends.
type request struct {
	method, path, body, kind string
}

// variants are a route's sample with one value replaced at a time.
func variants(method, line string, poison string) (out []request) {
	path, body, hasBody := strings.Cut(line, " ")
	u, err := url.Parse(path)
	if err != nil {
		return nil
	}
	kind := ""
	if hasBody {
		kind = "application/x-www-form-urlencoded"
		if strings.HasPrefix(body, "{") {
			kind = "application/json"
		}
	}
	add := func(path, body string) { out = append(out, request{method, path, body, kind}) }
	// Each piece of the path but the first two, which name the room.
	pieces := strings.Split(u.EscapedPath(), "/")
	for i := 3; i < len(pieces); i++ {
		changed := append([]string(nil), pieces...)
		changed[i] = url.PathEscape(poison)
		add(strings.Join(changed, "/")+"?"+u.RawQuery, body)
	}
	q := u.Query()
	for _, name := range []string{"state", "severity", "kind", "sector", "organisation", "ip", "source", "q", "after", "before", "from", "page", "next", "on", "subject", "email", "actor", "verb", "asset", "limit", "lang", "delivery", "reason"} {
		if method == http.MethodGet && (poison == "-1" || strings.ContainsAny(poison, "\x00<")) && !strings.Contains(u.Path, "/1") && q.Get(name) == "" {
			q.Set(name, "")
		}
	}
	for name := range q {
		changed := u.Query()
		changed.Set(name, poison)
		add(u.EscapedPath()+"?"+changed.Encode(), body)
	}
	if kind == "application/json" {
		var m map[string]any
		if json.Unmarshal([]byte(body), &m) == nil {
			for name := range m {
				changed := map[string]any{}
				for k, v := range m {
					changed[k] = v
				}
				changed[name] = poison
				b, _ := json.Marshal(changed) // a map of texts and numbers
				add(path, strings.ReplaceAll(string(b), "\ufffd", "\xff"))
			}
		}
		return out
	}
	if hasBody {
		form, _ := url.ParseQuery(body) // the sample's own
		form.Set("unknown", "")
		for name := range form {
			changed := url.Values{}
			for k, v := range form {
				changed[k] = v
			}
			changed.Set(name, poison)
			add(path, changed.Encode())
		}
	}
	return out
}

func TestNoTextFromOutsideBreaksARoute(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := full(t, c)
		p := chief(h)
		cookie := h.SignIn(p.ID)
		sent := 0
		for _, r := range h.App.Site().Routes() {
			method, line, _ := strings.Cut(r.Sample, " ")
			for name, poison := range poisons(c.DSN != "") {
				for _, v := range variants(method, line, poison) {
					mark := h.Log.Len()
					var body io.Reader
					if v.body != "" {
						body = strings.NewReader(v.body)
					}
					a := h.Ask(v.method, v.path, body, house.Outside, house.As(cookie), house.Header("Content-Type", v.kind))
					sent++
					told := fmt.Sprintf("%s %s %q with %s: %d", v.method, v.path, v.body, name, a.Status)
					if a.Status >= 500 {
						t.Errorf("%s\n%s", told, h.Log.Since(mark))
					}
					if a.Header.Get("X-Injected") != "" {
						t.Errorf("%s: a header was injected", told)
					}
					if strings.Contains(a.Body, "<script>alert(1)") && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
						t.Errorf("%s: markup came back as it went in", told)
					}
					if a.Status == http.StatusUnauthorized || strings.HasPrefix(a.Header.Get("Location"), "/sign-in") {
						cookie = h.SignIn(p.ID) // it signed out, or changed itself
					}
				}
			}
		}
		if sent < 3000 {
			t.Errorf("only %d requests were sent", sent)
		}
		t.Logf("%d requests", sent)
	})
}

func TestNamesOfFilesStayInTheirPlace(t *testing.T) {
	h := full(t, sqldb.Config{})
	token := h.Token(guard.OwnOrg, guard.RoleWatchOfficer)
	for _, name := range []string{"../../../../tmp/evil.csv", `..\..\evil.csv`, "/etc/passwd", "a\x00b.csv", "a\r\nSet-Cookie: x=y.csv", "2026-11-18-scan_telnet.csv\xff", strings.Repeat("a", 5000)} {
		body := "timestamp,ip,protocol,port\n2026-11-18 03:00:00,192.0.2.3,tcp,23\n"
		a := h.Ask("POST", "/api/v1/watch/deliveries?source=scans&observed=2026-11-18&file="+url.QueryEscape(name), strings.NewReader(body),
			house.With(token), house.Header("Content-Type", "application/octet-stream"))
		if a.Status >= 500 {
			t.Errorf("file name %q: %d %s", name, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/static/../../etc/passwd", "/static/..%2f..%2fetc%2fpasswd", "/static/%2e%2e/%2e%2e/keys/ledger.key", "/api/v1/ledger/log/..%2f..%2fkeys%2fledger.key", "//evil.example/", "/sign-in?next=//evil.example/"} {
		a := h.Ask("GET", path, nil, house.As(h.SignIn(chief(h).ID)))
		if a.Status >= 500 || strings.Contains(a.Body, "root:") || strings.Contains(a.Body, "PRIVATE KEY") || strings.HasPrefix(a.Header.Get("Location"), "//evil") || strings.HasPrefix(a.Header.Get("Location"), "http") {
			t.Errorf("GET %s: %d, Location %s", path, a.Status, a.Header.Get("Location"))
		}
	}
}
