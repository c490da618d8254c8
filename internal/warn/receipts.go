package warn

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Receipt is what one recipient did with a notice: one per answer, or one without an
// answer.
type Receipt struct {
	Notice   int64
	Warning  int64
	Org      int64
	Contact  string // address
	State    State
	Answer   What // empty: none yet
	Strength Strength
	By       string
	At       time.Time // of the answer; of the sending when there is none
}

// EachReceipt calls f for every receipt of a filter, the newest notice first.
func (w *Warn) EachReceipt(ctx context.Context, r sqldb.Reader, warning, before int64, limit int, f func(Receipt) error) error {
	if before == 0 {
		before = 1 << 62
	}
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var one Receipt
		var at, sent, answered int64
		if err := row.Scan(&one.Notice, &one.Warning, &one.Org, &one.Contact, &one.State, &sent, &answered, &one.Answer,
			&one.Strength, &one.By, &at); err != nil {
			return err
		}
		if at == 0 {
			at = sent
		}
		one.At = clock.FromMicros(at)
		return f(one)
	}, `select n.id, n.warning_id, n.org_id, n.address, n.state, n.sent_at, n.answered_at, coalesce(a.what, ''),
		coalesce(a.strength, ''), coalesce(a.by_name, ''), coalesce(a.at, 0)
		from (select * from warn_notice where id < $1 and ($2 = 0 or warning_id = $2) order by id desc limit $3) n
		left join warn_answer a on a.notice_id = n.id order by n.id desc, a.id`, before, warning, limit)
}

// Taken is where one recipient of a warning stands.
type Taken struct {
	Org      int64
	State    State // of its last notice
	Step     int
	Contact  string // who was written to last
	SentAt   time.Time
	SeenAt   time.Time
	At       time.Time // of the strongest answer; zero: silent
	Answer   What
	Strength Strength
	By       string
	Call     CallState // empty: nobody calls
}

// TakenBy lists where every recipient of a warning stands, by organisation: the live
// board of who has taken it, and by which strength.
func (w *Warn) TakenBy(ctx context.Context, r sqldb.Reader, warning int64) ([]Taken, error) {
	byOrg := map[int64]int{}
	var out []Taken
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var t Taken
		var sent, seen int64
		if err := row.Scan(&t.Org, &t.State, &t.Step, &t.Contact, &sent, &seen); err != nil {
			return err
		}
		t.SentAt, t.SeenAt = clock.FromMicros(sent), clock.FromMicros(seen)
		if i, ok := byOrg[t.Org]; ok { // a later step
			if t.SeenAt.IsZero() {
				t.SeenAt = out[i].SeenAt
			}
			out[i] = t
			return nil
		}
		byOrg[t.Org] = len(out)
		out = append(out, t)
		return nil
	}, `select org_id, state, step, address, sent_at, seen_at from warn_notice where warning_id = $1 order by org_id, step, id`, warning)
	if err != nil {
		return nil, fmt.Errorf("read notices of warning %d: %w", warning, err)
	}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org, at int64
		var a Taken
		if err := row.Scan(&org, &a.Answer, &a.Strength, &a.By, &at); err != nil {
			return err
		}
		i, ok := byOrg[org]
		if ok && stronger(a.Strength, out[i].Strength) {
			out[i].Answer, out[i].Strength, out[i].By, out[i].At = a.Answer, a.Strength, a.By, clock.FromMicros(at)
		}
		return nil
	}, `select n.org_id, a.what, a.strength, a.by_name, a.at from warn_answer a
		join warn_notice n on n.id = a.notice_id where n.warning_id = $1 order by a.id`, warning)
	if err != nil {
		return nil, fmt.Errorf("read answers to warning %d: %w", warning, err)
	}
	calls, err := w.Calls(ctx, r, warning, false)
	if err != nil {
		return nil, err
	}
	for _, c := range calls {
		if i, ok := byOrg[c.Org]; ok {
			out[i].Call = c.State
		}
	}
	return out, nil
}

// stronger tells whether an answer of strength a counts before, or as much as, one of
// strength b; the later of two equals counts.
func stronger(a, b Strength) bool { return a.rank() >= b.rank() }

// rank orders the strengths; 0 is no answer.
func (s Strength) rank() int {
	for i, one := range Strengths() {
		if one == s {
			return i + 1
		}
	}
	return 0
}

// Strengths lists the strengths, weakest first.
func Strengths() []Strength { return []Strength{ByLink, ByPhone, ByMail, ByPortal, Signed} }
