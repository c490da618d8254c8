package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// outcome is everything that the take-in makes visible.
type outcome struct {
	this     *roaring.Bitmap
	verdict  verdict
	presence presence
	result   string  // hash of what it changed
	shown    *facets // what the opened findings add to the facets
}

// finish evaluates, writes presence and sidecar, prepares the changes in steps and
// makes everything visible in one short act.
func (p *intake) finish(ctx context.Context, began time.Time) error {
	o, err := p.conclude(ctx)
	if err != nil {
		return err
	}
	if err := p.writeBlobs(ctx, &o); err != nil {
		return err
	}
	if o.result, err = p.writeChanges(ctx, o.verdict); err != nil {
		return err
	}
	p.d.Took = p.w.acts.Clock().Now().Sub(began)
	return p.takeIn(ctx, o)
}

// conclude turns the places into a presence and asks evaluate.
func (p *intake) conclude(ctx context.Context) (o outcome, err error) {
	slices.Sort(p.places)
	o.this = presenceOf(p.places)
	proves, why := proof(p.stream.Stream, p.fit.Weak(), int64(p.last)-1, p.counts, p.earlier())
	p.d.Proves, p.d.ProvesWhy, p.d.LostColumns = proves, why, p.fit.Lost
	o.presence = presence{
		delivery: p.d.ID, observed: p.d.Observed, proves: proves, rows: p.counts.Rows, set: o.this,
	}
	o.verdict, err = p.w.judge(ctx, p.stream, &p.d, o.presence, p.opened)
	if err != nil {
		return o, err
	}
	p.counts.Opened = int64(p.opened.GetCardinality())
	p.counts.Reopened = int64(o.verdict.reopened.GetCardinality())
	p.counts.Kept = int64(o.this.GetCardinality()) - p.counts.Opened -
		int64(roaring.And(o.this, roaring.Or(o.verdict.reopened, o.verdict.corrected)).GetCardinality())
	p.counts.NoLongerSeen = int64(o.verdict.gone.GetCardinality())
	p.counts.Worse = int64(len(p.worse))
	return o, nil
}

// earlier are the presences of deliveries observed before this one.
func (p *intake) earlier() (ps []presence) {
	for _, e := range p.stream.presences {
		if e.delivery != p.d.ID && e.observed.Before(p.d.Observed) {
			ps = append(ps, e)
		}
	}
	return ps
}

// presenceOf is the set of findings in sorted places.
func presenceOf(ps []place) *roaring.Bitmap {
	b := roaring.New()
	ids := make([]uint32, 0, 4096)
	for _, pl := range ps {
		if n := len(ids); n > 0 && ids[n-1] == pl.id() {
			continue
		}
		if len(ids) == cap(ids) {
			b.AddMany(ids)
			ids = ids[:0]
		}
		ids = append(ids, pl.id())
	}
	b.AddMany(ids)
	return b
}

// judge collects the sets that evaluate needs. This delivery's presence replaces
// the one it had before, when a row of its quarantine was taken in later.
func (w *Watch) judge(ctx context.Context, s *streamState, d *Delivery, this presence, opened *roaring.Bitmap) (v verdict, err error) {
	e := evaluation{
		needed: s.AbsentAfter, byAbsence: s.ClosesBy == ByAbsence && s.FullScan, this: this.set, newest: true,
		blocked: roaring.New(),
	}
	if e.needed == 0 {
		src, err := w.Source(ctx, w.read, s.Source)
		if err != nil {
			return v, err
		}
		e.needed = max(src.AbsentAfter, 1)
	}
	with := streamState{presences: slices.Clone(s.presences)}
	with.add(this)
	e.presences = with.presences
	for _, p := range s.presences {
		if p.delivery != d.ID && !p.observed.Before(d.Observed) {
			e.newest = false
		}
	}
	w.facets.view(func(f *facets) {
		mine := bitmap2(f.stream, uint16(s.ID))
		e.open = roaring.And(bitmap2(f.state, Open), mine)
		e.gone = roaring.And(bitmap2(f.state, NoLongerSeen), mine)
		e.other = roaring.And(roaring.Or(bitmap2(f.state, Expired), bitmap2(f.state, Closed)), this.set)
		e.weak = roaring.And(f.weak, mine)
	})
	e.open.Or(opened)
	if e.other, err = w.closedBefore(ctx, e.other, d.Observed); err != nil {
		return v, err
	}
	if from, ok := provenSince(e.presences, e.needed); ok && e.byAbsence {
		for i := range e.presences {
			if p := &e.presences[i]; !p.observed.Before(from) {
				if p.set, err = w.presenceSet(ctx, *p); err != nil {
					return v, err
				}
			}
		}
		if e.blocked, err = w.blockedSince(ctx, s, d, from); err != nil {
			return v, err
		}
	}
	return evaluate(e), nil
}

