package incident_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// stays are the tables that name an entry and an incident of their own, which is not the
// entry's when that is moved, and why.
func stays() map[string]string {
	return map[string]string{
		"incident_anchor":       "clocks are of the incident in which they run",
		"incident_significance": "a judgement is of an incident as a whole",
		"incident_filing":       "a document is of a clock",
		"incident_news":         "what was told was told of the incident in which it stood",
		"incident_post":         "a mail came in to the incident that it named",
		"incident_sitrep":       "a report is of an incident as a whole",
	}
}

// tablesOf lists the tables of the room that have a column.
func (r *room) tablesOf(column string) []string {
	r.t.Helper()
	query := `select m.name from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and m.name like 'incident%' and c.name = $1 order by 1`
	if r.acts.Engine() == sqldb.Postgres {
		query = `select table_name from information_schema.columns where table_schema = 'public' and table_name like 'incident%' and column_name = $1 order by 1`
	}
	names, err := sqldb.All(r.t.Context(), r.acts.Reader(), sqldb.Text, query, column)
	r.must(err)
	return names
}

// count counts the rows that a query finds of an entry and an incident.
func (r *room) count(query string, args ...any) int64 {
	r.t.Helper()
	n, _, err := sqldb.One(r.t.Context(), r.acts.Reader(), sqldb.Int64, `select count(*) from `+query, args...)
	r.must(err)
	return n
}

// removes ends that an organisation takes part.
func (r *room) removes(i incident.Incident, org int64) {
	r.t.Helper()
	ps, err := r.Participants(r.t.Context(), r.acts.Reader(), i.ID, false)
	r.must(err)
	for _, p := range ps {
		if p.Org == org {
			r.must(r.RemoveParticipant(r.t.Context(), r.officer, i.ID, p.ID, "not theirs after all"))
		}
	}
}

func (r *room) splits(i incident.Incident, entries ...int64) incident.Incident {
	r.t.Helper()
	to, err := r.Split(r.t.Context(), r.officer, i.ID, entries, "Another matter", "two things")
	r.must(err)
	return to
}

// asks asks water about an entry for the court, and returns the question.
func (r *room) asks(i incident.Incident, e incident.Entry, court int64) incident.AskedConsent {
	r.t.Helper()
	r.must(r.AskConsent(r.t.Context(), r.officer, i.ID, []int64{e.ID}, court))
	asked, err := r.AskedOf(r.t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant))
	r.must(err)
	if len(asked) == 0 || asked[0].Entry != e.ID {
		r.t.Fatalf("water is asked %v, want about entry %d", asked, e.ID)
	}
	return asked[0]
}

func (r *room) packs(i incident.Incident, e incident.Entry, court int64) error {
	_, err := r.MakeBenchPackage(r.t.Context(), r.officer, incident.NewPackage{Incident: i.ID, Org: court, Entries: []int64{e.ID}})
	return err
}

