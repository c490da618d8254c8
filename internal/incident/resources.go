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
	"almenara.example/tlp"
)

// ResourceState is how far something that was asked for has come.
type ResourceState string

// The states of resources.
const (
	ResourceAsked     ResourceState = "asked"
	ResourceOffered   ResourceState = "offered"
	ResourceAccepted  ResourceState = "accepted"
	ResourceDelivered ResourceState = "delivered"
	ResourceDeclined  ResourceState = "declined"
)

// Resource is something that one participant asks of the others.
type Resource struct {
	Entry     int64 // that asks, with the words
	Incident  int64
	AskedBy   int64
	GivenBy   int64 // 0: nobody yet
	State     ResourceState
	ChangedAt time.Time
	Version   int64
	Text      string
	Marking   tlp.Marking
}

const resourceColumns = `q.entry_id, q.incident_id, q.asked_by, q.given_by, q.state, q.changed_at, q.version, e.text, e.marking`

func scanResource(r sqldb.Row) (q Resource, err error) {
	var at int64
	var marking string
	err = r.Scan(&q.Entry, &q.Incident, &q.AskedBy, &q.GivenBy, &q.State, &at, &q.Version, &q.Text, &marking)
	if err != nil {
		return q, err
	}
	q.ChangedAt = clock.FromMicros(at)
	q.Marking, err = tlp.Parse(marking)
	return q, err
}

// Resources lists what was asked for in an incident, as far as a viewer sees it.
func (in *Incidents) Resources(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Resource, error) {
	return sqldb.All(ctx, r, scanResource, `select `+resourceColumns+` from incident_resource q join incident_entry e on e.id = q.entry_id
		where q.incident_id in (select id from incident where id = $3 or merged_into = $3) and e.retracted_at = 0 and `+maySee+` order by q.entry_id`, v.Org, v.Person, incident)
}

// AskResource asks the others for something, by an entry that those in its audience see.
func (in *Incidents) AskResource(ctx context.Context, actor act.Actor, incident int64, n NewEntry) (e Entry, err error) {
	n.Kind, n.Task = Note, nil
	if err := n.validate(in.Acts.Clock().Now()); err != nil {
		return e, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.ask_resource"}, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		if e, err = in.addEntry(ctx, tx, actor, i, n); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into incident_resource (entry_id, incident_id, asked_by, given_by, state, changed_at, version)
			values ($1, $2, $3, 0, $4, $5, 1)`, e.ID, incident, e.Owner, string(ResourceAsked), clock.Micros(tx.Now()))
		return err
	})
	return e, err
}

// Next are the states that may follow.
func (s ResourceState) Next() []ResourceState {
	switch s {
	case ResourceAsked:
		return []ResourceState{ResourceOffered, ResourceDeclined}
	case ResourceOffered:
		return []ResourceState{ResourceAccepted, ResourceDeclined}
	case ResourceAccepted:
		return []ResourceState{ResourceDelivered, ResourceDeclined}
	case ResourceDelivered, ResourceDeclined:
	}
	return nil
}

// NextFor are the states to which an organisation may move it.
func (q Resource) NextFor(org int64) (out []ResourceState) {
	for _, to := range q.State.Next() {
		try := q
		if try.move(org, to, org) == nil || org == guard.OwnOrg && to == ResourceOffered {
			out = append(out, to)
		}
	}
	return out
}

// SetResource moves what was asked for: somebody who sees it offers or declines it, who
// asked accepts the offer, who gives says that it was delivered. The desk may enter any
// of these for them.
func (in *Incidents) SetResource(ctx context.Context, actor act.Actor, entry int64, to ResourceState, giver, version int64) error {
	seen, err := in.Entry(ctx, in.read, ViewerOf(actor), entry)
	if err != nil {
		return err
	}
	return in.change(ctx, act.Call{Actor: actor, Verb: "incident.set_resource"}, seen.Incident, "", func(ctx context.Context, tx *act.Tx, _ *Incident) error {
		q, ok, err := sqldb.One(ctx, tx, scanResource, `select `+resourceColumns+` from incident_resource q join incident_entry e on e.id = q.entry_id
			where q.entry_id = $3 and `+maySee, ViewerOf(actor).Org, ViewerOf(actor).Person, entry)
		if err != nil || !ok {
			return orElse(err, notFound())
		}
		if q.Version != version {
			return changedMeanwhile()
		}
		if giver == 0 || actor.Org != guard.OwnOrg {
			giver = actor.Org
		}
		if err := in.canGive(ctx, tx, &seen, giver); err != nil {
			return err
		}
		if err := q.move(actor.Org, to, giver); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_resource set state = $1, given_by = $2, changed_at = $3, version = version + 1 where entry_id = $4`,
			string(q.State), q.GivenBy, clock.Micros(tx.Now()), entry); err != nil {
			return err
		}
		return in.tellEntry(ctx, tx, "resource", seen)
	})
}

// canGive refuses a giver who does not see what is asked for: those who see it would
// learn of him.
func (in *Incidents) canGive(ctx context.Context, r sqldb.Reader, asked *Entry, giver int64) error {
	c, err := in.Guard.CircleOf(ctx, r, asked.Audience)
	if err != nil {
		return err
	}
	persons := slices.ContainsFunc(c.Persons, func(id int64) bool {
		one, err := in.Guard.Person(ctx, r, id)
		return err == nil && one.Org == giver
	})
	if giver != guard.OwnOrg && giver != asked.Owner && !persons && !slices.Contains(c.Orgs, giver) {
		return fault.OnField("giver", "incident.resource.giver", nil)
	}
	return nil
}

// move holds the life of a resource: who may say what, and when.
func (q *Resource) move(by int64, to ResourceState, giver int64) error {
	desk := by == guard.OwnOrg
	switch {
	case q.State == ResourceAsked && to == ResourceOffered && giver != q.AskedBy:
		q.GivenBy = giver
	case q.State == ResourceOffered && to == ResourceAccepted && (desk || by == q.AskedBy):
	case q.State == ResourceAccepted && to == ResourceDelivered && (desk || by == q.GivenBy || by == q.AskedBy):
	case q.State != ResourceDelivered && q.State != ResourceDeclined && to == ResourceDeclined && (desk || by == q.AskedBy || by == q.GivenBy):
	default:
		return fault.New(fault.Conflict, "incident.resource.move", nil)
	}
	q.State = to
	return nil
}
