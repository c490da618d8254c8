package app

import "embed"

// templates are the few pages of the house itself.
//
//go:embed templates/*.html
var templates embed.FS

// locales are the words of the house itself.
//
//go:embed locales/*.toml
var locales embed.FS
