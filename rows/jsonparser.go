package rows

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonParser is a cursor over one line of JSON: s is what is left of it.
type jsonParser struct {
	s       []byte
	scratch []byte // unescaped strings of the current record
	path    []byte // the flattened name of the member being read
}

// blank skips white space and returns what follows.
func (p *jsonParser) blank() []byte {
	for len(p.s) > 0 && (p.s[0] == ' ' || p.s[0] == '\t' || p.s[0] == '\r' || p.s[0] == '\n') {
		p.s = p.s[1:]
	}
	return p.s
}

// take skips white space and the byte b, if it is next.
func (p *jsonParser) take(b byte) bool {
	if s := p.blank(); len(s) > 0 && s[0] == b {
		p.s = s[1:]
		return true
	}
	return false
}

// value reads any value but an object at this place; an array becomes its
// text, null becomes nil.
func (p *jsonParser) value(depth int) ([]byte, Reason) {
	s := p.blank()
	if len(s) == 0 || depth > maxDepth {
		return nil, BadJSON
	}
	switch s[0] {
	case '"':
		return p.string()
	case '[':
		reason := p.array(depth)
		return s[: len(s)-len(p.s) : len(s)-len(p.s)], reason
	case 't':
		return p.literal("true")
	case 'f':
		return p.literal("false")
	case 'n':
		_, reason := p.literal("null")
		return nil, reason
	}
	n := numberLength(s)
	if n == 0 {
		return nil, BadJSON
	}
	p.s = s[n:]
	return s[:n:n], ""
}

func (p *jsonParser) literal(word string) ([]byte, Reason) {
	if !bytes.HasPrefix(p.s, []byte(word)) {
		return nil, BadJSON
	}
	v := p.s[:len(word):len(word)]
	p.s = p.s[len(word):]
	return v, ""
}

// array checks an array and moves behind it.
func (p *jsonParser) array(depth int) Reason {
	if depth > maxDepth || !p.take('[') {
		return BadJSON
	}
	if p.take(']') {
		return ""
	}
	for {
		if reason := p.element(depth + 1); reason != "" {
			return reason
		}
		if p.take(',') {
			continue
		}
		if p.take(']') {
			return ""
		}
		return BadJSON
	}
}

func (p *jsonParser) element(depth int) Reason {
	if s := p.blank(); len(s) == 0 || s[0] != '{' {
		_, reason := p.value(depth)
		return reason
	}
	if depth > maxDepth || !p.take('{') {
		return BadJSON
	}
	if p.take('}') {
		return ""
	}
	for {
		if _, reason := p.string(); reason != "" {
			return reason
		}
		if !p.take(':') {
			return BadJSON
		}
		if reason := p.element(depth + 1); reason != "" {
			return reason
		}
		if p.take(',') {
			continue
		}
		if p.take('}') {
			return ""
		}
		return BadJSON
	}
}

// string reads a string. The result points into the line, or into scratch
// when it had escapes; it is never nil.
func (p *jsonParser) string() ([]byte, Reason) {
	if !p.take('"') {
		return nil, BadJSON
	}
	s := p.s
	for i, b := range s {
		switch {
		case b == '"':
			p.s = s[i+1:]
			return s[:i:i], ""
		case b == '\\':
			return p.escaped(i)
		case b < ' ':
			return nil, BadJSON
		}
	}
	return nil, BadJSON
}

// escaped reads on a string whose first backslash is at i.
func (p *jsonParser) escaped(i int) ([]byte, Reason) {
	from := len(p.scratch)
	p.scratch = append(p.scratch, p.s[:i]...)
	p.s = p.s[i:]
	for len(p.s) > 0 {
		b := p.s[0]
		switch {
		case b == '"':
			p.s = p.s[1:]
			return p.scratch[from:len(p.scratch):len(p.scratch)], ""
		case b < ' ':
			return nil, BadJSON
		case b != '\\':
			p.scratch = append(p.scratch, b)
			p.s = p.s[1:]
		default:
			if reason := p.escape(); reason != "" {
				return nil, reason
			}
		}
	}
	return nil, BadJSON
}

// escape reads one escape sequence into scratch.
func (p *jsonParser) escape() Reason {
	if len(p.s) < 2 {
		return BadJSON
	}
	kind := p.s[1]
	if kind == 'u' {
		return p.unicode()
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	i := bytes.IndexByte([]byte(from), kind)
	if i < 0 {
		return BadJSON
	}
	p.scratch = append(p.scratch, to[i])
	p.s = p.s[2:]
	return ""
}

// unicode reads \uXXXX, or two of them that are a surrogate pair. Half a pair
// is no text and makes the record bad_json; zero is nul_byte as anywhere.
func (p *jsonParser) unicode() Reason {
	r, ok := hex4(p.s[2:])
	if !ok {
		return BadJSON
	}
	p.s = p.s[6:]
	if utf16.IsSurrogate(r) {
		if len(p.s) < 6 || p.s[0] != '\\' || p.s[1] != 'u' {
			return BadJSON
		}
		low, ok := hex4(p.s[2:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return BadJSON
		}
		p.s = p.s[6:]
	}
	if r == 0 {
		return NULByte
	}
	p.scratch = utf8.AppendRune(p.scratch, r)
	return ""
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for _, b := range s[:4] {
		switch {
		case '0' <= b && b <= '9':
			r = r<<4 | rune(b-'0')
		case 'a' <= b|0x20 && b|0x20 <= 'f':
			r = r<<4 | rune(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// numberLength is how many bytes at the beginning of s are a JSON number; 0
// when none, or when it runs into something that is not the end of a value.
func numberLength(s []byte) int {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	if i < len(s) && bytes.IndexByte([]byte(" \t\r\n,]}"), s[i]) < 0 {
		return 0
	}
	return i
}
