package guard_test

import (
	"context"
	"log/slog"
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

// house is guard over a real database, founded.
type house struct {
	*guard.Guard
	t     *testing.T
	acts  *act.Acts
	clock *clocktest.Fake
	first string // the administrator's link
	admin guard.Person
}

// each runs f with a founded installation on both engines.
func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	lines := []sqldb.Migrations{
		{Room: "ledger", Files: ledger.Migrations}, {Room: "act", Files: act.Migrations}, {Room: "guard", Files: guard.Migrations},
	}
	sqldbtest.Each(t, lines, func(t *testing.T, db *sqldb.DB) {
		h := &house{t: t, clock: clocktest.New(time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC))}
		policies, err := guard.LoadPolicies()
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		h.acts = act.New(act.Config{
			DB: db, Clock: h.clock, IDs: id.NewSource(h.clock, nil), Decider: policies, Log: log,
			Denials: guard.NewDenials(func() *act.Acts { return h.acts }, log),
		})
		h.Guard = guard.New(h.acts)
		if h.first, err = h.Found(t.Context(), "CSIRT Atalaya", "AT"); err != nil {
			t.Fatal(err)
		}
		if h.admin, err = h.Person(t.Context(), h.acts.Reader(), 1); err != nil {
			t.Fatal(err)
		}
		f(t, h)
	})
}

func (h *house) boss() act.Actor { return guard.ActorOf(h.admin) }

func (h *house) add(name string, roles ...string) guard.Person {
	h.t.Helper()
	p, err := h.AddPerson(h.t.Context(), h.boss(), guard.NewPerson{Org: guard.OwnOrg, Name: name, Roles: roles})
	if err != nil {
		h.t.Fatalf("add %s: %v", name, err)
	}
	return p
}

func (h *house) org(name string, kind guard.Kind, exercise bool) guard.Organisation {
	h.t.Helper()
	o, err := h.AddOrganisation(h.t.Context(), h.boss(), guard.NewOrganisation{Kind: kind, Name: name, Country: "AT", Exercise: exercise})
	if err != nil {
		h.t.Fatalf("add %s: %v", name, err)
	}
	return o
}

// code fails the test unless err has the code.
func code(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

func TestAnInstallationIsFoundedOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, err := h.Found(t.Context(), "Other", "FR")
		code(t, "founding again", err, fault.Conflict)
		own, err := h.Organisation(t.Context(), h.acts.Reader(), guard.OwnOrg)
		if err != nil || own.Name != "CSIRT Atalaya" {
			t.Errorf("got own organisation %+v and %v, want CSIRT Atalaya", own, err)
		}
	})
}

func TestANameIsMeasuredInCharactersNotBytes(t *testing.T) {
	if err := guard.CheckName("name", strings.Repeat("Ñ", 200)); err != nil {
		t.Errorf("got %v for 200 characters of two bytes each, want no fault", err)
	}
	code(t, "a name that cannot be seen", guard.CheckName("name", "\u200b\u2060"), fault.Invalid)
	code(t, "201 characters", guard.CheckName("name", strings.Repeat("Ñ", 201)), fault.Invalid)
}

func TestAnOrganisationsNameIsItsOwnWhateverItsCase(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		water := h.org("Águas  do Sul", guard.KindOperator, false)
		if water.Name != "Águas do Sul" {
			t.Errorf("got name %q, want one blank between words", water.Name)
		}
		_, err := h.AddOrganisation(t.Context(), h.boss(), guard.NewOrganisation{Kind: guard.KindOperator, Name: "águas DO sul", Country: "AT"})
		code(t, "the same name in another case", err, fault.Conflict)
		found, ok, err := h.OrganisationNamed(t.Context(), h.acts.Reader(), " ÁGUAS do sul ")
		if err != nil || !ok || found.ID != water.ID {
			t.Errorf("got %+v, %v, %v by name, want %d", found, ok, err, water.ID)
		}
		_, err = h.AddOrganisation(t.Context(), h.boss(), guard.NewOrganisation{Kind: "bank", Name: "a\r\nBcc: x", Country: "at"})
		code(t, "kind, name and country wrong", err, fault.Invalid)
		if n := len(fault.Of(err).Parts); n != 3 {
			t.Errorf("got %d faults, want all three at once", n)
		}
	})
}

