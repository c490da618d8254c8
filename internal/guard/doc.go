// Package guard knows who there is and who may do what: organisations, persons
// and mailboxes, roles, credentials, sessions, tokens; audiences and markings;
// the policies; and the release gate through which everything leaves.
//
// # Words
//
// An organisation is anyone with a standing here. A person belongs to one
// organisation; a role mailbox is a person of kind mailbox and cannot sign in.
// A role says what a person does here; the policies in policies/*.cedar say what a
// role may do, in sentences that a lawyer can read. An audience ("who may see" on
// screen) is exactly which organisations may see a thing; audiences are interned,
// so a thing carries one number. A marking is TLP 2.0; a thing made of others
// takes the strictest of its parts.
//
// # Visibility and permission are two questions
//
// Visibility is SQL: a reader sees the things whose audience holds his
// organisation. Permission is Cedar: may this actor do this verb for this
// purpose; the answer's policy id goes into the ledger. Denied and not-found look
// the same to someone who may not know that a thing exists.
//
// # Leaving
//
// Every byte for someone outside leaves as a [Parcel], and only [Gate.Release]
// makes one: it asks the room for everything that the thing shows and refers to,
// clears each part for the recipient, lets the room render from what was cleared,
// and freezes the result. A zero Parcel is refused at every door.
//
// # Signing in
//
// Passkeys (WebAuthn); one-time links to start and to recover; API tokens, hashed,
// scoped and expiring; the local socket, whose user is the local operator. Secrets
// are kept only as SHA-256 of 32 random bytes. The administrator's way back in is
// a verb of the local operator and stands in the record of actions.
//
// What is NOT here: contacts, sectors and assets (constituency); sending
// (outbound); pages (guardweb).
//
// Legal basis: what a reader is shown follows from mandate and purpose recorded
// with each act; NIS2 art. 11 and 30 ask for confidentiality of notifications.
package guard
