package guard

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
)

// NewOrganisation is what AddOrganisation needs.
type NewOrganisation struct {
	Kind     Kind
	Name     string
	Country  string
	Exercise bool
}

// Validate says what is wrong with it, all at once.
func (n NewOrganisation) Validate() error {
	var parts []fault.Error
	for _, err := range []error{CheckName("name", n.Name), CheckCountry("country", n.Country)} {
		if err != nil {
			parts = append(parts, *fault.Of(err))
		}
	}
	if !slices.Contains(Kinds(), n.Kind) {
		parts = append(parts, *fault.OnField("kind", "guard.organisation.kind", fault.Args{"Value": fault.Clip(string(n.Kind))}))
	}
	return fault.Join("guard.organisation.invalid", parts)
}

// AddOrganisation gives an organisation a standing. A second one of the same name
// is a Conflict.
func (g *Guard) AddOrganisation(ctx context.Context, actor act.Actor, n NewOrganisation) (o Organisation, err error) {
	if err := n.Validate(); err != nil {
		return o, err
	}
	call := act.Call{Actor: actor, Verb: "guard.add_organisation", Exercise: n.Exercise}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, ok, err := g.OrganisationNamed(ctx, tx, n.Name); err != nil {
			return err
		} else if ok {
			return fault.New(fault.Conflict, "guard.organisation.exists", fault.Args{"Name": n.Name})
		}
		o = Organisation{
			Kind: n.Kind, Name: strings.Join(strings.Fields(n.Name), " "), Country: n.Country,
			AddedAt: tx.Now(), Exercise: n.Exercise,
		}
		if o.ID, err = tx.Next(ctx, "guard.organisation"); err != nil {
			return err
		}
		if o.UID, err = g.acts.IDs().New(); err != nil {
			return err
		}
		tx.Subject(orgSubject(o.ID))
		tx.Detail(struct {
			Kind Kind `json:"kind"`
		}{o.Kind})
		_, err = tx.ExecContext(ctx, `insert into guard_organisation
			(id, uid, kind, name, name_key, country, added_at, ended_at, exercise)
			values ($1, $2, $3, $4, $5, $6, $7, 0, $8)`,
			o.ID, o.UID, string(o.Kind), o.Name, FoldName(o.Name), o.Country, clock.Micros(o.AddedAt), o.Exercise)
		tx.Fact(OrganisationsChanged{IDs: []int64{o.ID}})
		return err
	})
	return o, err
}

// NewPerson is what AddPerson needs.
type NewPerson struct {
	Org      int64
	Mailbox  bool
	Name     string
	Email    string
	Phone    string
	Language string // default "en"
	Zone     string // IANA time zone; empty: the installation's
	Roles    []string
}

// Validate says what is wrong with it, all at once.
func (n NewPerson) Validate() error {
	var parts []fault.Error
	if err := CheckName("name", n.Name); err != nil {
		parts = append(parts, *fault.Of(err))
	}
	if n.Email != "" {
		if err := CheckEmail("email", n.Email); err != nil {
			parts = append(parts, *fault.Of(err))
		}
	}
	if n.Zone != "" {
		if _, err := time.LoadLocation(n.Zone); err != nil || n.Zone == "Local" {
			parts = append(parts, *fault.OnField("zone", "guard.person.zone", fault.Args{"Value": fault.Clip(n.Zone)}))
		}
	}
	if _, err := language.Parse(or(n.Language, "en")); err != nil {
		parts = append(parts, *fault.OnField("language", "guard.person.language", fault.Args{"Value": fault.Clip(n.Language)}))
	}
	if len(n.Phone) > 60 || strings.ContainsFunc(n.Phone, unicode.IsControl) {
		parts = append(parts, *fault.OnField("phone", "guard.person.phone", nil))
	}
	for _, r := range n.Roles {
		if !slices.Contains(Roles(), r) {
			parts = append(parts, *fault.OnField("role", "guard.role.unknown", fault.Args{"Value": fault.Clip(r)}))
		}
	}
	return fault.Join("guard.person.invalid", parts)
}

