package incident

import (
	"context"
	"crypto/x509"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"almenara.example/casefile"
	"almenara.example/internal/act"
	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/i18n"
	"almenara.example/internal/foundation/id"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/text"
	"almenara.example/internal/guard"
	"almenara.example/internal/outbound"
	"almenara.example/internal/warn"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
)

// Migrations is this room's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Locales holds the words of refusals and of what leaves by mail.
//
//go:embed locales/*.toml
var Locales embed.FS

// Config is what the room needs.
type Config struct {
	Acts         *act.Acts
	Guard        *guard.Guard
	Constituency *constituency.Constituency
	Watch        *watch.Watch
	Warn         *warn.Warn
	Outbound     *outbound.Outbound
	Receiving    *outbound.Receiving // reads the raw mails that came in
	MailRoots    *x509.CertPool      // authorities whose S/MIME certificates count; nil: none
	Blobs        *blob.Store
	Queue        *jobs.Queue
	Catalogue    *i18n.Catalogue
	Language     string         // the installation's own
	Zone         *time.Location // of the desk
	Numbers      *id.Numbers    // of incidents
	ReportNumber *id.Numbers    // of reports
	Refs         *id.Numbers    // of entries, for those outside
	FileRefs     *id.Numbers    // of files, for those outside
	ClockRefs    *id.Numbers    // of clocks, for those outside
	MailNumbers  *id.Numbers    // of mails that leave
	// CrossingNumbers are of what crosses to the police, which says nothing of the incident.
	CrossingNumbers *id.Numbers
	ConsentRefs     *id.Numbers        // of questions to owners, for those outside
	Grounds         fs.FS              // the installation's own legal grounds; nil: none
	Signer          func() note.Signer // signs packages
	Verifier        func() string      // of Signer: goes to whoever checks a package
	PublicURL       string             // without a final slash
	MailDomain      string
	Playbooks       fs.FS     // playbooks of the installation, beside our own; nil: none
	MaxImport       int64     // bytes of a file of another system's cases; 0: casefile.MaxFile, which is the most
	Reminders       []float64 // shares of a period that are left when who owes is reminded, largest first
	Log             *slog.Logger
	// OnCall lists whom of the desk to call, first to last; nil: nobody.
	OnCall func(context.Context, sqldb.Reader) ([]OnCall, error)
	// OnDuty lists the persons on duty at a time; nil: no roster is kept.
	OnDuty func(ctx context.Context, r sqldb.Reader, at time.Time) ([]int64, error)
}

// Incidents is the room. Make it with New.
type Incidents struct {
	Config
	read     sqldb.Reader
	gate     *guard.Gate
	words    words
	answers  *jobs.Handle[answerArgs] // sends answers to reporters
	dispatch *jobs.Handle[struct{}]
	sending  sync.Mutex
	laws     laws
	grounds  []Ground
	lane     sync.Mutex // one sends letters at a time
	letters  *jobs.Handle[struct{}]
}

