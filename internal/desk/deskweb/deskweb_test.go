package deskweb_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"almenara.example/internal/desk/deskweb"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/web"
	"almenara.example/internal/watch"
	"almenara.example/internal/watch/watchweb"
	"almenara.example/internal/watch/watchweb/watchwebtest"
)

func doors() []watchwebtest.Door {
	return []watchwebtest.Door{
		{
			Room: "desk", Templates: deskweb.Templates, Locales: i18n.Sub(deskweb.Locales, "locales"),
			Routes: func(h *watchwebtest.House) []web.Route {
				return deskweb.New(deskweb.Config{
					Site: h.Site, Watch: h.Watch, Constituency: h.Constituency, Acts: h.Acts, Clock: h.Clock,
					FailedWork: func(context.Context) (int64, error) { return 2, nil }, FailedWorkURL: "/desk/work", FailedWorkPermission: "warn.read",
				}).Routes()
			},
		},
		{
			Room: "watch", Templates: watchweb.Templates, Locales: i18n.Sub(watchweb.Locales, "locales"),
			Routes: func(h *watchwebtest.House) []web.Route {
				return watchweb.New(watchweb.Config{Site: h.Site, Watch: h.Watch, Constituency: h.Constituency, Acts: h.Acts}).Routes()
			},
		},
	}
}

func house(t *testing.T) *watchwebtest.House {
	t.Helper()
	h := watchwebtest.Open(t, doors()...)
	h.Nation()
	return h
}

const lead = "duty-lead"

func TestTheBoardShowsFirstWhatNeedsAPersonInOrderOfConsequence(t *testing.T) {
	h := house(t)
	w := h.Do(lead, "GET", "/", "")
	page := w.Body.String()
	if w.Code != 200 {
		t.Fatalf("got %d: %s", w.Code, page)
	}
	at := -1
	for _, want := range []string{"Late feed", "Delivery of unknown kind", "Failed work", "Source in shadow", "Rows in quarantine", "Findings without an owner", "Open findings by sector and severity"} {
		i := strings.Index(page, want)
		if i <= at {
			t.Errorf("%q stands at %d, want it after %d", want, i, at)
		}
		at = i
	}
}

var heatCell = regexp.MustCompile(`<td class="alm-w[1-5]"><a href="([^"]+)">(\d+)</a>`)

func TestEveryFigureOfTheHeatTableIsTheLengthOfItsList(t *testing.T) {
	h := house(t)
	cells := heatCell.FindAllStringSubmatch(h.Do(lead, "GET", "/", "").Body.String(), -1)
	if len(cells) < 10 {
		t.Fatalf("got %d cells, want the sectors of a nation", len(cells))
	}
	for _, c := range cells {
		list := h.Do(lead, "GET", strings.ReplaceAll(c[1], "&amp;", "&"), "").Body.String()
		if !strings.Contains(list, `<span class="alm-total">`+c[2]+" in all") {
			t.Errorf("%s does not hold %s findings", c[1], c[2])
		}
	}
}

func TestTheBoardOfAnEmptyInstallationSaysWhatToDo(t *testing.T) {
	h := watchwebtest.Open(t, doors()...)
	page := h.Do(lead, "GET", "/", "").Body.String()
	for _, want := range []string{"No finding is open.", "Add the first source", "/watch/sources/new", "Nothing was delivered today."} {
		if !strings.Contains(page, want) {
			t.Errorf("got a board without %q", want)
		}
	}
}

func TestASearchLeadsToTheOneThingOrShowsGroups(t *testing.T) {
	h := house(t)
	number := h.Numbers(watch.Filter{})[0]
	for _, c := range []struct{ q, leads, shows string }{
		{number, "/watch/findings/" + number, ""},
		{strings.ToLower(strings.ReplaceAll(number, "-", "")), "/watch/findings/" + number, ""},
		{"wasserwerk nord", "/constituency/organisations/", ""},
		{"wasser", "/constituency/organisations/", ""},
		{"energia del", "/constituency/organisations/", ""},
		{"192.0.2.66", "", "192.0.2.66 is matched to Energía del Sur"},
		{"192.0.2.0/24", "", "All findings at 192.0.2.0/24"},
		{"host-9.example", "", "All findings at host-9.example"},
		{"o", "", "Organisations"},
		{"<script>alert(1)</script>", "", "Nothing is known of «&lt;script&gt;"},
		{"AS64500", "", "Nothing is known of"},
		{"", "", "Type what you have at hand."},
	} {
		w := h.Do(lead, "GET", "/desk/search?q="+url.QueryEscape(c.q), "")
		if c.leads != "" {
			if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), c.leads) {
				t.Errorf("%q: got %d to %q, want %s", c.q, w.Code, w.Header().Get("Location"), c.leads)
			}
		} else if w.Code != 200 || !strings.Contains(w.Body.String(), c.shows) {
			t.Errorf("%q: got %d without %q", c.q, w.Code, c.shows)
		}
	}
	if w := h.Do(lead, "GET", "/desk/search?q=a%00b", ""); w.Code != 400 && w.Code != 422 {
		t.Errorf("a zero byte: got %d, want it refused", w.Code)
	}
}

func TestTheBoardIsForTheDeskAndWatchForItsReaders(t *testing.T) {
	h := house(t)
	for roles, want := range map[string]int{"": 303, "feed": 403, "administrator": 200, "reader": 200} {
		if w := h.Do(roles, "GET", "/", ""); w.Code != want {
			t.Errorf("%q: got %d, want %d", roles, w.Code, want)
		}
	}
	page := h.Do("administrator", "GET", "/", "").Body.String()
	for _, closed := range []string{"Open findings by sector", "Failed work", "Nothing waits for a person"} {
		if strings.Contains(page, closed) {
			t.Errorf("an administrator, who reads no findings, is shown %q", closed)
		}
	}
	for _, open := range []string{"Your role does not read findings.", `href="/watch/sources"`, `href="/guard/persons"`} {
		if !strings.Contains(page, open) {
			t.Errorf("an administrator's board does not show %q", open)
		}
	}
}
