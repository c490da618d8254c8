package browser_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/test/browser"
	files "almenara.example/web"
)

var now = time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC)

const words = `
"sink.board" = "Board"
"sink.watch" = "Watch"
"sink.constituency" = "Constituency"
"sink.ledger" = "Record of actions"
"sink.jobs" = "Failed work"
"sink.form" = "Add a source"
"sink.raw" = "The raw line"
"sink.saved" = { one = "One source was saved.", other = "{{.Count}} sources were saved." }
"sink.bad" = "“{{.Value}}” is not an address range. Write it like 192.0.2.0/24."
`

type sink struct {
	Figures []web.Figure
	List    web.List
	Nothing web.List
	Facts   web.Facts
	Heat    web.Heat
	Chart   web.Chart
	Story   web.Timeline
	Confirm web.Confirm
	Form    web.Form
	Raw     string
}

func figures() []web.Figure {
	return []web.Figure{
		{Label: "Late feeds", N: 2, URL: "/?late=1", Tone: "critical", Icon: "source", Note: "since 21 Nov 2026"},
		{Label: "In quarantine", N: 148, URL: "/?q=1", Tone: "medium", Icon: "quarantine"},
		{Label: "Unrouted", N: 31, URL: "/?u=1", Tone: "low", Icon: "unrouted"},
		{Label: "Open findings", N: 10000, AtLeast: true, URL: "/?o=1", Tone: "high", Icon: "finding"},
		{Label: "No longer seen today", N: 412, URL: "/?n=1", Tone: "ok", Icon: "state-gone"},
	}
}

