package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// wideSchema has 26 columns, like the published reports of scans of web servers.
const wideSchema = `{"_meta":{"date_created":"2026-01-01T00:00:00Z"},"scan_http":{"feed_name":"HTTP","file_name":"scan_http",
"constant_fields":{"classification.taxonomy":"other","classification.type":"other","classification.identifier":"open-http"},
"required_fields":[["time.source","timestamp","add_UTC_to_timestamp"],["source.ip","ip","validate_ip"],["source.port","port","convert_int"]],
"optional_fields":[["severity","severity","validate_to_none"],["protocol.transport","protocol"],["source.reverse_dns","hostname"],
["extra.","tag","validate_to_none"],["source.asn","asn","invalidate_zero"],["source.geolocation.cc","geo"],["source.geolocation.region","region"],
["source.geolocation.city","city"],["extra.","naics","invalidate_zero"],["extra.","hostname_source","validate_to_none"],["extra.","sector","validate_to_none"],
["extra.","http","validate_to_none"],["extra.","http_code","convert_int"],["extra.","http_reason","validate_to_none"],["extra.","content_type","validate_to_none"],
["extra.","connection","validate_to_none"],["extra.","www_authenticate","validate_to_none"],["extra.","set_cookie","validate_to_none"],
["extra.","server","validate_to_none"],["extra.","content_length","convert_int"],["extra.","transfer_encoding","validate_to_none"],["extra.","http_date","convert_date"],
["extra.","version","validate_to_none"]]}}`

// columns of the report; each day shuffles them.
func columns() []string {
	return []string{
		"timestamp", "ip", "port", "severity", "protocol", "hostname", "tag", "asn", "geo", "region", "city", "naics",
		"hostname_source", "sector", "http", "http_code", "http_reason", "content_type", "connection", "www_authenticate",
		"set_cookie", "server", "content_length", "transfer_encoding", "http_date", "version",
	}
}

// writeReport writes one day's report of n rows on the addresses of 10.0.0.0/8 from
// first on, one row in a hundred bad, columns and addresses shuffled.
func writeReport(path string, n, first int, day string, seed uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	r := rand.New(rand.NewPCG(seed, 5))
	names := columns()
	order := r.Perm(len(names))
	for i, c := range order {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(names[c])
	}
	w.WriteByte('\n')
	cells := make([]string, len(names))
	severity := []string{"low", "medium", "high"}
	for _, k := range rand.New(rand.NewPCG(9, uint64(n))).Perm(n) {
		i := first + k
		ip := "10." + strconv.Itoa(i>>16&255) + "." + strconv.Itoa(i>>8&255) + "." + strconv.Itoa(i&255)
		if k%100 == 99 {
			ip = "10.0.bad." + strconv.Itoa(i)
		}
		at := fmt.Sprintf("0%d:%02d:%02d", i%10, i/7%60, i/3%60)
		copy(cells, []string{
			day + " " + at, ip, "80", severity[i%3], "tcp", "host-" + strconv.Itoa(i) + ".example", "http;web", strconv.Itoa(64496 + i%16),
			"XA", "REGION-" + strconv.Itoa(i%20), "CITY-" + strconv.Itoa(i%200), "0", "", "Communications", "HTTP/1.1", "200", "OK",
			"text/html; charset=UTF-8", "keep-alive", "", fmt.Sprintf("session=%016x", r.Uint64()), "nginx/1." + strconv.Itoa(i%25),
			strconv.Itoa(r.IntN(100000)), "chunked", `"Tue, 17 Nov 2026 ` + at + ` GMT"`, "1." + strconv.Itoa(i%9),
		})
		for j, c := range order {
			if j > 0 {
				w.WriteByte(',')
			}
			w.WriteString(cells[c])
		}
		w.WriteByte('\n')
	}
	return w.Flush()
}

// writePrefixes writes n prefixes of 20,000 operators: the /28s of 10.0.0.0/8, so
// that every row matches, in the order of a shuffle.
func writePrefixes(w io.Writer, n int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	out.WriteString("organisation,kind,country,sector,asset_kind,asset\n")
	sectors := []string{"drinking-water", "energy-electricity", "health", "banking", "transport-rail", "public-administration"}
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(n) {
		o := i % 20000
		a := i * 16
		fmt.Fprintf(out, "Operator %d,operator,XA,%s,cidr,10.%d.%d.%d/28\n", o, sectors[o%len(sectors)], a>>16&255, a>>8&255, a&255)
	}
	return out.Flush()
}

