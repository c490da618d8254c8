package guard

import (
	"context"
	"strings"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

const orgColumns = `id, uid, kind, name, country, added_at, ended_at, exercise`

func scanOrg(r sqldb.Row) (o Organisation, err error) {
	var added, ended int64
	err = r.Scan(&o.ID, &o.UID, &o.Kind, &o.Name, &o.Country, &added, &ended, &o.Exercise)
	o.AddedAt, o.EndedAt = clock.FromMicros(added), clock.FromMicros(ended)
	return o, err
}

// Organisation returns one organisation; NotFound when there is none.
func (g *Guard) Organisation(ctx context.Context, r sqldb.Reader, id int64) (Organisation, error) {
	o, ok, err := sqldb.One(ctx, r, scanOrg, `select `+orgColumns+` from guard_organisation where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "guard.organisation.none", nil)
	}
	return o, err
}

// OrganisationNamed returns the organisation of that name, whatever its case.
func (g *Guard) OrganisationNamed(ctx context.Context, r sqldb.Reader, name string) (Organisation, bool, error) {
	return sqldb.One(ctx, r, scanOrg,
		`select `+orgColumns+` from guard_organisation where name_key = $1`, FoldName(name))
}

// Organisations returns every organisation by id; a country has thousands, and
// rooms keep them in memory.
func (g *Guard) Organisations(ctx context.Context, r sqldb.Reader) ([]Organisation, error) {
	return sqldb.All(ctx, r, scanOrg, `select `+orgColumns+` from guard_organisation order by id`)
}

const personColumns = `p.id, p.uid, p.org_id, p.kind, p.name, p.email, p.phone, p.language, p.zone, p.active, p.version`

func scanPerson(r sqldb.Row) (p Person, err error) {
	var kind string
	err = r.Scan(&p.ID, &p.UID, &p.Org, &kind, &p.Name, &p.Email, &p.Phone, &p.Language, &p.Zone, &p.Active, &p.Version)
	p.Mailbox = kind == "mailbox"
	return p, err
}

// Person returns one person with its roles; NotFound when there is none.
func (g *Guard) Person(ctx context.Context, r sqldb.Reader, id int64) (Person, error) {
	p, ok, err := sqldb.One(ctx, r, scanPerson, `select `+personColumns+` from guard_person p where p.id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "guard.person.none", nil)
	}
	if err != nil {
		return p, err
	}
	p.Roles, err = sqldb.All(ctx, r, sqldb.Text, `select role from guard_role where person_id = $1 order by role`, id)
	return p, err
}

// PersonFilter says which persons to list; zero fields do not filter.
type PersonFilter struct {
	Org   int64
	Email string
	Role  string // has this role
	Staff bool   // has any role but contact
	After int64  // keyset: ids above it
	Limit int    // default 100
}

// Persons lists persons by id, with their roles.
func (g *Guard) Persons(ctx context.Context, r sqldb.Reader, f PersonFilter) ([]Person, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	ps, err := sqldb.All(ctx, r, scanPerson, `select `+personColumns+` from guard_person p
		where p.id > $1 and ($2 = 0 or p.org_id = $2) and ($3 = '' or p.email = $3)
		and ($4 = '' or exists (select 1 from guard_role r where r.person_id = p.id and r.role = $4))
		and ($5 = false or exists (select 1 from guard_role r where r.person_id = p.id and r.role <> 'contact'))
		order by p.id limit $6`,
		f.After, f.Org, strings.ToLower(f.Email), f.Role, f.Staff, f.Limit)
	if err != nil || len(ps) == 0 {
		return ps, err
	}
	at := map[int64]int{}
	args := make([]any, len(ps))
	for i, p := range ps {
		at[p.ID], args[i] = i, p.ID
	}
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var role string
		if err := row.Scan(&id, &role); err != nil {
			return err
		}
		ps[at[id]].Roles = append(ps[at[id]].Roles, role)
		return nil
	}, `select person_id, role from guard_role where person_id in `+sqldb.In(1, len(args))+` order by role`, args...)
	return ps, err
}

// Denial is one refusal of the bounded log.
type Denial struct {
	At      int64
	Actor   string
	Verb    string
	Subject string
	Reasons string
}

// Denials returns the newest refusals.
func (g *Guard) Denials(ctx context.Context, r sqldb.Reader, limit int) ([]Denial, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (d Denial, err error) {
		return d, row.Scan(&d.At, &d.Actor, &d.Verb, &d.Subject, &d.Reasons)
	}, `select at, actor, verb, subject, reasons from guard_denial order by id desc limit $1`, limit)
}