func TestWhatHangsOnAnEntryFollowsItWhenItIsMovedAndBack(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		court := r.org("Court", "court")
		to := guard.Circle{Orgs: []int64{r.water.ID}}
		seen, err := r.AddEntry(ctx, r.plant, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Amber, Text: "a log", Observables: []incident.NewObservable{{Value: "192.0.2.7"}}})
		r.must(err)
		r.asks(i, seen, court.ID)
		need, err := r.AskResource(ctx, r.officer, i.ID, incident.NewEntry{Marking: tlp.Amber, Text: "two pumps", To: to})
		r.must(err)
		linked, err := r.LinkReport(ctx, r.officer, r.report(r.plant, incident.NewReport{Source: incident.ByPortal, Text: "it stopped"}).ID, i.ID)
		r.must(err)
		s, err := r.AddService(ctx, r.plant, i.ID, incident.NewService{Name: "Drinking water", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
		r.must(err)
		r.must(r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Restored, Version: s.Version}))
		q := r.question(i, tlp.AmberStrict, 0)
		for range 6 {
			r.remindAfter(i, 2*time.Hour) // until somebody is to be called
		}
		moved := []int64{seen.ID, need.ID, linked.ID, s.Entry, q.ID}

		var follow []string
		for _, table := range r.tablesOf("incident_id") {
			for _, column := range []string{"entry_id", "question_id"} {
				if !slices.Contains(r.tablesOf(column), table) || stays()[table] != "" {
					continue
				}
				follow = append(follow, table+" where "+column)
			}
		}
		all := func(of incident.Incident, what string) {
			for _, one := range follow {
				there := int64(0)
				for _, e := range moved {
					there += r.count(one+" = $1 and incident_id = $2", e, of.ID)
					if n := r.count(one+" = $1 and incident_id <> $2", e, of.ID); n > 0 {
						t.Errorf("%s: %d rows of %s stayed behind; a table that names an entry and its incident is in hangs, or in stays with a reason", what, n, one)
					}
				}
				if there == 0 {
					t.Errorf("%s: %s is not tried here", what, one)
				}
			}
		}
		all(i, "before")
		c := r.splits(i, moved...)
		all(c, "split")
		r.removes(i, r.water.ID) // it takes part in what was split off alone, where all of its service is
		services, err := r.Services(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), c.ID)
		r.must(err)
		if len(services) != 1 || services[0].State != incident.Restored {
			t.Errorf("water sees the services %+v, want its own as it fares", services)
		}
		r.must(r.Unsplit(ctx, r.officer, c.ID, "one thing"))
		all(i, "back")
	})
}

func TestHowAServiceFaresDoesNotGoWithoutIt(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		s, err := r.AddService(ctx, r.plant, i.ID, incident.NewService{Name: "Drinking water", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
		r.must(err)
		r.must(r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Restored, Version: s.Version}))
		steps, err := r.Steps(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		_, err = r.Split(ctx, r.officer, i.ID, []int64{steps[1].Entry}, "x", "y")
		r.refused(err, fault.Invalid, "incident.split.service")
	})
}

func TestConsentIsTakenBackByAnOwnerWhoTakesPartNoMore(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i, court := t.Context(), r.open(), r.org("Court", "court")
		e := r.write(r.plant, i, tlp.AmberStrict, "what water saw")
		other := r.write(r.plant, i, tlp.AmberStrict, "what else water saw")
		c, d := r.asks(i, e, court.ID), r.asks(i, other, court.ID)
		r.must(r.AnswerConsent(ctx, r.plant, c.ID, true))
		r.must(r.AnswerConsent(ctx, r.plant, d.ID, true))
		r.must(r.packs(i, e, court.ID))
		r.removes(i, r.water.ID)
		moved := r.splits(i, e.ID) // into an incident in which water never took part
		asked, err := r.AskedOf(ctx, r.acts.Reader(), incident.ViewerOf(r.plant))
		r.must(err)
		if len(asked) != 2 || asked[0].Incident != i.ID || asked[1].Incident != 0 || asked[1].Words.Text != "what water saw" {
			t.Fatalf("water is shown %+v, want both consents, and no incident of which it never knew", asked)
		}
		r.refused(r.AnswerConsent(ctx, r.grid, c.ID, false), fault.NotFound, "")
		r.must(r.AnswerConsent(ctx, r.plant, c.ID, false))
		r.refused(r.packs(moved, e, court.ID), fault.Invalid, "incident.package.no_basis")

		// And the desk notes what the owner says on the phone, though consent was given in the portal.
		word := incident.Consent{Entry: other.ID, To: court.ID, Strength: "phone", SaidBy: "Plant", Phone: "+34 900 000 000"}
		r.must(r.RecordConsent(ctx, r.officer, word, false))
		r.refused(r.packs(i, other, court.ID), fault.Invalid, "incident.package.no_basis")
		all, err := r.Consents(ctx, r.acts.Reader(), i.ID)
		r.must(err)
		if len(all) != 1 || all[0].State != "withdrawn" || all[0].SaidBy != "Plant" || all[0].Strength != "phone" {
			t.Errorf("got consents %+v, want who took it back, and how", all)
		}
		// What was said before that is no newer yes; and each is noted where its words are.
		word.SaidAt = r.clock.Now().Add(-time.Hour)
		r.refused(r.RecordConsent(ctx, r.officer, word, true), fault.Invalid, "incident.consent.older")
		word.SaidAt, word.Incident = time.Time{}, moved.ID
		r.refused(r.RecordConsent(ctx, r.officer, word, true), fault.Invalid, "incident.crossing.entry_none")
		word.Incident = i.ID
		r.must(r.RecordConsent(ctx, r.officer, word, true))
		word.Incident = 0

		// A no of the portal is not overruled on the phone.
		word.Entry = e.ID
		r.refused(r.RecordConsent(ctx, r.officer, word, true), fault.Conflict, "incident.consent.stronger")
	})
}

