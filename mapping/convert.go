package mapping

import (
	"bytes"
	"encoding/base64"
	"slices"

	"almenara.example/idf"
	"almenara.example/rows"
)

const maxCVEs = 32

// Convert fills ev, which it resets first, from a row. It returns nil when the
// row is accepted, otherwise why it is not; the Reject is valid until the next
// call. A row may have fewer fields than the header (JSON lines): those are
// empty.
func (b *Bound) Convert(rec *rows.Record, ev *idf.Event) *Reject {
	ev.Reset()
	fields := rec.Fields
	for i := range b.ops {
		o := &b.ops[i]
		var v []byte
		if o.col < len(fields) {
			v = fields[o.col]
		}
		if len(v) == 0 && !o.always {
			if o.required {
				return b.refuse(o, EmptyRequired, fields, ev)
			}
			continue
		}
		if reason := b.convert(o, v, fields, ev); reason != "" {
			return b.refuse(o, reason, fields, ev)
		}
	}
	b.addConstants(ev)
	if !ev.IP.IsValid() && b.locators != "" && !located(ev) {
		b.reject = Reject{Column: b.locators, Reason: EmptyRequired}
		return &b.reject
	}
	return nil
}

func (b *Bound) addConstants(ev *idf.Event) {
	if b.class != nil {
		ev.Class = b.class
	}
	if b.typ != nil {
		ev.Type = b.typ
	}
	if b.identifier != nil {
		ev.Identifier = b.identifier
	}
	if b.transport != nil {
		ev.Transport = b.transport
	}
	for i := range b.slots {
		ev.Set(b.slots[i].field, b.slots[i].value)
	}
	ev.Values = append(ev.Values, b.values...)
	if ev.Severity == idf.SeverityNone {
		ev.Severity = b.plan.Severity
	}
}

// located reports that an event without an address says where it was.
func located(ev *idf.Event) bool {
	if len(ev.FQDN) > 0 || len(ev.URL) > 0 || len(ev.Account) > 0 || ev.ASN != 0 {
		return true
	}
	return slices.ContainsFunc(ev.Values, func(v idf.Value) bool { return v.Field != idf.Extra && locates(v.Field) })
}

func (b *Bound) refuse(o *op, reason Reason, fields [][]byte, ev *idf.Event) *Reject {
	b.reject = Reject{Column: o.column, Reason: reason, IP: ev.IP}
	if !ev.IP.IsValid() {
		b.reject.IP = b.ReadableIP(fields)
	}
	return &b.reject
}

// convert makes one conversion; the reason is empty when the row stands.
func (b *Bound) convert(o *op, v []byte, fields [][]byte, ev *idf.Event) Reason {
	switch o.conv {
	case Auto:
	case Set:
		if unset(v) {
			return ""
		}
	case Int, NonZero, Float, Bool:
		return number(o, v, ev)
	case Time, TimeText, Epoch:
		return timeValue(o, v, ev)
	case IP, Network:
		return address(o, v, ev)
	case FQDN:
		return domain(o, v, ev)
	default:
		if v = b.special(o, v, fields, ev); len(v) == 0 {
			if o.required {
				return EmptyRequired
			}
			return ""
		}
	}
	return text(o, v, ev)
}

// unset reports the two words that stand for nothing.
func unset(v []byte) bool {
	return len(v) == 1 && v[0] == '0' || len(v) == 7 && string(v) == "unknown"
}

func trim(v []byte) []byte {
	if len(v) == 0 || (v[0] > ' ' && v[len(v)-1] > ' ') {
		return v
	}
	return bytes.Trim(v, " \t")
}

// text keeps a text in a field, or below extra when it is not of its type.
func text(o *op, v []byte, ev *idf.Event) Reason {
	if o.field == idf.Extra {
		ev.Values = append(ev.Values, idf.Value{Field: idf.Extra, Name: o.name, Bytes: v})
		return ""
	}
	if o.field == idf.FieldNone || ev.Set(o.field, v) || ev.Set(o.field, trim(v)) {
		return ""
	}
	if reason := strict(o.field.Type()); reason != "" {
		return reason
	}
	if o.required {
		return BadValue
	}
	ev.Values = append(ev.Values, idf.Value{Field: idf.Extra, Name: o.fallback, Bytes: v})
	return ""
}