// AddPerson adds a person or a mailbox to an organisation.
func (g *Guard) AddPerson(ctx context.Context, actor act.Actor, n NewPerson) (p Person, err error) {
	if err := n.Validate(); err != nil {
		return p, err
	}
	call := act.Call{
		Actor: actor, Verb: "guard.add_person",
		Resource: act.Resource{Kind: "organisation", Org: n.Org},
	}
	if len(n.Roles) == 0 || slices.Equal(n.Roles, []string{RoleContact}) {
		call.Verb = "guard.add_contact" // without a role at the desk: constituency's people may add it
	}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if _, err := g.Organisation(ctx, tx, n.Org); err != nil {
			return err
		}
		p = Person{
			Org: n.Org, Mailbox: n.Mailbox, Name: strings.TrimSpace(n.Name), Email: strings.ToLower(n.Email),
			Phone: strings.TrimSpace(n.Phone), Language: or(n.Language, "en"), Zone: n.Zone,
			Active: true, Version: 1, Roles: n.Roles,
		}
		if err := g.insertPerson(ctx, tx, &p); err != nil {
			return err
		}
		tx.Subject(personSubject(p.ID))
		tx.Detail(roleDetail{Roles: p.Roles})
		return nil
	})
	return p, err
}

type roleDetail struct {
	Roles []string `json:"roles,omitempty"`
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (g *Guard) insertPerson(ctx context.Context, tx *act.Tx, p *Person) (err error) {
	if p.ID, err = tx.Next(ctx, "guard.person"); err != nil {
		return err
	}
	if p.UID, err = g.acts.IDs().New(); err != nil {
		return err
	}
	kind := "person"
	if p.Mailbox {
		kind = "mailbox"
	}
	_, err = tx.ExecContext(ctx, `insert into guard_person
		(id, uid, org_id, kind, name, email, phone, language, zone, active, version, added_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, true, 1, $10)`,
		p.ID, p.UID, p.Org, kind, p.Name, p.Email, p.Phone, p.Language, p.Zone, clock.Micros(tx.Now()))
	if err != nil {
		return err
	}
	for _, r := range p.Roles {
		if err := g.insertRole(ctx, tx, p.ID, r); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) insertRole(ctx context.Context, tx *act.Tx, person int64, role string) error {
	_, err := tx.ExecContext(ctx, `insert into guard_role (person_id, role, granted_at, granted_by)
		values ($1, $2, $3, $4) on conflict (person_id, role) do nothing`,
		person, role, clock.Micros(tx.Now()), tx.Actor().ID)
	return err
}

// PersonChange is an edit of a person; Version is the one that the editor saw.
type PersonChange struct {
	Name, Email, Phone, Language, Zone string
	Active                             bool
	Version                            int64
}

// ChangePerson edits a person. When somebody else was faster it is a Conflict and
// nothing changes. A person who is no longer active is signed out everywhere.
func (g *Guard) ChangePerson(ctx context.Context, actor act.Actor, id int64, c PersonChange) error {
	n := NewPerson{Name: c.Name, Email: c.Email, Phone: c.Phone, Language: c.Language, Zone: c.Zone}
	if err := n.Validate(); err != nil {
		return err
	}
	call, err := g.callToChange(ctx, actor, id)
	if err != nil {
		return err
	}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := g.stillContact(ctx, tx, id); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `update guard_person set name = $1, email = $2, phone = $3, language = $4,
			zone = $5, active = $6, version = version + 1 where id = $7 and version = $8`,
			strings.TrimSpace(c.Name), strings.ToLower(c.Email), strings.TrimSpace(c.Phone), or(c.Language, "en"),
			c.Zone, c.Active, id, c.Version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return changedMeanwhile(err)
		}
		tx.Fact(PersonsChanged{IDs: []int64{id}})
		if c.Active {
			return nil
		}
		if err := keepsAdministrator(ctx, tx, id); err != nil {
			return err
		}
		return endAccess(ctx, tx, id)
	})
}

