package warn

import (
	"strings"
	"testing"
	"unicode/utf8"

	"almenara.example/internal/foundation/fault"
)

func FuzzReadFile(f *testing.F) {
	const good = "severity = \"flash\"\nmarking = \"TLP:AMBER\"\nuntil = 2026-12-01T00:00:00Z\nanswer_within = \"30m\"\n" +
		"[to]\nsectors = [\"drinking-water\"]\nseverity = \"high\"\n[text.en]\ntitle = \"T\"\nwhat = \"W\"\ndo = \"D\"\n"
	f.Add(strings.Replace(good, "2026-12-01T00:00:00Z", `"2026-12-01T00:00:00Z"`, 1))
	f.Add(good)
	f.Add("severity = 3")
	f.Add("[to]\neveryone = true\n[text.\"../x\"]\ntitle = \"\\u0000\"")
	f.Add("a = [[[[[[[[")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ReadFile(strings.NewReader(s))
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("got %v, want it refused as invalid", err)
			}
			return
		}
		for language, text := range v.Texts {
			for _, line := range []string{language, text.Title} {
				if strings.ContainsAny(line, "\r\n\x00") || !utf8.ValidString(line) {
					t.Errorf("taken with %q", line)
				}
			}
		}
	})
}
