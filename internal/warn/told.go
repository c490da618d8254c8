package warn

import (
	"context"
	"fmt"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/watch"
)

// telling is when a finding was told last, and how grave it was then.
type telling struct {
	at       time.Time
	severity watch.Severity
}

// toldSet is what an organisation was told, by finding.
type toldSet map[int64]telling

// recently tells whether a finding was told within its interval and has not got
// worse since. An interval of 0 means that it is never told again.
func (t toldSet) recently(f watch.Finding, now time.Time, every time.Duration) bool {
	last, ok := t[f.ID]
	if !ok || f.Severity > last.severity && last.severity != watch.NoSeverity {
		return false
	}
	return every == 0 || now.Sub(last.at) < every
}

// toldTo returns what an organisation was told since a time, and by notices that
// still wait. What never left was not told.
func (w *Warn) toldTo(ctx context.Context, r sqldb.Reader, org int64, since time.Time) (toldSet, error) {
	out := toldSet{}
	notices, err := sqldb.All(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice
		where org_id = $1 and drafted_at >= $2 and warning_id = 0 and state not in ('no-contact', 'withheld') order by id`,
		org, clock.Micros(since))
	if err != nil {
		return nil, fmt.Errorf("read what organisation %d was told: %w", org, err)
	}
	for _, n := range notices {
		for i, f := range n.Findings {
			out[f] = telling{n.DraftedAt, severityAt(n, i)}
		}
	}
	return out, nil
}

// lookBack is how far the tellings go back of which something may be told again.
const lookBack = 400 * 24 * time.Hour

// workRepeat tells again what is still open when its interval is over.
func (w *Warn) workRepeat(ctx context.Context, _ struct{}, _ jobs.Try) error {
	rules, err := w.RulesNow(ctx, w.read)
	if err != nil {
		return err
	}
	since := w.Acts.Clock().Now().Add(-lookBack)
	orgs, err := sqldb.All(ctx, w.read, sqldb.Int64, `select distinct org_id from warn_notice
		where drafted_at >= $1 and warning_id = 0 and not again order by org_id`, clock.Micros(since))
	if err != nil {
		return fmt.Errorf("read who was told: %w", err)
	}
	for _, org := range orgs {
		if err := w.repeatTo(ctx, rules, org, since); err != nil {
			return err
		}
	}
	return nil
}

// repeatTo drafts what one organisation is to be told again.
func (w *Warn) repeatTo(ctx context.Context, rules Rules, org int64, since time.Time) error {
	told, err := w.toldTo(ctx, w.read, org, since)
	if err != nil {
		return err
	}
	now := w.Acts.Clock().Now()
	shortest := rules.shortest()
	var ids []int64
	for f, t := range told {
		if shortest > 0 && now.Sub(t.at) >= shortest {
			ids = append(ids, f)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	per, err := w.stillOpen(ctx, org, ids)
	if err != nil {
		return err
	}
	for _, one := range per {
		if err := w.tellAgain(ctx, rules, one, told); err != nil {
			return err
		}
	}
	return nil
}

// shortest is the shortest time after which the rules tell something again, 0 when
// they never do.
func (rs Rules) shortest() (d time.Duration) {
	for _, r := range rs.List {
		if every := time.Duration(max(r.Repeat, 0)) * 24 * time.Hour; every > 0 && (d == 0 || every < d) {
			d = every
		}
	}
	return d
}

// openAt are findings of one source and level that are still open.
type openAt struct {
	source watch.Source
	news   watch.News
}

// stillOpen keeps what is open, still the organisation's, and of a live source.
func (w *Warn) stillOpen(ctx context.Context, org int64, ids []int64) (out []openAt, err error) {
	sources, err := w.Watch.Sources(ctx, w.read)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	err = w.eachFinding(ctx, w.read, ids, func(f watch.Finding) error {
		stream, _ := w.Watch.StreamOf(f.Stream)
		at := slices.IndexFunc(sources, func(s watch.Source) bool { return s.ID == stream.Source })
		if f.State != watch.Open || f.Org != org || at < 0 || sources[at].Mode != watch.Live {
			return nil
		}
		for i := range out {
			if out[i].source.ID == stream.Source && uint8(out[i].news.Level) == f.Level {
				out[i].news.Findings = append(out[i].news.Findings, f.ID)
				return nil
			}
		}
		one := openAt{source: sources[at], news: watch.News{Org: org, Findings: []int64{f.ID}}}
		one.news.Level = constituency.Level(f.Level)
		out = append(out, one)
		return nil
	})
	return out, err
}

func (w *Warn) tellAgain(ctx context.Context, rules Rules, one openAt, told toldSet) error {
	pick, err := w.pick(ctx, w.read, rules, one.source.Name, one.news, told)
	if err != nil || len(pick) == 0 {
		return err
	}
	call := act.Call{
		Actor: act.MachineActor("warn.draft"), Verb: "warn.draft_notice", Exercise: one.source.Exercise,
		Subject: fmt.Sprintf("source:%d", one.source.ID), Purpose: "warn",
	}
	return w.drafting(ctx, call, func(ctx context.Context, tx *act.Tx, dr *drafter) error {
		for _, p := range pick {
			p.again = true
			n := p.notice(one.news.Org, one.source)
			n.Level, n.Batch = one.news.Level, dr.own(tx)
			if _, err := dr.put(ctx, tx, n, p.outcome); err != nil {
				return err
			}
		}
		return nil
	})
}
