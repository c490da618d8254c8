package watch

import "embed"

// Migrations is this room's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// Locales holds this room's refusals and causes, one file per language.
//
//go:embed locales/*.toml
var Locales embed.FS
