package guard

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
)

// EndedAccess is how many credentials were ended.
type EndedAccess struct {
	Sessions int64 `json:"sessions"`
	Links    int64 `json:"links"`
	Tokens   int64 `json:"tokens"`
}

// EndAccessAfterRestore ends every session, one-time link and API token of an
// installation that came out of a backup: what was ended since the backup would
// live again, and nobody knows any more what that was. It is part of the act that
// notes the restore. Passkeys stay: with them people sign in again, and the local
// operator gets in by `almenara guard let-back-in`.
func (g *Guard) EndAccessAfterRestore(ctx context.Context, tx *act.Tx) (ended EndedAccess, err error) {
	for _, x := range []struct {
		n    *int64
		text string
	}{
		{&ended.Sessions, `update guard_session set ended_at = $1 where ended_at = 0`},
		{&ended.Links, `update guard_link set expires_at = $1 where used_at = 0 and expires_at > $1`},
		{&ended.Tokens, `update guard_token set ended_at = $1 where ended_at = 0`},
	} {
		res, err := tx.ExecContext(ctx, x.text, clock.Micros(tx.Now()))
		if err != nil {
			return ended, err
		}
		if *x.n, err = res.RowsAffected(); err != nil {
			return ended, err
		}
	}
	return ended, nil
}
