package guard_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

func TestALinkOpensOnceForOneOfMany(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		won, err := atOnce(8, func(int) error {
			_, _, err := h.SignInByLink(ctx, h.first, guard.Browser{Agent: "B", Address: "192.0.2.1"})
			return err
		}, fault.Unauthenticated)
		if err != nil || won != 1 {
			t.Errorf("got %d browsers in and %v, want 1", won, err)
		}
		_, err = h.LinkHolder(ctx, h.first)
		code(t, "looking at a used link", err, fault.Unauthenticated)
		open, err := h.Sessions(ctx, h.acts.Reader(), h.admin.ID)
		if err != nil || len(open) != 1 || open[0].How != "link" || open[0].Address != "192.0.2.1" {
			t.Errorf("got sessions %+v and %v, want one", open, err)
		}
	})
}

func TestALinkThatIsOldReplacedOrGuessedOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		enter := func(secret string) error {
			_, _, err := h.SignInByLink(ctx, secret, guard.Browser{})
			return err
		}
		code(t, "guessed", enter("al_guess"), fault.Unauthenticated)
		code(t, "empty", enter(""), fault.Unauthenticated)
		newer, err := h.IssueLink(ctx, h.boss(), h.admin.ID)
		if err != nil {
			t.Fatal(err)
		}
		code(t, "replaced by a newer one", enter(h.first), fault.Unauthenticated)
		h.clock.Advance(guard.LinkLife)
		code(t, "expired", enter(newer), fault.Unauthenticated)
		ana := h.add("Ana", guard.RoleReader)
		hers, err := h.IssueLink(ctx, h.boss(), ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.ChangePerson(ctx, h.boss(), ana.ID, guard.PersonChange{Name: "Ana", Version: 1}); err != nil {
			t.Fatal(err)
		}
		code(t, "of a person whose access has ended", enter(hers), fault.Unauthenticated)
		_, err = h.IssueLink(ctx, h.boss(), ana.ID)
		code(t, "a new one for that person", err, fault.Invalid)
	})
}

func TestASessionLastsWhileItIsUsedAndNotForEver(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		cookie, _, err := h.SignInByLink(ctx, h.first, guard.Browser{})
		if err != nil {
			t.Fatal(err)
		}
		began := h.clock.Now()
		for h.clock.Now().Sub(began) < guard.SessionMax-guard.SessionLife {
			h.clock.Advance(guard.SessionLife - time.Minute)
			if _, err := h.BySession(ctx, cookie); err != nil {
				t.Fatalf("after %s of use: %v", h.clock.Now().Sub(began), err)
			}
		}
		h.clock.Set(began.Add(guard.SessionMax))
		_, err = h.BySession(ctx, cookie)
		code(t, "past its longest life", err, fault.Unauthenticated)
		_, err = h.BySession(ctx, "guess")
		code(t, "guessed", err, fault.Unauthenticated)
	})
}

func TestASessionEndsByItsOwnerAndByWhoeverMay(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		ana, rui := h.add("Ana", guard.RoleReader), h.add("Rui", guard.RoleReader)
		begin := func() (cookie, uid string) {
			link, err := h.IssueLink(ctx, h.boss(), ana.ID)
			if err != nil {
				t.Fatal(err)
			}
			if cookie, _, err = h.SignInByLink(ctx, link, guard.Browser{}); err != nil {
				t.Fatal(err)
			}
			s, err := h.BySession(ctx, cookie)
			if err != nil {
				t.Fatal(err)
			}
			return cookie, s.Session.UID
		}
		cookie, uid := begin()
		code(t, "by somebody else", h.EndSession(ctx, guard.ActorOf(rui), ana.ID, uid), fault.Denied)
		code(t, "by somebody else as their own", h.EndSession(ctx, guard.ActorOf(rui), rui.ID, uid), fault.NotFound)
		code(t, "by its owner", h.EndSession(ctx, guard.ActorOf(ana), ana.ID, uid), "")
		_, err := h.BySession(ctx, cookie)
		code(t, "after its end", err, fault.Unauthenticated)
		code(t, "once more", h.EndSession(ctx, guard.ActorOf(ana), ana.ID, uid), fault.NotFound)
		cookie, uid = begin()
		code(t, "by the administrator", h.EndSession(ctx, h.boss(), ana.ID, uid), "")
		_, err = h.BySession(ctx, cookie)
		code(t, "after that", err, fault.Unauthenticated)
		cookie, _ = begin()
		if err := h.ChangePerson(ctx, h.boss(), ana.ID, guard.PersonChange{Name: "Ana", Version: 1}); err != nil {
			t.Fatal(err)
		}
		_, err = h.BySession(ctx, cookie)
		code(t, "after the person's access has ended", err, fault.Unauthenticated)
	})
}

