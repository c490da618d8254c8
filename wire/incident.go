package wire

import "time"

// OwedCall is somebody whom the duty officer calls about what is owed in an incident.
type OwedCall struct {
	ID           int64         `json:"id"`
	Version      int64         `json:"version"`
	Incident     string        `json:"incident"`
	Clock        int64         `json:"clock,omitempty" doc:"what it is about: a clock, by its id"`
	Entry        int64         `json:"entry,omitempty" doc:"or an entry, a question or a task, by its id"`
	Organisation string        `json:"organisation" doc:"who is called; the own team where it owes something itself"`
	State        string        `json:"state" doc:"open, reached or given-up"`
	Owed         bool          `json:"owed" doc:"it is still owed"`
	Exercise     bool          `json:"exercise,omitempty"`
	Since        time.Time     `json:"since"`
	Contacts     []CallContact `json:"contacts"`
	Tries        []CallTry     `json:"tries"`
}

// NewOwedTry enters what such a call came to.
type NewOwedTry struct {
	Version int64      `json:"version"`
	Outcome string     `json:"outcome" enum:"reached,no-answer,busy,wrong-number,call-back"`
	Spoke   string     `json:"spoke,omitempty" doc:"with whom; needed when somebody was reached"`
	Phone   string     `json:"phone,omitempty"`
	Note    string     `json:"note,omitempty"`
	At      *time.Time `json:"at,omitempty" doc:"the true time of the call; now when it is left out"`
	GiveUp  bool       `json:"give_up,omitempty" doc:"nobody calls about this any more"`
}

// Recovery is how an incident's recovery stands, as far as the asker sees it.
type Recovery struct {
	Services   []Service   `json:"services"`
	Milestones []Milestone `json:"milestones"`
	Resources  []Resource  `json:"resources"`
}

// Service is a service that was hit, and how it fares.
type Service struct {
	ID           int64         `json:"id"`
	Version      int64         `json:"version"`
	Entry        int64         `json:"entry" doc:"that named it"`
	Name         string        `json:"name"`
	Organisation string        `json:"organisation"`
	People       int64         `json:"people,omitempty" doc:"who depend on it; not known when missing"`
	Needs        []int64       `json:"needs" doc:"services that it needs, by their ids"`
	State        string        `json:"state"`
	Quality      int           `json:"quality" doc:"percent that works"`
	LostHours    float64       `json:"lost_hours" doc:"service-hours lost until now, or until the incident was closed"`
	Signed       *time.Time    `json:"signed,omitempty"`
	Steps        []ServiceStep `json:"steps" doc:"oldest first"`
}

// ServiceStep is that a service fared like this from a time on.
type ServiceStep struct {
	Entry    int64      `json:"entry"`
	State    string     `json:"state"`
	Quality  int        `json:"quality"`
	At       time.Time  `json:"at"`
	Expected *time.Time `json:"expected,omitempty" doc:"when it will be back, as was said"`
	By       string     `json:"by,omitempty" doc:"who said so"`
	Marking  string     `json:"marking"`
}

// NewService names a service that is hit.
type NewService struct {
	Name         string   `json:"name" maxLength:"200"`
	Organisation string   `json:"organisation,omitempty" doc:"whose it is, by name; the own team when missing"`
	People       int64    `json:"people,omitempty"`
	Needs        []int64  `json:"needs,omitempty" maxItems:"100"`
	Marking      string   `json:"marking" example:"TLP:AMBER"`
	To           []string `json:"to,omitempty" doc:"organisations that shall see it, by name"`
	NewServiceStep
}

// NewServiceStep says how a service fares.
type NewServiceStep struct {
	State    string     `json:"state" enum:"down,degraded,workaround,restored,verified"`
	Quality  int        `json:"quality,omitempty" doc:"percent that works, of what is degraded or worked around"`
	At       *time.Time `json:"at,omitempty" doc:"since when; now when missing"`
	Expected *time.Time `json:"expected,omitempty"`
	By       string     `json:"by,omitempty" doc:"who said so"`
	Note     string     `json:"note,omitempty"`
}

// ServiceChange is a step of a service that is there.
type ServiceChange struct {
	NewServiceStep
	Seen
}

// ServiceNeeds says anew what a service needs and how many depend on it.
type ServiceNeeds struct {
	Needs  []int64 `json:"needs" maxItems:"100"`
	People int64   `json:"people,omitempty"`
	Seen
}

// Seen is the version of what is changed that the asker looked at.
type Seen struct {
	Version int64 `json:"version" doc:"the version that you looked at"`
}

