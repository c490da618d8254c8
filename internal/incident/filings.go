package incident

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// Filing is the document that is filed for a stage: its fields are those of the regime.
type Filing struct {
	ID        int64
	Clock     int64
	Incident  int64
	Law       int64
	Org       int64 // whose document it is: a draft is that organisation's alone
	Number    int64 // which version of the clock's document, 0 until it is sent
	Report    int64 // the report that was the filing, 0 none
	Sent      bool
	Withdrawn bool              // it was a report that belongs to the incident no more
	Answers   map[string]string // field to text; times in RFC 3339, lists a value a line
	SentAt    time.Time
	SentBy    string
	SentHow   string // where it went, under which number
	Entry     int64
	BegunAt   time.Time
	BegunBy   string
	ChangedAt time.Time
	ChangedBy string
	Version   int64
}

const filingColumns = `f.id, f.clock_id, f.incident_id, f.law_id, f.state, f.answers, f.sent_at, f.sent_by, f.sent_how, f.entry_id, f.begun_at, f.begun_by,
	f.changed_at, f.changed_by, f.version, f.org_id, f.number, f.report_id`

func scanFiling(r sqldb.Row) (f Filing, err error) {
	var state, answers string
	var sent, begun, changed int64
	err = r.Scan(&f.ID, &f.Clock, &f.Incident, &f.Law, &state, &answers, &sent, &f.SentBy, &f.SentHow, &f.Entry, &begun, &f.BegunBy, &changed, &f.ChangedBy, &f.Version,
		&f.Org, &f.Number, &f.Report)
	if err != nil {
		return f, err
	}
	f.Sent, f.Withdrawn = state == "sent", state == "withdrawn"
	f.SentAt, f.BegunAt, f.ChangedAt = clock.FromMicros(sent), clock.FromMicros(begun), clock.FromMicros(changed)
	return f, json.Unmarshal([]byte(answers), &f.Answers)
}

// Filing returns a document of a clock that a viewer may know of.
func (in *Incidents) Filing(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Filing, error) {
	f, ok, err := sqldb.One(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f join incident_clock k on k.id = f.clock_id
		where `+mayFile+` and f.id = $3`, v.Org, v.Person, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "incident.clocks.none", nil)
	}
	return f, err
}

// mayFile is mayClock, and a draft is whose document it is; the desk's also of whoever
// owes it.
const mayFile = mayClock + ` and (f.state <> 'draft' or f.org_id = $1 or f.org_id = 1 and k.owed_by_org = $1)`

// Filings lists the documents of an incident that a viewer may know of.
func (in *Incidents) Filings(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]Filing, error) {
	return sqldb.All(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f join incident_clock k on k.id = f.clock_id
		where `+mayFile+` and f.incident_id = $3 order by f.id`, v.Org, v.Person, incident)
}

// StageOf is what the law says about a clock's stage, and the law, by the version under
// which the clock began.
func (in *Incidents) StageOf(c *Clock) (Law, regime.Stage, error) {
	l, err := in.law(c.Law, c.Regime)
	s, _ := l.Regime.Stage(c.Stage)
	return l, s, err
}

// BeginFiling begins the document of a clock's stage, filled from the incident: from
// its head and from what the organisation whose duty it is may see, no more.
func (in *Incidents) BeginFiling(ctx context.Context, actor act.Actor, id int64) (f Filing, err error) {
	c, err := in.Clock(ctx, in.read, ViewerOf(actor), id)
	if err != nil {
		return f, err
	}
	l, stage, err := in.StageOf(&c)
	if err != nil {
		return f, err
	}
	if len(stage.Fields) == 0 {
		return f, fault.New(fault.Conflict, "incident.clocks.no_fields", nil)
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.begin_filing"}, c.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		answers, err := in.prefill(ctx, tx, i, c.Party, &l.Regime, stage.Fields)
		if err != nil {
			return err
		}
		if f, err = in.newDraft(ctx, tx, actor, &c, answers); err != nil {
			return err
		}
		tx.Detail(filingDetail{f.ID, clockSubject(c.ID)})
		return nil
	})
	return f, err
}

