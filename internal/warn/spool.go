package warn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
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

// line is what is known of the way to the mail server: when it cannot be reached,
// everything waits, and nothing counts as a try.
type line struct {
	mu    sync.Mutex
	fails int
	until time.Time
	why   string
	since time.Time
}

// longestRest is how long the line rests at most.
const longestRest = 5 * time.Minute

// down tells until when the line rests. A rest that ends later than any could was
// noted before the clock was set back: it is over.
func (l *line) down(now time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until, now.Before(l.until) && l.until.Sub(now) <= longestRest
}

// note keeps whether the server could be reached.
func (l *line) note(now time.Time, trouble string, pause func(int) time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if trouble == "" {
		l.fails, l.until, l.why, l.since = 0, time.Time{}, "", time.Time{}
		return
	}
	if l.fails++; l.fails == 1 {
		l.since = now
	}
	l.until, l.why = now.Add(min(pause(l.fails), longestRest)), trouble
}

// LineDown tells since when the mail server cannot be reached and what it said;
// zero when it can.
func (w *Warn) LineDown() (since time.Time, why string) {
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	return w.line.since, w.line.why
}

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
		if until, down := w.line.down(now); down {
			return jobs.Later(until.Sub(now))
		}
		more, err := w.sendSome(ctx)
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

// leaving is one notice on its way.
type leaving struct {
	notice Notice
	parcel guard.Parcel
	msg    outbound.Message
}

// sendSome sends one batch: cleared and begun in one act, delivered, settled in
// another. more is false when nothing was due.
func (w *Warn) sendSome(ctx context.Context) (more bool, err error) {
	batch, looked, err := w.beginSome(ctx)
	if err != nil || looked == 0 {
		return false, err
	}
	if len(batch) == 0 {
		return true, nil
	}
	out := make([]outbound.Sending, len(batch))
	for i, l := range batch {
		out[i] = outbound.Sending{Parcel: l.parcel, Message: l.msg}
	}
	var results []outbound.Result
	if err := w.remember(ctx, batch); err != nil { // nothing leaves that could be told twice
		results = slices.Repeat([]outbound.Result{{State: outbound.Deferred, Reply: err.Error(), Connection: true}}, len(batch))
	} else {
		results = w.Outbound.DeliverAll(ctx, out)
	}
	return true, w.settleSome(context.WithoutCancel(ctx), batch, results)
}

