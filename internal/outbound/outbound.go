// Package outbound is the only way out: it sends parcels and nothing else.
//
// A room asks the release gate for a [guard.Parcel] and hands it in. Sending is
// three moves, so that nothing is sent twice and nothing is lost:
//
//	Begin    in an act: the message is kept exactly as it was cleared, "attempting"
//	Deliver  outside any transaction: the SMTP dialogue
//	Settle   in an act: what became of it
//
// A message that is found "attempting" when nobody is at it (the process died in
// the dialogue) has an outcome that cannot be known: it becomes "unknown", is
// shown, and only a person repeats it ([Outbound.Repeat]), with the same
// Message-ID. Without a mail server the outbox on screen takes every message.
//
// # Invariants
//
//   - A zero parcel is refused.
//   - One thing has one message per recipient; its Message-ID never changes.
//   - Subject and header carry the marking; exercise traffic says EXERCISE first.
//
// A [Spool] does the three for the things that wait in a room's own table, a batch at a
// time. A message for a secret that is kept nowhere goes by itself.
//
// What is NOT here: who may be told what (guard), texts (the rooms), when, how often and
// in which order (the rooms' spools).
package outbound

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/pgp"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
)

// Migrations is this package's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Locales holds this package's words.
//
//go:embed locales/*.toml
var Locales embed.FS

// State is what became of a message.
type State string

// The states. Attempting is never final: see the package's words.
const (
	Attempting State = "attempting"
	Accepted   State = "accepted" // the mail server took it
	Outbox     State = "outbox"   // kept on screen: there is no mail server
	Refused    State = "refused"  // for good
	Deferred   State = "deferred" // may be tried again
	Unknown    State = "unknown"  // only a person may repeat it
)

// Settings name the mail server and the sender. An empty Host means the outbox.
type Settings struct {
	Host         string
	Port         int
	Security     string // starttls | tls | none
	Username     string
	PasswordFile string
	CAFile       string
	From         string // address
	FromName     string
	Team         *pgp.Team // signs what leaves and opens what is sealed to us; nil: no OpenPGP
	// Rest is how long nothing is tried after the server could not be reached n times,
	// n from 1; five minutes at most. Default: a minute, doubled each time.
	Rest func(n int) time.Duration
}

// MailWords are the words of the mail package, which only this package may import.
func MailWords() embed.FS { return mail.Locales }

// Outbound sends parcels.
type Outbound struct {
	acts   *act.Acts
	read   sqldb.Reader
	client *mail.Client // nil: the outbox
	from   mail.Address
	team   *pgp.Team
	line   line
	rest   func(int) time.Duration
}

// New returns the way out, or what is wrong with the settings.
func New(acts *act.Acts, s Settings) (*Outbound, error) {
	o := &Outbound{acts: acts, read: acts.Reader(), from: mail.Address{Name: s.FromName, Email: s.From}, team: s.Team, rest: s.Rest}
	if o.rest == nil {
		o.rest = func(n int) time.Duration { return time.Minute << min(n-1, 10) }
	}
	if s.Host == "" {
		return o, nil
	}
	c, err := mail.New(mail.Config{
		Host: s.Host, Port: s.Port, Security: mail.Security(s.Security), Username: s.Username,
		PasswordFile: s.PasswordFile, CAFile: s.CAFile,
	})
	if err != nil {
		return nil, fmt.Errorf("mail settings: %w", err)
	}
	o.client = c
	return o, nil
}

// Message is one message as it is kept.
type Message struct {
	ID        int64
	Thing     string
	MessageID string
	Org       int64
	Address   string
	Subject   string
	Body      []byte
	Digest    string
	Marking   string
	Exercise  bool
	State     State
	Attempts  int
	Code      int
	Reply     string
	BegunAt   time.Time
	SettledAt time.Time
	Sealed    bool         // signed and encrypted to the recipient's key on the wire
	Files     []guard.File // attachments
}

const messageColumns = `id, thing, message_id, org_id, address, subject, body, digest, marking, exercise, state,
	attempts, code, reply, begun_at, settled_at, sealed, files`

func scanMessage(r sqldb.Row) (m Message, err error) {
	var begun, settled int64
	var files []byte
	err = r.Scan(&m.ID, &m.Thing, &m.MessageID, &m.Org, &m.Address, &m.Subject, &m.Body, &m.Digest, &m.Marking,
		&m.Exercise, &m.State, &m.Attempts, &m.Code, &m.Reply, &begun, &settled, &m.Sealed, &files)
	m.BegunAt, m.SettledAt = clock.FromMicros(begun), clock.FromMicros(settled)
	if err == nil && len(files) > 0 {
		err = json.Unmarshal(files, &m.Files)
	}
	return m, err
}

// errZero refuses what the gate did not make.
var errZero = errors.New("a zero parcel was handed in")

