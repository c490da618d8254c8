package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"almenara.example/idf"
	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/shadowserver"
)

// Config is what the room needs.
type Config struct {
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Blobs        *blob.Store
	Numbers      *id.Numbers           // of findings
	Overlay      *shadowserver.Overlay // what our own rules say of Shadowserver's kinds
	Limits       Limits
	Drop         string // folder with one folder per source, empty: none
	Log          *slog.Logger
}

// Watch is the room. Make it with New, fill it with Load, let Run work.
type Watch struct {
	acts         *act.Acts
	guard        *guard.Guard
	constituency *constituency.Constituency
	blobs        *blob.Store
	others       []BlobList // of rooms that share the blob store
	numbers      *id.Numbers
	rules        *shadowserver.Overlay
	limits       Limits
	drop         string
	log          *slog.Logger
	read         sqldb.Reader

	facets *facets
	wake   chan struct{}
	plans  planCache

	mu       sync.RWMutex // guards streams, and the presences in them
	streams  map[int64]*streamState
	byKind   map[streamKey]*streamState
	waiters  waiters
	boardMem boardCache
	held     held

	// Used by the intake alone, which is one goroutine.
	ids       idBlock
	classes   map[Class]int64
	audiences map[int64]guard.Audience
	words     map[string]string
}

type streamKey struct {
	source int64
	kind   string
}

// New returns the room; Load must run before anything else.
func New(c Config) *Watch {
	return &Watch{
		acts: c.Acts, guard: c.Guard, constituency: c.Constituency, blobs: c.Blobs, numbers: c.Numbers,
		rules: c.Overlay, limits: c.Limits.filled(), drop: c.Drop, log: c.Log, read: c.Acts.Reader(),
		facets: newFacets(), wake: make(chan struct{}, 1),
		streams: map[int64]*streamState{}, byKind: map[streamKey]*streamState{},
		held: held{sets: map[int64]heldSet{}}, classes: map[Class]int64{}, audiences: map[int64]guard.Audience{}, words: map[string]string{},
	}
}

// Load fills the memory from the rows: streams, facets, keys, presences. A
// million findings take some three seconds.
func (w *Watch) Load(ctx context.Context) error {
	ss, err := w.Streams(ctx, w.read)
	if err != nil {
		return fmt.Errorf("load streams: %w", err)
	}
	for _, s := range ss {
		w.addStream(s)
	}
	if err := w.loadClasses(ctx); err != nil {
		return err
	}
	if w.audiences, err = w.guard.OwnAudiences(ctx, w.read); err != nil {
		return err
	}
	if err := w.loadFindings(ctx); err != nil {
		return err
	}
	if err := w.loadUnfolded(ctx); err != nil {
		return err
	}
	return w.loadPresences(ctx)
}

func (w *Watch) addStream(s Stream) *streamState {
	st := &streamState{Stream: s, keys: newKeyIndex(0)}
	w.streams[s.ID] = st
	w.byKind[streamKey{s.Source, s.Kind}] = st
	return st
}

func (w *Watch) loadClasses(ctx context.Context) error {
	err := sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var id int64
		var c Class
		if err := r.Scan(&id, &c.Taxonomy, &c.Type, &c.Identifier); err != nil {
			return err
		}
		w.classes[c] = id
		return nil
	}, `select id, taxonomy, type, identifier from watch_class`)
	if err != nil {
		return fmt.Errorf("load classes: %w", err)
	}
	return nil
}

