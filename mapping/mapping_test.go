package mapping_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/idf"
	"almenara.example/mapping"
	"almenara.example/rows"
)

const telnet = `
kind = "open_telnet"
feed = "Open telnet"
version = "2026-05-01"
format = "csv"
delimiter = ";"
severity = "medium"
key = ["source.ip", "source.port", "protocol.transport"]
full_scan = true
closes_by = "absence"

[class]
taxonomy = "vulnerable"
type = "potentially-unwanted-accessible"
identifier = "open-telnet"

[constants]
"protocol.transport" = "tcp"

[[column]]
name = "when"
field = "time.source"
required = true

[[column]]
name = "address"
field = "source.ip"
conversion = "ip"
required = true

[[column]]
name = "port"
field = "source.port"
conversion = "int"

[[column]]
name = "name"
field = "source.reverse_dns"

[[column]]
name = "grade"
field = "severity"

[[column]]
name = "banner"
`

func load(t testing.TB, text string) *mapping.Plan {
	t.Helper()
	p, err := mapping.Load(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// scan reads a file and gives a line per row: the event's JSON without its
// constants, or the reject.
func scan(t testing.TB, p *mapping.Plan, in io.Reader) ([]string, mapping.Fit) {
	t.Helper()
	s, err := p.Open(in, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var ev idf.Event
	for {
		rec, reject, err := s.Next(&ev)
		switch {
		case errors.Is(err, io.EOF):
			return out, s.Fit()
		case err != nil:
			t.Fatal(err)
		case reject != nil:
			out = append(out, fmt.Sprintf("%d@%d+%d %s %s %v", reject.Line, reject.Offset, reject.Len, reject.Column, reject.Reason, reject.IP))
		default:
			out = append(out, fmt.Sprintf("%d@%d+%d %s", rec.Line, rec.Offset, rec.Len, ev.AppendJSON(nil)))
		}
	}
}

func TestAFileGoesThroughAMapping(t *testing.T) {
	p := load(t, telnet)
	in := "when;address;port;name;grade;banner;new\n" +
		"2026-05-01 01:02:03;192.0.2.1;23;Host.Example;HIGH;hello;n\n" +
		"2026-05-01 01:02:03;192.0.2.2;;no name;odd;;\n" +
		"2026-05-01 01:02:03;192.0.2.333;23;;;;\n" +
		"never;192.0.2.4;23;;;;\n" +
		";192.0.2.5;23;;;;\n" +
		"2026-05-01 01:02:03;192.0.2.6;99999;;;;\n" +
		"2026-05-01 01:02:03;192.0.2.7\n" +
		"2026-05-01 01:02:03;;23;;;;192.0.2.8\n"
	got, fit := scan(t, p, strings.NewReader(in))
	constants := `"feed.name":"Open telnet"`
	class := `"classification.identifier":"open-telnet","classification.taxonomy":"vulnerable","classification.type":"potentially-unwanted-accessible","protocol.transport":"tcp"`
	want := []string{
		`2@40+58 {` + class + `,"severity":"high","source.ip":"192.0.2.1","source.port":23,"time.source":"2026-05-01T01:02:03+00:00","source.reverse_dns":"host.example","extra.banner":"hello","extra.new":"n",` + constants + `}`,
		`3@99+44 {` + class + `,"severity":"medium","source.ip":"192.0.2.2","time.source":"2026-05-01T01:02:03+00:00","extra.name":"no name","extra.grade":"odd",` + constants + `}`,
		`4@144+38 address bad_ip invalid IP`,
		`5@183+22 when bad_time 192.0.2.4`,
		`6@206+17 when empty_required 192.0.2.5`,
		`7@224+39 port bad_number 192.0.2.6`,
		`8@264+29  too_few_columns 192.0.2.7`,
		`9@294+36 address empty_required 192.0.2.8`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(mapping.Fit{Found: 6, Added: []string{"new"}}, fit); diff != "" {
		t.Errorf("fit (-want +got)\n%s", diff)
	}
}

func TestJSONLinesGoThroughTheSamePlan(t *testing.T) {
	p := load(t, strings.NewReplacer(`"csv"`, `"jsonl"`, `delimiter = ";"`, "").Replace(telnet))
	in := `{"when":"2026-05-01T01:02:03Z","address":"192.0.2.1","port":23,"deep":{"x":true}}` + "\n" +
		`{"when":"2026-05-01T01:02:03Z","address":"192.0.2.2","port":"x"}` + "\n" +
		`{"when":1}` + "\n" + `{` + "\n" + `{"address":"192.0.2.9","when":"2026-05-01","late":1}`
	got, fit := scan(t, p, strings.NewReader(in))
	want := []string{"1@", "2@82+64 port bad_number 192.0.2.2", "3@147+10 when bad_time invalid IP", "4@158+1  bad_json invalid IP", "5@"}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("row %d: got %s, want %s", i, got[i], want[i])
		}
	}
	if !strings.Contains(got[0], `"extra.deep.x":"true"`) || !strings.Contains(got[4], `"extra.late":"1"`) {
		t.Errorf("added names are lost: %s, %s", got[0], got[4])
	}
	if diff := cmp.Diff(mapping.Fit{Found: 3, Lost: []string{"name", "grade", "banner"}, Added: []string{"deep.x", "late"}}, fit); diff != "" {
		t.Errorf("fit (-want +got)\n%s", diff)
	}
}

func TestLostColumnsAreToldAndFailNothing(t *testing.T) {
	p := load(t, telnet)
	got, fit := scan(t, p, strings.NewReader("banner;banner;\nx;y;z\n"))
	want := mapping.Fit{
		Found: 1, Lost: []string{"when", "address", "port", "name", "grade"}, LostRequired: []string{"when", "address"},
		Added: []string{""}, Duplicate: []string{"banner"}, LostKey: []string{"source.ip", "source.port"},
	}
	if diff := cmp.Diff(want, fit); diff != "" || !fit.Weak() {
		t.Errorf("fit (-want +got)\n%s", diff)
	}
	if len(got) != 1 || !strings.Contains(got[0], `"extra.banner":"x"`) || !strings.Contains(got[0], `"extra.column_3":"z"`) {
		t.Errorf("got %s, want the row accepted", got)
	}
}

func TestExtraNamesNeverCollide(t *testing.T) {
	p := load(t, "kind=\"k\"\nversion=\"1\"\n[[column]]\nname=\"ip\"\nfield=\"source.ip\"\n[[column]]\nname=\"a\"\nfield=\"extra.b\"\n[[column]]\nname=\"c\"\nfield=\"source.fqdn\"\n")
	got, _ := scan(t, p, strings.NewReader("ip,a,b,c,c_2\n192.0.2.1,1,2,not a name,4\n"))
	for _, want := range []string{`"extra.b":"1"`, `"extra.b_2":"2"`, `"extra.c":"not a name"`, `"extra.c_2":"4"`} {
		if !strings.Contains(got[0], want) {
			t.Errorf("got %s, want %s in it", got[0], want)
		}
	}
}

func TestARowSetAsideIsReadAgainAlone(t *testing.T) {
	p := load(t, telnet)
	header := []string{"when", "address", "port"}
	var ev idf.Event
	_, reject, err := p.Rerun(header, ';', strings.NewReader("2026-05-01;192.0.2.1;x"), &ev)
	if err != nil || reject == nil || reject.Reason != mapping.BadNumber {
		t.Fatalf("got %v, %v, want bad_number", reject, err)
	}
	p = load(t, strings.Replace(telnet, `conversion = "int"`, `conversion = "set"`, 1))
	if _, reject, err = p.Rerun(header, ';', strings.NewReader("2026-05-01;192.0.2.1;0"), &ev); err != nil || reject != nil || !ev.IP.IsValid() {
		t.Errorf("got %v, %v, want it accepted", reject, err)
	}
}

func TestEveryMistakeInAMappingIsNamedWithItsLine(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown key":         {"[class]", "colour = 1\n[class]", "line 12: colour: this key is not known"},
		"unknown column key":  {`conversion = "int"`, `convert = "int"`, "line 34: column.convert: this key is not known"},
		"broken TOML":         {`kind = "open_telnet"`, `kind = open`, "line 2: kind"},
		"wrong type":          {`full_scan = true`, `full_scan = "yes"`, "full_scan"},
		"bad kind":            {`"open_telnet"`, `"Open Telnet"`, `line 2: kind: must be`},
		"no version":          {`version = "2026-05-01"`, ``, `version: is missing: a mapping needs a version (an example: version = "2026-05-01")`},
		"bad format":          {`"csv"`, `"xml"`, `line 5: format: "xml" is not a format`},
		"bad delimiter":       {`";"`, `"ab"`, `line 6: delimiter: must be one ASCII character`},
		"bad severity":        {`severity = "medium"`, `severity = "odd"`, `line 7: severity`},
		"bad key":             {`"source.port", `, `"source.prt", `, `line 8: key: "source.prt" is not a field`},
		"key without column":  {`"source.port", `, `"source.url", `, `line 8: key: the key has source.url, which no column`},
		"key twice":           {`"source.port", `, `"source.ip", `, `source.ip twice`},
		"absence, no full":    {`full_scan = true`, ``, `full_scan`},
		"bad closes_by":       {`"absence"`, `"magic"`, `line 10: closes_by`},
		"expiry without days": {`"absence"`, `"expiry"`, `expiry_days`},
		"bad class":           {`"vulnerable"`, `"bad"`, `line 13: class.taxonomy: "bad" is not a value of classification.taxonomy (an example: "vulnerable")`},
		"bad constant":        {`= "tcp"`, `= "not a transport"`, `line 18: constants.protocol.transport`},
		"unknown field":       {`"source.reverse_dns"`, `"source.name"`, `line 38: column[4].field: "source.name" is not a field of the event format (an example: field = "source.ip"`},
		"unknown conversion":  {`conversion = "int"`, `conversion = "integer"`, `line 34: column[3].conversion: "integer" is not a conversion`},
		"unfit conversion":    {`conversion = "int"`, `conversion = "ip"`, `line 34: column[3].conversion: conversion ip does not make a value of source.port`},
		"filled twice":        {`"source.reverse_dns"`, `"source.port"`, `line 38: column[4].field: source.port is filled twice`},
		"column without name": {`name = "port"`, ``, `column[3].name: is missing`},
		"column and constant": {`field = "severity"`, `field = "protocol.transport"`, `protocol.transport is filled twice`},
	} {
		text := strings.Replace(telnet, c.old, c.new, 1)
		if text == telnet {
			t.Fatalf("%s: nothing was changed", name)
		}
		_, err := mapping.Load(strings.NewReader(text))
		var bad *mapping.LoadError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a LoadError with %q", name, err, c.want)
		}
	}
	if _, err := mapping.Load(strings.NewReader(strings.Repeat("#", 2<<20))); err == nil {
		t.Error("a huge file: got no error, want one")
	}
}

