package regime

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed data/*.toml
var data embed.FS

// Shipped returns the regimes of this package's data folder, by file name. Some are
// not in force and one is a template: see [Regime.InForce].
func Shipped() ([]Regime, error) {
	names, err := fs.Glob(data, "data/*.toml")
	if err != nil {
		return nil, fmt.Errorf("list the regimes: %w", err)
	}
	var out []Regime
	for _, name := range names {
		r, err := parseFile(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseFile(name string) (Regime, error) {
	f, err := data.Open(name)
	if err != nil {
		return Regime{}, err
	}
	defer f.Close()
	return Parse(f)
}
