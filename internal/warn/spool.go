package warn

import (
	"context"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// The pauses of the sending.
const (
	stopPause = 20 * time.Second // before it looks at the stop button again
	busyPause = time.Second      // before it looks for a free lane again
)

// workDispatch sends what is due, the most urgent first, until nothing is.
func (w *Warn) workDispatch(ctx context.Context, _ struct{}, _ jobs.Try) error {
	select {
	case w.lanes <- struct{}{}:
		defer func() { <-w.lanes }()
	default:
		return jobs.Later(busyPause)
	}
	began := w.Acts.Clock().Now()
	for {
		now := w.Acts.Clock().Now()
		if stopped, err := w.Stopped(ctx, w.read); err != nil {
			return err
		} else if stopped {
			return jobs.Later(stopPause)
		}
		if rest := w.Outbound.Rests(); rest > 0 {
			return jobs.Later(rest)
		}
		more, err := w.spool().SendSome(ctx)
		if err != nil {
			return err
		}
		if !more {
			return w.untilNext(ctx)
		}
		if now.Sub(began) > time.Minute { // give other work its turn
			return jobs.Later(0)
		}
	}
}

// untilNext comes back when the next notice is due; the clockwork of the queue
// looks every minute anyway.
func (w *Warn) untilNext(ctx context.Context) error {
	due, ok, err := sqldb.One(ctx, w.read, sqldb.Int64, `select min(due_at) from warn_notice where state = $1 having count(*) > 0`, string(Drafted))
	if err != nil || !ok {
		return err
	}
	if wait := clock.FromMicros(due).Sub(w.Acts.Clock().Now()); wait < time.Minute {
		return jobs.Later(max(wait, 0))
	}
	return nil
}

// spool is the way of notices to the mail server.
func (w *Warn) spool() *outbound.Spool[Notice] {
	machine := act.MachineActor("warn.send")
	return &outbound.Spool[Notice]{
		Spooled: spooled{w}, Out: w.Outbound, Gate: w.gate, Log: w.Log, Stopped: w.Stopped,
		Send: act.Call{Actor: machine, Verb: "warn.send_notice", Subject: "spool", Purpose: "warn"},
		Note: act.Call{Actor: machine, Verb: "warn.note_outcome", Subject: "spool"},
		Batch: func(first Notice) int {
			if first.Priority == Flash { // fewer whose outcome nobody knows if this process dies
				return max(w.Limits.Batch/4, 1)
			}
			return w.Limits.Batch
		},
		Through: func(tx *act.Tx, ns []Notice) sqldb.Reader { return newSheaf(tx, ns) },
		Before:  w.remember,
		Fact: func(_ context.Context, _ sqldb.Reader, ns []Notice) (act.Fact, error) {
			var moved NoticesMoved
			for _, n := range ns {
				moved.add(n)
			}
			return moved, nil
		},
	}
}

// remember writes down outside the database what the batch tells, before it leaves.
func (w *Warn) remember(ctx context.Context, batch []Notice) error {
	if w.Told == nil {
		return nil
	}
	var keys [][16]byte
	for _, n := range batch {
		org, _ := w.Constituency.Index().Org(n.Org)
		err := w.eachFinding(ctx, w.read, n.Findings, func(f watch.Finding) error {
			keys = append(keys, toldKey(f, org.Name))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return w.Told.keep(keys, w.Acts.Clock().Now())
}

// spooled is the notices' side of their spool.
type spooled struct{ *Warn }

// Due returns the notices that may leave now, in the order of the spool.
func (w spooled) Due(ctx context.Context, r sqldb.Reader, limit int) ([]Notice, error) {
	return sqldb.All(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice
		where state = $1 and due_at <= $2 order by priority, turn, id limit $3`,
		string(Drafted), clock.Micros(w.Acts.Clock().Now()), limit)
}

func (spooled) Thing(n Notice) (guard.Thing, bool) {
	return guard.Thing{Kind: KindNotice, ID: n.ID}, n.Exercise
}

// Recipient is the notice's contact, when its address has not had its share of the hour.
func (w spooled) Recipient(ctx context.Context, tx *act.Tx, n *Notice) (to guard.Recipient, manner string, ok bool, err error) {
	later, err := w.throttled(ctx, tx, *n)
	if err != nil {
		return to, "", false, err
	}
	if !later.IsZero() {
		return to, "", false, setDue(ctx, tx, n.ID, later, n.Attempts)
	}
	to, m, err := w.recipient(ctx, tx, *n)
	return to, string(m), err == nil, err
}

func (spooled) Begun(ctx context.Context, tx *act.Tx, n *Notice, manner string) error {
	n.Attempts++
	_, err := tx.ExecContext(ctx, `update warn_notice set state = $1, manner = $2, attempts = $3 where id = $4`,
		string(Attempting), manner, n.Attempts, n.ID)
	return err
}

// throttled says until when a notice has to wait because its address got its share
// of this hour; FLASH never waits.
func (w *Warn) throttled(ctx context.Context, tx *act.Tx, n Notice) (time.Time, error) {
	if n.Priority == Flash {
		return time.Time{}, nil
	}
	hour := tx.Now().Add(-time.Hour)
	var count, oldest int64
	err := tx.QueryRowContext(ctx, `select count(*), coalesce(min(sent_at), 0) from warn_notice
		where address = $1 and sent_at > $2`, n.Address, clock.Micros(hour)).Scan(&count, &oldest)
	if err != nil || count < int64(w.Limits.PerContactHour) {
		return time.Time{}, err
	}
	return clock.FromMicros(oldest).Add(time.Hour), nil
}

// recipient is the notice's contact, by the best way there is: sealed when there is a
// key; in clear up to TLP:GREEN; otherwise a minimal mail with a link.
func (w *Warn) recipient(ctx context.Context, r sqldb.Reader, n Notice) (to guard.Recipient, m Manner, err error) {
	to = guard.Recipient{Org: n.Org, Person: n.Person, Address: n.Address, Language: n.Language, Channel: guard.ByMail}
	if sealed, err := w.Outbound.Sealed(ctx, r, w.Guard, &to); err != nil || sealed {
		return to, Sealed, err
	}
	strict, err := marking(n)
	if err != nil {
		return to, m, err
	}
	if strict.AtMost(tlp.Green) {
		return to, Plain, nil
	}
	to.Channel = guard.ByMinimalMail
	return to, Minimal, nil
}

// Ended keeps what became of a notice.
func (w spooled) Ended(ctx context.Context, tx *act.Tx, n Notice, r outbound.Result) error {
	switch r.State {
	case outbound.Accepted, outbound.Outbox:
		_, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = '', sent_at = $2 where id = $3`,
			string(Sent), clock.Micros(tx.Now()), n.ID)
		return err
	case outbound.Refused:
		return setState(ctx, tx, n.ID, Refused, "warn.why.refused")
	case outbound.Unknown:
		return setState(ctx, tx, n.ID, Unknown, "warn.why.unknown")
	case outbound.Withheld:
		return setState(ctx, tx, n.ID, Withheld, "warn.why.withheld")
	case outbound.Unwritable:
		return w.putOff(ctx, tx, n)
	case outbound.Attempting, outbound.Deferred:
	}
	return w.deferOne(ctx, tx, n, r)
}

// deferOne puts a notice back into the spool. Trouble with the connection concerns
// us, not the recipient: it does not count as a try.
func (w *Warn) deferOne(ctx context.Context, tx *act.Tx, n Notice, r outbound.Result) error {
	if tx.Now().Sub(n.DraftedAt) > w.Limits.GiveUp && !r.Connection {
		return setState(ctx, tx, n.ID, Refused, "warn.why.gave_up")
	}
	if err := setState(ctx, tx, n.ID, Drafted, "warn.why.deferred"); err != nil {
		return err
	}
	tries := n.Attempts
	if r.Connection {
		return setDue(ctx, tx, n.ID, tx.Now(), tries-1)
	}
	return setDue(ctx, tx, n.ID, tx.Now().Add(w.Limits.Backoff(tries)), tries)
}

// putOff tries a notice that could not be written later, and not for ever.
func (w *Warn) putOff(ctx context.Context, tx *act.Tx, n Notice) error {
	if tx.Now().Sub(n.DraftedAt) > w.Limits.GiveUp {
		return setState(ctx, tx, n.ID, Withheld, "warn.why.cannot_be_written")
	}
	if err := setState(ctx, tx, n.ID, Drafted, "warn.why.cannot_be_written"); err != nil {
		return err
	}
	return setDue(ctx, tx, n.ID, tx.Now().Add(w.Limits.Backoff(n.Attempts+1)), n.Attempts+1)
}

func setDue(ctx context.Context, tx *act.Tx, id int64, at time.Time, attempts int) error {
	_, err := tx.ExecContext(ctx, `update warn_notice set due_at = $1, attempts = $2 where id = $3`, clock.Micros(at), attempts, id)
	return err
}

func setState(ctx context.Context, tx *act.Tx, id int64, s State, why string) error {
	_, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = $2 where id = $3`, string(s), why, id)
	return err
}

// Recover marks what a process that died left on its way: whether it arrived cannot
// be known. It runs before the queue starts.
func (w *Warn) Recover(ctx context.Context) error {
	left, err := sqldb.All(ctx, w.read, scanNotice, `select `+noticeColumns+` from warn_notice where state = $1 order by id`, string(Attempting))
	if err != nil {
		return err
	}
	return w.spool().Recover(ctx, left)
}

// skippedAfterRestore is how many numbers a restored installation leaves out: more than
// any lost one gave away since its last backup.
const skippedAfterRestore = 1 << 20

// HoldAfterRestore is for an installation that was restored from a backup: whatever
// had not left when the backup was made may have left since, so nobody sends it but
// a person, and sending stands still until somebody resumes it. Numbers that may have
// been given away since are not given again: a reply to the lost notice would be taken
// for one to another, and mail servers drop a second message of the same Message-ID.
func (w *Warn) HoldAfterRestore(ctx context.Context, tx *act.Tx, reason string) error {
	if _, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = $2 where state in ($3, $4)`,
		string(Unknown), "warn.why.restored", string(Drafted), string(Attempting)); err != nil {
		return err
	}
	if err := w.Outbound.InterruptAll(ctx, tx); err != nil {
		return err
	}
	for _, sequence := range []string{"warn.notice", "warn.warning", "warn.hook"} {
		if _, err := tx.Reserve(ctx, sequence, skippedAfterRestore); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `insert into warn_stop (id, at, by_id, reason) values (1, $1, $2, $3)
		on conflict (id) do nothing`, clock.Micros(tx.Now()), tx.Actor().ID, strings.TrimSpace(reason))
	return err
}
