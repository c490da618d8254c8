package warn

import (
	"context"
	"slices"

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

// NoticesDrafted tells that notices of organisations were written and wait to leave:
// who is signed in sees them at once.
type NoticesDrafted struct {
	Orgs []int64 `json:"orgs"`
}

// FactKind returns "warn.NoticesDrafted".
func (NoticesDrafted) FactKind() string { return "warn.NoticesDrafted" }

// FactVersion returns 1.
func (NoticesDrafted) FactVersion() int { return 1 }
