package gate

import (
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/test/house"
)

// comparisons is how many requests are sent against the pairs of stores in all; `make
// interference` sends a million. seed moves all that is drawn.
var (
	comparisons = flag.Int("incident.comparisons", 100_000, "requests compared against pairs of stores that differ in what the reader may not see")
	firstSeed   = flag.Uint64("incident.seed", 0, "seed of the first pair of stores; a failure says which it was; a multiple of 4 keeps the kinds of pairs in their places")
)

// tell is what the world answers, without the random id of the request and without the
// number that was asked for.
func (w *world) tell(q question) string {
	r := httptest.NewRequestWithContext(w.t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.Header.Set("Accept-Language", q.language)
	r.RemoteAddr = "127.0.0.1:4000"
	house.Outside(r)
	if q.method == "POST" {
		house.Form(r)
	}
	if q.token != "" {
		house.With(q.token)(r)
	} else if q.cookie != nil {
		r.AddCookie(q.cookie)
	}
	a := httptest.NewRecorder()
	w.App.Handler().ServeHTTP(a, r)
	id := a.Header().Get("X-Request-Id")
	for _, h := range []string{"Date", "X-Request-Id", "Set-Cookie"} {
		a.Header().Del(h)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Code)
	_ = a.Header().Write(&b) // to memory
	b.WriteString(a.Body.String())
	s := b.String()
	if id != "" {
		s = strings.ReplaceAll(s, id, "(request)")
	}
	path, _, _ := strings.Cut(q.path, "?")
	s = strings.ReplaceAll(s, path, "(asked)")
	for _, asked := range ownNumbers.FindAllString(q.path+" "+q.body, -1) {
		s = strings.ReplaceAll(s, asked, "(asked)")
	}
	return s
}

var (
	ownNumbers = regexp.MustCompile(`(?i)\b(?:ALM|C|D|E|F|M)-[0-9A-Z]{4}-[0-9A-Z]{4}\b`)
	// boundary is what a mail's parts are kept apart by: a hash of its Message-ID.
	boundary = regexp.MustCompile(`\b[be][0-9a-f]{32}\b`)
	// inner are the names of things at the desk, which are counted; where nothing has moved,
	// in the pairs whose secrets come late, they are compared.
	inner    = regexp.MustCompile(`((?:entries|files|clocks|filings|calls|mail|sent|duties|participants|services|resources)/|(?:name|for|id|describedby)="[a-z-]+-|"(?:id|entry|clock|file)":|value="|entry-|call-|\(asked\)/|alm-sub">|visually-hidden"> )\d+`)
	sealed   = regexp.MustCompile(`(?s)-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----`)
	uuid     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)
	attached = regexp.MustCompile(`(?m)(?:^[A-Za-z0-9+/]{60,76}\r?\n)+(?:^[A-Za-z0-9+/]{1,76}={0,2}\r?\n)?`)
	// signature is by the key of the ledger, which each house has of its own; digest is of
	// what has numbers in it.
	signature = regexp.MustCompile(`\S+/ledger \S+|/ledger(?:&#43;|\+)[^<"\s]+`)
	digest    = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
)

// plain takes out what may differ: random ids always, numbers where ids have moved.
func (w *world) plain(s string, exact bool) string {
	s = boundary.ReplaceAllString(uuid.ReplaceAllString(plain(s, nil), "(uuid)"), "(boundary)")
	s = signature.ReplaceAllString(strings.ReplaceAll(s, w.code, "(code)"), "(signature)")
	if exact {
		return s
	}
	s = digest.ReplaceAllString(s, "(digest)")
	names := map[string]string{}
	named := func(m string) string {
		if m = strings.ToUpper(m); names[m] == "" {
			names[m] = fmt.Sprintf("(number %d)", len(names))
		}
		return names[m]
	}
	s = ownNumbers.ReplaceAllStringFunc(s, named)
	s = inner.ReplaceAllString(s, "(inner)")
	return opaque.ReplaceAllString(s, "(opaque)")
}

// apart drops the lines that two answers share, which are most of them and dear to look
// through. Those that name numbers stay: plain tells them by the order in which they come.
func apart(got, want string) (string, string) {
	a, b := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
	if len(a) != len(b) {
		return got, want
	}
	var x, y strings.Builder
	for k := range a {
		if a[k] != b[k] || ownNumbers.MatchString(a[k]) {
			x.WriteString(a[k])
			y.WriteString(b[k])
		}
	}
	return x.String(), y.String()
}

