package response

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"almenara.example/internal/app"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
)

// The exports of a small team, in the shapes that the libraries document.
const (
	rtirFile = `{"queues": [{"id": 3, "Name": "Incidents", "Lifecycle": "incidents"}, {"id": 5, "Name": "Blocks", "Lifecycle": "countermeasures"}],
 "tickets": [
 {"id": 12, "Subject": "Scans from a water works", "Status": "resolved", "Queue": {"id": "3"}, "Created": "2025-11-20T09:00:00Z", "Resolved": "2025-11-21T10:00:00Z",
  "CustomFields": [{"name": "IP", "values": ["192.0.2.7", "999.0.2.1"]}], "History": [
   {"id": 90, "Type": "Create", "Created": "2025-11-20T09:00:00Z", "Creator": {"id": "ana"}, "Attachments": [{"ContentType": "text/plain", "Content": "aGVsbG8gd29ybGQ="},
    {"ContentType": "image/png", "Filename": "b.png", "Content": "iVBORw=="}]}]},
 {"id": 14, "Subject": "Block it", "Status": "removed", "Queue": {"id": "5"}, "_hyperlinks": [{"ref": "parent", "type": "ticket", "id": "12"}]},
 {"id": 15, "Subject": "Nothing <b>in</b> the end", "Status": "abandoned", "Queue": {"id": "3"}, "Created": "2025-10-20T09:00:00Z"},
 {"id": 16, "Subject": "Goes on", "Status": "open", "Queue": {"id": "3"}}]}`
	hiveFile = `{"number": 12, "title": "Phishing of a bank", "status": "TruePositive", "stage": "Closed", "tlp": 2, "startDate": 1763629200000, "endDate": 1763715600000}
{"number": 13, "title": "Not over", "status": "InProgress"}`
	irisFile = `{"case": {"name": "#12 - A laptop was lost", "open_date": "2025-11-20", "close_date": "2025-11-21"}, "iocs": [{"ioc_value": "10.0.0.999", "type_name": "ip-dst"}]}`
)

