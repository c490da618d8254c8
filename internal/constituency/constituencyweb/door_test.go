package constituencyweb

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
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
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	files "almenara.example/web"
)

// house is a small assembled server: the constituency and its door.
type house struct {
	t    *testing.T
	door *Web
	room *constituency.Constituency
	h    http.Handler
}

func catalogue(t *testing.T) *i18n.Catalogue {
	t.Helper()
	c, err := i18n.New(i18n.Sub(files.Locales, "locales"), i18n.Sub(guard.Locales, "locales"), i18n.Sub(pgp.Locales, "locales"), i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T) *house {
	t.Helper()
	db := sqldbtest.Open(t, sqldbtest.SQLite(t), []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: constituency.Migrations},
	})
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	clock := clocktest.New(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	log := slog.New(slog.DiscardHandler)
	acts := act.New(act.Config{DB: db, Clock: clock, IDs: id.NewSource(clock, nil), Decider: policies, Log: log})
	g := guard.New(acts)
	room := constituency.New(acts, g, log)
	if _, err := g.Found(t.Context(), "CSIRT Atalaya", "XA"); err != nil {
		t.Fatal(err)
	}
	if err := room.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	site, err := web.New(web.Config{
		Catalogue: catalogue(t), Clock: clock, Log: log, Strict: true, Product: "Almenara", Country: "Atalaya", SignInURL: "/sign-in",
		Identify: func(r *http.Request) (web.Viewer, error) {
			a := act.Actor{ID: "person:9", Kind: act.Person, Org: 1, Roles: []string{r.Header.Get("X-Role")}}
			may := func(p string) bool { return acts.May(r.Context(), act.Call{Actor: a, Verb: p}) }
			return web.Viewer{ID: a.ID, Name: "Ana", Actor: a, May: may}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, door: New(site, room, g, acts), room: room}
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
	mux.Stream = func(string) bool { return true }
	config := huma.DefaultConfig("test", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	return humago.New(muxOf{mux}, config)
}

type muxOf struct{ *web.API }

func (h *house) do(role, method, target, contentType string, body io.Reader) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, target, body)
	r.Header.Set("X-Role", role)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, r)
	return w
}

func (h *house) get(target string) string {
	h.t.Helper()
	w := h.do(guard.RoleDutyLead, "GET", target, "", nil)
	if w.Code != http.StatusOK {
		h.t.Errorf("GET %s: got %d, want 200: %s", target, w.Code, w.Body)
	}
	return w.Body.String()
}

