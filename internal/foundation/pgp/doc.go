// Package pgp seals, opens, signs and verifies with OpenPGP (RFC 9580, and what
// GnuPG 2.2 writes and reads), over ProtonMail's gopenpgp.
//
// # Words
//
// A [Key] is somebody's public key, parsed and checked once. The [Team] is the
// installation's own private key, kept in a file of mode 0600. To seal is to sign
// and encrypt in one; to open is to decrypt and judge the signature inside. A
// [Verdict] is what is known of a signature: a small closed list, of which only
// [Good] means that the words are the signer's.
//
// # Invariants
//
//   - Everything read is bounded: a key in its size, a message in its size before
//     and after decryption, compressed or not.
//   - A signature is good only by one of the keys that the caller gave; our own key
//     does not count because we could decrypt with it.
//   - Time comes from the caller: a key is judged at the time of the message.
//   - A Key and a Team may be used by many at the same time; what can be computed
//     once is computed when they are read.
//   - A private key that somebody sends by mistake is refused and not kept.
//
// What is NOT here: MIME (foundation/message, foundation/mail), whose key it is
// and which one is used (guard).
package pgp

import "embed"

// Locales are the catalogue entries of this package, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS
