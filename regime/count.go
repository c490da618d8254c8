package regime

import (
	"fmt"
	"slices"
	"time"
)

// Calendar is the place in which a period is counted.
type Calendar struct {
	// Zone is the legal time. It may be nil for a regime that counts in UTC.
	Zone *time.Location
	// Holidays are those of the place where the report is to be made.
	Holidays Holidays
}

// Span is a time during which a period stood still, from From to before To.
type Span struct{ From, To time.Time }

// count counts periods by one law in one place, and tells how.
type count struct {
	rule     Counting
	loc      *time.Location
	weekend  []time.Weekday
	holidays Holidays
	pauses   []Span // in order of From; none where the law has no pause
	steps    []Step
}

func (c *count) say(s Step) { c.steps = append(c.steps, s) }

// period counts p from an instant. Within is the lawful end before any rule on
// working days: what happened until then happened within the period.
func (c *count) period(from Event, at time.Time, p Period, working WorkingDay) (e end, err error) {
	at = at.In(c.loc)
	var strict, lawful time.Time
	c.say(Step{Key: stepFrom, Event: from, At: at, Period: p})
	strict = c.exact(at, p)
	switch {
	case c.rule == Elapsed:
		lawful = strict
		c.say(Step{Key: stepElapsed, Period: p, At: strict})
	case p.Unit == Hour:
		lawful = c.hours(at, p)
	default:
		lawful = c.days(at, p)
	}
	if strict, lawful, err = c.pause(at, strict, lawful); err != nil {
		return end{}, err
	}
	if c.rule == Regulation1182 && p.Unit != Hour { // also after a pause it ends with a day
		lawful = dateOf(lawful.Add(-1)).end(c.loc)
	}
	return end{from: from, strict: strict, within: lawful, lawful: c.lastDay(at, lawful, p, working)}, nil
}

// exact is the instant exactly p after at: hours elapse, for other units the clocks
// show the same time of day.
func (c *count) exact(at time.Time, p Period) time.Time {
	if p.Unit == Hour {
		return at.Add(time.Duration(p.N) * time.Hour)
	}
	last, _ := c.last(dateOf(at), p)
	return last.at(at)
}

// last is the last day of a period that is not in hours, before any rule on working
// days; the day of the event is not counted. Clamped: the month has no such day.
func (c *count) last(day date, p Period) (last date, clamped bool) {
	switch p.Unit {
	case Week:
		return day.plus(7 * p.N), false
	case Month:
		return day.plusMonths(p.N)
	case Year:
		return day.plusMonths(12 * p.N)
	case WorkingDays:
		for range p.N {
			day = c.nextWorking(day)
		}
		return day, false
	default:
		return day.plus(p.N), false
	}
}

// hours counts by art. 3(1) and 3(2)(a): the hour of the event is not counted, the
// period begins with the next one and ends with the expiry of its last hour.
func (c *count) hours(at time.Time, p Period) time.Time {
	_, m, s := at.Clock()
	into := time.Duration(m)*time.Minute + time.Duration(s)*time.Second + time.Duration(at.Nanosecond())
	first := at.Add(time.Hour - into)
	end := first.Add(time.Duration(p.N) * time.Hour)
	c.say(Step{Key: stepExact, Period: p, At: at.Add(time.Duration(p.N) * time.Hour)})
	c.say(Step{Key: stepHours, Period: p, At: first, End: end})
	if first, last := dateOf(first), dateOf(end.Add(-1)); p.N >= 48 && c.working(first, last, 2) < 2 {
		c.say(Step{Key: stepFewWorking})
	}
	return end
}

// days counts by art. 3(1) and 3(2)(b) and (c): the day of the event is not
// counted, the period ends with the expiry of the last hour of its last day.
func (c *count) days(at time.Time, p Period) time.Time {
	event := dateOf(at)
	last, clamped := c.last(event, p)
	c.say(Step{Key: stepExact, Period: p, At: last.at(at)})
	if clamped {
		c.say(Step{Key: stepClamped, Day: last.iso(), Number: event.day})
	}
	c.say(Step{Key: stepDays, Day: last.iso()})
	return last.end(c.loc)
}

// pause moves both ends by the time that the period stood still.
func (c *count) pause(at, strict, lawful time.Time) (time.Time, time.Time, error) {
	s, err := c.extend(at, strict)
	if err != nil {
		return strict, lawful, err
	}
	l, err := c.extend(at, lawful)
	if err != nil {
		return strict, lawful, err
	}
	if !s.Equal(strict) || !l.Equal(lawful) {
		c.say(Step{Key: stepPaused, Took: l.Sub(lawful)})
	}
	return s, l, nil
}

