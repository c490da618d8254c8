package casefile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"almenara.example/casefile"
)

type thing struct {
	ID casefile.Text `json:"id"`
	At casefile.Time `json:"at"`
}

func read(in string) (out []string, err error) {
	all, err := casefile.Read(strings.NewReader(in), "items", "more")
	for _, r := range all {
		var v thing
		if err := r.Into(&v); err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%d %s%s", r.Line, r.List, v.ID))
	}
	return out, err
}

func TestRecordsAreFoundInEveryShape(t *testing.T) {
	for in, want := range map[string]string{
		`{"id": 1}`:                        "[1 1]",
		"[{\"id\": 1},\n {\"id\": \"2\"}]": "[1 1 2 2]",
		"{\"id\": 1}\n{\"id\": true}\n\n":  "[1 1 2 true]",
		"{\"total\": 2,\n\"items\": [\n{\"id\": null}, {\"id\": 2}],\n\"more\" : [{\"id\": 3}]}": "[3 items 3 items2 4 more3]",
		"\xef\xbb\xbf[{\"id\": 1}]": "[1 1]",
	} {
		got, err := read(in)
		if fmt.Sprint(got) != want || err != nil {
			t.Errorf("%s: got %v, %v, want %s", in, got, err, want)
		}
	}
}

func TestWhatIsWrongIsSaidWithItsLine(t *testing.T) {
	for in, want := range map[string]string{
		``:                              "line 1: holds no records",
		`[]`:                            "line 1: holds no records",
		`7`:                             "line 1: is not an object (an array of objects, or objects one a line)",
		"[{\"id\": 1},\n7]":             "line 2: is not an object",
		"[{\"id\": 1},\n{\"id\": ":      "line 2: is not JSON: the file ends within a value",
		"{\"id\": 1}\n{\"id\": {}}":     `line 2: a list or object stands where a text should: {} ("name": "…")`,
		"[{}, {\"at\": \"yesterday\"}]": `line 1: is no time: "yesterday" (2026-11-21T03:10:00Z)`,
		"{\"items\": [\n\n{}, []]}":     "line 3: is not an object",
		"{\"id\": \"\xff\"}":            "line 1: the file is not UTF-8 text",
	} {
		_, err := read(in)
		var e *casefile.Error
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func TestARecordAndAFileAreBounded(t *testing.T) {
	long := strings.Repeat("é", casefile.MaxRecord/2)
	for in, want := range map[string]string{
		"[{\"id\": 1},\n{\"a\": \"" + long + `"}]`:                                  "line 2: is larger than 64 MiB (leave its largest attachments out)",
		"{\"id\": 1}\n{\"a\": \"" + long + `"}`:                                     "line 2: is larger than 64 MiB (leave its largest attachments out)",
		"\n{\"a\": \"" + long[:len(long)-100] + "\", \"b\": \"" + long[:100] + `"}`: "line 2: is larger than 64 MiB (leave its largest attachments out)",
		"[{\"id\": 1}" + long + long + "]":                                          "line 1: is not JSON: expected comma after array element",
	} {
		_, err := read(in)
		var e *casefile.Error
		if !errors.As(err, &e) || e.Error() != want {
			t.Errorf("%.20s…: got %v, want %s", in, err, want)
		}
	}
	item := "{\"id\": \"" + long[:32<<20] + "\"}"
	if _, err := read("[" + strings.Repeat(item+",", 4) + item + "]"); err == nil || !strings.Contains(err.Error(), "the file is larger than 128 MiB") {
		t.Errorf("got %v, want the file's own bound", err)
	}
}

func TestTimesAreReadInEverySpelling(t *testing.T) {
	at := time.Date(2026, 11, 21, 3, 10, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		`1795230600000`: at, `"2026-11-21T03:10:00Z"`: at, `"2026-11-21T04:10:00+01:00"`: at, `"2026-11-21T03:10:00.000000"`: at,
		`"2026-11-21 03:10:00"`: at, `"Sat, 21 Nov 2026 03:10:00 GMT"`: at, `"2026-11-21"`: at.Truncate(24 * time.Hour),
		`null`: {}, `""`: {}, `0`: {}, `"1970-01-01T00:00:00Z"`: {},
	} {
		var got casefile.Time
		if err := got.UnmarshalJSON([]byte(in)); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v, %v, want %v", in, got, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{`{"id": 1}`, `[{"id":1},{"at":"2026-11-21"}]`, `{"items":[{"id":1}],"items":[]}`, "{\"a\":{\"items\":[]}} {", `{"items" : [{`, `[,]`, `{"items":null}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := casefile.Read(strings.NewReader(in), "items")
		var e *casefile.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("got %v, want an error of the file", err)
		}
		lines := strings.Count(in, "\n") + 1
		last := 0
		for _, r := range got {
			if r.Line < last || r.Line > lines {
				t.Fatalf("got line %d after %d of %d", r.Line, last, lines)
			}
			last = r.Line
			_ = r.Into(&thing{}) // must not panic
		}
	})
}
