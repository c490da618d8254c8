package incident_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

const rtirQueues = `{"queues": [{"id": 3, "Name": "Incidents", "Lifecycle": "incidents"}, {"id": 4, "Name": "Incident Reports", "Lifecycle": "incident_reports"},
 {"id": 5, "Name": "Blocks", "Lifecycle": "countermeasures"}], "tickets": [`

// rtirTickets: an incident with a report of two incidents and a countermeasure, the other
// incident, one that is still open with its report, one that was merged.
const rtirTickets = rtirQueues + `
 {"id": 12, "Subject": "Scans from a water works", "Status": "resolved", "Queue": {"id": "3"}, "Created": "2026-10-20T09:00:00Z", "Resolved": "2026-10-21T10:00:00Z",
  "CustomFields": [{"name": "IP", "values": ["192.0.2.7", "999.0.2.1"]}, {"name": "Classification", "values": ["Scan"]}, {"name": "Resolution", "values": ["successfully resolved"]}],
  "_hyperlinks": [{"ref": "child", "type": "ticket", "id": "13"}]},
 {"id": 13, "Subject": "They scan us", "Status": "resolved", "Queue": {"id": "4"}, "Created": "2026-10-20T08:00:00Z", "Requestor": [{"id": "soc@faro.example"}],
  "_hyperlinks": [{"ref": "parent", "type": "ticket", "id": "12"}, {"ref": "parent", "type": "ticket", "id": "15"}],
  "History": [{"Type": "Create", "Created": "2026-10-20T08:00:00Z", "Creator": {"id": "soc@faro.example"}, "Attachments": [
    {"ContentType": "text/html", "Content": "<p>Look at <b>this</b></p><script>x()</script>"}, {"ContentType": "image/png", "Filename": "../b.png", "Content": "iVBORw=="}]}]},
 {"id": 14, "Subject": "Block it", "Status": "removed", "Queue": {"id": "5"}, "_hyperlinks": [{"ref": "parent", "type": "ticket", "id": "12"}]},
 {"id": 15, "Subject": "Nothing in the end", "Status": "abandoned", "Queue": {"id": "3"}, "Created": "2026-10-20T09:00:00Z"},
 {"id": 16, "Subject": "Goes on", "Status": "open", "Queue": {"id": "3"}},
 {"id": 17, "Subject": "Of what goes on", "Status": "resolved", "Queue": {"id": "4"}, "_hyperlinks": [{"ref": "parent", "type": "ticket", "id": "16"}]},
 {"id": 18, "EffectiveId": 12, "Subject": "Scans again", "Status": "resolved", "Queue": {"id": "3"}}]}`

// brought imports, and returns what came of it with its notes as keys.
func (r *room) brought(o incident.Origin, file string, apply bool) (incident.ImportResult, []string) {
	r.t.Helper()
	got, err := r.Import(r.t.Context(), r.officer, o, strings.NewReader(file), apply)
	r.must(err)
	var notes []string
	for _, n := range got.Notes {
		notes = append(notes, fmt.Sprintf("%d %s", n.Line, strings.TrimPrefix(n.Key, "incident.import.note.")))
	}
	got.Notes, got.Coming, got.Already, got.First, got.People = nil, nil, nil, 0, 0 // the tests of the page see them
	return got, notes
}

func (r *room) same(what string, got, want any) {
	r.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s (-want +got)\n%s", what, diff)
	}
}

// told is what an incident from elsewhere says to the desk.
func (r *room) told(key string) (i incident.Incident, lines []string) {
	r.t.Helper()
	db, desk := r.acts.Reader(), incident.ViewerOf(r.officer)
	id, ok, err := sqldb.One(r.t.Context(), db, sqldb.Int64, `select incident_id from incident_import where number = $1`, key)
	r.must(err)
	if !ok {
		r.t.Fatalf("%s is not here", key)
	}
	i, err = r.Incident(r.t.Context(), db, desk, id)
	r.must(err)
	es, err := r.Story(r.t.Context(), db, desk, id)
	r.must(err)
	for _, e := range es {
		lines = append(lines, fmt.Sprintf("%s %s %s: %s", e.At.Format("01-02 15:04"), e.Kind, e.By, strings.ReplaceAll(e.Text, "\n", "|")))
		if e.Source != incident.FromImport || e.Owner != 1 {
			r.t.Errorf("got entry %+v, want one of the desk, imported", e)
		}
	}
	return i, lines
}

