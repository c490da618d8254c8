package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/internal/warn"
	"almenara.example/regime"
	"almenara.example/tlp"
)

// contacts gives water contacts, in this order.
func (r *room) contacts(names ...string) (out []constituency.Contact) {
	r.t.Helper()
	for _, who := range names {
		c, err := r.Constituency.AddContact(r.t.Context(), r.officer, constituency.NewContact{Org: r.water.ID, Name: who, Email: who + "@water.example", Language: "fr", Role: "security"})
		r.must(err)
		out = append(out, c)
	}
	return out
}

// remindAfter winds the clock, reminds twice and says who is told by name by what was
// written: an entry a line.
func (r *room) remindAfter(i incident.Incident, d time.Duration) (out []string) {
	r.t.Helper()
	ctx := r.t.Context()
	story := func() []incident.Entry {
		es, err := r.Story(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		return es
	}
	before := len(story())
	r.clock.Advance(d)
	r.must(r.RemindDue(ctx))
	r.must(r.RemindDue(ctx)) // nothing twice
	for _, e := range story()[before:] {
		c, err := r.Guard.CircleOf(ctx, r.acts.Reader(), e.Audience)
		r.must(err)
		var names []string
		for _, id := range c.Persons {
			p, err := r.Guard.Person(ctx, r.acts.Reader(), id)
			r.must(err)
			names = append(names, p.Name)
		}
		out = append(out, strings.Join(names, " "))
	}
	return out
}

func (r *room) calls(who act.Actor) []incident.OwedCall {
	r.t.Helper()
	calls, err := r.Calls(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), true)
	r.must(err)
	return calls
}

func (r *room) steps(got []string, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("who is told by name (-want +got):\n%s", diff)
	}
}

func TestSilenceGoesFromContactToContactAndThenToTheDutyOfficer(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		cs := r.contacts("Anna", "Bert", "Cleo", "Dora")
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now()) // by 24 h
		r.steps(r.remindAfter(i, time.Hour))
		r.steps(r.remindAfter(i, 12*time.Hour), "") // half time: the organisation, by its first contact
		if got := r.sees(r.plant, i); len(got) != 1 || !strings.Contains(got[0], "Rappel : Alerte précoce") {
			t.Errorf("the plant reads %q, want a reminder in French", got)
		}
		r.must(r.Constituency.EndContact(ctx, r.officer, cs[1].ID, cs[1].Version)) // Bert
		r.steps(r.remindAfter(i, 6*time.Hour), "Cleo")
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls while somebody is left", n)
		}
		r.steps(r.remindAfter(i, 3*time.Hour), "Dora")
		r.steps(r.remindAfter(i, 3*time.Hour)) // nobody is left, and its time has come
		calls := r.calls(r.officer)
		if len(calls) != 1 || calls[0].Org != r.water.ID || !calls[0].Owed {
			t.Fatalf("got calls %+v, want one to water", calls)
		}
		r.refused(r.NoteCall(ctx, r.officer, calls[0].ID, 1, warn.CallTry{Outcome: "sang"}, false), fault.Invalid, "warn.call.outcome")
		r.refused(r.NoteCall(ctx, r.officer, calls[0].ID, 1, warn.CallTry{Outcome: "busy", At: r.clock.Now().Add(time.Hour)}, false), fault.Invalid, "warn.answer.future")
		at := r.clock.Now().Add(-10 * time.Minute)
		r.must(r.NoteCall(ctx, r.officer, calls[0].ID, 1, warn.CallTry{Outcome: "call-back", At: at}, false))
		if again := r.calls(r.officer); len(again) != 1 || again[0].Tries[0].Outcome != "call-back" || !again[0].Tries[0].At.Equal(at) {
			t.Errorf("got %+v, want it open with the true time of the call", again)
		}
		r.must(r.NoteCall(ctx, r.officer, calls[0].ID, 2, warn.CallTry{Outcome: "reached", Spoke: "Anna"}, false))
		if n, err := r.CallsOpen(ctx, r.acts.Reader(), incident.ViewerOf(r.officer)); err != nil || n != 0 {
			t.Errorf("%d calls are open, %v", n, err)
		}
		r.steps(r.remindAfter(i, 4*24*time.Hour)[:1], "") // of the next stage; this one is over
		counts, err := r.CountClocks(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), incident.ClockFilter{})
		r.must(err)
		if counts.Overdue == 0 || counts.Nearest == nil || counts.Nearest.Stage != "early-warning" {
			t.Errorf("got %+v, want the early warning overdue", counts)
		}
	})
}

