package cacao

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed playbooks/*.json
var ownFiles embed.FS

// Own reads the playbooks that come with this package, in the order of their file
// names. They are written for people: manual steps, decisions by a person, an owner's
// role and a time for each step, in English with French beside it.
func Own() ([]Playbook, error) {
	entries, err := ownFiles.ReadDir("playbooks")
	if err != nil {
		return nil, fmt.Errorf("cacao: own playbooks: %w", err)
	}
	var out []Playbook
	for _, e := range entries {
		raw, err := ownFiles.ReadFile(path.Join("playbooks", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("cacao: own playbook %s: %w", e.Name(), err)
		}
		pb, err := Read(bytes.NewReader(raw))
		if err != nil {
			return nil, fmt.Errorf("cacao: own playbook %s: %w", e.Name(), err)
		}
		out = append(out, *pb)
	}
	return out, nil
}

// Slug is the short name of a playbook of our own, such as "ransomware": its label
// "slug:ransomware" without the prefix; "" when it has none.
func (pb *Playbook) Slug() string {
	for _, l := range pb.Labels {
		if s, ok := strings.CutPrefix(l, "slug:"); ok {
			return s
		}
	}
	return ""
}
