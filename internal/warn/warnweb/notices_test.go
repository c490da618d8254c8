package warnweb

import "testing"

func TestADesksReaderDoesNotGetTheAnsweringLink(t *testing.T) {
	const body = "Tell us:\nhttps://csirt.example/n/0190.secret-part\nOur number: ALM-1\n"
	if got, want := masked([]byte(body)), "Tell us:\nhttps://csirt.example/n/…\nOur number: ALM-1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
