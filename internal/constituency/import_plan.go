package constituency

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// importPlan is what a file would do, with organisations in memory and assets
// counted only.
type importPlan struct {
	kind    ImportKind
	index   *Index
	country string // of the own organisation: what a row without one means
	orgs    map[string]*plannedOrg
	order   []*plannedOrg // as the file names them first
	touched []*plannedOrg // those that are added or changed
	bySite  map[siteKey]Asset
	result  ImportResult
}

// plannedOrg is an organisation of the file.
type plannedOrg struct {
	key         string
	name        string
	id          int64 // 0 while it is new
	imagined    int64 // its id in a preview
	line        int
	kind        guard.Kind
	country     string
	sectors     []string
	services    []Service
	population  int64
	designation string
	until       Day
	actsFor     []string
	contacts    []NewContact
	changed     bool
}

func (o *plannedOrg) anyID() int64 {
	if o.id != 0 {
		return o.id
	}
	return o.imagined
}

// siteKey finds an asset that the index does not hold: product or site.
type siteKey struct {
	org   int64
	kind  AssetKind
	value string
}

// plan reads and checks the whole file.
func (c *Constituency) plan(ctx context.Context, kind ImportKind, src io.ReadSeeker) (*importPlan, error) {
	p := &importPlan{kind: kind, index: c.Index(), orgs: map[string]*plannedOrg{}}
	own, _ := p.index.Org(guard.OwnOrg)
	p.country = own.Country
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return p, fmt.Errorf("read the file: %w", err)
	}
	rd, err := newImportReader(kind, src)
	if err != nil {
		return p, err
	}
	if err := p.readSites(ctx, c.read); err != nil {
		return p, err
	}
	p.knownNames()
	if err := p.readAll(ctx, rd); err != nil {
		return p, err
	}
	p.checkActsFor()
	if p.result.Refused > 0 {
		return p, nil
	}
	return p, c.weighOrgs(ctx, p)
}

// knownNames notes the organisations that there are, by folded name.
func (p *importPlan) knownNames() {
	p.index.EachOrg(func(o OrgInfo) bool {
		p.orgs[guard.FoldName(o.Name)] = &plannedOrg{name: o.Name, id: o.ID, kind: o.Kind, country: o.Country, until: Forever, line: -1}
		return true
	})
}

// readSites reads the assets that the index does not hold.
func (p *importPlan) readSites(ctx context.Context, r sqldb.Reader) error {
	p.bySite = map[siteKey]Asset{}
	return sqldb.Each(ctx, r, func(row sqldb.Row) error {
		a, err := scanAsset(row)
		p.bySite[siteKey{a.Org, a.Kind, a.Value}] = a
		return err
	}, `select `+assetColumns+` from constituency_asset where kind > 4 and `+visible+` order by id`)
}

