package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Config is how the queue works. Zero values mean the defaults.
type Config struct {
	// Clock dates jobs and their retries.
	Clock clock.Clock
	// Log takes River's own warnings and errors.
	Log *slog.Logger
	// Instance names this process among those that work on one database; after a
	// crash the same name finds what was left running. Default "almenara".
	Instance string
	// Workers is the number of jobs that run at once (default 16).
	Workers int
	// Poll is the time between two looks for new jobs (default 200 ms).
	Poll time.Duration
	// Backoff is the pause after the n-th failed try, n from 1. Default: 10 s,
	// then four times longer each time, at most an hour.
	Backoff func(try int) time.Duration
}

// The bounds of a kind that sets none.
const (
	defaultTries   = 8
	defaultTimeout = 2 * time.Minute
)

// When a running job is taken for one whose process is gone for good.
const (
	stuckAfter = time.Hour
	neverStuck = 100 * 365 * 24 * time.Hour
)

// Kind is a sort of work. A is a struct that JSON can carry.
type Kind[A any] struct {
	Name    string        // "room.verb", such as "warn.send"
	Tries   int           // default 8
	Timeout time.Duration // of one try; default 2 minutes
	// Every makes the kind periodic: one job with the zero value of A at Start and
	// then at this interval, by one process of the installation.
	Every time.Duration
	// Work does it. An error means another try; [Permanent] and [Later] say more.
	Work func(ctx context.Context, args A, try Try) error
}

// Try says which try of which job is running.
type Try struct {
	Job    int64
	Number int // from 1
	Last   bool
}

// Queue is the queue of one process. Kinds are added before Start.
type Queue struct {
	db      *sqldb.DB
	cfg     Config
	workers *river.Workers
	every   []*river.PeriodicJob
	names   map[string]bool
	client  *river.Client[*sql.Tx]
}

// New returns a queue on db, not yet started. Jobs can be enqueued as soon as
// Open or Start has been called.
func New(db *sqldb.DB, c Config) *Queue {
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Instance == "" {
		c.Instance = "almenara"
	}
	if c.Workers == 0 {
		c.Workers = 16
	}
	if c.Poll == 0 {
		c.Poll = 200 * time.Millisecond
	}
	if c.Backoff == nil {
		c.Backoff = backoff
	}
	return &Queue{db: db, cfg: c, workers: river.NewWorkers(), names: map[string]bool{}}
}

func backoff(try int) time.Duration {
	d := 10 * time.Second
	for range try - 1 {
		if d *= 4; d >= time.Hour {
			return time.Hour
		}
	}
	return d
}

// Handle makes jobs of one kind.
type Handle[A any] struct {
	queue *Queue
	name  string
	tries int
}

// Add registers a kind. It returns an error for a name that is taken or not of
// the form room.verb.
func Add[A any](q *Queue, k Kind[A]) (*Handle[A], error) {
	if k.Tries == 0 {
		k.Tries = defaultTries
	}
	if k.Timeout == 0 {
		k.Timeout = defaultTimeout
	}
	if q.client != nil {
		return nil, fmt.Errorf("add job kind %s: the queue is already open", k.Name)
	}
	if q.names[k.Name] || k.Name == "" {
		return nil, fmt.Errorf("add job kind %q: the name is empty or taken", k.Name)
	}
	q.names[k.Name] = true
	river.AddWorkerArgs(q.workers, payload{kind: k.Name}, &worker[A]{kind: k, backoff: q.cfg.Backoff, clock: q.cfg.Clock})
	h := &Handle[A]{queue: q, name: k.Name, tries: k.Tries}
	if k.Every > 0 {
		q.every = append(q.every, h.periodic(k.Every))
	}
	return h, nil
}

func (h *Handle[A]) periodic(every time.Duration) *river.PeriodicJob {
	construct := func() (river.JobArgs, *river.InsertOpts) {
		var zero A
		body, err := json.Marshal(zero)
		if err != nil {
			body = []byte("{}")
		}
		return payload{kind: h.name, body: body}, &river.InsertOpts{MaxAttempts: h.tries}
	}
	return river.NewPeriodicJob(pace{every, h.queue.cfg.Clock}, construct,
		&river.PeriodicJobOpts{ID: h.name, RunOnStart: true})
}

// pace is a river.PeriodicSchedule that runs once after a pause, however many runs the
// machine missed while it slept or its clock was put forward.
type pace struct {
	every time.Duration
	clock clock.Clock
}

// Next returns when to run after a run that was due at a time.
func (p pace) Next(due time.Time) time.Time {
	now := p.clock.Now()
	if next := due.Add(p.every); next.After(now) {
		return next
	}
	return now.Add(p.every)
}

// Job is one piece of work, ready to be put into the queue within a transaction.
type Job struct {
	insert func(ctx context.Context, tx *sql.Tx) error
}

// Insert puts the job into the queue; it runs only if tx commits.
func (j Job) Insert(ctx context.Context, tx *sql.Tx) error { return j.insert(ctx, tx) }

