package constituency

import (
	"testing"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

func (r *room) person(org int64, name string, roles ...string) act.Actor {
	r.t.Helper()
	p, err := r.guard.AddPerson(r.t.Context(), r.by, guard.NewPerson{Org: org, Name: name, Roles: roles})
	if err != nil {
		r.t.Fatal(err)
	}
	return guard.ActorOf(p)
}

func TestAClaimIsApprovedOrRejected(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.acts.Reader()
		water, power := r.org("Water", guard.KindOperator), r.org("Power", guard.KindOperator)
		ana, desk := r.person(water, "Ana", guard.RoleContact), r.person(guard.OwnOrg, "Olga", guard.RoleWatchOfficer)
		r.asset(NewAsset{Org: power, Kind: "cidr", Value: "192.0.2.0/24"})

		_, err := r.ClaimAsset(ctx, ana, NewAsset{Org: power, Kind: "domain", Value: "power.example"})
		wantCode(t, err, fault.Denied, "act.denied")
		_, err = r.ClaimAsset(ctx, desk, NewAsset{Org: water, Kind: "domain", Value: "water.example"})
		wantCode(t, err, fault.Denied, "act.denied")
		a, err := r.ClaimAsset(ctx, ana, NewAsset{Org: water, Kind: "cidr", Value: "192.0.2.64/26", Note: "our new site"})
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.ClaimAsset(ctx, ana, NewAsset{Org: water, Kind: "domain", Value: "water.example"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.ClaimAsset(ctx, ana, NewAsset{Org: water, Kind: "domain", Value: "WATER.example"})
		wantCode(t, err, fault.Conflict, "constituency.asset.exists")
		if got := r.whose("192.0.2.65"); got != "Power" {
			t.Errorf("got %q while the claim waits, want Power", got)
		}
		waiting, err := r.Claims(ctx, db, ClaimFilter{State: ClaimWaiting})
		if err != nil || len(waiting) != 2 || waiting[0].Note != "our new site" || waiting[0].ClaimedBy != ana.ID {
			t.Fatalf("got %+v, %v, want two claims with Ana's words", waiting, err)
		}
		clash, err := r.Conflicts(ctx, db, waiting[0])
		if err != nil || len(clash) != 1 || clash[0].Org != power {
			t.Errorf("got %+v, %v, want Power's network", clash, err)
		}
		if clash, err := r.Conflicts(ctx, db, waiting[1]); err != nil || len(clash) != 0 {
			t.Errorf("got %+v, %v, want no clash over the name", clash, err)
		}

		_, err = r.ApproveClaim(ctx, ana, a.ID, "mine")
		wantCode(t, err, fault.Denied, "act.denied")
		if _, err := r.ApproveClaim(ctx, desk, a.ID, "seen in the register"); err != nil {
			t.Fatal(err)
		}
		if got := r.whose("192.0.2.65"); got != "Water" {
			t.Errorf("got %q after the approval, want Water", got)
		}
		_, err = r.RejectClaim(ctx, desk, a.ID, "too late")
		wantCode(t, err, fault.Conflict, "constituency.claim.decided")
		_, err = r.RejectClaim(ctx, desk, b.ID, " ")
		wantCode(t, err, fault.Invalid, "constituency.claim.reason")
		k, err := r.RejectClaim(ctx, desk, b.ID, "belongs to the ministry")
		if err != nil || k.State != ClaimRejected || k.Reason != "belongs to the ministry" || k.DecidedBy != desk.ID {
			t.Errorf("got %+v, %v, want the rejected claim", k, err)
		}
		_, err = r.RejectClaim(ctx, desk, b.ID, "again")
		wantCode(t, err, fault.Conflict, "constituency.claim.decided")
		_, err = r.RejectClaim(ctx, desk, 999, "none")
		wantCode(t, err, fault.NotFound, "constituency.claim.none")
		if n, err := r.CountClaims(ctx, db, 0); err != nil || n != 0 {
			t.Errorf("got %d claims that wait, %v, want none", n, err)
		}
		if mine, err := r.Claims(ctx, db, ClaimFilter{Org: water}); err != nil || len(mine) != 2 {
			t.Errorf("got %d claims of Water, %v, want both, decided", len(mine), err)
		}
		if _, err := r.ClaimAsset(ctx, ana, NewAsset{Org: water, Kind: "domain", Value: "water.example"}); err != nil {
			t.Errorf("to claim again what was rejected: %v", err)
		}
	})
}

func TestTooManyClaimsWait(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		water := r.org("Water", guard.KindOperator)
		ana := r.person(water, "Ana", guard.RoleContact)
		for i := range maxClaims {
			if _, err := r.ClaimAsset(t.Context(), ana, NewAsset{Org: water, Kind: "asn", Value: "AS" + string(rune('1'+i%9)) + string(rune('0'+i/9/10)) + string(rune('0'+i/9%10))}); err != nil {
				t.Fatal(i, err)
			}
		}
		_, err := r.ClaimAsset(t.Context(), ana, NewAsset{Org: water, Kind: "asn", Value: "AS64500"})
		wantCode(t, err, fault.Conflict, "constituency.claim.many")
	})
}