func (p *importPlan) readAll(ctx context.Context, rd *importReader) error {
	m := p.newMatcher()
	fresh := int64(len(p.index.orgs)) + 1 // ids that tell new organisations apart while weighing
	for n := 0; ; n++ {
		row, bad, err := rd.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		p.result.Rows++
		if len(bad) == 0 {
			bad = p.take(row, rd.line, &fresh)
		}
		if len(bad) > 0 {
			p.refuse(bad)
			continue
		}
		for i := range row.assets {
			p.weigh(m, &row.assets[i], p.orgs[row.org].anyID())
		}
		if len(p.order) > maxImportOrgs {
			return fault.New(fault.Invalid, "constituency.import.too_many", fault.Args{"Max": maxImportOrgs})
		}
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (p *importPlan) refuse(bad []fault.Error) {
	p.result.Refused++
	if room := MaxImportErrors - len(p.result.Errors); room > 0 {
		p.result.Errors = append(p.result.Errors, bad[:min(len(bad), room)]...)
	}
}

func (p *importPlan) weigh(m *matcher, a *Asset, org int64) {
	a.Org = org
	was, todo := m.weigh(a)
	switch todo {
	case addedAsset:
		p.result.Assets.Added++
	case changedAsset:
		p.result.Assets.Changed++
	case unchangedAsset:
		p.result.Assets.Unchanged++
		return
	}
	if len(p.result.Examples) < 20 {
		e := *a
		e.ID = was.ID
		p.result.Examples = append(p.result.Examples, e)
	}
}

// take adds a row to its organisation. Rows of the same organisation add up; where
// they contradict each other the row is refused.
func (p *importPlan) take(row *importRow, line int, fresh *int64) []fault.Error {
	o := p.orgs[row.org]
	if o == nil {
		o = &plannedOrg{name: row.name, kind: row.kind, country: row.country, until: Forever, line: -1, imagined: *fresh}
		*fresh++
		if o.kind == "" {
			o.kind = guard.KindOperator
		}
		if o.country == "" {
			o.country = p.country
		}
		p.orgs[row.org] = o
	}
	if o.line < 0 {
		o.key, o.line = row.org, line
		p.order = append(p.order, o)
	}
	if row.kind != "" && row.kind != o.kind {
		return []fault.Error{*fault.OnField("kind", "constituency.import.kind_differs", fault.Args{
			"Line": line, "Value": string(row.kind), "Known": string(o.kind), "Name": o.name,
		})}
	}
	if row.country != "" && row.country != o.country {
		return []fault.Error{*fault.OnField("country", "constituency.import.country_differs", fault.Args{
			"Line": line, "Value": row.country, "Known": o.country, "Name": o.name,
		})}
	}
	o.add(row)
	return nil
}

func (o *plannedOrg) add(row *importRow) {
	o.sectors = appendNew(o.sectors, row.sectors...)
	o.actsFor = appendNew(o.actsFor, row.actsFor...)
	if row.designation != "" {
		o.designation, o.until = row.designation, row.until
	}
	switch at := slices.IndexFunc(o.services, func(s Service) bool {
		return guard.FoldName(s.Name) == guard.FoldName(row.service)
	}); {
	case row.service == "":
		o.population = max(o.population, row.population)
	case at < 0:
		s := Service{Name: row.service, Population: row.population}
		if len(row.sectors) > 0 {
			s.Sector = row.sectors[0]
		}
		o.services = append(o.services, s)
	default:
		o.services[at].Population = max(o.services[at].Population, row.population)
	}
	if n := row.contact; n != nil && !slices.ContainsFunc(o.contacts, func(k NewContact) bool { return sameContact(k, *n) }) {
		o.contacts = append(o.contacts, *n)
	}
}

// sameContact: the same address, or without one the same name.
func sameContact(a, b NewContact) bool {
	if a.Email != "" || b.Email != "" {
		return a.Email == b.Email
	}
	return guard.FoldName(a.Name) == guard.FoldName(b.Name)
}

func appendNew(to []string, values ...string) []string {
	for _, v := range values {
		if !slices.Contains(to, v) {
			to = append(to, v)
		}
	}
	return to
}

// checkActsFor refuses providers that act for somebody unknown.
func (p *importPlan) checkActsFor() {
	for _, o := range p.order {
		for _, name := range o.actsFor {
			if p.orgs[name] == nil || name == o.key {
				p.refuse([]fault.Error{*fault.OnField("acts_for", "constituency.import.acts_for", fault.Args{"Line": o.line, "Value": fault.Clip(name)})})
			}
		}
	}
}

// todo is what an import does with one asset.
type todo int

const (
	addedAsset todo = iota
	changedAsset
	unchangedAsset
)

// matcher compares the assets of a file with those that there are. It is made anew
// for each reading of the file and decides the same each time.
type matcher struct {
	p     *importPlan
	seen  map[[2]uint64]struct{} // what the file said already: two hashes of 64 bits
	seeds [2]maphash.Seed
	taken map[int64]bool // known assets that a row of the file stands for
}

func (p *importPlan) newMatcher() *matcher {
	return &matcher{
		p: p, seen: map[[2]uint64]struct{}{}, taken: map[int64]bool{},
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
}

type assetKey struct {
	org      int64
	kind     AssetKind
	value    string
	from, to Day
}

// weigh says what becomes of an asset of the file. When it stands for one that there
// is, a takes that one's id, version and source, and was is as it is now.
func (m *matcher) weigh(a *Asset) (was Asset, do todo) {
	k := assetKey{a.Org, a.Kind, a.Value, a.From, a.To}
	h := [2]uint64{maphash.Comparable(m.seeds[0], k), maphash.Comparable(m.seeds[1], k)}
	if _, twice := m.seen[h]; twice {
		return was, unchangedAsset
	}
	m.seen[h] = struct{}{}
	for _, e := range m.known(a) {
		if e.From == a.From && e.To == a.To {
			m.taken[e.ID] = true
			return e, unchangedAsset
		}
	}
	for _, e := range m.known(a) {
		overlaps := e.From <= a.To && a.From <= e.To
		if e.Source == Imported && !m.taken[e.ID] && (e.From == a.From || overlaps) {
			m.taken[e.ID] = true
			a.ID, a.Source = e.ID, e.Source
			return e, changedAsset
		}
	}
	return was, addedAsset
}

// known lists the assets of the same organisation, kind and value.
func (m *matcher) known(a *Asset) (out []Asset) {
	if a.Kind > MailDomain {
		if s, ok := m.p.bySite[siteKey{a.Org, a.Kind, a.Value}]; ok {
			return []Asset{s}
		}
		return nil
	}
	for _, t := range []*table{&m.p.index.operators, &m.p.index.networks} {
		for r := t.exact(a.Kind, a.Value); r != 0; {
			e := t.slab.read(r)
			if r = e.next; int64(e.org) == a.Org && e.rank != rankWaiting {
				out = append(out, Asset{
					ID: e.asset, Org: a.Org, Kind: a.Kind, Value: a.Value, From: e.from, To: e.to, Source: Source(e.rank),
				})
			}
		}
	}
	return out
}
