package watch

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// foldSQL moves the changes of one delivery, for a range of findings, into their
// rows. A finding that somebody changed after the take-in keeps what it has: its
// changed_order is higher than the delivery's.
const foldSQL = `update watch_finding set
	state = c.to_state, severity = c.severity,
	last_at = case when c.last_at > watch_finding.last_at then c.last_at else watch_finding.last_at end,
	changed_order = $4
	from watch_change c
	where c.delivery_id = $1 and c.finding_id > $2 and c.finding_id <= $3 and c.act_order = 0
	and watch_finding.id = c.finding_id and watch_finding.state = c.from_state
	and watch_finding.changed_order < $4`

// fold moves the changes of a taken delivery into the rows, in bounded steps, and
// marks the delivery folded. It may be interrupted and repeated.
func (w *Watch) fold(ctx context.Context, d Delivery) error {
	last := int64(-1)
	for {
		var more bool
		err := w.acts.Step(ctx, "watch.fold", func(ctx context.Context, tx *act.Tx) error {
			upTo, ok, err := sqldb.One(ctx, tx, sqldb.Int64, `select max(finding_id) from (select finding_id
				from watch_change where delivery_id = $1 and finding_id > $2 and act_order = 0
				order by finding_id limit $3) as next having max(finding_id) is not null`, d.ID, last, stepRows)
			if err != nil {
				return err
			}
			if more = ok; !more {
				_, err = tx.ExecContext(ctx, `update watch_delivery set state = $1 where id = $2 and state = $3`,
					string(Folded), d.ID, string(Taken))
				return err
			}
			if _, err := tx.ExecContext(ctx, foldSQL, d.ID, last, upTo, d.ActOrder); err != nil {
				return err
			}
			if err := w.countOutcomes(ctx, tx, d, last, upTo); err != nil {
				return err
			}
			last = upTo
			return nil
		})
		if err != nil {
			return fmt.Errorf("fold delivery %d: %w", d.ID, err)
		}
		if !more {
			return nil
		}
	}
}

// countOutcomes adds to the board's figures how long the findings of a step that
// are gone had stood open, until the day whose scan did not show them: by
// organisation, day and power of two of hours.
func (w *Watch) countOutcomes(ctx context.Context, tx *act.Tx, d Delivery, after, upTo int64) error {
	if src, err := w.Source(ctx, tx, d.Source); err != nil || src.Exercise {
		return err
	}
	counts := map[[2]int64]int64{}
	err := sqldb.Each(ctx, tx, func(r sqldb.Row) error {
		var org, first int64
		if err := r.Scan(&org, &first); err != nil {
			return err
		}
		counts[[2]int64{org, hoursBucket(clock.FromMicros(first), d.Observed)}]++
		return nil
	}, `select f.org_id, f.first_at from watch_change c join watch_finding f on f.id = c.finding_id
		where c.delivery_id = $1 and c.finding_id > $2 and c.finding_id <= $3 and c.act_order = 0 and c.kind = $4`,
		d.ID, after, upTo, string(ChangeGone))
	if err != nil {
		return err
	}
	if len(counts) == 0 {
		return nil
	}
	if err := w.countByQuarter(ctx, tx, d, counts); err != nil {
		return err
	}
	for k, n := range counts {
		if _, err := tx.ExecContext(ctx, `insert into watch_outcome (org_id, day, hours, n) values ($1, $2, $3, $4)
			on conflict (org_id, day, hours) do update set n = watch_outcome.n + excluded.n`,
			k[0], clock.Micros(d.Observed), k[1], n); err != nil {
			return err
		}
	}
	return nil
}

// countByQuarter adds the same by sector and quarter, so that the board reads a few
// rows however many organisations and days there are. The first time it begins with
// what was counted by day before.
func (w *Watch) countByQuarter(ctx context.Context, tx *act.Tx, d Delivery, counts map[[2]int64]int64) error {
	type key struct {
		quarter, hours int64
		sector         string
	}
	sums := map[key]int64{}
	index := w.constituency.Index()
	add := func(org, day, hours, n int64) {
		info, _ := index.Org(org)
		for _, s := range sectorsOrNone(info.Sectors) {
			sums[key{clock.Micros(quarterOf(clock.FromMicros(day))), hours, s}] += n
		}
	}
	there, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from (select 1 from watch_outcome_quarter limit 1) q`)
	if err == nil && there == 0 {
		err = sqldb.Each(ctx, tx, func(r sqldb.Row) error {
			var org, day, hours, n int64
			if err := r.Scan(&org, &day, &hours, &n); err != nil {
				return err
			}
			add(org, day, hours, n)
			return nil
		}, `select org_id, day, hours, n from watch_outcome`)
	}
	if err != nil {
		return err
	}
	for k, n := range counts {
		add(k[0], clock.Micros(d.Observed), k[1], n)
	}
	for k, n := range sums {
		if _, err := tx.ExecContext(ctx, `insert into watch_outcome_quarter (quarter, sector, hours, n) values ($1, $2, $3, $4)
			on conflict (quarter, sector, hours) do update set n = watch_outcome_quarter.n + excluded.n`,
			k.quarter, k.sector, k.hours, n); err != nil {
			return err
		}
	}
	return nil
}

// hoursBucket is the power of two of hours at or above a duration.
func hoursBucket(from, to time.Time) int64 {
	h := int64(to.Sub(from) / time.Hour)
	b := int64(1)
	for b < h {
		b *= 2
	}
	return b
}

// overlay applies what is taken in but not folded yet to findings about to be
// shown, so that a reader never waits for the fold.
func (w *Watch) overlay(ctx context.Context, r sqldb.Reader, fs []Finding) error {
	if len(fs) == 0 {
		return nil
	}
	at := make(map[int64]*Finding, len(fs))
	args := make([]any, len(fs))
	for i := range fs {
		at[fs[i].ID], args[i] = &fs[i], fs[i].ID
	}
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id, last, order, changed int64
		var from, to State
		var sev Severity
		if err := row.Scan(&id, &from, &to, &sev, &last, &order, &changed); err != nil {
			return err
		}
		f := at[id]
		if f.State != from || changed >= order {
			return nil
		}
		f.State, f.Severity = to, sev
		if t := clock.FromMicros(last); t.After(f.Last) {
			f.Last = t
		}
		return nil
	}, `select c.finding_id, c.from_state, c.to_state, c.severity, c.last_at, d.act_order, f.changed_order
		from watch_change c join watch_delivery d on d.id = c.delivery_id
		join watch_finding f on f.id = c.finding_id
		where d.state = 'taken' and c.act_order = 0 and c.finding_id in `+sqldb.In(1, len(args))+`
		order by d.act_order`, args...)
}
