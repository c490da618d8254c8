package constituency

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"

	"almenara.example/internal/foundation/sqldb"
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

// BenchmarkImportAndLoad imports a file of a million prefixes into SQLite, the first
// time new and then unchanged, and loads them.
func BenchmarkImportAndLoad(b *testing.B) {
	var file bytes.Buffer
	file.WriteString("organisation,kind,asset_kind,asset\n")
	x, _ := million()
	n := 0
	for p := range x.operators.prefixes.All() {
		fmt.Fprintf(&file, "Company %d,operator,cidr,%s\n", n%1000, p)
		n++
	}
	db, err := sqldb.Open(b.Context(), sqldb.Config{Path: filepath.Join(b.TempDir(), "almenara.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := sqldb.Migrate(b.Context(), db, lines()); err != nil {
		b.Fatal(err)
	}
	r := newRoom(b, db)
	for _, name := range []string{"import new", "import unchanged"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if res, err := r.Import(b.Context(), r.by, OrganisationsFile, bytes.NewReader(file.Bytes()), true); err != nil || !res.Applied {
					b.Fatalf("got %+v, %v", res, err)
				}
			}
		})
	}
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if err := r.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
