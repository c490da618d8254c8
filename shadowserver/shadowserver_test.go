package shadowserver_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/idf"
	"almenara.example/mapping"
	"almenara.example/rows"
	"almenara.example/shadowserver"
)

// one loads a schema with one kind, "k", whose columns are entries.
func one(t *testing.T, constants, entries string) *mapping.Plan {
	t.Helper()
	s, err := shadowserver.LoadSchema(strings.NewReader(
		`{"_meta":{"date_created":"x"},"k":{"feed_name":"K","file_name":"k","constant_fields":{`+constants+`},`+
			`"required_fields":[["time.source","t","add_UTC_to_timestamp"]],"optional_fields":[`+entries+`]}}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan("k", nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// convert reads one row and gives it as JSON, or its reject.
func convert(p *mapping.Plan, header, row []string) string {
	b, _ := p.Bind(header)
	fields := make([][]byte, len(row))
	for i, v := range row {
		fields[i] = []byte(v)
	}
	var ev idf.Event
	if reject := b.Convert(&rows.Record{Fields: fields}, &ev); reject != nil {
		return fmt.Sprintf("%s: %s %v", reject.Column, reject.Reason, reject.IP)
	}
	return string(ev.AppendJSON(nil))
}

func TestEachConversionOfTheSchema(t *testing.T) {
	const none = `{}`
	for _, c := range []struct {
		entry  string // of column "c"
		in     string
		want   string // the event without its feed and time, or the reject
		header string // further columns, then "=" and their values
	}{
		{`["extra.","c"]`, "0", `{"extra.c":"0"}`, ""},
		{`["source.reverse_dns","c"]`, "Host.Example", `{"source.reverse_dns":"host.example"}`, ""},
		{`["destination.reverse_dns","c"]`, "no name", `{"extra.c":"no name"}`, ""},
		{`["extra.","c","validate_to_none"]`, "0", none, ""},
		{`["extra.","c","validate_to_none"]`, "unknown", none, ""},
		{`["extra.","c","validate_to_none"]`, "", none, ""},
		{`["extra.","c","validate_to_none"]`, "Unknown", `{"extra.c":"Unknown"}`, ""},
		{`["extra.","c","convert_int"]`, "0042", `{"extra.c":42}`, ""},
		{`["extra.","c","convert_int"]`, " -7 ", `{"extra.c":-7}`, ""},
		{`["extra.","c","convert_int"]`, "", none, ""},
		{`["extra.","c","convert_int"]`, "4.5", "c: bad_number invalid IP", ""},
		{`["source.port","c","convert_int"]`, "65536", "c: bad_number invalid IP", ""},
		{`["extra.","c","invalidate_zero"]`, "0", none, ""},
		{`["extra.","c","invalidate_zero"]`, "517311", `{"extra.c":517311}`, ""},
		{`["source.asn","c","invalidate_zero"]`, "0", "c: empty_required invalid IP", ""},
		{`["source.asn","c","invalidate_zero"]`, "x", "c: bad_number invalid IP", ""},
		{`["extra.","c","convert_float"]`, "1.50", `{"extra.c":1.50}`, ""},
		{`["extra.","c","convert_float"]`, "nan", "c: bad_number invalid IP", ""},
		{`["extra.","c","convert_bool"]`, "Y", `{"extra.c":true}`, ""},
		{`["extra.","c","convert_bool"]`, "Disabled", `{"extra.c":false}`, ""},
		{`["extra.","c","convert_bool"]`, "perhaps", none, ""},
		{`["extra.","c","convert_date"]`, "Sun, 06 Nov 1994 08:49:37 GMT", `{"extra.c":"1994-11-06T08:49:37+00:00"}`, ""},
		{`["extra.","c","convert_date"]`, "soon", `{"extra.c":"soon"}`, ""},
		{`["extra.","c","convert_date_utc"]`, "2021-03-27T00:00:01.5", `{"extra.c":"2021-03-27T00:00:01.500000+00:00"}`, ""},
		{`["destination.ip","c","validate_ip"]`, "2001:DB8::1", `{"destination.ip":"2001:db8::1"}`, ""},
		{`["destination.ip","c","validate_ip"]`, "0.0.0.0", none, ""},
		{`["destination.ip","c","validate_ip"]`, "192.0.2.0/24", none, ""},
		{`["destination.ip","c","validate_ip"]`, "192.0.2", "c: bad_ip invalid IP", ""},
		{`["source.ip","c","validate_ip"]`, "192.0.2.7", `{"source.ip":"192.0.2.7"}`, ""},
		{`["source.ip","c","validate_ip"]`, "", "c: empty_required invalid IP", ""},
		{`["source.ip","c","validate_ip"]`, "x", "c: bad_ip 192.0.2.9", "other=192.0.2.9"},
		{`["source.network","c","validate_network"]`, "192.0.2.9/24", `{"source.network":"192.0.2.0/24"}`, ""},
		{`["destination.network","c","validate_network"]`, "192.0.2.9", none, ""},
		{`["destination.network","c","validate_network"]`, "192.0.2.9/x", "c: bad_ip invalid IP", ""},
		{`["source.fqdn","c","validate_fqdn"]`, "WWW.Example.org.", `{"source.fqdn":"www.example.org"}`, ""},
		{`["destination.fqdn","c","validate_fqdn"]`, "192.0.2.1", none, ""},
		{`["extra.","c","extract_cve_from_tag"]`, "http;cve-2021-9;cve-2020-11;cve-2021-9;CVE-1-1;cve-x-1", `{"extra.c":"cve-2020-11;cve-2021-9"}`, ""},
		{`["product.vulnerabilities","c","extract_cve_from_tag"]`, "cve-2021-9", `{"product.vulnerabilities":"cve-2021-9"}`, ""},
		{`["product.vulnerabilities","c","extract_cve_from_tag"]`, "http;iot", none, ""},
		{`["extra.","c","force_base64"]`, "YWJj", `{"extra.c":"YWJj"}`, ""},
		{`["extra.","c","force_base64"]`, "GET /", `{"extra.c":"R0VUIC8="}`, ""},
		{`["destination.url","c","convert_http_host_and_url",true]`, "x", `{"destination.url":"http://a.example/p?q"}`, "http_host=a.example,url=GET /p?q HTTP/1.1"},
		{`["destination.url","c","convert_http_host_and_url",true]`, "x", `{"destination.url":"https://b.example/p"}`, "cc_dns=b.example,http_url=/p,application=https"},
		{`["destination.url","c","convert_http_host_and_url",true]`, "https://c.example/", `{"destination.url":"https://c.example/"}`, "http_host=a.example,url=/p"},
		{`["destination.url","c","convert_http_host_and_url",true]`, "/p", `{"extra.c":"/p"}`, ""},
		{`["event_description.text","c","category_or_detail",true]`, "", `{"event_description.text":"d"}`, "category=,detail=d"},
		{`["event_description.text","c","category_or_detail",true]`, "c", `{"event_description.text":"c"}`, "category=c,detail=d"},
		{`["classification.taxonomy","c","scan_exchange_taxonomy"]`, "exchange;webshell", `{"classification.taxonomy":"intrusions"}`, ""},
		{`["classification.taxonomy","c","scan_exchange_taxonomy"]`, "", `{"classification.taxonomy":"vulnerable"}`, ""},
		{`["classification.type","c","scan_exchange_type"]`, "webshell", `{"classification.type":"system-compromise"}`, ""},
		{`["classification.type","c","scan_exchange_type"]`, "exchange", `{"classification.type":"vulnerable-system"}`, ""},
		{`["classification.identifier","c","scan_exchange_identifier"]`, "webshell", `{"classification.identifier":"exchange-server-webshell"}`, ""},
		{`["classification.identifier","c","scan_exchange_identifier"]`, "x", `{"classification.identifier":"vulnerable-exchange-server"}`, ""},
		{`["not.yet.known","c"]`, "x", `{"extra.not.yet.known":"x"}`, ""},
		{`["severity","c","validate_to_none"]`, "HIGH", `{"severity":"high"}`, ""},
		{`["severity","c","validate_to_none"]`, "awful", `{"extra.c":"awful"}`, ""},
		{`[false,"c"]`, "x", none, ""},
	} {
		header, row := []string{"t", "c"}, []string{"2026-01-02 03:04:05", c.in}
		extra := ""
		if c.header != "" {
			for _, pair := range strings.Split(c.header, ",") {
				name, value, _ := strings.Cut(pair, "=")
				header, row = append(header, name), append(row, value)
				extra += `,[false,"` + name + `"]`
			}
		}
		got := convert(one(t, "", c.entry+extra), header, row)
		got = strings.Replace(got, `"time.source":"2026-01-02T03:04:05+00:00"`, "", 1)
		got = strings.Replace(got, `"feed.name":"K"`, "", 1)
		got = strings.NewReplacer("{,", "{", ",,", ",", ",}", "}").Replace(strings.NewReplacer(",,", ",").Replace(got))
		if got = strings.ReplaceAll(strings.ReplaceAll(got, "{,", "{"), ",}", "}"); got != c.want {
			t.Errorf("%s of %q (%s): got %s, want %s", c.entry, c.in, c.header, got, c.want)
		}
	}
	for in, want := range map[string]string{"": "t: empty_required invalid IP", "yesterday": "t: bad_time invalid IP", "2026-01-02 03:04:05": `{"time.source":"2026-01-02T03:04:05+00:00","feed.name":"K"}`} {
		if got := convert(one(t, "", `[false,"c"]`), []string{"t"}, []string{in}); got != want {
			t.Errorf("add_UTC_to_timestamp of %q: got %s, want %s", in, got, want)
		}
	}
}

func TestAnUnknownConversionIsAnErrorThatNamesReportColumnAndConversion(t *testing.T) {
	_, err := shadowserver.LoadSchema(strings.NewReader(
		`{"_meta":{"date_created":"x"},"scan_new":{"optional_fields":[["extra.","shade","convert_colour"]]}}`), 0)
	for _, want := range []string{"scan_new", "shade", "convert_colour"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func TestASchemaThatCannotBeUsedIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "not a JSON object",
		"[]":                             "not a JSON object",
		`{"scan_x":{}}`:                  "_meta.date_created",
		`{"_meta":{"date_created":"x"}}`: "no reports",
		`{"_meta":{"date_created":"x"},"a":{"optional_fields":[["source.ip"]]}}`:                                                    `report "a"`,
		`{"_meta":{"date_created":"x"},"a":{"optional_fields":[[7,"c"]]}}`:                                                          "field's name",
		`{"_meta":{"date_created":"x"},"a":{"optional_fields":[["source.ip","c","convert_bool"]]}}`:                                 "bool",
		`{"_meta":{"date_created":"x"},"a":{}}`:                                                                                     "at least one column",
		`{"_meta":{"date_created":"x"},"a":{"constant_fields":{"classification.type":"zz"},"optional_fields":[["source.ip","c"]]}}`: "zz",
		`{"_meta":{"date_created":"x"},"a":{"file_name":"f","optional_fields":[["source.ip","c"]]},"b":{"file_name":"f"}}`:          "another report",
		strings.Repeat(" ", 100): "larger than 64",
	} {
		limit := int64(0)
		if strings.HasPrefix(want, "larger") {
			limit = 64
		}
		if _, err := shadowserver.LoadSchema(strings.NewReader(text), limit); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want an error with %q", text, err, want)
		}
	}
}

func TestKindAndDayAreInTheFileName(t *testing.T) {
	for name, want := range map[string]string{
		"2026-05-01-scan_telnet-country-as.csv": "scan_telnet 2026-05-01",
		"scan_telnet.csv":                       "scan_telnet ",
		"in/2026-05-01-event4_sinkhole.csv.gz":  "event4_sinkhole 2026-05-01",
		`C:\in\2026-05-01-scan6_ssl-x.csv.zip`:  "scan6_ssl 2026-05-01",
		"2026-13-01-scan_x.csv":                 "scan_x ",
		"scan telnet.csv":                       "-",
		"scan_telnet.json":                      "-",
		"":                                      "-",
		"2026-05-01-.csv":                       "- 2026-05-01",
	} {
		kind, ok := shadowserver.KindOfFile(name)
		day, dated := shadowserver.DateOfFile(name)
		got := kind
		if !ok {
			got = "-"
		}
		if dated {
			got += " " + day.Format("2006-01-02")
		} else if ok {
			got += " "
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestAKindThatTheSchemaLacksIsAnErrorOfItsOwn(t *testing.T) {
	f, err := os.Open("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := shadowserver.LoadSchema(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"event4_sample", "scan_sample"}, s.Kinds()); diff != "" || s.Version() != "2026-01-01T00:00:00Z" || len(s.SHA256()) != 64 {
		t.Errorf("version %s, sum %s, kinds (-want +got)\n%s", s.Version(), s.SHA256(), diff)
	}
	if _, err := s.Plan("scan_none", nil); !errors.Is(err, shadowserver.ErrUnknownKind) {
		t.Errorf("got %v, want ErrUnknownKind", err)
	}
}

func TestAnInstallationsOwnRulesComeFirst(t *testing.T) {
	o, err := shadowserver.LoadOverlay(strings.NewReader("version = \"own\"\n[[rule]]\nkinds = [\"scan_sample\", \"scan_telnet\"]\n" +
		"key = [\"source.ip\"]\nfull_scan = true\ncloses_by = \"absence\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	p := sample(t)
	if diff := cmp.Diff([]string{"source.ip", "source.port", "protocol.transport"}, p.Key); diff != "" || p.ClosesBy != mapping.Person || p.FullScan {
		t.Errorf("a kind in no rule: closes by %s, full scan %v, key (-want +got)\n%s", p.ClosesBy, p.FullScan, diff)
	}
	f, err := os.Open("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := shadowserver.LoadSchema(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = s.Plan("scan_sample", o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"source.ip"}, p.Key); diff != "" || p.ClosesBy != mapping.Absence || !p.FullScan {
		t.Errorf("own rule: closes by %s, key (-want +got)\n%s", p.ClosesBy, diff)
	}
	if !o.Lists("scan_ssl") || !strings.HasPrefix(o.Version(), "own+") {
		t.Errorf("the standard rules are gone, version %s", o.Version())
	}
}

func TestAnOverlayThatCannotBeUsedIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"x":                    "overlay",
		"version = \"1\"\na=1": "unknown key a",
		"":                     "no version",
		"version = \"1\"\n[[rule]]\ncloses_by = \"person\"":                      "lists no kinds",
		"version = \"1\"\n[[rule]]\nkinds=[\"a\",\"a\"]\ncloses_by = \"person\"": "twice",
		"version = \"1\"\n[[rule]]\nkinds=[\"a\"]\ncloses_by = \"absence\"":      "full_scan",
		"version = \"1\"\n[[rule]]\nkinds=[\"a\"]\ncloses_by = \"expiry\"":       "expiry_days",
		"version = \"1\"\n[[rule]]\nkinds=[\"a\"]\ncloses_by = \"magic\"":        "magic",
	} {
		if _, err := shadowserver.LoadOverlay(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzLoadSchema(f *testing.F) {
	if text, err := os.ReadFile("testdata/schema.json"); err == nil {
		f.Add(text)
	}
	f.Add([]byte(`{"_meta":{"date_created":"x"},"a":{"optional_fields":[["source.ip","c","validate_ip"]]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := shadowserver.LoadSchema(strings.NewReader(string(data)), 1<<20)
		if err != nil {
			return
		}
		for _, kind := range s.Kinds() {
			p, err := s.Plan(kind, nil)
			if err != nil {
				t.Fatalf("a loaded schema has no plan for %q: %v", kind, err)
			}
			convert(p, p.Names(), p.Names())
		}
	})
}
