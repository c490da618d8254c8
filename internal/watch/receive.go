package watch

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// Limits bound what one delivery may cost. All are configuration.
type Limits struct {
	Received int64 // bytes of what arrives; default 2 GiB
	Content  int64 // bytes after unpacking, per member; default 4 GiB, at most 4 GiB
	Ratio    int64 // unpacked : packed beyond the first MiB; default 200
	Members  int   // of one archive; default 1000
	Record   int   // bytes of one row; default 1 MiB
}

// maxContent is what the sidecar can address: 32-bit offsets.
const maxContent = 4<<30 - 1

func (l Limits) filled() Limits {
	if l.Received <= 0 {
		l.Received = 2 << 30
	}
	if l.Content <= 0 || l.Content > maxContent {
		l.Content = maxContent
	}
	if l.Ratio <= 0 {
		l.Ratio = 200
	}
	if l.Members <= 0 {
		l.Members = 1000
	}
	if l.Record <= 0 {
		l.Record = 1 << 20
	}
	return l
}

// Arrival is what somebody hands in.
type Arrival struct {
	Source   string
	FileName string    // as given by the sender; only its last element is used
	Observed time.Time // zero: from the file name, else the newest row
	Mapping  string    // empty: the source's own
	Body     io.Reader
}

// Receipt says what became of one file of an arrival.
type Receipt struct {
	Delivery  Delivery
	Duplicate bool // the same content for the same day was there before
}

