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

func TestWhatCannotBeSeenIsBlank(t *testing.T) {
	for s, want := range map[string]bool{
		"": true, " \t\n\u00a0\u3000": true, "\u200b\u200c\u200d\ufeff": true, "\u2060\u2064": true, "\u00ad": true, "\u3164\uffa0\u115f\u1160": true,
		"\u202a\u202e\u2066\u2069\u061c": true, "\u034f\u180b\ufe0f\U000e0100\U000e0041": true, "\u2800": true, "\x00\x1b": true, "\u17b4": true,
		"a": false, "\u200bа": false, "漢": false, "ش": false, "👩\u200d🚒": false, "-": false, "\xff": false, "\ufffd": false,
	} {
		if Blank(s) != want {
			t.Errorf("Blank(%+q) is %v", s, !want)
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
