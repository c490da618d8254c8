package warn

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
)

// LinkLife is how long a notice can be answered by its link.
const LinkLife = 60 * 24 * time.Hour

// LinkOpens tells whether an answering link works, without saying of what.
func (w *Warn) LinkOpens(ctx context.Context, secret string) error {
	_, err := w.byLink(ctx, w.read, secret)
	return err
}

// Visitor is whoever holds a link, in his own words.
type Visitor struct {
	Name string
	Firm string
}

func (v *Visitor) check() error {
	v.Name, v.Firm = strings.TrimSpace(v.Name), strings.TrimSpace(v.Firm)
	var bad []fault.Error
	if err := guard.CheckName("by", v.Name); err != nil {
		bad = append(bad, *fault.Of(err))
	}
	if err := guard.CheckName("firm", v.Firm); err != nil {
		bad = append(bad, *fault.Of(err))
	}
	return fault.Join("warn.answer.invalid", bad)
}

// visitor is the actor behind a link.
func visitor(org int64) act.Actor { return act.Actor{ID: "visitor", Kind: act.Visitor, Org: org} }

// OpenByLink shows one notice to whoever holds its link and says who he is: it was
// passed on to him by its recipient. Only what may travel by link is shown: above
// TLP:AMBER the release gate refuses (Denied), and the visitor has to sign in.
func (w *Warn) OpenByLink(ctx context.Context, secret, language string, v Visitor) (p guard.Parcel, n Notice, err error) {
	if err := v.check(); err != nil {
		return p, n, err
	}
	if n, err = w.byLink(ctx, w.read, secret); err != nil {
		return p, n, err
	}
	call := act.Call{Actor: visitor(n.Org), Verb: "warn.open_by_link", Subject: noticeSubject(n.ID), Exercise: n.Exercise}
	err = w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		to := guard.Recipient{Org: n.Org, Language: language, Channel: guard.ByLink}
		if p, err = w.gate.Release(ctx, tx, call.Actor, guard.Thing{Kind: KindNotice, ID: n.ID}, to, "warn"); err != nil {
			return err
		}
		tx.Detail(outbound.SendDetail{Thing: noticeSubject(n.ID), Digest: p.Digest(), State: "shown"})
		if err := markSeen(ctx, tx, n.ID); err != nil {
			return err
		}
		if again, err := visitedJustNow(ctx, tx, n.ID, v); err != nil || again {
			return err
		}
		id, err := tx.Next(ctx, "warn.visit")
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `insert into warn_visit (id, notice_id, name, firm, at) values ($1, $2, $3, $4, $5)`,
			id, n.ID, v.Name, v.Firm, clock.Micros(tx.Now()))
		return err
	})
	return p, n, err
}

// visitedJustNow tells whether the same visitor opened a notice within the hour: a form
// that is shown again is no other visit.
func visitedJustNow(ctx context.Context, tx *act.Tx, notice int64, v Visitor) (bool, error) {
	n, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from warn_visit where notice_id = $1 and name = $2 and firm = $3
		and at > $4`, notice, v.Name, v.Firm, clock.Micros(tx.Now().Add(-time.Hour)))
	return n > 0, err
}

func markSeen(ctx context.Context, tx *act.Tx, notice int64) error {
	_, err := tx.ExecContext(ctx, `update warn_notice set seen_at = $1 where id = $2 and seen_at = 0`, clock.Micros(tx.Now()), notice)
	return err
}

// AnswerByLink records an answer of whoever holds the link and says who he is. Each
// thing can be said once by link: the same again is a Conflict, so of two browsers at
// once one answers; who has taken the warning can say later that it is fixed.
func (w *Warn) AnswerByLink(ctx context.Context, secret string, v Visitor, a Answer) error {
	if err := v.check(); err != nil {
		return err
	}
	a.By, a.Firm, a.Strength, a.Person = v.Name, v.Firm, ByLink, 0
	if err := checkAnswer(&a); err != nil {
		return err
	}
	n, err := w.byLink(ctx, w.read, secret)
	if err != nil {
		return err
	}
	call := act.Call{Actor: visitor(n.Org), Verb: "warn.answer_by_link", Subject: noticeSubject(n.ID), Exercise: n.Exercise}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		said, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from warn_answer
			where notice_id = $1 and strength = $2 and what = $3`, n.ID, string(ByLink), string(a.What))
		if err != nil {
			return err
		}
		if said > 0 {
			return fault.New(fault.Conflict, "warn.answer.already", nil)
		}
		a.At = tx.Now()
		return w.insertAnswer(ctx, tx, n, a)
	})
}