func list(r *http.Request) web.List {
	kinds := []string{"open Modbus", "expired certificate", "open resolver with a rather long name for a kind", "vulnerable mail server"}
	tones := []web.Badge{{Tone: "critical", Word: "Critical"}, {Tone: "high", Word: "High"}, {Tone: "medium", Word: "Medium"}, {Tone: "low", Word: "Low"}, {Tone: "info", Word: "Info"}}
	states := []web.Badge{{Tone: "open", Word: "Open"}, {Tone: "ok", Icon: "state-gone", Word: "No longer seen"}, {Tone: "muted", Icon: "state-expired", Word: "Expired"}}
	l := web.List{
		ID: "findings", Caption: "Findings", Total: web.Total{N: 10000, AtLeast: true}, Live: true,
		Columns: []web.Column{{Label: "Number"}, {Label: "What"}, web.Sorts(r, "Severity", "severity"), {Label: "Organisation"}, {Label: "Address", Narrow: true}, {Label: "State"}, {Label: "Age", Num: true}},
		Views:   []web.Link{{Label: "All", URL: "/", Current: true}, {Label: "Mine", URL: "/?mine=1"}},
		Older:   "/?after=x", Newer: "/?before=x", Downloads: []web.Action{{Label: "CSV", URL: "/csv", Icon: "download"}},
		Filters: web.Sift(r,
			web.Field{Name: "severity", Label: "Severity", Type: "select", Options: []web.Option{{Label: "any"}, {Value: "high", Label: "High"}}},
			web.Field{Name: "ip", Label: "IP address", Type: "text", Example: "192.0.2.17"}),
		Bulk: &web.Bulk{Action: "/bulk", Verbs: []web.Option{{Value: "close", Label: "Close…"}, {Value: "notours", Label: "Not ours…"}}},
	}
	for i := range 12 {
		number := fmt.Sprintf("ALM-4K%dQ-2M9X", i)
		row := web.Row{ID: number, Name: number, URL: "/finding/" + number, Cells: []web.Cell{
			{Text: number, URL: "/finding/" + number, Mono: true},
			{Text: kinds[i%4], Sub: "port 502/tcp"},
			web.Marked(tones[i%5]),
			web.Anchor("Wasserwerk Nord مياه", "/o"), web.Code(fmt.Sprintf("192.0.2.%d", i)), web.Marked(states[i%3]), web.Ago(now.Add(-time.Duration(i*7+1) * time.Hour)),
		}}
		if i == 0 {
			row.Tone = "critical"
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

func story() web.Timeline {
	return web.Timeline{Title: "Story", Moments: []web.Moment{
		{At: now.Add(-time.Hour), Who: "Ana Reyes, CSIRT", What: "Marked as false positive", Detail: "The device is a honeypot of the university."},
		{At: now.Add(-26 * time.Hour), Machine: true, Who: "Shadowserver", What: "Seen again", URL: "/raw", Badge: &web.Badge{Tone: "high", Word: "High"}},
		{At: now.Add(-50 * time.Hour), Machine: true, Who: "Shadowserver", What: "Opened"},
	}}
}

func heat() web.Heat {
	h := web.Heat{ID: "heat", Caption: "Open findings by sector and severity", Corner: "Sector", Columns: []web.Link{{Label: "Critical"}, {Label: "High"}, {Label: "Medium"}, {Label: "Low"}}}
	for i, sector := range []string{"Drinking water", "Energy", "Health", "Transport", "Banking"} {
		row := web.HeatRow{Label: sector, URL: "/?sector=" + sector}
		for j := range 4 {
			row.Cells = append(row.Cells, web.HeatCell{N: int64(i * j * j * 13), URL: "/x"})
		}
		h.Rows = append(h.Rows, row)
	}
	h.Weigh()
	return h
}

func form() web.Form {
	return web.Form{Action: "/save", Submit: "Add the source", Cancel: "/", Fields: []web.Field{
		{Name: "name", Label: "Name", Required: true, Why: "It appears in every list and in the record of actions.", Example: "shadowserver"},
		{Name: "range", Label: "Address range", Mono: true, Example: "192.0.2.0/24"},
		{Name: "mode", Label: "Mode", Type: "radio", Options: []web.Option{{Value: "shadow", Label: "Shadow", Selected: true, Hint: "Everything is computed, nothing is sent."}, {Value: "live", Label: "Live"}}},
		{Name: "marking", Label: "Default marking", Type: "select", Options: []web.Option{{Value: "a", Label: "TLP:AMBER"}, {Value: "g", Label: "TLP:GREEN"}}},
		{Name: "file", Label: "Schema file", Type: "file", Accept: ".json"},
		{Name: "note", Label: "Note", Type: "textarea"},
		{Name: "late", Label: "Tell us when it is late", Type: "checkbox", Checked: true},
	}, Audience: &web.Audience{Marking: "TLP:GREEN", Summary: "English, to 3 organisations"}}
}

func everything(r *http.Request) sink {
	week := []string{"15 Nov", "16 Nov", "17 Nov", "18 Nov", "19 Nov", "20 Nov", "21 Nov"}
	return sink{
		Figures: figures(), List: list(r), Heat: heat(), Story: story(), Form: form(),
		Nothing: web.List{ID: "none", Caption: "Quarantine", Empty: web.Empty{Why: "No row was refused in the last 7 days.", Do: &web.Action{Label: "Look at deliveries", URL: "/d"}}},
		Facts: web.Facts{Title: "Facts", Items: []web.Fact{
			{Label: "Address", Cell: web.Cell{Text: "2001:db8::17", Mono: true, Copy: true}},
			{Label: "First seen", Cell: web.Exactly(now.Add(-50 * time.Hour))},
			{Label: "Owner", Cell: web.Cell{}},
			{Label: "Events", Cell: web.Number(12345, "/e")},
			{Label: "Age", Cell: web.Ago(now.Add(-50 * time.Hour))},
		}},
		Chart: web.Chart{
			ID: "trend", Title: "Open findings fell by a third this week", Kind: "line", Units: "findings", Source: "Almenara", At: now, Axis: "Day", X: week,
			Series: []web.Series{{Name: "High", Tone: "high", Values: []int64{90, 88, 80, 81, 70, 66, 60}}, {Name: "Low", Tone: "low", Values: []int64{40, 41, 39, 39, 38, 30, 31}}},
		},
		Confirm: web.Confirm{
			Title: "End the asset 192.0.2.0/24?", Text: "From today the addresses belong to nobody here.", Verb: "End the asset", Tone: "danger", Action: "/end", NeedReason: true, Cancel: "/",
			Effects: []web.Effect{{Count: 14, What: "open findings lose their organisation", URL: "/f", Tone: "critical"}, {Count: 3, What: "findings go to the network owner", Tone: "high"}},
		},
		Raw: "\"2026-11-21 00:01:02\",\"192.0.2.17\",502,\"<script>alert(1)</script>\",\"modbus\"",
	}
}

// serve starts a site with every component on its first page.
func serve(t *testing.T) (*web.Site, string) {
	t.Helper()
	catalogue, err := i18n.New(i18n.Sub(files.Locales, "locales"), fstest.MapFS{"en.toml": {Data: []byte(words)}})
	if err != nil {
		t.Fatal(err)
	}
	nav := func(room, icon string, n int64) web.NavItem {
		return web.NavItem{Room: room, Key: "sink." + room, URL: "/?room=" + room, Icon: icon, Permission: web.SignedIn, Count: func(context.Context, web.Viewer) (int64, error) { return n, nil }}
	}
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	site, err := web.New(web.Config{
		Catalogue: catalogue, Clock: clocktest.New(now), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Strict: true, Zone: madrid,
		Product: "Almenara", Country: "Republic of Atalaya", SearchURL: "/", SignOutURL: "/out", ProfileURL: "/me", SignInURL: "/in",
		Identify: func(r *http.Request) (web.Viewer, error) {
			if r.URL.Query().Has("nobody") {
				return web.Viewer{}, nil
			}
			return web.Viewer{ID: "1", Name: "Ana Reyes", Organisation: "CSIRT Atalaya"}, nil
		},
		Nav:      []web.NavItem{nav("board", "board", 0), nav("constituency", "constituency", 31), nav("watch", "watch", 148), nav("ledger", "ledger", 0), nav("jobs", "jobs", 2)},
		Channels: func(context.Context, web.Viewer) ([]string, error) { return []string{"watch"}, nil },
		Due: func(context.Context, web.Viewer) *web.Due {
			return &web.Due{Label: "Early warning to the regulator", URL: "/due", At: now.Add(3 * time.Hour)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("testdata/sink.html")
	if err != nil {
		t.Fatal(err)
	}
	site.Templates("sink", fstest.MapFS{"sink.html": {Data: page}})
	show := func(w http.ResponseWriter, r *http.Request) error {
		p := web.Page{
			Title: "Open Modbus at Wasserwerk Nord", Number: "ALM-4K7Q-2M9X", Room: "watch", Lead: "Seen by Shadowserver in the last full scan.", Marking: "TLP:AMBER+STRICT", Charts: true,
			Crumbs: []web.Link{{Label: "Watch", URL: "/"}, {Label: "Findings", URL: "/"}}, Badges: []web.Badge{{Tone: "high", Word: "High"}, {Tone: "open", Word: "Open"}},
			Primary: &web.Action{Label: "Close the finding", URL: "/close", Tone: "primary", Icon: "check"}, Actions: []web.Action{{Label: "Not ours", URL: "/no", Post: true}},
			Exercise: r.URL.Query().Has("exercise"), Topics: []string{"watch.delivery"},
			Audience: &web.Audience{Marking: "TLP:AMBER+STRICT", Summary: "2 organisations", Members: []web.Member{{Name: "CSIRT Atalaya", Why: "runs this desk"}, {Name: "Wasserwerk Nord", Why: "owns the address", URL: "/o"}}, Note: "Nobody else, not even its provider."},
		}
		data := everything(r)
		if r.URL.Query().Has("wrong") {
			parts := []fault.Error{{Code: fault.Invalid, Key: "fault.required", Field: "name"}, {Code: fault.Invalid, Key: "sink.bad", Args: fault.Args{"Value": "ten"}, Field: "range"}}
			p.Faults = web.FieldFaults(web.PrinterOf(r.Context()), fault.Join("fault.invalid", parts))
			data.Form.Fail(p.Faults)
		}
		p.Data = data
		return site.Page(w, r, http.StatusOK, "sink/sink", p)
	}
	site.Handle(
		web.Route{Method: "GET", Pattern: "/{$}", Permission: web.Public, Handler: show},
		web.Route{Method: "GET", Pattern: "/finding/{number}", Permission: web.Public, Handler: show},
		web.Route{Method: "POST", Pattern: "/save", Permission: web.Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
			site.Redirect(w, r, "/", web.Flash{Key: "sink.saved", Args: map[string]any{"Count": 1}})
			return nil
		}},
	)
	h, err := site.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = web.Server(t.Context(), h)
	server.Start()
	t.Cleanup(func() { site.Hub().Close(); server.Close() })
	return site, server.URL
}

func TestEveryComponentIsAccessibleInEveryLook(t *testing.T) {
	site, url := serve(t)
	b := browser.New(t)
	looks := []struct { // pairwise: two schemes, two directions, three widths
		width int64
		dark  bool
		lang  string
		query string
	}{
		{360, false, "en", "?severity=high"},
		{360, true, i18n.PseudoRTL, "?exercise"},
		{1280, false, i18n.PseudoRTL, "?wrong"},
		{1280, true, "en", "?severity=high&exercise"},
		{2560, false, "en", "?exercise"},
		{2560, true, i18n.PseudoRTL, "?"},
		{1280, false, "fr", "?"},
		{1280, false, "en", "?theme=dark"},
		{1280, true, "en", "?theme=light"},
		{360, false, "fr", "?nobody"},
		{1280, true, "en", "?nobody&wrong"},
	}
	for _, look := range looks {
		name := fmt.Sprintf("frame/%d-%t-%s-%s", look.width, look.dark, look.lang, look.query[1:])
		t.Run(name, func(t *testing.T) {
			tab := b.Tab(t)
			tab.Dark(look.dark)
			tab.Viewport(look.width, 900)
			tab.Go(url + "/?lang=" + look.lang)
			tab.Go(url + "/" + look.query)
			tab.WaitFor("document.querySelector('canvas')")
			tab.Shot(name + "-window")
			tab.Screenshot(name)
			tab.NoSidewaysScroll()
			tab.Axe()
		})
	}
	if got := site.CSPReports(); got != 0 {
		t.Errorf("got %d reports of the content security policy, want 0", got)
	}
}
