package incident_test

import (
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/regime"
	"almenara.example/tlp"
)

func (r *room) own(who act.Actor, f incident.OwnFilter) (out []string) {
	r.t.Helper()
	cs, err := r.OwnClocks(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), f)
	r.must(err)
	for _, c := range cs {
		out = append(out, c.Regime+"/"+c.Stage)
	}
	return out
}

// document is what stands in the document of a clock, complete.
func (r *room) document(who act.Actor, c incident.Clock) incident.OwnFiling {
	r.t.Helper()
	answers, version, err := r.OwnDocument(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), c.ID)
	r.must(err)
	answers["contact"] = "Plant, +99 1 2345"
	return incident.OwnFiling{Answers: answers, Version: version}
}

func (r *room) filed(who act.Actor, c incident.Clock) []incident.Filing {
	r.t.Helper()
	fs, err := r.OwnFiled(r.t.Context(), r.acts.Reader(), incident.ViewerOf(who), c.ID)
	r.must(err)
	return fs
}

func TestAnOperatorSeesWhatItOwesAndNothingThatOthersOwe(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		r.duty(i, "nis2")
		elsewhere := r.open()
		r.duty(elsewhere, "nis2")
		r.anchor(elsewhere, regime.Awareness, r.clock.Now().Add(-3*time.Hour))
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		got := r.own(r.plant, incident.OwnFilter{})
		if len(got) != 10 || got[0] != "nis2/early-warning" || got[2] != "nis2/notification" {
			t.Errorf("got %v, want what runs first, in order of time", got)
		}
		first, err := r.OwnClocks(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant), incident.OwnFilter{})
		r.must(err)
		if first[0].Incident != elsewhere.ID {
			t.Error("what is due later stands before what is due first")
		}
		if got := r.own(r.plant, incident.OwnFilter{Incident: i.ID}); len(got) != 5 {
			t.Errorf("of one incident: got %v, want the operator's five stages", got)
		}
		for name, who := range map[string]act.Actor{"the authority": r.inspector, "a stranger": r.grid, "the desk": r.officer} {
			if got := r.own(who, incident.OwnFilter{}); len(got) != 0 {
				t.Errorf("%s owes %v, want nothing", name, got)
			}
			if n, err := r.CountOwnClocks(t.Context(), r.acts.Reader(), incident.ViewerOf(who)); err != nil || n != 0 {
				t.Errorf("%s counts %d (%v), want none", name, n, err)
			}
			_, err := r.FileOwn(t.Context(), who, first[0].ID, incident.OwnFiling{})
			r.refused(err, fault.NotFound, "incident.clocks.none")
			r.refused(r.KeepOwnDraft(t.Context(), who, first[0].ID, incident.OwnFiling{}), fault.NotFound, "")
		}
		if n, err := r.CountOwnClocks(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant)); err != nil || n != 4 {
			t.Errorf("got %d running (%v), want four", n, err)
		}
		reader := r.person(r.water.ID, "Idle")
		_, err = r.FileOwn(t.Context(), reader, first[0].ID, r.document(r.plant, first[0]))
		r.refused(err, fault.Denied, "")
		ps, err := r.Participants(t.Context(), r.acts.Reader(), elsewhere.ID, false)
		r.must(err)
		for _, p := range ps {
			if p.Org == r.water.ID {
				r.must(r.RemoveParticipant(t.Context(), r.officer, elsewhere.ID, p.ID, "not concerned"))
			}
		}
		if got := r.own(r.plant, incident.OwnFilter{}); len(got) != 5 {
			t.Errorf("after it was removed it still owes %v there", got)
		}
	})
}

