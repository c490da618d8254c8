package warn

import (
	"context"

	"almenara.example/internal/foundation/jobs"
)

// LookAround does at once what the clockwork of the queue does by itself every now
// and then: it looks for silence, for what is to be told again, and for what is due to
// leave. It is for whoever winds the clock. Done twice, it does nothing the second
// time.
func (w *Warn) LookAround(ctx context.Context) error {
	if err := w.workEscalate(ctx, struct{}{}, jobs.Try{}); err != nil {
		return err
	}
	if err := w.workRepeat(ctx, struct{}{}, jobs.Try{}); err != nil {
		return err
	}
	for {
		if stopped, err := w.Stopped(ctx, w.read); err != nil || stopped {
			return err
		}
		if w.Outbound.Rests() > 0 { // nothing would leave
			return nil
		}
		if more, err := w.spool().SendSome(ctx); err != nil || !more {
			return err
		}
	}
}
