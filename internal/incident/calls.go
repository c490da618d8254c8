package incident

import (
	"context"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
)

// OwedCall is somebody whom the duty officer calls about what is owed.
type OwedCall struct {
	ID       int64
	Clock    int64 // 0: about an entry
	Entry    int64 // a question or a task
	Kind     Kind  // of the entry
	Incident int64
	Org      int64 // the desk's own: somebody of it
	State    warn.CallState
	Owed     bool // it is still owed
	OpenedAt time.Time
	Exercise bool
	Version  int64
	Tries    []warn.CallTry
}

// OnCall is somebody of the desk who is called, at any hour.
type OnCall struct {
	Name, Phone, Language, Note string
}

// openCall puts who owes something on the call list, unless they are on it, or a person
// gave up calling them about it.
func (in *Incidents) openCall(ctx context.Context, tx *act.Tx, o *owed) error {
	there, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_owed_call where clock_id = $1 and question_id = $2
		and (state = 'open' or state = 'given-up' and due_at = $3) and (clock_id <> 0 or org_id = $4 and due_at = $3)`, o.clock, o.entry, clock.Micros(o.due), o.org)
	if err != nil || there > 0 {
		return err
	}
	id, err := tx.Next(ctx, "incident.call")
	if err != nil {
		return err
	}
	tx.Fact(Changed{Incident: o.incident.ID, What: "calls", Orgs: []int64{guard.OwnOrg}})
	_, err = tx.ExecContext(ctx, `insert into incident_owed_call (id, clock_id, question_id, incident_id, org_id, due_at, state, opened_at, changed_at, exercise, version)
		values ($1, $2, $3, $4, $5, $6, 'open', $7, $7, $8, 1)`, id, o.clock, o.entry, o.incident.ID, o.org, clock.Micros(o.due), clock.Micros(tx.Now()), o.incident.Exercise)
	return err
}

// stillOwed is the condition on a call l that what it is about is still owed by whoever is
// called, since then.
const stillOwed = `(exists (select 1 from incident_clock k where k.id = l.clock_id and k.state = 'running')
	or exists (select 1 from incident_task t join incident_entry e on e.id = t.entry_id join incident i on i.id = t.incident_id
		where t.entry_id = l.question_id and t.org_id = l.org_id and t.due_at = l.due_at and ` + stillOpen + ` and e.retracted_at = 0 and i.state = 'open'))`

// mayCall is the condition on a call l that somebody of the desk ($1 organisation,
// $2 person) may know of it: a question or task for named persons is theirs alone.
const mayCall = `($1 = 1 and (l.question_id = 0 or exists (select 1 from incident_entry e where e.id = l.question_id and ` + maySee + `)))`

const callColumns = `l.id, l.clock_id, l.question_id, coalesce((select e.kind from incident_entry e where e.id = l.question_id), ''), l.incident_id, l.org_id, l.state, case when ` + stillOwed + ` then 1 else 0 end, l.opened_at, l.exercise, l.version`

func scanCall(r sqldb.Row) (c OwedCall, err error) {
	var owed, opened int64
	err = r.Scan(&c.ID, &c.Clock, &c.Entry, &c.Kind, &c.Incident, &c.Org, &c.State, &owed, &opened, &c.Exercise, &c.Version)
	c.Owed, c.OpenedAt = owed == 1, clock.FromMicros(opened)
	return c, err
}

// Calls lists whom to call about what is owed, for the desk, with what was tried.
// openOnly leaves out what is settled, and what is owed no more.
func (in *Incidents) Calls(ctx context.Context, r sqldb.Reader, v Viewer, openOnly bool) ([]OwedCall, error) {
	where := ` where ` + mayCall
	if openOnly {
		where += ` and l.state = 'open' and ` + stillOwed
	}
	calls, err := sqldb.All(ctx, r, scanCall, `select `+callColumns+` from incident_owed_call l`+where+` order by l.id desc limit 500`, v.Org, v.Person)
	if err != nil {
		return nil, err
	}
	for i := range calls {
		calls[i].Tries, err = sqldb.All(ctx, r, func(row sqldb.Row) (t warn.CallTry, err error) {
			var at int64
			err = row.Scan(&at, &t.Outcome, &t.Spoke, &t.Phone, &t.Note, &t.By)
			t.At = clock.FromMicros(at)
			return t, err
		}, `select at, outcome, spoke, phone, note, by_id from incident_owed_call_try where call_id = $1 order by id`, calls[i].ID)
		if err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// CallsOpen counts the calls that somebody of the desk is to make.
func (in *Incidents) CallsOpen(ctx context.Context, r sqldb.Reader, v Viewer) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_owed_call l where `+mayCall+` and l.state = 'open' and l.exercise = $3 and `+stillOwed,
		v.Org, v.Person, false)
	return n, err
}

// NoteCall enters the outcome of a call by hand, with its true time. Who was reached
// ends it; so does giving up, with a reason.
func (in *Incidents) NoteCall(ctx context.Context, actor act.Actor, id, version int64, t warn.CallTry, giveUp bool) error {
	if err := warn.CheckTry(&t, in.Acts.Clock().Now()); err != nil {
		return err
	}
	v := ViewerOf(actor)
	c, ok, err := sqldb.One(ctx, in.read, scanCall, `select `+callColumns+` from incident_owed_call l where `+mayCall+` and l.id = $3`, v.Org, v.Person, id)
	if err != nil || !ok {
		return orElse(err, fault.New(fault.NotFound, "incident.clocks.none", nil))
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.note_call"}, c.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		state := warn.CallOpen
		switch {
		case t.Outcome == "reached":
			state = warn.CallReached
		case giveUp:
			state = warn.CallGivenUp
		}
		done, err := tx.ExecContext(ctx, `update incident_owed_call set state = $1, changed_at = $2, version = version + 1 where id = $3 and version = $4 and state = 'open'`,
			string(state), clock.Micros(tx.Now()), id, version)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return orElse(err, changedMeanwhile())
		}
		next, err := tx.Next(ctx, "incident.call_try")
		if err != nil {
			return err
		}
		tx.Detail(callDetail{id, t.Outcome})
		tx.Fact(Changed{Incident: c.Incident, What: "calls", Orgs: []int64{guard.OwnOrg}})
		_, err = tx.ExecContext(ctx, `insert into incident_owed_call_try (id, call_id, at, outcome, spoke, phone, note, by_id) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			next, id, clock.Micros(t.At), t.Outcome, t.Spoke, t.Phone, t.Note, actor.ID)
		return err
	})
}

type callDetail struct {
	Call    int64  `json:"call"`
	Outcome string `json:"outcome"`
}
