package warn

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/pgp/pgptest"
)

func (d *desk) answersOf(n Notice) []Answer {
	d.t.Helper()
	as, err := d.Answers(d.t.Context(), d.read, n.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return as
}

func TestAForgedNumberMakesNoAnswerAndGivesNoHint(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		d.deliver("2026-11-17", 1, 17)
		faro, ribera := d.waitFor("Aguas del Faro", Sent), d.waitFor("Ribera Waterworks", Sent)
		key, err := pgp.Generate(filepath.Join(t.TempDir(), "key"), "Night desk", "night@ribera.example", d.clock.Now().Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Guard.AddKey(t.Context(), d.lead, ribera.Person, key.Public().Binary); err != nil {
			t.Fatal(err)
		}
		before := len(d.mail.Received())
		for name, raw := range map[string]string{
			"a stranger with the number":                   d.reply("mallory@evil.example", Notice{}, "Re: ["+d.Number(faro.ID)+"]", "Done, all is fixed"),
			"a stranger with the Message-ID":               d.reply("mallory@evil.example", faro, "Re", "Done, all was fixed"),
			"another organisation, with the number":        d.reply("night@ribera.example", Notice{}, "Re: ["+d.Number(faro.ID)+"]", "It is fixed here"),
			"another organisation, signed by its good key": d.signed(key, "night@ribera.example", faro, "It is fixed, and signed"),
			"a number that is none":                        d.reply("mallory@evil.example", Notice{}, "Re: [ALM-0000-0000]", "Done, it is"),
		} {
			m := d.arrives(raw)
			if m.State != MailWaits || m.Why == "" {
				t.Errorf("%s: filed as %s, %q; want it to wait and say why", name, m.State, m.Why)
			}
		}
		if as := append(d.answersOf(faro), d.answersOf(ribera)...); len(as) != 0 {
			t.Errorf("answered: %+v", as)
		}
		if err := d.queueIsIdle(); err != nil {
			t.Fatal(err)
		}
		if got := d.mail.Received(); len(got) != before {
			t.Errorf("%d mails went out to whoever guessed", len(got)-before)
		}
	})
}

func TestAMailLoopEndsHere(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		own := string(d.mail.Received()[0].Data)
		for i, raw := range []string{
			own, // our own notice comes back as it is
			"Received: from a by b\r\n" + own,
			"Auto-Submitted: auto-replied\r\n" + d.reply("watch@faro.example", n, "Re: Re: Re: Away", "I am away"),
			"Precedence: bulk\r\nX-Auto-Response-Suppress: All\r\n" + d.reply("watch@faro.example", n, "Automatic reply", "Away again"),
			strings.Repeat("Received: from a.example by b.example; Sat, 21 Nov 2026 10:00:00 +0000\r\n", 60) + d.reply("watch@faro.example", n, "round and round", "Round"),
		} {
			m := d.arrives(raw)
			if m.State == MailAnswered {
				t.Errorf("mail %d became an answer: %+v", i, m)
			}
			t.Logf("mail %d: %s, %s", i, m.Class, m.State)
		}
		if err := d.queueIsIdle(); err != nil {
			t.Fatal(err)
		}
		if got := d.mail.Received(); len(got) != 1 || len(d.answersOf(n)) != 0 {
			t.Errorf("%d mails, %d answers; want nothing to go back", len(got), len(d.answersOf(n)))
		}
	})
}

// bomb is a mail with a body of a content type.
func bomb(head, body string) string {
	return "From: watch@faro.example\r\nTo: csirt@csirt.example\r\nSubject: x\r\nMessage-ID: <" + fmt.Sprint(len(head), len(body)) +
		"@b.example>\r\nMIME-Version: 1.0\r\n" + head + "\r\n\r\n" + body
}

