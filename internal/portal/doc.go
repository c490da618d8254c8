// Package portal is what organisations outside see and do: what they were told, what
// was found at their systems, what we hold as theirs, how we reach them.
//
// # Words
//
// A Reply is what a handler of the portal may answer: a Parcel, a redirect, a stream
// of Parcels, or a static page of a named list. There is no other way: handlers hold no
// ResponseWriter. A view is one kind of thing that the release gate clears for the
// reader ("portal-notices", "portal-findings", …); its body is JSON that a template
// renders, or a file.
//
// # Invariants
//
//   - Everything shown was cleared for this recipient at this moment, on the channel
//     SignedInPage (ByLink for whoever holds a notice's link).
//   - An organisation sees its own; a provider also those it acts for, each apart and
//     never above TLP:AMBER. Anything else is not found, as if there were none.
//   - What was found in shadow or on hold and not released is not there.
//   - No running number of ours is in an address, a page or a file: things go by their
//     public number, organisations and tokens by their UID, keys by their fingerprint.
//   - Exercise and real things are not on one page.
//   - The same request gets the same bytes while nothing of the recipient's changed.
//   - Asking for a sign-in link answers the same whoever asks for whom.
//
// What is NOT here: notices and their texts (warn), whose an asset is (constituency),
// sessions and tokens (guard), pages (portalweb).
package portal
