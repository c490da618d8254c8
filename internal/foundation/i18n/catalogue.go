package i18n

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/message"
)

// Fallback is the language that holds every key.
const Fallback = "en"

// PseudoRTL is the pseudo-language for tests: accented English from right to left.
const PseudoRTL = "qps-rtl"

// Language is one language that the catalogue speaks.
type Language struct {
	Tag  string // BCP 47, such as "en", "fr", "pt-BR"
	Name string // the language's name for itself, such as "français"
	Dir  string // "ltr" or "rtl"
}

// Catalogue holds the words of all languages. It does not change after New and is
// safe for concurrent use.
type Catalogue struct {
	speakers  map[string]*speaker
	languages []Language
	matcher   language.Matcher
	matched   []string // language tags in the matcher's order
	zone      *time.Location
}

// speaker is one language's words: plain strings ready, the rest through go-i18n.
type speaker struct {
	language Language
	plain    map[string]string
	formed   map[string]bool // keys with places or plural forms; true when they have forms
	keys     []string        // sorted
	localize *i18n.Localizer
	numbers  *message.Printer
}

// New reads every <language>.toml, and <topic>.<language>.toml, at the top of each file
// system, in order; a later file replaces single keys of an earlier one, which is how a country changes a word
// or adds a language. A nil file system is skipped. English must be among them.
func New(fsys ...fs.FS) (*Catalogue, error) {
	words := map[string]map[string]*i18n.Message{}
	for _, f := range fsys {
		if f == nil {
			continue
		}
		if err := read(f, words); err != nil {
			return nil, err
		}
	}
	if len(words[Fallback]) == 0 {
		return nil, fmt.Errorf("catalogue: no %s.toml among the given folders", Fallback)
	}
	c := &Catalogue{speakers: map[string]*speaker{}, zone: time.UTC}
	for tag, messages := range words {
		s, err := newSpeaker(tag, messages)
		if err != nil {
			return nil, err
		}
		c.speakers[tag] = s
		c.languages = append(c.languages, s.language)
	}
	sort.Slice(c.languages, func(i, j int) bool { return c.languages[i].Tag < c.languages[j].Tag })
	pseudo, err := newPseudo(words[Fallback])
	if err != nil {
		return nil, err
	}
	c.speakers[PseudoRTL] = pseudo
	c.match()
	return c, nil
}

// In sets the zone of printers that are told no other: the installation's. UTC until then.
func (c *Catalogue) In(zone *time.Location) { c.zone = zone }

func (c *Catalogue) match() {
	tags := []language.Tag{language.Make(Fallback)} // the first is the matcher's default
	c.matched = []string{Fallback}
	for _, l := range c.languages {
		if l.Tag != Fallback {
			tags = append(tags, language.Make(l.Tag))
			c.matched = append(c.matched, l.Tag)
		}
	}
	c.matcher = language.NewMatcher(tags)
}

func read(fsys fs.FS, words map[string]map[string]*i18n.Message) error {
	files, err := fs.Glob(fsys, "*.toml")
	if err != nil {
		return fmt.Errorf("list catalogue files: %w", err)
	}
	for _, file := range files {
		tag := strings.TrimSuffix(path.Base(file), ".toml")
		tag = tag[strings.LastIndexByte(tag, '.')+1:]
		if _, err := language.Parse(tag); err != nil {
			return fmt.Errorf("catalogue file %s: %q is not a language tag: %w", file, tag, err)
		}
		body, err := fs.ReadFile(fsys, file)
		if err != nil {
			return fmt.Errorf("read catalogue file %s: %w", file, err)
		}
		var tree map[string]any
		if err := toml.Unmarshal(body, &tree); err != nil {
			return fmt.Errorf("read catalogue file %s: %w", file, err)
		}
		if words[tag] == nil {
			words[tag] = map[string]*i18n.Message{}
		}
		if err := flatten("", tree, words[tag]); err != nil {
			return fmt.Errorf("catalogue file %s: %w", file, err)
		}
	}
	return nil
}

// flatten turns nested tables into dotted keys. It is done here and not by go-i18n
// because that takes any table with a key "description" or "id" for one message.
func flatten(prefix string, tree map[string]any, into map[string]*i18n.Message) error {
	for name, value := range tree {
		key := name
		if prefix != "" {
			key = prefix + "." + name
		}
		switch v := value.(type) {
		case string:
			into[key] = &i18n.Message{ID: key, Other: v}
		case map[string]any:
			if forms, ok := pluralForms(v); ok {
				forms.ID = key
				into[key] = forms
				continue
			}
			if err := flatten(key, v, into); err != nil {
				return err
			}
		default:
			return fmt.Errorf("key %s: got %T, want a string or a table of plural forms", key, value)
		}
	}
	return nil
}

