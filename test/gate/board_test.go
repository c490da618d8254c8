package gate

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// TestTheBoardSaysWhatWaitsAtWarn: a notice without a contact and stopped sending are
// on the board of who may read notices, and lead on; who may not learns nothing.
func TestTheBoardSaysWhatWaitsAtWarn(t *testing.T) {
	const mute = "Éclair Énergie,operator,XA,energy-electricity,cidr,192.0.2.0/28,,,\n"
	h := house.Start(t, house.Options{System: true, Fill: func(ctx context.Context, h *house.House) error {
		if err := h.Nation(ctx, tlp.Green, mute); err != nil {
			return err
		}
		if err := h.Deliver(ctx, "2026-11-17", "3"); err != nil {
			return err
		}
		if err := h.Settle(ctx); err != nil {
			return err
		}
		return h.App.Warn().Stop(ctx, house.Lead(), "exercise of the button")
	}})
	notices, err := h.App.Warn().Notices(t.Context(), h.App.Acts().Reader(), warn.Filter{State: warn.NoContact})
	if err != nil || len(notices) != 1 {
		t.Fatalf("got %d notices without a contact (%v), want one", len(notices), err)
	}
	number := h.App.Warn().Number(notices[0].ID)
	reader, administrator := h.SignIn(h.Person(guard.OwnOrg, guard.RoleDutyLead).ID), h.SignIn(h.Person(guard.OwnOrg, guard.RoleAdministrator).ID)
	notice := "/warn/notices/" + number
	for _, c := range []struct {
		who       *http.Cookie
		path      string
		status    int
		leads     string
		has, lack []string
	}{
		{reader, "/", 200, "", []string{"Notice without a contact", `href="/warn/notices?state=no-contact"`, "All sending is stopped", `href="/warn/notices"`}, []string{"Nothing waits"}},
		{administrator, "/", 200, "", []string{"Your role does not read findings."}, []string{"Notice without", "sending is stopped", "Nothing waits"}},
		{reader, "/desk/search?q=" + number, 303, notice, nil, nil},
		{reader, "/desk/search?q=" + url.QueryEscape(strings.ToLower(number)), 303, notice, nil, nil},
		{administrator, "/desk/search?q=" + number, 200, "", []string{"Nothing is known of"}, []string{"no-contact"}},
		{reader, "/desk/search?q=eclair", 303, "/constituency/organisations/", nil, nil},
		{reader, notice + "/repeat", 200, "", []string{"Send this notice?", "Nothing has been sent", "Éclair Énergie", `href="/constituency/organisations/`}, []string{"did arrive after all", "message to"}},
	} {
		a := h.Ask(http.MethodGet, c.path, nil, house.As(c.who))
		if a.Status != c.status || !strings.HasPrefix(a.Header.Get("Location"), c.leads) {
			t.Errorf("%s: got %d to %q, want %d to %q", c.path, a.Status, a.Header.Get("Location"), c.status, c.leads)
		}
		for _, want := range c.has {
			if !strings.Contains(a.Body, want) {
				t.Errorf("%s does not say %q", c.path, want)
			}
		}
		for _, no := range c.lack {
			if strings.Contains(a.Body, no) {
				t.Errorf("%s says %q", c.path, no)
			}
		}
	}
}

// TestALinkThatDoesNotWorkLeadsNoVisitorToTheSignIn: neither looking nor answering.
func TestALinkThatDoesNotWorkLeadsNoVisitorToTheSignIn(t *testing.T) {
	h := house.Start(t, house.Options{System: true})
	for _, secret := range []string{"x", "00000000-0000-7000-8000-000000000000.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := h.Ask(method, "/n/"+secret, strings.NewReader("what=acknowledge"), house.Outside, house.Form, house.Header("Accept-Language", "en"))
			if a.Status != http.StatusNotFound || !strings.Contains(a.Body, "This link does not work (any more).") || strings.Contains(a.Body, "sign-in") {
				t.Errorf("%s %s: got %d, want 404, the sentence and no way to sign in\n%s", method, secret, a.Status, a.Body)
			}
		}
	}
}