func TestAnOperatorFilesItsOwnDocumentOnceAndCorrectsIt(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		r.write(r.officer, i, tlp.Amber, "for the police alone", r.police.ID)
		c := r.stage(r.plant, i, "nis2", "early-warning")
		n := r.document(r.plant, c)
		if n.Answers["entity"] != "Water" || n.Answers["title"] != i.Title {
			t.Errorf("the document is filled with %v", n.Answers)
		}
		r.must(r.KeepOwnDraft(ctx, r.plant, c.ID, n))
		if fs, err := r.Filings(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID); err != nil || len(fs) != 0 {
			t.Errorf("the desk reads a draft of the operator's: %v, %v", fs, err)
		}
		r.refused(r.KeepOwnDraft(ctx, r.plant, c.ID, n), fault.Conflict, "incident.changed_meanwhile")
		n.Version = 1
		bare := n
		bare.Answers = map[string]string{"entity": "Water", "aware": r.clock.Now().Add(time.Hour).Format(time.RFC3339)}
		_, err := r.FileOwn(ctx, r.plant, c.ID, bare)
		r.refused(err, fault.Invalid, "incident.clocks.field_required")
		r.refused(err, fault.Invalid, "incident.entry.future")

		at := r.clock.Now()
		f, err := r.FileOwn(ctx, r.plant, c.ID, n)
		r.must(err)
		r.clock.Advance(time.Minute)
		again, err := r.FileOwn(ctx, r.plant, c.ID, n) // the same button, pressed twice
		r.must(err)
		if f.Number != 1 || again.ID != f.ID || len(r.filed(r.plant, c)) != 1 {
			t.Errorf("got version %d and %d, %d filed; want it filed once", f.Number, again.Number, len(r.filed(r.plant, c)))
		}
		other := n
		other.Answers = map[string]string{"entity": "Water", "contact": "a", "title": "b", "aware": n.Answers["aware"]}
		_, err = r.FileOwn(ctx, r.plant, c.ID, other) // another tab, other words
		r.refused(err, fault.Conflict, "incident.clocks.filed_meanwhile")
		if c := r.stage(r.officer, i, "nis2", "early-warning"); c.State != incident.ClockMet || !c.MetAt.Equal(at) || c.Late(r.clock.Now()) {
			t.Errorf("got %s at %s, want met when it was filed", c.State, c.MetAt)
		}
		if c := r.stage(r.officer, i, "nis2", "csirt-answer"); c.State != incident.ClockRunning || !c.Anchor.Equal(at) {
			t.Errorf("the desk's answer: got %s from %s, want it to run from then", c.State, c.Anchor)
		}
		if got := r.sees(r.officer, i); len(got) != 2 {
			t.Errorf("the desk's story says %q, want that it was filed", got)
		}

		r.clock.Advance(48 * time.Hour)
		other.Version, other.Seen = 0, 1
		g, err := r.FileOwn(ctx, r.plant, c.ID, other)
		r.must(err)
		fs := r.filed(r.plant, c)
		if g.Number != 2 || len(fs) != 2 || fs[0].Answers["title"] != i.Title || fs[1].Answers["title"] != "b" {
			t.Errorf("got %+v, want the old version beside the new one", fs)
		}
		if c := r.stage(r.officer, i, "nis2", "early-warning"); !c.MetAt.Equal(at) {
			t.Errorf("a correction moves the clock to %s", c.MetAt)
		}
		if got, err := r.Filings(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), i.ID); err != nil || len(got) != 2 {
			t.Errorf("the desk sees %d documents (%v), want both", len(got), err)
		}

		// What follows is filed, too: the month of the final report begins.
		next := r.stage(r.plant, i, "nis2", "notification")
		n = r.document(r.plant, next)
		n.Answers["severity"], n.Answers["impact"] = "high", "Two pumps stood still."
		_, err = r.FileOwn(ctx, r.plant, next.ID, n)
		r.must(err)
		if c := r.stage(r.plant, i, "nis2", "final"); c.State != incident.ClockRunning || !c.Anchor.Equal(r.clock.Now()) {
			t.Errorf("the final report: got %s from %s, want it to run from the notification", c.State, c.Anchor)
		}
		r.must(r.EndDuty(ctx, r.officer, c.Duty, "it is too small"))
		last := r.stage(r.plant, i, "nis2", "final")
		_, err = r.FileOwn(ctx, r.plant, last.ID, incident.OwnFiling{})
		r.refused(err, fault.Conflict, "incident.clocks.not_owed")
	})
}

func TestWhatIsOwedToSomebodyElseSaysHowItGotThere(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "gdpr")
		var c incident.Clock
		cs, err := r.OwnClocks(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), incident.OwnFilter{})
		r.must(err)
		for _, one := range cs {
			if one.OwedTo == regime.DataProtection && c.ID == 0 {
				c = one
			}
		}
		_, stage, err := r.StageOf(&c)
		r.must(err)
		n := r.document(r.plant, c)
		n.Answers = map[string]string{}
		for _, f := range stage.Fields {
			switch {
			case !f.Required:
			case f.Kind == regime.KindTime:
				n.Answers[f.ID] = r.clock.Now().Add(-5 * time.Hour).Format(time.RFC3339)
			case f.Kind == regime.KindChoice:
				n.Answers[f.ID] = f.Choices[0].ID
			case f.Kind == regime.KindYesNo:
				n.Answers[f.ID] = "yes"
			default:
				n.Answers[f.ID] = "7"
			}
		}
		_, err = r.FileOwn(ctx, r.plant, c.ID, n)
		r.refused(err, fault.Invalid, "incident.text.empty")
		n.How, n.At = "at the authority's own portal, receipt 17", r.clock.Now().Add(-2*time.Hour)
		_, err = r.FileOwn(ctx, r.plant, c.ID, n)
		r.must(err)
		got, err := r.OwnClock(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), c.ID)
		r.must(err)
		if got.State != incident.ClockMet || !got.MetAt.Equal(n.At) {
			t.Errorf("got %s at %s, want met when it was sent there", got.State, got.MetAt)
		}
		if got.Anchor.IsZero() {
			t.Error("nothing was known of when it became aware, and its own word does not count")
		}
		if s := r.sees(r.inspector, i); len(s) != 1 {
			t.Errorf("the authority sees %q, want that it was filed", s)
		}
	})
}

