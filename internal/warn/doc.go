// Package warn tells organisations what was found at them, and keeps what they
// answer.
//
// # Words
//
// A notice goes to one organisation about its findings of one delivery. An answer
// is what the organisation said to it: acknowledge, done, dispute, pass on, ask;
// it has a strength, weakest first: by link, told by phone, plain mail, portal,
// signed.
//
// # The way of a notice
//
//	watch tells of a delivery     a fact; the subscription queues a job
//	draft      one act per organisation that has news: exactly one notice for
//	           (organisation, delivery, act that told), whatever is repeated
//	send       a job: an act asks the release gate for a parcel and begins the
//	           message; outbound speaks with the mail server; an act settles it
//	answer     by the link in the notice (a GET shows only a confirm button), or
//	           recorded at the desk with the true time of the call
//
// # Invariants
//
//   - What was found in shadow or on hold is drafted only when it is released.
//   - Nothing leaves but as a parcel; the gate checks again at the moment of
//     sending whose asset it is, so access that ended has ended.
//   - The stop button holds every sending; what waits leaves when it is resumed.
//   - An unknown outcome is repeated only by a person.
//
// What is NOT here yet: grouping and repetition rules, bulk files, mail answers,
// the portal, warnings to many (the next release).
//
// Legal basis: NIS2 art. 11(3)(b): early warnings, alerts and information to
// essential and important entities.
package warn
