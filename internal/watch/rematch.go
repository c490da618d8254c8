package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/sqldb"
)

// Subscription hears of changed assets: it notes the procedure that matches the
// open findings again which they touch.
func (w *Watch) Subscription() act.Subscription {
	return act.Subscription{
		Name: "watch.assets", Kinds: []string{constituency.AssetsChanged{}.FactKind()},
		Handle: func(ctx context.Context, tx *act.Tx, e act.Envelope) error {
			id, err := tx.Next(ctx, "watch.rematch")
			if err != nil {
				return err
			}
			tx.AfterCommit(w.wakeUp)
			_, err = tx.ExecContext(ctx, `insert into watch_rematch (id, act_order, body, done_to, moved)
				values ($1, $2, $3, 0, 0)`, id, e.Order, string(e.Body))
			return err
		},
	}
}

// rematchBatch is how many findings are looked at in one round.
const rematchBatch = 2_000

// rematchOne does one round of the oldest waiting procedure.
func (w *Watch) rematchOne(ctx context.Context) (did bool, err error) {
	var body string
	var id, done int64
	row, ok, err := sqldb.One(ctx, w.read, func(r sqldb.Row) (int64, error) { return id, r.Scan(&id, &body, &done) },
		`select id, body, done_to from watch_rematch order by id limit 1`)
	_ = row
	if err != nil || !ok {
		return false, err
	}
	var changed constituency.AssetsChanged
	if err := json.Unmarshal([]byte(body), &changed); err != nil {
		return false, fmt.Errorf("read rematch %d: %w", id, err)
	}
	touched, err := w.touched(ctx, w.read, changed.Assets, changed.Many)
	if err != nil {
		return false, err
	}
	ids := make([]uint32, 0, rematchBatch)
	it := touched.Iterator()
	it.AdvanceIfNeeded(uint32(done) + 1)
	for it.HasNext() && len(ids) < cap(ids) {
		ids = append(ids, it.Next())
	}
	if len(ids) == 0 {
		return true, w.acts.Step(ctx, "watch.rematch", func(ctx context.Context, tx *act.Tx) error {
			_, err := tx.ExecContext(ctx, `delete from watch_rematch where id = $1`, id)
			return err
		})
	}
	return true, w.rematchSome(ctx, id, ids)
}

// rematchSome matches a batch again. Only what moves makes an act.
func (w *Watch) rematchSome(ctx context.Context, procedure int64, ids []uint32) error {
	fs, err := w.findingsByID(ctx, w.read, ids, AllOrgs)
	if err != nil {
		return err
	}
	x, today := w.constituency.Index(), constituency.DayOf(w.acts.Clock().Now())
	var moved []Finding
	var to []constituency.Match
	for _, f := range fs {
		s := subjectOf(f)
		if m := x.Match(&s, today); m.Org != f.Org || m.Asset != f.Asset || uint8(m.Level) != f.Level {
			moved, to = append(moved, f), append(to, m)
		}
	}
	last := int64(ids[len(ids)-1])
	if len(moved) == 0 {
		return w.acts.Step(ctx, "watch.rematch", func(ctx context.Context, tx *act.Tx) error {
			return rematchedTo(ctx, tx, procedure, last, 0)
		})
	}
	call := act.Call{Actor: act.MachineActor("watch.rematch"), Verb: "watch.match_again", Subject: "findings"}
	return w.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		var done []int64
		for i, f := range moved {
			if err := w.moveTo(ctx, tx, f, to[i]); err != nil {
				return err
			}
			done = append(done, f.ID)
		}
		tx.Detail(struct {
			Findings int `json:"findings"`
		}{len(done)})
		tx.Fact(FindingsChanged{Findings: done, Kind: string(ChangeMatched)})
		return rematchedTo(ctx, tx, procedure, last, len(done))
	})
}

func rematchedTo(ctx context.Context, tx *act.Tx, procedure, last int64, moved int) error {
	_, err := tx.ExecContext(ctx, `update watch_rematch set done_to = $1, moved = moved + $2 where id = $3`,
		last, moved, procedure)
	return err
}

