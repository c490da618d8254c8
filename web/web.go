// Package web holds the files of the frame that every page stands in: the layout,
// the shared components, style, scripts, icons and the frame's own words. They are
// embedded once; internal/foundation/web parses and serves them.
//
// What is where: layout/ has html/template files (frame, errors, components),
// static/ what browsers fetch (almenara.css, almenara.js and vendor/, which
// assets.sh refreshes from npm at exact versions, with licences and checksums),
// locales/ the catalogue keys frame.* and fault.* in English and French.
//
// Not here: pages of rooms. A room's …web package embeds its own templates and
// locales and hands them to the site.
package web

import "embed"

// Layout holds layout/*.html, the frame's templates.
//
//go:embed layout/*.html
var Layout embed.FS

// Static holds everything below static/ that a browser may fetch.
//
//go:embed static
var Static embed.FS

// Locales holds locales/<language>.toml, the frame's words.
//
//go:embed locales/*.toml
var Locales embed.FS
