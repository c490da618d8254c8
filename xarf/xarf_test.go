package xarf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/idf"
	"almenara.example/rsit"
	"almenara.example/xarf"
)

const id = "9b2e6c1e-4f3a-4b7d-8c11-2a9f0c5d7e31"

func desk() xarf.Contact {
	return xarf.Contact{Org: "CSIRT Atalaya", Contact: "reports@csirt.example", Domain: "csirt.example"}
}

// minimal is a good report as text, to be spoilt.
const minimal = `{"xarf_version":"4.2.0","report_id":"` + id + `","timestamp":"2026-11-20T03:04:05Z",` +
	`"reporter":{"org":"A","contact":"a@csirt.example","domain":"csirt.example"},` +
	`"sender":{"org":"A","contact":"a@csirt.example","domain":"csirt.example"},` +
	`"source_identifier":"192.0.2.7","source_port":40123,"category":"connection","type":"port_scan",` +
	`"destination_ip":"198.51.100.1","first_seen":"2026-11-20T03:04:05Z","protocol":"tcp"}`

func TestAReportReadsBackToTheSameBytes(t *testing.T) {
	r, err := xarf.Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(minimal, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsMissingOrWrongIsNamed(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"xarf_version":"4.2.0",`, ``, "xarf_version is required"},
		{`"4.2.0"`, `"3.0.0"`, "xarf_version is not a version"},
		{`"report_id":"` + id + `",`, ``, "report_id is required"},
		{id, "9b2e6c1e-4f3a-1b7d-8c11-2a9f0c5d7e31", "report_id is not a UUID"},
		{`"timestamp":"2026-11-20T03:04:05Z",`, ``, "timestamp is required"},
		{`"timestamp":"2026-11-20T03:04:05Z"`, `"timestamp":"yesterday"`, "timestamp is not a time"},
		{`"reporter":{"org":"A","contact":"a@csirt.example","domain":"csirt.example"},`, ``, "reporter is required"},
		{`"sender":{"org":"A","contact":"a@csirt.example"`, `"sender":{"org":"A","contact":"nobody"`, "sender.contact is not a mail address"},
		{`"sender":{"org":"A"`, `"sender":{"phone":"1","org":"A"`, "sender.phone is not a key"},
		{`"source_identifier":"192.0.2.7",`, ``, "source_identifier is required"},
		{`"source_port":40123,`, ``, "source_port is required for this type"},
		{`40123`, `70000`, "source_port must be from 1"},
		{`40123`, `0`, "source_port must be from 1"},
		{`40123`, `"80"`, "source_port is not of its type"},
		{`"category":"connection",`, ``, "category is required"},
		{`"category":"connection"`, `"category":"weather"`, "not one of the seven"},
		{`"type":"port_scan"`, `"type":"spam"`, "type is not a type of category connection"},
		{`,"protocol":"tcp"`, ``, "protocol is required for type port_scan"},
		{`"tcp"`, `"smoke"`, "protocol must be one of"},
		{`"first_seen":"2026-11-20T03:04:05Z"`, `"first_seen":"x"`, "first_seen is not a time"},
		{`"category":`, `"tags":["nonamespace"],"category":`, "tags holds one"},
		{`"category":`, `"confidence":1.5,"category":`, "confidence must be"},
		{`"category":`, `"evidence":[{"content_type":"text/plain"}],"category":`, "evidence[0].payload is required"},
		{`"category":`, `"evidence":[{"content_type":"text/plain","payload":"%%"}],"category":`, "evidence is not of its type"},
		{`"category":`, `"type":"ddos","category":`, "type comes twice"},
		{`"category":`, `"x":{"a":1,"a":2},"category":`, "x.a comes twice"},
		{minimal, `[]`, "not a JSON object"},
		{minimal, `{} {}`, "something follows"},
		{minimal, strings.Repeat("[", 100), "nested too deep"},
		{minimal, "{\"a\":\"\xff\"}", "UTF-8"},
		{minimal, `null`, "not a JSON object"},
		{minimal, ``, "not JSON"},
	} {
		_, err := xarf.Parse([]byte(strings.Replace(minimal, c.from, c.to, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s → %.40s: got %v, want %q", c.from, c.to, err, c.want)
		}
	}
}

func TestInternalNotesNeverLeave(t *testing.T) {
	r, err := xarf.Parse([]byte(strings.Replace(minimal, `"category"`, `"_internal":{"analyst":"Ana"},"category"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := r.AppendJSON(nil); err != nil || strings.Contains(string(b), "Ana") {
		t.Errorf("got %s, %v", b, err)
	}
	r.Fields["_internal"] = json.RawMessage(`1`)
	if b, err := r.AppendJSON(nil); err == nil {
		t.Errorf("got %s, want a refusal", b)
	}
}

func TestABulkFileHasOneReportPerLineAndNoHalfOnes(t *testing.T) {
	r, err := xarf.Parse([]byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := xarf.NewWriter(&out)
	for range 2 {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	r.Source = ""
	if err := w.Write(r); err == nil {
		t.Error("a report without source is written")
	}
	if got, want := out.String(), minimal+"\n"+minimal+"\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// eventOf makes an event with what most feeds say.
func eventOf(t *testing.T, typ string, more map[idf.Field]string) *idf.Event {
	t.Helper()
	e := &idf.Event{}
	set := func(f idf.Field, s string) {
		if !e.Set(f, []byte(s)) {
			t.Fatalf("%v %q is refused", f, s)
		}
	}
	set(idf.ClassificationType, typ)
	set(idf.TimeSource, "2026-11-20T03:04:05Z")
	set(idf.SourceIP, "192.0.2.7")
	for f, s := range more {
		set(f, s)
	}
	return e
}

func TestEventsBecomeTheReportThatTheirClassAsksFor(t *testing.T) {
	for _, c := range []struct {
		class string
		more  map[idf.Field]string
		want  string // category/type, or "none"
	}{
		{"scanner", map[idf.Field]string{idf.SourcePort: "4000", idf.ProtocolTransport: "tcp"}, "connection/port_scan"},
		{"scanner", nil, "reputation/threat_intelligence"},
		{"brute-force", map[idf.Field]string{idf.SourcePort: "4000", idf.ProtocolTransport: "tcp", idf.DestinationIP: "198.51.100.1", idf.DestinationPort: "22"}, "connection/login_attack"},
		{"ddos", map[idf.Field]string{idf.SourcePort: "53", idf.ProtocolTransport: "udp"}, "connection/ddos"},
		{"exploit", map[idf.Field]string{idf.ProtocolTransport: "tcp"}, "connection/vulnerability_scan"},
		{"infected-system", map[idf.Field]string{idf.MalwareName: "examplebot"}, "infrastructure/botnet"},
		{"system-compromise", nil, "infrastructure/compromised_server"},
		{"phishing", map[idf.Field]string{idf.SourceURL: "https://login.example/a"}, "content/phishing"},
		{"phishing", nil, "reputation/threat_intelligence"},
		{"copyright", nil, "none"},
		{"copyright", map[idf.Field]string{idf.SourceURL: "https://files.example/a"}, "copyright/copyright"},
		{"spam", map[idf.Field]string{idf.SourceAccount: "x@spam.example", idf.SourcePort: "25"}, "messaging/spam"},
		{"vulnerable-system", map[idf.Field]string{idf.ClassificationIdentifier: "open-telnet"}, "vulnerability/open_service"},
		{"vulnerable-system", map[idf.Field]string{idf.ProductVulnerabilities: "cve-2026-1234", idf.ProtocolApplication: "https", idf.SourcePort: "443"}, "vulnerability/cve"},
		{"vulnerable-system", nil, "none"},
		{"weak-crypto", map[idf.Field]string{idf.ClassificationIdentifier: "ssl-poodle"}, "vulnerability/misconfiguration"},
		{"ddos-amplifier", map[idf.Field]string{idf.ProtocolApplication: "dns"}, "vulnerability/open_service"},
		{"blacklist", nil, "reputation/blocklist"},
		{"c2-server", nil, "reputation/threat_intelligence"},
		{"test", nil, "none"}, {"other", nil, "none"}, {"burglary", nil, "none"},
	} {
		r, err := xarf.FromIDF(eventOf(t, c.class, c.more), xarf.Options{ID: id, Reporter: desk(), Sender: desk()})
		got := "none"
		if err == nil {
			got = string(r.Category) + "/" + r.Type
			b, err := r.AppendJSON(nil)
			if err == nil {
				_, err = xarf.Parse(b)
			}
			if err != nil {
				t.Errorf("%s: %v", c.class, err)
			}
		} else if !errors.Is(err, xarf.ErrNoType) {
			t.Errorf("%s: %v", c.class, err)
		}
		if got != c.want {
			t.Errorf("%s %v: got %s (%v), want %s", c.class, c.more, got, err, c.want)
		}
	}
}

func TestEveryClassGivesAReportOrSaysThatThereIsNone(t *testing.T) {
	classes := rsit.IDFTypes()
	for _, c := range rsit.Classes() {
		classes = append(classes, c.Types...)
	}
	for _, class := range classes {
		e := &idf.Event{}
		if !e.Set(idf.ClassificationType, []byte(class)) {
			t.Fatalf("%s is refused", class)
		}
		e.Set(idf.TimeSource, []byte("2026-11-20T03:04:05Z"))
		e.Set(idf.SourceFQDN, []byte("host.example.org"))
		if _, err := xarf.FromIDF(e, xarf.Options{ID: id, Reporter: desk(), Sender: desk()}); err != nil && !errors.Is(err, xarf.ErrNoType) {
			t.Errorf("%s: %v", class, err)
		}
	}
}

func TestWhatTheEventLacksIsSaid(t *testing.T) {
	e := eventOf(t, "blacklist", nil)
	if _, err := xarf.FromIDF(e, xarf.Options{ID: id, Reporter: desk()}); err == nil || errors.Is(err, xarf.ErrNoType) || !strings.Contains(err.Error(), "sender is required") {
		t.Errorf("without sender: got %v", err)
	}
	e.Time = 0
	if _, err := xarf.FromIDF(e, xarf.Options{}); err == nil || !strings.Contains(err.Error(), "time.source") {
		t.Errorf("without time: got %v", err)
	}
	e.Reset()
	e.Set(idf.ClassificationType, []byte("blacklist"))
	e.Set(idf.TimeSource, []byte("2026-11-20"))
	if _, err := xarf.FromIDF(e, xarf.Options{}); err == nil || !strings.Contains(err.Error(), "no source") {
		t.Errorf("without source: got %v", err)
	}
}

func TestRawTextIsEvidenceOnlyWhenAsked(t *testing.T) {
	e := eventOf(t, "blacklist", map[idf.Field]string{idf.Raw: "MTkyLjAuMi43LDI1", idf.FeedAccuracy: "80"})
	o := xarf.Options{ID: id, Reporter: desk(), Sender: desk()}
	r, err := xarf.FromIDF(e, o)
	if err != nil || len(r.Evidence) != 0 || r.Confidence == nil || *r.Confidence != 0.8 {
		t.Errorf("got %+v, %v", r, err)
	}
	o.Raw = true
	r, err = xarf.FromIDF(e, o)
	if err != nil || len(r.Evidence) != 1 || string(r.Evidence[0].Payload) != "192.0.2.7,25" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestAnIDIsAUUIDOfVersion4(t *testing.T) {
	got, err := xarf.NewID(bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)))
	if want := "ffffffff-ffff-4fff-bfff-ffffffffffff"; err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if _, err := xarf.NewID(strings.NewReader("")); err == nil {
		t.Error("no randomness, and an id all the same")
	}
}

// vectors is the folder of the specification's own samples and schemas.
func vectors(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ALMENARA_TESTDATA")
	if dir == "" {
		t.Skip("ALMENARA_TESTDATA is not set")
	}
	return filepath.Join(dir, "xarf")
}

func TestTheSpecificationsSamplesAreReadAndWritten(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors(t), "samples", "*.json"))
	if err != nil || len(files) < 15 {
		t.Fatalf("got %d samples, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := xarf.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			out, err := r.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			var want, got map[string]any
			if err := errors.Join(json.Unmarshal(text, &want), json.Unmarshal(out, &got)); err != nil {
				t.Fatal(err)
			}
			delete(want, "_internal")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for key := range want {
				if slices.Contains([]string{"xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type"}, key) {
					spoilt := map[string]any{}
					for k, v := range want {
						if k != key {
							spoilt[k] = v
						}
					}
					b, err := json.Marshal(spoilt)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := xarf.Parse(b); err == nil {
						t.Errorf("without %s it is taken", key)
					}
				}
			}
		})
	}
}

// schema is what the test reads of a type's schema.
type schema struct {
	AllOf []struct {
		Ref        string   `json:"$ref"`
		Required   []string `json:"required"`
		Properties map[string]struct {
			Const any   `json:"const"`
			Enum  []any `json:"enum"`
		} `json:"properties"`
	} `json:"allOf"`
}

func TestTheTableOfTypesIsTheSpecifications(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors(t), "schemas", "v4", "types", "*.json"))
	if err != nil || len(files) < 30 {
		t.Fatalf("got %d schemas, %v", len(files), err)
	}
	seen := 0
	for _, file := range files {
		if filepath.Base(file) == "content-base.json" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s schema
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		category, typ := "", ""
		var required []string
		for _, part := range s.AllOf {
			if strings.HasSuffix(part.Ref, "content-base.json") {
				category = "content"
				required = append(required, "url")
			}
			if c, ok := part.Properties["category"].Const.(string); ok {
				category = c
			}
			if c, ok := part.Properties["type"].Const.(string); ok {
				typ = c
			}
			required = append(required, part.Required...)
		}
		if !slices.Contains(xarf.Types(xarf.Category(category)), typ) {
			t.Errorf("%s/%s is not in the table", category, typ)
			continue
		}
		seen++
		r := xarf.Report{Category: xarf.Category(category), Type: typ}
		var bad *xarf.Error
		if !errors.As(r.Validate(), &bad) {
			t.Fatalf("an empty report of %s is good", typ)
		}
		var got []string
		for _, p := range bad.Problems {
			if strings.HasSuffix(p.Text, "for type "+typ) {
				got = append(got, p.Key)
			}
		}
		// These two have their requirement in an anyOf.
		switch typ {
		case "p2p":
			required = append(required, "swarm_info")
		case "usenet":
			required = append(required, "message_info")
		}
		slices.Sort(got)
		slices.Sort(required)
		if diff := cmp.Diff(required, got); diff != "" {
			t.Errorf("%s/%s requires (-want +got)\n%s", category, typ, diff)
		}
	}
	all := 0
	for _, c := range xarf.Categories() {
		all += len(xarf.Types(c))
	}
	if seen != all {
		t.Errorf("got %d types with a schema, the table has %d", seen, all)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(`{"evidence":[{"payload":"YQ=="}],"confidence":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := xarf.Parse(data)
		if err != nil {
			return
		}
		first, err := r.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		back, err := xarf.Parse(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := back.AppendJSON(nil); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("got %s, want %s (%v)", second, first, err)
		}
	})
}
