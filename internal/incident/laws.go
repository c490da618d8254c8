package incident

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/regime"
)

// Law is a regime file as it stood when it was loaded.
type Law struct {
	ID         int64 // 0 until it is first used: then it is kept for good
	Regime     regime.Regime
	Digest     string // SHA-256 of the file
	Shipped    bool   // else of the installation's folder
	Name       string // of the file
	KeptAt     time.Time
	VerifiedAt time.Time // zero: nobody has confirmed it here
	VerifiedBy string
	Verified   string // against which text, and what was looked at
	text       []byte
}

// Key names a version in addresses.
func (l *Law) Key() string { return l.Digest[:16] }

// Confirmed tells whether a person has confirmed the file, here or in itself.
func (l *Law) Confirmed() bool { return !l.VerifiedAt.IsZero() || l.Regime.Verified }

// Trouble is a file of the installation's folder that is not used.
type Trouble struct {
	Name string
	Err  error
}

// laws is what the room knows of regimes; loaded at start, replaced as a whole.
type laws struct {
	mu       sync.RWMutex
	kept     map[int64]Law    // every version that was ever used
	current  map[string]Law   // by regime: the one that new clocks are counted by
	tables   map[string]table // of public holidays, by place
	troubles []Trouble
}

// table is the public holidays of a place.
type table struct {
	digest string
	text   []byte
	days   regime.Holidays
}

// LoadRegimes takes up the shipped regimes, and those of the installation's folder in
// their place or beside them: *.toml, and tables of public holidays below holidays/,
// CC.txt by country. A version is kept for good when it is first used; clocks that
// were counted with an older table of holidays are counted anew. A file that is wrong
// is not used and listed by [Incidents.Troubles].
func (in *Incidents) LoadRegimes(ctx context.Context, folder fs.FS) error {
	files, err := regime.ShippedFiles()
	if err != nil {
		return err
	}
	shipped, l := len(files), laws{kept: map[int64]Law{}, current: map[string]Law{}, tables: map[string]table{}}
	if folder != nil {
		own, err := regime.Files(folder)
		if err != nil {
			return err
		}
		files = append(files, own...)
		if err := l.readTables(folder); err != nil {
			return err
		}
	}
	kept, err := sqldb.All(ctx, in.read, scanLaw, `select id, digest, origin, name, body, kept_at, verified_at, verified_by, verified_how from incident_law order by id`)
	if err != nil {
		return fmt.Errorf("read the regimes: %w", err)
	}
	for _, one := range kept {
		l.kept[one.ID] = one
	}
	l.choose(files, shipped)
	in.laws.mu.Lock()
	in.laws.kept, in.laws.current, in.laws.tables, in.laws.troubles = l.kept, l.current, l.tables, l.troubles
	in.laws.mu.Unlock()
	return in.recountTables(ctx)
}

// choose makes the files the current versions of their regimes, the later ones in the
// place of the earlier.
func (l *laws) choose(files []regime.File, shipped int) {
	known := map[string]Law{}
	for _, one := range l.kept {
		known[one.Digest] = one
	}
	for i, f := range files {
		if f.Err != nil {
			l.troubles = append(l.troubles, Trouble{f.Name, f.Err})
			continue
		}
		digest := digestOf(f.Text)
		one, ok := known[digest]
		if !ok {
			one = Law{Regime: f.Regime, Digest: digest, Shipped: i < shipped, Name: path.Base(f.Name), text: f.Text}
		}
		l.current[f.Regime.ID] = one
	}
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

const (
	maxTable  = 1 << 20 // bytes of a table
	maxTables = 300
)

// readTables reads the tables of public holidays of a folder; a wrong one is trouble.
func (l *laws) readTables(folder fs.FS) error {
	names, err := fs.Glob(folder, "holidays/*.txt")
	if err != nil {
		return err
	}
	for _, name := range names[:min(len(names), maxTables)] {
		text, err := fs.ReadFile(folder, name)
		if err == nil && len(text) > maxTable {
			err = errors.New("the file is larger than 1 MiB")
		}
		t := table{digest: digestOf(text), text: text}
		if err == nil {
			t.days, err = regime.ParseHolidays(bytes.NewReader(text))
		}
		if err != nil {
			l.troubles = append(l.troubles, Trouble{name, err})
			continue
		}
		l.tables[strings.ToUpper(strings.TrimSuffix(path.Base(name), ".txt"))] = t
	}
	return nil
}

func scanLaw(r sqldb.Row) (l Law, err error) {
	var origin string
	var kept, verified int64
	if err = r.Scan(&l.ID, &l.Digest, &origin, &l.Name, &l.text, &kept, &verified, &l.VerifiedBy, &l.Verified); err != nil {
		return l, err
	}
	l.Shipped, l.KeptAt, l.VerifiedAt = origin == "shipped", clock.FromMicros(kept), clock.FromMicros(verified)
	if l.Regime, err = regime.Parse(bytes.NewReader(l.text)); err != nil {
		err = fmt.Errorf("regime file %d: %w", l.ID, err)
	}
	return l, err
}

// keepLaw keeps a version that is used for the first time.
func (in *Incidents) keepLaw(ctx context.Context, tx *act.Tx, l *Law) error {
	id, ok, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from incident_law where digest = $1`, l.Digest)
	if err != nil {
		return err
	}
	if l.ID = id; !ok {
		if l.ID, err = tx.Next(ctx, "incident.law"); err != nil {
			return err
		}
		origin := "installation"
		if l.Shipped {
			origin = "shipped"
		}
		l.KeptAt = tx.Now()
		if _, err = tx.ExecContext(ctx, `insert into incident_law (id, regime, version, digest, origin, name, body, kept_at, verified_at, verified_by, verified_how)
			values ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', '')`, l.ID, l.Regime.ID, l.Regime.Version, l.Digest, origin, l.Name, l.text, stamp(l.KeptAt)); err != nil {
			return err
		}
	}
	keep := *l
	tx.AfterCommit(func() { in.laws.put(keep) })
	return nil
}

