package incident_test

import (
	"math"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

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
