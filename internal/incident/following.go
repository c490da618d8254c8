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

// What hangs on an entry follows it: to another incident when a split moves it, and back
// when that is undone; to another owner when the reporter of a report is corrected. What
// was done at a time with an entry as it stood then does not follow: what crossed or was
// packed, what a clock was counted from, what was judged, written or filed of the incident.

// hanging is a table of what hangs on entries, with the column that names the entry; its
// incident is the entry's.
type hanging struct{ table, entry string }

func hangs() []hanging {
	return []hanging{
		{"incident_entry", "id"}, {"incident_observable", "entry_id"}, {"incident_task", "entry_id"}, {"incident_service", "entry_id"},
		{"incident_resource", "entry_id"}, {"incident_consent", "entry_id"}, {"incident_report_link", "entry_id"}, {"incident_owed_call", "question_id"},
	}
}

// move puts an entry with what hangs on it under another incident.
func move(ctx context.Context, tx *act.Tx, entry, from, to int64) error {
	for _, h := range hangs() {
		if _, err := tx.ExecContext(ctx, `update `+h.table+` set incident_id = $1 where `+h.entry+` = $2 and incident_id = $3`, to, entry, from); err != nil {
			return err
		}
	}
	return nil
}

// together adds to entries of an incident those that go where they go: how the services
// fared that they named, and the milestones of these. How a service fares does not go
// without it.
func together(ctx context.Context, r sqldb.Reader, incident int64, entries []int64) ([]int64, error) {
	all := slices.Clone(entries)
	for _, e := range entries {
		with, err := sqldb.All(ctx, r, sqldb.Int64, `select e.id from incident_service s join incident_entry e on e.incident_id = s.incident_id
			where s.incident_id = $1 and s.entry_id = $2 and (e.id in (select t.entry_id from incident_service_state t where t.service_id = s.id)
			or e.id in (select m.entry_id from incident_milestone m where m.service_id = s.id))`, incident, e)
		if err != nil {
			return nil, err
		}
		all = append(all, with...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for _, e := range entries {
		named, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select s.entry_id from incident_service_state t join incident_service s on s.id = t.service_id where t.entry_id = $1`, e)
		if err != nil {
			return nil, err
		}
		if ok && !slices.Contains(all, named) {
			return nil, fault.OnField("entry", "incident.split.service", nil)
		}
	}
	return all, nil
}

// rewrite changes an entry inside an open act. What it said, to whom and as whose word is
// kept before it is replaced; who saw it before and who sees it now are told.
func (in *Incidents) rewrite(ctx context.Context, tx *act.Tx, e *Entry, f func(*Entry) error) error {
	if _, err := tx.ExecContext(ctx, `insert into incident_entry_version (entry_id, version, text, marking, audience_id, by_id, at, owner_org)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`, e.ID, e.Version, e.Text, e.Marking.String(), int64(e.Audience), tx.Actor().ID, clock.Micros(tx.Now()), e.Owner); err != nil {
		return err
	}
	before, err := readers(ctx, tx, *e)
	if err != nil {
		return err
	}
	if err := f(e); err != nil {
		return err
	}
	e.Version++
	if _, err := tx.ExecContext(ctx, `update incident_entry set owner_org = $1, by_name = $2, text = $3, marking = $4, audience_id = $5, version = $6, changed_at = $7,
		retracted_at = $8, retracted = $9 where id = $10`, e.Owner, e.By, e.Text, e.Marking.String(), int64(e.Audience), e.Version, clock.Micros(tx.Now()),
		stamp(e.RetractedAt), e.Retracted, e.ID); err != nil {
		return err
	}
	if err := in.keepWords(ctx, tx, *e); err != nil {
		return err
	}
	after, err := readers(ctx, tx, *e)
	if err != nil {
		return err
	}
	tx.Detail(entryDetail{entrySubject(e.ID), string(e.Kind), e.Marking.String(), int64(e.Audience), e.Owner})
	c := before.With(after)
	tx.Fact(Changed{Incident: e.Incident, What: "entry-changed", Entries: []int64{e.ID}, Orgs: c.Orgs, Persons: c.Persons})
	return nil
}

// correctOwner makes the entries of a report anew whose reporter was corrected: they are
// the word of whoever is sure to have reported, and of the desk where nobody is. What the
// one who was wrongly taken for it did with them as its own falls away: whom it let see
// them, its words and its consents. What the report did to clocks is counted for the right
// one.
func (in *Incidents) correctOwner(ctx context.Context, tx *act.Tx, actor act.Actor, p *Report) error {
	links, err := sqldb.All(ctx, tx, scanLink, `select report_id, incident_id, entry_id, at, by_id from incident_report_link
		where report_id = $1 and ended_at = 0 order by entry_id`, p.ID)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update incident_report set owner_org = $1, confirmed = $2, person_id = $3 where id = $4`, p.Owner, p.Confirmed, p.Person, p.ID); err != nil {
		return err
	}
	for _, l := range links {
		e, err := anyEntry(ctx, tx, l.Entry)
		if err != nil {
			return err
		}
		words, err := in.asEntry(ctx, tx, p)
		if err != nil {
			return err
		}
		if e.Owner == words.Owner {
			continue
		}
		i, err := get(ctx, tx, e.Incident)
		if err != nil {
			return err
		}
		if err := in.reown(ctx, tx, actor, &i, &e, words, l); err != nil {
			return err
		}
		if err := in.attach(ctx, tx, actor, &i, p.Owner); err != nil {
			return err
		}
	}
	return nil
}

// reown gives an entry of a report to another owner, in an act of its own: the record of
// the incident says whose word it is now.
func (in *Incidents) reown(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, e *Entry, words NewEntry, l Link) error {
	reason := in.speak("").Say("incident.reports.corrected", "Number", in.ReportNo(l.Report))
	if err := in.detach(ctx, tx, l, reason); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.change_report", Subject: subject(i.ID), Purpose: purpose, Reason: reason, Exercise: i.Exercise}
	call.Resource = act.Resource{Kind: "incident", ID: call.Subject, Org: actor.Org, Marking: i.Marking.String(), InAudience: true}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		return in.rewrite(ctx, tx, e, func(e *Entry) (err error) {
			e.Owner, e.By, e.Text, e.Marking, e.RetractedAt, e.Retracted = words.Owner, clean(words.By), clean(words.Text), words.Marking, clock.FromMicros(0), ""
			e.Audience, err = in.Guard.AudienceFor(ctx, tx, *words.exact)
			return err
		})
	})
}

