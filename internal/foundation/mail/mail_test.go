package mail_test

import (
	"bytes"
	"context"
	"errors"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/mail/mailtest"
)

func sample() mail.Message {
	return mail.Message{
		ID:       "notice-17@csirt.example",
		From:     mail.Address{Name: "CSIRT d’Atalaya", Email: "csirt@csirt.example"},
		To:       mail.Address{Name: "Veille", Email: "watch@water.example"},
		Subject:  "[ALM-4K7Q-2M9X] Système exposé",
		Date:     time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC),
		Language: "fr",
		Text:     "Bonjour,\n\n.un point en tête de ligne\n",
	}
}

func client(t *testing.T, s *mailtest.Server, change func(*mail.Config)) *mail.Client {
	t.Helper()
	c := mail.Config{Host: s.Host, Port: s.Port, Security: mail.Plain, Timeout: 5 * time.Second}
	if change != nil {
		change(&c)
	}
	m, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheOutcomeSaysHowFarTheMessageCame(t *testing.T) {
	for _, c := range []struct {
		name    string
		verdict mailtest.Verdict
		want    mail.Outcome
		arrived int
	}{
		{"taken", mailtest.Accept, mail.Outcome{State: mail.Accepted, Code: 250}, 1},
		{"recipient refused", mailtest.Refuse, mail.Outcome{State: mail.Refused, Code: 550}, 0},
		{"content refused", mailtest.RefuseData, mail.Outcome{State: mail.Refused, Code: 554}, 0},
		{"deferred", mailtest.Defer, mail.Outcome{State: mail.Deferred, Code: 451}, 0},
		{"vanished before the dot was answered, not taken", mailtest.DropAfterDot, mail.Outcome{State: mail.Unknown, Connection: true}, 0},
		{"vanished before the dot was answered, but taken", mailtest.DropAfterAccept, mail.Outcome{State: mail.Unknown, Connection: true}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mailtest.New(t)
			s.Judge(func(string, string) mailtest.Verdict { return c.verdict })
			got, err := client(t, s, nil).Send(context.Background(), sample())
			if err != nil {
				t.Fatal(err)
			}
			if (got.State != mail.Accepted) == (got.Reply == "") {
				t.Errorf("got reply %q for state %s", got.Reply, got.State)
			}
			got.Reply = ""
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("outcome (-want +got):\n%s", d)
			}
			if n := len(s.Received()); n != c.arrived {
				t.Errorf("got %d messages at the server, want %d", n, c.arrived)
			}
		})
	}
}

func TestAConnectionLostBeforeTheDotIsNeverTakenForSent(t *testing.T) {
	s := mailtest.New(t)
	s.Judge(func(string, string) mailtest.Verdict { return mailtest.DropBeforeDot })
	m := sample()
	m.Text = strings.Repeat("a long message that does not fit into one buffer\n", 100_000)
	got, err := client(t, s, nil).Send(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	if got.State == mail.Accepted || got.State == mail.Refused {
		t.Errorf("got %+v, want deferred or unknown", got)
	}
}

func TestAServerThatIsAwayDefers(t *testing.T) {
	s := mailtest.New(t)
	c := client(t, s, nil)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := c.Send(context.Background(), sample())
	if err != nil || got.State != mail.Deferred {
		t.Errorf("got %+v, %v; want deferred", got, err)
	}
}

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	s := mailtest.New(t)
	m := sample()
	m.Attachments = []mail.Attachment{{Name: "findings.csv", Type: "text/csv", Data: []byte("ip,port\n192.0.2.1,502\n")}}
	if _, err := client(t, s, nil).Send(context.Background(), m); err != nil {
		t.Fatal(err)
	}
	got := s.Wait(t, 1, 5*time.Second)[0]
	if got.From != "csirt@csirt.example" || got.To != "watch@water.example" || got.MessageID != m.ID {
		t.Errorf("got envelope and number %q %q %q", got.From, got.To, got.MessageID)
	}
	want, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.Bytes()
	if err != nil || !bytes.Equal(want, again) {
		t.Errorf("got different bytes for the same message, %v", err)
	}
	if d := cmp.Diff(strings.TrimSpace(string(want)), strings.TrimSpace(string(got.Data))); d != "" {
		t.Errorf("content (-written +arrived):\n%s", d)
	}
	head, err := netmail.ReadMessage(bytes.NewReader(got.Data))
	if err != nil {
		t.Fatal(err)
	}
	if to, err := head.Header.AddressList("To"); err != nil || to[0].Name != "Veille" {
		t.Errorf("got recipients %v, %v", to, err)
	}
	if a := head.Header.Get("Auto-Submitted"); a != "auto-generated" {
		t.Errorf("got Auto-Submitted %q, want auto-generated", a)
	}
}