// moveTo gives a finding to whom it is matched now: row, life, audience, facets.
func (w *Watch) moveTo(ctx context.Context, tx *act.Tx, f Finding, m constituency.Match) error {
	audience, err := w.guard.AudienceOf(ctx, tx, m.Org)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update watch_finding set org_id = $1, asset_id = $2, level = $3, audience = $4
		where id = $5`, m.Org, m.Asset, int64(m.Level), int64(audience), f.ID); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		w.facets.change(uint32(f.ID), func(a *attr) {
			a.org, a.level, a.audience = uint32(m.Org), uint8(m.Level), uint32(audience)
		})
	})
	if m.Org == f.Org {
		return nil
	}
	return insertChanges(ctx, tx, []Change{{
		Finding: f.ID, Order: tx.Order(), Kind: ChangeMatched, From: f.State, To: f.State, Severity: f.Severity,
		Org: m.Org, Last: f.Last, At: tx.Now(), Cause: "watch.cause.matched_again",
	}})
}

// touched is the set of open findings that changed assets may concern: by address
// range through the index, by number or name through what the rows say, and
// whatever belonged to the assets' organisations.
func (w *Watch) touched(ctx context.Context, r sqldb.Reader, assets []constituency.ChangedAsset, all bool) (*roaring.Bitmap, error) {
	out := roaring.New()
	var orgs []int64
	for _, a := range assets {
		orgs = append(orgs, a.Org)
		b, err := touchedBy(ctx, r, a)
		if err != nil {
			return nil, fmt.Errorf("find findings of asset %s: %w", a.Value, err)
		}
		out.Or(b)
	}
	w.facets.view(func(x *facets) {
		open := bitmap2(x.state, Open)
		if all {
			out = open.Clone()
			return
		}
		out.Or(x.ofOrgs(orgs))
		out.And(open)
	})
	return out, nil
}

func touchedBy(ctx context.Context, r sqldb.Reader, a constituency.ChangedAsset) (*roaring.Bitmap, error) {
	switch a.Kind {
	case constituency.CIDR.String():
		p, err := netip.ParsePrefix(a.Value)
		if err != nil {
			return nil, err
		}
		from, to := prefixRange(p)
		return idSet(ctx, r, `select id from watch_finding where ip >= $1 and ip <= $2`, from, to)
	case constituency.ASN.String():
		n, err := strconv.ParseInt(a.Value, 10, 64)
		if err != nil {
			return nil, err
		}
		return idSet(ctx, r, `select id from watch_finding where asn = $1`, n)
	case constituency.Domain.String(), constituency.MailDomain.String():
		return hostSet(ctx, r, a.Value)
	}
	return roaring.New(), nil
}

// hostSet is the set of findings at a name or below it.
func hostSet(ctx context.Context, r sqldb.Reader, name string) (*roaring.Bitmap, error) {
	b := roaring.New()
	return b, sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var host string
		if err := row.Scan(&id, &host); err != nil {
			return err
		}
		if host == name || strings.HasSuffix(host, "."+name) {
			b.Add(uint32(id))
		}
		return nil
	}, `select id, host from watch_finding where host <> ''`)
}

// OfAssets tells what a change of assets would do to open findings. It implements
// constituency.Effect.
func (w *Watch) OfAssets(ctx context.Context, r sqldb.Reader, before, after *constituency.Index, changed []constituency.Asset) (p constituency.Preview, err error) {
	assets := make([]constituency.ChangedAsset, len(changed))
	for i, a := range changed {
		assets[i] = constituency.ChangedAsset{ID: a.ID, Kind: a.Kind.String(), Value: a.Value, Org: a.Org}
	}
	touched, err := w.touched(ctx, r, assets, false)
	if err != nil {
		return p, err
	}
	today := constituency.DayOf(w.acts.Clock().Now())
	it := touched.Iterator()
	for it.HasNext() {
		ids := make([]uint32, 0, rematchBatch)
		for it.HasNext() && len(ids) < cap(ids) {
			ids = append(ids, it.Next())
		}
		if err := w.previewSome(ctx, r, before, after, today, ids, &p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// maxExamples is how many moved findings a preview names.
const maxExamples = 20

func (w *Watch) previewSome(ctx context.Context, r sqldb.Reader, before, after *constituency.Index, today constituency.Day, ids []uint32, p *constituency.Preview) error {
	fs, err := w.findingsByID(ctx, r, ids, AllOrgs)
	if err != nil {
		return err
	}
	for _, f := range fs {
		s := subjectOf(f)
		from, to := before.Match(&s, today), after.Match(&s, today)
		if from.Org == to.Org && from.Level == to.Level {
			continue
		}
		switch {
		case to.Level == constituency.Unrouted:
			p.Unrouted++
		case to.Level > from.Level:
			p.Gained++
		case to.Level < from.Level:
			p.Lost++
		default:
			p.Moved++
		}
		if len(p.Examples) < maxExamples {
			p.Examples = append(p.Examples, constituency.PreviewLine{
				Number: w.Number(f.ID), What: what(f), From: from.Org, To: to.Org,
			})
		}
	}
	return nil
}

// what names a finding's place: its address, or its host.
func what(f Finding) string {
	if f.IP.IsValid() {
		return f.IP.String()
	}
	return f.Host
}
