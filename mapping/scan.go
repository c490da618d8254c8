package mapping

import (
	"errors"
	"io"
	"net/netip"

	"almenara.example/idf"
	"almenara.example/rows"
)

// Scan reads a file through a plan: rows in, events and rejects out.
type Scan struct {
	plan   *Plan
	in     rows.Reader
	bound  *Bound
	fit    Fit
	seen   []bool // JSON lines: columns that have had a value
	row    Reject
	ips    []netip.Addr
	jsonIn bool
}

// Open starts reading a file of the plan's format. The error says what is
// wrong with the file as a whole: it is empty, or its header cannot be read.
// maxRecord is the largest record in bytes; 0 is package rows' default.
func (p *Plan) Open(in io.Reader, maxRecord int) (*Scan, error) {
	s := &Scan{plan: p}
	if p.Format == JSONLines {
		s.in = rows.NewJSONLines(in, rows.JSONOptions{Header: p.Names(), MaxRecord: maxRecord})
		s.jsonIn = true
	} else {
		r, err := rows.NewCSV(in, rows.CSVOptions{Delimiter: p.Delimiter, MaxRecord: maxRecord})
		if err != nil {
			return nil, err
		}
		s.in = r
	}
	s.bound, s.fit = p.Bind(s.in.Header())
	return s, nil
}

// Next reads the next row. It returns the record with ev filled, or a Reject
// with a nil record, or an error: io.EOF at the end, else the input's own.
// Record, event and reject are valid until the next call.
func (s *Scan) Next(ev *idf.Event) (*rows.Record, *Reject, error) {
	rec, err := s.in.Next()
	if err != nil {
		var bad *rows.RowError
		if !errors.As(err, &bad) {
			return nil, nil, err
		}
		ev.Reset()
		s.ips = s.bound.AppendReadableIPs(s.ips[:0], bad.Fields)
		s.row = Reject{Reason: bad.Reason, IP: s.bound.ReadableIP(bad.Fields), IPs: s.ips, Line: bad.Line, Offset: bad.Offset, Len: bad.Len}
		return nil, &s.row, nil
	}
	if s.jsonIn {
		s.learn(rec)
	}
	if reject := s.bound.Convert(rec, ev); reject != nil {
		s.row = *reject
		if s.ips = s.ips[:0]; reject.IP.IsValid() {
			s.ips = append(s.ips, reject.IP)
		}
		s.row.IPs = s.ips
		s.row.Line, s.row.Offset, s.row.Len = rec.Line, rec.Offset, int64(rec.Len)
		return nil, &s.row, nil
	}
	return rec, nil, nil
}

// learn keeps up with the names of a JSON lines file.
func (s *Scan) learn(rec *rows.Record) {
	if len(rec.Fields) > s.bound.header {
		s.bound, s.fit = s.plan.Bind(s.in.Header())
	}
	for len(s.seen) < len(rec.Fields) {
		s.seen = append(s.seen, false)
	}
	for i, f := range rec.Fields {
		if f != nil {
			s.seen[i] = true
		}
	}
}

// Header names the file's columns; it may grow with JSON lines.
func (s *Scan) Header() []string { return s.in.Header() }

// Fit says how the file's columns fit the plan. For JSON lines, which have no
// header, it is final only at the end of the file: a column is lost when no
// row had it.
func (s *Scan) Fit() Fit {
	if !s.jsonIn {
		return s.fit
	}
	var header []string
	for i, name := range s.in.Header() {
		if i < len(s.seen) && s.seen[i] {
			header = append(header, name)
		}
	}
	_, fit := s.plan.Bind(header)
	return fit
}

// AppendKey appends the key of the event just read: see [Bound.AppendKey].
func (s *Scan) AppendKey(dst []byte, ev *idf.Event) []byte { return s.bound.AppendKey(dst, ev) }

// Rerun converts one row of a file again, given the file's header, its
// delimiter and the row's bytes: a row that was set aside is tried with a newer
// plan. The reject is nil when the row is accepted now.
func (p *Plan) Rerun(header []string, delimiter byte, row io.Reader, ev *idf.Event) (*Scan, *Reject, error) {
	s := &Scan{plan: p}
	if p.Format == JSONLines {
		s.in = rows.NewJSONLines(row, rows.JSONOptions{Header: header})
		s.jsonIn = true
	} else {
		r, err := rows.NewCSV(row, rows.CSVOptions{Delimiter: delimiter, Header: header})
		if err != nil {
			return nil, nil, err
		}
		s.in = r
	}
	s.bound, s.fit = p.Bind(s.in.Header())
	_, reject, err := s.Next(ev)
	return s, reject, err
}

// Delimiter is the byte between fields of a CSV file; 0 for JSON lines.
func (s *Scan) Delimiter() byte {
	if c, ok := s.in.(*rows.CSV); ok {
		return c.Delimiter()
	}
	return 0
}
