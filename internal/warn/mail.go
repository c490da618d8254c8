package warn

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/outbound"
)

// MailClass says who speaks in a mail that came in.
type MailClass string

// The classes of mail.
const (
	MailReply      MailClass = "reply"      // somebody writes
	MailAuto       MailClass = "auto-reply" // a machine answers by itself
	MailReport     MailClass = "report"     // a mail server speaks of a delivery (RFC 3464)
	MailLoop       MailClass = "loop"       // our own mail came back
	MailUnreadable MailClass = "unreadable" // bounds or damage; the raw mail is kept
)

// MailState says what became of a mail.
type MailState string

// The states of mail.
const (
	MailWaits     MailState = "waiting"   // for a person at the desk
	MailAnswered  MailState = "answered"  // it is an answer
	MailFiled     MailState = "filed"     // it needs nobody
	MailDismissed MailState = "dismissed" // somebody put it away
)

// Signature is what is known of who signed a mail. Only SignedGood makes an answer by
// itself.
type Signature = outbound.Signature

// The verdicts.
const (
	NotSigned     = outbound.NotSigned
	SignedGood    = outbound.SignedGood
	SignedBad     = outbound.SignedBad
	SignedUnknown = outbound.SignedUnknown
	SignedExpired = outbound.SignedExpired
	SignedRevoked = outbound.SignedRevoked
	SignedForeign = outbound.SignedForeign
)

// Mail is what came in by mail, and what became of it.
type Mail struct {
	ID         int64
	Incoming   int64 // outbound's record, with the raw mail
	Notice     int64
	Org        int64
	Person     int64
	Class      MailClass
	State      MailState
	From       string
	Subject    string
	Words      string // the new words, without what is quoted
	Files      []MailFile
	Signature  Signature
	Signer     string
	Sealed     bool // it was encrypted to us
	Proposed   What // what the words look like
	Why        string
	ReceivedAt time.Time
	DecidedAt  time.Time
	DecidedBy  string
}

// MailFile is an attachment: bytes stay in the raw mail.
type MailFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

const mailColumns = `id, incoming_id, notice_id, org_id, person_id, class, state, from_address, subject, words, files, signature,
	signer, sealed, proposed, why, received_at, decided_at, decided_by`

func scanMail(r sqldb.Row) (m Mail, err error) {
	var files string
	var received, decided int64
	err = r.Scan(&m.ID, &m.Incoming, &m.Notice, &m.Org, &m.Person, &m.Class, &m.State, &m.From, &m.Subject, &m.Words, &files,
		&m.Signature, &m.Signer, &m.Sealed, &m.Proposed, &m.Why, &received, &decided, &m.DecidedBy)
	if err != nil {
		return m, err
	}
	m.ReceivedAt, m.DecidedAt = clock.FromMicros(received), clock.FromMicros(decided)
	if files != "" {
		err = json.Unmarshal([]byte(files), &m.Files)
	}
	return m, err
}

// Mail returns one mail; NotFound when there is none.
func (w *Warn) Mail(ctx context.Context, r sqldb.Reader, id int64) (Mail, error) {
	m, ok, err := sqldb.One(ctx, r, scanMail, `select `+mailColumns+` from warn_mail where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "warn.post.none", nil)
	}
	return m, err
}

// MailFilter says which mail to list; zero fields do not filter.
type MailFilter struct {
	State  MailState
	Notice int64
	Before int64
	Limit  int // default 50
}

// Mails lists mail, newest first.
func (w *Warn) Mails(ctx context.Context, r sqldb.Reader, f MailFilter) ([]Mail, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	if f.Before == 0 {
		f.Before = 1 << 62
	}
	limit := min(f.Limit, 1000)
	switch {
	case f.Notice != 0:
		return sqldb.All(ctx, r, scanMail, `select `+mailColumns+` from warn_mail where notice_id = $1 and id < $2
			order by id desc limit $3`, f.Notice, f.Before, limit)
	case f.State != "":
		return sqldb.All(ctx, r, scanMail, `select `+mailColumns+` from warn_mail where state = $1 and id < $2
			order by id desc limit $3`, string(f.State), f.Before, limit)
	}
	return sqldb.All(ctx, r, scanMail, `select `+mailColumns+` from warn_mail where id < $1 order by id desc limit $2`, f.Before, limit)
}

// MailsWaiting counts the mail that waits for a person.
func (w *Warn) MailsWaiting(ctx context.Context, r sqldb.Reader) (int64, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from warn_mail where state = $1`, string(MailWaits))
	if err != nil {
		err = fmt.Errorf("count mail: %w", err)
	}
	return n, err
}

