package web

import (
	"time"
)

// tick is one place on an axis of time. Unit says how much of it is worth saying.
type tick struct {
	at   time.Time
	unit tickUnit
}

// tickUnit is what the steps of an axis are counted in.
type tickUnit int

const (
	byClock tickUnit = iota
	byDay
	byMonth
	byYear
)

// pace is one spacing of ticks: n of a unit, of which one is about as long as each.
type pace struct {
	unit tickUnit
	n    int // minutes, days, months or years
	each time.Duration
}

// paces lists the spacings that people read without counting, closest first.
func paces() []pace {
	const day = 24 * time.Hour
	var out []pace
	for _, m := range []int{10, 15, 30, 60, 120, 180, 360, 720} {
		out = append(out, pace{byClock, m, time.Duration(m) * time.Minute})
	}
	for _, d := range []int{1, 2, 7, 14} {
		out = append(out, pace{byDay, d, time.Duration(d) * day})
	}
	for _, m := range []int{1, 2, 3, 6} {
		out = append(out, pace{byMonth, m, time.Duration(m) * 30 * day})
	}
	for _, y := range []int{1, 2, 5, 10} {
		out = append(out, pace{byYear, y, time.Duration(y) * 365 * day})
	}
	return out
}

// ticks are the places to label between two times, at most most of them: at full hours,
// midnights, Mondays, firsts of months of the zone. An hour that the zone skips has none,
// one that it has twice has one.
func ticks(from, until time.Time, zone *time.Location, most int) []tick {
	if !from.Before(until) || most < 1 {
		return nil
	}
	for _, p := range paces() {
		if until.Sub(from)/p.each > time.Duration(most) {
			continue
		}
		if out := p.ticks(from, until, zone); len(out) <= most {
			return out
		}
	}
	return nil
}

func (p pace) ticks(from, until time.Time, zone *time.Location) (out []tick) {
	for at := p.start(from.In(zone)); !at.After(until); at = p.next(at) {
		if p.unit != byClock {
			out = p.add(out, at, from, until)
			continue
		}
		for m := 0; m < 24*60; m += p.n { // through the day that begins here
			t := time.Date(at.Year(), at.Month(), at.Day(), 0, m, 0, 0, zone)
			if t.Hour()*60+t.Minute() == m {
				out = p.add(out, t, from, until)
			}
		}
	}
	return out
}

func (p pace) add(out []tick, at, from, until time.Time) []tick {
	if at.Before(from) || at.After(until) || len(out) > 0 && !at.After(out[len(out)-1].at) {
		return out
	}
	return append(out, tick{at, p.unit})
}

// start is a tick, or the midnight, that is not after a time.
func (p pace) start(t time.Time) time.Time {
	y, m, d := t.Date()
	switch p.unit {
	case byDay:
		if p.n >= 7 {
			d -= (int(t.Weekday()) + 6) % 7 // Monday
		}
	case byMonth:
		m, d = m-(m-1)%time.Month(p.n), 1
	case byYear:
		y, m, d = y-y%p.n, 1, 1
	case byClock:
	}
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

func (p pace) next(t time.Time) time.Time {
	y, m, d := t.Date()
	switch p.unit {
	case byDay:
		d += p.n
	case byMonth:
		m += time.Month(p.n)
	case byYear:
		y += p.n
	case byClock:
		d++
	}
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}
