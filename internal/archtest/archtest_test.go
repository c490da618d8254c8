package archtest

import (
	"strings"
	"testing"
)

// plant parses files, with a doc comment for the package watch, and returns what
// the rules say.
func plant(t *testing.T, files map[string]string) []string {
	t.Helper()
	tree, err := Parse(files)
	if err != nil {
		t.Fatal(err)
	}
	violations, _ := Check(tree)
	var out []string
	for _, v := range violations {
		out = append(out, v.String())
	}
	return out
}

func TestAPlantedViolationIsCaughtWithTheRightSentence(t *testing.T) {
	const head = "// Package watch is here to be found wanting by a rule.\npackage watch\n"
	imp := func(path string) string { return head + "import _ \"" + Module + "/" + path + "\"\n" }
	for _, c := range []struct {
		name, file, text string
		want             string // in one sentence
	}{
		{"a room looks upstairs", "internal/watch/a.go", imp("internal/warn"), "internal/watch imports internal/warn, which stands above or beside it; imports only go down"},
		{"a room opens another's door", "internal/watch/a.go", imp("internal/guard/guardweb"), "internal/watch imports internal/guard/guardweb, a room's door; only app opens doors"},
		{"a room opens its own door", "internal/watch/a.go", imp("internal/watch/watchweb"), "a room's door"},
		{"a room looks into another's drawer", "internal/watch/a.go", imp("internal/constituency/lookup"), "room to room only the room's own package, internal/constituency"},
		{"a room sends mail by itself", "internal/watch/a.go", imp("internal/foundation/mail"), "only outbound sends and fetches"},
		{"the command opens a door", "cmd/almenara/a.go", imp("internal/watch/watchweb"), "only app opens doors"},
		{"the demo goes round the verbs", "internal/demo/a.go", imp("internal/foundation/sqldb"), "the demo enters only through verbs and imports"},
		{"a library looks inside", "tlp/a.go", imp("internal/foundation/fault"), "the public library tlp imports internal/foundation/fault"},
		{"a library's test looks inside", "tlp/a_test.go", imp("internal/foundation/fault"), "the public library tlp imports internal/foundation/fault"},
		{"a program uses test tools", "internal/watch/a.go", imp("internal/foundation/sqldb/sqldbtest"), "which serves tests only"},
		{"foundation knows a room", "internal/foundation/web/a.go", imp("internal/guard"), "which stands above or beside it"},
		{"evidence looks at incidents", "internal/evidence/a.go", imp("internal/incident"), "evidence imports no other room"},
		{"a room off the stairs", "internal/attic/a.go", head, "attic is not on the stairs"},
		{"no package doc", "internal/watch/a.go", "package watch\n", "package watch has no doc comment"},
		{"a package of odds and ends", "internal/watch/util/a.go", "// Package util is a place for everything else.\npackage util\n", "package util says nothing"},
		{"a file too long", "internal/watch/a.go", head + strings.Repeat("\n", 900), "at most 800 are allowed"},
		{"a function too long", "internal/watch/a.go", head + "func f() {\n" + strings.Repeat("\n", 100) + "}\n", "function f has 102 lines"},
		{"an init", "internal/watch/a.go", head + "func init() {}\n", "init() hides"},
		{"a counter", "internal/watch/a.go", head + "var n int\n", "package variable n has no value"},
		{"a registry", "internal/watch/a.go", head + "var kinds = map[string]bool{}\nfunc f() { kinds[\"a\"] = true }\n", "package variable kinds is written to"},
		{"a shared pointer", "internal/watch/a.go", head + "type s struct{}\nvar it = &s{}\n", "package variable it is not known to be fixed"},
		{"the time of day", "internal/watch/a.go", head + "import \"time\"\nfunc f() time.Time { return time.Now() }\n", "time.Now; take a clock.Clock"},
		{"a sleep in a test", "internal/watch/a_test.go", head + "import \"time\"\nfunc f() { time.Sleep(1) }\n", "wait on a condition"},
		{"a context from nowhere", "internal/watch/a.go", head + "import \"context\"\nfunc f() { context.Background() }\n", "take the caller's context"},
		{"printing", "internal/watch/a.go", head + "import \"fmt\"\nfunc f() { fmt.Println() }\n", "fmt.Println outside cmd"},
		{"a transaction of one's own", "internal/watch/a.go", head + "func f(db interface{ BeginWrite() }) { db.BeginWrite() }\n", "every write is an act"},
		{"a Tx made by hand", "internal/watch/a.go", head + "import \"" + Module + "/internal/act\"\nvar f = func() { _ = &act.Tx{} }\n", "only act makes one"},
		{"a fourth way to a Tx", "internal/act/a.go", "// Package act is here to be found wanting by a rule.\npackage act\ntype Tx struct{}\nfunc Do(f func(*Tx)) {}\nfunc Step(f func(*Tx)) {}\nfunc Housekeep(f func(*Tx)) {}\nfunc Quick(f func(*Tx)) {}\n", "act gives a Tx out in [Do Housekeep Quick Step]"},
		{"a portal handler that writes", "internal/portal/portalweb/a.go", "// Package portalweb is here to be found wanting by a rule.\npackage portalweb\nimport \"net/http\"\nfunc f(w http.ResponseWriter) {}\n", "a handler of the portal answers by itself (ResponseWriter)"},
		{"an unlisted step", "internal/desk/a.go", "// Package desk is here to be found wanting by a rule.\npackage desk\nfunc f(a interface{ Step(int, string, func()) }) { a.Step(1, \"x\", func() {}) }\n", "leaves no entry in the ledger"},
		{"an open end", "internal/watch/a.go", head + "// TO" + "DO: later\n", "do it, or open an issue"},
		{"a lint exception without a reason", "internal/watch/a.go", head + "var _ = 1 //nolint:gosec\n", "needs its linter and a reason"},
		{"LIKE", "internal/watch/a.go", head + "const q = `select a from b where c like $1`\n", "LIKE folds case"},
		{"a question mark", "internal/watch/a.go", head + "const q = \"select a from b\" + \" where c = ?\"\n", "both engines take $1"},
		{"a cast", "internal/watch/a.go", head + "const q = `select a::text from b`\n", "a cast with ::"},
		{"a nullable column", "internal/watch/migrations/0001_a.sql", "create table a (id text not null primary key, b text);", "a.b may be null"},
		{"a key that may be null", "internal/watch/migrations/0001_a.sql", "create table a (id text, b text not null, primary key (id));", "a.id is of the primary key and must say not null"},
		{"a timestamp", "internal/watch/migrations/0001_a.sql", "create table a (id text not null primary key, b timestamp not null);", "a.b has type timestamp"},
		{"a serial", "internal/watch/migrations/0001_a.sql", "create table a (id bigserial not null primary key);", "numbers come from Go"},
		{"no key", "internal/watch/migrations/0001_a.sql", "create table a (id text not null);", "table a has no primary key"},
		{"a foreign key to nothing", "internal/watch/migrations/0001_a.sql", "create table a (id text not null primary key references b (id));", "which no migration makes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := plant(t, map[string]string{c.file: c.text})
			for _, s := range got {
				if strings.Contains(s, c.want) {
					return
				}
			}
			t.Errorf("got %q, want a sentence with %q", got, c.want)
		})
	}
}

