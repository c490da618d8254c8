package act

import "embed"

// Migrations is this package's line of migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS
