package bad

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// edit changes the database behind the program's back.
func edit(t *testing.T, dir, dsn, statement string) {
	t.Helper()
	driver, source := "sqlite", filepath.Join(dir, "almenara.db")
	if dsn != "" {
		driver, source = "pgx", dsn
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	res, err := db.ExecContext(t.Context(), statement)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 && !strings.HasPrefix(statement, "create") {
		t.Fatalf("%s changed nothing (%v)", statement, err)
	}
}

func TestAHalfMigratedDatabaseIsNotServed(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		for what, statement := range map[string]string{
			"the last migration of warn broke off":         `delete from migration_warn where version_id > 0`,
			"a newer program was here":                     `insert into migration_warn (id, version_id, is_applied) values (99, 99, %s)`,
			"somebody took the record of a migration away": `delete from migration_ledger where version_id > 0`,
		} {
			t.Run(what, func(t *testing.T) {
				truth, dsn := "1", c.DSN
				if dsn != "" {
					truth, dsn = "true", sqldbtest.Postgres(t).DSN
				}
				dir := house.Found(t, house.Options{Database: sqldb.Config{DSN: dsn}, System: true})
				if strings.Contains(statement, "%s") {
					statement = fmt.Sprintf(statement, truth)
				}
				edit(t, dir, dsn, statement)
				code, _, problems := house.Run(t, "serve", "--data", dir, "--listen", "none")
				if code != 1 || !strings.HasPrefix(lastError(problems), "error: ") {
					t.Errorf("exit %d, want 1 with an error: %s", code, problems)
				}
				if !strings.Contains(problems, "\nhint: ") {
					t.Errorf("it does not say what to do: %s", problems)
				}
			})
		}
	})
}

// lastError is the two lines that a refusal ends with.
func lastError(s string) string {
	if i := strings.LastIndex(s, "error: "); i >= 0 {
		return s[i:]
	}
	return s
}

func TestVerifyNamesWhatWasEditedBesideARunningServer(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := full(t, c)
		verify := func() (code int, problems string) {
			code, _, problems = house.Run(t, "ledger", "verify", "--data", h.Dir, "--blobs", "--json")
			return code, problems
		}
		if code, problems := verify(); code != 0 {
			t.Fatalf("before: exit %d: %s", code, problems)
		}
		blob, at := flip(t, filepath.Join(h.Dir, "blobs"))
		if code, problems := verify(); code != 1 || !strings.Contains(problems, "error: blob sha256:") || !strings.Contains(problems, "hint: ") {
			t.Errorf("a blob with a flipped byte: exit %d: %s", code, problems)
		}
		at.undo(t, blob)
		edit(t, h.Dir, c.DSN, `update ledger_entry set verb = 'watch.nothing' where ord = 3`)
		if code, problems := verify(); code != 1 || !strings.Contains(problems, "error: entry 3") {
			t.Errorf("an edited row: exit %d: %s", code, problems)
		}
		edit(t, h.Dir, c.DSN, `delete from ledger_entry where ord = 2`)
		if code, problems := verify(); code != 1 || !strings.Contains(problems, "entry 2") {
			t.Errorf("a row taken out: exit %d: %s", code, problems)
		}
	})
}

// flipped remembers a byte.
type flipped struct {
	at  int
	old byte
}

// flip changes a byte in the middle of the largest blob.
func flip(t *testing.T, dir string) (name string, f flipped) {
	t.Helper()
	var size int64
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(p, "keys") || strings.Contains(p, "lock") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > size {
			name, size = p, info.Size()
		}
		return err
	})
	if err != nil || name == "" {
		t.Fatalf("no blob to flip (%v)", err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f = flipped{len(b) / 2, b[len(b)/2]}
	b[f.at] ^= 1
	write(t, name, b)
	return name, f
}

func (f flipped) undo(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[f.at] = f.old
	write(t, name, b)
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, b, 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestAClockSetBackLosesNothing(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := still(t, c)
		cookie := h.SignIn(chief(h).ID)
		token := h.Token(guard.OwnOrg, guard.RoleDutyLead)
		add := func(name string) {
			t.Helper()
			if a := h.Ask("POST", "/api/v1/watch/sources", strings.NewReader(`{"name":"`+name+`","mode":"live","marking":"TLP:GREEN"}`), house.With(token), house.JSON); a.Status != 201 && a.Status != 200 {
				t.Errorf("add %s: %d %s", name, a.Status, a.Body)
			}
		}
		add("before")
		h.Clock.Set(house.Morning().AddDate(0, 0, -3))
		for i := range 5 {
			add(fmt.Sprintf("after-%d", i))
		}
		if a := h.Ask("GET", "/watch/findings", nil, house.As(cookie)); a.Status != 200 {
			t.Errorf("a session from before: %d", a.Status)
		}
		if a := h.Ask("GET", "/", nil, house.As(h.SignIn(chief(h).ID))); a.Status != 200 {
			t.Errorf("a new session: %d", a.Status)
		}
		if err := h.Deliver(t.Context(), "2026-11-18", "1", "2", "17"); err != nil {
			t.Fatal(err)
		}
		await(t, "the delivery is taken in and told", func() bool {
			a := h.Ask("GET", "/api/v1/watch/deliveries", nil, house.With(h.Token(guard.OwnOrg, guard.RoleReader)))
			return strings.Count(a.Body, `"state":"folded"`) == 2 && len(h.Mail.Received()) >= 3
		})
		await(t, "everything is signed", func() bool {
			conf, err := app.LoadConfig(h.Dir, func(string) string { return "" })
			if err != nil {
				t.Fatal(err)
			}
			rep, err := app.VerifyLedger(t.Context(), conf, true, nil)
			if err != nil || !rep.OK {
				t.Fatalf("the record: %+v %v", rep, err)
			}
			return rep.Size == rep.Entries
		})
		// The first act after the step is the last one now; the step itself is told
		// while the last act lies ahead.
		h.Clock.Set(house.Morning().AddDate(0, 0, -6))
		if a := h.Ask("GET", "/readyz", nil); a.Status != 200 || !strings.Contains(a.Body, `"clock":false`) {
			t.Errorf("health does not tell of the clock: %d %s", a.Status, a.Body)
		}
		h.Clock.Set(house.Morning())
		if a := h.Ask("GET", "/readyz", nil); !strings.Contains(a.Body, `"clock":true`) {
			t.Errorf("health blames a clock that runs: %s", a.Body)
		}
	})
}

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}

