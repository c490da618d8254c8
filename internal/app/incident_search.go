package app

import (
	"context"

	"almenara.example/internal/act"
	"almenara.example/internal/desk"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/incident"
)

// incidentFinder answers the desk's search with incidents and what was written in them.
type incidentFinder struct {
	incidents *incident.Incidents
	acts      *act.Acts
}

// Find implements desk.Finder.
func (x incidentFinder) Find(ctx context.Context, r sqldb.Reader, asker act.Actor, q desk.Question) ([]desk.Group, error) {
	if x.acts.Decide(ctx, act.Call{Actor: asker, Verb: "incident.read"}) != nil {
		return nil, nil
	}
	const screen = 10
	found, err := x.incidents.Search(ctx, r, incident.ViewerOf(asker), q.Text, 0, screen)
	if err != nil {
		return nil, err
	}
	g := desk.Group{Key: "desk.search.incidents"}
	seen := map[int64]bool{}
	for _, h := range found.Hits {
		if h.Report.ID != 0 && len(g.Hits) < screen {
			n := x.incidents.ReportNo(h.Report.ID)
			g.Hits = append(g.Hits, desk.Hit{Title: n, Sub: h.Report.Title, State: "incident.desk.reports.state." + string(h.Report.State), URL: "/incident/reports/" + n})
			continue
		}
		if seen[h.Incident.ID] || len(g.Hits) == screen {
			continue
		}
		seen[h.Incident.ID] = true
		n := x.incidents.Number(h.Incident.ID)
		g.Hits = append(g.Hits, desk.Hit{
			Title: n, Sub: h.Incident.Title, State: "incident.desk.state." + string(h.Incident.State), URL: "/incident/incidents/" + n, Direct: h.Why == "number",
		})
	}
	return []desk.Group{g}, nil
}
