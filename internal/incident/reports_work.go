package incident

import (
	"context"
	"fmt"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
)

// ReportChanged tells that something of a report changed. Orgs are those outside for
// whom it looks different now.
type ReportChanged struct {
	Report int64   `json:"report"`
	What   string  `json:"what"` // taken | head | said | answer | note | linked | closed | reopened
	Orgs   []int64 `json:"orgs,omitempty"`
}

// FactKind returns "incident.ReportChanged".
func (ReportChanged) FactKind() string { return "incident.ReportChanged" }

// FactVersion returns 1.
func (ReportChanged) FactVersion() int { return 1 }

// ReportsTopic is the name under which the desk's open pages hear of reports.
const ReportsTopic = "incident.report-changed"

func (in *Incidents) reportFact(p *Report, what string) ReportChanged {
	f := ReportChanged{Report: p.ID, What: what}
	if p.Confirmed && p.Owner != guard.OwnOrg && what != "note" && what != "head" {
		f.Orgs = []int64{p.Owner}
	}
	return f
}

// changeReport is the frame of what the desk does with a report. A version of 0 does not
// mind what was changed meanwhile.
func (in *Incidents) changeReport(ctx context.Context, call act.Call, id, version int64, what string, f func(context.Context, *act.Tx, *Report) error) error {
	viewer := ViewerOf(call.Actor)
	first, err := in.Report(ctx, in.read, viewer, id)
	if err != nil {
		return err
	}
	call.Subject, call.Purpose, call.Exercise = reportSubject(id), purpose, first.Exercise
	call.Resource = act.Resource{Kind: "incident-report", ID: call.Subject, Org: call.Actor.Org, Marking: first.Marking.String(), InAudience: true}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		p, err := in.Report(ctx, tx, viewer, id)
		if err != nil {
			return err
		}
		if version != 0 && p.Version != version {
			return changedMeanwhile()
		}
		was := p
		if err := f(ctx, tx, &p); err != nil {
			return err
		}
		fact := in.reportFact(&p, what)
		if was.Owner != p.Owner || was.Confirmed != p.Confirmed { // it comes to one and leaves the other
			fact.Orgs = append(in.reportFact(&was, "said").Orgs, in.reportFact(&p, "said").Orgs...)
		}
		tx.Fact(fact)
		return in.saveReport(ctx, tx, &p)
	})
}

// saveReport writes what may change of a report.
func (in *Incidents) saveReport(ctx context.Context, tx *act.Tx, p *Report) error {
	_, err := tx.ExecContext(ctx, `update incident_report set state = $1, kind = $2, reporter = $3, owner_org = $4, confirmed = $5, title = $6, affected = $7,
		name = $8, phone = $9, call_back = $10, marking = $11, severity = $12, class = $13, said_at = $14, closed_at = $15, closed_by = $16,
		resolution = $17, reason = $18, version = version + 1 where id = $19`,
		string(p.State), string(p.Kind), string(p.Reporter), p.Owner, p.Confirmed, p.Title, p.Affected, p.Name, p.Phone, p.CallBack, p.Marking.String(),
		string(p.Severity), p.Class, clock.Micros(p.SaidAt), stamp(p.ClosedAt), p.ClosedBy, string(p.Resolution), p.Reason, p.ID)
	if err != nil {
		return err
	}
	return in.keepReportWords(ctx, tx, p)
}