func TestAForeignKeyPointsDown(t *testing.T) {
	got := plant(t, map[string]string{
		"internal/guard/migrations/0001_a.sql": "create table low (id text not null primary key, up text not null references high (id));",
		"internal/watch/migrations/0001_a.sql": "create table high (id text not null primary key, other text not null unique, d text not null references low (id), e text not null references low (up));",
	})
	if len(got) != 2 || !strings.Contains(got[0], "points up to high of internal/watch") || !strings.Contains(got[1], "not its primary key") {
		t.Errorf("got %q, want one key that points up and one that is not a primary key", got)
	}
}

func TestARoomKeepsToItsOwnTables(t *testing.T) {
	files := map[string]string{
		"internal/guard/migrations/0001_a.sql": "create table person (id text not null primary key);",
		"internal/watch/migrations/0001_a.sql": "create table finding (id text not null primary key);",
		"internal/warn/a.go": `// Package warn is here to be found wanting by a rule.
package warn

const (
	fine    = "select p.id from person p where p.id = $1"
	reads   = "select id from notice join finding on true"
	writes  = "update person set id = $1"
)
`,
	}
	got := plant(t, files)
	if len(got) != 2 || !strings.Contains(got[0], "reads table finding of internal/watch") || !strings.Contains(got[1], "writes table person of internal/guard") {
		t.Errorf("got %q, want one read and one write over the wall", got)
	}
}

