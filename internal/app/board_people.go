package app

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/desk"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/sqldb"
)

// How far ahead the board looks: at the ends of keys, and at holes in the roster.
const (
	keyDays = 30
	gapDays = 3
)

// people brings claims, keys, roster and hand-overs to the board, each to whom may
// read it.
type people struct {
	constituency *constituency.Constituency
	duty         *duty.Duty
	acts         *act.Acts
}

// NeedsOf says what of these waits for a person.
func (x people) NeedsOf(ctx context.Context, r sqldb.Reader, asker act.Actor) (needs []desk.Need, err error) {
	may := func(verb string) bool { return x.acts.May(ctx, act.Call{Actor: asker, Verb: verb}) }
	add := func(key string, n int64, url, icon string, c desk.Consequence) {
		needs = append(needs, desk.Need{Key: key, Note: key + ".do", N: n, URL: url, Icon: icon, Consequence: c})
	}
	if may("constituency.read") {
		claims, err := x.constituency.CountClaims(ctx, r, 0)
		if err != nil {
			return nil, err
		}
		keys, err := x.constituency.ExpiringKeys(ctx, r, keyDays)
		if err != nil {
			return nil, err
		}
		add("constituency.need.claims", claims, "/constituency/claims", "question", desk.Unknown)
		add("constituency.need.keys", int64(len(keys)), "/constituency/keys", "key", desk.Unknown)
	}
	if may("duty.read") {
		gaps, err := x.duty.GapsAhead(ctx, r, gapDays)
		if err != nil {
			return nil, err
		}
		open, err := x.duty.CountOpen(ctx, r)
		if err != nil {
			return nil, err
		}
		add("duty.need.gaps", int64(len(gaps)), "/duty", "clock", desk.Untold)
		add("duty.need.handovers", open, "/duty/handovers?open=yes", "history", desk.Unknown)
	}
	return needs, nil
}
