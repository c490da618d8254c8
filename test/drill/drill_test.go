package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/ledger"
	program "almenara.example/test/house"
	"almenara.example/wire"
)

func TestMain(m *testing.M) {
	code := m.Run()
	program.Remove()
	os.Exit(code)
}

// place is an installation that processes work on.
type place struct {
	t      *testing.T
	bin    string
	dir    string
	server *exec.Cmd
	log    *bytes.Buffer
}

func (p *place) try(args ...string) (string, string, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, p.bin, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	return out.String(), errs.String(), err
}

func (p *place) run(args ...string) string {
	p.t.Helper()
	out, errs, err := p.try(args...)
	if err != nil {
		p.t.Fatalf("almenara %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

// ask is run with the folder.
func (p *place) ask(args ...string) string {
	p.t.Helper()
	return p.run(append(args, "--data", p.dir)...)
}

// refused runs a command that must fail and say want, and what to do; a refusal of
// the server (code 3) says so in its sentence.
func (p *place) refused(want string, args ...string) {
	p.t.Helper()
	out, errs, err := p.try(args...)
	var exit *exec.ExitError
	byServer := errors.As(err, &exit) && exit.ExitCode() == 3
	if err == nil || !strings.Contains(errs, want) || !byServer && !strings.Contains(errs, "hint: ") {
		p.t.Errorf("almenara %s: got %v, want an error with %q and a hint\n%s%s", strings.Join(args, " "), err, want, out, errs)
	}
}

func (p *place) until(what string, met func() bool) {
	p.t.Helper()
	late := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-late:
			p.t.Fatalf("not within a minute: %s\n%s", what, p.log)
		case <-tick.C:
		}
	}
}

func (p *place) start() {
	p.t.Helper()
	p.log = &bytes.Buffer{}
	p.server = exec.Command(p.bin, "serve", "--data", p.dir, "--listen", "none")
	p.server.Stdout, p.server.Stderr = p.log, p.log
	if err := p.server.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.stop)
	p.until("the server is ready", func() bool { _, code := p.ready(); return code == http.StatusOK })
}

func (p *place) stop() {
	if p.server == nil {
		return
	}
	_ = p.server.Process.Signal(os.Interrupt) // it may have ended
	if err := p.server.Wait(); err != nil {
		p.t.Errorf("stop: %v\n%s", err, p.log)
	}
	p.server = nil
}

func (p *place) ready() (body string, code int) {
	local := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return app.DialLocal(ctx, p.dir) },
	}}
	r, err := local.Get("http://local/readyz")
	if err != nil {
		return "", 0
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b), r.StatusCode
}

// lists is everything that people see in lists.
func (p *place) lists() string {
	p.t.Helper()
	var b strings.Builder
	for _, l := range [][]string{
		{"watch", "findings", "--json"}, {"watch", "deliveries", "--json"}, {"warn", "notices", "--json"},
		{"guard", "persons", "--json"}, {"constituency", "export"},
	} {
		b.WriteString(p.ask(l...))
	}
	return b.String()
}

func (p *place) checkpoint() ledger.Checkpoint {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.dir, "ledger", "log", "checkpoint"))
	if err != nil {
		p.t.Fatal(err)
	}
	_, verifier, err := ledger.ReadKey(filepath.Join(p.dir, "keys", "ledger.key"))
	if err != nil {
		p.t.Fatal(err)
	}
	cp, err := ledger.ParseCheckpoint(b, verifier)
	if err != nil {
		p.t.Fatal(err)
	}
	return cp
}

func (p *place) verified() ledger.Report {
	p.t.Helper()
	var r ledger.Report
	if err := json.Unmarshal([]byte(p.ask("ledger", "verify", "--blobs", "--json")), &r); err != nil || !r.OK {
		p.t.Fatalf("ledger verify: %+v, %v", r, err)
	}
	return r
}

// person is an act.
func (p *place) person(name string) { p.t.Helper(); p.ask("guard", "person", "add", name) }

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	f := filepath.Join(dir, name)
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// report is a day's scan with rows, the first of them at Faro.
func report(day, rows int) string {
	var b strings.Builder
	b.WriteString("timestamp,ip,protocol,port\n")
	for i := range rows {
		fmt.Fprintf(&b, "2026-11-%02d 03:00:00,192.0.%d.%d,tcp,%d\n", day, 2+i>>8&1, i&255, 23+i>>9)
	}
	return b.String()
}

