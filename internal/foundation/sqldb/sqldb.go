// Package sqldb opens the database of an installation: SQLite (the embedded
// default) or PostgreSQL, with one SQL text for both.
//
// SQLite has one writer connection (WAL, synchronous=FULL: a commit that returned
// survives a power cut, and so does a checkpoint that speaks of it) and a pool of
// readers that never block it. PostgreSQL uses one pool in READ COMMITTED.
//
// Reads take a [Reader]. Write transactions are begun by [DB.BeginWrite], which
// only package act, the job queue and the migrations may call; a wall test holds
// that. The rules of the SQL text (ids from Go, bigint microseconds, bytea for
// outside bytes, no LIKE, no identity columns, no casts) are held by a lint.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the PostgreSQL driver
	"modernc.org/sqlite"               // the SQLite driver
	sqlite3 "modernc.org/sqlite/lib"
)

// Engine names the database engine.
type Engine string

// The two engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Reader is what queries take: a pool of readers, or an open transaction.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Config says where the database is and how much memory it may use.
type Config struct {
	// Path is the SQLite file; used when DSN is empty.
	Path string
	// DSN is a postgres:// address.
	DSN string
	// CacheMB is SQLite's page cache of the writer in MiB (default 64); readers
	// have an eighth of it each.
	CacheMB int
	// Readers is the number of reading connections (default 8).
	Readers int
}

// DB is an open database.
type DB struct {
	// Engine says which engine this is.
	Engine Engine
	write  *sql.DB
	read   *sql.DB
	raw    *rawFile // nil on PostgreSQL
	pool   Reader
	texts  *statements // of the writer; nil on PostgreSQL
}

// Open opens the database. On PostgreSQL it refuses a database whose collation
// is not C or whose encoding is not UTF8.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.CacheMB == 0 {
		c.CacheMB = 64
	}
	if c.Readers == 0 {
		c.Readers = 8
	}
	if c.DSN != "" {
		return openPostgres(ctx, c)
	}
	return openSQLite(ctx, c)
}

func openSQLite(ctx context.Context, c Config) (*DB, error) {
	write, err := sql.Open("sqlite", sqliteDSN(c.Path, c.CacheMB, false))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.Path, err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", c.Path, err), write.Close())
	}
	read, err := sql.Open("sqlite", sqliteDSN(c.Path, max(c.CacheMB/8, 2), true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open readers of %s: %w", c.Path, err), write.Close())
	}
	read.SetMaxOpenConns(c.Readers)
	read.SetMaxIdleConns(c.Readers)
	return &DB{
		Engine: SQLite, write: write, read: read, raw: &rawFile{path: c.Path}, pool: &pool{DB: read, texts: newStatements(read)},
		texts: newStatements(write),
	}, nil
}

func sqliteDSN(path string, cacheMB int, readOnly bool) string {
	v := url.Values{}
	for _, p := range []string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "cache_size(-" + strconv.Itoa(cacheMB*1024) + ")",
		"wal_autocheckpoint(8192)", "journal_size_limit(67108864)", "secure_delete(FAST)",
	} {
		v.Add("_pragma", p)
	}
	if readOnly {
		v.Add("_pragma", "query_only(1)")
	} else {
		v.Set("_txlock", "immediate")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}

func openPostgres(ctx context.Context, c Config) (*DB, error) {
	pool, err := sql.Open("pgx", c.DSN)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	pool.SetMaxOpenConns(c.Readers + 8)
	pool.SetMaxIdleConns(c.Readers + 8)
	var collation, encoding string
	err = pool.QueryRowContext(ctx, `select datcollate, pg_encoding_to_char(encoding)
		from pg_database where datname = current_database()`).Scan(&collation, &encoding)
	if err == nil && (collation != "C" || encoding != "UTF8") {
		err = fmt.Errorf("the database has collation %q and encoding %q; it must be created with "+
			"locale C and encoding UTF8 (createdb --locale=C --encoding=UTF8 --template=template0 NAME)", collation, encoding)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open PostgreSQL: %w", err), pool.Close())
	}
	return &DB{Engine: Postgres, write: pool, read: pool, pool: pool}, nil
}

// Reader returns the reading side.
func (db *DB) Reader() Reader { return db.pool }

// Snapshot begins a read-only transaction that sees one moment of the database.
// The caller rolls it back.
func (db *DB) Snapshot(ctx context.Context) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.Engine == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	return db.read.BeginTx(ctx, opts)
}

// BeginWrite begins a write transaction. Only package act, the job queue and the
// migrations call it.
func (db *DB) BeginWrite(ctx context.Context) (*sql.Tx, error) {
	return db.write.BeginTx(ctx, nil)
}

// Pool returns the writing pool for the job queue, which begins its own
// bookkeeping transactions; on SQLite it holds the one writer connection.
func (db *DB) Pool() *sql.DB { return db.write }

// Size returns the bytes that the database takes on disk, as the engine counts.
func (db *DB) Size(ctx context.Context) (int64, error) {
	q := `select page_count * page_size from pragma_page_count(), pragma_page_size()`
	if db.Engine == Postgres {
		q = `select pg_database_size(current_database())`
	}
	var n int64
	err := db.read.QueryRowContext(ctx, q).Scan(&n)
	return n, err
}

// Close closes both sides.
func (db *DB) Close() error {
	if db.read == db.write {
		return db.write.Close()
	}
	db.texts.close()
	if p, ok := db.pool.(*pool); ok {
		p.texts.close()
	}
	return errors.Join(db.read.Close(), db.write.Close(), db.raw.close())
}

// IsFull tells whether err says that the disk is full.
func IsFull(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "53100"
	}
	if lite := (*sqlite.Error)(nil); errors.As(err, &lite) {
		return lite.Code()&0xff == sqlite3.SQLITE_FULL
	}
	return err != nil && strings.Contains(err.Error(), "no space left on device")
}

// IsBusy tells whether err says that somebody else is writing to SQLite.
func IsBusy(err error) bool {
	lite := (*sqlite.Error)(nil)
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// IsUnique tells whether err is a violation of a unique or primary key.
func IsUnique(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	if lite := (*sqlite.Error)(nil); errors.As(err, &lite) {
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}
