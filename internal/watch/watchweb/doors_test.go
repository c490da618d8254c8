package watchweb_test

import (
	"bytes"
	"encoding/csv"
	"mime/multipart"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/internal/watch/watchweb/watchwebtest"
)

// request is a route's sample, made true for the house: its number is a finding's.
func request(h *watchwebtest.House, r web.Route) (method, target, body string) {
	sample := strings.ReplaceAll(r.Sample, "ALM-4K7Q-2M9X", h.Numbers(watch.Filter{})[0])
	method, rest, _ := strings.Cut(sample, " ")
	target, body, _ = strings.Cut(rest, " ")
	return method, target, body
}

func TestEveryRouteAnswersWhoMayAndRefusesWhoMayNot(t *testing.T) {
	h := house(t)
	for _, r := range pages(h).Routes() {
		if r.Sample == "" || r.Permission == "" {
			t.Errorf("%s %s has no sample or no permission", r.Method, r.Pattern)
		}
		method, target, body := request(h, r)
		if w := h.Do("", method, target, body); method == "GET" && w.Code != 303 || method == "POST" && w.Code != 401 {
			t.Errorf("%s %s as nobody: got %d", method, target, w.Code)
		}
		if w := h.Do("contact", method, target, body); w.Code != 403 {
			t.Errorf("%s %s as a contact of an operator: got %d, want 403", method, target, w.Code)
		}
		if w := h.Do("reader", method, target, body); method == "POST" && w.Code != 403 {
			t.Errorf("%s %s as a reader: got %d, want 403", method, target, w.Code)
		}
		if w := h.Do(lead, method, target, body); w.Code >= 500 || w.Code == 403 {
			t.Errorf("%s %s as duty lead: got %d", method, target, w.Code)
		}
	}
}

func TestEveryPageSpeaksEveryLanguage(t *testing.T) {
	h := house(t)
	for _, r := range pages(h).Routes() {
		method, target, _ := request(h, r)
		if method != "GET" {
			continue
		}
		req := httptest.NewRequest(method, target, nil)
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Accept-Language", "fr")
		req.Header.Set("X-Test-Roles", lead)
		if w := h.Send(req); w.Code >= 500 { // a missing word is an error in tests
			t.Errorf("%s: got %d", target, w.Code)
		}
	}
}

func TestAReaderSeesPagesWithoutVerbs(t *testing.T) {
	h := house(t)
	number := h.Numbers(watch.Filter{States: []watch.State{watch.Open}})[0]
	for _, target := range []string{"/watch/findings", "/watch/findings/" + number, "/watch/deliveries/1", "/watch/quarantine", "/watch/shadow/2", "/watch/sources/1", "/watch/mappings", "/watch/unrouted"} {
		w := h.Do("reader", "GET", target, "")
		page := body(w.Body.String())
		if w.Code != 200 {
			t.Errorf("%s: got %d", target, w.Code)
		}
		for _, verb := range []string{"Close…", "Dismiss…", "Re-run…", "Release this preview…", "Make live…", "Load a file", "Show the raw line", "Download what arrived", "Change settings", `type="checkbox"`} {
			if strings.Contains(page, verb) {
				t.Errorf("%s offers %q to a reader", target, verb)
			}
		}
	}
}

func TestAnAdministratorSetsFeedsUpAndReadsNoFindings(t *testing.T) {
	h := house(t)
	for target, want := range map[string]int{
		"/watch/sources": 200, "/watch/sources/1": 200, "/watch/sources/1/change": 200, "/watch/sources/new": 200, "/watch/mappings": 200,
		"/watch/mappings/new": 200, "/watch/findings": 403, "/watch/deliveries": 403, "/watch/shadow/2": 403, "/watch/sources/1/mode?to=shadow": 403,
	} {
		w := h.Do("administrator", "GET", target, "")
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", target, w.Code, want)
		}
		if page := body(w.Body.String()); strings.Contains(page, "scan_telnet") || strings.Contains(page, `href="/watch/findings`) {
			t.Errorf("%s tells an administrator of deliveries or leads to findings", target)
		}
	}
}