// fallsBack is what stands in the way of bringing back what was split off, where anything
// does, and the entries that go back.
func (in *Incidents) fallsBack(ctx context.Context, r sqldb.Reader, i *Incident) (entries []int64, err error) {
	entries, err = sqldb.All(ctx, r, sqldb.Int64, `select entry_id from incident_move where to_id = $1 and undone_at = 0 order by entry_id`, i.ID)
	if err != nil {
		return nil, err
	}
	parts, err := partsOf(ctx, r, i.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case i.SplitFrom == 0 || len(entries) == 0:
		return nil, fault.New(fault.Conflict, "incident.split.not_split", nil)
	case i.MergedInto != 0 || parts > 0:
		return nil, fault.New(fault.Conflict, "incident.merge.twice", nil)
	case i.State != Open:
		return nil, fault.New(fault.Conflict, "incident.split.closed", fault.Args{"Number": in.Number(i.ID)})
	}
	for _, check := range []func(context.Context, sqldb.Reader, *Incident, []int64) error{in.stillOpen, in.notFurther, in.notGrown, in.nobodyRemoved, in.notJoinedAgain} {
		if err := check(ctx, r, i, entries); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// partsOf counts the incidents that were merged into one.
func partsOf(ctx context.Context, r sqldb.Reader, incident int64) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident where merged_into = $1`, incident)
	return n, err
}

// stillOpen refuses to bring something open back to what is closed, where nobody would
// look for it.
func (in *Incidents) stillOpen(ctx context.Context, r sqldb.Reader, i *Incident, _ []int64) error {
	from, err := get(ctx, r, i.SplitFrom)
	if err != nil {
		return err
	}
	if from.MergedInto != 0 {
		if from, err = get(ctx, r, from.MergedInto); err != nil {
			return err
		}
	}
	if from.State != Open {
		err = fault.New(fault.Conflict, "incident.split.origin_closed", fault.Args{"Number": in.Number(from.ID)})
	}
	return err
}

// notFurther refuses while a part of it was split off again: that comes first.
func (in *Incidents) notFurther(ctx context.Context, r sqldb.Reader, i *Incident, entries []int64) error {
	for _, id := range entries {
		e, err := anyEntry(ctx, r, id)
		if err != nil {
			return err
		}
		if e.Incident != i.ID {
			return fault.New(fault.Conflict, "incident.split.further", fault.Args{"Number": in.Number(e.Incident)})
		}
	}
	return nil
}

// notGrown refuses when anything else was written or done there since, or somebody was
// added. What was done with the entries themselves goes back with them.
func (in *Incidents) notGrown(ctx context.Context, r sqldb.Reader, i *Incident, entries []int64) error {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select (select count(*) from incident_entry where incident_id = $1)
		+ (select count(*) from incident_duty where incident_id = $1) + (select count(*) from incident_crossing where incident_id = $1)
		+ (select count(*) from incident_mandate where incident_id = $1) + (select count(*) from incident_transfer where incident_id = $1)
		+ (select count(*) from incident_package where incident_id = $1) + (select count(*) from incident_lesson where incident_id = $1)
		+ (select count(*) from incident_finding where incident_id = $1)
		+ (select count(*) from incident_participant p where p.incident_id = $1 and p.removed_at = 0 and not exists (select 1 from incident_participant q
			where q.incident_id = $2 and q.org_id = p.org_id and q.person_id in (0, p.person_id)))`, i.ID, i.SplitFrom)
	if err == nil && n != int64(len(entries)) {
		err = fault.New(fault.Conflict, "incident.split.grown", fault.Args{"Number": in.Number(i.SplitFrom)})
	}
	return err
}

