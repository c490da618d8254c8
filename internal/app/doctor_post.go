package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
)

const (
	noticeLate = 15 * time.Minute    // a notice that may leave and has not is late
	keyEnds    = 21 * 24 * time.Hour // how long an OpenPGP key should still hold
)

// sending looks whether somebody has stopped it.
func (d *doctor) sending(ctx context.Context) {
	halt, stopped, err := (&warn.Warn{}).StoppedBy(ctx, d.db.Reader())
	switch {
	case err != nil:
		d.bad("sending", "look at the server's log", "%v", err)
	case stopped:
		d.bad("sending", "when the reason has passed, resume on "+d.c.PublicURL+"/warn/notices",
			"stopped since %s by %s: %s", halt.At.UTC().Format(time.RFC3339), halt.By, halt.Reason)
	default:
		d.good("sending", "not stopped")
	}
}

// notices looks for those that should have left, and tells of those that wait for a
// person, which is work and no fault of the house.
func (d *doctor) notices(ctx context.Context) {
	var w warn.Warn
	late, since, err := w.Overdue(ctx, d.db.Reader(), d.clock.Now().Add(-noticeLate))
	waiting, err2 := w.Waiting(ctx, d.db.Reader())
	if err = errors.Join(err, err2); err != nil {
		d.bad("notices", "look at the server's log", "%v", err)
		return
	}
	var people int64
	for _, n := range waiting {
		people += n
	}
	if _, stopped, err := w.StoppedBy(ctx, d.db.Reader()); err == nil && late > 0 && d.health.Server && !stopped {
		d.bad("notices", "look at the checks mail and jobs, and at the server's log",
			"%d that may leave have not left, the first for %s", late, d.clock.Now().Sub(since).Round(time.Second))
		return
	}
	d.good("notices", "%d are due, %d wait for a person on %s/warn/notices", late, people, d.c.PublicURL)
}

// contactKeys looks for people to whom nothing can be sealed soon.
func (d *doctor) contactKeys(ctx context.Context) {
	now := d.clock.Now()
	keys, err := (&guard.Guard{}).Expiring(ctx, d.db.Reader(), now.Add(keyEnds))
	switch {
	case err != nil:
		d.bad("keys", "look at the server's log", "%v", err)
	case len(keys) > 0:
		d.warn("keys", "ask their holders for a new one, or retire them, on "+d.c.PublicURL+"/guard/persons",
			"%d OpenPGP keys of contacts end soon or have ended, the first (%s) %s", len(keys), keys[0].Fingerprint, keys[0].Expires.UTC().Format(time.DateOnly))
	default:
		d.good("keys", "no contact's OpenPGP key ends within %d days", int(keyEnds.Hours()/24))
	}
}

// teamKey looks at the key that signs what leaves.
func (d *doctor) teamKey() {
	team, err := pgp.Load(d.c.path(openpgpKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		d.good("team key", "none yet; the server makes one when it starts")
		return
	}
	hint := "put a new " + openpgpKeyFile + " in place, start the server again, and give its public key to everybody who has the old one"
	if err != nil {
		d.bad("team key", "bring "+openpgpKeyFile+" back from its backup with mode 0600", "%v", err)
		return
	}
	key := team.Public()
	left := key.Expires.Sub(d.clock.Now())
	switch {
	case !key.Expires.IsZero() && left < keyEnds:
		d.bad("team key", hint, "it ends %s", key.Expires.UTC().Format(time.RFC3339))
	case d.c.Mail.From != "" && !key.Has(d.c.Mail.From):
		d.bad("team key", "set [mail] from to an address of the key, or put another key in place", "it does not carry %s", d.c.Mail.From)
	default:
		d.good("team key", "%s", key.Fingerprint)
	}
}

// mailboxes asks every mailbox that is read.
func (d *doctor) mailboxes(ctx context.Context) {
	boxes := d.c.intakes()
	if len(boxes) == 0 {
		d.good("mailboxes", "none is read")
		return
	}
	var wrong []string
	for _, in := range boxes {
		if err := outbound.ProbeMailbox(ctx, in); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", in.Name, err))
		}
	}
	if len(wrong) > 0 {
		d.bad("mailboxes", "look at [[mail.intake]] in almenara.toml and at the server of the mailbox", "%s", strings.Join(wrong, "; "))
		return
	}
	d.good("mailboxes", "all %d can be read", len(boxes))
}