// strict is the reason for a text that is not of a type which admits nothing
// else; empty for the other types.
func strict(t idf.Type) Reason {
	switch t {
	case idf.TypeIP, idf.TypeNetwork:
		return BadIP
	case idf.TypeTime:
		return BadTime
	case idf.TypeInt, idf.TypePort, idf.TypeASN, idf.TypeFloat, idf.TypeAccuracy:
		return BadNumber
	}
	return ""
}

func number(o *op, v []byte, ev *idf.Event) Reason {
	if o.conv == Bool {
		if _, ok := idf.ParseBool(v); !ok {
			return ""
		}
		if o.field == idf.Extra {
			ev.SetExtra(o.name, idf.KindBool, v)
			return ""
		}
		return text(o, v, ev)
	}
	v = trim(v)
	if o.conv == NonZero && zero(v) {
		return ""
	}
	var ok bool
	switch {
	case o.field != idf.Extra:
		ok = o.field == idf.FieldNone || ev.Set(o.field, v)
	case o.conv == Float:
		ok = ev.SetExtra(o.name, idf.KindNumber, v)
	default:
		ok = ev.SetExtraInt(o.name, v)
	}
	if !ok {
		return BadNumber
	}
	return ""
}

// zero reports "0", "00" and the like.
func zero(v []byte) bool {
	for _, c := range v {
		if c != '0' {
			return false
		}
	}
	return len(v) > 0
}

func timeValue(o *op, v []byte, ev *idf.Event) Reason {
	v = trim(v)
	if o.conv == Epoch {
		micros, ok := epoch(v)
		if !ok {
			return BadTime
		}
		var iso [40]byte
		v = ev.Scratch(idf.AppendTime(iso[:0], micros))
		return text(o, v, ev)
	}
	if o.field != idf.Extra {
		if o.field != idf.FieldNone && !ev.Set(o.field, v) {
			return BadTime
		}
		return ""
	}
	if micros, ok := idf.ParseTime(v); ok {
		var iso [40]byte
		v = ev.Scratch(idf.AppendTime(iso[:0], micros))
	} else if o.conv == Time {
		return BadTime
	}
	return text(o, v, ev)
}

// epoch reads seconds since 1970 with at most six digits behind the point.
func epoch(v []byte) (micros int64, ok bool) {
	whole, fraction, found := bytes.Cut(v, []byte{'.'})
	const lastSecond = 4_133_980_799 // the end of the year 2100
	seconds, ok := idf.ParseUint(whole, lastSecond)
	if !ok || found && (len(fraction) == 0 || len(fraction) > 6) {
		return 0, false
	}
	micros = int64(seconds) * 1_000_000
	scale := int64(100_000)
	for _, c := range fraction {
		if c < '0' || c > '9' {
			return 0, false
		}
		micros += int64(c-'0') * scale
		scale /= 10
	}
	return micros, true
}

func address(o *op, v []byte, ev *idf.Event) Reason {
	v = trim(v)
	slash := bytes.IndexByte(v, '/') >= 0
	if o.conv == Network {
		if !slash {
			return ""
		}
		p, ok := idf.ParseNetwork(v)
		if !ok {
			return BadIP
		}
		if o.field == idf.Extra {
			var b [64]byte
			return text(o, ev.Scratch(p.AppendTo(b[:0])), ev)
		}
		return text(o, v, ev)
	}
	if slash {
		if _, ok := idf.ParseNetwork(v); !ok {
			return BadIP
		}
		return ""
	}
	if o.field == idf.SourceIP {
		ip, ok := idf.ParseIP(v)
		if !ok {
			return BadIP
		}
		if ip.Is4() && ip.IsUnspecified() {
			return ""
		}
		ev.IP = ip
		return ""
	}
	ip, ok := idf.ParseIP(v)
	if !ok {
		return BadIP
	}
	if ip.Is4() && ip.IsUnspecified() {
		return ""
	}
	return text(o, v, ev)
}

