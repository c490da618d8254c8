package incident

import (
	"context"
	"strconv"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Viewer is who looks. Person is 0 for the local operator, who is nobody by name.
type Viewer struct {
	Org    int64
	Person int64
}

// ViewerOf is an actor as a viewer.
func ViewerOf(a act.Actor) Viewer {
	v := Viewer{Org: a.Org}
	if digits, ok := strings.CutPrefix(a.ID, "person:"); ok {
		v.Person, _ = strconv.ParseInt(digits, 10, 64) // anything else is nobody
	}
	return v
}

// Desk tells whether the viewer is of the installation's own organisation.
func (v Viewer) Desk() bool { return v.Org == guard.OwnOrg }

// mayKnow is the condition on an incident i that a viewer ($1 organisation, $2 person)
// takes part in it or is of the desk.
const mayKnow = `($1 = 1 or exists (select 1 from incident_participant p where p.incident_id = i.id and p.removed_at = 0
	and p.org_id = $1 and p.person_id in (0, $2)))`

// inAudience is the condition on an entry e that a viewer ($1 organisation, $2 person) is
// in its audience.
const inAudience = `e.audience_id in (select audience_id from guard_audience_org where org_id = $1
		union all select audience_id from guard_audience_person where person_id = $2)
	and (e.marking <> 'TLP:RED' or e.audience_id in (select audience_id from guard_audience_person where person_id = $2))`

// maySee is the condition on an entry e that it exists for a viewer ($1 organisation,
// $2 person): in its audience, and taking part now.
const maySee = `(` + inAudience + `
	and ($1 = 1 or exists (select 1 from incident_participant p where p.incident_id = e.incident_id and p.removed_at = 0
		and p.org_id = $1 and p.person_id in (0, $2))))`

// mayAnswer is the condition on a consent c that a viewer ($1 organisation, $2 person)
// decides about it: the words are his organisation's and he is in their audience, whether
// it takes part still or not. Where it left the matter to persons by name, in the incident
// or in one from which the words were split off, it is theirs alone.
const mayAnswer = `(c.org_id = $1 and exists (select 1 from incident_entry e where e.id = c.entry_id and e.owner_org = $1 and ` + inAudience + `
	and (not exists (` + tookPart + `) or exists (` + tookPart + ` and p.person_id in (0, $2)))))`

const tookPart = `select 1 from incident_participant p where p.org_id = $1
	and (p.incident_id = e.incident_id or p.incident_id in (select m.from_id from incident_move m where m.entry_id = e.id))`

// Incident returns an incident that a viewer may know of; NotFound for any other.
func (in *Incidents) Incident(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Incident, error) {
	i, ok, err := sqldb.One(ctx, r, scanIncident, `select `+incidentColumns+` from incident i where `+mayKnow+` and i.id = $3`, v.Org, v.Person, id)
	if err == nil && !ok {
		err = notFound()
	}
	return i, err
}

// Numbered returns the incident of a number; NotFound also for what is no number.
func (in *Incidents) Numbered(ctx context.Context, r sqldb.Reader, v Viewer, number string) (Incident, error) {
	id, err := in.Numbers.Parse(number)
	if err != nil {
		return Incident{}, notFound()
	}
	return in.Incident(ctx, r, v, int64(id))
}

// Entry returns an entry that a viewer may see; NotFound for any other.
func (in *Incidents) Entry(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Entry, error) {
	e, ok, err := sqldb.One(ctx, r, scanEntry, `select `+entryColumns+` from incident_entry e where `+maySee+` and e.id = $3`, v.Org, v.Person, id)
	if err == nil && !ok {
		err = notFound()
	}
	return e, err
}

// takesPart tells whether an organisation, or a person of it, takes part now.
func takesPart(ctx context.Context, r sqldb.Reader, incident int64, v Viewer) (bool, error) {
	if v.Desk() {
		return true, nil
	}
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_participant where incident_id = $1 and removed_at = 0
		and org_id = $2 and person_id in (0, $3)`, incident, v.Org, v.Person)
	return n > 0, err
}