func TestConsentToWhatIsForNamedPersonsIsTheirs(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i, court := t.Context(), r.open(), r.org("Court", "court")
		r.removes(i, r.water.ID)
		colleague := r.person(r.power.ID, "Colleague", guard.RoleContact)
		_, err := r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: r.power.ID, Person: incident.ViewerOf(r.grid).Person, Role: "affected"})
		r.must(err)
		e := r.write(r.grid, i, tlp.AmberStrict, "what power saw")
		r.must(r.AskConsent(ctx, r.officer, i.ID, []int64{e.ID}, court.ID))
		r.removes(i, r.power.ID)
		for who, want := range map[string]int{r.grid.ID: 1, colleague.ID: 0} {
			a := r.grid
			if who == colleague.ID {
				a = colleague
			}
			got, err := r.AskedOf(ctx, r.acts.Reader(), incident.ViewerOf(a))
			r.must(err)
			if len(got) != want {
				t.Errorf("%s is asked %v, want %d", who, got, want)
			}
		}
	})
}

func TestAPackageIsNotRecordedWhenConsentWentMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i, court := t.Context(), r.open(), r.org("Court", "court")
		e := r.write(r.plant, i, tlp.AmberStrict, "what water saw")
		c := r.asks(i, e, court.ID)
		r.must(r.AnswerConsent(ctx, r.plant, c.ID, true))
		order, err := r.RecordMandate(ctx, r.officer, incident.Mandate{
			Incident: i.ID, Kind: "order", Reference: "12/2026", Issuer: "Court", Scope: "all", IssuedAt: r.clock.Now(), ExpiresAt: r.clock.Now().Add(time.Hour),
		})
		r.must(err)
		signer, meanwhile := r.Signer, func() {}
		r.Signer = func() note.Signer { meanwhile(); return signer() } // a package is signed before it is recorded
		meanwhile = func() { r.must(r.AnswerConsent(ctx, r.plant, c.ID, false)) }
		r.refused(r.packs(i, e, court.ID), fault.Invalid, "incident.package.no_basis")
		meanwhile = func() { r.clock.Advance(2 * time.Hour) }
		_, err = r.MakeBenchPackage(ctx, r.officer, incident.NewPackage{Incident: i.ID, Org: court.ID, Entries: []int64{e.ID}, Mandate: order.ID})
		r.refused(err, fault.Invalid, "incident.mandate.expired")
		if made, err := r.Packages(ctx, r.acts.Reader(), i.ID); err != nil || len(made) != 0 {
			t.Errorf("got packages %v (%v), want none", made, err)
		}
	})
}

