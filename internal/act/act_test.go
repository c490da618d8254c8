package act_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/ledger"
)

func lines() []sqldb.Migrations {
	return []sqldb.Migrations{{Room: "ledger", Files: ledger.Migrations}, {Room: "act", Files: act.Migrations}}
}

// rule is a decider that refuses the verb "room.forbidden" and names itself else.
type rule struct{}

func (rule) Decide(_ context.Context, _ sqldb.Reader, c act.Call) (act.Decision, error) {
	if c.Verb == "room.forbidden" {
		return act.Decision{Reasons: []string{"forbidden"}}, nil
	}
	return act.Decision{Allow: true, Policy: "rule"}, nil
}

// denials notes refusals in memory.
type denials struct {
	mu    sync.Mutex
	verbs []string
}

func (d *denials) Denied(_ context.Context, c act.Call, _ act.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verbs = append(d.verbs, c.Verb)
}

// frame is the frame over a real database.
type frame struct {
	*act.Acts
	denials *denials
	db      *sqldb.DB
	clock   *clocktest.Fake
	notices *atomic.Int64
}

func newFrame(t testing.TB, db *sqldb.DB) *frame {
	f := &frame{denials: &denials{}, db: db, clock: clocktest.New(time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)), notices: &atomic.Int64{}}
	f.Acts = act.New(act.Config{
		DB: db, Clock: f.clock, IDs: id.NewSource(f.clock, nil), Decider: rule{}, Denials: f.denials,
		Notify: func() { f.notices.Add(1) }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	return f
}

func each(t *testing.T, f func(t *testing.T, a *frame)) {
	t.Helper()
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) { f(t, newFrame(t, db)) })
}

func call(verb string) act.Call {
	return act.Call{Actor: act.Actor{ID: "person:1", Kind: act.Person}, Verb: verb, Subject: "thing:1"}
}