func TestTicketsComeOverOnceAsClosedIncidents(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		want := incident.ImportResult{Cases: 7, Added: 2, Open: 1, Entries: 8, Tasks: 1, Observables: 1, Files: 4}
		got, notes := r.brought(incident.RTIR, rtirTickets, false)
		r.same("preview", got, want)
		r.same("notes", notes, []string{"3 observable", "12 open"})
		if is, err := r.List(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), incident.Filter{Limit: 9}); err != nil || len(is) != 0 {
			t.Errorf("after a preview: got %d incidents, %v", len(is), err)
		}
		want.Applied = true
		got, _ = r.brought(incident.RTIR, rtirTickets, true)
		r.same("import", got, want)
		got, _ = r.brought(incident.RTIR, rtirTickets, true)
		r.same("again", got, incident.ImportResult{Applied: true, Cases: 7, Here: 2, Open: 1})

		i, lines := r.told("rtir:12")
		r.same("head", []any{i.State, i.Title, i.Class, i.Marking, i.OpenedAt, i.ClosedAt, i.Resolution, i.Imported}, []any{
			incident.Resolved, "Scans from a water works", "scanner", tlp.Amber, time.Date(2026, 10, 20, 9, 0, 0, 0, time.UTC), time.Date(2026, 10, 21, 10, 0, 0, 0, time.UTC),
			"successfully resolved", "rtir:12",
		})
		r.same("story", lines, []string{
			"10-20 08:00 note : RTIR #13 (Incident Reports): They scan us||requestors: soc@faro.example",
			"10-20 08:00 note soc@faro.example: RTIR #13||Look at this",
			"10-20 09:00 note : Scans from a water works||Classification: Scan|Resolution: successfully resolved",
			"10-20 09:00 observable : IP: 999.0.2.1",
			"10-20 09:00 measure : RTIR #14 (Blocks): Block it",
		})
		same, _ := r.told("rtir:18")
		part, _ := r.told("rtir:13")
		r.same("merged and part", []int64{same.ID, part.ID}, []int64{i.ID, i.ID})
		other, lines := r.told("rtir:15")
		r.cameFrom(i, other)
		if other.State != incident.Abandoned || len(lines) != 3 {
			t.Errorf("got %s with %d entries, want abandoned with 3", other.State, len(lines))
		}
		seenByNobody(r, i)
	})
}

// cameFrom wants lists of what came from a system, and of what came since one of them.
func (r *room) cameFrom(first, second incident.Incident) {
	r.t.Helper()
	for _, c := range []struct {
		f    incident.Filter
		want []int64
	}{
		{incident.Filter{Came: incident.RTIR}, []int64{second.ID, first.ID}},
		{incident.Filter{Came: incident.RTIR, Since: second.ID}, []int64{second.ID}},
		{incident.Filter{Came: incident.IRIS}, nil},
		{incident.Filter{Came: "rti"}, nil},
	} {
		is, err := r.List(r.t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), c.f)
		r.must(err)
		var got []int64
		for i := range is {
			got = append(got, is[i].ID)
		}
		r.same(fmt.Sprintf("came: %+v", c.f), got, c.want)
	}
}

func TestWhatIsShownOfAnImportIsBounded(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		var file strings.Builder
		for n := range incident.MaxImportShown + 5 {
			fmt.Fprintf(&file, `{"number": %d, "title": "Case", "status": "TruePositive", "stage": "Closed", "createdBy": "ana", "description": "x"}`+"\n", n+1)
		}
		for _, apply := range []bool{false, true} {
			got, err := r.Import(t.Context(), r.officer, incident.TheHive, strings.NewReader(file.String()), apply)
			r.must(err)
			if len(got.Coming) != incident.MaxImportShown || got.Coming[1].Line != 2 || got.Coming[1].Number != "thehive:2" || got.People != 1 || (got.First != 0) != apply || got.Coming[0].Incident != got.First {
				t.Errorf("apply %v: got %+v", apply, got)
			}
		}
		got, err := r.Import(t.Context(), r.officer, incident.TheHive, strings.NewReader(file.String()), false)
		r.must(err)
		if len(got.Already) != incident.MaxImportShown || got.Already[0].Incident == 0 || len(got.Coming) != 0 || got.People != 0 {
			t.Errorf("again: got %+v", got)
		}
	})
}

