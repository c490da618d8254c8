package incident

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// What an organisation outside owes by law, and files itself.

// ClockRef is the name of a clock for those outside, who must not be able to count.
func (in *Incidents) ClockRef(clock int64) string { return in.ClockRefs.Format(uint64(clock)) }

// ByClockRef returns the clock that a ClockRef names; NotFound for what is none.
func (in *Incidents) ByClockRef(ref string) (int64, error) { return parseRef(in.ClockRefs, ref) }

// mayOwe is the condition on a clock k that the viewer's organisation ($1, $2 the
// person) owes it, in an incident in which the viewer takes part. The desk has a board
// of its own.
const mayOwe = `(k.owed_by_org = $1 and $1 <> 1 and exists (select 1 from incident_participant p where p.incident_id = k.incident_id
	and p.removed_at = 0 and p.org_id = $1 and p.person_id in (0, $2)))`

// OwnFilter says which of the own clocks to list; zero fields do not filter.
type OwnFilter struct {
	Incident int64
	Exercise bool // the exercises, else the real ones; with Incident both
	Settled  bool // those that are done or not owed, the latest first, else those that are open
}

// settledAtMost is how many clocks that are done are listed; of the open ones all, up to
// ownAtMost.
const (
	settledAtMost = 50
	ownAtMost     = 500
)

// where is the condition on an own clock k.
func (f *OwnFilter) where(v Viewer) (string, []any) {
	state := ` and k.state in ('running', 'paused', 'waiting')`
	if f.Settled {
		state = ` and k.state in ('met', 'void')`
	}
	if f.Incident != 0 {
		return mayOwe + state + ` and k.incident_id = $3`, []any{v.Org, v.Person, f.Incident}
	}
	return mayOwe + state + ` and k.exercise = $3`, []any{v.Org, v.Person, f.Exercise}
}

// OwnClocks lists what a viewer's organisation owes by law, the most urgent first: what
// runs by when it must be safe, then what stands still, then what does not run yet.
func (in *Incidents) OwnClocks(ctx context.Context, r sqldb.Reader, v Viewer, f OwnFilter) ([]Clock, error) {
	where, args := f.where(v)
	order, most := ` order by case k.state when 'running' then 0 when 'paused' then 1 else 2 end, case k.warn_at when 0 then 1 else 0 end, k.warn_at, k.id limit $4`, ownAtMost
	if f.Settled {
		order, most = ` order by k.changed_at desc, k.id desc limit $4`, settledAtMost
	}
	return sqldb.All(ctx, r, scanClock, `select `+clockColumns+` from incident_clock k where `+where+order, append(args, most)...)
}

// CountOwnClocks counts those of the own real clocks that run.
func (in *Incidents) CountOwnClocks(ctx context.Context, r sqldb.Reader, v Viewer) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_clock k where `+mayOwe+` and k.state = 'running' and k.exercise = $3`, v.Org, v.Person, false)
	return n, err
}

// OwnClock returns a clock that the viewer's organisation owes; NotFound for any other.
func (in *Incidents) OwnClock(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (Clock, error) {
	c, ok, err := sqldb.One(ctx, r, scanClock, `select `+clockColumns+` from incident_clock k where `+mayOwe+` and k.id = $3`, v.Org, v.Person, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "incident.clocks.none", nil)
	}
	return c, err
}

// OwnFiled lists what was filed for a clock that the viewer's organisation owes, by
// whomever, the first version first; what was taken back is among it.
func (in *Incidents) OwnFiled(ctx context.Context, r sqldb.Reader, v Viewer, id int64) ([]Filing, error) {
	return sqldb.All(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f join incident_clock k on k.id = f.clock_id
		where `+mayOwe+` and k.id = $3 and f.number > 0 order by f.number`, v.Org, v.Person, id)
}

// OwnDocument is what stands in the document of a clock that the viewer's organisation
// owes: what it was writing, else what was filed last, else what the incident says, as
// far as the organisation may see it. The draft's version is 0 where there is none.
func (in *Incidents) OwnDocument(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (answers map[string]string, version int64, err error) {
	c, err := in.OwnClock(ctx, r, v, id)
	if err != nil {
		return nil, 0, err
	}
	d, ok, err := ownDraft(ctx, r, v.Org, id)
	if err != nil || ok {
		return d.Answers, d.Version, err
	}
	last, err := lastFiled(ctx, r, id)
	if err != nil || last.Number > 0 {
		return last.Answers, 0, err
	}
	l, stage, err := in.StageOf(&c)
	if err != nil {
		return nil, 0, err
	}
	i, err := in.Incident(ctx, r, v, c.Incident)
	if err != nil {
		return nil, 0, err
	}
	answers, err = in.prefill(ctx, r, &i, v.Org, &l.Regime, stage.Fields)
	return answers, 0, err
}

// ownDraft is what an organisation is writing for a clock.
func ownDraft(ctx context.Context, r sqldb.Reader, org, id int64) (Filing, bool, error) {
	return sqldb.One(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f where f.clock_id = $1 and f.org_id = $2 and f.state = 'draft'`, id, org)
}

// lastFiled is the last version that was filed for a clock and stands; the zero Filing
// when there is none.
func lastFiled(ctx context.Context, r sqldb.Reader, id int64) (Filing, error) {
	f, _, err := sqldb.One(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f where f.clock_id = $1 and f.state = 'sent' order by f.number desc limit 1`, id)
	return f, err
}

// firstFiled is the document by which the stage of a clock was done: of those that stand
// the one that was sent first; the zero Filing when there is none.
func firstFiled(ctx context.Context, r sqldb.Reader, id int64) (Filing, error) {
	f, _, err := sqldb.One(ctx, r, scanFiling, `select `+filingColumns+` from incident_filing f where f.clock_id = $1 and f.state = 'sent' order by f.sent_at, f.id limit 1`, id)
	return f, err
}

// nextNumber is the number of the version of a clock's document that is filed now.
func nextNumber(ctx context.Context, tx *act.Tx, id int64) (int64, error) {
	n, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select coalesce(max(number), 0) from incident_filing where clock_id = $1`, id)
	return n + 1, err
}

// OwnFiling is what somebody files for the own organisation.
type OwnFiling struct {
	Answers  map[string]string
	Version  int64     // of the draft that was looked at, 0 for none
	Seen     int64     // the number of what was filed last, 0 for nothing
	At       time.Time // when it was sent, where it is owed to somebody else than the desk; zero: now
	How      string    // how it was sent there
	Language string    // of refusals
}

// KeepOwnDraft keeps what is being written. Nothing is told to anybody, so no act is
// recorded.
func (in *Incidents) KeepOwnDraft(ctx context.Context, actor act.Actor, id int64, n OwnFiling) error {
	return in.Acts.Housekeep(ctx, "drafts of filings", func(ctx context.Context, tx *act.Tx) error {
		c, err := in.OwnClock(ctx, tx, ViewerOf(actor), id)
		if err != nil {
			return err
		}
		if n.Answers, err = in.fitting(&c, n.Answers); err != nil {
			return err
		}
		_, err = in.putDraft(ctx, tx, actor, &c, n)
		return err
	})
}

// fitting leaves out empty answers, and refuses those that do not fit their fields.
func (in *Incidents) fitting(c *Clock, answers map[string]string) (map[string]string, error) {
	_, stage, err := in.StageOf(c)
	if err != nil {
		return nil, err
	}
	return checkAnswers(stage.Fields, answers)
}

// putDraft writes the draft of an organisation at the version that was looked at; what
// stood there before is kept.
func (in *Incidents) putDraft(ctx context.Context, tx *act.Tx, actor act.Actor, c *Clock, n OwnFiling) (Filing, error) {
	f, there, err := ownDraft(ctx, tx, actor.Org, c.ID)
	switch {
	case err != nil:
		return f, err
	case f.Version != n.Version:
		return f, changedMeanwhile()
	case !there:
		return in.newDraft(ctx, tx, actor, c, n.Answers)
	}
	err = f.rewrite(ctx, tx, actor, n.Answers)
	return f, err
}

// DropOwnDraft throws away what was being written.
func (in *Incidents) DropOwnDraft(ctx context.Context, actor act.Actor, id int64) error {
	return in.Acts.Housekeep(ctx, "drafts of filings", func(ctx context.Context, tx *act.Tx) error {
		if _, err := in.OwnClock(ctx, tx, ViewerOf(actor), id); err != nil {
			return err
		}
		d, ok, err := ownDraft(ctx, tx, actor.Org, id)
		if err != nil || !ok {
			return err
		}
		if _, err := tx.ExecContext(ctx, `delete from incident_filing_version where filing_id = $1`, d.ID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `delete from incident_filing where id = $1`, d.ID)
		return err
	})
}

// errFiled ends an act that would file the same thing a second time.
var errFiled = errors.New("this was filed already")

// FileOwn files the document of a clock for the actor's organisation, which owes it. The
// clock is met, and what is counted from that submission begins to run; where it was
// filed before this is another version, the one before stays, and no clock moves. The
// same document sent twice is filed once. What is owed to somebody else than the desk
// says how it got there.
func (in *Incidents) FileOwn(ctx context.Context, actor act.Actor, id int64, n OwnFiling) (f Filing, err error) {
	n.How = clean(n.How)
	if err := checkLine("how", n.How, MaxTitle, false); err != nil {
		return f, err
	}
	v := ViewerOf(actor)
	c, err := in.OwnClock(ctx, in.read, v, id)
	if err != nil {
		return f, err
	}
	if n.Answers, err = in.fitting(&c, n.Answers); err != nil {
		return f, err
	}
	err = in.change(ctx, act.Call{Actor: actor, Verb: "incident.file_own"}, c.Incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) error {
		c, err := in.OwnClock(ctx, tx, v, id)
		if err != nil {
			return err
		}
		last, err := lastFiled(ctx, tx, id)
		if err != nil {
			return err
		}
		if last.Number != n.Seen {
			if f = last; last.Org == actor.Org && maps.Equal(last.Answers, n.Answers) {
				return errFiled
			}
			return fault.New(fault.Conflict, "incident.clocks.filed_meanwhile", nil)
		}
		f, err = in.fileOwn(ctx, tx, actor, i, &c, n)
		return err
	})
	if errors.Is(err, errFiled) {
		err = nil
	}
	return f, err
}

// fileOwn does FileOwn's work inside its act.
func (in *Incidents) fileOwn(ctx context.Context, tx *act.Tx, actor act.Actor, i *Incident, c *Clock, n OwnFiling) (f Filing, err error) {
	l, stage, err := in.StageOf(c)
	if err != nil {
		return f, err
	}
	if err := in.fileable(c, stage, &n, tx.Now()); err != nil {
		return f, err
	}
	if f, err = in.putDraft(ctx, tx, actor, c, n); err != nil {
		return f, err
	}
	how := n.How
	if how == "" {
		how = in.Catalogue.Printer(in.Language).Say("incident.clocks.in_portal")
	}
	said, err := in.filedEntry(ctx, tx, c, i, &l, stage, n.At, how)
	if err != nil {
		return f, err
	}
	e, err := in.AddEntry(ctx, actor, i.ID, said)
	if err != nil {
		return f, err
	}
	if f.Number, err = nextNumber(ctx, tx, c.ID); err != nil {
		return f, err
	}
	f.Sent, f.SentAt, f.SentBy, f.SentHow, f.Entry = true, n.At, actor.ID, n.How, e.ID
	if _, err := tx.ExecContext(ctx, `update incident_filing set state = 'sent', sent_at = $1, sent_by = $2, sent_how = $3, entry_id = $4, number = $5, version = version + 1
		where id = $6`, stamp(f.SentAt), f.SentBy, f.SentHow, f.Entry, f.Number, f.ID); err != nil {
		return f, err
	}
	tx.Detail(filingDetail{f.ID, clockSubject(c.ID)})
	if err := in.anchorsIn(ctx, tx, i, c, stage, f.Answers, e.ID); err != nil {
		return f, err
	}
	if _, err := in.meets(ctx, tx, i, c, &f, how); err != nil {
		return f, err
	}
	return f, in.tellClocks(ctx, tx, i.ID, *c) // also where no clock moves: there is another version
}

// fileable says what holds a document up, and by when it counts as filed.
func (in *Incidents) fileable(c *Clock, stage regime.Stage, n *OwnFiling, now time.Time) error {
	var bad []fault.Error
	add := func(err error) {
		if err == nil {
			return
		}
		f := fault.Of(err)
		if len(f.Parts) == 0 {
			bad = append(bad, *f)
		}
		bad = append(bad, f.Parts...)
	}
	if c.State == ClockVoid {
		return fault.New(fault.Conflict, "incident.clocks.not_owed", nil)
	}
	add(complete(stage.Fields, n.Answers, n.Language))
	add(checkEvents(stage.Fields, n.Answers, "", now))
	if c.OwedToOrg == guard.OwnOrg {
		n.At, n.How = time.Time{}, ""
	} else {
		add(checkLine("how", n.How, MaxTitle, true))
		add(checkHappened("at", n.At, now))
	}
	if n.At.IsZero() {
		n.At = now
	}
	return fault.Join("incident.clocks.incomplete", bad)
}

// eventOf is the event whose time a field asks for; empty for any other field.
func eventOf(f *regime.Field) regime.Event {
	e := regime.Event(strings.TrimPrefix(f.Prefill, "incident."))
	if f.Kind != regime.KindTime || string(e) == f.Prefill || !slices.Contains(Events(), e) {
		return ""
	}
	return e
}

// checkEvents refuses times of events that cannot have happened; prefix stands before
// the names of fields.
func checkEvents(fields []regime.Field, answers map[string]string, prefix string, now time.Time) error {
	var bad []fault.Error
	for k := range fields {
		at, err := time.Parse(time.RFC3339, answers[fields[k].ID])
		if eventOf(&fields[k]) == "" || err != nil {
			continue
		}
		if err := checkHappened(prefix+fields[k].ID, at, now); err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	return fault.Join("incident.invalid", bad)
}

// anchorsIn takes the times of events from a document, where nothing is known of them
// yet: what the organisation itself says of when it became aware starts its clocks under
// this regime. What the desk recorded is the desk's to correct.
func (in *Incidents) anchorsIn(ctx context.Context, tx *act.Tx, i *Incident, c *Clock, stage regime.Stage, answers map[string]string, entry int64) error {
	for k := range stage.Fields {
		e := eventOf(&stage.Fields[k])
		at, err := time.Parse(time.RFC3339, answers[stage.Fields[k].ID])
		if e == "" || err != nil || checkHappened("at", at, tx.Now()) != nil {
			continue
		}
		known, err := in.standing(ctx, tx, i.ID, c.Party)
		if err != nil {
			return err
		}
		n := NewAnchor{Org: c.Party, Regime: c.Regime, Event: e, At: at.UTC(), Entry: entry}
		if !n.fills(known) {
			continue
		}
		if _, err := in.anchor(ctx, tx, i, n); err != nil {
			return err
		}
	}
	return nil
}

// fills tells whether nothing is known of the event of an anchor yet; one that was
// withdrawn is replaced.
func (n *NewAnchor) fills(known []Anchor) bool {
	for _, a := range known {
		switch {
		case a.Event != n.Event || a.Regime != "" && a.Regime != n.Regime:
		case !a.At.IsZero():
			return false
		case a.Regime == n.Regime:
			n.Seen, n.Reason = a.ID, string(n.Event)
		}
	}
	return true
}

// meets lets a document that was filed meet its clock, if it is the first that stands, by
// the time at which it was sent. Any other corrects the first and moves nothing; nor does
// one that was sent after the stage is known to have been done.
func (in *Incidents) meets(ctx context.Context, tx *act.Tx, i *Incident, c *Clock, f *Filing, how string) ([]Move, error) {
	first, err := firstFiled(ctx, tx, c.ID)
	if err != nil || first.ID != f.ID {
		return nil, err
	}
	n := NewAnchor{Org: c.Party, Regime: c.Regime, Event: regime.Event(c.Stage), At: f.SentAt, Entry: f.Entry}
	known, err := in.standing(ctx, tx, i.ID, c.Party)
	if err != nil {
		return nil, err
	}
	for _, a := range known {
		if a.Event != n.Event || a.Regime != n.Regime {
			continue
		}
		if !a.At.IsZero() && !a.At.After(n.At) {
			return nil, nil
		}
		n.Seen, n.Reason = a.ID, cmp.Or(how, string(n.Event))
	}
	return in.anchor(ctx, tx, i, n)
}

// anchor records a time that a document shows, in an act of its own within the one that
// files it: the record says which clocks moved by it, and it returns them.
func (in *Incidents) anchor(ctx context.Context, tx *act.Tx, i *Incident, n NewAnchor) (moves []Move, err error) {
	call := act.Call{Actor: tx.Actor(), Verb: "incident.anchor_filed", Subject: subject(i.ID), Purpose: purpose, Reason: n.Reason, Exercise: i.Exercise}
	call.Resource = act.Resource{Kind: "incident", ID: subject(i.ID), Org: call.Actor.Org, Marking: i.Marking.String(), InAudience: true}
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) (err error) {
		moves, err = in.setAnchor(ctx, tx, i, n)
		return err
	})
	return moves, err
}

// filedEntry says in the story that an organisation filed a document itself, to it, to
// the desk and to whom it is owed, as far as they take part.
func (in *Incidents) filedEntry(ctx context.Context, r sqldb.Reader, c *Clock, i *Incident, l *Law, s regime.Stage, at time.Time, how string) (NewEntry, error) {
	p, to := in.Catalogue.Printer(in.Language).In(in.Zone), guard.Circle{Orgs: []int64{guard.OwnOrg, c.OwedByOrg}}
	takes, err := takesPart(ctx, r, i.ID, Viewer{Org: c.OwedToOrg})
	if takes && c.OwedToOrg != guard.OwnOrg {
		to.Orgs = append(to.Orgs, c.OwedToOrg)
	}
	return NewEntry{
		Kind: Status, Marking: i.Marking, At: at, exact: &to,
		Text: p.Say("incident.clocks.filed_entry", "Stage", s.Title.In(in.Language), "Regime", l.Regime.Title.In(in.Language), "At", p.Time(at), "How", how),
	}, err
}

// PeriodOf is the law's period that decided when a clock runs out, or that will: zero
// where the law sets none.
func (in *Incidents) PeriodOf(ctx context.Context, r sqldb.Reader, c *Clock) (regime.Period, error) {
	_, s, err := in.StageOf(c)
	if err != nil {
		return regime.Period{}, err
	}
	if s.Ongoing != nil && c.From == s.Ongoing.From {
		return s.Ongoing.Period, nil
	}
	for _, limit := range s.Caps {
		if c.From == limit.From && c.From != s.From {
			return limit.Period, nil
		}
	}
	d, _, err := sqldb.One(ctx, r, scanDuty, `select `+dutyColumns+` from incident_duty where id = $1`, c.Duty)
	for _, v := range s.Variants {
		if v.Entity == d.Entity && !v.Period.IsZero() {
			return v.Period, err
		}
	}
	return s.Period, err
}
