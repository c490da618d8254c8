package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"almenara.example/internal/foundation/backup"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/sqldb"
)

// BackupFile is a backup as its name tells, without opening it.
type BackupFile struct {
	Name         string    `json:"name"`
	Installation string    `json:"installation"`
	Made         time.Time `json:"made"`
	Bytes        int64     `json:"bytes"`
}

const (
	backupTime   = "20060102T150405Z"
	backupSuffix = ".tar.age"
)

var backupName = regexp.MustCompile(`^almenara-([0-9]{8}T[0-9]{6}Z)-([a-z0-9]+)(?:-([0-9]+))?\.tar\.age$`)

// freeName is the name of a new backup.
func freeName(dir string, a BackupAbout) (string, error) {
	base := "almenara-" + a.Made.Format(backupTime) + "-" + a.Installation
	for name, i := base+backupSuffix, 2; ; i++ {
		_, err := os.Lstat(filepath.Join(dir, name))
		if errors.Is(err, os.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
		name = base + "-" + strconv.Itoa(i) + backupSuffix
	}
}

// removeParts removes what backups of this installation left that did not end; the
// lock says that none is being made.
func removeParts(dir, installation string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for backups: %w", err)
	}
	for _, e := range entries {
		name, part := strings.CutSuffix(e.Name(), backup.PartSuffix)
		if m := backupName.FindStringSubmatch(name); part && m != nil && m[2] == installation {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("remove an unfinished backup: %w", err)
			}
		}
	}
	return nil
}

// ListBackups lists the backups in a folder, newest first.
func ListBackups(dir string) ([]BackupFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &Refusal{Err: fmt.Errorf("look for backups: %w", err), Hint: "name the folder with the backups"}
	}
	var out []BackupFile
	for _, e := range entries {
		m := backupName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		made, err := time.Parse(backupTime, m[1])
		if err != nil {
			continue
		}
		st, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("look for backups: %w", err)
		}
		out = append(out, BackupFile{e.Name(), m[2], made, st.Size()})
	}
	slices.SortFunc(out, func(a, b BackupFile) int {
		if c := b.Made.Compare(a.Made); c != 0 {
			return c
		}
		if c := len(b.Name) - len(a.Name); c != 0 { // "-2" after the first of a second
			return c
		}
		return strings.Compare(b.Name, a.Name)
	})
	return out, nil
}

// chooseBackup is the named backup in dir, or the newest. Without a name all must be
// of one installation.
func chooseBackup(dir, name string) (string, error) {
	if name != "" {
		if filepath.Base(name) != name {
			return "", &Refusal{Err: fmt.Errorf("%s is not the name of a backup", name), Hint: "almenara backup list --to " + dir}
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", &Refusal{Err: fmt.Errorf("open the backup: %w", err), Hint: "almenara backup list --to " + dir, Missing: true}
		}
		return name, nil
	}
	all, err := ListBackups(dir)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", &Refusal{Err: fmt.Errorf("there is no backup in %s", dir), Hint: "make one with: almenara backup create --to " + dir, Missing: true}
	}
	for _, b := range all {
		if b.Installation != all[0].Installation {
			return "", &Refusal{Err: fmt.Errorf("%s holds backups of several installations", dir), Hint: "name one of those that this lists: almenara backup list --to " + dir}
		}
	}
	return all[0].Name, nil
}

// BackupKey makes a pair of keys: the identity in a new file, the recipient returned.
func BackupKey(file string) (recipient string, err error) {
	if _, err := os.Lstat(file); err == nil {
		return "", &Refusal{Err: fmt.Errorf("%s is there already", file), Hint: "a key is never replaced; choose another name"}
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make a backup key: %w", err)
	}
	text := "# opens the backups that are sealed for " + id.Recipient().String() + "\n" + id.String() + "\n"
	if err := durable.WriteFile(durable.OS{}, file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("make a backup key: %w", err)
	}
	return id.Recipient().String(), nil
}

// RecipientsIn reads recipients from a file, one a line.
func RecipientsIn(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, &Refusal{Err: fmt.Errorf("read recipients: %w", err), Hint: "--recipient-file names a file with age1… on a line"}
	}
	var out []string
	for l := range strings.Lines(string(b)) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			out = append(out, l)
		}
	}
	return out, nil
}

func readIdentities(file string) ([]age.Identity, error) {
	hint := "--identity FILE names the file that `almenara backup key` made"
	if file == "" {
		return nil, &Refusal{Err: errors.New("a backup is sealed; without an identity nobody can look into it"), Hint: hint}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, &Refusal{Err: fmt.Errorf("read the identity: %w", err), Hint: hint}
	}
	ids, err := age.ParseIdentities(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, &Refusal{Err: fmt.Errorf("%s is not an identity", file), Hint: hint}
	}
	return ids, nil
}

// sealed is an open backup.
type sealed struct {
	*backup.Reader
	file *os.File
	name string
	size int64
}

