package watch

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
)

// Decision is what a person says about a finding.
type Decision struct {
	To     State
	Reason string
	// Seen is the state that the person saw when deciding; when it is another by now
	// nothing is done (Conflict). Zero does not look.
	Seen State
}

// verbOf says which verb brings a finding into a state.
func verbOf(to State) string {
	switch to {
	case Open:
		return "watch.reopen_finding"
	case NotOurs:
		return "watch.mark_not_ours"
	case FalsePositive:
		return "watch.mark_false_positive"
	}
	return "watch.close_finding"
}

// Decide brings findings into a state by a person's word: closed, not ours, false
// positive, or open again. All or none; one that is in that state already is a
// Conflict. At most 1,000 at once: more is a filter's matter.
func (w *Watch) Decide(ctx context.Context, actor act.Actor, ids []int64, d Decision) error {
	switch d.To {
	case Open, Closed, NotOurs, FalsePositive:
	default:
		return fault.OnField("state", "watch.state.not_by_person", fault.Args{"State": d.To.String()})
	}
	if text.Blank(d.Reason) {
		return fault.OnField("reason", "watch.reason.empty", nil)
	}
	if len(ids) == 0 || len(ids) > 1000 {
		return fault.OnField("findings", "watch.findings.count", fault.Args{"Max": 1000})
	}
	call := act.Call{Actor: actor, Verb: verbOf(d.To), Reason: d.Reason, Subject: findingSubject(ids[0])}
	if len(ids) > 1 {
		call.Subject = "findings"
	}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		for _, id := range ids {
			f, err := w.visibleFinding(ctx, tx, id, actor.Org)
			if err != nil {
				return err
			}
			if d.Seen != 0 && f.State != d.Seen {
				return fault.New(fault.Conflict, "watch.finding.moved",
					fault.Args{"Number": w.Number(id), "State": f.State.String()})
			}
			if f.State == d.To {
				return fault.New(fault.Conflict, "watch.finding.already",
					fault.Args{"Number": w.Number(id), "State": d.To.String()})
			}
			if err := w.setState(ctx, tx, f, d.To, ChangeByPerson, clipLong(d.Reason)); err != nil {
				return err
			}
		}
		tx.Detail(decideDetail{Findings: ids, To: d.To.String()})
		tx.Fact(FindingsChanged{Findings: ids, Kind: string(ChangeByPerson), To: d.To.String()})
		return nil
	})
}

type decideDetail struct {
	Findings []int64 `json:"findings"`
	To       string  `json:"to,omitempty"`
}

// setState writes a change of state of one finding within an act: the row, its
// life, and after the commit the facets.
func (w *Watch) setState(ctx context.Context, tx *act.Tx, f Finding, to State, kind ChangeKind, cause string) error {
	if _, err := tx.ExecContext(ctx, `update watch_finding set state = $1, severity = $2, last_at = $3,
		changed_order = $4 where id = $5`, int64(to), int64(f.Severity), micros(f.Last), tx.Order(), f.ID); err != nil {
		return err
	}
	c := Change{
		Finding: f.ID, Order: tx.Order(), Kind: kind, From: f.State, To: to, Severity: f.Severity, Org: f.Org,
		Last: f.Last, At: tx.Now(), Cause: cause,
	}
	if err := insertChanges(ctx, tx, []Change{c}); err != nil {
		return err
	}
	tx.AfterCommit(func() { w.facets.change(uint32(f.ID), func(a *attr) { a.state = to }) })
	return nil
}

