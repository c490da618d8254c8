package iris_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/casefile"
	"almenara.example/iris"
)

const sample = `{"case": {"name": "#12 - Scans from a water works", "open_date": "2026-11-20", "description": "A", "soc_id": "S1", "opened_by": "ana",
  "for_customer": "Aguas del Faro", "close_date": "2026-11-21", "custom_attributes": {}},
 "evidences": [{"filename": "disk.img", "date_added": "2026-11-20T10:00:00", "file_hash": "d41d8cd98f00b204e9800998ecf8427e", "added_by": "ana"}],
 "timeline": [{"event_id": 1, "event_title": "First scan", "event_date": "2026-11-20T09:00:00.000000", "event_content": "B", "event_raw": "", "category": "Discovery", "assets": ["plc (ICS)"]}],
 "iocs": [{"ioc_value": "192.0.2.7", "type_name": "ip-dst", "ioc_tags": "scan", "ioc_description": "C"}],
 "assets": [{"asset_name": "plc", "type": "ICS", "asset_ip": "198.51.100.7", "compromised": true}],
 "tasks": [{"task_title": "Block it", "task_status": "Done", "task_open_date": "2026-11-20T09:30:00", "assigned_to": "ana"}],
 "notes": [{"note_title": "N", "note_content": "D", "note_creationdate": "2026-11-20T09:40:00"}], "export_date": "2026-11-29T00:00:00"}`

func TestACaseIsReadWithItsParts(t *testing.T) {
	got, err := read(sample)
	if err != nil {
		t.Fatal(err)
	}
	at := func(h, m int) time.Time { return time.Date(2026, 11, 20, h, m, 0, 0, time.UTC) }
	want := []iris.Case{{
		Line: 1, ID: "12", Name: "Scans from a water works", Description: "A", SOC: "S1", Customer: "Aguas del Faro", OpenedBy: "ana", Opened: at(0, 0), Closed: at(24, 0),
		Events:    []iris.Event{{Title: "First scan", Content: "B", Category: "Discovery", At: at(9, 0), Assets: []string{"plc (ICS)"}}},
		IOCs:      []iris.IOC{{Value: "192.0.2.7", Type: "ip-dst", Description: "C", Tags: "scan"}},
		Assets:    []iris.Asset{{Name: "plc", Type: "ICS", IP: "198.51.100.7", Compromised: "true"}},
		Tasks:     []iris.Task{{Title: "Block it", Status: "Done", AssignedTo: "ana", Opened: at(9, 30)}},
		Notes:     []iris.Note{{Title: "N", Content: "D", At: at(9, 40)}},
		Evidences: []iris.Evidence{{Name: "disk.img", Hash: "d41d8cd98f00b204e9800998ecf8427e", By: "ana", At: at(10, 0)}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsNoCaseIsSaid(t *testing.T) {
	for in, want := range map[string]string{
		`{"errors": ["Invalid case number"]}`:                       "line 1: case: is missing or has no name",
		"[\n" + `{"case": {"name": "Scans"}}]`:                      "line 2: case.name: has no number",
		`{"case": {"name": "#1 - a"}, "iocs": {}}`:                  "line 1: iocs: is not what it should be: a object",
		`{"case": {"name": "#1 - a", "open_date": "last Tuesday"}}`: `line 1: is no time: "last Tuesday"`,
	} {
		_, err := read(in)
		var e *casefile.Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), want) {
			t.Errorf("%s: got %v, want %s…", in, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add(`[{"case":{"name":"a","case_id":7},"notes":null},{}]`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := read(in)
		var e *casefile.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("got %v, want an error of the file", err)
		}
		for _, c := range got {
			if c.ID == "" {
				t.Fatalf("got a case without a number: %+v", c)
			}
		}
	})
}

func read(in string) (out []iris.Case, err error) {
	f, err := iris.Open(strings.NewReader(in))
	if err != nil {
		return nil, err
	}
	for n := range f.Len() {
		one, err := f.Case(n)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
