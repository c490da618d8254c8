package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/guard"
	"almenara.example/internal/ledger"
	"almenara.example/wire"
)

// verbNoteBackup is the act that says in the record that a backup was made, and for
// whom it is sealed: everything that the installation knows has left it then.
const verbNoteBackup = "ledger.note_backup"

// noteBackup writes the entry.
func noteBackup(ctx context.Context, acts *act.Acts, actor act.Actor, b wire.BackupMade) (order int64, err error) {
	call := act.Call{Actor: actor, Verb: "ledger.note_backup", Subject: "backup"}
	err = acts.Do(ctx, call, func(_ context.Context, tx *act.Tx) error {
		tx.Detail(b)
		order = tx.Order()
		return nil
	})
	return order, err
}

// LastBackup is what is known of the last backup of the installation in dir; ok is
// false when none was ever made. The board and doctor ask it.
func LastBackup(dir string) (made BackupMade, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, lastBackupFile))
	if errors.Is(err, fs.ErrNotExist) {
		return made, false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &made)
	}
	if err != nil {
		return made, false, fmt.Errorf("read %s: %w", lastBackupFile, err)
	}
	return made, true, nil
}

// record has the backup written into the record of actions: by the server when one
// runs, which alone writes beside its readers, otherwise here.
func (b *backingUp) record(ctx context.Context) (err error) {
	in := wire.BackupMade{
		Name: b.made.Name, Made: b.made.Made, Bytes: b.made.Bytes, Entries: b.made.Entries, Blobs: b.made.Blobs, Missing: len(b.made.Missing),
		Recipients: b.o.Recipients,
	}
	ctx, cancel := context.WithTimeout(ctx, recordWithin)
	defer cancel()
	tick := time.NewTicker(recordAgain)
	defer tick.Stop()
	for {
		// Who holds the folder is the one writer: a server, or this process.
		unlock, lockErr := lockFolder(b.o.Config.Dir)
		if lockErr == nil {
			b.made.Order, err = b.recordHere(ctx, in)
			err = errors.Join(err, unlock())
		} else {
			b.made.Order, err = askToRecord(ctx, b.o.Config.Dir, in)
		}
		var dial *net.OpError
		if err == nil || lockErr == nil || !errors.As(err, &dial) {
			break // a server that starts or stops holds the folder and does not answer
		}
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	if err != nil {
		return &Refusal{
			Err:  fmt.Errorf("%s is made and whole, but the record of actions does not speak of it: %w", b.made.Name, err),
			Hint: "look why the server does not write, then make another backup",
		}
	}
	return nil
}

const (
	recordWithin = time.Minute
	recordAgain  = 200 * time.Millisecond
)

// recordHere writes the entry without a server; the next one signs it. A restored
// folder that no server has opened yet says first that it was restored.
func (b *backingUp) recordHere(ctx context.Context, in wire.BackupMade) (int64, error) {
	if h, ok, err := ledger.Held(ctx, b.db.Reader()); err != nil || ok && h.State == ledger.RestoredFresh {
		return 0, err
	}
	acts, _, err := newFrame(b.db, b.o.Clock, nil, func() {}, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	return noteBackup(ctx, acts, guard.LocalOperator(), in)
}

const backupsPath = "/api/v1/ledger/backups"

// askToRecord asks the server of the folder, over its local socket.
func askToRecord(ctx context.Context, dir string, in wire.BackupMade) (order int64, err error) {
	text, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return DialLocal(ctx, dir) },
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://local"+backupsPath, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("the server answers %s: %s", resp.Status, bytes.TrimSpace(answer))
	}
	var out wire.Recorded
	err = json.Unmarshal(answer, &out)
	return out.Order, err
}

// refuseOwnServer refuses to copy a SQLite file that this very process has open as a
// server: closing the copy's descriptor would take the process's POSIX locks off the
// file, and with them what keeps two writers apart.
func refuseOwnServer(c *Config) error {
	st, err := os.Stat(c.path(databaseFile))
	if err != nil {
		return nil //nolint:nilerr // opening it says that better
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil //nolint:nilerr // not a system that tells; the wall test holds there too
	}
	for _, fd := range open {
		if own, err := os.Stat("/proc/self/fd/" + fd.Name()); err == nil && os.SameFile(st, own) {
			return errors.New("make a backup: this process has the database open; a backup is made by a process of its own")
		}
	}
	return nil
}

type backupInput struct{ Body wire.BackupMade }

// noteBackupOperation registers the operation that the command asks.
func (c *restoreCalls) noteBackupOperation(api huma.API) {
	huma.Register(api, huma.Operation{
		Method: http.MethodPost, Path: backupsPath, OperationID: "ledger-note-backup", Tags: []string{"ledger"},
		Summary:  "Note in the record that a backup was made; over the local socket only",
		Security: []map[string][]string{{tokenScheme: {verbNoteBackup}}},
		Metadata: map[string]any{
			sampleKey: "POST " + backupsPath + ` {"name":"a","made":"2026-11-21T00:00:00Z","bytes":1,"entries":1,"blobs":0,"recipients":[]}`,
		},
	}, func(ctx context.Context, in *backupInput) (*body[wire.Recorded], error) {
		actor := callActor(ctx)
		if actor.Kind != act.LocalOperator {
			return nil, fault.New(fault.Denied, "fault.denied", nil)
		}
		order, err := noteBackup(ctx, c.app.acts, actor, in.Body)
		if err != nil {
			return nil, err
		}
		return &body[wire.Recorded]{Body: wire.Recorded{Order: order}}, nil
	})
}
