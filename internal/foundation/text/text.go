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

// Blank tells whether there is nothing to be seen in s: it is empty, or made of white
// space, controls and characters that leave no trace, such as U+200B or U+3164. Whatever
// must have a name or a reason must not be blank.
func Blank(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '\u2800' && !unicode.IsControl(r) && // the Braille pattern without dots
			!unicode.In(r, unicode.White_Space, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
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
