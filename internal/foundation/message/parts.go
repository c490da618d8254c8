package message

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"path"
	"regexp"
	"strings"

	"almenara.example/internal/foundation/fault"
)

type parser struct {
	o       Options
	l       Limits
	parts   int
	decoded int64
}

// part is one MIME entity. Raw holds header and body as they came.
type part struct {
	head      header
	raw, body []byte
	mediaType string
	params    map[string]string
	children  []*part
}

// entity reads an entity and those within.
func (p *parser) entity(b []byte, depth int) (*part, error) {
	if p.parts++; p.parts > p.l.Parts {
		return nil, fault.New(fault.Invalid, "message.too_many_parts", fault.Args{"Limit": p.l.Parts})
	}
	if depth > p.l.Depth {
		return nil, fault.New(fault.Invalid, "message.too_deep", fault.Args{"Limit": p.l.Depth})
	}
	e := &part{raw: b, body: b}
	// A part may have no header: then it begins with an empty line.
	switch {
	case bytes.HasPrefix(b, []byte("\r\n")):
		e.body = b[2:]
	case bytes.HasPrefix(b, []byte("\n")):
		e.body = b[1:]
	default:
		if headerSize(b, p.l.Header) > p.l.Header {
			return nil, fault.New(fault.Invalid, "message.header_large", fault.Args{"Limit": p.l.Header})
		}
		e.head, e.body, _ = cutHeader(b)
	}
	e.mediaType, e.params = contentType(e.head.get("content-type"))
	if !strings.HasPrefix(e.mediaType, "multipart/") {
		return e, nil
	}
	boundary := e.params["boundary"]
	if boundary == "" || len(boundary) > 200 {
		e.mediaType = "text/plain" // RFC 2046 §5.1: nothing to part by
		return e, nil
	}
	for _, child := range split(e.body, boundary, p.l.Parts+1) {
		c, err := p.entity(child, depth+1)
		if err != nil {
			return nil, err
		}
		if e.mediaType == "multipart/digest" && !c.head.has("content-type") {
			c.mediaType = "message/rfc822"
		}
		e.children = append(e.children, c)
	}
	return e, nil
}

var plainType = regexp.MustCompile(`^[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,100}$`)

// contentType reads a type and its parameters; what is no type is text/plain where
// there is none and application/octet-stream where there is rubbish.
func contentType(s string) (string, map[string]string) {
	if strings.TrimSpace(s) == "" {
		return "text/plain", map[string]string{}
	}
	t, params, err := mime.ParseMediaType(s)
	if err != nil && t == "" || params == nil {
		// A bad parameter must not hide the boundary or the type.
		head, rest, _ := strings.Cut(s, ";")
		t, params = strings.ToLower(strings.TrimSpace(head)), map[string]string{}
		for _, m := range looseParam.FindAllStringSubmatch(rest, 20) {
			if name := strings.ToLower(m[1]); params[name] == "" {
				params[name] = strings.Trim(m[2], `"`)
			}
		}
	}
	if !plainType.MatchString(t) {
		return "application/octet-stream", params
	}
	return t, params
}

var looseParam = regexp.MustCompile(`([A-Za-z0-9*-]+)\s*=\s*("[^"]*"|[^\s;]+)`)

// split cuts a multipart's body at its boundary lines; the line end before a
// boundary belongs to the boundary.
func split(body []byte, boundary string, limit int) (parts [][]byte) {
	mark := []byte("--" + boundary)
	start, at := -1, 0
	for at < len(body) && len(parts) < limit {
		end := bytes.IndexByte(body[at:], '\n')
		next := len(body)
		if end >= 0 {
			next = at + end + 1
		}
		if l := body[at:next]; bytes.HasPrefix(l, mark) {
			tail := bytes.TrimRight(l[len(mark):], " \t\r\n")
			if len(tail) == 0 || string(tail) == "--" {
				if start >= 0 {
					parts = append(parts, trimEnd(body[start:at]))
				}
				if len(tail) > 0 {
					return parts
				}
				start = next
			}
		}
		at = next
	}
	if start >= 0 && start <= len(body) && len(parts) < limit {
		parts = append(parts, body[start:]) // the last boundary is missing
	}
	return parts
}

func trimEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	return bytes.TrimSuffix(b, []byte{'\r'})
}

