package watchweb_test

import (
	"net/url"
	"strings"
	"testing"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/internal/watch/watchweb"
	"almenara.example/internal/watch/watchweb/watchwebtest"
)

func door() watchwebtest.Door {
	return watchwebtest.Door{
		Room: "watch", Templates: watchweb.Templates, Locales: i18n.Sub(watchweb.Locales, "locales"),
		Routes: func(h *watchwebtest.House) []web.Route { return pages(h).Routes() },
	}
}

func pages(h *watchwebtest.House) *watchweb.Web {
	return watchweb.New(watchweb.Config{Site: h.Site, Watch: h.Watch, Constituency: h.Constituency, Acts: h.Acts})
}

// house has a nation and three days in it.
func house(t *testing.T) *watchwebtest.House {
	t.Helper()
	h := watchwebtest.Open(t, door())
	h.Nation()
	return h
}

const lead = "duty-lead"

func shows(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("got a page without %q", w)
		}
	}
	if t.Failed() {
		t.Log(body(page))
	}
}

// body is the middle of a page.
func body(page string) string {
	_, after, _ := strings.Cut(page, `<main id="main"`)
	b, _, _ := strings.Cut(after, "</main>")
	return b
}

func TestTheListOfFindingsFiltersByItsAddress(t *testing.T) {
	h := house(t)
	w := h.Do(lead, "GET", "/watch/findings?state=open&severity=critical&severity=high", "")
	if w.Code != 200 {
		t.Fatalf("got %d: %s", w.Code, body(w.Body.String()))
	}
	n := len(h.Numbers(watch.Filter{States: []watch.State{watch.Open}, Severities: []watch.Severity{watch.Critical, watch.High}}))
	shows(t, w.Body.String(), "TLP:AMBER", "Wasserwerk Nord", "in all", "data-href=\"/watch/findings/ALM-")
	if got := strings.Count(w.Body.String(), "<tr data-href"); got != n {
		t.Errorf("got %d rows, want %d", got, n)
	}
	for _, path := range []string{"?sector=none", "?sector=health", "?organisation=wasser", "?organisation=2", "?ip=192.0.2.0/26", "?host=host-9.example", "?kind=scan_telnet&source=scans", "?level=unrouted", "?delivery=1"} {
		if w := h.Do(lead, "GET", "/watch/findings"+path, ""); w.Code != 200 || !strings.Contains(w.Body.String(), "<tr data-href") {
			t.Errorf("%s: got %d and no rows", path, w.Code)
		}
	}
}

func TestPagesOfTheListTurn(t *testing.T) {
	h := house(t)
	h.Take("scans", "2026-11-20-scan_rdp.csv", watchwebtest.Report("2026-11-20", 1, 160))
	total := len(h.Numbers(watch.Filter{}))
	seen, at := map[string]bool{}, "/watch/findings"
	for range 10 {
		page := h.Do(lead, "GET", at, "").Body.String()
		for _, row := range strings.Split(page, `<tr data-href="`)[1:] {
			number, _, _ := strings.Cut(row, `"`)
			seen[number] = true
		}
		_, next, more := strings.Cut(page, `rel="next" href="`)
		if !more {
			break
		}
		at, _, _ = strings.Cut(next, `"`)
		at = strings.ReplaceAll(at, "&amp;", "&")
	}
	if len(seen) != total || total < 150 {
		t.Errorf("turning pages showed %d findings, want %d", len(seen), total)
	}
}

func TestAFindingShowsItsLifeItsOwnerAndItsRawLine(t *testing.T) {
	h := house(t)
	for _, n := range h.Numbers(watch.Filter{Sources: []string{"scans"}})[:3] {
		w := h.Do(lead, "GET", "/watch/findings/"+n, "")
		if w.Code != 200 {
			t.Fatalf("got %d: %s", w.Code, body(w.Body.String()))
		}
		shows(t, w.Body.String(), n, "open-telnet", "Opened", "Show the raw line", "Close…", "Candidates that were weighed")
		_, link, _ := strings.Cut(w.Body.String(), `href="/watch/findings/`+n+"/raw?")
		link, _, _ = strings.Cut(link, `"`)
		raw := h.Do(lead, "GET", "/watch/findings/"+n+"/raw?"+strings.ReplaceAll(link, "&amp;", "&"), "")
		if raw.Code != 200 {
			t.Fatalf("raw line: got %d", raw.Code)
		}
		shows(t, raw.Body.String(), "03:00:00,192.0.2.", "timestamp,ip,protocol")
	}
}

func TestABulkDecisionShowsItsEffectAndAsksForAReason(t *testing.T) {
	h := house(t)
	open := h.Numbers(watch.Filter{States: []watch.State{watch.Open}})[:3]
	form := url.Values{"id": open, "verb": {"closed"}}
	w := h.Do(lead, "POST", "/watch/findings/choose", form.Encode())
	shows(t, w.Body.String(), "Close 3 findings?", "findings change from «Open» to «Closed»", open[0])
	form = url.Values{"id": open, "to": {"closed"}}
	w = h.Do(lead, "POST", "/watch/findings/decide", form.Encode())
	if w.Code != 422 {
		t.Errorf("without a reason: got %d, want 422", w.Code)
	}
	shows(t, w.Body.String(), "A reason is needed", open[2], "f-reason-error")
	form.Set("reason", `<script>alert("mended")</script>`)
	w = h.Do(lead, "POST", "/watch/findings/decide", form.Encode())
	if w.Code != 303 || w.Header().Get("Location") != "/watch/findings" {
		t.Fatalf("got %d to %s", w.Code, w.Header().Get("Location"))
	}
	page := h.Do(lead, "GET", "/watch/findings/"+open[1], "").Body.String()
	shows(t, page, "Closed by a person", "&lt;script&gt;alert(", "Reopen…")
	if strings.Contains(page, "<script>alert") {
		t.Error("a reason runs as a script")
	}
	if w = h.Do(lead, "POST", "/watch/findings/decide", form.Encode()); w.Code != 409 {
		t.Errorf("a second time: got %d, want 409", w.Code)
	}
}
