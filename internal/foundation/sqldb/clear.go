package sqldb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Clear removes everything that the current schema of a PostgreSQL database holds
// and that belongs to no extension: tables, types, functions. All or nothing.
func (db *DB) Clear(ctx context.Context) (err error) {
	if db.Engine != Postgres {
		return errors.New("clear the database: a SQLite database is a file; remove it")
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("clear the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit there is nothing to roll back
	for _, kind := range []struct{ drop, list string }{
		{"table", `select c.relname, '' from pg_class c join pg_namespace n on n.oid = c.relnamespace
			where n.nspname = current_schema() and c.relkind in ('r', 'p')
			and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e')`},
		{"routine", `select p.proname, '(' || pg_get_function_identity_arguments(p.oid) || ')' from pg_proc p
			join pg_namespace n on n.oid = p.pronamespace where n.nspname = current_schema()
			and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')`},
		{"type", `select t.typname, '' from pg_type t join pg_namespace n on n.oid = t.typnamespace
			where n.nspname = current_schema() and t.typtype in ('e', 'd')
			and not exists (select 1 from pg_depend d where d.objid = t.oid and d.deptype = 'e')`},
	} {
		names, err := All(ctx, tx, func(r Row) (string, error) {
			var name, arguments string
			err := r.Scan(&name, &arguments)
			return pgx.Identifier{name}.Sanitize() + arguments, err
		}, kind.list)
		if err != nil {
			return fmt.Errorf("clear the database: %w", err)
		}
		for _, name := range names {
			if _, err := tx.ExecContext(ctx, `drop `+kind.drop+` if exists `+name+` cascade`); err != nil {
				return fmt.Errorf("clear the database: %w", err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("clear the database: %w", err)
	}
	return nil
}
