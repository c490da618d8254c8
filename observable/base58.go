package observable

import (
	"crypto/sha256"
	"strings"
)

// The alphabets: the XRP Ledger has Bitcoin's letters in another order.
const (
	bitcoinLetters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	xrpLetters     = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
)

const (
	payload      = 21 // a version byte and a hash of 20
	checksum     = 4
	maxBase58    = 36 // 25 bytes have 35 letters at most
	badChecksum  = "has a wrong checksum: one character or more is mistaken"
	badBase58    = "holds a character that its alphabet does not have"
	wrongVersion = "is the address of another currency or of a test network"
)

// base58Check reads version byte and hash; the checksum is the beginning of the
// double SHA-256.
func base58Check(text, letters string) (raw []byte, why string) {
	if len(text) < 25 || len(text) > maxBase58 {
		return nil, "has an impossible length"
	}
	all, ok := base58(text, letters)
	if !ok {
		return nil, badBase58
	}
	if len(all) != payload+checksum {
		return nil, "has an impossible length"
	}
	if sum := doubleSum(all[:payload]); string(sum[:checksum]) != string(all[payload:]) {
		return nil, badChecksum
	}
	return all[:payload], ""
}

func doubleSum(b []byte) [sha256.Size]byte {
	once := sha256.Sum256(b)
	return sha256.Sum256(once[:])
}

// base58 decodes; each leading first letter of the alphabet is a zero byte.
func base58(text, letters string) ([]byte, bool) {
	var buf [maxBase58]byte // big-endian, filled from the end
	from := len(buf)
	for i := range len(text) {
		carry := strings.IndexByte(letters, text[i])
		if carry < 0 {
			return nil, false
		}
		for j := len(buf) - 1; j >= from || carry > 0; j-- {
			carry += int(buf[j]) * 58
			buf[j] = byte(carry)
			carry >>= 8
			from = min(from, j)
		}
	}
	zeros := 0
	for zeros < len(text) && text[zeros] == letters[0] {
		zeros++
	}
	return append(make([]byte, zeros), buf[from:]...), true
}

// base58Text encodes a payload of [payload] bytes with its checksum.
func base58Text(raw []byte, letters string) string {
	sum := doubleSum(raw)
	all := append(append([]byte{}, raw...), sum[:checksum]...)
	var out []byte // the last letter first
	for _, b := range all {
		carry := int(b)
		for i := 0; i < len(out) || carry > 0; i++ {
			if i == len(out) {
				out = append(out, 0)
			}
			carry += int(out[i]) << 8
			out[i] = byte(carry % 58)
			carry /= 58
		}
	}
	for i := 0; i < len(all) && all[i] == 0; i++ {
		out = append(out, 0)
	}
	text := make([]byte, len(out))
	for i, d := range out {
		text[len(out)-1-i] = letters[d]
	}
	return string(text)
}
