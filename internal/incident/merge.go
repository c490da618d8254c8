package incident

import (
	"context"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Merge says that an incident is a part of another one: its entries show there, to whom
// they showed before. Nothing moves, so Unmerge takes it apart again.
func (in *Incidents) Merge(ctx context.Context, actor act.Actor, from, into int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.merge", Reason: reason}
	return in.change(ctx, call, from, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		target, err := in.Incident(ctx, tx, ViewerOf(actor), into)
		if err != nil {
			return err
		}
		parts, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident where merged_into = $1`, from)
		switch {
		case err != nil:
			return err
		case from == into || i.MergedInto != 0 || target.MergedInto != 0 || parts > 0:
			return fault.New(fault.Conflict, "incident.merge.twice", nil)
		case i.Exercise != target.Exercise:
			return fault.New(fault.Conflict, "incident.merge.exercise", nil)
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
		if err := touch(ctx, tx, into); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident set merged_into = $1 where id = $2`, into, from)
		return err
	})
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
	return in.change(ctx, call, from, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.MergedInto == 0 {
			return fault.New(fault.Conflict, "incident.merge.none", nil)
		}
		if _, err := tx.ExecContext(ctx, `update incident_merge set undone_at = $1, undone_by = $2 where from_id = $3 and undone_at = 0`,
			clock.Micros(tx.Now()), actor.ID, from); err != nil {
			return err
		}
		tx.Detail(mergeDetail{subject(from), ""})
		if err := touch(ctx, tx, i.MergedInto); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update incident set merged_into = 0 where id = $1`, from)
		return err
	})
}

// Split opens a new incident with some entries of another one. Whoever takes part there
// and could see one of them takes part in the new one. Unsplit brings them back.
func (in *Incidents) Split(ctx context.Context, actor act.Actor, from int64, entries []int64, title, reason string) (to Incident, err error) {
	title, reason = clean(title), clean(reason)
	for _, err := range []error{checkLine("title", title, MaxTitle, true), checkText("reason", reason, MaxReason, true)} {
		if err != nil {
			return to, err
		}
	}
	if len(entries) == 0 || len(entries) > 1000 {
		return to, fault.OnField("entries", "incident.split.none", nil)
	}
	call := act.Call{Actor: actor, Verb: "incident.split", Reason: reason}
	err = in.change(ctx, call, from, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		to = *i
		if to.ID, err = tx.Next(ctx, "incident.incident"); err != nil {
			return err
		}
		to.State, to.Title, to.Lead, to.Offered, to.SplitFrom, to.Version, to.Imported = Open, title, guard.OwnOrg, 0, from, 1, ""
		to.OpenedAt, to.ChangedAt, to.OpenedBy, to.ClosedAt = tx.Now(), tx.Now(), actor.ID, clock.FromMicros(0)
		if err := in.insertIncident(ctx, tx, to); err != nil {
			return err
		}
		orgs, err := in.moveEntries(ctx, tx, actor, entries, from, to.ID)
		if err != nil {
			return err
		}
		tx.Detail(splitDetail{subject(from), subject(to.ID), len(entries)})
		return in.copyParticipants(ctx, tx, from, to.ID, orgs)
	})
	return to, err
}

type splitDetail struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Entries int    `json:"entries"`
}

// moveEntries moves entries that the actor sees, with what hangs on them, and returns
// the organisations that see one of them.
func (in *Incidents) moveEntries(ctx context.Context, tx *act.Tx, actor act.Actor, entries []int64, from, to int64) (orgs []int64, err error) {
	for _, id := range entries {
		e, err := in.Entry(ctx, tx, ViewerOf(actor), id)
		if err != nil || e.Incident != from {
			return nil, orElse(err, notFound())
		}
		see, err := in.orgsThatSee(ctx, tx, e)
		if err != nil {
			return nil, err
		}
		orgs = append(orgs, see...)
		if _, err := tx.ExecContext(ctx, `insert into incident_move (entry_id, act_order, from_id, to_id, undone_at) values ($1, $2, $3, $4, 0)`,
			id, tx.Order(), from, to); err != nil {
			return nil, err
		}
		if err := rehang(ctx, tx, id, to); err != nil {
			return nil, err
		}
	}
	slices.Sort(orgs)
	return slices.Compact(orgs), nil
}

// rehang puts an entry and what hangs on it under another incident.
func rehang(ctx context.Context, tx *act.Tx, entry, to int64) error {
	if _, err := tx.ExecContext(ctx, `update incident_entry set incident_id = $1 where id = $2`, to, entry); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update incident_observable set incident_id = $1 where entry_id = $2`, to, entry); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `update incident_task set incident_id = $1 where entry_id = $2`, to, entry)
	return err
}

func (in *Incidents) copyParticipants(ctx context.Context, tx *act.Tx, from, to int64, orgs []int64) error {
	all, err := in.Participants(ctx, tx, from, false)
	if err != nil {
		return err
	}
	for _, p := range all {
		if !slices.Contains(orgs, p.Org) {
			continue
		}
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

// Unsplit brings what was split off back to where it came from; the emptied incident is
// abandoned. What was written to it since stays with it, so it must have nothing else.
func (in *Incidents) Unsplit(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.split", Reason: reason}
	return in.change(ctx, call, id, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.SplitFrom == 0 || i.State != Open {
			return fault.New(fault.Conflict, "incident.split.not_split", nil)
		}
		moved, err := sqldb.All(ctx, tx, sqldb.Int64, `select entry_id from incident_move where to_id = $1 and undone_at = 0 order by entry_id`, id)
		if err != nil {
			return err
		}
		own, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_entry where incident_id = $1`, id)
		if err != nil || own != int64(len(moved)) {
			return orElse(err, fault.New(fault.Conflict, "incident.split.grown", nil))
		}
		for _, e := range moved {
			if err := rehang(ctx, tx, e, i.SplitFrom); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `update incident_move set undone_at = $1 where to_id = $2 and undone_at = 0`, clock.Micros(tx.Now()), id); err != nil {
			return err
		}
		tx.Detail(splitDetail{subject(id), subject(i.SplitFrom), len(moved)})
		if err := touch(ctx, tx, i.SplitFrom); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident set state = $1, closed_at = $2, resolution = $3 where id = $4`,
			string(Abandoned), clock.Micros(tx.Now()), reason, id)
		return err
	})
}
