package shadowserver

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"almenara.example/mapping"
)

//go:embed overlay.toml
var overlayText string

const maxOverlay = 1 << 20

// Overlay says, per kind, what a schema does not: see overlay.toml. The nil
// Overlay lists no kind.
type Overlay struct {
	version string
	rules   []rule
}

type rule struct {
	Kinds      []string
	Key        []string
	FullScan   bool             `toml:"full_scan"`
	ClosesBy   mapping.ClosesBy `toml:"closes_by"`
	ExpiryDays int              `toml:"expiry_days"`
}

// Version is the overlay's own version; that of an installation's overlay is
// followed by the one it stands on.
func (o *Overlay) Version() string { return o.version }

// Lists reports whether a rule lists the kind.
func (o *Overlay) Lists(kind string) bool { return len(o.rule(kind).Kinds) > 0 }

func (o *Overlay) rule(kind string) rule {
	if o != nil {
		for _, r := range o.rules {
			if slices.Contains(r.Kinds, kind) {
				return r
			}
		}
	}
	return rule{}
}

// DefaultOverlay is the overlay that comes with this package.
func DefaultOverlay() (*Overlay, error) { return parseOverlay(overlayText) }

// LoadOverlay reads an installation's own rules, of the same form, and puts
// them before those of [DefaultOverlay]: the first that lists a kind holds.
func LoadOverlay(in io.Reader) (*Overlay, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxOverlay+1))
	if err != nil {
		return nil, fmt.Errorf("read the overlay: %w", err)
	}
	if len(text) > maxOverlay {
		return nil, fmt.Errorf("the overlay is larger than %d bytes", maxOverlay)
	}
	own, err := parseOverlay(string(text))
	if err != nil {
		return nil, err
	}
	standard, err := DefaultOverlay()
	if err != nil {
		return nil, err
	}
	return &Overlay{version: own.version + "+" + standard.version, rules: append(own.rules, standard.rules...)}, nil
}

func parseOverlay(text string) (*Overlay, error) {
	var file struct {
		Version string
		Rule    []rule
	}
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return nil, fmt.Errorf("read the overlay: %s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("the overlay has an unknown key %s: known are version and, in [[rule]], kinds, key, full_scan, closes_by, expiry_days", unknown[0])
	}
	if file.Version == "" {
		return nil, errors.New(`the overlay has no version (an example: version = "2026-05-01")`)
	}
	listed := map[string]bool{}
	for i, r := range file.Rule {
		if err := r.check(listed); err != nil {
			return nil, fmt.Errorf("the overlay's rule %d: %w", i+1, err)
		}
	}
	return &Overlay{version: file.Version, rules: file.Rule}, nil
}

func (r rule) check(listed map[string]bool) error {
	if len(r.Kinds) == 0 {
		return errors.New(`it lists no kinds (an example: kinds = ["scan_telnet"])`)
	}
	for _, kind := range r.Kinds {
		if listed[kind] {
			return fmt.Errorf("the kind %q is listed twice", kind)
		}
		listed[kind] = true
	}
	switch r.ClosesBy {
	case mapping.Absence:
		if !r.FullScan {
			return errors.New("closes_by absence needs full_scan = true")
		}
	case mapping.Expiry:
		if r.ExpiryDays < 1 || r.ExpiryDays > 3660 {
			return errors.New("closes_by expiry needs expiry_days from 1 to 3660")
		}
	case mapping.Person:
	default:
		return fmt.Errorf("closes_by is %q, not absence, expiry or person", r.ClosesBy)
	}
	return nil
}
