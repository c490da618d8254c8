package guardweb

import (
	"strings"
	"testing"

	"almenara.example/internal/foundation/fault"
)

func TestBrowsersAreNamedInWords(t *testing.T) {
	for said, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                           "Firefox Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":            "Edge Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1": "Safari iPhone",
		"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36":                         "Chrome Android",
		"curl/8.14.1": "",
	} {
		browser, system := recognise(fault.Clip(essential(said)))
		if got := strings.TrimSpace(browser + " " + system); got != want {
			t.Errorf("%s: got %q, want %q", said, got, want)
		}
	}
}
