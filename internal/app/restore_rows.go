package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"almenara.example/internal/foundation/sqldb"
)

// rowsIn takes the rows of a PostgreSQL database.
type rowsIn struct {
	db     *sqldb.DB
	load   *sqldb.Load
	tables map[string]*sqldb.Table
	now    string // the table that is being read
	pipe   *io.PipeWriter
	done   chan error
}

func (r *rowsIn) member(ctx context.Context, name string, body io.Reader) error {
	if name == memberTables {
		var list []sqldb.Table
		b, err := io.ReadAll(io.LimitReader(body, maxAbout))
		if err == nil {
			err = json.Unmarshal(b, &list)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		r.tables = map[string]*sqldb.Table{}
		for i := range list {
			r.tables[list[i].Name] = &list[i]
		}
		r.load, err = r.db.Load(ctx, list)
		return err
	}
	table := path.Dir(strings.TrimPrefix(name, memberRows))
	if table != r.now {
		if err := r.next(ctx, table); err != nil {
			return err
		}
	}
	_, err := io.Copy(r.pipe, body)
	if errors.Is(err, io.ErrClosedPipe) { // the database's own error says more
		err = r.endTable()
	}
	return err
}

// next ends one table and begins another.
func (r *rowsIn) next(ctx context.Context, table string) error {
	if err := r.endTable(); err != nil {
		return err
	}
	t := r.tables[table]
	if t == nil || r.load == nil {
		return fmt.Errorf("the backup holds rows of %s, which it does not describe", table)
	}
	in, out := io.Pipe()
	r.now, r.pipe, r.done = table, out, make(chan error, 1)
	go func() {
		err := r.load.Table(ctx, t, in)
		_ = in.CloseWithError(io.ErrClosedPipe) // it never fails
		r.done <- err
	}()
	return nil
}

func (r *rowsIn) endTable() error {
	if r.pipe == nil {
		return nil
	}
	err := r.pipe.Close()
	err = errors.Join(err, <-r.done)
	r.pipe, r.now = nil, ""
	return err
}

func (r *rowsIn) end(ctx context.Context) error {
	err := r.endTable()
	if r.load == nil {
		return errors.Join(err, errors.New("the backup holds no rows"))
	}
	if err == nil {
		err = r.load.Commit(ctx)
	}
	err = errors.Join(err, r.load.Close(ctx))
	r.load = nil
	return err
}

func (r *rowsIn) abort(ctx context.Context) (err error) {
	if r.pipe != nil {
		_ = r.pipe.CloseWithError(errors.New("the restore broke off")) // it never fails
		<-r.done
		r.pipe = nil
	}
	if r.load != nil {
		err = r.load.Close(ctx)
		r.load = nil
	}
	return err
}
