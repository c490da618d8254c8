package message

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// content fills text, files, report, encryption and signature from the tree.
func (p *parser) content(m *Message, root *part) error {
	t := &text{limit: p.l.Text}
	if err := p.walk(m, t, root, true); err != nil {
		return err
	}
	m.Text, m.TextCut, m.HTML = t.b.String(), t.cut, t.html
	p.inline(m)
	m.Words, m.Quoted = SplitQuoted(m.Text)
	if p.o.Numbers != nil {
		for _, n := range append(p.o.Numbers(m.Subject), p.o.Numbers(m.Text)...) {
			if len(m.Seen) < 20 && !slices.Contains(m.Seen, n) {
				m.Seen = append(m.Seen, n)
			}
		}
	}
	return nil
}

// walk takes one part in. Whole says that nothing stands beside it.
func (p *parser) walk(m *Message, t *text, e *part, whole bool) error {
	switch e.mediaType {
	case "multipart/encrypted":
		return p.encrypted(m, t, e, whole)
	case "multipart/signed":
		return p.signed(m, t, e, whole)
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return p.opaque(m, t, e, whole)
	case "multipart/alternative":
		return p.alternative(m, t, e, whole)
	case "multipart/report":
		return p.report(m, t, e)
	case "multipart/mixed":
		// Exchange takes PGP/MIME apart: the mark and the message become files.
		if i := slices.IndexFunc(e.children, func(c *part) bool { return c.mediaType == "application/pgp-encrypted" }); i >= 0 && i+1 < len(e.children) && m.Encrypted == nil {
			data, err := p.decode(e.children[i+1])
			if err != nil {
				return err
			}
			if looksEncrypted(data) {
				m.Encrypted = &Encrypted{Data: data}
			}
		}
	}
	if strings.HasPrefix(e.mediaType, "multipart/") {
		for _, c := range e.children {
			if err := p.walk(m, t, c, whole && len(e.children) == 1); err != nil {
				return err
			}
		}
		return nil
	}
	return p.leaf(m, t, e)
}

// leaf shows a text or keeps a file.
func (p *parser) leaf(m *Message, t *text, e *part) error {
	disposition, name := dispositionOf(e)
	isText := e.mediaType == "text/plain" || e.mediaType == "text/html"
	if isText && disposition != "attachment" && (name == "" || disposition == "inline" && t.b.Len() == 0) {
		b, err := p.decode(e)
		if err != nil {
			return err
		}
		b, err = decodeCharset(b, e.params["charset"], int(min(p.l.Decoded, 4*int64(len(b))+16)))
		if err != nil {
			return err
		}
		t.add(b, e)
		if m.Language == "" {
			m.Language = language(e.head)
		}
		return nil
	}
	f, err := p.file(e)
	if err != nil {
		return err
	}
	m.Files = append(m.Files, f)
	return nil
}

// alternative shows the plain text, or the last form that can be shown; files
// within the other forms stay files.
func (p *parser) alternative(m *Message, t *text, e *part, whole bool) error {
	best := -1
	for i, c := range e.children {
		kind := first(leafTypes(c))
		if kind == "text/plain" && len(bytes.TrimSpace(c.body)) > 0 {
			best = i
			break
		}
		if kind == "text/html" || best < 0 && strings.HasPrefix(c.mediaType, "multipart/") {
			best = i
		}
	}
	for i, c := range e.children {
		if i == best || strings.HasPrefix(c.mediaType, "multipart/") && hasFiles(c) {
			into := t
			if i != best {
				into = &text{} // its files only
			}
			if err := p.walk(m, into, c, whole && len(e.children) == 1); err != nil {
				return err
			}
		} else if !strings.HasPrefix(c.mediaType, "text/") && !strings.HasPrefix(c.mediaType, "multipart/") {
			if err := p.leaf(m, t, c); err != nil {
				return err
			}
		}
	}
	return nil
}

func leafTypes(e *part) (out []string) {
	if !strings.HasPrefix(e.mediaType, "multipart/") {
		return []string{e.mediaType}
	}
	for _, c := range e.children {
		out = append(out, leafTypes(c)...)
	}
	return out
}

func hasFiles(e *part) bool {
	return slices.ContainsFunc(leafTypes(e), func(t string) bool { return !strings.HasPrefix(t, "text/") })
}

func looksEncrypted(b []byte) bool {
	return bytes.Contains(b[:min(len(b), 4096)], []byte("-----BEGIN PGP MESSAGE-----")) || len(b) > 0 && b[0]&0x80 != 0
}

// encrypted reads RFC 3156 §4: the second part is the message.
func (p *parser) encrypted(m *Message, t *text, e *part, whole bool) error {
	if len(e.children) < 2 || m.Encrypted != nil {
		for _, c := range e.children {
			if err := p.leaf(m, t, c); err != nil {
				return err
			}
		}
		return nil
	}
	data, err := p.decode(e.children[1])
	if err != nil {
		return err
	}
	m.Encrypted = &Encrypted{Data: data, Whole: whole}
	return nil
}

// signed reads RFC 1847 §2.1: the first part, with its header, is what is signed.
func (p *parser) signed(m *Message, t *text, e *part, whole bool) error {
	if len(e.children) == 0 {
		return nil
	}
	if m.Signed == nil && len(e.children) == 2 {
		s := e.children[1]
		protocol := strings.ToLower(e.params["protocol"])
		smime := strings.HasSuffix(protocol, "pkcs7-signature") || strings.HasSuffix(s.mediaType, "pkcs7-signature")
		if smime || protocol == "application/pgp-signature" || s.mediaType == "application/pgp-signature" {
			sig, err := p.decode(s)
			if err != nil {
				return err
			}
			m.Signed = &Signed{SMIME: smime, Content: canonical(e.children[0].raw), Signature: sig, Whole: whole}
			return p.walk(m, t, e.children[0], whole)
		}
	}
	for _, c := range e.children {
		if err := p.walk(m, t, c, false); err != nil {
			return err
		}
	}
	return nil
}

// canonical writes every line end as CRLF, as it was on the wire: a mail that lies
// in a file has often lost them.
func canonical(b []byte) []byte {
	if bytes.Count(b, []byte{'\n'}) == bytes.Count(b, []byte("\r\n")) {
		return b
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte{'\n'})
	return bytes.ReplaceAll(b, []byte{'\n'}, []byte("\r\n"))
}

var (
	armorMessage = regexp.MustCompile(`(?ms)^-----BEGIN PGP MESSAGE-----\s*$.*?^-----END PGP MESSAGE-----`)
	armorSigned  = regexp.MustCompile(`(?ms)^-----BEGIN PGP SIGNED MESSAGE-----\s*$.*?^-----BEGIN PGP SIGNATURE-----\s*$.*?^-----END PGP SIGNATURE-----`)
)

// inline finds OpenPGP within the text.
func (p *parser) inline(m *Message) {
	if !strings.Contains(m.Text, "-----BEGIN PGP ") {
		return
	}
	if at := armorMessage.FindStringIndex(m.Text); at != nil && m.Encrypted == nil {
		m.Encrypted = &Encrypted{Data: []byte(m.Text[at[0]:at[1]]), Whole: alone(m, at)}
	}
	if at := armorSigned.FindStringIndex(m.Text); at != nil && m.Signed == nil {
		m.Signed = &Signed{Clear: true, Signature: []byte(m.Text[at[0]:at[1]]), Whole: alone(m, at)}
	}
}

func alone(m *Message, at []int) bool {
	return len(m.Files) == 0 && !m.TextCut && strings.TrimSpace(m.Text[:at[0]]+m.Text[at[1]:]) == ""
}
