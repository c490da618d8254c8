package e2e

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
)

// appearance is how somebody sees a page.
type appearance struct {
	width, height int64
	dark, rtl     bool
	scripts       bool
}

func (a appearance) String() string {
	word := func(yes bool, then, otherwise string) string {
		if yes {
			return then
		}
		return otherwise
	}
	return strconv.FormatInt(a.width, 10) + "-" + word(a.dark, "dark", "light") + "-" + word(a.rtl, "rtl", "ltr") + "-" +
		word(a.scripts, "scripts", "plain")
}

// language is what the page speaks: from right to left a made one, and telephones
// otherwise French, whose words are long.
func (a appearance) language() string {
	switch {
	case a.rtl:
		return i18n.PseudoRTL
	case a.width < 1000:
		return "fr"
	}
	return i18n.Fallback
}

// widths are a telephone, a desk and a wall.
func widths() [3][2]int64 { return [3][2]int64{{360, 740}, {1280, 900}, {2560, 1440}} }

// appearances are all there are, or six that hold every pair of traits.
func appearances(all bool) (out []appearance) {
	if !all {
		w := widths()
		for i, bits := range []int{0b001, 0b110, 0b010, 0b101, 0b111, 0b000} {
			size := w[i/2]
			out = append(out, appearance{size[0], size[1], bits&1 != 0, bits&2 != 0, bits&4 != 0})
		}
		return out
	}
	for _, size := range widths() {
		for bits := range 8 {
			out = append(out, appearance{size[0], size[1], bits&1 != 0, bits&2 != 0, bits&4 != 0})
		}
	}
	return out
}

// TestEveryPageInEveryLook walks the table of routes as a person who may see all of
// the desk, and the portal as an operator's contact. A page is seen in one of six looks that together hold every pair of
// traits; with ALMENARA_E2E_FULL=1 every page is seen in all there are.
func TestEveryPageInEveryLook(t *testing.T) {
	s := open(t, false, atalaya)
	full := os.Getenv("ALMENARA_E2E_FULL") == "1"
	chromium := browser.New(t)
	person := s.person("Marta Ibarra", guard.RoleAdministrator, guard.RoleDutyLead, guard.RoleConstituency, guard.RoleWatchOfficer)
	first := chromium.Tab(t)
	s.signIn(first, s.link(person))
	s.everyLook(t, chromium, full, "/", func(tab *browser.Tab) { s.signIn(tab, s.link(person)) }, s.pages(first))
	contact := s.contact().ID
	s.visit(first, contact)
	t.Run("portal", func(t *testing.T) {
		s.everyLook(t, chromium, full, "/portal", func(tab *browser.Tab) { s.visit(tab, contact) }, s.portal(first))
	})
}

// everyLook sees pages as who comes in, each in one of the looks, or in all there are.
func (s *stage) everyLook(t *testing.T, chromium *browser.Browser, full bool, home string, comeIn func(*browser.Tab), pages []string) {
	for i, a := range appearances(full) {
		t.Run(a.String(), func(t *testing.T) {
			tab := chromium.Tab(t)
			comeIn(tab)
			tab.Viewport(a.width, a.height)
			tab.Dark(a.dark)
			tab.Scripts(a.scripts)
			tab.Go(s.url + home + "?lang=" + a.language())
			for n, p := range pages {
				if full || (n+i)%6 == 0 { // each page in one of the six
					s.seePage(t, tab, p, a)
				}
			}
		})
	}
}

// seePage sees one page in a look, and says which it was when something is amiss.
func (s *stage) seePage(t *testing.T, tab *browser.Tab, path string, a appearance) {
	t.Helper()
	tab.Go(s.url + path)
	seen := browser.Eval[struct {
		Status int    `json:"status"`
		Title  int    `json:"title"`
		Rest   string `json:"rest"`
	}](tab, `({status: performance.getEntriesByType("navigation")[0].responseStatus, title: document.querySelectorAll("main h1").length,
		rest: (document.body.innerText.match(/⟦[^⟧]*⟧|\b(portal|watch|warn|guard|constituency|desk|ledger|frame|fault)\.[a-z_]+(\.[a-z_]+)+\b/) || [""])[0]})`)
	if seen.Status != 200 || seen.Title != 1 {
		t.Errorf("%s: got status %d and %d headings, want 200 and one", path, seen.Status, seen.Title)
	}
	if seen.Rest != "" {
		t.Errorf("%s shows %q, which is no word for persons", path, seen.Rest)
	}
	before := t.Failed()
	tab.Scripts(true) // the checker is one; the page stays as it was loaded
	tab.Axe()
	tab.NoSidewaysScroll()
	if os.Getenv("ALMENARA_ARTEFACTS") != "" {
		tab.Screenshot(a.String() + "/" + slug(path))
	}
	if t.Failed() && !before {
		t.Errorf("… on the page %s", path)
	}
	tab.Scripts(a.scripts)
}

