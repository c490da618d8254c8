package incident

import (
	"context"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// Seen is somebody who has seen an entry, and when first.
type Seen struct {
	Org    int64
	Person int64
	At     time.Time
}

// MarkSeen notes that a person has these entries before his eyes. It leaves no entry in
// the record: who has seen what stands here. Nobody by name is not noted.
func (in *Incidents) MarkSeen(ctx context.Context, v Viewer, entries []int64) error {
	if v.Person == 0 || len(entries) == 0 {
		return nil
	}
	fresh, err := in.unseen(ctx, v, entries)
	if err != nil || len(fresh) == 0 {
		return err
	}
	return in.Acts.Housekeep(ctx, "incident.seen", func(ctx context.Context, tx *act.Tx) error {
		for _, e := range fresh {
			if _, err := tx.ExecContext(ctx, `insert into incident_seen (entry_id, org_id, person_id, at) values ($1, $2, $3, $4)
				on conflict (entry_id, org_id, person_id) do nothing`, e, v.Org, v.Person, clock.Micros(tx.Now())); err != nil {
				return err
			}
		}
		return nil
	})
}

// unseen leaves those that the person has not seen yet.
func (in *Incidents) unseen(ctx context.Context, v Viewer, entries []int64) (out []int64, err error) {
	const atOnce = 500
	for len(entries) > 0 {
		n := min(atOnce, len(entries))
		args := []any{v.Person, v.Org}
		for _, e := range entries[:n] {
			args = append(args, e)
		}
		known, err := sqldb.All(ctx, in.read, sqldb.Int64, `select entry_id from incident_seen where person_id = $1 and org_id = $2
			and entry_id in `+sqldb.In(3, n), args...)
		if err != nil {
			return nil, err
		}
		seen := map[int64]bool{}
		for _, k := range known {
			seen[k] = true
		}
		for _, e := range entries[:n] {
			if !seen[e] {
				out = append(out, e)
			}
		}
		entries = entries[n:]
	}
	return out, nil
}

// SeenBy lists who has seen an entry, first to last. It is for the entry's owner and
// the desk: who else reads is not everybody's to know. Who had seen it as somebody else's
// word is for the desk alone.
func (in *Incidents) SeenBy(ctx context.Context, r sqldb.Reader, v Viewer, entry int64) ([]Seen, error) {
	e, err := in.Entry(ctx, r, v, entry)
	if err != nil {
		return nil, err
	}
	if e.Owner != v.Org && !v.Desk() {
		return nil, notFound()
	}
	return sqldb.All(ctx, r, func(row sqldb.Row) (s Seen, err error) {
		var at int64
		err = row.Scan(&s.Org, &s.Person, &at)
		s.At = clock.FromMicros(at)
		return s, err
	}, `select org_id, person_id, at from incident_seen where entry_id = $1 and ($2 = 1 or at > coalesce((select max(v.at) from incident_entry_version v
		where v.entry_id = $1 and v.owner_org not in (0, $2)), 0)) order by at, person_id`, entry, v.Org)
}
