package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// A report under a law is the filing of the stage that it names, at the time at which it
// came in. Until it belongs to an incident there is no clock that it could meet; then it
// becomes the document of the clock, at its own time.

// reportedUnder is the law under which somebody reports; nil for a voluntary report. The
// report keeps the version, whatever becomes of the file.
func (in *Incidents) reportedUnder(n *NewReport) (*Law, error) {
	if n.Regime == "" {
		return nil, nil
	}
	l, err := in.LawNamed(n.Regime)
	stage, ok := l.Regime.Stage(n.Stage)
	if err != nil || !ok {
		return nil, fault.New(fault.NotFound, "incident.reports.regime", nil)
	}
	answers := answersOf(n.Fields)
	return &l, checkEvents(stage.Fields, answers, FieldPrefix, in.Acts.Clock().Now())
}

func answersOf(fs []FieldValue) map[string]string {
	out := map[string]string{}
	for _, f := range fs {
		if f.Value != "" {
			out[f.ID] = f.Value
		}
	}
	return out
}

// meetBy makes a report part of the incident of a deadline that its owner owes.
func (in *Incidents) meetBy(ctx context.Context, tx *act.Tx, p *Report, id int64) error {
	v := ViewerOf(tx.Actor())
	c, err := in.OwnClock(ctx, tx, v, id)
	if fault.CodeOf(err) == fault.NotFound || err == nil && (c.Regime != p.Regime || c.Stage != p.Stage) {
		return fault.OnField("clock", "incident.clocks.none", nil)
	}
	if err != nil {
		return err
	}
	return in.join(ctx, tx, p, c.Incident)
}

// join makes a report part of an incident that whoever reports knows.
func (in *Incidents) join(ctx context.Context, tx *act.Tx, p *Report, incident int64) error {
	i, err := in.Incident(ctx, tx, ViewerOf(tx.Actor()), incident)
	if err != nil {
		return err
	}
	if _, err := in.link(ctx, tx, tx.Actor(), &i, p); err != nil {
		return err
	}
	return in.saveReport(ctx, tx, p)
}

// unfiled lists the reports under a law of an organisation that belong to an incident and
// are no document of a clock yet, with the entry that each is there.
func unfiled(ctx context.Context, r sqldb.Reader, incident, org int64) ([]Report, error) {
	return sqldb.All(ctx, r, scanReport, `select `+reportColumns+` from incident_report p where p.owner_org = $1 and p.confirmed and p.law_id > 0
		and p.id in (select report_id from incident_report_link where incident_id = $2 and ended_at = 0)
		and not exists (select 1 from incident_filing f where f.report_id = p.id and f.incident_id = $2 and f.state = 'sent') order by p.id`, org, incident)
}

