package watch

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/shadowserver"
)

// wideSchema has 26 columns, like the reports of scans of web servers.
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

const wideHeader = "timestamp,ip,port,severity,protocol,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,http," +
	"http_code,http_reason,content_type,connection,www_authenticate,set_cookie,server,content_length,transfer_encoding,http_date,version\n"

// writeWide writes a report of n rows, one in a hundred bad, addresses shuffled.
func writeWide(w io.Writer, n int, day string, seed uint64) error {
	b := bufio.NewWriterSize(w, 1<<20)
	r := rand.New(rand.NewPCG(seed, 1))
	order := rand.New(rand.NewPCG(7, uint64(n))).Perm(n)
	b.WriteString(wideHeader)
	sev := []string{"low", "medium", "high"}
	for _, i := range order {
		ip := "10." + strconv.Itoa(i>>16&255) + "." + strconv.Itoa(i>>8&255) + "." + strconv.Itoa(i&255)
		if i%100 == 99 {
			ip = "10.0.bad." + strconv.Itoa(i)
		}
		fmt.Fprintf(b, "%s 0%d:%02d:%02d,%s,80,%s,tcp,host-%d.example,http;web,%d,AT,REGION-%d,CITY-%d,0,,Communications,HTTP/1.1,"+
			"200,OK,text/html; charset=UTF-8,keep-alive,,session=%016x,nginx/1.%d,%d,chunked,\"Tue, 17 Nov 2026 03:%02d:%02d GMT\",1.%d\n",
			day, i%10, i/7%60, i/3%60, ip, sev[i%3], i, 64496+i%16, i%20, i%200, r.Uint64(), i%25, r.IntN(100000), i/7%60, i/3%60, i%9)
	}
	return b.Flush()
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIntake takes in a report whose findings are all new and then one that
// keeps them all. It reports rows per CPU-second of the whole process.
func BenchmarkIntake(b *testing.B) {
	n := 200_000
	if s := os.Getenv("ALMENARA_BENCH_ROWS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	for b.Loop() {
		dir := b.TempDir()
		w, lead := benchHouse(b, dir)
		for day := 17; day <= 19; day++ {
			date := fmt.Sprintf("2026-11-%d", day)
			path := filepath.Join(dir, date+"-scan_http.csv")
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			if err := writeWide(f, n, date, uint64(day)); err != nil {
				b.Fatal(err)
			}
			if _, err := f.Seek(0, 0); err != nil {
				b.Fatal(err)
			}
			began, from := time.Now(), cpu()
			if _, err := w.Receive(b.Context(), lead, Arrival{Source: "scans", FileName: filepath.Base(path), Body: f}); err != nil {
				b.Fatal(err)
			}
			received := cpu() - from
			if err := w.Work(b.Context()); err != nil {
				b.Fatal(err)
			}
			used := cpu() - from
			b.Logf("%s: %.0f rows per CPU-second, %.2f s CPU (%.2f to receive), %.2f s wall", date,
				float64(n)/used.Seconds(), used.Seconds(), received.Seconds(), time.Since(began).Seconds())
			f.Close()
		}
	}
}

func benchHouse(b *testing.B, dir string) (*Watch, act.Actor) {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	db, err := sqldb.Open(b.Context(), sqldb.Config{Path: filepath.Join(dir, "bench.db")})
	check(err)
	b.Cleanup(func() { db.Close() })
	check(sqldb.Migrate(b.Context(), db, lines()))
	policies, err := guard.LoadPolicies()
	check(err)
	log := slog.New(slog.DiscardHandler)
	clk := clocktest.New(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	acts := act.New(act.Config{DB: db, Clock: clk, IDs: id.NewSource(clk, nil), Decider: policies, Log: log})
	g := guard.New(acts)
	con := constituency.New(acts, g, log)
	check(blob.GenerateMaster(filepath.Join(dir, "master")))
	blobs, err := blob.Open(blob.Config{Dir: filepath.Join(dir, "blobs"), MasterKey: filepath.Join(dir, "master"), Clock: clk})
	check(err)
	overlay, err := shadowserver.DefaultOverlay()
	check(err)
	w := New(Config{
		Acts: acts, Guard: g, Constituency: con, Blobs: blobs, Overlay: overlay, Log: log,
		Numbers: id.NewNumbers("ALM", "finding", []byte("bench")),
	})
	_, err = g.Found(b.Context(), "CSIRT", "AT")
	check(err)
	check(con.Load(b.Context()))
	check(w.Load(b.Context()))
	lead := act.Actor{ID: "person:1", Kind: act.Person, Org: guard.OwnOrg, Roles: []string{guard.RoleDutyLead}}
	_, _, err = w.LoadSchema(b.Context(), lead, strings.NewReader(wideSchema))
	check(err)
	_, err = w.AddSource(b.Context(), lead, "scans", SourceSettings{Mode: Live})
	check(err)
	return w, lead
}

// BenchmarkLists times the board, lists and a restart over many findings.
func BenchmarkLists(b *testing.B) {
	n := 200_000
	if s := os.Getenv("ALMENARA_BENCH_ROWS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	dir := b.TempDir()
	w, lead := benchHouse(b, dir)
	var report strings.Builder
	if err := writeWide(&report, n, "2026-11-17", 1); err != nil {
		b.Fatal(err)
	}
	if _, err := w.Receive(b.Context(), lead, Arrival{Source: "scans", FileName: "2026-11-17-scan_http.csv", Body: strings.NewReader(report.String())}); err != nil {
		b.Fatal(err)
	}
	if err := w.Work(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Run("board", func(b *testing.B) {
		for b.Loop() {
			if _, err := w.Board(b.Context(), w.read, guard.OwnOrg); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, f := range map[string]Filter{
		"all": {}, "open": {States: []State{Open}}, "open-high": {States: []State{Open}, Severities: []Severity{High, Medium}},
		"kind-open": {Kinds: []string{"scan_http"}, States: []State{Open}, Severities: []Severity{Low}},
		"address":   {IP: netip.MustParsePrefix("10.1.2.0/24")},
	} {
		b.Run("list-"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := w.List(b.Context(), w.read, f, Page{Reader: guard.OwnOrg}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			again := New(Config{Acts: w.acts, Guard: w.guard, Constituency: w.constituency, Blobs: w.blobs, Overlay: w.rules, Log: w.log, Numbers: w.numbers})
			if err := again.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