func size(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// BenchmarkWholeChain walks one installation through a first day on which every
// finding is new and later days that keep them, measures while it does, and prints
// the table.
func BenchmarkWholeChain(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { wholeChain(b, "") })
	b.Run("postgres", func(b *testing.B) {
		dsn := postgres(b)
		wholeChain(b, dsn)
	})
}

func wholeChain(b *testing.B, dsn string) {
	rows, prefixes, days := size("ALMENARA_BENCH_ROWS", 1_000_000), size("ALMENARA_BENCH_PREFIXES", 1_000_000), size("ALMENARA_BENCH_DAYS", 3)
	h := newHouse(b, dsn)
	var t table
	dir := b.TempDir()
	h.load(&t, dir, prefixes)
	base, _ := h.memory()

	path := filepath.Join(dir, "2026-11-01-scan_http.csv")
	must(b, writeReport(path, rows, 0, "2026-11-01", 1))
	h.forgetPeak()
	watcher := h.watchWhile()
	d, cpu := h.deliver(path)
	acts, pages, signed := watcher()
	loaded, peak := h.memory()
	bad := int64(rows / 100)
	check(b, d, delivery{Rows: int64(rows), Events: int64(rows) - bad, Quarantined: bad, Opened: int64(rows) - bad})
	perCPU := func(n int64, d time.Duration) float64 { return float64(n) / d.Seconds() }
	t.add("every finding new, whole chain", "≥ 35,000 (aim 45,000)", "%.0f rows per CPU-second, %.1f s wall", perCPU(d.Rows, cpu), d.Seconds)
	t.add("  memory: loaded before / after / peak", "< 256 MiB above", "%d / %d / %d MiB (peak %+d over after)", base, loaded, peak, peak-loaded)
	t.add("  an act by a person meanwhile", "< 250 ms (p95)", "%s", spread(acts))
	t.add("  pages meanwhile", "< 100 ms (p95)", "%s", spread(pages))
	t.add("  from an act to its signed checkpoint meanwhile", "≤ 1 s", "%s", spread(signed))

	before := h.disk()
	var kept []float64
	for day := 2; day < 2+days; day++ {
		date := fmt.Sprintf("2026-11-%02d", day)
		path := filepath.Join(dir, date+"-scan_http.csv")
		must(b, writeReport(path, rows, 0, date, uint64(day)))
		h.forgetPeak()
		now, _ := h.memory()
		watcher := h.watchWhile()
		d, cpu := h.deliver(path)
		acts, pages, signed := watcher()
		_, peak := h.memory()
		check(b, d, delivery{Rows: int64(rows), Events: int64(rows) - bad, Quarantined: bad, Kept: int64(rows) - bad})
		kept = append(kept, perCPU(d.Rows, cpu))
		if day == 2 {
			t.add("  memory on a kept day: before / peak", "< 256 MiB above", "%d / %d MiB", now, peak)
			t.add("  an act by a person meanwhile", "< 250 ms (p95)", "%s", spread(acts))
			t.add("  pages meanwhile", "< 100 ms (p95)", "%s", spread(pages))
			t.add("  from an act to its signed checkpoint meanwhile", "≤ 1 s", "%s", spread(signed))
		}
		must(b, os.Remove(path))
	}
	slices.Sort(kept)
	t.add("the next days only keep them, whole chain", "≥ 100,000 (aim 200,000)", "%.0f rows per CPU-second (%.0f to %.0f)", kept[len(kept)/2], kept[0], kept[len(kept)-1])
	t.add("  10,000,000 kept rows in a day", "< 120 s of CPU", "%.0f s (from the median)", 1e7/kept[len(kept)/2])
	if dsn == "" {
		t.add("  disk per million kept rows, delivery included", "≤ 100 MB", "%.0f MB", (h.disk()-before)/float64(days)*1.048576*1e6/float64(rows))
	}
	h.lists(&t)
	h.restart(&t)
	h.verify(&t)
	t.print(os.Stdout)
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// check holds the counts against the generator's.
func check(b *testing.B, got, want delivery) {
	b.Helper()
	want.Delivery, want.Seconds = got.Delivery, got.Seconds
	if got != want {
		b.Errorf("got %+v, want %+v", got, want)
	}
}

// load imports the prefixes and adds the source.
func (h *house) load(t *table, dir string, prefixes int) {
	path := filepath.Join(dir, "prefixes.csv")
	f, err := os.Create(path)
	must(h.b, err)
	must(h.b, writePrefixes(f, prefixes))
	must(h.b, f.Close())
	before, began := h.cpu(), time.Now()
	h.ask("constituency", "import", "--apply", path)
	t.add(fmt.Sprintf("import of %d prefixes of 20,000 operators", prefixes), "", "%.1f s of CPU, %.1f s wall", (h.cpu() - before).Seconds(), time.Since(began).Seconds())
	must(h.b, os.Remove(path))
	schema := filepath.Join(dir, "schema.json")
	must(h.b, os.WriteFile(schema, []byte(wideSchema), 0o600))
	h.ask("watch", "schema", "load", schema)
	h.ask("watch", "source", "add", "scans", "--mode", "shadow")
}

// watchWhile asks for pages and does acts until the returned function is called,
// which gives the times.
func (h *house) watchWhile() func() (acts, pages, signed []time.Duration) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var acts, pages, signed []time.Duration
	each := func(every time.Duration, f func(n int)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			tick := time.NewTicker(every)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-tick.C:
					f(n)
				}
			}
		}()
	}
	salt := time.Now().UnixNano()
	each(200*time.Millisecond, func(n int) {
		size := h.checkpoint()
		d, err := h.act(int(salt%1e9) + n)
		if err != nil {
			h.b.Error(err)
			return
		}
		acts, signed = append(acts, d), append(signed, h.signed(size))
	})
	each(50*time.Millisecond, func(n int) {
		paths := []string{"/", "/watch/findings", "/api/v1/watch/findings?state=open&severity=high&limit=50", "/watch/deliveries"}
		if d, err := h.get(paths[n%len(paths)]); err != nil {
			h.b.Error(err)
		} else {
			pages = append(pages, d)
		}
	})
	return func() ([]time.Duration, []time.Duration, []time.Duration) {
		close(stop)
		wg.Wait()
		return acts, pages, signed
	}
}

