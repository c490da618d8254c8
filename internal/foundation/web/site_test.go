package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	files "almenara.example/web"
)

var noon = time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC)

const canary = "operator-detail-canary"

type fixture struct {
	site *web.Site
	h    http.Handler
	log  *bytes.Buffer
}

func viewer(r *http.Request) (web.Viewer, error) {
	name := r.Header.Get("X-Test-Person")
	switch name {
	case "":
		return web.Viewer{}, nil
	case "bad":
		return web.Viewer{}, fault.New(fault.Unauthenticated, "fault.unauthenticated", nil)
	}
	return web.Viewer{ID: name, Name: name, May: func(p string) bool { return p == "yard.see" }}, nil
}

func build(t testing.TB, routes []web.Route, templates fstest.MapFS) (*web.Site, http.Handler, *bytes.Buffer, error) {
	t.Helper()
	words := fstest.MapFS{"en.toml": {Data: []byte("\"yard.title\" = \"Yard\"\n\"yard.done\" = { one = \"One thing\", other = \"{{.Count}} things\" }\n\"yard.bad\" = \"No such thing as {{.Name}}\"\n")}}
	catalogue, err := i18n.New(i18n.Sub(files.Locales, "locales"), words)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	site, err := web.New(web.Config{
		Channels:  func(context.Context, web.Viewer) ([]string, error) { return []string{"yard"}, nil },
		Catalogue: catalogue, Clock: clocktest.New(noon), Strict: true, Identify: viewer, Product: "Almenara", Country: "Atalaya",
		Log:       slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		SignInURL: "/sign-in", SearchURL: "/search", SignOutURL: "/sign-out",
		Nav: []web.NavItem{{Room: "yard", Key: "yard.title", URL: "/yard", Icon: "board", Permission: "yard.see", Count: func(context.Context, web.Viewer) (int64, error) { return 3, nil }}},
	})
	if err != nil {
		t.Fatal(err)
	}
	site.Templates("yard", templates)
	site.Handle(routes...)
	h, err := site.Handler()
	return site, h, log, err
}

func standard(t *testing.T) fixture {
	t.Helper()
	var site *web.Site
	show := func(w http.ResponseWriter, r *http.Request) error {
		return site.Page(w, r, 200, "yard/show", web.Page{Title: "Yard", Room: "yard", Marking: "TLP:AMBER", Data: r.URL.Query().Get("say")})
	}
	fail := func(code fault.Code) func(http.ResponseWriter, *http.Request) error {
		return func(http.ResponseWriter, *http.Request) error {
			return fault.Wrap(code, "yard.bad", fault.Args{"Name": "<b>"}, errors.New(canary))
		}
	}
	routes := []web.Route{
		{Method: "GET", Pattern: "/yard", Permission: "yard.see", Handler: show},
		{Method: "GET", Pattern: "/open", Permission: web.Public, Handler: show},
		{Method: "GET", Pattern: "/shut", Permission: "yard.rule", Handler: show},
		{Method: "GET", Pattern: "/invalid", Permission: web.Public, Handler: fail(fault.Invalid)},
		{Method: "GET", Pattern: "/missing", Permission: web.Public, Handler: fail(fault.NotFound)},
		{Method: "GET", Pattern: "/panic", Permission: web.Public, Handler: func(http.ResponseWriter, *http.Request) error { panic(canary) }},
		{Method: "GET", Pattern: "/plain", Permission: web.Public, Handler: func(http.ResponseWriter, *http.Request) error { return errors.New(canary) }},
		{Method: "POST", Pattern: "/do", Permission: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			if _, err := io.ReadAll(r.Body); err != nil {
				return err
			}
			site.Redirect(w, r, r.URL.Query().Get("to"), web.Flash{Key: "yard.done", Args: map[string]any{"Count": 1200}})
			return nil
		}},
	}
	s, h, log, err := build(t, routes, fstest.MapFS{"templates/show.html": {Data: []byte(`<p id="said">{{.Data}}</p>{{T "yard.done" "Count" 2}}`)}})
	if err != nil {
		t.Fatal(err)
	}
	site = s
	return fixture{site: s, h: h, log: log}
}

func (f fixture) do(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.h.ServeHTTP(w, r)
	return w
}

