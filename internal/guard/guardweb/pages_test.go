package guardweb

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	files "almenara.example/web"
)

func TestEveryDoorIsShutToThoseWhoMayNot(t *testing.T) {
	h := open(t)
	reader := h.signIn(h.add("Ana", guard.RoleReader).ID)
	nobody := h.client()
	seen := 0
	for _, route := range h.site.Routes() {
		if route.Permission == web.Public || route.Pattern == "/events" {
			continue
		}
		seen++
		method, rest, _ := strings.Cut(route.Sample, " ")
		path, body, _ := strings.Cut(rest, " ")
		if path == "" {
			t.Errorf("%s %s has no sample request", route.Method, route.Pattern)
			continue
		}
		form, err := url.ParseQuery(body)
		if err != nil {
			form = nil
		}
		want := "One-time link" // a browser that asks for a page is sent to sign in
		if status, page := nobody.do(method, path, form); status != http.StatusUnauthorized && (method != "GET" || !strings.Contains(page, want)) {
			t.Errorf("%s %s as nobody: got %d, want to be asked to sign in", method, path, status)
		}
		if route.Permission == web.SignedIn {
			continue
		}
		if status, page := reader.do(method, path, form); status != http.StatusForbidden || strings.Contains(page, "Administrator") {
			t.Errorf("%s %s as a reader: got %d, want 403 and nothing of what is behind", method, path, status)
		}
	}
	if seen < 25 {
		t.Errorf("got %d doors, want all of guard's", seen)
	}
}

func TestAnAdministratorAddsAPersonWhoThenSignsIn(t *testing.T) {
	h := open(t)
	c := h.signIn(1)
	c.want("POST", "/guard/persons", url.Values{"name": {""}, "email": {"nonsense"}, "zone": {"Mars/Base"}}, 422,
		"The person was not saved.", "is not a mail address", "is not a time zone", "A name is needed", `value="Mars/Base"`)
	c.want("POST", "/guard/persons", url.Values{"name": {"Ana"}, "organisation": {"Nowhere"}}, 422, "There is no such organisation")
	c.want("POST", "/guard/persons", url.Values{"name": {"Ana <b>"}, "role": {guard.RoleWatchOfficer}, "language": {"fr"}, "zone": {"Europe/Paris"}}, 200,
		"Ana &lt;b&gt; is added", "Watch officer", "Europe/Paris")
	page := c.want("POST", "/guard/persons/2/link", nil, 200, "shown only now", "/sign-in/link/al_")
	link := regexp.MustCompile(`/sign-in/link/al_[\w-]+`).FindString(page)
	if again := c.want("GET", "/guard/persons/2", nil, 200); strings.Contains(again, "al_") {
		t.Error("got the secret on the person's page, want it shown once")
	}
	ana := h.client()
	ana.want("GET", link, nil, 200, "Ana &lt;b&gt;")
	ana.want("POST", link, nil, 200, "<html lang=\"fr\"")
	ana.want("GET", "/me", nil, 200, "Mes clés d’accès et sessions", "CET")
	ana.want("POST", "/me", url.Values{"language": {"en"}, "zone": {"UTC"}, "version": {"1"}}, 200, "Saved.")
	ana.want("POST", "/me", url.Values{"language": {"fr"}, "zone": {"UTC"}, "version": {"1"}}, 409, "Somebody else changed this meanwhile")
	ana.want("POST", "/me", url.Values{"language": {"en"}, "zone": {"Nowhere"}, "version": {"2"}}, 422, "is not a time zone", `value="Nowhere"`)

	c.want("GET", "/guard/persons/2/edit", nil, 200, `name="version" value="2"`)
	c.want("POST", "/guard/persons/2", url.Values{"name": {"Ana"}, "version": {"1"}, "active": {"yes"}, "language": {"en"}, "zone": {"UTC"}}, 409,
		"Somebody else changed this meanwhile")
	c.want("GET", "/guard/persons/2/roles", nil, 200, "Duty lead")
	c.want("POST", "/guard/persons/2/roles", url.Values{"role-reader": {"reader"}}, 422, "Please give a reason")
	c.want("POST", "/guard/persons/2/roles", url.Values{"role-reader": {"reader"}, "reason": {"moved"}}, 200, "The roles are set", "Reader")
	c.want("POST", "/guard/persons/1/roles", url.Values{"role-reader": {"reader"}, "reason": {"moved"}}, 409, "This is the last administrator")

	c.want("GET", "/guard/persons/2/end", nil, 200, "<strong>1</strong> open sessions end at once")
	c.want("POST", "/guard/persons/2/end", url.Values{"version": {"2"}}, 200, "has no access any more", "access ended")
	ana.want("GET", "/me", nil, 200, "One-time link")
	c.want("GET", "/guard/persons/99", nil, 404)
	c.want("GET", "/guard/persons/x", nil, 404)
	c.want("GET", "/guard/persons?role=administrator", nil, 200, "Administrator")
	c.want("GET", "/guard/persons?email=none@x.example", nil, 200, "Nobody is here")
}

