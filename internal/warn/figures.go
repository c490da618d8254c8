package warn

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// AllSectors stands for every notice in figures by sector.
const AllSectors = "*"

// The spans and things that are counted.
const (
	spanQuarter = "quarter"
	spanWeek    = "week"

	figureSent     = "sent"
	figureAsked    = "asked"
	figureAnswered = "answered"
	figureInTime   = "in-time"
)

// QuarterOf is the quarter of a time, from its first moment to that of the next (UTC).
func QuarterOf(t time.Time) (from, to time.Time) {
	t = t.UTC()
	from = time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 3, 0)
}

// WeekOf is the Monday, 00:00 UTC, of the week of a time.
func WeekOf(t time.Time) time.Time {
	t = t.UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
}

// minuteBounds are the upper bounds by which times to answer are counted.
func minuteBounds() []int64 {
	const hour, day = 60, 24 * 60
	return []int64{
		5, 10, 15, 20, 30, 45, hour, 90, 2 * hour, 3 * hour, 4 * hour, 6 * hour, 8 * hour, 12 * hour, 18 * hour, day, 36 * hour,
		2 * day, 3 * day, 4 * day, 5 * day, 7 * day, 10 * day, 14 * day, 21 * day, 30 * day, 45 * day, 60 * day, 90 * day,
	}
}

// minutesBound is the least bound that a duration does not exceed.
func minutesBound(d time.Duration) int64 {
	bounds := minuteBounds()
	for _, b := range bounds {
		if d <= time.Duration(b)*time.Minute {
			return b
		}
	}
	return bounds[len(bounds)-1]
}

// FiguresSubscription hears of notices that left or bounced and of answers, and keeps
// the board's figures. A notice counts once, however often it was sent; of a warning
// an organisation counts once, from its first notice on.
func (w *Warn) FiguresSubscription() act.Subscription {
	return act.Subscription{
		Name:  "warn.figures",
		Kinds: []string{NoticesMoved{}.FactKind(), NoticeAnswered{}.FactKind()},
		Handle: func(ctx context.Context, tx *act.Tx, e act.Envelope) error {
			var ids []int64
			switch e.Kind {
			case NoticesMoved{}.FactKind():
				var f NoticesMoved
				if err := e.Decode(&f); err != nil {
					return err
				}
				ids = f.Notices
			case NoticeAnswered{}.FactKind():
				var f NoticeAnswered
				if err := e.Decode(&f); err != nil {
					return err
				}
				ids = []int64{f.Notice}
			}
			k := &counting{w: w, tx: tx, add: map[figureKey]int64{}}
			for some := range slices.Chunk(ids, 200) {
				if err := k.count(ctx, some); err != nil {
					return fmt.Errorf("count notices: %w", err)
				}
			}
			return k.write(ctx)
		},
	}
}

type figureKey struct {
	span     string
	begins   int64
	sector   string
	what     string
	strength string
	minutes  int64
}

// counting is one fact being counted.
type counting struct {
	w   *Warn
	tx  *act.Tx
	add map[figureKey]int64
}

// moved is what counts of a notice.
type moved struct {
	id, org, warning, step int64
	state                  State
	sent, answered         int64
	asked                  int64
}

func (k *counting) count(ctx context.Context, ids []int64) error {
	places, args := inList(ids, 1)
	all, err := sqldb.All(ctx, k.tx, func(r sqldb.Row) (m moved, err error) {
		return m, r.Scan(&m.id, &m.org, &m.warning, &m.step, &m.state, &m.sent, &m.answered, &m.asked)
	}, `select n.id, n.org_id, n.warning_id, n.step, n.state, n.sent_at, n.answered_at, coalesce(v.answer_within, 0)
		from warn_notice n left join warn_warning v on v.id = n.warning_id
		where n.id in (`+places+`) and not n.exercise and n.format = 'text' order by n.id`, args...)
	if err != nil || len(all) == 0 {
		return err
	}
	known, err := k.rows(ctx, all)
	if err != nil {
		return err
	}
	var fresh []moved
	for _, m := range all {
		switch {
		case m.state == Bounced:
			err = k.forget(ctx, known[m.id])
		case m.sent != 0 && len(known[m.id]) == 0 && m.answered == 0:
			fresh = append(fresh, m)
		case m.sent != 0 && len(known[m.id]) == 0: // answered before it was known to have left
			if err = k.insert(ctx, []moved{m}); err == nil {
				err = k.answer(ctx, m)
			}
		case m.answered != 0:
			err = k.answer(ctx, m)
		}
		if err != nil {
			return err
		}
	}
	return k.insert(ctx, fresh)
}

// timing is one row of the list behind the figures.
type timing struct {
	notice int64
	sector string
	first  bool
	org    int64
	sent   int64
	said   int64
	asked  int64
}

const timingColumns = `notice_id, sector, first, org_id, sent_at, answered_at, asked`

func scanTiming(r sqldb.Row) (t timing, err error) {
	return t, r.Scan(&t.notice, &t.sector, &t.first, &t.org, &t.sent, &t.said, &t.asked)
}

