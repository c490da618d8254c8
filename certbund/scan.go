package certbund

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// take gets a row: its table without schema, the columns that the statement lists,
// the values.
type take func(table string, columns []string, values []*string, line int) error

// scanner goes through the text of a dump once.
type scanner struct {
	s    string
	at   int
	line int // of at
	from int // up to where line is counted
}

// scan calls f for every row of the tables that are read.
func scan(text string, f take) error {
	s := &scanner{s: strings.TrimPrefix(text, "\ufeff"), line: 1}
	for {
		s.blank()
		if s.at >= len(s.s) {
			return nil
		}
		start := s.lineNow()
		var err error
		switch {
		case s.s[s.at] == '\\': // psql's own commands
			s.skipLine()
		case s.word("copy"):
			err = s.copyBlock(f, start)
		case s.word("insert"):
			err = s.insert(f, start)
		default:
			err = s.skipStatement(start)
		}
		if err != nil {
			return err
		}
	}
}

// lineNow is the line at the scanner's place.
func (s *scanner) lineNow() int {
	s.line += strings.Count(s.s[s.from:s.at], "\n")
	s.from = s.at
	return s.line
}

func (s *scanner) wrong(table, problem string) error {
	return &Error{Line: s.lineNow(), Table: table, Problem: problem}
}

// blank passes over space and comments.
func (s *scanner) blank() {
	for s.at < len(s.s) {
		switch {
		case strings.IndexByte(" \t\r\n\f", s.s[s.at]) >= 0:
			s.at++
		case strings.HasPrefix(s.s[s.at:], "--"):
			s.skipLine()
		case strings.HasPrefix(s.s[s.at:], "/*"):
			s.skipComment()
		default:
			return
		}
	}
}

func (s *scanner) skipLine() {
	if n := strings.IndexByte(s.s[s.at:], '\n'); n >= 0 {
		s.at += n + 1
	} else {
		s.at = len(s.s)
	}
}

// skipComment passes over a comment; they nest.
func (s *scanner) skipComment() {
	depth := 0
	for s.at < len(s.s) {
		switch {
		case strings.HasPrefix(s.s[s.at:], "/*"):
			depth++
			s.at += 2
		case strings.HasPrefix(s.s[s.at:], "*/"):
			depth--
			s.at += 2
		default:
			s.at++
		}
		if depth == 0 {
			return
		}
	}
}

// word takes a key word, whatever its case, and the space behind it.
func (s *scanner) word(w string) bool {
	end := s.at + len(w)
	if end > len(s.s) || !strings.EqualFold(s.s[s.at:end], w) || end < len(s.s) && part(s.s[end]) {
		return false
	}
	s.at = end
	s.blank()
	return true
}

