package backup

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"filippo.io/age"
)

// BenchmarkWriter seals a file of 256 MiB, sync included.
func BenchmarkWriter(b *testing.B) {
	dir := b.TempDir()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	const size = 256 << 20
	in, err := os.Create(filepath.Join(dir, "in"))
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	if err := in.Truncate(size); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for i := 0; b.Loop(); i++ {
		w, err := Create(dir, strconv.Itoa(i), []age.Recipient{id.Recipient()})
		if err == nil {
			err = w.Add("in", size, io.NewSectionReader(in, 0, size), nil)
		}
		if err == nil {
			_, err = w.Commit()
		}
		if err == nil {
			err = os.Remove(filepath.Join(dir, strconv.Itoa(i)))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
