package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// owed is what somebody owes by a time: a stage of a regime, the answer to a question, or
// a task.
type owed struct {
	clock    int64 // 0: an entry
	entry    int64 // a question or a task
	incident *Incident
	org      int64 // who owes it
	due      time.Time
	asked    *Entry // the question or task
}

// The bounds of the time between two steps after the end.
const (
	shortestPace = 15 * time.Minute
	longestPace  = 24 * time.Hour
)

// pace is the time between two steps after the end: a quarter of what there was.
func pace(period time.Duration) time.Duration {
	return min(max(period/4, shortestPace), longestPace)
}

// takesAnyPart tells whether an organisation, or anybody of it, takes part now.
func (in *Incidents) takesAnyPart(ctx context.Context, r sqldb.Reader, incident, org int64) (bool, error) {
	err := in.inAudience(ctx, r, incident, Viewer{Org: org})
	if fault.CodeOf(err) == fault.Invalid {
		return false, nil
	}
	return err == nil, err
}

// told lists who was reminded of something (0: the organisation), and when last.
func told(ctx context.Context, r sqldb.Reader, o *owed) (people []int64, last time.Time, err error) {
	err = sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var person, at int64
		if err := row.Scan(&person, &at); err != nil {
			return err
		}
		people = append(people, person)
		if t := clock.FromMicros(at); t.After(last) {
			last = t
		}
		return nil
	}, `select person_id, at from incident_told where clock_id = $1 and question_id = $2 and due_at = $3`, o.clock, o.entry, clock.Micros(o.due))
	return people, last, err
}

// keepTold notes that people were reminded.
func keepTold(ctx context.Context, tx *act.Tx, o *owed, people ...int64) error {
	for _, person := range people {
		if _, err := tx.ExecContext(ctx, `insert into incident_told (clock_id, question_id, due_at, person_id, at) values ($1, $2, $3, $4, $5)
			on conflict (clock_id, question_id, due_at, person_id) do update set at = excluded.at`,
			o.clock, o.entry, clock.Micros(o.due), person, clock.Micros(tx.Now())); err != nil {
			return err
		}
	}
	return nil
}

