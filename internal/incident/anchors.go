package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/regime"
)

// Anchor is a time from which periods are counted, for an organisation in an incident.
// A correction is another anchor; the old one stays, with what replaced it.
type Anchor struct {
	ID         int64
	Incident   int64
	Org        int64  // whose duties count from it
	Regime     string // empty: under every regime
	Event      regime.Event
	At         time.Time // zero: withdrawn, nothing is known any more
	Entry      int64     // the entry that shows it, 0 none
	Reason     string    // why it was corrected
	RecordedAt time.Time
	RecordedBy string
	ReplacedAt time.Time // zero while it stands
}

const anchorColumns = `id, incident_id, org_id, regime, event, at, entry_id, reason, recorded_at, recorded_by, replaced_at`

func scanAnchor(r sqldb.Row) (a Anchor, err error) {
	var at, recorded, replaced int64
	err = r.Scan(&a.ID, &a.Incident, &a.Org, &a.Regime, &a.Event, &at, &a.Entry, &a.Reason, &recorded, &a.RecordedBy, &replaced)
	a.At, a.RecordedAt, a.ReplacedAt = clock.FromMicros(at), clock.FromMicros(recorded), clock.FromMicros(replaced)
	return a, err
}

// standing lists the anchors that stand, in the order in which they were recorded.
func (in *Incidents) standing(ctx context.Context, r sqldb.Reader, incident, org int64) ([]Anchor, error) {
	return sqldb.All(ctx, r, scanAnchor, `select `+anchorColumns+` from incident_anchor
		where incident_id = $1 and org_id = $2 and replaced_at = 0 order by id`, incident, org)
}

// Anchors lists what is and was known of an organisation's times in an incident,
// oldest first, for the desk and for that organisation.
func (in *Incidents) Anchors(ctx context.Context, r sqldb.Reader, v Viewer, incident, org int64) ([]Anchor, error) {
	if _, err := in.Incident(ctx, r, v, incident); err != nil || !v.Desk() && v.Org != org {
		return nil, err
	}
	return sqldb.All(ctx, r, scanAnchor, `select `+anchorColumns+` from incident_anchor where incident_id = $1 and org_id = $2 order by id`, incident, org)
}

// Events lists the events from which stages are counted, without the submissions of
// stages.
func Events() []regime.Event {
	return []regime.Event{
		regime.Awareness, regime.Detection, regime.Classification, regime.Belief, regime.EarlyWarningReceived, regime.Request, regime.HandlingEnded, regime.Payment,
	}
}

// NewAnchor says that something happened at a time, or corrects that.
type NewAnchor struct {
	Org    int64
	Regime string // empty: under every regime; a stage needs its own
	Event  regime.Event
	At     time.Time // zero withdraws what was recorded
	Entry  int64
	Reason string // needed for a correction
	Seen   int64  // the anchor that was looked at, 0 when there was none
}

// SetAnchor records a time, or corrects one: the old value stays. It returns the clocks
// that moved, each before and after.
func (in *Incidents) SetAnchor(ctx context.Context, actor act.Actor, incident int64, n NewAnchor) (moves []Move, err error) {
	n.Reason = clean(n.Reason)
	if err := n.validate(in.Acts.Clock().Now()); err != nil {
		return nil, err
	}
	call := act.Call{Actor: actor, Verb: "incident.set_anchor", Reason: n.Reason}
	err = in.change(ctx, call, incident, "", func(ctx context.Context, tx *act.Tx, i *Incident) (err error) {
		moves, err = in.setAnchor(ctx, tx, i, n)
		return err
	})
	return moves, err
}

