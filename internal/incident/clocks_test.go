package incident_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
)

// duty loads the shipped regimes and lets one apply to water.
func (r *room) duty(i incident.Incident, law string) incident.Duty {
	r.t.Helper()
	r.must(r.LoadRegimes(r.t.Context(), nil))
	d, err := r.BeginDuty(r.t.Context(), r.officer, i.ID, incident.NewDuty{Org: r.water.ID, Regime: law, Authority: r.police.ID, Zone: "Europe/Madrid"})
	r.must(err)
	return d
}

func (r *room) anchor(i incident.Incident, event regime.Event, at time.Time) []incident.Move {
	r.t.Helper()
	moves, err := r.SetAnchor(r.t.Context(), r.officer, i.ID, incident.NewAnchor{Org: r.water.ID, Event: event, At: at})
	r.must(err)
	return moves
}

// stage is the clock of a stage as somebody sees it; zero when he sees none.
func (r *room) stage(who act.Actor, i incident.Incident, law, stage string) incident.Clock {
	r.t.Helper()
	cs, err := r.Clocks(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), i.ID)
	r.must(err)
	for _, c := range cs {
		if c.Stage == stage && c.Regime == law {
			return c
		}
	}
	return incident.Clock{}
}

func (r *room) stands(c incident.Clock, state incident.ClockState, strict, lawful time.Time) {
	r.t.Helper()
	if c.State != state || !c.Strict.Equal(strict) || !c.Lawful.Equal(lawful) {
		r.t.Errorf("%s %s: got %s, strict %s, lawful %s; want %s, %s, %s", c.Regime, c.Stage, c.State, c.Strict, c.Lawful, state, strict, lawful)
	}
}

func TestClocksRunFromWhatHappenedAndAreMetByWhatWasSent(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "nis2")
		r.stands(r.stage(r.officer, i, "nis2", "early-warning"), incident.ClockWaiting, time.Time{}, time.Time{})
		aware := r.clock.Now().Add(-70 * time.Minute) // 02:00 UTC, 03:00 in Madrid
		moves := r.anchor(i, regime.Awareness, aware)
		if len(moves) != 2 {
			t.Errorf("awareness moves %d clocks, want early warning and notification", len(moves))
		}
		// The hour of the event is not counted: 1182/71 ends with the hour after.
		early := r.stage(r.officer, i, "nis2", "early-warning")
		r.stands(early, incident.ClockRunning, aware.Add(24*time.Hour), aware.Add(25*time.Hour))
		if early.OwedByOrg != r.water.ID || early.OwedToOrg != 1 || early.Verified || !strings.Contains(early.Why, "No person has confirmed") {
			t.Errorf("got %+v, want owed by water to the desk, unverified", early)
		}
		if c := r.stage(r.officer, i, "nis2", "csirt-answer"); c.State != incident.ClockWaiting || c.OwedByOrg != 1 {
			t.Errorf("the desk's answer: got %s by %d, want waiting for the early warning", c.State, c.OwedByOrg)
		}

		why, err := r.Explain(ctx, r.acts.Reader(), r.Catalogue.Printer("fr"), &early)
		r.must(err)
		if n := len(strings.Split(early.Why, "\n")); why.Language != "fr" || len(why.Lines) != n || !strings.Contains(why.Lines[0], "prise de connaissance de l'incident, 21 nov. 2026, 03:00 CET") {
			t.Errorf("got %+v, want %d steps in French and in Madrid's time", why, n)
		}
		waits := r.stage(r.officer, i, "nis2", "final")
		if why, err = r.Explain(ctx, r.acts.Reader(), r.Catalogue.Printer("es"), &waits); err != nil || len(why.Lines) != 1 || !strings.Contains(why.Lines[0], "envío de «Notificación del incidente»") {
			t.Errorf("got %+v, %v; want what is waited for in Spanish", why, err)
		}
		f, err := r.BeginFiling(ctx, r.officer, early.ID)
		r.must(err)
		if f.Answers["entity"] != "Water" || f.Answers["title"] != i.Title || f.Answers["aware"] != aware.Format(time.RFC3339) {
			t.Errorf("the document is filled with %v", f.Answers)
		}
		if _, err := r.SendFiling(ctx, r.officer, f.ID, 1, time.Time{}, "by phone, number 17"); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("without a contact: got %v, want it held up", err)
		}
		answers := f.Answers
		answers["contact"] = "Plant, +99 1 2345"
		r.must(r.EditFiling(ctx, r.officer, f.ID, 1, answers))
		r.refused(r.EditFiling(ctx, r.officer, f.ID, 1, answers), fault.Conflict, "")
		answers["malicious"] = "perhaps"
		r.refused(r.EditFiling(ctx, r.officer, f.ID, 2, answers), fault.Invalid, "incident.clocks.field_yes_no")
		moves, err = r.SendFiling(ctx, r.officer, f.ID, 2, time.Time{}, "by phone, number 17")
		r.must(err)
		if len(moves) != 2 {
			t.Errorf("the early warning moves %d clocks, want its own and the desk's answer", len(moves))
		}
		sent := r.clock.Now()
		if c := r.stage(r.officer, i, "nis2", "early-warning"); c.State != incident.ClockMet || !c.MetAt.Equal(sent) {
			t.Errorf("got %s at %s, want met now", c.State, c.MetAt)
		}
		if c := r.stage(r.officer, i, "nis2", "csirt-answer"); c.State != incident.ClockRunning || !c.Strict.Equal(sent.Add(24*time.Hour)) {
			t.Errorf("the desk's answer: got %s until %s, want 24 h from receipt", c.State, c.Strict)
		}
		if got := r.sees(r.plant, i); len(got) != 1 || !strings.Contains(got[0], "number 17") {
			t.Errorf("the plant sees %q, want that it was sent", got)
		}
		if c := r.stage(r.officer, i, "nis2", "final"); c.State != incident.ClockWaiting {
			t.Errorf("the final report runs before the notification: %s", c.State)
		}
		_, err = r.SendFiling(ctx, r.officer, f.ID, 3, time.Time{}, "again")
		r.refused(err, fault.Conflict, "incident.clocks.sent")
	})
}

