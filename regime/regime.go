package regime

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// InForce says whether a regime binds anybody today.
type InForce string

// States of a regime.
const (
	InForceYes      InForce = "yes"
	InForceNo       InForce = "no"       // adopted or proposed, not applied yet
	InForceTemplate InForce = "template" // a pattern for a country's own file
)

// Counting is the law by which periods are counted.
type Counting string

// Ways of counting.
const (
	// Regulation1182 counts by Regulation (EEC, Euratom) No 1182/71.
	Regulation1182 Counting = "1182/71"
	// Elapsed counts from the instant itself: lawful is strict.
	Elapsed Counting = "elapsed"
)

// ZoneOf says whose legal time a regime is counted in when nobody says otherwise.
type ZoneOf string

// Whose legal time counts.
const (
	ZoneOfAuthority ZoneOf = "authority" // of the body to which the report is owed
	ZoneOfOperator  ZoneOf = "operator"
	ZoneUTC         ZoneOf = "utc"
)

// Role is a side of a duty.
type Role string

// The sides. A national file uses the same words.
const (
	Operator        Role = "operator"
	CSIRT           Role = "csirt"
	Authority       Role = "authority"
	DataProtection  Role = "data-protection"
	AffectedPersons Role = "affected-persons"
)

// Event is what a period is counted from: one of the constants, or the id of an
// earlier stage of the regime, which stands for the moment that it was submitted
// (the latest time, when it was submitted again).
type Event string

// Events that are no submission of a stage.
const (
	Awareness            Event = "awareness"
	Classification       Event = "classification" // as major, significant or whatever the law names
	Detection            Event = "detection"
	Request              Event = "request"
	HandlingEnded        Event = "handling-ended"
	Payment              Event = "payment"
	Belief               Event = "belief" // reasonable belief that an incident occurred
	EarlyWarningReceived Event = "early-warning-received"
)

// When says in which case a stage is owed.
type When string

// Cases in which a stage is owed.
const (
	Always    When = "always"
	OnRequest When = "on-request"
	Ongoing   When = "ongoing"  // the incident is still handled when it falls due
	Relevant  When = "relevant" // where the law's own condition is met
)

// PauseRule says whether a period stands still for a while.
type PauseRule string

// Pauses.
const (
	PauseNone          PauseRule = "none"
	PauseClarification PauseRule = "while-clarification" // asked for by the body to which the report is owed
)

// WorkingDay says what happens when the last day is no working day. The empty rule
// is that of the counting: under Regulation 1182/71 the next working day, and none
// for periods in hours.
type WorkingDay string

// Rules for a last day that is no working day.
const (
	WorkingDayNone WorkingDay = "none"
	WorkingDayNext WorkingDay = "next-working-day" // its last hour
	WorkingDayNoon WorkingDay = "noon"             // of the next working day
)

// Kind is the kind of value that a field of a report takes.
type Kind string

// Kinds of fields.
const (
	KindText      Kind = "text"      // one line
	KindParagraph Kind = "paragraph" // several lines
	KindTime      Kind = "time"      // an instant
	KindNumber    Kind = "number"    // a count or an amount
	KindYesNo     Kind = "yes-no"    // yes, no; empty: not known
	KindChoice    Kind = "choice"    // one of Choices
	KindList      Kind = "list"      // several lines, a value each
)

// Text is a text by language (BCP 47, such as "en"). English is always there.
type Text map[string]string

// In returns the text in the language, in its base language ("fr" for "fr-CA"), or
// else in English.
func (t Text) In(lang string) string {
	if s, ok := t[lang]; ok {
		return s
	}
	base, _, _ := strings.Cut(lang, "-")
	if s, ok := t[base]; ok {
		return s
	}
	return t["en"]
}

// Regime is one law on reporting incidents. Once parsed it must not be changed.
type Regime struct {
	ID           string   `json:"id"`
	Title        Text     `json:"titles"`
	Version      string   `json:"version"` // of the file, a date
	InForce      InForce  `json:"in_force"`
	Jurisdiction string   `json:"jurisdiction"`
	Law          string   `json:"law"`
	Citation     string   `json:"citation"`
	Source       string   `json:"source,omitempty"` // address of the official text
	Counting     Counting `json:"counting"`
	ZoneOf       ZoneOf   `json:"zone"`
	// Weekend lists the days of the week on which nobody works; Saturday and Sunday
	// when the file says nothing.
	Weekend []time.Weekday `json:"-"`
	// Verified is true when a person has confirmed the file against the official
	// text; VerifiedBy and VerifiedOn (a date) say who and when.
	Verified   bool    `json:"verified"`
	VerifiedBy string  `json:"verified_by,omitempty"`
	VerifiedOn string  `json:"verified_on,omitempty"`
	Stages     []Stage `json:"stages"`
	// Criteria are those by which an incident falls under the regime, in the order of
	// a form.
	Criteria []Criterion `json:"criteria,omitempty"`
}

// Criterion is one thing that a law weighs when it asks whether an incident must be
// reported. How many of them it takes stands in the law, not here.
type Criterion struct {
	ID       string `json:"id"`
	Label    Text   `json:"labels"` // a question that yes or no answers
	Citation string `json:"citation"`
}

// Stage is one duty of a regime.
type Stage struct {
	ID       string     `json:"id"`
	Title    Text       `json:"titles"`
	From     Event      `json:"from"`   // the main anchor
	Period   Period     `json:"period"` // zero: the law sets none
	OwedBy   Role       `json:"owed_by"`
	OwedTo   Role       `json:"owed_to"`
	When     When       `json:"when"`
	Pause    PauseRule  `json:"pause"`
	Working  WorkingDay `json:"working_day,omitempty"`
	Citation string     `json:"citation"`
	Note     string     `json:"note,omitempty"` // what a reader of the law should know, in English
	Notes    Text       `json:"-"`              // the same in other languages
	Verified bool       `json:"verified"`
	// VerifiedBy and VerifiedOn say who confirmed the stage, and the date.
	VerifiedBy string    `json:"verified_by,omitempty"`
	VerifiedOn string    `json:"verified_on,omitempty"`
	Caps       []Cap     `json:"caps,omitempty"`
	Ongoing    *Later    `json:"ongoing,omitempty"`
	Variants   []Variant `json:"variants,omitempty"`
	Fields     []Field   `json:"fields,omitempty"` // of the report, in the order of a form
}

// Cap is a further period of a stage; the one that ends first counts.
type Cap struct {
	From     Event  `json:"from"`
	Period   Period `json:"period"`
	Citation string `json:"citation"`
	// Lapses: the cap is void when the main anchor comes after its end (late
	// classification); LapseCitation is the provision that says so.
	Lapses        bool   `json:"lapses,omitempty"`
	LapseCitation string `json:"lapse_citation,omitempty"`
}

// Later is the period that replaces the stage's own when the incident was still
// handled at its end.
type Later struct {
	From     Event  `json:"from"`
	Period   Period `json:"period"`
	Citation string `json:"citation"`
}

// Variant is what differs for one kind of entity. Empty values are the stage's own.
type Variant struct {
	Entity   string     `json:"entity"`
	Title    Text       `json:"titles"`
	Period   Period     `json:"period"`
	Working  WorkingDay `json:"working_day,omitempty"`
	Citation string     `json:"citation"`
}

// Field is one field of a report.
type Field struct {
	ID       string   `json:"id"`
	Label    Text     `json:"labels"`
	Kind     Kind     `json:"kind"`
	Required bool     `json:"required"`
	Prefill  string   `json:"prefill,omitempty"` // what may fill it, such as "incident.title"
	Choices  []Choice `json:"choices,omitempty"`
}

// Choice is one value of a field of [KindChoice].
type Choice struct {
	ID    string `json:"id"`
	Label Text   `json:"labels"`
}

// Stage returns the stage with that id.
func (r Regime) Stage(id string) (Stage, bool) {
	for i := range r.Stages {
		if r.Stages[i].ID == id {
			return r.Stages[i], true
		}
	}
	return Stage{}, false
}

// Entities lists the kinds of entity for which some stage has a variant, in the
// order of the file.
func (r Regime) Entities() []string {
	var out []string
	seen := map[string]bool{}
	for i := range r.Stages {
		for _, v := range r.Stages[i].Variants {
			if !seen[v.Entity] {
				seen[v.Entity] = true
				out = append(out, v.Entity)
			}
		}
	}
	return out
}

// stage is Stage with an error that lists what there is.
func (r Regime) stage(id string) (Stage, error) {
	s, ok := r.Stage(id)
	if !ok {
		ids := make([]string, len(r.Stages))
		for i := range r.Stages {
			ids[i] = r.Stages[i].ID
		}
		return Stage{}, fmt.Errorf("%w: %q in the regime %s; it has %s", ErrUnknownStage, id, r.ID, strings.Join(ids, ", "))
	}
	return s, nil
}

// MarshalJSON writes the fields by their JSON names, and the English title as
// "title" beside all of them as "titles".
func (r Regime) MarshalJSON() ([]byte, error) {
	type plain Regime
	return json.Marshal(struct {
		Title string `json:"title"`
		plain
	}{r.Title.In("en"), plain(r)})
}

// MarshalJSON writes the fields by their JSON names, and the English title as
// "title" beside all of them as "titles".
func (s Stage) MarshalJSON() ([]byte, error) {
	type plain Stage
	return json.Marshal(struct {
		Title string `json:"title"`
		plain
	}{s.Title.In("en"), plain(s)})
}

// MarshalJSON writes the fields by their JSON names, and the English label as "label"
// beside all of them as "labels".
func (k Criterion) MarshalJSON() ([]byte, error) {
	type plain Criterion
	return json.Marshal(struct {
		Label string `json:"label"`
		plain
	}{k.Label.In("en"), plain(k)})
}