func TestTheEntryOfAReportFollowsItsReporter(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i, court := t.Context(), r.open(), r.org("Court", "court")
		_, err := r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: r.power.ID, Role: "affected"})
		r.must(err)
		p := r.report(r.officer, incident.NewReport{Text: "the relay is open", Owner: r.water.ID})
		head := incident.NewReport{Title: "A relay", Owner: r.water.ID, Marking: tlp.AmberStrict}
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "+34 900", 0))
		e, err := r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		r.must(r.MarkSeen(ctx, incident.ViewerOf(r.plant), []int64{e.ID}))
		c := r.asks(i, e, court.ID)
		r.must(r.AnswerConsent(ctx, r.plant, c.ID, true))
		r.must(r.Share(ctx, r.plant, e.ID, e.Version, tlp.Green, guard.Circle{Orgs: []int64{r.police.ID}}, "they should know"))
		r.must(r.EditEntry(ctx, r.plant, e.ID, e.Version+1, "water's own words"))
		r.clock.Advance(time.Minute)

		head.Owner = r.power.ID
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "+34 901", 0))
		if r.seesReport(r.plant, p.ID) || len(r.sees(r.plant, i)) != 0 || len(r.sees(r.inspector, i)) != 0 {
			t.Errorf("water reads %q and police %q of what was power's to say", r.sees(r.plant, i), r.sees(r.inspector, i))
		}
		now, err := r.Entry(ctx, r.acts.Reader(), incident.ViewerOf(r.grid), e.ID)
		r.must(err)
		if now.Owner != r.power.ID || now.Marking != tlp.AmberStrict || now.Text == "water's own words" {
			t.Errorf("got %+v, want the report as power's own", now)
		}
		seen, err := r.SeenBy(ctx, r.acts.Reader(), incident.ViewerOf(r.grid), e.ID)
		r.must(err)
		desk, err := r.SeenBy(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), e.ID)
		r.must(err)
		if len(seen) != 0 || len(desk) != 1 {
			t.Errorf("power learns that %v had seen it, the desk %v; want the desk alone to know", seen, desk)
		}
		// Water's consent is nothing any more; power is asked anew.
		r.refused(r.packs(i, now, court.ID), fault.Invalid, "incident.package.no_basis")
		if left, err := r.AskedOf(ctx, r.acts.Reader(), incident.ViewerOf(r.plant)); err != nil || len(left) != 0 {
			t.Errorf("water is still asked %v (%v)", left, err)
		}
		r.refused(r.AnswerConsent(ctx, r.plant, c.ID, true), fault.NotFound, "")
		r.must(r.AskConsent(ctx, r.officer, i.ID, []int64{e.ID}, court.ID))
		asked, err := r.AskedOf(ctx, r.acts.Reader(), incident.ViewerOf(r.grid))
		r.must(err)
		if len(asked) != 1 {
			t.Fatalf("power is asked %v, want about its line", asked)
		}
		r.must(r.AnswerConsent(ctx, r.grid, asked[0].ID, true))
		r.must(r.packs(i, now, court.ID))

		// Nobody is sure any more: it is the desk's.
		head.Owner = 0
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, false, "", 0))
		if d := cmp.Diff([]string(nil), r.sees(r.grid, i)); d != "" || len(r.sees(r.officer, i)) != 1 {
			t.Errorf("power reads what nobody is sure of (-want +got):\n%s", d)
		}
	})
}

func TestADocumentByAReportFollowsItsReporter(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.must(r.LoadRegimes(ctx, nil))
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		n := early(r.clock.Now().Add(-time.Hour))
		n.Source, n.Owner = incident.ByPhone, r.water.ID
		p := r.report(r.officer, n)
		head := incident.NewReport{Title: "A relay", Owner: r.water.ID, Marking: tlp.AmberStrict}
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "", 0))
		_, err := r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		state := func(want incident.ClockState, what string) {
			if c := r.stage(r.officer, i, "nis2", "early-warning"); c.State != want {
				t.Errorf("%s: water's clock is %s, want %s", what, c.State, want)
			}
		}
		state(incident.ClockMet, "reported")
		head.Owner = r.power.ID
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "", 0))
		state(incident.ClockRunning, "it was power who reported")
		head.Owner = r.water.ID
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "", 0))
		state(incident.ClockMet, "it was water after all")
		// The clock stays where it runs when the report goes elsewhere, and is still its own.
		es, err := r.Story(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		at := slices.IndexFunc(es, func(e incident.Entry) bool { return e.Source == incident.FromReport })
		c := r.splits(i, es[at].ID)
		state(incident.ClockMet, "split off")
		r.must(r.UnlinkReport(ctx, r.officer, p.ID, c.ID, "the wrong one"))
		state(incident.ClockRunning, "taken out")
	})
}

func TestASplitIsUndoneExactlyOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		one, two := r.write(r.officer, i, tlp.Green, "one", r.water.ID), r.write(r.officer, i, tlp.Green, "two", r.water.ID)
		r.write(r.officer, i, tlp.Green, "stays", r.water.ID)
		first := r.splits(i, one.ID, two.ID)
		second := r.splits(first, two.ID)
		three := r.write(r.officer, first, tlp.Green, "three", r.water.ID) // as many as were moved
		undo := func(of incident.Incident) error { return r.Unsplit(ctx, r.officer, of.ID, "one thing") }
		r.refused(undo(first), fault.Conflict, "incident.split.further")
		r.must(undo(second))
		r.refused(undo(second), fault.Conflict, "incident.split.not_split")
		r.refused(undo(first), fault.Conflict, "incident.split.grown")
		third := r.splits(first, three.ID)
		r.must(undo(first))
		for _, c := range []struct {
			of   incident.Incident
			want []string
		}{{i, []string{"one", "two", "stays"}}, {first, nil}, {second, nil}, {third, []string{"three"}}} {
			if d := cmp.Diff(c.want, r.sees(r.plant, c.of)); d != "" {
				t.Errorf("%s (-want +got):\n%s", r.Number(c.of.ID), d)
			}
		}
		// What "third" came from is emptied and abandoned: it would be found by nobody there.
		r.refused(undo(third), fault.Conflict, "incident.split.origin_closed")
		r.must(r.Reopen(ctx, r.officer, first.ID, "for the third"))
		r.must(undo(third))

		again := r.splits(i, one.ID)
		r.must(r.Close(ctx, r.officer, again.ID, incident.Resolved, "done", again.Version))
		r.refused(undo(again), fault.Conflict, "incident.split.closed")
		r.must(r.Reopen(ctx, r.officer, again.ID, "not yet"))
		r.must(r.Merge(ctx, r.officer, again.ID, i.ID, "as one"))
		r.refused(undo(again), fault.Conflict, "incident.merge.twice")
		r.must(r.Unmerge(ctx, r.officer, again.ID, "as two"))
		r.removes(again, r.water.ID)
		r.refused(undo(again), fault.Conflict, "incident.split.removed")
		r.removes(i, r.water.ID)
		r.must(undo(again))
		plain := r.open()
		r.refused(undo(plain), fault.Conflict, "incident.split.not_split")
	})
}

func TestAReportThatWasJoinedAgainStandsInTheWayOfUndoing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		p := r.report(r.plant, incident.NewReport{Source: incident.ByPortal, Text: "it stopped"})
		e, err := r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		c := r.splits(i, e.ID)
		if rest, err := r.ReportsOfIncident(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), c.ID); err != nil || len(rest) != 1 {
			t.Errorf("got reports %v (%v), want the one whose entry went there", rest, err)
		}
		_, err = r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		r.refused(r.Unsplit(ctx, r.officer, c.ID, "one thing"), fault.Conflict, "incident.split.joined")
		r.must(r.UnlinkReport(ctx, r.officer, p.ID, i.ID, "once is enough"))
		added, err := r.AddParticipant(ctx, r.officer, c.ID, incident.NewParticipant{Org: r.org("Telecom", guard.KindOperator).ID, Role: "affected"})
		r.must(err)
		r.refused(r.Unsplit(ctx, r.officer, c.ID, "one thing"), fault.Conflict, "incident.split.grown")
		r.must(r.RemoveParticipant(ctx, r.officer, c.ID, added.ID, "not needed"))
		r.must(r.Unsplit(ctx, r.officer, c.ID, "one thing"))
		r.must(r.UnlinkReport(ctx, r.officer, p.ID, i.ID, "not at all"))
	})
}

