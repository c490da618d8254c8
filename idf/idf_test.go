package idf_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/idf"
	"almenara.example/rsit"
)

func TestTheVocabularyIsSortedAndFoundByName(t *testing.T) {
	fields := idf.Fields()
	if len(fields) != 87 {
		t.Errorf("got %d fields, want 82 of the harmonisation and 5 of release 3.5", len(fields))
	}
	if !slices.IsSortedFunc(fields, func(a, b idf.Field) int { return strings.Compare(a.String(), b.String()) }) {
		t.Error("the vocabulary is not in the order of names")
	}
	for _, f := range fields {
		if got, ok := idf.FieldByName(f.String()); !ok || got != f {
			t.Errorf("FieldByName(%q): got %v, %v", f, got, ok)
		}
		if got, ok := idf.FieldByName([]byte(f.String())); !ok || got != f {
			t.Errorf("FieldByName of bytes %q: got %v, %v", f, got, ok)
		}
	}
	for _, name := range []string{"", "extra.tag", "source", "source.ip4", "zzz", "a"} {
		if f, ok := idf.FieldByName(name); ok {
			t.Errorf("FieldByName(%q): got %v, want none", name, f)
		}
	}
}

func TestEachTypeKeepsTheCanonicalFormOrRefuses(t *testing.T) {
	for _, c := range []struct {
		field    idf.Field
		in, want string // want "!" when the value is refused
	}{
		{idf.SourceIP, "192.0.2.1", "192.0.2.1"},
		{idf.SourceIP, "2001:DB8::0:1", "2001:db8::1"},
		{idf.SourceIP, "::ffff:192.0.2.1", "192.0.2.1"},
		{idf.SourceIP, "192.0.2.256", "!"},
		{idf.SourceIP, "192.0.2.01", "!"},
		{idf.SourceIP, "fe80::1%eth0", "!"},
		{idf.SourceIP, "192.0.2.0/24", "!"},
		{idf.DestinationIP, "::FFFF:192.0.2.1", "192.0.2.1"},
		{idf.DestinationIP, "2001:db8:0:0::1", "2001:db8::1"},
		{idf.SourceNetwork, "192.0.2.77/24", "192.0.2.0/24"},
		{idf.SourceNetwork, "2001:db8::1/32", "2001:db8::/32"},
		{idf.SourceNetwork, "192.0.2.0/33", "!"},
		{idf.SourceNetwork, "192.0.2.0", "!"},
		{idf.SourceNetwork, "::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{idf.SourcePort, "443", "443"},
		{idf.SourcePort, "0443", "443"},
		{idf.SourcePort, "65536", "!"},
		{idf.SourcePort, "-1", "!"},
		{idf.SourcePort, "0", "0"},
		{idf.DestinationPort, "00080", "80"},
		{idf.DestinationPort, "70000", "!"},
		{idf.SourceASN, "AS64496", "64496"},
		{idf.SourceASN, "0", "!"},
		{idf.SourceASN, "4294967296", "!"},
		{idf.DestinationASN, "as64496", "64496"},
		{idf.DestinationASN, "64496", "64496"},
		{idf.DestinationASN, "x", "!"},
		{idf.SourceFQDN, "WWW.Example.ORG.", "www.example.org"},
		{idf.SourceFQDN, "bücher.example", "xn--bcher-kva.example"},
		{idf.SourceFQDN, "localhost", "!"},
		{idf.SourceFQDN, "192.0.2.1", "!"},
		{idf.SourceFQDN, "a..b", "!"},
		{idf.SourceFQDN, "-a.b", "!"},
		{idf.SourceFQDN, "a-.b", "!"},
		{idf.SourceFQDN, "_dmarc.example.org", "_dmarc.example.org"},
		{idf.SourceFQDN, strings.Repeat("a", 64) + ".b", "!"},
		{idf.SourceReverseDNS, "Host.LOCAL", "host.local"},
		{idf.SourceReverseDNS, "a b.c", "!"},
		{idf.SourceURL, "hxxps://example.org/x", "https://example.org/x"},
		{idf.SourceURL, "http:///x", "!"},
		{idf.SourceURL, "example.org", "!"},
		{idf.SourceURL, "http://a b", "!"},
		{idf.SourceURL, "1http://a", "!"},
		{idf.SourceGeolocationCC, "es", "ES"},
		{idf.SourceGeolocationCC, "ESP", "!"},
		{idf.SourceGeolocationCC, "é", "!"},
		{idf.DestinationGeolocationCC, "zz", "ZZ"},
		{idf.EventSeverity, "HIGH", "high"},
		{idf.EventSeverity, "urgent", "!"},
		{idf.ProtocolTransport, "TCP", "tcp"},
		{idf.ProtocolTransport, "averylongname", "!"},
		{idf.ProtocolTransport, "a b", "!"},
		{idf.ProtocolApplication, "HTTP", "http"},
		{idf.MalwareName, "Émotet", "!"},
		{idf.MalwareName, "Emotet", "emotet"},
		{idf.ClassificationTaxonomy, "Vulnerable", "vulnerable"},
		{idf.ClassificationTaxonomy, "x", "!"},
		{idf.ClassificationType, "unauthorised-use-of-resources", "unauthorized-use-of-resources"},
		{idf.ClassificationType, "blocklist", "blacklist"},
		{idf.ClassificationType, "x", "!"},
		{idf.TLP, "tlp:white", "CLEAR"},
		{idf.TLP, "TLP:AMBER+STRICT", "AMBER+STRICT"},
		{idf.TLP, "pink", "!"},
		{idf.SourceTorNode, "Yes", "true"},
		{idf.SourceTorNode, "0", "false"},
		{idf.SourceTorNode, "maybe", "!"},
		{idf.SourceGeolocationLatitude, "-1.50", "-1.50"},
		{idf.SourceGeolocationLatitude, "+.5", "0.5"},
		{idf.SourceGeolocationLatitude, "NaN", "!"},
		{idf.SourceGeolocationLatitude, "1e5", "100000"},
		{idf.SourceGeolocationLatitude, "1e999", "!"},
		{idf.FeedAccuracy, "99.5", "99.5"},
		{idf.FeedAccuracy, "101", "!"},
		{idf.RTIRID, "+007", "7"},
		{idf.RTIRID, "-007", "-7"},
		{idf.RTIRID, "-0", "0"},
		{idf.RTIRID, "7.0", "!"},
		{idf.SourceRegistry, "ripencc", "RIPE"},
		{idf.SourceRegistry, "x", "!"},
		{idf.EventHash, "abcdef", "ABCDEF"},
		{idf.Raw, "YWJj", "YWJj"},
		{idf.Raw, "YWJ", "!"},
		{idf.Output, "{", "!"},
		{idf.Output, "[1]", "[1]"},
		{idf.MISPEventUUID, "01234567-89AB-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"},
		{idf.MISPEventUUID, "x", "!"},
		{idf.SourceAbuseContact, "Abuse@Example.ORG", "abuse@example.org"},
		{idf.SourceAbuseContact, "ÀB@x", "àb@x"},
		{idf.TimeObservation, "2026-01-02 03:04:05", "2026-01-02T03:04:05+00:00"},
		{idf.TimeSource, "nonsense", "!"},
		{idf.Extra, "x", "!"},
		{idf.FieldNone, "x", "!"},
	} {
		var e idf.Event
		ok := e.Set(c.field, []byte(c.in))
		got, has := e.AppendField(nil, c.field)
		if ok != (c.want != "!") || (ok && string(got) != c.want) || has != ok {
			t.Errorf("%v %q: got %q, %v, want %q", c.field, c.in, got, ok, c.want)
		}
		if !e.Set(c.field, nil) {
			t.Errorf("%v: empty text is refused, want ignored", c.field)
		}
	}
}

func TestTimesInEveryUsualFormAreTheSameInstant(t *testing.T) {
	want := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC).UnixMicro()
	for _, in := range []string{
		"2026-03-04 05:06:07", "2026-03-04T05:06:07Z", "2026-03-04T05:06:07+00:00", "2026-03-04 07:06:07 +02:00",
		"2026-03-04 03:36:07-0130", "2026-03-04 05:06:07 UTC", "2026-03-04 05:06:07.000000", "2026-03-04T05:06:07.000Z",
		"Wed, 04 Mar 2026 05:06:07 GMT", "Wed, 4 Mar 2026 05:06:07 GMT", "Wed, 04 Mar 2026 07:06:07 +0200", "Wednesday, 04-Mar-26 05:06:07 GMT",
		"Wed Mar  4 05:06:07 2026", "04/Mar/2026:07:06:07 +0200", "Mar  4 05:06:07 2026 GMT", "2026/03/04 05:06:07", "20260304050607Z",
	} {
		if got, ok := idf.ParseTime([]byte(in)); !ok || got != want {
			t.Errorf("ParseTime(%q): got %d, %v, want %d", in, got, ok, want)
		}
	}
	if got, ok := idf.ParseTime([]byte("2026-03-04 05:06:07.123456789")); !ok || got != want+123456 {
		t.Errorf("a fraction: got %d, %v, want %d", got, ok, want+123456)
	}
	for _, in := range []string{
		"", "2026", "2026-13-01", "2026-02-29", "2025-02-29 00:00:00", "1969-12-31 23:59:59", "2101-01-01", "2026-03-04 24:00:00",
		"2026-03-04 05:06:61", "2026-03-04 05:06:07 CEST", "2026-03-04 05:06:07 +25:00", "2026-03-04x05:06:07", "2026-03-04 5:06:07",
		"Wed, 04 Mar 2026 05:06:07 EST", "2026-03-04 05:06:07.", "2026-03-04 05:06:07.x", "0000-00-00 00:00:00",
	} {
		if got, ok := idf.ParseTime([]byte(in)); ok {
			t.Errorf("ParseTime(%q): got %d, want refused", in, got)
		}
	}
}

