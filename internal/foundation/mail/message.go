package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"almenara.example/internal/foundation/fault"
)

// Address is a mailbox: a name to show and an address such as
// watch@water.example.
type Address struct {
	Name  string
	Email string
}

// Attachment is a file that goes along.
type Attachment struct {
	Name string
	Type string // such as "text/csv"
	Data []byte
}

// Message is one message to one recipient, in plain text (RFC 5322, UTF-8).
type Message struct {
	// ID is the Message-ID without its angle brackets, "notice-17@csirt.example".
	// The same message has the same ID at every attempt.
	ID          string
	From        Address
	To          Address
	ReplyTo     Address // optional
	Subject     string
	Date        time.Time
	Language    string // RFC 5646, for Content-Language; optional
	InReplyTo   string // a Message-ID without brackets; optional
	Text        string // lines end with \n
	Attachments []Attachment
}

// Bytes returns the message as it goes over the wire: the same bytes for the same
// message.
func (m Message) Bytes() ([]byte, error) {
	msg, err := m.compose()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("write message %s: %w", m.ID, err)
	}
	return b.Bytes(), nil
}

// compose checks m and builds it.
func (m Message) compose() (*gomail.Msg, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	boundary := sha256.Sum256([]byte(m.ID))
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("b"+hex.EncodeToString(boundary[:16])))
	msg.FromMailAddress(&mail.Address{Name: m.From.Name, Address: m.From.Email})
	msg.AddToMailAddress(&mail.Address{Name: m.To.Name, Address: m.To.Email})
	if m.ReplyTo.Email != "" {
		msg.ReplyToMailAddress(&mail.Address{Name: m.ReplyTo.Name, Address: m.ReplyTo.Email})
	}
	msg.SetMessageIDWithValue(m.ID)
	msg.SetDateWithValue(m.Date)
	msg.Subject(m.Subject)
	// RFC 3834 §5: no vacation notes in answer to a machine.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Language != "" {
		msg.SetGenHeader("Content-Language", m.Language)
	}
	if m.InReplyTo != "" {
		msg.SetGenHeader("In-Reply-To", "<"+m.InReplyTo+">")
		msg.SetGenHeader("References", "<"+m.InReplyTo+">")
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	for _, a := range m.Attachments {
		r := func(w io.Writer) (int64, error) {
			n, err := w.Write(a.Data)
			return int64(n), err
		}
		file := &gomail.File{
			Name: a.Name, ContentType: gomail.ContentType(a.Type), Enc: gomail.EncodingB64,
			Header: textproto.MIMEHeader{}, Writer: r,
		}
		msg.SetAttachments(append(msg.GetAttachments(), file))
	}
	return msg, nil
}

// check refuses what could change the message's head, field by field.
func (m Message) check() error {
	var bad []fault.Error
	line := func(field, value string, need bool) {
		switch {
		case need && value == "":
			bad = append(bad, *fault.OnField(field, "mail.empty", nil))
		case !oneLine(value):
			bad = append(bad, *fault.OnField(field, "mail.control", nil))
		}
	}
	address := func(field string, a Address) {
		line(field, a.Name, false)
		if p, err := mail.ParseAddress(a.Email); err != nil || p.Name != "" || p.Address != a.Email || !oneLine(a.Email) {
			bad = append(bad, *fault.OnField(field, "mail.address", nil))
		}
	}
	line("id", m.ID, true)
	if strings.ContainsAny(m.ID, "<> ") || strings.Count(m.ID, "@") != 1 {
		bad = append(bad, *fault.OnField("id", "mail.id", nil))
	}
	address("from", m.From)
	address("to", m.To)
	if m.ReplyTo != (Address{}) {
		address("reply_to", m.ReplyTo)
	}
	line("subject", m.Subject, true)
	line("language", m.Language, false)
	line("in_reply_to", m.InReplyTo, false)
	for _, a := range m.Attachments {
		line("attachment", a.Name, true)
		line("attachment", a.Type, true)
	}
	if m.Date.IsZero() {
		bad = append(bad, *fault.OnField("date", "mail.empty", nil))
	}
	if !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0) {
		bad = append(bad, *fault.OnField("text", "mail.control", nil))
	}
	return fault.Join("mail.invalid", bad)
}

// oneLine tells whether s is valid text without line breaks and control
// characters.
func oneLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}
