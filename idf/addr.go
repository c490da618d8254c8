package idf

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// ParseIP reads an IPv4 or IPv6 address without allocating. An IPv4 address
// written as IPv6 (::ffff:192.0.2.1) becomes IPv4. Zones, prefixes, leading
// zeros in IPv4 and blanks are refused.
func ParseIP(b []byte) (netip.Addr, bool) {
	if a, ok := parseIPv4(b); ok {
		return netip.AddrFrom4(a), true
	}
	if a, ok := parseIPv6(b); ok {
		return netip.AddrFrom16(a).Unmap(), true
	}
	return netip.Addr{}, false
}

func parseIPv4(b []byte) (a [4]byte, ok bool) {
	if len(b) < 7 || len(b) > 15 {
		return a, false
	}
	part, length, value := 0, 0, 0
	for _, c := range b {
		if d := c - '0'; d <= 9 {
			if length > 0 && value == 0 {
				return a, false
			}
			value = value*10 + int(d)
			length++
			if value > 255 {
				return a, false
			}
			continue
		}
		if c != '.' || length == 0 || part == 3 {
			return a, false
		}
		a[part] = byte(value)
		part, length, value = part+1, 0, 0
	}
	a[part] = byte(value)
	return a, part == 3 && length > 0
}

func parseIPv6(b []byte) (a [16]byte, ok bool) {
	if len(b) < 2 || len(b) > 45 {
		return a, false
	}
	gap, n := -1, 0 // where "::" stands, and how many bytes are read
	if b[0] == ':' {
		if b[1] != ':' {
			return a, false
		}
		gap, b = 0, b[2:]
	}
	for len(b) > 0 {
		if n == 16 {
			return a, false
		}
		value, length := hexGroup(b)
		if length == 0 {
			return a, false
		}
		if length < len(b) && b[length] == '.' {
			v4, ok := parseIPv4(b)
			if !ok || n > 12 {
				return a, false
			}
			n += copy(a[n:], v4[:])
			break
		}
		binary.BigEndian.PutUint16(a[n:], value)
		n += 2
		if b = b[length:]; len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return a, false
		}
		if b = b[1:]; b[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap, b = n, b[1:]
		}
	}
	if gap < 0 {
		return a, n == 16
	}
	if n == 16 {
		return a, false // "::" must stand for at least one group
	}
	shift := 16 - n
	copy(a[gap+shift:], a[gap:n])
	clear(a[gap : gap+shift])
	return a, true
}

// hexGroup reads one to four hexadecimal digits; the length is 0 when there
// are none or more.
func hexGroup(b []byte) (value uint16, length int) {
	for length < len(b) {
		c := b[length]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return value, length
		}
		if length == 4 {
			return 0, 0
		}
		value = value<<4 | uint16(c)
		length++
	}
	return value, length
}

// ParseNetwork reads a network in CIDR form. Bits behind the prefix are
// cleared; an address alone is not a network.
func ParseNetwork(b []byte) (netip.Prefix, bool) {
	slash := bytes.IndexByte(b, '/')
	if slash < 0 {
		return netip.Prefix{}, false
	}
	bits, ok := ParseUint(b[slash+1:], 128)
	if !ok || (len(b) > slash+2 && b[slash+1] == '0') {
		return netip.Prefix{}, false
	}
	length := int(bits)
	ip, ok := ParseIP(b[:slash])
	if !ok {
		return netip.Prefix{}, false
	}
	if ip.Is4() && bytes.IndexByte(b, ':') >= 0 {
		length -= 96 // an IPv4 network written as IPv6
	}
	if length < 0 || length > ip.BitLen() {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip, length).Masked(), true
}

// ParseUint reads a decimal number of at most most; leading zeros are allowed.
func ParseUint(b []byte, most uint64) (uint64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + uint64(d)
	}
	return v, v <= most
}

// ParseASN reads the number of an autonomous system, 1 to 4294967295, with or
// without "AS" in front.
func ParseASN(b []byte) (uint32, bool) {
	if len(b) > 2 && b[0]|0x20 == 'a' && b[1]|0x20 == 's' {
		b = b[2:]
	}
	v, ok := ParseUint(b, 1<<32-1)
	return uint32(v), ok && v > 0
}
