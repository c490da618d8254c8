package rows

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"
)

// JSONOptions tells how to read JSON lines.
type JSONOptions struct {
	// Header names columns that are known before the first record is read;
	// others are added behind them as they are met.
	Header []string
	// MaxRecord is the largest line in bytes; 0 is DefaultMaxRecord.
	MaxRecord int
}

// JSONLines reads one JSON object (RFC 8259) per line. Nested objects are
// flattened: {"a":{"b":1}} has the name "a.b". A string is its text, a number
// and a boolean their literal, an array its JSON text; null, an empty object
// and an empty name are as if they were not there. A name that comes twice,
// also after flattening, makes the record bad_json: no reader would agree on
// what it says.
type JSONLines struct {
	src       source
	maxRecord int
	header    []string
	index     map[string]int
	seen      []uint64 // per column: the number of the last record that had it
	number    uint64
	guess     int // the column that comes next when names keep their order
	line      int
	rec       Record
	fields    [][]byte
	p         jsonParser
}

// NewJSONLines makes a reader. An input that is empty or broken shows at the
// first record.
func NewJSONLines(in io.Reader, o JSONOptions) *JSONLines {
	if o.MaxRecord <= 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	j := &JSONLines{src: newSource(in, o.MaxRecord), maxRecord: o.MaxRecord, index: map[string]int{}, line: 1}
	for _, name := range o.Header {
		if _, ok := j.index[name]; !ok && name != "" {
			j.add(name)
		}
	}
	j.src.skipMark()
	return j
}

// Header names the columns known so far; it grows at its end.
func (j *JSONLines) Header() []string { return j.header }

// Next returns the next record.
func (j *JSONLines) Next() (*Record, error) {
	for {
		s := &j.src
		end, err := s.findEnd()
		if err != nil {
			return nil, err
		}
		line, used := s.buf[s.r:s.r+end], min(end+1, s.w-s.r)
		line = bytes.TrimSuffix(line, []byte{'\r'})
		j.rec.Offset, j.rec.Line, j.rec.Len = s.offset, j.line, len(line)
		if len(line) > j.maxRecord {
			return nil, j.tooLong()
		}
		s.use(used)
		j.line++
		if len(bytes.TrimLeft(line, " \t")) == 0 {
			continue
		}
		if reason := j.read(line); reason != "" {
			return nil, &RowError{Reason: reason, Line: j.rec.Line, Offset: j.rec.Offset, Len: int64(len(line)), Fields: j.fields}
		}
		j.rec.Fields = j.fields
		return &j.rec, nil
	}
}

func (j *JSONLines) tooLong() error {
	length, ended := j.src.skipLine()
	if ended {
		j.line++
	}
	return &RowError{Reason: LineTooLong, Line: j.rec.Line, Offset: j.rec.Offset, Len: length}
}

// read fills j.fields from one object. After a failure j.fields holds what
// had been read until then.
func (j *JSONLines) read(line []byte) Reason {
	j.number++
	j.guess = 0
	j.fields = slices.Grow(j.fields[:0], len(j.header))[:len(j.header)]
	clear(j.fields)
	switch {
	case bytes.IndexByte(line, 0) >= 0:
		return NULByte
	case !utf8.Valid(line):
		return BadUTF8
	}
	j.p = jsonParser{s: line, scratch: j.p.scratch[:0], path: j.p.path[:0]}
	reason := j.object(1)
	if reason == "" && len(j.p.blank()) > 0 {
		return BadJSON
	}
	return reason
}

// maxDepth bounds how deep objects and arrays may be nested.
const maxDepth = 16

// object reads one object, its members' names behind the current path.
func (j *JSONLines) object(depth int) Reason {
	p := &j.p
	if depth > maxDepth || !p.take('{') {
		return BadJSON
	}
	if p.take('}') {
		return ""
	}
	for {
		if reason := j.member(depth); reason != "" {
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

func (j *JSONLines) member(depth int) Reason {
	p := &j.p
	name, reason := p.string()
	if reason != "" {
		return reason
	}
	if !p.take(':') {
		return BadJSON
	}
	from := len(p.path)
	if from > 0 {
		p.path = append(p.path, '.')
	}
	p.path = append(p.path, name...)
	defer func() { p.path = p.path[:from] }()
	if rest := p.blank(); len(rest) > 0 && rest[0] == '{' {
		return j.object(depth + 1)
	}
	value, reason := p.value(depth + 1)
	if reason != "" || value == nil || len(p.path) == 0 {
		return reason
	}
	return j.set(p.path, value)
}

// set stores a value under a flattened name.
func (j *JSONLines) set(name, value []byte) Reason {
	column := j.guess
	if column >= len(j.header) || j.header[column] != string(name) {
		known, ok := j.index[string(name)]
		if !ok {
			if len(j.header) >= maxColumns {
				return TooManyColumns
			}
			known = j.add(string(name))
			j.fields = append(j.fields, nil)
		}
		column = known
	}
	if j.seen[column] == j.number {
		return BadJSON
	}
	j.seen[column] = j.number
	j.fields[column] = value
	j.guess = column + 1
	return ""
}

func (j *JSONLines) add(name string) int {
	column := len(j.header)
	j.header = append(j.header, name)
	j.seen = append(j.seen, 0)
	j.index[name] = column
	return column
}
