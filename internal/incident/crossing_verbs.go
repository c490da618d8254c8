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
)

// changeCrossing is the frame of what is done with a crossing afterwards.
func (in *Incidents) changeCrossing(ctx context.Context, call act.Call, id int64, f func(context.Context, *act.Tx, *Crossing) error) error {
	first, err := crossing(ctx, in.read, id)
	if err != nil {
		return err
	}
	call.Subject, call.Purpose, call.Mandate, call.Exercise = crossingSubject(id), purpose, dangerMandate(first.Ground), first.Exercise
	call.Resource = act.Resource{Kind: "incident-crossing", ID: crossingSubject(id), Org: call.Actor.Org, Marking: first.Marking.String()}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		c, err := crossing(ctx, tx, id)
		if err != nil {
			return err
		}
		open := c.Open()
		if err := f(ctx, tx, &c); err != nil {
			return err
		}
		orgs := []int64{guard.OwnOrg}
		if open != c.Open() {
			orgs = append(orgs, c.Org)
		}
		tx.Fact(Changed{Incident: c.Incident, What: CrossingChanged, Orgs: orgs})
		_, err = tx.ExecContext(ctx, `update incident_crossing set owners_told_at = $1, reviewed_at = $2, reviewed_by = $3, verdict = $4, review_reason = $5,
			alarm_at = $6, recalled_at = $7, recalled_by = $8, recall_reason = $9 where id = $10`, stamp(c.OwnersTold), stamp(c.ReviewedAt), c.ReviewedBy,
			string(c.Verdict), c.ReviewReason, stamp(c.AlarmAt), stamp(c.RecalledAt), c.RecalledBy, c.RecallReason, id)
		return err
	})
}

// crossing returns one, whoever asks; NotFound when there is none.
func crossing(ctx context.Context, r sqldb.Reader, id int64) (Crossing, error) {
	c, ok, err := sqldb.One(ctx, r, scanCrossing, `select `+crossingColumns+` from incident_crossing c where c.id = $1`, id)
	if err == nil && !ok {
		err = notFound()
	}
	return c, err
}

// ReviewCrossing is the second look: by another person than who let the lines cross. Who
// approves vouches for every line, so he sees each. An objection recalls. It is recorded
// also when it comes too late; what was recalled meanwhile stays so.
func (in *Incidents) ReviewCrossing(ctx context.Context, actor act.Actor, id int64, v ReviewVerdict, reason string) error {
	reason = clean(reason)
	if err := known("verdict", "incident.crossing.verdict", []ReviewVerdict{Approved, Objected}, v); err != nil {
		return err
	}
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.review_crossing", Reason: reason}
	return in.changeCrossing(ctx, call, id, func(ctx context.Context, tx *act.Tx, c *Crossing) error {
		switch {
		case !c.ReviewedAt.IsZero():
			return fault.New(fault.Conflict, "incident.crossing.reviewed", nil)
		case actor.Kind != act.Person || actor.ID == c.By:
			return fault.New(fault.Denied, "incident.crossing.other_person", nil)
		}
		if v == Approved {
			sees, err := in.SeesCrossing(ctx, tx, ViewerOf(actor), id)
			if err != nil || !sees {
				return orElse(err, fault.New(fault.Denied, "incident.crossing.unseen", nil))
			}
		}
		c.ReviewedAt, c.ReviewedBy, c.Verdict, c.ReviewReason = tx.Now(), actor.ID, v, reason
		tx.Detail(verdictDetail{string(v), !c.Open()})
		if v == Objected && c.Open() {
			return in.recall(ctx, tx, c, actor.ID, reason)
		}
		return nil
	})
}

type verdictDetail struct {
	Verdict  string `json:"verdict"`
	Recalled bool   `json:"recalled,omitempty"`
}

// RecallCrossing closes it for the police from now on; that it was given stays recorded.
func (in *Incidents) RecallCrossing(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.recall_crossing", Reason: reason}
	return in.changeCrossing(ctx, call, id, func(ctx context.Context, tx *act.Tx, c *Crossing) error {
		if !c.Open() {
			return fault.New(fault.Conflict, "incident.crossing.recalled", nil)
		}
		return in.recall(ctx, tx, c, actor.ID, reason)
	})
}

