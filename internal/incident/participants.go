package incident

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// NewParticipant says who is to take part.
type NewParticipant struct {
	Org    int64
	Person int64 // 0: whoever of the organisation
	Role   Role
	Tell   Tell   // empty: by mail
	Why    string // why it needs to know
}

// AddParticipant lets an organisation, or one person of it, take part from now on.
// It sees the head, and what is written to it from now on; nothing that stands already.
func (in *Incidents) AddParticipant(ctx context.Context, actor act.Actor, id int64, n NewParticipant) (p Participant, err error) {
	if n.Tell == "" {
		n.Tell = ByMail
	}
	n.Why = clean(n.Why)
	if err := known("role", "incident.role.unknown", Roles(), n.Role); err != nil {
		return p, err
	}
	if err := known("tell", "incident.tell.unknown", []Tell{ByMail, InPortal}, n.Tell); err != nil {
		return p, err
	}
	if err := checkText("why", n.Why, MaxReason, false); err != nil {
		return p, err
	}
	call := act.Call{Actor: actor, Verb: "incident.add_participant", Reason: n.Why}
	err = in.change(ctx, call, id, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if err := in.mayTakePart(ctx, tx, i, n); err != nil {
			return err
		}
		same, err := takesPart(ctx, tx, id, Viewer{Org: n.Org, Person: n.Person})
		if err != nil {
			return err
		}
		if same {
			return fault.OnField("organisation", "incident.participant.there", nil)
		}
		p = Participant{Incident: id, Org: n.Org, Person: n.Person, Role: n.Role, Tell: n.Tell, Why: n.Why, AddedAt: tx.Now(), AddedBy: actor.ID}
		if p.ID, err = tx.Next(ctx, "incident.participant"); err != nil {
			return err
		}
		tx.Detail(participantDetail{p.Org, p.Person, string(p.Role)})
		tx.Fact(p.changed())
		if _, err = tx.ExecContext(ctx, `insert into incident_participant (`+participantColumns+`)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '')`,
			p.ID, p.Incident, p.Org, p.Person, string(p.Role), string(p.Tell), p.Why, clock.Micros(p.AddedAt), p.AddedBy); err != nil {
			return err
		}
		return in.attach(ctx, tx, actor, i, n.Org)
	})
	return p, err
}

type participantDetail struct {
	Org    int64  `json:"org"`
	Person int64  `json:"person,omitempty"`
	Role   string `json:"role,omitempty"`
}

// mayTakePart refuses who has no standing, and real organisations in exercises.
func (in *Incidents) mayTakePart(ctx context.Context, r sqldb.Reader, i *Incident, n NewParticipant) error {
	if n.Org == guard.OwnOrg {
		return fault.OnField("organisation", "incident.participant.desk", nil)
	}
	o, err := in.Guard.Organisation(ctx, r, n.Org)
	if fault.CodeOf(err) == fault.NotFound || err == nil && !o.EndedAt.IsZero() {
		return fault.OnField("organisation", "incident.participant.no_organisation", nil)
	}
	if err != nil {
		return err
	}
	if i.Exercise && !o.Exercise {
		return fault.OnField("organisation", "incident.participant.exercise", nil)
	}
	if n.Person == 0 {
		return nil
	}
	p, err := in.Guard.Person(ctx, r, n.Person)
	if fault.CodeOf(err) == fault.NotFound || err == nil && (p.Org != n.Org || !p.Active) {
		return fault.OnField("person", "incident.participant.no_person", nil)
	}
	return err
}

// RemoveParticipant ends the participation at once: from this moment nothing of the
// incident exists for them, their open pages included. What they wrote stays.
func (in *Incidents) RemoveParticipant(ctx context.Context, actor act.Actor, id, participant int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.remove_participant", Reason: reason}
	return in.change(ctx, call, id, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		p, ok, err := sqldb.One(ctx, tx, scanParticipant, `select `+participantColumns+` from incident_participant
			where id = $1 and incident_id = $2 and removed_at = 0`, participant, id)
		if err != nil || !ok {
			return orElse(err, fault.New(fault.NotFound, "incident.participant.none", nil))
		}
		if p.Org == i.Lead {
			return fault.New(fault.Conflict, "incident.participant.leads", nil)
		}
		tx.Fact(p.changed()) // the page is gone
		tx.Detail(participantDetail{p.Org, p.Person, string(p.Role)})
		if _, err := tx.ExecContext(ctx, `update incident set offered_org = 0 where id = $1 and offered_org = $2`, id, p.Org); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `update incident_participant set removed_at = $1, removed_by = $2 where id = $3`,
			clock.Micros(tx.Now()), actor.ID, participant)
		return err
	})
}

// changed tells the desk, and whoever comes or goes, that somebody did. The others may
// not learn of it.
func (p *Participant) changed() Changed {
	f := Changed{Incident: p.Incident, What: "participants", Orgs: []int64{guard.OwnOrg}}
	if p.Person != 0 {
		f.Persons = []int64{p.Person}
	} else {
		f.Orgs = append(f.Orgs, p.Org)
	}
	return f
}

// Participants lists who takes part, and with all also who did. The caller may know
// the incident; whether a viewer may see the others is for the page to say.
func (in *Incidents) Participants(ctx context.Context, r sqldb.Reader, incident int64, all bool) ([]Participant, error) {
	removed := int64(0)
	if all {
		removed = 1 << 62
	}
	return sqldb.All(ctx, r, scanParticipant, `select `+participantColumns+` from incident_participant
		where incident_id = $1 and removed_at <= $2 order by removed_at, added_at, id`, incident, removed)
}
