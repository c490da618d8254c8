package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/fault"
)

// GenerateKey makes the Ed25519 key of a log in a new file with mode 0600 and
// returns the verifier key, which is public. The origin is the log's name: a host
// name and path such as "desk.atalaya.example/ledger"; no spaces, no plus sign. A
// key that is there already is never replaced (fault conflict).
func GenerateKey(origin, path string) (verifier string, err error) {
	if _, err := os.Stat(path); err == nil {
		return "", fault.New(fault.Conflict, "ledger.key.exists", nil)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("make ledger key: %w", err)
	}
	secret, verifier, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return "", fmt.Errorf("make ledger key: %w", err)
	}
	if _, err := note.NewVerifier(verifier); err != nil {
		return "", fmt.Errorf("make ledger key: origin %q: %w", origin, err)
	}
	if err := durable.WriteFile(durable.OS{}, path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("make ledger key: %w", err)
	}
	return verifier, nil
}

// ReadKey reads a key file and returns the signer and the verifier key. The
// signer's name is the origin.
func ReadKey(path string) (signer note.Signer, verifier string, err error) {
	b, err := durable.ReadFile(durable.OS{}, path, 4096)
	if err != nil {
		return nil, "", fmt.Errorf("read ledger key: %w", err)
	}
	secret := string(bytes.TrimSpace(b))
	if signer, err = note.NewSigner(secret); err != nil {
		return nil, "", fmt.Errorf("read ledger key %s: %w", path, err)
	}
	// The text is PRIVATE+KEY+<name>+<hash>+<base64 of algorithm and seed>; base64
	// may itself contain a plus sign.
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(secret, "+", 5)[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, "", fmt.Errorf("read ledger key %s: not an Ed25519 key", path)
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return nil, "", fmt.Errorf("read ledger key %s: not an Ed25519 key", path)
	}
	if verifier, err = note.NewEd25519VerifierKey(signer.Name(), public); err != nil {
		return nil, "", fmt.Errorf("read ledger key %s: %w", path, err)
	}
	return signer, verifier, nil
}
