package wire

// Delivery is one delivery of a feed and what it did. Rows = Events + Quarantined.
type Delivery struct {
	File          string `json:"file"`
	Delivery      int64  `json:"delivery"` // its number
	SHA256        string `json:"sha256"`   // of what arrived, as it arrived
	ContentSHA256 string `json:"content_sha256"`
	Source        string `json:"source"`
	Kind          string `json:"kind"`
	Observed      string `json:"observed"` // the day that it speaks of
	Received      string `json:"received"`
	// State is received, taken, folded, unknown-kind or failed.
	State     string `json:"state"`
	Failure   string `json:"failure,omitempty"` // why it was not taken in, in words
	Duplicate bool   `json:"duplicate"`         // the same content for the same day was there before

	Rows         int64 `json:"rows"`
	Events       int64 `json:"events"`
	Quarantined  int64 `json:"quarantined"`
	Opened       int64 `json:"opened"`
	Kept         int64 `json:"kept"`
	Worse        int64 `json:"worse"`
	NoLongerSeen int64 `json:"no_longer_seen"`
	Reopened     int64 `json:"reopened"`
	Unrouted     int64 `json:"unrouted"`

	Proves      bool     `json:"proves"` // its silence about a finding proves something
	LostColumns []string `json:"lost_columns,omitempty"`
	Mapping     string   `json:"mapping,omitempty"` // name@version that read it
	Seconds     float64  `json:"seconds"`           // from the first row to the take-in
}

// TakenIn tells whether the delivery has become visible.
func (d Delivery) TakenIn() bool { return d.State == "taken" || d.State == "folded" }

// Waits tells whether the delivery has still to be read.
func (d Delivery) Waits() bool { return d.State == "received" }

// Deliveries is a list, newest first. Next continues it: the value of before.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       int64      `json:"next,omitempty"`
}

// Finding is a condition that lasts.
type Finding struct {
	Number       string `json:"number"`
	State        string `json:"state"`
	Severity     string `json:"severity"`
	Kind         string `json:"kind"`
	Source       string `json:"source"`
	Organisation string `json:"organisation"` // empty when nobody could be named
	Level        string `json:"level"`        // operator, network, national-csirt or unrouted
	Asset        string `json:"asset"`        // what ties it to the organisation
	IP           string `json:"ip"`
	Port         int    `json:"port"` // 0 when the finding has none
	Transport    string `json:"transport,omitempty"`
	Host         string `json:"host,omitempty"`
	Class        string `json:"class,omitempty"` // RSIT, "taxonomy/type"
	Identifier   string `json:"identifier,omitempty"`
	First        string `json:"first"` // when it was first seen
	Last         string `json:"last"`  // when it was last seen
	Seen         int    `json:"seen"`  // deliveries that show it
	Exercise     bool   `json:"exercise,omitempty"`
}

// Findings is a list, newest first. Next continues it: the value of before.
type Findings struct {
	Total    uint64    `json:"total"`
	Findings []Finding `json:"findings"`
	Next     string    `json:"next,omitempty"`
}

// Decision is what a person says about a finding.
type Decision struct {
	State  string `json:"state" enum:"open,closed,not-ours,false-positive"`
	Reason string `json:"reason" minLength:"1"`
}

// Quarantined is a row that was set aside.
type Quarantined struct {
	Delivery int64  `json:"delivery"`
	Line     int64  `json:"line"`
	Column   string `json:"column"`
	Reason   string `json:"reason"`
	State    string `json:"state"` // open, rerun, dismissed or taken
}

// Quarantine is a list: newest delivery first, then by line. Next continues it: the
// value of after.
type Quarantine struct {
	Rows []Quarantined `json:"rows"`
	Next string        `json:"next,omitempty"`
}

// QuarantineChoice says which waiting rows a verb means: all of a delivery, those
// with one reason, or one line.
type QuarantineChoice struct {
	Delivery   int64  `json:"delivery,omitempty"`
	Line       int64  `json:"line,omitempty"`
	RowReason  string `json:"row_reason,omitempty" doc:"only rows that were set aside for this reason"`
	WhyDismiss string `json:"reason,omitempty" doc:"why they are let be; needed to dismiss"`
}

// Affected is how many things a verb changed.
type Affected struct {
	Count int64 `json:"count"`
}

