package incident_test

import (
	"fmt"
	"math"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/tlp"
)

func TestAServiceComesBackAndIsSignedOff(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		ctx, began := t.Context(), r.clock.Now()
		s, err := r.AddService(ctx, r.officer, i.ID, incident.NewService{
			Org: r.water.ID, Name: "Drinking water, north", People: 210_000, Marking: tlp.Amber, To: guard.Circle{Orgs: []int64{r.water.ID}},
			Now: incident.NewStep{State: incident.Down, At: began},
		})
		r.must(err)
		_, err = r.AddService(ctx, r.officer, i.ID, incident.NewService{
			Org: r.water.ID, Name: "Waste water", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Verified, Quality: 100},
		})
		r.refused(err, fault.Invalid, "incident.service.who_verified")
		set := func(by string, state incident.ServiceState, quality int, after time.Duration) error {
			now, err := r.Service(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), s.ID)
			r.must(err)
			r.clock.Set(began.Add(after))
			return r.SetService(ctx, r.officer, s.ID, incident.NewStep{State: state, Quality: quality, At: began.Add(after), By: by, Version: now.Version})
		}
		r.must(set("", incident.Degraded, 50, 2*time.Hour))
		r.refused(set("", incident.Degraded, 100, 3*time.Hour), fault.Invalid, "incident.service.quality")
		r.must(set("", incident.Restored, 100, 6*time.Hour))
		r.refused(r.SignOff(ctx, r.officer, s.ID, 3), fault.Conflict, "incident.service.not_verified")
		r.refused(set("", incident.Verified, 100, 7*time.Hour), fault.Invalid, "incident.service.who_verified")
		r.must(set("Plant engineer", incident.Verified, 100, 8*time.Hour))
		r.must(r.SignOff(ctx, r.officer, s.ID, 4))
		steps, err := r.Steps(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		// Two hours of nothing and four of half: 2 + 4 × 0.5.
		if got := incident.Lost(steps, r.clock.Now()); math.Abs(got-4) > 1e-9 {
			t.Errorf("got %v service-hours lost, want 4", got)
		}
		if hidden, err := r.Services(ctx, r.acts.Reader(), incident.ViewerOf(r.inspector), i.ID); err != nil || hidden != nil {
			t.Errorf("police sees the services %v (%v)", hidden, err)
		}
		err = r.SetService(ctx, r.inspector, s.ID, incident.NewStep{State: incident.Down, Version: 5})
		r.refused(err, fault.NotFound, "")
	})
}

func TestTheAreaAboveALinearRecoveryIsThatOfTheTriangle(t *testing.T) {
	// From 40 % to 100 % in ten days, a step every hour: 60 % × 10 d / 2 = 300 %·d.
	began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var steps []incident.Step
	const hours = 240
	for h := range hours {
		exact := 40 + 60*(float64(h)+0.5)/hours
		steps = append(steps, incident.Step{At: began.Add(time.Duration(h) * time.Hour), Quality: int(math.Round(exact))})
	}
	got := incident.Lost(steps, began.Add(hours*time.Hour)) * 100 / 24
	if math.Abs(got-300) > 1 {
		t.Errorf("got %.2f %%·d, want 300", got)
	}
}

func TestALateEntryChangesThePastNotThePresent(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		began := r.clock.Now()
		r.clock.Advance(5 * time.Hour)
		s, err := r.AddService(t.Context(), r.officer, i.ID, incident.NewService{
			Org: r.water.ID, Name: "Water", Marking: tlp.Amber, Now: incident.NewStep{State: incident.Restored, At: began.Add(4 * time.Hour)},
		})
		r.must(err)
		r.must(r.SetService(t.Context(), r.officer, s.ID, incident.NewStep{State: incident.Down, At: began.Add(time.Hour), Version: 1}))
		now, err := r.Service(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), s.ID)
		r.must(err)
		if now.State != incident.Restored {
			t.Errorf("got %s now, want restored", now.State)
		}
	})
}

