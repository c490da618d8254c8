package warn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
)

// draftArgs ask for the notices of one delivery's news.
type draftArgs struct {
	Delivery int64  `json:"delivery"`
	Batch    int64  `json:"batch"`
	News     string `json:"news,omitempty"`
	// Rematched are findings that belong to somebody else now; then Delivery is 0.
	Rematched []int64 `json:"rematched,omitempty"`
}

// sendArgs ask for one notice to be sent.
type sendArgs struct {
	Notice int64 `json:"notice"`
}

// Subscription hears of deliveries that were taken in live, of those released from
// shadow or hold, and of findings that were matched to somebody else: each becomes a
// job that drafts.
func (w *Warn) Subscription() act.Subscription {
	return act.Subscription{
		Name: "warn.notices",
		Kinds: []string{
			watch.DeliveryTaken{}.FactKind(), watch.DeliveriesReleased{}.FactKind(), watch.FindingsChanged{}.FactKind(),
		},
		Handle: func(ctx context.Context, tx *act.Tx, e act.Envelope) error {
			if e.Kind == (watch.DeliveryTaken{}).FactKind() {
				var f watch.DeliveryTaken
				if err := e.Decode(&f); err != nil || f.Mode != watch.Live {
					return err
				}
				return tx.Enqueue(ctx, w.draft.With(draftArgs{Delivery: f.Delivery, Batch: e.Order, News: f.News}))
			}
			if e.Kind == (watch.FindingsChanged{}).FactKind() {
				var f watch.FindingsChanged
				if err := e.Decode(&f); err != nil || f.Kind != string(watch.ChangeMatched) {
					return err
				}
				return tx.Enqueue(ctx, w.draft.With(draftArgs{Batch: e.Order, Rematched: f.Findings}))
			}
			var f watch.DeliveriesReleased
			if err := e.Decode(&f); err != nil {
				return err
			}
			for _, d := range f.Deliveries {
				if err := tx.Enqueue(ctx, w.draft.With(draftArgs{Delivery: d, Batch: e.Order})); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// workDraft makes one notice for every organisation that has news, in acts of a
// few at a time. Repeated, it makes those that are missing.
func (w *Warn) workDraft(ctx context.Context, a draftArgs, _ jobs.Try) error {
	if len(a.Rematched) > 0 {
		per, err := w.Watch.RematchedNews(ctx, w.read, a.Rematched)
		if err != nil {
			return fmt.Errorf("read news of matched findings: %w", err)
		}
		for _, delivery := range slices.Sorted(maps.Keys(per)) {
			if err := w.draftNews(ctx, draftArgs{Delivery: delivery, Batch: a.Batch}, per[delivery]); err != nil {
				return err
			}
		}
		return nil
	}
	news, err := w.Watch.ReleasedNews(ctx, w.read, a.Delivery, a.News)
	if err != nil {
		return fmt.Errorf("read news of delivery %d: %w", a.Delivery, err)
	}
	return w.draftNews(ctx, a, news)
}

// draftNews makes the notices of one delivery that are not there yet.
func (w *Warn) draftNews(ctx context.Context, a draftArgs, news []watch.News) (err error) {
	if news, err = w.undrafted(ctx, a, news); err != nil || len(news) == 0 {
		return err
	}
	d, err := w.Watch.Delivery(ctx, w.read, a.Delivery)
	if err != nil {
		return err
	}
	src, err := w.Watch.Source(ctx, w.read, d.Source)
	if err != nil {
		return err
	}
	const some = 50
	for len(news) > 0 {
		batch := news[:min(some, len(news))]
		news = news[len(batch):]
		if err := w.draftSome(ctx, a, src, batch); err != nil {
			return err
		}
	}
	return nil
}

// undrafted leaves the news that has no notice yet, so that a repeated job does not
// make an act of nothing.
func (w *Warn) undrafted(ctx context.Context, a draftArgs, news []watch.News) ([]watch.News, error) {
	have := map[int64]bool{}
	err := sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var org int64
		if err := r.Scan(&org); err != nil {
			return err
		}
		have[org] = true
		return nil
	}, `select org_id from warn_notice where delivery_id = $1 and batch = $2`, a.Delivery, a.Batch)
	if err != nil {
		return nil, fmt.Errorf("read notices of delivery %d: %w", a.Delivery, err)
	}
	return slices.DeleteFunc(news, func(n watch.News) bool { return have[n.Org] }), nil
}

func (w *Warn) draftSome(ctx context.Context, a draftArgs, src watch.Source, news []watch.News) error {
	call := act.Call{
		Actor: act.MachineActor("warn.draft"), Verb: "warn.draft_notice", Exercise: src.Exercise,
		Subject: fmt.Sprintf("delivery:%d", a.Delivery), Purpose: "warn",
	}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		var made []int64
		for _, n := range news {
			id, err := w.draftOne(ctx, tx, a, src, n)
			if err != nil {
				return err
			}
			if id != 0 {
				made = append(made, id)
			}
		}
		tx.Detail(struct {
			Notices []int64 `json:"notices"`
		}{made})
		return nil
	})
}

