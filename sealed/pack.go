package sealed

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

const manifestName = "manifest.json"

// Pack writes a package. It fills in Format, and path, size and hash of every file; the
// entries name files by the place that filePath gives them: see [Place]. The same
// manifest and files give the same bytes.
func Pack(m Manifest, files []File) ([]byte, error) {
	m.Format, m.Files = Format, make([]File, len(files))
	for i, f := range files {
		sum := sha256.Sum256(f.Body)
		m.Files[i] = File{Path: filePath(i), Name: f.Name, Type: f.Type, Size: int64(len(f.Body)), SHA256: hex.EncodeToString(sum[:])}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := put(w, &m, manifestName, raw); err != nil {
		return nil, err
	}
	for i, f := range files {
		if err := put(w, &m, filePath(i), f.Body); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write package: %w", err)
	}
	if b.Len() > MaxSize || len(raw) > MaxManifest {
		return nil, fmt.Errorf("the package is larger than %d MiB", MaxSize>>20)
	}
	return b.Bytes(), nil
}

// Place is the path of the file with an index, counted from 0.
func Place(index int) string { return filePath(index) }

func put(w *tar.Writer, m *Manifest, name string, body []byte) error {
	h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(body)), ModTime: m.Made.UTC().Truncate(1e9), Format: tar.FormatPAX, Typeflag: tar.TypeReg}
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("write package: %w", err)
	}
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write package: %w", err)
	}
	return nil
}

// Seal encrypts a package to an age recipient, such as "age1…" (X25519).
func Seal(plain []byte, recipient string) ([]byte, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, errors.New("this is no age recipient, such as age1…")
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return b.Bytes(), nil
}

// Sealed tells whether bytes are an encrypted package.
func Sealed(body []byte) bool { return bytes.HasPrefix(body, []byte("age-encryption.org/")) }

// Open reads a package and checks everything that it lists. One that is sealed needs an
// identity that opens it: ErrLocked otherwise.
func Open(r io.Reader, identities ...age.Identity) (m Manifest, err error) {
	body, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return m, fmt.Errorf("read package: %w", err)
	}
	if len(body) > MaxSize {
		return m, fmt.Errorf("the package is larger than %d MiB", MaxSize>>20)
	}
	if !Sealed(body) {
		return unpack(body)
	}
	if len(identities) == 0 {
		return m, ErrLocked
	}
	plain, err := age.Decrypt(bytes.NewReader(body), identities...)
	var no *age.NoIdentityMatchError
	if errors.As(err, &no) {
		return m, ErrLocked
	}
	if err != nil {
		return m, fmt.Errorf("%w: its seal cannot be read", ErrDamaged)
	}
	if body, err = io.ReadAll(io.LimitReader(plain, MaxSize+1)); err != nil {
		return m, fmt.Errorf("%w: what is sealed was changed", ErrDamaged)
	}
	return unpack(body)
}

// unpack reads a package in clear.
func unpack(body []byte) (m Manifest, err error) {
	r := tar.NewReader(bytes.NewReader(body))
	raw, err := next(r, manifestName, MaxManifest)
	if err != nil {
		return m, err
	}
	if m, err = parseManifest(raw); err != nil {
		return Manifest{}, err
	}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Body, err = next(r, f.Path, f.Size); err != nil {
			return Manifest{}, err
		}
		sum := sha256.Sum256(f.Body)
		if int64(len(f.Body)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
			return Manifest{}, fmt.Errorf("%w: file %d has another size or SHA-256 than the manifest says", ErrDamaged, i+1)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		return Manifest{}, fmt.Errorf("%w: something follows the last file", ErrDamaged)
	}
	return m, nil
}

// next reads the next member, which must have this name.
func next(r *tar.Reader, name string, most int64) ([]byte, error) {
	h, err := r.Next()
	if err != nil {
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, name)
	}
	if h.Name != name || h.Typeflag != tar.TypeReg || h.Size > most {
		return nil, fmt.Errorf("%w: %s is missing, no plain file or too large", ErrDamaged, name)
	}
	body, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s is cut off", ErrDamaged, name)
	}
	return body, nil
}