// AnswerSignedIn records the answer of a person of the notice's own organisation, or
// of a provider that acts for it, who signed in to the portal.
func (w *Warn) AnswerSignedIn(ctx context.Context, actor act.Actor, person, notice int64, a Answer) error {
	p, err := w.Guard.Person(ctx, w.read, person)
	if err != nil {
		return err
	}
	a.By, a.Person, a.Strength, a.Firm = p.Name, person, ByPortal, ""
	if err := checkAnswer(&a); err != nil {
		return err
	}
	n, err := w.NoticeFor(ctx, w.read, actor.Org, notice)
	if err != nil {
		return err
	}
	call := act.Call{
		Actor: actor, Verb: "warn.answer", Subject: noticeSubject(notice), Exercise: n.Exercise,
		Resource: act.Resource{Kind: KindNotice, Org: n.Org, InAudience: true},
	}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if err := markSeen(ctx, tx, notice); err != nil {
			return err
		}
		a.At = tx.Now()
		return w.insertAnswer(ctx, tx, n, a)
	})
}

// calledBefore is how long before a notice was written a call may have been that answers
// it: the desk sometimes calls first. Anything older is a slip in the date.
const calledBefore = 24 * time.Hour

// RecordAnswer records what somebody of the organisation said on the phone or in
// a mail, with the true time of the call. There may be several; the same said twice
// within a minute by two desks counts once.
func (w *Warn) RecordAnswer(ctx context.Context, actor act.Actor, notice int64, a Answer) error {
	if a.What == "" {
		a.What = Acknowledge
	}
	if err := checkAnswer(&a); err != nil {
		return err
	}
	if a.Strength != ByPhone && a.Strength != ByMail {
		return fault.OnField("via", "warn.answer.via", nil)
	}
	now := w.Acts.Clock().Now()
	if a.At.IsZero() {
		a.At = now
	}
	if a.At.After(now.Add(time.Minute)) {
		return fault.OnField("at", "warn.answer.future", nil)
	}
	call := act.Call{Actor: actor, Verb: "warn.record_answer", Subject: noticeSubject(notice)}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		n, err := w.Notice(ctx, tx, notice)
		if err != nil {
			return err
		}
		markExercise(tx, n.Exercise)
		if a.At.Before(n.DraftedAt.Add(-calledBefore)) {
			return fault.OnField("at", "warn.answer.before", nil)
		}
		same, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from warn_answer where notice_id = $1 and strength = $2
			and what = $3 and by_name = $4 and at between $5 and $6`, n.ID, string(a.Strength), string(a.What), a.By,
			clock.Micros(a.At.Add(-time.Minute)), clock.Micros(a.At.Add(time.Minute)))
		if err != nil {
			return err
		}
		if same > 0 {
			return fault.New(fault.Conflict, "warn.answer.twice", nil)
		}
		return w.insertAnswer(ctx, tx, n, a)
	})
}

func checkAnswer(a *Answer) error {
	var parts []fault.Error
	if _, err := ParseWhat(string(a.What)); err != nil {
		parts = append(parts, *fault.Of(err))
	}
	a.By, a.Reason = strings.TrimSpace(a.By), strings.TrimSpace(a.Reason)
	if err := guard.CheckName("by", a.By); err != nil {
		parts = append(parts, *fault.Of(err))
	}
	if (a.What == Dispute || a.What == Ask) && text.Blank(a.Reason) {
		parts = append(parts, *fault.OnField("reason", "warn.answer.reason", nil))
	}
	if len(a.Reason) > 4000 || strings.ContainsRune(a.Reason, 0) {
		parts = append(parts, *fault.OnField("reason", "warn.answer.long", nil))
	}
	return fault.Join("warn.answer.invalid", parts)
}

// checkReason refuses what is no text for the record, and nothing where something is
// needed.
func checkReason(field, reason string, needed bool) error {
	switch {
	case needed && text.Blank(reason):
		return fault.OnField(field, "warn.reason.empty", nil)
	case len(reason) > 4000 || strings.ContainsRune(reason, 0) || !utf8.ValidString(reason):
		return fault.OnField(field, "warn.answer.long", nil)
	}
	return nil
}

// insertAnswer keeps an answer; the notice has been answered from its first one on.
func (w *Warn) insertAnswer(ctx context.Context, tx *act.Tx, n Notice, a Answer) (err error) {
	if a.ID, err = tx.Next(ctx, "warn.answer"); err != nil {
		return err
	}
	tx.Detail(struct {
		What     What     `json:"what"`
		Strength Strength `json:"strength"`
	}{a.What, a.Strength})
	tx.Fact(NoticeAnswered{Notice: n.ID, Warning: n.Warning, Org: n.Org, What: a.What, Strength: a.Strength})
	if _, err := tx.ExecContext(ctx, `update warn_notice set last_answer = $1,
		answered_at = case when answered_at = 0 then $2 else answered_at end where id = $3`,
		string(a.What), clock.Micros(a.At), n.ID); err != nil {
		return err
	}
	if n.Warning != 0 { // somebody of it has answered: nobody needs to be called
		if _, err := tx.ExecContext(ctx, `update warn_call set state = $1, changed_at = $2, version = version + 1
			where warning_id = $3 and org_id = $4 and state = $5 and $6 = 0`, string(CallReached), clock.Micros(tx.Now()),
			n.Warning, n.Org, string(CallOpen), boolInt(a.Strength == ByPhone)); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `insert into warn_answer (`+answerColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '', '')`, a.ID, n.ID, string(a.What), string(a.Strength), a.By,
		a.Person, a.Firm, a.Mail, a.Reason, clock.Micros(a.At), clock.Micros(tx.Now()), tx.Actor().ID, tx.Order())
	return err
}

