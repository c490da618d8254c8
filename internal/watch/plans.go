package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"

	"almenara.example/idf"
	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/mapping"
	"almenara.example/shadowserver"
)

// maxSchema is the largest schema file that is read: the real one has 0.7 MB.
const maxSchema = 32 << 20

// plan is a mapping's plan with the name under which it is loaded.
type plan struct {
	*mapping.Plan
	name string
}

// label is how a stream and a delivery name the plan that read them.
func (p *plan) label() string { return p.name + "@" + p.Version }

// planCache keeps the active mappings compiled.
type planCache struct {
	mu       sync.Mutex
	versions map[string]string // mapping name → version that is compiled
	schemas  map[string]*shadowserver.Schema
	plans    map[string]*plan // "name/kind"
}

// planFor returns the plan of a mapping for a file: the mapping's own, or the
// schema's for the kind in the file's name.
func (w *Watch) planFor(ctx context.Context, name, file string) (*plan, error) {
	kind, known := shadowserver.KindOfFile(file)
	if !known {
		kind = ""
	}
	return w.planNamed(ctx, name, kind)
}

// planOf returns the plan that a received delivery is to be read with now: the
// active version of the mapping that it came with.
func (w *Watch) planOf(ctx context.Context, d Delivery) (*plan, error) {
	name, _, _ := strings.Cut(d.Plan, "@")
	return w.planNamed(ctx, name, d.Kind)
}

func (w *Watch) planNamed(ctx context.Context, name, kind string) (*plan, error) {
	m, ok, err := w.activeMapping(ctx, w.read, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		key := "watch.mapping.unknown"
		if name == SchemaShadowserver {
			key = "watch.schema.none"
		}
		return nil, fault.New(fault.Invalid, key, fault.Args{"Name": fault.Clip(name)})
	}
	c := &w.plans
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.versions[name] != m.Version {
		if err := w.compile(ctx, m); err != nil {
			return nil, err
		}
	}
	if s := c.schemas[name]; s != nil {
		return c.ofSchema(s, w.rules, name, kind)
	}
	return c.plans[name+"/"], nil
}

func (c *planCache) ofSchema(s *shadowserver.Schema, o *shadowserver.Overlay, name, kind string) (*plan, error) {
	if p := c.plans[name+"/"+kind]; p != nil {
		return p, nil
	}
	mp, err := s.Plan(kind, o)
	if errors.Is(err, shadowserver.ErrUnknownKind) {
		return nil, errUnknownKind
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "watch.schema.broken", fault.Args{"Kind": fault.Clip(kind)}, err)
	}
	p := &plan{Plan: mp, name: name}
	c.plans[name+"/"+kind] = p
	return p, nil
}

// compile reads a mapping's text from its blob; the cache is locked.
func (w *Watch) compile(ctx context.Context, m Mapping) error {
	c := &w.plans
	if c.plans == nil {
		c.versions, c.schemas, c.plans = map[string]string{}, map[string]*shadowserver.Schema{}, map[string]*plan{}
	}
	text, err := w.openRef(ctx, m.Ref)
	if err != nil {
		return fmt.Errorf("open mapping %s: %w", m.Name, err)
	}
	defer text.Close()
	for k := range c.plans {
		if strings.HasPrefix(k, m.Name+"/") {
			delete(c.plans, k)
		}
	}
	if m.Schema {
		s, err := shadowserver.LoadSchema(text, maxSchema)
		if err != nil {
			return fmt.Errorf("read schema %s: %w", m.Name, err)
		}
		c.schemas[m.Name] = s
	} else {
		mp, err := mapping.Load(text)
		if err != nil {
			return fmt.Errorf("read mapping %s: %w", m.Name, err)
		}
		delete(c.schemas, m.Name)
		c.plans[m.Name+"/"] = &plan{Plan: mp, name: m.Name}
	}
	c.versions[m.Name] = m.Version
	return nil
}

// Mapping is one loaded version of a mapping file or feed schema.
type Mapping struct {
	Name     string
	Version  string
	Schema   bool // a Shadowserver schema, not one of our mapping files
	Ref      string
	Active   bool
	LoadedAt time.Time
}

func scanMapping(r sqldb.Row) (m Mapping, err error) {
	var kind string
	var at int64
	err = r.Scan(&m.Name, &m.Version, &kind, &m.Ref, &m.Active, &at)
	m.Schema, m.LoadedAt = kind == SchemaShadowserver, clock.FromMicros(at)
	return m, err
}

const mappingColumns = `name, version, kind, ref, active, loaded_at`

func (w *Watch) activeMapping(ctx context.Context, r sqldb.Reader, name string) (Mapping, bool, error) {
	return sqldb.One(ctx, r, scanMapping,
		`select `+mappingColumns+` from watch_mapping where name = $1 and active`, name)
}

// Mappings lists every loaded version, newest first within a name.
func (w *Watch) Mappings(ctx context.Context, r sqldb.Reader) ([]Mapping, error) {
	return sqldb.All(ctx, r, scanMapping,
		`select `+mappingColumns+` from watch_mapping order by name, loaded_at desc`)
}

