package observable

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSegwitHasTheValidVectorsOfBIP173AndBIP350(t *testing.T) {
	for _, a := range []string{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
		"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
		"BC1SW50QGDZ25J", "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs",
		"tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
		"tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
	} {
		if got, why := segwit(a, strings.ToLower(a[:2])); why != "" || got != strings.ToLower(a) {
			t.Errorf("%s: got %q, %q, want it in lower case", a, got, why)
		}
	}
}

func TestSegwitRefusesTheInvalidVectorsOfBIP173AndBIP350(t *testing.T) {
	for a, want := range map[string]string{
		"tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut": wrongVersion,
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd": badChecksum,
		"tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf": badChecksum,
		"BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL": badChecksum,
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh":                     badChecksum,
		"tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47": badChecksum,
		"bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4": badBase58,
		"BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R": "version",
		"bc1pw5dgrnzv": "length",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav": "length",
		"BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P":                                         "length",
		"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq":               "mixes",
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf":             "padding",
		"tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j":               "padding",
		"bc1gmk9yu": "short",
		"tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty":                                   wrongVersion,
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":                                   badChecksum,
		"bc10w508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kw5rljs90": "",
		"": "short",
	} {
		prefix := "bc"
		if strings.HasPrefix(a, "tb") {
			prefix = "tb"
		}
		if _, why := segwit(a, prefix); why == "" || !strings.Contains(why, want) {
			t.Errorf("%s: got %q, want a refusal with %q", a, why, want)
		}
	}
}

func TestABase58AddressIsItsOwnEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]string{bitcoinLetters, xrpLetters}).Draw(t, "letters")
		raw := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x1e, 0x41, 0xff, 0x80}), payload, payload).Draw(t, "raw")
		text := base58Text(raw, letters)
		got, why := base58Check(text, letters)
		if len(text) < 25 { // a hash of many zeros; no real address is
			t.Skip()
		}
		if why != "" || !bytes.Equal(got, raw) {
			t.Fatalf("%s: got %x, %q, want %x", text, got, why, raw)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "position")
		c := letters[rapid.IntRange(0, 57).Draw(t, "letter")]
		if broken := text[:i] + string(c) + text[i+1:]; broken != text {
			if _, why := base58Check(broken, letters); why == "" {
				t.Fatalf("%s passes with its letter %d changed", broken, i)
			}
		}
	})
}

func TestDogecoinWantsItsOwnVersionByte(t *testing.T) {
	hash := bytes.Repeat([]byte{7}, 20)
	for version, want := range map[byte]bool{0x1e: true, 0x16: true, 0x00: false, 0x71: false} {
		text := base58Text(append([]byte{version}, hash...), bitcoinLetters)
		if _, err := Parse(Dogecoin, text); (err == nil) != want {
			t.Errorf("version %#x as %s: got %v", version, text, err)
		}
		if o, _ := Detect(text); (o.Kind == Dogecoin) != want {
			t.Errorf("version %#x as %s: detected as %q", version, text, o.Kind)
		}
	}
}

// moneroText encodes what moneroBytes decodes.
func moneroText(raw []byte) string {
	var out []byte
	for len(raw) > 0 {
		size, letters := min(8, len(raw)), 11
		if size < 8 {
			letters = 7
		}
		var block [8]byte
		copy(block[8-size:], raw[:size])
		n, part := binary.BigEndian.Uint64(block[:]), make([]byte, letters)
		for i := letters - 1; i >= 0; i-- {
			part[i] = bitcoinLetters[n%58]
			n /= 58
		}
		out, raw = append(out, part...), raw[size:]
	}
	return string(out)
}

func TestMoneroAddressesCarryTheirNetworkAndChecksum(t *testing.T) {
	for _, tt := range []struct {
		network byte
		size    int
		ok      bool
	}{
		{moneroStandard, 64, true},
		{moneroSub, 64, true},
		{moneroIntegrated, 72, true},
		{moneroIntegrated, 64, false},
		{moneroStandard, 72, false},
		{53, 64, false},
	} {
		body := append([]byte{tt.network}, bytes.Repeat([]byte{0xa5}, tt.size)...)
		text := moneroText(append(body, keccak(body)[:checksum]...))
		if _, err := Parse(Monero, text); (err == nil) != tt.ok {
			t.Errorf("network %d, %d bytes: got %v", tt.network, tt.size, err)
		}
		if o, ok := Detect(text); ok != tt.ok || ok && o.Kind != Monero {
			t.Errorf("network %d, %d bytes: detected as %v", tt.network, tt.size, o)
		}
		if _, err := Parse(Monero, text[:50]+"2"+text[51:]); err == nil {
			t.Errorf("network %d: a wrong letter passes", tt.network)
		}
	}
}