func part(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

// symbol takes one character and the space behind it.
func (s *scanner) symbol(c byte) bool {
	if s.at >= len(s.s) || s.s[s.at] != c {
		return false
	}
	s.at++
	s.blank()
	return true
}

// name takes an identifier.
func (s *scanner) name() (string, bool) {
	if s.at < len(s.s) && s.s[s.at] == '"' {
		end := strings.IndexByte(s.s[s.at+1:], '"')
		if end < 0 {
			return "", false
		}
		n := s.s[s.at+1 : s.at+1+end]
		s.at += end + 2
		s.blank()
		return n, true
	}
	from := s.at
	for s.at < len(s.s) && part(s.s[s.at]) {
		s.at++
	}
	n := strings.ToLower(s.s[from:s.at])
	s.blank()
	return n, n != ""
}

// table takes a table's name and drops its schema, and then a list of columns.
func (s *scanner) table() (table string, columns []string, ok bool) {
	if table, ok = s.name(); !ok {
		return "", nil, false
	}
	for s.symbol('.') {
		if table, ok = s.name(); !ok {
			return table, nil, false
		}
	}
	if !s.symbol('(') {
		return table, nil, true
	}
	for {
		c, ok := s.name()
		if !ok {
			return table, nil, false
		}
		columns = append(columns, c)
		if s.symbol(')') {
			return table, columns, true
		}
		if !s.symbol(',') {
			return table, nil, false
		}
	}
}

// copyBlock reads COPY table (columns) FROM stdin; and its rows up to \. alone.
func (s *scanner) copyBlock(f take, start int) error {
	table, names, ok := s.table()
	if !ok || !s.word("from") || !s.word("stdin") {
		return s.skipStatement(start)
	}
	if err := s.skipStatement(start); err != nil {
		return err
	}
	// The rows begin on the next line.
	s.skipLine()
	known := columns(table) != nil
	for line := s.lineNow(); s.at < len(s.s); line++ {
		from := s.at
		s.skipLine()
		text := strings.TrimRight(s.s[from:s.at], "\r\n")
		if text == `\.` {
			return nil
		}
		if !known {
			continue
		}
		fields := strings.Split(text, "\t")
		values := make([]*string, len(fields))
		for i, field := range fields {
			if field == `\N` {
				continue
			}
			v, err := unescape(field)
			if err != nil {
				return &Error{Line: line, Table: table, Problem: err.Error()}
			}
			values[i] = &v
		}
		if err := f(table, names, values, line); err != nil {
			return err
		}
	}
	return &Error{Line: start, Table: table, Problem: "the rows have no end", Hint: "the dump is cut off"}
}

// unescape reads a field of COPY's text format.
func unescape(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("a value is not UTF-8: dump with --encoding=UTF8")
	}
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == 'b':
			b.WriteByte('\b')
		case c == 'f':
			b.WriteByte('\f')
		case c == 'n':
			b.WriteByte('\n')
		case c == 'r':
			b.WriteByte('\r')
		case c == 't':
			b.WriteByte('\t')
		case c == 'v':
			b.WriteByte('\v')
		case '0' <= c && c <= '7':
			i += number(&b, s[i:], 3, 8) - 1
		case c == 'x' && i+1 < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i+1]) >= 0:
			i += number(&b, s[i+1:], 2, 16)
		default:
			b.WriteByte(c)
		}
	}
	if out := b.String(); utf8.ValidString(out) && !strings.Contains(out, "\x00") {
		return out, nil
	}
	return "", errors.New("a value is not text")
}

// number writes the byte that up to most digits say, and returns how many they were.
func number(b *strings.Builder, s string, most, base int) int {
	n := 0
	for n < most && n < len(s) {
		if _, err := strconv.ParseUint(s[n:n+1], base, 8); err != nil {
			break
		}
		n++
	}
	v, err := strconv.ParseUint(s[:n], base, 16)
	if err == nil {
		b.WriteByte(byte(v & 0xff))
	}
	return n
}

// insert reads INSERT INTO table (columns) VALUES (…), (…);
func (s *scanner) insert(f take, start int) error {
	if !s.word("into") {
		return s.skipStatement(start)
	}
	table, names, ok := s.table()
	if !ok || columns(table) == nil {
		return s.skipStatement(start)
	}
	if s.word("overriding") { // OVERRIDING SYSTEM VALUE
		s.name()
		s.word("value")
	}
	if !s.word("values") {
		return &Error{Line: start, Table: table, Problem: "is filled by something else than values", Hint: "use pg_dump, whose inserts are plain values"}
	}
	for {
		line := s.lineNow()
		if !s.symbol('(') {
			return s.wrong(table, "a row should begin here")
		}
		var values []*string
		for {
			v, err := s.value(table)
			if err != nil {
				return err
			}
			values = append(values, v)
			if s.symbol(')') {
				break
			}
			if !s.symbol(',') {
				return s.wrong(table, "a row's value should end here")
			}
		}
		if err := f(table, names, values, line); err != nil {
			return err
		}
		if !s.symbol(',') {
			return s.skipStatement(start) // ON CONFLICT …;
		}
	}
}

// value takes a literal: NULL, a text, a number or boolean, each with a cast.
func (s *scanner) value(table string) (*string, error) {
	var v string
	switch {
	case s.word("null"), s.word("default"):
		return nil, s.cast(table)
	case s.at < len(s.s) && s.s[s.at] == '\'':
		text, err := s.quoted(table, false)
		if err != nil {
			return nil, err
		}
		v = text
	case s.at+1 < len(s.s) && (s.s[s.at] == 'E' || s.s[s.at] == 'e') && s.s[s.at+1] == '\'':
		s.at++
		text, err := s.quoted(table, true)
		if err != nil {
			return nil, err
		}
		v = text
	default:
		from := s.at
		for s.at < len(s.s) && (part(s.s[s.at]) || strings.IndexByte("+-.", s.s[s.at]) >= 0) {
			s.at++
		}
		if v = s.s[from:s.at]; v == "" {
			return nil, s.wrong(table, "a value should stand here")
		}
		s.blank()
	}
	if !utf8.ValidString(v) || strings.Contains(v, "\x00") {
		return nil, s.wrong(table, "a value is not UTF-8 text")
	}
	return &v, s.cast(table)
}

