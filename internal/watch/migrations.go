package watch

import "embed"

// Migrations is this room's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS
