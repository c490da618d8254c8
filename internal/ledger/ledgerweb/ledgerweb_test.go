package ledgerweb_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/internal/ledger/ledgerweb"
	files "almenara.example/web"
)

type names struct{}

func (names) Who(_ context.Context, actor string) (name, url string, ok bool) {
	return "Ana Ferreira", "/guard/persons/2", actor == "person:2"
}

// record is a site with nothing but the record of a few acts.
type record struct {
	t       *testing.T
	log     *ledger.Log
	guard   *guard.Guard
	handler http.Handler
	routes  []web.Route
	clock   *clocktest.Fake
}

func open(t *testing.T) *record {
	t.Helper()
	db := sqldbtest.Open(t, sqldbtest.SQLite(t), []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations}, {Room: "act", Files: act.Migrations}, {Room: "guard", Files: guard.Migrations},
	})
	rec := &record{t: t, clock: clocktest.New(time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC))}
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	acts := act.New(act.Config{DB: db, Clock: rec.clock, IDs: id.NewSource(rec.clock, nil), Decider: policies, Log: log})
	rec.guard = guard.New(acts)
	dir := t.TempDir()
	key := filepath.Join(dir, "ledger.key")
	if _, err := ledger.GenerateKey("atalaya.example/ledger", key); err != nil {
		t.Fatal(err)
	}
	signer, verifier, err := ledger.ReadKey(key)
	if err != nil {
		t.Fatal(err)
	}
	rec.log = ledger.New(ledger.Config{DB: db, Dir: filepath.Join(dir, "log"), Clock: rec.clock, Signer: signer, Verifier: verifier, Log: log})
	t.Cleanup(func() {
		if err := rec.log.Close(); err != nil {
			t.Error(err)
		}
	})
	catalogue, err := i18n.New(i18n.Sub(files.Locales, "locales"), i18n.Sub(ledger.Locales, "locales"), i18n.Sub(ledgerweb.Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	if missing := catalogue.Missing("fr", true); len(missing) > 0 {
		t.Errorf("got French without %v, want every key", missing)
	}
	site, err := web.New(web.Config{Catalogue: catalogue, Clock: rec.clock, Log: log, Strict: true, Product: "Almenara", Identify: identify})
	if err != nil {
		t.Fatal(err)
	}
	pages := ledgerweb.New(site, rec.log, names{})
	site.Templates("ledger", ledgerweb.Templates)
	site.Handle(pages.Routes()...)
	pages.API(humago.New(site.API(func(string) string { return ledgerweb.Permission }), huma.DefaultConfig("Almenara", "test")))
	rec.routes = site.Routes()
	if rec.handler, err = site.Handler(); err != nil {
		t.Fatal(err)
	}
	return rec
}

func identify(r *http.Request) (web.Viewer, error) {
	who := r.Header.Get("X-Test-Person")
	if who == "" {
		return web.Viewer{}, nil
	}
	return web.Viewer{ID: who, Name: who, May: func(p string) bool { return who == "oversight" && p == ledgerweb.Permission }}, nil
}

func (rec *record) get(who, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/html")
	if who != "" {
		r.Header.Set("X-Test-Person", who)
	}
	w := httptest.NewRecorder()
	rec.handler.ServeHTTP(w, r)
	return w
}

func (rec *record) want(path string, status int, has ...string) string {
	rec.t.Helper()
	w := rec.get("oversight", path)
	if w.Code != status {
		rec.t.Errorf("GET %s: got %d, want %d\n%s", path, w.Code, status, w.Body)
	}
	for _, words := range has {
		if !strings.Contains(w.Body.String(), words) {
			rec.t.Errorf("GET %s: got a page without %q\n%s", path, words, w.Body)
		}
	}
	return w.Body.String()
}

// fill founds an installation and does some acts.
func (rec *record) fill(persons int) {
	rec.t.Helper()
	ctx := rec.t.Context()
	if _, err := rec.guard.Found(ctx, "CSIRT Atalaya", "AT"); err != nil {
		rec.t.Fatal(err)
	}
	ana, err := rec.guard.AddPerson(ctx, guard.LocalOperator(), guard.NewPerson{Org: guard.OwnOrg, Name: "Ana", Roles: []string{guard.RoleAdministrator}})
	if err != nil {
		rec.t.Fatal(err)
	}
	for range persons {
		rec.clock.Advance(time.Minute)
		if _, err := rec.guard.AddPerson(ctx, guard.ActorOf(ana), guard.NewPerson{Org: guard.OwnOrg, Name: "Rui"}); err != nil {
			rec.t.Fatal(err)
		}
	}
	if _, err := rec.log.Sign(ctx); err != nil {
		rec.t.Fatal(err)
	}
}

func TestEveryDoorOfTheRecordIsShutWithoutThePermission(t *testing.T) {
	rec := open(t)
	rec.fill(1)
	seen := 0
	for _, route := range rec.routes {
		if route.Permission != ledgerweb.Permission {
			continue
		}
		seen++
		if _, path, ok := strings.Cut(route.Sample, " "); ok {
			if w := rec.get("reader", path); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "guard.found") {
				t.Errorf("%s as a reader: got %d, want 403 and nothing of the record", path, w.Code)
			}
			if w := rec.get("", path); w.Code != http.StatusUnauthorized {
				t.Errorf("%s as nobody: got %d, want 401", path, w.Code)
			}
		}
	}
	if seen < 8 {
		t.Errorf("got %d doors, want the pages and the calls", seen)
	}
}