// early is a complete early warning, as the portal's form reports it.
func early(aware time.Time) incident.NewReport {
	return incident.NewReport{Source: incident.ByPortal, Regime: "nis2", Stage: "early-warning", Title: "Pumps", Fields: []incident.FieldValue{
		{ID: "entity", Label: "Entity", Value: "Water"}, {ID: "contact", Label: "Contact", Value: "Plant"}, {ID: "title", Label: "What", Value: "Pumps"},
		{ID: "aware", Label: "When", Value: aware.Format(time.RFC3339)},
	}}
}

func TestAReportUnderALawIsFiledWhenItCameInOnceAnIncidentComesOfIt(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.must(r.LoadRegimes(ctx, nil))
		aware, sent := r.clock.Now().Add(-2*time.Hour), r.clock.Now()
		p := r.report(r.plant, early(aware))
		r.clock.Advance(time.Minute)
		if other := r.report(r.plant, early(aware)); other.ID == p.ID {
			t.Error("a second report in the same words is lost: a form sent twice is the frame's to tell")
		}
		_, err := r.TakeReport(ctx, r.plant, early(r.clock.Now().Add(time.Hour)))
		r.refused(err, fault.Invalid, "incident.entry.future")
		_, err = r.TakeReport(ctx, r.plant, incident.NewReport{Source: incident.ByPortal, Regime: "nis2", Stage: "nothing", Text: "a"})
		r.refused(err, fault.NotFound, "incident.reports.regime")

		r.clock.Advance(40 * time.Hour) // the desk takes it up long after the early warning was due
		i, err := r.OpenFromReport(ctx, r.officer, p.ID, incident.Incident{Title: "Pumps", Severity: incident.High, Marking: tlp.Amber}, true)
		r.must(err)
		for _, who := range []act.Actor{r.officer, r.plant} {
			c := r.stage(who, i, "nis2", "early-warning")
			if c.State != incident.ClockMet || !c.MetAt.Equal(sent) || !c.Anchor.Equal(aware) || c.Late(r.clock.Now()) {
				t.Errorf("%s: got %s at %s from %s, want met in time, from awareness as reported", who.ID, c.State, c.MetAt, c.Anchor)
			}
		}
		c := r.stage(r.plant, i, "nis2", "early-warning")
		if fs := r.filed(r.plant, c); len(fs) != 1 || fs[0].Report != p.ID || fs[0].Answers["title"] != "Pumps" || !fs[0].SentAt.Equal(sent) {
			t.Errorf("got %+v, want the report as the document", fs)
		}
		if fs, err := r.FiledBy(ctx, r.acts.Reader(), incident.ViewerOf(r.officer), p.ID); err != nil || len(fs) != 1 {
			t.Errorf("the desk sees %d documents of the report (%v), want one", len(fs), err)
		}
		if c := r.stage(r.plant, i, "nis2", "notification"); c.State != incident.ClockRunning || !c.Anchor.Equal(aware) {
			t.Errorf("the notification: got %s from %s, want it to run from awareness", c.State, c.Anchor)
		}
		if c := r.stage(r.officer, i, "nis2", "csirt-answer"); !c.Anchor.Equal(sent) {
			t.Errorf("the desk's answer counts from %s, want from when the warning came in", c.Anchor)
		}

		r.must(r.UnlinkReport(ctx, r.officer, p.ID, i.ID, "the wrong one"))
		if c := r.stage(r.plant, i, "nis2", "early-warning"); c.State != incident.ClockWaiting {
			t.Errorf("the report is out of the incident, and its clock %s", c.State)
		}
		if fs := r.filed(r.plant, c); len(fs) != 1 || !fs[0].Withdrawn {
			t.Errorf("got %+v, want the document kept as withdrawn", fs)
		}
		_, err = r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		if c := r.stage(r.plant, i, "nis2", "early-warning"); c.State != incident.ClockMet || !c.MetAt.Equal(sent) || !c.Anchor.Equal(aware) {
			t.Errorf("joined again: got %s at %s from %s, want as before", c.State, c.MetAt, c.Anchor)
		}
	})
}

