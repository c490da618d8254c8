package gate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// secret is where a hidden act happens: an incident, and a stranger who takes part there.
type secret struct {
	*world
	r    *rand.Rand
	at   int64
	who  *party
	kind incident.Kind
}

// hiddenAct does one thing of which no reader may learn. What is refused as things stand
// is no failure; each act must happen once in a pair (see incomplete).
type hiddenAct struct {
	name string
	do   func(*secret, context.Context) error
}

// hiddenActs are what is hidden from those outside: whatever has to do with strangers or
// is the desk's own.
func hiddenActs() []hiddenAct {
	return []hiddenAct{
		{"entry", (*secret).entry},
		{"to a colleague", (*secret).toBen},
		{"file", (*secret).file},
		{"task", (*secret).task},
		{"question", (*secret).question},
		{"answer", (*secret).answer},
		{"stranger's entry", (*secret).theirs},
		{"edit", (*secret).edit},
		{"retract", (*secret).retract},
		{"share", (*secret).share},
		{"leave", (*secret).leave},
		{"by name", (*secret).byName},
		{"merge", (*secret).merge},
		{"split", (*secret).split},
		{"duty", (*secret).duty},
		{"clock that runs out", (*secret).runsOut},
		{"filing", (*secret).files},
		{"filing at the desk", (*secret).filesHere},
		{"crossing", (*secret).crosses},
		{"consent", (*secret).consents},
		{"transfer", (*secret).transfers},
		{"service", (*secret).service},
		{"resource", (*secret).resource},
		{"lesson", (*secret).lesson},
		{"report", (*secret).reports},
		{"mail", (*secret).mail},
		{"situation report", (*secret).sitrep},
		{"lead", (*secret).lead},
		{"exercise", (*secret).exercise},
	}
}

// redActs are what is hidden from the desk's people, too, who are not named.
func redActs() []hiddenAct {
	return []hiddenAct{
		{"red entry", (*secret).redEntry},
		{"red question", (*secret).redQuestion},
		{"red task", (*secret).redTask},
		{"red file", (*secret).redFile},
		{"to a colleague", (*secret).toBen},
		{"edit", (*secret).edit},
		{"retract", (*secret).retract},
		{"red service", (*secret).redService},
		{"red resource", (*secret).redResource},
		{"answer", (*secret).answerRed},
	}
}

func (p plot) acts() []hiddenAct {
	if p.red {
		return redActs()
	}
	return hiddenActs()
}

// unseen does some hidden acts each time, all kinds in turn; in the world without them,
// none.
func (w *world) unseen(r *rand.Rand) func(context.Context) error {
	var deck []hiddenAct
	return func(ctx context.Context) error {
		if !w.plot.hidden {
			return nil
		}
		for range 3 {
			if len(deck) == 0 {
				deck = w.plot.acts()
				r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
			}
			one := deck[0]
			deck = deck[1:]
			s, err := w.scene(ctx, r)
			if err == nil {
				err = one.do(s, ctx)
			}
			if refused := fault.CodeOf(err); err != nil && refused != fault.Invalid && refused != fault.Conflict && refused != fault.NotFound && refused != fault.Denied {
				return fmt.Errorf("what is hidden, %s: %w", one.name, err)
			}
			if err == nil {
				w.done[one.name]++
			} else {
				w.done["refused "+one.name+": "+err.Error()]++
			}
		}
		return nil
	}
}

// incomplete are the hidden acts that never happened.
func (w *world) incomplete() (out []string) {
	for _, a := range w.plot.acts() {
		if w.done[a.name] == 0 {
			out = append(out, a.name)
		}
	}
	return out
}