func TestEveryInstantOfTheAllowedYearsReadsBack(t *testing.T) {
	last := time.Date(2100, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(0, last).Draw(t, "micros")
		if got, ok := idf.ParseTime(idf.AppendTime(nil, want)); !ok || got != want {
			t.Fatalf("%s: got %d, %v, want %d", idf.AppendTime(nil, want), got, ok, want)
		}
		utc := time.UnixMicro(want).UTC()
		for _, layout := range []string{time.DateTime, time.RFC3339, time.RFC1123} {
			got, ok := idf.ParseTime([]byte(utc.Format(layout)))
			if !ok || got != utc.Truncate(time.Second).UnixMicro() {
				t.Fatalf("%s: got %d, %v", utc.Format(layout), got, ok)
			}
		}
	})
}

func sameIP(t interface{ Fatalf(string, ...any) }, s string) {
	got, ok := idf.ParseIP([]byte(s))
	want, err := netip.ParseAddr(s)
	if err == nil && want.Zone() != "" {
		err = errors.New("zones are refused")
	}
	if ok != (err == nil) || (ok && got != want.Unmap()) {
		t.Fatalf("ParseIP(%q): got %v, %v, want %v, %v", s, got, ok, want, err)
	}
}

func TestAddressesAreReadAsTheStandardLibraryReadsThem(t *testing.T) {
	piece := rapid.SampledFrom([]string{"0", "1", "10", "255", "256", "ffff", "fffff", "Db8", ":", "::", ".", "", "00", "g", "%"})
	rapid.Check(t, func(t *rapid.T) {
		sameIP(t, strings.Join(rapid.SliceOfN(piece, 0, 18).Draw(t, "pieces"), rapid.SampledFrom([]string{"", ":", "."}).Draw(t, "between")))
		var b [16]byte
		copy(b[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 255}), 16, 16).Draw(t, "bytes"))
		sameIP(t, netip.AddrFrom16(b).String())
		sameIP(t, netip.AddrFrom16(b).StringExpanded())
		sameIP(t, netip.AddrFrom4([4]byte(b[:4])).String())
	})
	for _, s := range []string{"::1.2.3.4", "1::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::2:3:4:5:6:7:8", ":1", "1:", "1:::2", "1::2::3"} {
		sameIP(t, s)
	}
}

