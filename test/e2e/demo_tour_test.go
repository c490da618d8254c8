package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/test/browser"
	"almenara.example/test/house"
)

// TestMain takes the built program away.
func TestMain(m *testing.M) {
	code := m.Run()
	house.Remove()
	os.Exit(code)
}

// TestEveryLinkOfTheDemoLeadsToPagesThatAnswer signs in by each link that the demo
// prints, and asks for every page of its rail, or of its portal, in each language.
func TestEveryLinkOfTheDemoLeadsToPagesThatAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	program := house.Program(t)
	links := startDemo(t, ctx, program, filepath.Join(t.TempDir(), "data"))
	chromium := browser.New(t)
	full := os.Getenv("ALMENARA_E2E_FULL") == "1"
	for who, link := range links {
		if !full && !slices.Contains([]string{"contact", "duty-lead"}, who) {
			continue // the walks of the others stand behind the flag
		}
		t.Run(who, func(t *testing.T) {
			tab := chromium.Tab(t)
			url, _, _ := strings.Cut(link, "/sign-in")
			tab.Go(link)
			tab.Follow("main button[type=submit]")
			outsider := slices.Contains([]string{"contact", "provider", "network"}, who)
			languages, home, nav := []string{"en", "fr"}, "/", "#rail a, main nav a"
			if outsider {
				languages, home, nav = append(languages, "es"), "/portal", ".alm-portal-nav a"
			}
			tab.Go(url + home)
			pages := append(hrefs(tab, nav), home)
			if len(pages) < 3 {
				t.Errorf("got the pages %v, want more", pages)
			}
			for _, page := range slices.Compact(slices.Sorted(slices.Values(pages))) {
				for _, lang := range languages {
					answersWell(t, tab, page, lang)
				}
			}
			if outsider || who == "duty-lead" {
				tour(t, tab, url, who, outsider)
			}
		})
	}
}

// hrefs are the addresses of this site to which links lead.
func hrefs(tab *browser.Tab, selector string) []string {
	return browser.Eval[[]string](tab, fmt.Sprintf(`[...document.querySelectorAll(%q)].map(a => a.getAttribute("href")).filter(h => h && h.startsWith("/") && !h.includes(".csv"))`, selector))
}

// answersWell asks for a page in a language: no error, and no word that is missing.
func answersWell(t *testing.T, tab *browser.Tab, page, lang string) {
	t.Helper()
	sep := "?"
	if strings.Contains(page, "?") {
		sep = "&"
	}
	got := browser.Eval[struct {
		Status int
		Body   string
	}](tab, fmt.Sprintf(`fetch(%q).then(async a => ({Status: a.status, Body: await a.text()}))`, page+sep+"lang="+lang))
	if got.Status != 200 || !strings.Contains(got.Body, `lang="`+lang+`"`) {
		t.Errorf("%s in %s: got %d, want 200 and this language", page, lang, got.Status)
	}
	if _, word, missing := strings.Cut(got.Body, "⟦"); missing {
		t.Errorf("%s in %s lacks the word %.60s", page, lang, word)
	}
}

// tour keeps pictures of what people see most, on a telephone and on a desk.
func tour(t *testing.T, tab *browser.Tab, url, who string, outsider bool) {
	t.Helper()
	var pages []string
	if outsider {
		tab.Go(url + "/portal/notices")
		pages = append(hrefs(tab, `main a[href^="/portal/notices/ALM"]`)[:1], hrefs(tab, ".alm-portal-nav a")...)
	} else {
		tab.Go(url + "/warn/warnings")
		flash := hrefs(tab, `main table a[href^="/warn/warnings/ALM"]`)
		tab.Go(url + "/warn/mail")
		mail := hrefs(tab, `main table a[href^="/warn/mail/"]`)
		tab.Go(url + "/warn/answers")
		asked := hrefs(tab, `main table a[href^="/warn/notices/"]`)
		pages = []string{
			"/", "/warn/notices", "/warn/warnings", "/warn/warnings/new", "/warn/calls", "/warn/mail", "/warn/answers", "/warn/rules", "/duty", "/duty/roster", "/duty/pack", "/ledger",
		}
		for _, list := range [][]string{flash, mail, asked} {
			if len(list) == 0 {
				t.Errorf("the demo has nothing in one of its lists: %v, %v, %v", flash, mail, asked)
				continue
			}
			pages = append(pages, list[0])
		}
		pages = append(pages, flash[1:]...)
	}
	for _, look := range []struct {
		width int64
		lang  string
	}{{360, "fr"}, {1280, "en"}} {
		tab.Viewport(look.width, 800)
		lang := look.lang
		if who == "contact" {
			lang = "es"
		}
		tab.Go(url + pages[0] + "?lang=" + lang)
		for _, page := range pages {
			page, _, _ = strings.Cut(page, "#")
			tab.Go(url + page)
			if browser.Eval[int](tab, `performance.getEntriesByType("navigation")[0].responseStatus`) != 200 {
				t.Errorf("%s does not answer", page)
			}
			tab.Axe()
			tab.NoSidewaysScroll()
			tab.Screenshot(fmt.Sprintf("tour/%s-%s-%d", who, slug(page), look.width))
			if t.Failed() {
				t.Logf("… on %s at %d", page, look.width)
			}
		}
	}
}
