package warn

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/outbound"
)

// Received files a mail that came in, within the act that takes it in: threads it by
// Message-ID and number, says who speaks, opens and verifies it, and makes an answer
// of a reply that the contact's own key signed. Everything else that somebody wrote
// waits for a person. A mail that cannot be read is filed as such, never lost.
// It implements outbound.Receiver.
func (w *Warn) Received(ctx context.Context, _ *act.Tx, from outbound.Incoming, raw []byte) error {
	// An act of its own within the one that takes in many: each mail has its entry and
	// tells its own facts.
	call := act.Call{
		Actor: act.MachineActor("warn.mail"), Verb: "warn.take_mail", Subject: fmt.Sprintf("incoming:%d", from.ID),
	}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, known, err := sqldb.One(ctx, tx, sqldb.Int64, `select id from warn_mail where incoming_id = $1`, from.ID)
		if err != nil || known {
			return err
		}
		in := &incoming{w: w, tx: tx, raw: raw, mail: Mail{
			Incoming: from.ID, ReceivedAt: from.ReceivedAt, State: MailWaits, Class: MailReply,
			From: text.Clean(from.From, 300), Subject: text.Clean(from.Subject, 300),
		}}
		if from.State != outbound.Taken {
			in.mail.Class, in.mail.Why = MailUnreadable, cmp.Or(from.Reason, "warn.post.why.too_large")
			return in.file(ctx)
		}
		if err := in.read(ctx); err != nil {
			return err
		}
		markExercise(tx, in.notice.Exercise)
		return in.file(ctx)
	})
}

// incoming is one mail being filed.
type incoming struct {
	w      *Warn
	tx     *act.Tx
	raw    []byte
	mail   Mail
	msg    *message.Message
	notice Notice
	inOrg  bool // the sender's address is one of the notice's organisation
	failed bool // a report says that our mail did not arrive
}

func (w *Warn) mailOptions() message.Options { return w.Outbound.ReadOptions(w.MailDomain) }

// read takes the mail apart and finds out what it is about and who speaks.
func (in *incoming) read(ctx context.Context) (err error) {
	m, err := message.Parse(in.raw, in.w.mailOptions())
	if fault.CodeOf(err) == fault.Invalid {
		in.mail.Class, in.mail.Why = MailUnreadable, fault.Of(err).Key
		return nil
	}
	if err != nil {
		return fmt.Errorf("read mail: %w", err)
	}
	in.msg = m
	in.mail.From, in.mail.Subject = text.Clean(m.From.Email, 300), text.Clean(m.Subject, 300)
	if err := in.sender(ctx); err != nil {
		return err
	}
	if err := in.thread(ctx); err != nil {
		return err
	}
	if err := in.open(ctx); err != nil {
		return err
	}
	in.classify()
	in.mail.Words = text.Clean(in.msg.Words, 20_000)
	for _, f := range in.msg.Files[:min(len(in.msg.Files), 50)] {
		in.mail.Files = append(in.mail.Files, MailFile{Name: text.Clean(f.Name, 200), Type: text.Clean(f.Type, 100), Size: f.Size})
	}
	if in.mail.Class == MailReply {
		in.mail.Proposed = in.w.proposed(in.msg.Words)
	}
	return nil
}

// sender finds the contact whose address the mail claims to come from.
func (in *incoming) sender(ctx context.Context) error {
	ps, err := in.w.Guard.ByEmail(ctx, in.tx, in.msg.From.Email)
	if err != nil || len(ps) == 0 {
		return err
	}
	in.mail.Person, in.mail.Org = ps[0].ID, ps[0].Org
	return nil
}

// thread finds the notice: by the Message-IDs that the mail answers, else by a number
// that it names. A number alone, from an address of somebody else, proves nothing and
// is only shown.
func (in *incoming) thread(ctx context.Context) error {
	for _, id := range in.msg.Answers() {
		local, domain, _ := strings.Cut(id, "@")
		if !strings.EqualFold(domain, in.w.MailDomain) {
			continue
		}
		if found, err := in.noticeOf(ctx, local); err != nil || found {
			return err
		}
	}
	for _, number := range in.msg.Seen[:min(len(in.msg.Seen), 20)] {
		if found, err := in.noticeOf(ctx, number); err != nil || found {
			return err
		}
	}
	return nil
}

func (in *incoming) noticeOf(ctx context.Context, number string) (bool, error) {
	n, err := in.w.NoticeNumbered(ctx, in.tx, number)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	in.notice = n
	ps, err := in.w.Guard.ByEmail(ctx, in.tx, in.msg.From.Email)
	if err != nil {
		return false, err
	}
	for _, p := range ps {
		if p.Org == n.Org {
			in.mail.Person, in.mail.Org, in.inOrg = p.ID, p.Org, true
		}
	}
	in.mail.Notice = n.ID
	return true, nil
}

