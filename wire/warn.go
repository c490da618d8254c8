package wire

import "time"

// Notice is what one organisation is told: of its findings, or of a warning to many.
type Notice struct {
	Number       string     `json:"number"`
	Organisation string     `json:"organisation"`
	State        string     `json:"state"` // drafted, no-contact, attempting, sent, bounced, refused, unknown or withheld
	Sent         *time.Time `json:"sent"`
	Findings     int        `json:"findings"`
	Answered     *time.Time `json:"answered"`
	Answer       string     `json:"answer,omitempty"` // what was said last
	Contact      string     `json:"contact"`          // address, empty: nobody to write to
	Manner       string     `json:"manner,omitempty"` // plain, sealed or minimal: how it left
	Warning      string     `json:"warning,omitempty"`
	Step         int        `json:"step"` // 0 the first contact, then who is asked on silence
	Again        bool       `json:"again,omitempty"`
	Seen         *time.Time `json:"seen,omitempty"`
	Exercise     bool       `json:"exercise,omitempty"`
}

// Notices is a list, newest first. Next continues it: the value of before.
type Notices struct {
	Notices []Notice `json:"notices"`
	Next    int64    `json:"next,omitempty"`
}

// Receipt is what a recipient did with a notice: one line per answer, or one without.
type Receipt struct {
	Notice       string     `json:"notice"`
	Organisation string     `json:"organisation"`
	Contact      string     `json:"contact"`
	State        string     `json:"state"`
	Answer       string     `json:"answer"`   // acknowledge, done, dispute, pass-on or ask; empty: none yet
	Strength     string     `json:"strength"` // link, phone, mail, portal or signed
	By           string     `json:"by"`
	At           *time.Time `json:"at"` // of the answer; of the sending when there is none
}

// Answer is what somebody said on the phone or in a mail, as the desk enters it.
type Answer struct {
	By     string     `json:"by" minLength:"1" doc:"who said it"`
	Via    string     `json:"via" enum:"phone,mail"`
	What   string     `json:"what,omitempty" enum:"acknowledge,done,dispute,pass-on,ask" default:"acknowledge"`
	At     *time.Time `json:"at,omitempty" doc:"the true time of the call; now when it is left out"`
	Reason string     `json:"reason,omitempty" doc:"in their words; needed for dispute and ask"`
}

// OpenAnswer is a question or a dispute that waits for the desk.
type OpenAnswer struct {
	ID           int64     `json:"id"`
	Notice       string    `json:"notice"`
	Organisation string    `json:"organisation"`
	What         string    `json:"what"`     // ask or dispute
	Strength     string    `json:"strength"` // link, phone, mail, portal or signed
	By           string    `json:"by"`
	At           time.Time `json:"at"`
	Reason       string    `json:"reason"` // in their words
}

// Settlement says what came of a question or a dispute.
type Settlement struct {
	Note string `json:"note" minLength:"1"`
}

// WarningText is a warning in one language.
type WarningText struct {
	Title    string `json:"title"`
	What     string `json:"what"`
	Affected string `json:"affected,omitempty"`
	Do       string `json:"do"`
}

// WarningChoice says whom a warning is for: who fits every field that is given, and
// those named besides.
type WarningChoice struct {
	Everyone      bool     `json:"everyone,omitempty"`
	Sectors       []string `json:"sectors,omitempty" nullable:"false"`
	Kinds         []string `json:"org_kinds,omitempty" nullable:"false" doc:"kinds of organisation"`
	Critical      bool     `json:"critical,omitempty" doc:"designated operators only"`
	Region        string   `json:"region,omitempty"`
	Service       string   `json:"service,omitempty"`
	Asset         string   `json:"asset,omitempty" doc:"address, network, AS number or domain"`
	Product       string   `json:"product,omitempty"`
	Findings      []string `json:"findings,omitempty" nullable:"false" doc:"kinds of report with an open finding; any"`
	Severity      string   `json:"severity,omitempty" doc:"of these findings, at least"`
	Organisations []string `json:"organisations,omitempty" nullable:"false" doc:"names, besides"`
	Except        []string `json:"except,omitempty" nullable:"false" doc:"names, not in any case"`
}

// NewWarning is a warning to keep as a draft.
type NewWarning struct {
	Severity     string                 `json:"severity" enum:"flash,high,medium,low"`
	Marking      string                 `json:"marking" example:"TLP:GREEN"`
	Until        *time.Time             `json:"until,omitempty"`
	AnswerWithin string                 `json:"answer_within,omitempty" example:"30m"`
	Exercise     bool                   `json:"exercise,omitempty"`
	Texts        map[string]WarningText `json:"text"`
	Choice       WarningChoice          `json:"to"`
}

