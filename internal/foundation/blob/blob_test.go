package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
)

var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// open returns a store in the test's own folder.
func open(t *testing.T, frame int) (*Store, *clocktest.Fake) {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "master.key")
	if err := GenerateMaster(key); err != nil {
		t.Fatal(err)
	}
	clk := clocktest.New(start)
	s, err := Open(Config{Dir: filepath.Join(dir, "store"), MasterKey: key, FrameSize: frame, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	return s, clk
}

// content makes bytes that compress in places and do not in others.
func content(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < n {
		if r.IntN(10) == 0 {
			for range 300 {
				b.WriteByte(byte(r.Uint32()))
			}
		}
		fmt.Fprintf(&b, "2026-11-21 %02d:00:00,192.0.2.%d,tcp,%d,rdp,AS64496\n", r.IntN(24), r.IntN(256), r.IntN(65536))
	}
	return b.Bytes()[:n]
}

func put(t *testing.T, s *Store, b []byte) Ref {
	t.Helper()
	ref, err := s.PutBytes(context.Background(), b)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	return ref
}

func readAll(t *testing.T, s *Store, ref Ref) []byte {
	t.Helper()
	r, err := s.Open(context.Background(), ref)
	if err != nil {
		t.Fatalf("Open(%s): %v", ref, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", ref, err)
	}
	return b
}

func TestWhatGoesInComesOut(t *testing.T) {
	s, _ := open(t, 1000)
	rapid.Check(t, func(rt *rapid.T) {
		want := content(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(0, 5000).Draw(rt, "size"))
		w, err := s.Create(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		for rest := want; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "write")
			if _, err := w.Write(rest[:n]); err != nil {
				rt.Fatal(err)
			}
			rest = rest[n:]
		}
		ref, err := w.Commit()
		if err != nil {
			rt.Fatal(err)
		}
		if ref.SHA256 != sha256.Sum256(want) || ref.Size != int64(len(want)) {
			rt.Fatalf("got %s of %d bytes, want sha256:%x of %d", ref, ref.Size, sha256.Sum256(want), len(want))
		}
		r, err := s.Open(context.Background(), ref)
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		off := rapid.IntRange(0, len(want)).Draw(rt, "off")
		n := rapid.IntRange(0, len(want)-off).Draw(rt, "n")
		part := make([]byte, n)
		if _, err := r.ReadAt(part, int64(off)); err != nil || !bytes.Equal(part, want[off:off+n]) {
			rt.Fatalf("ReadAt(%d bytes at %d) gives other bytes (%v)", n, off, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			rt.Fatalf("reading gives other bytes (%v)", err)
		}
	})
}

func TestReaderKeepsTheContractsOfItsInterfaces(t *testing.T) {
	s, _ := open(t, 700)
	want := content(3, 5000)
	r, err := s.Open(context.Background(), put(t, s, want))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(r, want); err != nil {
		t.Error(err)
	}
}

func TestTheSameBytesTwiceAreOneFile(t *testing.T) {
	s, _ := open(t, 1000)
	want := content(1, 3500)
	var wg sync.WaitGroup
	refs := make([]Ref, 8)
	for i := range refs {
		wg.Go(func() {
			var err error
			if refs[i], err = s.PutBytes(context.Background(), want); err != nil {
				t.Errorf("Put %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, r := range refs {
		if r != refs[0] {
			t.Errorf("got %v, want %v", r, refs[0])
		}
	}
	if got := countFiles(t, s.cfg.Dir); got != 2 {
		t.Errorf("got %d files, want 2: the blob and its key", got)
	}
	if got := readAll(t, s, refs[0]); !bytes.Equal(got, want) {
		t.Error("the bytes that come out are others")
	}
}

func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnInputOverTheLimitIsRefusedAndLeavesNothing(t *testing.T) {
	s, _ := open(t, 1000)
	_, err := s.Put(context.Background(), bytes.NewReader(content(1, 3001)), 3000)
	if f := fault.Of(err); f.Code != fault.Invalid || f.Key != "blob.too_large" {
		t.Errorf("got %v, want invalid blob.too_large", err)
	}
	if n := countFiles(t, s.cfg.Dir); n != 0 {
		t.Errorf("got %d files, want 0", n)
	}
	if _, err := s.Put(context.Background(), bytes.NewReader(content(1, 3000)), 3000); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
}

func TestAnInputThatBreaksOffLeavesNothing(t *testing.T) {
	s, _ := open(t, 1000)
	broken := io.MultiReader(bytes.NewReader(content(1, 2500)), iotest.ErrReader(errors.New("broken off")))
	if _, err := s.Put(context.Background(), broken, 0); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("got %v, want the reader's error", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.PutBytes(ctx, content(1, 2500)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
	if n := countFiles(t, s.cfg.Dir); n != 0 {
		t.Errorf("got %d files, want 0", n)
	}
}

func TestAFlippedByteIsNamedAndNeverRead(t *testing.T) {
	s, _ := open(t, 1000)
	want := content(7, 3300)
	ref := put(t, s, want)
	path := s.blobPath(ref)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	place := func(i int) []string {
		if i < headerSize {
			return []string{"header", "key"}
		}
		for n, at := range r.at {
			if int64(i) >= at && int64(i) < at+int64(r.index.frames[n].stored) {
				return []string{fmt.Sprintf("frame %d", n)}
			}
		}
		return []string{"index", "footer"}
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := s.Verify(context.Background(), ref)
		d := (*Damage)(nil)
		if !errors.As(err, &d) {
			t.Fatalf("byte %d: got %v, want a Damage", i, err)
		}
		if ok := place(i); d.Place != ok[0] && d.Place != ok[len(ok)-1] {
			t.Fatalf("byte %d: got %q, want one of %q", i, d.Place, ok)
		}
	}
	// A reader that meets a damaged frame has returned only good bytes before.
	b := bytes.Clone(whole)
	b[r.at[2]+5] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	bad, err := s.Open(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(bad)
	if d := (*Damage)(nil); !errors.As(err, &d) || d.Place != "frame 2" || !bytes.Equal(got, want[:2000]) {
		t.Errorf("got %d bytes and %v, want the 2000 before frame 2 and its damage", len(got), err)
	}
	last := make([]byte, 100)
	if _, err := bad.ReadAt(last, 3100); err != nil || !bytes.Equal(last, want[3100:3200]) {
		t.Errorf("a good frame after it cannot be read: %v", err)
	}
}

func TestADamagedKeyOrAForeignMasterKeyIsNamed(t *testing.T) {
	s, clk := open(t, 1000)
	ref := put(t, s, content(1, 100))
	other := filepath.Join(t.TempDir(), "other.key")
	if err := GenerateMaster(other); err != nil {
		t.Fatal(err)
	}
	foreign, err := Open(Config{Dir: s.cfg.Dir, MasterKey: other, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	if d := (*Damage)(nil); !errors.As(foreign.Verify(context.Background(), ref), &d) || d.Place != "key" {
		t.Errorf("got %v, want damage of the key", foreign.Verify(context.Background(), ref))
	}
	if err := GenerateMaster(other); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a master key was replaced: %v", err)
	}
	id, err := s.readHeader(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.keyPath(ref, id)); err != nil {
		t.Fatal(err)
	}
	if d := (*Damage)(nil); !errors.As(s.Verify(context.Background(), ref), &d) || d.Place != "key" {
		t.Errorf("got %v, want damage of the key", s.Verify(context.Background(), ref))
	}
}

func TestAnErasedBlobIsGoneForGoodAndMayComeAgain(t *testing.T) {
	s, clk := open(t, 1000)
	ctx := context.Background()
	want := content(1, 2500)
	ref := put(t, s, want)
	id, err := s.readHeader(ref)
	if err != nil {
		t.Fatal(err)
	}
	backup := map[string][]byte{}
	for _, p := range []string{s.blobPath(ref), s.keyPath(ref, id)} {
		if backup[p], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Erase(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(ctx, ref); fault.Of(err).Key != "blob.erased" || fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v, want not_found blob.erased", err)
	}
	if err := s.Erase(ctx, ref); err != nil {
		t.Errorf("erasing again: %v", err)
	}
	// A restore brings blob and key back; opening the store erases them again.
	for p, b := range backup {
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Open(Config{Dir: s.cfg.Dir, MasterKey: s.cfg.MasterKey, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(ctx, ref); fault.Of(err).Key != "blob.erased" {
		t.Errorf("after a restore: got %v, want blob.erased", err)
	}
	if n := countFiles(t, s.cfg.Dir); n != 0 {
		t.Errorf("got %d files, want 0", n)
	}
	put(t, again, want)
	if again, err = Open(Config{Dir: s.cfg.Dir, MasterKey: s.cfg.MasterKey, Clock: clk}); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, again, ref); !bytes.Equal(got, want) {
		t.Error("the same bytes, put again, are not readable")
	}
	unknown := Ref{SHA256: sha256.Sum256([]byte("never"))}
	if err := s.Erase(ctx, unknown); fault.Of(err).Key != "blob.unknown" {
		t.Errorf("erasing what never was: got %v, want blob.unknown", err)
	}
}

func TestCollectTakesOnlyOldUnusedBlobs(t *testing.T) {
	s, clk := open(t, 1000)
	ctx := context.Background()
	old, used, touched := put(t, s, []byte("old")), put(t, s, []byte("used")), put(t, s, []byte("touched"))
	if _, err := s.Create(ctx); err != nil { // never finished
		t.Fatal(err)
	}
	clk.Advance(2 * time.Hour)
	fresh := put(t, s, []byte("fresh"))
	put(t, s, []byte("touched"))
	alive := func(r Ref) (bool, error) { return r.SHA256 == used.SHA256, nil }
	c, err := s.Collect(ctx, alive, time.Hour)
	if err != nil || c.Blobs != 1 || c.Rests != 1 {
		t.Errorf("got %+v, %v, want one blob and one rest", c, err)
	}
	for name, want := range map[Ref]bool{old: false, used: true, touched: true, fresh: true} {
		if got, err := s.Has(name); got != want || err != nil {
			t.Errorf("Has(%s) = %v, %v, want %v", name, got, err, want)
		}
	}
	if n := countFiles(t, s.cfg.Dir); n != 6 {
		t.Errorf("got %d files, want 6", n)
	}
}

func TestRefsAreRead(t *testing.T) {
	want := Ref{SHA256: sha256.Sum256([]byte("x"))}
	if got, err := ParseRef(want.String()); err != nil || got != want {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, s := range []string{
		"", "sha256:", want.String()[7:], want.String() + "00", strings.ToUpper(want.String()),
		"sha256:" + strings.ToUpper(want.String()[7:]), "sha256:../../../../etc/passwd",
	} {
		if _, err := ParseRef(s); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("ParseRef(%q): got %v, want invalid", s, err)
		}
	}
}