// scene chooses an incident, of the readers' or a secret one, and a stranger there.
func (w *world) scene(ctx context.Context, r *rand.Rand) (*secret, error) {
	kinds := []incident.Kind{incident.Note, incident.Decision, incident.Call, incident.Status, incident.Observable}
	s := &secret{world: w, r: r, who: w.parties[strangers[r.IntN(2)]], kind: kinds[r.IntN(len(kinds))]}
	open := w.real()
	if w.plot.red {
		s.at = append(open, w.drill)[r.IntN(len(open)+1)]
		return s, nil
	}
	if len(w.hiddenReal()) < 3 {
		i, err := w.in.OpenNew(ctx, w.desk, incident.Incident{Title: "Secret harm", Severity: incident.Critical, Marking: tlp.Amber})
		if err != nil {
			return nil, err
		}
		w.keep("incident", true, i.ID)
	}
	open = append(open, w.hiddenReal()...)
	s.at = open[r.IntN(len(open))]
	return s, w.joins(ctx, w.desk, s.at, s.who.org.ID)
}

// hiddenReal are the secret incidents that are no exercise.
func (w *world) hiddenReal() (out []int64) {
	for _, id := range w.things["incident"].secret {
		if i, err := w.in.Incident(context.Background(), w.App.Acts().Reader(), incident.ViewerOf(w.desk), id); err == nil && !i.Exercise {
			out = append(out, id)
		}
	}
	return out
}

func (s *secret) them() guard.Circle { return guard.Circle{Orgs: []int64{s.who.org.ID}} }

func (s *secret) hide(ctx context.Context, by act.Actor, n incident.NewEntry) error {
	_, err := s.write(ctx, by, s.at, true, n)
	return err
}

func (s *secret) entry(ctx context.Context) error {
	n := incident.NewEntry{Kind: s.kind, Marking: marking(s.r), Text: "secret to another", Observables: []incident.NewObservable{{Value: "192.0.2.7"}}}
	if s.r.IntN(2) == 0 {
		n.To = s.them()
	}
	return s.hide(ctx, s.desk, n)
}

func (s *secret) toBen(ctx context.Context) error {
	by := s.desk
	if s.plot.red {
		by = s.chief
	}
	s.at = s.real()[0]
	return s.hide(ctx, by, incident.NewEntry{Kind: s.kind, Marking: tlp.Red, Text: "secret to Ben", To: guard.Circle{Persons: []int64{s.ben.ID}}, Observables: []incident.NewObservable{{Value: "192.0.2.9"}}})
}

func (s *secret) file(ctx context.Context) error {
	return s.hide(ctx, s.desk, incident.NewEntry{
		Kind: incident.FileEntry, Marking: tlp.Green, Text: "secret file",
		Files: []incident.NewFile{{Name: "secret.bin", Body: []byte("secret")}}, Observables: []incident.NewObservable{{Value: "192.0.2.7"}},
	})
}

func (s *secret) task(ctx context.Context) error {
	kind := []incident.Kind{incident.TaskEntry, incident.Measure}[s.r.IntN(2)]
	return s.hide(ctx, s.desk, incident.NewEntry{Kind: kind, Marking: tlp.Amber, Text: "secret task", Task: &incident.NewTask{Org: guard.OwnOrg}})
}

func (s *secret) question(ctx context.Context) error {
	return s.hide(ctx, s.desk, incident.NewEntry{
		Kind: incident.Question, Marking: tlp.Amber, Text: "secret question", To: s.them(), Task: &incident.NewTask{Org: s.who.org.ID, Due: s.Clock.Now().Add(30 * time.Minute)},
	})
}

// answer answers a stranger's question, asked a moment ago.
func (s *secret) answer(ctx context.Context) error {
	if err := s.question(ctx); err != nil {
		return err
	}
	e, err := s.in.AnswerQuestion(ctx, s.who.actor(), last(s.things["entry"].secret), incident.NewEntry{Marking: tlp.Amber, Text: "secret answer"})
	if err != nil {
		return err
	}
	return s.keepEntry(ctx, true, e.ID)
}

func last(ids []int64) int64 { return ids[len(ids)-1] }

func (s *secret) theirs(ctx context.Context) error {
	return s.hide(ctx, s.who.actor(), incident.NewEntry{Kind: s.kind, Marking: marking(s.r), Text: "secret of another", Files: []incident.NewFile{{Name: "secret.txt", Body: []byte("secret")}}, Observables: []incident.NewObservable{{Value: "192.0.2.8"}}})
}