// send lets the desk record that the early warning of the plant was sent, again if it was.
func (r *room) send(c incident.Clock, at time.Time) []incident.Move {
	r.t.Helper()
	f, err := r.BeginFiling(r.t.Context(), r.officer, c.ID)
	r.must(err)
	f.Answers["contact"] = "Plant, +99 1 2345"
	r.must(r.EditFiling(r.t.Context(), r.officer, f.ID, 1, f.Answers))
	moves, err := r.SendFiling(r.t.Context(), r.officer, f.ID, 2, at, "by phone")
	r.must(err)
	return moves
}

func TestTheFirstDocumentThatStandsMeetsItsClock(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.must(r.LoadRegimes(ctx, nil))
		p := r.report(r.plant, early(r.clock.Now().Add(-time.Hour)))
		reported := r.clock.Now()
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		r.clock.Advance(20 * time.Hour)
		first := r.clock.Now()
		c := r.stage(r.officer, i, "nis2", "early-warning")
		if moves := r.send(c, time.Time{}); len(moves) != 2 {
			t.Errorf("the first moves %d clocks, want its own and the desk's answer", len(moves))
		}
		met := func(what string, at time.Time) {
			t.Helper()
			for stage, want := range map[string]incident.ClockState{"early-warning": incident.ClockMet, "csirt-answer": incident.ClockRunning} {
				got := r.stage(r.officer, i, "nis2", stage)
				if since := map[string]time.Time{"early-warning": got.MetAt, "csirt-answer": got.Anchor}[stage]; got.State != want || !since.Equal(at) {
					t.Errorf("%s: %s is %s as of %s, want %s as of %s", what, stage, got.State, since, want, at)
				}
			}
			if got := r.stage(r.officer, i, "nis2", "early-warning"); got.Late(r.clock.Now()) {
				t.Errorf("%s: a filing in time looks late", what)
			}
		}
		met("sent", first)

		r.clock.Advance(48 * time.Hour)
		if moves := r.send(c, time.Time{}); len(moves) != 0 {
			t.Errorf("a correction moves %v", times(moves))
		}
		met("corrected by the desk", first)
		own := r.document(r.plant, c)
		own.Seen, own.Answers["title"] = 2, "Other words"
		_, err := r.FileOwn(ctx, r.plant, c.ID, own)
		r.must(err)
		met("corrected by the operator", first)
		if fs := r.filed(r.plant, c); len(fs) != 3 || fs[2].Number != 3 {
			t.Errorf("got %d versions, want each of the three", len(fs))
		}

		// What came in before all of them and joins now is the first; without it the next is.
		_, err = r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		met("reported before", reported)
		r.must(r.UnlinkReport(ctx, r.officer, p.ID, i.ID, "the wrong one"))
		met("taken back", first)
	})
}

