package guard

import (
	"context"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// isOutside tells whether a person is a contact of another organisation, who comes in
// by the portal: a role mailbox may.
func isOutside(p Person) bool { return isContact(p) && slices.Contains(p.Roles, RoleContact) }

// Outsider tells whether an actor is of another organisation and no feed: its tokens
// reach the portal's calls and nothing else.
func Outsider(a act.Actor) bool {
	return a.Kind == act.Person && a.Org != OwnOrg && !slices.Contains(a.Roles, RoleFeed)
}

// AdmitContact lets a contact of another organisation into the portal: it has the role
// contact from now on. Somebody with a role at the desk, or who has it, stays as he is.
func (g *Guard) AdmitContact(ctx context.Context, actor act.Actor, person int64) error {
	call := act.Call{Actor: actor, Verb: "guard.change_contact", Subject: personSubject(person)}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil || !isContact(p) || isOutside(p) {
			return err
		}
		tx.Detail(roleDetail{Roles: []string{RoleContact}})
		tx.Fact(PersonsChanged{IDs: []int64{person}})
		return g.insertRole(ctx, tx, person, RoleContact)
	})
}

// DismissContact takes the portal from somebody who is no contact any more: the role
// contact goes, and every session, token and link with it.
func (g *Guard) DismissContact(ctx context.Context, actor act.Actor, person int64) error {
	call := act.Call{Actor: actor, Verb: "guard.change_contact", Subject: personSubject(person)}
	return g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil || !isOutside(p) {
			return err
		}
		tx.Fact(PersonsChanged{IDs: []int64{person}})
		if _, err := tx.ExecContext(ctx, `delete from guard_role where person_id = $1 and role = $2`, person, RoleContact); err != nil {
			return err
		}
		return endAccess(ctx, tx, person)
	})
}

// ContactsAt lists those who sign in to the portal by a link to a mail address: active
// contacts of other organisations that stand, mailboxes among them.
func (g *Guard) ContactsAt(ctx context.Context, r sqldb.Reader, address string) ([]Person, error) {
	return sqldb.All(ctx, r, scanPerson, `select `+personColumns+` from guard_person p
		join guard_organisation o on o.id = p.org_id and o.ended_at = 0
		where p.email = $1 and p.email <> '' and p.active and p.org_id <> $2
		and not exists (select 1 from guard_role r where r.person_id = p.id and r.role <> 'contact')
		order by p.id limit 50`, strings.ToLower(strings.TrimSpace(address)), OwnOrg)
}

// LinksSince counts the sign-in links that were made for a person since a time.
func (g *Guard) LinksSince(ctx context.Context, r sqldb.Reader, person int64, since time.Time) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from guard_link
		where person_id = $1 and purpose = 'sign-in' and made_at >= $2`, person, clock.Micros(since))
	return n, err
}

// The bounds of the tokens that contacts make for themselves.
const (
	FetchScope  = "portal.fetch"
	maxOwn      = 10 // of one person at once
	fetchPrefix = "alt_"
)

// IssueFetchToken makes a token with which a program of a contact fetches the files and
// feeds of its organisation, and nothing else. The verb is guard.issue_fetch_token.
func (g *Guard) IssueFetchToken(ctx context.Context, actor act.Actor, person int64, name string, life time.Duration) (secret string, t Token, err error) {
	if err := CheckName("name", name); err != nil {
		return "", t, err
	}
	if life <= 0 || life > TokenMax {
		return "", t, fault.OnField("days", "guard.token.life", fault.Args{"Days": int(TokenMax.Hours() / 24)})
	}
	call := act.Call{Actor: actor, Verb: "guard.issue_fetch_token", Subject: personSubject(person)}
	err = g.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := g.Person(ctx, tx, person)
		if err != nil {
			return err
		}
		if actor.ID != personSubject(person) || !p.Active || !isOutside(p) {
			return fault.New(fault.Denied, "fault.denied", nil)
		}
		if have, err := g.Tokens(ctx, tx, person); err != nil {
			return err
		} else if len(have) >= maxOwn {
			return fault.New(fault.Conflict, "guard.token.many", fault.Args{"Max": maxOwn})
		}
		var hash []byte
		if secret, hash, err = g.secret(fetchPrefix); err != nil {
			return err
		}
		uid, err := g.acts.IDs().New()
		if err != nil {
			return err
		}
		t = Token{UID: uid, Person: person, Name: strings.TrimSpace(name), Scope: []string{FetchScope}, MadeAt: tx.Now(), ExpiresAt: tx.Now().Add(life)}
		_, err = tx.ExecContext(ctx, `insert into guard_token (uid, hash, person_id, name, scope, made_at, expires_at, ended_at)
			values ($1, $2, $3, $4, $5, $6, $7, 0)`, t.UID, hash, person, t.Name, FetchScope, clock.Micros(t.MadeAt), clock.Micros(t.ExpiresAt))
		return err
	})
	return secret, t, err
}
