package guard_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// letter is a room with one kind of thing: it shows the refs of what was cleared.
type letter struct{ parts []guard.Part }

func (l *letter) Parts(context.Context, sqldb.Reader, guard.Thing, guard.Recipient) ([]guard.Part, error) {
	return l.parts, nil
}

func (l *letter) Render(_ context.Context, _ sqldb.Reader, _ guard.Thing, _ guard.Recipient, cleared []guard.Part) (guard.View, error) {
	var b bytes.Buffer
	for _, p := range cleared {
		b.WriteString(p.Ref + "\n")
	}
	return guard.View{Subject: "Letter", ContentType: "text/plain; charset=utf-8", Body: b.Bytes()}, nil
}

// post is a gate over a house with two operators and an exercise player.
type post struct {
	*house
	gate                 *guard.Gate
	letter               *letter
	water, power, player guard.Organisation
	toWater, toBoth      guard.Audience
	lead                 act.Actor
}

func newPost(t *testing.T, h *house) *post {
	t.Helper()
	p := &post{house: h, letter: &letter{}}
	p.water, p.power = h.org("Water", guard.KindOperator, false), h.org("Power", guard.KindOperator, false)
	p.player = h.org("Player", guard.KindOperator, true)
	p.gate = guard.NewGate(h.Guard, map[string]guard.Closure{"letter": p.letter})
	p.lead = guard.ActorOf(h.add("Ana", guard.RoleDutyLead))
	err := h.acts.Step(t.Context(), "test", func(ctx context.Context, tx *act.Tx) (err error) {
		if p.toWater, err = h.AudienceOf(ctx, tx, p.water.ID); err == nil {
			p.toBoth, err = h.AudienceOf(ctx, tx, p.water.ID, p.power.ID, p.player.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *post) release(ctx context.Context, to guard.Recipient, parts ...guard.Part) (guard.Parcel, error) {
	p.letter.parts = parts
	return p.gate.Release(ctx, p.acts.Reader(), p.lead, guard.Thing{Kind: "letter", ID: 7}, to, "warn the owner")
}

func TestWhatMayLeaveToWhomAndHow(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := newPost(t, h)
		own := guard.Part{Owner: p.water.ID, Owned: true, Audience: p.toWater}
		shared := guard.Part{Owner: p.water.ID, Owned: true, Audience: p.toBoth}
		for _, c := range []struct {
			name    string
			part    guard.Part
			marking tlp.Marking
			org     guard.Organisation
			channel guard.Channel
			want    bool
		}{
			{"own, clear, mail", own, tlp.Clear, p.water, guard.ByMail, true},
			{"own, green, mail", own, tlp.Green, p.water, guard.ByMail, true},
			{"own, amber, mail", own, tlp.Amber, p.water, guard.ByMail, false},
			{"own, amber, minimal mail", own, tlp.Amber, p.water, guard.ByMinimalMail, true},
			{"own, amber strict, sealed mail", own, tlp.AmberStrict, p.water, guard.BySealedMail, true},
			{"own, red, sealed mail", own, tlp.Red, p.water, guard.BySealedMail, false},
			{"own, amber, webhook", own, tlp.Amber, p.water, guard.ByWebhook, true},
			{"own, amber strict, webhook", own, tlp.AmberStrict, p.water, guard.ByWebhook, false},
			{"own, amber strict, link", own, tlp.AmberStrict, p.water, guard.ByLink, false},
			{"own, amber, link", own, tlp.Amber, p.water, guard.ByLink, true},
			{"own, amber strict, mail", own, tlp.AmberStrict, p.water, guard.ByMail, false},
			{"own, amber strict, signed in", own, tlp.AmberStrict, p.water, guard.SignedInPage, true},
			{"own, red, signed in", own, tlp.Red, p.water, guard.SignedInPage, false},
			{"own, unmarked, mail", own, tlp.Unmarked, p.water, guard.ByMail, false},
			{"own, unmarked, signed in", own, tlp.Unmarked, p.water, guard.SignedInPage, true},
			{"another's, not in the audience", own, tlp.Clear, p.power, guard.SignedInPage, false},
			{"another's, shared, green, mail", shared, tlp.Green, p.power, guard.ByMail, true},
			{"another's, shared, amber, mail", shared, tlp.Amber, p.power, guard.ByMail, false},
			{"another's, shared, amber, signed in", shared, tlp.Amber, p.power, guard.SignedInPage, true},
			{"another's, shared, amber strict, signed in", shared, tlp.AmberStrict, p.power, guard.SignedInPage, false},
			{"another's, shared, unmarked, signed in", shared, tlp.Unmarked, p.power, guard.SignedInPage, false},
		} {
			part := c.part
			part.Ref, part.Marking = "a", c.marking
			parcel, err := p.release(t.Context(), guard.Recipient{Org: c.org.ID, Channel: c.channel}, part)
			if got := err == nil; got != c.want || got == parcel.IsZero() {
				t.Errorf("%s: got parcel %v and %v, want released %v", c.name, !parcel.IsZero(), err, c.want)
			}
		}
		approved := shared
		approved.Approved = true
		if _, err := p.release(t.Context(), guard.Recipient{Org: p.power.ID, Channel: guard.SignedInPage}, approved); err != nil {
			t.Errorf("unmarked and approved by a person, signed in: %v", err)
		}
		lost := own
		lost.Marking, lost.Owned = tlp.Clear, false
		_, err := p.release(t.Context(), guard.Recipient{Org: p.water.ID, Channel: guard.ByMail}, lost)
		code(t, "an asset that was given away", err, fault.Denied)
	})
}

func TestExerciseAndRealDoNotMeet(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := newPost(t, h)
		drill := guard.Part{Ref: "drill", Marking: tlp.Green, Audience: p.toBoth, Exercise: true}
		serious := guard.Part{Ref: "real", Marking: tlp.Green, Audience: p.toBoth}
		_, err := p.release(t.Context(), guard.Recipient{Org: p.power.ID, Channel: guard.ByMail}, drill)
		code(t, "a drill to an organisation that is not listed", err, fault.Denied)
		parcel, err := p.release(t.Context(), guard.Recipient{Org: p.player.ID, Channel: guard.ByMail}, drill, serious)
		if err != nil || !parcel.Exercise() || strings.Contains(string(parcel.View().Body), "real") {
			t.Errorf("got %q, exercise %v and %v, want the drill alone", parcel.View().Body, parcel.Exercise(), err)
		}
	})
}

