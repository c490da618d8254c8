package browser

import (
	_ "embed" // for the checker
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

//go:embed vendor/axe.min.js
var axe string

// violation is one rule broken, as axe-core reports it.
type violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Axe checks the page as it stands against WCAG 2.2 A and AA and fails the test for
// each rule broken. The checker is brought in by the debugging protocol, so the
// page's content security policy stays as it is.
func (tab *Tab) Axe() {
	tab.t.Helper()
	Eval[bool](tab, axe+"\n;true")
	found := Eval[[]violation](tab, `axe.run(document, {
		preload: false, resultTypes: ["violations"],
		runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]},
	}).then(r => r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help,
		nodes: v.nodes.slice(0, 5).map(n => ({html: n.html, failureSummary: n.failureSummary}))})))`)
	for _, v := range found {
		var where strings.Builder
		for _, n := range v.Nodes {
			fmt.Fprintf(&where, "\n  %.300s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", "\n    "))
		}
		tab.t.Errorf("accessibility: %s (%s): %s%s", v.ID, v.Impact, v.Help, where.String())
	}
}

// NoSidewaysScroll fails the test when the page as a whole is wider than the window.
func (tab *Tab) NoSidewaysScroll() {
	tab.t.Helper()
	over := Eval[string](tab, `(() => {
		const w = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= w) return "";
		const bad = [...document.body.querySelectorAll("*")].filter(e => {
			const r = e.getBoundingClientRect();
			return r.width > 0 && (r.right > w + 1 || r.left < -1) && !e.closest(".alm-scroll, .visually-hidden, .alm-skip");
		}).slice(0, 5).map(e => e.tagName + "." + e.className);
		return document.documentElement.scrollWidth + " > " + w + ": " + bad.join(", ");
	})()`)
	if over != "" {
		tab.t.Errorf("the page is wider than the window: %s", over)
	}
}

// VirtualAuthenticator plugs in a passkey device that answers by itself with the
// person verified; it stays with the tab.
func (tab *Tab) VirtualAuthenticator() {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		tab.t.Fatalf("enable passkeys: %v", err)
	}
	_, err := chromedp.Call(tab.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21,
			Transport:      webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		tab.t.Fatalf("plug in a passkey device: %v", err)
	}
}
