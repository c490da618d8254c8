package act_test

import (
	"context"
	"testing"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

// BenchmarkActs does acts with one fact each, from one caller and from many at
// once, on both engines. The floor is 300 a second on PostgreSQL. The test's own
// PostgreSQL server runs without fsync; name a real one in ALMENARA_TEST_POSTGRES
// for figures that count.
func BenchmarkActs(b *testing.B) {
	engines := map[string]func() sqldb.Config{
		"sqlite":   func() sqldb.Config { return sqldbtest.SQLite(b) },
		"postgres": func() sqldb.Config { return sqldbtest.PostgresFrom(b, lines()) },
	}
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			f := newFrame(b, sqldbtest.Open(b, engines[name](), lines()))
			do := func(b testing.TB) {
				err := f.Do(b.Context(), call("room.do"), func(_ context.Context, tx *act.Tx) error {
					tx.Fact(told{Kind: "a.Told"})
					return nil
				})
				if err != nil {
					b.Error(err)
				}
			}
			b.Run("alone", func(b *testing.B) {
				for b.Loop() {
					do(b)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acts/s")
			})
			b.Run("together", func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						do(b)
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acts/s")
			})
		})
	}
}
