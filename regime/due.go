package regime

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Errors of [Regime.Due], wrapped with what was asked.
var (
	ErrUnknownStage = errors.New("there is no such stage")
	ErrUnknown      = errors.New("unknown word")
	ErrNoAnchor     = errors.New("nothing to count from")
	ErrNoPeriod     = errors.New("the law sets no period")
	ErrPaused       = errors.New("the period stands still")
	ErrNoZone       = errors.New("a time zone is needed")
	ErrTime         = errors.New("time out of range")
)

// Anchors is what is known about one incident under one regime.
type Anchors struct {
	// At has the time of every event that is known. Events that the stage does not
	// count from do no harm; words that are neither events nor stages are refused.
	At map[Event]time.Time
	// Entity is the kind of entity for which a stage may have a variant
	// ([Regime.Entities]); empty is the rule without any.
	Entity string
	// Paused are the times during which the period stood still, in any order; they
	// may overlap. A span without To has not ended. They count where the stage's
	// pause rule allows them.
	Paused []Span
}

// Due is when a stage falls due.
type Due struct {
	// Strict is exactly the period after the anchor; Lawful is the end by the law of
	// counting, never before Strict. Both are in the zone of the calendar. A cap may
	// put them before the stage's main anchor: it was due before it began.
	Strict time.Time `json:"strict,omitzero"`
	Lawful time.Time `json:"lawful,omitzero"`
	// Why says how it was counted, one sentence a step, in English; Steps says the
	// same for those who speak other languages.
	Why      []string `json:"why"`
	Steps    []Step   `json:"-"`
	Citation string   `json:"citation"`
	// From is the event that decided the strict end.
	From Event `json:"from,omitempty"`
	// Verified is the stage's.
	Verified bool `json:"verified"`
}

// Due says when a stage falls due. Where a stage has several anchors, those that are
// known are counted and the earliest end is the answer; Why names the others.
//
// The error wraps one of the errors above. With [ErrNoPeriod], for a duty "without
// undue delay" or on request, Why and Citation are filled and the instants are
// zero.
func (r Regime) Due(stage string, a Anchors, cal Calendar) (Due, error) {
	s, err := r.stage(stage)
	if err != nil {
		return Due{}, err
	}
	q := question{regime: r, stage: s, anchors: a, working: s.Working}
	if err := q.check(); err != nil {
		return Due{}, fmt.Errorf("%s %s: %w", r.ID, stage, err)
	}
	if err := q.open(cal); err != nil {
		return Due{}, fmt.Errorf("%s %s: %w", r.ID, stage, err)
	}
	q.variant()
	due, err := q.answer()
	if err != nil {
		return due, fmt.Errorf("%s %s: %w", r.ID, stage, err)
	}
	return due, nil
}

// question is one call of Due.
type question struct {
	regime  Regime
	stage   Stage // with the variant of the entity
	working WorkingDay
	anchors Anchors
	count   count
	ends    []end
}

// end is what one anchor gives.
type end struct {
	from                   Event
	citation               string
	strict, within, lawful time.Time
}

// check refuses words that the regime does not know, and times that make no sense.
func (q *question) check() error {
	for e, t := range q.anchors.At {
		if !q.regime.knows(e) {
			return fmt.Errorf("%w: the event %s; known are %s", ErrUnknown, quoted(string(e)), q.regime.eventNames())
		}
		if err := checkTime(t); err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
	}
	if e := q.anchors.Entity; e != "" && !slices.Contains(q.regime.Entities(), e) {
		return fmt.Errorf("%w: the kind of entity %s; the regime has a rule of its own for %s", ErrUnknown, quoted(e), orNone(q.regime.Entities()))
	}
	for _, p := range q.anchors.Paused {
		if err := checkTime(p.From); err != nil {
			return fmt.Errorf("a pause: %w", err)
		}
		if p.To.IsZero() {
			continue
		}
		if err := checkTime(p.To); err != nil {
			return fmt.Errorf("a pause: %w", err)
		}
		if p.To.Before(p.From) {
			return fmt.Errorf("a pause: %w: it ends at %s, before it begins at %s", ErrTime, stamp(p.To), stamp(p.From))
		}
	}
	return nil
}