// ChangeReport puts a report in order. The words of the reporter stay as they are. A
// report that its owner sent signed in stays that owner's; what any other is in incidents
// follows whose word it is.
func (in *Incidents) ChangeReport(ctx context.Context, actor act.Actor, id int64, h NewReport, confirmed bool, callBack string, version int64) error {
	h.Text = "-" // the reporter's words are not touched
	h.Fields, h.Files, h.Observables = nil, nil, nil
	h.tidy()
	if err := checkLine("title", h.Title, MaxTitle, true); err != nil {
		return err
	}
	if err := h.validate(in.Acts.Clock().Now()); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.change_report"}
	return in.changeReport(ctx, call, id, version, "head", func(ctx context.Context, tx *act.Tx, p *Report) error {
		if p.Source == ByPortal && h.Owner != p.Owner {
			return fault.OnField("organisation", "incident.reports.owned", nil)
		}
		if confirmed && h.Owner == 0 {
			return fault.OnField("confirmed", "incident.reports.confirm_whom", nil)
		}
		if h.Owner != 0 && h.Owner != p.Owner {
			if err := in.mayTakePart(ctx, tx, &Incident{Exercise: p.Exercise}, NewParticipant{Org: h.Owner}); err != nil {
				return err
			}
		}
		if h.Owner != p.Owner {
			p.Person = 0 // was somebody of the other one
		}
		p.Title, p.Kind, p.Reporter, p.Owner, p.Name, p.Phone = h.Title, h.Kind, h.Reporter, h.Owner, h.Name, h.Phone
		p.Affected, p.Marking, p.Severity, p.Class = h.Affected, h.Marking, h.Severity, h.Class
		p.Confirmed = confirmed || p.Source == ByPortal
		if callBack != "" {
			p.CallBack = clean(callBack)
		}
		if !h.SaidAt.IsZero() {
			p.SaidAt = h.SaidAt
		}
		if p.State == ReportNew {
			p.State = ReportOpen
		}
		tx.Detail(reportDetail{Source: string(p.Source), Kind: string(p.Kind), Owner: p.Owner, Marking: p.Marking.String(), Stage: stageName(p)})
		if err := addReportObservables(ctx, tx, id, nil, p.Affected); err != nil {
			return err
		}
		return in.correctOwner(ctx, tx, actor, p)
	})
}

// WriteOnReport keeps what was said afterwards: what the reporter goes on saying, an
// answer to the reporter, or the desk's own note. Whoever is outside and owns the
// report only says. An answer to an address is mailed.
func (in *Incidents) WriteOnReport(ctx context.Context, actor act.Actor, id int64, kind MessageKind, text string, files []NewFile) error {
	if err := known("kind", "incident.reports.message", []MessageKind{Said, Answer, NoteInside}, kind); err != nil {
		return err
	}
	verb := map[MessageKind]string{Said: "incident.add_to_report", Answer: "incident.answer_report", NoteInside: "incident.note_on_report"}[kind]
	if kind == Said && actor.Org != guard.OwnOrg {
		verb = "incident.add_to_own_report"
	}
	if err := in.keepFiles(ctx, files); err != nil {
		return err
	}
	return in.changeReport(ctx, act.Call{Actor: actor, Verb: verb}, id, 0, string(kind), func(ctx context.Context, tx *act.Tx, p *Report) error {
		return in.addMessage(ctx, tx, p, kind, text, files)
	})
}

