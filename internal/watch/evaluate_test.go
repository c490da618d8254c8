package watch

import (
	"slices"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"pgregory.net/rapid"
)

// arrivedSet is a delivery as the rule sees it.
type arrivedSet struct {
	day    int
	proves bool
	shows  []uint32
}

func dayN(n int) time.Time { return time.Date(2026, 11, 1+n, 0, 0, 0, 0, time.UTC) }

// plainlyGone is the rule in words, for one finding: it was seen, and on at least
// n distinct proving days later than the last day on which it was seen.
func plainlyGone(all []arrivedSet, id uint32, n int) bool {
	last := -1
	for _, a := range all {
		if slices.Contains(a.shows, id) {
			last = max(last, a.day)
		}
	}
	later := map[int]bool{}
	for _, a := range all {
		if a.proves && a.day > last {
			later[a.day] = true
		}
	}
	return last >= 0 && len(later) >= n
}

// TestEvaluateFollowsTheRuleInAnyOrderOfArrival lets deliveries arrive in any order
// of their days and compares the states with the rule applied to all of them.
func TestEvaluateFollowsTheRuleInAnyOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 3).Draw(t, "n")
		var all []arrivedSet
		s := &streamState{}
		open, gone := roaring.New(), roaring.New()
		for i := range rapid.IntRange(1, 12).Draw(t, "deliveries") {
			a := arrivedSet{
				day: rapid.IntRange(0, 7).Draw(t, "day"), proves: rapid.IntRange(0, 3).Draw(t, "proves") > 0,
				shows: rapid.SliceOfNDistinct(rapid.Uint32Range(1, 6), 0, 6, rapid.ID).Draw(t, "shows"),
			}
			newest := !slices.ContainsFunc(all, func(o arrivedSet) bool { return o.day >= a.day })
			all = append(all, a)
			this := roaring.BitmapOf(a.shows...)
			s.add(presence{delivery: int64(i + 1), observed: dayN(a.day), proves: a.proves, set: this})
			for j := range s.presences { // the test keeps every set; the store loads them
				p := &s.presences[j]
				p.set = roaring.BitmapOf(all[p.delivery-1].shows...)
			}
			opened := roaring.AndNot(this, roaring.Or(open, gone))
			open.Or(opened)
			v := evaluate(evaluation{
				presences: s.presences, needed: n, byAbsence: true, newest: newest, this: this, open: open, gone: gone,
				other: roaring.New(), weak: roaring.New(), blocked: roaring.New(),
			})
			back := roaring.Or(v.reopened, v.corrected)
			open.AndNot(v.gone)
			open.Or(back)
			gone.Or(v.gone)
			gone.AndNot(back)
			for id := uint32(1); id <= 6; id++ {
				if got, want := gone.Contains(id), plainlyGone(all, id, n); got != want {
					t.Fatalf("after %+v: finding %d gone is %v, the rule says %v", all, id, got, want)
				}
			}
		}
	})
}

func TestWeakAndBlockedFindingsAreNeverProvenAbsent(t *testing.T) {
	e := evaluation{
		presences: []presence{
			{delivery: 1, observed: dayN(0), proves: true, set: roaring.BitmapOf(1, 2, 3)},
			{delivery: 2, observed: dayN(1), proves: true, set: roaring.New()},
		},
		needed: 1, byAbsence: true, newest: true, this: roaring.New(), open: roaring.BitmapOf(1, 2, 3),
		gone: roaring.New(), other: roaring.New(), weak: roaring.BitmapOf(1), blocked: roaring.BitmapOf(2),
	}
	if v := evaluate(e); !v.gone.Equals(roaring.BitmapOf(3)) {
		t.Errorf("gone are %v, want only 3", v.gone)
	}
	e.byAbsence = false
	if v := evaluate(e); !v.gone.IsEmpty() {
		t.Errorf("a stream that does not close by absence has gone findings: %v", v.gone)
	}
}

func TestProofHasItsReasons(t *testing.T) {
	full := Stream{FullScan: true, ClosesBy: ByAbsence}
	week := []presence{{rows: 100}, {rows: 120}, {rows: 80}}
	for _, c := range []struct {
		name    string
		s       Stream
		lost    bool
		c       Counts
		earlier []presence
		want    string
		// lines that stand inside other rows' cells
		swallowed int64
	}{
		{"a usual full scan proves", full, false, Counts{Rows: 90}, week, "", 0},
		{"half the median proves", full, false, Counts{Rows: 50}, week, "", 0},
		{"below half the median does not", full, false, Counts{Rows: 49}, week, provesFewRows, 0},
		{"the second delivery is not compared", full, false, Counts{Rows: 1}, week[:1], "", 0},
		{"the third is", full, false, Counts{Rows: 1}, week[:2], provesFewRows, 0},
		{"a fifth in quarantine proves", full, false, Counts{Rows: 100, Quarantined: 20}, week, "", 0},
		{"more than a fifth does not", full, false, Counts{Rows: 100, Quarantined: 21}, week, provesQuarantine, 0},
		{"a lost key column does not", full, true, Counts{Rows: 100}, week, provesLostKey, 0},
		{"no full scan does not", Stream{ClosesBy: ByAbsence}, false, Counts{Rows: 100}, week, provesNotFull, 0},
		{"events do not", Stream{ClosesBy: ByExpiry}, false, Counts{Rows: 100}, week, provesNotByAbsence, 0},
		{"many lines inside other rows do not", full, false, Counts{Rows: 70}, week, provesSwallowed, 30},
		{"an empty full scan after full ones does not", full, false, Counts{}, week, provesFewRows, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			proves, why := proof(c.s, c.lost, c.c.Rows+c.swallowed, c.c, c.earlier)
			if why != c.want || proves != (c.want == "") {
				t.Errorf("got %v %q, want %q", proves, why, c.want)
			}
		})
	}
}
