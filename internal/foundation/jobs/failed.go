package jobs

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"almenara.example/internal/foundation/fault"
)

// Failed is a job that is not tried any more.
type Failed struct {
	ID     int64
	Kind   string
	Args   json.RawMessage // ids and small values
	Tries  int
	Reason string // the last error; operator detail
	Since  time.Time
}

// Failed returns up to limit (at most 1,000) failed jobs, the newest failure
// first. It reads through the queue's own connections: on SQLite that is the one
// writer, so never call it inside an act.
func (q *Queue) Failed(ctx context.Context, limit int) ([]Failed, error) {
	rows, err := q.list(ctx, min(max(limit, 1), 1000), rivertype.JobStateDiscarded, rivertype.JobStateCancelled)
	if err != nil {
		return nil, fmt.Errorf("list failed jobs: %w", err)
	}
	out := make([]Failed, 0, len(rows))
	for _, r := range rows {
		f := Failed{ID: r.ID, Kind: r.Kind, Args: r.EncodedArgs, Tries: r.Attempt}
		if n := len(r.Errors); n > 0 {
			f.Reason = r.Errors[n-1].Error
		}
		if r.FinalizedAt != nil {
			f.Since = r.FinalizedAt.UTC()
		}
		out = append(out, f)
	}
	return out, nil
}

func (q *Queue) list(ctx context.Context, limit int, states ...rivertype.JobState) ([]*rivertype.JobRow, error) {
	if err := q.Open(); err != nil {
		return nil, err
	}
	p := river.NewJobListParams().States(states...).First(limit).
		OrderBy(river.JobListOrderByID, river.SortOrderDesc)
	res, err := q.client.JobList(ctx, p)
	if err != nil {
		return nil, err
	}
	return res.Jobs, nil
}

// Retry returns the job that gives a failed job another try, to be enqueued in an
// act. Inserting it returns NotFound when there is no failed job with that id.
func (q *Queue) Retry(id int64) Job {
	return q.onFailed(id, func(ctx context.Context, tx *sql.Tx) error {
		_, err := q.client.JobRetryTx(ctx, tx, id)
		return err
	})
}

// Dismiss returns the job that takes a failed job off the list for good, to be
// enqueued in an act. Inserting it returns NotFound as Retry does.
func (q *Queue) Dismiss(id int64) Job {
	return q.onFailed(id, func(ctx context.Context, tx *sql.Tx) error {
		_, err := q.client.JobDeleteTx(ctx, tx, id)
		return err
	})
}

func (q *Queue) onFailed(id int64, do func(context.Context, *sql.Tx) error) Job {
	return Job{insert: func(ctx context.Context, tx *sql.Tx) error {
		if err := q.Open(); err != nil {
			return err
		}
		row, err := q.client.JobGetTx(ctx, tx, id)
		if err == nil && row.State != rivertype.JobStateDiscarded && row.State != rivertype.JobStateCancelled {
			err = rivertype.ErrNotFound
		}
		if err == nil {
			err = do(ctx, tx)
		}
		if errors.Is(err, rivertype.ErrNotFound) {
			return fault.New(fault.NotFound, "jobs.not_found", fault.Args{"ID": id})
		}
		if err != nil {
			return fmt.Errorf("change failed job %d: %w", id, err)
		}
		return nil
	}}
}

// takeUp makes available again what this instance's last process left running,
// and lets go of its leadership, which would otherwise have to run out.
func (q *Queue) takeUp(ctx context.Context) error {
	rows, err := q.list(ctx, 1000, rivertype.JobStateRunning)
	if err != nil {
		return fmt.Errorf("list interrupted jobs: %w", err)
	}
	tx, err := q.db.BeginWrite(ctx)
	if err != nil {
		return fmt.Errorf("take up interrupted jobs: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	for _, r := range rows {
		if n := len(r.AttemptedBy); n == 0 || r.AttemptedBy[n-1] != q.cfg.Instance {
			continue
		}
		_, err := tx.ExecContext(ctx, `update river_job set state = 'available' where id = $1 and state = 'running'`, r.ID)
		if err != nil {
			return fmt.Errorf("take up interrupted job %d: %w", r.ID, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `delete from river_leader where leader_id = $1`, q.cfg.Instance); err != nil {
		return fmt.Errorf("let go of the queue's leadership: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("take up interrupted jobs: %w", err)
	}
	return nil
}