// addMessage writes a message inside an open act.
func (in *Incidents) addMessage(ctx context.Context, tx *act.Tx, p *Report, kind MessageKind, text string, files []NewFile) error {
	text = clean(text)
	if err := checkText("text", text, MaxReason, len(files) == 0); err != nil {
		return err
	}
	have, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_report_message where report_id = $1`, p.ID)
	if err != nil {
		return err
	}
	if have >= maxMessages && kind == Said {
		return fault.New(fault.Conflict, "incident.reports.full", nil)
	}
	had, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_report_file where report_id = $1`, p.ID)
	if err != nil {
		return err
	}
	if err := checkReportFiles(files, int(had)+len(files)); err != nil {
		return err
	}
	id, err := tx.Next(ctx, "incident.report_message")
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_report_message (id, report_id, kind, text, by_id, at) values ($1, $2, $3, $4, $5, $6)`,
		id, p.ID, string(kind), text, tx.Actor().ID, clock.Micros(tx.Now())); err != nil {
		return err
	}
	if err := addReportFiles(ctx, tx, p.ID, id, files); err != nil {
		return err
	}
	if kind == Said {
		return addReportObservables(ctx, tx, p.ID, nil, text)
	}
	if kind == Answer {
		return in.queueAnswer(ctx, tx, p, id)
	}
	return nil
}

// AddByCode keeps what a reporter who is not signed in adds: NotFound when the code is
// none of ours.
func (in *Incidents) AddByCode(ctx context.Context, code, text string, files []NewFile) error {
	p, err := in.ReportOfCode(ctx, in.read, code)
	if err != nil {
		return err
	}
	if err := checkReportFiles(files, len(files)); err != nil {
		return err
	}
	if len(files) > 0 {
		if err := in.room(ctx, files); err != nil {
			return err
		}
	}
	if err := in.keepFiles(ctx, files); err != nil {
		return err
	}
	call := act.Call{Actor: visitor(), Verb: "incident.add_by_code", Subject: reportSubject(p.ID), Purpose: purpose, Exercise: p.Exercise}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := in.addMessage(ctx, tx, &p, Said, text, files); err != nil {
			return err
		}
		tx.Fact(in.reportFact(&p, "said"))
		return nil
	})
}

// TakeUp says that somebody is at a report.
func (in *Incidents) TakeUp(ctx context.Context, actor act.Actor, id int64) error {
	return in.changeReport(ctx, act.Call{Actor: actor, Verb: "incident.change_report"}, id, 0, "head", func(_ context.Context, _ *act.Tx, p *Report) error {
		if p.State != ReportNew {
			return fault.New(fault.Conflict, "incident.reports.not_new", nil)
		}
		p.State = ReportOpen
		return nil
	})
}

// CloseReport ends a report: resolved in one of the ways of [Resolutions], or rejected
// with a reason that stays inside. An answer, where there is one, goes to the reporter.
func (in *Incidents) CloseReport(ctx context.Context, actor act.Actor, id int64, to ReportState, how Resolution, reason, answer string, version int64) error {
	reason = clean(reason)
	switch to {
	case ReportResolved:
		if err := known("resolution", "incident.reports.resolution", Resolutions(), how); err != nil {
			return err
		}
		if err := checkText("reason", reason, MaxReason, false); err != nil {
			return err
		}
	case ReportRejected:
		how = ""
		if err := checkText("reason", reason, MaxReason, true); err != nil {
			return err
		}
	case ReportNew, ReportOpen:
		fallthrough
	default:
		return fault.OnField("state", "incident.reports.close", nil)
	}
	call := act.Call{Actor: actor, Verb: "incident.close_report"}
	return in.changeReport(ctx, call, id, version, "closed", func(ctx context.Context, tx *act.Tx, p *Report) error {
		if !p.State.Waits() {
			return fault.New(fault.Conflict, "incident.reports.closed", nil)
		}
		p.State, p.ClosedAt, p.ClosedBy, p.Resolution, p.Reason = to, tx.Now(), actor.ID, how, reason
		tx.Detail(struct {
			State      string `json:"state"`
			Resolution string `json:"resolution,omitempty"`
		}{string(to), string(how)})
		if text.Blank(answer) {
			return nil
		}
		return in.addMessage(ctx, tx, p, Answer, answer, nil)
	})
}

// AnswerReporters answers everybody whose report belongs to an incident and is still
// open, and resolves those reports: each in an act of its own, so that one that fails
// leaves the others answered. An empty answer leaves them as they are.
func (in *Incidents) AnswerReporters(ctx context.Context, actor act.Actor, incident int64, answer string) (n int, err error) {
	if clean(answer) == "" {
		return 0, nil
	}
	reports, err := in.ReportsOfIncident(ctx, in.read, ViewerOf(actor), incident)
	if err != nil {
		return 0, err
	}
	for _, p := range reports {
		if !p.State.Waits() {
			continue
		}
		if err := in.CloseReport(ctx, actor, p.ID, ReportResolved, WasResolved, "", answer, p.Version); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// ReopenReport takes a closed report up again, and says why.
func (in *Incidents) ReopenReport(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.reopen_report", Reason: reason}
	return in.changeReport(ctx, call, id, 0, "reopened", func(ctx context.Context, tx *act.Tx, p *Report) error {
		if p.State.Waits() {
			return fault.New(fault.Conflict, "incident.reports.not_closed", nil)
		}
		p.State, p.ClosedBy, p.Resolution, p.Reason = ReportOpen, "", "", ""
		p.ClosedAt = clock.FromMicros(0)
		return nil
	})
}

// LinkReport makes a report part of an incident: it shows in the story as an entry of
// its owner (of the desk, where the owner is not sure), for the desk and that owner
// until the owner widens it.
func (in *Incidents) LinkReport(ctx context.Context, actor act.Actor, id, incident int64) (e Entry, err error) {
	call := act.Call{Actor: actor, Verb: "incident.link_report"}
	err = in.changeReport(ctx, call, id, 0, "linked", func(ctx context.Context, tx *act.Tx, p *Report) error {
		i, err := in.Incident(ctx, tx, ViewerOf(actor), incident)
		if err != nil {
			return err
		}
		e, err = in.link(ctx, tx, actor, &i, p)
		return err
	})
	return e, err
}

// link does LinkReport's work inside an open act.
func (in *Incidents) link(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, p *Report) (e Entry, err error) {
	switch {
	case i.State != Open:
		return e, closed()
	case i.MergedInto != 0:
		return e, fault.New(fault.Conflict, "incident.merge.twice", nil)
	case i.Exercise != p.Exercise:
		return e, fault.New(fault.Conflict, "incident.merge.exercise", nil)
	}
	n, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_report_link where report_id = $1 and incident_id = $2 and ended_at = 0`, p.ID, i.ID)
	if err != nil || n > 0 {
		return e, orElse(err, fault.New(fault.Conflict, "incident.reports.linked", nil))
	}
	words, err := in.asEntry(ctx, tx, p)
	if err != nil {
		return e, err
	}
	if e, err = in.addEntry(ctx, tx, actor, i, words); err != nil {
		return e, err
	}
	if err := in.copyFiles(ctx, tx, p.ID, e.ID); err != nil {
		return e, err
	}
	if p.State == ReportNew {
		p.State = ReportOpen
	}
	if _, err = tx.ExecContext(ctx, `insert into incident_report_link (report_id, incident_id, entry_id, at, by_id, ended_at, ended_by)
		values ($1, $2, $3, $4, $5, 0, '')`, p.ID, i.ID, e.ID, clock.Micros(tx.Now()), actor.ID); err != nil {
		return e, err
	}
	return e, in.attach(ctx, tx, actor, i, p.Owner)
}

// asEntry writes a report as an entry.
func (in *Incidents) asEntry(ctx context.Context, tx *act.Tx, p *Report) (n NewEntry, err error) {
	n = NewEntry{
		Kind: Note, Marking: p.Marking, By: p.Name, At: p.SaidAt, Text: in.reportText(p), Source: FromReport, SourceID: p.ID,
		Owner: guard.OwnOrg, exact: &guard.Circle{Orgs: []int64{guard.OwnOrg}},
	}
	if p.Confirmed && p.Owner != 0 {
		n.Owner, n.exact.Orgs = p.Owner, append(n.exact.Orgs, p.Owner)
	}
	sights, err := in.ReportObservables(ctx, tx, p.ID)
	for _, s := range sights[:min(len(sights), MaxObservables)] {
		n.Observables = append(n.Observables, NewObservable{s.Kind, s.Value})
	}
	return n, err
}

// reportText is the report as a reader of the incident wants it.
func (in *Incidents) reportText(p *Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s · %s", in.ReportNo(p.ID), p.Title)
	if p.Text != "" && p.Text != p.Title {
		fmt.Fprintf(&b, "\n\n%s", p.Text)
	}
	for _, s := range []string{p.Affected, p.Happened} {
		if s != "" {
			fmt.Fprintf(&b, "\n\n%s", s)
		}
	}
	for _, f := range p.Fields {
		fmt.Fprintf(&b, "\n\n%s: %s", f.Label, f.Value)
	}
	out := b.String()
	if r := []rune(out); len(r) > MaxText {
		out = string(r[:MaxText-1]) + "…"
	}
	return out
}

