package message

import (
	"slices"
	"strings"
	"time"

	"almenara.example/internal/foundation/fault"
)

// Limits bound what one mail may cost.
type Limits struct {
	Bytes   int64 // of the raw mail
	Header  int   // bytes of one part's header
	Depth   int   // of parts within parts
	Parts   int
	Decoded int64 // bytes of all parts together, decoded
	Text    int   // bytes of text to show; the rest is cut and TextCut set
}

// DefaultLimits are what an ordinary mail server lets through.
func DefaultLimits() Limits {
	return Limits{Bytes: 32 << 20, Header: 256 << 10, Depth: 12, Parts: 300, Decoded: 40 << 20, Text: 1 << 20}
}

// Options say what to look for.
type Options struct {
	Limits Limits // zero: DefaultLimits
	// Numbers finds numbers of things in a text; nil finds none.
	Numbers func(text string) []string
	// OwnID tells whether a Message-ID (without brackets) is one of ours; nil: none is.
	OwnID func(id string) bool
	// OwnAddresses are those we send from: a mail from one of them is a loop.
	OwnAddresses []string
}

// Class says who speaks.
type Class string

// The classes.
const (
	Person         Class = "person"          // somebody writes
	Reply          Class = "reply"           // somebody answers: In-Reply-To, References or a number
	AutoReply      Class = "auto-reply"      // a machine answers by itself; nobody has read anything
	DeliveryReport Class = "delivery-report" // a mail server speaks of a delivery
	Loop           Class = "loop"            // our own mail came back
)

// Address is somebody's name and address, as claimed.
type Address struct {
	Name  string
	Email string
}

// Message is a mail taken apart.
type Message struct {
	MessageID  string   // without brackets; empty when there is none
	InReplyTo  []string // Message-IDs without brackets
	References []string
	ReturnPath string // the envelope's sender as the last server wrote it; "<>" when empty
	From       Address
	ReplyTo    Address
	To         []Address
	Cc         []Address
	Subject    string
	Date       time.Time // zero when there is none
	Language   string    // Content-Language, empty when there is none

	Class Class
	Why   string   // what the class was told by, such as "auto-submitted"
	Seen  []string // the numbers of things in subject and text, each once

	Text    string // all that is to be read, lines end with \n
	Words   string // the new words of it
	Quoted  string // what was quoted of earlier mails
	TextCut bool   // there is more text than is shown
	HTML    bool   // the text was made from HTML

	Files     []File
	Report    *Report    // of a DeliveryReport
	Encrypted *Encrypted // what must be opened first
	Signed    *Signed
	Autocrypt *Autocrypt // a key offered in the header
}

// File is an attachment.
type File struct {
	Name string // cleaned, never empty
	Type string // such as "text/csv", as claimed
	Size int64  // decoded
	// Inline tells that the sender wants it shown within the text.
	Inline bool

	encoding string
	raw      []byte
}

// Encrypted is content that must be decrypted: give the result to Inside.
type Encrypted struct {
	SMIME bool   // enveloped S/MIME; otherwise OpenPGP
	Data  []byte // the OpenPGP message, armored or binary; or PKCS #7 in DER
	Whole bool   // there is nothing besides it
}

// Signed is content with a signature beside it or around it.
type Signed struct {
	SMIME     bool
	Clear     bool   // OpenPGP in clear text within the text: Signature has all of it
	Content   []byte // the bytes that were signed, with CRLF; empty when Signature holds them
	Signature []byte // detached OpenPGP or PKCS #7; opaque PKCS #7; clear text
	Whole     bool   // everything that is shown is signed
}

// Report is what a mail server says of a delivery (RFC 3464).
type Report struct {
	MessageID  string // of our mail, without brackets, when the report carries it
	EnvelopeID string
	Server     string
	Recipients []Recipient
}

// Recipient is one recipient's part of a report.
type Recipient struct {
	Address    string // final recipient, else the original one
	Action     string // failed, delayed, delivered, relayed, expanded
	Status     string // such as "5.1.1"
	Diagnostic string
}

// Autocrypt is a key offered in the header (Autocrypt Level 1).
type Autocrypt struct {
	Email  string
	Mutual bool   // the sender wants encryption
	Key    []byte // binary OpenPGP; not yet parsed
}

// Parse takes a raw mail apart.
func Parse(raw []byte, o Options) (*Message, error) {
	p := &parser{o: o, l: o.Limits}
	if p.l == (Limits{}) {
		p.l = DefaultLimits()
	}
	if int64(len(raw)) > p.l.Bytes {
		return nil, fault.New(fault.Invalid, "message.too_large", fault.Args{"Limit": p.l.Bytes})
	}
	// An mbox file puts a line before the header.
	if strings.HasPrefix(string(raw[:min(5, len(raw))]), "From ") {
		raw = afterLine(raw)
	}
	root, err := p.entity(raw, 0)
	if err != nil {
		return nil, err
	}
	if len(root.head) == 0 {
		return nil, fault.New(fault.Invalid, "message.no_mail", nil)
	}
	m := p.head(root.head)
	if err := p.content(m, root); err != nil {
		return nil, err
	}
	p.classify(m, root.head)
	return m, nil
}

// Inside is m with what was encrypted in it: head and class of the outer mail, text
// and files of the plain text. A signature inside the plain text is in Signed.
func (m *Message) Inside(plain []byte, o Options) (*Message, error) {
	p := &parser{o: o, l: o.Limits}
	if p.l == (Limits{}) {
		p.l = DefaultLimits()
	}
	if int64(len(plain)) > p.l.Bytes {
		return nil, fault.New(fault.Invalid, "message.too_large", fault.Args{"Limit": p.l.Bytes})
	}
	in := *m
	in.Text, in.Words, in.Quoted, in.TextCut, in.HTML = "", "", "", false, false
	in.Files, in.Report, in.Encrypted, in.Signed, in.Seen = nil, nil, nil, nil, nil
	var root *part
	if _, _, ok := cutHeader(plain); ok {
		var err error
		if root, err = p.entity(plain, 0); err != nil {
			return nil, err
		}
	} else {
		// Inline OpenPGP has words, not an entity.
		root = &part{body: plain, raw: plain, mediaType: "text/plain", params: map[string]string{"charset": "utf-8"}}
	}
	if err := p.content(&in, root); err != nil {
		return nil, err
	}
	if in.Class == Person && len(in.Seen) > 0 {
		in.Class, in.Why = Reply, "number"
	}
	return &in, nil
}

// Failed tells whether the report says that a delivery failed for good.
func (r *Report) Failed() bool {
	for _, c := range r.Recipients {
		if c.Action == "failed" || c.Action == "" && strings.HasPrefix(c.Status, "5") {
			return true
		}
	}
	return false
}

// Delayed tells whether the report only says that the server is still trying.
func (r *Report) Delayed() bool {
	for _, c := range r.Recipients {
		if c.Action != "delayed" {
			return false
		}
	}
	return len(r.Recipients) > 0
}

// maxAnswers is how many Message-IDs Answers looks at.
const maxAnswers = 100

// Answers lists the Message-IDs, without brackets, of what a mail answers: In-Reply-To
// and References (RFC 5322, 3.6.4), and of a report the mail that it reports on.
func (m *Message) Answers() []string {
	ids := slices.Concat(m.InReplyTo, m.References)
	if m.Report != nil {
		ids = append(ids, m.Report.MessageID)
	}
	return ids[:min(len(ids), maxAnswers)]
}
