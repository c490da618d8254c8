package warn

import (
	"crypto/hmac"
	"crypto/sha256"
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
	Drafted   State = "drafted"    // waits for its job
	NoContact State = "no-contact" // there is nobody to write to
	Sent      State = "sent"       // the mail server, or the outbox, took it
	Refused   State = "refused"    // the mail server refused it for good
	Unknown   State = "unknown"    // nobody can know; only a person repeats it
	Withheld  State = "withheld"   // the release gate refused it
)

// Notice is what one organisation is told of one delivery.
type Notice struct {
	ID         int64
	Org        int64
	Delivery   int64
	Batch      int64
	Level      constituency.Level
	Person     int64
	Address    string
	Language   string
	Marking    string
	Exercise   bool
	Findings   []int64
	Total      int
	Link       string
	State      State
	Why        string
	DraftedAt  time.Time
	SentAt     time.Time
	AnsweredAt time.Time
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
	Reason     string
	At         time.Time
	RecordedAt time.Time
	RecordedBy string
	Order      int64
}

// Config is what the room needs.
type Config struct {
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Watch        *watch.Watch
	Outbound     *outbound.Outbound
	Queue        *jobs.Queue
	Catalogue    *i18n.Catalogue
	Numbers      *id.Numbers // of notices
	LinkKey      []byte      // from which answering links are derived
	PublicURL    string      // "https://csirt.example", without a final slash
	MailDomain   string      // right-hand side of Message-IDs
	Log          *slog.Logger
}

// Warn is the room. Make it with New.
type Warn struct {
	Config
	read  sqldb.Reader
	gate  *guard.Gate
	draft *jobs.Handle[draftArgs]
	send  *jobs.Handle[sendArgs]
}

// New returns the room and registers its jobs. SetGate must follow before the queue
// starts.
func New(c Config) (*Warn, error) {
	w := &Warn{Config: c, read: c.Acts.Reader()}
	var err error
	if w.draft, err = jobs.Add(c.Queue, jobs.Kind[draftArgs]{Name: "warn.draft", Work: w.workDraft}); err != nil {
		return nil, err
	}
	if w.send, err = jobs.Add(c.Queue, jobs.Kind[sendArgs]{Name: "warn.send", Tries: 12, Work: w.workSend}); err != nil {
		return nil, err
	}
	return w, nil
}

// SetGate gives the room the release gate, which needs the room's closure first.
func (w *Warn) SetGate(g *guard.Gate) { w.gate = g }

// Number is the number by which people know a notice.
func (w *Warn) Number(notice int64) string { return w.Numbers.Format(uint64(notice)) }

func noticeSubject(id int64) string { return fmt.Sprintf("%s:%d", KindNotice, id) }

// linkSecret derives the secret of a notice's answering link: unguessable, and the
// same at every rendering, so that a repeated message is the same message.
func (w *Warn) linkSecret(n Notice) string {
	mac := hmac.New(sha256.New, w.LinkKey)
	fmt.Fprintf(mac, "notice/%d/%s", n.ID, n.Link)
	return n.Link + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}

// splitLink takes a link's secret apart; ok is false for anything malformed.
func splitLink(secret string) (link string, ok bool) {
	link, _, ok = strings.Cut(secret, ".")
	return link, ok && len(link) == 36
}
