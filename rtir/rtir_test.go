package rtir_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/casefile"
	"almenara.example/rtir"
)

const sample = `{"queues": [{"id": 3, "Name": "Incidents - EDU", "Lifecycle": "incidents"}, {"id": 4, "Name": "Abwehr", "Lifecycle": "countermeasures"}],
 "tickets": [
 {"id": 12, "EffectiveId": {"type": "ticket", "id": "12"}, "Subject": "Scans from a water works", "Status": "resolved",
  "Queue": {"type": "queue", "id": "3"}, "Created": "2026-11-20T09:00:00Z", "Resolved": "2026-11-21T10:00:00Z", "Due": "1970-01-01T00:00:00Z",
  "Owner": {"type": "user", "id": "ana"}, "Requestor": [{"type": "user", "id": "soc@faro.example"}],
  "CustomFields": [{"name": "IP", "values": ["192.0.2.7", "192.0.2.8"]}, {"name": "Function", "values": []}],
  "_hyperlinks": [{"ref": "self", "type": "ticket", "id": 12}, {"ref": "child", "type": "ticket", "id": "13"}, {"ref": "child", "type": "external"}],
  "History": [
   {"id": 90, "Type": "Create", "Created": "2026-11-20T09:00:00Z", "Creator": {"type": "user", "id": "ana"}, "OldValue": null,
    "Attachments": [
     {"ContentType": "multipart/mixed", "Content": ""}, {"ContentType": "text/plain; charset=utf-8", "Content": "aGVsbG8g\nd29ybGQ="},
     {"ContentType": "text/plain", "Content": "test", "Filename": "a.txt"}, {"ContentType": "image/png", "Filename": "b.png", "Content": "iVBORw=="}]},
   {"id": 91, "Type": "Status", "OldValue": "open", "NewValue": "resolved", "Creator": "ana"}]},
 {"id": "13", "EffectiveId": 12, "Status": "Removed", "Queue": {"id": "4"}, "CustomFields": {"Where Blocked": ["border"]}},
 {"id": "14", "Status": "new", "Queue": "Incident Reports", "CustomFields": {}}]}`

func TestTicketsAreReadWithWhatHangsOnThem(t *testing.T) {
	got, err := read(sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []rtir.Ticket{
		{
			Line: 3, ID: "12", Kind: rtir.Incident, Queue: "Incidents - EDU", Subject: "Scans from a water works", Status: "resolved",
			Created: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Resolved: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
			Owner: "ana", Requestors: []string{"soc@faro.example"}, Fields: []rtir.Field{{Name: "IP", Values: []string{"192.0.2.7", "192.0.2.8"}}},
			Children: []string{"13"},
			History: []rtir.Transaction{
				{ID: "90", Type: "Create", Created: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Creator: "ana", Attachments: []rtir.Attachment{
					{Type: "text/plain", Body: []byte("hello world")}, {Name: "a.txt", Type: "text/plain", Body: []byte("test")},
					{Name: "b.png", Type: "image/png", Body: []byte("\x89PNG")},
				}},
				{ID: "91", Type: "Status", Old: "open", New: "resolved", Creator: "ana"},
			},
		},
		{Line: 14, ID: "13", MergedInto: "12", Kind: rtir.Countermeasure, Queue: "Abwehr", Status: "removed", Fields: []rtir.Field{{Name: "Where Blocked", Values: []string{"border"}}}},
		{Line: 15, ID: "14", Kind: rtir.Report, Queue: "Incident Reports", Status: "new"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatIsNoTicketIsSaid(t *testing.T) {
	for in, want := range map[string]string{
		`{"id": 1}`: "line 1: is no ticket",
		"[\n" + `{"id": 1, "Status": "new", "Queue": {"id": "3"}}]`:      "line 2: Queue: queue 3 is not in the file",
		`{"id": 1, "Status": "new", "Queue": "Incidents", "History": 7}`: "line 1: History: is not what it should be: a number",
		`{"id": 1, "Status": ["new"]}`:                                   "line 1: a list or object stands where a text should",
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
	f.Add(`[{"id":1,"Status":"new","Queue":"Incidents","CustomFields":[{"name":1,"values":{"id":2}}],"Requestor":"a"}]`)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := read(in)
		var e *casefile.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("got %v, want an error of the file", err)
		}
		for _, one := range got {
			if one.ID == "" || one.Status == "" || one.Queue == "" {
				t.Fatalf("got a ticket without id, status or queue: %+v", one)
			}
		}
	})
}

func read(in string) (out []rtir.Ticket, err error) {
	f, err := rtir.Open(strings.NewReader(in))
	if err != nil {
		return nil, err
	}
	for n := range f.Len() {
		one, err := f.Ticket(n)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
