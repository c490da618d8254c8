package act

import (
	"context"
	"fmt"
)

// Next draws the next inner id of a named sequence, from 1.
func (tx *Tx) Next(ctx context.Context, sequence string) (int64, error) {
	return tx.Reserve(ctx, sequence, 1)
}

// Reserve draws a block of n consecutive inner ids and returns the first. Ids of
// a block that its holder loses in a crash stay unused.
func (tx *Tx) Reserve(ctx context.Context, sequence string, n int) (first int64, err error) {
	var last int64
	err = tx.QueryRowContext(ctx, `insert into act_sequence (name, last) values ($1, $2)
		on conflict (name) do update set last = act_sequence.last + excluded.last returning last`,
		sequence, int64(n)).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("draw id from %s: %w", sequence, err)
	}
	return last - int64(n) + 1, nil
}
