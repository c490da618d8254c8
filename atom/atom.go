// Package atom writes feeds in the Atom Syndication Format, typed and checked: the
// same feed is the same bytes.
//
// Promises: what [Feed.Append] writes is a valid document of RFC 4287: ids are
// absolute and differ, every entry has a title, an id, a time and an author of its own
// or of the feed, a link to the page or a text, and no character that XML lacks.
// Anything else is an *[Error] with the place. Entries stand in the order given.
//
// Not here: reading feeds, extensions, XHTML content, and the cleaning of other
// people's markup: a text is plain, or HTML that the caller answers for.
//
// Source: RFC 4287, RFC 3339, RFC 3987 (identifiers are held to RFC 3986's URIs).
package atom

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MediaType is what a feed is served as.
const MediaType = "application/atom+xml; charset=utf-8"

// Person is an author.
type Person struct {
	Name  string
	URI   string // optional
	Email string // optional
}

// Text is a text construct; HTML is markup of the caller's own making, which is
// escaped when it is written.
type Text struct {
	Value string
	HTML  bool
}

// Plain is a text without markup.
func Plain(s string) Text { return Text{Value: s} }

// Link points to a page or file.
type Link struct {
	Href     string // absolute
	Rel      string // alternate when empty
	Type     string // media type
	Language string // BCP 47
	Title    string
	Length   int64 // bytes, 0 when not known
}

// Category is a word of some vocabulary.
type Category struct {
	Term, Scheme, Label string
}

// Entry is one entry.
type Entry struct {
	ID         string // absolute IRI; stays the same for ever
	Title      Text
	Updated    time.Time
	Published  time.Time // optional
	Authors    []Person  // the feed's when empty
	Links      []Link
	Categories []Category
	Summary    Text
	Content    Text
	Rights     Text
	Language   string // xml:lang
}

// Feed is a feed.
type Feed struct {
	ID        string
	Title     Text
	Subtitle  Text
	Updated   time.Time // the newest entry's when zero
	Authors   []Person
	Links     []Link
	Rights    Text
	Generator string
	Language  string
	Entries   []Entry
}

// Error says what is wrong, and where: "entry 3: id".
type Error struct{ Place, Problem string }

// Error is one line for a person.
func (e *Error) Error() string { return "atom: " + e.Place + ": " + e.Problem }

// Append checks the feed and appends it as a document; dst is unchanged on an error.
func (f *Feed) Append(dst []byte) ([]byte, error) {
	updated := f.Updated
	for i := range f.Entries {
		if updated.IsZero() || f.Updated.IsZero() && f.Entries[i].Updated.After(updated) {
			updated = f.Entries[i].Updated
		}
	}
	if err := f.check(updated); err != nil {
		return dst, err
	}
	w := &writer{}
	w.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	w.open("feed", attr{"xmlns", "http://www.w3.org/2005/Atom"}, attr{"xml:lang", f.Language})
	w.element("id", f.ID)
	w.text("title", f.Title)
	w.text("subtitle", f.Subtitle)
	w.element("updated", stamp(updated))
	w.persons(f.Authors)
	w.links(f.Links)
	w.text("rights", f.Rights)
	w.element("generator", f.Generator)
	for i := range f.Entries {
		e := &f.Entries[i]
		w.open("entry", attr{"xml:lang", e.Language})
		w.element("id", e.ID)
		w.text("title", e.Title)
		w.element("updated", stamp(e.Updated))
		if !e.Published.IsZero() {
			w.element("published", stamp(e.Published))
		}
		w.persons(e.Authors)
		w.links(e.Links)
		for _, c := range e.Categories {
			w.empty("category", attr{"term", c.Term}, attr{"scheme", c.Scheme}, attr{"label", c.Label})
		}
		w.text("summary", e.Summary)
		w.text("content", e.Content)
		w.text("rights", e.Rights)
		w.close("entry")
	}
	w.close("feed")
	return append(dst, w.Bytes()...), nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

type attr struct{ name, value string }

// writer writes elements, indented by depth.
type writer struct {
	bytes.Buffer
	depth int
}

func (w *writer) start(name string, attrs []attr) {
	w.WriteString(strings.Repeat("  ", w.depth) + "<" + name)
	for _, a := range attrs {
		if a.value != "" {
			w.WriteString(" " + a.name + `="`)
			_ = xml.EscapeText(w, []byte(a.value)) // a buffer takes everything
			w.WriteString(`"`)
		}
	}
}

func (w *writer) open(name string, attrs ...attr) {
	w.start(name, attrs)
	w.WriteString(">\n")
	w.depth++
}

func (w *writer) close(name string) {
	w.depth--
	w.WriteString(strings.Repeat("  ", w.depth) + "</" + name + ">\n")
}

func (w *writer) empty(name string, attrs ...attr) {
	w.start(name, attrs)
	w.WriteString("/>\n")
}

// element writes a text; none when it is empty.
func (w *writer) element(name, value string, attrs ...attr) {
	if value == "" {
		return
	}
	w.start(name, attrs)
	w.WriteString(">")
	_ = xml.EscapeText(w, []byte(value))
	w.WriteString("</" + name + ">\n")
}

func (w *writer) text(name string, t Text) {
	if t.HTML {
		w.element(name, t.Value, attr{"type", "html"})
	} else {
		w.element(name, t.Value)
	}
}

func (w *writer) persons(list []Person) {
	for _, p := range list {
		w.open("author")
		w.element("name", p.Name)
		w.element("uri", p.URI)
		w.element("email", p.Email)
		w.close("author")
	}
}

func (w *writer) links(list []Link) {
	for _, l := range list {
		length := ""
		if l.Length > 0 {
			length = fmt.Sprint(l.Length)
		}
		w.empty("link", attr{"rel", rel(l)}, attr{"type", l.Type}, attr{"hreflang", l.Language}, attr{"href", l.Href},
			attr{"title", l.Title}, attr{"length", length})
	}
}

func rel(l Link) string {
	if l.Rel == "" {
		return "alternate"
	}
	return l.Rel
}

var (
	mediaForm    = regexp.MustCompile(`^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$`)
	languageForm = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)
	relForm      = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
)

