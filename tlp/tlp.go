// Package tlp reads, writes and compares markings of the Traffic Light
// Protocol, version 2.0 (FIRST, August 2022): who may be told about a piece of
// information.
//
// Words: a [Marking] is one label. The labels of the standard are ordered by
// strictness: CLEAR (the public), GREEN (the community), AMBER (the
// organisation and its clients), AMBER+STRICT (the organisation alone), RED
// (named persons). [Unmarked] is not a label: it says that nobody has said
// anything yet, and what that means is the caller's rule, never this
// package's.
//
// Promises:
//
//   - a text that is not a known marking never becomes a lax one: [Parse]
//     returns [Red] together with its error;
//   - [Strictest] never returns something laxer than either of its marked
//     arguments;
//   - the numeric values are stable and may be stored; they grow with
//     strictness.
//
// Not here: defaults of a source, who belongs to an audience, and whether
// something may be released.
package tlp

import (
	"errors"
	"fmt"
	"strings"
)

// Marking is one TLP label, or Unmarked. The zero value is Unmarked.
type Marking uint8

// The labels, from nothing said to the strictest. The numbers are stable.
const (
	Unmarked Marking = iota
	Clear
	Green
	Amber
	AmberStrict
	Red
)

// ErrUnknown is wrapped by every error of [Parse] and [Marking.UnmarshalText].
var ErrUnknown = errors.New("unknown TLP marking")

// All lists the five labels from lax to strict, without Unmarked.
func All() []Marking { return []Marking{Clear, Green, Amber, AmberStrict, Red} }

// Parse reads a label in any case, with or without the prefix "TLP:", and
// with blanks around it or around the colon and the plus sign. WHITE, the
// label of version 1, is read as CLEAR. AMBER-STRICT and AMBER_STRICT are
// read as AMBER+STRICT, since systems that cannot hold a plus sign write it
// so. The empty text is Unmarked. Anything else returns Red and an error that
// wraps [ErrUnknown].
func Parse(s string) (Marking, error) {
	word := strings.ToUpper(strings.TrimSpace(s))
	if word == "" {
		return Unmarked, nil
	}
	if rest, ok := strings.CutPrefix(word, "TLP"); ok {
		rest, ok = strings.CutPrefix(strings.TrimSpace(rest), ":")
		if !ok {
			return Red, unknown(s)
		}
		word = strings.TrimSpace(rest)
	}
	switch word {
	case "CLEAR", "WHITE":
		return Clear, nil
	case "GREEN":
		return Green, nil
	case "AMBER":
		return Amber, nil
	case "RED":
		return Red, nil
	}
	if rest, ok := strings.CutPrefix(word, "AMBER"); ok {
		rest = strings.TrimSpace(rest)
		if rest != "" && strings.ContainsRune("+-_", rune(rest[0])) && strings.TrimSpace(rest[1:]) == "STRICT" {
			return AmberStrict, nil
		}
	}
	return Red, unknown(s)
}

func unknown(s string) error {
	const most = 40
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Errorf("%w: %q (known are TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED)", ErrUnknown, s)
}

// String is the label as the standard writes it, such as "TLP:AMBER+STRICT".
// Unmarked is the empty text. A number outside the range reads as TLP:RED.
func (m Marking) String() string {
	switch m {
	case Unmarked:
		return ""
	case Clear:
		return "TLP:CLEAR"
	case Green:
		return "TLP:GREEN"
	case Amber:
		return "TLP:AMBER"
	case AmberStrict:
		return "TLP:AMBER+STRICT"
	default:
		return "TLP:RED"
	}
}

// Valid reports whether m is Unmarked or one of the five labels.
func (m Marking) Valid() bool { return m <= Red }

// Marked reports whether somebody has set a label.
func (m Marking) Marked() bool { return m != Unmarked }

// AtMost reports whether m is marked and not stricter than limit. Unmarked
// material is never "at most" anything: its rule belongs to the caller.
func (m Marking) AtMost(limit Marking) bool { return m.Marked() && m.Valid() && m <= limit }

// Strictest returns the stricter of two markings. Unmarked yields to any
// label; only two unmarked parts make an unmarked whole.
func Strictest(a, b Marking) Marking { return max(a, b) }

// MarshalText writes [Marking.String]; Unmarked is the empty text.
func (m Marking) MarshalText() ([]byte, error) {
	if !m.Valid() {
		return nil, fmt.Errorf("%w: number %d", ErrUnknown, uint8(m))
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what [Parse] reads. On an error m is Red.
func (m *Marking) UnmarshalText(text []byte) error {
	v, err := Parse(string(text))
	*m = v
	return err
}