func TestContactsMoveInTheOrderOfEscalation(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.acts.Reader()
		water := r.org("Water", guard.KindOperator)
		for _, name := range []string{"A", "B", "C"} {
			if _, err := r.AddContact(ctx, r.by, NewContact{Org: water, Name: name, Phone: "1", Position: 7}); err != nil {
				t.Fatal(err)
			}
		}
		order := func() (s string, all []Contact) {
			all, err := r.Contacts(ctx, db, water)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range all {
				s += k.Name
			}
			return s, all
		}
		_, all := order()
		if err := r.MoveContact(ctx, r.by, all[2].ID, all[2].Version, true); err != nil {
			t.Fatal(err)
		}
		got, now := order()
		if got != "ACB" || now[0].Position != 1 || now[2].Position != 3 {
			t.Errorf("got %s, %+v, want ACB numbered from 1", got, now)
		}
		wantCode(t, r.MoveContact(ctx, r.by, all[2].ID, all[2].Version, true), fault.Conflict, "constituency.changed_meanwhile")
		wantCode(t, r.MoveContact(ctx, r.by, now[0].ID, now[0].Version, true), fault.Conflict, "constituency.changed_meanwhile")
		wantCode(t, r.MoveContact(ctx, r.person(guard.OwnOrg, "Rita", guard.RoleReader), now[0].ID, now[0].Version, false), fault.Denied, "act.denied")
		if many, err := r.AllContacts(ctx, db); err != nil || len(many[water]) != 3 || many[water][1].Name != "C" {
			t.Errorf("got %+v, %v", many, err)
		}
	})
}

func TestAnOrganisationEndsWithWhatHangsOnIt(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx, db := t.Context(), r.acts.Reader()
		water, help := r.org("Water", guard.KindOperator), r.org("Help", guard.KindProvider)
		r.asset(NewAsset{Org: water, Kind: "cidr", Value: "192.0.2.0/24"})
		r.asset(NewAsset{Org: water, Kind: "product", Value: "PLC 7"})
		if _, err := r.ClaimAsset(ctx, r.by, NewAsset{Org: water, Kind: "domain", Value: "water.example"}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.AddContact(ctx, r.by, NewContact{Org: water, Name: "A", Phone: "1"}); err != nil {
			t.Fatal(err)
		}
		if err := r.SetActsFor(ctx, r.by, help, []int64{water}); err != nil {
			t.Fatal(err)
		}
		p, err := r.PreviewEnd(ctx, db, water)
		if err != nil || p.Assets != 2 || p.Claims != 1 || p.Contacts != 1 || p.Ties != 1 {
			t.Errorf("got %+v, %v, want 2 assets, 1 claim, 1 contact, 1 tie", p, err)
		}
		wantCode(t, r.EndOrganisation(ctx, r.person(guard.OwnOrg, "Olga", guard.RoleWatchOfficer), water, "x"), fault.Denied, "act.denied")
		wantCode(t, r.EndOrganisation(ctx, r.by, guard.OwnOrg, "x"), fault.Conflict, "guard.organisation.own")
		if err := r.RenameOrganisation(ctx, r.by, water, "Water and Sons"); err != nil {
			t.Fatal(err)
		}
		if got := r.whose("192.0.2.1"); got != "Water and Sons" {
			t.Errorf("got %q, want the new name at once", got)
		}
		if err := r.EndOrganisation(ctx, r.by, water, "merged"); err != nil {
			t.Fatal(err)
		}
		if got := r.whose("192.0.2.1"); got != "" {
			t.Errorf("got %q after the end, want nobody", got)
		}
		if o, _ := r.Index().Org(water); !o.Ended {
			t.Error("the index does not know the end")
		}
		if n, err := r.CountClaims(ctx, db, 0); err != nil || n != 0 {
			t.Errorf("got %d claims, %v", n, err)
		}
		if acts, err := r.ActsFor(ctx, db, help); err != nil || len(acts) != 0 {
			t.Errorf("got %v, %v, want nobody acted for", acts, err)
		}
	})
}