// loadFindings reads what facets and key indexes need, in order of id, so that
// bitmaps fill by appending.
func (w *Watch) loadFindings(ctx context.Context) error {
	visible := map[int64]bool{}
	err := sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var id int64
		if err := r.Scan(&id); err != nil {
			return err
		}
		visible[id] = true
		return nil
	}, `select id from watch_delivery where act_order > 0`)
	if err != nil {
		return fmt.Errorf("load deliveries: %w", err)
	}
	perStream := map[int64]int{}
	if err := w.countPerStream(ctx, perStream); err != nil {
		return err
	}
	for id, n := range perStream {
		if s := w.streams[id]; s != nil {
			s.keys = newKeyIndex(n)
		}
	}
	rows, err := w.read.QueryContext(ctx, `select id, stream_id, opened_by, find_key, severity, state, flags, org_id,
		level, audience from watch_finding order by id`)
	if err != nil {
		return fmt.Errorf("load findings: %w", err)
	}
	var raw struct {
		id, stream, opened, severity, state, flags, org, level, audience int64
		key                                                              []byte
	}
	for rows.Next() {
		if err := rows.Scan(&raw.id, &raw.stream, &raw.opened, &raw.key, &raw.severity, &raw.state, &raw.flags,
			&raw.org, &raw.level, &raw.audience); err != nil {
			return errors.Join(fmt.Errorf("load findings: %w", err), rows.Close())
		}
		s := w.streams[raw.stream]
		if s == nil || len(raw.key) != len(Key{}) {
			return errors.Join(fmt.Errorf("finding %d has no stream or a broken key", raw.id), rows.Close())
		}
		s.keys.put((*Key)(raw.key), uint32(raw.id))
		w.facets.load(uint32(raw.id), attr{
			org: uint32(raw.org), audience: uint32(raw.audience), stream: uint16(raw.stream), state: State(raw.state),
			severity: Severity(raw.severity), level: uint8(raw.level), flags: Flags(raw.flags), visible: visible[raw.opened],
		})
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (w *Watch) countPerStream(ctx context.Context, into map[int64]int) error {
	return sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var stream, n int64
		if err := r.Scan(&stream, &n); err != nil {
			return err
		}
		into[stream] = int(n)
		return nil
	}, `select stream_id, sum(opened) from watch_delivery where act_order > 0 group by stream_id`)
}

// loadUnfolded applies taken deliveries that were not folded when the process
// ended: the rows do not know their changes yet.
func (w *Watch) loadUnfolded(ctx context.Context) error {
	return sqldb.Each(ctx, w.read, func(r sqldb.Row) error {
		var id, order, changed int64
		var from, to State
		var sev Severity
		if err := r.Scan(&id, &from, &to, &sev, &order, &changed); err != nil {
			return err
		}
		if a := w.facets.attrOf(uint32(id)); a.state == from && changed < order {
			w.facets.change(uint32(id), func(a *attr) { a.state, a.severity = to, sev })
		}
		return nil
	}, `select c.finding_id, c.from_state, c.to_state, c.severity, d.act_order, f.changed_order
		from watch_delivery d join watch_change c on c.delivery_id = d.id
		join watch_finding f on f.id = c.finding_id
		where d.state = 'taken' and c.act_order = 0 order by d.act_order`)
}

// idBlock is a reserved block of inner ids.
type idBlock struct{ next, end int64 }

// idBlockSize is how many ids are reserved at once.
const idBlockSize = 10_000

// skippedAfterRestore is how many numbers a restored installation leaves out: more than
// any lost one gave away since its last backup.
const skippedAfterRestore = 1 << 24

// HoldAfterRestore is for an installation that was restored from a backup: a number of a
// finding that was told to somebody since is not given to another. Nothing is taken in
// meanwhile.
func (w *Watch) HoldAfterRestore(ctx context.Context, tx *act.Tx) error {
	w.ids = idBlock{}
	_, err := tx.Reserve(ctx, "watch.finding", skippedAfterRestore)
	return err
}

// errTooMany says that the bitmaps cannot hold more findings.
var errTooMany = errors.New("more findings than 2^32")

func (w *Watch) nextFindingID(ctx context.Context) (uint32, error) {
	if w.ids.next == w.ids.end {
		err := w.acts.Step(ctx, "watch.reserve_ids", func(ctx context.Context, tx *act.Tx) error {
			first, err := tx.Reserve(ctx, "watch.finding", idBlockSize)
			w.ids = idBlock{first, first + idBlockSize}
			return err
		})
		if err != nil {
			w.ids = idBlock{}
			return 0, err
		}
	}
	id := w.ids.next
	if id >= 1<<32 {
		return 0, errTooMany
	}
	w.ids.next++
	return uint32(id), nil
}