func TestAudiencesHold(t *testing.T) {
	h := house(t)
	number := h.Numbers(watch.Filter{Sectors: []string{"health"}})[0]
	ask := func(target string) int {
		req := httptest.NewRequest("GET", target, nil)
		req.Header.Set("Accept", "text/html")
		req.Header.Set("X-Test-Roles", "reader")
		req.Header.Set("X-Test-Org", "2") // an operator of another sector
		return h.Send(req).Code
	}
	if got := ask("/watch/findings/" + number); got != 404 {
		t.Errorf("another operator's finding: got %d, want 404", got)
	}
	if got := ask("/watch/findings/decide?to=closed&id=" + number); got != 403 {
		t.Errorf("to decide on it: got %d, want 403", got)
	}
}

func TestWhatNothingOfOursCouldBeIsRefusedAsAPage(t *testing.T) {
	h := house(t)
	const refused = 0 // by the frame or by the page: 400 or 422
	for target, want := range map[string]int{
		"/watch/findings?host=a%00b": refused, "/watch/findings?kind=%ff": refused, "/watch/findings?state=none": 422,
		"/watch/findings?severity=worst": 422, "/watch/findings?sector=pubs": 422, "/watch/findings?ip=300.1.1.1": 422,
		"/watch/findings?before=17": 422, "/watch/findings?delivery=99999999": 404, "/watch/findings?organisation=nobody-at-all": 200,
		"/watch/findings?delivery=x": 404, "/watch/findings?a%00=b": refused, "/watch/findings?%zz": 422, "/watch/findings?level=high": 422,
		"/watch/findings/x%00y": refused, "/watch/findings/ALM-0000-0000": 404, "/watch/findings/nothing": 404,
		"/watch/deliveries?state=odd": 422, "/watch/deliveries?before=-1": 422, "/watch/deliveries?since=yesterday": 422,
		"/watch/deliveries?source=nobody": 200, "/watch/deliveries?kind=%00": refused, "/watch/deliveries/0": 404, "/watch/deliveries/x": 404,
		"/watch/deliveries/1/findings?change=odd": 422, "/watch/deliveries/1/try?mapping=%00": refused, "/watch/deliveries/1/try?mapping=nope": 422,
		"/watch/quarantine?delivery=x": 422, "/watch/quarantine?state=odd": 422, "/watch/quarantine?after=x": 404, "/watch/quarantine?reason=%00": refused,
		"/watch/quarantine/1/0": 404, "/watch/quarantine/1/99999": 404, "/watch/quarantine/x/1": 404,
		"/watch/quarantine/decide?verb=eat&delivery=1": 422, "/watch/quarantine/decide?verb=dismiss": 422,
		"/watch/quarantine/decide?verb=dismiss&id=0.0": 404, "/watch/quarantine/decide?verb=dismiss&delivery=1": 409,
		"/watch/shadow?mode=odd": 422, "/watch/shadow/9": 404, "/watch/shadow/2/findings?organisation=2&level=odd": 422,
		"/watch/sources/9": 404, "/watch/sources/1/mode?to=odd": 422, "/watch/sources/x": 404,
		"/watch/findings/decide?to=eaten&id=x": 422, "/watch/findings/decide?to=closed": 422, "/watch/findings/decide?to=closed&id=x": 422,
	} {
		if w := h.Do(lead, "GET", target, ""); w.Code != want && (want != refused || w.Code != 400 && w.Code != 422) || !strings.Contains(w.Body.String(), "<html") {
			t.Errorf("%s: got %d, want %d as a page", target, w.Code, want)
		}
	}
}

func TestHostileRowsAreShownAndDoNotAct(t *testing.T) {
	h := house(t)
	rows, err := h.Watch.Quarantine(t.Context(), h.Acts.Reader(), watch.QuarantineFilter{})
	if err != nil || len(rows) != 3 {
		t.Fatalf("got %d rows in quarantine, %v, want 3", len(rows), err)
	}
	for _, q := range rows {
		w := h.Do(lead, "GET", "/watch/quarantine/"+strconv.FormatInt(q.Delivery, 10)+"/"+strconv.FormatInt(q.Line, 10), "")
		if w.Code != 200 || strings.Contains(w.Body.String(), "<script>alert") {
			t.Errorf("line %d: got %d, or a script", q.Line, w.Code)
		}
		if q.Reason == "bad_ip" {
			shows(t, w.Body.String(), "&lt;script&gt;alert(1)&lt;/script&gt;", "Not an address", "Values by column")
		}
	}
	if w := h.Do("reader", "GET", "/watch/quarantine/"+strconv.FormatInt(rows[0].Delivery, 10)+"/"+strconv.FormatInt(rows[0].Line, 10), ""); w.Code != 403 {
		t.Errorf("raw bytes for a reader: got %d, want 403", w.Code)
	}
	r, err := h.Watch.Receive(t.Context(), h.Lead, watch.Arrival{Source: "scans", FileName: "<img src=x onerror=alert(1)>.csv", Body: strings.NewReader("a,b\n")})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/watch/deliveries", "/watch/deliveries/" + strconv.FormatInt(r[0].Delivery.ID, 10)} {
		if page := h.Do(lead, "GET", target, "").Body.String(); strings.Contains(page, "<img src=x") || !strings.Contains(page, "&lt;img src=x") {
			t.Errorf("%s: a file's name acts, or is not shown", target)
		}
	}
}

