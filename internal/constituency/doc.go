// Package constituency knows whom the desk serves and what is theirs: operators
// with sectors, designation and essential services; contacts in order of
// escalation; assets with the time in which they are theirs; and the look-up that
// says, for any address or name and any day, whose it is and why.
//
// # Words
//
// An organisation and a person are guard's; this room adds what an operator is
// ([Standing]), how to reach it ([Contact]) and what ties the outside world to it
// ([Asset]: cidr, asn, domain, maildomain, product, site). A provider acts for
// operators; what is theirs stays theirs. A source says where an asset comes from:
// manual, import or claimed; a claim waits until somebody of the desk approves it
// and matches nothing before.
//
// # The look-up
//
// [Index] is immutable and swapped whole, so readers are never blocked. The order:
// an operator by address (longest prefix), by domain (longest suffix, never above
// the registrable domain), by mail domain, by AS number; then a network owner by
// prefix, by AS number; then the national CSIRT by country; else unrouted. At equal
// length manual goes before imported and imported before claimed. What was not
// valid on the day asked about is passed over for a shorter one.
//
// # Invariants
//
//   - Both ends of a validity belong to it: valid_to is the last day.
//   - A public suffix (com, co.uk, github.io) is nobody's asset.
//   - The index follows every commit before the next act begins; its generation
//     rises with every change.
//   - An import with a refused row applies nothing. What the steps of a large one
//     prepare carries the import's id and is invisible until the last act; its new
//     organisations come first, in acts of their own, still without assets.
//   - An edit names the version that it saw; a later one is a conflict and
//     overwrites nothing.
//   - Before an asset changes, the effect on what is open can be asked ([Effect]).
//
// What is NOT here: who may do what (guard), what was found (watch), sending
// (outbound), pages (constituencyweb).
//
// Legal basis: Directive (EU) 2022/2555 (NIS2) art. 3 (list of essential and
// important entities, their IP ranges and contacts), Annexes I and II (sectors);
// Directive (EU) 2022/2557 (CER) art. 6 (designation of critical entities).
package constituency
