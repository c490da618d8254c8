package gate

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// reader is somebody who asks both worlds of a pair: how, and at which doors. Most ask as
// programs do, which costs least.
type reader struct {
	name   string
	cookie *http.Cookie
	token  string
	fence  string // a channel of news that nobody else listens to
	desk   bool
	calls  []string // GET, by token
	pages  []string // GET, by session
	forms  []form   // POST, by session; none changes anything
}

// form is a request with a body, in which {kind} stands for the name of a thing.
type form struct{ path, body string }

// enter lets the readers in: those outside, and those of the desk where it is hidden from
// them, too. What crosses is oversight's to read, so it asks where nothing of it is hidden.
func (w *world) enter() {
	var calls, pages []string
	for _, r := range w.App.Site().Routes() {
		switch asked := template(r.Pattern, r.Sample); {
		case r.Method != http.MethodGet || asked == "":
		case strings.HasPrefix(asked, "/api/v1/portal/"):
			calls = append(calls, asked)
		case strings.HasPrefix(asked, "/portal"):
			pages = append(pages, asked)
		}
	}
	calls = append(calls, "/api/v1/portal/incidents?before={incident}", "/api/v1/portal/entries/{entry}", "/api/v1/portal/incidents/{incident}", "/api/v1/portal/deadlines/{clock}", "/api/v1/portal/incident-files/{file}")
	pages = append(pages, "/portal/incidents?before={incident}", "/portal/incidents?exercise=yes", "/portal/entries/{entry}?do=edit", "/portal/entries/{entry}?do=share", "/portal/entries/{entry}?do=retract",
		"/portal/deadlines?exercise=yes", "/portal/deadlines/{clock}/filed/1", "/portal/reports/new?regime=nis2&stage=early-warning", "/portal/reports?exercise=yes", "/portal/crossings/{crossing}", "/portal/incidents/{incident}", "/portal/reports/{report}", "/portal/reports/{report}")
	for _, one := range []struct {
		name string
		who  guard.Person
	}{
		{"a contact", w.ana()},
		{"the police that takes part", w.parties["Policía"].one},
		{"who hears by mail", w.parties["Molino"].one},
		{"who hears by sealed mail", w.parties["Sello"].one},
		{"who was removed", w.parties["Antigua"].one},
		{"who takes part by name", w.parties["Norte"].one},
		{"a colleague of whom takes part by name", w.Person(w.org("Norte"), guard.RoleContact)},
		{"the police after a crossing", w.parties["Guardia"].one},
		{"a regulator that is owed", w.parties["Autoridad"].one},
		{"a peer", w.parties["Boreas"].one},
		{"who takes part in an exercise", w.parties["Simulacro"].one},
	} {
		w.readers = append(w.readers, reader{name: one.name, fence: fmt.Sprintf("portal.person-%d", one.who.ID), cookie: w.SignIn(one.who.ID), token: w.tokenOf(one.who, "portal.fetch"), calls: calls, pages: pages, forms: outsiderForms()})
	}
	w.readers = append(w.readers, reader{name: "who reported without a name", pages: []string{"/report/status"}, forms: []form{{"/report/status", "code={code}"}, {"/report/status", "code={code}&do=add&text="}, {"/report/status", "code=0000-0000-0000-0000-0000"}}})
	if w.plot.red {
		w.enterDesk()
	}
}