func TestWhatIsAskedForIsOfferedAcceptedAndDelivered(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		e, err := r.AskResource(t.Context(), r.plant, i.ID, incident.NewEntry{Marking: tlp.Amber, Text: "Two mobile pumps", To: guard.Circle{Orgs: []int64{r.police.ID}}})
		r.must(err)
		r.refused(r.SetResource(t.Context(), r.plant, e.ID, incident.ResourceAccepted, 0, 1), fault.Conflict, "incident.resource.move")
		r.must(r.SetResource(t.Context(), r.inspector, e.ID, incident.ResourceOffered, 0, 1))
		r.refused(r.SetResource(t.Context(), r.inspector, e.ID, incident.ResourceAccepted, 0, 2), fault.Conflict, "incident.resource.move")
		r.must(r.SetResource(t.Context(), r.plant, e.ID, incident.ResourceAccepted, 0, 2))
		r.must(r.SetResource(t.Context(), r.plant, e.ID, incident.ResourceDelivered, 0, 3))
		got, err := r.Resources(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		if len(got) != 1 || got[0].State != incident.ResourceDelivered || got[0].GivenBy != r.police.ID {
			t.Errorf("got %+v, want delivered by the police", got)
		}
	})
}

func TestALessonIsTrackedAndIsTheDesksOwn(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		_, err := r.AddLesson(t.Context(), r.officer, i.ID, incident.Lesson{Text: "x", PeerText: "y", PeerMarking: tlp.Red})
		r.refused(err, fault.Invalid, "incident.lesson.peer_marking")
		l, err := r.AddLesson(t.Context(), r.officer, i.ID, incident.Lesson{Text: "Nobody knew who may cut the line", Action: "Write it down", Org: r.water.ID})
		r.must(err)
		r.refused(r.SetLesson(t.Context(), r.officer, l.ID, incident.LessonDone, "", 1), fault.Invalid, "incident.text.empty")
		r.must(r.SetLesson(t.Context(), r.officer, l.ID, incident.LessonDone, "It stands on page one", 1))
		r.refused(r.SetLesson(t.Context(), r.plant, l.ID, incident.LessonOpen, "", 2), fault.NotFound, "")
		got, err := r.Lessons(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), incident.LessonFilter{State: incident.LessonDone})
		r.must(err)
		if len(got) != 1 {
			t.Errorf("got %d lessons done, want 1", len(got))
		}
		if others, err := r.Lessons(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), incident.LessonFilter{}); err != nil || others != nil {
			t.Errorf("water reads %v (%v)", others, err)
		}
	})
}

func TestAPlaybookBecomesTasks(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		books, err := incident.Playbooks(fstest.MapFS{"bad.json": {Data: []byte(`{"type":"playbook"}`)}, "broken.json": {Data: []byte(`{`)}})
		r.must(err)
		var wrong []string
		for _, b := range books {
			if len(b.Wrong) > 0 {
				wrong = append(wrong, b.Slug)
			}
			if b.Slug != "ot-intrusion" {
				continue
			}
			n, err := r.StartPlaybook(t.Context(), r.officer, i.ID, b, incident.Start{Language: "fr", Marking: tlp.Amber, Roles: map[string]int64{"operator": r.water.ID}})
			r.must(err)
			theirs, err := r.Tasks(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
			r.must(err)
			ours, err := r.Tasks(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
			r.must(err)
			if n == 0 || len(ours) != n || len(theirs) == 0 || len(theirs) >= n {
				t.Errorf("of %d steps the desk sees %d and water %d", n, len(ours), len(theirs))
			}
			_, err = r.StartPlaybook(t.Context(), r.officer, i.ID, b, incident.Start{Marking: tlp.Amber})
			r.refused(err, fault.Conflict, "incident.playbook.started")
		}
		if d := cmp.Diff([]string{"bad", "broken"}, wrong); d != "" {
			t.Errorf("wrong playbooks (-want +got):\n%s", d)
		}
	})
}

func (r *room) service(i incident.Incident, org int64, name string, state incident.ServiceState, needs ...int64) incident.Service {
	r.t.Helper()
	s, err := r.AddService(r.t.Context(), r.officer, i.ID, incident.NewService{
		Org: org, Name: name, Marking: tlp.Amber, Depends: needs, To: guard.Circle{Orgs: []int64{r.water.ID}}, Now: incident.NewStep{State: state},
	})
	r.must(err)
	return s
}