func checkTime(t time.Time) error {
	if t.Year() < minYear || t.Year() > maxYear {
		return fmt.Errorf("%w: the year %d is not between %d and %d", ErrTime, t.Year(), minYear, maxYear)
	}
	return nil
}

// open sets the place and the law of counting.
func (q *question) open(cal Calendar) error {
	loc := cal.Zone
	if loc == nil {
		if q.regime.ZoneOf != ZoneUTC {
			return fmt.Errorf("%w: the period is counted in the legal time of the %s; say which, such as Europe/Madrid", ErrNoZone, q.regime.ZoneOf)
		}
		loc = time.UTC
	}
	weekend := q.regime.Weekend
	if len(weekend) == 0 || q.regime.Counting == Regulation1182 {
		weekend = []time.Weekday{time.Saturday, time.Sunday}
	}
	q.count = count{rule: q.regime.Counting, loc: loc, weekend: weekend, holidays: cal.Holidays}
	if len(q.anchors.Paused) > 0 && q.stage.Pause == PauseNone {
		q.count.say(Step{Key: stepPausesIgnored})
		return nil
	}
	q.count.pauses = slices.Clone(q.anchors.Paused)
	slices.SortFunc(q.count.pauses, func(a, b Span) int { return a.From.Compare(b.From) })
	return nil
}

// variant puts the rule for the kind of entity in place of the general one, and
// names the variants that were not asked for.
func (q *question) variant() {
	for _, v := range q.stage.Variants {
		if v.Entity != q.anchors.Entity {
			q.count.say(Step{Key: stepOtherVariant, Title: v.Title, Name: v.Entity, Period: v.Period, Work: v.Working, Cited: v.Citation})
			continue
		}
		q.count.say(Step{Key: stepVariant, Title: v.Title, Name: v.Entity})
		q.stage.Citation = v.Citation
		if !v.Period.IsZero() {
			q.stage.Period = v.Period
		}
		if v.Working != "" {
			q.working = v.Working
		}
	}
}

// answer counts every anchor that is known and takes the earliest end.
func (q *question) answer() (Due, error) {
	if q.stage.Period.IsZero() {
		q.count.say(Step{Key: stepNoPeriod})
		return q.due(end{citation: q.stage.Citation}), ErrNoPeriod
	}
	if err := q.main(); err != nil {
		return Due{}, err
	}
	for i := range q.stage.Caps {
		if err := q.limit(&q.stage.Caps[i]); err != nil {
			return Due{}, err
		}
	}
	if len(q.ends) == 0 {
		return Due{}, fmt.Errorf("%w: give the time of %s", ErrNoAnchor, q.anchorNames())
	}
	return q.due(q.earliest()), nil
}

// main counts the stage's own period, and the one that follows it when the incident
// was still handled at its end.
func (q *question) main() error {
	s := &q.stage
	own, err := q.from(s.From, s.Period, s.Citation)
	if err != nil || s.Ongoing == nil {
		return err
	}
	ended, known := q.anchors.At[s.Ongoing.From]
	switch {
	case own && !known:
		q.count.say(Step{Key: stepOngoing, Period: s.Ongoing.Period, Event: s.Ongoing.From, Cited: s.Ongoing.Citation})
	case own && ended.After(q.ends[0].lawful):
		q.count.say(Step{Key: stepStillHandled, At: ended.In(q.count.loc)})
		q.ends = nil
		_, err = q.from(s.Ongoing.From, s.Ongoing.Period, s.Ongoing.Citation)
	case !own && known:
		_, err = q.from(s.Ongoing.From, s.Ongoing.Period, s.Ongoing.Citation)
	}
	return err
}

// limit counts a cap, unless it lapsed.
func (q *question) limit(c *Cap) error {
	before := len(q.ends)
	known, err := q.from(c.From, c.Period, c.Citation)
	if err != nil || !known || !c.Lapses {
		return err
	}
	if main, ok := q.anchors.At[q.stage.From]; ok && main.After(q.ends[before].within) {
		q.count.say(Step{Key: stepLapsed, Event: q.stage.From, Cited: c.LapseCitation})
		q.ends = q.ends[:before]
	}
	return nil
}

