package constituency_test

import (
	"testing"

	"almenara.example/internal/constituency"
)

func TestNamesAreComparedWithoutCaseAndAccents(t *testing.T) {
	for in, want := range map[string]string{
		"Éclair": "eclair", "E\u0301CLAIR": "eclair", "Energía del Sur": "energia del sur", "WATER": "water", "Ærø": "ærø", "": "",
	} {
		if got := constituency.Fold(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