// nation founds an installation with findings and notices and starts it.
func nation(t *testing.T, c sqldb.Config) (p *place, backups, identity string) {
	t.Helper()
	p = &place{t: t, bin: program.Program(t), dir: filepath.Join(t.TempDir(), "data")}
	args := []string{"init", "--data", p.dir, "--name", "CSIRT Atalaya", "--country", "XA", "--public-url", "http://csirt.localhost:8440"}
	if c.DSN != "" {
		args = append(args, "--database", c.DSN)
	}
	p.run(args...)
	side := t.TempDir()
	backups, identity = filepath.Join(side, "backups"), filepath.Join(side, "identity")
	if err := os.Mkdir(backups, 0o700); err != nil {
		t.Fatal(err)
	}
	recipient := strings.TrimSpace(p.run("backup", "key", "--out", identity))
	mail := mailtest.New(t)
	conf, err := os.OpenFile(filepath.Join(p.dir, "almenara.toml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conf, "\n[backup]\nrecipients = [%q]\n[mail]\nhost = %q\nport = %d\nsecurity = \"none\"\nfrom = \"csirt@csirt.example\"\n", recipient, mail.Host, mail.Port)
	if err != nil || conf.Close() != nil {
		t.Fatal(err)
	}
	p.start()
	p.ask("constituency", "import", "--apply", write(t, side, "o.csv", program.Head+program.Faro+program.Ribera))
	p.ask("watch", "schema", "load", write(t, side, "schema.json", program.Telnet))
	p.ask("watch", "source", "add", "scans", "--mode", "live", "--marking", "TLP:GREEN")
	p.ask("watch", "import", "--source", "scans", "--wait", write(t, side, "2026-11-01-scan_telnet.csv", report(1, 20_000)))
	return p, backups, identity
}

// calm waits until everything is folded and told.
func (p *place) calm(deliveries int) {
	p.t.Helper()
	p.until("everything is folded and told", func() bool {
		folded := strings.Count(p.ask("watch", "deliveries", "--json"), `"folded"`)
		notices := p.ask("warn", "notices", "--json")
		return folded == deliveries && notices != "" && !strings.Contains(notices, `"drafted"`) && !strings.Contains(notices, `"attempting"`)
	})
}

func (p *place) restore(backups, identity string, dsn string, more ...string) *place {
	p.t.Helper()
	q := &place{t: p.t, bin: p.bin, dir: filepath.Join(p.t.TempDir(), "restored")}
	args := []string{"restore", "--from", backups, "--identity", identity, "--data", q.dir}
	if dsn != "" {
		args = append(args, "--database", dsn)
	}
	p.run(append(args, more...)...)
	return q
}

func TestTheDrill(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		fresh := func() string {
			if c.DSN == "" {
				return ""
			}
			return sqldbtest.Postgres(t).DSN
		}
		p, backups, identity := nation(t, c)

		// A backup while a delivery is taken in and persons are added.
		p.ask("watch", "import", "--source", "scans", write(t, t.TempDir(), "2026-11-02-scan_telnet.csv", report(2, 30_000)))
		busy := make(chan struct{})
		go func() {
			defer close(busy)
			for i := range 8 {
				_, _, _ = p.try("guard", "person", "add", fmt.Sprint("Busy ", i), "--data", p.dir)
			}
		}()
		online := strings.Fields(p.ask("backup", "create", "--to", backups))[0]
		<-busy
		p.run("backup", "verify", "--to", backups, "--identity", identity, online)
		early := p.restore(backups, identity, fresh(), "--backup", online)
		if r := early.verified(); !r.Held {
			t.Error("a restored installation is not held")
		}

		// A backup of a quiet moment; then the world moves on.
		p.calm(2)
		want := p.lists()
		quiet := strings.Fields(p.ask("backup", "create", "--to", backups))[0]
		at := p.checkpoint()
		for i := range 3 {
			p.person(fmt.Sprint("Later ", i))
		}
		p.until("it is signed", func() bool { return p.checkpoint().Size >= at.Size+3 })
		late := p.checkpoint()
		q := p.restore(backups, identity, fresh(), "--backup", quiet)
		q.held(want, at)
		q.resumeUnderANewName(late)

		// The same backup where the highest signed size survived: it goes on under a
		// new name too, because more was signed.
		moved := p.restore(backups, identity, fresh(), "--backup", quiet, "--high", filepath.Join(p.dir, "ledger", "high"))
		moved.start()
		moved.resumeUnderANewName(late)

		// Nothing is missing: the server is stopped, then backed up, then moved.
		p.stop()
		last := strings.Fields(p.ask("backup", "create", "--to", backups))[0]
		whole := p.restore(backups, identity, fresh(), "--backup", last, "--high", filepath.Join(p.dir, "ledger", "high"))
		whole.start()
		var out wire.LedgerResumed
		if err := json.Unmarshal([]byte(whole.ask("ledger", "resume", "--none", "--missing", "nothing", "--json")), &out); err != nil || !out.Continues {
			t.Errorf("a whole record: %+v, %v, want it to continue", out, err)
		}
		whole.person("After")
		whole.until("it is signed", func() bool { return whole.checkpoint().Size > late.Size+2 })
		whole.stop()
		whole.verified()
		erasuresStay(t, p, backups, identity, quiet, fresh)
	})
}

