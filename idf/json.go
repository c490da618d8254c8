package idf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendJSON appends the event as one JSON object with dotted keys, without a
// line end: the keys with typed places first, in the order of their names,
// then Values in their own order.
func (e *Event) AppendJSON(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, '{')
	for _, f := range typed() {
		mark := len(dst)
		dst = append(appendText(dst, f.String()), ':')
		from := len(dst)
		out, ok := e.AppendField(dst, f)
		switch {
		case !ok:
			dst = out[:mark]
			continue
		case f.kind() == KindNumber:
			dst = out
		default:
			text := string(out[from:])
			dst = appendText(out[:from], text)
		}
		dst = append(dst, ',')
	}
	for i := range e.Values {
		v := &e.Values[i]
		if v.Field == Extra {
			dst = appendText(dst, "extra."+v.Name)
		} else {
			dst = appendText(dst, v.Field.String())
		}
		dst = append(dst, ':')
		if v.Kind == KindText {
			dst = appendText(dst, v.Bytes)
		} else {
			dst = append(dst, v.Bytes...)
		}
		dst = append(dst, ',')
	}
	if len(dst) > start+1 {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}

// typed lists the fields with a place of their own, in the order of their names.
func typed() [13]Field {
	return [...]Field{
		ClassificationIdentifier, ClassificationTaxonomy, ClassificationType, ProtocolTransport,
		EventSeverity, SourceAccount, SourceASN, SourceFQDN, SourceGeolocationCC, SourceIP, SourcePort, SourceURL, TimeSource,
	}
}

// appendText appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendText[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c < ' ' || c == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

// Limits of DecodeJSON.
const (
	MaxJSON      = 1 << 20 // bytes of one event
	maxJSONDepth = 16
	maxJSONNames = 4096
)

// DecodeError says what is wrong with an event's JSON, and where.
type DecodeError struct {
	Line    int    // from 1: in the text of one event, or in the file of a [Reader]
	Field   string // the key at fault as it was written; empty when it is the event as a whole
	Problem string
	Example string // a value that would do; may be empty
}

// Error is one line for a person: place, what is wrong, what would do.
func (e *DecodeError) Error() string {
	text := e.Problem
	if e.Example != "" {
		text += " (an example: " + e.Example + ")"
	}
	if e.Line > 1 {
		return fmt.Sprintf("line %d: %s", e.Line, text)
	}
	return text
}

// DecodeJSON reads one event from its JSON object, with dotted keys, nested
// objects, or both, into e, which it resets first. It is strict: UTF-8 without NUL,
// no key twice (also not once dotted and once nested), every value of its field's
// type. Keys which the vocabulary lacks go below "extra."; null and empty text are as
// if they were not there; "__type", which IntelMQ's own messages have, must be
// Event. The error is a *DecodeError. On an error e holds what was read until
// then. It allocates: events in bulk come through package mapping.
func DecodeJSON(data []byte, e *Event) error {
	e.Reset()
	if len(data) > MaxJSON {
		return &DecodeError{Line: 1, Problem: fmt.Sprintf("the event has %d bytes, more than the %d that are read", len(data), MaxJSON)}
	}
	if !utf8.Valid(data) {
		return &DecodeError{Line: 1, Problem: "the event is not UTF-8"}
	}
	d := decoder{Decoder: json.NewDecoder(bytes.NewReader(data)), event: e, seen: map[string]bool{}}
	d.UseNumber()
	err := d.whole()
	var bad *DecodeError
	if err != nil && !errors.As(err, &bad) {
		bad = &DecodeError{Problem: err.Error()}
	}
	if bad == nil {
		return nil
	}
	at := min(d.InputOffset(), int64(len(data)))
	bad.Line = 1 + bytes.Count(data[:at], []byte{'\n'})
	return bad
}

type decoder struct {
	*json.Decoder
	event *Event
	seen  map[string]bool
}

// wrong is an error about a key.
func wrong(field, problem string, args ...any) error {
	return &DecodeError{Field: field, Problem: fmt.Sprintf(problem, args...)}
}

func (d *decoder) whole() error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return wrong("", "the event is not a JSON object")
	}
	if err := d.object("", 1); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return wrong("", "something follows the event's JSON object")
	}
	return nil
}

