package warn

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/pgp"
)

// reply is a plain mail in answer to a notice.
func (d *desk) reply(from string, n Notice, subject, words string) string {
	return "From: Control room <" + from + ">\r\nTo: csirt@csirt.example\r\nSubject: " + subject + "\r\n" +
		"Message-ID: <" + fmt.Sprint(len(words), from) + ">\r\nIn-Reply-To: <" + d.messageID(n) + ">\r\n" +
		"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + words + "\r\n"
}

func (d *desk) messageID(n Notice) string {
	if n.ID == 0 {
		return "other@elsewhere.example"
	}
	return strings.ToLower(d.Number(n.ID)) + "@csirt.example"
}

// signed is a reply in PGP/MIME.
func (d *desk) signed(key *pgp.Team, from string, n Notice, words string) string {
	d.t.Helper()
	content := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words + "\r\n"
	sig, err := key.Sign([]byte(content), d.clock.Now().Add(-time.Second))
	if err != nil {
		d.t.Fatal(err)
	}
	return "From: " + from + "\r\nTo: csirt@csirt.example\r\nSubject: Re\r\nIn-Reply-To: <" + d.messageID(n) + ">\r\n" +
		"Message-ID: <" + fmt.Sprint(len(words), "s", from) + ">\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=\"b1\"\r\n\r\n" +
		"--b1\r\n" + content + "\r\n--b1\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n" + string(sig) + "\r\n--b1--\r\n"
}

// arrives lets a mail come in and returns how it was filed.
func (d *desk) arrives(raw string) Mail {
	d.t.Helper()
	if _, err := d.in.AcceptRaw(d.t.Context(), "test", []byte(raw)); err != nil {
		d.t.Fatal(err)
	}
	ms, err := d.Mails(d.t.Context(), d.read, MailFilter{Limit: 1})
	if err != nil || len(ms) == 0 {
		d.t.Fatalf("no mail filed: %v", err)
	}
	return ms[0]
}

// told delivers one finding and returns the notice that left.
func (d *desk) told() Notice {
	d.contacts()
	d.deliver("2026-11-17", 1)
	return d.waitFor("Aguas del Faro", Sent)
}

func TestAPlainReplyBecomesAnAnswerWhenAPersonConfirmsIt(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		m := d.arrives(d.reply("watch@faro.example", n, "Re: alerte", "C'est corrigé depuis ce matin.\r\n\r\n> Aguas del Faro"))
		if m.Notice != n.ID || m.State != MailWaits || m.Proposed != Done || m.Why != "" || strings.Contains(m.Words, ">") {
			t.Fatalf("filed as %+v; want it to wait as an answer \"done\" to the notice", m)
		}
		if as, _ := d.Answers(t.Context(), d.read, n.ID); len(as) != 0 {
			t.Fatal("a plain mail answered by itself")
		}
		if err := d.ConfirmMail(t.Context(), d.lead, m.ID, "", ""); err != nil {
			t.Fatal(err)
		}
		if err := d.ConfirmMail(t.Context(), d.lead, m.ID, "", ""); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("a second desk confirms: %v, want conflict", err)
		}
		as, err := d.Answers(t.Context(), d.read, n.ID)
		if err != nil || len(as) != 1 || as[0].Strength != ByMail || as[0].What != Done || as[0].By != "Control room" {
			t.Errorf("answers %+v, %v", as, err)
		}
	})
}