// orders are the numbers of all entries, oldest first.
func (f *frame) orders(t *testing.T) []int64 {
	t.Helper()
	found, err := ledger.Entries(t.Context(), f.Reader(), ledger.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var out []int64
	for _, e := range slices.Backward(found) {
		out = append(out, e.Order)
	}
	return out
}

func gapless(orders []int64) bool {
	for i, o := range orders {
		if o != int64(i)+1 {
			return false
		}
	}
	return true
}

// told is a fact for tests.
type told struct {
	Kind string `json:"-"`
	N    int64  `json:"n"`
}

func (f told) FactKind() string { return f.Kind }
func (told) FactVersion() int   { return 1 }

func TestAnActWritesItsEntryWithItsOwnTransaction(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		c := call("room.do")
		c.Reason, c.Purpose, c.Mandate, c.Exercise = "because", "care", "law:1", true
		err := f.Do(t.Context(), c, func(_ context.Context, tx *act.Tx) error {
			if tx.Order() != 1 || !tx.Now().Equal(f.clock.Now()) || tx.Actor().ID != "person:1" {
				t.Errorf("got order %d at %s by %s, want 1, now, person:1", tx.Order(), tx.Now(), tx.Actor().ID)
			}
			tx.Subject("thing:2")
			tx.Detail(struct {
				N int `json:"n"`
			}{3})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := ledger.Entries(t.Context(), f.Reader(), ledger.Query{})
		if err != nil || len(found) != 1 {
			t.Fatalf("got entries %+v and %v, want one", found, err)
		}
		e := found[0]
		if e.Actor != "person:1" || e.Verb != "room.do" || e.Subject != "thing:2" || e.Reason != "because" || e.Purpose != "care" ||
			e.Mandate != "law:1" || e.Policy != "rule" || !e.Exercise || string(e.Detail) != `{"n":3}` || e.Parent != 0 {
			t.Errorf("got entry %+v, want everything that the call and the closure said", e)
		}
		if f.notices.Load() != 1 {
			t.Errorf("got %d notices to the signer, want 1", f.notices.Load())
		}
	})
}

func TestAFailedActLeavesNothingAndNoGap(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		wrong := errors.New("wrong")
		after := false
		err := f.Do(t.Context(), call("room.do"), func(ctx context.Context, tx *act.Tx) error {
			tx.AfterCommit(func() { after = true })
			tx.Fact(told{Kind: "room.Told"})
			if _, err := tx.Next(ctx, "seq"); err != nil {
				return err
			}
			return wrong
		})
		if !errors.Is(err, wrong) || after || f.notices.Load() != 0 {
			t.Errorf("got %v, after-commit ran %v, %d notices, want the closure's error and nothing else", err, after, f.notices.Load())
		}
		if err := f.Do(t.Context(), call("room.do"), func(ctx context.Context, tx *act.Tx) error {
			if n, err := tx.Next(ctx, "seq"); err != nil || n != 1 {
				t.Errorf("got id %d and %v, want 1 again", n, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := f.orders(t); !slices.Equal(got, []int64{1}) {
			t.Errorf("got orders %v, want 1 alone", got)
		}
	})
}

func TestARefusalLeavesNothingButALineOfRefusal(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		ran := false
		err := f.Do(t.Context(), call("room.forbidden"), func(context.Context, *act.Tx) error { ran = true; return nil })
		if fault.CodeOf(err) != fault.Denied || ran {
			t.Errorf("got %v, closure ran %v, want denied before anything ran", err, ran)
		}
		if got := f.orders(t); len(got) != 0 || !slices.Equal(f.denials.verbs, []string{"room.forbidden"}) {
			t.Errorf("got orders %v and refusals %v, want none and one", got, f.denials.verbs)
		}
		if f.May(t.Context(), call("room.forbidden")) || !f.May(t.Context(), call("room.do")) || len(f.denials.verbs) != 1 {
			t.Error("got a wrong answer or a refusal from May, want answers without a trace")
		}
		code := fault.CodeOf(f.Decide(t.Context(), call("room.forbidden")))
		if code != fault.Denied || len(f.denials.verbs) != 2 {
			t.Errorf("got %q and refusals %v from Decide, want denied and noted", code, f.denials.verbs)
		}
	})
}

func TestAnActInsideAnActJoinsIt(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		err := f.Do(t.Context(), call("room.outer"), func(ctx context.Context, tx *act.Tx) error {
			for range 2 {
				if err := f.Do(ctx, call("room.inner"), func(context.Context, *act.Tx) error { return nil }); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := ledger.Entries(t.Context(), f.Reader(), ledger.Query{})
		if err != nil || len(found) != 3 {
			t.Fatalf("got %+v and %v, want three entries", found, err)
		}
		for _, e := range found[:2] {
			if e.Verb != "room.inner" || e.Parent != 1 {
				t.Errorf("got entry %+v, want an inner one that names its parent", e)
			}
		}
		if found[2].Order != 1 || found[2].Verb != "room.outer" || found[2].Parent != 0 || f.notices.Load() != 1 {
			t.Errorf("got %+v and %d notices, want the outer act as the first and one commit", found[2], f.notices.Load())
		}
	})
}

func TestWhatFailsInsideFailsTheWholeEvenWhenItsCallerGoesOn(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		wrong := errors.New("wrong")
		err := f.Do(t.Context(), call("room.outer"), func(ctx context.Context, _ *act.Tx) error {
			_ = f.Do(ctx, call("room.inner"), func(context.Context, *act.Tx) error { return wrong })
			return nil
		})
		if !errors.Is(err, wrong) || len(f.orders(t)) != 0 {
			t.Errorf("got %v and orders %v, want the inner error and nothing written", err, f.orders(t))
		}
		err = f.Do(t.Context(), call("room.outer"), func(ctx context.Context, _ *act.Tx) error {
			if err := f.Do(ctx, call("room.forbidden"), func(context.Context, *act.Tx) error { return nil }); fault.CodeOf(err) != fault.Denied {
				t.Errorf("got %v inside, want denied", err)
			}
			return nil // a verb may do without what it was refused
		})
		if err != nil || !gapless(f.orders(t)) || len(f.orders(t)) != 1 {
			t.Errorf("got %v and orders %v, want the outer act alone", err, f.orders(t))
		}
	})
}

