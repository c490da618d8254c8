package constituency

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/internal/guard"
)

// naive is the rule of the look-up in its plainest form, over a list.
type naive struct {
	orgs   []OrgInfo
	assets []Asset
}

func (n naive) match(s *Subject, day Day) Match {
	for _, level := range []struct {
		network                    bool
		cidr, domain, mail, number Rule
	}{{false, RuleCIDR, RuleDomain, RuleMailDomain, RuleASN}, {true, RuleNetworkPrefix, 0, 0, RuleNetworkASN}} {
		l := Operator
		if level.network {
			l = Network
		}
		for _, r := range []struct {
			rule Rule
			kind AssetKind
		}{{level.cidr, CIDR}, {level.domain, Domain}, {level.mail, MailDomain}, {level.number, ASN}} {
			if r.rule == NoRule {
				continue
			}
			if a, ok := n.best(s, day, r.kind, level.network); ok {
				return Match{l, a.Org, a.ID, r.rule}
			}
		}
	}
	for _, o := range n.orgs {
		if o.Country == string(s.CC[:]) && (o.ID == guard.OwnOrg || o.Kind == "peer") {
			return Match{NationalCSIRT, o.ID, 0, RuleCountry}
		}
	}
	return Match{}
}

func (n naive) best(s *Subject, day Day, kind AssetKind, network bool) (best Asset, ok bool) {
	most := -1
	for _, a := range n.assets {
		isNetwork := n.orgs[a.Org-1].Kind == guard.KindNetwork
		if a.Kind != kind || isNetwork != network || a.Waiting || !a.ValidOn(day) {
			continue
		}
		length := n.covers(s, a)
		if length < 0 || length < most {
			continue
		}
		if length > most || better(a, best) {
			best, ok, most = a, true, length
		}
	}
	return best, ok
}

func better(a, b Asset) bool {
	if a.Source != b.Source {
		return a.Source < b.Source
	}
	if a.From != b.From {
		return a.From > b.From
	}
	return a.ID < b.ID
}

func (n naive) covers(s *Subject, a Asset) int {
	switch a.Kind {
	case CIDR:
		if p := netip.MustParsePrefix(a.Value); s.IP.IsValid() && p.Contains(s.IP.Unmap()) {
			return p.Bits()
		}
	case ASN:
		if strconv.Itoa(int(s.ASN)) == a.Value {
			return 0
		}
	case Domain:
		return suffixLength(string(s.Domain), a.Value)
	case MailDomain:
		return suffixLength(string(s.MailDomain), a.Value)
	}
	return -1
}

func suffixLength(name, suffix string) int {
	if name == suffix || strings.HasSuffix(name, "."+suffix) {
		// amazonaws.com is registrable, but s3.amazonaws.com is a public suffix.
		if strings.HasSuffix(name, ".s3.amazonaws.com") && len(suffix) < len("x.s3.amazonaws.com") {
			return -1
		}
		return len(suffix)
	}
	return -1
}

func drawAddr(t *rapid.T, label string) netip.Addr {
	b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 128, 192, 255}), 4, 4).Draw(t, label)
	if rapid.Bool().Draw(t, label+" is IPv6") {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, b[0], b[1], b[2], b[3]})
	}
	return netip.AddrFrom4([4]byte(b))
}

func drawAsset(t *rapid.T, id int64, orgs int) Asset {
	a := Asset{
		ID: id, Org: rapid.Int64Range(1, int64(orgs)).Draw(t, "org"),
		From: Day(rapid.IntRange(0, 8).Draw(t, "from")), Source: Source(rapid.IntRange(1, 3).Draw(t, "source")),
	}
	a.To = a.From + Day(rapid.IntRange(0, 6).Draw(t, "for"))
	if rapid.Bool().Draw(t, "open") {
		a.To = Forever
	}
	a.Waiting = a.Source == Claimed && rapid.Bool().Draw(t, "waiting")
	switch a.Kind = AssetKind(rapid.IntRange(1, 6).Draw(t, "kind")); a.Kind {
	case CIDR:
		ip := drawAddr(t, "network")
		a.Value = netip.PrefixFrom(ip, rapid.IntRange(0, ip.BitLen()).Draw(t, "bits")).Masked().String()
	case ASN:
		a.Value = strconv.Itoa(rapid.IntRange(64496, 64499).Draw(t, "asn"))
	case Domain, MailDomain:
		a.Value = rapid.SampledFrom([]string{"water.example", "scada.water.example", "amazonaws.com", "a.s3.amazonaws.com"}).Draw(t, "name")
	}
	return a
}

