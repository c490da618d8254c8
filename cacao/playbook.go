package cacao

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The bounds of [Read].
const (
	MaxSize  = 4 << 20 // bytes
	MaxDepth = 32      // objects and lists within each other
	MaxSteps = 500
	MaxWays  = 2000 // from step to step
)

// SpecVersion is the version of the standard that this package knows.
const SpecVersion = "cacao-2.0"

// Playbook is section 3.1. Dates are kept as written, RFC 3339 in UTC.
type Playbook struct {
	Type         string             `json:"type"`
	SpecVersion  string             `json:"spec_version"`
	ID           string             `json:"id"`
	Name         string             `json:"name"`
	Description  string             `json:"description,omitzero"`
	Types        []string           `json:"playbook_types,omitempty"`
	Activities   []string           `json:"playbook_activities,omitempty"`
	CreatedBy    string             `json:"created_by"`
	Created      string             `json:"created"`
	Modified     string             `json:"modified"`
	Revoked      bool               `json:"revoked,omitzero"`
	ValidFrom    string             `json:"valid_from,omitzero"`
	ValidUntil   string             `json:"valid_until,omitzero"`
	DerivedFrom  []string           `json:"derived_from,omitempty"`
	RelatedTo    []string           `json:"related_to,omitempty"`
	Priority     *int               `json:"priority,omitzero"` // 0 unknown, 1 highest to 100
	Severity     *int               `json:"severity,omitzero"` // 0 unknown, 100 highest
	Impact       *int               `json:"impact,omitzero"`   // 0 unknown, 100 highest
	Sectors      []string           `json:"industry_sectors,omitempty"`
	Labels       []string           `json:"labels,omitempty"`
	References   []Reference        `json:"external_references,omitempty"`
	Markings     []string           `json:"markings,omitempty"`
	Variables    map[string]Var     `json:"playbook_variables,omitempty"`
	Start        string             `json:"workflow_start"`
	Exception    string             `json:"workflow_exception,omitzero"`
	Workflow     map[string]Step    `json:"workflow"`
	Extensions   Extensions         `json:"playbook_extensions,omitempty"`
	Agents       map[string]Entity  `json:"agent_definitions,omitempty"`
	Targets      map[string]Entity  `json:"target_definitions,omitempty"`
	Logins       map[string]Entity  `json:"authentication_info_definitions,omitempty"`
	ExtensionDef map[string]ExtInfo `json:"extension_definitions,omitempty"`
	Other        jsontext.Value     `json:",embed"`
}

// Step is one step of the workflow, of any of the types of section 4. Which
// properties its type wants, [Check] knows.
type Step struct {
	Type         string            `json:"type"`
	Name         string            `json:"name,omitzero"`
	Description  string            `json:"description,omitzero"`
	References   []Reference       `json:"external_references,omitempty"`
	Delay        int64             `json:"delay,omitzero"`   // milliseconds
	Timeout      int64             `json:"timeout,omitzero"` // milliseconds
	Variables    map[string]Var    `json:"step_variables,omitempty"`
	Owner        string            `json:"owner,omitzero"`
	OnCompletion string            `json:"on_completion,omitzero"`
	OnSuccess    string            `json:"on_success,omitzero"`
	OnFailure    string            `json:"on_failure,omitzero"`
	Extensions   Extensions        `json:"step_extensions,omitempty"`
	Commands     []Command         `json:"commands,omitempty"`        // action
	Agent        string            `json:"agent,omitzero"`            // action
	Targets      []string          `json:"targets,omitempty"`         // action
	InArgs       []string          `json:"in_args,omitempty"`         // action, playbook-action
	OutArgs      []string          `json:"out_args,omitempty"`        // action, playbook-action
	PlaybookID   string            `json:"playbook_id,omitzero"`      // playbook-action
	PlaybookVers string            `json:"playbook_version,omitzero"` // playbook-action
	NextSteps    []string          `json:"next_steps,omitempty"`      // parallel
	Condition    string            `json:"condition,omitzero"`        // if-condition, while-condition
	OnTrue       string            `json:"on_true,omitzero"`          // if-condition, while-condition
	OnFalse      string            `json:"on_false,omitzero"`         // if-condition
	Switch       string            `json:"switch,omitzero"`           // switch-condition
	Cases        map[string]string `json:"cases,omitempty"`           // switch-condition
	Other        jsontext.Value    `json:",embed"`
}

