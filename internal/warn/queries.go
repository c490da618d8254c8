package warn

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/watch"
)

const noticeColumns = `id, org_id, delivery_id, batch, warning_id, step, level, person_id, address, destination, language,
	marking, exercise, findings, severities, total, format, again, link, priority, turn, due_at, attempts, manner, state, why,
	drafted_at, sent_at, seen_at, answered_at, last_answer`

func scanNotice(r sqldb.Row) (n Notice, err error) {
	var level, due, drafted, sent, seen, answered int64
	var raw, severities []byte
	err = r.Scan(&n.ID, &n.Org, &n.Delivery, &n.Batch, &n.Warning, &n.Step, &level, &n.Person, &n.Address, &n.Destination,
		&n.Language, &n.Marking, &n.Exercise, &raw, &severities, &n.Total, &n.Format, &n.Again, &n.Link, &n.Priority, &n.Turn,
		&due, &n.Attempts, &n.Manner, &n.State, &n.Why, &drafted, &sent, &seen, &answered, &n.LastAnswer)
	if err != nil {
		return n, err
	}
	n.Level = constituency.Level(level)
	n.DueAt, n.DraftedAt, n.SentAt = clock.FromMicros(due), clock.FromMicros(drafted), clock.FromMicros(sent)
	n.SeenAt, n.AnsweredAt = clock.FromMicros(seen), clock.FromMicros(answered)
	for _, s := range severities {
		n.Severities = append(n.Severities, watch.Severity(s))
	}
	b := roaring.New()
	if err := b.UnmarshalBinary(raw); err != nil {
		return n, fmt.Errorf("read findings of notice %d: %w", n.ID, err)
	}
	for it := b.Iterator(); it.HasNext(); {
		n.Findings = append(n.Findings, int64(it.Next()))
	}
	return n, nil
}

func readNotice(ctx context.Context, r sqldb.Reader, id int64) (Notice, error) {
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
	State      State
	Org        int64
	Delivery   int64 // whose news they tell
	Warning    int64
	Unanswered bool  // left, and nobody has answered
	Before     int64 // ids below it
	Limit      int   // default 50
}

// Notices lists notices, newest first.
func (w *Warn) Notices(ctx context.Context, r sqldb.Reader, f Filter) ([]Notice, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	where, args := []string{"id < $1"}, []any{f.Before}
	add := func(on bool, condition string, arg any) {
		if on {
			args = append(args, arg)
			where = append(where, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args))))
		}
	}
	add(f.State != "", "state = ?", string(f.State))
	add(f.Org != 0, "org_id = ?", f.Org)
	add(f.Warning != 0, "warning_id = ?", f.Warning)
	add(f.Delivery != 0, "id in (select notice_id from warn_news where delivery_id = ?)", f.Delivery)
	add(f.Unanswered, "answered_at = 0 and format = 'text' and state = ?", string(Sent))
	return sqldb.All(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice where `+strings.Join(where, " and ")+
		` order by id desc limit `+strconv.Itoa(min(f.Limit, 1000)), args...)
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
	}, `select state, count(*) from warn_notice where state in ('no-contact', 'refused', 'unknown', 'withheld', 'bounced') group by state`)
	return out, err
}

const answerColumns = `id, notice_id, what, strength, by_name, person_id, firm, mail_id, reason, at, recorded_at, recorded_by,
	act_order, settled_at, settled_by, settled`

func scanAnswer(row sqldb.Row) (a Answer, err error) {
	var at, recorded, settled int64
	err = row.Scan(&a.ID, &a.Notice, &a.What, &a.Strength, &a.By, &a.Person, &a.Firm, &a.Mail, &a.Reason, &at, &recorded,
		&a.RecordedBy, &a.Order, &settled, &a.SettledBy, &a.Settled)
	a.At, a.RecordedAt, a.SettledAt = clock.FromMicros(at), clock.FromMicros(recorded), clock.FromMicros(settled)
	return a, err
}

// Answers lists the answers to a notice, oldest first.
func (w *Warn) Answers(ctx context.Context, r sqldb.Reader, notice int64) ([]Answer, error) {
	return sqldb.All(ctx, r, scanAnswer, `select `+answerColumns+` from warn_answer where notice_id = $1 order by id`, notice)
}

// OpenAnswers lists the questions and disputes that wait for the desk, oldest first.
func (w *Warn) OpenAnswers(ctx context.Context, r sqldb.Reader, limit int) ([]Answer, error) {
	return sqldb.All(ctx, r, scanAnswer, `select `+answerColumns+` from warn_answer
		where settled_at = 0 and what in ('ask', 'dispute') order by at, id limit $1`, min(limit, 1000))
}

// NoticeOfAnswer is the notice that an answer was given to; NotFound when there is none.
func (w *Warn) NoticeOfAnswer(ctx context.Context, r sqldb.Reader, answer int64) (int64, error) {
	n, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select notice_id from warn_answer where id = $1`, answer)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "warn.answer.none", nil)
	}
	return n, err
}

// CountOpenAnswers counts what OpenAnswers lists.
func (w *Warn) CountOpenAnswers(ctx context.Context, r sqldb.Reader) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from warn_answer where settled_at = 0 and what in ('ask', 'dispute')`)
	return n, err
}

// Visit is one opening of a notice by its link, in the visitor's own words.
type Visit struct {
	Name, Firm string
	At         time.Time
}

// Visits lists who opened a notice by its link, oldest first.
func (w *Warn) Visits(ctx context.Context, r sqldb.Reader, notice int64) ([]Visit, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (v Visit, err error) {
		var at int64
		err = row.Scan(&v.Name, &v.Firm, &at)
		v.At = clock.FromMicros(at)
		return v, err
	}, `select name, firm, at from warn_visit where notice_id = $1 order by id limit 500`, notice)
}

// NoticeFor returns a notice of an organisation, or of one that it acts for as a
// provider; NotFound for any other, as if there were none.
func (w *Warn) NoticeFor(ctx context.Context, r sqldb.Reader, org, notice int64) (Notice, error) {
	n, err := w.Notice(ctx, r, notice)
	if err != nil {
		return n, err
	}
	if n.Org == org {
		return n, nil
	}
	clients, err := w.Constituency.ActsFor(ctx, r, org)
	if err == nil && !slices.Contains(clients, n.Org) {
		err = fault.New(fault.NotFound, "warn.notice.none", nil)
	}
	return n, err
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