func TestWhereNoDocumentStandsTheClockRunsAgain(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.must(r.LoadRegimes(ctx, nil))
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		p := r.report(r.plant, early(r.clock.Now().Add(-time.Hour)))
		_, err := r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		if c := r.stage(r.officer, i, "nis2", "early-warning"); c.State != incident.ClockMet {
			t.Errorf("got %s, want it met by the report", c.State)
		}
		r.must(r.UnlinkReport(ctx, r.officer, p.ID, i.ID, "the wrong one"))
		c := r.stage(r.officer, i, "nis2", "early-warning")
		if c.State != incident.ClockRunning || !c.MetAt.IsZero() {
			t.Errorf("got %s at %s, want it to run", c.State, c.MetAt)
		}
		sent := r.clock.Now().Add(-10 * time.Minute) // what is recorded next is the first again
		r.send(c, sent)
		if c := r.stage(r.officer, i, "nis2", "early-warning"); c.State != incident.ClockMet || !c.MetAt.Equal(sent) {
			t.Errorf("got %s at %s, want met at %s", c.State, c.MetAt, sent)
		}
	})
}

// A time that the desk corrected by hand is the desk's: no later version moves it back.
func TestALaterVersionLeavesATimeThatWasCorrectedByHand(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		c := r.stage(r.officer, i, "nis2", "early-warning")
		r.send(c, time.Time{})
		r.clock.Advance(3 * time.Hour)
		by := r.clock.Now()
		known, err := r.Anchors(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID, r.water.ID)
		r.must(err)
		_, err = r.SetAnchor(ctx, r.officer, i.ID, incident.NewAnchor{
			Org: r.water.ID, Regime: "nis2", Event: "early-warning", At: by, Seen: known[len(known)-1].ID, Reason: "its receipt says so",
		})
		r.must(err)
		r.send(c, by.Add(-time.Hour))
		if c := r.stage(r.officer, i, "nis2", "early-warning"); !c.MetAt.Equal(by) {
			t.Errorf("met at %s, want %s as the desk corrected it", c.MetAt, by)
		}
	})
}

func TestWhoeverIsNoPartySeesNoClock(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "dora") // owed by water to the authority, here the police
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		r.anchor(i, regime.Classification, r.clock.Now())
		for name, who := range map[string]struct {
			actor act.Actor
			sees  bool
		}{"desk": {r.other, true}, "operator": {r.plant, true}, "authority": {r.inspector, true}, "another operator": {r.grid, false}} {
			if got := r.stage(who.actor, i, "dora", "initial").ID != 0; got != who.sees {
				t.Errorf("%s sees the clock: %v, want %v", name, got, who.sees)
			}
			due, err := r.RunningClocks(ctx, r.acts.Reader(), incident.ViewerOf(who.actor), incident.ClockFilter{})
			r.must(err)
			if got := len(due) > 0; got != who.sees {
				t.Errorf("%s sees %d on the board", name, len(due))
			}
		}
		// Nis2 owes the desk: the authority learns nothing of it.
		r.duty(i, "nis2")
		if c := r.stage(r.inspector, i, "nis2", "early-warning"); c.ID != 0 {
			t.Error("the authority sees a clock that is not owed to it")
		}
		ps, err := r.Participants(ctx, r.acts.Reader(), i.ID, false)
		r.must(err)
		k := slices.IndexFunc(ps, func(p incident.Participant) bool { return p.Org == r.water.ID })
		r.must(r.RemoveParticipant(ctx, r.officer, i.ID, ps[k].ID, "no longer hit"))
		if c := r.stage(r.plant, i, "dora", "initial"); c.ID != 0 {
			t.Error("who was removed sees a clock")
		}
		_, err = r.SetAnchor(ctx, r.plant, i.ID, incident.NewAnchor{Org: r.water.ID, Event: regime.Awareness, At: r.clock.Now()})
		r.refused(err, fault.NotFound, "")
	})
}

