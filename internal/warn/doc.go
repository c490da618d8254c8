// Package warn tells organisations what concerns them, hears what they answer, and
// knows who has taken a warning.
//
// # Words
//
// A notice is what one organisation is told: of its own findings, or of a warning. A
// warning is one text to many about a threat or an incident; its severities are flash,
// high, medium, low. An answer is what an organisation said to a notice: acknowledge,
// done, dispute, pass on, ask; it has a strength, weakest first: by link, told by phone,
// plain mail, portal, signed. A receipt is where one recipient stands.
//
// # The way of a notice
//
//	draft.go     watch tells of a delivery (a fact); the rules (rules.go) say what is
//	             told, how and how often; what was told a short while ago is left out
//	             (told.go); news for somebody for whom a notice waits is bundled into it
//	escalate.go  a released warning becomes a notice per recipient; on silence FLASH asks
//	             the next contact, then the duty officer's call list
//	spool.go     the lanes: FLASH first and never throttled, then by priority and turn,
//	             so that no destination waits behind another's queue; an address gets
//	             its share of an hour. An act clears each notice at the release gate and
//	             commits "attempting"; then it is written down outside the database
//	             (toldlog.go), handed to outbound, and settled in another act
//	closure.go   what it shows, per channel: whole and sealed to a key; whole in clear up
//	             to GREEN; otherwise only that there is something, and a link
//	verbs.go     answers by link, by phone, in the portal; mailin.go answers by mail: a
//	             plain reply waits for a person, one signed by the contact's key answers
//	             by itself
//	receipts.go  who has taken it, and by which strength
//
// # Invariants
//
//   - Nothing leaves but as a parcel; the gate checks again at the moment of sending
//     whose asset it is.
//   - What was found in shadow or on hold is drafted only when it is released.
//   - News of a delivery is told to an organisation once, whatever repeats.
//   - An unknown outcome is repeated only by a person, as the same message; a restored
//     database tells nothing that it has forgotten.
//   - A warning is released by another person than its authors, or on call with a
//     reason and a review that is due.
//   - The stop button holds every sending.
//
// What is NOT here: pages and calls (warnweb), the portal, the mail protocol and
// cryptography (outbound, foundation/mail, message, pgp), who is on duty (duty).
//
// Legal basis: NIS2 art. 11(3)(b): early warnings, alerts and information to essential
// and important entities.
package warn
