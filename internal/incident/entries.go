package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// NewEntry is something to be written into an incident.
type NewEntry struct {
	Kind    Kind
	Marking tlp.Marking
	// To is who shall see it, besides the organisation whose word it is and the desk.
	// TLP:RED names persons only; the author is added.
	To          guard.Circle
	Owner       int64     // whose word it is, where the desk writes down what somebody else said; 0: the actor's
	By          string    // who said it, then
	At          time.Time // when; zero: now
	Text        string
	ReplyTo     int64
	Source      string // empty: by who writes
	SourceID    int64
	Observables []NewObservable
	Files       []NewFile
	Task        *NewTask // of tasks, questions and measures

	exact *guard.Circle // instead of To: decided by the room itself, also for who does not take part yet
}

// AddEntry writes into an incident. The actor's organisation must take part; so must
// everybody in the audience.
func (in *Incidents) AddEntry(ctx context.Context, actor act.Actor, incident int64, n NewEntry) (e Entry, err error) {
	if err := n.validate(in.Acts.Clock().Now()); err != nil {
		return e, err
	}
	if err := in.keepFiles(ctx, n.Files); err != nil {
		return e, err
	}
	call := act.Call{Actor: actor, Verb: "incident.add_entry"}
	err = in.change(ctx, call, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) (err error) {
		e, err = in.addEntry(ctx, tx, actor, i, n)
		return err
	})
	return e, err
}

// addEntry does AddEntry's work inside an open act.
func (in *Incidents) addEntry(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, n NewEntry) (e Entry, err error) {
	e = Entry{
		Incident: i.ID, Kind: n.Kind, Owner: n.Owner, Author: actor.ID, By: clean(n.By), Marking: n.Marking, At: n.At, RecordedAt: tx.Now(),
		Text: clean(n.Text), ReplyTo: n.ReplyTo, Source: n.Source, SourceID: n.SourceID, Exercise: i.Exercise, Version: 1, Order: tx.Order(),
	}
	if err := in.whose(actor, &e); err != nil {
		return e, err
	}
	if e.At.IsZero() {
		e.At = tx.Now()
	}
	if n.exact != nil {
		e.Audience, err = in.Guard.AudienceFor(ctx, tx, *n.exact)
	} else {
		e.Audience, err = in.audience(ctx, tx, actor, i, &e, n.To)
	}
	if err != nil {
		return e, err
	}
	if e.ReplyTo != 0 {
		if _, err := in.Entry(ctx, tx, ViewerOf(actor), e.ReplyTo); err != nil && actor.Kind != act.Machine {
			return e, err
		}
	}
	if e.ID, err = tx.Next(ctx, "incident.entry"); err != nil {
		return e, err
	}
	if err := in.insertEntry(ctx, tx, e); err != nil {
		return e, err
	}
	if err := in.addParts(ctx, tx, &e, n); err != nil {
		return e, err
	}
	return e, in.tellEntry(ctx, tx, "entry", e)
}

// addParts writes what hangs on an entry: observables, files, the task.
func (in *Incidents) addParts(ctx context.Context, tx *act.Tx, e *Entry, n NewEntry) error {
	if err := in.addObservables(ctx, tx, e, n.Observables); err != nil {
		return err
	}
	if err := in.addFiles(ctx, tx, e, n.Files); err != nil {
		return err
	}
	if n.Task == nil {
		return nil
	}
	return in.addTask(ctx, tx, e, *n.Task)
}

// tellEntry writes the detail of the act and tells those who may see the entry.
func (in *Incidents) tellEntry(ctx context.Context, tx *act.Tx, what string, e Entry) error {
	tx.Detail(entryDetail{entrySubject(e.ID), string(e.Kind), e.Marking.String(), int64(e.Audience), e.Owner})
	c, err := readers(ctx, tx, e)
	tx.Fact(Changed{Incident: e.Incident, What: what, Entries: []int64{e.ID}, Orgs: c.Orgs, Persons: c.Persons})
	return err
}

type entryDetail struct {
	Entry    string `json:"entry"`
	Kind     string `json:"kind"`
	Marking  string `json:"marking"`
	Audience int64  `json:"audience"`
	Owner    int64  `json:"owner"`
}

