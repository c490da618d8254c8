package incident_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/incident"
	"almenara.example/sealed"
	"almenara.example/tlp"
)

// danger opens an incident of water alone, with lines of the desk, of water and of
// power, and lets the first two cross to the police.
func (r *room) danger(delay time.Duration) (incident.Incident, incident.Crossing) {
	r.t.Helper()
	i, err := r.OpenNew(r.t.Context(), r.officer, incident.Incident{Title: "A threat at a water works", Severity: incident.Critical, Marking: tlp.Amber})
	r.must(err)
	for _, org := range []int64{r.water.ID, r.power.ID} {
		_, err := r.AddParticipant(r.t.Context(), r.officer, i.ID, incident.NewParticipant{Org: org, Role: "affected"})
		r.must(err)
	}
	mine := r.write(r.officer, i, tlp.AmberStrict, "the caller named a time")
	water, err := r.AddEntry(r.t.Context(), r.plant, i.ID, incident.NewEntry{
		Kind: incident.Note, Marking: tlp.AmberStrict, Text: "somebody stands at our pump", Observables: []incident.NewObservable{{Value: "192.0.2.7"}},
	})
	r.must(err)
	_, err = r.AddEntry(r.t.Context(), r.grid, i.ID, incident.NewEntry{
		Kind: incident.Note, Marking: tlp.AmberStrict, Text: "we see the same address", Observables: []incident.NewObservable{{Value: "192.0.2.7"}},
	})
	r.must(err)
	n := incident.NewCrossing{Org: r.police.ID, Entries: []int64{water.ID, mine.ID}, Ground: "eu-led-10b", Why: "a worker is threatened", OwnersAfter: delay}
	if delay > 0 {
		n.DelayReason = "the person at the pump may be of the owner's"
	}
	c, err := r.CrossForDanger(r.t.Context(), r.officer, i.ID, n)
	r.must(err)
	return i, c
}

// policeReads is what the release gate lets somebody of the police read of a crossing.
func (r *room) policeReads(c incident.Crossing) (out []string) {
	r.t.Helper()
	now, err := r.Crossing(r.t.Context(), r.acts.Reader(), c.ID)
	r.must(err)
	parts, err := r.CrossingParts(r.t.Context(), r.acts.Reader(), now)
	r.must(err)
	ok := map[string]bool{}
	for _, p := range parts {
		ok[p.Ref] = true
	}
	d, err := r.CrossingDocOf(r.t.Context(), r.acts.Reader(), now, ok)
	r.must(err)
	for _, l := range d.Lines {
		out = append(out, l.Text)
	}
	return out
}

// mails lists the state of the letters of a kind about something, after sending.
func (r *room) mails(about int64, kind incident.LetterKind) (out []string) {
	r.t.Helper()
	r.must(r.SendLetters(r.t.Context()))
	ls, err := r.LettersAbout(r.t.Context(), r.acts.Reader(), about, kind)
	r.must(err)
	for _, l := range ls {
		out = append(out, l.State)
	}
	return out
}

func TestThePoliceSeesExactlyTheLinesThatWereChosen(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		r.person(guard.OwnOrg, "Ombuds", guard.RoleOversight)
		i, c := r.danger(0)
		if d := cmp.Diff([]string{"the caller named a time", "somebody stands at our pump"}, r.policeReads(c)); d != "" {
			t.Errorf("the police reads (-want +got):\n%s", d)
		}
		police := incident.ViewerOf(r.inspector)
		if got := r.sees(r.inspector, i); got != nil {
			t.Errorf("the police sees %q of the incident", got)
		}
		if found, err := r.List(t.Context(), r.acts.Reader(), police, incident.Filter{}); err != nil || len(found) != 0 {
			t.Errorf("the police lists %d incidents (%v), want none", len(found), err)
		}
		if n, err := r.Count(t.Context(), r.acts.Reader(), police, incident.Filter{}, 10); err != nil || n != 0 {
			t.Errorf("the police counts %d incidents (%v), want none", n, err)
		}
		if sights, err := r.Links(t.Context(), r.acts.Reader(), police, "ipv4:192.0.2.7", 0, 10); err != nil || len(sights) != 0 {
			t.Errorf("the police finds %d sights (%v), want none", len(sights), err)
		}
		_, err := r.Incident(t.Context(), r.acts.Reader(), police, i.ID)
		r.refused(err, fault.NotFound, "incident.none")
		for kind, want := range map[incident.LetterKind][]string{incident.LetterPolice: {"outbox"}, incident.LetterOversight: {"outbox"}} {
			if d := cmp.Diff(want, r.mails(c.ID, kind)); d != "" {
				t.Errorf("letters %s (-want +got):\n%s", kind, d)
			}
		}
		r.bodiesWithout("pump", "caller", "192.0.2.7")
	})
}