// Milestone is a stage of a recovery.
type Milestone struct {
	Entry        int64           `json:"entry"`
	Version      int64           `json:"version"`
	Title        string          `json:"title"`
	Service      int64           `json:"service,omitempty"`
	Organisation string          `json:"organisation,omitempty"`
	Place        int             `json:"place"`
	Marking      string          `json:"marking"`
	Due          time.Time       `json:"due"`
	Standing     string          `json:"standing" doc:"ahead, missed, reached, late or dropped"`
	Ended        *time.Time      `json:"ended,omitempty"`
	Result       string          `json:"result,omitempty"`
	Moves        []MilestoneMove `json:"moves"`
}

// MilestoneMove is that a milestone got another time.
type MilestoneMove struct {
	At     time.Time `json:"at"`
	Was    time.Time `json:"was"`
	Reason string    `json:"reason"`
}

// NewMilestone puts a milestone into the plan.
type NewMilestone struct {
	Title        string    `json:"title" maxLength:"200"`
	Service      int64     `json:"service,omitempty" doc:"one of a service is seen by whoever sees that"`
	Organisation string    `json:"organisation,omitempty" doc:"who owes it, by name; whose service it is when missing"`
	Due          time.Time `json:"due"`
	Place        int       `json:"place,omitempty"`
	Marking      string    `json:"marking" example:"TLP:AMBER"`
	To           []string  `json:"to,omitempty" doc:"organisations that shall see it, by name"`
}

// MilestoneDue gives a milestone another time.
type MilestoneDue struct {
	Due    time.Time `json:"due"`
	Reason string    `json:"reason"`
	Seen
}

// MilestoneReached says that a milestone was reached.
type MilestoneReached struct {
	At     *time.Time `json:"at,omitempty" doc:"when; now when missing"`
	Result string     `json:"result,omitempty" doc:"by what or whom"`
	Seen
}

// MilestoneDropped says that a milestone is no longer aimed at.
type MilestoneDropped struct {
	Reason string `json:"reason"`
	Seen
}

// Resource is something that was asked for.
type Resource struct {
	Entry   int64     `json:"entry"`
	Version int64     `json:"version"`
	Text    string    `json:"text"`
	Asked   string    `json:"asked" doc:"who asks, by name"`
	Given   string    `json:"given,omitempty" doc:"who gives it"`
	State   string    `json:"state" doc:"asked, offered, accepted, delivered or declined"`
	Changed time.Time `json:"changed"`
	Marking string    `json:"marking"`
}

// NewResource asks for something.
type NewResource struct {
	Text    string   `json:"text"`
	Asked   string   `json:"asked,omitempty" doc:"in whose name; the own team when missing"`
	Marking string   `json:"marking" example:"TLP:AMBER"`
	To      []string `json:"to,omitempty" doc:"who is asked, by name"`
}

// ResourceChange says what becomes of it.
type ResourceChange struct {
	State string `json:"state" enum:"offered,accepted,delivered,declined,asked"`
	Given string `json:"given,omitempty" doc:"who gives it, by name; the own team when missing"`
	Seen
}

// Lesson is what was learned in an incident, and what is done about it.
type Lesson struct {
	ID           int64      `json:"id"`
	Version      int64      `json:"version"`
	Incident     string     `json:"incident"`
	Text         string     `json:"text"`
	Action       string     `json:"action,omitempty"`
	Organisation string     `json:"organisation,omitempty" doc:"who owes the action"`
	Due          *time.Time `json:"due,omitempty"`
	State        string     `json:"state" doc:"open, done or dropped"`
	Result       string     `json:"result,omitempty"`
	PeerText     string     `json:"peer_text,omitempty" doc:"what peers may be told"`
	PeerMarking  string     `json:"peer_marking,omitempty"`
	Exercise     bool       `json:"exercise,omitempty"`
	Added        time.Time  `json:"added"`
}

// NewLesson notes what was learned.
type NewLesson struct {
	Text         string     `json:"text"`
	Action       string     `json:"action,omitempty"`
	Organisation string     `json:"organisation,omitempty" doc:"who owes the action, by name"`
	Due          *time.Time `json:"due,omitempty"`
	PeerText     string     `json:"peer_text,omitempty"`
	PeerMarking  string     `json:"peer_marking,omitempty" doc:"TLP:AMBER at most"`
}

// LessonEnd says what came of a lesson's action.
type LessonEnd struct {
	State  string `json:"state" enum:"open,done,dropped"`
	Result string `json:"result,omitempty"`
	Seen
}

// LessonPeers says anew what peers may be told.
type LessonPeers struct {
	Text    string `json:"text,omitempty" doc:"nothing when missing"`
	Marking string `json:"marking,omitempty" doc:"TLP:AMBER at most"`
	Seen
}
