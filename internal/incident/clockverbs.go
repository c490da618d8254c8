package incident

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/regime"
)

func clockSubject(id int64) string { return fmt.Sprintf("incident-clock:%d", id) }

// changeClock is the frame of what changes one clock: at the version that was looked
// at; afterwards the clocks of its duty are counted anew and their parties told.
func (in *Incidents) changeClock(ctx context.Context, call act.Call, id, version int64, f func(context.Context, *act.Tx, *Clock) error) error {
	first, err := in.Clock(ctx, in.read, ViewerOf(call.Actor), id)
	if err != nil {
		return err
	}
	return in.change(ctx, call, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		c, err := in.Clock(ctx, tx, ViewerOf(call.Actor), id)
		if err != nil {
			return err
		}
		if c.Version != version {
			return changedMeanwhile()
		}
		d, ok, err := sqldb.One(ctx, tx, scanDuty, `select `+dutyColumns+` from incident_duty where id = $1`, c.Duty)
		if err != nil || !ok {
			return orElse(err, fault.New(fault.NotFound, "incident.clocks.none", nil))
		}
		if !d.EndedAt.IsZero() {
			return fault.New(fault.Conflict, "incident.clocks.duty_ended", nil)
		}
		tx.Detail(clockDetail{clockSubject(id), c.Regime, c.Stage})
		if err := f(ctx, tx, &c); err != nil {
			return err
		}
		known, err := in.standing(ctx, tx, i.ID, d.Org)
		if err != nil {
			return err
		}
		moves, err := in.recount(ctx, tx, d, known)
		if err != nil {
			return err
		}
		return in.tellClocks(ctx, tx, i.ID, append(after(moves), c)...)
	})
}

type clockDetail struct {
	Clock  string `json:"clock"`
	Regime string `json:"regime"`
	Stage  string `json:"stage"`
}

// AmendClock records a deadline that an authority set instead of the law's, and why.
// The law's own ends stay beside it.
func (in *Incidents) AmendClock(ctx context.Context, actor act.Actor, id, version int64, end time.Time, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	if now := in.Acts.Clock().Now(); end.IsZero() || end.Before(now.AddDate(-1, 0, 0)) || end.After(now.AddDate(10, 0, 0)) {
		return fault.OnField("end", "incident.clocks.end", nil)
	}
	call := act.Call{Actor: actor, Verb: "incident.amend_clock", Reason: reason}
	return in.changeClock(ctx, call, id, version, func(ctx context.Context, tx *act.Tx, c *Clock) error {
		next, err := tx.Next(ctx, "incident.clock_amendment")
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into incident_clock_amendment (id, clock_id, end_at, why, at, by_id) values ($1, $2, $3, $4, $5, $6)`,
			next, id, stamp(end), reason, clock.Micros(tx.Now()), actor.ID)
		return err
	})
}

// Amendment is a deadline that an authority set.
type Amendment struct {
	End time.Time
	Why string
	At  time.Time
	By  string
}

// Amendments lists the deadlines that were set for a clock, oldest first; the last one
// counts. The caller may know of the clock.
func (in *Incidents) Amendments(ctx context.Context, r sqldb.Reader, id int64) ([]Amendment, error) {
	return sqldb.All(ctx, r, func(r sqldb.Row) (a Amendment, err error) {
		var end, at int64
		err = r.Scan(&end, &a.Why, &at, &a.By)
		a.End, a.At = clock.FromMicros(end), clock.FromMicros(at)
		return a, err
	}, `select end_at, why, at, by_id from incident_clock_amendment where clock_id = $1 order by id`, id)
}

// VoidClock records that a stage is not owed, and why: nobody asked for it, the law's
// own condition is not met. An empty reason takes that back.
func (in *Incidents) VoidClock(ctx context.Context, actor act.Actor, id, version int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, false); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.void_clock", Reason: reason}
	return in.changeClock(ctx, call, id, version, func(ctx context.Context, tx *act.Tx, c *Clock) error {
		if c.State == ClockMet {
			return fault.New(fault.Conflict, "incident.clocks.met", nil)
		}
		if (reason == "") == c.VoidedAt.IsZero() {
			return fault.OnField("reason", "incident.text.empty", nil)
		}
		at := tx.Now()
		if reason == "" {
			at = time.Time{}
		}
		_, err := tx.ExecContext(ctx, `update incident_clock set voided_at = $1, void_why = $2 where id = $3`, stamp(at), reason, id)
		return err
	})
}

// PauseClock lets a period stand still from a time on, where its law allows that:
// while the body to which it is owed waits for a clarification, say.
func (in *Incidents) PauseClock(ctx context.Context, actor act.Actor, id, version int64, from time.Time, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.pause_clock", Reason: reason}
	return in.changeClock(ctx, call, id, version, func(ctx context.Context, tx *act.Tx, c *Clock) error {
		if err := in.mayPause(c); err != nil {
			return err
		}
		if from.IsZero() {
			from = tx.Now()
		}
		if from.After(tx.Now().Add(5*time.Minute)) || from.Before(c.Anchor) {
			return fault.OnField("from", "incident.clocks.pause_when", nil)
		}
		next, err := tx.Next(ctx, "incident.clock_pause")
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into incident_clock_pause (id, clock_id, from_at, to_at, why, by_id) values ($1, $2, $3, 0, $4, $5)`,
			next, id, stamp(from), reason, actor.ID)
		return err
	})
}

