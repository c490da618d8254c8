package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/tlp"
)

// stamp writes a time, 0 for none.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return clock.Micros(t)
}

const incidentColumns = `id, state, title, class, severity, marking, lead_org, offered_org, countries, exercise, opened_at,
	opened_by, changed_at, closed_at, resolution, merged_into, split_from, imported, version`

func scanIncident(r sqldb.Row) (i Incident, err error) {
	var marking, countries string
	var opened, changed, closed int64
	err = r.Scan(&i.ID, &i.State, &i.Title, &i.Class, &i.Severity, &marking, &i.Lead, &i.Offered, &countries, &i.Exercise, &opened,
		&i.OpenedBy, &changed, &closed, &i.Resolution, &i.MergedInto, &i.SplitFrom, &i.Imported, &i.Version)
	if err != nil {
		return i, err
	}
	i.Countries = strings.Fields(countries)
	i.OpenedAt, i.ChangedAt, i.ClosedAt = clock.FromMicros(opened), clock.FromMicros(changed), clock.FromMicros(closed)
	if i.Marking, err = tlp.Parse(marking); err != nil {
		err = fmt.Errorf("marking of incident %d: %w", i.ID, err)
	}
	return i, err
}

func (in *Incidents) insertIncident(ctx context.Context, tx *act.Tx, i Incident) error {
	_, err := tx.ExecContext(ctx, `insert into incident (`+incidentColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
		i.ID, string(i.State), i.Title, i.Class, string(i.Severity), i.Marking.String(), i.Lead, i.Offered, strings.Join(i.Countries, " "),
		i.Exercise, stamp(i.OpenedAt), i.OpenedBy, stamp(i.ChangedAt), stamp(i.ClosedAt), i.Resolution, i.MergedInto, i.SplitFrom, i.Imported, i.Version)
	if err != nil {
		return err
	}
	return in.keepTitle(ctx, tx, i.ID, i.Title)
}

// get returns an incident whoever asks; NotFound when there is none.
func get(ctx context.Context, r sqldb.Reader, id int64) (Incident, error) {
	i, ok, err := sqldb.One(ctx, r, scanIncident, `select `+incidentColumns+` from incident where id = $1`, id)
	if err == nil && !ok {
		err = notFound()
	}
	return i, err
}

// notFound is also what somebody gets who may not know that there is such a thing.
func notFound() error { return fault.New(fault.NotFound, "incident.none", nil) }

func changedMeanwhile() error { return fault.New(fault.Conflict, "incident.changed_meanwhile", nil) }

const participantColumns = `id, incident_id, org_id, person_id, role, tell, why, added_at, added_by, removed_at, removed_by`

func scanParticipant(r sqldb.Row) (p Participant, err error) {
	var added, removed int64
	err = r.Scan(&p.ID, &p.Incident, &p.Org, &p.Person, &p.Role, &p.Tell, &p.Why, &added, &p.AddedBy, &removed, &p.RemovedBy)
	p.AddedAt, p.RemovedAt = clock.FromMicros(added), clock.FromMicros(removed)
	return p, err
}

const entryColumns = `e.id, e.incident_id, e.kind, e.owner_org, e.author, e.by_name, e.marking, e.audience_id, e.at, e.recorded_at, e.text,
	e.reply_to, e.source, e.source_id, e.exercise, e.version, e.changed_at, e.retracted_at, e.retracted, e.act_order`

func scanEntry(r sqldb.Row) (e Entry, err error) {
	var marking string
	var at, recorded, changed, retracted int64
	err = r.Scan(&e.ID, &e.Incident, &e.Kind, &e.Owner, &e.Author, &e.By, &marking, &e.Audience, &at, &recorded, &e.Text,
		&e.ReplyTo, &e.Source, &e.SourceID, &e.Exercise, &e.Version, &changed, &retracted, &e.Retracted, &e.Order)
	if err != nil {
		return e, err
	}
	e.At, e.RecordedAt, e.ChangedAt, e.RetractedAt = clock.FromMicros(at), clock.FromMicros(recorded), clock.FromMicros(changed), clock.FromMicros(retracted)
	if e.Marking, err = tlp.Parse(marking); err != nil {
		err = fmt.Errorf("marking of entry %d: %w", e.ID, err)
	}
	return e, err
}

func (in *Incidents) insertEntry(ctx context.Context, tx *act.Tx, e Entry) error {
	_, err := tx.ExecContext(ctx, `insert into incident_entry (`+strings.ReplaceAll(entryColumns, "e.", "")+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		e.ID, e.Incident, string(e.Kind), e.Owner, e.Author, e.By, e.Marking.String(), int64(e.Audience), stamp(e.At), stamp(e.RecordedAt), e.Text,
		e.ReplyTo, e.Source, e.SourceID, e.Exercise, e.Version, stamp(e.ChangedAt), stamp(e.RetractedAt), e.Retracted, e.Order)
	if err != nil {
		return err
	}
	return in.keepWords(ctx, tx, e)
}

// touch notes that something of an incident changed, and raises its version.
func touch(ctx context.Context, tx *act.Tx, incident int64) error {
	_, err := tx.ExecContext(ctx, `update incident set changed_at = $1, version = version + 1 where id = $2`, clock.Micros(tx.Now()), incident)
	return err
}

// ids writes ids blank-separated; parseIDs reads them.
func ids(list []int64) string {
	var out []string
	for _, id := range list {
		out = append(out, fmt.Sprint(id))
	}
	return strings.Join(out, " ")
}

func parseIDs(s string) (out []int64, err error) {
	for f := range strings.FieldsSeq(s) {
		var id int64
		if _, err := fmt.Sscan(f, &id); err != nil {
			return nil, fmt.Errorf("read ids %q: %w", s, err)
		}
		out = append(out, id)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
