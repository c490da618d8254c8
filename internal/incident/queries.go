package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Filter says which incidents to list; zero fields do not filter.
type Filter struct {
	State    State
	Severity Severity
	Class    string
	Lead     int64  // organisation
	With     int64  // organisation that takes part
	Exercise bool   // the exercises, else the real ones
	Came     Origin // those that came from another system
	Since    int64  // those opened here not before this one
	Before   int64  // keyset: those opened before this one
	Limit    int    // default 50
}

// List lists the incidents that a viewer may know of, newest first. What was merged
// into another is there under the other.
func (in *Incidents) List(ctx context.Context, r sqldb.Reader, v Viewer, f Filter) ([]Incident, error) {
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	if f.Limit <= 0 {
		f.Limit = 50
	}
	where, args := f.where(v)
	return sqldb.All(ctx, r, scanIncident, `select `+incidentColumns+` from incident i where `+where+
		fmt.Sprintf(" and i.id < $%d order by i.id desc limit $%d", len(args)+1, len(args)+2), append(args, f.Before, min(f.Limit, 1000))...)
}

// Count counts what List would list in all, at most most.
func (in *Incidents) Count(ctx context.Context, r sqldb.Reader, v Viewer, f Filter, most int) (int64, error) {
	where, args := f.where(v)
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from (select 1 from incident i where `+where+
		fmt.Sprintf(" limit $%d) as found", len(args)+1), append(args, most)...)
	return n, err
}

func (f Filter) where(v Viewer) (string, []any) {
	args := []any{v.Org, v.Person, f.Exercise}
	conditions := []string{mayKnow, "i.exercise = $3", "i.merged_into = 0"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(condition, len(args)))
	}
	if f.State != "" {
		add("i.state = $%d", string(f.State))
	}
	if f.Severity != "" {
		add("i.severity = $%d", string(f.Severity))
	}
	if f.Class != "" {
		add("i.class = $%d", f.Class)
	}
	if f.Lead != 0 {
		add("i.lead_org = $%d", f.Lead)
	}
	if f.Came != "" {
		add("i.imported >= $%d", string(f.Came)+":")
		add("i.imported < $%d", string(f.Came)+";") // what follows the colon
	}
	if f.Since != 0 {
		add("i.id >= $%d", f.Since)
	}
	if f.With != 0 {
		add("i.id in (select incident_id from incident_participant where org_id = $%d and removed_at = 0)", f.With)
	}
	return strings.Join(conditions, " and "), args
}

// Story lists the entries of an incident, and of those merged into it, that a viewer
// may see, in the order in which things happened.
func (in *Incidents) Story(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Entry, error) {
	return sqldb.All(ctx, r, scanEntry, `select `+entryColumns+` from incident_entry e
		where e.incident_id in (select id from incident where id = $3 or merged_into = $3) and `+maySee+`
		order by e.at, e.id`, v.Org, v.Person, incident)
}

// Merged lists the incidents that were merged into one, as far as a viewer may know.
func (in *Incidents) Merged(ctx context.Context, r sqldb.Reader, v Viewer, into int64) ([]Incident, error) {
	return sqldb.All(ctx, r, scanIncident, `select `+incidentColumns+` from incident i where `+mayKnow+` and i.merged_into = $3 order by i.id`,
		v.Org, v.Person, into)
}

// History lists what an entry said before, oldest first; for whoever sees the entry
// and was in the audience of the version.
func (in *Incidents) History(ctx context.Context, r sqldb.Reader, v Viewer, entry int64) ([]Version, error) {
	if _, err := in.Entry(ctx, r, v, entry); err != nil {
		return nil, err
	}
	return sqldb.All(ctx, r, scanVersion, `select h.version, h.text, h.marking, h.by_id, h.at from incident_entry_version h
		where h.entry_id = $3 and h.audience_id in (select audience_id from guard_audience_org where org_id = $1
			union all select audience_id from guard_audience_person where person_id = $2)
		and (h.marking <> 'TLP:RED' or h.audience_id in (select audience_id from guard_audience_person where person_id = $2))
		order by h.version`, v.Org, v.Person, entry)
}

// Version is what an entry said before.
type Version struct {
	Version int64
	Text    string
	Marking string
	By      string // who replaced it
	At      time.Time
}

func scanVersion(r sqldb.Row) (h Version, err error) {
	var at int64
	err = r.Scan(&h.Version, &h.Text, &h.Marking, &h.By, &at)
	h.At = clock.FromMicros(at)
	return h, err
}