// pluralForms reads a table that holds nothing but plural forms, "other" among them.
func pluralForms(table map[string]any) (*i18n.Message, bool) {
	if _, ok := table["other"]; !ok || len(table) < 2 {
		return nil, false
	}
	m := &i18n.Message{}
	form := map[string]*string{"zero": &m.Zero, "one": &m.One, "two": &m.Two, "few": &m.Few, "many": &m.Many, "other": &m.Other}
	for name, value := range table {
		text, isText := value.(string)
		to := form[name]
		if to == nil || !isText {
			return nil, false
		}
		*to = text
	}
	return m, true
}

func newSpeaker(tag string, messages map[string]*i18n.Message) (*speaker, error) {
	parsed := language.Make(tag)
	s, err := speak(parsed, messages)
	if err != nil {
		return nil, fmt.Errorf("catalogue language %s: %w", tag, err)
	}
	s.language = Language{Tag: tag, Name: display.Self.Name(parsed), Dir: direction(parsed)}
	return s, nil
}

func speak(tag language.Tag, messages map[string]*i18n.Message) (*speaker, error) {
	s := &speaker{plain: map[string]string{}, formed: map[string]bool{}, numbers: message.NewPrinter(tag)}
	bundle := i18n.NewBundle(tag)
	for key, m := range messages {
		s.keys = append(s.keys, key)
		plural := m.One+m.Two+m.Few+m.Many+m.Zero != ""
		if !plural && !strings.Contains(m.Other, "{{") {
			s.plain[key] = m.Other
			continue
		}
		s.formed[key] = plural
		if err := bundle.AddMessages(tag, m); err != nil {
			return nil, fmt.Errorf("add %s: %w", key, err)
		}
	}
	slices.Sort(s.keys)
	s.localize = i18n.NewLocalizer(bundle, tag.String())
	return s, nil
}

// direction is "rtl" for the scripts that are written from right to left.
func direction(tag language.Tag) string {
	script, _ := tag.Script()
	switch script.String() {
	case "Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg":
		return "rtl"
	}
	return "ltr"
}

// Languages lists the languages on offer, by tag; the pseudo-language is not among them.
func (c *Catalogue) Languages() []Language { return slices.Clone(c.languages) }

// Has tells whether lang can be spoken, the pseudo-language included.
func (c *Catalogue) Has(lang string) bool { return c.speakers[lang] != nil }

// HasKey tells whether English, which holds every key, knows key.
func (c *Catalogue) HasKey(key string) bool {
	s := c.speakers[Fallback]
	_, plain := s.plain[key]
	_, formed := s.formed[key]
	return plain || formed
}

// Missing lists the keys that English has and lang lacks, and with extra true also
// those that lang has and English lacks, each prefixed with "+".
func (c *Catalogue) Missing(lang string, extra bool) []string {
	other := c.speakers[lang]
	if other == nil {
		return slices.Clone(c.speakers[Fallback].keys)
	}
	missing := less(c.speakers[Fallback].keys, other.keys, "")
	if extra {
		missing = append(missing, less(other.keys, c.speakers[Fallback].keys, "+")...)
	}
	return missing
}

// less lists what is in a and not in b; both are sorted.
func less(a, b []string, prefix string) []string {
	var out []string
	for _, key := range a {
		if _, found := slices.BinarySearch(b, key); !found {
			out = append(out, prefix+key)
		}
	}
	return out
}

// Negotiate picks the language for a reader: what this browser chose (cookie), else
// what the person's profile says, else the best match for the Accept-Language
// header, else English.
func (c *Catalogue) Negotiate(accept, cookie, person string) string {
	for _, wish := range []string{cookie, person} {
		if c.Has(wish) {
			return wish
		}
	}
	wishes, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wishes) == 0 {
		return Fallback
	}
	_, at, sure := c.matcher.Match(wishes...)
	if sure == language.No {
		return Fallback
	}
	return c.matched[at]
}

// Sub is the folder of a file system as New takes it; a missing folder is an empty one.
func Sub(fsys fs.FS, folder string) fs.FS {
	sub, err := fs.Sub(fsys, folder)
	if err != nil {
		return nil
	}
	return sub
}
