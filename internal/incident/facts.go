package incident

import "fmt"

// Changed tells that something of an incident changed. Orgs are the organisations for
// all of whose people it looks different now, Persons those for whom alone it does:
// nobody else is told that anything happened.
type Changed struct {
	Incident int64   `json:"incident"`
	What     string  `json:"what"` // opened | head | entry | participants | crossing | task | …
	Entries  []int64 `json:"entries,omitempty"`
	Orgs     []int64 `json:"orgs"`
	Persons  []int64 `json:"persons,omitempty"`
	Other    int64   `json:"other,omitempty"` // another incident that this was merged with, or split from
}

// FactKind returns "incident.Changed".
func (Changed) FactKind() string { return "incident.Changed" }

// FactVersion returns 1.
func (Changed) FactVersion() int { return 1 }

// CrossingChanged is what a Changed says of what crossed, which not everybody reads who
// reads incidents.
const CrossingChanged = "crossing"

// PostChanged tells those of the desk whom it concerns that something came in by mail, or
// that a mail of ours arrived or did not: all of its people when Orgs names it, else the
// Persons.
type PostChanged struct {
	Orgs    []int64 `json:"orgs,omitempty"`
	Persons []int64 `json:"persons,omitempty"`
}

// FactKind returns "incident.PostChanged".
func (PostChanged) FactKind() string { return "incident.PostChanged" }

// FactVersion returns 1.
func (PostChanged) FactVersion() int { return 1 }

// Topic is the name under which open pages of the desk hear of an incident.
func Topic(incident int64) string { return fmt.Sprintf("incident.%d", incident) }

// CrossingsTopic is the name under which they hear of what crossed to the police.
const CrossingsTopic = "incident.crossings"
