package gate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// stream is what one person hears. A fence on a channel that is his alone says that all
// before it was heard; who listens to none gets the time of two requests.
type stream struct {
	fence string
	words chan string
}

func openStream(t testing.TB, h *house.House, who *http.Cookie, fence string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	house.As(who)(r)
	house.Outside(r)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("a stream: got %d", res.StatusCode)
	}
	s := &stream{fence, make(chan string, 100)}
	go s.read(res)
	if hello := s.next(t); hello != "hello" {
		t.Fatalf("a stream: got %q, want the greeting", hello)
	}
	return s
}

func (s *stream) read(res *http.Response) {
	defer close(s.words)
	kind := ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		text := lines.Text()
		if k, ok := strings.CutPrefix(text, "event: "); ok {
			if kind = k; kind == "hello" {
				s.words <- kind
			}
		} else if topic, ok := strings.CutPrefix(text, "data: "); ok && kind == "news" {
			s.words <- topic
		}
	}
}

// next is one topic, or "(end)".
func (s *stream) next(t testing.TB) string {
	select {
	case topic, ok := <-s.words:
		if !ok {
			return "(end)"
		}
		return topic
	case <-time.After(20 * time.Second):
		t.Fatal("a stream is dead")
		return ""
	}
}

// heard is all that came up to now, each topic once, in the order of the alphabet.
func (s *stream) heard(t testing.TB, h *house.House) (out []string) {
	t.Helper()
	if s.fence == "" {
		h.Ask(http.MethodGet, "/healthz", nil)
		h.Ask(http.MethodGet, "/healthz", nil)
		for {
			select {
			case topic := <-s.words:
				out = append(out, topic)
			default:
				return tidied(out)
			}
		}
	}
	h.App.Site().Hub().Publish(s.fence, "fence")
	for {
		switch topic := s.next(t); topic {
		case "fence":
			return tidied(out)
		case "(end)":
			return tidied(append(out, topic))
		default:
			out = append(out, topic)
		}
	}
}

func tidied(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

// hush lets more happen that is hidden: no reader's stream may say a word. What is seen is
// heard again.
func (w *world) hush(ctx context.Context, seed uint64) {
	w.t.Helper()
	streams := map[string]*stream{}
	for _, one := range w.readers {
		if one.cookie != nil {
			streams[one.name] = openStream(w.t, w.House, one.cookie, one.fence)
		}
	}
	words := func() (out []string) {
		for name, s := range streams {
			for _, topic := range s.heard(w.t, w.House) {
				if !strings.HasPrefix(topic, "duty") { // the house makes packs for the night by itself
					out = append(out, name+": "+topic)
				}
			}
		}
		return out
	}
	r := rand.New(rand.NewPCG(seed, 4))
	unseen := w.unseen(r)
	for range 20 {
		before := maps.Clone(w.done)
		w.Clock.Advance(time.Minute)
		if err := errors.Join(unseen(ctx), w.Settle(ctx), w.in.SendMails(ctx), w.in.SendLetters(ctx)); err != nil {
			w.t.Fatalf("seed %d: %v", seed, err)
		}
		got := words()
		if w.done["removed"] > before["removed"] { // who was removed took part for a moment, and heard so
			got = slices.DeleteFunc(got, func(s string) bool { return s == "who was removed: portal" })
		}
		if len(got) > 0 {
			w.t.Fatalf("seed %d: heard of what is hidden: %q, of %q", seed, got, w.since(before))
		}
	}
	if err := w.seenIn(ctx, r, w.real()[0], []string{"Faro", "Policía", "Molino"}, w.parties["Faro"]); err != nil {
		w.t.Fatal(err)
	}
	if len(words()) == 0 {
		w.t.Errorf("seed %d: nobody heard of what is seen", seed)
	}
}

// since are the hidden acts that were done since some others.
func (w *world) since(before map[string]int) (out []string) {
	for name, n := range w.done {
		if n > before[name] {
			out = append(out, name)
		}
	}
	return out
}

// entry is what the desk hears of an entry.
const entry = "incident incident.N incident.changed"

// hearing are the streams of a nation of parties, by who listens.
type hearing struct {
	*parties
	streams map[string]*stream
}

// wants compares what each has heard: words of somebody who is not named are none. Topics
// of incident i are written "incident.N".
func (x *hearing) wants(what string, want map[string]string) {
	x.t.Helper()
	for name, s := range x.streams {
		got := strings.ReplaceAll(strings.Join(s.heard(x.t, x.House), " "), incident.Topic(x.i.ID), "incident.N")
		if got != want[name] {
			x.t.Errorf("%s: %s heard %q, want %q", what, name, got, want[name])
		}
		if strings.Contains(got, "(end)") {
			delete(x.streams, name)
		}
	}
}

func TestAStreamTellsOnlyOfWhatItsListenerMaySee(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, db sqldb.Config) {
		p := openParties(t, db)
		p.mails(2) // that they take part
		p.settled()
		x := &hearing{p, map[string]*stream{}}
		people := map[string]guard.Person{
			"ana": p.ana, "ben": p.ben, "chief": p.chief, "soc": p.Person(p.sentry, guard.RoleContact), "ribera": p.Person(p.ribera, guard.RoleContact),
		}
		for name, role := range map[string]string{
			"officer": guard.RoleWatchOfficer, "other": guard.RoleWatchOfficer, "lead": guard.RoleDutyLead, "reader": guard.RoleReader,
			"constituency": guard.RoleConstituency, "oversight": guard.RoleOversight, "administrator": guard.RoleAdministrator,
		} {
			people[name] = p.Person(guard.OwnOrg, role)
		}
		for name, one := range people {
			on := map[string]string{"constituency": "constituency", "oversight": "incident.crossings"}[name]
			switch {
			case on != "":
			case one.Org == guard.OwnOrg:
				on = "incident"
			default:
				on = "portal"
			}
			channel := fmt.Sprintf("%s.person-%d", on, one.ID)
			if name == "administrator" {
				channel = ""
			}
			x.streams[name] = openStream(t, p.House, p.SignIn(one.ID), channel)
		}
		x.mailsOfNamed(people)
		p.must(p.App.Warn().Stop(t.Context(), house.Lead(), "mail leaves when it likes"))
		officer := guard.ActorOf(people["officer"])
		all := func(portal ...string) map[string]string {
			out := map[string]string{"officer": entry, "other": entry, "lead": entry, "reader": entry}
			for _, name := range portal {
				out[name] = "portal"
			}
			return out
		}
		amber := func(by act.Actor) {
			p.write(by, incident.NewEntry{Marking: tlp.Amber, Text: "the pump", To: guard.Circle{Orgs: []int64{p.faro}}})
		}
		amber(officer)
		x.wants("an entry to the company", all("ana", "ben"))
		red := p.write(officer, incident.NewEntry{Marking: tlp.Red, Text: "to Ana", To: guard.Circle{Persons: []int64{p.ana.ID}}})
		x.wants("TLP:RED to one of the company", map[string]string{"officer": entry, "ana": "portal"})
		p.write(officer, incident.NewEntry{Marking: tlp.Red, Text: "to the lead", To: guard.Circle{Persons: []int64{people["lead"].ID}}})
		x.wants("TLP:RED to the lead", map[string]string{"officer": entry, "lead": entry})
		p.write(guard.ActorOf(p.chief), incident.NewEntry{Marking: tlp.Red, Text: "to the other", To: guard.Circle{Persons: []int64{people["other"].ID}}})
		x.wants("TLP:RED by the police", map[string]string{"other": entry, "chief": "portal"})
		p.must(p.in.Retract(t.Context(), officer, red.ID, red.Version, "wrong"))
		x.wants("TLP:RED is taken back", map[string]string{"officer": entry, "ana": "portal"})
		p.must(p.App.Constituency().SetActsFor(t.Context(), house.Lead(), p.sentry, []int64{p.faro}))
		of := "constituency constituency.operators-changed"
		x.wants("who acts for whom", map[string]string{"officer": of, "other": of, "lead": of, "reader": of, "constituency": of, "oversight": of})
		x.changedRights(people, amber, all)
	})
}