func TestAtTheEndAllWhoAreLeftAreToldAndCalled(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.contacts("Anna", "Bert", "Cleo", "Dora")
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now())
		r.steps(r.remindAfter(i, 22*time.Hour), "") // what was missed is said once
		r.steps(r.remindAfter(i, 2*time.Hour), "Bert Cleo Dora")
		if n := len(r.calls(r.officer)); n != 1 {
			t.Errorf("%d calls at the end, want one", n)
		}
	})
}

func TestWhoAnswersIsNotSilentUntilTheNextStep(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.contacts("Anna", "Bert")
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now())
		r.steps(r.remindAfter(i, 12*time.Hour), "")
		r.clock.Advance(time.Hour)
		r.write(r.plant, i, tlp.Amber, "we are at it")
		r.steps(r.remindAfter(i, 5*time.Hour), "") // it spoke: no next contact
		r.steps(r.remindAfter(i, 4*time.Hour), "Bert")
		r.clock.Advance(time.Minute)
		r.write(r.plant, i, tlp.Amber, "soon")
		r.steps(r.remindAfter(i, 2*time.Hour), "") // late, and it spoke
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls to who speaks", n)
		}
		r.steps(r.remindAfter(i, 7*time.Hour)) // a quarter of the time later it has not spoken again
		if n := len(r.calls(r.officer)); n != 1 {
			t.Errorf("%d calls after the end and silence, want one", n)
		}
		// What was done after all is not called about.
		c := r.stage(r.officer, i, "nis2", "early-warning")
		_, err := r.MeetClock(t.Context(), r.officer, c.ID, r.clock.Now(), 0, "", 0)
		r.must(err)
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls about what is done", n)
		}
	})
}

func TestAClockThatMovesIsRemindedOfAnew(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.contacts("Anna", "Bert")
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now())
		r.steps(r.remindAfter(i, 12*time.Hour), "")
		r.steps(r.remindAfter(i, 6*time.Hour), "Bert")
		c := r.stage(r.officer, i, "nis2", "early-warning")
		r.must(r.AmendClock(t.Context(), r.officer, c.ID, c.Version, r.clock.Now().Add(40*time.Hour), "the authority gave more time"))
		r.steps(r.remindAfter(i, 12*time.Hour), "") // the organisation again, not the call list
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestWhatTheDeskOwesIsOnItsOwnListWhenTheTimeOfRemindingComes(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "nis2")
		r.anchor(i, regime.EarlyWarningReceived, r.clock.Now()) // an answer within 24 h
		r.steps(r.remindAfter(i, 11*time.Hour))
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls before any reminder", n)
		}
		r.must(r.Warn.Stop(ctx, r.other, "to see")) // whoever is called is not written to
		r.steps(r.remindAfter(i, time.Hour))
		calls := r.calls(r.officer)
		if len(calls) != 1 || calls[0].Org != guard.OwnOrg || r.stage(r.officer, i, "nis2", "csirt-answer").ID != calls[0].Clock {
			t.Fatalf("got %+v, want the desk's answer", calls)
		}
		r.must(r.NoteCall(ctx, r.officer, calls[0].ID, 1, warn.CallTry{Outcome: "reached", Spoke: "Otto"}, false))
		r.steps(r.remindAfter(i, 6*time.Hour))
		if calls = r.calls(r.officer); len(calls) != 1 {
			t.Errorf("it is still owed at a quarter of the time, and there are %d calls", len(calls))
		}
		r.must(r.NoteCall(ctx, r.officer, calls[0].ID, 1, warn.CallTry{Outcome: "no-answer"}, true))
		r.steps(r.remindAfter(i, 5*time.Hour))
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("a person gave up, and there are %d calls", n)
		}
	})
}