func bombs(t *testing.T) map[string]string {
	t.Helper()
	var zip bytes.Buffer
	z := gzip.NewWriter(&zip)
	if _, err := z.Write(make([]byte, 200<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	lines := func(s string) string {
		var b strings.Builder
		for c := range slices.Chunk([]byte(s), 76) {
			b.Write(c)
			b.WriteString("\r\n")
		}
		return b.String()
	}
	deep := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
		}
		return b.String()
	}
	eml := "x"
	for i := range 200 {
		eml = fmt.Sprintf("From: a@b.example\r\nSubject: %d\r\nContent-Type: message/rfc822\r\n\r\n%s", i, eml)
	}
	zero := base64.StdEncoding.EncodeToString(make([]byte, 23<<20))
	return map[string]string{
		"multiparts within multiparts":   bomb("Content-Type: multipart/mixed; boundary=b0", deep(5000)),
		"50,000 parts":                   bomb("Content-Type: multipart/mixed; boundary=b", strings.Repeat("--b\r\n\r\nx\r\n", 50_000)),
		"mails within mails":             bomb("Content-Type: message/rfc822", eml),
		"31 MB in base64":                bomb("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", lines(zero)),
		"base64 that is none":            bomb("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", strings.Repeat("====!!", 2<<20)),
		"31 MB in quoted-printable":      bomb("Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable", strings.Repeat(strings.Repeat("=41", 25)+"=\r\n", 400_000)),
		"quoted-printable without end":   bomb("Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable", strings.Repeat("=", 8<<20)),
		"UTF-7 that hides markup":        bomb("Content-Type: text/html; charset=utf-7", "+ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
		"UTF-16 cut in half":             bomb("Content-Type: text/plain; charset=utf-16", strings.Repeat("\xd8", 1<<20)),
		"ISO-2022 without end":           bomb("Content-Type: text/plain; charset=iso-2022-jp", strings.Repeat("\x1b$B", 1<<20)),
		"a charset named by a path":      bomb("Content-Type: text/plain; charset=\"../../etc/passwd\"", "x"),
		"a compressed body":              bomb("Content-Type: text/plain\r\nContent-Encoding: gzip", zip.String()),
		"200 MB in an archive":           bomb("Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64", lines(base64.StdEncoding.EncodeToString(zip.Bytes()))),
		"tags within tags":               bomb("Content-Type: text/html", strings.Repeat("<blockquote><table><b>", 400_000)),
		"an attribute without end":       bomb("Content-Type: text/html", "<a href=\""+strings.Repeat("a", 20<<20)),
		"entities":                       bomb("Content-Type: text/html", strings.Repeat("&lt;&#x10FFFF;&CounterClockwiseContourIntegral;", 200_000)),
		"a header of many continuations": bomb("X-Long: a"+strings.Repeat("\r\n a", 60_000), "x"),
		"20,000 encoded words":           bomb("X-Words: "+strings.Repeat("=?utf-8?q?=41?=\r\n ", 12_000), "x"),
		"10,000 references":              bomb("References: "+strings.Repeat("<a@csirt.example>\r\n ", 10_000), "x"),
		"10,000 numbers":                 bomb("Content-Type: text/plain", strings.Repeat("ALM-ABCD-EFGH\r\n", 10_000)),
	}
}

func TestABombInEncodingsIsFiledAndTheNextMailComes(t *testing.T) {
	all := bombs(t)
	eachDesk(t, func(t *testing.T, d *desk) {
		n := d.told()
		for name, raw := range all {
			began := time.Now() //nolint:forbidigo // how long the machine takes
			m := d.arrives(raw)
			took := time.Since(began)
			if took > 5*time.Second || m.State == MailAnswered || len(m.Words) > 100_000 || strings.Contains(m.Words, "<script") {
				t.Errorf("%s: %s, %s after %s with %d bytes of words", name, m.Class, m.State, took, len(m.Words))
			}
			t.Logf("%s: %d kB: %s %q, %s", name, len(raw)>>10, m.Class, m.Why, took.Round(time.Millisecond))
			next := d.arrives(d.reply("watch@faro.example", n, "Re", "It is fixed after "+name))
			if next.Notice != n.ID || next.Proposed != Done {
				t.Fatalf("after %s the next mail is filed as %+v", name, next)
			}
		}
		if as := d.answersOf(n); len(as) != 0 {
			t.Errorf("answered: %+v", as)
		}
	})
}

func TestASealedBombIsNotOpenedAndTheNextMailComes(t *testing.T) {
	g := pgptest.New(t)
	eachDesk(t, func(t *testing.T, d *desk) {
		d.stopQueue()
		var err error
		if d.team, err = pgp.Generate(filepath.Join(t.TempDir(), "key"), "CSIRT", "csirt@csirt.example", d.clock.Now().Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		d.open()
		n := d.told()
		armored, err := d.team.Public().Armor()
		if err != nil {
			t.Fatal(err)
		}
		g.Import(armored)
		inner := append([]byte("Content-Type: text/plain\r\n\r\n"), make([]byte, 256<<20)...)
		sealed, _ := g.Run(inner, "--armor", "--compress-algo", "zlib", "-z", "9", "--encrypt", "-r", d.team.Public().Fingerprint)
		head := "From: watch@faro.example\r\nTo: csirt@csirt.example\r\nSubject: Re\r\nMessage-ID: <bomb@b.example>\r\nIn-Reply-To: <" + d.messageID(n) + ">\r\nMIME-Version: 1.0\r\n"
		m := d.arrives(head + "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n" +
			"Content-Type: application/octet-stream\r\n\r\n" + string(sealed) + "\r\n--b--\r\n")
		if m.State != MailWaits || !m.Sealed || m.Why == "" || m.Notice != n.ID {
			t.Errorf("a bomb of %d kB is filed as %+v", len(sealed)>>10, m)
		}
		if next := d.arrives(d.reply("watch@faro.example", n, "Re", "It is fixed")); next.Proposed != Done {
			t.Errorf("the next mail: %+v", next)
		}
	})
}

// detached signs a reply with gpg, as a contact's own program does.
func (d *desk) detached(g *pgptest.GPG, fingerprint, from string, n Notice, words string) string {
	content := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words + "\r\n"
	sig, _ := g.Run([]byte(content), "--armor", "--detach-sign", "-u", fingerprint)
	return "From: " + from + "\r\nTo: csirt@csirt.example\r\nSubject: Re\r\nIn-Reply-To: <" + d.messageID(n) + ">\r\n" +
		"Message-ID: <" + fmt.Sprint(len(words), "g", from) + ">\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/signed; micalg=pgp-sha512; protocol=\"application/pgp-signature\"; boundary=\"b1\"\r\n\r\n" +
		"--b1\r\n" + content + "\r\n--b1\r\nContent-Type: application/pgp-signature\r\n\r\n" + string(sig) + "\r\n--b1--\r\n"
}

func TestAWrongSignerAnExpiredAndARevokedKeyAnswerNothingAndAreShown(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		g := pgptest.New(t)
		n := d.told()
		short := g.Make("Control room <watch@faro.example>", "ed25519", "1d")
		lost := g.Make("Lost laptop <watch@faro.example>", "ed25519", "0")
		other := g.Make("Mallory <watch@faro.example>", "ed25519", "0")
		for _, f := range []string{short, lost} {
			if _, err := d.Guard.AddKey(t.Context(), d.lead, n.Person, g.Public(f)); err != nil {
				t.Fatal(err)
			}
		}
		check := func(what, raw string, want Signature) {
			t.Helper()
			m := d.arrives(raw)
			if m.Signature != want || m.State != MailWaits || m.Signer == "" && want != SignedBad {
				t.Errorf("%s: %q by %q, %s; want %q and waiting", what, m.Signature, m.Signer, m.State, want)
			}
		}
		check("a wrong signer", d.detached(g, other, "watch@faro.example", n, "Fixed, says another"), SignedUnknown)
		check("the key of a colleague", d.detached(g, lost, "chief@faro.example", n, "Fixed, says a colleague"), SignedForeign)
		g.Revoke(lost)
		if _, err := d.Guard.AddKey(t.Context(), d.lead, n.Person, g.Public(lost)); err != nil {
			t.Fatalf("the revocation is not taken: %v", err)
		}
		raw, err := func() (string, error) { // gpg signs with a revoked key only on request
			h := pgptest.New(t)
			f := h.Make("Gone <watch@faro.example>", "ed25519", "0")
			if _, err := d.Guard.AddKey(t.Context(), d.lead, n.Person, h.Public(f)); err != nil {
				return "", err
			}
			raw := d.detached(h, f, "watch@faro.example", n, "Fixed, says a key that is gone")
			h.Revoke(f)
			_, err := d.Guard.AddKey(t.Context(), d.lead, n.Person, h.Public(f))
			return raw, err
		}()
		if err != nil {
			t.Fatal(err)
		}
		check("a revoked key", raw, SignedRevoked)
		late := d.detached(g, short, "watch@faro.example", n, "Fixed, says an old key")
		d.wind(48 * time.Hour)
		check("an expired key", late, SignedExpired)
		if as := d.answersOf(n); len(as) != 0 {
			t.Errorf("answered by itself: %+v", as)
		}
	})
}

