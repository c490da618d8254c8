package app

import (
	"context"
	"time"

	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/jobs"
)

// packsFolder is where the packs for the night are, within the installation's folder.
const packsFolder = "packs"

// Duty says when the pack for the night is made.
type Duty struct {
	PackAt string `toml:"pack_at"` // time of day in time_zone, such as "18:00"; "none" for never
}

// noPack says that no pack is made by itself.
const noPack = "none"

func (c *Config) checkDuty() error {
	if c.Duty.PackAt == noPack || c.Duty.PackAt == "" {
		return nil
	}
	if _, _, err := duty.ParsePackAt(c.Duty.PackAt); err != nil {
		return &ConfigError{"duty.pack_at", c.Duty.PackAt, `it must be a time of day such as "18:00", or "none"`}
	}
	return nil
}

// openDuty wires the duty room and the job that makes its packs.
func (a *App) openDuty() error {
	at := a.cfg.Duty.PackAt
	if at == noPack {
		at = ""
	}
	a.duty = duty.New(duty.Config{
		Acts: a.acts, Guard: a.guard, Constituency: a.constituency, Catalogue: a.words, Language: a.cfg.Language,
		Zone: a.zone, Dir: a.cfg.path(packsFolder), PackAt: at, Log: a.log,
	})
	_, err := jobs.Add(a.queue, jobs.Kind[struct{}]{
		Name: "duty.pack", Every: 5 * time.Minute, Tries: 1,
		Work: func(ctx context.Context, _ struct{}, _ jobs.Try) error { return a.duty.PackWhenDue(ctx) },
	})
	return err
}

// Duty is the room.
func (a *App) Duty() *duty.Duty { return a.duty }