// spread writes the median, the 95th percentile and the maximum of times.
func spread(ds []time.Duration) string {
	if len(ds) == 0 {
		return "none measured"
	}
	slices.Sort(ds)
	at := func(p float64) time.Duration {
		return ds[min(int(p*float64(len(ds))), len(ds)-1)].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %v, p95 %v, max %v (%d)", at(0.5), at(0.95), at(1), len(ds))
}

// lists times the board and filtered lists.
func (h *house) lists(t *table) {
	for _, l := range []struct{ what, path string }{
		{"the board", "/"},
		{"list of findings, no filter", "/watch/findings"},
		{"list: state, severity and sector", "/watch/findings?state=open&severity=high&sector=health"},
		{"list: address range", "/watch/findings?ip=10.1.2.0/24"},
		{"API: list of 50, two filters", "/api/v1/watch/findings?state=open&severity=medium&limit=50"},
	} {
		var ds []time.Duration
		for range 40 {
			d, err := h.get(l.path)
			if err != nil {
				h.b.Error(err)
				break
			}
			ds = append(ds, d)
		}
		t.add(l.what, "< 20 ms", "%s", spread(ds))
	}
}

func (h *house) restart(t *table) {
	h.stop()
	var took []time.Duration
	for range 3 {
		took = append(took, h.start())
		h.stop()
	}
	h.start()
	t.add("restart with everything loaded", "< 5 s", "%s", spread(took))
}

func (h *house) verify(t *table) {
	began := time.Now()
	h.run("ledger", "verify", "--data", h.dir, "--json")
	t.add("ledger verify of this installation", "", "%v", time.Since(began).Round(time.Millisecond))
}
