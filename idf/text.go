package idf

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"almenara.example/tlp"
)

// scratch holds values that differ from their source. Its slices stay valid
// when it grows.
type scratch []byte

func (s *scratch) lower(b []byte) []byte {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			from := len(*s)
			*s = append(*s, b...)
			if v := (*s)[from:]; !lowerASCII(v[i:]) {
				*s = append((*s)[:from], bytes.ToLower(b)...)
			}
			return (*s)[from:len(*s):len(*s)]
		}
	}
	return b
}

// lowerASCII lowers in place; false when it met something beyond ASCII.
func lowerASCII(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return true
}

func (s *scratch) upper(b []byte) []byte {
	for _, c := range b {
		if 'a' <= c && c <= 'z' {
			from := len(*s)
			*s = append(*s, bytes.ToUpper(b)...)
			return (*s)[from:len(*s):len(*s)]
		}
	}
	return b
}

func (s *scratch) add(b []byte) []byte {
	from := len(*s)
	*s = append(*s, b...)
	return (*s)[from:len(*s):len(*s)]
}

// fqdn checks a domain name (RFC 1035 with underscores, at least two labels,
// the last not a number) and returns it in lower case without a final dot.
// International names become their ASCII form.
func (s *scratch) fqdn(b []byte) ([]byte, bool) {
	b = bytes.TrimSuffix(b, []byte{'.'})
	const longest, longestLabel = 253, 63
	if len(b) == 0 || len(b) > 4*longest {
		return nil, false
	}
	label, dots, letters, upper := 0, 0, false, false
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z':
			letters = true
			label++
		case '0' <= c && c <= '9' || c == '_':
			label++
		case 'A' <= c && c <= 'Z':
			letters, upper = true, true
			label++
		case c == '-':
			if label == 0 || i+1 == len(b) || b[i+1] == '.' {
				return nil, false
			}
			label++
		case c == '.':
			if label == 0 {
				return nil, false
			}
			label, letters = 0, false
			dots++
		case c >= utf8.RuneSelf:
			return s.idn(b)
		default:
			return nil, false
		}
		if label > longestLabel {
			return nil, false
		}
	}
	if len(b) > longest || dots == 0 || label == 0 || !letters {
		return nil, false
	}
	if upper {
		b = s.lower(b)
	}
	return b, true
}

func (s *scratch) idn(b []byte) ([]byte, bool) {
	ascii, err := idna.Lookup.ToASCII(string(b))
	if err != nil || bytes.ContainsFunc([]byte(ascii), func(r rune) bool { return r >= utf8.RuneSelf }) {
		return nil, false
	}
	return s.fqdn([]byte(ascii))
}

// url checks an absolute URL: a scheme, "://", then something, and no blanks
// or control characters. The defanged schemes hxxp and hxxps are mended.
func (s *scratch) url(b []byte) ([]byte, bool) {
	i := bytes.Index(b, []byte("://"))
	if i < 1 || i > 32 || len(b) == i+3 {
		return nil, false
	}
	for k, c := range b[:i] {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (k == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.') {
			return nil, false
		}
	}
	for _, c := range b[i:] {
		if c <= ' ' || c == 0x7f {
			return nil, false
		}
	}
	if b[i+3] == '/' && !bytes.EqualFold(b[:i], []byte("file")) {
		return nil, false
	}
	if i >= 4 && bytes.EqualFold(b[:4], []byte("hxxp")) {
		from := len(*s)
		*s = append(append(*s, "http"...), b[4:]...)
		return (*s)[from:len(*s):len(*s)], true
	}
	return b, true
}

// integer checks a whole number of at most 30 digits and returns it without
// plus sign and leading zeros.
func (s *scratch) integer(b []byte) ([]byte, bool) {
	v := b
	if len(v) > 0 && (v[0] == '-' || v[0] == '+') {
		v = v[1:]
	}
	if len(v) == 0 || len(v) > 30 {
		return nil, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return nil, false
		}
	}
	zeros := 0
	for zeros < len(v)-1 && v[zeros] == '0' {
		zeros++
	}
	switch v = v[zeros:]; {
	case b[0] != '-' || v[0] == '0':
		return v, true
	case zeros == 0:
		return b, true
	}
	from := len(*s)
	*s = append(append(*s, '-'), v...)
	return (*s)[from:len(*s):len(*s)], true
}

// float checks a decimal number and returns it as JSON writes one.
func (s *scratch) float(b []byte) ([]byte, bool) {
	if v, ok := s.integer(b); ok {
		return v, true
	}
	if len(b) > 64 || len(b) == 0 {
		return nil, false
	}
	if jsonDecimal(b) {
		return b, true
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' && c|0x20 != 'e' {
			return nil, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, false
	}
	from := len(*s)
	*s = strconv.AppendFloat(*s, v, 'g', -1, 64)
	return (*s)[from:len(*s):len(*s)], true
}

