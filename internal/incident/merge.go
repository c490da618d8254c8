package incident

import (
	"context"
	"errors"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Merge says that an incident is a part of another one: its entries show there, to whom
// they showed before. Nothing moves, so Unmerge takes it apart again. What is open does
// not become part of what is closed.
func (in *Incidents) Merge(ctx context.Context, actor act.Actor, from, into int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.merge", Reason: reason}
	return in.change(ctx, call, from, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		target, err := in.Incident(ctx, tx, ViewerOf(actor), into)
		if err != nil {
			return err
		}
		parts, err := partsOf(ctx, tx, from)
		switch {
		case err != nil:
			return err
		case from == into || i.MergedInto != 0 || target.MergedInto != 0 || parts > 0:
			return fault.New(fault.Conflict, "incident.merge.twice", nil)
		case i.Exercise != target.Exercise:
			return fault.New(fault.Conflict, "incident.merge.exercise", nil)
		case i.State == Open && target.State != Open: // it would be in no list of what is open
			return fault.New(fault.Conflict, "incident.merge.closed", fault.Args{"Number": in.Number(into)})
		}
		id, err := tx.Next(ctx, "incident.merge")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_merge (id, from_id, into_id, at, by_id, reason, undone_at, undone_by)
			values ($1, $2, $3, $4, $5, $6, 0, '')`, id, from, into, clock.Micros(tx.Now()), actor.ID, reason); err != nil {
			return err
		}
		tx.Detail(mergeDetail{subject(from), subject(into)})
		if err := in.merged(ctx, tx, "merged", from, into); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident set merged_into = $1 where id = $2`, into, from)
		return err
	})
}

// merged notes that two incidents look different now, and tells those who take part in
// both: nobody else sees anything of it.
func (in *Incidents) merged(ctx context.Context, tx *act.Tx, what string, from, into int64) error {
	a, err := participating(ctx, tx, from)
	if err != nil {
		return err
	}
	b, err := participating(ctx, tx, into)
	if err != nil {
		return err
	}
	f := Changed{Incident: from, Other: into, What: what, Orgs: []int64{guard.OwnOrg}}
	for _, org := range a.Orgs {
		if slices.Contains(b.Orgs, org) {
			f.Orgs = append(f.Orgs, org)
		}
	}
	// A person may take part here by name, there with the whole organisation: he learns
	// of it, his colleagues do not.
	f.Persons = a.With(b).Persons
	f.Persons, err = in.inBoth(ctx, tx, f.Persons, from, into)
	tx.Fact(f)
	return errors.Join(err, touch(ctx, tx, from), touch(ctx, tx, into))
}

func (in *Incidents) inBoth(ctx context.Context, r sqldb.Reader, persons []int64, a, b int64) (out []int64, err error) {
	for _, id := range persons {
		p, err := in.Guard.Person(ctx, r, id)
		if err != nil {
			return nil, err
		}
		v := Viewer{p.Org, id}
		inA, err := takesPart(ctx, r, a, v)
		if err != nil {
			return nil, err
		}
		inB, err := takesPart(ctx, r, b, v)
		if err != nil {
			return nil, err
		}
		if inA && inB {
			out = append(out, id)
		}
	}
	return out, nil
}

type mergeDetail struct {
	From string `json:"from"`
	Into string `json:"into"`
}

