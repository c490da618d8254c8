package incident

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/tlp"
)

// The pace of the sending.
const (
	lookAround  = 20 * time.Second // between two looks
	mailPace    = 30 * time.Second // between two mails about one incident to one recipient
	mailBatch   = 20               // between two acts
	perMail     = 50               // news in one mail
	mailGiveUp  = 48 * time.Hour
	longestRest = 2 * time.Hour
)

func (in *Incidents) addJobs(q *jobs.Queue) (err error) {
	in.dispatch, err = jobs.Add(q, jobs.Kind[struct{}]{Name: "incident.send", Tries: 12, Timeout: 10 * time.Minute, Every: lookAround, Work: in.workDispatch})
	if err != nil {
		return err
	}
	_, err = jobs.Add(q, jobs.Kind[struct{}]{Name: "incident.remind", Timeout: 10 * time.Minute, Every: 30 * time.Second, Work: in.workRemind})
	return err
}

func (in *Incidents) workDispatch(ctx context.Context, _ struct{}, _ jobs.Try) error {
	if !in.sending.TryLock() { // somebody is at it
		return nil
	}
	defer in.sending.Unlock()
	return in.SendMails(ctx)
}

// SendMails makes mails of what waits to be told and sends what is due, until nothing is.
// Nothing leaves while all sending is stopped. The queue calls it by itself every now and
// then; whoever winds the clock calls it, too.
func (in *Incidents) SendMails(ctx context.Context) error {
	for {
		if stopped, err := in.Warn.Stopped(ctx, in.read); err != nil || stopped {
			return err
		}
		if err := in.bundle(ctx); err != nil {
			return err
		}
		if in.Outbound.Rests() > 0 { // nothing would leave
			return nil
		}
		if more, err := in.spool().SendSome(ctx); err != nil || !more {
			return err
		}
	}
}