// one is a hidden entry of the desk, and who of the desk wrote it.
func (s *secret) one(ctx context.Context) (incident.Entry, act.Actor, error) {
	by := s.desk
	if s.plot.red {
		by = s.chief
	}
	if len(s.things["entry"].secret) == 0 {
		return incident.Entry{}, by, fault.New(fault.NotFound, "none", nil)
	}
	ids := s.things["entry"].secret
	e, err := s.in.Entry(ctx, s.App.Acts().Reader(), incident.ViewerOf(by), ids[s.r.IntN(len(ids))])
	return e, by, err
}

func (s *secret) edit(ctx context.Context) error {
	e, by, err := s.one(ctx)
	if err != nil {
		return err
	}
	return s.in.EditEntry(ctx, by, e.ID, e.Version, e.Text)
}

func (s *secret) retract(ctx context.Context) error {
	e, by, err := s.one(ctx)
	if err != nil {
		return err
	}
	return s.in.Retract(ctx, by, e.ID, e.Version, "secret reason")
}

func (s *secret) share(ctx context.Context) error {
	e, by, err := s.one(ctx)
	if err != nil {
		return err
	}
	s.at = e.Incident
	if err := s.joins(ctx, by, s.at, s.who.org.ID); err != nil {
		return err
	}
	return s.in.Share(ctx, by, e.ID, e.Version, tlp.Green, s.them(), "secret reason")
}

func (s *secret) leave(ctx context.Context) error { return s.leaves(ctx, s.at, s.who.org.ID) }

func (s *secret) byName(ctx context.Context) error {
	one := s.parties["Gendarmes"].one
	_, err := s.in.AddParticipant(ctx, s.desk, s.at, incident.NewParticipant{Org: one.Org, Person: one.ID, Role: "police"})
	return err
}

// merge makes a secret incident a part of one of the readers', or one of theirs a part of
// a secret one, or takes them apart again.
func (s *secret) merge(ctx context.Context) error {
	secrets, theirs := s.hiddenReal(), s.real()
	if len(secrets) < 3 || len(theirs) < 2 {
		return nil
	}
	from, into := secrets[1+s.r.IntN(len(secrets)-1)], theirs[0]
	if s.r.IntN(2) == 0 {
		from, into = theirs[1], secrets[0]
	}
	if err := s.in.Merge(ctx, s.desk, from, into, "secret"); err == nil {
		return nil
	}
	return s.in.Unmerge(ctx, s.desk, from, "secret")
}

func (s *secret) split(ctx context.Context) error {
	if err := s.file(ctx); err != nil {
		return err
	}
	i, err := s.in.Split(ctx, s.desk, s.at, []int64{last(s.things["entry"].secret)}, "Secret split", "secret")
	if err != nil {
		return err
	}
	if s.r.IntN(2) == 0 {
		return s.in.Unsplit(ctx, s.desk, i.ID, "secret")
	}
	s.keep("incident", true, i.ID)
	return nil
}

func (s *secret) duty(ctx context.Context) error { return s.owe(ctx, s.at, s.who.org.ID, true) }

// runsOut lets a law apply to a stranger who was aware long ago, and whom we remind.
func (s *secret) runsOut(ctx context.Context) error {
	d, err := s.in.BeginDuty(ctx, s.desk, s.at, incident.NewDuty{Org: s.who.org.ID, Regime: "nis2", Authority: s.org("Autoridad")})
	if err != nil {
		return err
	}
	if _, err := s.in.SetAnchor(ctx, s.desk, s.at, incident.NewAnchor{Org: s.who.org.ID, Event: regime.Awareness, At: s.Clock.Now().Add(-22 * time.Hour)}); err != nil {
		return err
	}
	cs, err := s.in.Clocks(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.desk), s.at)
	for _, c := range cs {
		if c.Duty == d.ID && c.OwedByOrg == s.who.org.ID {
			s.keep("clock", true, c.ID)
		}
	}
	return err
}