func TestATokenIsShownOnceListedAndEnded(t *testing.T) {
	h := open(t)
	lead := h.add("Rui", guard.RoleDutyLead)
	c := h.signIn(1)
	c.want("POST", "/guard/persons/2/tokens", url.Values{"name": {"fetch"}, "days": {"0"}}, 422, "A token lasts between one and 366 days", `value="fetch"`)
	page := c.want("POST", "/guard/persons/2/tokens", url.Values{"name": {"fetch"}, "scope": {"guard.read"}, "days": {"30"}}, 200, "shown only now")
	secret := regexp.MustCompile(`alt_[\w-]+`).FindString(page)
	if list := c.want("GET", "/guard/tokens", nil, 200, "fetch", "guard.read", "Rui"); strings.Contains(list, secret) {
		t.Error("got the secret in the list, want it shown once")
	}
	program := h.client()
	program.token = secret
	program.want("GET", "/guard/persons", nil, 200, "Rui")
	program.want("GET", "/guard/persons/new", nil, 403)
	program.want("GET", "/me", nil, 403, "belongs to a person who signed in with a browser")
	program.token = "alt_wrong"
	program.want("GET", "/guard/persons", nil, 401)
	program.want("GET", "/sign-in", nil, 401) // a wrong token is never nobody

	tokens, err := h.guard.Tokens(t.Context(), h.acts.Reader(), lead.ID)
	if err != nil || len(tokens) != 1 {
		t.Fatalf("got %d tokens and %v, want 1", len(tokens), err)
	}
	c.want("POST", "/guard/persons/2/tokens/"+tokens[0].UID+"/end", nil, 200, "no longer works")
	program.token = secret
	program.want("GET", "/guard/persons", nil, 401)
	rui := h.signIn(lead.ID)
	rui.want("POST", "/guard/persons", nil, 403)
	c.want("GET", "/guard/denials", nil, 200, "Refusals")
}

func TestTriesOfCredentialsAreLimited(t *testing.T) {
	h := open(t)
	c := h.client()
	for range triesAtOnce {
		c.want("POST", linkPath("al_guess"), nil, 401)
	}
	c.want("POST", linkPath(h.first), nil, 429, "Too many attempts")
	if status, _ := c.postJSON("/sign-in/passkey/options", "{}"); status != 429 {
		t.Errorf("a passkey after too many tries: got %d, want 429", status)
	}
	h.clock.Advance(time.Minute)
	c.want("POST", linkPath(h.first), nil, 200, "Signed in")
}

func TestLinksThatWorkAreNoTriesTooMany(t *testing.T) {
	h := open(t)
	for range 2 * triesAtOnce {
		c := h.client()
		link := h.link(1)
		c.want("GET", link, nil, 200)
		c.want("POST", link, nil, 200, "Signed in")
	}
	c := h.client()
	for range triesAtOnce {
		c.want("POST", linkPath("al_guess"), nil, 401)
	}
	c.want("POST", h.link(1), nil, 429)
}

