package xarf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits.
const (
	MaxReport   = 8 << 20 // bytes of one report
	MaxEvidence = 5 << 20 // bytes of one piece of evidence, by the specification
	maxItems    = 50      // pieces of evidence, by the specification
	maxTags     = 20
	maxText     = 1000 // characters of the description
	maxDepth    = 32
)

// Contact is an organisation that reports or sends.
type Contact struct {
	Org     string `json:"org"`     // its name
	Contact string `json:"contact"` // a mail address
	Domain  string `json:"domain"`  // by which it can be checked
}

// Evidence is one piece of evidence.
type Evidence struct {
	ContentType string `json:"content_type"` // MIME
	Description string `json:"description,omitempty"`
	Payload     []byte `json:"payload"`        // Base64 in JSON
	Hash        string `json:"hash,omitempty"` // algorithm:hex
	Size        int64  `json:"size,omitempty"` // bytes
}

// Report is one report. Zero values of optional keys are not written.
type Report struct {
	Version          string // xarf_version; Version when empty
	ID               string // report_id, a UUID of version 4
	Time             time.Time
	Reporter, Sender Contact
	Source           string // source_identifier: address, domain or other
	SourcePort       int    // 1 to 65535; 0 is absent
	Category         Category
	Type             string
	EvidenceSource   string // how it is known
	Evidence         []Evidence
	Tags             []string // namespace:predicate
	Confidence       *float64 // from 0 to 1; nil is absent
	Description      string
	LegacyVersion    string // "3" when it was converted from that

	// Fields are the keys of the type, with their JSON.
	Fields map[string]json.RawMessage
}

// Set keeps a value of a type's own key.
func (r *Report) Set(name string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if r.Fields == nil {
		r.Fields = map[string]json.RawMessage{}
	}
	r.Fields[name] = b
	return nil
}

// core are the keys that are not in Fields.
func core() []string {
	return []string{
		"xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "source_port", "category", "type",
		"evidence_source", "evidence", "tags", "confidence", "description", "legacy_version", internal,
	}
}

const internal = "_internal"

// AppendJSON checks the report and appends it as one JSON object on one line,
// without a line end. The error is a *Error; dst is unchanged then.
func (r *Report) AppendJSON(dst []byte) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return dst, err
	}
	from := len(dst)
	dst = append(dst, '{')
	put := func(name string, value any) error {
		b, err := encode(value)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if len(dst) > from+1 {
			dst = append(dst, ',')
		}
		key, err := encode(name)
		dst = append(append(append(dst, key...), ':'), b...)
		return err
	}
	version := r.Version
	if version == "" {
		version = Version
	}
	errs := []error{
		put("xarf_version", version), put("report_id", r.ID), put("timestamp", r.Time.UTC().Format(time.RFC3339Nano)),
		put("reporter", r.Reporter), put("sender", r.Sender), put("source_identifier", r.Source),
	}
	if r.SourcePort != 0 {
		errs = append(errs, put("source_port", r.SourcePort))
	}
	errs = append(errs, put("category", r.Category), put("type", r.Type))
	if r.EvidenceSource != "" {
		errs = append(errs, put("evidence_source", r.EvidenceSource))
	}
	if len(r.Evidence) > 0 {
		errs = append(errs, put("evidence", r.Evidence))
	}
	if len(r.Tags) > 0 {
		errs = append(errs, put("tags", r.Tags))
	}
	if r.Confidence != nil {
		errs = append(errs, put("confidence", *r.Confidence))
	}
	if r.Description != "" {
		errs = append(errs, put("description", r.Description))
	}
	if r.LegacyVersion != "" {
		errs = append(errs, put("legacy_version", r.LegacyVersion))
	}
	for _, name := range r.names() {
		errs = append(errs, put(name, r.Fields[name]))
	}
	if err := errors.Join(errs...); err != nil {
		return dst[:from], err
	}
	return append(dst, '}'), nil
}