func TestOnlyWhoseServiceItIsSaysThatItIsVerified(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx := r.open(), t.Context()
		s := r.service(i, r.water.ID, "Water", incident.Restored)
		say := func(by act.Actor, n incident.NewStep) error {
			now, err := r.Service(ctx, r.acts.Reader(), incident.ViewerOf(by), s.ID)
			r.must(err)
			n.State, n.Version = incident.Verified, now.Version
			return r.SetService(ctx, by, s.ID, n)
		}
		r.refused(say(r.officer, incident.NewStep{By: " ", At: r.clock.Now()}), fault.Invalid, "incident.service.who_verified")
		r.refused(say(r.officer, incident.NewStep{By: "Plant engineer"}), fault.Invalid, "incident.service.when_verified")
		r.must(say(r.officer, incident.NewStep{By: "Plant engineer", At: r.clock.Now()}))
		r.must(say(r.plant, incident.NewStep{}))
		now, err := r.Service(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), s.ID)
		r.must(err)
		if now.Now.By != "" || now.Now.Author != r.plant.ID {
			t.Errorf("verified by %q, written by %s; want the plant itself", now.Now.By, now.Now.Author)
		}
	})
}

func TestAStepThatIsTakenBackCountsNoMore(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx := r.open(), t.Context()
		s := r.service(i, r.water.ID, "Water", incident.Down)
		back := r.clock.Now().Add(6 * time.Hour)
		r.must(r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Degraded, Quality: 40, Expected: back, Version: 1}))
		steps, err := r.Steps(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		last := steps[len(steps)-1]
		if !last.Expected.Equal(back) {
			t.Errorf("expected back %v, want %v", last.Expected, back)
		}
		r.must(r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Verified, Version: 2}))
		r.must(r.SignOff(ctx, r.officer, s.ID, 3))
		steps, err = r.Steps(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		r.must(r.Retract(ctx, r.plant, steps[len(steps)-1].Entry, 1, "said too early"))
		now, err := r.Service(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), s.ID)
		r.must(err)
		if now.State != incident.Degraded || now.Quality != 40 || !now.SignedAt.IsZero() || now.Version != 3 {
			t.Errorf("got %+v, want degraded at 40 %%, not signed off, version 3", now)
		}
		r.refused(r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Down, Version: 2}), fault.Conflict, "incident.changed_meanwhile")
		err = r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Down, Expected: r.clock.Now().Add(-time.Hour), Version: 3})
		r.refused(err, fault.Invalid, "incident.service.expected")
	})
}

func TestAStepThatAReaderDoesNotSeeChangesNothingOfWhatHeGets(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx := r.open(), t.Context()
		s, err := r.AddService(ctx, r.plant, i.ID, incident.NewService{
			Name: "Water", Marking: tlp.Amber, To: guard.Circle{Orgs: []int64{r.police.ID}}, Now: incident.NewStep{State: incident.Degraded, Quality: 60},
		})
		r.must(err)
		before, err := r.Services(ctx, r.acts.Reader(), incident.ViewerOf(r.inspector), i.ID)
		r.must(err)
		r.must(r.SetService(ctx, r.plant, s.ID, incident.NewStep{State: incident.Down, Version: 1}))
		steps, err := r.Steps(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		r.must(r.Share(ctx, r.plant, steps[len(steps)-1].Entry, 1, tlp.Amber, guard.Circle{}, "not for the police"))
		after, err := r.Services(ctx, r.acts.Reader(), incident.ViewerOf(r.inspector), i.ID)
		r.must(err)
		if d := cmp.Diff(before, after, cmp.AllowUnexported(incident.Step{})); d != "" {
			t.Errorf("the police sees another service (-before +after):\n%s", d)
		}
	})
}

func TestServicesWaitForWhatTheyNeedAndNeverInARing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx := r.open(), t.Context()
		pumps := r.service(i, r.water.ID, "Pumps", incident.Down)
		control := r.service(i, r.water.ID, "Control", incident.Down, pumps.ID)
		power := r.service(i, r.water.ID, "Power", incident.Down)
		r.must(r.SetNeeds(ctx, r.officer, control.ID, []int64{power.ID}, 0, 1))
		r.must(r.SetNeeds(ctx, r.plant, pumps.ID, []int64{control.ID, power.ID}, 500, 1))
		r.refused(r.SetNeeds(ctx, r.officer, power.ID, []int64{pumps.ID}, 0, 1), fault.Invalid, "incident.service.ring")
		r.refused(r.SetNeeds(ctx, r.officer, power.ID, []int64{power.ID}, 0, 1), fault.Invalid, "incident.service.ring")
		r.refused(r.SetNeeds(ctx, r.officer, power.ID, []int64{999}, 0, 1), fault.Invalid, "incident.service.depends")
		r.refused(r.SetNeeds(ctx, r.inspector, power.ID, nil, 0, 1), fault.NotFound, "")
		all, err := r.Services(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		var got []string
		for _, w := range incident.InOrder(all) {
			line := fmt.Sprintf("%s first=%t holds=%d", w.Name, w.First, w.Holds)
			for _, d := range w.For {
				line += " waits for " + d.Name
			}
			got = append(got, line)
		}
		want := []string{"Power first=true holds=2", "Control first=false holds=1 waits for Power", "Pumps first=false holds=0 waits for Control waits for Power"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("order (-want +got):\n%s", d)
		}
	})
}