func TestDownloadsHoldNoFormula(t *testing.T) {
	h := house(t)
	h.Take("scans", "2026-11-20-scan_rdp.csv", "timestamp,ip,protocol,port,asn,severity,hostname\n2026-11-20 03:00:00,192.0.2.30,tcp,3389,64500,high,example.org\n")
	for _, target := range []string{"/watch/findings.csv", "/watch/findings.csv?state=open&severity=high", "/watch/shadow/2/csv"} {
		w := h.Do(lead, "GET", target, "")
		lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(w.Body.String(), "\ufeff"))).ReadAll()
		if err != nil || len(lines) < 3 {
			t.Fatalf("%s: %d lines, %v", target, len(lines), err)
		}
		for _, line := range lines {
			for _, cell := range line {
				if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
					t.Errorf("%s: a spreadsheet runs %q", target, cell)
				}
			}
		}
	}
	all := h.Do(lead, "GET", "/watch/findings.csv", "").Body.String()
	if got, want := strings.Count(all, "\n")-1, len(h.Numbers(watch.Filter{})); got != want {
		t.Errorf("the download has %d findings, want %d", got, want)
	}
}

func TestQuarantineIsDismissedByReasonAndRerunSingly(t *testing.T) {
	h := house(t)
	rows, err := h.Watch.Quarantine(t.Context(), h.Acts.Reader(), watch.QuarantineFilter{State: watch.Waiting})
	if err != nil {
		t.Fatal(err)
	}
	id := strconv.FormatInt(rows[0].Delivery, 10)
	shows(t, h.Do(lead, "GET", "/watch/quarantine?state=open", "").Body.String(), "What waits, by delivery and reason", "why=bad_ip")
	shows(t, h.Do(lead, "GET", "/watch/quarantine/decide?verb=dismiss&why=bad_ip&delivery="+id, "").Body.String(), "Dismiss 1 row?", "f-reason")
	form := url.Values{"verb": {"dismiss"}, "delivery": {id}, "why": {"bad_ip"}}
	w := h.Do(lead, "POST", "/watch/quarantine/decide", form.Encode())
	if w.Code != 422 {
		t.Errorf("without a reason: got %d, want 422", w.Code)
	}
	form.Set("reason", "the feed's test row")
	if w = h.Do(lead, "POST", "/watch/quarantine/decide", form.Encode()); w.Code != 303 {
		t.Fatalf("got %d: %s", w.Code, body(w.Body.String()))
	}
	if w = h.Do(lead, "POST", "/watch/quarantine/decide", form.Encode()); w.Code != 409 {
		t.Errorf("again: got %d, want 409", w.Code)
	}
	var ids []string
	for _, q := range rows {
		if q.Reason != "bad_ip" {
			ids = append(ids, id+"."+strconv.FormatInt(q.Line, 10))
		}
	}
	form = url.Values{"verb": {"rerun"}, "id": ids}
	shows(t, h.Do(lead, "POST", "/watch/quarantine/choose", form.Encode()).Body.String(), "Read 2 rows again?")
	if w = h.Do(lead, "POST", "/watch/quarantine/decide", form.Encode()); w.Code != 303 {
		t.Fatalf("re-run: got %d", w.Code)
	}
	n, _, err := h.Watch.CountQuarantine(t.Context(), h.Acts.Reader(), watch.QuarantineFilter{State: watch.Rerunning})
	if err != nil || n != 2 {
		t.Errorf("%d rows are to be read again, %v, want 2", n, err)
	}
}