// Verify marks a finding's state as confirmed by a named check or person.
func (w *Watch) Verify(ctx context.Context, actor act.Actor, id int64, how string) error {
	if text.Blank(how) {
		return fault.OnField("reason", "watch.reason.empty", nil)
	}
	call := act.Call{Actor: actor, Verb: "watch.verify_finding", Reason: how, Subject: findingSubject(id)}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		f, err := w.visibleFinding(ctx, tx, id, actor.Org)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update watch_finding set flags = $1, changed_order = $2 where id = $3`,
			int64(f.Flags|Verified), tx.Order(), id); err != nil {
			return err
		}
		tx.AfterCommit(func() { w.facets.change(uint32(id), func(a *attr) { a.flags |= Verified }) })
		return insertChanges(ctx, tx, []Change{{
			Finding: id, Order: tx.Order(), Kind: ChangeVerified, From: f.State, To: f.State, Severity: f.Severity,
			Org: f.Org, Last: f.Last, At: tx.Now(), Cause: clipLong(how),
		}})
	})
}

// visibleFinding reads a finding as the reader's organisation may see it, with the
// overlay of what is not folded yet; NotFound when there is none for it.
func (w *Watch) visibleFinding(ctx context.Context, r sqldb.Reader, id, org int64) (Finding, error) {
	fs, err := w.findingsByID(ctx, r, []uint32{uint32(id)}, org)
	if err != nil {
		return Finding{}, err
	}
	if len(fs) == 0 {
		return Finding{}, fault.New(fault.NotFound, "watch.finding.none", nil)
	}
	return fs[0], nil
}

// Expire lets open findings of streams that close by expiry end when they have not
// been seen for the days that their kind says. It makes acts of at most stepRows
// findings each.
func (w *Watch) Expire(ctx context.Context) error {
	for _, s := range w.streamList() {
		if s.ClosesBy != ByExpiry || s.ExpiryDays == 0 {
			continue
		}
		if err := w.expireStream(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) expireStream(ctx context.Context, s *streamState) error {
	cutoff := day(w.acts.Clock().Now()).AddDate(0, 0, -s.ExpiryDays)
	stale, err := w.notSeenSince(ctx, s, cutoff)
	if err != nil {
		return err
	}
	for !stale.IsEmpty() {
		ids := make([]uint32, 0, 500)
		for it := stale.Iterator(); it.HasNext() && len(ids) < cap(ids); {
			ids = append(ids, it.Next())
		}
		for _, id := range ids {
			stale.Remove(id)
		}
		if err := w.expireSome(ctx, s, ids); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) expireSome(ctx context.Context, s *streamState, ids []uint32) error {
	call := act.Call{
		Actor: act.MachineActor("watch.expiry"), Verb: "watch.expire", Subject: "stream:" + s.Kind,
	}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		fs, err := w.findingsByID(ctx, tx, ids, AllOrgs)
		if err != nil {
			return err
		}
		var done []int64
		for _, f := range fs {
			if f.State != Open {
				continue
			}
			if err := w.setState(ctx, tx, f, Expired, ChangeExpired, "watch.cause.expired"); err != nil {
				return err
			}
			done = append(done, f.ID)
		}
		tx.Detail(struct {
			Findings int `json:"findings"`
		}{len(done)})
		tx.Fact(FindingsChanged{Findings: done, Kind: string(ChangeExpired), To: Expired.String()})
		return nil
	})
}

// Forget drops what a source's retention no longer allows: deliveries older than
// its days lose their bytes (received and content); findings outlive them.
func (w *Watch) Forget(ctx context.Context) error {
	srcs, err := w.Sources(ctx, w.read)
	if err != nil {
		return err
	}
	for _, s := range srcs {
		if s.Retention == 0 {
			continue
		}
		if err := w.forgetOf(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) forgetOf(ctx context.Context, s Source) error {
	before := w.acts.Clock().Now().AddDate(0, 0, -s.Retention)
	ds, err := sqldb.All(ctx, w.read, scanDelivery, `select `+deliveryColumns+` from watch_delivery
		where source_id = $1 and received_at < $2 and state in ('folded', 'unknown-kind', 'failed') and failure <> $3
		order by id limit 50`, s.ID, clock.Micros(before), forgotten)
	if err != nil {
		return err
	}
	for _, d := range ds {
		if err := w.forget(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// forgotten is the failure key of a delivery whose bytes are gone by retention.
const forgotten = "watch.delivery.forgotten"

// forget destroys the bytes first, which may be repeated, and then says so.
func (w *Watch) forget(ctx context.Context, d Delivery) error {
	if err := w.eraseUnshared(ctx, d); err != nil {
		return err
	}
	call := act.Call{Actor: act.MachineActor("watch.retention"), Verb: "watch.forget_delivery", Subject: deliverySubject(d.ID)}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `update watch_delivery set failure = $1 where id = $2`, forgotten, d.ID)
		return err
	})
}

// eraseUnshared destroys the bytes of a delivery, unless another delivery that is
// still kept holds the same bytes.
func (w *Watch) eraseUnshared(ctx context.Context, d Delivery) error {
	for _, text := range []string{d.Received, d.Content} {
		n, _, err := sqldb.One(ctx, w.read, sqldb.Int64, `select count(*) from watch_delivery
			where (received_ref = $1 or content_ref = $1) and failure <> $2 and id <> $3`, text, forgotten, d.ID)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		ref, err := blob.ParseRef(text)
		if err != nil {
			return err
		}
		if err := w.blobs.Erase(ctx, ref); err != nil && fault.CodeOf(err) != fault.NotFound {
			return err
		}
	}
	return nil
}