// setAnchor does SetAnchor's work inside an open act.
func (in *Incidents) setAnchor(ctx context.Context, tx *act.Tx, i *Incident, n NewAnchor) (moves []Move, err error) {
	duties, known, old, err := in.before(ctx, tx, i.ID, &n)
	if err != nil {
		return nil, err
	}
	a := Anchor{
		Incident: i.ID, Org: n.Org, Regime: n.Regime, Event: n.Event, At: n.At, Entry: n.Entry, Reason: n.Reason, RecordedAt: tx.Now(), RecordedBy: tx.Actor().ID,
	}
	if a.ID, err = tx.Next(ctx, "incident.anchor"); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `update incident_anchor set replaced_at = $1 where id = $2`, clock.Micros(tx.Now()), old); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `insert into incident_anchor (`+anchorColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`,
		a.ID, a.Incident, a.Org, a.Regime, string(a.Event), stamp(a.At), a.Entry, a.Reason, stamp(a.RecordedAt), a.RecordedBy); err != nil {
		return nil, err
	}
	known = replace(known, a, old)
	for _, d := range duties {
		some, err := in.recount(ctx, tx, d, known)
		if err != nil {
			return nil, err
		}
		moves = append(moves, some...)
	}
	tx.Detail(anchorDetail{a.ID, a.Org, a.Regime, string(a.Event), old, ofMoves(moves)})
	return moves, in.tellClocks(ctx, tx, i.ID, after(moves)...)
}

type anchorDetail struct {
	Anchor   int64   `json:"anchor"`
	Org      int64   `json:"org"`
	Regime   string  `json:"regime,omitempty"`
	Event    string  `json:"event"`
	Replaces int64   `json:"replaces,omitempty"`
	Clocks   []int64 `json:"clocks"`
}

// PreviewAnchor says which clocks SetAnchor would move, from when to when.
func (in *Incidents) PreviewAnchor(ctx context.Context, r sqldb.Reader, v Viewer, incident int64, n NewAnchor) (moves []Move, err error) {
	if err := n.validate(in.Acts.Clock().Now()); err != nil {
		return nil, err
	}
	if _, err := in.Incident(ctx, r, v, incident); err != nil {
		return nil, err
	}
	duties, known, old, err := in.before(ctx, r, incident, &n)
	if err != nil {
		return nil, err
	}
	known = replace(known, Anchor{Org: n.Org, Regime: n.Regime, Event: n.Event, At: n.At}, old)
	for _, d := range duties {
		some, err := in.weigh(ctx, r, d, known)
		if err != nil {
			return nil, err
		}
		moves = append(moves, visible(some)...)
	}
	return moves, nil
}

// replace puts an anchor in the place of an old one.
func replace(known []Anchor, a Anchor, old int64) []Anchor {
	return append(slices.DeleteFunc(known, func(k Anchor) bool { return k.ID == old }), a)
}

func (n *NewAnchor) validate(now time.Time) error {
	var bad []fault.Error
	add := func(err error) {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	add(checkText("reason", n.Reason, MaxReason, false))
	add(checkHappened("at", n.At, now))
	if n.Regime == "" && !slices.Contains(Events(), n.Event) {
		add(fault.OnField("event", "incident.clocks.no_event", fault.Args{"Value": fault.Clip(string(n.Event))}))
	}
	return fault.Join("incident.invalid", bad)
}

// before is what stands before an anchor is set: the duties that it concerns, all that
// is known, and the anchor that it replaces, which must be the one that was looked at.
func (in *Incidents) before(ctx context.Context, r sqldb.Reader, incident int64, n *NewAnchor) (duties []Duty, known []Anchor, old int64, err error) {
	if duties, err = in.duties(ctx, r, incident, n.Org); err != nil {
		return nil, nil, 0, err
	}
	if n.Regime != "" {
		if duties, err = in.underRegime(duties, n); err != nil {
			return nil, nil, 0, err
		}
	}
	if len(duties) == 0 {
		if n.Org == guard.OwnOrg {
			return nil, nil, 0, fault.OnField("organisation", "incident.clocks.no_participant", nil)
		}
		in, err := sqldb.All(ctx, r, sqldb.Int64, `select id from incident_participant where incident_id = $1 and org_id = $2`, incident, n.Org)
		if err != nil || len(in) == 0 {
			return nil, nil, 0, orElse(err, fault.OnField("organisation", "incident.clocks.no_participant", nil))
		}
	}
	if known, err = in.standing(ctx, r, incident, n.Org); err != nil {
		return nil, nil, 0, err
	}
	for _, a := range known {
		if a.Event == n.Event && a.Regime == n.Regime {
			old = a.ID
		}
	}
	switch {
	case old != n.Seen:
		return nil, nil, 0, changedMeanwhile()
	case old != 0 && text.Blank(n.Reason):
		return nil, nil, 0, fault.OnField("reason", "incident.clocks.correct_why", nil)
	case old == 0 && n.At.IsZero():
		return nil, nil, 0, fault.OnField("at", "incident.text.empty", nil)
	}
	return duties, known, old, nil
}

// underRegime keeps the duties of one regime, which must know the event.
func (in *Incidents) underRegime(duties []Duty, n *NewAnchor) ([]Duty, error) {
	duties = slices.DeleteFunc(duties, func(d Duty) bool { return d.Regime != n.Regime })
	if len(duties) == 0 {
		return nil, fault.OnField("regime", "incident.clocks.no_duty", nil)
	}
	l, err := in.law(duties[len(duties)-1].Law, n.Regime)
	if err != nil {
		return nil, err
	}
	if _, stage := l.Regime.Stage(string(n.Event)); !stage && !slices.Contains(Events(), n.Event) {
		return nil, fault.OnField("event", "incident.clocks.no_event", fault.Args{"Value": fault.Clip(string(n.Event))})
	}
	return duties, nil
}
