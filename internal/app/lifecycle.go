package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// StopWithin bounds a clean stop; finishWithin is the part of it in which open
// requests may end by themselves.
const (
	StopWithin   = 5 * time.Second
	finishWithin = 1500 * time.Millisecond
)

// Start begins to work and to serve: signer, facts, jobs, intake, listeners. What
// runs is bound to the App, not to ctx. After an error the App must still be
// stopped.
func (a *App) Start(ctx context.Context) error {
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = stop
	signing, stopSigner := context.WithCancel(context.WithoutCancel(ctx))
	a.signer = make(chan struct{})
	go func() {
		defer close(a.signer)
		a.watchOver("ledger signer", a.ledger.Run(signing))
	}()
	a.closers = append(a.closers, func() error { stopSigner(); <-a.signer; return nil })
	if err := a.startQueue(base); err != nil {
		return err
	}
	a.goRun("facts", func() error { return a.acts.Run(base) })
	a.goRun("watch", func() error { return a.watch.Run(base) })
	a.goRun("intake", func() error { return a.receiving.Run(base) })
	return a.listen(base)
}

// goRun runs one of the process's loops until the App stops.
func (a *App) goRun(name string, run func() error) {
	a.running.Go(func() { a.watchOver(name, run()) })
}

// watchOver reports a loop that ended by itself.
func (a *App) watchOver(name string, err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	select {
	case a.failed <- fmt.Errorf("%s ended: %w", name, err):
	default:
	}
}

// startQueue lets jobs run, once.
func (a *App) startQueue(ctx context.Context) error {
	if a.queueRuns {
		return nil
	}
	if err := a.queue.Start(ctx); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	a.queueRuns = true
	a.closers = append(a.closers, a.stopQueue)
	return nil
}

func (a *App) stopQueue() error {
	ctx, cancel := context.WithTimeout(context.Background(), StopWithin)
	defer cancel()
	return a.queue.Stop(ctx)
}

// Stop takes no new requests, lets the open ones end, stops the loops, signs what
// is not signed yet and closes the stores, all within StopWithin. It may be called
// once, also when Start failed or never was.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, StopWithin)
	defer cancel()
	err := a.serving.shutdown(ctx, a.site, func() {
		if a.stop != nil {
			a.stop()
		}
	})
	done := make(chan struct{})
	go func() { a.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, errors.New("stop: work did not end in time"))
	}
	return errors.Join(err, a.close())
}

// close closes what was opened, last first.
func (a *App) close() (err error) {
	for _, c := range slices.Backward(a.closers) {
		err = errors.Join(err, c())
	}
	a.closers = nil
	return err
}

// Run serves until ctx ends or something breaks that must not. Ready is told the
// address when the server answers. Each value of reload makes it read the TLS
// files again.
func Run(ctx context.Context, o Options, ready func(*App), reload <-chan struct{}) error {
	if o.Config.Memory > 0 {
		debug.SetMemoryLimit(int64(o.Config.Memory))
	}
	a, err := New(ctx, o)
	if err != nil {
		return err
	}
	if err = a.fill(ctx, o.Fill); err == nil {
		err = a.Start(ctx)
	}
	if err == nil && ready != nil {
		ready(a)
	}
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err = <-a.failed:
		case <-reload:
			a.reload(ctx)
		}
	}
	return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

// reload reads the TLS files again; a bad one keeps the old certificate.
func (a *App) reload(ctx context.Context) {
	if err := a.serving.reload(); err != nil {
		a.log.ErrorContext(ctx, "reload: the old certificate stays", "error", err)
		return
	}
	a.log.InfoContext(ctx, "reloaded")
}
