package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// TaskState is where a task, question or countermeasure stands.
type TaskState string

// The states of tasks.
const (
	Todo     TaskState = "todo"
	Doing    TaskState = "doing"
	OnHold   TaskState = "hold"
	Done     TaskState = "done"
	Canceled TaskState = "cancelled"
)

// The states of questions.
const (
	Asked     TaskState = "asked"
	Answered  TaskState = "answered"
	Withdrawn TaskState = "withdrawn"
)

// The states of countermeasures, as RTIR has them.
const (
	PendingActivation TaskState = "pending-activation"
	Active            TaskState = "active"
	PendingRemoval    TaskState = "pending-removal"
	Removed           TaskState = "removed"
)

// TaskStates lists the states of a kind of entry, first to last.
func TaskStates(k Kind) []TaskState {
	switch k {
	case Question:
		return []TaskState{Asked, Answered, Withdrawn}
	case Measure:
		return []TaskState{PendingActivation, Active, PendingRemoval, Removed}
	}
	return []TaskState{Todo, Doing, OnHold, Done, Canceled}
}

// Ended tells whether nothing is owed any more.
func (s TaskState) Ended() bool {
	return slices.Contains([]TaskState{Done, Canceled, Answered, Withdrawn, Removed}, s)
}

// NewTask is what is to be done, asked or put in place.
type NewTask struct {
	Org      int64 // who owes it; 0: nobody yet
	Person   int64
	Due      time.Time // a question needs one
	Depends  []int64   // entries of tasks that come before
	Playbook string
	Place    int
}

func (n *NewTask) validate(k Kind, now time.Time) error {
	switch {
	case k == Question && (n.Org == 0 || n.Due.IsZero()):
		return fault.OnField("due", "incident.question.whom_when", nil)
	case len(n.Depends) > 100:
		return fault.OnField("depends", "incident.task.depends_many", fault.Args{"Max": 100})
	}
	if err := checkDue("due", n.Due, now); err != nil {
		return err
	}
	return checkLine("playbook", n.Playbook, MaxTitle, false)
}

// Task is the state of an entry that has one.
type Task struct {
	Entry    int64
	Incident int64
	Kind     Kind
	Org      int64
	Person   int64
	Due      time.Time
	State    TaskState
	Depends  []int64
	Playbook string
	Place    int
	DoneAt   time.Time
	DoneBy   string
	Result   string
	Answer   int64 // entry that answers a question
	Version  int64
}

const taskColumns = `t.entry_id, t.incident_id, t.kind, t.org_id, t.person_id, t.due_at, t.state, t.depends, t.playbook, t.place, t.done_at, t.done_by,
	t.result, t.answer_entry, t.version`

func scanTask(r sqldb.Row) (t Task, err error) {
	var depends string
	var due, done int64
	err = r.Scan(&t.Entry, &t.Incident, &t.Kind, &t.Org, &t.Person, &due, &t.State, &depends, &t.Playbook, &t.Place, &done, &t.DoneBy,
		&t.Result, &t.Answer, &t.Version)
	if err != nil {
		return t, err
	}
	t.Due, t.DoneAt = clock.FromMicros(due), clock.FromMicros(done)
	t.Depends, err = parseIDs(depends)
	return t, err
}

func (in *Incidents) addTask(ctx context.Context, tx *act.Tx, e *Entry, n NewTask) error {
	if n.Org != 0 {
		if err := in.owedBy(ctx, tx, e, &n); err != nil {
			return err
		}
	}
	for _, d := range n.Depends {
		other, ok, err := sqldb.One(ctx, tx, scanTask, `select `+taskColumns+` from incident_task t where t.entry_id = $1`, d)
		if err != nil || !ok || other.Incident != e.Incident {
			return orElse(err, fault.OnField("depends", "incident.task.depends_none", nil))
		}
	}
	t := Task{Kind: e.Kind, Org: n.Org, Due: n.Due, State: TaskStates(e.Kind)[0]}
	_, err := tx.ExecContext(ctx, `insert into incident_task (entry_id, incident_id, kind, org_id, person_id, due_at, state, depends, playbook, place,
		done_at, done_by, result, answer_entry, version, remind_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, '', '', 0, 1, $11)`,
		e.ID, e.Incident, string(e.Kind), n.Org, n.Person, stamp(n.Due), string(t.State), ids(n.Depends), n.Playbook, n.Place, stamp(t.lookAt(e.RecordedAt, time.Time{})))
	return err
}

// owedBy refuses a debtor who would not see what he owes. Where an entry is for named
// persons, those of the organisation owe it; a single one by name.
func (in *Incidents) owedBy(ctx context.Context, r sqldb.Reader, e *Entry, n *NewTask) error {
	c, err := in.Guard.CircleOf(ctx, r, e.Audience)
	if err != nil || slices.Contains(c.Orgs, n.Org) || n.Person != 0 && slices.Contains(c.Persons, n.Person) {
		return err
	}
	named, err := in.namedOf(ctx, r, e, n.Org)
	switch {
	case err != nil:
		return err
	case len(named) == 0 || n.Person != 0:
		return fault.OnField("audience", "incident.task.cannot_see", nil)
	case len(named) == 1:
		n.Person = named[0].ID
	}
	return nil
}

