package incident

import (
	"context"
	"fmt"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
)

// DefaultReminders are the shares of a period that are left when who owes is reminded.
func DefaultReminders() []float64 { return []float64{0.5, 0.25, 0.1} }

// schedule sets when a clock is looked at next: at the shares that are left, and when
// its safe time has come. A clock whose time moved begins anew.
func (c *Clock) schedule(shares []float64, now time.Time, before Clock) {
	if c.State != ClockRunning || c.WarnAt.IsZero() {
		c.RemindAt, c.Step = time.Time{}, 0
		return
	}
	if before.State == ClockRunning && before.WarnAt.Equal(c.WarnAt) && before.Anchor.Equal(c.Anchor) {
		return
	}
	c.Step = 0
	for c.Step < len(shares) && !c.moment(shares, c.Step).After(now) {
		c.Step++
	}
	c.RemindAt = c.moment(shares, c.Step)
}

// moment is when a step of reminding comes: a share of the time left, then the end.
func (c *Clock) moment(shares []float64, step int) time.Time {
	if step >= len(shares) {
		return c.WarnAt
	}
	from := c.Anchor
	if from.IsZero() || from.After(c.WarnAt) {
		return c.WarnAt
	}
	return c.WarnAt.Add(-time.Duration(shares[step] * float64(c.WarnAt.Sub(from))))
}

// RemindDue reminds those whose clocks have come to a moment of reminding: by an entry
// that they see, and hear of as they hear of all entries. Silence at the last share
// asks the next contact, by name; silence at the end puts the organisation on the call
// list. Done twice, it does nothing the second time.
func (in *Incidents) RemindDue(ctx context.Context) error {
	due, err := sqldb.All(ctx, in.read, scanClock, `select `+clockColumns+` from incident_clock k
		where k.state = 'running' and k.remind_at > 0 and k.remind_at <= $1 order by k.remind_at limit 500`, clock.Micros(in.Acts.Clock().Now()))
	if err != nil {
		return fmt.Errorf("read the clocks to remind of: %w", err)
	}
	for _, c := range due {
		if err := in.remindOf(ctx, c.ID); err != nil {
			return fmt.Errorf("remind of clock %d: %w", c.ID, err)
		}
	}
	return nil
}

func (in *Incidents) workRemind(ctx context.Context, _ struct{}, _ jobs.Try) error {
	return in.RemindDue(ctx)
}

// remindOf does one step of one clock.
func (in *Incidents) remindOf(ctx context.Context, id int64) error {
	desk := Viewer{Org: guard.OwnOrg}
	first, err := in.Clock(ctx, in.read, desk, id)
	if err != nil {
		return err
	}
	machine := act.MachineActor("incident.remind")
	return in.change(ctx, act.Call{Actor: machine, Verb: "incident.remind"}, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		c, err := in.Clock(ctx, tx, desk, id)
		now := tx.Now()
		if err != nil || c.State != ClockRunning || c.RemindAt.IsZero() || c.RemindAt.After(now) {
			return err
		}
		tx.Detail(clockDetail{clockSubject(id), c.Regime, c.Stage})
		// What was missed while nothing ran is said once, as what it has become.
		for c.Step < len(in.Reminders) && !c.moment(in.Reminders, c.Step+1).After(now) {
			c.Step++
		}
		if err := in.escalate(ctx, tx, i, &c); err != nil {
			return err
		}
		c.Step++
		next := time.Time{}
		if c.Step <= len(in.Reminders) {
			next = c.moment(in.Reminders, c.Step)
		}
		_, err = tx.ExecContext(ctx, `update incident_clock set remind_at = $1, remind_step = $2 where id = $3`, stamp(next), c.Step, id)
		return err
	})
}

// escalate tells who owes: an organisation that takes part, by entry; the desk's own
// clocks and those of nobody we know stand on the board alone.
func (in *Incidents) escalate(ctx context.Context, tx *act.Tx, i *Incident, c *Clock) error {
	whole, err := takesPart(ctx, tx, i.ID, Viewer{Org: c.OwedByOrg})
	if err != nil || c.OwedByOrg == guard.OwnOrg || !whole {
		return err
	}
	quiet := false
	if c.Step >= len(in.Reminders)-1 {
		if quiet, err = in.silent(ctx, tx, c); err != nil {
			return err
		}
	}
	late := c.Step >= len(in.Reminders)
	if late && quiet {
		if err := in.openCall(ctx, tx, c); err != nil {
			return err
		}
	}
	to := guard.Circle{Orgs: []int64{c.OwedByOrg}}
	if quiet && !late {
		next, err := in.nextContact(ctx, tx, i, c)
		if err != nil {
			return err
		}
		if next != 0 {
			to.Persons = []int64{next}
		}
	}
	text, err := in.reminderText(ctx, tx, c, late)
	if err != nil {
		return err
	}
	_, err = in.AddEntry(ctx, tx.Actor(), i.ID, NewEntry{Kind: Note, Marking: i.Marking, To: to, Text: text, Source: FromMachine, SourceID: c.ID})
	return err
}

