package shadowserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"almenara.example/idf"
	"almenara.example/mapping"
	"almenara.example/shadowserver"
)

// sample is the plan of the kind that the benchmark's reports have.
func sample(t testing.TB) *mapping.Plan {
	t.Helper()
	f, err := os.Open("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := shadowserver.LoadSchema(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan("scan_sample", overlay(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const sampleHeader = "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector," +
	"http,http_code,http_reason,content_type,connection,www_authenticate,set_cookie,server,content_length,transfer_encoding,http_date,version"

// sampleReport makes a report of n rows, 26 columns, about 330 bytes each. Of
// a hundred rows one is bad.
func sampleReport(n int, quoted bool) []byte {
	var b bytes.Buffer
	b.WriteString(sampleHeader + "\n")
	for i := range n {
		ip := fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)
		if i%100 == 99 {
			ip = "10.0.0.999"
		}
		row := []string{
			fmt.Sprintf("2026-03-01 %02d:%02d:%02d", i/3600%24, i/60%60, i%60), "medium", ip, "tcp", fmt.Sprint(80 + i%5*1000),
			fmt.Sprintf("host-%d.customers.example.net", i), "http;iot", fmt.Sprint(64496 + i%16), "ES", "MADRID", "ALCALA DE HENARES", "517311",
			"ptr", "Communications and Hosting", "HTTP/1.1", "200", "OK", "text/html; charset=utf-8", "keep-alive",
			`Basic realm=''router''`, fmt.Sprintf("session=%016x", i*7919), "nginx/1.24.0", fmt.Sprint(i % 90000), "chunked",
			fmt.Sprintf("Sun, %02d Mar 2026 %02d:%02d:%02d GMT", 1+i%28, i%24, i%60, i%60), fmt.Sprintf("1.%d", i%30),
		}
		for k, v := range row {
			if k > 0 {
				b.WriteByte(',')
			}
			if strings.Contains(v, ",") || quoted && strings.Trim(v, "0123456789") != "" {
				v = `"` + v + `"`
			}
			b.WriteString(v)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReport parses and validates every column of a report and makes the
// key of every row. rows/cpu-s is by the processor time of the process.
func BenchmarkReport(b *testing.B) {
	const n = 50_000
	p := sample(b)
	for _, c := range []struct {
		name   string
		quoted bool
	}{{"plain", false}, {"quoted", true}} {
		b.Run(c.name, func(b *testing.B) {
			text := sampleReport(n, c.quoted)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			start := cpuTime()
			for b.Loop() {
				events, bad := readAll(b, p, text)
				if events+bad != n || bad != n/100 {
					b.Fatalf("got %d events and %d rejects", events, bad)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/(cpuTime()-start).Seconds(), "rows/cpu-s")
			b.ReportMetric(float64(len(text))/n, "B/row")
		})
	}
}

func readAll(t testing.TB, p *mapping.Plan, text []byte) (events, bad int) {
	scan, err := p.Open(bytes.NewReader(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	var ev idf.Event
	var key []byte
	for {
		_, reject, err := scan.Next(&ev)
		switch {
		case errors.Is(err, io.EOF):
			return events, bad
		case err != nil:
			t.Fatal(err)
		case reject != nil:
			bad++
		default:
			key = scan.AppendKey(key[:0], &ev)
			events++
		}
	}
}

func TestReadingAReportAllocatesNothingPerRow(t *testing.T) {
	p := sample(t)
	few, many := sampleReport(100, true), sampleReport(10_100, true)
	cost := func(text []byte) float64 { return testing.AllocsPerRun(3, func() { readAll(t, p, text) }) }
	if a, b := cost(few), cost(many); b-a > 20 {
		t.Errorf("got %v allocations for 100 rows and %v for 10,100, want the same", a, b)
	}
}