func TestADeadlineIsAmendedAClockStandsStillOrIsVoid(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		now := r.clock.Now()
		r.duty(i, "template") // its stage knows pauses
		r.anchor(i, regime.Awareness, now.Add(-time.Hour))
		var c incident.Clock
		cs, err := r.Clocks(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		for _, one := range cs {
			if one.State == incident.ClockRunning {
				c = one
			}
		}
		r.must(r.AmendClock(ctx, r.officer, c.ID, c.Version, now.Add(5*time.Hour), "order 12 of the authority"))
		c, err = r.Clock(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), c.ID)
		r.must(err)
		if !c.WarnAt.Equal(now.Add(5*time.Hour)) || !c.End().Equal(c.WarnAt) || c.Strict.IsZero() {
			t.Errorf("got %s, want the deadline of the authority, and the law's beside it", c.WarnAt)
		}
		r.refused(r.AmendClock(ctx, r.officer, c.ID, c.Version-1, now.Add(5*time.Hour), "again"), fault.Conflict, "")
		r.clock.Advance(6 * time.Hour)
		if !c.Late(r.clock.Now()) || c.Word(r.clock.Now()) != "late" {
			t.Errorf("an hour after its end it is %s", c.Word(r.clock.Now()))
		}
		r.must(r.VoidClock(ctx, r.officer, c.ID, c.Version, "taken back by the authority"))
		c, err = r.Clock(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), c.ID)
		r.must(err)
		if c.State != incident.ClockVoid || !c.WarnAt.IsZero() {
			t.Errorf("got %s, want void and off the board", c.State)
		}
		r.must(r.VoidClock(ctx, r.officer, c.ID, c.Version, ""))

		d := r.duty(i, "nis2")
		early := r.stage(r.officer, i, "nis2", "early-warning")
		r.refused(r.PauseClock(ctx, r.officer, early.ID, early.Version, time.Time{}, "we asked"), fault.Conflict, "incident.clocks.no_pause")
		r.must(r.EndDuty(ctx, r.officer, d.ID, "not a significant incident"))
		if c := r.stage(r.officer, i, "nis2", "early-warning"); c.State != incident.ClockVoid {
			t.Errorf("the regime does not apply, and the clock is %s", c.State)
		}
	})
}

func TestAPeriodStandsStillWhereItsLawSaysSo(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "template")
		laws := r.Laws()
		k := slices.IndexFunc(laws, func(l incident.Law) bool { return l.Regime.ID == "template" })
		s := laws[k].Regime.Stages[slices.IndexFunc(laws[k].Regime.Stages, func(s regime.Stage) bool { return s.Pause != regime.PauseNone })]
		begin := r.clock.Now().Add(-24 * time.Hour)
		if event := s.From; slices.Contains(incident.Events(), event) {
			r.anchor(i, event, begin)
		} else {
			_, err := r.MeetClock(ctx, r.officer, r.stage(r.officer, i, "template", string(event)).ID, begin, 0, "", 0)
			r.must(err)
		}
		c := r.stage(r.officer, i, "template", s.ID)
		before := c.Strict
		r.must(r.PauseClock(ctx, r.officer, c.ID, c.Version, time.Time{}, "a clarification is asked for"))
		if c = r.stage(r.officer, i, "template", s.ID); c.State != incident.ClockPaused || !c.WarnAt.IsZero() {
			t.Errorf("got %s, want it to stand still", c.State)
		}
		r.clock.Advance(48 * time.Hour)
		r.must(r.ResumeClock(ctx, r.officer, c.ID, c.Version, time.Time{}))
		c = r.stage(r.officer, i, "template", s.ID)
		if c.State != incident.ClockRunning || !c.Strict.Equal(before.Add(48*time.Hour)) {
			t.Errorf("got %s until %s, want running until %s", c.State, c.Strict, before.Add(48*time.Hour))
		}
	})
}

