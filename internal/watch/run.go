package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// runEvery is how often the intake looks for work by itself: for the drop folder,
// expiry, retention, and work left by a crash.
const runEvery = 5 * time.Second

// Run takes in what was received, folds, matches again, watches the drop folder
// and lets findings expire, one thing after the other, until ctx ends. Work that a
// crash interrupted is resumed.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(runEvery)
	defer tick.Stop()
	for {
		if err := w.Work(ctx); err != nil && ctx.Err() == nil {
			w.log.ErrorContext(ctx, "watch: work", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		case <-tick.C:
			if err := w.periodic(ctx); err != nil && ctx.Err() == nil {
				w.log.ErrorContext(ctx, "watch: periodic work", "error", err)
			}
		}
	}
}

// periodic is what time brings, not arrivals.
func (w *Watch) periodic(ctx context.Context) error {
	return errors.Join(w.scanDrop(ctx), w.Expire(ctx), w.Forget(ctx))
}

func (w *Watch) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Work does all waiting work and returns: what was received is taken in, what was
// taken in is folded, changed assets are matched again. Run calls it; tests and
// the demo do so to wait.
func (w *Watch) Work(ctx context.Context) error {
	for {
		more, err := w.workOne(ctx)
		if err != nil || !more {
			return err
		}
	}
}

func (w *Watch) workOne(ctx context.Context) (more bool, err error) {
	d, ok, err := w.nextInState(ctx, Taken)
	if err != nil {
		return false, err
	}
	if ok {
		return true, w.fold(ctx, d)
	}
	for _, procedure := range []func(context.Context) (bool, error){w.rerunOne, w.rematchOne} {
		if did, err := procedure(ctx); err != nil || did {
			return did, err
		}
	}
	if d, ok, err = w.nextInState(ctx, Received); err != nil || !ok {
		return false, err
	}
	err = w.process(ctx, d)
	if err != nil && refusesDelivery(err) {
		w.log.WarnContext(ctx, "watch: delivery set aside", "delivery", d.ID, "error", err)
		err = w.failDelivery(ctx, d, err)
	}
	if err != nil {
		return false, fmt.Errorf("take in delivery %d: %w", d.ID, err)
	}
	w.waiters.done(d.ID)
	return true, nil
}

// refusesDelivery tells an error of the delivery itself from one of ours, after
// which the same delivery is tried again.
func refusesDelivery(err error) bool {
	return errors.Is(err, errUnreadable) || errors.Is(err, errUnknownKind) || fault.CodeOf(err) == fault.Invalid
}

func (w *Watch) nextInState(ctx context.Context, s DeliveryState) (Delivery, bool, error) {
	return sqldb.One(ctx, w.read, scanDelivery, `select `+deliveryColumns+` from watch_delivery
		where state = $1 order by id limit 1`, string(s))
}

// waiters are those who wait for a delivery to be taken in or set aside.
type waiters struct {
	mu sync.Mutex
	ch map[int64][]chan struct{}
}

func (ws *waiters) add(delivery int64) <-chan struct{} {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.ch == nil {
		ws.ch = map[int64][]chan struct{}{}
	}
	c := make(chan struct{})
	ws.ch[delivery] = append(ws.ch[delivery], c)
	return c
}

func (ws *waiters) done(delivery int64) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, c := range ws.ch[delivery] {
		close(c)
	}
	delete(ws.ch, delivery)
}

// Wait waits until a delivery is taken in or set aside, or ctx ends, and returns
// it as it is then.
func (w *Watch) Wait(ctx context.Context, delivery int64) (Delivery, error) {
	c := w.waiters.add(delivery)
	tick := time.NewTicker(time.Second) // another process may do the work
	defer tick.Stop()
	for {
		d, err := w.Delivery(ctx, w.read, delivery)
		if err != nil || d.State != Received {
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, ctx.Err()
		case <-c:
		case <-tick.C:
		}
	}
}

// RetryDelivery gives a delivery that was set aside, or whose kind was unknown,
// another try: with the mapping as it is now.
func (w *Watch) RetryDelivery(ctx context.Context, actor act.Actor, id int64) error {
	d, err := w.Delivery(ctx, w.read, id)
	if err != nil {
		return err
	}
	src, err := w.Source(ctx, w.read, d.Source)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(d.Plan, "@") // the mapping that it came with
	if name == "" {
		name = src.Mapping
	}
	p, err := w.planNamed(ctx, name, d.Kind)
	if errors.Is(err, errUnknownKind) {
		return fault.New(fault.Invalid, "watch.delivery.unknown_kind", fault.Args{"Kind": d.Kind})
	}
	if err != nil {
		return err
	}
	if d.ObservedBy == "arrival" || d.ObservedBy == "rows" { // now that its rows can be read
		ref, err := blob.ParseRef(d.Content)
		if err != nil {
			return err
		}
		if d.Observed, d.ObservedBy, err = w.dayOfContent(ctx, ref, p); err != nil {
			return err
		}
	}
	call := act.Call{Actor: actor, Verb: "watch.deliver", Subject: deliverySubject(id)}
	err = w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		res, err := tx.ExecContext(ctx, `update watch_delivery set state = 'received', failure = '', kind = $1, plan = $2,
			observed = $3, observed_by = $4 where id = $5 and state in ('failed', 'unknown-kind')`,
			p.Kind, p.label(), clock.Micros(d.Observed), d.ObservedBy, id)
		if sqldb.IsUnique(err) {
			return fault.New(fault.Conflict, "watch.delivery.twice", nil)
		}
		return oneRow(res, err)
	})
	if err == nil {
		w.wakeUp()
	}
	return err
}
