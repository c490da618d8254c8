package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

type field struct {
	name, value string // lower case; unfolded, raw
}

type header []field

func (h header) get(name string) string {
	for _, f := range h {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

func (h header) has(name string) bool {
	for _, f := range h {
		if f.name == name {
			return true
		}
	}
	return false
}

func (h header) all(name string) (out []string) {
	for _, f := range h {
		if f.name == name {
			out = append(out, f.value)
		}
	}
	return out
}

// maxFields bounds the lines of one header.
const maxFields = 2000

func afterLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[i+1:]
	}
	return nil
}

// cutHeader parts header and body at the first empty line. It is not ok when the
// first line is no header field.
func cutHeader(b []byte) (h header, body []byte, ok bool) {
	var value []byte // of the last field, as it grows
	flush := func() {
		if n := len(h); n > 0 {
			h[n-1].value = string(value)
		}
	}
	defer flush()
	rest := b
	for len(rest) > 0 && len(h) < maxFields {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			return h, after, len(h) > 0
		}
		switch name, text, found := bytes.Cut(line, []byte{':'}); {
		case line[0] == ' ' || line[0] == '\t':
			value = append(append(value, ' '), bytes.TrimLeft(line, " \t")...)
		case found && isName(bytes.TrimRight(name, " \t")):
			flush()
			h = append(h, field{name: strings.ToLower(string(bytes.TrimRight(name, " \t")))})
			value = append([]byte(nil), bytes.TrimLeft(text, " \t")...)
		case len(h) == 0:
			return nil, b, false
		default:
			// A line that is no field ends the header, as mail programs have it.
			return h, rest, true
		}
		rest = after
	}
	return h, rest, len(h) > 0
}

func isName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 200
}

// headerSize is where the header ends, at most limit+1.
func headerSize(b []byte, limit int) int {
	window := b[:min(len(b), limit+1)]
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(window, []byte(end)); i >= 0 {
			window = window[:i]
		}
	}
	return len(window)
}

// decodeCharset writes text of a named charset as UTF-8; unknown ones are read as
// UTF-8 where that is valid, else as Windows-1252.
func decodeCharset(b []byte, charset string, limit int) ([]byte, error) {
	charset = strings.ToLower(strings.Trim(charset, " \"'"))
	if charset != "" && charset != "utf-8" && charset != "us-ascii" && charset != "utf8" {
		if e, err := htmlindex.Get(charset); err == nil {
			out, err := io.ReadAll(io.LimitReader(e.NewDecoder().Reader(bytes.NewReader(b)), int64(limit)+1))
			if err == nil {
				return out, nil
			}
		}
	}
	if utf8.Valid(b) {
		return b, nil
	}
	if charset == "utf-8" || charset == "utf8" {
		return bytes.ToValidUTF8(b, []byte("\uFFFD")), nil
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// decodeWords reads RFC 2047 words and makes one printable line.
func decodeWords(s string) string {
	if len(s) > 16<<10 {
		s = s[:16<<10]
	}
	d := mime.WordDecoder{CharsetReader: charsetReader}
	if out, err := d.DecodeHeader(s); err == nil {
		s = out
	}
	if !utf8.ValidString(s) {
		b, err := decodeCharset([]byte(s), "", 64<<10)
		if err == nil {
			s = string(b)
		}
	}
	return line(s)
}

func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	b, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return nil, err
	}
	b, err = decodeCharset(b, charset, 256<<10)
	return bytes.NewReader(b), err
}

