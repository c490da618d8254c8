package incident

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// What organisations outside ask: their incidents, whom they know there, what they owe.

// Ref is the name of an entry for those outside, who must not be able to count.
func (in *Incidents) Ref(entry int64) string { return in.Refs.Format(uint64(entry)) }

// FileRef is the name of a file for those outside.
func (in *Incidents) FileRef(file int64) string { return in.FileRefs.Format(uint64(file)) }

// ByRef returns the entry that a Ref names; NotFound for what is none.
func (in *Incidents) ByRef(ref string) (int64, error) { return parseRef(in.Refs, ref) }

// ByFileRef returns the file that a FileRef names; NotFound for what is none.
func (in *Incidents) ByFileRef(ref string) (int64, error) { return parseRef(in.FileRefs, ref) }

func parseRef(of *id.Numbers, ref string) (int64, error) {
	n, err := of.Parse(ref)
	if err != nil {
		return 0, notFound()
	}
	return int64(n), nil
}

// Mine lists the incidents in which a viewer outside takes part, newest first. One that
// was merged into another is there for whoever does not take part in the other: nobody
// learns from a list what was merged into what.
func (in *Incidents) Mine(ctx context.Context, r sqldb.Reader, v Viewer, f Filter) ([]Incident, error) {
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	return sqldb.All(ctx, r, scanIncident, `select `+incidentColumns+` from incident i where `+mayKnow+` and i.exercise = $3 and i.id < $4
		and ($5 = '' or i.state = $5) and (i.merged_into = 0 or not exists (select 1 from incident_participant m
			where m.incident_id = i.merged_into and m.removed_at = 0 and m.org_id = $1 and m.person_id in (0, $2)))
		order by i.id desc limit $6`, v.Org, v.Person, f.Exercise, f.Before, string(f.State), min(f.Limit, 1000))
}

// Owed lists what a viewer outside owes and has not done, the soonest first.
func (in *Incidents) Owed(ctx context.Context, r sqldb.Reader, v Viewer) ([]Task, error) {
	open := []any{string(Todo), string(Doing), string(OnHold), string(Asked), string(PendingActivation), string(PendingRemoval)}
	return sqldb.All(ctx, r, scanTask, `select `+taskColumns+` from incident_task t join incident_entry e on e.id = t.entry_id
		where t.org_id = $1 and t.person_id in (0, $2) and t.state in `+sqldb.In(3, len(open))+` and e.retracted_at = 0 and `+maySee+`
		order by case t.due_at when 0 then 1 else 0 end, t.due_at, t.entry_id limit 200`, append([]any{v.Org, v.Person}, open...)...)
}

// Reach tells who of a circle can see something in an incident now.
type Reach struct {
	orgs    map[int64]bool // all of whose people take part
	persons map[int64]bool // who take part by name
	some    map[int64]bool // organisations of which somebody does
}

// ReachOf reads who takes part in an incident.
func (in *Incidents) ReachOf(ctx context.Context, r sqldb.Reader, incident int64) (*Reach, error) {
	x := &Reach{map[int64]bool{guard.OwnOrg: true}, map[int64]bool{}, map[int64]bool{guard.OwnOrg: true}}
	ps, err := in.Participants(ctx, r, incident, false)
	for _, p := range ps {
		x.some[p.Org] = true
		if p.Person == 0 {
			x.orgs[p.Org] = true
		} else {
			x.persons[p.Person] = true
		}
	}
	return x, err
}

// Whole tells whether all people of an organisation take part.
func (x *Reach) Whole(org int64) bool { return x.orgs[org] }

// Orgs leaves those of which somebody takes part.
func (x *Reach) Orgs(c guard.Circle) (out []int64) {
	for _, org := range c.Orgs {
		if x.some[org] {
			out = append(out, org)
		}
	}
	return out
}

// Person tells whether a person of an organisation takes part.
func (x *Reach) Person(org, person int64) bool { return x.orgs[org] || x.persons[person] }

// AuthorOf is the person who wrote an entry; false for a machine.
func AuthorOf(e *Entry) (int64, bool) {
	digits, ok := strings.CutPrefix(e.Author, "person:")
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil && id > 0
}

// ReadersOf lists the organisations, but for the own one, whose people have seen an
// entry; for the organisation whose word it is.
func (in *Incidents) ReadersOf(ctx context.Context, r sqldb.Reader, v Viewer, entry int64) (orgs []int64, err error) {
	seen, err := in.SeenBy(ctx, r, v, entry)
	if err != nil {
		return nil, err
	}
	for _, s := range seen {
		if s.Org != v.Org && !slices.Contains(orgs, s.Org) {
			orgs = append(orgs, s.Org)
		}
	}
	return orgs, nil
}
