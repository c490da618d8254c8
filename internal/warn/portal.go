package warn

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// What the portal asks besides.

// NoticeOfLink returns the notice that an answering link is for, without opening it;
// Unauthenticated for anything else, wrong, foreign, guessed or expired alike.
func (w *Warn) NoticeOfLink(ctx context.Context, r sqldb.Reader, secret string) (Notice, error) {
	return w.byLink(ctx, r, secret)
}

// actsFor tells whether an organisation is another one that acts for org.
func (w *Warn) actsFor(ctx context.Context, r sqldb.Reader, provider, org int64) (bool, error) {
	if provider == 0 || provider == org {
		return false, nil
	}
	clients, err := w.Constituency.ActsFor(ctx, r, provider)
	return slices.Contains(clients, org), err
}

// Coming lists the warnings that were released to an organisation within the hour and
// whose notice is not written yet, the newest first; none while sending is stopped.
func (w *Warn) Coming(ctx context.Context, r sqldb.Reader, org int64) (out []Warning, err error) {
	if stopped, err := w.Stopped(ctx, r); err != nil || stopped {
		return nil, err
	}
	all, err := sqldb.All(ctx, r, scanWarning, `select `+warningColumns+` from warn_warning
		where state = $1 and released_at > $2 order by id desc limit 20`, string(Released), clock.Micros(w.Acts.Clock().Now().Add(-time.Hour)))
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if !slices.Contains(v.Recipients, org) {
			continue
		}
		n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from warn_notice where warning_id = $1 and org_id = $2`, v.ID, org)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			out = append(out, v)
		}
	}
	return out, nil
}

// NoticesDrafted tells that notices of organisations were written and wait to leave:
// who is signed in sees them at once.
type NoticesDrafted struct {
	Orgs []int64 `json:"orgs"`
}

// FactKind returns "warn.NoticesDrafted".
func (NoticesDrafted) FactKind() string { return "warn.NoticesDrafted" }

// FactVersion returns 1.
func (NoticesDrafted) FactVersion() int { return 1 }