func TestEveryLanguageHasEveryWord(t *testing.T) {
	got := plant(t, map[string]string{
		"internal/watch/locales/en.toml": "\"watch.a\" = \"{{.N}} x\"\n[watch.b]\none = \"one\"\nother = \"{{.Count}}\"\n",
		"internal/watch/locales/fr.toml": "\"watch.a\" = \"y\"\n\"watch.c\" = \"z\"\n",
		"internal/watch/a.go": `// Package watch is here to be found wanting by a rule.
package watch

import "` + Module + `/internal/foundation/fault"

func f() error { return fault.New(fault.Invalid, "watch.d", nil) }
`,
	})
	all := strings.Join(got, "\n")
	for _, want := range []string{
		`the public sentence "watch.d" is in no locales/en.toml`, "watch.a has the places [], en.toml has [N]",
		"watch.b is missing", "watch.c is not in en.toml",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if len(got) != 4 {
		t.Errorf("got %d sentences, want 4: %q", len(got), got)
	}
}

func TestNothingInlineStandsOnAPage(t *testing.T) {
	got := plant(t, map[string]string{"internal/watch/watchweb/templates/a.html": `<p class="x" data-on="y">fine</p>
<script src="{{asset "a.js"}}" defer></script>
<p style="color:red">a</p>
<button onclick="b()">b</button>
<script>c()</script>
<img src="https://cdn.example/d.png">
`})
	if len(got) != 4 {
		t.Errorf("got %q, want the four last lines", got)
	}
}

func TestWhatIsAllowedIsLeftAlone(t *testing.T) {
	got := plant(t, map[string]string{
		"internal/watch/a.go": `// Package watch shows everything that the rules allow.
package watch

import (
	"embed"
	"errors"
	"regexp"
	"` + Module + `/internal/act"
	"` + Module + `/internal/foundation/clock"
)

//go:embed migrations/*.sql
var files embed.FS

var (
	errGone = errors.New("gone")
	word    = regexp.MustCompile("a?")
	sectors = [...]string{"energy", "water"}
	_       clock.Clock = clock.System{}
)

const q = ` + "`select 'a?' from b where c = $1 -- like`" + `

func f(tx *act.Tx) string { return "Why do they like it? " + sectors[0] }
`,
		"internal/watch/migrations/0001_a.sql": `-- +goose Up
-- A table, with ; in a remark.
create table finding (
  id     bigint not null primary key, -- from a block
  closed bigint, -- null: still open
  note   text not null default 'a, (b', raw bytea not null,
  unique (note)
);
create index finding_closed on finding (closed);
alter table finding add column seen bigint not null default 0;
`,
	})
	if len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestAnExceptionExcusesAndAnIdleOneIsReported(t *testing.T) {
	v := []Violation{{"clock", "internal/watch/a.go:3", "time.Now"}, {"sleep", "internal/watch/a.go:4", "time.Sleep"}}
	got := Except(v, []Exception{
		{"clock", "internal/watch/a.go", "a reason"},
		{"init", "internal/warn", "no longer true"},
	})
	if len(got) != 2 || got[0].Rule != "sleep" || got[1].Rule != "exception" {
		t.Errorf("got %v, want the sleep and the idle exception", got)
	}
}