func TestWhileSendingIsStoppedRemindersWaitAndWhatIsDueIsCalledAbout(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.contacts("Anna", "Bert")
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now())
		r.must(r.Warn.Stop(ctx, r.other, "a mistake"))
		entries := func() int64 {
			n, _, err := sqldb.One(ctx, r.acts.Reader(), sqldb.Int64, `select count(*) from ledger_entry`)
			r.must(err)
			return n
		}
		before := entries()
		r.steps(r.remindAfter(i, 13*time.Hour))
		if n := entries() - before; n != 0 {
			t.Errorf("%d acts that do nothing", n)
		}
		r.steps(r.remindAfter(i, 12*time.Hour))
		if n := len(r.calls(r.officer)); n != 1 {
			t.Fatalf("%d calls at the end, want one", n)
		}
		r.must(r.Warn.Resume(ctx, r.other, "found"))
		r.steps(r.remindAfter(i, 6*time.Hour), "") // they have not been written to before
	})
}

// question asks water something, until in eight hours: all of it, or one person.
func (r *room) question(i incident.Incident, m tlp.Marking, person int64) incident.Entry {
	r.t.Helper()
	to := guard.Circle{Orgs: []int64{r.water.ID}}
	if person != 0 {
		to = guard.Circle{Persons: []int64{person}}
	}
	e, err := r.AddEntry(r.t.Context(), r.officer, i.ID, incident.NewEntry{
		Kind: incident.Question, Marking: m, Text: "Which pumps?", To: to, Task: &incident.NewTask{Org: r.water.ID, Person: person, Due: r.clock.Now().Add(8 * time.Hour)},
	})
	r.must(err)
	return e
}

func TestAQuestionThatNobodyAnswersGoesOnToTheNextContact(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		cs := r.contacts("Anna", "Bert", "Cleo")
		q := r.question(i, tlp.AmberStrict, 0)
		r.steps(r.remindAfter(i, 7*time.Hour))
		r.steps(r.remindAfter(i, time.Hour), "Bert")
		last, err := r.Story(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		if e := last[len(last)-1]; e.ReplyTo != q.ID || e.Marking != tlp.AmberStrict || !strings.HasPrefix(e.Text, "Rappel") {
			t.Errorf("got %+v, want a reminder below the question, marked like it", e)
		}
		r.steps(r.remindAfter(i, time.Hour)) // not before a quarter of the time that there was
		r.steps(r.remindAfter(i, time.Hour), "Cleo")
		r.steps(r.remindAfter(i, 2*time.Hour))
		calls := r.calls(r.officer)
		if len(calls) != 1 || calls[0].Entry != q.ID || calls[0].Org != r.water.ID {
			t.Fatalf("got %+v, want one about the question", calls)
		}
		_, err = r.AnswerQuestion(ctx, r.plant, q.ID, incident.NewEntry{Marking: tlp.AmberStrict, Text: "All."})
		r.must(err)
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls about what is answered", n)
		}
		// Asked of one by name, it is for nobody else there.
		r.question(i, tlp.Amber, cs[1].Person)
		r.steps(r.remindAfter(i, 8*time.Hour))
		if n := len(r.calls(r.officer)); n != 1 {
			t.Errorf("%d calls, want one: nobody else may see the question", n)
		}
	})
}

