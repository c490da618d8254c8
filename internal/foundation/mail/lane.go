package mail

import (
	"context"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/text"
)

// Raw is a message as it goes over the wire, with its envelope.
type Raw struct {
	From string // address; empty for none (RFC 5321 §4.5.5)
	To   string
	Data []byte // lines end with CRLF
}

// Lane sends many messages over one connection, one after the other, and makes a
// new one when the server has closed it. It serves one goroutine.
type Lane struct {
	c      *Client
	dialer *gomail.Client
	conn   *smtp.Client
	used   bool // the connection has carried a message
}

// Lane returns a lane; nothing is connected before the first message.
func (c *Client) Lane() *Lane { return &Lane{c: c} }

// SendAll sends messages over one connection and tells what became of each, in
// order. It ends early with the context's error, or one of this machine (no password
// file); messages that were not told of were not tried.
func (c *Client) SendAll(ctx context.Context, mails []Raw, each func(i int, o Outcome)) error {
	l := c.Lane()
	defer l.Close()
	for i, m := range mails {
		if err := ctx.Err(); err != nil {
			return err
		}
		o, err := l.Send(ctx, m)
		if err != nil {
			return err
		}
		each(i, o)
	}
	return nil
}

// finalFactor is how much longer than for a command we wait for the answer to the
// final dot (RFC 5321 §4.5.3.2.6): who gives up there knows nothing.
const finalFactor = 10

// Send sends one message. An error says that this machine cannot send, or that an
// address is none.
func (l *Lane) Send(ctx context.Context, m Raw) (Outcome, error) {
	for field, a := range map[string]string{"from": m.From, "to": m.To} {
		if a == "" && field == "from" {
			continue
		}
		if p, err := mail.ParseAddress(a); err != nil || p.Address != a || !text.OneLine(a) || strings.ContainsAny(a, "<> ") {
			return Outcome{}, fault.OnField(field, "mail.address", nil)
		}
	}
	for {
		fresh := l.conn == nil
		if fresh {
			if o, err := l.dial(ctx); err != nil || o.State != "" {
				return o, err
			}
		}
		o, again := l.one(ctx, m)
		if again && !fresh && ctx.Err() == nil {
			// The server had closed the connection before it heard of this message.
			l.drop()
			continue
		}
		return o, nil
	}
}

// dial connects, encrypts and authenticates. A state in the outcome means that it
// did not.
func (l *Lane) dial(ctx context.Context) (Outcome, error) {
	var err error
	if l.dialer, err = l.c.client(); err != nil {
		return Outcome{}, err
	}
	if l.conn, err = l.dialer.DialToSMTPClientWithContext(ctx); err != nil {
		l.conn = nil
		// Nothing was sent. A refusal here concerns us, not the recipient.
		return Outcome{State: Deferred, Code: codeOf(err), Reply: err.Error(), Connection: true}, nil
	}
	l.used = false
	return Outcome{}, nil
}

// Close takes leave of the server. The lane may be used again.
func (l *Lane) Close() {
	if l.conn == nil {
		return
	}
	// An answer to QUIT changes nothing any more.
	_ = l.conn.UpdateDeadline(time.Second)
	_ = l.dialer.CloseWithSMTPClient(l.conn)
	l.drop()
}

// drop closes the connection without a word.
func (l *Lane) drop() {
	if l.conn != nil {
		_ = l.conn.Close() // it may be closed already
		l.conn = nil
	}
}

// one has the dialogue for one message. Again says that the server closed the
// connection before it heard of it.
func (l *Lane) one(ctx context.Context, m Raw) (o Outcome, again bool) {
	conn := l.conn
	// The library watches no context: closing the connection ends what it waits for.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	l.wait(1)
	utf8 := ""
	if ok, _ := conn.Extension("SMTPUTF8"); ok && !ascii(m.From+m.To) {
		utf8 = " SMTPUTF8"
	}
	pipelining, _ := conn.Extension("PIPELINING")
	from, to := "MAIL FROM:<"+m.From+">"+utf8+"\r\n", "RCPT TO:<"+m.To+">\r\n"
	var rcpt error
	err := l.say(from, to, pipelining)
	if err == nil {
		_, _, err = conn.Text.ReadResponse(250)
	}
	if err != nil {
		if code := codeOf(err); code == 0 || code == 421 {
			l.drop()
			return connectionTrouble(err), l.used
		}
		if pipelining {
			_, _, _ = conn.Text.ReadResponse(25) // the recipient's answer, refused with the sender
		}
		l.reset()
		return judge(err), false
	}
	if !pipelining {
		rcpt = l.say(to, "", true)
	}
	if rcpt == nil {
		_, _, rcpt = conn.Text.ReadResponse(25)
	}
	if rcpt == nil {
		if rcpt = l.say("DATA\r\n", "", true); rcpt == nil {
			_, _, rcpt = conn.Text.ReadResponse(354)
		}
	}
	if rcpt != nil {
		o = judge(rcpt)
		if o.Connection {
			l.drop()
		} else {
			l.reset()
		}
		return o, false
	}
	return l.content(m.Data), false
}

// content sends the message after DATA was agreed to.
func (l *Lane) content(data []byte) Outcome {
	w := l.conn.Text.DotWriter()
	if _, err := w.Write(data); err != nil {
		l.drop()
		return connectionTrouble(err)
	}
	l.wait(finalFactor)
	// From here on a lost connection may have left the message on the other side.
	_ = w.Close() // an error shows again when the answer is read
	_, _, err := l.conn.Text.ReadResponse(250)
	l.used = true
	if err == nil {
		return Outcome{State: Accepted, Code: 250}
	}
	if code := codeOf(err); code == 0 {
		l.drop()
		return Outcome{State: Unknown, Reply: err.Error(), Connection: true}
	}
	o := judge(err)
	if o.Connection {
		l.drop()
	}
	return o
}

// say writes one command, or two at once where the server lets us.
func (l *Lane) say(one, two string, both bool) error {
	if both {
		one += two
	}
	if _, err := l.conn.Text.W.WriteString(one); err != nil {
		return err
	}
	return l.conn.Text.W.Flush()
}

// reset makes the server forget a message that was begun.
func (l *Lane) reset() {
	if err := l.say("RSET\r\n", "", true); err != nil {
		l.drop()
		return
	}
	if _, _, err := l.conn.Text.ReadResponse(250); err != nil {
		l.drop()
	}
}

// wait gives the next commands their time.
func (l *Lane) wait(factor int) {
	// A connection that has no deadline any more is closed and will say so.
	_ = l.conn.UpdateDeadline(time.Duration(factor) * l.c.cfg.Timeout)
}

// judge reads a server's answer before or after the content.
func judge(err error) Outcome {
	o := Outcome{State: Deferred, Code: codeOf(err), Reply: err.Error()}
	switch {
	case o.Code == 0 || o.Code == 421:
		o.Connection = true
	case o.Code >= 500:
		o.State = Refused
	}
	return o
}

func connectionTrouble(err error) Outcome {
	return Outcome{State: Deferred, Code: codeOf(err), Reply: err.Error(), Connection: true}
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 126 })
}