// silent tells whether an organisation has written nothing since it was first
// reminded of a clock.
func (in *Incidents) silent(ctx context.Context, r sqldb.Reader, c *Clock) (bool, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_entry e where e.incident_id = $1 and e.owner_org = $2 and e.source <> 'machine'
		and e.recorded_at >= coalesce((select min(f.recorded_at) from incident_entry f where f.source = 'machine' and f.source_id = $3 and f.incident_id = $1), $4)`,
		c.Incident, c.OwedByOrg, c.ID, clock.Micros(in.Acts.Clock().Now()))
	return n == 0, err
}

// nextContact is the second of the organisation's contacts who can see the entry: the
// first hears of every entry.
func (in *Incidents) nextContact(ctx context.Context, r sqldb.Reader, i *Incident, c *Clock) (int64, error) {
	cs, err := in.Constituency.Contacts(ctx, r, c.OwedByOrg)
	if err != nil {
		return 0, err
	}
	cs = slices.DeleteFunc(cs, func(k constituency.Contact) bool { return k.Email == "" })
	if len(cs) < 2 {
		return 0, nil
	}
	if takes, err := takesPart(ctx, r, i.ID, Viewer{c.OwedByOrg, cs[1].Person}); err != nil || !takes {
		return 0, err
	}
	return cs[1].Person, nil
}

// reminderText is the reminder in the language of the organisation's first contact.
func (in *Incidents) reminderText(ctx context.Context, r sqldb.Reader, c *Clock, late bool) (string, error) {
	language := in.Language
	cs, err := in.Constituency.Contacts(ctx, r, c.OwedByOrg)
	if err != nil {
		return "", err
	}
	if len(cs) > 0 && in.Catalogue.Has(cs[0].Language) {
		language = cs[0].Language
	}
	_, s, err := in.StageOf(c)
	if err != nil {
		return "", err
	}
	p := in.Catalogue.Printer(language).In(in.Zone)
	key := "incident.clocks.remind"
	if late {
		key = "incident.clocks.remind_late"
	}
	text := p.Say(key, "Stage", s.Title.In(language), "Regime", c.Regime, "At", p.Time(c.WarnAt), "Citation", c.Citation)
	if !c.End().Equal(c.WarnAt) {
		text += "\n" + p.Say("incident.clocks.remind_lawful", "At", p.Time(c.End()))
	}
	return text, nil
}

// ClockCall is an organisation that the duty officer calls about a clock.
type ClockCall struct {
	ID       int64
	Clock    int64
	Incident int64
	Org      int64
	State    warn.CallState
	OpenedAt time.Time
	Exercise bool
	Version  int64
	Tries    []warn.CallTry
}

func (in *Incidents) openCall(ctx context.Context, tx *act.Tx, c *Clock) error {
	id, err := tx.Next(ctx, "incident.call")
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_call (id, clock_id, org_id, state, opened_at, changed_at, exercise, version)
		values ($1, $2, $3, 'open', $4, $4, $5, 1) on conflict (clock_id) do nothing`, id, c.ID, c.OwedByOrg, clock.Micros(tx.Now()), c.Exercise)
	return err
}

const callColumns = `l.id, l.clock_id, k.incident_id, l.org_id, l.state, l.opened_at, l.exercise, l.version`

func scanClockCall(r sqldb.Row) (c ClockCall, err error) {
	var opened int64
	err = r.Scan(&c.ID, &c.Clock, &c.Incident, &c.Org, &c.State, &opened, &c.Exercise, &c.Version)
	c.OpenedAt = clock.FromMicros(opened)
	return c, err
}

// Calls lists whom to call about clocks, for the desk, with what was tried.
func (in *Incidents) Calls(ctx context.Context, r sqldb.Reader, openOnly bool) ([]ClockCall, error) {
	where := ""
	if openOnly {
		where = ` where l.state = 'open'`
	}
	calls, err := sqldb.All(ctx, r, scanClockCall, `select `+callColumns+` from incident_call l join incident_clock k on k.id = l.clock_id`+where+` order by l.id desc limit 500`)
	if err != nil {
		return nil, err
	}
	for i := range calls {
		calls[i].Tries, err = sqldb.All(ctx, r, func(row sqldb.Row) (t warn.CallTry, err error) {
			var at int64
			err = row.Scan(&at, &t.Outcome, &t.Spoke, &t.Phone, &t.Note, &t.By)
			t.At = clock.FromMicros(at)
			return t, err
		}, `select at, outcome, spoke, phone, note, by_id from incident_call_try where call_id = $1 order by id`, calls[i].ID)
		if err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// CallsOpen counts the calls that are to be made.
func (in *Incidents) CallsOpen(ctx context.Context, r sqldb.Reader) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_call where state = 'open' and exercise = $1`, false)
	return n, err
}

// NoteCall enters the outcome of a call by hand, with its true time. Who was reached
// ends it; so does giving up, with a reason.
func (in *Incidents) NoteCall(ctx context.Context, actor act.Actor, id, version int64, t warn.CallTry, giveUp bool) error {
	if err := warn.CheckTry(&t, in.Acts.Clock().Now()); err != nil {
		return err
	}
	c, ok, err := sqldb.One(ctx, in.read, scanClockCall, `select `+callColumns+` from incident_call l join incident_clock k on k.id = l.clock_id where l.id = $1`, id)
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
		done, err := tx.ExecContext(ctx, `update incident_call set state = $1, changed_at = $2, version = version + 1 where id = $3 and version = $4 and state = 'open'`,
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
		_, err = tx.ExecContext(ctx, `insert into incident_call_try (id, call_id, at, outcome, spoke, phone, note, by_id) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			next, id, clock.Micros(t.At), t.Outcome, t.Spoke, t.Phone, t.Note, actor.ID)
		return err
	})
}

type callDetail struct {
	Call    int64  `json:"call"`
	Outcome string `json:"outcome"`
}
