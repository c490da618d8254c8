package watch

import (
	"context"
	"fmt"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// Queries that only pages ask.

// ParseNumber reads a finding's number; it forgives case and dashes. Whether there
// is such a finding is another question.
func (w *Watch) ParseNumber(s string) (int64, error) {
	n, err := w.numbers.Parse(s)
	if err != nil {
		return 0, fault.OnField("number", "watch.number.form", fault.Args{"Value": fault.Clip(s)})
	}
	if n >= 1<<32 {
		return 0, fault.New(fault.NotFound, "watch.finding.none", nil)
	}
	return int64(n), nil
}

// Kinds lists the kinds of report that were ever taken in, by name.
func (w *Watch) Kinds() []string {
	var out []string
	for _, s := range w.streamList() {
		out = append(out, s.Kind)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// OpenReceived opens what arrived, byte for byte, for a reader who may see raw
// bytes; NotFound when its retention has ended.
func (w *Watch) OpenReceived(ctx context.Context, actor act.Actor, delivery int64) (*blob.Reader, Delivery, error) {
	call := act.Call{Actor: actor, Verb: "watch.read_raw", Subject: deliverySubject(delivery)}
	if err := w.acts.Decide(ctx, call); err != nil {
		return nil, Delivery{}, err
	}
	d, err := w.Delivery(ctx, w.read, delivery)
	if err != nil {
		return nil, d, err
	}
	if d.Failure == forgotten {
		return nil, d, fault.New(fault.NotFound, forgotten, nil)
	}
	r, err := w.openRef(ctx, d.Received)
	return r, d, err
}

// ListOfDelivery lists the findings that a delivery changed in one way: opened,
// reopened, worse, no-longer-seen or corrected. It asks as List does.
func (w *Watch) ListOfDelivery(ctx context.Context, r sqldb.Reader, delivery int64, kind ChangeKind, p Page) (List, error) {
	d, err := w.Delivery(ctx, r, delivery)
	if err != nil {
		return List{}, err
	}
	if d.ActOrder == 0 {
		return List{}, nil
	}
	if kind != ChangeOpened {
		set, err := idSet(ctx, r, `select finding_id from watch_change where delivery_id = $1 and kind = $2`, d.ID, string(kind))
		if err != nil {
			return List{}, fmt.Errorf("find what delivery %d changed: %w", d.ID, err)
		}
		return w.listOf(ctx, r, set, p)
	}
	if d.News == "" {
		return List{}, nil
	}
	set, err := w.readBitmap(ctx, d.News)
	if err != nil {
		return List{}, err
	}
	changed, err := idSet(ctx, r, `select finding_id from watch_change where delivery_id = $1`, d.ID)
	if err != nil {
		return List{}, fmt.Errorf("find what delivery %d changed: %w", d.ID, err)
	}
	older, err := w.openedElsewhere(ctx, r, changed, d.ID)
	if err != nil {
		return List{}, err
	}
	set.Or(changed) // what it opened and later scans had disproved already is no news
	set.AndNot(older)
	return w.listOf(ctx, r, set, p)
}

// openedElsewhere is the part of a set that another delivery opened.
func (w *Watch) openedElsewhere(ctx context.Context, r sqldb.Reader, set *roaring.Bitmap, delivery int64) (*roaring.Bitmap, error) {
	out := set.Clone()
	for it := set.ManyIterator(); ; {
		ids := make([]uint32, 500)
		ids = ids[:it.NextMany(ids)]
		if len(ids) == 0 {
			return out, nil
		}
		args := []any{delivery}
		for _, id := range ids {
			args = append(args, int64(id))
		}
		mine, err := idSet(ctx, r, `select id from watch_finding where opened_by = $1 and id in `+sqldb.In(2, len(ids)), args...)
		if err != nil {
			return nil, fmt.Errorf("find what delivery %d opened: %w", delivery, err)
		}
		out.AndNot(mine)
	}
}

// ListUntold lists the findings of a source that nobody was told of: those of one
// organisation at one level, exactly the ones that its line in Shadow counts.
func (w *Watch) ListUntold(ctx context.Context, r sqldb.Reader, source, org int64, level uint8, p Page) (List, error) {
	set, _, err := w.unreleased(ctx, r, source)
	if err != nil {
		return List{}, err
	}
	mine := w.perOrg(set)[orgLevel{org, level}]
	if mine == nil {
		return List{}, nil
	}
	return w.listOf(ctx, r, mine, p)
}

// EachUntold calls f for every finding of a source that nobody was told of, in the
// order of the organisations' lines.
func (w *Watch) EachUntold(ctx context.Context, r sqldb.Reader, source, org int64, f func(Finding) error) error {
	set, _, err := w.unreleased(ctx, r, source)
	if err != nil {
		return err
	}
	perOrg := w.perOrg(set)
	for _, o := range sortedOrgs(perOrg) {
		if err := w.eachOf(ctx, r, perOrg[o].Iterator(), org, f); err != nil {
			return err
		}
	}
	return nil
}

// listOf is a page of a set of findings, as far as the reader may see them.
func (w *Watch) listOf(ctx context.Context, r sqldb.Reader, set *roaring.Bitmap, p Page) (l List, err error) {
	if p.Limit <= 0 {
		p.Limit = 50
	}
	p.Limit = min(p.Limit, 1000)
	audiences, err := w.audiencesOf(ctx, r, p.Reader)
	if err != nil {
		return l, err
	}
	w.facets.view(func(x *facets) {
		set = roaring.And(set, x.all)
		if !seesAll(p.Reader) {
			set.And(x.seenBy(audiences))
		}
	})
	l.Total = set.GetCardinality()
	l.Findings, err = w.findingsByID(ctx, r, pageOf(set, p, &l), p.Reader)
	return l, err
}

// countUpTo bounds the counts of pages: beyond it a page says "more than".
const countUpTo = 100_000

// CountDeliveries counts the deliveries of a filter, up to a bound that it tells.
func (w *Watch) CountDeliveries(ctx context.Context, r sqldb.Reader, f DeliveryFilter) (n int64, atLeast bool, err error) {
	n, _, err = sqldb.One(ctx, r, sqldb.Int64, `select count(*) from (select 1 from watch_delivery
		where ($1 = 0 or source_id = $1) and ($2 = 0 or stream_id = $2) and ($3 = '' or state = $3)
		and ($4 = '' or kind = $4) and received_at >= $5 limit $6) as q`,
		f.Source, f.Stream, string(f.State), f.Kind, micros(f.Since), int64(countUpTo+1))
	return min(n, countUpTo), n > countUpTo, err
}

// CountQuarantine counts the rows of a filter, up to a bound that it tells.
func (w *Watch) CountQuarantine(ctx context.Context, r sqldb.Reader, f QuarantineFilter) (n int64, atLeast bool, err error) {
	n, _, err = sqldb.One(ctx, r, sqldb.Int64, `select count(*) from (select 1 from watch_quarantine
		where ($1 = 0 or delivery_id = $1) and ($2 = 0 or line = $2) and ($3 = '' or reason = $3)
		and ($4 = '' or state = $4) limit $5) as q`,
		f.Delivery, f.Line, f.Reason, string(f.State), int64(countUpTo+1))
	return min(n, countUpTo), n > countUpTo, err
}

// QuarantineGroup is how many waiting rows of one delivery were set aside for one
// reason.
type QuarantineGroup struct {
	Delivery int64
	Reason   string
	Rows     int64
}

// QuarantineGroups sums up the rows that wait for a person, newest delivery first,
// at most limit groups.
func (w *Watch) QuarantineGroups(ctx context.Context, r sqldb.Reader, delivery int64, limit int) ([]QuarantineGroup, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (g QuarantineGroup, err error) {
		return g, row.Scan(&g.Delivery, &g.Reason, &g.Rows)
	}, `select delivery_id, reason, count(*) from watch_quarantine where state = 'open' and ($1 = 0 or delivery_id = $1)
		group by delivery_id, reason order by delivery_id desc, count(*) desc, reason limit $2`, delivery, limit)
}

// ActiveMappings lists what deliveries are read with now, by name.
func (w *Watch) ActiveMappings(ctx context.Context, r sqldb.Reader) ([]Mapping, error) {
	return sqldb.All(ctx, r, scanMapping, `select `+mappingColumns+` from watch_mapping where active order by name`)
}
