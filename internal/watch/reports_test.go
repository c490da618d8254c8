package watch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

// testdata returns the folder of real data, or skips: only tests that need it may.
func testdata(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ALMENARA_TESTDATA")
	if dir == "" {
		t.Skip("ALMENARA_TESTDATA is not set: the real reports are not there")
	}
	return dir
}

// TestEveryRealReportGoesIn takes the published sample reports in through the
// published schema and prints the table of what came of each. What each should give
// is derived independently in package shadowserver's tests; here rows, events,
// quarantine and findings must add up in the database.
func TestEveryRealReportGoesIn(t *testing.T) {
	dir := testdata(t)
	db := sqldbtest.Open(t, sqldbtest.SQLite(t), lines())
	h := &house{t: t, db: db, dir: t.TempDir(), clock: clocktest.New(time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC))}
	h.open()
	if _, err := h.guard.Found(t.Context(), "CSIRT", "XA"); err != nil {
		t.Fatal(err)
	}
	schema, err := os.Open(filepath.Join(dir, "shadowserver", "schema", "intelmq.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer schema.Close()
	if _, kinds, err := h.LoadSchema(t.Context(), h.lead, schema); err != nil || kinds != 170 {
		t.Fatalf("schema: %d kinds, %v; want 170", kinds, err)
	}
	if _, err := h.AddSource(t.Context(), h.lead, "scans", SourceSettings{Mode: Shadow}); err != nil {
		t.Fatal(err)
	}
	reports, err := filepath.Glob(filepath.Join(dir, "shadowserver", "reports", "*.csv"))
	if err != nil || len(reports) != 64 {
		t.Fatalf("%d reports, %v; want 64", len(reports), err)
	}
	var total Counts
	for _, path := range reports {
		c := h.takeReport(path)
		total.Rows += c.Rows
		total.Events += c.Events
		total.Quarantined += c.Quarantined
		total.Opened += c.Opened
	}
	t.Logf("%-32s rows %4d  events %4d  findings %4d  quarantined %2d", "all", total.Rows, total.Events, total.Opened, total.Quarantined)
	n, _, err := sqldb.One(t.Context(), h.read, sqldb.Int64, `select count(*) from watch_finding`)
	if err != nil || n != total.Opened {
		t.Errorf("%d findings in the table, %v; the deliveries opened %d", n, err, total.Opened)
	}
	if total.Rows != 372 || total.Events != 363 || total.Quarantined != 9 {
		t.Errorf("got %d rows, %d events, %d quarantined; want 372, 363, 9", total.Rows, total.Events, total.Quarantined)
	}
}

func (h *house) takeReport(path string) Counts {
	h.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	day := time.Date(2026, 11, 19, 0, 0, 0, 0, time.UTC)
	r, err := h.Receive(h.t.Context(), h.lead, Arrival{Source: "scans", FileName: filepath.Base(path), Observed: day, Body: f})
	if err != nil {
		h.t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	if err := h.Work(h.t.Context()); err != nil {
		h.t.Fatalf("%s: %v", filepath.Base(path), err)
	}
	d, err := h.Delivery(h.t.Context(), h.read, r[0].Delivery.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	if d.State != Folded {
		// special.csv and the like: a kind that the schema lacks is kept whole
		h.t.Logf("%-32s %s: %s", d.Kind, d.State, d.Failure)
		if d.State != UnknownKind {
			h.t.Errorf("%s is %s: %s", d.Kind, d.State, d.Failure)
		}
		return d.Counts
	}
	if d.Rows != d.Events+d.Quarantined {
		h.t.Errorf("%s: %d rows are not %d events and %d quarantined", d.Kind, d.Rows, d.Events, d.Quarantined)
	}
	qs, err := h.Quarantine(h.t.Context(), h.read, QuarantineFilter{Delivery: d.ID, Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	var why []string
	for _, q := range qs {
		why = append(why, q.Reason)
	}
	h.t.Logf("%-32s rows %4d  events %4d  findings %4d  quarantined %2d %s", d.Kind, d.Rows, d.Events, d.Opened,
		d.Quarantined, strings.Join(why, " "))
	if int64(len(qs)) != d.Quarantined {
		h.t.Errorf("%s: %d rows in quarantine, the delivery says %d", d.Kind, len(qs), d.Quarantined)
	}
	return d.Counts
}
