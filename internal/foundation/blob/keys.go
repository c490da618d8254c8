package blob

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"almenara.example/internal/foundation/blob/durable"
)

const keyMagic = "ALMKEY1\n"

// master is the key that wraps the blobs' keys.
type master [32]byte

// GenerateMaster makes a master key in a new file with mode 0600. It never
// replaces a file.
func GenerateMaster(path string) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("make master key %s: %w", path, fs.ErrExist)
	}
	var m master
	if _, err := rand.Read(m[:]); err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	text := append(hex.AppendEncode(nil, m[:]), '\n')
	if err := durable.WriteFile(durable.OS{}, path, text, 0o600); err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	return nil
}

func readMaster(fsys durable.FS, path string) (m master, err error) {
	b, err := durable.ReadFile(fsys, path, 1024)
	if err != nil {
		return m, fmt.Errorf("read master key: %w", err)
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(b)))
	if err != nil || len(raw) != len(m) {
		return m, fmt.Errorf("read master key %s: want 64 hex digits", path)
	}
	copy(m[:], raw)
	return m, nil
}

// newKey returns a fresh key and its name.
func newKey() (id keyID, key [32]byte, err error) {
	if _, err = rand.Read(id[:]); err == nil {
		_, err = rand.Read(key[:])
	}
	return id, key, err
}

// aad binds a wrapped key to its blob and its name.
func (id keyID) aad(ref Ref) []byte { return append(ref.SHA256[:], id[:]...) }

// writeKey wraps a key into its file, durably.
func (s *Store) writeKey(ref Ref, id keyID, key [32]byte) error {
	aead, err := newAEAD(s.master)
	if err != nil {
		return err
	}
	b := []byte(keyMagic)
	n := make([]byte, aead.NonceSize())
	if _, err := rand.Read(n); err != nil {
		return err
	}
	b = append(b, n...)
	b = aead.Seal(b, n, key[:], id.aad(ref))
	if err := durable.MkdirAll(s.fs, s.keyDir(ref), 0o700); err != nil {
		return err
	}
	return durable.WriteFile(s.fs, s.keyPath(ref, id), b, 0o600)
}

// readKey unwraps a blob's key; fs.ErrNotExist when it was destroyed.
func (s *Store) readKey(ref Ref, id keyID) (key [32]byte, err error) {
	b, err := durable.ReadFile(s.fs, s.keyPath(ref, id), 4096)
	if err != nil {
		return key, err
	}
	aead, err := newAEAD(s.master)
	if err != nil {
		return key, err
	}
	b, ok := bytes.CutPrefix(b, []byte(keyMagic))
	if !ok || len(b) < aead.NonceSize() {
		return key, errors.New("the key file is not one")
	}
	plain, err := aead.Open(nil, b[:aead.NonceSize()], b[aead.NonceSize():], id.aad(ref))
	if err != nil || len(plain) != len(key) {
		return key, errors.New("the key file is damaged, or wrapped by another master key")
	}
	copy(key[:], plain)
	return key, nil
}

// destroyKey overwrites a key file, removes it and makes that durable. A file
// that is gone already is fine.
func (s *Store) destroyKey(path string) error {
	st, err := s.fs.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := s.fs.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, st.Size()))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return s.remove(path)
}

// remove removes a file durably.
func (s *Store) remove(path string) error {
	if err := s.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.fs.SyncDir(filepath.Dir(path))
}
