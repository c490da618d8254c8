package observable

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"

	"golang.org/x/crypto/sha3"
)

// base58Wallet reads an address whose version byte is one of those given.
func base58Wallet(text, letters string, versions ...byte) (raw []byte, why string) {
	raw, why = base58Check(text, letters)
	if why == "" && bytes.IndexByte(versions, raw[0]) < 0 {
		why = wrongVersion
	}
	return raw, why
}

func readBitcoin(text string) (value, why string) {
	if hasPrefixFold(text, "bc1") || hasPrefixFold(text, "tb1") {
		return segwit(text, "bc")
	}
	_, why = base58Wallet(text, bitcoinLetters, 0x00, 0x05)
	return text, why
}

// readLitecoin writes the older form of a script address, which looks like
// Bitcoin's (3…), as the newer one (M…): they are one address.
func readLitecoin(text string) (value, why string) {
	if hasPrefixFold(text, "ltc1") {
		return segwit(text, "ltc")
	}
	raw, why := base58Wallet(text, bitcoinLetters, 0x30, 0x32, 0x05)
	if why == "" && raw[0] == 0x05 {
		raw[0] = 0x32
		return base58Text(raw, bitcoinLetters), ""
	}
	return text, why
}

func readDogecoin(text string) (value, why string) {
	_, why = base58Wallet(text, bitcoinLetters, 0x1e, 0x16)
	return text, why
}

func readTron(text string) (value, why string) {
	_, why = base58Wallet(text, bitcoinLetters, 0x41)
	return text, why
}

func readXRP(text string) (value, why string) {
	_, why = base58Wallet(text, xrpLetters, 0x00)
	return text, why
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// readEthereum takes an address of small letters or capitals alone as it is; one
// that mixes them carries the checksum of EIP-55.
func readEthereum(text string) (value, why string) {
	digits := text
	if !hasPrefixFold(text, "0x") {
		return "", "does not begin with 0x"
	}
	digits = digits[2:]
	switch {
	case len(digits) != 40:
		return "", "has not 40 digits after 0x"
	case !isHex(digits):
		return "", "holds something other than 0-9 and a-f"
	}
	lower := strings.ToLower(digits)
	value = eip55(lower)
	if digits != lower && digits != strings.ToUpper(digits) && digits != value {
		return "", badChecksum
	}
	return "0x" + value, ""
}

// eip55 capitalises the letters where the Keccak-256 of the text has a nibble of 8
// or more.
func eip55(lower string) string {
	sum := hex.EncodeToString(keccak([]byte(lower)))
	out := []byte(lower)
	for i, c := range out {
		if c >= 'a' && sum[i] >= '8' {
			out[i] = c - 0x20
		}
	}
	return string(out)
}

// keccak is Keccak-256 with the padding from before it became SHA-3.
func keccak(b []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(b)
	return h.Sum(nil)
}

// The network bytes of Monero's three forms of address.
const (
	moneroStandard   = 18
	moneroIntegrated = 19
	moneroSub        = 42
)

func readMonero(text string) (value, why string) {
	if len(text) != 95 && len(text) != 106 {
		return "", "has neither 95 nor 106 characters"
	}
	raw, ok := moneroBytes(text)
	if !ok {
		return "", badBase58
	}
	body := raw[:len(raw)-checksum]
	switch integrated := len(text) == 106; {
	case integrated && body[0] != moneroIntegrated, !integrated && body[0] != moneroStandard && body[0] != moneroSub:
		return "", wrongVersion
	case !bytes.Equal(keccak(body)[:checksum], raw[len(body):]):
		return "", badChecksum
	}
	return text, ""
}

// moneroBytes decodes blocks of 11 letters to 8 bytes; the last one of both lengths
// has 7 letters and 5 bytes.
func moneroBytes(text string) ([]byte, bool) {
	var out []byte
	for len(text) > 0 {
		letters, size := min(11, len(text)), 8
		if letters < 11 {
			size = 5
		}
		n, ok := moneroBlock(text[:letters])
		if !ok || size == 5 && n>>40 != 0 {
			return nil, false
		}
		var block [8]byte
		binary.BigEndian.PutUint64(block[:], n)
		out, text = append(out, block[8-size:]...), text[letters:]
	}
	return out, true
}

func moneroBlock(text string) (n uint64, ok bool) {
	for i := range len(text) {
		d := strings.IndexByte(bitcoinLetters, text[i])
		hi, lo := bits.Mul64(n, 58)
		sum, carry := bits.Add64(lo, uint64(max(d, 0)), 0)
		if d < 0 || hi != 0 || carry != 0 {
			return 0, false
		}
		n = sum
	}
	return n, true
}
