// Package mail sends one message to one recipient over SMTP and says honestly
// what became of it.
//
// [Client.Send] returns an [Outcome]: accepted (the server took responsibility),
// refused (for good, with the server's code), deferred (not taken; the same may be
// tried again), or unknown: the connection vanished after the final dot, and
// nobody can know whether the server has the message. An unknown outcome must not
// be repeated by a machine; whoever repeats it uses the same Message-ID, which the
// caller gives and which a message keeps for ever.
//
// Connections are encrypted (STARTTLS or TLS with a verified certificate); plain
// SMTP is for a server on the same machine only. The password is read from a file
// at every connection, so that it can be changed without a restart.
//
// A line break or another control character in a name, an address or a subject is
// refused, never cleaned: whoever sends it learns that something is wrong.
//
// Only package outbound imports this package. What is NOT here: who may be told
// what (guard), retries (foundation/jobs), and receiving.
package mail