// held checks an installation that was just restored: everything is there, nothing
// is signed, nothing is sent.
func (p *place) held(want string, at ledger.Checkpoint) {
	p.t.Helper()
	if r := p.verified(); !r.Held || r.Size > at.Size {
		p.t.Errorf("after the restore: %+v", r)
	}
	p.start()
	if got := p.lists(); got != want {
		p.t.Errorf("the lists are others:\n%s\nwant\n%s", cut(got), cut(want))
	}
	if body, _ := p.ready(); !strings.Contains(body, `"held":true`) {
		p.t.Errorf("readyz says %s", body)
	}
	before := p.checkpoint()
	p.person("Before the statement")
	out, _, err := p.try("doctor", "--json", "--data", p.dir)
	var h app.Health
	if e := json.Unmarshal([]byte(out), &h); e != nil || err == nil {
		p.t.Errorf("doctor: %v, %v\n%s", e, err, out)
	}
	for _, c := range h.Checks {
		if bad := c.Name == "ledger" || c.Name == "sending"; c.OK == bad {
			p.t.Errorf("doctor says of %s: %+v", c.Name, c)
		}
	}
	if after := p.checkpoint(); after.Size != before.Size {
		p.t.Error("it was signed before the statement")
	}
}

func cut(s string) string { return s[:min(len(s), 600)] }

// resumeUnderANewName states what is missing and sees that the former name is at an
// end: nothing that it signs can contradict what was signed.
func (p *place) resumeUnderANewName(late ledger.Checkpoint) {
	p.t.Helper()
	file := write(p.t, p.t.TempDir(), "checkpoint", string(late.Note))
	p.refused("last known checkpoint", "ledger", "resume", "--data", p.dir, "--missing", "x", "--checkpoint", file, "--none")
	p.refused("not a checkpoint of this record", "ledger", "resume", "--data", p.dir, "--missing", "x", "--checkpoint", filepath.Join(p.dir, "almenara.toml"))
	var out wire.LedgerResumed
	if err := json.Unmarshal([]byte(p.ask("ledger", "resume", "--checkpoint", file, "--missing", "three persons", "--json")), &out); err != nil {
		p.t.Fatal(err)
	}
	if out.Continues || out.Origin != late.Origin+"/2" || out.Verifier == out.Former {
		p.t.Errorf("got %+v, want a new name", out)
	}
	p.refused("was not restored, or somebody has stated it", "ledger", "resume", "--data", p.dir, "--missing", "x", "--none")
	p.person("After the statement")
	p.until("it is signed", func() bool { return p.checkpoint().Size > out.Order })
	cp := p.checkpoint()
	if cp.Origin != out.Origin {
		p.t.Errorf("signed under %s, want %s", cp.Origin, out.Origin)
	}
	if _, err := ledger.ParseCheckpoint(cp.Note, out.Former); err == nil {
		p.t.Error("the former key signed")
	}
	p.verified()
	p.stop()
	p.start() // the new key is in force
	p.person("After a restart")
	p.verified()
	p.stop()
}

