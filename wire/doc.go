// Package wire is the JSON of the HTTP API: what the server's doors write and what
// clients read, one Go type for both.
//
// Names of fields are part of the contract: scripts read them from the lines that
// `almenara … --json` prints, which are these objects. A field may be added; none
// changes its meaning. Days are written 2026-11-21, times as RFC 3339 in UTC,
// sizes in bytes, hashes as 64 hex digits.
//
// What is NOT here: verbs, permissions, paths (the rooms' doors), and a client.
package wire
