package constituency

import (
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"unsafe"

	"github.com/gaissmai/bart"
	"golang.org/x/net/publicsuffix"

	"almenara.example/internal/guard"
)

// Level says how near a match is to whoever is affected.
type Level uint8

// The levels, farthest first.
const (
	Unrouted Level = iota
	NationalCSIRT
	Network
	Operator
)

// String returns the level as files and pages spell it.
func (l Level) String() string {
	return [...]string{"unrouted", "national-csirt", "network", "operator"}[l&3]
}

// Rule says what a match rests on.
type Rule uint8

// The rules, in the order in which they are tried.
const (
	NoRule Rule = iota
	RuleCIDR
	RuleDomain
	RuleMailDomain
	RuleASN
	RuleNetworkPrefix
	RuleNetworkASN
	RuleCountry
)

// String returns the rule as files and pages spell it; empty for NoRule.
func (r Rule) String() string {
	return [...]string{"", "cidr", "domain", "maildomain", "asn", "network-prefix", "network-asn", "country"}[r&7]
}

// Subject is what is looked up; any part may be zero.
type Subject struct {
	IP         netip.Addr
	ASN        uint32
	Domain     []byte  // lower case, ASCII, no final dot
	MailDomain []byte  // likewise
	CC         [2]byte // ISO 3166-1 alpha-2, upper case
}

// Match is whose a subject is.
type Match struct {
	Level Level
	Org   int64 // 0 when unrouted
	Asset int64 // 0 when by country or unrouted
	Rule  Rule
}

// OrgInfo is what the index knows of an organisation.
type OrgInfo struct {
	ID         int64
	UID        string
	Kind       guard.Kind
	Name       string
	Country    string
	Sectors    []string
	Critical   bool
	Population int64
	Ended      bool
	Exercise   bool
}

// Index answers look-ups in memory. It never changes; a change makes another one
// that shares what stayed the same.
type Index struct {
	generation uint64
	assets     uint64 // rises with every change of assets
	operators  table  // what is operators'
	networks   table  // what is network owners'
	orgs       []*OrgInfo
	countries  map[[2]byte]int64
	sectors    map[string][]int64
}

// table holds the assets of one level by kind.
type table struct {
	slab     *slab
	prefixes *bart.Table[ref]
	domains  names
	mails    names
	asns     numbers
}

func newIndex() *Index {
	s := newSlab()
	return &Index{operators: newTable(s), networks: newTable(s), countries: map[[2]byte]int64{}, sectors: map[string][]int64{}}
}

func newTable(s *slab) table {
	return table{slab: s, prefixes: new(bart.Table[ref]), domains: newNames(), mails: newNames(), asns: newNumbers()}
}

// Generation rises with every change.
func (x *Index) Generation() uint64 { return x.generation }

// Org returns what the index knows of an organisation.
func (x *Index) Org(id int64) (OrgInfo, bool) {
	if id <= 0 || id >= int64(len(x.orgs)) || x.orgs[id] == nil {
		return OrgInfo{}, false
	}
	return *x.orgs[id], true
}

// OrgsInSector lists the organisations of a sector by id. The caller must not
// change the list.
func (x *Index) OrgsInSector(code string) []int64 { return x.sectors[code] }

// EachOrg calls f for every organisation by id until f returns false.
func (x *Index) EachOrg(f func(OrgInfo) bool) {
	for _, o := range x.orgs {
		if o != nil && !f(*o) {
			return
		}
	}
}

// Match says whose the subject was on that day. It does not allocate, but for 48
// bytes when a name matches; at a million prefixes an address takes some 400 ns when
// nothing is in the processor's caches.
func (x *Index) Match(s *Subject, day Day) Match {
	if m := x.operators.match(s, day); m.Rule != NoRule {
		m.Level = Operator
		return m
	}
	if asset, org, ok := x.networks.byAddress(s.IP, day); ok {
		return Match{Network, int64(org), asset, RuleNetworkPrefix}
	}
	if asset, org, ok := x.networks.slab.on(x.networks.asns.get(s.ASN), day); ok {
		return Match{Network, int64(org), asset, RuleNetworkASN}
	}
	if org := x.countries[s.CC]; org != 0 {
		return Match{NationalCSIRT, org, 0, RuleCountry}
	}
	return Match{}
}

