package e2e

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// oneNotice is a live source that found something at one operator.
func oneNotice(ctx context.Context, s *stage, wound *clock.Wound) error {
	h := house.Head + strings.Replace(house.Faro, ",fr\n", ",en\n", 1)
	if err := importOrganisations(ctx, s, h); err != nil {
		return err
	}
	if _, _, err := s.app.Watch().LoadSchema(ctx, house.Lead(), strings.NewReader(house.Telnet)); err != nil {
		return err
	}
	if _, err := s.app.Watch().AddSource(ctx, house.Lead(), "scans", watch.SourceSettings{Mode: watch.Live, Marking: tlp.Green}); err != nil {
		return err
	}
	day := wound.Now().Format(time.DateOnly)
	_, err := s.app.Watch().Receive(ctx, house.Lead(), watch.Arrival{
		Source: "scans", FileName: day + "-scan_telnet.csv",
		Body: strings.NewReader("timestamp,ip,protocol,port\n" + day + " 00:00:01,192.0.2.3,tcp,23\n"),
	})
	if err != nil {
		return err
	}
	return s.settle(ctx)
}

// TestAVisitorAnswersByTheLink: whoever got the mail answers on a telephone without
// scripts; a scanner that only looks answers nothing; the desk sees who answered.
func TestAVisitorAnswersByTheLink(t *testing.T) {
	s := open(t, true, oneNotice)
	link := s.linkIn(s.mail.Wait(t, 1, 10*time.Second)[0])
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		if status, body := s.ask(method, link.Path); status != http.StatusOK || strings.Contains(body, "192.0.2.3") || strings.Contains(body, "Aguas") {
			t.Errorf("%s by a scanner: got %d, want 200 and nothing of the notice\n%s", method, status, body)
		}
	}
	if n := s.notice(); n.State != warn.Sent {
		t.Fatalf("after a scanner's visit the notice is %s, want sent", n.State)
	}

	chromium := browser.New(t)
	tab := chromium.Tab(t)
	tab.Scripts(false)
	tab.Viewport(360, 740)
	tab.Go(link.String())
	tab.WaitText("h1", "A warning for you")
	if got := tab.Text("main"); strings.Contains(got, "192.0.2.3") || strings.Contains(got, "Aguas") {
		t.Errorf("the page shows the notice to whoever has the link:\n%s", got)
	}
	tab.Scripts(true)
	s.look(tab, "visitor/01-asked")
	tab.Scripts(false)
	tab.Fill("#f-by", "Inés Prieto")
	tab.Fill("#f-firm", "Sentinela SOC")
	tab.Follow(".alm-form button[type=submit]")
	tab.WaitText("main", "192.0.2.3")
	tab.Follow(".alm-portal-take button[type=submit]")
	tab.WaitText("h1", "Thank you")
	tab.Scripts(true)
	s.look(tab, "visitor/02-thanked")
	tab.Go(link.String())
	if got := tab.Text("main"); strings.Contains(got, "Inés") {
		t.Errorf("the page tells the next visitor what the first one said:\n%s", got)
	}

	desk := chromium.Tab(t)
	s.signIn(desk, s.link(s.person("Carla Vidal", guard.RoleWatchOfficer)))
	desk.Go(s.url + "/warn/notices/" + s.app.Warn().Number(s.notice().ID))
	desk.WaitText("main", "Inés Prieto")
	s.look(desk, "visitor/04-the-desk-sees")
}

// notice is the only notice there is.
func (s *stage) notice() warn.Notice {
	s.t.Helper()
	all, err := s.app.Warn().Notices(s.t.Context(), s.read(), warn.Filter{})
	s.check(err)
	if len(all) != 1 {
		s.t.Fatalf("got %d notices, want one", len(all))
	}
	return all[0]
}

var softBreak, answerLink = regexp.MustCompile(`=\r\n`), regexp.MustCompile(`http://\S+/n/\S+`)

// linkIn is the address in a mail where its reader answers.
func (s *stage) linkIn(m mailtest.Received) *url.URL {
	s.t.Helper()
	text := strings.ReplaceAll(softBreak.ReplaceAllString(string(m.Data), ""), "=3D", "=")
	u, err := url.Parse(answerLink.FindString(text))
	if err != nil || u.Path == "" {
		s.t.Fatalf("got no link (%v) in the mail\n%s", err, text)
	}
	return u
}