func TestAMappingWithoutKeyGetsTheUsualOne(t *testing.T) {
	const head = "kind=\"k\"\nversion=\"1\"\n"
	column := func(fields ...string) string {
		text := head
		for i, f := range fields {
			text += fmt.Sprintf("[[column]]\nname=\"c%d\"\nfield=\"%s\"\n", i, f)
		}
		return text
	}
	for text, want := range map[string][]string{
		column("source.port", "source.ip", "time.source"):      {"source.ip", "source.port"},
		column("source.account", "source.fqdn", "time.source"): {"source.fqdn", "source.account"},
		column("time.source", "extra.x", "malware.name"):       {"extra.x", "malware.name"},
		column("time.source"):                                  {"time.source"},
	} {
		p := load(t, text)
		if diff := cmp.Diff(want, p.Key); diff != "" || p.ClosesBy != mapping.Person {
			t.Errorf("%s closes by %s (-want +got)\n%s", text, p.ClosesBy, diff)
		}
	}
}

func TestKeysDifferExactlyWhenTheirPartsDo(t *testing.T) {
	p := load(t, "kind=\"k\"\nversion=\"1\"\nkey=[\"extra.a\",\"extra.b\",\"extra.c\"]\n[[column]]\nname=\"a\"\n[[column]]\nname=\"b\"\n[[column]]\nname=\"c\"\n")
	b, _ := p.Bind([]string{"a", "b", "c"})
	part := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab\x01\x02é")), 0, 3, -1), 3, 3)
	key := func(parts []string) []byte {
		fields := make([][]byte, len(parts))
		for i, s := range parts {
			fields[i] = []byte(s)
		}
		var ev idf.Event
		if reject := b.Convert(&rows.Record{Fields: fields}, &ev); reject != nil {
			t.Fatalf("%q: %v", parts, reject)
		}
		return b.AppendKey(nil, &ev)
	}
	rapid.Check(t, func(t *rapid.T) {
		x, y := part.Draw(t, "x"), part.Draw(t, "y")
		if bytes.Equal(key(x), key(y)) != slices.Equal(x, y) {
			t.Fatalf("%q and %q: keys %x and %x", x, y, key(x), key(y))
		}
	})
}

