package i18n

import (
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// newPseudo makes the pseudo-language from English. English plural rules hold.
func newPseudo(english map[string]*i18n.Message) (*speaker, error) {
	strange := make(map[string]*i18n.Message, len(english))
	for key, m := range english {
		strange[key] = &i18n.Message{ID: key, One: pseudo(m.One), Other: pseudo(m.Other)}
	}
	s, err := speak(language.English, strange)
	if err != nil {
		return nil, err
	}
	s.language = Language{Tag: PseudoRTL, Name: "Pseudo", Dir: "rtl"}
	return s, nil
}

// pseudo puts accents on letters outside {{places}}.
func pseudo(text string) string {
	accents := strings.NewReplacer("a", "á", "e", "é", "i", "í", "o", "ó", "u", "ú", "y", "ý", "A", "Á", "E", "É", "I", "Í", "O", "Ó", "U", "Ú", "n", "ñ", "c", "ç")
	var b strings.Builder
	for {
		open := strings.Index(text, "{{")
		if open < 0 {
			b.WriteString(accents.Replace(text))
			return b.String()
		}
		end := strings.Index(text[open:], "}}")
		if end < 0 {
			b.WriteString(accents.Replace(text))
			return b.String()
		}
		b.WriteString(accents.Replace(text[:open]))
		b.WriteString(text[open : open+end+2])
		text = text[open+end+2:]
	}
}
