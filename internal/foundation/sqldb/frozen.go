package sqldb

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// rawFile is the SQLite file, opened beside the driver and kept open until the
// database is closed: POSIX gives up a process's locks on a file when the process
// closes any descriptor of it, and with them the locks that the driver holds.
type rawFile struct {
	mu   sync.Mutex
	path string
	f    *os.File
}

func (r *rawFile) open() (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f != nil {
		return r.f, nil
	}
	f, err := os.Open(r.path)
	r.f = f
	return f, err
}

func (r *rawFile) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		return nil
	}
	f := r.f
	r.f = nil
	return f.Close()
}

// Frozen is one moment of a database, to be read and copied while others write. It
// is a [Reader]; on SQLite it also has the files. Close it.
type Frozen struct {
	Reader
	// Engine says which engine this is.
	Engine Engine
	// Main and WAL are, on SQLite, the database's file and the part of its log that
	// belongs to this moment; together, as NAME and NAME-wal, they are the database
	// as it was. Each may be read once.
	Main, WAL         io.Reader
	MainSize, WALSize int64
	end               []func() error
	conn              *sql.Conn // PostgreSQL
}

// Close lets go of the moment.
func (f *Frozen) Close() (err error) {
	for i := len(f.end) - 1; i >= 0; i-- {
		err = errors.Join(err, f.end[i]())
	}
	f.end = nil
	return err
}

// freezeFor bounds how long writers are asked for the turn that a copy needs.
const freezeFor = time.Minute

// Freeze holds one moment of the database.
//
// On SQLite it costs writers the time to copy the write-ahead log, which is bounded
// (some ten milliseconds): with the writer's turn taken, a reader's transaction is
// begun and the log is copied aside. From then on checkpoints may move only pages
// of that log into the file, and a page that is read while it is overwritten is
// mended by the copied log, so the file can be read as it lies there. While the
// moment is held the log cannot start afresh and grows by what is written.
//
// A process that has the same SQLite file open twice must not freeze the one that it
// closes first (see rawFile); a backup therefore runs in a process of its own.
func (db *DB) Freeze(ctx context.Context) (f *Frozen, err error) {
	f = &Frozen{Engine: db.Engine}
	if db.Engine == Postgres {
		err = db.freezePostgres(ctx, f)
	} else {
		err = db.freezeSQLite(ctx, f)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold a moment of the database: %w", err), f.Close())
	}
	return f, nil
}

func (db *DB) freezeSQLite(ctx context.Context, f *Frozen) error {
	main, err := db.raw.open()
	if err != nil {
		return err
	}
	// Makes the log short; what readers still need stays.
	if _, err := db.write.ExecContext(ctx, `pragma wal_checkpoint(passive)`); err != nil {
		return err
	}
	turn, err := db.turn(ctx)
	if err != nil {
		return err
	}
	err = db.freezeInTurn(ctx, f)
	if e := turn.Rollback(); err == nil && e != nil {
		err = e
	}
	if err != nil {
		return err
	}
	st, err := main.Stat()
	if err != nil {
		return err
	}
	f.MainSize = st.Size()
	f.Main = io.NewSectionReader(main, 0, f.MainSize)
	return nil
}

// turn takes the writer's turn, more patiently than one statement would.
func (db *DB) turn(ctx context.Context) (tx *sql.Tx, err error) {
	ctx, cancel := context.WithTimeout(ctx, freezeFor)
	defer cancel()
	for {
		if tx, err = db.write.BeginTx(context.WithoutCancel(ctx), nil); err == nil || ctx.Err() != nil || !IsBusy(err) {
			return tx, err
		}
	}
}

func (db *DB) freezeInTurn(ctx context.Context, f *Frozen) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	f.Reader = tx
	f.end = append(f.end, tx.Rollback)
	var n int64
	if err := tx.QueryRowContext(ctx, `select count(*) from sqlite_master`).Scan(&n); err != nil {
		return err
	}
	wal, err := os.Open(db.raw.path + "-wal") // nobody locks this file
	if errors.Is(err, os.ErrNotExist) {
		f.WAL = io.LimitReader(nil, 0)
		return nil
	}
	if err != nil {
		return err
	}
	aside, size, err := copyWAL(filepath.Dir(db.raw.path), wal)
	if err = errors.Join(err, wal.Close()); err != nil {
		return err
	}
	f.end = append(f.end, aside.Close)
	f.WAL, f.WALSize = io.NewSectionReader(aside, 0, size), size
	return nil
}

const (
	walHeader   = 32
	frameHeader = 24
)

// copyWAL copies the frames of the log's present generation into a file without a
// name (SQLite file format §4.1: a frame belongs to it when its salts are those of
// the header). What follows are rests of earlier generations.
func copyWAL(dir string, wal *os.File) (aside *os.File, size int64, err error) {
	if aside, err = os.CreateTemp(dir, ".wal-*"); err != nil {
		return nil, 0, err
	}
	err = os.Remove(aside.Name())
	var head [walHeader]byte
	if err == nil {
		if _, err = io.ReadFull(wal, head[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return aside, 0, nil
		}
	}
	if err == nil {
		_, err = aside.Write(head[:])
	}
	page := int(binary.BigEndian.Uint32(head[8:]))
	if err == nil && (page < 512 || page > 1<<16) {
		err = fmt.Errorf("the write-ahead log has pages of %d bytes", page)
	}
	if err != nil {
		return nil, 0, errors.Join(err, aside.Close())
	}
	size = walHeader
	batch := 64
	buf := make([]byte, batch*(frameHeader+page))
	for {
		n, err := io.ReadFull(wal, buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, 0, errors.Join(err, aside.Close())
		}
		good := 0
		for good+frameHeader+page <= n && string(buf[good+8:good+16]) == string(head[16:24]) {
			good += frameHeader + page
		}
		if _, werr := aside.Write(buf[:good]); werr != nil {
			return nil, 0, errors.Join(werr, aside.Close())
		}
		size += int64(good)
		if good < len(buf) {
			return aside, size, nil
		}
	}
}
