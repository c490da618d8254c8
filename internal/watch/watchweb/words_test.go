package watchweb

import (
	"strings"
	"testing"

	"almenara.example/internal/foundation/i18n"
	"almenara.example/mapping"
)

func TestEveryReasonForSettingARowAsideHasItsWordInEveryLanguage(t *testing.T) {
	words, err := i18n.New(i18n.Sub(Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "fr"} {
		seen := map[string]bool{}
		for _, r := range mapping.Reasons() {
			word := words.Printer(lang).Say("watch.word.reason." + string(r))
			if strings.ContainsAny(word, "⟦⟧") || seen[word] {
				t.Errorf("%s: got %q for %s, want a word of its own", lang, word, r)
			}
			seen[word] = true
		}
	}
}
