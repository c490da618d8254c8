package rows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// CSVOptions tells how to read a CSV file. The zero value is the usual one.
type CSVOptions struct {
	// Delimiter is the byte between fields; 0 finds out from the header which
	// of comma, semicolon, tab and vertical bar it is.
	Delimiter byte
	// MaxRecord is the largest record in bytes; 0 is DefaultMaxRecord.
	MaxRecord int
	// Header, when not nil, names the columns of an input that has no header
	// line: a single stored row that is read again, for example.
	Header []string
}

// maxColumns bounds a header: wider files are refused, not read.
const maxColumns = 4096

// CSV reads comma-separated values, by RFC 4180 with these allowances: LF or
// CRLF, a byte order mark, another delimiter, empty lines (skipped), a last
// line without an end. A quotation mark may only open a field at its start and
// close it at its end, doubled inside, or after a backslash when the line makes
// sense in no other way. A record whose quotation marks do not
// fit, or which runs over lines and then has the wrong number of columns, is
// set aside as its first line alone, and reading goes on at the next line: a
// stray mark costs one line, not the file.
type CSV struct {
	src       source
	delimiter byte
	maxRecord int
	header    []string
	line      int // number of the line at the window's start
	rec       Record
	fields    [][]byte
	scratch   []byte // unescaped fields of the current record
}

// NewCSV makes a reader and reads the header. The error is [ErrNoHeader] for
// an empty input, the input's own error, or what is wrong with the header.
func NewCSV(in io.Reader, o CSVOptions) (*CSV, error) {
	if o.MaxRecord <= 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	if d := o.Delimiter; d == '"' || d == '\n' || d == '\r' || d >= utf8.RuneSelf {
		return nil, fmt.Errorf("delimiter %q cannot be used: it must be one ASCII character, such as ',' or ';'", d)
	}
	c := &CSV{src: newSource(in, o.MaxRecord), delimiter: o.Delimiter, maxRecord: o.MaxRecord, line: 1}
	c.src.skipMark()
	if o.Header != nil {
		c.header = slices.Clone(o.Header)
		if c.delimiter == 0 {
			c.delimiter = ','
		}
		return c, nil
	}
	if c.delimiter == 0 {
		c.delimiter = c.sniff()
	}
	if err := c.readHeader(); err != nil {
		return nil, err
	}
	return c, nil
}

// Header names the columns, blanks around each name removed.
func (c *CSV) Header() []string { return c.header }

// Delimiter is the byte between fields, given or found.
func (c *CSV) Delimiter() byte { return c.delimiter }

// sniff counts the usual delimiters outside quotation marks in the first line
// that is not empty. Comma wins a tie.
func (c *CSV) sniff() byte {
	const candidates = ",;\t|"
	var counts [len(candidates)]int
	for !bytes.ContainsRune(bytes.TrimLeft(c.src.buf[c.src.r:c.src.w], "\r\n"), '\n') && c.src.fill() {
	}
	quoted := false
	for _, b := range bytes.TrimLeft(c.src.buf[c.src.r:c.src.w], "\r\n") {
		switch {
		case b == '"':
			quoted = !quoted
		case b == '\n' && !quoted:
			return candidates[slices.Index(counts[:], slices.Max(counts[:]))]
		case !quoted:
			if i := strings.IndexByte(candidates, b); i >= 0 {
				counts[i]++
			}
		}
	}
	return candidates[slices.Index(counts[:], slices.Max(counts[:]))]
}

func (c *CSV) readHeader() error {
	rec, err := c.next(-1)
	if errors.Is(err, io.EOF) {
		return ErrNoHeader
	}
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	if len(rec.Fields) > maxColumns {
		return fmt.Errorf("the header has %d columns, more than the %d that are read", len(rec.Fields), maxColumns)
	}
	c.header = make([]string, len(rec.Fields))
	for i, f := range rec.Fields {
		c.header[i] = string(bytes.TrimSpace(f))
	}
	return nil
}

// Next returns the next record.
func (c *CSV) Next() (*Record, error) { return c.next(len(c.header)) }

// next reads a record of want columns; -1 takes any number.
func (c *CSV) next(want int) (*Record, error) {
	for {
		s := &c.src
		end, err := s.findEnd()
		if err != nil {
			return nil, err
		}
		window := s.buf[s.r:s.w]
		line := window[:end]
		used := min(end+1, len(window))
		if end > 0 && line[end-1] == '\r' {
			line = line[:end-1]
		}
		if len(line) == 0 {
			s.use(used)
			c.line++
			continue
		}
		c.rec.Offset, c.rec.Line, c.rec.Len = s.offset, c.line, len(line)
		if len(line) > c.maxRecord {
			return nil, c.tooLong(line)
		}
		reason := c.split(line)
		lines := 1
		if reason == openQuote {
			if line, used, lines, reason = c.joinLines(want); reason == "" {
				c.rec.Len = len(line)
			} else {
				// The window may have moved: take the first line again.
				line, used = c.firstLine()
				lines = 1
			}
		}
		if reason == BadQuote && c.splitBackslash(line, want) {
			reason = ""
		}
		if reason == "" {
			reason = c.check(line, want)
		}
		s.use(used)
		c.line += lines
		if reason != "" {
			return nil, c.fail(reason, line)
		}
		c.rec.Fields = c.fields
		return &c.rec, nil
	}
}

// check looks at what a split does not see.
func (c *CSV) check(record []byte, want int) Reason {
	if bytes.IndexByte(record, 0) >= 0 {
		return NULByte
	}
	if !utf8.Valid(record) {
		return BadUTF8
	}
	if want >= 0 && len(c.fields) != want {
		if len(c.fields) < want {
			return TooFewColumns
		}
		return TooManyColumns
	}
	return ""
}

// tooLong sets a line aside whose first bytes are head, which fill the window
// or end in it, and skips the rest of it without keeping anything.
func (c *CSV) tooLong(head []byte) error {
	e := c.fail(LineTooLong, head[:min(len(head), headOfLongLine)])
	for i, f := range e.Fields {
		e.Fields[i] = bytes.Clone(f)
	}
	length, ended := c.src.skipLine()
	if ended {
		c.line++
	}
	e.Len = length
	return e
}

// fail makes the error for the current record, with a rough split of line.
func (c *CSV) fail(reason Reason, line []byte) *RowError {
	c.fields = c.fields[:0]
	for rest, more := line, true; more && len(c.fields) < maxColumns; {
		var f []byte
		f, rest, more = bytes.Cut(rest, []byte{c.delimiter})
		c.fields = append(c.fields, bytes.Trim(f, "\" \t\r\n"))
	}
	return &RowError{Reason: reason, Line: c.rec.Line, Offset: c.rec.Offset, Len: int64(len(line)), Fields: c.fields}
}
