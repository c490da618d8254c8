package act_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/foundation/sqldb/sqldbtest"
	"almenara.example/internal/ledger"
)

// TestACommittedActSurvivesAPowerCut copies database and write-ahead log as the last
// sync left them, at every act, with what a power cut may leave behind them: nothing,
// the torn beginning of the next frames, or rubbish. Each copy must hold exactly the
// acts that had committed.
func TestACommittedActSurvivesAPowerCut(t *testing.T) {
	c := sqldbtest.SQLite(t)
	a := newFrame(t, sqldbtest.Open(t, c, lines()))
	for n := int64(1); n <= 25; n++ {
		err := a.Do(t.Context(), act.Call{Actor: act.MachineActor("room.cut"), Verb: "room.act"}, func(ctx context.Context, tx *act.Tx) error {
			_, err := tx.Reserve(ctx, fmt.Sprintf("room.s%d", n%7), 100)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		synced, err := os.ReadFile(c.Path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		for name, rest := range map[string][]byte{
			"nothing": nil, "zeros": make([]byte, 4120), "rubbish": bytes.Repeat([]byte{0xa5}, 3000),
			"a frame said twice": synced[max(len(synced)-4120, 32):],
		} {
			copied := cut(t, c.Path, append(bytes.Clone(synced), rest...))
			if got := actsIn(t, copied); got != n {
				t.Fatalf("after act %d and %s behind the last sync, %d acts are there", n, name, got)
			}
		}
	}
}

// cut copies a database with a log as it may be found after a power cut.
func cut(t *testing.T, path string, wal []byte) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "cut.db")
	db, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(to, db, 0o600)
	}
	if err == nil {
		err = os.WriteFile(to+"-wal", wal, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// actsIn opens a copy, checks it and counts its acts: the last order number, which
// must be the number of ledger entries.
func actsIn(t *testing.T, path string) int64 {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ok, _, err := sqldb.One(t.Context(), db.Reader(), sqldb.Text, `pragma integrity_check`)
	if err != nil || ok != "ok" {
		t.Fatalf("integrity: %s, %v", ok, err)
	}
	last, _, err := sqldb.One(t.Context(), db.Reader(), sqldb.Int64, `select last from act_order where id = 1`)
	if err != nil {
		t.Fatal(err)
	}
	es, err := ledger.Entries(t.Context(), db.Reader(), ledger.Query{Limit: 1000})
	if err != nil || int64(len(es)) != last {
		t.Fatalf("%d entries for %d acts, %v", len(es), last, err)
	}
	return last
}