func TestAPreviewIsReleasedOnlyAsItWasLookedAt(t *testing.T) {
	h := house(t)
	page := h.Do(lead, "GET", "/watch/shadow/2", "").Body.String()
	shows(t, page, "Release this preview…", "duty@wasserwerk.example", "nobody to tell")
	_, upto, _ := strings.Cut(page, "/watch/shadow/2/accept?upto=")
	upto, _, _ = strings.Cut(upto, `"`)
	h.Take("trial", "2026-11-20-scan_rdp.csv", watchwebtest.Report("2026-11-20", 60, 90))
	form := url.Values{"upto": {upto}}
	if w := h.Do(lead, "GET", "/watch/shadow/2/accept?"+form.Encode(), ""); w.Code != 409 {
		t.Errorf("more came since: got %d, want 409", w.Code)
	}
	_, upto, _ = strings.Cut(h.Do(lead, "GET", "/watch/shadow/2", "").Body.String(), "accept?upto=")
	upto, _, _ = strings.Cut(upto, `"`)
	form.Set("upto", upto)
	if w := h.Do(lead, "POST", "/watch/shadow/2/accept", form.Encode()); w.Code != 422 {
		t.Errorf("without a reason: got %d, want 422", w.Code)
	}
	form.Set("reason", "looked at with the feed's owner")
	if w := h.Do(lead, "POST", "/watch/shadow/2/accept", form.Encode()); w.Code != 303 {
		t.Fatalf("got %d", w.Code)
	}
	shows(t, h.Do(lead, "GET", "/watch/shadow/2", "").Body.String(), "Nothing of this source waits to be told.")
}

func TestFormsKeepWhatWasTypedAndNameTheFault(t *testing.T) {
	h := house(t)
	form := url.Values{"name": {"Bad Name"}, "mode": {"hold"}, "mapping": {"mine"}, "rhythm": {"soon"}, "absent_after": {"2"}, "marking": {"TLP:GREEN"}}
	w := h.Do(lead, "POST", "/watch/sources", form.Encode())
	if w.Code != 422 {
		t.Errorf("got %d, want 422", w.Code)
	}
	shows(t, w.Body.String(), `value="Bad Name"`, `value="mine"`, "«soon» is not a whole number", `value="hold" checked`, `value="TLP:GREEN" selected`, "f-rhythm-error")
	form.Set("rhythm", "12")
	shows(t, h.Do(lead, "POST", "/watch/sources", form.Encode()).Body.String(), "cannot name a source", "f-name-error")
	form.Set("name", "mine")
	shows(t, h.Do(lead, "POST", "/watch/sources", form.Encode()).Body.String(), "no mapping called «mine»", "f-mapping-error")
	form.Set("mapping", "shadowserver")
	form.Set("name", "scans")
	if w = h.Do(lead, "POST", "/watch/sources", form.Encode()); w.Code != 409 {
		t.Errorf("a name that is taken: got %d, want 409", w.Code)
	}
	form.Set("name", "mine")
	if w = h.Do(lead, "POST", "/watch/sources", form.Encode()); w.Code != 303 {
		t.Fatalf("got %d", w.Code)
	}
	edit := url.Values{"version": {"1"}, "mapping": {"shadowserver"}, "rhythm": {"48"}, "absent_after": {"3"}}
	if w = h.Do(lead, "POST", "/watch/sources/3/change", edit.Encode()); w.Code != 303 {
		t.Fatalf("change: got %d", w.Code)
	}
	edit.Set("rhythm", "72")
	w = h.Do(lead, "POST", "/watch/sources/3/change", edit.Encode())
	if w.Code != 409 {
		t.Errorf("an edit of an older version: got %d, want 409", w.Code)
	}
	shows(t, w.Body.String(), `value="72"`, `name="version" value="1"`)
	mode := url.Values{"version": {"2"}, "to": {"live"}}
	if w = h.Do(lead, "POST", "/watch/sources/3/mode", mode.Encode()); w.Code != 422 {
		t.Errorf("a mode without a reason: got %d, want 422", w.Code)
	}
	mode.Set("reason", "the trial is over")
	if w = h.Do(lead, "POST", "/watch/sources/3/mode", mode.Encode()); w.Code != 303 {
		t.Errorf("mode: got %d", w.Code)
	}
}

// upload posts a form with a file, which comes last.
func upload(h *watchwebtest.House, target, file, content string, fields ...string) *httptest.ResponseRecorder {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = m.WriteField(fields[i], fields[i+1])
	}
	if file != "" {
		f, _ := m.CreateFormFile("file", file)
		_, _ = f.Write([]byte(content))
	}
	_ = m.Close()
	req := httptest.NewRequest("POST", target, &b)
	req.Header.Set("Content-Type", m.FormDataContentType())
	req.Header.Set("Accept", "text/html")
	req.Header.Set("X-Test-Roles", lead)
	return h.Send(req)
}

