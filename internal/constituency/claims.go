package constituency

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
)

// ClaimState says what became of a claim.
type ClaimState string

// The states of claims.
const (
	ClaimWaiting  ClaimState = "waiting"
	ClaimApproved ClaimState = "approved"
	ClaimRejected ClaimState = "rejected"
)

// ClaimStates lists them in the order of the pages.
func ClaimStates() []ClaimState { return []ClaimState{ClaimWaiting, ClaimApproved, ClaimRejected} }

// Claim is an asset that an organisation says is its own.
type Claim struct {
	Asset     Asset // as claimed; Version is zero
	ClaimedBy string
	ClaimedAt time.Time // zero when it is not known
	Note      string    // the claimant's own words
	State     ClaimState
	DecidedBy string
	DecidedAt time.Time
	Reason    string
}

// maxClaims is how many claims of one organisation may wait: the way in stands open to
// its contacts. maxNote bounds their words.
const (
	maxClaims = 100
	maxNote   = 1000
)

const claimColumns = `id, org_id, kind, value, valid_from, valid_to, claimed_by, claimed_at, note, state, decided_by, decided_at, reason`

func scanClaim(r sqldb.Row) (c Claim, err error) {
	var claimed, decided int64
	err = r.Scan(&c.Asset.ID, &c.Asset.Org, &c.Asset.Kind, &c.Asset.Value, &c.Asset.From, &c.Asset.To, &c.ClaimedBy, &claimed,
		&c.Note, &c.State, &c.DecidedBy, &decided, &c.Reason)
	c.Asset.Source, c.Asset.Waiting = Claimed, c.State == ClaimWaiting
	c.ClaimedAt, c.DecidedAt = clock.FromMicros(claimed), clock.FromMicros(decided)
	return c, err
}

// ClaimFilter says which claims to list; zero fields do not filter.
type ClaimFilter struct {
	State ClaimState
	Org   int64
	After int64 // keyset: ids above it
	Limit int   // default 100
}

// Claims lists claims, the oldest first.
func (c *Constituency) Claims(ctx context.Context, r sqldb.Reader, f ClaimFilter) ([]Claim, error) {
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return sqldb.All(ctx, r, scanClaim, `select `+claimColumns+` from constituency_claim
		where id > $1 and ($2 = '' or state = $2) and ($3 = 0 or org_id = $3) order by id limit $4`,
		f.After, string(f.State), f.Org, min(f.Limit, 1000))
}

// Claim returns one claim; NotFound when there is none.
func (c *Constituency) Claim(ctx context.Context, r sqldb.Reader, id int64) (Claim, error) {
	k, ok, err := sqldb.One(ctx, r, scanClaim, `select `+claimColumns+` from constituency_claim where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "constituency.claim.none", nil)
	}
	return k, err
}

// CountClaims counts the claims that wait, of all organisations when org is zero.
func (c *Constituency) CountClaims(ctx context.Context, r sqldb.Reader, org int64) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64,
		`select count(*) from constituency_claim where state = 'waiting' and ($1 = 0 or org_id = $1)`, org)
	return n, err
}

// Conflicts lists assets of other organisations that have the value of a claim,
// contain it or lie within it, at most twenty.
func (c *Constituency) Conflicts(ctx context.Context, r sqldb.Reader, k Claim) (out []Asset, err error) {
	near, err := c.near(ctx, r, c.Index(), []Asset{k.Asset})
	for _, a := range near {
		if a.Org != k.Asset.Org && !a.Waiting && a.From <= k.Asset.To && a.To >= k.Asset.From {
			out = append(out, a)
		}
	}
	return out, err
}

// ClaimAsset notes an asset that an organisation says is its own; it matches nothing
// until somebody of the desk approves it. A contact claims for its own organisation,
// the desk for any. The verb is constituency.claim_asset.
func (c *Constituency) ClaimAsset(ctx context.Context, actor act.Actor, n NewAsset) (a Asset, err error) {
	n.Note = strings.TrimSpace(strings.ToValidUTF8(n.Note, ""))
	if utf8.RuneCountInString(n.Note) > maxNote || strings.ContainsRune(n.Note, 0) {
		return a, fault.OnField("note", "constituency.text.long", fault.Args{"Max": maxNote})
	}
	call := act.Call{
		Actor: actor, Verb: "constituency.claim_asset",
		Resource: act.Resource{Kind: "organisation", ID: orgSubject(n.Org), Org: n.Org},
	}
	err = c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, a, err = c.resolve(ctx, tx, AssetChange{Add: &n}); err != nil {
			return err
		}
		if waiting, err := c.CountClaims(ctx, tx, n.Org); err != nil {
			return err
		} else if waiting >= maxClaims {
			return fault.New(fault.Conflict, "constituency.claim.many", fault.Args{"Max": maxClaims})
		}
		a.Source, a.Waiting = Claimed, true
		if err := c.writeAsset(ctx, tx, Asset{}, &a); err != nil {
			return err
		}
		tx.Subject(AssetSubject(a.ID))
		c.tellAssets(tx, nil, []Asset{a})
		_, err := tx.ExecContext(ctx, `insert into constituency_claim (id, org_id, kind, value, valid_from, valid_to, claimed_by,
			claimed_at, note, state, decided_by, decided_at, reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', '', 0, '')`,
			a.ID, a.Org, int64(a.Kind), a.Value, int64(a.From), int64(a.To), actor.ID, clock.Micros(tx.Now()), n.Note)
		return err
	})
	return a, err
}

