package warn

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"embed"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/internal/watch"
)

// Migrations is this room's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Locales holds the words of notices and refusals.
//
//go:embed locales/*.toml
var Locales embed.FS

// KindNotice is the kind of thing under which the release gate knows notices.
const KindNotice = "notice"

// State is how far a notice has come.
type State string

// The states.
const (
	Drafted    State = "drafted"    // waits for its job
	NoContact  State = "no-contact" // there is nobody to write to
	Attempting State = "attempting" // cleared, and on its way to the mail server
	Sent       State = "sent"       // the mail server, or the outbox, took it
	Bounced    State = "bounced"    // taken, but reported as undeliverable (RFC 3464)
	Refused    State = "refused"    // the mail server refused it for good
	Unknown    State = "unknown"    // nobody can know; only a person repeats it
	Withheld   State = "withheld"   // the release gate refused it
)

// Priority is the lane of a notice in the spool; a smaller one goes first.
type Priority int

// The lanes.
const (
	Flash  Priority = 1 // never throttled, overtakes everything
	Urgent Priority = 2
	Usual  Priority = 3
	Bulk   Priority = 4
)

// Manner is how a notice left: what its way could carry.
type Manner string

// The manners.
const (
	Plain   Manner = "plain"   // whole, in clear
	Sealed  Manner = "sealed"  // whole, signed and encrypted to the contact's key
	Minimal Manner = "minimal" // only that there is a notice, and a link
)

// Notice is what one organisation is told: of its findings, or of a warning to many.
type Notice struct {
	ID          int64
	Org         int64
	Delivery    int64 // of its first news, 0 for a warning or a repetition
	Batch       int64
	Warning     int64 // 0: about findings
	Step        int   // 0 the first contact, then who is asked on silence
	Level       constituency.Level
	Person      int64
	Address     string
	Destination string // mail domain of the address
	Language    string
	Marking     string
	Exercise    bool
	Findings    []int64
	Severities  []watch.Severity // as told, in the order of Findings; shorter in notices of 0.1
	Total       int
	Format      Format
	Again       bool // told before, and still so
	Link        string
	Priority    Priority
	Turn        int64
	DueAt       time.Time // not sent before
	Attempts    int
	Manner      Manner // how it left, empty before
	State       State
	Why         string
	DraftedAt   time.Time
	SentAt      time.Time
	SeenAt      time.Time
	AnsweredAt  time.Time
	LastAnswer  What
}

// What is what an answer says.
type What string

// The answers.
const (
	Acknowledge What = "acknowledge"
	Done        What = "done"
	Dispute     What = "dispute"
	PassOn      What = "pass-on"
	Ask         What = "ask"
)

// Whats lists the answers in the order of the pages.
func Whats() []What { return []What{Acknowledge, Done, Dispute, PassOn, Ask} }

// ParseWhat reads an answer's word.
func ParseWhat(s string) (What, error) {
	for _, w := range Whats() {
		if string(w) == s {
			return w, nil
		}
	}
	return "", fault.OnField("what", "warn.answer.what", nil)
}

// Strength is how sure it is who answered, weakest first.
type Strength string

// The strengths, weakest first.
const (
	ByLink   Strength = "link"
	ByPhone  Strength = "phone"
	ByMail   Strength = "mail"
	ByPortal Strength = "portal"
	Signed   Strength = "signed"
)

// Answer is what an organisation said to a notice.
type Answer struct {
	ID         int64
	Notice     int64
	What       What
	Strength   Strength
	By         string
	Person     int64  // who was signed in or whose key signed, 0 nobody known
	Firm       string // the firm of somebody to whom it was passed on
	Mail       int64  // the mail that it was read from
	Reason     string
	At         time.Time
	RecordedAt time.Time
	RecordedBy string
	Order      int64
	SettledAt  time.Time // a question or dispute: when the desk has dealt with it
	SettledBy  string
	Settled    string // what came of it
}

// Waits tells whether the desk still owes something: an answer to a question, a
// decision on a dispute.
func (a Answer) Waits() bool { return (a.What == Ask || a.What == Dispute) && a.SettledAt.IsZero() }

// Config is what the room needs.
type Config struct {
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Watch        *watch.Watch
	Outbound     *outbound.Outbound
	Queue        *jobs.Queue
	Catalogue    *i18n.Catalogue
	Language     string      // the installation's own
	Numbers      *id.Numbers // of notices
	Warnings     *id.Numbers // of warnings
	LinkKey      []byte      // from which answering links are derived
	PublicURL    string      // "https://csirt.example", without a final slash
	MailDomain   string      // right-hand side of Message-IDs
	WebHooks     *outbound.Hooks
	Told         *ToldLog       // nil: nothing is kept outside the database
	MailRoots    *x509.CertPool // authorities whose S/MIME certificates count; nil: none
	Limits       Limits
	Log          *slog.Logger
}

