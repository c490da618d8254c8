package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
)

// RestoreOptions say what is restored and where to.
type RestoreOptions struct {
	From     string // folder with backups
	Backup   string // name; empty: the newest
	Dir      string // the new folder; empty but for what was kept apart from backups
	Identity string // file
	Database string // postgres://… of an empty database, for a backup of PostgreSQL
	// Erasures and High are the files blobs.erased and ledger/high of the installation
	// that was, when they survived; empty when not.
	Erasures, High string
	Clock          clock.Clock
	Progress       func(what string, done, total int64) // may be nil; bytes
}

// RestoreReport is what was restored.
type RestoreReport struct {
	Backup  string      `json:"backup"`
	About   BackupAbout `json:"about"`
	Members int64       `json:"members"`
	Bytes   int64       `json:"bytes"`
	// Erasures is how many erasures were not in the backup and were replayed.
	Erasures int  `json:"erasures"`
	High     bool `json:"high"` // the highest signed size survived
}

// survivors are the files that are kept apart from backups; a folder that holds
// nothing else is empty enough.
func survivors() []string { return []string{highFile, erasureListFile, toldFile} }

// refuseHalfRestored refuses a folder whose restore did not end.
func refuseHalfRestored(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, halfRestoredFile)); err != nil {
		return nil //nolint:nilerr // whatever is wrong with the folder, this is not it
	}
	return &Refusal{
		Err:  fmt.Errorf("%s is being restored, or a restore broke off", dir),
		Hint: "if no restore runs: restore into it again, or remove it (keep " + strings.Join(survivors(), ", ") + ")",
	}
}

// Restore brings a backup into a new folder. What it leaves is held: nothing is
// signed and nothing is sent until somebody states what is missing. After an error
// folder and database are as they were; after a cut they are recognised as half
// restored, nothing else works on them, and a restore may begin again there.
func Restore(ctx context.Context, o RestoreOptions) (rep RestoreReport, err error) {
	if o.Database != "" && !isPostgres(o.Database) {
		return rep, &ConfigError{"database", mask(o.Database), "it must begin with postgres://"}
	}
	in, err := openBackup(o.From, o.Backup, o.Identity)
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, in.file.Close()) }()
	half := refuseHalfRestored(o.Dir) != nil
	made := false
	if !half {
		if made, err = emptyFolder(o.Dir); err != nil {
			return rep, err
		}
	}
	unlock, err := lockFolder(o.Dir)
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if half {
		err = clearHalf(o.Dir)
	} else {
		err = clearTemps(o.Dir)
	}
	if err != nil {
		return rep, fmt.Errorf("begin the restore again: %w", err)
	}
	r := &restoring{o: o, in: in, rep: &rep}
	if err := r.run(ctx); err != nil {
		return rep, errors.Join(explainBackup(in.name, err), r.clear(made))
	}
	return rep, nil
}

// emptyFolder makes the folder, or sees that it holds survivors alone.
func emptyFolder(dir string) (made bool, err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return true, os.MkdirAll(dir, 0o700)
	}
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		// The lock, and the mark not yet under its name, are what a restore leaves that
		// was killed at once.
		if slices.Contains(append(survivors(), lockFile), filepath.ToSlash(rel)) || durable.IsTemp(rel) {
			return err
		}
		return &Refusal{
			Err:  fmt.Errorf("%s is not empty: there is %s", dir, rel),
			Hint: "restore into a new folder, or into one that holds nothing but " + strings.Join(survivors(), " and "),
		}
	})
	return false, err
}

// restoring is one restore.
type restoring struct {
	o     RestoreOptions
	in    *sealed
	rep   *RestoreReport
	root  *os.Root
	dirs  map[string]bool
	rows  *rowsIn
	db    *sqldb.DB
	to    *target // PostgreSQL
	eras  string  // erasure list of the backup
	whole bool    // the database's file is there
}

func (r *restoring) run(ctx context.Context) (err error) {
	r.rep.Backup = r.in.name
	if err := durable.WriteFile(durable.OS{}, filepath.Join(r.o.Dir, halfRestoredFile), []byte(r.in.name+"\n"), 0o600); err != nil {
		return fmt.Errorf("begin the restore: %w", err)
	}
	if r.root, err = os.OpenRoot(r.o.Dir); err != nil {
		return fmt.Errorf("begin the restore: %w", err)
	}
	defer func() { err = errors.Join(err, r.root.Close()) }()
	r.dirs = map[string]bool{}
	if err := r.members(ctx); err != nil {
		if r.rows != nil {
			err = errors.Join(err, r.rows.abort(ctx))
		}
		return r.closed(ctx, err)
	}
	return r.closed(ctx, r.finish(ctx))
}

func (r *restoring) closed(ctx context.Context, err error) error {
	err = errors.Join(err, r.to.release(ctx))
	r.to = nil
	if r.db != nil {
		err = errors.Join(err, r.db.Close())
		r.db = nil
	}
	return err
}

