package incident

import (
	_ "embed" // the shipped grounds
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
)

//go:embed grounds.toml
var shippedGrounds []byte

// Ground is a legal ground: where it stands in the law, of which country.
type Ground struct {
	ID       string `toml:"id"`
	Country  string `toml:"country"` // ISO 3166-1 alpha-2, or EU
	Title    string `toml:"title"`
	Citation string `toml:"citation"`
	Verified bool   `toml:"verified"` // compared with the official text by a person
}

const maxGrounds = 1000

// readGrounds reads the shipped grounds and an installation's own; own may be nil. A
// ground of the same id replaces the shipped one.
func readGrounds(own fs.FS) ([]Ground, error) {
	all, err := parseGrounds("grounds.toml", shippedGrounds)
	if err != nil || own == nil {
		return all, err
	}
	files, err := fs.Glob(own, "*.toml")
	if err != nil {
		return nil, fmt.Errorf("list grounds: %w", err)
	}
	for _, name := range files {
		text, err := fs.ReadFile(own, name)
		if err != nil {
			return nil, fmt.Errorf("read grounds: %w", err)
		}
		some, err := parseGrounds(name, text)
		if err != nil {
			return nil, err
		}
		for _, g := range some {
			all = append(slices.DeleteFunc(all, func(o Ground) bool { return o.ID == g.ID }), g)
		}
	}
	return all, nil
}

func parseGrounds(name string, text []byte) ([]Ground, error) {
	var f struct {
		Ground []Ground `toml:"ground"`
	}
	if len(text) > 1<<20 {
		return nil, fmt.Errorf("grounds %s: larger than 1 MiB", name)
	}
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return nil, fmt.Errorf("grounds %s: %w", name, err)
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return nil, fmt.Errorf("grounds %s: unknown key %s", name, extra[0])
	}
	if len(f.Ground) > maxGrounds {
		return nil, fmt.Errorf("grounds %s: more than %d", name, maxGrounds)
	}
	for i, g := range f.Ground {
		if err := g.check(); err != nil {
			return nil, fmt.Errorf("grounds %s: number %d: %w", name, i+1, err)
		}
	}
	return f.Ground, nil
}

func (g Ground) check() error {
	switch {
	case g.ID == "" || strings.ContainsFunc(g.ID, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }):
		return fmt.Errorf("id %q is not small letters, digits and dashes", g.ID)
	case g.Title == "" || g.Citation == "":
		return fmt.Errorf("%s: title and citation are needed", g.ID)
	}
	if g.Country == "EU" {
		return nil
	}
	return guard.CheckCountry("country", g.Country)
}

// Grounds lists the legal grounds that fit a country, its own first, then the Union's,
// then the others.
func (in *Incidents) Grounds(country string) []Ground {
	rank := func(g Ground) int {
		switch g.Country {
		case country:
			return 0
		case "EU":
			return 1
		}
		return 2
	}
	out := slices.Clone(in.grounds)
	slices.SortStableFunc(out, func(a, b Ground) int { return rank(a) - rank(b) })
	return out
}

// groundOf finds a ground, or takes free words as the citation.
func (in *Incidents) groundOf(id, words string) (Ground, error) {
	words = clean(words)
	if err := checkText("ground_text", words, MaxReason, false); err != nil {
		return Ground{}, err
	}
	for _, g := range in.grounds {
		if g.ID == id {
			if words != "" {
				g.Citation += ". " + words
			}
			return g, nil
		}
	}
	if id != "" {
		return Ground{}, fault.OnField("ground", "incident.crossing.ground_unknown", fault.Args{"Value": fault.Clip(id)})
	}
	if words == "" {
		return Ground{}, fault.OnField("ground", "incident.crossing.ground_missing", nil)
	}
	return Ground{Citation: words}, nil
}
