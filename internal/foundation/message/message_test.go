package message_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
)

var number = regexp.MustCompile(`ALM-[0-9A-Z]{4}-[0-9A-Z]{4}`)

func options() message.Options {
	return message.Options{
		Numbers:      func(s string) []string { return number.FindAllString(s, -1) },
		OwnID:        func(id string) bool { return strings.HasSuffix(id, "@csirt.example") },
		OwnAddresses: []string{"csirt@csirt.example"},
	}
}

// wire writes a mail as it goes over the wire.
func wire(s string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "\n", "\r\n"))
}

func parse(t *testing.T, s string) *message.Message {
	t.Helper()
	m, err := message.Parse(wire(s), options())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const reply = `
Return-Path: <ana@water.example>
From: =?utf-8?q?Ana_S=C3=B3l?= <ana@water.example>
To: CSIRT Atalaya <csirt@csirt.example>, "Other, one" <other@csirt.example>
Subject: Re: [ALM-4K7Q-2M9X] =?iso-8859-1?q?Syst=E8me_expos=E9?=
Date: Sat, 21 Nov 2026 14:05:00 +0100
Message-ID: <1@water.example>
In-Reply-To: <notice-17@csirt.example>
References: <notice-16@csirt.example>
 <notice-17@csirt.example>
Content-Language: fr-FR
Content-Type: text/plain; charset=windows-1252
Content-Transfer-Encoding: quoted-printable

Bonjour,

c=92est ferm=E9. Voir aussi ALM-AAAA-BBBB.

Le sam. 21 nov. 2026 =E0 13:00, CSIRT Atalaya <csirt@csirt.example> a =E9cr=
it :

> Votre syst=E8me 192.0.2.1
> est expos=E9.
`

func TestAReplyIsTakenApart(t *testing.T) {
	m := parse(t, reply)
	want := &message.Message{
		MessageID: "1@water.example", InReplyTo: []string{"notice-17@csirt.example"},
		References: []string{"notice-16@csirt.example", "notice-17@csirt.example"}, ReturnPath: "ana@water.example",
		From:    message.Address{Name: "Ana Sól", Email: "ana@water.example"},
		To:      []message.Address{{Name: "CSIRT Atalaya", Email: "csirt@csirt.example"}, {Name: "Other, one", Email: "other@csirt.example"}},
		Subject: "Re: [ALM-4K7Q-2M9X] Système exposé", Date: time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC), Language: "fr-FR",
		Class: message.Reply, Why: "in-reply-to", Seen: []string{"ALM-4K7Q-2M9X", "ALM-AAAA-BBBB"},
		Text: "Bonjour,\n\nc’est fermé. Voir aussi ALM-AAAA-BBBB.\n\nLe sam. 21 nov. 2026 à 13:00, CSIRT Atalaya <csirt@csirt.example> a écrit :\n\n" +
			"> Votre système 192.0.2.1\n> est exposé.\n",
		Words:  "Bonjour,\n\nc’est fermé. Voir aussi ALM-AAAA-BBBB.\n",
		Quoted: "Le sam. 21 nov. 2026 à 13:00, CSIRT Atalaya <csirt@csirt.example> a écrit :\n> Votre système 192.0.2.1\n> est exposé.\n",
	}
	if d := cmp.Diff(want, m); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestQuotationsInFourLanguages(t *testing.T) {
	for name, c := range map[string]struct{ text, words string }{
		"English":            {"Done.\n\nOn Sat, Nov 21, 2026 at 1:00 PM CSIRT <csirt@csirt.example> wrote:\n> Hello\n> there\n", "Done.\n"},
		"English, broken":    {"Done.\n\nOn Sat, Nov 21, 2026 at 1:00 PM CSIRT of the Republic of Atalaya\n<csirt@csirt.example> wrote:\n\n> Hello\n", "Done.\n"},
		"Spanish":            {"Hecho.\nEl sáb, 21 nov 2026 a las 13:00, CSIRT (<csirt@csirt.example>)\nescribió:\n\n> Hola\n", "Hecho.\n"},
		"German":             {"Erledigt.\n\nAm 21.11.2026 um 13:00 schrieb CSIRT Atalaya:\n> Hallo\n", "Erledigt.\n"},
		"German, name first": {"Erledigt.\n\nCSIRT Atalaya <csirt@csirt.example> schrieb am Sa., 21. Nov. 2026, 13:00:\n> Hallo\n", "Erledigt.\n"},
		"Outlook":            {"Done.\n\n-----Original Message-----\nFrom: CSIRT\nSent: Saturday\nTo: Ana\n\nHello\n", "Done.\n"},
		"Outlook, French":    {"Fait.\n\n________________________________\nDe : CSIRT <csirt@csirt.example>\nEnvoyé : samedi 21 novembre 2026 13:00\nÀ : Ana\nObjet : x\n\nBonjour\n", "Fait.\n"},
		"Outlook, German":    {"Fertig.\n\nVon: CSIRT <csirt@csirt.example>\nGesendet: Samstag\nAn: Ana\nBetreff: x\n\nHallo\n", "Fertig.\n"},
		"between":            {"On Saturday CSIRT wrote:\n> Is it closed?\nYes.\n> Since when?\nToday.\n", "Yes.\nToday.\n"},
		"below":              {"> Is it closed?\n\nYes.\n", "Yes.\n"},
		"without marks":      {"Yes.\n\nOn Saturday CSIRT wrote:\n\nIs it closed?\n", "Yes.\n"},
		"nothing quoted":     {"On Monday we closed it:\nport 502.\nFrom: now on it is shut\n", "On Monday we closed it:\nport 502.\nFrom: now on it is shut\n"},
		"only a quote":       {"> x\n", ""},
	} {
		words, quoted := message.SplitQuoted(c.text)
		if words != c.words {
			t.Errorf("%s: got words %q, want %q (quoted %q)", name, words, c.words, quoted)
		}
	}
}

func TestMachinesAreKnownByTheirHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		head  string
		class message.Class
		why   string
	}{
		"person":              {"From: a@b.example\nSubject: question\n", message.Person, ""},
		"number in subject":   {"From: a@b.example\nSubject: about ALM-4K7Q-2M9X\n", message.Reply, "number"},
		"references":          {"From: a@b.example\nReferences: <x@y>\n", message.Reply, "references"},
		"auto-replied":        {"From: a@b.example\nIn-Reply-To: <x@y>\nAuto-Submitted: auto-replied (vacation); owner=x\n", message.AutoReply, "auto-submitted"},
		"said to be nobody's": {"From: a@b.example\nIn-Reply-To: <x@y>\nAuto-Submitted: no\nSubject: Out of office\n", message.Reply, "in-reply-to"},
		"x-autoreply":         {"From: a@b.example\nX-Autoreply: yes\n", message.AutoReply, "x-autoreply"},
		"precedence":          {"From: a@b.example\nPrecedence: bulk\n", message.AutoReply, "precedence"},
		"list":                {"From: a@b.example\nPrecedence: list\n", message.Person, ""},
		"vacation":            {"From: a@b.example\nIn-Reply-To: <x@y>\nSubject: Automatische Antwort: [ALM-4K7Q-2M9X]\n", message.AutoReply, "subject"},
		"absence":             {"From: a@b.example\nSubject: =?utf-8?q?R=C3=A9ponse_automatique?= : x\n", message.AutoReply, "subject"},
		"fuera":               {"From: a@b.example\nSubject: Fuera de la oficina\n", message.AutoReply, "subject"},
		"no sender":           {"Return-Path: <>\nFrom: a@b.example\n", message.AutoReply, "return-path"},
		"mailer daemon":       {"Return-Path: <>\nFrom: MAILER-DAEMON@b.example\n", message.DeliveryReport, "mailer-daemon"},
		"failed recipients":   {"From: x@b.example\nX-Failed-Recipients: a@b.example\n", message.DeliveryReport, "mailer-daemon"},
		"our own number":      {"From: a@b.example\nMessage-ID: <notice-1@csirt.example>\n", message.Loop, "message-id"},
		"our own address":     {"From: CSIRT <CSIRT@csirt.example>\n", message.Loop, "from"},
		"many servers":        {"From: a@b.example\n" + strings.Repeat("Received: x\n", 51), message.Loop, "received"},
		"receipt":             {"From: a@b.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n", message.AutoReply, "report"},
	} {
		t.Run(name, func(t *testing.T) {
			m := parse(t, c.head+"\nbody\n")
			if m.Class != c.class || m.Why != c.why {
				t.Errorf("got %s by %q, want %s by %q", m.Class, m.Why, c.class, c.why)
			}
		})
	}
}

