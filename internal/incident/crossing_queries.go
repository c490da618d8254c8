package incident

import (
	"context"
	"fmt"
	"strings"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// CrossingFilter says which crossings to list; zero fields do not filter.
type CrossingFilter struct {
	Incident int64
	Org      int64 // the police
	Exercise bool  // the exercises, else the real ones
	Both     bool  // real ones and exercises
	Before   int64 // keyset
	Limit    int   // default 50
}

// Crossings lists crossings, newest first: for the desk and for oversight.
func (in *Incidents) Crossings(ctx context.Context, r sqldb.Reader, f CrossingFilter) ([]Crossing, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	args := []any{f.Before, min(f.Limit, 1000)}
	where := []string{"c.id < $1"}
	add := func(column string, v any) {
		args = append(args, v)
		where = append(where, fmt.Sprintf("%s = $%d", column, len(args)))
	}
	if f.Incident != 0 {
		add("c.incident_id", f.Incident)
	}
	if f.Org != 0 {
		add("c.org_id", f.Org)
	}
	if !f.Both {
		add("c.exercise", f.Exercise)
	}
	return sqldb.All(ctx, r, scanCrossing, `select `+crossingColumns+` from incident_crossing c where `+strings.Join(where, " and ")+
		` order by c.id desc limit $2`, args...)
}

// Crossing returns one; NotFound when there is none.
func (in *Incidents) Crossing(ctx context.Context, r sqldb.Reader, id int64) (Crossing, error) {
	return crossing(ctx, r, id)
}

// CrossingNumber is the number by which people know a crossing. It says nothing of the
// incident.
func (in *Incidents) CrossingNumber(id int64) string { return in.CrossingNumbers.Format(uint64(id)) }

// CrossingNumbered returns the crossing of a number; NotFound also for what is none.
func (in *Incidents) CrossingNumbered(ctx context.Context, r sqldb.Reader, number string) (Crossing, error) {
	id, err := in.CrossingNumbers.Parse(number)
	if err != nil {
		return Crossing{}, notFound()
	}
	return crossing(ctx, r, int64(id))
}

// CrossingLines lists the lines of a crossing as they crossed.
func (in *Incidents) CrossingLines(ctx context.Context, r sqldb.Reader, id int64) ([]Line, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (l Line, err error) {
		var marking string
		var at int64
		if err := row.Scan(&l.Crossing, &l.Entry, &l.Version, &l.Place, &l.Owner, &l.Kind, &marking, &at, &l.Text, &l.Observables); err != nil {
			return l, err
		}
		l.At = clock.FromMicros(at)
		l.Marking, err = tlp.Parse(marking)
		return l, err
	}, `select crossing_id, entry_id, entry_version, place, owner_org, kind, marking, at, text, observables from incident_crossing_line
		where crossing_id = $1 order by place`, id)
}

// SeesCrossing tells whether a viewer sees every entry of which lines crossed.
func (in *Incidents) SeesCrossing(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (bool, error) {
	hidden, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_crossing_line l where l.crossing_id = $3
		and not exists (select 1 from incident_entry e where e.id = l.entry_id and `+maySee+`)`, v.Org, v.Person, id)
	return hidden == 0, err
}

// CrossingFiles lists the files that crossed; Entry is the line's.
func (in *Incidents) CrossingFiles(ctx context.Context, r sqldb.Reader, id int64) ([]File, error) {
	return sqldb.All(ctx, r, scanFile, `select id, entry_id, blob, name, type, size from incident_crossing_file where crossing_id = $1 order by id`, id)
}

// CrossingCalls lists the calls about a crossing, first to last.
func (in *Incidents) CrossingCalls(ctx context.Context, r sqldb.Reader, id int64) ([]CrossingCall, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (n CrossingCall, err error) {
		var at, recorded int64
		err = row.Scan(&n.ID, &n.Crossing, &n.About, &n.Name, &n.Phone, &n.Outcome, &n.Note, &at, &n.By, &recorded)
		n.At, n.RecordedAt = clock.FromMicros(at), clock.FromMicros(recorded)
		return n, err
	}, `select id, crossing_id, about, name, phone, outcome, note, at, by_id, recorded_at from incident_crossing_call where crossing_id = $1 order by at, id`, id)
}

// CrossingReaders lists who of the police has opened the package, first to last.
func (in *Incidents) CrossingReaders(ctx context.Context, r sqldb.Reader, id int64) ([]Seen, error) {
	return sqldb.All(ctx, r, func(row sqldb.Row) (s Seen, err error) {
		var at int64
		err = row.Scan(&s.Person, &at)
		s.At = clock.FromMicros(at)
		return s, err
	}, `select person_id, at from incident_crossing_seen where crossing_id = $1 order by at, person_id`, id)
}

// CallLine is somebody to be called.
type CallLine struct {
	Person int64
	Name   string
	Role   string
	Phone  string
	Hours  string
}

// CrossingCallSheet is whom to call about a crossing: the police's contacts with the
// directory's numbers; of an alarm, the desk's duty leads as well.
func (in *Incidents) CrossingCallSheet(ctx context.Context, r sqldb.Reader, c Crossing, alarm bool) (out []CallLine, err error) {
	contacts, err := in.Directory(ctx, r, c.Org)
	if err != nil {
		return nil, err
	}
	for _, p := range contacts {
		if p.Phone != "" {
			out = append(out, CallLine{p.Person, p.Name, p.Role, p.Phone, p.Hours})
		}
	}
	if !alarm {
		return out, nil
	}
	for _, role := range []string{guard.RoleDutyLead, guard.RoleOversight} {
		people, err := in.Guard.Persons(ctx, r, guard.PersonFilter{Role: role, Limit: 50})
		if err != nil {
			return nil, err
		}
		for _, p := range people {
			if p.Active && p.Phone != "" {
				out = append(out, CallLine{p.ID, p.Name, role, p.Phone, ""})
			}
		}
	}
	return out, nil
}

// CrossingNeed is what a crossing leaves to do.
type CrossingNeed struct {
	Crossing Crossing
	Alarm    bool // nobody reviewed it in time: it was recalled
}

// CrossingNeeds lists the crossings that wait for their review, the soonest first; those
// whose time has passed in silence are alarms until somebody looks.
func (in *Incidents) CrossingNeeds(ctx context.Context, r sqldb.Reader) (out []CrossingNeed, err error) {
	all, err := sqldb.All(ctx, r, scanCrossing, `select `+crossingColumns+` from incident_crossing c where c.reviewed_at = 0
		order by c.review_due limit 200`)
	for _, c := range all {
		if !c.Open() && c.AlarmAt.IsZero() {
			continue // taken back before its time
		}
		out = append(out, CrossingNeed{c, !c.AlarmAt.IsZero()})
	}
	return out, err
}

// CrossingFile returns the file with a place among the files of a crossing, counted from
// 1, with its bytes; NotFound for what is none.
func (in *Incidents) CrossingFile(ctx context.Context, r sqldb.Reader, id int64, place int) (f File, body []byte, err error) {
	files, err := in.CrossingFiles(ctx, r, id)
	if err != nil || place < 1 || place > len(files) {
		return f, nil, orElse(err, notFound())
	}
	f = files[place-1]
	if body, err = in.blobOf(ctx, f.Blob); err != nil {
		err = fmt.Errorf("open file %d of crossing %d: %w", place, id, err)
	}
	return f, body, err
}
