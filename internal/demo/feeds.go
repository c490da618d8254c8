package demo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// report is one sample delivery.
type report struct {
	source string
	file   string
	body   []byte
}

// scan describes one kind of report: which columns, and how a row is written.
type scan struct {
	kind    string
	port    int
	proto   string
	share   float64 // of the addresses that show it on a usual day
	columns string
	extra   func(n int, r *rand.Rand) string
	weights []string // severities, drawn evenly
}

func scans() []scan {
	return []scan{
		{"scan_telnet", 23, "tcp", 0.20, "banner", func(n int, _ *rand.Rand) string { return fmt.Sprintf("login %d:", n%7) }, []string{"high", "medium"}},
		{"scan_rdp", 3389, "tcp", 0.22, "subject_name", func(n int, _ *rand.Rand) string { return fmt.Sprintf("CN=desk-%03d", n) }, []string{"high", "medium", "medium"}},
		{"scan_smb", 445, "tcp", 0.18, "", nil, []string{"high", "low"}},
		{"scan_snmp", 161, "udp", 0.24, "sysdesc", func(n int, _ *rand.Rand) string { return fmt.Sprintf("switch firmware 4.%d", n%9) }, []string{"medium", "low"}},
		{"scan_http_vulnerable", 443, "tcp", 0.20, "tag", func(n int, _ *rand.Rand) string { return fmt.Sprintf("http;cve-2099-%04d", 1000+n%40) }, []string{"critical", "high", "medium"}},
		{"scan_ics", 502, "tcp", 0.05, "application,device", func(n int, _ *rand.Rand) string { return fmt.Sprintf("modbus,pump controller %d", n%12) }, []string{"critical", "high"}},
	}
}

// days are the days of the sample deliveries, oldest first, the last one today.
func days(now time.Time) []time.Time {
	today := now.UTC().Truncate(24 * time.Hour)
	return []time.Time{today.AddDate(0, 0, -2), today.AddDate(0, 0, -1), today}
}

// addresses are all that scans can find: every second address of the
// documentation ranges, and a few of each company's IPv6.
func addresses() []netip.Addr {
	var out []netip.Addr
	for n := 0; n < 720; n++ {
		if n%8 != 0 && n%8 != 7 {
			out = append(out, v4(n))
		}
	}
	for i := range companies() {
		base := v6(i + 1).Addr().As16()
		base[15] = 0x10
		out = append(out, netip.AddrFrom16(base))
	}
	return out
}

// reportsOf writes the deliveries of one of the three days, always the same.
// Between two days some findings go, some come, some come back and some get worse.
func reportsOf(day time.Time, n int) []report {
	date := day.Format("2006-01-02")
	out := make([]report, 0, 10)
	for i, s := range scans() {
		body := s.write(day, n, uint64(i))
		r := report{source: "atalaya-scans", file: date + "-" + s.kind + "-atalaya.csv", body: body}
		if s.kind == "scan_snmp" {
			r.file += ".gz"
			r.body = zipped(body)
		}
		out = append(out, r)
	}
	out = append(out,
		report{source: "sinkhole", file: date + "-event4_sinkhole-atalaya.csv", body: sinkhole(day, n)},
		report{source: "honeypots", file: date + "-honeypot.jsonl", body: honeypot(day, n)},
	)
	if n == 0 {
		out = append(out, report{source: "partner-phishing", file: date + "-phishing.csv", body: phishing(day)})
	}
	return out
}

func (s scan) write(day time.Time, n int, seed uint64) []byte {
	var b bytes.Buffer
	b.WriteString("timestamp,ip,protocol,port,asn,geo,severity")
	if s.columns != "" {
		b.WriteString("," + s.columns)
	}
	b.WriteString("\n")
	for i, a := range addresses() {
		r := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // samples: the same address behaves the same
		if r.Float64() >= s.share || !shown(r, n) {
			continue
		}
		severity := s.weights[r.IntN(len(s.weights))]
		if n == 2 && r.IntN(20) == 0 {
			severity = "critical"
		}
		fmt.Fprintf(&b, "%s,%s,%s,%d,%d,XA,%s", stamp(day, i), a, s.proto, s.port, asnOf(i), severity)
		if s.extra != nil {
			b.WriteString("," + s.extra(i, r))
		}
		b.WriteString("\n")
	}
	if n == 1 {
		b.WriteString(badRows(s, day))
	}
	return b.Bytes()
}

// shown draws whether a finding is there on the n-th day: most stay, some are
// mended, some are new, a few come back.
func shown(r *rand.Rand, n int) bool {
	switch d := r.IntN(20); {
	case d < 10:
		return true
	case d < 12:
		return n <= 1
	case d < 15:
		return n == 0
	case d < 17:
		return n != 1
	case d < 19:
		return n >= 1
	}
	return n == 2
}

// badRows are what feeds bring now and then: each goes to quarantine with its
// reason.
func badRows(s scan, day time.Time) string {
	rest := ""
	if s.columns != "" {
		rest = strings.Repeat(",x", strings.Count(s.columns, ",")+1)
	}
	return fmt.Sprintf("%s,192.0.2.999,%s,%d,64496,XA,high%s\n", stamp(day, 1), s.proto, s.port, rest) +
		fmt.Sprintf("yesterday,198.51.100.20,%s,%d,64496,XA,high%s\n", s.proto, s.port, rest) +
		fmt.Sprintf("%s,203.0.113.9,%s\n", stamp(day, 2), s.proto)
}

func stamp(day time.Time, n int) string {
	return day.Add(3*time.Hour + time.Duration(n)*7*time.Second).Format("2006-01-02 15:04:05")
}

func asnOf(n int) int { return 64496 + n%len(networks()) }

func sinkhole(day time.Time, n int) []byte {
	var b bytes.Buffer
	b.WriteString("timestamp,src_ip,src_port,src_asn,src_geo,severity,infection\n")
	for i, a := range addresses() {
		r := rand.New(rand.NewPCG(77, uint64(i))) //nolint:gosec // samples, always the same
		if r.Float64() < 0.10 && shown(r, n) {
			fmt.Fprintf(&b, "%s,%s,%d,%d,XA,high,sample-bot-%d\n", stamp(day, i), a, 1024+r.IntN(60000), asnOf(i), r.IntN(4))
		}
	}
	return b.Bytes()
}

func honeypot(day time.Time, n int) []byte {
	var b bytes.Buffer
	for i, a := range addresses() {
		r := rand.New(rand.NewPCG(99, uint64(i))) //nolint:gosec // samples, always the same
		if r.Float64() < 0.12 && shown(r, n) {
			fmt.Fprintf(&b, `{"seen":%q,"peer":{"address":%q,"asn":%d,"country":"XA"},"tries":%d}`+"\n",
				day.Add(time.Duration(i)*time.Minute).Format(time.RFC3339), a, asnOf(i), 3+r.IntN(500))
		}
	}
	if n == 2 {
		b.WriteString("{\"seen\": \"half a line\n")
	}
	return b.Bytes()
}

func phishing(day time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("first_seen;url;host;address;impersonates\n")
	for i, c := range companies() {
		if i%6 == 0 {
			fmt.Fprintf(&b, "%s;https://login-%d.%s/;login-%d.%s;%s;%s\n", stamp(day, i), i, c.host, i, c.host, v4(i*perCompany+2), c.name)
		}
	}
	return b.Bytes()
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return b // writing to memory does not fail
	}
	if err := w.Close(); err != nil {
		return b
	}
	return slices.Clone(out.Bytes())
}
