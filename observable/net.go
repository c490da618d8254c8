package observable

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

func readIP(text string) (value, why string) {
	text, why = settle(words, text)
	if why != "" {
		return "", why
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		if a.Zone() != "" {
			return "", "has a zone, which means something on one machine only"
		}
		return a.Unmap().String(), ""
	}
	ap, err := netip.ParseAddrPort(text)
	switch {
	case err != nil:
		return "", "is neither an IPv4 nor an IPv6 address, with or without a port"
	case ap.Port() == 0:
		return "", "has the port 0"
	case ap.Addr().Zone() != "":
		return "", "has a zone, which means something on one machine only"
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()).String(), ""
}

func readCIDR(text string) (value, why string) {
	text, why = settle(words, text)
	if why != "" {
		return "", why
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return "", "is not an address, a slash and the length of the network"
	case p.Addr().Is4In6():
		return "", "is an IPv4 network written as IPv6"
	case p.Masked() != p:
		return "", fmt.Sprintf("has bits set beyond the first %d; the network is %s", p.Bits(), p.Masked())
	}
	return p.String(), ""
}

// profile maps international names as browsers do, and leaves the rules of letters
// and lengths to checkName: names with an underscore exist and do harm.
var profile = sync.OnceValue(func() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))
})

func readDomain(text string) (value, why string) {
	text, why = settle(words, text)
	if why != "" {
		return "", why
	}
	name, why := hostName(text)
	if why != "" {
		return "", why
	}
	if !strings.Contains(name, ".") {
		return "", "has one label only"
	}
	if suffix, icann := publicsuffix.PublicSuffix(name); icann && suffix == name {
		return "", "is a public suffix, under which anybody may register"
	}
	return name, ""
}

// hostName is the canonical form of a name of one label or more.
func hostName(text string) (name, why string) {
	name = text
	if !isASCII(text) {
		var err error
		if name, err = profile().ToASCII(text); err != nil {
			return "", "holds characters that no domain name may have"
		}
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, checkName(name)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// checkName says what is wrong with a lower-case ASCII name.
func checkName(name string) string {
	if name == "" || len(name) > 253 {
		return "has " + strconv.Itoa(len(name)) + " characters; from 1 to 253 are allowed"
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if why := checkLabel(label); why != "" {
			return why
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" {
		return "ends in a number, as only addresses do"
	}
	return ""
}

func checkLabel(label string) string {
	switch {
	case label == "":
		return "has an empty label (two dots in a row, or one at the beginning)"
	case len(label) > 63:
		return "has a label of more than 63 characters"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "has a label that begins or ends with a hyphen"
	}
	for i := range len(label) {
		if c := label[i]; !isAlnum(c) && c != '-' && c != '_' {
			return fmt.Sprintf("holds %q", c)
		}
	}
	return ""
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// listed tells whether the end of a canonical name exists, as far as the compiled-in
// public suffix list and the reserved names know.
func listed(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	if suffix == name {
		return false
	}
	if icann || strings.Contains(suffix, ".") {
		return true
	}
	switch suffix {
	case "example", "test", "local", "internal", "onion":
		return true
	}
	return false
}

func readEmail(text string) (value, why string) {
	text, why = settle(words, strings.TrimPrefix(text, "mailto:"))
	if why != "" {
		return "", why
	}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", "has no @"
	}
	if why := checkLocal(text[:at]); why != "" {
		return "", why
	}
	name, why := readDomain(text[at+1:])
	if why != "" {
		return "", "has a domain that " + why
	}
	return text[:at] + "@" + name, ""
}

// checkLocal checks the part before the @: a dot-string of RFC 5321 section 4.1.2,
// with the letters of RFC 6531; quoted ones are refused.
func checkLocal(local string) string {
	if local == "" || len(local) > 64 {
		return "has a local part of " + strconv.Itoa(len(local)) + " bytes; from 1 to 64 are allowed"
	}
	if local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return "has a dot in the wrong place before the @"
	}
	for _, r := range local {
		if r < 0x80 && !isAlnum(byte(r)) && !strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r) || r >= 0x80 && !unicode.IsPrint(r) {
			return fmt.Sprintf("holds %q before the @", r)
		}
	}
	return ""
}

func readURL(text string) (value, why string) {
	text, why = settle(signs, text)
	if why != "" {
		return "", why
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return "", "has no scheme and ://"
	}
	scheme = schemeOf(scheme)
	if !isScheme(scheme) {
		return "", "has an impossible scheme"
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	authority, why := authorityOf(rest[:end], scheme)
	if why != "" {
		return "", why
	}
	rest = escape(rest[end:], "")
	if !strings.HasPrefix(rest, "/") {
		rest = "/" + rest
	}
	if value = scheme + "://" + authority + rest; len(value) > MaxText {
		return "", "is too long once its characters are escaped"
	}
	return value, ""
}

func isScheme(s string) bool {
	if s == "" || len(s) > 20 || isDigit(s[0]) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return r >= 0x80 || !isAlnum(byte(r)) && !strings.ContainsRune("+-.", r)
	}) < 0 && isAlnum(s[0])
}

// authorityOf is user, host and port in canonical form.
func authorityOf(text, scheme string) (value, why string) {
	text, why = settle(words, text)
	if why != "" {
		return "", why
	}
	user, at := "", strings.LastIndexByte(text, '@')
	if at >= 0 {
		user = escape(text[:at], "@()") + "@"
	}
	host, port := cutPort(text[at+1:])
	host, why = urlHost(host)
	if why != "" {
		return "", "has a host that " + why
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", "has a port that is not from 1 to 65535"
		}
		port = ":" + strconv.FormatUint(n, 10)
	}
	if scheme == "http" && port == ":80" || scheme == "https" && port == ":443" || scheme == "ftp" && port == ":21" {
		port = ""
	}
	return user + host + port, ""
}

func urlHost(host string) (value, why string) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err == nil {
		switch {
		case a.Zone() != "":
			return "", "has a zone"
		case a.Unmap().Is4():
			return a.Unmap().String(), ""
		}
		return "[" + a.String() + "]", ""
	}
	return hostName(host)
}

// escape percent-encodes what RFC 3986 allows nowhere, brackets and the characters
// of more; what is encoded already stays as it is.
func escape(s, more string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		bad := c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>[]{}|\\^`", c) >= 0 || strings.IndexByte(more, c) >= 0
		if c == '%' && (i+2 >= len(s) || !isHex(s[i+1:i+3])) {
			bad = true
		}
		if !bad {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !isDigit(s[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
