package incident

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// ServiceState is how well a service works.
type ServiceState string

// The states of services. Only whose service it is says that it is verified.
const (
	Down       ServiceState = "down"
	Degraded   ServiceState = "degraded"
	Workaround ServiceState = "workaround"
	Restored   ServiceState = "restored"
	Verified   ServiceState = "verified"
)

// ServiceStates lists them, worst first.
func ServiceStates() []ServiceState {
	return []ServiceState{Down, Degraded, Workaround, Restored, Verified}
}

// Service is something that people depend on and that an incident hits.
type Service struct {
	ID       int64
	Incident int64
	Entry    int64 // that named it: whoever sees that sees the service
	Org      int64
	Name     string
	People   int64 // who depend on it, 0: not known
	Depends  []int64
	State    ServiceState
	Quality  int // percent that works
	SignedAt time.Time
	SignedBy string
	Version  int64
}

// Step is the state of a service from a time on.
type Step struct {
	Entry   int64
	Service int64
	State   ServiceState
	Quality int
	At      time.Time
}

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
	State   ServiceState
	Quality int // percent; down is 0, restored and verified 100
	At      time.Time
	By      string
	Note    string
	Version int64 // that was looked at; not of the first step
}

// fit makes quality and state one: what is down works not at all, what is restored works.
func (n *NewStep) fit() error {
	if err := known("state", "incident.service.state", ServiceStates(), n.State); err != nil {
		return err
	}
	switch n.State {
	case Down:
		n.Quality = 0
	case Restored, Verified:
		n.Quality = 100
	default:
		if n.Quality < 1 || n.Quality > 99 {
			return fault.OnField("quality", "incident.service.quality", nil)
		}
	}
	return checkText("note", n.Note, MaxReason, false)
}

const serviceColumns = `s.id, s.incident_id, s.entry_id, s.org_id, s.name, s.people, s.depends, s.state, s.quality, s.signed_at, s.signed_by, s.version`

func scanService(r sqldb.Row) (s Service, err error) {
	var depends string
	var signed int64
	err = r.Scan(&s.ID, &s.Incident, &s.Entry, &s.Org, &s.Name, &s.People, &depends, &s.State, &s.Quality, &signed, &s.SignedBy, &s.Version)
	if err != nil {
		return s, err
	}
	s.SignedAt = clock.FromMicros(signed)
	s.Depends, err = parseIDs(depends)
	return s, err
}

// Services lists the services that an incident hits, as far as a viewer sees the
// entries that named them.
func (in *Incidents) Services(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Service, error) {
	return sqldb.All(ctx, r, scanService, `select `+serviceColumns+` from incident_service s join incident_entry e on e.id = s.entry_id
		where s.incident_id = $3 and e.retracted_at = 0 and `+maySee+` order by s.id`, v.Org, v.Person, incident)
}

// Service returns one service; NotFound for what the viewer may not see.
func (in *Incidents) Service(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Service, error) {
	s, ok, err := sqldb.One(ctx, r, scanService, `select `+serviceColumns+` from incident_service s join incident_entry e on e.id = s.entry_id
		where s.id = $3 and e.retracted_at = 0 and `+maySee, v.Org, v.Person, id)
	if err == nil && !ok {
		err = notFound()
	}
	return s, err
}

// Steps lists how the services of an incident fared, oldest first, as far as a viewer
// sees the entries that said so.
func (in *Incidents) Steps(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Step, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (s Step, err error) {
		var at int64
		err = row.Scan(&s.Entry, &s.Service, &s.State, &s.Quality, &at)
		s.At = clock.FromMicros(at)
		return s, err
	}, `select t.entry_id, t.service_id, t.state, t.quality, t.at from incident_service_state t join incident_service s on s.id = t.service_id
		join incident_entry e on e.id = t.entry_id where s.incident_id = $3 and e.retracted_at = 0 and `+maySee+` order by t.at, t.entry_id`, v.Org, v.Person, incident)
}

