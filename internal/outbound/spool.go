package outbound

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Spooled is a room's side of its [Spool]: the things that wait to be told by mail, in
// the room's own table.
type Spooled[T any] interface {
	// Due returns what may leave now, in the order of leaving.
	Due(ctx context.Context, r sqldb.Reader, limit int) ([]T, error)
	// Thing names one for the release gate, and tells whether it is of an exercise.
	Thing(t T) (thing guard.Thing, exercise bool)
	// Recipient finds who gets it by the best way there is, and calls that way by a
	// word. ok is false when it is not to leave now: the room has kept why.
	Recipient(ctx context.Context, tx *act.Tx, t *T) (to guard.Recipient, manner string, ok bool, err error)
	// Begun keeps that it is on its way; the room counts the try.
	Begun(ctx context.Context, tx *act.Tx, t *T, manner string) error
	// Ended keeps what became of it. Deferred puts it back.
	Ended(ctx context.Context, tx *act.Tx, t T, r Result) error
}

// States that only a spool gives: nothing has left, nor was there a message.
const (
	Withheld   State = "withheld"   // the release gate refused it
	Unwritable State = "unwritable" // it could not be written just now
)

// Spool empties a room's spool: a batch is cleared by the release gate and committed as
// attempting in one act, delivered, and settled in another.
type Spool[T any] struct {
	Spooled[T]
	Out     *Outbound
	Gate    *guard.Gate
	Log     *slog.Logger
	Stopped func(context.Context, sqldb.Reader) (bool, error) // the stop button
	Send    act.Call                                          // of clearing and beginning
	Note    act.Call                                          // of settling
	Batch   func(first T) int                                 // how many leave between two acts
	// Optional. Through is what the gate reads a batch through; Before runs before it
	// leaves, and when it fails nothing does; Fact is told of what was settled.
	Through func(tx *act.Tx, batch []T) sqldb.Reader
	Before  func(ctx context.Context, batch []T) error
	Fact    func(ctx context.Context, r sqldb.Reader, batch []T) (act.Fact, error)
}

