package incident

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// NewService names a service that is hit.
type NewService struct {
	Org     int64
	Name    string
	People  int64
	Depends []int64
	Marking tlp.Marking
	To      guard.Circle
	Now     NewStep
}

// NewStep is a change of a service's state. Marking and audience are the service's own
// unless a step names stricter ones.
type NewStep struct {
	State    ServiceState
	Quality  int // percent; down is 0, restored and verified 100
	At       time.Time
	Expected time.Time // when it will be back; zero: nobody said
	By       string
	Note     string
	Version  int64 // that was looked at; not of the first step
}

// verifiable refuses that somebody else says in the organisation's name that a service
// is verified without saying who of it said so, and when.
func (n *NewStep) verifiable(actor act.Actor, org int64) error {
	if n.State != Verified || actor.Org == org {
		return nil
	}
	if clean(n.By) == "" {
		return fault.OnField("by", "incident.service.who_verified", nil)
	}
	if n.At.IsZero() {
		return fault.OnField("at", "incident.service.when_verified", nil)
	}
	return nil
}

// AddService notes that a service is hit.
func (in *Incidents) AddService(ctx context.Context, actor act.Actor, incident int64, n NewService) (s Service, err error) {
	n.Name = clean(n.Name)
	now := in.Acts.Clock().Now()
	for _, err := range []error{checkLine("name", n.Name, MaxTitle, true), n.Now.fit(now), checkPeople(n.People)} {
		if err != nil {
			return s, err
		}
	}
	e := NewEntry{Kind: Status, Marking: n.Marking, To: n.To, Owner: n.Org, By: n.Now.By, At: n.Now.At, Text: in.serviceText(n.Name, n.Now)}
	if err := e.validate(now); err != nil {
		return s, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.add_service"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if n.Org == 0 {
			n.Org, e.Owner = actor.Org, actor.Org
		}
		if err := n.Now.verifiable(actor, n.Org); err != nil {
			return err
		}
		all, err := in.Services(ctx, tx, ViewerOf(actor), whole(i))
		if err != nil {
			return err
		}
		if err := needed(all, 0, n.Depends); err != nil {
			return err
		}
		kept, err := in.addEntry(ctx, tx, actor, i, e)
		if err != nil {
			return err
		}
		id, err := tx.Next(ctx, "incident.service")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_service (id, incident_id, entry_id, org_id, name, people, depends, signed_at, signed_by)
			values ($1, $2, $3, $4, $5, $6, $7, 0, '')`, id, incident, kept.ID, n.Org, n.Name, n.People, ids(n.Depends)); err != nil {
			return err
		}
		if err := addStep(ctx, tx, id, kept, n.Now); err != nil {
			return err
		}
		s, err = in.Service(ctx, tx, ViewerOf(actor), id)
		return err
	})
	return s, err
}

// serviceText is what the entry of a change says, in the installation's language; the
// note in somebody's own words.
func (in *Incidents) serviceText(name string, n NewStep) string {
	words := in.speak(in.Language).In(in.Zone)
	s := fmt.Sprintf("%s: %s, %d %%", name, words.Say("incident.sitrep.service."+string(n.State)), n.Quality)
	if !n.Expected.IsZero() {
		s += "\n" + words.Say("incident.service.expected.text", "At", words.Time(n.Expected))
	}
	if n.Note != "" {
		s += "\n" + n.Note
	}
	return s
}

func addStep(ctx context.Context, tx *act.Tx, service int64, e Entry, n NewStep) error {
	_, err := tx.ExecContext(ctx, `insert into incident_service_state (entry_id, service_id, state, quality, at, expected_at) values ($1, $2, $3, $4, $5, $6)`,
		e.ID, service, string(n.State), n.Quality, clock.Micros(e.At), stamp(n.Expected))
	return err
}

// changeService is the frame of what whose service it is and the desk say of it.
func (in *Incidents) changeService(ctx context.Context, call act.Call, service, version int64, f func(context.Context, *act.Tx, *Incident, *Service) error) error {
	viewer := ViewerOf(call.Actor)
	first, err := in.Service(ctx, in.read, viewer, service)
	if err != nil {
		return err
	}
	return in.change(ctx, call, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		s, err := in.Service(ctx, tx, viewer, service)
		switch {
		case err != nil:
			return err
		case call.Actor.Org != s.Org && call.Actor.Org != guard.OwnOrg:
			return fault.New(fault.Denied, "incident.service.not_yours", nil)
		case s.Version != version:
			return changedMeanwhile()
		}
		return f(ctx, tx, i, &s)
	})
}

// SetService says how a service fares now. Whoever sees the service sees the change. The
// organisation whose service it is and the desk say so; verified only in the
// organisation's name.
func (in *Incidents) SetService(ctx context.Context, actor act.Actor, service int64, n NewStep) error {
	if err := n.fit(in.Acts.Clock().Now()); err != nil {
		return err
	}
	return in.changeService(ctx, act.Call{Actor: actor, Verb: "incident.set_service"}, service, n.Version, func(ctx context.Context, tx *act.Tx, i *Incident, s *Service) error {
		if err := n.verifiable(actor, s.Org); err != nil {
			return err
		}
		e := NewEntry{Kind: Status, Owner: s.Org, By: n.By, At: n.At, Text: in.serviceText(s.Name, n), ReplyTo: s.Entry}
		if err := in.seenLike(ctx, tx, actor, s, &e); err != nil {
			return err
		}
		if err := e.validate(tx.Now()); err != nil {
			return err
		}
		kept, err := in.addEntry(ctx, tx, actor, i, e)
		if err != nil {
			return err
		}
		if err := addStep(ctx, tx, s.ID, kept, n); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident_service set signed_at = 0, signed_by = '' where id = $1`, s.ID)
		return err
	})
}

// seenLike gives an entry the marking of a service and those of its audience who take
// part now.
func (in *Incidents) seenLike(ctx context.Context, tx *act.Tx, actor act.Actor, s *Service, e *NewEntry) error {
	named, err := in.Entry(ctx, tx, ViewerOf(actor), s.Entry)
	if err != nil {
		return err
	}
	c, err := in.Guard.CircleOf(ctx, tx, named.Audience)
	if err != nil {
		return err
	}
	e.Marking = named.Marking
	e.To, err = in.stillHere(ctx, tx, s.Incident, c)
	return err
}

// SignOff is the desk's word that a verified service needs nobody any more.
func (in *Incidents) SignOff(ctx context.Context, actor act.Actor, service, version int64) error {
	return in.changeService(ctx, act.Call{Actor: actor, Verb: "incident.sign_off"}, service, version, func(ctx context.Context, tx *act.Tx, _ *Incident, s *Service) error {
		if s.State != Verified || !s.SignedAt.IsZero() {
			return fault.New(fault.Conflict, "incident.service.not_verified", nil)
		}
		e, err := in.Entry(ctx, tx, ViewerOf(actor), s.Entry)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_service set signed_at = $1, signed_by = $2 where id = $3`,
			clock.Micros(tx.Now()), actor.ID, service); err != nil {
			return err
		}
		return in.tellEntry(ctx, tx, "service", e)
	})
}
