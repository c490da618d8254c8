// Package webhook signs and checks messages as Standard Webhooks does: a message has
// an id, a time and a body, and the signature covers "id.time.body" as it is sent,
// byte for byte.
//
// Words: a [Signer] holds an Ed25519 key and gives headers; a [Verifier] holds what a
// receiver has, public keys (scheme v1a) and secrets shared with a sender (HMAC-SHA256,
// scheme v1), several of each while keys are changed.
//
// Promises: a message is good when one signature of a known scheme is; its time must
// be within the tolerance on both sides; signatures are compared in constant time; an
// error never tells which key or byte was wrong. The id is for the receiver to see a
// repetition: keeping ids for as long as the tolerance is the caller's.
//
// Not here: sending, receiving, keeping keys and ids.
//
// Source: Standard Webhooks specification, version 1; RFC 8032; RFC 2104.
package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the headers.
const (
	HeaderID        = "Webhook-Id"
	HeaderTime      = "Webhook-Timestamp" // seconds since 1970
	HeaderSignature = "Webhook-Signature" // "v1a,…", several divided by blanks
)

// Prefixes of keys as people pass them on, before Base64.
const (
	PrefixSecret  = "whsec_" // shared secret of v1
	PrefixPrivate = "whsk_"  // Ed25519 private key of v1a
	PrefixPublic  = "whpk_"  // Ed25519 public key of v1a
)

// Tolerance is how far a message's time may be off when a [Verifier] says nothing.
const Tolerance = 5 * time.Minute

// Bounds of what is looked at.
const (
	maxID         = 256
	maxSignatures = 16
	minSecret     = 24 // bytes
	maxSecret     = 64
)

// Why a message is refused.
var (
	ErrHeaders   = errors.New("webhook: id, time or signature is missing or has no such form")
	ErrTime      = errors.New("webhook: the message's time is too far from now")
	ErrSignature = errors.New("webhook: no signature of the message is good")
)

// Signer signs with an Ed25519 key.
type Signer struct{ key ed25519.PrivateKey }

// NewSigner returns a signer with a private key.
func NewSigner(key ed25519.PrivateKey) (*Signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("webhook: a private key has %d bytes, this has %d", ed25519.PrivateKeySize, len(key))
	}
	return &Signer{key}, nil
}

// Public is what receivers check with, as whpk_….
func (s *Signer) Public() string {
	return FormatPublic(s.key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // by definition of the key
}

// Sign returns the headers of a message. The id must be the same when the message is
// sent again, and may not hold a full stop.
func (s *Signer) Sign(id string, at time.Time, body []byte) (http.Header, error) {
	if !goodID(id) {
		return nil, fmt.Errorf("webhook: %q cannot be a message's id: letters, digits, _ and -, at most %d", id, maxID)
	}
	if at.Unix() < 0 {
		return nil, errors.New("webhook: the message's time is before 1970")
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	sig := ed25519.Sign(s.key, signed(id, stamp, body))
	h := http.Header{}
	h.Set(HeaderID, id)
	h.Set(HeaderTime, stamp)
	h.Set(HeaderSignature, "v1a,"+base64.StdEncoding.EncodeToString(sig))
	return h, nil
}

// Verifier checks messages. It needs one key or secret at least.
type Verifier struct {
	Keys      []ed25519.PublicKey // of senders that sign (v1a)
	Secrets   [][]byte            // shared with senders (v1)
	Tolerance time.Duration       // zero: the package's
}

// Verify checks headers and body, exactly as they came, at a time. It returns the
// message's id and its own time.
func (v *Verifier) Verify(h http.Header, body []byte, now time.Time) (id string, at time.Time, err error) {
	for _, name := range []string{HeaderID, HeaderTime, HeaderSignature} {
		if len(h.Values(name)) != 1 {
			return "", at, ErrHeaders
		}
	}
	id, stamp := h.Get(HeaderID), h.Get(HeaderTime)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != stamp || id == "" || len(id) > maxID || strings.Contains(id, ".") {
		return "", at, ErrHeaders
	}
	if !v.good(strings.Fields(h.Get(HeaderSignature)), signed(id, stamp, body)) {
		return "", at, ErrSignature
	}
	tolerance := v.Tolerance
	if tolerance <= 0 {
		tolerance = Tolerance
	}
	at = time.Unix(seconds, 0).UTC()
	if at.Before(now.Add(-tolerance)) || at.After(now.Add(tolerance)) {
		return "", time.Time{}, ErrTime
	}
	return id, at, nil
}

// good tells whether one signature is good. Those of unknown schemes are passed over.
func (v *Verifier) good(signatures []string, text []byte) bool {
	if len(signatures) > maxSignatures {
		return false
	}
	ok := false
	for _, s := range signatures {
		scheme, encoded, _ := strings.Cut(s, ",")
		sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			continue
		}
		switch scheme {
		case "v1a":
			for _, key := range v.Keys {
				if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, text, sig) {
					ok = true
				}
			}
		case "v1":
			for _, secret := range v.Secrets {
				mac := hmac.New(sha256.New, secret)
				mac.Write(text)
				if len(secret) > 0 && hmac.Equal(mac.Sum(nil), sig) {
					ok = true
				}
			}
		}
	}
	return ok
}

// signed is what a signature covers.
func signed(id, stamp string, body []byte) []byte {
	text := make([]byte, 0, len(id)+len(stamp)+len(body)+2)
	text = append(append(append(text, id...), '.'), stamp...)
	return append(append(text, '.'), body...)
}

func goodID(id string) bool {
	return id != "" && len(id) <= maxID && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r != '_' && r != '-'
	})
}

// ParseSecret reads a shared secret, whsec_… or its Base64 alone, of 24 to 64 bytes.
func ParseSecret(s string) ([]byte, error) {
	b, err := decode(PrefixSecret, s)
	if err != nil || len(b) < minSecret || len(b) > maxSecret {
		return nil, fmt.Errorf("webhook: not a secret: %s and the Base64 of %d to %d bytes are wanted", PrefixSecret, minSecret, maxSecret)
	}
	return b, nil
}

// ParsePublic reads a public key, whpk_… or its Base64 alone.
func ParsePublic(s string) (ed25519.PublicKey, error) {
	b, err := decode(PrefixPublic, s)
	if err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("webhook: not a public key: %s and the Base64 of %d bytes are wanted", PrefixPublic, ed25519.PublicKeySize)
	}
	return b, nil
}

// ParsePrivate reads a private key, whsk_… or its Base64 alone: the seed, or seed and
// public key.
func ParsePrivate(s string) (ed25519.PrivateKey, error) {
	b, err := decode(PrefixPrivate, s)
	switch {
	case err == nil && len(b) == ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(b), nil
	case err == nil && len(b) == ed25519.PrivateKeySize:
		key := ed25519.NewKeyFromSeed(b[:ed25519.SeedSize])
		if hmac.Equal(key, b) {
			return key, nil
		}
	}
	return nil, fmt.Errorf("webhook: not a private key: %s and the Base64 of %d or %d bytes are wanted", PrefixPrivate, ed25519.SeedSize, ed25519.PrivateKeySize)
}

// FormatPublic writes a public key as whpk_….
func FormatPublic(key ed25519.PublicKey) string {
	return PrefixPublic + base64.StdEncoding.EncodeToString(key)
}

// FormatPrivate writes a private key as whsk_….
func FormatPrivate(key ed25519.PrivateKey) string {
	return PrefixPrivate + base64.StdEncoding.EncodeToString(key)
}

func decode(prefix, s string) ([]byte, error) {
	return base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(strings.TrimSpace(s), prefix))
}