// Begin keeps a parcel as a message that is being attempted. A message that was
// accepted, refused or is unknown is not begun again: Conflict. One that is found
// attempting was interrupted: it becomes unknown, and Begin returns it so.
func (o *Outbound) Begin(ctx context.Context, tx *act.Tx, p guard.Parcel) (Message, error) {
	if p.IsZero() {
		return Message{}, errZero
	}
	m, ok, err := sqldb.One(ctx, tx, scanMessage,
		`select `+messageColumns+` from outbound_message where message_id = $1`, p.View().MessageID)
	if err != nil {
		return m, err
	}
	if !ok {
		return o.first(ctx, tx, p)
	}
	switch m.State {
	case Deferred:
		m = content(p, m)
		m.State = Attempting
		m.Attempts++
	case Attempting:
		m.State = Unknown
	default:
		return m, fault.New(fault.Conflict, "outbound.settled", fault.Args{"State": string(m.State)})
	}
	files, err := filesBytes(m)
	if err != nil {
		return m, err
	}
	_, err = tx.ExecContext(ctx, `update outbound_message set state = $1, attempts = $2, address = $3, subject = $4, body = $5,
		digest = $6, marking = $7, sealed = $8, files = $9 where id = $10`, string(m.State), m.Attempts, m.Address, m.Subject,
		m.Body, m.Digest, m.Marking, m.Sealed, files, m.ID)
	return m, err
}

// content puts what the gate cleared just now into a message: what was cleared for an
// earlier attempt may not leave any more.
func content(p guard.Parcel, m Message) Message {
	v, to := p.View(), p.To()
	m.Address, m.Subject, m.Body, m.Digest, m.Marking = to.Address, subject(p), v.Body, p.Digest(), p.Marking().String()
	m.Sealed, m.Files = to.Key != "", v.Files
	return m
}

func filesBytes(m Message) ([]byte, error) {
	if len(m.Files) == 0 {
		return []byte{}, nil
	}
	raw, err := json.Marshal(m.Files)
	if err != nil {
		return nil, fmt.Errorf("keep attachments of %s: %w", m.Thing, err)
	}
	return raw, nil
}

func (o *Outbound) first(ctx context.Context, tx *act.Tx, p guard.Parcel) (m Message, err error) {
	m = content(p, Message{
		Thing: p.Thing().String(), MessageID: p.View().MessageID, Org: p.To().Org, Exercise: p.Exercise(),
		State: Attempting, Attempts: 1, BegunAt: tx.Now(),
	})
	files, err := filesBytes(m)
	if err != nil {
		return m, err
	}
	if m.ID, err = tx.Next(ctx, "outbound.message"); err != nil {
		return m, err
	}
	_, err = tx.ExecContext(ctx, `insert into outbound_message (`+messageColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', $13, 0, $14, $15)`,
		m.ID, m.Thing, m.MessageID, m.Org, m.Address, m.Subject, m.Body, m.Digest, m.Marking, m.Exercise,
		string(m.State), m.Attempts, clock.Micros(m.BegunAt), m.Sealed, files)
	return m, err
}

// subject puts the marking, and before it the exercise mark, where nobody can
// overlook them.
func subject(p guard.Parcel) string {
	s := "[" + p.Marking().String() + "] " + p.View().Subject
	if p.Exercise() {
		s = "[EXERCISE] " + s
	}
	return s
}

// Result is what became of one delivery.
type Result struct {
	State      State
	Code       int
	Reply      string
	Connection bool // the mail server itself could not be reached: nothing to do with this message
}

// Sending is one message on its way and the parcel it was begun with.
type Sending struct {
	Parcel  guard.Parcel
	Message Message
}

// From is the address that messages are from; empty with the outbox.
func (o *Outbound) From() string { return o.from.Email }

// Team is the team's OpenPGP key; nil when it has none.
func (o *Outbound) Team() *pgp.Team { return o.team }

// Seals tells whether messages can be signed and encrypted: the team has a key.
func (o *Outbound) Seals() bool { return o.team != nil }

// DeliverAll speaks with the mail server about several messages, one after the other
// over one connection. Each must come from Begin, in state attempting; its Date is
// when it was begun first, so that it stays the same message. The results are in the
// same order.
func (o *Outbound) DeliverAll(ctx context.Context, all []Sending) []Result {
	out := make([]Result, len(all))
	raw := make([]mail.Raw, 0, len(all))
	at := make([]int, 0, len(all)) // places in all
	for i, s := range all {
		if s.Parcel.IsZero() || s.Message.State != Attempting {
			out[i] = Result{State: Refused, Reply: "not cleared"}
			continue
		}
		if o.client == nil {
			out[i] = Result{State: Outbox}
			continue
		}
		data, err := o.compose(s)
		if err != nil {
			out[i] = unsendable(err)
			continue
		}
		raw = append(raw, mail.Raw{From: o.from.Email, To: s.Message.Address, Data: data})
		at = append(at, i)
		out[i] = Result{State: Deferred, Reply: "not tried", Connection: true}
	}
	if len(raw) == 0 {
		return out
	}
	err := o.client.SendAll(ctx, raw, func(i int, v mail.Outcome) {
		out[at[i]] = Result{State: stateOf(v.State), Code: v.Code, Reply: printable(v.Reply), Connection: v.Connection}
	})
	if err != nil && ctx.Err() == nil { // this machine cannot send; what was not tried waits
		for _, i := range at {
			if out[i].Reply == "not tried" {
				out[i].Reply = printable(err.Error())
			}
		}
	}
	var trouble string
	for _, i := range at {
		if out[i].Connection {
			trouble = out[i].Reply
		}
	}
	if ctx.Err() == nil {
		o.line.note(o.acts.Clock().Now(), trouble, o.rest)
	}
	return out
}

