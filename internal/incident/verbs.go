package incident

import (
	"context"
	"slices"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/rsit"
	"almenara.example/tlp"
)

// purpose is the purpose of every act of the room.
const purpose = "response"

func checkClass(class string) error {
	if class != "" && rsit.ClassOf(class) == "" {
		return fault.OnField("class", "incident.class.unknown", fault.Args{"Value": fault.Clip(class)})
	}
	return nil
}

// OpenNew opens an incident; the desk leads it until the lead is handed over. Its
// marking is of the head, which every participant sees, so it is below TLP:RED.
func (in *Incidents) OpenNew(ctx context.Context, actor act.Actor, i Incident) (Incident, error) {
	i.Title = clean(i.Title)
	if i.Marking == tlp.Red {
		return i, fault.OnField("marking", "incident.marking.head_red", nil)
	}
	if err := i.Validate(); err != nil {
		return i, err
	}
	call := act.Call{Actor: actor, Verb: "incident.open", Purpose: purpose, Exercise: i.Exercise}
	err := in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) (err error) {
		if i.ID, err = tx.Next(ctx, "incident.incident"); err != nil {
			return err
		}
		i.State, i.Lead, i.OpenedAt, i.ChangedAt, i.OpenedBy, i.Version = Open, guard.OwnOrg, tx.Now(), tx.Now(), actor.ID, 1
		slices.Sort(i.Countries)
		i.Countries = slices.Compact(i.Countries)
		if err := in.insertIncident(ctx, tx, i); err != nil {
			return err
		}
		tx.Subject(subject(i.ID))
		tx.Detail(headDetail{string(i.Severity), i.Marking.String(), i.Class, string(i.State)})
		tx.Fact(Changed{Incident: i.ID, What: "opened", Orgs: []int64{guard.OwnOrg}})
		return nil
	})
	return i, err
}

type headDetail struct {
	Severity string `json:"severity"`
	Marking  string `json:"marking"`
	Class    string `json:"class,omitempty"`
	State    string `json:"state"`
}

// change is the frame of what changes an incident: whoever does it may know of it; an
// exercise marks the act. With a word for what changed, the head gets a new version and
// all who take part are told; without one, f tells those whom it concerns.
func (in *Incidents) change(ctx context.Context, call act.Call, id int64, what string, f func(context.Context, *act.Tx, *Incident) error) error {
	call.Subject, call.Purpose = subject(id), purpose
	viewer := ViewerOf(call.Actor)
	if call.Actor.Kind == act.Machine {
		viewer = Viewer{Org: guard.OwnOrg}
	}
	call.Resource = act.Resource{Kind: "incident", ID: subject(id), Org: call.Actor.Org}
	// Whoever may not know the incident gets NotFound, not a refusal that betrays it.
	first, err := in.Incident(ctx, in.read, viewer, id)
	if err != nil {
		return err
	}
	call.Resource.InAudience, call.Resource.Marking, call.Exercise = true, first.Marking.String(), first.Exercise
	open := goesOn(call.Verb) && call.Actor.Kind != act.Machine && !act.Within(ctx)
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		i, err := in.Incident(ctx, tx, viewer, id)
		if err != nil {
			return err
		}
		if open && i.State != Open {
			return closed()
		}
		if err := f(ctx, tx, &i); err != nil {
			return err
		}
		if what == "" {
			return nil
		}
		// Only the head has a version that everybody sees: what is written to some must
		// not show to the others as a change.
		if err := touch(ctx, tx, id); err != nil {
			return err
		}
		c, err := participating(ctx, tx, id)
		tx.Fact(Changed{Incident: id, What: what, Orgs: append(c.Orgs, guard.OwnOrg), Persons: c.Persons})
		return err
	})
}

