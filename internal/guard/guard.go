package guard

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
)

// Kind is what sort of organisation it is.
type Kind string

// Kinds lists every kind of organisation, as files, pages and policies spell them.
func Kinds() []Kind {
	return []Kind{
		"csirt", "operator", "network", "provider", "sector-team", "regulator", "crisis-centre",
		"civil-protection", "police", "prosecution", "court", "central-authority", "fiu",
		"data-protection", "oversight", "online-platform", "peer", "civil-society", "expert", "defence",
	}
}

// The kinds that code names.
const (
	KindCSIRT    Kind = "csirt"
	KindOperator Kind = "operator"
	KindNetwork  Kind = "network"
	KindProvider Kind = "provider"
)

// ParseKind reads a kind; anything else is an Invalid fault.
func ParseKind(s string) (Kind, error) {
	for _, k := range Kinds() {
		if string(k) == strings.TrimSpace(strings.ToLower(s)) {
			return k, nil
		}
	}
	return "", fault.OnField("kind", "guard.organisation.kind", fault.Args{"Value": fault.Clip(s)})
}

// OwnOrg is the id of the installation's own organisation, made by init.
const OwnOrg int64 = 1

// Organisation is anyone with a standing here.
type Organisation struct {
	ID       int64
	UID      string
	Kind     Kind
	Name     string
	Country  string // ISO 3166-1 alpha-2, upper case
	AddedAt  time.Time
	EndedAt  time.Time // zero while it stands
	Exercise bool
}

// Person is someone of an organisation, or a role mailbox.
type Person struct {
	ID       int64
	UID      string
	Org      int64
	Mailbox  bool
	Name     string
	Email    string
	Phone    string
	Language string // BCP 47
	Zone     string // IANA time zone; empty: the installation's
	Active   bool
	Version  int64 // rises with every change; for edits that must not overwrite each other
	Roles    []string
}

// Roles lists what a person may be here, in the order of the pages.
func Roles() []string {
	return []string{
		RoleAdministrator, RoleWatchOfficer, RoleDutyLead, RoleConstituency, RoleReader,
		RoleOversight, RoleContact, RoleFeed,
	}
}

// The roles. What each may do stands in policies/*.cedar.
const (
	RoleAdministrator = "administrator" // persons, roles, tokens, sources; reads no findings by itself
	RoleWatchOfficer  = "watch-officer" // daily work of the desk
	RoleDutyLead      = "duty-lead"     // releases, modes of sources, wide effects
	RoleConstituency  = "constituency"  // organisations, contacts, assets
	RoleReader        = "reader"        // sees, does nothing
	RoleOversight     = "oversight"     // the record of actions and everything's trail
	RoleContact       = "contact"       // of an operator: own notices only
	RoleFeed          = "feed"          // a program that delivers
)

// Guard is the room. Make it with New.
type Guard struct {
	acts *act.Acts
	read sqldb.Reader
}

// New returns the room over the frame of acts.
func New(acts *act.Acts) *Guard { return &Guard{acts: acts, read: acts.Reader()} }

// FoldName is the form under which names are unique: lower case, one blank
// between words.
func FoldName(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// CheckName refuses an empty or overlong name, or one with control characters
// (a line break in a name would otherwise reach mail headers).
func CheckName(field, s string) error {
	s = strings.TrimSpace(s)
	switch {
	case text.Blank(s):
		return fault.OnField(field, "guard.name.empty", nil)
	case utf8.RuneCountInString(s) > 200:
		return fault.OnField(field, "guard.name.long", fault.Args{"Max": 200})
	case !text.OneLine(s):
		return fault.OnField(field, "guard.name.control", nil)
	}
	return nil
}

// CheckEmail refuses what is not one plain address such as watch@water.example.
func CheckEmail(field, s string) error {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s || len(s) > 254 || strings.ContainsFunc(s, unicode.IsControl) {
		return fault.OnField(field, "guard.email.form", fault.Args{"Value": fault.Clip(s)})
	}
	return nil
}

// CheckCountry refuses what is not two capital letters.
func CheckCountry(field, s string) error {
	if len(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return fault.OnField(field, "guard.country.form", fault.Args{"Value": fault.Clip(s)})
	}
	return nil
}

// org and person format the opaque subjects of ledger entries.
func orgSubject(id int64) string    { return fmt.Sprintf("organisation:%d", id) }
func personSubject(id int64) string { return fmt.Sprintf("person:%d", id) }

// ActorOf returns the actor that a person is.
func ActorOf(p Person) act.Actor {
	return act.Actor{ID: personSubject(p.ID), Kind: act.Person, Org: p.Org, Roles: p.Roles}
}

// LocalOperator is whoever runs commands as the server's own user.
func LocalOperator() act.Actor {
	return act.Actor{ID: "local-operator", Kind: act.LocalOperator, Org: OwnOrg}
}

// IsEmpty tells whether the installation has no organisation yet.
func (g *Guard) IsEmpty(ctx context.Context) (bool, error) {
	n, _, err := sqldb.One(ctx, g.read, sqldb.Int64, `select count(*) from guard_organisation`)
	return n == 0, err
}
