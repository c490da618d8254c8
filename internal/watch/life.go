package watch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"almenara.example/idf"
	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Life returns the changes of a finding, oldest first, beginning with its opening.
// Only what is taken in is there.
func (w *Watch) Life(ctx context.Context, r sqldb.Reader, f Finding) ([]Change, error) {
	opened, err := w.Delivery(ctx, r, f.OpenedBy)
	if err != nil {
		return nil, err
	}
	life := []Change{{
		Finding: f.ID, Delivery: f.OpenedBy, Order: opened.ActOrder, Kind: ChangeOpened, To: Open, Severity: f.Severity,
		Org: f.Org, Last: f.First, At: f.First, Cause: "watch.cause.opened",
	}}
	later, err := sqldb.All(ctx, r, scanChange, `select c.finding_id, c.delivery_id,
		case when c.act_order > 0 then c.act_order else coalesce(d.act_order, 0) end, c.kind, c.from_state, c.to_state,
		c.severity, c.org_id, c.last_at, c.at, c.cause
		from watch_change c left join watch_delivery d on d.id = c.delivery_id
		where c.finding_id = $1 and (c.act_order > 0 or d.act_order > 0) order by 3`, f.ID)
	if err != nil {
		return nil, fmt.Errorf("read life of finding: %w", err)
	}
	return append(life, later...), nil
}

func scanChange(r sqldb.Row) (c Change, err error) {
	var last, at int64
	err = r.Scan(&c.Finding, &c.Delivery, &c.Order, &c.Kind, &c.From, &c.To, &c.Severity, &c.Org, &last, &at, &c.Cause)
	c.Last, c.At = clock.FromMicros(last), clock.FromMicros(at)
	return c, err
}

// Sighting is one event of a finding: where it stands.
type Sighting struct {
	Delivery Delivery
	Offset   int64
}

// maxSightings is how many events of one delivery a finding's page lists.
const maxSightings = 20

// Sightings lists where a finding stands in the deliveries that show it, newest
// first.
func (w *Watch) Sightings(ctx context.Context, r sqldb.Reader, f Finding, limit int) (out []Sighting, err error) {
	for _, p := range slices.Backward(w.presencesOf(f.Stream)) {
		if len(out) >= limit {
			break
		}
		set, err := w.presenceSet(ctx, p)
		if err != nil {
			return nil, err
		}
		if !set.Contains(uint32(f.ID)) {
			continue
		}
		d, err := w.Delivery(ctx, r, p.delivery)
		if err != nil {
			return nil, err
		}
		offsets, err := w.offsetsOf(ctx, d.Sidecar, uint32(f.ID), maxSightings)
		if err != nil {
			return nil, err
		}
		for _, off := range offsets {
			out = append(out, Sighting{Delivery: d, Offset: off})
		}
	}
	return out, nil
}

// RawLine returns the exact bytes of one row of a delivery, by its offset, and the
// header line that names its columns. Only a finding's own rows can be read: the
// offset must be one of its sightings.
func (w *Watch) RawLine(ctx context.Context, actor act.Actor, f Finding, delivery, offset int64) (header, line []byte, err error) {
	if err := w.acts.Decide(ctx, act.Call{Actor: actor, Verb: "watch.read_raw", Subject: findingSubject(f.ID)}); err != nil {
		return nil, nil, err
	}
	d, err := w.Delivery(ctx, w.read, delivery)
	if err != nil {
		return nil, nil, err
	}
	if d.Stream != f.Stream || d.Sidecar == "" {
		return nil, nil, fault.New(fault.NotFound, "watch.delivery.none", nil)
	}
	offsets, err := w.offsetsOf(ctx, d.Sidecar, uint32(f.ID), 1<<20)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(offsets, offset) {
		return nil, nil, fault.New(fault.NotFound, "watch.raw.none", nil)
	}
	return w.rowAt(ctx, d, offset, -1)
}

// rowAt reads a row of a delivery's content: its bytes from offset, length bytes
// of them, or with length < 0 as far as the record goes; and the first line.
func (w *Watch) rowAt(ctx context.Context, d Delivery, offset, length int64) (header, line []byte, err error) {
	content, err := w.openRef(ctx, d.Content)
	if err != nil {
		return nil, nil, err
	}
	defer content.Close()
	header, err = firstLine(content)
	if err != nil {
		return nil, nil, fmt.Errorf("read header of delivery %d: %w", d.ID, err)
	}
	if length < 0 {
		length = int64(w.limits.Record)
		line, err = recordFrom(io.NewSectionReader(content, offset, length))
	} else {
		line = make([]byte, min(length, int64(w.limits.Record)))
		_, err = content.ReadAt(line, offset)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read row of delivery %d: %w", d.ID, err)
	}
	return header, line, nil
}

