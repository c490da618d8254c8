// Package message reads an incoming mail: who writes, what it answers, whether a
// person or a machine speaks, the words, the files, the signatures.
//
// # Words
//
// A [Message] is a mail taken apart. Its [Class] says who speaks: a person, a
// machine that answers by itself (RFC 3834), a mail server that reports on a
// delivery (RFC 3464), or ourselves by a loop. Words are what a person wrote;
// Quoted is what was there before. Numbers are the numbers of things, such as
// ALM-4K7Q-2M9X, that the caller's function finds.
//
// # Invariants
//
//   - Everything is bounded by [Limits]: bytes, header, depth, parts, decoded bytes.
//     What is beyond is an Invalid fault that names the limit; nothing is cut
//     silently but text to show, which says so (TextCut).
//   - Whatever comes in, what goes out is valid UTF-8 without control characters;
//     names of files are names, never paths.
//   - Hidden parts of HTML are not shown, scripts and styles never.
//   - A signature's content is the very bytes that were signed. Whole says whether
//     the signature covers everything that is shown.
//   - Nothing here decrypts, fetches or believes: From is what the mail claims.
//
// What is NOT here: OpenPGP itself (foundation/pgp), sending (foundation/mail),
// whose answer it is (the rooms).
package message

import "embed"

// Locales are the catalogue entries of this package, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS
