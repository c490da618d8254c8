package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/blob/durable/durabletest"
	"almenara.example/internal/foundation/clock/clocktest"
	"almenara.example/internal/foundation/fault"
)

// faulty returns an empty store on a file system whose power can be cut.
func faulty(t *testing.T, seed uint64) (*durabletest.FS, Config) {
	t.Helper()
	disk := durabletest.New(seed)
	key := bytes.Repeat([]byte("5a"), 32)
	if err := durable.WriteFile(disk, "/master", key, 0o600); err != nil {
		t.Fatal(err)
	}
	return disk, Config{Dir: "/store", MasterKey: "/master", FrameSize: 1000, Clock: clocktest.New(start), FS: disk}
}

// everyCut runs f on a fresh store with the power cut at every change, with every
// way to lose what was not synced, and check on the store opened afterwards.
func everyCut(t *testing.T, prepare, f func(*Store) error, check func(t *testing.T, s *Store, done bool)) {
	t.Helper()
	for _, loss := range []durabletest.Loss{durabletest.Lost, durabletest.Kept, durabletest.Torn} {
		for n := 1; ; n++ {
			disk, c := faulty(t, uint64(n))
			s, err := Open(c)
			if err != nil {
				t.Fatal(err)
			}
			if err := prepare(s); err != nil {
				t.Fatal(err)
			}
			before := disk.Steps()
			disk.CutAt(n)
			err = f(s)
			if err != nil && !errors.Is(err, durabletest.ErrCut) {
				t.Fatalf("cut %d: %v", n, err)
			}
			uncut := disk.Steps()-before < n
			disk.Restart(loss)
			if s, err = Open(c); err != nil {
				t.Fatalf("loss %d, cut %d: open afterwards: %v", loss, n, err)
			}
			t.Run(fmt.Sprintf("loss %d cut %d", loss, n), func(t *testing.T) { check(t, s, err == nil && uncut) })
			if uncut {
				break
			}
		}
	}
}

func TestAPowerCutLeavesTheWholeBlobOrNothing(t *testing.T) {
	ctx := context.Background()
	want := content(5, 2600)
	ref := Ref{}
	everyCut(t,
		func(*Store) error { return nil },
		func(s *Store) (err error) {
			r, err := s.PutBytes(ctx, want)
			if err == nil {
				ref = r
			}
			return err
		},
		func(t *testing.T, s *Store, done bool) {
			var found []Ref
			if err := s.Each(ctx, func(r Ref) error { found = append(found, r); return nil }); err != nil {
				t.Fatal(err)
			}
			if done && len(found) != 1 {
				t.Errorf("Put returned, but the blob is gone")
			}
			for _, r := range found {
				if err := s.Verify(ctx, r); err != nil {
					t.Errorf("a blob that is there: %v", err)
				}
			}
			// The same again goes on from whatever is there.
			again, err := s.PutBytes(ctx, want)
			if err != nil || s.Verify(ctx, again) != nil {
				t.Errorf("the same again: %v, %v", err, s.Verify(ctx, again))
			}
			s.cfg.Clock.(*clocktest.Fake).Advance(time.Hour)
			if _, err := s.Collect(ctx, func(Ref) (bool, error) { return true, nil }, time.Minute); err != nil {
				t.Fatal(err)
			}
			if n := len(s.fs.(*durabletest.FS).Files("/store")); n != 2 {
				t.Errorf("after Collect: got %d files, want the blob and its key", n)
			}
		})
	if ref.IsZero() {
		t.Error("no run came to its end")
	}
}

func TestAPowerCutDuringEraseLosesNoErasure(t *testing.T) {
	ctx := context.Background()
	want := content(5, 1500)
	var ref Ref
	everyCut(t,
		func(s *Store) (err error) { ref, err = s.PutBytes(ctx, want); return err },
		func(s *Store) error { return s.Erase(ctx, ref) },
		func(t *testing.T, s *Store, done bool) {
			err := s.Verify(ctx, ref)
			switch {
			case err == nil && !done: // not erased yet: whole
			case fault.Of(err).Key == "blob.erased":
			default:
				t.Errorf("got %v, want whole or erased (returned: %v)", err, done)
			}
			if err := s.Erase(ctx, ref); err != nil {
				t.Errorf("erasing again: %v", err)
			}
			if n := len(s.fs.(*durabletest.FS).Files("/store/keys")); n != 0 {
				t.Errorf("got %d keys, want 0", n)
			}
		})
}

func TestAFullDiskIsSaidAndLeavesNothing(t *testing.T) {
	ctx := context.Background()
	want := content(5, 2600)
	for room := int64(0); ; room += 100 {
		disk, c := faulty(t, 1)
		s, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		disk.SetRoom(room)
		_, err = s.PutBytes(ctx, want)
		if err == nil {
			if room == 0 {
				t.Error("a full disk took a blob")
			}
			return
		}
		if f := fault.Of(err); f.Code != fault.Unavailable || f.Key != "blob.disk_full" {
			t.Fatalf("room %d: got %v, want unavailable blob.disk_full", room, err)
		}
		for name := range disk.Files("/store") {
			if !bytes.HasPrefix([]byte(name), []byte("/store/keys/")) { // a key without a blob waits for Collect
				t.Errorf("room %d: %s is left behind", room, name)
			}
		}
	}
}

func BenchmarkPut(b *testing.B) {
	dir := b.TempDir()
	if err := GenerateMaster(dir + "/m"); err != nil {
		b.Fatal(err)
	}
	s, err := Open(Config{Dir: dir + "/s", MasterKey: dir + "/m", Clock: clocktest.New(start)})
	if err != nil {
		b.Fatal(err)
	}
	data := content(1, 32<<20)
	b.SetBytes(int64(len(data)))
	var stored int64
	for b.Loop() {
		w, err := s.Create(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			b.Fatal(err)
		}
		stored = w.at
		if err := w.Abort(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data))/float64(stored), "ratio")
}

func BenchmarkReadOneLine(b *testing.B) {
	dir := b.TempDir()
	if err := GenerateMaster(dir + "/m"); err != nil {
		b.Fatal(err)
	}
	s, err := Open(Config{Dir: dir + "/s", MasterKey: dir + "/m", Clock: clocktest.New(start)})
	if err != nil {
		b.Fatal(err)
	}
	ref, err := s.PutBytes(context.Background(), content(1, 32<<20))
	if err != nil {
		b.Fatal(err)
	}
	line := make([]byte, 60)
	for i := 0; b.Loop(); i++ {
		r, err := s.Open(context.Background(), ref)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.ReadAt(line, int64(i*7919*100)%(32<<20-60)); err != nil && !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
