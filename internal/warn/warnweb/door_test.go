package warnweb_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// desk is a running installation with two persons at its desk, a reader, two water
// companies of which one has nobody to write to, and one notice that has left.
type desk struct {
	*house.House
	t                   *testing.T
	ana, olga, reader   *http.Cookie
	anaName, noticeFaro string
}

const mute = "Éclair Énergie,operator,XA,drinking-water,cidr,192.0.2.64/28,,,\n"

func open(t *testing.T) *desk {
	t.Helper()
	h := house.Start(t, house.Options{Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, tlp.Green, house.Faro, house.Ribera, mute); err != nil {
			return err
		}
		if err := h.Deliver(ctx, "2026-11-17", "1", "2"); err != nil {
			return err
		}
		return h.Settle(ctx)
	}})
	d := &desk{House: h, t: t}
	sign := func(name, role string) *http.Cookie {
		p, err := h.App.Guard().AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{Org: guard.OwnOrg, Name: name, Language: "en", Roles: []string{role}})
		if err != nil {
			t.Fatal(err)
		}
		return h.SignIn(p.ID)
	}
	d.ana, d.olga, d.reader = sign("Ana", guard.RoleDutyLead), sign("Olga", guard.RoleWatchOfficer), sign("Rita", guard.RoleReader)
	ns, err := h.App.Warn().Notices(t.Context(), h.App.Acts().Reader(), warn.Filter{})
	if err != nil || len(ns) != 1 {
		t.Fatalf("got %d notices (%v), want one", len(ns), err)
	}
	d.noticeFaro = h.App.Warn().Number(ns[0].ID)
	return d
}

func (d *desk) post(who *http.Cookie, path string, form url.Values, want int) house.Answer {
	d.t.Helper()
	a := d.Ask(http.MethodPost, path, strings.NewReader(form.Encode()), house.As(who), house.Form, house.Header("Accept-Language", "en"))
	if a.Status != want {
		d.t.Fatalf("POST %s %v: got %d to %q, want %d\n%s", path, form, a.Status, a.Header.Get("Location"), want, words(a.Body))
	}
	return a
}

func (d *desk) sees(who *http.Cookie, path string, want ...string) string {
	d.t.Helper()
	a := d.Ask(http.MethodGet, path, nil, house.As(who), house.Header("Accept-Language", "en"))
	if a.Status != http.StatusOK {
		d.t.Fatalf("GET %s: got %d to %q\n%s", path, a.Status, a.Header.Get("Location"), words(a.Body))
	}
	for _, w := range want {
		if !strings.Contains(a.Body, w) {
			d.t.Errorf("GET %s lacks %q:\n%s", path, w, words(a.Body))
		}
	}
	if strings.Contains(a.Body, "⟦") {
		d.t.Errorf("GET %s shows a word that the catalogue lacks: %s", path, a.Body[strings.Index(a.Body, "⟦"):][:60])
	}
	return a.Body
}

// lacks fails when a page says what it must not.
func (d *desk) lacks(body string, no ...string) {
	d.t.Helper()
	for _, w := range no {
		if strings.Contains(body, w) {
			d.t.Errorf("the page says %q:\n%s", w, words(body))
		}
	}
}

var tags = regexp.MustCompile(`(?s)<(script|style|nav).*?</(script|style|nav)>|<[^>]*>|\s*\n\s*`)

// words is a page without its markup, for messages.
func words(body string) string {
	s := tags.ReplaceAllString(body, " ")
	return s[:min(len(s), 4000)]
}

// value is the value of a hidden field.
func value(t *testing.T, body, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatalf("the page has no field %s:\n%s", name, words(body))
	}
	return m[1]
}

func draft(severity string) url.Values {
	return url.Values{
		"severity": {severity}, "marking": {"TLP:GREEN"}, "answer_within": {"30m0s"}, "languages": {"en fr es"}, "choice.sectors": {"drinking-water"},
		"texts.en.title": {"Remote <b>access</b>"}, "texts.en.what": {"Somebody signs in."}, "texts.en.do": {"Close it."},
		"texts.fr.title": {"Accès à distance"}, "texts.fr.what": {"Quelqu’un se connecte."}, "texts.fr.do": {"Fermez-le."}, "do": {"list"},
	}
}

