package cacao

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// ChecklistExtension is the extension of our own playbooks; its values are [Notes].
const ChecklistExtension = "extension-definition--5d9cf5bb-2f7a-4c39-8e0b-6a1d4f7c9e21"

// Notes are the values of [ChecklistExtension] at a playbook, a step or an agent.
type Notes struct {
	Role   string          `json:"role,omitzero"`   // at a step: who sees to it, one of [Roles]
	Within string          `json:"within,omitzero"` // at a step: ISO 8601, such as PT15M, PT4H or P3D
	Text   map[string]Text `json:"text,omitempty"`  // by language, such as "fr"
}

// Text is what a playbook, a step or an agent says in a language.
type Text struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitzero"`
	Commands    []string `json:"commands,omitempty"` // at a step: one for each command
}

// Roles are those that see to the steps of our own playbooks.
func Roles() []string {
	return []string{"duty-officer", "operator", "police-liaison", "sector-regulator", "civil-protection", "press-officer"}
}

// notes reads the extension; its zero value stands for none, or for one that is not
// of this form.
func (e Extensions) notes() Notes {
	var n Notes
	if raw, ok := e[ChecklistExtension]; ok && json.Unmarshal(raw, &n) != nil {
		return Notes{}
	}
	return n
}

// within reads the time of a note: days, hours and minutes; zero when there is none.
func within(text string) time.Duration {
	var n int
	var unit string
	if c, _ := fmt.Sscanf(text, "PT%d%1s", &n, &unit); c != 2 {
		if c, _ = fmt.Sscanf(text, "P%d%1s", &n, &unit); c != 2 || unit != "D" {
			return 0
		}
	}
	size, ok := map[string]time.Duration{"M": time.Minute, "H": time.Hour, "D": 24 * time.Hour}[unit]
	if !ok || n < 0 || n > 10000 {
		return 0
	}
	return time.Duration(n) * size
}

// In returns the playbook with its texts in a language, as far as the extension has
// them; the rest stays as it is. The original is not changed.
func (pb *Playbook) In(language string) *Playbook {
	out := *pb
	t := pb.Extensions.notes().Text[language]
	out.Name, out.Description = cmp.Or(t.Name, pb.Name), cmp.Or(t.Description, pb.Description)
	out.Workflow = make(map[string]Step, len(pb.Workflow))
	for id, s := range pb.Workflow {
		out.Workflow[id] = s.in(language)
	}
	out.Agents = make(map[string]Entity, len(pb.Agents))
	for id, a := range pb.Agents {
		t := a.Extensions.notes().Text[language]
		a.Name, a.Description = cmp.Or(t.Name, a.Name), cmp.Or(t.Description, a.Description)
		out.Agents[id] = a
	}
	return &out
}

func (s Step) in(language string) Step {
	t := s.Extensions.notes().Text[language]
	s.Name, s.Description = cmp.Or(t.Name, s.Name), cmp.Or(t.Description, s.Description)
	s.Commands = slices.Clone(s.Commands)
	for i := range min(len(s.Commands), len(t.Commands)) {
		if s.Commands[i].Type == "manual" {
			s.Commands[i].Command = t.Commands[i]
		}
	}
	return s
}
