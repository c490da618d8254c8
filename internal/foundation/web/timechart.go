package web

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"almenara.example/internal/foundation/i18n"
)

// TimeChart shows how much of several things works over time: a panel each and, of more
// than one, one for their mean. What is said holds until something else is said. It is
// drawn here, needs no script, and has a table behind it.
type TimeChart struct {
	ID     string
	Title  string // the finding, not the method
	Source string
	Mean   string                     // name of the panel of the mean
	Lost   func(hours float64) string // says the area above a curve
	Marked string                     // heading of the marks
	End    time.Time                  // until when the figures count
	Runs   bool                       // End is now, and it goes on
	Panels []TimePanel
	Marks  []TimeMark
}

// TimePanel is one thing. Before its first point it worked in full. Points may come in
// any order; of two at the same time the later in the list holds.
type TimePanel struct {
	Name     string
	Points   []TimePoint
	Expected time.Time // when it will work in full, as was told; zero: nobody said
}

// TimePoint is how much works from a time on.
type TimePoint struct {
	At      time.Time
	Percent float64
}

// TimeMark is something that was, or is to be, reached at a time.
type TimeMark struct {
	Label string // "1", as in the list of them
	Name  string
	At    time.Time
	Shape string // "reached", "ahead" or "missed"
	Word  string // the shape in a word
	Panel int    // whose, counted from 0; -1: of all
}

// level is what holds from one time to another.
type level struct {
	from, until time.Time
	percent     float64
}

// lost is the area above it, in hours of the whole thing.
func (l level) lost() float64 { return l.until.Sub(l.from).Hours() * (100 - l.percent) / 100 }

// sorted puts points in the order of time; of several at one time the last is kept.
func sorted(points []TimePoint) (out []TimePoint) {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b TimePoint) int { return a.At.Compare(b.At) })
	for i, p := range points {
		if i+1 < len(points) && points[i+1].At.Equal(p.At) {
			continue
		}
		p.Percent = min(max(p.Percent, 0), 100)
		out = append(out, p)
	}
	return out
}

// levels are the steps of a curve between two times, without gaps; neighbours differ.
func levels(points []TimePoint, from, until time.Time) (out []level) {
	now := level{from: from, percent: 100}
	for _, p := range sorted(points) {
		if !p.At.Before(until) {
			break
		}
		if p.At.After(now.from) && p.Percent != now.percent {
			now.until = p.At
			out, now.from = append(out, now), p.At
		}
		now.percent = p.Percent
	}
	if now.from.Before(until) {
		now.until = until
		out = append(out, now)
	}
	return out
}