// bitmap2 reads a facet without making it.
func bitmap2[K comparable](m map[K]*roaring.Bitmap, k K) *roaring.Bitmap {
	if b := m[k]; b != nil {
		return b
	}
	return roaring.New()
}

// closedBefore keeps those of a small set that were closed or expired before the
// end of a day: what was seen only earlier than its closing does not reopen it.
func (w *Watch) closedBefore(ctx context.Context, set *roaring.Bitmap, observed time.Time) (*roaring.Bitmap, error) {
	out := roaring.New()
	for it := set.Iterator(); it.HasNext(); {
		id := it.Next()
		at, _, err := sqldb.One(ctx, w.read, sqldb.Int64,
			`select coalesce(max(at), 0) from watch_change where finding_id = $1 and to_state in ($2, $3)`,
			int64(id), int64(Closed), int64(Expired))
		if err != nil {
			return nil, fmt.Errorf("read when findings were closed: %w", err)
		}
		if !clock.FromMicros(at).After(observed.Add(24 * time.Hour)) {
			out.Add(id)
		}
	}
	return out, nil
}

// changes is the verdict as changes of this delivery, one after the other: there may
// be a million.
func (p *intake) changes(v verdict) iter.Seq[Change] {
	now := p.w.acts.Clock().Now()
	change := func(id uint32, kind ChangeKind, to State, last time.Time, cause string) Change {
		a := p.w.facets.attrOf(id)
		c := Change{
			Finding: int64(id), Delivery: p.d.ID, Kind: kind, From: a.state, To: to, Severity: a.severity,
			Org: int64(a.org), Last: last, At: now, Cause: cause,
		}
		if s, ok := p.worse[id]; ok {
			c.Severity = s
		}
		return c
	}
	return func(yield func(Change) bool) {
		each := func(set *roaring.Bitmap, kind ChangeKind, to State, last time.Time, cause string) bool {
			for it := set.Iterator(); it.HasNext(); {
				if !yield(change(it.Next(), kind, to, last, cause)) {
					return false
				}
			}
			return true
		}
		left := v.gone.Clone()
		for _, on := range v.lastSeen {
			if !each(on.set, ChangeGone, NoLongerSeen, on.day, "watch.cause.absent") {
				return
			}
			left.AndNot(on.set)
		}
		_ = each(left, ChangeGone, NoLongerSeen, time.Time{}, "watch.cause.absent") &&
			each(v.reopened, ChangeReopened, Open, p.d.Observed, "watch.cause.seen_again") &&
			each(v.corrected, ChangeRestored, Open, p.d.Observed, "watch.cause.corrected") &&
			each(p.worseOpen(), ChangeWorse, Open, p.d.Observed, "watch.cause.worse")
	}
}

// worseOpen is the set of open findings that got worse.
func (p *intake) worseOpen() *roaring.Bitmap {
	b := roaring.New()
	for id := range p.worse {
		if p.w.facets.attrOf(id).state == Open {
			b.Add(id)
		}
	}
	return b
}

func (p *intake) writeBlobs(ctx context.Context, o *outcome) (err error) {
	if p.d.Presence, err = p.w.writeBitmap(ctx, o.this); err != nil {
		return err
	}
	o.presence.ref = p.d.Presence
	if p.d.News, err = p.w.writeBitmap(ctx, p.news(o.verdict)); err != nil {
		return err
	}
	p.d.Sidecar, err = p.w.writeSidecar(ctx, p.places)
	return err
}

// news is what somebody would be told of: what opened, came back or got worse.
func (p *intake) news(v verdict) *roaring.Bitmap {
	b := roaring.AndNot(roaring.Or(p.opened, v.reopened), v.gone)
	for id := range p.worse {
		b.Add(id)
	}
	return b
}

