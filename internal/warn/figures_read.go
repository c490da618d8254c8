package warn

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Figures is the picture of notices and answers: the quarter that runs beside the one
// before, and the last weeks. It holds neither exercises nor what owes no answer.
type Figures struct {
	At        time.Time
	Quarter   time.Time // when the quarter began that runs
	Before    time.Time // when the one before began
	All       SectorTiming
	Sectors   []SectorTiming // slowest this quarter first
	Strengths []StrengthCount
	Weeks     []Week // oldest first, the last one runs
}

// SectorTiming is how a sector answers, in the quarter that runs and the one before.
type SectorTiming struct {
	Sector string // '' for organisations without one
	Now    Timing
	Before Timing
}

// Timing sums notices up. Median is the time within which half of the first answers
// came, an upper bound; 0 without answers.
type Timing struct {
	Sent, Answered int64
	Median         time.Duration
	Asked, InTime  int64 // with a time to answer within, and answered within it
}

// StrengthCount is first answers of one strength to notices of the quarter that runs.
type StrengthCount struct {
	Strength Strength
	Answered int64
	InTime   int64
}

// Week is what left and what was answered for the first time within a week.
type Week struct {
	Begins   time.Time // Monday, 00:00 UTC
	Sent     int64
	Answered int64
}

// figureRow is one count.
type figureRow struct {
	begins   int64
	sector   string
	what     string
	strength Strength
	minutes  int64
	n        int64
}

func scanFigure(r sqldb.Row) (f figureRow, err error) {
	return f, r.Scan(&f.begins, &f.sector, &f.what, &f.strength, &f.minutes, &f.n)
}

// weeksShown is how many weeks the trend has.
const weeksShown = 12

// Figures sums up how notices are answered. It reads counters only.
func (w *Warn) Figures(ctx context.Context, r sqldb.Reader) (f Figures, err error) {
	f.At = w.Acts.Clock().Now()
	f.Quarter, _ = QuarterOf(f.At)
	f.Before = f.Quarter.AddDate(0, -3, 0)
	rows, err := sqldb.All(ctx, r, scanFigure, `select begins, sector, what, strength, minutes, n from warn_figure
		where span = 'quarter' and begins in ($1, $2) and n > 0`, clock.Micros(f.Quarter), clock.Micros(f.Before))
	if err != nil {
		return f, fmt.Errorf("read figures: %w", err)
	}
	sums := map[string]*[2]tally{}
	strengths := map[Strength]*StrengthCount{}
	for _, one := range rows {
		if sums[one.sector] == nil {
			sums[one.sector] = &[2]tally{}
		}
		when := 0
		if one.begins == clock.Micros(f.Before) {
			when = 1
		}
		sums[one.sector][when].take(one)
		if one.sector == AllSectors && when == 0 && one.strength != "" {
			if strengths[one.strength] == nil {
				strengths[one.strength] = &StrengthCount{Strength: one.strength}
			}
			if one.what == figureInTime {
				strengths[one.strength].InTime += one.n
			} else {
				strengths[one.strength].Answered += one.n
			}
		}
	}
	for sector, s := range sums {
		t := SectorTiming{Sector: sector, Now: s[0].timing(), Before: s[1].timing()}
		if sector == AllSectors {
			f.All = t
		} else {
			f.Sectors = append(f.Sectors, t)
		}
	}
	slices.SortFunc(f.Sectors, func(a, b SectorTiming) int {
		return cmp.Or(cmp.Compare(b.Now.Median, a.Now.Median), cmp.Compare(a.Sector, b.Sector))
	})
	for _, s := range slices.Backward(Strengths()) {
		if c := strengths[s]; c != nil {
			f.Strengths = append(f.Strengths, *c)
		}
	}
	f.Weeks, err = w.weeks(ctx, r, f.At)
	return f, err
}

// tally sums the counts of one quarter up.
type tally struct {
	t       Timing
	buckets map[int64]int64
}

func (y *tally) take(f figureRow) {
	switch f.what {
	case figureSent:
		y.t.Sent += f.n
	case figureAsked:
		y.t.Asked += f.n
	case figureInTime:
		y.t.InTime += f.n
	case figureAnswered:
		if y.buckets == nil {
			y.buckets = map[int64]int64{}
		}
		y.t.Answered += f.n
		y.buckets[f.minutes] += f.n
	}
}