// from counts one period when its anchor is known, and says so when it is not.
func (q *question) from(e Event, p Period, citation string) (known bool, err error) {
	at, known := q.anchors.At[e]
	if !known {
		q.count.say(Step{Key: stepUnknown, Event: e, Period: p, Cited: citation})
		return false, nil
	}
	found, err := q.count.period(e, at, p, q.working)
	found.citation = citation
	q.ends = append(q.ends, found)
	return true, err
}

// earliest joins the ends: the earliest strict one and the earliest lawful one.
func (q *question) earliest() end {
	first := q.ends[0]
	for _, e := range q.ends[1:] {
		lawful := first.lawful
		if e.lawful.Before(lawful) {
			lawful = e.lawful
		}
		if e.strict.Before(first.strict) {
			first = e
		}
		first.lawful = lawful
	}
	if len(q.ends) > 1 {
		q.count.say(Step{Key: stepEarlier, Event: first.from})
	}
	return first
}

// due closes the answer with what a reader must know about the rule itself.
func (q *question) due(e end) Due {
	switch q.stage.When {
	case OnRequest:
		q.count.say(Step{Key: stepOnRequest})
	case Ongoing:
		if ended, known := q.anchors.At[HandlingEnded]; known && !ended.After(e.lawful) {
			q.count.say(Step{Key: stepEnded, At: ended.In(q.count.loc)})
			break
		}
		q.count.say(Step{Key: stepIfOngoing})
	case Relevant:
		q.count.say(Step{Key: stepIfRelevant})
	}
	if q.stage.Note != "" {
		q.count.say(Step{Key: stepNote, Title: q.stage.notes()})
	}
	switch q.regime.InForce {
	case InForceNo:
		q.count.say(Step{Key: stepNotInForce})
	case InForceTemplate:
		q.count.say(Step{Key: stepTemplate})
	}
	if !q.stage.Verified {
		q.count.say(Step{Key: stepUnverified})
	}
	why := make([]string, len(q.count.steps))
	for i, s := range q.count.steps {
		why[i] = s.String()
	}
	return Due{Strict: e.strict, Lawful: e.lawful, Why: why, Steps: q.count.steps, Citation: e.citation, From: e.from, Verified: q.stage.Verified}
}

// anchorNames lists what the stage can be counted from.
func (q *question) anchorNames() string {
	names := []string{string(q.stage.From)}
	for _, c := range q.stage.Caps {
		names = append(names, string(c.From))
	}
	if q.stage.Ongoing != nil {
		names = append(names, string(q.stage.Ongoing.From))
	}
	return strings.Join(names, " or ")
}

// events lists the events that are no submission of a stage.
func events() []Event {
	return []Event{Awareness, Classification, Detection, Request, HandlingEnded, Payment, Belief, EarlyWarningReceived}
}

// knows tells whether a word is an event or a stage of the regime.
func (r Regime) knows(e Event) bool {
	if slices.Contains(events(), e) {
		return true
	}
	_, ok := r.Stage(string(e))
	return ok
}

func (r Regime) eventNames() string {
	var names []string
	for _, e := range events() {
		names = append(names, string(e))
	}
	for i := range r.Stages {
		names = append(names, r.Stages[i].ID)
	}
	return strings.Join(names, ", ")
}

// words is an event as a sentence has it.
func (e Event) words() string {
	switch e {
	case Awareness:
		return "awareness of the incident"
	case Classification:
		return "classification of the incident"
	case Detection:
		return "detection of the incident"
	case Request:
		return "the request"
	case HandlingEnded:
		return "the end of handling"
	case Payment:
		return "the payment"
	case Belief:
		return "the reasonable belief that an incident occurred"
	case EarlyWarningReceived:
		return "receipt of the early warning"
	}
	return "submission of the stage " + string(e)
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