func TestWhatIsNoAnswerIsFiledAsWhatItIs(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		number := "[" + d.Number(n.ID) + "]"
		for name, c := range map[string]struct {
			raw   string
			class MailClass
			state MailState
			why   string
		}{
			"a forged number": {
				d.reply("mallory@evil.example", Notice{}, "Re: "+number, "We took it"), MailReply, MailWaits, "warn.post.why.stranger",
			},
			"an automatic answer": {
				"Auto-Submitted: auto-replied\r\n" + d.reply("watch@faro.example", n, "Away", "I am away"), MailAuto, MailFiled, "warn.post.why.auto",
			},
			"our own mail": {
				strings.Replace(d.reply("csirt@csirt.example", n, "x", "loop"), "<4csirt@csirt.example>", "<"+d.messageID(n)+">", 1),
				MailLoop, MailFiled, "warn.post.why.loop",
			},
			"a letter about nothing we know": {
				d.reply("somebody@else.example", Notice{}, "Hello", "I found something."), MailReply, MailWaits, "warn.post.why.no_notice",
			},
		} {
			if m := d.arrives(c.raw); m.Class != c.class || m.State != c.state || m.Why != c.why {
				t.Errorf("%s: filed as %s, %s, %q; want %s, %s, %q", name, m.Class, m.State, m.Why, c.class, c.state, c.why)
			}
		}
		report := "From: MAILER-DAEMON@mx.example\r\nTo: csirt@csirt.example\r\nSubject: Undelivered\r\nMessage-ID: <r@mx.example>\r\n" +
			"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"r\"\r\n\r\n" +
			"--r\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n" +
			"Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; watch@faro.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n" +
			"--r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <" + d.messageID(n) + ">\r\n\r\n--r--\r\n"
		if m := d.arrives(report); m.Class != MailReport || m.Notice != n.ID {
			t.Errorf("a report was filed as %+v", m)
		}
		if n, err := d.Notice(t.Context(), d.read, n.ID); err != nil || n.State != Bounced {
			t.Errorf("the notice is %s (%v), want bounced", n.State, err)
		}
	})
}

func TestAReplySignedByTheContactsKeyAnswersByItself(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		key := func(name, address string) *pgp.Team {
			k, err := pgp.Generate(filepath.Join(t.TempDir(), "key"), name, address, d.clock.Now().Add(-time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		own, other := key("Control room", "watch@faro.example"), key("Control room", "watch@faro.example")
		if m := d.arrives(d.signed(own, "watch@faro.example", n, "We took it")); m.Signature != SignedUnknown || m.State != MailWaits {
			t.Fatalf("a signature by a key that nobody knows: %s, %s", m.Signature, m.State)
		}
		k, err := d.Guard.AddKey(t.Context(), d.lead, n.Person, own.Public().Binary)
		if err != nil {
			t.Fatal(err)
		}
		m := d.arrives(d.signed(own, "watch@faro.example", n, "It is fixed now"))
		if m.Signature != SignedGood || m.State != MailAnswered {
			t.Fatalf("a signed reply is %s, %s (%s)", m.Signature, m.State, m.Why)
		}
		as, err := d.Answers(t.Context(), d.read, n.ID)
		if err != nil || len(as) != 1 || as[0].Strength != Signed || as[0].What != Done {
			t.Fatalf("answers %+v, %v", as, err)
		}
		for name, c := range map[string]struct {
			raw  string
			want Signature
		}{
			"another key":        {d.signed(other, "watch@faro.example", n, "Wrong key"), SignedUnknown},
			"another contact":    {d.signed(own, "chief@faro.example", n, "Wrong signer"), SignedForeign},
			"changed on the way": {strings.Replace(d.signed(own, "watch@faro.example", n, "Not changed"), "Not changed", "Now changed", 1), SignedBad},
			"words beside it":    {d.signed(own, "watch@faro.example", Notice{}, "About nothing"), SignedGood},
		} {
			if m := d.arrives(c.raw); m.Signature != c.want || m.State != MailWaits {
				t.Errorf("%s: %s, %s; want %s and waiting", name, m.Signature, m.State, c.want)
			}
		}
		if _, err := d.Guard.RetireKey(t.Context(), d.lead, k.ID); err != nil {
			t.Fatal(err)
		}
		if m := d.arrives(d.signed(own, "watch@faro.example", n, "With a retired key")); m.State != MailWaits {
			t.Errorf("a retired key answers: %s, %s", m.Signature, m.State)
		}
	})
}

func TestManyMailsComeInAtOnce(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		var raws [][]byte
		for i := range 120 {
			raws = append(raws, []byte(d.reply("watch@faro.example", n, "Re", fmt.Sprintf("Reply %03d%s", i, strings.Repeat("x", i)))))
		}
		if _, err := d.in.AcceptAll(t.Context(), "test", raws); err != nil {
			t.Fatal(err)
		}
		if waiting, err := d.MailsWaiting(t.Context(), d.read); err != nil || waiting != 120 {
			t.Errorf("%d mails wait, %v; want all 120", waiting, err)
		}
	})
}
