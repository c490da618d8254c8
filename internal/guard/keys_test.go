package guard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/ProtonMail/gopenpgp/v3/crypto"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

// newPair makes a pair whose public half lasts for a time, 0 for ever.
func newPair(t *testing.T, made time.Time, life time.Duration, name, address string) *openpgp.Entity {
	t.Helper()
	k, err := crypto.PGP().KeyGeneration().AddUserId(name, address).Lifetime(int32(life / time.Second)).
		GenerationTime(made.Unix()).New().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k.GetEntity()
}

func public(t *testing.T, e *openpgp.Entity) []byte {
	t.Helper()
	k, err := crypto.NewKeyFromEntity(e)
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.GetArmoredPublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

func TestAKeyIsAddedChosenRenewedAndRetired(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, now, db := t.Context(), h.clock.Now(), h.acts.Reader()
		water := h.org("Water", guard.KindOperator, false)
		ana, err := h.AddPerson(ctx, h.boss(), guard.NewPerson{Org: water.ID, Name: "Ana", Email: "ana@water.example", Roles: []string{guard.RoleContact}})
		if err != nil {
			t.Fatal(err)
		}
		officer := guard.ActorOf(h.add("Olga", guard.RoleWatchOfficer))
		old := newPair(t, now.AddDate(-1, 0, 0), 0, "Ana", "ana@water.example")
		k, err := h.AddKey(ctx, officer, ana.ID, public(t, old))
		if err != nil {
			t.Fatal(err)
		}
		if k.Source != guard.KeyFromDesk || !k.UsableAt(now) || !k.Names("Ana@Water.example") || k.Names("bob@water.example") {
			t.Errorf("got %+v, want a usable key of Ana from the desk", k)
		}
		short := newPair(t, now.AddDate(0, -1, 0), 42*24*time.Hour, "Ana", "ana@water.example")
		if k, err = h.AddKey(ctx, guard.ActorOf(ana), ana.ID, public(t, short)); err != nil || k.Source != guard.KeyFromPortal {
			t.Fatalf("got %+v, %v, want Ana's own key", k, err)
		}
		best, ok, err := h.EncryptionKey(ctx, db, ana.ID, now)
		if err != nil || !ok || best.ID != k.ID {
			t.Errorf("got %v, %v, %v, want the newest key", best.ID, ok, err)
		}
		if soon, err := h.Expiring(ctx, db, now.AddDate(0, 0, 30)); err != nil || len(soon) != 0 {
			t.Errorf("got %d keys that expire, %v, want none: another one stays", len(soon), err)
		}
		all, err := h.KeysOf(ctx, db, ana.ID)
		if err != nil || len(all) != 2 || all[0].ID != k.ID {
			t.Fatalf("got %v, %v, want two keys, the newest first", all, err)
		}
		if _, err := h.RetireKey(ctx, officer, all[1].ID); err != nil {
			t.Fatal(err)
		}
		if soon, err := h.Expiring(ctx, db, now.AddDate(0, 0, 30)); err != nil || len(soon) != 1 || soon[0].ID != k.ID {
			t.Errorf("got %v, %v, want the key that expires in twelve days", soon, err)
		}
		if _, ok, err := h.EncryptionKey(ctx, db, ana.ID, now.AddDate(0, 0, 13)); err != nil || ok {
			t.Errorf("got %v, %v, want no key after its end", ok, err)
		}

		whole := public(t, short)
		if err := short.Revoke(packet.KeyCompromised, "lost", &packet.Config{Time: func() time.Time { return now.Add(-time.Hour) }}); err != nil {
			t.Fatal(err)
		}
		if k, err = h.AddKey(ctx, officer, ana.ID, public(t, short)); err != nil || k.Revoked.IsZero() {
			t.Fatalf("got %+v, %v, want the revocation taken over", k, err)
		}
		if _, ok, err := h.EncryptionKey(ctx, db, ana.ID, now); err != nil || ok {
			t.Errorf("got %v, %v, want nothing sealed to a revoked key", ok, err)
		}
		_, err = h.AddKey(ctx, officer, ana.ID, whole)
		code(t, "the same key without its revocation", err, fault.Invalid)
		_, err = h.AcceptKey(ctx, officer, k.ID)
		code(t, "to accept what is current", err, fault.Conflict)
		_, err = h.RetireKey(ctx, officer, 99)
		code(t, "no key", err, fault.NotFound)
	})
}