// Warning is one text to many organisations, and how far it has come.
type Warning struct {
	Number       string                 `json:"number"`
	Title        string                 `json:"title"`
	State        string                 `json:"state"` // draft, released, closed or discarded
	Severity     string                 `json:"severity"`
	Marking      string                 `json:"marking"`
	Until        *time.Time             `json:"until,omitempty"`
	AnswerWithin string                 `json:"answer_within,omitempty"`
	Exercise     bool                   `json:"exercise,omitempty"`
	Version      int64                  `json:"version"`
	Composed     *time.Time             `json:"composed"`
	Released     *time.Time             `json:"released,omitempty"`
	ReleasedHow  string                 `json:"released_how,omitempty"` // second-person or on-call
	ReviewDue    *time.Time             `json:"review_due,omitempty"`
	Review       string                 `json:"review,omitempty"` // approved or objected
	Closed       *time.Time             `json:"closed,omitempty"`
	Recipients   int                    `json:"recipients"`
	Taken        int64                  `json:"taken"` // recipients that have answered
	Languages    []string               `json:"languages"`
	Texts        map[string]WarningText `json:"text,omitempty"` // of one warning, not in lists
	Choice       *WarningChoice         `json:"to,omitempty"`
}

// Warnings is a list, newest first. Next continues it: the value of before.
type Warnings struct {
	Warnings []Warning `json:"warnings"`
	Next     int64     `json:"next,omitempty"`
}

// Recipient is one organisation that a warning would be told to.
type Recipient struct {
	Organisation string `json:"organisation"`
	Contact      string `json:"contact"` // name; empty: nobody to write to
	Address      string `json:"address"`
	Language     string `json:"language"`
	Manner       string `json:"manner"` // sealed, plain or minimal; empty: nobody to write to
}

// Recipients is whom a draft would be told to. A release names Seen, so that it
// releases this list and no other.
type Recipients struct {
	Number     string      `json:"number,omitempty"`
	Version    int64       `json:"version,omitempty"`
	Seen       string      `json:"seen"`
	Recipients []Recipient `json:"recipients"`
}

// ReleaseOrder lets a warning go.
type ReleaseOrder struct {
	Version int64  `json:"version"`
	Seen    string `json:"seen" doc:"of the list that was looked at"`
	OnCall  bool   `json:"on_call,omitempty" doc:"one person alone; needs a reason, and a review is due"`
	Reason  string `json:"reason,omitempty"`
}

// Judgement is another person's review of a release on call.
type Judgement struct {
	Approve bool   `json:"approve"`
	Note    string `json:"note,omitempty" doc:"needed for an objection"`
}

// Taken is where one recipient of a warning stands.
type Taken struct {
	Organisation string     `json:"organisation"`
	Notice       string     `json:"notice"`
	Contact      string     `json:"contact"`
	State        string     `json:"state"`
	Step         int        `json:"step"`
	Sent         *time.Time `json:"sent,omitempty"`
	Seen         *time.Time `json:"seen,omitempty"`
	Answer       string     `json:"answer,omitempty"`
	Strength     string     `json:"strength,omitempty"`
	By           string     `json:"by,omitempty"`
	At           *time.Time `json:"at,omitempty"`
	Call         string     `json:"call,omitempty"` // open, reached or given-up
}

// Rule says what is told to whom and how often. Empty lists match everything; of all
// rules that match, the first that says something about a thing decides it.
type Rule struct {
	Name         string   `json:"name" toml:"name" minLength:"1"`
	Sources      []string `json:"sources,omitempty" toml:"sources,omitempty" nullable:"false"`
	Kinds        []string `json:"kinds,omitempty" toml:"kinds,omitempty" nullable:"false"`
	Taxonomies   []string `json:"taxonomies,omitempty" toml:"taxonomies,omitempty" nullable:"false"`
	Severity     string   `json:"severity,omitempty" toml:"severity,omitempty" doc:"at least"`
	Sectors      []string `json:"sectors,omitempty" toml:"sectors,omitempty" nullable:"false"`
	OrgKinds     []string `json:"org_kinds,omitempty" toml:"org_kinds,omitempty" nullable:"false"`
	Organisation string   `json:"organisation,omitempty" toml:"organisation,omitempty" doc:"name of one; empty: any"`
	Tell         string   `json:"tell,omitempty" toml:"tell,omitempty" enum:"yes,no,"`
	RepeatDays   *int     `json:"repeat_days,omitempty" toml:"repeat_days,omitempty" doc:"0 never; left out: says nothing"`
	PaceMinutes  *int     `json:"pace_minutes,omitempty" toml:"pace_minutes,omitempty" doc:"least time between two mails; left out: says nothing"`
	Format       string   `json:"format,omitempty" toml:"format,omitempty" enum:"text,bulk,"`
}