func TestARowWithShiftedColumnsTellsEveryAddressThatMayBeMeant(t *testing.T) {
	s, err := load(t, telnet).Open(strings.NewReader("when;address;port\n2026-05-01;192.0.2.1;23;192.0.2.2\nnever;192.0.2.3;23\n"), 0)
	if err != nil {
		t.Fatal(err)
	}
	var ev idf.Event
	for _, want := range []string{"[192.0.2.1 192.0.2.2]", "[192.0.2.3]"} {
		_, reject, err := s.Next(&ev)
		if err != nil || reject == nil || fmt.Sprint(reject.IPs) != want {
			t.Errorf("got %+v, %v, want the addresses %s", reject, err, want)
		}
	}
}

func TestEveryReadableAddressOfABadRowIsFound(t *testing.T) {
	b, _ := load(t, telnet).Bind([]string{"when", "address", "port"})
	fields := [][]byte{[]byte("0.0.0.0"), []byte("x"), []byte(" 192.0.2.1 "), []byte("2001:db8::1"), []byte("192.0.2.1")}
	want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	if got := b.AppendReadableIPs(nil, fields); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := b.ReadableIP(fields); got != want[0] {
		t.Errorf("got %v, want %v", got, want[0])
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(telnet)
	f.Add("kind=\"k\"\nversion=\"1\"\n[[column]]\nname=\"a\"\nconversion=\"contains\"\ncontains=\"x\"\nthen=\"a\"\nelse=\"b\"\n")
	f.Add("kind=\"k\"\nversion=\"1\"\n[[column]]\nname=\"a\"\nconversion=\"http_url\"\nhosts=[\"h\"]\npaths=[\"a\"]\n")
	f.Add("kind=\"k\"\nversion=\"1\"\n[[column]]\nname=\"a\"\nfield=\"time.source\"\nconversion=\"epoch\"\n[[column]]\nname=\"b\"\nconversion=\"first_of\"\nfirst_of=[\"a\"]")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := mapping.Load(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, value := range []string{"", "1", "192.0.2.1", "2026-01-01", "a.example", "/x"} {
			b, fit := p.Bind(p.Names())
			if len(fit.Lost) > 0 || len(fit.Added) > 0 {
				t.Fatalf("a plan does not fit its own columns: %+v", fit)
			}
			fields := make([][]byte, len(p.Names()))
			for i := range fields {
				fields[i] = []byte(value)
			}
			var ev, back idf.Event
			if b.Convert(&rows.Record{Fields: fields}, &ev) == nil {
				if err := idf.DecodeJSON(ev.AppendJSON(nil), &back); err != nil {
					t.Fatalf("%s: %v", ev.AppendJSON(nil), err)
				}
			}
		}
	})
}
