package browser_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"almenara.example/test/browser"
)

func TestThePageIsWorkedByKeys(t *testing.T) {
	_, url := serve(t)
	tab := browser.New(t).Tab(t)
	tab.Go(url + "/")
	tab.Press("/")
	tab.WaitFor("document.activeElement.id === 'search'")
	tab.Press("jk")
	if got := browser.Eval[string](tab, "document.activeElement.value"); got != "jk" {
		t.Errorf("got %q in the search, want the keys typed there", got)
	}
	browser.Eval[bool](tab, "document.activeElement.blur() || true")
	tab.Press("jjk")
	tab.Press("jx")
	if got := tab.Text("tr.alm-here td a"); got != "ALM-4K1Q-2M9X" {
		t.Errorf("got %q, want the second line", got)
	}
	if got := tab.Count("tr.alm-here input:checked"); got != 1 {
		t.Errorf("got %d boxes ticked, want 1", got)
	}
	tab.Press(kb.Enter)
	tab.WaitURL("/finding/ALM-4K1Q-2M9X")
}

func TestFaultsTakeTheFocusAndPointAtTheirFields(t *testing.T) {
	_, url := serve(t)
	tab := browser.New(t).Tab(t)
	tab.Go(url + "/?wrong")
	tab.WaitFor("document.activeElement.id === 'problems'")
	tab.WaitText("#problems a", "Name: Please fill this in.")
	tab.Click("#problems li:last-child a")
	tab.WaitURL("#f-range")
	if got := browser.Eval[string](tab, "document.getElementById('f-range').getAttribute('aria-describedby')"); !strings.Contains(got, "f-range-error") {
		t.Errorf("got described by %q, want the fault", got)
	}
}

func TestNewsRefreshTheListAndTheDotKnowsTheConnection(t *testing.T) {
	site, url := serve(t)
	b := browser.New(t)
	tab := b.Tab(t)
	tab.Go(url + "/")
	tab.WaitFor("document.getElementById('live').dataset.state === 'on'")
	browser.Eval[bool](tab, "document.getElementById('findings').firstElementChild.append(' stale') || true")
	site.Hub().Publish("watch", "watch.other", "watch.delivery")
	tab.WaitFor("!document.getElementById('findings').innerText.includes('stale')")
	tab.Allow("ERR_")
	site.Hub().Close()
	tab.WaitFor("document.getElementById('live').dataset.state === 'stale'")
	tab.WaitText("#live", "Not current since")
}

func TestPagesWorkWithoutScripts(t *testing.T) {
	_, url := serve(t)
	tab := browser.New(t).Tab(t)
	tab.Scripts(false)
	tab.Viewport(360, 800)
	tab.Go(url + "/?severity=high")
	tab.Follow("a.alm-chip")
	tab.Click("a.alm-menu")
	tab.Follow("#rail li a[href*=constituency]")
	tab.Fill("#f-name", "shadowserver")
	tab.Follow(".alm-form button[type=submit]")
	if got := tab.Text(".alm-flash"); got != "One source was saved." {
		t.Errorf("got %q, want the message", got)
	}
}

func TestAPasskeyDeviceAnswers(t *testing.T) {
	_, url := serve(t)
	tab := browser.New(t).Tab(t)
	tab.VirtualAuthenticator()
	tab.Go(strings.Replace(url, "127.0.0.1", "atalaya.localhost", 1) + "/")
	made := browser.Eval[string](tab, `navigator.credentials.create({publicKey: {
		challenge: new Uint8Array(32), rp: {name: "Test"}, user: {id: new Uint8Array(8), name: "ana", displayName: "Ana"},
		pubKeyCredParams: [{type: "public-key", alg: -7}], authenticatorSelection: {residentKey: "required", userVerification: "required"},
	}}).then(c => c.type)`)
	if made != "public-key" {
		t.Errorf("got %q, want a passkey", made)
	}
}
