package crash

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/wire"
)

const (
	organisations = 12
	shortRows     = 90_000  // a day's rows in the short form
	longRows      = 240_000 // and in the long one, whose imports last a second
)

// nation is what every run is given.
type nation struct {
	constituency, schema string
	reports              []string // a file per day
}

const schema = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},"scan_telnet":{"feed_name":"Telnet","file_name":"scan_telnet",
 "constant_fields":{"classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","classification.identifier":"open-telnet"},
 "required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
 "optional_fields":[["protocol.transport","protocol"]]}}`

// write makes the files: each day every organisation has new hosts, some that stay
// and some that go; most rows are nobody's, a few are bad.
func write(t *testing.T, days, rowsPerDay int) nation {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var b strings.Builder
	b.WriteString("organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n")
	for o := range organisations {
		fmt.Fprintf(&b, "Water %d,operator,XA,drinking-water,cidr,198.18.%d.0/24,Desk,desk%d@water.example,en\n", o, o, o)
	}
	n := nation{constituency: put("orgs.csv", b.String()), schema: put("schema.json", schema)}
	for d := range days {
		date := time.Date(2026, 11, 1+d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		b.Reset()
		b.WriteString("timestamp,ip,protocol,port\n")
		for o := range organisations {
			for host := d * 5; host < d*5+20; host++ {
				fmt.Fprintf(&b, "%s 03:00:00,198.18.%d.%d,tcp,23\n", date, o, host+1)
			}
		}
		for i := range rowsPerDay {
			x := i + d*rowsPerDay/8 // an eighth goes, an eighth is new
			if i%1000 == 7 {
				fmt.Fprintf(&b, "%s 03:00:00,not-an-address,tcp,23\n", date)
				continue
			}
			fmt.Fprintf(&b, "%s 03:00:00,203.%d.%d.%d,tcp,23\n", date, x>>16&255, x>>8&255, x&255)
		}
		n.reports = append(n.reports, put(date+"-scan_telnet.csv", b.String()))
	}
	return n
}

func (h *house) prepare(n nation) {
	h.t.Helper()
	h.ask("constituency", "import", "--apply", n.constituency)
	h.ask("watch", "schema", "load", n.schema)
	h.ask("watch", "source", "add", "scans", "--mode", "live", "--marking", "TLP:GREEN")
}

// outcome is what must be the same with and without kills.
type outcome struct {
	Findings   map[string]string
	Deliveries map[string]string
	Notices    map[string]int // organisation and findings told → how many notices
	Mail       map[string]int // recipient and findings told → how many messages
	unknown    map[string]int // per organisation
}

// settle waits until everything is taken in, folded and told. Each day settles before
// the next: a notice that still waits takes up the next day's findings, and how many
// notices there are would hang on who is faster.
func (h *house) settle(days int) {
	h.t.Helper()
	h.until("every delivery is folded", func() bool {
		ds := h.deliveries()
		for _, d := range ds {
			if d.State != "folded" {
				return false
			}
		}
		return len(ds) >= days
	})
	h.until("every notice is out", func() bool {
		out, err := h.try("warn", "notices", "--json", "--data", h.dir)
		return err == nil && strings.Count(out, "\n") >= days*organisations && !strings.Contains(out, `"drafted"`)
	})
}

func (h *house) outcome() outcome {
	h.t.Helper()
	o := outcome{Findings: map[string]string{}, Deliveries: map[string]string{}, Notices: map[string]int{}, Mail: map[string]int{}, unknown: map[string]int{}}
	for _, f := range lines[wire.Finding](h.t, h.ask("watch", "findings", "--json")) {
		key := fmt.Sprintf("%s %s:%d", f.Kind, f.IP, f.Port)
		if o.Findings[key] != "" {
			h.t.Errorf("%s is there twice", key)
		}
		o.Findings[key] = fmt.Sprint(f.State, f.Severity, f.Source, f.Organisation, f.Level, f.Asset, f.First, f.Last, " seen ", f.Seen)
	}
	for _, d := range h.deliveries() {
		o.Deliveries[d.File+" "+d.Observed] += fmt.Sprint(d.State, d.ContentSHA256, d.Rows, d.Events, d.Quarantined, d.Opened, d.Kept,
			d.Worse, d.NoLongerSeen, d.Reopened, d.Unrouted, d.Proves)
	}
	type notice struct {
		Organisation, State string
		Findings            int
	}
	for _, n := range lines[notice](h.t, h.ask("warn", "notices", "--json")) {
		o.Notices[fmt.Sprint(n.Organisation, " ", n.Findings)]++
		if n.State == "unknown" {
			o.unknown[n.Organisation]++
		} else if n.State != "sent" {
			h.t.Errorf("a notice to %s is %s", n.Organisation, n.State)
		}
	}
	ids := map[string]bool{}
	for _, m := range h.mail.Received() {
		if ids[m.MessageID] {
			h.t.Errorf("%s was told twice: %s", m.To, m.MessageID)
		}
		ids[m.MessageID] = true
		o.Mail[m.To+" "+told(string(m.Data))]++
	}
	return o
}

var place = regexp.MustCompile(`198\.18\.\d+\.\d+`)

// told lists the addresses that a message speaks of.
func told(data string) string {
	found := place.FindAllString(strings.ReplaceAll(data, "=\r\n", ""), -1)
	slices.Sort(found)
	return strings.Join(found, " ")
}

func TestAKilledServerLosesNothingAndTellsNobodyTwice(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("ALMENARA_CRASH"))
	if err != nil || kills < 1 {
		kills = 3
	}
	seed, err := strconv.ParseUint(os.Getenv("ALMENARA_CRASH_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("%d kills on each engine; ALMENARA_CRASH_SEED=%d repeats them", kills, seed)
	days := max(3, (kills+2)/3)
	rowsPerDay := shortRows
	if kills > 3 {
		rowsPerDay = longRows
	}
	n := write(t, days, rowsPerDay)
	calm := newHouse(t, "")
	calm.prepare(n)
	var takes time.Duration
	for day, f := range n.reports {
		began := time.Now()
		calm.ask("watch", "import", "--source", "scans", "--wait", f)
		takes += time.Since(began) / time.Duration(days)
		calm.settle(day + 1)
	}
	want := calm.outcome()
	if len(want.Mail) != days*organisations || len(want.unknown) > 0 || len(want.Findings) < rowsPerDay {
		t.Fatalf("the undisturbed run tells %d of %d, with %d findings", len(want.Mail), days*organisations, len(want.Findings))
	}
	calm.stop()
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := newHouse(t, c.DSN)
		h.prepare(n)
		inside := h.disturb(n, kills, takes, rand.New(rand.NewPCG(seed, uint64(len(c.DSN)))))
		h.checkLedger()
		got := h.outcome()
		compare(t, want, got)
		h.stop()
		h.checkLedger()
		t.Logf("%d of %d kills fell into an import of about %s; %d notices have an unknown outcome; the record has %d entries and was checked %d times",
			inside, kills, takes.Round(time.Millisecond), len(got.unknown), h.seen.Size, h.checks)
		if kills >= 20 && inside*4 < kills*3 || inside == 0 {
			t.Errorf("only %d of %d kills fell into an import; at least three quarters are wanted", inside, kills)
		}
	})
}

// disturb imports the reports and kills the server kills times, three of four times
// while a delivery is being taken in.
func (h *house) disturb(n nation, kills int, takes time.Duration, r *rand.Rand) (inside int) {
	h.t.Helper()
	left := kills
	for day, report := range n.reports {
		now := left / (len(n.reports) - day)
		if day == len(n.reports)-1 {
			now = left
		}
		left -= now
		h.ask("watch", "import", "--source", "scans", report)
		for k := range now {
			// Every eighth kill falls on the way after the import: folding and sending.
			after := (kills-left-now+k)%8 == 7
			if after {
				h.until("the delivery is taken in", func() bool { return !h.waits() })
				wait(time.Duration(r.Int64N(int64(300 * time.Millisecond))))
			} else {
				wait(time.Duration(r.Int64N(int64(takes) / 3 / int64(now))))
			}
			during := h.waits()
			h.kill()
			if during {
				inside++
			}
			h.start()
			h.checkLedger()
		}
		h.settle(day + 1)
	}
	return inside
}

// waits tells whether a delivery is being taken in.
func (h *house) waits() bool {
	ds := h.deliveries()
	return slices.ContainsFunc(ds, wire.Delivery.Waits)
}

// wait passes a random time: that the moment is not chosen is the point.
func wait(d time.Duration) { <-time.After(d) }

// compare holds a run with kills against one without.
func compare(t *testing.T, want, got outcome) {
	t.Helper()
	for name, d := range map[string]string{
		"findings": cmp.Diff(want.Findings, got.Findings), "deliveries": cmp.Diff(want.Deliveries, got.Deliveries),
		"notices": cmp.Diff(want.Notices, got.Notices),
	} {
		if d != "" {
			t.Errorf("%s differ from the undisturbed run (-undisturbed +killed):\n%s", name, d[:min(3000, len(d))])
		}
	}
	// What did not arrive must be owned up to, organisation by organisation.
	unknown := maps.Clone(got.unknown)
	for m, times := range got.Mail {
		if want.Mail[m] != times {
			t.Errorf("a message came that the undisturbed run does not send: %s", m)
		}
	}
	for m := range want.Mail {
		if got.Mail[m] != 0 {
			continue
		}
		org := "Water " + strings.TrimPrefix(strings.Split(m, "@")[0], "desk")
		if unknown[org]--; unknown[org] < 0 {
			t.Errorf("a message was lost without a word: %s", m)
		}
	}
}
