// Package jobs is the queue of work that follows an act: sending, pulling,
// expiring. A job is put into the queue within the act's own transaction, so it
// exists if and only if the act does.
//
// # Words
//
// A [Kind] is a named sort of work with typed arguments, a bound on its tries and
// the function that does it. [Add] registers a kind and returns its [Handle];
// Handle.With makes a [Job], which an act enqueues:
//
//	send := jobs.Add(queue, jobs.Kind[sendArgs]{Name: "warn.send", Work: room.send})
//	…
//	err := tx.Enqueue(ctx, send.With(sendArgs{Notice: n}))
//
// A job that fails is tried again after a growing pause ([Config.Backoff]), at
// most Kind.Tries times; then it is a failed job, which stays listed with its
// reason ([Queue.Failed]) until somebody tries it again or dismisses it.
//
// # Invariants
//
//   - A job may run more than once: when the process ends between the work and
//     its bookkeeping. Work must be able to find out what it has done already.
//   - After a crash the next Start puts back what the ended process was working
//     on; a job that was in its last try then is failed, not tried for ever.
//   - Arguments are ids and small values. They and the text of errors are kept in
//     the database: never content, personal data or secrets.
//   - Stop waits for running jobs until its context ends, then cancels theirs.
//
// The queue is River with one client for both engines. On SQLite it shares the
// one writer connection; jobs are for batches and messages, not for rows. River
// migrates its own tables ([Migrate]); they are no room's business.
//
// What is NOT here: what a job does (the rooms), and procedures with steps (act).
package jobs
