package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Table is one table of a PostgreSQL database as it is copied.
type Table struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	// Counters are the columns whose values a sequence draws.
	Counters []string `json:"counters,omitempty"`
}

func (t *Table) ident() string { return pgx.Identifier{t.Name}.Sanitize() }

func (t *Table) columns() string {
	quoted := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	return strings.Join(quoted, ", ")
}

func (db *DB) freezePostgres(ctx context.Context, f *Frozen) error {
	conn, err := db.read.Conn(ctx)
	if err != nil {
		return err
	}
	f.Reader, f.conn = conn, conn
	f.end = append(f.end, conn.Close)
	if _, err := conn.ExecContext(ctx, `begin isolation level repeatable read read only`); err != nil {
		return err
	}
	f.end = append(f.end, func() error {
		_, err := conn.ExecContext(context.WithoutCancel(ctx), `rollback`)
		return err
	})
	var n int64
	return conn.QueryRowContext(ctx, `select count(*) from pg_class`).Scan(&n)
}

// Tables lists the tables of a frozen PostgreSQL database, those that others refer
// to first. Left out are tables that do not outlive a crash anyway, and those for
// which skip says yes.
func (f *Frozen) Tables(ctx context.Context, skip func(name string) bool) ([]Table, error) {
	names, err := All(ctx, f.Reader, Text, `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = current_schema() and c.relkind = 'r' and c.relpersistence = 'p' order by c.relname`)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	refs := map[string][]string{}
	err = Each(ctx, f.Reader, func(r Row) error {
		var from, to string
		err := r.Scan(&from, &to)
		refs[from] = append(refs[from], to)
		return err
	}, `select a.relname, b.relname from pg_constraint k join pg_class a on a.oid = k.conrelid
		join pg_class b on b.oid = k.confrelid where k.contype = 'f' and k.conrelid <> k.confrelid`)
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	var out []Table
	done := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		if done[name] || skip(name) {
			return nil
		}
		done[name] = true
		for _, to := range refs[name] {
			if err := visit(to); err != nil {
				return err
			}
		}
		t, err := f.describe(ctx, name)
		out = append(out, t)
		return err
	}
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f *Frozen) describe(ctx context.Context, name string) (t Table, err error) {
	t.Name = name
	err = Each(ctx, f.Reader, func(r Row) error {
		var column, fallback, generated string
		if err := r.Scan(&column, &fallback, &generated); err != nil {
			return err
		}
		if generated == "ALWAYS" {
			return nil
		}
		t.Columns = append(t.Columns, column)
		if strings.HasPrefix(fallback, "nextval(") {
			t.Counters = append(t.Counters, column)
		}
		return nil
	}, `select column_name, coalesce(column_default, ''), is_generated from information_schema.columns
		where table_schema = current_schema() and table_name = $1 order by ordinal_position`, name)
	if err != nil {
		return t, fmt.Errorf("describe table %s: %w", name, err)
	}
	return t, nil
}

// CopyTable writes the rows of a table in PostgreSQL's own text form.
func (f *Frozen) CopyTable(ctx context.Context, t *Table, w io.Writer) error {
	err := onPostgres(f.conn, func(c *pgx.Conn) error {
		_, err := c.PgConn().CopyTo(ctx, w, `copy `+t.ident()+` (`+t.columns()+`) to stdout`)
		return err
	})
	if err != nil {
		return fmt.Errorf("copy table %s: %w", t.Name, err)
	}
	return nil
}

func onPostgres(conn *sql.Conn, f func(*pgx.Conn) error) error {
	return conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("this is not a connection to PostgreSQL")
		}
		return f(c.Conn())
	})
}

// Load is a PostgreSQL database whose rows are being replaced, in one transaction.
type Load struct {
	conn *sql.Conn
	open bool
}

// Load begins to replace the rows of the named tables, which must be all that refer
// to each other. Close it; without Commit nothing has changed.
func (db *DB) Load(ctx context.Context, tables []Table) (l *Load, err error) {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("load tables: %w", err)
	}
	l = &Load{conn: conn, open: true}
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].ident()
	}
	_, err = conn.ExecContext(ctx, `begin`)
	if err == nil && len(names) > 0 {
		_, err = conn.ExecContext(ctx, `truncate `+strings.Join(names, ", "))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load tables: %w", err), l.Close(ctx))
	}
	return l, nil
}

// Table reads the rows of a table as CopyTable wrote them.
func (l *Load) Table(ctx context.Context, t *Table, r io.Reader) error {
	err := onPostgres(l.conn, func(c *pgx.Conn) error {
		_, err := c.PgConn().CopyFrom(ctx, r, `copy `+t.ident()+` (`+t.columns()+`) from stdin`)
		return err
	})
	for _, c := range t.Counters {
		if err == nil {
			column := pgx.Identifier{c}.Sanitize()
			_, err = l.conn.ExecContext(ctx, `select setval(pg_get_serial_sequence($1, $2), coalesce(max(`+column+`), 0) + 1, false)
				from `+t.ident(), t.Name, c)
		}
	}
	if err != nil {
		return fmt.Errorf("load table %s: %w", t.Name, err)
	}
	return nil
}

// Commit keeps what was loaded.
func (l *Load) Commit(ctx context.Context) error {
	_, err := l.conn.ExecContext(ctx, `commit`)
	l.open = err != nil
	return err
}

// Close gives up what was not committed.
func (l *Load) Close(ctx context.Context) (err error) {
	if l.open {
		_, err = l.conn.ExecContext(context.WithoutCancel(ctx), `rollback`)
	}
	return errors.Join(err, l.conn.Close())
}