// remember writes down outside the database what the batch tells, before it leaves.
func (w *Warn) remember(ctx context.Context, batch []leaving) error {
	if w.Told == nil {
		return nil
	}
	var keys [][16]byte
	for _, l := range batch {
		org, _ := w.Constituency.Index().Org(l.notice.Org)
		err := w.eachFinding(ctx, w.read, l.notice.Findings, func(f watch.Finding) error {
			keys = append(keys, toldKey(f, org.Name))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return w.Told.keep(keys, w.Acts.Clock().Now())
}

// due returns the notices that may leave now, in the order of the spool.
func (w *Warn) due(ctx context.Context, r sqldb.Reader, limit int) ([]Notice, error) {
	return sqldb.All(ctx, r, scanNotice, `select `+noticeColumns+` from warn_notice
		where state = $1 and due_at <= $2 order by priority, turn, id limit $3`,
		string(Drafted), clock.Micros(w.Acts.Clock().Now()), limit)
}

// beginSome takes the next notices out of the spool: each is cleared by the release
// gate and committed as "attempting" before a byte leaves. looked is how many it
// weighed.
func (w *Warn) beginSome(ctx context.Context) (batch []leaving, looked int, err error) {
	// A look without the turn of acts: most of the time nothing is due.
	first, err := w.due(ctx, w.read, 1)
	if err != nil || len(first) == 0 {
		return nil, 0, err
	}
	most := w.Limits.Batch
	if first[0].Priority == Flash { // fewer whose outcome nobody knows if this process dies
		most = max(most/4, 1)
	}
	call := act.Call{Actor: act.MachineActor("warn.send"), Verb: "warn.send_notice", Subject: "spool", Purpose: "warn"}
	var quiet bool
	err = w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		batch, looked = nil, 0
		// Acts are serial: what begins after the stop button was pressed sees it here.
		if quiet, err = w.Stopped(ctx, tx); err != nil || quiet {
			return cmp.Or(err, errNothingDue)
		}
		next, err := w.due(ctx, tx, most)
		if err != nil {
			return err
		}
		if len(next) == 0 {
			quiet = true
			return errNothingDue
		}
		details, sh := make([]sendDetail, 0, len(next)), newSheaf(tx, next)
		for _, n := range next {
			if n.Exercise != next[0].Exercise {
				continue // its own batch: an act is real or an exercise
			}
			looked++
			l, d, err := w.beginOne(ctx, sh, call.Actor, n)
			if err != nil {
				return err
			}
			details = append(details, d)
			if !l.parcel.IsZero() {
				batch = append(batch, l)
			}
		}
		tx.Subject(spoolSubject(details))
		tx.Detail(details)
		if next[0].Exercise {
			tx.MarkExercise()
		}
		return nil
	})
	if quiet && errors.Is(err, errNothingDue) {
		return nil, 0, nil
	}
	return batch, looked, err
}

// errNothingDue ends an act that would record nothing.
var errNothingDue = errors.New("nothing is due")

// spoolSubject names the notice when an act is about one, the spool otherwise.
func spoolSubject(ds []sendDetail) string {
	if len(ds) == 1 {
		return ds[0].Notice
	}
	return "spool"
}

type sendDetail struct {
	Notice  string `json:"notice"`
	Message string `json:"message,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Manner  string `json:"manner,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	State   string `json:"state"`
}

// beginOne clears one notice. A parcel comes back only for what is to leave now.
func (w *Warn) beginOne(ctx context.Context, sh *sheaf, machine act.Actor, n Notice) (l leaving, d sendDetail, err error) {
	tx := sh.Tx
	d = sendDetail{Notice: noticeSubject(n.ID), State: string(Drafted)}
	if later, err := w.throttled(ctx, tx, n); err != nil || !later.IsZero() {
		if err == nil {
			err = setDue(ctx, tx, n.ID, later, n.Attempts)
		}
		return l, d, err
	}
	to, manner, err := w.recipient(ctx, tx, n)
	if err != nil {
		return l, d, err
	}
	p, err := w.gate.Release(ctx, sh, machine, guard.Thing{Kind: KindNotice, ID: n.ID}, to, "warn")
	if fault.CodeOf(err) == fault.Denied {
		w.Log.WarnContext(ctx, "warn: notice withheld", "notice", n.ID, "error", err)
		d.State = string(Withheld)
		return l, d, setState(ctx, tx, n.ID, Withheld, "warn.why.withheld")
	}
	if err != nil && ctx.Err() == nil {
		// One notice that cannot be written must not hold up the others.
		w.Log.ErrorContext(ctx, "warn: notice cannot be written", "notice", n.ID, "error", err)
		return l, d, w.putOff(ctx, tx, n)
	}
	if err != nil {
		return l, d, err
	}
	m, err := w.Outbound.Begin(ctx, tx, p)
	if err != nil {
		return l, d, err
	}
	d.Message, d.Digest, d.Manner, d.Attempt, d.State = m.MessageID, p.Digest(), string(manner), m.Attempts, string(m.State)
	if m.State == outbound.Unknown { // begun by a process that died
		return l, d, setState(ctx, tx, n.ID, Unknown, "warn.why.unknown")
	}
	_, err = tx.ExecContext(ctx, `update warn_notice set state = $1, manner = $2, attempts = attempts + 1 where id = $3`,
		string(Attempting), string(manner), n.ID)
	n.Attempts++
	return leaving{n, p, m}, d, err
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

// recipient is the notice's contact, by the best way there is: sealed when there is
// a key; in clear up to TLP:GREEN; otherwise a minimal mail with a link.
func (w *Warn) recipient(ctx context.Context, r sqldb.Reader, n Notice) (to guard.Recipient, m Manner, err error) {
	to = guard.Recipient{Org: n.Org, Person: n.Person, Address: n.Address, Language: n.Language, Channel: guard.ByMail}
	key, ok, err := w.Guard.EncryptionKey(ctx, r, n.Person, w.Acts.Clock().Now())
	if err != nil {
		return to, m, fmt.Errorf("read keys of contact %d: %w", n.Person, err)
	}
	if ok && w.Outbound.Seals() {
		to.Channel, to.Key = guard.BySealedMail, string(key.Data)
		return to, Sealed, nil
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

// settleSome keeps what became of a batch.
func (w *Warn) settleSome(ctx context.Context, batch []leaving, results []outbound.Result) error {
	call := act.Call{
		Actor: act.MachineActor("warn.send"), Verb: "warn.note_outcome", Subject: "spool", Exercise: batch[0].notice.Exercise,
	}
	var trouble string
	err := w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		details := make([]sendDetail, len(batch))
		moved := NoticesMoved{}
		for i, l := range batch {
			r := results[i]
			if err := w.settleOne(ctx, tx, l, r); err != nil {
				return err
			}
			if r.Connection {
				trouble = r.Reply
			}
			details[i] = sendDetail{Notice: noticeSubject(l.notice.ID), Message: l.msg.MessageID, State: string(r.State)}
			moved.add(l.notice)
		}
		tx.Subject(spoolSubject(details))
		tx.Detail(details)
		tx.Fact(moved)
		return nil
	})
	if err == nil {
		w.line.note(w.Acts.Clock().Now(), trouble, w.Limits.Backoff)
	}
	return err
}

func (w *Warn) settleOne(ctx context.Context, tx *act.Tx, l leaving, r outbound.Result) error {
	if err := w.Outbound.Settle(ctx, tx, l.msg, r); err != nil {
		return err
	}
	id := l.notice.ID
	switch r.State {
	case outbound.Accepted, outbound.Outbox:
		_, err := tx.ExecContext(ctx, `update warn_notice set state = $1, why = '', sent_at = $2 where id = $3`,
			string(Sent), clock.Micros(tx.Now()), id)
		return err
	case outbound.Refused:
		return setState(ctx, tx, id, Refused, "warn.why.refused")
	case outbound.Unknown:
		return setState(ctx, tx, id, Unknown, "warn.why.unknown")
	}
	return w.deferOne(ctx, tx, l.notice, r)
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
	left, err := sqldb.All(ctx, w.read, sqldb.Int64, `select id from warn_notice where state = $1 order by id`, string(Attempting))
	if err != nil || len(left) == 0 {
		return err
	}
	call := act.Call{Actor: act.MachineActor("warn.send"), Verb: "warn.note_outcome", Subject: "spool"}
	return w.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		details := make([]sendDetail, len(left))
		for i, id := range left {
			if err := w.Outbound.Interrupted(ctx, tx, noticeSubject(id)); err != nil {
				return err
			}
			if err := setState(ctx, tx, id, Unknown, "warn.why.unknown"); err != nil {
				return err
			}
			details[i] = sendDetail{Notice: noticeSubject(id), State: string(Unknown)}
		}
		tx.Detail(details)
		return nil
	})
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
