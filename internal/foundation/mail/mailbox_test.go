package mail_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/mail/mailtest"
)

func mailbox(t *testing.T, s *mailtest.IMAP, change func(*mail.MailboxConfig)) *mail.Mailbox {
	t.Helper()
	m, err := mail.OpenMailbox(t.Context(), mailboxConfig(t, s, change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func mailboxConfig(t *testing.T, s *mailtest.IMAP, change func(*mail.MailboxConfig)) mail.MailboxConfig {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(s.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mail.MailboxConfig{Host: s.Host, Port: s.Port, Security: mail.Plain, Username: s.User, PasswordFile: secret, Timeout: 20 * time.Second}
	if change != nil {
		change(&c)
	}
	return c
}

func letter(i int) []byte {
	return fmt.Appendf(nil, "From: a@b.example\r\nSubject: mail %d\r\nMessage-ID: <%d@b.example>\r\n\r\nbody\r\n.\r\n", i, i)
}

func fetch(t *testing.T, m *mail.Mailbox, after mail.Position, most int) (out []mail.Fetched, more bool) {
	t.Helper()
	more, err := m.Fetch(t.Context(), after, most, func(f mail.Fetched) error {
		out = append(out, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, more
}

func TestMailsAreFetchedByteForByteAndOnce(t *testing.T) {
	s := mailtest.Dovecot(t)
	for i := range 5 {
		s.Deliver(letter(i))
	}
	m := mailbox(t, s, nil)
	got, more := fetch(t, m, mail.Position{}, 3)
	if len(got) != 3 || !more {
		t.Fatalf("got %d mails, more %v; want 3 of 5", len(got), more)
	}
	for i, f := range got {
		if d := cmp.Diff(string(letter(i)), string(f.Raw)); d != "" || f.Size != int64(len(f.Raw)) || f.TooLarge {
			t.Errorf("mail %d (-delivered +fetched):\n%s", i, d)
		}
	}
	rest, more := fetch(t, m, got[2].Position, 10)
	if len(rest) != 2 || more {
		t.Errorf("got %d mails, more %v; want the other 2", len(rest), more)
	}
	if again, _ := fetch(t, m, rest[1].Position, 10); len(again) != 0 {
		t.Errorf("got %d mails after the last", len(again))
	}
	if _, seen := s.Count("INBOX"); seen != 0 {
		t.Errorf("fetching marked %d mails as seen", seen)
	}
	if err := m.Done(t.Context(), []uint32{got[0].UID, got[1].UID}); err != nil {
		t.Fatal(err)
	}
	if _, seen := s.Count("INBOX"); seen != 2 {
		t.Errorf("got %d mails marked as seen, want 2", seen)
	}
	if left, err := m.Left(t.Context(), rest[0].Position); err != nil || len(left) != 2 {
		t.Errorf("got %v, %v left up to the fourth, want two", left, err)
	}
}

func TestMailsGoToTheDoneFolder(t *testing.T) {
	s := mailtest.Dovecot(t)
	s.Deliver(letter(1))
	m := mailbox(t, s, func(c *mail.MailboxConfig) { c.DoneFolder = "Taken" })
	got, _ := fetch(t, m, mail.Position{}, 10)
	if err := m.Done(t.Context(), []uint32{got[0].UID}); err != nil {
		t.Fatal(err)
	}
	inbox, _ := s.Count("INBOX")
	taken, _ := s.Count("Taken")
	if inbox != 0 || taken != 1 {
		t.Errorf("got %d in the mailbox and %d in the done folder, want 0 and 1", inbox, taken)
	}
}

func TestOfALargeMailOnlyTheHeaderIsFetched(t *testing.T) {
	s := mailtest.Dovecot(t)
	s.Deliver(append(letter(1), []byte(strings.Repeat("a long line of a long mail\r\n", 4_000_000))...))
	s.Deliver(letter(2))
	m := mailbox(t, s, nil)
	got, more := fetch(t, m, mail.Position{}, 10)
	if len(got) != 2 || more {
		t.Fatalf("got %d mails, more %v", len(got), more)
	}
	if f := got[0]; !f.TooLarge || f.Size < 100e6 || len(f.Raw) > 1000 || !strings.Contains(string(f.Raw), "Subject: mail 1") {
		t.Errorf("got %d bytes of %d, too large %v", len(f.Raw), f.Size, f.TooLarge)
	}
	if string(got[1].Raw) != string(letter(2)) {
		t.Errorf("got %q after the large mail", got[1].Raw)
	}
}

func TestANewNumberingBeginsAgain(t *testing.T) {
	s := mailtest.Dovecot(t)
	s.Deliver(letter(1))
	m := mailbox(t, s, nil)
	got, _ := fetch(t, m, mail.Position{}, 10)
	m.Close()
	s.Kick()
	s.Renumber()
	again := mailbox(t, s, nil)
	if again.Validity() == m.Validity() {
		t.Fatalf("the server kept its numbering %d", m.Validity())
	}
	if more, _ := fetch(t, again, got[0].Position, 10); len(more) != 1 {
		t.Errorf("got %d mails, want the one again", len(more))
	}
}

func TestWaitHearsOfAMail(t *testing.T) {
	s := mailtest.Dovecot(t)
	m := mailbox(t, s, nil)
	waited := make(chan error, 1)
	go func() { waited <- m.Wait(context.Background(), time.Hour, time.Hour) }()
	s.Deliver(letter(1))
	timeout := time.After(20 * time.Second)
	for {
		select {
		case err := <-waited:
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := fetch(t, m, mail.Position{}, 10); len(got) != 1 {
				t.Errorf("got %d mails after the news, want 1", len(got))
			}
			return
		case <-timeout:
			t.Fatal("no news")
		}
	}
}

func TestWaitEndsWithItsContextAndItsConnection(t *testing.T) {
	s := mailtest.Dovecot(t)
	m := mailbox(t, s, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := m.Wait(ctx, time.Hour, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	if err := m.Wait(t.Context(), time.Hour, 50*time.Millisecond); err != nil {
		t.Errorf("got %v after the time was over, want none", err)
	}
	waited := make(chan error, 1)
	go func() { waited <- m.Wait(context.Background(), time.Hour, time.Hour) }()
	<-time.After(200 * time.Millisecond)
	s.Kick()
	if err := <-waited; err == nil {
		t.Error("got no error after the server closed the connection")
	}
}

func TestMailboxesAreReachedOverTLS(t *testing.T) {
	s := mailtest.Dovecot(t)
	s.Deliver(letter(1))
	for security, port := range map[mail.Security]int{mail.StartTLS: s.Port, mail.TLS: s.PortTLS} {
		m := mailbox(t, s, func(c *mail.MailboxConfig) { c.Security, c.Port, c.CAFile = security, port, s.CAFile })
		if got, _ := fetch(t, m, mail.Position{}, 10); len(got) != 1 {
			t.Errorf("%s: got %d mails, want 1", security, len(got))
		}
		c := mailboxConfig(t, s, func(c *mail.MailboxConfig) { c.Security, c.Port = security, port })
		if _, err := mail.OpenMailbox(t.Context(), c); err == nil {
			t.Errorf("%s: a certificate that nobody vouches for was taken", security)
		}
	}
	wrong := mailboxConfig(t, s, func(c *mail.MailboxConfig) {
		if err := os.WriteFile(c.PasswordFile, []byte("wrong"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := mail.OpenMailbox(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "sign in") {
		t.Errorf("got %v for a wrong password", err)
	}
}

func TestTheMailboxsConfigurationNamesWhatIsWrong(t *testing.T) {
	for want, c := range map[string]mail.MailboxConfig{
		"host is empty":         {Security: mail.TLS},
		`security is "ssl"`:     {Host: "m.example", Security: "ssl"},
		"this machine only":     {Host: "m.example", Security: mail.Plain},
		"port is 70000":         {Host: "m.example", Security: mail.TLS, Port: 70000},
		"user name and":         {Host: "m.example", Security: mail.TLS},
		"control character":     {Host: "m.example", Security: mail.TLS, Username: "a", PasswordFile: "b", Folder: "a\nb"},
		"the one that they are": {Host: "m.example", Security: mail.TLS, Username: "a", PasswordFile: "b", DoneFolder: "INBOX"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