// newDraft writes the first draft of an organisation for a clock.
func (in *Incidents) newDraft(ctx context.Context, tx *act.Tx, actor act.Actor, c *Clock, answers map[string]string) (f Filing, err error) {
	text, err := json.Marshal(answers)
	if err != nil {
		return f, err
	}
	f = Filing{Org: actor.Org, Clock: c.ID, Incident: c.Incident, Law: c.Law, Answers: answers, BegunAt: tx.Now(), BegunBy: actor.ID, ChangedAt: tx.Now(), ChangedBy: actor.ID, Version: 1}
	if f.ID, err = tx.Next(ctx, "incident.filing"); err != nil {
		return f, err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_filing (id, clock_id, incident_id, law_id, state, answers, sent_at, sent_by, sent_how, entry_id, begun_at, begun_by,
		changed_at, changed_by, version, org_id) values ($1, $2, $3, $4, 'draft', $5, 0, '', '', 0, $6, $7, $6, $7, 1, $8)`,
		f.ID, f.Clock, f.Incident, f.Law, string(text), stamp(f.BegunAt), f.BegunBy, f.Org)
	return f, err
}

// rewrite puts other answers into a draft; what stood there before is kept.
func (f *Filing) rewrite(ctx context.Context, tx *act.Tx, actor act.Actor, answers map[string]string) error {
	old, err := json.Marshal(f.Answers)
	if err != nil {
		return err
	}
	text, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_filing_version (filing_id, version, answers, changed_at, changed_by) values ($1, $2, $3, $4, $5)`,
		f.ID, f.Version, string(old), stamp(f.ChangedAt), f.ChangedBy); err != nil {
		return err
	}
	f.Answers = answers
	_, err = tx.ExecContext(ctx, `update incident_filing set answers = $1, changed_at = $2, changed_by = $3, version = version + 1 where id = $4`,
		string(text), clock.Micros(tx.Now()), actor.ID, f.ID)
	return err
}

type filingDetail struct {
	Filing int64  `json:"filing"`
	Clock  string `json:"clock"`
}

// changeFiling is the frame of what changes a document that is still a draft.
func (in *Incidents) changeFiling(ctx context.Context, call act.Call, id, version int64, f func(context.Context, *act.Tx, *Incident, *Filing, *Clock) error) error {
	v := ViewerOf(call.Actor)
	first, err := in.Filing(ctx, in.read, v, id)
	if err != nil {
		return err
	}
	return in.change(ctx, call, first.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		one, err := in.Filing(ctx, tx, v, id)
		if err != nil {
			return err
		}
		c, err := in.Clock(ctx, tx, v, one.Clock)
		switch {
		case err != nil:
			return err
		case one.Sent || one.Withdrawn:
			return fault.New(fault.Conflict, "incident.clocks.sent", nil)
		case one.Version != version:
			return changedMeanwhile()
		}
		tx.Detail(filingDetail{id, clockSubject(c.ID)})
		return f(ctx, tx, i, &one, &c)
	})
}

// EditFiling puts other answers; what stood there before is kept.
func (in *Incidents) EditFiling(ctx context.Context, actor act.Actor, id, version int64, answers map[string]string) error {
	return in.changeFiling(ctx, act.Call{Actor: actor, Verb: "incident.edit_filing"}, id, version, func(ctx context.Context, tx *act.Tx, _ *Incident, f *Filing, c *Clock) error {
		_, stage, err := in.StageOf(c)
		if err != nil {
			return err
		}
		if answers, err = checkAnswers(stage.Fields, answers); err != nil {
			return err
		}
		return f.rewrite(ctx, tx, actor, answers)
	})
}