func (r *restoring) members(ctx context.Context) error {
	for {
		name, _, err := r.in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.member(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	r.rep.Members, r.rep.Bytes = r.in.Members(), r.in.Bytes()
	if r.rows != nil {
		if err := r.rows.end(ctx); err != nil {
			return err
		}
		r.rows, r.whole = nil, true
	}
	if !r.whole || r.rep.About.Format == 0 {
		return &Refusal{Err: fmt.Errorf("%s is not a backup of an installation", r.in.name), Hint: "almenara backup list shows what is"}
	}
	return nil
}

// member puts one member in its place. Anybody who has a recipient could seal an
// archive, so no name leads out of the folder, and only known places are written.
func (r *restoring) member(ctx context.Context, name string) error {
	body := cancelled{ctx, r.in}
	switch {
	case name == memberAbout:
		return r.begin(ctx, body)
	case strings.HasPrefix(name, memberFolder):
		rel := strings.TrimPrefix(name, memberFolder)
		if top, _, _ := strings.Cut(rel, "/"); top == "run" || top == "ledger" || top == "blobs" || rel == halfRestoredFile || rel == erasureListFile || rel == toldFile {
			return fmt.Errorf("the backup holds %s, which has no place there", name)
		}
		return r.write(rel, body)
	case strings.HasPrefix(name, memberLedger):
		return r.write(path.Join(ledgerFolder, strings.TrimPrefix(name, memberLedger)), body)
	case strings.HasPrefix(name, memberBlobs):
		return r.write(path.Join(blobsFolder, strings.TrimPrefix(name, memberBlobs)), body)
	case name == memberMain:
		r.whole = true
		return r.write(databaseFile, body)
	case name == memberWAL:
		return r.write(databaseFile+"-wal", body)
	case name == memberTables || strings.HasPrefix(name, memberRows):
		if r.rows == nil {
			return fmt.Errorf("the backup holds %s before it says what it is", name)
		}
		return r.rows.member(ctx, name, body)
	case name == memberErasures:
		b, err := io.ReadAll(body)
		r.eras = string(b)
		return err
	case name == memberNeeded:
		return nil
	}
	return fmt.Errorf("the backup holds %s, which this program does not know", name)
}

// write writes one file, durably; its folder is synced at the end.
func (r *restoring) write(rel string, body io.Reader) error {
	dir := path.Dir(rel)
	if !r.dirs[dir] {
		if err := r.root.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("restore %s: %w", rel, err)
		}
		for d := dir; ; d = path.Dir(d) {
			r.dirs[d] = true
			if d == "." {
				break
			}
		}
	}
	f, err := r.root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("restore %s: %w", rel, err)
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, meter{r.in, r.o.Progress})}, body, make([]byte, 1<<20))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("restore %s: %w", rel, err)
	}
	return nil
}

// begin reads what the backup is and refuses what this program cannot bring back.
func (r *restoring) begin(ctx context.Context, body io.Reader) error {
	about := &r.rep.About
	if err := readAbout(body, about); err != nil {
		return err
	}
	postgres := about.Engine == sqldb.Postgres
	switch {
	case postgres && r.o.Database == "":
		return &Refusal{Err: errors.New("this is a backup of a PostgreSQL database"), Hint: "name an empty one with --database postgres://…"}
	case !postgres && r.o.Database != "":
		return &Refusal{Err: errors.New("this is a backup of a SQLite database; it comes back as a file in the folder"), Hint: "leave --database out"}
	}
	own := map[string]bool{"river": true}
	for _, l := range lines() {
		own[l.Room] = true
	}
	for room, version := range about.Migrations {
		newest, err := newestMigration(room)
		if err != nil {
			return err
		}
		if !own[room] || newest >= 0 && (version > newest || postgres && version != newest) {
			return &Refusal{
				Err:  fmt.Errorf("the backup was made by %s, whose schema this program does not have (%s is at %d)", about.Program, room, version),
				Hint: "restore with the program that made it, then start this one on the folder",
			}
		}
	}
	if !postgres {
		return nil
	}
	var err error
	if r.db, err = sqldb.Open(ctx, sqldb.Config{DSN: r.o.Database}); err != nil {
		return err
	}
	if r.to, err = takeTarget(ctx, r.db); err != nil {
		return err
	}
	r.rows = &rowsIn{db: r.db}
	return nil
}

// newestMigration is the last migration of a room that this program has; -1 when
// only the database tells.
func newestMigration(room string) (n int64, err error) {
	for _, l := range lines() {
		if l.Room != room {
			continue
		}
		names, err := fs.Glob(l.Files, "migrations/*.sql")
		for _, name := range names {
			var v int64
			if _, e := fmt.Sscanf(path.Base(name), "%d_", &v); e == nil {
				n = max(n, v)
			}
		}
		return n, err
	}
	return -1, nil
}
