package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/idf"
	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/mapping"
	"almenara.example/rows"
)

// Steps stay below this many rows and, but for the commit, this long, so that a
// person's act never waits for a delivery.
const (
	stepRows = 5_000
	stepTime = 50 * time.Millisecond
)

// bufferRows is how many new findings wait in memory, some 200 bytes each, before
// they are sorted by address and written: steps that insert neighbours touch few
// pages of the address index, which saves a third of the whole cost.
const bufferRows = 100_000

// newFinding is a row of watch_finding about to be written.
type newFinding struct {
	id        uint32
	key       Key
	ip        netip.Addr
	port      int32
	transport string
	asn       uint32
	host      string
	cc        string
	class     int64
	attr      attr
	asset     int64
	first     int64
}

// setAside is a row of watch_quarantine about to be written.
type setAside struct {
	line, pos, len int64
	column, reason string
	ips            []netip.Addr // every address that may be meant
}

// intake processes one delivery. It lives for that delivery only; everything in it
// is bounded by the step size but the places, 8 bytes a row.
type intake struct {
	w      *Watch
	d      Delivery
	src    Source
	plan   *plan
	stream *streamState
	scan   *mapping.Scan
	fit    mapping.Fit
	weak   bool // a key column is lost
	last   int  // the last line that a row began on
	index  *constituency.Index
	day    constituency.Day

	ev      idf.Event
	keyBuf  []byte
	subject constituency.Subject

	counts  Counts
	places  []place
	settled int                 // how many places have their final ids
	opened  *roaring.Bitmap     // new with this delivery
	worse   map[uint32]Severity // open findings that got worse
	added   []newFinding        // waiting for the next step
	aside   []setAside          // waiting for the next step
}

// process takes one received delivery through to the take-in. It may be called
// again after a crash: what earlier steps wrote is found again by its keys.
func (w *Watch) process(ctx context.Context, d Delivery) error {
	began := w.acts.Clock().Now()
	p, err := w.newIntake(ctx, d)
	if err != nil {
		return err
	}
	err = p.readRows(ctx)
	if err == nil {
		err = p.flush(ctx)
	}
	if err == nil {
		err = p.finish(ctx, began)
	}
	if err != nil {
		p.unlearn()
	}
	return err
}

// unlearn forgets the keys of findings that no step has written: their rows do
// not exist, and the next try must open them again.
func (p *intake) unlearn() {
	for i := range p.added {
		p.stream.keys.remove(&p.added[i].key)
	}
}

func (w *Watch) newIntake(ctx context.Context, d Delivery) (*intake, error) {
	src, err := w.Source(ctx, w.read, d.Source)
	if err != nil {
		return nil, err
	}
	plan, err := w.planOf(ctx, d)
	if err != nil {
		return nil, err
	}
	stream, err := w.ensureStream(ctx, src, plan)
	if err != nil {
		return nil, err
	}
	d.Stream = stream.ID
	return &intake{
		w: w, d: d, src: src, plan: plan, stream: stream,
		index: w.constituency.Index(), day: constituency.DayOf(d.Observed),
		opened: roaring.New(), worse: map[uint32]Severity{},
	}, nil
}

// readRows reads the content once, from its first byte to its last.
func (p *intake) readRows(ctx context.Context) error {
	content, err := p.w.openRef(ctx, p.d.Content)
	if err != nil {
		return err
	}
	defer content.Close()
	p.scan, err = p.plan.Open(content, p.w.limits.Record)
	if errors.Is(err, rows.ErrNoHeader) {
		return nil // nothing in it: a delivery of no rows
	}
	if err != nil {
		return unreadable(err)
	}
	fit := p.scan.Fit()
	if fit.Found == 0 && p.plan.Format != mapping.JSONLines {
		return fault.New(fault.Invalid, "watch.delivery.wrong_kind", nil)
	}
	p.weak = fit.Weak()
	for n := 1; ; n++ {
		rec, reject, err := p.scan.Next(&p.ev)
		switch {
		case errors.Is(err, io.EOF):
			p.fit = p.scan.Fit()
			return nil
		case err != nil:
			return unreadable(err)
		case reject != nil:
			p.setAside(reject)
		default:
			if err := p.row(ctx, rec); err != nil {
				return err
			}
		}
		if err := p.maybeFlush(ctx, n); err != nil {
			return err
		}
	}
}

