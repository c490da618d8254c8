package gate

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// comparisons is how many requests are sent against the pairs of stores in all; `make
// interference` sends 100,000.
var comparisons = flag.Int("incident.comparisons", 20_000, "requests compared against pairs of stores that differ in what the reader may not see")

// world is one store of a pair: what the reader, Ana of Faro, may see of incidents, and in
// one of the two also what she may not.
type world struct {
	*house.House
	t         testing.TB
	in        *incident.Incidents
	desk      act.Actor
	orgs      []guard.Organisation // Faro first
	ana, ben  guard.Person
	people    []guard.Person // one of each organisation, Ana first
	incidents []int64        // that Ana takes part in
	entries   []int64        // that she sees
	files     []int64
	clocks    []int64 // that Faro owes there
	secrets   secrets
	cookie    *http.Cookie
	token     string
}

// secrets are what Ana must not learn of.
type secrets struct {
	incidents, entries, files []int64
	clocks                    []int64
	parts                     map[int64][]int64 // organisations besides, by incident
}

// plot is what happens in both worlds of a pair, and what besides in one of them.
type plot struct {
	seed   uint64
	steps  int
	hidden bool
	late   bool // all that is hidden happens after what is seen
}

func (p plot) live(w *world) func(context.Context, *house.House) error {
	return func(ctx context.Context, h *house.House) error {
		w.House, w.in = h, h.App.Incidents()
		if err := w.peopled(ctx); err != nil {
			return err
		}
		if err := h.App.Warn().Stop(ctx, house.Lead(), "until all has happened"); err != nil {
			return err
		}
		seen, unseen := rand.New(rand.NewPCG(p.seed, 1)), rand.New(rand.NewPCG(p.seed, 2))
		for range p.steps {
			h.Clock.Advance(time.Minute)
			if err := w.seen(ctx, seen); err != nil {
				return fmt.Errorf("what is seen: %w", err)
			}
			if p.hidden && !p.late {
				if err := w.unseen(ctx, unseen); err != nil {
					return fmt.Errorf("what is hidden: %w", err)
				}
			}
		}
		for range p.steps {
			h.Clock.Advance(time.Minute)
			if p.hidden && p.late {
				if err := w.unseen(ctx, unseen); err != nil {
					return fmt.Errorf("what is hidden: %w", err)
				}
			}
		}
		if err := h.Settle(ctx); err != nil {
			return err
		}
		if err := h.App.Warn().Resume(ctx, house.Lead(), "all has happened"); err != nil {
			return err
		}
		return w.allSent(ctx)
	}
}

// allSent sends what waits and returns when nothing is on its way any more: the queue of
// the house sends, too.
func (w *world) allSent(ctx context.Context) error {
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if err := w.in.SendMails(ctx); err != nil {
			return err
		}
		n, _, err := sqldb.One(ctx, w.App.Acts().Reader(), sqldb.Int64, `select (select count(*) from incident_news where mail_id = 0)
			+ (select count(*) from incident_mail where state in ('waiting', 'attempting'))`)
		if err != nil || n == 0 {
			tick.Stop()
			return err
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%d mails still wait", n)
		}
	}
}

// peopled adds organisations and one person of each.
func (w *world) peopled(ctx context.Context) error {
	var lines []string
	for i, name := range []string{"Policía", "Ribera", "Sentinela", "Inspección"} {
		lines = append(lines, fmt.Sprintf("%s,operator,XA,drinking-water,cidr,198.51.100.%d/28,Desk,desk%d@other.example,en\n", name, i*16, i))
	}
	if err := w.Import(ctx, append([]string{house.Faro}, lines...)...); err != nil {
		return err
	}
	w.desk = guard.ActorOf(w.Person(guard.OwnOrg, guard.RoleDutyLead))
	all, err := w.App.Guard().Organisations(ctx, w.App.Acts().Reader())
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID == guard.OwnOrg {
			continue
		}
		one, err := w.App.Guard().AddPerson(ctx, guard.LocalOperator(), guard.NewPerson{
			Org: o.ID, Name: "Somebody of " + o.Name, Email: fmt.Sprintf("one%d@%s.example", o.ID, map[bool]string{true: "faro", false: "other"}[len(w.orgs) == 0]), Language: "en", Roles: []string{guard.RoleContact},
		})
		if err != nil {
			return err
		}
		w.orgs, w.people = append(w.orgs, o), append(w.people, one)
	}
	w.ana, w.ben = w.people[0], w.Person(w.orgs[0].ID, guard.RoleContact)
	return nil
}

