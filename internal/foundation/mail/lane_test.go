package mail_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/mail/mailtest"
)

func raws(t testing.TB, n int) []mail.Raw {
	t.Helper()
	var out []mail.Raw
	for i := range n {
		m := sample()
		m.ID = fmt.Sprintf("notice-%d@csirt.example", i)
		m.To.Email = fmt.Sprintf("watch%d@water.example", i)
		b, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, mail.Raw{From: m.From.Email, To: m.To.Email, Data: b})
	}
	return out
}

func sendAll(t testing.TB, c *mail.Client, mails []mail.Raw) (out []string) {
	t.Helper()
	err := c.SendAll(context.Background(), mails, func(i int, o mail.Outcome) {
		if i != len(out) {
			t.Errorf("told of %d after %d", i, len(out)-1)
		}
		s := string(o.State)
		if o.Connection {
			s += ", connection"
		}
		out = append(out, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestManyMessagesShareAConnectionAndTroubleStaysWithItsMessage(t *testing.T) {
	s := mailtest.New(t)
	verdicts := []mailtest.Verdict{
		mailtest.Accept, mailtest.Refuse, mailtest.Accept, mailtest.Defer, mailtest.RefuseData, mailtest.Accept,
		mailtest.DropAfterAccept, mailtest.Accept, mailtest.DropAfterDot, mailtest.Leave, mailtest.Accept,
	}
	s.Judge(func(_, to string) mailtest.Verdict {
		var i int
		if _, err := fmt.Sscanf(to, "watch%d@", &i); err != nil {
			t.Error(err)
		}
		return verdicts[i]
	})
	got := sendAll(t, client(t, s, nil), raws(t, len(verdicts)))
	want := []string{
		"accepted", "refused", "accepted", "deferred", "refused", "accepted",
		"unknown, connection", "accepted", "unknown, connection", "deferred, connection", "accepted",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := s.Connections(); n != 4 {
		t.Errorf("got %d connections, want 4: one more after each that vanished", n)
	}
	if n := len(s.Received()); n != 6 {
		t.Errorf("got %d messages at the server, want 6", n)
	}
}

func TestAGreyServerTakesTheSecondAttempt(t *testing.T) {
	s := mailtest.New(t)
	s.Judge(func(string, string) mailtest.Verdict { return mailtest.Greylist })
	mails := raws(t, 2)
	if got := sendAll(t, client(t, s, nil), append(mails, mails...)); strings.Join(got, " ") != "deferred deferred accepted accepted" {
		t.Errorf("got %v", got)
	}
}

func TestALaneOutlivesAnIdleServer(t *testing.T) {
	s := mailtest.New(t)
	l := client(t, s, nil).Lane()
	defer l.Close()
	mails := raws(t, 2)
	if o, err := l.Send(context.Background(), mails[0]); err != nil || o.State != mail.Accepted {
		t.Fatalf("got %+v, %v", o, err)
	}
	s.CloseConnections()
	if o, err := l.Send(context.Background(), mails[1]); err != nil || o.State != mail.Accepted {
		t.Errorf("got %+v, %v after the server closed the idle connection, want accepted over a new one", o, err)
	}
}

func TestManyMessagesOverTLS(t *testing.T) {
	for name, s := range map[string]*mailtest.Server{"starttls": mailtest.New(t), "tls": mailtest.NewTLS(t)} {
		c := client(t, s, func(c *mail.Config) { c.Security, c.CAFile = mail.Security(name), s.CAFile })
		if got := sendAll(t, c, raws(t, 3)); strings.Join(got, " ") != "accepted accepted accepted" || !s.Received()[2].TLS {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestAnEndedContextStopsTheRest(t *testing.T) {
	s := mailtest.New(t)
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := client(t, s, nil).SendAll(ctx, raws(t, 5), func(int, mail.Outcome) {
		if n++; n == 2 {
			cancel()
		}
	})
	if err == nil || n != 2 {
		t.Errorf("got %v after %d messages, want the context's error after 2", err, n)
	}
}

func TestAnEnvelopeCannotCarryCommands(t *testing.T) {
	s := mailtest.New(t)
	c := client(t, s, nil)
	for _, to := range []string{"", "a@b.example>\r\nRCPT TO:<x@evil.example", "a b@c.example", "x <a@b.example>"} {
		err := c.SendAll(context.Background(), []mail.Raw{{From: "a@b.example", To: to}}, func(int, mail.Outcome) { t.Error("sent") })
		if fault.CodeOf(err) != fault.Invalid {
			t.Errorf("got %v for %q, want invalid", err, to)
		}
	}
}

// BenchmarkSendAll sends to a server in the same process and reports mails a second.
func BenchmarkSendAll(b *testing.B) {
	s := mailtest.New(b)
	s.CountOnly()
	c, err := mail.New(mail.Config{Host: s.Host, Port: s.Port, Security: mail.Plain, Timeout: 5 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	mails := raws(b, 1000)
	for i := range mails {
		mails[i].Data = append(mails[i].Data, bytes.Repeat([]byte("The system 192.0.2.1 is exposed.\r\n"), 130)...)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n := 0
	for b.Loop() {
		if err := c.SendAll(context.Background(), mails, func(_ int, o mail.Outcome) {
			if o.State != mail.Accepted {
				b.Fatalf("got %+v", o)
			}
			n++
		}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "mails/s")
	b.ReportMetric(float64(after.HeapSys-before.HeapSys)/1e6, "MB-heap-growth")
}