// silent tells whether an organisation has neither written nor been reached by phone
// since it was last reminded; over the end, in the last while. Who was never reminded is
// not silent.
func (in *Incidents) silent(ctx context.Context, r sqldb.Reader, o *owed, over bool, while time.Duration) (bool, error) {
	people, since, err := told(ctx, r, o)
	if err != nil || len(people) == 0 {
		return false, err
	}
	if from := in.Acts.Clock().Now().Add(-while); over && from.After(since) {
		since = from
	}
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select (select count(*) from incident_entry e where e.incident_id = $1 and e.owner_org = $2
			and e.source <> 'machine' and e.recorded_at >= $3)
		+ (select count(*) from incident_owed_call_try t join incident_owed_call l on l.id = t.call_id
			where l.incident_id = $1 and l.org_id = $2 and t.outcome = 'reached' and t.at >= $3)`, o.incident.ID, o.org, clock.Micros(since))
	return n == 0, err
}

// reachable are the contacts of who owes, in their order, that can be written to about
// it: with an address, and seeing it themselves. Who has gone is no contact.
func (in *Incidents) reachable(ctx context.Context, r sqldb.Reader, o *owed) ([]constituency.Contact, error) {
	cs, err := in.Constituency.Contacts(ctx, r, o.org)
	var out []constituency.Contact
	for _, c := range cs {
		if c.Email == "" {
			continue
		}
		sees, err := in.seesOwed(ctx, r, o, Viewer{o.org, c.Person})
		if err != nil {
			return nil, err
		}
		if sees {
			out = append(out, c)
		}
	}
	return out, err
}

func (in *Incidents) seesOwed(ctx context.Context, r sqldb.Reader, o *owed, v Viewer) (bool, error) {
	if o.entry == 0 {
		return takesPart(ctx, r, o.incident.ID, v)
	}
	_, err := in.Entry(ctx, r, v, o.entry)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// saying puts a reminder into the words of a language.
type saying func(language string) (string, error)

// remindAll reminds an organisation as it hears of everything: by its first contact.
func (in *Incidents) remindAll(ctx context.Context, tx *act.Tx, o *owed, say saying) error {
	cs, err := in.reachable(ctx, tx, o)
	if err != nil {
		return err
	}
	people, language := []int64{0}, in.Language
	if len(cs) > 0 {
		people = append(people, cs[0].Person)
		language = in.spoken(cs[0].Language)
	}
	if err := in.remind(ctx, tx, o, language, nil, say); err != nil {
		return err
	}
	return keepTold(ctx, tx, o, people...)
}

// escalate reminds the next contact who has not been, by name, and puts the organisation
// on the call list when nobody is left. At the end there is no time for one after the
// other: all who are left are told, and called.
func (in *Incidents) escalate(ctx context.Context, tx *act.Tx, o *owed, end bool, say saying) (called bool, err error) {
	people, _, err := told(ctx, tx, o)
	if err != nil {
		return false, err
	}
	left, err := in.reachable(ctx, tx, o)
	if err != nil {
		return false, err
	}
	left = slices.DeleteFunc(left, func(c constituency.Contact) bool { return slices.Contains(people, c.Person) })
	if called = end || len(left) == 0; called {
		if err := in.openCall(ctx, tx, o); err != nil {
			return called, err
		}
	} else {
		left = left[:1]
	}
	for len(left) > 0 {
		language := in.spoken(left[0].Language)
		var some []int64
		left = slices.DeleteFunc(left, func(c constituency.Contact) bool {
			same := in.spoken(c.Language) == language
			if same {
				some = append(some, c.Person)
			}
			return same
		})
		if err := in.remind(ctx, tx, o, language, some, say); err != nil {
			return called, err
		}
		if err := keepTold(ctx, tx, o, some...); err != nil {
			return called, err
		}
	}
	return called, nil
}

// spoken is a language in which we speak: the installation's own for any other.
func (in *Incidents) spoken(language string) string {
	if in.Catalogue.Has(language) {
		return language
	}
	return in.Language
}

// remind writes a reminder into the incident, for who owes it alone; people are those
// who hear of it, where it is not whoever hears of everything.
func (in *Incidents) remind(ctx context.Context, tx *act.Tx, o *owed, language string, people []int64, say saying) error {
	text, err := say(language)
	if err != nil {
		return err
	}
	n := NewEntry{Kind: Note, Marking: o.incident.Marking, To: guard.Circle{Orgs: []int64{o.org}, Persons: people}, Text: text, Source: FromMachine, SourceID: o.clock}
	if o.asked != nil {
		n.Marking, n.ReplyTo = o.asked.Marking, o.entry
		c, err := in.Guard.CircleOf(ctx, tx, o.asked.Audience)
		if err != nil {
			return err
		}
		if !slices.Contains(c.Orgs, o.org) { // it was asked of persons, not of all there
			n.To.Orgs = nil
		}
	}
	_, err = in.AddEntry(ctx, tx.Actor(), o.incident.ID, n)
	return err
}

// stillOpen is the condition on a task t that what it is about is owed: that it is a
// question, or a task. Whether a countermeasure stands is its owner's affair.
const stillOpen = `t.state in ('asked', 'todo', 'doing', 'hold')`

// lookAt is when a task or question is looked at next, zero for never: when its time
// comes. Whoever changes it after that, at now, has spoken and is left alone for a while;
// now is zero for one that is new.
func (t *Task) lookAt(recorded, now time.Time) time.Time {
	switch {
	case t.Kind == Measure || t.State.Ended() || t.Org == 0 || t.Due.IsZero():
		return time.Time{}
	case t.Due.After(now):
		return t.Due
	}
	return now.Add(pace(t.Due.Sub(recorded)))
}

// askAgain looks after the questions that nobody answered, and the tasks that nobody did,
// in time.
func (in *Incidents) askAgain(ctx context.Context, now int64) error {
	due, err := sqldb.All(ctx, in.read, scanTask, `select `+taskColumns+` from incident_task t join incident_entry e on e.id = t.entry_id
		join incident i on i.id = t.incident_id where `+stillOpen+` and t.remind_at > 0 and t.remind_at <= $1
		and e.retracted_at = 0 and i.state = 'open' order by t.remind_at, t.entry_id limit 500`, now)
	if err != nil {
		return err
	}
	for _, t := range due {
		call := act.Call{Actor: act.MachineActor("incident.remind"), Verb: "incident.remind"}
		err := in.change(ctx, call, t.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
			return in.askAgainFor(ctx, tx, i, t.Entry)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// askAgainFor does one step of one question or task whose time has passed.
func (in *Incidents) askAgainFor(ctx context.Context, tx *act.Tx, i *Incident, entry int64) error {
	t, ok, err := sqldb.One(ctx, tx, scanTask, `select `+taskColumns+` from incident_task t
		where t.entry_id = $1 and `+stillOpen+` and t.remind_at > 0 and t.remind_at <= $2`, entry, clock.Micros(tx.Now()))
	if err != nil || !ok {
		return err
	}
	// The desk's machine may not see what is for named persons; that it is late, it may.
	e, err := anyEntry(ctx, tx, entry)
	if err != nil {
		return err
	}
	if t.Kind == Question {
		tx.Detail(questionDetail{entrySubject(entry)})
	} else {
		tx.Detail(taskDetail{entrySubject(entry)})
	}
	o := owed{entry: entry, incident: i, org: t.Org, due: t.Due, asked: &e}
	again, err := in.askNext(ctx, tx, &o, &t)
	if err != nil {
		return err
	}
	next := time.Time{}
	if again {
		next = tx.Now().Add(pace(t.Due.Sub(e.RecordedAt)))
	}
	_, err = tx.ExecContext(ctx, `update incident_task set remind_at = $1 where entry_id = $2`, stamp(next), entry)
	return err
}

type questionDetail struct {
	Question string `json:"question"`
}

type taskDetail struct {
	Task string `json:"task"`
}

// askNext tells the next contact or the duty officer; again, when a step is left.
func (in *Incidents) askNext(ctx context.Context, tx *act.Tx, o *owed, t *Task) (again bool, err error) {
	here, err := in.takesAnyPart(ctx, tx, o.incident.ID, o.org)
	if err != nil || !here {
		return false, err // who has left owes nothing
	}
	if err := in.predecessorsDone(ctx, tx, Viewer{Org: guard.OwnOrg}, t); err != nil {
		if fault.CodeOf(err) == fault.Conflict { // it cannot be done yet
			return true, nil
		}
		return false, err
	}
	stopped, err := in.Warn.Stopped(ctx, tx)
	if err != nil {
		return false, err
	}
	if stopped || o.org == guard.OwnOrg {
		return stopped && o.org != guard.OwnOrg, in.openCall(ctx, tx, o)
	}
	key := "incident.question.remind"
	if t.Kind != Question {
		key = "incident.task.remind"
	}
	say := func(language string) (string, error) {
		p := in.speak(language)
		return p.Say(key, "At", p.Time(o.asked.At), "Due", p.Time(o.due), "Task", firstWords(o.asked.Text, 100)), nil
	}
	if o.asked.Marking == tlp.Red {
		return in.askNamed(ctx, tx, o, say)
	}
	if spoken, err := in.askFirst(ctx, tx, o, t, say); err != nil || spoken {
		return true, err
	}
	called, err := in.escalate(ctx, tx, o, false, say)
	return !called, err
}

// askFirst tells whether it is not yet the next contact's turn. A question itself was the
// first to be told of, so that who was asked is silent when its time has passed; whoever
// owes a task is reminded of it first, and is not silent while he writes or is reached.
func (in *Incidents) askFirst(ctx context.Context, tx *act.Tx, o *owed, t *Task, say saying) (bool, error) {
	if t.Kind == Question {
		return false, in.keepAsked(ctx, tx, o)
	}
	people, _, err := told(ctx, tx, o)
	if err != nil {
		return false, err
	}
	if len(people) == 0 {
		return true, in.remindOwner(ctx, tx, o, t.Person, say)
	}
	quiet, err := in.silent(ctx, tx, o, true, pace(t.Due.Sub(o.asked.RecordedAt)))
	return !quiet, err
}

// remindOwner reminds whom a task names while he is there, else his organisation.
func (in *Incidents) remindOwner(ctx context.Context, tx *act.Tx, o *owed, person int64, say saying) error {
	if person == 0 {
		return in.remindAll(ctx, tx, o, say)
	}
	p, err := in.Guard.Person(ctx, tx, person)
	if err != nil {
		return err
	}
	sees, err := in.seesOwed(ctx, tx, o, Viewer{o.org, person})
	if err != nil {
		return err
	}
	if !sees || !p.Active {
		return in.remindAll(ctx, tx, o, say)
	}
	if err := in.remind(ctx, tx, o, in.spoken(p.Language), []int64{person}, say); err != nil {
		return err
	}
	return keepTold(ctx, tx, o, person)
}

// askNamed reminds those of who owes it for whom a question or task is by name, once; then
// those of the desk who are named are to call. Nobody else hears of either.
func (in *Incidents) askNamed(ctx context.Context, tx *act.Tx, o *owed, say saying) (again bool, err error) {
	before, _, err := told(ctx, tx, o)
	if err != nil {
		return false, err
	}
	people, err := in.namedOf(ctx, tx, o.asked, o.org)
	if err != nil || len(before) > 0 || len(people) == 0 {
		return false, orElse(err, in.openCall(ctx, tx, o))
	}
	for _, p := range people {
		if err := in.remind(ctx, tx, o, in.spoken(p.Language), []int64{p.ID}, say); err != nil {
			return false, err
		}
		if err := keepTold(ctx, tx, o, p.ID); err != nil {
			return false, err
		}
	}
	return true, nil
}

// keepAsked notes who has had the question itself: those who were asked by name, or the
// first contact.
func (in *Incidents) keepAsked(ctx context.Context, tx *act.Tx, o *owed) error {
	if people, _, err := told(ctx, tx, o); err != nil || len(people) > 0 {
		return err
	}
	c, err := in.Guard.CircleOf(ctx, tx, o.asked.Audience)
	if err != nil {
		return err
	}
	if !slices.Contains(c.Orgs, o.org) {
		return keepTold(ctx, tx, o, append(c.Persons, 0)...)
	}
	cs, err := in.reachable(ctx, tx, o)
	if err != nil || len(cs) == 0 {
		return err
	}
	return keepTold(ctx, tx, o, 0, cs[0].Person)
}
