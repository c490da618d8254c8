package incident

import (
	"context"
	"slices"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
)

// maxNeeds bounds what one service needs.
const maxNeeds = 50

// needed refuses services of other incidents, what the actor does not see, and a ring:
// what waits for itself never comes back. id is 0 for a service that is not there yet.
func needed(all []Service, id int64, depends []int64) error {
	if len(depends) > maxNeeds {
		return fault.OnField("depends", "incident.service.depends", nil)
	}
	for _, d := range depends {
		if !slices.ContainsFunc(all, func(s Service) bool { return s.ID == d }) {
			return fault.OnField("depends", "incident.service.depends", nil)
		}
	}
	if ring := ringOf(all, id, depends); ring != nil {
		return fault.OnField("depends", "incident.service.ring", fault.Args{"Ring": strings.Join(ring, " → ")})
	}
	return nil
}

// ringOf names the services of a way from id back to itself, if it needed these.
func ringOf(all []Service, id int64, depends []int64) []string {
	byID := map[int64]*Service{}
	for k := range all {
		byID[all[k].ID] = &all[k]
	}
	seen := map[int64]bool{}
	var walk func(at int64) []string
	walk = func(at int64) []string {
		if at == id {
			return []string{byID[at].Name}
		}
		if seen[at] || byID[at] == nil {
			return nil
		}
		seen[at] = true
		for _, d := range byID[at].Depends {
			if way := walk(d); way != nil {
				return append([]string{byID[at].Name}, way...)
			}
		}
		return nil
	}
	for _, d := range depends {
		if way := walk(d); id != 0 && way != nil {
			return append([]string{byID[id].Name}, way...)
		}
	}
	return nil
}

// Waiting is a service with what stands before it.
type Waiting struct {
	Service
	For   []Service // what it needs and is down
	Needs []Service // everything that it needs
	First bool      // not back, nothing that it needs is missing, and others wait for it
	Holds int       // how many that are not back wait for it, also by way of others
}

// InOrder puts services so that each stands after what it needs, otherwise as they were
// named. Rings, which nobody who sees all of them can make, end where they began.
func InOrder(all []Service) (out []Waiting) {
	byID := map[int64]*Service{}
	for k := range all {
		byID[all[k].ID] = &all[k]
	}
	placed := map[int64]bool{}
	var place func(s *Service)
	place = func(s *Service) {
		if placed[s.ID] {
			return
		}
		placed[s.ID] = true
		w, missing := Waiting{Service: *s}, false
		for _, d := range s.Depends {
			need := byID[d]
			if need == nil {
				continue
			}
			place(need)
			w.Needs = append(w.Needs, *need)
			missing = missing || !need.State.Back()
			if need.State == Down {
				w.For = append(w.For, *need)
			}
		}
		w.Holds = holds(all, s.ID)
		w.First = !s.State.Back() && !missing && w.Holds > 0
		out = append(out, w)
	}
	for k := range all {
		place(&all[k])
	}
	return out
}

// holds counts the services that are not back and need one, also by way of others.
func holds(all []Service, id int64) (n int) {
	reached := map[int64]bool{id: true}
	for grown := true; grown; {
		grown = false
		for _, s := range all {
			if !reached[s.ID] && slices.ContainsFunc(s.Depends, func(d int64) bool { return reached[d] }) {
				reached[s.ID], grown = true, true
				if !s.State.Back() {
					n++
				}
			}
		}
	}
	return n
}

// whole is the incident of which one is a part, or itself.
func whole(i *Incident) int64 {
	if i.MergedInto != 0 {
		return i.MergedInto
	}
	return i.ID
}

// SetNeeds says anew what a service needs and how many people depend on it. Whose
// service it is and the desk say so. What the actor does not see of its needs stays.
func (in *Incidents) SetNeeds(ctx context.Context, actor act.Actor, service int64, depends []int64, people, version int64) error {
	if err := checkPeople(people); err != nil {
		return err
	}
	return in.changeService(ctx, act.Call{Actor: actor, Verb: "incident.set_needs"}, service, version, func(ctx context.Context, tx *act.Tx, i *Incident, s *Service) error {
		all, err := in.Services(ctx, tx, ViewerOf(actor), whole(i))
		if err != nil {
			return err
		}
		if err := needed(all, s.ID, depends); err != nil {
			return err
		}
		hidden, err := hiddenNeeds(ctx, tx, s)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_service set depends = $1, people = $2 where id = $3`, ids(append(hidden, depends...)), people, s.ID); err != nil {
			return err
		}
		return in.tellNeeds(ctx, tx, actor, s, all, depends, people)
	})
}

// tellNeeds tells those who see the service and all that is new of its needs: for the
// others nothing changed.
func (in *Incidents) tellNeeds(ctx context.Context, tx *act.Tx, actor act.Actor, s *Service, all []Service, depends []int64, people int64) error {
	e, err := in.Entry(ctx, tx, ViewerOf(actor), s.Entry)
	if err != nil {
		return err
	}
	c, err := readers(ctx, tx, e)
	if err != nil {
		return err
	}
	for _, other := range all {
		if people != s.People || slices.Contains(depends, other.ID) == slices.Contains(s.Depends, other.ID) {
			continue
		}
		named, err := in.Entry(ctx, tx, ViewerOf(actor), other.Entry)
		if err != nil {
			return err
		}
		those, err := readers(ctx, tx, named)
		if err != nil {
			return err
		}
		c.Orgs = slices.DeleteFunc(c.Orgs, func(id int64) bool { return !slices.Contains(those.Orgs, id) })
		c.Persons = slices.DeleteFunc(c.Persons, func(id int64) bool { return !slices.Contains(those.Persons, id) })
	}
	tx.Detail(entryDetail{entrySubject(e.ID), string(e.Kind), e.Marking.String(), int64(e.Audience), e.Owner})
	tx.Fact(Changed{Incident: e.Incident, What: "service", Orgs: c.Orgs, Persons: c.Persons}) // no entry: no mail says it again
	return nil
}

// hiddenNeeds are what a service needs besides what its reader sees.
func hiddenNeeds(ctx context.Context, tx *act.Tx, s *Service) ([]int64, error) {
	var text string
	if err := tx.QueryRowContext(ctx, `select depends from incident_service where id = $1`, s.ID).Scan(&text); err != nil {
		return nil, err
	}
	all, err := parseIDs(text)
	return slices.DeleteFunc(all, func(d int64) bool { return slices.Contains(s.Depends, d) }), err
}

// checkPeople refuses what is no number of people.
func checkPeople(n int64) error {
	if n < 0 || n > 10_000_000_000 {
		return fault.OnField("people", "incident.service.people", nil)
	}
	return nil
}
