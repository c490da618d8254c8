package duty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
)

// Kept is how many packs stay on disk.
const Kept = 14

// PackFile is a pack on disk: Name without its ending, which is .html or .csv.
type PackFile struct {
	Name string
	Made time.Time
	Size int64 // of the page
}

const packTime = "20060102T150405Z"

var packName = regexp.MustCompile(`^pack-(\d{8}T\d{6}Z)\.(html|csv)$`)

// Packs lists the packs on disk, the newest first.
func (d *Duty) Packs() (out []PackFile, err error) {
	if d.Dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(d.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list packs: %w", err)
	}
	for _, e := range entries {
		m := packName.FindStringSubmatch(e.Name())
		if m == nil || m[2] != "html" {
			continue
		}
		made, err := time.Parse(packTime, m[1])
		if err != nil {
			continue
		}
		f := PackFile{Name: strings.TrimSuffix(e.Name(), ".html"), Made: made}
		if info, err := e.Info(); err == nil {
			f.Size = info.Size()
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b PackFile) int { return b.Made.Compare(a.Made) })
	return out, nil
}

// ReadPack returns a file of a pack, such as "pack-20261121T180000Z.csv"; NotFound for
// every other name.
func (d *Duty) ReadPack(name string) ([]byte, error) {
	none := fault.New(fault.NotFound, "duty.pack.none", nil)
	if d.Dir == "" || !packName.MatchString(name) {
		return nil, none
	}
	b, err := os.ReadFile(filepath.Join(d.Dir, name)) //nolint:gosec // the name is of the form above
	if errors.Is(err, fs.ErrNotExist) {
		return nil, none
	}
	if err != nil {
		return nil, fmt.Errorf("read a pack: %w", err)
	}
	return b, nil
}

type packDetail struct {
	Name          string `json:"name"`
	SHA256        string `json:"sha256"`
	Organisations int    `json:"organisations"`
	Contacts      int    `json:"contacts"`
}

// MakePack makes a pack and keeps it on disk; all but the last fourteen go. The verb
// is duty.make_pack.
func (d *Duty) MakePack(ctx context.Context, actor act.Actor) (f PackFile, err error) {
	if d.Dir == "" {
		return f, fault.New(fault.Unavailable, "duty.pack.nowhere", nil)
	}
	call := act.Call{Actor: actor, Verb: "duty.make_pack", Subject: "pack"}
	if err := d.Acts.Decide(ctx, call); err != nil {
		return f, err
	}
	p, err := d.BuildPack(ctx, d.Acts.Reader())
	if err != nil {
		return f, err
	}
	d.files.Lock()
	defer d.files.Unlock()
	f = PackFile{Name: "pack-" + p.Made.UTC().Format(packTime), Made: p.Made.UTC().Truncate(time.Second), Size: int64(len(p.HTML))}
	err = d.Acts.Do(ctx, call, func(_ context.Context, tx *act.Tx) error {
		sum := sha256.Sum256(p.HTML)
		tx.Subject(f.Name)
		tx.Detail(packDetail{f.Name, hex.EncodeToString(sum[:]), p.Organisations, p.Contacts})
		tx.Fact(RosterChanged{What: "pack"})
		if err := os.MkdirAll(d.Dir, 0o700); err != nil {
			return fmt.Errorf("make the folder of packs: %w", err)
		}
		if err := durable.WriteFile(durable.OS{}, filepath.Join(d.Dir, f.Name+".csv"), p.CSV, 0o600); err != nil {
			return fmt.Errorf("write the pack: %w", err)
		}
		if err := durable.WriteFile(durable.OS{}, filepath.Join(d.Dir, f.Name+".html"), p.HTML, 0o600); err != nil {
			return fmt.Errorf("write the pack: %w", err)
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	return f, d.prune()
}

// prune removes all packs but the last ones.
func (d *Duty) prune() error {
	all, err := d.Packs()
	if err != nil || len(all) <= Kept {
		return err
	}
	for _, old := range all[Kept:] {
		for _, ending := range []string{".csv", ".html"} {
			if err := os.Remove(filepath.Join(d.Dir, old.Name+ending)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove an old pack: %w", err)
			}
		}
	}
	return nil
}

// ParsePackAt reads the time of day at which packs are made, such as 18:00.
func ParsePackAt(s string) (hour, minute int, err error) {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0, 0, fmt.Errorf("%q is not a time of day such as 18:00", s)
	}
	return t.Hour(), t.Minute(), nil
}

// PackWhenDue makes a pack when the last one is older than the last time of day at
// which one is due. A server that was down at that time makes it up; one that never
// had a pack waits for the first such time after its start. It is to be called every
// few minutes.
func (d *Duty) PackWhenDue(ctx context.Context) error {
	if d.PackAt == "" || d.Dir == "" {
		return nil
	}
	hour, minute, err := ParsePackAt(d.PackAt)
	if err != nil {
		return err
	}
	now := d.Acts.Clock().Now().In(d.Zone)
	due := time.Date(now.Year(), now.Month(), now.Day(), hour, minute, 0, 0, d.Zone)
	if due.After(now) {
		due = time.Date(now.Year(), now.Month(), now.Day()-1, hour, minute, 0, 0, d.Zone)
	}
	last := d.began
	all, err := d.Packs()
	if err != nil {
		return err
	}
	if len(all) > 0 {
		last = all[0].Made
	}
	if !last.Before(due) {
		return nil
	}
	_, err = d.MakePack(ctx, act.MachineActor("duty.pack"))
	return err
}