// WouldTell is one line of the shadow report: what would have gone to whom.
type WouldTell struct {
	Source       string `json:"source"`
	Organisation string `json:"organisation"` // empty: nobody could be named
	Level        string `json:"level"`
	Contact      string `json:"contact"` // mail address, empty when none is known
	Findings     uint64 `json:"findings"`
}

// Shadow is the preview of one source: exactly what accepting it releases. UpTo is
// the newest delivery in it.
type Shadow struct {
	Source string      `json:"source"`
	UpTo   int64       `json:"up_to"`
	Lines  []WouldTell `json:"lines"`
}

// Shadows are the previews of the sources asked for.
type Shadows struct {
	Sources []Shadow `json:"sources"`
}

// Acceptance releases a preview up to a delivery.
type Acceptance struct {
	UpTo   int64  `json:"up_to" minimum:"1"`
	Reason string `json:"reason" minLength:"1"`
}

// Source is a feed.
type Source struct {
	Name        string `json:"name"`
	Mode        string `json:"mode"`
	Marking     string `json:"marking,omitempty"` // TLP, empty for none
	Mapping     string `json:"mapping"`
	Rhythm      string `json:"rhythm,omitempty"` // expected time between deliveries, "24h0m0s"
	Retention   int    `json:"retention_days"`   // 0 for ever
	AbsentAfter int    `json:"absent_after"`
	Exercise    bool   `json:"exercise,omitempty"`
	LastTaken   string `json:"last_taken,omitempty"`
	Late        string `json:"late,omitempty"` // by how much
	Version     int64  `json:"version"`        // for If-Match
}

// Sources is a list by name.
type Sources struct {
	Sources []Source `json:"sources"`
}

// SourceSettings is what a person decides about a feed.
type SourceSettings struct {
	Mode        string `json:"mode" enum:"shadow,hold,live"`
	Marking     string `json:"marking,omitempty" doc:"TLP marking of what the feed brings, such as TLP:AMBER"`
	Mapping     string `json:"mapping,omitempty" doc:"name of a mapping; shadowserver for its own schema (default)"`
	Rhythm      string `json:"rhythm,omitempty" doc:"expected time between deliveries, such as 24h"`
	Retention   int    `json:"retention_days,omitempty" minimum:"0" doc:"days to keep deliveries, 0 for ever"`
	AbsentAfter int    `json:"absent_after,omitempty" minimum:"0" maximum:"30" doc:"full scans without it that prove absence (default 1)"`
	Exercise    bool   `json:"exercise,omitempty"`
}

// NewSource is a feed to add.
type NewSource struct {
	Name string `json:"name"`
	SourceSettings
}

// AbsenceRule says, for one kind of a feed, after how many later full scans without it
// a finding is no longer seen; 0 means as the feed says.
type AbsenceRule struct {
	Kind        string `json:"kind"`
	AbsentAfter int    `json:"absent_after" minimum:"0" maximum:"30"`
}

// ModeChange puts a feed into another mode.
type ModeChange struct {
	Mode   string `json:"mode" enum:"shadow,hold,live"`
	Reason string `json:"reason,omitempty"`
}

// Mapping is one loaded version of a mapping file or of a feed's schema.
type Mapping struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Schema  bool   `json:"schema"` // a Shadowserver schema
	Active  bool   `json:"active"`
	SHA256  string `json:"sha256"`
	Loaded  string `json:"loaded"`
	Kinds   int    `json:"kinds,omitempty"` // of a schema that was just loaded
}

// Mappings is a list, newest first within a name.
type Mappings struct {
	Mappings []Mapping `json:"mappings"`
}

// DryRunOf names the mapping to try on a stored delivery.
type DryRunOf struct {
	Mapping string `json:"mapping"`
}

// DryRun is what would come of a delivery read with a mapping. Nothing is written.
type DryRun struct {
	Rows        int64            `json:"rows"`
	Events      int64            `json:"events"`
	Quarantined int64            `json:"quarantined"`
	Lost        []string         `json:"lost_columns,omitempty"`
	Added       []string         `json:"added_columns,omitempty"`
	LostKey     []string         `json:"lost_key,omitempty"`
	Reasons     map[string]int64 `json:"reasons,omitempty"`
	Examples    []string         `json:"examples,omitempty"` // events as IDF JSON
}