func (in *Incidents) recall(ctx context.Context, tx *act.Tx, c *Crossing, by, reason string) error {
	c.RecalledAt, c.RecalledBy, c.RecallReason = tx.Now(), by, reason
	if err := in.writeToContacts(ctx, tx, LetterRecalled, c.ID, c.Org); err != nil {
		return err
	}
	return in.writeToRole(ctx, tx, LetterRecalledOversight, c.ID, guard.RoleOversight)
}

// Call is a telephone call about a crossing.
type CrossingCall struct {
	ID         int64
	Crossing   int64
	About      string // confirm | recall | alarm
	Name       string // who was called
	Phone      string // the number, as the directory has it
	Outcome    string // reached | no-answer
	Note       string
	At         time.Time
	By         string
	RecordedAt time.Time
}

// CallAbouts lists what calls about a crossing are for.
func CallAbouts() []string { return []string{"confirm", "recall", "alarm"} }

// RecordCall notes a call about a crossing, also hours later with its true time. The
// number must be one of the directory: of the police, or for an alarm of the desk.
func (in *Incidents) RecordCall(ctx context.Context, actor act.Actor, n CrossingCall) error {
	n.Note, n.Name = clean(n.Note), clean(n.Name)
	for _, err := range []error{
		known("about", "incident.crossing.call_about", CallAbouts(), n.About),
		known("outcome", "incident.crossing.call_outcome", []string{"reached", "no-answer"}, n.Outcome),
		checkText("note", n.Note, MaxReason, false), checkLine("name", n.Name, MaxTitle, n.Outcome == "reached"),
	} {
		if err != nil {
			return err
		}
	}
	call := act.Call{Actor: actor, Verb: "incident.record_crossing_call"}
	return in.changeCrossing(ctx, call, n.Crossing, func(ctx context.Context, tx *act.Tx, c *Crossing) error {
		if n.At.IsZero() {
			n.At = tx.Now()
		}
		if n.At.After(tx.Now().Add(5*time.Minute)) || n.At.Before(c.At.Add(-24*time.Hour)) {
			return fault.OnField("at", "incident.crossing.call_time", nil)
		}
		if err := in.inDirectory(ctx, tx, c, &n); err != nil {
			return err
		}
		id, err := tx.Next(ctx, "incident.crossing_call")
		if err != nil {
			return err
		}
		tx.Detail(crossingCallDetail{n.About, n.Outcome})
		_, err = tx.ExecContext(ctx, `insert into incident_crossing_call (id, crossing_id, about, name, phone, outcome, note, at, by_id, recorded_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, id, c.ID, n.About, n.Name, n.Phone, n.Outcome, n.Note, clock.Micros(n.At), actor.ID,
			clock.Micros(tx.Now()))
		return err
	})
}

type crossingCallDetail struct {
	About   string `json:"about"`
	Outcome string `json:"outcome"`
}

// inDirectory refuses a number that the directory does not have: whoever calls in may
// be anybody.
func (in *Incidents) inDirectory(ctx context.Context, r sqldb.Reader, c *Crossing, n *CrossingCall) error {
	sheet, err := in.CrossingCallSheet(ctx, r, *c, n.About == "alarm")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(sheet, func(p CallLine) bool { return p.Phone == n.Phone }) {
		err = fault.OnField("phone", "incident.crossing.call_number", nil)
	}
	return err
}

// CrossingSeen notes that somebody of the police has the package before his eyes.
func (in *Incidents) CrossingSeen(ctx context.Context, id, person int64) error {
	if person == 0 {
		return nil
	}
	n, _, err := sqldb.One(ctx, in.read, sqldb.Int64, `select count(*) from incident_crossing_seen where crossing_id = $1 and person_id = $2`, id, person)
	if err != nil || n > 0 {
		return err
	}
	return in.Acts.Housekeep(ctx, "incident.seen", func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `insert into incident_crossing_seen (crossing_id, person_id, at) values ($1, $2, $3)
			on conflict (crossing_id, person_id) do nothing`, id, person, clock.Micros(tx.Now()))
		return err
	})
}
