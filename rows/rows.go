// Package rows reads records from files of lines: CSV (RFC 4180, as it is
// found in the wild) and JSON lines. It is made for input that nobody has
// checked: it never fails a file because of one record, and one record never
// costs more memory than the limit it was given.
//
// Words: a line is what ends with LF or CRLF. A record is usually one line; a
// quoted CSV field may hold newlines, then it is several. A [Record] has one
// field per column of the header. A record that cannot be read is a
// [RowError]: it says why, from a closed set of reasons, and where its bytes
// are, so that they can be kept by pointer and shown exactly as they came.
//
// Promises of every [Reader]:
//
//   - [Reader.Next] returns a record, or a *RowError after which reading goes
//     on, or io.EOF, or another error which is final (the input broke);
//   - offsets and lengths point into the stream that was given, and two
//     records never overlap;
//   - a returned Record and the Fields of a RowError are valid until the next
//     call; reading a good record allocates nothing;
//   - memory stays below a small multiple of the largest record allowed,
//     however long the input or a single line of it is;
//   - every field of a Record is valid UTF-8 and free of NUL bytes.
//
// Not here: what a column means (package mapping) and where the bytes come
// from (opening, unpacking and bounding a file is the caller's).
package rows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxRecord is the largest record, in bytes, when options say nothing.
const DefaultMaxRecord = 1 << 20

// Record is one record of a file.
type Record struct {
	// Fields has one value per column of the reader's header. In JSON lines a
	// name that the record does not have, or has as null, is a nil field.
	Fields [][]byte
	// Offset is where the record's first byte is in the stream; Len is its
	// length in bytes, without the line ending.
	Offset int64
	Len    int
	// Line is the number of the record's first line, from 1. The header is a
	// line too.
	Line int
}

// Reader reads records one after the other.
type Reader interface {
	// Next returns the next record; see the package's promises.
	Next() (*Record, error)
	// Header names the columns, in the order of Record.Fields. A JSON lines
	// reader learns names while it reads: its header may grow at the end, and
	// never changes otherwise. The slice must not be changed.
	Header() []string
}

// Reason says why a record cannot be read. The set is closed.
type Reason string

// The reasons.
const (
	LineTooLong    Reason = "line_too_long"    // longer than MaxRecord
	BadUTF8        Reason = "bad_utf8"         // bytes that are not UTF-8
	NULByte        Reason = "nul_byte"         // a zero byte
	BadQuote       Reason = "bad_quote"        // a quotation mark where none may be, or one never closed
	TooFewColumns  Reason = "too_few_columns"  // fewer fields than the header
	TooManyColumns Reason = "too_many_columns" // more fields than the header
	BadJSON        Reason = "bad_json"         // not one JSON object, or too deep, or a name twice
)

// Reasons lists the closed set.
func Reasons() []Reason {
	return []Reason{LineTooLong, BadUTF8, NULByte, BadQuote, TooFewColumns, TooManyColumns, BadJSON}
}

// RowError is a record that cannot be read. Reading goes on after it.
type RowError struct {
	Reason Reason
	Line   int
	Offset int64
	// Len is the length of what is set aside, without its line ending.
	Len int64
	// Fields is what could be made out of the record all the same, by a rough
	// split: enough to look for a readable address, never to be converted.
	// Its bytes are unchecked. For a line that is too long it is made from
	// the line's beginning. Valid until the next call of Next.
	Fields [][]byte
}

// Error says the reason and the place, never what the record holds.
func (e *RowError) Error() string {
	return fmt.Sprintf("line %d: %s (%d bytes at offset %d)", e.Line, e.Reason, e.Len, e.Offset)
}

// ErrNoHeader says that the input ended before a header line.
var ErrNoHeader = errors.New("no header line: the input is empty")

// source is a window over the input: buf[r:w] is read and not yet used.
type source struct {
	in     io.Reader
	buf    []byte
	r, w   int
	offset int64 // of buf[r] in the stream
	limit  int   // the largest window that fill may make
	err    error // what the input said last, given out when the window is used up
}

const (
	firstWindow = 128 << 10
	// headOfLongLine is how much of a line that is too long is looked at for
	// the fields of its RowError.
	headOfLongLine = 4 << 10
	emptyReads     = 100
)

func newSource(in io.Reader, maxRecord int) source {
	// Room for the largest record, its CRLF and a byte to know that it ended.
	limit := maxRecord + 3
	return source{in: in, buf: make([]byte, min(firstWindow, max(limit, 4096))), limit: max(limit, 4096)}
}

// fill reads more input behind buf[r:w]. It reports false when nothing more
// can come: the input ended or broke (s.err), or the window is at its limit.
func (s *source) fill() bool {
	if s.err != nil {
		return false
	}
	if s.w == len(s.buf) {
		switch {
		case s.r > 0:
			s.w = copy(s.buf, s.buf[s.r:s.w])
			s.r = 0
		case len(s.buf) < s.limit:
			grown := make([]byte, min(2*len(s.buf), s.limit))
			copy(grown, s.buf[:s.w])
			s.buf = grown
		default:
			return false
		}
	}
	for range emptyReads {
		n, err := s.in.Read(s.buf[s.w:])
		s.w += n
		if err != nil {
			s.err = err
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// use moves the window n bytes on.
func (s *source) use(n int) {
	s.r += n
	s.offset += int64(n)
}

// full reports that the window cannot grow any more.
func (s *source) full() bool { return s.w-s.r >= s.limit }

// skipMark moves behind a UTF-8 byte order mark.
func (s *source) skipMark() {
	for s.w-s.r < 3 && s.fill() {
	}
	if bytes.HasPrefix(s.buf[s.r:s.w], []byte("\xef\xbb\xbf")) {
		s.use(3)
	}
}

// findEnd fills the window until a line end is in it, and returns where: the
// index of the newline, or the window's length at the end of the input or at
// the window's limit.
func (s *source) findEnd() (int, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(s.buf[s.r+seen:s.w], '\n'); i >= 0 {
			return seen + i, nil
		}
		seen = s.w - s.r
		if s.fill() {
			continue
		}
		if s.full() || (seen > 0 && errors.Is(s.err, io.EOF)) {
			return seen, nil
		}
		return 0, s.err
	}
}

// skipLine moves behind the next newline, or to the end of the input, and
// returns the line's length without its ending.
func (s *source) skipLine() (length int64, ended bool) {
	var last byte
	for {
		window := s.buf[s.r:s.w]
		if i := bytes.IndexByte(window, '\n'); i >= 0 {
			if i > 0 {
				last = window[i-1]
			}
			length += int64(i)
			s.use(i + 1)
			if last == '\r' {
				length--
			}
			return length, true
		}
		if n := len(window); n > 0 {
			last = window[n-1]
			length += int64(n)
			s.use(n)
		}
		if !s.fill() {
			return length, false
		}
	}
}