// copyFiles hangs a report's files on an entry: the same bytes, kept once.
func (in *Incidents) copyFiles(ctx context.Context, tx *act.Tx, report, entry int64) error {
	fs, err := in.ReportFiles(ctx, tx, report)
	if err != nil {
		return err
	}
	for _, f := range fs {
		id, err := tx.Next(ctx, "incident.file")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_file (id, entry_id, blob, name, type, size) values ($1, $2, $3, $4, $5, $6)`,
			id, entry, f.Blob, f.Name, f.Type, f.Size); err != nil {
			return err
		}
	}
	return nil
}

// UnlinkReport takes a report out of an incident: its entry there is taken back.
func (in *Incidents) UnlinkReport(ctx context.Context, actor act.Actor, id, incident int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.unlink_report", Reason: reason}
	return in.changeReport(ctx, call, id, 0, "linked", func(ctx context.Context, tx *act.Tx, p *Report) error {
		l, ok, err := sqldb.One(ctx, tx, scanLink, `select report_id, incident_id, entry_id, at, by_id from incident_report_link
			where report_id = $1 and incident_id = $2 and ended_at = 0`, id, incident)
		if err != nil || !ok {
			return orElse(err, fault.New(fault.Conflict, "incident.reports.not_linked", nil))
		}
		e, err := anyEntry(ctx, tx, l.Entry)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_report_link set ended_at = $1, ended_by = $2 where report_id = $3 and entry_id = $4`,
			clock.Micros(tx.Now()), actor.ID, id, l.Entry); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_entry set retracted_at = $1, retracted = $2, version = version + 1, changed_at = $1
			where id = $3 and retracted_at = 0`, clock.Micros(tx.Now()), reason, l.Entry); err != nil {
			return err
		}
		e.RetractedAt, e.Retracted = tx.Now(), reason
		if err := in.keepWords(ctx, tx, e); err != nil {
			return err
		}
		if err := in.detach(ctx, tx, l, reason); err != nil {
			return err
		}
		c, err := readers(ctx, tx, e)
		tx.Fact(Changed{Incident: e.Incident, What: "entry-changed", Entries: []int64{e.ID}, Orgs: c.Orgs, Persons: c.Persons})
		return err
	})
}

// anyEntry returns an entry whoever asks.
func anyEntry(ctx context.Context, r sqldb.Reader, id int64) (Entry, error) {
	e, ok, err := sqldb.One(ctx, r, scanEntry, `select `+entryColumns+` from incident_entry e where e.id = $1`, id)
	if err == nil && !ok {
		err = notFound()
	}
	return e, err
}

// OpenFromReport opens an incident with a report in it, in one act. With takePart the
// report's owner takes part as affected.
func (in *Incidents) OpenFromReport(ctx context.Context, actor act.Actor, id int64, i Incident, takePart bool) (Incident, error) {
	call := act.Call{Actor: actor, Verb: "incident.link_report"}
	err := in.changeReport(ctx, call, id, 0, "linked", func(ctx context.Context, tx *act.Tx, p *Report) (err error) {
		i.Exercise = p.Exercise
		if i, err = in.OpenNew(ctx, actor, i); err != nil {
			return err
		}
		if takePart && p.Owner != 0 && p.Owner != guard.OwnOrg {
			if err := in.admit(ctx, tx, &i, NewParticipant{Org: p.Owner, Role: "affected", Tell: ByMail}); err != nil {
				return err
			}
		}
		_, err = in.link(ctx, tx, actor, &i, p)
		return err
	})
	return i, err
}

// admit lets an organisation take part, inside an open act that began the incident.
func (in *Incidents) admit(ctx context.Context, tx *act.Tx, i *Incident, n NewParticipant) error {
	if err := in.mayTakePart(ctx, tx, i, n); err != nil {
		return err
	}
	id, err := tx.Next(ctx, "incident.participant")
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_participant (`+participantColumns+`) values ($1, $2, $3, 0, $4, $5, '', $6, $7, 0, '')`,
		id, i.ID, n.Org, string(n.Role), string(n.Tell), clock.Micros(tx.Now()), tx.Actor().ID)
	return err
}
