package web

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/i18n"
	files "almenara.example/web"
)

func hour(h float64) time.Time {
	return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC).Add(time.Duration(h * float64(time.Hour)))
}

func points(pairs ...float64) (out []TimePoint) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, TimePoint{hour(pairs[i]), pairs[i+1]})
	}
	return out
}

func TestAStepHoldsUntilTheNext(t *testing.T) {
	for name, x := range map[string]struct {
		points []TimePoint
		want   string
		lost   float64
	}{
		"one only":                  {points(4, 0), "0-4 100, 4-24 0", 20},
		"none":                      {nil, "0-24 100", 0},
		"out of order":              {points(10, 100, 4, 0, 6, 50), "0-4 100, 4-6 0, 6-10 50, 10-24 100", 4},
		"the same instant":          {points(4, 0, 4, 50, 8, 100), "0-4 100, 4-8 50, 8-24 100", 2},
		"a correction entered late": {points(4, 0, 8, 100, 4, 50), "0-4 100, 4-8 50, 8-24 100", 2},
		"nothing changed":           {points(4, 50, 8, 50, 12, 100), "0-4 100, 4-12 50, 12-24 100", 4},
		"before the picture":        {points(-5, 40, -2, 20, 12, 100), "0-12 20, 12-24 100", 9.6},
		"after the picture":         {points(4, 0, 30, 100), "0-4 100, 4-24 0", 20},
		"at its end":                {points(4, 0, 24, 100), "0-4 100, 4-24 0", 20},
		"more than all":             {points(4, -3, 6, 130), "0-4 100, 4-6 0, 6-24 100", 2},
	} {
		var got []string
		lost := 0.0
		for _, l := range levels(x.points, hour(0), hour(24)) {
			got = append(got, fmt.Sprintf("%v-%v %v", l.from.Sub(hour(0)).Hours(), l.until.Sub(hour(0)).Hours(), l.percent))
			lost += l.lost()
		}
		if strings.Join(got, ", ") != x.want || math.Abs(lost-x.lost) > 1e-9 {
			t.Errorf("%s: got %s and %v h lost, want %s and %v", name, strings.Join(got, ", "), lost, x.want, x.lost)
		}
	}
}

func TestTheMeanCountsAServiceThatStartsLaterAsWhole(t *testing.T) {
	got := mean([]TimePanel{{Points: points(0, 0, 8, 100)}, {Points: points(6, 40, 4, 50)}})
	if d := cmp.Diff(points(0, 50, 4, 25, 6, 20, 8, 70), got); d != "" {
		t.Errorf("mean (-want +got):\n%s", d)
	}
}

func at(ts []tick, zone *time.Location, layout string) (out []string) {
	for _, t := range ts {
		out = append(out, t.at.In(zone).Format(layout))
	}
	return out
}

func TestTicksStandWherePeopleCount(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	kathmandu, err := time.LoadLocation("Asia/Kathmandu")
	if err != nil {
		t.Fatal(err)
	}
	day := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 20, 0, 0, madrid) }
	for name, x := range map[string]struct {
		from, until time.Time
		zone        *time.Location
		most        int
		layout      string
		want        string
	}{
		"an hour":              {day(2026, 11, 21, 3), day(2026, 11, 21, 4), madrid, 7, "15:04", "03:20 03:30 03:40 03:50 04:00 04:10 04:20"},
		"a night":              {day(2026, 11, 21, 20), day(2026, 11, 22, 7), madrid, 7, "15:04", "22:00 00:00 02:00 04:00 06:00"},
		"a zone of 45 minutes": {day(2026, 11, 21, 20), day(2026, 11, 22, 7), kathmandu, 7, "15:04", "02:00 04:00 06:00 08:00 10:00 12:00"},
		"the clock goes ahead": {day(2026, 3, 29, 0), day(2026, 3, 29, 6), madrid, 7, "15:04", "01:00 03:00 04:00 05:00 06:00"},
		"the clock goes back":  {day(2026, 10, 25, 0), day(2026, 10, 25, 5), madrid, 7, "15:04", "01:00 02:00 03:00 04:00 05:00"},
		"days over a change":   {day(2026, 3, 27, 0), day(2026, 3, 31, 0), madrid, 7, "2 15:04", "28 00:00 29 00:00 30 00:00 31 00:00"},
		"weeks":                {day(2026, 11, 1, 0), day(2026, 12, 7, 0), madrid, 7, "Mon 2", "Mon 2 Mon 9 Mon 16 Mon 23 Mon 30 Mon 7"},
		"400 days":             {day(2025, 11, 21, 0), day(2026, 12, 26, 0), madrid, 7, "2 Jan", "1 Jan 1 Mar 1 May 1 Jul 1 Sep 1 Nov"},
		"400 days, narrow":     {day(2025, 11, 21, 0), day(2026, 12, 26, 0), madrid, 3, "2 Jan", "1 Jan 1 Jul"},
		"20 years":             {day(2006, 11, 21, 0), day(2026, 12, 26, 0), madrid, 7, "2006", "2010 2015 2020 2025"},
		"nothing":              {day(2026, 11, 21, 0), day(2026, 11, 21, 0), madrid, 7, "2006", ""},
	} {
		if got := strings.Join(at(ticks(x.from, x.until, x.zone, x.most), x.zone, x.layout), " "); got != x.want {
			t.Errorf("%s: got %s, want %s", name, got, x.want)
		}
	}
}