// jsonDecimal recognises the plain form 12.34.
func jsonDecimal(b []byte) bool {
	whole, fraction, found := bytes.Cut(bytes.TrimPrefix(b, []byte{'-'}), []byte{'.'})
	if !found || len(whole) == 0 || len(fraction) == 0 || (whole[0] == '0' && len(whole) > 1) {
		return false
	}
	return allDigits(whole) && allDigits(fraction)
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// ParseBool reads y, yes, true, enabled, 1, t, on and their opposites in any
// case.
func ParseBool(b []byte) (value, ok bool) {
	if len(b) > 8 {
		return false, false
	}
	var low [8]byte
	v := low[:copy(low[:], b)]
	lowerASCII(v)
	switch string(v) {
	case "y", "yes", "true", "enabled", "1", "t", "on":
		return true, true
	case "n", "no", "false", "disabled", "0", "f", "off":
		return false, true
	}
	return false, false
}

func printable(b []byte, most int) bool {
	if len(b) > most {
		return false
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// registry knows the five regional internet registries.
func (s *scratch) registry(b []byte) ([]byte, bool) {
	switch v := s.upper(b); string(v) {
	case "AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE":
		return v, true
	case "RIPENCC", "RIPE NCC", "RIPE-NCC":
		return v[:4], true
	}
	return nil, false
}

func (s *scratch) tlp(b []byte) ([]byte, bool) {
	m, err := tlp.Parse(string(b))
	if err != nil || !m.Marked() {
		return nil, false
	}
	return s.add([]byte(m.String()[len("TLP:"):])), true
}

func uuid(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'z'):
			return false
		}
	}
	return true
}

// Base64 reports whether b is standard Base64 (RFC 4648, section 4), padded.
func Base64(b []byte) bool {
	if len(b)%4 != 0 {
		return false
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte{'='}), []byte{'='})
	for _, c := range b {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// canonical checks b as a value of a type and returns it in the form in which
// events keep it: b itself where nothing changes.
func (s *scratch) canonical(t Type, b []byte) ([]byte, bool) {
	switch t {
	case TypeText:
		return b, true
	case TypeFQDN:
		return s.fqdn(b)
	case TypeCC:
		return s.upper(b), len(b) == 2 && alphanumeric(b[0]) && alphanumeric(b[1])
	case TypeInt:
		return s.integer(b)
	case TypePort:
		v, ok := s.integer(b)
		_, inRange := ParseUint(v, 65535)
		return v, ok && inRange
	case TypeASN:
		v, ok := ParseASN(b)
		if !ok || b[0] >= '1' && b[0] <= '9' {
			return b, ok
		}
		return s.add(strconv.AppendUint(nil, uint64(v), 10)), true
	case TypeFloat:
		return s.float(b)
	case TypeAccuracy:
		v, ok := s.float(b)
		f, err := strconv.ParseFloat(string(v), 64)
		return v, ok && err == nil && f >= 0 && f <= 100
	case TypeBool:
		v, ok := ParseBool(b)
		return s.add(strconv.AppendBool(nil, v)), ok
	case TypeIP:
		a, ok := ParseIP(b)
		if !ok || a.Is4() && len(b) <= 15 {
			return b, ok
		}
		return s.add(a.AppendTo(nil)), true
	case TypeNetwork:
		p, ok := ParseNetwork(b)
		return s.add(p.AppendTo(nil)), ok
	case TypeTime:
		v, ok := ParseTime(b)
		return s.add(AppendTime(nil, v)), ok
	case TypeURL:
		return s.url(b)
	}
	return s.word(t, b)
}

// word is canonical's second half: words and identifiers.
func (s *scratch) word(t Type, b []byte) ([]byte, bool) {
	switch t {
	case TypeLower:
		return s.lower(b), true
	case TypeLowerPrintable:
		return s.lower(b), printable(b, 100)
	case TypePrintable:
		return b, printable(b, 200)
	case TypeTransport:
		return s.transport(b)
	case TypeSeverity:
		v, ok := ParseSeverity(b)
		return []byte(v.String()), ok && v != SeverityNone
	case TypeTaxonomy:
		v := s.lower(b)
		return v, knownClass(string(v))
	case TypeClassType:
		return s.classType(b)
	case TypeTLP:
		return s.tlp(b)
	case TypeRegistry:
		return s.registry(b)
	case TypeUUID:
		v := s.lower(b)
		return v, uuid(v)
	case TypeHash:
		return s.upper(b), len(b) <= 40 && printable(b, 40)
	case TypeBase64:
		return b, Base64(b)
	case TypeJSON:
		return b, json.Valid(b)
	}
	return nil, false
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// transport checks the name of a transport protocol: at most 11 letters,
// digits, '-', '+', '.' or '_'.
func (s *scratch) transport(b []byte) ([]byte, bool) {
	if len(b) > 11 {
		return nil, false
	}
	for _, c := range b {
		if !alphanumeric(c) && c != '-' && c != '+' && c != '.' && c != '_' {
			return nil, false
		}
	}
	return s.lower(b), true
}
