package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/portal"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	housetest "almenara.example/test/house"
	"almenara.example/tlp"
)

// BenchmarkPortalPage measures pages of the portal with ALMENARA_BENCH_ROWS findings
// (1,000,000), of which a network has about half and each of 2,000 operators some
// hundreds.
func BenchmarkPortalPage(b *testing.B) {
	rows := size("ALMENARA_BENCH_ROWS", 1_000_000)
	t, k := &table{}, clock.System{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		return million(ctx, b, h, rows)
	}})
	h.Mail.CountOnly()
	l, err := h.App.Watch().List(b.Context(), h.App.Acts().Reader(), watch.Filter{}, watch.Page{Reader: watch.AllOrgs, Limit: 1})
	must(b, err)
	t.add("findings in all", "1,000,000", "%d", l.Total)
	for _, name := range []string{"Operator 7", "Big Net"} {
		org, ok, err := h.App.Guard().OrganisationNamed(b.Context(), h.App.Acts().Reader(), name)
		if err != nil || !ok {
			b.Fatal(name, ok, err)
		}
		who := housetest.As(h.SignIn(h.Person(org.ID, guard.RoleContact).ID))
		l, err := h.App.Watch().List(b.Context(), h.App.Acts().Reader(), watch.Filter{Orgs: []int64{org.ID}}, watch.Page{Reader: org.ID})
		must(b, err)
		t.add(name+": findings", "", "%d", l.Total)
		middle := h.App.Watch().Number(l.Findings[len(l.Findings)/2].ID)
		for _, path := range []string{"/portal", "/portal/notices", "/portal/findings", "/portal/findings?before=" + middle, "/portal/assets", "/api/v1/portal/feed.atom"} {
			var took []time.Duration
			for range 100 {
				began := k.Now()
				if a := h.Ask(http.MethodGet, path, nil, who); a.Status != http.StatusOK {
					b.Fatalf("%s: %d\n%s", path, a.Status, a.Body)
				}
				took = append(took, k.Now().Sub(began))
			}
			t.add("  "+strings.SplitN(path, "?", 2)[0], "< 50 ms", "%s", spread(took))
		}
		began, pieces, bytes := k.Now(), 0, 0
		reader := portal.Who{Actor: act.Actor{Kind: act.Person, Org: org.ID, Roles: []string{guard.RoleContact}}, Language: "en"}
		for parcel, err := range h.App.Portal().Findings(b.Context(), reader, org.ID, url.Values{"form": {portal.FormCSV}}) {
			must(b, err)
			bytes += len(parcel.View().Body)
			if pieces++; pieces == 20 {
				break
			}
		}
		t.add("  findings.csv, its first 20,000 rows", "", "%.2f s, %d kB in %d pieces", k.Now().Sub(began).Seconds(), bytes>>10, pieces)
	}
	t.print(os.Stdout)
}

// million fills a nation with findings.
func million(ctx context.Context, b *testing.B, h *housetest.House, rows int) error {
	var f bytes.Buffer
	f.WriteString(housetest.Head)
	f.WriteString("Big Net,network,XA,digital-infrastructure,cidr,10.8.0.0/13,,,\n")
	for i := range 32768 {
		a := i * 16
		fmt.Fprintf(&f, "Operator %d,operator,XA,drinking-water,cidr,10.%d.%d.%d/28,,,\n", i%2000, a>>16&255, a>>8&255, a&255)
	}
	r, err := h.App.Constituency().Import(ctx, housetest.Lead(), constituency.OrganisationsFile, bytes.NewReader(f.Bytes()), true)
	if err != nil || !r.Applied {
		return fmt.Errorf("import: %w %+v", err, r.Errors)
	}
	if _, _, err := h.App.Watch().LoadSchema(ctx, housetest.Lead(), strings.NewReader(wideSchema)); err != nil {
		return err
	}
	if _, err := h.App.Watch().AddSource(ctx, housetest.Lead(), "scans", watch.SourceSettings{Mode: watch.Live, Marking: tlp.Green}); err != nil {
		return err
	}
	day := clock.System{}.Now().UTC().Format(time.DateOnly)
	path := filepath.Join(b.TempDir(), day+"-scan_http.csv")
	if err := writeReport(path, rows, 0, day, 1); err != nil {
		return err
	}
	body, err := os.Open(path)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := h.App.Watch().Receive(ctx, housetest.Lead(), watch.Arrival{Source: "scans", FileName: filepath.Base(path), Body: body}); err != nil {
		return err
	}
	return h.Settle(ctx)
}

