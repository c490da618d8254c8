package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/gopenpgp/v3/crypto"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/guard"
)

// Outsider is somebody of another organisation who signs in to the demo's portal.
type Outsider struct {
	Key          string // of the sign-in link
	Organisation string
	Name         string
	Email        string
	Language     string
}

// Outsiders are a contact of an operator, one of a provider that acts for two, and one
// of a network.
func Outsiders() []Outsider {
	return []Outsider{
		{"contact", "Aguas del Faro", "Marta Prieto", "marta@" + hostName("Aguas del Faro"), "es"},
		{"provider", "Guardia Managed Services", "Hugo Lacroix", "hugo@" + hostName("Guardia Managed Services"), "fr"},
		{"network", "Atalaya Telecom", "Nina Okafor", "nina@" + hostName("Atalaya Telecom"), "en"},
	}
}

// The organisations with something of their own.
const (
	signerOrg = "Ribera Waterworks" // whose contact signs her mail
	silentOrg = "Montelargo Water"  // that does not answer a FLASH
)

// guest is a contact and the organisation.
type guest struct {
	person guard.Person
	org    guard.Organisation
	key    *pgp.Team // nil: none
}

func (g guest) actor() act.Actor { return guard.ActorOf(g.person) }

// outsiders adds contacts who sign in, and OpenPGP keys: one good for years, one that
// ends in twelve days.
func (f *filler) outsiders(ctx context.Context) error {
	for _, o := range append(Outsiders(), Outsider{"signer", signerOrg, "Pilar Ochoa", "pilar@" + hostName(signerOrg), "en"}) {
		g, err := f.contact(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", o.Organisation, err)
		}
		f.outside[o.Key] = g
	}
	keeper := f.as(guard.RoleDutyLead)
	now := f.Clock.Now()
	for key, life := range map[string]time.Duration{"signer": 3 * 365 * 24 * time.Hour, "contact": 21 * 24 * time.Hour} {
		g := f.outside[key]
		var err error
		if g.key, err = newKey(g.person.Name, g.person.Email, now.Add(-24*time.Hour), life); err != nil {
			return err
		}
		if _, err := f.Guard.AddKey(ctx, keeper, g.person.ID, g.key.Public().Binary); err != nil {
			return fmt.Errorf("key of %s: %w", g.person.Name, err)
		}
		f.outside[key] = g
	}
	return nil
}

// contact puts somebody into an organisation's order of escalation, and lets him into
// the portal.
func (f *filler) contact(ctx context.Context, o Outsider) (g guest, err error) {
	r := f.Acts.Reader()
	org, ok, err := f.Guard.OrganisationNamed(ctx, r, o.Organisation)
	if err != nil || !ok {
		return g, fmt.Errorf("there is no organisation (%w)", err)
	}
	have, err := f.Constituency.Contacts(ctx, r, org.ID)
	if err != nil {
		return g, err
	}
	c, err := f.Constituency.AddContact(ctx, f.as(guard.RoleConstituency), constituency.NewContact{
		Org: org.ID, Name: o.Name, Email: o.Email, Language: o.Language, Phone: fmt.Sprintf("+999 555 02%02d", org.ID%100),
		Role: "security", Hours: "Mon–Fri 8–18", Position: int64(len(have) + 1),
	})
	if err != nil {
		return g, err
	}
	p, err := f.Guard.Person(ctx, r, c.Person)
	if err == nil && !slices.Contains(p.Roles, guard.RoleContact) {
		if err = f.Guard.SetRoles(ctx, guard.LocalOperator(), c.Person, []string{guard.RoleContact}, "comes in by the portal"); err == nil {
			p, err = f.Guard.Person(ctx, r, c.Person)
		}
	}
	return guest{person: p, org: org}, err
}

// newKey makes an OpenPGP key in memory.
func newKey(name, email string, at time.Time, life time.Duration) (*pgp.Team, error) {
	k, err := crypto.PGP().KeyGeneration().AddUserId(name, email).GenerationTime(at.Unix()).Lifetime(int32(life / time.Second)).New().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	b, err := k.Serialize()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return pgp.ParseTeam(b)
}
