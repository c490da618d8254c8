package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
)

func TestNoCellIsAFormula(t *testing.T) {
	cases := map[string]string{
		"=HYPERLINK(1)": "'=HYPERLINK(1)", "+1+cmd|' /C calc'!A0": "'+1+cmd|' /C calc'!A0", "-1-2": "'-1-2", "@SUM(1)": "'@SUM(1)", "\t=1": "'\t=1",
		"-12.5": "-12.5", "+41": "+41", "-": "'-", "plain": "plain", "": "", "192.0.2.1": "192.0.2.1",
	}
	for in, want := range cases {
		if got := web.HarmlessCell(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestAFileNameCannotBreakTheHeaderOrLeaveTheFolder(t *testing.T) {
	got := web.Attachment("../../a\r\nSet-Cookie: x\"é.csv")
	if strings.ContainsAny(got, "\r\n/") {
		t.Errorf("got %q", got)
	}
}

func TestFiltersAreChipsInTheAddress(t *testing.T) {
	r := httptest.NewRequest("GET", "/findings?severity=high&ip=192.0.2.1&sort=-age&after=cursor", nil)
	f := web.Sift(r, web.Field{Name: "severity", Label: "Severity", Type: "select", Options: []web.Option{{Value: "high", Label: "High"}}}, web.Field{Name: "ip", Label: "IP"})
	want := []web.Chip{
		{Label: "Severity", Value: "High", Remove: "/findings?ip=192.0.2.1&sort=-age"},
		{Label: "IP", Value: "192.0.2.1", Remove: "/findings?severity=high&sort=-age"},
	}
	if diff := cmp.Diff(want, f.Chips); diff != "" {
		t.Errorf("chips (-want +got):\n%s", diff)
	}
	if f.Clear != "/findings?sort=-age" {
		t.Errorf("got clear %q", f.Clear)
	}
	if diff := cmp.Diff([]web.Hidden{{Name: "sort", Value: "-age"}}, f.Keep); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if c := web.Sorts(r, "Age", "age"); c.Sorted != "descending" || c.Sort != "/findings?ip=192.0.2.1&severity=high&sort=age" {
		t.Errorf("got %+v", c)
	}
}

func TestHeatIsWeighedByLogarithm(t *testing.T) {
	h := web.Heat{Rows: []web.HeatRow{{Cells: []web.HeatCell{{N: 0}, {N: 1}, {N: 100}, {N: 300}, {N: 1000}}}}}
	h.Weigh()
	var got []int
	for _, c := range h.Rows[0].Cells {
		got = append(got, c.Weight)
	}
	if diff := cmp.Diff([]int{0, 1, 3, 4, 5}, got); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
}

func TestAnAPIRouteRefusesAsAProblemWhateverTheBrowserAccepts(t *testing.T) {
	_, h, _, err := build(t, []web.Route{{Method: "GET", Pattern: "/yard/data", Permission: "yard.see", API: true, Handler: func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Conflict, "fault.conflict", nil)
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for person, status := range map[string]int{"": 401, "ana": 409} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/yard/data", nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("X-Test-Person", person)
		h.ServeHTTP(w, r)
		if w.Code != status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%q: got %d %s, want %d as problem+json", person, w.Code, w.Header().Get("Content-Type"), status)
		}
	}
}

func BenchmarkAPageOfFiftyLines(b *testing.B) {
	var site *web.Site
	list := web.List{ID: "l", Caption: "Things", Total: web.Total{N: 50}}
	for _, c := range []string{"Number", "What", "Severity", "Organisation", "Address", "State", "Age"} {
		list.Columns = append(list.Columns, web.Column{Label: c})
	}
	for i := range 50 {
		list.Rows = append(list.Rows, web.Row{URL: "/x", Cells: []web.Cell{
			web.Anchor(fmt.Sprint(i), "/x"), web.Text("open Modbus"), web.Marked(web.Badge{Tone: "high", Word: "High"}), web.Anchor("Water", "/o"),
			web.Code("192.0.2.1"), web.Marked(web.Badge{Tone: "open", Word: "Open"}), web.Ago(noon.Add(-5 * time.Hour)),
		}})
	}
	show := func(w http.ResponseWriter, r *http.Request) error {
		return site.Page(w, r, 200, "yard/list", web.Page{Title: "Things", Data: list})
	}
	s, h, _, err := build(b, []web.Route{{Method: "GET", Pattern: "/list", Permission: web.Public, Handler: show}}, fstest.MapFS{"list.html": {Data: []byte(`{{template "list" .Data}}`)}})
	if err != nil {
		b.Fatal(err)
	}
	site = s
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/list", nil))
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