func (y *tally) timing() Timing {
	left := (y.t.Answered + 1) / 2
	for _, m := range minuteBounds() {
		if left -= y.buckets[m]; left <= 0 && y.t.Answered > 0 {
			y.t.Median = time.Duration(m) * time.Minute
			break
		}
	}
	return y.t
}

func (w *Warn) weeks(ctx context.Context, r sqldb.Reader, now time.Time) ([]Week, error) {
	last := WeekOf(now)
	out := make([]Week, weeksShown)
	for i := range out {
		out[i].Begins = last.AddDate(0, 0, 7*(i-weeksShown+1))
	}
	rows, err := sqldb.All(ctx, r, scanFigure, `select begins, sector, what, strength, minutes, n from warn_figure
		where span = 'week' and begins >= $1`, clock.Micros(out[0].Begins))
	if err != nil {
		return nil, fmt.Errorf("read figures by week: %w", err)
	}
	for _, f := range rows {
		at := slices.IndexFunc(out, func(k Week) bool { return clock.Micros(k.Begins) == f.begins })
		switch {
		case at < 0: // a clock that was set back
		case f.what == figureSent:
			out[at].Sent = f.n
		case f.what == figureAnswered:
			out[at].Answered = f.n
		}
	}
	return out, nil
}

// TimingFilter says which notices to list: those behind one figure.
type TimingFilter struct {
	From, To   time.Time // when they left; with ByAnswer when they were answered first
	ByAnswer   bool
	Sector     string // AllSectors, a code, or '' for organisations without one
	Answered   bool
	Strength   Strength
	Asked      bool // an answer was asked for within a time
	InTime     bool
	Before     int64 // micros and notice of the last row seen, 0 the start
	BeforeSent int64
	Limit      int // default 50
}

// Timed is a notice in such a list.
type Timed struct {
	Notice     int64
	Org        int64
	SentAt     time.Time
	AnsweredAt time.Time
	Strength   Strength
	Within     time.Duration // asked for, 0 none
	InTime     bool
}

// condition writes the filter.
func (f TimingFilter) condition() (where string, args []any) {
	put := func(condition string, arg any) {
		if where != "" {
			where += " and "
		}
		args = append(args, arg)
		where += condition + "$" + strconv.Itoa(len(args))
	}
	column := "sent_at"
	if f.ByAnswer {
		column = "answered_at"
	}
	if f.Sector == AllSectors {
		put("first = ", true)
	} else {
		put("sector = ", f.Sector)
	}
	put(column+" >= ", clock.Micros(f.From))
	put(column+" < ", clock.Micros(f.To))
	if f.Answered {
		put("answered_at > ", 0)
	}
	if f.Strength != "" {
		put("strength = ", string(f.Strength))
	}
	if f.Asked {
		put("asked > ", 0)
	}
	if f.InTime {
		put("in_time = ", true)
	}
	return where, args
}

// Timed lists the notices behind a figure, the last one first, and how many there are
// in all; more than 10,000 are not counted.
func (w *Warn) Timed(ctx context.Context, r sqldb.Reader, f TimingFilter) (out []Timed, total int64, err error) {
	where, args := f.condition()
	if total, _, err = sqldb.One(ctx, r, sqldb.Int64, `select count(*) from (select 1 from warn_timing where `+where+` limit 10001) q`, args...); err != nil {
		return nil, 0, fmt.Errorf("count notices: %w", err)
	}
	column := "sent_at"
	if f.ByAnswer {
		column = "answered_at"
	}
	if f.Before != 0 {
		n := len(args)
		args = append(args, f.BeforeSent, f.Before)
		at, id := "$"+strconv.Itoa(n+1), "$"+strconv.Itoa(n+2)
		where += ` and (` + column + ` < ` + at + ` or ` + column + ` = ` + at + ` and notice_id < ` + id + `)`
	}
	limit := f.Limit
	if limit <= 0 {
		limit = 50
	}
	out, err = sqldb.All(ctx, r, func(row sqldb.Row) (t Timed, err error) {
		var sent, answered, asked int64
		err = row.Scan(&t.Notice, &t.Org, &sent, &answered, &t.Strength, &asked, &t.InTime)
		t.SentAt, t.AnsweredAt, t.Within = clock.FromMicros(sent), clock.FromMicros(answered), time.Duration(asked)*time.Minute
		return t, err
	}, `select notice_id, org_id, sent_at, answered_at, strength, asked, in_time from warn_timing where `+where+
		` order by `+column+` desc, notice_id desc limit `+strconv.Itoa(min(limit, 1000)), args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list notices: %w", err)
	}
	return out, total, nil
}
