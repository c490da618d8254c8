package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// Milestone is a task that stands for a stage of the recovery. Its entry says who sees
// it; who owes it and when it was reached is the task's.
type Milestone struct {
	Task
	Title   string
	Service int64 // 0: of the whole incident, or of a service that the reader does not see
	Marking tlp.Marking
	Moves   []Moved // when it was due before, oldest first
}

// Moved is that a milestone got another time.
type Moved struct {
	Entry  int64
	At     time.Time
	By     string // actor
	Was    time.Time
	Now    time.Time
	Reason string
}

// Standing is where a milestone stands, in a word of the pages.
type Standing string

// The standings.
const (
	Ahead       Standing = "ahead"
	Missed      Standing = "missed"
	Reached     Standing = "reached"
	ReachedLate Standing = "late" // reached after it was due
	Dropped     Standing = "dropped"
)

// Standing says where a milestone stands at a time.
func (m *Milestone) Standing(now time.Time) Standing {
	switch {
	case m.State == Canceled:
		return Dropped
	case m.State == Done && !m.Due.IsZero() && m.DoneAt.After(m.Due):
		return ReachedLate
	case m.State == Done:
		return Reached
	case !m.Due.IsZero() && m.Due.Before(now):
		return Missed
	}
	return Ahead
}

// NewMilestone is a stage to be reached. One of a service is seen by whoever sees the
// service; Marking and To are of one of the whole incident.
type NewMilestone struct {
	Title   string
	Service int64
	Org     int64 // who owns it; 0: whose service it is, or nobody yet
	Due     time.Time
	Place   int // order in the plan
	Marking tlp.Marking
	To      guard.Circle
}

// maxPlace bounds the order of milestones.
const maxPlace = 999

// Milestones lists the milestones of an incident that a viewer may see, in the order of
// the plan.
func (in *Incidents) Milestones(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Milestone, error) {
	const from = ` from incident_milestone m join incident_task t on t.entry_id = m.entry_id join incident_entry e on e.id = m.entry_id
		where t.incident_id in (select id from incident where id = $3 or merged_into = $3) and e.retracted_at = 0 and ` + maySee
	out, err := sqldb.All(ctx, r, func(row sqldb.Row) (m Milestone, err error) {
		var more struct {
			title, marking string
			service        int64
		}
		m.Task, err = scanTask(also{row, []any{&more.title, &more.marking, &more.service}})
		if err != nil {
			return m, err
		}
		m.Title, m.Service = more.title, more.service
		m.Marking, err = tlp.Parse(more.marking)
		return m, err
	}, `select `+taskColumns+`, e.text, e.marking, m.service_id`+from+` order by t.place, t.due_at, t.entry_id`, v.Org, v.Person, incident)
	if err != nil || len(out) == 0 {
		return out, err
	}
	moves, err := sqldb.All(ctx, r, func(row sqldb.Row) (x Moved, err error) {
		var at, was, now int64
		err = row.Scan(&x.Entry, &at, &x.By, &was, &now, &x.Reason)
		x.At, x.Was, x.Now = clock.FromMicros(at), clock.FromMicros(was), clock.FromMicros(now)
		return x, err
	}, `select x.entry_id, x.at, x.by_id, x.due_was, x.due_now, x.reason from incident_milestone_move x where x.entry_id in (select m.entry_id`+from+`) order by x.act_order`,
		v.Org, v.Person, incident)
	if err != nil {
		return nil, err
	}
	services, err := in.Services(ctx, r, v, incident)
	for k := range out {
		m := &out[k]
		if !slices.ContainsFunc(services, func(s Service) bool { return s.ID == m.Service }) {
			m.Service = 0
		}
		for _, x := range moves {
			if x.Entry == m.Entry {
				m.Moves = append(m.Moves, x)
			}
		}
	}
	return out, err
}

