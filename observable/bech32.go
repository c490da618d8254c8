package observable

import "strings"

const (
	bech32Letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
	bech32Sum     = 1          // BIP-173, witness version 0
	bech32mSum    = 0x2bc830a3 // BIP-350, the later ones
	maxBech32     = 90
)

// segwit checks a witness address with the given human-readable part and returns
// it in lower case.
func segwit(text, prefix string) (value, why string) {
	lower := strings.ToLower(text)
	if lower != text && strings.ToUpper(text) != text {
		return "", "mixes capitals and small letters"
	}
	sep := strings.LastIndexByte(lower, '1')
	switch {
	case len(lower) > maxBech32:
		return "", "has more than 90 characters"
	case sep < 1 || sep+8 > len(lower):
		return "", "is too short"
	case lower[:sep] != prefix:
		return "", wrongVersion
	}
	data, why := bech32Data(lower[sep+1:])
	if why != "" {
		return "", why
	}
	want := uint32(bech32mSum)
	if data[0] == 0 {
		want = bech32Sum
	}
	if polymod(prefix, data) != want {
		return "", badChecksum
	}
	return lower, checkProgram(data[0], data[1:len(data)-6])
}

func bech32Data(text string) (data []byte, why string) {
	data = make([]byte, len(text))
	for i := range len(text) {
		d := strings.IndexByte(bech32Letters, text[i])
		if d < 0 {
			return nil, badBase58
		}
		data[i] = byte(d)
	}
	return data, ""
}

// polymod is the checksum's polynomial over the expanded prefix and the data.
func polymod(prefix string, data []byte) uint32 {
	sum := uint32(1)
	step := func(v byte) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ uint32(v)
		for i, g := range [5]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for i := range len(prefix) {
		step(prefix[i] >> 5)
	}
	step(0)
	for i := range len(prefix) {
		step(prefix[i] & 31)
	}
	for _, v := range data {
		step(v)
	}
	return sum
}

// checkProgram holds the lengths of BIP-141 and the padding of BIP-173.
func checkProgram(version byte, groups []byte) string {
	size, left := len(groups)*5/8, len(groups)*5%8
	switch {
	case version > 16:
		return "has a witness version above 16"
	case size < 2 || size > 40 || version == 0 && size != 20 && size != 32:
		return "has a witness program of an impossible length"
	case left > 4 || groups[len(groups)-1]&(1<<left-1) != 0:
		return "has padding that is not zero"
	}
	return ""
}