// draftOne makes a notice and its sending job; 0 when there is one already.
func (w *Warn) draftOne(ctx context.Context, tx *act.Tx, a draftArgs, src watch.Source, news watch.News) (int64, error) {
	_, exists, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from warn_notice
		where org_id = $1 and delivery_id = $2 and batch = $3`, news.Org, a.Delivery, a.Batch)
	if err != nil || exists {
		return 0, err
	}
	n := Notice{
		Org: news.Org, Delivery: a.Delivery, Batch: a.Batch, Level: news.Level, Exercise: src.Exercise,
		Findings: news.Findings, Total: len(news.Findings), State: Drafted, DraftedAt: tx.Now(), Language: "en",
	}
	if s := src.Marking; s != 0 {
		n.Marking = s.String()
	}
	if err := w.address(ctx, tx, &n); err != nil {
		return 0, err
	}
	if n.ID, err = tx.Next(ctx, "warn.notice"); err != nil {
		return 0, err
	}
	if n.Link, err = w.Acts.IDs().New(); err != nil {
		return 0, err
	}
	if err := insertNotice(ctx, tx, n); err != nil {
		return 0, err
	}
	if n.State != Drafted {
		return n.ID, nil
	}
	return n.ID, tx.Enqueue(ctx, w.send.With(sendArgs{n.ID}))
}

// address picks the first contact with a mail address, in order of escalation.
func (w *Warn) address(ctx context.Context, tx *act.Tx, n *Notice) error {
	cs, err := w.Constituency.Contacts(ctx, tx, n.Org)
	if err != nil {
		return fmt.Errorf("read contacts of organisation %d: %w", n.Org, err)
	}
	for _, c := range cs {
		if c.Email != "" {
			n.Person, n.Address = c.Person, c.Email
			if c.Language != "" {
				n.Language = c.Language
			}
			return nil
		}
	}
	n.State, n.Why = NoContact, "warn.why.no_contact"
	return nil
}

func insertNotice(ctx context.Context, tx *act.Tx, n Notice) error {
	b := roaring.New()
	for _, f := range n.Findings {
		b.Add(uint32(f))
	}
	raw, err := b.ToBytes()
	if err != nil {
		return fmt.Errorf("write findings of notice: %w", err)
	}
	_, err = tx.ExecContext(ctx, `insert into warn_notice (`+noticeColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, 0)`,
		n.ID, n.Org, n.Delivery, n.Batch, int64(n.Level), n.Person, n.Address, n.Language, n.Marking, n.Exercise,
		raw, n.Total, n.Link, string(n.State), n.Why, clock.Micros(n.DraftedAt))
	return err
}

// stopPause is how long a sending waits before it looks at the stop button again.
const stopPause = 20 * time.Second