// bundle makes mails: what waits for one recipient is one mail; a question is one of its
// own, and a reminder of one, so that an answer is an answer to it; and so is what is for
// a named person alone.
func (in *Incidents) bundle(ctx context.Context) error {
	waits := func(r sqldb.Reader) ([]news, error) {
		return sqldb.All(ctx, r, scanNews, `select `+newsColumns+` from incident_news n where n.mail_id = 0 and not exists (select 1 from incident_mail m
			where m.participant_id = n.participant_id and m.made_at > $1 and m.made_at <= $2) order by n.incident_id, n.participant_id, n.person_id, n.id limit 500`,
			clock.Micros(in.Acts.Clock().Now().Add(-mailPace)), clock.Micros(in.Acts.Clock().Now()))
	}
	if first, err := waits(in.read); err != nil || len(first) == 0 {
		return err
	}
	return in.Acts.Step(ctx, "incident.bundle", func(ctx context.Context, tx *act.Tx) error {
		all, err := waits(tx)
		if err != nil {
			return err
		}
		var mail Mail
		var last news
		room := 0
		for _, n := range all {
			alone, err := in.standsAlone(ctx, tx, n.entry)
			if err != nil {
				return err
			}
			same := n.incident == last.incident && n.participant == last.participant && n.person == last.person
			if !same || room == 0 || alone {
				if mail, err = in.newMail(ctx, tx, n); err != nil {
					return err
				}
				room = perMail
			}
			if room--; alone {
				room = 0
			}
			last = n
			if _, err := tx.ExecContext(ctx, `update incident_news set mail_id = $1 where id = $2`, mail.ID, n.id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (in *Incidents) standsAlone(ctx context.Context, r sqldb.Reader, entry int64) (bool, error) {
	if entry == 0 {
		return false, nil
	}
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_entry where id = $1 and (kind = $2 or marking = $3 or source = $4 and reply_to <> 0)`,
		entry, string(Question), tlp.Red.String(), FromMachine)
	return n > 0, err
}

func (in *Incidents) newMail(ctx context.Context, tx *act.Tx, n news) (m Mail, err error) {
	i, err := get(ctx, tx, n.incident)
	if err != nil {
		return m, err
	}
	p, _, err := sqldb.One(ctx, tx, scanParticipant, `select `+participantColumns+` from incident_participant where id = $1`, n.participant)
	if err != nil {
		return m, err
	}
	m = Mail{Incident: i.ID, Participant: p.ID, Org: p.Org, Person: n.person, Exercise: i.Exercise, State: MailWaiting, MadeAt: tx.Now(), DueAt: tx.Now()}
	if m.ID, err = tx.Next(ctx, "incident.mail"); err != nil {
		return m, err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_mail (id, incident_id, participant_id, org_id, person_id, address, language, exercise, state,
		manner, why, attempts, due_at, made_at, sent_at) values ($1, $2, $3, $4, $5, '', '', $6, $7, '', '', 0, $8, $8, 0)`,
		m.ID, m.Incident, m.Participant, m.Org, m.Person, m.Exercise, string(m.State), clock.Micros(m.MadeAt))
	return m, err
}

// spool is the way of mails to the mail server.
func (in *Incidents) spool() *outbound.Spool[Mail] {
	machine := act.MachineActor("incident.send")
	return &outbound.Spool[Mail]{
		Spooled: spooled{in}, Out: in.Outbound, Gate: in.gate, Log: in.Log, Stopped: in.Warn.Stopped,
		Send:  act.Call{Actor: machine, Verb: "incident.send_mail", Subject: spoolName, Purpose: purpose},
		Note:  act.Call{Actor: machine, Verb: "incident.note_outcome", Subject: spoolName, Purpose: purpose},
		Batch: func(Mail) int { return mailBatch },
		Fact: func(ctx context.Context, r sqldb.Reader, ms []Mail) (act.Fact, error) {
			return postChanged(ctx, r, ms...)
		},
	}
}

// spoolName is the subject of acts about several mails.
const spoolName = "incident-mails"

func mailSubject(id int64) string { return fmt.Sprintf("%s:%d", KindMail, id) }

// spooled is the mails' side of their spool.
type spooled struct{ *Incidents }

func (in spooled) Due(ctx context.Context, r sqldb.Reader, limit int) ([]Mail, error) {
	return sqldb.All(ctx, r, scanMail, `select `+mailColumns+` from incident_mail m where m.state = $1 and m.due_at <= $2 order by m.due_at, m.id limit $3`,
		string(MailWaiting), clock.Micros(in.Acts.Clock().Now()), limit)
}

func (spooled) Thing(m Mail) (guard.Thing, bool) {
	return guard.Thing{Kind: KindMail, ID: m.ID}, m.Exercise
}

func (in spooled) Recipient(ctx context.Context, tx *act.Tx, m *Mail) (to guard.Recipient, manner string, ok bool, err error) {
	to, manner, ok, err = in.recipient(ctx, tx, m)
	if err == nil && !ok {
		err = setMail(ctx, tx, m.ID, MailNoContact, "incident.post.why.no_contact")
	}
	return to, manner, ok, err
}

func (spooled) Begun(ctx context.Context, tx *act.Tx, m *Mail, manner string) error {
	m.Attempts++
	_, err := tx.ExecContext(ctx, `update incident_mail set state = $1, manner = $2, attempts = $3, address = $4, language = $5, person_id = $6 where id = $7`,
		string(MailAttempting), manner, m.Attempts, m.Address, m.Language, m.Person, m.ID)
	return err
}

// Ended keeps what became of a mail.
func (in spooled) Ended(ctx context.Context, tx *act.Tx, m Mail, r outbound.Result) error {
	switch r.State {
	case outbound.Accepted, outbound.Outbox:
		_, err := tx.ExecContext(ctx, `update incident_mail set state = $1, why = '', sent_at = $2 where id = $3`,
			string(MailSent), clock.Micros(tx.Now()), m.ID)
		return err
	case outbound.Refused:
		return setMail(ctx, tx, m.ID, MailRefused, "incident.post.why.refused")
	case outbound.Unknown:
		return setMail(ctx, tx, m.ID, MailUnknown, "incident.post.why.unknown")
	case outbound.Withheld:
		return setMail(ctx, tx, m.ID, MailWithheld, "incident.post.why.withheld")
	case outbound.Unwritable:
		return in.later(ctx, tx, m, m.Attempts+1, "incident.post.why.cannot_be_written")
	case outbound.Attempting, outbound.Deferred:
	}
	tries := m.Attempts
	if r.Connection { // concerns us, not the recipient: it does not count as a try
		tries--
	}
	return in.later(ctx, tx, m, tries, "incident.post.why.deferred")
}

// addressee finds who is written to: the person who is named, or the first contact of the
// organisation that has an address. False when there is none.
func (in *Incidents) addressee(ctx context.Context, r sqldb.Reader, m *Mail) (bool, error) {
	if m.Person != 0 {
		p, err := in.Guard.Person(ctx, r, m.Person)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return false, err
		}
		m.Address, m.Language = p.Email, p.Language
		if p.Active && p.Email != "" {
			return true, nil
		}
		// A contact of before who has gone is replaced; somebody who is named is not.
		if named, err := in.named(ctx, r, m.ID); err != nil || named {
			return false, err
		}
	}
	cs, err := in.Constituency.Contacts(ctx, r, m.Org)
	if err != nil {
		return false, err
	}
	for _, c := range cs {
		if c.Email != "" {
			m.Person, m.Address, m.Language = c.Person, c.Email, c.Language
			return true, nil
		}
	}
	return false, nil
}

// named tells whether a mail is for a person by name.
func (in *Incidents) named(ctx context.Context, r sqldb.Reader, mail int64) (bool, error) {
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_news where mail_id = $1 and person_id <> 0`, mail)
	return n > 0, err
}

// recipient is the addressee by the best way there is: sealed when there is a key; in
// clear up to TLP:GREEN; otherwise a minimal mail with a link to the portal.
func (in *Incidents) recipient(ctx context.Context, r sqldb.Reader, m *Mail) (to guard.Recipient, manner string, ok bool, err error) {
	if ok, err = in.addressee(ctx, r, m); err != nil || !ok {
		return to, "", false, err
	}
	to = guard.Recipient{Org: m.Org, Person: m.Person, Address: m.Address, Language: m.Language, Channel: guard.ByMail}
	if sealed, err := in.Outbound.Sealed(ctx, r, in.Guard, &to); err != nil || sealed {
		return to, "sealed", true, err
	}
	i, es, _, err := in.inside(ctx, r, m.ID, to)
	if fault.CodeOf(err) == fault.NotFound { // the gate says so
		return to, "plain", true, nil
	}
	strictest := i.Marking
	for k := range es {
		strictest = tlp.Strictest(strictest, es[k].Marking)
	}
	if err == nil && !strictest.AtMost(tlp.Green) {
		to.Channel, manner = guard.ByMinimalMail, "minimal"
	}
	return to, cmp.Or(manner, "plain"), true, err
}

func setMail(ctx context.Context, tx *act.Tx, id int64, s MailState, why string) error {
	_, err := tx.ExecContext(ctx, `update incident_mail set state = $1, why = $2 where id = $3`, string(s), why, id)
	return err
}

// later puts a mail back, and not for ever.
func (in *Incidents) later(ctx context.Context, tx *act.Tx, m Mail, attempts int, why string) error {
	if tx.Now().Sub(m.MadeAt) > mailGiveUp {
		return setMail(ctx, tx, m.ID, MailRefused, "incident.post.why.gave_up")
	}
	rest := min(time.Minute<<min(max(attempts-1, 0), 10), longestRest)
	_, err := tx.ExecContext(ctx, `update incident_mail set state = $1, why = $2, attempts = $3, due_at = $4 where id = $5`,
		string(MailWaiting), why, attempts, clock.Micros(tx.Now().Add(rest)), m.ID)
	return err
}

// Recover marks what a process that died left on its way: whether it arrived cannot be
// known. It runs before the queue starts.
func (in *Incidents) Recover(ctx context.Context) error {
	left, err := sqldb.All(ctx, in.read, scanMail, `select `+mailColumns+` from incident_mail m where m.state = $1 order by m.id`, string(MailAttempting))
	if err != nil {
		return err
	}
	return in.spool().Recover(ctx, left)
}

// HoldAfterRestore is for an installation that was restored from a backup: whatever had
// not left when the backup was made may have left since, so only a person sends it. No
// number is given again.
func (in *Incidents) HoldAfterRestore(ctx context.Context, tx *act.Tx) error {
	if err := skipNumbers(ctx, tx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `update incident_mail set state = $1, why = $2 where state in ($3, $4)`,
		string(MailUnknown), "incident.post.why.restored", string(MailWaiting), string(MailAttempting))
	return err
}

// RepeatMail sends a mail again that did not arrive for sure, by a person's word: after an
// unknown outcome the recipient may get it twice, with the same Message-ID.
func (in *Incidents) RepeatMail(ctx context.Context, actor act.Actor, id int64, reason string) error {
	reason = clean(reason)
	if err := checkText("reason", reason, MaxReason, true); err != nil {
		return err
	}
	call := act.Call{Actor: actor, Verb: "incident.repeat_mail", Subject: mailSubject(id), Purpose: purpose, Reason: reason}
	return in.Acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		v := ViewerOf(actor)
		m, ok, err := sqldb.One(ctx, tx, scanMail, `select `+mailColumns+` from incident_mail m where `+mayHear+` and m.id = $3`, v.Org, v.Person, id)
		if err != nil || !ok {
			return orElse(err, notFound())
		}
		if m.State == MailWaiting || m.State == MailAttempting || m.State == MailSent {
			return fault.New(fault.Conflict, "incident.post.not_failed", nil)
		}
		if _, begun, err := in.Outbound.Of(ctx, tx, mailSubject(id)); err != nil {
			return err
		} else if begun {
			if err := in.Outbound.Repeat(ctx, tx, mailSubject(id), m.Address); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `update incident_mail set state = $1, why = '', due_at = 0, attempts = 0 where id = $2`, string(MailWaiting), id); err != nil {
			return err
		}
		f, err := postChanged(ctx, tx, m)
		if err != nil {
			return err
		}
		tx.Fact(f)
		return tx.Enqueue(ctx, in.dispatch.With(struct{}{}))
	})
}