func TestAQuestionForNamedPersonsIsCalledAboutByThoseWhoMayKnow(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.contacts("Anna", "Bert")
		plant, mate := incident.ViewerOf(r.plant).Person, r.person(r.water.ID, "Mate", guard.RoleContact)
		// Whoever asks names the organisation; it is for the one who may see it to answer.
		q, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
			Kind: incident.Question, Marking: tlp.Red, Text: "Which pumps?", To: guard.Circle{Persons: []int64{plant}}, Task: &incident.NewTask{Org: r.water.ID, Due: r.clock.Now().Add(8 * time.Hour)},
		})
		r.must(err)
		_, err = r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{
			Kind: incident.Question, Marking: tlp.Red, Text: "Which?", To: guard.Circle{Persons: []int64{plant}}, Task: &incident.NewTask{Org: r.police.ID, Due: r.clock.Now().Add(8 * time.Hour)},
		})
		r.refused(err, fault.Invalid, "incident.task.cannot_see")
		owed, err := r.Task(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), q.ID)
		if r.must(err); owed.Person != plant {
			t.Errorf("got %+v, want it to be owed by who is named", owed)
		}
		r.must(r.RemindDue(t.Context()))
		r.clock.Advance(8 * time.Hour)
		r.must(r.RemindDue(t.Context()))
		if got := r.sees(r.plant, i); len(got) != 2 || strings.Contains(got[1], "pumps") || got[1] == "" {
			t.Errorf("who is named sees %q, want the question and a reminder that does not repeat it", got)
		}
		for _, who := range []act.Actor{mate, r.other, r.inspector} {
			if got := r.sees(who, i); len(got) != 0 {
				t.Errorf("%s sees %q of a question for another person", who.ID, got)
			}
			_, err := r.AnswerQuestion(t.Context(), who, q.ID, incident.NewEntry{Marking: tlp.Red, Text: "All"})
			r.refused(err, fault.NotFound, "")
		}
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls before he was reminded", n)
		}
		r.clock.Advance(2 * time.Hour)
		r.must(r.RemindDue(t.Context()))
		calls := r.calls(r.officer)
		if len(calls) != 1 {
			t.Fatalf("who asked has %d calls, want one", len(calls))
		}
		if n := len(r.calls(r.other)); n != 0 {
			t.Errorf("a colleague who may not know of the question has %d calls", n)
		}
		if n, err := r.CallsOpen(t.Context(), r.acts.Reader(), incident.ViewerOf(r.other)); err != nil || n != 0 {
			t.Errorf("and counts %d, %v", n, err)
		}
		r.refused(r.NoteCall(t.Context(), r.other, calls[0].ID, 1, warn.CallTry{Outcome: "busy"}, false), fault.NotFound, "")
	})
}

// task gives something to do, within eight hours.
func (r *room) task(i incident.Incident, t incident.NewTask) incident.Entry {
	r.t.Helper()
	t.Due = r.clock.Now().Add(8 * time.Hour)
	to := guard.Circle{Orgs: []int64{r.water.ID}}
	e, err := r.AddEntry(r.t.Context(), r.officer, i.ID, incident.NewEntry{Kind: incident.TaskEntry, Marking: tlp.Amber, Text: "Change the passwords of all pumps", To: to, Task: &t})
	r.must(err)
	return e
}

// tick moves a task.
func (r *room) tick(who act.Actor, e incident.Entry, to incident.TaskState) {
	r.t.Helper()
	t, err := r.Task(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), e.ID)
	r.must(err)
	r.must(r.SetTask(r.t.Context(), who, e.ID, to, "", t.Version))
}

func TestATaskThatIsNotDoneInTimeIsRemindedOfAndGoesOnWhenNobodySpeaks(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.contacts("Anna", "Bert")
		e := r.task(i, incident.NewTask{Org: r.water.ID})
		r.task(i, incident.NewTask{}) // nobody's yet
		r.steps(r.remindAfter(i, 7*time.Hour))
		r.steps(r.remindAfter(i, time.Hour), "") // whoever owes it
		story, err := r.Story(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		if last := story[len(story)-1]; last.ReplyTo != e.ID || last.Marking != tlp.Amber || !strings.Contains(last.Text, "Rappel : « Change the passwords") {
			t.Errorf("got %+v, want a reminder below the task, marked like it", last)
		}
		r.clock.Advance(time.Hour)
		r.write(r.plant, i, tlp.Amber, "we are at it")
		r.steps(r.remindAfter(i, time.Hour)) // it spoke
		r.steps(r.remindAfter(i, 2*time.Hour), "Bert")
		r.steps(r.remindAfter(i, 2*time.Hour))
		calls := r.calls(r.officer)
		if len(calls) != 1 || calls[0].Entry != e.ID || calls[0].Kind != incident.TaskEntry || calls[0].Org != r.water.ID {
			t.Fatalf("got %+v, want one about the task", calls)
		}
		r.tick(r.plant, e, incident.Done)
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls about what is done", n)
		}
		r.steps(r.remindAfter(i, 48*time.Hour))
	})
}

