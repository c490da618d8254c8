package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Fact is news of one act for rooms upstairs. Kind is "room.Name", such as
// "watch.FindingsOpened"; Version rises when the meaning of a field changes.
type Fact interface {
	FactKind() string
	FactVersion() int
}

// Envelope is a fact as it is kept and delivered.
type Envelope struct {
	Order    int64 // of the act that told it
	Time     time.Time
	Kind     string
	Version  int
	Exercise bool
	Body     json.RawMessage
}

// Decode reads the body into a fact of the right type.
func (e Envelope) Decode(into any) error {
	if err := json.Unmarshal(e.Body, into); err != nil {
		return fmt.Errorf("read fact %s of act %d: %w", e.Kind, e.Order, err)
	}
	return nil
}

// Follower is told of every fact of its kind in memory, right after the commit
// and before the next act. Tell must be quick and must not fail.
type Follower struct {
	Kind string
	Tell func(Envelope)
}

// Subscription hears facts of its kinds in the order of acts, exactly once: each
// is handled in a step that also moves the subscription's cursor. Long work is
// begun there (a job, a procedure row), not done.
type Subscription struct {
	Name   string // "warn.notices"
	Kinds  []string
	Handle func(ctx context.Context, tx *Tx, e Envelope) error
}

// Follow adds a follower; to be called before the first act.
func (a *Acts) Follow(f Follower) { a.followers = append(a.followers, f) }

// Fact adds news to the act. A second fact of the same kind in one act is a
// mistake of the verb and makes the act fail.
func (tx *Tx) Fact(f Fact) { tx.facts = append(tx.facts, f) }

func (tx *Tx) writeFacts(ctx context.Context) error {
	seen := map[string]bool{}
	for _, f := range tx.facts {
		if seen[f.FactKind()] {
			return fmt.Errorf("fact %s told twice in one act", f.FactKind())
		}
		seen[f.FactKind()] = true
		body, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("write fact %s: %w", f.FactKind(), err)
		}
		e := Envelope{
			Order: tx.order, Time: tx.now, Kind: f.FactKind(), Version: f.FactVersion(),
			Exercise: tx.call.Exercise, Body: body,
		}
		if _, err := tx.ExecContext(ctx, `insert into fact (act_order, kind, version, exercise, at, body)
			values ($1, $2, $3, $4, $5, $6)`,
			e.Order, e.Kind, e.Version, e.Exercise, clock.Micros(e.Time), string(body)); err != nil {
			return fmt.Errorf("keep fact %s: %w", e.Kind, err)
		}
		tx.shared.facts = append(tx.shared.facts, e)
	}
	return nil
}

// subscriber is a running subscription.
type subscriber struct {
	Subscription
	wants map[string]bool
	wake  chan struct{}
	// clear is the last act up to which no fact waits for it: those that others hear
	// are not looked through again.
	clear atomic.Int64
}

// hears tells whether one of some facts is for the subscription.
func (s *subscriber) hears(facts []Envelope) bool {
	return slices.ContainsFunc(facts, func(e Envelope) bool { return s.wants[e.Kind] })
}

// Subscribe adds a subscription; to be called before Run.
func (a *Acts) Subscribe(s Subscription) {
	wants := map[string]bool{}
	for _, k := range s.Kinds {
		wants[k] = true
	}
	a.subs = append(a.subs, &subscriber{Subscription: s, wants: wants, wake: make(chan struct{}, 1)})
}

func (a *Acts) wake(facts []Envelope) {
	for _, s := range a.subs {
		if !s.hears(facts) {
			continue
		}
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// factPoll is how often a subscriber looks by itself, for facts of other
// processes on the same database.
const factPoll = 2 * time.Second

// Run delivers facts to the subscriptions until ctx ends. A handler that fails is
// tried again with the next look; its subscription waits, the others go on.
func (a *Acts) Run(ctx context.Context) error {
	done := make(chan struct{})
	for _, s := range a.subs {
		go func() {
			defer func() { done <- struct{}{} }()
			a.serve(ctx, s)
		}()
	}
	for range a.subs {
		<-done
	}
	return ctx.Err()
}

func (a *Acts) serve(ctx context.Context, s *subscriber) {
	ticker := time.NewTicker(factPoll)
	defer ticker.Stop()
	for {
		if _, err := a.Deliver(ctx, s.Name); err != nil && ctx.Err() == nil {
			a.cfg.Log.ErrorContext(ctx, "deliver facts", "subscription", s.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-ticker.C:
		}
	}
}

// Deliver hands every waiting fact to the named subscription and returns how
// many there were. Run does this by itself; tests and the demo call it to wait.
func (a *Acts) Deliver(ctx context.Context, name string) (n int, err error) {
	for _, s := range a.subs {
		if s.Name != name {
			continue
		}
		for {
			more, err := a.deliverOne(ctx, s)
			if err != nil || !more {
				return n, err
			}
			n++
		}
	}
	return 0, fmt.Errorf("no subscription %q", name)
}

// cursor is how far a subscription has read: facts are ordered by act, then kind.
type cursor struct {
	order int64
	kind  string
}

func scanCursor(r sqldb.Row) (c cursor, err error) { return c, r.Scan(&c.order, &c.kind) }

// deliverOne handles the next fact behind the cursor.
func (a *Acts) deliverOne(ctx context.Context, s *subscriber) (more bool, err error) {
	at, _, err := sqldb.One(ctx, a.cfg.DB.Reader(), scanCursor,
		`select last, last_kind from fact_cursor where subscription = $1`, s.Name)
	if err != nil {
		return false, err
	}
	// Acts commit in their order: what nextFact does not see up to here never comes.
	last, _, err := sqldb.One(ctx, a.cfg.DB.Reader(), sqldb.Int64, `select last from act_order where id = 1`)
	if err != nil {
		return false, err
	}
	e, ok, err := a.nextFact(ctx, s, at)
	if err != nil {
		return false, err
	}
	if !ok {
		s.clear.Store(last)
		return false, nil
	}
	err = a.Step(ctx, "facts of "+s.Name, func(ctx context.Context, tx *Tx) error {
		res, err := tx.ExecContext(ctx, `insert into fact_cursor (subscription, last, last_kind) values ($1, $2, $3)
			on conflict (subscription) do update set last = excluded.last, last_kind = excluded.last_kind
			where fact_cursor.last = $4 and fact_cursor.last_kind = $5`,
			s.Name, e.Order, e.Kind, at.order, at.kind)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errMoved)
		}
		return s.Handle(ctx, tx, e)
	})
	if errors.Is(err, errMoved) {
		return true, nil // another process was faster; look again
	}
	return err == nil, err
}

var errMoved = errors.New("the cursor has moved")

func (a *Acts) nextFact(ctx context.Context, s *subscriber, after cursor) (Envelope, bool, error) {
	if known := s.clear.Load(); known > after.order {
		after = cursor{order: known + 1} // before all kinds of the next act
	}
	args := []any{after.order, after.kind}
	for k := range s.wants {
		args = append(args, k)
	}
	return sqldb.One(ctx, a.cfg.DB.Reader(), scanEnvelope,
		`select act_order, kind, version, exercise, at, body from fact
		where (act_order, kind) > ($1, $2) and kind in `+sqldb.In(3, len(s.wants))+`
		order by act_order, kind limit 1`, args...)
}

func scanEnvelope(r sqldb.Row) (e Envelope, err error) {
	var at int64
	var body string
	err = r.Scan(&e.Order, &e.Kind, &e.Version, &e.Exercise, &at, &body)
	e.Time, e.Body = clock.FromMicros(at), json.RawMessage(body)
	return e, err
}
