package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

const (
	// manifestName is the last member of every archive.
	manifestName = "manifest.jsonl"
	// PartSuffix ends the name of a backup that is being written.
	PartSuffix = ".part"
	// partSize is the size of the parts of a stream.
	partSize = 4 << 20
	// readSize is how much of an archive is read at once.
	readSize = 1 << 20
)

// line is one line of the manifest.
type line struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	CRC  uint32 `json:"crc32c"`
}

// castagnoli is the table of CRC-32C, which the processor computes.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// ending is the manifest's closing line.
type ending struct {
	Members int64 `json:"members"`
	Bytes   int64 `json:"bytes"`
}

// Writer writes one archive. It is not safe for concurrent use.
type Writer struct {
	dir, name string
	file      *os.File
	spool     *os.File // the manifest so far; it has no name
	manifest  *bufio.Writer
	sealed    *stage // plain bytes on their way to age
	out       *stage // sealed bytes on their way to the file
	age       io.WriteCloser
	tar       *tar.Writer
	end       ending
	closed    bool
}

// Create begins an archive that will be dir/name. It never replaces one.
func Create(dir, name string, recipients []age.Recipient) (w *Writer, err error) {
	if len(recipients) == 0 {
		return nil, errors.New("make a backup: no recipient")
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
		return nil, fmt.Errorf("make a backup: %s is there already", name)
	}
	w = &Writer{dir: dir, name: name}
	if w.file, err = os.OpenFile(w.partial(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, fmt.Errorf("make a backup: %w", err)
	}
	if w.spool, err = os.CreateTemp(dir, ".manifest-*"); err == nil {
		err = os.Remove(w.spool.Name())
	}
	if err == nil {
		w.out = newStage(&onDisk{file: w.file})
		w.age, err = age.Encrypt(w.out, recipients...)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a backup: %w", err), w.Abort())
	}
	w.sealed = newStage(w.age)
	w.tar, w.manifest = tar.NewWriter(w.sealed), bufio.NewWriter(w.spool)
	return w, nil
}

func (w *Writer) partial() string { return filepath.Join(w.dir, w.name+PartSuffix) }

// Name is what the archive is going to be called.
func (w *Writer) Name() string { return w.name }

// Bytes is how much went in so far, before compression and sealing.
func (w *Writer) Bytes() int64 { return w.end.Bytes }

// Add writes a member of exactly size bytes. Progress, when not nil, is told how
// many bytes were added.
func (w *Writer) Add(name string, size int64, r io.Reader, progress func(n int)) error {
	if err := w.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	table, crc := castagnoli(), uint32(0)
	var done int64
	for done < size {
		buf := w.sealed.room() // read where it is taken from
		n, err := r.Read(buf[:min(int64(len(buf)), size-done)])
		crc = crc32.Update(crc, table, buf[:n])
		done += int64(n)
		if _, werr := w.tar.Write(buf[:n]); werr != nil {
			return fmt.Errorf("write %s: %w", name, werr)
		}
		if progress != nil && n > 0 {
			progress(n)
		}
		if err != nil && done < size {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read for %s: %w", name, err)
		}
	}
	return w.note(name, size, crc)
}

// note writes a member's line.
func (w *Writer) note(name string, size int64, crc uint32) error {
	w.end.Members++
	w.end.Bytes += size
	b, err := json.Marshal(line{name, size, crc})
	if err == nil {
		_, err = w.manifest.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep the manifest: %w", err)
	}
	return nil
}

// AddText writes a member that is in memory.
func (w *Writer) AddText(name, text string) error {
	return w.Add(name, int64(len(text)), strings.NewReader(text), nil)
}

// Stream returns a writer whose bytes become the parts name/000001, name/000002, …
// An empty stream has one empty part. Close it before the next member.
func (w *Writer) Stream(name string, progress func(n int)) io.WriteCloser {
	return &parts{w: w, name: name, progress: progress, buf: make([]byte, 0, partSize)}
}

// parts cuts a stream into members.
type parts struct {
	w        *Writer
	name     string
	n        int
	buf      []byte
	progress func(int)
}

// Write takes bytes of the stream.
func (p *parts) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), partSize-len(p.buf))
		p.buf = append(p.buf, rest[:n]...)
		rest = rest[n:]
		if len(p.buf) == partSize {
			if err := p.flush(); err != nil {
				return 0, err
			}
		}
	}
	return len(b), nil
}

func (p *parts) flush() error {
	p.n++
	err := p.w.Add(fmt.Sprintf("%s/%06d", p.name, p.n), int64(len(p.buf)), bytes.NewReader(p.buf), p.progress)
	p.buf = p.buf[:0]
	return err
}

// Close writes what is left.
func (p *parts) Close() error {
	if p.n > 0 && len(p.buf) == 0 {
		return nil
	}
	return p.flush()
}

// Commit writes the manifest and puts the archive in place. It returns its size in
// bytes. After an error the Writer must still be aborted.
func (w *Writer) Commit() (size int64, err error) {
	end, err := json.Marshal(w.end)
	if err == nil {
		_, err = w.manifest.Write(append(end, '\n'))
	}
	if err = errors.Join(err, w.manifest.Flush()); err != nil {
		return 0, fmt.Errorf("end the backup: %w", err)
	}
	st, err := w.spool.Stat()
	if err == nil {
		_, err = w.spool.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = w.tar.WriteHeader(&tar.Header{Name: manifestName, Size: st.Size(), Mode: 0o600, Format: tar.FormatPAX})
	}
	if err == nil {
		_, err = io.Copy(w.tar, w.spool)
	}
	for _, end := range []func() error{w.tar.Close, w.sealed.Close, w.age.Close, w.out.Close, w.file.Sync} {
		if err == nil {
			err = end()
		}
	}
	if err == nil {
		st, err = w.file.Stat()
	}
	if err != nil {
		return 0, fmt.Errorf("end the backup: %w", err)
	}
	if err := os.Rename(w.partial(), filepath.Join(w.dir, w.name)); err != nil {
		return 0, fmt.Errorf("put the backup in place: %w", err)
	}
	if err := syncFolder(w.dir); err != nil {
		return 0, fmt.Errorf("put the backup in place: %w", err)
	}
	w.closed = true
	return st.Size(), errors.Join(w.file.Close(), w.spool.Close())
}

// Abort removes what was written. After Commit it does nothing.
func (w *Writer) Abort() (err error) {
	if w.closed {
		return nil
	}
	w.closed = true
	for _, s := range []*stage{w.sealed, w.out} {
		if s != nil {
			s.stop()
		}
	}
	for _, f := range []*os.File{w.file, w.spool} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return errors.Join(err, os.Remove(w.partial()))
}

// onDisk writes the archive and has the disk begin early with what was written, so
// that the sync at the end waits for little.
type onDisk struct {
	file      *os.File
	at, begun int64
}

// behind is how much is written before the disk is told to begin.
const behind = 8 << 20

// Write writes.
func (d *onDisk) Write(b []byte) (int, error) {
	n, err := d.file.Write(b)
	d.at += int64(n)
	if err == nil && d.at-d.begun >= behind {
		beginWriting(d.file, d.begun, d.at-d.begun)
		d.begun = d.at
	}
	return n, err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
