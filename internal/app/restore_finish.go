package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/ledger"
)

// finish makes of the files an installation that is held.
func (r *restoring) finish(ctx context.Context) error {
	for _, d := range []string{"keys", runFolder, "ledger", "drop", "locales", blobsFolder} {
		if err := os.MkdirAll(filepath.Join(r.o.Dir, d), 0o700); err != nil {
			return fmt.Errorf("make the folder %s: %w", d, err)
		}
	}
	for _, step := range []func(context.Context) error{r.openRows, r.erase, r.bringHigh, r.config} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	cp := []byte(r.rep.About.Checkpoint)
	err := ledger.MarkRestored(ctx, r.db, ledger.Restored{
		Backup: r.in.name, MadeAt: clock.Micros(r.rep.About.Made), RestoredAt: clock.Micros(r.o.Clock.Now()),
		Entries: r.rep.About.Entries, Checkpoint: cp,
	})
	if err == nil && r.to != nil {
		err = r.to.whole(ctx)
	}
	if err == nil {
		err = r.closed(ctx, nil) // SQLite's log is in the file now
	}
	for d := range r.dirs {
		if err == nil {
			err = durable.OS{}.SyncDir(filepath.Join(r.o.Dir, filepath.FromSlash(d)))
		}
	}
	if err == nil {
		err = os.Remove(filepath.Join(r.o.Dir, halfRestoredFile))
	}
	if err == nil {
		err = durable.OS{}.SyncDir(r.o.Dir)
	}
	return err
}

// openRows opens the database and looks whether it is whole.
func (r *restoring) openRows(ctx context.Context) (err error) {
	if r.db == nil {
		name := filepath.Join(r.o.Dir, databaseFile)
		if st, err := os.Stat(name + "-wal"); err == nil && st.Size() == 0 {
			if err := os.Remove(name + "-wal"); err != nil {
				return err
			}
		}
		if r.db, err = sqldb.Open(ctx, sqldb.Config{Path: name}); err != nil {
			return err
		}
		said, _, err := sqldb.One(ctx, r.db.Reader(), sqldb.Text, `pragma quick_check(1)`)
		if err == nil && said != "ok" {
			err = fmt.Errorf("the database in the backup is damaged: %s", said)
		}
		if err != nil {
			return err
		}
	}
	last, err := ledger.Entries(ctx, r.db.Reader(), ledger.Query{Limit: 1})
	if err != nil {
		return err
	}
	if n := r.rep.About.Entries; n > 0 && (len(last) == 0 || last[0].Order != n) {
		return fmt.Errorf("the record in the backup does not end at entry %d", n)
	}
	return nil
}

// erase replays every erasure list that is known: the backup's, the one that
// survived, and the newest that lies sealed beside the backups.
func (r *restoring) erase(context.Context) error {
	list := filepath.Join(r.o.Dir, erasureListFile)
	if _, err := blob.MergeErasures(list, strings.NewReader(r.eras)); err != nil {
		return err
	}
	more := func(in io.Reader) error {
		n, err := blob.MergeErasures(list, in)
		r.rep.Erasures += n
		return err
	}
	if r.o.Erasures != "" {
		f, err := os.Open(r.o.Erasures)
		if err != nil {
			return &Refusal{Err: fmt.Errorf("read the erasure list: %w", err), Hint: "--erasures names the file blobs.erased of the installation that was"}
		}
		if err := errors.Join(more(f), f.Close()); err != nil {
			return err
		}
	}
	beside, err := r.erasuresBeside()
	if err == nil {
		err = more(bytes.NewReader(beside))
	}
	if err != nil {
		return fmt.Errorf("read the erasure list beside the backups: %w", err)
	}
	c := Config{Dir: r.o.Dir}
	_, err = openBlobs(&c, r.o.Clock) // replays them
	return err
}

// erasuresBeside opens the sealed list beside the backups; nothing when none is there.
func (r *restoring) erasuresBeside() ([]byte, error) {
	sealed, err := os.ReadFile(filepath.Join(r.o.From, erasuresName(r.rep.About.Installation)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ids, err := readIdentities(r.o.Identity)
	if err != nil {
		return nil, err
	}
	plain, err := age.Decrypt(bytes.NewReader(sealed), ids...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

// bringHigh puts the highest signed size that survived where the signer looks.
func (r *restoring) bringHigh(context.Context) error {
	to := filepath.Join(r.o.Dir, highFile)
	if r.o.High != "" {
		if _, err := os.Stat(to); err == nil {
			if same, err := sameFile(to, r.o.High); err != nil || same {
				r.rep.High = same
				return err
			}
			return &Refusal{Err: fmt.Errorf("%s is there already", to), Hint: "leave --high out, or remove the one that is older"}
		}
		b, err := os.ReadFile(r.o.High)
		if err != nil {
			return &Refusal{Err: fmt.Errorf("read the highest signed size: %w", err), Hint: "--high names the file ledger/high of the installation that was"}
		}
		if err := durable.WriteFile(durable.OS{}, to, b, 0o600); err != nil {
			return err
		}
	}
	_, err := os.Stat(to)
	r.rep.High = err == nil
	return nil
}

// config sees that the configuration is one, and that it names the new database and
// not the one that was.
func (r *restoring) config(context.Context) error {
	name := filepath.Join(r.o.Dir, configFile)
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read the restored configuration: %w", err)
	}
	if text := withoutDatabase(string(b)); text != string(b) {
		if err := durable.WriteFile(durable.OS{}, name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	if err := RememberDatabase(r.o.Dir, r.o.Database); err != nil {
		return err
	}
	_, err = readConfig(r.o.Dir, func(string) string { return "" })
	return err
}

// withoutDatabase turns the address of the database that was into a comment.
func withoutDatabase(text string) string {
	var b strings.Builder
	section := ""
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		key, _, _ := strings.Cut(bare, "=")
		switch key = strings.TrimSpace(key); {
		case strings.HasPrefix(bare, "["):
			section = strings.Trim(bare, "[] ")
		case section == "database" && (key == "url" || key == "url_file"), section == "" && (key == "database.url" || key == "database.url_file"):
			line = "# before the restore: " + line
		}
		b.WriteString(line)
	}
	return b.String()
}

// clear removes what a restore wrote that failed: everything but the survivors.
func (r *restoring) clear(made bool) error {
	if made {
		return os.RemoveAll(r.o.Dir)
	}
	err := errors.Join(clearHalf(r.o.Dir), os.RemoveAll(filepath.Join(r.o.Dir, runFolder)))
	if err == nil {
		err = os.Remove(filepath.Join(r.o.Dir, halfRestoredFile))
	}
	return err
}