// extend moves one end by the pauses that begin before it.
func (c *count) extend(at, end time.Time) (time.Time, error) {
	counted := at
	for _, p := range c.pauses {
		if !p.From.Before(end) {
			break
		}
		if p.To.IsZero() {
			return end, fmt.Errorf("%w since %s", ErrPaused, stamp(p.From.In(c.loc)))
		}
		from := p.From
		if from.Before(counted) {
			from = counted
		}
		if p.To.After(from) {
			end = end.Add(p.To.Sub(from))
			counted = p.To
		}
	}
	if end.Year() > maxYear {
		return end, fmt.Errorf("%w: the end is after the year %d", ErrTime, maxYear)
	}
	return end, nil
}

// lastDay applies the rules on working days to the lawful end.
func (c *count) lastDay(at, lawful time.Time, p Period, working WorkingDay) time.Time {
	if working == "" {
		working = WorkingDayNone
		if c.rule == Regulation1182 && p.Unit != Hour {
			working = WorkingDayNext
		}
	}
	last := dateOf(lawful.Add(-1))
	if working == WorkingDayNone {
		if free, name := c.off(last); free != "" {
			c.say(Step{Key: c.cited(stepStands, stepStands1182), Day: last.iso(), Free: free, Name: name})
		}
		return lawful
	}
	end := c.free(last, lawful, working)
	if c.rule == Regulation1182 && working == WorkingDayNext {
		end = c.twoWorkingDays(at, end, p)
	}
	c.coverage(dateOf(end.Add(-1)).year)
	return end
}

// free moves an end on a day that is no working day to the next working day.
func (c *count) free(last date, lawful time.Time, working WorkingDay) time.Time {
	reason, name := c.off(last)
	if reason == "" {
		return lawful
	}
	next := c.nextWorking(last)
	if working == WorkingDayNoon {
		noon := next.at(time.Date(next.year, next.month, next.day, 12, 0, 0, 0, c.loc))
		c.say(Step{Key: stepNoon, Day: last.iso(), Free: reason, Name: name, Next: next.iso()})
		return noon
	}
	c.say(Step{Key: c.cited(stepNext, stepNext1182), Day: last.iso(), Free: reason, Name: name, Next: next.iso()})
	return next.end(c.loc)
}

// twoWorkingDays applies art. 3(5). Months and years always have two.
func (c *count) twoWorkingDays(at, end time.Time, p Period) time.Time {
	if p.Unit != Week && (p.Unit != Day || p.N < 2) {
		return end
	}
	first, last := dateOf(at).plus(1), dateOf(end.Add(-1))
	n := c.working(first, last, 2)
	if n >= 2 {
		return end
	}
	for ; n < 2; n++ {
		last = c.nextWorking(last)
	}
	c.say(Step{Key: stepTwoWorking, Day: last.iso()})
	return last.end(c.loc)
}

// working counts the working days from first to last, up to enough.
func (c *count) working(first, last date, enough int) int {
	n := 0
	for d := first; !last.before(d) && n < enough; d = d.plus(1) {
		if free, _ := c.off(d); free == "" {
			n++
		}
	}
	return n
}

// nextWorking is the first working day after d. There is one: a week has a working
// day and a list of holidays ends.
func (c *count) nextWorking(d date) date {
	for {
		d = d.plus(1)
		if free, _ := c.off(d); free == "" {
			return d
		}
	}
}

// off says why a day is no working day, with the name of a holiday, or nothing.
func (c *count) off(d date) (free, name string) {
	if name, ok := c.holidays.names[d]; ok {
		return Holiday, name
	}
	if slices.Contains(c.weekend, d.weekday()) {
		return Weekend, ""
	}
	return "", ""
}

// coverage says when nobody has entered the holidays on which the answer rests.
func (c *count) coverage(year int) {
	switch {
	case c.holidays.Len() == 0:
		c.say(Step{Key: stepNoHolidays})
	case !c.holidays.Covers(year):
		c.say(Step{Key: stepUncovered, Number: year})
	}
}

// cited is the sentence that names a provision of Regulation 1182/71 where it is the law.
func (c *count) cited(plain, cites string) string {
	if c.rule == Regulation1182 {
		return cites
	}
	return plain
}

// stamp shows an instant in its zone.
func stamp(t time.Time) string {
	if t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format("Mon 2006-01-02 15:04 -07:00")
	}
	return t.Format("Mon 2006-01-02 15:04:05 -07:00")
}
