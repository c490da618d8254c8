package observable_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"almenara.example/observable"
)

// forms has texts of every kind and what they are read as.
func forms() []struct {
	kind       observable.Kind
	text, want string
} {
	return []struct {
		kind       observable.Kind
		text, want string
	}{
		{observable.IP, " 192.0.2.1 ", "192.0.2.1"},
		{observable.IP, "192[.]0[.]2[.]1", "192.0.2.1"},
		{observable.IP, "192.0.2.1:443", "192.0.2.1:443"},
		{observable.IP, "::ffff:192.0.2.1", "192.0.2.1"},
		{observable.IP, "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
		{observable.IP, "[2001:db8::1]", "2001:db8::1"},
		{observable.IP, "[2001[:]db8::1]:8443", "[2001:db8::1]:8443"},
		{observable.CIDR, "192.0.2.0/24", "192.0.2.0/24"},
		{observable.CIDR, "2001:db8:0::/32", "2001:db8::/32"},
		{observable.Domain, "Mail.Operator.EXAMPLE.", "mail.operator.example"},
		{observable.Domain, "evil(dot)example", "evil.example"},
		{observable.Domain, "bücher.example", "xn--bcher-kva.example"},
		{observable.Domain, "_dmarc.operator.example", "_dmarc.operator.example"},
		{observable.Domain, "operator.co.uk", "operator.co.uk"},
		{observable.URL, "hxxps://evil[.]example", "https://evil.example/"},
		{observable.URL, "hXXp[:]//Evil[.]Example:80/A?b=c#d", "http://evil.example/A?b=c#d"},
		{observable.URL, "https://user:pw@evil.example:8443/x y/[1]%zz", "https://user:pw@evil.example:8443/x%20y/%5B1%5D%25zz"},
		{observable.URL, "http://[2001:DB8::1]:8080?q", "http://[2001:db8::1]:8080/?q"},
		{observable.URL, "fxp://192[.]0[.]2[.]7/a(dot)b", "ftp://192.0.2.7/a(dot)b"},
		{observable.URL, "http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"},
		{observable.Email, "mailto:First.Last@Operator.Example", "First.Last@operator.example"},
		{observable.Email, "user[at]evil[dot]example", "user@evil.example"},
		{observable.MD5, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
		{observable.SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{observable.CVE, "cve-2021-44228", "CVE-2021-44228"},
		{observable.FileName, "facture (1).pdf.exe", "facture (1).pdf.exe"},
		{observable.FileName, `photo\u{202e}gpj.exe`, "photo\u202egpj.exe"},
		{observable.Account, "@someone_1", "@someone_1"},
		{observable.Account, "someone@Telegram", "someone@telegram"},
		{observable.Phone, "+33 (0)1 23-45.67 89", "+33123456789"},
		{observable.Phone, "tel:+15555550100", "+15555550100"},
		{observable.Bitcoin, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
		{observable.Bitcoin, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"},
		{observable.Ethereum, "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
		{observable.Litecoin, "3MSvaVbVFFLML86rt5eqgA9SvW23upaXdY", "MTf4tP1TCNBn8dNkyxeBVoPrFCcVzxJvvh"},
		{observable.Tron, "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"},
		{observable.XRP, "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"},
		{observable.XRP, "rrrrrrrrrrrrrrrrrrrrBZbvji", "rrrrrrrrrrrrrrrrrrrrBZbvji"},
		{observable.IBAN, "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"},
	}
}

func TestAValueIsReadIntoItsCanonicalForm(t *testing.T) {
	for _, f := range forms() {
		got, err := observable.Parse(f.kind, f.text)
		if err != nil || got.Value != f.want {
			t.Errorf("%s %q: got %q, %v, want %q", f.kind, f.text, got.Value, err, f.want)
		}
	}
}

func TestWhatIsWrongIsSaidWithAnExample(t *testing.T) {
	tests := []struct {
		kind      observable.Kind
		text, why string
	}{
		{observable.IP, "", "is empty"},
		{observable.IP, "192.0.2.256", "neither"},
		{observable.IP, "192.0.02.1", "neither"},
		{observable.IP, "fe80::1%eth0", "zone"},
		{observable.IP, "192.0.2.1:0", "port 0"},
		{observable.IP, "[[(dot)].]", "neither"},
		{observable.CIDR, "192.0.2.1/24", "the network is 192.0.2.0/24"},
		{observable.CIDR, "192.0.2.0/33", "length of the network"},
		{observable.Domain, "localhost", "one label"},
		{observable.Domain, "co.uk", "public suffix"},
		{observable.Domain, "a..example", "empty label"},
		{observable.Domain, "-a.example", "hyphen"},
		{observable.Domain, "evil example.example", "holds"},
		{observable.Domain, strings.Repeat("a", 64) + ".example", "63"},
		{observable.Domain, "192.0.2.1", "ends in a number"},
		{observable.URL, "evil.example/x", "no scheme"},
		{observable.URL, "https:///x", "host"},
		{observable.URL, "https://evil.example:99999/", "port"},
		{observable.URL, "1http://evil.example/", "scheme"},
		{observable.Email, "operator.example", "no @"},
		{observable.Email, "a..b@operator.example", "dot"},
		{observable.Email, `"a b"@operator.example`, "holds"},
		{observable.Email, "a@com", "one label"},
		{observable.MD5, "d41d8cd98f00b204e9800998ecf8427", "31 characters"},
		{observable.MD5, "g41d8cd98f00b204e9800998ecf8427e", "0-9 and a-f"},
		{observable.CVE, "CVE-1998-0001", "1999"},
		{observable.CVE, "CVE-2021-123", "3 digits"},
		{observable.CVE, "2021-44228", "is not CVE"},
		{observable.FileName, `C:\temp\a.exe`, "folder"},
		{observable.FileName, "a\x00b", "control"},
		{observable.FileName, `a\u{41}`, "hidden"},
		{observable.Account, "two words", "holds"},
		{observable.Phone, "0123456789", "country code"},
		{observable.Phone, "+12345", "digits"},
		{observable.Bitcoin, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "checksum"},
		{observable.Bitcoin, "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7", "test network"},
		{observable.Bitcoin, "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb", "another currency"},
		{observable.Ethereum, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "checksum"},
		{observable.Ethereum, "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x"},
		{observable.Monero, "4", "95"},
		{observable.IBAN, "GB82 WEST 1234 5698 7654 33", "check digits"},
		{observable.IBAN, "GB82 WEST 1234 5698 7654 3", "22"},
		{observable.IBAN, "US82WEST12345698765432", "without IBANs"},
		{observable.Domain, "a\xff.example", "UTF-8"},
		{observable.URL, "http://evil.example/" + strings.Repeat("a", 5000), "bytes"},
		{"smell", "x", "not known"},
	}
	for _, tt := range tests {
		_, err := observable.Parse(tt.kind, tt.text)
		var e *observable.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s %q: got %v, want an error with %q", tt.kind, tt.text, err, tt.why)
		}
	}
}

func TestEIP55HasTheExamplesOfItsText(t *testing.T) {
	for _, a := range []string{
		"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
		"0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
		"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	} {
		got, err := observable.Parse(observable.Ethereum, a)
		if err != nil || got.Value != a {
			t.Errorf("got %q, %v, want %q", got.Value, err, a)
		}
	}
}

func TestIBANsOfTheRegistryPass(t *testing.T) {
	for _, a := range []string{
		"DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947", "MT84MALT011000012345MTLCAST001S",
		"BE68539007547034", "NL91ABNA0417164300", "CH9300762011623852957", "ES9121000418450200051332",
		"SA0380000000608010167519", "LC55HEMM000100010012001200023015", "AD1200012030200359100100",
	} {
		if got, err := observable.Parse(observable.IBAN, strings.ToLower(a)); err != nil || got.Value != a {
			t.Errorf("got %q, %v, want %q", got.Value, err, a)
		}
	}
}

func TestDefangedTextCannotBeClicked(t *testing.T) {
	for value, want := range map[observable.Observable]string{
		{Kind: observable.URL, Value: "https://evil.example/a.b"}:          "hxxps://evil[.]example/a.b",
		{Kind: observable.URL, Value: "ssh://u@192.0.2.1:22/"}:             "ssh[:]//u@192[.]0[.]2[.]1:22/",
		{Kind: observable.URL, Value: "http://[::1]:8080/"}:                "hxxp://[[:]:1]:8080/",
		{Kind: observable.IP, Value: "192.0.2.1:443"}:                      "192[.]0[.]2[.]1:443",
		{Kind: observable.IP, Value: "2001:db8::1"}:                        "2001[:]db8::1",
		{Kind: observable.CIDR, Value: "192.0.2.0/24"}:                     "192[.]0[.]2[.]0/24",
		{Kind: observable.Domain, Value: "evil.example"}:                   "evil[.]example",
		{Kind: observable.Email, Value: "a.b@evil.example"}:                "a.b[@]evil[.]example",
		{Kind: observable.FileName, Value: "photo\u202egpj.exe"}:           `photo\u{202e}gpj.exe`,
		{Kind: observable.MD5, Value: "d41d8cd98f00b204e9800998ecf8427e"}:  "d41d8cd98f00b204e9800998ecf8427e",
		{Kind: observable.Account, Value: "someone@forum.example"}:         "someone[@]forum[.]example",
		{Kind: observable.URL, Value: "nonsense that nobody parsed"}:       "nonsense that nobody parsed",
		{Kind: observable.Email, Value: "no at sign, and not from Parse."}: "no at sign, and not from Parse.",
	} {
		if got := observable.Defang(value); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestKeysJoinWhatIsTheSameThing(t *testing.T) {
	same := [][2][2]string{
		{{"ip", "192.0.2.1:443"}, {"ip", "192.0.2.1"}},
		{{"url", "http://evil.example/#a"}, {"url", "hxxp://EVIL.example"}},
		{{"email", "A@evil.example"}, {"email", "a@evil.example"}},
		{{"file-name", "A.EXE"}, {"file-name", "a.exe"}},
	}
	for _, pair := range same {
		var keys []string
		for _, p := range pair {
			o, err := observable.Parse(observable.Kind(p[0]), p[1])
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, observable.Key(o))
		}
		if keys[0] != keys[1] {
			t.Errorf("got %q and %q, want the same key", keys[0], keys[1])
		}
	}
}

func TestSTIXNamesTheObjectType(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.1:80": "ipv4-addr", "[2001:db8::1]:80": "ipv6-addr", "2001:db8::/32": "ipv6-addr", "evil.example": "domain-name",
		"https://evil.example/": "url", "a@evil.example": "email-addr", "d41d8cd98f00b204e9800998ecf8427e": "file",
		"CVE-2021-44228": "vulnerability", "a.exe": "file", "@someone": "user-account", "+33123456789": "",
	} {
		o, ok := observable.Detect(text)
		if got := observable.STIX(o); !ok || got != want {
			t.Errorf("%s: got %q of %v, want %q", text, got, o, want)
		}
	}
}

// drawn makes observables of the kinds that have a structure.
func drawn(t *rapid.T) observable.Observable {
	label := rapid.StringMatching(`[a-z0-9]([a-z0-9_-]{0,8}[a-z0-9])?`)
	name := fmt.Sprintf("%s.%s.example", label.Draw(t, "label"), label.Draw(t, "label"))
	raw := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
	six, _ := netip.AddrFromSlice(raw)
	four, _ := netip.AddrFromSlice(raw[:4])
	addr := rapid.SampledFrom([]netip.Addr{six, four}).Draw(t, "addr")
	port := rapid.Uint16Range(1, 65535).Draw(t, "port")
	tail := rapid.String().Draw(t, "tail")
	switch rapid.IntRange(0, 8).Draw(t, "form") {
	case 0:
		return parsed(t, observable.IP, addr.String())
	case 1:
		return parsed(t, observable.IP, netip.AddrPortFrom(addr, port).String())
	case 2:
		p, _ := addr.Unmap().Prefix(rapid.IntRange(0, 32).Draw(t, "bits"))
		return parsed(t, observable.CIDR, p.String())
	case 3:
		return parsed(t, observable.Domain, name)
	case 4:
		return parsed(t, observable.URL, "https://"+name+"/"+strings.TrimSpace(tail))
	case 5:
		return parsed(t, observable.URL, fmt.Sprintf("ssh://[%s]:%d?%s", addr, port, strings.TrimSpace(tail)))
	case 6:
		return parsed(t, observable.Email, rapid.StringMatching(`[a-zA-Z0-9{}+=]{1,30}`).Draw(t, "local")+"@"+name)
	case 7:
		return parsed(t, observable.FileName, rapid.StringMatching("[a-z \u202e\u200bé]{0,9}\\.exe").Draw(t, "file"))
	default:
		return parsed(t, observable.Account, label.Draw(t, "label")+"@"+name)
	}
}

func parsed(t *rapid.T, kind observable.Kind, text string) observable.Observable {
	o, err := observable.Parse(kind, text)
	if err != nil {
		t.Skip(err.Error())
	}
	return o
}

func TestADefangedValueIsReadBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		shown := observable.Defang(o)
		if got, err := observable.Parse(o.Kind, shown); err != nil || got != o {
			t.Fatalf("%q: got %v, %v, want %v", shown, got, err, o)
		}
	})
}

func TestDetectTellsTheKindsApart(t *testing.T) {
	for text, want := range map[string]observable.Kind{
		"192.0.2.1": observable.IP, "192[.]0[.]2[.]1:80": observable.IP, "2001:db8::1": observable.IP, "192.0.2.0/24": observable.CIDR,
		"evil.example": observable.Domain, "evil[.]zz": observable.Domain, "hxxp://evil[.]example/": observable.URL,
		"a[@]evil[.]example": observable.Email, "someone@telegram": observable.Account, "@someone": observable.Account,
		"cve-2021-44228": observable.CVE, "tool.py": observable.FileName, "tool[.]py": observable.Domain, "a.exe": observable.FileName,
		"+33 1 23 45 67 89": observable.Phone, "GB82 WEST 1234 5698 7654 32": observable.IBAN,
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2": observable.Bitcoin, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": observable.Bitcoin,
		"MTf4tP1TCNBn8dNkyxeBVoPrFCcVzxJvvh": observable.Litecoin, "T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb": observable.Tron,
		"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh": observable.XRP, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": observable.Ethereum,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": observable.SHA256,
		"word": "", "": "", "1.2.3": "", "10:30": "", "some words": "", "x.unlisted": "",
	} {
		if got, ok := observable.Detect(text); got.Kind != want || ok != (want != "") {
			t.Errorf("%q: got %v, want kind %q", text, got, want)
		}
	}
}

func TestEveryKindCanBeRead(t *testing.T) {
	seen := map[observable.Kind]bool{observable.SHA256: true, observable.SHA512: true, observable.Dogecoin: true, observable.Monero: true} // in wallet_test.go, or hashes alike
	for _, f := range forms() {
		seen[f.kind] = true
	}
	for _, k := range observable.Kinds() {
		if !seen[k] {
			t.Errorf("kind %s has no example in the tests", k)
		}
	}
	if n := len(slices.Compact(slices.Sorted(slices.Values(observable.Kinds())))); n != len(observable.Kinds()) {
		t.Errorf("got %d different kinds of %d", n, len(observable.Kinds()))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range forms() {
		f.Add(string(s.kind), s.text)
	}
	f.Add("url", "ssh[:]//((dot)dot)@[[:]:1]:1?[.]")
	f.Fuzz(func(t *testing.T, kind, text string) {
		o, err := observable.Parse(observable.Kind(kind), text)
		if err != nil {
			return
		}
		for _, again := range []string{o.Value, observable.Defang(o)} {
			if got, err := observable.Parse(o.Kind, again); err != nil || got != o {
				t.Fatalf("%s %q, read as %q: got %q, %v of %q", kind, text, o.Value, got.Value, err, again)
			}
		}
	})
}
