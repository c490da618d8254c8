package incident

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// ClockState is where a clock stands. Late is no state: a running clock whose end has
// passed is late at that instant, whether or not anybody looked.
type ClockState string

// The states of clocks.
const (
	ClockWaiting ClockState = "waiting" // it is not known from when
	ClockRunning ClockState = "running"
	ClockPaused  ClockState = "paused"
	ClockMet     ClockState = "met"
	ClockVoid    ClockState = "void" // it is not owed
)

// ClockStates lists them in the order of the pages.
func ClockStates() []ClockState {
	return []ClockState{ClockRunning, ClockPaused, ClockWaiting, ClockMet, ClockVoid}
}

// Clock is one stage of a duty, with its time.
type Clock struct {
	ID        int64
	Duty      int64
	Law       int64 // the version of the regime
	Incident  int64
	Party     int64 // whose duty it belongs to
	Regime    string
	Stage     string
	OwedBy    regime.Role
	OwedByOrg int64 // 0: not one of ours
	OwedTo    regime.Role
	OwedToOrg int64
	State     ClockState
	Anchor    time.Time // from when it is counted, zero while waiting
	From      regime.Event
	Strict    time.Time // zero: the law sets no period, or it is not known from when
	Lawful    time.Time
	Amended   time.Time // the deadline that an authority set instead, zero none
	WarnAt    time.Time // who is done by then is safe
	MetAt     time.Time
	VoidedAt  time.Time // a person said that it is not owed
	VoidWhy   string
	Why       string // how it was counted, a sentence a line, in English
	Steps     string // the same as JSON of regime.Step: see Explain
	Citation  string
	Verified  bool   // the rule is confirmed against the official text
	Holidays  string // digest of the table that was used, empty: none
	RemindAt  time.Time
	Step      int
	Exercise  bool
	Version   int64
}

// End is when it must be done at the latest: what an authority set, else the lawful
// end.
func (c *Clock) End() time.Time {
	if !c.Amended.IsZero() {
		return c.Amended
	}
	return c.Lawful
}

// Late tells whether it was not, or is not, done in time.
func (c *Clock) Late(now time.Time) bool {
	if c.End().IsZero() {
		return false
	}
	switch c.State {
	case ClockMet:
		return c.MetAt.After(c.End())
	case ClockRunning:
		return now.After(c.End())
	}
	return false
}

// Word is the state as people and programs read it: late where it is.
func (c *Clock) Word(now time.Time) string {
	if c.State == ClockRunning && c.Late(now) {
		return "late"
	}
	return string(c.State)
}

const clockColumns = `k.id, k.duty_id, k.law_id, k.incident_id, k.party_org, k.regime, k.stage, k.owed_by, k.owed_by_org, k.owed_to, k.owed_to_org, k.state,
	k.anchor_at, k.anchor_event, k.strict_at, k.lawful_at, k.amended_at, k.warn_at, k.met_at, k.voided_at, k.void_why, k.why, k.steps, k.citation, k.verified,
	k.holidays, k.remind_at, k.remind_step, k.exercise, k.version`

func scanClock(r sqldb.Row) (c Clock, err error) {
	var anchor, strict, lawful, amended, warn, met, voided, remind int64
	err = r.Scan(&c.ID, &c.Duty, &c.Law, &c.Incident, &c.Party, &c.Regime, &c.Stage, &c.OwedBy, &c.OwedByOrg, &c.OwedTo, &c.OwedToOrg, &c.State,
		&anchor, &c.From, &strict, &lawful, &amended, &warn, &met, &voided, &c.VoidWhy, &c.Why, &c.Steps, &c.Citation, &c.Verified,
		&c.Holidays, &remind, &c.Step, &c.Exercise, &c.Version)
	c.Anchor, c.Strict, c.Lawful, c.Amended = clock.FromMicros(anchor), clock.FromMicros(strict), clock.FromMicros(lawful), clock.FromMicros(amended)
	c.WarnAt, c.MetAt, c.VoidedAt, c.RemindAt = clock.FromMicros(warn), clock.FromMicros(met), clock.FromMicros(voided), clock.FromMicros(remind)
	return c, err
}