// AddMilestone puts a milestone into the plan of a recovery.
func (in *Incidents) AddMilestone(ctx context.Context, actor act.Actor, incident int64, n NewMilestone) (e Entry, err error) {
	n.Title = clean(n.Title)
	for _, err := range []error{checkLine("title", n.Title, MaxTitle, true), n.checkPlan()} {
		if err != nil {
			return e, err
		}
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.add_milestone"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		entry := NewEntry{Kind: TaskEntry, Marking: n.Marking, To: n.To, Text: n.Title}
		if n.Service != 0 {
			s, err := in.ownService(ctx, tx, actor, i, n.Service)
			if err != nil {
				return err
			}
			if err := in.seenLike(ctx, tx, actor, &s, &entry); err != nil {
				return err
			}
			if n.Org == 0 {
				n.Org = s.Org
			}
		}
		entry.Task = &NewTask{Org: n.Org, Due: n.Due, Place: n.Place}
		if err := entry.validate(tx.Now()); err != nil {
			return err
		}
		if e, err = in.addEntry(ctx, tx, actor, i, entry); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into incident_milestone (entry_id, service_id) values ($1, $2)`, e.ID, n.Service)
		return err
	})
	return e, err
}

func (n *NewMilestone) checkPlan() error {
	if n.Due.IsZero() {
		return fault.OnField("due", "incident.milestone.due", nil)
	}
	if n.Place < 0 || n.Place > maxPlace {
		return fault.OnField("place", "incident.milestone.place", fault.Args{"Max": maxPlace})
	}
	return nil
}

// ownService is a service of an incident of which the actor may plan the recovery.
func (in *Incidents) ownService(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, id int64) (Service, error) {
	all, err := in.Services(ctx, tx, ViewerOf(actor), whole(i))
	n := slices.IndexFunc(all, func(s Service) bool { return s.ID == id })
	if err == nil && n < 0 {
		err = fault.OnField("service", "incident.milestone.service", nil)
	}
	if err != nil {
		return Service{}, err
	}
	s := all[n]
	if actor.Org != s.Org && actor.Org != guard.OwnOrg {
		return s, fault.New(fault.Denied, "incident.service.not_yours", nil)
	}
	return s, nil
}

// isMilestone tells whether the task of an entry is one.
func isMilestone(ctx context.Context, r sqldb.Reader, entry int64) (bool, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_milestone where entry_id = $1`, entry)
	return n > 0, err
}

// changeMilestone is the frame of what whoever owes a milestone, its owner and the desk
// say of it.
func (in *Incidents) changeMilestone(ctx context.Context, call act.Call, entry, version int64, f func(*act.Tx, *Task) error) error {
	return in.changeTask(ctx, call, entry, version, func(ctx context.Context, tx *act.Tx, _ *Entry, t *Task) error {
		if ok, err := isMilestone(ctx, tx, entry); err != nil || !ok {
			return orElse(err, notFound())
		}
		if t.State.Ended() {
			return fault.New(fault.Conflict, "incident.milestone.ended", nil)
		}
		return f(tx, t)
	})
}

// MoveMilestone gives a milestone another time and says why; when it was due stays.
func (in *Incidents) MoveMilestone(ctx context.Context, actor act.Actor, entry int64, due time.Time, reason string, version int64) error {
	reason = clean(reason)
	if due.IsZero() {
		return fault.OnField("due", "incident.milestone.due", nil)
	}
	for _, err := range []error{checkDue("due", due, in.Acts.Clock().Now()), checkText("reason", reason, MaxReason, true)} {
		if err != nil {
			return err
		}
	}
	call := act.Call{Actor: actor, Verb: "incident.move_milestone", Reason: reason}
	return in.changeMilestone(ctx, call, entry, version, func(tx *act.Tx, t *Task) error {
		if t.Due.Equal(due) {
			return fault.OnField("due", "incident.milestone.same", nil)
		}
		_, err := tx.ExecContext(ctx, `insert into incident_milestone_move (entry_id, at, act_order, by_id, due_was, due_now, reason) values ($1, $2, $3, $4, $5, $6, $7)`,
			entry, clock.Micros(tx.Now()), tx.Order(), actor.ID, stamp(t.Due), stamp(due), reason)
		t.Due = due
		return err
	})
}

// ReachMilestone says that a milestone was reached, when (zero: now), and by what or
// whom.
func (in *Incidents) ReachMilestone(ctx context.Context, actor act.Actor, entry int64, at time.Time, result string, version int64) error {
	result = clean(result)
	for _, err := range []error{checkHappened("at", at, in.Acts.Clock().Now()), checkText("result", result, MaxReason, false)} {
		if err != nil {
			return err
		}
	}
	return in.changeMilestone(ctx, act.Call{Actor: actor, Verb: "incident.reach_milestone"}, entry, version, func(tx *act.Tx, t *Task) error {
		if err := in.predecessorsDone(ctx, tx, ViewerOf(actor), t); err != nil {
			return err
		}
		t.State, t.DoneAt, t.DoneBy, t.Result = Done, at, actor.ID, result
		if at.IsZero() {
			t.DoneAt = tx.Now()
		}
		return nil
	})
}

// DropMilestone says that a milestone is no longer aimed at, and why.
func (in *Incidents) DropMilestone(ctx context.Context, actor act.Actor, entry int64, reason string, version int64) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.drop_milestone", Reason: reason}
	return in.changeMilestone(ctx, call, entry, version, func(tx *act.Tx, t *Task) error {
		t.State, t.DoneAt, t.DoneBy, t.Result = Canceled, tx.Now(), actor.ID, reason
		return nil
	})
}