// stage finds an open clock of a stranger.
func (s *secret) stage(ctx context.Context) (incident.Clock, act.Actor, error) {
	for _, id := range slices.Backward(s.things["clock"].secret) {
		c, err := s.in.Clock(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.desk), id)
		if err != nil {
			return c, s.desk, err
		}
		if c.State != incident.ClockRunning || c.Stage != "early-warning" {
			continue
		}
		for _, p := range s.parties {
			if p.org.ID == c.OwedByOrg {
				return c, p.actor(), nil
			}
		}
	}
	return incident.Clock{}, s.desk, fault.New(fault.NotFound, "none", nil)
}

func (s *secret) document() map[string]string {
	return map[string]string{"entity": "Secret", "title": "secret", "contact": "secret", "aware": s.Clock.Now().Add(-22 * time.Hour).Format(time.RFC3339)}
}

// files files what a stranger owes, by itself.
func (s *secret) files(ctx context.Context) error {
	c, who, err := s.stage(ctx)
	if err != nil {
		if err := s.runsOut(ctx); err != nil {
			return err
		}
		if c, who, err = s.stage(ctx); err != nil {
			return err
		}
	}
	f, err := s.in.FileOwn(ctx, who, c.ID, incident.OwnFiling{Answers: s.document(), How: "by phone"})
	if err == nil {
		s.keep("filing", true, f.ID)
	}
	return err
}

// filesHere writes a stranger's document at the desk, and sends it.
func (s *secret) filesHere(ctx context.Context) error {
	c, _, err := s.stage(ctx)
	if err != nil {
		if err := s.runsOut(ctx); err != nil {
			return err
		}
		if c, _, err = s.stage(ctx); err != nil {
			return err
		}
	}
	f, err := s.in.BeginFiling(ctx, s.desk, c.ID)
	if err != nil {
		return err
	}
	s.keep("filing", true, f.ID)
	if err := s.in.EditFiling(ctx, s.desk, f.ID, f.Version, s.document()); err != nil {
		return err
	}
	_, err = s.in.SendFiling(ctx, s.desk, f.ID, f.Version+1, time.Time{}, "by phone")
	return err
}

func (s *secret) crosses(ctx context.Context) error {
	if err := s.entry(ctx); err != nil {
		return err
	}
	c, err := s.in.CrossForDanger(ctx, s.desk, s.at, incident.NewCrossing{
		Org: s.org("Gendarmes"), Entries: []int64{last(s.things["entry"].secret)}, Ground: "eu-led-10b", Why: "secret danger",
	})
	if err != nil {
		return err
	}
	s.keep("crossing", true, c.ID)
	if s.r.IntN(2) == 0 {
		return s.in.RecallCrossing(ctx, s.second, c.ID, "secret reason")
	}
	return s.in.ReviewCrossing(ctx, s.second, c.ID, incident.Approved, "secret reason")
}

func (s *secret) consents(ctx context.Context) error {
	if err := s.theirs(ctx); err != nil {
		return err
	}
	if err := s.in.AskConsent(ctx, s.desk, s.at, []int64{last(s.things["entry"].secret)}, s.org("Gendarmes")); err != nil {
		return err
	}
	all, err := s.in.AskedOf(ctx, s.App.Acts().Reader(), s.who.org.ID)
	if err != nil || len(all) == 0 {
		return err
	}
	for _, c := range all {
		if !slices.Contains(s.things["consent"].secret, c.ID) {
			s.keep("consent", true, c.ID)
		}
	}
	return s.in.AnswerConsent(ctx, s.who.actor(), last(s.things["consent"].secret), s.r.IntN(2) == 0)
}

func (s *secret) transfers(ctx context.Context) error {
	e, err := s.write(ctx, s.desk, s.at, true, incident.NewEntry{Marking: tlp.Green, Text: "secret for a peer"})
	if err != nil {
		return err
	}
	_, _, err = s.in.OfferTransfer(ctx, s.desk, incident.NewPackage{Incident: s.at, Purpose: incident.ForTransfer, Org: s.org("Norland"), Entries: []int64{e.ID}})
	return err
}