func (w *world) note(m tlp.Marking, text string, c guard.Circle) incident.NewEntry {
	return incident.NewEntry{Kind: incident.Note, Marking: m, Text: text, To: c}
}

// keep notes an entry, with its files, as seen or as secret.
func (w *world) keep(ctx context.Context, e incident.Entry, entries, files *[]int64) error {
	*entries = append(*entries, e.ID)
	fs, err := sqldb.All(ctx, w.App.Acts().Reader(), sqldb.Int64, `select id from incident_file where entry_id = $1`, e.ID)
	*files = append(*files, fs...)
	return err
}

// seen does one thing that Ana may see. The second organisation takes part beside her, and
// she knows.
func (w *world) seen(ctx context.Context, r *rand.Rand) error {
	faro, other := w.orgs[0].ID, w.orgs[1].ID
	if len(w.incidents) < 2 || len(w.incidents) < 4 && r.IntN(8) == 0 {
		i, err := w.in.OpenNew(ctx, w.desk, incident.Incident{Title: fmt.Sprintf("Harm %d", len(w.incidents)), Severity: incident.High, Marking: []tlp.Marking{tlp.Green, tlp.Amber}[r.IntN(2)]})
		if err != nil {
			return err
		}
		w.incidents = append(w.incidents, i.ID)
		for _, n := range []incident.NewParticipant{{Org: faro, Role: "affected"}, {Org: other, Role: "police"}} {
			if _, err := w.in.AddParticipant(ctx, w.desk, i.ID, n); err != nil {
				return err
			}
		}
		if err := w.owe(ctx, i.ID, faro, &w.clocks); err != nil {
			return err
		}
	}
	at := w.incidents[r.IntN(len(w.incidents))]
	text, m := fmt.Sprintf("seen %d", r.IntN(1000)), []tlp.Marking{tlp.Clear, tlp.Green, tlp.Amber, tlp.AmberStrict}[r.IntN(4)]
	c := guard.Circle{Orgs: []int64{faro}}
	if r.IntN(2) == 0 {
		c.Orgs = append(c.Orgs, other)
	}
	n, by := w.note(m, text, c), w.desk
	switch r.IntN(8) {
	case 6, 7:
		return w.service(ctx, r, at, m, c)
	case 0:
		n = w.note(tlp.Red, text, guard.Circle{Persons: []int64{w.ana.ID}})
	case 1:
		n.Kind, n.Task = incident.Question, &incident.NewTask{Org: faro, Due: w.Clock.Now().Add(time.Hour)}
	case 2:
		n.Kind, n.Task = incident.TaskEntry, &incident.NewTask{Org: faro}
		if k := len(w.secrets.entries); k > 0 { // it waits for something that she may not know of
			n.Task.Depends = w.hiddenTask(ctx, at)
		}
	case 3:
		n.Files = []incident.NewFile{{Name: "a.txt", Body: []byte(text)}}
		n.Observables = []incident.NewObservable{{Value: "192.0.2.7"}}
	case 4:
		by = guard.ActorOf(w.ana)
	}
	e, err := w.in.AddEntry(ctx, by, at, n)
	if err != nil {
		return err
	}
	return w.keep(ctx, e, &w.entries, &w.files)
}

// service names a service that Ana sees, or says how one of hers fares, or plans for it.
func (w *world) service(ctx context.Context, r *rand.Rand, at int64, m tlp.Marking, c guard.Circle) error {
	faro := w.orgs[0].ID
	all, err := w.in.Services(ctx, w.App.Acts().Reader(), incident.Viewer{Org: faro, Person: w.ana.ID}, at)
	if err != nil {
		return err
	}
	step := incident.NewStep{State: incident.ServiceStates()[r.IntN(5)], Quality: 1 + r.IntN(99)}
	switch k := r.IntN(4); {
	case len(all) == 0 || k == 0:
		if step.State == incident.Verified {
			step.State = incident.Down
		}
		n := incident.NewService{Org: faro, Name: fmt.Sprintf("Service %d", r.IntN(100)), People: 7, Marking: m, To: c, Now: step}
		for _, one := range all {
			n.Depends = append(n.Depends, one.ID)
		}
		s, err := w.in.AddService(ctx, w.desk, at, n)
		if err != nil {
			return err
		}
		w.entries = append(w.entries, s.Entry)
		return nil
	case k == 1:
		e, err := w.in.AddMilestone(ctx, w.desk, at, incident.NewMilestone{Title: "Milestone", Service: all[0].ID, Due: w.Clock.Now().Add(time.Hour), Place: r.IntN(3)})
		if err != nil {
			return err
		}
		w.entries = append(w.entries, e.ID)
		return nil
	}
	one := all[r.IntN(len(all))]
	step.Version = one.Version
	return w.in.SetService(ctx, guard.ActorOf(w.ana), one.ID, step)
}

