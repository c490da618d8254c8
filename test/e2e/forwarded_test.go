package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"almenara.example/internal/app"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/mail/mailtest"
	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/test/browser"
	"almenara.example/test/house"
	"almenara.example/tlp"
)

// reads lets an installation read a mailbox.
func reads(t *testing.T, box *mailtest.IMAP) func(*app.Config) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(box.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *app.Config) {
		c.Mail.Intake = []app.Intake{{Name: "desk", Host: box.Host, Port: box.Port, Security: "none", User: box.User, PasswordFile: password}}
	}
}

// scanned hands in a full scan of a day: hosts are last numbers in 192.0.2.0/24.
func scanned(ctx context.Context, s *stage, day string, hosts ...string) error {
	rows := "timestamp,ip,protocol,port\n"
	for _, host := range hosts {
		rows += day + " 00:00:01,192.0.2." + host + ",tcp,23\n"
	}
	_, err := s.app.Watch().Receive(ctx, house.Lead(), watch.Arrival{Source: "scans", FileName: day + "-scan_telnet.csv", Body: strings.NewReader(rows)})
	return err
}

// twoCompanies are Faro and Ribera, each with a role mailbox and no key, and a scan,
// marked AMBER, that found something at both.
func twoCompanies(ctx context.Context, s *stage, wound *clock.Wound) error {
	if err := importOrganisations(ctx, s, house.Head+strings.Replace(house.Faro, ",fr\n", ",en\n", 1)+house.Ribera); err != nil {
		return err
	}
	if _, _, err := s.app.Watch().LoadSchema(ctx, house.Lead(), strings.NewReader(house.Telnet)); err != nil {
		return err
	}
	if _, err := s.app.Watch().AddSource(ctx, house.Lead(), "scans", watch.SourceSettings{Mode: watch.Live, Marking: tlp.Amber}); err != nil {
		return err
	}
	if err := scanned(ctx, s, wound.Now().AddDate(0, 0, -1).Format(time.DateOnly), "3", "17", "18"); err != nil {
		return err
	}
	return s.settle(ctx)
}

// mailTo is the mail that went to an address.
func (s *stage) mailTo(address string, n int) (m mailtest.Received) {
	s.t.Helper()
	var found []mailtest.Received
	s.until("a mail goes to "+address, func() bool {
		found = nil
		for _, m := range s.mail.Received() {
			if m.To == address {
				found = append(found, m)
			}
		}
		return len(found) >= n
	})
	return found[n-1]
}

// noticeTo is the newest notice to an address.
func (s *stage) noticeTo(address string) warn.Notice {
	s.t.Helper()
	all, err := s.app.Warn().Notices(s.t.Context(), s.read(), warn.Filter{Limit: 1000})
	s.check(err)
	for _, n := range all {
		if n.Address == address {
			return n
		}
	}
	s.t.Fatalf("no notice goes to %s", address)
	return warn.Notice{}
}

// TestAForwardedNotice: a mail with nothing but a link goes to a role mailbox; a
// scanner that fetches the link gives no receipt; a clerk forwards it; the provider who
// opens it says who he is and sees this one notice; the answer comes by plain mail
// through a real IMAP server, and the desk confirms it with two keystrokes; the next
// full scan no longer shows it, and nobody takes that for verified.
func TestAForwardedNotice(t *testing.T) {
	box := mailtest.Dovecot(t)
	s := openWith(t, true, reads(t, box), twoCompanies)
	letter := s.mailTo("watch@faro.example", 1)
	text := string(letter.Data)
	for _, secret := range []string{"192.0.2.3", "telnet", "scan_"} {
		if strings.Contains(text, secret) {
			t.Errorf("the mail without a key says %q:\n%s", secret, text)
		}
	}
	link := s.linkIn(letter)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet, http.MethodGet, http.MethodHead} {
		status, body := s.ask(method, link.Path, func(r *http.Request) { r.Header.Set("User-Agent", "LinkScanner/1.0") })
		if status != http.StatusOK || strings.Contains(body, "192.0.2.3") || strings.Contains(body, "Aguas") {
			t.Errorf("%s by a scanner: got %d, want 200 and nothing of the notice\n%s", method, status, body)
		}
	}
	n := s.noticeTo("watch@faro.example")
	if visits, err := s.app.Warn().Visits(t.Context(), s.read(), n.ID); err != nil || len(visits) != 0 || !n.SeenAt.IsZero() || !n.AnsweredAt.IsZero() {
		t.Fatalf("a scanner left a receipt: %+v, %v, %v", n, visits, err)
	}

	chromium := browser.New(t)
	s.providerOpens(chromium.Tab(t), link.String())
	s.deskConfirms(chromium.Tab(t), box, letter, n)
}