func TestEditsDoNotOverwriteEachOther(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ana := h.add("Ana", guard.RoleReader)
		change := guard.PersonChange{Name: "Ana Ferreira", Email: "Ana@csirt.example", Active: true, Version: ana.Version}
		if err := h.ChangePerson(t.Context(), h.boss(), ana.ID, change); err != nil {
			t.Fatal(err)
		}
		change.Name = "Ana Lost"
		code(t, "an edit of what was seen before", h.ChangePerson(t.Context(), h.boss(), ana.ID, change), fault.Conflict)
		now, err := h.Person(t.Context(), h.acts.Reader(), ana.ID)
		if err != nil || now.Name != "Ana Ferreira" || now.Email != "ana@csirt.example" || now.Version != 2 {
			t.Errorf("got %+v and %v, want the first edit alone", now, err)
		}
		for _, bad := range []guard.PersonChange{
			{Name: "Ana", Zone: "Mars/Base", Version: 2, Active: true},
			{Name: "Ana", Language: "x!", Version: 2, Active: true},
			{Name: "Ana", Email: "ana@csirt.example\r\nBcc: all@x.example", Version: 2, Active: true},
			{Name: "", Version: 2, Active: true},
		} {
			code(t, "a change that cannot be", h.ChangePerson(t.Context(), h.boss(), ana.ID, bad), fault.Invalid)
		}
	})
}

func TestOfManyEditsAtOnceOneWins(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ana := h.add("Ana", guard.RoleReader)
		won, err := atOnce(8, func(int) error {
			return h.ChangePerson(t.Context(), h.boss(), ana.ID, guard.PersonChange{Name: "A", Active: true, Version: ana.Version})
		}, fault.Conflict)
		if err != nil || won != 1 {
			t.Errorf("got %d winners and %v, want 1", won, err)
		}
	})
}

// atOnce does f n times at once and returns how often it went well; an error other
// than the expected code is returned.
func atOnce(n int, f func(i int) error, otherwise fault.Code) (won int, err error) {
	results := make(chan error, n)
	start := make(chan struct{})
	for i := range n {
		go func() {
			<-start
			results <- f(i)
		}()
	}
	close(start)
	for range n {
		switch e := <-results; {
		case e == nil:
			won++
		case fault.CodeOf(e) != otherwise:
			err = e
		}
	}
	return won, err
}

func TestTheLastAdministratorStays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		code(t, "revoking the last", h.RevokeRole(ctx, h.boss(), h.admin.ID, guard.RoleAdministrator, "x"), fault.Conflict)
		code(t, "setting other roles", h.SetRoles(ctx, h.boss(), h.admin.ID, []string{guard.RoleReader}, "x"), fault.Conflict)
		end := guard.PersonChange{Name: "Administrator", Version: h.admin.Version}
		code(t, "ending the access of the last", h.ChangePerson(ctx, h.boss(), h.admin.ID, end), fault.Conflict)
		now, err := h.Person(ctx, h.acts.Reader(), h.admin.ID)
		if err != nil || !now.Active || len(now.Roles) != 1 || now.Roles[0] != guard.RoleAdministrator {
			t.Errorf("got %+v and %v, want the administrator as before", now, err)
		}
		second := h.add("Second", guard.RoleAdministrator)
		if err := h.SetRoles(ctx, guard.ActorOf(second), h.admin.ID, []string{guard.RoleReader, guard.RoleOversight}, "moved on"); err != nil {
			t.Errorf("with a second one: %v", err)
		}
		code(t, "a role that is none", h.GrantRole(ctx, guard.ActorOf(second), h.admin.ID, "king"), fault.Invalid)
	})
}

func TestAMailboxHasNoAccess(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		box, err := h.AddPerson(t.Context(), h.boss(), guard.NewPerson{Org: guard.OwnOrg, Mailbox: true, Name: "Watch", Email: "watch@csirt.example"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.IssueLink(t.Context(), h.boss(), box.ID)
		code(t, "a link for a mailbox", err, fault.Invalid)
		_, _, err = h.IssueToken(t.Context(), h.boss(), box.ID, "t", nil, time.Hour)
		code(t, "a token for a mailbox", err, fault.Invalid)
		code(t, "a role for a mailbox", h.GrantRole(t.Context(), h.boss(), box.ID, guard.RoleReader), fault.Invalid)
	})
}

func TestTheWayBackInIsRecordedWithItsReason(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		_, _, err := h.LetBackIn(ctx, h.boss(), "lost my key")
		code(t, "an administrator who is not the local operator", err, fault.Denied)
		_, _, err = h.LetBackIn(ctx, guard.LocalOperator(), " ")
		code(t, "no reason", err, fault.Invalid)
		secret, p, err := h.LetBackIn(ctx, guard.LocalOperator(), "the only passkey is lost")
		if err != nil || p.ID != h.admin.ID {
			t.Fatalf("got %+v and %v, want the administrator", p, err)
		}
		if _, _, err := h.SignInByLink(ctx, secret, guard.Browser{}); err != nil {
			t.Errorf("sign in by the link: %v", err)
		}
		found, err := ledger.Entries(ctx, h.acts.Reader(), ledger.Query{Verb: "guard.let_back_in"})
		if err != nil || len(found) != 1 || found[0].Reason != "the only passkey is lost" || found[0].Actor != "local-operator" {
			t.Errorf("got entries %+v and %v, want one with actor and reason", found, err)
		}
	})
}

