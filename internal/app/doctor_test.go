package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/foundation/sqldb"
)

// examine is what the doctor says of p, by check.
func (p place) examine(t *testing.T, change func(*Config)) (Health, map[string]Check) {
	t.Helper()
	c := p.options(t).Config
	if change != nil {
		change(&c)
	}
	h, err := Doctor(t.Context(), c, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]Check{}
	for _, x := range h.Checks {
		if old, twice := by[x.Name]; twice {
			t.Errorf("two checks are called %s: %+v and %+v", x.Name, old, x)
		}
		if !x.OK && x.Hint == "" {
			t.Errorf("%s is bad and nothing says what to do", x.Name)
		}
		by[x.Name] = x
	}
	return h, by
}

// bad lists the checks that are not as they must be.
func (h Health) bad() (names []string) {
	for _, x := range h.Checks {
		if !x.OK {
			names = append(names, x.Name)
		}
	}
	return names
}

// files is everything in the folder: name, mode, time of change, content.
func (p place) files(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(p.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		var sum [32]byte
		if d.Type().IsRegular() {
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(content)
		}
		fmt.Fprintf(&b, "%s %s %s %x\n", name, st.Mode(), st.ModTime(), sum[:4])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheDoctorFindsAHealthyHouseHealthyAndChangesNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, p place) {
		list := filepath.Join(p.dir, erasureListFile) // an erasure that was not carried out yet
		if err := os.WriteFile(list, []byte(strings.Repeat("ab", 32)+" "+strings.Repeat("cd", 16)+" 1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		before := p.files(t)
		h, by := p.examine(t, nil)
		if !h.OK || h.Server {
			t.Errorf("stopped: got %+v bad", h.bad())
		}
		if after := p.files(t); after != before {
			t.Errorf("the doctor changed the folder:\n%s\nwas\n%s", after, before)
		}
		want := []string{"backup", "blobs", "clock", "configuration", "database", "disk", "feeds", "folder", "jobs", "keys", "ledger", "mail", "mailboxes", "notices", "sending", "server", "team key"}
		for _, name := range want {
			if _, ok := by[name]; !ok {
				t.Errorf("nobody looked at %s", name)
			}
		}
		text, err := json.Marshal(h)
		if err != nil || !strings.HasPrefix(string(text), `{"checks":[{"name":"configuration","ok":true,"detail":"`) || strings.Count(string(text), `"hint":`) != len(h.Checks) {
			t.Errorf("got %s, %v", text, err)
		}
		p.start(t)
		if h, _ := p.examine(t, nil); !h.OK || !h.Server {
			t.Errorf("running: got %+v bad, server %v", h.bad(), h.Server)
		}
	})
}

func TestADatabaseThatIsOpenToReadRefusesToWrite(t *testing.T) {
	eachEngine(t, func(t *testing.T, p place) {
		look := func(when string) {
			c := p.options(t).Config
			db, err := openToRead(t.Context(), &c)
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if _, err := db.Pool().ExecContext(t.Context(), `update guard_person set name = 'x'`); err == nil {
				t.Errorf("%s: it was written", when)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		look("stopped")
		p.start(t)
		look("running")
	})
}

// behind writes into the database as nobody should.
func (p place) behind(t *testing.T, texts ...string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: filepath.Join(p.dir, databaseFile)})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range texts {
		if _, err := db.Pool().ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// certificate writes a certificate for a host that ends at a time.
func (p place) certificate(t *testing.T, host string, ends time.Time) func(*Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(p.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(c *Config) { c.TLS = TLS{Certificate: "tls.crt", Key: "tls.key"} }
}

func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	const long = "1000000" // microseconds: long ago
	in := func(d time.Duration) int64 { return clock.Micros(time.Now().Add(d)) }
	for name, x := range map[string]struct {
		runs  bool
		make  func(t *testing.T, p place) func(*Config)
		bad   string // the one check that must be bad; empty: none
		says  string
		warns string // instead: a warning, which leaves the house healthy
	}{
		"sending is stopped": {bad: "sending", says: "by person:7: too many", make: func(t *testing.T, p place) func(*Config) {
			p.behind(t, `insert into warn_stop (id, at, by_id, reason) values (1, `+long+`, 'person:7', 'too many')`)
			return nil
		}},
		"a feed is late": {warns: "feeds", says: "nightly by", make: func(t *testing.T, p place) func(*Config) {
			p.behind(t, `insert into watch_source (id, name, mode, marking, mapping, rhythm, retention, absent_after, exercise, version, added_at, last_taken_at)
				values (1, 'nightly', 'shadow', '', 'shadowserver', 86400, 0, 1, false, 1, `+long+`, 0)`)
			return nil
		}},
		"work failed for good": {bad: "jobs", says: "1 failed for good", make: func(t *testing.T, p place) func(*Config) {
			p.behind(t, `insert into river_job (args, kind, max_attempts, queue, state, finalized_at) values ('{}', 'x', 1, 'nobody', 'discarded', current_timestamp)`)
			return nil
		}},
		"the queue is stuck": {runs: true, bad: "jobs", says: "has waited for", make: func(t *testing.T, p place) func(*Config) {
			p.behind(t, `insert into river_job (args, kind, max_attempts, queue, state, scheduled_at) values ('{}', 'x', 1, 'nobody', 'available', '2020-01-01 00:00:00')`)
			return nil
		}},
		"a contact's key ends": {warns: "keys", says: "(aa)", make: func(t *testing.T, p place) func(*Config) {
			p.behind(t, fmt.Sprintf(`insert into guard_key (id, person_id, fingerprint, data, user_ids, encrypts, made_at, expires_at, revoked_at, source, state, added_at, added_by)
				values (1, 1, 'aa', x'00', '', true, 1, %d, 0, 'desk', 'current', 1, 'person:1')`, in(24*time.Hour)))
			return nil
		}},
		"nobody takes our mail": {bad: "mail", says: "reach the mail server", make: func(*testing.T, place) func(*Config) {
			return func(c *Config) { c.Mail.Host, c.Mail.Port, c.Mail.Security = "127.0.0.1", 1, "none" }
		}},
		"a mail server answers": {make: func(t *testing.T, _ place) func(*Config) {
			s := mailtest.New(t)
			return func(c *Config) { c.Mail.Host, c.Mail.Port, c.Mail.Security = s.Host, s.Port, "none" }
		}},
		"a mailbox does not answer": {bad: "mailboxes", says: "desk: ", make: func(t *testing.T, p place) func(*Config) {
			if err := os.WriteFile(filepath.Join(p.dir, "password"), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			return func(c *Config) {
				c.Mail.Intake = []Intake{{Name: "desk", Host: "127.0.0.1", Port: 1, Security: "none", User: "u", PasswordFile: "password"}}
			}
		}},
		"the certificate ends soon": {bad: "certificate", says: "it ends", make: func(t *testing.T, p place) func(*Config) {
			return p.certificate(t, "atalaya.localhost", time.Now().AddDate(0, 0, 10))
		}},
		"the certificate is another host's": {bad: "certificate", says: "other.example", make: func(t *testing.T, p place) func(*Config) {
			return p.certificate(t, "other.example", time.Now().AddDate(1, 0, 0))
		}},
		"the certificate holds": {make: func(t *testing.T, p place) func(*Config) {
			return p.certificate(t, "atalaya.localhost", time.Now().AddDate(1, 0, 0))
		}},
		"the last backup is old": {bad: "backup", says: "ago", make: func(t *testing.T, p place) func(*Config) {
			text := `{"name":"a","made":"2020-01-01T00:00:00Z"}`
			if err := os.WriteFile(filepath.Join(p.dir, lastBackupFile), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return nil
		}},
		"others may read the keys": {bad: "folder", says: "blobs.key (644)", make: func(t *testing.T, p place) func(*Config) {
			if err := os.Chmod(filepath.Join(p.dir, blobsKeyFile), 0o644); err != nil {
				t.Fatal(err)
			}
			return nil
		}},
		"it waits for the statement after a restore": {bad: "ledger", says: "restored from a backup", make: func(t *testing.T, p place) func(*Config) {
			p.behind(t, `insert into ledger_restored (id, state, backup, made_at, restored_at, entries, checkpoint, act_order) values (1, 'held', 'a', 1, 1, 1, x'', 0)`)
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := found(t, "")

			if x.runs {
				p.start(t)
			}
			change := x.make(t, p)
			h, by := p.examine(t, change)
			want := []string{x.bad}
			if x.bad == "" {
				want = nil
			}
			if got := h.bad(); !slices.Equal(got, want) || h.OK != (x.bad == "") {
				t.Errorf("got %v bad, want %v; %+v", got, want, by)
			}
			if x.warns != "" && (!by[x.warns].Warning || by[x.warns].Hint == "" || !strings.Contains(by[x.warns].Detail, x.says)) {
				t.Errorf("got %+v, want a warning that says %q", by[x.warns], x.says)
			}
			if x.bad != "" && !strings.Contains(by[x.bad].Detail, x.says) {
				t.Errorf("got %+v, want it to say %q", by[x.bad], x.says)
			}
		})
	}
}

func TestTheDoctorSeesAClockThatWasSetBack(t *testing.T) {
	h, err := Doctor(t.Context(), found(t, "").options(t).Config, clocktest.New(time.Now().Add(-time.Hour)))
	if err != nil || !slices.Equal(h.bad(), []string{"clock"}) {
		t.Errorf("got %v bad, %v, want the clock", h.bad(), err)
	}
}

func TestTheDoctorFindsTheDatabaseGone(t *testing.T) {
	p := found(t, "")
	if err := os.Remove(filepath.Join(p.dir, databaseFile)); err != nil {
		t.Fatal(err)
	}
	h, by := p.examine(t, nil)
	if h.OK || by["database"].OK || !strings.Contains(by["database"].Hint, "backup") {
		t.Errorf("got %+v, want the database to be missed", by["database"])
	}
	if _, err := os.Stat(filepath.Join(p.dir, databaseFile)); err == nil {
		t.Error("the doctor made a database")
	}
}
