package warn

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// Choice says whom a warning is for. An organisation must match every field that is
// given; Orgs are told besides, Except are not told in any case. A choice that gives
// nothing chooses nobody; Everyone chooses all.
type Choice struct {
	Everyone bool           `json:"everyone,omitempty" toml:"everyone"`
	Sectors  []string       `json:"sectors,omitempty" toml:"sectors"`
	OrgKinds []string       `json:"org_kinds,omitempty" toml:"org_kinds"`
	Critical bool           `json:"critical,omitempty" toml:"critical"` // designated operators only
	Region   string         `json:"region,omitempty" toml:"region"`     // words of a site, or a country's two letters
	Service  string         `json:"service,omitempty" toml:"service"`   // words of a service's name
	Asset    string         `json:"asset,omitempty" toml:"asset"`       // address, network, AS number or domain
	Product  string         `json:"product,omitempty" toml:"product"`   // words of a product install
	Findings []string       `json:"findings,omitempty" toml:"findings"` // kinds of report with an open finding; "any"
	Severity watch.Severity `json:"severity,omitempty" toml:"-"`        // of these findings, at least
	Orgs     []int64        `json:"organisations,omitempty" toml:"-"`   // besides
	Except   []int64        `json:"except,omitempty" toml:"-"`          // not in any case
	Names    []string       `json:"-" toml:"organisations"`             // of Orgs, in a file
	Excepted []string       `json:"-" toml:"except"`                    // of Except, in a file
}

// gives tells whether a choice has a field that chooses.
func (c Choice) gives() bool {
	return c.Everyone || len(c.Sectors)+len(c.OrgKinds)+len(c.Findings) > 0 || c.Critical ||
		c.Region+c.Service+c.Asset+c.Product != ""
}

// Chosen is one organisation that a warning would be told to.
type Chosen struct {
	Org      constituency.OrgInfo
	Contact  constituency.Contact // who is written to first; a zero ID: nobody
	Manner   Manner               // how it would leave
	Language string               // in which language it would be written
}

// Choose lists whom a warning would be told to, by name, and a fingerprint of the
// list, by which a release names what was looked at.
func (w *Warn) Choose(ctx context.Context, r sqldb.Reader, v Warning) (list []Chosen, fingerprint string, err error) {
	orgs, err := w.chosenOrgs(ctx, r, v)
	if err != nil {
		return nil, "", err
	}
	// Read at once for all: ten thousand organisations are chosen in the act of a release.
	contacts, err := w.Constituency.AllContacts(ctx, r)
	if err != nil {
		return nil, "", fmt.Errorf("read contacts: %w", err)
	}
	sealed, err := w.Guard.Sealable(ctx, r, w.Acts.Clock().Now())
	if err != nil {
		return nil, "", fmt.Errorf("read keys: %w", err)
	}
	sum := sha256.New()
	list = make([]Chosen, 0, len(orgs))
	for _, o := range orgs {
		c := w.chosen(v, o, contacts[o.ID], sealed)
		list = append(list, c)
		_, _ = fmt.Fprintf(sum, "%d/%d/%s\n", o.ID, c.Contact.Person, c.Manner)
	}
	return list, hex.EncodeToString(sum.Sum(nil)[:12]), nil
}

// chosen is how one organisation would be told: as recipient would do it.
func (w *Warn) chosen(v Warning, o constituency.OrgInfo, contacts []constituency.Contact, sealed map[int64]bool) Chosen {
	c := Chosen{Org: o}
	for _, one := range contacts {
		if one.Email != "" {
			c.Contact = one
			break
		}
	}
	_, c.Language = v.text(cmp.Or(c.Contact.Language, w.Language))
	switch {
	case c.Contact.ID == 0:
	case sealed[c.Contact.Person] && w.Outbound.Seals():
		c.Manner = Sealed
	case v.Marking.AtMost(tlp.Green):
		c.Manner = Plain
	default:
		c.Manner = Minimal
	}
	return c
}