// SettleAnswer says what came of a question or a dispute: what the desk answered, or
// decided. Of two desks at once, one.
func (w *Warn) SettleAnswer(ctx context.Context, actor act.Actor, answer int64, note string) error {
	note = strings.TrimSpace(note)
	if note == "" || len(note) > 4000 || strings.ContainsRune(note, 0) {
		return fault.OnField("note", "warn.answer.settle_note", nil)
	}
	call := act.Call{Actor: actor, Verb: "warn.settle_answer", Subject: fmt.Sprintf("answer:%d", answer)}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		a, ok, err := sqldb.One(ctx, tx, scanAnswer, `select `+answerColumns+` from warn_answer where id = $1`, answer)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "warn.answer.none", nil)
		}
		if !a.Waits() {
			return fault.New(fault.Conflict, "warn.answer.settled", nil)
		}
		n, err := w.Notice(ctx, tx, a.Notice)
		if err != nil {
			return err
		}
		markExercise(tx, n.Exercise)
		tx.Subject(noticeSubject(n.ID))
		tx.Fact(NoticesMoved{Notices: []int64{n.ID}, Warnings: warningsOf(n)})
		_, err = tx.ExecContext(ctx, `update warn_answer set settled_at = $1, settled_by = $2, settled = $3 where id = $4`,
			clock.Micros(tx.Now()), actor.ID, note, answer)
		return err
	})
}

