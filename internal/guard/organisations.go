package guard

import (
	"context"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// RenameOrganisation gives an organisation another name. One that another has already
// is a Conflict.
func (g *Guard) RenameOrganisation(ctx context.Context, actor act.Actor, id int64, name string) error {
	if err := CheckName("name", name); err != nil {
		return err
	}
	name = strings.Join(strings.Fields(name), " ")
	call := act.Call{Actor: actor, Verb: "guard.rename_organisation", Subject: orgSubject(id), Resource: act.Resource{Kind: "organisation", Org: id}}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, err := g.standing(ctx, tx, id); err != nil {
			return err
		}
		if other, ok, err := g.OrganisationNamed(ctx, tx, name); err != nil {
			return err
		} else if ok && other.ID != id {
			return fault.New(fault.Conflict, "guard.organisation.exists", fault.Args{"Name": name})
		}
		tx.Fact(OrganisationsChanged{IDs: []int64{id}})
		_, err := tx.ExecContext(ctx, `update guard_organisation set name = $1, name_key = $2 where id = $3`, name, FoldName(name), id)
		return err
	})
}

// EndOrganisation ends the standing of an organisation: its persons are no longer
// active and signed out everywhere. The own organisation cannot be ended. What else
// hangs on it (assets, contacts) is constituency's verb.
func (g *Guard) EndOrganisation(ctx context.Context, actor act.Actor, id int64, reason string) error {
	if id == OwnOrg {
		return fault.New(fault.Conflict, "guard.organisation.own", nil)
	}
	call := act.Call{
		Actor: actor, Verb: "guard.end_organisation", Subject: orgSubject(id), Reason: reason,
		Resource: act.Resource{Kind: "organisation", Org: id},
	}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, err := g.standing(ctx, tx, id); err != nil {
			return err
		}
		persons, err := sqldb.All(ctx, tx, sqldb.Int64, `select id from guard_person where org_id = $1 and active order by id`, id)
		if err != nil {
			return err
		}
		for _, p := range persons {
			if err := keepsAdministrator(ctx, tx, p); err != nil {
				return err
			}
			if err := endAccess(ctx, tx, p); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `update guard_person set active = false, version = version + 1 where org_id = $1 and active`, id); err != nil {
			return err
		}
		tx.Fact(OrganisationsChanged{IDs: []int64{id}})
		_, err = tx.ExecContext(ctx, `update guard_organisation set ended_at = $1 where id = $2`, clock.Micros(tx.Now()), id)
		return err
	})
}

// standing returns an organisation that has not ended.
func (g *Guard) standing(ctx context.Context, tx *act.Tx, id int64) (Organisation, error) {
	o, err := g.Organisation(ctx, tx, id)
	if err == nil && !o.EndedAt.IsZero() {
		err = fault.New(fault.Conflict, "guard.organisation.over", nil)
	}
	return o, err
}
