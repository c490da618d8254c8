package outbound

import (
	"testing"
	"time"
)

func TestTheLineRestsLongerAfterEachFailureAndNotAtAllAfterTheClockWasSetBack(t *testing.T) {
	var l line
	hour := func(int) time.Duration { return time.Hour }
	doubled := func(n int) time.Duration { return time.Minute << (n - 1) }
	now := time.Date(2026, 11, 28, 3, 10, 0, 0, time.UTC)
	for i, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, longestRest, longestRest} {
		if l.note(now, "no route to host", doubled); l.rests(now) != want {
			t.Errorf("after failure %d the line rests for %s, want %s", i+1, l.rests(now), want)
		}
	}
	if l.since != now || l.why != "no route to host" {
		t.Errorf("the line is told to be down since %s: %q", l.since, l.why)
	}
	if l.note(now, "no route to host", hour); l.rests(now.Add(-7*24*time.Hour)) != 0 {
		t.Error("the line rests after the clock was set back by a week")
	}
	if l.note(now, "", nil); l.rests(now) != 0 || !l.since.IsZero() {
		t.Error("the line rests after the server took a message")
	}
}
