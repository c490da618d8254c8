package thehive_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/casefile"
	"almenara.example/thehive"
	"almenara.example/tlp"
)

const sample = `[{"case": {"_id": "~4136", "_createdBy": "ana", "_createdAt": 1795165200000, "number": 12, "title": "Scans from a water works", "description": "A",
  "severity": 3, "tlp": 3, "tlpLabel": "AMBER+STRICT", "status": "TruePositive", "stage": "Closed", "startDate": 1795165200000, "endDate": 1795255200000,
  "summary": "Blocked", "tags": ["scan"], "assignee": "ana", "customFields": [{"name": "site", "value": 7}, {"name": "x", "value": null}]},
 "tasks": [{"title": "Block it", "group": "default", "status": "Completed", "endDate": 1795255200000, "logs": [{"message": "done", "date": 1795255200000, "owner": "ben"}]}],
 "observables": [{"dataType": "ip", "data": "192.0.2.7", "tlp": 2, "message": "the scanner", "startDate": 1795165200000},
  {"dataType": "file", "attachment": {"name": "a.exe", "hashes": ["d41d8cd98f00b204e9800998ecf8427e"]}, "tlp": 4}],
 "comments": [{"message": "B", "createdBy": "ana", "createdAt": 1795165200000}], "pages": [{"title": "P", "content": "C"}]},
 {"caseId": 13, "title": "Old one", "status": "Resolved", "resolutionStatus": "FalsePositive", "owner": "ben", "tlp": 3, "createdAt": 1795165200000,
  "customFields": {"site": {"string": "north", "order": 1}}},
 {"number": 14, "title": "Not over", "status": "InProgress", "stage": "InProgress"}]`

func TestCasesOfBothReleasesAreRead(t *testing.T) {
	got, err := read(sample)
	if err != nil {
		t.Fatal(err)
	}
	from, to := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	want := []thehive.Case{
		{
			Line: 1, ID: "~4136", Number: "12", Title: "Scans from a water works", Description: "A", Severity: 3, TLP: tlp.AmberStrict, Status: "TruePositive", Summary: "Blocked",
			Created: from, Started: from, Ended: to, Closed: true, CreatedBy: "ana", Assignee: "ana", Tags: []string{"scan"}, Fields: []thehive.Field{{Name: "site", Value: "7"}},
			Tasks: []thehive.Task{{Title: "Block it", Group: "default", Status: "Completed", Ended: to, Logs: []thehive.Comment{{Text: "done", By: "ben", At: to}}}},
			Observables: []thehive.Observable{
				{Type: "ip", Data: "192.0.2.7", TLP: tlp.Amber, Message: "the scanner", At: from},
				{Type: "file", Data: "a.exe", Hashes: []string{"d41d8cd98f00b204e9800998ecf8427e"}, TLP: tlp.Red},
			},
			Comments: []thehive.Comment{{Text: "B", By: "ana", At: from}}, Pages: []thehive.Page{{Title: "P", Text: "C"}},
		},
		{
			Line: 8, Number: "13", Title: "Old one", Status: "Resolved", Resolution: "FalsePositive", TLP: tlp.Red, Created: from, Closed: true, Assignee: "ben",
			Fields: []thehive.Field{{Name: "site", Value: "north"}},
		},
		{Line: 10, Number: "14", Title: "Not over", Status: "InProgress", TLP: tlp.Amber},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsNoCaseIsSaid(t *testing.T) {
	for in, want := range map[string]string{
		`{"title": "a"}`: "line 1: case: has no number, title or status",
		"[{\"number\": 1, \"title\": \"a\", \"status\": \"Open\"},\n{\"number\": 2, \"title\": \"a\", \"status\": \"Open\", \"severity\": \"high\"}]": "line 2: severity: is not what it should be: a string",
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
	f.Add(`{"case":null,"number":1,"title":"a","status":"b","tags":null,"customFields":{"a":{"b":{}}}}`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := read(in)
		var e *casefile.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("got %v, want an error of the file", err)
		}
		for _, c := range got {
			if c.Number == "" || !c.TLP.Valid() {
				t.Fatalf("got a case without a number or marking: %+v", c)
			}
		}
	})
}

func read(in string) (out []thehive.Case, err error) {
	f, err := thehive.Open(strings.NewReader(in))
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
