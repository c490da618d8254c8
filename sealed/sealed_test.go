package sealed_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"almenara.example/sealed"
)

func sample() (sealed.Manifest, []sealed.File) {
	return sealed.Manifest{
		Purpose: "bench", Number: "ALM-0000-0000", Version: 1, Title: "Water works", From: "CSIRT Atalaya", To: "Court of Atalaya",
		Made: time.Date(2026, 11, 21, 3, 10, 0, 0, time.UTC), Marking: "TLP:AMBER",
		Entries: []sealed.Entry{{
			Ref: "1", Version: 1, Kind: "note", Owner: "Water", Marking: "TLP:AMBER", At: time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC), Text: "the pump stopped",
			Basis: "consent", Consent: &sealed.Consent{By: "Plant", At: time.Date(2026, 11, 21, 3, 5, 0, 0, time.UTC), Strength: "portal"}, Files: []string{sealed.Place(0)},
		}},
	}, []sealed.File{{Name: "pump.log", Type: "text/plain", Body: []byte("03:00 stop\n")}}
}

func packed(t testing.TB) []byte {
	t.Helper()
	body, err := sealed.Pack(sample())
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestAPackageReadsBackAsItWasWritten(t *testing.T) {
	m, files := sample()
	got, err := sealed.Open(bytes.NewReader(packed(t)))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m.Entries, got.Entries); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
	if len(got.Files) != 1 || !bytes.Equal(got.Files[0].Body, files[0].Body) || got.Files[0].Name != "pump.log" {
		t.Errorf("got files %v, want the one that was packed", got.Files)
	}
	if !bytes.Equal(packed(t), packed(t)) {
		t.Error("the same package was written in two ways")
	}
}

func TestASealedPackageOpensWithTheRightKeyOnly(t *testing.T) {
	right, wrong := identity(t), identity(t)
	body, err := sealed.Seal(packed(t), right.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(body, []byte("pump")) {
		t.Error("a word of the package stands in the sealed bytes")
	}
	if _, err := sealed.Open(bytes.NewReader(body), right); err != nil {
		t.Errorf("with the right key: %v", err)
	}
	for _, none := range [][]age.Identity{nil, {wrong}} {
		if _, err := sealed.Open(bytes.NewReader(body), none...); !errors.Is(err, sealed.ErrLocked) {
			t.Errorf("with %d wrong keys: got %v, want %v", len(none), err, sealed.ErrLocked)
		}
	}
	body[len(body)-1] ^= 1
	if _, err := sealed.Open(bytes.NewReader(body), right); !errors.Is(err, sealed.ErrDamaged) {
		t.Errorf("changed: got %v, want %v", err, sealed.ErrDamaged)
	}
}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestASignatureIsOfTheseBytesByThisKey(t *testing.T) {
	secret, verifier, err := note.GenerateKey(nil, "desk.atalaya.example")
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := note.GenerateKey(nil, "desk.atalaya.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	body := packed(t)
	signature, err := sealed.Sign(body, signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := sealed.Verify(body, signature, verifier); err != nil {
		t.Errorf("the right key: %v", err)
	}
	if err := sealed.Verify(body, signature, other); !errors.Is(err, sealed.ErrSignature) {
		t.Errorf("another key: got %v, want %v", err, sealed.ErrSignature)
	}
	if err := sealed.Verify(append(body, 0), signature, verifier); !errors.Is(err, sealed.ErrSignature) {
		t.Errorf("other bytes: got %v, want %v", err, sealed.ErrSignature)
	}
}

func TestWhatIsMissingChangedOrTooMuchIsRefused(t *testing.T) {
	body := packed(t)
	for name, change := range map[string]func([]byte) []byte{
		"a file is changed":    func(b []byte) []byte { return bytes.Replace(b, []byte("03:00 stop"), []byte("04:00 stop"), 1) },
		"the end is cut off":   func(b []byte) []byte { return b[:bytes.Index(b, []byte("03:00 stop"))] },
		"another member":       func(b []byte) []byte { return bytes.Replace(b, []byte("files/0001"), []byte("files/0002"), 1) },
		"an unknown member":    func(b []byte) []byte { return bytes.Replace(b, []byte(`"title"`), []byte(`"titel"`), 1) },
		"another format":       func(b []byte) []byte { return bytes.Replace(b, []byte("package/1"), []byte("package/9"), 1) },
		"no package":           func([]byte) []byte { return []byte("hello") },
		"no seal after a head": func([]byte) []byte { return []byte("age-encryption.org/v1\n") },
	} {
		if _, err := sealed.Open(bytes.NewReader(change(bytes.Clone(body))), identity(t)); err == nil {
			t.Errorf("%s: it was opened", name)
		} else if strings.Contains(err.Error(), "pump") {
			t.Errorf("%s: the error quotes the package: %v", name, err)
		}
	}
	m, files := sample()
	m.Entries[0].Files = []string{"files/0009"}
	if _, err := sealed.Pack(m, files); err == nil {
		t.Error("an entry names a file that is not there, and it was packed")
	}
	if _, err := sealed.Seal(body, "age1nonsense"); err == nil {
		t.Error("it was sealed to nonsense")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(packed(f))
	f.Add([]byte("age-encryption.org/v1\n-> X25519 AAAA\n"))
	f.Add([]byte("manifest.json"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := sealed.Open(bytes.NewReader(body))
		if err == nil && m.Format != sealed.Format {
			t.Errorf("a manifest of format %q was accepted", m.Format)
		}
	})
}
