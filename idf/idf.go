// Package idf holds events in the IntelMQ data format (IDF, as of IntelMQ
// 3.5): one observation of one thing on the internet, with dotted keys such as
// source.ip, classification.type and extra.http_code.
//
// Words: a [Field] is a key of the format's vocabulary; keys below "extra."
// are free. An [Event] is made for a loop over millions of rows: the keys
// which findings and look-ups need have typed places of their own, everything
// else is in a list of [Value]s. A value is canonical: names of domains are in
// lower case without a final dot, addresses in their shortest form, countries
// in upper case, times in UTC, whatever the source wrote.
//
// Promises:
//
//   - an event holds valid values only: [Event.Set] refuses the rest and
//     changes nothing;
//   - setting, resetting and reading an event allocates nothing once its
//     buffers have grown (rare forms of times, international domain names and
//     odd numbers excepted);
//   - slices in an event point into what was given to Set or into the event's
//     own buffer: both are valid until [Event.Reset] and as long as the
//     source's bytes are; whoever keeps one copies it;
//   - [Event.AppendJSON] writes one line of the format's JSON, and
//     [DecodeJSON] reads it back equal.
//
// Not here: which column of a feed becomes which field (package mapping), who
// an address belongs to, and whether an event is complete enough to be used.
//
// Sources: the key list of IntelMQ's harmonisation as documented for its
// users, the reference taxonomy of package rsit, RFC 1035, RFC 3339, RFC 5952.
package idf

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Kind is how a value is written in JSON.
type Kind uint8

// The kinds.
const (
	KindText   Kind = iota // a string
	KindNumber             // a number, Bytes is its JSON literal
	KindBool               // true or false
	KindJSON               // Bytes is JSON itself
)

// Value is one value of an event that has no typed place.
type Value struct {
	Field Field
	Kind  Kind
	Name  string // for Field Extra: the name behind "extra."
	Bytes []byte
}

// Event is one event. The zero value is empty and ready.
type Event struct {
	Time      int64      // time.source, UTC microseconds since 1970; 0 when absent
	IP        netip.Addr // source.ip; the zero Addr when absent
	Port      uint16     // source.port, when HasPort
	HasPort   bool
	CC        [2]byte // source.geolocation.cc; zero bytes when absent
	Severity  Severity
	ASN       uint32 // source.asn; 0 when absent
	Transport []byte // protocol.transport, lower case
	FQDN      []byte // source.fqdn
	URL       []byte // source.url
	Account   []byte // source.account

	Class, Type, Identifier []byte // classification.taxonomy, .type, .identifier

	// Values is everything else that was set, in the order of setting.
	Values []Value

	buf scratch
}

// Reset empties the event and keeps its buffers.
func (e *Event) Reset() {
	*e = Event{Values: e.Values[:0], buf: e.buf[:0]}
}

// Set checks b as a value of field f and keeps it in canonical form. Empty
// text sets nothing. It reports false, and changes nothing, when b is not a
// value of the field. A field that is set twice keeps the later value where it
// has a typed place, and both in Values elsewhere. Extra cannot be set here:
// see [Event.SetExtra].
func (e *Event) Set(f Field, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	switch f {
	case FieldNone, Extra:
		return false
	case TimeSource:
		t, ok := ParseTime(b)
		if ok {
			e.Time = t
		}
		return ok
	case SourceIP:
		a, ok := ParseIP(b)
		if ok {
			e.IP = a
		}
		return ok
	case SourcePort:
		p, ok := ParseUint(b, 65535)
		if ok {
			e.Port, e.HasPort = uint16(p), true
		}
		return ok
	case SourceASN:
		n, ok := ParseASN(b)
		if ok {
			e.ASN = n
		}
		return ok
	case EventSeverity:
		s, ok := ParseSeverity(b)
		if ok {
			e.Severity = s
		}
		return ok
	}
	v, ok := e.buf.canonical(f.Type(), b)
	if ok {
		e.keep(f, v)
	}
	return ok
}

// keep stores a canonical value.
func (e *Event) keep(f Field, v []byte) {
	switch f {
	case ProtocolTransport:
		e.Transport = v
	case SourceFQDN:
		e.FQDN = v
	case SourceURL:
		e.URL = v
	case SourceAccount:
		e.Account = v
	case SourceGeolocationCC:
		e.CC = [2]byte{v[0], v[1]}
	case ClassificationTaxonomy:
		e.Class = v
	case ClassificationType:
		e.Type = v
	case ClassificationIdentifier:
		e.Identifier = v
	default:
		e.Values = append(e.Values, Value{Field: f, Kind: f.kind(), Bytes: v})
	}
}