// line makes one printable line: no control characters, nothing that turns the
// direction of writing or hides.
func line(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == 0x85 || r == 0xa0:
			space = b.Len() > 0
			continue
		case unicode.IsControl(r) || hidden(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden tells of characters that change how others are shown.
func hidden(r rune) bool {
	return r >= 0x200b && r <= 0x200f && r != 0x200c && r != 0x200d || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f ||
		r == 0xfeff || r >= 0xe0000 && r <= 0xe007f
}

var angleID = regexp.MustCompile(`<([^<>\s]{1,900})>`)

// ids reads Message-IDs; without brackets one word with an @ will do.
func ids(s string) (out []string) {
	for _, m := range angleID.FindAllStringSubmatch(s[:min(len(s), 64<<10)], 200) {
		out = append(out, line(m[1]))
	}
	if t := strings.TrimSpace(s); out == nil && strings.Contains(t, "@") && !strings.ContainsAny(t, " \t<>") && len(t) < 900 {
		out = append(out, line(t))
	}
	return out
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

var bareAddress = regexp.MustCompile(`[^\s<>"(),;:@]+@[^\s<>"(),;:@]+`)

// addresses reads a list of addresses, as well as it can.
func addresses(s string) (out []Address) {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	if len(s) > 64<<10 {
		s = s[:64<<10]
	}
	p := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charsetReader}}
	if list, err := p.ParseList(s); err == nil {
		for _, a := range list[:min(len(list), 200)] {
			out = append(out, Address{Name: clip(line(a.Name), 300), Email: line(a.Address)})
		}
		return out
	}
	for _, a := range bareAddress.FindAllString(s, 200) {
		out = append(out, Address{Email: line(a)})
	}
	return out
}

func firstAddress(s string) Address {
	if a := addresses(s); len(a) > 0 {
		return a[0]
	}
	return Address{}
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)

// head reads what the outer header says.
func (p *parser) head(h header) *Message {
	m := &Message{
		MessageID: first(ids(h.get("message-id"))), InReplyTo: ids(h.get("in-reply-to")), References: ids(h.get("references")),
		From: firstAddress(h.get("from")), ReplyTo: firstAddress(h.get("reply-to")),
		To: addresses(h.get("to")), Cc: addresses(h.get("cc")), Subject: clip(decodeWords(h.get("subject")), 1000),
	}
	if m.From.Email == "" {
		m.From = firstAddress(h.get("sender"))
	}
	if h.has("return-path") {
		m.ReturnPath = "<>"
		if a := bareAddress.FindString(h.get("return-path")); a != "" {
			m.ReturnPath = line(a)
		}
	}
	if t, err := mail.ParseDate(h.get("date")); err == nil && t.Year() > 1970 && t.Year() < 2200 {
		m.Date = t.UTC()
	}
	m.Language = language(h)
	m.Autocrypt = autocrypt(h, m.From)
	return m
}

// language is the first one that a header names.
func language(h header) string {
	l, _, _ := strings.Cut(h.get("content-language"), ",")
	if l = strings.TrimSpace(l); languageTag.MatchString(l) {
		return l
	}
	return ""
}

// autocrypt reads the one header that the rules allow (Level 1, §2.1): for the
// sender's own address, without critical attributes that we do not know.
func autocrypt(h header, from Address) *Autocrypt {
	if len(h.all("from")) != 1 || len(addresses(h.get("from"))) != 1 {
		return nil
	}
	var found *Autocrypt
	for _, v := range h.all("autocrypt") {
		a, err := oneAutocrypt(v)
		if err != nil || !strings.EqualFold(a.Email, from.Email) {
			continue
		}
		if found != nil {
			return nil
		}
		found = a
	}
	return found
}

var errAutocrypt = errors.New("not an Autocrypt header")

func oneAutocrypt(v string) (*Autocrypt, error) {
	a := &Autocrypt{}
	for attr := range strings.SplitSeq(v, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(attr), "=")
		if !ok && strings.TrimSpace(attr) == "" {
			continue
		}
		switch name = strings.TrimSpace(name); {
		case name == "addr":
			a.Email = line(value)
		case name == "prefer-encrypt":
			a.Mutual = value == "mutual"
		case name == "keydata":
			b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
			if err != nil || len(b) > 64<<10 {
				return nil, errAutocrypt
			}
			a.Key = b
		case strings.HasPrefix(name, "_"):
		default:
			return nil, errAutocrypt
		}
	}
	if a.Email == "" || len(a.Key) == 0 {
		return nil, errAutocrypt
	}
	return a, nil
}