func TestATaskIsTheOneWhoOwesItNow(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		cs := r.contacts("Anna", "Bert")
		e := r.task(i, incident.NewTask{Org: r.water.ID, Person: cs[1].Person})
		done := r.task(i, incident.NewTask{Org: r.water.ID})
		later := r.task(i, incident.NewTask{Org: r.water.ID, Depends: []int64{e.ID}})
		r.tick(r.plant, done, incident.Canceled)
		r.steps(r.remindAfter(i, 8*time.Hour), "Bert") // by name, and not of what cannot be done yet
		r.steps(r.remindAfter(i, 2*time.Hour), "Anna")
		r.steps(r.remindAfter(i, 2*time.Hour))
		if n := len(r.calls(r.officer)); n != 1 {
			t.Errorf("%d calls, want one", n)
		}
		task, err := r.Task(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), e.ID)
		r.must(err)
		r.must(r.Assign(ctx, r.officer, e.ID, r.water.ID, 0, r.clock.Now().Add(8*time.Hour), task.Version)) // more time
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls about what has more time", n)
		}
		r.steps(r.remindAfter(i, 7*time.Hour))
		r.steps(r.remindAfter(i, time.Hour), "") // anew
		r.tick(r.plant, e, incident.Doing)       // that is an answer
		r.steps(r.remindAfter(i, time.Hour))
		r.tick(r.plant, e, incident.Done)
		r.steps(r.remindAfter(i, 5*time.Hour), "") // what came after it
		r.tick(r.plant, later, incident.Done)

		// The desk's own is on its list at once; so is what is for named persons.
		own := r.task(i, incident.NewTask{Org: guard.OwnOrg})
		r.steps(r.remindAfter(i, 8*time.Hour))
		calls := r.calls(r.officer)
		if len(calls) != 1 || calls[0].Org != guard.OwnOrg || calls[0].Entry != own.ID {
			t.Fatalf("got %+v, want the desk's own", calls)
		}
		now, err := r.Incident(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		r.must(r.Close(ctx, r.officer, i.ID, incident.Resolved, "over", now.Version))
		if n := len(r.calls(r.officer)); n != 0 {
			t.Errorf("%d calls about an incident that is over", n)
		}
	})
}

func TestExercisesEscalateAmongThemselves(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		i, err := r.OpenNew(ctx, r.officer, incident.Incident{Title: "As if", Severity: incident.High, Marking: tlp.Amber, Exercise: true})
		r.must(err)
		drill, err := r.Guard.AddOrganisation(ctx, guard.LocalOperator(), guard.NewOrganisation{Name: "Drill", Kind: guard.KindOperator, Country: "XA", Exercise: true})
		r.must(err)
		r.water = drill
		_, err = r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: drill.ID, Role: "affected"})
		r.must(err)
		r.contacts("Anna")
		r.question(i, tlp.Amber, 0)
		r.task(i, incident.NewTask{Org: guard.OwnOrg})
		r.duty(i, "nis2")
		r.anchor(i, regime.EarlyWarningReceived, r.clock.Now())
		r.steps(r.remindAfter(i, 12*time.Hour))
		calls := r.calls(r.officer)
		if len(calls) != 3 || slices.ContainsFunc(calls, func(c incident.OwedCall) bool { return !c.Exercise }) {
			t.Errorf("got %+v, want three of an exercise", calls)
		}
		if n, err := r.CallsOpen(ctx, r.acts.Reader(), incident.ViewerOf(r.officer)); err != nil || n != 0 {
			t.Errorf("the board counts %d of an exercise, %v", n, err)
		}
	})
}

// A reminder that names somebody is mailed to them, and to nobody who had one.
func TestEachContactIsMailedOnce(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		ps, err := r.Participants(ctx, r.acts.Reader(), i.ID, false)
		r.must(err)
		if k := slices.IndexFunc(ps, func(p incident.Participant) bool { return p.Org == r.water.ID }); ps[k].Tell != incident.ByMail {
			t.Fatalf("water hears by %s", ps[k].Tell)
		}
		r.contacts("Anna", "Bert", "Cleo")
		r.acts.Subscribe(r.Subscription())
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now())
		for _, d := range []time.Duration{12, 6, 4, 2} {
			r.remindAfter(i, d*time.Hour)
		}
		_, err = r.acts.Deliver(ctx, r.Subscription().Name)
		r.must(err)
		got, err := sqldb.All(ctx, r.acts.Reader(), func(row sqldb.Row) (s string, err error) {
			var person int64
			err = row.Scan(&person)
			if person == 0 {
				return "the first", err
			}
			p, _ := r.Guard.Person(ctx, r.acts.Reader(), person)
			return p.Name, err
		}, `select n.person_id from incident_news n join incident_entry e on e.id = n.entry_id where e.source = 'machine' order by n.id`)
		r.must(err)
		r.steps(got, "the first", "Bert", "Cleo")
	})
}
