package dutyweb

import (
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/duty"
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

// house is a small assembled server: the duty room and its door. Person 2 is Olga and
// person 3 Otto; a request names its person and role.
type house struct {
	t    *testing.T
	door *Web
	room *duty.Duty
	h    http.Handler
}

func catalogue(t *testing.T) *i18n.Catalogue {
	t.Helper()
	c, err := i18n.New(i18n.Sub(files.Locales, "locales"), i18n.Sub(guard.Locales, "locales"), i18n.Sub(duty.Locales, "locales"),
		i18n.Sub(Locales, "locales"), os.DirFS("../../constituency/constituencyweb/locales"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T) *house {
	t.Helper()
	db := sqldbtest.Open(t, sqldbtest.SQLite(t), []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations}, {Room: "act", Files: act.Migrations}, {Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: constituency.Migrations}, {Room: "duty", Files: duty.Migrations},
	})
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktest.New(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	log := slog.New(slog.DiscardHandler)
	acts := act.New(act.Config{DB: db, Clock: clock, IDs: id.NewSource(clock, nil), Decider: policies, Log: log})
	g := guard.New(acts)
	org := constituency.New(acts, g, log)
	if _, err := g.Found(t.Context(), "CSIRT Atalaya", "XA"); err != nil {
		t.Fatal(err)
	}
	if err := org.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Olga <b>", "Otto"} {
		if _, err := g.AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{Org: guard.OwnOrg, Name: name, Phone: "+34 2", Roles: []string{guard.RoleWatchOfficer}}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = org.Import(t.Context(), guard.LocalOperator(), constituency.OrganisationsFile, strings.NewReader(
		"organisation,sector,contact_name,contact_email,contact_phone\nGas,energy-gas,Night desk,night@gas.example,+34 900\n"), true)
	if err != nil {
		t.Fatal(err)
	}
	room := duty.New(duty.Config{
		Acts: acts, Guard: g, Constituency: org, Catalogue: catalogue(t), Language: "en", Dir: filepath.Join(t.TempDir(), "packs"), Log: log,
	})
	site, err := web.New(web.Config{
		Catalogue: catalogue(t), Clock: clock, Log: log, Strict: true, Product: "Almenara", Country: "Atalaya", SignInURL: "/sign-in",
		Identify: func(r *http.Request) (web.Viewer, error) {
			who, role, _ := strings.Cut(r.Header.Get("X-Who"), " ")
			a := act.Actor{ID: who, Kind: act.Person, Org: 1, Roles: []string{role}}
			may := func(p string) bool { return acts.May(r.Context(), act.Call{Actor: a, Verb: p}) }
			return web.Viewer{ID: a.ID, Name: "Ana", Actor: a, May: may}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, door: New(site, room), room: room}
	site.Templates(Room, Templates)
	site.Handle(h.door.Routes()...)
	h.door.API(apiOn(site))
	if h.h, err = site.Handler(); err != nil {
		t.Fatal(err)
	}
	return h
}

// apiOn is the API without its description; errors are answered as the site does.
func apiOn(site *web.Site) huma.API {
	huma.NewErrorWithContext = func(c huma.Context, status int, msg string, errs ...error) huma.StatusError {
		if len(errs) > 0 && fault.CodeOf(errs[0]) != fault.Internal {
			return web.ProblemOf(c.Context(), errs[0])
		}
		return huma.NewError(status, msg, errs...)
	}
	mux := site.API(func(string) string { return web.SignedIn })
	config := huma.DefaultConfig("test", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	return humago.New(muxOf{mux}, config)
}

type muxOf struct{ *web.API }

// The persons of a house, with their roles.
const (
	lead   = "person:9 duty-lead"
	olga   = "person:2 watch-officer"
	otto   = "person:3 watch-officer"
	reader = "person:8 reader"
)

func (h *house) ask(who, method, target, body string, want int) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("X-Who", who)
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, r)
	if want != 0 && w.Code != want {
		h.t.Errorf("%s %s as %s: got %d, want %d: %s", method, target, who, w.Code, want, w.Body)
	}
	return w
}

func (h *house) post(who, target string, form url.Values, want int) string {
	h.t.Helper()
	return h.ask(who, "POST", target, form.Encode(), want).Body.String()
}

func (h *house) sees(who, target string, words ...string) {
	h.t.Helper()
	page := h.ask(who, "GET", target, "", http.StatusOK).Body.String()
	for _, want := range words {
		if !strings.Contains(page, want) {
			h.t.Errorf("%s as %s lacks %q: %s", target, who, want, page)
		}
	}
}

func shift(person, begins, ends string) url.Values {
	return url.Values{"person": {person}, "role": {"duty-officer"}, "begins": {begins}, "ends": {ends}}
}

func TestEveryLanguageHasEveryWord(t *testing.T) {
	c := catalogue(t)
	for _, lang := range []string{"en", "fr"} {
		for _, key := range c.Missing(lang, false) {
			if strings.HasPrefix(key, "duty.") {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
	}
	literal := regexp.MustCompile(`"(duty\.[a-z_.-]*[a-z])"`)
	none := []string{
		"duty.read", "duty.add_shift", "duty.change_shift", "duty.swap_own_shift", "duty.swap_shifts", "duty.write_handover", "duty.take_over",
		"duty.change_call_list", "duty.make_pack", "duty.call", "duty.pack", "duty.shift",
	}
	for _, folder := range []string{".", ".."} {
		sources, err := fs.Glob(os.DirFS(folder), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sources {
			b, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
				if key := m[1]; !c.HasKey(key) && !slices.Contains(none, key) && !strings.HasSuffix(name, "_test.go") {
					t.Errorf("%s uses %s, which the catalogue lacks", name, key)
				}
			}
		}
	}
}

func TestTheRosterOnItsPages(t *testing.T) {
	h := open(t)
	h.sees(reader, "/duty", "Nobody is on duty now", "Everything is taken over", "No shift here")
	h.sees(lead, "/duty/shifts/new", "Olga &lt;b&gt;", "datetime-local")
	page := h.post(lead, "/duty/shifts", shift("2", "2026-11-21T20:00", "2026-11-21T08:00"), http.StatusUnprocessableEntity)
	if !strings.Contains(page, `value="2026-11-21T20:00"`) || !strings.Contains(page, "ends before it begins") {
		t.Errorf("the form forgets what was typed, or why: %s", page)
	}
	h.post(lead, "/duty/shifts", shift("2", "2026-11-21T08:00", "2026-11-21T20:00"), http.StatusSeeOther)
	h.post(lead, "/duty/shifts", shift("2", "2026-11-21T10:00", "2026-11-21T12:00"), http.StatusConflict)
	h.post(lead, "/duty/shifts", shift("3", "2026-11-21T22:00", "2026-11-22T08:00"), http.StatusSeeOther)
	h.sees(reader, "/duty", "Olga &lt;b&gt;", "20:00 UTC", "nobody on duty", "on duty")
	h.sees(reader, "/duty/roster?from=2026-11-21", "Otto", "nobody on duty", "21 Nov 2026")
	h.sees(lead, "/duty/shifts/1", `value="2026-11-21T08:00"`)
	h.sees(olga, "/duty/shifts/1/swap", "Otto")
	h.post("person:7 watch-officer", "/duty/shifts/1/swap", url.Values{"version": {"1"}, "other": {"2:1"}}, http.StatusForbidden)
	h.post(olga, "/duty/shifts/1/swap", url.Values{"version": {"1"}, "other": {""}}, http.StatusNotFound)
	h.post(olga, "/duty/shifts/1/swap", url.Values{"version": {"1"}, "other": {"2:1"}}, http.StatusSeeOther)
	edit := shift("3", "2026-11-21T08:00", "2026-11-21T22:00")
	edit.Set("version", "1")
	h.post(lead, "/duty/shifts/1", edit, http.StatusConflict)
	edit.Set("version", "2")
	h.post(lead, "/duty/shifts/1", edit, http.StatusSeeOther)
	h.post(lead, "/duty/shifts/2/remove", url.Values{"version": {"2"}}, http.StatusSeeOther)
	h.ask(lead, "GET", "/duty/shifts/2", "", http.StatusNotFound)
	h.ask(lead, "GET", "/duty/shifts/x", "", http.StatusNotFound)
}

func TestAHandoverOnItsPages(t *testing.T) {
	h := open(t)
	h.post(olga, "/duty/handovers", url.Values{"text": {" "}}, http.StatusUnprocessableEntity)
	h.post(olga, "/duty/handovers", url.Values{"text": {"call <Gas> back\nat nine"}}, http.StatusSeeOther)
	h.sees(otto, "/duty", "call &lt;Gas&gt; back", "not taken over")
	h.sees(otto, "/duty/handovers/1", "at nine", "I have read it and take over")
	if page := h.ask(olga, "GET", "/duty/handovers/1", "", http.StatusOK).Body.String(); strings.Contains(page, "I have read it") {
		t.Error("the author may sign the own note")
	}
	h.ask(olga, "POST", "/duty/handovers/1/take", "", http.StatusConflict)
	h.ask(otto, "POST", "/duty/handovers/1/take", "", http.StatusSeeOther)
	h.sees(reader, "/duty/handovers?text=GAS", "call &lt;Gas&gt; back", "Otto", "taken over")
	h.sees(reader, "/duty/handovers?text=water", "No hand-over here")
	h.sees(reader, "/duty/handovers?open=yes", "No hand-over here")
}

func TestCallsSheetsAndPacks(t *testing.T) {
	h := open(t)
	h.sees(lead, "/duty/calls", "Nobody is on the call list", "Olga &lt;b&gt;")
	h.post(lead, "/duty/calls", url.Values{"person": {"2"}, "note": {"nights"}}, http.StatusSeeOther)
	h.post(lead, "/duty/calls", url.Values{"person": {"2"}}, http.StatusUnprocessableEntity)
	h.post(lead, "/duty/calls", url.Values{"person": {"3"}}, http.StatusSeeOther)
	h.post(lead, "/duty/calls/2", url.Values{"verb": {"up"}}, http.StatusSeeOther)
	h.post(lead, "/duty/calls/2", url.Values{"verb": {"jump"}}, http.StatusUnprocessableEntity)
	h.sees(reader, "/duty/calls", "nights", "Otto")
	h.sees(reader, "/duty/sheet?sector=energy-gas", "Gas", "+34 900"[1:], "Night desk")
	h.sees(reader, "/duty/sheet?sector=health", "No organisation in this sector")
	h.ask(reader, "GET", "/duty/sheet?sector=magic", "", http.StatusUnprocessableEntity)
	h.sees(reader, "/duty/sheet.csv?sector=energy", "energy-gas,", "Night desk")
	h.sees(reader, "/duty/packs", "No pack yet")
	h.ask(reader, "POST", "/duty/packs", "", http.StatusForbidden)
	h.ask(olga, "POST", "/duty/packs", "", http.StatusSeeOther)
	h.sees(reader, "/duty/packs", "pack-20261121T120000Z.html")
	h.sees(reader, "/duty/packs/pack-20261121T120000Z.html", "Night desk", "Offline pack")
	h.sees(reader, "/duty/packs/pack-20261121T120000Z.csv", "Night desk")
	h.ask(reader, "GET", "/duty/packs/ledger.key", "", http.StatusNotFound)
	a := h.ask(reader, "GET", "/duty/pack", "", http.StatusOK)
	if csp := a.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("got the policy %q", csp)
	}
	h.sees(reader, "/duty/pack.csv", "Night desk")
}

func TestTheAPI(t *testing.T) {
	h := open(t)
	h.ask(reader, "POST", "/api/v1/duty/shifts", `{"person":2,"begins":"2026-11-21T08:00:00Z","ends":"2026-11-21T20:00:00Z"}`, http.StatusForbidden)
	h.ask(lead, "POST", "/api/v1/duty/shifts", `{"person":2,"begins":"2026-11-21T08:00:00Z","ends":"2026-11-21T20:00:00Z","days":2}`, http.StatusCreated)
	h.ask(lead, "POST", "/api/v1/duty/shifts", `{"person":99,"begins":"2026-11-21T08:00:00Z","ends":"2026-11-21T20:00:00Z"}`, http.StatusUnprocessableEntity)
	h.ask(olga, "POST", "/api/v1/duty/handovers", `{"text":"nothing open"}`, http.StatusCreated)
	h.sees(reader, "/api/v1/duty/now", `"on":[{"id":1`, `"next":[{"id":2`)
	h.sees(reader, "/api/v1/duty/roster?days=2", `"gaps":[{"from":"2026-11-21T20:00:00Z"`)
	h.ask(reader, "GET", "/api/v1/duty/roster?from=tomorrow", "", http.StatusUnprocessableEntity)
	h.sees(reader, "/api/v1/duty/calls", "[]")
	h.sees(reader, "/api/v1/duty/sheet?sector=energy", `"name":"Gas"`)
	h.sees(reader, "/api/v1/duty/pack", "Offline pack")
	h.sees(reader, "/api/v1/duty/pack?format=csv", "Night desk")
}

func TestAReaderChangesNothingAndAContactSeesNothing(t *testing.T) {
	h := open(t)
	for _, route := range h.door.Routes() {
		method, target, _ := strings.Cut(route.Sample, " ")
		target, body, _ := strings.Cut(target, " ")
		for _, who := range []string{"person:5 contact", "person:5 feed", "person:5 administrator", "person:5 "} {
			h.ask(who, method, target, body, http.StatusForbidden)
		}
		if route.Permission != read {
			h.ask(reader, method, target, body, http.StatusForbidden)
		}
	}
}