// released composes a warning as Ana and lets Olga release it.
func (d *desk) released(severity string) string {
	d.t.Helper()
	list := d.post(d.ana, "/warn/warnings", draft(severity), http.StatusSeeOther).Header.Get("Location")
	page := d.sees(d.olga, list)
	u := strings.TrimSuffix(list, "/list")
	d.post(d.olga, u+"/release", url.Values{"version": {value(d.t, page, "version")}, "seen": {value(d.t, page, "seen")}}, http.StatusSeeOther)
	if err := d.Settle(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return u
}

func TestAWarningFromTheFormToTheBoard(t *testing.T) {
	d := open(t)
	d.sees(d.reader, "/warn/warnings", "No warnings", "Write one when many must know")
	d.sees(d.ana, "/warn/warnings/new", "Spanish", "Sectors", "Drinking water", "Look at the list")

	// What is wrong stands beside its field, and nothing typed is lost.
	wrong := draft("high")
	wrong.Set("texts.en.do", "")
	wrong.Set("choice.organisations", "Nobody Ltd")
	wrong.Set("choice.asset", "not an address")
	body := d.post(d.ana, "/warn/warnings", wrong, http.StatusUnprocessableEntity).Body
	for _, want := range []string{"Say what to do", `id="f-texts-en-do"`, "Remote &lt;b&gt;access&lt;/b&gt;", "Nobody Ltd", `value="drinking-water" checked`} {
		if !strings.Contains(body, want) {
			t.Errorf("the refused form lacks %q:\n%s", want, words(body))
		}
	}
	wrong.Set("texts.en.do", "Close it.")
	body = d.post(d.ana, "/warn/warnings", wrong, http.StatusUnprocessableEntity).Body
	if !strings.Contains(body, "There is no organisation called Nobody Ltd") {
		t.Errorf("an unknown organisation is not named:\n%s", words(body))
	}
	more := draft("high")
	more.Set("do", "add")
	more.Set("language", "pt-BR")
	body = d.post(d.ana, "/warn/warnings", more, http.StatusOK).Body
	if !strings.Contains(body, `name="texts.pt-BR.title"`) || !strings.Contains(body, "Quelqu’un se connecte.") {
		t.Errorf("another language is not added to what was typed:\n%s", words(body))
	}

	list := d.post(d.ana, "/warn/warnings", draft("high"), http.StatusSeeOther).Header.Get("Location")
	u := strings.TrimSuffix(list, "/list")
	page := d.sees(d.ana, list, "3 organisations will see this", "One organisation has nobody to write to", "Aguas del Faro", "French", "in full, in clear", "Release alone, on call")
	d.sees(d.reader, list, "Your role reads warnings")
	d.sees(d.ana, list+"?manner=none", "Éclair Énergie")
	d.sees(d.olga, list+".csv", "Aguas del Faro,operator,drinking-water,Control room,watch@faro.example,fr,plain")
	faro, _, err := d.App.Guard().OrganisationNamed(t.Context(), d.App.Acts().Reader(), "Aguas del Faro")
	if err != nil {
		t.Fatal(err)
	}
	letter := d.sees(d.reader, fmt.Sprintf("%s/letter?org=%d", u, faro.ID), "Accès à distance", "Fermez-le.", "ALM-····-····", "/n/…")
	d.lacks(letter, "Remote &lt;b&gt;")
	d.sees(d.ana, u, "For whom", "Drinking water", "The warning was written.")
	version, seen := value(t, page, "version"), value(t, page, "seen")

	// Who wrote it does not release it as a second person, nor alone without a reason.
	d.post(d.ana, u+"/release", url.Values{"version": {version}, "seen": {seen}}, http.StatusForbidden)
	body = d.post(d.ana, u+"/release", url.Values{"version": {version}, "seen": {seen}, "on_call": {"yes"}}, http.StatusUnprocessableEntity).Body
	if !strings.Contains(body, "Who releases alone says why") {
		t.Errorf("the missing reason is not said:\n%s", words(body))
	}
	d.post(d.olga, u+"/release", url.Values{"version": {version}, "seen": {"another list"}}, http.StatusConflict)
	d.post(d.olga, u+"/release", url.Values{"version": {version}, "seen": {seen}}, http.StatusSeeOther)
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	board := d.sees(d.reader, u, "0 of 3 organisations have taken it", "Who has taken it", "silent", "nobody to write to", `data-live`, "warn.notice-answered", "by a second person")
	d.lacks(board, `data-key="p"`)
	d.sees(d.olga, u, `data-key="p"`)
	d.sees(d.reader, u+"?show=returned", "Éclair Énergie")
	d.sees(d.reader, u+"?show=answered", "No organisation here")
	d.sees(d.reader, u+"/taken.csv", "Aguas del Faro,watch@faro.example,sent,silent,1")
	d.sees(d.ana, "/warn/warnings?state=released", "0 of 3", "Remote &lt;b&gt;access&lt;/b&gt;")

	// Told by phone, from the board and back: the name stands there, one key records it.
	m := regexp.MustCompile(`href="(/warn/notices/ALM-[^"?]*)\?answer=phone&amp;back=([^"#]*)"`).FindStringSubmatch(d.sees(d.olga, u+"?show=silent"))
	if m == nil {
		t.Fatal("the board has no way to record an answer")
	}
	form := d.sees(d.olga, m[1]+"?answer=phone&back="+m[2], "autofocus", `name="back" value="`+u+`"`, `value="Control room"`, "Of the warning")
	a := d.post(d.olga, m[1]+"/answer", url.Values{"by": {value(t, form, "by")}, "back": {u}}, http.StatusSeeOther)
	if a.Header.Get("Location") != u {
		t.Errorf("got to %q, want back to the board", a.Header.Get("Location"))
	}
	d.sees(d.reader, u, "1 of 3 organisations have taken it", "taken, told by phone", "Control room")
	d.sees(d.reader, u+"?strength=phone", "Control room")
	d.sees(d.reader, m[1], "recorded by Olga", "told by phone", "contact 1")

	d.post(d.olga, u+"/close", url.Values{}, http.StatusUnprocessableEntity)
	d.sees(d.olga, u+"/close", "Close this warning?")
	d.post(d.olga, u+"/close", url.Values{"reason": {"over"}}, http.StatusSeeOther)
	d.sees(d.reader, u, "The warning was closed.")
}

func TestAFlashIsReleasedAloneCalledAndReviewed(t *testing.T) {
	d := open(t)
	list := d.post(d.ana, "/warn/warnings", draft("flash"), http.StatusSeeOther).Header.Get("Location")
	u := strings.TrimSuffix(list, "/list")
	page := d.sees(d.ana, list)
	d.post(d.ana, u+"/release", url.Values{
		"version": {value(t, page, "version")}, "seen": {value(t, page, "seen")}, "on_call": {"yes"}, "reason": {"night"},
	}, http.StatusSeeOther)
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.lacks(d.sees(d.ana, u, "review is due"), u+"/review")
	d.sees(d.olga, u+"/review", "Ana released this warning alone, on call: night")
	d.post(d.olga, u+"/review", url.Values{"verdict": {"object"}}, http.StatusUnprocessableEntity)
	d.post(d.olga, u+"/review", url.Values{"verdict": {"approve"}}, http.StatusSeeOther)
	d.sees(d.ana, u, "The release on call was approved.")

	d.Clock.Advance(45 * time.Minute)
	if err := d.App.Warn().LookAround(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls, err := d.App.Warn().Calls(t.Context(), d.App.Acts().Reader(), 0, true)
	if err != nil || len(calls) != 3 {
		t.Fatalf("got %d calls (%v), want one per silent organisation", len(calls), err)
	}
	body := d.sees(d.olga, "/warn/calls", "Enter a call", "Reached: they have taken it", "Éclair Énergie")
	d.lacks(d.sees(d.reader, "/warn/calls"), "Enter a call")
	call := fmt.Sprintf("/warn/calls/%d", calls[0].ID)
	body = d.post(d.olga, call, url.Values{"version": {value(t, body, "version")}, "outcome": {"reached"}}, http.StatusUnprocessableEntity).Body
	if !strings.Contains(body, "f-spoke-") || !strings.Contains(body, "alm-fault") {
		t.Errorf("a call without a name is not refused at its field:\n%s", words(body))
	}
	d.post(d.olga, call, url.Values{"version": {"1"}, "outcome": {"busy"}}, http.StatusSeeOther)
	d.post(d.olga, call, url.Values{"version": {"1"}, "outcome": {"busy"}}, http.StatusConflict)
	d.post(d.olga, call, url.Values{"version": {"2"}, "outcome": {"reached"}, "spoke": {"Mr Éclair"}, "back": {"https://evil.example/"}}, http.StatusSeeOther)
	d.sees(d.reader, "/warn/calls?state=all", "Mr Éclair", "reached", "busy")
}

// mailIn hands a mail in and returns the address of its page.
func (d *desk) mailIn(from, subject, words string) string {
	d.t.Helper()
	raw := "From: " + from + "\r\nTo: csirt@csirt.example\r\nSubject: " + subject + "\r\nMessage-ID: <" + fmt.Sprint(len(words)) + subject[:3] + "@x.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + words +
		"\r\n--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=\"../evil.html\"\r\n\r\n<script>alert(1)</script>\r\n--b--\r\n"
	if _, err := d.App.Receiving().AcceptRaw(d.t.Context(), "csirt", []byte(raw)); err != nil {
		d.t.Fatal(err)
	}
	ms, err := d.App.Warn().Mails(d.t.Context(), d.App.Acts().Reader(), warn.MailFilter{Limit: 1})
	if err != nil || len(ms) != 1 {
		d.t.Fatal(len(ms), err)
	}
	return fmt.Sprintf("/warn/mail/%d", ms[0].ID)
}

func TestMailIsConfirmedFiledAndPutAway(t *testing.T) {
	d := open(t)
	d.sees(d.reader, "/warn/mail", "No mail waits")
	one := d.mailIn("watch@faro.example", "Re: ["+d.noticeFaro+"] warning", "We have fixed <it>.")
	list := d.sees(d.olga, "/warn/mail", `data-key="c"`, "says it is fixed", "not signed", d.noticeFaro, "We have fixed &lt;it&gt;.")
	d.lacks(list, "<it>")
	d.lacks(d.sees(d.reader, "/warn/mail"), `data-key="c"`)
	d.sees(d.olga, one, "Control room", "Confirm as an answer", "evil.html", "What they write")
	a := d.Ask(http.MethodGet, one+"/files/1", nil, house.As(d.reader))
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") ||
		!strings.Contains(a.Body, "<script>") || strings.Contains(a.Header.Get("Content-Disposition"), "..") {
		t.Errorf("got %d %v, want the bytes as a file of no type under a harmless name", a.Status, a.Header)
	}
	if a := d.Ask(http.MethodGet, one+"/files/9", nil, house.As(d.reader)); a.Status != http.StatusNotFound {
		t.Errorf("got %d for an attachment that is not there, want 404", a.Status)
	}
	d.post(d.reader, one+"/confirm", url.Values{}, http.StatusForbidden)
	d.post(d.olga, one+"/confirm", url.Values{}, http.StatusSeeOther) // what was proposed, by the contact
	d.post(d.olga, one+"/confirm", url.Values{}, http.StatusConflict)
	d.sees(d.reader, "/warn/notices/"+d.noticeFaro, "says it is fixed", "by mail", "Control room", "recorded by Olga", one)
	d.sees(d.reader, "/warn/mail?state=answered", d.noticeFaro)

	other := d.mailIn("somebody@else.example", "Hello", "We took it.")
	d.lacks(d.sees(d.olga, other, "It names no notice that we know."), "Confirm as an answer")
	d.post(d.olga, other+"/file", url.Values{"notice": {"ALM-9999-9999"}}, http.StatusUnprocessableEntity)
	d.post(d.olga, other+"/file", url.Values{"notice": {d.noticeFaro}}, http.StatusSeeOther)
	d.sees(d.olga, other, "Confirm as an answer")
	d.post(d.olga, other+"/dismiss", url.Values{}, http.StatusUnprocessableEntity)
	d.post(d.olga, other+"/dismiss", url.Values{"reason": {"spam"}}, http.StatusSeeOther)
	d.sees(d.olga, "/warn/mail", "No mail waits")
}

func TestRulesAreEditedAsRowsAndTriedBeforeTheyHold(t *testing.T) {
	d := open(t)
	d.lacks(d.sees(d.reader, "/warn/rules", "Networks: one bulk mail a day", "again after 30 days"), "Put these rules in force")
	body := d.sees(d.ana, "/warn/rules", "Try these rules", "Rule 3")
	form := url.Values{"version": {value(t, body, "version")}, "rows": {"1"}, "rules[0].name": {"None of this"}, "rules[0].kinds": {"scan_telnet"}, "rules[0].tell": {"no"}}
	with := func(more ...string) url.Values {
		f := url.Values{}
		for k, v := range form {
			f[k] = slices.Clone(v)
		}
		for i := 0; i < len(more); i += 2 {
			f.Set(more[i], more[i+1])
		}
		return f
	}
	body = d.post(d.ana, "/warn/rules", with("do", "try"), http.StatusOK).Body
	for _, want := range []string{"2 of 2 open findings would be told otherwise (organisations: 1)", "letter · again after 30 days", "not told", "Aguas del Faro", `value="None of this"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the trial lacks %q:\n%s", want, words(body))
		}
	}
	body = d.post(d.ana, "/warn/rules", with("do", "add"), http.StatusOK).Body
	if !strings.Contains(body, "Rule 2") {
		t.Errorf("no row is added:\n%s", words(body))
	}
	two := with("do", "up:1", "rows", "2", "rules[1].name", "Second")
	body = d.post(d.ana, "/warn/rules", two, http.StatusOK).Body
	if strings.Index(body, `value="Second"`) > strings.Index(body, `value="None of this"`) {
		t.Error("the second rule did not go up")
	}
	d.lacks(d.post(d.ana, "/warn/rules", with("do", "remove:0"), http.StatusOK).Body, `value="None of this"`)
	for field, bad := range map[string]string{"rules[0].repeat": "often", "rules[0].pace": "-3", "rules[0].organisation": "Nobody Ltd", "rules[0].name": ""} {
		body := d.post(d.ana, "/warn/rules", with("do", "save", "reason", "r", field, bad), http.StatusUnprocessableEntity).Body
		if !strings.Contains(body, "alm-fault") {
			t.Errorf("%s=%q is not refused at its field:\n%s", field, bad, words(body))
		}
	}
	d.post(d.ana, "/warn/rules", with("do", "save"), http.StatusUnprocessableEntity)
	d.post(d.olga, "/warn/rules", with("do", "save", "reason", "mine"), http.StatusForbidden)
	d.post(d.ana, "/warn/rules", with("do", "save", "reason", "noise"), http.StatusSeeOther)
	d.post(d.ana, "/warn/rules", with("do", "save", "reason", "again"), http.StatusConflict)
	d.sees(d.reader, "/warn/rules", "by Ana: noise (version 2)", "None of this", "hold back")
}

func TestNoticesAreSiftedKeptAndRepeated(t *testing.T) {
	d := open(t)
	d.sees(d.reader, "/warn/notices", d.noticeFaro, "in full, in clear", "Rules of what is told")
	d.sees(d.reader, "/warn/notices?organisation=aguas+del+faro&unanswered=yes&state=sent", d.noticeFaro)
	d.lacks(d.sees(d.reader, "/warn/notices?organisation=nobody", "No notices"), d.noticeFaro)
	d.lacks(d.sees(d.reader, "/warn/notices?warning=ALM-0000-0000", "No notices"), d.noticeFaro)
	d.sees(d.reader, "/warn/notices.csv?state=sent", d.noticeFaro+",Aguas del Faro,watch@faro.example,sent,plain,2")
	d.lacks(d.sees(d.reader, "/warn/notices.csv?organisation=nobody", "notice,organisation"), d.noticeFaro)
	d.sees(d.olga, "/warn/notices/"+d.noticeFaro, `data-key="p"`, `value="Control room"`, "scan_telnet", "in full, in clear", "/n/…")
	d.sees(d.olga, "/warn/outbox", "in clear")
	d.sees(d.olga, "/warn/repeat", "Send all unknown notices once more?", "Nothing")
	d.post(d.olga, "/warn/repeat", url.Values{}, http.StatusUnprocessableEntity)
	d.post(d.reader, "/warn/repeat", url.Values{"reason": {"a"}}, http.StatusForbidden)
	body := d.post(d.olga, "/warn/notices/"+d.noticeFaro+"/answer", url.Values{"by": {"Ms Ferrer"}, "what": {"dispute"}}, http.StatusUnprocessableEntity).Body
	if !strings.Contains(body, `value="Ms Ferrer"`) || !strings.Contains(body, "alm-fault") {
		t.Errorf("what was typed is lost, or why it is refused:\n%s", words(body))
	}
	a := d.post(d.olga, "/warn/notices/"+d.noticeFaro+"/answer", url.Values{"by": {"Ms Ferrer"}, "what": {"done"}, "at": {"2026-11-17T05:30"}, "back": {"//evil.example"}}, http.StatusSeeOther)
	if a.Header.Get("Location") != "/warn/notices/"+d.noticeFaro {
		t.Errorf("got to %q, want the notice", a.Header.Get("Location"))
	}
	d.sees(d.reader, "/warn/notices/"+d.noticeFaro, "Ms Ferrer", "says it is fixed", "05:30")
}

func TestTheCallsOfTheAPI(t *testing.T) {
	d := open(t)
	token := d.Token(guard.OwnOrg, guard.RoleDutyLead)
	ask := func(method, path, body string, want int) string {
		t.Helper()
		a := d.Ask(method, "/api/v1/warn/"+path, strings.NewReader(body), house.With(token), house.JSON)
		if a.Status != want {
			t.Fatalf("%s %s: got %d, want %d: %s", method, path, a.Status, want, a.Body)
		}
		return a.Body
	}
	has := func(body string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("the answer lacks %s: %s", w, body)
			}
		}
	}
	has(ask("POST", "warnings", `{"severity":"high","marking":"TLP:AMBER","text":{"en":{"title":"a","what":"b","do":"c"}},"to":{"organisations":["Aguas del Faro"]}}`, 201),
		`"state":"draft"`, `"recipients":0`, `"organisations":["Aguas del Faro"]`)
	ask("POST", "warnings", `{"severity":"high","marking":"TLP:AMBER","text":{"en":{"title":"a","what":"b","do":"c"}},"to":{"organisations":["Nobody"]}}`, 422)
	number := regexp.MustCompile(`ALM-....-....`).FindString(ask("GET", "warnings", "", 200))
	list := ask("GET", "warnings/"+number+"/list", "", 200)
	has(list, `"manner":"minimal"`, `"address":"watch@faro.example"`)
	seen := regexp.MustCompile(`"seen":"([^"]*)"`).FindStringSubmatch(list)[1]
	ask("POST", "warnings/"+number+"/release", `{"version":1,"seen":"`+seen+`"}`, 403)
	has(ask("POST", "warnings/"+number+"/release", `{"version":1,"seen":"`+seen+`","on_call":true,"reason":"alone"}`, 200), `"released_how":"on-call"`)
	ask("POST", "warnings/"+number+"/review", `{"approve":true}`, 403)
	if err := d.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	has(ask("GET", "warnings/"+number+"/taken", "", 200), `"organisation":"Aguas del Faro"`, `"state":"sent"`)
	ask("POST", "notices/"+d.noticeFaro+"/answer", `{"by":"Ms Ferrer","via":"phone"}`, 204)
	receipts := strings.Split(strings.TrimSpace(ask("GET", "receipts", "", 200)), "\n")
	if len(receipts) != 2 || !strings.HasPrefix(receipts[1], `{"notice":"`+d.noticeFaro+`","organisation":"Aguas del Faro","contact":"watch@faro.example","state":"sent","answer":"acknowledge","strength":"phone","by":"Ms Ferrer","at":"`) {
		t.Errorf("got receipts %q", receipts)
	}
	has(ask("GET", "receipts?limit=1&warning="+number, "", 200), `"answer":"","strength":""`)
	ask("POST", "warnings/"+number+"/close", `{"reason":"over"}`, 204)
	has(ask("GET", "rules", "", 200), `"repeat_days":30`, `"version":1`)
	has(ask("POST", "rules/try", `{"version":1,"rules":[]}`, 200), `"differences":[{"organisation":"Aguas del Faro"`)
	ask("PUT", "rules", `{"version":1,"rules":[{"name":"a","repeat_days":-4}],"reason":"r"}`, 422)
	has(ask("PUT", "rules", `{"version":1,"rules":[{"name":"a","repeat_days":7}],"reason":"r"}`, 200), `"version":2`)
	has(ask("GET", "calls?all=true", "", 200), `[`)
	one := strings.TrimPrefix(d.mailIn("watch@faro.example", "Re: ["+d.noticeFaro+"]", "done"), "/warn/")
	has(ask("GET", "mail?state=waiting", "", 200), `"proposed":"done"`, `"files":[{"name"`)
	ask("POST", one+"/file", `{"notice":"ALM-0000-0000"}`, 404)
	ask("POST", one+"/confirm", `{}`, 204)
	ask("POST", one+"/dismiss", `{"reason":"late"}`, 409)
	ask("POST", "stop", `{"reason":"drill"}`, 204)
	has(ask("GET", "sending", "", 200), `"stopped":true`, `"reason":"drill"`)
	ask("POST", "resume", `{"reason":"over"}`, 204)
	has(ask("GET", "sending", "", 200), `"stopped":false`)
}

// TestEveryLanguageHasEveryWord: what the sources and templates name is in the
// catalogue, and French has what English has.
func TestEveryLanguageHasEveryWord(t *testing.T) {
	d := open(t)
	c := d.App.Site().Catalogue()
	for _, key := range c.Missing("fr", true) {
		if strings.Contains(key, "warn.") {
			t.Errorf("French and English differ in %s", key)
		}
	}
	named := regexp.MustCompile(`(?:Say\(r, |T\(|T |Key: |sentence\(.*)"(warn\.[a-z_.-]*[a-z])"`)
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		files, err := fs.Glob(os.DirFS("."), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(filepath.FromSlash(name))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range named.FindAllStringSubmatch(string(b), -1) {
				if !strings.HasSuffix(name, "_test.go") && !c.HasKey(m[1]) {
					t.Errorf("%s uses %s, which the catalogue lacks", name, m[1])
				}
			}
		}
	}
}

