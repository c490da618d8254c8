package backup

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

func pair(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// content is what the tests put into an archive.
func content() map[string]string {
	r := rand.New(rand.NewPCG(1, 2))
	big := make([]byte, 9<<20)
	for i := range big {
		big[i] = byte(r.Uint32())
	}
	return map[string]string{"a/small": "one\n", "a/empty": "", "b/big": string(big)}
}

func make1(t testing.TB, dir string, id *age.X25519Identity) string {
	t.Helper()
	w, err := Create(dir, "x.tar.age", []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	c := content()
	for _, name := range []string{"a/small", "a/empty", "b/big"} {
		if err := w.AddText(name, c[name]); err != nil {
			t.Fatal(err)
		}
	}
	s := w.Stream("c/rows", nil)
	if _, err := io.WriteString(s, c["b/big"]); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Stream("c/none", nil).Close(); err != nil {
		t.Fatal(err)
	}
	size, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, w.Name())
	if st, err := os.Stat(name); err != nil || st.Size() != size {
		t.Fatalf("the file has another size than %d: %v", size, err)
	}
	if err := w.Abort(); err != nil {
		t.Errorf("Abort after Commit: %v", err)
	}
	return name
}

// read reads an archive to its end.
func read(b []byte, ids ...age.Identity) (map[string]string, error) {
	r, err := Open(bytes.NewReader(b), ids)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for {
		name, size, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return out, err
		}
		if int64(len(text)) != size {
			return out, errors.New("another size")
		}
		if dir, _, ok := strings.Cut(name, "/0"); ok {
			name = dir
		}
		out[name] += string(text)
	}
}

func TestWhatGoesIntoAnArchiveComesOut(t *testing.T) {
	id := pair(t)
	b, err := os.ReadFile(make1(t, t.TempDir(), id))
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(b, pair(t), id)
	if err != nil {
		t.Fatal(err)
	}
	want := content()
	want["c/rows"], want["c/none"] = want["b/big"], ""
	if len(got) != len(want) {
		t.Errorf("got %d members, want %d", len(got), len(want))
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s has other bytes", name)
		}
	}
	if _, err := read(b, pair(t)); !errors.Is(err, ErrIdentity) {
		t.Errorf("another identity: got %v, want ErrIdentity", err)
	}
}

func TestAnyFlippedBitAndAnyCutIsDamage(t *testing.T) {
	id := pair(t)
	b, err := os.ReadFile(make1(t, t.TempDir(), id))
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		at := r.IntN(len(b))
		bad := bytes.Clone(b)
		bad[at] ^= 1 << r.IntN(8)
		_, err := read(bad, id)
		if d := (*Damage)(nil); !errors.As(err, &d) && !errors.Is(err, ErrIdentity) {
			t.Fatalf("byte %d: got %v, want a Damage", at, err)
		}
	}
	for _, n := range []int{0, 1, 30, 250, len(b) / 2, len(b) - 65552, len(b) - 1} {
		_, err := read(b[:n], id)
		if d := (*Damage)(nil); !errors.As(err, &d) {
			t.Errorf("the first %d of %d bytes: got %v, want a Damage", n, len(b), err)
		}
	}
	if _, err := read(append(bytes.Clone(b), 'x'), id); err == nil {
		t.Error("a byte too many is accepted")
	}
}

func TestAnArchiveWithoutItsManifestIsNone(t *testing.T) {
	id := pair(t)
	dir := t.TempDir()
	w, err := Create(dir, "x.tar.age", []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AddText("a", "b"); err != nil {
		t.Fatal(err)
	}
	// Sealed properly, but by somebody who left the manifest out.
	for _, end := range []func() error{w.tar.Close, w.sealed.Close, w.age.Close, w.out.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(w.partial())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(b, id); err == nil || !strings.Contains(err.Error(), "manifest") {
		t.Errorf("got %v, want that the manifest is missing", err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("Abort leaves %v, %v", left, err)
	}
}

func TestAShortMemberAndAnOldNameAreRefused(t *testing.T) {
	id := pair(t)
	dir := t.TempDir()
	name := make1(t, dir, id)
	if _, err := Create(dir, filepath.Base(name), []age.Recipient{id.Recipient()}); err == nil {
		t.Error("a backup was replaced")
	}
	if _, err := Create(dir, "y", nil); err == nil {
		t.Error("a backup for nobody was made")
	}
	w, err := Create(dir, "y", []age.Recipient{id.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add("short", 10, strings.NewReader("123"), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want unexpected EOF", err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
}

// full is a disk that takes nothing any more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestAStageReturnsTheErrorOfItsWriter(t *testing.T) {
	s := newStage(full{})
	var err error
	for range 100 {
		if _, err = s.Write(make([]byte, stageSize)); err != nil {
			break
		}
	}
	if err == nil || s.Close() == nil {
		t.Errorf("got %v, want the writer's error, from Write and from Close", err)
	}
}
