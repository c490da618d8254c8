package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

// place is a new installation in a folder of the test's own.
type place struct {
	dir  string
	link string
}

func found(t *testing.T, dsn string) place {
	t.Helper()
	p := place{dir: filepath.Join(t.TempDir(), "almenara")}
	var err error
	p.link, err = Found(t.Context(), Founding{
		Dir: p.dir, Name: "CSIRT Atalaya", Country: "XA", PublicURL: "http://atalaya.localhost:8440", Listen: "127.0.0.1:0",
		Database: dsn, Version: "test", Log: quiet(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func quiet(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func (p place) options(t *testing.T) Options {
	t.Helper()
	c, err := LoadConfig(p.dir, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return Options{Config: c, Version: "test", Log: quiet(t), Strict: true}
}

// start serves until the test ends.
func (p place) start(t *testing.T) *App {
	t.Helper()
	a, err := New(t.Context(), p.options(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// local is a client of the local socket.
func (p place) local() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return DialLocal(ctx, p.dir) },
		},
	}
}

func ask(t *testing.T, c *http.Client, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func eachEngine(t *testing.T, f func(t *testing.T, p place)) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) { f(t, found(t, c.DSN)) })
}

func TestAnInstallationServesAndStops(t *testing.T) {
	eachEngine(t, func(t *testing.T, p place) {
		a := p.start(t)
		base := "http://" + a.Address()
		for path, want := range map[string]int{
			"/healthz": 200, "/readyz": 200, "/metrics": 200, "/api/openapi.json": 200, "/api/docs": 200, "/sign-in": 200,
			"/": 303, "/nowhere": 404, "/api/v1/watch/findings": 401,
		} {
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			if got, body := ask(t, client, http.MethodGet, base+path, ""); got != want {
				t.Errorf("GET %s: got %d, want %d\n%s", path, got, want, body)
			}
		}
		if got, body := ask(t, p.local(), http.MethodGet, "http://local/api/v1/watch/findings", ""); got != 200 {
			t.Errorf("the local operator: got %d, want 200\n%s", got, body)
		}
	})
}

func TestASecondServerOnAFolderIsRefused(t *testing.T) {
	p := found(t, "")
	p.start(t)
	_, err := New(t.Context(), p.options(t))
	var r *Refusal
	if !errors.As(err, &r) || !strings.Contains(err.Error(), "another server") {
		t.Fatalf("got %v, want a refusal that names the other server", err)
	}
}

// TestEveryRouteAnswers sends the sample of every route as the local operator: no
// page and no operation may break, whatever it says.
func TestEveryRouteAnswers(t *testing.T) {
	p := found(t, "")
	a := p.start(t)
	for _, r := range a.Site().Routes() {
		if r.Sample == "" {
			t.Errorf("route %s %s has no sample", r.Method, r.Pattern)
			continue
		}
		if r.Pattern == "/events" {
			continue // never ends
		}
		line, body, _ := strings.Cut(r.Sample, " ")
		path, rest, _ := strings.Cut(body, " ")
		status, text := ask(t, p.local(), line, "http://local"+path, rest)
		if status >= 500 {
			t.Errorf("%s: got %d\n%s", r.Sample, status, text)
		}
	}
}

func TestTheDescriptionOfTheAPINamesEveryPermission(t *testing.T) {
	p := found(t, "")
	a := p.start(t)
	_, text := ask(t, p.local(), http.MethodGet, "http://local/api/openapi.json", "")
	var spec struct {
		OpenAPI string                                `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	if spec.OpenAPI != "3.1.0" || len(spec.Paths) < 20 {
		t.Fatalf("got OpenAPI %s with %d paths", spec.OpenAPI, len(spec.Paths))
	}
	for path, ops := range spec.Paths {
		for method, op := range ops {
			if n := strings.Count(path, "{"); strings.Count(string(op), `"in":"path"`) != n {
				t.Errorf("%s %s: not every part of the address is read, want %d parameters in it", method, path, n)
			}
		}
	}
	for _, d := range a.api.describe() {
		for _, op := range d.Ops {
			if op.Permission == "" || op.Summary == "" {
				t.Errorf("%s %s has no permission or no summary", op.Method, op.Path)
			}
		}
	}
}

func TestWrongRequestsAreAnsweredAsProblems(t *testing.T) {
	p := found(t, "")
	p.start(t)
	for _, c := range []struct {
		name, method, path, body string
		want                     int
		says                     string
	}{
		{"an unknown value", "GET", "/api/v1/watch/findings?state=nonsense", "", 422, `"field":"state"`},
		{"a number too large", "GET", "/api/v1/watch/findings?limit=100000", "", 422, `"field":"limit"`},
		{"an unknown field", "POST", "/api/v1/watch/sources", `{"name":"a","mode":"shadow","colour":"red"}`, 422, `colour`},
		{"a broken body", "POST", "/api/v1/watch/sources", `{"name":`, 400, `"code":"invalid"`},
		{"a thing that is not there", "GET", "/api/v1/watch/deliveries/99", "", 404, `"key":"watch.delivery.none"`},
		{"a name that is taken by nobody", "GET", "/api/v1/watch/sources/none", "", 404, `"key":"watch.source.unknown"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, text := ask(t, p.local(), c.method, "http://local"+c.path, c.body)
			if status != c.want || !strings.Contains(text, c.says) {
				t.Errorf("got %d %s, want %d with %s", status, text, c.want, c.says)
			}
		})
	}
}

func TestAHalfMigratedDatabase(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, p place, db *sqldb.DB){
		"on SQLite is brought up to date after a copy": func(t *testing.T, p place, _ *sqldb.DB) {
			p.start(t)
			if _, err := os.Stat(filepath.Join(p.dir, "almenara.db.before-test")); err != nil {
				t.Errorf("no copy: %v", err)
			}
		},
		"on PostgreSQL is refused until almenara migrate": func(t *testing.T, p place, _ *sqldb.DB) {
			_, err := New(t.Context(), p.options(t))
			var r *Refusal
			if !errors.As(err, &r) || !strings.Contains(r.Hint, "almenara migrate") || !errors.Is(err, sqldb.ErrHalfMigrated) {
				t.Fatalf("got %v, want a refusal that names migrate", err)
			}
			did, err := Migrate(t.Context(), p.options(t).Config, "test", quiet(t))
			if err != nil || !did {
				t.Fatalf("migrate: got %v, %v", did, err)
			}
			p.start(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := sqldb.Config{}
			if strings.Contains(name, "PostgreSQL") {
				c = sqldbtest.Postgres(t)
			}
			p := found(t, c.DSN)
			if c.DSN == "" {
				c.Path = filepath.Join(p.dir, databaseFile)
			}
			db, err := sqldb.Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			// As an older program left it: the last room was not there yet.
			tables, err := sqldb.All(t.Context(), db.Reader(), sqldb.Text, warnTables(db.Engine))
			if err != nil || len(tables) == 0 {
				t.Fatalf("tables: %v, %v", tables, err)
			}
			for _, table := range append(tables, "migration_warn") {
				drop := "drop table " + table
				if db.Engine == sqldb.Postgres {
					drop += " cascade" // they refer to each other
				}
				if _, err := db.Pool().ExecContext(t.Context(), drop); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			f(t, p, db)
		})
	}
}

func warnTables(e sqldb.Engine) string {
	if e == sqldb.Postgres {
		return `select table_name from information_schema.tables where substr(table_name, 1, 5) = 'warn_' order by table_name`
	}
	return `select name from sqlite_master where type = 'table' and substr(name, 1, 5) = 'warn_' order by name`
}

func TestABlankDatabaseIsFoundedWhenAskedTo(t *testing.T) {
	p := found(t, "") // with SQLite
	c := sqldbtest.Postgres(t)
	if err := RememberDatabase(p.dir, c.DSN); err != nil {
		t.Fatal(err)
	}
	o := p.options(t)
	if _, err := New(t.Context(), o); err == nil {
		t.Fatal("a blank database was served without anybody being told")
	}
	var link string
	o.Founded = func(l string) { link = l }
	a, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(link, "http://atalaya.localhost:8440/sign-in/link/") {
		t.Errorf("got the link %q", link)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestARepeatedRequestWithAKeyIsDoneOnce(t *testing.T) {
	p := found(t, "")
	p.start(t)
	post := func() (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://local/api/v1/watch/sources",
			strings.NewReader(`{"name":"scans","mode":"shadow"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", "k1")
		req.Header.Set("Content-Type", "application/json")
		resp, err := p.local().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Idempotency-Replayed")
	}
	if status, replayed := post(); status != 201 || replayed != "" {
		t.Errorf("first: got %d, replayed %q", status, replayed)
	}
	if status, replayed := post(); status != 201 || replayed != "true" {
		t.Errorf("again: got %d, replayed %q, want 201 replayed", status, replayed)
	}
}
