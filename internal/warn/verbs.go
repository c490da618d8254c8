package warn

import (
	"context"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// LinkLife is how long a notice can be answered by its link.
const LinkLife = 60 * 24 * time.Hour

// LinkOpens tells whether an answering link works, without saying of what.
func (w *Warn) LinkOpens(ctx context.Context, secret string) error {
	_, err := w.byLink(ctx, w.read, secret)
	return err
}

// AnswerByLink records an answer of whoever holds the link. Each thing can be said
// once by link: the same again is a Conflict, so of two browsers at once one answers;
// who has taken the warning can say later that it is fixed.
func (w *Warn) AnswerByLink(ctx context.Context, secret string, a Answer) error {
	if err := checkAnswer(&a, false); err != nil {
		return err
	}
	n, err := w.byLink(ctx, w.read, secret)
	if err != nil {
		return err
	}
	call := act.Call{
		Actor: act.Actor{ID: "visitor", Kind: act.Visitor, Org: n.Org}, Verb: "warn.answer_by_link",
		Subject: noticeSubject(n.ID), Exercise: n.Exercise,
	}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		said, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from warn_answer
			where notice_id = $1 and strength = $2 and what = $3`, n.ID, string(ByLink), string(a.What))
		if err != nil {
			return err
		}
		if said > 0 {
			return fault.New(fault.Conflict, "warn.answer.already", nil)
		}
		if _, err := tx.ExecContext(ctx, `update warn_notice set answered_at = $1 where id = $2 and answered_at = 0`,
			clock.Micros(tx.Now()), n.ID); err != nil {
			return err
		}
		a.Strength, a.At = ByLink, tx.Now()
		return w.insertAnswer(ctx, tx, n, a)
	})
}

// RecordAnswer records what somebody of the organisation said on the phone or in
// a mail, with the true time of the call. There may be several.
func (w *Warn) RecordAnswer(ctx context.Context, actor act.Actor, notice int64, a Answer) error {
	if err := checkAnswer(&a, true); err != nil {
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
		if _, err := tx.ExecContext(ctx, `update warn_notice set answered_at = $1 where id = $2 and answered_at = 0`,
			clock.Micros(a.At), notice); err != nil {
			return err
		}
		return w.insertAnswer(ctx, tx, n, a)
	})
}

func checkAnswer(a *Answer, named bool) error {
	var parts []fault.Error
	if _, err := ParseWhat(string(a.What)); err != nil {
		parts = append(parts, *fault.Of(err))
	}
	a.By, a.Reason = strings.TrimSpace(a.By), strings.TrimSpace(a.Reason)
	if named || a.By != "" {
		if err := guard.CheckName("by", a.By); err != nil {
			parts = append(parts, *fault.Of(err))
		}
	}
	if a.What == Dispute && a.Reason == "" {
		parts = append(parts, *fault.OnField("reason", "warn.answer.reason", nil))
	}
	if len(a.Reason) > 4000 || strings.ContainsRune(a.Reason, 0) {
		parts = append(parts, *fault.OnField("reason", "warn.answer.long", nil))
	}
	return fault.Join("warn.answer.invalid", parts)
}

func (w *Warn) insertAnswer(ctx context.Context, tx *act.Tx, n Notice, a Answer) (err error) {
	if a.ID, err = tx.Next(ctx, "warn.answer"); err != nil {
		return err
	}
	tx.Detail(struct {
		What     What     `json:"what"`
		Strength Strength `json:"strength"`
	}{a.What, a.Strength})
	tx.Fact(NoticeAnswered{Notice: n.ID, Org: n.Org, What: a.What, Strength: a.Strength})
	_, err = tx.ExecContext(ctx, `insert into warn_answer
		(id, notice_id, what, strength, by_name, reason, at, recorded_at, recorded_by, act_order)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, a.ID, n.ID, string(a.What), string(a.Strength), a.By,
		a.Reason, clock.Micros(a.At), clock.Micros(tx.Now()), tx.Actor().ID, tx.Order())
	return err
}

// Repeat sends a notice again that was refused, withheld, had no contact or whose
// outcome is unknown; for an unknown one the recipient may get it twice, with the
// same Message-ID at the same address. Otherwise the contact is looked up again.
func (w *Warn) Repeat(ctx context.Context, actor act.Actor, notice int64, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.OnField("reason", "warn.reason.empty", nil)
	}
	call := act.Call{Actor: actor, Verb: "warn.retry", Subject: noticeSubject(notice), Reason: reason}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		n, err := w.Notice(ctx, tx, notice)
		if err != nil {
			return err
		}
		switch n.State {
		case Unknown: // the same message once more, also to the same address
			if err := w.Outbound.Repeat(ctx, tx, noticeSubject(notice), n.Address); err != nil {
				return err
			}
		case Refused, Withheld, NoContact:
			was := n.State
			n.State, n.Why = Drafted, ""
			if err := w.address(ctx, tx, &n); err != nil {
				return err
			}
			if n.State != Drafted {
				return fault.New(fault.Conflict, "warn.why.no_contact", nil)
			}
			if was == Refused {
				if err := w.Outbound.Repeat(ctx, tx, noticeSubject(notice), n.Address); err != nil {
					return err
				}
			}
		default:
			return fault.New(fault.Conflict, "warn.notice.not_waiting", nil)
		}
		if _, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = '', person_id = $2, address = $3,
			language = $4 where id = $5`, string(Drafted), n.Person, n.Address, n.Language, notice); err != nil {
			return err
		}
		return tx.Enqueue(ctx, w.send.With(sendArgs{notice}))
	})
}

// Stop holds every sending from this moment until Resume.
func (w *Warn) Stop(ctx context.Context, actor act.Actor, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.OnField("reason", "warn.reason.empty", nil)
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
