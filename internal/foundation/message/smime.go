package message

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/digitorus/pkcs7"
)

// SMIMEState is what is known of an S/MIME signature.
type SMIMEState string

// The states. Only SMIMEGood says that the words are the certificate's holder's.
const (
	SMIMEGood      SMIMEState = "good"
	SMIMEBad       SMIMEState = "bad"        // the content or the signature was changed, or is too weak
	SMIMEUntrusted SMIMEState = "unknown-ca" // intact, but no authority that we know vouches for the certificate
	SMIMEExpired   SMIMEState = "expired"    // intact, but the certificate was not valid then
)

// SMIME is what became of verifying an S/MIME signature.
type SMIME struct {
	State       SMIMEState
	Subject     string   // of the certificate
	Emails      []string // that the certificate names
	Fingerprint string   // SHA-256 of the certificate, hex
}

// maxPKCS7 bounds a signature with its certificates beside the content.
const maxPKCS7 = 1 << 20

// VerifySMIME judges an S/MIME signature by authorities at a time. Whether one of
// Emails is the sender's is for the caller to compare.
func (s *Signed) VerifySMIME(roots *x509.CertPool, at time.Time) (v SMIME) {
	v.State = SMIMEBad
	// The library reads bytes from outside; a mistake of its must not end the process.
	defer func() {
		if recover() != nil {
			v = SMIME{State: SMIMEBad}
		}
	}()
	if !s.SMIME || len(s.Content) > 0 && len(s.Signature) > maxPKCS7 {
		return v
	}
	p7, err := readPKCS7(s.Signature)
	if err != nil || len(p7.Signers) != 1 {
		return v
	}
	if len(s.Content) > 0 {
		p7.Content = s.Content
	}
	cert := p7.GetOnlySigner()
	if cert == nil || weak(p7.Signers[0].DigestAlgorithm.Algorithm) {
		return v
	}
	v.Subject, v.Emails = line(cert.Subject.String()), cert.EmailAddresses
	for i := range v.Emails {
		v.Emails[i] = line(v.Emails[i])
	}
	sum := sha256.Sum256(cert.Raw)
	v.Fingerprint = hex.EncodeToString(sum[:])
	if roots == nil {
		roots = x509.NewCertPool()
	}
	// First the mathematics, without anybody who vouches.
	if err := p7.VerifyWithOpts(x509.VerifyOptions{CurrentTime: at}); err != nil {
		if strings.Contains(err.Error(), "outside of certificate validity") {
			v.State = SMIMEExpired
		}
		return v
	}
	between := x509.NewCertPool()
	for _, c := range p7.Certificates {
		between.AddCert(c)
	}
	_, err = cert.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	})
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		v.State = SMIMEGood
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		v.State = SMIMEExpired
	default:
		v.State = SMIMEUntrusted
	}
	return v
}

// weak tells of digests that can be forged.
func weak(oid asn1.ObjectIdentifier) bool {
	return oid.Equal(pkcs7.OIDDigestAlgorithmSHA1) || oid.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5})
}

var errPKCS7 = errors.New("not PKCS #7")

// readPKCS7 parses after a check that nothing is nested without end.
func readPKCS7(der []byte) (*pkcs7.PKCS7, error) {
	if _, err := berLength(der, 0); err != nil {
		return nil, err
	}
	return pkcs7.Parse(der)
}

// maxBER is how deep PKCS #7 may be nested; real ones have some 15 levels.
const maxBER = 40

// berLength returns the length of the BER element at the beginning of b and checks
// the depth of what is within.
func berLength(b []byte, depth int) (int, error) {
	if depth > maxBER || len(b) < 2 {
		return 0, errPKCS7
	}
	constructed, at := b[0]&0x20 != 0, 1
	if b[0]&0x1f == 0x1f {
		for at < len(b) && b[at]&0x80 != 0 {
			at++
		}
		at++
	}
	if at >= len(b) || at > 10 {
		return 0, errPKCS7
	}
	n, indefinite := int(b[at]), b[at] == 0x80
	at++
	if n > 0x80 {
		size := n & 0x7f
		if size > 4 || at+size > len(b) {
			return 0, errPKCS7
		}
		n = 0
		for _, c := range b[at : at+size] {
			n = n<<8 | int(c)
		}
		at += size
	}
	if indefinite {
		n = len(b) - at
		if !constructed {
			return 0, errPKCS7
		}
	}
	if n < 0 || at+n > len(b) {
		return 0, errPKCS7
	}
	if !constructed {
		return at + n, nil
	}
	for end := at + n; at < end; {
		if indefinite && end-at >= 2 && b[at] == 0 && b[at+1] == 0 {
			return at + 2, nil
		}
		m, err := berLength(b[at:end], depth+1)
		if err != nil {
			return 0, err
		}
		at += m
	}
	if indefinite {
		return 0, errPKCS7
	}
	return at, nil
}

// opaque reads application/pkcs7-mime: what is signed within PKCS #7 is shown, what
// is enveloped must be decrypted first.
func (p *parser) opaque(m *Message, t *text, e *part, whole bool) (err error) {
	data, err := p.decode(e)
	if err != nil {
		return err
	}
	kind := strings.ToLower(e.params["smime-type"])
	if kind != "signed-data" && (kind == "enveloped-data" || kind == "authenveloped-data" || !isSignedData(data)) {
		if m.Encrypted == nil {
			m.Encrypted = &Encrypted{SMIME: true, Data: data, Whole: whole}
		}
		return nil
	}
	content, ok := opaqueContent(data)
	if !ok || m.Signed != nil {
		f, err := p.file(e)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, f)
		return nil
	}
	m.Signed = &Signed{SMIME: true, Signature: data, Whole: whole}
	inner, err := p.entity(content, 1)
	if err != nil {
		return err
	}
	return p.walk(m, t, inner, whole)
}

func opaqueContent(data []byte) (content []byte, ok bool) {
	defer func() {
		if recover() != nil {
			content, ok = nil, false
		}
	}()
	p7, err := readPKCS7(data)
	if err != nil || len(p7.Signers) == 0 || len(p7.Content) == 0 {
		return nil, false
	}
	return p7.Content, true
}

// isSignedData looks for the type of signed data (1.2.840.113549.1.7.2).
func isSignedData(b []byte) bool {
	return bytes.Contains(b[:min(len(b), 32)], []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02})
}
