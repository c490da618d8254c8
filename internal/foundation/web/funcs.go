package web

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"

	"almenara.example/internal/foundation/i18n"
)

// functions are what templates may call, speaking p's language and zone.
func (p *pages) functions(words *i18n.Printer) template.FuncMap {
	now := p.site.config.Clock.Now
	return template.FuncMap{
		"T":        func(key string, pairs ...any) (string, error) { return sentence(words, key, pairs) },
		"date":     words.Date,
		"clock":    words.Clock,
		"moment":   words.Time,
		"number":   func(n any) (string, error) { return wholeNumber(words, n) },
		"percent":  words.Percent,
		"decimal":  words.Decimal,
		"bytes":    words.Bytes,
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"age":      func(t time.Time) template.HTML { return ageElement(words, now(), t, true) },
		"agequiet": func(t time.Time) template.HTML { return ageElement(words, now(), t, false) },
		"when":     func(t time.Time) template.HTML { return timeElement(words, t) },
		"overdue":  func(t time.Time) bool { return t.Before(now()) },
		"asset":    p.site.static.url,
		"icon":     p.site.icon,
		"marking":  markingOf,
		"slug":     slug,
		"once":     formToken,
		"join":     strings.Join,
		"seq":      func(n int) []struct{} { return make([]struct{}, n) },
	}
}

// sentence is T with its arguments as pairs: T "watch.opened" "Count" 3.
func sentence(words *i18n.Printer, key string, pairs []any) (string, error) {
	if len(pairs) == 0 {
		return words.T(key, nil), nil
	}
	if len(pairs) == 1 {
		switch args := pairs[0].(type) {
		case map[string]any:
			return words.T(key, args), nil
		case nil:
			return words.T(key, nil), nil
		}
	}
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("word %s: arguments come in pairs of name and value", key)
	}
	args := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return "", errors.New("word " + key + ": an argument's name is not a string")
		}
		args[name] = pairs[i+1]
	}
	return words.T(key, args), nil
}

func wholeNumber(words *i18n.Printer, n any) (string, error) {
	switch v := n.(type) {
	case int:
		return words.Number(int64(v)), nil
	case int64:
		return words.Number(v), nil
	case int32:
		return words.Number(int64(v)), nil
	case uint32:
		return words.Number(int64(v)), nil
	case *int64:
		return words.Number(*v), nil
	}
	return "", fmt.Errorf("number: got %T, want a whole number", n)
}

// ageElement is "3 h" with the exact time for pointer, focus and screen reader. In
// lists it takes no focus of its own: the row's link does.
func ageElement(words *i18n.Printer, now, t time.Time, focus bool) template.HTML {
	if t.IsZero() {
		return ""
	}
	stop := ""
	if focus {
		stop = ` tabindex="0"`
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // every value is escaped or made here
		`<time class="age" dir="auto" datetime="%s" title="%[2]s" data-exact="%[2]s"%s>%s</time>`,
		t.UTC().Format(time.RFC3339), template.HTMLEscapeString(words.Time(t)), stop, template.HTMLEscapeString(words.Age(now.Sub(t)))))
}

// timeElement is date and time in full; what it is in UTC can be put on a line of its
// own by a list.
func timeElement(words *i18n.Printer, t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	local, utc, both := strings.Cut(template.HTMLEscapeString(words.Time(t)), " (")
	if both {
		local += ` <span class="alm-utc">(` + utc + `</span>`
	}
	return template.HTML(fmt.Sprintf(`<time dir="auto" datetime="%s">%s</time>`, //nolint:gosec // escaped
		t.UTC().Format(time.RFC3339), local))
}

// icon is a picture from the sprite, hidden from screen readers: a word stands beside
// it wherever it is used.
func (s *Site) icon(name string) template.HTML {
	return template.HTML(`<svg class="icon alm-icon" aria-hidden="true" focusable="false"><use href="` + //nolint:gosec // both parts are ours
		s.static.url("vendor/icons/sprite.svg") + `#` + template.HTMLEscapeString(name) + `"/></svg>`)
}

// markingOf is the class of a marking strip: the colour that FIRST gives the label.
func markingOf(marking string) string {
	switch strings.TrimPrefix(strings.ToUpper(marking), "TLP:") {
	case "RED":
		return "tlp-red"
	case "AMBER", "AMBER+STRICT":
		return "tlp-amber"
	case "GREEN":
		return "tlp-green"
	}
	return "tlp-clear"
}

// slug makes an id of a name: letters and digits, dashes between.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, name)
}