// keepsAdministrator refuses what would leave no active administrator besides
// this person, if the person is one.
func keepsAdministrator(ctx context.Context, tx *act.Tx, person int64) error {
	n, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from guard_role r
		join guard_person p on p.id = r.person_id where r.role = $1 and p.active and p.id <> $2`, RoleAdministrator, person)
	if err != nil || n > 0 {
		return err
	}
	is, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from guard_role where role = $1 and person_id = $2`,
		RoleAdministrator, person)
	if err == nil && is > 0 {
		err = fault.New(fault.Conflict, "guard.role.last_administrator", nil)
	}
	return err
}

// callToChange picks the verb for an edit of a person: one's own affairs, a contact
// without a role at the desk, or anybody.
func (g *Guard) callToChange(ctx context.Context, actor act.Actor, id int64) (act.Call, error) {
	call := act.Call{Actor: actor, Verb: "guard.change_person", Subject: personSubject(id)}
	if actor.ID == personSubject(id) {
		call.Verb = "guard.change_self"
		return call, nil
	}
	p, err := g.Person(ctx, g.read, id)
	if fault.CodeOf(err) == fault.NotFound {
		return call, nil // the verb says so, to whom may know
	}
	if err == nil && isContact(p) {
		call.Verb = "guard.change_contact"
	}
	return call, err
}

// isContact tells whether a person has no standing at the desk.
func isContact(p Person) bool {
	return p.Org != OwnOrg && !slices.ContainsFunc(p.Roles, func(r string) bool { return r != RoleContact })
}

// stillContact looks again, inside the act, at what the verb was chosen by.
func (g *Guard) stillContact(ctx context.Context, tx *act.Tx, id int64) error {
	if tx.Call().Verb != "guard.change_contact" {
		return nil
	}
	p, err := g.Person(ctx, tx, id)
	if err == nil && !isContact(p) {
		return changedMeanwhile(nil)
	}
	return err
}

// changedMeanwhile is the answer to an edit that would overwrite another's.
func changedMeanwhile(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "guard.changed_meanwhile", nil)
}

// GrantRole gives a person a role.
func (g *Guard) GrantRole(ctx context.Context, actor act.Actor, person int64, role string) error {
	if !slices.Contains(Roles(), role) {
		return fault.OnField("role", "guard.role.unknown", fault.Args{"Value": fault.Clip(role)})
	}
	call := act.Call{Actor: actor, Verb: "guard.grant_role", Subject: personSubject(person)}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		if p.Mailbox {
			return fault.OnField("role", "guard.role.mailbox", nil)
		}
		tx.Detail(roleDetail{Roles: []string{role}})
		tx.Fact(PersonsChanged{IDs: []int64{person}})
		return g.insertRole(ctx, tx, person, role)
	})
}

// RevokeRole takes a role from a person. The last active administrator keeps
// the role: nobody could give it back.
func (g *Guard) RevokeRole(ctx context.Context, actor act.Actor, person int64, role, reason string) error {
	call := act.Call{Actor: actor, Verb: "guard.revoke_role", Subject: personSubject(person), Reason: reason}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if role == RoleAdministrator {
			if err := keepsAdministrator(ctx, tx, person); err != nil {
				return err
			}
		}
		tx.Detail(roleDetail{Roles: []string{role}})
		tx.Fact(PersonsChanged{IDs: []int64{person}})
		_, err := tx.ExecContext(ctx, `delete from guard_role where person_id = $1 and role = $2`, person, role)
		return err
	})
}

