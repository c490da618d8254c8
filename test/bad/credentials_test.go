package bad

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// still is a house whose clock stands.
func still(t *testing.T, db sqldb.Config) *house.House {
	t.Helper()
	return house.Start(t, house.Options{Database: db, Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, tlp.Green, house.Faro, "=1+1,operator,XA,drinking-water,cidr,192.0.2.16/28,@SUM(1),duty@ribera.example,en\n",
			"-2+3,operator,XA,drinking-water,cidr,192.0.2.32/28,+cmd,plus@ribera.example,en\n"); err != nil {
			return err
		}
		if err := h.Deliver(ctx, "2026-11-17", "1", "17", "33", "200"); err != nil {
			return err
		}
		return h.Settle(ctx)
	}})
}

func TestATokenThatDoesNotWorkSaysWhatToDoAndNothingElse(t *testing.T) {
	h := still(t, sqldb.Config{})
	p := h.Person(guard.OwnOrg, guard.RoleReader)
	issue := func() (string, guard.Token) {
		secret, token, err := h.App.Guard().IssueToken(t.Context(), guard.LocalOperator(), p.ID, "t", nil, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return secret, token
	}
	good, _ := issue()
	revoked, token := issue()
	if err := h.App.Guard().EndToken(t.Context(), guard.LocalOperator(), p.ID, token.UID); err != nil {
		t.Fatal(err)
	}
	if a := h.Ask("GET", "/api/v1/watch/findings", nil, house.With(good)); a.Status != 200 {
		t.Fatalf("a good token: %d %s", a.Status, a.Body)
	}
	told := map[string]bool{}
	try := func(what, secret string) {
		for _, path := range []string{"/api/v1/watch/findings", "/api/v1/no/such/thing", "/watch/findings"} {
			got := refusal(t, what+" at "+path, h.Ask("GET", path, nil, house.With(secret), house.Header("Accept", "application/json")), 401)
			told[got.Detail] = true
		}
	}
	try("a wrong token", good[:len(good)-1]+"x")
	try("a token that is none", "nonsense")
	try("a token that is no text", "alt_\xff")
	try("a revoked token", revoked)
	h.Clock.Advance(25 * time.Hour)
	try("an expired token", good)
	if len(told) != 1 {
		t.Errorf("the refusals tell tokens apart: %v", told)
	}
}

func TestALinkThatDoesNotWorkSaysSo(t *testing.T) {
	h := still(t, sqldb.Config{})
	p := h.Person(guard.OwnOrg, guard.RoleReader)
	issue := func() string {
		secret, err := h.App.Guard().IssueLink(t.Context(), guard.LocalOperator(), p.ID)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
	use := func(secret string) house.Answer {
		return h.Ask("POST", "/sign-in/link/"+url.PathEscape(secret), strings.NewReader(""), house.Form, house.Outside)
	}
	first := issue()
	second := issue()
	bodies := map[string]bool{}
	request := regexp.MustCompile(`[0-9a-f]{16}|/sign-in/link/[^"&?]*|As of [^<]*|<footer.*`) // the sheet and the footer tell the time
	refused := func(what, secret string) {
		for i, a := range []house.Answer{h.Ask("GET", "/sign-in/link/"+url.PathEscape(secret), nil, house.Outside), use(secret)} {
			if a.Status != 401 && a.Status != 404 && a.Status != 410 || len(a.Header.Values("Set-Cookie")) > 0 && strings.Contains(a.Header.Get("Set-Cookie"), "session=") {
				t.Errorf("%s: %d, cookies %v", what, a.Status, a.Header.Values("Set-Cookie"))
			}
			bodies[fmt.Sprint(i, request.ReplaceAllString(a.Body, ""))] = true
		}
	}
	refused("a wrong link", second[:len(second)-1]+"_")
	refused("a link that is none", "x")
	refused("a link replaced by a later one", first)
	if a := use(second); a.Status != 303 && a.Status != 200 {
		t.Fatalf("a good link: %d %.300s", a.Status, a.Body)
	}
	refused("a used link", second)
	third := issue()
	h.Clock.Advance(25 * time.Hour)
	refused("an expired link", third)
	if len(bodies) != 2 {
		t.Errorf("%d different pages for links that do not work; want one for each method: %s", len(bodies), slices.Collect(maps.Keys(bodies)))
	}
}

func TestOfTwoBrowsersThatEditOneThingOneIsAskedToLookAgain(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := still(t, c)
		target := h.Person(guard.OwnOrg, guard.RoleReader)
		one, two := h.SignIn(chief(h).ID), h.SignIn(chief(h).ID)
		page := fmt.Sprintf("/guard/persons/%d", target.ID)
		version := func(a house.Answer) string {
			m := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(a.Body)
			if m == nil {
				t.Fatalf("no version on the form: %d", a.Status)
			}
			return m[1]
		}
		a, b := version(h.Ask("GET", page+"/edit", nil, house.As(one))), version(h.Ask("GET", page+"/edit", nil, house.As(two)))
		answers := make([]house.Answer, 2)
		var wg sync.WaitGroup
		for i, save := range []struct {
			cookie  *http.Cookie
			version string
		}{{one, a}, {two, b}} {
			wg.Go(func() {
				form := url.Values{"name": {fmt.Sprintf("Name %d", i)}, "language": {"en"}, "zone": {"UTC"}, "active": {"on"}, "version": {save.version}}
				answers[i] = h.Ask("POST", page, strings.NewReader(form.Encode()), house.As(save.cookie), house.Form)
			})
		}
		wg.Wait()
		won := 0
		for i, a := range answers {
			switch a.Status {
			case 303:
				won++
			case 409:
				if !strings.Contains(a.Body, fmt.Sprintf("Name %d", i)) {
					t.Error("what the loser had typed is gone")
				}
			default:
				t.Errorf("browser %d: %d", i, a.Status)
			}
		}
		if won != 1 {
			t.Errorf("%d of two browsers saved; want one", won)
		}
		concurrentPrograms(t, h)
	})
}