// openBackup opens the named backup in dir, or the newest.
func openBackup(dir, name, identity string) (*sealed, error) {
	name, err := chooseBackup(dir, name)
	if err != nil {
		return nil, err
	}
	ids, err := readIdentities(identity)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w", err)
	}
	st, err := f.Stat()
	var r *backup.Reader
	if err == nil {
		r, err = backup.Open(f, ids)
	}
	if err != nil {
		return nil, errors.Join(explainBackup(name, err), f.Close())
	}
	return &sealed{r, f, name, st.Size()}, nil
}

// explainBackup adds to what is wrong with a backup what to do.
func explainBackup(name string, err error) error {
	var d *backup.Damage
	switch {
	case errors.Is(err, backup.ErrIdentity):
		return &Refusal{Err: fmt.Errorf("%s: %w", name, err), Hint: "name with --identity the file whose first line speaks of one of this installation's recipients"}
	case errors.As(err, &d):
		return &Refusal{Err: fmt.Errorf("%s: %w", name, err), Hint: "take another backup, or another copy of this one; nothing of it was put in force"}
	}
	return err
}

// BackupReport is what verifying found.
type BackupReport struct {
	OK      bool        `json:"ok"`
	Name    string      `json:"name"`
	About   BackupAbout `json:"about"`
	Members int64       `json:"members"`
	Bytes   int64       `json:"bytes"` // of the members
	Blobs   int64       `json:"blobs"`
	// Missing are blobs that the rows refer to and that are not in the backup.
	Missing []string `json:"missing,omitempty"`
}

// VerifyBackup reads a backup to its end: seals, hashes of every member, and that
// every blob that the rows refer to is there. The newest one without a name.
func VerifyBackup(ctx context.Context, dir, name, identity string, progress func(what string, done, total int64)) (rep BackupReport, err error) {
	in, err := openBackup(dir, name, identity)
	if err != nil {
		return rep, err
	}
	defer func() { err = errors.Join(err, in.file.Close()) }()
	v := &verifying{in: in, rep: &rep, progress: progress, files: map[[32]byte]byte{}}
	rep.Name = in.name
	for {
		member, size, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = v.member(ctx, member, size)
		}
		if err != nil {
			return rep, explainBackup(in.name, err)
		}
	}
	rep.Members, rep.Bytes = in.Members(), in.Bytes()
	if v.needed == nil || !v.rows || rep.About.Format == 0 {
		return rep, &Refusal{Err: fmt.Errorf("%s is not a backup of an installation", in.name), Hint: "almenara backup list shows what is"}
	}
	for _, text := range v.needed {
		if ref, err := blob.ParseRef(text); err != nil || v.files[ref.SHA256] != blobFile|blobKey {
			rep.Missing = append(rep.Missing, text)
		}
	}
	rep.OK = len(rep.Missing) == 0
	return rep, nil
}

const (
	blobFile = 1
	blobKey  = 2
)

type verifying struct {
	in       *sealed
	rep      *BackupReport
	progress func(string, int64, int64)
	files    map[[32]byte]byte // which files of a blob are there
	needed   []string
	rows     bool
}

func (v *verifying) member(ctx context.Context, name string, _ int64) error {
	switch {
	case name == memberAbout:
		return readAbout(v.in, &v.rep.About)
	case name == memberMain || name == memberTables:
		v.rows = true
	case name == memberNeeded:
		v.needed = []string{}
		s := bufio.NewScanner(v.in)
		for s.Scan() {
			v.needed = append(v.needed, s.Text())
		}
		return s.Err()
	case strings.HasPrefix(name, memberBlobs+"blobs/"):
		v.mark(name, blobFile)
		v.rep.Blobs++
	case strings.HasPrefix(name, memberBlobs+"keys/"):
		v.mark(name, blobKey)
	}
	return v.drain(ctx)
}

func (v *verifying) mark(name string, what byte) {
	hash, _, _ := strings.Cut(name[strings.LastIndexByte(name, '/')+1:], "-")
	if ref, err := blob.ParseRef("sha256:" + hash); err == nil {
		v.files[ref.SHA256] |= what
	}
}

// drain reads the rest of a member.
func (v *verifying) drain(ctx context.Context) error {
	_, err := io.Copy(meter{v.in, v.progress}, cancelled{ctx, v.in})
	return err
}

// meter counts what is read of a backup's file.
type meter struct {
	in       *sealed
	progress func(string, int64, int64)
}

// Write throws away.
func (m meter) Write(b []byte) (int, error) {
	if m.progress != nil {
		m.progress("backup", m.in.Consumed(), m.in.size)
	}
	return len(b), nil
}

// maxAbout bounds the small members that are read whole.
const maxAbout = 16 << 20

func readAbout(r io.Reader, about *BackupAbout) error {
	b, err := io.ReadAll(io.LimitReader(r, maxAbout))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, about); err != nil {
		return fmt.Errorf("read %s: %w", memberAbout, err)
	}
	if about.Format != backupFormat || about.Engine != sqldb.SQLite && about.Engine != sqldb.Postgres {
		return &Refusal{
			Err:  fmt.Errorf("this program does not read backups of format %d on %q; it was made by %s", about.Format, about.Engine, about.Program),
			Hint: "use the program that made it, or a newer one",
		}
	}
	return nil
}
