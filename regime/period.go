package regime

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Unit is the unit of a period.
type Unit string

// Units of periods.
const (
	Hour        Unit = "hour"
	Day         Unit = "day"
	WorkingDays Unit = "working day"
	Week        Unit = "week"
	Month       Unit = "month"
	Year        Unit = "year"
)

const maxPeriod = 1000 // of any unit

// Period is a length of time as a law writes it. The zero Period is none.
type Period struct {
	N    int
	Unit Unit
}

var periodForm = regexp.MustCompile(`^([1-9][0-9]{0,3}) ?(h|hour|day|working day|week|month|year)s?$`)

// ParsePeriod reads "24h", "24 hours", "3 days", "10 working days", "2 weeks",
// "1 month" or "1 year"; the number is from 1 to 1000.
func ParsePeriod(s string) (Period, error) {
	m := periodForm.FindStringSubmatch(s)
	if m == nil {
		return Period{}, fmt.Errorf("%s is not a period; write it as 24h, 3 days, 10 working days, 2 weeks, 1 month or 1 year", quoted(s))
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n > maxPeriod {
		return Period{}, fmt.Errorf("%s is longer than %d units", quoted(s), maxPeriod)
	}
	p := Period{n, Unit(m[2])}
	if p.Unit == "h" {
		p.Unit = Hour
	}
	return p, nil
}

// IsZero reports whether there is no period.
func (p Period) IsZero() bool { return p == Period{} }

// String is the form that [ParsePeriod] reads: "24h", "1 month", "3 days". No
// period is the empty text.
func (p Period) String() string {
	switch {
	case p.IsZero():
		return ""
	case p.Unit == Hour:
		return strconv.Itoa(p.N) + "h"
	}
	return p.words()
}

// words is the period as a sentence has it: "24 hours".
func (p Period) words() string {
	words := strconv.Itoa(p.N) + " " + string(p.Unit)
	if p.N > 1 {
		words += "s"
	}
	return words
}

// MarshalText writes [Period.String].
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what [Period.MarshalText] writes.
func (p *Period) UnmarshalText(text []byte) (err error) {
	if *p = (Period{}); len(text) > 0 {
		*p, err = ParsePeriod(string(text))
	}
	return err
}

// date is a day of the calendar.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time) date {
	y, m, d := t.Date()
	return date{y, m, d}
}

// plus is n days later.
func (d date) plus(n int) date {
	return dateOf(time.Date(d.year, d.month, d.day+n, 0, 0, 0, 0, time.UTC))
}

// plusMonths is the same day n months later, or the last day of that month when it
// has no such day; then clamped is true.
func (d date) plusMonths(n int) (later date, clamped bool) {
	first := time.Date(d.year, d.month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return date{first.Year(), first.Month(), min(d.day, last)}, d.day > last
}

func (d date) before(e date) bool {
	if d.year != e.year {
		return d.year < e.year
	}
	if d.month != e.month {
		return d.month < e.month
	}
	return d.day < e.day
}

func (d date) weekday() time.Weekday {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Weekday()
}

func (d date) iso() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

func (d date) String() string {
	return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC).Format("Mon 2006-01-02")
}

// begin is the first instant of the day in a zone. A day that the zone skips begins
// when the next one does.
func (d date) begin(loc *time.Location) time.Time {
	// Transitions of every zone in use are multiples of half an hour; walking in that
	// step finds the edge also where midnight is skipped or comes twice.
	const step = 30 * time.Minute
	t := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, loc)
	for dateOf(t).before(d) {
		t = t.Add(step)
	}
	for !dateOf(t.Add(-step)).before(d) {
		t = t.Add(-step)
	}
	return t
}

// end is the first instant after the day.
func (d date) end(loc *time.Location) time.Time { return d.plus(1).begin(loc) }

// at is the instant at which the clocks of the zone show the time of day of t on
// that day: the first when they show it twice. A time which they skip is read with
// the offset before the gap.
func (d date) at(t time.Time) time.Time {
	loc := t.Location()
	h, m, s := t.Clock()
	_, offset := time.Date(d.year, d.month, d.day-1, h, m, s, t.Nanosecond(), loc).Zone()
	early := time.Date(d.year, d.month, d.day, h, m, s-offset, t.Nanosecond(), time.UTC).In(loc)
	late := time.Date(d.year, d.month, d.day, h, m, s, t.Nanosecond(), loc)
	if !d.shows(early, t) && d.shows(late, t) {
		return late
	}
	return early
}

// shows tells whether u is on the day and at the time of day of t.
func (d date) shows(u, t time.Time) bool {
	uh, um, us := u.Clock()
	th, tm, ts := t.Clock()
	return dateOf(u) == d && uh == th && um == tm && us == ts
}
