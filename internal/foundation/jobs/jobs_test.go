package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

type sendArgs struct {
	Notice int64 `json:"notice"`
}

// each runs f on both engines with the queue's tables in place.
func each(t *testing.T, f func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	sqldbtest.Each(t, nil, func(t *testing.T, db *sqldb.DB) {
		if err := jobs.Migrate(context.Background(), db); err != nil {
			t.Fatal(err)
		}
		f(t, db)
	})
}

func newQueue(db *sqldb.DB) *jobs.Queue {
	return jobs.New(db, jobs.Config{
		Poll:    20 * time.Millisecond,
		Backoff: func(int) time.Duration { return time.Millisecond },
	})
}

func add[A any](t *testing.T, q *jobs.Queue, k jobs.Kind[A]) *jobs.Handle[A] {
	t.Helper()
	h, err := jobs.Add(q, k)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func start(t *testing.T, q *jobs.Queue) {
	t.Helper()
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			t.Errorf("stop the queue: %v", err)
		}
	})
}

// insert runs jobs' inserts in one transaction and commits or rolls back.
func insert(t *testing.T, db *sqldb.DB, commit bool, list ...jobs.Job) {
	t.Helper()
	ctx := context.Background()
	tx, err := db.BeginWrite(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range list {
		if err := j.Insert(ctx, tx); err != nil {
			t.Fatal(errors.Join(err, tx.Rollback()))
		}
	}
	end := tx.Rollback
	if commit {
		end = tx.Commit
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("got nothing in 20 s")
		panic("unreachable")
	}
}

// failed waits until n jobs are listed as failed.
func failed(t *testing.T, q *jobs.Queue, n int) []jobs.Failed {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		list, err := q.Failed(context.Background(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == n {
			return list
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("got %d failed jobs after 20 s, want %d", len(list), n)
		}
	}
}

func TestACommittedJobRunsOnceAndARolledBackOneNever(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		q, ran := newQueue(db), make(chan int64, 10)
		h := add(t, q, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(_ context.Context, a sendArgs, _ jobs.Try) error {
			ran <- a.Notice
			return nil
		}})
		start(t, q)
		insert(t, db, false, h.With(sendArgs{Notice: 1}))
		insert(t, db, true, h.With(sendArgs{Notice: 2}))
		insert(t, db, true, h.With(sendArgs{Notice: 3}))
		got := []int64{receive(t, ran), receive(t, ran)}
		if got[0]+got[1] != 5 {
			t.Errorf("got jobs %v, want 2 and 3", got)
		}
	})
}

func TestAFailedJobIsListedRetriedAndDone(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(db)
		var tries atomic.Int64
		var mended atomic.Bool
		done := make(chan jobs.Try, 1)
		h := add(t, q, jobs.Kind[sendArgs]{Name: "warn.send", Tries: 2, Work: func(_ context.Context, _ sendArgs, try jobs.Try) error {
			tries.Add(1)
			if !mended.Load() {
				return errors.New("the mail server is away")
			}
			done <- try
			return nil
		}})
		start(t, q)
		insert(t, db, true, h.With(sendArgs{Notice: 7}))
		list := failed(t, q, 1)
		got := list[0]
		got.ID, got.Since = 0, time.Time{}
		var args sendArgs
		if err := json.Unmarshal(got.Args, &args); err != nil {
			t.Fatal(err)
		}
		got.Args = nil
		want := jobs.Failed{Kind: "warn.send", Tries: 2, Reason: "the mail server is away"}
		if d := cmp.Diff(want, got); d != "" || args.Notice != 7 {
			t.Errorf("got args %v, want notice 7; failed job (-want +got):\n%s", args, d)
		}
		if n := tries.Load(); n != 2 {
			t.Errorf("got %d tries, want 2", n)
		}
		mended.Store(true)
		insert(t, db, true, q.Retry(list[0].ID))
		if try := receive(t, done); try.Number != 3 || !try.Last {
			t.Errorf("got try %+v, want the third and last", try)
		}
		failed(t, q, 0)
	})
}

