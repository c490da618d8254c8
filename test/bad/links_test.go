package bad

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/test/house"
)

var (
	folding  = regexp.MustCompile(`=\r\n`)
	anAnswer = regexp.MustCompile(`/n/[\w.-]+`)
)

// told returns the notice to an address and the path of its answering link.
func told(t *testing.T, h *house.House, address string) (n warn.Notice, path string) {
	t.Helper()
	await(t, "the notice to "+address+" is sent", func() bool {
		ns, err := h.App.Warn().Notices(t.Context(), h.App.Acts().Reader(), warn.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range ns {
			if one.Address == address && one.State == warn.Sent {
				n = one
			}
		}
		return n.ID != 0
	})
	for _, m := range h.Mail.Received() {
		if found := anAnswer.FindString(folding.ReplaceAllString(string(m.Data), "")); m.To == address && found != "" {
			return n, strings.TrimRight(found, ".")
		}
	}
	t.Fatalf("no link reached %s", address)
	return n, ""
}

func answers(t *testing.T, h *house.House, n warn.Notice) []warn.Answer {
	t.Helper()
	as, err := h.App.Warn().Answers(t.Context(), h.App.Acts().Reader(), n.ID)
	if err != nil {
		t.Fatal(err)
	}
	return as
}

// browser sends a form as a visitor of its own.
func browser(h *house.House, path string, form url.Values) house.Answer {
	return h.Ask(http.MethodPost, path, strings.NewReader(form.Encode()), house.Form, house.Outside, house.Header("Accept-Language", "en"))
}

func by(name, what string) url.Values {
	return url.Values{"by": {name}, "firm": {"Water"}, "what": {what}}
}

func TestAnAnsweringLinkUsedByTwoBrowsersAtOnceAnswersOnce(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := still(t, c)
		n, path := told(t, h, "watch@faro.example")
		const browsers = 6
		got := make([]house.Answer, browsers)
		var start, done sync.WaitGroup
		start.Add(1)
		for i := range browsers {
			done.Go(func() {
				start.Wait()
				got[i] = browser(h, path, by(fmt.Sprintf("Browser %d", i), "acknowledge"))
			})
		}
		start.Done()
		done.Wait()
		won := 0
		for i, a := range got {
			switch a.Status {
			case http.StatusOK:
				won++
			case http.StatusConflict:
				if !strings.Contains(a.Body, "This was said already") {
					t.Errorf("browser %d is not told why: %.500s", i, a.Body)
				}
			default:
				t.Errorf("browser %d: %d", i, a.Status)
			}
		}
		if as := answers(t, h, n); won != 1 || len(as) != 1 || as[0].Strength != warn.ByLink {
			t.Errorf("%d browsers answered, the notice has %+v; want one", won, as)
		}
		// Replayed later, by the same and by another.
		for _, name := range []string{"Browser 0", "Somebody else"} {
			if a := browser(h, path, by(name, "acknowledge")); a.Status != http.StatusConflict {
				t.Errorf("replayed by %s: %d", name, a.Status)
			}
		}
		if as := answers(t, h, n); len(as) != 1 {
			t.Errorf("after the replay: %+v", as)
		}
	})
}

// Whoever floods the form that anybody may send must not keep a nation from answering,
// nor may one office, behind one address, be cut off.
func TestAFloodOfSignInRequestsKeepsNobodyFromAnswering(t *testing.T) {
	h := still(t, sqldb.Config{})
	_, path := told(t, h, "watch@faro.example")
	flood := 0
	for range 400 {
		if browser(h, "/portal/sign-in", url.Values{"email": {"nobody@nowhere.example"}}).Status == http.StatusTooManyRequests {
			flood++
		}
	}
	if flood == 0 {
		t.Fatal("the flood was not held back: this test shows nothing")
	}
	office := house.Header("X-Forwarded-For", "198.51.100.77")
	for i := range 20 {
		form := strings.NewReader(url.Values{"by": {fmt.Sprintf("Person %d", i)}, "firm": {"Water"}}.Encode())
		if a := h.Ask(http.MethodPost, path, form, house.Form, office); a.Status != http.StatusOK {
			t.Fatalf("visitor %d with a working link, while others flood the sign-in form: got %d, want 200", i+1, a.Status)
		}
	}
}

