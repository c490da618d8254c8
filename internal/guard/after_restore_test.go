package guard_test

import (
	"context"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

func TestNoAccessOfABackupComesBackToLife(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		cookie, _, err := h.SignInByLink(ctx, h.first, guard.Browser{})
		if err != nil {
			t.Fatal(err)
		}
		ana := h.add("Ana", guard.RoleReader)
		link, err := h.IssueLink(ctx, h.boss(), ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := h.IssueToken(ctx, h.boss(), ana.ID, "feed", nil, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		note := func() (ended guard.EndedAccess) {
			call := act.Call{Actor: act.MachineActor("ledger.restore"), Verb: "ledger.note_restore", Subject: "ledger"}
			err := h.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) (err error) {
				ended, err = h.EndAccessAfterRestore(ctx, tx)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return ended
		}
		if got, want := note(), (guard.EndedAccess{Sessions: 1, Links: 1, Tokens: 1}); got != want {
			t.Errorf("got %+v ended, want %+v", got, want)
		}
		_, err = h.BySession(ctx, cookie)
		code(t, "a session", err, fault.Unauthenticated)
		_, err = h.LinkHolder(ctx, link)
		code(t, "a link", err, fault.Unauthenticated)
		_, err = h.ByToken(ctx, token)
		code(t, "a token", err, fault.Unauthenticated)
		if got := note(); got != (guard.EndedAccess{}) {
			t.Errorf("again: got %+v ended, want none", got)
		}
		if _, _, err := h.LetBackIn(ctx, guard.LocalOperator(), "after the restore"); err != nil {
			t.Errorf("the way back in: %v", err)
		}
	})
}
