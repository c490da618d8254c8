package pgp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"
	"github.com/ProtonMail/gopenpgp/v3/crypto"
	"github.com/ProtonMail/gopenpgp/v3/profile"

	"almenara.example/internal/foundation/fault"
)

// Team is a private key of our own: what we sign with and what is encrypted to us.
type Team struct {
	public Key
	key    *crypto.Key
	ring   *crypto.KeyRing
}

// Generate makes a key for a name and an address (Ed25519 and X25519, in the form
// that GnuPG 2.2 reads) and keeps it in a new file of mode 0600. A file that is
// there is never replaced: fs.ErrExist.
func Generate(path, name, email string, at time.Time) (*Team, error) {
	key, err := handle().KeyGeneration().AddUserId(name, email).GenerationTime(at.Unix()).New().GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make an OpenPGP key: %w", err)
	}
	text, err := key.Armor()
	if err != nil {
		return nil, fmt.Errorf("write an OpenPGP key: %w", err)
	}
	if err := writeNew(path, []byte(text)); err != nil {
		return nil, err
	}
	return Load(path)
}

// writeNew makes a durable file that was not there.
func writeNew(path string, b []byte) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep an OpenPGP key: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("keep an OpenPGP key: %w", err), os.Remove(path))
	}
	return nil
}

// Load reads a key that Generate made, or one from GnuPG that has no passphrase
// (gpg --export-secret-keys --armor). Only its owner may read the file.
func Load(path string) (*Team, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the OpenPGP key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read the OpenPGP key: %s is readable by others (mode %04o): %w", path, st.Mode().Perm(), fs.ErrPermission)
	}
	if st.Size() > maxKey {
		return nil, fault.New(fault.Invalid, "pgp.too_large", fault.Args{"Limit": maxKey})
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the OpenPGP key: %w", err)
	}
	return ParseTeam(b)
}

// ParseTeam reads a private key without a passphrase, armored or binary.
func ParseTeam(b []byte) (*Team, error) {
	ring, err := readRing(b)
	if err != nil {
		return nil, fmt.Errorf("read the OpenPGP key: %w", err)
	}
	if len(ring) != 1 || ring[0].PrivateKey == nil {
		return nil, errors.New("read the OpenPGP key: the file must hold exactly one private key")
	}
	e := ring[0]
	for _, k := range append([]openpgp.Subkey{{PrivateKey: e.PrivateKey}}, e.Subkeys...) {
		if k.PrivateKey != nil && k.PrivateKey.Encrypted {
			return nil, errors.New("read the OpenPGP key: it has a passphrase; the file's mode protects it here, so take the passphrase off")
		}
	}
	warm(e)
	key, err := crypto.NewKeyFromEntity(e)
	if err != nil {
		return nil, fmt.Errorf("read the OpenPGP key: %w", err)
	}
	t := &Team{key: key}
	if t.ring, err = crypto.NewKeyRing(key); err != nil {
		return nil, fmt.Errorf("read the OpenPGP key: %w", err)
	}
	public, err := key.GetPublicKey()
	if err == nil {
		t.public, err = ParsePublic(public)
	}
	if err != nil {
		return nil, fmt.Errorf("read the OpenPGP key: %w", err)
	}
	return t, nil
}

// Public is the public side.
func (t *Team) Public() Key { return t.public }

// handle speaks what GnuPG 2.2 understands, with current algorithms.
func handle() *crypto.PGPHandle { return crypto.PGPWithProfile(profile.Default()) }
