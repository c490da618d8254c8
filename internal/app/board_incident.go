package app

import (
	"context"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/incident"
	"almenara.example/internal/incident/incidentweb"
)

// permissionOfIncidents is what one needs to see incidents and their clocks.
const permissionOfIncidents = "incident.read"

// response brings the clocks of incidents to the board, to whom may read them.
type response struct {
	in   *incident.Incidents
	acts *act.Acts
}

// boardHours is how far ahead the board looks at clocks.
const boardHours = 24

// NeedsOf says which clocks run out, and who is to be called about one.
func (x response) NeedsOf(ctx context.Context, r sqldb.Reader, asker act.Actor) ([]desk.Need, error) {
	if !x.acts.May(ctx, act.Call{Actor: asker, Verb: permissionOfIncidents}) {
		return nil, nil
	}
	n, err := x.in.CountClocks(ctx, r, incident.ViewerOf(asker), incident.ClockFilter{})
	if err != nil {
		return nil, err
	}
	calls, err := x.in.CallsOpen(ctx, r, incident.ViewerOf(asker))
	if err != nil {
		return nil, err
	}
	late := desk.Need{Key: "incident.clocks.need.late", Note: "incident.clocks.need.late.do", N: n.Overdue, URL: incidentweb.ClocksURL + "?due=overdue", Icon: "clock", Consequence: desk.Unheard}
	soon := desk.Need{Key: "incident.clocks.need.soon", Note: "incident.clocks.need.soon.do", N: n.Within[boardHours], URL: incidentweb.ClocksURL + "?due=24", Icon: "clock", Consequence: desk.Unheard}
	if n.Nearest != nil {
		late.Due, soon.Due = n.Nearest.WarnAt, n.Nearest.WarnAt
	}
	call := desk.Need{Key: "incident.clocks.need.calls", Note: "incident.clocks.need.calls.do", N: calls, URL: "/incident/calls", Icon: "phone", Consequence: desk.Unheard}
	waiting, err := x.waiting(ctx, r, asker)
	return append([]desk.Need{late, soon, call}, waiting...), err
}

// boardMost is the most that a figure of the board counts exactly.
const boardMost = 1000

// waiting says which reports are new, which mail waits, and which did not arrive.
func (x response) waiting(ctx context.Context, r sqldb.Reader, asker act.Actor) ([]desk.Need, error) {
	reports, err := x.in.CountReports(ctx, r, incident.ViewerOf(asker), incident.ReportFilter{State: incident.ReportNew}, boardMost)
	if err != nil {
		return nil, err
	}
	posts, err := x.in.Posts(ctx, r, incident.PostWaits, 0, boardMost)
	if err != nil {
		return nil, err
	}
	failed, err := x.in.UndeliveredMails(ctx, r, incident.ViewerOf(asker), boardMost)
	if err != nil {
		return nil, err
	}
	return []desk.Need{
		{Key: "incident.board.reports", Note: "incident.board.reports.do", N: reports, URL: "/incident/reports?state=new", Icon: "phone", Consequence: desk.Untold},
		{Key: "incident.board.posts", Note: "incident.board.posts.do", N: int64(len(posts)), URL: "/incident/mail", Icon: "mail", Consequence: desk.Untold},
		{Key: "incident.board.failed", Note: "incident.board.failed.do", N: int64(len(failed)), URL: "/incident/mail", Icon: "mail", Consequence: desk.Untold},
	}, nil
}

// dueTimeout bounds the look for the nearest deadline: it stands on every page.
const dueTimeout = time.Second

// nearest is the deadline of incidents that comes first, for the top of each page.
func (a *App) nearest(ctx context.Context, v web.Viewer) *web.Due {
	asker, ok := v.Actor.(act.Actor)
	if !ok || !v.Can(permissionOfIncidents) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dueTimeout)
	defer cancel()
	first, err := a.incidents.RunningClocks(ctx, a.acts.Reader(), incident.ViewerOf(asker), incident.ClockFilter{Limit: 1})
	if err != nil {
		a.log.ErrorContext(ctx, "look for the nearest deadline", "error", err)
		return nil
	}
	if len(first) == 0 {
		return nil
	}
	c := first[0]
	_, stage, err := a.incidents.StageOf(&c)
	if err != nil {
		a.log.ErrorContext(ctx, "look for the nearest deadline", "error", err)
		return nil
	}
	return &web.Due{Label: stage.Title.In(web.PrinterOf(ctx).Lang()), URL: incidentweb.ClockURL(c.ID), At: c.WarnAt}
}