// errSettled says that the notice needs no sending any more.
var errSettled = errors.New("settled")

// workSend sends one notice: begin, deliver, settle.
func (w *Warn) workSend(ctx context.Context, a sendArgs, _ jobs.Try) error {
	if stopped, err := w.Stopped(ctx, w.read); err != nil {
		return err
	} else if stopped {
		return jobs.Later(stopPause)
	}
	p, m, err := w.begin(ctx, a.Notice)
	if errors.Is(err, errSettled) {
		return nil
	}
	if err != nil {
		return err
	}
	r := w.Outbound.Deliver(ctx, p, m)
	if err := w.settle(context.WithoutCancel(ctx), a.Notice, m, r); err != nil {
		return err
	}
	if r.State == outbound.Deferred {
		return fmt.Errorf("notice %d: deferred: %s", a.Notice, r.Reply)
	}
	return nil
}

// begin asks the gate for the parcel and commits "attempting" before a byte leaves.
func (w *Warn) begin(ctx context.Context, id int64) (p guard.Parcel, m outbound.Message, err error) {
	n, err := w.Notice(ctx, w.read, id)
	if err != nil {
		return p, m, err
	}
	if n.State != Drafted {
		return p, m, errSettled
	}
	machine := act.MachineActor("warn.send")
	call := act.Call{Actor: machine, Verb: "warn.send_notice", Subject: noticeSubject(id), Exercise: n.Exercise, Purpose: "warn"}
	var refused, interrupted bool
	err = w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err = w.gate.Release(ctx, tx, machine, guard.Thing{Kind: KindNotice, ID: id}, w.recipient(n), "warn")
		if fault.CodeOf(err) == fault.Denied {
			refused = true
			w.Log.WarnContext(ctx, "warn: notice withheld", "notice", id, "error", err)
			return setState(ctx, tx, id, Withheld, "warn.why.withheld")
		}
		if err != nil {
			return err
		}
		if m, err = w.Outbound.Begin(ctx, tx, p); err != nil {
			return err
		}
		tx.Detail(sendDetail{Message: m.MessageID, Digest: p.Digest(), Attempt: m.Attempts, State: string(m.State)})
		if interrupted = m.State == outbound.Unknown; interrupted {
			return setState(ctx, tx, id, Unknown, "warn.why.unknown")
		}
		return nil
	})
	if err == nil && (refused || interrupted) {
		err = errSettled
	}
	return p, m, err
}

type sendDetail struct {
	Message string `json:"message"`
	Digest  string `json:"digest,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	State   string `json:"state"`
}

// recipient is the notice's contact, by mail.
func (w *Warn) recipient(n Notice) guard.Recipient {
	return guard.Recipient{Org: n.Org, Person: n.Person, Address: n.Address, Language: n.Language, Channel: guard.ByMail}
}

func (w *Warn) settle(ctx context.Context, id int64, m outbound.Message, r outbound.Result) error {
	call := act.Call{
		Actor: act.MachineActor("warn.send"), Verb: "warn.note_outcome", Subject: noticeSubject(id), Exercise: m.Exercise,
	}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := w.Outbound.Settle(ctx, tx, m, r); err != nil {
			return err
		}
		tx.Detail(sendDetail{Message: m.MessageID, State: string(r.State)})
		switch r.State {
		case outbound.Accepted, outbound.Outbox:
			_, err := tx.ExecContext(ctx, `update warn_notice set state = $1, sent_at = $2 where id = $3`,
				string(Sent), clock.Micros(tx.Now()), id)
			return err
		case outbound.Refused:
			return setState(ctx, tx, id, Refused, "warn.why.refused")
		case outbound.Unknown:
			return setState(ctx, tx, id, Unknown, "warn.why.unknown")
		}
		return nil
	})
}

func setState(ctx context.Context, tx *act.Tx, id int64, s State, why string) error {
	_, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = $2 where id = $3`, string(s), why, id)
	return err
}