func firstLine(r io.Reader) ([]byte, error) {
	line, err := bufio.NewReaderSize(io.LimitReader(r, 1<<20), 1<<16).ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n"), err
}

// recordFrom reads one record: a JSON line, or a CSV record to the line's end that is
// not within quotes.
func recordFrom(r io.Reader) ([]byte, error) {
	br := bufio.NewReaderSize(r, 1<<14)
	var rec []byte
	quoted := false
	for {
		line, err := br.ReadSlice('\n')
		rec = append(rec, line...)
		if len(rec) == 0 {
			return nil, nil
		}
		if rec[0] != '{' && bytes.Count(line, []byte{'"'})%2 == 1 {
			quoted = !quoted
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return nil, err
		}
		if ended || !quoted {
			return bytes.TrimRight(rec, "\r\n"), nil
		}
	}
}

// Why explains whose finding it is: the look-up as of the day it opened, with every
// candidate that was tried.
func (w *Watch) Why(f Finding) constituency.Explanation {
	s := subjectOf(f)
	return w.constituency.Index().Explain(&s, constituency.DayOf(f.First))
}

func subjectOf(f Finding) constituency.Subject {
	s := constituency.Subject{IP: f.IP, ASN: f.ASN, Domain: []byte(f.Host)}
	if len(f.CC) == 2 {
		copy(s.CC[:], f.CC)
	}
	return s
}

// WhoCanSee lists the organisations whose people may see a finding.
func (w *Watch) WhoCanSee(ctx context.Context, r sqldb.Reader, f Finding) ([]guard.Organisation, error) {
	return w.guard.Members(ctx, r, f.Audience)
}

// DryRun reads a stored delivery with a mapping and says what would come of it,
// without writing anything.
type DryRun struct {
	Rows, Events, Quarantined int64
	Lost, Added, LostKey      []string
	Reasons                   map[string]int64
	Examples                  []string // the first events as IDF JSON
}

// Try dry-runs a mapping on a stored delivery.
func (w *Watch) Try(ctx context.Context, delivery int64, name string) (out DryRun, err error) {
	d, err := w.Delivery(ctx, w.read, delivery)
	if err != nil {
		return out, err
	}
	p, err := w.planNamed(ctx, name, d.Kind)
	if err != nil {
		return out, err
	}
	content, err := w.openRef(ctx, d.Content)
	if err != nil {
		return out, err
	}
	defer content.Close()
	scan, err := p.Open(content, w.limits.Record)
	if err != nil {
		return out, fault.Wrap(fault.Invalid, "watch.delivery.unreadable", nil, err)
	}
	out.Reasons = map[string]int64{}
	var ev idf.Event
	for ctx.Err() == nil {
		rec, reject, err := scan.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return out, fault.Wrap(fault.Invalid, "watch.delivery.unreadable", nil, err)
		}
		out.Rows++
		if reject != nil {
			out.Quarantined++
			out.Reasons[string(reject.Reason)]++
			continue
		}
		out.Events++
		if rec != nil && len(out.Examples) < 3 {
			out.Examples = append(out.Examples, string(ev.AppendJSON(nil)))
		}
	}
	fit := scan.Fit()
	out.Lost, out.Added, out.LostKey = fit.Lost, fit.Added, fit.LostKey
	return out, ctx.Err()
}

// DeliveryFilter says which deliveries to list; zero fields do not filter.
type DeliveryFilter struct {
	Source int64
	Stream int64
	State  DeliveryState
	Kind   string
	Since  time.Time // received since
	Before int64     // ids below it
	Limit  int       // default 50
}

// Deliveries lists deliveries, newest first.
func (w *Watch) Deliveries(ctx context.Context, r sqldb.Reader, f DeliveryFilter) ([]Delivery, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	return sqldb.All(ctx, r, scanDelivery, `select `+deliveryColumns+` from watch_delivery
		where id < $1 and ($2 = 0 or source_id = $2) and ($3 = 0 or stream_id = $3) and ($4 = '' or state = $4)
		and ($5 = '' or kind = $5) and received_at >= $6 order by id desc limit $7`,
		f.Before, f.Source, f.Stream, string(f.State), f.Kind, micros(f.Since), min(f.Limit, 1000))
}