// bodiesWithout fails when a mail that left in clear says one of these words.
func (r *room) bodiesWithout(words ...string) {
	r.t.Helper()
	ms, err := r.Outbound.Messages(r.t.Context(), r.acts.Reader(), "", 1<<62, 100)
	r.must(err)
	if len(ms) == 0 {
		r.t.Error("no mail left")
	}
	for _, m := range ms {
		for _, w := range words {
			if strings.Contains(string(m.Body)+m.Subject, w) {
				r.t.Errorf("a mail in clear says %q:\n%s", w, m.Body)
			}
		}
	}
}

func TestOwnersAreToldAtOnceOrWhenItWasSet(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		told := func(i incident.Incident) bool {
			for _, text := range r.sees(r.plant, i) {
				if strings.Contains(text, "somebody stands at our pump") && strings.Contains(text, r.police.Name) {
					return true
				}
			}
			return false
		}
		i, _ := r.danger(0)
		if !told(i) {
			t.Error("water was not told at once")
		}
		for _, text := range r.sees(r.grid, i) {
			if strings.Contains(text, r.police.Name) {
				t.Errorf("power, whose line stayed, reads %q", text)
			}
		}
		i, _ = r.danger(24 * time.Hour)
		r.must(r.WatchCrossings(t.Context()))
		if told(i) {
			t.Error("water was told before the time that was set")
		}
		r.clock.Advance(24 * time.Hour)
		r.must(r.WatchCrossings(t.Context()))
		r.must(r.WatchCrossings(t.Context()))
		if !told(i) || len(r.sees(r.plant, i)) != 2 {
			t.Errorf("water sees %q, want its line and one word about it", r.sees(r.plant, i))
		}
	})
}

func TestSilenceRaisesTheAlarmAndRecalls(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		_, c := r.danger(0)
		needs, err := r.CrossingNeeds(t.Context(), r.acts.Reader())
		r.must(err)
		if len(needs) != 1 || needs[0].Alarm {
			t.Fatalf("got needs %v, want one review", needs)
		}
		r.clock.Advance(72*time.Hour - time.Second)
		r.must(r.WatchCrossings(t.Context()))
		if got := r.policeReads(c); len(got) != 2 {
			t.Errorf("a second before its time the police reads %q", got)
		}
		r.clock.Advance(time.Second)
		r.must(r.WatchCrossings(t.Context()))
		if got := r.policeReads(c); got != nil {
			t.Errorf("after the silence the police reads %q", got)
		}
		needs, err = r.CrossingNeeds(t.Context(), r.acts.Reader())
		r.must(err)
		if len(needs) != 1 || !needs[0].Alarm {
			t.Errorf("got needs %v, want one alarm", needs)
		}
		if d := cmp.Diff([]string{"outbox"}, r.mails(c.ID, incident.LetterAlarm)); d != "" {
			t.Errorf("letters of the alarm (-want +got):\n%s", d)
		}
		if got, err := r.Crossings(t.Context(), r.acts.Reader(), incident.CrossingFilter{Org: r.police.ID}); err != nil || len(got) != 1 || got[0].RecalledAt.IsZero() {
			t.Errorf("got %v (%v), want the record that it was given and recalled", got, err)
		}
		r.must(r.ReviewCrossing(t.Context(), r.other, c.ID, incident.Approved, "it was right"))
		if got := r.policeReads(c); got != nil {
			t.Errorf("a late review opened it again: %q", got)
		}
	})
}

func TestTheReviewIsForAnotherPerson(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		_, c := r.danger(0)
		r.refused(r.ReviewCrossing(t.Context(), r.officer, c.ID, incident.Approved, "mine"), fault.Denied, "incident.crossing.other_person")
		r.refused(r.ReviewCrossing(t.Context(), guard.LocalOperator(), c.ID, incident.Approved, "nobody's"), fault.Denied, "incident.crossing.other_person")
		r.must(r.ReviewCrossing(t.Context(), r.other, c.ID, incident.Objected, "it was too much"))
		if got := r.policeReads(c); got != nil {
			t.Errorf("after the objection the police reads %q", got)
		}
		r.refused(r.ReviewCrossing(t.Context(), r.other, c.ID, incident.Approved, "again"), fault.Conflict, "incident.crossing.reviewed")
		_, c = r.danger(0)
		r.must(r.ReviewCrossing(t.Context(), r.other, c.ID, incident.Approved, "it was right"))
		r.clock.Advance(100 * time.Hour)
		r.must(r.WatchCrossings(t.Context()))
		if got := r.policeReads(c); len(got) != 2 {
			t.Errorf("after the approval the police reads %q, want both lines", got)
		}
	})
}

