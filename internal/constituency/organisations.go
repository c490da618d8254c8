package constituency

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
)

// EndPreview is what the end of an organisation would do.
type EndPreview struct {
	AssetPreview
	Assets   int // end with it
	Claims   int // are rejected with it
	Contacts int // leave the order of escalation
	Ties     int // of those who act for others
}

// PreviewEnd tells what the end of an organisation would do. It writes nothing.
func (c *Constituency) PreviewEnd(ctx context.Context, r sqldb.Reader, org int64) (p EndPreview, err error) {
	ends, claims, err := c.openAssets(ctx, r, org)
	if err != nil {
		return p, err
	}
	if p.AssetPreview, err = c.PreviewAssets(ctx, r, ends...); err != nil {
		return p, err
	}
	contacts, err := c.Contacts(ctx, r, org)
	if err != nil {
		return p, err
	}
	ties, _, err := sqldb.One(ctx, r, sqldb.Int64,
		`select count(*) from constituency_acts_for where provider_id = $1 or operator_id = $1`, org)
	p.Assets, p.Claims, p.Contacts, p.Ties = len(ends), len(claims), len(contacts), int(ties)
	return p, err
}

// openAssets lists the ends of everything that an organisation has today or later, and
// its claims that wait.
func (c *Constituency) openAssets(ctx context.Context, r sqldb.Reader, org int64) (ends []AssetChange, claims []int64, err error) {
	today := DayOf(c.acts.Clock().Now())
	all, err := sqldb.All(ctx, r, scanAsset, `select `+assetColumns+` from constituency_asset
		where org_id = $1 and valid_to >= $2 and `+visible+` order by id`, org, int64(today))
	for _, a := range all {
		if a.Waiting {
			claims = append(claims, a.ID)
			continue
		}
		ends = append(ends, AssetChange{End: &AssetEnd{ID: a.ID, Version: a.Version}})
	}
	return ends, claims, err
}

// EndOrganisation ends an organisation in one act: its assets end yesterday, its claims
// are rejected, its contacts leave the order of escalation, nobody acts for it or is
// acted for by it, and its persons are signed out everywhere (guard.EndOrganisation).
func (c *Constituency) EndOrganisation(ctx context.Context, actor act.Actor, org int64, reason string) error {
	if text.Blank(reason) {
		return fault.OnField("reason", "guard.reason.empty", nil)
	}
	call := act.Call{
		Actor: actor, Verb: "constituency.end_organisation", Subject: orgSubject(org), Reason: reason,
		Resource: act.Resource{Kind: "organisation", ID: orgSubject(org), Org: org},
	}
	return c.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		ends, claims, err := c.openAssets(ctx, tx, org)
		if err != nil {
			return err
		}
		if len(ends) > 0 {
			if _, err := c.ChangeAssets(ctx, actor, reason, ends...); err != nil {
				return err
			}
		}
		for _, id := range claims {
			if _, err := c.RejectClaim(ctx, actor, id, reason); err != nil {
				return err
			}
		}
		for _, q := range []string{
			`update constituency_contact set ended = true, version = version + 1 where org_id = $1 and not ended`,
			`delete from constituency_acts_for where provider_id = $1 or operator_id = $1`,
		} {
			if _, err := tx.ExecContext(ctx, q, org); err != nil {
				return err
			}
		}
		if err := c.guard.EndOrganisation(ctx, actor, org, reason); err != nil {
			return err
		}
		tx.Detail(assetDetail{What: "end", Count: len(ends)})
		tx.Fact(operatorsChanged([]int64{org}))
		return c.refreshOrgs(ctx, tx, []int64{org})
	})
}

// RenameOrganisation gives an organisation another name (guard.RenameOrganisation) and
// tells the index at once.
func (c *Constituency) RenameOrganisation(ctx context.Context, actor act.Actor, org int64, name string) error {
	return c.changeOperator(ctx, actor, org, "rename", func(ctx context.Context, _ *act.Tx) error {
		return c.guard.RenameOrganisation(ctx, actor, org, name)
	})
}

// MoveContact moves a contact one place up or down in the order of escalation. Version
// is the one that the editor saw.
func (c *Constituency) MoveContact(ctx context.Context, actor act.Actor, id, version int64, up bool) error {
	was, err := getContact(ctx, c.read, id)
	if err != nil {
		return err
	}
	return c.changeContact(ctx, actor, was.Org, "move", func(ctx context.Context, tx *act.Tx) error {
		all, err := c.Contacts(ctx, tx, was.Org)
		if err != nil {
			return err
		}
		at := -1
		for i := range all {
			if all[i].ID == id {
				at = i
			}
		}
		to := at + 1
		if up {
			to = at - 1
		}
		if at < 0 || to < 0 || to >= len(all) || all[at].Version != version {
			return fault.New(fault.Conflict, "constituency.changed_meanwhile", nil)
		}
		all[at], all[to] = all[to], all[at]
		for i, k := range all {
			if k.Position == int64(i+1) {
				continue
			}
			if _, err := tx.ExecContext(ctx, `update constituency_contact set position = $1, version = version + 1
				where id = $2`, i+1, k.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// AllContacts lists the contacts of every organisation that has some, each in order of
// escalation: for those who ask for many.
func (c *Constituency) AllContacts(ctx context.Context, r sqldb.Reader) (map[int64][]Contact, error) {
	out := map[int64][]Contact{}
	return out, sqldb.Each(ctx, r, func(row sqldb.Row) error {
		k, err := scanContact(row)
		out[k.Org] = append(out[k.Org], k)
		return err
	}, `select `+contactColumns+` from constituency_contact c join guard_person p on p.id = c.person_id
		where not c.ended and p.active order by c.org_id, c.position, c.id`)
}

// ExpiringKey is a key that ends soon, with the contact whose it is; the contact is zero
// for a person of the desk.
type ExpiringKey struct {
	Key     guard.Key
	Contact Contact
}

// contactsAsked bounds the contacts asked for at once.
const contactsAsked = 500

// ExpiringKeys lists the keys that guard.Expiring lists, with the contacts whose they
// are. Keys of persons who are no contact of anybody are there too.
func (c *Constituency) ExpiringKeys(ctx context.Context, r sqldb.Reader, days int) ([]ExpiringKey, error) {
	keys, err := c.guard.Expiring(ctx, r, c.acts.Clock().Now().AddDate(0, 0, days))
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	keys = keys[:min(len(keys), contactsAsked)]
	args := make([]any, len(keys))
	for i, k := range keys {
		args[i] = k.Person
	}
	of := map[int64]Contact{}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		k, err := scanContact(row)
		of[k.Person] = k
		return err
	}, `select `+contactColumns+` from constituency_contact c join guard_person p on p.id = c.person_id
		where not c.ended and c.person_id in `+sqldb.In(1, len(args)), args...)
	out := make([]ExpiringKey, len(keys))
	for i, k := range keys {
		out[i] = ExpiringKey{Key: k, Contact: of[k.Person]}
	}
	return out, err
}