// Repeat sends a notice again that was refused, withheld, had no contact or whose
// outcome is unknown; for an unknown one the recipient may get it twice, with the
// same Message-ID at the same address. Otherwise the contact is looked up again.
func (w *Warn) Repeat(ctx context.Context, actor act.Actor, notice int64, reason string) error {
	if err := checkReason("reason", reason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.retry", Subject: noticeSubject(notice), Reason: reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		n, err := w.Notice(ctx, tx, notice)
		if err != nil {
			return err
		}
		switch n.State {
		case Unknown: // the same message once more, also to the same address
			return w.repeatUnknown(ctx, tx, n)
		case Refused, Withheld, NoContact, Bounced:
			was := n.State
			n.State, n.Why = Drafted, ""
			if err := w.addressee(ctx, tx, &n); err != nil {
				return err
			}
			if n.State != Drafted {
				return fault.New(fault.Conflict, "warn.why.no_contact", nil)
			}
			if was == Refused || was == Bounced {
				if err := w.Outbound.Repeat(ctx, tx, noticeSubject(notice), n.Address); err != nil {
					return err
				}
			}
		default:
			return fault.New(fault.Conflict, "warn.notice.not_waiting", nil)
		}
		return w.respool(ctx, tx, n)
	})
}

// respool puts a notice back into the spool by a person's word.
func (w *Warn) respool(ctx context.Context, tx *act.Tx, n Notice) error {
	if _, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = '', person_id = $2, address = $3, destination = $4,
		language = $5, due_at = 0, attempts = 0 where id = $6`, string(Drafted), n.Person, n.Address, n.Destination, n.Language,
		n.ID); err != nil {
		return err
	}
	return tx.Enqueue(ctx, w.dispatch.With(struct{}{}))
}

// RepeatUnknown sends every notice again whose outcome is unknown, by one person's
// word: after a crash, or a restore, when somebody has made sure what arrived. Those
// that never left are sent for the first time.
func (w *Warn) RepeatUnknown(ctx context.Context, actor act.Actor, reason string) (n int, err error) {
	if err := checkReason("reason", reason, true); err != nil {
		return 0, err
	}
	call := act.Call{Actor: actor, Verb: "warn.retry", Subject: "spool", Reason: reason}
	err = w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		all, err := sqldb.All(ctx, tx, scanNotice, `select `+noticeColumns+` from warn_notice where state = $1 order by id limit 5000`, string(Unknown))
		if err != nil {
			return err
		}
		for _, one := range all {
			if err := w.repeatUnknown(ctx, tx, one); err != nil {
				return err
			}
		}
		n = len(all)
		tx.Detail(struct {
			Notices int `json:"notices"`
		}{n})
		return nil
	})
	return n, err
}

// repeatUnknown lets one notice of unknown outcome go once more: as the same message,
// when there is one.
func (w *Warn) repeatUnknown(ctx context.Context, tx *act.Tx, n Notice) error {
	_, begun, err := w.Outbound.Of(ctx, tx, noticeSubject(n.ID))
	if err != nil {
		return err
	}
	if begun {
		if err := w.Outbound.Repeat(ctx, tx, noticeSubject(n.ID), n.Address); err != nil {
			return err
		}
	}
	return w.respool(ctx, tx, n)
}

// Stop holds every sending from this moment until Resume.
func (w *Warn) Stop(ctx context.Context, actor act.Actor, reason string) error {
	if err := checkReason("reason", reason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.stop_sending", Subject: "sending", Reason: reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `insert into warn_stop (id, at, by_id, reason) values (1, $1, $2, $3)
			on conflict (id) do nothing`, clock.Micros(tx.Now()), actor.ID, reason)
		return err
	})
}

// Resume lets sending go on.
func (w *Warn) Resume(ctx context.Context, actor act.Actor, reason string) error {
	if err := checkReason("reason", reason, false); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "warn.resume_sending", Subject: "sending", Reason: reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		_, err := tx.ExecContext(ctx, `delete from warn_stop where id = 1`)
		return err
	})
}

// RetryJob gives a failed job another try; DismissJob takes it off the list.
func (w *Warn) RetryJob(ctx context.Context, actor act.Actor, job int64) error {
	return w.onJob(ctx, actor, job, w.Queue.Retry(job))
}

// DismissJob takes a failed job off the list for good.
func (w *Warn) DismissJob(ctx context.Context, actor act.Actor, job int64) error {
	return w.onJob(ctx, actor, job, w.Queue.Dismiss(job))
}

func (w *Warn) onJob(ctx context.Context, actor act.Actor, job int64, j act.Job) error {
	call := act.Call{Actor: actor, Verb: "warn.retry", Subject: jobSubject(job)}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error { return tx.Enqueue(ctx, j) })
}
