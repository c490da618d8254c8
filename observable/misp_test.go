package observable_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"almenara.example/observable"
)

// TestWhatAnalystsRecordedIsDetected reads real MISP events: the kind that an analyst
// gave an attribute is the one that Detect finds, and Extract finds it in the file.
func TestWhatAnalystsRecordedIsDetected(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(os.Getenv("ALMENARA_TESTDATA"), "misp", "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("ALMENARA_TESTDATA") == "" || len(files) == 0 {
		t.Skip("ALMENARA_TESTDATA has no folder misp/events")
	}
	count := 0
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := map[observable.Observable]bool{}
		for _, f := range observable.Extract(string(raw), 0) {
			found[f.Observable] = true
		}
		for _, a := range attributes(t, raw) {
			kind := mispKind(a.Type)
			if kind == "" {
				continue
			}
			count++
			got, ok := observable.Detect(a.Value)
			if !ok || got.Kind != kind {
				t.Errorf("%s: %s %q detected as %q, want %s", filepath.Base(name), a.Type, a.Value, got.Kind, kind)
			} else if !found[got] {
				t.Errorf("%s: %s %q was not extracted", filepath.Base(name), a.Type, a.Value)
			}
		}
	}
	t.Logf("%d attributes of %d events", count, len(files))
}

type attribute struct{ Type, Value string }

// attributes are those of the event itself and of its objects.
func attributes(t *testing.T, raw []byte) []attribute {
	t.Helper()
	var file struct {
		Event struct {
			Attribute []attribute
			Object    []struct{ Attribute []attribute }
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	out := file.Event.Attribute
	for _, o := range file.Event.Object {
		out = append(out, o.Attribute...)
	}
	return out
}

// mispKind leaves out the types whose values are often something else: url, filename.
func mispKind(typ string) observable.Kind {
	return map[string]observable.Kind{
		"ip-src": observable.IP, "ip-dst": observable.IP, "domain": observable.Domain, "hostname": observable.Domain,
		"md5": observable.MD5, "sha1": observable.SHA1, "sha256": observable.SHA256, "vulnerability": observable.CVE,
		"email-src": observable.Email, "email-dst": observable.Email,
	}[typ]
}