func TestWhatIsOpenDoesNotBecomePartOfWhatIsClosed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, a, b := t.Context(), r.open(), r.open()
		r.must(r.Close(ctx, r.officer, b.ID, incident.Resolved, "done", b.Version))
		r.refused(r.Merge(ctx, r.officer, a.ID, b.ID, "the same"), fault.Conflict, "incident.merge.closed")
		r.must(r.Merge(ctx, r.officer, b.ID, a.ID, "the same")) // its history goes to what is open
		r.must(r.Unmerge(ctx, r.officer, b.ID, "not the same"))
		r.must(r.Reopen(ctx, r.officer, b.ID, "it goes on"))
		r.must(r.Merge(ctx, r.officer, a.ID, b.ID, "the same"))

		// Nor does it become so when the whole is closed; with it its parts go on.
		state := func(id int64) incident.State {
			now, err := r.Incident(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), id)
			r.must(err)
			return now.State
		}
		now, err := r.Incident(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), b.ID)
		r.must(err)
		r.must(r.Close(ctx, r.officer, b.ID, incident.Resolved, "done", now.Version))
		if got := state(a.ID); got != incident.Resolved {
			t.Errorf("a part of what is closed is %s", got)
		}
		r.must(r.Reopen(ctx, r.officer, b.ID, "it goes on"))
		if got := state(a.ID); got != incident.Open {
			t.Errorf("a part of what was reopened is %s", got)
		}
	})
}

func TestWhoApprovesACrossingSeesEveryLine(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		line := r.write(r.officer, i, tlp.Amber, "he named a time")
		red, err := r.AddEntry(ctx, r.officer, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Red, Text: "his name"})
		r.must(err)
		cross := func(entries ...int64) incident.Crossing {
			c, err := r.CrossForDanger(ctx, r.officer, i.ID, incident.NewCrossing{Org: r.police.ID, Entries: entries, Ground: "eu-led-10b", Why: "a life"})
			r.must(err)
			return c
		}
		c := cross(line.ID, red.ID)
		r.refused(r.ReviewCrossing(ctx, r.other, c.ID, incident.Approved, "fine"), fault.Denied, "incident.crossing.unseen")
		r.must(r.ReviewCrossing(ctx, r.other, c.ID, incident.Objected, "I cannot see it all")) // to recall is never too much
		c = cross(line.ID, red.ID)
		r.must(r.Share(ctx, r.officer, red.ID, red.Version, tlp.Red, guard.Circle{Persons: []int64{incident.ViewerOf(r.other).Person}}, "he reviews it"))
		r.must(r.ReviewCrossing(ctx, r.other, c.ID, incident.Approved, "it was right"))
	})
}

func TestAnOwnerIsAskedAboutThePartInWhichItsWordsAre(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, part, whole, court := t.Context(), r.open(), r.open(), r.org("Court", "court")
		r.removes(whole, r.water.ID)
		e := r.write(r.plant, part, tlp.AmberStrict, "what water saw")
		r.must(r.Merge(ctx, r.officer, part.ID, whole.ID, "the same"))
		if c := r.asks(whole, e, court.ID); c.Incident != part.ID {
			t.Errorf("water is asked about incident %d, want the part %d that it knows", c.Incident, part.ID)
		}
		for i, want := range map[int64]int{part.ID: 1, whole.ID: 1} {
			if all, err := r.Consents(ctx, r.acts.Reader(), i); err != nil || len(all) != want {
				t.Errorf("got %v (%v) of incident %d, want %d", all, err, i, want)
			}
		}
	})
}

func TestWhoTurnsOutToOwnALineThatCrossedIsToldOfIt(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		_, err := r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: r.power.ID, Role: "affected"})
		r.must(err)
		p := r.report(r.officer, incident.NewReport{Text: "a man at the relay", Owner: r.water.ID})
		head := incident.NewReport{Title: "A man", Owner: r.water.ID, Marking: tlp.AmberStrict}
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "", 0))
		e, err := r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		_, err = r.CrossForDanger(ctx, r.officer, i.ID, incident.NewCrossing{
			Org: r.police.ID, Entries: []int64{e.ID}, Ground: "eu-led-10b", Why: "a life", OwnersAfter: time.Hour, DelayReason: "he may be of the owner's",
		})
		r.must(err)
		head.Owner = r.power.ID
		r.must(r.ChangeReport(ctx, r.officer, p.ID, head, true, "", 0))
		r.clock.Advance(time.Hour)
		r.must(r.WatchCrossings(ctx))
		if len(r.sees(r.plant, i)) != 0 || len(r.sees(r.grid, i)) != 2 {
			t.Errorf("water reads %q, power %q; want power alone to have its line and to be told of it", r.sees(r.plant, i), r.sees(r.grid, i))
		}
	})
}
