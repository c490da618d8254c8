package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
)

// openDatabase opens the rows of an installation. On SQLite the file must be
// there already, but for Found.
func openDatabase(ctx context.Context, c *Config, fresh bool) (*sqldb.DB, error) {
	dsn, err := c.databaseURL()
	if err != nil {
		return nil, err
	}
	conf := sqldb.Config{DSN: dsn, CacheMB: c.Database.CacheMB}
	if dsn == "" {
		conf.Path = c.path(databaseFile)
		if _, err := os.Stat(conf.Path); errors.Is(err, fs.ErrNotExist) && !fresh {
			return nil, &Refusal{
				Err:  fmt.Errorf("%s is not there", conf.Path),
				Hint: "bring it back from its backup, or begin with: almenara init --data " + c.Dir,
			}
		}
	}
	db, err := sqldb.Open(ctx, conf)
	if err != nil {
		return nil, err
	}
	if dsn == "" {
		// Rows are readable by the server's user alone.
		if err := os.Chmod(conf.Path, 0o600); err != nil {
			return nil, errors.Join(fmt.Errorf("open the database: %w", err), db.Close())
		}
	}
	return db, nil
}

// openToRead opens the rows for looking alone.
func openToRead(ctx context.Context, c *Config) (*sqldb.DB, error) {
	dsn, err := c.databaseURL()
	if err != nil {
		return nil, err
	}
	conf := sqldb.Config{DSN: dsn, Readers: 2}
	if dsn == "" {
		conf.Path = c.path(databaseFile)
		if _, err := os.Stat(conf.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, &Refusal{
				Err:  fmt.Errorf("%s is not there", conf.Path),
				Hint: "bring it back from its backup, or begin with: almenara init --data " + c.Dir,
			}
		}
	}
	return sqldb.OpenToRead(ctx, conf)
}

// checkSchema returns sqldb.ErrHalfMigrated when the database has not exactly
// this program's schema.
func checkSchema(ctx context.Context, db *sqldb.DB) error {
	return errors.Join(sqldb.CheckMigrated(ctx, db, lines()), jobs.CheckMigrated(ctx, db))
}

// bringSchema makes the database have this program's schema, or refuses. SQLite is
// migrated here, after a copy of the file; a PostgreSQL that holds anything waits
// for `almenara migrate`, because other processes may work on it.
func bringSchema(ctx context.Context, c *Config, db *sqldb.DB, version string, log *slog.Logger) error {
	empty, err := isBlank(ctx, db)
	if err != nil {
		return err
	}
	if !empty {
		err := checkSchema(ctx, db)
		if err == nil || !errors.Is(err, sqldb.ErrHalfMigrated) {
			return err
		}
		if db.Engine == sqldb.Postgres {
			return &Refusal{Err: err, Hint: "almenara migrate --data " + c.Dir}
		}
	}
	return migrate(ctx, c, db, version, empty, log)
}

// migrate copies a SQLite file that holds anything, applies what is missing and
// checks the result.
func migrate(ctx context.Context, c *Config, db *sqldb.DB, version string, empty bool, log *slog.Logger) error {
	hint := "an earlier change of the schema broke off: bring the database back from its backup, then: almenara migrate --data " + c.Dir
	if db.Engine == sqldb.SQLite && !empty {
		name, err := copyBefore(ctx, db, c.path(databaseFile), version)
		if err != nil {
			return err
		}
		log.InfoContext(ctx, "the database was copied before its schema changes", "copy", name)
		hint += "; " + name + " is as it was found now"
	}
	err := sqldb.Migrate(ctx, db, lines())
	if err == nil {
		err = jobs.Migrate(ctx, db)
	}
	if err != nil {
		return &Refusal{Err: err, Hint: hint}
	}
	if err := checkSchema(ctx, db); err != nil {
		return &Refusal{Err: err, Hint: "this database was used by a newer program; use that one"}
	}
	return nil
}

// isBlank tells whether the database holds no table at all.
func isBlank(ctx context.Context, db *sqldb.DB) (bool, error) {
	q := `select count(*) from sqlite_master`
	if db.Engine == sqldb.Postgres {
		q = `select count(*) from information_schema.tables where table_schema = current_schema()`
	}
	n, _, err := sqldb.One(ctx, db.Reader(), sqldb.Int64, q)
	if err != nil {
		return false, fmt.Errorf("look into the database: %w", err)
	}
	return n == 0, nil
}

// notInFileName is what a version may hold and a file name better not.
var notInFileName = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// copyBefore writes a consistent copy of the SQLite file beside it and returns its
// name. A copy that is there already is kept.
func copyBefore(ctx context.Context, db *sqldb.DB, path, version string) (string, error) {
	base := path + ".before-" + notInFileName.ReplaceAllString(version, "-")
	name := base
	for i := 2; ; i++ {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			break
		}
		name = base + "-" + strconv.Itoa(i)
	}
	if _, err := db.Pool().ExecContext(ctx, `vacuum into $1`, name); err != nil {
		return "", fmt.Errorf("copy the database before its schema changes: %w", err)
	}
	if err := os.Chmod(name, 0o600); err != nil {
		return "", fmt.Errorf("copy the database: %w", err)
	}
	return filepath.Base(name), nil
}

// Migrate brings the database to this program's schema, as `almenara migrate` does.
// A running server keeps SQLite's folder locked; PostgreSQL's other processes are
// the caller's to stop. It returns false when there was nothing to do.
func Migrate(ctx context.Context, c Config, version string, log *slog.Logger) (did bool, err error) {
	unlock, err := lockFolder(c.Dir)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	db, err := openDatabase(ctx, &c, false)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	empty, err := isBlank(ctx, db)
	if err != nil {
		return false, err
	}
	if !empty {
		if err = checkSchema(ctx, db); err == nil || !errors.Is(err, sqldb.ErrHalfMigrated) {
			return false, err
		}
	}
	return true, migrate(ctx, &c, db, version, empty, log)
}
