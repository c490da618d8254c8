package sealed

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Format is the first word of every manifest.
const Format = "almenara-package/1"

// The bounds of what is written and read.
const (
	MaxSize     = 256 << 20 // bytes of a package
	MaxManifest = 16 << 20
	MaxFiles    = 1000
	MaxEntries  = 2000
)

// Manifest says what a package holds, who gives it to whom, and on what basis.
type Manifest struct {
	Format       string    `json:"format"`
	Purpose      string    `json:"purpose"` // such as "bench" or "transfer"
	Number       string    `json:"number"`  // of the matter, with whoever gives it
	Yours        string    `json:"your_number,omitempty"`
	Version      int64     `json:"version"` // 1, then what is new
	Title        string    `json:"title"`
	From         string    `json:"from"`
	To           string    `json:"to"`
	Made         time.Time `json:"made"`
	Marking      string    `json:"marking"` // TLP 2.0, the strictest of the entries
	Restrictions string    `json:"restrictions,omitempty"`
	Exercise     bool      `json:"exercise,omitempty"`
	Mandate      *Mandate  `json:"mandate,omitempty"`
	Entries      []Entry   `json:"entries"`
	Files        []File    `json:"files"`
}

// Mandate is an order or a statute under which something is handed over.
type Mandate struct {
	Kind      string    `json:"kind"`
	Reference string    `json:"reference"`
	Issuer    string    `json:"issuer"`
	Scope     string    `json:"scope"`
	Issued    time.Time `json:"issued"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Entry is one statement.
type Entry struct {
	Ref         string    `json:"ref"`     // stays the same from version to version
	Version     int64     `json:"version"` // of the entry
	Kind        string    `json:"kind"`
	Owner       string    `json:"owner"` // whose word it is
	Marking     string    `json:"marking"`
	At          time.Time `json:"at"`
	Text        string    `json:"text"`
	Observables []string  `json:"observables,omitempty"` // defanged
	Basis       string    `json:"basis"`                 // consent | mandate | own | audience
	Consent     *Consent  `json:"consent,omitempty"`
	Files       []string  `json:"files,omitempty"` // paths
}

// Consent is what the owner of an entry said.
type Consent struct {
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Strength string    `json:"strength"` // phone | mail | portal
}

// File is one file of a package. Body is no part of the manifest.
type File struct {
	Path   string `json:"path"` // files/0001
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hex
	Body   []byte `json:"-"`
}

// Errors that callers tell apart; others say what is wrong with a package.
var (
	ErrLocked    = errors.New("the package is encrypted to another key")
	ErrSignature = errors.New("the signature is not of these bytes, or not by this key")
	ErrDamaged   = errors.New("the package is damaged")
)

// check refuses a manifest that is not of this form.
func (m *Manifest) check() error {
	switch {
	case m.Format != Format:
		return fmt.Errorf("the manifest's format is not %s", Format)
	case m.Number == "" || m.From == "" || m.To == "" || m.Marking == "" || m.Made.IsZero() || m.Version < 1:
		return errors.New("the manifest lacks its number, from, to, marking, time or version")
	case len(m.Entries) > MaxEntries:
		return fmt.Errorf("more than %d entries", MaxEntries)
	case len(m.Files) > MaxFiles:
		return fmt.Errorf("more than %d files", MaxFiles)
	}
	paths := map[string]bool{}
	for i, f := range m.Files {
		if f.Path != filePath(i) || f.Size < 0 || len(f.SHA256) != 64 {
			return fmt.Errorf("file %d of the manifest has another path, or no size and SHA-256", i+1)
		}
		paths[f.Path] = true
	}
	refs := map[string]bool{}
	for i, e := range m.Entries {
		if e.Ref == "" || refs[e.Ref] || slices.ContainsFunc(e.Files, func(p string) bool { return !paths[p] }) {
			return fmt.Errorf("entry %d of the manifest has no reference of its own, or names a file that is not listed", i+1)
		}
		refs[e.Ref] = true
	}
	return nil
}

func filePath(i int) string { return fmt.Sprintf("files/%04d", i+1) }

// parseManifest reads a manifest; unknown members are refused, so that nobody trusts in
// what this program does not see.
func parseManifest(raw []byte) (m Manifest, err error) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, errors.New("the manifest is no JSON of this form")
	}
	if d.More() {
		return m, errors.New("something follows the manifest")
	}
	return m, m.check()
}