func TestATokenDoesWhatItsScopeNamesUntilItEnds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		lead := h.add("Ana", guard.RoleDutyLead)
		issue := func(scope ...string) (string, guard.Token) {
			secret, token, err := h.IssueToken(ctx, h.boss(), lead.ID, "fetch", scope, 30*24*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return secret, token
		}
		may := func(secret, verb string) bool {
			s, err := h.ByToken(ctx, secret)
			return err == nil && h.acts.May(ctx, act.Call{Actor: s.Actor, Verb: verb})
		}
		verb, token := issue("watch.deliver")
		room, _ := issue("watch", "ledger.read")
		all, _ := issue()
		for _, c := range []struct {
			name, secret, verb string
			want               bool
		}{
			{"the verb of the scope", verb, "watch.deliver", true},
			{"another verb", verb, "watch.set_mode", false},
			{"signing out", verb, "guard.sign_out", false},
			{"a verb of the room", room, "watch.set_mode", true},
			{"a verb of the second room", room, "ledger.read", true},
			{"a verb of another room", room, "warn.release_notice", false},
			{"anything without a scope", all, "warn.release_notice", true},
			{"what the person may not either", all, "guard.issue_token", false},
			{"a guessed token", "alt_guess", "watch.deliver", false},
		} {
			if got := may(c.secret, c.verb); got != c.want {
				t.Errorf("%s (%s): got %v, want %v", c.name, c.verb, got, c.want)
			}
		}
		rui := h.add("Rui", guard.RoleReader)
		code(t, "ended by a stranger", h.EndToken(ctx, guard.ActorOf(rui), lead.ID, token.UID), fault.Denied)
		code(t, "ended by its owner", h.EndToken(ctx, guard.ActorOf(lead), lead.ID, token.UID), "")
		if may(verb, "watch.deliver") {
			t.Error("got a token that works after its end, want none")
		}
		left, err := h.AllTokens(ctx, h.acts.Reader())
		if err != nil || len(left) != 2 {
			t.Errorf("got %d tokens and %v, want 2", len(left), err)
		}
		h.clock.Advance(30 * 24 * time.Hour)
		if may(all, "watch.read") {
			t.Error("got a token that works after its last day, want none")
		}
		for _, life := range []time.Duration{0, -time.Hour, guard.TokenMax + time.Hour} {
			_, _, err := h.IssueToken(ctx, h.boss(), lead.ID, "fetch", nil, life)
			code(t, "a life of "+life.String(), err, fault.Invalid)
		}
	})
}

func TestARequestWithAKeyHappensOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		request, other := [32]byte{1}, [32]byte{2}
		if _, replay, err := h.BeginOnce(ctx, "person:1", "k", request); err != nil || replay {
			t.Fatalf("the first time: got replay %v and %v, want neither", replay, err)
		}
		_, _, err := h.BeginOnce(ctx, "person:1", "k", request)
		code(t, "while under way", err, fault.Conflict)
		want := guard.Answer{Status: 201, Type: "application/json", Body: []byte("{\n\"id\":1}\x00")}
		if err := h.FinishOnce(ctx, "person:1", "k", want); err != nil {
			t.Fatal(err)
		}
		got, replay, err := h.BeginOnce(ctx, "person:1", "k", request)
		if err != nil || !replay || got.Status != 201 || got.Type != want.Type || !slices.Equal(got.Body, want.Body) {
			t.Errorf("again: got %+v, %v, %v, want the first answer", got, replay, err)
		}
		_, _, err = h.BeginOnce(ctx, "person:1", "k", other)
		code(t, "another request", err, fault.Conflict)
		_, replay, err = h.BeginOnce(ctx, "person:2", "k", other)
		if err != nil || replay {
			t.Errorf("another caller: got %v and %v, want a fresh key", replay, err)
		}
		if err := h.ForgetOnce(ctx, "person:2", "k"); err != nil {
			t.Fatal(err)
		}
		_, _, err = h.BeginOnce(ctx, "person:2", "k", request)
		code(t, "after nothing was done", err, "")
		for _, key := range []string{"", "a b", "ü", string(make([]byte, 300))} {
			_, _, err := h.BeginOnce(ctx, "person:1", key, request)
			code(t, "a key that is none", err, fault.Invalid)
		}
		h.clock.Advance(guard.OnceLife + time.Second)
		_, replay, err = h.BeginOnce(ctx, "person:1", "k", other)
		if err != nil || replay {
			t.Errorf("a day later: got %v and %v, want a fresh key", replay, err)
		}
		won, err := atOnce(8, func(int) error {
			_, _, err := h.BeginOnce(ctx, "person:1", "at-once", request)
			return err
		}, fault.Conflict)
		if err != nil || won != 1 {
			t.Errorf("at once: got %d first tries and %v, want 1", won, err)
		}
	})
}

func TestARequestThatBrokeOffIsDoneAnewOnlyIfNothingWasDone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx, request := t.Context(), [32]byte{1}
		begin := func() error {
			_, replay, err := h.BeginOnce(ctx, "person:1", "k", request)
			if replay {
				t.Error("an answer was kept")
			}
			return err
		}
		add := func(name string) error {
			_, err := h.AddOrganisation(h.WithOnce(ctx, "person:1", "k"), h.boss(), guard.NewOrganisation{Name: name, Kind: guard.KindOperator, Country: "XA"})
			return err
		}
		code(t, "the first try", begin(), "")
		code(t, "what is refused", add(""), fault.Invalid)
		h.clock.Advance(time.Minute)
		code(t, "it may be under way", begin(), fault.Conflict)
		h.clock.Advance(2 * time.Minute)
		code(t, "it broke off and nothing was done", begin(), "")
		code(t, "the second try", begin(), fault.Conflict)
		code(t, "it is done", add("Once"), "")
		code(t, "the first try, late", add("Twice"), fault.Conflict)
		if _, ok, err := h.OrganisationNamed(ctx, h.acts.Reader(), "Twice"); err != nil || ok {
			t.Errorf("the late try did it, too: %v, %v", ok, err)
		}
		h.clock.Advance(time.Hour)
		err := begin()
		if fault.CodeOf(err) != fault.Conflict || fault.Of(err).Key != "guard.once.done" {
			t.Errorf("after it was done: got %v, want that it is told", err)
		}
		code(t, "it is not given back", h.ForgetOnce(ctx, "person:1", "k"), "")
		code(t, "and still done", begin(), fault.Conflict)
	})
}

func TestSweepingTakesOnlyWhatIsPastItsTime(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		cookie, _, err := h.SignInByLink(ctx, h.first, guard.Browser{})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := h.BySession(ctx, cookie); err != nil {
			t.Errorf("an open session after sweeping: %v", err)
		}
		h.clock.Advance(40 * 24 * time.Hour)
		if err := h.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"guard_session", "guard_link"} {
			var n int
			if err := h.acts.Reader().QueryRowContext(context.Background(), "select count(*) from "+table).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s: got %d rows and %v, want none", table, n, err)
			}
		}
	})
}
