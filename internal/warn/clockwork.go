package warn

import (
	"context"

	"almenara.example/internal/foundation/jobs"
)

// LookAround does at once what the clockwork of the queue does by itself every now
// and then: it looks for silence, and for what is to be told again. It is for whoever
// winds the clock. Done twice, it does nothing the second time.
func (w *Warn) LookAround(ctx context.Context) error {
	if err := w.workEscalate(ctx, struct{}{}, jobs.Try{}); err != nil {
		return err
	}
	return w.workRepeat(ctx, struct{}{}, jobs.Try{})
}