// names are the keys of Fields in order.
func (r *Report) names() []string {
	names := make([]string, 0, len(r.Fields))
	for name := range r.Fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// encode writes JSON without escaping what only HTML minds.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// Writer writes reports as JSON lines, for somebody who gets many.
type Writer struct {
	out io.Writer
	buf []byte
}

// NewWriter returns a writer.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write writes one report with its line end, in one call of the writer below.
func (w *Writer) Write(r *Report) error {
	b, err := r.AppendJSON(w.buf[:0])
	if err != nil {
		return err
	}
	w.buf = append(b, '\n')
	_, err = w.out.Write(w.buf)
	return err
}

// Parse reads and checks one report.
func Parse(data []byte) (*Report, error) {
	if len(data) > MaxReport {
		return nil, problem("", fmt.Sprintf("has %d bytes, more than the %d that are read", len(data), MaxReport))
	}
	if !utf8.Valid(data) {
		return nil, problem("", "is not UTF-8")
	}
	all, err := members(data)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	p := parser{all: all}
	var at string
	p.read("xarf_version", &r.Version)
	p.read("report_id", &r.ID)
	p.read("timestamp", &at)
	p.contact("reporter", &r.Reporter)
	p.contact("sender", &r.Sender)
	p.read("source_identifier", &r.Source)
	p.read("source_port", &r.SourcePort)
	p.read("category", &r.Category)
	p.read("type", &r.Type)
	p.read("evidence_source", &r.EvidenceSource)
	p.read("evidence", &r.Evidence)
	p.read("tags", &r.Tags)
	p.read("confidence", &r.Confidence)
	p.read("description", &r.Description)
	p.read("legacy_version", &r.LegacyVersion)
	if _, there := all["source_port"]; there && r.SourcePort == 0 {
		p.bad.add("source_port", "must be from 1 to 65535")
	}
	if r.Version == "" {
		p.bad.add("xarf_version", "is required")
	}
	if at != "" {
		if r.Time, err = time.Parse(time.RFC3339, at); err != nil {
			p.bad.add("timestamp", "is not a time such as 2026-01-31T23:59:59Z")
		}
	}
	for name, raw := range all {
		if !slices.Contains(core(), name) {
			if r.Fields == nil {
				r.Fields = map[string]json.RawMessage{}
			}
			r.Fields[name] = raw
		}
	}
	var more *Error
	if err := r.Validate(); errors.As(err, &more) {
		for _, q := range more.Problems {
			if !slices.ContainsFunc(p.bad.Problems, func(have Problem) bool { return have.Key == q.Key }) {
				p.bad.Problems = append(p.bad.Problems, q)
			}
		}
	}
	return r, p.bad.orNil()
}

type parser struct {
	all map[string]json.RawMessage
	bad Error
}

func (p *parser) read(name string, into any) {
	raw, ok := p.all[name]
	if !ok {
		return
	}
	if bytes.Equal(raw, []byte("null")) {
		p.bad.add(name, "is null")
		return
	}
	if err := json.Unmarshal(raw, into); err != nil {
		p.bad.add(name, "is not of its type")
	}
}

// contact reads a contact, which has three keys and no other.
func (p *parser) contact(name string, into *Contact) {
	p.read(name, into)
	var keys map[string]json.RawMessage
	if json.Unmarshal(p.all[name], &keys) != nil {
		return
	}
	for key := range keys {
		if key != "org" && key != "contact" && key != "domain" {
			p.bad.add(name+"."+key, "is not a key of a contact")
		}
	}
}

// members reads an object's members; a name twice, at any depth, is refused.
func members(data []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := walk(d, "", 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, problem("", "something follows the object")
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil || all == nil {
		return nil, problem("", "is not a JSON object")
	}
	return all, nil
}

// walk reads one value.
func walk(d *json.Decoder, path string, depth int) error {
	t, err := d.Token()
	if err != nil {
		return problem(path, "is not JSON")
	}
	if depth > maxDepth {
		return problem(path, "is nested too deep")
	}
	switch t {
	case json.Delim('['):
		for d.More() {
			if err := walk(d, path, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			t, err := d.Token()
			name, ok := t.(string)
			if err != nil || !ok {
				return problem(path, "is not JSON")
			}
			if seen[name] {
				return problem(path+name, "comes twice")
			}
			seen[name] = true
			if err := walk(d, path+name+".", depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	if err != nil {
		return problem(strings.TrimSuffix(path, "."), "is not JSON")
	}
	return nil
}