func TestStepsAndHousekeepingHaveNoEntryAndHoldNoAct(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		for name, do := range map[string]func(context.Context, string, func(context.Context, *act.Tx) error) error{"step": f.Step, "housekeeping": f.Housekeep} {
			err := do(t.Context(), "test", func(ctx context.Context, tx *act.Tx) error {
				if err := f.Do(ctx, call("room.do"), func(context.Context, *act.Tx) error { return nil }); err == nil {
					t.Errorf("%s: got an act inside, want an error", name)
				}
				if err := f.Step(ctx, "inner", func(context.Context, *act.Tx) error { return nil }); err == nil {
					t.Errorf("%s: got a step inside, want an error", name)
				}
				_, err := tx.Next(ctx, name)
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := f.orders(t); len(got) != 0 {
			t.Errorf("got orders %v, want none", got)
		}
	})
}

func TestOrdersAreTotalAndGaplessUnderManyActsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		second := newFrame(t, f.db) // another process over the same database
		wrong := errors.New("wrong")
		var follow []int64
		f.Follow(act.Follower{Kind: "room.Told", Tell: func(e act.Envelope) { follow = append(follow, e.Order) }})
		var wg sync.WaitGroup
		for i := range 60 {
			frame := f
			if i%2 == 1 && f.Engine() == sqldb.Postgres {
				frame = second
			}
			wg.Go(func() {
				err := frame.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
					tx.Fact(told{Kind: "room.Told", N: tx.Order()})
					if i%5 == 0 {
						return wrong
					}
					return nil
				})
				if err != nil && !errors.Is(err, wrong) {
					t.Errorf("act %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if got := f.orders(t); len(got) != 48 || !gapless(got) {
			t.Errorf("got orders %v, want 1 to 48", got)
		}
		if !slices.IsSorted(follow) {
			t.Errorf("got facts followed in the order %v, want the order of acts", follow)
		}
	})
}

func TestFactsAreDeliveredOnceInTheOrderOfActs(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		wrong := errors.New("not yet")
		var heard []string
		fail := true
		sub := act.Subscription{Name: "test", Kinds: []string{"a.Told", "b.Told"}, Handle: func(ctx context.Context, tx *act.Tx, e act.Envelope) error {
			if e.Order == 2 && fail {
				return wrong
			}
			var body told
			if err := e.Decode(&body); err != nil {
				return err
			}
			heard = append(heard, fmt.Sprintf("%d %s %d", e.Order, e.Kind, body.N))
			_, err := tx.Next(ctx, "heard")
			return err
		}}
		f.Subscribe(sub)
		for i := range 3 {
			err := f.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
				tx.Fact(told{Kind: "b.Told", N: int64(i)})
				tx.Fact(told{Kind: "a.Told", N: int64(i)})
				tx.Fact(told{Kind: "c.Told"})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n, err := f.Deliver(t.Context(), "test"); n != 2 || !errors.Is(err, wrong) {
			t.Errorf("got %d delivered and %v, want the first act's two and the handler's error", n, err)
		}
		fail = false
		if n, err := f.Deliver(t.Context(), "test"); n != 4 || err != nil {
			t.Errorf("got %d delivered and %v, want the other four", n, err)
		}
		if n, err := f.Deliver(t.Context(), "test"); n != 0 || err != nil {
			t.Errorf("got %d delivered and %v once more, want none", n, err)
		}
		want := []string{"1 a.Told 0", "1 b.Told 0", "2 a.Told 1", "2 b.Told 1", "3 a.Told 2", "3 b.Told 2"}
		if !slices.Equal(heard, want) {
			t.Errorf("got %v, want %v", heard, want)
		}
		again := newFrame(t, f.db) // the next process goes on where this one stopped
		again.Subscribe(sub)
		if n, err := again.Deliver(t.Context(), "test"); n != 0 || err != nil {
			t.Errorf("got %d delivered and %v in the next process, want none", n, err)
		}
	})
}

func TestTwoProcessesDeliverEachFactOnce(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		var mu sync.Mutex
		times := map[int64]int{}
		handle := func(_ context.Context, tx *act.Tx, e act.Envelope) error {
			tx.AfterCommit(func() {
				mu.Lock()
				defer mu.Unlock()
				times[e.Order]++
			})
			return nil
		}
		frames := []*frame{f, newFrame(t, f.db)}
		for _, one := range frames {
			one.Subscribe(act.Subscription{Name: "test", Kinds: []string{"a.Told"}, Handle: handle})
		}
		for range 20 {
			if err := f.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
				tx.Fact(told{Kind: "a.Told"})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		for _, one := range frames {
			wg.Go(func() {
				if _, err := one.Deliver(t.Context(), "test"); err != nil {
					t.Errorf("deliver: %v", err)
				}
			})
		}
		wg.Wait()
		for order := int64(1); order <= 20; order++ {
			if times[order] != 1 {
				t.Errorf("fact of act %d: got delivered %d times, want once", order, times[order])
			}
		}
	})
}

