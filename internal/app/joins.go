package app

import (
	"cmp"
	"context"
	"time"

	"almenara.example/internal/constituency/constituencyweb"
	"almenara.example/internal/duty"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
)

// lookupRules lets an IntelMQ that asks whom to tell of an event be answered by the
// rules by which we tell ourselves.
type lookupRules struct{ warn *warn.Warn }

// OnLookup implements constituencyweb.Rules. The feed is the name of one of our
// sources, its code or the event's identifier the kind of report.
func (x lookupRules) OnLookup(ctx context.Context, org int64, asked constituencyweb.Asked) (suppress bool, every time.Duration, err error) {
	tell, every, err := x.warn.Interval(ctx, org, asked.Feed, cmp.Or(asked.FeedCode, asked.Identifier), asked.Taxonomy)
	return !tell, every, err
}

// onCall is the desk's own call list, for what the desk owes.
func (a *App) onCall(ctx context.Context, r sqldb.Reader) ([]incident.OnCall, error) {
	list, err := a.duty.CallList(ctx, r)
	out := make([]incident.OnCall, len(list))
	for i, c := range list {
		out[i] = incident.OnCall{Name: c.Name, Phone: c.Phone, Language: c.Language, Note: c.Note}
	}
	return out, err
}

// nightTexts gives the pack for the night the open incidents, the warnings that hold and
// the notices that nobody has answered.
type nightTexts struct {
	warn      *warn.Warn
	incidents *incident.Incidents
	words     *i18n.Catalogue
	language  string
}

// OpenTexts implements duty.Texts.
func (x nightTexts) OpenTexts(ctx context.Context, r sqldb.Reader) ([]duty.Text, error) {
	open, err := x.warn.OpenTexts(ctx, r, x.language)
	if err != nil {
		return nil, err
	}
	p := x.words.Printer(x.language)
	out, err := x.openIncidents(ctx, r, p)
	if err != nil {
		return nil, err
	}
	for _, o := range open {
		t := duty.Text{Org: o.Org, Number: o.Number, Title: o.Title, At: o.At, Due: o.Due, Lines: o.Lines}
		if t.Title == "" {
			t.Title = p.Say("app.pack.notice", "Count", o.Total)
		}
		if o.Red {
			t.Lines = []string{p.Say("app.pack.red")}
		}
		out = append(out, t)
	}
	return out, nil
}

// nightIncidents is how many incidents the pack has at most: it is for one night.
const nightIncidents = 50

// openIncidents are the open incidents, each with whom to call and what is owed. What
// is written in them stays at the desk.
func (x nightTexts) openIncidents(ctx context.Context, r sqldb.Reader, p *i18n.Printer) (out []duty.Text, err error) {
	desk := incident.Viewer{Org: guard.OwnOrg}
	open, err := x.incidents.List(ctx, r, desk, incident.Filter{State: incident.Open, Limit: nightIncidents})
	if err != nil {
		return nil, err
	}
	for _, i := range open {
		t := duty.Text{Number: x.incidents.Number(i.ID), Title: p.Say("app.pack.incident", "Title", i.Title, "Severity", p.Say("incident.desk.severity."+string(i.Severity))), At: i.OpenedAt}
		ps, err := x.incidents.Participants(ctx, r, i.ID, false)
		if err != nil {
			return nil, err
		}
		for _, one := range ps {
			line, err := x.participant(ctx, r, p, one)
			if err != nil {
				return nil, err
			}
			t.Lines = append(t.Lines, line)
		}
		tasks, err := x.incidents.Tasks(ctx, r, desk, i.ID)
		if err != nil {
			return nil, err
		}
		owed := 0
		for _, k := range tasks {
			if k.State.Ended() {
				continue
			}
			owed++
			if !k.Due.IsZero() && (t.Due.IsZero() || k.Due.Before(t.Due)) {
				t.Due = k.Due
			}
		}
		if owed > 0 {
			t.Lines = append(t.Lines, p.Say("app.pack.owed", "Count", owed))
		}
		if err := x.clocks(ctx, r, p, i.ID, &t); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// clocks adds the clocks that run: what is owed by whom, and by when it is safe.
func (x nightTexts) clocks(ctx context.Context, r sqldb.Reader, p *i18n.Printer, id int64, t *duty.Text) error {
	all, err := x.incidents.Clocks(ctx, r, incident.Viewer{Org: guard.OwnOrg}, id)
	for k := range all {
		c := &all[k]
		if c.State != incident.ClockRunning || c.WarnAt.IsZero() {
			continue
		}
		_, stage, err := x.incidents.StageOf(c)
		if err != nil {
			return err
		}
		o, _ := x.incidents.Constituency.Index().Org(c.OwedByOrg)
		t.Lines = append(t.Lines, p.Say("app.pack.clock", "Stage", stage.Title.In(x.language), "Name", o.Name, "At", p.Time(c.WarnAt)))
		if t.Due.IsZero() || c.WarnAt.Before(t.Due) {
			t.Due = c.WarnAt
		}
	}
	return err
}

// participant is who takes part, and whom to call there.
func (x nightTexts) participant(ctx context.Context, r sqldb.Reader, p *i18n.Printer, one incident.Participant) (string, error) {
	o, _ := x.incidents.Constituency.Index().Org(one.Org)
	line := o.Name + " (" + p.Say("incident.desk.role."+string(one.Role)) + ")"
	contacts, err := x.incidents.Constituency.Contacts(ctx, r, one.Org)
	for _, c := range contacts {
		if c.Phone != "" {
			line += " · " + c.Name + " " + c.Phone
		}
	}
	return line, err
}