func TestAnAnsweringLinkThatIsGuessedForeignOrExpiredSaysNothing(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := still(t, c)
		n, path := told(t, h, "watch@faro.example")
		_, other := told(t, h, "duty@ribera.example")
		link, secret, _ := strings.Cut(strings.TrimPrefix(path, "/n/"), ".")
		_, foreign, _ := strings.Cut(other, ".")
		pages := map[string]string{}
		clean := regexp.MustCompile(`[0-9a-f]{16}|/n/[^"&?]*|As of [^<]*|<footer.*`)
		refused := func(what, path string) {
			t.Helper()
			for _, a := range []house.Answer{
				h.Ask(http.MethodGet, path, nil, house.Outside, house.Header("Accept-Language", "en")), browser(h, path, by("Mallory", "done")),
			} {
				if a.Status != http.StatusNotFound {
					t.Errorf("%s: %d", what, a.Status)
				}
				if strings.Contains(a.Body, "Aguas") || strings.Contains(a.Body, h.App.Warn().Number(n.ID)) || strings.Contains(a.Body, "192.0.2.") {
					t.Errorf("%s: the page says whose it is", what)
				}
				pages[clean.ReplaceAllString(a.Body, "")] = what
			}
		}
		refused("a guessed secret", "/n/"+link+"."+strings.Repeat("A", len(secret)))
		refused("the last character changed", path[:len(path)-1]+map[bool]string{true: "B", false: "A"}[strings.HasSuffix(path, "A")])
		refused("one character less", path[:len(path)-1])
		refused("no secret", "/n/"+link+".")
		refused("somebody else's secret", "/n/"+link+"."+foreign)
		refused("another case", "/n/"+strings.ToUpper(link)+"."+secret)
		refused("a link that is none", "/n/x")
		h.Clock.Advance(59 * 24 * time.Hour)
		if a := browser(h, path, url.Values{"by": {"Ana"}, "firm": {"Water"}}); a.Status != http.StatusOK {
			t.Errorf("after 59 days: %d", a.Status)
		}
		h.Clock.Advance(2 * 24 * time.Hour)
		refused("a link of 61 days", path)
		if len(pages) > 2 {
			t.Errorf("%d different pages tell links apart: %v", len(pages), pages)
		}
		if as := answers(t, h, n); len(as) != 0 {
			t.Errorf("answered: %+v", as)
		}
	})
}

// live lists what a browser would run, load or send somewhere else in a page.
func live(page string) (out []string) {
	z := html.NewTokenizer(strings.NewReader(page))
	for script := false; ; {
		switch z.Next() {
		case html.ErrorToken:
			return out
		case html.TextToken:
			if script && strings.TrimSpace(string(z.Raw())) != "" {
				out = append(out, string(z.Raw()))
			}
		case html.EndTagToken:
			script = false
		case html.StartTagToken, html.SelfClosingTagToken:
			tok := z.Token()
			script = tok.Data == "script"
			bad := slices.Contains([]string{"iframe", "object", "embed", "base", "style", "frame", "applet"}, tok.Data)
			for _, a := range tok.Attr {
				switch a.Key {
				case "href", "src", "action", "formaction", "srcset", "xlink:href":
					bad = bad || !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "?") || strings.HasPrefix(a.Val, "//")
				case "style", "srcdoc", "http-equiv":
					bad = true
				default:
					bad = bad || strings.HasPrefix(a.Key, "on")
				}
			}
			if bad {
				out = append(out, tok.String())
			}
		}
	}
}

