package ledgerweb_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"almenara.example/test/browser"
)

func TestTheRecordCanBeReadByEverybodyOnEveryScreen(t *testing.T) {
	rec := open(t)
	rec.fill(55)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Test-Person", "oversight")
		rec.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections() // pages hold a stream of news
		server.Close()
	})
	tab := browser.New(t).Tab(t)
	for _, width := range []int64{1280, 360} {
		tab.Viewport(width, 900)
		tab.Dark(width == 360)
		for _, page := range []string{"/ledger", "/ledger?actor=local-operator&from=2026-11-01", "/ledger/1"} {
			tab.Go(server.URL + page)
			tab.NoSidewaysScroll()
			tab.Axe()
			tab.Screenshot("ledger-" + map[int64]string{1280: "wide", 360: "narrow"}[width] + "-" + strings.NewReplacer("/", "", "?", "-", "&", "-", "=", "-").Replace(page))
		}
	}
	tab.Viewport(1280, 900)
	tab.Go(server.URL + "/ledger")
	tab.Follow("a[rel=next]")
	tab.WaitText("#ledger", "guard.found")
	tab.Follow("a[rel=prev]")
	tab.Follow("#ledger tbody tr:first-child a")
	tab.WaitText("h1", "Contact added")
}
