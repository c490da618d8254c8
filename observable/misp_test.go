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
	count, read := 0, 0
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found := map[observable.Observable]bool{}
		for _, f := range observable.Extract(string(raw), 0) {
			found[f.Observable] = true
		}
		all, err := attributes(raw)
		if err != nil { // some publishers leave a comma too many
			t.Logf("%s is left out: %v", filepath.Base(name), err)
			continue
		}
		read++
		for _, a := range all {
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
	t.Logf("%d attributes of %d events", count, read)
	if count == 0 {
		t.Error("got no attribute, want some")
	}
}

type attribute struct{ Type, Value string }

// attributes are all objects with a type and a value, wherever publishers put them.
func attributes(raw []byte) ([]attribute, error) {
	var file any
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	var out []attribute
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			typ, _ := v["type"].(string)
			if value, ok := v["value"].(string); ok {
				out = append(out, attribute{typ, value})
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(file)
	return out, nil
}

// mispKind leaves out the types whose values are often something else: url, filename.
func mispKind(typ string) observable.Kind {
	return map[string]observable.Kind{
		"ip-src": observable.IP, "ip-dst": observable.IP, "domain": observable.Domain, "hostname": observable.Domain,
		"md5": observable.MD5, "sha1": observable.SHA1, "sha256": observable.SHA256, "vulnerability": observable.CVE,
		"email-src": observable.Email, "email-dst": observable.Email,
	}[typ]
}
