package id

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
)

// Numbers turns inner ids into the numbers that people see, such as
// ALM-4K7Q-2M9X, and back. It is a keyed permutation of 40-bit integers: a
// balanced Feistel network of 8 rounds with HMAC-SHA-256, so a number tells
// nothing about how many things there are (NIST SP 800-38G describes the
// construction; this is not one of its named modes).
type Numbers struct {
	prefix string
	key    []byte
}

// crockford is Crockford's base 32: no I, L, O, U.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	numberBits = 40
	halfBits   = numberBits / 2
	halfMask   = 1<<halfBits - 1
	rounds     = 8
)

// ErrNumber says that a text is not a number of this installation's form.
var ErrNumber = errors.New("not a number such as ALM-4K7Q-2M9X")

// NewNumbers returns the permutation for a key; kind keeps the numbers of
// different sorts of things apart.
func NewNumbers(prefix, kind string, key []byte) *Numbers {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("number/" + kind))
	return &Numbers{prefix: prefix, key: mac.Sum(nil)}
}

// Format returns the number of inner id n, which must be below 2^40.
func (p *Numbers) Format(n uint64) string {
	v := p.permute(n&(1<<numberBits-1), false)
	var b [8]byte
	for i := 7; i >= 0; i-- {
		b[i] = crockford[v&31]
		v >>= 5
	}
	return p.prefix + "-" + string(b[:4]) + "-" + string(b[4:])
}

// Parse is the inverse of Format. It forgives case, missing dashes and prefix,
// and the letters that Crockford's alphabet reads as digits (O as 0, I and L as 1).
func (p *Numbers) Parse(s string) (uint64, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	s = strings.Trim(s, "[]")
	s = strings.TrimPrefix(s, p.prefix)
	s = strings.ReplaceAll(s, "-", "")
	if len(s) != 8 {
		return 0, ErrNumber
	}
	var v uint64
	for _, c := range strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(s) {
		d := strings.IndexRune(crockford, c)
		if d < 0 {
			return 0, ErrNumber
		}
		v = v<<5 | uint64(d)
	}
	return p.permute(v, true), nil
}

func (p *Numbers) permute(v uint64, inverse bool) uint64 {
	l, r := v>>halfBits, v&halfMask
	for i := range rounds {
		if inverse {
			l, r = (r^p.round(rounds-1-i, l))&halfMask, l
		} else {
			l, r = r, (l^p.round(i, r))&halfMask
		}
	}
	return l<<halfBits | r
}

func (p *Numbers) round(i int, half uint64) uint64 {
	mac := hmac.New(sha256.New, p.key)
	var b [9]byte
	b[0] = byte(i)
	binary.BigEndian.PutUint64(b[1:], half)
	mac.Write(b[:])
	return binary.BigEndian.Uint64(mac.Sum(nil)[:8]) & halfMask
}