// namedOf are the persons of an organisation who may see an entry by name.
func (in *Incidents) namedOf(ctx context.Context, r sqldb.Reader, e *Entry, org int64) (out []guard.Person, err error) {
	c, err := readers(ctx, r, *e)
	if err != nil {
		return nil, err
	}
	return in.membersOf(ctx, r, org, c.Persons)
}

// membersOf are those of some persons who are an organisation's.
func (in *Incidents) membersOf(ctx context.Context, r sqldb.Reader, org int64, persons []int64) (out []guard.Person, err error) {
	for _, id := range persons {
		p, err := in.Guard.Person(ctx, r, id)
		if err != nil {
			return nil, err
		}
		if p.Org == org && p.Active {
			out = append(out, p)
		}
	}
	return out, nil
}

// Task returns the state of an entry that a viewer may see.
func (in *Incidents) Task(ctx context.Context, r sqldb.Reader, v Viewer, entry int64) (Task, error) {
	t, ok, err := sqldb.One(ctx, r, scanTask, `select `+taskColumns+` from incident_task t join incident_entry e on e.id = t.entry_id
		where `+maySee+` and t.entry_id = $3`, v.Org, v.Person, entry)
	if err == nil && !ok {
		err = notFound()
	}
	return t, err
}

// Tasks lists the tasks, questions and measures of an incident that a viewer may see:
// by checklist and place, then by what is due first.
func (in *Incidents) Tasks(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Task, error) {
	return sqldb.All(ctx, r, scanTask, `select `+taskColumns+` from incident_task t join incident_entry e on e.id = t.entry_id
		where `+maySee+` and t.incident_id = $3 and e.retracted_at = 0
		order by t.playbook, t.place, case t.due_at when 0 then 1 else 0 end, t.due_at, t.entry_id`, v.Org, v.Person, incident)
}

// DueTasks lists what somebody owes until a time, in all incidents, soonest first:
// org 0 means whoever owes it.
func (in *Incidents) DueTasks(ctx context.Context, r sqldb.Reader, v Viewer, org int64, until time.Time, limit int) ([]Task, error) {
	open := []any{string(Todo), string(Doing), string(OnHold), string(Asked), string(PendingActivation), string(PendingRemoval)}
	args := append([]any{v.Org, v.Person, org, clock.Micros(until), limit}, open...)
	return sqldb.All(ctx, r, scanTask, `select `+taskColumns+` from incident_task t join incident_entry e on e.id = t.entry_id
		where t.state in `+sqldb.In(6, len(open))+` and t.due_at > 0 and t.due_at <= $4 and ($3 = 0 or t.org_id = $3)
		and e.retracted_at = 0 and `+maySee+` order by t.due_at, t.entry_id limit $5`, args...)
}

// SetTask moves a task or measure to another state, with what came of it. Whoever owes
// it may, its owner and the desk too. A task whose predecessors are open stays.
func (in *Incidents) SetTask(ctx context.Context, actor act.Actor, entry int64, to TaskState, result string, version int64) error {
	result = clean(result)
	if err := checkText("result", result, MaxReason, false); err != nil {
		return err
	}
	return in.changeTask(ctx, act.Call{Actor: actor, Verb: "incident.set_task"}, entry, version, func(ctx context.Context, tx *act.Tx, _ *Entry, t *Task) error {
		if !slices.Contains(TaskStates(t.Kind), to) || t.Kind == Question && to == Answered {
			return fault.OnField("state", "incident.task.state", fault.Args{"Value": fault.Clip(string(to))})
		}
		if to == Done || to == Doing {
			if err := in.predecessorsDone(ctx, tx, ViewerOf(actor), t); err != nil {
				return err
			}
		}
		t.State, t.Result = to, result
		t.DoneAt, t.DoneBy = time.Time{}, ""
		if to.Ended() {
			t.DoneAt, t.DoneBy = tx.Now(), actor.ID
		}
		return nil
	})
}

// Assign says anew who owes a task and until when.
func (in *Incidents) Assign(ctx context.Context, actor act.Actor, entry, org, person int64, due time.Time, version int64) error {
	if err := checkDue("due", due, in.Acts.Clock().Now()); err != nil {
		return err
	}
	return in.changeTask(ctx, act.Call{Actor: actor, Verb: "incident.assign_task"}, entry, version, func(ctx context.Context, tx *act.Tx, e *Entry, t *Task) error {
		if t.State.Ended() {
			return fault.New(fault.Conflict, "incident.task.ended", nil)
		}
		if t.Kind == Question {
			return fault.New(fault.Conflict, "incident.question.asked", nil)
		}
		if ok, err := isMilestone(ctx, tx, entry); err != nil || ok && !due.Equal(t.Due) {
			return orElse(err, fault.OnField("due", "incident.milestone.move", nil))
		}
		if org != 0 {
			c, err := in.Guard.CircleOf(ctx, tx, e.Audience)
			if err != nil {
				return err
			}
			if !slices.Contains(c.Orgs, org) && !slices.Contains(c.Persons, person) {
				return fault.OnField("organisation", "incident.task.cannot_see", nil)
			}
		}
		t.Org, t.Person, t.Due = org, person, due
		return nil
	})
}