// enterDesk lets in a duty lead whom no secret names, and oversight.
func (w *world) enterDesk() {
	lead := reader{name: "the desk", desk: true}
	over := reader{name: "oversight", desk: true}
	for _, r := range w.App.Site().Routes() {
		asked := template(r.Pattern, r.Sample)
		switch {
		case r.Method != http.MethodGet || asked == "":
		case strings.HasPrefix(asked, "/api/v1/incident/"):
			lead.calls, over.calls = append(lead.calls, asked), append(over.calls, asked)
		case strings.HasPrefix(asked, "/incident/"):
			lead.pages, over.pages = append(lead.pages, asked), append(over.pages, asked)
		}
	}
	lead.calls = append(lead.calls, "/api/v1/incident/incidents/{incident}", "/api/v1/incident/search?q=192.0.2.7", "/api/v1/incident/search?q=hush", "/api/v1/incident/search?q=secr", "/api/v1/incident/search?q={incident}", "/api/v1/incident/mail")
	lead.pages = append(lead.pages, "/incident/mail", "/incident/search?q=192.0.2.7", "/incident/search?q=seen", "/incident/entries/{entry}", "/incident/files/{file}", "/incident/calls", "/incident/clocks", "/incident/incidents", "/desk/search?q=192.0.2.7",
		"/incident/incidents/{incident}?kind=question", "/incident/incidents/{incident}")
	lead.forms = []form{
		{"/incident/entries/{entry}/edit", "text=x&version=99"}, {"/incident/entries/{entry}/share", "marking=TLP:GREEN&reason=x&version=99"},
		{"/incident/entries/{entry}/retract", "reason=x&version=99"}, {"/incident/entries/{entry}/task", "state=done&version=99"},
		{"/incident/incidents/{incident}/split", "title=x&reason=x&entry=999999"},
	}
	over.pages = append(over.pages, "/incident/crossings/{crossing}")
	one := w.Person(guard.OwnOrg, guard.RoleDutyLead)
	lead.cookie, lead.token = w.SignIn(one.ID), w.tokenOf(one)
	lead.fence, over.fence = fmt.Sprintf("incident.person-%d", one.ID), fmt.Sprintf("incident.crossings.person-%d", w.oversight.ID)
	over.cookie, over.token = w.SignIn(w.oversight.ID), w.tokenOf(w.oversight)
	w.readers = append(w.readers, lead, lead, lead, over)
}