// rows are the rows that there are already, by notice; for a further notice of
// a warning, those of the organisation's first one.
func (k *counting) rows(ctx context.Context, all []moved) (map[int64][]timing, error) {
	ids := make([]int64, len(all))
	for i, m := range all {
		ids[i] = m.id
	}
	places, args := inList(ids, 1)
	list, err := sqldb.All(ctx, k.tx, scanTiming, `select `+timingColumns+` from warn_timing where notice_id in (`+places+`)`, args...)
	if err != nil {
		return nil, err
	}
	out := map[int64][]timing{}
	for _, t := range list {
		out[t.notice] = append(out[t.notice], t)
	}
	for _, m := range all {
		if m.warning == 0 || m.step == 0 || len(out[m.id]) > 0 {
			continue
		}
		if out[m.id], err = k.ofWarning(ctx, m); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (k *counting) ofWarning(ctx context.Context, m moved) ([]timing, error) {
	return sqldb.All(ctx, k.tx, scanTiming, `select `+timingColumns+` from warn_timing where notice_id in
		(select id from warn_notice where warning_id = $1 and org_id = $2)`, m.warning, m.org)
}

// insert keeps notices that left, each once per sector.
func (k *counting) insert(ctx context.Context, all []moved) error {
	var places []string
	var args []any
	for _, m := range all {
		info, _ := k.w.Constituency.Index().Org(m.org)
		sectors := info.Sectors
		if len(sectors) == 0 {
			sectors = []string{""}
		}
		k.counts(m.sent, append([]string{AllSectors}, sectors...), figureSent, "", 0, 1)
		k.week(m.sent, figureSent, 1)
		if m.asked > 0 {
			k.counts(m.sent, append([]string{AllSectors}, sectors...), figureAsked, "", 0, 1)
		}
		for i, s := range sectors {
			p, a := values(len(args), m.id, s, i == 0, m.org, m.sent, 0, 0, "", m.asked, false)
			places, args = append(places, p), append(args, a...)
		}
	}
	if len(places) == 0 {
		return nil
	}
	_, err := k.tx.ExecContext(ctx, `insert into warn_timing
		(notice_id, sector, first, org_id, sent_at, answered_at, minutes, strength, asked, in_time) values `+strings.Join(places, ", "), args...)
	return err
}

// forget takes a notice back that did not arrive.
func (k *counting) forget(ctx context.Context, rows []timing) error {
	for _, t := range rows {
		if t.said != 0 {
			return nil // somebody answered it all the same
		}
		sectors := []string{t.sector}
		if t.first {
			sectors = append(sectors, AllSectors)
			k.week(t.sent, figureSent, -1)
		}
		k.counts(t.sent, sectors, figureSent, "", 0, -1)
		if t.asked > 0 {
			k.counts(t.sent, sectors, figureAsked, "", 0, -1)
		}
		if _, err := k.tx.ExecContext(ctx, `delete from warn_timing where notice_id = $1 and sector = $2`, t.notice, t.sector); err != nil {
			return err
		}
	}
	return nil
}

// answer keeps the first answer of a notice, or of an organisation to a warning.
func (k *counting) answer(ctx context.Context, m moved) error {
	var rows []timing
	var err error
	if m.warning != 0 {
		rows, err = k.ofWarning(ctx, m)
	} else {
		rows, err = sqldb.All(ctx, k.tx, scanTiming, `select `+timingColumns+` from warn_timing where notice_id = $1`, m.id)
	}
	if err != nil || len(rows) == 0 || rows[0].said != 0 {
		return err
	}
	a, ok, err := sqldb.One(ctx, k.tx, scanAnswer, `select `+answerColumns+` from warn_answer where notice_id = $1 order by id limit 1`, m.id)
	if err != nil || !ok {
		return err
	}
	took := a.At.Sub(clock.FromMicros(rows[0].sent))
	minutes := minutesBound(took)
	inTime := rows[0].asked > 0 && took <= time.Duration(rows[0].asked)*time.Minute
	for _, t := range rows {
		sectors := []string{t.sector}
		if t.first {
			sectors = append(sectors, AllSectors)
			k.week(clock.Micros(a.At), figureAnswered, 1)
		}
		k.counts(t.sent, sectors, figureAnswered, string(a.Strength), minutes, 1)
		if inTime {
			k.counts(t.sent, sectors, figureInTime, string(a.Strength), 0, 1)
		}
	}
	_, err = k.tx.ExecContext(ctx, `update warn_timing set answered_at = $1, minutes = $2, strength = $3, in_time = $4 where notice_id = $5`,
		clock.Micros(a.At), minutes, string(a.Strength), inTime, rows[0].notice)
	return err
}

func (k *counting) counts(at int64, sectors []string, what, strength string, minutes, n int64) {
	from, _ := QuarterOf(clock.FromMicros(at))
	for _, s := range sectors {
		k.add[figureKey{spanQuarter, clock.Micros(from), s, what, strength, minutes}] += n
	}
}

func (k *counting) week(at int64, what string, n int64) {
	k.add[figureKey{spanWeek, clock.Micros(WeekOf(clock.FromMicros(at))), AllSectors, what, "", 0}] += n
}

func (k *counting) write(ctx context.Context) error {
	for f, n := range k.add {
		if _, err := k.tx.ExecContext(ctx, `insert into warn_figure (span, begins, sector, what, strength, minutes, n)
			values ($1, $2, $3, $4, $5, $6, $7) on conflict (span, begins, sector, what, strength, minutes)
			do update set n = warn_figure.n + excluded.n`, f.span, f.begins, f.sector, f.what, f.strength, f.minutes, n); err != nil {
			return fmt.Errorf("keep figures: %w", err)
		}
	}
	return nil
}

// inList writes places for a list of ids, numbered from a parameter on.
func inList(ids []int64, from int) (places string, args []any) {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = "$" + strconv.Itoa(from+i)
		args = append(args, id)
	}
	return strings.Join(list, ", "), args
}

// values writes one row of places after so many parameters.
func values(after int, args ...any) (string, []any) {
	list := make([]string, len(args))
	for i := range args {
		list[i] = "$" + strconv.Itoa(after+i+1)
	}
	return "(" + strings.Join(list, ", ") + ")", args
}
