package sqldbtest_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
)

func lines() []sqldb.Migrations {
	return []sqldb.Migrations{{Room: "sample", Files: fstest.MapFS{
		"migrations/0001_sample.sql": {Data: []byte("-- +goose Up\ncreate table sample (id text not null primary key, raw bytea not null);\n")},
	}}}
}

func TestEveryTestHasADatabaseOfItsOwnOnBothEngines(t *testing.T) {
	for range 2 {
		sqldbtest.Each(t, lines(), func(t *testing.T, db *sqldb.DB) {
			ctx := context.Background()
			tx, err := db.BeginWrite(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.ExecContext(ctx, `insert into sample (id, raw) values ($1, $2)`, "a", []byte{0, 0xff}); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			n, _, err := sqldb.One(ctx, db.Reader(), sqldb.Int64, `select count(*) from sample`)
			if err != nil || n != 1 {
				t.Errorf("got %d rows, %v; want 1 row", n, err)
			}
			if err := sqldb.CheckMigrated(ctx, db, lines()); err != nil {
				t.Errorf("got %v, want a migrated database", err)
			}
		})
	}
}

func TestAnEmptyPlaceIsGivenForOtherProcesses(t *testing.T) {
	sqldbtest.EachConfig(t, func(t *testing.T, c sqldb.Config) {
		db := sqldbtest.Open(t, c, lines())
		if _, err := db.Size(context.Background()); err != nil {
			t.Errorf("size of the database: %v", err)
		}
	})
}

func TestAServerStopsAndLeavesNothing(t *testing.T) {
	s, err := sqldbtest.StartServer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	dir := s.DSN[strings.Index(s.DSN, "host=")+5:]
	dir = strings.ReplaceAll(dir[:strings.Index(dir+"&", "&")], "%2F", "/")
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the folder of a running server: %v", err)
	}
	if err := s.Stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("got %v for the folder of a stopped server, want that it is gone", err)
	}
}
