package constituency

import (
	"context"
	"fmt"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// AssetPreview is what a change of assets would do.
type AssetPreview struct {
	Preview
	Before, After []Asset // as they are and as they would be; one of each per change, zero when there is none
	Near          []Asset // assets of the same value, above or below it
}

// PreviewAssets tells what a change would do, and refuses what ChangeAssets would
// refuse. It writes nothing.
func (c *Constituency) PreviewAssets(ctx context.Context, r sqldb.Reader, changes ...AssetChange) (p AssetPreview, err error) {
	before := c.Index()
	for _, ch := range changes {
		was, will, err := c.resolve(ctx, r, ch)
		if err != nil {
			return p, err
		}
		p.Before, p.After = append(p.Before, was), append(p.After, will)
	}
	if p.Near, err = c.near(ctx, r, before, p.After); err != nil || c.effect == nil {
		return p, err
	}
	after := before.withAssets(known(p.Before), known(p.After))
	p.Preview, err = c.effect.OfAssets(ctx, r, before, after, known(append(p.Before, p.After...)))
	if err != nil {
		return p, fmt.Errorf("preview assets: %w", err)
	}
	return p, nil
}

// known leaves out the zero assets of a preview.
func known(as []Asset) (out []Asset) {
	for _, a := range as {
		if a.Org != 0 {
			out = append(out, a)
		}
	}
	return out
}

// ChangeAssets adds, changes, ends or approves assets in one act and returns them as
// they are afterwards. The verb is constituency.change_asset. A change that names an
// older version than the current one is a Conflict.
func (c *Constituency) ChangeAssets(ctx context.Context, actor act.Actor, reason string, changes ...AssetChange) (after []Asset, err error) {
	call := act.Call{Actor: actor, Verb: "constituency.change_asset", Reason: reason, Resource: act.Resource{Kind: "asset"}}
	if len(changes) == 1 && changes[0].id() != 0 {
		call.Subject = AssetSubject(changes[0].id())
	}
	err = c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		var out, in []Asset
		for _, ch := range changes {
			was, will, err := c.resolve(ctx, tx, ch)
			if err != nil {
				return err
			}
			if err := c.writeAsset(ctx, tx, was, &will); err != nil {
				return err
			}
			if was.Waiting {
				if err := followClaim(ctx, tx, ch, will); err != nil {
					return err
				}
			}
			out, in = append(out, was), append(in, will)
		}
		if len(in) == 1 {
			tx.Subject(AssetSubject(in[0].ID))
		}
		tx.Detail(assetDetail{What: changes[0].what(), Count: len(changes)})
		after = in
		c.tellAssets(tx, known(out), in)
		return nil
	})
	return after, err
}

type assetDetail struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// AssetSubject is the subject of entries about an asset.
func AssetSubject(id int64) string { return fmt.Sprintf("asset:%d", id) }

// orgSubject is the subject of entries about an organisation.
func orgSubject(id int64) string { return fmt.Sprintf("organisation:%d", id) }

// tellAssets adds the fact of the act and, after its commit, changes the index.
func (c *Constituency) tellAssets(tx *act.Tx, out, in []Asset) {
	tx.Fact(assetsChanged(in))
	tx.AfterCommit(func() { c.swap(func(x *Index) *Index { return x.withAssets(out, in) }) })
}

func (c *Constituency) writeAsset(ctx context.Context, tx *act.Tx, was Asset, will *Asset) (err error) {
	if was.ID != 0 {
		will.Version++
		return updateAsset(ctx, tx, will, was.Version)
	}
	if will.ID, err = tx.Next(ctx, "constituency.asset"); err != nil {
		return err
	}
	will.Version = 1
	return insertAsset(ctx, tx, will, 0)
}

func (ch AssetChange) id() int64 {
	switch {
	case ch.Change != nil:
		return ch.Change.ID
	case ch.End != nil:
		return ch.End.ID
	}
	return ch.Approve
}

func (ch AssetChange) what() string {
	switch {
	case ch.Add != nil:
		return "add"
	case ch.Change != nil:
		return "change"
	case ch.End != nil:
		return "end"
	}
	return "approve"
}

