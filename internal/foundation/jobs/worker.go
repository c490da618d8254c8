package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"almenara.example/internal/foundation/clock"
)

// payload carries any kind's arguments through River: the kind is a value, the
// arguments are JSON already.
type payload struct {
	kind string
	body json.RawMessage
}

// Kind names the kind to River.
func (p payload) Kind() string { return p.kind }

// MarshalJSON returns the arguments as they are.
func (p payload) MarshalJSON() ([]byte, error) {
	if p.body == nil {
		return []byte("{}"), nil
	}
	return p.body, nil
}

// UnmarshalJSON keeps the arguments as they are.
func (p *payload) UnmarshalJSON(b []byte) error {
	p.body = append(p.body[:0], b...)
	return nil
}

// worker runs the jobs of one kind.
type worker[A any] struct {
	kind    Kind[A]
	backoff func(int) time.Duration
	clock   clock.Clock
}

var errEndedInLastTry = errors.New("the process ended during the last try")

// Work decodes the arguments and does one try.
func (w *worker[A]) Work(ctx context.Context, job *river.Job[payload]) error {
	if job.Attempt > job.MaxAttempts {
		return Permanent(errEndedInLastTry)
	}
	var args A
	if err := json.Unmarshal(job.EncodedArgs, &args); err != nil {
		return Permanent(fmt.Errorf("read arguments: %w", err))
	}
	return w.kind.Work(ctx, args, Try{Job: job.ID, Number: job.Attempt, Last: job.Attempt >= job.MaxAttempts})
}

// Timeout bounds one try.
func (w *worker[A]) Timeout(*river.Job[payload]) time.Duration { return w.kind.Timeout }

// NextRetry is the time of the next try.
func (w *worker[A]) NextRetry(job *river.Job[payload]) time.Time {
	return w.clock.Now().Add(w.backoff(job.Attempt))
}

// Middleware is none.
func (w *worker[A]) Middleware(*rivertype.JobRow) []rivertype.WorkerMiddleware { return nil }
