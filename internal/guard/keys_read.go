package guard

import (
	"bytes"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/pgp"
)

// readKey reads an OpenPGP public key, armoured or not. Errors are Invalid faults of
// the field key.
func readKey(data []byte, now time.Time) (Key, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return Key{}, fault.OnField("key", "guard.key.empty", nil)
	}
	p, err := pgp.ParsePublic(data)
	if err != nil {
		f := *fault.Of(err)
		f.Field = "key"
		return Key{}, &f
	}
	if len(p.Binary) > MaxKeyBytes {
		return Key{}, fault.OnField("key", "guard.key.large", fault.Args{"Max": MaxKeyBytes >> 10})
	}
	k := Key{
		Fingerprint: p.Fingerprint, Data: p.Binary, UserIDs: cleanUserIDs(p.UserIDs), Made: p.Made, Expires: p.Expires, Revoked: p.Revoked,
	}
	for _, at := range []time.Time{now, p.Made.Add(time.Second), p.Expires.Add(-time.Second), p.Revoked.Add(-time.Second)} {
		k.Encrypts = k.Encrypts || p.CanEncrypt(at)
	}
	return k, nil
}