// SendDetail is what the record keeps of one thing in an act of sending.
type SendDetail struct {
	Thing   string `json:"thing"`
	Message string `json:"message,omitempty"`
	Digest  string `json:"digest,omitempty"`
	Manner  string `json:"manner,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	State   string `json:"state"`
}

// leaving is one thing on its way.
type leaving[T any] struct {
	thing T
	Sending
}

// SendSome sends one batch. more is false when nothing was due, or all sending is stopped.
func (s *Spool[T]) SendSome(ctx context.Context) (more bool, err error) {
	batch, looked, err := s.begin(ctx)
	if err != nil || looked == 0 {
		return false, err
	}
	if len(batch) == 0 {
		return true, nil
	}
	things, out := make([]T, len(batch)), make([]Sending, len(batch))
	for i, l := range batch {
		things[i], out[i] = l.thing, l.Sending
	}
	var results []Result
	if err := s.before(ctx, things); err != nil {
		s.Out.line.note(s.Out.acts.Clock().Now(), err.Error(), s.Out.rest)
		results = slices.Repeat([]Result{{State: Deferred, Reply: err.Error(), Connection: true}}, len(batch))
	} else {
		results = s.Out.DeliverAll(ctx, out)
	}
	return true, s.settle(context.WithoutCancel(ctx), batch, results)
}

func (s *Spool[T]) before(ctx context.Context, batch []T) error {
	if s.Before == nil {
		return nil
	}
	return s.Before(ctx, batch)
}

// errNothingDue ends an act that would record nothing.
var errNothingDue = errors.New("nothing is due")

// begin takes the next things out of the spool. looked is how many it weighed.
func (s *Spool[T]) begin(ctx context.Context) (batch []leaving[T], looked int, err error) {
	// A look without the turn of acts: most of the time nothing is due.
	first, err := s.Due(ctx, s.Out.read, 1)
	if err != nil || len(first) == 0 {
		return nil, 0, err
	}
	most := s.Batch(first[0])
	err = s.Out.acts.Do(ctx, s.Send, func(ctx context.Context, tx *act.Tx) error {
		batch, looked = nil, 0
		// Acts are serial: what begins after the stop button was pressed sees it here.
		if stopped, err := s.Stopped(ctx, tx); err != nil || stopped {
			return cmp.Or(err, errNothingDue)
		}
		next, err := s.Due(ctx, tx, most)
		if err != nil || len(next) == 0 {
			return cmp.Or(err, errNothingDue)
		}
		next = s.alike(next)
		looked = len(next)
		batch, err = s.clearAll(ctx, tx, next)
		return err
	})
	if errors.Is(err, errNothingDue) {
		return nil, 0, nil
	}
	return batch, looked, err
}

// alike keeps what is of an exercise as the first is, or not: an act is one or the other.
func (s *Spool[T]) alike(all []T) []T {
	_, first := s.Thing(all[0])
	return slices.DeleteFunc(all, func(t T) bool {
		_, exercise := s.Thing(t)
		return exercise != first
	})
}

func (s *Spool[T]) clearAll(ctx context.Context, tx *act.Tx, all []T) (batch []leaving[T], err error) {
	var r sqldb.Reader = tx
	if s.Through != nil {
		r = s.Through(tx, all)
	}
	details := make([]SendDetail, len(all))
	for i, t := range all {
		l, d, err := s.clear(ctx, tx, r, t)
		if err != nil {
			return nil, err
		}
		if details[i] = d; !l.Parcel.IsZero() {
			batch = append(batch, l)
		}
	}
	s.record(tx, details)
	if _, exercise := s.Thing(all[0]); exercise {
		tx.MarkExercise()
	}
	return batch, nil
}

// clear clears one thing. A parcel comes back only for what is to leave now.
func (s *Spool[T]) clear(ctx context.Context, tx *act.Tx, r sqldb.Reader, t T) (l leaving[T], d SendDetail, err error) {
	thing, _ := s.Thing(t)
	d = SendDetail{Thing: thing.String(), State: "waiting"}
	to, manner, ok, err := s.Recipient(ctx, tx, &t)
	if err != nil || !ok {
		return l, d, err
	}
	end := func(res Result) (leaving[T], SendDetail, error) {
		d.State = string(res.State)
		return l, d, s.Ended(ctx, tx, t, res)
	}
	p, err := s.Gate.Release(ctx, r, s.Send.Actor, thing, to, s.Send.Purpose)
	switch {
	case fault.CodeOf(err) == fault.Denied:
		s.Log.WarnContext(ctx, "outbound: withheld", "thing", thing.String(), "error", err)
		return end(Result{State: Withheld})
	case err != nil && ctx.Err() == nil: // one that cannot be written must not hold up the others
		s.Log.ErrorContext(ctx, "outbound: cannot be written", "thing", thing.String(), "error", err)
		return end(Result{State: Unwritable})
	case err != nil:
		return l, d, err
	}
	m, err := s.Out.Begin(ctx, tx, p)
	if err != nil {
		return l, d, err
	}
	d.Message, d.Digest, d.Manner, d.Attempt = m.MessageID, p.Digest(), manner, m.Attempts
	if m.State == Unknown { // begun by a process that died
		return end(Result{State: Unknown})
	}
	d.State = string(m.State)
	err = s.Begun(ctx, tx, &t, manner)
	return leaving[T]{t, Sending{p, m}}, d, err
}

// settle keeps what became of a batch.
func (s *Spool[T]) settle(ctx context.Context, batch []leaving[T], results []Result) error {
	call := s.Note
	_, call.Exercise = s.Thing(batch[0].thing)
	return s.Out.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		details, things := make([]SendDetail, len(batch)), make([]T, len(batch))
		for i, l := range batch {
			if err := s.Out.Settle(ctx, tx, l.Message, results[i]); err != nil {
				return err
			}
			if err := s.Ended(ctx, tx, l.thing, results[i]); err != nil {
				return err
			}
			things[i] = l.thing
			details[i] = SendDetail{Thing: l.Message.Thing, Message: l.Message.MessageID, State: string(results[i].State)}
		}
		s.record(tx, details)
		if s.Fact == nil {
			return nil
		}
		f, err := s.Fact(ctx, tx, things)
		if err == nil {
			tx.Fact(f)
		}
		return err
	})
}

// Recover marks what a process that died left on its way: whether it arrived cannot be
// known. It runs before anything is sent.
func (s *Spool[T]) Recover(ctx context.Context, left []T) error {
	if len(left) == 0 {
		return nil
	}
	return s.Out.acts.Do(ctx, s.Note, func(ctx context.Context, tx *act.Tx) error {
		details := make([]SendDetail, len(left))
		for i, t := range left {
			thing, _ := s.Thing(t)
			if err := s.Out.Interrupted(ctx, tx, thing.String()); err != nil {
				return err
			}
			if err := s.Ended(ctx, tx, t, Result{State: Unknown}); err != nil {
				return err
			}
			details[i] = SendDetail{Thing: thing.String(), State: string(Unknown)}
		}
		s.record(tx, details)
		return nil
	})
}

// record keeps the details; an act about one thing has that thing for its subject.
func (s *Spool[T]) record(tx *act.Tx, details []SendDetail) {
	if len(details) == 1 {
		tx.Subject(details[0].Thing)
	}
	tx.Detail(details)
}

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

// rests tells how long the line still rests. A rest that ends later than any could was
// noted before the clock was set back: it is over.
func (l *line) rests(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.until.Sub(now); left > 0 && left <= longestRest {
		return left
	}
	return 0
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

// LineDown tells since when the mail server cannot be reached and what it said; zero
// when it can.
func (o *Outbound) LineDown() (since time.Time, why string) {
	o.line.mu.Lock()
	defer o.line.mu.Unlock()
	return o.line.since, o.line.why
}

// Rests is how long nothing is tried any more because the mail server could not be
// reached just now.
func (o *Outbound) Rests() time.Duration { return o.line.rests(o.acts.Clock().Now()) }
