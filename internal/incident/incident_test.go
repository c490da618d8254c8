package incident_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/act"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/observable"
	"almenara.example/tlp"
)

func TestEachSeesItsPart(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.write(r.officer, i, tlp.Amber, "for the desk")
		r.write(r.officer, i, tlp.Amber, "for water", r.water.ID)
		r.write(r.plant, i, tlp.AmberStrict, "what water tells the desk")
		r.write(r.officer, i, tlp.Green, "for both", r.water.ID, r.police.ID)
		named, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
			Kind: incident.Note, Marking: tlp.Red, Text: "for the inspector",
			To: guard.Circle{Persons: []int64{incident.ViewerOf(r.inspector).Person}},
		})
		r.must(err)
		for _, c := range []struct {
			name string
			got  []string
			want []string
		}{
			{"desk", r.sees(r.officer, i), []string{"for the desk", "for water", "what water tells the desk", "for both", "for the inspector"}},
			{"another of the desk", r.sees(r.other, i), []string{"for the desk", "for water", "what water tells the desk", "for both"}},
			{"water", r.sees(r.plant, i), []string{"for water", "what water tells the desk", "for both"}},
			{"police", r.sees(r.inspector, i), []string{"for both", "for the inspector"}},
			{"power", r.sees(r.grid, i), nil},
		} {
			if d := cmp.Diff(c.want, c.got); d != "" {
				t.Errorf("%s sees (-want +got):\n%s", c.name, d)
			}
		}
		_, err = r.Incident(t.Context(), r.acts.Reader(), incident.ViewerOf(r.grid), i.ID)
		r.refused(err, fault.NotFound, "incident.none")
		_, err = r.Entry(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), named.ID)
		r.refused(err, fault.NotFound, "incident.none")
	})
}

func TestAParticipantWhoIsRemovedSeesNothingAtOnce(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.write(r.officer, i, tlp.Green, "for both", r.water.ID, r.police.ID)
		ps, err := r.Participants(t.Context(), r.acts.Reader(), i.ID, false)
		r.must(err)
		for _, p := range ps {
			if p.Org == r.police.ID {
				r.must(r.RemoveParticipant(t.Context(), r.officer, i.ID, p.ID, "no crime after all"))
			}
		}
		if got := r.sees(r.inspector, i); got != nil {
			t.Errorf("police still sees %q", got)
		}
		_, err = r.AddEntry(t.Context(), r.inspector, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Green, Text: "late"})
		r.refused(err, fault.NotFound, "incident.none")
		_, err = r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Green, Text: "to them", To: guard.Circle{Orgs: []int64{r.police.ID}}})
		r.refused(err, fault.Invalid, "incident.audience.no_participant")
	})
}

func TestOnlyTheOwnerWidensAnEntry(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		e := r.write(r.plant, i, tlp.Amber, "our gateway was open")
		err := r.Share(t.Context(), r.officer, e.ID, e.Version, tlp.Green, guard.Circle{Orgs: []int64{r.police.ID}}, "they should know")
		r.refused(err, fault.Denied, "incident.entry.not_yours")
		r.must(r.Share(t.Context(), r.plant, e.ID, e.Version, tlp.Green, guard.Circle{Orgs: []int64{r.police.ID}}, "we want them to know"))
		if d := cmp.Diff([]string{"our gateway was open"}, r.sees(r.inspector, i)); d != "" {
			t.Errorf("police sees (-want +got):\n%s", d)
		}
		err = r.EditEntry(t.Context(), r.plant, e.ID, e.Version, "an edit of what was shared meanwhile")
		r.refused(err, fault.Conflict, "incident.changed_meanwhile")
	})
}

func TestRedIsForNamedPersonsOnly(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Red, Text: "x", To: guard.Circle{Orgs: []int64{r.police.ID}}})
		r.refused(err, fault.Invalid, "incident.audience.red_orgs")
		_, err = r.OpenNew(t.Context(), r.officer, incident.Incident{Title: "x", Severity: incident.Low, Marking: tlp.Red})
		r.refused(err, fault.Invalid, "incident.marking.head_red")
	})
}

func TestWhatAnEntrySaidBeforeIsKept(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		e := r.write(r.officer, i, tlp.Green, "first", r.water.ID)
		r.must(r.EditEntry(t.Context(), r.officer, e.ID, 1, "second"))
		r.must(r.Retract(t.Context(), r.officer, e.ID, 2, "it was wrong"))
		hs, err := r.History(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), e.ID)
		r.must(err)
		var got []string
		for _, h := range hs {
			got = append(got, h.Text)
		}
		if d := cmp.Diff([]string{"first", "second"}, got); d != "" {
			t.Errorf("history (-want +got):\n%s", d)
		}
		r.refused(r.EditEntry(t.Context(), r.officer, e.ID, 3, "third"), fault.Conflict, "incident.entry.retracted")
	})
}

