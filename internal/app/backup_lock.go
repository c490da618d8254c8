package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"almenara.example/internal/foundation/blob/durable"
)

// How long a backup waits for the clearing of unused blobs, which is soon over, or for
// another one to end, and how often it looks: a nightly backup does not fail because both
// began in the same second.
const (
	lockPatience = 20 * time.Second
	lockAgain    = 100 * time.Millisecond
)

// lockBackup keeps a second backup away, and the clearing of unused blobs: a blob
// that the held moment refers to must stay until it was copied.
func lockBackup(ctx context.Context, dir string) (func() error, error) {
	if err := os.MkdirAll(filepath.Join(dir, runFolder), 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", runFolder, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	tick := time.NewTicker(lockAgain)
	defer tick.Stop()
	for {
		unlock, err := durable.Lock(filepath.Join(dir, backupLockFile))
		if !errors.Is(err, durable.ErrLocked) {
			return unlock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, &Refusal{
				Err:  errors.New("a backup is being made already, or unused blobs are being cleared"),
				Hint: "wait until that has ended and try again",
			}
		}
	}
}

// apartFromBackups does work unless a backup is being made; then the next time will do.
func (a *App) apartFromBackups(ctx context.Context, work func(context.Context) error) error {
	unlock, err := durable.Lock(a.cfg.path(backupLockFile))
	if errors.Is(err, durable.ErrLocked) {
		a.log.InfoContext(ctx, "unused blobs are not cleared today: a backup is being made")
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(work(ctx), unlock())
}
