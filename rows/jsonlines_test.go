package rows_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/rows"
)

func TestEachKindOfJSONLineIsReadOrSetAsideAlone(t *testing.T) {
	in := strings.Join([]string{
		`{"ip":"192.0.2.1","port":80,"extra":{"tls":true,"no":null,"deep":{"x":[1,"a",{"y":[]}]}}}`,
		`{"port": -1.5e3 , "new" : "a\u00e9\n\"\ud83d\ude00", "empty":{}}` + "\r",
		``,
		`{"a":1,"a":2}`,
		`{"extra":{"tls":1},"extra.tls":2}`,
		`{"a":01}`,
		`{"a":tru}`,
		`[1]`,
		`{"a":"\ud800"}`,
		`{"a":"\u0000"}`,
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\x00\"}",
		"{\"a\":\"\t\"}",
		`{"a":1} x`,
		`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		`{"":1,"z":""}`,
		`{}`,
	}, "\n")
	r := rows.NewJSONLines(iotest.OneByteReader(strings.NewReader(in)), rows.JSONOptions{Header: []string{"port", "ip"}})
	var got []string
	for _, line := range read(t, r) {
		_, rest, _ := strings.Cut(line, " ")
		got = append(got, rest)
	}
	want := []string{
		`line 1: ["80" "192.0.2.1" "true" "[1,\"a\",{\"y\":[]}]"]`,
		`line 2: ["-1.5e3" "" "" "" "aé\n\"😀"]`,
		`line 4: bad_json`, `line 5: bad_json`, `line 6: bad_json`, `line 7: bad_json`, `line 8: bad_json`,
		`line 9: bad_json`, `line 10: nul_byte`, `line 11: bad_utf8`, `line 12: nul_byte`, `line 13: bad_json`,
		`line 14: bad_json`, `line 15: bad_json`,
		`line 16: ["" "" "" "" "" "" ""]`,
		`line 17: ["" "" "" "" "" "" ""]`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	header := []string{"port", "ip", "extra.tls", "extra.deep.x", "new", "a", "z"}
	if diff := cmp.Diff(header, r.Header()); diff != "" {
		t.Errorf("header (-want +got)\n%s", diff)
	}
}

func TestJSONLinesReadsWhatEncodingJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zé"\\]{1,5}`), 1, 8, rapid.ID[string]).Draw(t, "names")
		want := map[string]string{}
		object := map[string]any{}
		for _, name := range names {
			v := rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }).Draw(t, "value")
			want[name], object[name] = v, v
		}
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		r := rows.NewJSONLines(bytes.NewReader(line), rows.JSONOptions{})
		rec, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got := map[string]string{}
		for i, name := range r.Header() {
			got[name] = string(rec.Fields[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", line, diff)
		}
	})
}

func TestJSONLinesAllocateNothingPerRecordOnceNamesAreKnown(t *testing.T) {
	line := `{"ip":"192.0.2.1","port":80,"extra":{"tls":true,"name":"a\"b"}}` + "\n"
	r := rows.NewJSONLines(strings.NewReader(strings.Repeat(line, 3000)), rows.JSONOptions{})
	if got := testing.AllocsPerRun(2000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("got %v allocations per record, want 0", got)
	}
}

func TestNewNamesAreBounded(t *testing.T) {
	var in strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&in, "{\"n%d\":1}\n", i)
	}
	r := rows.NewJSONLines(strings.NewReader(in.String()), rows.JSONOptions{})
	got := read(t, r)
	if !strings.HasSuffix(got[4999], "too_many_columns") || len(r.Header()) != 4096 {
		t.Errorf("got %.80s and %d names, want too_many_columns and 4096", got[4999], len(r.Header()))
	}
}

func FuzzJSONLines(f *testing.F) {
	for _, s := range []string{
		`{"a":1}`, `{"a":{"b":"\u00e9"},"c":[1,{"d":null}]}`, "{}\n\n{\"a\":-0.5e+3}\r\n", `{"a":"\ud83d\ude00"}`, `{"a":1,"a":1}`,
	} {
		f.Add([]byte(s), byte(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, size byte) {
		r := rows.NewJSONLines(&chunks{data, int(size) + 1}, rows.JSONOptions{MaxRecord: 256})
		checkPlaces(t, r, data, func(record []byte, rec *rows.Record) {
			var v map[string]any
			if err := json.Unmarshal(record, &v); err != nil {
				t.Fatalf("record %q is read here and not by encoding/json: %v", record, err)
			}
			again := rows.NewJSONLines(bytes.NewReader(record), rows.JSONOptions{Header: r.Header()})
			other, err := again.Next()
			var bad *rows.RowError
			if errors.As(err, &bad) || err != nil {
				t.Fatalf("record %q read alone: %v", record, err)
			}
			if diff := cmp.Diff(rec.Fields, other.Fields); diff != "" {
				t.Fatalf("record %q read alone differs: %s", record, diff)
			}
		})
	})
}
