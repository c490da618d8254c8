package regime

import (
	"fmt"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	Line    int    // from 1; 0 when it is the file as a whole
	Key     string // the key at fault, such as stage[2].period; may be empty
	Problem string
	Example string // what would do; may be empty
}

// String is one line for a person: place, key, what is wrong, what would do.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Problem)
	if p.Example != "" {
		b.WriteString(" (an example: " + p.Example + ")")
	}
	return b.String()
}

// Problems is the error of a file that is not taken: all that is wrong with it, up
// to fifty things.
type Problems []Problem

const maxProblems = 50

// Error has a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

func (p Problems) add(one Problem) Problems {
	if len(p) >= maxProblems {
		return p
	}
	return append(p, one)
}

// quoted shows a value of a file in a message: escaped, and not too long.
func quoted(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}