// kind is how the field's values are written in JSON.
func (f Field) kind() Kind {
	switch f.Type() {
	case TypeInt, TypePort, TypeASN, TypeFloat, TypeAccuracy:
		return KindNumber
	case TypeBool:
		return KindBool
	default:
		return KindText
	}
}

// SetExtra keeps a value below "extra.": a text as it is, a number as
// [Event.SetExtraNumber] does, a boolean of any spelling of [ParseBool], JSON
// as it is when it is valid. Empty text sets nothing. It reports false, and
// changes nothing, when b is not of the kind.
func (e *Event) SetExtra(name string, kind Kind, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	ok := true
	switch kind {
	case KindNumber:
		b, ok = e.buf.float(b)
	case KindBool:
		b, ok = e.buf.canonical(TypeBool, b)
	case KindJSON:
		b, ok = e.buf.canonical(TypeJSON, b)
	}
	if ok {
		e.Values = append(e.Values, Value{Field: Extra, Kind: kind, Name: name, Bytes: b})
	}
	return ok
}

// SetExtraInt keeps a whole number below "extra.".
func (e *Event) SetExtraInt(name string, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	v, ok := e.buf.integer(b)
	if ok {
		e.Values = append(e.Values, Value{Field: Extra, Kind: KindNumber, Name: name, Bytes: v})
	}
	return ok
}

// Scratch copies b into the event's own buffer, where it lives until Reset.
func (e *Event) Scratch(b []byte) []byte { return e.buf.add(b) }

// AppendField appends the canonical text of a field to dst; ok is false when
// the event does not have it. Time is written as [AppendTime] does.
func (e *Event) AppendField(dst []byte, f Field) (out []byte, ok bool) {
	switch f {
	case TimeSource:
		if e.Time != 0 {
			return AppendTime(dst, e.Time), true
		}
		return dst, false
	case SourceIP:
		if e.IP.IsValid() {
			return e.IP.AppendTo(dst), true
		}
		return dst, false
	case SourcePort:
		if e.HasPort {
			return strconv.AppendUint(dst, uint64(e.Port), 10), true
		}
		return dst, false
	case SourceASN:
		if e.ASN != 0 {
			return strconv.AppendUint(dst, uint64(e.ASN), 10), true
		}
		return dst, false
	case SourceGeolocationCC:
		if e.CC[0] != 0 {
			return append(dst, e.CC[:]...), true
		}
		return dst, false
	case EventSeverity:
		return append(dst, e.Severity.String()...), e.Severity != SeverityNone
	}
	b := e.text(f, "")
	return append(dst, b...), len(b) > 0
}

// Extra returns the value below "extra." of that name, nil when there is none.
func (e *Event) Extra(name string) []byte { return e.text(Extra, name) }

// text finds a value that is kept as bytes.
func (e *Event) text(f Field, name string) []byte {
	switch f {
	case ProtocolTransport:
		return e.Transport
	case SourceFQDN:
		return e.FQDN
	case SourceURL:
		return e.URL
	case SourceAccount:
		return e.Account
	case ClassificationTaxonomy:
		return e.Class
	case ClassificationType:
		return e.Type
	case ClassificationIdentifier:
		return e.Identifier
	}
	for i := range e.Values {
		if v := &e.Values[i]; v.Field == f && v.Name == name {
			return v.Bytes
		}
	}
	return nil
}

// AppendKey appends one field in an unambiguous, compact form: its length as a
// varint, then its bytes; a length of zero when the event does not have it.
// Addresses are 4 or 16 bytes, ports 2, numbers of autonomous systems 4, times
// 8 (all big-endian), anything else its canonical text. For Extra, name says
// which.
func (e *Event) AppendKey(dst []byte, f Field, name string) []byte {
	switch f {
	case SourceIP:
		switch {
		case e.IP.Is4():
			a := e.IP.As4()
			return append(append(dst, 4), a[:]...)
		case e.IP.IsValid():
			a := e.IP.As16()
			return append(append(dst, 16), a[:]...)
		}
		return append(dst, 0)
	case SourcePort:
		if !e.HasPort {
			return append(dst, 0)
		}
		return binary.BigEndian.AppendUint16(append(dst, 2), e.Port)
	case SourceASN:
		if e.ASN == 0 {
			return append(dst, 0)
		}
		return binary.BigEndian.AppendUint32(append(dst, 4), e.ASN)
	case TimeSource:
		if e.Time == 0 {
			return append(dst, 0)
		}
		return binary.BigEndian.AppendUint64(append(dst, 8), uint64(e.Time))
	case SourceGeolocationCC:
		if e.CC[0] == 0 {
			return append(dst, 0)
		}
		return append(append(dst, 2), e.CC[:]...)
	case EventSeverity:
		b := e.Severity.String()
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
	}
	b := e.text(f, name)
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}
