package incident

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
)

// KindReportAnswer is the thing that the release gate asks the room about when an answer
// goes to a reporter by mail; the id is the mail's.
const KindReportAnswer = "incident-report-answer"

// StatusPath is the page to which a reporter without a name comes back; PortalReports
// where an organisation sees its own.
const (
	StatusPath    = "/report/status"
	PortalReports = "/portal/reports"
)

// The states of answers that go by mail.
const (
	answerWaiting = "waiting"
	answerSent    = "sent"
	answerRefused = "refused"
	answerUnknown = "unknown"
)

// answerArgs ask for one answer to be sent.
type answerArgs struct {
	Mail int64 `json:"mail"`
}

type answerMail struct {
	id, report, message int64
	uid, address, state string
}

func scanAnswerMail(r sqldb.Row) (a answerMail, err error) {
	return a, r.Scan(&a.id, &a.report, &a.message, &a.uid, &a.address, &a.state)
}

func answerMailByID(ctx context.Context, r sqldb.Reader, id int64) (answerMail, error) {
	a, ok, err := sqldb.One(ctx, r, scanAnswerMail, `select id, report_id, message_id, uid, address, state from incident_report_mail where id = $1`, id)
	if err == nil && !ok {
		err = noReport()
	}
	return a, err
}

// openReports registers the job that sends answers.
func (in *Incidents) openReports() (err error) {
	if in.Queue == nil {
		return nil
	}
	in.answers, err = jobs.Add(in.Queue, jobs.Kind[answerArgs]{Name: "incident.send_answer", Work: in.workAnswer})
	return err
}

