package mail_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/pgp/pgptest"
)

func teamKey(t testing.TB) *pgp.Team {
	t.Helper()
	k, err := pgp.Generate(filepath.Join(t.TempDir(), "openpgp.key"), "CSIRT", "csirt@csirt.example", time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const words = "Bonjour,\n\nFrom now on: ça = 1.\n.\n-- \ntrailing \n"

func full(t testing.TB) mail.Message {
	m := sample()
	m.Date = time.Now()
	m.Subject = "[TLP:AMBER] [ALM-4K7Q-2M9X] Système exposé : un objet assez long pour devoir être plié en plusieurs lignes"
	m.Text = words
	m.InReplyTo, m.References, m.Auto = "2@water.example", []string{"1@water.example", "2@water.example"}, mail.ByPerson
	m.Attachments = []mail.Attachment{{Name: "résultats.csv", Type: "text/csv", Data: []byte("ip,port\n192.0.2.1,502\n")}}
	return m
}

func read(t *testing.T, raw []byte) *message.Message {
	t.Helper()
	got, err := message.Parse(raw, message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestWhatIsComposedIsReadBack(t *testing.T) {
	us, g := teamKey(t), pgptest.New(t)
	ana := g.Make("Ana <ana@water.example>", "ed25519", "0")
	anas, err := pgp.ParsePublic(g.Public(ana))
	if err != nil {
		t.Fatal(err)
	}
	armor, err := us.Public().Armor()
	if err != nil {
		t.Fatal(err)
	}
	g.Import(armor)
	m := full(t)
	m.Autocrypt = us.Public()
	m.Date = time.Now().Add(2 * time.Second)
	check := func(t *testing.T, got *message.Message) {
		t.Helper()
		if got.Text != words || got.Subject != m.Subject || got.MessageID != m.ID || got.Language != "fr" ||
			strings.Join(got.References, " ") != "1@water.example 2@water.example" || got.Class != message.Reply {
			t.Errorf("got %+v", got)
		}
		if len(got.Files) != 1 || got.Files[0].Name != "résultats.csv" {
			t.Fatalf("got files %+v", got.Files)
		}
		if b, err := io.ReadAll(got.Files[0].Open()); err != nil || string(b) != "ip,port\n192.0.2.1,502\n" {
			t.Errorf("got file %q, %v", b, err)
		}
		if got.Autocrypt == nil || !bytes.Equal(got.Autocrypt.Key, us.Public().Binary) {
			t.Errorf("got Autocrypt %+v", got.Autocrypt)
		}
	}
	bytesOf := func(m mail.Message) []byte {
		b, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.SplitSeq(string(b), "\r\n") {
			if len(l) > 100 || strings.ContainsAny(l, "\r\n") {
				t.Errorf("line %q is too long or broken", l)
			}
		}
		return b
	}
	t.Run("plain", func(t *testing.T) {
		check(t, read(t, bytesOf(m)))
	})
	t.Run("signed", func(t *testing.T) {
		m := m
		m.Sign = us
		raw := bytesOf(m)
		if again := bytesOf(m); !bytes.Equal(raw, again) {
			t.Error("got other bytes for the same message")
		}
		got := read(t, raw)
		check(t, got)
		if got.Signed == nil || !got.Signed.Whole {
			t.Fatalf("got %+v", got.Signed)
		}
		if v := pgp.Verify(got.Signed.Content, got.Signed.Signature, []pgp.Key{us.Public()}, time.Now().Add(time.Minute)); v.State != pgp.Good {
			t.Errorf("got %+v", v)
		}
		if _, said := g.Run(nil, "--status-fd", "2", "--ignore-time-conflict", "--verify", g.File("sig", got.Signed.Signature), g.File("content", got.Signed.Content)); !strings.Contains(said, "VALIDSIG") {
			t.Errorf("GnuPG says:\n%s", said)
		}
	})
	t.Run("sealed", func(t *testing.T) {
		m := m
		m.Sign, m.Seal = us, []pgp.Key{anas, us.Public()}
		raw := bytesOf(m)
		if bytes.Contains(raw, []byte("Bonjour")) || bytes.Contains(raw, []byte("sultats")) {
			t.Error("words or names of files can be read on the way")
		}
		got := read(t, raw)
		plain, said := g.Run(got.Encrypted.Data, "--decrypt", "--status-fd", "2", "--ignore-time-conflict")
		if !strings.Contains(said, "VALIDSIG") {
			t.Errorf("GnuPG says:\n%s", said)
		}
		in, err := got.Inside(plain, message.Options{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, in)
		opened, err := pgp.Open(got.Encrypted.Data, []*pgp.Team{us}, []pgp.Key{us.Public()}, time.Now().Add(time.Minute), 1<<20)
		if err != nil || opened.Verdict.State != pgp.Good || !bytes.Equal(opened.Plain, plain) {
			t.Errorf("got %+v, %v", opened.Verdict, err)
		}
	})
}

func BenchmarkBytesSealed(b *testing.B) {
	us, to := teamKey(b), teamKey(b)
	m := sample()
	m.Date = time.Now().Add(time.Minute)
	m.Text = strings.Repeat("Le système 192.0.2.1 est exposé.\n", 130)
	m.Sign, m.Seal = us, []pgp.Key{to.Public()}
	for b.Loop() {
		if _, err := m.Bytes(); err != nil {
			b.Fatal(err)
		}
	}
}
