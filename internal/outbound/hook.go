package outbound

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/fetch"
	"almenara.example/internal/guard"
	"almenara.example/webhook"
)

// Hooks posts parcels to addresses that organisations named, signed as Standard
// Webhooks does (v1a, Ed25519). Make it with NewHooks.
type Hooks struct {
	client *fetch.Client
}

// NewHooks returns the way out to webhooks; allow lists prefixes that may be called
// although they are not public.
func NewHooks(allow []netip.Prefix) *Hooks { return &Hooks{fetch.New(fetch.Config{Allow: allow})} }

// Check says, as an Invalid fault of the field url, that an address cannot be called.
func (h *Hooks) Check(address string) error {
	if err := h.client.Check(address); err != nil {
		return &fault.Error{Code: fault.Invalid, Key: "outbound.hook.address", Field: "url", Err: err}
	}
	return nil
}

// Post posts a parcel's view. A repeated message has the same id, by which the other
// side knows it. The answer is accepted (2xx), refused for good (410, or an address
// that may not be called), or deferred; a lost connection is deferred too, since the
// other side tells repetitions apart by the id.
func (h *Hooks) Post(ctx context.Context, p guard.Parcel, address, id string, at time.Time, key ed25519.PrivateKey) (Result, error) {
	if p.IsZero() || p.To().Channel != guard.ByWebhook {
		return Result{}, errZero
	}
	s, err := webhook.NewSigner(key)
	if err != nil {
		return Result{}, fmt.Errorf("sign webhook: %w", err)
	}
	head, err := s.Sign(id, at, p.View().Body)
	if err != nil {
		return Result{}, fmt.Errorf("sign webhook: %w", err)
	}
	head.Set("Content-Type", p.View().ContentType)
	a, err := h.client.Post(ctx, address, head, p.View().Body)
	switch {
	case errors.Is(err, fetch.ErrAddress):
		return Result{State: Refused, Reply: printable(err.Error())}, nil
	case err != nil:
		return Result{State: Deferred, Reply: printable(err.Error())}, nil
	case a.Status >= 200 && a.Status < 300:
		return Result{State: Accepted, Code: a.Status, Reply: printable(a.Words)}, nil
	case a.Status == 410: // the other side wants no more
		return Result{State: Refused, Code: a.Status, Reply: printable(a.Words)}, nil
	}
	return Result{State: Deferred, Code: a.Status, Reply: printable(a.Words)}, nil
}