// queueAnswer has an answer mailed to whoever left an address.
func (in *Incidents) queueAnswer(ctx context.Context, tx *act.Tx, p *Report, message int64) error {
	address := p.Email
	if p.Person != 0 {
		person, err := in.Guard.Person(ctx, tx, p.Person)
		if err != nil {
			return err
		}
		address = person.Email
	}
	if address == "" {
		return nil
	}
	id, err := tx.Next(ctx, "incident.report_mail")
	if err != nil {
		return err
	}
	uid, err := in.Acts.IDs().New()
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_report_mail (id, report_id, message_id, uid, address, state, at)
		values ($1, $2, $3, $4, $5, $6, $7)`, id, p.ID, message, uid, address, answerWaiting, clock.Micros(tx.Now())); err != nil || in.answers == nil {
		return err
	}
	return tx.Enqueue(ctx, in.answers.With(answerArgs{id}))
}

// workAnswer sends one answer. Whatever becomes of it stands beside the answer.
func (in *Incidents) workAnswer(ctx context.Context, a answerArgs, _ jobs.Try) error {
	if stopped, err := in.Warn.Stopped(ctx, in.read); err != nil {
		return err
	} else if stopped {
		return jobs.Later(time.Minute)
	}
	parcel, m, code, err := in.beginAnswer(ctx, a.Mail)
	if c := fault.CodeOf(err); c == fault.Denied || c == fault.NotFound || c == fault.Conflict {
		return in.settleAnswer(ctx, a.Mail, answerRefused, nil)
	}
	if err != nil {
		return err
	}
	if m.State == outbound.Unknown { // it was under way when the process ended
		return in.settleAnswer(ctx, a.Mail, answerUnknown, func(ctx context.Context, tx *act.Tx) error { return in.Outbound.Mask(ctx, tx, m, code) })
	}
	result := in.Outbound.DeliverAll(ctx, []outbound.Sending{{Parcel: parcel, Message: m}})[0]
	state := map[outbound.State]string{
		outbound.Accepted: answerSent, outbound.Outbox: answerSent, outbound.Refused: answerRefused, outbound.Unknown: answerUnknown, outbound.Deferred: answerWaiting,
	}[result.State]
	err = in.settleAnswer(context.WithoutCancel(ctx), a.Mail, state, func(ctx context.Context, tx *act.Tx) error {
		if err := in.Outbound.Settle(ctx, tx, m, result); err != nil || code == "" {
			return err
		}
		return in.Outbound.Mask(ctx, tx, m, code)
	})
	if err == nil && state == answerWaiting {
		return jobs.Later(time.Minute)
	}
	return err
}

func (in *Incidents) settleAnswer(ctx context.Context, mail int64, state string, also func(context.Context, *act.Tx) error) error {
	call := act.Call{Actor: act.MachineActor("incident.send_answer"), Verb: "incident.note_answer", Subject: fmt.Sprintf("%s:%d", KindReportAnswer, mail)}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(struct {
			State string `json:"state"`
		}{state})
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `update incident_report_mail set state = $1 where id = $2`, state, mail)
		return err
	})
}

// beginAnswer has an answer cleared and begins the message, in one act. Where nobody
// could read it but the mail's carriers, it says only that there is an answer and how to
// come back for it, by a code of its own that is kept nowhere.
func (in *Incidents) beginAnswer(ctx context.Context, mail int64) (parcel guard.Parcel, m outbound.Message, code string, err error) {
	a, err := answerMailByID(ctx, in.read, mail)
	if err != nil {
		return parcel, m, "", err
	}
	p, err := in.Report(ctx, in.read, Viewer{Org: guard.OwnOrg}, a.report)
	if err != nil {
		return parcel, m, "", err
	}
	to, err := in.answerTo(ctx, &a, &p)
	if err != nil {
		return parcel, m, "", err
	}
	machine := act.MachineActor("incident.send_answer")
	call := act.Call{Actor: machine, Verb: "incident.send_answer", Subject: fmt.Sprintf("%s:%d", KindReportAnswer, mail), Purpose: purpose, Exercise: p.Exercise}
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		query := url.Values{}
		if to.Org == 0 {
			if code, err = in.NewCode(); err != nil {
				return err
			}
			if err := keepCode(ctx, tx, p.ID, code); err != nil {
				return err
			}
			query.Set("code", code)
		}
		if parcel, err = in.gate.Release(ctx, tx, machine, guard.Thing{Kind: KindReportAnswer, ID: mail, Query: query.Encode()}, to, purpose); err != nil {
			return err
		}
		m, err = in.Outbound.Begin(ctx, tx, parcel)
		return err
	})
	return parcel, m, code, err
}

// answerTo is whom an answer goes to: an owner for sure by name, sealed where there is a
// key; anybody else by the address that he left.
func (in *Incidents) answerTo(ctx context.Context, a *answerMail, p *Report) (guard.Recipient, error) {
	to := guard.Recipient{Address: a.address, Language: p.Language, Channel: guard.ByMinimalMail}
	if !p.Confirmed || p.Person == 0 {
		return to, nil
	}
	to.Org, to.Person = p.Owner, p.Person
	_, err := in.Outbound.Sealed(ctx, in.read, in.Guard, &to)
	return to, err
}

// ReportClosures says which of the room's things about reports the release gate asks for.
func (in *Incidents) ReportClosures() map[string]guard.Closure {
	return map[string]guard.Closure{KindReportAnswer: answerView{in}}
}

// answerView is an answer as it leaves by mail.
type answerView struct{ in *Incidents }

// Parts implements guard.Closure.
func (v answerView) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient) ([]guard.Part, error) {
	a, err := answerMailByID(ctx, r, t.ID)
	if err != nil {
		return nil, err
	}
	p, err := v.in.Report(ctx, r, Viewer{Org: guard.OwnOrg}, a.report)
	if err != nil || a.address != to.Address {
		return nil, err
	}
	part := guard.Part{Ref: "answer", Owned: true, Marking: p.Marking, Exercise: p.Exercise, Held: to.Org == 0}
	if p.Confirmed {
		part.Owner = p.Owner
	}
	return []guard.Part{part}, nil
}

// Render implements guard.Closure.
func (v answerView) Render(ctx context.Context, r sqldb.Reader, t guard.Thing, to guard.Recipient, _ []guard.Part) (view guard.View, err error) {
	in := v.in
	a, err := answerMailByID(ctx, r, t.ID)
	if err != nil {
		return view, err
	}
	own, err := in.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return view, err
	}
	query, err := url.ParseQuery(t.Query)
	if err != nil {
		return view, fmt.Errorf("read query of %s: %w", t, err)
	}
	words, number := in.Catalogue.Printer(to.Language), in.ReportNo(a.report)
	var text string
	switch {
	case to.Channel == guard.BySealedMail:
		m, ok, err := sqldb.One(ctx, r, sqldb.Text, `select text from incident_report_message where id = $1`, a.message)
		if err != nil || !ok {
			return view, orElse(err, noReport())
		}
		text = words.Say("incident.reports.mail.sealed", "Number", number, "Answer", m, "URL", in.PublicURL+PortalReports+"/"+number)
	case to.Org != 0:
		text = words.Say("incident.reports.mail.portal", "Number", number, "URL", in.PublicURL+PortalReports+"/"+number)
	default:
		text = words.Say("incident.reports.mail.code", "Number", number, "URL", in.PublicURL+StatusPath, "Code", query.Get("code"))
	}
	return guard.View{
		Subject: "[" + number + "] " + words.Say("incident.reports.mail.subject"), ContentType: "text/plain; charset=utf-8",
		Body: []byte(strings.TrimSpace(text) + "\n\n" + own.Name + "\n"), MessageID: a.uid + "@" + in.MailDomain,
	}, nil
}

// AnswerStates tells what became of the answers of a report that went by mail, by
// message.
func (in *Incidents) AnswerStates(ctx context.Context, r sqldb.Reader, report int64) (map[int64]string, error) {
	out := map[int64]string{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var state string
		err := row.Scan(&id, &state)
		out[id] = state
		return err
	}, `select message_id, state from incident_report_mail where report_id = $1 order by id`, report)
	return out, err
}
