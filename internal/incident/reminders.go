package incident

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
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

// RemindDue reminds those who owe something whose moment of reminding has come: by an
// entry that they see, and hear of as they hear of all entries. Silence goes to the next
// contact, by name, and from the last one to the duty officer's call list; what the desk
// owes is on that list at once. While all sending is stopped nobody can be written to:
// reminders wait, and what is due is called about. Done twice, it does nothing the second
// time.
func (in *Incidents) RemindDue(ctx context.Context) error {
	stopped, err := in.Warn.Stopped(ctx, in.read)
	if err != nil {
		return err
	}
	now := clock.Micros(in.Acts.Clock().Now())
	due, err := sqldb.All(ctx, in.read, sqldb.Int64, `select k.id from incident_clock k
		where k.state = 'running' and k.remind_at > 0 and k.remind_at <= $1 and ($2 = 0 or k.owed_by_org = $3 or k.warn_at <= $1)
		order by k.remind_at, k.id limit 500`, now, number(stopped), guard.OwnOrg)
	if err != nil {
		return fmt.Errorf("read the clocks to remind of: %w", err)
	}
	for _, id := range due {
		if err := in.remindOf(ctx, id); err != nil {
			return fmt.Errorf("remind of clock %d: %w", id, err)
		}
	}
	return in.askAgain(ctx, now)
}

func (in *Incidents) workRemind(ctx context.Context, _ struct{}, _ jobs.Try) error {
	return in.RemindDue(ctx)
}

// number is a truth as SQL of both engines compares it.
func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
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
		next, err := in.step(ctx, tx, i, &c)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident_clock set remind_at = $1, remind_step = $2 where id = $3`, stamp(next), c.Step, id)
		return err
	})
}

// step tells who owes what a step of a clock is, moves the clock to the next one, and
// says when that comes: never after the call at the end.
func (in *Incidents) step(ctx context.Context, tx *act.Tx, i *Incident, c *Clock) (next time.Time, err error) {
	late := c.Step >= len(in.Reminders)
	after := func() time.Time {
		if c.Step++; c.Step <= len(in.Reminders) {
			return c.moment(in.Reminders, c.Step)
		}
		return time.Time{}
	}
	o := owed{clock: c.ID, incident: i, org: c.OwedByOrg, due: c.WarnAt}
	if o.org == guard.OwnOrg {
		return after(), in.openCall(ctx, tx, &o)
	}
	if here, err := in.takesAnyPart(ctx, tx, i.ID, o.org); err != nil || !here {
		return after(), err // the board alone shows what nobody here owes
	}
	again := tx.Now().Add(pace(c.WarnAt.Sub(c.Anchor)))
	if stopped, err := in.Warn.Stopped(ctx, tx); err != nil || stopped {
		if err == nil && late {
			err = in.openCall(ctx, tx, &o)
		}
		return again, err
	}
	say := func(language string) (string, error) { return in.reminderText(c, language, late) }
	quiet, err := in.silent(ctx, tx, &o, c.Step > len(in.Reminders), again.Sub(tx.Now()))
	switch {
	case err != nil:
		return next, err
	case quiet:
		called, err := in.escalate(ctx, tx, &o, late, say)
		if next = after(); late && !called {
			next = again
		}
		return next, err
	case c.Step <= len(in.Reminders): // at the end and before, who answered is reminded as a whole
		err = in.remindAll(ctx, tx, &o, say)
	}
	if next = after(); late {
		next = again
	}
	return next, err
}

// reminderText is the reminder of a clock in a language.
func (in *Incidents) reminderText(c *Clock, language string, late bool) (string, error) {
	_, s, err := in.StageOf(c)
	if err != nil {
		return "", err
	}
	p := in.speak(language)
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
