package warn

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

const noticeColumns = `id, org_id, delivery_id, batch, level, person_id, address, language, marking, exercise, findings,
	total, link, state, why, drafted_at, sent_at, answered_at`

func scanNotice(r sqldb.Row) (n Notice, err error) {
	var level, drafted, sent, answered int64
	var raw []byte
	err = r.Scan(&n.ID, &n.Org, &n.Delivery, &n.Batch, &level, &n.Person, &n.Address, &n.Language, &n.Marking,
		&n.Exercise, &raw, &n.Total, &n.Link, &n.State, &n.Why, &drafted, &sent, &answered)
	if err != nil {
		return n, err
	}
	n.Level = constituency.Level(level)
	n.DraftedAt, n.SentAt, n.AnsweredAt = clock.FromMicros(drafted), clock.FromMicros(sent), clock.FromMicros(answered)
	b := roaring.New()
	if err := b.UnmarshalBinary(raw); err != nil {
		return n, fmt.Errorf("read findings of notice %d: %w", n.ID, err)
	}
	for it := b.Iterator(); it.HasNext(); {
		n.Findings = append(n.Findings, int64(it.Next()))
	}
	return n, nil
}

// Notice returns one notice; NotFound when there is none.
func (w *Warn) Notice(ctx context.Context, r sqldb.Reader, id int64) (Notice, error) {
	n, ok, err := sqldb.One(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "warn.notice.none", nil)
	}
	return n, err
}

// NoticeNumbered returns the notice of a number.
func (w *Warn) NoticeNumbered(ctx context.Context, r sqldb.Reader, number string) (Notice, error) {
	id, err := w.Numbers.Parse(number)
	if err != nil {
		return Notice{}, fault.New(fault.NotFound, "warn.notice.none", nil)
	}
	return w.Notice(ctx, r, int64(id))
}

// Filter says which notices to list; zero fields do not filter.
type Filter struct {
	State    State
	Org      int64
	Delivery int64
	Before   int64 // ids below it
	Limit    int   // default 50
}

// Notices lists notices, newest first.
func (w *Warn) Notices(ctx context.Context, r sqldb.Reader, f Filter) ([]Notice, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	return sqldb.All(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice
		where id < $1 and ($2 = '' or state = $2) and ($3 = 0 or org_id = $3) and ($4 = 0 or delivery_id = $4)
		order by id desc limit $5`, f.Before, string(f.State), f.Org, f.Delivery, min(f.Limit, 1000))
}

// NoticesOf lists the notices in which a finding was told, newest first.
func (w *Warn) NoticesOf(ctx context.Context, r sqldb.Reader, org, finding int64) (out []Notice, err error) {
	ns, err := w.Notices(ctx, r, Filter{Org: org, Limit: 1000})
	for _, n := range ns {
		for _, f := range n.Findings {
			if f == finding {
				out = append(out, n)
				break
			}
		}
	}
	return out, err
}

// Waiting says how many notices are in each state that waits for a person.
func (w *Warn) Waiting(ctx context.Context, r sqldb.Reader) (map[State]int64, error) {
	out := map[State]int64{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var s State
		var n int64
		if err := row.Scan(&s, &n); err != nil {
			return err
		}
		out[s] = n
		return nil
	}, `select state, count(*) from warn_notice where state in ('no-contact', 'refused', 'unknown', 'withheld') group by state`)
	return out, err
}

// Answers lists the answers to a notice, oldest first.
func (w *Warn) Answers(ctx context.Context, r sqldb.Reader, notice int64) ([]Answer, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (a Answer, err error) {
		var at, recorded int64
		err = row.Scan(&a.ID, &a.Notice, &a.What, &a.Strength, &a.By, &a.Reason, &at, &recorded, &a.RecordedBy, &a.Order)
		a.At, a.RecordedAt = clock.FromMicros(at), clock.FromMicros(recorded)
		return a, err
	}, `select id, notice_id, what, strength, by_name, reason, at, recorded_at, recorded_by, act_order
		from warn_answer where notice_id = $1 order by id`, notice)
}

// Stopped tells whether sending is stopped.
func (w *Warn) Stopped(ctx context.Context, r sqldb.Reader) (bool, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from warn_stop`)
	return n > 0, err
}

// byLink returns the notice of an answering link; Unauthenticated for anything else,
// wrong, foreign or guessed alike.
func (w *Warn) byLink(ctx context.Context, r sqldb.Reader, secret string) (Notice, error) {
	refused := fault.New(fault.Unauthenticated, "warn.link.refused", nil)
	link, ok := splitLink(secret)
	if !ok {
		return Notice{}, refused
	}
	n, ok, err := sqldb.One(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice where link = $1`, link)
	if err != nil {
		return n, err
	}
	if !ok || subtle.ConstantTimeCompare([]byte(w.linkSecret(n)), []byte(secret)) != 1 {
		return Notice{}, refused
	}
	if w.Acts.Clock().Now().Sub(n.DraftedAt) > LinkLife {
		return Notice{}, refused
	}
	return n, nil
}
