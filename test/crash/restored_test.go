package crash

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/wire"
)

// append adds lines to the configuration.
func (h *house) configure(text string) {
	h.t.Helper()
	f, err := os.OpenFile(filepath.Join(h.dir, "almenara.toml"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil || f.Close() != nil {
		h.t.Fatal(err)
	}
}

// counts is how often each address was told.
func (h *house) counts() map[string]int {
	out := map[string]int{}
	for _, m := range h.mail.Received() {
		out[m.To]++
	}
	return out
}

func TestARestoreOfAnOldBackupWhileTheWorldMovedOnTellsNobodyTwice(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := newHouse(t, c.DSN)
		side := t.TempDir()
		put := func(name, text string) string {
			p := filepath.Join(side, name)
			if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return p
		}
		identity, backups := filepath.Join(side, "identity"), filepath.Join(side, "backups")
		if err := os.Mkdir(backups, 0o700); err != nil {
			t.Fatal(err)
		}
		recipient := strings.TrimSpace(h.run("backup", "key", "--out", identity))
		h.stop()
		h.configure(fmt.Sprintf("[backup]\nrecipients = [%q]\n", recipient))
		h.start()
		var orgs strings.Builder
		orgs.WriteString("organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n")
		report := func(day, from, to int) string {
			var b strings.Builder
			b.WriteString("timestamp,ip,protocol,port\n")
			for i := from; i < to; i++ {
				fmt.Fprintf(&b, "2026-11-%02d 03:00:00,198.18.0.%d,tcp,23\n", day, i+1)
			}
			return put(fmt.Sprintf("2026-11-%02d-scan_telnet.csv", day), b.String())
		}
		const all = 30
		for i := range all {
			fmt.Fprintf(&orgs, "Water %d,operator,XA,drinking-water,cidr,198.18.0.%d/32,Desk,desk@w%d.example,en\n", i, i+1, i)
		}
		h.prepare(nation{constituency: put("orgs.csv", orgs.String()), schema: put("schema.json", schema)})
		sent := func(n int) {
			t.Helper()
			h.until(fmt.Sprintf("%d notices are sent", n), func() bool { s := h.states(); return s["sent"] == n && s["drafted"]+s["attempting"] == 0 })
		}
		h.ask("watch", "import", "--source", "scans", "--wait", report(1, 0, 10))
		sent(10)
		h.checkLedger()
		h.ask("backup", "create", "--to", backups)
		// The world moves on: ten more are told, then the machine is lost.
		second := report(2, 0, 20)
		h.ask("watch", "import", "--source", "scans", "--wait", second)
		sent(20)
		h.checkLedger()
		last := put("checkpoint", string(h.seen.Note))
		h.kill()
		old := h.dir
		h.dir = filepath.Join(t.TempDir(), "data")
		if err := os.MkdirAll(h.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		survived, err := os.ReadFile(filepath.Join(old, "notices.told"))
		if err != nil || len(survived) != 20*24 {
			t.Fatalf("%d bytes of what was told survive, %v; want 20 records", len(survived), err)
		}
		if err := os.WriteFile(filepath.Join(h.dir, "notices.told"), survived, 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"restore", "--from", backups, "--identity", identity, "--data", h.dir}
		if c.DSN != "" {
			args = append(args, "--database", sqldbtest.Postgres(t).DSN)
		}
		h.run(args...)
		h.start()
		before := len(h.mail.Received())
		h.ask("watch", "import", "--source", "scans", "--wait", second) // while it is held
		if got := len(h.mail.Received()); got != before {
			t.Errorf("%d messages left while the installation was held", got-before)
		}
		var out wire.LedgerResumed
		if err := json.Unmarshal([]byte(h.ask("ledger", "resume", "--checkpoint", last, "--missing", "the second day", "--json")), &out); err != nil || out.Continues {
			t.Errorf("resumed as %+v, %v; want a new name, since more was signed under the old one", out, err)
		}
		h.ask("warn", "resume", "--reason", "the board was looked at")
		// The same report once more, then one with ten that nobody was told of.
		h.ask("watch", "import", "--source", "scans", "--wait", second)
		h.ask("watch", "import", "--source", "scans", "--wait", report(3, 0, all))
		h.until("the new ones are told", func() bool {
			return len(h.mail.Received()) >= all && h.states()["drafted"]+h.states()["attempting"] == 0
		})
		for to, n := range h.counts() {
			if n != 1 {
				t.Errorf("%s was told %d times", to, n)
			}
		}
		if got := len(h.counts()); got != all {
			t.Errorf("%d were told, want %d", got, all)
		}
		text, err := h.try("ledger", "verify", "--blobs", "--json", "--data", h.dir)
		if err != nil || !strings.Contains(text, `"ok":true`) {
			t.Errorf("the record does not verify: %v %s", err, text)
		}
		h.stop()
	})
}