// A correction never loses the value that it replaces, its preview is what happens,
// and no clock moves that does not count from it.
func TestACorrectionKeepsTheOldTimeAndMovesWhatCountsFromItAlone(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i, v := t.Context(), r.open(), incident.ViewerOf(r.officer)
		r.duty(i, "nis2")
		r.duty(i, "dora")
		base := r.clock.Now()
		counts := map[regime.Event][]string{
			regime.Awareness: {"nis2 early-warning", "nis2 notification", "dora initial"}, regime.Classification: {"dora initial"},
			regime.HandlingEnded: {"nis2 final", "nis2 progress"}, regime.EarlyWarningReceived: {"nis2 csirt-answer"}, regime.Request: {"nis2 intermediate"}, regime.Payment: nil,
		}
		written := 0
		rapid.Check(t, func(rt *rapid.T) {
			event := rapid.SampledFrom([]regime.Event{
				regime.Awareness, regime.Classification, regime.HandlingEnded, regime.EarlyWarningReceived, regime.Request, regime.Payment,
			}).Draw(rt, "event")
			n := incident.NewAnchor{Org: r.water.ID, Event: event, At: base.Add(-time.Duration(rapid.IntRange(0, 500).Draw(rt, "hours")) * time.Hour), Reason: "the log says so"}
			before, err := r.Anchors(ctx, r.acts.Reader(), v, i.ID, r.water.ID)
			r.must(err)
			for _, a := range before {
				if a.Event == event && a.ReplacedAt.IsZero() {
					n.Seen = a.ID
				}
			}
			was, err := r.Clocks(ctx, r.acts.Reader(), v, i.ID)
			r.must(err)
			preview, err := r.PreviewAnchor(ctx, r.acts.Reader(), v, i.ID, n)
			r.must(err)
			moves, err := r.SetAnchor(ctx, r.officer, i.ID, n)
			r.must(err)
			written++
			if diff := cmp.Diff(times(preview), times(moves)); diff != "" {
				rt.Fatalf("the preview is not what happened:\n%s", diff)
			}
			for _, m := range moves {
				if name := m.After.Regime + " " + m.After.Stage; !slices.Contains(counts[event], name) {
					rt.Fatalf("%s moves %s, which does not count from it", event, name)
				}
			}
			after, err := r.Anchors(ctx, r.acts.Reader(), v, i.ID, r.water.ID)
			r.must(err)
			if len(after) != written || !slices.EqualFunc(before, after[:len(before)], func(a, b incident.Anchor) bool { return a.ID == b.ID && a.At.Equal(b.At) }) {
				rt.Fatalf("%d of %d values are left", len(after), written)
			}
			now, err := r.Clocks(ctx, r.acts.Reader(), v, i.ID)
			r.must(err)
			for k, c := range now {
				moved := slices.ContainsFunc(moves, func(m incident.Move) bool { return m.After.ID == c.ID })
				if !moved && (!c.Strict.Equal(was[k].Strict) || c.State != was[k].State) {
					rt.Fatalf("%s moved, and nobody was told", c.Stage)
				}
			}
		})
		n := incident.NewAnchor{Org: r.water.ID, Event: regime.Awareness, At: base, Seen: 1 << 40, Reason: "x"}
		_, err := r.SetAnchor(ctx, r.officer, i.ID, n)
		r.refused(err, fault.Conflict, "")
	})
}

// times is what of moves can be compared.
func times(moves []incident.Move) (out []string) {
	for _, m := range moves {
		out = append(out, m.After.Stage+" "+m.After.Strict.String()+" "+m.After.Lawful.String()+" "+string(m.After.State))
	}
	return out
}

func TestSignificanceIsJudgedWithReasonsAndJudgedAnew(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "nis2")
		n := incident.NewJudgement{
			Org: r.water.ID, Regime: "nis2", Verdict: incident.NearMiss, Answers: map[string]string{"disruption": "no", "others": "no"}, Reason: "The pump was never reached.",
		}
		first, err := r.Judge(ctx, r.officer, i.ID, n)
		r.must(err)
		if len(r.sees(r.plant, i)) != 0 {
			t.Error("the operator sees a judgement that was not shown to it")
		}
		_, err = r.Judge(ctx, r.officer, i.ID, n)
		r.refused(err, fault.Conflict, "")
		n.Seen, n.Verdict, n.Show, n.Answers["disruption"] = first.ID, incident.Significant, true, "yes"
		_, err = r.Judge(ctx, r.officer, i.ID, n)
		r.must(err)
		if got := r.sees(r.plant, i); len(got) != 1 || !strings.Contains(got[0], "must be reported") || !strings.Contains(got[0], "art. 23(3)(a)") {
			t.Errorf("the operator reads %q", got)
		}
		all, err := r.Judgements(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID)
		r.must(err)
		if len(all) != 2 || all[0].Verdict != incident.NearMiss || all[1].Answers["disruption"] != "yes" {
			t.Errorf("got %v, want both judgements", all)
		}
		n.Answers["colour"] = "yes"
		_, err = r.Judge(ctx, r.officer, i.ID, n)
		r.refused(err, fault.Invalid, "incident.clocks.criterion")
	})
}

