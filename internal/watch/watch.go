package watch

import (
	"net/netip"
	"time"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/tlp"
)

// State is where a finding stands in its life.
type State uint8

// The states. Their numbers are stored; new ones are added at the end.
const (
	Open State = iota + 1
	NoLongerSeen
	Expired
	Closed
	NotOurs
	FalsePositive
	lastState = FalsePositive
)

// States lists all states in the order of the pages.
func States() []State {
	return []State{Open, NoLongerSeen, Expired, Closed, NotOurs, FalsePositive}
}

// String returns the word used on the command line, in URLs and in files.
func (s State) String() string {
	switch s {
	case Open:
		return "open"
	case NoLongerSeen:
		return "no-longer-seen"
	case Expired:
		return "expired"
	case Closed:
		return "closed"
	case NotOurs:
		return "not-ours"
	case FalsePositive:
		return "false-positive"
	}
	return "unknown"
}

// ParseState reads a state's word.
func ParseState(s string) (State, error) {
	for _, st := range States() {
		if st.String() == s {
			return st, nil
		}
	}
	return 0, fault.OnField("state", "watch.state.unknown", fault.Args{"Value": fault.Clip(s)})
}

// Severity is how grave a finding is, as its feed says.
type Severity uint8

// The severities, least first; NoSeverity when the feed says nothing.
const (
	NoSeverity Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

// Severities lists the severities, gravest first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Info, NoSeverity} }

// String returns the word.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	case Critical:
		return "critical"
	}
	return "none"
}

// ParseSeverity reads a severity's word.
func ParseSeverity(s string) (Severity, error) {
	for _, v := range Severities() {
		if v.String() == s {
			return v, nil
		}
	}
	return 0, fault.OnField("severity", "watch.severity.unknown", fault.Args{"Value": fault.Clip(s)})
}

// Mode says what becomes of what a source brings.
type Mode string

// The modes.
const (
	// Shadow computes everything and tells nobody; the shadow report shows exactly
	// what would have gone to whom.
	Shadow Mode = "shadow"
	// Hold waits for a person, then becomes live; a new mapping version holds again.
	Hold Mode = "hold"
	// Live tells whom it concerns.
	Live Mode = "live"
)

// ParseMode reads a mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Shadow, Hold, Live:
		return m, nil
	}
	return "", fault.OnField("mode", "watch.mode.unknown", fault.Args{"Value": fault.Clip(s)})
}

// Source is a feed: who delivers, how often, how its findings are marked.
type Source struct {
	ID          int64
	Name        string
	Mode        Mode
	Marking     tlp.Marking // Unmarked: none
	Mapping     string      // a mapping's name, or SchemaShadowserver
	Rhythm      time.Duration
	Retention   int // days, 0 for ever
	AbsentAfter int
	Exercise    bool
	Version     int64
	AddedAt     time.Time
	LastTaken   time.Time
}

// Late tells by how much a source is late at a time; zero when it is not. A source
// is late when nothing came for its rhythm and a quarter more.
func (s Source) Late(now time.Time) time.Duration {
	if s.Rhythm == 0 {
		return 0
	}
	since := s.LastTaken
	if since.IsZero() {
		since = s.AddedAt
	}
	due := since.Add(s.Rhythm + s.Rhythm/4)
	return max(now.Sub(due), 0)
}

// SchemaShadowserver is the name of the mapping that stands for Shadowserver's own
// schema file.
const SchemaShadowserver = "shadowserver"

// ClosesBy says what ends a finding of a stream.
type ClosesBy string

// The ways to close.
const (
	ByAbsence ClosesBy = "absence"
	ByExpiry  ClosesBy = "expiry"
	ByPerson  ClosesBy = "person"
)

// Stream is one kind of report of one source.
type Stream struct {
	ID          int64
	Source      int64
	Kind        string
	Plan        string
	FullScan    bool
	ClosesBy    ClosesBy
	ExpiryDays  int
	AbsentAfter int // 0: as the source says
}

// DeliveryState is how far a delivery has come.
type DeliveryState string

// The states of a delivery.
const (
	Received    DeliveryState = "received"     // kept, not yet taken in
	Taken       DeliveryState = "taken"        // visible; its changes are being folded into the rows
	Folded      DeliveryState = "folded"       // done
	UnknownKind DeliveryState = "unknown-kind" // kept whole; no plan knows its kind
	Failed      DeliveryState = "failed"       // cannot be read at all; kept whole
)

// Delivery is what a feed delivered, and what it did.
type Delivery struct {
	ID         int64
	Source     int64
	Stream     int64
	Kind       string
	FileName   string
	Observed   time.Time // the day, 00:00 UTC
	ObservedBy string    // given | name | rows | arrival: how the day was found
	ReceivedAt time.Time
	Received   string // blob reference
	Content    string // blob reference
	Size       int64
	State      DeliveryState
	Failure    string
	Mode       Mode
	ReleasedAt time.Time
	Plan       string
	ActOrder   int64
	Counts
	Proves      bool
	ProvesWhy   string
	LostColumns []string
	Presence    string
	Sidecar     string
	News        string // blob: what it opened, brought back or made worse
	ResultHash  string
	Took        time.Duration
}

// Counts says what a delivery did. Rows = Events + Quarantined.
type Counts struct {
	Rows         int64 `json:"rows"`
	Events       int64 `json:"events"`
	Quarantined  int64 `json:"quarantined"`
	Opened       int64 `json:"opened"`
	Kept         int64 `json:"kept"`
	Worse        int64 `json:"worse"`
	NoLongerSeen int64 `json:"no_longer_seen"`
	Reopened     int64 `json:"reopened"`
	Unrouted     int64 `json:"unrouted"`
}

// Flags are marks of a finding.
type Flags uint8

// The marks.
const (
	// WeakKey: a key column was lost, so the finding's absence is never proven.
	WeakKey Flags = 1 << iota
	// Verified: a named check or person has confirmed the state.
	Verified
	// Exercise: not real.
	Exercise
)

// Finding is a condition that lasts.
type Finding struct {
	ID        int64
	Stream    int64
	OpenedBy  int64
	Key       Key
	IP        netip.Addr
	Port      int // -1 when none
	Transport string
	ASN       uint32
	Host      string
	CC        string
	Class     Class
	Severity  Severity
	State     State
	Flags     Flags
	Org       int64
	Asset     int64
	Level     uint8
	Audience  guard.Audience
	First     time.Time
	Last      time.Time
	Changed   time.Time
	Seen      int // deliveries that show it
}

// Class is the RSIT class of a finding.
type Class struct {
	ID                         int64
	Taxonomy, Type, Identifier string
}

// Change is one turn in the life of a finding.
type Change struct {
	Finding  int64
	Delivery int64
	Order    int64
	Kind     ChangeKind
	From, To State
	Severity Severity
	Org      int64
	Last     time.Time
	At       time.Time
	Cause    string
}

// ChangeKind says what a change is.
type ChangeKind string

// The kinds of change.
const (
	ChangeOpened   ChangeKind = "opened"
	ChangeWorse    ChangeKind = "worse"
	ChangeGone     ChangeKind = "no-longer-seen"
	ChangeReopened ChangeKind = "reopened"
	ChangeRestored ChangeKind = "corrected" // a late correction took the proof of absence back
	ChangeExpired  ChangeKind = "expired"
	ChangeByPerson ChangeKind = "by-person"
	ChangeMatched  ChangeKind = "matched-again"
	ChangeVerified ChangeKind = "verified"
)
