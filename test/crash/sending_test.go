package crash

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

const (
	sendings = 500
	lanes    = 4
	batch    = 20
)

// spool gives a house with a notice to each of 500 organisations.
func (h *house) spool(dir string) {
	h.t.Helper()
	put := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
		return p
	}
	var orgs, rows strings.Builder
	orgs.WriteString("organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n")
	rows.WriteString("timestamp,ip,protocol,port\n")
	for i := range sendings {
		fmt.Fprintf(&orgs, "Water %d,operator,XA,drinking-water,cidr,198.18.%d.%d/32,Desk,desk@w%d.example,en\n", i, i>>8, i&255, i)
		fmt.Fprintf(&rows, "2026-11-01 03:00:00,198.18.%d.%d,tcp,23\n", i>>8, i&255)
	}
	h.prepare(nation{constituency: put("orgs.csv", orgs.String()), schema: put("schema.json", schema)})
	h.ask("watch", "import", "--source", "scans", "--wait", put("2026-11-01-scan_telnet.csv", rows.String()))
}

// states counts notices by state.
func (h *house) states() map[string]int {
	h.t.Helper()
	out := map[string]int{}
	for _, n := range lines[struct{ State string }](h.t, h.ask("warn", "notices", "--json")) {
		out[n.State]++
	}
	return out
}

func TestAServerKilledWhileItSends500NoticesDoublesNone(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := newHouse(t, c.DSN)
		h.mail.Delay(40 * time.Millisecond) // a slow server
		h.spool(t.TempDir())
		unknown := 0
		for _, reached := range []int{60, 250} {
			h.until("some are sent", func() bool { return len(h.mail.Received()) >= reached })
			h.kill()
			h.start()
			h.checkLedger()
			now := h.states()["unknown"]
			if now-unknown > lanes*batch {
				t.Errorf("a kill leaves %d of unknown outcome, want at most %d", now-unknown, lanes*batch)
			}
			unknown = now
		}
		settled := func() (n map[string]int, done bool) {
			n = h.states()
			return n, n["drafted"]+n["attempting"] == 0
		}
		h.until("the spool is empty", func() bool { _, done := settled(); return done })
		n, _ := settled()
		t.Logf("after two kills: %v", n)
		if n["sent"]+n["unknown"] != sendings || n["unknown"] == 0 {
			t.Errorf("%v, want %d sent or unknown", n, sendings)
		}
		times := func() (different, most int) {
			got := map[string]int{}
			for _, m := range h.mail.Received() {
				got[m.MessageID]++
				most = max(most, got[m.MessageID])
			}
			return len(got), most
		}
		different, most := times()
		if most != 1 || different < n["sent"] {
			t.Errorf("%d different messages arrived, one of them %d times; %d are told to be sent", different, most, n["sent"])
		}
		arrived := different
		h.mail.Delay(0)
		// By a person's word, all of them in one go, with the same Message-IDs.
		r, err := h.http.PostForm("http://local/warn/repeat", url.Values{"reason": {"they were asked"}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode >= http.StatusBadRequest {
			t.Fatalf("repeating: %s", r.Status)
		}
		h.until("all are sent", func() bool { return h.states()["sent"] == sendings })
		different, most = times()
		if different != sendings || most > 2 || len(h.mail.Received()) != arrived+n["unknown"] {
			t.Errorf("%d different messages, at most %d times, %d in all; want %d and each unknown one once more",
				different, most, len(h.mail.Received()), sendings)
		}
		h.stop()
		h.checkLedger()
	})
}
