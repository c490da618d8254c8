package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"almenara.example/internal/foundation/fault"
)

func TestOutsideTextIsClippedForMessages(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"water.example", "water.example"},
		{"", ""},
		{"a\r\nBcc: b\x00\x7f\u0085", "a··Bcc: b···"},
		{"a\xff\xfeb", "a·b"},
		{strings.Repeat("é", 80), strings.Repeat("é", 80)},
		{strings.Repeat("é", 81), strings.Repeat("é", 80) + "…"},
		{strings.Repeat("a", 1<<20), strings.Repeat("a", 80) + "…"},
	} {
		if got := fault.Clip(c.in); got != c.want {
			t.Errorf("%.20q: got %q, want %q", c.in, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "in"))
		if got := fault.Clip(in); !utf8.ValidString(got) || utf8.RuneCountInString(got) > 81 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("got %q from %q", got, in)
		}
	})
}

func TestAnErrorThatIsNoFaultSaysNothingOutside(t *testing.T) {
	plain := errors.New("dial tcp 10.0.0.1: refused")
	if f := fault.Of(plain); f.Code != fault.Internal || f.Key != "fault.internal" || !errors.Is(f, plain) {
		t.Errorf("got %+v, want an internal fault that holds the error as detail", f)
	}
	inner := fault.New(fault.NotFound, "watch.raw.none", nil)
	if f := fault.Of(fmt.Errorf("read: %w", inner)); f != inner {
		t.Errorf("got %+v, want the fault inside", f)
	}
	if got := fault.CodeOf(nil); got != "" {
		t.Errorf("got %q for no error, want nothing", got)
	}
}
