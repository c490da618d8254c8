package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// What is filed, handed over, hit, reported and drilled where nobody reads.

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
	all, err := s.in.AskedOf(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.who.actor()))
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

// needed makes a service that readers see need one that they do not, and plans for it.
func (s *secret) needed(ctx context.Context) error {
	s.at = s.real()[0]
	one, err := s.in.AddService(ctx, s.desk, s.at, incident.NewService{Name: "secret service", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
	if err != nil {
		return err
	}
	if err := s.keepEntry(ctx, true, one.Entry); err != nil {
		return err
	}
	all, err := s.in.Services(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.desk), s.at)
	if err != nil {
		return err
	}
	if first := all[0]; first.ID != one.ID {
		if err := s.in.SetNeeds(ctx, s.desk, first.ID, append(first.Depends, one.ID), first.People, first.Version); err != nil {
			return err
		}
	}
	e, err := s.in.AddMilestone(ctx, s.desk, s.at, incident.NewMilestone{Title: "secret milestone", Due: s.Clock.Now().Add(time.Hour), Marking: tlp.Amber})
	if err != nil {
		return err
	}
	return s.keepEntry(ctx, true, e.ID)
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

// notes is what the desk says to itself of the reports that readers made.
func (s *secret) notes(ctx context.Context) error {
	err := error(fault.New(fault.NotFound, "none", nil))
	for _, id := range s.things["report"].seen {
		if err = s.in.WriteOnReport(ctx, s.desk, id, incident.NoteInside, "secret note", nil); err != nil {
			return err
		}
	}
	return err
}

// mail files what a stranger wrote about the incident, or dismisses it.
func (s *secret) mail(ctx context.Context) error {
	from := "desk@" + strings.ToLower(s.who.org.Name) + ".hidden.example"
	raw := fmt.Sprintf("From: Somebody <%s>\r\nTo: csirt@csirt.example\r\nSubject: Re: [%s] it\r\nMessage-ID: <%d@hidden.example>\r\nDate: Tue, 17 Nov 2026 07:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsecret words\r\n", from, s.in.Number(s.at), s.r.Uint64())
	if _, err := s.App.Receiving().AcceptRaw(ctx, "desk", []byte(raw)); err != nil {
		return err
	}
	all, err := s.in.Posts(ctx, s.App.Acts().Reader(), incident.ViewerOf(s.desk), incident.PostWaits, 0, 1)
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