func TestAQuestionIsAnsweredByWhoeverIsAsked(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		q, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
			Kind: incident.Question, Marking: tlp.Amber, Text: "Is the pump under your control?", To: guard.Circle{Orgs: []int64{r.water.ID}},
			Task: &incident.NewTask{Org: r.water.ID, Due: r.clock.Now().Add(time.Hour)},
		})
		r.must(err)
		_, err = r.AnswerQuestion(t.Context(), r.inspector, q.ID, incident.NewEntry{Marking: tlp.Amber, Text: "yes"})
		r.refused(err, fault.NotFound, "incident.none")
		a, err := r.AnswerQuestion(t.Context(), r.plant, q.ID, incident.NewEntry{Marking: tlp.Amber, Text: "By hand, yes"})
		r.must(err)
		task, err := r.Task(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), q.ID)
		r.must(err)
		if task.State != incident.Answered || task.Answer != a.ID {
			t.Errorf("got state %s by entry %d, want answered by %d", task.State, task.Answer, a.ID)
		}
		_, err = r.AnswerQuestion(t.Context(), r.plant, q.ID, incident.NewEntry{Marking: tlp.Amber, Text: "again"})
		r.refused(err, fault.Conflict, "incident.question.closed")
	})
}

func TestWhatCannotBeSeenIsNoTitleAndNoWord(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx, due := r.open(), t.Context(), r.clock.Now().Add(time.Hour)
		for _, s := range []string{"", " ", "\u200b\u200d", "\u2060", "\u00ad", "\u3164", "\u202e\u2066"} {
			_, err := r.OpenNew(ctx, r.officer, incident.Incident{Title: s, Severity: incident.High, Marking: tlp.Amber})
			r.refused(err, fault.Invalid, "incident.text.empty")
			r.refused(r.ChangeHead(ctx, r.officer, i.ID, incident.Head{Title: s, Severity: incident.High, Marking: tlp.Amber, Version: i.Version}), fault.Invalid, "incident.text.empty")
			_, err = r.AddEntry(ctx, r.plant, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Amber, Text: s})
			r.refused(err, fault.Invalid, "incident.text.empty")
			_, err = r.AddEntry(ctx, r.officer, i.ID, incident.NewEntry{Kind: incident.TaskEntry, Marking: tlp.Amber, Text: s, To: guard.Circle{Orgs: []int64{r.water.ID}}, Task: &incident.NewTask{Org: r.water.ID, Due: due}})
			r.refused(err, fault.Invalid, "incident.text.empty")
			_, err = r.AddService(ctx, r.officer, i.ID, incident.NewService{Org: r.water.ID, Name: s, Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
			r.refused(err, fault.Invalid, "incident.text.empty")
			_, err = r.AddMilestone(ctx, r.officer, i.ID, incident.NewMilestone{Title: s, Due: due, Marking: tlp.Amber})
			r.refused(err, fault.Invalid, "incident.text.empty")
			_, err = r.TakeReport(ctx, r.officer, incident.NewReport{Source: incident.ByPhone, Title: s, Text: s})
			r.refused(err, fault.Invalid, "")
			r.refused(r.Close(ctx, r.officer, i.ID, incident.Resolved, s, i.Version), fault.Invalid, "incident.text.empty")
			p, err := r.TakeReport(ctx, r.officer, incident.NewReport{Source: incident.ByPhone, Title: s, Text: "The pump stands"})
			if r.must(err); p.Title != "The pump stands" {
				t.Errorf("got a report called %q, want its first words", p.Title)
			}
		}
	})
}

func TestATaskWaitsForWhatComesBefore(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		task := func(text string, depends ...int64) incident.Entry {
			e, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
				Kind: incident.TaskEntry, Marking: tlp.Amber, Text: text, To: guard.Circle{Orgs: []int64{r.water.ID}},
				Task: &incident.NewTask{Org: r.water.ID, Depends: depends},
			})
			r.must(err)
			return e
		}
		first := task("Cut the remote access")
		second := task("Change the passwords", first.ID)
		r.refused(r.SetTask(t.Context(), r.plant, second.ID, incident.Done, "", 1), fault.Conflict, "incident.task.waits")
		r.must(r.SetTask(t.Context(), r.plant, first.ID, incident.Done, "unplugged", 1))
		r.must(r.SetTask(t.Context(), r.plant, second.ID, incident.Done, "", 1))
		r.refused(r.SetTask(t.Context(), r.inspector, second.ID, incident.Todo, "", 2), fault.NotFound, "")
	})
}

