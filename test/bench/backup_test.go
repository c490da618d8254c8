package bench

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // rows are made behind the program's back
)

// rounds is how often a backup and a copy are timed in turn.
const rounds = 7

// BenchmarkBackup compares a backup with a raw copy (read, write, sync) of the same
// database: the two take turns, so that both find the same disk, and the median of
// the rounds counts. ALMENARA_BENCH_MB is its size, 1024 when not set.
func BenchmarkBackup(b *testing.B) {
	h := newHouse(b, "")
	h.stop()
	mb, err := strconv.Atoi(os.Getenv("ALMENARA_BENCH_MB"))
	if err != nil {
		mb = 1024
	}
	name := filepath.Join(h.dir, "almenara.db")
	fill(b, name, mb)
	to := b.TempDir()
	recipient := strings.TrimSpace(h.run("backup", "key", "--out", filepath.Join(to, "identity")))
	for b.Loop() {
		st, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		var raw, sealed, share, work []float64
		for range rounds {
			r := timed(b, func() error { return copySynced(name, filepath.Join(to, "raw")) }).Seconds()
			empty(b, to)
			c := exec.CommandContext(b.Context(), h.bin, "backup", "create", "--data", h.dir, "--to", to, "--recipient", recipient)
			s := timed(b, func() error {
				out, err := c.CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			}).Seconds()
			empty(b, to)
			raw, sealed, share = append(raw, r), append(sealed, s), append(share, 100*r/s)
			work = append(work, (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds())
		}
		size := float64(st.Size()) / 1e6
		b.ReportMetric(size/median(raw), "raw-MB/s")
		b.ReportMetric(size/median(sealed), "backup-MB/s")
		b.ReportMetric(1000*median(work)/size, "backup-cpu-s/GB")
		b.ReportMetric(median(share), "%-of-raw")
		b.Logf("%% of raw, per round: %.0f", share)
	}
}

func median(of []float64) float64 {
	of = slices.Clone(of)
	slices.Sort(of)
	return of[len(of)/2]
}

// empty removes what a round made, outside of the time that is taken.
func empty(b *testing.B, dir string) {
	b.Helper()
	made, err := filepath.Glob(filepath.Join(dir, "almenara-*.tar.age"))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range append(made, filepath.Join(dir, "raw")) {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			b.Fatal(err)
		}
	}
}

func timed(b *testing.B, f func() error) time.Duration {
	b.Helper()
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// fill adds a table of bytes that do not compress.
func fill(b *testing.B, name string, mb int) {
	b.Helper()
	db, err := sql.Open("sqlite", "file:"+name+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, q := range []string{`create table bench_bytes (id bigint primary key, raw bytea)`, `begin`} {
		if _, err := db.ExecContext(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
	for i := range mb {
		if _, err := db.ExecContext(b.Context(), `insert into bench_bytes values ($1, randomblob(1000000))`, i); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := db.ExecContext(b.Context(), `commit`); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// copySynced copies as a plain program does: read, write, sync.
func copySynced(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 1<<20))
	if err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
