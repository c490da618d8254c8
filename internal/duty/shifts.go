package duty

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// NewShift is what AddShifts needs.
type NewShift struct {
	Role   Role // default Officer
	Person int64
	Begins time.Time
	Ends   time.Time
	// Days repeats it on so many days one after the other, at the same time of day in
	// the desk's zone; 0 and 1 mean once.
	Days int
}

// The bounds of a shift.
const (
	longest  = 7 * 24 * time.Hour
	mostDays = 62
	farthest = 400 * 24 * time.Hour // from now
)

// check says what is wrong with it, all at once.
func (n *NewShift) check(now time.Time) error {
	var parts []fault.Error
	refuse := func(field, key string, args fault.Args) { parts = append(parts, *fault.OnField(field, key, args)) }
	if n.Role == "" {
		n.Role = Officer
	}
	if !slices.Contains(Roles(), n.Role) {
		refuse("role", "duty.role.unknown", fault.Args{"Value": fault.Clip(string(n.Role))})
	}
	switch {
	case n.Begins.IsZero():
		refuse("begins", "duty.shift.begins", nil)
	case n.Ends.IsZero():
		refuse("ends", "duty.shift.ends", nil)
	case !n.Ends.After(n.Begins):
		refuse("ends", "duty.shift.order", nil)
	case n.Ends.Sub(n.Begins) > longest:
		refuse("ends", "duty.shift.long", fault.Args{"Days": int(longest / (24 * time.Hour))})
	case n.Begins.Sub(now).Abs() > farthest:
		refuse("begins", "duty.shift.far", nil)
	}
	if n.Days < 0 || n.Days > mostDays {
		refuse("days", "duty.shift.days", fault.Args{"Max": mostDays})
	}
	return fault.Join("duty.shift.invalid", parts)
}

// AddShifts puts a person on the roster, once or on several days one after the other.
// The verb is duty.add_shift.
func (d *Duty) AddShifts(ctx context.Context, actor act.Actor, n NewShift) (out []Shift, err error) {
	if err := n.check(d.Acts.Clock().Now()); err != nil {
		return nil, err
	}
	call := act.Call{Actor: actor, Verb: "duty.add_shift"}
	err = d.do(ctx, call, "add", func(ctx context.Context, tx *act.Tx) (int, error) {
		p, err := d.onDesk(ctx, tx, n.Person)
		if err != nil {
			return 0, err
		}
		begins, ends := n.Begins.In(d.Zone), n.Ends.In(d.Zone)
		for day := range max(n.Days, 1) {
			s := Shift{
				Role: n.Role, Person: p.ID, Name: p.Name, Phone: p.Phone, Email: p.Email, Zone: p.Zone,
				Begins: begins.AddDate(0, 0, day).UTC(), Ends: ends.AddDate(0, 0, day).UTC(), Version: 1,
			}
			if err := free(ctx, tx, &s); err != nil {
				return 0, err
			}
			if s.ID, err = tx.Next(ctx, "duty.shift"); err != nil {
				return 0, err
			}
			if _, err := tx.ExecContext(ctx, `insert into duty_shift (id, role, person_id, begins_at, ends_at, removed, version, added_at, added_by)
				values ($1, $2, $3, $4, $5, false, 1, $6, $7)`,
				s.ID, string(s.Role), s.Person, clock.Micros(s.Begins), clock.Micros(s.Ends), clock.Micros(tx.Now()), actor.ID); err != nil {
				return 0, err
			}
			out = append(out, s)
		}
		if len(out) == 1 {
			tx.Subject(shiftSubject(out[0].ID))
		}
		return len(out), nil
	})
	return out, err
}

// free refuses a shift of somebody who has another of the same role at that time.
func free(ctx context.Context, tx *act.Tx, s *Shift) error {
	at, taken, err := sqldb.One(ctx, tx, sqldb.Int64, `select begins_at from duty_shift where person_id = $1 and role = $2
		and id <> $3 and begins_at < $4 and ends_at > $5 and not removed order by begins_at limit 1`,
		s.Person, string(s.Role), s.ID, clock.Micros(s.Ends), clock.Micros(s.Begins))
	if err == nil && taken {
		err = fault.New(fault.Conflict, "duty.shift.overlap", fault.Args{"Name": s.Name, "At": clock.FromMicros(at).Format("2006-01-02 15:04 UTC")})
	}
	return err
}

// ShiftEdit is a change of a shift; Version is the one that the editor saw.
type ShiftEdit struct {
	ID      int64
	Version int64
	Role    Role
	Person  int64
	Begins  time.Time
	Ends    time.Time
}