func (t *table) match(s *Subject, day Day) Match {
	if asset, org, ok := t.byAddress(s.IP, day); ok {
		return Match{Org: int64(org), Asset: asset, Rule: RuleCIDR}
	}
	if asset, org, ok := t.bySuffix(&t.domains, s.Domain, day); ok {
		return Match{Org: int64(org), Asset: asset, Rule: RuleDomain}
	}
	if asset, org, ok := t.bySuffix(&t.mails, s.MailDomain, day); ok {
		return Match{Org: int64(org), Asset: asset, Rule: RuleMailDomain}
	}
	if asset, org, ok := t.slab.on(t.asns.get(s.ASN), day); ok {
		return Match{Org: int64(org), Asset: asset, Rule: RuleASN}
	}
	return Match{}
}

// byAddress takes the longest prefix with an asset that is valid on the day.
func (t *table) byAddress(ip netip.Addr, day Day) (asset int64, org int32, ok bool) {
	if !ip.IsValid() {
		return 0, 0, false
	}
	ip = ip.Unmap().WithZone("")
	r, ok := t.prefixes.Lookup(ip)
	if !ok {
		return 0, 0, false
	}
	if asset, org, ok = t.slab.on(r, day); ok {
		return asset, org, true
	}
	for bits := ip.BitLen(); bits >= 0; {
		at, r, ok := t.prefixes.LookupPrefixLPM(netip.PrefixFrom(ip, bits))
		if !ok {
			return 0, 0, false
		}
		if asset, org, ok = t.slab.on(r, day); ok {
			return asset, org, true
		}
		bits = at.Bits() - 1
	}
	return 0, 0, false
}

// bySuffix takes the longest suffix with an asset that is valid on the day, not
// above the registrable domain.
func (t *table) bySuffix(n *names, name []byte, day Day) (asset int64, org int32, ok bool) {
	if len(name) == 0 || n.size == 0 {
		return 0, 0, false
	}
	for at := 0; at >= 0; at = nextLabel(name, at) {
		if asset, org, ok = t.slab.on(n.get(name[at:]), day); ok {
			return asset, org, len(name)-at >= registrable(name)
		}
	}
	return 0, 0, false
}

// nextLabel returns where the next shorter suffix begins, -1 when there is none.
func nextLabel(name []byte, at int) int {
	for i := at; i < len(name)-1; i++ {
		if name[i] == '.' {
			return i + 1
		}
	}
	return -1
}

// registrable returns the length of the registrable domain of a name: its public
// suffix and one label more. A name that is a public suffix has none; the answer
// is then longer than the name.
func registrable(name []byte) int {
	// The list only slices its argument, so a view of the bytes will do.
	suffix, _ := publicsuffix.PublicSuffix(unsafe.String(unsafe.SliceData(name), len(name))) //nolint:gosec // nothing keeps the view
	i := len(name) - len(suffix) - 1
	if i <= 0 {
		return len(name) + 1
	}
	for i--; i >= 0 && name[i] != '.'; i-- {
	}
	return len(name) - i - 1
}

// withAssets returns an index in which the assets of out are gone and those of in
// are there. Product and site assets route nothing and are passed over.
func (x *Index) withAssets(out, in []Asset) *Index {
	after := *x
	after.assets++
	e := newEditor(&after, len(out)+len(in))
	for i := range out {
		e.remove(&out[i])
	}
	for i := range in {
		e.add(&in[i])
	}
	return &after
}

