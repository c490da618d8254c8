package watch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/mapping"
)

// QuarantineState is what became of a row that was set aside.
type QuarantineState string

// The states of a quarantined row.
const (
	Waiting   QuarantineState = "open"      // for a person
	Rerunning QuarantineState = "rerun"     // a person asked; the procedure has not come to it yet
	Dismissed QuarantineState = "dismissed" // a person has seen it and let it be
	TakenIn   QuarantineState = "taken"     // an event after all
)

// Quarantined is one row that was set aside. Its bytes stay in the delivery.
type Quarantined struct {
	Delivery int64
	Line     int64
	Offset   int64
	Len      int64
	Column   string
	Reason   string
	State    QuarantineState
}

func scanQuarantined(r sqldb.Row) (q Quarantined, err error) {
	return q, r.Scan(&q.Delivery, &q.Line, &q.Offset, &q.Len, &q.Column, &q.Reason, &q.State)
}

const quarantineColumns = `delivery_id, line, pos, len, col, reason, state`

// QuarantineFilter says which quarantined rows are meant. Zero fields do not filter.
type QuarantineFilter struct {
	Delivery int64
	Line     int64
	Reason   string
	State    QuarantineState
	// AfterDelivery and AfterLine continue a list: newest delivery first, then by line.
	AfterDelivery, AfterLine int64
	Limit                    int
}

// Quarantine lists rows that were set aside, newest delivery first.
func (w *Watch) Quarantine(ctx context.Context, r sqldb.Reader, f QuarantineFilter) ([]Quarantined, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.AfterDelivery == 0 {
		f.AfterDelivery = 1 << 62
	}
	return sqldb.All(ctx, r, scanQuarantined, `select `+quarantineColumns+` from watch_quarantine
		where ($1 = 0 or delivery_id = $1) and ($2 = 0 or line = $2) and ($3 = '' or reason = $3)
		and ($4 = '' or state = $4) and (delivery_id < $5 or delivery_id = $5 and line > $6)
		order by delivery_id desc, line limit $7`,
		f.Delivery, f.Line, f.Reason, string(f.State), f.AfterDelivery, f.AfterLine, min(f.Limit, 1000))
}

// QuarantinedRow returns the exact bytes of a quarantined row and the header line.
func (w *Watch) QuarantinedRow(ctx context.Context, actor act.Actor, delivery, line int64) (header, row []byte, err error) {
	call := act.Call{Actor: actor, Verb: "watch.read_raw", Subject: deliverySubject(delivery)}
	if err := w.acts.Decide(ctx, call); err != nil {
		return nil, nil, err
	}
	qs, err := w.Quarantine(ctx, w.read, QuarantineFilter{Delivery: delivery, Line: line, Limit: 1})
	if err != nil {
		return nil, nil, err
	}
	if len(qs) == 0 {
		return nil, nil, fault.New(fault.NotFound, "watch.quarantine.none", nil)
	}
	d, err := w.Delivery(ctx, w.read, delivery)
	if err != nil {
		return nil, nil, err
	}
	return w.rowAt(ctx, d, qs[0].Offset, qs[0].Len)
}

// Dismiss lets quarantined rows be, with a reason: one, or all that a filter means.
// A dismissed row still counts as quarantined, and its address still blocks. It
// returns how many there were.
func (w *Watch) Dismiss(ctx context.Context, actor act.Actor, f QuarantineFilter, reason string) (n int64, err error) {
	if text.Blank(reason) {
		return 0, fault.OnField("reason", "watch.reason.empty", nil)
	}
	return w.moveQuarantine(ctx, act.Call{Actor: actor, Verb: "watch.dismiss_quarantine", Reason: reason}, f, Dismissed)
}

// Rerun asks for quarantined rows to be read again with the mapping as it is now:
// one, or all that a filter means. The procedure does it; those that are refused
// again wait again, with the new reason.
func (w *Watch) Rerun(ctx context.Context, actor act.Actor, f QuarantineFilter) (n int64, err error) {
	n, err = w.moveQuarantine(ctx, act.Call{Actor: actor, Verb: "watch.rerun_quarantine"}, f, Rerunning)
	if err == nil {
		w.wakeUp()
	}
	return n, err
}