// disk is a small file system of its own in a folder.
func disk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("a small disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// mayMount names the environment of a test that was started again as the root of a
// name space of its own.
const mayMount = "ALMENARA_MAY_MOUNT"

// asRoot tells whether the test may mount; where it may not, it runs the test again
// in a name space in which it may, and the caller has nothing more to do.
func asRoot(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() == 0 || os.Getenv(mayMount) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mayMount+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a name space of its own (it needs kernel.unprivileged_userns_clone, or run as root): %v\n%s", err, out)
	}
	return false
}

func TestAFullDiskRefusesAndForgetsNothing(t *testing.T) {
	if !asRoot(t) {
		return
	}
	dir := filepath.Join(disk(t, "24m"), "data")
	founded := house.Found(t, house.Options{System: true})
	if out, err := exec.Command("cp", "-a", founded, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	h := house.Start(t, house.Options{Dir: dir, System: true, Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, tlp.Green, house.Faro, house.Ribera); err != nil {
			return err
		}
		return h.Settle(ctx)
	}})
	token := h.Token(guard.OwnOrg, guard.RoleDutyLead, "watch")
	add := func(i int) house.Answer {
		return h.Ask("POST", "/api/v1/watch/sources", strings.NewReader(fmt.Sprintf(`{"name":"s-%d","mode":"live"}`, i)), house.With(token), house.JSON)
	}
	if a := add(0); a.Status >= 300 {
		t.Fatalf("with room: %d %s", a.Status, a.Body)
	}
	cookie := h.SignIn(chief(h).ID)
	ballast := filepath.Join(filepath.Dir(dir), "ballast")
	stuff(t, ballast)
	done := 1
	var refused house.Answer
	for ; done < 2000; done++ {
		if refused = add(done); refused.Status >= 300 {
			break
		}
	}
	p := refusal(t, "an act on a full disk", refused, 503)
	if p.Key != "act.disk_full" || !strings.Contains(p.Detail, "disk") {
		t.Errorf("a full disk is told as %q %q", p.Key, p.Detail)
	}
	code, _, problems := house.Run(t, "watch", "source", "add", "by-hand", "--mode", "live", "--data", dir)
	if code == 0 || !strings.Contains(problems, "disk") {
		t.Errorf("on the command line: exit %d: %s", code, problems)
	}
	report := "timestamp,ip,protocol,port\n" + strings.Repeat("2026-11-18 03:00:00,192.0.2.3,tcp,23\n", 1000)
	a := h.Ask("POST", "/api/v1/watch/deliveries?source=scans&file=2026-11-18-scan_telnet.csv", strings.NewReader(report), house.With(token), house.Header("Content-Type", "application/octet-stream"))
	if p := refusal(t, "a delivery on a full disk", a, 503); !strings.HasSuffix(p.Key, "disk_full") {
		t.Errorf("a delivery is told %q", p.Key)
	}
	if a := h.Ask("GET", "/readyz", nil); a.Status != 503 || !strings.Contains(a.Body, `"disk":false`) {
		t.Errorf("readiness on a full disk: %d %s", a.Status, a.Body)
	}
	if a := h.Ask("GET", "/watch/sources", nil, house.As(cookie)); a.Status != 200 {
		t.Errorf("reading on a full disk: %d", a.Status)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, "acts go on after room was made", func() bool { return add(done).Status < 300 })
	a = h.Ask("POST", "/api/v1/watch/deliveries?source=scans&file=2026-11-18-scan_telnet.csv&wait=true", strings.NewReader(report), house.With(token), house.Header("Content-Type", "application/octet-stream"))
	if a.Status >= 300 || !strings.Contains(a.Body, `"rows":1000`) {
		t.Errorf("a delivery afterwards: %d %s", a.Status, a.Body)
	}
	await(t, "the record is signed again and verifies", func() bool {
		code, out, _ := house.Run(t, "ledger", "verify", "--data", dir, "--blobs", "--json")
		return code == 0 && strings.Contains(out, `"ok":true`)
	})
}

// stuff writes a file until the disk is full.
func stuff(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, piece := range []int{1 << 20, 4096} {
		b := make([]byte, piece)
		for {
			if _, err := f.Write(b); err != nil {
				break
			}
		}
	}
}
