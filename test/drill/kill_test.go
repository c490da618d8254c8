package drill

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

// A restore is killed at several moments. What it leaves is refused by everything but
// another restore, which begins again in the same folder and the same database.
func TestAKilledRestoreIsRefusedAndBeginsAgain(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		p, backups, identity := nation(t, c)
		p.calm(1)
		want := p.lists()
		p.stop() // so that nothing is signed after the backup
		p.ask("backup", "create", "--to", backups)
		q := &place{t: t, bin: p.bin, dir: filepath.Join(t.TempDir(), "restored")}
		args := []string{"restore", "--from", backups, "--identity", identity, "--data", q.dir, "--high", filepath.Join(p.dir, "ledger", "high")}
		if c.DSN != "" {
			args = append(args, "--database", sqldbtest.Postgres(t).DSN)
		}
		half := filepath.Join(q.dir, "restore.unfinished")
		// Killed before its mark had its name, it leaves this.
		if err := errors.Join(os.MkdirAll(filepath.Join(q.dir, "run"), 0o700), os.WriteFile(filepath.Join(q.dir, ".tmp-00112233445566778899aabb"), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		halves, late := 0, 10*time.Millisecond
		for i := 0; ; i++ {
			if i == 25 {
				out, errs, err := p.try(args...)
				t.Fatalf("it never came to an end: %v\n%s%s", err, out, errs)
			}
			cmd := exec.Command(p.bin, args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-time.After(late)     // a random moment of it
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
			late += late / 2
			if _, err := os.Stat(half); err == nil {
				halves++
				q.refused("restore broke off", "serve", "--data", q.dir, "--listen", "none")
				q.refused("restore broke off", "backup", "create", "--data", q.dir, "--to", backups)
				continue
			}
			if _, err := os.Stat(filepath.Join(q.dir, "almenara.toml")); err == nil {
				break // it was faster than the kill
			}
		}
		if halves < 2 {
			t.Errorf("only %d restores were killed halfway", halves)
		}
		if r := q.verified(); !r.Held {
			t.Error("what was restored at last is not held")
		}
		q.start()
		if got := q.lists(); got != want {
			t.Errorf("the lists are others:\n%s\nwant\n%s", cut(got), cut(want))
		}
	})
}

// A restore that fails leaves folder and database as they were.
func TestAFailedRestoreLeavesATargetThatCanBeRestoredInto(t *testing.T) {
	c := sqldbtest.Postgres(t)
	p, backups, identity := nation(t, c)
	p.calm(1)
	name := strings.Fields(p.ask("backup", "create", "--to", backups))[0]
	file := filepath.Join(backups, name)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir, dsn := filepath.Join(t.TempDir(), "restored"), sqldbtest.Postgres(t).DSN
	args := []string{"restore", "--from", backups, "--identity", identity, "--data", dir, "--database", dsn}
	for _, share := range []int{2, 10, 50, 90, 99} {
		if err := os.WriteFile(file, good[:len(good)*share/100], 0o600); err != nil {
			t.Fatal(err)
		}
		p.refused("damaged or cut off", args...)
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("cut at %d %%: the folder is there", share)
		}
		db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		var n int
		err = db.Reader().QueryRowContext(t.Context(), `select (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema())
			+ (select count(*) from pg_type c join pg_namespace n on n.oid = c.typnamespace where n.nspname = current_schema())
			+ (select count(*) from pg_proc c join pg_namespace n on n.oid = c.pronamespace where n.nspname = current_schema())`).Scan(&n)
		if err != nil || n != 0 {
			t.Errorf("cut at %d %%: %d things are left in the database, %v", share, n, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(args...)
	q := &place{t: t, bin: p.bin, dir: dir}
	q.verified()
	p.refused("is not empty", append(args[:len(args)-3:len(args)-3], fmt.Sprint(dir, "2"), "--database", dsn)...)
}