func TestATimeWithAWrongYearIsRefused(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, now := r.open(), r.clock.Now()
		said := func(at time.Time) error {
			_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Amber, Text: "a", At: at})
			return err
		}
		due := func(at time.Time) error {
			_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{Kind: incident.TaskEntry, Marking: tlp.Amber, Text: "a", Task: &incident.NewTask{Due: at}})
			return err
		}
		r.must(said(now.AddDate(-19, 0, 0)))
		r.refused(said(now.AddDate(-2000, 0, 0)), fault.Invalid, "incident.entry.invalid")
		r.must(due(now.AddDate(0, 0, -1))) // what was owed and is written down late
		r.refused(due(now.AddDate(-2, 0, 0)), fault.Invalid, "incident.entry.invalid")
		r.refused(due(now.AddDate(7000, 0, 0)), fault.Invalid, "incident.entry.invalid")
	})
}

func TestMergingAndSplittingAreReversible(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		a, b := r.open(), r.open()
		r.write(r.officer, a, tlp.Green, "in a", r.water.ID)
		inB := r.write(r.officer, b, tlp.Green, "in b", r.water.ID)
		r.must(r.Merge(t.Context(), r.officer, b.ID, a.ID, "the same gateway"))
		if d := cmp.Diff([]string{"in a", "in b"}, r.sees(r.plant, a)); d != "" {
			t.Errorf("merged (-want +got):\n%s", d)
		}
		r.refused(r.Merge(t.Context(), r.officer, a.ID, b.ID, "and back"), fault.Conflict, "incident.merge.twice")
		r.must(r.Unmerge(t.Context(), r.officer, b.ID, "another one after all"))
		if d := cmp.Diff([]string{"in a"}, r.sees(r.plant, a)); d != "" {
			t.Errorf("taken apart (-want +got):\n%s", d)
		}
		c, err := r.Split(t.Context(), r.officer, b.ID, []int64{inB.ID}, "Another matter", "two things")
		r.must(err)
		if d := cmp.Diff([]string{"in b"}, r.sees(r.plant, c)); d != "" {
			t.Errorf("split (-want +got):\n%s", d)
		}
		if got := r.sees(r.inspector, c); got != nil {
			t.Errorf("police sees %q of what was split off without it", got)
		}
		r.must(r.Unsplit(t.Context(), r.officer, c.ID, "one thing"))
		if d := cmp.Diff([]string{"in b"}, r.sees(r.plant, b)); d != "" {
			t.Errorf("brought back (-want +got):\n%s", d)
		}
	})
}

func TestObservablesLinkOnlyAsFarAsTheReaderMaySee(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		a, b := r.open(), r.open()
		see := func(i incident.Incident, value string, orgs ...int64) {
			_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
				Kind: incident.Observable, Marking: tlp.Green, To: guard.Circle{Orgs: orgs},
				Observables: []incident.NewObservable{{Value: value}},
			})
			r.must(err)
		}
		see(a, "hxxps://login.op[.]example/a", r.water.ID)
		see(b, "https://LOGIN.op.example/a")
		got, err := r.Observables(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), a.ID)
		r.must(err)
		if len(got) != 1 || got[0].Kind != observable.URL {
			t.Fatalf("got %+v, want one URL", got)
		}
		for who, want := range map[*incident.Viewer]int{
			ptr(incident.ViewerOf(r.officer)): 1, ptr(incident.ViewerOf(r.plant)): 0,
		} {
			links, err := r.Links(t.Context(), r.acts.Reader(), *who, got[0].Key, a.ID, 10)
			r.must(err)
			if len(links) != want {
				t.Errorf("organisation %d finds %d links, want %d", who.Org, len(links), want)
			}
		}
		_, err = r.AddEntry(t.Context(), r.officer, a.ID, incident.NewEntry{
			Kind: incident.Observable, Marking: tlp.Green, Observables: []incident.NewObservable{{Kind: observable.IBAN, Value: "GB82 WEST 1234 5698 7654 33"}},
		})
		r.refused(err, fault.Invalid, "incident.observable.wrong")
	})
}

func ptr[T any](v T) *T { return &v }