const bounce = `
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.water.example>
To: csirt@csirt.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <9@mx.water.example>
Content-Type: multipart/report; report-type=delivery-status; boundary="b/1"

--b/1
Content-Type: text/plain

I could not deliver it.
--b/1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.water.example
Original-Envelope-Id: 77

Final-Recipient: rfc822; watch@water.example
Original-Recipient: rfc822;team@water.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such
 mailbox

Final-Recipient: rfc822; eva@water.example
Action: delayed
Status: 4.2.0

--b/1
Content-Type: message/rfc822

From: csirt@csirt.example
Message-ID: <notice-17@csirt.example>
Subject: x

hello
--b/1--
`

func TestADeliveryReportNamesItsRecipients(t *testing.T) {
	m := parse(t, bounce)
	want := &message.Report{
		MessageID: "notice-17@csirt.example", EnvelopeID: "77", Server: "mx.water.example",
		Recipients: []message.Recipient{
			{Address: "watch@water.example", Action: "failed", Status: "5.1.1", Diagnostic: "550 5.1.1 no such mailbox"},
			{Address: "eva@water.example", Action: "delayed", Status: "4.2.0"},
		},
	}
	if d := cmp.Diff(want, m.Report); d != "" || m.Class != message.DeliveryReport {
		t.Errorf("%s: (-want +got):\n%s", m.Class, d)
	}
	if !m.Report.Failed() || m.Report.Delayed() || m.Text != "I could not deliver it.\n" || len(m.Files) != 1 {
		t.Errorf("got failed %v, delayed %v, text %q, %d files", m.Report.Failed(), m.Report.Delayed(), m.Text, len(m.Files))
	}
	late := parse(t, strings.ReplaceAll(bounce, "failed", "delayed"))
	if late.Report.Failed() || !late.Report.Delayed() {
		t.Errorf("a notice of delay is %+v", late.Report)
	}
}

