// Package text says what text from outside may look like where it is kept and sent.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// OneLine tells whether s is valid and stays on one line wherever it is written: in a
// mail's header, in a list, on paper. Unicode's line and paragraph separators break a
// line as control characters do.
func OneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

// Clean makes outside text fit for a text column: valid, no controls but line ends and
// tabs, at most so many characters.
func Clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return s
}
