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

// Circle names who may see a thing: whole organisations, and single persons.
type Circle struct {
	Orgs    []int64
	Persons []int64
}

// AudienceOf returns the audience of exactly these organisations; the desk's own
// organisation always belongs to it. The same set is always the same number. It
// writes a row the first time, so it needs an open act or step.
func (g *Guard) AudienceOf(ctx context.Context, tx *act.Tx, orgs ...int64) (Audience, error) {
	return g.AudienceFor(ctx, tx, Circle{Orgs: append(slices.Clone(orgs), OwnOrg)})
}

// AudienceFor returns the audience of exactly this circle: nobody is added to it, the
// desk's own organisation neither. Like AudienceOf otherwise.
func (g *Guard) AudienceFor(ctx context.Context, tx *act.Tx, c Circle) (Audience, error) {
	c.Orgs, c.Persons = tidy(c.Orgs), tidy(c.Persons)
	form := c.form()
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
	for _, o := range c.Orgs {
		if _, err := tx.ExecContext(ctx, `insert into guard_audience_org (org_id, audience_id) values ($1, $2)`, o, id); err != nil {
			return 0, err
		}
	}
	for _, p := range c.Persons {
		if _, err := tx.ExecContext(ctx, `insert into guard_audience_person (person_id, audience_id) values ($1, $2)`, p, id); err != nil {
			return 0, err
		}
	}
	return Audience(id), nil
}

// With is a circle and another one.
func (c Circle) With(o Circle) Circle {
	return Circle{Orgs: tidy(slices.Concat(c.Orgs, o.Orgs)), Persons: tidy(slices.Concat(c.Persons, o.Persons))}
}

// tidy sorts ids and leaves out what stands twice or names nobody.
func tidy(ids []int64) []int64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id int64) bool { return id == 0 })
}

// form writes a tidy circle; the same circle is always the same text.
func (c Circle) form() string {
	var b strings.Builder
	b.WriteString("orgs:")
	list(&b, c.Orgs)
	if len(c.Persons) > 0 {
		b.WriteString(";persons:")
		list(&b, c.Persons)
	}
	return b.String()
}

func list(b *strings.Builder, ids []int64) {
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, "%d", id)
	}
}

// CircleOf tells who an audience is.
func (g *Guard) CircleOf(ctx context.Context, r sqldb.Reader, a Audience) (c Circle, err error) {
	if c.Orgs, err = sqldb.All(ctx, r, sqldb.Int64, `select org_id from guard_audience_org where audience_id = $1 order by org_id`, int64(a)); err != nil {
		return c, err
	}
	c.Persons, err = sqldb.All(ctx, r, sqldb.Int64, `select person_id from guard_audience_person where audience_id = $1 order by person_id`, int64(a))
	return c, err
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
	}, `select audience_id, max(org_id) from guard_audience_org
		where audience_id not in (select audience_id from guard_audience_person)
		group by audience_id having count(*) = 2 and min(org_id) = $1`, OwnOrg)
	return out, err
}

// Members lists the organisations of an audience, for "who can see this".
func (g *Guard) Members(ctx context.Context, r sqldb.Reader, a Audience) ([]Organisation, error) {
	return sqldb.All(ctx, r, scanOrg, `select `+orgColumns+` from guard_organisation
		where id in (select org_id from guard_audience_org where audience_id = $1) order by id`, int64(a))
}