// pages are the addresses of all pages of the table of routes, with things of the
// demo nation in their places.
func (s *stage) pages(tab *browser.Tab) (out []string) {
	s.t.Helper()
	things := s.things(tab)
	maps.Copy(things, s.people())
	maps.Copy(things, s.warnings())
	maps.Copy(things, s.incidents())
	for _, r := range s.app.Site().Routes() {
		if r.Method != "GET" || r.API || !isPage(r) {
			continue
		}
		path := strings.TrimPrefix(r.Sample, "GET ")
		if thing, ok := things[r.Pattern]; ok {
			path = thing
		}
		out = append(out, path)
	}
	return out
}

// portal are the pages of the portal to which links lead its visitor, one for each
// pattern of the table of routes.
func (s *stage) portal(tab *browser.Tab) (out []string) {
	s.t.Helper()
	found := map[string]bool{"": true} // what is no page of the portal
	for next := []string{"/portal", s.filedInPortal()}; len(next) > 0; next = next[1:] {
		path := next[0]
		if pattern := s.portalPattern(path); !found[pattern] {
			found[pattern] = true
			out = append(out, path)
			next = append(next, browser.Eval[[]string](tab, fmt.Sprintf(`fetch(%q).then(a => a.text()).then(t =>
				[...new DOMParser().parseFromString(t, "text/html").querySelectorAll('a[href^="/portal"]:not([download])')].map(a => a.getAttribute("href").split("#")[0]))`, path))...)
		}
	}
	for _, need := range []string{"/portal/deadlines/{deadline}/filed/{version}/print", "/portal/incidents/{number}/recovery", "/portal/notices/{number}"} {
		if !found[need] {
			s.t.Errorf("no link of the portal leads to %s; got %v", need, out)
		}
	}
	return out
}

// filedInPortal is a document that the demo's contact has filed: of the deadlines the walk
// opens the first alone, and that one still runs.
func (s *stage) filedInPortal() string {
	s.t.Helper()
	in, desk := s.app.Incidents(), incident.Viewer{Org: guard.OwnOrg}
	all, err := in.List(s.t.Context(), s.read(), desk, incident.Filter{})
	s.check(err)
	filed, err := in.Filings(s.t.Context(), s.read(), desk, all[len(all)-1].ID)
	s.check(err)
	for _, f := range filed {
		if f.Sent {
			return "/portal/deadlines/" + in.ClockRef(f.Clock) + "/filed/1"
		}
	}
	s.t.Fatal("the demo has filed nothing")
	return ""
}

// portalPattern is the pattern of a page of the portal; empty for what is none.
func (s *stage) portalPattern(address string) string {
	path, _, _ := strings.Cut(address, "?")
	best := ""
	for _, r := range s.app.Site().Routes() {
		if r.Method != "GET" || r.API || r.Stream || !strings.HasPrefix(r.Pattern, "/portal") || strings.HasSuffix(r.Pattern, ".csv") || strings.HasSuffix(r.Pattern, "/json") || strings.Contains(r.Pattern, "/files/") {
			continue
		}
		want, got := strings.Split(r.Pattern, "/"), strings.Split(path, "/")
		fits := len(want) == len(got)
		for n := 0; fits && n < len(want); n++ {
			fits = want[n] == got[n] || strings.HasPrefix(want[n], "{")
		}
		if fits && (best == "" || strings.Count(r.Pattern, "{") < strings.Count(best, "{")) {
			best = r.Pattern
		}
	}
	return best
}

