package deskweb_test

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"almenara.example/internal/watch"
	"almenara.example/internal/watch/watchweb/watchwebtest"
	"almenara.example/test/browser"
)

// pagesToSee are the pages of desk and watch, by the name of their picture.
func pagesToSee(h *watchwebtest.House) [][2]string {
	number := h.Numbers(watch.Filter{States: []watch.State{watch.Open}, Sources: []string{"scans"}})[0]
	gone := h.Numbers(watch.Filter{States: []watch.State{watch.NoLongerSeen}})
	rows, err := h.Watch.Quarantine(h.T.Context(), h.Acts.Reader(), watch.QuarantineFilter{})
	if err != nil || len(rows) == 0 || len(gone) == 0 {
		h.T.Fatalf("the nation has %d rows in quarantine and %d findings gone, %v", len(rows), len(gone), err)
	}
	row := strconv.FormatInt(rows[0].Delivery, 10)
	return [][2]string{
		{"board", "/"},
		{"search", "/desk/search?q=192.0.2.0/26"},
		{"search-none", "/desk/search?q=atlantis"},
		{"findings", "/watch/findings?state=open&severity=critical&severity=high"},
		{"findings-empty", "/watch/findings?host=nowhere.example"},
		{"finding", "/watch/findings/" + number},
		{"finding-gone", "/watch/findings/" + gone[0]},
		{"decide", "/watch/findings/decide?to=closed&id=" + number},
		{"verify", "/watch/findings/" + number + "/verify"},
		{"deliveries", "/watch/deliveries"},
		{"delivery", "/watch/deliveries/" + row},
		{"delivery-first", "/watch/deliveries/1"},
		{"delivery-findings", "/watch/deliveries/3/findings?change=no-longer-seen"},
		{"upload", "/watch/deliveries/new"},
		{"try", "/watch/deliveries/" + row + "/try?mapping=shadowserver"},
		{"quarantine", "/watch/quarantine?state=open"},
		{"quarantined", "/watch/quarantine/" + row + "/" + strconv.FormatInt(rows[0].Line, 10)},
		{"dismiss", "/watch/quarantine/decide?verb=dismiss&why=bad_ip&delivery=" + row},
		{"shadows", "/watch/shadow"},
		{"shadow", "/watch/shadow/2"},
		{"accept", "/watch/shadow/2/accept?upto=2"},
		{"sources", "/watch/sources"},
		{"source", "/watch/sources/2"},
		{"source-new", "/watch/sources/new"},
		{"source-mode", "/watch/sources/2/mode?to=live"},
		{"mappings", "/watch/mappings"},
		{"mapping-new", "/watch/mappings/new"},
		{"unrouted", "/watch/unrouted"},
	}
}

// serve opens the site to a browser. The streams of news end before the server, which
// waits for every answer.
func serve(t *testing.T, h *watchwebtest.House) string {
	t.Helper()
	server := httptest.NewServer(h.Handler)
	t.Cleanup(func() {
		h.Site.Hub().Close()
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func TestEveryPageOfTheDeskIsAccessibleWideAndNarrow(t *testing.T) {
	h := house(t)
	url := serve(t, h)
	chromium := browser.New(t)
	for _, look := range []struct {
		name          string
		width, height int64
		dark          bool
		lang          string
	}{{"1280-light", 1280, 900, false, "en"}, {"360-dark", 360, 740, true, "fr"}} {
		t.Run(look.name, func(t *testing.T) {
			tab := chromium.Tab(t)
			tab.Cookie(url, "X-Test-Roles", "duty-lead.constituency")
			tab.Viewport(look.width, look.height)
			tab.Dark(look.dark)
			tab.Go(url + "/?lang=" + look.lang)
			for _, p := range pagesToSee(h) {
				tab.Go(url + p[1])
				if tab.Count("main h1") != 1 {
					t.Errorf("%s has no heading", p[1])
				}
				tab.Axe()
				tab.NoSidewaysScroll()
				tab.Screenshot(look.name + "/" + p[0])
				if t.Failed() {
					t.Fatalf("on the page %s", p[1])
				}
			}
		})
	}
}

func TestAMorningByKeyboard(t *testing.T) {
	h := house(t)
	url := serve(t, h)
	tab := browser.New(t).Tab(t)
	tab.Cookie(url, "X-Test-Roles", "duty-lead.constituency")
	tab.Go(url + "/")
	tab.Follow(".alm-heat td.alm-w5 a")
	total := tab.Text(".alm-total")
	if rows := tab.Count("[data-rows] tbody tr"); !strings.HasPrefix(total, strconv.Itoa(rows)+" ") {
		t.Errorf("the list says %q and shows %d", total, rows)
	}
	tab.Press("jjk")
	tab.Press("x")
	if n := tab.Count("[data-rows] input:checked"); n != 1 {
		t.Errorf("x chose %d rows, want 1", n)
	}
	tab.Follow(`.alm-bulk button[value="closed"]`)
	tab.WaitText("h1", "Close 1 finding?")
	tab.Click("#f-reason")
	tab.Press("mended, says the operator")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText(".alm-flash", "1 finding closed.")
	tab.WaitText("h1", "open-rdp")
	tab.WaitText(".alm-timeline", "mended, says the operator")
	tab.Press("/")
	tab.Press("192.0.2.66\r")
	tab.WaitURL("/desk/search")
	tab.WaitText("main", "is matched to Energía del Sur")
}

func TestTheDeskWorksWithoutScripts(t *testing.T) {
	h := house(t)
	url := serve(t, h)
	tab := browser.New(t).Tab(t)
	tab.Cookie(url, "X-Test-Roles", "duty-lead.constituency")
	tab.Scripts(false)
	tab.Go(url + "/watch/quarantine?state=open")
	tab.Follow(`#groups tbody tr td:nth-child(4) a`)
	tab.Click("#f-reason")
	tab.Press("the feed's test rows")
	tab.Follow(".alm-confirm button[type=submit]")
	tab.WaitText(".alm-flash", "1 row dismissed.")
}
