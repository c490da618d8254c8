package message

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// maxReceived is how many servers a mail may have passed before it is a loop.
const maxReceived = 50

// Subjects that mail programs give to what they answer by themselves: the last
// resort, when no header says so.
var autoSubject = regexp.MustCompile(`(?i)^\s*(\[[^\]]*\]\s*)*(automatic reply|auto(matic)?[- ]?(reply|response|antwort)|autoreply|out of (the )?office|réponse automatique|absence du bureau|absent du bureau|message d['’]absence|respuesta automática|respuesta automatica|fuera de (la )?oficina|ausente de la oficina|automatische antwort|abwesenheitsnotiz|abwesenheit|abwesend|vacation (reply|response|notice))\b`)

func (p *parser) classify(m *Message, h header) {
	switch {
	case len(h.all("received")) > maxReceived:
		m.Class, m.Why = Loop, "received"
	case m.MessageID != "" && p.o.OwnID != nil && p.o.OwnID(m.MessageID):
		m.Class, m.Why = Loop, "message-id"
	case m.Report != nil:
		m.Class, m.Why = DeliveryReport, "report"
	case bounced(m, h):
		m.Class, m.Why = DeliveryReport, "mailer-daemon"
		m.Report = &Report{}
		for _, v := range h.all("x-failed-recipients") {
			for _, a := range addresses(v) {
				m.Report.Recipients = append(m.Report.Recipients, Recipient{Address: a.Email, Action: "failed"})
			}
		}
	case slices.ContainsFunc(p.o.OwnAddresses, func(a string) bool { return strings.EqualFold(a, m.From.Email) }):
		m.Class, m.Why = Loop, "from"
	default:
		if m.Why = auto(m, h); m.Why != "" {
			m.Class = AutoReply
			return
		}
		m.Class = Person
		switch {
		case len(m.InReplyTo) > 0:
			m.Class, m.Why = Reply, "in-reply-to"
		case len(m.References) > 0:
			m.Class, m.Why = Reply, "references"
		case len(m.Seen) > 0:
			m.Class, m.Why = Reply, "number"
		}
	}
}

// auto says by what a mail is known to come from a machine; empty when it is not.
func auto(m *Message, h header) string {
	// RFC 3834 §5: the value may have parameters and comments.
	if h.has("auto-submitted") {
		v, _, _ := strings.Cut(h.get("auto-submitted"), ";")
		v, _, _ = strings.Cut(v, "(")
		if !strings.EqualFold(strings.TrimSpace(v), "no") {
			return "auto-submitted"
		}
		return ""
	}
	for _, name := range []string{"x-autoreply", "x-autorespond", "x-autoresponder", "x-autoreply-from", "x-mail-autoreply"} {
		if h.has(name) && !strings.EqualFold(strings.TrimSpace(h.get(name)), "no") {
			return name
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.get("precedence"))) {
	case "bulk", "junk", "auto_reply":
		return "precedence"
	}
	if t, params := contentType(h.get("content-type")); t == "multipart/report" && !strings.EqualFold(params["report-type"], "delivery-status") {
		return "report"
	}
	if m.ReturnPath == "<>" {
		return "return-path"
	}
	if autoSubject.MatchString(m.Subject) {
		return "subject"
	}
	return ""
}

// bounced tells of mail servers that report in a form of their own.
func bounced(m *Message, h header) bool {
	if h.has("x-failed-recipients") {
		return true
	}
	who, _, _ := strings.Cut(strings.ToLower(m.From.Email), "@")
	return (who == "mailer-daemon" || who == "postmaster") && m.ReturnPath == "<>" && !h.has("in-reply-to")
}

// report reads multipart/report. A report of another kind than of delivery is shown
// like any mail.
func (p *parser) report(m *Message, t *text, e *part) error {
	var status, original *part
	for _, c := range e.children {
		switch c.mediaType {
		case "message/delivery-status", "message/global-delivery-status":
			status = c
		case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
			original = c
		}
	}
	for _, c := range e.children {
		if c == status {
			continue
		}
		var err error
		if c == original {
			var f File
			if f, err = p.file(c); err == nil {
				m.Files = append(m.Files, f)
			}
		} else {
			err = p.walk(m, t, c, false)
		}
		if err != nil {
			return err
		}
	}
	if status == nil {
		return nil
	}
	b, err := p.decode(status)
	if err != nil {
		return err
	}
	m.Report = readStatus(b)
	if original != nil {
		b, err := p.decode(original)
		if err != nil {
			return err
		}
		if headerSize(b, p.l.Header) <= p.l.Header {
			h, _, _ := cutHeader(b)
			m.Report.MessageID = first(ids(h.get("message-id")))
		}
	}
	return nil
}

// maxRecipients bounds the recipients of one report.
const maxRecipients = 200

// readStatus reads the blocks of RFC 3464 §2: one about the message, then one for
// each recipient.
func readStatus(b []byte) *Report {
	r := &Report{}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte{'\n'})
	b = b[:min(len(b), 1<<20)]
	for i, block := range bytes.SplitN(b, []byte("\n\n"), maxRecipients+2) {
		block = bytes.Trim(block, "\n")
		if len(block) == 0 || len(r.Recipients) >= maxRecipients {
			continue
		}
		h, _, _ := cutHeader(block)
		if i == 0 && !h.has("final-recipient") {
			r.EnvelopeID = clip(line(h.get("original-envelope-id")), 300)
			r.Server = clip(line(afterType(h.get("reporting-mta"))), 300)
			continue
		}
		if !h.has("final-recipient") && !h.has("original-recipient") && !h.has("action") {
			continue
		}
		c := Recipient{
			Address: clip(line(afterType(h.get("final-recipient"))), 320), Action: strings.ToLower(clip(line(h.get("action")), 40)),
			Status: statusCode.FindString(h.get("status")), Diagnostic: clip(decodeWords(afterType(h.get("diagnostic-code"))), 500),
		}
		if c.Address == "" {
			c.Address = clip(line(afterType(h.get("original-recipient"))), 320)
		}
		c.Address = strings.Trim(c.Address, "<>")
		c.Action, _, _ = strings.Cut(c.Action, " ")
		r.Recipients = append(r.Recipients, c)
	}
	return r
}

var statusCode = regexp.MustCompile(`[245]\.\d{1,3}\.\d{1,3}`)

// afterType takes off the type before an address: "rfc822; ana@water.example".
func afterType(s string) string {
	if _, rest, ok := strings.Cut(s, ";"); ok {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(s)
}