// hiddenService names a service that Ana does not see, which hers needs from then on.
func (w *world) hiddenService(ctx context.Context, at int64) error {
	s, err := w.in.AddService(ctx, w.desk, at, incident.NewService{Name: "secret service", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
	if err != nil {
		return err
	}
	w.secrets.entries = append(w.secrets.entries, s.Entry)
	all, err := w.in.Services(ctx, w.App.Acts().Reader(), incident.ViewerOf(w.desk), at)
	if err != nil || all[0].ID == s.ID {
		return err
	}
	if err := w.in.SetNeeds(ctx, w.desk, all[0].ID, append(all[0].Depends, s.ID), all[0].People, all[0].Version); err != nil {
		return err
	}
	e, err := w.in.AddMilestone(ctx, w.desk, at, incident.NewMilestone{Title: "secret milestone", Due: w.Clock.Now().Add(time.Hour), Marking: tlp.Amber})
	w.secrets.entries = append(w.secrets.entries, e.ID)
	return err
}

// hiddenTask finds a task of an incident that Ana does not see, if there is one.
func (w *world) hiddenTask(ctx context.Context, at int64) []int64 {
	ids, err := sqldb.All(ctx, w.App.Acts().Reader(), sqldb.Int64, `select t.entry_id from incident_task t join incident_entry e on e.id = t.entry_id
		where t.incident_id = $1 and e.text = 'secret task' limit 1`, at)
	if err != nil {
		return nil
	}
	return ids
}

// unseen does a few things of which Ana must not learn.
func (w *world) unseen(ctx context.Context, r *rand.Rand) error {
	if w.secrets.parts == nil {
		w.secrets.parts = map[int64][]int64{}
	}
	for range 1 + r.IntN(3) {
		if err := w.secret(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) secret(ctx context.Context, r *rand.Rand) error {
	x := &w.secrets
	reader := w.App.Acts().Reader()
	if len(x.incidents) < 3 || r.IntN(12) == 0 {
		i, err := w.in.OpenNew(ctx, w.desk, incident.Incident{Title: "Secret harm", Severity: incident.Critical, Marking: tlp.Amber})
		if err != nil {
			return err
		}
		x.incidents = append(x.incidents, i.ID)
		return w.join(ctx, i.ID, w.orgs[2+r.IntN(len(w.orgs)-2)].ID)
	}
	all := append(append([]int64{}, x.incidents...), w.incidents...)
	at := all[r.IntN(len(all))]
	hidden := w.orgs[2+r.IntN(len(w.orgs)-2)]
	switch r.IntN(11) {
	case 10:
		return w.hiddenService(ctx, at)
	case 0: // somebody whom she does not know joins her incident, or goes
		ps, err := w.in.Participants(ctx, reader, at, false)
		if err != nil {
			return err
		}
		for _, p := range ps {
			if p.Org == hidden.ID {
				return w.in.RemoveParticipant(ctx, w.desk, at, p.ID, "secret")
			}
		}
		return w.join(ctx, at, hidden.ID)
	case 1: // to a colleague by name
		if at == x.incidents[0] || !contains(w.incidents, at) {
			return nil
		}
		return w.hide(ctx, w.desk, at, w.note(tlp.Red, "secret to Ben", guard.Circle{Persons: []int64{w.ben.ID}}))
	case 2:
		n := w.note(tlp.Amber, "secret task", guard.Circle{})
		n.Kind, n.Task = incident.TaskEntry, &incident.NewTask{Org: guard.OwnOrg}
		return w.hide(ctx, w.desk, at, n)
	case 3:
		n := w.note(tlp.Green, "secret file", guard.Circle{})
		n.Files, n.Observables = []incident.NewFile{{Name: "secret.bin", Body: []byte("secret")}}, []incident.NewObservable{{Value: "192.0.2.7"}}
		return w.hide(ctx, w.desk, at, n)
	case 4: // a secret incident becomes a part of hers, or is taken out again
		from, into := x.incidents[1+r.IntN(len(x.incidents)-1)], w.incidents[0]
		if r.IntN(2) == 0 { // or hers a part of a secret one
			from, into = w.incidents[1], x.incidents[0]
		}
		if err := w.in.Merge(ctx, w.desk, from, into, "secret"); err == nil {
			return nil
		}
		return ignore(w.in.Unmerge(ctx, w.desk, from, "secret"))
	case 5: // what she does not see is split off from her incident
		own, err := sqldb.All(ctx, reader, sqldb.Int64, `select id from incident_entry where incident_id = $1 and text = 'secret file' limit 1`, at)
		if err != nil || len(own) == 0 {
			return err
		}
		i, err := w.in.Split(ctx, w.desk, at, own, "Secret split", "secret")
		x.incidents = append(x.incidents, i.ID)
		return err
	case 6:
		if len(x.entries) == 0 {
			return nil
		}
		e, err := w.in.Entry(ctx, reader, incident.ViewerOf(w.desk), x.entries[r.IntN(len(x.entries))])
		if err != nil {
			return ignore(err)
		}
		return ignore(w.in.EditEntry(ctx, w.desk, e.ID, e.Version, "secret edit"))
	case 7: // another owes something by law in the same incident, and files it
		if ok, err := w.takes(ctx, at, hidden.ID); err != nil || !ok {
			return err
		}
		return ignore(w.owe(ctx, at, hidden.ID, &x.clocks))
	}
	ok, err := w.takes(ctx, at, hidden.ID)
	if err != nil || !ok {
		return err
	}
	return w.hide(ctx, w.desk, at, w.note([]tlp.Marking{tlp.Green, tlp.Amber, tlp.AmberStrict}[r.IntN(3)], "secret to another", guard.Circle{Orgs: []int64{hidden.ID}}))
}

// ignore is for hidden acts that may be refused as things stand.
func ignore(error) error { return nil }

func contains(ids []int64, id int64) bool {
	for _, x := range ids {
		if x == id {
			return true
		}
	}
	return false
}

func (w *world) takes(ctx context.Context, at, org int64) (bool, error) {
	ps, err := w.in.Participants(ctx, w.App.Acts().Reader(), at, false)
	for _, p := range ps {
		if p.Org == org {
			return true, err
		}
	}
	return false, err
}

func (w *world) join(ctx context.Context, at, org int64) error {
	_, err := w.in.AddParticipant(ctx, w.desk, at, incident.NewParticipant{Org: org, Role: "observer"})
	return err
}

func (w *world) hide(ctx context.Context, by act.Actor, at int64, n incident.NewEntry) error {
	e, err := w.in.AddEntry(ctx, by, at, n)
	if err != nil {
		return err
	}
	return w.keep(ctx, e, &w.secrets.entries, &w.secrets.files)
}

func build(t testing.TB, p plot, db sqldb.Config) *world {
	t.Helper()
	w := &world{t: t}
	house.Start(t, house.Options{Database: db, Fixed: true, Random: rand.NewChaCha8([32]byte{byte(p.seed)}), Fill: p.live(w)})
	w.Clock.Set(house.Morning().AddDate(0, 0, 5))
	w.cookie = w.SignIn(w.ana.ID)
	var err error
	if w.token, _, err = w.App.Guard().IssueToken(t.Context(), guard.LocalOperator(), w.ana.ID, "t", []string{"portal.fetch"}, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	return w
}

// question is one request, in words that mean the same in both worlds.
type question struct {
	method, path, body, language string
	token                        bool
}

// thing names something of a world: what Ana sees by its place, a secret by its place in
// the world that has it; the other world gets a name of nothing.
func name(w *world, seen, secret []int64, format func(int64) string, k int) string {
	if k < len(seen) {
		return format(seen[k])
	}
	if k -= len(seen); k < len(secret) {
		return format(secret[k])
	}
	return format(1<<30 + int64(k))
}

// draw makes one question, in the words of each world.
func draw(r *rand.Rand, with, without *world) (a, b question) {
	q := question{method: "GET", language: []string{"en", "fr", "es"}[r.IntN(3)]}
	pair := func(f func(w *world) (path, body string)) (question, question) {
		a, b = q, q
		a.path, a.body = f(with)
		b.path, b.body = f(without)
		return a, b
	}
	i, e, f := r.IntN(len(with.incidents)+len(with.secrets.incidents)), r.IntN(len(with.entries)+len(with.secrets.entries)), r.IntN(len(with.files)+len(with.secrets.files)+1)
	if r.IntN(3) > 0 && len(with.secrets.entries) > 0 { // most ask for what is hidden
		e = len(with.entries) + r.IntN(len(with.secrets.entries))
		i = len(with.incidents) + r.IntN(len(with.secrets.incidents))
	}
	clock := func(w *world) string {
		return name(w, w.clocks, w.secrets.clocks, w.in.ClockRef, e%(len(with.clocks)+len(with.secrets.clocks)+1))
	}
	number := func(w *world) string { return name(w, w.incidents, w.secrets.incidents, w.in.Number, i) }
	ref := func(w *world) string { return name(w, w.entries, w.secrets.entries, w.in.Ref, e) }
	org, m := r.IntN(len(with.orgs)), tlp.All()[r.IntN(len(tlp.All()))].String()
	kind := r.IntN(160) // most ask as programs do, which costs least
	if kind >= 152 {
		kind = 10 + kind%2
		i = r.IntN(len(with.incidents))
	}
	if kind >= 16 {
		q.token = true
		return pair(func(w *world) (string, string) {
			return "/api/v1/portal/" + []string{
				"incidents/" + number(w), "entries/" + ref(w), "incident-files/" + name(w, w.files, w.secrets.files, w.in.FileRef, f), "deadlines", "deadlines/" + clock(w),
			}[kind%5], ""
		})
	}
	switch kind {
	case 0:
		below := []string{"", "/recovery"}[r.IntN(2)]
		return pair(func(w *world) (string, string) { return "/portal/incidents/" + number(w) + below, "" })
	case 1:
		q.token = true
		return pair(func(w *world) (string, string) { return "/api/v1/portal/incidents/" + number(w), "" })
	case 2:
		return pair(func(w *world) (string, string) { return "/portal/incidents/" + number(w) + "/write", "" })
	case 3:
		return pair(func(*world) (string, string) { return "/portal/incidents", "" })
	case 4:
		q.token = r.IntN(2) == 0
		return pair(func(w *world) (string, string) {
			return map[bool]string{true: "/api/v1/portal/incidents", false: "/portal/incidents"}[q.token] + "?before=" + number(w), ""
		})
	case 6:
		part := []string{"", "/write", "/filed/1", "/filed/1/json"}[r.IntN(4)]
		return pair(func(w *world) (string, string) { return "/portal/deadlines/" + clock(w) + part, "" })
	case 5:
		return pair(func(w *world) (string, string) {
			return "/portal/incident-files/" + name(w, w.files, w.secrets.files, w.in.FileRef, f), ""
		})
	case 7, 8, 9:
		do := []string{"", "?do=edit", "?do=share", "?do=retract"}[r.IntN(4)]
		return pair(func(w *world) (string, string) { return "/portal/entries/" + ref(w) + do, "" })
	}
	q.method = "POST"
	switch kind {
	case 10: // who would see it: whoever takes part is told from nobody by nothing
		return pair(func(w *world) (string, string) {
			return "/portal/incidents/" + number(w) + "/write", url.Values{"do": {"look"}, "text": {"x"}, "marking": {m}, "org": {w.orgs[org].UID}}.Encode()
		})
	case 11:
		return pair(func(w *world) (string, string) {
			return "/portal/incidents/" + number(w) + "/write", url.Values{"do": {"look"}, "text": {"x"}, "marking": {"TLP:RED"}, "person": {w.people[org].UID}}.Encode()
		})
	case 13:
		return pair(func(w *world) (string, string) {
			return "/portal/deadlines/" + clock(w) + "/write", url.Values{"do": {"file"}, "seen": {"99"}, "version": {"99"}, "field-title": {"x"}}.Encode()
		})
	case 12:
		return pair(func(w *world) (string, string) {
			return "/portal/entries/" + ref(w) + "/answer", ""
		})
	}
	verb := []string{"task", "edit", "retract", "share", "service", "verified", "resource", "reached", "moved"}[r.IntN(9)]
	return pair(func(w *world) (string, string) {
		return "/portal/entries/" + ref(w) + "/" + verb, url.Values{"version": {"99"}, "text": {"x"}, "reason": {"x"}, "state": {"done"}, "due": {"2027-01-01T10:00"}, "marking": {m}, "org": {w.orgs[org].UID}}.Encode()
	})
}

// tell is what the world answers, without the random id of the request and without the
// number that was asked for.
func (w *world) tell(q question) string {
	r := httptest.NewRequestWithContext(w.t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.Header.Set("Accept-Language", q.language)
	r.RemoteAddr = "127.0.0.1:4000"
	house.Outside(r)
	if q.method == "POST" {
		house.Form(r)
	}
	if q.token {
		house.With(w.token)(r)
	} else {
		r.AddCookie(w.cookie)
	}
	a := httptest.NewRecorder()
	w.App.Handler().ServeHTTP(a, r)
	id := a.Header().Get("X-Request-Id")
	for _, h := range []string{"Date", "X-Request-Id", "Set-Cookie"} {
		a.Header().Del(h)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Code)
	_ = a.Header().Write(&b) // to memory
	b.WriteString(a.Body.String())
	s := b.String()
	if id != "" {
		s = strings.ReplaceAll(s, id, "(request)")
	}
	if asked := ownNumbers.FindString(q.path); asked != "" {
		s = strings.ReplaceAll(s, asked, "(asked)")
	}
	return s
}

var ownNumbers = regexp.MustCompile(`(?i)\b(?:ALM|D|E|F|M)-[0-9A-Z]{4}-[0-9A-Z]{4}\b`)

// boundary is what a mail's parts are kept apart by: a hash of its Message-ID.
var boundary = regexp.MustCompile(`\bb[0-9a-f]{32}\b`)

// plain takes out what may differ: random ids always, numbers where ids have moved.
func (w *world) plain(s string, exact bool) string {
	s = boundary.ReplaceAllString(plain(s, nil), "(boundary)")
	names := map[string]string{}
	if !exact {
		s = ownNumbers.ReplaceAllStringFunc(s, func(m string) string {
			if m = strings.ToUpper(m); names[m] == "" {
				names[m] = fmt.Sprintf("(number %d)", len(names))
			}
			return names[m]
		})
		return opaque.ReplaceAllString(s, "(opaque)")
	}
	return s
}

// letters are the mails that reached Faro, but for those to the colleague alone.
func (w *world) letters() (out []string) {
	for _, m := range w.Mail.Received() {
		if strings.HasSuffix(m.To, "@faro.example") {
			out = append(out, w.plain(m.To+"\n"+folded.ReplaceAllString(string(m.Data), ""), false))
		}
	}
	slices.Sort(out) // several leave at the same moment
	return out
}

func TestWhatIsHiddenOfIncidentsChangesNothingThatReachesWhoTakesPart(t *testing.T) {
	const pairs = 4
	pair := func(t *testing.T, seed uint64, n int, database func(testing.TB) sqldb.Config) {
		t.Parallel()
		late := seed%2 == 1
		with := build(t, plot{seed: seed, steps: 40, hidden: true, late: late}, database(t))
		without := build(t, plot{seed: seed, steps: 40, late: late}, database(t))
		if len(with.secrets.entries) < 12 || len(with.entries) != len(without.entries) {
			t.Fatalf("%d secrets, %d and %d entries are seen", len(with.secrets.entries), len(with.entries), len(without.entries))
		}
		if d := cmp.Diff(without.letters(), with.letters()); d != "" || len(with.letters()) < 3 {
			t.Fatalf("seed %d: mails differ (-without +with):\n%s", seed, d)
		}
		r, codes := rand.New(rand.NewPCG(seed, 3)), map[string]int{}
		for k := range n {
			a, b := draw(r, with, without)
			got, want := with.tell(a), without.tell(b)
			code, _, _ := strings.Cut(got, "\n")
			codes[code]++
			if got != want { // byte for byte, but for what may differ
				got, want = with.plain(got, late), without.plain(want, late)
			}
			if got != want {
				t.Fatalf("seed %d, request %d: %+v and %+v (-without +with):\n%s", seed, k, b, a, cmp.Diff(want, got))
			}
			if strings.Contains(got, "ecret") {
				t.Fatalf("seed %d: %+v shows a secret:\n%s", seed, a, got)
			}
		}
		t.Logf("%d comparisons, %d secrets: %v", n, len(with.secrets.entries), codes)
		if codes["200"] < n/50 || codes["404"] < n/50 || codes["500"] > 0 {
			t.Errorf("the answers are not of all sorts: %v", codes)
		}
	}
	for seed := range uint64(pairs) {
		t.Run(fmt.Sprintf("sqlite, pair %d", seed), func(t *testing.T) {
			pair(t, seed, *comparisons/pairs, func(testing.TB) sqldb.Config { return sqldb.Config{} })
		})
	}
	t.Run("postgres", func(t *testing.T) { pair(t, 20, *comparisons/100, sqldbtest.Postgres) })
}