func (w *world) tokenOf(p guard.Person, scope ...string) string {
	secret, _, err := w.App.Guard().IssueToken(w.t.Context(), guard.LocalOperator(), p.ID, "t", scope, 48*time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// outsiderForms are what whoever takes part sends: each is answered before anything is
// changed, with who would see it, what is missing, or that it changed meanwhile.
func outsiderForms() (out []form) {
	for _, m := range tlp.All() {
		out = append(out,
			form{"/portal/incidents/{incident}/write", "do=look&text=x&org={org}&marking=" + m.String()},
			form{"/portal/incidents/{incident}/write", "do=look&text=x&person={person}&marking=" + m.String()})
		for _, verb := range []string{"task", "edit", "retract", "share", "service", "verified", "resource", "reached", "moved"} {
			out = append(out, form{"/portal/entries/{entry}/" + verb, "version=99&text=x&reason=x&state=done&due=2027-01-01T10:00&org={org}&marking=" + m.String()})
		}
	}
	return append(out,
		form{"/portal/entries/{entry}/answer", ""},
		form{"/portal/deadlines/{clock}/write", "do=file&seen=99&version=99&field-title=x"},
		form{"/portal/incidents/{incident}/lead", "accept=perhaps"},
		form{"/portal/consents/{consent}", "consent=perhaps"},
		form{"/portal/reports", "stage=incident&do=look&text=x&marking=TLP:AMBER&clock=exercise-{incident}"},
		form{"/portal/reports/{report}/add", "text="})
}

// segments are the things that the parts of addresses name, by the part before.
var segments = map[string]string{ //nolint:gochecknoglobals // a table
	"incidents": "incident", "entries": "entry", "files": "file", "incident-files": "file", "clocks": "clock", "deadlines": "clock",
	"filings": "filing", "reports": "report", "crossings": "crossing", "consents": "consent",
}

// template is a route's address with {kind} for the things that it names, and as in the
// route's sample for the rest. What shows how the installation fares is none.
func template(pattern, sample string) string {
	_, line, ok := strings.Cut(sample, " ")
	if !ok || strings.HasSuffix(pattern, "/new") && strings.HasPrefix(pattern, "/report") {
		return ""
	}
	line, _, _ = strings.Cut(line, " ")
	path, query, _ := strings.Cut(line, "?")
	ours, theirs := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(ours) != len(theirs) {
		return ""
	}
	for k := 1; k < len(ours); k++ {
		if kind := segments[ours[k-1]]; kind != "" && strings.HasPrefix(ours[k], "{") {
			theirs[k] = "{" + kind + "}"
		}
	}
	out := strings.Join(theirs, "/")
	if query != "" {
		out += "?" + query
	}
	return out
}

// question is one request, in words that mean the same in both worlds.
type question struct {
	reader                       string
	method, path, body, language string
	cookie                       *http.Cookie
	token                        string
}

var blank = regexp.MustCompile(`\{(\w+)\}`)

// visit is a request of a reader at one door, before it is filled with things.
type visit struct {
	reader int
	form   form
	method string
	call   bool
}

// visits are all that the readers can ask by session, once each and shuffled: pages cost
// most, and what is drawn would leave some out.
func (w *world) visits(r *rand.Rand) (out []visit) {
	for k, one := range w.readers {
		for _, p := range one.pages {
			out = append(out, visit{k, form{path: p}, "GET", false})
		}
		for _, f := range one.forms {
			out = append(out, visit{k, f, "POST", false})
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// chance chooses a visit; most ask as programs do, which costs least.
func (w *world) chance(r *rand.Rand) visit {
	k := r.IntN(len(w.readers))
	one := w.readers[k]
	switch n := r.IntN(100); {
	case n >= 6 && len(one.calls) > 0:
		return visit{k, form{path: one.calls[r.IntN(len(one.calls))]}, "GET", true}
	case n >= 3 && n < 53 || len(one.forms) == 0:
		return visit{k, form{path: one.pages[r.IntN(len(one.pages))]}, "GET", false}
	}
	return visit{k, one.forms[r.IntN(len(one.forms))], "POST", false}
}

// ask makes a question of a visit, in the words of each world.
func (v visit) ask(r *rand.Rand, with, without *world) (a, b question) {
	one := with.readers[v.reader]
	q := question{reader: one.name, method: v.method, language: []string{"en", "fr", "es"}[r.IntN(3)]}
	path, body := v.form.path, v.form.body
	places := map[string]int{}
	for _, m := range blank.FindAllStringSubmatch(path+" "+body, -1) {
		if x := with.things[m[1]]; x != nil {
			places[m[1]] = place(r, len(x.seen), len(x.secret))
		} else {
			places[m[1]] = r.IntN(1 << 20)
		}
	}
	in := func(w *world) question {
		p := q
		p.path = fill(w, path, places, one.desk)
		p.body = strings.ReplaceAll(fill(w, body, places, one.desk), "TLP:", url.QueryEscape("TLP:"))
		if p.cookie = w.readers[v.reader].cookie; v.call {
			p.cookie, p.token = nil, w.readers[v.reader].token
		}
		return p
	}
	return in(with), in(without)
}

// place chooses a thing; two of three are secrets.
func place(r *rand.Rand, seen, secret int) int {
	if secret > 0 && r.IntN(3) > 0 {
		return seen + r.IntN(secret)
	}
	return r.IntN(seen + 1)
}

func fill(w *world, s string, places map[string]int, desk bool) string {
	return blank.ReplaceAllStringFunc(s, func(m string) string {
		kind := m[1 : len(m)-1]
		all := w.partiesInOrder()
		switch one := all[places[kind]%len(all)]; kind {
		case "code":
			return w.code
		case "org":
			return one.org.UID
		case "person":
			return one.one.UID
		}
		return w.things[kind].called(places[kind], desk)
	})
}

// partiesInOrder are the organisations in the order of their ids.
func (w *world) partiesInOrder() (out []*party) {
	for line := range strings.Lines(organisations) {
		name, _, _ := strings.Cut(line, ",")
		out = append(out, w.parties[name])
	}
	return out
}
