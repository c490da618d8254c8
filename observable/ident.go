package observable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// hexOf reads a hash of n hexadecimal digits.
func hexOf(n int) reader {
	return func(text string) (value, why string) {
		switch {
		case len(text) != n:
			return "", fmt.Sprintf("has %d characters instead of %d", len(text), n)
		case !isHex(text):
			return "", "holds something other than 0-9 and a-f"
		}
		return strings.ToLower(text), ""
	}
}

func readCVE(text string) (value, why string) {
	value = strings.ToUpper(strings.ReplaceAll(text, "‑", "-")) // the hyphen that does not break
	rest, ok := strings.CutPrefix(value, "CVE-")
	year, number, cut := strings.Cut(rest, "-")
	switch {
	case !ok || !cut || len(year) != 4 || !digits(year) || !digits(number):
		return "", "is not CVE, year and number with hyphens between"
	case year < "1999":
		return "", "has a year before 1999, the first of the list"
	case len(number) < 4 || len(number) > 19:
		return "", "has a number of " + strconv.Itoa(len(number)) + " digits; from 4 to 19 are allowed"
	}
	return value, ""
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// readFileName reads a name without folders. Characters that nobody sees, such as
// the one that turns the reading direction, are kept; [Defang] shows them.
func readFileName(text string) (value, why string) {
	value, why = hidden(text)
	if why != "" {
		return "", why
	}
	switch {
	case strings.ContainsAny(value, `/\`):
		return "", "has a folder; give the last part alone"
	case len(value) > 255:
		return "", "has more than 255 bytes"
	case value == "." || value == "..":
		return "", "is a folder"
	case strings.TrimSpace(value) != value:
		return "", "has blanks around it"
	case strings.IndexFunc(value, unicode.IsControl) >= 0:
		return "", "holds a control character"
	}
	return value, ""
}

// showHidden writes format characters as \u{202e}. A file name has no backslash.
func showHidden(name string) string {
	if strings.IndexFunc(name, isHidden) < 0 {
		return name
	}
	var b strings.Builder
	for _, r := range name {
		if isHidden(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isHidden(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// hidden undoes showHidden.
func hidden(text string) (name, why string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, `\u{`)
		b.WriteString(before)
		if !found {
			return b.String(), ""
		}
		code, after, ok := strings.Cut(rest, "}")
		n, err := strconv.ParseUint(code, 16, 32)
		if !ok || err != nil || !isHidden(rune(n)) {
			return "", `has a \u{…} that stands for no hidden character`
		}
		b.WriteRune(rune(n))
		text = after
	}
}

func readAccount(text string) (value, why string) {
	text, why = settle(words, text)
	if why != "" {
		return "", why
	}
	name, service, found := strings.Cut(strings.TrimPrefix(text, "@"), "@")
	if !found {
		return "@" + name, checkAccount(name)
	}
	if why := checkAccount(name); why != "" {
		return "", why
	}
	service = strings.ToLower(strings.TrimSuffix(service, "."))
	if why := checkName(service); why != "" {
		return "", "names a service that " + why
	}
	return name + "@" + service, ""
}

func checkAccount(name string) string {
	if n := utf8.RuneCountInString(name); n == 0 || n > 64 {
		return "has a name of " + strconv.Itoa(n) + " characters; from 1 to 64 are allowed"
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-+", r) {
			return fmt.Sprintf("holds %q", r)
		}
	}
	return ""
}

// readPhone reads the international form. A national number would say nothing
// without its country, so the plus sign is required.
func readPhone(text string) (value, why string) {
	text = strings.TrimPrefix(text, "tel:")
	text = strings.ReplaceAll(text, "(0)", "") // the trunk digit, not dialled from abroad
	if !strings.HasPrefix(text, "+") {
		return "", "does not begin with + and the country code"
	}
	out := []byte{'+'}
	for _, r := range text[1:] {
		switch {
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case !strings.ContainsRune(" -./()\u00a0\u2011", r):
			return "", fmt.Sprintf("holds %q", r)
		}
	}
	switch n := len(out) - 1; {
	case n < 7 || n > 15:
		return "", "has " + strconv.Itoa(n) + " digits; from 7 to 15 are allowed"
	case out[1] == '0':
		return "", "has a country code that begins with 0"
	}
	return string(out), ""
}
