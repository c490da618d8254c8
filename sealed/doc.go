// Package sealed reads and writes packages of statements that go from one institution to
// another: to a court's evidence room, to a neighbouring country's CSIRT.
//
// # Form
//
// A package is a POSIX tar archive (IEEE Std 1003.1, pax) of manifest.json and then the
// files that the manifest lists, below files/. It may be encrypted as a whole in the age
// format, version 1 (https://age-encryption.org/v1). Its signature is a file of its own:
// a signed note (golang.org/x/mod/sumdb/note) over the SHA-256 and the size of the bytes
// that are handed over, encrypted or not, so that whoever carries a package can check
// whose it is without being able to read it.
//
// # Promises
//
//   - Open gives a package only when every file that the manifest lists is there, with
//     its size and its SHA-256, and nothing else is.
//   - What is read is bounded: MaxSize bytes, MaxFiles files, MaxManifest of manifest.
//   - Errors never quote what a package says.
//
// What is NOT here: who may get what, keys of persons, a chain of custody.
package sealed
