package regime

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Step is one step of how a period was counted: the key of a sentence, with what stands
// in it. [Step.String] is the sentence in English; for other languages a program has a
// sentence of its own for each of [StepKeys].
type Step struct {
	Key    string        `json:"key"`
	Event  Event         `json:"event,omitempty"`  // from which is counted
	Events []Event       `json:"events,omitempty"` // any of which would do
	Period Period        `json:"period,omitzero"`
	At     time.Time     `json:"at,omitzero"` // in the legal time of the place
	End    time.Time     `json:"end,omitzero"`
	Day    string        `json:"day,omitempty"`    // such as 2026-11-21
	Next   string        `json:"next,omitempty"`   // the next working day
	Free   string        `json:"free,omitempty"`   // why Day is no working day: weekend | holiday
	Name   string        `json:"name,omitempty"`   // of the holiday, empty unknown; of a kind of entity
	Number int           `json:"number,omitempty"` // a day of the month, or a year
	Took   time.Duration `json:"took,omitempty"`
	Work   WorkingDay    `json:"work,omitempty"`
	Title  Text          `json:"title,omitempty"`
	Cited  string        `json:"cited,omitempty"`
}

// The two reasons for which a day is no working day.
const (
	Weekend = "weekend"
	Holiday = "holiday"
)

// The keys of the sentences. Those that end in 1182 name a provision of Regulation
// (EEC, Euratom) No 1182/71 that the same sentence without it does not.
const (
	stepPausesIgnored = "pauses-ignored"
	stepOtherVariant  = "other-variant"
	stepVariant       = "variant"
	stepNoPeriod      = "no-period"
	stepOngoing       = "ongoing"
	stepStillHandled  = "still-handled"
	stepLapsed        = "lapsed"
	stepUnknown       = "unknown"
	stepEarlier       = "earlier"
	stepOnRequest     = "on-request"
	stepEnded         = "ended"
	stepIfOngoing     = "if-ongoing"
	stepIfRelevant    = "if-relevant"
	stepNote          = "note"
	stepNotInForce    = "not-in-force"
	stepTemplate      = "template"
	stepUnverified    = "unverified"
	stepFrom          = "from"
	stepElapsed       = "elapsed"
	stepExact         = "exact"
	stepHours         = "hours"
	stepFewWorking    = "few-working-days"
	stepClamped       = "clamped"
	stepDays          = "days"
	stepPaused        = "paused"
	stepStands        = "stands"
	stepStands1182    = "stands-1182"
	stepNoon          = "noon"
	stepNext          = "next"
	stepNext1182      = "next-1182"
	stepTwoWorking    = "two-working-days"
	stepNoHolidays    = "no-holidays"
	stepUncovered     = "uncovered"
	stepNoAnchor      = "no-anchor"
)

// StepKeys lists the keys of all sentences.
func StepKeys() []string {
	return []string{
		stepPausesIgnored, stepOtherVariant, stepVariant, stepNoPeriod, stepOngoing, stepStillHandled, stepLapsed, stepUnknown, stepEarlier, stepOnRequest, stepEnded,
		stepIfOngoing, stepIfRelevant, stepNote, stepNotInForce, stepTemplate, stepUnverified, stepFrom, stepElapsed, stepExact, stepHours, stepFewWorking, stepClamped,
		stepDays, stepPaused, stepStands, stepStands1182, stepNoon, stepNext, stepNext1182, stepTwoWorking, stepNoHolidays, stepUncovered, stepNoAnchor,
	}
}

// Waiting is the step of a stage of which nothing is known from when to count.
func (s Stage) Waiting() Step {
	known := []Event{s.From}
	for _, c := range s.Caps {
		known = append(known, c.From)
	}
	if s.Ongoing != nil {
		known = append(known, s.Ongoing.From)
	}
	return Step{Key: stepNoAnchor, Events: known}
}

// notes is the note by language, English among them.
func (s *Stage) notes() Text {
	all := Text{"en": s.Note}
	maps.Copy(all, s.Notes)
	return all
}

// String is the sentence in English.
func (s Step) String() string {
	if text := s.ofRule(); text != "" {
		return text
	}
	return s.ofCount()
}

