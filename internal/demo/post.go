package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"almenara.example/internal/guard"
	"almenara.example/internal/warn"
)

// mailbox is the name under which the demo's mail comes in.
const mailbox = "desk"

// post is the mail of the morning: one reply that waits for somebody to confirm it, and
// one of our notices that came back.
func (f *filler) post(ctx context.Context) error {
	ns, err := f.Warn.Notices(ctx, f.Acts.Reader(), warn.Filter{State: warn.Sent, Unanswered: true, Limit: 200})
	if err != nil {
		return err
	}
	var told []warn.Notice
	for _, n := range ns {
		if n.Warning == 0 && n.Address != "" {
			told = append(told, n)
		}
	}
	if len(told) < 3 {
		return fmt.Errorf("only %d notices wait for an answer", len(told))
	}
	if err := f.plainMail(ctx, told[0], "Our supplier closed this port last night. Could you look again on Monday and tell us what you see?", false); err != nil {
		return err
	}
	if err := f.plainMail(ctx, told[1], "This has been fixed, thank you.", true); err != nil {
		return err
	}
	return f.bounce(ctx, told[2])
}

// head is the head of a mail in answer to a notice.
func (f *filler) head(from, subject string, n warn.Notice) string {
	at := f.Clock.Now()
	return "From: " + from + "\r\nTo: csirt@" + f.Warn.MailDomain + "\r\nSubject: " + subject + "\r\nMessage-ID: <" +
		fmt.Sprintf("%d.%d", at.UnixMicro(), n.ID) + "@" + n.Destination + ">\r\nIn-Reply-To: <" + f.messageID(n) + ">\r\nDate: " +
		at.Format(time.RFC1123Z) + "\r\nMIME-Version: 1.0\r\n"
}

func (f *filler) messageID(n warn.Notice) string {
	return strings.ToLower(f.Warn.Number(n.ID)) + "@" + f.Warn.MailDomain
}

// plainMail is a reply from the address that was written to; confirmed, somebody of
// the desk has made an answer of it.
func (f *filler) plainMail(ctx context.Context, n warn.Notice, words string, confirmed bool) error {
	raw := f.head(n.Address, "Re: ["+f.Warn.Number(n.ID)+"]", n) + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words + "\r\n"
	m, err := f.arrives(ctx, raw)
	if err != nil || !confirmed {
		return err
	}
	return f.Warn.ConfirmMail(ctx, f.as(guard.RoleWatchOfficer), m.ID, "", "")
}

// arrives lets a mail come in, and returns how it was filed.
func (f *filler) arrives(ctx context.Context, raw string) (warn.Mail, error) {
	if _, err := f.Receiving.AcceptRaw(ctx, mailbox, []byte(raw)); err != nil {
		return warn.Mail{}, err
	}
	ms, err := f.Warn.Mails(ctx, f.Acts.Reader(), warn.MailFilter{Limit: 1})
	if err == nil && len(ms) == 0 {
		err = fmt.Errorf("no mail is filed")
	}
	if err != nil {
		return warn.Mail{}, err
	}
	return ms[0], nil
}

// signedMail is a reply in PGP/MIME (RFC 3156 §5), signed with the contact's key: an
// answer by itself.
func (f *filler) signedMail(ctx context.Context, n warn.Notice, g guest, words string) error {
	content := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + words + "\r\n"
	sig, err := g.key.Sign([]byte(content), f.Clock.Now().Add(-time.Second))
	if err != nil {
		return err
	}
	m, err := f.arrives(ctx, f.head(g.person.Name+" <"+g.person.Email+">", "Re: ["+f.Warn.Number(n.ID)+"]", n)+
		"Content-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=\"signed\"\r\n\r\n"+
		"--signed\r\n"+content+"\r\n--signed\r\nContent-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n"+string(sig)+"\r\n--signed--\r\n")
	if err == nil && m.State != warn.MailAnswered {
		err = fmt.Errorf("a signed reply is filed as %s, its signature as %q: %s", m.State, m.Signature, m.Why)
	}
	return err
}

// bounce is a report that a notice did not arrive (RFC 3464).
func (f *filler) bounce(ctx context.Context, n warn.Notice) error {
	m, err := f.arrives(ctx, f.head("MAILER-DAEMON@"+n.Destination, "Undelivered mail", n)+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=\"report\"\r\n\r\n"+
		"--report\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"+
		"--report\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx."+n.Destination+"\r\n\r\n"+
		"Final-Recipient: rfc822; "+n.Address+"\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no such mailbox\r\n\r\n"+
		"--report\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <"+f.messageID(n)+">\r\n\r\n--report--\r\n")
	if err == nil && m.Class != warn.MailReport {
		err = fmt.Errorf("a delivery report is filed as %s", m.Class)
	}
	return err
}
