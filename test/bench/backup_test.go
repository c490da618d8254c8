package bench

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // rows are made behind the program's back
)

// BenchmarkBackup compares a backup with a raw copy (read, write, fsync) of the same
// database. ALMENARA_BENCH_MB is its size, 1024 when not set.
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
		var raw, sealed, vacuum time.Duration
		for range 3 { // alternating, so that both find the same disk
			raw += timed(b, func() error { return copySynced(name, filepath.Join(to, "raw")) })
			sealed += timed(b, func() error {
				out, err := exec.CommandContext(b.Context(), h.bin, "backup", "create", "--data", h.dir, "--to", to, "--recipient", recipient).CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			})
		}
		vacuum = timed(b, func() error {
			db, err := sql.Open("sqlite", "file:"+name)
			if err != nil {
				return err
			}
			defer db.Close()
			_, err = db.ExecContext(context.Background(), `vacuum into $1`, filepath.Join(to, "vacuum"))
			return err
		})
		size := float64(st.Size()) / 1e6
		b.ReportMetric(3*size/raw.Seconds(), "raw-MB/s")
		b.ReportMetric(3*size/sealed.Seconds(), "backup-MB/s")
		b.ReportMetric(size/vacuum.Seconds(), "vacuum-into-MB/s")
		b.ReportMetric(100*raw.Seconds()/sealed.Seconds(), "%-of-raw")
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

func copySynced(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Sync()
	}
	if e := out.Close(); err == nil {
		err = e
	}
	return err
}
