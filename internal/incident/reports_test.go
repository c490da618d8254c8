package incident_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

func (r *room) report(by act.Actor, n incident.NewReport) incident.Report {
	r.t.Helper()
	if n.Source == "" {
		n.Source = incident.ByPhone
	}
	p, err := r.TakeReport(r.t.Context(), by, n)
	r.must(err)
	return p
}

func (r *room) seesReport(by act.Actor, id int64) bool {
	r.t.Helper()
	_, err := r.Report(r.t.Context(), r.acts.Reader(), incident.ViewerOf(by), id)
	if err != nil {
		r.refused(err, fault.NotFound, "")
	}
	return err == nil
}

func TestAReportIsTheDesksAndItsOwnersForSure(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		mine := r.report(r.plant, incident.NewReport{Source: incident.ByPortal, Text: "Somebody is in our pumps from 203.0.113.9", Owner: r.power.ID})
		if mine.Owner != r.water.ID || !mine.Confirmed {
			t.Errorf("got owner %d, confirmed %v; want the organisation of who signed in", mine.Owner, mine.Confirmed)
		}
		heard := r.report(r.officer, incident.NewReport{Text: "We are Water, they say", Owner: r.water.ID})
		for _, c := range []struct {
			who  act.Actor
			id   int64
			want bool
		}{{r.officer, mine.ID, true}, {r.plant, mine.ID, true}, {r.grid, mine.ID, false}, {r.plant, heard.ID, false}, {r.officer, heard.ID, true}} {
			if got := r.seesReport(c.who, c.id); got != c.want {
				t.Errorf("%s sees report %d: got %v, want %v", c.who.ID, c.id, got, c.want)
			}
		}
		head := incident.NewReport{Title: "Water calls", Owner: r.water.ID, Severity: incident.High, Marking: tlp.Amber}
		r.refused(r.ChangeReport(t.Context(), r.officer, heard.ID, head, true, "+34 900", heard.Version+1), fault.Conflict, "")
		r.must(r.ChangeReport(t.Context(), r.officer, heard.ID, head, true, "+34 900", heard.Version))
		if !r.seesReport(r.plant, heard.ID) {
			t.Error("the owner does not see the report that was confirmed by calling back")
		}
		head.Owner = r.power.ID
		r.refused(r.ChangeReport(t.Context(), r.officer, mine.ID, head, false, "", 0), fault.Invalid, "incident.reports.owned")
		_, err := r.TakeReport(t.Context(), r.plant, incident.NewReport{Source: incident.ByPortal, Text: "a", Marking: tlp.Red})
		r.refused(err, fault.Invalid, "incident.reports.red")
	})
}

func TestAReportInAnIncidentShowsToTheDeskAndItsOwnerUntilTheOwnerWidensIt(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		p := r.report(r.plant, incident.NewReport{
			Source: incident.ByPortal, Text: "Pumps stopped. 203.0.113.9 was in the log.", Files: []incident.NewFile{{Name: "log.txt", Body: []byte("a line")}},
		})
		i := r.open()
		e, err := r.LinkReport(t.Context(), r.officer, p.ID, i.ID)
		r.must(err)
		if e.Owner != r.water.ID || e.Source != incident.FromReport || e.SourceID != p.ID {
			t.Errorf("got entry of %d from %s %d, want the reporter's", e.Owner, e.Source, e.SourceID)
		}
		if len(r.sees(r.officer, i)) != 1 || len(r.sees(r.plant, i)) != 1 || len(r.sees(r.inspector, i)) != 0 {
			t.Error("the entry does not show to exactly the desk and the owner")
		}
		fs, err := r.Files(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		sights, err := r.Observables(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		if len(fs) != 1 || len(sights) != 1 || sights[0].Value != "203.0.113.9" {
			t.Errorf("got files %v and observables %v, want the log and the address", fs, sights)
		}
		_, err = r.LinkReport(t.Context(), r.officer, p.ID, i.ID)
		r.refused(err, fault.Conflict, "incident.reports.linked")
		r.refused(r.Share(t.Context(), r.officer, e.ID, e.Version, tlp.Amber, guard.Circle{Orgs: []int64{r.police.ID}}, "why"), fault.Denied, "")
		r.must(r.Share(t.Context(), r.plant, e.ID, e.Version, tlp.Amber, guard.Circle{Orgs: []int64{r.police.ID}}, "they must know"))
		if len(r.sees(r.inspector, i)) != 1 {
			t.Error("the police does not see what the owner showed them")
		}
		two, err := r.OpenFromReport(t.Context(), r.officer, p.ID, incident.Incident{Title: "Another matter", Severity: incident.Low, Marking: tlp.Amber}, true)
		r.must(err)
		links, err := r.LinksOfReport(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), p.ID)
		r.must(err)
		if len(links) != 2 || len(r.sees(r.plant, two)) != 1 {
			t.Errorf("got links %v, want two incidents, the second seen by its reporter", links)
		}
		r.must(r.UnlinkReport(t.Context(), r.officer, p.ID, i.ID, "not this one"))
		rest, err := r.ReportsOfIncident(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		if len(rest) != 0 {
			t.Errorf("got %v, want no report of the incident any more", rest)
		}
		r.refused(r.UnlinkReport(t.Context(), r.officer, p.ID, i.ID, "again"), fault.Conflict, "incident.reports.not_linked")
	})
}