// domain keeps a domain name and drops anything else.
func domain(o *op, v []byte, ev *idf.Event) Reason {
	if o.field != idf.Extra {
		if !ev.Set(o.field, v) && o.required {
			return BadValue
		}
		return ""
	}
	var probe idf.Event
	if probe.Set(idf.SourceFQDN, v) {
		return text(o, ev.Scratch(probe.FQDN), ev)
	}
	return ""
}

// special makes the conversions that give text of another kind, or nothing.
func (b *Bound) special(o *op, v []byte, fields [][]byte, ev *idf.Event) []byte {
	switch o.conv {
	case CVEs:
		return b.cveList(v, ev)
	case HTTPURL:
		return httpURL(o, v, fields, ev)
	case FirstOf:
		for _, col := range o.first {
			if col < len(fields) && len(fields[col]) > 0 {
				return fields[col]
			}
		}
		return nil
	case ForceBase64:
		if idf.Base64(v) {
			return v
		}
		var room [1024]byte
		return ev.Scratch(base64.StdEncoding.AppendEncode(room[:0], v))
	case Contains:
		if bytes.Contains(v, o.part) {
			return o.then
		}
		return o.otherwise
	}
	return v
}

// cveList finds words like cve-2021-44228 in a list separated by semicolons.
func (b *Bound) cveList(v []byte, ev *idf.Event) []byte {
	found := b.cves[:0]
	for rest, more := v, true; more && len(found) < maxCVEs; {
		var word []byte
		word, rest, more = bytes.Cut(rest, []byte{';'})
		if isCVE(word) && !slices.ContainsFunc(found, func(w []byte) bool { return bytes.Equal(w, word) }) {
			found = append(found, word)
		}
	}
	if len(found) <= 1 {
		if len(found) == 0 {
			return nil
		}
		return found[0]
	}
	slices.SortFunc(found, bytes.Compare)
	length := len(found) - 1
	for _, w := range found {
		length += len(w)
	}
	if length > len(v) {
		return nil // cannot be: the words were all in v
	}
	out := ev.Scratch(v[:length])
	n := copy(out, found[0])
	for _, w := range found[1:] {
		out[n] = ';'
		n += 1 + copy(out[n+1:], w)
	}
	return out
}

func isCVE(w []byte) bool {
	rest, ok := bytes.CutPrefix(w, []byte("cve-"))
	year, number, found := bytes.Cut(rest, []byte{'-'})
	return ok && found && digits(year) && digits(number)
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// httpURL builds scheme://host/path from what a row has of them. A value that
// is a URL already, or for which there is no host, stays as it is.
func httpURL(o *op, v []byte, fields [][]byte, ev *idf.Event) []byte {
	if bytes.HasPrefix(v, []byte("http://")) || bytes.HasPrefix(v, []byte("https://")) {
		return v
	}
	field := func(col int) []byte {
		if col >= 0 && col < len(fields) {
			return fields[col]
		}
		return nil
	}
	var host []byte
	for _, col := range o.hosts {
		if host = field(col); len(host) > 0 {
			break
		}
	}
	path := field(o.path)
	if len(host) == 0 || len(path) == 0 {
		return v
	}
	// What stands before the first slash is a method, what follows the first
	// blank is a protocol.
	if i := bytes.IndexByte(path, '/'); i >= 0 {
		path = path[i:]
	} else {
		path = nil
	}
	if i := bytes.IndexAny(path, " \t\r\n"); i >= 0 {
		path = path[:i]
	}
	scheme := "http"
	if string(field(o.scheme)) == "https" {
		scheme = "https"
	}
	var room [512]byte
	url := append(append(append(append(room[:0], scheme...), "://"...), bracket(host)...), path...)
	return ev.Scratch(url)
}

// bracket puts an IPv6 address into the form that a URL wants.
func bracket(host []byte) []byte {
	if ip, ok := idf.ParseIP(host); ok && ip.Is6() {
		return []byte("[" + string(host) + "]")
	}
	return host
}
