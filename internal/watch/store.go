package watch

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

func sourceSubject(id int64) string   { return fmt.Sprintf("source:%d", id) }
func deliverySubject(id int64) string { return fmt.Sprintf("delivery:%d", id) }
func findingSubject(id int64) string  { return fmt.Sprintf("finding:%d", id) }

const sourceColumns = `id, name, mode, marking, mapping, rhythm, retention, absent_after, exercise, version, added_at, last_taken_at`

func scanSource(r sqldb.Row) (s Source, err error) {
	var marking string
	var rhythm, added, taken int64
	err = r.Scan(&s.ID, &s.Name, &s.Mode, &marking, &s.Mapping, &rhythm, &s.Retention, &s.AbsentAfter,
		&s.Exercise, &s.Version, &added, &taken)
	if err == nil && marking != "" {
		s.Marking, err = tlp.Parse(marking)
	}
	s.Rhythm = time.Duration(rhythm) * time.Second
	s.AddedAt, s.LastTaken = clock.FromMicros(added), clock.FromMicros(taken)
	return s, err
}

// SourceNamed returns the source of that name; NotFound when there is none.
func (w *Watch) SourceNamed(ctx context.Context, r sqldb.Reader, name string) (Source, error) {
	s, ok, err := sqldb.One(ctx, r, scanSource, `select `+sourceColumns+` from watch_source where name = $1`, name)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "watch.source.unknown", fault.Args{"Name": fault.Clip(name)})
	}
	return s, err
}

// Source returns one source.
func (w *Watch) Source(ctx context.Context, r sqldb.Reader, id int64) (Source, error) {
	s, ok, err := sqldb.One(ctx, r, scanSource, `select `+sourceColumns+` from watch_source where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "watch.source.unknown", fault.Args{"Name": fmt.Sprint(id)})
	}
	return s, err
}

// Sources lists all sources by name.
func (w *Watch) Sources(ctx context.Context, r sqldb.Reader) ([]Source, error) {
	return sqldb.All(ctx, r, scanSource, `select `+sourceColumns+` from watch_source order by name`)
}

const streamColumns = `id, source_id, kind, plan, full_scan, closes_by, expiry_days, absent_after`

func scanStream(r sqldb.Row) (s Stream, err error) {
	return s, r.Scan(&s.ID, &s.Source, &s.Kind, &s.Plan, &s.FullScan, &s.ClosesBy, &s.ExpiryDays, &s.AbsentAfter)
}

// Streams lists all streams.
func (w *Watch) Streams(ctx context.Context, r sqldb.Reader) ([]Stream, error) {
	return sqldb.All(ctx, r, scanStream, `select `+streamColumns+` from watch_stream order by id`)
}

const deliveryColumns = `id, source_id, stream_id, kind, file_name, observed, observed_by, received_at, received_ref, content_ref,
	content_size, state, failure, mode, released_at, plan, act_order, total_rows, events, quarantined, opened, kept, worse,
	no_longer_seen, reopened, unrouted, proves, proves_why, lost_columns, presence_ref, sidecar_ref, news_ref, result_hash,
	microseconds`

func scanDelivery(r sqldb.Row) (d Delivery, err error) {
	var observed, received, released, took int64
	var lost string
	err = r.Scan(&d.ID, &d.Source, &d.Stream, &d.Kind, &d.FileName, &observed, &d.ObservedBy, &received, &d.Received, &d.Content,
		&d.Size, &d.State, &d.Failure, &d.Mode, &released, &d.Plan, &d.ActOrder, &d.Rows, &d.Events, &d.Quarantined,
		&d.Opened, &d.Kept, &d.Worse, &d.NoLongerSeen, &d.Reopened, &d.Unrouted, &d.Proves, &d.ProvesWhy, &lost,
		&d.Presence, &d.Sidecar, &d.News, &d.ResultHash, &took)
	d.Observed, d.ReceivedAt = clock.FromMicros(observed), clock.FromMicros(received)
	d.ReleasedAt, d.Took = clock.FromMicros(released), time.Duration(took)*time.Microsecond
	if lost != "" {
		d.LostColumns = strings.Split(lost, ",")
	}
	return d, err
}

// Delivery returns one delivery; NotFound when there is none.
func (w *Watch) Delivery(ctx context.Context, r sqldb.Reader, id int64) (Delivery, error) {
	d, ok, err := sqldb.One(ctx, r, scanDelivery, `select `+deliveryColumns+` from watch_delivery where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "watch.delivery.none", nil)
	}
	return d, err
}

const findingColumns = `f.id, f.stream_id, f.opened_by, f.find_key, f.ip, f.port, f.transport, f.asn, f.host, f.cc,
	f.class_id, f.severity, f.state, f.flags, f.org_id, f.asset_id, f.level, f.audience, f.first_at, f.last_at`

func scanFinding(r sqldb.Row) (f Finding, err error) {
	var key, ip []byte
	var first, last int64
	var audience int64
	err = r.Scan(&f.ID, &f.Stream, &f.OpenedBy, &key, &ip, &f.Port, &f.Transport, &f.ASN, &f.Host, &f.CC,
		&f.Class.ID, &f.Severity, &f.State, &f.Flags, &f.Org, &f.Asset, &f.Level, &audience, &first, &last)
	copy(f.Key[:], key)
	f.IP, f.Audience = addrOf(ip), guard.Audience(audience)
	f.First, f.Last = clock.FromMicros(first), clock.FromMicros(last)
	return f, err
}

// addrOf reads an address from its 16 stored bytes; none gives the zero Addr.
func addrOf(b []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return netip.Addr{}
	}
	return a.Unmap()
}

// addrBytes is the stored form of an address: 16 bytes, so that SQL orders
// addresses as numbers; empty for the zero Addr.
func addrBytes(a netip.Addr) []byte {
	if !a.IsValid() {
		return []byte{}
	}
	b := a.As16()
	return b[:]
}