// ChangeShift changes a shift: its person, time or role. The verb is
// duty.change_shift.
func (d *Duty) ChangeShift(ctx context.Context, actor act.Actor, e ShiftEdit) error {
	n := NewShift{Role: e.Role, Person: e.Person, Begins: e.Begins, Ends: e.Ends}
	if err := n.check(d.Acts.Clock().Now()); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "duty.change_shift", Subject: shiftSubject(e.ID)}
	return d.do(ctx, call, "change", func(ctx context.Context, tx *act.Tx) (int, error) {
		was, err := d.Shift(ctx, tx, e.ID)
		if err != nil {
			return 0, err
		}
		p, err := d.onDesk(ctx, tx, e.Person)
		if err != nil && was.Person != e.Person { // who has left stays where the roster had him
			return 0, err
		}
		s := Shift{ID: e.ID, Role: n.Role, Person: e.Person, Name: p.Name, Begins: e.Begins.UTC(), Ends: e.Ends.UTC()}
		if err := free(ctx, tx, &s); err != nil {
			return 0, err
		}
		return 1, d.put(ctx, tx, &s, e.Version)
	})
}

// put writes a shift if it still has the version seen.
func (d *Duty) put(ctx context.Context, tx *act.Tx, s *Shift, seen int64) error {
	res, err := tx.ExecContext(ctx, `update duty_shift set role = $1, person_id = $2, begins_at = $3, ends_at = $4, version = version + 1
		where id = $5 and version = $6 and not removed`,
		string(s.Role), s.Person, clock.Micros(s.Begins), clock.Micros(s.Ends), s.ID, seen)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return changedMeanwhile()
	}
	return nil
}

// RemoveShift takes a shift that has not ended off the roster. The verb is
// duty.change_shift.
func (d *Duty) RemoveShift(ctx context.Context, actor act.Actor, id, version int64) error {
	call := act.Call{Actor: actor, Verb: "duty.change_shift", Subject: shiftSubject(id)}
	return d.do(ctx, call, "remove", func(ctx context.Context, tx *act.Tx) (int, error) {
		s, err := d.Shift(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		if !s.Ends.After(tx.Now()) {
			return 0, fault.New(fault.Conflict, "duty.shift.over", nil)
		}
		if s.Version != version {
			return 0, changedMeanwhile()
		}
		_, err = tx.ExecContext(ctx, `update duty_shift set removed = true, version = version + 1 where id = $1`, id)
		return 1, err
	})
}

// Swap is which two shifts change their persons, as the editor saw them.
type Swap struct {
	One, Other               int64
	OneVersion, OtherVersion int64
}

// SwapShifts lets two persons change shifts. Who swaps an own shift needs the verb
// duty.swap_own_shift, anybody else's duty.swap_shifts.
func (d *Duty) SwapShifts(ctx context.Context, actor act.Actor, w Swap) error {
	call := act.Call{Actor: actor, Verb: "duty.swap_shifts", Subject: shiftSubject(w.One)}
	if me := personOf(actor.ID); me != 0 {
		for _, id := range []int64{w.One, w.Other} {
			s, err := d.Shift(ctx, d.Acts.Reader(), id)
			if err == nil && s.Person == me || fault.CodeOf(err) == fault.NotFound { // that there is none, the act says
				call.Verb = "duty.swap_own_shift"
			}
		}
	}
	return d.do(ctx, call, "swap", func(ctx context.Context, tx *act.Tx) (int, error) {
		one, err := d.Shift(ctx, tx, w.One)
		if err != nil {
			return 0, err
		}
		other, err := d.Shift(ctx, tx, w.Other)
		if err != nil {
			return 0, err
		}
		me := personOf(actor.ID)
		switch {
		case tx.Call().Verb == "duty.swap_own_shift" && one.Person != me && other.Person != me:
			return 0, changedMeanwhile()
		case one.Person == other.Person:
			return 0, fault.OnField("other", "duty.swap.same", nil)
		case !one.Ends.After(tx.Now()) || !other.Ends.After(tx.Now()):
			return 0, fault.New(fault.Conflict, "duty.shift.over", nil)
		case one.Version != w.OneVersion || other.Version != w.OtherVersion:
			return 0, changedMeanwhile()
		}
		for _, s := range []Shift{{ID: one.ID, Person: other.Person}, {ID: other.ID, Person: one.Person}} {
			if _, err := d.onDesk(ctx, tx, s.Person); err != nil {
				return 0, err
			}
			if _, err := tx.ExecContext(ctx, `update duty_shift set person_id = $1, version = version + 1 where id = $2`, s.Person, s.ID); err != nil {
				return 0, err
			}
		}
		for _, id := range []int64{one.ID, other.ID} {
			s, err := d.Shift(ctx, tx, id)
			if err != nil {
				return 0, err
			}
			if err := free(ctx, tx, &s); err != nil {
				return 0, err
			}
		}
		return 2, nil
	})
}