// nobodyRemoved refuses when who was removed there would see the entries again.
func (in *Incidents) nobodyRemoved(ctx context.Context, r sqldb.Reader, i *Incident, _ []int64) error {
	const here = `(select 1 from incident_participant q where q.removed_at = 0 and q.org_id = p.org_id and q.person_id in (0, p.person_id) and q.incident_id = `
	org, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select p.org_id from incident_participant p where p.incident_id = $1 and p.removed_at > 0
		and not exists `+here+`$1) and exists `+here+`$2) order by p.id limit 1`, i.ID, i.SplitFrom)
	if err != nil || !ok {
		return err
	}
	o, err := in.Guard.Organisation(ctx, r, org)
	if err != nil {
		return err
	}
	return fault.New(fault.Conflict, "incident.split.removed", fault.Args{"Name": o.Name, "Number": in.Number(i.SplitFrom)})
}

// notJoinedAgain refuses when a report went there with its entry and was joined to where
// it came from once more.
func (in *Incidents) notJoinedAgain(ctx context.Context, r sqldb.Reader, i *Incident, _ []int64) error {
	report, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select l.report_id from incident_report_link l where l.incident_id = $1 and l.ended_at = 0
		and l.report_id in (select report_id from incident_report_link where incident_id = $2 and ended_at = 0) order by l.report_id limit 1`, i.ID, i.SplitFrom)
	if err == nil && ok {
		err = fault.New(fault.Conflict, "incident.split.joined", fault.Args{"Report": in.ReportNo(report), "Number": in.Number(i.SplitFrom)})
	}
	return err
}

// bringBack moves entries back to where they were split off, and notes it.
func bringBack(ctx context.Context, tx *act.Tx, i *Incident, entries []int64) (see guard.Circle, err error) {
	for _, id := range entries {
		if err := move(ctx, tx, id, i.ID, i.SplitFrom); err != nil {
			return see, err
		}
		e, err := anyEntry(ctx, tx, id)
		if err != nil {
			return see, err
		}
		one, err := readers(ctx, tx, e)
		if err != nil {
			return see, err
		}
		see = see.With(one)
	}
	_, err = tx.ExecContext(ctx, `update incident_move set undone_at = $1 where to_id = $2 and undone_at = 0`, clock.Micros(tx.Now()), i.ID)
	return see, err
}