// SendFiling records that a document was sent, when and how: its clock is met, and what
// is counted from that submission begins to run; where one was sent before, this is
// another version, and no clock moves. A required field that is empty holds it up. An
// entry in the story says so to whoever owes it and to whom it is owed.
func (in *Incidents) SendFiling(ctx context.Context, actor act.Actor, id, version int64, at time.Time, how string) (moves []Move, err error) {
	how = clean(how)
	if err := checkLine("how", how, MaxTitle, true); err != nil {
		return nil, err
	}
	if now := in.Acts.Clock().Now(); at.After(now.Add(5 * time.Minute)) {
		return nil, fault.OnField("at", "incident.entry.future", nil)
	} else if at.IsZero() {
		at = now
	}
	err = in.changeFiling(ctx, act.Call{Actor: actor, Verb: "incident.send_filing"}, id, version, func(ctx context.Context, tx *act.Tx, i *Incident, f *Filing, c *Clock) error {
		l, stage, err := in.StageOf(c)
		if err != nil {
			return err
		}
		if err := complete(stage.Fields, f.Answers, in.Language); err != nil {
			return err
		}
		e, err := in.AddEntry(ctx, actor, i.ID, in.sentEntry(ctx, tx, i, c, &l, stage, at, how))
		if err != nil {
			return err
		}
		next, err := nextNumber(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `update incident_filing set state = 'sent', sent_at = $1, sent_by = $2, sent_how = $3, entry_id = $4, number = $5, version = version + 1
			where id = $6`, stamp(at), actor.ID, how, e.ID, next, id); err != nil {
			return err
		}
		f.SentAt, f.Entry = at, e.ID
		if moves, err = in.meets(ctx, tx, i, c, f, how); err != nil {
			return err
		}
		return in.tellClocks(ctx, tx, i.ID, *c) // also where no clock moves: there is another version
	})
	return moves, err
}

// sentEntry says in the story that a document was sent.
func (in *Incidents) sentEntry(ctx context.Context, r sqldb.Reader, i *Incident, c *Clock, l *Law, s regime.Stage, at time.Time, how string) NewEntry {
	p := in.Catalogue.Printer(in.Language).In(in.Zone)
	e := NewEntry{Kind: Status, Marking: i.Marking, Text: p.Say("incident.clocks.sent_entry", "Stage", s.Title.In(in.Language), "Regime", l.Regime.Title.In(in.Language), "At", p.Time(at), "How", how)}
	for _, org := range []int64{c.OwedByOrg, c.OwedToOrg} {
		if takes, err := takesPart(ctx, r, i.ID, Viewer{Org: org}); err == nil && takes && org != guard.OwnOrg {
			e.To.Orgs = append(e.To.Orgs, org)
		}
	}
	return e
}

// complete refuses a document in which a required field is empty.
func complete(fields []regime.Field, answers map[string]string, language string) error {
	var bad []fault.Error
	for _, f := range fields {
		if f.Required && text.Blank(answers[f.ID]) {
			bad = append(bad, *fault.OnField(f.ID, "incident.clocks.field_required", fault.Args{"Name": f.Label.In(language)}))
		}
	}
	return fault.Join("incident.clocks.incomplete", bad)
}

// MaxAnswer bounds one answer of a document, in characters.
const MaxAnswer = 20_000

// checkAnswers refuses answers that do not fit their fields, and leaves empty ones out.
func checkAnswers(fields []regime.Field, answers map[string]string) (map[string]string, error) {
	out := map[string]string{}
	var bad []fault.Error
	for id, text := range answers {
		text = clean(text)
		i := slices.IndexFunc(fields, func(f regime.Field) bool { return f.ID == id })
		if i < 0 {
			bad = append(bad, *fault.OnField(id, "incident.clocks.no_field", fault.Args{"Value": fault.Clip(id)}))
			continue
		}
		if text == "" {
			continue
		}
		if err := checkAnswer(fields[i], text); err != nil {
			bad = append(bad, *fault.Of(err))
		}
		out[id] = text
	}
	return out, fault.Join("incident.invalid", bad)
}

func checkAnswer(f regime.Field, text string) error {
	switch f.Kind {
	case regime.KindText:
		return checkLine(f.ID, text, MaxTitle*5, false)
	case regime.KindTime:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return fault.OnField(f.ID, "incident.clocks.field_time", nil)
		}
	case regime.KindNumber:
		if strings.Trim(text, "0123456789. ,") != "" {
			return fault.OnField(f.ID, "incident.clocks.field_number", nil)
		}
	case regime.KindYesNo:
		if text != "yes" && text != "no" {
			return fault.OnField(f.ID, "incident.clocks.field_yes_no", nil)
		}
	case regime.KindChoice:
		if !slices.ContainsFunc(f.Choices, func(c regime.Choice) bool { return c.ID == text }) {
			return fault.OnField(f.ID, "incident.clocks.field_choice", nil)
		}
	case regime.KindParagraph, regime.KindList:
	}
	return checkText(f.ID, text, MaxAnswer, false)
}
