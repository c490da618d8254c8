package regime

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed data/*.toml
var data embed.FS

// maxFiles bounds a folder of regimes.
const maxFiles = 500

// File is a regime file of a folder.
type File struct {
	Name   string // in the folder
	Text   []byte // as it stands there
	Regime Regime
	Err    error // why it is not taken; a [Problems], or the reader's own
}

// Files reads the regime files (*.toml) of a folder, by name; at most 500. A file that
// is wrong says so in File.Err and does not hold the others up.
func Files(folder fs.FS) ([]File, error) {
	names, err := fs.Glob(folder, "*.toml")
	if err != nil {
		return nil, fmt.Errorf("list the regimes: %w", err)
	}
	if len(names) > maxFiles {
		return nil, fmt.Errorf("list the regimes: there are %d files, at most %d are read", len(names), maxFiles)
	}
	out := make([]File, 0, len(names))
	for _, name := range names {
		out = append(out, readFile(folder, name))
	}
	return out, nil
}

func readFile(folder fs.FS, name string) (f File) {
	f.Name = name
	in, err := folder.Open(name)
	if err != nil {
		f.Err = err
		return f
	}
	defer func() { _ = in.Close() }() // it was only read
	if f.Text, f.Err = readBounded(in, maxFile); f.Err == nil {
		f.Regime, f.Err = Parse(bytes.NewReader(f.Text))
	}
	return f
}

// ShippedFiles returns the files of this package's data folder, by name.
func ShippedFiles() ([]File, error) {
	folder, err := fs.Sub(data, "data")
	if err != nil {
		return nil, fmt.Errorf("list the regimes: %w", err)
	}
	files, err := Files(folder)
	for _, f := range files {
		if err == nil && f.Err != nil {
			err = fmt.Errorf("%s: %w", f.Name, f.Err)
		}
	}
	return files, err
}

// Shipped returns the regimes of this package's data folder, by file name. Some are
// not in force and one is a template: see [Regime.InForce].
func Shipped() ([]Regime, error) {
	files, err := ShippedFiles()
	if err != nil {
		return nil, err
	}
	out := make([]Regime, 0, len(files))
	for _, f := range files {
		out = append(out, f.Regime)
	}
	return out, nil
}