func TestACrossingIsRefusedWhereSomethingIsMissing(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		mine := r.write(r.officer, i, tlp.Amber, "a line")
		good := incident.NewCrossing{Org: r.police.ID, Entries: []int64{mine.ID}, Ground: "eu-led-10b", Why: "a life"}
		for key, change := range map[string]func(*incident.NewCrossing){
			"incident.crossing.lines":          func(n *incident.NewCrossing) { n.Entries = nil },
			"incident.crossing.ground_unknown": func(n *incident.NewCrossing) { n.Ground = "xx-none" },
			"incident.crossing.ground_missing": func(n *incident.NewCrossing) { n.Ground = "" },
			"incident.crossing.delay":          func(n *incident.NewCrossing) { n.OwnersAfter, n.DelayReason = 73*time.Hour, "x" },
			"incident.text.empty":              func(n *incident.NewCrossing) { n.OwnersAfter = time.Hour },
			"incident.crossing.police":         func(n *incident.NewCrossing) { n.Org = r.water.ID },
			"incident.crossing.entry_none":     func(n *incident.NewCrossing) { n.Entries = append(n.Entries, 1<<40) },
		} {
			n := good
			n.Entries = append([]int64{}, good.Entries...)
			change(&n)
			_, err := r.CrossForDanger(t.Context(), r.officer, i.ID, n)
			r.refused(err, fault.Invalid, key)
		}
		_, err := r.CrossForDanger(t.Context(), r.inspector, i.ID, good)
		r.refused(err, fault.Denied, "")
	})
}

func TestAPackageForTheBenchNeedsConsentOrAMandate(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		court := r.org("Court", "court")
		mine, theirs := r.write(r.officer, i, tlp.Amber, "what the desk saw"), r.write(r.plant, i, tlp.AmberStrict, "what water saw")
		identity, err := age.GenerateX25519Identity()
		r.must(err)
		r.must(r.SetSealKey(t.Context(), r.other, court.ID, identity.Recipient().String()))
		n := incident.NewPackage{Incident: i.ID, Org: court.ID, Entries: []int64{mine.ID, theirs.ID}}
		_, err = r.MakeBenchPackage(t.Context(), r.officer, n)
		r.refused(err, fault.Invalid, "incident.package.no_basis")
		r.must(r.AskConsent(t.Context(), r.officer, i.ID, n.Entries, court.ID))
		asked, err := r.AskedOf(t.Context(), r.acts.Reader(), incident.ViewerOf(r.plant))
		r.must(err)
		if len(asked) != 1 || asked[0].Entry != theirs.ID {
			t.Fatalf("water is asked %v, want about its own line", asked)
		}
		r.refused(r.AnswerConsent(t.Context(), r.grid, asked[0].ID, true), fault.NotFound, "")
		r.must(r.AnswerConsent(t.Context(), r.plant, asked[0].ID, true))
		weaker := incident.Consent{Entry: theirs.ID, To: court.ID, Strength: "phone", SaidBy: "Plant", Phone: "+34 900 000 000"}
		r.refused(r.RecordConsent(t.Context(), r.officer, weaker, true), fault.Conflict, "incident.consent.stronger")
		p, err := r.MakeBenchPackage(t.Context(), r.officer, n)
		r.must(err)
		body, err := r.PackageFile(t.Context(), p)
		r.must(err)
		if err := sealed.Verify(body, p.Signature, r.verifier); err != nil {
			t.Errorf("the signature: %v", err)
		}
		wrong, err := age.GenerateX25519Identity()
		r.must(err)
		if _, err := sealed.Open(bytes.NewReader(body), wrong); !errors.Is(err, sealed.ErrLocked) {
			t.Errorf("with the wrong key: got %v, want %v", err, sealed.ErrLocked)
		}
		m, err := sealed.Open(bytes.NewReader(body), identity)
		r.must(err)
		if len(m.Entries) != 2 || m.Entries[0].Basis != "own" || m.Entries[1].Consent == nil || m.Entries[1].Consent.Strength != "portal" {
			t.Errorf("got entries %+v, want the desk's own and water's by consent in the portal", m.Entries)
		}
		// Water takes its word back: the next package is refused, and goes under an order.
		r.must(r.AnswerConsent(t.Context(), r.plant, asked[0].ID, false))
		_, err = r.MakeBenchPackage(t.Context(), r.officer, n)
		r.refused(err, fault.Invalid, "incident.package.no_basis")
		order, err := r.RecordMandate(t.Context(), r.officer, incident.Mandate{
			Incident: i.ID, Kind: "order", Reference: "12/2026", Issuer: "Court", Scope: "all of it", IssuedAt: r.clock.Now(), ExpiresAt: r.clock.Now().Add(time.Hour),
		})
		r.must(err)
		n.Mandate = order.ID
		_, err = r.MakeBenchPackage(t.Context(), r.officer, n)
		r.must(err)
		r.clock.Advance(2 * time.Hour)
		_, err = r.MakeBenchPackage(t.Context(), r.officer, n)
		r.refused(err, fault.Invalid, "incident.mandate.expired")
	})
}