// letters are the mails that reached those who read, opened where they are sealed, but
// for those to the colleague alone.
func (w *world) letters() (out []string) {
	for _, m := range w.Mail.Received() {
		if !strings.HasSuffix(m.To, "seen.example") && (m.To != "watch@oversight.example" || !w.plot.red) {
			continue
		}
		text := sealed.ReplaceAllStringFunc(string(m.Data), func(box string) string {
			o, err := pgp.Open([]byte(strings.ReplaceAll(box, "\r\n", "\n")), []*pgp.Team{w.key}, nil, w.Clock.Now(), 1<<20)
			if err != nil {
				w.t.Errorf("a sealed mail to %s: %v", m.To, err)
			}
			return string(o.Plain)
		})
		text = attached.ReplaceAllStringFunc(text, func(box string) string {
			b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(box))
			if err != nil {
				return box
			}
			return signature.ReplaceAllString(string(b), "(signature)")
		})
		out = append(out, w.plain(m.To+"\n"+folded.ReplaceAllString(text, ""), false))
	}
	slices.Sort(out) // several leave at the same moment
	return out
}

// pair compares what reaches the readers of two worlds that differ in what none of them
// may see.
func pair(t *testing.T, seed uint64, n int, database func(testing.TB) sqldb.Config) {
	p := plot{seed: seed, steps: 40, hidden: true, late: seed%2 == 1, red: seed%4 >= 2}
	with := build(t, p, database(t))
	p.hidden = false
	without := build(t, p, database(t))
	if missing := with.incomplete(); len(missing) > 0 || len(with.things["entry"].seen) != len(without.things["entry"].seen) {
		t.Fatalf("seed %d: hidden acts that never happened: %q; %d and %d entries are seen\n%v", seed, missing, len(with.things["entry"].seen), len(without.things["entry"].seen), with.done)
	}
	got, want := with.letters(), without.letters()
	if d := cmp.Diff(want, got); d != "" || len(got) < 12 {
		t.Fatalf("seed %d: %d mails differ (-without +with):\n%s", seed, len(got), d)
	}
	for _, l := range got {
		if strings.Contains(l, "ecret") {
			t.Fatalf("seed %d: a mail shows a secret:\n%s", seed, l)
		}
	}
	r, codes := rand.New(rand.NewPCG(seed, 3)), map[string]map[string]int{}
	all := with.visits(r)
	for k := range n {
		v := with.chance(r)
		if k < len(all) {
			v = all[k]
		}
		a, b := v.ask(r, with, without)
		got, want := with.tell(a), without.tell(b)
		whole := got
		code, _, _ := strings.Cut(got, "\n")
		if codes[a.reader] == nil {
			codes[a.reader] = map[string]int{}
		}
		codes[a.reader][code]++
		if got != want { // byte for byte, but for what may differ
			got, want = apart(got, want)
			got, want = with.plain(got, p.late), without.plain(want, p.late)
		}
		if got != want {
			t.Fatalf("seed %d, request %d of %s: %s %s %s and %s %s %s (-without +with):\n%s", seed, k, a.reader, b.method, b.path, b.body, a.method, a.path, a.body, cmp.Diff(want, got))
		}
		if strings.Contains(whole, "ecret") && !strings.Contains(a.path, "ecr") {
			t.Fatalf("seed %d: %s shows a secret to %s:\n%s", seed, a.path, a.reader, whole)
		}
	}
	t.Logf("seed %d: %d comparisons, %d mails, hidden: %v", seed, n, len(with.letters()), with.done)
	judge(t, n, codes)
	with.hush(t.Context(), seed)
	for _, w := range []*world{with, without} {
		for line := range strings.Lines(w.Log.String()) {
			if strings.Contains(line, "level=ERROR") {
				t.Logf("seed %d: the house says %s", seed, line)
			}
		}
	}
}

// judge wants answers of all sorts, to every reader.
func judge(t *testing.T, n int, codes map[string]map[string]int) {
	t.Helper()
	for who, c := range codes {
		t.Logf("%s: %v", who, c)
		if n >= 2000 && (c["200"] == 0 || c["500"] > 0 || c["404"]+c["403"] == 0 && who != "who reported without a name") {
			t.Errorf("%s got no answers of all sorts: %v", who, c)
		}
	}
}

func TestWhatIsHiddenOfIncidentsChangesNothingThatReachesWhoMayNotSeeIt(t *testing.T) {
	const pairs = 4
	for k := range uint64(pairs) {
		t.Run(fmt.Sprintf("sqlite, pair %d", k), func(t *testing.T) {
			t.Parallel()
			pair(t, *firstSeed+k, *comparisons/pairs, func(testing.TB) sqldb.Config { return sqldb.Config{} })
		})
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		pair(t, *firstSeed+20, *comparisons/100, sqldbtest.Postgres)
	})
}
