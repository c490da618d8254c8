package constituency

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
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

// FirstMails returns, of every organisation that has one, the mail address that is
// written to first: for those who ask for many.
func (c *Constituency) FirstMails(ctx context.Context, r sqldb.Reader) (map[int64]string, error) {
	out := map[int64]string{}
	return out, sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org int64
		var mail string
		if err := row.Scan(&org, &mail); err != nil {
			return err
		}
		if _, ok := out[org]; !ok {
			out[org] = mail
		}
		return nil
	}, `select c.org_id, p.email from constituency_contact c join guard_person p on p.id = c.person_id
		where not c.ended and p.active and p.email <> '' order by c.org_id, c.position, c.id`)
}

// Standing returns what is recorded of an organisation besides guard's words; a zero
// Version says that nothing is.
func (c *Constituency) Standing(ctx context.Context, r sqldb.Reader, org int64) (Standing, error) {
	return getStanding(ctx, r, org)
}

// Asset returns one asset; NotFound when there is none.
func (c *Constituency) Asset(ctx context.Context, r sqldb.Reader, id int64) (Asset, error) {
	return getAsset(ctx, r, id)
}

// Contact returns one contact that stands; NotFound when there is none.
func (c *Constituency) Contact(ctx context.Context, r sqldb.Reader, id int64) (Contact, error) {
	return getContact(ctx, r, id)
}

// AssetFilter says which assets to list; zero fields do not filter.
type AssetFilter struct {
	Org     int64
	Kind    AssetKind
	Value   string // canonical, exactly
	Source  Source
	On      Day // valid on that day
	Waiting bool
	After   int64 // keyset: ids above it
	Limit   int   // default 100
}

// Assets lists assets by id.
func (c *Constituency) Assets(ctx context.Context, r sqldb.Reader, f AssetFilter) ([]Asset, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	where, args := f.where()
	return sqldb.All(ctx, r, scanAsset, `select `+assetColumns+` from constituency_asset where `+where+
		` order by id limit `+strconv.Itoa(f.Limit), args...)
}

// CountAssets counts what Assets lists, up to most.
func (c *Constituency) CountAssets(ctx context.Context, r sqldb.Reader, f AssetFilter, most int) (int64, error) {
	f.After = 0
	where, args := f.where()
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from (select id from constituency_asset where `+where+
		` limit `+strconv.Itoa(most)+`) as counted`, args...)
	return n, err
}

// where builds the condition of the fields that filter, so that an index serves it.
func (f AssetFilter) where() (string, []any) {
	conditions, args := []string{"id > $1", visible}, []any{f.After}
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, condition+" $"+strconv.Itoa(len(args)))
	}
	if f.Org != 0 {
		add("org_id =", f.Org)
	}
	if f.Kind != 0 {
		add("kind =", int64(f.Kind))
	}
	if f.Value != "" {
		add("value =", f.Value)
	}
	if f.Source != 0 {
		add("source =", int64(f.Source))
	}
	if f.On != 0 {
		add("valid_from <=", int64(f.On))
		add("valid_to >=", int64(f.On))
	}
	if f.Waiting {
		add("waiting =", true)
	}
	return strings.Join(conditions, " and "), args
}

// Fold writes a name as people compare it: without case and without the marks on
// letters, so that "eclair" finds "Éclair".
func Fold(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return strings.ToLower(s)
	}
	marks := func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}
	return strings.ToLower(strings.Map(marks, norm.NFKD.String(s)))
}

// OrgFilter says which organisations to list; zero fields do not filter.
type OrgFilter struct {
	Kind     guard.Kind
	Sector   string
	Critical bool
	Text     string // somewhere in the name, whatever the case and the accents
	After    int64  // keyset: ids above it
	Limit    int    // default 100
}

// Organisations lists organisations by id, from memory, and counts all that pass.
func (x *Index) Organisations(f OrgFilter) (page []OrgInfo, total int) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	text := Fold(strings.TrimSpace(f.Text))
	x.EachOrg(func(o OrgInfo) bool {
		if f.Kind != "" && o.Kind != f.Kind || f.Sector != "" && !slices.Contains(o.Sectors, f.Sector) ||
			f.Critical && !o.Critical || text != "" && !strings.Contains(Fold(o.Name), text) {
			return true
		}
		total++
		if o.ID > f.After && len(page) < f.Limit {
			page = append(page, o)
		}
		return true
	})
	return page, total
}

// Lookup says whose something is on a day, with the reasons, the asset and the
// organisation; Org is zero when nobody is found.
func (c *Constituency) Lookup(ctx context.Context, r sqldb.Reader, subject string, day Day) (l LookupResult, err error) {
	s, err := parseSubject(subject)
	if err != nil {
		return l, err
	}
	x := c.Index()
	l = LookupResult{Subject: s, Explanation: x.Explain(&s, day)}
	if len(s.MailDomain) > 0 && l.Match.Level == Unrouted { // whoever owns the name owns its mail
		asDomain := Subject{Domain: s.MailDomain}
		if ex := x.Explain(&asDomain, day); ex.Match.Level != Unrouted {
			l.Subject, l.Explanation = asDomain, ex
		}
	}
	l.Org, _ = x.Org(l.Match.Org)
	if l.Match.Asset != 0 {
		l.Asset, err = getAsset(ctx, r, l.Match.Asset)
	}
	return l, err
}

// LookupResult is the answer to a look-up.
type LookupResult struct {
	Explanation
	Subject Subject
	Org     OrgInfo
	Asset   Asset
}
