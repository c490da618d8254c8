package constituency

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
)

// room is the constituency on a database, with what is below it.
type room struct {
	*Constituency
	t     testing.TB
	acts  *act.Acts
	guard *guard.Guard
	by    act.Actor
}

func lines() []sqldb.Migrations {
	return []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations},
		{Room: "act", Files: act.Migrations},
		{Room: "guard", Files: guard.Migrations},
		{Room: "constituency", Files: Migrations},
	}
}

func each(t *testing.T, f func(t *testing.T, r *room)) {
	t.Helper()
	sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) { f(t, newRoom(t, db)) })
}

func newRoom(t testing.TB, db *sqldb.DB) *room {
	t.Helper()
	policies, err := guard.LoadPolicies()
	if err != nil {
		t.Fatal(err)
	}
	c := clocktest.New(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	acts := act.New(act.Config{DB: db, Clock: c, IDs: id.NewSource(c, nil), Decider: policies, Log: slog.New(slog.DiscardHandler)})
	g := guard.New(acts)
	r := &room{Constituency: New(acts, g, slog.New(slog.DiscardHandler)), t: t, acts: acts, guard: g, by: guard.LocalOperator()}
	acts.Subscribe(r.Subscription())
	if _, err := g.Found(t.Context(), "National CSIRT of Atalaya", "XA"); err != nil {
		t.Fatal(err)
	}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *room) org(name string, kind guard.Kind) int64 {
	r.t.Helper()
	o, err := r.AddOrganisation(r.t.Context(), r.by, guard.NewOrganisation{Kind: kind, Name: name, Country: "XA"}, Standing{})
	if err != nil {
		r.t.Fatal(err)
	}
	return o.ID
}

func (r *room) asset(n NewAsset) Asset {
	r.t.Helper()
	as, err := r.ChangeAssets(r.t.Context(), r.by, "", AssetChange{Add: &n})
	if err != nil {
		r.t.Fatal(err)
	}
	return as[0]
}

func (r *room) imports(kind ImportKind, apply bool, csv string) ImportResult {
	r.t.Helper()
	res, err := r.Import(r.t.Context(), r.by, kind, strings.NewReader(csv), apply)
	if err != nil {
		r.t.Fatalf("import: %v", err)
	}
	return res
}

// whose is the name of the organisation that a subject belongs to today.
func (r *room) whose(subject string) string {
	r.t.Helper()
	l, err := r.Lookup(r.t.Context(), r.acts.Reader(), subject, DayOf(r.acts.Clock().Now()))
	if err != nil {
		r.t.Fatal(err)
	}
	return l.Org.Name
}

func wantCode(t *testing.T, err error, code fault.Code, key string) {
	t.Helper()
	if f := fault.Of(err); fault.CodeOf(err) != code || f.Key != key {
		t.Errorf("got %v, want %s: %s", err, code, key)
	}
}

func TestAnAssetIsFoundChangedAndEnded(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		water, power := r.org("Water of Atalaya", guard.KindOperator), r.org("Power of Atalaya", guard.KindOperator)
		a := r.asset(NewAsset{Org: water, Kind: "cidr", Value: "192.0.2.0/24"})
		if got := r.whose("192.0.2.7"); got != "Water of Atalaya" {
			t.Errorf("got %q, want the water company", got)
		}
		_, err := r.ChangeAssets(ctx, r.by, "", AssetChange{Add: &NewAsset{Org: water, Kind: "cidr", Value: "192.0.2.0/24"}})
		wantCode(t, err, fault.Conflict, "constituency.asset.exists")

		moved, err := r.ChangeAssets(ctx, r.by, "sold", AssetChange{Change: &AssetEdit{ID: a.ID, Org: power, Version: a.Version}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.whose("192.0.2.7"); got != "Power of Atalaya" {
			t.Errorf("got %q, want the power company", got)
		}
		_, err = r.ChangeAssets(ctx, r.by, "", AssetChange{End: &AssetEnd{ID: a.ID, Version: a.Version}})
		wantCode(t, err, fault.Conflict, "constituency.changed_meanwhile")

		if _, err := r.ChangeAssets(ctx, r.by, "gone", AssetChange{End: &AssetEnd{ID: a.ID, Version: moved[0].Version}}); err != nil {
			t.Fatal(err)
		}
		if got := r.whose("192.0.2.7"); got != "" {
			t.Errorf("got %q after the end, want nobody", got)
		}
		l, err := r.Lookup(ctx, r.acts.Reader(), "192.0.2.7", DayOf(r.acts.Clock().Now())-1)
		if err != nil || l.Org.Name != "Power of Atalaya" {
			t.Errorf("got %q, %v on the day before, want the power company", l.Org.Name, err)
		}
		same := newRoomIndex(t, r)
		if got, want := same.Match(&Subject{IP: l.Subject.IP}, l.Day), r.Index().Match(&Subject{IP: l.Subject.IP}, l.Day); got != want {
			t.Errorf("loaded anew: got %+v, want %+v", got, want)
		}
	})
}

func newRoomIndex(t *testing.T, r *room) *Index {
	t.Helper()
	x, err := loadIndex(t.Context(), r.acts.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestAClaimWaitsForApproval(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		water := r.org("Water of Atalaya", guard.KindOperator)
		a, err := r.ClaimAsset(t.Context(), r.by, NewAsset{Org: water, Kind: "domain", Value: "Water.example."})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.whose("scada.water.example"); got != "" {
			t.Errorf("got %q before approval, want nobody", got)
		}
		if _, err := r.ChangeAssets(t.Context(), r.by, "", AssetChange{Approve: a.ID}); err != nil {
			t.Fatal(err)
		}
		if got := r.whose("scada.water.example"); got != "Water of Atalaya" {
			t.Errorf("got %q after approval, want the water company", got)
		}
	})
}

func TestAnEditThatOverwritesAnotherIsAConflict(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		water := r.org("Water of Atalaya", guard.KindOperator)
		s, err := r.Standing(ctx, r.acts.Reader(), water)
		if err != nil {
			t.Fatal(err)
		}
		s.Sectors = []string{"drinking-water"}
		if err := r.SetStanding(ctx, r.by, s); err != nil {
			t.Fatal(err)
		}
		if got := r.Index().OrgsInSector("drinking-water"); len(got) != 1 || got[0] != water {
			t.Errorf("got %v in the sector, want %d", got, water)
		}
		s.Sectors = []string{"waste-water"}
		wantCode(t, r.SetStanding(ctx, r.by, s), fault.Conflict, "constituency.changed_meanwhile")

		k, err := r.AddContact(ctx, r.by, NewContact{Org: water, Name: "Ana Luz", Email: "ana@water.example"})
		if err != nil {
			t.Fatal(err)
		}
		e := ContactEdit{ID: k.ID, Version: k.Version, NewContact: NewContact{Name: "Ana Luz", Email: "ana@water.example", Phone: "+49 30 1", Position: 1}}
		if err := r.ChangeContact(ctx, r.by, e); err != nil {
			t.Fatal(err)
		}
		wantCode(t, r.ChangeContact(ctx, r.by, e), fault.Conflict, "constituency.changed_meanwhile")
		if err := r.EndContact(ctx, r.by, k.ID, k.Version+1); err != nil {
			t.Fatal(err)
		}
		if left, err := r.Contacts(ctx, r.acts.Reader(), water); err != nil || len(left) != 0 {
			t.Errorf("got %v, %v after the end, want no contact", left, err)
		}
	})
}

