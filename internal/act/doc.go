// Package act is the frame of every verb: who does what, under which permission,
// in one transaction, with one entry in the ledger and the facts that others hear.
//
// # Words
//
// An act is one verb done once. [Acts.Do] asks the [Decider], begins the one
// serial transaction, draws the act's order number, runs the verb's closure,
// appends the ledger entry and the facts, and commits. Inside an open act, Do
// joins it: same transaction, an order number and an entry of its own that names
// its parent.
//
// A step ([Acts.Step]) is one bounded piece of a procedure such as the intake of
// a delivery: it writes, but has no entry; a later short act makes what the steps
// prepared visible and speaks for all of it. Housekeeping ([Acts.Housekeep]) is
// what leaves no trace on purpose: sessions, counters, idempotency keys.
//
// A fact is news for rooms upstairs: typed, versioned, at most one per act and
// kind, kept in the order of acts. A [Subscription] reads them by its own cursor,
// exactly once, each in a step that moves the cursor; a [Follower] is told in
// memory right after the commit, in order, so that what the committing process
// shows is current at once.
//
// # Invariants
//
//   - Only this package makes a [Tx]; a write needs one; so every write is an
//     act, a step or housekeeping, and a wall test lists the callers of the latter two.
//   - Acts are serial on both engines: a process-wide lock, SQLite's one writer,
//     and on PostgreSQL an advisory transaction lock. Order numbers are total and
//     gapless, and facts come in that order.
//   - What a closure returns as error undoes everything, the order number too.
//   - A refusal writes nothing but a line in the bounded log of denials.
//
// What is NOT here: who may do what (guard), what an entry's tree looks like
// (ledger), queues (foundation/jobs).
package act
