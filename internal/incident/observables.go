package incident

import (
	"context"
	"fmt"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/observable"
)

// MaxObservables bounds how many one entry has.
const MaxObservables = 1000

// NewObservable is something technical to be noted: an address, a name, a hash, an
// account. An empty kind is found out.
type NewObservable struct {
	Kind  observable.Kind
	Value string
}

// Sight is an observable in an entry.
type Sight struct {
	ID       int64
	Entry    int64
	Incident int64
	Kind     observable.Kind
	Value    string // canonical
	Key      string // the same for the same thing
}

// Defanged writes it so that no program makes a link of it.
func (s Sight) Defanged() string {
	return observable.Defang(observable.Observable{Kind: s.Kind, Value: s.Value})
}

// parse checks one and gives it its canonical form.
func (n NewObservable) parse() (observable.Observable, error) {
	if n.Kind == "" {
		if o, ok := observable.Detect(n.Value); ok {
			return o, nil
		}
		return observable.Observable{}, fmt.Errorf("%q is of no kind that is known here", fault.Clip(n.Value))
	}
	return observable.Parse(n.Kind, n.Value)
}

func checkObservables(list []NewObservable) error {
	if len(list) > MaxObservables {
		return fault.OnField("observables", "incident.observable.many", fault.Args{"Max": MaxObservables})
	}
	for _, n := range list {
		if _, err := n.parse(); err != nil {
			return fault.OnField("observables", "incident.observable.wrong", fault.Args{"Value": fault.Clip(n.Value), "Why": fault.Clip(err.Error())})
		}
	}
	return nil
}

func (in *Incidents) addObservables(ctx context.Context, tx *act.Tx, e *Entry, list []NewObservable) error {
	seen := map[string]bool{}
	for _, n := range list {
		o, err := n.parse()
		if err != nil {
			return fmt.Errorf("observable of entry %d: %w", e.ID, err)
		}
		key := observable.Key(o)
		if seen[key] {
			continue
		}
		seen[key] = true
		id, err := tx.Next(ctx, "incident.observable")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_observable (id, entry_id, incident_id, kind, value, link_key)
			values ($1, $2, $3, $4, $5, $6)`, id, e.ID, e.Incident, string(o.Kind), o.Value, key); err != nil {
			return err
		}
	}
	return nil
}

const sightColumns = `o.id, o.entry_id, o.incident_id, o.kind, o.value, o.link_key`

func scanSight(r sqldb.Row) (s Sight, err error) {
	return s, r.Scan(&s.ID, &s.Entry, &s.Incident, &s.Kind, &s.Value, &s.Key)
}

// Observables lists the observables of an incident's entries that a viewer may see.
func (in *Incidents) Observables(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Sight, error) {
	return sqldb.All(ctx, r, scanSight, `select `+sightColumns+` from incident_observable o join incident_entry e on e.id = o.entry_id
		where o.incident_id in (select id from incident where id = $3 or merged_into = $3) and e.retracted_at = 0 and `+maySee+` order by o.id`, v.Org, v.Person, incident)
}

// Links lists where else an observable was seen, newest first, as far as the viewer may
// see those entries: in other incidents, and no hint of any that he may not.
func (in *Incidents) Links(ctx context.Context, r sqldb.Reader, v Viewer, key string, notIn int64, limit int) ([]Sight, error) {
	return sqldb.All(ctx, r, scanSight, `select `+sightColumns+` from incident_observable o join incident_entry e on e.id = o.entry_id
		where o.link_key = $3 and o.incident_id <> $4 and e.retracted_at = 0 and `+maySee+` order by o.id desc limit $5`,
		v.Org, v.Person, key, notIn, limit)
}