// concurrentPrograms changes a feed eight times at once with the version that all saw.
func concurrentPrograms(t *testing.T, h *house.House) {
	t.Helper()
	token := h.Token(guard.OwnOrg, guard.RoleDutyLead)
	tag := h.Ask("GET", "/api/v1/watch/sources/scans", nil, house.With(token)).Header.Get("ETag")
	if tag == "" {
		t.Fatal("a feed has no ETag")
	}
	status := make([]int, 8)
	var wg sync.WaitGroup
	for i := range status {
		wg.Go(func() {
			body := fmt.Sprintf(`{"mode":"live","marking":"TLP:GREEN","retention_days":%d}`, i+10)
			status[i] = h.Ask("PUT", "/api/v1/watch/sources/scans", strings.NewReader(body), house.With(token), house.JSON, house.Header("If-Match", tag)).Status
		})
	}
	wg.Wait()
	won := 0
	for _, s := range status {
		if s == 200 {
			won++
		} else if s != 409 && s != 412 {
			t.Errorf("a program that came too late got %d, want 409 or 412", s)
		}
	}
	if won != 1 {
		t.Errorf("%d of 8 programs changed the feed: %v; want one", won, status)
	}
}

func TestNoExportHoldsAFormula(t *testing.T) {
	h := still(t, sqldb.Config{})
	cookie := h.SignIn(chief(h).ID)
	if a := h.Ask("POST", "/guard/persons", strings.NewReader(url.Values{"name": {"=HYPERLINK(1)"}, "language": {"en"}, "zone": {"UTC"}}.Encode()), house.As(cookie), house.Form); a.Status != 303 {
		t.Logf("a person with such a name: %d", a.Status)
	}
	tables, cells := 0, 0
	number := regexp.MustCompile(`^[+-][0-9.]+$`)
	for _, r := range h.App.Site().Routes() {
		_, path, _ := strings.Cut(r.Sample, " ")
		if r.Method != "GET" {
			continue
		}
		path, _, _ = strings.Cut(path, " ")
		for _, p := range []string{path, strings.ReplaceAll(path, "/none", "/scans"), strings.Split(path, "?")[0]} {
			a := h.Ask("GET", p, nil, house.As(cookie))
			if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/csv") {
				continue
			}
			tables++
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.Body, "\ufeff"))).ReadAll()
			if err != nil {
				t.Errorf("GET %s: %v", p, err)
			}
			for _, row := range rows {
				for _, cell := range row {
					cells++
					if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") && !number.MatchString(cell) {
						t.Errorf("GET %s holds the cell %q", p, cell)
					}
				}
			}
		}
	}
	if tables < 5 || cells < 50 {
		t.Errorf("only %d tables with %d cells", tables, cells)
	}
}

func TestABrowserWhoseNameIsNoTextMaySignIn(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := still(t, c)
		secret, err := h.App.Guard().IssueLink(t.Context(), guard.LocalOperator(), h.Person(guard.OwnOrg, guard.RoleReader).ID)
		if err != nil {
			t.Fatal(err)
		}
		for header, path := range map[string]string{"Accept-Language": "/sign-in", "Cookie": "/sign-in", "Accept": "/sign-in", "Referer": "/sign-in", "If-None-Match": "/static/almenara.css"} {
			if a := h.Ask("GET", path, nil, house.Outside, house.Header(header, "\xff\xfe=\xc0")); a.Status >= 500 {
				t.Errorf("%s that is no text: %d", header, a.Status)
			}
		}
		a := h.Ask("POST", "/sign-in/link/"+secret, strings.NewReader(""), house.Form, house.Outside, house.Header("User-Agent", "\xff\xfeBrowser\xe2\x82"))
		if a.Status != 303 && a.Status != 200 {
			t.Errorf("sign in: %d %.300s", a.Status, a.Body)
		}
	})
}