// open decrypts what was sealed to the team and verifies what was signed.
func (in *incoming) open(ctx context.Context) error {
	x := outbound.Opening{Sender: in.mail.Person, Roots: in.w.MailRoots, Options: in.w.mailOptions()}
	if in.notice.Org != 0 {
		cs, err := in.w.Constituency.Contacts(ctx, in.tx, in.notice.Org)
		if err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		for _, c := range cs {
			x.Others = append(x.Others, c.Person)
		}
	}
	o, err := in.w.Outbound.Open(ctx, in.tx, in.w.Guard, in.msg, in.tx.Now(), x)
	if err != nil {
		return err
	}
	in.msg, in.mail.Sealed, in.mail.Signature, in.mail.Signer = o.Message, o.Sealed, o.Signature, text.Clean(o.Signer, 300)
	switch {
	case o.Shut:
		in.mail.Why = "warn.post.why.not_opened"
	case o.Unreadable != "":
		in.mail.Class, in.mail.Why = MailUnreadable, o.Unreadable
	}
	return nil
}

// classify says what is to happen with the mail.
func (in *incoming) classify() {
	if in.mail.Class == MailUnreadable {
		return
	}
	switch in.msg.Class {
	case message.AutoReply:
		in.mail.Class, in.mail.State, in.mail.Why = MailAuto, MailFiled, "warn.post.why.auto"
	case message.Loop:
		in.mail.Class, in.mail.State, in.mail.Why = MailLoop, MailFiled, "warn.post.why.loop"
	case message.DeliveryReport:
		in.mail.Class, in.mail.State, in.mail.Why = MailReport, MailFiled, "warn.post.why.delayed"
		if in.failed = in.msg.Report != nil && in.msg.Report.Failed(); in.failed {
			in.mail.Why = "warn.post.why.failed"
		}
	default:
		switch {
		case in.notice.ID == 0:
			in.mail.Why = cmp.Or(in.mail.Why, "warn.post.why.no_notice")
		case !in.inOrg:
			in.mail.Why = cmp.Or(in.mail.Why, "warn.post.why.stranger")
		}
	}
}

// proposed reads an answer out of the words of a reply: a suggestion, in any language
// of the installation.
func (w *Warn) proposed(words string) What {
	text := " " + strings.ToLower(strings.Join(strings.Fields(words), " ")) + " "
	if strings.Contains(text, "?") || strings.Contains(text, "？") {
		return Ask
	}
	for _, what := range []What{Dispute, PassOn, Done} {
		for _, l := range w.Catalogue.Languages() {
			p := w.Catalogue.Printer(l.Tag)
			for phrase := range strings.SplitSeq(p.T("warn.reply."+string(what), nil), ",") {
				if phrase = strings.TrimSpace(phrase); phrase != "" && strings.Contains(text, phrase) {
					return what
				}
			}
		}
	}
	return Acknowledge
}

// file keeps the mail and does what follows from it by itself.
func (in *incoming) file(ctx context.Context) (err error) {
	w, tx := in.w, in.tx
	if in.mail.ID, err = tx.Next(ctx, "warn.mail"); err != nil {
		return err
	}
	if in.failed && in.notice.ID != 0 && in.notice.State == Sent {
		if err := setState(ctx, tx, in.notice.ID, Bounced, "warn.why.bounced"); err != nil {
			return err
		}
		tx.Fact(NoticesMoved{Notices: []int64{in.notice.ID}, Warnings: warningsOf(in.notice)})
	}
	if in.answersByItself() {
		in.mail.State = MailAnswered
		a := Answer{
			What: in.mail.Proposed, Strength: Signed, By: in.name(ctx), Person: in.mail.Person, Mail: in.mail.ID,
			Reason: text.Clean(in.mail.Words, 3900), At: in.mail.ReceivedAt,
		}
		if err := w.insertAnswer(ctx, tx, in.notice, a); err != nil {
			return err
		}
	}
	files, err := json.Marshal(in.mail.Files)
	if err != nil {
		return fmt.Errorf("keep attachments: %w", err)
	}
	m := in.mail
	if _, err := tx.ExecContext(ctx, `insert into warn_mail (`+mailColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, '')`,
		m.ID, m.Incoming, m.Notice, m.Org, m.Person, string(m.Class), string(m.State), m.From, m.Subject, m.Words, string(files),
		string(m.Signature), m.Signer, m.Sealed, string(m.Proposed), m.Why, clock.Micros(m.ReceivedAt)); err != nil {
		return err
	}
	tx.Fact(MailArrived{Mail: m.ID, Notice: m.Notice})
	return in.offerKey(ctx)
}

func warningsOf(n Notice) []int64 {
	if n.Warning == 0 {
		return nil
	}
	return []int64{n.Warning}
}

// answersByItself holds the rule: a reply about a notice, signed by a current key of
// the very contact, of the notice's own organisation.
func (in *incoming) answersByItself() bool {
	return in.mail.Class == MailReply && in.mail.Signature == SignedGood && in.notice.ID != 0 && in.inOrg && in.mail.Why == ""
}

func (in *incoming) name(ctx context.Context) string {
	p, err := in.w.Guard.Person(ctx, in.tx, in.mail.Person)
	if err != nil || p.Name == "" {
		return in.mail.From
	}
	return p.Name
}

// offerKey notes a key that a person's mail offers.
func (in *incoming) offerKey(ctx context.Context) error {
	if in.mail.Class != MailReply {
		return nil
	}
	return outbound.OfferKey(ctx, in.w.Guard, in.msg, in.mail.Person)
}
