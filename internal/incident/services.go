package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
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

// Back tells whether the service works as before.
func (s ServiceState) Back() bool { return s == Restored || s == Verified }

// Service is something that people depend on and that an incident hits. How it fares is
// what the last of the steps says that the reader sees.
type Service struct {
	ID       int64
	Incident int64
	Entry    int64 // that named it: whoever sees that sees the service
	Org      int64
	Name     string
	People   int64   // who depend on it, 0: not known
	Depends  []int64 // services that it needs, of those that the reader sees
	Now      Step
	State    ServiceState // of Now
	Quality  int          // of Now, percent that works
	SignedAt time.Time
	SignedBy string
	Version  int64 // rises with each step and with the sign-off
}

// Step is the state of a service from a time on.
type Step struct {
	Entry    int64
	Service  int64
	State    ServiceState
	Quality  int
	At       time.Time
	Expected time.Time // when it will be back, as was told; zero: nothing
	By       string    // who said so, where somebody else wrote it down
	Author   string    // who wrote it down
	Written  time.Time // when
	Marking  tlp.Marking
	gone     bool // taken back: it counts for the version alone
}

const serviceColumns = `s.id, s.incident_id, s.entry_id, s.org_id, s.name, s.people, s.depends, s.signed_at, s.signed_by`

func scanService(r sqldb.Row) (s Service, err error) {
	var depends string
	var signed int64
	err = r.Scan(&s.ID, &s.Incident, &s.Entry, &s.Org, &s.Name, &s.People, &depends, &signed, &s.SignedBy)
	if err != nil {
		return s, err
	}
	s.SignedAt = clock.FromMicros(signed)
	s.Depends, err = parseIDs(depends)
	return s, err
}

func scanStep(r sqldb.Row) (s Step, err error) {
	var at, expected, written, gone int64
	var marking string
	err = r.Scan(&s.Entry, &s.Service, &s.State, &s.Quality, &at, &expected, &s.By, &s.Author, &written, &gone, &marking)
	if err != nil {
		return s, err
	}
	s.At, s.Expected, s.Written, s.gone = clock.FromMicros(at), clock.FromMicros(expected), clock.FromMicros(written), gone != 0
	s.Marking, err = tlp.Parse(marking)
	return s, err
}

// Services lists the services that an incident hits, and those merged into it, as far
// as a viewer sees the entries that named them: in the order in which they were named.
func (in *Incidents) Services(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Service, error) {
	out, err := sqldb.All(ctx, r, scanService, `select `+serviceColumns+` from incident_service s join incident_entry e on e.id = s.entry_id
		where s.incident_id in (select id from incident where id = $3 or merged_into = $3) and e.retracted_at = 0 and `+maySee+` order by s.id`, v.Org, v.Person, incident)
	if err != nil || len(out) == 0 {
		return out, err
	}
	steps, err := in.steps(ctx, r, v, incident)
	known := map[int64]bool{}
	for _, s := range out {
		known[s.ID] = true
	}
	for k := range out {
		out[k].fare(steps)
		out[k].Depends = slices.DeleteFunc(out[k].Depends, func(d int64) bool { return !known[d] })
	}
	return out, err
}

// fare fills in how a service fares by the steps that a viewer sees, oldest first.
func (s *Service) fare(steps []Step) {
	for _, one := range steps {
		if one.Service != s.ID {
			continue
		}
		s.Version++
		if !one.gone {
			s.Now = one
		}
	}
	s.State, s.Quality = s.Now.State, s.Now.Quality
	if s.State != Verified {
		s.SignedAt, s.SignedBy = time.Time{}, ""
	}
	if !s.SignedAt.IsZero() {
		s.Version++
	}
}

// Service returns one service; NotFound for what the viewer may not see.
func (in *Incidents) Service(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Service, error) {
	of, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select case i.merged_into when 0 then i.id else i.merged_into end
		from incident_service s join incident i on i.id = s.incident_id where s.id = $1`, id)
	if err != nil || !ok {
		return Service{}, orElse(err, notFound())
	}
	all, err := in.Services(ctx, r, v, of)
	if n := slices.IndexFunc(all, func(s Service) bool { return s.ID == id }); n >= 0 {
		return all[n], err
	}
	return Service{}, orElse(err, notFound())
}

// ServiceNamedBy returns the service that an entry named; NotFound for any other.
func (in *Incidents) ServiceNamedBy(ctx context.Context, r sqldb.Reader, v Viewer, entry int64) (Service, error) {
	id, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select id from incident_service where entry_id = $1`, entry)
	if err != nil || !ok {
		return Service{}, orElse(err, notFound())
	}
	return in.Service(ctx, r, v, id)
}

// Steps lists how the services of an incident fared, oldest first, as far as a viewer
// sees the entries that said so. Of two with the same time the one entered last holds.
func (in *Incidents) Steps(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Step, error) {
	all, err := in.steps(ctx, r, v, incident)
	return slices.DeleteFunc(all, func(s Step) bool { return s.gone }), err
}

func (in *Incidents) steps(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Step, error) {
	return sqldb.All(ctx, r, scanStep, `select t.entry_id, t.service_id, t.state, t.quality, t.at, t.expected_at, e.by_name, e.author, e.recorded_at, e.retracted_at, e.marking
		from incident_service_state t join incident_service s on s.id = t.service_id join incident_entry e on e.id = t.entry_id
		where s.incident_id in (select id from incident where id = $3 or merged_into = $3) and `+maySee+` order by t.at, t.entry_id`, v.Org, v.Person, incident)
}

// StepsOf are those of one service, in their order.
func StepsOf(steps []Step, service int64) (out []Step) {
	for _, s := range steps {
		if s.Service == service {
			out = append(out, s)
		}
	}
	return out
}

// Lost is what a service's users went without until a time: the area above its curve,
// Σ (100 − quality) % × hours, the loss of resilience of Bruneau et al. (2003) in
// hours. Between two steps a service stays as the first of them said.
func Lost(steps []Step, until time.Time) (hours float64) {
	for i, s := range steps {
		end := until
		if i+1 < len(steps) && steps[i+1].At.Before(until) {
			end = steps[i+1].At
		}
		if end.After(s.At) {
			hours += end.Sub(s.At).Hours() * float64(100-s.Quality) / 100
		}
	}
	return hours
}

// fit makes quality and state one: what is down works not at all, what is restored works.
func (n *NewStep) fit(now time.Time) error {
	if err := known("state", "incident.service.state", ServiceStates(), n.State); err != nil {
		return err
	}
	switch n.State {
	case Down:
		n.Quality = 0
	case Restored, Verified:
		n.Quality, n.Expected = 100, time.Time{}
	case Degraded, Workaround:
		if n.Quality < 1 || n.Quality > 99 {
			return fault.OnField("quality", "incident.service.quality", nil)
		}
	}
	at := n.At
	if at.IsZero() {
		at = now
	}
	if !n.Expected.IsZero() && n.Expected.Before(at) {
		return fault.OnField("expected", "incident.service.expected", nil)
	}
	if err := checkDue("expected", n.Expected, now); err != nil {
		return err
	}
	return checkText("note", n.Note, MaxReason, false)
}