// readers are those who may see an entry now: organisations all of whose people may,
// and single persons.
func readers(ctx context.Context, r sqldb.Reader, e Entry) (c guard.Circle, err error) {
	if e.Marking != tlp.Red {
		c.Orgs, err = sqldb.All(ctx, r, sqldb.Int64, `select org_id from guard_audience_org where audience_id = $1
			and (org_id = 1 or org_id in (select org_id from incident_participant where incident_id = $2 and removed_at = 0 and person_id = 0))
			order by org_id`, int64(e.Audience), e.Incident)
		if err != nil {
			return c, err
		}
	}
	c.Persons, err = sqldb.All(ctx, r, sqldb.Int64, `select p.person_id from incident_participant p
			where p.incident_id = $2 and p.removed_at = 0 and p.person_id <> 0 and $3 <> 'TLP:RED'
			and p.org_id in (select org_id from guard_audience_org where audience_id = $1)
		union select a.person_id from guard_audience_person a join guard_person g on g.id = a.person_id where a.audience_id = $1
			and (g.org_id = 1 or exists (select 1 from incident_participant p where p.incident_id = $2 and p.removed_at = 0
				and p.org_id = g.org_id and p.person_id in (0, g.id)))
		order by 1`, int64(e.Audience), e.Incident, e.Marking.String())
	return c, err
}