// put replaces what is known of a version.
func (l *laws) put(one Law) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept[one.ID] = one
	if l.current[one.Regime.ID].Digest == one.Digest {
		l.current[one.Regime.ID] = one
	}
}

// keepTable keeps a table of holidays that clocks were counted with.
func (in *Incidents) keepTable(ctx context.Context, tx *act.Tx, place string) error {
	in.laws.mu.RLock()
	t, ok := in.laws.tables[place]
	in.laws.mu.RUnlock()
	if !ok {
		return nil
	}
	_, err := tx.ExecContext(ctx, `insert into incident_calendar (digest, name, body, kept_at) values ($1, $2, $3, $4) on conflict (digest) do nothing`,
		t.digest, place, t.text, clock.Micros(tx.Now()))
	return err
}

// Laws lists the regimes that may be begun, by id of the regime.
func (in *Incidents) Laws() (out []Law) {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	for _, one := range in.laws.current {
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Law) int { return cmp.Compare(a.Regime.ID, b.Regime.ID) })
	return out
}

func noRegime() error { return fault.New(fault.NotFound, "incident.clocks.no_regime", nil) }

// law is the version under which a clock began; inside of the act in which it begins,
// the current one.
func (in *Incidents) law(id int64, name string) (Law, error) {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	if l, ok := in.laws.kept[id]; ok {
		return l, nil
	}
	if l, ok := in.laws.current[name]; ok && l.ID == 0 {
		return l, nil
	}
	return Law{}, noRegime()
}

// LawOf returns the version of a regime under which a duty began.
func (in *Incidents) LawOf(d *Duty) (Law, error) { return in.law(d.Law, d.Regime) }

// Law returns a version of a regime, used or current, by its key; NotFound for none.
func (in *Incidents) Law(key string) (Law, error) {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	for _, l := range in.laws.current {
		if l.Key() == key {
			return l, nil
		}
	}
	for _, l := range in.laws.kept {
		if l.Key() == key {
			return l, nil
		}
	}
	return Law{}, noRegime()
}

// LawNamed returns the current version of a regime.
func (in *Incidents) LawNamed(id string) (Law, error) {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	if l, ok := in.laws.current[id]; ok {
		return l, nil
	}
	return Law{}, fault.OnField("regime", "incident.clocks.no_regime", nil)
}

// Troubles lists the files of the installation's folder that are not used, and why.
func (in *Incidents) Troubles() []Trouble {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	return slices.Clone(in.laws.troubles)
}

// Calendars lists the places whose holidays are known.
func (in *Incidents) Calendars() []string {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	return slices.Sorted(maps.Keys(in.laws.tables))
}

// holidays is the current table of a place; none where there is no table.
func (in *Incidents) holidays(place string) (digest string, days regime.Holidays) {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	t := in.laws.tables[place]
	return t.digest, t.days
}

type lawDetail struct {
	Regime string `json:"regime"`
	Digest string `json:"digest"`
}

// VerifyRegime records that a person has confirmed a regime file against the official
// text; how says which text and what was looked at. Another version needs it anew.
func (in *Incidents) VerifyRegime(ctx context.Context, actor act.Actor, key, how string) error {
	how = clean(how)
	if err := checkText("how", how, MaxReason, true); err != nil {
		return err
	}
	if actor.Kind != act.Person {
		return fault.New(fault.Denied, "incident.clocks.verify_person", nil)
	}
	l, err := in.Law(key)
	if err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.verify_regime", Subject: "regime-file:" + l.Key(), Purpose: purpose, Reason: how}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(lawDetail{l.Regime.ID, l.Digest})
		if err := in.keepLaw(ctx, tx, &l); err != nil {
			return err
		}
		l.VerifiedAt, l.VerifiedBy, l.Verified = tx.Now(), actor.ID, how
		tx.AfterCommit(func() { in.laws.put(l) })
		if _, err := tx.ExecContext(ctx, `update incident_law set verified_at = $1, verified_by = $2, verified_how = $3 where id = $4`,
			clock.Micros(tx.Now()), actor.ID, how, l.ID); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update incident_clock set verified = $1 where law_id = $2`, true, l.ID)
		return err
	})
}