func TestATransferSendsWhatIsNewToWhomItMayGo(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		first := r.write(r.officer, i, tlp.Green, "an address of yours attacks")
		theirs := r.write(r.plant, i, tlp.AmberStrict, "what water saw")
		n := incident.NewPackage{Incident: i.ID, Org: r.peer.ID, Entries: []int64{first.ID, theirs.ID}, Restrictions: "not for the press"}
		_, _, err := r.OfferTransfer(t.Context(), r.officer, n)
		r.refused(err, fault.Invalid, "incident.package.no_basis")
		n.Entries = []int64{first.ID}
		tr, p, err := r.OfferTransfer(t.Context(), r.officer, n)
		r.must(err)
		body, err := r.PackageFile(t.Context(), p)
		r.must(err)
		m, err := sealed.Open(bytes.NewReader(body))
		r.must(err)
		if m.Restrictions != "not for the press" || m.Number != r.Number(i.ID) || len(m.Entries) != 1 {
			t.Errorf("got manifest %+v, want one entry, our number and the restriction", m)
		}
		r.must(r.AnswerTransfer(t.Context(), r.officer, tr.ID, incident.Accepted, "Nora", "NB-7", ""))
		_, err = r.UpdateTransfer(t.Context(), r.officer, tr.ID, []int64{first.ID})
		r.refused(err, fault.Invalid, "incident.transfer.sent")
		r.must(r.EditEntry(t.Context(), r.officer, first.ID, first.Version, "two addresses of yours attack"))
		p, err = r.UpdateTransfer(t.Context(), r.officer, tr.ID, []int64{first.ID})
		r.must(err)
		body, err = r.PackageFile(t.Context(), p)
		r.must(err)
		m, err = sealed.Open(bytes.NewReader(body))
		r.must(err)
		if m.Version != 2 || m.Yours != "NB-7" || m.Entries[0].Text != "two addresses of yours attack" {
			t.Errorf("got version %d to %s saying %q, want the second with both numbers", m.Version, m.Yours, m.Entries[0].Text)
		}
		r.must(r.AnswerTransfer(t.Context(), r.officer, tr.ID, incident.Declined, "Nora", "", "not ours after all"))
		late := r.write(r.officer, i, tlp.Green, "later")
		_, err = r.UpdateTransfer(t.Context(), r.officer, tr.ID, []int64{late.ID})
		r.refused(err, fault.Conflict, "incident.transfer.declined")
	})
}

