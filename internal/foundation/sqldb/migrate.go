package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Migrations is one room's line of migrations: its own files and its own version
// table, migration_<Room>.
type Migrations struct {
	Room  string
	Files fs.FS // holds migrations/NNNN_name.sql
	// Postgres holds them for PostgreSQL where one text cannot serve both engines, with
	// the same numbers; nil: Files does.
	Postgres fs.FS
}

// On returns the files for an engine.
func (m Migrations) On(e Engine) fs.FS {
	if e == Postgres && m.Postgres != nil {
		return m.Postgres
	}
	return m.Files
}

// Migrate applies every pending migration, line by line in the given order
// (lower rooms first). Each file is one transaction; after a crash the next run
// goes on.
func Migrate(ctx context.Context, db *DB, lines []Migrations) error {
	for _, l := range lines {
		p, err := provider(db, l)
		if err != nil {
			return err
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", l.Room, err)
		}
	}
	return nil
}

// ErrHalfMigrated says that the database does not have the schema of this
// program; `almenara migrate` brings it there, or the program is too old.
var ErrHalfMigrated = errors.New("the database does not have this program's schema")

// CheckMigrated returns ErrHalfMigrated, with the room and the versions, when a
// line is not exactly at its last migration.
func CheckMigrated(ctx context.Context, db *DB, lines []Migrations) error {
	for _, l := range lines {
		p, err := provider(db, l)
		if err != nil {
			return err
		}
		have, want, err := p.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("read migrations of %s: %w", l.Room, err)
		}
		if have != want {
			return fmt.Errorf("%w: %s is at migration %d, this program wants %d", ErrHalfMigrated, l.Room, have, want)
		}
	}
	return nil
}

func provider(db *DB, l Migrations) (*goose.Provider, error) {
	dialect := database.DialectSQLite3
	if db.Engine == Postgres {
		dialect = database.DialectPostgres
	}
	store, err := database.NewStore(dialect, "migration_"+l.Room)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", l.Room, err)
	}
	files, err := fs.Sub(l.On(db.Engine), "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", l.Room, err)
	}
	p, err := goose.NewProvider("", db.write, files, goose.WithStore(store), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", l.Room, err)
	}
	return p, nil
}
