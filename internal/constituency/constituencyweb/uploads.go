package constituencyweb

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"almenara.example/internal/constituency"
	"almenara.example/internal/foundation/clock"
	"almenara.example/internal/foundation/fault"
)

// Bounds of what is uploaded to be looked at first.
const (
	maxUpload  = 256 << 20 // a million rows and more
	maxUploads = 8         // that wait at a time; the oldest goes
	uploadLife = time.Hour
)

// uploads are files that wait between preview and apply. They do not outlive the
// process.
type uploads struct {
	clock clock.Clock
	mu    sync.Mutex
	files []*upload // oldest first
}

// upload is one file: its name on disk is removed already, the open file is all.
type upload struct {
	id    string
	by    string
	name  string
	kind  constituency.ImportKind
	until time.Time
	file  *os.File
	busy  sync.Mutex // held while it is read
}

func newUploads(c clock.Clock) *uploads { return &uploads{clock: c} }

// spool copies a body to disk, up to maxUpload bytes. The caller closes the file,
// which nobody else can open.
func spool(body io.Reader) (*os.File, error) {
	f, err := os.CreateTemp("", "almenara-import-*.csv")
	if err != nil {
		return nil, fmt.Errorf("keep the upload: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("keep the upload: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(body, maxUpload+1))
	if err == nil && n > maxUpload {
		err = fault.Wrap(fault.Invalid, "fault.too_large", fault.Args{"Bytes": int64(maxUpload)}, &http.MaxBytesError{Limit: maxUpload})
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// keep takes a file over and returns the id under which it waits.
func (u *uploads) keep(by, name string, kind constituency.ImportKind, f *os.File) (*upload, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("draw an id: %w", err)
	}
	up := &upload{id: hex.EncodeToString(b[:]), by: by, name: name, kind: kind, until: u.clock.Now().Add(uploadLife), file: f}
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.files) > 0 && (len(u.files) >= maxUploads || u.files[0].until.Before(u.clock.Now())) {
		u.forget(u.files[0])
	}
	u.files = append(u.files, up)
	return up, nil
}

// find returns the file that waits for a person; NotFound when it is gone.
func (u *uploads) find(by, id string) (*upload, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, up := range u.files {
		if up.id == id && up.by == by && up.until.After(u.clock.Now()) {
			return up, nil
		}
	}
	return nil, fault.New(fault.NotFound, "constituency.import.upload_gone", nil)
}

// done forgets a file.
func (u *uploads) done(up *upload) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(up)
}

func (u *uploads) forget(up *upload) {
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
