package jobs

import (
	"context"
	"fmt"

	"almenara.example/internal/foundation/sqldb"
)

// Idle tells whether no job runs or could run now; those that wait for a later
// time do not count. Tests and the demo ask it to wait.
func (q *Queue) Idle(ctx context.Context) (bool, error) {
	n, _, err := sqldb.One(ctx, q.db.Reader(), sqldb.Int64,
		`select count(*) from river_job where state in ('available', 'running')`)
	if err != nil {
		return false, fmt.Errorf("ask whether jobs wait: %w", err)
	}
	return n == 0, nil
}