func TestHTMLIsShownAsText(t *testing.T) {
	for name, c := range map[string]struct{ html, want string }{
		"paragraphs": {"<p>Hello <b>Ana</b>,</p><p>second</p>", "Hello Ana,\n\nsecond\n"},
		"breaks":     {"one<br>two<div>three</div>", "one\ntwo\nthree\n"},
		"scripts":    {"<head><title>t</title><style>p{}</style></head><body>seen<script>alert(1)</script></body>", "seen\n"},
		"hidden": {`<div style="display:none">no</div><span hidden>no</span><p style="font-size:0px">no</p><i style="x:y; visibility: hidden">no</i>` +
			`<b style="font-size:0.9em">yes</b>`, "yes\n"},
		"links":                  {`<a href="https://evil.example/x">https://bank.example</a> <a href="https://a.example/">a.example https://a.example</a>`, "https://bank.example <https://evil.example/x> a.example https://a.example\n"},
		"quotes":                 {"yes<blockquote>is it?<br>really</blockquote>", "yes\n> is it?\n> really\n"},
		"lists":                  {"<ul><li>a</li><li>b</li></ul>", "- a\n- b\n"},
		"pre":                    {"<pre>a\n  b</pre>", "a\n  b\n"},
		"entities and direction": {"a&nbsp;&lt;b&gt;\u202e&#x202e;c", "a <b>c\n"},
		"too deep":               {strings.Repeat("<div>", 2000) + "words<script>no</script>", "words\n"},
	} {
		if got := message.FromHTML([]byte(c.html)); strings.TrimSpace(got) != strings.TrimSpace(c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

const files = `
From: ana@water.example
Subject: files
Content-Type: multipart/mixed; boundary=outer

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8; format=flowed

This is one 
line.
--inner
Content-Type: text/html

<p>other</p>
--inner--
--outer
Content-Type: text/csv; name="x"
Content-Disposition: attachment; filename="../../etc/pass:wd.csv"
Content-Transfer-Encoding: base64

aXAscG9y
dAo
--outer
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9%0d%0aX-Evil%3A1%E2%80%AEgnp.exe

raw
--outer
Content-Type: message/rfc822

Subject: forwarded

inner
--outer--
epilogue
`

func TestFilesHaveNamesAndNeverPaths(t *testing.T) {
	m := parse(t, files)
	if m.Text != "This is one line.\n" {
		t.Errorf("got text %q", m.Text)
	}
	type file struct {
		Name, Type, Content string
		Size                int64
	}
	var got []file
	for _, f := range m.Files {
		b, err := io.ReadAll(f.Open())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, file{f.Name, f.Type, string(b), f.Size})
	}
	want := []file{
		{"pass_wd.csv", "text/csv", "ip,port\n", 8},
		{"résumé X-Evil_1gnp.exe", "application/octet-stream", "raw", 3},
		{"part-7.eml", "message/rfc822", "Subject: forwarded\r\n\r\ninner", 27},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestEveryLimitSaysWhatIsTooMuch(t *testing.T) {
	deep := func(n int) string {
		var b strings.Builder
		b.WriteString("From: a@b.example\n")
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String() + "\nx"
	}
	l := message.Limits{Bytes: 100_000, Header: 2000, Depth: 5, Parts: 10, Decoded: 5000, Text: 100}
	for want, s := range map[string]string{
		"message.too_large":      "From: a\n\n" + strings.Repeat("x", 100_000),
		"message.header_large":   "From: a\nX: " + strings.Repeat("y", 3000) + "\n\n",
		"message.too_deep":       deep(8),
		"message.too_many_parts": "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 20),
		"message.decoded_large":  "Content-Type: application/x\n\n" + strings.Repeat("x", 6000),
		"message.no_mail":        "hello there, no header",
	} {
		if _, err := message.Parse(wire(s), message.Options{Limits: l}); fault.Of(err).Key != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	m, err := message.Parse(wire("From: a@b.example\n\n"+strings.Repeat("é", 100)), message.Options{Limits: l})
	if err != nil || !m.TextCut || len(m.Text) > 100 || !utf8.ValidString(m.Text) {
		t.Errorf("got %d bytes of text, cut %v, %v", len(m.Text), m.TextCut, err)
	}
}

func TestCharsets(t *testing.T) {
	for name, c := range map[string]struct {
		charset string
		body    []byte
		want    string
	}{
		"latin":          {"iso-8859-1", []byte("caf\xe9"), "café\n"},
		"cyrillic":       {"koi8-r", []byte("\xf0\xd2\xc9"), "При\n"},
		"japanese":       {"iso-2022-jp", []byte("\x1b$B$3$s\x1b(B"), "こん\n"},
		"utf-16":         {"utf-16le", []byte("h\x00i\x00"), "hi\n"},
		"unknown":        {"x-nobody", []byte("caf\xe9"), "café\n"},
		"lying":          {"utf-8", []byte("caf\xe9!"), "caf\uFFFD!\n"},
		"none, but utf8": {"", []byte("café"), "café\n"},
		"control":        {"utf-8", []byte("a\x00b\x1b[31mc\u202ed"), "ab[31mcd\n"},
	} {
		raw := append([]byte("From: a@b.example\r\nContent-Type: text/plain; charset=\""+c.charset+"\"\r\n\r\n"), c.body...)
		m, err := message.Parse(raw, options())
		if err != nil || m.Text != c.want {
			t.Errorf("%s: got %q, %v; want %q", name, m.Text, err, c.want)
		}
	}
}

func TestAutocryptFollowsItsRules(t *testing.T) {
	key := base64.StdEncoding.EncodeToString([]byte("key"))
	for name, c := range map[string]struct {
		head string
		want bool
	}{
		"good":           {"From: Ana <ana@water.example>\nAutocrypt: addr=Ana@water.example; prefer-encrypt=mutual; _x=1; keydata=\n " + key + "\n", true},
		"another's":      {"From: eva@water.example\nAutocrypt: addr=ana@water.example; keydata=" + key + "\n", false},
		"two":            {"From: ana@water.example\n" + strings.Repeat("Autocrypt: addr=ana@water.example; keydata="+key+"\n", 2), false},
		"critical":       {"From: ana@water.example\nAutocrypt: addr=ana@water.example; type=2; keydata=" + key + "\n", false},
		"no key":         {"From: ana@water.example\nAutocrypt: addr=ana@water.example\n", false},
		"several people": {"From: ana@water.example, eva@water.example\nAutocrypt: addr=ana@water.example; keydata=" + key + "\n", false},
	} {
		m := parse(t, c.head+"\nx\n")
		if got := m.Autocrypt != nil; got != c.want {
			t.Errorf("%s: got %+v, want %v", name, m.Autocrypt, c.want)
		}
		if c.want && (!m.Autocrypt.Mutual || string(m.Autocrypt.Key) != "key") {
			t.Errorf("%s: got %+v", name, m.Autocrypt)
		}
	}
}

func TestOpenPGPIsFound(t *testing.T) {
	m := parse(t, "From: a@b.example\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n"+
		"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\nx\n-----END PGP MESSAGE-----\n--b--\n")
	if m.Encrypted == nil || !m.Encrypted.Whole || !strings.HasPrefix(string(m.Encrypted.Data), "-----BEGIN PGP MESSAGE") {
		t.Fatalf("got %+v", m.Encrypted)
	}
	in, err := m.Inside(wire("Content-Type: text/plain; charset=utf-8\n\nfermé, ALM-4K7Q-2M9X\n"), options())
	if err != nil || in.Text != "fermé, ALM-4K7Q-2M9X\n" || in.Encrypted != nil || in.From != m.From || in.Class != message.Reply {
		t.Errorf("got %+v, %v inside", in, err)
	}
	if in, err := m.Inside([]byte("just words, no header\n"), options()); err != nil || in.Text != "just words, no header\n" {
		t.Errorf("got %+v, %v of words", in, err)
	}
	s := parse(t, "From: a@b.example\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n"+
		"--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n")
	if s.Signed == nil || !s.Signed.Whole || string(s.Signed.Content) != "Content-Type: text/plain\r\n\r\nhello" || string(s.Signed.Signature) != "sig" || s.Text != "hello\n" {
		t.Errorf("got %+v, %q", s.Signed, s.Text)
	}
	part := parse(t, "From: a@b.example\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nbefore\n--o\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n"+
		"--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n--o--\n")
	if part.Signed == nil || part.Signed.Whole {
		t.Errorf("a signature of a part is taken for one of the whole: %+v", part.Signed)
	}
	inline := parse(t, "From: a@b.example\n\nsee below\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n")
	if inline.Encrypted == nil || inline.Encrypted.Whole || !strings.HasSuffix(string(inline.Encrypted.Data), "END PGP MESSAGE-----") {
		t.Errorf("got %+v inline", inline.Encrypted)
	}
	clear := parse(t, "From: a@b.example\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhi\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n")
	if clear.Signed == nil || !clear.Signed.Clear || !clear.Signed.Whole {
		t.Errorf("got %+v in clear text", clear.Signed)
	}
}

func TestNothingInAHeaderBreaksALine(t *testing.T) {
	m := parse(t, "From: =?utf-8?q?Ana=0D=0ABcc:_x?= <ana@water.example>\nSubject: =?utf-8?b?YQ0KWDogeQ==?= =?utf-8?q?=E2=80=AEevil?=\nMessage-ID: <a\u0001b@c>\n\nx\n")
	for _, s := range []string{m.From.Name, m.Subject, m.MessageID} {
		if strings.ContainsAny(s, "\r\n\u0001\u202e") {
			t.Errorf("got %q", s)
		}
	}
	if m.Subject != "a X: yevil" {
		t.Errorf("got subject %q", m.Subject)
	}
}

func BenchmarkParse(b *testing.B) {
	raw := wire(reply)
	for b.Loop() {
		if _, err := message.Parse(raw, options()); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{reply, bounce, files, "From: a@b\nContent-Type: text/html\n\n<p>x<blockquote>y", "Content-Type: application/pkcs7-mime; smime-type=signed-data\n\n0\x80"} {
		f.Add(wire(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := message.Parse(raw, options())
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
			return
		}
		for _, s := range []string{m.Subject, m.From.Name, m.From.Email, m.MessageID, m.Text, m.Words, m.Quoted, m.ReturnPath} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\r\u202e") {
				t.Errorf("got %q", s)
			}
		}
		for _, file := range m.Files {
			if file.Name == "" || strings.ContainsAny(file.Name, "/\\\r\n\x00") || file.Name == ".." {
				t.Errorf("got file name %q", file.Name)
			}
			n, err := io.Copy(io.Discard, file.Open())
			if err == nil && n != file.Size {
				t.Errorf("got %d bytes of a file of %d", n, file.Size)
			}
		}
		if m.Signed != nil {
			m.Signed.VerifySMIME(nil, time.Unix(0, 0))
		}
	})
}

func FuzzSplitQuoted(f *testing.F) {
	f.Add("On x CSIRT wrote:\n> y\nz")
	f.Fuzz(func(t *testing.T, s string) {
		words, quoted := message.SplitQuoted(s)
		if len(words)+len(quoted) > len(s)+2 {
			t.Errorf("got more than was there: %q, %q", words, quoted)
		}
	})
}