// Rules is a rule set in its order.
type Rules struct {
	Version int64  `json:"version" toml:"version"`
	Rules   []Rule `json:"rules" toml:"rule" nullable:"false"`
}

// RulesChange puts a rule set in the place of the one with its version.
type RulesChange struct {
	Rules
	Reason string `json:"reason" minLength:"1"`
}

// Telling is what rules say about one sort of finding.
type Telling struct {
	Tell        bool   `json:"tell"`
	RepeatDays  int    `json:"repeat_days"` // 0 never
	PaceMinutes int    `json:"pace_minutes"`
	Format      string `json:"format"`
}

// RulesDifference is what other rules would change for one sort of open findings of
// one organisation.
type RulesDifference struct {
	Organisation string  `json:"organisation"`
	Source       string  `json:"source"`
	Kind         string  `json:"kind"`
	Taxonomy     string  `json:"taxonomy"`
	Severity     string  `json:"severity"`
	Findings     int64   `json:"findings"`
	Now          Telling `json:"now"`
	Then         Telling `json:"then"`
}

// RulesTrial is what a rule set would change; nothing has.
type RulesTrial struct {
	Weighed     int64             `json:"weighed"` // open findings that were looked at
	Differences []RulesDifference `json:"differences"`
}

// CallContact is how to reach an organisation by phone.
type CallContact struct {
	Name     string `json:"name"`
	Role     string `json:"role,omitempty"`
	Phone    string `json:"phone"`
	Language string `json:"language"`
	Hours    string `json:"hours,omitempty"`
}

// CallTry is one call and its outcome.
type CallTry struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"` // reached, no-answer, busy, wrong-number or call-back
	Spoke   string    `json:"spoke,omitempty"`
	Phone   string    `json:"phone,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// Call is an organisation that the duty officer calls about a warning.
type Call struct {
	ID           int64         `json:"id"`
	Version      int64         `json:"version"`
	Warning      string        `json:"warning"`
	Organisation string        `json:"organisation"`
	State        string        `json:"state"` // open, reached or given-up
	Since        time.Time     `json:"since"`
	Contacts     []CallContact `json:"contacts"`
	Tries        []CallTry     `json:"tries"`
}

// NewCallTry enters what a call came to.
type NewCallTry struct {
	Version int64      `json:"version"`
	Outcome string     `json:"outcome" enum:"reached,no-answer,busy,wrong-number,call-back"`
	Spoke   string     `json:"spoke,omitempty" doc:"with whom; needed when somebody was reached"`
	Phone   string     `json:"phone,omitempty"`
	Note    string     `json:"note,omitempty"`
	At      *time.Time `json:"at,omitempty" doc:"the true time of the call; now when it is left out"`
	What    string     `json:"what,omitempty" enum:"acknowledge,done,dispute,pass-on,ask" doc:"what they said; acknowledge when it is left out"`
}

// Mail is what came in by mail, and what became of it.
type Mail struct {
	ID           int64      `json:"id"`
	Received     time.Time  `json:"received"`
	From         string     `json:"from"`
	Subject      string     `json:"subject"`
	Notice       string     `json:"notice,omitempty"`
	Organisation string     `json:"organisation,omitempty"`
	Class        string     `json:"class"`     // reply, auto-reply, report, loop or unreadable
	State        string     `json:"state"`     // waiting, answered, filed or dismissed
	Signature    string     `json:"signature"` // empty, good, bad, unknown, expired, revoked or foreign
	Signer       string     `json:"signer,omitempty"`
	Sealed       bool       `json:"sealed"`
	Proposed     string     `json:"proposed,omitempty"` // what the words look like
	Words        string     `json:"words"`
	Files        []MailFile `json:"files"`
}

// MailFile is an attachment.
type MailFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

// Mails is a list, newest first. Next continues it: the value of before.
type Mails struct {
	Mails []Mail `json:"mails"`
	Next  int64  `json:"next,omitempty"`
}

// MailAnswer confirms a reply as an answer.
type MailAnswer struct {
	What string `json:"what,omitempty" enum:"acknowledge,done,dispute,pass-on,ask" doc:"what was proposed when it is left out"`
	By   string `json:"by,omitempty" doc:"the contact's name when it is left out"`
}

// MailPlace says which notice a mail belongs to.
type MailPlace struct {
	Notice string `json:"notice" minLength:"1"`
}

// Sending tells whether anything leaves.
type Sending struct {
	Stopped  bool       `json:"stopped"`
	Since    *time.Time `json:"since,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	LineDown *time.Time `json:"line_down,omitempty"` // since when the mail server cannot be reached
}