// editor changes a fresh copy of an index before anybody sees it. Few changes copy
// the paths they touch; many copy everything once and then write in place.
type editor struct {
	x    *Index
	bulk bool
}

const bulkChanges = 20_000

func newEditor(x *Index, changes int) *editor {
	e := &editor{x: x, bulk: changes > bulkChanges}
	if e.bulk {
		x.operators, x.networks = x.operators.clone(), x.networks.clone()
	}
	return e
}

func (t table) clone() table {
	t.prefixes, t.domains, t.mails, t.asns = t.prefixes.Clone(), t.domains.clone(), t.mails.clone(), t.asns.clone()
	return t
}

// tableOf says in which table an asset belongs: its owner's kind decides.
func (e *editor) tableOf(org int64) *table {
	if o, ok := e.x.Org(org); ok && o.Kind == guard.KindNetwork {
		return &e.x.networks
	}
	return &e.x.operators
}

func (e *editor) add(a *Asset) {
	en := entry{asset: a.ID, term: term{int32(a.Org), a.From, a.To, rankOf(a)}}
	e.change(a, func(r ref) ref { return e.x.operators.slab.with(r, en) })
}

func (e *editor) remove(a *Asset) {
	e.change(a, func(r ref) ref { return e.x.operators.slab.without(r, a.ID) })
}

func (e *editor) change(a *Asset, f func(ref) ref) {
	t := e.tableOf(a.Org)
	switch a.Kind {
	case CIDR:
		p, err := netip.ParsePrefix(a.Value)
		if err != nil {
			return // the database holds canonical values only
		}
		modify := func(r ref, _ bool) (ref, bool) {
			r = f(r)
			return r, r == 0
		}
		if e.bulk {
			t.prefixes.Modify(p, modify)
		} else {
			t.prefixes = t.prefixes.ModifyPersist(p, modify)
		}
	case ASN:
		n, err := strconv.ParseUint(a.Value, 10, 32)
		if err != nil {
			return
		}
		t.asns.modify(uint32(n), f, e.bulk)
	case Domain:
		t.domains.modify(a.Value, f, e.bulk)
	case MailDomain:
		t.mails.modify(a.Value, f, e.bulk)
	}
}

// withOrgs returns an index that knows these organisations anew.
func (x *Index) withOrgs(infos []OrgInfo) *Index {
	after := *x
	after.orgs = slices.Clone(x.orgs)
	after.setOrgs(infos)
	return &after
}

// differs tells whether any of these organisations is not known as it is here.
func (x *Index) differs(infos []OrgInfo) bool {
	return slices.ContainsFunc(infos, func(o OrgInfo) bool {
		known, ok := x.Org(o.ID)
		return !ok || !reflect.DeepEqual(known, o)
	})
}

func (x *Index) setOrgs(infos []OrgInfo) {
	for _, o := range infos {
		if n := int(o.ID) + 1; n > len(x.orgs) {
			x.orgs = append(x.orgs, make([]*OrgInfo, n-len(x.orgs))...)
		}
		x.orgs[o.ID] = &o
	}
	x.countries, x.sectors = map[[2]byte]int64{}, map[string][]int64{}
	for _, o := range x.orgs {
		if o == nil || o.Ended {
			continue
		}
		for _, s := range o.Sectors {
			x.sectors[s] = append(x.sectors[s], o.ID)
		}
		if cc := [2]byte([]byte(o.Country + "  ")); answersForCountry(o) && x.countries[cc] == 0 {
			x.countries[cc] = o.ID
		}
	}
	maps.DeleteFunc(x.countries, func(cc [2]byte, _ int64) bool { return cc[0] == ' ' })
}

// answersForCountry: the own organisation, and peers and CSIRTs of other countries.
// The lowest id goes first, so the own country is the own organisation's.
func answersForCountry(o *OrgInfo) bool {
	return o.ID == guard.OwnOrg || o.Kind == guard.KindCSIRT || o.Kind == "peer"
}
