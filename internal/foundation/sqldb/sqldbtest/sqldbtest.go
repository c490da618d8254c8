// Package sqldbtest runs tests of stores on both engines, from migration 0001.
//
//	func TestAnOrganisationIsKept(t *testing.T) {
//		sqldbtest.Each(t, lines, func(t *testing.T, db *sqldb.DB) { … })
//	}
//
// SQLite is a file in the test's own folder. PostgreSQL is one server for all
// tests of a process, started here from the machine's own PostgreSQL programs, or
// one server for all packages of a run, named by ALMENARA_TEST_POSTGRES; `make
// test` starts that one, which is faster. Every test has a database of its own,
// copied from a template that was migrated once.
//
// A machine without PostgreSQL fails these tests and says what to install; they
// never skip.
//
// What is not here: the crash of a database server (the server runs without
// fsync), and the schema itself, which each room brings along.
package sqldbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"almenara.example/internal/foundation/sqldb"
)

// EnvPostgres names the environment variable that holds the postgres:// address
// of a running server for tests, whose user may create databases.
const EnvPostgres = "ALMENARA_TEST_POSTGRES"

// Each runs f once per engine, as the sub-tests "sqlite" and "postgres", each
// with an own database in which lines are applied.
func Each(t *testing.T, lines []sqldb.Migrations, f func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run(string(sqldb.SQLite), func(t *testing.T) {
		f(t, Open(t, SQLite(t), lines))
	})
	t.Run(string(sqldb.Postgres), func(t *testing.T) {
		f(t, Open(t, PostgresFrom(t, lines), lines))
	})
}

// EachConfig runs f once per engine with the place of an own empty database, for
// tests that open it themselves or hand it to another process.
func EachConfig(t *testing.T, f func(t *testing.T, c sqldb.Config)) {
	t.Helper()
	t.Run(string(sqldb.SQLite), func(t *testing.T) { f(t, SQLite(t)) })
	t.Run(string(sqldb.Postgres), func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite returns the place of an own SQLite file that does not exist yet.
func SQLite(t testing.TB) sqldb.Config {
	t.Helper()
	return sqldb.Config{Path: filepath.Join(t.TempDir(), "almenara.db"), CacheMB: 8, Readers: 4}
}

// Postgres returns the place of an own empty PostgreSQL database, which is
// dropped after the test.
func Postgres(t testing.TB) sqldb.Config {
	t.Helper()
	return PostgresFrom(t, nil)
}

// PostgresFrom is Postgres with lines applied, copied from a template database
// that is made once per content of lines and server.
func PostgresFrom(t testing.TB, lines []sqldb.Migrations) sqldb.Config {
	t.Helper()
	server, err := serverDSN()
	if err != nil {
		t.Fatalf("%v", err)
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatalf("open the test server: %v", err)
	}
	defer admin.Close()
	ctx := context.Background()
	template := "template0"
	if len(lines) > 0 {
		if template, err = migratedTemplate(ctx, admin, server, lines); err != nil {
			t.Fatalf("make the template database: %v", err)
		}
	}
	var r [8]byte
	_, _ = rand.Read(r[:]) // never fails
	name := "t_" + hex.EncodeToString(r[:])
	if err := createDatabase(ctx, admin, name, template); err != nil {
		t.Fatalf("create database %s: %v", name, err)
	}
	t.Cleanup(func() { dropDatabase(t, server, name) })
	return sqldb.Config{DSN: withDatabase(server, name), Readers: 4}
}

// Open opens the database at c, applies lines, and closes it after the test.
func Open(t testing.TB, c sqldb.Config, lines []sqldb.Migrations) *sqldb.DB {
	t.Helper()
	ctx := context.Background()
	db, err := sqldb.Open(ctx, c)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	if err := sqldb.Migrate(ctx, db, lines); err != nil {
		t.Fatalf("migrate the test database: %v", err)
	}
	return db
}

// processServer starts this process's own server at its first use.
var processServer = sync.OnceValues(func() (*Server, error) {
	return StartServer(context.Background())
})

// serverDSN returns the address of the server that tests share.
func serverDSN() (string, error) {
	if dsn := os.Getenv(EnvPostgres); dsn != "" {
		return dsn, nil
	}
	s, err := processServer()
	if err != nil {
		return "", err
	}
	return s.DSN, nil
}

// migratedTemplate returns the name of a database in which lines are applied; an
// advisory lock lets one of several test processes make it.
func migratedTemplate(ctx context.Context, admin *sql.DB, server string, lines []sqldb.Migrations) (string, error) {
	name, err := templateName(lines)
	if err != nil {
		return "", err
	}
	conn, err := admin.Conn(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close() // the server lets the lock go with the session
	if _, err := conn.ExecContext(ctx, `select pg_advisory_lock(7001)`); err != nil {
		return "", err
	}
	var there int
	err = conn.QueryRowContext(ctx, `select count(*) from pg_database where datname = $1`, name).Scan(&there)
	if err == nil && there == 0 {
		err = makeTemplate(ctx, admin, server, name, lines)
	}
	if err != nil {
		return "", err
	}
	_, err = conn.ExecContext(ctx, `select pg_advisory_unlock(7001)`)
	return name, err
}

// makeTemplate migrates a database under a passing name and renames it last, so
// that a half-made one is never taken for a template.
func makeTemplate(ctx context.Context, admin *sql.DB, server, name string, lines []sqldb.Migrations) error {
	raw := name + "_raw"
	if _, err := admin.ExecContext(ctx, `drop database if exists `+raw+` with (force)`); err != nil {
		return err
	}
	if err := createDatabase(ctx, admin, raw, "template0"); err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, sqldb.Config{DSN: withDatabase(server, raw)})
	if err != nil {
		return err
	}
	if err := sqldb.Migrate(ctx, db, lines); err != nil {
		db.Close()
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	_, err = admin.ExecContext(ctx, `alter database `+raw+` rename to `+name)
	return err
}

func createDatabase(ctx context.Context, admin *sql.DB, name, template string) error {
	_, err := admin.ExecContext(ctx,
		`create database `+name+` template `+template+` encoding 'UTF8' lc_collate 'C' lc_ctype 'C'`)
	return err
}

func dropDatabase(t testing.TB, server, name string) {
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Errorf("open the test server: %v", err)
		return
	}
	defer admin.Close()
	if _, err := admin.ExecContext(context.Background(), `drop database `+name+` with (force)`); err != nil {
		t.Errorf("drop database %s: %v", name, err)
	}
}

// templateName is made of the names and contents of all migration files.
func templateName(lines []sqldb.Migrations) (string, error) {
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintf(h, "%s\n", l.Room)
		names, err := fs.Glob(l.On(sqldb.Postgres), "migrations/*.sql")
		if err != nil {
			return "", err
		}
		for _, n := range names {
			b, err := fs.ReadFile(l.On(sqldb.Postgres), n)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "%s %d\n%s", n, len(b), b)
		}
	}
	return "m_" + hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// withDatabase is the address of another database on the same server.
func withDatabase(dsn, name string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn
	}
	u.Path = "/" + name
	return u.String()
}
