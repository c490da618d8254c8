package regime_test

import (
	"errors"
	"testing"
	"testing/fstest"

	"almenara.example/regime"
)

func TestAWrongFileOfAFolderDoesNotHoldTheOthersUp(t *testing.T) {
	shipped, err := regime.ShippedFiles()
	if err != nil || len(shipped) == 0 {
		t.Fatalf("got %d shipped files, %v", len(shipped), err)
	}
	files, err := regime.Files(fstest.MapFS{
		"a.toml": {Data: []byte(`id = "A"`)}, "b.toml": {Data: shipped[0].Text}, "notes.txt": {Data: []byte("x")},
		"c.toml": {Data: make([]byte, 1<<20)},
	})
	if err != nil || len(files) != 3 {
		t.Fatalf("got %d files, %v; want 3", len(files), err)
	}
	var bad regime.Problems
	if !errors.As(files[0].Err, &bad) || files[1].Err != nil || files[1].Regime.ID != shipped[0].Regime.ID || files[2].Err == nil {
		t.Errorf("got %v, %v, %v; want problems, none, too large", files[0].Err, files[1].Err, files[2].Err)
	}
}
