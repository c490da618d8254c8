package incident

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/observable"
)

// TakeReport keeps what somebody told us: the desk writes down what it heard, or what
// came in by mail or by a program; somebody who is signed in reports for the own
// organisation, which then is the owner for sure. The same external thing is taken
// once: Conflict. What belongs to an exercise is part of it at once, and bears its mark.
func (in *Incidents) TakeReport(ctx context.Context, actor act.Actor, n NewReport) (Report, error) {
	person, confirmed, verb := int64(0), false, "incident.report"
	if actor.Org != guard.OwnOrg && actor.Kind == act.Person {
		n.Owner, confirmed, person, verb = actor.Org, true, ViewerOf(actor).Person, "incident.report_own"
	}
	n.Exercise = n.Exercise || n.Drill != 0
	return in.take(ctx, act.Call{Actor: actor, Verb: verb}, n, func(_ context.Context, _ *act.Tx, p *Report) error {
		p.Confirmed, p.Person = confirmed, person
		return nil
	})
}

// take keeps a report in one act; more adds what only the caller knows.
func (in *Incidents) take(ctx context.Context, call act.Call, n NewReport, more func(context.Context, *act.Tx, *Report) error) (p Report, err error) {
	n.tidy()
	if err := n.validate(in.Acts.Clock().Now()); err != nil {
		return p, err
	}
	if n.law, err = in.reportedUnder(&n); err != nil {
		return p, err
	}
	if err := in.keepFiles(ctx, n.Files); err != nil {
		return p, err
	}
	call.Purpose, call.Exercise, call.Subject = purpose, n.Exercise, "incident-report"
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p = Report{
			State: ReportNew, Source: n.Source, Kind: n.Kind, Reporter: n.Reporter, Owner: n.Owner, Title: n.Title, Text: n.Text, Affected: n.Affected,
			Happened: n.Happened, Name: n.Name, Email: n.Email, Phone: n.Phone, Language: n.Language, Marking: n.Marking, Severity: n.Severity,
			Class: n.Class, Regime: n.Regime, Stage: n.Stage, Fields: n.Fields, Exercise: n.Exercise, SaidAt: n.SaidAt, ReceivedAt: tx.Now(),
			ReceivedBy: call.Actor.ID, External: n.External, Version: 1,
		}
		if p.SaidAt.IsZero() {
			p.SaidAt = tx.Now()
		}
		return in.keepReport(ctx, tx, &p, n, more)
	})
	return p, err
}

// keepReport writes a report with what hangs on it, inside an open act.
func (in *Incidents) keepReport(ctx context.Context, tx *act.Tx, p *Report, n NewReport, more func(context.Context, *act.Tx, *Report) error) (err error) {
	if err := in.fresh(ctx, tx, n.External); err != nil {
		return err
	}
	if p.Owner != 0 {
		if err := in.mayTakePart(ctx, tx, &Incident{Exercise: p.Exercise}, NewParticipant{Org: p.Owner}); err != nil && p.Owner != guard.OwnOrg {
			return err
		}
	}
	if p.ID, err = tx.Next(ctx, "incident.report"); err != nil {
		return err
	}
	if n.law != nil {
		if err := in.keepLaw(ctx, tx, n.law); err != nil {
			return err
		}
		p.Law = n.law.ID
	}
	if more != nil {
		if err := more(ctx, tx, p); err != nil {
			return err
		}
	}
	if err := in.insertReport(ctx, tx, p); err != nil {
		return err
	}
	if n.code != "" {
		if err := keepCode(ctx, tx, p.ID, n.code); err != nil {
			return err
		}
	}
	if err := addReportFiles(ctx, tx, p.ID, 0, n.Files); err != nil {
		return err
	}
	if err := addReportObservables(ctx, tx, p.ID, n.Observables, p.words()); err != nil {
		return err
	}
	if n.Clock != 0 {
		if err := in.meetBy(ctx, tx, p, n.Clock); err != nil {
			return err
		}
	}
	if n.Drill != 0 {
		if err := in.join(ctx, tx, p, n.Drill); err != nil {
			return err
		}
	}
	tx.Subject(reportSubject(p.ID))
	tx.Detail(reportDetail{Source: string(p.Source), Kind: string(p.Kind), Owner: p.Owner, Marking: p.Marking.String(), Stage: stageName(p)})
	tx.Fact(in.reportFact(p, "taken"))
	return nil
}

// fresh refuses an external thing that was taken before.
func (in *Incidents) fresh(ctx context.Context, r sqldb.Reader, external string) error {
	if external == "" {
		return nil
	}
	id, ok, err := sqldb.One(ctx, r, sqldb.Int64, `select id from incident_report where external = $1`, external)
	if err == nil && ok {
		err = fault.New(fault.Conflict, "incident.reports.taken", fault.Args{"Number": in.ReportNo(id)})
	}
	return err
}

type reportDetail struct {
	Source  string `json:"source"`
	Kind    string `json:"kind"`
	Owner   int64  `json:"owner,omitempty"`
	Marking string `json:"marking"`
	Stage   string `json:"stage,omitempty"`
}

func stageName(p *Report) string {
	if p.Regime == "" {
		return ""
	}
	return p.Regime + "/" + p.Stage
}

