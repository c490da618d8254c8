package upgrade

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// shown is what a house shows of itself: it must be the same after an upgrade.
type shown struct {
	Findings []string // "192.0.2.1 open Aguas del Faro"
	Notices  int
	Rows     map[string]int64 // by delivery's file
	// Incidents with their clocks; no release before 0.3.0 had any.
	Incidents []string `json:",omitempty"`
}

func show(t *testing.T, h *house.House) (s shown) {
	t.Helper()
	a := h.App
	err := a.Watch().Each(t.Context(), a.Acts().Reader(), watch.Filter{}, guard.OwnOrg, func(f watch.Finding) error {
		org, err := a.Guard().Organisation(t.Context(), a.Acts().Reader(), max(f.Org, guard.OwnOrg))
		s.Findings = append(s.Findings, f.IP.String()+" "+f.State.String()+" "+org.Name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(s.Findings)
	ns, err := a.Warn().Notices(t.Context(), a.Acts().Reader(), warn.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	s.Notices = len(ns)
	ds, err := a.Watch().Deliveries(t.Context(), a.Acts().Reader(), watch.DeliveryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	s.Rows = map[string]int64{}
	for _, d := range ds {
		s.Rows[d.FileName] = d.Rows
	}
	s.Incidents, err = showIncidents(t.Context(), a.Incidents(), a.Acts().Reader())
	must(t, err)
	return s
}

// live is three days of a small nation.
func live(ctx context.Context, h *house.House) error {
	if err := h.Nation(ctx, tlp.Green, house.Faro, house.Ribera); err != nil {
		return err
	}
	for day, hosts := range map[string][]string{"2026-11-15": {"1", "2", "17", "99"}} {
		if err := h.Deliver(ctx, day, hosts...); err != nil {
			return err
		}
	}
	if err := h.Settle(ctx); err != nil {
		return err
	}
	if err := h.Deliver(ctx, "2026-11-16", "1", "17", "bad,tcp,23"); err != nil {
		return err
	}
	if err := h.Settle(ctx); err != nil {
		return err
	}
	if err := h.Deliver(ctx, "2026-11-17", "1", "2", "17", "18"); err != nil {
		return err
	}
	if err := response(ctx, h); err != nil {
		return err
	}
	return h.Settle(ctx)
}

// engines are the two databases, each empty.
func engines(t *testing.T) map[string]sqldb.Config {
	return map[string]sqldb.Config{"sqlite": {}, "postgres": sqldbtest.Postgres(t)}
}

func TestKeepThisRelease(t *testing.T) {
	version := os.Getenv("ALMENARA_KEEP_RELEASE")
	if version == "" {
		t.Log("ALMENARA_KEEP_RELEASE names no version: nothing is kept")
		return
	}
	for engine, c := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			dir := filepath.Join("testdata", version, engine)
			must(t, os.MkdirAll(dir, 0o750))
			h := house.Start(t, house.Options{Database: c, Fill: live})
			s := show(t, h)
			must(t, h.Stop())
			text, err := json.MarshalIndent(s, "", " ")
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "shown.json"), append(text, '\n'), 0o600))
			must(t, pack(h.Dir, filepath.Join(dir, "folder.tar.gz")))
			if c.DSN != "" {
				dump, err := exec.CommandContext(t.Context(), tool(t, "pg_dump"), "--no-owner", "--no-privileges", "--inserts", c.DSN).Output()
				must(t, err)
				must(t, writeGzip(filepath.Join(dir, "dump.sql.gz"), dump))
			}
		})
	}
}

func TestEveryReleaseIsUpgraded(t *testing.T) {
	kept, err := filepath.Glob(filepath.Join("testdata", "*", "*", "shown.json"))
	must(t, err)
	if len(kept) == 0 {
		t.Fatal("no release is kept in testdata")
	}
	for _, path := range kept {
		from := filepath.Dir(path)
		t.Run(strings.TrimPrefix(from, "testdata/"), func(t *testing.T) {
			var want shown
			text, err := os.ReadFile(path)
			must(t, err)
			must(t, json.Unmarshal(text, &want))
			dir := filepath.Join(t.TempDir(), "data")
			must(t, unpack(filepath.Join(from, "folder.tar.gz"), dir))
			var c sqldb.Config
			if _, err := os.Stat(filepath.Join(from, "dump.sql.gz")); err == nil {
				c = restore(t, filepath.Join(from, "dump.sql.gz"), dir)
			}
			if c.DSN != "" { // on PostgreSQL the operator migrates, after his own backup
				if code, out, problems := house.Run(t, "migrate", "--data", dir); code != 0 {
					t.Fatalf("migrate: exit %d: %s%s", code, out, problems)
				}
			}
			h := house.Start(t, house.Options{Dir: dir, Database: c})
			if d := cmp.Diff(want, show(t, h)); d != "" {
				t.Errorf("the upgraded installation shows something else (-kept +now):\n%s", d)
			}
			must(t, h.Stop())
			if code, out, problems := house.Run(t, "ledger", "verify", "--blobs", "--data", dir, "--json"); code != 0 {
				t.Errorf("ledger verify: exit %d: %s%s", code, out, problems)
			}
		})
	}
}

// restore makes a database of a dump and tells the folder of it.
func restore(t *testing.T, dump, dir string) sqldb.Config {
	t.Helper()
	c := sqldbtest.Postgres(t)
	text, err := readGzip(dump)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), tool(t, "psql"), "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", c.DSN)
	cmd.Stdin = bytes.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	must(t, os.WriteFile(filepath.Join(dir, "keys", "database-url"), []byte(c.DSN+"\n"), 0o600))
	return c
}

// tool finds a program of PostgreSQL.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s is not there: run make deps", name)
	}
	return found[len(found)-1]
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writeGzip(path string, b []byte) error {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}

func readGzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// pack keeps the regular files of a folder; sockets and locks are not data.
func pack(dir, path string) error {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || strings.HasSuffix(name, ".lock") {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: rel, Mode: 0o600, Size: int64(len(b)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return writeGzip(path, out.Bytes())
}

func unpack(path, dir string) error {
	b, err := readGzip(path)
	if err != nil {
		return err
	}
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(dir, filepath.Clean("/"+h.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			return err
		}
	}
}
