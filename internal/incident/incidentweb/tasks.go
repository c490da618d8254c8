package incidentweb

import (
	"net/http"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
)

// taskList lists what is to be done, asked and in place.
func (p *Pages) taskList(r *http.Request, i *incident.Incident) (*web.List, error) {
	ts, err := p.in.Tasks(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil || len(ts) == 0 {
		return nil, err
	}
	l := &web.List{
		ID: "tasks", Caption: web.Say(r, "incident.desk.tasks"), Total: web.Total{N: int64(len(ts))}, Live: true,
		Columns: web.Columns(r, "incident.desk.column.what", "incident.desk.owes", "incident.desk.column.state", "incident.desk.due"),
	}
	for k := range ts {
		t := &ts[k]
		e, err := p.in.Entry(r.Context(), p.in.Acts.Reader(), viewer(r), t.Entry)
		if err != nil {
			return nil, err
		}
		row := web.Row{Cells: []web.Cell{
			{Text: clip(e.Text, 120), URL: "/incident/entries/" + number(t.Entry), Sub: web.Say(r, "incident.desk.kind."+string(t.Kind))},
			web.Text(p.orgName(t.Org)), web.Marked(taskBadge(r, t)), {At: t.Due},
		}}
		switch {
		case t.State.Ended():
			row.Tone = "muted"
		case !t.Due.IsZero() && t.Due.Before(p.in.Acts.Clock().Now()):
			row.Tone = "critical"
		}
		l.Rows = append(l.Rows, row)
	}
	return l, nil
}

// sightList lists the observables, each written so that nothing becomes a link.
func (p *Pages) sightList(r *http.Request, i *incident.Incident) (*web.List, error) {
	ss, err := p.in.Observables(r.Context(), p.in.Acts.Reader(), viewer(r), i.ID)
	if err != nil || len(ss) == 0 {
		return nil, err
	}
	const most = 200
	l := &web.List{
		ID: "observables", Caption: web.Say(r, "incident.desk.observables"), Total: web.Total{N: int64(len(ss))},
		Columns: web.Columns(r, "incident.desk.column.kind", "incident.desk.column.value", "incident.desk.column.entry"),
	}
	for _, s := range ss[:min(len(ss), most)] {
		l.Rows = append(l.Rows, web.Row{Cells: []web.Cell{
			web.Text(web.Say(r, "incident.desk.observable."+string(s.Kind))), {Text: s.Defanged(), Mono: true, Copy: true},
			web.Anchor(web.Say(r, "incident.desk.entry"), "/incident/entries/"+number(s.Entry)),
		}})
	}
	return l, nil
}