// erasuresStay erases a blob after the backup and sees that a restore erases it too.
func erasuresStay(t *testing.T, p *place, backups, identity, old string, fresh func() string) {
	t.Helper()
	open := func(dir string) *blob.Store {
		s, err := blob.Open(blob.Config{Dir: filepath.Join(dir, "blobs"), MasterKey: filepath.Join(dir, "keys", "blobs.key"), Clock: clock.System{}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var gone blob.Ref
	s := open(p.dir)
	if err := s.Each(t.Context(), func(r blob.Ref) error { gone = r; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Erase(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	back := func(why string, want bool, more ...string) {
		q := p.restore(backups, identity, fresh(), append(more, "--backup", old)...)
		if has, err := open(q.dir).Has(gone); has != want || err != nil {
			t.Errorf("%s: the erased blob is there: %v, %v, want %v", why, has, err, want)
		}
		q.verified()
	}
	back("without the list", true)
	back("with the list that survived", false, "--erasures", filepath.Join(p.dir, "blobs.erased"))
	p.ask("backup", "create", "--to", backups)
	back("after a newer backup, whose list lies beside", false)
}

func TestWhatIsNotABackupIsRefused(t *testing.T) {
	p, backups, identity := nation(t, sqldb.Config{})
	p.calm(1)
	name := strings.Fields(p.ask("backup", "create", "--to", backups))[0]
	file := filepath.Join(backups, name)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "new")
	verify := []string{"backup", "verify", "--to", backups, name, "--identity", identity}
	restore := []string{"restore", "--from", backups, "--data", target, "--identity", identity}
	both := func(want string) {
		t.Helper()
		p.refused(want, verify...)
		p.refused(want, restore...)
		if _, err := os.Stat(target); err == nil {
			t.Errorf("%s: the refused restore left its folder", want)
		}
	}
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 4
	for _, b := range [][]byte{flipped, good[:len(good)/2], good[:len(good)-1], good[:10]} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		both("damaged or cut off")
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	p.run(verify...)
	other := filepath.Join(t.TempDir(), "other")
	p.run("backup", "key", "--out", other)
	identityArg := len(verify) - 1
	verify[identityArg], restore[len(restore)-1] = other, other
	both("does not open")
	verify[identityArg], restore[len(restore)-1] = identity, identity

	// A folder that holds something, and one that is half restored.
	p.refused("is not empty", "restore", "--from", backups, "--data", p.dir, "--identity", identity)
	p.run(restore...)
	write(t, target, "restore.unfinished", name)
	for _, c := range [][]string{{"serve"}, {"ledger", "verify"}, {"backup", "create", "--to", backups}} {
		p.refused("restore broke off", append(c, "--data", target)...)
	}
	p.run(restore...) // it begins again
	p.refused("is not empty", restore...)
	p.refused("inside", "backup", "create", "--data", p.dir, "--to", filepath.Join(p.dir, "locales"))
}

func TestAKilledBackupLeavesNoneThatVerifyAccepts(t *testing.T) {
	p, backups, identity := nation(t, sqldb.Config{})
	p.calm(1)
	for i := range 12 {
		c := exec.Command(p.bin, "backup", "create", "--data", p.dir, "--to", backups)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(10+i*8) * time.Millisecond) // a random moment of it
		_ = c.Process.Kill()                                   // it may have ended
		_ = c.Wait()
		for _, b := range strings.Split(strings.TrimSpace(p.run("backup", "list", "--to", backups, "--json")), "\n") {
			var f app.BackupFile
			if b == "" {
				continue
			}
			if err := json.Unmarshal([]byte(b), &f); err != nil {
				t.Fatal(err)
			}
			p.run("backup", "verify", "--to", backups, "--identity", identity, f.Name)
		}
	}
	p.ask("backup", "create", "--to", backups)
	left, err := filepath.Glob(filepath.Join(backups, "*.part"))
	if err != nil || len(left) > 0 {
		t.Errorf("unfinished backups are left: %v, %v", left, err)
	}
}
