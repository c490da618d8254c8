// Package mail sends messages over SMTP and fetches them over IMAP, and says
// honestly what became of each.
//
// # Sending
//
// [Client.Send] returns an [Outcome]: accepted (the server took responsibility),
// refused (for good, with the server's code), deferred (not taken; the same may be
// tried again), or unknown: the connection vanished after the final dot, and
// nobody can know whether the server has the message. An unknown outcome must not
// be repeated by a machine; whoever repeats it uses the same Message-ID, which the
// caller gives and which a message keeps for ever. A [Lane] sends many messages over
// one connection; Outcome.Connection tells trouble with the server from trouble with
// one message.
//
// [Message.Bytes] composes: plain, signed or sealed with OpenPGP. The same message
// has the same bytes, apart from encryption.
//
// # Receiving
//
// A [Mailbox] is one folder at an IMAP server. [Mailbox.Fetch] hands over what is
// new after a [Position] (UIDVALIDITY and UID), byte for byte, each message within a
// size; [Mailbox.Wait] waits for news. Nothing is marked or moved before the caller
// says [Mailbox.Done].
//
// # Both
//
// Connections are encrypted (STARTTLS or TLS with a verified certificate); without
// encryption only to a server on the same machine. The password is read from a file
// at every connection, so that it can be changed without a restart.
//
// A line break or another control character in a name, an address or a subject is
// refused, never cleaned: whoever sends it learns that something is wrong.
//
// Only package outbound imports this package. What is NOT here: who may be told
// what (guard), retries (outbound), what a mail says (foundation/message).
package mail