// writeChanges writes the changes in steps and returns their hash; they stay
// invisible until the take-in. What an interrupted run wrote is deleted first.
func (p *intake) writeChanges(ctx context.Context, v verdict) (hash string, err error) {
	if err := p.w.dropPendingChanges(ctx, p.d.ID); err != nil {
		return "", err
	}
	h := sha256.New()
	chunk := make([]Change, 0, stepRows)
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		err := p.w.acts.Step(ctx, "watch.changes", func(ctx context.Context, tx *act.Tx) error {
			return insertChanges(ctx, tx, chunk)
		})
		chunk = chunk[:0]
		return err
	}
	for c := range p.changes(v) {
		_, _ = fmt.Fprintf(h, "%d %s %d %d %d\n", c.Finding, c.Kind, c.From, c.To, c.Severity)
		if chunk = append(chunk, c); len(chunk) == cap(chunk) {
			if err := flush(); err != nil {
				return "", fmt.Errorf("write changes of delivery %d: %w", p.d.ID, err)
			}
		}
	}
	if err := flush(); err != nil {
		return "", fmt.Errorf("write changes of delivery %d: %w", p.d.ID, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (w *Watch) dropPendingChanges(ctx context.Context, delivery int64) error {
	for {
		var n int64
		err := w.acts.Step(ctx, "watch.changes", func(ctx context.Context, tx *act.Tx) error {
			res, err := tx.ExecContext(ctx, `delete from watch_change where delivery_id = $1 and finding_id in
				(select finding_id from watch_change where delivery_id = $1 and act_order = 0 limit $2) and act_order = 0`,
				delivery, stepRows)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}

func insertChanges(ctx context.Context, tx *act.Tx, cs []Change) error {
	st, err := tx.PrepareContext(ctx, `insert into watch_change
		(finding_id, delivery_id, act_order, kind, from_state, to_state, severity, org_id, last_at, at, cause)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	if err != nil {
		return err
	}
	defer st.Close()
	for i := range cs {
		c := &cs[i]
		if _, err := st.ExecContext(ctx, c.Finding, c.Delivery, c.Order, string(c.Kind), int64(c.From), int64(c.To),
			int64(c.Severity), c.Org, micros(c.Last), clock.Micros(c.At), c.Cause); err != nil {
			return err
		}
	}
	return nil
}

// micros is a time as stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Micros(t)
}

// takeInDetail is what the ledger keeps of a delivery.
type takeInDetail struct {
	Content string `json:"content"`
	Counts
	Proves bool   `json:"proves"`
	Result string `json:"result"` // SHA-256 over presence, sidecar, counts and changes
}

// takeIn is the last, short act: it flips the delivery, writes the one entry and
// tells the one fact.
func (p *intake) takeIn(ctx context.Context, o outcome) error {
	p.d.ResultHash = resultHash(p.d, p.counts, o.result)
	o.shown = p.w.facets.partsOf(p.opened)
	call := act.Call{
		Actor: act.MachineActor("watch.intake"), Verb: "watch.take_in", Subject: deliverySubject(p.d.ID),
		Exercise: p.src.Exercise,
	}
	return p.w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		src, err := p.w.Source(ctx, tx, p.src.ID) // its mode may have changed while the rows were read
		if err != nil {
			return err
		}
		released := int64(0)
		if src.Mode == Live {
			released = clock.Micros(tx.Now())
		}
		c, d := p.counts, p.d
		res, err := tx.ExecContext(ctx, `update watch_delivery set stream_id = $1, state = $2, failure = '', mode = $3,
			released_at = $4, act_order = $5, total_rows = $6, events = $7, quarantined = $8, opened = $9, kept = $10,
			worse = $11, no_longer_seen = $12, reopened = $13, unrouted = $14, proves = $15, proves_why = $16,
			lost_columns = $17, presence_ref = $18, sidecar_ref = $19, news_ref = $20, result_hash = $21,
			microseconds = $22 where id = $23 and state = 'received'`,
			d.Stream, string(Taken), string(src.Mode), released, tx.Order(), c.Rows, c.Events, c.Quarantined, c.Opened,
			c.Kept, c.Worse, c.NoLongerSeen, c.Reopened, c.Unrouted, d.Proves, d.ProvesWhy,
			strings.Join(d.LostColumns, ","), d.Presence, d.Sidecar, d.News, d.ResultHash, d.Took.Microseconds(), d.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("take in delivery %d: it is not waiting (%w)", d.ID, err)
		}
		if _, err := tx.ExecContext(ctx, `update watch_source set last_taken_at = $1 where id = $2 and last_taken_at < $1`,
			clock.Micros(tx.Now()), src.ID); err != nil {
			return err
		}
		tx.Detail(takeInDetail{Content: d.Content, Counts: c, Proves: d.Proves, Result: d.ResultHash})
		tx.Fact(DeliveryTaken{Delivery: d.ID, Source: src.ID, Stream: d.Stream, Mode: src.Mode, News: d.News, Counts: c})
		tx.AfterCommit(func() {
			p.w.taken(p.stream, o, p.opened, p.worse)
			if released == 0 {
				p.w.held.add(p.src.ID, d.ID, p.news(o.verdict))
			}
		})
		return nil
	})
}

func resultHash(d Delivery, c Counts, changes string) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%+v\n%s\n", d.Content, d.Presence, d.Sidecar, c, changes))
	return hex.EncodeToString(h[:])
}

// taken moves what is in memory to what has just been committed.
func (w *Watch) taken(s *streamState, o outcome, opened *roaring.Bitmap, worse map[uint32]Severity) {
	w.facets.show(opened, o.shown)
	w.facets.moveState(o.verdict.gone, Open, NoLongerSeen)
	for it := roaring.Or(o.verdict.reopened, o.verdict.corrected).Iterator(); it.HasNext(); {
		w.facets.change(it.Next(), func(a *attr) { a.state = Open })
	}
	for id, sev := range worse {
		w.facets.change(id, func(a *attr) { a.severity = sev })
	}
	w.mu.Lock()
	s.add(o.presence)
	w.mu.Unlock()
}
