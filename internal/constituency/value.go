package constituency

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"almenara.example/internal/foundation/fault"
)

// ParseAsset reads what somebody wrote as an asset and returns its canonical value.
// Errors are Invalid faults of the fields asset_kind and asset, each with a sentence
// that says what would do.
func ParseAsset(kind, value string) (AssetKind, string, error) {
	k := AssetKind(slices.Index(AssetKinds(), strings.ToLower(strings.TrimSpace(kind))) + 1)
	value = strings.TrimSpace(value)
	if k == 0 {
		return 0, "", fault.OnField("asset_kind", "constituency.asset.kind", fault.Args{"Value": fault.Clip(kind)})
	}
	if value == "" {
		return 0, "", fault.OnField("asset", "constituency.asset.empty", nil)
	}
	var err error
	switch k {
	case CIDR:
		value, err = parsePrefix(value)
	case ASN:
		value, err = parseASN(value)
	case Domain, MailDomain:
		value, err = parseDomain(value)
	default:
		if len(value) > 300 || strings.ContainsFunc(value, unicode.IsControl) {
			err = fault.OnField("asset", "constituency.asset.text", fault.Args{"Value": fault.Clip(value), "Max": 300})
		}
	}
	return k, value, err
}

func parsePrefix(s string) (string, error) {
	wrong := func(key string, more string) error {
		return fault.OnField("asset", key, fault.Args{"Value": fault.Clip(s), "Better": more})
	}
	if !strings.Contains(s, "/") {
		ip, err := netip.ParseAddr(s)
		if err != nil || ip.Zone() != "" {
			return "", wrong("constituency.asset.cidr", "")
		}
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", wrong("constituency.asset.cidr", "")
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return "", wrong("constituency.asset.cidr", "")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p.Bits() == 0 {
		return "", wrong("constituency.asset.everything", "")
	}
	if p != p.Masked() {
		return "", wrong("constituency.asset.host_bits", p.Masked().String())
	}
	return p.String(), nil
}

func parseASN(s string) (string, error) {
	digits := strings.TrimSpace(strings.TrimPrefix(strings.ToUpper(s), "AS"))
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 {
		return "", fault.OnField("asset", "constituency.asset.asn", fault.Args{"Value": fault.Clip(s)})
	}
	return strconv.FormatUint(n, 10), nil
}

func parseDomain(s string) (string, error) {
	name, ok := canonicalName(strings.TrimPrefix(strings.TrimPrefix(s, "*."), "@"))
	if !ok {
		return "", fault.OnField("asset", "constituency.asset.domain", fault.Args{"Value": fault.Clip(s)})
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return "", fault.OnField("asset", "constituency.asset.public_suffix", fault.Args{"Value": fault.Clip(s)})
	}
	return name, nil
}

// canonicalName returns a domain name in the form of the index: lower case, ASCII
// (RFC 5891), no final dot; ok is false for what is no name.
func canonicalName(s string) (name string, ok bool) {
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), "."))
	if err != nil || name == "" || len(name) > 253 {
		return "", false
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		last = label
	}
	// What ends in a number is a mistyped address (192.0.2.300), not a name.
	return name, strings.Trim(last, "0123456789") != ""
}

// parseSubject reads an address (192.0.2.7, 2001:db8::7), an AS number (AS64496), a
// mail address (somebody@water.example) or a domain for a look-up.
func parseSubject(s string) (Subject, error) {
	s = strings.TrimSpace(s)
	if ip, err := netip.ParseAddr(s); err == nil {
		return Subject{IP: ip.Unmap().WithZone("")}, nil
	}
	if rest, ok := strings.CutPrefix(strings.ToUpper(s), "AS"); ok {
		if n, err := strconv.ParseUint(rest, 10, 32); err == nil && n > 0 {
			return Subject{ASN: uint32(n)}, nil
		}
	}
	if _, host, ok := strings.Cut(s, "@"); ok {
		if name, ok := canonicalName(host); ok {
			return Subject{MailDomain: []byte(name)}, nil
		}
	} else if name, ok := canonicalName(s); ok {
		return Subject{Domain: []byte(name)}, nil
	}
	return Subject{}, fault.OnField("subject", "constituency.lookup.form", fault.Args{"Value": fault.Clip(s)})
}

// parseFrom and parseTo read the ends of a validity; empty means
// no beginning and no end.
func parseFrom(s string) (Day, error) { return parseEnd("valid_from", s, Always) }
func parseTo(s string) (Day, error)   { return parseEnd("valid_to", s, Forever) }

func parseEnd(field, s string, otherwise Day) (Day, error) {
	if s = strings.TrimSpace(s); s == "" {
		return otherwise, nil
	}
	d, err := ParseDay(s)
	if err != nil {
		return 0, fault.OnField(field, "constituency.day.form", fault.Args{"Value": fault.Clip(s)})
	}
	return d, nil
}

// checkTimes refuses a validity that ends before it begins.
func checkTimes(from, to Day) error {
	if to < from {
		return fault.OnField("valid_to", "constituency.day.order", fault.Args{"From": from.String(), "To": to.String()})
	}
	return nil
}