// checker remembers the first thing that is wrong.
type checker struct {
	place string
	err   error
}

func (c *checker) wrong(field, problem string) {
	if c.err == nil {
		c.err = &Error{c.place + ": " + field, problem}
	}
}

// text refuses what XML cannot hold.
func (c *checker) text(field, s string, needed bool) {
	if needed && strings.TrimSpace(s) == "" {
		c.wrong(field, "is missing")
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}) {
		c.wrong(field, "holds a character that XML lacks")
	}
}

// absolute wants a URI with a scheme.
func (c *checker) absolute(field, s string, needed bool) {
	c.text(field, s, needed)
	if s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || !u.IsAbs() || strings.ContainsAny(s, " \t\r\n<>\"{}|\\^`") {
		c.wrong(field, "is not an absolute address, such as https://csirt.example/a or urn:uuid:…")
	}
}

func (c *checker) at(field string, t time.Time, needed bool) {
	if needed && t.IsZero() {
		c.wrong(field, "is missing")
	}
	if y := t.UTC().Year(); !t.IsZero() && (y < 1 || y > 9999) {
		c.wrong(field, "is of an impossible year")
	}
}

func (c *checker) language(field, s string) {
	if s != "" && !languageForm.MatchString(s) {
		c.wrong(field, "is not a language tag such as en")
	}
}

func (c *checker) persons(list []Person) {
	for _, p := range list {
		c.text("author's name", p.Name, true)
		c.absolute("author's uri", p.URI, false)
		c.text("author's email", p.Email, false)
		if a, err := mail.ParseAddress(p.Email); p.Email != "" && (err != nil || a.Address != p.Email) {
			c.wrong("author's email", "is not a mail address")
		}
	}
}

// links allows one alternate per media type and language.
func (c *checker) links(list []Link) (alternate bool) {
	var seen []string
	for _, l := range list {
		c.absolute("link", l.Href, true)
		c.text("link's title", l.Title, false)
		c.language("link's language", l.Language)
		if l.Type != "" && !mediaForm.MatchString(l.Type) {
			c.wrong("link's type", "is not a media type such as text/html")
		}
		if !relForm.MatchString(rel(l)) {
			c.absolute("link's rel", l.Rel, true)
		}
		if rel(l) != "alternate" {
			continue
		}
		alternate = true
		key := l.Type + " " + strings.ToLower(l.Language)
		if slices.Contains(seen, key) {
			c.wrong("link", "a second alternate of the same type and language")
		}
		seen = append(seen, key)
	}
	return alternate
}

func (f *Feed) check(updated time.Time) error {
	c := &checker{place: "feed"}
	c.absolute("id", f.ID, true)
	c.text("title", f.Title.Value, true)
	c.text("subtitle", f.Subtitle.Value, false)
	c.text("rights", f.Rights.Value, false)
	c.text("generator", f.Generator, false)
	c.at("updated", updated, true)
	c.language("language", f.Language)
	c.persons(f.Authors)
	c.links(f.Links)
	ids := map[string]bool{}
	for i := range f.Entries {
		e := &f.Entries[i]
		c.place = fmt.Sprintf("entry %d", i+1)
		e.check(c, len(f.Authors) > 0)
		if ids[e.ID] {
			c.wrong("id", "comes twice")
		}
		ids[e.ID] = true
	}
	return c.err
}

func (e *Entry) check(c *checker, authored bool) {
	c.absolute("id", e.ID, true)
	c.text("title", e.Title.Value, true)
	c.text("summary", e.Summary.Value, false)
	c.text("content", e.Content.Value, false)
	c.text("rights", e.Rights.Value, false)
	c.at("updated", e.Updated, true)
	c.at("published", e.Published, false)
	c.language("language", e.Language)
	c.persons(e.Authors)
	for _, k := range e.Categories {
		c.text("category's term", k.Term, true)
		c.text("category's label", k.Label, false)
		c.absolute("category's scheme", k.Scheme, false)
	}
	if len(e.Authors) == 0 && !authored {
		c.wrong("author", "is missing, here and in the feed")
	}
	if !c.links(e.Links) && e.Content.Value == "" {
		c.wrong("link", "is missing: an entry without content needs one to its page")
	}
}
