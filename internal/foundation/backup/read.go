package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"filippo.io/age"
)

// ErrIdentity says that none of the identities opens the archive.
var ErrIdentity = errors.New("the identity does not open this backup: it was sealed for another one")

// Damage says where an archive is not what was written.
type Damage struct {
	Place string // a member's name, or "the end"
	At    int64  // bytes of the file that were read until then
	Err   error
}

// Error is place and cause.
func (d *Damage) Error() string {
	return fmt.Sprintf("the backup is damaged or cut off at %s (about byte %d of the file): %v", d.Place, d.At, d.Err)
}

// Unwrap gives the cause.
func (d *Damage) Unwrap() error { return d.Err }

// Reader reads one archive from its beginning to its end.
type Reader struct {
	in     *counter
	plain  io.Reader
	tar    *tar.Reader
	own    hash.Hash // of the manifest as it must be
	end    ending
	member line
	table  *crc32.Table
	left   int64
	open   bool
}

type counter struct {
	r io.Reader
	n int64
}

// Read counts.
func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// Open begins to read an archive.
func Open(r io.Reader, identities []age.Identity) (*Reader, error) {
	in := &counter{r: r}
	plain, err := age.Decrypt(bufio.NewReaderSize(in, readSize), identities...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return nil, ErrIdentity
	}
	if err != nil {
		return nil, &Damage{"the header", in.n, err}
	}
	plain = bufio.NewReaderSize(plain, readSize)
	return &Reader{in: in, plain: plain, tar: tar.NewReader(plain), own: sha256.New(), table: castagnoli()}, nil
}

func (r *Reader) damage(place string, err error) error { return &Damage{place, r.in.n, err} }

// Next goes to the next member; what was not read of the one before is read and
// checked. After the last member it checks the manifest and the end and returns
// [io.EOF]: only then the archive is whole.
func (r *Reader) Next() (name string, size int64, err error) {
	if r.open {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return "", 0, err
		}
	}
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		err = errors.New("it has no manifest")
	}
	if err != nil {
		return "", 0, r.damage("the end of "+r.place(), err)
	}
	if h.Name == manifestName {
		return "", 0, r.finish()
	}
	r.member, r.left, r.open = line{Name: h.Name, Size: h.Size}, h.Size, true
	return h.Name, h.Size, nil
}

func (r *Reader) place() string {
	if r.member.Name == "" {
		return "the header"
	}
	return r.member.Name
}

// Read reads the member; at its end its line is kept for the manifest.
func (r *Reader) Read(b []byte) (int, error) {
	if !r.open {
		return 0, io.EOF
	}
	n, err := r.tar.Read(b)
	r.member.CRC = crc32.Update(r.member.CRC, r.table, b[:n])
	r.left -= int64(n)
	switch {
	case r.left == 0:
		r.open = false
		return n, r.closeMember()
	case errors.Is(err, io.EOF):
		return n, r.damage(r.member.Name, io.ErrUnexpectedEOF)
	case err != nil:
		return n, r.damage(r.member.Name, err)
	}
	return n, nil
}

func (r *Reader) closeMember() error {
	r.end.Members++
	r.end.Bytes += r.member.Size
	b, err := json.Marshal(r.member)
	r.own.Write(append(b, '\n'))
	if err != nil {
		return err
	}
	return io.EOF
}

// finish compares the manifest with what was read and sees the true end.
func (r *Reader) finish() error {
	theirs, last := sha256.New(), []byte(nil)
	in := bufio.NewReaderSize(r.tar, 64<<10)
	for {
		l, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(l) == 0 {
			break
		}
		if err != nil {
			return r.damage("the manifest", err)
		}
		theirs.Write(last)
		last = l
	}
	var end ending
	if err := json.Unmarshal(last, &end); err != nil {
		return r.damage("the manifest", err)
	}
	if end != r.end || !bytes.Equal(theirs.Sum(nil), r.own.Sum(nil)) {
		return r.damage("the manifest", fmt.Errorf("it lists %d members of %d bytes, and %d of %d are there, or one has another checksum",
			end.Members, end.Bytes, r.end.Members, r.end.Bytes))
	}
	if _, err := r.tar.Next(); !errors.Is(err, io.EOF) {
		return r.damage("the end", errors.New("something follows the manifest"))
	}
	if _, err := io.Copy(io.Discard, r.plain); err != nil {
		return r.damage("the end", err)
	}
	return io.EOF
}

// Members and Bytes are how much was read so far.
func (r *Reader) Members() int64 { return r.end.Members }

// Bytes is how much was read so far of the members.
func (r *Reader) Bytes() int64 { return r.end.Bytes }

// Consumed is how much of the file was read so far.
func (r *Reader) Consumed() int64 { return r.in.n }
