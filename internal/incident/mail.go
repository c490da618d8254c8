package incident

import (
	"context"
	"slices"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// KindMail is the kind of thing under which the release gate knows mails about incidents.
const KindMail = "incident-mail"

// MailState is how far a mail to a participant has come.
type MailState string

// The states.
const (
	MailWaiting    MailState = "waiting"
	MailNoContact  MailState = "no-contact" // there is nobody to write to
	MailAttempting MailState = "attempting" // cleared, and on its way to the mail server
	MailSent       MailState = "sent"
	MailBounced    MailState = "bounced" // taken, but reported as undeliverable (RFC 3464)
	MailRefused    MailState = "refused"
	MailUnknown    MailState = "unknown"  // nobody can know; only a person repeats it
	MailWithheld   MailState = "withheld" // the release gate refused it
)

// Mail is what one participant is told of an incident at one time.
type Mail struct {
	ID          int64
	Incident    int64
	Participant int64
	Org         int64
	Person      int64
	Address     string
	Language    string
	Exercise    bool
	State       MailState
	Manner      string // plain | sealed | minimal; empty before it leaves
	Why         string
	Attempts    int
	DueAt       time.Time
	MadeAt      time.Time
	SentAt      time.Time
}

const mailColumns = `m.id, m.incident_id, m.participant_id, m.org_id, m.person_id, m.address, m.language, m.exercise, m.state, m.manner, m.why,
	m.attempts, m.due_at, m.made_at, m.sent_at`

func scanMail(r sqldb.Row) (m Mail, err error) {
	var due, made, sent int64
	err = r.Scan(&m.ID, &m.Incident, &m.Participant, &m.Org, &m.Person, &m.Address, &m.Language, &m.Exercise, &m.State, &m.Manner, &m.Why,
		&m.Attempts, &due, &made, &sent)
	m.DueAt, m.MadeAt, m.SentAt = clock.FromMicros(due), clock.FromMicros(made), clock.FromMicros(sent)
	return m, err
}

// Mail returns one mail; NotFound when there is none.
func (in *Incidents) Mail(ctx context.Context, r sqldb.Reader, id int64) (Mail, error) {
	m, ok, err := sqldb.One(ctx, r, scanMail, `select `+mailColumns+` from incident_mail m where m.id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "incident.post.none", nil)
	}
	return m, err
}

// mayHear is the condition on a mail m that a viewer ($1 organisation, $2 person) may know
// of something that it tells: a mail about what is for named persons is theirs to see.
const mayHear = `exists (select 1 from incident_news n where n.mail_id = m.id
	and (n.entry_id = 0 or exists (select 1 from incident_entry e where e.id = n.entry_id and ` + maySee + `)))`

// UndeliveredMails lists mails that did not arrive for sure, newest first, as far as a
// viewer may know of what they tell.
func (in *Incidents) UndeliveredMails(ctx context.Context, r sqldb.Reader, v Viewer, limit int) ([]Mail, error) {
	return sqldb.All(ctx, r, scanMail, `select `+mailColumns+` from incident_mail m where `+mayHear+` and m.state in ($3, $4, $5, $6, $7)
		order by m.id desc limit $8`, v.Org, v.Person, string(MailNoContact), string(MailBounced), string(MailRefused), string(MailUnknown), string(MailWithheld), limit)
}

// postArrived tells all of the desk: that a mail came in and what became of it, all of them
// are shown.
func postArrived() PostChanged { return PostChanged{Orgs: []int64{guard.OwnOrg}} }

// postChanged tells those of the desk who may know of something that these mails of ours
// tell (mayHear).
func postChanged(ctx context.Context, r sqldb.Reader, ms ...Mail) (f PostChanged, err error) {
	var ids []any
	for _, m := range ms {
		ids = append(ids, m.ID)
	}
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select count(*) from incident_mail m where m.id in `+sqldb.In(3, len(ms))+` and `+mayHear,
		append([]any{guard.OwnOrg, int64(0)}, ids...)...)
	if err != nil || n > 0 {
		return postArrived(), err
	}
	f.Persons, err = sqldb.All(ctx, r, sqldb.Int64, `select distinct a.person_id from incident_news n join incident_entry e on e.id = n.entry_id
		join guard_audience_person a on a.audience_id = e.audience_id join guard_person g on g.id = a.person_id and g.org_id = $1
		where n.mail_id in `+sqldb.In(2, len(ms))+` order by 1`, append([]any{guard.OwnOrg}, ids...)...)
	return f, err
}

// news is one thing that one recipient is to be told.
type news struct {
	id, incident, participant, person int64
	what                              string
	entry                             int64
	told                              time.Time
}

// The words of news.
const (
	newsJoined = "joined"
	newsClosed = "closed"
)

func scanNews(r sqldb.Row) (n news, err error) {
	var told int64
	err = r.Scan(&n.id, &n.incident, &n.participant, &n.person, &n.what, &n.entry, &told)
	n.told = clock.FromMicros(told)
	return n, err
}

const newsColumns = `n.id, n.incident_id, n.participant_id, n.person_id, n.what, n.entry_id, n.told_at`

// Subscription hears of changes and notes whom they are to be told by mail.
func (in *Incidents) Subscription() act.Subscription {
	return act.Subscription{Name: "incident.mail", Kinds: []string{Changed{}.FactKind()}, Handle: in.hear}
}

func (in *Incidents) hear(ctx context.Context, tx *act.Tx, e act.Envelope) (err error) {
	var f Changed
	if err := e.Decode(&f); err != nil {
		return err
	}
	ps, err := in.Participants(ctx, tx, f.Incident, false)
	if err != nil {
		return err
	}
	ps = slices.DeleteFunc(ps, func(p Participant) bool { return p.Tell != ByMail })
	fresh, err := in.newsOfHead(ctx, tx, f, ps)
	if err != nil {
		return err
	}
	for _, id := range f.Entries {
		more, err := in.newsOfEntry(ctx, tx, f.What, id, ps)
		if err != nil {
			return err
		}
		fresh = append(fresh, more...)
	}
	for _, n := range fresh {
		n.told = e.Time
		if err := insertNews(ctx, tx, n, e.Order); err != nil {
			return err
		}
	}
	if len(fresh) == 0 || in.dispatch == nil {
		return nil
	}
	return tx.Enqueue(ctx, in.dispatch.With(struct{}{}))
}

func insertNews(ctx context.Context, tx *act.Tx, n news, order int64) (err error) {
	if n.id, err = tx.Next(ctx, "incident.news"); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into incident_news (id, incident_id, participant_id, person_id, what, entry_id, act_order, told_at, mail_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, 0)`, n.id, n.incident, n.participant, n.person, n.what, n.entry, order, clock.Micros(n.told))
	return err
}

// newsOfHead: who takes part from now on is told so once; that an incident has ended is
// told once for each end.
func (in *Incidents) newsOfHead(ctx context.Context, tx *act.Tx, f Changed, ps []Participant) (out []news, err error) {
	i, err := get(ctx, tx, f.Incident)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		n := news{incident: i.ID, participant: p.ID, person: p.Person, what: newsJoined}
		since := int64(0)
		if f.What == "head" {
			if i.State == Open {
				continue
			}
			n.what, since = newsClosed, clock.Micros(i.ClosedAt)
		} else if f.What != "participants" && f.What != "split" {
			continue
		}
		told, _, err := sqldb.One(ctx, tx, sqldb.Int64, `select count(*) from incident_news where participant_id = $1 and what = $2 and told_at >= $3`,
			p.ID, n.what, since)
		if err != nil {
			return nil, err
		}
		if told == 0 {
			out = append(out, n)
		}
	}
	return out, nil
}

// newsOfEntry lists who is told of an entry: the contact of an organisation that sees it,
// or persons who do by name; not who wrote it.
func (in *Incidents) newsOfEntry(ctx context.Context, tx *act.Tx, what string, id int64, ps []Participant) (out []news, err error) {
	e, ok, err := sqldb.One(ctx, tx, scanEntry, `select `+entryColumns+` from incident_entry e where e.id = $1`, id)
	if err != nil || !ok {
		return nil, err
	}
	author, wrote, err := in.wroteIt(ctx, tx, &e)
	if err != nil {
		return nil, err
	}
	c, err := in.Guard.CircleOf(ctx, tx, e.Audience)
	if err != nil {
		return nil, err
	}
	orgOf := map[int64]int64{}
	for _, one := range c.Persons {
		p, err := in.Guard.Person(ctx, tx, one)
		if err != nil {
			return nil, err
		}
		orgOf[one] = p.Org
	}
	for _, p := range ps {
		for _, person := range addressees(p, &e, c, orgOf) {
			if what == "entry" && (person != 0 && person == author || person == 0 && wrote == p.Org) {
				continue
			}
			out = append(out, news{incident: e.Incident, participant: p.ID, person: person, what: what, entry: e.ID})
		}
	}
	return out, nil
}

// wroteIt is the person and the organisation that wrote an entry themselves.
func (in *Incidents) wroteIt(ctx context.Context, r sqldb.Reader, e *Entry) (person, org int64, err error) {
	if e.Source == FromMail {
		return 0, e.Owner, nil
	}
	id, ok := AuthorOf(e)
	if !ok {
		return 0, 0, nil
	}
	p, err := in.Guard.Person(ctx, r, id)
	if fault.CodeOf(err) == fault.NotFound {
		return 0, 0, nil
	}
	return id, p.Org, err
}

// addressees are those of a participant who are told of an entry: 0 is whoever of the
// organisation is written to. A reminder that names somebody is for them: whoever is
// written to has had his.
func addressees(p Participant, e *Entry, c guard.Circle, orgOf map[int64]int64) []int64 {
	named := slices.DeleteFunc(slices.Clone(c.Persons), func(one int64) bool { return orgOf[one] != p.Org })
	whole := e.Marking != tlp.Red && slices.Contains(c.Orgs, p.Org)
	switch {
	case whole && (e.Source != FromMachine || len(named) == 0):
		return []int64{p.Person}
	case p.Person == 0:
		return named
	case slices.Contains(named, p.Person):
		return []int64{p.Person}
	}
	return nil
}
