package outbound

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/mail"
	"almenara.example/internal/foundation/message"
	"almenara.example/internal/foundation/sqldb"
)

// IncomingState is how a mail that came in was taken.
type IncomingState string

// The states of a mail that came in. In each the receiver is told.
const (
	Taken      IncomingState = "taken"
	TooLarge   IncomingState = "too-large"  // only the header was fetched
	Unreadable IncomingState = "unreadable" // kept, but Reason says why it cannot be taken apart
)

// Incoming is a mail that came in, as it is kept.
type Incoming struct {
	ID         int64
	Mailbox    string
	Validity   uint32 // of the IMAP server's numbering; 0: handed in
	UID        uint32
	Digest     string // SHA-256 of the bytes that were kept, hex
	Blob       string // the blob that holds the bytes, alone or with others
	At         int64  // where they begin in it
	Kept       int64  // how many they are
	ReceivedAt time.Time
	Size       int64
	State      IncomingState
	Reason     string // key of the sentence that says why; empty when taken
	From       string // as claimed
	Subject    string
	MessageID  string
}

// Receiver is told of every mail within the act that takes it in, once. An Invalid,
// NotFound or Conflict fault means that this mail cannot be used: it is kept as
// unreadable, and the receiver's writes are undone. Any other error undoes the act,
// which is tried again until it succeeds. Raw is the whole mail, or of one too large
// its header.
type Receiver interface {
	Received(ctx context.Context, tx *act.Tx, in Incoming, raw []byte) error
}

// ReceiveConfig is what receiving needs.
type ReceiveConfig struct {
	Acts      *act.Acts
	Blobs     *blob.Store
	Mailboxes []Intake
	Limits    message.Limits // zero: the default
	Retry     time.Duration  // after the first failure; doubles up to 64 times; default 5 s
	Poll      time.Duration  // where a server cannot tell of news; default 1 min
	Log       *slog.Logger
}

// Intake is one mailbox that is read.
type Intake struct {
	Name         string
	Host         string
	Port         int
	Security     string // starttls | tls | none
	Username     string
	PasswordFile string
	CAFile       string
	Folder       string // empty: INBOX
	DoneFolder   string // empty: mails are marked as seen
}

// Receiving takes mails in: the bytes into the blob store first, then rows, the
// receiver's work and the place in the mailbox in one act, then the mark in the
// mailbox. Whatever step a crash comes after, no mail is lost and none is taken in
// twice: what has no row is fetched again, and what has one is known by its digest.
type Receiving struct {
	acts     *act.Acts
	read     sqldb.Reader
	blobs    *blob.Store
	intakes  []Intake
	limits   message.Limits
	retry    time.Duration
	poll     time.Duration
	log      *slog.Logger
	receiver Receiver

	mu     sync.Mutex
	status map[string]MailboxStatus
}

// MailboxStatus is how a mailbox is doing, in this process.
type MailboxStatus struct {
	Name    string
	Seen    time.Time // when the server last answered
	Trouble string    // since then; empty: none; operator detail
	Since   time.Time // of the trouble
}

// NewReceiving returns the receiving side, or what is wrong with the settings.
func NewReceiving(c ReceiveConfig) (*Receiving, error) {
	r := &Receiving{
		acts: c.Acts, read: c.Acts.Reader(), blobs: c.Blobs, intakes: c.Mailboxes, limits: c.Limits, retry: c.Retry, poll: c.Poll,
		log: c.Log, status: map[string]MailboxStatus{},
	}
	if r.limits == (message.Limits{}) {
		r.limits = message.DefaultLimits()
	}
	if r.retry == 0 {
		r.retry = 5 * time.Second
	}
	if r.poll == 0 {
		r.poll = time.Minute
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	for _, in := range c.Mailboxes {
		if err := in.Validate(); err != nil {
			return nil, err
		}
		if _, twice := r.status[in.Name]; twice {
			return nil, fmt.Errorf("two mailboxes are called %q", in.Name)
		}
		r.status[in.Name] = MailboxStatus{Name: in.Name}
	}
	return r, nil
}

// Validate names what is wrong with a mailbox's settings.
func (in Intake) Validate() error {
	if in.Name == "" {
		return errors.New("a mailbox has no name")
	}
	if err := in.config(0).Validate(); err != nil {
		return fmt.Errorf("mailbox %q: %w", in.Name, err)
	}
	return nil
}

func (in Intake) config(most int64) mail.MailboxConfig {
	return mail.MailboxConfig{
		Host: in.Host, Port: in.Port, Security: mail.Security(in.Security), Username: in.Username, PasswordFile: in.PasswordFile,
		CAFile: in.CAFile, Folder: in.Folder, DoneFolder: in.DoneFolder, MaxBytes: most,
	}
}

// SetReceiver joins whoever reads the mails; to be called before Run.
func (r *Receiving) SetReceiver(to Receiver) { r.receiver = to }

// Status returns how every configured mailbox is doing.
func (r *Receiving) Status() []MailboxStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []MailboxStatus
	for _, in := range r.intakes {
		out = append(out, r.status[in.Name])
	}
	return out
}

