// Package casefile reads what incident response systems export: JSON whose records are
// cases or tickets. Packages rtir, thehive and iris say what is in a record.
//
// Words: a file is one JSON value or several, one after the other or one a line. A
// record is an object; it stands for itself, in an array, or in a list of an object
// that has a key for it, such as "items" of a page of results.
//
// Promises: the file is bounded ([MaxFile], [MaxRecords]), and so is what of it is in memory:
// where its records are, and one of them ([MaxRecord]) at a time. Nothing is guessed, a value
// of a wrong type is an *[Error] with the line where its record begins, the key and what
// would do. [Text] and [Time] take the spellings in which exports write the same thing.
//
// Not here: what a record means.
//
// Source: RFC 8259.
package casefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a file.
const (
	MaxFile    = 128 << 20 // bytes
	MaxRecords = 200_000
	MaxRecord  = 64 << 20 // bytes of one
)

// Error says what is wrong with a file, and where.
type Error struct {
	Line    int // where the record begins
	Key     string
	Problem string
	Hint    string
}

// Error is one line for a person.
func (e *Error) Error() string {
	text := fmt.Sprintf("line %d: ", e.Line)
	if e.Key != "" {
		text += e.Key + ": "
	}
	text += e.Problem
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Record is one object of a file.
type Record struct {
	Line int
	List string // the key of the list that it stands in; empty: none
	at   int64
	size int64
	src  io.ReaderAt
}

// Size is how many bytes it has.
func (r Record) Size() int64 { return r.size }

// Into reads the record's keys into a struct; keys that it does not name are passed over.
func (r Record) Into(v any) error {
	raw := make([]byte, r.size)
	if _, err := r.src.ReadAt(raw, r.at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read line %d of the export: %w", r.Line, err)
	}
	err := json.Unmarshal(raw, v)
	var wrong *json.UnmarshalTypeError
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return &Error{Line: r.Line, Key: wrong.Field, Problem: "is not what it should be: a " + wrong.Value}
	case errors.As(err, &own):
		return &Error{Line: r.Line, Problem: own.Problem, Hint: own.Hint}
	}
	return &Error{Line: r.Line, Problem: "is not JSON: " + err.Error()}
}

// Read finds the records of a file. Lists are the keys of objects whose arrays hold
// records. The file must stay as it is while its records are read.
func Read(in io.ReaderAt, lists ...string) ([]Record, error) {
	f := &file{src: in, lists: lists, line: 1}
	mark := make([]byte, 3)
	if n, _ := in.ReadAt(mark, 0); string(mark[:n]) == "\xef\xbb\xbf" {
		f.base = 3
	}
	f.in = &window{src: in, at: f.base}
	f.json = json.NewDecoder(f.in)
	for {
		err := f.value()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if len(f.out) == 0 {
		return nil, &Error{Line: 1, Problem: "holds no records"}
	}
	return f.out, nil
}

// errLarge is that a value does not end within MaxRecord.
var errLarge = fmt.Errorf("is larger than %d MiB", MaxRecord>>20)

// window reads a file for a decoder, never so far ahead that more than one record is in
// memory.
type window struct {
	src   io.ReaderAt
	at    int64
	until int64
	rest  []byte // the beginning of a letter that goes on
}

// Read implements io.Reader.
func (w *window) Read(p []byte) (int, error) {
	if w.at >= w.until {
		return 0, errLarge
	}
	n, err := w.src.ReadAt(p[:min(int64(len(p)), w.until-w.at)], w.at)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	w.at += int64(n)
	switch {
	case w.at > MaxFile:
		return 0, &Error{Line: 1, Problem: fmt.Sprintf("the file is larger than %d MiB", MaxFile>>20), Hint: "export in parts, by year"}
	case !w.text(p[:n]) || errors.Is(err, io.EOF) && len(w.rest) > 0:
		return 0, &Error{Line: 1, Problem: "the file is not UTF-8 text"}
	}
	return n, err
}

// text tells whether what comes next is UTF-8.
func (w *window) text(b []byte) bool {
	for len(w.rest) > 0 && len(b) > 0 && !utf8.FullRune(w.rest) {
		w.rest, b = append(w.rest, b[0]), b[1:]
	}
	if utf8.FullRune(w.rest) {
		if !utf8.Valid(w.rest) {
			return false
		}
		w.rest = w.rest[:0]
	}
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				w.rest, b = append(w.rest, last...), b[:len(b)-n]
			}
			break
		}
	}
	return utf8.Valid(b)
}

type file struct {
	src   io.ReaderAt
	base  int64 // where the text begins
	in    *window
	json  *json.Decoder
	raw   json.RawMessage // used again for each value
	lists []string
	out   []Record
	line  int // of upTo
	upTo  int64
}

// here is behind what was read; what comes next may be as large as a record.
func (f *file) here() int64 {
	at := f.base + f.json.InputOffset()
	f.in.until = at + MaxRecord + 1
	return at
}

// lineAt is the line of a place; places are asked for in their order.
func (f *file) lineAt(at int64) int {
	buf := make([]byte, 32<<10)
	for f.upTo < at {
		n, err := f.src.ReadAt(buf[:min(int64(len(buf)), at-f.upTo)], f.upTo)
		f.line += bytes.Count(buf[:n], []byte{'\n'})
		if f.upTo += int64(n); err != nil {
			break
		}
	}
	return f.line
}