func TestFactsForOthersHideNoneThatComesAfterThem(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		var heard []int64
		frames := []*frame{f, newFrame(t, f.db)} // the second is another process
		for _, one := range frames {
			one.Subscribe(act.Subscription{Name: "test", Kinds: []string{"b.Told"}, Handle: func(_ context.Context, tx *act.Tx, e act.Envelope) error {
				tx.AfterCommit(func() { heard = append(heard, e.Order) })
				return nil
			}})
		}
		tell := func(by *frame, kinds ...string) {
			t.Helper()
			if err := by.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
				for _, k := range kinds {
					tx.Fact(told{Kind: k})
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		deliver := func(by *frame, want int) {
			t.Helper()
			if n, err := by.Deliver(t.Context(), "test"); n != want || err != nil {
				t.Errorf("got %d delivered and %v, want %d", n, err, want)
			}
		}
		tell(f, "a.Told")
		tell(f, "c.Told")
		deliver(f, 0) // nothing up to here is looked through again
		deliver(frames[1], 0)
		tell(frames[1], "a.Told", "b.Told")
		tell(f, "b.Told", "c.Told")
		deliver(f, 2)
		tell(f, "a.Told")
		deliver(f, 0)
		tell(f, "b.Told")
		deliver(frames[1], 1)
		deliver(f, 0)
		if want := []int64{3, 4, 6}; !slices.Equal(heard, want) {
			t.Errorf("got the facts of acts %v, want %v", heard, want)
		}
	})
}

func TestOneTextIsReadAgainInOneActAfterItWasBrokenOff(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		const query = `select last from act_sequence where last > $1 order by last`
		broken := errors.New("enough")
		for round := range 3 { // the first round runs texts, the next ones what was prepared
			err := f.Do(t.Context(), call("room.do"), func(ctx context.Context, tx *act.Tx) error {
				for _, name := range []string{"one", "two", "three"} {
					if _, err := tx.Next(ctx, name); err != nil {
						return err
					}
				}
				_, err := sqldb.All(ctx, tx, func(sqldb.Row) (int, error) { return 0, broken }, query, round)
				if !errors.Is(err, broken) {
					t.Errorf("round %d: got %v, want the scan's error", round, err)
				}
				for after, want := range map[int]int{round: 3, round + 1: 0} {
					got, err := sqldb.All(ctx, tx, sqldb.Int64, query, after)
					if err != nil || len(got) != want {
						t.Errorf("round %d: got %v and %v after %d, want %d rows", round, got, err, after, want)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOneKindOfFactIsToldOncePerAct(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		err := f.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
			tx.Fact(told{Kind: "a.Told"})
			tx.Fact(told{Kind: "a.Told"})
			return nil
		})
		if err == nil || len(f.orders(t)) != 0 {
			t.Errorf("got %v and orders %v, want an error and nothing written", err, f.orders(t))
		}
	})
}

func TestWhatFollowsACommitRunsInTheOrderOfActs(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		var ran []int64 // without a lock: the frame promises one at a time
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				if err := f.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
					order := tx.Order()
					tx.AfterCommit(func() { ran = append(ran, order) })
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(ran) != 40 || !gapless(ran) {
			t.Errorf("got %v, want 1 to 40 in order", ran)
		}
	})
}

func TestRunDeliversUntilItIsStopped(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		heard := make(chan int64, 8)
		f.Subscribe(act.Subscription{Name: "test", Kinds: []string{"a.Told"}, Handle: func(_ context.Context, tx *act.Tx, e act.Envelope) error {
			tx.AfterCommit(func() { heard <- e.Order })
			return nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		for want := int64(1); want <= 3; want++ {
			if err := f.Do(t.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
				tx.Fact(told{Kind: "a.Told"})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got := <-heard; got != want {
				t.Errorf("got the fact of act %d, want %d", got, want)
			}
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v at the end, want cancelled", err)
		}
	})
}

func TestAReservedBlockIsNobodyElses(t *testing.T) {
	each(t, func(t *testing.T, f *frame) {
		first := make([]int64, 10)
		var wg sync.WaitGroup
		for i := range first {
			wg.Go(func() {
				err := f.Step(t.Context(), "test", func(ctx context.Context, tx *act.Tx) (err error) {
					first[i], err = tx.Reserve(ctx, "block", 100)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		slices.Sort(first)
		for i, n := range first {
			if n != int64(i)*100+1 {
				t.Errorf("got blocks that begin at %v, want 1, 101, 201 …", first)
				break
			}
		}
	})
}
