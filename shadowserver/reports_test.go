package shadowserver_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/idf"
	"almenara.example/mapping"
	"almenara.example/shadowserver"
)

func schema(t testing.TB) *shadowserver.Schema {
	t.Helper()
	f, err := os.Open(filepath.Join(testdata(t), "schema", "intelmq.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := shadowserver.LoadSchema(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func overlay(t testing.TB) *shadowserver.Overlay {
	t.Helper()
	o, err := shadowserver.DefaultOverlay()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// reports gives every real report by its file name.
func reports(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(testdata(t), "reports", "*.csv"))
	if err != nil || len(names) != 64 {
		t.Fatalf("got %d reports, %v, want 64", len(names), err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = text
	}
	return all
}

func plan(t testing.TB, s *shadowserver.Schema, kind string) *mapping.Plan {
	t.Helper()
	p, err := s.Plan(kind, overlay(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// outcomes reads a report with the code under test.
func outcomes(t testing.TB, p *mapping.Plan, text []byte) ([]outcome, mapping.Fit) {
	t.Helper()
	scan, err := p.Open(bytes.NewReader(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []outcome
	var ev idf.Event
	for {
		rec, reject, err := scan.Next(&ev)
		if errors.Is(err, io.EOF) {
			return out, scan.Fit()
		}
		if err != nil {
			t.Fatal(err)
		}
		if reject != nil {
			out = append(out, outcome{line: reject.Line, reason: string(reject.Reason)})
			continue
		}
		o := outcome{line: rec.Line, extras: map[string]string{}}
		if ev.IP.IsValid() {
			o.ip = ev.IP.String()
		}
		if ev.HasPort {
			o.port = fmt.Sprint(ev.Port)
		}
		if ev.Time != 0 {
			o.time = time.UnixMicro(ev.Time).UTC()
		}
		for _, v := range ev.Values {
			if v.Field == idf.Extra {
				o.extras[v.Name] = string(v.Bytes)
			}
		}
		if len(scan.AppendKey(nil, &ev)) < len(p.Key) {
			t.Fatalf("line %d has no key", rec.Line)
		}
		out = append(out, o)
	}
}

func TestEveryRealReportIsReadAsTheNaiveReadingReadsIt(t *testing.T) {
	s, naiveKinds := schema(t), naiveSchema(t)
	all := reports(t)
	var rows, events int
	t.Logf("%-34s %5s %6s %5s %4s %5s  %s", "report", "rows", "events", "quar.", "lost", "added", "quarantine reasons")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		kind, ok := shadowserver.KindOfFile(name)
		if !ok {
			t.Fatalf("%s: no kind in its name", name)
		}
		got, fit := outcomes(t, plan(t, s, kind), all[name])
		want := naive(t, naiveKinds[kind], all[name])
		if len(got) != len(want) {
			t.Errorf("%s: got %d rows, want %d", name, len(got), len(want))
			continue
		}
		reasons := map[string]int{}
		good := 0
		for i := range want {
			for column := range got[i].extras {
				if _, mapped := want[i].extras[column]; !mapped {
					delete(got[i].extras, column) // renamed, added or fallen back: not the naive reading's matter
				}
			}
			if diff := cmp.Diff(want[i], got[i], cmp.AllowUnexported(outcome{}), cmp.Comparer(sameExtras)); diff != "" {
				t.Errorf("%s line %d (-naive +got)\n%s", name, want[i].line, diff)
			}
			if got[i].reason == "" {
				good++
			} else {
				reasons[got[i].reason]++
			}
		}
		rows, events = rows+len(got), events+good
		t.Logf("%-34s %5d %6d %5d %4d %5d  %v", name, len(got), good, len(got)-good, len(fit.Lost), len(fit.Added), reasons)
	}
	t.Logf("%-34s %5d %6d %5d", "all", rows, events, rows-events)
	if events == 0 {
		t.Error("got no events")
	}
}

// sameExtras holds nil and empty to be equal.
func sameExtras(a, b map[string]string) bool { return maps.Equal(a, b) }

// table is a report as cells, to be changed.
func table(t testing.TB, text []byte) [][]string {
	t.Helper()
	in := csv.NewReader(bytes.NewReader(bytes.ReplaceAll(text, []byte(`\"`), []byte(`""`))))
	in.FieldsPerRecord = -1
	all, err := in.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func untable(t testing.TB, rows [][]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLostAddedDoubledAndShuffledColumnsNeverFailAReport(t *testing.T) {
	s := schema(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for name, text := range reports(t) {
		kind, _ := shadowserver.KindOfFile(name)
		p := plan(t, s, kind)
		cells := table(t, text)
		width := len(cells[0])
		for lost := range width {
			changed := pick(cells, func(int) []int { return without(width, lost) })
			out, fit := outcomes(t, p, untable(t, changed))
			if len(out) != len(cells)-1 {
				t.Errorf("%s without %s: got %d rows, want %d", name, cells[0][lost], len(out), len(cells)-1)
			}
			if slices.Contains(p.Names(), cells[0][lost]) != slices.Contains(fit.Lost, cells[0][lost]) {
				t.Errorf("%s without %s: got %v lost", name, cells[0][lost], fit.Lost)
			}
		}
		straight, _ := outcomes(t, p, text)
		order := rng.Perm(width)
		shuffled, _ := outcomes(t, p, untable(t, pick(cells, func(int) []int { return order })))
		doubled, fit := outcomes(t, p, untable(t, pick(cells, func(int) []int { return append(without(width, -1), rng.IntN(width)) })))
		if len(cells[0]) == width && len(fit.Duplicate) != 1 {
			t.Errorf("%s with a column doubled: got %v", name, fit.Duplicate)
		}
		for how, got := range map[string][]outcome{"shuffled": shuffled, "doubled": doubled} {
			if a, b := summary(straight), summary(got); a != b {
				t.Errorf("%s %s: got %s, want %s", name, how, b, a)
			}
		}
	}
}

func without(width, lost int) []int {
	var keep []int
	for i := range width {
		if i != lost {
			keep = append(keep, i)
		}
	}
	return keep
}

// pick takes columns out of every row that has the header's width; the same
// choice for all rows.
func pick(cells [][]string, choose func(int) []int) [][]string {
	order := choose(0)
	var out [][]string
	for _, row := range cells {
		var r []string
		for _, i := range order {
			if i < len(row) {
				r = append(r, row[i])
			}
		}
		out = append(out, r)
	}
	return out
}

func summary(out []outcome) string {
	var b strings.Builder
	for _, o := range out {
		fmt.Fprintf(&b, "%s%s:%s ", o.reason, o.ip, o.port)
	}
	return b.String()
}

func TestALostKeyColumnGivesAWeakerKey(t *testing.T) {
	s := schema(t)
	p := plan(t, s, "scan_telnet")
	_, fit := p.Bind([]string{"timestamp", "ip", "protocol", "brand_new"})
	if diff := cmp.Diff([]string{"source.port"}, fit.LostKey); diff != "" || !fit.Weak() {
		t.Errorf("lost key (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"brand_new"}, fit.Added); diff != "" {
		t.Errorf("added (-want +got)\n%s", diff)
	}
}

func TestEveryKindOfTheSchemaHasAPlanAndTheOverlayNamesNoOther(t *testing.T) {
	s, o := schema(t), overlay(t)
	for _, kind := range s.Kinds() {
		p, err := s.Plan(kind, o)
		if err != nil {
			t.Error(err)
			continue
		}
		if !o.Lists(kind) {
			t.Errorf("kind %s is in no rule", kind)
		}
		event := strings.HasPrefix(kind, "event") || kind == "blocklist" || strings.HasPrefix(kind, "sandbox")
		if event && p.ClosesBy != mapping.Expiry {
			t.Errorf("kind %s closes by %s, want expiry", kind, p.ClosesBy)
		}
		if strings.HasPrefix(kind, "scan") && (p.ClosesBy != mapping.Absence || !p.FullScan) {
			t.Errorf("kind %s closes by %s, full scan %v", kind, p.ClosesBy, p.FullScan)
		}
	}
}