// decode returns a part's decoded body, within what may still be decoded.
func (p *parser) decode(e *part) ([]byte, error) {
	left := p.l.Decoded - p.decoded
	b, err := io.ReadAll(io.LimitReader(decoder(e.head.get("content-transfer-encoding"), e.body), left+1))
	if err != nil {
		// A damaged end: what could be read is shown.
		err = nil
	}
	if p.decoded += int64(len(b)); p.decoded > p.l.Decoded {
		return nil, fault.New(fault.Invalid, "message.decoded_large", fault.Args{"Limit": p.l.Decoded})
	}
	return b, err
}

func decoder(encoding string, b []byte) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, &alphabet{r: b})
	case "quoted-printable":
		return &patient{quotedprintable.NewReader(bytes.NewReader(b))}
	}
	return bytes.NewReader(b)
}

// alphabet lets only base64's own characters through and ends after padding, as
// RFC 2045 §6.8 has it; a missing padding is added.
type alphabet struct {
	r    []byte
	n    int
	done bool
}

func (a *alphabet) Read(p []byte) (n int, err error) {
	for n < len(p) && len(a.r) > 0 && !a.done {
		c := a.r[0]
		a.r = a.r[1:]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			p[n] = c
			n++
			a.n++
		case c == '=':
			a.r = nil
		}
	}
	for n < len(p) && len(a.r) == 0 && !a.done {
		switch a.n % 4 {
		case 0:
			a.done = true
		case 1:
			p[n] = 'A'
			n++
			a.n++
		default:
			p[n] = '='
			n++
			a.n++
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// patient ends at what quoted-printable cannot read instead of failing.
type patient struct{ r io.Reader }

func (q *patient) Read(b []byte) (int, error) {
	n, err := q.r.Read(b)
	if err != nil && n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// file makes an attachment of a part.
func (p *parser) file(e *part) (File, error) {
	f := File{Type: e.mediaType, encoding: e.head.get("content-transfer-encoding"), raw: e.body}
	left := p.l.Decoded - p.decoded
	n, err := io.Copy(io.Discard, io.LimitReader(f.Open(), left+1))
	if err != nil && n == 0 && len(e.body) > 0 {
		f.encoding, n = "", int64(len(e.body))
	}
	f.Size = n
	if p.decoded += n; p.decoded > p.l.Decoded {
		return f, fault.New(fault.Invalid, "message.decoded_large", fault.Args{"Limit": p.l.Decoded})
	}
	disposition, name := dispositionOf(e)
	f.Inline = disposition == "inline"
	f.Name = cleanName(name)
	if f.Name == "" {
		f.Name = fmt.Sprintf("part-%d%s", p.parts, extension(f.Type))
		p.parts++
	}
	return f, nil
}

// dispositionOf reads how a part is to be shown and its name.
func dispositionOf(e *part) (disposition, name string) {
	if v := e.head.get("content-disposition"); v != "" {
		d, params, err := mime.ParseMediaType(v)
		if err != nil || params == nil {
			head, rest, _ := strings.Cut(v, ";")
			d, params = strings.ToLower(strings.TrimSpace(head)), map[string]string{}
			for _, m := range looseParam.FindAllStringSubmatch(rest, 20) {
				params[strings.ToLower(m[1])] = strings.Trim(m[2], `"`)
			}
		}
		disposition, name = d, params["filename"]
	}
	if name == "" {
		name = e.params["name"]
	}
	return disposition, name
}

func extension(t string) string {
	switch t {
	case "message/rfc822":
		return ".eml"
	case "text/plain":
		return ".txt"
	case "text/html":
		return ".html"
	case "text/calendar":
		return ".ics"
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	case "application/pdf":
		return ".pdf"
	}
	return ".bin"
}

// cleanName makes a name of whatever is claimed: its last element, one printable
// line without what file systems and shells take for more than a letter.
func cleanName(s string) string {
	s = decodeWords(s)
	s = path.Base(strings.ReplaceAll(s, `\`, "/"))
	s = strings.Map(func(r rune) rune {
		switch r {
		case '/', '\\', ':', '*', '?', '"', '<', '>', '|', '\'', '`', '$', ';', '&', 0x202e:
			return '_'
		}
		return r
	}, s)
	s = strings.Trim(strings.TrimLeft(s, ".- "), " ")
	if r := []rune(s); len(r) > 120 {
		ext := path.Ext(s)
		if len(ext) > 10 {
			ext = ""
		}
		s = string(r[:110]) + ext
	}
	return s
}

// Open reads the file, decoded.
func (f File) Open() io.Reader { return decoder(f.encoding, f.raw) }
