// Package deskweb is the gallery's door: the board, which is the first page of the
// desk, and the search of the top bar.
//
//	/             the board: what needs a person now, then the picture
//	/desk/search  a number, an address or range, a name, an organisation
//
// The board shows each room's part to whom that room's read permission is given; an
// administrator without watch.read is told so and led to sources and persons. Every figure
// links to the list that it counts.
//
// A search that means one thing leads there at once; else it shows groups of hits,
// and says so honestly when there are none.
//
// What is NOT here: what counts as waiting, and how a question is read (desk); how
// figures are computed (watch).
package deskweb