func TestWhoReportsWithoutANameComesBackByACode(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		code, err := r.NewCode()
		r.must(err)
		n := incident.NewReport{Text: "My bank's page asks for everything", Marking: tlp.Amber}
		p, got, err := r.ReportPublicly(t.Context(), n, code)
		r.must(err)
		again, same, err := r.ReportPublicly(t.Context(), n, code)
		r.must(err)
		if got != code || same != code || again.ID != p.ID {
			t.Errorf("got %s and %s for %d and %d, want one report under one code", got, same, p.ID, again.ID)
		}
		n.Text = "Something else"
		other, fresh, err := r.ReportPublicly(t.Context(), n, code)
		r.must(err)
		if other.ID == p.ID || fresh == code {
			t.Error("another report came under the code of the first")
		}
		found, err := r.ReportOfCode(t.Context(), r.acts.Reader(), strings.ToLower(strings.ReplaceAll(code, "-", " ")))
		r.must(err)
		if found.ID != p.ID {
			t.Errorf("got report %d by the code, want %d", found.ID, p.ID)
		}
		for _, wrong := range []string{"", "0000-0000-0000-0000-0000", code + "X", strings.Repeat("é", 500)} {
			_, err := r.ReportOfCode(t.Context(), r.acts.Reader(), wrong)
			r.refused(err, fault.NotFound, "incident.reports.none")
		}
		r.must(r.AddByCode(t.Context(), code, "It was at https://bank.example/a", nil))
		r.must(r.CloseReport(t.Context(), r.officer, p.ID, incident.ReportResolved, incident.WasResolved, "taken down", "The page is gone.", 0))
		ms, err := r.Messages(t.Context(), r.acts.Reader(), p.ID, false)
		r.must(err)
		if len(ms) != 2 || ms[0].Kind != incident.Said || ms[1].Kind != incident.Answer {
			t.Errorf("got %+v, want what was said and the answer", ms)
		}
		r.refused(r.CloseReport(t.Context(), r.officer, p.ID, incident.ReportRejected, "", "no", "", 0), fault.Conflict, "incident.reports.closed")
		r.must(r.ReopenReport(t.Context(), r.officer, p.ID, "it is back"))
		r.refused(r.CloseReport(t.Context(), r.officer, p.ID, incident.ReportRejected, "", "", "", 0), fault.Invalid, "")
		_, err = r.TakeReport(t.Context(), act.Actor{ID: "visitor", Kind: act.Visitor}, n)
		r.refused(err, fault.Denied, "")
	})
}

func TestAFloodOfReportsIsBounded(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		first, _, err := r.ReportPublicly(t.Context(), incident.NewReport{Text: "one"}, "")
		r.must(err)
		r.must(r.acts.Step(t.Context(), "incident.fill", func(ctx context.Context, tx *act.Tx) error {
			for n := range 2000 {
				if err := copyReport(ctx, tx, first.ID, first.ID+int64(n)+1_000_000, "public", "new", "incident", "", 0); err != nil {
					return err
				}
			}
			return nil
		}))
		_, _, err = r.ReportPublicly(t.Context(), incident.NewReport{Text: "one too many"}, "")
		r.refused(err, fault.Unavailable, "incident.reports.flood")
		r.clock.Advance(25 * time.Hour)
		_, _, err = r.ReportPublicly(t.Context(), incident.NewReport{Text: "the next day"}, "")
		r.must(err)
		big := []incident.NewFile{{Name: "a", Body: make([]byte, incident.MaxReportFile+1)}}
		_, _, err = r.ReportPublicly(t.Context(), incident.NewReport{Text: "large", Files: big}, "")
		r.refused(err, fault.Invalid, "incident.file.large")
	})
}

func TestTheSameMatterIsHintedAtBySharedThingsAndWords(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		text := "The control system of the pumping station in the north stopped at three in the morning and nobody can sign in"
		a := r.report(r.officer, incident.NewReport{Text: text + " 203.0.113.9"})
		b := r.report(r.officer, incident.NewReport{Text: "Traffic from 203.0.113.9 to our mail server"})
		c := r.report(r.officer, incident.NewReport{Text: text + " again"})
		r.report(r.officer, incident.NewReport{Text: "Something that has nothing to do with it at all, really nothing"})
		i := r.open()
		_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{Kind: incident.Observable, Marking: tlp.Amber, Observables: []incident.NewObservable{{Value: "203.0.113.9"}}})
		r.must(err)
		hints, err := r.Duplicates(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), &a)
		r.must(err)
		got := map[string]bool{}
		for _, h := range hints {
			got[fmt.Sprint(h.Report, h.Incident, len(h.Shared), h.Alike > 0.5)] = true
		}
		for _, want := range []string{fmt.Sprint(b.ID, 0, 1, false), fmt.Sprint(c.ID, 0, 0, true), fmt.Sprint(0, i.ID, 1, false)} {
			if !got[want] {
				t.Errorf("got %v, want %s among them", got, want)
			}
		}
		if len(hints) != 3 {
			t.Errorf("got %d hints, want 3", len(hints))
		}
		hidden, err := r.Duplicates(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), &a)
		r.must(err)
		if len(hidden) != 0 {
			t.Errorf("got %v for somebody who sees none of it, want nothing", hidden)
		}
	})
}

