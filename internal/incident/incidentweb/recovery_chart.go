package incidentweb

import (
	"net/http"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// picture draws how much of each service, and of all together, works over time, with
// the milestones; nil while no service is named.
func (p *Pages) picture(r *http.Request, plan recoveryPlan) *web.TimePicture {
	c := web.TimeChart{
		ID: "curve", Title: web.Say(r, "incident.desk.recovery.curve"), Source: web.Say(r, "incident.desk.recovery.curve.source"),
		Mean: web.Say(r, "incident.desk.recovery.curve.mean", "Count", len(plan.services)), Marked: web.Say(r, "incident.desk.milestones"),
		Lost: func(hours float64) string { return lostHours(r, hours) }, End: plan.until, Runs: plan.runs,
	}
	at := map[int64]int{0: -1}
	for _, w := range incident.InOrder(plan.services) {
		at[w.ID] = len(c.Panels)
		panel := web.TimePanel{Name: w.Name}
		if !w.State.Back() {
			panel.Expected = w.Now.Expected
		}
		for _, s := range incident.StepsOf(plan.steps, w.ID) {
			panel.Points = append(panel.Points, web.TimePoint{At: s.At, Percent: float64(s.Quality)})
		}
		c.Panels = append(c.Panels, panel)
	}
	for k := range plan.milestones {
		m := &plan.milestones[k]
		standing := m.Standing(p.in.Acts.Clock().Now())
		mark := web.TimeMark{Label: number(int64(k + 1)), Name: m.Title, At: m.Due, Shape: "ahead", Word: web.Say(r, "incident.desk.milestone."+string(standing)), Panel: at[m.Service]}
		switch standing {
		case incident.Dropped:
			continue
		case incident.Reached, incident.ReachedLate:
			mark.Shape, mark.At = "reached", m.DoneAt
		case incident.Missed:
			mark.Shape = "missed"
		case incident.Ahead:
		}
		c.Marks = append(c.Marks, mark)
	}
	return c.Draw(web.PrinterOf(r.Context()))
}