func TestAReportIsFiledWhenItsOwnerComesToTakePartOrTheLawIsSaidToApply(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.must(r.LoadRegimes(ctx, nil))
		aware, sent := r.clock.Now().Add(-2*time.Hour), r.clock.Now()
		p := r.report(r.plant, early(aware))
		i, err := r.OpenNew(ctx, r.officer, incident.Incident{Title: "Pumps", Severity: incident.High, Marking: tlp.Amber})
		r.must(err)
		_, err = r.LinkReport(ctx, r.officer, p.ID, i.ID)
		r.must(err)
		if c := r.stage(r.officer, i, "nis2", "early-warning"); c.ID != 0 {
			t.Errorf("a clock runs for who does not take part: %+v", c)
		}
		r.clock.Advance(30 * time.Hour)
		_, err = r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: r.water.ID, Role: "affected"})
		r.must(err)
		c := r.stage(r.plant, i, "nis2", "early-warning")
		if c.State != incident.ClockMet || !c.MetAt.Equal(sent) || c.Late(r.clock.Now()) {
			t.Errorf("got %s at %s, want met in time once it takes part", c.State, c.MetAt)
		}
		// The desk ends it, says later that it applies after all, and the report counts again.
		r.must(r.EndDuty(ctx, r.officer, c.Duty, "too small"))
		r.duty(i, "nis2")
		cs, err := r.Clocks(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), i.ID)
		r.must(err)
		for _, one := range cs {
			if one.Duty != c.Duty && one.Stage == "notification" && one.State != incident.ClockRunning {
				t.Errorf("the notification of the new duty %s", one.State)
			}
			if one.Stage == "early-warning" && one.State != incident.ClockMet {
				t.Errorf("the early warning of duty %d %s, want met", one.Duty, one.State)
			}
		}
	})
}

func TestAReportMeetsTheDeadlineThatItsWriterChose(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, i := t.Context(), r.open()
		r.duty(i, "nis2")
		r.anchor(i, regime.Awareness, r.clock.Now().Add(-time.Hour))
		c := r.stage(r.plant, i, "nis2", "early-warning")
		n := early(r.clock.Now().Add(-30 * time.Minute))
		n.Clock = r.stage(r.plant, i, "nis2", "notification").ID
		_, err := r.TakeReport(ctx, r.plant, n)
		r.refused(err, fault.Invalid, "incident.clocks.none")
		n.Clock = c.ID
		p, err := r.TakeReport(ctx, r.plant, n)
		r.must(err)
		got := r.stage(r.plant, i, "nis2", "early-warning")
		if got.State != incident.ClockMet || !got.MetAt.Equal(r.clock.Now()) {
			t.Errorf("got %s at %s, want met by the report", got.State, got.MetAt)
		}
		if !got.Anchor.Equal(c.Anchor) {
			t.Error("what the desk recorded of awareness was overwritten by the report")
		}
		p, err = r.Report(ctx, r.acts.Reader(), incident.ViewerOf(r.plant), p.ID)
		r.must(err)
		if p.State != incident.ReportOpen || len(r.sees(r.plant, i)) != 1 || len(r.sees(r.inspector, i)) != 0 {
			t.Errorf("got %s; want the report in the incident, for the desk and its owner", p.State)
		}
		foreign := early(r.clock.Now())
		foreign.Clock = c.ID
		_, err = r.TakeReport(ctx, r.grid, foreign)
		r.refused(err, fault.Invalid, "incident.clocks.none")
	})
}

func TestAnOwnerWhoIsThereByNameAloneOwesByNameAlone(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		r.must(r.LoadRegimes(ctx, nil))
		i, err := r.OpenNew(ctx, r.officer, incident.Incident{Title: "Pumps", Severity: incident.High, Marking: tlp.Amber})
		r.must(err)
		me := incident.ViewerOf(r.plant)
		_, err = r.AddParticipant(ctx, r.officer, i.ID, incident.NewParticipant{Org: r.water.ID, Person: me.Person, Role: "affected"})
		r.must(err)
		_, err = r.BeginDuty(ctx, r.officer, i.ID, incident.NewDuty{Org: r.water.ID, Regime: "nis2"})
		r.must(err)
		if got := r.own(r.plant, incident.OwnFilter{}); len(got) != 5 {
			t.Errorf("who takes part by name sees %v, want the five stages", got)
		}
		if got := r.own(r.person(r.water.ID, "Colleague", guard.RoleContact), incident.OwnFilter{}); len(got) != 0 {
			t.Errorf("a colleague who does not take part sees %v", got)
		}
	})
}