func TestTheRecordIsListedFilteredAndPagedWithoutLoss(t *testing.T) {
	rec := open(t)
	rec.want("/ledger", 200, "No entry", "Nothing is signed yet")
	rec.fill(60)
	first := rec.want("/ledger", 200, "Ana Ferreira", "guard.add_contact", "signed continuously", "65")
	if strings.Contains(first, "guard.found") {
		t.Error("got the oldest entry on the first page, want only the newest 50")
	}
	second := rec.want("/ledger?before=16", 200, "guard.found", "Local operator")
	if strings.Contains(second, `rel="next"`) || !strings.Contains(second, "/ledger?after=15") {
		t.Error("got other links than to the newer page at the end of the list")
	}
	rec.want("/ledger?after=15", 200, `href="/ledger/16"`)
	rec.want("/ledger?actor=local-operator", 200, "guard.found", "local-operator<svg")
	rec.want("/ledger?verb=guard.found", 200, `href="/ledger/1"`)
	rec.want("/ledger?from=2026-11-22", 200, "No entry")
	rec.want("/ledger?to=2026-11-21", 200, "guard.add_contact")
	rec.want("/ledger?from=yesterday", 422, "A day is written like")
}

func TestAnEntryShowsWhatJoinedItAndGivesAProofThatHolds(t *testing.T) {
	rec := open(t)
	rec.fill(1)
	rec.want("/ledger/1", 200, "guard.found", "Done as part of this", "guard.add_organisation", "local-operator-runs-the-house", "yes")
	rec.want("/ledger/2", 200, "Part of", `href="/ledger/1"`, "&#34;kind&#34;:&#34;csirt&#34;")
	rec.want("/ledger/999", 404)
	rec.want("/ledger/none", 404)
	proof := rec.get("oversight", "/ledger/2/proof")
	if got := proof.Header().Get("Content-Disposition"); !strings.Contains(got, "entry-2.tlog-proof") {
		t.Errorf("got file name %q, want entry-2.tlog-proof", got)
	}
	p, err := rec.log.Inclusion(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if index, _, err := ledger.CheckProof(proof.Body.Bytes(), p.Commitment, rec.log.VerifierKey()); err != nil || index != 1 {
		t.Errorf("got index %d and %v, want the proof of entry 2 to hold", index, err)
	}
	rec.want("/ledger/checkpoint", 200, "atalaya.example/ledger\n6\n")
	rec.want("/api/v1/ledger/log/checkpoint", 200, "atalaya.example/ledger\n6\n")
	rec.want("/api/v1/ledger/log/tile/0/000.p/6", 200)
	rec.want("/api/v1/ledger/log/..%2f..%2fledger.key", 404)
	rec.want("/api/v1/ledger/log/tile/0/x001/000", 404)
}

func TestTheRecordAsCSVAndForPrograms(t *testing.T) {
	rec := open(t)
	rec.fill(2)
	csv := rec.want("/ledger/csv", 200, "guard.found", "guard.add_contact")
	if lines := strings.Count(csv, "\n"); lines != 8 {
		t.Errorf("got %d lines, want a head and 7 entries", lines)
	}
	var page struct {
		Entries []ledgerweb.Entry
		Before  int64
	}
	if err := json.Unmarshal([]byte(rec.want("/api/v1/ledger/entries?limit=3", 200)), &page); err != nil {
		t.Fatal(err)
	}
	if len(page.Entries) != 3 || page.Entries[0].Order != 7 || page.Before != 5 {
		t.Errorf("got %d entries from %+v and cursor %d, want 3 from 7 and 5", len(page.Entries), page.Entries, page.Before)
	}
	var cp ledgerweb.Checkpoint
	if err := json.Unmarshal([]byte(rec.want("/api/v1/ledger/checkpoint", 200)), &cp); err != nil {
		t.Fatal(err)
	}
	if cp.Size != 7 || !cp.Healthy || cp.Verifier != rec.log.VerifierKey() {
		t.Errorf("got checkpoint %+v, want size 7, healthy, with the verifier key", cp)
	}
}