func TestReportsThatWaitAreListedNewOnesFirst(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		var ids []int64
		for n := range 5 {
			ids = append(ids, r.report(r.officer, incident.NewReport{Text: fmt.Sprint("report ", n)}).ID)
		}
		r.must(r.TakeUp(t.Context(), r.officer, ids[4]))
		r.must(r.CloseReport(t.Context(), r.officer, ids[0], incident.ReportRejected, "", "spam", "", 0))
		var got []int64
		f := incident.ReportFilter{Limit: 2}
		for {
			page, err := r.Reports(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), f)
			r.must(err)
			for _, p := range page {
				got = append(got, p.ID)
			}
			if len(page) < 2 {
				break
			}
			f.Before = page[1].ID
		}
		if want := []int64{ids[3], ids[2], ids[1], ids[4]}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// copyReport writes a report like another one, for lists of many.
func copyReport(ctx context.Context, tx *act.Tx, from, id int64, source, state, kind, severity string, org int64) error {
	_, err := tx.ExecContext(ctx, `insert into incident_report (id, state, source, kind, reporter, owner_org, confirmed, person_id, title, text, affected,
		happened, name, email, phone, call_back, language, marking, severity, class, regime, stage, fields, exercise, said_at, received_at, received_by,
		closed_at, closed_by, resolution, reason, external, version) select $1, $2, $3, $4, reporter, $5, confirmed, person_id, title, text, affected,
		happened, name, email, phone, call_back, language, marking, $6, class, regime, stage, fields, exercise, said_at, received_at, received_by,
		closed_at, closed_by, resolution, reason, external, version from incident_report where id = $7`, id, state, source, kind, org, severity, from)
	return err
}

func TestAListOfManyReportsIsQuickWithAnyFilter(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a large table")
	}
	each(t, func(t *testing.T, r *room) {
		first := r.report(r.officer, incident.NewReport{Text: strings.Repeat("what happened ", 20)})
		sources, kinds, severities, states := incident.ReportSources(), incident.ReportKinds(), incident.Severities(), incident.ReportStates()
		for part := range 3 { // at 20 parts, 100,000 reports, no filter takes 50 ms
			r.must(r.acts.Step(t.Context(), "incident.fill", func(ctx context.Context, tx *act.Tx) error {
				for n := part*5000 + 1; n <= (part+1)*5000; n++ {
					if err := copyReport(ctx, tx, first.ID, first.ID+int64(n), string(sources[n%6]), string(states[n%4]), string(kinds[n%3]), string(severities[n%4]), int64(n%7)); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		slow := time.Duration(0)
		for _, f := range []incident.ReportFilter{
			{}, {All: true}, {State: incident.ReportRejected}, {Source: incident.ByXARF}, {All: true, Severity: incident.Low, Kind: incident.OfThreat},
			{All: true, Owner: 5, Source: incident.ByPhone}, {All: true, Class: "ddos"}, {State: incident.ReportResolved, Class: "ddos"}, {All: true, Owner: 12345},
		} {
			began := clock.System{}.Now()
			_, err := r.Reports(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), f)
			r.must(err)
			took := clock.System{}.Now().Sub(began)
			t.Logf("%+v: %s", f, took)
			slow = max(slow, took)
		}
		if slow > 500*time.Millisecond { // the bench table has the limit; this catches a lost index
			t.Errorf("the slowest list took %s", slow)
		}
	})
}

func TestAReportIsFoundByItsWords(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		p, err := r.TakeReport(t.Context(), r.officer, incident.NewReport{Source: incident.ByPhone, Text: "The façade of the town hall shows a page that is not theirs"})
		r.must(err)
		for q, want := range map[string]int{"facade": 1, r.ReportNo(p.ID): 1, "nothing of the kind": 0} {
			f, err := r.Search(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), q, 0, 10)
			r.must(err)
			if len(f.Hits) != want || want == 1 && f.Hits[0].Report.ID != p.ID {
				t.Errorf("%q finds %+v, want %d report", q, f.Hits, want)
			}
		}
		if f, err := r.Search(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), "facade", 0, 10); err != nil || len(f.Hits) != 0 {
			t.Errorf("water finds %+v (%v)", f.Hits, err)
		}
	})
}