// goesOn tells whether a verb goes on with the response, which is over when an incident is
// closed: whoever wants that reopens it. What follows from the response does not end with
// it: what was asked is answered, what is owed is filed, what was said is corrected or
// taken back, consent is withdrawn, calls are entered late, the last situation report is
// written, lessons are learned. What is part of another act is that one's to decide.
func goesOn(verb string) bool {
	return slices.Contains([]string{
		"incident.add_entry", "incident.change", "incident.add_participant", "incident.offer_lead", "incident.answer_lead", "incident.start_playbook",
		"incident.add_service", "incident.set_service", "incident.set_needs", "incident.sign_off",
		"incident.add_milestone", "incident.move_milestone", "incident.reach_milestone", "incident.drop_milestone",
		"incident.ask_resource", "incident.set_resource", "incident.cross_for_danger",
	}, verb)
}

// closed refuses what a closed incident takes no more.
func closed() error { return fault.New(fault.Conflict, "incident.state.closed", nil) }

// tellParties tells the desk, and those of some organisations who take part, that something
// of an incident changed for them; nobody else learns that anything did.
func (in *Incidents) tellParties(ctx context.Context, tx *act.Tx, incident int64, what string, orgs ...int64) error {
	part, err := in.Participants(ctx, tx, incident, false)
	f := Changed{Incident: incident, What: what, Orgs: []int64{guard.OwnOrg}}
	for _, p := range part {
		switch {
		case !slices.Contains(orgs, p.Org):
		case p.Person != 0:
			f.Persons = append(f.Persons, p.Person)
		case p.Org != guard.OwnOrg:
			f.Orgs = append(f.Orgs, p.Org)
		}
	}
	tx.Fact(f)
	return err
}

// participating lists the organisations that take part now, and the persons who do
// without their organisation.
func participating(ctx context.Context, r sqldb.Reader, incident int64) (c guard.Circle, err error) {
	c.Orgs, err = sqldb.All(ctx, r, sqldb.Int64, `select distinct org_id from incident_participant
		where incident_id = $1 and removed_at = 0 and person_id = 0 order by org_id`, incident)
	if err != nil {
		return c, err
	}
	c.Persons, err = sqldb.All(ctx, r, sqldb.Int64, `select distinct person_id from incident_participant
		where incident_id = $1 and removed_at = 0 and person_id <> 0 order by person_id`, incident)
	return c, err
}

// Head is what of an incident's head may be changed.
type Head struct {
	Title     string
	Class     string
	Severity  Severity
	Marking   tlp.Marking
	Countries []string
	Version   int64 // that was looked at
}

// ChangeHead puts another title, class, severity, marking or states affected.
func (in *Incidents) ChangeHead(ctx context.Context, actor act.Actor, id int64, h Head) error {
	h.Title = clean(h.Title)
	if h.Marking == tlp.Red {
		return fault.OnField("marking", "incident.marking.head_red", nil)
	}
	if err := (Incident{Title: h.Title, Class: h.Class, Severity: h.Severity, Marking: h.Marking, Countries: h.Countries}).Validate(); err != nil {
		return err
	}
	slices.Sort(h.Countries)
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.change"}, id, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.Version != h.Version {
			return changedMeanwhile()
		}
		tx.Detail(headDetail{string(h.Severity), h.Marking.String(), h.Class, string(i.State)})
		_, err := tx.ExecContext(ctx, `update incident set title = $1, class = $2, severity = $3, marking = $4, countries = $5 where id = $6`,
			h.Title, h.Class, string(h.Severity), h.Marking.String(), strings.Join(slices.Compact(h.Countries), " "), id)
		if err != nil {
			return err
		}
		return in.keepTitle(ctx, tx, id, h.Title)
	})
}

// Close ends the response: resolved or abandoned, with what came of it. What is still
// owed (tasks, questions) stays visible and keeps its state. What was merged into it is
// closed with it: open, it would be in no list.
func (in *Incidents) Close(ctx context.Context, actor act.Actor, id int64, to State, resolution string, version int64) error {
	resolution = clean(resolution)
	if err := checkText("resolution", resolution, MaxReason, true); err != nil {
		return err
	}
	if to != Resolved && to != Abandoned {
		return fault.OnField("state", "incident.state.close", nil)
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.close"}, id, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.State != Open {
			return fault.New(fault.Conflict, "incident.state.not_open", nil)
		}
		if i.Version != version {
			return changedMeanwhile()
		}
		tx.Detail(headDetail{string(i.Severity), i.Marking.String(), i.Class, string(to)})
		_, err := tx.ExecContext(ctx, `update incident set state = $1, closed_at = $2, resolution = $3, offered_org = 0 where state = 'open' and (id = $4 or merged_into = $4)`,
			string(to), clock.Micros(tx.Now()), resolution, id)
		return err
	})
}

