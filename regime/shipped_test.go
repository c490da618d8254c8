package regime_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

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

const criterion = `
[[criterion]]
id = "disruption"
label = { en = "Is a service disrupted?" }
citation = "art. 1(2)"
`

func TestAFileSaysByWhatAnIncidentIsWeighed(t *testing.T) {
	r, err := regime.Parse(strings.NewReader(good + criterion))
	if err != nil {
		t.Fatal(err)
	}
	want := []regime.Criterion{{ID: "disruption", Label: regime.Text{"en": "Is a service disrupted?"}, Citation: "art. 1(2)"}}
	if diff := cmp.Diff(want, r.Criteria); diff != "" {
		t.Errorf("the criteria (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{criterion + criterion, strings.Replace(criterion, "citation", "cites", 1)} {
		if _, err := regime.Parse(strings.NewReader(good + wrong)); err == nil {
			t.Errorf("this is taken, want it refused:%s", wrong)
		}
	}
	for _, one := range []string{"nis2", "dora", "gdpr", "cer"} {
		shipped, err := regime.Shipped()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(shipped, func(r regime.Regime) bool { return r.ID == one })
		if i < 0 || len(shipped[i].Criteria) == 0 {
			t.Errorf("%s says nothing of what makes an incident significant", one)
		}
	}
}