func TestASystemIsRecognisedByItsKeys(t *testing.T) {
	for file, want := range map[string]incident.Origin{
		rtirTickets: incident.RTIR,
		"\ufeff" + `[{"id": 1, "Subject": "A", "Queue": {"id": "3"}}]`:            incident.RTIR,
		`{"case": {"_id": "~1", "number": 12}, "observables": []}`:                incident.TheHive,
		`{"_id": "~1", "caseId": 12, "customFields": {"a": {"Queue": "x"}}}`:      incident.TheHive,
		`{"case": {"name": "#7 - A laptop", "open_date": "2026-10-20"}}`:          incident.IRIS,
		`{"iocs": [{"ioc_value": "tickets"}], "case": {}}`:                        incident.IRIS,
		`{"title": "tickets", "x": ["number", "iocs"], "y": {"z": {"stage": 1}}}`: "",
		`{"x": {"y": {"tickets": 1}}} {"tickets": [`:                              incident.RTIR,
		"": "", "[]": "", "7": "", "}": "", "%PDF": "", `{"a"`: "", strings.Repeat("[", 20_000): "",
	} {
		if got := incident.Recognise(strings.NewReader(file)); got != want {
			t.Errorf("%.60q: got %q, want %q", file, got, want)
		}
	}
}

// seenByNobody wants an imported incident to be the desk's alone, and to be found there.
func seenByNobody(r *room, i incident.Incident) {
	r.t.Helper()
	db := r.acts.Reader()
	if _, err := r.Incident(r.t.Context(), db, incident.ViewerOf(r.plant), i.ID); fault.CodeOf(err) != fault.NotFound {
		r.t.Errorf("an operator: got %v, want not found", err)
	}
	for who, want := range map[string]bool{"officer": true, "plant": false} {
		v := incident.ViewerOf(r.officer)
		if who == "plant" {
			v = incident.ViewerOf(r.plant)
		}
		f, err := r.Search(r.t.Context(), db, v, "192.0.2.7", 0, 10)
		r.must(err)
		if (len(f.Hits) > 0) != want {
			r.t.Errorf("%s finds %d, want some: %v", who, len(f.Hits), want)
		}
	}
	tasks, err := r.Tasks(r.t.Context(), db, incident.ViewerOf(r.officer), i.ID)
	r.must(err)
	if len(tasks) != 1 || tasks[0].State != incident.Removed {
		r.t.Errorf("got %+v, want a countermeasure that was removed", tasks)
	}
}

func TestWhatComesLaterGoesWhereItBelongs(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		alone := rtirQueues + `{"id": 21, "Subject": "A report", "Status": "resolved", "Queue": {"id": "4"}, "_hyperlinks": [{"ref": "parent", "type": "ticket", "id": "20"}]}]}`
		got, notes := r.brought(incident.RTIR, alone, false)
		r.same("without its incident", []any{got.Added, notes}, []any{1, []string{"2 alone"}})
		_, _ = r.brought(incident.RTIR, rtirQueues+`{"id": 20, "Subject": "An incident", "Status": "resolved", "Queue": {"id": "3"}}]}`, true)
		got, _ = r.brought(incident.RTIR, alone, true)
		r.same("behind its incident", got, incident.ImportResult{Applied: true, Cases: 1, Extended: 1, Entries: 1})
		i, lines := r.told("rtir:21")
		if i.Imported != "rtir:20" || len(lines) != 2 {
			t.Errorf("got %s with %q, want both in rtir:20", i.Imported, lines)
		}
	})
}

func TestCasesOfOtherSystemsKeepWhatTheySay(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		long := strings.Repeat("x ", incident.MaxText)
		got, notes := r.brought(incident.TheHive, `{"number": 12, "title": "Phishing\nof a bank", "description": "`+long+`", "status": "FalsePositive", "stage": "Closed", "severity": 4, "tlp": 4, "tlpLabel": "RED",
		 "startDate": 1760000000000, "endDate": 4000000000000, "tags": ["rsit:fraud=\"phishing\""],
		 "tasks": [{"title": "Ask", "status": "Completed", "logs": [{"message": "asked", "owner": "ben"}]}],
		 "observables": [{"dataType": "file", "attachment": {"name": "a.exe", "hashes": ["d41d8cd98f00b204e9800998ecf8427e"]}}, {"dataType": "user-agent", "data": "curl"}],
		 "comments": [{"message": "\u0000done", "createdBy": "ana"}]}`, true)
		r.same("TheHive", got, incident.ImportResult{Applied: true, Cases: 1, Added: 1, Entries: 6, Tasks: 1, Observables: 2, Files: 1})
		r.same("notes", notes, []string{"1 red", "1 observable_kind"})
		i, lines := r.told("thehive:12")
		r.same("head", []any{i.State, i.Title, i.Class, i.Severity, i.Marking, i.ClosedAt}, []any{incident.Abandoned, "Phishing of a bank", "phishing", incident.Critical, tlp.AmberStrict, r.clock.Now()})
		r.same("comment", lines[len(lines)-1], "10-09 08:53 note ana: done")

		got, notes = r.brought(incident.IRIS, `{"case": {"name": "#7 - A laptop", "open_date": "2026-10-20", "close_date": "2026-10-21", "severity": "High"},
		 "timeline": [{"event_title": "Lost", "event_date": "2026-10-19T22:00:00"}], "iocs": [{"ioc_value": "a.exe|d41d8cd98f00b204e9800998ecf8427e", "type_name": "filename|md5"}],
		 "tasks": [{"task_title": "Wipe", "task_status": "To do"}], "evidences": [{"filename": "disk.img", "file_hash": "none"}]}`, true)
		r.same("IRIS", got, incident.ImportResult{Applied: true, Cases: 1, Added: 1, Entries: 4, Tasks: 1, Observables: 3})
		r.same("notes", notes, []string{"1 evidence", "1 observable"})
		i, lines = r.told("iris:7")
		r.same("IRIS", []any{i.Title, i.Severity, lines[0]}, []any{"A laptop", incident.High, "10-19 22:00 note : Lost"})
	})
}

