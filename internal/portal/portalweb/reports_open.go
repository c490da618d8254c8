package portalweb

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/portal"
)

// What the form of a report has to do with what its writer owes: the deadlines that it may
// meet, and duties that there are no more.

// compose shows the form of a report, with the reader's deadlines that it may meet.
func (p *Pages) compose(r *http.Request, w portal.Who, t portal.Typed) (portal.Reply, error) {
	open, err := p.portal.OpenFor(r.Context(), w, t["regime"], t["stage"])
	if err != nil {
		return portal.Reply{}, err
	}
	for i, c := range open {
		t[fmt.Sprintf("open-%d", i)] = c.UID + " " + c.Of + " " + c.Name
	}
	drills, err := p.portal.ExercisesOf(r.Context(), w)
	if err != nil {
		return portal.Reply{}, err
	}
	for i, c := range drills {
		t[fmt.Sprintf("drill-%d", i)] = c.UID + " " + c.Name
	}
	return portal.Page(portal.ReportWrite).With(0, t, nil), nil
}

// lapsed gives what was written for a duty that there is no more back as a report by
// choice: nothing typed is lost.
func (p *Pages) lapsed(r *http.Request, t portal.Typed) portal.Reply {
	names := make([]string, 0, len(t))
	for name, v := range t {
		if strings.HasPrefix(name, incident.FieldPrefix) && strings.TrimSpace(v) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var words []string
	for _, name := range names {
		words = append(words, strings.TrimPrefix(name, incident.FieldPrefix)+": "+t[name])
	}
	free := portal.Typed{"stage": string(incident.OfIncident), "draft": t["draft"], "marking": t["marking"], "title": t[incident.FieldPrefix+"title"], "text": strings.Join(words, "\n")}
	return portal.Page(portal.ReportWrite).With(http.StatusConflict, free, fault.New(fault.Conflict, "portal.report.lapsed", nil))
}

// everyField is all that was typed into the fields of a duty.
func everyField(r *http.Request) portal.Typed {
	names := []string{"marking", "draft"}
	for name := range r.PostForm {
		if strings.HasPrefix(name, incident.FieldPrefix) {
			names = append(names, name)
		}
	}
	return typed(r, names...)
}

// What a report belongs to, where it is none of the own deadlines: something new, or the
// exercise whose number follows.
const (
	aNewMatter = "new"
	ofExercise = "exercise-"
)

// meant says in a report which deadline it is to meet, or which exercise it belongs to.
// Whoever has a deadline for the same thing says whether it is meant: a deadline that
// looks open although it was reported would be worse than one more question. Whoever
// takes part in a running exercise says whether it is real.
func (p *Pages) meant(r *http.Request, w portal.Who, n *incident.NewReport, ref string) error {
	open, err := p.portal.OpenFor(r.Context(), w, n.Regime, n.Stage)
	if err != nil {
		return err
	}
	drills, err := p.portal.ExercisesOf(r.Context(), w)
	if err != nil || len(open)+len(drills) == 0 || ref == aNewMatter {
		return err
	}
	for _, c := range open {
		if c.UID == ref {
			n.Clock, err = p.portal.Incidents.ByClockRef(ref)
			return err
		}
	}
	for _, c := range drills {
		if ofExercise+c.UID == ref {
			i, err := p.portal.IncidentOf(r.Context(), w, c.UID)
			n.Drill = i.ID
			return err
		}
	}
	if len(drills) > 0 {
		return fault.OnField("clock", "portal.report.exercise.choose", nil)
	}
	return fault.OnField("clock", "portal.report.clock.choose", nil)
}

// openField asks which of the own deadlines is meant, and whether it is real while an
// exercise runs; nil where there is nothing to ask.
func openField(r *http.Request, t portal.Typed) *web.Field {
	f := &web.Field{Name: "clock", Type: "radio", Label: web.Say(r, "portal.report.clock"), Why: web.Say(r, "portal.report.clock.why"), Required: true}
	other, drill := web.Say(r, "portal.report.clock.new"), t["drill-0"] != ""
	for i := 0; t[fmt.Sprintf("open-%d", i)] != ""; i++ {
		ref, rest, _ := strings.Cut(t[fmt.Sprintf("open-%d", i)], " ")
		number, title, _ := strings.Cut(rest, " ")
		if drill {
			title = web.Say(r, "portal.report.real.deadline", "Title", title)
		}
		f.Options = append(f.Options, web.Option{Value: ref, Label: title, Hint: number})
	}
	if drill {
		f.Label, f.Why = web.Say(r, "portal.report.exercise"), web.Say(r, "portal.report.exercise.why")
		if other = web.Say(r, "portal.report.real"); len(f.Options) > 0 {
			other = web.Say(r, "portal.report.real.new")
		}
	}
	if len(f.Options) == 0 && !drill {
		return nil
	}
	f.Options = append(f.Options, web.Option{Value: aNewMatter, Label: other})
	for i := 0; t[fmt.Sprintf("drill-%d", i)] != ""; i++ {
		number, title, _ := strings.Cut(t[fmt.Sprintf("drill-%d", i)], " ")
		f.Options = append(f.Options, web.Option{Value: ofExercise + number, Label: web.Say(r, "portal.report.exercise.of", "Title", title), Hint: number})
	}
	return f
}
