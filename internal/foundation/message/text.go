package message

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// text collects what is to be read, up to a limit.
type text struct {
	b     strings.Builder
	limit int
	cut   bool
	html  bool
}

// maxHTML bounds the HTML that is taken apart: its tree is much larger.
const maxHTML = 2 << 20

func (t *text) add(b []byte, e *part) {
	if t.limit == 0 {
		return
	}
	var s string
	if e.mediaType == "text/html" {
		if len(b) > maxHTML {
			b, t.cut = b[:maxHTML], true
		}
		s, t.html = FromHTML(b), true
	} else {
		if len(b) > 2*t.limit {
			b, t.cut = b[:2*t.limit], true
		}
		s = plain(string(b))
		if strings.EqualFold(e.params["format"], "flowed") {
			s = unflow(s, strings.EqualFold(e.params["delsp"], "yes"))
		}
	}
	if s == "" {
		return
	}
	if t.b.Len() > 0 {
		s = "\n" + s
	}
	if left := t.limit - t.b.Len(); len(s) > left {
		s, t.cut = strings.ToValidUTF8(s[:max(left, 0)], ""), true
	}
	t.b.WriteString(s)
}

// plain makes lines that end with \n, without control characters.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == 0xa0:
			return ' '
		case r == 0x2028 || r == 0x2029 || r == '\f' || r == '\v' || r == 0x85:
			return '\n'
		case unicode.IsControl(r) || hidden(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if s = strings.Trim(s, "\n"); s == "" {
		return ""
	}
	return s + "\n"
}

// unflow joins lines that were broken for the way only (RFC 3676).
func unflow(s string, delsp bool) string {
	var b strings.Builder
	open, depth := false, 0
	for l := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		rest := strings.TrimLeft(l, ">")
		d := len(l) - len(rest)
		rest = strings.TrimPrefix(rest, " ")
		if open && d != depth {
			b.WriteByte('\n')
			open = false
		}
		if !open && d > 0 {
			b.WriteString(strings.Repeat(">", d) + " ")
		}
		depth = d
		if strings.HasSuffix(rest, " ") && rest != "-- " {
			if delsp {
				rest = rest[:len(rest)-1]
			}
			b.WriteString(rest)
			open = true
			continue
		}
		b.WriteString(rest + "\n")
		open = false
	}
	if open {
		b.WriteByte('\n')
	}
	return b.String()
}

// FromHTML writes HTML as text: lines for blocks, "> " before what is quoted, the
// address behind a link whose words do not name it. Scripts, styles and what is
// hidden from a reader are left out.
func FromHTML(b []byte) string {
	root, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		return bareHTML(b)
	}
	w := &shown{}
	w.node(root, 0)
	return plain(tooMany.ReplaceAllString(w.b.String(), "\n\n"))
}

var tooMany = regexp.MustCompile(`(?:\n[> ]*){3,}`)

// bareHTML keeps the words of what is nested too deep to be a document.
func bareHTML(b []byte) string {
	var out strings.Builder
	z := html.NewTokenizer(bytes.NewReader(b))
	z.SetMaxBuf(1 << 20)
	skip := ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			if z.Err() != io.EOF { //nolint:errorlint // the tokenizer returns io.EOF itself; any other error ends the reading too
				return plain(out.String())
			}
			return plain(out.String())
		case html.TextToken:
			if skip == "" {
				out.Write(z.Text())
			}
		case html.StartTagToken:
			if n, _ := z.TagName(); string(n) == "script" || string(n) == "style" {
				skip = string(n)
			}
			out.WriteByte(' ')
		case html.EndTagToken:
			if n, _ := z.TagName(); string(n) == skip {
				skip = ""
			}
		}
	}
}

// shown writes a tree of HTML; its depth is bounded by the HTML parser.
type shown struct {
	b     strings.Builder
	quote int
	pre   bool
	space bool // a space is due before the next word
	fresh bool // at the beginning of a line
}

