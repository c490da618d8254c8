// Package crash kills the built program with SIGKILL at random times, most of them
// inside an import, on both engines, and compares what is left with an undisturbed
// run: findings, presence, deliveries, notices and what a mail server received.
//
// The mail server lives in the test and loses nothing, so a message may be missing
// for one reason alone: the kill fell into its SMTP dialogue, and the notice says
// honestly that its outcome is unknown. Nobody is ever told twice.
//
// ALMENARA_CRASH=20 asks for the long form (that many kills on each engine); by
// default there are three. ALMENARA_CRASH_SEED repeats a run's times.
//
// What is not here: power cuts (blob, ledger and sqldb cut their files themselves).
package crash