// ApproveClaim makes a claimed asset the organisation's; PreviewAssets with Approve
// says beforehand what that does to what is open. The verb is
// constituency.change_asset, as for every asset.
func (c *Constituency) ApproveClaim(ctx context.Context, actor act.Actor, id int64, reason string) (Asset, error) {
	after, err := c.ChangeAssets(ctx, actor, reason, AssetChange{Approve: id})
	if err != nil {
		return Asset{}, err
	}
	return after[0], nil
}

// RejectClaim refuses a claim, with a reason that the organisation may read. The asset
// goes, the claim stays on the list. The verb is constituency.change_asset.
func (c *Constituency) RejectClaim(ctx context.Context, actor act.Actor, id int64, reason string) (k Claim, err error) {
	reason = strings.TrimSpace(reason)
	if text.Blank(reason) {
		return k, fault.OnField("reason", "constituency.claim.reason", nil)
	}
	call := act.Call{
		Actor: actor, Verb: "constituency.change_asset", Subject: AssetSubject(id), Reason: reason, Resource: act.Resource{Kind: "asset"},
	}
	err = c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		a, err := getAsset(ctx, tx, id)
		if fault.CodeOf(err) == fault.NotFound {
			if _, known := c.Claim(ctx, tx, id); known == nil {
				return fault.New(fault.Conflict, "constituency.claim.decided", nil)
			}
			return fault.New(fault.NotFound, "constituency.claim.none", nil)
		}
		if err != nil {
			return err
		}
		if !a.Waiting {
			return fault.New(fault.Conflict, "constituency.claim.decided", nil)
		}
		if _, err := tx.ExecContext(ctx, `delete from constituency_asset where id = $1 and waiting = true`, id); err != nil {
			return err
		}
		if err := decideClaim(ctx, tx, id, ClaimRejected); err != nil {
			return err
		}
		tx.Detail(assetDetail{What: "reject", Count: 1})
		tx.Fact(assetsChanged([]Asset{a}))
		tx.AfterCommit(func() { c.swap(func(x *Index) *Index { return x.withAssets([]Asset{a}, nil) }) })
		k, err = c.Claim(ctx, tx, id)
		return err
	})
	return k, err
}

// followClaim keeps a claim in step with a change of its asset: approved, ended before
// anybody approved it, or brought into another form.
func followClaim(ctx context.Context, tx *act.Tx, ch AssetChange, will Asset) error {
	switch {
	case ch.Approve != 0:
		return decideClaim(ctx, tx, will.ID, ClaimApproved)
	case ch.End != nil:
		return decideClaim(ctx, tx, will.ID, ClaimRejected)
	}
	_, err := tx.ExecContext(ctx, `update constituency_claim set org_id = $1, valid_from = $2, valid_to = $3 where id = $4`,
		will.Org, int64(will.From), int64(will.To), will.ID)
	return err
}

// decideClaim notes what became of a claim, with the act's own reason.
func decideClaim(ctx context.Context, tx *act.Tx, id int64, state ClaimState) error {
	_, err := tx.ExecContext(ctx, `update constituency_claim set state = $1, decided_by = $2, decided_at = $3, reason = $4 where id = $5`,
		string(state), tx.Actor().ID, clock.Micros(tx.Now()), tx.Call().Reason, id)
	return err
}