// attach makes the reports under a law of an organisation the documents of its clocks in
// an incident. Where its regime does not apply yet it begins to, by the version under
// which was reported, unless the desk has ended it before: then a person decides.
func (in *Incidents) attach(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, org int64) error {
	todo, err := unfiled(ctx, tx, i.ID, org)
	if err != nil || len(todo) == 0 {
		return err
	}
	duties, err := in.duties(ctx, tx, i.ID, org)
	if err != nil {
		return err
	}
	var seen []string
	for k := range todo {
		p := &todo[k]
		if slices.Contains(seen, p.Regime) {
			continue
		}
		seen = append(seen, p.Regime)
		of := slices.DeleteFunc(slices.Clone(duties), func(d Duty) bool { return d.Regime != p.Regime })
		if at := slices.IndexFunc(of, func(d Duty) bool { return d.EndedAt.IsZero() }); at >= 0 {
			err = in.fileReports(ctx, tx, actor, i, &of[at])
		} else if len(of) == 0 && actor.Org == guard.OwnOrg {
			err = in.beginReported(ctx, tx, actor, i, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fileReports makes what an organisation reported under a regime the documents of its
// clocks.
func (in *Incidents) fileReports(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, d *Duty) error {
	todo, err := unfiled(ctx, tx, i.ID, d.Org)
	if err != nil {
		return err
	}
	for k := range todo {
		if todo[k].Regime != d.Regime {
			continue
		}
		// An act of its own: the record says that a report was taken for a document.
		call := act.Call{Actor: actor, Verb: "incident.file_reported", Subject: subject(i.ID), Purpose: purpose, Exercise: i.Exercise}
		call.Resource = act.Resource{Kind: "incident", ID: subject(i.ID), Org: actor.Org, Marking: i.Marking.String(), InAudience: true}
		err := in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error { return in.fileReport(ctx, tx, i, d, &todo[k]) })
		if err != nil {
			return err
		}
	}
	return nil
}

// beginReported lets the regime apply under which an organisation has reported, once it
// takes part; that files what it has reported under it, too.
func (in *Incidents) beginReported(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, p *Report) error {
	if err := in.inAudience(ctx, tx, i.ID, Viewer{Org: p.Owner}); err != nil {
		if fault.CodeOf(err) == fault.Invalid { // it is filed when it comes to take part
			return nil
		}
		return err
	}
	l, err := in.law(p.Law, p.Regime)
	if err != nil {
		return err
	}
	n := NewDuty{Org: p.Owner, Regime: p.Regime, Why: in.Catalogue.Printer(in.Language).Say("incident.clocks.reported", "Number", in.ReportNo(p.ID)), law: &l}
	// An act of its own within the one that links: the record says that a duty began.
	call := act.Call{Actor: actor, Verb: "incident.begin_duty", Subject: subject(i.ID), Purpose: purpose, Reason: n.Why, Exercise: i.Exercise}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, err := in.beginDuty(ctx, tx, actor, i, n)
		return err
	})
}

// fileReport makes a report the document of its stage's clock, as of when it came in, and
// counts the clocks anew. A stage that the law of the duty does not know stays a report.
func (in *Incidents) fileReport(ctx context.Context, tx *act.Tx, i *Incident, d *Duty, p *Report) error {
	clocks, err := clocksOf(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(clocks, func(c Clock) bool { return c.Stage == p.Stage && c.OwedByOrg == p.Owner })
	if at < 0 {
		return nil
	}
	c := &clocks[at]
	_, stage, err := in.StageOf(c)
	if err != nil {
		return err
	}
	entry, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select entry_id from incident_report_link where report_id = $1 and incident_id = $2 and ended_at = 0`, p.ID, i.ID)
	if err != nil {
		return err
	}
	f := Filing{
		Org: p.Owner, Clock: c.ID, Incident: i.ID, Law: c.Law, Answers: answersOf(p.Fields), SentAt: p.ReceivedAt, SentBy: p.ReceivedBy, SentHow: in.ReportNo(p.ID),
		Entry: entry, Report: p.ID,
	}
	if err := in.insertFiled(ctx, tx, &f); err != nil {
		return err
	}
	if err := in.anchorsIn(ctx, tx, i, c, stage, f.Answers, entry); err != nil {
		return err
	}
	if _, err := in.meets(ctx, tx, i, c, &f, f.SentHow); err != nil {
		return err
	}
	tx.Detail(filingDetail{f.ID, clockSubject(c.ID)})
	return in.tellClocks(ctx, tx, i.ID, *c)
}

// insertFiled writes a document that was filed elsewhere.
func (in *Incidents) insertFiled(ctx context.Context, tx *act.Tx, f *Filing) (err error) {
	text, err := json.Marshal(f.Answers)
	if err != nil {
		return fmt.Errorf("write answers: %w", err)
	}
	if f.ID, err = tx.Next(ctx, "incident.filing"); err != nil {
		return err
	}
	if f.Number, err = nextNumber(ctx, tx, f.Clock); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_filing (id, clock_id, incident_id, law_id, state, answers, sent_at, sent_by, sent_how, entry_id, begun_at, begun_by,
		changed_at, changed_by, version, org_id, number, report_id) values ($1, $2, $3, $4, 'sent', $5, $6, $7, $8, $9, $6, $7, $6, $7, 1, $10, $11, $12)`,
		f.ID, f.Clock, f.Incident, f.Law, string(text), stamp(f.SentAt), f.SentBy, f.SentHow, f.Entry, f.Org, f.Number, f.Report)
	return err
}

// detach takes back what a report did to clocks by an entry, when that leaves the incident
// or is somebody else's: what was filed by it, and the times that only it shows. The
// documents stay, as withdrawn. Clocks stay where they are when the entry is moved, so it
// is the entry that tells which ones.
func (in *Incidents) detach(ctx context.Context, tx *act.Tx, l Link, reason string) error {
	filed, err := sqldb.All(ctx, tx, scanFiling, `select `+filingColumns+` from incident_filing f where f.report_id = $1 and f.entry_id = $2 and f.state = 'sent' order by f.id`, l.Report, l.Entry)
	if err != nil || len(filed) == 0 {
		return err
	}
	if _, err := tx.ExecContext(ctx, `update incident_filing set state = 'withdrawn', version = version + 1 where report_id = $1 and entry_id = $2 and state = 'sent'`,
		l.Report, l.Entry); err != nil {
		return err
	}
	shown, err := sqldb.All(ctx, tx, scanAnchor, `select `+anchorColumns+` from incident_anchor where entry_id = $1 and replaced_at = 0 and at > 0 order by id`, l.Entry)
	if err != nil {
		return err
	}
	for _, a := range shown {
		i, err := get(ctx, tx, a.Incident)
		if err != nil {
			return err
		}
		if _, err := in.anchor(ctx, tx, &i, NewAnchor{Org: a.Org, Regime: a.Regime, Event: a.Event, Reason: reason, Seen: a.ID}); err != nil {
			return err
		}
	}
	for _, f := range filed {
		i, err := get(ctx, tx, f.Incident)
		if err != nil {
			return err
		}
		if err := in.restore(ctx, tx, &i, f.Clock, reason); err != nil {
			return err
		}
	}
	return nil
}

// restore lets the first document of a clock that still stands meet it.
func (in *Incidents) restore(ctx context.Context, tx *act.Tx, i *Incident, id int64, reason string) error {
	f, err := firstFiled(ctx, tx, id)
	if err != nil || f.ID == 0 {
		return err
	}
	c, err := in.Clock(ctx, tx, Viewer{Org: guard.OwnOrg}, id)
	if err != nil {
		return err
	}
	_, err = in.meets(ctx, tx, i, &c, &f, reason)
	return err
}

// FiledBy lists the documents that a report is, as far as a viewer may know of them.
func (in *Incidents) FiledBy(ctx context.Context, r sqldb.Reader, v Viewer, report int64) ([]Filing, error) {
	return sqldb.All(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f join incident_clock k on k.id = f.clock_id
		where `+mayFile+` and f.report_id = $3 and f.state = 'sent' order by f.id`, v.Org, v.Person, report)
}

// StageNamed is a stage of a regime by their names: of the current version, else of the
// last one that was used; false when there never was one.
func (in *Incidents) StageNamed(name, stage string) (l Law, s regime.Stage, ok bool) {
	in.laws.mu.RLock()
	defer in.laws.mu.RUnlock()
	if l, ok = in.laws.current[name]; ok {
		if s, ok = l.Regime.Stage(stage); ok {
			return l, s, true
		}
	}
	for _, one := range in.laws.kept {
		if found, there := one.Regime.Stage(stage); there && one.Regime.ID == name && (!ok || one.ID > l.ID) {
			l, s, ok = one, found, true
		}
	}
	return l, s, ok
}