func TestScriptInAMailIsShownAsTextOnly(t *testing.T) {
	h := still(t, sqldb.Config{})
	n, _ := told(t, h, "watch@faro.example")
	cookie := h.SignIn(chief(h).ID)
	id := strings.ToLower(h.App.Warn().Number(n.ID)) + "@csirt.localhost"
	for what, c := range map[string]struct{ kind, body string }{
		"script": {"text/html", `<p>Thank you<script>alert("pwn")</script></p><img src=https://evil.example/x.png onerror=alert(1)><svg onload=alert(2)>`},
		"a form": {"text/html", `<form action=https://evil.example/><input name=password>Thank you</form><a href="javascript:alert(3)">Thank you</a>`},
		"frames": {"text/html", `Thank you<iframe src="https://evil.example/"></iframe><object data=evil></object><embed src=evil><base href=https://evil.example/>` +
			`<meta http-equiv=refresh content="0;url=https://evil.example/"><style>@import url(https://evil.example/evil.css)</style><link rel=stylesheet href=https://evil.example/>`},
		"broken":        {"text/html", `Thank you<scr<script>ipt>alert(4)</scr</script>ipt><img """><script>alert(5)</script>"><!--<script>-->alert(6)<!--</script>-->`},
		"plain text":    {"text/plain", `Thank you <script>alert("pwn")</script> "><img src=x onerror=alert(7)> &lt;script&gt;`},
		"entities":      {"text/html", `Thank you &lt;script&gt;alert(8)&lt;/script&gt; &#60;img src=evil onerror=alert(9)&#62;`},
		"nothing at it": {"text/html", `Thank you<textarea>x</textarea><script>alert(10)</script></textarea></main></body><script>alert(11)</script>`},
	} {
		raw := "From: \"<script>alert(12)</script>\" <watch@faro.example>\r\nTo: csirt@csirt.example\r\nSubject: Re: <script>alert(\"pwn\")</script>\r\nMessage-ID: <" + strings.ReplaceAll(what, " ", "") +
			"@faro.example>\r\nIn-Reply-To: <" + id + ">\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: " + c.kind + "; charset=utf-8\r\n\r\n" + c.body +
			"\r\n--b\r\nContent-Type: text/html; name=\"<script>alert(13)</script>.html\"\r\nContent-Disposition: attachment; filename=\"<img src=x onerror=alert(14)>.html\"\r\n\r\n<script>alert(15)</script>\r\n--b--\r\n"
		if _, err := h.App.Receiving().AcceptRaw(t.Context(), "test", []byte(raw)); err != nil {
			t.Fatal(err)
		}
		ms, err := h.App.Warn().Mails(t.Context(), h.App.Acts().Reader(), warn.MailFilter{Limit: 1})
		if err != nil || len(ms) != 1 || ms[0].Notice != n.ID {
			t.Fatalf("%s: filed as %+v, %v", what, ms, err)
		}
		page := fmt.Sprintf("/warn/mail/%d", ms[0].ID)
		for _, path := range []string{page, "/warn/mail?state=all", "/warn/notices/" + h.App.Warn().Number(n.ID)} {
			a := h.Ask(http.MethodGet, path, nil, house.As(cookie), house.Header("Accept-Language", "en"))
			if a.Status != http.StatusOK {
				t.Fatalf("%s at %s: %d", what, path, a.Status)
			}
			if found := live(a.Body); len(found) > 0 {
				t.Errorf("%s at %s: the page has %q", what, path, found)
			}
			if path == page && !strings.Contains(a.Body, "Thank you") {
				t.Errorf("%s: the words are not shown: %q", what, ms[0].Words)
			}
			if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") && !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-inline") {
				t.Errorf("%s: policy %q", path, csp)
			}
		}
		for i := range ms[0].Files {
			a := h.Ask(http.MethodGet, fmt.Sprintf("%s/files/%d", page, i+1), nil, house.As(cookie))
			if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") ||
				a.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(a.Header.Get("Content-Type"), "html") {
				t.Errorf("%s, attachment %d: %d %v", what, i+1, a.Status, a.Header)
			}
		}
	}
}

// negative is an age or a count of time that no reader can make sense of.
var negative = regexp.MustCompile(`(^|[\s>(])[-−]\d+\s*(s|sec|seconds?|min|minutes?|h|hours?|d|days?|weeks?)\b`)

func TestAfterTheClockIsSetBackNoPageShowsANegativeAge(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		h := still(t, c)
		n, path := told(t, h, "watch@faro.example")
		if a := browser(h, path, by("Ana", "acknowledge")); a.Status != http.StatusOK {
			t.Fatalf("answer: %d", a.Status)
		}
		before := len(h.Mail.Received())
		h.Clock.Set(house.Morning().AddDate(0, 0, -3))
		cookie := h.SignIn(chief(h).ID)
		number := h.App.Warn().Number(n.ID)
		for _, page := range []string{
			"/", "/warn/notices", "/warn/notices/" + number, "/warn/warnings", "/warn/calls", "/warn/mail", "/warn/answers", "/warn/outbox",
			"/watch/findings", "/watch/deliveries", "/watch/sources", "/duty", "/ledger",
		} {
			a := h.Ask(http.MethodGet, page, nil, house.As(cookie), house.Header("Accept-Language", "en"))
			if a.Status != http.StatusOK {
				t.Errorf("%s: %d", page, a.Status)
			}
			text := regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>`).ReplaceAllString(a.Body, " ")
			if found := negative.FindString(text); found != "" {
				t.Errorf("%s says %q", page, found)
			}
		}
		if err := h.Deliver(t.Context(), "2026-11-17", "1", "17"); err != nil { // the same report again
			t.Fatal(err)
		}
		if a := h.Ask(http.MethodGet, path, nil, house.Outside); a.Status != http.StatusOK {
			t.Errorf("the link of before: %d", a.Status)
		}
		await(t, "the delivery is taken in", func() bool {
			a := h.Ask("GET", "/api/v1/watch/deliveries", nil, house.With(h.Token(guard.OwnOrg, guard.RoleReader)))
			return strings.Count(a.Body, `"state":"folded"`) >= 1 && !strings.Contains(a.Body, `"state":"waiting"`)
		})
		if err := h.App.Warn().LookAround(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.Mail.Received(); len(got) != before {
			var b bytes.Buffer
			for _, m := range got {
				fmt.Fprintln(&b, m.To, m.MessageID)
			}
			t.Errorf("%d messages, %d before:\n%s", len(got), before, b.String())
		}
	})
}
