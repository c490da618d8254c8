package web

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"sync"
	"time"

	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
)

// Bounds of what is uploaded to be looked at first.
const (
	maxUploads = 8 // that wait at a time; the oldest goes
	uploadLife = time.Hour
	drain      = 4 // so many times a file's limit is read of a larger one, so that the browser hears why
)

// File is what of an upload is read.
type File interface {
	io.ReadSeeker
	io.ReaderAt
}

// Uploads are files that wait between a preview and its act. They do not outlive the
// process. Make them with NewUploads.
type Uploads struct {
	clock clock.Clock
	max   int64
	mu    sync.Mutex
	files []*Upload // oldest first
}

// Upload is one file: its name on disk is removed already, the open file is all.
type Upload struct {
	ID    string
	Name  string // the sender's own
	Kind  string // what the form says that it is, up to 100 bytes
	by    string
	until time.Time
	file  *os.File
	busy  sync.Mutex // held while it is read
}

// NewUploads keeps files of up to max bytes.
func NewUploads(c clock.Clock, max int64) *Uploads { return &Uploads{clock: c, max: max} }

// Receive keeps the field "file" of a form, and "kind" when it comes before. The form is
// read as a stream, so that a large file is copied once, to disk. Without a file it
// returns missing; a larger one is Invalid with a *http.MaxBytesError.
func (u *Uploads) Receive(r *http.Request, by string, missing error) (*Upload, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, missing
	}
	kind := ""
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, missing
		}
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "fault.form", nil, err)
		}
		switch part.FormName() {
		case "kind":
			b, err := io.ReadAll(io.LimitReader(part, 100))
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, "fault.form", nil, err)
			}
			kind = string(b)
		case "file":
			if part.FileName() == "" {
				return nil, missing
			}
			f, err := Spool(part, u.max)
			if err != nil {
				var large *http.MaxBytesError
				if errors.As(err, &large) {
					_, _ = io.CopyN(io.Discard, part, drain*u.max) // the answer is the same when it ends early
				}
				return nil, err
			}
			return u.keep(&Upload{Name: part.FileName(), Kind: kind, by: by, file: f})
		}
	}
}

// Spool copies a body to disk, up to max bytes. The caller closes the file, which
// nobody else can open. A larger body, or one that does not come whole, is Invalid.
func Spool(body io.Reader, max int64) (*os.File, error) {
	f, err := os.CreateTemp("", "almenara-upload-*")
	if err != nil {
		return nil, fmt.Errorf("keep the upload: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("keep the upload: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(body, max+1))
	var disk *fs.PathError
	switch {
	case err == nil && n > max:
		err = fault.Wrap(fault.Invalid, "fault.too_large", fault.Args{"Bytes": max}, &http.MaxBytesError{Limit: max})
	case err != nil && !errors.As(err, &disk):
		err = fault.Wrap(fault.Invalid, "fault.cut_off", nil, err)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// keep takes a file over under an id of its own.
func (u *Uploads) keep(up *Upload) (*Upload, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("draw an id: %w", err)
	}
	up.ID, up.until = hex.EncodeToString(b[:]), u.clock.Now().Add(uploadLife)
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.files) > 0 && (len(u.files) >= maxUploads || u.files[0].until.Before(u.clock.Now())) {
		u.forget(u.files[0])
	}
	u.files = append(u.files, up)
	return up, nil
}

// Find returns the file that waits for a person.
func (u *Uploads) Find(by, id string) (*Upload, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, up := range u.files {
		if up.ID == id && up.by == by && up.until.After(u.clock.Now()) {
			return up, true
		}
	}
	return nil, false
}

// Read hands the file to who reads it, from its start; one at a time.
func (up *Upload) Read(do func(File) error) error {
	up.busy.Lock()
	defer up.busy.Unlock()
	if _, err := up.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read the upload again: %w", err)
	}
	return do(up.file)
}

// Done forgets a file.
func (u *Uploads) Done(up *Upload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(up)
}

func (u *Uploads) forget(up *Upload) {
	for i, f := range u.files {
		if f == up {
			u.files = append(u.files[:i:i], u.files[i+1:]...)
			go func() {
				f.busy.Lock()
				defer f.busy.Unlock()
				_ = f.file.Close() // it was only read
			}()
			return
		}
	}
}