func TestTheLeadIsOfferedAndAccepted(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.refused(r.OfferLead(t.Context(), r.officer, i.ID, r.power.ID), fault.Invalid, "incident.lead.no_participant")
		r.must(r.OfferLead(t.Context(), r.officer, i.ID, r.police.ID))
		r.refused(r.AnswerLead(t.Context(), r.plant, i.ID, true), fault.Conflict, "incident.lead.not_offered")
		r.must(r.AnswerLead(t.Context(), r.inspector, i.ID, true))
		got, err := r.Incident(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		if got.Lead != r.police.ID {
			t.Errorf("lead is %d, want %d", got.Lead, r.police.ID)
		}
	})
}

func TestAFileIsKeptByItsBytesAndShownToItsAudience(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		_, err := r.AddEntry(t.Context(), r.plant, i.ID, incident.NewEntry{
			Kind: incident.FileEntry, Marking: tlp.Amber, Files: []incident.NewFile{{Name: "C:\\logs\\\u202eplant\u2069.exe", Body: []byte("<html><script>1</script>")}},
		})
		r.must(err)
		fs, err := r.Files(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		if len(fs) != 1 || fs[0].Name != "plant.exe" {
			t.Fatalf("got %+v, want plant.exe", fs)
		}
		_, body, err := r.File(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), fs[0].ID)
		r.must(err)
		if string(body) != "<html><script>1</script>" {
			t.Errorf("got %q", body)
		}
		_, _, err = r.File(t.Context(), r.acts.Reader(), incident.ViewerOf(r.inspector), fs[0].ID)
		r.refused(err, fault.NotFound, "")
	})
}

func TestWhoHasSeenAnEntryIsForItsOwnerAndTheDesk(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		e := r.write(r.officer, i, tlp.Green, "for both", r.water.ID, r.police.ID)
		r.must(r.MarkSeen(t.Context(), incident.ViewerOf(r.plant), []int64{e.ID}))
		r.must(r.MarkSeen(t.Context(), incident.ViewerOf(r.plant), []int64{e.ID}))
		got, err := r.SeenBy(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), e.ID)
		r.must(err)
		if len(got) != 1 || got[0].Org != r.water.ID {
			t.Errorf("got %+v, want water once", got)
		}
		_, err = r.SeenBy(t.Context(), r.acts.Reader(), incident.ViewerOf(r.inspector), e.ID)
		r.refused(err, fault.NotFound, "")
	})
}

func TestASearchFindsWhatTheReaderMaySeeAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.write(r.officer, i, tlp.Green, "The Überdruck valve was opened at 03:00", r.water.ID)
		hidden := r.write(r.officer, i, tlp.Amber, "overdruck valve: only the desk knows")
		_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
			Kind: incident.Observable, Marking: tlp.Green, Text: "seen", Observables: []incident.NewObservable{{Value: "198.51.100.7"}}, To: guard.Circle{Orgs: []int64{r.police.ID}},
		})
		r.must(err)
		find := func(who act.Actor, q string) (out []string) {
			f, err := r.Search(t.Context(), r.acts.Reader(), incident.ViewerOf(who), q, 0, 10)
			r.must(err)
			for _, h := range f.Hits {
				out = append(out, h.Why+" "+h.Entry.Text)
			}
			return out
		}
		for _, c := range []struct {
			name string
			who  act.Actor
			q    string
			want []string
		}{
			{"marks and case do not matter", r.plant, "uberDRUCK", []string{"text The Überdruck valve was opened at 03:00"}},
			{"all words, by their beginnings", r.officer, "valv know", []string{"text overdruck valve: only the desk knows"}},
			{"what the reader may not see is not there", r.plant, "knows", nil},
			{"newest first", r.officer, "valve", []string{"text overdruck valve: only the desk knows", "text The Überdruck valve was opened at 03:00"}},
			{"an observable, defanged", r.inspector, "198[.]51[.]100[.]7", []string{"observable seen"}},
			{"an observable of others", r.plant, "198.51.100.7", nil},
			{"a number", r.plant, r.Number(i.ID), []string{"number "}},
			{"a number of others", r.grid, r.Number(i.ID), nil},
			{"a title", r.inspector, "water works", []string{"title "}},
			{"nobody's business", r.grid, "valve", nil},
			{"an organisation", r.officer, "Police", []string{"organisation "}},
			{"who takes part is the desk's to know", r.plant, "Police", nil},
			{"no words", r.officer, "*:& \"", nil},
		} {
			if d := cmp.Diff(c.want, find(c.who, c.q)); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, d)
			}
		}
		r.must(r.Retract(t.Context(), r.officer, hidden.ID, 1, "wrong"))
		if got := find(r.officer, "knows"); got != nil {
			t.Errorf("what was taken back is still found: %q", got)
		}
	})
}