// BenchmarkPortalLive holds BENCH_SOCKETS open pages (5,000), each of a contact of an
// organisation of its own, releases a warning to all of them and measures when each
// socket is told.
func BenchmarkPortalLive(b *testing.B) {
	n, k, t := size("BENCH_SOCKETS", 5000), clock.System{}, &table{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("Operator %05d,operator,XA,drinking-water,domain,op%05d.example,Control room,room@op%05d.example,en\n", i, i, i)
		}
		return h.Import(ctx, rows...)
	}})
	h.Mail.CountOnly()
	ctx, reader := b.Context(), h.App.Acts().Reader()
	var cookies []*http.Cookie
	for after := int64(0); ; {
		ps, err := h.App.Guard().Persons(ctx, reader, guard.PersonFilter{After: after, Role: guard.RoleContact, Limit: 1000})
		must(b, err)
		if len(ps) == 0 {
			break
		}
		for _, p := range ps {
			after, cookies = p.ID, append(cookies, h.SignIn(p.ID))
		}
	}
	told := make([]time.Time, len(cookies))
	var ready, done sync.WaitGroup
	ready.Add(len(cookies))
	done.Add(len(cookies))
	for i, c := range cookies {
		go func() {
			defer done.Done()
			listen(h.URL, c, &ready, func() { told[i] = k.Now() })
		}()
	}
	ready.Wait()
	t.add("open pages", "5,000", "%d", h.App.Site().Hub().Listeners())
	w := h.App.Warn()
	officer := func(id int) act.Actor {
		return act.Actor{ID: fmt.Sprintf("person:%d", 900000+id), Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
	}
	v, err := w.Compose(ctx, officer(1), warn.Warning{
		Severity: warn.SeverityFlash, Marking: tlp.Green, Choice: warn.Choice{Everyone: true}, AnswerWithin: time.Hour,
		Texts: map[string]warn.Text{"en": {Title: "Remote access is being abused", What: "Somebody signs in.", Do: "Close it."}},
	})
	must(b, err)
	_, seen, err := w.Choose(ctx, reader, v)
	must(b, err)
	began := k.Now()
	must(b, w.Release(ctx, officer(2), v.ID, warn.Release{Version: v.Version, Seen: seen}))
	released := k.Now()
	done.Wait()
	took := make([]time.Duration, len(told))
	silent := 0
	for i, at := range told {
		took[i] = at.Sub(began)
		if at.IsZero() {
			silent++
		}
	}
	slices.Sort(took)
	at := func(share float64) float64 { return took[min(int(share*float64(len(took))), len(took)-1)].Seconds() }
	t.add("release itself", "", "%.3f s", released.Sub(began).Seconds())
	t.add("release to socket", "p99 < 2 s", "p50 %.2f s, p99 %.2f s, last %.2f s; %d never told", at(.5), at(.99), at(1), silent)
	t.print(os.Stdout)
}

// listen opens a stream of news as a browser does, and tells of the first news.
func listen(url string, c *http.Cookie, ready *sync.WaitGroup, news func()) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		ready.Done()
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(clock.System{}.Now().Add(5 * time.Minute))
	fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: portal\r\nCookie: %s=%s\r\n\r\n", c.Name, c.Value)
	open := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		switch text := lines.Text(); {
		case text == "event: hello" && !open:
			open = true
			ready.Done()
		case text == "data: portal":
			news()
			return
		}
	}
	if !open {
		ready.Done()
	}
}