// AcceptRaw takes one mail in as if it had lain in a mailbox. A mail that was taken in
// there before is returned as it is kept.
func (r *Receiving) AcceptRaw(ctx context.Context, mailbox string, raw []byte) (Incoming, error) {
	list, err := r.AcceptAll(ctx, mailbox, [][]byte{raw})
	if err != nil {
		return Incoming{}, err
	}
	return list[0], nil
}

// AcceptAll is AcceptRaw for many, in acts of 50.
func (r *Receiving) AcceptAll(ctx context.Context, mailbox string, raws [][]byte) (out []Incoming, err error) {
	for len(raws) > 0 {
		n := min(batchMails, len(raws))
		batch := make([]*arrival, n)
		for i, raw := range raws[:n] {
			batch[i] = &arrival{raw: raw, in: Incoming{Mailbox: mailbox, Size: int64(len(raw))}}
			if int64(len(raw)) > r.limits.Bytes {
				batch[i].raw, batch[i].in.State = head(raw, r.limits.Header), TooLarge
			}
		}
		if err := r.takeIn(ctx, mailbox, batch, mail.Position{}); err != nil {
			return out, err
		}
		for _, a := range batch {
			out = append(out, a.in)
		}
		raws = raws[n:]
	}
	return out, nil
}

// head is a mail's header as far as it is kept of a mail too large.
func head(raw []byte, limit int) []byte {
	raw = raw[:min(len(raw), limit)]
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if i := bytes.Index(raw, []byte(end)); i >= 0 {
			return raw[:i+len(end)]
		}
	}
	return raw
}

// batchMails is how many mails one act takes in.
const batchMails = 50

// arrival is a mail on its way in.
type arrival struct {
	in  Incoming
	raw []byte
}