func TestAnOrganisationAddedAtGuardIsKnownHere(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := context.WithoutCancel(t.Context())
		o, err := r.guard.AddOrganisation(ctx, r.by, guard.NewOrganisation{Kind: "peer", Name: "CSIRT of Belmar", Country: "XB"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.acts.Deliver(ctx, "constituency.organisations"); err != nil {
			t.Fatal(err)
		}
		if m := r.Index().Match(&Subject{CC: [2]byte{'X', 'B'}}, 1); m.Org != o.ID || m.Level != NationalCSIRT {
			t.Errorf("got %+v, want organisation %d", m, o.ID)
		}
	})
}

func newRoomOnSQLite(t *testing.T) *room {
	t.Helper()
	l := lines()
	return newRoom(t, sqldbtest.Open(t, sqldbtest.SQLite(t), l))
}

func TestTheIndexIsWhatALoadMakes(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		rnd := rand.New(rand.NewPCG(7, 7))
		orgs := []int64{r.org("Water", guard.KindOperator), r.org("Net", guard.KindNetwork), r.org("Power", guard.KindOperator)}
		var have []Asset
		for i := range 60 {
			var ch AssetChange
			switch at := rnd.IntN(max(len(have), 1)); {
			case len(have) == 0 || rnd.IntN(3) > 0:
				value := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rnd.IntN(4)), byte(rnd.IntN(4)), 0}), 8+rnd.IntN(20)).Masked()
				ch.Add = &NewAsset{Org: orgs[rnd.IntN(3)], Kind: "cidr", Value: value.String(), From: fmt.Sprintf("2026-11-%02d", 1+rnd.IntN(28))}
			case rnd.IntN(2) == 0:
				ch.End = &AssetEnd{ID: have[at].ID, Version: have[at].Version}
			default:
				ch.Change = &AssetEdit{ID: have[at].ID, Org: orgs[rnd.IntN(3)], Version: have[at].Version}
			}
			after, err := r.ChangeAssets(t.Context(), r.by, "", ch)
			if fault.CodeOf(err) == fault.Conflict {
				continue // the same value of the same organisation again
			}
			if err != nil {
				t.Fatalf("change %d: %v", i, err)
			}
			have = slices.DeleteFunc(have, func(a Asset) bool { return a.ID == after[0].ID })
			have = append(have, after[0])
		}
		loaded, kept := newRoomIndex(t, r), r.Index()
		for i := range 256 {
			s := &Subject{IP: netip.AddrFrom4([4]byte{10, byte(i & 3), byte(i >> 2 & 3), byte(i)})}
			day := DayOf(r.acts.Clock().Now()) + Day(i%20) - 10
			if got, want := kept.Match(s, day), loaded.Match(s, day); got != want {
				t.Fatalf("%s on %s: got %+v, want %+v as loaded", s.IP, day, got, want)
			}
		}
	})
}

func TestThePeopleOfTheConstituencyMayImportAndReadersMayNot(t *testing.T) {
	r := newRoomOnSQLite(t)
	r.by = act.Actor{ID: "person:7", Kind: act.Person, Org: 1, Roles: []string{guard.RoleReader}}
	_, err := r.Import(t.Context(), r.by, OrganisationsFile, strings.NewReader(twoCompanies), false)
	wantCode(t, err, fault.Denied, "act.denied")
	r.by.Roles = []string{guard.RoleConstituency}
	if res := r.imports(OrganisationsFile, true, twoCompanies); !res.Applied {
		t.Errorf("got %+v, want it applied", res)
	}
}
