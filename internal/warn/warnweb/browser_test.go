package warnweb_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"almenara.example/test/browser"
)

// tab is a browser in which somebody has signed in.
func (d *desk) tab(b *browser.Browser, who *http.Cookie) *browser.Tab {
	d.t.Helper()
	tab := b.Tab(d.t)
	tab.Cookie(d.URL, who.Name, who.Value)
	return tab
}

// TestTheDesksPagesAreAccessibleAndFitATelephone looks at every new page, narrow and
// French, wide and dark.
func TestTheDesksPagesAreAccessibleAndFitATelephone(t *testing.T) {
	d := open(t)
	flash := d.released("flash")
	draft := strings.TrimSuffix(d.post(d.ana, "/warn/warnings", draft("high"), http.StatusSeeOther).Header.Get("Location"), "/list")
	mail := d.mailIn("watch@faro.example", "Re: ["+d.noticeFaro+"] warning", "We have fixed it.")
	b := browser.New(t)
	for _, look := range []struct {
		width int64
		lang  string
		dark  bool
	}{{360, "fr", false}, {1280, "en", true}} {
		tab := d.tab(b, d.ana)
		tab.Viewport(look.width, 800)
		tab.Dark(look.dark)
		tab.Go(d.URL + "/warn/warnings?lang=" + look.lang)
		for _, path := range []string{
			"/warn/warnings", "/warn/warnings/new", flash, flash + "?show=answered", flash + "/close", draft, draft + "/edit", draft + "/list", draft + "/letter?org=2",
			"/warn/calls", "/warn/answers", "/warn/mail", mail, "/warn/rules", "/warn/notices", "/warn/notices/" + d.noticeFaro + "?answer=phone", "/warn/outbox", "/warn/repeat",
		} {
			tab.Go(d.URL + path)
			tab.Axe()
			tab.NoSidewaysScroll()
			if t.Failed() {
				t.Fatalf("… on %s at %d px", path, look.width)
			}
		}
	}
}

func TestAnAnswerByPhoneAndAReplyByMailTakeTwoKeystrokes(t *testing.T) {
	d := open(t)
	flash := d.released("flash")
	d.mailIn("watch@faro.example", "Re: ["+d.noticeFaro+"] warning", "We have fixed it.")
	tab := d.tab(browser.New(t), d.olga)

	tab.Go(d.URL + "/warn/notices/" + d.noticeFaro)
	tab.Press("p")
	tab.WaitFor("document.activeElement.id === 'f-by' && document.activeElement.value === 'Control room'")
	tab.Press(kb.Enter)
	tab.WaitText(".alm-flash", "The answer is recorded.")
	tab.WaitText(".alm-story", "Control room · recorded by Olga")

	tab.Go(d.URL + "/warn/mail")
	tab.Press("c")
	tab.WaitFor("document.activeElement.dataset.key === 'c'")
	tab.Press(kb.Enter)
	tab.WaitText(".alm-flash", "The mail is an answer now")

	// On the board: the line, p, Enter, and back.
	tab.Go(d.URL + flash + "?show=silent")
	tab.Press("jp")
	tab.WaitFor("document.activeElement.id === 'f-by'")
	tab.Press(kb.Enter)
	tab.WaitText(".alm-flash", "The answer is recorded.")
	tab.WaitText(".alm-lead", "1 of 3")
}

func TestTheBoardMovesWhenSomebodyAnswers(t *testing.T) {
	d := open(t)
	flash := d.released("flash")
	tab := d.tab(browser.New(t), d.reader)
	tab.Go(d.URL + flash)
	tab.WaitFor("document.getElementById('live').dataset.state === 'on'")
	page := d.sees(d.olga, flash+"?show=silent")
	_, rest, _ := strings.Cut(page, `href="/warn/notices/`)
	number, _, _ := strings.Cut(rest, `"`)
	d.post(d.olga, "/warn/notices/"+number+"/answer", map[string][]string{"by": {"Mr Live"}}, http.StatusSeeOther)
	tab.WaitText("#organisations", "Mr Live")
}