func TestAPermanentErrorIsNotTriedAgainAndCanBeDismissed(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(db)
		h := add(t, q, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(context.Context, sendArgs, jobs.Try) error {
			return jobs.Permanent(errors.New("no such mailbox"))
		}})
		start(t, q)
		insert(t, db, true, h.With(sendArgs{}))
		list := failed(t, q, 1)
		if list[0].Tries != 1 {
			t.Errorf("got %d tries, want 1", list[0].Tries)
		}
		insert(t, db, true, q.Dismiss(list[0].ID))
		failed(t, q, 0)
		ctx := context.Background()
		tx, err := db.BeginWrite(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Retry(list[0].ID).Insert(ctx, tx); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("got %v for a dismissed job, want not_found", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAJobThatWasRunningWhenTheProcessEndedRunsAgain(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		// The first queue stands for the ended process: it never finishes its job.
		ended, ran := newQueue(db), make(chan int, 10)
		release := make(chan struct{})
		h := add(t, ended, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(_ context.Context, _ sendArgs, try jobs.Try) error {
			ran <- try.Number
			<-release
			return nil
		}})
		start(t, ended)
		t.Cleanup(func() { close(release) }) // before the cleanup of start
		insert(t, db, true, h.With(sendArgs{}))
		if try := receive(t, ran); try != 1 {
			t.Errorf("got try %d first, want 1", try)
		}
		next, again := newQueue(db), make(chan int, 10)
		add(t, next, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(_ context.Context, _ sendArgs, try jobs.Try) error {
			again <- try.Number
			return nil
		}})
		if err := next.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		stop := func() {
			if err := next.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		}
		defer stop()
		select {
		case try := <-again:
			if try != 2 {
				t.Errorf("got try %d after the restart, want 2", try)
			}
		case try := <-ran: // the first queue still polls and may be quicker
			if try != 2 {
				t.Errorf("got try %d after the restart, want 2", try)
			}
		case <-time.After(20 * time.Second):
			t.Error("the interrupted job did not run again in 20 s")
		}
	})
}

func TestStopCancelsWhatDoesNotEnd(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		q := newQueue(db)
		started, ended := make(chan struct{}, 1), make(chan error, 1)
		h := add(t, q, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(ctx context.Context, _ sendArgs, _ jobs.Try) error {
			started <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}})
		if err := q.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		insert(t, db, true, h.With(sendArgs{}))
		receive(t, started)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := receive(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want a cancelled context", err)
		}
	})
}

func TestAPeriodicKindRunsByItself(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		q, ran := newQueue(db), make(chan struct{}, 100)
		add(t, q, jobs.Kind[struct{}]{Name: "watch.expire", Every: time.Hour, Work: func(context.Context, struct{}, jobs.Try) error {
			ran <- struct{}{}
			return nil
		}})
		start(t, q)
		receive(t, ran)
	})
}

func TestTheQueueKnowsWhetherItIsMigrated(t *testing.T) {
	sqldbtest.Each(t, nil, func(t *testing.T, db *sqldb.DB) {
		ctx := context.Background()
		if err := jobs.CheckMigrated(ctx, db); !errors.Is(err, sqldb.ErrHalfMigrated) {
			t.Errorf("got %v for an empty database, want ErrHalfMigrated", err)
		}
		for range 2 { // the second does nothing
			if err := jobs.Migrate(ctx, db); err != nil {
				t.Fatal(err)
			}
		}
		if err := jobs.CheckMigrated(ctx, db); err != nil {
			t.Errorf("got %v for a migrated database", err)
		}
	})
}