// mayClock is the condition on a clock k that a viewer ($1 organisation, $2 person) may
// know of it: the desk of any, who takes part of those owed by or to its organisation.
const mayClock = `($1 = 1 or (k.owed_by_org = $1 or k.owed_to_org = $1) and exists (select 1 from incident_participant p
	where p.incident_id = k.incident_id and p.removed_at = 0 and p.org_id = $1 and p.person_id in (0, $2)))`

// parties are who owes a stage and to whom, where they are ours.
func (d *Duty) org(role regime.Role) int64 {
	switch role {
	case regime.Operator:
		return d.Org
	case regime.CSIRT:
		return guard.OwnOrg
	case regime.Authority, regime.DataProtection:
		return d.Authority
	}
	return 0
}

// startClocks makes a clock for each stage of a new duty, and counts them.
func (in *Incidents) startClocks(ctx context.Context, tx *act.Tx, i *Incident, d *Duty, l *Law) error {
	for _, s := range l.Regime.Stages {
		id, err := tx.Next(ctx, "incident.clock")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_clock (id, duty_id, law_id, incident_id, party_org, regime, stage, owed_by, owed_by_org, owed_to, owed_to_org,
			state, anchor_at, anchor_event, strict_at, lawful_at, amended_at, warn_at, met_at, voided_at, void_why, why, citation, verified, holidays,
			remind_at, remind_step, exercise, changed_at, version)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'waiting', 0, '', 0, 0, 0, 0, 0, 0, '', '', $12, $13, '', 0, 0, $14, $15, 0)`,
			id, d.ID, l.ID, i.ID, d.Org, d.Regime, s.ID, string(s.OwedBy), d.org(s.OwedBy), string(s.OwedTo), d.org(s.OwedTo), s.Citation, l.Confirmed(),
			i.Exercise, clock.Micros(tx.Now())); err != nil {
			return err
		}
	}
	known, err := in.standing(ctx, tx, i.ID, d.Org)
	if err != nil {
		return err
	}
	if _, err := in.recount(ctx, tx, *d, known); err != nil {
		return err
	}
	clocks, err := clocksOf(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	return in.tellClocks(ctx, tx, i.ID, clocks...)
}

// clocksOf lists the clocks of a duty, in the order of the law.
func clocksOf(ctx context.Context, r sqldb.Reader, duty int64) ([]Clock, error) {
	return sqldb.All(ctx, r, scanClock, `select `+clockColumns+` from incident_clock k where k.duty_id = $1 order by k.id`, duty)
}

// Move is what happened, or would happen, to a clock.
type Move struct {
	Before, After Clock
}

// moved tells whether people would see a difference.
func (m *Move) moved() bool {
	a, b := m.Before, m.After
	return a.State != b.State || !a.Anchor.Equal(b.Anchor) || !a.Strict.Equal(b.Strict) || !a.Lawful.Equal(b.Lawful) ||
		!a.Amended.Equal(b.Amended) || !a.WarnAt.Equal(b.WarnAt) || !a.MetAt.Equal(b.MetAt)
}

// weigh counts the clocks of a duty by what is known and lists all of them, moved or
// not. Nothing is written.
func (in *Incidents) weigh(ctx context.Context, r sqldb.Reader, d Duty, known []Anchor) ([]Move, error) {
	l, err := in.law(d.Law, d.Regime)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		return nil, err
	}
	table, holidays := in.holidays(d.Calendar)
	clocks, err := clocksOf(ctx, r, d.ID)
	if err != nil {
		return nil, err
	}
	moves := make([]Move, 0, len(clocks))
	for _, c := range clocks {
		after := c
		pauses, err := in.pauses(ctx, r, c.ID)
		if err != nil {
			return nil, err
		}
		last, err := in.Amendments(ctx, r, c.ID)
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			after.Amended = last[len(last)-1].End
		}
		after.Holidays = table
		after.count(&l.Regime, regime.Anchors{At: times(&l.Regime, known), Entity: d.Entity, Paused: pauses}, regime.Calendar{Zone: zone, Holidays: holidays})
		after.Verified = after.Verified || !l.VerifiedAt.IsZero()
		if !d.EndedAt.IsZero() && after.State != ClockMet {
			after.State = ClockVoid
		}
		after.schedule(in.Reminders, in.Acts.Clock().Now(), c)
		moves = append(moves, Move{c, after})
	}
	return moves, nil
}

// times is what is known of the times that a regime counts from. Under a regime its
// own word goes before the one for all; an early warning that was sent to us is taken
// as received then.
func times(law *regime.Regime, known []Anchor) map[regime.Event]time.Time {
	at := map[regime.Event]time.Time{}
	for _, own := range []bool{false, true} {
		for _, a := range known {
			if a.At.IsZero() || own != (a.Regime != "") || own && a.Regime != law.ID {
				continue
			}
			at[a.Event] = a.At
		}
	}
	if sent, ok := at["early-warning"]; ok && at[regime.EarlyWarningReceived].IsZero() {
		if s, there := law.Stage("early-warning"); there && s.OwedTo == regime.CSIRT {
			at[regime.EarlyWarningReceived] = sent
		}
	}
	return at
}

// count sets state and times by the law.
func (c *Clock) count(law *regime.Regime, a regime.Anchors, cal regime.Calendar) {
	s, _ := law.Stage(c.Stage)
	due, err := law.Due(c.Stage, a, cal)
	steps := due.Steps
	c.Why, c.Citation, c.Verified = strings.Join(due.Why, "\n"), s.Citation, due.Verified
	if due.Citation != "" {
		c.Citation = due.Citation
	}
	c.State, c.Anchor, c.From, c.Strict, c.Lawful = ClockRunning, time.Time{}, "", due.Strict.UTC(), due.Lawful.UTC()
	if due.Strict.IsZero() {
		c.Strict, c.Lawful = time.Time{}, time.Time{}
	}
	switch c.From = due.From; {
	case errors.Is(err, regime.ErrNoPeriod):
		c.From = s.From
		if a.At[s.From].IsZero() {
			c.State = ClockWaiting
		}
	case errors.Is(err, regime.ErrPaused):
		c.State, c.From = ClockPaused, s.From
	case err != nil:
		c.State = ClockWaiting
		c.Why = err.Error()
		if errors.Is(err, regime.ErrNoAnchor) {
			steps = []regime.Step{s.Waiting()}
		}
	}
	c.Steps = ""
	if b, err := json.Marshal(steps); err == nil && len(steps) > 0 {
		c.Steps = string(b)
	}
	if c.State != ClockWaiting {
		c.Anchor = a.At[c.From]
	}
	if c.State == ClockWaiting && !c.Amended.IsZero() {
		c.State = ClockRunning
	}
	c.settle(a.At, s)
}

// settle ends a clock that is met or not owed, and says by when who owes is safe.
func (c *Clock) settle(at map[regime.Event]time.Time, s regime.Stage) {
	ended := at[regime.HandlingEnded]
	c.MetAt = at[regime.Event(c.Stage)]
	switch {
	case !c.MetAt.IsZero():
		c.State = ClockMet
	case !c.VoidedAt.IsZero():
		c.State = ClockVoid
	case s.When == regime.Ongoing && !ended.IsZero() && !c.Lawful.IsZero() && !ended.After(c.Lawful):
		c.State = ClockVoid
	}
	c.WarnAt = time.Time{}
	if c.State == ClockRunning {
		if c.WarnAt = c.Strict; !c.Amended.IsZero() {
			c.WarnAt = c.Amended
		}
	}
}

// recount counts the clocks of a duty anew and writes those that moved.
func (in *Incidents) recount(ctx context.Context, tx *act.Tx, d Duty, known []Anchor) ([]Move, error) {
	all, err := in.weigh(ctx, tx, d, known)
	if err != nil {
		return nil, err
	}
	if err := in.keepTable(ctx, tx, d.Calendar); err != nil {
		return nil, err
	}
	for _, m := range all {
		c := m.After
		if m.Before == m.After && c.Version > 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, `update incident_clock set state = $1, anchor_at = $2, anchor_event = $3, strict_at = $4, lawful_at = $5, amended_at = $6,
			warn_at = $7, met_at = $8, voided_at = $9, void_why = $10, why = $11, citation = $12, verified = $13, holidays = $14, remind_at = $15,
			remind_step = $16, changed_at = $17, steps = $18, version = version + 1 where id = $19`,
			string(c.State), stamp(c.Anchor), string(c.From), stamp(c.Strict), stamp(c.Lawful), stamp(c.Amended), stamp(c.WarnAt), stamp(c.MetAt),
			stamp(c.VoidedAt), c.VoidWhy, c.Why, c.Citation, c.Verified, c.Holidays, stamp(c.RemindAt), c.Step, clock.Micros(tx.Now()), c.Steps, c.ID); err != nil {
			return nil, err
		}
	}
	return visible(all), nil
}

// visible are the moves that people see.
func visible(all []Move) []Move {
	return slices.DeleteFunc(all, func(m Move) bool { return !m.moved() })
}

// recountTables counts those clocks anew that were counted with an older table of
// holidays.
func (in *Incidents) recountTables(ctx context.Context) error {
	for _, place := range in.Calendars() {
		table, _ := in.holidays(place)
		ds, err := sqldb.All(ctx, in.read, scanDuty, `select `+dutyColumns+` from incident_duty d where d.calendar = $1 and d.ended_at = 0
			and exists (select 1 from incident_clock k where k.duty_id = d.id and k.holidays <> $2 and k.state in ('running', 'waiting', 'paused'))`, place, table)
		if err != nil {
			return err
		}
		for _, d := range ds {
			call := act.Call{Actor: act.MachineActor("incident.recount"), Verb: "incident.recount"}
			err := in.change(ctx, call, d.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
				known, err := in.standing(ctx, tx, d.Incident, d.Org)
				if err != nil {
					return err
				}
				moves, err := in.recount(ctx, tx, d, known)
				tx.Detail(movesDetail{d.ID, ofMoves(moves)})
				if err != nil {
					return err
				}
				return in.tellClocks(ctx, tx, d.Incident, after(moves)...)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// movesDetail names the clocks that moved.
type movesDetail struct {
	Duty   int64   `json:"duty"`
	Clocks []int64 `json:"clocks"`
}

func ofMoves(moves []Move) []int64 {
	out := []int64{}
	for _, m := range moves {
		out = append(out, m.After.ID)
	}
	return out
}

// Clock returns a clock that a viewer may know of; NotFound for any other.
func (in *Incidents) Clock(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Clock, error) {
	c, ok, err := sqldb.One(ctx, r, scanClock, `select `+clockColumns+` from incident_clock k where `+mayClock+` and k.id = $3`, v.Org, v.Person, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "incident.clocks.none", nil)
	}
	return c, err
}

// Clocks lists the clocks of an incident, and of those merged into it, that a viewer
// may know of: by duty, in the order of the law.
func (in *Incidents) Clocks(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Clock, error) {
	return sqldb.All(ctx, r, scanClock, `select `+clockColumns+` from incident_clock k
		where k.incident_id in (select id from incident where id = $3 or merged_into = $3) and `+mayClock+` order by k.duty_id, k.id`, v.Org, v.Person, incident)
}