func (w *Watch) moveQuarantine(ctx context.Context, call act.Call, f QuarantineFilter, to QuarantineState) (n int64, err error) {
	if f.Delivery == 0 {
		return 0, fault.OnField("delivery", "watch.quarantine.which", nil)
	}
	call.Subject = deliverySubject(f.Delivery)
	err = w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update watch_quarantine set state = $1, act_order = $2
			where delivery_id = $3 and ($4 = 0 or line = $4) and ($5 = '' or reason = $5) and state = 'open'`,
			string(to), tx.Order(), f.Delivery, f.Line, f.Reason)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err == nil && n == 0 {
			err = fault.New(fault.Conflict, "watch.quarantine.nothing", nil)
		}
		tx.Detail(struct {
			Rows   int64  `json:"rows"`
			Line   int64  `json:"line,omitempty"`
			Reason string `json:"reason,omitempty"`
		}{n, f.Line, f.Reason})
		return err
	})
	return n, err
}

// rerunBatch is how many rows one act takes in.
const rerunBatch = 1_000

// rerunOne takes one batch of rows that a person asked for into their delivery.
func (w *Watch) rerunOne(ctx context.Context) (did bool, err error) {
	id, ok, err := sqldb.One(ctx, w.read, sqldb.Int64, `select q.delivery_id from watch_quarantine q
		join watch_delivery d on d.id = q.delivery_id
		where q.state = 'rerun' and d.state in ('folded', 'failed') order by q.delivery_id limit 1`)
	if err != nil || !ok {
		return false, err
	}
	d, err := w.Delivery(ctx, w.read, id)
	if err != nil {
		return false, err
	}
	qs, err := sqldb.All(ctx, w.read, scanQuarantined, `select `+quarantineColumns+` from watch_quarantine
		where state = 'rerun' and delivery_id = $1 order by line limit $2`, id, rerunBatch)
	if err != nil {
		return false, err
	}
	p, err := w.newIntake(ctx, d)
	if err != nil {
		return false, err
	}
	p.d.Stream = d.Stream
	if err := p.takeInRows(ctx, qs); err != nil {
		p.unlearn()
		return false, err
	}
	return true, nil
}

// takeInRows reads rows again and makes one act of what comes of them: events and
// findings, the delivery's presence and counts, and what the evaluation says now.
func (p *intake) takeInRows(ctx context.Context, qs []Quarantined) error {
	refused := map[int64]*mapping.Reject{}
	for _, q := range qs {
		reject, err := p.readAgain(ctx, q)
		if err != nil {
			return err
		}
		if reject != nil {
			again := *reject
			refused[q.Line] = &again
		}
	}
	before, err := p.w.readSidecar(ctx, p.d.Sidecar)
	if err != nil {
		return err
	}
	old := presenceOf(before)
	p.places = append(p.places, before...)
	added, counts := p.added, p.counts
	o, err := p.concludeAgain(ctx, int64(len(qs)-len(refused)))
	if err != nil {
		return err
	}
	all := p.d.News
	if err := p.writeBlobs(ctx, &o); err != nil {
		return err
	}
	if all, err = p.unite(ctx, all, p.d.News); err != nil {
		return err
	}
	return p.takeInRowsAct(ctx, qs, refused, added, counts, old, o, all)
}

// unite joins two bitmaps: what the delivery told of before, and now.
func (p *intake) unite(ctx context.Context, before, now string) (string, error) {
	if before == "" {
		return now, nil
	}
	b, err := p.w.readBitmap(ctx, before)
	if err != nil {
		return "", err
	}
	n, err := p.w.readBitmap(ctx, now)
	if err != nil {
		return "", err
	}
	b.Or(n)
	return p.w.writeBitmap(ctx, b)
}

// readAgain reads one row with the plan as it is now.
func (p *intake) readAgain(ctx context.Context, q Quarantined) (*mapping.Reject, error) {
	header, row, err := p.w.rowAt(ctx, p.d, q.Offset, q.Len)
	if err != nil {
		return nil, err
	}
	scan, err := p.plan.Open(io.MultiReader(bytes.NewReader(header), strings.NewReader("\n"), bytes.NewReader(row),
		strings.NewReader("\n")), p.w.limits.Record)
	if err != nil {
		return nil, unreadable(err)
	}
	p.scan, p.weak = scan, scan.Fit().Weak()
	rec, reject, err := scan.Next(&p.ev)
	if err == io.EOF { //nolint:errorlint // the reader's own end
		return &mapping.Reject{Reason: "empty_required"}, nil
	}
	if err != nil || reject != nil {
		return reject, err
	}
	r := *rec
	r.Offset = q.Offset
	if err := p.row(ctx, &r); err != nil {
		return nil, err
	}
	return nil, nil
}

// concludeAgain evaluates the delivery as it is with the rows that came late.
func (p *intake) concludeAgain(ctx context.Context, taken int64) (o outcome, err error) {
	slices.Sort(p.places)
	o.this = presenceOf(p.places)
	c := p.d.Counts
	c.Quarantined -= taken
	swallowed := p.d.ProvesWhy == provesSwallowed // a late row does not undo that
	p.d.Proves, p.d.ProvesWhy = proof(p.stream.Stream, p.fit.Weak() || p.weak, c.Rows, c, p.earlier())
	if swallowed {
		p.d.Proves, p.d.ProvesWhy = false, provesSwallowed
	}
	o.presence = presence{
		delivery: p.d.ID, observed: p.d.Observed, proves: p.d.Proves, rows: p.d.Rows, set: o.this,
	}
	o.verdict, err = p.w.judge(ctx, p.stream, &p.d, o.presence, p.opened)
	return o, err
}

func (p *intake) takeInRowsAct(ctx context.Context, qs []Quarantined, refused map[int64]*mapping.Reject, added []newFinding, c Counts, old *roaring.Bitmap, o outcome, news string) error {
	call := act.Call{
		Actor: act.MachineActor("watch.intake"), Verb: "watch.take_in_rows", Subject: deliverySubject(p.d.ID),
		Exercise: p.src.Exercise,
	}
	return p.w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := settleRows(ctx, tx, qs, refused); err != nil {
			return err
		}
		if _, err := p.w.setAudiences(ctx, tx, added); err != nil {
			return err
		}
		if n, err := p.w.insertFindings(ctx, tx, p.d.ID, added, tx.Now().Add(stepTime*100)); err != nil || n != len(added) {
			return fmt.Errorf("insert findings: %d of %d: %w", n, len(added), err)
		}
		if err := p.applyNow(ctx, tx, slices.Collect(p.changes(o.verdict))); err != nil {
			return err
		}
		opened := int64(p.opened.GetCardinality())
		kept := int64(roaring.AndNot(o.this, old).GetCardinality()) - opened
		if _, err := tx.ExecContext(ctx, `update watch_delivery set events = events + $1, quarantined = quarantined - $1,
			opened = opened + $2, kept = kept + $3, no_longer_seen = no_longer_seen + $4, reopened = reopened + $5,
			unrouted = unrouted + $6, proves = $7, proves_why = $8, presence_ref = $9, sidecar_ref = $10, news_ref = $11
			where id = $12`,
			c.Events, opened, max(kept, 0), int64(o.verdict.gone.GetCardinality()),
			int64(o.verdict.reopened.GetCardinality()), c.Unrouted, p.d.Proves, p.d.ProvesWhy, p.d.Presence, p.d.Sidecar,
			news, p.d.ID); err != nil {
			return err
		}
		tx.Detail(struct {
			Rows   int   `json:"rows"`
			Events int64 `json:"events"`
			Opened int64 `json:"opened"`
		}{len(qs), c.Events, opened})
		mode := Live // what is released already may be told at once
		if p.d.ReleasedAt.IsZero() {
			mode = p.d.Mode
		}
		tx.Fact(DeliveryTaken{Delivery: p.d.ID, Source: p.src.ID, Stream: p.d.Stream, Mode: mode, News: p.d.News, Counts: c})
		tx.AfterCommit(func() {
			p.prepare(added)
			o.shown = p.w.facets.partsOf(p.opened)
			p.w.taken(p.stream, o, p.opened, p.worse)
			p.w.held.drop(p.src.ID)
		})
		return nil
	})
}

func settleRows(ctx context.Context, tx *act.Tx, qs []Quarantined, refused map[int64]*mapping.Reject) error {
	for _, q := range qs {
		state, reason, column := TakenIn, q.Reason, q.Column
		if r := refused[q.Line]; r != nil {
			state, reason, column = Waiting, string(r.Reason), fault.Clip(r.Column)
		}
		if _, err := tx.ExecContext(ctx, `update watch_quarantine set state = $1, reason = $2, col = $3, act_order = $4
			where delivery_id = $5 and line = $6`, string(state), reason, column, tx.Order(), q.Delivery, q.Line); err != nil {
			return err
		}
		if state != TakenIn {
			continue
		}
		if _, err := tx.ExecContext(ctx, `delete from watch_blocked where delivery_id = $1 and line = $2`,
			q.Delivery, q.Line); err != nil {
			return err
		}
	}
	return nil
}

// applyNow writes changes into the rows at once: there are few of them.
func (p *intake) applyNow(ctx context.Context, tx *act.Tx, cs []Change) error {
	for i := range cs {
		c := &cs[i]
		c.Order, c.Delivery = tx.Order(), 0
		if _, err := tx.ExecContext(ctx, `update watch_finding set state = $1, severity = $2, changed_order = $3,
			last_at = case when $4 > last_at then $4 else last_at end where id = $5 and state = $6`,
			int64(c.To), int64(c.Severity), tx.Order(), micros(c.Last), c.Finding, int64(c.From)); err != nil {
			return err
		}
	}
	return insertChanges(ctx, tx, cs)
}

// Unrouted is the filter of findings that nobody could be named for.
func Unrouted() Filter {
	return Filter{States: []State{Open}, Levels: []uint8{uint8(constituency.Unrouted)}}
}
