package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	housetest "almenara.example/test/house"
	"almenara.example/tlp"
)

// BenchmarkIncidents times lists, search, an incident with 2,000 entries, and the links
// of an observable, where there are BENCH_INCIDENTS incidents (15,000), BENCH_REPORTS
// reports (100,000) and BENCH_OBSERVABLES observables (1,000,000), for the desk and for a
// participant; then
// how soon 50 people who have one incident open are told of an entry. Everything enters
// through the room's verbs.
func BenchmarkIncidents(b *testing.B) {
	n, reports, sights := size("BENCH_INCIDENTS", 15_000), size("BENCH_REPORTS", 100_000), size("BENCH_OBSERVABLES", 1_000_000)
	const people = 50
	t, k := &table{}, clock.System{}
	h := housetest.Start(b, housetest.Options{System: true, Fill: func(ctx context.Context, h *housetest.House) error {
		rows := make([]string, people)
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
	began := k.Now()
	all := layIncidents(b, in, officer, orgs, n)
	layObservables(b, in, officer, all, sights)
	report := layReports(b, in, officer, orgs, reports)
	big := all[len(all)/2]
	for i := range 2000 {
		_, err := in.AddEntry(ctx, officer, big, incident.NewEntry{Kind: incident.Note, Marking: tlp.Green, Text: fmt.Sprintf("Entry %d of a long night at the pumping station", i), To: guard.Circle{Orgs: orgs[:1]}})
		must(b, err)
	}
	t.add("filling it by verbs", "", "%.0f s for %d incidents, %d reports, %d observables", k.Now().Sub(began).Seconds(), n, reports, sights)
	desk, guest := incident.ViewerOf(officer), incident.Viewer{Org: orgs[0]}
	lead := housetest.As(h.SignIn(h.Person(guard.OwnOrg, guard.RoleDutyLead).ID))
	page := func(path string) func() error {
		return func() error {
			if a := h.Ask(http.MethodGet, path, nil, lead); a.Status != http.StatusOK {
				return fmt.Errorf("%s answers %d", path, a.Status)
			}
			return nil
		}
	}
	list := func(v incident.Viewer, f incident.Filter) func() error {
		return func() error { _, err := in.List(ctx, read, v, f); return err }
	}
	search := func(v incident.Viewer, q string) func() error {
		return func() error { _, err := in.Search(ctx, read, v, q, 0, 50); return err }
	}
	listReports := func(v incident.Viewer, f incident.ReportFilter) func() error {
		return func() error { _, err := in.Reports(ctx, read, v, f); return err }
	}
	number := in.Number(big)
	for _, m := range []struct {
		what, target string
		do           func() error
	}{
		{"list, no filter", "< 50 ms", list(desk, incident.Filter{})},
		{"list, by state", "< 50 ms", list(desk, incident.Filter{State: incident.Resolved})},
		{"list, by severity and state", "< 50 ms", list(desk, incident.Filter{State: incident.Open, Severity: incident.Critical})},
		{"list, by class", "< 50 ms", list(desk, incident.Filter{Class: "phishing"})},
		{"list, by who takes part", "< 50 ms", list(desk, incident.Filter{With: orgs[7]})},
		{"list, nothing fits", "< 50 ms", list(desk, incident.Filter{Class: "spam", State: incident.Abandoned})},
		{"list, a participant's own", "< 50 ms", list(guest, incident.Filter{})},
		{"list, the page", "< 50 ms", page("/incident/incidents?state=open")},
		{"reports that wait", "< 50 ms", listReports(desk, incident.ReportFilter{})},
		{"reports, all", "< 50 ms", listReports(desk, incident.ReportFilter{All: true})},
		{"reports, by severity, class and source", "< 50 ms", listReports(desk, incident.ReportFilter{All: true, Severity: incident.Critical, Class: "phishing", Source: incident.ByPhone})},
		{"reports, by owner", "< 50 ms", listReports(desk, incident.ReportFilter{All: true, Owner: orgs[7]})},
		{"reports, nothing fits", "< 50 ms", listReports(desk, incident.ReportFilter{All: true, Class: "spam"})},
		{"reports, an owner's own", "< 50 ms", listReports(guest, incident.ReportFilter{All: true})},
		{"reports, the page", "< 50 ms", page("/incident/reports")},
		{"a report, the page with its duplicates", "< 100 ms", page("/incident/reports/" + in.ReportNo(report))},
		{"search, a word that all have", "< 100 ms", search(desk, "incident")},
		{"search, a rare word", "< 100 ms", search(desk, "n"+fmt.Sprint(n/3))},
		{"search, two words", "< 100 ms", search(desk, "pumping night")},
		{"search, an observable", "< 100 ms", search(desk, "198.18.0.7")},
		{"search, a participant, a word that all have", "< 100 ms", search(guest, "observed")},
		{"search, nobody's business", "< 100 ms", search(incident.Viewer{Org: 1 << 40}, "observed")},
		{"an incident with 2,000 entries, read", "< 150 ms", func() error { _, err := in.Story(ctx, read, desk, big); return err }},
		{"an incident with 2,000 entries, the page", "< 150 ms", page("/incident/incidents/" + number)},
		{"links of an observable", "< 20 ms", func() error { _, err := in.Links(ctx, read, desk, "ip:198.18.0.7", 0, 20); return err }},
		{"links of an observable, participant", "< 20 ms", func() error { _, err := in.Links(ctx, read, guest, "ip:198.18.0.7", 0, 20); return err }},
	} {
		var took []time.Duration
		for range 40 {
			began := k.Now()
			must(b, m.do())
			took = append(took, k.Now().Sub(began))
		}
		t.add(m.what, m.target, "%s", spread(took))
	}
	liveOnOne(b, t, h, officer, orgs)
	t.print(os.Stdout)
}

func operatorsOf(b *testing.B, h *housetest.House) (out []int64) {
	b.Helper()
	all, err := h.App.Guard().Organisations(b.Context(), h.App.Acts().Reader())
	must(b, err)
	for _, o := range all {
		if o.Kind == guard.KindOperator {
			out = append(out, o.ID)
		}
	}
	return out
}

// layIncidents opens incidents, closes two of three, and lets one organisation take
// part in each.
func layIncidents(b *testing.B, in *incident.Incidents, officer act.Actor, orgs []int64, n int) (out []int64) {
	b.Helper()
	classes := []string{"phishing", "ddos", "system-compromise", "data-leak"}
	for i := range n {
		v, err := in.OpenNew(b.Context(), officer, incident.Incident{
			Title: fmt.Sprintf("An incident n%d at a works", i), Severity: incident.Severities()[i%4], Marking: tlp.Amber, Class: classes[i/4%4], Countries: []string{"XA"},
		})
		must(b, err)
		_, err = in.AddParticipant(b.Context(), officer, v.ID, incident.NewParticipant{Org: orgs[i%len(orgs)], Role: "affected", Tell: incident.InPortal})
		must(b, err)
		if i%3 != 0 {
			now, err := in.Incident(b.Context(), in.Acts.Reader(), incident.ViewerOf(officer), v.ID)
			must(b, err)
			must(b, in.Close(b.Context(), officer, v.ID, incident.Resolved, "It is over.", now.Version))
		}
		out = append(out, v.ID)
	}
	return out
}

// layObservables writes observables, a thousand an entry, over the open incidents; a few
// of them are seen everywhere.
func layObservables(b *testing.B, in *incident.Incidents, officer act.Actor, all []int64, n int) {
	b.Helper()
	const each = 1000
	for i := range n / each {
		e := incident.NewEntry{Kind: incident.Observable, Marking: tlp.Green, Text: "Seen in what was observed at night"}
		for j := range each {
			at := i*each + j
			v := fmt.Sprintf("198.%d.%d.%d", 18+at>>16&1, at>>8&255, at&255)
			if at >= 1<<17 {
				v = fmt.Sprintf("host%d.op.example", at)
			}
			if j < 5 {
				v = fmt.Sprintf("198.18.0.%d", j+5)
			}
			e.Observables = append(e.Observables, incident.NewObservable{Value: v})
		}
		at := i * 3 % len(all)
		_, err := in.AddEntry(b.Context(), officer, all[at-at%3], e)
		must(b, err)
	}
}

// layReports takes reports in, each with an address of its own and one that a hundred
// others name, too; two of a hundred wait. It returns one that waits.
func layReports(b *testing.B, in *incident.Incidents, officer act.Actor, orgs []int64, n int) (waits int64) {
	b.Helper()
	classes, sources := []string{"phishing", "ddos", "system-compromise", "data-leak"}, []incident.ReportSource{incident.ByPhone, incident.ByLetter, incident.ByAPI}
	for i := range n {
		p, err := in.TakeReport(b.Context(), officer, incident.NewReport{
			Source: sources[i%3], Owner: orgs[i%len(orgs)], Severity: incident.Severities()[i%4], Class: classes[i/4%4], Marking: tlp.Amber,
			Text: fmt.Sprintf("Report r%d: machines at the works ask 203.0.113.%d for orders, and host%d.op.example does not answer.", i, i/100%250, i),
		})
		must(b, err)
		if i%50 == 0 {
			waits = p.ID
			continue
		}
		must(b, in.CloseReport(b.Context(), officer, p.ID, incident.ReportResolved, incident.WasResolved, "It is over.", "", p.Version))
	}
	return waits
}

// liveOnOne measures how soon everybody who has one incident open is told of an entry.
func liveOnOne(b *testing.B, t *table, h *housetest.House, officer act.Actor, orgs []int64) {
	b.Helper()
	in, k := h.App.Incidents(), clock.System{}
	v, err := in.OpenNew(b.Context(), officer, incident.Incident{Title: "A night with many", Severity: incident.High, Marking: tlp.Green})
	must(b, err)
	var cookies []*http.Cookie
	for _, org := range orgs {
		_, err := in.AddParticipant(b.Context(), officer, v.ID, incident.NewParticipant{Org: org, Role: "affected", Tell: incident.InPortal})
		must(b, err)
		cookies = append(cookies, h.SignIn(h.Person(org, guard.RoleContact).ID))
	}
	var took []time.Duration
	for round := range 10 {
		told := make([]time.Time, len(cookies))
		var ready, done sync.WaitGroup
		ready.Add(len(cookies))
		done.Add(len(cookies))
		for i, c := range cookies {
			go func() {
				defer done.Done()
				listen(h.URL, c, &ready, func() { told[i] = k.Now() })
			}()
		}
		ready.Wait()
		began := k.Now()
		_, err := in.AddEntry(b.Context(), officer, v.ID, incident.NewEntry{Kind: incident.Status, Marking: tlp.Green, Text: fmt.Sprintf("Round %d", round), To: guard.Circle{Orgs: orgs}})
		must(b, err)
		done.Wait()
		for i, at := range told {
			if at.IsZero() {
				b.Fatalf("round %d: person %d was never told", round, i)
			}
			took = append(took, at.Sub(began))
		}
	}
	slices.Sort(took)
	t.add(fmt.Sprintf("an entry reaches %d open pages", len(cookies)), "p95 < 500 ms", "%s", spread(took))
}
