package ledger

import (
	"context"
	"crypto/rand"
	"testing"

	"almenara.example/internal/foundation/sqldb"
)

// benchPlace is a signed log of n entries on SQLite.
func benchPlace(b *testing.B, n int) *place {
	b.Helper()
	ctx := context.Background()
	db, err := sqldb.Open(ctx, sqldb.Config{Path: b.TempDir() + "/almenara.db"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := sqldb.Migrate(ctx, db, lines()); err != nil {
		b.Fatal(err)
	}
	p := newPlace(b, db)
	for left := n; left > 0; left -= 50_000 {
		p.write(b, min(left, 50_000))
	}
	return p
}

// BenchmarkVerifyMillion is one Verify of a million entries per operation.
func BenchmarkVerifyMillion(b *testing.B) {
	p := benchPlace(b, 1_000_000)
	sign(b, p.open(b))
	for b.Loop() {
		if r := mustVerify(b, p); r.Size != 1_000_000 {
			b.Fatalf("got size %d", r.Size)
		}
	}
}

// BenchmarkSignBacklog signs 100,000 entries per operation, from nothing.
func BenchmarkSignBacklog(b *testing.B) {
	p := benchPlace(b, 100_000)
	for b.Loop() {
		b.StopTimer()
		fresh := newPlace(b, p.cfg.DB)
		fresh.next = p.next
		tx, err := p.cfg.DB.BeginWrite(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.ExecContext(context.Background(), `delete from ledger_head`); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		sign(b, fresh.open(b))
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkSignOneAct is one act and its checkpoint per operation.
func BenchmarkSignOneAct(b *testing.B) {
	p := benchPlace(b, 1000)
	l := p.open(b)
	sign(b, l)
	for b.Loop() {
		p.write(b, 1)
		sign(b, l)
	}
}

// BenchmarkEncode makes one body and its commitment per operation.
func BenchmarkEncode(b *testing.B) {
	var salt [32]byte
	if _, err := rand.Read(salt[:]); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		body, err := encode(entry(5))
		if err != nil {
			b.Fatal(err)
		}
		Commit(salt, body)
	}
}
