package warn

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"almenara.example/internal/act"
	"almenara.example/internal/watch"
	"almenara.example/tlp"
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

func TestAfterARestoreNoNumberIsGivenAgain(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		d.nation(watch.Live, tlp.Green)
		d.deliver("2026-11-17", 1)
		before := d.waitFor("Aguas del Faro", Sent)
		draft, err := d.Compose(t.Context(), person(7), draftWarning(SeverityHigh))
		if err != nil {
			t.Fatal(err)
		}
		call := act.Call{Actor: d.lead, Verb: "warn.stop_sending", Subject: "warn", Reason: "restored"}
		if err := d.Acts.Do(t.Context(), call, func(ctx context.Context, tx *act.Tx) error {
			return errors.Join(d.Watch.HoldAfterRestore(ctx, tx), d.HoldAfterRestore(ctx, tx, call.Reason))
		}); err != nil {
			t.Fatal(err)
		}
		again, err := d.Compose(t.Context(), person(7), draftWarning(SeverityHigh))
		if err != nil || again.ID <= draft.ID+skippedAfterRestore {
			t.Errorf("the first warning after a restore has id %d (%v): the lost one may have given it away", again.ID, err)
		}
		d.deliver("2026-11-18", 1, 17)
		if n := d.waitFor("Ribera Waterworks", NoContact); n.ID <= before.ID+skippedAfterRestore {
			t.Errorf("the first notice after a restore has id %d: the lost one may have given it away", n.ID)
		} else if len(n.Findings) != 1 || n.Findings[0] < 1<<20 {
			t.Errorf("the first finding after a restore has id %d: the lost one may have given it away", n.Findings)
		}
	})
}
