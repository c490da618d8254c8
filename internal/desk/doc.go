// Package desk is the gallery of the desk: what needs a person now, and finding
// anything by what one has at hand.
//
// # Words
//
// A need is something that waits for a person, with how many there are, where the
// list of them is, and how grave it is to let it wait. The gallery sorts needs by
// consequence, never by age or number alone.
//
// A question is what somebody typed into the search: a number, an address or range,
// a name on the Internet, or the name of an organisation. [Read] tells which. A hit
// answers it; a direct hit is the one thing that was meant, and the search leads
// there at once.
//
// # Invariants
//
//   - The gallery owns nothing: it has no tables and no verbs. What it shows comes
//     from the rooms below, as far as the asker's organisation may see it.
//   - A need's number is the length of the list behind its address.
//   - A question that nothing answers has no hits; it is not an error.
//
// Rooms that stand above desk, or beside it, bring needs and hits through [Needs] and
// [Finder], joined in app.
//
// What is NOT here: pages (deskweb), the sums of the board (watch), permissions
// (guard).
package desk