func (s *secret) service(ctx context.Context) error {
	one, err := s.in.AddService(ctx, s.desk, s.at, incident.NewService{
		Org: s.who.org.ID, Name: "Secret service", People: 12, Marking: tlp.Amber, To: s.them(), Now: incident.NewStep{State: incident.Down, At: s.Clock.Now(), By: "secret"},
	})
	if err != nil {
		return err
	}
	if err := s.keepEntry(ctx, true, one.Entry); err != nil {
		return err
	}
	return s.in.SetService(ctx, s.desk, one.ID, incident.NewStep{State: incident.Degraded, Quality: 50, At: s.Clock.Now(), By: "secret", Version: one.Version})
}

func (s *secret) resource(ctx context.Context) error {
	e, err := s.in.AskResource(ctx, s.desk, s.at, incident.NewEntry{Marking: tlp.Amber, Text: "secret need", To: s.them()})
	if err != nil {
		return err
	}
	if err := s.keepEntry(ctx, true, e.ID); err != nil {
		return err
	}
	return s.in.SetResource(ctx, s.who.actor(), e.ID, incident.ResourceOffered, s.who.org.ID, 1)
}

func (s *secret) lesson(ctx context.Context) error {
	l, err := s.in.AddLesson(ctx, s.desk, s.at, incident.Lesson{Text: "secret lesson", PeerText: "secret", PeerMarking: tlp.Green})
	if err != nil {
		return err
	}
	return s.in.SetLesson(ctx, s.desk, l.ID, incident.LessonDone, "secret", l.Version)
}

// reports takes a stranger's report and one without a name, and makes one part of the
// incident.
func (s *secret) reports(ctx context.Context) error {
	p, err := s.in.TakeReport(ctx, s.who.actor(), incident.NewReport{Source: incident.ByPortal, Owner: s.who.org.ID, Text: "A secret happened to 192.0.2.7", Marking: tlp.Amber})
	if err != nil {
		return err
	}
	s.keep("report", true, p.ID)
	e, err := s.in.LinkReport(ctx, s.desk, p.ID, s.at)
	if err != nil {
		return err
	}
	if err := s.keepEntry(ctx, true, e.ID); err != nil {
		return err
	}
	code, err := s.in.NewCode()
	if err != nil {
		return err
	}
	q, _, err := s.in.ReportPublicly(ctx, incident.NewReport{Text: "A secret was seen", Marking: tlp.Amber}, code)
	s.keep("report", true, q.ID)
	return err
}

// mail files what a stranger wrote about the incident, or dismisses it.
func (s *secret) mail(ctx context.Context) error {
	from := "desk@" + strings.ToLower(s.who.org.Name) + ".hidden.example"
	raw := fmt.Sprintf("From: Somebody <%s>\r\nTo: csirt@csirt.example\r\nSubject: Re: [%s] it\r\nMessage-ID: <%d@hidden.example>\r\nDate: Tue, 17 Nov 2026 07:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsecret words\r\n", from, s.in.Number(s.at), s.r.Uint64())
	if _, err := s.App.Receiving().AcceptRaw(ctx, "desk", []byte(raw)); err != nil {
		return err
	}
	all, err := s.in.Posts(ctx, s.App.Acts().Reader(), incident.PostWaits, 0, 1)
	if err != nil || len(all) == 0 {
		return err
	}
	e, err := s.in.FilePost(ctx, s.desk, all[0].ID, s.at)
	if err != nil {
		return s.in.DismissPost(ctx, s.desk, all[0].ID, "secret")
	}
	return s.keepEntry(ctx, true, e.ID)
}

func (s *secret) sitrep(ctx context.Context) error {
	d, err := s.in.DraftSitrep(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.desk), s.at, "en")
	if err != nil {
		return err
	}
	last, err := s.in.Sitreps(ctx, s.App.Acts().Reader(), s.at, false)
	if err != nil {
		return err
	}
	d.Title, d.Happened, d.Marking = "Secret report", "secret", tlp.Amber
	d.Lowered = "secret reason"
	var seen int64
	if len(last) > 0 {
		seen = last[0].Version
	}
	_, err = s.in.WriteSitrep(ctx, s.desk, d, seen)
	return err
}

// lead offers a stranger the lead, and takes the offer back.
func (s *secret) lead(ctx context.Context) error {
	if err := s.in.OfferLead(ctx, s.desk, s.at, s.who.org.ID); err != nil {
		return err
	}
	return s.in.OfferLead(ctx, s.desk, s.at, 0)
}

