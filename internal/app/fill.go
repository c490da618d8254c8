package app

import (
	"context"
	"fmt"
	"time"
)

// fill lets the installation be filled before it serves: the queue works, and
// settle does by itself what the loops would do.
func (a *App) fill(ctx context.Context, f func(ctx context.Context, a *App, settle func(context.Context) error) error) error {
	if f == nil {
		return nil
	}
	if err := a.startQueue(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return f(ctx, a, a.settle)
}

// settle does all waiting work and returns when there is none left: deliveries
// taken in, facts delivered, jobs done. Nothing else may run beside it.
func (a *App) settle(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := a.watch.Work(ctx); err != nil {
			return err
		}
		delivered := 0
		for _, s := range a.subscriptions() {
			n, err := a.acts.Deliver(ctx, s.Name)
			if err != nil {
				return fmt.Errorf("deliver facts to %s: %w", s.Name, err)
			}
			delivered += n
		}
		idle, err := a.queue.Idle(ctx)
		if err != nil {
			return err
		}
		if idle && delivered == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
