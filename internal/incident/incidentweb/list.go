package incidentweb

import (
	"context"
	"net/http"
	"time"

	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

// listPage is a page that is one list.
type listPage struct {
	List web.List
}

func filterOf(r *http.Request) incident.Filter {
	q := r.URL.Query()
	return incident.Filter{
		State: incident.State(q.Get("state")), Severity: incident.Severity(q.Get("severity")), Exercise: q.Get("exercise") != "",
		Came: incident.Origin(q.Get("came")), With: positive(q.Get("with")), Before: positive(q.Get("after")), Limit: perPage + 1,
	}
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	f := filterOf(r)
	if since := r.URL.Query().Get("since"); since != "" {
		first, err := p.in.Numbered(r.Context(), p.in.Acts.Reader(), viewer(r), since)
		if err != nil {
			return err
		}
		f.Since = first.ID
	}
	found, err := p.in.List(r.Context(), p.in.Acts.Reader(), viewer(r), f)
	if err != nil {
		return err
	}
	state := web.Field{Name: "state", Type: "select", Label: web.Say(r, "incident.desk.column.state"), Options: []web.Option{{Label: web.Say(r, "incident.desk.any")}}}
	for _, s := range incident.States() {
		state.Options = append(state.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.state."+string(s))})
	}
	severity := web.Field{Name: "severity", Type: "select", Label: web.Say(r, "incident.desk.column.severity"), Options: []web.Option{{Label: web.Say(r, "incident.desk.any")}}}
	for _, s := range incident.Severities() {
		severity.Options = append(severity.Options, web.Option{Value: string(s), Label: web.Say(r, "incident.desk.severity."+string(s))})
	}
	filters := []web.Field{state, severity}
	if f.Came != "" || can(r, importCases) {
		filters = append(filters, cameField(r))
	}
	list := web.List{
		ID: "incidents", Caption: web.Say(r, "incident.desk.incidents"), Total: web.Total{Hide: true}, Live: true, Filters: web.Sift(r, filters...),
		Columns: web.Columns(r, "incident.desk.column.number", "incident.desk.column.title", "incident.desk.column.severity", "incident.desk.column.state",
			"incident.desk.column.lead", "incident.desk.column.opened"),
		Empty: web.Empty{Title: web.Say(r, "incident.desk.empty.title"), Why: web.Say(r, "incident.desk.empty.why")},
	}
	page := web.Page{
		Title: web.Say(r, "incident.desk.incidents"), Room: "incident", Lead: web.Say(r, "incident.desk.lead"), Topics: []string{"incident"},
		Exercise: f.Exercise,
	}
	if can(r, open) {
		page.Primary = &web.Action{Label: web.Say(r, "incident.desk.open"), URL: "/incident/incidents/new", Icon: "plus", Tone: "primary"}
		list.Empty.Do = page.Primary
	}
	if can(r, importCases) {
		list.Empty.Also = importAction(r)
	}
	page.Actions = p.roomActions(r)
	if len(found) > perPage {
		found = found[:perPage]
		list.Older = web.With(r.URL, "after", number(found[perPage-1].ID))
	}
	strictest := tlp.Clear
	for i := range found {
		list.Rows = append(list.Rows, p.row(r, &found[i]))
		strictest = tlp.Strictest(strictest, found[i].Marking)
	}
	if len(found) > 0 {
		page.Marking = strictest.String()
	}
	page.Data = listPage{List: list}
	return p.site.Page(w, r, http.StatusOK, "incident/list", page)
}

func (p *Pages) row(r *http.Request, i *incident.Incident) web.Row {
	u := incidentURL(p.in.Number(i.ID))
	row := web.Row{URL: u, Name: i.Title, Cells: []web.Cell{
		{Text: p.in.Number(i.ID), URL: u, Mono: true}, {Text: i.Title, Sub: i.Marking.String()},
		web.Marked(severityBadge(r, i.Severity)), web.Marked(stateBadge(r, i.State)), web.Anchor(p.orgName(i.Lead), orgURL(i.Lead)), web.Ago(i.OpenedAt),
	}}
	if i.Imported != "" {
		row.Cells[1].Sub += " · " + i.Imported
	}
	if i.State != incident.Open {
		row.Tone = "muted"
	}
	return row
}

// head is what all pages about one incident share.
func (p *Pages) head(r *http.Request, i *incident.Incident, more ...web.Link) web.Page {
	return web.Page{
		Title: i.Title, Number: p.in.Number(i.ID), Room: "incident", Exercise: i.Exercise, Marking: i.Marking.String(),
		Crumbs: append([]web.Link{{Label: web.Say(r, "incident.desk.incidents"), URL: "/incident/incidents"}}, more...),
		Badges: []web.Badge{severityBadge(r, i.Severity), stateBadge(r, i.State)},
	}
}

type listInput struct {
	State    string `query:"state" enum:"open,resolved,abandoned," doc:"only incidents in this state"`
	Severity string `query:"severity" enum:"critical,high,medium,low,"`
	Exercise bool   `query:"exercise" doc:"the exercises instead of the real ones"`
	Before   string `query:"before" doc:"only those opened before the incident of this number"`
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// Line is an incident in a list of the API.
type Line struct {
	Number   string    `json:"number"`
	Title    string    `json:"title"`
	State    string    `json:"state"`
	Severity string    `json:"severity"`
	Class    string    `json:"class,omitempty"`
	Marking  string    `json:"marking"`
	Lead     string    `json:"lead"`
	Opened   time.Time `json:"opened"`
	Closed   time.Time `json:"closed,omitzero"`
	Exercise bool      `json:"exercise,omitempty"`
	Imported string    `json:"imported,omitempty" doc:"the system that it comes from, and its number there"`
	Version  int64     `json:"version"`
}

type listOutput struct {
	Body struct {
		Incidents []Line `json:"incidents"`
	}
}

func (p *Pages) apiList(ctx context.Context, in *listInput) (*listOutput, error) {
	f := incident.Filter{State: incident.State(in.State), Severity: incident.Severity(in.Severity), Exercise: in.Exercise, Limit: in.Limit}
	v, db := incident.ViewerOf(apiActor(ctx)), p.in.Acts.Reader()
	if in.Before != "" {
		at, err := p.in.Numbered(ctx, db, v, in.Before)
		if err != nil {
			return nil, err
		}
		f.Before = at.ID
	}
	found, err := p.in.List(ctx, db, v, f)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Incidents = linesOf(found, p.line)
	return out, nil
}

func (p *Pages) line(i *incident.Incident) Line {
	return Line{
		Number: p.in.Number(i.ID), Title: i.Title, State: string(i.State), Severity: string(i.Severity), Class: i.Class, Marking: i.Marking.String(),
		Lead: p.orgName(i.Lead), Opened: i.OpenedAt, Closed: i.ClosedAt, Exercise: i.Exercise, Imported: i.Imported, Version: i.Version,
	}
}