// Limits bound what is sent. Zero values mean the defaults.
type Limits struct {
	// PerContactHour is how many notices below FLASH one address gets within an
	// hour (default 12); what exceeds it waits and is bundled.
	PerContactHour int
	// Backoff is the pause after the n-th deferred try, n from 1. Default: a minute,
	// doubled each time, at most two hours.
	Backoff func(try int) time.Duration
	// GiveUp is how long a notice is tried (default 48 hours).
	GiveUp time.Duration
	// Batch is how many notices leave between two acts (default 20): so many of a lane
	// are of unknown outcome when the process dies. Of FLASH a quarter as many leave.
	Batch int
	// Lanes is how many batches are under way at once (default 4).
	Lanes int
}

func (l *Limits) setDefaults() {
	if l.PerContactHour == 0 {
		l.PerContactHour = 12
	}
	if l.Backoff == nil {
		l.Backoff = func(try int) time.Duration { return min(time.Minute<<min(try-1, 10), 2*time.Hour) }
	}
	if l.GiveUp == 0 {
		l.GiveUp = 48 * time.Hour
	}
	if l.Batch == 0 {
		l.Batch = 20
	}
	if l.Lanes == 0 {
		l.Lanes = 4
	}
}

// Warn is the room. Make it with New.
type Warn struct {
	Config
	read     sqldb.Reader
	gate     *guard.Gate
	draft    *jobs.Handle[draftArgs]
	dispatch *jobs.Handle[struct{}]
	repeat   *jobs.Handle[struct{}]
	address  *jobs.Handle[addressArgs]
	escalate *jobs.Handle[struct{}]
	post     *jobs.Handle[hookArgs]
	lanes    chan struct{}
}

// New returns the room and registers its jobs. SetGate must follow before the queue
// starts.
func New(c Config) (*Warn, error) {
	c.Limits.setDefaults()
	if c.Language == "" {
		c.Language = "en"
	}
	w := &Warn{Config: c, read: c.Acts.Reader(), lanes: make(chan struct{}, c.Limits.Lanes)}
	return w, w.addJobs(c.Queue)
}

func (w *Warn) addJobs(q *jobs.Queue) (err error) {
	if w.draft, err = jobs.Add(q, jobs.Kind[draftArgs]{Name: "warn.draft", Timeout: 10 * time.Minute, Work: w.workDraft}); err != nil {
		return err
	}
	if w.dispatch, err = jobs.Add(q, jobs.Kind[struct{}]{Name: "warn.send", Tries: 12, Timeout: 10 * time.Minute, Every: time.Minute, Work: w.workDispatch}); err != nil {
		return err
	}
	if w.repeat, err = jobs.Add(q, jobs.Kind[struct{}]{Name: "warn.tell_again", Timeout: 10 * time.Minute, Every: 6 * time.Hour, Work: w.workRepeat}); err != nil {
		return err
	}
	if w.address, err = jobs.Add(q, jobs.Kind[addressArgs]{Name: "warn.address", Timeout: 10 * time.Minute, Work: w.workAddress}); err != nil {
		return err
	}
	if w.post, err = jobs.Add(q, jobs.Kind[hookArgs]{Name: "warn.post", Work: w.workHook}); err != nil {
		return err
	}
	w.escalate, err = jobs.Add(q, jobs.Kind[struct{}]{Name: "warn.escalate", Every: 30 * time.Second, Work: w.workEscalate})
	return err
}

// SetGate gives the room the release gate, which needs the room's closure first.
func (w *Warn) SetGate(g *guard.Gate) { w.gate = g }

// Number is the number by which people know a notice.
func (w *Warn) Number(notice int64) string { return w.Numbers.Format(uint64(notice)) }

// WarningNumber is the number by which people know a warning.
func (w *Warn) WarningNumber(warning int64) string { return w.Warnings.Format(uint64(warning)) }

func noticeSubject(id int64) string { return fmt.Sprintf("%s:%d", KindNotice, id) }

func warningSubject(id int64) string { return fmt.Sprintf("warning:%d", id) }

// derive makes 32 bytes of a text that nobody without the key can guess.
func (w *Warn) derive(text string) []byte {
	mac := hmac.New(sha256.New, w.LinkKey)
	_, _ = mac.Write([]byte(text)) // a hash takes what it is given
	return mac.Sum(nil)
}

// newLink is the name of a notice's answering link. It is derived, so that what others
// are told changes nothing in it; the time keeps it apart from that of another notice
// which had the same number before a restore.
func (w *Warn) newLink(n Notice) string {
	s := w.derive(fmt.Sprintf("link/%d/%d/%d", n.ID, n.Org, n.DraftedAt.UnixMicro()))
	s[6], s[8] = s[6]&0x0f|0x40, s[8]&0x3f|0x80 // in the form of a UUID
	return fmt.Sprintf("%x-%x-%x-%x-%x", s[:4], s[4:6], s[6:8], s[8:10], s[10:16])
}

// linkSecret derives the secret of a notice's answering link: unguessable, and the
// same at every rendering, so that a repeated message is the same message.
func (w *Warn) linkSecret(n Notice) string {
	sum := w.derive(fmt.Sprintf("notice/%d/%s", n.ID, n.Link))
	return n.Link + "." + base64.RawURLEncoding.EncodeToString(sum[:24])
}

// splitLink takes a link's secret apart; ok is false for anything malformed.
func splitLink(secret string) (link string, ok bool) {
	link, _, ok = strings.Cut(secret, ".")
	return link, ok && len(link) == 36
}
