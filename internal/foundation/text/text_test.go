package text

import "testing"

func TestWhatBreaksALineIsNotOneLine(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, "Ms Ferrer, night shift": true, "Ærøskøbing": true, "a\r\nBcc: x": false, "a\nb": false, "a\x00b": false,
		"a\u0085b": false, "a\u2028b": false, "a\u2029b": false, "a\xffb": false, "a\tb": false,
	} {
		if OneLine(s) != want {
			t.Errorf("OneLine(%q) is %v", s, !want)
		}
	}
}

func TestCleanKeepsLinesAndDropsTheRest(t *testing.T) {
	for s, want := range map[string]string{
		"a\r\nb\tc": "a\nb\tc", "a\x00\x1bb": "ab", "a\xffb": "a\uFFFDb", "äöüß€": "äöüß€", "äöüß€x": "äöüß€…",
	} {
		if got := Clean(s, 5); got != want {
			t.Errorf("Clean(%q) is %q, want %q", s, got, want)
		}
	}
}