// mayPause refuses a pause that the law does not know.
func (in *Incidents) mayPause(c *Clock) error {
	_, stage, err := in.StageOf(c)
	if err != nil {
		return err
	}
	if stage.Pause == regime.PauseNone {
		return fault.New(fault.Conflict, "incident.clocks.no_pause", nil)
	}
	if c.State != ClockRunning {
		return fault.New(fault.Conflict, "incident.clocks.not_running", nil)
	}
	return nil
}

// ResumeClock ends a pause; the time of the pause does not count.
func (in *Incidents) ResumeClock(ctx context.Context, actor act.Actor, id, version int64, to time.Time) error {
	return in.changeClock(ctx, act.Call{Actor: actor, Verb: "incident.resume_clock"}, id, version, func(ctx context.Context, tx *act.Tx, c *Clock) error {
		if c.State != ClockPaused {
			return fault.New(fault.Conflict, "incident.clocks.not_paused", nil)
		}
		if to.IsZero() {
			to = tx.Now()
		}
		from, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select from_at from incident_clock_pause where clock_id = $1 and to_at = 0`, id)
		if err != nil {
			return err
		}
		if to.Before(clock.FromMicros(from)) || to.After(tx.Now().Add(5*time.Minute)) {
			return fault.OnField("to", "incident.clocks.pause_when", nil)
		}
		_, err = tx.ExecContext(ctx, `update incident_clock_pause set to_at = $1 where clock_id = $2 and to_at = 0`, stamp(to), id)
		return err
	})
}

// pauses lists when a clock stood still.
func (in *Incidents) pauses(ctx context.Context, r sqldb.Reader, id int64) ([]regime.Span, error) {
	return sqldb.All(ctx, r, func(r sqldb.Row) (s regime.Span, err error) {
		var from, to int64
		err = r.Scan(&from, &to)
		s.From, s.To = clock.FromMicros(from), clock.FromMicros(to)
		return s, err
	}, `select from_at, to_at from incident_clock_pause where clock_id = $1 order by id`, id)
}

// MeetClock records that a stage was done at a time, and which entry shows it. What is
// counted from that moment begins to run. Done again or corrected, it wants a reason
// and the anchor that was looked at; see SetAnchor.
func (in *Incidents) MeetClock(ctx context.Context, actor act.Actor, id int64, at time.Time, entry int64, reason string, seen int64) (moves []Move, err error) {
	c, err := in.Clock(ctx, in.read, ViewerOf(actor), id)
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = in.Acts.Clock().Now()
	}
	n := NewAnchor{Org: c.Party, Regime: c.Regime, Event: regime.Event(c.Stage), At: at, Entry: entry, Reason: clean(reason), Seen: seen}
	if err := n.validate(in.Acts.Clock().Now()); err != nil {
		return nil, err
	}
	call := act.Call{Actor: actor, Verb: "incident.meet_clock", Reason: n.Reason}
	err = in.change(ctx, call, c.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) (err error) {
		if entry != 0 {
			if _, err := in.Entry(ctx, tx, ViewerOf(actor), entry); err != nil {
				return err
			}
		}
		moves, err = in.setAnchor(ctx, tx, i, n)
		return err
	})
	return moves, err
}
