package message_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"almenara.example/internal/foundation/message"
)

// smime signs with OpenSSL: an authority, and a certificate of Ana's.
type smime struct {
	t   *testing.T
	dir string
}

func newSMIME(t *testing.T) *smime {
	t.Helper()
	s := &smime{t: t, dir: t.TempDir()}
	s.run(nil, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Water CA", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30")
	s.run(nil, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Ana", "-keyout", "ana.key", "-out", "ana.csr")
	ext := filepath.Join(s.dir, "ext")
	if err := os.WriteFile(ext, []byte("subjectAltName=email:ana@water.example\nextendedKeyUsage=emailProtection\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(nil, "x509", "-req", "-in", "ana.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "7", "-days", "20", "-extfile", "ext", "-out", "ana.pem")
	return s
}

func (s *smime) run(stdin []byte, args ...string) []byte {
	s.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir, cmd.Stdin = s.dir, bytes.NewReader(stdin)
	var e bytes.Buffer
	cmd.Stderr = &e
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, e.String())
	}
	return out
}

func (s *smime) pool() *x509.CertPool {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "ca.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	p := x509.NewCertPool()
	p.AppendCertsFromPEM(b)
	return p
}

func TestSignaturesOfOpenSSLAreJudged(t *testing.T) {
	s := newSMIME(t)
	words := wire("Content-Type: text/plain\n\nwe closed the port\n")
	for name, args := range map[string][]string{"beside": nil, "opaque": {"-nodetach"}} {
		t.Run(name, func(t *testing.T) {
			signed := s.run(words, append([]string{"smime", "-sign", "-signer", "ana.pem", "-inkey", "ana.key", "-md", "sha256", "-crlfeol"}, args...)...)
			raw := append([]byte("From: ana@water.example\r\nSubject: x\r\n"), signed...)
			m, err := message.Parse(raw, options())
			if err != nil {
				t.Fatal(err)
			}
			if m.Signed == nil || !m.Signed.SMIME || !m.Signed.Whole || m.Text != "we closed the port\n" {
				t.Fatalf("got %+v, text %q from\n%s", m.Signed, m.Text, raw)
			}
			now := time.Now()
			for want, c := range map[message.SMIMEState]struct {
				roots *x509.CertPool
				at    time.Time
			}{
				message.SMIMEGood: {s.pool(), now}, message.SMIMEUntrusted: {x509.NewCertPool(), now},
				message.SMIMEExpired: {s.pool(), now.AddDate(0, 0, 25)},
			} {
				v := m.Signed.VerifySMIME(c.roots, c.at)
				if v.State != want || fmt.Sprint(v.Emails) != "[ana@water.example]" || v.Subject != "CN=Ana" {
					t.Errorf("got %+v, want %s", v, want)
				}
			}
			broken := *m.Signed
			if name == "beside" {
				broken.Content = append(bytes.Clone(broken.Content), '!')
			} else {
				broken.Signature = bytes.Replace(broken.Signature, []byte("port"), []byte("door"), 1)
			}
			if v := broken.VerifySMIME(s.pool(), now); v.State != message.SMIMEBad {
				t.Errorf("got %+v for changed words, want bad", v)
			}
		})
	}
	weak := s.run(words, "smime", "-sign", "-signer", "ana.pem", "-inkey", "ana.key", "-md", "sha1", "-crlfeol")
	m, err := message.Parse(weak, options())
	if err != nil {
		t.Fatal(err)
	}
	if v := m.Signed.VerifySMIME(s.pool(), time.Now()); v.State != message.SMIMEBad {
		t.Errorf("got %+v for SHA-1, want bad", v)
	}
	sealed := s.run(words, "smime", "-encrypt", "-aes256", "ana.pem")
	if m, err := message.Parse(sealed, options()); err != nil || m.Encrypted == nil || !m.Encrypted.SMIME {
		t.Errorf("got %+v, %v for an enveloped mail", m, err)
	}
}

func TestEndlessNestingIsNoSignature(t *testing.T) {
	s := &message.Signed{SMIME: true, Signature: bytes.Repeat([]byte{0x30, 0x80}, 4<<20)}
	if v := s.VerifySMIME(nil, time.Now()); v.State != message.SMIMEBad {
		t.Errorf("got %+v", v)
	}
}
