package regime

import (
	"bytes"
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
		text, err := data.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r, err := Parse(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, r)
	}
	return out, nil
}
