package warn

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhatADatabaseForgotIsNotToldTwice(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		name := filepath.Join(d.dir, "told")
		open := func(since time.Time) {
			t.Helper()
			l, err := OpenToldLog(name, since)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			d.Told = l
		}
		backup := d.clock.Now()
		open(time.Time{})
		d.contacts()
		d.deliver("2026-11-17", 1, 2)
		d.waitFor("Aguas del Faro", Sent)

		// The database comes back from before; the file has survived, its last record torn.
		for _, table := range []string{"warn_notice", "warn_news"} {
			if _, err := d.db.Pool().ExecContext(t.Context(), "delete from "+table); err != nil {
				t.Fatal(err)
			}
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("torn")); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		open(backup)
		if err := d.workDraft(t.Context(), draftArgs{Delivery: 1, Batch: 999}, none()); err != nil {
			t.Fatal(err)
		}
		if ns := d.noticesOf("Aguas del Faro"); len(ns) != 0 {
			t.Errorf("told twice: %+v", ns)
		}
		d.deliver("2026-11-18", 1, 2, 3)
		if n := d.waitFor("Aguas del Faro", Sent); n.Total != 1 {
			t.Errorf("told of %d findings, want the new one alone", n.Total)
		}
	})
}