// Command is section 5.
type Command struct {
	Type        string         `json:"type"`
	Description string         `json:"description,omitzero"`
	Version     string         `json:"version,omitzero"`
	Activity    string         `json:"playbook_activity,omitzero"`
	Command     string         `json:"command,omitzero"`
	CommandB64  string         `json:"command_b64,omitzero"`
	References  []Reference    `json:"external_references,omitempty"`
	Other       jsontext.Value `json:",embed"`
}

// Entity is an agent, a target or a login (sections 6 and 7).
type Entity struct {
	Type        string         `json:"type"`
	Name        string         `json:"name,omitzero"`
	Description string         `json:"description,omitzero"`
	Contact     *Contact       `json:"contact,omitzero"`
	Login       string         `json:"authentication_info,omitzero"`
	Extensions  Extensions     `json:"agent_target_extensions,omitempty"`
	Other       jsontext.Value `json:",embed"`
}

// Contact is how to reach an agent who is a person or an organisation.
type Contact struct {
	Email map[string]string `json:"email,omitempty"`
	Phone map[string]string `json:"phone,omitempty"`
	Other jsontext.Value    `json:",embed"`
}

// Var is a variable of a playbook or a step (section 10).
type Var struct {
	Type        string         `json:"type"`
	Description string         `json:"description,omitzero"`
	Value       jsontext.Value `json:"value,omitzero"` // a string or null
	Constant    bool           `json:"constant,omitzero"`
	External    bool           `json:"external,omitzero"`
	Other       jsontext.Value `json:",embed"`
}

// Reference is an external reference (section 10).
type Reference struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Source      string         `json:"source,omitzero"`
	URL         string         `json:"url,omitzero"`
	ExternalID  string         `json:"external_id,omitzero"`
	ReferenceID string         `json:"reference_id,omitzero"`
	Other       jsontext.Value `json:",embed"`
}

// Extensions are values by the identifier of their extension-definition.
type Extensions map[string]jsontext.Value

// ExtInfo is an extension-definition (section 8).
type ExtInfo struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	CreatedBy   string         `json:"created_by"`
	Schema      string         `json:"schema"`
	Version     string         `json:"version"`
	Other       jsontext.Value `json:",embed"`
}

// The errors of [Read], beside those of JSON itself.
var (
	ErrTooLarge = errors.New("cacao: the playbook is larger than 4 MiB")
	ErrTooDeep  = errors.New("cacao: objects or lists nest deeper than 32")
	ErrTooMany  = errors.New("cacao: the workflow has more than 500 steps, or 2000 ways between them")
)

// Read reads one playbook and nothing behind it. It judges form only, see [Check]. The
// error names the place as a JSON pointer.
func Read(r io.Reader) (*Playbook, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("cacao: reading a playbook: %w", err)
	}
	if len(raw) > MaxSize {
		return nil, ErrTooLarge
	}
	if err := bounded(raw); err != nil {
		return nil, err
	}
	var pb Playbook
	if err := json.Unmarshal(raw, &pb); err != nil {
		return nil, fmt.Errorf("cacao: %w; a playbook is one JSON object of CACAO 2.0", err)
	}
	ways := 0
	for _, s := range pb.Workflow {
		ways += len(waysOf(s))
	}
	if len(pb.Workflow) > MaxSteps || ways > MaxWays {
		return nil, ErrTooMany
	}
	return &pb, nil
}

// bounded holds the depth before anything is built.
func bounded(raw []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		_, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("cacao: %w; a playbook is one JSON object of CACAO 2.0", err)
		case d.StackDepth() > MaxDepth:
			return ErrTooDeep
		}
	}
}

// Canonical writes the playbook in the canonical form of RFC 8785: the same playbook,
// the same bytes.
func (pb *Playbook) Canonical() ([]byte, error) {
	raw, err := json.Marshal(pb)
	if err != nil {
		return nil, fmt.Errorf("cacao: writing %s: %w", pb.ID, err)
	}
	v := jsontext.Value(raw)
	if err := v.Canonicalize(); err != nil {
		return nil, fmt.Errorf("cacao: writing %s: %w", pb.ID, err)
	}
	return v, nil
}