func TestAPageStandsInTheFrameAndEscapesWhatCameFromOutside(t *testing.T) {
	f := standard(t)
	w := f.do("GET", "/yard?say=%3Cscript%3E", "", "X-Test-Person", "ana")
	page := w.Body.String()
	if w.Code != 200 {
		t.Fatalf("got %d: %s", w.Code, f.log)
	}
	for _, want := range []string{"<p id=\"said\">&lt;script&gt;</p>2 things", "TLP:AMBER", "tlp-amber", "<html lang=\"en\" dir=\"ltr\">", "3 wait for you", "13:05 UTC"} {
		if !strings.Contains(page, want) {
			t.Errorf("got a page without %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "style=") || strings.Contains(page, "onclick=") {
		t.Error("got inline style or script, want none")
	}
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("got policy %q, want the strict one", csp)
	}
}

func TestErrorsTellTheReaderTheSentenceAndOnlyTheLogTheDetail(t *testing.T) {
	f := standard(t)
	cases := []struct {
		path   string
		status int
		words  string
	}{
		{"/invalid", 422, "No such thing as &lt;b&gt;"},
		{"/missing", 404, "No such thing as &lt;b&gt;"},
		{"/panic", 500, "Something went wrong on our side"},
		{"/plain", 500, "Something went wrong on our side"},
		{"/nowhere", 404, "There is nothing at this address"},
	}
	for _, c := range cases {
		w := f.do("GET", c.path, "")
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.words) {
			t.Errorf("%s: got %d %s, want %d with %q", c.path, w.Code, w.Body.String(), c.status, c.words)
		}
		if strings.Contains(w.Body.String(), canary) {
			t.Errorf("%s: got operator detail on the page", c.path)
		}
	}
	if !strings.Contains(f.log.String(), canary) {
		t.Error("got a log without the operator detail")
	}
}

func TestProgramsGetProblemJSON(t *testing.T) {
	f := standard(t)
	w := f.do("GET", "/invalid", "", "Accept", "application/json")
	var p web.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("got %s: %v", w.Body, err)
	}
	if p.Status != 422 || p.Code != "invalid" || p.Key != "yard.bad" || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %+v, want the fault as RFC 9457", p)
	}
	if strings.Contains(w.Body.String(), canary) {
		t.Error("got operator detail in the answer")
	}
}

func TestRoutesAdmitWhoMay(t *testing.T) {
	f := standard(t)
	cases := []struct {
		name, path, person string
		status             int
		to                 string
	}{
		{"nobody is sent to sign in and back", "/yard?say=x", "", 303, "/sign-in?next=%2Fyard%3Fsay%3Dx"},
		{"who may enters", "/yard", "ana", 200, ""},
		{"who may not is told so", "/shut", "ana", 403, ""},
		{"nobody sees public pages", "/open", "", 200, ""},
		{"a bad session is no session", "/yard", "bad", 303, "/sign-in?next=%2Fyard"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := f.do("GET", c.path, "", "X-Test-Person", c.person)
			if w.Code != c.status || w.Header().Get("Location") != c.to {
				t.Errorf("got %d to %q, want %d to %q", w.Code, w.Header().Get("Location"), c.status, c.to)
			}
		})
	}
}

func TestAForeignSiteCannotPost(t *testing.T) {
	f := standard(t)
	if w := f.do("POST", "/do?to=/open", "", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("got %d, want 403", w.Code)
	}
	if w := f.do("POST", "/do?to=/open", "", "Sec-Fetch-Site", "same-origin"); w.Code != 303 {
		t.Errorf("got %d, want 303", w.Code)
	}
}

func TestABodyOverTheLimitIsRefusedInWords(t *testing.T) {
	f := standard(t)
	w := f.do("POST", "/do?to=/open", strings.Repeat("x", web.DefaultMaxBody+1))
	if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), "at most 1,048,576 bytes") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestAMessageWaitsOnTheNextPageOnce(t *testing.T) {
	f := standard(t)
	w := f.do("POST", "/do?to=/open", "")
	cookie := w.Result().Cookies()[0]
	w = f.do("GET", "/open", "", "Cookie", cookie.Name+"="+cookie.Value)
	if !strings.Contains(w.Body.String(), "1,200 things") {
		t.Errorf("got no message: %s", w.Body)
	}
	if got := w.Result().Cookies()[0]; got.MaxAge >= 0 {
		t.Errorf("got cookie %+v, want it taken away", got)
	}
	if w = f.do("GET", "/open", "", "Cookie", cookie.Name+"=rubbish"); w.Code != 200 {
		t.Errorf("got %d for a broken cookie, want 200", w.Code)
	}
}

