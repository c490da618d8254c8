package pgp

import (
	"bytes"
	"slices"
	"strings"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/ProtonMail/gopenpgp/v3/crypto"

	"almenara.example/internal/foundation/fault"
)

// The bounds of a key: real ones with many signatures have some 100 kB.
const (
	maxKey     = 512 << 10
	maxUserIDs = 100
	maxSubkeys = 50
)

// Key is a public key. The zero Key is none.
type Key struct {
	Fingerprint string    // lower-case hex: 40 digits, 64 for version 6
	UserIDs     []string  // with a valid signature of the key's own; sorted; printable
	Made        time.Time // of the primary key
	Expires     time.Time // when encrypting to it ends; zero: never
	Revoked     time.Time // zero: not revoked
	Binary      []byte    // the public key, to be kept

	key *crypto.Key
}

// ParsePublic reads one public key, armored or binary. A private key, several keys
// and everything else are Invalid faults.
func ParsePublic(b []byte) (Key, error) {
	if len(b) > maxKey {
		return Key{}, fault.New(fault.Invalid, "pgp.too_large", fault.Args{"Limit": maxKey})
	}
	if bytes.Contains(b, []byte("-----BEGIN PGP PRIVATE KEY BLOCK")) {
		return Key{}, fault.New(fault.Invalid, "pgp.key_private", nil)
	}
	if i := bytes.Index(b, []byte("-----BEGIN PGP")); i > 0 {
		b = b[i:]
	}
	if bytes.Count(b, []byte("-----BEGIN PGP PUBLIC KEY BLOCK")) > 1 {
		return Key{}, fault.New(fault.Invalid, "pgp.key_many", nil)
	}
	ring, err := readRing(b)
	if err != nil {
		return Key{}, fault.Wrap(fault.Invalid, "pgp.key_none", nil, err)
	}
	switch {
	case len(ring) > 1:
		return Key{}, fault.New(fault.Invalid, "pgp.key_many", nil)
	case len(ring) == 0 || len(ring[0].Identities) > maxUserIDs || len(ring[0].Subkeys) > maxSubkeys:
		return Key{}, fault.New(fault.Invalid, "pgp.key_none", nil)
	case ring[0].PrivateKey != nil:
		return Key{}, fault.New(fault.Invalid, "pgp.key_private", nil)
	}
	return keyOf(ring[0])
}

func readRing(b []byte) (openpgp.EntityList, error) {
	if bytes.HasPrefix(b, []byte("-----BEGIN PGP")) {
		return openpgp.ReadArmoredKeyRing(bytes.NewReader(b))
	}
	return openpgp.ReadKeyRing(bytes.NewReader(b))
}

func keyOf(e *openpgp.Entity) (Key, error) {
	key, err := crypto.NewKeyFromEntity(e)
	if err != nil {
		return Key{}, fault.Wrap(fault.Invalid, "pgp.key_none", nil, err)
	}
	warm(e)
	k := Key{Fingerprint: key.GetFingerprint(), Made: e.PrimaryKey.CreationTime.UTC(), key: key}
	if k.Binary, err = key.GetPublicKey(); err != nil {
		return Key{}, fault.Wrap(fault.Invalid, "pgp.key_none", nil, err)
	}
	for name, id := range e.Identities {
		if len(id.SelfCertifications) > 0 && len(name) <= 500 {
			k.UserIDs = append(k.UserIDs, printable(name))
		}
	}
	slices.Sort(k.UserIDs)
	for _, r := range e.Revocations {
		if r.Valid != nil && *r.Valid && (k.Revoked.IsZero() || r.Packet.CreationTime.Before(k.Revoked)) {
			k.Revoked = r.Packet.CreationTime.UTC()
		}
	}
	k.Expires = expires(e)
	return k, nil
}

// warm lets the library check every signature of a key once, at the time it was
// made: it keeps the answers in the key without a lock, so that afterwards a key is
// only read.
func warm(e *openpgp.Entity) {
	var times []time.Time
	for _, r := range e.Revocations {
		times = append(times, r.Packet.CreationTime)
	}
	for _, d := range e.DirectSignatures {
		times = append(times, d.Packet.CreationTime)
	}
	for _, id := range e.Identities {
		for _, s := range slices.Concat(id.SelfCertifications, id.Revocations) {
			times = append(times, s.Packet.CreationTime)
		}
	}
	for _, s := range e.Subkeys {
		for _, b := range slices.Concat(s.Bindings, s.Revocations) {
			times = append(times, b.Packet.CreationTime)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	for _, t := range times[:min(len(times), 200)] {
		e.Revoked(t)
		_, _ = e.LatestValidDirectSignature(t, nil)
		for _, id := range e.Identities {
			_, _ = id.Verify(t, nil)
		}
		for i := range e.Subkeys {
			_, _ = e.Subkeys[i].Verify(t, nil)
		}
	}
}

// expires is when nothing can be encrypted any more: the primary key's end or that
// of the last subkey for encryption, whichever comes first.
func expires(e *openpgp.Entity) time.Time {
	var end time.Time
	self, err := e.PrimarySelfSignature(time.Time{}, nil)
	if err != nil {
		return end
	}
	if self.KeyLifetimeSecs != nil && *self.KeyLifetimeSecs > 0 {
		end = e.PrimaryKey.CreationTime.Add(time.Duration(*self.KeyLifetimeSecs) * time.Second).UTC()
	}
	var last time.Time
	bounded := true
	some := false
	for i := range e.Subkeys {
		s := &e.Subkeys[i]
		b, err := s.LatestValidBindingSignature(time.Time{}, nil)
		if err != nil || !s.PublicKey.PubKeyAlgo.CanEncrypt() || s.Revoked(b, b.CreationTime) {
			continue
		}
		some = true
		if b.KeyLifetimeSecs == nil || *b.KeyLifetimeSecs == 0 {
			bounded = false
			continue
		}
		if t := s.PublicKey.CreationTime.Add(time.Duration(*b.KeyLifetimeSecs) * time.Second).UTC(); t.After(last) {
			last = t
		}
	}
	if some && bounded && (end.IsZero() || last.Before(end)) {
		end = last
	}
	return end
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k.key == nil }

// CanEncrypt tells whether something can be encrypted to the key at a time.
func (k Key) CanEncrypt(at time.Time) bool {
	if k.key == nil {
		return false
	}
	_, ok := k.key.GetEntity().EncryptionKey(at, nil)
	return ok
}

// Expired tells whether the key has expired at a time.
func (k Key) Expired(at time.Time) bool { return !k.Expires.IsZero() && !at.Before(k.Expires) }

// Has tells whether one of the key's user ids carries the address.
func (k Key) Has(email string) bool {
	return slices.ContainsFunc(k.UserIDs, func(id string) bool {
		if _, rest, ok := strings.Cut(id, "<"); ok {
			id, _, _ = strings.Cut(rest, ">")
		}
		return strings.EqualFold(strings.TrimSpace(id), email)
	})
}

// Armor returns the public key as text.
func (k Key) Armor() (string, error) { return k.key.GetArmoredPublicKey() }

// Grouped writes a fingerprint as people compare it, in groups of four.
func Grouped(fingerprint string) string {
	var b strings.Builder
	for i, r := range strings.ToUpper(fingerprint) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x200e && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '·'
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
}