// AnswerQuestion answers a question by an entry of the asked organisation. The answer is
// seen by whoever sees the question.
func (in *Incidents) AnswerQuestion(ctx context.Context, actor act.Actor, question int64, n NewEntry) (e Entry, err error) {
	first, err := in.Task(ctx, in.read, ViewerOf(actor), question)
	if err != nil {
		return e, err
	}
	n.Kind, n.ReplyTo, n.Task = Note, question, nil
	if err := in.keepFiles(ctx, n.Files); err != nil {
		return e, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.answer_question"}, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		t, err := in.Task(ctx, tx, ViewerOf(actor), question)
		if err != nil {
			return err
		}
		asked, err := in.Entry(ctx, tx, ViewerOf(actor), question)
		if err != nil {
			return err
		}
		if t.Kind != Question || t.State != Asked {
			return fault.New(fault.Conflict, "incident.question.closed", nil)
		}
		if actor.Org != guard.OwnOrg && actor.Org != t.Org {
			return fault.New(fault.Denied, "incident.question.not_yours", nil)
		}
		if actor.Org == guard.OwnOrg && n.Owner == 0 { // somebody said it on the phone
			n.Owner = t.Org
		}
		n.Marking = max(n.Marking, asked.Marking)
		e, err = in.answer(ctx, tx, actor, i, asked, n)
		return err
	})
	return e, err
}

// answer puts an answer to a question into an incident, inside an open act: whoever sees
// the question and takes part sees it.
func (in *Incidents) answer(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, asked Entry, n NewEntry) (e Entry, err error) {
	c, err := in.Guard.CircleOf(ctx, tx, asked.Audience)
	if err != nil {
		return e, err
	}
	if n.To, err = in.stillHere(ctx, tx, i.ID, c); err != nil {
		return e, err
	}
	if err := n.validate(tx.Now()); err != nil {
		return e, err
	}
	if e, err = in.addEntry(ctx, tx, actor, i, n); err != nil {
		return e, err
	}
	_, err = tx.ExecContext(ctx, `update incident_task set state = $1, answer_entry = $2, done_at = $3, done_by = $4, version = version + 1
		where entry_id = $5`, string(Answered), e.ID, clock.Micros(tx.Now()), actor.ID, asked.ID)
	return e, err
}

// changeTask is the frame of what changes a task's state.
func (in *Incidents) changeTask(ctx context.Context, call act.Call, entry, version int64, f func(context.Context, *act.Tx, *Entry, *Task) error) error {
	viewer := ViewerOf(call.Actor)
	first, err := in.Task(ctx, in.read, viewer, entry)
	if err != nil {
		return err
	}
	return in.change(ctx, call, first.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		t, err := in.Task(ctx, tx, viewer, entry)
		if err != nil {
			return err
		}
		e, err := in.Entry(ctx, tx, viewer, entry)
		if err != nil {
			return err
		}
		if !viewer.Desk() && viewer.Org != e.Owner && viewer.Org != t.Org {
			return fault.New(fault.Denied, "incident.task.not_yours", nil)
		}
		if t.Version != version {
			return changedMeanwhile()
		}
		if err := f(ctx, tx, &e, &t); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_task set org_id = $1, person_id = $2, due_at = $3, state = $4, done_at = $5, done_by = $6,
			result = $7, remind_at = $8, version = version + 1 where entry_id = $9`,
			t.Org, t.Person, stamp(t.Due), string(t.State), stamp(t.DoneAt), t.DoneBy, t.Result, stamp(t.lookAt(e.RecordedAt, tx.Now())), entry); err != nil {
			return err
		}
		return in.tellEntry(ctx, tx, "task", e)
	})
}

// predecessorsDone refuses to go on while something that comes before is open, as far
// as whoever goes on may see it: what he may not know of does not hold him up.
func (in *Incidents) predecessorsDone(ctx context.Context, r sqldb.Reader, v Viewer, t *Task) error {
	if len(t.Depends) == 0 {
		return nil
	}
	args := []any{v.Org, v.Person}
	for _, d := range t.Depends {
		args = append(args, d)
	}
	open := 0
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var s TaskState
		err := row.Scan(&s)
		if !s.Ended() {
			open++
		}
		return err
	}, `select t.state from incident_task t join incident_entry e on e.id = t.entry_id
		where `+maySee+` and t.entry_id in `+sqldb.In(3, len(t.Depends)), args...)
	if err == nil && open > 0 {
		err = fault.New(fault.Conflict, "incident.task.waits", fault.Args{"Count": open})
	}
	return err
}

// playbookStep names the step of a playbook that a task comes from.
func playbookStep(playbook, step string) string {
	return fmt.Sprintf("%s/%s", playbook, strings.TrimSpace(step))
}
