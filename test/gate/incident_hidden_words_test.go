package gate

import (
	"context"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// What is written and shown to nobody who reads, who takes part, and what is owed.

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

// colleague lets a colleague of those who read take part in a secret incident, by name:
// what is written to their organisation there is not theirs.
func (s *secret) colleague(ctx context.Context) error {
	s.at = s.hiddenReal()[0]
	one := []guard.Person{s.ben, s.olga}[s.r.IntN(2)]
	if _, err := s.in.AddParticipant(ctx, s.desk, s.at, incident.NewParticipant{Org: one.Org, Person: one.ID, Role: "observer"}); err != nil {
		s.done["refused colleague: "+err.Error()]++ // takes part already
	}
	return s.hide(ctx, s.desk, incident.NewEntry{Kind: incident.Question, Marking: tlp.Amber, Text: "secret to a colleague", To: guard.Circle{Orgs: []int64{one.Org}}, Task: &incident.NewTask{Org: one.Org, Person: one.ID, Due: s.Clock.Now().Add(30 * time.Minute)}})
}

// removed lets an organisation that reads take part for a moment in which nothing is sent.
func (s *secret) removed(ctx context.Context) error {
	s.at = s.hiddenReal()[0]
	gone := s.org("Antigua")
	if err := s.joins(ctx, s.desk, s.at, gone); err != nil {
		return err
	}
	n := incident.NewEntry{Marking: tlp.Amber, Text: "secret to who is gone", To: guard.Circle{Orgs: []int64{gone}}, Files: []incident.NewFile{{Name: "secret.txt", Body: []byte("secret")}}}
	if err := s.hide(ctx, s.desk, n); err != nil {
		return err
	}
	return s.leaves(ctx, s.at, gone)
}

// changes edits a line that crossed to a police which reads it as it stood then.
func (s *secret) changes(ctx context.Context) error {
	if len(s.crossed) == 0 {
		return fault.New(fault.NotFound, "none", nil)
	}
	e, err := s.in.Entry(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.second), s.crossed[s.r.IntN(len(s.crossed))])
	if err != nil {
		return err
	}
	return s.in.EditEntry(ctx, s.second, e.ID, e.Version, "secret second thoughts")
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