func (h *house) post(target string, form url.Values, want int) *httptest.ResponseRecorder {
	h.t.Helper()
	w := h.do(guard.RoleDutyLead, "POST", target, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if w.Code != want {
		h.t.Errorf("POST %s: got %d, want %d: %s", target, w.Code, want, w.Body)
	}
	return w
}

func (h *house) upload(csv string) *httptest.ResponseRecorder {
	h.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	f, err := m.CreateFormFile("file", "water.csv")
	if err == nil {
		_, err = f.Write([]byte(csv))
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return h.do(guard.RoleDutyLead, "POST", "/constituency/import", m.FormDataContentType(), &b)
}

func (h *house) importAPI(query, csv string, want int) (a ImportAnswer) {
	h.t.Helper()
	w := h.do(guard.RoleDutyLead, "POST", "/api/v1/constituency/import"+query, "text/csv", strings.NewReader(csv))
	if w.Code != want {
		h.t.Fatalf("import: got %d, want %d: %s", w.Code, want, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		h.t.Fatal(err)
	}
	return a
}

const water = "organisation,sector,asset_kind,asset,contact_email,service\nWater <b>,drinking-water,cidr,192.0.2.0/24,watch@water.example,Supply\n"

func TestEveryLanguageHasEveryWord(t *testing.T) {
	c := catalogue(t)
	for _, lang := range []string{"en", "fr"} {
		for _, key := range c.Missing(lang, false) {
			if strings.HasPrefix(key, "constituency.") {
				t.Errorf("%s lacks %s", lang, key)
			}
		}
	}
	literal := regexp.MustCompile(`"(constituency\.[a-z_.-]*[a-z])"`)
	for _, folder := range []string{".", ".."} {
		sources, err := fs.Glob(os.DirFS(folder), "*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sources {
			text, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
				if key := m[1]; !c.HasKey(key) && !isNoWord(key) && !strings.HasSuffix(name, "_test.go") {
					t.Errorf("%s uses %s, which the catalogue lacks", name, key)
				}
			}
		}
	}
	for _, s := range constituency.Sectors() {
		if !c.HasKey(s.Key()) {
			t.Errorf("sector %s has no name", s.Code)
		}
	}
	for _, k := range guard.Kinds() {
		if !c.HasKey("constituency.kind." + string(k)) {
			t.Errorf("kind %s has no name", k)
		}
	}
}

// isNoWord tells verbs, procedures and sequences from words.
func isNoWord(key string) bool {
	return slices.Contains([]string{
		"constituency.read", "constituency.change_asset", "constituency.change_operator", "constituency.change_contact", "constituency.claim_asset", "constituency.end_organisation",
		"constituency.import", "constituency.import_networks", "constituency.contact", "constituency.organisations", "constituency.exercise_only",
	}, key)
}

func TestAFileIsShownBeforeItIsApplied(t *testing.T) {
	h := open(t)
	page := h.upload(water)
	if page.Code != http.StatusOK || h.room.Index().Generation() != 1 {
		t.Fatalf("preview: got %d, generation %d: %s", page.Code, h.room.Index().Generation(), page.Body)
	}
	id := regexp.MustCompile(`name="upload" value="([0-9a-f]+)"`).FindStringSubmatch(page.Body.String())
	if id == nil {
		t.Fatalf("the preview offers nothing to apply: %s", page.Body)
	}
	h.post("/constituency/import/apply", url.Values{"upload": {id[1]}}, http.StatusSeeOther)
	h.post("/constituency/import/apply", url.Values{"upload": {id[1]}}, http.StatusNotFound)
	if list := h.get("/constituency/organisations?sector=drinking-water"); !strings.Contains(list, "Water &lt;b&gt;") || strings.Contains(list, "Water <b>") {
		t.Errorf("the list does not show the organisation, or unescaped: %s", list)
	}
	refused := h.upload("organisation,sector\nA,helth\n")
	if refused.Code != http.StatusUnprocessableEntity || !strings.Contains(refused.Body.String(), "helth") {
		t.Errorf("got %d: %s", refused.Code, refused.Body)
	}
	if w := h.upload("colour\nred\n"); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "colour") {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
}

func TestEveryPageShows(t *testing.T) {
	h := open(t)
	h.importAPI("?apply=true", water, http.StatusOK)
	for target, want := range map[string]string{
		"/constituency/organisations/2":                            "watch@water.example",
		"/constituency/organisations/2/edit":                       "Supply; drinking-water",
		"/constituency/organisations/new":                          "drinking-water",
		"/constituency/organisations/2/contacts/new":               "contact_email",
		"/constituency/contacts/1":                                 "watch@water.example",
		"/constituency/contacts/1/edit":                            "watch@water.example",
		"/constituency/contacts/1/keys/new":                        "BEGIN PGP PUBLIC KEY BLOCK",
		"/constituency/keys":                                       "No key ends soon",
		"/constituency/claims":                                     "No claim here",
		"/constituency/organisations/2/acts-for":                   "Add operators",
		"/constituency/organisations/2/rename":                     "Water",
		"/constituency/organisations/2/end":                        "asset ends yesterday",
		"/constituency/organisations/2/claim":                      "asset_kind",
		"/api/v1/constituency/claims":                              "[]",
		"/constituency/assets?kind=cidr&organisation=2":            "192.0.2.0/24",
		"/constituency/assets.csv":                                 "192.0.2.0/24",
		"/constituency/organisations.csv?sector=drinking-water":    "drinking-water",
		"/constituency/export.csv":                                 "192.0.2.0/24",
		"/constituency/assets/1":                                   "Water",
		"/constituency/assets/1/edit":                              "valid_to",
		"/constituency/assets/new":                                 "Water",
		"/constituency/lookup?subject=192.0.2.7&at=2026-11-01":     "it is the longest match",
		"/constituency/lookup?subject=198.51.100.1":                "Nobody is known",
		"/constituency/lookup?subject=192.0.2.300":                 "not an address",
		"/constituency/import":                                     "contact_language",
		"/constituency/organisations?text=WATER&lang=fr":           "Water",
		"/api/v1/constituency/organisations/2":                     `"contacts":[{`,
		"/api/v1/constituency/assets?organisation=2":               `"192.0.2.0/24"`,
		"/api/v1/constituency/organisations?sector=drinking-water": `"Water`,
		"/api/v1/constituency/sectors":                             `"code":"drinking-water"`,
		"/api/v1/constituency/export":                              "192.0.2.0/24",
	} {
		if strings.Contains(target, "lang=") {
			continue
		}
		if got := h.get(target); !strings.Contains(got, want) {
			t.Errorf("GET %s lacks %q: %s", target, want, got)
		}
	}
}

func TestAnAssetIsEndedAfterAPreview(t *testing.T) {
	h := open(t)
	h.importAPI("?apply=true", water, http.StatusOK)
	end := url.Values{"verb": {"end"}, "version": {"1"}}
	if got := h.post("/constituency/assets/1/preview", end, http.StatusOK).Body.String(); !strings.Contains(got, `name="version" value="1"`) {
		t.Errorf("the preview forgets the version: %s", got)
	}
	end.Set("reason", "sold")
	h.post("/constituency/assets/1", end, http.StatusSeeOther)
	h.post("/constituency/assets/1", end, http.StatusConflict)
	w := h.do(guard.RoleDutyLead, "GET", "/api/v1/constituency/lookup?subject=192.0.2.7", "", nil)
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "constituency.lookup.none") {
		t.Errorf("look-up after the end: got %d: %s", w.Code, w.Body)
	}
	var f Found
	if err := json.Unmarshal([]byte(h.get("/api/v1/constituency/lookup?subject=192.0.2.7&at=2026-11-01")), &f); err != nil {
		t.Fatal(err)
	}
	if f.Organisation != "Water <b>" || f.Kind != "operator" || f.Asset != "192.0.2.0/24" || f.Rule != "cidr" || f.Why == "" {
		t.Errorf("got %+v", f)
	}
}

func TestFormsKeepWhatWasTypedAndSayWhatIsWrong(t *testing.T) {
	h := open(t)
	got := h.post("/constituency/assets/new", url.Values{"organisation": {"1"}, "asset_kind": {"cidr"}, "asset": {"192.0.2.1/24"}}, http.StatusUnprocessableEntity).Body.String()
	for _, want := range []string{`value="192.0.2.1/24"`, "192.0.2.0/24"} {
		if !strings.Contains(got, want) {
			t.Errorf("the form lacks %q: %s", want, got)
		}
	}
	h.post("/constituency/organisations", url.Values{"name": {"Power"}, "kind": {"operator"}, "country": {"xa"}, "sector": {"energy-electricity"}, "service": {"Grid; energy-electricity; 5000"}}, http.StatusSeeOther)
	h.post("/constituency/organisations/2/edit", url.Values{"version": {"1"}, "sector": {"energy-gas"}}, http.StatusSeeOther)
	h.post("/constituency/organisations/2/edit", url.Values{"version": {"1"}, "sector": {"energy-oil"}}, http.StatusConflict)
	h.post("/constituency/organisations/2/contacts", url.Values{"contact_name": {"Ana"}}, http.StatusUnprocessableEntity)
	h.post("/constituency/organisations/2/contacts", url.Values{"contact_name": {"Ana"}, "contact_phone": {"+33 1"}}, http.StatusSeeOther)
	h.post("/constituency/contacts/1/end", url.Values{"version": {"1"}}, http.StatusSeeOther)
}

func TestAReaderChangesNothing(t *testing.T) {
	h := open(t)
	for _, route := range h.door.Routes() {
		if route.Permission == read {
			continue
		}
		method, target, _ := strings.Cut(route.Sample, " ")
		target, body, _ := strings.Cut(target, " ")
		if w := h.do(guard.RoleReader, method, target, "application/x-www-form-urlencoded", strings.NewReader(body)); w.Code != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", route.Sample, w.Code)
		}
	}
}

func TestTheAPIRefusesRowsByLineAndColumn(t *testing.T) {
	h := open(t)
	a := h.importAPI("?apply=true", "organisation,asset_kind,asset\nA,cidr,192.0.2.0/33\n", http.StatusUnprocessableEntity)
	if a.Applied || a.Refused != 1 || len(a.Errors) != 1 || a.Errors[0].Line != 2 || a.Errors[0].Column != "asset" || a.Errors[0].Value != "192.0.2.0/33" {
		t.Errorf("got %+v", a)
	}
	if dry := h.importAPI("", water, http.StatusOK); dry.Applied || dry.Assets.Added != 1 {
		t.Errorf("dry run: got %+v", dry)
	}
}