func TestAClockThatIsPutForwardMissesNothingAndCatchesUpOnNothing(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		k := &clock.Wound{}
		q := jobs.New(db, jobs.Config{Clock: k, Poll: 20 * time.Millisecond})
		var runs atomic.Int64
		ran, looked := make(chan struct{}, 10_000), make(chan struct{}, 1)
		add(t, q, jobs.Kind[struct{}]{Name: "watch.expire", Every: time.Minute, Work: func(context.Context, struct{}, jobs.Try) error {
			runs.Add(1)
			ran <- struct{}{}
			return nil
		}})
		add(t, q, jobs.Kind[struct{}]{Name: "watch.look", Every: time.Second, Work: func(context.Context, struct{}, jobs.Try) error {
			select {
			case looked <- struct{}{}:
			default:
			}
			return nil
		}})
		start(t, q)
		for want := int64(1); want <= 3; want++ {
			receive(t, ran)
			receive(t, looked) // what would catch up has come before
			receive(t, looked)
			if n := runs.Load(); n != want {
				t.Fatalf("%d runs after %d days, want one for each time that the clock was put forward", n, want-1)
			}
			k.Set(k.Now().Add(24 * time.Hour))
		}
	})
}

// running puts a job into the queue that another process began some time ago.
func running(t *testing.T, db *sqldb.DB, j jobs.Job, k clock.Clock, since time.Duration) {
	t.Helper()
	insert(t, db, true, j)
	var at any = k.Now().Add(-since)
	if db.Engine == sqldb.SQLite {
		at = k.Now().Add(-since).Format("2006-01-02 15:04:05.000")
	}
	if _, err := db.Pool().ExecContext(t.Context(),
		`update river_job set state = 'running', attempt = 1, attempted_at = $1 where state = 'available'`, at); err != nil {
		t.Fatal(err)
	}
}

// newest is the state of the job that came last of a kind.
func newest(t *testing.T, db *sqldb.DB, kind string) (state string) {
	t.Helper()
	if err := db.Pool().QueryRowContext(t.Context(), `select state from river_job where kind = $1 order by id desc limit 1`, kind).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestOnlyWhatIsStuckIsTakenForStuck(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		q, ran := newQueue(db), make(chan int64, 10)
		h := add(t, q, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(_ context.Context, a sendArgs, _ jobs.Try) error {
			ran <- a.Notice
			return nil
		}})
		if err := q.Open(); err != nil {
			t.Fatal(err)
		}
		running(t, db, h.With(sendArgs{Notice: 1}), clock.System{}, 90*time.Minute)
		running(t, db, h.With(sendArgs{Notice: 2}), clock.System{}, time.Minute)
		start(t, q)
		if n := receive(t, ran); n != 1 {
			t.Errorf("job %d was taken for stuck, want 1", n)
		}
		// The look for stuck ones takes all at once: the other would be put off by now.
		if state := newest(t, db, "warn.send"); state != "running" {
			t.Errorf("the job that began a minute ago is %s, want running", state)
		}
	})
}

func TestUnderAClockWoundBackNothingIsTakenForStuck(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		k := &clock.Wound{}
		q := jobs.New(db, jobs.Config{Clock: k, Poll: 20 * time.Millisecond})
		h := add(t, q, jobs.Kind[sendArgs]{Name: "warn.send", Work: func(context.Context, sendArgs, jobs.Try) error { return nil }})
		looked := make(chan struct{}, 100)
		add(t, q, jobs.Kind[struct{}]{Name: "watch.look", Every: time.Second, Work: func(context.Context, struct{}, jobs.Try) error {
			looked <- struct{}{}
			return nil
		}})
		if err := q.Open(); err != nil {
			t.Fatal(err)
		}
		k.Set(k.Now().Add(-72 * time.Hour)) // as the demo does, when the queue is open
		running(t, db, h.With(sendArgs{}), k, time.Second)
		start(t, q)
		for range 4 { // the look for stuck ones begins with the first of these
			receive(t, looked)
		}
		if state := newest(t, db, "warn.send"); state != "running" {
			t.Errorf("the job that began a second ago is %s, want running", state)
		}
	})
}
