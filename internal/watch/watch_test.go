package watch

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/shadowserver"
)

// lines are the migrations that this room stands on.
func lines() []sqldb.Migrations {
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: constituency.Migrations},
		{Room: "watch", Files: Migrations},
	}
}

// house is this room over real lower rooms.
type house struct {
	*Watch
	t     *testing.T
	db    *sqldb.DB
	clock *clocktest.Fake
	lead  act.Actor
	dir   string
}

func eachHouse(t *testing.T, f func(t *testing.T, h *house)) {
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) {
		h := &house{t: t, db: db, dir: t.TempDir(), clock: clocktest.New(time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC))}
		h.open()
		secret, err := h.guard.Found(t.Context(), "CSIRT Atalaya", "AT")
		if err != nil || secret == "" {
			t.Fatalf("found: %v", err)
		}
		f(t, h)
	})
}

// open begins as a new process over the same database and folder.
func (h *house) open() {
	h.t.Helper()
	policies, err := guard.LoadPolicies()
	if err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(h.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	acts := act.New(act.Config{DB: h.db, Clock: h.clock, IDs: id.NewSource(h.clock, nil), Decider: policies, Log: log})
	g := guard.New(acts)
	con := constituency.New(acts, g, log)
	key := filepath.Join(h.dir, "master.key")
	if err := blob.GenerateMaster(key); err != nil && !strings.Contains(err.Error(), "exist") {
		h.t.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Dir: filepath.Join(h.dir, "blobs"), MasterKey: key, Clock: h.clock})
	if err != nil {
		h.t.Fatal(err)
	}
	overlay, err := shadowserver.DefaultOverlay()
	if err != nil {
		h.t.Fatal(err)
	}
	h.Watch = New(Config{
		Acts: acts, Guard: g, Constituency: con, Blobs: blobs, Overlay: overlay, Log: log,
		Numbers: id.NewNumbers("ALM", "finding", []byte("test")),
	})
	acts.Subscribe(h.Subscription())
	h.lead = act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead, guard.RoleConstituency}}
	if err := con.Load(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if err := h.Load(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// schema is our own, in the shape of Shadowserver's.
const schema = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},
"scan_telnet":{"feed_name":"Telnet","file_name":"scan_telnet",
 "constant_fields":{"classification.taxonomy":"vulnerable","classification.type":"vulnerable-system","classification.identifier":"open-telnet"},
 "required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
 "optional_fields":[["severity","severity","validate_to_none"],["protocol.transport","protocol"],["source.asn","asn","invalidate_zero"]]}}`

func (h *house) prepare(mode Mode) Source {
	h.t.Helper()
	if _, _, err := h.LoadSchema(h.t.Context(), h.lead, strings.NewReader(schema)); err != nil {
		h.t.Fatal(err)
	}
	src, err := h.AddSource(h.t.Context(), h.lead, "scans", SourceSettings{Mode: mode})
	if err != nil {
		h.t.Fatal(err)
	}
	return src
}

// telnet writes a report of one day; each row is "last octet" or "octet,severity".
func telnet(day string, hosts ...string) string {
	var b strings.Builder
	b.WriteString("timestamp,ip,protocol,port,asn,severity\n")
	for _, h := range hosts {
		octet, sev, _ := strings.Cut(h, ",")
		if sev == "" {
			sev = "medium"
		}
		fmt.Fprintf(&b, "%s 03:00:00,192.0.2.%s,tcp,23,64500,%s\n", day, octet, sev)
	}
	return b.String()
}

// take receives a report and works until it is folded.
func (h *house) take(day, body string) Delivery {
	h.t.Helper()
	r, err := h.Receive(h.t.Context(), h.lead, Arrival{
		Source: "scans", FileName: day + "-scan_telnet.csv", Body: strings.NewReader(body),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.Work(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	d, err := h.Delivery(h.t.Context(), h.read, r[0].Delivery.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// states is the state of every finding by its address, as a reader sees it.
func (h *house) states() map[string]string {
	h.t.Helper()
	out := map[string]string{}
	err := h.Each(h.t.Context(), h.read, Filter{}, guard.OwnOrg, func(f Finding) error {
		out[f.IP.String()] = f.State.String()
		if a := h.facets.attrOf(uint32(f.ID)); a.state != f.State || a.severity != f.Severity {
			h.t.Errorf("facets say %v %v of %s, rows say %v %v", a.state, a.severity, f.IP, f.State, f.Severity)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func wantStates(t *testing.T, h *house, want map[string]string) {
	t.Helper()
	got := h.states()
	for ip, s := range want {
		if got[ip] != s {
			t.Errorf("%s is %q, want %q", ip, got[ip], s)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d findings, want %d: %v", len(got), len(want), got)
	}
}

func TestADeliveryBecomesFindingsAndTheNextShowsWhatIsGone(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		d := h.take("2026-11-17", telnet("2026-11-17", "1", "2", "3"))
		if d.State != Folded || d.Rows != 3 || d.Opened != 3 || !d.Proves {
			t.Fatalf("first delivery: %+v", d)
		}
		d = h.take("2026-11-18", telnet("2026-11-18", "1", "3,high", "4"))
		want := Counts{Rows: 3, Events: 3, Opened: 1, Kept: 2, Worse: 1, NoLongerSeen: 1, Unrouted: 1}
		if d.Counts != want {
			t.Fatalf("second delivery: got %+v, want %+v", d.Counts, want)
		}
		wantStates(t, h, map[string]string{
			"192.0.2.1": "open", "192.0.2.2": "no-longer-seen", "192.0.2.3": "open", "192.0.2.4": "open",
		})
		d = h.take("2026-11-19", telnet("2026-11-19", "1", "2", "3", "4"))
		if d.Reopened != 1 {
			t.Errorf("third delivery reopened %d, want 1", d.Reopened)
		}
		wantStates(t, h, map[string]string{
			"192.0.2.1": "open", "192.0.2.2": "open", "192.0.2.3": "open", "192.0.2.4": "open",
		})
		before := h.states()
		h.open() // a new process
		for ip, s := range h.states() {
			if before[ip] != s {
				t.Errorf("after a restart %s is %s, was %s", ip, s, before[ip])
			}
		}
		checkLife(t, h)
	})
}

func checkLife(t *testing.T, h *house) {
	t.Helper()
	l, err := h.List(t.Context(), h.read, Filter{States: []State{Open}}, Page{Reader: guard.OwnOrg})
	if err != nil || l.Total != 4 {
		t.Fatalf("list: %d of 4, %v", l.Total, err)
	}
	for _, f := range l.Findings {
		if f.IP.String() != "192.0.2.2" {
			continue
		}
		life, err := h.Life(t.Context(), h.read, f)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, c := range life {
			kinds = append(kinds, string(c.Kind))
		}
		if got, want := strings.Join(kinds, " "), "opened no-longer-seen reopened"; got != want {
			t.Errorf("life is %q, want %q", got, want)
		}
		s, err := h.Sightings(t.Context(), h.read, f, 10)
		if err != nil || len(s) != 2 {
			t.Fatalf("sightings: %d, %v; want 2", len(s), err)
		}
		_, line, err := h.RawLine(t.Context(), h.lead, f, s[0].Delivery.ID, s[0].Offset)
		if want := "2026-11-19 03:00:00,192.0.2.2,tcp,23,64500,medium"; err != nil || string(line) != want {
			t.Errorf("raw line %q, %v; want %q", line, err, want)
		}
	}
}

func TestTheSameAgainIsADuplicateAndAnotherDayIsNot(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		body := telnet("2026-11-17", "1", "2")
		first := h.take("2026-11-17", body)
		r, err := h.Receive(t.Context(), h.lead, Arrival{Source: "scans", FileName: "2026-11-17-scan_telnet.csv", Body: strings.NewReader(body)})
		if err != nil || !r[0].Duplicate || r[0].Delivery.ID != first.ID {
			t.Errorf("the same again: %+v, %v", r, err)
		}
		second := h.take("2026-11-18", body)
		if second.ID == first.ID || second.Kept != 2 {
			t.Errorf("identical bytes on another day: %+v", second.Counts)
		}
	})
}

func TestADeliveryThatIsTooSmallOrTooBrokenProvesNothing(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.take("2026-11-15", telnet("2026-11-15", "1", "2", "3", "4"))
		h.take("2026-11-16", telnet("2026-11-16", "1", "2", "3", "4"))
		d := h.take("2026-11-17", telnet("2026-11-17", "1"))
		if d.Proves || d.ProvesWhy != provesFewRows || d.NoLongerSeen != 0 {
			t.Errorf("a quarter of the usual rows proves %v (%s), gone %d", d.Proves, d.ProvesWhy, d.NoLongerSeen)
		}
		body := telnet("2026-11-18", "1", "2", "3") + "2026-11-18 03:00:00,not-an-address,tcp,23,64500,low\n"
		d = h.take("2026-11-18", body)
		if d.Proves || d.ProvesWhy != provesQuarantine || d.Quarantined != 1 {
			t.Errorf("a quarter in quarantine proves %v (%s)", d.Proves, d.ProvesWhy)
		}
		d = h.take("2026-11-19", strings.ReplaceAll(telnet("2026-11-19", "1", "2", "3"), ",port,", ",other,"))
		if d.Proves || d.ProvesWhy != provesLostKey {
			t.Errorf("a lost key column proves %v (%s)", d.Proves, d.ProvesWhy)
		}
	})
}

func TestAQuarantinedAddressIsNotProvenAbsentUntilItsRowIsTakenIn(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		all := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}
		h.take("2026-11-17", telnet("2026-11-17", all...))
		broken := "yesterday,192.0.2.9,tcp,23,64500,medium\n"
		d := h.take("2026-11-18", telnet("2026-11-18", all[:7]...)+broken)
		if d.Quarantined != 1 || d.NoLongerSeen != 1 {
			t.Fatalf("got %+v, want 1 quarantined and only .8 gone", d.Counts)
		}
		if s := h.states(); s["192.0.2.9"] != "open" || s["192.0.2.8"] != "no-longer-seen" {
			t.Errorf("states: %v", s)
		}
		if _, err := h.Dismiss(t.Context(), h.lead, QuarantineFilter{Delivery: d.ID}, "known clock error"); err != nil {
			t.Fatal(err)
		}
		q, err := h.Quarantine(t.Context(), h.read, QuarantineFilter{Delivery: d.ID})
		if err != nil || len(q) != 1 || q[0].State != Dismissed || q[0].Line != 9 {
			t.Errorf("quarantine: %+v, %v", q, err)
		}
		_, row, err := h.QuarantinedRow(t.Context(), h.lead, d.ID, q[0].Line)
		if err != nil || string(row)+"\n" != broken {
			t.Errorf("row %q, %v; want %q", row, err, broken)
		}
	})
}

func TestALateDeliveryAndACorrectionAreJudgedByTheirDay(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.take("2026-11-15", telnet("2026-11-15", "1", "2"))
		h.take("2026-11-18", telnet("2026-11-18", "1"))
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "no-longer-seen"})
		h.take("2026-11-16", telnet("2026-11-16", "1", "2", "3")) // late: older than the proof
		wantStates(t, h, map[string]string{
			"192.0.2.1": "open", "192.0.2.2": "no-longer-seen", "192.0.2.3": "no-longer-seen",
		})
		h.take("2026-11-18", telnet("2026-11-18", "1", "2")) // the same day, corrected
		wantStates(t, h, map[string]string{
			"192.0.2.1": "open", "192.0.2.2": "open", "192.0.2.3": "no-longer-seen",
		})
	})
}

func TestWhatIsInterruptedIsTakenUpAgain(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		if _, err := h.Receive(t.Context(), h.lead, Arrival{
			Source: "scans", FileName: "2026-11-17-scan_telnet.csv",
			Body: strings.NewReader(telnet("2026-11-17", "1", "2", "2", "bad", "3")),
		}); err != nil {
			t.Fatal(err)
		}
		d, _, err := h.nextInState(t.Context(), Received)
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.newIntake(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.readRows(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := p.flush(t.Context()); err != nil { // and here the process ends
			t.Fatal(err)
		}
		h.open()
		if n := len(h.states()); n != 0 {
			t.Errorf("%d findings are visible before the take-in", n)
		}
		if err := h.Work(context.Background()); err != nil {
			t.Fatal(err)
		}
		d, err = h.Delivery(t.Context(), h.read, d.ID)
		want := Counts{Rows: 5, Events: 4, Quarantined: 1, Opened: 3, Unrouted: 0}
		if err != nil || d.Rows != want.Rows || d.Opened != 3 || d.Quarantined != 1 {
			t.Errorf("got %+v, %v; want %+v", d.Counts, err, want)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "open", "192.0.2.3": "open"})
	})
}

func TestAPersonsWordHoldsAgainstAPendingFold(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.take("2026-11-17", telnet("2026-11-17", "1", "2"))
		if _, err := h.Receive(t.Context(), h.lead, Arrival{
			Source: "scans", FileName: "2026-11-18-scan_telnet.csv", Body: strings.NewReader(telnet("2026-11-18", "1")),
		}); err != nil {
			t.Fatal(err)
		}
		if more, err := h.workOne(t.Context()); err != nil || !more { // taken in, not folded
			t.Fatal(more, err)
		}
		if s := h.states(); s["192.0.2.2"] != "no-longer-seen" {
			t.Fatalf("the overlay is not applied: %v", s)
		}
		l, err := h.List(t.Context(), h.read, Filter{States: []State{NoLongerSeen}}, Page{Reader: guard.OwnOrg})
		if err != nil || len(l.Findings) != 1 {
			t.Fatal(l, err)
		}
		id := l.Findings[0].ID
		if err := h.Decide(t.Context(), h.lead, []int64{id}, Decision{To: Open, Reason: "seen by hand"}); err != nil {
			t.Fatal(err)
		}
		if err := h.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "open"})
	})
}

func TestOfTwoDecisionsOnWhatBothSawTheSecondIsRefused(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.take("2026-11-17", telnet("2026-11-17", "1"))
		l, err := h.List(t.Context(), h.read, Filter{}, Page{Reader: guard.OwnOrg})
		if err != nil || len(l.Findings) != 1 {
			t.Fatal(l, err)
		}
		ids := []int64{l.Findings[0].ID}
		if err := h.Decide(t.Context(), h.lead, ids, Decision{To: Closed, Reason: "mended", Seen: Open}); err != nil {
			t.Fatal(err)
		}
		if err := h.Decide(t.Context(), h.lead, ids, Decision{To: NotOurs, Reason: "sold", Seen: Open}); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("the second decision gives %v, want conflict", err)
		}
		wantStates(t, h, map[string]string{"192.0.2.1": "closed"})
	})
}

func TestAKindCanWantMoreScansThanItsSource(t *testing.T) {
	eachHouse(t, func(t *testing.T, h *house) {
		h.prepare(Live)
		h.take("2026-11-15", telnet("2026-11-15", "1", "2"))
		ss, err := h.Streams(t.Context(), h.read)
		if err != nil || len(ss) != 1 {
			t.Fatal(ss, err)
		}
		if err := h.SetAbsentAfter(t.Context(), h.lead, ss[0].ID, 2); err != nil {
			t.Fatal(err)
		}
		h.take("2026-11-16", telnet("2026-11-16", "1"))
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "open"})
		h.take("2026-11-17", telnet("2026-11-17", "1"))
		wantStates(t, h, map[string]string{"192.0.2.1": "open", "192.0.2.2": "no-longer-seen"})
		if err := h.SetAbsentAfter(t.Context(), h.lead, ss[0].ID, 31); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("31 scans give %v, want invalid", err)
		}
	})
}