func TestADeliveryIsHandedInTriedAndDownloaded(t *testing.T) {
	h := house(t)
	report := watchwebtest.Report("2026-11-19", 1, 9)
	w := upload(h, "/watch/deliveries", "2026-11-19-scan_rdp.csv", report, "source", "scans", "observed", "", "mapping", "")
	if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/watch/deliveries/") {
		t.Fatalf("got %d: %s", w.Code, body(w.Body.String()))
	}
	at := w.Header().Get("Location")
	shows(t, h.Do(lead, "GET", at, "").Body.String(), "Received", `http-equiv="refresh"`)
	if err := h.Watch.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
	shows(t, h.Do(lead, "GET", at, "").Body.String(), "Taken in", "9 events, 0 in quarantine", "change=opened")
	list := h.Do(lead, "GET", at+"/findings?change=opened", "").Body.String()
	if got := strings.Count(list, "<tr data-href"); got != 9 {
		t.Errorf("it opened %d findings, want 9", got)
	}
	if w = h.Do(lead, "GET", at+"/received", ""); w.Body.String() != report || !strings.Contains(w.Header().Get("Content-Disposition"), "scan_rdp.csv") {
		t.Errorf("download: got %d bytes as %s", w.Body.Len(), w.Header().Get("Content-Disposition"))
	}
	shows(t, h.Do(lead, "GET", at+"/try?mapping=shadowserver", "").Body.String(), "Nothing was written", "source.ip")
	if w = upload(h, "/watch/deliveries", "2026-11-19-scan_rdp.csv", report, "source", "scans"); w.Header().Get("Location") != at {
		t.Errorf("the same again leads to %q, want %s", w.Header().Get("Location"), at)
	}
	for _, c := range []struct{ file, content, source, day, says string }{
		{"", "", "scans", "", "Choose a file to hand in."},
		{"x.csv", "a,b\n1,2\n", "nobody", "", "There is no source called"},
		{"x.csv", "a,b\n1,2\n", "scans", "soon", "«soon» is not a day"},
		{"empty.csv", "", "scans", "", "is empty"},
		{"broken.csv.gz", "\x1f\x8bnonsense", "scans", "", "damaged"},
	} {
		w := upload(h, "/watch/deliveries", c.file, c.content, "source", c.source, "observed", c.day)
		if w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), c.says) || !strings.Contains(w.Body.String(), `id="f-source"`) {
			t.Errorf("%+v: got %d without the form or the sentence", c, w.Code)
		}
	}
}

func TestADeliveryOfUnknownKindIsRetriedWhenASchemaKnowsIt(t *testing.T) {
	h := house(t)
	page := h.Do(lead, "GET", "/watch/deliveries?state=unknown-kind", "").Body.String()
	_, at, _ := strings.Cut(page, `data-href="`)
	at, _, _ = strings.Cut(at, `"`)
	shows(t, h.Do(lead, "GET", at, "").Body.String(), "No mapping knows this kind of report", "Try again")
	if w := h.Do(lead, "POST", at+"/retry", "again=yes"); w.Code != 422 {
		t.Errorf("while nothing knows it: got %d, want 422", w.Code)
	}
	known := strings.Replace(watchwebtest.Schema(), `"scan_rdp"`, `"scan_novelty"`, 1)
	known = strings.NewReplacer(`"file_name":"scan_rdp"`, `"file_name":"scan_novelty"`, "2026-01-01", "2026-02-02").Replace(known)
	w := upload(h, "/watch/mappings", "intelmq.json", known, "sort", "shadowserver")
	if w.Code != 303 {
		t.Fatalf("load the schema: got %d: %s", w.Code, body(w.Body.String()))
	}
	shows(t, h.Do(lead, "GET", "/watch/mappings", "").Body.String(), "In use", "Replaced")
	shows(t, h.Do(lead, "GET", "/watch/sources/1", "").Body.String(), "On hold")
	if w := h.Do(lead, "POST", at+"/retry", "again=yes"); w.Code != 303 {
		t.Errorf("retry: got %d", w.Code)
	}
	if w = upload(h, "/watch/mappings", "x.json", `{"broken`, "sort", "shadowserver"); w.Code != 422 || !strings.Contains(w.Body.String(), "f-file-error") {
		t.Errorf("a broken schema: got %d, want 422 beside the file", w.Code)
	}
}
