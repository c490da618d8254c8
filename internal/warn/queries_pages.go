package warn

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
)

// Draft checks a warning that nobody has kept yet and puts the ids of the
// organisations that it names in place of their names; what would be refused when it
// is kept or looked at is refused here.
func (w *Warn) Draft(ctx context.Context, r sqldb.Reader, v Warning) (Warning, error) {
	if v.Severity == SeverityFlash && v.AnswerWithin == 0 {
		v.AnswerWithin = 30 * time.Minute
	}
	if err := v.Validate(); err != nil {
		return v, err
	}
	if err := w.resolveNames(ctx, r, &v.Choice); err != nil {
		return v, err
	}
	_, err := w.chosenOrgs(ctx, r, v)
	return v, err
}

// Letter is what one organisation would get of a draft, as the release gate would
// clear it at this moment. A zero Parcel: nobody to write to, or the gate refuses.
type Letter struct {
	Chosen
	Parcel guard.Parcel
}

// kindDraft is the kind of thing under which a draft goes through a gate of its own.
const kindDraft = "warning-draft"

// Preview renders the letter that an organisation would get of a kept draft. Nothing
// is sent or recorded; number and link of the letter do not exist yet and lead nowhere.
func (w *Warn) Preview(ctx context.Context, r sqldb.Reader, v Warning, org int64) (l Letter, err error) {
	info, ok := w.Constituency.Index().Org(org)
	if !ok {
		return l, fault.New(fault.NotFound, "warn.warning.not_chosen", nil)
	}
	contacts, err := w.ContactsOf(ctx, r, org)
	if err != nil {
		return l, err
	}
	sealed, err := w.Guard.Sealable(ctx, r, w.Acts.Clock().Now())
	if err != nil {
		return l, err
	}
	if l.Chosen = w.chosen(v, info, contacts, sealed); l.Contact.ID == 0 {
		return l, nil
	}
	n := v.notice(org, 0, 0)
	n.to(l.Contact, w.Language)
	to, _, err := w.recipient(ctx, r, n)
	if err != nil {
		return l, err
	}
	gate := guard.NewGate(w.Guard, map[string]guard.Closure{kindDraft: draftLetter{w, n}})
	l.Parcel, err = gate.Release(ctx, r, act.MachineActor("warn.preview"), guard.Thing{Kind: kindDraft, ID: v.ID}, to, "preview")
	if fault.CodeOf(err) == fault.Denied {
		return l, nil
	}
	return l, err
}

// draftLetter answers the gate for a notice that is not there yet.
type draftLetter struct {
	w *Warn
	n Notice
}

// Parts is the warning as if it had been released to its list.
func (d draftLetter) Parts(ctx context.Context, r sqldb.Reader, t guard.Thing, _ guard.Recipient) ([]guard.Part, error) {
	v, err := d.w.Warning(ctx, r, t.ID)
	if err != nil {
		return nil, err
	}
	return []guard.Part{{Ref: "warning", Owner: d.n.Org, Owned: true, Marking: v.Marking, Exercise: v.Exercise}}, nil
}

// Render writes the letter as Warn.Render does, without a number that counts.
func (d draftLetter) Render(ctx context.Context, r sqldb.Reader, _ guard.Thing, to guard.Recipient, _ []guard.Part) (v guard.View, err error) {
	org, err := d.w.Guard.Organisation(ctx, r, d.n.Org)
	if err != nil {
		return v, err
	}
	own, err := d.w.Guard.Organisation(ctx, r, guard.OwnOrg)
	if err != nil {
		return v, err
	}
	d.n.DraftedAt = d.w.Acts.Clock().Now()
	l := &letter{w: d.w, r: r, n: d.n, to: to, p: d.w.Catalogue.Printer(to.Language), team: own.Name, org: org.Name}
	l.line("warn.mail.greeting", map[string]any{"Organisation": org.Name})
	if to.Channel == guard.ByMinimalMail {
		v.Subject, err = l.minimal(ctx)
	} else {
		v.Subject, err = l.warning(ctx)
	}
	if err != nil {
		return v, err
	}
	l.close()
	hide := strings.NewReplacer(d.w.Number(d.n.ID), "ALM-····-····")
	v.ContentType, v.Subject, v.Body = "text/plain; charset=utf-8", hide.Replace(v.Subject), []byte(hide.Replace(l.b.String()))
	return v, nil
}

// Tally is how many organisations have a notice of a warning, and how many answered.
type Tally struct{ Told, Taken int64 }

// Tallies counts, for some warnings, who was told and who has answered.
func (w *Warn) Tallies(ctx context.Context, r sqldb.Reader, warnings []int64) (map[int64]Tally, error) {
	out := map[int64]Tally{}
	if len(warnings) == 0 {
		return out, nil
	}
	args, places := make([]any, len(warnings)), make([]string, len(warnings))
	for i, id := range warnings {
		args[i], places[i] = id, "$"+strconv.Itoa(i+1)
	}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var id int64
		var t Tally
		if err := row.Scan(&id, &t.Told, &t.Taken); err != nil {
			return err
		}
		out[id] = t
		return nil
	}, `select warning_id, count(distinct org_id), count(distinct case when answered_at > 0 then org_id end)
		from warn_notice where warning_id in (`+strings.Join(places, ", ")+`) group by warning_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("count who has taken warnings: %w", err)
	}
	return out, nil
}

// LastNotices returns, by organisation, the last notice of a warning.
func (w *Warn) LastNotices(ctx context.Context, r sqldb.Reader, warning int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	err := sqldb.Each(ctx, r, func(row sqldb.Row) error {
		var org, id int64
		if err := row.Scan(&org, &id); err != nil {
			return err
		}
		out[org] = id
		return nil
	}, `select org_id, max(id) from warn_notice where warning_id = $1 group by org_id`, warning)
	if err != nil {
		return nil, fmt.Errorf("read notices of warning %d: %w", warning, err)
	}
	return out, nil
}

// Halt is why and since when nothing leaves.
type Halt struct {
	At     time.Time
	By     string // an actor's id
	Reason string
}

// StoppedBy returns why sending is stopped; ok is false when it is not.
func (w *Warn) StoppedBy(ctx context.Context, r sqldb.Reader) (h Halt, ok bool, err error) {
	return sqldb.One(ctx, r, func(row sqldb.Row) (h Halt, err error) {
		var at int64
		err = row.Scan(&at, &h.By, &h.Reason)
		h.At = clock.FromMicros(at)
		return h, err
	}, `select at, by_id, reason from warn_stop where id = 1`)
}

// ContactsOf lists how to reach an organisation, in order of escalation.
func (w *Warn) ContactsOf(ctx context.Context, r sqldb.Reader, org int64) ([]constituency.Contact, error) {
	cs, err := w.Constituency.Contacts(ctx, r, org)
	if err != nil {
		return nil, fmt.Errorf("read contacts of organisation %d: %w", org, err)
	}
	return cs, nil
}

// Attachment takes the n-th file (from 0) out of a mail that came in, which is given
// whole; what was sealed to the team is opened. NotFound when there is none.
func (w *Warn) Attachment(raw []byte, n int) (f message.File, body []byte, err error) {
	m, err := w.Outbound.Inside(raw, w.Acts.Clock().Now(), w.mailOptions())
	if err != nil {
		return f, nil, err
	}
	return outbound.FileOf(m, n)
}