// New returns the room and registers its jobs. SetGate must follow before the queue
// starts.
func New(c Config) (*Incidents, error) {
	if c.Language == "" {
		c.Language = "en"
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.MaxImport == 0 {
		c.MaxImport = casefile.MaxFile
	}
	if c.Reminders == nil {
		c.Reminders = DefaultReminders()
	}
	in := &Incidents{Config: c, read: c.Acts.Reader(), words: wordsOf(c.Acts.Engine())}
	var err error
	if in.grounds, err = readGrounds(c.Grounds); err != nil {
		return nil, err
	}
	if err := in.openReports(); err != nil || c.Queue == nil { // without one nothing is sent
		return in, err
	}
	if err := in.addJobs(c.Queue); err != nil {
		return in, err
	}
	return in, in.addCrossingJobs()
}

// SetGate gives the room the release gate, which needs the room's closures first.
func (in *Incidents) SetGate(g *guard.Gate) { in.gate = g }

// Number is the number by which people know an incident.
func (in *Incidents) Number(incident int64) string { return in.Numbers.Format(uint64(incident)) }

func subject(incident int64) string   { return fmt.Sprintf("incident:%d", incident) }
func entrySubject(entry int64) string { return fmt.Sprintf("incident-entry:%d", entry) }

// State is where an incident stands.
type State string

// The states of incidents.
const (
	Open      State = "open"
	Resolved  State = "resolved"
	Abandoned State = "abandoned" // there is nothing to respond to, or no way to
)

// States lists them in the order of the pages.
func States() []State { return []State{Open, Resolved, Abandoned} }

// Severity is how much harm is done or threatens.
type Severity string

// The severities, gravest first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Severities lists them, gravest first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low} }

// Incident is harm or its near miss, and the response to it.
type Incident struct {
	ID         int64
	State      State
	Title      string
	Class      string // RSIT type, such as "ddos"; empty: not yet known
	Severity   Severity
	Marking    tlp.Marking // of title and head
	Lead       int64       // the organisation that leads
	Offered    int64       // to whom the lead is offered, 0 nobody
	Countries  []string    // states affected, ISO 3166-1 alpha-2
	Exercise   bool
	OpenedAt   time.Time
	OpenedBy   string
	ChangedAt  time.Time
	ClosedAt   time.Time
	Resolution string
	MergedInto int64
	SplitFrom  int64
	Imported   string
	Version    int64
}

// Role is what a participant is in an incident.
type Role string

// Roles lists the roles of participants, in the order of the pages.
func Roles() []Role {
	return []Role{
		"affected", "support", "coordinator", "provider", "sector-team", "regulator", "police", "prosecution",
		"civil-protection", "crisis-centre", "data-protection", "peer", "observer",
	}
}

// Tell is how a participant hears of news.
type Tell string

// The ways. Whoever signs in sees the page anyway.
const (
	ByMail   Tell = "mail"   // each visible entry is mailed
	InPortal Tell = "portal" // nothing is sent
)

// Participant takes part in an incident.
type Participant struct {
	ID        int64
	Incident  int64
	Org       int64
	Person    int64 // 0: whoever of the organisation
	Role      Role
	Tell      Tell
	Why       string
	AddedAt   time.Time
	AddedBy   string
	RemovedAt time.Time // zero while they take part
	RemovedBy string
}

// Kind is what sort of entry it is.
type Kind string

// The kinds of entries.
const (
	Note       Kind = "note"
	Observable Kind = "observable"
	TaskEntry  Kind = "task"
	FileEntry  Kind = "file"
	Decision   Kind = "decision"
	Call       Kind = "call"
	Status     Kind = "status"
	Question   Kind = "question"
	Measure    Kind = "measure" // a countermeasure
)

// Kinds lists them in the order of the pages.
func Kinds() []Kind {
	return []Kind{Note, Call, Status, Decision, Observable, FileEntry, TaskEntry, Question, Measure}
}

// The sources of entries: where the words came in.
const (
	FromDesk    = "desk"
	FromPortal  = "portal"
	FromMail    = "mail"
	FromReport  = "report"
	FromImport  = "import"
	FromMachine = "machine"
)

// Entry is one thing said or done in an incident.
type Entry struct {
	ID          int64
	Incident    int64
	Kind        Kind
	Owner       int64 // the organisation whose word it is
	Author      string
	By          string // who said it, where that is somebody else
	Marking     tlp.Marking
	Audience    guard.Audience
	At          time.Time
	RecordedAt  time.Time
	Text        string
	ReplyTo     int64
	Source      string
	SourceID    int64
	Exercise    bool
	Version     int64
	ChangedAt   time.Time
	RetractedAt time.Time
	Retracted   string // why it was taken back
	Order       int64
}

// The bounds of what people write, in characters.
const (
	MaxTitle  = 200
	MaxText   = 50_000
	MaxReason = 4_000
)

// clean makes text from outside fit for a text column: valid, no controls but line
// ends and tabs, and empty when there is nothing to be seen in it.
func clean(s string) string {
	if text.Blank(s) {
		return ""
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}

// checkText refuses empty or overlong text, and bytes that are no text.
func checkText(field, s string, most int, required bool) error {
	switch {
	case required && text.Blank(s):
		return fault.OnField(field, "incident.text.empty", nil)
	case utf8.RuneCountInString(s) > most:
		return fault.OnField(field, "incident.text.long", fault.Args{"Max": most})
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return fault.OnField(field, "incident.text.form", nil)
	}
	return nil
}

// checkLine is checkText for what stands on one line.
func checkLine(field, s string, most int, required bool) error {
	if !text.OneLine(s) {
		return fault.OnField(field, "incident.text.line", nil)
	}
	return checkText(field, s, most, required)
}

// checkHappened refuses a time that has not come yet, and one so long ago that a digit of
// the year is wrong; the zero time is now.
func checkHappened(field string, at, now time.Time) error {
	switch {
	case at.After(now.Add(5 * time.Minute)):
		return fault.OnField(field, "incident.entry.future", nil)
	case !at.IsZero() && at.Before(now.AddDate(-20, 0, 0)):
		return fault.OnField(field, "incident.clocks.long_ago", nil)
	}
	return nil
}

// checkDue refuses an end that nobody means: a year ago, or in more than ten years. The
// zero time is no end.
func checkDue(field string, due, now time.Time) error {
	if !due.IsZero() && (due.Before(now.AddDate(-1, 0, 0)) || due.After(now.AddDate(10, 0, 0))) {
		return fault.OnField(field, "incident.task.due", nil)
	}
	return nil
}

func known[T comparable](field, key string, all []T, v T) error {
	if !slices.Contains(all, v) {
		return fault.OnField(field, key, fault.Args{"Value": fault.Clip(fmt.Sprint(v))})
	}
	return nil
}

// Validate says what is missing or wrong, field by field.
func (i Incident) Validate() error {
	var bad []fault.Error
	for _, err := range []error{
		checkLine("title", i.Title, MaxTitle, true),
		known("severity", "incident.severity.unknown", Severities(), i.Severity),
		checkMarking("marking", i.Marking),
		checkClass(i.Class),
		checkCountries(i.Countries),
	} {
		if err != nil {
			bad = append(bad, *fault.Of(err))
		}
	}
	return fault.Join("incident.invalid", bad)
}

// checkMarking wants a marking that says something.
func checkMarking(field string, m tlp.Marking) error {
	if !m.Marked() || !m.Valid() {
		return fault.OnField(field, "incident.marking.unknown", nil)
	}
	return nil
}

func checkCountries(codes []string) error {
	if len(codes) > 60 {
		return fault.OnField("countries", "incident.countries.many", fault.Args{"Max": 60})
	}
	for _, c := range codes {
		if err := guard.CheckCountry("countries", c); err != nil {
			return err
		}
	}
	return nil
}