// mean is how much works of all panels together, each counted alike.
func mean(panels []TimePanel) (out []TimePoint) {
	var times []time.Time
	all := make([][]TimePoint, len(panels))
	for i, p := range panels {
		all[i] = sorted(p.Points)
		for _, point := range all[i] {
			times = append(times, point.At)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for _, t := range slices.CompactFunc(times, time.Time.Equal) {
		sum := 0.0
		for i := range all {
			works := 100.0
			for _, p := range all[i] {
				if p.At.After(t) {
					break
				}
				works = p.Percent
			}
			sum += works
		}
		out = append(out, TimePoint{t, sum / float64(len(panels))})
	}
	return out
}

// reach is the time that the picture shows: from a little before the first point, so
// that the fall is seen, to the end, and on to what is told of the time after it, as long
// as that does not press the past together.
func (c *TimeChart) reach() (from, until time.Time) {
	for _, p := range c.Panels {
		for _, point := range p.Points {
			if from.IsZero() || point.At.Before(from) {
				from = point.At
			}
		}
	}
	length := max(c.End.Sub(from), time.Hour)
	until = from.Add(length)
	furthest := until.Add(max(length, 24*time.Hour))
	later := func(t time.Time) {
		if t.After(until) && t.Before(furthest) {
			until = t
		}
	}
	for _, p := range c.Panels {
		later(p.Expected)
	}
	for _, m := range c.Marks {
		later(m.At)
	}
	margin := until.Sub(from) / 25
	if until.After(c.End) {
		until = until.Add(margin)
	}
	return from.Add(-margin), until
}

// share is where a time lies between two others, in percent.
func share(t, from, until time.Time) float64 {
	return float64(t.Sub(from)) / float64(until.Sub(from)) * 100
}

// lanes puts marks that would touch above each other: a lane for each, from 0, at most
// three; further ones stay in the last.
func lanes(at []float64, gap float64) []int {
	const most = 3
	out := make([]int, len(at))
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
	ends := []float64{}
	for _, i := range order {
		n := slices.IndexFunc(ends, func(end float64) bool { return at[i] >= end })
		switch {
		case n < 0 && len(ends) < most:
			n, ends = len(ends), append(ends, 0)
		case n < 0:
			n = most - 1
		}
		ends[n], out[i] = at[i]+gap, n
	}
	return out
}

// TimePicture is a TimeChart with its measures: along in percent of the width, down in
// pixels. Make it with Draw.
type TimePicture struct {
	TimeChart
	Panels     []DrawnPanel
	Wide       []DrawnTick
	Narrow     []DrawnTick
	Marks      []DrawnMark
	MarkHeight int
	High       int    // of a panel, with the labels of its axis
	Now        string // where now is; empty when it is over
	Zone       string
	Rows       []TimeRow
}

// DrawnPanel is one panel.
type DrawnPanel struct {
	Name, Lost string
	Mean       bool
	Expected   time.Time
	Shades     []Shade
	Lines      []Line
	Hopes      []Line   // what is expected
	Guides     []string // where marks are
}

// Shade is a rectangle of what did not work.
type Shade struct {
	X, Width  string
	Y, Height float64
}

// Line is a piece of a curve.
type Line struct {
	X1, X2 string
	Y1, Y2 float64
}

// DrawnTick is a label of the axis; Below is on a second line.
type DrawnTick struct{ X, Label, Below string }

// DrawnMark is a mark with its place.
type DrawnMark struct {
	TimeMark
	X string
	Y int
}

// TimeRow is one line of the table behind the picture.
type TimeRow struct {
	Name        string
	From, Until time.Time // zero Until: it holds still
	Percent     float64   // a share of one
	Lost        string
}

// The measures of a panel in pixels: full and nothing.
const (
	fullY, noneY = 8.0, 88.0
	laneHigh     = 20
)

func depth(percent float64) float64 { return noneY - (noneY-fullY)*percent/100 }

func along(x float64) string { return fmt.Sprintf("%.3f%%", x) }

// Draw measures a chart out, in the printer's language and zone; nil without points.
func (c TimeChart) Draw(p *i18n.Printer) *TimePicture {
	if !slices.ContainsFunc(c.Panels, func(one TimePanel) bool { return len(one.Points) > 0 }) {
		return nil
	}
	from, until := c.reach()
	d := &TimePicture{TimeChart: c, Zone: p.Zones(from, until), High: noneY + 34}
	at := func(t time.Time) float64 { return share(t, from, until) }
	d.Wide, d.Narrow = labels(p, ticks(from, until, p.Zone(), 7), at), labels(p, ticks(from, until, p.Zone(), 3), at)
	if c.Runs {
		d.Now = along(at(c.End))
	}
	panels := c.Panels
	if len(panels) > 1 {
		panels = slices.Insert(slices.Clone(panels), 0, TimePanel{Name: c.Mean, Points: mean(c.Panels)})
	}
	for i, panel := range panels {
		one := DrawnPanel{Name: panel.Name, Mean: i == 0 && len(panels) > 1, Expected: panel.Expected}
		lost := one.draw(levels(panel.Points, from, c.End), at)
		if one.Mean {
			lost *= float64(len(c.Panels))
		}
		one.Lost = c.Lost(lost)
		if c.Runs && panel.Expected.After(c.End) && panel.Expected.Before(until) {
			one.hope(at(c.End), at(panel.Expected))
		}
		if !one.Mean {
			d.Rows = append(d.Rows, c.rows(p, panel, from)...)
		}
		d.Panels = append(d.Panels, one)
	}
	d.mark(at)
	return d
}

// Shapes are the marks that the picture has, one of each shape.
func (d *TimePicture) Shapes() (out []DrawnMark) {
	for _, m := range d.Marks {
		if !slices.ContainsFunc(out, func(o DrawnMark) bool { return o.Shape == m.Shape }) {
			out = append(out, m)
		}
	}
	return out
}

// draw puts the steps of a curve and the area above it, and returns the hours of that.
func (d *DrawnPanel) draw(ls []level, at func(time.Time) float64) (lost float64) {
	for i, l := range ls {
		x, end, y := at(l.from), at(l.until), depth(l.percent)
		lost += l.lost()
		if i > 0 {
			d.Lines = append(d.Lines, Line{along(x), along(x), depth(ls[i-1].percent), y})
		}
		d.Lines = append(d.Lines, Line{along(x), along(end), y, y})
		if l.percent < 100 {
			d.Shades = append(d.Shades, Shade{along(x), along(end - x), fullY, y - fullY})
		}
	}
	return lost
}

// hope draws what is expected: as it is until then, and then in full.
func (d *DrawnPanel) hope(now, then float64) {
	y := depth(100)
	if n := len(d.Lines); n > 0 {
		y = d.Lines[n-1].Y2
	}
	d.Hopes = []Line{{along(now), along(then), y, y}, {along(then), along(then), y, fullY}}
}

// mark places the marks that lie within the picture.
func (d *TimePicture) mark(at func(time.Time) float64) {
	var xs []float64
	for _, m := range d.TimeChart.Marks {
		x := at(m.At)
		if m.At.IsZero() || x < 0 || x > 100 {
			continue
		}
		xs = append(xs, x)
		d.Marks = append(d.Marks, DrawnMark{TimeMark: m, X: along(x)})
		extra := len(d.Panels) - len(d.TimeChart.Panels) // the mean stands before
		for i := range d.Panels {
			if m.Panel < 0 || i == m.Panel+extra {
				d.Panels[i].Guides = append(d.Panels[i].Guides, along(x))
			}
		}
	}
	high := 0
	for i, lane := range lanes(xs, 13) {
		d.Marks[i].Y = laneHigh/2 + lane*laneHigh
		high = max(high, (lane+1)*laneHigh)
	}
	d.MarkHeight = high
}

// labels writes ticks: the day stands below the first and wherever another begins.
func labels(p *i18n.Printer, ts []tick, at func(time.Time) float64) (out []DrawnTick) {
	day := ""
	for _, t := range ts {
		d := DrawnTick{X: along(at(t.at))}
		switch t.unit {
		case byClock:
			d.Label = t.at.In(p.Zone()).Format("15:04")
			if today := p.Day(t.at); today != day {
				d.Below, day = today, today
			}
		case byDay:
			d.Label = p.Day(t.at)
		case byMonth:
			d.Label = p.Month(t.at)
		case byYear:
			d.Label = t.at.In(p.Zone()).Format("2006")
		}
		out = append(out, d)
	}
	return out
}

// rows are the lines of the table of one panel, from its first point on.
func (c *TimeChart) rows(p *i18n.Printer, panel TimePanel, from time.Time) (out []TimeRow) {
	ls := levels(panel.Points, from, c.End)
	for i, l := range ls {
		if i == 0 && l.percent == 100 && len(ls) > 1 {
			continue // before anything happened
		}
		row := TimeRow{Name: panel.Name, From: l.from, Until: l.until, Percent: l.percent / 100, Lost: p.Decimal(l.lost(), 1)}
		if c.Runs && i == len(ls)-1 {
			row.Until = time.Time{}
		}
		out = append(out, row)
	}
	return out
}