func TestConnectionsAreEncryptedAndAuthenticated(t *testing.T) {
	s := mailtest.New(t)
	secret := filepath.Join(t.TempDir(), "password")
	write := func(p string) {
		if err := os.WriteFile(secret, []byte(p+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(mailtest.Password)
	c := client(t, s, func(c *mail.Config) {
		c.Security, c.CAFile = mail.StartTLS, s.CAFile
		c.Username, c.PasswordFile = mailtest.User, secret
	})
	if o, err := c.Send(context.Background(), sample()); err != nil || o.State != mail.Accepted {
		t.Fatalf("got %+v, %v; want accepted", o, err)
	}
	if got := s.Received()[0]; !got.TLS || got.User != mailtest.User {
		t.Errorf("got TLS %v and user %q, want both", got.TLS, got.User)
	}
	write("wrong")
	if o, err := c.Send(context.Background(), sample()); err != nil || o.State != mail.Deferred {
		t.Errorf("got %+v, %v for a wrong password, want deferred", o, err)
	}
	unknown := client(t, s, func(c *mail.Config) { c.Security = mail.StartTLS })
	if o, err := unknown.Send(context.Background(), sample()); err != nil || o.State != mail.Deferred {
		t.Errorf("got %+v, %v for a certificate that nobody vouches for, want deferred", o, err)
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(context.Background(), sample()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v without a password file, want that it is missing", err)
	}
}

func TestTLSFromTheFirstByte(t *testing.T) {
	s := mailtest.NewTLS(t)
	c := client(t, s, func(c *mail.Config) { c.Security, c.CAFile = mail.TLS, s.CAFile })
	if o, err := c.Send(context.Background(), sample()); err != nil || o.State != mail.Accepted {
		t.Fatalf("got %+v, %v; want accepted", o, err)
	}
	if !s.Received()[0].TLS {
		t.Error("got a message without TLS")
	}
}

func TestAnEndedContextEndsTheWait(t *testing.T) {
	s := mailtest.New(t)
	ctx, cancel := context.WithCancel(context.Background())
	s.Judge(func(string, string) mailtest.Verdict {
		cancel()
		return mailtest.Accept
	})
	o, err := client(t, s, nil).Send(ctx, sample())
	if err != nil {
		t.Fatal(err)
	}
	if o.State == mail.Refused {
		t.Errorf("got %+v, want anything but refused", o)
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	for name, change := range map[string]func(*mail.Message){
		"name with a line break":     func(m *mail.Message) { m.To.Name = "a\r\nBcc: x@evil.example" },
		"address with a line break":  func(m *mail.Message) { m.To.Email = "a@b.example\nBcc: x@evil.example" },
		"address with a name":        func(m *mail.Message) { m.To.Email = "x <a@b.example>" },
		"two addresses":              func(m *mail.Message) { m.To.Email = "a@b.example, c@d.example" },
		"address with a command":     func(m *mail.Message) { m.From.Email = "a@b.example>\r\nRCPT TO:<x@evil.example" },
		"subject with a line break":  func(m *mail.Message) { m.Subject = "a\nX: y" },
		"subject with a separator":   func(m *mail.Message) { m.Subject = "a\u2028X: y" },
		"number with a bracket":      func(m *mail.Message) { m.ID = "a>@b\r\nX: y" },
		"language with a line break": func(m *mail.Message) { m.Language = "fr\r\nX: y" },
		"file name with a break":     func(m *mail.Message) { m.Attachments = []mail.Attachment{{Name: "a\nb", Type: "text/csv"}} },
		"text with NUL":              func(m *mail.Message) { m.Text = "a\x00b" },
		"no subject":                 func(m *mail.Message) { m.Subject = "" },
	} {
		t.Run(name, func(t *testing.T) {
			m := sample()
			change(&m)
			if _, err := m.Bytes(); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("got %v, want invalid", err)
			}
		})
	}
}

func TestTheConfigurationNamesWhatIsWrong(t *testing.T) {
	for want, c := range map[string]mail.Config{
		"host is empty":      {Security: mail.TLS},
		`security is "ssl"`:  {Host: "mail.example", Security: "ssl"},
		"this machine only":  {Host: "mail.example", Security: mail.Plain},
		"no password file":   {Host: "mail.example", Security: mail.TLS, Username: "a"},
		"mail port is 70000": {Host: "mail.example", Security: mail.TLS, Port: 70000},
	} {
		if _, err := mail.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestWhatAServerKeptIsReadByTheNext(t *testing.T) {
	dir := t.TempDir()
	first, err := mailtest.Start(dir, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, first, nil).Send(context.Background(), sample()); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := mailtest.ReadFile(filepath.Join(dir, "received.jsonl"))
	if err != nil || len(got) != 1 || got[0].MessageID != sample().ID {
		t.Errorf("got %d messages in the file, %v; want the one", len(got), err)
	}
}
