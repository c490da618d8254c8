// Package watch takes in what feeds deliver and keeps, per finding, what is still
// there, what is gone and why we think so.
//
// # Words
//
// A source is a feed. A delivery is what it delivered, kept byte for byte; its
// identity is (source, kind, observation day, SHA-256 of its content). A stream is
// one kind of report of one source. A mapping says how the columns of a delivery
// become an event in the names of the IntelMQ Data Format; Shadowserver's own
// schema file is one such mapping, loaded as data. An event is one normalised row.
// A finding is a condition that lasts; its key is the stream and the key fields of
// its kind.
//
// # The way of a delivery
//
//	Receive   the bytes are kept (blob), unpacked, recognised; a row says "received"
//	process   rows → events → findings, in steps of at most 5,000 rows or 100 ms
//	          (process.go); bad rows go to quarantine by pointer
//	evaluate  which open findings did this and later full scans stop showing
//	          (evaluate.go)
//	take in   one short act makes all of it visible and writes the one entry
//	          (finish.go)
//	fold      bounded steps move the changes into the rows (fold.go)
//
// Until the take-in nothing of a delivery is visible; a crash before it repeats
// the delivery from its start, finding by its keys what the steps had written.
//
// # Presence instead of rows
//
// A delivery that only repeats yesterday's writes no row per finding: it writes a
// bitmap of the findings that it shows (presence) and a sidecar that says where in
// the delivery each stands. Rows are written when a finding opens, worsens, is no
// longer seen, closes or reopens.
//
// # When silence proves something
//
// A finding is no longer seen after N later observation days (by the day observed,
// not by arrival) on which a full scan of its stream did not show it. A delivery
// proves nothing when its stream is no full scan, when its kind closes otherwise,
// when it lost a key column, when it has fewer than half the median rows of the
// last seven, or when more than a fifth of it is in quarantine. A quarantined row
// with a readable address keeps that address's findings from being proven absent.
// Findings with a weak key are never proven absent. A late correction evaluates
// again and takes back what it disproves.
//
// # Invariants
//
//   - rows = events + quarantined, for every delivery.
//   - State changes are acts or belong to a delivery that an act took in; every
//     change keeps its cause.
//   - What was found in shadow, or on hold, is told to nobody until its delivery is
//     released by an act.
//   - The facets in memory never show what SQL would not.
//
// What is NOT here: whose address it is (constituency), telling anybody (warn),
// pages (watchweb).
//
// Legal basis: NIS2 art. 11(3)(a) and (d), monitoring of threats and
// vulnerabilities and, on request or on legal basis, of networks of essential
// and important entities.
package watch