func TestTheClassificationIsTheReferenceTaxonomy(t *testing.T) {
	all := append(rsit.IDFTypes(), "blocklist")
	for _, c := range rsit.Classes() {
		var e idf.Event
		if !e.Set(idf.ClassificationTaxonomy, []byte(c.Name)) {
			t.Errorf("class %s is refused", c.Name)
		}
		all = append(all, c.Types...)
	}
	for _, typ := range all {
		var e idf.Event
		if !e.Set(idf.ClassificationType, []byte(typ)) {
			t.Errorf("type %s is refused", typ)
		}
	}
}

func TestAnEventGoesThroughJSONUnchanged(t *testing.T) {
	var e idf.Event
	set := func(f idf.Field, s string) {
		if !e.Set(f, []byte(s)) {
			t.Fatalf("%v %q is refused", f, s)
		}
	}
	set(idf.TimeSource, "2026-03-04 05:06:07")
	set(idf.SourceIP, "2001:db8::1")
	set(idf.SourcePort, "0")
	set(idf.SourceASN, "64496")
	set(idf.SourceFQDN, "www.example.org")
	set(idf.SourceGeolocationCC, "es")
	set(idf.EventSeverity, "high")
	set(idf.ProtocolTransport, "tcp")
	set(idf.ClassificationType, "weak-crypto")
	set(idf.DestinationPort, "443")
	set(idf.SourceTorNode, "no")
	e.SetExtra("tag", idf.KindText, []byte("a\"b\\é\n\x01"))
	e.SetExtra("n", idf.KindNumber, []byte("01.5"))
	e.SetExtra("b", idf.KindBool, []byte("y"))
	e.SetExtraInt("i", []byte("007"))
	first := e.AppendJSON(nil)
	want := `{"classification.type":"weak-crypto","protocol.transport":"tcp","severity":"high","source.asn":64496,` +
		`"source.fqdn":"www.example.org","source.geolocation.cc":"ES","source.ip":"2001:db8::1","source.port":0,` +
		`"time.source":"2026-03-04T05:06:07+00:00","destination.port":443,"source.tor_node":false,` +
		`"extra.tag":"a\"b\\é\n\u0001","extra.n":1.5,"extra.b":true,"extra.i":7}`
	if diff := cmp.Diff(want, string(first)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	var back idf.Event
	if err := idf.DecodeJSON(first, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(back.AppendJSON(nil))); diff != "" {
		t.Errorf("read back (-want +got)\n%s", diff)
	}
}

func TestNestedAndUnknownKeysAreDecoded(t *testing.T) {
	var e idf.Event
	err := idf.DecodeJSON([]byte(`{"source":{"ip":"192.0.2.1","port":80.0},"extra":{"a":{"b":[1,{"c":2}]},"none":null},"new.key":"x"}`), &e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"source.ip":"192.0.2.1","source.port":80,"extra.a.b":[1,{"c":2}],"extra.new.key":"x"}`
	if diff := cmp.Diff(want, string(e.AppendJSON(nil))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestABadEventIsRefusedWithTheKeyNamed(t *testing.T) {
	for in, want := range map[string]string{
		``: "not a JSON object", `[]`: "not a JSON object", `{"a":1`: "EOF", `{} {}`: "follows",
		`{"source.ip":"192.0.2.1","source":{"ip":"192.0.2.1"}}`: "source.ip\" comes twice",
		`{"source.ip":"x"}`:   "the value of source.ip is not valid: \"x\" (an example: 192.0.2.1)",
		`{"source.port":1.5}`: "source.port",
		"{\"a\":\"\xff\"}":    "UTF-8",
		`{"a":"\u0000"}`:      "NUL",
		strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20): "deeper",
		strings.Repeat(" ", idf.MaxJSON+1):                          "bytes",
	} {
		var e idf.Event
		if err := idf.DecodeJSON([]byte(in), &e); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want an error with %q", in, err, want)
		}
	}
}

func TestKeysOfDifferentValuesDiffer(t *testing.T) {
	var e idf.Event
	e.Set(idf.SourceIP, []byte("192.0.2.1"))
	e.Set(idf.SourcePort, []byte("80"))
	e.Set(idf.ProtocolTransport, []byte("tcp"))
	e.SetExtra("id", idf.KindText, []byte("xy"))
	key := func() string {
		b := e.AppendKey(nil, idf.SourceIP, "")
		b = e.AppendKey(b, idf.SourcePort, "")
		b = e.AppendKey(b, idf.ProtocolTransport, "")
		return string(e.AppendKey(b, idf.Extra, "id"))
	}
	if got, want := key(), "\x04\xc0\x00\x02\x01\x02\x00\x50\x03tcp\x02xy"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e.HasPort = false
	if got, want := key(), "\x04\xc0\x00\x02\x01\x00\x03tcp\x02xy"; got != want {
		t.Errorf("without port: got %q, want %q", got, want)
	}
}

func TestSettingAndWritingAllocatesNothing(t *testing.T) {
	var e idf.Event
	dst := make([]byte, 0, 4096)
	inputs := []struct {
		field idf.Field
		text  []byte
	}{
		{idf.TimeSource, []byte("2026-03-04 05:06:07")},
		{idf.SourceIP, []byte("2001:db8::1")},
		{idf.SourceFQDN, []byte("WWW.Example.ORG")},
		{idf.SourceReverseDNS, []byte("host.example.org.")},
		{idf.ClassificationType, []byte("weak-crypto")},
		{idf.DestinationPort, []byte("0443")},
	}
	number := []byte("1.25")
	if got := testing.AllocsPerRun(100, func() {
		e.Reset()
		for _, in := range inputs {
			e.Set(in.field, in.text)
		}
		e.SetExtra("f", idf.KindNumber, number)
		dst = e.AppendKey(dst[:0], idf.SourceIP, "")
	}); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-03-04 05:06:07", "2026-03-04T05:06:07.5+01:30", "Wed, 04 Mar 2026 05:06:07 GMT", "2000-02-29"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		micros, ok := idf.ParseTime([]byte(s))
		if !ok {
			return
		}
		if y := time.UnixMicro(micros).UTC().Year(); y < 1969 || y > 2101 {
			t.Fatalf("%q: got the year %d", s, y)
		}
		if want, err := time.Parse(time.RFC3339, s); err == nil && want.UnixMicro() != micros {
			t.Fatalf("%q: got %d, want %d", s, micros, want.UnixMicro())
		}
	})
}

func FuzzParseIP(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "2001:db8::1", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sameIP(t, s)
		if p, ok := idf.ParseNetwork([]byte(s)); ok && p.Masked() != p {
			t.Fatalf("%q: got %v, want it masked", s, p)
		}
	})
}

func FuzzFQDN(f *testing.F) {
	for _, s := range []string{"www.example.org", "Bücher.example.", "a_b.c-d.e9", "xn--bcher-kva.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var e idf.Event
		if !e.Set(idf.SourceFQDN, []byte(s)) || s == "" {
			return
		}
		first := string(e.FQDN)
		if first != strings.ToLower(first) || strings.HasSuffix(first, ".") || len(first) > 253 || !strings.Contains(first, ".") {
			t.Fatalf("%q: got %q", s, first)
		}
		if !e.Set(idf.SourceFQDN, []byte(first)) || string(e.FQDN) != first {
			t.Fatalf("%q: canonical %q becomes %q", s, first, e.FQDN)
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"source.ip":"192.0.2.1","extra":{"a":[1]}}`, `{"a":1e5,"b":"\u00e9"}`, `{"time.source":"2026-01-01"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var e, back idf.Event
		if idf.DecodeJSON(data, &e) != nil {
			return
		}
		first := e.AppendJSON(nil)
		if err := idf.DecodeJSON(first, &back); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second := back.AppendJSON(nil); string(second) != string(first) {
			t.Fatalf("got %s, want %s", second, first)
		}
	})
}