// Reopen takes a closed incident up again, with what was closed with it, and says why.
func (in *Incidents) Reopen(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.reopen", Reason: reason}
	return in.change(ctx, call, id, "head", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.State == Open || i.MergedInto != 0 {
			return fault.New(fault.Conflict, "incident.state.not_closed", nil)
		}
		tx.Detail(headDetail{string(i.Severity), i.Marking.String(), i.Class, string(Open)})
		_, err := tx.ExecContext(ctx, `update incident set state = $1, closed_at = 0, resolution = '' where id = $2 or merged_into = $2 and closed_at = $3`,
			string(Open), id, clock.Micros(i.ClosedAt))
		return err
	})
}

// OfferLead offers the lead to an organisation that takes part; it accepts or declines.
// Offering it to nobody (0) takes an offer back.
func (in *Incidents) OfferLead(ctx context.Context, actor act.Actor, id, org int64) error {
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.offer_lead"}, id, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if actor.Org != i.Lead && actor.Org != guard.OwnOrg {
			return fault.New(fault.Denied, "incident.lead.not_yours", nil)
		}
		if org != 0 && org != guard.OwnOrg {
			if in, err := takesPart(ctx, tx, id, Viewer{Org: org}); err != nil || !in {
				return orElse(err, fault.OnField("organisation", "incident.lead.no_participant", nil))
			}
		}
		if org == i.Lead {
			return fault.OnField("organisation", "incident.lead.has_it", nil)
		}
		tx.Detail(orgDetail{org})
		if _, err := tx.ExecContext(ctx, `update incident set offered_org = $1 where id = $2`, org, id); err != nil {
			return err
		}
		return in.tellLead(ctx, tx, i, org)
	})
}

// tellLead tells of an offer those who see it: the desk, who leads, and whom it is and was
// made to.
func (in *Incidents) tellLead(ctx context.Context, tx *act.Tx, i *Incident, offered int64) error {
	if err := touch(ctx, tx, i.ID); err != nil {
		return err
	}
	return in.tellParties(ctx, tx, i.ID, "lead", i.Lead, i.Offered, offered)
}

type orgDetail struct {
	Org int64 `json:"org"`
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// AnswerLead accepts or declines the lead that was offered to the actor's organisation.
func (in *Incidents) AnswerLead(ctx context.Context, actor act.Actor, id int64, accept bool) error {
	what := "head"
	if !accept {
		what = "" // only they learn of it who knew of the offer
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.answer_lead"}, id, what, func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if i.Offered == 0 || i.Offered != actor.Org {
			return fault.New(fault.Conflict, "incident.lead.not_offered", nil)
		}
		lead := i.Lead
		if accept {
			lead = actor.Org
		}
		tx.Detail(struct {
			Org    int64 `json:"org"`
			Accept bool  `json:"accept"`
		}{actor.Org, accept})
		_, err := tx.ExecContext(ctx, `update incident set lead_org = $1, offered_org = 0 where id = $2`, lead, id)
		if err != nil || accept {
			return err
		}
		return in.tellLead(ctx, tx, i, 0)
	})
}

// skipNumbers leaves out numbers that a lost installation may have given away since its
// backup: a reply to one of its mails must not be taken for one to another incident.
func skipNumbers(ctx context.Context, tx *act.Tx) error {
	const more = 1 << 20 // than any lost one gave away since its last backup
	for _, sequence := range []string{"incident.incident", "incident.entry", "incident.report", "incident.mail"} {
		if _, err := tx.Reserve(ctx, sequence, more); err != nil {
			return err
		}
	}
	return nil
}