// decide does something with a mail that waits, once: of two desks at once, one.
func (w *Warn) decide(ctx context.Context, actor act.Actor, verb string, id int64, reason string, f func(context.Context, *act.Tx, *Mail) error) error {
	call := act.Call{Actor: actor, Verb: verb, Subject: fmt.Sprintf("mail:%d", id), Reason: reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		m, err := w.Mail(ctx, tx, id)
		if err != nil {
			return err
		}
		if m.State != MailWaits {
			return fault.New(fault.Conflict, "warn.post.decided", nil)
		}
		if err := f(ctx, tx, &m); err != nil {
			return err
		}
		tx.Fact(MailArrived{Mail: id, Notice: m.Notice})
		_, err = tx.ExecContext(ctx, `update warn_mail set state = $1, notice_id = $2, org_id = $3, why = $4, decided_at = $5,
			decided_by = $6 where id = $7`, string(m.State), m.Notice, m.Org, m.Why, clock.Micros(tx.Now()), actor.ID, id)
		return err
	})
}

// ConfirmMail makes a reply an answer of strength "plain mail", by a person's word.
// An empty what takes what was proposed, an empty by the name of the contact.
func (w *Warn) ConfirmMail(ctx context.Context, actor act.Actor, id int64, what What, by string) error {
	return w.decide(ctx, actor, "warn.confirm_mail", id, "", func(ctx context.Context, tx *act.Tx, m *Mail) error {
		if m.Notice == 0 {
			return fault.New(fault.Conflict, "warn.post.no_notice", nil)
		}
		n, err := w.Notice(ctx, tx, m.Notice)
		if err != nil {
			return err
		}
		markExercise(tx, n.Exercise)
		if by == "" && m.Person != 0 {
			p, err := w.Guard.Person(ctx, tx, m.Person)
			if err != nil {
				return err
			}
			by = p.Name
		}
		a := Answer{
			What: cmp.Or(what, m.Proposed, Acknowledge), Strength: ByMail, By: cmp.Or(by, m.From), Mail: m.ID,
			Reason: clip(m.Words, 3900), At: m.ReceivedAt,
		}
		if a.Reason == "" {
			a.Reason = m.Subject
		}
		if err := checkAnswer(&a); err != nil {
			return err
		}
		m.State = MailAnswered
		return w.insertAnswer(ctx, tx, n, a)
	})
}

func clip(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// FileMail says which notice a mail belongs to; it goes on waiting for its
// confirmation.
func (w *Warn) FileMail(ctx context.Context, actor act.Actor, id, notice int64) error {
	return w.decide(ctx, actor, "warn.file_mail", id, "", func(ctx context.Context, tx *act.Tx, m *Mail) error {
		n, err := w.Notice(ctx, tx, notice)
		if err != nil {
			return err
		}
		m.Notice, m.Org, m.Why = n.ID, n.Org, ""
		return nil
	})
}

// DismissMail puts a mail away that is no answer, and says why.
func (w *Warn) DismissMail(ctx context.Context, actor act.Actor, id int64, reason string) error {
	if err := checkReason("reason", reason, true); err != nil {
		return err
	}
	return w.decide(ctx, actor, "warn.dismiss_mail", id, reason, func(_ context.Context, _ *act.Tx, m *Mail) error {
		m.State = MailDismissed
		return nil
	})
}

// HandOver files a mail that somebody made something else of, such as a report; why is
// the catalogue's key that says so.
func (w *Warn) HandOver(ctx context.Context, actor act.Actor, id int64, why string) error {
	return w.decide(ctx, actor, "warn.file_mail", id, "", func(_ context.Context, _ *act.Tx, m *Mail) error {
		m.State, m.Why = MailFiled, why
		return nil
	})
}