// skip is behind what stands between values.
func (f *file) skip(at int64) int64 {
	one := make([]byte, 1)
	for {
		if n, _ := f.src.ReadAt(one, at); n == 0 || strings.IndexByte(" \t\r\n,", one[0]) < 0 {
			return at
		}
		at++
	}
}

// broken says what is wrong with the value at a place.
func (f *file) broken(at int64, err error) error {
	var syntax *json.SyntaxError
	var own *Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, errLarge):
		return &Error{Line: f.lineAt(at), Problem: err.Error(), Hint: "leave its largest attachments out"}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the file ends within a value")
	case !errors.As(err, &syntax):
		return fmt.Errorf("read the export: %w", err)
	}
	return &Error{Line: f.lineAt(at), Problem: "is not JSON: " + err.Error()}
}

// value reads one value of the file; io.EOF when there is none.
func (f *file) value() error {
	before := f.here()
	token, err := f.json.Token()
	at := f.here() - 1
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return f.broken(f.skip(before), err)
	case token == json.Delim('['):
		return f.array("")
	case token == json.Delim('{'):
		return f.object(at)
	}
	return &Error{Line: f.lineAt(at), Problem: "is not an object", Hint: "an array of objects, or objects one a line"}
}

// array reads the rest of an array of records.
func (f *file) array(list string) error {
	for before := f.here(); f.json.More(); before = f.here() {
		if err := f.json.Decode(&f.raw); err != nil {
			return f.broken(f.skip(before), err)
		}
		at := f.here() - int64(len(f.raw))
		if f.raw[0] != '{' {
			return &Error{Line: f.lineAt(at), Problem: "is not an object"}
		}
		if err := f.record(at, list, int64(len(f.raw))); err != nil {
			return err
		}
	}
	if _, err := f.json.Token(); err != nil {
		return f.broken(f.here(), err)
	}
	return nil
}

// object reads the rest of an object, which holds lists of records or is one.
func (f *file) object(at int64) error {
	held := false
	for f.here(); f.json.More(); f.here() {
		key, err := f.json.Token()
		if err != nil {
			return f.broken(at, err)
		}
		f.here()
		name, _ := key.(string)
		if !slices.Contains(f.lists, name) {
			if err := f.json.Decode(&f.raw); err != nil {
				return f.broken(at, err)
			}
			continue
		}
		is, err := f.list(at, name)
		if err != nil {
			return err
		}
		held = held || is
	}
	if _, err := f.json.Token(); err != nil {
		return f.broken(at, err)
	}
	if held {
		return nil
	}
	size := f.here() - at
	if size > MaxRecord {
		return f.broken(at, errLarge)
	}
	return f.record(at, "", size)
}

// list reads the value of a key that may hold records, and tells whether it does.
func (f *file) list(at int64, name string) (is bool, err error) {
	token, err := f.json.Token()
	if err != nil {
		return false, f.broken(at, err)
	}
	if token == json.Delim('[') {
		return true, f.array(name)
	}
	if token != json.Delim('{') {
		return false, nil
	}
	for f.here(); f.json.More(); f.here() { // an object of that name holds none
		if _, err := f.json.Token(); err != nil {
			return false, f.broken(at, err)
		}
		f.here()
		if err := f.json.Decode(&f.raw); err != nil {
			return false, f.broken(at, err)
		}
	}
	if _, err := f.json.Token(); err != nil {
		return false, f.broken(at, err)
	}
	return false, nil
}

func (f *file) record(at int64, list string, size int64) error {
	if len(f.out) == MaxRecords {
		return &Error{Line: f.lineAt(at), Problem: fmt.Sprintf("more than %d records", MaxRecords), Hint: "export in parts, by year"}
	}
	f.out = append(f.out, Record{f.lineAt(at), list, at, size, f.src})
	return nil
}

// Text is a string, number or boolean as text; null is empty.
type Text string

// UnmarshalJSON reads one.
func (t *Text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = Text(strings.TrimSpace(s))
	case b[0] == '{' || b[0] == '[':
		return &Error{Problem: "a list or object stands where a text should: " + clip(b), Hint: `"name": "…"`}
	default:
		*t = Text(b)
	}
	return nil
}

// Time is milliseconds since 1970 as a number, or a date as text; null, empty and times
// before 1971, which systems write for "never", are the zero time. A text without a zone
// is UTC.
type Time struct{ time.Time }

// UnmarshalJSON reads one.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s Text
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	t.Time = time.Time{}
	if s == "" {
		return nil
	}
	if ms, err := strconv.ParseFloat(string(s), 64); err == nil {
		if math.Abs(ms) > 253402300799000 { // the end of year 9999
			return &Error{Problem: "is no time: " + clip(b), Hint: "milliseconds since 1970"}
		}
		t.keep(time.UnixMilli(int64(ms)))
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.RFC1123, "2006-01-02"} {
		if at, err := time.Parse(layout, string(s)); err == nil {
			t.keep(at)
			return nil
		}
	}
	return &Error{Problem: "is no time: " + clip(b), Hint: "2026-11-21T03:10:00Z"}
}

func (t *Time) keep(at time.Time) {
	if at.Year() > 1970 {
		t.Time = at.UTC()
	}
}

// clip cuts what is shown of a value.
func clip(b []byte) string {
	if r := []rune(string(b)); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return string(b)
}