// exercise is a drill of others, or their part of the one that readers take part in.
func (s *secret) exercise(ctx context.Context) error {
	at, hidden := s.drill, s.parties["Ensayo"]
	if s.r.IntN(2) == 0 || at == 0 {
		i, err := s.in.OpenNew(ctx, s.desk, incident.Incident{Title: "Secret drill", Severity: incident.Low, Marking: tlp.Green, Exercise: true})
		if err != nil {
			return err
		}
		s.keep("incident", true, i.ID)
		at = i.ID
	}
	s.at, s.who = at, hidden
	if err := s.joins(ctx, s.desk, at, hidden.org.ID); err != nil {
		return err
	}
	if err := s.question(ctx); err != nil {
		return err
	}
	return s.runsOut(ctx)
}

// What is for named persons of the desk, and for whom they name.

func (s *secret) red(kind incident.Kind, text string) incident.NewEntry {
	return incident.NewEntry{Kind: kind, Marking: tlp.Red, Text: text, Observables: []incident.NewObservable{{Value: "192.0.2.7"}}}
}

func (s *secret) redEntry(ctx context.Context) error {
	return s.hide(ctx, s.chief, s.red(s.kind, "secret of the chief"))
}

func (s *secret) redFile(ctx context.Context) error {
	n := s.red(incident.FileEntry, "secret file")
	n.Files = []incident.NewFile{{Name: "secret.bin", Body: []byte("secret")}}
	return s.hide(ctx, s.chief, n)
}

func (s *secret) redTask(ctx context.Context) error {
	n := s.red([]incident.Kind{incident.TaskEntry, incident.Measure}[s.r.IntN(2)], "secret task")
	n.Task = &incident.NewTask{Org: guard.OwnOrg, Person: incident.ViewerOf(s.chief).Person, Due: s.Clock.Now().Add(30 * time.Minute)}
	if err := s.hide(ctx, s.chief, n); err != nil {
		return err
	}
	return s.in.SetTask(ctx, s.chief, last(s.things["entry"].secret), []incident.TaskState{incident.Doing, incident.Active}[s.r.IntN(2)], "secret", 1)
}

// redQuestion asks a colleague of a reader by name, who will be late: whoever of the desk
// may know of it is to call.
func (s *secret) redQuestion(ctx context.Context) error {
	s.at = s.real()[s.r.IntN(2)]
	n := s.red(incident.Question, "secret question")
	n.To = guard.Circle{Persons: []int64{s.ben.ID}}
	n.Task = &incident.NewTask{Org: s.ben.Org, Person: s.ben.ID, Due: s.Clock.Now().Add(30 * time.Minute)}
	return s.hide(ctx, s.chief, n)
}

func (s *secret) answerRed(ctx context.Context) error {
	if err := s.redQuestion(ctx); err != nil {
		return err
	}
	e, err := s.in.AnswerQuestion(ctx, guard.ActorOf(s.ben), last(s.things["entry"].secret), incident.NewEntry{Marking: tlp.Red, Text: "secret answer", To: guard.Circle{Persons: []int64{incident.ViewerOf(s.chief).Person}}})
	if err != nil {
		return err
	}
	return s.keepEntry(ctx, true, e.ID)
}

func (s *secret) redService(ctx context.Context) error {
	one, err := s.in.AddService(ctx, s.chief, s.at, incident.NewService{Name: "Secret service", Marking: tlp.Red, Now: incident.NewStep{State: incident.Down, At: s.Clock.Now(), By: "secret"}})
	if err != nil {
		return err
	}
	if err := s.keepEntry(ctx, true, one.Entry); err != nil {
		return err
	}
	return s.in.SetService(ctx, s.chief, one.ID, incident.NewStep{State: incident.Restored, At: s.Clock.Now(), By: "secret", Version: one.Version})
}

func (s *secret) redResource(ctx context.Context) error {
	e, err := s.in.AskResource(ctx, s.chief, s.at, s.red(incident.Note, "secret need"))
	if err != nil {
		return err
	}
	return s.keepEntry(ctx, true, e.ID)
}
