package incident

import (
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
)

// KindLetter is the kind of thing that the release gate asks about mail of this room to
// single recipients: about crossings, transfers and situation reports.
const KindLetter = "incident-letter"

// LetterKind says what a letter is about, and so what it says.
type LetterKind string

// The kinds of letters.
const (
	LetterPolice            LetterKind = "police"             // the package, or that there is one
	LetterOversight         LetterKind = "oversight"          // that lines crossed
	LetterOwner             LetterKind = "owner"              // that lines of theirs did
	LetterAlarm             LetterKind = "alarm"              // that nobody reviewed
	LetterRecalled          LetterKind = "recalled"           // to the police: it is closed
	LetterRecalledOversight LetterKind = "recalled-oversight" // to oversight: it is closed
	LetterConsent           LetterKind = "consent"            // to the owner: may lines go to the justice side
	LetterBench             LetterKind = "bench"              // to oversight: a package went to the justice side
	LetterTransfer          LetterKind = "transfer"           // a package for a peer
	LetterSitrep            LetterKind = "sitrep"             // a situation report
)

// The states of letters, besides those of outbound's messages.
const (
	LetterWaits     = "waiting"
	LetterWithheld  = "withheld"   // the release gate refused it
	LetterNoAddress = "no-address" // call them
)

// Letter is one mail to one recipient.
type Letter struct {
	ID        int64
	Kind      LetterKind
	About     int64
	Org       int64
	Person    int64
	Audience  guard.Audience // for whom what it carries was chosen
	UID       string
	State     string
	Due       time.Time
	Tries     int
	Reply     string
	Sealed    bool
	At        time.Time
	SettledAt time.Time
}

const letterColumns = `id, kind, about_id, org_id, person_id, audience_id, uid, state, due_at, tries, reply, sealed, at, settled_at`

func scanLetter(r sqldb.Row) (l Letter, err error) {
	var due, at, settled int64
	err = r.Scan(&l.ID, &l.Kind, &l.About, &l.Org, &l.Person, &l.Audience, &l.UID, &l.State, &due, &l.Tries, &l.Reply, &l.Sealed, &at, &settled)
	l.Due, l.At, l.SettledAt = clock.FromMicros(due), clock.FromMicros(at), clock.FromMicros(settled)
	return l, err
}

// LettersAbout lists the mail about something, first to last.
func (in *Incidents) LettersAbout(ctx context.Context, r sqldb.Reader, about int64, kinds ...LetterKind) ([]Letter, error) {
	args := []any{about}
	for _, k := range kinds {
		args = append(args, string(k))
	}
	return sqldb.All(ctx, r, scanLetter, `select `+letterColumns+` from incident_letter where about_id = $1 and kind in `+
		sqldb.In(2, len(kinds))+` order by id`, args...)
}

// newLetter is a letter to be queued.
type newLetter struct {
	kind               LetterKind
	about, org, person int64
	audience           guard.Audience
	address            string
}

// writeTo queues a letter to one person.
func (in *Incidents) writeTo(ctx context.Context, tx *act.Tx, n newLetter) error {
	id, err := tx.Next(ctx, "incident.letter")
	if err != nil {
		return err
	}
	uid, err := in.Acts.IDs().New()
	if err != nil {
		return err
	}
	state := LetterWaits
	if n.address == "" {
		state = LetterNoAddress
	}
	_, err = tx.ExecContext(ctx, `insert into incident_letter (`+letterColumns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '', $10, $9, 0)`,
		id, string(n.kind), n.about, n.org, n.person, int64(n.audience), uid, state, clock.Micros(tx.Now()), false)
	if err != nil || in.letters == nil {
		return err
	}
	return tx.Enqueue(ctx, in.letters.With(struct{}{}))
}

// writeToContacts queues a letter to every contact of an organisation.
func (in *Incidents) writeToContacts(ctx context.Context, tx *act.Tx, k LetterKind, about, org int64) error {
	people, err := in.Directory(ctx, tx, org)
	if err != nil {
		return err
	}
	for _, p := range people {
		if err := in.writeTo(ctx, tx, newLetter{kind: k, about: about, org: org, person: p.Person, address: p.Email}); err != nil {
			return err
		}
	}
	return nil
}

// writeToRole queues a letter to everybody who has a role, at the desk or outside it.
func (in *Incidents) writeToRole(ctx context.Context, tx *act.Tx, k LetterKind, about int64, role string) error {
	people, err := in.Guard.Persons(ctx, tx, guard.PersonFilter{Role: role, Limit: 100})
	if err != nil {
		return err
	}
	for _, p := range people {
		if !p.Active {
			continue
		}
		if err := in.writeTo(ctx, tx, newLetter{kind: k, about: about, org: p.Org, person: p.ID, address: p.Email}); err != nil {
			return err
		}
	}
	return nil
}

// speak is the printer of a language, the installation's own for none.
func (in *Incidents) speak(language string) *i18n.Printer {
	if language == "" {
		language = in.Language
	}
	return in.Catalogue.Printer(language).In(in.Zone)
}

const (
	lettersAtOnce = 50
	letterTries   = 12
)

// workLetters sends what waits.
func (in *Incidents) workLetters(ctx context.Context, _ struct{}, _ jobs.Try) error {
	if stopped, err := in.Warn.Stopped(ctx, in.read); err != nil || stopped {
		return orElse(err, jobs.Later(20*time.Second))
	}
	return in.SendLetters(ctx)
}

// SendLetters sends the letters that are due: each is cleared by the release gate and
// committed as being attempted before a byte leaves. One caller sends, another waits.
func (in *Incidents) SendLetters(ctx context.Context) error {
	in.lane.Lock()
	defer in.lane.Unlock()
	for {
		due, err := sqldb.All(ctx, in.read, scanLetter, `select `+letterColumns+` from incident_letter where state in ('waiting', 'deferred', 'attempting')
			and due_at <= $1 order by due_at, id limit $2`, clock.Micros(in.Acts.Clock().Now()), lettersAtOnce)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, l := range due {
			if err := in.send(ctx, l); err != nil {
				return fmt.Errorf("send letter %d: %w", l.ID, err)
			}
		}
	}
}

// send sends one letter.
func (in *Incidents) send(ctx context.Context, l Letter) error {
	to, err := in.letterRecipient(ctx, l)
	if err != nil {
		return err
	}
	var parcel guard.Parcel
	var m outbound.Message
	machine := act.MachineActor("incident.send_letters")
	call := act.Call{Actor: machine, Verb: "incident.send_letter", Subject: letterThing(l.ID).String(), Purpose: purpose}
	err = in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		if parcel, err = in.gate.Release(ctx, tx, machine, letterThing(l.ID), to, purpose); err != nil {
			return err
		}
		if parcel.Exercise() {
			tx.MarkExercise()
		}
		if m, err = in.Outbound.Begin(ctx, tx, parcel); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `update incident_letter set state = 'attempting', tries = tries + 1, sealed = $1 where id = $2`,
			to.Channel == guard.BySealedMail, l.ID)
		return err
	})
	switch {
	case fault.CodeOf(err) == fault.Denied || fault.CodeOf(err) == fault.NotFound:
		return in.settle(ctx, l, nil, outbound.Result{State: LetterWithheld, Reply: fault.Clip(err.Error())})
	case fault.CodeOf(err) == fault.Conflict: // it was settled before this row was
		return in.settle(ctx, l, nil, outbound.Result{State: outbound.Unknown})
	case err != nil:
		return err
	}
	if m.State == outbound.Unknown { // interrupted: only a person repeats it
		return in.settle(ctx, l, nil, outbound.Result{State: outbound.Unknown})
	}
	return in.settle(ctx, l, &m, in.Outbound.DeliverAll(ctx, []outbound.Sending{{Parcel: parcel, Message: m}})[0])
}

func letterThing(id int64) guard.Thing { return guard.Thing{Kind: KindLetter, ID: id} }

// settle writes what became of a letter. What may be tried again comes back later.
func (in *Incidents) settle(ctx context.Context, l Letter, m *outbound.Message, res outbound.Result) error {
	state, due := res.State, l.Due
	if state == outbound.Deferred {
		due = in.Acts.Clock().Now().Add(min(time.Minute<<min(l.Tries, 6), time.Hour))
		if l.Tries >= letterTries && !res.Connection {
			state = outbound.Refused
			res.State = state
		}
	}
	call := act.Call{Actor: act.MachineActor("incident.send_letters"), Verb: "incident.note_letter", Subject: letterThing(l.ID).String(), Purpose: purpose}
	return in.Acts.Do(context.WithoutCancel(ctx), call, func(ctx context.Context, tx *act.Tx) error {
		tx.Detail(struct {
			State string `json:"state"`
		}{string(state)})
		if m != nil {
			if err := in.Outbound.Settle(ctx, tx, *m, res); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `update incident_letter set state = $1, reply = $2, due_at = $3, settled_at = $4 where id = $5`,
			string(state), fault.Clip(res.Reply), clock.Micros(due), clock.Micros(tx.Now()), l.ID)
		return err
	})
}

// letterRecipient is who gets a letter and how: sealed where there is a key, else the mail in
// clear says only that there is something. A situation report, and the package of a
// transfer, go whole in clear when their marking allows it.
func (in *Incidents) letterRecipient(ctx context.Context, l Letter) (to guard.Recipient, err error) {
	p, err := in.Guard.Person(ctx, in.read, l.Person)
	if err != nil {
		return to, err
	}
	to = guard.Recipient{Org: l.Org, Person: p.ID, Address: p.Email, Language: p.Language, Channel: guard.ByMinimalMail}
	whole := l.Kind == LetterSitrep || l.Kind == LetterTransfer
	if !whole && l.Kind != LetterPolice {
		return to, nil
	}
	if sealed, err := in.Outbound.Sealed(ctx, in.read, in.Guard, &to); err != nil || sealed {
		return to, err
	}
	if whole {
		to.Channel = guard.ByMail
	}
	return to, nil
}
