package gate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// nation is one generated store: what the recipient, Faro, may see, and what it may
// not. Two nations of a pair share the first and differ in the second.
type nation struct {
	seen   []day
	hidden *hidden // nil: there is nothing else
}

// day is one day's rows about Faro.
type day []string

// hidden is what Faro must not learn of.
type hidden struct {
	early  bool       // before and between what Faro sees; else after all of it
	others int        // other organisations, each with a contact
	rows   [][]string // per day, mixed into the same reports
	bad    int        // rows of each report that go to quarantine
	source bool       // another source with deliveries of its own
	staff  int        // persons at the desk
}

const water = "Aguas del Faro,operator,XA,drinking-water,cidr,198.51.100.0/25,Control room,watch@faro.example,fr\n"

// generate makes a pair's common part and its hidden part from a seed.
func generate(seed uint64) ([]day, *hidden) {
	r := rand.New(rand.NewPCG(seed, 7))
	days := make([]day, 2+r.IntN(2))
	h := &hidden{
		early: seed%2 == 0, others: 1 + r.IntN(5), bad: r.IntN(4), source: r.IntN(2) == 0, staff: r.IntN(3),
		rows: make([][]string, len(days)),
	}
	for i := range days {
		hosts := r.Perm(126)[:1+r.IntN(120)]
		for _, n := range hosts {
			days[i] = append(days[i], fmt.Sprintf("198.51.100.%d,tcp,%d", n+1, 23+r.IntN(2)*2300))
		}
		for range 1 + r.IntN(60) {
			h.rows[i] = append(h.rows[i], fmt.Sprintf("192.0.2.%d,tcp,23", r.IntN(255)))
		}
		if r.IntN(2) == 0 { // somebody else's within the same network
			h.rows[i] = append(h.rows[i], fmt.Sprintf("198.51.100.%d,tcp,23", 128+r.IntN(100)))
		}
		for range h.bad {
			h.rows[i] = append(h.rows[i], fmt.Sprintf("not-an-address-%d,tcp,23", r.IntN(1000)))
		}
	}
	return days, h
}

// others are h's other organisations as lines of constituency's file.
func (h *hidden) organisations() []string {
	var out []string
	for i := range h.others {
		out = append(out, fmt.Sprintf("Other %d,operator,XA,energy-electricity,cidr,192.0.2.%d/28,Desk %d,desk%d@other.example,en\n", i, i*16, i, i))
	}
	return append(out, "Neighbour,operator,XA,drinking-water,cidr,198.51.100.128/25,N,n@neighbour.example,en\n")
}

// live lets a nation happen, day by day.
func (n nation) live(ctx context.Context, h *house.House) error {
	early := n.hidden != nil && n.hidden.early
	var first []string
	if early {
		first = n.hidden.organisations()
		if err := n.desk(ctx, h); err != nil {
			return err
		}
	}
	if err := h.Nation(ctx, tlp.Green, append(first, water)...); err != nil {
		return err
	}
	for i, rows := range n.seen {
		mixed := slices.Clone(rows)
		if early {
			// Between the others, which keep their order.
			for j, extra := range n.hidden.rows[i] {
				mixed = slices.Insert(mixed, (j*7)%(len(mixed)+1), extra)
			}
			if err := n.elsewhere(ctx, h, i); err != nil {
				return err
			}
		}
		if err := deliver(ctx, h, "scans", i, mixed); err != nil {
			return err
		}
		h.Clock.Advance(24 * time.Hour)
	}
	if n.hidden == nil || early {
		return nil
	}
	if err := h.Import(ctx, n.hidden.organisations()...); err != nil {
		return err
	}
	if err := n.desk(ctx, h); err != nil {
		return err
	}
	for i := range n.hidden.rows {
		if err := n.elsewhere(ctx, h, i); err != nil {
			return err
		}
	}
	return nil
}

// desk adds people.
func (n nation) desk(ctx context.Context, h *house.House) error {
	for i := range n.hidden.staff {
		if _, err := h.App.Guard().AddPerson(ctx, guard.LocalOperator(), guard.NewPerson{
			Org: guard.OwnOrg, Name: fmt.Sprintf("Officer %d", i), Roles: []string{guard.RoleWatchOfficer},
		}); err != nil {
			return err
		}
	}
	return nil
}

