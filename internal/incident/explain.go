package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/regime"
)

// Explained is how a clock was counted, a sentence a line.
type Explained struct {
	Lines    []string
	Language string // of the lines
}

// Explain says how a clock was counted, in the language of a printer and the legal time
// of the duty. A clock that was counted before an upgrade is explained in English until
// it is counted again.
func (in *Incidents) Explain(ctx context.Context, r sqldb.Reader, p *i18n.Printer, c *Clock) (e Explained, err error) {
	var steps []regime.Step
	if c.Steps == "" {
		if c.Why != "" {
			e = Explained{strings.Split(c.Why, "\n"), "en"}
		}
		return e, nil
	}
	if err := json.Unmarshal([]byte(c.Steps), &steps); err != nil {
		return e, fmt.Errorf("read how clock %d was counted: %w", c.ID, err)
	}
	d, ok, err := sqldb.One(ctx, r, scanDuty, `select `+dutyColumns+` from incident_duty where id = $1`, c.Duty)
	if err != nil || !ok {
		return e, err
	}
	l, err := in.law(c.Law, c.Regime)
	if err != nil {
		return e, err
	}
	zone, err := time.LoadLocation(d.Zone)
	if err != nil {
		return e, err
	}
	x := explainer{p.In(zone), &l.Regime}
	e.Language = p.Lang()
	for _, s := range steps {
		e.Lines = append(e.Lines, x.step(s))
	}
	return e, nil
}

// explainer puts the steps of a count into words.
type explainer struct {
	p   *i18n.Printer
	law *regime.Regime
}

func (x explainer) step(s regime.Step) string {
	if s.Key == "note" {
		return s.Title.In(x.p.Lang())
	}
	events := make([]string, len(s.Events))
	for i, e := range s.Events {
		events[i] = x.event(e)
	}
	return x.p.Say("incident.why."+s.Key,
		"Event", x.event(s.Event), "Events", strings.Join(events, " · "), "Period", x.period(s.Period), "At", x.time(s.At), "End", x.time(s.End),
		"Day", x.day(s.Day), "Next", x.day(s.Next), "Month", x.month(s.Day), "Off", x.off(s), "Number", strconv.Itoa(s.Number), "Took", x.took(s.Took),
		"Rule", x.rule(s), "Title", s.Title.In(x.p.Lang()), "Name", s.Name, "Citation", s.Cited)
}

// event is what is counted from: a stage by its title in the law.
func (x explainer) event(e regime.Event) string {
	if e == "" {
		return ""
	}
	if s, ok := x.law.Stage(string(e)); ok {
		return x.p.Say("incident.why.event.stage", "Stage", s.Title.In(x.p.Lang()))
	}
	return x.p.Say("incident.why.event." + string(e))
}

func (x explainer) period(p regime.Period) string {
	if p.IsZero() {
		return ""
	}
	return x.p.Say("incident.why.unit."+strings.ReplaceAll(string(p.Unit), " ", "-"), "Count", p.N)
}

func (x explainer) time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return x.p.Time(t)
}

// day is a day with its weekday: on which one a period ends is what matters.
func (x explainer) day(iso string) string {
	t, err := time.ParseInLocation(time.DateOnly, iso, time.UTC)
	if err != nil {
		return ""
	}
	return x.p.Say("incident.why.day", "Weekday", x.weekday(t), "Date", x.p.In(time.UTC).Date(t))
}

func (x explainer) weekday(t time.Time) string {
	return x.p.Say("incident.why.weekday." + strings.ToLower(t.Weekday().String()))
}

func (x explainer) month(iso string) string {
	if len(iso) < len("2026-11") {
		return ""
	}
	return iso[:len("2026-11")]
}

// off says why a day is no working day.
func (x explainer) off(s regime.Step) string {
	switch {
	case s.Free == regime.Weekend:
		return x.p.Say("incident.why.off.weekend")
	case s.Free == "":
		return ""
	case s.Name == "":
		return x.p.Say("incident.why.off.holiday")
	}
	return x.p.Say("incident.why.off.named", "Name", s.Name)
}

// took is how long a period stood still.
func (x explainer) took(d time.Duration) string {
	if d == 0 {
		return ""
	}
	var parts []string
	if h := int(d.Hours()); h > 0 {
		parts = append(parts, x.p.Say("incident.why.unit.hour", "Count", h))
	}
	if m := int(d.Minutes()) % 60; m > 0 || d < time.Hour {
		parts = append(parts, x.p.Say("incident.why.unit.minute", "Count", m))
	}
	return strings.Join(parts, " ")
}

// rule is what a kind of entity has of its own.
func (x explainer) rule(s regime.Step) string {
	var parts []string
	if !s.Period.IsZero() {
		parts = append(parts, x.period(s.Period))
	}
	if s.Work != "" {
		parts = append(parts, x.p.Say("incident.why.working."+string(s.Work)))
	}
	return strings.Join(parts, ", ")
}
