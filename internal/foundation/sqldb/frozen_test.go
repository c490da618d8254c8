package sqldb_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

// pairs writes two rows a transaction until stopped: a moment has both or neither,
// and no gap before.
func pairs(t *testing.T, db *sqldb.DB, written *atomic.Int64) (stop func()) {
	t.Helper()
	quit, done := make(chan struct{}), make(chan error, 1)
	go func() {
		fill := strings.Repeat("x", 700)
		for n := int64(1); ; n += 2 {
			select {
			case <-quit:
				done <- nil
				return
			default:
			}
			tx, err := db.BeginWrite(context.Background())
			for i := range int64(2) {
				if err == nil {
					_, err = tx.ExecContext(context.Background(), `insert into pair (id, fill) values ($1, $2)`, n+i, fmt.Sprint(n+i, fill))
				}
			}
			if err == nil && n > 1 { // old pages change too
				_, err = tx.ExecContext(context.Background(), `update pair set fill = $1 where id = $2`, fmt.Sprint(n, fill), n/2+1)
			}
			if err == nil {
				err = tx.Commit()
			}
			if err != nil {
				done <- err
				return
			}
			written.Store(n + 1)
		}
	}()
	return func() {
		close(quit)
		if err := <-done; err != nil {
			t.Errorf("write: %v", err)
		}
	}
}

func table(t *testing.T, db *sqldb.DB) {
	t.Helper()
	if _, err := db.Pool().ExecContext(t.Context(), `create table pair (id bigint not null primary key, fill text not null)`); err != nil {
		t.Fatal(err)
	}
}

func checkPairs(t *testing.T, db *sqldb.DB) int64 {
	t.Helper()
	var n, last int64
	if err := db.Reader().QueryRowContext(t.Context(), `select count(*), coalesce(max(id), 0) from pair`).Scan(&n, &last); err != nil {
		t.Fatal(err)
	}
	if n != last || n%2 != 0 {
		t.Errorf("the copy has %d rows up to %d: not a moment", n, last)
	}
	return n
}

func keep(t *testing.T, name string, r io.Reader, size int64) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(f, r); err != nil || n != size {
		t.Fatalf("%s: %d of %d bytes, %v", name, n, size, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestACopyOfASQLiteFileIsOneMomentWhileOthersWrite(t *testing.T) {
	conf := sqldbtest.SQLite(t)
	db := sqldbtest.Open(t, conf, nil)
	table(t, db)
	var written atomic.Int64
	stop := pairs(t, db, &written)
	defer stop()
	for round := range 25 {
		until := written.Load() + 300
		for written.Load() < until {
			// busy on purpose: the writer is what is waited for
			if _, err := db.Pool().ExecContext(t.Context(), `select 1`); err != nil {
				t.Fatal(err)
			}
		}
		before := written.Load()
		f, err := db.Freeze(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		after := written.Load() + 2 // the commit may be ahead of the counter
		var seen int64
		if err := f.QueryRowContext(t.Context(), `select count(*) from pair`).Scan(&seen); err != nil {
			t.Fatal(err)
		}
		// Halfway, much is written and moved into the file.
		name := filepath.Join(t.TempDir(), "copy.db")
		half := f.MainSize / 2
		main, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(main, f.Main, half); err != nil {
			t.Fatal(err)
		}
		for mark := written.Load() + 400; written.Load() < mark; {
			if _, err := db.Pool().ExecContext(t.Context(), `pragma wal_checkpoint(passive)`); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := io.Copy(main, f.Main); err != nil || n != f.MainSize-half {
			t.Fatalf("%d bytes, %v", n, err)
		}
		if err := main.Close(); err != nil {
			t.Fatal(err)
		}
		keep(t, name+"-wal", f.WAL, f.WALSize)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		cp, err := sqldb.Open(t.Context(), sqldb.Config{Path: name})
		if err != nil {
			t.Fatal(err)
		}
		var said string
		if err := cp.Reader().QueryRowContext(t.Context(), `pragma integrity_check`).Scan(&said); err != nil || said != "ok" {
			t.Errorf("round %d: integrity %s, %v", round, said, err)
		}
		if n := checkPairs(t, cp); n != seen || n < before || n > after {
			t.Errorf("round %d: the copy has %d rows, the moment has %d, written were %d to %d", round, n, seen, before, after)
		}
		if err := cp.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTablesOfPostgreSQLAreCopiedAsOfOneMoment(t *testing.T) {
	db := sqldbtest.Open(t, sqldbtest.Postgres(t), nil)
	table(t, db)
	for _, q := range []string{
		`create table b_parent (id bigserial primary key, raw bytea, note text)`,
		`create table a_child (id bigint primary key, parent bigint references b_parent (id))`,
		`insert into b_parent (raw, note) values ('\x00ff0a', E'tab\tline\nback\\slash ✓'), (null, null)`,
		`insert into a_child values (7, 1), (8, 2), (9, null)`,
	} {
		if _, err := db.Pool().ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	var written atomic.Int64
	stop := pairs(t, db, &written)
	defer stop()
	for written.Load() < 100 {
	}
	f, err := db.Freeze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tables, err := f.Tables(t.Context(), func(string) bool { return false })
	if err != nil || len(tables) != 3 || tables[0].Name != "b_parent" || tables[1].Name != "a_child" {
		t.Fatalf("got %+v, %v, want parents first", tables, err)
	}
	for mark := written.Load() + 100; written.Load() < mark; {
	}
	other := sqldbtest.Open(t, sqldbtest.Postgres(t), nil)
	table(t, other)
	for _, q := range []string{
		`create table b_parent (id bigserial primary key, raw bytea, note text)`,
		`create table a_child (id bigint primary key, parent bigint references b_parent (id))`,
		`insert into b_parent (note) values ('goes')`,
	} {
		if _, err := other.Pool().ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	l, err := other.Load(t.Context(), tables)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tables {
		in, out := io.Pipe()
		go func() { _ = out.CloseWithError(f.CopyTable(t.Context(), &tables[i], out)) }()
		if err := l.Table(t.Context(), &tables[i], in); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if n := checkPairs(t, other); n < 100 {
		t.Errorf("got %d rows", n)
	}
	var note string
	var raw []byte
	err = other.Reader().QueryRowContext(t.Context(), `select p.note, p.raw from a_child c join b_parent p on p.id = c.parent where c.id = 7`).Scan(&note, &raw)
	if err != nil || note != "tab\tline\nback\\slash ✓" || string(raw) != "\x00\xff\n" {
		t.Errorf("got %q, %x, %v", note, raw, err)
	}
	var id int64
	if err := other.Pool().QueryRowContext(t.Context(), `insert into b_parent (note) values ('next') returning id`).Scan(&id); err != nil || id != 3 {
		t.Errorf("the next number is %d, %v, want 3", id, err)
	}
}