// elsewhere is another source's day.
func (n nation) elsewhere(ctx context.Context, h *house.House, i int) error {
	if !n.hidden.source {
		return nil
	}
	if _, err := h.App.Watch().SourceNamed(ctx, h.App.Acts().Reader(), "other"); err != nil {
		if _, err := h.App.Watch().AddSource(ctx, house.Lead(), "other", watch.SourceSettings{Mode: watch.Live, Marking: tlp.Green}); err != nil {
			return err
		}
	}
	var rows []string
	for _, r := range n.hidden.rows[i] {
		if !strings.HasPrefix(r, "198.51.100.") {
			rows = append(rows, strings.Replace(r, ",23", ",2323", 1))
		}
	}
	return deliver(ctx, h, "other", i, rows)
}

func deliver(ctx context.Context, h *house.House, source string, i int, rows []string) error {
	date := house.Morning().AddDate(0, 0, i).Format(time.DateOnly)
	var b strings.Builder
	b.WriteString("timestamp,ip,protocol,port\n")
	for _, r := range rows {
		b.WriteString(date + " 03:00:00," + r + "\n")
	}
	if _, err := h.App.Watch().Receive(ctx, house.Lead(), watch.Arrival{
		Source: source, FileName: date + "-scan_telnet.csv", Body: strings.NewReader(b.String()),
	}); err != nil {
		return err
	}
	return h.Settle(ctx)
}

