package guardweb

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	files "almenara.example/web"
)

// house is a small assembled server: guard and its pages, nothing else.
type house struct {
	t     *testing.T
	guard *guard.Guard
	acts  *act.Acts
	door  *Door
	site  *web.Site
	clock *clocktest.Fake
	url   string
	first string // the administrator's one-time link
}

func open(t *testing.T) *house {
	t.Helper()
	db := sqldbtest.Open(t, sqldbtest.SQLite(t), []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
	})
	h := &house{t: t, clock: clocktest.New(time.Now())}
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	denials := guard.NewDenials(func() *act.Acts { return h.acts }, log)
	h.acts = act.New(act.Config{DB: db, Clock: h.clock, IDs: id.NewSource(h.clock, nil), Decider: policies, Denials: denials, Log: log})
	h.guard = guard.New(h.acts)
	if h.first, err = h.guard.Found(t.Context(), "CSIRT Atalaya", "AT"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://atalaya.localhost:" + port
	public, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	h.door = NewDoor(DoorConfig{Guard: h.guard, Acts: h.acts, Installation: "test", PublicURL: public})
	catalogue, err := i18n.New(i18n.Sub(files.Locales, "locales"), i18n.Sub(guard.Locales, "locales"), i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	h.site, err = web.New(web.Config{
		Catalogue: catalogue, Clock: h.clock, Log: log, Identify: h.door.Identify, Strict: true, Product: "Almenara",
		Country: "Atalaya", Installation: "test", SignInURL: SignInURL, SignOutURL: SignOutURL, ProfileURL: ProfileURL,
		Nav: []web.NavItem{{Room: "guard", Key: "guard.room", URL: "/guard/persons", Icon: "guard", Permission: "guard.read"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.site.Templates("guard", Templates)
	ceremonies, err := guard.NewCeremonies(h.guard, public, "Almenara")
	if err != nil {
		t.Fatal(err)
	}
	h.site.Handle(New(h.site, h.door, ceremonies).Routes()...)
	handler, err := h.site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Config.ConnContext = ConnContext
	server.Start()
	t.Cleanup(server.Close)
	return h
}

// client is a browser without scripts.
func (h *house) client() *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	}
	return &client{h: h, http: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

type client struct {
	h     *house
	http  *http.Client
	token string
}

// do sends a request and returns the status and body of where it led.
func (c *client) do(method, path string, form url.Values) (status int, body string) {
	c.h.t.Helper()
	r, err := http.NewRequestWithContext(c.h.t.Context(), method, c.h.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.h.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		c.h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		c.h.t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// want sends a request and fails the test unless the status and the words are there.
func (c *client) want(method, path string, form url.Values, status int, has ...string) string {
	c.h.t.Helper()
	got, body := c.do(method, path, form)
	if got != status {
		c.h.t.Errorf("%s %s: got status %d, want %d\n%s", method, path, got, status, strip(body))
	}
	for _, w := range has {
		if !strings.Contains(body, w) {
			c.h.t.Errorf("%s %s: got a page without %q\n%s", method, path, w, strip(body))
		}
	}
	return body
}

// signIn uses a person's new link.
func (h *house) signIn(person int64) *client {
	h.t.Helper()
	c := h.client()
	c.want("POST", h.link(person), nil, 200)
	return c
}

// link is the path of a new link of a person.
func (h *house) link(person int64) string {
	h.t.Helper()
	secret, err := h.guard.IssueLink(h.t.Context(), guard.LocalOperator(), person)
	if err != nil {
		h.t.Fatal(err)
	}
	return linkPath(secret)
}

func (h *house) add(name string, roles ...string) guard.Person {
	h.t.Helper()
	p, err := h.guard.AddPerson(h.t.Context(), guard.LocalOperator(), guard.NewPerson{Org: guard.OwnOrg, Name: name, Roles: roles})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func TestALinkSignsInOnceAndOnlyByItsButton(t *testing.T) {
	h := open(t)
	c := h.client()
	for range 2 { // a scanner opens it first
		c.want("GET", linkPath(h.first), nil, 200, "This link signs you in as Administrator")
	}
	c.want("GET", "/me", nil, 200, "One-time link") // the page of signing in
	c.want("POST", linkPath(h.first), nil, 200, "Signed in as Administrator", "Add a passkey")
	c.want("GET", "/me", nil, 200, "this browser")
	other := h.client()
	refused := other.want("POST", linkPath(h.first), nil, 401, "does not work")
	if guessed := other.want("POST", linkPath("al_guess"), nil, 401); strip(guessed) != strip(refused) {
		t.Error("got another answer to a guessed link than to a used one, want the same")
	}
	c.want("POST", "/sign-out", nil, 200, "You are signed out")
	c.want("GET", "/me", nil, 200, "One-time link")
}

// strip takes out what differs between any two answers.
func strip(page string) string {
	at := strings.Index(page, "<main")
	if at < 0 {
		return page
	}
	return page[at:strings.Index(page, "</main>")]
}

func TestAnEndedOrExpiredSessionIsNobody(t *testing.T) {
	h := open(t)
	ana := h.add("Ana", guard.RoleReader)
	c := h.signIn(ana.ID)
	c.want("GET", "/me", nil, 200, "Ana")
	h.clock.Advance(guard.SessionLife + time.Minute)
	c.want("GET", "/me", nil, 200, "One-time link")
	c = h.signIn(ana.ID)
	s, err := h.guard.Sessions(t.Context(), h.acts.Reader(), ana.ID)
	if err != nil || len(s) != 1 {
		t.Fatalf("got %d open sessions and %v, want 1", len(s), err)
	}
	c.want("POST", "/me/sessions/"+s[0].UID+"/end", nil, 200, "One-time link")
}

func TestTheLocalSocketKnowsItsOwnUserAndNobodyElse(t *testing.T) {
	h := open(t)
	v := h.over(t, h.door)
	if v.ID != "local-operator" || !v.Can("guard.let_back_in") {
		t.Errorf("got viewer %q, want the local operator", v.ID)
	}
	stranger := NewDoor(h.door.config)
	stranger.uid = os.Getuid() + 1
	if v := h.over(t, stranger); !v.Nobody() {
		t.Errorf("got viewer %q for another user's connection, want nobody", v.ID)
	}
	if v, err := h.door.Identify(httptest.NewRequest("GET", "/", nil)); err != nil || !v.Nobody() {
		t.Errorf("got viewer %q and %v without any sign, want nobody", v.ID, err)
	}
}

// over connects to a local socket and says whom a door sees there.
func (h *house) over(t *testing.T, d *Door) web.Viewer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan web.Viewer, 1)
	s := &http.Server{ConnContext: ConnContext, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		v, err := d.Identify(r)
		if err != nil && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("identify: %v", err)
		}
		v.May = keep(v)
		seen <- v
	})}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	c := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	defer c.CloseIdleConnections()
	answer, err := c.Get("http://local/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return <-seen
}

// keep asks while the request lasts.
func keep(v web.Viewer) func(string) bool {
	can := v.May != nil && v.May("guard.let_back_in")
	return func(string) bool { return can }
}

// postJSON sends what the script would.
func (c *client) postJSON(path, body string) (status int, answer string) {
	c.h.t.Helper()
	r, err := http.NewRequestWithContext(c.h.t.Context(), http.MethodPost, c.h.url+path, strings.NewReader(body))
	if err != nil {
		c.h.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := c.http.Do(r)
	if err != nil {
		c.h.t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		c.h.t.Fatal(err)
	}
	return got.StatusCode, string(b)
}