func TestWhoMayNotOrWhatIsBrokenIsRefused(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		_, err := r.Import(t.Context(), r.plant, incident.IRIS, strings.NewReader(`{}`), true)
		r.refused(err, fault.Denied, "")
		_, err = r.Import(t.Context(), r.officer, incident.IRIS, strings.NewReader("[\n{}]"), true)
		r.refused(err, fault.Invalid, "incident.import.broken")
		_, err = r.Import(t.Context(), r.officer, incident.TheHive, strings.NewReader("[{\"number\": 1, \"title\": \"A\", \"status\": \"TruePositive\", \"stage\": \"Closed\"},\n{}]"), true)
		r.refused(err, fault.Invalid, "incident.import.broken")
		if is, err := r.List(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), incident.Filter{Limit: 9}); err != nil || len(is) != 0 {
			t.Errorf("of a file that is broken at its end %d incidents are kept, %v", len(is), err)
		}
		_, err = r.Import(t.Context(), r.officer, "lotus", strings.NewReader("[]"), true)
		r.refused(err, fault.Invalid, "incident.import.unknown")
	})
}

// weighed notes how much is live in memory while a file is read.
type weighed struct {
	*os.File
	next int64 // bytes until the next look
	peak uint64
}

func (w *weighed) ReadAt(p []byte, at int64) (int, error) {
	if w.next -= int64(len(p)); w.next <= 0 {
		w.next, w.peak = 16<<20, max(w.peak, live())
	}
	return w.File.ReadAt(p, at)
}

func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// largeFile is an export of so many cases, each with a long text or attachment.
func largeFile(t *testing.T, cases int, head, one, end string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "export.json"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	w := bufio.NewWriter(f)
	_, _ = w.WriteString(head)
	for n := range cases {
		if n > 0 {
			_, _ = w.WriteString(",\n")
		}
		body := strings.Repeat(fmt.Sprintf("word %d goes on. ", n), 16_000)
		_, _ = fmt.Fprintf(w, one, n+1, base64.StdEncoding.EncodeToString([]byte(body)))
	}
	_, _ = w.WriteString(end)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAnImportHoldsOneCaseInMemoryHoweverLargeTheFileIs(t *testing.T) {
	const cases, most = 300, 24 << 20                                // the files are about 100 MiB
	r := newRoom(t, sqldbtest.Open(t, sqldbtest.SQLite(t), lines())) // the same on both
	for origin, file := range map[incident.Origin]*os.File{
		incident.RTIR: largeFile(t, cases, rtirQueues, `{"id": %d, "Subject": "A", "Status": "resolved", "Queue": {"id": "3"}, "Created": "2026-10-20T09:00:00Z", "Resolved": "2026-10-21T10:00:00Z",
			"History": [{"Type": "Create", "Attachments": [{"ContentType": "text/plain", "Filename": "a.txt", "Content": "%s"}]}]}`, "]}"),
		incident.TheHive: largeFile(t, cases, "[", `{"number": %d, "title": "A", "status": "TruePositive", "stage": "Closed", "description": "%s"}`, "]"),
		incident.IRIS:    largeFile(t, cases, "[", `{"case": {"case_id": %d, "name": "A", "close_date": "2026-10-21", "description": "%s"}}`, "]"),
	} {
		for _, apply := range []bool{false, true} {
			if apply && origin != incident.RTIR {
				continue
			}
			src := &weighed{File: file}
			before := live()
			got, err := r.Import(t.Context(), r.officer, origin, src, apply)
			r.must(err)
			if got.Cases != cases || got.Added != cases || got.Files != cases {
				t.Errorf("%s: got %d cases, %d added, %d files", origin, got.Cases, got.Added, got.Files)
			}
			if src.peak > before+most {
				t.Errorf("%s, apply %v: %d MiB are held, want at most %d", origin, apply, (src.peak-before)>>20, most>>20)
			}
		}
	}
}
