// Package casefile reads what incident response systems export: JSON whose records are
// cases or tickets. Packages rtir, thehive and iris say what is in a record.
//
// Words: a file is one JSON value or several, one after the other or one a line. A
// record is an object; it stands for itself, in an array, or in a list of an object
// that has a key for it, such as "items" of a page of results.
//
// Promises: the file is bounded ([MaxFile], [MaxRecords]); nothing is guessed, a value
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
	raw  []byte
}

// Into reads the record's keys into a struct; keys that it does not name are passed over.
func (r Record) Into(v any) error {
	err := json.Unmarshal(r.raw, v)
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

// Read reads a file. Lists are the keys under which an object holds records; an object
// that has none of them is a record itself.
func Read(in io.Reader, lists ...string) ([]Record, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the export: %w", err)
	}
	if len(text) > MaxFile {
		return nil, &Error{Line: 1, Problem: fmt.Sprintf("the file is larger than %d MiB", MaxFile>>20), Hint: "export in parts, by year"}
	}
	if text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")); !utf8.Valid(text) {
		return nil, &Error{Line: 1, Problem: "the file is not UTF-8 text"}
	}
	f := &file{text: text, lists: lists, line: 1}
	for at := 0; ; {
		end, err := f.value(at)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at = end
	}
	if len(f.out) == 0 {
		return nil, &Error{Line: 1, Problem: "holds no records"}
	}
	return f.out, nil
}

type file struct {
	text  []byte
	lists []string
	out   []Record
	line  int // of upTo
	upTo  int
}

// lineAt is the line of a place; places come in order.
func (f *file) lineAt(at int) int {
	if at > f.upTo {
		f.line += bytes.Count(f.text[f.upTo:at], []byte{'\n'})
		f.upTo = at
	}
	return f.line
}

// skip passes over some bytes.
func (f *file) skip(at int, over string) int {
	for at < len(f.text) && strings.IndexByte(over, f.text[at]) >= 0 {
		at++
	}
	return at
}

const blanks = " \t\r\n"

func (f *file) broken(at int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends within a value")
	}
	return &Error{Line: f.lineAt(min(at, len(f.text))), Problem: "is not JSON: " + err.Error()}
}

// value reads the value at a place of the file; io.EOF when there is none.
func (f *file) value(at int) (end int, err error) {
	if at = f.skip(at, blanks); at == len(f.text) {
		return at, io.EOF
	}
	switch f.text[at] {
	case '[':
		return f.array(at, "")
	case '{':
		return f.object(at)
	}
	return at, &Error{Line: f.lineAt(at), Problem: "is not an object", Hint: "an array of objects, or objects one a line"}
}

// array reads the elements of a list.
func (f *file) array(at int, list string) (int, error) {
	d := json.NewDecoder(bytes.NewReader(f.text[at:]))
	if _, err := d.Token(); err != nil {
		return at, f.broken(at, err)
	}
	for d.More() {
		from := f.skip(at+int(d.InputOffset()), blanks+",")
		if from < len(f.text) && f.text[from] != '{' {
			return at, &Error{Line: f.lineAt(from), Problem: "is not an object"}
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return at, f.broken(from, err)
		}
		if err := f.record(from, list, raw); err != nil {
			return at, err
		}
	}
	if _, err := d.Token(); err != nil {
		return at, f.broken(at+int(d.InputOffset()), err)
	}
	return at + int(d.InputOffset()), nil
}

// object reads an object that stands for itself, or holds lists.
func (f *file) object(at int) (int, error) {
	d := json.NewDecoder(bytes.NewReader(f.text[at:]))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return at, f.broken(at, err)
	}
	end := at + int(d.InputOffset())
	held, err := f.held(at, raw)
	if err == nil && !held {
		err = f.record(at, "", raw)
	}
	return end, err
}

// held reads the lists of an object, and tells whether it has any.
func (f *file) held(at int, raw []byte) (held bool, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return false, f.broken(at, err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return held, f.broken(at, err)
		}
		from := f.skip(at+int(d.InputOffset()), blanks+":")
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return held, f.broken(at, err)
		}
		name, _ := key.(string)
		if slices.Contains(f.lists, name) && v[0] == '[' {
			held = true
			if _, err := f.array(from, name); err != nil {
				return held, err
			}
		}
	}
	return held, nil
}

func (f *file) record(at int, list string, raw []byte) error {
	if len(f.out) == MaxRecords {
		return &Error{Line: f.lineAt(at), Problem: fmt.Sprintf("more than %d records", MaxRecords), Hint: "export in parts, by year"}
	}
	f.out = append(f.out, Record{f.lineAt(at), list, raw})
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
