// Package watchweb is watch's door: its pages and its API.
//
// # Pages
//
//	/watch/findings             what lasts: list, filters in the address, CSV, bulk verbs
//	/watch/findings/{number}    one finding: facts, life, why it is whose, raw lines
//	/watch/deliveries           what feeds delivered, and the form to hand one in
//	/watch/deliveries/{id}      what one did, what its silence proves, dry run, retry
//	/watch/quarantine           rows that were set aside, one by one and by reason
//	/watch/shadow/{source}      exactly what would go to whom, and its release
//	/watch/sources              feeds: rhythm, marking, retention, mode
//	/watch/mappings             how columns become events
//	/watch/unrouted             findings that nobody could be named for
//
// A page shows what its reader's organisation may see (watch checks audiences) and
// offers the verbs that the reader may do (acts decide again). Verbs that change
// many things, or that cannot be taken back, first show what will happen, with
// counts, and ask for a reason. A list's total counts the same set as its rows.
//
// What feeds sent is shown as text only. Raw lines are shown on demand, with control
// characters as pictures, to whom watch.read_raw is permitted.
//
// What is NOT here: the board and the search (deskweb), notices (warn; a finding's
// page takes their lines through [Stories]), rules of any kind (watch).
package watchweb
