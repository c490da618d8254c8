// Package ledger is the append-only record of acts: what was done, by whom, on
// what ground, and the proof that nobody rewrote it.
//
// Words. An entry is what one act says of itself: a canonical JSON body
// (RFC 8785). Its commitment is SHA-256(0x00 ‖ salt ‖ body) with a random salt of
// 32 bytes. The tree is the RFC 6962 Merkle tree over the commitments, in the
// order of the acts (entry 1 is leaf 0). A checkpoint is the tree's size and root,
// signed with Ed25519 as a note (C2SP tlog-checkpoint). Tiles are the tree's
// hashes in files (C2SP tlog-tiles).
//
// Promises.
//
//   - [Append] writes the entry in the act's own transaction: an act without an
//     entry, or an entry without its act, cannot be.
//   - Orders are total and gapless from 1. The signer stops before a gap and says so.
//   - Nothing waits for signing. A checkpoint that covers an act is on disk at most
//     one second after it, as long as the database answers.
//   - Tiles are durable before the head moves, the head before the file "high",
//     that before the checkpoint. A cut between any two leaves a state from which
//     the next start goes on; it never signs two trees of one size.
//   - The signer refuses to sign a tree that is smaller than, or a fork of, the
//     largest that it ever signed (the file "high", kept outside the database).
//     [Log.Health] tells why. After a restore ([Held]) it signs nothing until an act
//     states what is missing; a record that lost signed entries goes on under a new
//     name with a new key only ([Log.Assess], [Log.GoOn]; ADR 0006).
//   - What leaves the house is the commitment alone. [Log.Erase] destroys an
//     entry's body and salt; after that nothing about it can be learned from the
//     tree, and the tree stays whole.
//
// The head is moved in a write transaction of the ledger's own, not through
// package act: signing is not an act and has no entry.
//
// Not here: who may read the record (guard), what a verb puts into an entry (the
// rooms, through act), cosigners and the requests to them.
package ledger
