package incident

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"unicode"

	"almenara.example/internal/act"
	"almenara.example/internal/foundation/blob"
	"almenara.example/internal/foundation/fault"
	"almenara.example/internal/foundation/sqldb"
)

// The bounds of files.
const (
	MaxFiles = 20
	MaxFile  = 32 << 20 // bytes
)

// NewFile is a file to be attached.
type NewFile struct {
	Name string
	Body []byte
	ref  blob.Ref // where the bytes are kept, once they are
}

// File is an attachment. Type is what the bytes look like, whatever was claimed.
type File struct {
	ID    int64
	Entry int64
	Blob  string
	Name  string
	Type  string
	Size  int64
}

func checkFiles(fs []NewFile) error {
	if len(fs) > MaxFiles {
		return fault.OnField("files", "incident.file.many", fault.Args{"Max": MaxFiles})
	}
	for _, f := range fs {
		if len(f.Body) > MaxFile {
			return fault.OnField("files", "incident.file.large", fault.Args{"Name": fault.Clip(f.Name), "Max": MaxFile >> 20})
		}
		if len(f.Body) == 0 {
			return fault.OnField("files", "incident.file.empty", fault.Args{"Name": fault.Clip(f.Name)})
		}
	}
	return nil
}

// fileName is a name fit to be shown and saved: the last element, on one line, without
// what would turn its direction and so hide how it ends.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(clean(path.Base(strings.ReplaceAll(s, `\`, "/")))), " ")
	if s == "" || s == "." || s == ".." {
		return "file"
	}
	if r := []rune(s); len(r) > 150 {
		s = string(r[len(r)-150:])
	}
	return s
}

// keepFiles keeps the bytes before the act begins, which must be short. Bytes of an act
// that fails are collected as unused later.
func (in *Incidents) keepFiles(ctx context.Context, fs []NewFile) (err error) {
	for i := range fs {
		if fs[i].ref, err = in.Blobs.PutBytes(ctx, fs[i].Body); err != nil {
			return fmt.Errorf("keep file: %w", err)
		}
	}
	return nil
}

func (in *Incidents) addFiles(ctx context.Context, tx *act.Tx, e *Entry, fs []NewFile) error {
	for _, f := range fs {
		id, err := tx.Next(ctx, "incident.file")
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `insert into incident_file (id, entry_id, blob, name, type, size) values ($1, $2, $3, $4, $5, $6)`,
			id, e.ID, f.ref.String(), fileName(f.Name), http.DetectContentType(f.Body), len(f.Body)); err != nil {
			return err
		}
	}
	return nil
}

func scanFile(r sqldb.Row) (f File, err error) {
	return f, r.Scan(&f.ID, &f.Entry, &f.Blob, &f.Name, &f.Type, &f.Size)
}

// Files lists the files of entries that a viewer may see, of one incident.
func (in *Incidents) Files(ctx context.Context, r sqldb.Reader, v Viewer, incident int64) ([]File, error) {
	return sqldb.All(ctx, r, scanFile, `select f.id, f.entry_id, f.blob, f.name, f.type, f.size from incident_file f
		join incident_entry e on e.id = f.entry_id where `+maySee+` and e.incident_id = $3 and e.retracted_at = 0 order by f.id`, v.Org, v.Person, incident)
}

// FileInfo returns a file of an entry that a viewer may see, without its bytes.
func (in *Incidents) FileInfo(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (File, error) {
	f, ok, err := sqldb.One(ctx, r, scanFile, `select f.id, f.entry_id, f.blob, f.name, f.type, f.size from incident_file f
		join incident_entry e on e.id = f.entry_id where `+maySee+` and f.id = $3 and e.retracted_at = 0`, v.Org, v.Person, id)
	if err == nil && !ok {
		err = notFound()
	}
	return f, err
}

// File returns a file of an entry that a viewer may see, with its bytes.
func (in *Incidents) File(ctx context.Context, r sqldb.Reader, v Viewer, id int64) (f File, body []byte, err error) {
	if f, err = in.FileInfo(ctx, r, v, id); err != nil {
		return f, nil, err
	}
	if body, err = in.blobOf(ctx, f.Blob); err != nil {
		err = fmt.Errorf("open file %d: %w", f.ID, err)
	}
	return f, body, err
}

// UsedBlobs lists every blob that a file refers to, so that none is collected as unused.
func UsedBlobs(ctx context.Context, r sqldb.Reader) ([]string, error) {
	return sqldb.All(ctx, r, sqldb.Text, `select blob from incident_file union select blob from incident_report_file
		union select blob from incident_crossing_file union select blob from incident_package order by 1`)
}