// LoadSchema loads a Shadowserver schema file. Every report in it must compile: an
// unknown conversion refuses the file, naming report and column. A new version
// puts live sources that use it on hold.
func (w *Watch) LoadSchema(ctx context.Context, actor act.Actor, file io.Reader) (m Mapping, kinds int, err error) {
	ref, err := w.blobs.Put(ctx, file, maxSchema)
	if err != nil {
		return m, 0, fmt.Errorf("keep schema: %w", err)
	}
	text, err := w.blobs.Open(ctx, ref)
	if err != nil {
		return m, 0, fmt.Errorf("open schema: %w", err)
	}
	defer text.Close()
	s, err := shadowserver.LoadSchema(text, maxSchema)
	if err != nil {
		return m, 0, fault.Wrap(fault.Invalid, "watch.schema.refused", fault.Args{"Why": clipLong(err.Error())}, err)
	}
	for _, kind := range s.Kinds() {
		if _, err := s.Plan(kind, w.rules); err != nil {
			return m, 0, fault.Wrap(fault.Invalid, "watch.schema.refused", fault.Args{"Why": clipLong(err.Error())}, err)
		}
	}
	m = Mapping{Name: SchemaShadowserver, Version: s.Version(), Schema: true, Ref: ref.String()}
	return m, len(s.Kinds()), w.loadMapping(ctx, act.Call{Actor: actor, Verb: "watch.load_schema"}, &m)
}

// mappingName is what a mapping may be called.
var mappingName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// LoadMapping loads one of our mapping files under a name. A new version puts live
// sources that use it on hold.
func (w *Watch) LoadMapping(ctx context.Context, actor act.Actor, name string, file io.Reader) (m Mapping, err error) {
	if !mappingName.MatchString(name) || name == SchemaShadowserver {
		return m, fault.OnField("name", "watch.mapping.name", fault.Args{"Value": fault.Clip(name)})
	}
	ref, err := w.blobs.Put(ctx, file, 1<<20)
	if err != nil {
		return m, fmt.Errorf("keep mapping: %w", err)
	}
	p, err := w.compileBlob(ctx, ref)
	if err != nil {
		return m, fault.Wrap(fault.Invalid, "watch.mapping.refused", fault.Args{"Why": clipLong(err.Error())}, err)
	}
	m = Mapping{Name: name, Version: p.Version, Ref: ref.String()}
	return m, w.loadMapping(ctx, act.Call{Actor: actor, Verb: "watch.load_mapping"}, &m)
}

func (w *Watch) compileBlob(ctx context.Context, ref blob.Ref) (*mapping.Plan, error) {
	text, err := w.blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	return mapping.Load(text)
}

// clipLong cuts a library's explanation to a paragraph.
func clipLong(s string) string {
	if r := []rune(s); len(r) > 400 {
		s = string(r[:400]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
}

// loadMapping makes a version the active one. The same version with other content
// is refused: a version says one thing.
func (w *Watch) loadMapping(ctx context.Context, call act.Call, m *Mapping) error {
	call.Subject = "mapping:" + m.Name
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		m.Active, m.LoadedAt = true, tx.Now()
		old, ok, err := sqldb.One(ctx, tx, scanMapping, `select `+mappingColumns+` from watch_mapping
			where name = $1 and version = $2`, m.Name, m.Version)
		if err != nil {
			return err
		}
		if ok && old.Ref != m.Ref {
			return fault.New(fault.Conflict, "watch.mapping.version_taken", fault.Args{"Name": m.Name, "Version": m.Version})
		}
		before, hadActive, err := w.activeMapping(ctx, tx, m.Name)
		if err != nil {
			return err
		}
		kind := "mapping"
		if m.Schema {
			kind = SchemaShadowserver
		}
		if _, err := tx.ExecContext(ctx, `update watch_mapping set active = false where name = $1`, m.Name); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into watch_mapping (`+mappingColumns+`)
			values ($1, $2, $3, $4, true, $5) on conflict (name, version) do update set active = true`,
			m.Name, m.Version, kind, m.Ref, clock.Micros(tx.Now())); err != nil {
			return err
		}
		tx.Detail(struct {
			Version string `json:"version"`
			Content string `json:"content"`
		}{m.Version, m.Ref})
		if hadActive && before.Version != m.Version {
			return holdAgain(ctx, tx, m.Name)
		}
		return nil
	})
}

// newestRow finds the time of a content's newest row, for a delivery that names no
// date.
func (w *Watch) newestRow(ctx context.Context, content blob.Ref, p *plan) (time.Time, error) {
	r, err := w.blobs.Open(ctx, content)
	if err != nil {
		return time.Time{}, err
	}
	defer r.Close()
	scan, err := p.Open(r, w.limits.Record)
	if err != nil {
		return time.Time{}, nil // unreadable content has no newest row; processing says what is wrong
	}
	var ev idf.Event
	var newest int64
	for {
		rec, _, err := scan.Next(&ev)
		if err != nil {
			return clock.FromMicros(newest), nil // the end, or unreadable from here on: as above
		}
		if rec != nil && ev.Time > newest {
			newest = ev.Time
		}
	}
}

// dateInName is a date anywhere in a file's name.
var dateInName = regexp.MustCompile(`(?:^|[^0-9])(\d{4}-\d{2}-\d{2})(?:[^0-9]|$)`)

// dateOfFile reads the observation day in a file's name, such as
// 2026-11-20-scan_telnet.csv or honeypots_2026-11-20.jsonl.
func dateOfFile(name string) (time.Time, bool) {
	if t, ok := shadowserver.DateOfFile(name); ok {
		return t, true
	}
	m := dateInName.FindStringSubmatch(name)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, m[1])
	return t, err == nil
}

// kindFromName is what an unknown report is listed under.
func kindFromName(name string) string {
	if kind, ok := shadowserver.KindOfFile(name); ok {
		return fault.Clip(kind)
	}
	return fault.Clip(name)
}