// cast passes over ::type.
func (s *scanner) cast(table string) error {
	for strings.HasPrefix(s.s[s.at:], "::") {
		s.at += 2
		if _, ok := s.name(); !ok {
			return s.wrong(table, "a type should stand here")
		}
	}
	return nil
}

// quoted takes a text in quotation marks, with backslashes or without.
func (s *scanner) quoted(table string, escapes bool) (string, error) {
	var b strings.Builder
	for s.at++; s.at < len(s.s); s.at++ {
		switch c := s.s[s.at]; {
		case c == '\'' && s.at+1 < len(s.s) && s.s[s.at+1] == '\'':
			b.WriteByte('\'')
			s.at++
		case c == '\'':
			s.at++
			s.blank()
			if !escapes {
				return b.String(), nil
			}
			v, err := unescape(b.String())
			if err != nil {
				err = s.wrong(table, err.Error())
			}
			return v, err
		case c == '\\' && escapes && s.at+1 < len(s.s):
			b.WriteString(s.s[s.at : s.at+2])
			s.at++
		default:
			b.WriteByte(c)
		}
	}
	return "", s.wrong(table, "a text in quotation marks has no end: the dump is cut off")
}

// skipStatement passes over a statement up to and with its semicolon; one without is
// the end.
func (s *scanner) skipStatement(start int) error {
	for s.at < len(s.s) {
		switch c := s.s[s.at]; {
		case c == ';':
			s.at++
			return nil
		case c == '\'':
			escapes := s.at > 0 && s.s[s.at-1]|0x20 == 'e' && (s.at < 2 || !part(s.s[s.at-2]))
			if !s.skipQuoted(escapes) {
				return &Error{Line: start, Problem: "a text in quotation marks has no end: the dump is cut off"}
			}
		case c == '"':
			end := strings.IndexByte(s.s[s.at+1:], '"')
			if end < 0 {
				return &Error{Line: start, Problem: "a name in quotation marks has no end: the dump is cut off"}
			}
			s.at += end + 2
		case c == '$' && (s.at == 0 || !part(s.s[s.at-1])):
			if !s.skipDollar() {
				return &Error{Line: start, Problem: "a text between dollar signs has no end: the dump is cut off"}
			}
		case strings.HasPrefix(s.s[s.at:], "--"):
			s.skipLine()
		case strings.HasPrefix(s.s[s.at:], "/*"):
			s.skipComment()
		default:
			s.at++
		}
	}
	return nil
}

// skipQuoted passes over a text in quotation marks and nothing behind it.
func (s *scanner) skipQuoted(escapes bool) bool {
	for s.at++; s.at < len(s.s); s.at++ {
		switch {
		case s.s[s.at] == '\\' && escapes:
			s.at++
		case s.s[s.at] == '\'':
			s.at++
			return true
		}
	}
	s.at = min(s.at, len(s.s))
	return false
}

// skipDollar passes over $tag$ … $tag$; a dollar sign that begins none is one
// character.
func (s *scanner) skipDollar() bool {
	end := strings.IndexByte(s.s[s.at+1:], '$')
	if end < 0 {
		s.at++
		return true
	}
	tag := s.s[s.at : s.at+end+2]
	for _, c := range []byte(tag[1 : len(tag)-1]) {
		if !part(c) || c == '$' {
			s.at++
			return true
		}
	}
	if len(tag) > 2 && '0' <= tag[1] && tag[1] <= '9' { // $1 is a parameter
		s.at++
		return true
	}
	rest := strings.Index(s.s[s.at+len(tag):], tag)
	if rest < 0 {
		return false
	}
	s.at += rest + 2*len(tag)
	return true
}