// Receive keeps an arrival and returns a receipt per delivery in it: an archive
// of several members is several deliveries. When it returns, the bytes are on
// disk and will be taken in, whatever happens; nothing of them is visible yet. A
// delivery that is there already is not taken in again.
func (w *Watch) Receive(ctx context.Context, actor act.Actor, a Arrival) ([]Receipt, error) {
	src, err := w.SourceNamed(ctx, w.read, a.Source)
	if err != nil {
		return nil, err
	}
	call := act.Call{Actor: actor, Verb: "watch.deliver", Subject: sourceSubject(src.ID)}
	if err := w.acts.Decide(ctx, call); err != nil {
		return nil, err
	}
	if a.Mapping == "" {
		a.Mapping = src.Mapping
	}
	a.FileName = path.Base(strings.ReplaceAll(fault.Clip(a.FileName), `\`, "/"))
	received, err := w.blobs.Put(ctx, a.Body, w.limits.Received)
	if err != nil {
		return nil, fmt.Errorf("keep %s: %w", a.FileName, err)
	}
	members, err := w.unpack(ctx, received, a.FileName)
	if err != nil {
		return nil, err
	}
	out := make([]Receipt, 0, len(members))
	for _, m := range members {
		r, err := w.receiveMember(ctx, call, src, a, received, m)
		if err != nil {
			return out, fmt.Errorf("receive %s: %w", m.name, err)
		}
		out = append(out, r)
	}
	w.wakeUp()
	return out, nil
}

// member is one file of an arrival, unpacked and kept.
type member struct {
	name    string
	content blob.Ref
}

func (w *Watch) receiveMember(ctx context.Context, call act.Call, src Source, a Arrival, received blob.Ref, m member) (rc Receipt, err error) {
	d := Delivery{
		Source: src.ID, FileName: m.name, ReceivedAt: w.acts.Clock().Now(), Received: received.String(),
		Content: m.content.String(), Size: m.content.Size, State: UnknownKind, Mode: src.Mode,
	}
	plan, err := w.planFor(ctx, a.Mapping, m.name)
	switch {
	case err == nil:
		d.Kind, d.State, d.Plan = plan.Kind, Received, a.Mapping+"@"+plan.Version
	case errors.Is(err, errUnknownKind):
		d.Kind, d.Failure, d.Plan = kindFromName(m.name), "watch.delivery.unknown_kind", a.Mapping+"@"
	default:
		return rc, err
	}
	if d.Observed, d.ObservedBy, err = w.observedDay(ctx, a, m, plan); err != nil {
		return rc, err
	}
	err = w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if d.ID, err = tx.Next(ctx, "watch.delivery"); err != nil {
			return err
		}
		added, err := insertDelivery(ctx, tx, d)
		if err != nil {
			return err
		}
		if !added {
			rc.Duplicate = true
			d, err = deliveryByContent(ctx, tx, d)
			if err != nil {
				return err
			}
		}
		tx.Detail(deliverDetail{Delivery: d.ID, Received: d.Received, Content: d.Content, Duplicate: rc.Duplicate})
		return nil
	})
	rc.Delivery = d
	return rc, err
}

// deliverDetail is what the ledger keeps of a receipt.
type deliverDetail struct {
	Delivery  int64  `json:"delivery"`
	Received  string `json:"received"`
	Content   string `json:"content"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// observedDay finds the day of observation: given, in the file name, or the day
// of the newest row. A delivery of unknown kind without a date counts for the day
// on which it came.
func (w *Watch) observedDay(ctx context.Context, a Arrival, m member, plan *plan) (t time.Time, by string, err error) {
	if !a.Observed.IsZero() {
		return day(a.Observed), "given", nil
	}
	if t, ok := dateOfFile(m.name); ok {
		return t, "name", nil
	}
	return w.dayOfContent(ctx, m.content, plan)
}

// dayOfContent is the day of the newest row, or, when none can be read, of arrival.
func (w *Watch) dayOfContent(ctx context.Context, content blob.Ref, plan *plan) (t time.Time, by string, err error) {
	if plan != nil {
		newest, err := w.newestRow(ctx, content, plan)
		if err != nil {
			return t, "", err
		}
		if !newest.IsZero() {
			return day(newest), "rows", nil
		}
	}
	return day(w.acts.Clock().Now()), "arrival", nil
}

// day cuts a time to 00:00 UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// unpack recognises gzip and zip by their first bytes and keeps what is inside,
// bounded in size, ratio and number. What is not packed is its own content.
func (w *Watch) unpack(ctx context.Context, received blob.Ref, name string) ([]member, error) {
	r, err := w.blobs.Open(ctx, received)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	defer r.Close()
	var magic [4]byte
	n, err := io.ReadFull(r, magic[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	switch {
	case n == 0:
		return nil, fault.OnField("file", "watch.arrival.empty", fault.Args{"Name": name})
	case n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		m, err := w.gunzip(ctx, r, received.Size, name)
		return []member{m}, err
	case n == 4 && string(magic[:]) == "PK\x03\x04":
		return w.unzip(ctx, r, received.Size, name)
	}
	return []member{{name: name, content: received}}, nil
}

func (w *Watch) gunzip(ctx context.Context, r io.Reader, packed int64, name string) (member, error) {
	zr, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
	if err != nil {
		return member{}, fault.Wrap(fault.Invalid, "watch.arrival.broken", fault.Args{"Name": name}, err)
	}
	ref, err := w.keepBounded(ctx, zr, packed, name)
	return member{name: strings.TrimSuffix(name, ".gz"), content: ref}, err
}

func (w *Watch) unzip(ctx context.Context, r *blob.Reader, size int64, name string) ([]member, error) {
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "watch.arrival.broken", fault.Args{"Name": name}, err)
	}
	var out []member
	for _, f := range zr.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if len(out) == w.limits.Members {
			return nil, fault.New(fault.Invalid, "watch.arrival.members", fault.Args{"Name": name, "Max": w.limits.Members})
		}
		inner := path.Base(strings.ReplaceAll(fault.Clip(f.Name), `\`, "/"))
		rc, err := f.Open()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "watch.arrival.broken", fault.Args{"Name": name + "/" + inner}, err)
		}
		ref, err := w.keepBounded(ctx, rc, int64(f.CompressedSize64), name+"/"+inner)
		if err := errors.Join(err, rc.Close()); err != nil {
			return nil, err
		}
		out = append(out, member{name: inner, content: ref})
	}
	if len(out) == 0 {
		return nil, fault.OnField("file", "watch.arrival.empty", fault.Args{"Name": name})
	}
	return out, nil
}

// keepBounded keeps unpacked bytes and gives up as soon as they pass the limit of
// size or ratio: a bomb costs what the limit says, and leaves nothing behind.
func (w *Watch) keepBounded(ctx context.Context, r io.Reader, packed int64, name string) (blob.Ref, error) {
	limit := min(w.limits.Content, 1<<20+max(packed, 1)*w.limits.Ratio)
	ref, err := w.blobs.Put(ctx, r, limit)
	if err == nil {
		return ref, nil
	}
	if f := fault.Of(err); f.Key == "blob.too_large" {
		return ref, fault.Wrap(fault.Invalid, "watch.arrival.bomb",
			fault.Args{"Name": name, "Limit": limit}, err)
	}
	if fault.CodeOf(err) == fault.Internal {
		return ref, fault.Wrap(fault.Invalid, "watch.arrival.broken", fault.Args{"Name": name}, err)
	}
	return ref, err
}

func insertDelivery(ctx context.Context, tx *act.Tx, d Delivery) (added bool, err error) {
	res, err := tx.ExecContext(ctx, `insert into watch_delivery
		(id, source_id, stream_id, kind, file_name, observed, observed_by, received_at, received_ref, content_ref, content_size,
		state, failure, mode, released_at, plan, act_order, total_rows, events, quarantined, opened, kept, worse,
		no_longer_seen, reopened, unrouted, proves, proves_why, lost_columns, presence_ref, sidecar_ref,
		news_ref, result_hash, microseconds)
		values ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		false, '', '', '', '', '', '', 0)
		on conflict (source_id, kind, observed, content_ref) do nothing`,
		d.ID, d.Source, d.Kind, d.FileName, clock.Micros(d.Observed), d.ObservedBy, clock.Micros(d.ReceivedAt), d.Received,
		d.Content, d.Size, string(d.State), d.Failure, string(d.Mode), d.Plan)
	if err != nil {
		return false, fmt.Errorf("insert delivery: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func deliveryByContent(ctx context.Context, r sqldb.Reader, d Delivery) (Delivery, error) {
	found, ok, err := sqldb.One(ctx, r, scanDelivery, `select `+deliveryColumns+` from watch_delivery
		where source_id = $1 and kind = $2 and observed = $3 and content_ref = $4`,
		d.Source, d.Kind, clock.Micros(d.Observed), d.Content)
	if err == nil && !ok {
		err = errors.New("a duplicate delivery has vanished")
	}
	return found, err
}
