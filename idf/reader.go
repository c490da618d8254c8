package idf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Reader reads events from JSON lines: one JSON object per line, as [DecodeJSON]
// reads it. Blank lines are passed over. It keeps one line in memory, of at most
// MaxJSON bytes.
type Reader struct {
	in   *bufio.Reader
	line int
	buf  []byte
	err  error // final
}

// NewReader returns a reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(in, 64<<10)} }

// Next reads the next event into e, which it resets. After a *DecodeError, which
// names line and key, reading goes on with the following line; io.EOF is the end; any
// other error is the input's and final. What e holds is valid until the next call.
func (r *Reader) Next(e *Event) error {
	for r.err == nil {
		line, tooLong, err := r.readLine()
		if err != nil {
			r.err = err
			if !errors.Is(err, io.EOF) || len(line) == 0 && !tooLong {
				break
			}
		}
		r.line++
		if r.line == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if tooLong {
			e.Reset()
			return &DecodeError{Line: r.line, Problem: fmt.Sprintf("the line has more than the %d bytes that are read", MaxJSON)}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		err = DecodeJSON(line, e)
		var bad *DecodeError
		if errors.As(err, &bad) {
			bad.Line = r.line
		}
		return err
	}
	e.Reset()
	return r.err
}

// Line is the number of the line that Next read last, from 1.
func (r *Reader) Line() int { return r.line }

// readLine reads up to a line's end; a line that is too long is read to its end and
// not kept.
func (r *Reader) readLine() (line []byte, tooLong bool, err error) {
	r.buf = r.buf[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.buf)+len(part) > MaxJSON+1 {
			tooLong = true
		}
		if !tooLong {
			r.buf = append(r.buf, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(r.buf, "\r\n"), tooLong, err
		}
	}
}
