package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// The bounds of drafts: how many an organisation keeps, and for how long.
const (
	maxDrafts = 30
	draftLife = 90 * 24 * time.Hour
)

// Draft is a report that somebody writes and has not sent: his organisation's alone, and
// nobody else's; the desk does not see it.
type Draft struct {
	UID       string
	Regime    string // empty: a voluntary report of Stage, a [ReportKind]
	Stage     string
	Fields    map[string]string
	ChangedAt time.Time
}

func scanDraft(r sqldb.Row) (d Draft, err error) {
	var fields string
	var changed int64
	if err = r.Scan(&d.UID, &d.Regime, &d.Stage, &fields, &changed); err != nil {
		return d, err
	}
	d.ChangedAt = clock.FromMicros(changed)
	if err = json.Unmarshal([]byte(fields), &d.Fields); err != nil {
		err = fmt.Errorf("read draft %s: %w", d.UID, err)
	}
	return d, err
}

// KeepDraft keeps a draft of the actor's organisation: a new one where UID is empty.
// Nothing is told to anybody, so no act is recorded.
func (in *Incidents) KeepDraft(ctx context.Context, actor act.Actor, d Draft) (Draft, error) {
	raw, err := json.Marshal(d.Fields)
	if err != nil {
		return d, fmt.Errorf("write draft: %w", err)
	}
	if len(raw) > 4*(maxReportText+maxFieldsText) || len(d.Fields) > maxFields+10 {
		return d, fault.OnField("text", "incident.text.long", fault.Args{"Max": maxReportText})
	}
	fresh := d.UID == ""
	if fresh {
		if d.UID, err = in.Acts.IDs().New(); err != nil {
			return d, err
		}
	}
	err = in.Acts.Housekeep(ctx, "drafts of reports", func(ctx context.Context, tx *act.Tx) error {
		now := clock.Micros(tx.Now())
		if _, err := tx.ExecContext(ctx, `delete from incident_report_draft where org_id = $1 and changed_at < $2`, actor.Org, clock.Micros(tx.Now().Add(-draftLife))); err != nil {
			return err
		}
		if !fresh {
			res, err := tx.ExecContext(ctx, `update incident_report_draft set fields = $1, changed_at = $2, person_id = $3 where uid = $4 and org_id = $5`,
				string(raw), now, ViewerOf(actor).Person, d.UID, actor.Org)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return orElse(err, noReport())
			}
			return nil
		}
		n, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_report_draft where org_id = $1`, actor.Org)
		if err != nil || n >= maxDrafts {
			return orElse(err, fault.New(fault.Conflict, "incident.reports.draft_many", nil))
		}
		_, err = tx.ExecContext(ctx, `insert into incident_report_draft (uid, org_id, person_id, regime, stage, fields, changed_at) values ($1, $2, $3, $4, $5, $6, $7)`,
			d.UID, actor.Org, ViewerOf(actor).Person, d.Regime, d.Stage, string(raw), now)
		return err
	})
	return d, err
}

// Drafts lists the drafts of an organisation, the latest first.
func (in *Incidents) Drafts(ctx context.Context, r sqldb.Reader, org int64) ([]Draft, error) {
	return sqldb.All(ctx, r, scanDraft, `select uid, regime, stage, fields, changed_at from incident_report_draft where org_id = $1
		order by changed_at desc, uid limit $2`, org, maxDrafts)
}

// DraftOf returns a draft of an organisation; NotFound for any other.
func (in *Incidents) DraftOf(ctx context.Context, r sqldb.Reader, org int64, uid string) (Draft, error) {
	d, ok, err := sqldb.One(ctx, r, scanDraft, `select uid, regime, stage, fields, changed_at from incident_report_draft where org_id = $1 and uid = $2`, org, uid)
	if err == nil && !ok {
		err = noReport()
	}
	return d, err
}

// DropDraft deletes a draft of the actor's organisation.
func (in *Incidents) DropDraft(ctx context.Context, actor act.Actor, uid string) error {
	return in.Acts.Housekeep(ctx, "drafts of reports", func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `delete from incident_report_draft where uid = $1 and org_id = $2`, uid, actor.Org)
		return err
	})
}