func TestASituationReportIsFilledInWrittenAndMailed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		i := r.open()
		for kind, text := range map[incident.Kind]string{incident.Status: "two pumps stand still", incident.Decision: "remote access is cut"} {
			_, err := r.AddEntry(t.Context(), r.officer, i.ID, incident.NewEntry{Kind: kind, Marking: tlp.Amber, Text: text})
			r.must(err)
		}
		_, err := r.AddEntry(t.Context(), r.plant, i.ID, incident.NewEntry{Kind: incident.Status, Marking: tlp.AmberStrict, Text: "our secret"})
		r.must(err)
		_, err = r.AddService(t.Context(), r.plant, i.ID, incident.NewService{Org: r.water.ID, Name: "Reservoir", People: 210_000, Marking: tlp.Amber, Now: incident.NewStep{State: incident.Down}})
		r.must(err)
		d, err := r.DraftSitrep(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), i.ID, "en")
		r.must(err)
		if !strings.Contains(d.Happened, "two pumps stand still") || !strings.Contains(d.Doing, "remote access is cut") || !strings.Contains(d.Affected, "Water") {
			t.Errorf("the draft lacks what is known: %+v", d)
		}
		if strings.Contains(d.Happened, "our secret") || d.Floor != tlp.Amber {
			t.Errorf("the draft says another's strict words, or is marked %s: %q", d.Floor, d.Happened)
		}
		if strings.Contains(d.Affected, "Reservoir") || d.People != -1 || d.Untold != 210_000 {
			t.Errorf("of what the operator named to the desk the draft says %q, %d people and %d untold", d.Affected, d.People, d.Untold)
		}
		d.Marking = tlp.Green
		_, err = r.WriteSitrep(t.Context(), r.officer, d, 0)
		r.refused(err, fault.Invalid, "incident.text.empty") // lowering needs a reason
		d.Lowered, d.People = "checked with everybody", 12_000
		s, err := r.WriteSitrep(t.Context(), r.officer, d, 0)
		r.must(err)
		_, err = r.WriteSitrep(t.Context(), r.other, d, 0)
		r.refused(err, fault.Conflict, "incident.changed_meanwhile")
		e, err := r.Entry(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), s.Entry)
		r.must(err)
		if e.Kind != incident.Status || e.SourceID != s.ID {
			t.Errorf("got an entry of kind %s about %d, want a status about %d", e.Kind, e.SourceID, s.ID)
		}
		page, err := r.PrintSitrep(t.Context(), r.acts.Reader(), s)
		r.must(err)
		for _, want := range []string{"TLP:GREEN", "12,000 people", "two pumps stand still", "@page { size: A4"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("the printed page lacks %q", want)
			}
		}
		r.must(r.MailSitrep(t.Context(), r.officer, s.ID, []int64{incident.ViewerOf(r.inspector).Person}))
		if diff := cmp.Diff([]string{"outbox"}, r.mails(s.ID, incident.LetterSitrep)); diff != "" {
			t.Errorf("letters (-want +got):\n%s", diff)
		}
		d.Marking, d.Lowered = tlp.Amber, ""
		strict, err := r.WriteSitrep(t.Context(), r.officer, d, 1)
		r.must(err)
		r.must(r.MailSitrep(t.Context(), r.officer, strict.ID, []int64{incident.ViewerOf(r.inspector).Person}))
		if diff := cmp.Diff([]string{"withheld"}, r.mails(strict.ID, incident.LetterSitrep)); diff != "" {
			t.Errorf("letters in clear above TLP:GREEN (-want +got):\n%s", diff)
		}
		national, err := r.DraftNational(t.Context(), r.acts.Reader(), incident.ViewerOf(r.officer), nil, false, "en")
		r.must(err)
		if national.People != 12_000 || !strings.Contains(national.Happened, r.Number(i.ID)) {
			t.Errorf("the national picture lacks the incident: %+v", national)
		}
		_, err = r.WriteSitrep(t.Context(), r.officer, national, 0)
		r.must(err)
	})
}

func TestACallIsRecordedWithANumberOfTheDirectory(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		p, err := r.Guard.Person(t.Context(), r.acts.Reader(), incident.ViewerOf(r.inspector).Person)
		r.must(err)
		_, c := r.danger(0)
		call := incident.CrossingCall{Crossing: c.ID, About: "confirm", Name: "Inspector", Phone: "+34 600 000 000", Outcome: "reached"}
		r.refused(r.RecordCall(t.Context(), r.officer, call), fault.Invalid, "incident.crossing.call_number")
		if p.Phone == "" {
			_, err := r.Constituency.AddContact(t.Context(), r.keeper(), newContact(r.police.ID))
			r.must(err)
		}
		_, c = r.danger(0)
		call.Crossing, call.Phone = c.ID, "+34 900 123 456"
		r.must(r.RecordCall(t.Context(), r.officer, call))
		calls, err := r.CrossingCalls(t.Context(), r.acts.Reader(), c.ID)
		r.must(err)
		if len(calls) != 1 || calls[0].Name != "Inspector" || calls[0].By != r.officer.ID {
			t.Errorf("got calls %v, want the one that was recorded", calls)
		}
	})
}

func (r *room) keeper() act.Actor { return r.person(guard.OwnOrg, "Keeper", guard.RoleConstituency) }

func newContact(org int64) constituency.NewContact {
	return constituency.NewContact{Org: org, Name: "Situation room", Email: "room@police.example", Phone: "+34 900 123 456", Position: 1}
}
