package constituency

import (
	"context"

	"almenara.example/internal/foundation/sqldb"
)

const contactColumns = `c.id, c.org_id, c.person_id, p.kind, c.role, p.name, p.language, p.email, p.phone, c.hours,
	c.position, c.version`

func scanContact(r sqldb.Row) (c Contact, err error) {
	var kind string
	err = r.Scan(&c.ID, &c.Org, &c.Person, &kind, &c.Role, &c.Name, &c.Language, &c.Email, &c.Phone, &c.Hours,
		&c.Position, &c.Version)
	c.Mailbox = kind == "mailbox"
	return c, err
}

// Contacts lists how to reach an organisation, in order of escalation. Persons who
// are no longer active are left out.
func (c *Constituency) Contacts(ctx context.Context, r sqldb.Reader, org int64) ([]Contact, error) {
	return sqldb.All(ctx, r, scanContact, `select `+contactColumns+` from constituency_contact c
		join guard_person p on p.id = c.person_id
		where c.org_id = $1 and not c.ended and p.active order by c.position, c.id`, org)
}