func TestWhatWasNotClearedLeavesNoTraceInTheParcel(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := newPost(t, h)
		to := guard.Recipient{Org: p.power.ID, Channel: guard.ByMail}
		seen := guard.Part{Ref: "seen", Marking: tlp.Green, Audience: p.toBoth}
		hidden := guard.Part{Ref: "hidden", Marking: tlp.Clear, Owner: p.water.ID, Owned: true, Audience: p.toWater}
		alone, err := p.release(t.Context(), to, seen)
		if err != nil {
			t.Fatal(err)
		}
		beside, err := p.release(t.Context(), to, hidden, seen, hidden)
		if err != nil || beside.Digest() != alone.Digest() || beside.Marking() != alone.Marking() || !bytes.Equal(beside.View().Body, alone.View().Body) {
			t.Errorf("got %q (%s) and %v beside what is hidden, want the same parcel as without it", beside.View().Body, beside.Marking(), err)
		}
		_, err = p.release(t.Context(), to, hidden)
		_, nothing := p.release(t.Context(), to)
		if fault.Of(err).Key != fault.Of(nothing).Key || fault.CodeOf(err) != fault.Denied || len(fault.Of(err).Args) != 0 {
			t.Errorf("got %v for the hidden and %v for nothing, want one public answer", err, nothing)
		}
		if (guard.Parcel{}).IsZero() != true || alone.IsZero() {
			t.Error("got a zero parcel that is none, want only the gate's to count")
		}
	})
}

func TestOnlyThoseWhoMayReleaseDo(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := newPost(t, h)
		p.letter.parts = []guard.Part{{Ref: "a", Marking: tlp.Clear, Audience: p.toBoth}}
		to := guard.Recipient{Org: p.power.ID, Channel: guard.ByMail}
		for who, actor := range map[string]act.Actor{
			"reader": withRole(guard.RoleReader), "administrator": h.boss(), "visitor": visitor(), "intake": act.MachineActor("watch.intake"),
		} {
			_, err := p.gate.Release(t.Context(), h.acts.Reader(), actor, guard.Thing{Kind: "letter", ID: 7}, to, "x")
			code(t, who, err, fault.Denied)
		}
		_, err := p.gate.Release(t.Context(), h.acts.Reader(), p.lead, guard.Thing{Kind: "unknown", ID: 7}, to, "x")
		code(t, "a kind that no room answers for", err, fault.Internal)
		_, err = p.gate.Release(t.Context(), h.acts.Reader(), p.lead, guard.Thing{Kind: "letter", ID: 7}, guard.Recipient{Org: 99}, "x")
		code(t, "a recipient that there is not", err, fault.NotFound)
	})
}

// Whatever the parts: nothing red leaves, nothing outside the audience but the
// recipient's own, nothing above the channel, and the parcel's marking is the
// strictest of what it shows.
func TestNothingForbiddenEverLeaves(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := newPost(t, h)
		markings := append(tlp.All(), tlp.Unmarked)
		rapid.Check(t, func(r *rapid.T) {
			org := rapid.SampledFrom([]guard.Organisation{p.water, p.power, p.player}).Draw(r, "to")
			to := guard.Recipient{Org: org.ID, Channel: rapid.SampledFrom([]guard.Channel{guard.ByMail, guard.ByLink, guard.SignedInPage}).Draw(r, "by")}
			byRef := map[string]guard.Part{}
			var parts []guard.Part
			for i := range rapid.IntRange(0, 6).Draw(r, "parts") {
				part := guard.Part{
					Ref: string(rune('a' + i)), Owner: rapid.SampledFrom([]int64{0, p.water.ID, p.power.ID, p.player.ID}).Draw(r, "owner"),
					Owned: rapid.Bool().Draw(r, "owned"), Marking: rapid.SampledFrom(markings).Draw(r, "marking"),
					Approved: rapid.Bool().Draw(r, "approved"), Exercise: rapid.Bool().Draw(r, "exercise"),
					Audience: rapid.SampledFrom([]guard.Audience{0, p.toWater, p.toBoth}).Draw(r, "audience"),
				}
				parts, byRef[part.Ref] = append(parts, part), part
			}
			parcel, err := p.release(t.Context(), to, parts...)
			if err != nil {
				if !parcel.IsZero() || fault.CodeOf(err) != fault.Denied {
					r.Fatalf("got a parcel %v with %v, want a plain refusal", parcel, err)
				}
				return
			}
			for ref := range strings.FieldsSeq(string(parcel.View().Body)) {
				if why := forbidden(p, byRef[ref], to, org, parcel); why != "" {
					r.Fatalf("part %+v left to %+v: %s", byRef[ref], to, why)
				}
			}
		})
	})
}

