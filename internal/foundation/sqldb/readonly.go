package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
)

// OpenToRead opens a database for looking alone: nothing of it changes, neither its
// rows nor its mode nor what its write-ahead log holds, and every write is refused.
//
// A SQLite file without a log beside it is open in no process (whoever has it open
// has made the log), so it is read as it lies there, without locks. With a log it
// is read as any reader would; the log's index ("-shm") is then shared with the
// server, or made again after a crash.
func OpenToRead(ctx context.Context, c Config) (*DB, error) {
	if c.DSN != "" {
		u, err := url.Parse(c.DSN)
		if err != nil {
			return nil, errors.New("open PostgreSQL: the address is not one") // it may hold a password
		}
		q := u.Query()
		q.Set("default_transaction_read_only", "on")
		u.RawQuery = q.Encode()
		c.DSN = u.String()
		return Open(ctx, c)
	}
	v := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)", "temp_store(MEMORY)"}}
	if _, err := os.Stat(c.Path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		v.Set("immutable", "1")
	}
	read, err := sql.Open("sqlite", "file:"+(&url.URL{Path: c.Path}).EscapedPath()+"?"+v.Encode())
	if err == nil {
		read.SetMaxOpenConns(max(c.Readers, 2))
		if err = read.PingContext(ctx); err != nil {
			err = errors.Join(err, read.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s to read: %w", c.Path, err)
	}
	return &DB{Engine: SQLite, write: read, read: read, pool: read}, nil
}