// resolve reads a proposed change: the asset as it is and as it would be.
func (c *Constituency) resolve(ctx context.Context, r sqldb.Reader, ch AssetChange) (was, will Asset, err error) {
	if ch.Add != nil {
		will, err = c.resolveNew(ctx, r, ch.Add)
		return was, will, err
	}
	if was, err = getAsset(ctx, r, ch.id()); err != nil {
		return was, will, err
	}
	will = was
	switch {
	case ch.Change != nil:
		err = c.edit(&will, ch.Change)
	case ch.End != nil:
		if ch.End.Version != was.Version {
			return was, will, fault.New(fault.Conflict, "constituency.changed_meanwhile", nil)
		}
		will.To, err = parseEnd("on", ch.End.On, DayOf(c.acts.Clock().Now())-1)
	case !was.Waiting:
		err = fault.New(fault.Conflict, "constituency.asset.no_claim", nil)
	default:
		will.Waiting = false
	}
	return was, will, err
}

func (c *Constituency) resolveNew(ctx context.Context, r sqldb.Reader, n *NewAsset) (a Asset, err error) {
	a = Asset{Org: n.Org, Source: Manual, Version: 1}
	var parts []fault.Error
	note := func(err error) {
		if err != nil {
			parts = append(parts, *fault.Of(err))
		}
	}
	a.Kind, a.Value, err = ParseAsset(n.Kind, n.Value)
	note(err)
	a.From, err = parseFrom(n.From)
	note(err)
	a.To, err = parseTo(n.To)
	note(err)
	if len(parts) == 0 {
		note(checkTimes(a.From, a.To))
	}
	if err := fault.Join("constituency.asset.invalid", parts); err != nil {
		return a, err
	}
	if err := c.checkOwner(a.Org); err != nil {
		return a, err
	}
	same, err := sqldb.All(ctx, r, scanAsset, `select `+assetColumns+` from constituency_asset
		where kind = $1 and value = $2 and org_id = $3 and valid_from <= $4 and valid_to >= $5 and `+visible,
		int64(a.Kind), a.Value, a.Org, int64(a.To), int64(a.From))
	if err == nil && len(same) > 0 {
		err = &fault.Error{
			Code: fault.Conflict, Field: "asset", Key: "constituency.asset.exists",
			Args: fault.Args{"Value": a.Value, "From": same[0].From.String(), "To": same[0].To.String()},
		}
	}
	return a, err
}

func (c *Constituency) edit(a *Asset, e *AssetEdit) (err error) {
	if e.Version != a.Version {
		return fault.New(fault.Conflict, "constituency.changed_meanwhile", nil)
	}
	if a.From, err = parseFrom(e.From); err != nil {
		return err
	}
	if a.To, err = parseTo(e.To); err != nil {
		return err
	}
	if e.Org != 0 {
		a.Org = e.Org
	}
	if err := checkTimes(a.From, a.To); err != nil {
		return err
	}
	return c.checkOwner(a.Org)
}

func (c *Constituency) checkOwner(org int64) error {
	o, ok := c.Index().Org(org)
	if !ok {
		return fault.OnField("organisation", "constituency.organisation.none", nil)
	}
	if o.Ended {
		return fault.OnField("organisation", "constituency.organisation.ended", fault.Args{"Name": o.Name})
	}
	return nil
}

// nearest bounds how many neighbours a preview shows.
const nearest = 20

// near finds assets of the same value as the proposed ones, above or below them.
func (c *Constituency) near(ctx context.Context, r sqldb.Reader, x *Index, will []Asset) (out []Asset, err error) {
	seen := map[int64]bool{}
	for _, a := range will {
		seen[a.ID] = true
	}
	for _, a := range will {
		for _, id := range x.neighbours(&a, nearest) {
			if seen[id] || len(out) >= nearest {
				continue
			}
			seen[id] = true
			n, err := getAsset(ctx, r, id)
			if fault.CodeOf(err) == fault.NotFound {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
	}
	return out, nil
}