// ofRule are the sentences about what the law asks, and of whom.
func (s Step) ofRule() string {
	switch s.Key {
	case stepPausesIgnored:
		return "The law lets this period run on: the pauses that were given do not count."
	case stepOtherVariant:
		return fmt.Sprintf("%s (%s) has a rule of its own: %s, %s.", s.Title.In("en"), s.Name, s.rule(), s.Cited)
	case stepVariant:
		return fmt.Sprintf("The rule for %s (%s) is used.", s.Title.In("en"), s.Name)
	case stepNoPeriod:
		return "The law sets no period of its own: without undue delay, or as the request says."
	case stepOngoing:
		return fmt.Sprintf("If the incident is still handled then, it is due %s after %s instead (%s).", s.Period.words(), s.Event.words(), s.Cited)
	case stepStillHandled:
		return fmt.Sprintf("The incident was still handled then, until %s.", stamp(s.At))
	case stepLapsed:
		return fmt.Sprintf("%s came after that, so this limit no longer counts (%s).", capital(s.Event.words()), s.Cited)
	case stepUnknown:
		return fmt.Sprintf("The time of %s is not known: %s after it is not counted (%s).", s.Event.words(), s.Period.words(), s.Cited)
	case stepEarlier:
		return fmt.Sprintf("The earlier end counts, that from %s.", s.Event.words())
	case stepOnRequest:
		return "It is owed on request only."
	case stepEnded:
		return fmt.Sprintf("Handling ended on %s, before that: it is not owed.", stamp(s.At))
	case stepIfOngoing:
		return "It is owed only if the incident is still handled at that time."
	case stepIfRelevant:
		return "It is owed only where the law's own condition is met."
	case stepNote:
		return s.Title.In("en")
	case stepNotInForce:
		return "This regime is not in force."
	case stepTemplate:
		return "This regime is a template and no law."
	case stepUnverified:
		return "No person has confirmed this rule against the official text yet."
	case stepNoAnchor:
		names := make([]string, len(s.Events))
		for i, e := range s.Events {
			names[i] = e.words()
		}
		return "There is nothing to count from yet: give the time of " + strings.Join(names, ", or of ") + "."
	}
	return ""
}

// ofCount are the sentences about the counting itself.
func (s Step) ofCount() string {
	switch s.Key {
	case stepFrom:
		return fmt.Sprintf("Counted from %s, %s: %s.", s.Event.words(), stamp(s.At), s.Period.words())
	case stepElapsed:
		return fmt.Sprintf("The period runs from that instant itself and ends exactly %s later, at %s.", s.Period.words(), stamp(s.At))
	case stepExact:
		return fmt.Sprintf("Exactly %s later is %s.", s.Period.words(), stamp(s.At))
	case stepHours:
		return fmt.Sprintf("The hour of the event is not counted: the %s run from %s to %s (Regulation 1182/71 art. 3(1) and 3(2)(a)).", s.Period.words(), stamp(s.At), stamp(s.End))
	case stepFewWorking:
		return "There are fewer than two working days in it; whether art. 3(5) lengthens a period in hours is disputed, and it is not lengthened here."
	case stepClamped:
		last := s.date(s.Day)
		return fmt.Sprintf("%s %d has no day %d: its last day counts (Regulation 1182/71 art. 3(2)(c)).", last.month, last.year, s.Number)
	case stepDays:
		return fmt.Sprintf("The day of the event is not counted: the period ends with the last hour of %s (Regulation 1182/71 art. 3(1) and 3(2)).", s.date(s.Day))
	case stepPaused:
		return fmt.Sprintf("The period stood still for %s and ends so much later.", s.Took)
	case stepStands:
		return fmt.Sprintf("%s is %s: the end stands, nothing moves it.", s.date(s.Day), s.off())
	case stepStands1182:
		return fmt.Sprintf("%s is %s: the end stands, nothing moves it (art. 3(3) and 3(4): the period is in hours).", s.date(s.Day), s.off())
	case stepNoon:
		return fmt.Sprintf("%s is %s: noon of the next working day, %s, is soon enough.", s.date(s.Day), s.off(), s.date(s.Next))
	case stepNext:
		return fmt.Sprintf("%s is %s: the period ends with the last hour of the next working day, %s.", s.date(s.Day), s.off(), s.date(s.Next))
	case stepNext1182:
		return fmt.Sprintf("%s is %s: the period ends with the last hour of the next working day, %s (art. 3(4)).", s.date(s.Day), s.off(), s.date(s.Next))
	case stepTwoWorking:
		return fmt.Sprintf("A period of two days or more has at least two working days: it ends with the last hour of %s (art. 3(5)).", s.date(s.Day))
	case stepNoHolidays:
		return "No public holidays were given: only the weekend is free."
	case stepUncovered:
		return "The public holidays that were given have none in " + strconv.Itoa(s.Number) + ": only the weekend is free."
	}
	return s.Key
}

// rule is what a variant changes.
func (s Step) rule() string {
	var parts []string
	if !s.Period.IsZero() {
		parts = append(parts, s.Period.words())
	}
	switch s.Work {
	case WorkingDayNoon:
		parts = append(parts, "noon of the next working day when it ends on a free day")
	case WorkingDayNext:
		parts = append(parts, "the next working day when it ends on a free day")
	case WorkingDayNone:
		parts = append(parts, "it ends on a free day too")
	}
	return strings.Join(parts, ", ")
}

// off says why a day is no working day.
func (s Step) off() string {
	switch {
	case s.Free == Weekend:
		return "a " + s.date(s.Day).weekday().String()
	case s.Name == "":
		return "a public holiday"
	}
	return "a public holiday (" + s.Name + ")"
}

// date reads one of the step's own days.
func (Step) date(day string) date {
	t, _ := time.Parse(time.DateOnly, day) // our own words; the zero day for those of somebody else
	return dateOf(t)
}
