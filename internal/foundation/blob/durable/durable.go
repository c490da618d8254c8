// Package durable writes files that survive a power cut.
//
// A file that [WriteFile] returned from is on disk under its name, whole; before
// that its name holds what it held, or nothing. The recipe is always the same:
// temporary file, write, fsync, rename, fsync of the folder. New folders are
// fsynced in their parents.
//
// Everything goes through [FS], so that tests can cut the power at any step (see
// durabletest); the program uses [OS].
package durable

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// File is an open file.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	// Sync makes what was written survive a power cut.
	Sync() error
	Stat() (fs.FileInfo, error)
}

// FS is the part of a file system that this program writes through. A name made,
// renamed or removed survives a power cut only after SyncDir of its folder.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	Mkdir(dir string, perm fs.FileMode) error
	SyncDir(dir string) error
	ReadDir(dir string) ([]fs.DirEntry, error)
	Stat(name string) (fs.FileInfo, error)
	// Touch sets the time of last change; it need not survive a power cut.
	Touch(name string, t time.Time) error
}

// OS is the machine's file system.
type OS struct{}

// OpenFile is os.OpenFile.
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Rename is os.Rename.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove is os.Remove.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir is os.Mkdir.
func (OS) Mkdir(dir string, perm fs.FileMode) error { return os.Mkdir(dir, perm) }

// SyncDir fsyncs a folder.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ReadDir is os.ReadDir.
func (OS) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

// Stat is os.Stat.
func (OS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Touch is os.Chtimes for both times.
func (OS) Touch(name string, t time.Time) error { return os.Chtimes(name, t, t) }

// MkdirAll makes a folder and its parents so that they survive a power cut. A
// folder that is there already costs one Stat.
func MkdirAll(fsys FS, dir string, perm fs.FileMode) error {
	st, err := fsys.Stat(dir)
	if err == nil {
		if st.IsDir() {
			return nil
		}
		return fmt.Errorf("make folder %s: a file has this name", dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(fsys, parent, perm); err != nil {
			return err
		}
	}
	if err := fsys.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// WriteFile puts data under name, whole or not at all; the folder must exist.
func WriteFile(fsys FS, name string, data []byte, perm fs.FileMode) error {
	temp, err := WriteTemp(fsys, filepath.Dir(name), data, perm)
	if err != nil {
		return err
	}
	if err := fsys.Rename(temp, name); err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// WriteTemp writes and fsyncs a temporary file in dir and returns its name.
func WriteTemp(fsys FS, dir string, data []byte, perm fs.FileMode) (string, error) {
	temp := filepath.Join(dir, TempName())
	f, err := fsys.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, fsys.Remove(temp))
	}
	return temp, nil
}

// tempPrefix begins the name of every temporary file.
const tempPrefix = ".tmp-"

// TempName returns a fresh name for a temporary file.
func TempName() string {
	var b [12]byte
	// crypto/rand.Read never fails (it ends the process instead).
	_, _ = rand.Read(b[:])
	return tempPrefix + hex.EncodeToString(b[:])
}

// IsTemp tells whether a file's name, without a folder, is one of TempName's.
func IsTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && !strings.ContainsAny(name, `/\`)
}

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(fsys FS, name string, limit int64) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: more than %d bytes", name, limit)
	}
	return b, nil
}

// IsFull tells whether err says that the disk or the quota is full.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