// words is everything that the reporter said, for what is found in text.
func (p *Report) words() string {
	var b strings.Builder
	for _, s := range []string{p.Title, p.Text, p.Affected} {
		b.WriteString(s + "\n")
	}
	for _, f := range p.Fields {
		b.WriteString(f.Value + "\n")
	}
	return b.String()
}

func addReportObservables(ctx context.Context, tx *act.Tx, report int64, list []NewObservable, text string) error {
	var all []observable.Observable
	for _, n := range list {
		o, err := n.parse()
		if err != nil {
			return fmt.Errorf("observable of report %d: %w", report, err)
		}
		all = append(all, o)
	}
	for _, f := range observable.Extract(text, extractAtMost) {
		all = append(all, f.Observable)
	}
	for _, o := range all {
		if _, err := tx.ExecContext(ctx, `insert into incident_report_observable (report_id, kind, value, link_key) values ($1, $2, $3, $4)
			on conflict (report_id, link_key) do nothing`, report, string(o.Kind), o.Value, observable.Key(o)); err != nil {
			return err
		}
	}
	return nil
}

func addReportFiles(ctx context.Context, tx *act.Tx, report, message int64, fs []NewFile) error {
	for _, f := range fs {
		id, err := tx.Next(ctx, "incident.report_file")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_report_file (id, report_id, message_id, blob, name, type, size, at)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`, id, report, message, f.ref.String(), fileName(f.Name), http.DetectContentType(f.Body),
			len(f.Body), clock.Micros(tx.Now())); err != nil {
			return err
		}
	}
	return nil
}

// Codes by which reporters come back: 20 letters and digits that are not mistaken for
// one another (Crockford's), 100 bits.
const (
	codeLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeLength  = 20
)

// NewCode makes a code, in groups of four.
func (in *Incidents) NewCode() (string, error) {
	var raw [codeLength]byte
	if err := in.Acts.IDs().Read(raw[:]); err != nil {
		return "", err
	}
	var b strings.Builder
	for i, c := range raw {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(codeLetters[c%32])
	}
	return b.String(), nil
}

// codeHash is what is kept of a code, however it was typed; empty for what is none.
func codeHash(code string) string {
	code = strings.Map(func(r rune) rune {
		switch {
		case r == 'O':
			return '0'
		case r == 'I' || r == 'L':
			return '1'
		case strings.ContainsRune(codeLetters, r):
			return r
		}
		return -1
	}, strings.ToUpper(code[:min(len(code), 200)]))
	if len(code) != codeLength {
		return ""
	}
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

func keepCode(ctx context.Context, tx *act.Tx, report int64, code string) error {
	_, err := tx.ExecContext(ctx, `insert into incident_report_code (hash, report_id, at) values ($1, $2, $3)`, codeHash(code), report, clock.Micros(tx.Now()))
	return err
}

// visitor is somebody who is not signed in.
func visitor() act.Actor { return act.Actor{ID: "visitor", Kind: act.Visitor} }

// ReportPublicly keeps what somebody reports who is not signed in, under a code that
// the form came with ([Incidents.NewCode]) and that works as the key to come back. The
// same report sent twice is kept once. When more come in a day than a desk can read,
// nothing more is taken: Unavailable.
func (in *Incidents) ReportPublicly(ctx context.Context, n NewReport, code string) (p Report, used string, err error) {
	n.Source, n.Owner, n.Exercise, n.External = ByPublicPage, 0, false, ""
	n.tidy()
	if codeHash(code) == "" {
		if code, err = in.NewCode(); err != nil {
			return p, "", err
		}
	}
	before, err := in.ReportOfCode(ctx, in.read, code)
	switch {
	case err == nil && before.Text == n.Text:
		return before, code, nil
	case err == nil: // the form was filled in anew after going back
		if code, err = in.NewCode(); err != nil {
			return p, "", err
		}
	case fault.CodeOf(err) != fault.NotFound:
		return p, "", err
	}
	if err := in.room(ctx, n.Files); err != nil {
		return p, "", err
	}
	n.code = code
	p, err = in.take(ctx, act.Call{Actor: visitor(), Verb: "incident.report_publicly"}, n, nil)
	return p, code, err
}

// room refuses what is more than a desk can read, so that a flood fills no disk.
func (in *Incidents) room(ctx context.Context, fs []NewFile) error {
	since := clock.Micros(in.Acts.Clock().Now().Add(-24 * time.Hour))
	n, _, err := sqldb.One(ctx, in.read, sqldb.Int64, `select count(*) from (select 1 from incident_report
		where source = 'public' and received_at > $1 limit $2) as found`, since, maxPublicADay)
	if err != nil {
		return err
	}
	if len(fs) > 0 && n < maxPublicADay {
		size, _, err := sqldb.One(ctx, in.read, sqldb.Int64, `select coalesce(sum(f.size), 0) from incident_report p
			join incident_report_file f on f.report_id = p.id where p.source = 'public' and p.received_at > $1`, since)
		if err != nil {
			return err
		}
		if size > maxPublicBytes {
			return fault.OnField("files", "incident.reports.no_room", nil)
		}
	}
	if n >= maxPublicADay {
		return fault.New(fault.Unavailable, "incident.reports.flood", nil)
	}
	return nil
}
