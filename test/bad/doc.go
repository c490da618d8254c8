// Package bad sends a running server what it must refuse, and takes away what it
// stands on: bytes that are no text, bodies without end, clients that dribble,
// credentials that do not work, two edits at once, formulas, archives that swell, a
// half-migrated database, edited rows and blobs, a clock set back, a full disk.
//
// The promise is the same everywhere: what was refused, where, and what to do, on
// pages, from the API and on the command line; nothing is lost; never a 500.
//
// What is not here: each room's own rules for its own input (the rooms test them).
package bad