func TestAnOfferedKeyWaitsForAPerson(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, now, db := t.Context(), h.clock.Now(), h.acts.Reader()
		water := h.org("Water", guard.KindOperator, false)
		box, err := h.AddPerson(ctx, h.boss(), guard.NewPerson{Org: water.ID, Mailbox: true, Name: "Watch", Email: "watch@water.example"})
		if err != nil {
			t.Fatal(err)
		}
		e := newPair(t, now.AddDate(0, -1, 0), 0, "Watch", "watch@water.example")
		k, taken, err := h.OfferKey(ctx, box.ID, public(t, e))
		if err != nil || !taken || k.State != guard.KeyOffered {
			t.Fatalf("got %+v, %v, %v, want an offered key", k, taken, err)
		}
		if _, ok, _ := h.EncryptionKey(ctx, db, box.ID, now); ok {
			t.Error("something is sealed to a key that nobody accepted")
		}
		if _, _, err := h.OfferKey(ctx, box.ID, public(t, e)); err != nil {
			t.Errorf("the same again: %v", err)
		}
		if k, err = h.AcceptKey(ctx, h.boss(), k.ID); err != nil || k.State != guard.KeyCurrent {
			t.Errorf("got %v, %v, want the key current", k.State, err)
		}
		if _, taken, err := h.OfferKey(ctx, box.ID, []byte("no key at all")); err != nil || taken {
			t.Errorf("rubbish: got %v, %v", taken, err)
		}
		for range 7 {
			if _, _, err := h.OfferKey(ctx, box.ID, public(t, newPair(t, now.AddDate(0, -1, 0), 0, "Watch", "watch@water.example"))); err != nil {
				t.Fatal(err)
			}
		}
		if all, err := h.KeysOf(ctx, db, box.ID); err != nil || len(all) != 6 {
			t.Errorf("got %d keys, %v, want one current and five offered", len(all), err)
		}
		err = e.Revoke(packet.KeySuperseded, "new one", &packet.Config{Time: func() time.Time { return now.Add(-time.Hour) }})
		if err != nil {
			t.Fatal(err)
		}
		if k, taken, err = h.OfferKey(ctx, box.ID, public(t, e)); err != nil || !taken || k.State != guard.KeyCurrent || k.Revoked.IsZero() {
			t.Errorf("got %+v, %v, %v, want the revocation taken over and the state kept", k, taken, err)
		}
	})
}

func TestKeysAreKeptByWhomTheyConcern(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, now := t.Context(), h.clock.Now()
		water := h.org("Water", guard.KindOperator, false)
		ana, err := h.AddPerson(ctx, h.boss(), guard.NewPerson{Org: water.ID, Name: "Ana", Roles: []string{guard.RoleContact}})
		if err != nil {
			t.Fatal(err)
		}
		bob, err := h.AddPerson(ctx, h.boss(), guard.NewPerson{Org: water.ID, Name: "Bob", Roles: []string{guard.RoleContact}})
		if err != nil {
			t.Fatal(err)
		}
		key := public(t, newPair(t, now.AddDate(0, -1, 0), 0, "Ana", "ana@water.example"))
		officer := guard.ActorOf(h.add("Olga", guard.RoleWatchOfficer))
		for who, actor := range map[string]act.Actor{
			"another contact": guard.ActorOf(bob), "a reader": guard.ActorOf(h.add("Rita", guard.RoleReader)), "nobody": {},
		} {
			_, err := h.AddKey(ctx, actor, ana.ID, key)
			code(t, who, err, fault.Denied)
		}
		_, err = h.AddKey(ctx, officer, h.admin.ID, key)
		code(t, "an officer, for the administrator", err, fault.Denied)
		if _, err := h.AddKey(ctx, h.boss(), h.admin.ID, key); err != nil {
			t.Errorf("the administrator's own: %v", err)
		}
		for what, data := range map[string][]byte{
			"nothing": nil, "words": []byte("hello"), "too much": []byte(strings.Repeat("x", 600<<10)),
			"an old key": public(t, newPair(t, now.AddDate(-1, 0, 0), 24*time.Hour, "Ana", "ana@water.example")),
		} {
			_, err := h.AddKey(ctx, officer, ana.ID, data)
			code(t, what, err, fault.Invalid)
			if fault.Of(err).Field != "key" {
				t.Errorf("%s: the fault is about the field %q, want key", what, fault.Of(err).Field)
			}
		}
	})
}

func TestAnOrganisationIsRenamedAndEnded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		water, power := h.org("Water", guard.KindOperator, false), h.org("Power", guard.KindOperator, false)
		ana, err := h.AddPerson(ctx, h.boss(), guard.NewPerson{Org: water.ID, Name: "Ana", Roles: []string{guard.RoleContact}})
		if err != nil {
			t.Fatal(err)
		}
		code(t, "a name that is taken", h.RenameOrganisation(ctx, h.boss(), water.ID, "POWER"), fault.Conflict)
		if err := h.RenameOrganisation(ctx, h.boss(), water.ID, "WATER  Company"); err != nil {
			t.Fatal(err)
		}
		code(t, "a reader", h.EndOrganisation(ctx, guard.ActorOf(h.add("Rita", guard.RoleReader)), water.ID, "x"), fault.Denied)
		code(t, "the own", h.EndOrganisation(ctx, h.boss(), guard.OwnOrg, "x"), fault.Conflict)
		if err := h.EndOrganisation(ctx, h.boss(), water.ID, "merged"); err != nil {
			t.Fatal(err)
		}
		code(t, "again", h.EndOrganisation(ctx, h.boss(), water.ID, "merged"), fault.Conflict)
		if o, err := h.Organisation(ctx, h.acts.Reader(), water.ID); err != nil || o.Name != "WATER Company" || o.EndedAt.IsZero() {
			t.Errorf("got %+v, %v, want it renamed and ended", o, err)
		}
		if p, err := h.Person(ctx, h.acts.Reader(), ana.ID); err != nil || p.Active {
			t.Errorf("got %+v, %v, want Ana no longer active", p, err)
		}
		_ = power
	})
}
