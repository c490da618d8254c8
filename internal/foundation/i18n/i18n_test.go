package i18n_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"almenara.example/internal/foundation/i18n"
	files "almenara.example/web"
)

func catalogue(t *testing.T, extra ...string) *i18n.Catalogue {
	t.Helper()
	more := fstest.MapFS{"en.toml": {Data: []byte(`
"yard.hello" = "Hello {{.Name}}"
"yard.only" = "Only in English"
"yard.things" = { one = "{{.Count}} thing", other = "{{.Count}} things" }
[yard.form]
title = "Title"
description = "Description"
id = "Number"
`)}, "fr.toml": {Data: []byte(`
"yard.hello" = "Bonjour {{.Name}}"
"yard.things" = { one = "{{.Count}} chose", many = "{{.Count}} de choses", other = "{{.Count}} choses" }
"yard.extra" = "En trop"
`)}}
	dropped := fstest.MapFS{}
	for i := 0; i+1 < len(extra); i += 2 {
		dropped[extra[i]] = &fstest.MapFile{Data: []byte(extra[i+1])}
	}
	c, err := i18n.New(i18n.Sub(files.Locales, "locales"), more, dropped)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryFrameWordIsThereInEveryLanguage(t *testing.T) {
	c, err := i18n.New(i18n.Sub(files.Locales, "locales"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range c.Languages() {
		if missing := c.Missing(l.Tag, true); len(missing) > 0 {
			t.Errorf("%s: got missing or extra keys %v, want none", l.Tag, missing)
		}
	}
}

func TestWordsAreFoundFilledAndCounted(t *testing.T) {
	c := catalogue(t, "ar.toml", `"yard.things" = { zero = "zero", one = "one", two = "two", few = "few", many = "many", other = "other" }`)
	cases := []struct {
		name, lang, key string
		args            map[string]any
		want            string
	}{
		{"a place is filled", "fr", "yard.hello", map[string]any{"Name": "Ana"}, "Bonjour Ana"},
		{"one", "en", "yard.things", map[string]any{"Count": 1}, "1 thing"},
		{"many, written as the language writes", "en", "yard.things", map[string]any{"Count": int64(12345)}, "12,345 things"},
		{"French counts zero as one", "fr", "yard.things", map[string]any{"Count": 0}, "0 chose"},
		{"Arabic has six forms", "ar", "yard.things", map[string]any{"Count": 2}, "two"},
		{"a lacking word is said in English", "fr", "yard.only", nil, "Only in English"},
		{"a region speaks its base language", "fr-CA", "yard.hello", map[string]any{"Name": "Ana"}, "Bonjour Ana"},
		{"a table may have a key called description", "en", "yard.form.description", nil, "Description"},
		{"an unknown key is shown in brackets", "fr", "yard.nothing", nil, "⟦yard.nothing⟧"},
		{"a forgotten argument is shown in brackets", "en", "yard.hello", nil, "⟦yard.hello⟧"},
		{"what comes from outside is not a template", "en", "yard.hello", map[string]any{"Name": "{{.Name}}"}, "Hello {{.Name}}"},
		{"the pseudo-language puts accents outside places", i18n.PseudoRTL, "yard.hello", map[string]any{"Name": "Ana"}, "Hélló Ana"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := c.Printer(tc.lang).T(tc.key, tc.args); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestADroppedInFileAddsALanguageAndReplacesAWord(t *testing.T) {
	c := catalogue(t, "es.toml", `"yard.hello" = "Hola {{.Name}}"`, "en.toml", `"yard.only" = "Replaced"`)
	if got := c.Printer("es").T("yard.hello", map[string]any{"Name": "Ana"}); got != "Hola Ana" {
		t.Errorf("got %q", got)
	}
	if got := c.Printer("en").T("yard.only", nil); got != "Replaced" {
		t.Errorf("got %q", got)
	}
	var names []string
	for _, l := range c.Languages() {
		names = append(names, l.Tag+" "+l.Name+" "+l.Dir)
	}
	if diff := cmp.Diff([]string{"en English ltr", "es español ltr", "fr français ltr"}, names); diff != "" {
		t.Errorf("languages (-want +got):\n%s", diff)
	}
}

func TestMissingNamesWhatLacksAndWhatIsTooMuch(t *testing.T) {
	got := strings.Join(catalogue(t).Missing("fr", true), " ")
	if want := "yard.form.description yard.form.id yard.form.title yard.only +yard.extra"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNegotiate(t *testing.T) {
	c := catalogue(t)
	cases := []struct{ name, accept, cookie, person, want string }{
		{"the browser's choice first", "en", "fr", "en", "fr"},
		{"then the profile", "en", "", "fr", "fr"},
		{"then the header", "de, fr-CA;q=0.8", "", "", "fr"},
		{"an unknown choice counts for nothing", "fr", "tlh", "xx", "fr"},
		{"a broken header is English", ";;;", "", "", "en"},
		{"a language nobody speaks here is English", "ja", "", "", "en"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := c.Negotiate(tc.accept, tc.cookie, tc.person); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestTimesStandBesideUTC(t *testing.T) {
	c := catalogue(t)
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	kolkata := time.FixedZone("+0530", 5*3600+1800)
	at := time.Date(2026, 11, 21, 13, 5, 0, 0, time.UTC)
	late := time.Date(2026, 11, 21, 23, 30, 0, 0, time.UTC)
	en, fr := c.Printer("en"), c.Printer("fr")
	cases := []struct{ got, want string }{
		{en.In(madrid).Clock(at), "14:05 CET (13:05 UTC)"},
		{en.Clock(at), "13:05 UTC"},
		{en.In(madrid).Clock(late), "00:30 CET (21 Nov 23:30 UTC)"},
		{en.In(madrid).Time(late), "22 Nov 2026, 00:30 CET (21 Nov 23:30 UTC)"},
		{en.In(kolkata).Clock(at), "18:35 UTC+5:30 (13:05 UTC)"},
		{en.Date(at), "21 Nov 2026"},
		{fr.Date(at), "21 nov. 2026"},
		{fr.Date(time.Time{}), ""},
		{en.Age(59 * time.Second), "59 s"},
		{en.Age(-90 * time.Minute), "1 h"},
		{en.Age(47 * time.Hour), "47 h"},
		{fr.Age(49 * time.Hour), "2 j"},
		{en.Number(1234567), "1,234,567"},
		{en.Bytes(1_400_000), "1.4\u00a0MB"},
	}
	for _, tc := range cases {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

func TestMistakesInAFileAreNamed(t *testing.T) {
	good := fstest.MapFS{"en.toml": {Data: []byte(`a = "b"`)}}
	cases := []struct{ name, file, text, want string }{
		{"not TOML", "fr.toml", `a = `, "fr.toml"},
		{"not a language", "read_me.toml", `a = "b"`, "not a language tag"},
		{"not a word", "fr.toml", `"x.y" = 3`, "x.y"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := i18n.New(good, fstest.MapFS{tc.file: {Data: []byte(tc.text)}})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := i18n.New(fstest.MapFS{}); err == nil {
		t.Error("got no error without English")
	}
}