// errUnreadable marks a content that cannot be read as what its mapping says.
var errUnreadable = errors.New("unreadable content")

func unreadable(err error) error { return fmt.Errorf("%w: %w", errUnreadable, err) }

// setAside notes a row for quarantine: where it is and why, never its bytes.
func (p *intake) setAside(r *mapping.Reject) {
	p.last = r.Line
	p.counts.Rows++
	p.counts.Quarantined++
	s := setAside{
		line: int64(r.Line), pos: r.Offset, len: r.Len, column: fault.Clip(r.Column), reason: string(r.Reason),
		ips: slices.Clone(r.IPs),
	}
	if len(s.ips) == 0 && r.IP.IsValid() {
		s.ips = []netip.Addr{r.IP}
	}
	p.aside = append(p.aside, s)
}

// row turns an event into a finding, new or kept.
func (p *intake) row(ctx context.Context, rec *rows.Record) error {
	p.last = rec.Line
	p.counts.Rows++
	p.counts.Events++
	key := p.key()
	id := p.stream.keys.get(&key)
	if id == 0 {
		var err error
		if id, err = p.open(ctx, &key); err != nil {
			return err
		}
	} else {
		p.keep(id)
	}
	p.places = append(p.places, placeOf(id, rec.Offset))
	return nil
}

// key is the first half of SHA-256 over the stream's key fields. The stream is
// not in it: every stream has its own index.
func (p *intake) key() (k Key) {
	p.keyBuf = p.scan.AppendKey(p.keyBuf[:0], &p.ev)
	h := sha256.Sum256(p.keyBuf)
	copy(k[:], h[:])
	return k
}

// keep notes an event of a finding that is there: it writes nothing unless the
// finding got worse.
func (p *intake) keep(id uint32) {
	a := p.w.facets.attrOf(id)
	if !a.visible {
		// Opened by an earlier row, or by an interrupted run of this delivery, whose
		// count went with it.
		if p.opened.CheckedAdd(id) && constituency.Level(a.level) == constituency.Unrouted {
			p.counts.Unrouted++
		}
		return
	}
	if s := Severity(p.ev.Severity); s > a.severity && s > p.worse[id] {
		p.worse[id] = s
	}
}

// open makes a new finding of the current event.
func (p *intake) open(ctx context.Context, key *Key) (uint32, error) {
	id, err := p.w.nextFindingID(ctx)
	if err != nil {
		return 0, err
	}
	m := p.match()
	class, err := p.w.classID(ctx, &p.ev)
	if err != nil {
		return 0, err
	}
	f := newFinding{
		id: id, key: *key, ip: p.ev.IP, port: -1, transport: p.w.intern(p.ev.Transport), asn: p.ev.ASN,
		host: string(p.ev.FQDN), class: class, asset: m.Asset, first: p.ev.Time,
		attr: attr{
			org: uint32(m.Org), stream: uint16(p.stream.ID), state: Open, severity: Severity(p.ev.Severity),
			level: uint8(m.Level), flags: p.flags(), // the audience is filled in when it is written
		},
	}
	if p.ev.HasPort {
		f.port = int32(p.ev.Port)
	}
	if p.ev.CC[0] != 0 {
		f.cc = p.w.intern(p.ev.CC[:])
	}
	if f.first == 0 {
		f.first = clock.Micros(p.d.Observed)
	}
	if m.Level == constituency.Unrouted {
		p.counts.Unrouted++
	}
	p.stream.keys.put(key, id)
	p.opened.Add(id)
	p.added = append(p.added, f)
	return id, nil
}

func (p *intake) flags() (f Flags) {
	if p.weak {
		f |= WeakKey
	}
	if p.src.Exercise {
		f |= Exercise
	}
	return f
}

// match asks the constituency whose the event is, on the day observed.
func (p *intake) match() constituency.Match {
	p.subject = constituency.Subject{IP: p.ev.IP, ASN: p.ev.ASN, Domain: p.ev.FQDN, CC: p.ev.CC}
	return p.index.Match(&p.subject, p.day)
}

// maybeFlush writes what waits when the buffer is full.
func (p *intake) maybeFlush(ctx context.Context, n int) error {
	if len(p.added) >= bufferRows || len(p.aside) >= stepRows {
		return p.flush(ctx)
	}
	if n&0xffff == 0 {
		return ctx.Err()
	}
	return nil
}

