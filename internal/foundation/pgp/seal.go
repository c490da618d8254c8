package pgp

import (
	"bytes"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/ProtonMail/gopenpgp/v3/crypto"

	"almenara.example/internal/foundation/fault"
)

// Seal signs and encrypts to all recipients and to nobody else, in one armored
// message (RFC 3156 §6.2). A nil signer only encrypts. At is the time of the
// signature and that at which the keys must be good.
func Seal(plain []byte, signer *Team, at time.Time, recipients ...Key) ([]byte, error) {
	if len(recipients) == 0 {
		return nil, fault.New(fault.Invalid, "pgp.cannot_encrypt", fault.Args{"Fingerprint": "-"})
	}
	b := handle().Encryption().EncryptionTime(at.Unix()).SignTime(at.Unix())
	for _, r := range recipients {
		if !r.CanEncrypt(at) {
			return nil, fault.New(fault.Invalid, "pgp.cannot_encrypt", fault.Args{"Fingerprint": r.Fingerprint})
		}
		b = b.Recipient(r.key)
	}
	if signer != nil {
		b = b.SigningKey(signer.key)
	}
	h, err := b.New()
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	var out bytes.Buffer
	out.Grow(len(plain)*3/2 + 1024)
	w, err := h.EncryptingWriter(&out, crypto.Armor)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}

// HashName is the micalg of what Sign makes (RFC 3156 §5).
const HashName = "pgp-sha256"

// Sign makes an armored detached signature: the same one for the same content, key
// and time.
func (t *Team) Sign(content []byte, at time.Time) ([]byte, error) {
	no := false
	c := &packet.Config{
		Time: func() time.Time { return at }, NonDeterministicSignaturesViaNotation: &no,
	}
	var out bytes.Buffer
	w, err := armor.EncodeWithChecksumOption(&out, "PGP SIGNATURE", nil, false)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := openpgp.DetachSign(w, []*openpgp.Entity{t.key.GetEntity()}, bytes.NewReader(content), c); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}
