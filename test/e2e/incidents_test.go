package e2e

import (
	"strconv"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/watch"
)

// incidents are the addresses of pages about one thing of the response, by the pattern
// of their route: of the demo's first incident, the water works.
func (s *stage) incidents() map[string]string {
	s.t.Helper()
	ctx, in := s.t.Context(), s.app.Incidents()
	desk := incident.Viewer{Org: guard.OwnOrg}
	all, err := in.List(ctx, s.read(), desk, incident.Filter{})
	s.check(err)
	first := all[len(all)-1]
	story, err := in.Story(ctx, s.read(), desk, first.ID)
	s.check(err)
	parts, err := in.Participants(ctx, s.read(), first.ID, false)
	s.check(err)
	clocks, err := in.Clocks(ctx, s.read(), desk, first.ID)
	s.check(err)
	duties, err := in.Duties(ctx, s.read(), desk, first.ID)
	s.check(err)
	reports, err := in.Reports(ctx, s.read(), desk, incident.ReportFilter{})
	s.check(err)
	running := clocks[0]
	for _, c := range clocks {
		if c.State == incident.ClockRunning {
			running = c
			break
		}
	}
	filing, err := in.BeginFiling(ctx, s.officer(), running.ID)
	s.check(err)
	open := s.findings(watch.Filter{States: []watch.State{watch.Open}, Sources: []string{"atalaya-scans"}})[0]
	places := strings.NewReplacer(
		"{playbook}", "ransomware", "{participant}", strconv.FormatInt(parts[0].ID, 10), "{entry}", strconv.FormatInt(story[0].ID, 10),
		"{clock}", strconv.FormatInt(running.ID, 10), "{duty}", strconv.FormatInt(duties[0].ID, 10), "{filing}", strconv.FormatInt(filing.ID, 10),
		"{law}", in.Laws()[0].Key(),
	)
	number, report := in.Number(first.ID), in.ReportNo(reports[0].ID)
	out := map[string]string{"/incident/promote": "/incident/promote?id=" + s.app.Watch().Number(open.ID)}
	for _, r := range s.app.Site().Routes() {
		if !strings.HasPrefix(r.Pattern, "/incident/") || !strings.Contains(r.Pattern, "{") {
			continue
		}
		n := number
		if strings.HasPrefix(r.Pattern, "/incident/reports/") {
			n = report
		}
		out[r.Pattern] = places.Replace(strings.ReplaceAll(r.Pattern, "{number}", n))
	}
	affected := strconv.FormatInt(running.Party, 10)
	at := "/incident/incidents/" + number
	out["/incident/incidents/{number}/clocks/anchor"] = at + "/clocks/anchor?organisation=" + affected + "&event=awareness"
	out["/incident/incidents/{number}/significance"] = at + "/significance?organisation=" + affected + "&regime=nis2"
	return out
}

// officer is somebody of the desk who may work on incidents.
func (s *stage) officer() act.Actor {
	s.t.Helper()
	p, err := s.app.Guard().Person(s.t.Context(), s.read(), s.person("Nora Ruiz", guard.RoleWatchOfficer))
	s.check(err)
	return guard.ActorOf(p)
}