func TestAnInstallationsRegimesAndHolidaysAreKeptByVersion(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		shipped, err := regime.ShippedFiles()
		r.must(err)
		k := slices.IndexFunc(shipped, func(f regime.File) bool { return f.Regime.ID == "nis2" })
		own := strings.Replace(string(shipped[k].Text), `period = "72h"`, `period = "48h"`, 1)
		folder := fstest.MapFS{"nis2.toml": {Data: []byte(own)}, "bad.toml": {Data: []byte(`id = "X"`)}, "holidays/xa.txt": {Data: []byte("2026-12-25 Christmas Day\n")}}
		r.duty(i, "nis2") // under the shipped one
		r.must(r.LoadRegimes(ctx, folder))
		r.must(r.LoadRegimes(ctx, folder)) // nothing twice
		if bad := r.Troubles(); len(bad) != 1 || bad[0].Name != "bad.toml" {
			t.Errorf("got troubles %v, want bad.toml", bad)
		}
		l, err := r.LawNamed("nis2")
		r.must(err)
		if s, _ := l.Regime.Stage("notification"); s.Period.String() != "48h" || l.Shipped {
			t.Errorf("got %s, want the installation's file", s.Period)
		}
		at := r.clock.Now()
		r.anchor(i, regime.Awareness, at)
		if c := r.stage(r.officer, i, "nis2", "notification"); !c.Strict.Equal(at.Add(72 * time.Hour)) {
			t.Errorf("a clock is counted by another version than it began under: %s", c.Strict)
		}

		notified := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		_, err = r.MeetClock(ctx, r.officer, r.stage(r.officer, i, "nis2", "notification").ID, notified, 0, "", 0)
		r.must(err)
		before := r.stage(r.officer, i, "nis2", "final")
		folder["holidays/xa.txt"].Data = []byte("2026-12-21 A day of mourning\n2026-12-25 Christmas Day\n")
		r.must(r.LoadRegimes(ctx, folder))
		after := r.stage(r.officer, i, "nis2", "final") // 20 December is a Sunday
		if want := before.Lawful.Add(24 * time.Hour); !after.Lawful.Equal(want) {
			t.Errorf("with a new holiday it ends %s, want %s", after.Lawful, want)
		}

		r.refused(r.VerifyRegime(ctx, guard.LocalOperator(), l.Key(), "OJ L 333"), fault.Denied, "")
		r.must(r.VerifyRegime(ctx, r.other, l.Key(), "OJ L 333 of 27.12.2022, all stages"))
		if l, err := r.Law(l.Key()); err != nil || !l.Confirmed() || l.VerifiedBy != r.other.ID {
			t.Errorf("got %+v, %v; want it confirmed by Otto", l.VerifiedBy, err)
		}
	})
}

func TestRegimesAreProposedBySectorAndByWhatIsTouched(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.must(r.LoadRegimes(ctx, nil))
		lead := r.person(1, "Lea", "constituency")
		r.must(r.Constituency.SetStanding(ctx, lead, constituency.Standing{Org: r.water.ID, Sectors: []string{"drinking-water"}, Critical: true, Designation: "Order 4", Until: constituency.Forever}))
		i.Class = "data-leak"
		got, err := r.Propose(ctx, r.acts.Reader(), &i)
		r.must(err)
		var names []string
		for _, p := range got {
			names = append(names, p.Regime)
		}
		if diff := cmp.Diff([]string{"nis2", "cer", "gdpr"}, names); diff != "" {
			t.Error(diff)
		}
		r.duty(i, "nis2")
		if got, err = r.Propose(ctx, r.acts.Reader(), &i); err != nil || len(got) != 2 {
			t.Errorf("got %v, %v; what stands is not proposed again", got, err)
		}
	})
}