// reaches notes everything that reaches Faro and the public, in order.
func (n nation) reaches(t *testing.T, db sqldb.Config, exact bool) *observer {
	t.Helper()
	h := house.Start(t, house.Options{Database: db, Fixed: true, Random: rand.NewChaCha8([32]byte{1}), Fill: n.live})
	h.Clock.Set(house.Morning().AddDate(0, 0, 5))
	o := &observer{t: t, h: h, exact: exact, names: map[string]string{}}
	for _, m := range h.Mail.Received() {
		if m.To == "watch@faro.example" {
			o.note("mail from "+m.From, string(m.Data))
		}
	}
	faro, ok, err := h.App.Guard().OrganisationNamed(t.Context(), h.App.Acts().Reader(), "Aguas del Faro")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	contact := h.Person(faro.ID, guard.RoleContact)
	token, _, err := h.App.Guard().IssueToken(t.Context(), guard.LocalOperator(), contact.ID, "t", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range h.App.Site().Routes() {
		method, path, _, kind, err := sample(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"nobody", "contact", "token"} {
			enter := map[string]func(*http.Request){"nobody": func(*http.Request) {}, "token": house.With(token)}[who]
			if enter == nil {
				enter = house.As(h.SignIn(contact.ID))
			}
			_, _, body, _, _ := sample(r)
			a := h.Ask(method, path, body, house.Outside, enter, func(q *http.Request) {
				if kind != "" {
					q.Header.Set("Content-Type", kind)
				}
			})
			o.keep(who+" "+method+" "+path, a)
		}
	}
	o.portal(faro.ID, house.As(h.SignIn(contact.ID)), house.With(token))
	o.visits()
	return o
}

// observer notes what reaches somebody outside.
type observer struct {
	t      *testing.T
	h      *house.House
	exact  bool
	names  map[string]string
	seen   []string // in order, without what may differ
	routes []string // of the walk, as they came
}

var (
	opaque = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}(?:\.[\w-]{32})?|ALM-[0-9A-Z]{4}-[0-9A-Z]{4}|"[0-9a-f]{64}"`)
	random = regexp.MustCompile(`"challenge":"[^"]*"|"id":"[\w-]{48}"|"instance":"[^"]*"|name="code" value="[0-9A-Z-]{24}"|name="once" value="[0-9A-Z]{26}"|\b[0-9a-f]{16}\b`)
	folded = regexp.MustCompile(`=\r\n`)
)

// plain takes out what may differ.
func plain(s string, names map[string]string) string {
	s = folded.ReplaceAllString(s, "")
	s = random.ReplaceAllString(s, "(random)")
	if names == nil {
		return s
	}
	return opaque.ReplaceAllStringFunc(s, func(m string) string {
		m = strings.ToUpper(m)
		if names[m] == "" {
			names[m] = fmt.Sprintf("(opaque %d)", len(names)+1)
		}
		return names[m]
	})
}

func (o *observer) note(what, text string) {
	names := o.names
	if o.exact {
		names = nil
	}
	o.seen = append(o.seen, plain(what+"\n"+text, names))
}

func (o *observer) answer(a house.Answer) string {
	for _, name := range []string{"Date", "X-Request-Id", "Set-Cookie"} {
		a.Header.Del(name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Status)
	_ = a.Header.Write(&b) // to memory
	b.WriteString(a.Body)
	return b.String()
}

func (o *observer) keep(what string, a house.Answer) {
	o.routes = append(o.routes, what+"\n"+o.answer(a))
}

// differs finds the first thing that reaches the outsider otherwise than it does another.
// The asker's own sessions have random ids: what was kept as it came is taken by itself.
func (o *observer) differs(than *observer) string {
	for i := range min(len(o.seen), len(than.seen)) {
		if o.seen[i] != than.seen[i] {
			return cmp.Diff(than.seen[i], o.seen[i])
		}
	}
	for i := range min(len(o.routes), len(than.routes)) {
		got, want := o.routes[i], than.routes[i]
		if got == want {
			continue
		}
		if d := cmp.Diff(plain(want, map[string]string{}), plain(got, map[string]string{})); d != "" {
			return d
		}
	}
	if len(o.seen) != len(than.seen) || len(o.routes) != len(than.routes) {
		return fmt.Sprintf("%d and %d things, not %d and %d", len(o.seen), len(o.routes), len(than.seen), len(than.routes))
	}
	return ""
}

// portal is what a contact does in the portal, with a session and with a token, beyond
// what the walk over all routes asks: real numbers, filters, places in lists, changes.
func (o *observer) portal(org int64, session, token func(*http.Request)) {
	ns, err := o.h.App.Warn().Notices(o.t.Context(), o.h.App.Acts().Reader(), warn.Filter{Org: org})
	if err != nil || len(ns) == 0 {
		o.t.Fatal(len(ns), err)
	}
	ask := func(who func(*http.Request), method, path, body string, with ...func(*http.Request)) string {
		a := o.h.Ask(method, path, strings.NewReader(body), append(with, who, house.Outside, house.Form)...)
		tag := a.Header.Get("ETag")
		if path == "/portal/feeds" { // the asker's own token has a random id, too
			o.keep("portal "+path, a)
		} else {
			o.note("portal "+method+" "+path+" "+body, o.answer(a))
		}
		for _, foreign := range []string{"Other ", "Neighbour", "other.example"} {
			if strings.Contains(a.Body, foreign) {
				o.t.Errorf("%s %s shows %q", method, path, foreign)
			}
		}
		return tag
	}
	page := o.h.Ask("GET", "/portal/findings?state=all", nil, session, house.Outside)
	for _, path := range []string{
		"/portal", "/portal/notices", "/portal/findings", "/portal/findings?state=gone", "/portal/findings?state=all", "/portal/findings.csv?state=all",
		"/portal/assets", "/portal/contacts", "/portal/feeds", "/portal?for=nonsense", "/portal?exercise=yes", "/portal/findings?before=nonsense",
	} {
		ask(session, "GET", path, "")
	}
	for _, found := range regexp.MustCompile(`(?:before|after)=ALM-[\w-]+`).FindAllString(page.Body, 2) {
		ask(session, "GET", "/portal/findings?state=all&"+found, "")
	}
	for i, n := range ns {
		number := o.h.App.Warn().Number(n.ID)
		ask(session, "GET", "/portal/notices/"+number, "")
		ask(session, "GET", "/portal/notices/"+number+"/rows.csv", "")
		ask(session, "GET", "/portal/notices?before="+number, "")
		ask(session, "POST", "/portal/notices/"+number+"/answer", "what="+string(warn.Whats()[i%3])+"&reason=x")
		ask(session, "GET", "/portal/notices/"+number, "")
	}
	ask(session, "POST", "/portal/assets", "asset_kind=cidr&asset=203.0.113.0/24")
	ask(session, "POST", "/portal/assets", "asset_kind=cidr&asset=192.0.2.0/28") // somebody else's in one of the nations
	ask(session, "GET", "/portal/feeds", "")
	for _, path := range []string{"/api/v1/portal/notices", "/api/v1/portal/findings.csv?state=all", "/api/v1/portal/findings.xarf", "/api/v1/portal/feed.atom", "/portal"} {
		tag := ask(token, "GET", path, "")
		ask(token, "GET", path, "", house.Header("If-None-Match", tag))
	}
	for _, address := range []string{"watch@faro.example", "desk0@other.example", "nobody@nowhere.example"} {
		ask(func(*http.Request) {}, "POST", "/portal/sign-in", "email="+address)
	}
}

var link = regexp.MustCompile(`/n/(\S+)`)

// visits are what a holder of a notice's link can do with it, and a stranger.
func (o *observer) visits() {
	ask := func(what, method, path, body string, with ...func(*http.Request)) {
		o.note(what+" "+method+" "+path+" "+body, o.answer(o.h.Ask(method, path, strings.NewReader(body), append(with, house.Outside, house.Form)...)))
	}
	var secrets []string
	for _, m := range o.h.Mail.Received() {
		if found := link.FindStringSubmatch(folded.ReplaceAllString(string(m.Data), "")); m.To == "watch@faro.example" && found != nil {
			secrets = append(secrets, found[1])
		}
	}
	if len(secrets) == 0 {
		o.t.Fatal("no link reached the recipient")
	}
	for i, s := range secrets {
		what := fmt.Sprintf("link %d", i)
		// The request's own path stays out of the comparison, by the same names.
		page := "/n/" + s
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
			ask(what, method, page, "")
		}
		ask(what, "GET", page, "", house.Header("Accept", "application/json"))
		ask(what, "GET", page, "", house.Header("Accept-Language", "fr"))
		ask(what, "GET", page[:len(page)-1]+"_", "")
		ask(what, "POST", page, "what=nonsense")
		ask(what, "POST", page, "what=dispute")
		ask(what, "POST", page, "what=acknowledge&by=Ms+Ferrer")
		ask(what, "POST", page, "by=Ms+Ferrer&firm=Sur")
		ask(what, "POST", page, "by=Ms+Ferrer&firm=Sur", house.Header("Accept-Language", "es"))
		ask(what, "POST", page, "what=acknowledge&by=Ms+Ferrer&firm=Sur")
		ask(what, "POST", page, "what=acknowledge&by=Ms+Ferrer&firm=Sur")
		ask(what, "GET", page, "")
	}
	o.h.Clock.Advance(100 * 24 * time.Hour)
	ask("expired", "GET", "/n/"+secrets[0], "")
	ask("stranger", "GET", "/n/00000000-0000-7000-8000-000000000000.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "")
	for _, m := range o.h.Mail.Received() {
		if m.To == "watch@faro.example" && strings.Contains(string(m.Data), "192.0.2.") {
			o.t.Error("the notice shows somebody else's address")
		}
	}
}

func TestWhatIsHiddenChangesNothingThatReachesAnOutsider(t *testing.T) {
	pair := func(t *testing.T, seed uint64, database func(testing.TB) sqldb.Config) {
		t.Parallel()
		seen, more := generate(seed)
		exact := !more.early
		want := nation{seen: seen}.reaches(t, database(t), exact)
		got := nation{seen: seen, hidden: more}.reaches(t, database(t), exact)
		if n := len(want.seen) + len(want.routes); n < 400 {
			t.Fatalf("only %d things were compared", n)
		}
		if d := got.differs(want); d != "" {
			t.Errorf("seed %d: with hidden things (early: %v), this differs (-without +with):\n%s", seed, more.early, d)
		}
	}
	none := func(testing.TB) sqldb.Config { return sqldb.Config{} }
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("sqlite, pair %d", seed), func(t *testing.T) { pair(t, seed, none) })
	}
	for seed := uint64(10); seed < 12; seed++ {
		t.Run(fmt.Sprintf("postgres, pair %d", seed), func(t *testing.T) { pair(t, seed, sqldbtest.Postgres) })
	}
}
