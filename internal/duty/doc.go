// Package duty knows who is on duty, what one shift tells the next, whom to call at
// night, and keeps a pack on paper for the night when nothing else works.
//
// # Words
//
// A shift is a person's time on duty as duty officer or deputy ([Shift]); a gap is a
// time without a duty officer ([Gap]). A hand-over is a note from one shift to the
// next, which somebody else reads and takes over, by name ([Handover]). The call list
// is the desk's own order of escalation ([Caller]); a call sheet is whom to reach in
// a sector ([CallRow]). The pack is all of it in one file that needs no network and
// no scripts, and the same as CSV ([Pack]).
//
// # Invariants
//
//   - Only active persons of the own organisation are on duty or on the call list.
//   - One person never has two shifts of one role at the same time. Two persons may.
//   - A gap is shown, never refused: a roster with a hole is better than none.
//   - A hand-over does not change after it was written, and nobody takes over the own.
//   - The pack is made each evening and on demand; the last [Kept] stay on disk, files
//     of mode 0600, and each one stands in the record of actions with its digest.
//   - What a pack holds is TLP:AMBER+STRICT: the desk's own.
//
// What is NOT here: who may (guard), organisations and contacts (constituency), texts
// of notices and warnings (warn tells them through [Texts]), pages (dutyweb).
//
// Legal basis: Directive (EU) 2022/2555 (NIS2) art. 11 (1) (a) and (d): a CSIRT is
// reachable at any time, and its means work when others fail.
package duty
