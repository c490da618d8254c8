package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/sqldb"
)

// WouldTell is one line of the shadow report: what would have gone to whom.
type WouldTell struct {
	Source   Source
	Org      int64 // 0: nobody, unrouted
	Level    constituency.Level
	Contact  string // mail address, empty when none is known
	Findings uint64
}

// Shadow is the preview of what a source found and nobody was told: exactly what
// AcceptPreview releases. UpTo is the newest delivery in it.
func (w *Watch) Shadow(ctx context.Context, r sqldb.Reader, src Source) (lines []WouldTell, upTo int64, err error) {
	set, upTo, err := w.unreleased(ctx, r, src.ID)
	if err != nil {
		return nil, 0, err
	}
	if set.IsEmpty() {
		return nil, upTo, nil
	}
	mails, err := w.constituency.FirstMails(ctx, r)
	if err != nil {
		return nil, 0, fmt.Errorf("read contacts: %w", err)
	}
	perOrg := w.perOrg(set)
	for _, o := range sortedOrgs(perOrg) {
		lines = append(lines, WouldTell{
			Source: src, Org: o.org, Level: constituency.Level(o.level), Contact: mails[o.org],
			Findings: perOrg[o].GetCardinality(),
		})
	}
	return lines, upTo, nil
}

// held keeps, per source, what its unreleased deliveries would tell of, so that the
// board does not read a bitmap per delivery each time.
type held struct {
	mu   sync.Mutex
	sets map[int64]heldSet
}

type heldSet struct {
	news *roaring.Bitmap
	upTo int64
}

// add joins the news of a delivery that was just taken in unreleased.
func (h *held) add(source, delivery int64, news *roaring.Bitmap) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.sets[source]; ok {
		h.sets[source] = heldSet{news: roaring.Or(s.news, news), upTo: max(s.upTo, delivery)}
	}
}

// drop forgets a source: the next look reads it anew.
func (h *held) drop(source int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sets, source)
}

// unreleased is the set of open findings that a source's unreleased deliveries
// would tell of, and the newest of these deliveries.
func (w *Watch) unreleased(ctx context.Context, r sqldb.Reader, source int64) (*roaring.Bitmap, int64, error) {
	s, err := w.heldOf(ctx, r, source)
	if err != nil {
		return nil, 0, err
	}
	var set *roaring.Bitmap
	w.facets.view(func(x *facets) { set = roaring.And(s.news, bitmap2(x.state, Open)) })
	return set, s.upTo, nil
}

// heldOf returns a source's set, reading it the first time. The lock is held while
// it reads, so that a delivery taken in meanwhile is added to what was read.
func (w *Watch) heldOf(ctx context.Context, r sqldb.Reader, source int64) (heldSet, error) {
	w.held.mu.Lock()
	defer w.held.mu.Unlock()
	if s, ok := w.held.sets[source]; ok {
		return s, nil
	}
	s, err := w.readHeld(ctx, r, source)
	if err == nil {
		w.held.sets[source] = s
	}
	return s, err
}

func (w *Watch) readHeld(ctx context.Context, r sqldb.Reader, source int64) (heldSet, error) {
	s := heldSet{news: roaring.New()}
	ds, err := sqldb.All(ctx, r, scanDelivery, `select `+deliveryColumns+` from watch_delivery
		where source_id = $1 and act_order > 0 and released_at = 0 order by id`, source)
	if err != nil {
		return s, fmt.Errorf("read unreleased deliveries: %w", err)
	}
	for _, d := range ds {
		s.upTo = d.ID
		if d.News == "" {
			continue
		}
		b, err := w.readBitmap(ctx, d.News)
		if err != nil {
			return s, err
		}
		s.news.Or(b)
	}
	return s, nil
}

// orgLevel is an organisation told as operator, network owner or national CSIRT.
type orgLevel struct {
	org   int64
	level uint8
}

// perOrg splits a set of findings by whom it concerns.
func (w *Watch) perOrg(set *roaring.Bitmap) map[orgLevel]*roaring.Bitmap {
	out := map[orgLevel]*roaring.Bitmap{}
	w.facets.view(func(x *facets) {
		for it := set.Iterator(); it.HasNext(); {
			id := it.Next()
			a := x.at(id)
			bitmap(out, orgLevel{int64(a.org), a.level}).Add(id)
		}
	})
	return out
}

func sortedOrgs[V any](m map[orgLevel]V) []orgLevel {
	out := make([]orgLevel, 0, len(m))
	for o := range m {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b orgLevel) int {
		if a.level != b.level {
			return int(b.level) - int(a.level)
		}
		return int(a.org - b.org)
	})
	return out
}

// News is what one organisation is to be told of a released delivery.
type News struct {
	Org      int64
	Level    constituency.Level
	Findings []int64 // in order of opening
}

// ReleasedNews returns, per organisation, the findings of a delivery that may be
// told: opened, back or worse with it, still open, and released. It is empty for a
// delivery that is not released. news is what a DeliveryTaken named; empty means
// all of the delivery's.
func (w *Watch) ReleasedNews(ctx context.Context, r sqldb.Reader, delivery int64, news string) ([]News, error) {
	d, err := w.Delivery(ctx, r, delivery)
	if err != nil || d.ActOrder == 0 || d.ReleasedAt.IsZero() {
		return nil, err
	}
	if news == "" {
		news = d.News
	}
	if news == "" {
		return nil, nil
	}
	set, err := w.readBitmap(ctx, news)
	if err != nil {
		return nil, err
	}
	return w.newsOf(set), nil
}

// newsOf splits the open findings of a set by whom they concern; the unrouted
// concern nobody.
func (w *Watch) newsOf(set *roaring.Bitmap) (out []News) {
	w.facets.view(func(x *facets) { set.And(bitmap2(x.state, Open)) })
	perOrg := w.perOrg(set)
	for _, o := range sortedOrgs(perOrg) {
		if o.org == 0 {
			continue
		}
		n := News{Org: o.org, Level: constituency.Level(o.level)}
		for it := perOrg[o].Iterator(); it.HasNext(); {
			n.Findings = append(n.Findings, int64(it.Next()))
		}
		out = append(out, n)
	}
	return out
}

// RematchedNews returns what may be told of findings that were matched again, by the
// delivery that opened them: those that are open and whose delivery is released.
func (w *Watch) RematchedNews(ctx context.Context, r sqldb.Reader, findings []int64) (map[int64][]News, error) {
	ids := make([]uint32, len(findings))
	for i, id := range findings {
		ids[i] = uint32(id)
	}
	fs, err := w.findingsByID(ctx, r, ids, AllOrgs)
	if err != nil {
		return nil, err
	}
	sets := map[int64]*roaring.Bitmap{}
	for _, f := range fs {
		bitmap(sets, f.OpenedBy).Add(uint32(f.ID))
	}
	out := map[int64][]News{}
	for delivery, set := range sets {
		d, err := w.Delivery(ctx, r, delivery)
		if err != nil {
			return nil, err
		}
		if !d.ReleasedAt.IsZero() {
			out[delivery] = w.newsOf(set)
		}
	}
	return out, nil
}

// FindingsByID returns findings as an organisation's people may see them; those
// that they may not are left out. At most 1,000 at once.
func (w *Watch) FindingsByID(ctx context.Context, r sqldb.Reader, ids []int64, org int64) ([]Finding, error) {
	short := make([]uint32, 0, len(ids))
	for _, id := range ids[:min(len(ids), 1000)] {
		short = append(short, uint32(id))
	}
	return w.findingsByID(ctx, r, short, org)
}
