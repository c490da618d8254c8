// Package incident is the response to harm or its near miss, from the first report to
// recovery: many parties work on one incident and each sees its part.
//
// # Words
//
// An incident is open, resolved or abandoned. A participant is an organisation, or one
// person of it, with a role. An entry is one thing said or done: note, observable, task,
// file, decision, call, status, question, measure (a countermeasure); it has an owner
// (the organisation whose word it is), a marking and an audience of its own. A question
// asks one participant and has an answer-by time.
//
// A duty is that a reporting regime applies to a participant; it has a clock per stage,
// counted from an anchor, which is a time at which something happened. A filing is the
// document of a stage; a judgement says whether the incident falls under the regime.
//
// # Who sees what
//
//   - The desk's people see every entry whose audience holds the desk, a participant's
//     people those whose audience holds their organisation, or them by name, and only
//     while they take part. Nothing else of an entry exists for them: no count, no gap.
//   - TLP:RED goes to persons named in the audience; the organisation is not enough.
//   - Only its owner widens an entry's audience. The desk records an owner's consent as
//     its own act. Being added to an incident shows nothing that was written before.
//   - Whoever sees an incident sees its head: number, title, state. Titles are written
//     for all of them.
//
// # Invariants
//
//   - An edit names the version that it saw; a later one is a conflict. What an entry
//     said before is kept.
//   - Merging moves nothing: the merged incident points to the other and can be taken
//     apart again. Splitting moves entries and remembers from where.
//   - What hangs on an entry follows it, to another incident and to another owner; what
//     was done with it as it stood does not. See following.go.
//   - Consent counts while whoever gave it owns the entry, and can always be taken back.
//   - A corrected anchor stays, with who replaced it, when and why; a clock is counted by
//     the version of the regime under which it began.
//   - Exercise and real incidents never mix.
//
// What is NOT here: pages (incidentweb), what participants see (portal), the counting of
// legal periods (the public library regime), sending (outbound), evidence for a court.
//
// Legal basis: NIS2 art. 10, 11 and 23 (CSIRT tasks, incident handling, reporting),
// CER art. 15, and national mandates recorded with each crossing.
package incident