// AddService notes that a service is hit.
func (in *Incidents) AddService(ctx context.Context, actor act.Actor, incident int64, n NewService) (s Service, err error) {
	n.Name = clean(n.Name)
	for _, err := range []error{checkLine("name", n.Name, MaxTitle, true), n.Now.fit()} {
		if err != nil {
			return s, err
		}
	}
	if n.People < 0 || n.People > 10_000_000_000 {
		return s, fault.OnField("people", "incident.service.people", nil)
	}
	e := NewEntry{Kind: Status, Marking: n.Marking, To: n.To, Owner: n.Org, By: n.Now.By, At: n.Now.At, Text: in.serviceText(n.Name, n.Now)}
	if err := e.validate(in.Acts.Clock().Now()); err != nil {
		return s, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.add_service"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if n.Org == 0 {
			n.Org, e.Owner = actor.Org, actor.Org
		}
		if n.Now.State == Verified && actor.Org != n.Org && n.Now.By == "" {
			return fault.OnField("by", "incident.service.who_verified", nil)
		}
		if err := in.needed(ctx, tx, ViewerOf(actor), incident, n.Depends); err != nil {
			return err
		}
		kept, err := in.addEntry(ctx, tx, actor, i, e)
		if err != nil {
			return err
		}
		s = Service{
			Incident: incident, Entry: kept.ID, Org: n.Org, Name: n.Name, People: n.People, Depends: n.Depends, State: n.Now.State, Quality: n.Now.Quality, Version: 1,
		}
		if s.ID, err = tx.Next(ctx, "incident.service"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_service (id, incident_id, entry_id, org_id, name, people, depends, state, quality, signed_at, signed_by, version)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '', 1)`, s.ID, s.Incident, s.Entry, s.Org, s.Name, s.People, ids(s.Depends), string(s.State), s.Quality); err != nil {
			return err
		}
		return in.addStep(ctx, tx, s.ID, kept, n.Now)
	})
	return s, err
}

// serviceText is what the entry of a change says, in the installation's language; the
// note in somebody's own words.
func (in *Incidents) serviceText(name string, n NewStep) string {
	s := fmt.Sprintf("%s: %s, %d %%", name, in.speak(in.Language).Say("incident.sitrep.service."+string(n.State)), n.Quality)
	if n.Note != "" {
		s += "\n" + n.Note
	}
	return s
}

// needed refuses services of other incidents and what the actor does not see.
func (in *Incidents) needed(ctx context.Context, r sqldb.Reader, v Viewer, incident int64, depends []int64) error {
	if len(depends) > 50 {
		return fault.OnField("depends", "incident.service.depends", nil)
	}
	for _, d := range depends {
		s, err := in.Service(ctx, r, v, d)
		if fault.CodeOf(err) == fault.NotFound || err == nil && s.Incident != incident {
			return fault.OnField("depends", "incident.service.depends", nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (in *Incidents) addStep(ctx context.Context, tx *act.Tx, service int64, e Entry, n NewStep) error {
	_, err := tx.ExecContext(ctx, `insert into incident_service_state (entry_id, service_id, state, quality, at) values ($1, $2, $3, $4, $5)`,
		e.ID, service, string(n.State), n.Quality, clock.Micros(e.At))
	return err
}

// SetService says how a service fares now. Whoever sees the service sees the change. The
// organisation whose service it is and the desk say so; verified only in the
// organisation's name.
func (in *Incidents) SetService(ctx context.Context, actor act.Actor, service int64, n NewStep) error {
	if err := n.fit(); err != nil {
		return err
	}
	first, err := in.Service(ctx, in.read, ViewerOf(actor), service)
	if err != nil {
		return err
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.set_service"}, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		s, err := in.Service(ctx, tx, ViewerOf(actor), service)
		if err != nil {
			return err
		}
		switch {
		case actor.Org != s.Org && actor.Org != guard.OwnOrg:
			return fault.New(fault.Denied, "incident.service.not_yours", nil)
		case s.Version != n.Version:
			return changedMeanwhile()
		case n.State == Verified && actor.Org != s.Org && n.By == "":
			return fault.OnField("by", "incident.service.who_verified", nil)
		}
		named, err := in.Entry(ctx, tx, ViewerOf(actor), s.Entry)
		if err != nil {
			return err
		}
		circle, err := in.Guard.CircleOf(ctx, tx, named.Audience)
		if err != nil {
			return err
		}
		if circle, err = in.stillHere(ctx, tx, s.Incident, circle); err != nil {
			return err
		}
		e := NewEntry{Kind: Status, Marking: named.Marking, To: circle, Owner: s.Org, By: n.By, At: n.At, Text: in.serviceText(s.Name, n), ReplyTo: s.Entry}
		if err := e.validate(tx.Now()); err != nil {
			return err
		}
		kept, err := in.addEntry(ctx, tx, actor, i, e)
		if err != nil {
			return err
		}
		if err := in.addStep(ctx, tx, s.ID, kept, n); err != nil {
			return err
		}
		return in.latest(ctx, tx, s.ID)
	})
}

// latest puts the state of the step that comes last in time into the service: a call
// that is entered late changes the past, not the present.
func (in *Incidents) latest(ctx context.Context, tx *act.Tx, service int64) error {
	var state string
	var quality int64
	err := tx.QueryRowContext(ctx, `select state, quality from incident_service_state where service_id = $1 order by at desc, entry_id desc limit 1`, service).Scan(&state, &quality)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `update incident_service set state = $1, quality = $2, signed_at = 0, signed_by = '', version = version + 1 where id = $3`, state, quality, service)
	return err
}

// SignOff is the desk's word that a verified service needs nobody any more.
func (in *Incidents) SignOff(ctx context.Context, actor act.Actor, service, version int64) error {
	first, err := in.Service(ctx, in.read, ViewerOf(actor), service)
	if err != nil {
		return err
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.sign_off"}, first.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		s, err := in.Service(ctx, tx, ViewerOf(actor), service)
		switch {
		case err != nil:
			return err
		case s.State != Verified || !s.SignedAt.IsZero():
			return fault.New(fault.Conflict, "incident.service.not_verified", nil)
		case s.Version != version:
			return changedMeanwhile()
		}
		e, err := in.Entry(ctx, tx, ViewerOf(actor), s.Entry)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_service set signed_at = $1, signed_by = $2, version = version + 1 where id = $3`,
			clock.Micros(tx.Now()), actor.ID, service); err != nil {
			return err
		}
		return in.tellEntry(ctx, tx, "service", e)
	})
}

// Lost is what a service's users went without until a time: the area above its curve,
// Σ (100 − quality) % × hours, the loss of resilience of Bruneau et al. (2003) in
// hours. Between two steps a service stays as the first of them said.
func Lost(steps []Step, until time.Time) (hours float64) {
	for i, s := range steps {
		end := until
		if i+1 < len(steps) {
			end = steps[i+1].At
		}
		if end.After(s.At) {
			hours += end.Sub(s.At).Hours() * float64(100-s.Quality) / 100
		}
	}
	return hours
}