func drawSubject(t *rapid.T) *Subject {
	s := &Subject{ASN: rapid.SampledFrom([]uint32{0, 64496, 64497, 64498}).Draw(t, "asn")}
	if rapid.Bool().Draw(t, "has address") {
		s.IP = drawAddr(t, "address")
	}
	names := rapid.SampledFrom([]string{"", "example", "water.example", "a.scada.water.example", "xwater.example", "a.s3.amazonaws.com", "b.a.s3.amazonaws.com", "amazonaws.com"})
	s.Domain, s.MailDomain = []byte(names.Draw(t, "domain")), []byte(names.Draw(t, "mail domain"))
	copy(s.CC[:], rapid.SampledFrom([]string{"\x00\x00", "XA", "XB", "XC"}).Draw(t, "country"))
	return s
}

func TestTheIndexAgreesWithThePlainRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		orgs := []OrgInfo{
			{ID: 1, Kind: guard.KindCSIRT, Country: "XA"},
			{ID: 2, Kind: guard.KindOperator, Country: "XA"},
			{ID: 3, Kind: guard.KindNetwork, Country: "XA"},
			{ID: 4, Kind: "peer", Country: "XB"},
			{ID: 5, Kind: guard.KindNetwork, Country: "XB"},
			{ID: 6, Kind: guard.KindOperator, Country: "XB"},
		}
		n := naive{orgs: orgs}
		x := newIndex().withOrgs(orgs)
		var gone []Asset
		for i := range rapid.IntRange(0, 40).Draw(t, "assets") {
			a := drawAsset(t, int64(i+1), len(orgs))
			if rapid.IntRange(0, 3).Draw(t, "goes again") == 0 {
				gone = append(gone, a)
			} else {
				n.assets = append(n.assets, a)
			}
			if i%2 == 0 {
				x = x.withAssets(nil, []Asset{a})
			} else { // in place, as at loading
				c := *x
				e := newEditor(&c, bulkChanges+1)
				e.add(&a)
				x = &c
			}
		}
		full := x
		x = x.withAssets(gone, nil)
		for range 20 {
			s, day := drawSubject(t), Day(rapid.IntRange(0, 15).Draw(t, "day"))
			got, want := x.Match(s, day), n.match(s, day)
			if got != want {
				t.Fatalf("Match(%+v, %d) = %+v, want %+v of %+v", s, day, got, want, n.assets)
			}
			if ex := x.Explain(s, day); ex.Match != want {
				t.Fatalf("Explain(%+v, %d) = %+v, want %+v", s, day, ex, want)
			}
			both := naive{orgs: orgs, assets: append(append([]Asset{}, n.assets...), gone...)}
			if got, want := full.Match(s, day), both.match(s, day); got != want {
				t.Fatalf("an index changed after it was made: got %+v, want %+v", got, want)
			}
		}
	})
}

func TestAnExplanationSaysWhyALongerPrefixWasPassedOver(t *testing.T) {
	x := newIndex().withOrgs([]OrgInfo{{ID: 1}, {ID: 2}, {ID: 3}}).withAssets(nil, []Asset{
		{ID: 1, Org: 2, Kind: CIDR, Value: "192.0.2.0/24", From: 10, To: Forever, Source: Imported},
		{ID: 2, Org: 3, Kind: CIDR, Value: "192.0.2.0/24", From: 10, To: Forever, Source: Manual},
		{ID: 3, Org: 2, Kind: CIDR, Value: "192.0.2.128/25", From: 10, To: 20, Source: Manual},
		{ID: 4, Org: 2, Kind: CIDR, Value: "192.0.2.192/26", From: 90, To: Forever, Source: Manual},
		{ID: 5, Org: 2, Kind: CIDR, Value: "192.0.2.192/26", From: 0, To: Forever, Source: Claimed, Waiting: true},
	})
	ex := x.Explain(&Subject{IP: netip.MustParseAddr("192.0.2.200")}, 50)
	if want := (Match{Operator, 3, 2, RuleCIDR}); ex.Match != want {
		t.Errorf("got %+v, want %+v", ex.Match, want)
	}
	var got []string
	for _, c := range ex.Tried {
		got = append(got, strconv.Itoa(int(c.Bits))+" "+strconv.Itoa(int(c.Asset))+" "+c.Verdict.String())
	}
	want := []string{"26 4 not-yet", "26 5 waits", "25 3 no-longer", "24 2 taken", "24 1 lesser-source"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("candidates (-want +got):\n%s", d)
	}
}