// takeIn keeps the bytes, then takes the batch in. When the receiver cannot use one
// of many, they are taken in one by one.
func (r *Receiving) takeIn(ctx context.Context, mailbox string, batch []*arrival, at mail.Position) error {
	if err := r.keep(ctx, batch); err != nil {
		return err
	}
	err := r.act(ctx, mailbox, batch, at)
	if err == nil || !unusable(err) {
		return err
	}
	for _, a := range batch {
		place := mail.Position{Validity: a.in.Validity, UID: a.in.UID}
		err := r.act(ctx, mailbox, []*arrival{a}, place)
		if unusable(err) {
			a.in.State, a.in.Reason = Unreadable, fault.Of(err).Key
			r.log.WarnContext(ctx, "outbound: a mail cannot be used", "mailbox", mailbox, "digest", a.in.Digest, "error", err)
			err = r.act(ctx, mailbox, []*arrival{a}, place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unusable(err error) bool {
	if err == nil || !errors.Is(err, errReceiver) {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.NotFound, fault.Conflict:
		return true
	}
	return false
}

// errReceiver marks an error of the receiver's.
var errReceiver = errors.New("receiver")

// packMail is the largest mail that shares a blob with others: a blob of its own costs
// several waits for the disk, which a backlog of small mails cannot afford.
const packMail = 256 << 10

// keep stores the bytes, the small ones of a batch in one blob, and reads what the
// rows say.
func (r *Receiving) keep(ctx context.Context, batch []*arrival) error {
	var pack []*arrival
	var bytes []byte
	for _, a := range batch {
		r.describe(a)
		if len(a.raw) > packMail {
			ref, err := r.blobs.PutBytes(ctx, a.raw)
			if err != nil {
				return fmt.Errorf("keep a mail: %w", err)
			}
			a.in.Blob = ref.String()
			continue
		}
		a.in.At = int64(len(bytes))
		bytes = append(bytes, a.raw...)
		pack = append(pack, a)
	}
	if len(pack) == 0 {
		return nil
	}
	ref, err := r.blobs.PutBytes(ctx, bytes)
	if err != nil {
		return fmt.Errorf("keep mails: %w", err)
	}
	for _, a := range pack {
		a.in.Blob = ref.String()
	}
	return nil
}

// describe reads what the row says of a mail.
func (r *Receiving) describe(a *arrival) {
	sum := sha256.Sum256(a.raw)
	a.in.Digest, a.in.Kept = hex.EncodeToString(sum[:]), int64(len(a.raw))
	m, err := message.Parse(a.raw, message.Options{Limits: r.limits})
	switch {
	case err == nil:
		a.in.From, a.in.Subject, a.in.MessageID = m.From.Email, m.Subject, m.MessageID
	case a.in.State == "":
		a.in.State, a.in.Reason = Unreadable, fault.Of(err).Key
	}
	switch a.in.State {
	case "":
		a.in.State = Taken
	case TooLarge:
		a.in.Reason = "message.too_large"
	case Taken, Unreadable:
	}
}

const incomingColumns = `id, mailbox, uidvalidity, uid, digest, blob_ref, blob_at, blob_size, received_at, size, state, reason, from_address, subject, message_id`

func scanIncoming(row sqldb.Row) (in Incoming, err error) {
	var validity, uid, at int64
	err = row.Scan(&in.ID, &in.Mailbox, &validity, &uid, &in.Digest, &in.Blob, &in.At, &in.Kept, &at, &in.Size, &in.State, &in.Reason, &in.From, &in.Subject, &in.MessageID)
	in.Validity, in.UID, in.ReceivedAt = uint32(validity), uint32(uid), clock.FromMicros(at)
	return in, err
}

// receiveDetail is what the record says of a batch.
type receiveDetail struct {
	Mailbox string
	Mails   int
}

// act takes a batch in. Without news only the place in the mailbox moves, which
// leaves no entry.
func (r *Receiving) act(ctx context.Context, mailbox string, batch []*arrival, at mail.Position) error {
	fresh, err := r.unknown(ctx, r.read, mailbox, batch)
	if err != nil {
		return err
	}
	if len(fresh) == 0 {
		if at.Validity == 0 {
			return nil
		}
		return r.acts.Step(ctx, "outbound.receive", func(ctx context.Context, tx *act.Tx) error {
			return moveTo(ctx, tx, mailbox, at)
		})
	}
	call := act.Call{Actor: act.MachineActor("outbound.intake"), Verb: "outbound.receive_mail", Subject: "mailbox:" + mailbox}
	err = r.acts.Do(ctx, call, func(ctx context.Context, tx *act.Tx) error {
		// Two may hand in the same mail at the same time; acts are serial.
		fresh, err := r.unknown(ctx, tx, mailbox, batch)
		if err != nil {
			return err
		}
		for _, a := range fresh {
			if err := r.insert(ctx, tx, a); err != nil {
				return err
			}
		}
		tx.Detail(receiveDetail{Mailbox: mailbox, Mails: len(fresh)})
		return moveTo(ctx, tx, mailbox, at)
	})
	if err == nil {
		_, err = r.unknown(ctx, r.read, mailbox, batch) // the same content twice becomes the same mail
	}
	return err
}

// unknown returns the mails of a batch that have no row, each content once; the
// others become what their row says.
func (r *Receiving) unknown(ctx context.Context, from sqldb.Reader, mailbox string, batch []*arrival) (fresh []*arrival, err error) {
	args := []any{mailbox}
	for _, a := range batch {
		args = append(args, a.in.Digest)
	}
	if len(batch) == 0 {
		return nil, nil
	}
	list, err := sqldb.All(ctx, from, scanIncoming, `select `+incomingColumns+` from outbound_incoming
		where mailbox = $1 and digest in `+sqldb.In(2, len(batch)), args...)
	if err != nil {
		return nil, fmt.Errorf("look for mails that are known: %w", err)
	}
	known := map[string]Incoming{}
	for _, in := range list {
		known[in.Digest] = in
	}
	first := map[string]bool{}
	for _, a := range batch {
		if in, ok := known[a.in.Digest]; ok {
			a.in = in
			continue
		}
		if !first[a.in.Digest] {
			first[a.in.Digest] = true
			fresh = append(fresh, a)
		}
	}
	return fresh, nil
}

func (r *Receiving) insert(ctx context.Context, tx *act.Tx, a *arrival) (err error) {
	in := a.in
	in.ReceivedAt = tx.Now()
	if in.ID, err = tx.Next(ctx, "outbound.incoming"); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into outbound_incoming (`+incomingColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		in.ID, in.Mailbox, int64(in.Validity), int64(in.UID), in.Digest, in.Blob, in.At, in.Kept, clock.Micros(in.ReceivedAt), in.Size,
		string(in.State), in.Reason, in.From, in.Subject, in.MessageID)
	if err != nil {
		return fmt.Errorf("keep the row of a mail: %w", err)
	}
	a.in = in
	// What the receiver could not use it is not shown again.
	if r.receiver == nil || in.State == Unreadable && !ownReason(in.Reason) {
		return nil
	}
	if err := r.receiver.Received(ctx, tx, in, a.raw); err != nil {
		return errors.Join(errReceiver, err)
	}
	return nil
}

// ownReason tells a reason of foundation/message from one of the receiver's.
func ownReason(key string) bool { return len(key) > 8 && key[:8] == "message." }

// moveTo keeps how far a mailbox has been read; a zero position is nowhere.
func moveTo(ctx context.Context, tx *act.Tx, mailbox string, at mail.Position) error {
	if at.Validity == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `insert into outbound_mailbox (name, uidvalidity, uid, moved_at) values ($1, $2, $3, $4)
		on conflict (name) do update set uidvalidity = excluded.uidvalidity, uid = excluded.uid, moved_at = excluded.moved_at`,
		mailbox, int64(at.Validity), int64(at.UID), clock.Micros(tx.Now()))
	if err != nil {
		return fmt.Errorf("keep the place in mailbox %s: %w", mailbox, err)
	}
	return nil
}

// IncomingByID returns a mail that came in, or a NotFound fault.
func IncomingByID(ctx context.Context, r sqldb.Reader, id int64) (Incoming, error) {
	in, ok, err := sqldb.One(ctx, r, scanIncoming, `select `+incomingColumns+` from outbound_incoming where id = $1`, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "outbound.incoming_unknown", nil)
	}
	return in, err
}

// IncomingMails lists mails that came in, newest first, before an id (0: all).
func IncomingMails(ctx context.Context, r sqldb.Reader, before int64, limit int) ([]Incoming, error) {
	if before == 0 {
		before = 1 << 62
	}
	return sqldb.All(ctx, r, scanIncoming, `select `+incomingColumns+` from outbound_incoming where id < $1 order by id desc limit $2`, before, limit)
}

// Raw reads the bytes of a mail that came in; of one too large, its header.
func (r *Receiving) Raw(ctx context.Context, in Incoming) (b []byte, err error) {
	ref, err := blob.ParseRef(in.Blob)
	if err != nil {
		return nil, fmt.Errorf("read mail %d: %w", in.ID, err)
	}
	reader, err := r.blobs.Open(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("read mail %d: %w", in.ID, err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	return io.ReadAll(io.NewSectionReader(reader, in.At, in.Kept))
}

// UsedBlobs lists every blob that this room's rows refer to.
func UsedBlobs(ctx context.Context, r sqldb.Reader) ([]string, error) {
	refs, err := sqldb.All(ctx, r, sqldb.Text, `select distinct blob_ref from outbound_incoming order by blob_ref`)
	if err != nil {
		return nil, fmt.Errorf("list used blobs: %w", err)
	}
	return refs, nil
}
