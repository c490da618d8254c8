// Package backup writes and reads sealed archives: a tar inside age encryption
// (age-encryption.org/v1), one file per backup, as a stream in bounded memory.
//
// Words. A member is one file in the archive. A part is a numbered member of a
// stream whose length nobody knew before ("rows/000001", "rows/000002", …). The
// manifest is the last member: a line with name, size and CRC-32C of every other
// one, in order, and a closing line with their number.
//
// Promises.
//
//   - A backup appears under its name whole or not at all: it is written to
//     NAME.part, synced, renamed, and the folder is synced. A writer that dies
//     leaves a .part that no reader takes for a backup.
//   - A reader that returned [io.EOF] has seen every byte that was written: age
//     authenticates each 64 KiB, their order and the end; the manifest's checksums
//     are against mistakes of ours between reading and sealing, nobody's malice (a
//     SHA-256 of each member would cost as much as sealing it and add nothing: who
//     can seal an archive can hash it). Anything else is a [*Damage] that says
//     where, or [ErrIdentity].
//   - Whoever writes needs the recipients' public keys only.
//
// Not here: what is in a backup and what it means (app).
package backup