// sortAdded puts the waiting findings in the order of their addresses and deals
// their ids out again in that order: to the key index and to the places noted since
// the last flush.
func (p *intake) sortAdded() {
	if len(p.added) == 0 {
		return
	}
	ids := make([]uint32, len(p.added))
	for i := range p.added {
		ids[i] = p.added[i].id
	}
	slices.SortFunc(p.added, func(a, b newFinding) int { return a.ip.Compare(b.ip) })
	first := ids[0]
	dealt := make([]uint32, ids[len(ids)-1]-first+1)
	for i := range p.added {
		f := &p.added[i]
		dealt[f.id-first] = ids[i]
		f.id = ids[i]
		p.stream.keys.put(&f.key, f.id)
	}
	for i := p.settled; i < len(p.places); i++ {
		if id := p.places[i].id(); id >= first {
			p.places[i] = placeOf(dealt[id-first], p.places[i].offset())
		}
	}
	p.settled = len(p.places)
}

// flush writes the waiting findings and quarantined rows in one step. After an
// interrupted run the quarantined rows are there already.
func (p *intake) flush(ctx context.Context) error {
	p.sortAdded()
	added, aside := p.added, p.aside
	for len(p.added) > 0 || len(p.aside) > 0 {
		var wroteF, wroteQ int
		var met map[int64]guard.Audience
		err := p.w.acts.Step(ctx, "watch.intake", func(ctx context.Context, tx *act.Tx) error {
			var err error
			until := p.w.acts.Clock().Now().Add(stepTime)
			some := p.added[:min(len(p.added), stepRows)]
			if met, err = p.w.setAudiences(ctx, tx, some); err != nil {
				return err
			}
			if wroteF, err = p.w.insertFindings(ctx, tx, p.d.ID, some, until); err != nil {
				return fmt.Errorf("insert findings of delivery %d: %w", p.d.ID, err)
			}
			if wroteF < len(p.added) {
				return nil
			}
			if wroteQ, err = insertQuarantine(ctx, tx, p.d.ID, p.aside); err != nil {
				return fmt.Errorf("insert quarantine of delivery %d: %w", p.d.ID, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		maps.Copy(p.w.audiences, met)
		p.prepare(p.added[:wroteF])
		p.added, p.aside = p.added[wroteF:], p.aside[wroteQ:]
	}
	p.added, p.aside = added[:0], aside[:0]
	return nil
}

// prepare tells the facets of findings that are written but not visible yet.
func (p *intake) prepare(fs []newFinding) {
	p.w.facets.mu.Lock()
	defer p.w.facets.mu.Unlock()
	for i := range fs {
		p.w.facets.set(fs[i].id, fs[i].attr)
	}
}

func insertQuarantine(ctx context.Context, tx *act.Tx, delivery int64, qs []setAside) (int, error) {
	if len(qs) == 0 {
		return 0, nil
	}
	st, err := tx.PrepareContext(ctx, `insert into watch_quarantine
		(delivery_id, line, pos, len, col, reason, state, act_order)
		values ($1, $2, $3, $4, $5, $6, 'open', 0) on conflict (delivery_id, line) do nothing`)
	if err != nil {
		return 0, err
	}
	defer st.Close()
	for i := range qs {
		q := &qs[i]
		if _, err := st.ExecContext(ctx, delivery, q.line, q.pos, q.len, q.column, q.reason); err != nil {
			return 0, err
		}
		for _, ip := range q.ips {
			if _, err := tx.ExecContext(ctx, `insert into watch_blocked (delivery_id, line, ip) values ($1, $2, $3)
				on conflict (delivery_id, line, ip) do nothing`, delivery, q.line, addrBytes(ip)); err != nil {
				return 0, err
			}
		}
	}
	return len(qs), nil
}

// failDelivery keeps an unreadable delivery with the reason; it can be tried
// again when its mapping has been mended.
func (w *Watch) failDelivery(ctx context.Context, d Delivery, why error) error {
	call := act.Call{Actor: act.MachineActor("watch.intake"), Verb: "watch.set_delivery_aside", Subject: deliverySubject(d.ID)}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		key := "watch.delivery.unreadable"
		if f := fault.Of(why); f.Code != fault.Internal {
			key = f.Key
		}
		_, err := tx.ExecContext(ctx, `update watch_delivery set state = $1, failure = $2 where id = $3`,
			string(Failed), key, d.ID)
		return err
	})
}