// changedRights: who may see less from now on hears nothing more at once, on a stream that
// was open before.
func (x *hearing) changedRights(people map[string]guard.Person, amber func(act.Actor), all func(...string) map[string]string) {
	t, g, admin := x.t, x.App.Guard(), guard.LocalOperator()
	officer := guard.ActorOf(people["officer"])
	x.must(g.RevokeRole(t.Context(), admin, people["reader"].ID, guard.RoleReader, "moved"))
	x.must(g.RevokeRole(t.Context(), admin, people["other"].ID, guard.RoleWatchOfficer, "moved"))
	x.must(g.GrantRole(t.Context(), admin, people["other"].ID, guard.RoleConstituency))
	x.must(g.DismissContact(t.Context(), admin, x.ben.ID))
	open, err := g.Sessions(t.Context(), x.App.Acts().Reader(), people["lead"].ID)
	x.must(err)
	for _, s := range open {
		x.must(g.EndSession(t.Context(), admin, people["lead"].ID, s.UID))
	}
	amber(officer)
	want := all("ana")
	for _, name := range []string{"reader", "other", "lead", "ben"} {
		want[name] = "(end)"
	}
	x.wants("rights have changed", want)
}

// mailsOfNamed: a mail to a named person that leaves is no news to others of the desk.
func (x *hearing) mailsOfNamed(people map[string]guard.Person) {
	t, officer := x.t, guard.ActorOf(people["officer"])
	source, err := x.App.Guard().AddPerson(t.Context(), guard.LocalOperator(), guard.NewPerson{
		Org: x.police, Name: "Inspector", Email: "inspector@police.example", Language: "en", Roles: []string{guard.RoleContact},
	})
	x.must(err)
	const mailed = " incident.post-changed"
	x.write(officer, incident.NewEntry{Marking: tlp.Red, Text: "to the inspector", To: guard.Circle{Persons: []int64{source.ID}}})
	x.mails(1)
	x.settled()
	x.wants("TLP:RED by mail", map[string]string{"officer": entry + mailed})
	x.write(officer, incident.NewEntry{Marking: tlp.Green, Text: "to the police", To: guard.Circle{Orgs: []int64{x.police}}})
	x.mails(1)
	x.settled()
	x.wants("a mail to the police", map[string]string{"officer": entry + mailed, "other": entry + mailed, "lead": entry + mailed, "reader": entry, "chief": "portal"})
}

// settled waits until what left is noted.
func (p *parties) settled() {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		n, _, err := sqldb.One(p.t.Context(), p.App.Acts().Reader(), sqldb.Int64, `select count(*) from incident_mail where state = 'attempting'`)
		p.must(err)
		if n == 0 {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			p.t.Fatalf("%d mails are on their way for ever", n)
		}
	}
}
