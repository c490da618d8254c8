package rows

import "bytes"

// openQuote is split's private answer: the line ended inside quotation marks.
const openQuote Reason = "open_quote"

// split cuts a record into c.fields. The fields point into the record, those
// with doubled quotation marks into c.scratch.
func (c *CSV) split(record []byte) Reason {
	c.fields = c.fields[:0]
	if bytes.IndexByte(record, '"') < 0 {
		c.splitPlain(record)
		return ""
	}
	return c.splitQuoted(record)
}

func (c *CSV) splitPlain(record []byte) {
	fields, delimiter := c.fields, c.delimiter
	for {
		i := bytes.IndexByte(record, delimiter)
		if i < 0 {
			c.fields = append(fields, record)
			return
		}
		fields = append(fields, record[:i:i])
		record = record[i+1:]
	}
}

func (c *CSV) splitQuoted(record []byte) Reason {
	c.scratch = c.scratch[:0]
	fields, delimiter := c.fields, c.delimiter
	defer func() { c.fields = fields }()
	for {
		if len(record) > 0 && record[0] == '"' {
			field, rest, reason := c.quoted(record[1:])
			if reason != "" {
				return reason
			}
			fields = append(fields, field)
			if len(rest) == 0 {
				return ""
			}
			if rest[0] != delimiter {
				return BadQuote
			}
			record = rest[1:]
			continue
		}
		i := bytes.IndexByte(record, delimiter)
		field := record
		if i >= 0 {
			field = record[:i:i]
		}
		if bytes.IndexByte(field, '"') >= 0 {
			return BadQuote
		}
		fields = append(fields, field)
		if i < 0 {
			return ""
		}
		record = record[i+1:]
	}
}

// quoted reads a quoted field whose opening mark has been read, and returns
// what follows its closing mark.
func (c *CSV) quoted(s []byte) (field, rest []byte, reason Reason) {
	i := bytes.IndexByte(s, '"')
	if i < 0 {
		return nil, nil, openQuote
	}
	if i+1 == len(s) || s[i+1] != '"' {
		return s[:i:i], s[i+1:], ""
	}
	from := len(c.scratch)
	for {
		c.scratch = append(c.scratch, s[:i]...)
		s = s[i+1:]
		if len(s) == 0 || s[0] != '"' {
			return c.scratch[from:len(c.scratch):len(c.scratch)], s, ""
		}
		c.scratch = append(c.scratch, '"')
		s = s[1:]
		if i = bytes.IndexByte(s, '"'); i < 0 {
			return nil, nil, openQuote
		}
	}
}

// joinLines reads a record whose first line ended inside quotation marks: it
// takes line after line until the record splits. What it returns counts only
// when the reason is empty; otherwise the first line is to be set aside alone.
func (c *CSV) joinLines(want int) (record []byte, used, lines int, reason Reason) {
	s := &c.src
	quotes, from := 0, 0
	for {
		// Find the next line end that has an even number of marks before it:
		// only there can the record end. Marks are counted once.
		window := s.buf[s.r:s.w]
		i := bytes.IndexByte(window[from:], '\n')
		end := from + i
		if i < 0 {
			if !s.full() && s.fill() {
				continue
			}
			if s.err == nil || from == len(window) {
				return nil, 0, 0, BadQuote
			}
			end = len(window)
		}
		quotes += bytes.Count(window[from:end], []byte{'"'})
		lines++
		from = min(end+1, len(window))
		if end > c.maxRecord {
			return nil, 0, 0, BadQuote
		}
		if quotes%2 == 0 {
			record = window[:end]
			if end > 0 && record[end-1] == '\r' {
				record = record[:end-1]
			}
			if c.split(record) != "" || (want >= 0 && len(c.fields) != want) {
				return nil, 0, 0, BadQuote
			}
			return record, from, lines, ""
		}
		if i < 0 {
			return nil, 0, 0, BadQuote
		}
	}
}

// firstLine is the line at the window's start, without its ending, and how
// many bytes it takes with it.
func (c *CSV) firstLine() (line []byte, used int) {
	window := c.src.buf[c.src.r:c.src.w]
	line, used = window, len(window)
	if i := bytes.IndexByte(window, '\n'); i >= 0 {
		line, used = window[:i], i+1
	}
	return bytes.TrimSuffix(line, []byte{'\r'}), used
}

// splitBackslash is the second chance of a line whose quotation marks do not
// fit: some writers put a backslash before a mark inside quotation marks
// instead of doubling it. The line is accepted when it then has exactly the
// header's columns.
func (c *CSV) splitBackslash(record []byte, want int) bool {
	if want < 0 || !bytes.Contains(record, []byte(`\"`)) {
		return false
	}
	c.fields, c.scratch = c.fields[:0], c.scratch[:0]
	for {
		if len(record) == 0 || record[0] != '"' {
			i := bytes.IndexByte(record, c.delimiter)
			field := record
			if i >= 0 {
				field = record[:i:i]
			}
			if bytes.IndexByte(field, '"') >= 0 {
				return false
			}
			c.fields = append(c.fields, field)
			if i < 0 {
				return len(c.fields) == want
			}
			record = record[i+1:]
			continue
		}
		from, end := len(c.scratch), 1
		for end < len(record) && record[end] != '"' {
			if record[end] == '\\' && end+1 < len(record) && record[end+1] == '"' {
				end++
			}
			c.scratch = append(c.scratch, record[end])
			end++
		}
		if end == len(record) {
			return false
		}
		c.fields = append(c.fields, c.scratch[from:len(c.scratch):len(c.scratch)])
		record = record[end+1:]
		if len(record) == 0 {
			return len(c.fields) == want
		}
		if record[0] != c.delimiter {
			return false
		}
		record = record[1:]
	}
}
