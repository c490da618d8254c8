package tlp_test

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"almenara.example/tlp"
)

func TestParseReadsEveryUsualSpelling(t *testing.T) {
	for text, want := range map[string]tlp.Marking{
		"":                     tlp.Unmarked,
		"  ":                   tlp.Unmarked,
		"TLP:CLEAR":            tlp.Clear,
		"tlp:white":            tlp.Clear,
		"white":                tlp.Clear,
		"Green":                tlp.Green,
		"TLP: amber":           tlp.Amber,
		"TLP:AMBER+STRICT":     tlp.AmberStrict,
		"amber-strict":         tlp.AmberStrict,
		"Tlp : Amber + Strict": tlp.AmberStrict,
		"amber_strict":         tlp.AmberStrict,
		" RED\n":               tlp.Red,
	} {
		got, err := tlp.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q): got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestAnUnknownMarkingIsRedAndAnError(t *testing.T) {
	for _, text := range []string{"TLP", "TLP:", "tlp:amber+", "AMBERSTRICT", "AMBER+STRICTER", "orange", "clear;red", "EX:CHR", "TLPCLEAR"} {
		got, err := tlp.Parse(text)
		if got != tlp.Red || !errors.Is(err, tlp.ErrUnknown) {
			t.Errorf("Parse(%q): got %v, %v, want TLP:RED and ErrUnknown", text, got, err)
		}
	}
}

func TestTextAndNumberComeBackUnchanged(t *testing.T) {
	for _, m := range append(tlp.All(), tlp.Unmarked) {
		data, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := tlp.Red
		if err := json.Unmarshal(data, &got); err != nil || got != m {
			t.Errorf("through %s: got %v, %v, want %v", data, got, err, m)
		}
	}
	if _, err := tlp.Marking(9).MarshalText(); err == nil {
		t.Error("marking 9: got no error, want one")
	}
	if got := tlp.Marking(9).String(); got != "TLP:RED" {
		t.Errorf("marking 9 as text: got %q, want TLP:RED", got)
	}
}

func TestStrictestIsNeverLaxerThanEitherPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := tlp.Marking(rapid.IntRange(0, 5).Draw(t, "a"))
		b := tlp.Marking(rapid.IntRange(0, 5).Draw(t, "b"))
		got := tlp.Strictest(a, b)
		if got < a || got < b || (got != a && got != b) {
			t.Fatalf("Strictest(%v, %v): got %v", a, b, got)
		}
		if got != tlp.Strictest(b, a) {
			t.Fatalf("Strictest(%v, %v) depends on the order", a, b)
		}
	})
}

func TestUnmarkedIsNeverAtMostAnything(t *testing.T) {
	if tlp.Unmarked.AtMost(tlp.Red) {
		t.Error("unmarked at most red: got true, want false")
	}
	if !tlp.Amber.AtMost(tlp.AmberStrict) || tlp.Red.AtMost(tlp.Amber) {
		t.Error("the order of strictness is broken")
	}
}
