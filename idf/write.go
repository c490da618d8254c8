package idf

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
)

// AppendCanonicalJSON appends the event as one JSON object with dotted keys in the
// order of their bytes, each once, without a line end: two events that say the same
// have the same bytes. Of a key that was set twice the later value stands.
func (e *Event) AppendCanonicalJSON(dst []byte) []byte {
	type member struct {
		name string
		at   int
		json []byte
	}
	var all []member
	put := func(name string, value []byte) {
		all = append(all, member{name, len(all), value})
	}
	for _, f := range typed() {
		out, ok := e.AppendField(nil, f)
		switch {
		case !ok:
		case f.kind() == KindNumber:
			put(f.String(), out)
		default:
			put(f.String(), appendText(nil, out))
		}
	}
	for i := range e.Values {
		v := &e.Values[i]
		value := v.Bytes
		if v.Kind == KindText {
			value = appendText(nil, v.Bytes)
		}
		name := v.Field.String()
		if v.Field == Extra {
			name = "extra." + v.Name
		}
		put(name, value)
	}
	slices.SortFunc(all, func(a, b member) int {
		return cmp.Or(strings.Compare(a.name, b.name), a.at-b.at)
	})
	dst = append(dst, '{')
	first := true
	for i, m := range all {
		if i+1 < len(all) && all[i+1].name == m.name {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(appendText(dst, m.name), ':'), m.json...)
	}
	return append(dst, '}')
}

// CSVColumns are the columns of [NewCSVWriter] when none are named: what somebody
// who runs a network needs to find the machine and know what is wrong with it.
func CSVColumns() []string {
	return []string{
		"time.source", "source.ip", "source.port", "protocol.transport", "protocol.application", "source.asn", "source.network",
		"source.fqdn", "source.reverse_dns", "source.url", "source.geolocation.cc", "classification.taxonomy", "classification.type",
		"classification.identifier", "severity", "malware.name", "product.vendor", "product.name", "product.version",
		"product.vulnerabilities", "destination.ip", "destination.port", "destination.fqdn", "feed.provider", "feed.name",
		"event_description.text",
	}
}

// CSVWriter writes events as CSV (RFC 4180 with CRLF) with fixed columns. What a
// spreadsheet would compute is kept from it: a text cell that begins with = + - @, a
// tab or a carriage return gets an apostrophe in front (CWE-1236).
type CSVWriter struct {
	out     *csv.Writer
	columns []string
	fields  []Field // FieldNone for those below "extra."
	row     []string
	buf     []byte
	headed  bool
}

// NewCSVWriter returns a writer with these columns, each the dotted name of a field
// or a name below "extra."; without any, with [CSVColumns]. An unknown or repeated
// column is an error.
func NewCSVWriter(out io.Writer, columns ...string) (*CSVWriter, error) {
	if len(columns) == 0 {
		columns = CSVColumns()
	}
	w := &CSVWriter{out: csv.NewWriter(out), columns: slices.Clone(columns), row: make([]string, len(columns))}
	w.out.UseCRLF = true
	for i, name := range columns {
		f, ok := FieldByName(name)
		if rest, extra := strings.CutPrefix(name, "extra."); extra && rest != "" {
			f, ok = FieldNone, true
		}
		if !ok || f == Extra || slices.Contains(columns[:i], name) {
			return nil, fmt.Errorf("column %q is unknown or comes twice; columns are names such as source.ip or extra.tag", name)
		}
		w.fields = append(w.fields, f)
	}
	return w, nil
}

// Write writes one event; the header goes before the first.
func (w *CSVWriter) Write(e *Event) error {
	if err := w.head(); err != nil {
		return err
	}
	for i, f := range w.fields {
		if f == FieldNone {
			w.buf = append(w.buf[:0], e.Extra(strings.TrimPrefix(w.columns[i], "extra."))...)
		} else {
			w.buf, _ = e.AppendField(w.buf[:0], f)
		}
		w.row[i] = string(w.buf)
		if f.kind() != KindNumber || f == FieldNone {
			w.row[i] = GuardCell(w.row[i])
		}
	}
	return w.out.Write(w.row)
}

// Flush writes what is buffered, and the header when there was no event.
func (w *CSVWriter) Flush() error {
	if err := w.head(); err != nil {
		return err
	}
	w.out.Flush()
	return w.out.Error()
}

func (w *CSVWriter) head() error {
	if w.headed {
		return nil
	}
	w.headed = true
	return w.out.Write(w.columns)
}

// GuardCell puts an apostrophe before a text that a spreadsheet would compute.
func GuardCell(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
		return "'" + s
	}
	return s
}