func TestTheLimitForgetsAddressesAndStaysBounded(t *testing.T) {
	h := open(t)
	l := newLimit(h.clock)
	for i := range 3 * addressesKept {
		l.allow(url.PathEscape(string(rune(i + 1000))))
	}
	if len(l.by) > addressesKept {
		t.Errorf("got %d addresses kept, want at most %d", len(l.by), addressesKept)
	}
	h.clock.Advance(time.Hour)
	if !l.allow("192.0.2.1") || len(l.by) != 1 {
		t.Errorf("got %d addresses after an hour, want the new one alone", len(l.by))
	}
	for a, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "@": "@",
	} {
		if got := limitKey(a); got != want {
			t.Errorf("%s: got %s, want %s", a, got, want)
		}
	}
}

func TestTheSessionCookieIsWellGuarded(t *testing.T) {
	h := open(t)
	for scheme, secure := range map[string]bool{"http": false, "https": true} {
		c := h.door.config
		c.PublicURL = &url.URL{Scheme: scheme, Host: "desk.example"}
		w := httptest.NewRecorder()
		NewDoor(c).begin(w, "secret")
		got := w.Result().Cookies()[0]
		if got.Name != "almenara-test-session" || !got.HttpOnly || got.Secure != secure || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
			t.Errorf("%s: got cookie %+v, want it HttpOnly, Lax, host-only, Secure %v", scheme, got, secure)
		}
	}
}

func TestAPostFromAnotherSiteIsRefused(t *testing.T) {
	h := open(t)
	r, err := http.NewRequestWithContext(t.Context(), "POST", h.url+linkPath(h.first), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	answer, err := h.client().http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 403 {
		t.Errorf("got %d, want 403", answer.StatusCode)
	}
	if _, err := h.guard.LinkHolder(t.Context(), h.first); err != nil {
		t.Errorf("the link after it: %v, want it unused", err)
	}
}

func TestARequestWithAnIdempotencyKeyIsDoneOnce(t *testing.T) {
	h := open(t)
	p := New(h.site, h.door, nil)
	done := 0
	handler := p.Once(func(w http.ResponseWriter, _ *http.Request) {
		done++
		if done == 1 {
			w.WriteHeader(422)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(201)
		_, _ = w.Write([]byte(`{"id":1}`))
	})
	send := func(body, key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/api/v1/x", strings.NewReader(body))
		r = r.WithContext(web.WithViewer(r.Context(), web.Viewer{ID: "person:1"}, h.site.Catalogue().Printer("en")))
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		w := httptest.NewRecorder()
		handler(w, r)
		return w
	}
	for i, c := range []struct {
		body, key string
		status    int
		done      int
	}{
		{"a", "k", 422, 1},
		{"a", "k", 201, 2},
		{"a", "k", 201, 2},
		{"b", "k", 409, 2},
		{"b", "other", 201, 3},
		{"a", "", 201, 4},
		{"a", "", 201, 5},
		{"a", "a b", 422, 5},
		{strings.Repeat("a", maxOnce+1), "big", 422, 5},
	} {
		w := send(c.body, c.key)
		if w.Code != c.status || done != c.done {
			t.Errorf("request %d: got %d with %d done, want %d with %d\n%s", i, w.Code, done, c.status, c.done, w.Body)
		}
		if replayed := w.Header().Get("Idempotency-Replayed") == "true"; replayed != (i == 2) || i == 2 && w.Body.String() != `{"id":1}` {
			t.Errorf("request %d: got replayed %v and %q", i, replayed, w.Body)
		}
	}
}

func TestFrenchHasEveryWord(t *testing.T) {
	c, err := i18n.New(i18n.Sub(files.Locales, "locales"), i18n.Sub(guard.Locales, "locales"), i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	if missing := c.Missing("fr", true); len(missing) > 0 {
		t.Errorf("got French without %v, want every key", missing)
	}
}
