package jobs

import "embed"

// Locales are the catalogue entries of this package, one TOML file per language.
//
//go:embed locales/*.toml
var Locales embed.FS
