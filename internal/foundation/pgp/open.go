package pgp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/gopenpgp/v3/constants"
	"github.com/ProtonMail/gopenpgp/v3/crypto"

	"almenara.example/internal/foundation/fault"
)

// State is what is known of a signature.
type State string

// The states. Only Good says that the words are the signer's. Expired and Revoked
// speak of the key and promise nothing about the content.
const (
	None       State = "none"        // there is no signature
	Good       State = "good"        // by the key of Fingerprint, which was given
	Bad        State = "bad"         // the content or the signature was changed
	UnknownKey State = "unknown-key" // by a key that was not given
	Expired    State = "expired"     // the key or the signature has expired
	Revoked    State = "revoked"     // the key was revoked
)

// Verdict is what became of verifying. The zero Verdict is nothing; it is not Good.
type Verdict struct {
	State       State
	Fingerprint string    // of the primary key, when it was among those given
	KeyID       string    // of the signing key, 16 hex digits, when the signature names it
	SignedAt    time.Time // as the signature claims; zero without one
}

// Opened is a message after decryption.
type Opened struct {
	Plain   []byte
	Verdict Verdict
}

// Open decrypts with one of our own keys, armored or binary, and judges the
// signature inside by the sender's keys at a time. More than limit bytes of
// ciphertext or plain text are refused. What is not for us and what is damaged are
// different Invalid faults; plain text of a damaged message is never returned.
func Open(ciphertext []byte, own []*Team, senders []Key, at time.Time, limit int64) (Opened, error) {
	large := fault.New(fault.Invalid, "pgp.too_large", fault.Args{"Limit": limit})
	// Armor is at most 4/3 of the content and line ends.
	if int64(len(ciphertext)) > limit+limit/2+64<<10 {
		return Opened{}, large
	}
	// The library's own limit stands behind ours: it does not say what was wrong.
	b := handle().Decryption().MaxDecompressedMessageSize(limit + 1<<20).VerifyTime(at.Unix())
	for _, t := range own {
		b = b.DecryptionKey(t.key)
	}
	for _, k := range senders {
		b = b.VerificationKey(k.key)
	}
	h, err := b.New()
	if err != nil {
		return Opened{}, fmt.Errorf("open: %w", err)
	}
	r, err := h.DecryptingReader(bytes.NewReader(ciphertext), crypto.Auto)
	if err != nil {
		return Opened{}, damaged(err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(plain)) > limit {
		return Opened{}, large
	}
	if err != nil {
		return Opened{}, damaged(err)
	}
	// The limit may have cut off exactly at the end: the library judges at EOF only.
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != nil && !errors.Is(err, io.EOF) {
		return Opened{}, damaged(err)
	}
	res, err := r.VerifySignature()
	if err != nil {
		return Opened{}, damaged(err)
	}
	return Opened{Plain: plain, Verdict: judge(res, senders, at)}, nil
}

func damaged(err error) error {
	if errors.Is(err, pgperrors.ErrKeyIncorrect) {
		return fault.Wrap(fault.Invalid, "pgp.message_not_for_us", nil, err)
	}
	return fault.Wrap(fault.Invalid, "pgp.message_damaged", nil, err)
}

// Verify judges a detached signature, armored or binary, by the sender's keys at a
// time. What cannot be read as a signature is bad.
func Verify(content, signature []byte, senders []Key, at time.Time) Verdict {
	if len(signature) > maxKey {
		return Verdict{State: Bad}
	}
	b := handle().Verify().VerifyTime(at.Unix())
	for _, k := range senders {
		b = b.VerificationKey(k.key)
	}
	if len(senders) == 0 {
		return Verdict{State: UnknownKey, KeyID: issuer(signature)}
	}
	h, err := b.New()
	if err != nil {
		return Verdict{State: Bad}
	}
	res, err := h.VerifyDetached(content, signature, crypto.Auto)
	if err != nil || res == nil {
		return Verdict{State: Bad}
	}
	v := judge(res, senders, at)
	if v.State == None {
		v.State = Bad
	}
	return v
}

// VerifyClear judges a message in clear text ("-----BEGIN PGP SIGNED MESSAGE") and
// returns the words that the signature speaks of.
func VerifyClear(text []byte, senders []Key, at time.Time) ([]byte, Verdict) {
	if len(text) > 16<<20 {
		return nil, Verdict{State: Bad}
	}
	b := handle().Verify().VerifyTime(at.Unix())
	for _, k := range senders {
		b = b.VerificationKey(k.key)
	}
	h, err := b.New()
	if err != nil {
		return nil, Verdict{State: Bad}
	}
	res, err := h.VerifyCleartext(text)
	if err != nil || res == nil {
		return nil, Verdict{State: Bad}
	}
	return res.Cleartext(), judge(&res.VerifyResult, senders, at)
}

func issuer(signature []byte) string {
	if m, err := crypto.NewPGPMessageFromArmored(string(signature)); err == nil {
		signature = m.Bytes()
	}
	if ids, ok := crypto.SignatureHexKeyIDs(signature); ok && len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// judge reads the library's result. A signature by a key that was not given is
// unknown even when the library knows the key, as it does our own.
func judge(res *crypto.VerifyResult, senders []Key, at time.Time) Verdict {
	var v Verdict
	sig := res.SignatureErrorExplicit()
	if sig != nil && sig.Status == constants.SIGNATURE_NOT_SIGNED || len(res.Signatures) == 0 {
		return Verdict{State: None}
	}
	selected := res.Signatures[len(res.Signatures)-1]
	for _, s := range res.Signatures {
		if s.SignedBy != nil && (s.SignatureError == nil || selected.SignedBy == nil) {
			selected = s
		}
	}
	if p := selected.Signature; p != nil {
		v.SignedAt = p.CreationTime.UTC()
		if p.IssuerKeyId != nil {
			v.KeyID = fmt.Sprintf("%016x", *p.IssuerKeyId)
		}
	}
	key, known := signer(selected, senders)
	if !known {
		v.State = UnknownKey
		return v
	}
	v.Fingerprint = key.Fingerprint
	var why error
	if selected.SignatureError != nil {
		why = selected.SignatureError.Cause
	}
	switch {
	case errors.Is(why, pgperrors.ErrKeyRevoked):
		v.State = Revoked
	case errors.Is(why, pgperrors.ErrKeyExpired), errors.Is(why, pgperrors.ErrSignatureExpired):
		v.State = Expired
	case selected.SignatureError != nil:
		v.State = Bad
	case !key.Revoked.IsZero() && !at.Before(key.Revoked):
		v.State = Revoked
	case key.primaryExpired(at):
		v.State = Expired
	default:
		v.State = Good
	}
	return v
}

// signer finds the given key that a signature names.
func signer(s *crypto.VerifiedSignature, senders []Key) (Key, bool) {
	if s.SignedBy != nil {
		f := s.SignedBy.GetFingerprint()
		for _, k := range senders {
			if k.Fingerprint == f {
				return k, true
			}
		}
		return Key{}, false
	}
	if s.Signature == nil {
		return Key{}, false
	}
	for _, k := range senders {
		e := k.key.GetEntity()
		own := []string{k.Fingerprint}
		ids := []uint64{e.PrimaryKey.KeyId}
		for _, sub := range e.Subkeys {
			own = append(own, hex.EncodeToString(sub.PublicKey.Fingerprint))
			ids = append(ids, sub.PublicKey.KeyId)
		}
		for i := range own {
			if f := s.Signature.IssuerFingerprint; len(f) > 0 && hex.EncodeToString(f) == own[i] ||
				len(f) == 0 && s.Signature.IssuerKeyId != nil && *s.Signature.IssuerKeyId == ids[i] {
				return k, true
			}
		}
	}
	return Key{}, false
}

// primaryExpired tells whether the primary key itself has expired.
func (k Key) primaryExpired(at time.Time) bool {
	e := k.key.GetEntity()
	self, err := e.PrimarySelfSignature(time.Time{}, nil)
	return err == nil && e.PrimaryKey.KeyExpired(self, at)
}
