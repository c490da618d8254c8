package outbound

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/sqldb"
)

// Run reads every configured mailbox until ctx ends. Trouble with one does not
// disturb the others: it is shown, and the mailbox is tried again, at first soon.
func (r *Receiving) Run(ctx context.Context) error {
	if r.receiver == nil && len(r.intakes) > 0 {
		// Mails stay where they are until somebody reads them.
		r.log.WarnContext(ctx, "outbound: no room reads mails; the mailboxes are left alone")
		<-ctx.Done()
		return ctx.Err()
	}
	var all sync.WaitGroup
	for _, in := range r.intakes {
		all.Go(func() { r.follow(ctx, in) })
	}
	all.Wait()
	return ctx.Err()
}

// maxDoublings bounds the time between attempts: 5 s become 5 min 20 s.
const maxDoublings = 6

// follow reads one mailbox.
func (r *Receiving) follow(ctx context.Context, in Intake) {
	for failures := 0; ; {
		answered, err := r.session(ctx, in)
		if ctx.Err() != nil {
			return
		}
		if answered {
			failures = 0
		}
		r.trouble(ctx, in.Name, err)
		timer := time.NewTimer(r.retry << min(failures, maxDoublings))
		failures++
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

func (r *Receiving) trouble(ctx context.Context, name string, err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	st := r.status[name]
	news := st.Trouble == ""
	if news {
		st.Since = r.acts.Clock().Now()
	}
	st.Trouble = printable(err.Error())
	r.status[name] = st
	r.mu.Unlock()
	if news {
		r.log.WarnContext(ctx, "outbound: trouble with a mailbox", "mailbox", name, "error", err)
	}
}

func (r *Receiving) fine(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status[name] = MailboxStatus{Name: name, Seen: r.acts.Clock().Now()}
}

// waitFor is how long one wait for news lasts at most; then the mailbox is looked
// into in any case.
const waitFor = 10 * time.Minute

// session reads a mailbox over one connection, until it breaks.
func (r *Receiving) session(ctx context.Context, in Intake) (answered bool, err error) {
	box, err := mail.OpenMailbox(ctx, in.config(r.limits.Bytes))
	if err != nil {
		return false, err
	}
	defer box.Close()
	at, err := r.position(ctx, in.Name)
	if err != nil {
		return false, err
	}
	if err := r.finish(ctx, box, in.Name, at); err != nil {
		return false, err
	}
	for {
		more := true
		for more {
			if at, more, err = r.round(ctx, box, in, at); err != nil {
				return answered, err
			}
		}
		answered = true
		r.fine(in.Name)
		if err := box.Wait(ctx, r.poll, waitFor); err != nil {
			return answered, err
		}
	}
}

// position is how far a mailbox has been read.
func (r *Receiving) position(ctx context.Context, name string) (mail.Position, error) {
	at, _, err := sqldb.One(ctx, r.read, func(row sqldb.Row) (p mail.Position, err error) {
		var validity, uid int64
		err = row.Scan(&validity, &uid)
		return mail.Position{Validity: uint32(validity), UID: uint32(uid)}, err
	}, `select uidvalidity, uid from outbound_mailbox where name = $1`, name)
	return at, err
}

// round takes the next mails in, and then marks them in the mailbox.
func (r *Receiving) round(ctx context.Context, box *mail.Mailbox, in Intake, at mail.Position) (mail.Position, bool, error) {
	var batch []*arrival
	var uids []uint32
	more, err := box.Fetch(ctx, at, batchMails, func(f mail.Fetched) error {
		a := &arrival{raw: f.Raw, in: Incoming{Mailbox: in.Name, Validity: f.Validity, UID: f.UID, Size: f.Size}}
		if f.TooLarge {
			a.in.State = TooLarge
		}
		batch = append(batch, a)
		uids = append(uids, f.UID)
		at = f.Position
		return nil
	})
	if err != nil {
		return at, false, err
	}
	if len(batch) == 0 {
		return at, more, nil
	}
	if err := r.takeIn(ctx, in.Name, batch, at); err != nil {
		return at, false, fmt.Errorf("take mails in: %w", err)
	}
	return at, more, box.Done(ctx, uids)
}

// finish marks mails that were taken in when a crash came before the mark. Only those
// that have a row are marked.
func (r *Receiving) finish(ctx context.Context, box *mail.Mailbox, name string, at mail.Position) error {
	left, err := box.Left(ctx, at)
	if err != nil || len(left) == 0 {
		return err
	}
	var taken []uint32
	for len(left) > 0 {
		n := min(len(left), 100)
		args := []any{name, int64(at.Validity)}
		for _, uid := range left[:n] {
			args = append(args, int64(uid))
		}
		list, err := sqldb.All(ctx, r.read, sqldb.Int64, `select uid from outbound_incoming
			where mailbox = $1 and uidvalidity = $2 and uid in `+sqldb.In(3, n), args...)
		if err != nil {
			return fmt.Errorf("look for mails that were taken in: %w", err)
		}
		for _, uid := range list {
			taken = append(taken, uint32(uid))
		}
		left = left[n:]
	}
	return box.Done(ctx, taken)
}

// Probe signs in to every configured mailbox once and says what is wrong.
func (r *Receiving) Probe(ctx context.Context) error {
	var errs []error
	for _, in := range r.intakes {
		box, err := mail.OpenMailbox(ctx, in.config(r.limits.Bytes))
		if err != nil {
			errs = append(errs, fmt.Errorf("mailbox %s: %w", in.Name, err))
			continue
		}
		box.Close()
	}
	return errors.Join(errs...)
}
