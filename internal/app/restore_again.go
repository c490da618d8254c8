package app

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/jobs"
	"almenara.example/internal/foundation/sqldb"
)

// clearHalf removes what a restore left that did not end: everything but the
// survivors. The mark that it did not end stays.
func clearHalf(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case erasureListFile, toldFile, "ledger", runFolder, halfRestoredFile:
			continue // the lock is in run/
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, ledgerFolder)))
}

// clearTemps removes the mark of a restore that was killed before it had its name.
func clearTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if durable.IsTemp(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// target is a PostgreSQL database that a restore fills. While it is not whole it has
// the table restore_unfinished; another restore may then clear it and begin again.
type target struct {
	db   *sqldb.DB
	held *sql.Conn // holds the lock
	ours bool      // it was blank, or half restored
}

// restoreLock keeps a second restore away from the same database.
const restoreLock = 0x616c6d7265737472

// takeTarget makes the database ready: blank, or left half by a restore that was
// killed; then this program's schema. Whatever else it holds is refused.
func takeTarget(ctx context.Context, db *sqldb.DB) (t *target, err error) {
	t = &target{db: db}
	if t.held, err = db.Pool().Conn(ctx); err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	var free bool
	err = t.held.QueryRowContext(ctx, `select pg_try_advisory_lock($1)`, int64(restoreLock)).Scan(&free)
	if err == nil && !free {
		err = &Refusal{Err: errors.New("another restore works on the database that --database names"), Hint: "wait until it has ended, or name another"}
	}
	if err == nil {
		err = t.empty(ctx)
	}
	if err == nil {
		t.ours = true
		_, err = db.Pool().ExecContext(ctx, `create table restore_unfinished (id bigint not null primary key)`)
	}
	if err == nil {
		err = sqldb.Migrate(ctx, db, lines())
	}
	if err == nil {
		err = jobs.Migrate(ctx, db)
	}
	return t, err
}

// empty sees that the database is blank, or makes it so when a restore left it half.
func (t *target) empty(ctx context.Context) error {
	blank, err := isBlank(ctx, t.db)
	if err != nil || blank {
		return err
	}
	half, _, err := sqldb.One(ctx, t.db.Reader(), sqldb.Int64, `select count(*) from information_schema.tables
		where table_schema = current_schema() and table_name = 'restore_unfinished'`)
	if err != nil {
		return fmt.Errorf("look into the database: %w", err)
	}
	if half == 0 {
		return &Refusal{Err: errors.New("the database that --database names is not empty"), Hint: "make a new one: createdb --locale=C --encoding=UTF8 --template=template0 NAME"}
	}
	return t.db.Clear(ctx)
}

// whole says that the database is filled.
func (t *target) whole(ctx context.Context) error {
	_, err := t.db.Pool().ExecContext(ctx, `drop table restore_unfinished`)
	t.ours = t.ours && err != nil
	return err
}

// release gives the database back: as it was, when it did not become whole.
func (t *target) release(ctx context.Context) (err error) {
	if t == nil {
		return nil
	}
	if t.ours {
		err = t.db.Clear(context.WithoutCancel(ctx))
	}
	if t.held != nil {
		err = errors.Join(err, t.held.Close())
	}
	return err
}

// sameFile tells whether two files have the same content.
func sameFile(a, b string) (bool, error) {
	x, err1 := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	return bytes.Equal(x, y), errors.Join(err1, err2)
}
