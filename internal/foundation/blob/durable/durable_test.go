package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"almenara.example/internal/foundation/blob/durable"
	"almenara.example/internal/foundation/blob/durable/durabletest"
)

func TestAFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	for _, loss := range []durabletest.Loss{durabletest.Lost, durabletest.Kept, durabletest.Torn} {
		for n := 1; ; n++ {
			disk := durabletest.New(uint64(n))
			if err := durable.MkdirAll(disk, "/a/b", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := durable.WriteFile(disk, "/a/b/file", []byte("before"), 0o600); err != nil {
				t.Fatal(err)
			}
			disk.CutAt(n)
			err := durable.WriteFile(disk, "/a/b/file", []byte("after, longer"), 0o600)
			disk.Restart(loss)
			got, readErr := durable.ReadFile(disk, "/a/b/file", 100)
			if readErr != nil || string(got) != "after, longer" && (err == nil || string(got) != "before") {
				t.Errorf("loss %d, cut %d: got %q, %v after %v", loss, n, got, readErr, err)
			}
			if err == nil {
				break
			}
		}
	}
}

func TestFoldersSurvive(t *testing.T) {
	disk := durabletest.New(1)
	if err := durable.MkdirAll(disk, "/a/b/c", 0o700); err != nil {
		t.Fatal(err)
	}
	disk.Restart(durabletest.Lost)
	if st, err := disk.Stat("/a/b/c"); err != nil || !st.IsDir() {
		t.Errorf("got %v, want a folder", err)
	}
}

func TestTheMachinesFileSystem(t *testing.T) {
	var disk durable.OS
	dir := filepath.Join(t.TempDir(), "x", "y")
	if err := durable.MkdirAll(disk, dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "file")
	for _, want := range []string{"one", "two"} {
		if err := durable.WriteFile(disk, name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.ReadFile(disk, name, 3); err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := durable.ReadFile(disk, name, 2); err == nil {
		t.Error("a file over the limit was read")
	}
	if err := durable.MkdirAll(disk, filepath.Join(name, "z"), 0o700); err == nil {
		t.Error("a folder was made inside a file")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v, want the one file and no rest", entries, err)
	}
	if _, err := durable.ReadFile(disk, name+"x", 2); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want not exist", err)
	}
}

func TestALockIsHeldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := durable.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Lock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("got %v, want locked", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := durable.Lock(path)
	if err != nil {
		t.Fatalf("after unlocking: %v", err)
	}
	if err := again(); err != nil {
		t.Fatal(err)
	}
}
