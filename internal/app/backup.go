package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"almenara.example/internal/foundation/backup"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/sqldb"
	"almenara.example/internal/ledger"
)

// Names in a backup. What is below folder/, ledger/ and blobs/ are files of the
// installation's folder; rows/ are PostgreSQL's.
const (
	backupFormat     = 1
	memberAbout      = "about.json"
	memberFolder     = "folder/"
	memberLedger     = "ledger/"
	memberMain       = "database/almenara.db"
	memberWAL        = "database/almenara.db-wal"
	memberTables     = "database/tables.json"
	memberRows       = "database/rows/"
	memberBlobs      = "blobs/"
	memberNeeded     = "blobs.needed"
	memberErasures   = "erasures.list"
	lastBackupFile   = "backup.last"
	backupLockFile   = "run/backup.lock"
	erasureListFile  = "blobs.erased"
	halfRestoredFile = "restore.unfinished"
	highFile         = "ledger/high"
	toldFile         = "notices.told"
)

// BackupAbout is what a backup says of itself.
type BackupAbout struct {
	Format       int              `json:"format"`
	Program      string           `json:"program"`
	Installation string           `json:"installation"`
	PublicURL    string           `json:"public_url"`
	Made         time.Time        `json:"made"`
	Engine       sqldb.Engine     `json:"engine"`
	Migrations   map[string]int64 `json:"migrations"`
	// Entries is the last order in the record; Checkpoint the last signed note, which
	// covers Signed of them under the key Verifier.
	Entries    int64  `json:"entries"`
	Signed     int64  `json:"signed"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Verifier   string `json:"verifier"`
	// Blobs is how many blobs the rows refer to.
	Blobs int `json:"blobs"`
}

// BackupOptions say what is backed up and where to.
type BackupOptions struct {
	Config     Config
	Version    string
	To         string
	Recipients []string // besides those of the configuration when not empty
	Clock      clock.Clock
	Progress   func(what string, done, total int64) // may be nil; bytes
}

// BackupMade is what became of it.
type BackupMade struct {
	Name    string    `json:"name"`
	Made    time.Time `json:"made"`
	Bytes   int64     `json:"bytes"`   // of the file
	Content int64     `json:"content"` // before sealing
	Took    float64   `json:"seconds"`
	Entries int64     `json:"entries"`
	Blobs   int       `json:"blobs"`
	To      string    `json:"to"`
	// Order is the entry of the record that speaks of it; 0 in a restored folder that no
	// server has opened yet.
	Order int64 `json:"order"`
	// Missing are blobs that rows refer to and that are neither there nor erased:
	// damage from before. The backup holds all the rest.
	Missing []string `json:"missing,omitempty"`
}

func (c *Config) checkBackup() error {
	_, err := parseRecipients(c.Backup.Recipients)
	return err
}

func parseRecipients(texts []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, s := range texts {
		rs, err := age.ParseRecipients(strings.NewReader(s))
		if err != nil {
			return nil, &ConfigError{"backup.recipients", s, `it must be an age recipient, such as "age1…"; almenara backup key makes a pair`}
		}
		out = append(out, rs...)
	}
	return out, nil
}

// CreateBackup makes one sealed file of everything that an installation is, while
// its server runs or without one. The database is as at one moment; every blob that
// its rows refer to is in the file.
func CreateBackup(ctx context.Context, o BackupOptions) (made BackupMade, err error) {
	if len(o.Recipients) == 0 {
		o.Recipients = o.Config.Backup.Recipients
	}
	recipients, err := parseRecipients(o.Recipients)
	if err != nil {
		return made, err
	}
	if len(recipients) == 0 {
		return made, &Refusal{
			Err:  errors.New("a backup is sealed for somebody, and nobody is named"),
			Hint: `make a pair with: almenara backup key --out FILE; put the printed line into almenara.toml below [backup] as recipients = ["age1…"], and keep FILE away from this machine`,
		}
	}
	if err := checkTarget(o.Config.Dir, o.To); err != nil {
		return made, err
	}
	unlock, err := lockBackup(ctx, o.Config.Dir)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	dsn, err := o.Config.databaseURL()
	if err == nil && dsn == "" {
		err = refuseOwnServer(&o.Config)
	}
	if err != nil {
		return made, err
	}
	db, err := openDatabase(ctx, &o.Config, false)
	if err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkSchema(ctx, db); err != nil {
		return made, &Refusal{Err: err, Hint: "almenara migrate --data " + o.Config.Dir}
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	b := &backingUp{o: o, db: db, began: o.Clock.Now(), recipients: recipients}
	return b.run(ctx)
}

// checkTarget wants a folder outside the one that is backed up.
func checkTarget(dir, to string) error {
	st, err := os.Stat(to)
	if err == nil && !st.IsDir() {
		err = fmt.Errorf("%s is not a folder", to)
	}
	if err != nil {
		return &Refusal{Err: fmt.Errorf("where backups go: %w", err), Hint: "--to names a folder that is there, better on another disk"}
	}
	a, err1 := filepath.EvalSymlinks(dir)
	b, err2 := filepath.EvalSymlinks(to)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if rel, err := filepath.Rel(a, b); err == nil && filepath.IsLocal(rel) {
		return &Refusal{Err: fmt.Errorf("%s is inside %s: what destroys one destroys the other", to, dir), Hint: "name a folder elsewhere, better on another disk"}
	}
	return nil
}

// backingUp is one backup being made.
type backingUp struct {
	o          BackupOptions
	db         *sqldb.DB
	began      time.Time
	recipients []age.Recipient
	w          *backup.Writer
	about      BackupAbout
	needed     []string
	made       BackupMade
	total      int64
}

func (b *backingUp) run(ctx context.Context) (made BackupMade, err error) {
	public, err := url.Parse(b.o.Config.PublicURL)
	if err != nil {
		return made, fmt.Errorf("public_url: %w", err)
	}
	b.about = BackupAbout{
		Format: backupFormat, Program: b.o.Version, Installation: installationName(public), PublicURL: b.o.Config.PublicURL,
		Made: b.began.Truncate(time.Second), Engine: b.db.Engine, Migrations: map[string]int64{},
	}
	if err := removeParts(b.o.To, b.about.Installation); err != nil {
		return made, err
	}
	name, err := freeName(b.o.To, b.about)
	if err != nil {
		return made, err
	}
	if b.w, err = backup.Create(b.o.To, name, b.recipients); err != nil {
		return made, err
	}
	for _, part := range []func(context.Context) error{b.folder, b.tiles, b.database} {
		if err == nil {
			err = part(ctx)
		}
	}
	var size int64
	if err == nil {
		size, err = b.w.Commit()
	}
	if err != nil {
		return made, errors.Join(err, b.w.Abort())
	}
	b.made.Name, b.made.Made, b.made.Bytes, b.made.Content = name, b.about.Made, size, b.w.Bytes()
	b.made.Took, b.made.Entries, b.made.Blobs = b.o.Clock.Now().Sub(b.began).Seconds(), b.about.Entries, b.about.Blobs
	b.made.To = b.o.To
	return b.made, errors.Join(b.keepErasures(), b.record(ctx), b.remember())
}

// folder takes the files of the installation's folder itself: configuration, keys,
// words, and whatever else somebody put there. Left out are what has a place of its
// own in the backup, what belongs to this machine, and what must never come back.
func (b *backingUp) folder(ctx context.Context) error {
	root := b.o.Config.Dir
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		if leftOut(filepath.ToSlash(rel), d) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return b.file(ctx, memberFolder+filepath.ToSlash(rel), path)
	})
}

// leftOut tells which files of the folder are not copied as they lie there.
func leftOut(rel string, d fs.DirEntry) bool {
	switch rel {
	case "blobs", "ledger", "run", "drop", databaseURLFile, erasureListFile, toldFile, lastBackupFile, halfRestoredFile:
		return true
	}
	return strings.HasPrefix(rel, databaseFile) || strings.HasPrefix(d.Name(), ".tmp-") || strings.HasPrefix(d.Name(), ".wal-")
}

// file adds a file as it is now.
func (b *backingUp) file(ctx context.Context, member, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil {
		err = b.w.Add(member, st.Size(), f, b.step("files"))
	}
	return errors.Join(err, f.Close())
}

// step tells how many bytes are done.
func (b *backingUp) step(what string) func(int) {
	return func(int) { b.o.Progress(what, b.w.Bytes(), b.total) }
}

// tiles takes the signed record before the rows, so that the rows hold all of it.
func (b *backingUp) tiles(ctx context.Context) error {
	_, verifier, err := ledger.KeyInForce(ctx, b.db.Reader(), b.o.Config.path(ledgerKeyFile))
	if err != nil {
		return err
	}
	cp, err := ledger.EachTile(b.o.Config.path(ledgerFolder), verifier, func(path string, data []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return b.w.Add(memberLedger+path, int64(len(data)), bytes.NewReader(data), b.step("record"))
	})
	if err != nil && ctx.Err() == nil {
		err = &Refusal{Err: fmt.Errorf("back up the signed record: %w", err), Hint: "almenara ledger verify says what is wrong with it"}
	}
	b.about.Verifier, b.about.Signed, b.about.Checkpoint = verifier, cp.Size, string(cp.Note)
	return err
}

// database takes the rows of one moment and then the blobs that they refer to.
func (b *backingUp) database(ctx context.Context) (err error) {
	frozen, err := b.db.Freeze(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if frozen != nil {
			err = errors.Join(err, frozen.Close())
		}
	}()
	if err := b.describe(ctx, frozen); err != nil {
		return err
	}
	if b.db.Engine == sqldb.Postgres {
		err = b.tables(ctx, frozen)
	} else {
		err = b.w.Add(memberMain, frozen.MainSize, cancelled{ctx, frozen.Main}, b.step("database"))
		if err == nil {
			err = b.w.Add(memberWAL, frozen.WALSize, frozen.WAL, b.step("database"))
		}
	}
	if err != nil {
		return err
	}
	err = frozen.Close() // before the blobs: the log may start afresh
	frozen = nil
	if err != nil {
		return err
	}
	return b.blobs(ctx)
}

// cancelled is a reader that ends with its context.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (c cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// describe completes and writes what the backup says of itself.
func (b *backingUp) describe(ctx context.Context, frozen *sqldb.Frozen) (err error) {
	if b.about.Migrations, err = migrationsOf(ctx, frozen); err != nil {
		return err
	}
	last, err := ledger.Entries(ctx, frozen, ledger.Query{Limit: 1})
	if err != nil {
		return err
	}
	if len(last) > 0 {
		b.about.Entries = last[0].Order
	}
	if b.needed, err = usedBlobs(ctx, frozen); err != nil {
		return fmt.Errorf("list the blobs in use: %w", err)
	}
	slices.Sort(b.needed)
	b.needed = slices.Compact(b.needed)
	b.about.Blobs = len(b.needed)
	size := frozen.MainSize + frozen.WALSize
	if b.db.Engine == sqldb.Postgres {
		if size, err = b.db.Size(ctx); err != nil {
			return err
		}
	}
	b.total = b.w.Bytes() + size + folderSize(b.o.Config.path(blobsFolder))
	text, err := json.Marshal(b.about)
	if err != nil {
		return err
	}
	return b.w.AddText(memberAbout, string(text)+"\n")
}

// folderSize is roughly what the files below a folder take; it is for progress only.
func folderSize(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if st, err := d.Info(); err == nil {
				n += st.Size()
			}
		}
		return nil
	})
	return n
}

// migrationsOf reads at which migration every room is, and the queue.
func migrationsOf(ctx context.Context, r sqldb.Reader) (map[string]int64, error) {
	out := map[string]int64{}
	for _, l := range lines() {
		n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select max(version_id) from migration_`+l.Room)
		if err != nil {
			return nil, fmt.Errorf("read the migrations of %s: %w", l.Room, err)
		}
		out[l.Room] = n
	}
	n, _, err := sqldb.One(ctx, r, sqldb.Int64, `select max(version) from river_migration`)
	if err != nil {
		return nil, fmt.Errorf("read the migrations of the queue: %w", err)
	}
	out["river"] = n
	return out, nil
}

// notRows are tables that a freshly migrated database has filled itself.
func notRows(table string) bool {
	return strings.HasPrefix(table, "migration_") || table == "river_migration"
}

// tables takes the rows of PostgreSQL.
func (b *backingUp) tables(ctx context.Context, frozen *sqldb.Frozen) error {
	tables, err := frozen.Tables(ctx, notRows)
	if err != nil {
		return err
	}
	text, err := json.Marshal(tables)
	if err != nil {
		return err
	}
	if err := b.w.AddText(memberTables, string(text)); err != nil {
		return err
	}
	for i := range tables {
		out := b.w.Stream(memberRows+tables[i].Name, b.step("database"))
		if err := errors.Join(frozen.CopyTable(ctx, &tables[i], out), out.Close()); err != nil {
			return err
		}
	}
	return nil
}

// remember notes in the folder when the last backup was made; doctor reads it.
func (b *backingUp) remember() error {
	text, err := json.Marshal(b.made)
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS{}, b.o.Config.path(lastBackupFile), append(text, '\n'), 0o600)
}