func TestThereAreNeverTooManyTicksAndNearlyAlwaysSome(t *testing.T) {
	for span := 40 * time.Minute; span < 30*365*24*time.Hour; span = span * 7 / 5 {
		for _, most := range []int{3, 7} {
			n := len(ticks(hour(3.3), hour(3.3).Add(span), time.UTC, most))
			if n > most || n < 1 {
				t.Errorf("%v: got %d ticks, want 1 to %d", span, n, most)
			}
		}
	}
}

func TestMarksThatWouldTouchStandAboveEachOther(t *testing.T) {
	if d := cmp.Diff([]int{0, 1, 2, 0, 1}, lanes([]float64{10, 12, 11 + 3, 30, 31}, 9)); d != "" {
		t.Errorf("lanes (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]int{1, 0, 2, 2}, lanes([]float64{2, 1, 3, 4}, 9)); d != "" {
		t.Errorf("lanes out of order (-want +got):\n%s", d)
	}
}

func chartOf(panels ...TimePanel) TimeChart {
	return TimeChart{ID: "c", End: hour(20), Runs: true, Mean: "All", Panels: panels, Lost: func(h float64) string { return fmt.Sprintf("%.1f h", h) }}
}

func printer(t *testing.T, zone string) *i18n.Printer {
	t.Helper()
	words, err := i18n.New(i18n.Sub(files.Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return words.Printer("en").In(z)
}

func TestAPictureHasWhatItShowsInItsTable(t *testing.T) {
	c := chartOf(TimePanel{Name: "Water", Points: points(4, 0, 10, 60), Expected: hour(23)}, TimePanel{Name: "Power", Points: points(6, 50, 12, 100)})
	c.Marks = []TimeMark{{Label: "1", At: hour(9), Panel: 0}, {Label: "2", At: hour(30), Panel: -1}, {Label: "3", At: hour(9000), Panel: -1}, {Label: "4", Panel: -1}}
	p := c.Draw(printer(t, "Europe/Madrid"))
	var lost, table []string
	for _, one := range p.Panels {
		lost = append(lost, one.Name+" "+one.Lost)
	}
	for _, r := range p.Rows {
		until := "still"
		if !r.Until.IsZero() {
			until = fmt.Sprint(r.Until.Sub(hour(0)).Hours())
		}
		table = append(table, fmt.Sprintf("%s %v-%s %v %s", r.Name, r.From.Sub(hour(0)).Hours(), until, r.Percent, r.Lost))
	}
	if d := cmp.Diff([]string{"All 13.0 h", "Water 10.0 h", "Power 3.0 h"}, lost); d != "" {
		t.Errorf("lost (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"Water 4-10 0 6", "Water 10-still 0.6 4", "Power 6-12 0.5 3", "Power 12-still 1 0"}, table); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
	if len(p.Marks) != 2 || len(p.TimeChart.Marks) != 4 {
		t.Errorf("%d marks are drawn of %d, want two of four: one is too far ahead, one has no time", len(p.Marks), len(p.TimeChart.Marks))
	}
	if len(p.Panels[1].Hopes) != 2 || len(p.Panels[2].Hopes) != 0 || len(p.Panels[1].Guides) != 2 || len(p.Panels[2].Guides) != 1 {
		t.Errorf("hopes and guides: %+v", p.Panels)
	}
	if p.Zone != "CET (Europe/Madrid)" || p.Now == "" || p.Wide[0].Below == "" {
		t.Errorf("zone %q, now %q, first label %+v", p.Zone, p.Now, p.Wide[0])
	}
}

func TestAPictureOfOneServiceHasNoMeanAndOneOfNothingIsNone(t *testing.T) {
	c := chartOf(TimePanel{Name: "Water", Points: points(20, 0)})
	p := c.Draw(printer(t, "UTC"))
	if len(p.Panels) != 1 || p.Panels[0].Mean || len(p.Wide) == 0 {
		t.Errorf("got %+v", p)
	}
	if got := chartOf(TimePanel{Name: "Water"}).Draw(printer(t, "UTC")); got != nil {
		t.Errorf("got %+v, want none", got)
	}
	c.Panels[0].Points, c.Runs, c.End = points(0, 0, 24*200, 50, 24*400, 100), false, hour(24*400)
	p = c.Draw(printer(t, "Europe/Madrid"))
	if p.Now != "" || p.Zone != "CET, CEST (Europe/Madrid)" || len(p.Rows) != 2 || !strings.Contains(p.Wide[0].Label, "202") {
		t.Errorf("after 400 days: now %q, zone %q, %d rows, labels %+v", p.Now, p.Zone, len(p.Rows), p.Wide)
	}
}
