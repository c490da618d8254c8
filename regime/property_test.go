package regime_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"almenara.example/regime"
)

// zones have daylight saving in both hemispheres, changes at midnight and of half an
// hour, and offsets that are no whole hours.
func zones() []string {
	return []string{
		"UTC", "Europe/Madrid", "Europe/Helsinki", "Atlantic/Azores", "America/New_York", "America/Havana", "America/Sao_Paulo",
		"Asia/Beirut", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Africa/Casablanca",
	}
}

func instant(t *rapid.T, label string) time.Time {
	from, to := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC)
	return time.Unix(rapid.Int64Range(from.Unix(), to.Unix()).Draw(t, label), 0)
}

// place is a calendar with some holidays around an instant.
func place(t *rapid.T, tb testing.TB, near time.Time) regime.Calendar {
	text := ""
	for _, n := range rapid.SliceOfN(rapid.IntRange(-3, 60), 0, 20).Draw(t, "holidays") {
		text += near.AddDate(0, 0, n).Format(time.DateOnly) + "\n"
	}
	return regime.Calendar{Zone: zone(tb, rapid.SampledFrom(zones()).Draw(t, "zone")), Holidays: holidays(tb, text)}
}

func answer(t *rapid.T, r regime.Regime, at time.Time, cal regime.Calendar) regime.Due {
	due, err := r.Due("s", regime.Anchors{At: map[regime.Event]time.Time{regime.Awareness: at}}, cal)
	if err != nil {
		t.Fatal(err)
	}
	return due
}

func TestHoursMoveWithTheAnchorAndLawIsNeverStricterThanTheClock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(rt, "hours")
		r := law(t, "1182/71", fmt.Sprintf("%dh", n), "")
		at := instant(rt, "at")
		later := at.Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(rt, "later")))
		cal := place(rt, t, at)
		a, b := answer(rt, r, at, cal), answer(rt, r, later, cal)
		if want := at.Add(time.Duration(n) * time.Hour); !a.Strict.Equal(want) {
			rt.Errorf("got strict %s, want exactly %s", a.Strict, want)
		}
		if d := a.Lawful.Sub(a.Strict); d <= 0 || d > time.Hour {
			rt.Errorf("got lawful %s after strict, want more than nothing and at most an hour", d)
		}
		if b.Strict.Before(a.Strict) || b.Lawful.Before(a.Lawful) {
			rt.Errorf("a later event is due earlier: %s and %s before %s and %s", b.Strict, b.Lawful, a.Strict, a.Lawful)
		}
	})
}

func TestALaterEventIsNeverLawfullyDueEarlier(t *testing.T) {
	units := []string{"day", "working day", "week", "month", "year"}
	rapid.Check(t, func(rt *rapid.T) {
		period := fmt.Sprintf("%d %ss", rapid.IntRange(1, 20).Draw(rt, "n"), rapid.SampledFrom(units).Draw(rt, "unit"))
		working := rapid.SampledFrom([]string{"", `working_day = "none"`, `working_day = "noon"`, `working_day = "next-working-day"`}).Draw(rt, "working")
		r := law(t, "1182/71", period, working)
		at := instant(rt, "at")
		later := at.Add(time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(rt, "later")))
		cal := place(rt, t, at)
		a, b := answer(rt, r, at, cal), answer(rt, r, later, cal)
		if a.Lawful.Before(a.Strict) || !a.Strict.After(at) {
			rt.Errorf("%s: got strict %s and lawful %s after %s, want them in order", period, a.Strict, a.Lawful, at)
		}
		if b.Lawful.Before(a.Lawful) {
			rt.Errorf("%s: %s is due at %s, before %s at %s", period, later, b.Lawful, at, a.Lawful)
		}
	})
}

func TestAPeriodEndsOnAWorkingDayWithTwoInside(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := law(t, "1182/71", fmt.Sprintf("%d days", rapid.IntRange(2, 12).Draw(rt, "days")), "")
		at := instant(rt, "at")
		cal := place(rt, t, at)
		due := answer(rt, r, at, cal)
		last := due.Lawful.Add(-1)
		if !works(cal, last) {
			rt.Errorf("%s ends on %s, want a working day", at, last)
		}
		n := 0
		for y, m, d := at.In(cal.Zone).Date(); ; n++ {
			day := time.Date(y, m, d+1+n, 12, 0, 0, 0, cal.Zone)
			if day.After(last.Add(12 * time.Hour)) {
				rt.Errorf("from %s to %s there are fewer than two working days", at, last)
			}
			if works(cal, day) && worksBefore(cal, at, day) {
				return
			}
		}
	})
}

func works(cal regime.Calendar, day time.Time) bool {
	_, holiday := cal.Holidays.On(day)
	return !holiday && day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
}

// worksBefore tells whether there is a working day between the day of at and day.
func worksBefore(cal regime.Calendar, at, day time.Time) bool {
	y, m, d := at.In(cal.Zone).Date()
	for n := 1; ; n++ {
		between := time.Date(y, m, d+n, 12, 0, 0, 0, cal.Zone)
		if !between.Before(day) {
			return false
		}
		if works(cal, between) {
			return true
		}
	}
}

func TestAPauseNeverBringsAnEndForward(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		period := rapid.SampledFrom([]string{"24h", "72h", "3 days", "1 month"}).Draw(rt, "period")
		r := law(t, "1182/71", period, `pause = "while-clarification"`)
		at := instant(rt, "at")
		cal := place(rt, t, at)
		plain := answer(rt, r, at, cal)
		a := regime.Anchors{At: map[regime.Event]time.Time{regime.Awareness: at}}
		var sum time.Duration
		for range rapid.IntRange(0, 5).Draw(rt, "pauses") {
			from := at.Add(time.Duration(rapid.IntRange(-48, 200).Draw(rt, "from")) * time.Hour)
			long := time.Duration(rapid.IntRange(0, 100).Draw(rt, "long")) * time.Hour
			a.Paused = append(a.Paused, regime.Span{From: from, To: from.Add(long)})
			sum += long
		}
		due, err := r.Due("s", a, cal)
		if err != nil {
			rt.Fatal(err)
		}
		if due.Strict.Before(plain.Strict) || due.Lawful.Before(plain.Lawful) || due.Lawful.Before(due.Strict) {
			rt.Errorf("got strict %s and lawful %s, want neither before %s and %s", due.Strict, due.Lawful, plain.Strict, plain.Lawful)
		}
		if due.Strict.After(plain.Strict.Add(sum)) {
			rt.Errorf("got strict %s, want at most %s of pauses after %s", due.Strict, sum, plain.Strict)
		}
	})
}