func TestPersonsAreListedByOrganisationRoleAndMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		water := h.org("Water", guard.KindOperator, false)
		h.add("Ana", guard.RoleWatchOfficer, guard.RoleDutyLead)
		if _, err := h.AddPerson(ctx, h.boss(), guard.NewPerson{Org: water.ID, Name: "Bea", Email: "bea@water.example", Roles: []string{guard.RoleContact}}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name string
			f    guard.PersonFilter
			want string
		}{
			{"all", guard.PersonFilter{}, "Administrator Ana Bea "},
			{"staff", guard.PersonFilter{Staff: true}, "Administrator Ana "},
			{"role", guard.PersonFilter{Role: guard.RoleDutyLead}, "Ana "},
			{"organisation", guard.PersonFilter{Org: water.ID}, "Bea "},
			{"mail", guard.PersonFilter{Email: "BEA@water.example"}, "Bea "},
			{"after", guard.PersonFilter{After: 1, Limit: 1}, "Ana "},
		} {
			got, err := h.Persons(ctx, h.acts.Reader(), c.f)
			names := ""
			for _, p := range got {
				names += p.Name + " "
				if len(p.Roles) == 0 {
					t.Errorf("%s: got %s without roles", c.name, p.Name)
				}
			}
			if err != nil || names != c.want {
				t.Errorf("%s: got %q and %v, want %q", c.name, names, err, c.want)
			}
		}
	})
}

func TestAnAudienceIsTheSameNumberForTheSameOrganisations(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		water, power := h.org("Water", guard.KindOperator, false), h.org("Power", guard.KindOperator, false)
		of := func(orgs ...int64) (a guard.Audience) {
			err := h.acts.Step(t.Context(), "test", func(ctx context.Context, tx *act.Tx) (err error) {
				a, err = h.AudienceOf(ctx, tx, orgs...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		both := of(water.ID, power.ID)
		if again := of(power.ID, water.ID, power.ID, guard.OwnOrg, 0); again != both {
			t.Errorf("got audience %d, want %d whatever order and repetition", again, both)
		}
		if alone := of(water.ID); alone == both || of() == alone {
			t.Error("got one number for other organisations, want one each")
		}
		sees, err := h.AudiencesOf(t.Context(), h.acts.Reader(), power.ID)
		if err != nil || len(sees) != 1 || sees[0] != both {
			t.Errorf("got audiences %v and %v of Power, want %d alone", sees, err, both)
		}
		members, err := h.Members(t.Context(), h.acts.Reader(), both)
		if err != nil || len(members) != 3 || members[0].ID != guard.OwnOrg {
			t.Errorf("got members %v and %v, want the desk and both", members, err)
		}
		seen := make([]guard.Audience, 8)
		_, err = atOnce(len(seen), func(i int) error {
			return h.acts.Step(t.Context(), "test", func(ctx context.Context, tx *act.Tx) (err error) {
				seen[i], err = h.AudienceOf(ctx, tx, power.ID)
				return err
			})
		}, fault.Unavailable)
		if err != nil {
			t.Error(err)
		}
		for _, a := range seen {
			if a != seen[0] || a == 0 {
				t.Errorf("got audiences %v at once, want one number", seen)
			}
		}
	})
}

func TestRefusalsAreKeptOutsideTheRecordAndBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		reader := guard.ActorOf(h.add("Ana", guard.RoleReader))
		before, err := ledger.Entries(ctx, h.acts.Reader(), ledger.Query{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.IssueLink(ctx, reader, 1)
		code(t, "a reader who makes a link", err, fault.Denied)
		after, err := ledger.Entries(ctx, h.acts.Reader(), ledger.Query{Limit: 1})
		if err != nil || after[0].Order != before[0].Order {
			t.Errorf("got entry %+v and %v after a refusal, want none new", after, err)
		}
		denials, err := h.Denials(ctx, h.acts.Reader(), 10)
		if err != nil || len(denials) != 1 || denials[0].Verb != "guard.issue_link" || denials[0].Actor != reader.ID {
			t.Fatalf("got refusals %+v and %v, want the one", denials, err)
		}
		err = h.acts.Housekeep(ctx, "test", func(ctx context.Context, tx *act.Tx) error {
			_, err := tx.Reserve(ctx, "guard.denial", guard.DenialRows)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.IssueLink(ctx, reader, 1)
		code(t, "once more", err, fault.Denied)
		denials, err = h.Denials(ctx, h.acts.Reader(), 10)
		if err != nil || len(denials) != 1 {
			t.Errorf("got %d refusals and %v, want the oldest gone", len(denials), err)
		}
	})
}