// chosenOrgs applies a choice, by name.
func (w *Warn) chosenOrgs(ctx context.Context, r sqldb.Reader, v Warning) (out []constituency.OrgInfo, err error) {
	c := v.Choice
	sets, err := w.choiceSets(ctx, r, c)
	if err != nil {
		return nil, err
	}
	w.Constituency.Index().EachOrg(func(o constituency.OrgInfo) bool {
		named := slices.Contains(c.Orgs, o.ID)
		switch {
		case o.Ended || o.ID == ownOrg || v.Exercise && !o.Exercise || slices.Contains(c.Except, o.ID):
		case named || c.gives() && c.fits(o) && inAll(sets, o.ID):
			out = append(out, o)
		}
		return true
	})
	slices.SortFunc(out, func(a, b constituency.OrgInfo) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// fits weighs what the index knows of an organisation.
func (c Choice) fits(o constituency.OrgInfo) bool {
	if o.Kind == guard.KindCSIRT && len(c.OrgKinds) == 0 {
		return false
	}
	return amongAny(c.Sectors, o.Sectors) && among(c.OrgKinds, string(o.Kind)) && (!c.Critical || o.Critical)
}

func inAll(sets []map[int64]bool, org int64) bool {
	for _, s := range sets {
		if !s[org] {
			return false
		}
	}
	return true
}

// choiceSets reads the sets of organisations that fields of a choice name.
func (w *Warn) choiceSets(ctx context.Context, r sqldb.Reader, c Choice) (sets []map[int64]bool, err error) {
	on := constituency.DayOf(w.Acts.Clock().Now())
	add := func(given string, f func() (map[int64]bool, error)) {
		if err != nil || given == "" {
			return
		}
		var s map[int64]bool
		if s, err = f(); err == nil {
			sets = append(sets, s)
		}
	}
	add(c.Region, func() (map[int64]bool, error) {
		s, err := w.Constituency.Holders(ctx, r, constituency.Site, c.Region, on)
		if err == nil && len(strings.TrimSpace(c.Region)) == 2 {
			w.Constituency.Index().EachOrg(func(o constituency.OrgInfo) bool {
				s[o.ID] = s[o.ID] || strings.EqualFold(o.Country, strings.TrimSpace(c.Region))
				return true
			})
		}
		return s, err
	})
	add(c.Service, func() (map[int64]bool, error) { return w.Constituency.Serving(ctx, r, c.Service) })
	add(c.Asset, func() (map[int64]bool, error) {
		s, err := w.Constituency.Within(ctx, r, c.Asset, on)
		if fault.CodeOf(err) == fault.Invalid {
			return nil, fault.OnField("choice.asset", "warn.warning.asset", nil)
		}
		return s, err
	})
	add(c.Product, func() (map[int64]bool, error) {
		return w.Constituency.Holders(ctx, r, constituency.Product, c.Product, on)
	})
	add(strings.Join(c.Findings, " "), func() (map[int64]bool, error) { return w.withFindings(ctx, r, c) })
	return sets, err
}

// withFindings returns the organisations with an open finding of some kinds.
func (w *Warn) withFindings(ctx context.Context, r sqldb.Reader, c Choice) (map[int64]bool, error) {
	groups, err := w.Watch.OpenGroups(ctx, r)
	if err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	for _, g := range groups {
		stream, _ := w.Watch.StreamOf(g.Stream)
		if g.Severity >= c.Severity && (slices.Contains(c.Findings, "any") || slices.Contains(c.Findings, stream.Kind)) {
			out[g.Org] = true
		}
	}
	return out, nil
}

// resolveNames turns the organisations that a file names into their ids; every
// unknown name is said.
func (w *Warn) resolveNames(ctx context.Context, r sqldb.Reader, c *Choice) error {
	var bad []fault.Error
	find := func(field string, names []string, into *[]int64) error {
		for _, name := range names {
			o, ok, err := w.Guard.OrganisationNamed(ctx, r, name)
			if err != nil {
				return err
			}
			if !ok {
				bad = append(bad, *fault.OnField(field, "warn.warning.no_such_org", fault.Args{"Name": fault.Clip(name)}))
				continue
			}
			*into = append(*into, o.ID)
		}
		return nil
	}
	if err := find("choice.organisations", c.Names, &c.Orgs); err != nil {
		return err
	}
	if err := find("choice.except", c.Excepted, &c.Except); err != nil {
		return err
	}
	c.Names, c.Excepted = nil, nil
	for _, s := range c.Sectors {
		if !constituency.IsSector(s) {
			bad = append(bad, *fault.OnField("choice.sectors", "warn.warning.no_such_sector", fault.Args{"Name": fault.Clip(s)}))
		}
	}
	slices.Sort(c.Orgs)
	c.Orgs = slices.Compact(c.Orgs)
	return fault.Join("warn.warning.invalid", bad)
}

// marking is the strictest marking of what a notice shows; what nobody marked counts
// as TLP:AMBER+STRICT.
func marking(n Notice) (tlp.Marking, error) {
	m, err := parseMarking(n.Marking)
	if err != nil {
		return tlp.Red, fmt.Errorf("marking of notice %d: %w", n.ID, err)
	}
	if !m.Marked() {
		m = tlp.AmberStrict
	}
	return m, nil
}

func parseMarking(s string) (tlp.Marking, error) {
	if s == "" {
		return tlp.Unmarked, nil
	}
	return tlp.Parse(s)
}
