package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
)

// WholeReader is a Reader that can run a query faster when its rows are read to their
// end before anything else is run.
type WholeReader interface {
	QueryWhole(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func queryWhole(ctx context.Context, r Reader, query string, args ...any) (*sql.Rows, error) {
	if w, ok := r.(WholeReader); ok {
		return w.QueryWhole(ctx, query, args...)
	}
	return r.QueryContext(ctx, query, args...)
}

// All runs a query and collects its rows with scan, which must not read from r itself.
func All[T any](ctx context.Context, r Reader, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := queryWhole(ctx, r, query, args...)
	if err != nil {
		return nil, err
	}
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		out = append(out, v)
	}
	return out, errors.Join(rows.Err(), rows.Close())
}

// One runs a query that finds at most one row; ok is false when there is none.
func One[T any](ctx context.Context, r Reader, scan func(Row) (T, error), query string, args ...any) (v T, ok bool, err error) {
	v, err = scan(r.QueryRowContext(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, err
}

// Row is what a scan function reads: one row.
type Row interface{ Scan(dest ...any) error }

// Each runs a query and calls f for every row; it stops at the first error.
func Each(ctx context.Context, r Reader, f func(Row) error, query string, args ...any) error {
	rows, err := r.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Int64 scans a row of one number.
func Int64(r Row) (n int64, err error) { return n, r.Scan(&n) }

// Text scans a row of one text.
func Text(r Row) (s string, err error) { return s, r.Scan(&s) }

// In returns "($from,$from+1,…)" for n arguments, for `where x in …`. It serves
// short lists: a page of rows.
func In(from, n int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	b.WriteByte(')')
	return b.String()
}