// providerOpens is somebody without a session to whom the mail was forwarded.
func (s *stage) providerOpens(tab *browser.Tab, link string) {
	s.t.Helper()
	other := s.app.Warn().Number(s.noticeTo("duty@ribera.example").ID)
	tab.Viewport(360, 740)
	tab.Go(link)
	s.look(tab, "forwarded/01-link-360")
	tab.Fill("#f-by", "Inés Prieto")
	tab.Fill("#f-firm", "Sentinela SOC")
	tab.Follow(".alm-form button[type=submit]")
	tab.WaitText("main", "192.0.2.3")
	s.look(tab, "forwarded/02-notice-360")
	tab.Viewport(1280, 900)
	tab.Shot("forwarded/02-notice-1280")
	if body := browser.Eval[string](tab, "document.documentElement.outerHTML"); strings.Contains(body, "Ribera") || strings.Contains(body, "192.0.2.17") || strings.Contains(body, other) {
		s.t.Error("a visitor sees something of somebody else's")
	}
	for _, path := range []string{"/portal", "/portal/notices", "/portal/findings", "/warn/notices", "/warn/notices/" + other, "/watch/findings", "/"} {
		tab.Go(s.url + path)
		at := browser.Eval[string](tab, "location.pathname")
		if body := tab.Text("body"); !strings.Contains(at, "sign-in") && !strings.HasPrefix(at, "/portal/link") || strings.Contains(body, "192.0.2.") || strings.Contains(body, "Aguas") {
			s.t.Errorf("a visitor who asks for %s gets to %s:\n%s", path, at, body)
		}
	}
}

// deskConfirms lets the reply come in by IMAP, and takes it with c and Enter.
func (s *stage) deskConfirms(tab *browser.Tab, box *mailtest.IMAP, letter mailtest.Received, n warn.Notice) {
	s.t.Helper()
	number := s.app.Warn().Number(n.ID)
	box.Deliver([]byte("From: Control room <watch@faro.example>\r\nTo: csirt@csirt.example\r\nSubject: Re: [" + number + "]\r\nMessage-ID: <reply-1@faro.example>\r\n" +
		"In-Reply-To: <" + strings.Trim(letter.MessageID, "<>") + ">\r\nDate: " + s.wound.Now().Format(time.RFC1123Z) + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		"Our provider has taken it: this has been fixed, thank you.\r\n"))
	s.until("the reply comes in", func() bool {
		ms, err := s.app.Warn().Mails(s.t.Context(), s.read(), warn.MailFilter{State: warn.MailWaits})
		s.check(err)
		return len(ms) == 1 && ms[0].Notice == n.ID
	})
	s.signIn(tab, s.link(s.person("Carla Vidal", guard.RoleWatchOfficer)))
	tab.Go(s.url + "/warn/mail")
	s.look(tab, "forwarded/03-mail-to-confirm")
	tab.Viewport(360, 740)
	s.look(tab, "forwarded/03-mail-to-confirm-360")
	tab.Viewport(1280, 900)
	tab.Press("c")
	tab.WaitFor("document.activeElement.dataset.key === 'c'")
	tab.Press(kb.Enter)
	tab.WaitText(".alm-flash", "The mail is an answer now")
	tab.Go(s.url + "/warn/notices/" + number)
	tab.WaitText(".alm-story", "By mail")
	tab.WaitText(".alm-story", "Inés Prieto")
	tab.WaitText(".alm-story", "recorded by Carla Vidal")
	s.look(tab, "forwarded/04-notice")

	// The next full scan shows Ribera alone.
	s.check(scanned(s.t.Context(), s, s.wound.Now().Format(time.DateOnly), "17", "18"))
	s.until("the finding is no longer seen", func() bool {
		return len(s.findings(watch.Filter{States: []watch.State{watch.NoLongerSeen}})) == 1
	})
	f := s.findings(watch.Filter{States: []watch.State{watch.NoLongerSeen}})[0]
	tab.Go(s.url + "/watch/findings/" + s.app.Watch().Number(f.ID))
	tab.WaitText("main", "No longer seen")
	tab.WaitText("main", number)
	if body := tab.Text("main"); strings.Contains(body, "verified by") || strings.Contains(body, "Verified on") {
		s.t.Errorf("what is no longer seen passes for verified:\n%s", body)
	}
	if n := len(s.findings(watch.Filter{States: []watch.State{watch.Closed}})); n != 0 {
		s.t.Errorf("%s findings are closed, want none", strconv.Itoa(n))
	}
	s.look(tab, "forwarded/05-finding-no-longer-seen")
}