func TestAnyBytesMayBeLookedUpAsAName(t *testing.T) {
	x := newIndex().withOrgs([]OrgInfo{{ID: 1}}).withAssets(nil, []Asset{{ID: 1, Org: 1, Kind: Domain, Value: "water.example", To: Forever, Source: Manual}})
	rapid.Check(t, func(t *rapid.T) {
		s := &Subject{Domain: append(rapid.SliceOfN(rapid.SampledFrom([]byte("..a-\xff\x00")), 0, 9).Draw(t, "name"), rapid.SampledFrom([]string{"", "water.example", ".water.example", "."}).Draw(t, "end")...)}
		if m, ex := x.Match(s, 1), x.Explain(s, 1); m != ex.Match {
			t.Fatalf("%q: Match says %+v, Explain %+v", s.Domain, m, ex.Match)
		}
	})
}

func TestReadersSeeOneIndexWhileItIsReplaced(t *testing.T) {
	c := &Constituency{}
	c.index.Store(newIndex().withOrgs([]OrgInfo{{ID: 1}, {ID: 2}}))
	a := Asset{ID: 1, Org: 1, Kind: CIDR, Value: "192.0.2.0/24", To: Forever, Source: Manual}
	b := Asset{ID: 2, Org: 2, Kind: CIDR, Value: "192.0.2.0/24", To: Forever, Source: Manual}
	c.swap(func(x *Index) *Index { return x.withAssets(nil, []Asset{a}) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5000 { // whose it is alternates; in between it is never nobody's
			c.swap(func(x *Index) *Index { return x.withAssets([]Asset{a}, []Asset{b}) })
			a, b = b, a
		}
	}()
	s := &Subject{IP: netip.MustParseAddr("192.0.2.1")}
	var last uint64
	for {
		x := c.Index()
		if m := x.Match(s, 1); m.Rule != RuleCIDR || x.Generation() < last {
			t.Fatalf("got %+v at generation %d after %d", m, x.Generation(), last)
		}
		last = x.Generation()
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestADayBeginsInUTCAndBothEndsCount(t *testing.T) {
	d, err := ParseDay("2026-11-21")
	if err != nil || d.String() != "2026-11-21" || DayOf(d.Time()) != d || DayOf(d.Time().Add(-1)) != d-1 {
		t.Errorf("got %v, %v", d, err)
	}
	if a := (Asset{From: 3, To: 5}); a.ValidOn(2) || !a.ValidOn(3) || !a.ValidOn(5) || a.ValidOn(6) {
		t.Errorf("both ends of a validity must count")
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	x := newIndex().withOrgs([]OrgInfo{{ID: 1, Country: "XA"}, {ID: 2}}).withAssets(nil, []Asset{
		{ID: 1, Org: 2, Kind: CIDR, Value: "192.0.2.0/24", To: Forever, Source: Manual},
		{ID: 2, Org: 2, Kind: CIDR, Value: "192.0.2.128/25", To: 3, Source: Manual},
		{ID: 3, Org: 2, Kind: Domain, Value: "water.example", To: Forever, Source: Manual},
	})
	for _, tc := range []struct {
		s    Subject
		want float64
	}{
		{Subject{IP: netip.MustParseAddr("192.0.2.1")}, 0},
		{Subject{IP: netip.MustParseAddr("192.0.2.200")}, 0},
		{Subject{Domain: []byte("a.very.long.name.with.many.labels.below.no.known.example")}, 0},
		{Subject{IP: netip.MustParseAddr("2001:db8::1"), ASN: 64496, CC: [2]byte{'X', 'A'}}, 0},
		// The list of public suffixes looks whether the name is an address first,
		// and makes an error when it is not.
		{Subject{Domain: []byte("a.very.long.name.with.many.labels.below.the.water.example")}, 1},
	} {
		if n := testing.AllocsPerRun(100, func() { x.Match(&tc.s, 50) }); n != tc.want {
			t.Errorf("Match(%+v) allocates %v times, want %v", tc.s, n, tc.want)
		}
	}
}