func TestRedirectsStayOnThisSite(t *testing.T) {
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "", "evil"} {
		if got := web.LocalPath(to); got != "/" {
			t.Errorf("LocalPath(%q): got %q, want /", to, got)
		}
	}
	if got := web.LocalPath("/watch?a=b"); got != "/watch?a=b" {
		t.Errorf("got %q", got)
	}
}

func TestLanguageAndAppearanceAreChosenByAddressAndKept(t *testing.T) {
	f := standard(t)
	w := f.do("GET", "/open?say=hi&lang=fr", "")
	if w.Code != 303 || w.Header().Get("Location") != "/open?say=hi" {
		t.Fatalf("got %d to %q", w.Code, w.Header().Get("Location"))
	}
	c := w.Result().Cookies()[0]
	w = f.do("GET", "/open", "", "Cookie", c.Name+"="+c.Value)
	if !strings.Contains(w.Body.String(), `<html lang="fr"`) || !strings.Contains(w.Body.String(), "Aller au contenu") {
		t.Error("got another language than French")
	}
	w = f.do("GET", "/open?lang="+i18n.PseudoRTL, "")
	c = w.Result().Cookies()[0]
	w = f.do("GET", "/open", "", "Cookie", c.Name+"="+c.Value)
	if !strings.Contains(w.Body.String(), `dir="rtl"`) || !strings.Contains(w.Body.String(), "tabler.rtl") {
		t.Error("got no right-to-left page")
	}
}

func TestStartFindsMistakes(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) error { return nil }
	cases := []struct {
		name      string
		routes    []web.Route
		templates fstest.MapFS
		want      string
	}{
		{"a key that English lacks", nil, fstest.MapFS{"a.html": {Data: []byte(`{{T "yard.nothing"}}`)}}, `no key "yard.nothing"`},
		{"a template that does not exist", nil, fstest.MapFS{"a.html": {Data: []byte(`{{if .}}{{template "ghost" .}}{{end}}`)}}, `calls template "ghost"`},
		{"a template that does not parse", nil, fstest.MapFS{"a.html": {Data: []byte(`{{if}}`)}}, "parse template"},
		{"two routes with one pattern", []web.Route{{Method: "GET", Pattern: "/x", Permission: web.Public, Handler: ok}, {Method: "GET", Pattern: "/x", Permission: web.Public, Handler: ok}}, nil, "/x"},
		{"a route without permission", []web.Route{{Method: "GET", Pattern: "/x", Handler: ok}}, nil, "names no permission"},
		{"a route without handler", []web.Route{{Method: "GET", Pattern: "/x", Permission: web.Public}}, nil, "no handler"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := build(t, c.routes, c.templates)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestStaticFilesAreKeptForEverUnderTheirDigest(t *testing.T) {
	f := standard(t)
	var line string
	for _, r := range f.site.Routes() {
		if r.Pattern == "/static/" {
			line = strings.TrimPrefix(r.Sample, "GET ")
		}
	}
	w := f.do("GET", line, "")
	if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	for _, bad := range []string{"/static/0000000000000000/almenara.css", strings.Replace(line, "almenara.css", "vendor/VERSIONS", 1), "/static/"} {
		if w := f.do("GET", bad, ""); w.Code != 404 {
			t.Errorf("%s: got %d, want 404", bad, w.Code)
		}
	}
}

func TestNewsReachTheBrowserAndTheStreamEndsWithTheHub(t *testing.T) {
	f := standard(t)
	server := httptest.NewServer(f.h)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Test-Person", "ana")
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: hello") {
	}
	f.site.Hub().Publish("yard", "not a topic\n")
	f.site.Hub().Publish("elsewhere", "elsewhere.thing")
	f.site.Hub().Publish("yard", "yard.thing")
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: news") {
	}
	if lines.Scan(); lines.Text() != "data: yard.thing" {
		t.Errorf("got %q, want the topic", lines.Text())
	}
	f.site.Hub().Close()
	for lines.Scan() {
	}
	if f.site.Hub().Listeners() != 0 {
		t.Error("got listeners after the hub closed, want none")
	}
	if w := f.do("GET", "/events", "", "Accept", "text/event-stream"); w.Code != 401 {
		t.Errorf("got %d for nobody, want a refusal", w.Code)
	}
}

func TestReportsOfThePolicyAreCounted(t *testing.T) {
	f := standard(t)
	f.do("POST", "/csp-report", `{"csp-report":{}}`)
	if got := f.site.CSPReports(); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
}