func TestAClosedIncidentGoesOnOnlyWhenItIsReopened(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx, due := r.open(), t.Context(), r.clock.Now().Add(time.Hour)
		to := guard.Circle{Orgs: []int64{r.water.ID}}
		note := r.write(r.plant, i, tlp.Amber, "The pump stands")
		ask := incident.NewEntry{Kind: incident.Question, Marking: tlp.Amber, Text: "By hand?", To: to, Task: &incident.NewTask{Org: r.water.ID, Due: due}}
		q, err := r.AddEntry(ctx, r.officer, i.ID, ask)
		r.must(err)
		s := r.service(i, r.water.ID, "Water", incident.Down)
		m, err := r.AddMilestone(ctx, r.officer, i.ID, incident.NewMilestone{Title: "Water is back", Due: due, Marking: tlp.Amber})
		r.must(err)
		p, err := r.TakeReport(ctx, r.officer, incident.NewReport{Source: incident.ByPhone, Text: "Again"})
		r.must(err)
		version := func() int64 {
			now, err := r.Incident(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
			r.must(err)
			return now.Version
		}
		r.must(r.Close(ctx, r.officer, i.ID, incident.Resolved, "It runs", version()))
		for what, do := range map[string]func() error{
			"an entry": func() error {
				_, err := r.AddEntry(ctx, r.officer, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Amber, Text: "x"})
				return err
			},
			"theirs": func() error {
				_, err := r.AddEntry(ctx, r.plant, i.ID, incident.NewEntry{Kind: incident.Note, Marking: tlp.Amber, Text: "x"})
				return err
			},
			"a question": func() error { _, err := r.AddEntry(ctx, r.officer, i.ID, ask); return err },
			"the head": func() error {
				return r.ChangeHead(ctx, r.officer, i.ID, incident.Head{Title: "x", Severity: incident.Low, Marking: tlp.Amber, Version: version()})
			},
			"a participant": func() error {
				_, err := r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: r.power.ID, Role: "affected"})
				return err
			},
			"the lead": func() error { return r.OfferLead(ctx, r.officer, i.ID, r.water.ID) },
			"a service": func() error {
				_, err := r.AddService(ctx, r.officer, i.ID, incident.NewService{Org: r.water.ID, Name: "x", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
				return err
			},
			"its state": func() error {
				return r.SetService(ctx, r.officer, s.ID, incident.NewStep{State: incident.Restored, Version: s.Version})
			},
			"a milestone": func() error {
				_, err := r.AddMilestone(ctx, r.officer, i.ID, incident.NewMilestone{Title: "x", Due: due, Marking: tlp.Amber})
				return err
			},
			"its time": func() error { return r.MoveMilestone(ctx, r.officer, m.ID, due.Add(time.Hour), "later", 1) },
			"something": func() error {
				_, err := r.AskResource(ctx, r.officer, i.ID, incident.NewEntry{Marking: tlp.Amber, Text: "x", To: to})
				return err
			},
			"a split":  func() error { _, err := r.Split(ctx, r.officer, i.ID, []int64{note.ID}, "x", "x"); return err },
			"a report": func() error { _, err := r.LinkReport(ctx, r.officer, p.ID, i.ID); return err },
		} {
			if err := do(); fault.CodeOf(err) != fault.Conflict || !hasKey(err, "incident.state.closed") {
				t.Errorf("%s: got %v, want that it must be reopened", what, err)
			}
		}
		_, err = r.AnswerQuestion(ctx, r.plant, q.ID, incident.NewEntry{Marking: tlp.Amber, Text: "By hand, yes"})
		r.must(err)
		r.must(r.EditEntry(ctx, r.plant, note.ID, note.Version, "The pump stood"))
		r.must(r.Retract(ctx, r.plant, note.ID, note.Version+1, "wrong"))
		_, err = r.AddLesson(ctx, r.officer, i.ID, incident.Lesson{Text: "Close the port"})
		r.must(err)
		last, err := r.DraftSitrep(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID, "en")
		r.must(err)
		_, err = r.WriteSitrep(ctx, r.officer, last, 0)
		r.must(err)
		_, err = r.BeginDuty(ctx, r.officer, i.ID, incident.NewDuty{Org: r.water.ID, Regime: "nis2"})
		if hasKey(err, "incident.state.closed") {
			t.Errorf("a duty: got %v", err)
		}
		r.must(r.Reopen(ctx, r.officer, i.ID, "it is back"))
		r.write(r.officer, i, tlp.Amber, "again")
	})
}