func (w *shown) node(n *html.Node, depth int) {
	if depth > 600 {
		return
	}
	switch n.Type {
	case html.TextNode:
		w.words(n.Data)
		return
	case html.ElementNode:
		if dropped(n) {
			return
		}
	case html.CommentNode, html.DoctypeNode:
		return
	}
	block := blocks(n.DataAtom)
	if block {
		w.breakLine()
	}
	switch n.DataAtom {
	case atom.Br:
		w.line()
		return
	case atom.Hr:
		w.breakLine()
		w.words("----")
		w.breakLine()
		return
	case atom.Blockquote:
		w.quote++
		defer func() { w.breakLine(); w.quote-- }()
	case atom.Pre:
		old := w.pre
		w.pre = true
		defer func() { w.pre = old }()
	case atom.Li:
		w.words("- ")
	case atom.Td, atom.Th:
		w.space = true
	case atom.Img:
		if alt := attr(n, "alt"); alt != "" {
			w.words("[" + alt + "]")
		}
	}
	before := w.b.Len()
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.node(c, depth+1)
	}
	if n.DataAtom == atom.A {
		w.link(n, w.b.String()[min(before, w.b.Len()):])
	}
	if block {
		w.breakLine()
		if n.DataAtom == atom.P {
			w.line()
		}
	}
}

// link names the address that a link leads to, when its words do not.
func (w *shown) link(n *html.Node, words string) {
	href := line(attr(n, "href"))
	if !strings.HasPrefix(href, "http://") && !strings.HasPrefix(href, "https://") || len(href) > 2000 {
		return
	}
	if !strings.Contains(strings.TrimSpace(words), strings.TrimSuffix(href, "/")) {
		w.words(" <" + href + ">")
	}
}

func (w *shown) words(s string) {
	if w.pre {
		for i, l := range strings.Split(s, "\n") {
			if i > 0 {
				w.line()
			}
			w.put(l)
		}
		return
	}
	fields := strings.Fields(s)
	if len(fields) == 0 {
		w.space = w.space || s != ""
		return
	}
	if unicode.IsSpace(rune(s[0])) {
		w.space = true
	}
	for i, f := range fields {
		if i > 0 {
			w.space = true
		}
		w.put(f)
	}
	w.space = unicode.IsSpace(rune(s[len(s)-1]))
}

func (w *shown) put(s string) {
	if s == "" {
		return
	}
	if w.b.Len() == 0 || w.fresh {
		if w.quote > 0 {
			w.b.WriteString(strings.Repeat(">", min(w.quote, 20)) + " ")
		}
	} else if w.space {
		w.b.WriteByte(' ')
	}
	w.fresh, w.space = false, false
	w.b.WriteString(s)
}

// line ends a line, breakLine only one that has begun.
func (w *shown) line() {
	if w.b.Len() == 0 {
		return
	}
	if w.fresh && w.quote > 0 {
		w.b.WriteString(strings.Repeat(">", min(w.quote, 20)))
	}
	w.b.WriteByte('\n')
	w.fresh, w.space = true, false
}

func (w *shown) breakLine() {
	if w.b.Len() > 0 && !w.fresh {
		w.line()
	}
	w.space = false
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

var hiddenStyle = regexp.MustCompile(`(?i)(^|;)\s*(display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|opacity\s*:\s*0(\.0*)?\s*(;|!|$)|font-size\s*:\s*0(\.0*)?\s*(px|pt|em|rem|%)?\s*(;|!|$)|max-height\s*:\s*0|mso-hide\s*:\s*all|color\s*:\s*transparent)`)

// dropped tells of elements that a reader does not see.
func dropped(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Noscript, atom.Template, atom.Iframe, atom.Object, atom.Embed,
		atom.Svg, atom.Math, atom.Canvas, atom.Audio, atom.Video, atom.Select, atom.Textarea, atom.Button, atom.Noframes, atom.Meta, atom.Link:
		return true
	}
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "style" && hiddenStyle.MatchString(a.Val[:min(len(a.Val), 4096)]) {
			return true
		}
	}
	return false
}

func blocks(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Div, atom.Table, atom.Tr, atom.Ul, atom.Ol, atom.Li, atom.Blockquote, atom.Pre, atom.H1, atom.H2, atom.H3,
		atom.H4, atom.H5, atom.H6, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Address, atom.Dl, atom.Dt, atom.Dd,
		atom.Center, atom.Form, atom.Fieldset, atom.Main, atom.Nav, atom.Aside, atom.Figure:
		return true
	}
	return false
}