// compose writes a message as it goes over the wire: signed and encrypted when the
// parcel was cleared for a key.
func (o *Outbound) compose(s Sending) ([]byte, error) {
	m := mail.Message{
		ID: s.Message.MessageID, From: o.from, To: mail.Address{Email: s.Message.Address}, Subject: s.Message.Subject,
		Date: s.Message.BegunAt, Language: s.Parcel.To().Language, Text: string(s.Message.Body),
		References: s.Parcel.View().References,
	}
	if n := len(m.References); n > 0 {
		m.InReplyTo = m.References[n-1]
	}
	for _, f := range s.Message.Files {
		m.Attachments = append(m.Attachments, mail.Attachment{Name: f.Name, Type: f.ContentType, Data: f.Body})
	}
	if o.team != nil {
		m.Autocrypt = o.team.Public()
	}
	if key := s.Parcel.To().Key; key != "" {
		if o.team == nil {
			return nil, fault.New(fault.Unavailable, "outbound.no_key", nil)
		}
		k, err := pgp.ParsePublic([]byte(key))
		if err != nil {
			return nil, err
		}
		m.Sign, m.Seal = o.team, []pgp.Key{k}
	}
	return m.Bytes()
}

// unsendable is the result of a message that cannot even be written.
func unsendable(err error) Result {
	if fault.CodeOf(err) == fault.Invalid {
		return Result{State: Refused, Reply: printable(fault.Of(err).Error())}
	}
	return Result{State: Deferred, Reply: printable(err.Error())}
}

func stateOf(s mail.State) State {
	switch s {
	case mail.Accepted:
		return Accepted
	case mail.Refused:
		return Refused
	case mail.Deferred:
		return Deferred
	}
	return Unknown
}

// printable makes a server's words fit for a text column and a page.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "·"))
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}

// Settle keeps what became of a message that was attempting.
func (o *Outbound) Settle(ctx context.Context, tx *act.Tx, m Message, r Result) error {
	_, err := tx.ExecContext(ctx, `update outbound_message set state = $1, code = $2, reply = $3, settled_at = $4
		where id = $5 and state = 'attempting'`, string(r.State), r.Code, r.Reply, clock.Micros(tx.Now()), m.ID)
	return err
}

// Mask takes a secret out of a message that was settled: what nobody has to read again
// is not kept. A masked message is never sent again.
func (o *Outbound) Mask(ctx context.Context, tx *act.Tx, m Message, secret string) error {
	_, err := tx.ExecContext(ctx, `update outbound_message set body = $1 where id = $2`,
		[]byte(strings.ReplaceAll(string(m.Body), secret, "…")), m.ID)
	return err
}

// Repeat lets a message that was refused, or whose outcome is unknown, be tried once
// more at an address, by a person's word: after an unknown outcome the recipient may
// get it twice. The sending itself is the room's job.
func (o *Outbound) Repeat(ctx context.Context, tx *act.Tx, thing, address string) error {
	res, err := tx.ExecContext(ctx, `update outbound_message set state = 'deferred', address = $2
		where thing = $1 and state in ('unknown', 'refused', 'deferred')`, thing, address)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.Conflict, "outbound.nothing", nil))
	}
	return nil
}

// Interrupted marks the message of a thing that was attempted when the process
// died: its outcome cannot be known.
func (o *Outbound) Interrupted(ctx context.Context, tx *act.Tx, thing string) error {
	_, err := tx.ExecContext(ctx, `update outbound_message set state = 'unknown', settled_at = $1
		where thing = $2 and state = 'attempting'`, clock.Micros(tx.Now()), thing)
	return err
}

// InterruptAll does so for every message that has not arrived for sure: for an
// installation that was restored from a backup.
func (o *Outbound) InterruptAll(ctx context.Context, tx *act.Tx) error {
	_, err := tx.ExecContext(ctx, `update outbound_message set state = 'unknown', settled_at = $1
		where state in ('attempting', 'deferred')`, clock.Micros(tx.Now()))
	return err
}

// Of returns the message of a thing, if any was begun.
func (o *Outbound) Of(ctx context.Context, r sqldb.Reader, thing string) (Message, bool, error) {
	return sqldb.One(ctx, r, scanMessage,
		`select `+messageColumns+` from outbound_message where thing = $1 order by id desc limit 1`, thing)
}

// Messages lists messages, newest first; an empty state lists all.
func (o *Outbound) Messages(ctx context.Context, r sqldb.Reader, s State, before int64, limit int) ([]Message, error) {
	if before == 0 {
		before = 1 << 62
	}
	return sqldb.All(ctx, r, scanMessage, `select `+messageColumns+` from outbound_message
		where id < $1 and ($2 = '' or state = $2) order by id desc limit $3`, before, string(s), limit)
}