// forbidden says what rule a released part breaks; it is written apart from the
// gate's own.
func forbidden(p *post, part guard.Part, to guard.Recipient, org guard.Organisation, parcel guard.Parcel) string {
	own := part.Owner == org.ID
	in := part.Audience == p.toBoth || part.Audience == p.toWater && org.ID == p.water.ID
	effective := part.Marking
	if effective == tlp.Unmarked {
		effective = tlp.AmberStrict
	}
	switch {
	case part.Marking == tlp.Red:
		return "red"
	case !own && !in:
		return "outside the audience"
	case own && !part.Owned:
		return "no longer the recipient's"
	case part.Exercise && !org.Exercise, part.Exercise != parcel.Exercise():
		return "exercise and real mixed"
	case effective == tlp.AmberStrict && to.Channel != guard.SignedInPage:
		return "amber strict without sign-in"
	case part.Marking == tlp.AmberStrict && !own, part.Marking == tlp.Unmarked && !own && !part.Approved:
		return "amber strict to another organisation"
	case part.Marking == tlp.Amber && !own && to.Channel != guard.SignedInPage:
		return "amber to another without sign-in"
	case tlp.Strictest(parcel.Marking(), effective) != parcel.Marking():
		return "the parcel is marked below it"
	}
	return ""
}

func TestWhatWasChosenForNamedPersonsReachesThemAndNobodyElse(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		p := newPost(t, h)
		named, colleague := h.add("Ben", guard.RoleContact), h.add("Cleo", guard.RoleContact)
		var toBen, toWater guard.Audience
		err := h.acts.Step(t.Context(), "test", func(ctx context.Context, tx *act.Tx) (err error) {
			if toBen, err = h.AudienceFor(ctx, tx, guard.Circle{Persons: []int64{named.ID}}); err == nil {
				toWater, err = h.AudienceFor(ctx, tx, guard.Circle{Orgs: []int64{p.water.ID}})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			part   guard.Part
			to     guard.Recipient
			leaves bool
		}{
			{"red to the named person", guard.Part{Marking: tlp.Red, Chosen: true, Audience: toBen}, guard.Recipient{Org: named.Org, Person: named.ID, Channel: guard.SignedInPage}, true},
			{"red to a colleague", guard.Part{Marking: tlp.Red, Chosen: true, Audience: toBen}, guard.Recipient{Org: named.Org, Person: colleague.ID, Channel: guard.SignedInPage}, false},
			{"red in clear", guard.Part{Marking: tlp.Red, Chosen: true, Audience: toBen}, guard.Recipient{Org: named.Org, Person: named.ID, Channel: guard.ByMail}, false},
			{"red that nobody chose", guard.Part{Marking: tlp.Red, Audience: toBen}, guard.Recipient{Org: named.Org, Person: named.ID, Channel: guard.SignedInPage}, false},
			{"red to an organisation", guard.Part{Marking: tlp.Red, Chosen: true, Audience: toWater}, guard.Recipient{Org: p.water.ID, Channel: guard.SignedInPage}, false},
			{"strict to the chosen organisation", guard.Part{Marking: tlp.AmberStrict, Chosen: true, Audience: toWater}, guard.Recipient{Org: p.water.ID, Channel: guard.SignedInPage}, true},
			{"strict to another", guard.Part{Marking: tlp.AmberStrict, Chosen: true, Audience: toWater}, guard.Recipient{Org: p.power.ID, Channel: guard.SignedInPage}, false},
			{"own, but not in the chosen audience", guard.Part{Marking: tlp.Green, Chosen: true, Owner: p.power.ID, Owned: true, Audience: toWater}, guard.Recipient{Org: p.power.ID, Channel: guard.SignedInPage}, false},
		} {
			c.part.Ref = "part"
			p.letter.parts = []guard.Part{c.part}
			_, err := p.gate.Release(t.Context(), h.acts.Reader(), p.lead, guard.Thing{Kind: "letter", ID: 1}, c.to, "")
			if (err == nil) != c.leaves {
				t.Errorf("%s: got error %v, want it to leave: %v", c.name, err, c.leaves)
			}
		}
	})
}