func TestAMilestoneIsMovedWithAReasonAndKeepsWhatWasDue(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i, ctx := r.open(), t.Context()
		began := r.clock.Now()
		s := r.service(i, r.water.ID, "Water", incident.Down)
		_, err := r.AddMilestone(ctx, r.officer, i.ID, incident.NewMilestone{Title: "x", Service: s.ID})
		r.refused(err, fault.Invalid, "incident.milestone.due")
		_, err = r.AddMilestone(ctx, r.officer, i.ID, incident.NewMilestone{Title: "x", Service: 77, Due: began.Add(time.Hour)})
		r.refused(err, fault.Invalid, "incident.milestone.service")
		_, err = r.AddMilestone(ctx, r.inspector, i.ID, incident.NewMilestone{Title: "x", Service: s.ID, Due: began.Add(time.Hour)})
		r.refused(err, fault.Invalid, "incident.milestone.service") // the police does not see it
		second, err := r.AddMilestone(ctx, r.plant, i.ID, incident.NewMilestone{Title: "Pressure is back", Service: s.ID, Due: began.Add(2 * time.Hour), Place: 2})
		r.must(err)
		first, err := r.AddMilestone(ctx, r.officer, i.ID, incident.NewMilestone{
			Title: "Everybody has water", Due: began.Add(8 * time.Hour), Place: 1, Marking: tlp.Amber, To: guard.Circle{Orgs: []int64{r.police.ID}},
		})
		r.must(err)
		r.refused(r.Assign(ctx, r.officer, second.ID, r.water.ID, 0, began.Add(3*time.Hour), 1), fault.Invalid, "incident.milestone.move")
		r.refused(r.MoveMilestone(ctx, r.plant, second.ID, began.Add(3*time.Hour), "", 1), fault.Invalid, "incident.text.empty")
		r.refused(r.MoveMilestone(ctx, r.plant, second.ID, began.Add(2*time.Hour), "why", 1), fault.Invalid, "incident.milestone.same")
		r.must(r.MoveMilestone(ctx, r.plant, second.ID, began.Add(3*time.Hour), "A valve is late", 1))
		r.clock.Advance(5 * time.Hour)
		list := func(who act.Actor) []incident.Milestone {
			t.Helper()
			ms, err := r.Milestones(ctx, r.acts.Reader(), incident.ViewerOf(who), i.ID)
			r.must(err)
			return ms
		}
		ms := list(r.officer)
		if len(ms) != 2 || ms[0].Entry != first.ID || ms[1].Standing(r.clock.Now()) != incident.Missed || ms[1].Org != r.water.ID || ms[1].Service != s.ID {
			t.Fatalf("got %+v", ms)
		}
		if m := ms[1].Moves; len(m) != 1 || !m[0].Was.Equal(began.Add(2*time.Hour)) || m[0].Reason != "A valve is late" {
			t.Errorf("moves: %+v", m)
		}
		r.must(r.ReachMilestone(ctx, r.plant, second.ID, began.Add(4*time.Hour), "by the night shift", 2))
		r.refused(r.ReachMilestone(ctx, r.plant, second.ID, time.Time{}, "", 3), fault.Conflict, "incident.milestone.ended")
		ms = list(r.officer)
		if ms[1].Standing(r.clock.Now()) != incident.ReachedLate || !ms[1].DoneAt.Equal(began.Add(4*time.Hour)) {
			t.Errorf("got %+v, want reached late, after four hours", ms[1])
		}
		if theirs := list(r.inspector); len(theirs) != 1 || theirs[0].Entry != first.ID {
			t.Errorf("the police sees %+v, want the one that was shown to it", theirs)
		}
		r.refused(r.MoveMilestone(ctx, r.inspector, second.ID, began.Add(9*time.Hour), "x", 3), fault.NotFound, "")
		r.must(r.DropMilestone(ctx, r.officer, first.ID, "Half the town moves away", 1))
		if got := list(r.inspector)[0].Standing(r.clock.Now()); got != incident.Dropped {
			t.Errorf("got %s, want dropped", got)
		}
	})
}