// send hands a file in for a dry run; an empty system leaves it to be recognised.
func (d *desk) send(system, name, file string, status int, words ...string) string {
	d.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	if err := m.WriteField("kind", system); err != nil {
		d.t.Fatal(err)
	}
	part, err := m.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err == nil {
		err = m.Close()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	a := d.Ask(http.MethodPost, "/incident/import", &body, d.as, house.Header("Content-Type", m.FormDataContentType()))
	return d.shows("/incident/import", a.Status, status, a.Body, words)
}

// take imports what a page showed, and shows where that leads, with what is said there.
func (d *desk) take(page string, words ...string) string {
	d.t.Helper()
	form := url.Values{}
	for _, name := range []string{"upload", "origin"} {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
		if m == nil {
			d.t.Fatalf("the page has no %s:\n%s", name, page)
		}
		form.Set(name, m[1])
	}
	a := d.Ask(http.MethodPost, "/incident/import/apply", strings.NewReader(form.Encode()), d.as, house.Header("Content-Type", "application/x-www-form-urlencoded"))
	d.shows("/incident/import/apply", a.Status, http.StatusSeeOther, a.Body, nil)
	at, said := a.Header.Get("Location"), (&http.Response{Header: a.Header}).Cookies()
	a = d.Ask(http.MethodGet, at, nil, d.as, func(r *http.Request) {
		for _, c := range said {
			r.AddCookie(c)
		}
	})
	return d.shows(at, a.Status, http.StatusOK, a.Body, words)
}

// came counts the incidents that came from elsewhere.
func (d *desk) came(system incident.Origin) int64 {
	d.t.Helper()
	n, err := d.in.Count(d.t.Context(), d.App.Acts().Reader(), incident.Viewer{Org: guard.OwnOrg}, incident.Filter{Came: system}, 100)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

func without(t *testing.T, body string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(body, w) {
			t.Errorf("the page says %q", w)
		}
	}
}

// The page is marked as its strictest case, wherever that stands in the file.
func TestAnExportIsMarkedAsItsStrictestCase(t *testing.T) {
	d := newDesk(t)
	red := strings.NewReplacer(`"number": 12`, `"number": 20`, `"tlp": 2`, `"tlp": 4, "tlpLabel": "RED"`).Replace(strings.Split(hiveFile, "\n")[0])
	d.send("", "hive.json", red+"\n"+hiveFile, http.StatusOK, `data-marking="TLP:AMBER&#43;STRICT"`) // RED names nobody here: nobody could read it
}

func TestAnExportIsLookedAtFirstAndComesOnce(t *testing.T) {
	d := newDesk(t)
	d.get("/incident/incidents", `href="/incident/import"`)
	d.get("/incident/import", "Closed cases of RTIR", "128 MiB")
	page := d.send("", "rtir.json", rtirFile, http.StatusOK, "Read as RTIR: rtir.json", "TLP:AMBER", "rtir:12", "Scans from a water works", "rtir:15", "Nothing &lt;b&gt;in&lt;/b&gt; the end",
		"rtir:16 is not closed there", "Close it there and import again", "999.0.2.1", "Import these", "names only")
	without(t, page, "Here already: these", "<b>in</b>")
	if n := d.came(incident.RTIR); n != 0 {
		t.Fatalf("a dry run kept %d", n)
	}
	list := d.take(page, "Scans from a water works", "rtir:12", "rtir:15", "RTIR: new 2, completed 0, here already 0")
	without(t, list, d.number)
	if n := d.came(incident.RTIR); n != 2 {
		t.Fatalf("got %d incidents, want 2", n)
	}
	// Two files wait at once: what one brought, the other brings no more.
	again := d.send("rtir", "rtir.json", rtirFile, http.StatusOK, "Nothing would come", "Here already: these do not come again", "rtir:12", d.numberOf("rtir:12"))
	without(t, again, "Import these")
	for _, c := range []struct {
		file, system string
		origin       incident.Origin
	}{{hiveFile, "TheHive", incident.TheHive}, {irisFile, "DFIR-IRIS", incident.IRIS}} {
		first := d.send("", "cases.json", c.file, http.StatusOK, "Read as "+c.system)
		second := d.send("", "cases.json", c.file, http.StatusOK, "Import these")
		d.take(first, "new 1, completed 0, here already 0")
		d.take(second, "new 0, completed 0, here already 1")
		if n := d.came(c.origin); n != 1 {
			t.Errorf("%s: got %d incidents, want one", c.system, n)
		}
	}
	d.get("/incident/incidents?came=iris", "A laptop was lost")
	without(t, d.get("/incident/incidents?came=iris"), "Phishing of a bank")
	d.post("/incident/import/apply", http.StatusNotFound, url.Values{"upload": {"x"}, "origin": {"rtir"}}, "not kept any more")
}

// numberOf is the number here of what came from elsewhere.
func (d *desk) numberOf(there string) string {
	d.t.Helper()
	all, err := d.in.List(d.t.Context(), d.App.Acts().Reader(), incident.Viewer{Org: guard.OwnOrg}, incident.Filter{Limit: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	for i := range all {
		if all[i].Imported == there {
			return d.in.Number(all[i].ID)
		}
	}
	d.t.Fatalf("%s is not here", there)
	return ""
}

func TestAFileThatCannotComeIsToldSoAndNothingIsKept(t *testing.T) {
	d := newDeskWith(t, func(c *app.Config) { c.Incident.MaxImport = 1 << 20 })
	d.send("", "rtir.json", rtirFile[:len(rtirFile)-40], http.StatusUnprocessableEntity, "the file ends within a value")
	d.send("", "a.pdf", "%PDF-1.7", http.StatusUnprocessableEntity, "does not say which system wrote it")
	d.send("", "a.json", `[{"a": 1}]`, http.StatusUnprocessableEntity, "does not say which system wrote it")
	d.send("rtir", "empty.json", "", http.StatusUnprocessableEntity, "holds no records")
	d.send("iris", "rtir.json", rtirFile, http.StatusUnprocessableEntity, "looks like RTIR", "case: is missing")
	d.send("lotus", "rtir.json", rtirFile, http.StatusUnprocessableEntity, "is no system")
	d.send("", "large.json", hiveFile+strings.Repeat(" ", 1<<20), http.StatusUnprocessableEntity, "larger than 1 MiB", "by year")
	d.send("", "", "", http.StatusUnprocessableEntity, "Choose the file")
	d.post("/incident/import", http.StatusUnprocessableEntity, url.Values{"kind": {"rtir"}}, "Choose the file")
	cut := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"rtir.json\"\r\n\r\n" + rtirFile[:200]
	a := d.Ask(http.MethodPost, "/incident/import", strings.NewReader(cut), d.as, house.Header("Content-Type", "multipart/form-data; boundary=x"))
	d.shows("a form that is cut off", a.Status, http.StatusUnprocessableEntity, a.Body, []string{"did not arrive whole"})
	for _, o := range incident.Origins() {
		if n := d.came(o); n != 0 {
			t.Errorf("%d came from %s", n, o)
		}
	}
	a = d.Ask(http.MethodPost, "/api/v1/incident/import/thehive?apply=true", strings.NewReader(hiveFile+strings.Repeat(" ", 1<<20)), d.as)
	d.shows("the API", a.Status, http.StatusUnprocessableEntity, a.Body, []string{"1 MiB"})
}

func TestWhoMayNotImportIsNotLedThere(t *testing.T) {
	d := newDesk(t)
	page := d.send("", "rtir.json", rtirFile, http.StatusOK, "Import these")
	reader := house.As(d.SignIn(d.Person(guard.OwnOrg, guard.RoleReader).ID))
	a := d.Ask(http.MethodGet, "/incident/incidents", nil, reader)
	d.shows("the list", a.Status, http.StatusOK, a.Body, nil)
	without(t, a.Body, "/incident/import")
	if a := d.Ask(http.MethodGet, "/incident/import", nil, reader); a.Status != http.StatusForbidden {
		t.Errorf("a reader gets %d, want 403", a.Status)
	}
	// Nor does another officer import what somebody else looked at.
	d.as = house.As(d.SignIn(d.Person(guard.OwnOrg, guard.RoleWatchOfficer).ID))
	id := regexp.MustCompile(`name="upload" value="([^"]*)"`).FindStringSubmatch(page)[1]
	d.post("/incident/import/apply", http.StatusNotFound, url.Values{"upload": {id}, "origin": {"rtir"}}, "not kept any more")
	if n := d.came(incident.RTIR); n != 0 {
		t.Error(fmt.Sprint(n) + " came")
	}
}
