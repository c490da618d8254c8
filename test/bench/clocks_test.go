package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	housetest "almenara.example/test/house"
)

// BenchmarkClocks times the national board where BENCH_CLOCKS clocks run (5,000), with
// each of its filters, and what stands on every page: the nearest deadline.
func BenchmarkClocks(b *testing.B) {
	n := size("BENCH_CLOCKS", 5000)
	t, k := &table{}, clock.System{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		rows := make([]string, 50)
		for i := range rows {
			rows[i] = fmt.Sprintf("Operator %02d,operator,XA,drinking-water,domain,op%02d.example,Control room,room@op%02d.example,en\n", i, i, i)
		}
		return h.Import(ctx, rows...)
	}})
	h.Mail.CountOnly()
	ctx, in, read := b.Context(), h.App.Incidents(), h.App.Acts().Reader()
	officer := guard.ActorOf(h.Person(guard.OwnOrg, guard.RoleWatchOfficer))
	officer.Roles = []string{guard.RoleWatchOfficer}
	orgs := operatorsOf(b, h)
	desk := incident.ViewerOf(officer)
	for i, id := range layIncidents(b, in, officer, orgs, n/2) {
		org := orgs[i%len(orgs)]
		_, err := in.BeginDuty(ctx, officer, id, incident.NewDuty{Org: org, Regime: "nis2"})
		must(b, err)
		_, err = in.SetAnchor(ctx, officer, id, incident.NewAnchor{Org: org, Event: regime.Awareness, At: k.Now().Add(-time.Duration(i%90) * time.Hour)})
		must(b, err)
	}
	counts, err := in.CountClocks(ctx, read, desk, incident.ClockFilter{})
	must(b, err)
	t.add("overdue and within a week", "", "%d, %d of %d clocks", counts.Overdue, counts.Within[24*7], n)
	lead := housetest.As(h.SignIn(h.Person(guard.OwnOrg, guard.RoleDutyLead).ID))
	list := func(v incident.Viewer, f incident.ClockFilter) func() error {
		return func() error { _, err := in.RunningClocks(ctx, read, v, f); return err }
	}
	page := func(path string) func() error {
		return func() error {
			if a := h.Ask(http.MethodGet, path, nil, lead); a.Status != http.StatusOK {
				return fmt.Errorf("%s answers %d", path, a.Status)
			}
			return nil
		}
	}
	for _, m := range []struct {
		what string
		do   func() error
	}{
		{"clocks, no filter", list(desk, incident.ClockFilter{})},
		{"clocks, due in 24 h", list(desk, incident.ClockFilter{Until: k.Now().Add(24 * time.Hour)})},
		{"clocks, by regime", list(desk, incident.ClockFilter{Regime: "nis2"})},
		{"clocks, a regime that nobody has", list(desk, incident.ClockFilter{Regime: "dora"})},
		{"clocks, by sector", list(desk, incident.ClockFilter{Sector: "drinking-water"})},
		{"clocks, a sector that nobody has", list(desk, incident.ClockFilter{Sector: "space"})},
		{"clocks, by who owes", list(desk, incident.ClockFilter{OwedBy: orgs[3]})},
		{"clocks, a participant's own", list(incident.Viewer{Org: orgs[0]}, incident.ClockFilter{})},
		{"clocks, the counts", func() error { _, err := in.CountClocks(ctx, read, desk, incident.ClockFilter{}); return err }},
		{"clocks, the nearest (on every page)", list(desk, incident.ClockFilter{Limit: 1})},
		{"clocks, the board's page", page("/incident/clocks")},
		{"clocks, the board's page, a sector", page("/incident/clocks?sector=drinking-water&due=24")},
	} {
		var took []time.Duration
		for range 40 {
			began := k.Now()
			must(b, m.do())
			took = append(took, k.Now().Sub(began))
		}
		t.add(m.what, "< 50 ms", "%s", spread(took))
	}
	t.print(os.Stdout)
}