// stillHere leaves of a circle those who take part now.
func (in *Incidents) stillHere(ctx context.Context, r sqldb.Reader, incident int64, c guard.Circle) (out guard.Circle, err error) {
	keep := func(to *[]int64, v Viewer, id int64) error {
		ok, err := takesPart(ctx, r, incident, v)
		if ok {
			*to = append(*to, id)
		}
		return err
	}
	for _, org := range c.Orgs {
		// One person of it is enough: he sees what is shown to his organisation.
		if err := in.inAudience(ctx, r, incident, Viewer{Org: org}); err == nil {
			out.Orgs = append(out.Orgs, org)
		} else if fault.CodeOf(err) != fault.Invalid {
			return out, err
		}
	}
	for _, id := range c.Persons {
		p, err := in.Guard.Person(ctx, r, id)
		if err != nil {
			return out, err
		}
		if p.Active {
			if err := keep(&out.Persons, Viewer{p.Org, id}, id); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func (n *NewEntry) validate(now time.Time) error {
	var bad []fault.Error
	add := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	add(known("kind", "incident.kind.unknown", Kinds(), n.Kind))
	add(checkMarking("marking", n.Marking))
	add(checkText("text", n.Text, MaxText, len(n.Observables) == 0 && len(n.Files) == 0))
	add(checkLine("by", n.By, MaxTitle, false))
	add(checkHappened("at", n.At, now))
	if wants := n.Kind == TaskEntry || n.Kind == Question || n.Kind == Measure; wants != (n.Task != nil) {
		add(fault.OnField("kind", "incident.kind.task", nil))
	}
	if n.Task != nil {
		add(n.Task.validate(n.Kind, now))
	}
	add(checkObservables(n.Observables))
	add(checkFiles(n.Files))
	return fault.Join("incident.entry.invalid", bad)
}

// whose fills in owner and source: somebody outside writes for his own organisation,
// the desk also writes down what others said.
func (in *Incidents) whose(actor act.Actor, e *Entry) error {
	own := actor.Org
	if actor.Kind == act.Machine {
		own = guard.OwnOrg
	}
	if e.Owner == 0 {
		e.Owner = own
	}
	if e.Owner != own && own != guard.OwnOrg {
		return fault.New(fault.Denied, "incident.entry.not_yours", nil)
	}
	if e.Source == "" {
		e.Source = FromDesk
		if own != guard.OwnOrg {
			e.Source = FromPortal
		}
	}
	return nil
}

// audience is who will see an entry, when everybody in it takes part.
func (in *Incidents) audience(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, e *Entry, to guard.Circle) (guard.Audience, error) {
	c, err := in.WhoWillSee(ctx, tx, actor, i.ID, e.Owner, e.Marking, to)
	if err != nil {
		return 0, err
	}
	return in.Guard.AudienceFor(ctx, tx, c)
}

// WhoWillSee is exactly who an entry would be shown to, for the panel before it is
// saved; or what is wrong with the choice.
func (in *Incidents) WhoWillSee(ctx context.Context, r sqldb.Reader, actor act.Actor, incident, owner int64, m tlp.Marking, to guard.Circle) (guard.Circle, error) {
	c := guard.Circle{Orgs: slices.Clone(to.Orgs), Persons: slices.Clone(to.Persons)}
	if m == tlp.Red {
		if len(c.Orgs) > 0 {
			return c, fault.OnField("audience", "incident.audience.red_orgs", nil)
		}
		if me := ViewerOf(actor).Person; me != 0 {
			c.Persons = append(c.Persons, me)
		}
		if len(c.Persons) == 0 {
			return c, fault.OnField("audience", "incident.audience.red_nobody", nil)
		}
	} else {
		c.Orgs = append(c.Orgs, guard.OwnOrg, owner)
	}
	slices.Sort(c.Orgs)
	slices.Sort(c.Persons)
	c.Orgs, c.Persons = slices.Compact(c.Orgs), slices.Compact(c.Persons)
	for _, org := range c.Orgs {
		if err := in.inAudience(ctx, r, incident, Viewer{Org: org}); err != nil {
			return c, err
		}
	}
	for _, p := range c.Persons {
		person, err := in.Guard.Person(ctx, r, p)
		if fault.CodeOf(err) == fault.NotFound || err == nil && !person.Active {
			return c, fault.OnField("audience", "incident.participant.no_person", nil)
		}
		if err != nil {
			return c, err
		}
		if err := in.inAudience(ctx, r, incident, Viewer{person.Org, p}); err != nil {
			return c, err
		}
	}
	return c, nil
}

// inAudience refuses somebody who does not take part: he would see nothing of it. An
// organisation of which one person takes part may be named; that person sees it.
func (in *Incidents) inAudience(ctx context.Context, r sqldb.Reader, incident int64, v Viewer) error {
	if v.Desk() {
		return nil
	}
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_participant where incident_id = $1 and removed_at = 0
		and org_id = $2 and ($3 = 0 or person_id in (0, $3))`, incident, v.Org, v.Person)
	if err == nil && n == 0 {
		err = fault.OnField("audience", "incident.audience.no_participant", nil)
	}
	return err
}

// ownEntry returns an entry that the actor may change: its own organisation's, at the
// version that was looked at, still standing.
func (in *Incidents) ownEntry(ctx context.Context, r sqldb.Reader, actor act.Actor, id, version int64) (Entry, error) {
	e, err := in.Entry(ctx, r, ViewerOf(actor), id)
	switch {
	case err != nil:
		return e, err
	case e.Owner != actor.Org:
		return e, fault.New(fault.Denied, "incident.entry.not_yours", nil)
	case !e.RetractedAt.IsZero():
		return e, fault.New(fault.Conflict, "incident.entry.retracted", nil)
	case e.Version != version:
		return e, changedMeanwhile()
	}
	return e, nil
}

// changeEntry is the frame of what changes one entry.
func (in *Incidents) changeEntry(ctx context.Context, call act.Call, id, version int64, f func(context.Context, *act.Tx, *Incident, *Entry) error) error {
	first, err := in.Entry(ctx, in.read, ViewerOf(call.Actor), id)
	if err != nil {
		return err
	}
	return in.change(ctx, call, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		e, err := in.ownEntry(ctx, tx, call.Actor, id, version)
		if err != nil {
			return err
		}
		return in.rewrite(ctx, tx, &e, func(e *Entry) error { return f(ctx, tx, i, e) })
	})
}

// EditEntry puts other words; version is the one that was looked at.
func (in *Incidents) EditEntry(ctx context.Context, actor act.Actor, id, version int64, text string) error {
	text = clean(text)
	if err := checkText("text", text, MaxText, true); err != nil {
		return err
	}
	return in.changeEntry(ctx, act.Call{Actor: actor, Verb: "incident.edit_entry"}, id, version, func(_ context.Context, _ *act.Tx, _ *Incident, e *Entry) error {
		e.Text = text
		return nil
	})
}

// Retract takes an entry back: whoever could see it sees that it was taken back, why,
// and no more of it.
func (in *Incidents) Retract(ctx context.Context, actor act.Actor, id, version int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.retract_entry", Reason: reason}
	return in.changeEntry(ctx, call, id, version, func(_ context.Context, tx *act.Tx, _ *Incident, e *Entry) error {
		e.RetractedAt, e.Retracted = tx.Now(), reason
		return nil
	})
}

// Share sets anew who may see an entry and its marking. Only the organisation whose
// word it is may do so; a lower marking or a wider circle needs a reason. How the
// owner said so, when the desk enters it for him, stands in the reason: see
// ShareByConsent.
func (in *Incidents) Share(ctx context.Context, actor act.Actor, id, version int64, m tlp.Marking, to guard.Circle, reason string) error {
	reason = clean(reason)
	for _, err := range []error{checkMarking("marking", m), checkText("reason", reason, MaxReason, true)} {
		if err != nil {
			return err
		}
	}
	call := act.Call{Actor: actor, Verb: "incident.share_entry", Reason: reason}
	return in.changeEntry(ctx, call, id, version, func(ctx context.Context, tx *act.Tx, i *Incident, e *Entry) (err error) {
		e.Marking = m
		e.Audience, err = in.audience(ctx, tx, actor, i, e, to)
		return err
	})
}
