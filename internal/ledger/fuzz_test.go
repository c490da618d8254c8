package ledger

import (
	"strings"
	"testing"
)

func FuzzTilePath(f *testing.F) {
	for _, s := range []string{"tile/0/000", "tile/0/x001/234.p/7", "tile/entries/x001/x234/067", "tile/../high", "tile/7/999.p/255", "tile/6/999", "tile/0/x999/x999/x999/x999/x999/999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		x, ok := parseTilePath(path)
		if !ok {
			return
		}
		if x.path() != path || strings.Contains(path, "..") || x.end() < 1 {
			t.Errorf("%q is read as %+v, which is %q", path, x, x.path())
		}
	})
}

func FuzzCheckpointAndProof(f *testing.F) {
	f.Add("a.example/log\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	f.Add(proofMagic + "\nindex 0\n\na\n1\n\n\n— a b\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := parseText(s); err == nil && !strings.HasPrefix(s, strings.TrimSuffix(c.text(), "\n")) {
			t.Errorf("%q is read as %q", s, c.text())
		}
		if _, _, err := CheckProof([]byte(s), [32]byte{}, "no key"); err == nil {
			t.Error("a proof passes without a key")
		}
	})
}

// FuzzVerifyRow holds that the quick comparison of a row never accepts what the
// full one refuses.
func FuzzVerifyRow(f *testing.F) {
	f.Add("person-1", "finding:1", "x.y", `{"order":5}`, int64(1), int64(7))
	f.Add("a\"b", "é", "x", `{"subject":"s","time":7}`, int64(2), int64(8))
	f.Fuzz(func(t *testing.T, actor, subject, verb, detail string, order, time int64) {
		b, err := encode(Entry{Order: 1, Time: 7, Actor: "person-1", Verb: "x.y", Subject: "finding:1", Detail: []byte(detail)})
		if err != nil {
			return
		}
		row := entryRow{ord: order, time: time, actor: []byte(actor), verb: []byte(verb), subject: []byte(subject), body: b}
		same := time == 7 && actor == "person-1" && subject == "finding:1" && verb == "x.y"
		if row.plainly() && !same {
			t.Errorf("%q %q %q %d passes for %s", actor, subject, verb, time, b)
		}
	})
}
