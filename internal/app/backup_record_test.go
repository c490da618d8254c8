package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/ledger"
)

// backupOptions seal a backup of p for a new identity.
func (p place) backupOptions(t *testing.T) BackupOptions {
	t.Helper()
	dir := t.TempDir()
	recipient, err := BackupKey(filepath.Join(dir, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "backups")
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	return BackupOptions{Config: p.options(t).Config, Version: "test", To: to, Recipients: []string{recipient}, Clock: clock.System{}}
}

func TestABackupStandsInTheRecord(t *testing.T) {
	eachEngine(t, func(t *testing.T, p place) {
		o := p.backupOptions(t)
		stopped, err := CreateBackup(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if last, ok, err := LastBackup(p.dir); err != nil || !ok || last.Name != stopped.Name || last.Order != stopped.Order {
			t.Errorf("the last backup: got %+v, %v, %v, want %s", last, ok, err, stopped.Name)
		}
		a := p.start(t)
		entries, err := ledger.Entries(t.Context(), a.acts.Reader(), ledger.Query{Verb: verbNoteBackup})
		if err != nil || len(entries) != 1 {
			t.Fatalf("got %d entries, %v, want one", len(entries), err)
		}
		e := entries[0]
		if e.Order != stopped.Order || e.Actor != "local-operator" || !strings.Contains(string(e.Detail), stopped.Name) || !strings.Contains(string(e.Detail), o.Recipients[0]) {
			t.Errorf("got %+v %s, want the backup of entry %d, by the local operator, with its name and recipient", e, e.Detail, stopped.Order)
		}
		if a.cfg.Database.URL == "" && a.db.Engine == "sqlite" {
			if _, err := CreateBackup(t.Context(), o); err == nil || !strings.Contains(err.Error(), "a process of its own") {
				t.Errorf("a backup inside of the server's process: got %v, want a refusal", err)
			}
			return
		}
		// PostgreSQL has no locks to lose, so the server's own process may stand for another.
		running, err := CreateBackup(t.Context(), o)
		if err != nil || running.Order != stopped.Order+1 {
			t.Errorf("beside the server: got entry %d, %v, want %d", running.Order, err, stopped.Order+1)
		}
	})
}

func TestOnlyTheCommandMakesBackups(t *testing.T) {
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for what, where := range map[string]string{"CreateBackup(": "internal/app/backup.go cmd/almenara/backup.go", ".Freeze(": "internal/app/backup.go"} {
			if strings.Contains(string(src), what) && !strings.Contains(where, name) {
				t.Errorf("%s has %s: a server's process that copies its own SQLite file loses its locks on it", name, what)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A nightly backup that begins while unused blobs are cleared waits for that.
func TestABackupWaitsForTheClearingOfBlobs(t *testing.T) {
	dir := t.TempDir()
	held, err := lockBackup(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var refused *Refusal
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lockBackup(gone, dir); !errors.As(err, &refused) {
		t.Errorf("while it is held: got %v, want that it is told", err)
	}
	got := make(chan error, 1)
	go func() {
		unlock, err := lockBackup(t.Context(), dir)
		if err == nil {
			err = unlock()
		}
		got <- err
	}()
	if err := held(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Errorf("after it was given back: %v", err)
	}
}