func TestAQuestionWaitsUntilSomebodySaysWhatCameOfIt(t *testing.T) {
	d := open(t)
	d.sees(d.reader, "/warn/answers", "Nobody waits for an answer")
	at := "/warn/notices/" + d.noticeFaro
	d.post(d.olga, at+"/answer", url.Values{"by": {"Mr Laval"}, "what": {"ask"}, "reason": {"Which <port> is it?"}}, http.StatusSeeOther)
	d.sees(d.reader, "/warn/answers", d.noticeFaro, "Aguas del Faro", "Which &lt;port&gt; is it?", "Mr Laval")
	d.lacks(d.sees(d.reader, at), "What came of it")
	page := d.sees(d.olga, at, "What came of it", "Mr Laval", "Which &lt;port&gt; is it?")
	m := regexp.MustCompile(`action="(/warn/answers/(\d+)/settle)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the notice's page has no form for the question:\n%s", words(page))
	}
	refused := d.post(d.olga, m[1], url.Values{"note-" + m[2]: {" "}}, http.StatusUnprocessableEntity).Body
	if !strings.Contains(refused, `aria-invalid="true"`) || !strings.Contains(refused, "Say in a few words what came of it") {
		t.Errorf("what lacks is not said at the field:\n%s", words(refused))
	}
	d.post(d.reader, m[1], url.Values{"note-" + m[2]: {"told"}}, http.StatusForbidden)
	d.post(d.olga, m[1], url.Values{"note-" + m[2]: {"Told him it is 23."}}, http.StatusSeeOther)
	d.sees(d.reader, at, "Told him it is 23.", "The desk dealt with it")
	d.lacks(d.sees(d.olga, at), "/settle")
	d.post(d.olga, m[1], url.Values{"note-" + m[2]: {"again"}}, http.StatusConflict)
	d.sees(d.reader, "/warn/answers", "Nobody waits for an answer")
	d.post(d.olga, "/warn/answers/999/settle", url.Values{"note-999": {"x"}}, http.StatusNotFound)

	d.post(d.olga, at+"/answer", url.Values{"by": {"Mr Laval"}, "what": {"dispute"}, "reason": {"Not ours."}}, http.StatusSeeOther)
	token := house.With(d.Token(guard.OwnOrg, guard.RoleDutyLead, "warn.read", "warn.settle_answer"))
	list := d.Ask(http.MethodGet, "/api/v1/warn/answers", nil, token)
	id := regexp.MustCompile(`"id":(\d+)`).FindStringSubmatch(list.Body)
	if list.Status != http.StatusOK || id == nil || !strings.Contains(list.Body, `"what":"dispute"`) {
		t.Fatalf("the list for programs: %d %s", list.Status, list.Body)
	}
	a := d.Ask(http.MethodPost, "/api/v1/warn/answers/"+id[1]+"/settle", strings.NewReader(`{"note":"It is theirs after all."}`), token, house.JSON)
	if a.Status != http.StatusNoContent {
		t.Errorf("settle by a program: %d %s", a.Status, a.Body)
	}
	d.sees(d.reader, at, "It is theirs after all.")
}
