package rsit_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"almenara.example/rsit"
)

func TestThePublishedTaxonomyIsTheOneCompiledIn(t *testing.T) {
	data := os.Getenv("ALMENARA_TESTDATA")
	if data == "" {
		t.Skip("ALMENARA_TESTDATA is empty: the published taxonomy is not there to compare with")
	}
	text, err := os.ReadFile(filepath.Join(data, "rsit", "rsit-v1003.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Version json.Number
		Values  []struct {
			Predicate string
			Entry     []struct{ Value string }
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var want []rsit.Class
	for _, v := range file.Values {
		c := rsit.Class{Name: v.Predicate}
		for _, e := range v.Entry {
			c.Types = append(c.Types, e.Value)
		}
		want = append(want, c)
	}
	if diff := cmp.Diff(want, rsit.Classes()); diff != "" {
		t.Errorf("(-published +got)\n%s", diff)
	}
	if file.Version.String() != rsit.Version {
		t.Errorf("version: got %s, want %s", rsit.Version, file.Version)
	}
}

func TestEveryPairHasATagThatReadsBack(t *testing.T) {
	types := 0
	for _, c := range rsit.Classes() {
		for _, typ := range c.Types {
			types++
			tag, err := rsit.Tag(c.Name, rsit.ToIDF(typ))
			if err != nil {
				t.Fatal(err)
			}
			class, got, err := rsit.ParseTag(tag)
			if err != nil || class != c.Name || got != typ {
				t.Errorf("tag %s: got %s, %s, %v, want %s, %s", tag, class, got, err, c.Name, typ)
			}
			if rsit.ClassOf(typ) != c.Name || !rsit.Valid(c.Name, typ) || !rsit.ValidClass(c.Name) {
				t.Errorf("%s of %s is not found again", typ, c.Name)
			}
		}
	}
	if types != 39 || len(rsit.Classes()) != 11 {
		t.Errorf("got %d classes and %d types, want 11 and 39", len(rsit.Classes()), types)
	}
}

func TestWhatIsNotInTheTaxonomyIsRefused(t *testing.T) {
	for _, pair := range [][2]string{{"", ""}, {"vulnerable", "spam"}, {"fraud", "unauthorized-use-of-resources"}, {"other", "blacklist"}, {"x", "other"}} {
		if rsit.Valid(pair[0], pair[1]) {
			t.Errorf("Valid(%q): got true, want false", pair)
		}
	}
	for _, tag := range []string{"", "rsit:", `rsit:other="x"`, `rsit:other="other`, `RSIT:other="other"`} {
		if _, _, err := rsit.ParseTag(tag); err == nil {
			t.Errorf("ParseTag(%q): got no error, want one", tag)
		}
	}
	if got := rsit.FromIDF("unauthorized-use-of-resources"); got != "unauthorised-use-of-resources" {
		t.Errorf("IDF spelling: got %q", got)
	}
}
