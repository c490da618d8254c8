package constituency

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"almenara.example/internal/guard"
)

// million is a table of a million prefixes as a country's registry has them: lengths
// drawn like those of a routing table (mostly /24 and /48), addresses evenly.
func million() (*Index, []netip.Addr) {
	r := rand.New(rand.NewPCG(1, 2))
	x := newIndex()
	infos := make([]OrgInfo, 1000)
	for i := range infos {
		infos[i] = OrgInfo{ID: int64(i + 1), Kind: guard.KindOperator, Country: "XA"}
	}
	x.setOrgs(infos)
	e := &editor{x: x, bulk: true}
	hits := make([]netip.Addr, 0, 1<<20)
	for x.operators.prefixes.Size() < 1_000_000 {
		var b [16]byte
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
		p, a := netip.PrefixFrom(netip.AddrFrom4([4]byte(b[:4])), min(24, 14+r.IntN(16))), netip.AddrFrom4([4]byte(b[:4]))
		if r.IntN(4) == 0 {
			b[0], b[1] = 0x20, 0x01
			a = netip.AddrFrom16(b)
			p = netip.PrefixFrom(a, min(48, 32+r.IntN(24)))
		}
		e.add(&Asset{ID: int64(len(hits) + 1), Org: 1 + r.Int64N(1000), Kind: CIDR, Value: p.Masked().String(), To: Forever, Source: Imported})
		hits = append(hits, a)
	}
	r.Shuffle(len(hits), func(i, j int) { hits[i], hits[j] = hits[j], hits[i] })
	return x, hits
}

// BenchmarkMatch: "random" asks for addresses drawn evenly from all prefixes, which
// misses the processor's caches; "hot" asks for 64 of them again and again;
// "explained" is Explain on the random ones.
func BenchmarkMatch(b *testing.B) {
	x, hits := million()
	subjects := make([]Subject, len(hits))
	for i := range hits {
		subjects[i].IP = hits[i]
	}
	run := func(name string, n int, f func(*Subject)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f(&subjects[i%n])
			}
		})
	}
	run("random", len(subjects), func(s *Subject) { x.Match(s, 100) })
	run("hot", 64, func(s *Subject) { x.Match(s, 100) })
	run("explained", len(subjects), func(s *Subject) { x.Explain(s, 100) })
	b.Run("one change", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			x.withAssets(nil, []Asset{{ID: 1 << 40, Org: 1, Kind: CIDR, Value: "192.0.2.128/25", To: Forever, Source: Manual}})
		}
	})
}