// SetRoles gives a person exactly these roles, each change as an act of its own
// inside one: all or nothing.
func (g *Guard) SetRoles(ctx context.Context, actor act.Actor, person int64, roles []string, reason string) error {
	call := act.Call{Actor: actor, Verb: "guard.set_roles", Subject: personSubject(person), Reason: reason}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		for _, role := range roles {
			if slices.Contains(p.Roles, role) {
				continue
			}
			if err := g.GrantRole(ctx, actor, person, role); err != nil {
				return err
			}
		}
		for _, role := range p.Roles {
			if slices.Contains(roles, role) {
				continue
			}
			if err := g.RevokeRole(ctx, actor, person, role, reason); err != nil {
				return err
			}
		}
		return nil
	})
}

// Found makes the installation's own organisation and its first administrator,
// and returns the secret of the one-time link with which the administrator
// signs in. It works once, on an empty installation.
func (g *Guard) Found(ctx context.Context, name, country string) (secret string, err error) {
	n := NewOrganisation{Kind: KindCSIRT, Name: name, Country: country}
	if err := n.Validate(); err != nil {
		return "", err
	}
	call := act.Call{Actor: LocalOperator(), Verb: "guard.found", Subject: orgSubject(OwnOrg)}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if empty, err := isEmpty(ctx, tx); err != nil || !empty {
			return alreadyFounded(err)
		}
		if _, err := g.AddOrganisation(ctx, tx.Actor(), n); err != nil {
			return err
		}
		p, err := g.AddPerson(ctx, tx.Actor(), NewPerson{
			Org: OwnOrg, Name: "Administrator", Roles: []string{RoleAdministrator},
		})
		if err != nil {
			return err
		}
		secret, err = g.IssueLink(ctx, tx.Actor(), p.ID)
		return err
	})
	return secret, err
}

func isEmpty(ctx context.Context, r sqldb.Reader) (bool, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from guard_organisation`)
	return n == 0, err
}

func alreadyFounded(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "guard.founded_already", nil)
}

// LetBackIn is the administrator's way back in: the local operator gets a
// one-time link for an active administrator, or, with none left, makes a new
// one. It is recorded like any act, with the reason.
func (g *Guard) LetBackIn(ctx context.Context, actor act.Actor, reason string) (secret string, p Person, err error) {
	if text.Blank(reason) {
		return "", p, fault.OnField("reason", "guard.reason.empty", nil)
	}
	call := act.Call{Actor: actor, Verb: "guard.let_back_in", Reason: reason}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		id, ok, err := sqldb.One(ctx, tx, sqldb.Int64, `select p.id from guard_person p
			join guard_role r on r.person_id = p.id
			where r.role = $1 and p.active order by p.id limit 1`, RoleAdministrator)
		if err != nil {
			return err
		}
		if ok {
			p, err = g.Person(ctx, tx, id)
		} else {
			p, err = g.AddPerson(ctx, actor, NewPerson{Org: OwnOrg, Name: "Administrator", Roles: []string{RoleAdministrator}})
		}
		if err != nil {
			return err
		}
		tx.Subject(personSubject(p.ID))
		secret, err = g.IssueLink(ctx, actor, p.ID)
		return err
	})
	return secret, p, err
}

// OrganisationsChanged tells that organisations were added, changed or ended.
type OrganisationsChanged struct {
	IDs []int64 `json:"ids"`
}

// FactKind returns "guard.OrganisationsChanged".
func (OrganisationsChanged) FactKind() string { return "guard.OrganisationsChanged" }

// FactVersion returns 1.
func (OrganisationsChanged) FactVersion() int { return 1 }

// PersonsChanged tells that what persons may do changed, or how long they are signed in.
type PersonsChanged struct {
	IDs []int64 `json:"ids"`
}

// FactKind returns "guard.PersonsChanged".
func (PersonsChanged) FactKind() string { return "guard.PersonsChanged" }

// FactVersion returns 1.
func (PersonsChanged) FactVersion() int { return 1 }
