package id

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"almenara.example/internal/foundation/clock/clocktest"
)

func TestNumberIsAPermutation(t *testing.T) {
	n := NewNumbers("ALM", "finding", []byte("key"))
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Uint64Range(0, 1<<40-1).Draw(t, "v")
		s := n.Format(v)
		got, err := n.Parse(s)
		if err != nil || got != v {
			t.Fatalf("Parse(%q) = %d, %v, want %d", s, got, err, v)
		}
	})
}

func TestNumberOfAnotherKindDiffers(t *testing.T) {
	a, b := NewNumbers("ALM", "finding", []byte("key")), NewNumbers("ALM", "notice", []byte("key"))
	if a.Format(1) == b.Format(1) {
		t.Fatalf("finding 1 and notice 1 are both %s", a.Format(1))
	}
}

func TestNumberForgivesHowPeopleType(t *testing.T) {
	n := NewNumbers("ALM", "finding", []byte("key"))
	want := n.Format(7)
	for _, s := range []string{want, "[" + want + "]", " " + want, want[4:], want[4:8] + want[9:]} {
		if got, err := n.Parse(s); err != nil || got != 7 {
			t.Errorf("Parse(%q) = %d, %v, want 7", s, got, err)
		}
	}
	if _, err := n.Parse("ALM-UUUU-0000"); err == nil {
		t.Errorf("a letter outside the alphabet was accepted")
	}
}

func TestSeededIDsRepeat(t *testing.T) {
	mk := func() string {
		s := NewSource(clocktest.New(time.Unix(1700000000, 0)), rand.NewChaCha8([32]byte{1}))
		v, err := s.New()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if a, b := mk(), mk(); a != b || a[14] != '7' {
		t.Fatalf("got %s and %s, want the same UUIDv7", a, b)
	}
}