// With returns a job with these arguments, to run as soon as possible.
func (h *Handle[A]) With(args A) Job { return h.At(args, time.Time{}) }

// At returns a job that is not run before a time.
func (h *Handle[A]) At(args A, notBefore time.Time) Job {
	return Job{insert: func(ctx context.Context, tx *sql.Tx) error {
		body, err := json.Marshal(args)
		if err != nil {
			return fmt.Errorf("write arguments of job %s: %w", h.name, err)
		}
		if h.queue.client == nil {
			return fmt.Errorf("enqueue job %s: the queue is not open", h.name)
		}
		_, err = h.queue.client.InsertTx(ctx, tx, payload{kind: h.name, body: body},
			&river.InsertOpts{MaxAttempts: h.tries, ScheduledAt: notBefore})
		if err != nil {
			return fmt.Errorf("enqueue job %s: %w", h.name, err)
		}
		return nil
	}}
}

// Permanent marks an error as one that no further try will mend: the job fails
// at once and is listed.
func Permanent(err error) error { return river.JobCancel(err) }

// Later asks for another try after d without counting this one.
func Later(d time.Duration) error { return river.JobSnooze(max(d, 0)) }

// Migrate brings the queue's own tables to this program's version.
func Migrate(ctx context.Context, db *sqldb.DB) error {
	m, err := rivermigrate.New(driver(db), nil)
	if err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	return nil
}

// CheckMigrated returns sqldb.ErrHalfMigrated when the queue's tables are not at
// this program's version.
func CheckMigrated(ctx context.Context, db *sqldb.DB) error {
	m, err := rivermigrate.New(driver(db), nil)
	if err != nil {
		return fmt.Errorf("check the job queue: %w", err)
	}
	res, err := m.Validate(ctx)
	if err != nil {
		return fmt.Errorf("check the job queue: %w", err)
	}
	if !res.OK {
		return fmt.Errorf("%w: the job queue: %v", sqldb.ErrHalfMigrated, res.Messages)
	}
	return nil
}

func driver(db *sqldb.DB) riverdriver.Driver[*sql.Tx] {
	if db.Engine == sqldb.Postgres {
		return riverdatabasesql.New(db.Pool())
	}
	return riversqlite.New(db.Pool())
}

// Open makes the queue ready to take jobs without running any; Start does it too.
func (q *Queue) Open() error {
	if q.client != nil {
		return nil
	}
	// River cannot have queues without workers; a queue without kinds only inserts.
	var queues map[string]river.QueueConfig
	if len(q.names) > 0 {
		queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: q.cfg.Workers}}
	}
	c, err := river.NewClient(driver(q.db), &river.Config{
		ID:                          q.cfg.Instance,
		Logger:                      q.cfg.Log,
		Workers:                     q.workers,
		Queues:                      queues,
		PeriodicJobs:                q.every,
		PollOnly:                    true,
		FetchCooldown:               min(q.cfg.Poll, 20*time.Millisecond),
		FetchPollInterval:           q.cfg.Poll,
		JobTimeout:                  defaultTimeout,
		RescueStuckJobsAfter:        rescueAfter(q.cfg.Clock),
		CancelledJobRetentionPeriod: -1, // failed jobs stay until somebody decides
		DiscardedJobRetentionPeriod: -1,
		Test:                        river.TestConfig{Time: timeGenerator{q.cfg.Clock}},
	})
	if err != nil {
		return fmt.Errorf("open the job queue: %w", err)
	}
	q.client = c
	return nil
}

// Start puts back what a process of the same instance left running when it ended,
// and begins to work. Jobs run under a context that ends only with Stop, not with
// ctx.
func (q *Queue) Start(ctx context.Context) error {
	if err := q.Open(); err != nil {
		return err
	}
	if len(q.names) == 0 {
		return nil
	}
	if err := q.takeUp(ctx); err != nil {
		return err
	}
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	return nil
}

// Stop takes no new jobs, waits for the running ones until ctx ends, then cancels
// them and waits for their return.
func (q *Queue) Stop(ctx context.Context) error {
	if q.client == nil || len(q.names) == 0 {
		return nil
	}
	err := q.client.Stop(ctx)
	if err == nil {
		return nil
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := q.client.StopAndCancel(hard); err != nil {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

// rescueAfter is stuckAfter under the machine's clock. River dates a job's start by our
// clock and looks for stuck ones by the machine's: under a clock that may be wound back,
// whatever just runs would be taken for stuck, and put off. There, only Start puts back.
func rescueAfter(c clock.Clock) time.Duration {
	if _, machine := c.(clock.System); machine {
		return stuckAfter
	}
	return neverStuck
}

// timeGenerator gives River our clock, so that a wound clock moves jobs too.
type timeGenerator struct{ clock clock.Clock }

func (t timeGenerator) NowUTC() time.Time { return t.clock.Now() }

func (t timeGenerator) NowUTCOrNil() *time.Time {
	now := t.clock.Now()
	return &now
}
