package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
)

// Audience is exactly who may see a thing: an interned number.
type Audience int64

// AudienceOf returns the audience of exactly these organisations; the desk's own
// organisation always belongs to it. The same set is always the same number. It
// writes a row the first time, so it needs an open act or step.
func (g *Guard) AudienceOf(ctx context.Context, tx *act.Tx, orgs ...int64) (Audience, error) {
	orgs = append(slices.Clone(orgs), OwnOrg)
	slices.Sort(orgs)
	orgs = slices.DeleteFunc(slices.Compact(orgs), func(o int64) bool { return o == 0 })
	form := audienceForm(orgs)
	if id, ok, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from guard_audience where form = $1`, form); err != nil || ok {
		return Audience(id), err
	}
	id, err := tx.Next(ctx, "guard.audience")
	if err != nil {
		return 0, err
	}
	res, err := tx.ExecContext(ctx, `insert into guard_audience (id, form) values ($1, $2) on conflict (form) do nothing`, id, form)
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 { // another step was faster
		id, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from guard_audience where form = $1`, form)
		return Audience(id), err
	}
	for _, o := range orgs {
		if _, err := tx.ExecContext(ctx, `insert into guard_audience_org (org_id, audience_id) values ($1, $2)`, o, id); err != nil {
			return 0, err
		}
	}
	return Audience(id), nil
}

func audienceForm(orgs []int64) string {
	var b strings.Builder
	b.WriteString("orgs:")
	for i, o := range orgs {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", o)
	}
	return b.String()
}

// AudiencesOf lists the audiences that hold an organisation: what its people may
// see, as far as visibility goes.
func (g *Guard) AudiencesOf(ctx context.Context, r sqldb.Reader, org int64) ([]Audience, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (a Audience, err error) { return a, row.Scan(&a) },
		`select audience_id from guard_audience_org where org_id = $1 order by audience_id`, org)
}

// OwnAudiences returns the audience of each organisation that has one of its own
// (it and the desk), for those who ask for many.
func (g *Guard) OwnAudiences(ctx context.Context, r sqldb.Reader) (map[int64]Audience, error) {
	out := map[int64]Audience{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id, org int64
		if err := row.Scan(&id, &org); err != nil {
			return err
		}
		out[org] = Audience(id)
		return nil
	}, `select audience_id, max(org_id) from guard_audience_org group by audience_id
		having count(*) = 2 and min(org_id) = $1`, OwnOrg)
	return out, err
}

// Members lists the organisations of an audience, for "who can see this".
func (g *Guard) Members(ctx context.Context, r sqldb.Reader, a Audience) ([]Organisation, error) {
	return sqldb.All(ctx, r, scanOrg, `select `+orgColumns+` from guard_organisation
		where id in (select org_id from guard_audience_org where audience_id = $1) order by id`, int64(a))
}