// classID interns the RSIT class of an event.
func (w *Watch) classID(ctx context.Context, ev *idf.Event) (int64, error) {
	c := Class{Taxonomy: w.intern(ev.Class), Type: w.intern(ev.Type), Identifier: w.intern(ev.Identifier)}
	if id, ok := w.classes[c]; ok {
		return id, nil
	}
	err := w.acts.Step(ctx, "watch.class", func(ctx context.Context, tx *act.Tx) error {
		id, ok, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from watch_class
			where taxonomy = $1 and type = $2 and identifier = $3`, c.Taxonomy, c.Type, c.Identifier)
		if err != nil {
			return err
		}
		if !ok {
			if id, err = tx.Next(ctx, "watch.class"); err != nil {
				return err
			}
			if _, err = tx.ExecContext(ctx, `insert into watch_class (id, taxonomy, type, identifier)
				values ($1, $2, $3, $4)`, id, c.Taxonomy, c.Type, c.Identifier); err != nil {
				return err
			}
		}
		w.classes[c] = id
		return nil
	})
	return w.classes[c], err
}

// setAudiences says of new findings who may see them: their organisation, and the
// desk. It returns the audiences that were met for the first time, which count only
// once the step has committed.
func (w *Watch) setAudiences(ctx context.Context, tx *act.Tx, fs []newFinding) (met map[int64]guard.Audience, err error) {
	met = map[int64]guard.Audience{}
	for i := range fs {
		org := int64(fs[i].attr.org)
		a, ok := w.audiences[org]
		if !ok {
			a, ok = met[org]
		}
		if !ok {
			if a, err = w.guard.AudienceOf(ctx, tx, org); err != nil {
				return nil, err
			}
			met[org] = a
		}
		fs[i].attr.audience = uint32(a)
	}
	return met, nil
}

// intern keeps one copy of a word that comes again and again; the table is small
// because only values of closed or nearly closed sets go in, and bounded.
func (w *Watch) intern(b []byte) string {
	if s, ok := w.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(w.words) < 10_000 {
		w.words[s] = s
	}
	return s
}

// ensureStream returns the stream of a plan, making or bringing it up to date.
func (w *Watch) ensureStream(ctx context.Context, src Source, p *plan) (*streamState, error) {
	w.mu.RLock()
	st := w.byKind[streamKey{src.ID, p.Kind}]
	w.mu.RUnlock()
	if st != nil && st.Plan == p.label() {
		return st, nil
	}
	s := Stream{Source: src.ID, Kind: p.Kind}
	if st != nil {
		s = st.Stream
	}
	s.Plan, s.FullScan, s.ClosesBy, s.ExpiryDays = p.label(), p.FullScan, ClosesBy(p.ClosesBy), p.ExpiryDays
	err := w.acts.Step(ctx, "watch.stream", func(ctx context.Context, tx *act.Tx) (err error) {
		if s.ID == 0 {
			if s.ID, err = tx.Next(ctx, "watch.stream"); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `insert into watch_stream
			(id, source_id, kind, plan, full_scan, closes_by, expiry_days, absent_after)
			values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (source_id, kind) do update set plan = excluded.plan,
			full_scan = excluded.full_scan, closes_by = excluded.closes_by, expiry_days = excluded.expiry_days`,
			s.ID, s.Source, s.Kind, s.Plan, s.FullScan, string(s.ClosesBy), s.ExpiryDays, s.AbsentAfter)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep stream %s: %w", p.Kind, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if st == nil {
		return w.addStream(s), nil
	}
	st.Stream = s
	return st, nil
}

// Number is the number by which people know a finding.
func (w *Watch) Number(finding int64) string { return w.numbers.Format(uint64(finding)) }