// object reads members until the object's end; its brace has been read.
func (d *decoder) object(prefix string, depth int) error {
	if depth > maxJSONDepth {
		return wrong(strings.TrimSuffix(prefix, "."), "objects are nested deeper than %d", maxJSONDepth)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return wrong("", "read the event's JSON: %v", err)
		}
		name, ok := t.(string)
		if !ok {
			return wrong("", "read the event's JSON: a name is missing")
		}
		if err := d.member(prefix+name, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func (d *decoder) member(name string, depth int) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return wrong(name, "read the value of %.80q: %v", name, err)
	}
	key := name // what the value is kept under: "x" and "extra.x" are one
	if f, known := FieldByName(name); !known && !strings.HasPrefix(name, "extra.") || f == Extra && raw[0] != '{' {
		key = "extra." + name
	}
	if d.seen[key] {
		return wrong(name, "the key %.80q comes twice", name)
	}
	if d.seen[key] = true; len(d.seen) > maxJSONNames {
		return wrong("", "the event has more than %d keys", maxJSONNames)
	}
	if raw[0] == '{' {
		inner := decoder{Decoder: json.NewDecoder(bytes.NewReader(raw)), event: d.event, seen: d.seen}
		if _, err := inner.Token(); err != nil {
			return wrong(name, "read the value of %.80q: %v", name, err)
		}
		return inner.object(name+".", depth+1)
	}
	if name == "__type" {
		if string(raw) != `"Event"` {
			return &DecodeError{Field: name, Problem: fmt.Sprintf("the message is not an event: its __type is %.60s", raw), Example: `"__type":"Event"`}
		}
		return nil
	}
	return d.set(name, raw)
}

func (d *decoder) set(name string, raw json.RawMessage) error {
	kind, text := KindJSON, []byte(raw)
	switch raw[0] {
	case 'n':
		return nil
	case 't', 'f':
		kind = KindBool
	case '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return wrong(name, "read the value of %.80q: %v", name, err)
		}
		if strings.ContainsRune(s, 0) {
			return wrong(name, "the value of %.80q holds a NUL character", name)
		}
		kind, text = KindText, []byte(s)
	case '[':
	default:
		kind = KindNumber
	}
	f, known := FieldByName(name)
	if !known || f == Extra {
		name = strings.TrimPrefix(name, "extra.")
		if kind == KindNumber {
			// Kept as written: the literal is valid JSON.
			d.event.Values = append(d.event.Values, Value{Field: Extra, Kind: kind, Name: name, Bytes: text})
			return nil
		}
		d.event.SetExtra(name, kind, text)
		return nil
	}
	if kind == KindNumber && f.kind() == KindNumber && bytes.ContainsAny(text, ".eE") && f.Type() != TypeFloat && f.Type() != TypeAccuracy {
		v, err := strconv.ParseFloat(string(text), 64)
		if err == nil && v == float64(int64(v)) {
			text = strconv.AppendInt(nil, int64(v), 10)
		}
	}
	if !d.event.Set(f, text) {
		return &DecodeError{Field: name, Problem: fmt.Sprintf("the value of %s is not valid: %.60q", name, text), Example: f.Example()}
	}
	return nil
}

// Example is a value which the field takes, for messages.
func (f Field) Example() string {
	switch f.Type() {
	case TypeIP:
		return "192.0.2.1"
	case TypeNetwork:
		return "192.0.2.0/24"
	case TypeTime:
		return "2026-01-31T23:59:59+00:00"
	case TypeFQDN:
		return "www.example.org"
	case TypeURL:
		return "https://www.example.org/"
	case TypeASN:
		return "64496"
	case TypePort:
		return "443"
	case TypeInt:
		return "1"
	case TypeFloat, TypeAccuracy:
		return "50.5"
	case TypeBool:
		return "true"
	case TypeCC:
		return "ES"
	case TypeSeverity:
		return "medium"
	case TypeTaxonomy:
		return "vulnerable"
	case TypeClassType:
		return "vulnerable-system"
	case TypeTLP:
		return "AMBER"
	case TypeTransport:
		return "tcp"
	case TypeRegistry:
		return "RIPE"
	default:
		return "text"
	}
}
