// Package i18n is the catalogue: every sentence that a person reads on a page or in
// a notice is looked up here by key, in the reader's language.
//
// A [Catalogue] is built once from folders of <language>.toml files: one embedded
// folder per room, then a country's own folder of dropped-in files, where the later
// file wins key by key. Keys are dotted and begin with the room
// (watch.finding.closed). A value is a string with {{.Name}} places, or a table of
// plural forms (one, few, many, other …) chosen by the argument Count according to
// the language's own rules. Numbers given as arguments are written as the language
// writes them.
//
// A [Printer] speaks one language. It falls back from a regional language to its
// base, then to English, then to the key in ⟦brackets⟧, which tests look for; a page
// never fails for a missing word. [Catalogue.Missing] lists what a language lacks.
//
// The pseudo-language [PseudoRTL] is English with accents on its letters, written
// from right to left: it shows words that bypass the catalogue and layouts that
// forget direction. It is offered to nobody.
//
// Times are written as "14:05 CET (13:05 UTC)", dates as "21 Nov 2026", ages as
// "3 h" (see [Printer.Time], [Printer.Date], [Printer.Age]); months and units come
// from the catalogue (frame.month.*, frame.age.*), so a new language needs no code.
//
// Not here: which words exist (rooms), who the reader is (guard), the public key of
// an error (fault).
package i18n
