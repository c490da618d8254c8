package observable

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Kind is what sort of thing a value is. The texts are stable and may be stored.
type Kind string

// The kinds.
const (
	IP       Kind = "ip"        // IPv4 or IPv6, with or without a port
	CIDR     Kind = "cidr"      // a network, no bits set beyond its length
	Domain   Kind = "domain"    // lower case, punycode, two labels or more
	URL      Kind = "url"       // scheme://host/…
	Email    Kind = "email"     // the local part as written, the domain canonical
	MD5      Kind = "md5"       // lower-case hexadecimal, as all hashes
	SHA1     Kind = "sha1"      //
	SHA256   Kind = "sha256"    //
	SHA512   Kind = "sha512"    //
	CVE      Kind = "cve"       // CVE-2021-44228
	FileName Kind = "file-name" // without a folder
	Account  Kind = "account"   // name@service, or @handle
	Phone    Kind = "phone"     // E.164, +33123456789
	Bitcoin  Kind = "bitcoin"   // P2PKH, P2SH, segwit
	Ethereum Kind = "ethereum"  // with the capitals of EIP-55
	Litecoin Kind = "litecoin"  //
	Dogecoin Kind = "dogecoin"  //
	Tron     Kind = "tron"      //
	XRP      Kind = "xrp"       //
	Monero   Kind = "monero"    // standard, integrated, sub-address
	IBAN     Kind = "iban"      // no blanks
)

// MaxText is the longest text, in bytes, that [Parse] reads.
const MaxText = 4096

// Observable is a value of a kind. Made by [Parse], [Detect] or [Extract] the value
// is canonical; observables are compared with ==.
type Observable struct {
	Kind  Kind   `json:"kind"`
	Value string `json:"value"`
}

// Error says why a text is not of a kind.
type Error struct {
	Kind    Kind
	Text    string // what was read, cut to 80 bytes
	Why     string // "has 5 parts"
	Example string // a value of the kind
}

// Error is one line for a person.
func (e *Error) Error() string {
	if e.Example == "" {
		return fmt.Sprintf("%q: %s", e.Text, e.Why)
	}
	return fmt.Sprintf("%q is no %s: it %s; write it like %s", e.Text, e.Kind, e.Why, e.Example)
}

// reader makes the canonical form of a text, or says why it cannot ("has 5 parts").
type reader func(text string) (value, why string)

// rule is how a kind is read, shown and named elsewhere.
type rule struct {
	kind    Kind
	read    reader
	example string
	stix    string // the object type of STIX 2.1; "" when it has none
}

func rules() []rule {
	return []rule{
		{IP, readIP, "192.0.2.1, 192.0.2.1:443 or [2001:db8::1]:443", ""},
		{CIDR, readCIDR, "192.0.2.0/24 or 2001:db8::/32", ""},
		{Domain, readDomain, "mail.operator.example", "domain-name"},
		{URL, readURL, "https://operator.example/path", "url"},
		{Email, readEmail, "name@operator.example", "email-addr"},
		{MD5, hexOf(32), "d41d8cd98f00b204e9800998ecf8427e", "file"},
		{SHA1, hexOf(40), "da39a3ee5e6b4b0d3255bfef95601890afd80709", "file"},
		{SHA256, hexOf(64), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "file"},
		{SHA512, hexOf(128), "128 characters of 0-9 and a-f", "file"},
		{CVE, readCVE, "CVE-2021-44228", "vulnerability"},
		{FileName, readFileName, "invoice.exe", "file"},
		{Account, readAccount, "name@service or @handle", "user-account"},
		{Phone, readPhone, "+33 1 23 45 67 89", ""},
		{Bitcoin, readBitcoin, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 or bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ""},
		{Ethereum, readEthereum, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", ""},
		{Litecoin, readLitecoin, "an address that begins with L, M, 3 or ltc1", ""},
		{Dogecoin, readDogecoin, "an address that begins with D, A or 9", ""},
		{Tron, readTron, "34 characters that begin with T", ""},
		{XRP, readXRP, "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", ""},
		{Monero, readMonero, "95 characters that begin with 4 or 8", ""},
		{IBAN, readIBAN, "GB82 WEST 1234 5698 7654 32", ""},
	}
}

// table is built once: Extract asks for it at every candidate.
var table = sync.OnceValue(rules)

func ruleOf(kind Kind) (rule, bool) {
	all := table()
	if i := slices.IndexFunc(all, func(r rule) bool { return r.kind == kind }); i >= 0 {
		return all[i], true
	}
	return rule{}, false
}

// Kinds lists all kinds. The caller owns the slice.
func Kinds() []Kind {
	var out []Kind
	for _, r := range table() {
		out = append(out, r.kind)
	}
	return out
}

// Parse reads text as a value of kind, blanks around it and defanging undone. The
// error is a *[Error].
func Parse(kind Kind, text string) (Observable, error) {
	r, ok := ruleOf(kind)
	if !ok {
		return Observable{}, &Error{Kind: kind, Text: short(text), Why: fmt.Sprintf("the kind %q is not known; known are %v", short(string(kind)), Kinds())}
	}
	value, why := read(r.read, strings.TrimSpace(text))
	if why != "" {
		return Observable{}, &Error{kind, short(text), why, r.example}
	}
	return Observable{kind, value}, nil
}

// read holds the bounds that all kinds share.
func read(by reader, text string) (value, why string) {
	switch {
	case text == "":
		return "", "is empty"
	case len(text) > MaxText:
		return "", fmt.Sprintf("has %d bytes, more than %d", len(text), MaxText)
	case !utf8.ValidString(text):
		return "", "is not UTF-8"
	}
	return by(text)
}

func short(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// Key is what two incidents share when they speak of the same thing: the kind and
// the value, less what does not tell things apart (the port of an address, the
// fragment of a URL, capitals of a mail address, an account or a file name).
func Key(o Observable) string {
	v := o.Value
	switch o.Kind {
	case IP:
		if ap, err := netip.ParseAddrPort(v); err == nil {
			v = ap.Addr().String()
		}
	case URL:
		v, _, _ = strings.Cut(v, "#")
	case Email, Account, FileName:
		v = strings.ToLower(v)
	}
	return string(o.Kind) + ":" + v
}

// STIX is the object type of STIX 2.1 that holds o; "" when the standard has none
// (telephone numbers, wallets, bank accounts).
func STIX(o Observable) string {
	if o.Kind == IP || o.Kind == CIDR {
		if strings.Count(o.Value, ":") > 1 {
			return "ipv6-addr"
		}
		return "ipv4-addr"
	}
	r, _ := ruleOf(o.Kind)
	return r.stix
}
