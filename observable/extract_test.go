package observable_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/observable"
)

func extracted(text string) []string {
	var out []string
	for _, f := range observable.Extract(text, 0) {
		out = append(out, string(f.Kind)+" "+f.Value)
	}
	return out
}

func TestExtractFindsWhatATextHolds(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"The host 192.0.2.1, then (198.51.100.7:8443).", []string{"ip 192.0.2.1", "ip 198.51.100.7:8443"}},
		{"from [2001:db8::1]:443 and 2001:db8::2; ::1", []string{"ip [2001:db8::1]:443", "ip 2001:db8::2", "ip ::1"}},
		{"block 192.0.2.0/24.", []string{"cidr 192.0.2.0/24"}},
		{"see hxxps://evil[.]example/a?b=1,2;c='d'.", []string{"url https://evil.example/a?b=1,2;c='d"}},
		{"[link](http://evil.example/x_(y)) and <https://a.example>", []string{"url http://evil.example/x_(y)", "url https://a.example/"}},
		{`{"url":"hxxp[:]//evil[.]example","ip":"192.0.2.9"}`, []string{"url http://evil.example/", "ip 192.0.2.9"}},
		{"mail user[@]evil[.]example or root@192.0.2.3:22", []string{"email user@evil.example", "ip 192.0.2.3"}},
		{"mailto:a.b@operator.example!", []string{"email a.b@operator.example"}},
		{"evil.example:8080/path, www.evil.example", []string{"domain evil.example", "domain www.evil.example"}},
		{"evil[.]py but tool.py and libc.so, setup.exe", []string{"domain evil.py", "file-name tool.py", "file-name libc.so", "file-name setup.exe"}},
		{"CVE-2021-44228 (cve-2024-3094)", []string{"cve CVE-2021-44228", "cve CVE-2024-3094"}},
		{"md5:D41D8CD98F00B204E9800998ECF8427E sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709", []string{"md5 d41d8cd98f00b204e9800998ecf8427e", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"}},
		{"call +33 1 23 45 67 89 now", []string{"phone +33123456789"}},
		{"to GB82 WEST 1234 5698 7654 32, or DE89370400440532013000", []string{"iban GB82WEST12345698765432", "iban DE89370400440532013000"}},
		{"pay 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2!", []string{"bitcoin 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"}},
		{"访问evil.example查看「http://a.example/路」。", []string{"domain evil.example", "url http://a.example/%E8%B7%AF"}},
		{"voir «bücher.example» ", []string{"domain xn--bcher-kva.example"}},
		{`C:\temp\a.exe /usr/share/x.sh`, []string{"file-name a.exe", "file-name x.sh"}},
		{"tcp://192.0.2.5:4444", []string{"url tcp://192.0.2.5:4444/"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, extracted(tt.text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestExtractLeavesOutWhatOnlyLooksAlike(t *testing.T) {
	for _, text := range []string{
		"version 1.2.3.4 of Firefox/120.0.0.0, v1.2.3.4", "at 10:30:45, on 12.03.2026", "std::vector and a::b", "e.g. this, i.e. that, etc.",
		"and/or TCP/IP 24/7", "name.unlisted obj.method", "00000000000000000000000000000000", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3",
		"http://localhost/x", "aa:bb:cc:dd:ee:ff", "@someone said 1+1", "+1 agree", "...", "((((", "GB82 WEST", "", "://", "http://", "co.uk",
	} {
		if got := extracted(text); got != nil {
			t.Errorf("%q: got %q, want nothing", text, got)
		}
	}
}

func TestOffsetsPointAtWhatWasFound(t *testing.T) {
	text := "x (evil[.]example) y hxxp://a[.]example/b, +33 1 23 45 67 89."
	var got []string
	for _, f := range observable.Extract(text, 0) {
		got = append(got, text[f.Start:f.End])
	}
	if diff := cmp.Diff([]string{"evil[.]example", "hxxp://a[.]example/b", "+33 1 23 45 67 89"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExtractStopsAtItsLimit(t *testing.T) {
	if got := observable.Extract(strings.Repeat("192.0.2.1/192.0.2.2 ", 100), 3); len(got) != 3 {
		t.Errorf("got %d, want 3", len(got))
	}
}

// hostile has texts that make careless scanners slow.
func hostile() []string {
	return []string{"(", "[.]", "http://", "[", "a.", "a@", "::", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3 ", "h**p[:]//", "+1 ", "GB82 ", "((dot)dot)", "http://a.example/(((", "é.", "http://[[ ", "//", "ü://", "http://a.example)", "http://a.example/]+1", "+12345678)"}
}

// A scanner that goes back at each token would need minutes here.
func TestHostileTextTakesNoLongerThanItsLength(t *testing.T) {
	const most = 20 * time.Second
	for _, s := range hostile() {
		text := strings.Repeat(s, 2<<20/len(s))
		start := time.Now()
		observable.Extract(text, 0)
		if took := time.Since(start); took > most {
			t.Errorf("%q: 2 MiB took %v, want less than %v", s, took, most)
		}
	}
}

func FuzzExtract(f *testing.F) {
	for _, s := range hostile() {
		f.Add(strings.Repeat(s, 3))
	}
	f.Add("see hxxps://evil[.]example/a, 192.0.2.1:80, [2001:db8::1]:443, a[@]b[.]example, GB82 WEST 1234 5698 7654 32")
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, found := range observable.Extract(text, 0) {
			if found.Start < 0 || found.Start >= found.End || found.End > len(text) || found.Start < at {
				t.Fatalf("%q: got %d to %d after %d", text, found.Start, found.End, at)
			}
			at = found.Start
			if again, err := observable.Parse(found.Kind, found.Value); err != nil || again != found.Observable {
				t.Fatalf("%q: found %v, which reads as %v, %v", text, found, again, err)
			}
		}
	})
}

func BenchmarkExtract(b *testing.B) {
	log := strings.Repeat("Nov 28 22:36:21 gw sshd[4711]: Failed password for invalid user admin from 192.0.2.17 port 52211 ssh2\n", 2000)
	report := strings.Repeat("The actor sent a letter from user[@]evil[.]example that pointed to hxxps://evil[.]example/login?id=7; the file "+
		"invoice.exe (sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855) called home to 198.51.100.7:8443 and "+
		"c2.evil.example over several weeks, and asked for payment to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 before Friday. ", 500)
	for name, text := range map[string]string{"log": log, "report": report} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				observable.Extract(text, 0)
			}
		})
	}
}
