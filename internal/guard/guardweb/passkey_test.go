package guardweb

import (
	"fmt"
	"strings"
	"testing"

	"almenara.example/internal/guard"
	"almenara.example/test/browser"
)

func TestAPasskeyIsAddedAfterALinkAndSignsInAlone(t *testing.T) {
	h := open(t)
	tab := browser.New(t).Tab(t)
	tab.VirtualAuthenticator()
	tab.Go(h.url + linkPath(h.first))
	tab.Follow("main button[type=submit]")
	tab.WaitText("h1", "Add a passkey for next time")
	tab.Axe()
	tab.Fill("#f-passkey-name", "telephone")
	tab.Follow("[data-passkey=add] button")
	tab.Go(h.url + ProfileURL)
	tab.WaitText("#passkeys", "telephone")
	tab.Axe()
	tab.NoSidewaysScroll()
	tab.Screenshot("guard-me")

	tab.Follow("#sessions form button") // signs out here
	tab.Go(h.url + "/guard/persons")
	tab.WaitURL("/sign-in?next=")
	tab.Axe()
	tab.Screenshot("guard-sign-in")
	tab.Follow("[data-passkey=sign-in] button")
	tab.WaitURL("/guard/persons")
	tab.WaitText("main", "Administrator")
	tab.Axe()
	tab.Screenshot("guard-persons")

	narrow(t, h, tab)

	admin, err := h.guard.Person(t.Context(), h.acts.Reader(), 1)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := h.guard.Sessions(t.Context(), h.acts.Reader(), admin.ID)
	if err != nil || len(sessions) != 1 || sessions[0].How != "passkey" {
		t.Fatalf("got sessions %+v and %v, want one by passkey", sessions, err)
	}
	keys, err := h.guard.PasskeysOf(t.Context(), h.acts.Reader(), admin.ID)
	if err != nil || len(keys) != 1 || keys[0].UsedAt.IsZero() {
		t.Fatalf("got passkeys %+v and %v, want one that was used", keys, err)
	}
	if n := h.site.CSPReports(); n != 0 {
		t.Errorf("got %d reports of breaches of the content security policy, want none", n)
	}
	removeTheLast(t, h, tab)
	anAnswerWorksOnce(t, h, tab)
}

// narrow looks at the pages on a telephone, in the dark and in French.
func narrow(t *testing.T, h *house, tab *browser.Tab) {
	t.Helper()
	tab.Viewport(360, 740)
	tab.Dark(true)
	for _, page := range []string{"/me", "/guard/persons", "/guard/persons/1", "/guard/persons/1/roles", "/guard/persons/new", "/guard/tokens", "/guard/denials"} {
		tab.Go(h.url + page + "?lang=fr")
		tab.NoSidewaysScroll()
		tab.Axe()
		tab.Screenshot("guard-narrow" + strings.ReplaceAll(page, "/", "-"))
	}
	tab.Go(h.url + "/me?lang=en")
	tab.Dark(false)
	tab.Viewport(1280, 900)
}

// removeTheLast removes the only passkey, after being told that it is the last.
func removeTheLast(t *testing.T, h *house, tab *browser.Tab) {
	t.Helper()
	tab.Go(h.url + ProfileURL)
	tab.Follow("#passkeys a.btn")
	tab.WaitText(".alm-confirm", "This is the last passkey")
	tab.Axe()
	tab.Follow(".alm-confirm form button")
	tab.WaitText("#passkeys", "There is no passkey")
}

// anAnswerWorksOnce plays a caught answer of the browser again, and one from another
// browser.
func anAnswerWorksOnce(t *testing.T, h *house, tab *browser.Tab) {
	t.Helper()
	tab.Allow("status of 401")
	const asked = `fetch("%s", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}).then(a => a.json())`
	const answer = `%s.then(o => navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(o.publicKey)}))
		.then(c => fetch("/me/passkeys", {method: "POST", headers: {"Content-Type": "application/json"}, body: window.sent = JSON.stringify({name: "desk", credential: c.toJSON()})}))
		.then(a => a.status)`
	if got := browser.Eval[int](tab, fmt.Sprintf(answer, fmt.Sprintf(asked, "/me/passkeys/options"))); got != 200 {
		t.Fatalf("adding a second passkey: got %d, want 200", got)
	}
	const again = `fetch("/me/passkeys", {method: "POST", headers: {"Content-Type": "application/json"}, body: window.sent}).then(a => a.status)`
	if got := browser.Eval[int](tab, again); got != 401 {
		t.Errorf("sending the browser's answer a second time: got %d, want 401", got)
	}
	const sign = `fetch("/sign-in/passkey/options", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}).then(a => a.json())
		.then(o => navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(o.publicKey)}))
		.then(c => JSON.stringify({credential: c.toJSON()}))`
	caught := browser.Eval[string](tab, sign)
	elsewhere := h.client()
	if status, _ := elsewhere.postJSON("/sign-in/passkey", caught); status != 401 {
		t.Errorf("sending one browser's answer from another: got %d, want 401", status)
	}
	h.clock.Advance(guard.CeremonyLife)
	const late = `fetch("/sign-in/passkey", {method: "POST", headers: {"Content-Type": "application/json"}, body: %q}).then(a => a.status)`
	if got := browser.Eval[int](tab, fmt.Sprintf(late, caught)); got != 401 {
		t.Errorf("sending the answer too late: got %d, want 401", got)
	}
}

func TestWithoutScriptsThePageSaysThatPasskeysNeedThem(t *testing.T) {
	h := open(t)
	page := h.client().want("GET", "/sign-in", nil, 200, "<noscript><p>Passkeys need scripts")
	if strings.Count(page, "data-passkey-able hidden") != 1 {
		t.Error("got a button for passkeys that shows without scripts, want it hidden")
	}
}