func TestHeadersCannotBeInjectedByNamesAndTitles(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.contacts()
		evil := []string{"a\r\nBcc: x@evil.example", "a\nX-Injected: y", "a\rX-Injected: y", "a\x00b", "=?utf-8?q?a=0D=0ABcc:_x@evil.example?=", "a\u2028X-Injected: y", "a\u0085X-Injected: y"}
		for i, name := range evil {
			for what, f := range map[string]string{
				"name of an organisation": fmt.Sprintf("\"%s %d\",operator,XA,drinking-water,domain,e%d.example,Desk,desk@e%d.example,en\n", name, i, i, i),
				"name of a contact":       fmt.Sprintf("Evil %d,operator,XA,drinking-water,domain,f%d.example,\"%s\",desk@f%d.example,en\n", i, i, name, i),
				"address of a contact":    fmt.Sprintf("Foul %d,operator,XA,drinking-water,domain,g%d.example,Desk,\"desk@g%d.example%s\",en\n", i, i, i, name[1:]),
			} {
				file := "organisation,kind,country,sector,asset_kind,asset,contact_name,contact_email,contact_language\n" + f
				_, err := d.Constituency.Import(t.Context(), d.lead, "organisations", strings.NewReader(file), true)
				if err != nil && fault.CodeOf(err) != fault.Invalid {
					t.Errorf("%s %q: %v", what, name, err)
				}
			}
			v := draftWarning(SeverityHigh)
			v.Texts["en"] = Text{Title: "Act now " + name, What: "a\r\n.\r\nMAIL FROM:<x@evil.example>", Do: "Close it."}
			v.Texts["fr"] = v.Texts["en"]
			made, err := d.Compose(t.Context(), person(7), v)
			if err != nil {
				if fault.CodeOf(err) != fault.Invalid {
					t.Errorf("a title %q: %v", name, err)
				}
				continue
			}
			_, seen, err := d.Choose(t.Context(), d.read, made)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Release(t.Context(), person(8), made.ID, Release{Version: made.Version, Seen: seen}); err != nil {
				t.Fatal(err)
			}
			d.waitFor("Aguas del Faro", Sent)
		}
		if n := d.count(`select count(*) from warn_warning`); n != 1 { // the encoded word is text on one line
			t.Errorf("%d warnings were composed, want the only one whose title stays on one line", n)
		}
		if err := d.until(`select count(*) from warn_notice where state in ('drafted', 'attempting')`); err != nil {
			t.Fatal(err)
		}
		if n := d.count(`select count(*) from warn_notice where state <> 'sent'`); n != 0 {
			t.Errorf("%d notices could not leave", n)
		}
		got := d.mail.Received()
		if len(got) == 0 {
			t.Fatal("nothing was sent")
		}
		t.Logf("%d messages left", len(got))
		for _, m := range got {
			head, _, ok := strings.Cut(string(m.Data), "\r\n\r\n")
			if !ok || strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\n") || strings.Contains(m.To, "evil") {
				t.Errorf("to %s the head is\n%q", m.To, head)
			}
			for line := range strings.SplitSeq(head, "\r\n") {
				if name, _, _ := strings.Cut(strings.ToLower(line), ":"); name == "bcc" || name == "x-injected" {
					t.Errorf("to %s the head has the line %q", m.To, line)
				}
			}
		}
	})
}
