package sealed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// statement is what is signed of a package: a note whose first line is no origin of a
// log, so that the signature of one can never pass for that of the other.
func statement(body []byte) string {
	sum := sha256.Sum256(body)
	return fmt.Sprintf("%s\nsha256 %s\nsize %d\n", Format, hex.EncodeToString(sum[:]), len(body))
}

// Digest is the SHA-256 of a package as it is handed over, in hex.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Sign signs a package as it is handed over. The answer is the detached signature, a
// signed note.
func Sign(body []byte, signer note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: statement(body)}, signer)
	if err != nil {
		return "", fmt.Errorf("sign package: %w", err)
	}
	return string(signed), nil
}

// maxSignature bounds a signature's text.
const maxSignature = 64 << 10

// Verify checks a detached signature over a package by a verifier key, as
// "name+hash+key" (golang.org/x/mod/sumdb/note): ErrSignature when it is not of these
// bytes or not by this key.
func Verify(body []byte, signature, verifier string) error {
	v, err := note.NewVerifier(strings.TrimSpace(verifier))
	if err != nil {
		return fmt.Errorf("this is no verifier key, such as name+hash+key: %w", err)
	}
	if len(signature) > maxSignature {
		return ErrSignature
	}
	n, err := note.Open([]byte(signature), note.VerifierList(v))
	if err != nil || n.Text != statement(body) {
		return ErrSignature
	}
	return nil
}