// Unmerge takes a merged incident out again, as it was.
func (in *Incidents) Unmerge(ctx context.Context, actor act.Actor, from int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.merge", Reason: reason}
	return in.change(ctx, call, from, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.MergedInto == 0 {
			return fault.New(fault.Conflict, "incident.merge.none", nil)
		}
		if _, err := tx.ExecContext(ctx, `update incident_merge set undone_at = $1, undone_by = $2 where from_id = $3 and undone_at = 0`,
			clock.Micros(tx.Now()), actor.ID, from); err != nil {
			return err
		}
		tx.Detail(mergeDetail{subject(from), ""})
		if err := in.merged(ctx, tx, "unmerged", from, i.MergedInto); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update incident set merged_into = 0 where id = $1`, from)
		return err
	})
}

// Split opens a new incident with some entries of another one, and what hangs on them.
// Whoever takes part there and could see one of them takes part in the new one. Unsplit
// brings them back.
func (in *Incidents) Split(ctx context.Context, actor act.Actor, from int64, entries []int64, title, reason string) (to Incident, err error) {
	title, reason = clean(title), clean(reason)
	for _, err := range []error{checkLine("title", title, MaxTitle, true), checkText("reason", reason, MaxReason, true)} {
		if err != nil {
			return to, err
		}
	}
	if len(entries) == 0 || len(entries) > 1000 {
		return to, fault.OnField("entry", "incident.split.none", nil)
	}
	call := act.Call{Actor: actor, Verb: "incident.split", Reason: reason}
	err = in.change(ctx, call, from, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.State != Open {
			return closed()
		}
		to = *i
		if to.ID, err = tx.Next(ctx, "incident.incident"); err != nil {
			return err
		}
		to.State, to.Title, to.Lead, to.Offered, to.SplitFrom, to.Version, to.Imported = Open, title, guard.OwnOrg, 0, from, 1, ""
		to.OpenedAt, to.ChangedAt, to.OpenedBy, to.ClosedAt = tx.Now(), tx.Now(), actor.ID, clock.FromMicros(0)
		if err := in.insertIncident(ctx, tx, to); err != nil {
			return err
		}
		see, moved, err := in.moveEntries(ctx, tx, actor, entries, from, to.ID)
		if err != nil {
			return err
		}
		tx.Detail(splitDetail{subject(from), subject(to.ID), moved})
		tx.Fact(Changed{Incident: to.ID, Other: from, What: "split", Orgs: see.With(guard.Circle{Orgs: []int64{guard.OwnOrg}}).Orgs, Persons: see.Persons})
		if err := touch(ctx, tx, from); err != nil {
			return err
		}
		return in.copyParticipants(ctx, tx, from, to.ID, see)
	})
	return to, err
}

type splitDetail struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Entries int    `json:"entries"`
}

// moveEntries moves entries that the actor sees, with what goes with them, and returns
// who sees one of them and how many there are.
func (in *Incidents) moveEntries(ctx context.Context, tx *act.Tx, actor act.Actor, entries []int64, from, to int64) (see guard.Circle, n int, err error) {
	for _, id := range entries {
		if e, err := in.Entry(ctx, tx, ViewerOf(actor), id); err != nil || e.Incident != from {
			return see, 0, orElse(err, notFound())
		}
	}
	all, err := together(ctx, tx, from, entries)
	if err != nil {
		return see, 0, err
	}
	for _, id := range all {
		e, err := anyEntry(ctx, tx, id)
		if err != nil {
			return see, 0, err
		}
		one, err := readers(ctx, tx, e)
		if err != nil {
			return see, 0, err
		}
		see = see.With(one)
		if _, err := tx.ExecContext(ctx, `insert into incident_move (entry_id, act_order, from_id, to_id, undone_at) values ($1, $2, $3, $4, 0)`,
			id, tx.Order(), from, to); err != nil {
			return see, 0, err
		}
		if err := move(ctx, tx, id, from, to); err != nil {
			return see, 0, err
		}
	}
	return see, len(all), nil
}

// copyParticipants lets those take part in the new incident who see something of it:
// of an organisation of which only a named person does, that person alone.
func (in *Incidents) copyParticipants(ctx context.Context, tx *act.Tx, from, to int64, see guard.Circle) error {
	all, err := in.Participants(ctx, tx, from, false)
	if err != nil {
		return err
	}
	by := map[int64]Participant{}
	for _, p := range all {
		if p.Person == 0 {
			by[p.Org] = p
		}
	}
	var copies []Participant
	for _, p := range all {
		if p.Person == 0 && slices.Contains(see.Orgs, p.Org) || p.Person != 0 && slices.Contains(see.Persons, p.Person) {
			copies = append(copies, p)
		}
	}
	for _, id := range see.Persons {
		one, err := in.Guard.Person(ctx, tx, id)
		if err != nil {
			return err
		}
		p, whole := by[one.Org]
		there := func(c Participant) bool { return c.Org == one.Org && (c.Person == 0 || c.Person == id) }
		if p.Person = id; whole && !slices.ContainsFunc(copies, there) {
			copies = append(copies, p)
		}
	}
	for _, p := range copies {
		id, err := tx.Next(ctx, "incident.participant")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_participant (`+participantColumns+`)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '')`, id, to, p.Org, p.Person, string(p.Role), string(p.Tell), p.Why,
			clock.Micros(tx.Now()), tx.Actor().ID); err != nil {
			return err
		}
	}
	return nil
}

// Unsplit undoes the split by which an incident began: exactly what it moved goes back to
// where it came from, and the emptied incident is abandoned. What was written there since,
// and who was added, would have no place: fallsBack refuses then.
func (in *Incidents) Unsplit(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.split", Reason: reason}
	return in.change(ctx, call, id, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		entries, err := in.fallsBack(ctx, tx, i)
		if err != nil {
			return err
		}
		left, err := participating(ctx, tx, id)
		if err != nil {
			return err
		}
		see, err := bringBack(ctx, tx, i, entries)
		if err != nil {
			return err
		}
		tx.Detail(splitDetail{subject(id), subject(i.SplitFrom), len(entries)})
		see = see.With(left).With(guard.Circle{Orgs: []int64{guard.OwnOrg}})
		tx.Fact(Changed{Incident: id, Other: i.SplitFrom, What: "head", Orgs: see.Orgs, Persons: see.Persons})
		if err := errors.Join(touch(ctx, tx, id), touch(ctx, tx, i.SplitFrom)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident set state = $1, closed_at = $2, resolution = $3, offered_org = 0 where id = $4`,
			string(Abandoned), clock.Micros(tx.Now()), reason, id)
		return err
	})
}
