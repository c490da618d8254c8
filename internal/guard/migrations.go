package guard

import "embed"

// Migrations is this room's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

//go:embed policies/*.cedar
var policyFiles embed.FS

// Locales holds this room's words.
//
//go:embed locales/*.toml
var Locales embed.FS