// isPage tells pages from downloads, from what is only there for a moment, from the
// portal, which refuses the desk and has a walk of its own, and from what the other
// stories see.
func isPage(r web.Route) bool {
	for _, part := range []string{"csv", "/static/", "/events", "/received", "/checkpoint", "/proof", "/n/{", "/passkeys/{", "/sign-in/link/{", "/packs/{", "/files/{", "/portal", "/report-files/", "/print", "/json", "/signature", "{package}",
		// What the demo has none of; the stories of incidents see them.
		"/incident/mail/{", "{crossing}", "{transfer}", "{version}", "/clocks/{clock}/resume", "/clocks/{clock}/unvoid", "/reports/{number}/reopen"} {
		if strings.Contains(r.Pattern, part) {
			return false
		}
	}
	return true
}

// things are the addresses of pages about one thing, by the pattern of their route.
func (s *stage) things(tab *browser.Tab) map[string]string {
	s.t.Helper()
	ctx := s.t.Context()
	number := func(f watch.Filter) string { return s.app.Watch().Number(s.findings(f)[0].ID) }
	open := number(watch.Filter{States: []watch.State{watch.Open}, Sources: []string{"atalaya-scans"}})
	gone := number(watch.Filter{States: []watch.State{watch.NoLongerSeen}})
	rows, err := s.app.Watch().Quarantine(ctx, s.read(), watch.QuarantineFilter{State: watch.Waiting})
	s.check(err)
	row := rows[0]
	notices, err := s.app.Warn().Notices(ctx, s.read(), warn.Filter{State: warn.Sent})
	s.check(err)
	sources, err := s.app.Watch().Sources(ctx, s.read())
	s.check(err)
	shadow := sources[0]
	for _, src := range sources {
		if src.Mode == watch.Shadow {
			shadow = src
		}
	}
	lines, upTo, err := s.app.Watch().Shadow(ctx, s.read(), shadow)
	s.check(err)
	tab.Go(s.url + "/watch/findings/" + gone)
	raw := browser.Eval[string](tab, `document.querySelector('main a[href*="/raw?"]').getAttribute("href")`)
	delivery := "/watch/deliveries/" + strconv.FormatInt(row.Delivery, 10)
	source, notice := "/watch/sources/"+strconv.FormatInt(shadow.ID, 10), "/warn/notices/"+s.app.Warn().Number(notices[0].ID)
	would := "/watch/shadow/" + strconv.FormatInt(shadow.ID, 10)
	return map[string]string{
		"/watch/findings/decide":              "/watch/findings/decide?to=closed&id=" + open,
		"/watch/findings/{number}":            "/watch/findings/" + gone,
		"/watch/findings/{number}/verify":     "/watch/findings/" + open + "/verify",
		"/watch/findings/{number}/raw":        raw,
		"/watch/deliveries":                   "/watch/deliveries",
		"/watch/deliveries/{delivery}":        delivery,
		"/watch/deliveries/{delivery}/try":    delivery + "/try?mapping=shadowserver",
		"/watch/quarantine/{delivery}/{line}": fmt.Sprintf("/watch/quarantine/%d/%d", row.Delivery, row.Line),
		"/watch/quarantine/decide":            fmt.Sprintf("/watch/quarantine/decide?verb=dismiss&delivery=%d&why=%s", row.Delivery, row.Reason),
		"/watch/sources/{source}":             source,
		"/watch/sources/{source}/change":      source + "/change",
		"/watch/sources/{source}/mode":        source + "/mode?to=live",
		"/watch/shadow/{source}":              would,
		"/watch/shadow/{source}/findings":     fmt.Sprintf("%s/findings?organisation=%d&level=%s", would, lines[0].Org, lines[0].Level),
		"/watch/shadow/{source}/accept":       fmt.Sprintf("%s/accept?upto=%d", would, upTo),
		"/warn/notices/{number}":              notice,
		"/warn/notices/{number}/repeat":       notice + "/repeat",
		"/constituency/organisations/{id}":    fmt.Sprintf("/constituency/organisations/%d", lines[0].Org),
		"/constituency/lookup":                "/constituency/lookup?subject=192.0.2.17",
	}
}
